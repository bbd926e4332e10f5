/*
 * socket_connect.c - finds the printer, connects to it, and hangs up.
 *
 * The name is looked up by the C library, which takes as long as resolv.conf
 * says (5 s for each try) and cannot be interrupted; an address costs nothing.
 * What was found is used again for a while, until a connection fails.
 */
#include <errno.h>
#include <inttypes.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "socket.h"
#include "socket_tls.h"

/* A printer may be given another address. */
#define PEERS_FRESH_MS	60000

/*
 * An idle printer that vanished is noticed after two minutes.  There is no
 * limit for one that is alive and takes nothing (TCP_USER_TIMEOUT would be
 * one): it may be out of paper for hours.
 */
#define KEEPALIVE_IDLE_S	60
#define KEEPALIVE_EVERY_S	15
#define KEEPALIVE_TIMES		4

/* ---- where it is --------------------------------------------------------- */

static void
keep_peers(struct pp_port *port, const struct addrinfo *list)
{
	struct socket_peer *peer;

	port->n_peers = 0;
	for (; list != NULL && port->n_peers < SOCKET_PEERS_MAX;
	    list = list->ai_next) {
		if (list->ai_addrlen > sizeof(peer->address))
			continue;
		peer = &port->peers[port->n_peers++];
		memcpy(&peer->address, list->ai_addr, list->ai_addrlen);
		peer->len = list->ai_addrlen;
	}
	port->peers_ms = port->host->clock_ms(port->host->cookie);
}

static int
look_up(struct pp_port *port)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_NUMERICSERV };
	const struct pp_host *host = port->host;
	struct addrinfo *list = NULL;
	char number[16];
	int rc;

	if (port->n_peers > 0 && host->clock_ms(host->cookie) -
	    port->peers_ms < PEERS_FRESH_MS)
		return PP_OK;
	snprintf(number, sizeof(number), "%d", port->set.port);
	rc = getaddrinfo(port->set.host, number, &hints, &list);
	if (rc != 0) {
		host->log(host->cookie, PP_LOG_ERROR, "host = %s: %s: "
		    "see that the name is right, and known to the name "
		    "service", port->set.host, rc == EAI_SYSTEM ?
		    strerror(errno) : gai_strerror(rc));
		return -EHOSTUNREACH;
	}
	keep_peers(port, list);
	freeaddrinfo(list);
	return PP_OK;
}

/* ---- connecting ---------------------------------------------------------- */

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

/*
 * A connection to a port of this machine on which nobody listens may come out
 * at the very socket that it was made from.
 */
static bool
met_itself(int fd, const struct socket_peer *peer)
{
	struct sockaddr_storage own;
	socklen_t len = sizeof(own);

	memset(&own, 0, sizeof(own));
	return getsockname(fd, (struct sockaddr *)&own, &len) == 0 &&
	    len == peer->len && memcmp(&own, &peer->address, len) == 0;
}

static int
connect_timeout(const struct pp_port *port)
{
	return port->asked.connect_ms != 0 ? (int)port->asked.connect_ms :
	    port->set.connect_timeout_ms;
}

static int
await_connection(struct pp_port *port, int fd)
{
	const struct pp_host *host = port->host;
	socklen_t len = sizeof(int);
	int rc, error = 0;

	rc = host->wait_fd(host->cookie, fd, PP_WAIT_WRITE,
	    connect_timeout(port));
	if (rc < 0)
		return rc;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		return -errno;
	return -error;
}

static int
connect_peer(struct pp_port *port, const struct socket_peer *peer, int *out)
{
	int fd, rc = PP_OK;

	fd = socket(peer->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	set_options(fd);
	if (connect(fd, (const struct sockaddr *)&peer->address,
	    peer->len) == -1)
		rc = errno == EINPROGRESS ? await_connection(port, fd) :
		    -errno;
	if (rc == PP_OK && met_itself(fd, peer))
		rc = -ECONNREFUSED;
	if (rc != PP_OK) {
		close(fd);
		return rc;
	}
	*out = fd;
	return PP_OK;
}

static void
peer_text(const struct socket_peer *peer, char text[NI_MAXHOST])
{
	if (getnameinfo((const struct sockaddr *)&peer->address, peer->len,
	    text, NI_MAXHOST, NULL, 0, NI_NUMERICHOST) != 0)
		strcpy(text, "?");
}

static const char *
advice(int code)
{
	switch (code) {
	case -ECONNREFUSED:
		return "is another client printing, is the port right?";
	case -ENETUNREACH:
		return "is there a way to its network?";
	case -EMFILE:
	case -EADDRNOTAVAIL:
		return "this machine has none left";
	default:
		return "is it switched on, is the address right?";
	}
}

/* "10.0.0.5: Connection refused" for each; the last one's code is returned. */
static int
try_peers(struct pp_port *port, char *why, size_t size)
{
	char address[NI_MAXHOST];
	size_t i, len = 0;
	int rc = -EHOSTUNREACH;

	for (i = 0; i < port->n_peers; i++) {
		rc = connect_peer(port, &port->peers[i], &port->fd);
		if (rc == PP_OK || rc == PP_CANCELED)
			return rc;
		peer_text(&port->peers[i], address);
		if (len < size)
			len += (size_t)snprintf(why + len, size - len,
			    "%s%s: %s", i > 0 ? ", " : "", address,
			    strerror(-rc));
	}
	return rc;
}

static int
tls_failed(struct pp_port *port, int code)
{
	const struct pp_host *host = port->host;

	if (code == PP_CANCELED)
		return code;
	if (code == PP_TIMEOUT)
		host->log(host->cookie, PP_LOG_ERROR, "%s does not answer to "
		    "TLS: is port = %d the one for it?", port->place,
		    port->set.port);
	else
		host->log(host->cookie, PP_LOG_ERROR, "no TLS connection to "
		    "%s: %s", port->place, code == -ECONNABORTED ||
		    code == -EKEYREJECTED ? socket_tls_why(port->tls) :
		    strerror(-code));
	return code;
}

static int
shake_hands(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	int64_t end_ms = host->clock_ms(host->cookie) + connect_timeout(port);
	int64_t left_ms;
	uint32_t want = 0;
	int rc;

	while ((rc = socket_tls_handshake(port->tls, port->fd, &want)) ==
	    -EAGAIN) {
		left_ms = end_ms - host->clock_ms(host->cookie);
		rc = host->wait_fd(host->cookie, port->fd, want,
		    left_ms > 0 ? (int)left_ms : 0);
		if (rc < 0)
			break;
	}
	return rc == PP_OK ? rc : tls_failed(port, rc);
}

int
socket_connect(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	char why[512] = "";
	int rc = look_up(port);

	if (rc != PP_OK)
		return rc;
	rc = try_peers(port, why, sizeof(why));
	if (rc != PP_OK) {
		port->n_peers = 0;
		if (rc != PP_CANCELED)
			host->log(host->cookie, PP_LOG_ERROR, "no connection "
			    "to %s: %s; %s", port->place, why, advice(rc));
		return rc;
	}
	port->ended = false;
	port->broken = 0;
	port->full = false;
	port->half_closed = false;
	rc = port->tls != NULL ? shake_hands(port) : PP_OK;
	if (rc != PP_OK) {
		socket_abort(port);
		return rc;
	}
	(void)host->watch_read(host->cookie, port, port->fd);
	return PP_OK;
}

/* ---- hanging up ---------------------------------------------------------- */

void
socket_close(struct pp_port *port)
{
	if (port->fd == -1)
		return;
	if (port->tls != NULL)
		socket_tls_end(port->tls);
	(void)port->host->watch_read(port->host->cookie, port, -1);
	close(port->fd);
	port->fd = -1;
}

void
socket_abort(struct pp_port *port)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (port->fd != -1)
		(void)setsockopt(port->fd, SOL_SOCKET, SO_LINGER, &now,
		    sizeof(now));
	socket_close(port);
}

/* ---- bytes --------------------------------------------------------------- */

bool
socket_alive(struct pp_port *port)
{
	char byte;
	ssize_t n;

	if (port->fd == -1 || port->ended || port->broken != 0)
		return false;
	if (port->tls != NULL)
		return socket_tls_alive(port->tls);
	n = recv(port->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
	return n > 0 || (n == -1 && (errno == EAGAIN || errno == EINTR));
}

ssize_t
socket_send(struct pp_port *port, const void *buf, size_t len, uint32_t *want)
{
	ssize_t n;

	if (port->tls != NULL)
		return socket_tls_send(port->tls, buf, len, want);
	*want = PP_WAIT_WRITE;
	do
		n = send(port->fd, buf, len, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n >= 0 ? n : -errno;
}

ssize_t
socket_receive(struct pp_port *port, void *buf, size_t size)
{
	ssize_t n;

	if (port->tls != NULL)
		return socket_tls_receive(port->tls, buf, size);
	do
		n = recv(port->fd, buf, size, MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return n >= 0 ? n : -errno;
}

int
socket_half_close(struct pp_port *port, uint32_t *want)
{
	int rc = port->tls != NULL ? socket_tls_goodbye(port->tls, want) :
	    PP_OK;

	if (rc == PP_OK && shutdown(port->fd, SHUT_WR) == -1)
		rc = errno == ENOTCONN ? -ECONNRESET : -errno;
	port->half_closed = rc == PP_OK;
	return rc;
}

uint64_t
socket_unacked(const struct pp_port *port)
{
	int n = 0;

	if (ioctl(port->fd, SIOCOUTQ, &n) == -1 || n < 0)
		return 0;
	return (uint64_t)n;
}

/* Before it hung up, the printer may have said why. */
static int
last_words(struct pp_port *port, int code)
{
	char bytes[4096];
	ssize_t n = 1;

	if (port->tls == NULL || (code != -ECONNRESET && code != -EPIPE))
		return code;
	while (n > 0)
		n = socket_tls_receive(port->tls, bytes, sizeof(bytes));
	return n == -ECONNABORTED ? -ECONNABORTED : code;
}

int
socket_lost(struct pp_port *port, int code)
{
	const struct pp_host *host = port->host;
	uint64_t taken = port->sent;
	uint64_t behind = port->tls == NULL ? socket_unacked(port) : 0;
	/* A reset is told once, maybe to a call that had moved some bytes. */
	const char *what = code == -ECONNRESET ? "reset" :
	    port->ended ? "closed" : "broke";

	code = last_words(port, code);
	if (behind > 0 && port->half_closed)
		behind--;		/* the end counts as one, too */
	taken -= behind < taken ? behind : taken;
	if (code == -ECONNRESET || code == -EPIPE)
		host->log(host->cookie, PP_LOG_ERROR, "%s %s the connection "
		    "after %" PRIu64 " bytes", port->place, what, taken);
	else if (code == -ECONNABORTED && port->tls != NULL)
		host->log(host->cookie, PP_LOG_ERROR, "%s ended TLS after %"
		    PRIu64 " bytes: %s", port->place, taken,
		    socket_tls_why(port->tls));
	else
		host->log(host->cookie, PP_LOG_ERROR, "the connection to %s "
		    "is lost after %" PRIu64 " bytes: %s", port->place,
		    taken, strerror(-code));
	/* A time-out of the connection is none of a write. */
	port->error = code == PP_TIMEOUT ? -EHOSTUNREACH : code;
	return port->error;
}
