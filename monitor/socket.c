/*
 * socket.c - a port monitor for printers in the network: RAW, TCP port 9100.
 *
 *	start_doc_port	connect
 *	write_port ...	send; "nothing taken" is a wait, as for paper
 *	read_port	what the printer says meanwhile
 *	end_doc_port	half-close, wait until the printer has all, hang up
 *
 * A document that failed or was canceled ends with a reset, so that no printer
 * takes it for a whole one.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor_util.h"
#include "socket.h"
#include "socket_snmp.h"
#include "socket_status.h"
#include "socket_tls.h"
#include "socket_xcv.h"

/* While a printer prints what it has, its counter is read this often. */
#define PAGE_WAIT_MS	500
/* No job has so many pages. */
#define PAGES_MAX	1000000u

struct pp_monitor {
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*ports;		/* open ones, owned */
};

static const struct pp_monitor2 socket_monitor;

/* ---- status -------------------------------------------------------------- */

/* Say it if it is new; what was not heard is said again. */
static void
say(struct pp_port *port, const struct pp_port_info_3 *info)
{
	const struct pp_host *host = port->host;

	if (info->status == port->said.status &&
	    info->severity == port->said.severity)
		return;
	if (host->set_port_status(host->cookie, port->name, info) == PP_OK)
		port->said = *info;
}

/* What the printer reports goes first if it explains why it takes nothing. */
static void
report(struct pp_port *port)
{
	static const struct pp_port_info_3 waits = {
	    PP_STATUS_USER_INTERVENTION, PP_SEVERITY_WARNING,
	    "the printer takes no data: out of paper, paused, busy?" };

	say(port, port->stuck && port->printer.severity != PP_SEVERITY_ERROR ?
	    &waits : &port->printer);
}

void
socket_stuck(struct pp_port *port, int64_t since_ms)
{
	port->stuck = port->host->clock_ms(port->host->cookie) - since_ms >=
	    port->timeout_ms;
	report(port);
}

void
socket_moving(struct pp_port *port)
{
	port->waiting_ms = 0;
	port->stuck = false;
	report(port);
}

/* ---- what the printer reports -------------------------------------------- */

/* A host of before does not have these. */
static bool
host_has_pages(const struct pp_host *host)
{
	return host->size >= offsetof(struct pp_host, set_port_supplies) +
	    sizeof(host->set_port_supplies) && host->job_pages != NULL &&
	    host->set_port_supplies != NULL;
}

static void
pass_on(struct pp_port *port)
{
	const struct socket_report *news = socket_snmp_report(port->snmp);
	const struct pp_host *host = port->host;
	struct pp_supply supplies[PP_SUPPLIES_MAX];
	size_t i;

	port->printer = socket_status_of(news);
	report(port);
	if (!host_has_pages(host))
		return;
	for (i = 0; i < news->n_supplies; i++)
		supplies[i] = (struct pp_supply){ news->supplies[i].name,
		    news->supplies[i].percent };
	(void)host->set_port_supplies(host->cookie, port->name, supplies,
	    (uint32_t)news->n_supplies);
}

void
socket_look_after(struct pp_port *port, uint32_t *again_ms)
{
	*again_ms = 0;
	if (port->snmp != NULL && socket_snmp_poll(port->snmp, again_ms))
		pass_on(port);
}

static void
count_before(struct pp_port *port)
{
	struct sockaddr_storage peer;
	socklen_t len = sizeof(peer);
	uint32_t again_ms;

	port->counted = false;
	if (port->snmp == NULL)
		return;
	if (getpeername(port->fd, (struct sockaddr *)&peer, &len) == 0)
		socket_snmp_aim(port->snmp, (struct sockaddr *)&peer, len);
	port->counted = socket_snmp_count(port->snmp);
	port->pages_before = socket_snmp_report(port->snmp)->pages;
	socket_look_after(port, &again_ms);
}

static bool
is_printing(const struct socket_report *report)
{
	return report->printer == SOCKET_PRINTER_PRINTING ||
	    report->printer == SOCKET_PRINTER_WARMUP;
}

/* A counter that did not go on counting was set back. */
static void
count_after(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	int64_t end_ms = host->clock_ms(host->cookie) +
	    port->set.snmp_page_wait_ms;
	bool counted = true;
	uint32_t pages;

	if (!port->counted || !host_has_pages(host))
		return;
	while (counted && (counted = socket_snmp_count(port->snmp)) &&
	    is_printing(socket_snmp_report(port->snmp)) &&
	    host->clock_ms(host->cookie) < end_ms)
		if (host->wait_fd(host->cookie, -1, PP_WAIT_READ,
		    PAGE_WAIT_MS) == PP_CANCELED)
			break;
	pages = socket_snmp_report(port->snmp)->pages - port->pages_before;
	if (counted && pages < PAGES_MAX)
		(void)host->job_pages(host->cookie, port->job, pages);
}

/* ---- ports --------------------------------------------------------------- */

static int
socket_enum_ports(struct pp_monitor *monitor, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	return pp_util_enum_ports(monitor->host, &socket_monitor,
	    PP_PORT_TYPE_WRITE | PP_PORT_TYPE_READ |
	    PP_PORT_TYPE_NET_ATTACHED, level, buf, size, needed, count);
}

static void
port_free(struct pp_port *port)
{
	if (port == NULL)
		return;
	socket_snmp_free(port->snmp);
	socket_tls_free(port->tls);
	socket_settings_free(&port->set);
	free(port->heard);
	free(port->place);
	free(port);
}

/* "printer:9100", as people write it. */
static int
name_place(struct pp_port *port)
{
	bool colons = strchr(port->set.host, ':') != NULL;

	if (asprintf(&port->place, "%s%s%s:%d", colons ? "[" : "",
	    port->set.host, colons ? "]" : "", port->set.port) == -1) {
		port->place = NULL;
		return PP_NO_MEMORY;
	}
	return PP_OK;
}

/* A port whose settings are good, not connected. */
static int
port_new(struct pp_monitor *monitor, const char *name, struct pp_port **out)
{
	struct pp_port *port;
	int rc;

	*out = NULL;
	if (!pp_util_has_port(monitor->host, name))
		return PP_NOT_FOUND;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return PP_NO_MEMORY;
	port->monitor = monitor;
	port->host = monitor->host;
	port->fd = -1;
	memcpy(port->name, name, strlen(name) + 1);
	rc = socket_settings_read(port->host, name, &port->set);
	if (rc == PP_OK)
		rc = socket_settings_judge(port->host, &port->set);
	if (rc == PP_OK)
		rc = name_place(port);
	if (rc == PP_OK && port->set.tls)
		rc = socket_tls_new(port->host, &port->set, &port->tls);
	if (rc == PP_OK && port->set.snmp) {
		port->snmp = socket_snmp_new(port->host, &port->set);
		rc = port->snmp != NULL ? PP_OK : PP_NO_MEMORY;
	}
	if (rc != PP_OK) {
		port_free(port);
		return rc;
	}
	*out = port;
	return PP_OK;
}

/* Also for PortIsValid: all but the printer itself. */
static int
socket_check_port(struct pp_monitor *monitor, const char *name)
{
	struct pp_port *port;
	int rc = port_new(monitor, name, &port);

	port_free(port);
	return rc;
}

static int
socket_open_port(struct pp_monitor *monitor, const char *name,
    struct pp_port **out)
{
	struct pp_port *port;
	int rc;

	*out = NULL;
	for (port = monitor->ports; port != NULL; port = port->next)
		if (strcmp(port->name, name) == 0)
			return PP_BUSY;
	rc = port_new(monitor, name, &port);
	if (rc != PP_OK)
		return rc;
	port->next = monitor->ports;
	monitor->ports = port;
	*out = port;
	return PP_OK;
}

static int
socket_close_port(struct pp_port *port)
{
	struct pp_port **link = &port->monitor->ports;

	if (port->in_document)
		socket_abort(port);
	else
		socket_close(port);
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	port_free(port);
	return PP_OK;
}

static int
socket_set_port_timeouts(struct pp_port *port,
    const struct pp_timeouts *timeouts)
{
	if (timeouts->size < sizeof(*timeouts) ||
	    timeouts->connect_ms > INT32_MAX || timeouts->write_ms > INT32_MAX)
		return PP_INVALID_PARAMETER;
	port->asked = *timeouts;
	return PP_OK;
}

static int
socket_service_port(struct pp_port *port, uint32_t *again_ms)
{
	socket_look_after(port, again_ms);
	return PP_OK;
}

/* ---- documents ----------------------------------------------------------- */

static int
socket_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	int rc = PP_OK;

	(void)queue;
	if (level != 1)
		return PP_INVALID_LEVEL;
	if (doc_info == NULL)
		return PP_INVALID_PARAMETER;
	if (port->in_document)
		return PP_BUSY;
	port->timeout_ms = port->asked.write_ms != 0 ?
	    (int)port->asked.write_ms : port->set.write_timeout_ms;
	if (!socket_alive(port)) {
		socket_close(port);
		rc = socket_connect(port);
	}
	if (rc != PP_OK)
		return rc;
	count_before(port);
	port->in_document = true;
	port->job = job;
	port->sent = 0;
	port->heard_len = 0;
	port->error = PP_OK;
	return PP_OK;
}

/*
 * Wait until the printer takes more.  A printer may want to be heard before it
 * does; so what it says ends the wait too, and the host reads it then.
 */
static int
await_room(struct pp_port *port, uint32_t want)
{
	const struct pp_host *host = port->host;
	uint32_t events = want | (port->ended ? 0 : PP_WAIT_READ);
	int64_t now = host->clock_ms(host->cookie);
	int64_t left, end = now + port->timeout_ms;
	uint32_t again_ms;
	int rc;

	if (port->waiting_ms == 0)
		port->waiting_ms = now;
	do {
		socket_look_after(port, &again_ms);
		now = host->clock_ms(host->cookie);
		left = end > now ? end - now : 0;
		rc = host->wait_fd(host->cookie, port->fd, events,
		    again_ms != 0 && again_ms < left ? (int)again_ms :
		    (int)left);
	} while (rc == PP_TIMEOUT && host->clock_ms(host->cookie) < end);
	if (rc == PP_TIMEOUT)
		socket_stuck(port, port->waiting_ms);
	return rc;
}

/*
 * What every write ends with.  A failed one spoils the document, unless it is
 * followed by one that goes on from there.
 */
static int
wrote(struct pp_port *port, int rc, uint64_t written)
{
	port->sent += written;
	if (written > 0) {
		port->error = PP_OK;
		socket_moving(port);
	}
	if (rc == PP_CANCELED)
		port->error = rc;
	return rc;
}

static int
socket_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	uint32_t want = PP_WAIT_WRITE;
	bool waited = false;
	ssize_t n;
	int rc;

	*written = 0;
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	if (port->broken != 0)
		return socket_lost(port, port->broken);
	while (*written < len) {
		n = socket_send(port, (const char *)buf + *written,
		    len - *written, &want);
		if (n >= 0) {
			*written += (size_t)n;
			continue;
		}
		if (n != -EAGAIN) {
			(void)wrote(port, PP_OK, *written);
			return socket_lost(port, (int)n);
		}
		/* One wait; what comes after is for the next call. */
		if (waited || *written > 0)
			break;
		rc = await_room(port, want);
		if (rc < 0)
			return wrote(port, rc, 0);
		waited = true;
	}
	return wrote(port, PP_OK, *written);
}

/*
 * Without a copy.  transfer() waits for no more than this module would; the
 * waiting is done here, for what the printer says as well.
 */
static int
socket_write_port_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	const struct pp_host *host = port->host;
	int rc = PP_OK;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	if (port->tls != NULL)
		return PP_NOT_SUPPORTED;
	if (port->broken != 0)
		return socket_lost(port, port->broken);
	if (port->full) {
		rc = await_room(port, PP_WAIT_WRITE);
		if (rc < 0)
			return wrote(port, rc, 0);
		if (((uint32_t)rc & PP_WAIT_WRITE) == 0)
			return PP_OK;
	}
	rc = host->transfer(host->cookie, fd, port->fd, max, 0, moved);
	port->full = rc == PP_TIMEOUT || (rc == PP_OK &&
	    moved->source == PP_SOURCE_MORE && moved->written < max);
	(void)wrote(port, rc, moved->written);
	if (rc == PP_OK || rc == PP_CANCELED)
		return rc;
	return rc == PP_TIMEOUT ? PP_OK : socket_lost(port, rc);
}

/* The printer's words; those of its end, or of a kept connection, later too. */
static int
socket_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	ssize_t n;

	*len = socket_heard(port, buf, size);
	if (*len > 0)
		return PP_OK;
	if (port->fd == -1)
		return PP_INVALID_HANDLE;
	if (port->ended)
		return PP_END_OF_DATA;
	n = socket_receive(port, buf, size);
	if (n > 0)
		*len = (size_t)n;
	if (n > 0 || n == -EAGAIN)
		return PP_OK;
	port->ended = true;
	if (n < 0)
		port->broken = (int)n;	/* the next write says so */
	return PP_END_OF_DATA;
}

static bool
is_deleted(const struct pp_port *port)
{
	return (port->host->job_flags(port->host->cookie, port->job) &
	    PP_JOB_DELETING) != 0;
}

static int
socket_end_doc_port(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	bool deleted;
	int rc;

	if (!port->in_document)
		return PP_OK;
	deleted = is_deleted(port);
	rc = port->error;
	if (!deleted && rc == PP_OK)
		rc = socket_finish(port);
	port->in_document = false;
	if (deleted || rc != PP_OK)
		socket_abort(port);
	else if (!port->set.keep_connection)
		socket_close(port);
	socket_moving(port);
	if (deleted)
		return PP_OK;
	if (rc == PP_OK)
		count_after(port);
	/* The printer has it, whether or not anybody hears of it. */
	if (rc == PP_OK)
		(void)host->job_event(host->cookie, port->job, PP_JOB_SENT);
	return rc;
}

/* ---- management ---------------------------------------------------------- */

/* Where a relative path will start is not known yet. */
static bool
has_places(const struct socket_settings *set)
{
	const char *paths[] = { set->tls_ca, set->tls_certificate,
	    set->tls_key };
	size_t i;

	for (i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		if (paths[i] != NULL && paths[i][0] != '/')
			return false;
	return true;
}

/* For AddPort and ConfigPort. */
static int
check_settings(struct pp_monitor *monitor, const struct pp_setting *settings,
    size_t count)
{
	struct socket_tls *tls = NULL;
	struct socket_settings set;
	int rc;

	rc = socket_settings_take(settings, count, &set);
	if (rc != PP_OK)
		return rc;
	rc = socket_settings_judge(monitor->host, &set);
	if (rc == PP_OK && set.tls && has_places(&set))
		rc = socket_tls_new(monitor->host, &set, &tls);
	socket_tls_free(tls);
	socket_settings_free(&set);
	return rc;
}

static int
socket_xcv_open_port(struct pp_monitor *monitor, const char *object,
    uint32_t access, struct pp_xcv **out)
{
	static const struct pp_util_hooks hooks = {
		.check = check_settings,
		.try_port = socket_check_port,
	};

	return pp_util_xcv_open(monitor->host, &socket_monitor, &hooks,
	    monitor, object, access, out);
}

static int
socket_xcv_data_port(struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	return socket_xcv_data(xcv, name, in, in_len, out, out_size, needed);
}

static int
socket_xcv_close_port(struct pp_xcv *xcv)
{
	return pp_util_xcv_close(xcv);
}

static void
socket_shutdown(struct pp_monitor *monitor)
{
	free(monitor);
}

static const struct pp_monitor2 socket_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.name			= "socket",
	.summary		= "Prints to TCP port 9100 of a printer (RAW)",
	.kinds			= PP_PORT_MONITOR,
	.needs			= PP_NEEDS_NETWORK | PP_NEEDS_FILES,
	.settings		= socket_decls,
	.enum_ports		= socket_enum_ports,
	.open_port		= socket_open_port,
	.start_doc_port		= socket_start_doc_port,
	.write_port		= socket_write_port,
	.read_port		= socket_read_port,
	.end_doc_port		= socket_end_doc_port,
	.close_port		= socket_close_port,
	.xcv_open_port		= socket_xcv_open_port,
	.xcv_data_port		= socket_xcv_data_port,
	.xcv_close_port		= socket_xcv_close_port,
	.set_port_timeouts	= socket_set_port_timeouts,
	.shutdown		= socket_shutdown,
	.write_port_from_fd	= socket_write_port_from_fd,
	.service_port		= socket_service_port,
	.check_port		= socket_check_port,
};

const struct pp_monitor2 *
pp_initialize_print_monitor2(const struct pp_host *host,
    struct pp_monitor **monitor, int *error)
{
	*monitor = calloc(1, sizeof(**monitor));
	if (*monitor == NULL) {
		*error = PP_NO_MEMORY;
		return NULL;
	}
	(*monitor)->host = host;
	*error = PP_OK;
	return &socket_monitor;
}
