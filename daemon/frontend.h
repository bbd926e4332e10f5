/*
 * frontend - what a protocol implements, so that listeners need not know it.
 *
 *	listener.c accepts -> frontend_accept() -> raw.c or lpd.c
 *
 * A front end begins with a struct frontend, and is one listener's; the
 * functions of its protocol are behind frontend_ops, one struct per protocol.
 *
 * Lifecycle  frontend_new() .. frontend_retire().
 * Ownership  frontend_accept() takes the socket over.
 * Errors     As said; what goes wrong with a client is the front end's own.
 * Threads    The loop's, only.
 */
#ifndef FRONTEND_H
#define FRONTEND_H

#include <stdbool.h>
#include <stddef.h>

#include "document.h"

struct conf_listener;
struct frontend;
struct intake_house;
struct port;
struct shared_conf;

/* conf is of shared's configuration, and so is ports, as its ports. */
struct frontend_ops {
	struct frontend *(*make)(struct intake_house *house,
		    struct shared_conf *shared,
		    const struct conf_listener *conf,
		    struct port *const *ports);
	int	(*configure)(struct frontend *frontend,
		    struct shared_conf *shared,
		    const struct conf_listener *conf,
		    struct port *const *ports);
	void	(*accept)(struct frontend *frontend, int fd,
		    const union document_peer *peer);
	void	(*close_idle)(struct frontend *frontend);
	/* End the connection that has been silent for longest, if one has
	 * nothing under way.  NULL: none ever. */
	bool	(*make_room)(struct frontend *frontend);
	void	(*retire)(struct frontend *frontend);
};

/* The protocol's struct begins with this. */
struct frontend {
	const struct frontend_ops *ops;
	size_t			 n_connections;
};

/*
 * For a listener, by its protocol.  house outlives every connection.  NULL: no
 * memory.
 */
struct frontend *frontend_new(struct intake_house *house,
    struct shared_conf *shared, const struct conf_listener *conf,
    struct port *const *ports) __attribute__((warn_unused_result));

/* Does it speak the protocol of this listener? */
bool frontend_speaks(const struct frontend *frontend,
    const struct conf_listener *conf);

/* New settings, for jobs that begin from now on.  -1: no memory. */
int frontend_configure(struct frontend *frontend, struct shared_conf *shared,
    const struct conf_listener *conf, struct port *const *ports)
    __attribute__((warn_unused_result));

void frontend_accept(struct frontend *frontend, int fd,
    const union document_peer *peer);

/*
 * End every connection that is not printing, nor in the middle of a job: to
 * those see port_drain() and intake_drain().
 */
void frontend_close_idle(struct frontend *frontend);

/* There are too many: the longest silent one goes.  False: none can. */
bool frontend_make_room(struct frontend *frontend);

/*
 * The end: connections that have sent nothing are closed, the others end by
 * themselves; with the last of them it is gone.  NULL is fine.
 */
void frontend_retire(struct frontend *frontend);

size_t frontend_connections(const struct frontend *frontend);
/* All front ends together. */
size_t frontend_connections_total(void);

/* For protocols: a connection begins, has ended. */
void frontend_opened(struct frontend *frontend,
    const union document_peer *peer);
void frontend_closed(struct frontend *frontend,
    const union document_peer *peer);

#endif /* FRONTEND_H */
