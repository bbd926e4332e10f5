/*
 * dispatch_run.c - a job on its way through a port.
 *
 *	            +-> IN_LINE
 *	            |       v
 *	start -> MARKING -> FETCHING -> PRINTING --last document--> RECORDING
 *	            | failed    ^ next      | failed, canceled         | ^
 *	            |           +-----------+------------------------->+ |
 *	            +---------------------------------------->      RETRYING
 *
 * The documents and copies of a job come out of its port one behind the other:
 * a job that was started meanwhile stands in line until it has the last.
 *
 * While a run exists the scheduler has its job as running; settle() is the one
 * way out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "counters.h"
#include "dispatch_internal.h"
#include "follow.h"
#include "log.h"
#include "monitor/monitor.h"
#include "port.h"
#include "shared_conf.h"
#include "spooler.h"

static void end_as_wished(struct run *run);
static void end_untouched(struct run *run, const char *why);
static void fetch(struct run *run);
static void note(struct run *run, const char *trouble);
static void record(struct run *run);
static void send_line_back(struct place *place);

/* Runs up to here have not reached their port. */
static bool
on_the_way(enum run_state state)
{
	return state == RUN_MARKING || state == RUN_IN_LINE ||
	    state == RUN_FETCHING;
}

/* Another document or copy is to come, behind the one that is at hand. */
static bool
has_more(const struct run *run)
{
	const struct job *job = run->job;

	return job != NULL && (run->number + 1 < job->n_documents ||
	    run->copy + 1 < job->documents[run->number].copies);
}

/* What its place counts it for. */
static void
count(struct run *run)
{
	struct place *place = run->place;

	place->on_the_way += on_the_way(run->state);
	place->in_line += run->state == RUN_IN_LINE;
	run->dispatch->n_in_line += run->state == RUN_IN_LINE;
	run->keeps = (run->state == RUN_FETCHING ||
	    run->state == RUN_PRINTING) && has_more(run);
	place->keepers += run->keeps;
}

/* Those in line may go on now. */
static void
uncount(struct run *run)
{
	struct place *place = run->place;

	place->on_the_way -= on_the_way(run->state);
	place->in_line -= run->state == RUN_IN_LINE;
	run->dispatch->n_in_line -= run->state == RUN_IN_LINE;
	place->keepers -= run->keeps;
	run->keeps = false;
	if (place->in_line > 0)
		dispatch_step(run->dispatch);
}

/* The scheduler has taken room for it, and gets it back only from us. */
static void
enter(struct run *run, enum run_state state)
{
	struct place *place = run->place;
	unsigned int was_on_the_way = place->on_the_way;
	bool was_kept = place->keepers > 0;

	uncount(run);
	run->state = state;
	count(run);
	if (place->on_the_way != was_on_the_way ||
	    (place->keepers > 0) != was_kept)
		dispatch_tell_port(run->dispatch, place);
}

/* ---- the end ------------------------------------------------------------ */

static void
close_document(struct run *run)
{
	if (run->doc.fd != -1)
		close(run->doc.fd);
	run->doc.fd = -1;
}

/* The port has done with it. */
static void
leave_port(struct run *run)
{
	run->port = NULL;
	close_document(run);
	follow_free(run->follow);
	run->follow = NULL;
}

void
dispatch_run_free(struct run *run)
{
	struct dispatch *dispatch = run->dispatch;

	uncount(run);
	if (run->state == RUN_RETRYING)
		TAILQ_REMOVE(&dispatch->retrying, run, in_retry);
	TAILQ_REMOVE(&run->place->runs, run, at_place);
	RB_REMOVE(run_tree, &dispatch->runs, run);
	dispatch->n_runs--;
	close_document(run);
	follow_free(run->follow);
	job_free(run->job);
	free(run->wish_queue);
	free(run->wish_by);
	free(run);
}

/* A wish that came too late for the end that is being recorded. */
static bool
wish_is_open(const struct run *run)
{
	return run->wish != RUN_WISH_NONE && !run->granted;
}

static void
tell_wisher(struct run *run, int error)
{
	dispatch_done_fn *done = run->wish_done;

	run->wish_done = NULL;
	if (done != NULL)
		done(run->wish_arg, error);
}

/*
 * The end is on record, or there is no such job any more.  A job that is not
 * over goes back to its place in the queue, or where its record says.
 */
static void
settle(struct run *run, int error)
{
	struct dispatch *dispatch = run->dispatch;
	struct place *place = run->place;
	enum job_state state = run->end.state;
	enum sched_verdict verdict = run->verdict;
	uint64_t id = run->id;
	bool wished = run->wish != RUN_WISH_NONE;
	bool known = sched_knows(dispatch->sched, id, NULL);
	struct past past = dispatch_past(dispatch, id);

	dispatch_trouble_over(&dispatch->ending, &run->in_vain,
	    "nothing is left to be recorded of how jobs ended");
	if (run->wish == RUN_WISH_MOVE && run->wish_queue != NULL)
		past.attempts = 0;
	if (known)
		sched_done(dispatch->sched, id, error != 0 ? SCHED_GONE :
		    verdict, dispatch_now_ms(dispatch));
	tell_wisher(run, error == 0 && wish_is_open(run) ? -EINVAL : error);
	dispatch_run_free(run);
	dispatch_tell_port(dispatch, place);
	if (error == 0 && state == JOB_PENDING_HELD && !wished)
		dispatch_notify(dispatch, id, "held");
	if (error != 0 || (!job_finished(state) && (!known ||
	    verdict == SCHED_GONE)))
		dispatch_refresh(dispatch, id, &past);
	dispatch_step(dispatch);
}

static void
retry_later(struct run *run)
{
	enter(run, RUN_RETRYING);
	TAILQ_INSERT_TAIL(&run->dispatch->retrying, run, in_retry);
	dispatch_start_tick(run->dispatch);
}

/* A store that had to be opened again has made a waiting job of it. */
static void
record_chained(struct run *run)
{
	run->chained = true;
	record(run);
}

/* There is nothing more to be recorded. */
static void
on_end_known(struct run *run, int error)
{
	if (error == 0 && wish_is_open(run) && !job_finished(run->end.state)) {
		end_as_wished(run);
		return;
	}
	if (error != 0)
		log_put(LOG_LEVEL_ERROR, "the end of a job cannot be "
		    "recorded", LOG_NUM("job", run->id),
		    LOG_TEXT("reason", strerror(-error)));
	settle(run, error);
}

/* With the directory gone no document can be read: that is no fault of it. */
static void
on_store_gone(struct run *run)
{
	if ((run->end.reasons & JOB_DOCUMENT_ACCESS_ERROR) != 0)
		end_untouched(run, "the spool was lost");
	else
		retry_later(run);
}

/* The first error is the one that counts: what follows may come of it. */
static void
on_recorded(void *arg, int error)
{
	struct run *run = arg;

	run->pending--;
	if (run->error == 0)
		run->error = error;
	if (run->pending > 0)
		return;
	switch (run->error) {
	case 0:
	case -ENOENT:
		on_end_known(run, run->error);
		break;
	case -EINVAL:
		if (run->chained)
			on_end_known(run, run->error);
		else
			record_chained(run);
		break;
	case -ENXIO:
		on_store_gone(run);
		break;
	default:
		dispatch_trouble(&run->dispatch->ending, &run->in_vain,
		    "how a job ended cannot be recorded, it is tried again",
		    run->id, run->error);
		retry_later(run);
	}
}

static bool
submit(struct run *run, const struct job_step *step)
{
	struct store *store = spooler_store(run->dispatch->spooler);

	if (store == NULL || store_step(store, run->id, step, on_recorded,
	    run) == -1)
		return false;
	run->pending++;
	return true;
}

static bool
submit_move(struct run *run)
{
	struct store *store = spooler_store(run->dispatch->spooler);

	if (store == NULL || store_change(store, run->id, run->wish_queue,
	    run->wish_priority, on_recorded, run) == -1)
		return false;
	run->pending++;
	return true;
}

static void
record(struct run *run)
{
	struct job_step step = { .state = JOB_PENDING };
	bool good = true;

	run->end.now_ms = step.now_ms = dispatch_wall_ms();
	run->end.why = run->end_why;
	run->error = 0;
	enter(run, RUN_RECORDING);
	if (run->chained) {
		good = submit(run, &step);
		step.state = JOB_PROCESSING;
		good = good && submit(run, &step);
	}
	good = good && submit(run, &run->end);
	if (good && run->wish == RUN_WISH_MOVE && run->granted)
		good = submit_move(run);
	if (good)
		return;
	run->error = -ENOMEM;		/* a part is not the whole */
	if (run->pending == 0)
		retry_later(run);
}

void
dispatch_run_retry(struct dispatch *dispatch)
{
	struct run_list list = TAILQ_HEAD_INITIALIZER(list);
	struct run *run;

	TAILQ_CONCAT(&list, &dispatch->retrying, in_retry);
	while ((run = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, run, in_retry);
		run->state = RUN_RECORDING;
		record(run);
	}
}

/* ---- how it ended ------------------------------------------------------- */

static void
end(struct run *run, enum job_state state, uint32_t reasons, const char *why,
    enum sched_verdict verdict)
{
	run->end = (struct job_step){ .state = state, .reasons = reasons,
	    .restarted = run->begun && state != JOB_COMPLETED,
	    .untouched = verdict == SCHED_NOT_STARTED,
	    .pages = run->pages };
	run->verdict = verdict;
	run->chained = false;
	snprintf(run->end_why, sizeof(run->end_why), "%s", why);
	close_document(run);
	record(run);
}

static void
end_as_wished(struct run *run)
{
	char why[DISPATCH_WHY_LEN];

	run->granted = true;
	switch (run->wish) {
	case RUN_WISH_CANCEL:
		counters.canceled++;
		snprintf(why, sizeof(why), "canceled by %s", run->wish_by);
		end(run, JOB_CANCELED, JOB_CANCELED_BY_OPERATOR, why,
		    SCHED_GONE);
		break;
	case RUN_WISH_HOLD:
		snprintf(why, sizeof(why), "held by %s", run->wish_by);
		end(run, JOB_PENDING_HELD, JOB_HOLD_UNTIL_SPECIFIED, why,
		    SCHED_GONE);
		break;
	case RUN_WISH_MOVE:
	case RUN_WISH_NONE:
		end(run, JOB_PENDING, 0, "", run->wish == RUN_WISH_MOVE ?
		    SCHED_GONE : SCHED_NOT_STARTED);
		break;
	}
}

/*
 * Back to its place, as if nothing had been.  Its port has not changed, so it
 * is the tick that gives the room back which the start has taken.
 */
static void
end_untouched(struct run *run, const char *why)
{
	dispatch_start_tick(run->dispatch);
	if (run->wish != RUN_WISH_NONE)
		end_as_wished(run);
	else
		end(run, JOB_PENDING, 0, why, SCHED_NOT_STARTED);
}

/*
 * We are short of something ourselves: its port gets no job before the next
 * tick, for that would end in the same way.
 */
static void
end_for_want(struct run *run, int error)
{
	run->place->resting = true;
	dispatch_start_tick(run->dispatch);
	if (error != -ENXIO)		/* of which the spooler tells */
		dispatch_trouble(&run->dispatch->starting,
		    &run->place->in_want, "a job cannot be started, it is "
		    "tried again", run->id, error);
	end_untouched(run, strerror(-error));
}

void
dispatch_run_put_back(struct run *run)
{
	end_untouched(run, "");
}

static void
end_unreadable(struct run *run, int error)
{
	char why[DISPATCH_WHY_LEN];

	snprintf(why, sizeof(why), "its data cannot be read: %s",
	    strerror(-error));
	log_put(LOG_LEVEL_ERROR, "job is held", LOG_NUM("job", run->id),
	    LOG_TEXT("reason", why));
	end(run, JOB_PENDING_HELD, JOB_DOCUMENT_ACCESS_ERROR, why,
	    SCHED_GONE);
}

/* One attempt more; the scheduler may hold it for that. */
static void
end_failed(struct run *run, const char *why)
{
	counters.failed++;
	if (run->wish != RUN_WISH_NONE)
		end_as_wished(run);
	else
		end(run, JOB_PENDING, JOB_PRINTER_STOPPED, why, SCHED_AGAIN);
}

/* The port is well, and will not have this job: now, or ever. */
static void
end_refused(struct run *run, const struct wire_outcome *outcome)
{
	bool hold = outcome->verdict == WIRE_HOLD;

	log_put(LOG_LEVEL_WARNING, hold ? "job is held" : "job is aborted",
	    LOG_NUM("job", run->id), LOG_TEXT("port", run->place->name),
	    LOG_TEXT("reason", outcome->text));
	if (run->wish != RUN_WISH_NONE)
		end_as_wished(run);
	else if (hold)
		end(run, JOB_PENDING_HELD, JOB_HOLD_UNTIL_SPECIFIED,
		    outcome->text, SCHED_GONE);
	else
		end(run, JOB_ABORTED, JOB_ABORTED_BY_SYSTEM, outcome->text,
		    SCHED_GONE);
}

/* The job waits for another port, or for a person to resume this one. */
static void
end_stopped(struct run *run, const char *why)
{
	log_put(LOG_LEVEL_ERROR, "port is paused by its monitor; look at it, "
	    "then resume it", LOG_TEXT("port", run->place->name),
	    LOG_TEXT("reason", why));
	if (dispatch_pause_port(run->dispatch, run->place->name, true, NULL,
	    NULL) == -1)
		log_put(LOG_LEVEL_ERROR, "port could not be paused",
		    LOG_TEXT("port", run->place->name),
		    LOG_TEXT("reason", strerror(errno)));
	if (run->wish != RUN_WISH_NONE)
		end_as_wished(run);
	else
		end(run, JOB_PENDING, JOB_PRINTER_STOPPED, why, run->begun ?
		    SCHED_AGAIN : SCHED_NOT_STARTED);
}

/*
 * Its port could not begin it, which is the port's trouble, not the job's: no
 * attempt, and the pauses of the port say when it is tried there again.
 */
static void
end_not_begun(struct run *run, const char *why)
{
	if (run->wish != RUN_WISH_NONE)
		end_as_wished(run);
	else
		end(run, JOB_PENDING, JOB_PRINTER_STOPPED, why,
		    SCHED_NOT_STARTED);
}

/* ---- the port ----------------------------------------------------------- */

/* On to the next copy or document; false: that was the last. */
static bool
advance(struct run *run)
{
	if (++run->copy < run->job->documents[run->number].copies)
		return true;
	run->copy = 0;
	return ++run->number < run->job->n_documents;
}

/* why is there if the port sent it, and could not see that it is printed. */
static void
on_printed_one(struct run *run, const char *why)
{
	if (advance(run)) {
		if (run->wish != RUN_WISH_NONE)
			end_as_wished(run);
		else
			fetch(run);
		return;
	}
	counters.printed++;
	end(run, JOB_COMPLETED, JOB_COMPLETED_SUCCESSFULLY, why, SCHED_DONE);
}

/*
 * What a monitor finds wrong with a document is not the port's trouble, and a
 * host that died may have died of the document.  Documents and copies of the
 * job that are on paper already would be there once more with each try.
 */
static bool
is_ports_trouble(const struct run *run, const struct wire_outcome *outcome)
{
	switch (outcome->code) {
	case 0:
	case PP_INVALID_PARAMETER:
	case PP_INVALID_NAME:
	case PP_INVALID_DATA:
		return false;
	default:
		return !run->begun;
	}
}

static void
on_printed(struct document *doc, const struct wire_outcome *outcome)
{
	struct run *run = (struct run *)((char *)doc -
	    offsetof(struct run, doc));

	leave_port(run);
	run->begun |= document_touched(outcome);
	run->pages += outcome->pages;
	if (run->early != NULL || run->no_record) {
		dispatch_early_end(run, outcome);
		return;
	}
	switch (outcome->verdict) {
	case WIRE_DONE:
		on_printed_one(run, outcome->text);
		return;
	case WIRE_NOTHING:
		if (outcome->code == 0)
			on_printed_one(run, "");
		else
			end_unreadable(run, outcome->code);
		return;
	case WIRE_INCOMPLETE:
		end_unreadable(run, outcome->code);
		return;
	case WIRE_UNTOUCHED:
	case WIRE_CANCELED:
		end_untouched(run, outcome->text);
		return;
	case WIRE_HOLD:
	case WIRE_DROP:
		end_refused(run, outcome);
		return;
	case WIRE_STOP:
		end_stopped(run, outcome->text);
		return;
	case WIRE_RETRY:
		if (is_ports_trouble(run, outcome))
			end_not_begun(run, outcome->text);
		else
			end_failed(run, outcome->text);
		return;
	case WIRE_FAILED:
	case WIRE_VERDICT_COUNT:
		end_failed(run, outcome->text);
		return;
	}
}

/* Should the daemon end now, the record says that it need not print it. */
static void
on_sent(struct document *doc)
{
	struct run *run = (struct run *)((char *)doc -
	    offsetof(struct run, doc));
	char trouble[PORT_TROUBLE_LEN];

	if (run->early != NULL || run->no_record)
		return;
	if (has_more(run)) {
		/* Its last page may take long to come out. */
		send_line_back(run->place);
		return;
	}
	run->sent = true;
	note(run, run->stopped ? port_trouble(run->port, trouble) : "");
}

/*
 * Things may have changed since it was started.  The ports that we know may be
 * gone when we are to stop.
 */
static bool
may_print(const struct run *run)
{
	const struct dispatch *dispatch = run->dispatch;

	return !dispatch->stopping &&
	    spooler_store(dispatch->spooler) != NULL &&
	    run->place->port != NULL && port_healthy(run->place->port);
}

int
dispatch_run_print(struct run *run)
{
	const struct job *job = run->job;

	run->about = (struct document_about){
		.user = job->user, .host = job->host, .title = job->title,
		.datatype = job->documents[run->number].format,
		.name = job->documents[run->number].name,
		.extra = job->extra,
		.submitted = job->created_ms / 1000,
	};
	run->doc.job = run->id;
	run->doc.spooled = true;
	/* Of several, a monitor could not tell which it has had. */
	run->doc.flags = job->restarted && job->n_documents == 1 &&
	    job->documents[0].copies == 1 ? WIRE_DOC_RESTARTED : 0;
	run->doc.queue = job->queue;
	run->doc.about = &run->about;
	run->doc.sent = on_sent;
	run->doc.done = on_printed;
	if (!may_print(run) || port_print(run->place->port, &run->doc) == -1)
		return -1;
	run->port = run->place->port;
	dispatch_trouble_over(&run->dispatch->starting, &run->place->in_want,
	    "no job is kept from its start any more");
	enter(run, RUN_PRINTING);
	return 0;
}

/* ---- on the way there --------------------------------------------------- */

/* Nothing that this one document could be blamed for. */
static bool
is_want(int error)
{
	return error == -ENOMEM || error == -EMFILE || error == -ENFILE ||
	    error == -EUCLEAN || error == -ENXIO;
}

static void
on_document(void *arg, int error, int fd, uint64_t size)
{
	struct run *run = arg;

	(void)size;
	run->pending--;
	run->doc.fd = error == 0 ? fd : -1;
	if (run->wish != RUN_WISH_NONE)
		end_as_wished(run);
	else if (is_want(error))
		end_for_want(run, error);
	else if (error != 0)
		end_unreadable(run, error);
	else if (dispatch_run_print(run) == -1)
		end_untouched(run, "the port takes no documents now");
}

static void
fetch(struct run *run)
{
	struct store *store = spooler_store(run->dispatch->spooler);

	enter(run, RUN_FETCHING);
	if (store == NULL || store_document(store, run->id,
	    (unsigned int)run->number + 1, on_document, run) == -1) {
		end_untouched(run, "the spool is down");
		return;
	}
	run->pending++;
}

/* ---- in line ------------------------------------------------------------ */

/*
 * What is fetched comes in the order in which it was asked for, so that the
 * last document of a job keeps nobody.
 */
bool
dispatch_run_must_wait(const struct place *place)
{
	return place->keepers > 0 || place->in_line > 0;
}

static void
advance_line(struct place *place)
{
	struct run *run;

	if (place->in_line == 0)
		return;
	TAILQ_FOREACH(run, &place->runs, at_place) {
		if (place->keepers > 0)
			return;
		if (run->state == RUN_IN_LINE)
			fetch(run);
	}
}

void
dispatch_run_line(struct dispatch *dispatch)
{
	struct place *place;

	if (dispatch->n_in_line == 0)
		return;
	RB_FOREACH(place, place_tree, &dispatch->places)
		advance_line(place);
}

/* The port takes its time, or is in trouble: another may be better. */
static void
send_line_back(struct place *place)
{
	struct run *run;

	if (place->in_line == 0)
		return;
	TAILQ_FOREACH(run, &place->runs, at_place)
		if (run->state == RUN_IN_LINE)
			end_untouched(run, "");
}

/* Mark and record are both there. */
static void
on_ready(struct run *run)
{
	if (run->error == -ENOENT || run->error == -EINVAL)
		settle(run, run->error);
	else if (run->error != 0) {
		/* It may be marked or not: put it right when that is possible. */
		end_for_want(run, run->error);
	} else if (run->wish != RUN_WISH_NONE)
		end_as_wished(run);
	else if (run->job->n_documents == 0)
		end(run, JOB_COMPLETED, JOB_COMPLETED_SUCCESSFULLY,
		    "it has no document", SCHED_DONE);
	else if (dispatch_run_must_wait(run->place))
		enter(run, RUN_IN_LINE);
	else
		fetch(run);
}

static void
on_marked(void *arg, int error)
{
	struct run *run = arg;

	run->pending--;
	if (error != 0)
		run->error = error;
	if (run->pending == 0)
		on_ready(run);
}

static void
on_got(void *arg, int error, struct job *job)
{
	struct run *run = arg;

	run->pending--;
	if (run->error == 0)
		run->error = error;
	run->job = job;
	if (run->pending == 0)
		on_ready(run);
}

static void
mark(struct run *run, struct store *store)
{
	struct job_step step = { .state = JOB_PROCESSING,
	    .reasons = JOB_PRINTING, .port = run->place->name,
	    .now_ms = dispatch_wall_ms() };

	if (store_step(store, run->id, &step, on_marked, run) == 0)
		run->pending++;
	else
		run->error = -errno;
	if (store_get(store, run->id, on_got, run) == 0)
		run->pending++;
	else
		run->error = -errno;
}

struct run *
dispatch_run_new(struct dispatch *dispatch, uint64_t job, struct place *place)
{
	struct run *run = calloc(1, sizeof(*run));

	if (run == NULL)
		return NULL;
	run->dispatch = dispatch;
	run->place = place;
	run->id = job;
	run->doc.fd = -1;
	run->state = RUN_MARKING;
	count(run);
	RB_INSERT(run_tree, &dispatch->runs, run);
	TAILQ_INSERT_TAIL(&place->runs, run, at_place);
	dispatch->n_runs++;
	return run;
}

int
dispatch_run_start(struct dispatch *dispatch, uint64_t job, const char *port)
{
	struct store *store = spooler_store(dispatch->spooler);
	struct place *place = dispatch_find_place(dispatch, port);
	struct run *run = NULL;

	if (store != NULL && place != NULL)
		run = dispatch_run_new(dispatch, job, place);
	if (run == NULL)
		return -1;
	mark(run, store);
	if (run->pending > 0)
		return 0;
	dispatch_run_free(run);
	return -1;
}

/* ---- while it prints ---------------------------------------------------- */

/* The other states see the wish when what is pending has come. */
void
dispatch_run_end_early(struct run *run)
{
	if (run->port != NULL)
		port_cancel_document(run->port, &run->doc,
		    run->wish == RUN_WISH_CANCEL ? PP_JOB_DELETING : 0);
	else if (run->state == RUN_IN_LINE)
		end_as_wished(run);
}

/*
 * For people to see; should it fail there will be another, or the end.  The
 * store orders it before the mark of the end, so nobody waits for it.
 */
static void
on_noted(void *arg, int error)
{
	(void)arg;
	(void)error;
}

static void
note(struct run *run, const char *trouble)
{
	struct store *store = spooler_store(run->dispatch->spooler);
	struct job_step step = { .now_ms = dispatch_wall_ms(),
	    .state = run->stopped ? JOB_PROCESSING_STOPPED : JOB_PROCESSING,
	    .reasons = (run->stopped ? JOB_PRINTER_STOPPED : JOB_PRINTING) |
	    (run->sent ? JOB_QUEUED_IN_DEVICE : 0), .why = trouble };

	if (store != NULL && store_step(store, run->id, &step, on_noted,
	    NULL) == -1 && !run->sent)
		run->stopped = !run->stopped;	/* the next change tells */
}

void
dispatch_run_port_changed(struct dispatch *dispatch, struct place *place)
{
	char trouble[PORT_TROUBLE_LEN];
	struct run *run;
	bool stopped;

	(void)dispatch;
	if (place->port == NULL)
		return;
	if (place->in_line > 0 && port_room(place->port) == 0)
		send_line_back(place);
	if (port_state(place->port) != PORT_OPEN)
		return;
	(void)port_trouble(place->port, trouble);
	stopped = trouble[0] != '\0' && !port_healthy(place->port);
	TAILQ_FOREACH(run, &place->runs, at_place) {
		if (run->state != RUN_PRINTING || run->stopped == stopped)
			continue;
		run->stopped = stopped;
		note(run, trouble);
	}
}
