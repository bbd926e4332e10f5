/*
 * sched_internal - the records of a scheduler, for its own files only.
 *
 *	sched.c		what is due, and the ops
 *	sched_queue.c	queues, ports, and who waits for which
 *	sched_job.c	jobs and their places
 *
 * Three sets keep sched_run() from looking at what has not changed:
 *
 *	due		queues that have to be looked at, by time; a queue that
 *			was touched since it was last looked at is first
 *	port->hungry	links of queues that would start a job there, by turn
 *	open		ports that have room and a hungry link, by its turn
 *
 * Ownership  Queues and ports are counted: by what names them, and once more
 *            while they are configured.  The last to let go frees.
 */
#ifndef SCHED_INTERNAL_H
#define SCHED_INTERNAL_H

#include <sys/queue.h>

#include <bsd/sys/tree.h>

#include "sched.h"

#define AT_ONCE		INT64_MIN
#define NEVER		INT64_MAX

enum place {
	IN_LINE,	/* WAITING, as are all up to SPENT */
	DELAYED,	/* let others pass until retry_ms */
	SPENT,		/* failed too often; to be held */
	HELD,
	RUNNING,
};

/* There may be 100,000 of them: mind the size. */
struct job {
	RB_ENTRY(job)	 by_id;
	RB_ENTRY(job)	 by_place;	/* WAITING: in the set of its place */
	RB_ENTRY(job)	 by_age;	/* WAITING */
	uint64_t	 id;
	struct queue	*queue;		/* counted */
	union {
		struct port	*port;		/* RUNNING: counted */
		int64_t		 retry_ms;	/* else: not before this */
	};
	uint64_t	 order;
	int64_t		 since_ms;
	uint32_t	 priority;
	uint32_t	 attempts;
	uint8_t		 place;		/* enum place */
	uint8_t		 diverted;	/* times in a row */
};

RB_HEAD(jobs, job);		/* by id */
RB_HEAD(line, job);		/* by priority, order, id */
RB_HEAD(delays, job);		/* by retry_ms, id */
RB_HEAD(ages, job);		/* by since_ms, id */

/* A queue's interest in a port. */
struct link {
	struct queue	*queue;		/* borrowed */
	struct port	*port;		/* counted */
	LIST_ENTRY(link) of_port;
	RB_ENTRY(link)	 by_turn;	/* hungry */
};

RB_HEAD(hungry, link);

struct queue {
	RB_ENTRY(queue)	 by_name;
	RB_ENTRY(queue)	 by_due;	/* due_ms is not NEVER */
	char		*name;		/* owned */
	uint64_t	 number;	/* no two have the same */
	size_t		 refs;
	bool		 configured;
	struct sched_queue is;		/* name and ports unused, divert owned;
					 * all 0 unless configured */
	struct link	*links;		/* owned; n_ports, then n_backups */
	size_t		 n_hungry;	/* of them, the first, are hungry */
	uint64_t	 turn;		/* of its last start */
	int64_t		 due_ms;
	int64_t		 down_since_ms;	/* failover is counted, or NEVER */
	uint64_t	 last_order;	/* highest seen */
	size_t		 n_waiting;
	struct line	 line, spent;
	struct delays	 delays;
	struct ages	 ages;		/* of all that wait */
};

struct port {
	RB_ENTRY(port)	 by_name;
	RB_ENTRY(port)	 by_turn;	/* is_open */
	char		*name;		/* owned */
	size_t		 refs;
	bool		 configured;
	enum sched_health health;
	bool		 is_open;	/* is in the set of open ports */
	unsigned int	 room;
	uint64_t	 turn;		/* is_open: that of its first link */
	struct hungry	 hungry;
	LIST_HEAD(, link) links;	/* borrowed */
};

RB_HEAD(queues, queue);
RB_HEAD(due, queue);
RB_HEAD(ports, port);
RB_HEAD(open_ports, port);

struct sched {
	const struct sched_ops	*ops;	/* borrowed */
	void			*arg;	/* for ops */
	uint64_t		 numbers, turns;	/* used up to here */
	struct jobs		 jobs;
	struct queues		 queues;
	struct due		 due;
	struct ports		 ports;
	struct open_ports	 open;
};

RB_PROTOTYPE(jobs, job, by_id, );
RB_PROTOTYPE(line, job, by_place, );
RB_PROTOTYPE(delays, job, by_place, );
RB_PROTOTYPE(ages, job, by_age, );
RB_PROTOTYPE(hungry, link, by_turn, );
RB_PROTOTYPE(queues, queue, by_name, );
RB_PROTOTYPE(due, queue, by_due, );
RB_PROTOTYPE(ports, port, by_name, );
RB_PROTOTYPE(open_ports, port, by_turn, );

/* For comparisons: -1, 0 or 1. */
#define COMPARE(a, b)	(((a) > (b)) - ((a) < (b)))

/* ms + plus_ms, but no later than never. */
static inline int64_t
later(int64_t ms, int64_t plus_ms)
{
	int64_t sum;

	return __builtin_add_overflow(ms, plus_ms, &sum) ? NEVER : sum;
}

/* ---- sched_queue.c ------------------------------------------------------- */

/* Made if there is none.  NULL: no memory. */
struct queue *sched_ref_queue(struct sched *sched, const char *name)
    __attribute__((warn_unused_result));
void sched_unref_queue(struct sched *sched, struct queue *queue);
void sched_unref_port(struct sched *sched, struct port *port);

/* NULL unless it is configured. */
struct queue *sched_find_queue(const struct sched *sched, const char *name);

/* When to look at the queue; touched is at once. */
void sched_set_due(struct sched *sched, struct queue *queue, int64_t due_ms);
void sched_touch(struct sched *sched, struct queue *queue);

/* Let the first n links of a queue be hungry, and no other. */
void sched_set_hungry(struct sched *sched, struct queue *queue, size_t n);

bool sched_has_room(const struct port *port);
/* One job less. */
void sched_take_room(struct sched *sched, struct port *port);

/* ---- sched_job.c --------------------------------------------------------- */

/* Make a job WAITING, and take it out of there; place is IN_LINE or SPENT. */
void sched_enter(struct sched *sched, struct job *job, enum place place);
void sched_leave(struct sched *sched, struct job *job);

/* Of a job that waits in line: others may pass it, and back. */
void sched_delay(struct job *job);
void sched_undelay(struct job *job);

/* To another queue, with all its retries, at once; it must not wait. */
void sched_move(struct sched *sched, struct job *job, struct queue *queue);
void sched_set_order(struct job *job, uint64_t order);

/* A job that does not run is gone. */
void sched_forget(struct sched *sched, struct job *job);

#endif /* SCHED_INTERNAL_H */
