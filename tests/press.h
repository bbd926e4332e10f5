/*
 * press - a dispatcher with all that it binds: a store in a directory of its
 * own, ports whose host is obedient_host, and the loop in the test's hands.
 *
 * Calls that ask the store, or that want something of the dispatcher, run the
 * loop until the outcome is there, and return it.
 *
 * Errors     Calls return 0 or a negative errno; what can only fail by a
 *            defect of the test fails the test.
 * Threads    The test's.
 */
#ifndef PRESS_H
#define PRESS_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include "daemon/dispatch.h"
#include "spool/job.h"

struct spool_sys;

#define PRESS_PORTS	4

struct press {
	char			 directory[512];
	struct event_base	*base;
	struct shared_conf	*shared;
	struct spooler		*spooler;
	struct dispatch		*dispatch;
	struct port		*ports[PRESS_PORTS];
	size_t			 n_ports;
	LIST_HEAD(, press_retired) retired;
	const char		*daemon;	/* keys of [daemon]; NULL: ours */
	const struct spool_sys	*sys;		/* of the store; NULL: real */
	const char		*vfs;		/* the same */
	int64_t			 age_ms;	/* of jobs when they come */
	void			(*opened)(void); /* the store was; or NULL */
	uint64_t		 next_id;	/* of documents of a stream */
	bool			 idle;		/* dispatch_stop() has said so */
	unsigned int		 fds;		/* open before */
	time_t			 end_s;		/* of our patience; 0: none */
	uint64_t		 seen_id;	/* the last that was asked for, */
	int			 seen;		/* and its press_state() */
};

/* A fresh directory; the log goes to a file in it. */
void press_make(struct press *press);
/*
 * Run it with these sections of queues and ports of these names, "a b".  Each
 * port has its own files gate-a, broken-a and closed-a, see obedient_host.c.
 */
void press_start(struct press *press, const char *queues, const char *ports);
void press_reload(struct press *press, const char *queues, const char *ports);
/* The orderly end of all but the directory; press_start() may follow. */
void press_stop(struct press *press);
/* The same without a wait for anything, as when drain_timeout has passed. */
void press_end(struct press *press);
/* Also checks that no descriptor is left. */
void press_free(struct press *press);

/*
 * One turn of the loop; waits for something to do.  Shortly before the test
 * runs out of time it says how all is, and fails it.
 */
void press_turn(struct press *press);

/* Path of a file in the directory; a few are valid at a time. */
const char *press_path(const char *name, const struct press *press);
/* Let one document through the gate of a port. */
void press_let(struct press *press, const char *port);
/* Make a file of this name, "broken-a", or remove it. */
void press_put(struct press *press, const char *name, bool there);
bool press_logged(const struct press *press, const char *part);
/* How often. */
size_t press_log_count(const struct press *press, const char *part);

/* A job of one document; its number when it is in the store. */
uint64_t press_print(struct press *press, const char *queue,
    const char *text);
/* Of several documents and copies: a word is a document, "+" a copy more. */
uint64_t press_print_all(struct press *press, const char *queue,
    const char *words);
/* One of two documents. */
uint64_t press_print_two(struct press *press, const char *queue,
    const char *first, const char *second);
/* Of one again; error gets the outcome of the commit, with 0 for the number. */
uint64_t press_try(struct press *press, const char *queue, const char *text,
    int *error);
/* A job that still arrives. */
struct press_arrival {
	struct press		*press;		/* from the commit on */
	struct incoming		*in;
	struct dispatch_early	*early;
	uint64_t		 id;
	bool			 whole;
	bool			 done;		/* its commit */
	int			 error;
};
/* Its first bytes, so many that there is a file; the port may have them. */
void press_arrive(struct press *press, struct press_arrival *arrival,
    const char *queue, const char *text);
void press_arrive_more(struct press *press, struct press_arrival *arrival,
    const char *text);
/* All of it is there. */
void press_whole(struct press_arrival *arrival);
/* The same, unless it was before, and the commit is under way. */
void press_commit(struct press *press, struct press_arrival *arrival);
/* Run until the commit is over; as intake.c does it.  Its outcome. */
int press_await_commit(struct press *press, struct press_arrival *arrival);
void press_abort(struct press_arrival *arrival);

/* What the ports have printed, a line each. */
const char *press_printed(const struct press *press);
/* Run until it has so many lines. */
void press_await_printed(struct press *press, size_t n);
void press_expect_printed(struct press *press, const char *lines);

/* -ENOENT: NULL. */
struct job *press_job(struct press *press, uint64_t id);
/* State of a job, or a negative errno. */
int press_state(struct press *press, uint64_t id);
void press_await(struct press *press, uint64_t id, enum job_state state);
/* Run until the run of a job has gone, and the port is at this document. */
void press_await_at_port(struct press *press, const char *port, uint64_t id);
/* Accounting records of a job. */
size_t press_records(struct press *press, uint64_t id);

int press_act(struct press *press, uint64_t id, enum dispatch_action action);
int press_move(struct press *press, uint64_t id, const char *queue,
    uint32_t priority);
int press_pause_queue(struct press *press, const char *name, bool paused);
int press_close_queue(struct press *press, const char *name, const char *why);
int press_pause_port(struct press *press, const char *name, bool paused);
/* End the hosts of all ports, as a crash. */
void press_kill_hosts(struct press *press);
struct port *press_port(const struct press *press, const char *name);

/* What becomes of a wish that is not waited for. */
struct press_outcome {
	bool	here;
	int	error;
};
void press_done(void *outcome, int error);
int press_await_outcome(struct press *press, struct press_outcome *outcome);

#endif /* PRESS_H */
