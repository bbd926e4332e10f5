/*
 * dispatch - brings the jobs of the store to the ports.
 *
 *	store --load, accept--> sched --start--> run: mark, fetch, print, mark
 *	                          ^                        |
 *	                          +---- done, again -------+
 *
 * The scheduler decides, the store remembers, a port prints: this binds them.
 * A job is marked `processing` on stable storage before its first byte goes to
 * a port, and finished only after the port has said so; so what a crash leaves
 * behind is known.
 *
 * Lifecycle  dispatch_new() .. dispatch_free().  It reads the unfinished jobs
 *            of the store first, in steps; nothing starts before all are known.
 *            dispatch_stop() starts no more.  At the end: dispatch_stop(), the
 *            ports are freed, the store is closed, dispatch_free().
 * Ownership  Borrows the spooler and the ports it is given.
 * Errors     What cannot be done to a job comes to the call-back as a negative
 *            errno: -ENOENT no such job, -EINVAL not in this state, -ESTALE
 *            its data is no longer kept, -EBUSY it is being changed already,
 *            -ENXIO the store is down.
 * Threads    The loop's, only.
 */
#ifndef DISPATCH_H
#define DISPATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct conf;
struct dispatch;
struct event_base;
struct incoming;
struct job;
struct job_about;
struct port;
struct shared_conf;
struct spooler;

struct dispatch *dispatch_new(struct event_base *base,
    struct spooler *spooler) __attribute__((warn_unused_result));
void dispatch_free(struct dispatch *dispatch);

/*
 * Wait until it is known what is paused and closed.  Before the loop runs and
 * clients come; else they are turned away until it is.
 */
void dispatch_recall(struct dispatch *dispatch);

/*
 * The queues and ports in force; ports[i] is that of conf->ports[i].  A port
 * that is not among them is told to nobody any more, but what it prints goes
 * on; jobs of a queue that is gone are held, and released when it is back.
 */
int dispatch_configure(struct dispatch *dispatch, struct shared_conf *conf,
    struct port *const *ports) __attribute__((warn_unused_result));

/*
 * Start no more jobs.  Those that run come back from their ports, which the
 * caller drains; idle is called when the last is on record, maybe at once.
 */
typedef void dispatch_idle_fn(void *arg);
void dispatch_stop(struct dispatch *dispatch, dispatch_idle_fn *idle,
    void *arg);

/* ---- jobs that come in --------------------------------------------------- */

/* A job that was committed just now; takes it over. */
void dispatch_accept(struct dispatch *dispatch, struct job *job);

/* The same for one that came a second time: hold it, or drop it. */
void dispatch_accept_repeat(struct dispatch *dispatch, struct job *job,
    uint64_t earlier, bool drop);

/*
 * A job that still arrives (start_printing = immediate) stands in line from
 * now on; if its turn comes before its end, what has arrived goes to the port,
 * and the rest as it comes.  There must be a file to follow: see
 * incoming_written().  NULL: it is printed when it is whole, like any other.
 */
struct dispatch_early;
struct dispatch_early *dispatch_arriving(struct dispatch *dispatch,
    struct incoming *in, const struct job_about *about);
/* All of it is there.  To be called before incoming_commit(). */
void dispatch_arriving_whole(struct dispatch_early *early);
/*
 * It has come to nothing, which its printer hears at once.  To be called
 * before incoming_abort(), and when a commit fails; one that succeeds ends in
 * dispatch_accept(), be the store up or down by then.
 */
void dispatch_arriving_abort(struct dispatch_early *early);

/* ---- what people do to jobs, queues and ports ---------------------------- */

enum dispatch_action {
	DISPATCH_HOLD,
	DISPATCH_RELEASE,
	DISPATCH_CANCEL,	/* also in the middle of a page */
	DISPATCH_REPRINT	/* a finished job, from its data */
};

typedef void dispatch_done_fn(void *arg, int error);

/* by: who wants it, for the job's reason ("root"). */
int dispatch_act(struct dispatch *dispatch, uint64_t job,
    enum dispatch_action action, const char *by, dispatch_done_fn *done,
    void *arg) __attribute__((warn_unused_result));

/*
 * To the end of another queue (NULL: the same), with another priority (0: the
 * same).  One that is printing is stopped first, and printed anew there.
 */
int dispatch_move(struct dispatch *dispatch, uint64_t job, const char *queue,
    uint32_t priority, dispatch_done_fn *done, void *arg)
    __attribute__((warn_unused_result));

/* Kept in the store: a pause outlives a restart.  -ENOENT: no such name. */
int dispatch_pause_queue(struct dispatch *dispatch, const char *name,
    bool paused, dispatch_done_fn *done, void *arg)
    __attribute__((warn_unused_result));
int dispatch_pause_port(struct dispatch *dispatch, const char *name,
    bool paused, dispatch_done_fn *done, void *arg)
    __attribute__((warn_unused_result));
bool dispatch_queue_paused(const struct dispatch *dispatch, const char *name);

/*
 * A queue's intake, whatever its delivery: no job begins while it is closed.
 * why is for those who are turned away, maybe ""; NULL opens it again.  Kept
 * as a pause is.
 */
#define DISPATCH_CLOSED_LEN	121		/* of why, with NUL */
int dispatch_close_queue(struct dispatch *dispatch, const char *name,
    const char *why, dispatch_done_fn *done, void *arg)
    __attribute__((warn_unused_result));
/* Why it is closed; NULL: it is open. */
const char *dispatch_queue_closed(const struct dispatch *dispatch,
    const char *name);

bool dispatch_port_paused(const struct dispatch *dispatch, const char *name);

/* ---- to look at ---------------------------------------------------------- */

/* Why a job is where it is, in words: "the port lobby is out of paper". */
#define DISPATCH_WHY_LEN	256
const char *dispatch_why(const struct dispatch *dispatch,
    const struct job *job, char why[DISPATCH_WHY_LEN]);

/* Bytes of a running job that its port has taken; 0 else. */
uint64_t dispatch_progress(const struct dispatch *dispatch, uint64_t job);

size_t dispatch_running(const struct dispatch *dispatch);

/* The unfinished jobs of the store are known. */
bool dispatch_loaded(const struct dispatch *dispatch);

#endif /* DISPATCH_H */
