/*
 * dispatch_early.c - a job that is printed while it still arrives.
 *
 *	arriving -> in line --its turn--> fed to a port --accepted--> a run
 *	    |                                 |                       like any
 *	    | whole: out of the line          | aborted, or its port
 *	    v accepted: a job like any        v failed: no run
 *
 * The store does not know the job before its commit, so nothing of this is on
 * record: should the daemon end now, the client hears that it failed, and the
 * printer drops it.  With its commit the record has, at once, that a port is
 * at it.  If only the port fails, the job goes on arriving and is printed anew
 * when it is whole.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch_internal.h"
#include "follow.h"
#include "log.h"
#include "monitor/monitor.h"
#include "port.h"
#include "spooler.h"

/* Behind all that is whole, in the order of arrival. */
#define EARLY_ORDER	(UINT64_C(1) << 62)

struct dispatch_early *
dispatch_find_early(const struct dispatch *dispatch, uint64_t job)
{
	struct job id = { .id = job };
	struct dispatch_early key = { .job = &id };

	return RB_FIND(early_tree, (struct early_tree *)(uintptr_t)
	    &dispatch->earlies, &key);
}

static void
early_free(struct dispatch_early *early)
{
	RB_REMOVE(early_tree, &early->dispatch->earlies, early);
	job_free(early->job);
	free(early);
}

/* ---- it stands in line -------------------------------------------------- */

struct dispatch_early *
dispatch_arriving(struct dispatch *dispatch, struct incoming *in,
    const struct job_about *about)
{
	struct job_about_document document = { .copies = 1 };
	struct dispatch_early *early = calloc(1, sizeof(*early));
	struct sched_job known;

	if (early == NULL)
		return NULL;
	early->dispatch = dispatch;
	early->in = in;
	early->job = job_new(incoming_id(in), about);
	if (early->job == NULL || job_add_document(early->job, &document) ==
	    NULL)
		goto fail;
	known = (struct sched_job){ .id = early->job->id,
	    .queue = early->job->queue, .priority = early->job->priority,
	    .order = EARLY_ORDER + early->job->id,
	    .since_ms = dispatch_now_ms(dispatch) };
	if (sched_add(dispatch->sched, &known) == -1)
		goto fail;
	RB_INSERT(early_tree, &dispatch->earlies, early);
	dispatch_step(dispatch);
	return early;

fail:
	job_free(early->job);
	free(early);
	return NULL;
}

/* ---- its turn has come -------------------------------------------------- */

/* The file cannot be read: the port must not wait for the rest of it. */
static void
on_follow_failed(void *arg, int error)
{
	struct run *run = arg;

	if (error != -EPIPE && run->port != NULL)
		port_cancel_document(run->port, &run->doc, PP_JOB_DELETING);
}

static int
feed(struct dispatch_early *early, struct run *run)
{
	run->job = early->job;
	run->follow = follow_new(early->dispatch->base, early->in,
	    &run->doc.fd);
	if (run->follow == NULL) {
		run->doc.fd = -1;	/* whatever was written there */
		return -1;
	}
	follow_watch(run->follow, on_follow_failed, run);
	return dispatch_run_print(run);
}

/* What cannot be fed now is printed when it is whole. */
void
dispatch_early_start(struct dispatch_early *early, const char *port)
{
	struct dispatch *dispatch = early->dispatch;
	struct place *place = dispatch_find_place(dispatch, port);
	struct run *run = NULL;

	if (place != NULL)
		run = dispatch_run_new(dispatch, early->job->id, place);
	if (run != NULL && !dispatch_run_must_wait(place) &&
	    feed(early, run) == 0) {
		run->early = early;
		early->run = run;
		early->place = place;
		log_put(LOG_LEVEL_DEBUG, "job is printed while it arrives",
		    LOG_NUM("job", run->id), LOG_TEXT("port", port));
		return;
	}
	sched_done(dispatch->sched, early->job->id, SCHED_GONE,
	    dispatch_now_ms(dispatch));
	if (run == NULL)
		return;
	run->job = NULL;
	dispatch_run_free(run);
	dispatch_tell_port(dispatch, place);
}

/* ---- how it goes on ----------------------------------------------------- */

/*
 * What goes on record with the commit: that a port is at it, or that it has
 * been; should we end before anything else is, it is known.
 */
void
dispatch_arriving_whole(struct dispatch_early *early)
{
	struct job_step step = { .state = JOB_PENDING, .restarted = true,
	    .now_ms = dispatch_wall_ms() };

	if (early == NULL)
		return;
	if (early->run != NULL) {
		step.state = JOB_PROCESSING;
		step.reasons = JOB_PRINTING;
		step.restarted = false;
		step.port = early->run->place->name;
	} else
		(void)sched_remove(early->dispatch->sched, early->job->id);
	if ((early->run != NULL || early->begun) &&
	    incoming_step(early->in, &step) == -1)
		log_put(LOG_LEVEL_WARNING, "job is marked later as one that "
		    "may be on paper", LOG_NUM("job", early->job->id),
		    LOG_TEXT("reason", strerror(errno)));
	early->in = NULL;
}

/* The port has given it back meanwhile; so it is to wait again. */
static void
put_back(struct dispatch_early *early, const struct job *job)
{
	struct dispatch *dispatch = early->dispatch;
	struct past fresh = dispatch_fresh(dispatch);
	struct run *run = NULL;

	if (early->begun || job->state != JOB_PENDING)
		run = dispatch_run_new(dispatch, job->id, early->place);
	if (run == NULL) {
		early_free(early);
		dispatch_put(dispatch, job, &fresh);
		return;
	}
	run->begun = early->begun;
	early_free(early);
	dispatch_run_put_back(run);
}

/* Of a job that the record has as waiting, for there was no memory. */
static void
on_noted(void *arg, int error)
{
	(void)arg;
	(void)error;		/* the mark of its end will tell */
}

static void
note_printing(const struct run *run)
{
	struct store *store = spooler_store(run->dispatch->spooler);
	struct job_step step = { .state = JOB_PROCESSING,
	    .reasons = JOB_PRINTING, .port = run->place->name,
	    .now_ms = dispatch_wall_ms() };

	if (store != NULL && store_step(store, run->id, &step, on_noted,
	    NULL) == -1)
		log_put(LOG_LEVEL_ERROR, "the state of a job cannot be "
		    "recorded", LOG_NUM("job", run->id),
		    LOG_TEXT("reason", strerror(errno)));
}

void
dispatch_early_accept(struct dispatch_early *early, const struct job *job)
{
	struct run *run = early->run;

	if (run == NULL) {
		put_back(early, job);
		return;
	}
	if (job->state != JOB_PROCESSING)
		note_printing(run);
	follow_finish(run->follow, job->bytes);
	run->early = NULL;
	RB_REMOVE(early_tree, &early->dispatch->earlies, early);
	free(early);			/* the run has its job */
}

void
dispatch_arriving_abort(struct dispatch_early *early)
{
	struct run *run;

	if (early == NULL)
		return;
	run = early->run;
	if (run == NULL) {
		(void)sched_remove(early->dispatch->sched, early->job->id);
		early_free(early);
		return;
	}
	RB_REMOVE(early_tree, &early->dispatch->earlies, early);
	free(early);
	run->early = NULL;
	run->no_record = true;
	follow_abort(run->follow);
	port_cancel_document(run->port, &run->doc, PP_JOB_DELETING);
}

void
dispatch_early_end(struct run *run, const struct wire_outcome *outcome)
{
	struct dispatch *dispatch = run->dispatch;
	struct dispatch_early *early = run->early;
	struct place *place = run->place;

	log_put(LOG_LEVEL_INFO, "job is not printed while it arrives any more",
	    LOG_NUM("job", run->id), LOG_TEXT("reason", outcome->text));
	sched_done(dispatch->sched, run->id, SCHED_GONE,
	    dispatch_now_ms(dispatch));
	if (early != NULL) {
		early->begun |= run->begun;
		early->run = NULL;
		run->job = NULL;	/* early's, again */
	}
	dispatch_run_free(run);
	dispatch_tell_port(dispatch, place);
	dispatch_step(dispatch);
}
