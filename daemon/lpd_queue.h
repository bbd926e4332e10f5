/*
 * lpd_queue - the queue that an LPD client means.
 *
 * Names are compared with those of queues and their aliases, and are nothing
 * else: never a path.
 *
 * Lifecycle  None.
 * Ownership  What is found is of the configuration.
 * Errors     NULL: no queue is meant.
 * Threads    Any.
 */
#ifndef LPD_QUEUE_H
#define LPD_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

struct conf;
struct conf_listener;
struct conf_queue;

/* What stood behind a '+' of the name. */
struct lpd_options {
	uint32_t	copies;		/* 0: not said */
	bool		hold;
};

const struct conf_queue *lpd_queue_find(const struct conf *conf,
    const struct conf_listener *listener, const char *name,
    struct lpd_options *options) __attribute__((warn_unused_result));

#endif /* LPD_QUEUE_H */
