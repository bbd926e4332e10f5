/*
 * committer - one thread that makes operations durable, many at a time.
 *
 * While one transaction is on its way to the disk the next operations
 * collect; then they all go in one.  Where few clients print one job after the
 * other it begins when they are back: see linger().  Operations are applied in
 * the order of submission.  One that cannot be applied is left out and the
 * others go on without it; a commit that fails fails them all.
 *
 * Lifecycle  committer_start(), committer_submit(), committer_stop(), which
 *            returns when all that was submitted has been posted.
 * Ownership  Borrows what it is given.  Operations go to the mailbox.
 * Errors     committer_start() returns 0 or a negative errno.
 * Threads    committer_submit(), _health(), _damaged(), _gone() and _look()
 *            from any; _probe() and _trust() from its own, that is from an operation.
 */
#ifndef COMMITTER_H
#define COMMITTER_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "mailbox.h"
#include "store.h"

struct backend;
struct backend_ops;
struct data_dir;
struct spooldir;

/* Most operations in one transaction. */
#define COMMITTER_BATCH	512
/* With so many jobs at hand no more are waited for. */
#define COMMITTER_JOBS	8

struct committer {
	const struct backend_ops *ops;
	struct backend		*be;
	const struct spooldir	*root;
	struct data_dir		*dir;
	struct mailbox		*box;

	pthread_t		 thread;
	pthread_mutex_t		 lock;
	pthread_cond_t		 work;
	struct op_list		 queue;
	size_t			 jobs;		/* of it that bring one */
	bool			 stop;

	/* Waiting for more; with the lock, but for took_ns. */
	size_t			 hope;		/* for so many jobs */
	bool			 lingers;
	unsigned int		 rest;		/* batches until the next try */
	unsigned int		 vain;		/* what rest was last */
	int64_t			 took_ns;	/* the batch before */

	_Atomic int		 health;	/* enum store_health */
	unsigned int		 probed;	/* failures before the probe */
	_Atomic uint64_t	 commits;	/* transactions made durable */
};

int committer_start(struct committer *com)
    __attribute__((warn_unused_result));
void committer_submit(struct committer *com, struct op *op);
void committer_stop(struct committer *com);

enum store_health committer_health(const struct committer *com);
/* The database was found damaged; a directory was found gone. */
void committer_damaged(struct committer *com);
void committer_gone(struct committer *com);
/* Are they still where they were?  -ENXIO: no, and health says so. */
int committer_look(struct committer *com);

/*
 * Part of a probe.  committer_probe() is applied in a transaction, which then
 * shows if the database can be synced; committer_trust() follows when it did.
 */
int committer_probe(struct committer *com)
    __attribute__((warn_unused_result));
void committer_trust(struct committer *com);

#endif /* COMMITTER_H */
