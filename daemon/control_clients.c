/*
 * control_clients.c - see control_clients.h.
 *
 *	accepted --> ASKING --asked--> ANSWERED --answered--> ASKING ...
 *	               | too late                  | let go by the server
 *	               +--> shut down ---> swept <-+
 *
 * Each connection's bufferevent has a reference of ours beside the server's.
 * The server takes its call-backs off when it frees one: by that the sweep sees
 * what is over, and gives our reference back, which closes the descriptor.
 */
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <event2/http.h>
#include <event2/listener.h>

#include "control_clients.h"

/* How often to look, and how often while somebody waits to get in. */
#define SWEEP_MS	1000
#define SWEEP_FULL_MS	50

struct client {
	struct bufferevent	*bev;		/* a reference; NULL: free */
	int64_t			 until_ms;	/* to ask; 0: has asked */
};

struct clients {
	struct evconnlistener	*listener;	/* the server's */
	struct event		 sweep;
	struct clients_limits	 limits;
	struct client		 v[];
};

static int64_t
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t
question_end(const struct clients *clients)
{
	return clock_ms() + clients->limits.question_s * INT64_C(1000);
}

/* ---- who is gone, who is late ------------------------------------------- */

static bool
is_over(struct bufferevent *bev)
{
	bufferevent_event_cb on_event;

	bufferevent_getcb(bev, NULL, NULL, &on_event, NULL);
	return on_event == NULL;
}

/* The server sees the end of the stream, and lets go of it. */
static void
shut_down(struct bufferevent *bev)
{
	evutil_socket_t fd = bufferevent_getfd(bev);

	if (fd != -1)
		(void)shutdown(fd, SHUT_RDWR);
}

/* How many are left. */
static size_t
sweep(struct clients *clients)
{
	int64_t now = clock_ms();
	struct client *client;
	size_t i, n = 0;

	for (i = 0; i < clients->limits.max; i++) {
		client = &clients->v[i];
		if (client->bev == NULL)
			continue;
		if (is_over(client->bev)) {
			bufferevent_decref(client->bev);
			client->bev = NULL;
			continue;
		}
		n++;
		if (client->until_ms != 0 && client->until_ms < now)
			shut_down(client->bev);
	}
	return n;
}

static void
set_sweep(struct clients *clients, int ms)
{
	struct timeval tv = { .tv_sec = ms / 1000,
	    .tv_usec = (ms % 1000) * 1000 };

	(void)event_add(&clients->sweep, &tv);
}

static void
on_sweep(evutil_socket_t fd, short what, void *arg)
{
	struct clients *clients = arg;
	bool full = sweep(clients) == clients->limits.max;

	(void)fd;
	(void)what;
	if (!full)
		(void)evconnlistener_enable(clients->listener);
	set_sweep(clients, full ? SWEEP_FULL_MS : SWEEP_MS);
}

/* ---- who comes ---------------------------------------------------------- */

static struct client *
free_place(struct clients *clients)
{
	size_t i;

	for (i = 0; i < clients->limits.max; i++)
		if (clients->v[i].bev == NULL)
			return &clients->v[i];
	return NULL;
}

/*
 * The server wants a bufferevent for a connection that it has accepted.  There
 * is a place for it: with the last one gone, no more are accepted.
 */
static struct bufferevent *
on_accept(struct event_base *base, void *arg)
{
	struct clients *clients = arg;
	struct bufferevent *bev;
	struct client *client;
	size_t n = sweep(clients);

	bev = bufferevent_socket_new(base, -1, BEV_OPT_CLOSE_ON_FREE);
	client = free_place(clients);
	if (bev == NULL || client == NULL)
		return bev;
	bufferevent_setwatermark(bev, EV_READ, 0, clients->limits.input_max);
	bufferevent_incref(bev);
	client->bev = bev;
	client->until_ms = question_end(clients);
	if (n + 1 == clients->limits.max) {
		(void)evconnlistener_disable(clients->listener);
		set_sweep(clients, SWEEP_FULL_MS);
	}
	return bev;
}

/* EMFILE and its like do not go away by trying again at once. */
static void
on_accept_error(struct evconnlistener *listener, void *arg)
{
	(void)arg;
	(void)evconnlistener_disable(listener);
}

/* ---- from outside ------------------------------------------------------- */

/* Takes fd over. */
static int
listen_on(struct clients *clients, struct event_base *base,
    struct evhttp *http, int fd)
{
	clients->listener = evconnlistener_new(base, NULL, NULL,
	    LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
	if (clients->listener == NULL) {
		close(fd);
		return -1;
	}
	evconnlistener_set_error_cb(clients->listener, on_accept_error);
	evhttp_set_bevcb(http, on_accept, clients);
	if (evhttp_bind_listener(http, clients->listener) != NULL)
		return 0;
	evconnlistener_free(clients->listener);
	return -1;
}

struct clients *
clients_new(struct event_base *base, struct evhttp *http, int fd,
    const struct clients_limits *limits)
{
	struct clients *clients = calloc(1, sizeof(*clients) +
	    limits->max * sizeof(clients->v[0]));

	if (clients == NULL) {
		close(fd);
		return NULL;
	}
	clients->limits = *limits;
	if (listen_on(clients, base, http, fd) == -1) {
		free(clients);
		return NULL;
	}
	event_assign(&clients->sweep, base, -1, 0, on_sweep, clients);
	set_sweep(clients, SWEEP_MS);
	return clients;
}

void
clients_free(struct clients *clients)
{
	if (clients == NULL)
		return;
	(void)sweep(clients);		/* the server has let go of all */
	event_del(&clients->sweep);
	free(clients);
}

static void
set_until(struct clients *clients, const struct bufferevent *bev,
    int64_t until_ms)
{
	size_t i;

	for (i = 0; i < clients->limits.max; i++)
		if (clients->v[i].bev == bev)
			clients->v[i].until_ms = until_ms;
}

void
clients_asked(struct clients *clients, const struct bufferevent *bev)
{
	set_until(clients, bev, 0);
}

void
clients_answered(struct clients *clients, const struct bufferevent *bev)
{
	set_until(clients, bev, question_end(clients));
}

size_t
clients_count(struct clients *clients)
{
	return sweep(clients);
}
