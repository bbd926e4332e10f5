/*
 * lpr_talk.c - what goes over the connection to a server.
 *
 *	connect -> "02 queue" -> [control] -> "03 length name" -> data -> NUL
 *	        -> last answer, or [control] and its last answer
 *
 * Each step is answered with an octet.  0 is "go on"; else the server refuses,
 * and may say why in a line behind the octet: 1 is not now, 2 is no room, 3 is
 * never this job, which is what LPRng made of them and printportd says too.
 *
 * A job is in when its last answer has come.  What is broken off before that
 * ends with a reset, which no server takes for an end.
 */
#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "lpr.h"
#include "monitor_util.h"

/* A server that refuses gets this long to say why. */
#define WHY_MS		1000
#define WHY_LEN		200

#define FILE_CHUNK	(1 << 20)

/* A server that vanished is noticed after two minutes. */
#define KEEPALIVE_IDLE_S	60
#define KEEPALIVE_EVERY_S	15
#define KEEPALIVE_TIMES		4

/* What is being said when something goes wrong. */
enum step {
	STEP_QUEUE,
	STEP_CONTROL,
	STEP_DATA_NAME,
	STEP_DATA,
	STEP_LAST,
};

#define ALL_OF_IT	"the job, of which it had everything: it may have " \
			"printed it all the same"

static const char *const steps[] = {
	[STEP_QUEUE] = "the job",
	[STEP_CONTROL] = "the control file",
	[STEP_DATA_NAME] = "the data file",
	[STEP_DATA] = "the data",
	[STEP_LAST] = ALL_OF_IT,
};

int
lpr_fail(struct pp_port *port, int code, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	port->host->log(port->host->cookie, PP_LOG_ERROR, "%s@%s:%d: %s",
	    port->set.queue, port->set.host, port->set.port, text);
	port->failed = code;
	return code;
}

/* ---- answers ------------------------------------------------------------ */

/* What the server says behind its octet, or instead of one. */
static void
read_why(struct pp_port *port, char *why, size_t size)
{
	const struct pp_host *host = port->host;
	int64_t until = host->clock_ms(host->cookie) + WHY_MS, left;
	size_t len = strlen(why);
	char c;

	while (len + 1 < size) {
		if (recv(port->fd, &c, 1, MSG_DONTWAIT) == 1) {
			if (c == '\n' && len > 0)
				return;
			why[len++] = (unsigned char)c < ' ' || c == 0x7f ?
			    ' ' : c;
			why[len] = '\0';
			continue;
		}
		if (errno != EAGAIN && errno != EINTR)
			return;
		left = until - host->clock_ms(host->cookie);
		if (left <= 0 || host->wait_fd(host->cookie, port->fd,
		    PP_WAIT_READ, (int)left) <= 0)
			return;
	}
}

/*
 * The server has refused.  What it will never take is held; what it does not
 * want behind the name of the queue may be for what it is, and counts as an
 * attempt; all else is the server's trouble.
 */
static int
refused(struct pp_port *port, enum step step, unsigned char octet)
{
	static const char *const words[] = { "", " (1, not now)",
		" (2, no room)", " (3, not this job)" };
	char why[WHY_LEN] = "", number[32] = "";
	int code = octet == 2 ? -EAGAIN : octet == 3 ? PP_HOLD_JOB :
	    step == STEP_QUEUE ? -EREMOTEIO : PP_INVALID_DATA;

	if (octet >= ' ' && octet < 0x7f)
		why[0] = (char)octet;
	else if (octet > 3)
		snprintf(number, sizeof(number), " (%u)", octet);
	read_why(port, why, sizeof(why));
	return lpr_fail(port, code, "the server refuses %s%s%s%s%s",
	    step == STEP_LAST ? "the job" : steps[step],
	    octet <= 3 ? words[octet] : number,
	    why[0] != '\0' ? ": " : "", why,
	    octet == 1 || octet > 3 ? "; see that it has this queue, and "
	    "that we may print there" : "");
}

static int
hung_up(struct pp_port *port, enum step step, int error)
{
	return lpr_fail(port, error != 0 ? -error : -ECONNRESET,
	    "the server hung up without an answer to %s%s%s%s", steps[step],
	    error != 0 ? " (" : "", error != 0 ? strerror(error) : "",
	    error != 0 ? ")" : "");
}

/* PP_OK, with the octet; PP_END_OF_DATA: it ended in good order instead. */
static int
read_octet(struct pp_port *port, int timeout_ms, unsigned char *octet)
{
	const struct pp_host *host = port->host;
	ssize_t n;
	int rc;

	for (;;) {
		rc = host->wait_fd(host->cookie, port->fd, PP_WAIT_READ,
		    timeout_ms);
		if (rc < 0)
			return rc;
		n = recv(port->fd, octet, 1, MSG_DONTWAIT);
		if (n == 1)
			return PP_OK;
		if (n == 0)
			return PP_END_OF_DATA;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
}

static int
await_ack(struct pp_port *port, enum step step, int timeout_ms)
{
	unsigned char octet = 0;
	int rc = read_octet(port, timeout_ms, &octet);

	if (rc == PP_CANCELED)
		return rc;
	if (rc == PP_TIMEOUT)
		return lpr_fail(port, -ETIME, "no answer within %s = %d s to "
		    "%s", step == STEP_DATA || step == STEP_LAST ?
		    "ack_timeout" : "control_timeout", timeout_ms / 1000,
		    steps[step]);
	if (rc != PP_OK)
		return hung_up(port, step, rc == PP_END_OF_DATA ? 0 : -rc);
	return octet == 0 ? PP_OK : refused(port, step, octet);
}

/*
 * Whether the server has refused, or is gone, while it gets data: it need not
 * wait for the end of it.  A zero is an answer that will be looked for later.
 */
static int
look_for_refusal(struct pp_port *port)
{
	unsigned char octet = 0;
	ssize_t n = recv(port->fd, &octet, 1, MSG_PEEK | MSG_DONTWAIT);

	if (n == 0)
		return hung_up(port, STEP_DATA, 0);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? PP_OK :
		    hung_up(port, STEP_DATA, errno);
	if (octet == 0)
		return PP_OK;
	(void)recv(port->fd, &octet, 1, MSG_DONTWAIT);
	return refused(port, STEP_DATA, octet);
}

/* ---- connecting --------------------------------------------------------- */

static void
set_options(int fd)
{
	static const struct {
		int	level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EVERY_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_TIMES },
		{ IPPROTO_TCP, TCP_NODELAY, 1 },
	};
	size_t i;

	/* It works without them, too. */
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
		    &options[i].value, sizeof(options[i].value));
}

static int
bind_to(int fd, int family, in_port_t number)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
	    .sin6_port = htons(number), .sin6_addr = IN6ADDR_ANY_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET,
	    .sin_port = htons(number) };
	int on = 1;

	/* One that rests after a connection to elsewhere is free for this. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return family == AF_INET6 ?
	    bind(fd, (const struct sockaddr *)&six, sizeof(six)) :
	    bind(fd, (const struct sockaddr *)&four, sizeof(four));
}

/*
 * A connection to a port of this machine on which nobody listens may come out
 * at the very socket that it was made from.
 */
static bool
met_itself(int fd, const struct lpr_peer *peer)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);

	memset(&own, 0, sizeof(own));
	return getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
	    len == peer->len && memcmp(&own, &peer->address, len) == 0;
}

static int
await_connection(struct pp_port *port, int fd)
{
	const struct pp_host *host = port->host;
	socklen_t len = sizeof(int);
	int rc, error = 0;

	rc = host->wait_fd(host->cookie, fd, PP_WAIT_WRITE,
	    port->set.connect_timeout_ms);
	if (rc < 0)
		return rc;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return -errno;
	return -error;
}

/* From a port of ours, unless that is 0. */
static int
connect_from(struct pp_port *port, const struct lpr_peer *peer,
    in_port_t number)
{
	int fd, rc = PP_OK;

	fd = socket(peer->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	set_options(fd);
	if (number != 0 && bind_to(fd, peer->address.ss_family, number) == -1)
		rc = errno == EACCES ? PP_ACCESS_DENIED : -EADDRINUSE;
	else if (connect(fd, (const struct sockaddr *)&peer->address,
	    peer->len) == -1)
		rc = errno == EINPROGRESS ? await_connection(port, fd) :
		    -errno;
	if (rc == PP_OK && met_itself(fd, peer))
		rc = -ECONNREFUSED;
	if (rc != PP_OK)
		close(fd);
	else
		port->fd = fd;
	return rc;
}

/* Each job begins at another one, as the last one's may still rest. */
static int
connect_peer(struct pp_port *port, const struct lpr_peer *peer)
{
	bool rfc = port->set.reserve == LPR_RESERVE_RFC1179;
	unsigned int first = rfc ? 721 : 512, n = rfc ? 11 : 512, i;
	unsigned int start = (unsigned int)(port->job % n);
	int rc = -EADDRINUSE;

	if (port->set.reserve == LPR_RESERVE_NONE)
		return connect_from(port, peer, 0);
	for (i = 0; i < n && (rc == -EADDRINUSE || rc == -EADDRNOTAVAIL); i++)
		rc = connect_from(port, peer,
		    (in_port_t)(first + (start + i) % n));
	return rc;
}

static const char *
advice(const struct pp_port *port, int code)
{
	switch (code) {
	case PP_ACCESS_DENIED:
		return "ports below 1024 are not for us: give the daemon "
		    "CAP_NET_BIND_SERVICE, or set reserve = none";
	case -EADDRINUSE:
	case -EADDRNOTAVAIL:
		return port->set.reserve == LPR_RESERVE_NONE ?
		    "this machine has no port left" :
		    "all ports that reserve allows are in use";
	case -ECONNREFUSED:
		return "does a print server run there, is the port right?";
	case -ENETUNREACH:
		return "is there a way to its network?";
	default:
		return "is it switched on, is the address right?";
	}
}

static int
connect_server(struct pp_port *port)
{
	char address[NI_MAXHOST] = "?";
	size_t i;
	int rc;

	rc = lpr_resolve(port);
	if (rc != PP_OK)
		return rc;
	rc = -EHOSTUNREACH;
	for (i = 0; i < port->n_peers; i++) {
		rc = connect_peer(port, &port->peers[i]);
		if (rc == PP_OK || rc == PP_CANCELED)
			return rc;
	}
	if (i > 0 && getnameinfo((struct sockaddr *)&port->peers[i - 1].address,
	    port->peers[i - 1].len, address, sizeof(address), NULL, 0,
	    NI_NUMERICHOST) != 0)
		strcpy(address, "?");
	port->n_peers = 0;		/* maybe it is elsewhere now */
	if (rc == PP_TIMEOUT)
		rc = -ETIME;
	return lpr_fail(port, rc, "no connection to %s: %s; %s", address,
	    rc == -ETIME ? "no answer within connect_timeout" :
	    strerror(-rc), advice(port, rc));
}

/* ---- saying ------------------------------------------------------------- */

static int
say_bytes(struct pp_port *port, enum step step, const void *bytes, size_t len)
{
	const struct pp_host *host = port->host;
	const char *at = bytes;
	ssize_t n;
	int rc;

	while (len > 0) {
		n = send(port->fd, at, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n > 0) {
			at += n;
			len -= (size_t)n;
			continue;
		}
		if (errno != EAGAIN && errno != EINTR) {
			rc = errno;
			(void)look_for_refusal(port);
			return port->failed != 0 ? port->failed :
			    hung_up(port, step, rc);
		}
		rc = host->wait_fd(host->cookie, port->fd, PP_WAIT_WRITE,
		    port->set.control_timeout_ms);
		if (rc == PP_TIMEOUT)
			return lpr_fail(port, -ETIME, "the server took "
			    "nothing of %s within control_timeout",
			    steps[step]);
		if (rc < 0)
			return rc;
	}
	return PP_OK;
}

static int say(struct pp_port *port, enum step step, const char *fmt, ...)
    PP_PRINTF(3, 4);

/* A line, which is answered. */
static int
say(struct pp_port *port, enum step step, const char *fmt, ...)
{
	char line[1100];
	va_list ap;
	int len, rc;

	va_start(ap, fmt);
	len = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (len < 0 || (size_t)len >= sizeof(line))
		return lpr_fail(port, PP_INVALID_PARAMETER,
		    "queue = %.40s... is too long", port->set.queue);
	rc = say_bytes(port, step, line, (size_t)len);
	return rc != PP_OK ? rc :
	    await_ack(port, step, port->set.control_timeout_ms);
}

static int
say_control(struct pp_port *port, enum step last, int timeout_ms)
{
	const struct lpr_control *control = &port->control;
	int rc;

	if ((rc = say(port, STEP_CONTROL, "\2%zu %s\n", control->len,
	    control->control)) != PP_OK ||
	    (rc = say_bytes(port, STEP_CONTROL, control->text,
	    control->len)) != PP_OK ||
	    (rc = say_bytes(port, STEP_CONTROL, "", 1)) != PP_OK)
		return rc;
	return await_ack(port, last, timeout_ms);
}

int
lpr_begin(struct pp_port *port, int64_t length)
{
	int rc;

	port->length = port->set.stream ? -1 : length;
	port->sent = 0;
	if ((rc = connect_server(port)) == PP_OK &&
	    (rc = say(port, STEP_QUEUE, "\2%s\n", port->set.queue)) == PP_OK &&
	    !port->set.data_first)
		rc = say_control(port, STEP_CONTROL,
		    port->set.control_timeout_ms);
	if (rc == PP_OK)
		rc = say(port, STEP_DATA_NAME, "\3%" PRId64 " %s\n",
		    port->set.stream ? port->set.stream_length : length,
		    port->control.data);
	if (rc != PP_OK)
		lpr_break_off(port);
	return rc;
}

/* ---- data --------------------------------------------------------------- */

int
lpr_write_timeout(const struct pp_port *port)
{
	return port->asked_ms != 0 ? port->asked_ms :
	    port->set.write_timeout_ms;
}

static int
too_many(struct pp_port *port)
{
	return lpr_fail(port, PP_INVALID_DATA, "there are more bytes than the "
	    "%" PRId64 " that the job should have; if a language monitor "
	    "adds some, set spool = always", port->length);
}

static int
data_failed(struct pp_port *port, int code)
{
	if (code == PP_TIMEOUT || code == PP_CANCELED)
		return code;
	(void)look_for_refusal(port);
	return port->failed != 0 ? port->failed :
	    hung_up(port, STEP_DATA, -code);
}

int
lpr_write(struct pp_port *port, const void *buf, size_t len, size_t *written)
{
	const struct pp_host *host = port->host;
	bool waited = false;
	ssize_t n;
	int rc;

	if (port->length >= 0 && (int64_t)len > port->length - port->sent)
		return too_many(port);
	for (;;) {
		rc = look_for_refusal(port);
		if (rc != PP_OK)
			return rc;
		n = send(port->fd, buf, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0)
			break;
		if (errno != EAGAIN && errno != EINTR)
			return data_failed(port, -errno);
		if (waited)
			return PP_OK;
		rc = host->wait_fd(host->cookie, port->fd, PP_WAIT_WRITE,
		    lpr_write_timeout(port));
		if (rc < 0)
			return rc;
		waited = true;
	}
	*written = (size_t)n;
	port->sent += n;
	return PP_OK;
}

/* All is sent that was announced: there must be nothing left. */
static int
expect_end(struct pp_port *port, int fd, struct pp_moved *moved)
{
	const struct pp_host *host = port->host;
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC), rc;

	if (null == -1)
		return lpr_fail(port, -errno, "cannot open /dev/null: %s",
		    strerror(errno));
	rc = host->transfer(host->cookie, fd, null, 1, 0, moved);
	close(null);
	if (moved->written == 0)
		return rc;
	moved->written = 0;
	return too_many(port);
}

int
lpr_write_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	const struct pp_host *host = port->host;
	int64_t left = port->length - port->sent;
	int rc = look_for_refusal(port);

	if (rc != PP_OK)
		return rc;
	if (port->length >= 0 && left == 0)
		return expect_end(port, fd, moved);
	if (port->length >= 0 && max > (uint64_t)left)
		max = (uint64_t)left;
	rc = host->transfer(host->cookie, fd, port->fd, max,
	    lpr_write_timeout(port), moved);
	port->sent += (int64_t)moved->written;
	return rc == PP_OK ? PP_OK : data_failed(port, rc);
}

/* The server takes nothing now: wait, but not for ever. */
static int
wait_for_room(struct pp_port *port, int64_t since_ms)
{
	const struct pp_host *host = port->host;
	int rc = look_for_refusal(port);

	if (rc == PP_OK)
		rc = host->wait_fd(host->cookie, port->fd, PP_WAIT_WRITE,
		    lpr_write_timeout(port));
	if (rc > 0)
		return PP_OK;
	if (rc == PP_TIMEOUT && port->set.stall_timeout_ms != 0 &&
	    host->clock_ms(host->cookie) - since_ms >=
	    port->set.stall_timeout_ms)
		return lpr_fail(port, -ETIME,
		    "the server took nothing for stall_timeout");
	return rc == PP_TIMEOUT ? PP_OK : rc;
}

int
lpr_write_file(struct pp_port *port, int fd, int64_t length)
{
	const struct pp_host *host = port->host;
	int64_t since = host->clock_ms(host->cookie);
	off_t at = 0;
	ssize_t n;
	int rc;

	while (port->sent < length) {
		n = sendfile(port->fd, fd, &at, FILE_CHUNK);
		if (n > 0) {
			port->sent += n;
			since = host->clock_ms(host->cookie);
			continue;
		}
		if (n == 0)
			return lpr_fail(port, -EIO, "the document in %s lost "
			    "its end", port->set.directory);
		if (errno != EAGAIN && errno != EINTR)
			return data_failed(port, -errno);
		rc = wait_for_room(port, since);
		if (rc != PP_OK)
			return rc;
	}
	return PP_OK;
}

/* ---- the end ------------------------------------------------------------ */

/*
 * Without a length the end of our side is the end of the data, and servers
 * differ in whether they answer that.
 */
static int
end_stream(struct pp_port *port)
{
	unsigned char octet = 0;
	int rc;

	if (shutdown(port->fd, SHUT_WR) == -1)
		return hung_up(port, STEP_LAST, errno);
	rc = read_octet(port, port->set.ack_timeout_ms, &octet);
	if (rc == PP_OK)
		return octet == 0 ? PP_OK : refused(port, STEP_LAST, octet);
	if (rc == PP_CANCELED || rc == PP_END_OF_DATA)
		return rc == PP_CANCELED ? rc : PP_OK;
	if (rc != PP_TIMEOUT)
		return hung_up(port, STEP_LAST, -rc);
	port->host->log(port->host->cookie, PP_LOG_WARNING, "%s@%s:%d: the "
	    "server has not hung up within ack_timeout; the job was sent",
	    port->set.queue, port->set.host, port->set.port);
	return PP_OK;
}

int
lpr_end(struct pp_port *port)
{
	bool data_first = port->set.data_first;
	int rc;

	if (port->set.stream)
		return end_stream(port);
	if (port->sent < port->length)
		return lpr_fail(port, -EIO, "there are %" PRId64 " bytes less "
		    "than the %" PRId64 " that the job should have",
		    port->length - port->sent, port->length);
	rc = say_bytes(port, STEP_DATA, "", 1);
	if (rc == PP_OK)
		rc = await_ack(port, data_first ? STEP_DATA : STEP_LAST,
		    port->set.ack_timeout_ms);
	if (rc == PP_OK && data_first)
		rc = say_control(port, STEP_LAST, port->set.ack_timeout_ms);
	return rc;
}

void
lpr_break_off(struct pp_port *port)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	if (port->fd == -1)
		return;
	(void)setsockopt(port->fd, SOL_SOCKET, SO_LINGER, &at_once,
	    sizeof(at_once));
	lpr_hang_up(port);
}

void
lpr_hang_up(struct pp_port *port)
{
	if (port->fd != -1)
		close(port->fd);
	port->fd = -1;
}
