/*
 * dispatch_load.c - from the store's records into the scheduler.
 *
 * After the store was opened all unfinished jobs are read, a page at a time;
 * later single ones, when their record has changed in a way that the scheduler
 * did not decide.  A record that cannot be read now is read later: what is not
 * in the scheduler will not be printed before a restart.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "dispatch_internal.h"
#include "log.h"
#include "notify.h"
#include "shared_conf.h"
#include "spooler.h"

/* Jobs in one page: some milliseconds of the loop. */
#define PAGE	2000

static struct question *
question_new(struct dispatch *dispatch, uint64_t job)
{
	struct question *q = calloc(1, sizeof(*q));

	if (q == NULL)
		return NULL;
	q->dispatch = dispatch;
	q->job = job;
	q->generation = dispatch->generation;
	return q;
}

/* Is the answer one of the store that is open now? */
static bool
is_current(const struct question *q)
{
	return q->generation == q->dispatch->generation;
}

/* ---- what only the scheduler knows -------------------------------------- */

struct past
dispatch_past(const struct dispatch *dispatch, uint64_t job)
{
	struct sched_job is;

	if (sched_get(dispatch->sched, job, &is) == -1)
		return (struct past){ .known = false };
	return (struct past){ .known = true, .since_ms = is.since_ms,
	    .attempts = is.attempts };
}

struct past
dispatch_fresh(const struct dispatch *dispatch)
{
	return (struct past){ .known = true,
	    .since_ms = dispatch_now_ms(dispatch) };
}

/* ---- one job ------------------------------------------------------------ */

bool
dispatch_is_orphan(const struct job *job)
{
	return job->state == JOB_PENDING_HELD &&
	    (job->reasons & JOB_RESOURCES_NOT_READY) != 0;
}

static void
ask_later(struct question *q)
{
	TAILQ_INSERT_TAIL(&q->dispatch->asked_later, q, link);
	dispatch_start_tick(q->dispatch);
}

static void
on_released(void *arg, int error)
{
	struct question *q = arg;

	if (is_current(q) && error != 0) {
		q->past.known = false;
		ask_later(q);
		return;
	}
	if (is_current(q))
		dispatch_refresh(q->dispatch, q->job, &q->past);
	free(q);
}

static void
release(struct dispatch *dispatch, uint64_t job)
{
	struct store *store = spooler_store(dispatch->spooler);
	struct job_step step = { .state = JOB_PENDING,
	    .now_ms = dispatch_wall_ms() };
	struct question *q;

	if (store == NULL)
		return;
	q = question_new(dispatch, job);
	if (q != NULL) {
		q->past = dispatch_fresh(dispatch);
		if (store_step(store, job, &step, on_released, q) == 0)
			return;
	}
	free(q);
	dispatch_load_again(dispatch);
}

/* A name may be written otherwise since the job came. */
static void
schedule(struct dispatch *dispatch, const struct job *job,
    const struct conf_queue *queue, const struct past *past)
{
	struct sched_job known = {
		.id = job->id, .priority = job->priority,
		.queue = queue != NULL ? queue->name : job->queue,
		.order = job->order, .since_ms = past->since_ms,
		.attempts = past->attempts,
		.held = job->state == JOB_PENDING_HELD,
	};

	(void)sched_remove(dispatch->sched, job->id);
	if (sched_add(dispatch->sched, &known) == -1 && errno == ENOMEM)
		dispatch_load_again(dispatch);
}

/* Without what the scheduler knew: it may wait since it came. */
static struct past
past_of_record(const struct dispatch *dispatch, const struct job *job)
{
	return (struct past){ .known = true, .attempts = job->attempts,
	    .since_ms = job->attempts == 0 && !job->restarted ?
	    job->created_ms : dispatch_now_ms(dispatch) };
}

void
dispatch_put(struct dispatch *dispatch, const struct job *job,
    const struct past *past)
{
	const struct conf_queue *queue = dispatch_queue(dispatch, job->queue);
	struct past of_record = past_of_record(dispatch, job);

	if (job_finished(job->state) ||
	    dispatch_find_run(dispatch, job->id) != NULL ||
	    dispatch_find_early(dispatch, job->id) != NULL ||
	    dispatch_is_decided(dispatch, job->id))
		return;
	schedule(dispatch, job, queue, past != NULL && past->known ? past :
	    &of_record);
	if (dispatch_is_orphan(job) && dispatch_serves(queue))
		release(dispatch, job->id);
	dispatch_step(dispatch);
}

/* ---- the record of one job ---------------------------------------------- */

static void
on_refreshed(void *arg, int error, struct job *job)
{
	struct question *q = arg;

	if (is_current(q) && error != 0 && error != -ENOENT) {
		ask_later(q);
		return;
	}
	if (is_current(q) && error == 0)
		dispatch_put(q->dispatch, job, &q->past);
	job_free(job);
	free(q);
}

static void
ask(struct question *q)
{
	struct store *store = spooler_store(q->dispatch->spooler);

	if (store == NULL)
		free(q);		/* all will be read */
	else if (store_get(store, q->job, on_refreshed, q) == -1)
		ask_later(q);
}

void
dispatch_refresh(struct dispatch *dispatch, uint64_t job,
    const struct past *past)
{
	struct question *q = question_new(dispatch, job);

	if (q == NULL) {
		dispatch_load_again(dispatch);
		return;
	}
	if (past != NULL)
		q->past = *past;
	ask(q);
}

void
dispatch_refresh_later(struct dispatch *dispatch)
{
	struct question_list list = TAILQ_HEAD_INITIALIZER(list);
	struct question *q;

	TAILQ_CONCAT(&list, &dispatch->asked_later, link);
	while ((q = TAILQ_FIRST(&list)) != NULL) {
		TAILQ_REMOVE(&list, q, link);
		ask(q);
	}
}

void
dispatch_forget_questions(struct dispatch *dispatch)
{
	struct question *q;

	while ((q = TAILQ_FIRST(&dispatch->asked_later)) != NULL) {
		TAILQ_REMOVE(&dispatch->asked_later, q, link);
		free(q);
	}
}

/* ---- many --------------------------------------------------------------- */

static void load_after(struct dispatch *dispatch, const struct job *last);

static void
on_all_known(struct dispatch *dispatch)
{
	dispatch_trouble_over(&dispatch->reading_jobs, &dispatch->jobs_unread,
	    "jobs of the spool are known now");
	dispatch->loading = false;
	dispatch->loaded = !dispatch->load_again;
	dispatch->load_again = false;
	if (!dispatch->loaded)
		dispatch_load(dispatch);
	dispatch_step(dispatch);
}

static void
load_failed(struct dispatch *dispatch)
{
	dispatch->loading = false;
	dispatch_start_tick(dispatch);
}

/* What is waiting already keeps what the scheduler knows of it. */
static void
put_page(struct dispatch *dispatch, const struct job_list *list)
{
	struct past past;
	size_t i;

	for (i = 0; i < list->n; i++) {
		past = dispatch_past(dispatch, list->jobs[i]->id);
		if (!past.known)
			past = (struct past){ .known = true,
			    .since_ms = list->jobs[i]->created_ms,
			    .attempts = list->jobs[i]->attempts };
		dispatch_put(dispatch, list->jobs[i], &past);
	}
	if (list->n == PAGE)
		load_after(dispatch, list->jobs[list->n - 1]);
	else
		on_all_known(dispatch);
}

static void
on_page(void *arg, int error, struct job_list *list)
{
	struct question *q = arg;
	struct dispatch *dispatch = q->dispatch;

	if (is_current(q) && error == 0)
		put_page(dispatch, list);
	else if (is_current(q)) {
		dispatch_trouble(&dispatch->reading_jobs,
		    &dispatch->jobs_unread, "jobs of the spool cannot be read, "
		    "it is tried again", 0, error);
		load_failed(dispatch);
	}
	job_list_free(list);
	free(q);
}

static void
load_after(struct dispatch *dispatch, const struct job *last)
{
	struct store *store = spooler_store(dispatch->spooler);
	struct store_filter filter = { .which = STORE_UNFINISHED,
	    .limit = PAGE, .after = last };
	struct question *q = question_new(dispatch, 0);

	if (q != NULL && store != NULL &&
	    store_list(store, &filter, on_page, q) == 0)
		return;
	free(q);
	load_failed(dispatch);
}

/* What is paused comes first, or some of it might be printed. */
void
dispatch_load(struct dispatch *dispatch)
{
	if (dispatch->loading || dispatch->loaded)
		return;
	if (!dispatch->pauses_known) {
		dispatch_load_pauses(dispatch);
		return;
	}
	dispatch->loading = true;
	load_after(dispatch, NULL);
}

void
dispatch_load_again(struct dispatch *dispatch)
{
	if (dispatch->loading)
		dispatch->load_again = true;
	dispatch->loaded = false;
	dispatch_start_tick(dispatch);
}

static void
on_orphans(void *arg, int error, struct job_list *list)
{
	struct question *q = arg;
	size_t i;

	if (is_current(q) && error != 0)
		dispatch_load_again(q->dispatch);
	for (i = 0; is_current(q) && error == 0 && i < list->n; i++)
		if (dispatch_is_orphan(list->jobs[i]))
			release(q->dispatch, list->jobs[i]->id);
	job_list_free(list);
	free(q);
}

void
dispatch_release_orphans(struct dispatch *dispatch, const char *queue)
{
	struct store *store = spooler_store(dispatch->spooler);
	struct store_filter filter = { .which = STORE_UNFINISHED,
	    .queue = queue, .limit = UINT32_MAX };
	struct question *q;

	if (store == NULL)
		return;			/* all will be read */
	q = question_new(dispatch, 0);
	if (q != NULL && store_list(store, &filter, on_orphans, q) == 0)
		return;
	free(q);
	dispatch_load_again(dispatch);
}

/* ---- notices ------------------------------------------------------------ */

static void
on_noticed(void *arg, int error, struct job *job)
{
	struct question *q = arg;
	const struct conf_queue *queue = error != 0 ? NULL :
	    dispatch_queue(q->dispatch, job->queue);

	if (error == 0)
		log_put(LOG_LEVEL_WARNING, "job is held",
		    LOG_NUM("job", job->id), LOG_TEXT("queue", job->queue),
		    LOG_TEXT("event", q->event), LOG_TEXT("reason", job->why));
	else
		log_put(LOG_LEVEL_WARNING, "job is held, and nobody is told",
		    LOG_NUM("job", q->job), LOG_TEXT("event", q->event),
		    LOG_TEXT("reason", strerror(-error)));
	if (queue != NULL && queue->notify != NULL)
		notify_job(q->dispatch->notify, queue->notify, q->event, job,
		    job->why);
	job_free(job);
	free(q);
}

void
dispatch_notify(struct dispatch *dispatch, uint64_t job, const char *event)
{
	struct store *store = spooler_store(dispatch->spooler);
	struct question *q = question_new(dispatch, job);

	if (q != NULL) {
		q->event = event;
		if (store != NULL &&
		    store_get(store, job, on_noticed, q) == 0)
			return;
	}
	free(q);
	log_put(LOG_LEVEL_WARNING, "job is held, and nobody is told",
	    LOG_NUM("job", job), LOG_TEXT("event", event));
}
