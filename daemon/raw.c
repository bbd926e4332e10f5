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

#include "conf/conf.h"
#include "counters.h"
#include "guard.h"
#include "log.h"
#include "port.h"
#include "raw.h"
#include "receive.h"
#include "shared_conf.h"
#include "spool/job.h"

/* How many connections are looked at for one that may go. */
#define ROOM_LOOKS	64
/* Largest min_job_bytes, and what is looked at in any case. */
#define PEEK_MAX	4096
#define PEEK_MIN	GUARD_LEN

/*
 * Where documents go and how.  A document keeps the one it began with, while
 * a reload gives its listener another.
 */
struct route {
	unsigned		 uses;
	struct shared_conf	*shared;	/* a use */
	const struct conf_listener *conf;	/* of shared */
	const struct conf_queue	*queue;		/* of shared */
	struct port		*port;		/* of stream */
	uint32_t		 flags;		/* WIRE_DOC_* */
	const struct timeval	*patience;	/* for first bytes; NULL: none */
};

enum raw_state {
	RAW_PEEKING,	/* first bytes are pending */
	RAW_PRINTING,	/* the port has it; its done is pending */
	RAW_RECEIVING,	/* goes to the store; its done is pending */
};

struct raw_connection {
	TAILQ_ENTRY(raw_connection) link;
	struct raw		*raw;
	struct route		*route;		/* of the document; a use */
	enum raw_state		 state;
	bool			 low_water;	/* SO_RCVLOWAT was raised */
	struct document		 doc;		/* owns doc.fd */
	struct event		 readable;
};

struct raw {
	struct frontend		 frontend;	/* is the first */
	struct intake_house	*house;		/* borrowed */
	char			*name;		/* of the listener */
	struct route		*route;
	TAILQ_HEAD(raw_connections, raw_connection) connections; /* latest first */
	size_t			 n_peeking;	/* of them */
	bool			 retired;
	time_t			 refusal_logged;
};

static void peek(struct raw_connection *connection);

static struct raw *
of_frontend(struct frontend *frontend)
{
	return (struct raw *)frontend;
}

/* ---- routes ------------------------------------------------------------- */

static void
route_release(struct route *route)
{
	if (route == NULL || --route->uses > 0)
		return;
	shared_conf_release(route->shared);
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
route_new(struct event_base *base, struct shared_conf *shared,
    const struct conf_listener *conf, struct port *port)
{
	const struct conf_queue *queue = &shared->conf->queues[conf->queue];
	struct route *route = calloc(1, sizeof(*route));

	if (route == NULL)
		return NULL;
	route->uses = 1;
	route->shared = shared_conf_use(shared);
	route->conf = conf;
	route->queue = queue;
	route->port = port;
	route->flags = (queue->idle_ends_job ? WIRE_DOC_IDLE_ENDS : 0) |
	    (queue->on_reset == CONF_ON_RESET_FINISH ? WIRE_DOC_RESET_ENDS : 0) |
	    (queue->answers ? WIRE_DOC_ANSWERS : 0);
	if (!queue->idle_ends_job)
		route->patience = common_timeout(base,
		    queue->idle_timeout_ms);
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

/*
 * Connections linger for no time from the start (see listener.c): whoever
 * closes them, and be it the kernel for a process that was killed, the client
 * gets RST.
 */
static void
end_with_reset(struct raw_connection *connection)
{
	struct raw *raw = connection->raw;

	event_del(&connection->readable);
	close(connection->doc.fd);
	TAILQ_REMOVE(&raw->connections, connection, link);
	route_release(connection->route);
	if (connection->state == RAW_PEEKING)
		raw->n_peeking--;
	frontend_closed(&raw->frontend, &connection->doc.peer);
	free(connection);
	if (raw->retired && frontend_connections(&raw->frontend) == 0)
		raw_free(raw);
}

/* By FIN, which the client may take for success. */
static void
end(struct raw_connection *connection)
{
	struct linger linger = { .l_onoff = 0 };

	(void)setsockopt(connection->doc.fd, SOL_SOCKET, SO_LINGER, &linger,
	    sizeof(linger));
	end_with_reset(connection);
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
static bool
may_log_refusal(struct raw *raw)
{
	time_t now = time(NULL);

	if (now == raw->refusal_logged)
		return false;
	raw->refusal_logged = now;
	return true;
}

static void
end_refused(struct raw_connection *connection)
{
	struct raw *raw = connection->raw;
	char client[DOCUMENT_PEER_LEN];

	counters.refused++;
	if (may_log_refusal(raw)) {
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

/* A job of which nothing is kept. */
static void
end_not_kept(struct raw_connection *connection, const char *what,
    uint64_t bytes, const char *why)
{
	char client[DOCUMENT_PEER_LEN];

	document_peer_name(&connection->doc, client);
	log_put(LOG_LEVEL_WARNING, what,
	    LOG_TEXT("listener", connection->raw->name),
	    LOG_TEXT("queue", connection->route->queue->name),
	    LOG_TEXT("client", client), LOG_NUM("bytes", bytes),
	    LOG_TEXT("reason", why));
	end_with_reset(connection);
}

static void
end_not_accepted(struct raw_connection *connection, uint64_t bytes,
    const char *why)
{
	if (may_log_refusal(connection->raw))
		end_not_kept(connection, "job refused", bytes, why);
	else
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
	struct route *route = connection->route;
	struct document *doc = &connection->doc;

	enter(connection, RAW_PRINTING);
	doc->flags = route->flags;
	doc->idle_timeout_ms = (uint32_t)route->queue->idle_timeout_ms;
	doc->queue = route->queue->name;
	if (port_print(route->port, doc) == -1)
		end_refused(connection);
}

/* ---- receiving ---------------------------------------------------------- */

static void
on_received(void *arg, const struct receive_outcome *outcome)
{
	struct raw_connection *connection = arg;

	switch (outcome->end) {
	case RECEIVE_KEPT:
		if (outcome->open)
			next_document(connection);
		else
			end(connection);
		break;
	case RECEIVE_NOTHING:
		end_as_probe(connection, outcome->why);
		break;
	case RECEIVE_INCOMPLETE:
		end_not_kept(connection, "job incomplete", outcome->bytes,
		    outcome->why);
		break;
	case RECEIVE_REFUSED:
		end_not_accepted(connection, outcome->bytes, outcome->why);
		break;
	}
}

static int64_t
wall_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void
receive(struct raw_connection *connection)
{
	const struct conf_queue *queue = connection->route->queue;
	char client[DOCUMENT_PEER_LEN], why[RECEIVE_WHY_LEN];
	struct job_about about = {
		.queue = queue->name,
		.host = client,
		.priority = (uint32_t)queue->priority,
		.created_ms = wall_clock_ms(),
	};
	struct receive *begun;

	enter(connection, RAW_RECEIVING);
	document_peer_name(&connection->doc, client);
	begun = receive_begin(connection->raw->house, connection->doc.fd,
	    queue, &about, on_received, connection, why);
	if (begun == NULL)
		end_not_accepted(connection, 0, why);
	else
		receive_start(begun);
}

/* ---- a document begins -------------------------------------------------- */

static void
begin(struct raw_connection *connection)
{
	struct route *route = connection->raw->route;
	char why[INTAKE_WHY_LEN];

	if (connection->low_water)
		set_low_water(connection, 1);
	route->uses++;
	connection->route = route;
	if (intake_is_closed(connection->raw->house, route->queue, why)) {
		counters.refused++;
		end_not_accepted(connection, 0, why);
	} else if (route->queue->delivery == CONF_DELIVERY_STREAM)
		print(connection);
	else
		receive(connection);
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
		begin(connection);
}

static void
judge(struct raw_connection *connection, const char *bytes, size_t n)
{
	const struct conf_listener *conf = connection->raw->route->conf;
	size_t min = (size_t)conf->min_job_bytes;
	enum guard_verdict verdict = conf->guard ? guard_look(bytes, n) :
	    GUARD_PASS;

	if (verdict == GUARD_HTTP || verdict == GUARD_TLS)
		end_guarded(connection, verdict);
	else if (n < min || verdict == GUARD_MORE)
		want_more(connection, n, min);
	else
		begin(connection);
}

static void
peek(struct raw_connection *connection)
{
	size_t min = (size_t)connection->raw->route->conf->min_job_bytes;
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
static void
raw_accept(struct frontend *frontend, int fd, const union document_peer *peer)
{
	struct raw *raw = of_frontend(frontend);
	struct raw_connection *connection = calloc(1, sizeof(*connection));

	if (connection == NULL) {
		close(fd);
		return;
	}
	connection->raw = raw;
	connection->doc.fd = fd;
	connection->doc.peer = *peer;
	connection->doc.done = on_done;
	event_assign(&connection->readable, raw->house->base, fd, EV_READ,
	    on_readable, connection);
	TAILQ_INSERT_HEAD(&raw->connections, connection, link);
	frontend_opened(&raw->frontend, peer);
	raw->n_peeking++;
	counters.accepted++;
	if (raw->n_peeking == 1)
		peek(connection);
	else
		await(connection);
}

/* ---- life --------------------------------------------------------------- */

static int
raw_configure(struct frontend *frontend, struct shared_conf *shared,
    const struct conf_listener *conf, struct port *const *ports)
{
	const struct conf_queue *queue = &shared->conf->queues[conf->queue];
	struct raw *raw = of_frontend(frontend);
	struct route *route = route_new(raw->house->base, shared, conf,
	    ports[queue->port]);

	if (route == NULL)
		return -1;
	route_release(raw->route);
	raw->route = route;
	return 0;
}

static struct frontend *
raw_make(struct intake_house *house, struct shared_conf *shared,
    const struct conf_listener *conf, struct port *const *ports)
{
	struct raw *raw = calloc(1, sizeof(*raw));

	if (raw == NULL)
		return NULL;
	raw->frontend.ops = &raw_frontend;
	raw->house = house;
	raw->name = strdup(conf->name);
	TAILQ_INIT(&raw->connections);
	if (raw->name == NULL ||
	    raw_configure(&raw->frontend, shared, conf, ports) == -1) {
		raw_free(raw);
		return NULL;
	}
	return &raw->frontend;
}

static void
raw_close_idle(struct frontend *frontend)
{
	struct raw *raw = of_frontend(frontend);
	struct raw_connection *connection, *next;

	for (connection = TAILQ_FIRST(&raw->connections); connection != NULL;
	    connection = next) {
		next = TAILQ_NEXT(connection, link);
		if (connection->state == RAW_PEEKING)
			end_as_probe(connection, "the listener ends");
	}
}

/* Among the oldest: who has been here for long and has said nothing yet. */
static bool
raw_make_room(struct frontend *frontend)
{
	struct raw *raw = of_frontend(frontend);
	struct raw_connection *connection;
	unsigned looked = 0;

	if (raw->n_peeking == 0)
		return false;
	TAILQ_FOREACH_REVERSE(connection, &raw->connections,
	    raw_connections, link) {
		if (connection->state == RAW_PEEKING) {
			counters.probes++;
			end_with_reset(connection);
			return true;
		}
		if (++looked == ROOM_LOOKS)
			break;
	}
	return false;
}

static void
raw_retire(struct frontend *frontend)
{
	struct raw *raw = of_frontend(frontend);

	raw_close_idle(frontend);
	raw->retired = true;
	if (frontend_connections(frontend) == 0)
		raw_free(raw);
}

const struct frontend_ops raw_frontend = {
	.make	    = raw_make,
	.configure  = raw_configure,
	.accept	    = raw_accept,
	.close_idle = raw_close_idle,
	.make_room  = raw_make_room,
	.retire	    = raw_retire,
};
