/*
 * spooler - the daemon's store: open, watched, and opened again.
 *
 *	OPEN --gone or damaged--> CLOSING --all delivered--> REOPENING
 *	  ^                                                     |
 *	  +------------------- opened (thread) -----------------+ failed: later
 *
 * It delivers the store's outcomes to the loop, probes a store that is suspect
 * or too full, lets old jobs expire, and says whether a new job is welcome.
 *
 * Lifecycle  spooler_open() checks, locks and recovers, and may take seconds;
 *            spooler_free() when no job is arriving.
 * Ownership  Owns the store; spooler_store() lends it until `down`.
 * Errors     spooler_open(): NULL and *error.  Later ones are logged, and the
 *            store is opened again until it works.
 * Threads    The loop's, only.  Opening again has a thread of its own.
 */
#ifndef SPOOLER_H
#define SPOOLER_H

#include <stdint.h>

#include "spool/store.h"

struct conf;
struct conf_queue;
struct event_base;
struct spooler;

struct spooler_ops {
	/* Abort what arrives; spooler_store() is NULL from now on. */
	void	(*down)(void *arg);
	/* There is a store again, with what it could save: read it. */
	void	(*up)(void *arg);
};

struct spooler *spooler_open(struct event_base *base, const struct conf *conf,
    struct store_error *error) __attribute__((warn_unused_result));
/* The same on a disk of the tests; sys and vfs as in struct store_options. */
struct spooler *spooler_open_on(struct event_base *base,
    const struct conf *conf, const struct spool_sys *sys, const char *vfs,
    struct store_error *error) __attribute__((warn_unused_result));
void spooler_free(struct spooler *spooler);

/* Whoever wants to know; all are told, in the order in which they came. */
#define SPOOLER_WATCHERS	4
void spooler_watch(struct spooler *spooler, const struct spooler_ops *ops,
    void *arg);

/* Wait for an outcome of the store, and deliver it: before the loop runs. */
void spooler_wait(struct spooler *spooler);

/* New limits and times; conf is not kept. */
void spooler_configure(struct spooler *spooler, const struct conf *conf);

/* NULL while it is down. */
struct store *spooler_store(const struct spooler *spooler);

/* A job number that was never given before; 0: none just now. */
uint64_t spooler_next_id(struct spooler *spooler);

/*
 * May this client put a job of so many bytes more into this queue?  0, or a
 * negative errno and why: -ENOSPC space, -EDQUOT a limit, -EIO the store is
 * suspect, -ENXIO it is down.
 */
#define SPOOLER_WHY_LEN	160
int spooler_admit(const struct spooler *spooler, const struct conf_queue *queue,
    const char *client, uint64_t bytes, char why[SPOOLER_WHY_LEN]);

/*
 * The same, and if it may, the job counts at once: what is being committed is
 * not in the store yet, and many clients may be done at the same time.  To be
 * released when the commit has called back, however it went.
 */
int spooler_reserve(struct spooler *spooler, const struct conf_queue *queue,
    const char *client, uint64_t bytes, char why[SPOOLER_WHY_LEN]);
void spooler_release(struct spooler *spooler, const struct conf_queue *queue,
    const char *client, uint64_t bytes);

#endif /* SPOOLER_H */
