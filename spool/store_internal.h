/*
 * store_internal - what the files of the store share.
 *
 *	store.c		open, close, how it is, the operations that write
 *	store_read.c	the operations that read
 *	incoming.c	jobs that arrive
 *	recover.c	what open does about the time before
 *
 * Threads    Members marked "asker" belong to the thread that uses the store,
 *            the others to whoever their own headers say.
 */
#ifndef STORE_INTERNAL_H
#define STORE_INTERNAL_H

#include <stdatomic.h>

#include "backend.h"
#include "committer.h"
#include "data.h"
#include "mailbox.h"
#include "pool.h"
#include "spooldir.h"
#include "store.h"

struct store {
	const struct spool_sys	*sys;
	struct spooldir		 root;
	struct data_dir		 data;
	const struct backend_ops *ops;
	struct backend		*be;		/* owned */
	struct committer	 committer;
	struct pool		 writers;	/* of large documents */
	struct pool		 reader;	/* one thread */
	struct mailbox		 box;

	struct tally		*queues;	/* asker; owned */
	struct tally		*hosts;		/* asker; owned */
	size_t			 busy;		/* asker; store_busy() */
	uint64_t		 next_id;	/* asker; to be given */
	uint64_t		 end_id;	/* asker; reserved below this */
	bool			 reserving;	/* asker; more is on its way */
	int			 reserve_error;	/* asker; of the last time */
	uint64_t		 min_free_bytes;
	uint64_t		 memory_bytes;
	_Atomic uint64_t	 memory_used;	/* on the way to disk */
};

/* Count a job that moved. */
void store_count(struct store *store, const struct backend_moved *moved);

/* Before there are threads: learn, clean up, decide, reserve. */
int store_recover(struct store *store, const struct store_options *options,
    bool rebuild) __attribute__((warn_unused_result));

#endif /* STORE_INTERNAL_H */
