/*
 * raw.c - see raw.h, which has the picture.
 */
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "counters.h"
#include "guard.h"
#include "log.h"
#include "port.h"
#include "raw.h"

/* Largest min_job_bytes, and what is looked at in any case. */
#define PEEK_MAX	4096
#define PEEK_MIN	GUARD_LEN

/*
 * Where documents go and how.  A document keeps the one it began with, while
 * a reload gives its listener another.
 */
struct route {
	unsigned		 uses;
	char			*queue;
	struct port		*port;
	uint32_t		 flags;		/* WIRE_DOC_* */
	uint32_t		 idle_timeout_ms;
	const struct timeval	*patience;	/* for first bytes; NULL: none */
	size_t			 min_job_bytes;
	bool			 guard;
};

enum raw_state {
	RAW_PEEKING,	/* first bytes are pending */
	RAW_PRINTING,	/* the port has it; its done is pending */
};

struct raw_connection {
	LIST_ENTRY(raw_connection) link;
	struct raw		*raw;
	struct route		*route;		/* of the document; a use */
	enum raw_state		 state;
	bool			 low_water;	/* SO_RCVLOWAT was raised */
	struct document		 doc;		/* owns doc.fd */
	struct event		 readable;
};

struct raw {
	struct event_base	*base;
	char			*name;		/* of the listener */
	struct route		*route;
	LIST_HEAD(, raw_connection) connections;
	size_t			 n_connections;
	size_t			 n_peeking;	/* of them */
	bool			 retired;
	time_t			 refusal_logged;
};

static size_t total;

static void peek(struct raw_connection *connection);

/* ---- routes ------------------------------------------------------------- */

static void
route_release(struct route *route)
{
	if (route == NULL || --route->uses > 0)
		return;
	free(route->queue);
	free(route);
}

/*
 * Many connections wait equally long for their first bytes: libevent keeps
 * such time-outs in a list instead of a heap.
 */
static const struct timeval *
common_timeout(struct event_base *base, int64_t ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
	    .tv_usec = (ms % 1000) * 1000 };

	return ms == 0 ? NULL : event_base_init_common_timeout(base, &tv);
}

static struct route *
route_new(struct event_base *base, const struct conf_listener *conf,
    const struct conf_queue *queue, struct port *port)
{
	struct route *route = calloc(1, sizeof(*route));

	if (route == NULL)
		return NULL;
	route->uses = 1;
	route->queue = strdup(queue->name);
	if (route->queue == NULL) {
		free(route);
		return NULL;
	}
	route->port = port;
	route->flags = (queue->idle_ends_job ? WIRE_DOC_IDLE_ENDS : 0) |
	    (queue->on_reset == CONF_ON_RESET_FINISH ? WIRE_DOC_RESET_ENDS : 0) |
	    (queue->answers ? WIRE_DOC_ANSWERS : 0);
	route->idle_timeout_ms = (uint32_t)queue->idle_timeout_ms;
	if (!queue->idle_ends_job)
		route->patience = common_timeout(base,
		    queue->idle_timeout_ms);
	route->min_job_bytes = (size_t)conf->min_job_bytes;
	route->guard = conf->guard;
	return route;
}

static void
enter(struct raw_connection *connection, enum raw_state state)
{
	struct raw *raw = connection->raw;

	if (connection->state == RAW_PEEKING)
		raw->n_peeking--;
	if (state == RAW_PEEKING)
		raw->n_peeking++;
	connection->state = state;
}

/* ---- the end of a connection -------------------------------------------- */

static void
raw_free(struct raw *raw)
{
	route_release(raw->route);
	free(raw->name);
	free(raw);
}

static void
end(struct raw_connection *connection)
{
	struct raw *raw = connection->raw;

	event_del(&connection->readable);
	close(connection->doc.fd);
	LIST_REMOVE(connection, link);
	route_release(connection->route);
	if (connection->state == RAW_PEEKING)
		raw->n_peeking--;
	free(connection);
	raw->n_connections--;
	total--;
	if (raw->retired && raw->n_connections == 0)
		raw_free(raw);
}

/* The client must not take this for success. */
static void
end_with_reset(struct raw_connection *connection)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(connection->doc.fd, SOL_SOCKET, SO_LINGER, &linger,
	    sizeof(linger));
	end(connection);
}

static void
end_as_probe(struct raw_connection *connection, const char *why)
{
	char client[DOCUMENT_PEER_LEN];

	counters.probes++;
	if (log_enabled(LOG_LEVEL_DEBUG)) {
		document_peer_name(&connection->doc, client);
		log_put(LOG_LEVEL_DEBUG, "connection without a job",
		    LOG_TEXT("listener", connection->raw->name),
		    LOG_TEXT("client", client), LOG_TEXT("reason", why));
	}
	end(connection);
}

static void
end_guarded(struct raw_connection *connection, enum guard_verdict verdict)
{
	char client[DOCUMENT_PEER_LEN];

	counters.guarded++;
	document_peer_name(&connection->doc, client);
	log_put(LOG_LEVEL_WARNING, "connection is no print job",
	    LOG_TEXT("listener", connection->raw->name),
	    LOG_TEXT("client", client),
	    LOG_TEXT("protocol", guard_verdict_name(verdict)));
	end_with_reset(connection);
}

/* Once a second is enough to say it. */
static void
end_refused(struct raw_connection *connection)
{
	struct raw *raw = connection->raw;
	char client[DOCUMENT_PEER_LEN];
	time_t now = time(NULL);

	counters.refused++;
	if (now != raw->refusal_logged) {
		raw->refusal_logged = now;
		document_peer_name(&connection->doc, client);
		log_put(LOG_LEVEL_WARNING, "connection refused",
		    LOG_TEXT("listener", raw->name),
		    LOG_TEXT("client", client),
		    LOG_TEXT("port", port_name(connection->route->port)),
		    LOG_NUM("waiting", port_waiting(connection->route->port)),
		    LOG_TEXT("reason", "max_waiting is reached, or the port "
		    "is being removed"));
	}
	end_with_reset(connection);
}

/* ---- printing ----------------------------------------------------------- */

/* An enduring connection: the next bytes are the next document. */
static void
next_document(struct raw_connection *connection)
{
	enter(connection, RAW_PEEKING);
	route_release(connection->route);
	connection->route = NULL;
	if (connection->raw->retired)
		end(connection);
	else
		peek(connection);
}

static void
on_done(struct document *doc, const struct wire_outcome *outcome)
{
	struct raw_connection *connection = (struct raw_connection *)
	    ((char *)doc - offsetof(struct raw_connection, doc));

	if (outcome->verdict == WIRE_DONE)
		counters.printed++;
	else if (outcome->verdict == WIRE_NOTHING)
		counters.probes++;
	else
		counters.failed++;
	if (outcome->verdict == WIRE_DONE && outcome->open)
		next_document(connection);
	else if (outcome->verdict == WIRE_DONE ||
	    outcome->verdict == WIRE_NOTHING)
		end(connection);
	else
		end_with_reset(connection);
}

static void
set_low_water(struct raw_connection *connection, size_t bytes)
{
	int value = (int)bytes;

	connection->low_water = bytes > 1;
	(void)setsockopt(connection->doc.fd, SOL_SOCKET, SO_RCVLOWAT, &value,
	    sizeof(value));
}

static void
print(struct raw_connection *connection)
{
	struct route *route = connection->raw->route;
	struct document *doc = &connection->doc;

	if (connection->low_water)
		set_low_water(connection, 1);
	route->uses++;
	connection->route = route;
	enter(connection, RAW_PRINTING);
	doc->flags = route->flags;
	doc->idle_timeout_ms = route->idle_timeout_ms;
	doc->queue = route->queue;
	if (port_print(route->port, doc) == -1)
		end_refused(connection);
}

/* ---- peeking ------------------------------------------------------------ */

static void
await(struct raw_connection *connection)
{
	if (event_add(&connection->readable,
	    connection->raw->route->patience) == -1)
		end_with_reset(connection);
}

static bool
client_has_ended(const struct raw_connection *connection)
{
	struct pollfd fd = { .fd = connection->doc.fd, .events = POLLRDHUP };

	return poll(&fd, 1, 0) == 1;
}

/* Too few bytes to judge, so far. */
static void
want_more(struct raw_connection *connection, size_t have, size_t min)
{
	if (!client_has_ended(connection)) {
		set_low_water(connection, have + 1);
		await(connection);
	} else if (have < min)
		end_as_probe(connection, "less than min_job_bytes");
	else
		print(connection);
}

static void
judge(struct raw_connection *connection, const char *bytes, size_t n)
{
	const struct route *route = connection->raw->route;
	enum guard_verdict verdict = route->guard ? guard_look(bytes, n) :
	    GUARD_PASS;

	if (verdict == GUARD_HTTP || verdict == GUARD_TLS)
		end_guarded(connection, verdict);
	else if (n < route->min_job_bytes || verdict == GUARD_MORE)
		want_more(connection, n, route->min_job_bytes);
	else
		print(connection);
}

static void
peek(struct raw_connection *connection)
{
	size_t min = connection->raw->route->min_job_bytes;
	char bytes[PEEK_MAX];
	ssize_t n;

	do
		n = recv(connection->doc.fd, bytes,
		    min < PEEK_MIN ? PEEK_MIN : min, MSG_PEEK | MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		judge(connection, bytes, (size_t)n);
	else if (n == -1 && errno == EAGAIN)
		await(connection);
	else
		end_as_probe(connection, n == 0 ? "closed" : strerror(errno));
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	if (what & EV_TIMEOUT)
		end_as_probe(arg, "silent for idle_timeout");
	else
		peek(arg);
}

/*
 * Documents are to be in line as they arrived.  If an earlier client is still
 * waited for, its bytes may be there by now, and the loop tells in which order
 * they came; so a new one is looked at on the spot only if it is alone.
 */
void
raw_accept(struct raw *raw, int fd, const union document_peer *peer)
{
	struct raw_connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL) {
		close(fd);
		return;
	}
	connection->raw = raw;
	connection->doc.fd = fd;
	connection->doc.peer = *peer;
	connection->doc.done = on_done;
	event_assign(&connection->readable, raw->base, fd, EV_READ,
	    on_readable, connection);
	LIST_INSERT_HEAD(&raw->connections, connection, link);
	raw->n_connections++;
	raw->n_peeking++;
	total++;
	counters.accepted++;
	if (raw->n_peeking == 1)
		peek(connection);
	else
		await(connection);
}

/* ---- life --------------------------------------------------------------- */

struct raw *
raw_new(struct event_base *base, const struct conf_listener *conf,
    const struct conf_queue *queue, struct port *port)
{
	struct raw *raw = calloc(1, sizeof(*raw));

	if (raw == NULL)
		return NULL;
	raw->base = base;
	raw->name = strdup(conf->name);
	LIST_INIT(&raw->connections);
	if (raw->name == NULL ||
	    raw_configure(raw, conf, queue, port) == -1) {
		raw_free(raw);
		return NULL;
	}
	return raw;
}

int
raw_configure(struct raw *raw, const struct conf_listener *conf,
    const struct conf_queue *queue, struct port *port)
{
	struct route *route = route_new(raw->base, conf, queue, port);

	if (route == NULL)
		return -1;
	route_release(raw->route);
	raw->route = route;
	return 0;
}

void
raw_close_idle(struct raw *raw)
{
	struct raw_connection *connection, *next;

	for (connection = LIST_FIRST(&raw->connections); connection != NULL;
	    connection = next) {
		next = LIST_NEXT(connection, link);
		if (connection->state == RAW_PEEKING)
			end_as_probe(connection, "the listener ends");
	}
}

void
raw_retire(struct raw *raw)
{
	if (raw == NULL)
		return;
	raw_close_idle(raw);
	raw->retired = true;
	if (raw->n_connections == 0)
		raw_free(raw);
}

size_t
raw_connections(const struct raw *raw)
{
	return raw->n_connections;
}

size_t
raw_connections_total(void)
{
	return total;
}
