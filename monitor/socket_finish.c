/*
 * socket_finish.c - the end of a document: until the printer has all of it.
 *
 *	half-close --> all is acknowledged --> the printer closes --> done
 *	                |                       | eof_timeout           ^
 *	                | stall_timeout         +-----------------------+
 *	                +--> failure
 *
 * With keep_connection nothing is closed, and with wait_eof = no the second
 * step ends it.  What the printer still says is kept for whoever reads it
 * before the next document: a language monitor hears of the last page so.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "socket.h"

/* What is not acknowledged yet is looked at this often, rarer and rarer. */
#define LOOK_MIN_MS	1
#define LOOK_MAX_MS	500

/* Most that is read before the clocks are looked at again. */
#define DRAIN_TURNS	64

/* Most that is kept of it: what was said last. */
#define HEARD_MAX	65536

struct end {
	uint64_t	unacked;	/* as last seen */
	int64_t		moved_ms;	/* when it last became less */
	int64_t		taken_ms;	/* when it became 0; or 0 */
	int		look_ms;
	uint32_t	want;		/* to say that it is the end; or 0 */
};

/* Without memory it is lost, as with too much of it. */
static void
keep(struct pp_port *port, const char *bytes, size_t n)
{
	size_t over;

	if (port->heard == NULL)
		port->heard = malloc(HEARD_MAX);
	if (port->heard == NULL)
		return;
	over = port->heard_len + n > HEARD_MAX ?
	    port->heard_len + n - HEARD_MAX : 0;
	port->heard_len -= over;
	memmove(port->heard, port->heard + over, port->heard_len);
	memcpy(port->heard + port->heard_len, bytes, n);
	port->heard_len += n;
}

size_t
socket_heard(struct pp_port *port, void *buf, size_t size)
{
	if (size > port->heard_len)
		size = port->heard_len;
	if (size == 0)
		return 0;
	memcpy(buf, port->heard, size);
	port->heard_len -= size;
	memmove(port->heard, port->heard + size, port->heard_len);
	return size;
}

/* Read what the printer says; the connection may turn out to be broken. */
static int
drain(struct pp_port *port)
{
	char bytes[4096];
	ssize_t n = 1;
	int turns;

	for (turns = 0; turns < DRAIN_TURNS && !port->ended && n > 0;
	    turns++) {
		n = socket_receive(port, bytes, sizeof(bytes));
		if (n > 0)
			keep(port, bytes, (size_t)n);
	}
	if (n == 0)
		port->ended = true;
	else if (n < 0 && n != -EAGAIN)
		port->broken = (int)n;
	return port->broken;
}

/* After the printer's end no read would tell of a reset. */
static int
check_broken(struct pp_port *port)
{
	socklen_t len = sizeof(int);
	int error = 0;

	if (port->broken == 0 && getsockopt(port->fd, SOL_SOCKET, SO_ERROR,
	    &error, &len) == 0 && error != 0)
		port->broken = -error;
	return port->broken;
}

static void
look(struct pp_port *port, struct end *end)
{
	int64_t now = port->host->clock_ms(port->host->cookie);
	uint64_t unacked = socket_unacked(port);

	if (unacked < end->unacked) {
		socket_moving(port);
		end->moved_ms = now;
		end->look_ms = LOOK_MIN_MS;
	}
	end->unacked = unacked;
	if (unacked == 0 && end->taken_ms == 0)
		end->taken_ms = now;
}

/* Is there anything that must still come, and time for it? */
static bool
is_over(struct pp_port *port, const struct end *end)
{
	const struct pp_host *host = port->host;

	if (end->unacked > 0)
		return false;
	if (port->ended || port->set.keep_connection || !port->set.wait_eof)
		return true;
	if (host->clock_ms(host->cookie) - end->taken_ms <
	    port->set.eof_timeout_ms)
		return false;
	host->log(host->cookie, PP_LOG_WARNING, "%s has all of the document "
	    "and did not close in eof_timeout; if it never does, set "
	    "wait_eof = no", port->place);
	return true;
}

static int
stalled(struct pp_port *port, const struct end *end)
{
	const struct pp_host *host = port->host;
	int64_t still_ms = host->clock_ms(host->cookie) - end->moved_ms;

	if (end->unacked == 0)
		return PP_OK;
	if (still_ms >= port->timeout_ms)
		socket_stuck(port, end->moved_ms);
	if (port->set.stall_timeout_ms == 0 ||
	    still_ms < port->set.stall_timeout_ms)
		return PP_OK;
	host->log(host->cookie, PP_LOG_ERROR, "%s took nothing for "
	    "stall_timeout, with %llu bytes to go", port->place,
	    (unsigned long long)end->unacked);
	return -EHOSTUNREACH;
}

/* Until the printer says something, or it is time to look again. */
static int
wait_a_while(struct pp_port *port, struct end *end)
{
	const struct pp_host *host = port->host;
	int64_t left_ms = end->look_ms;
	uint32_t again_ms;
	int rc;

	socket_look_after(port, &again_ms);
	if (end->unacked == 0)
		left_ms = end->taken_ms + port->set.eof_timeout_ms -
		    host->clock_ms(host->cookie);
	if (left_ms > LOOK_MAX_MS)
		left_ms = LOOK_MAX_MS;
	if (again_ms != 0 && left_ms > again_ms)
		left_ms = again_ms;
	if (left_ms < LOOK_MIN_MS)
		left_ms = LOOK_MIN_MS;
	end->look_ms = end->look_ms * 2 < LOOK_MAX_MS ? end->look_ms * 2 :
	    LOOK_MAX_MS;
	/* What is not read here, or has ended, would be ready all the time. */
	rc = host->wait_fd(host->cookie, end->want == 0 && (port->ended ||
	    port->set.keep_connection) ? -1 : port->fd,
	    end->want | (port->ended ? 0 : PP_WAIT_READ), (int)left_ms);
	return rc == PP_CANCELED ? rc : PP_OK;
}

/* One look at everything; 1: it is over. */
static int
step(struct pp_port *port, struct end *end)
{
	bool keep = port->set.keep_connection;
	int rc;

	end->want = 0;
	if (!keep && !port->half_closed) {
		rc = socket_half_close(port, &end->want);
		if (rc != PP_OK && rc != -EAGAIN && check_broken(port) == 0)
			port->broken = rc;
	}
	if ((!keep && drain(port) != 0) || check_broken(port) != 0)
		return socket_lost(port, port->broken);
	look(port, end);
	if ((keep || port->half_closed) && is_over(port, end))
		return 1;
	rc = stalled(port, end);
	return rc == PP_OK ? wait_a_while(port, end) : rc;
}

int
socket_finish(struct pp_port *port)
{
	struct end end = { .unacked = UINT64_MAX, .look_ms = LOOK_MIN_MS,
	    .moved_ms = port->host->clock_ms(port->host->cookie) };
	int rc;

	do
		rc = step(port, &end);
	while (rc == 0);
	return rc == 1 ? PP_OK : rc;
}
