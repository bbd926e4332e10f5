/*
 * shared_conf - a configuration that lives as long as somebody uses it.
 *
 * A reload brings a new one while ports and listeners of the old one finish
 * their work.
 *
 * Threads    The loop's, only.
 */
#ifndef SHARED_CONF_H
#define SHARED_CONF_H

#include "conf/conf.h"

struct shared_conf {
	struct conf	*conf;		/* owned */
	unsigned	 uses;
};

/* Takes conf over; one use, the caller's.  NULL: no memory, conf is freed. */
struct shared_conf *shared_conf_new(struct conf *conf);
struct shared_conf *shared_conf_use(struct shared_conf *shared);
void shared_conf_release(struct shared_conf *shared);

#endif /* SHARED_CONF_H */
