/*
 * control_clients - the connections of an HTTP server, counted and timed.
 *
 * evhttp does not say when a connection is over, has no limit on their number,
 * and none on how long a question may take that comes in drops.  This stands
 * between its listener and its connections and adds the three.
 *
 * Lifecycle  clients_new() takes the listening socket over and gives it to the
 *            server; clients_free() after the server is freed.
 * Errors     When there are too many, or descriptors have run out, nothing is
 *            accepted for a while: the kernel holds those who come.
 * Threads    The loop's, only.
 */
#ifndef CONTROL_CLIENTS_H
#define CONTROL_CLIENTS_H

#include <stddef.h>

struct bufferevent;
struct clients;
struct event_base;
struct evhttp;

struct clients_limits {
	size_t	max;		/* connections */
	size_t	input_max;	/* bytes of one that are not looked at yet */
	int	question_s;	/* to ask, from the connection or the answer
				 * before */
};

/* fd is closed also when NULL is returned. */
struct clients *clients_new(struct event_base *base, struct evhttp *http,
    int fd, const struct clients_limits *limits)
    __attribute__((warn_unused_result));
void clients_free(struct clients *clients);

/* Its question is here, and no time limit applies; then, it is answered. */
void clients_asked(struct clients *clients, const struct bufferevent *bev);
void clients_answered(struct clients *clients, const struct bufferevent *bev);

/* That are connected. */
size_t clients_count(struct clients *clients);

#endif /* CONTROL_CLIENTS_H */
