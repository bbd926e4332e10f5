/*
 * sched_job.c - jobs and their places.
 */
#include <errno.h>
#include <stdlib.h>

#include "sched.h"
#include "sched_internal.h"

static int
compare_ids(const struct job *a, const struct job *b)
{
	return COMPARE(a->id, b->id);
}

static int
compare_places(const struct job *a, const struct job *b)
{
	if (a->priority != b->priority)
		return a->priority > b->priority ? -1 : 1;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	return compare_ids(a, b);
}

static int
compare_delays(const struct job *a, const struct job *b)
{
	int order = COMPARE(a->retry_ms, b->retry_ms);

	return order != 0 ? order : compare_ids(a, b);
}

static int
compare_ages(const struct job *a, const struct job *b)
{
	int order = COMPARE(a->since_ms, b->since_ms);

	return order != 0 ? order : compare_ids(a, b);
}

RB_GENERATE(jobs, job, by_id, compare_ids)
RB_GENERATE(line, job, by_place, compare_places)
RB_GENERATE(delays, job, by_place, compare_delays)
RB_GENERATE(ages, job, by_age, compare_ages)

static bool
waits(const struct job *job)
{
	return job->place <= SPENT;
}

static struct job *
find_job(const struct sched *sched, uint64_t id)
{
	struct job key = { .id = id };

	return RB_FIND(jobs, (struct jobs *)&sched->jobs, &key);
}

/* A job that does not run.  NULL: errno. */
static struct job *
find_idle(const struct sched *sched, uint64_t id)
{
	struct job *job = find_job(sched, id);

	if (job != NULL && job->place != RUNNING)
		return job;
	errno = job == NULL ? ENOENT : EBUSY;
	return NULL;
}

/* ---- places -------------------------------------------------------------- */

void
sched_enter(struct sched *sched, struct job *job, enum place place)
{
	struct queue *queue = job->queue;

	job->place = (uint8_t)place;
	if (place == SPENT)
		RB_INSERT(line, &queue->spent, job);
	else
		RB_INSERT(line, &queue->line, job);
	RB_INSERT(ages, &queue->ages, job);
	queue->n_waiting++;
	sched_touch(sched, queue);
}

void
sched_leave(struct sched *sched, struct job *job)
{
	struct queue *queue = job->queue;

	if (job->place == DELAYED)
		RB_REMOVE(delays, &queue->delays, job);
	else if (job->place == SPENT)
		RB_REMOVE(line, &queue->spent, job);
	else
		RB_REMOVE(line, &queue->line, job);
	RB_REMOVE(ages, &queue->ages, job);
	queue->n_waiting--;
	sched_touch(sched, queue);
}

void
sched_delay(struct job *job)
{
	RB_REMOVE(line, &job->queue->line, job);
	job->place = DELAYED;
	RB_INSERT(delays, &job->queue->delays, job);
}

void
sched_undelay(struct job *job)
{
	RB_REMOVE(delays, &job->queue->delays, job);
	job->place = IN_LINE;
	RB_INSERT(line, &job->queue->line, job);
}

void
sched_move(struct sched *sched, struct job *job, struct queue *queue)
{
	queue->refs++;
	sched_unref_queue(sched, job->queue);
	job->queue = queue;
	job->attempts = 0;
	job->retry_ms = 0;
}

void
sched_set_order(struct job *job, uint64_t order)
{
	job->order = order;
	if (order > job->queue->last_order)
		job->queue->last_order = order;
}

/* ---- a job's life -------------------------------------------------------- */

int
sched_add(struct sched *sched, const struct sched_job *is)
{
	struct job *job;

	if (find_job(sched, is->id) != NULL) {
		errno = EEXIST;
		return -1;
	}
	job = calloc(1, sizeof(*job));
	if (job == NULL)
		return -1;
	job->queue = sched_ref_queue(sched, is->queue);
	if (job->queue == NULL) {
		free(job);
		errno = ENOMEM;
		return -1;
	}
	job->id = is->id;
	job->priority = is->priority;
	job->since_ms = is->since_ms;
	job->attempts = is->attempts;
	sched_set_order(job, is->order);
	RB_INSERT(jobs, &sched->jobs, job);
	if (is->held)
		job->place = HELD;
	else
		sched_enter(sched, job, IN_LINE);
	return 0;
}

void
sched_forget(struct sched *sched, struct job *job)
{
	if (waits(job))
		sched_leave(sched, job);
	RB_REMOVE(jobs, &sched->jobs, job);
	sched_unref_queue(sched, job->queue);
	free(job);
}

static void
try_again(struct sched *sched, struct job *job, int64_t now_ms)
{
	const struct sched_queue *is = &job->queue->is;
	bool spent;

	job->attempts++;
	job->retry_ms = later(now_ms, is->retry_after_ms);
	spent = is->retries > 0 && job->attempts >= is->retries;
	sched_enter(sched, job, spent ? SPENT : IN_LINE);
}

void
sched_done(struct sched *sched, uint64_t id, enum sched_verdict verdict,
    int64_t now_ms)
{
	struct job *job = find_job(sched, id);

	if (job == NULL || job->place != RUNNING)
		return;
	sched_unref_port(sched, job->port);
	job->retry_ms = 0;
	job->place = HELD;
	switch (verdict) {
	case SCHED_AGAIN:
		try_again(sched, job, now_ms);
		break;
	case SCHED_NOT_STARTED:
		sched_enter(sched, job, IN_LINE);
		break;
	case SCHED_DONE:
	case SCHED_GONE:
		sched_forget(sched, job);
		break;
	}
}

int
sched_remove(struct sched *sched, uint64_t id)
{
	struct job *job = find_idle(sched, id);

	if (job == NULL)
		return -1;
	sched_forget(sched, job);
	return 0;
}

int
sched_hold(struct sched *sched, uint64_t id)
{
	struct job *job = find_idle(sched, id);

	if (job == NULL)
		return -1;
	if (waits(job))
		sched_leave(sched, job);
	job->place = HELD;
	return 0;
}

int
sched_release(struct sched *sched, uint64_t id, int64_t now_ms)
{
	struct job *job = find_idle(sched, id);

	if (job == NULL)
		return -1;
	if (waits(job))
		return 0;
	job->since_ms = now_ms;
	job->retry_ms = 0;
	job->attempts = 0;
	job->diverted = 0;
	sched_enter(sched, job, IN_LINE);
	return 0;
}

int
sched_change(struct sched *sched, uint64_t id, const char *name,
    uint32_t priority, uint64_t order)
{
	struct job *job = find_idle(sched, id);
	struct queue *queue = sched_find_queue(sched, name);
	enum place place;

	if (job == NULL)
		return -1;
	if (queue == NULL) {
		errno = ENOENT;
		return -1;
	}
	place = job->place == DELAYED ? IN_LINE : job->place;
	if (waits(job))
		sched_leave(sched, job);
	if (queue != job->queue) {
		sched_move(sched, job, queue);
		place = place == HELD ? HELD : IN_LINE;
	}
	job->priority = priority;
	sched_set_order(job, order);
	if (place != HELD)
		sched_enter(sched, job, place);
	return 0;
}

int
sched_get(const struct sched *sched, uint64_t id, struct sched_job *is)
{
	const struct job *job = find_job(sched, id);

	if (job == NULL) {
		errno = ENOENT;
		return -1;
	}
	*is = (struct sched_job){
		.id = id, .priority = job->priority, .order = job->order,
		.since_ms = job->since_ms, .attempts = job->attempts,
		.held = job->place == HELD,
	};
	return 0;
}

bool
sched_knows(const struct sched *sched, uint64_t id, bool *running)
{
	const struct job *job = find_job(sched, id);

	if (running != NULL)
		*running = job != NULL && job->place == RUNNING;
	return job != NULL;
}
