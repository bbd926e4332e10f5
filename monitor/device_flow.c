/*
 * device_flow.c - bytes into the device, and how the device is meanwhile.
 *
 *	write() said	and so
 *	EAGAIN		wait until poll() is content; where it always is, and
 *			wrongly, wait longer and longer
 *	ENOSPC		paper is out: wait
 *	ENXIO		offline: wait
 *	EIO		wait if the printer says what is wrong; else gone
 *	ENODEV, ...	gone
 *
 * Waiting is no failure, however long: the host decides when it is too long.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <linux/lp.h>

#include "device.h"

/* While the device takes nothing, see this often how it is. */
#define LOOK_MS		1000
/* A serial line is held back in the course of its work, but not for so long. */
#define HELD_MS		5000
/* Waits where poll() is no help, doubling. */
#define PAUSE_MIN_MS	5
#define PAUSE_MAX_MS	500
/* ... and between two looks at what has not left yet. */
#define DRAIN_MAX_MS	100

static int64_t
now_ms(const struct pp_port *port)
{
	return port->host->clock_ms(port->host->cookie);
}

/*
 * ---- Status ----------------------------------------------------------------
 */

/* To the port's status, once; again, if nobody heard it. */
static void
say(struct pp_port *port, enum pp_port_status status,
    enum pp_severity severity, const char *text)
{
	struct pp_port_info_3 info = { status, severity, text };

	if (!port->open || (port->status == status &&
	    port->severity == severity && !port->unsaid))
		return;
	port->status = status;
	port->severity = severity;
	port->unsaid = port->host->set_port_status(port->host->cookie,
	    port->name, &info) != PP_OK;
}

static void warn(struct pp_port *port, enum pp_port_status status,
    enum pp_severity severity, const char *fmt, ...) PP_PRINTF(4, 5);

static void
warn(struct pp_port *port, enum pp_port_status status,
    enum pp_severity severity, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	say(port, status, severity, text);
}

/*
 * A failed open or document is always logged, because the log's last word is
 * what people see as the reason.  What passes by itself, when another program
 * ends, must not keep the next job from trying.
 */
int
device_trouble(struct pp_port *port, int code, enum pp_port_status status,
    const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (!port->quiet)
		port->host->log(port->host->cookie, PP_LOG_ERROR, "%s", text);
	say(port, status, code == PP_BUSY ? PP_SEVERITY_WARNING :
	    PP_SEVERITY_ERROR, text);
	return code;
}

int
device_failed(struct pp_port *port, int code, const char *what)
{
	switch (code) {
	case -ENOENT:
		return device_trouble(port, -ENODEV, PP_STATUS_OFFLINE,
		    "%s is not there: the printer is unplugged or switched "
		    "off, or the path is wrong", port->title);
	case -ENODEV:
		return device_trouble(port, code, PP_STATUS_OFFLINE,
		    "%s is unplugged or switched off: plug it in and switch "
		    "it on", port->title);
	case -ENXIO:
		return device_trouble(port, code, PP_STATUS_OFFLINE,
		    "%s is offline, no printer answers there: switch it on",
		    port->title);
	case -EACCES:
	case -EPERM:
		return device_trouble(port, code, PP_STATUS_USER_INTERVENTION,
		    "%s %s: uid %u may not: it needs the group of the node "
		    "(lp, dialout) and, under systemd, DeviceAllow=", what,
		    port->title, (unsigned int)geteuid());
	default:
		return device_trouble(port, code, PP_STATUS_USER_INTERVENTION,
		    "%s %s: %s", what, port->title, strerror(-code));
	}
}

void
device_all_well(struct pp_port *port)
{
	say(port, PP_STATUS_CLEAR, PP_SEVERITY_NONE, NULL);
}

/* The bits that a printer's status wires have; false: it has none to read. */
static bool
read_wires(const struct pp_port *port, int *bits)
{
	*bits = 0;
	return port->ask_status && port->kind != DEVICE_LINE &&
	    ioctl(port->fd, LPGETSTATUS, bits) == 0;
}

static bool
name_by_wires(struct pp_port *port)
{
	int bits;

	if (!read_wires(port, &bits))
		return false;
	if (bits & LP_POUTPA)
		warn(port, PP_STATUS_PAPER_OUT, PP_SEVERITY_ERROR, "%s is out "
		    "of paper: put some in, and it goes on by itself",
		    port->title);
	else if (!(bits & LP_PSELECD))
		warn(port, PP_STATUS_OFFLINE, PP_SEVERITY_ERROR, "%s is "
		    "offline: press its online key, close its cover",
		    port->title);
	else if (!(bits & LP_PERRORP))
		warn(port, PP_STATUS_USER_INTERVENTION, PP_SEVERITY_ERROR,
		    "%s reports an error: see what its panel says",
		    port->title);
	else
		return false;
	return true;
}

static bool
name_by_error(struct pp_port *port)
{
	if (port->stall_error == ENOSPC)
		warn(port, PP_STATUS_PAPER_OUT, PP_SEVERITY_ERROR, "%s is out "
		    "of paper: put some in, and it goes on by itself",
		    port->title);
	else if (port->stall_error == ENXIO)
		warn(port, PP_STATUS_OFFLINE, PP_SEVERITY_ERROR, "%s is "
		    "offline: switch it on, press its online key",
		    port->title);
	else
		return false;
	return true;
}

static bool
name_by_line(struct pp_port *port, int64_t stalled_for_ms)
{
	if (port->kind != DEVICE_LINE ||
	    port->line.flow != DEVICE_FLOW_RTSCTS ||
	    stalled_for_ms < HELD_MS || !device_tty_held(port->fd))
		return false;
	warn(port, PP_STATUS_OFFLINE, PP_SEVERITY_ERROR, "%s is not ready "
	    "(CTS is down): look for paper, an open cover, the cable",
	    port->title);
	return true;
}

/* XOFF and XON are heard only while there is room for what comes in. */
static void
hear_out(const struct pp_port *port)
{
	if (port->kind == DEVICE_LINE && !port->read)
		device_tty_drop_input(port->fd);
}

void
device_look(struct pp_port *port)
{
	int64_t now = now_ms(port);
	int64_t stalled_for = port->stalled_ms == 0 ? 0 :
	    now - port->stalled_ms;

	port->looked_ms = now;
	hear_out(port);
	port->named = name_by_wires(port) || name_by_error(port) ||
	    name_by_line(port, stalled_for);
	if (port->named)
		return;
	if (stalled_for >= port->timeout_ms && port->stalled_ms != 0)
		warn(port, PP_STATUS_USER_INTERVENTION, PP_SEVERITY_WARNING,
		    "%s takes no data and does not say why: look for paper, "
		    "an open cover, the cable", port->title);
	else
		device_all_well(port);
}

static void
look_now_and_then(struct pp_port *port)
{
	if (now_ms(port) - port->looked_ms >= LOOK_MS)
		device_look(port);
}

/*
 * ---- Waiting ---------------------------------------------------------------
 */

static int
shorter(int64_t a, int b)
{
	return a < b ? (int)a : b;
}

/* Wait, in the host's hands, so that a cancel is heard. */
static int
rest(struct pp_port *port, int ms)
{
	int rc = port->host->wait_fd(port->host->cookie, -1, 0, ms);

	return rc == PP_TIMEOUT || rc > 0 ? PP_OK : rc;
}

/* The device took something. */
static void
went_on(struct pp_port *port)
{
	port->stalled_ms = 0;
	port->stall_error = 0;
	port->pause_ms = 0;
	port->named = false;
	device_all_well(port);
}

/* It did not; 0 if that may pass. */
static int
stall(struct pp_port *port, int error)
{
	if (port->stalled_ms == 0) {
		port->stalled_ms = now_ms(port);
		port->looked_ms = 0;
	}
	port->stall_error = error;
	if (error == EAGAIN || error == ENOSPC || error == ENXIO)
		return PP_OK;
	/* Of a parallel port it means no more than offline. */
	if (error == EIO && port->kind == DEVICE_PARALLEL)
		return PP_OK;
	if (error == EIO) {
		device_look(port);
		if (port->named)
			return PP_OK;
	}
	return device_failed(port, error == EIO && device_is_gone(port) ?
	    -ENODEV : -error, "cannot write to");
}

/*
 * Until it is worth another try.  A poll() that says so and is wrong is not
 * asked again before the device has taken something.
 */
static int
await(struct pp_port *port, int64_t deadline_ms)
{
	const struct pp_host *host = port->host;
	int64_t left = deadline_ms - now_ms(port);
	int rc;

	look_now_and_then(port);
	if (left <= 0) {
		device_look(port);
		return PP_TIMEOUT;
	}
	if (port->stall_error == EAGAIN && port->pause_ms == 0) {
		rc = host->wait_fd(host->cookie, port->fd, PP_WAIT_WRITE,
		    shorter(left, LOOK_MS));
		port->pause_ms = rc == PP_TIMEOUT ? 0 : PAUSE_MIN_MS;
		return rc == PP_TIMEOUT || rc > 0 ? PP_OK : rc;
	}
	if (port->pause_ms < PAUSE_MIN_MS)
		port->pause_ms = PAUSE_MIN_MS;
	rc = rest(port, shorter(left, port->pause_ms));
	port->pause_ms = shorter((int64_t)port->pause_ms * 2, PAUSE_MAX_MS);
	return rc;
}

int
device_put(struct pp_port *port, const void *buf, size_t len, size_t *written)
{
	int64_t deadline = now_ms(port) + port->timeout_ms;
	ssize_t n;
	int rc;

	*written = 0;
	hear_out(port);
	while (*written < len) {
		n = write(port->fd, (const char *)buf + *written,
		    len - *written);
		if (n > 0) {
			*written += (size_t)n;
			went_on(port);
			continue;
		}
		if (n == -1 && errno == EINTR)
			continue;
		rc = stall(port, n == 0 ? EAGAIN : errno);
		if (rc != PP_OK)
			return rc;
		if (*written > 0)
			break;			/* waiting is the next call's */
		rc = await(port, deadline);
		if (rc != PP_OK)
			return rc;
	}
	return PP_OK;
}

/*
 * ---- The end of a document -------------------------------------------------
 */

/* Of a USB printer's driver: poll() is content when it has nothing left. */
static int
pending(const struct pp_port *port)
{
	struct pollfd fd = { .fd = port->fd, .events = POLLOUT };
	int bits;

	if (port->kind == DEVICE_LINE)
		return device_tty_pending(port->fd);
	if (poll(&fd, 1, 0) == 0)
		return 1;
	return port->kind == DEVICE_PARALLEL && read_wires(port, &bits) &&
	    !(bits & LP_PBUSY);
}

/*
 * The printer was silent for long enough.  A parallel one has all bytes then,
 * and is just slow; others have not, and closing the device would lose them.
 */
static int
give_up(struct pp_port *port)
{
	if (port->kind == DEVICE_PARALLEL) {
		port->host->log(port->host->cookie, PP_LOG_WARNING,
		    "%s is still busy; it has the whole document",
		    port->title);
		return PP_OK;
	}
	return device_trouble(port, PP_TIMEOUT, PP_STATUS_USER_INTERVENTION,
	    "%s did not take the end of the document in time: look for paper, "
	    "an open cover, the cable", port->title);
}

/*
 * As long as a write may wait, and as patient: what the printer itself names
 * as its trouble costs no time.
 */
static int
drain_step(struct pp_port *port, int n, int *least, int64_t *since_ms)
{
	int limit = port->kind == DEVICE_PARALLEL ? port->timeout_ms :
	    port->stall_ms;

	if (n < *least) {
		went_on(port);
		port->stalled_ms = *since_ms = now_ms(port);
		*least = n;
	}
	look_now_and_then(port);
	if (port->named)
		*since_ms = now_ms(port);
	return limit != 0 && now_ms(port) - *since_ms >= limit;
}

int
device_drain(struct pp_port *port)
{
	int least = INT_MAX, wait = PAUSE_MIN_MS, rc, n;
	int64_t since = 0;

	for (;;) {
		if (device_is_gone(port))
			return device_failed(port, -ENODEV, "cannot end");
		n = pending(port);
		if (n <= 0)
			break;
		if (drain_step(port, n, &least, &since))
			return give_up(port);
		rc = rest(port, wait);
		if (rc != PP_OK)
			return rc;
		wait = shorter((int64_t)wait * 2, DRAIN_MAX_MS);
	}
	if (n < 0)
		return device_failed(port, n, "cannot end");
	went_on(port);
	return PP_OK;
}

/* Closing it makes the driver forget. */
void
device_abandon(struct pp_port *port)
{
	if (port->fd == -1)
		return;
	if (port->kind == DEVICE_LINE)
		device_tty_drop_output(port->fd);
	device_close(port);
}
