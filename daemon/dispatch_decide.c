/*
 * dispatch_decide.c - what the scheduler decides, on record.
 *
 *	hold, drop, divert --> submitted --done--> the queue's program
 *	                         ^     | failed
 *	                         +-----+ by the tick
 *
 * The scheduler has done with the job when it says so.  What the store cannot
 * record now is tried until it can, or until somebody wants otherwise; when
 * the store is opened again its records are read anew, and decided about.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch_internal.h"
#include "log.h"
#include "spooler.h"

/* It is on record, or not needed any more. */
static void
decision_free(struct decision *d)
{
	dispatch_trouble_over(&d->dispatch->deciding, &d->in_vain,
	    "nothing is left to be recorded of what is to become of jobs");
	TAILQ_REMOVE(&d->dispatch->decisions, d, link);
	free(d->queue);
	free(d);
}

/* ---- on record ---------------------------------------------------------- */

static void
on_success(const struct decision *d)
{
	if (d->queue != NULL)
		log_put(LOG_LEVEL_INFO, "job has expired and is diverted",
		    LOG_NUM("job", d->job), LOG_TEXT("queue", d->queue));
	else
		dispatch_notify(d->dispatch, d->job, d->event);
}

static void
on_decided(void *arg, int error)
{
	struct decision *d = arg;

	d->under_way = false;
	if (error == 0)
		on_success(d);
	if (error == -EINVAL)
		dispatch_refresh(d->dispatch, d->job, NULL);
	if (error == 0 || error == -ENOENT || error == -EINVAL || d->dead) {
		decision_free(d);
		return;
	}
	if (error != -ENXIO)
		dispatch_trouble(&d->dispatch->deciding, &d->in_vain,
		    "what is to become of a job cannot be recorded, it is "
		    "tried again", d->job, error);
	dispatch_start_tick(d->dispatch);
}

static void
submit(struct decision *d)
{
	struct store *store = spooler_store(d->dispatch->spooler);
	int rc;

	if (store == NULL) {
		decision_free(d);	/* it will be read anew */
		return;
	}
	d->step.why = d->why;
	d->step.now_ms = dispatch_wall_ms();
	if (d->queue != NULL)
		rc = store_change(store, d->job, d->queue, 0, on_decided, d);
	else
		rc = store_step(store, d->job, &d->step, on_decided, d);
	d->under_way = rc == 0;
	if (rc == -1)
		dispatch_start_tick(d->dispatch);
}

/* NULL: no memory, and all is read anew for that. */
static struct decision *
decision_new(struct dispatch *dispatch, uint64_t job)
{
	struct decision *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		dispatch_load_again(dispatch);
		return NULL;
	}
	d->dispatch = dispatch;
	d->job = job;
	TAILQ_INSERT_TAIL(&dispatch->decisions, d, link);
	return d;
}

static void
decide(struct dispatch *dispatch, uint64_t job, enum job_state state,
    uint32_t reasons, const char *why, const char *event)
{
	struct decision *d = decision_new(dispatch, job);

	if (d == NULL)
		return;
	d->step.state = state;
	d->step.reasons = reasons;
	d->step.keep_why = state == JOB_PENDING_HELD;
	d->event = event;
	snprintf(d->why, sizeof(d->why), "%s", why);
	submit(d);
}

void
dispatch_decide_again(struct dispatch *dispatch)
{
	struct decision *d, *next;

	for (d = TAILQ_FIRST(&dispatch->decisions); d != NULL; d = next) {
		next = TAILQ_NEXT(d, link);
		if (!d->under_way)
			submit(d);
	}
}

static void
forget(struct decision *d)
{
	if (d->under_way)
		d->dead = true;		/* its call-back frees it */
	else
		decision_free(d);
}

bool
dispatch_is_decided(const struct dispatch *dispatch, uint64_t job)
{
	const struct decision *d;

	TAILQ_FOREACH(d, &dispatch->decisions, link)
		if (d->job == job && d->queue == NULL && !d->dead)
			return true;
	return false;
}

void
dispatch_overrule(struct dispatch *dispatch, uint64_t job)
{
	struct decision *d, *next;

	for (d = TAILQ_FIRST(&dispatch->decisions); d != NULL; d = next) {
		next = TAILQ_NEXT(d, link);
		if (d->job == job)
			forget(d);
	}
}

/* That the store is gone says all about a trouble with it. */
void
dispatch_forget_decisions(struct dispatch *dispatch)
{
	struct decision *d, *next;

	dispatch->deciding = (struct trouble){ 0 };
	for (d = TAILQ_FIRST(&dispatch->decisions); d != NULL; d = next) {
		next = TAILQ_NEXT(d, link);
		d->in_vain = false;
		forget(d);
	}
}

/* ---- what it decides ---------------------------------------------------- */

/* A job that cannot be started for our want of something waits for the tick. */
static void
on_start(void *arg, uint64_t job, const char *port)
{
	struct dispatch *dispatch = arg;
	struct dispatch_early *early = dispatch_find_early(dispatch, job);
	struct place *place;

	if (early != NULL) {
		dispatch_early_start(early, port);
		return;
	}
	if (dispatch_run_start(dispatch, job, port) == 0)
		return;
	sched_done(dispatch->sched, job, SCHED_NOT_STARTED,
	    dispatch_now_ms(dispatch));
	dispatch_start_tick(dispatch);
	place = dispatch_find_place(dispatch, port);
	if (place == NULL)
		return;
	place->resting = true;
	dispatch_tell_port(dispatch, place);
}

static void
on_hold(void *arg, uint64_t job, enum sched_held why)
{
	static const struct {
		const char	*event, *why;
		uint32_t	 reasons;
	} holds[] = {
		[SCHED_HELD_EXPIRED] = { "expired",
		    "it has waited for longer than expire",
		    JOB_HOLD_UNTIL_SPECIFIED },
		[SCHED_HELD_RETRIES] = { "held",
		    "it failed as often as retries allows",
		    JOB_ABORTED_BY_SYSTEM },
		[SCHED_HELD_NO_QUEUE] = { "held",
		    "its queue is not in the configuration",
		    JOB_RESOURCES_NOT_READY },
	};

	decide(arg, job, JOB_PENDING_HELD, holds[why].reasons, holds[why].why,
	    holds[why].event);
}

static void
on_drop(void *arg, uint64_t job)
{
	decide(arg, job, JOB_ABORTED, JOB_ABORTED_BY_SYSTEM,
	    "it has waited for longer than expire", "expired");
}

/* The store gives an order of its own, which is last, too. */
static void
on_divert(void *arg, uint64_t job, const char *queue, uint64_t order)
{
	struct dispatch *dispatch = arg;
	struct decision *d = decision_new(dispatch, job);

	(void)order;
	if (d == NULL)
		return;
	d->queue = strdup(queue);
	if (d->queue != NULL) {
		submit(d);
		return;
	}
	decision_free(d);
	dispatch_load_again(dispatch);
}

const struct sched_ops dispatch_sched_ops = {
	.start = on_start, .hold = on_hold, .drop = on_drop,
	.divert = on_divert,
};

void
dispatch_decide_repeat(struct dispatch *dispatch, uint64_t job,
    uint64_t earlier, bool drop)
{
	char why[DISPATCH_WHY_LEN];

	snprintf(why, sizeof(why), "the same as job %llu, whose connection "
	    "broke when it was in already", (unsigned long long)earlier);
	if (drop)
		decide(dispatch, job, JOB_CANCELED, JOB_ABORTED_BY_SYSTEM, why,
		    "duplicate");
	else
		decide(dispatch, job, JOB_PENDING_HELD,
		    JOB_HOLD_UNTIL_SPECIFIED, why, "duplicate");
}
