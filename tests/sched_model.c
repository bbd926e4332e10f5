/*
 * sched_model.c - see sched_model.h.
 */
#include <string.h>

#include <check.h>

#include "sched_model.h"

const char *const model_queue_names[N_QUEUES] = { "q", "r", "s", "t", "u" };
const char *const model_port_names[N_PORTS] = { "a", "b", "c", "d" };

/* An op that jobs which wait no longer call for. */
enum due { NOTHING, HOLD_NO_QUEUE, HOLD_RETRIES, HOLD_EXPIRED, DROP, DIVERT };

void
model_init(struct model *model)
{
	memset(model, 0, sizeof(*model));
	for (int q = 0; q < N_QUEUES; q++)
		model->queues[q].down_since_ms = INT64_MAX;
}

/* ---- questions ----------------------------------------------------------- */

static bool
waits(const struct model_job *job)
{
	return job->state == WAITING || job->state == SPENT;
}

static enum due
due_if_expired(const struct model *model, const struct model_job *job)
{
	const struct model_queue *queue = &model->queues[job->queue];

	if (queue->is.expire == SCHED_EXPIRE_DROP)
		return DROP;
	if (queue->is.expire == SCHED_EXPIRE_DIVERT &&
	    queue->divert != job->queue &&
	    model->queues[queue->divert].exists &&
	    job->diverted < SCHED_DIVERT_MAX)
		return DIVERT;
	return HOLD_EXPIRED;
}

static enum due
due_of(const struct model *model, const struct model_job *job)
{
	const struct model_queue *queue = &model->queues[job->queue];

	if (!waits(job))
		return NOTHING;
	if (!queue->exists)
		return HOLD_NO_QUEUE;
	if (job->state == SPENT)
		return HOLD_RETRIES;
	if (queue->is.expire_ms > 0 &&
	    job->is.since_ms + queue->is.expire_ms <= model->now_ms)
		return due_if_expired(model, job);
	return NOTHING;
}

static bool
is_any_due(const struct model *model)
{
	for (int j = 0; j < N_JOBS; j++) {
		if (due_of(model, &model->jobs[j]) != NOTHING)
			return true;
	}
	return false;
}

static bool
is_before(const struct model_job *a, const struct model_job *b)
{
	if (a->is.priority != b->is.priority)
		return a->is.priority > b->is.priority;
	if (a->is.order != b->is.order)
		return a->is.order < b->is.order;
	return a->is.id < b->is.id;
}

/* The job of a queue that would be started now, if there were a port. */
static struct model_job *
next_job(struct model *model, int q)
{
	const struct model_queue *queue = &model->queues[q];
	struct model_job *next = NULL, *job;

	for (job = model->jobs; job < model->jobs + N_JOBS; job++) {
		if (job->queue != q || !waits(job))
			continue;
		if (queue->is.order == SCHED_FAST &&
		    job->retry_ms > model->now_ms)
			continue;
		if (next == NULL || is_before(job, next))
			next = job;
	}
	if (!queue->exists || queue->is.paused || next == NULL ||
	    next->retry_ms > model->now_ms)
		return NULL;
	return next;
}

static bool
has_healthy_port(const struct model *model, const struct model_queue *queue)
{
	for (size_t i = 0; i < queue->is.n_ports; i++) {
		if (model->ports[queue->pool[i]].healthy)
			return true;
	}
	return false;
}

/* -1: none. */
static int
next_port(const struct model *model, const struct model_queue *queue)
{
	size_t n = queue->is.n_ports;
	const struct model_port *port;

	if (queue->down_since_ms != INT64_MAX &&
	    queue->down_since_ms + queue->is.failover_after_ms <=
	    model->now_ms)
		n += queue->is.n_backups;
	for (size_t i = 0; i < n; i++) {
		port = &model->ports[queue->pool[i]];
		if (port->healthy && port->room > 0)
			return queue->pool[i];
	}
	return -1;
}

/* The queue that starts a job next; -1: none. */
static int
next_queue(struct model *model)
{
	const struct model_queue *queues = model->queues;
	int next = -1;

	for (int q = 0; q < N_QUEUES; q++) {
		if (next_job(model, q) == NULL ||
		    next_port(model, &queues[q]) == -1)
			continue;
		if (next == -1 || queues[q].turn < queues[next].turn)
			next = q;
	}
	return next;
}

/* Failover counts from when a job first waits with no other port healthy. */
static void
start_clocks(struct model *model)
{
	struct model_queue *queue;

	for (int q = 0; q < N_QUEUES; q++) {
		queue = &model->queues[q];
		if (next_job(model, q) != NULL && queue->is.n_backups > 0 &&
		    queue->down_since_ms == INT64_MAX &&
		    !has_healthy_port(model, queue))
			queue->down_since_ms = model->now_ms;
	}
}

bool
model_is_due(struct model *model)
{
	if (is_any_due(model))
		return true;
	start_clocks(model);
	return next_queue(model) != -1;
}

/* ---- what the scheduler is told ------------------------------------------ */

static void
stop_clocks(struct model *model)
{
	struct model_queue *queue;

	for (int q = 0; q < N_QUEUES; q++) {
		queue = &model->queues[q];
		if (!queue->exists || has_healthy_port(model, queue))
			queue->down_since_ms = INT64_MAX;
	}
}

void
model_set_queue(struct model *model, int q, const struct model_queue *is)
{
	struct model_queue *queue = &model->queues[q];
	int64_t down_since_ms = queue->down_since_ms;
	uint64_t turn = queue->exists ? queue->turn : ++model->turns;

	*queue = *is;
	queue->exists = true;
	queue->turn = turn;
	queue->down_since_ms = down_since_ms;
	stop_clocks(model);
}

void
model_remove_queue(struct model *model, int q)
{
	model->queues[q].exists = false;
	stop_clocks(model);
}

void
model_set_port(struct model *model, int p, unsigned int room, bool healthy)
{
	model->ports[p] = (struct model_port){ healthy, room };
	stop_clocks(model);
}

void
model_done(struct model *model, struct model_job *job,
    enum sched_verdict verdict)
{
	const struct model_queue *queue = &model->queues[job->queue];

	job->state = WAITING;
	job->retry_ms = 0;
	if (verdict == SCHED_DONE || verdict == SCHED_GONE) {
		job->state = FREE;
	} else if (verdict == SCHED_AGAIN) {
		job->is.attempts++;
		job->retry_ms = model->now_ms;
		if (!queue->exists)
			return;
		job->retry_ms += queue->is.retry_after_ms;
		if (queue->is.retries > 0 &&
		    job->is.attempts >= queue->is.retries)
			job->state = SPENT;
	}
}

void
model_release(struct model *model, struct model_job *job)
{
	if (job->state != HELD)
		return;
	job->state = WAITING;
	job->is.since_ms = model->now_ms;
	job->is.attempts = 0;
	job->retry_ms = 0;
	job->diverted = 0;
}

void
model_change(struct model_job *job, int queue, uint32_t priority,
    uint64_t order)
{
	if (queue != job->queue) {
		job->state = job->state == HELD ? HELD : WAITING;
		job->is.attempts = 0;
		job->retry_ms = 0;
	}
	job->queue = queue;
	job->is.priority = priority;
	job->is.order = order;
}

/* ---- what the scheduler says --------------------------------------------- */

static struct model_job *
find_job(struct model *model, uint64_t id)
{
	for (int j = 0; j < N_JOBS; j++) {
		if (model->jobs[j].state != FREE && model->jobs[j].is.id == id)
			return &model->jobs[j];
	}
	ck_abort_msg("job %d is not there", (int)id);
}

/* What must hold for a start, whatever else is right. */
static void
judge_start(const struct model *model, const struct model_job *job, int p)
{
	const struct model_queue *queue = &model->queues[job->queue];
	const struct model_job *other;

	ck_assert_int_eq(job->state, WAITING);
	ck_assert(queue->exists && !queue->is.paused);
	ck_assert(model->ports[p].healthy);
	ck_assert_uint_gt(model->ports[p].room, 0);
	for (other = model->jobs; other < model->jobs + N_JOBS; other++) {
		if (queue->is.order == SCHED_STRICT && waits(other) &&
		    other->queue == job->queue && is_before(other, job))
			ck_abort_msg("job %d was passed", (int)other->is.id);
	}
}

static int
port_number(const char *name)
{
	int p = 0;

	while (strcmp(model_port_names[p], name) != 0)
		p++;
	return p;
}

static void
op_start(void *arg, uint64_t id, const char *port)
{
	struct model *model = arg;
	struct model_job *job = find_job(model, id);
	int p = port_number(port), q;

	judge_start(model, job, p);
	ck_assert(!is_any_due(model));
	start_clocks(model);
	q = next_queue(model);
	ck_assert_int_eq(q, job->queue);
	ck_assert_ptr_eq(next_job(model, q), job);
	ck_assert_int_eq(next_port(model, &model->queues[q]), p);
	job->state = RUNNING;
	job->port = p;
	model->ports[p].room--;
	model->queues[q].turn = ++model->turns;
}

static void
op_hold(void *arg, uint64_t id, enum sched_held why)
{
	static const enum due reasons[] = {
		[SCHED_HELD_EXPIRED] = HOLD_EXPIRED,
		[SCHED_HELD_RETRIES] = HOLD_RETRIES,
		[SCHED_HELD_NO_QUEUE] = HOLD_NO_QUEUE,
	};
	struct model_job *job = find_job(arg, id);

	ck_assert_int_eq(due_of(arg, job), reasons[why]);
	job->state = HELD;
}

static void
op_drop(void *arg, uint64_t id)
{
	struct model_job *job = find_job(arg, id);

	ck_assert_int_eq(due_of(arg, job), DROP);
	job->state = FREE;
}

static void
op_divert(void *arg, uint64_t id, const char *queue, uint64_t order)
{
	struct model *model = arg;
	struct model_job *job = find_job(model, id), *other;
	int q = model->queues[job->queue].divert;

	ck_assert_int_eq(due_of(model, job), DIVERT);
	ck_assert_str_eq(queue, model_queue_names[q]);
	for (other = model->jobs; other < model->jobs + N_JOBS; other++) {
		if (other->state != FREE && other->queue == q &&
		    other->is.order >= order)
			ck_abort_msg("job %d is not behind", (int)id);
	}
	model_change(job, q, job->is.priority, order);
	job->is.since_ms = model->now_ms;
	job->diverted++;
}

const struct sched_ops model_ops = { op_start, op_hold, op_drop, op_divert };
