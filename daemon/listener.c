/*
 * listener.c - see listener.h.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "counters.h"
#include "document.h"
#include "listener.h"
#include "log.h"
#include "raw.h"

/* Connections taken per wake-up, then others have their turn. */
#define ACCEPTS_PER_TURN	64
/* How long to stop when descriptors or memory have run out. */
#define PAUSE_MS		200

struct listener {
	int			 fd;
	char			*name;
	struct raw		*raw;
	struct listener_limits	 limits;
	struct event		 acceptable;
	struct event		 pause;
	time_t			 refusal_logged;
};

static void
refuse(struct listener *listener, int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	time_t now = time(NULL);

	counters.refused++;
	if (now != listener->refusal_logged) {
		listener->refusal_logged = now;
		log_put(LOG_LEVEL_WARNING, "connection refused",
		    LOG_TEXT("listener", listener->name),
		    LOG_NUM("connections", raw_connections(listener->raw)),
		    LOG_TEXT("reason", "max_connections is reached"));
	}
	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	close(fd);
}

static bool
full(const struct listener *listener)
{
	return (int64_t)raw_connections(listener->raw) >=
	    listener->limits.max_connections ||
	    (int64_t)raw_connections_total() >= listener->limits.max_total;
}

/* EMFILE and its like do not go away by trying again at once. */
static void
pause_accepting(struct listener *listener, int error)
{
	struct timeval tv = { .tv_usec = PAUSE_MS * 1000 };

	counters.accept_errors++;
	log_put(LOG_LEVEL_WARNING, "accepting is paused",
	    LOG_TEXT("listener", listener->name),
	    LOG_TEXT("reason", strerror(error)),
	    LOG_NUM("for_ms", PAUSE_MS));
	event_del(&listener->acceptable);
	(void)event_add(&listener->pause, &tv);
}

static void
on_pause_over(evutil_socket_t fd, short what, void *arg)
{
	struct listener *listener = arg;

	(void)fd;
	(void)what;
	(void)event_add(&listener->acceptable, NULL);
}

/* Errors of one connection that died in the queue, or of its network. */
static bool
is_passing(int error)
{
	return error == ECONNABORTED || error == EINTR || error == EPROTO ||
	    error == EPERM || error == ENETDOWN || error == ENETUNREACH ||
	    error == EHOSTDOWN || error == EHOSTUNREACH ||
	    error == ENOPROTOOPT || error == ENONET || error == EOPNOTSUPP;
}

static void
on_acceptable(evutil_socket_t sock, short what, void *arg)
{
	struct listener *listener = arg;
	union document_peer peer;
	socklen_t len;
	int fd, n;

	(void)sock;
	(void)what;
	for (n = 0; n < ACCEPTS_PER_TURN; n++) {
		len = sizeof(peer);
		fd = accept4(listener->fd, &peer.any, &len,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd == -1 && is_passing(errno))
			continue;
		if (fd == -1 && errno != EAGAIN)
			pause_accepting(listener, errno);
		if (fd == -1)
			return;
		if (full(listener))
			refuse(listener, fd);
		else
			raw_accept(listener->raw, fd, &peer);
	}
}

struct listener *
listener_new(struct event_base *base, int fd, const char *name,
    struct raw *raw, const struct listener_limits *limits)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		close(fd);
		return NULL;
	}
	listener->fd = fd;
	listener->raw = raw;
	listener->limits = *limits;
	listener->name = strdup(name);
	event_assign(&listener->acceptable, base, fd, EV_READ | EV_PERSIST,
	    on_acceptable, listener);
	event_assign(&listener->pause, base, -1, 0, on_pause_over, listener);
	if (listener->name == NULL ||
	    evutil_make_socket_nonblocking(fd) == -1 ||
	    event_add(&listener->acceptable, NULL) == -1) {
		listener_free(listener);
		return NULL;
	}
	return listener;
}

void
listener_free(struct listener *listener)
{
	if (listener == NULL)
		return;
	event_del(&listener->acceptable);
	event_del(&listener->pause);
	close(listener->fd);
	free(listener->name);
	free(listener);
}
