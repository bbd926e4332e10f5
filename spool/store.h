/*
 * store - where jobs and their data are kept durably.
 *
 * The asker is an event loop: it submits operations, which return at once,
 * and gets each outcome from store_poll(), which it calls when store_fd() is
 * readable.  All that blocks happens on the store's own threads: one commits,
 * in the order of submission and as many operations at a time as have come
 * in (group commit); one reads; a few write, sync and hash large documents.
 *
 * How a job comes in is in incoming.h.  What keeps the records is behind
 * backend.h; nothing here says that it is SQLite, or that we are alone.
 *
 * Lifecycle  store_open() checks, locks, recovers; store_close() finishes
 *            what was submitted and delivers it.  No incoming job may be
 *            left then, and call-backs from it must submit nothing.
 * Ownership  Texts and structs given to an operation are copied.  Results are
 *            given to the call-back, which frees them (job_list_free ...).
 * Errors     A call that submits returns 0, or -1 with errno (ENOMEM) and
 *            then never calls back.  A call-back gets 0 or a negative errno:
 *            -ENOENT no such job, -EINVAL not a legal step, -ESTALE the data
 *            is no longer kept, -EIO the store could not make it durable,
 *            -ENOSPC, -EDQUOT; -ENXIO the directory is gone: open again.
 *            0 means that it survives a power cut.  A change that failed for
 *            such a reason has not happened: submit it again.
 * Threads    All calls from the thread of the asker.
 * Units      _ms: milliseconds since 1970.
 */
#ifndef STORE_H
#define STORE_H

#include "job.h"
#include "sys.h"
#include "tally.h"

struct store;

enum store_error_kind {
	STORE_ERROR_NONE,
	STORE_ERROR_CONFIG,	/* the directory is not as it must be */
	STORE_ERROR_BUSY,	/* another process has it */
	STORE_ERROR_IO		/* disk, memory, or a newer schema */
};

struct store_error {
	enum store_error_kind	 kind;
	char			 text[1024];
};

/* What shall become of jobs that were being sent when the process ended? */
enum store_after_crash {
	STORE_REPRINT,		/* pending again, marked restarted */
	STORE_HOLD		/* held, marked restarted */
};

/* Something that the log should have: one line of text. */
typedef void store_message_fn(void *arg, const char *text);

struct store_options {
	const char		*directory;
	const struct spool_sys	*sys;		/* NULL: spool_sys_real */
	const char		*vfs;		/* SQLite's; NULL: its own */
	unsigned int		 data_threads;	/* 0: 4 */
	uint64_t		 min_free_bytes; /* refuse new jobs below */
	uint64_t		 memory_bytes;	/* of documents on their way to
						 * disk; 0: 32 MiB */
	enum store_after_crash	 after_crash;
	int64_t			 now_ms;
	store_message_fn	*message;	/* NULL: none */
	void			*message_arg;
};

enum store_health {
	STORE_OK,
	STORE_SUSPECT,		/* a sync failed: no new jobs until a probe
				 * succeeds */
	STORE_DAMAGED,		/* the database is; open again to recover */
	STORE_GONE		/* the directory is; open again */
};

typedef void store_done_fn(void *arg, int error);

struct store *store_open(const struct store_options *options,
    struct store_error *error) __attribute__((warn_unused_result));
void store_close(struct store *store);

/* Readable when store_poll() has something to deliver. */
int store_fd(const struct store *store);
/* Deliver all outcomes that are there; how many. */
size_t store_poll(struct store *store);

/*
 * Operations that have not called back, and incoming jobs whose commit has not
 * called back or whose abort is still under way.  One is out of the count when
 * its call-back is called.  At 0 nothing is left to be delivered: a store that
 * is let go while its asker lives on is polled until then, and closed.
 */
size_t store_busy(const struct store *store);

/* A job number for a job that is not stored; 0: none just now. */
uint64_t store_next_id(struct store *store);

/* ---- how it is; all from memory -------------------------------------- */

enum store_health store_health(const struct store *store);
const char *store_health_name(enum store_health health);
uint64_t store_free_bytes(const struct store *store);
/* Unfinished jobs by queue, and by the client's address. */
const struct tally_count *store_queue_count(const struct store *store,
    const char *queue);
const struct tally_count *store_host_count(const struct store *store,
    const char *host);

/*
 * Find out whether a suspect store works again, by a file and a transaction
 * of its own; also looks again how much space is free, which else is
 * done with each commit.  The store never probes by itself: ask for it every
 * second or so while it is not well or too full.
 */
int store_probe(struct store *store, store_done_fn *done, void *arg)
    __attribute__((warn_unused_result));

/*
 * Find out whether it is still where it was opened, which else is noticed by
 * the next commit; -ENXIO: no, and health says so.  Costs three calls of
 * stat(), so ask for it every second or so.
 */
int store_look(struct store *store, store_done_fn *done, void *arg)
    __attribute__((warn_unused_result));

/* ---- changing jobs --------------------------------------------------- */

/*
 * job_step() on a stored job: send, hold, release, cancel, finish, and, with
 * step->restart, reprint.  A step to a finished state writes the accounting
 * record in the same transaction.  A restart puts the job last in its queue.
 */
int store_step(struct store *store, uint64_t id, const struct job_step *step,
    store_done_fn *done, void *arg) __attribute__((warn_unused_result));

/*
 * Of an unfinished job that is not being sent: another queue (NULL: stay), at
 * whose end it goes; another priority (0: the same).
 */
int store_change(struct store *store, uint64_t id, const char *queue,
    uint32_t priority, store_done_fn *done, void *arg)
    __attribute__((warn_unused_result));

/* What is older than these goes; 0 keeps all. */
struct store_retention {
	int64_t	data_before_ms;		/* data of jobs finished before */
	int64_t	jobs_before_ms;		/* their jobs */
	int64_t	records_before_ms;	/* their accounting records */
	unsigned int limit;		/* of each at a time */
};

/* removed: how many in all; as long as it is not 0 there may be more. */
typedef void store_expire_fn(void *arg, int error, unsigned int removed);
int store_expire(struct store *store, const struct store_retention *what,
    store_expire_fn *done, void *arg) __attribute__((warn_unused_result));

/* ---- reading jobs ---------------------------------------------------- */

struct job_list {
	size_t		 n;
	struct job	**jobs;		/* owned; without documents */
};

void job_list_free(struct job_list *list);

enum store_which { STORE_UNFINISHED, STORE_FINISHED, STORE_ALL };

/* NULL or 0 in a filter: any. */
struct store_filter {
	enum store_which which;
	const char	*queue, *user, *host;
	unsigned int	 limit;		/* at most this many; not 0 */
	bool		 in_order;	/* of printing, else by id; needs
					 * STORE_UNFINISHED and a queue */
	const struct job *after;	/* go on behind the last job of the
					 * list before; NULL: from the start */
};

typedef void store_list_fn(void *arg, int error, struct job_list *list);
int store_list(struct store *store, const struct store_filter *filter,
    store_list_fn *done, void *arg) __attribute__((warn_unused_result));

/* One job, with its documents. */
typedef void store_get_fn(void *arg, int error, struct job *job);
int store_get(struct store *store, uint64_t id, store_get_fn *done, void *arg)
    __attribute__((warn_unused_result));

/*
 * A descriptor, open for reading at offset 0, on the bytes of a document and
 * nothing else; the call-back owns it.  number is from 1.  -EBADMSG: there is
 * something else in its place, or it has another size.
 */
typedef void store_document_fn(void *arg, int error, int fd, uint64_t size);
int store_document(struct store *store, uint64_t id, unsigned int number,
    store_document_fn *done, void *arg) __attribute__((warn_unused_result));

/* Read the whole database; -EUCLEAN: damaged, and health says so. */
int store_check(struct store *store, store_done_fn *done, void *arg)
    __attribute__((warn_unused_result));

/* ---- accounting ------------------------------------------------------ */

/* Written when a job finishes; a job printed again gets another. */
struct job_record {
	uint64_t	 number;	/* of the record, rising */
	uint64_t	 documents;
	struct job	 job;		/* without documents */
	char		*sha256;	/* owned; hex, " " between several */
};

struct job_record_list {
	size_t			 n;
	struct job_record	*records;	/* owned */
};

void job_record_list_free(struct job_record_list *list);

/* Records finished in [from_ms, to_ms), of those numbered above after. */
struct store_period {
	int64_t		from_ms, to_ms;
	uint64_t	after;
	unsigned int	limit;
};

typedef void store_records_fn(void *arg, int error,
    struct job_record_list *list);
int store_records(struct store *store, const struct store_period *period,
    store_records_fn *done, void *arg) __attribute__((warn_unused_result));

/* ---- notes: what queues and ports remember --------------------------- */

struct store_note {
	char	*kind, *name, *key, *value;	/* owned by the list */
};

struct store_note_list {
	size_t			 n;
	struct store_note	*notes;		/* owned */
};

void store_note_list_free(struct store_note_list *list);

/* ("queue", "lobby", "paused", "yes"); value NULL forgets it. */
int store_note(struct store *store, const char *kind, const char *name,
    const char *key, const char *value, store_done_fn *done, void *arg)
    __attribute__((warn_unused_result));

typedef void store_notes_fn(void *arg, int error,
    struct store_note_list *list);
int store_notes(struct store *store, store_notes_fn *done, void *arg)
    __attribute__((warn_unused_result));

#endif /* STORE_H */
