/*
 * backend - what keeps the records: a table of functions.
 *
 * The store above it has the threads, queues and limits; a back end has the
 * database, and blocks.  sqlite.c is one.
 *
 * Lifecycle  open once, close once; the rest in between.
 * Ownership  A back end borrows the directory descriptor.
 * Errors     0 or a negative errno.  -EUCLEAN is: the database is damaged.
 *            After an error of insert, step, change ... spoilt() tells if
 *            the transaction cannot go on and must be rolled back; if not,
 *            the call that failed changed nothing.
 * Threads    Writing functions are called from one thread, reading ones from
 *            one other; open, recovery and close when there is no other.
 */
#ifndef BACKEND_H
#define BACKEND_H

#include "store.h"

struct backend;

struct backend_options {
	const char	*directory;
	const char	*vfs;
	const struct spool_sys *sys;
	int		 dir_fd;	/* the same directory */
	int64_t		 now_ms;
	bool		 damaged;	/* known to be: set it aside */
	store_message_fn *message;
	void		*message_arg;
};

/* How a step or a change moved a job, for the counters. */
struct backend_moved {
	enum job_state	 from, to;	/* 0: did not exist, does not */
	uint64_t	 bytes;
	char		*from_queue, *to_queue, *host;	/* owned */
};

void backend_moved_clear(struct backend_moved *moved);

/* Names of files to be removed once the transaction is durable. */
struct backend_files {
	size_t	 n;
	char	**names;		/* owned */
};

typedef int backend_scan_fn(void *arg, const struct job *job);

struct backend_ops {
	/*
	 * *rebuild: recovered() was never reached with this database: it is
	 * new, be it because another was damaged and set aside.  Jobs may be
	 * rebuilt from the data files that are there.
	 */
	struct backend	*(*open)(const struct backend_options *options,
			    bool *rebuild, struct store_error *error);
	void		 (*close)(struct backend *be);

	/* Is what we wrote to still what is in the directory?  Any thread. */
	bool		 (*present)(struct backend *be);
	/* It is damaged: the next open must look closely.  Any thread. */
	void		 (*mark)(struct backend *be);

	/* Writing: between begin and commit or rollback. */
	int		 (*begin)(struct backend *be);
	int		 (*commit)(struct backend *be);
	void		 (*rollback)(struct backend *be);
	bool		 (*spoilt)(struct backend *be);

	/* bytes[i]: those of document i, if its place is the record. */
	int		 (*insert)(struct backend *be, struct job *job,
			    const void *const *bytes);
	int		 (*step)(struct backend *be, uint64_t id,
			    const struct job_step *step,
			    struct backend_moved *moved);
	int		 (*change)(struct backend *be, uint64_t id,
			    const char *queue, uint32_t priority,
			    struct backend_moved *moved);
	int		 (*expire)(struct backend *be,
			    const struct store_retention *what,
			    struct backend_files *files, unsigned int *removed);
	int		 (*note)(struct backend *be,
			    const struct store_note *note);
	/* Change something, so that the commit has to be made durable. */
	int		 (*touch)(struct backend *be);
	/* Ids below next may be in use from now on. */
	int		 (*reserve)(struct backend *be, uint64_t next);

	/* Recovery, when nobody else is there. */
	uint64_t	 (*next_id)(struct backend *be);
	/* In a transaction: from now on it knows all files. */
	int		 (*recovered)(struct backend *be);
	/* Every unfinished job; its texts are borrowed during the call. */
	int		 (*scan)(struct backend *be, backend_scan_fn *fn,
			    void *arg);
	/* Does a document of a job have this file?  1, 0 or an error. */
	int		 (*has_file)(struct backend *be, uint64_t job,
			    unsigned int number, const char *name);

	/* Reading. */
	int		 (*list)(struct backend *be,
			    const struct store_filter *filter,
			    struct job_list *list);
	int		 (*get)(struct backend *be, uint64_t id,
			    struct job **job);
	/* One document; *bytes, owned by the caller, if in the record. */
	int		 (*document)(struct backend *be, uint64_t id,
			    unsigned int number, struct job_document *doc,
			    void **bytes);
	int		 (*records)(struct backend *be,
			    const struct store_period *period,
			    struct job_record_list *list);
	int		 (*notes)(struct backend *be,
			    struct store_note_list *list);
	int		 (*check)(struct backend *be);
};

extern const struct backend_ops backend_sqlite;

#endif /* BACKEND_H */
