/*
 * sched - what prints where, and when.  Decisions only: no I/O, no clock.
 *
 * It knows queues, ports and unfinished jobs, by number and name, and is told
 * what happens to them; sched_run() then says, through the ops, what is to be
 * done.  Time comes in with each call, so tests run it on a clock of their own.
 *
 *	WAITING --start--> RUNNING --done--> gone
 *	  ^  |                | again, not started
 *	  |  | hold, expire   |
 *	  +- HELD             +--> WAITING, in its old place
 *
 * Order      Within a queue jobs start by priority (high first), then by order
 *            number, then by id, also across retries: a job that has to be
 *            printed again has its old place.  `strict` lets nobody pass it
 *            until it is held or gone; `fast` lets others pass a job that
 *            failed until its time has come.
 * Pool       A queue's ports are taken in the order of the configuration, the
 *            first that is healthy and has room.  Its backups are taken too
 *            when failover_after_ms have passed since a job first waited with
 *            no other port of the queue healthy, until one of those is; one
 *            that is on trial has to print something first.
 *            Queues take turns, job by job: of those that have a job and a
 *            port for it, the one whose last start is longest ago is next.
 * Expiry     Of waiting jobs only, also in a paused queue.  A job that is held
 *            does not expire; its time begins anew when it is released.
 * Lifecycle  sched_new() .. sched_free().  Queues and ports are added, changed
 *            and removed at any time and in any order.  What a queue or a job
 *            names need not exist: a port that is not known is not healthy, a
 *            job that waits in such a queue is held, NO_QUEUE.  If the queue
 *            comes back the caller releases the jobs that it holds for that.
 * Ownership  Owns its records; borrows ops.
 * Errors     -1 with errno, nothing changed.  ENOMEM; others where named.
 * Threads    None.
 * Units      _ms: milliseconds; times are since 1970.
 */
#ifndef SCHED_H
#define SCHED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sched;

/* Ops of one sched_run(), so that a long list does not stall the caller. */
#define SCHED_RUN_MAX		1024
/* A job is diverted this often in a row, then held: cycles end. */
#define SCHED_DIVERT_MAX	8

enum sched_order { SCHED_STRICT, SCHED_FAST };
enum sched_expire { SCHED_EXPIRE_HOLD, SCHED_EXPIRE_DROP,
    SCHED_EXPIRE_DIVERT };

/* Why a job was held by the scheduler itself. */
enum sched_held { SCHED_HELD_EXPIRED, SCHED_HELD_RETRIES, SCHED_HELD_NO_QUEUE };

struct sched_queue {
	const char		*name;
	enum sched_order	 order;
	bool			 paused;
	int64_t			 expire_ms;	/* 0: never */
	enum sched_expire	 expire;
	const char		*divert;	/* queue, of EXPIRE_DIVERT; if
						 * there is none: held */
	uint32_t		 retries;	/* then held; 0: no limit */
	int64_t			 retry_after_ms; /* from a failure to the next
						 * attempt, in both orders */
	int64_t			 failover_after_ms;
	const char *const	*ports;		/* n_ports, then n_backups */
	size_t			 n_ports, n_backups;
};

struct sched_job {
	uint64_t	 id;
	const char	*queue;
	uint32_t	 priority;
	uint64_t	 order;
	int64_t		 since_ms;	/* age counts from here: when it came,
					 * was diverted or was released */
	uint32_t	 attempts;	/* that failed */
	bool		 held;
};

/* How a job ended on its port. */
enum sched_verdict {
	SCHED_DONE,		/* gone from here */
	SCHED_AGAIN,		/* it failed there: one attempt more */
	SCHED_NOT_STARTED,	/* came back untouched, or its port could not
				 * begin it: no attempt */
	SCHED_GONE		/* canceled, held or aborted elsewhere */
};

/* Names live until their queue or port is removed and has no job. */
struct sched_ops {
	/* Print this job there.  It is RUNNING until sched_done(). */
	void	(*start)(void *arg, uint64_t job, const char *port);
	/* It has been held. */
	void	(*hold)(void *arg, uint64_t job, enum sched_held why);
	/* It has expired and is gone from here. */
	void	(*drop)(void *arg, uint64_t job);
	/* It has expired and is last of its priority in this queue now. */
	void	(*divert)(void *arg, uint64_t job, const char *queue,
		    uint64_t order);
};

struct sched *sched_new(const struct sched_ops *ops, void *arg)
    __attribute__((warn_unused_result));
void sched_free(struct sched *sched);

/* ---- queues and ports ---------------------------------------------------- */

/* Add a queue or change it; names are copied.  Its jobs keep their state. */
int sched_set_queue(struct sched *sched, const struct sched_queue *queue)
    __attribute__((warn_unused_result));
void sched_remove_queue(struct sched *sched, const char *name);

/*
 * On trial: it failed, and is about to be tried again.  It is taken like a
 * healthy one, but what waits for the backups goes on waiting for them.
 */
enum sched_health { SCHED_DOWN, SCHED_HEALTHY, SCHED_TRIAL };

/*
 * Add a port or say how it is: room is how many more jobs it takes now (0 while
 * it is closed for new ones), health whether it can print at all.  A start
 * takes one off the room; only the caller, here, gives it back.
 */
int sched_set_port(struct sched *sched, const char *name, unsigned int room,
    enum sched_health health) __attribute__((warn_unused_result));
/* Jobs that run there go on until sched_done(). */
void sched_remove_port(struct sched *sched, const char *name);

/* ---- jobs ---------------------------------------------------------------- */

/* EEXIST: the id is known. */
int sched_add(struct sched *sched, const struct sched_job *job)
    __attribute__((warn_unused_result));

/* A job that is not running is left alone. */
void sched_done(struct sched *sched, uint64_t job, enum sched_verdict verdict,
    int64_t now_ms);

/* ENOENT: no such job; EBUSY: it is running. */
int sched_remove(struct sched *sched, uint64_t job);
int sched_hold(struct sched *sched, uint64_t job);

/* A held job waits again: as old as now, with all its retries. */
int sched_release(struct sched *sched, uint64_t job, int64_t now_ms);

/*
 * Give a job, held or waiting, a new place.  In another queue, which must exist
 * (ENOENT), it has all its retries, at once; its age stays.
 */
int sched_change(struct sched *sched, uint64_t job, const char *queue,
    uint32_t priority, uint64_t order);

/* ---- what is due --------------------------------------------------------- */

/*
 * Calls the ops for all that is due, or the first SCHED_RUN_MAX; holds and
 * expiries come before starts.  An op may call any function but this and
 * sched_free().
 */
void sched_run(struct sched *sched, int64_t now_ms);

/*
 * When sched_run() is due: INT64_MIN if something has changed since, or was
 * left over; INT64_MAX: never, if nothing happens.
 */
int64_t sched_next_ms(const struct sched *sched);

/* ---- to look at ---------------------------------------------------------- */

size_t sched_waiting(const struct sched *sched, const char *queue);
/* Does the scheduler know it, and is it running (may be NULL)? */
bool sched_knows(const struct sched *sched, uint64_t job, bool *running);
/* How it is now, but for the queue, which is left NULL.  ENOENT. */
int sched_get(const struct sched *sched, uint64_t job, struct sched_job *is)
    __attribute__((warn_unused_result));

#endif /* SCHED_H */
