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

#include "addresses.h"
#include "counters.h"
#include "document.h"
#include "frontend.h"
#include "listener.h"
#include "log.h"

/* Connections taken per wake-up, then others have their turn. */
#define ACCEPTS_PER_TURN	64
/* How long to stop when descriptors or memory have run out. */
#define PAUSE_MS		200

struct listener {
	int			 fd;
	char			*name;
	struct frontend		*frontend;	/* borrowed */
	struct listener_limits	 limits;
	struct event		 acceptable;
	struct event		 pause;
	time_t			 refusal_logged;
};

static void
refuse(struct listener *listener, int fd, const union document_peer *peer,
    const char *limit)
{
	struct document client = { .peer = *peer };
	char name[DOCUMENT_PEER_LEN];
	time_t now = time(NULL);

	counters.refused++;
	if (now != listener->refusal_logged) {
		listener->refusal_logged = now;
		document_peer_name(&client, name);
		log_put(LOG_LEVEL_WARNING, "connection refused",
		    LOG_TEXT("listener", listener->name),
		    LOG_TEXT("client", name),
		    LOG_NUM("connections",
		    frontend_connections(listener->frontend)),
		    LOG_NUM("of_client", addresses_count(peer)),
		    LOG_TEXT("limit", limit));
	}
	close(fd);			/* with RST, see below */
}

/* The key that says so, or NULL: there is room. */
static const char *
full(const struct listener *listener, const union document_peer *peer)
{
	const struct listener_limits *limits = &listener->limits;

	if (limits->max_of_client > 0 &&
	    (int64_t)addresses_count(peer) >= limits->max_of_client)
		return "client_max_connections";
	if (((int64_t)frontend_connections(listener->frontend) >=
	    limits->max_connections ||
	    (int64_t)frontend_connections_total() >= limits->max_total) &&
	    !frontend_make_room(listener->frontend))
		return "max_connections";
	return NULL;
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
	const char *limit;
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
		limit = full(listener, &peer);
		if (limit != NULL)
			refuse(listener, fd, &peer, limit);
		else
			frontend_accept(listener->frontend, fd, &peer);
	}
}

/*
 * A client of RAW takes FIN for success, and FIN is what the kernel sends for
 * a process that is killed.  Connections inherit from their listener that they
 * linger for no time, so they end with RST unless they are told otherwise.
 */
static void
reset_by_default(int fd)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

struct listener *
listener_new(struct event_base *base, int fd, const char *name,
    struct frontend *frontend, const struct listener_limits *limits)
{
	struct listener *listener = calloc(1, sizeof(*listener));

	if (listener == NULL) {
		close(fd);
		return NULL;
	}
	listener->fd = fd;
	listener->frontend = frontend;
	listener->limits = *limits;
	listener->name = strdup(name);
	reset_by_default(fd);
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
