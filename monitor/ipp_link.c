/*
 * ipp_link.c - one connection to a printer, with libcups' HTTP on it.
 *
 *	open -> ready -> begin -> write ... -> finish -> answer -> ready
 *	                   +----- no document ------------^
 *
 * libcups blocks, and its calls know neither the host's cancel nor its signs
 * of life.  So nothing is asked of it before wait_fd() has said that the
 * socket is ready, and writes are small enough for a socket that is.  Where
 * it has to wait all the same, for the rest of a line, it comes to
 * on_silence() each second.  Two waits are its own and are only bounded: that
 * for a connection (CONNECT_SLICE_MS) and each of a TLS handshake (10 s).
 */
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "ipp.h"

#define CONNECT_SLICE_MS	1000
/* libcups allows no less for a handshake, unless it brings its own. */
#define HANDSHAKE_S		10.0
#define SILENCE_S		1.0

/* A socket that can be written to takes so much without a wait. */
#define PIECE_LEN		8192

/* A printer that has vanished is known by this, even when it owes an answer. */
#define KEEPALIVE_IDLE_S	30
#define KEEPALIVE_EACH_S	10
#define KEEPALIVE_COUNT		3

/*
 * ---- Waiting ---------------------------------------------------------------
 */

/*
 * As wait_fd.  A document that is canceled cannot wait there any more; what is
 * still to be said of it waits here, and is bounded by its caller.
 */
static int
await(struct ipp_link *link, uint32_t events, int ms)
{
	const struct pp_host *host = link->port->host;
	struct pollfd fd = { .fd = httpGetFd(link->http) };
	int n;

	if (!link->port->hasty)
		return host->wait_fd(host->cookie, fd.fd, events, ms);
	fd.events = (short)((events & PP_WAIT_READ ? POLLIN : 0) |
	    (events & PP_WAIT_WRITE ? POLLOUT : 0));
	n = poll(&fd, 1, ms);
	if (n <= 0)
		return n == 0 ? PP_TIMEOUT : -errno;
	return (int)events;
}

/* libcups has waited in vain: 1 to go on, 0 to give up. */
static int
on_silence(http_t *http, void *arg)
{
	struct ipp_link *link = arg;
	struct pp_port *port = link->port;

	(void)http;
	if (!port->hasty && ipp_pause(port, 0) != PP_OK)
		return 0;
	return !link->peeking && ipp_clock_ms(port) < link->deadline_ms;
}

static int
left_ms(const struct ipp_link *link)
{
	int64_t left = link->deadline_ms - ipp_clock_ms(link->port);

	return left < 0 ? 0 : left > INT32_MAX ? INT32_MAX : (int)left;
}

/*
 * Something went wrong on the connection: why, in words.  It is of no more
 * use.
 */
static int
broken(struct ipp_link *link, const char *doing)
{
	struct pp_port *port = link->port;
	int error = httpError(link->http);

	ipp_link_close(link);
	if (!port->hasty && ipp_pause(port, 0) == PP_CANCELED)
		return PP_CANCELED;
	if (error == 0)
		error = EPIPE;
	return ipp_fault(port, error == ETIMEDOUT || error == EAGAIN ? -EIO :
	    -error, "%s: the connection broke while %s: %s", port->uri, doing,
	    strerror(error));
}

/*
 * ---- Connecting ------------------------------------------------------------
 */

static void
keep_alive(int fd)
{
	static const struct {
		int	level, name, value;
	} options[] = {
		{ SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, KEEPALIVE_IDLE_S },
		{ IPPROTO_TCP, TCP_KEEPINTVL, KEEPALIVE_EACH_S },
		{ IPPROTO_TCP, TCP_KEEPCNT, KEEPALIVE_COUNT },
	};
	size_t i;

	/* Worth having, and no reason to fail. */
	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		(void)setsockopt(fd, options[i].level, options[i].name,
		    &options[i].value, sizeof(options[i].value));
}

/*
 * A slice that was used up may be followed by another; what ended before that
 * was refused.
 */
static int
connect_in_slices(struct ipp_link *link)
{
	struct pp_port *port = link->port;
	int64_t begun;

	do {
		begun = ipp_clock_ms(port);
		if (httpReconnect2(link->http, CONNECT_SLICE_MS, NULL) == 0)
			return PP_OK;
		if (!port->hasty && ipp_pause(port, 0) != PP_OK)
			return PP_CANCELED;
	} while (ipp_clock_ms(port) - begun >= CONNECT_SLICE_MS / 2 &&
	    left_ms(link) > 0);
	return ipp_fault(port, -EHOSTUNREACH, "%s: no connection: %s; is the "
	    "printer on, and uri right?", port->uri, cupsLastErrorString());
}

int
ipp_link_open(struct ipp_link *link, struct pp_port *port, int ms)
{
	int rc;

	*link = (struct ipp_link){ .port = port };
	link->deadline_ms = ipp_clock_ms(port) + ms;
	link->http = httpConnect2(port->address, port->number, NULL, AF_UNSPEC,
	    port->secure ? HTTP_ENCRYPTION_ALWAYS : HTTP_ENCRYPTION_NEVER, 1,
	    0, NULL);
	if (link->http == NULL)
		return ipp_fault(port, -EHOSTUNREACH, "%s: the name %s is not "
		    "found; correct uri, or the name service", port->uri,
		    port->address);
	httpSetTimeout(link->http, port->secure ? HANDSHAKE_S : SILENCE_S,
	    on_silence, link);
	rc = connect_in_slices(link);
	if (rc == PP_OK && port->secure)
		rc = ipp_tls_check(port, link->http);
	if (rc != PP_OK) {
		ipp_link_close(link);
		return rc;
	}
	httpSetTimeout(link->http, SILENCE_S, on_silence, link);
	keep_alive(httpGetFd(link->http));
	return PP_OK;
}

void
ipp_link_close(struct ipp_link *link)
{
	if (link->http != NULL)
		httpClose(link->http);
	link->http = NULL;
	link->chunked = false;
}

bool
ipp_link_ready(const struct ipp_link *link)
{
	struct pollfd fd = { .events = POLLIN };

	if (link->http == NULL || link->chunked ||
	    httpGetState(link->http) != HTTP_STATE_WAITING)
		return false;
	fd.fd = httpGetFd(link->http);
	return poll(&fd, 1, 0) == 0;
}

/*
 * ---- A request -------------------------------------------------------------
 */

int
ipp_link_begin(struct ipp_link *link, ipp_t *request, bool document)
{
	struct pp_port *port = link->port;
	ipp_state_t state;

	link->deadline_ms = ipp_clock_ms(port) + port->answer_ms;
	link->chunked = document;
	link->status = HTTP_STATUS_CONTINUE;
	httpClearFields(link->http);
	httpSetField(link->http, HTTP_FIELD_CONTENT_TYPE, "application/ipp");
	httpSetLength(link->http, document ? 0 : ippLength(request));
	if (httpPost(link->http, port->resource) != 0)
		return broken(link, "a request was sent");
	do {
		state = ippWrite(link->http, request);
	} while (state != IPP_STATE_DATA && state != IPP_STATE_ERROR);
	if (state == IPP_STATE_ERROR || httpFlushWrite(link->http) < 0)
		return broken(link, "a request was sent");
	return PP_OK;
}

/*
 * Something has come in the middle of a document: an answer, or a matter of
 * TLS alone, which is done when nothing else follows.
 */
static int
heard(struct ipp_link *link)
{
	http_status_t status;

	link->peeking = true;
	status = httpUpdate(link->http);
	link->peeking = false;
	if (status == HTTP_STATUS_CONTINUE)
		return PP_OK;
	if (status == HTTP_STATUS_ERROR && link->port->secure &&
	    (httpError(link->http) == EAGAIN ||
	    httpError(link->http) == ETIMEDOUT))
		return PP_OK;
	if (status == HTTP_STATUS_ERROR)
		return broken(link, "the document was sent");
	link->chunked = false;
	link->status = status;
	return 1;
}

static int
write_piece(struct ipp_link *link, const char *bytes, size_t len)
{
	if (httpWrite2(link->http, bytes, len) < 0 ||
	    httpFlushWrite(link->http) < 0)
		return broken(link, "the document was sent");
	return PP_OK;
}

int
ipp_link_write(struct ipp_link *link, const char *bytes, size_t len,
    int timeout_ms, size_t *written)
{
	size_t piece;
	int rc;

	*written = 0;
	while (*written < len) {
		link->deadline_ms = ipp_clock_ms(link->port) + timeout_ms;
		rc = await(link, PP_WAIT_READ | PP_WAIT_WRITE,
		    *written == 0 ? timeout_ms : 0);
		if (rc == PP_TIMEOUT && *written > 0)
			break;
		if (rc < 0)
			return rc;
		if ((uint32_t)rc & PP_WAIT_READ)
			rc = heard(link);
		else {
			piece = len - *written < PIECE_LEN ? len - *written :
			    PIECE_LEN;
			rc = write_piece(link, bytes + *written, piece);
			if (rc == PP_OK)
				*written += piece;
		}
		if (rc != PP_OK)
			return rc;
	}
	return PP_OK;
}

int
ipp_link_finish(struct ipp_link *link)
{
	link->deadline_ms = ipp_clock_ms(link->port) + link->port->answer_ms;
	if (httpWrite2(link->http, "", 0) < 0 ||
	    httpFlushWrite(link->http) < 0)
		return broken(link, "the end of the document was sent");
	link->chunked = false;
	return PP_OK;
}

/*
 * ---- An answer -------------------------------------------------------------
 */

/* Not IPP, but a word of the web server in front of it. */
static int
http_answer(struct ipp_link *link)
{
	struct pp_port *port = link->port;
	http_status_t status = link->status;

	ipp_link_close(link);
	return ipp_fault(port, ipp_http_verdict((int)status),
	    "%s: the printer answers HTTP %d %s; %s", port->uri, (int)status,
	    httpStatus(status), status == HTTP_STATUS_UNAUTHORIZED ?
	    "allow printing without a password" : status ==
	    HTTP_STATUS_UPGRADE_REQUIRED ? "use ipps in uri" : "see its log");
}

static int
read_message(struct ipp_link *link, ipp_t **answer)
{
	ipp_state_t state;

	*answer = ippNew();
	if (*answer == NULL)
		return PP_NO_MEMORY;
	do {
		state = ippRead(link->http, *answer);
	} while (state != IPP_STATE_DATA && state != IPP_STATE_ERROR);
	if (state == IPP_STATE_DATA) {
		httpFlush(link->http);
		return PP_OK;
	}
	ippDelete(*answer);
	*answer = NULL;
	return broken(link, "an answer was read");
}

/* The status line, unless it was heard before; 100 is none. */
static int
read_status(struct ipp_link *link, int ms)
{
	struct pp_port *port = link->port;
	int64_t end = ipp_clock_ms(port) + ms;
	int rc, left = -1;

	while (link->status == HTTP_STATUS_CONTINUE) {
		if (ms >= 0)
			left = end > ipp_clock_ms(port) ?
			    (int)(end - ipp_clock_ms(port)) : 0;
		rc = httpGetReady(link->http) > 0 ? 0 :
		    await(link, PP_WAIT_READ, left);
		if (rc < 0)
			return rc;
		link->deadline_ms = ipp_clock_ms(port) + port->answer_ms;
		link->status = httpUpdate(link->http);
	}
	return link->status == HTTP_STATUS_ERROR ?
	    broken(link, "an answer was awaited") : PP_OK;
}

int
ipp_link_answer(struct ipp_link *link, int ms, ipp_t **answer)
{
	bool last;
	int rc;

	*answer = NULL;
	rc = read_status(link, ms);
	if (rc != PP_OK)
		return rc;
	if (link->status != HTTP_STATUS_OK)
		return http_answer(link);
	last = strcasecmp(httpGetField(link->http, HTTP_FIELD_CONNECTION),
	    "close") == 0;
	rc = read_message(link, answer);
	if (last)
		ipp_link_close(link);
	return rc;
}
