/*
 * listener - one listening socket and the limits on who gets in.
 *
 * Lifecycle  listener_new() .. listener_free().  Connections outlive it.
 * Ownership  Owns its socket; borrows the front end, which must outlive it.
 * Errors     When descriptors or memory run out it stops accepting for a
 *            while; the kernel holds the clients, none is dropped.
 * Threads    The loop's, only.
 */
#ifndef LISTENER_H
#define LISTENER_H

#include <stdint.h>

struct event_base;
struct frontend;
struct listener;

struct listener_limits {
	int64_t	max_connections;	/* of the front end */
	int64_t	max_total;		/* of all */
	int64_t	max_of_client;		/* of one address, of all; 0: any */
};

/* Takes fd over, also when NULL is returned. */
struct listener *listener_new(struct event_base *base, int fd,
    const char *name, struct frontend *frontend,
    const struct listener_limits *limits)
    __attribute__((warn_unused_result));
void listener_free(struct listener *listener);

#endif /* LISTENER_H */
