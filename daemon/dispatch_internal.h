/*
 * dispatch_internal - what the files of the dispatcher share.
 *
 *	dispatch.c	life, ports, what the scheduler says
 *	dispatch_load.c	unfinished jobs of the store into the scheduler
 *	dispatch_decide.c what the scheduler decides, on record
 *	dispatch_run.c	a job on its way through a port
 *	dispatch_early.c a job that is printed while it arrives
 *	dispatch_act.c	what people do to jobs, queues and ports
 *	dispatch_close.c queues that take no jobs
 *	dispatch_trouble.c what fails again and again, told once
 */
#ifndef DISPATCH_INTERNAL_H
#define DISPATCH_INTERNAL_H

#include <sys/queue.h>

#include <bsd/sys/tree.h>
#include <event2/event_struct.h>

#include "conf/conf.h"
#include "dispatch.h"
#include "document.h"
#include "sched.h"
#include "spool/incoming.h"
#include "spool/store.h"

struct follow;
struct notify;

enum run_state {
	RUN_MARKING,	/* the mark `processing` and the record are pending */
	RUN_IN_LINE,	/* the last document of those before it is pending */
	RUN_FETCHING,	/* the descriptor of a document is pending */
	RUN_PRINTING,	/* the port's done is pending */
	RUN_RECORDING,	/* the mark of the end is pending */
	RUN_RETRYING,	/* it failed; the next tick is pending */
};

/* What people want of a job that is being printed. */
enum run_wish { RUN_WISH_NONE, RUN_WISH_HOLD, RUN_WISH_CANCEL, RUN_WISH_MOVE };

/* Of one or many: it begins with the first, and ends with the last. */
struct trouble {
	size_t			 n_have_it;
	unsigned int		 tries;		/* in vain, of all */
};

/* A port that jobs may go to. */
struct place {
	RB_ENTRY(place)		 link;
	char			*name;		/* owned */
	struct port		*port;		/* NULL: not configured now */
	unsigned int		 on_the_way;	/* runs not yet at the port */
	unsigned int		 in_line;	/* of them */
	unsigned int		 keepers;	/* runs with documents to go */
	bool			 paused;
	bool			 pause_said;	/* by a person, since the start */
	bool			 resting;	/* no jobs before the tick */
	bool			 in_want;	/* has the trouble `starting` */
	TAILQ_HEAD(, run)	 runs;		/* in the order of their start */
};

/* The last word on a queue; without one it is not paused. */
struct pause {
	char			*queue;		/* owned */
	bool			 paused;
};

/* A job from its start to the mark of its end. */
struct run {
	RB_ENTRY(run)		 link;
	TAILQ_ENTRY(run)	 at_place;
	TAILQ_ENTRY(run)	 in_retry;
	struct dispatch		*dispatch;
	struct place		*place;
	struct port		*port;		/* that has doc; or NULL */
	enum run_state		 state;
	unsigned int		 pending;	/* call-backs of the store */
	uint64_t		 id;
	struct job		*job;		/* owned; NULL before RUN_FETCHING */
	struct document		 doc;		/* owns doc.fd; -1: none */
	struct document_about	 about;
	size_t			 number;	/* of the document, from 0 */
	uint32_t		 copy;		/* of it, from 0 */
	uint64_t		 pages;		/* that ports counted so far */
	struct dispatch_early	*early;		/* not committed yet; or NULL */
	struct follow		*follow;	/* owned; feeds the port */
	bool			 keeps;		/* the port, for its documents */
	bool			 no_record;	/* it came to nothing */
	bool			 begun;		/* a port has had a byte */
	bool			 stopped;	/* marked `processing-stopped` */
	bool			 sent;		/* all of it is in the port */
	bool			 chained;	/* end marked step by step */
	int			 error;		/* of the marks */
	bool			 in_vain;	/* has the trouble `ending` */
	enum run_wish		 wish;
	bool			 granted;	/* the end is as wished */
	char			*wish_queue;	/* owned; of a move */
	uint32_t		 wish_priority;
	char			*wish_by;	/* owned */
	dispatch_done_fn	*wish_done;
	void			*wish_arg;
	struct job_step		 end;		/* why points to end_why */
	char			 end_why[DISPATCH_WHY_LEN];
	enum sched_verdict	 verdict;
};

/* A job between its first bytes and its commit. */
struct dispatch_early {
	RB_ENTRY(dispatch_early) link;
	struct dispatch		*dispatch;
	struct incoming		*in;		/* borrowed */
	struct job		*job;		/* owned; what is known of it */
	struct run		*run;		/* NULL: not in a port */
	struct place		*place;		/* of the last run, or NULL */
	bool			 begun;		/* a port has had a byte */
};

/* What the scheduler knows of a job and its record does not. */
struct past {
	bool			 known;		/* else as the record has it */
	int64_t			 since_ms;
	uint32_t		 attempts;
};

/* A question to the store, which may outlive that store. */
struct question {
	TAILQ_ENTRY(question)	 link;		/* of asked_later */
	struct dispatch		*dispatch;
	uint64_t		 job;
	unsigned int		 generation;
	struct past		 past;
	const char		*event;		/* of a notice */
};

TAILQ_HEAD(question_list, question);

/* What the scheduler has decided about a waiting job, till it is on record. */
struct decision {
	TAILQ_ENTRY(decision)	 link;
	struct dispatch		*dispatch;
	uint64_t		 job;
	bool			 under_way;	/* the store's word is pending */
	bool			 dead;		/* somebody wants otherwise */
	bool			 in_vain;	/* has the trouble `deciding` */
	struct job_step		 step;		/* why points to the next */
	char			 why[DISPATCH_WHY_LEN];
	const char		*event;		/* for the queue's program */
	char			*queue;		/* owned; diverted to; NULL */
};

TAILQ_HEAD(decision_list, decision);

/* The last word on a queue's intake; without one it is open. */
struct closed {
	char			*queue;		/* owned */
	char			*why;		/* owned; NULL: it is open */
};

RB_HEAD(early_tree, dispatch_early);
RB_HEAD(run_tree, run);
RB_HEAD(place_tree, place);
TAILQ_HEAD(run_list, run);

struct dispatch {
	struct event_base	*base;
	struct spooler		*spooler;
	struct notify		*notify;	/* owned */
	struct sched		*sched;		/* owned */
	struct shared_conf	*shared;
	struct early_tree	 earlies;
	struct run_tree		 runs;
	size_t			 n_runs;
	size_t			 n_in_line;	/* of them */
	struct run_list		 retrying;
	struct place_tree	 places;
	struct pause		*pauses;	/* owned */
	size_t			 n_pauses;
	struct closed		*closed;	/* owned */
	size_t			 n_closed;
	int64_t			 offset_ms;	/* monotonic to 1970 */
	struct question_list	 asked_later;	/* by the tick */
	struct decision_list	 decisions;
	unsigned int		 generation;	/* of the store, for loading */
	bool			 loading, loaded;
	bool			 load_again;	/* when that is done */
	bool			 pauses_known, pauses_asked;
	bool			 queues_untold;	/* the tick tells them */
	bool			 pauses_unread, jobs_unread;
	struct trouble		 reading_pauses, reading_jobs;
	struct trouble		 starting, ending, deciding;
	bool			 stopping;
	dispatch_idle_fn	*idle;
	void			*idle_arg;
	struct event		 step, timer;
	struct event		 tick;		/* while something retries */
};

RB_PROTOTYPE(run_tree, run, link, run_compare)
RB_PROTOTYPE(early_tree, dispatch_early, link, early_compare)
RB_PROTOTYPE(place_tree, place, link, place_compare)

/* Milliseconds since 1970 by a clock that does not jump. */
int64_t dispatch_now_ms(const struct dispatch *dispatch);
/* And by the one that people set. */
int64_t dispatch_wall_ms(void);

/* Look what is due, soon. */
void dispatch_step(struct dispatch *dispatch);
void dispatch_start_tick(struct dispatch *dispatch);

struct run *dispatch_find_run(const struct dispatch *dispatch, uint64_t job);
struct place *dispatch_find_place(const struct dispatch *dispatch,
    const char *name);
/* The same, made if there is none; NULL: no memory. */
struct place *dispatch_make_place(struct dispatch *dispatch,
    const char *name);
const struct conf_queue *dispatch_queue(const struct dispatch *dispatch,
    const char *name);
/* Tell the scheduler how the port is. */
void dispatch_tell_port(struct dispatch *dispatch, struct place *place);
/* Tell it how a queue is; if there is no memory, then soon. */
void dispatch_tell_queue(struct dispatch *dispatch,
    const struct conf_queue *queue);
/* The same for all. */
void dispatch_tell_queues(struct dispatch *dispatch);
/* Its jobs are ours.  queue may be NULL. */
bool dispatch_serves(const struct conf_queue *queue);

/* ---- dispatch_decide.c -------------------------------------------------- */

/* What the scheduler wants. */
extern const struct sched_ops dispatch_sched_ops;

/* A job that came a second time, on record now as any other. */
void dispatch_decide_repeat(struct dispatch *dispatch, uint64_t job,
    uint64_t earlier, bool drop);
/* It is to leave the line, as soon as that is on record. */
bool dispatch_is_decided(const struct dispatch *dispatch, uint64_t job);
/* A person's word is the last. */
void dispatch_overrule(struct dispatch *dispatch, uint64_t job);
/* All that wait; once more.  Or never again: the records are read anew. */
void dispatch_decide_again(struct dispatch *dispatch);
void dispatch_forget_decisions(struct dispatch *dispatch);

/* ---- dispatch_trouble.c ------------------------------------------------- */

/* It failed, and will be tried again; job may be 0. */
void dispatch_trouble(struct trouble *trouble, bool *has_it, const char *text,
    uint64_t job, int error);
/* It did not, or will not be tried.  Nothing unless it has it. */
void dispatch_trouble_over(struct trouble *trouble, bool *has_it,
    const char *text);

/* ---- dispatch_load.c ---------------------------------------------------- */

/* Read all that is unfinished. */
void dispatch_load(struct dispatch *dispatch);
/*
 * Put a job into the scheduler as its record says, anew if it is there; past is
 * what the record does not have, or NULL.
 */
void dispatch_put(struct dispatch *dispatch, const struct job *job,
    const struct past *past);
/* What will be lost when it is taken out of the scheduler. */
struct past dispatch_past(const struct dispatch *dispatch, uint64_t job);
/* Of a job that is to wait as if it had come just now. */
struct past dispatch_fresh(const struct dispatch *dispatch);
/* Read one job's record again, and put it, sooner or later; past as above,
 * or NULL. */
void dispatch_refresh(struct dispatch *dispatch, uint64_t job,
    const struct past *past);
void dispatch_refresh_later(struct dispatch *dispatch);
/* Something was missed: read all, once more. */
void dispatch_load_again(struct dispatch *dispatch);
/* The answers that are pending, if any, are of a store that is no more. */
void dispatch_forget_questions(struct dispatch *dispatch);
/* Jobs that were held because this queue was gone. */
void dispatch_release_orphans(struct dispatch *dispatch, const char *queue);
/* Has the record of a held job been put aside for want of a queue? */
bool dispatch_is_orphan(const struct job *job);
/* A job was held or has expired: run the queue's program. */
void dispatch_notify(struct dispatch *dispatch, uint64_t job,
    const char *event);		/* which is not copied */

/* ---- dispatch_early.c --------------------------------------------------- */

struct dispatch_early *dispatch_find_early(const struct dispatch *dispatch,
    uint64_t job);
/* Its turn has come. */
void dispatch_early_start(struct dispatch_early *early, const char *port);
/* It is committed now. */
void dispatch_early_accept(struct dispatch_early *early,
    const struct job *job);
/* The port gave back what was not committed, or never will be. */
void dispatch_early_end(struct run *run, const struct wire_outcome *outcome);

/* ---- dispatch_act.c ----------------------------------------------------- */

/* What was paused or closed when the daemon ended. */
void dispatch_load_pauses(struct dispatch *dispatch);

/* ---- dispatch_close.c --------------------------------------------------- */

/* What the record says, unless a person has said otherwise since. */
int dispatch_note_closed(struct dispatch *dispatch, const char *queue,
    const char *why) __attribute__((warn_unused_result));
/* All records are known now. */
void dispatch_tidy_closed(struct dispatch *dispatch);
void dispatch_forget_closed(struct dispatch *dispatch);

/* ---- dispatch_run.c ----------------------------------------------------- */

/* A run that is registered, in no state yet; NULL: no memory. */
struct run *dispatch_run_new(struct dispatch *dispatch, uint64_t job,
    struct place *place);
/* The document in run->doc.fd goes to the port. */
int dispatch_run_print(struct run *run) __attribute__((warn_unused_result));
/* Start a job.  -1: it could not be, try later. */
int dispatch_run_start(struct dispatch *dispatch, uint64_t job,
    const char *port) __attribute__((warn_unused_result));
/* What the port's trouble means for the jobs that it prints. */
void dispatch_run_port_changed(struct dispatch *dispatch,
    struct place *place);
/* A job has documents to go to this port: others stand in line. */
bool dispatch_run_must_wait(const struct place *place);
/* Those in line whose turn has come go on. */
void dispatch_run_line(struct dispatch *dispatch);
/* It is not at a port: back to wait, on record and then in line. */
void dispatch_run_put_back(struct run *run);
/* A wish has been set: end what is printing, if it is. */
void dispatch_run_end_early(struct run *run);
/* Marks that failed are tried again. */
void dispatch_run_retry(struct dispatch *dispatch);
void dispatch_run_free(struct run *run);

#endif /* DISPATCH_INTERNAL_H */
