/*
 * sched.c - what is due: one look at each queue that has changed, then starts.
 *
 * An op may change everything, so it is always called last, and after it no
 * record is trusted to be there still.
 */
#include <stdlib.h>

#include "sched.h"
#include "sched_internal.h"

struct sched *
sched_new(const struct sched_ops *ops, void *arg)
{
	struct sched *sched = calloc(1, sizeof(*sched));

	if (sched == NULL)
		return NULL;
	sched->ops = ops;
	sched->arg = arg;
	return sched;
}

void
sched_free(struct sched *sched)
{
	struct queue *queue;
	struct port *port;
	struct job *job;

	if (sched == NULL)
		return;
	while ((job = RB_MIN(jobs, &sched->jobs)) != NULL) {
		if (job->place == RUNNING)
			sched_done(sched, job->id, SCHED_GONE, 0);
		else
			sched_forget(sched, job);
	}
	while ((queue = RB_MIN(queues, &sched->queues)) != NULL)
		sched_remove_queue(sched, queue->name);
	while ((port = RB_MIN(ports, &sched->ports)) != NULL)
		sched_remove_port(sched, port->name);
	free(sched);
}

/* ---- jobs that may wait no longer ---------------------------------------- */

static void
hold(struct sched *sched, struct job *job, enum sched_held why)
{
	sched_leave(sched, job);
	job->place = HELD;
	sched->ops->hold(sched->arg, job->id, why);
}

static void
drop(struct sched *sched, struct job *job)
{
	uint64_t id = job->id;

	sched_forget(sched, job);
	sched->ops->drop(sched->arg, id);
}

static void
divert(struct sched *sched, struct job *job, struct queue *queue,
    int64_t now_ms)
{
	uint64_t last = queue->last_order;

	sched_leave(sched, job);
	sched_move(sched, job, queue);
	sched_set_order(job, last < UINT64_MAX ? last + 1 : last);
	job->since_ms = now_ms;
	job->diverted++;
	sched_enter(sched, job, IN_LINE);
	sched->ops->divert(sched->arg, job->id, queue->name, job->order);
}

/* Where an expired job goes; NULL: nowhere. */
static struct queue *
find_divert(const struct sched *sched, const struct job *job)
{
	const struct queue *queue = job->queue;
	struct queue *other;

	if (queue->is.expire != SCHED_EXPIRE_DIVERT ||
	    queue->is.divert == NULL || job->diverted == SCHED_DIVERT_MAX)
		return NULL;
	other = sched_find_queue(sched, queue->is.divert);
	return other != queue ? other : NULL;
}

static void
expire(struct sched *sched, struct job *job, int64_t now_ms)
{
	struct queue *other = find_divert(sched, job);

	if (other != NULL)
		divert(sched, job, other, now_ms);
	else if (job->queue->is.expire == SCHED_EXPIRE_DROP)
		drop(sched, job);
	else
		hold(sched, job, SCHED_HELD_EXPIRED);
}

/* When the first job of a queue expires. */
static int64_t
expiry_of(struct queue *queue)
{
	const struct job *oldest = RB_MIN(ages, &queue->ages);

	if (oldest == NULL || queue->is.expire_ms == 0)
		return NEVER;
	return later(oldest->since_ms, queue->is.expire_ms);
}

/* Get rid of one job that may wait no longer, if there is one. */
static bool
clear_one(struct sched *sched, struct queue *queue, int64_t now_ms)
{
	struct job *oldest = RB_MIN(ages, &queue->ages);
	struct job *spent = RB_MIN(line, &queue->spent);

	if (oldest != NULL && !queue->configured)
		hold(sched, oldest, SCHED_HELD_NO_QUEUE);
	else if (spent != NULL)
		hold(sched, spent, SCHED_HELD_RETRIES);
	else if (expiry_of(queue) <= now_ms)
		expire(sched, oldest, now_ms);
	else
		return false;
	return true;
}

/* ---- a look at a queue --------------------------------------------------- */

/*
 * Let the line begin with the job that is next.  `strict` keeps a job that
 * failed in line, to block it; the order may have been changed meanwhile, so
 * both directions are seen to here.
 */
static void
settle(struct queue *queue, int64_t now_ms)
{
	bool strict = queue->is.order == SCHED_STRICT;
	struct job *job;

	while ((job = RB_MIN(delays, &queue->delays)) != NULL &&
	    (strict || job->retry_ms <= now_ms))
		sched_undelay(job);
	while ((job = RB_MIN(line, &queue->line)) != NULL && !strict &&
	    job->retry_ms > now_ms)
		sched_delay(job);
}

/* When a job has to be tried again that is not to be tried now. */
static int64_t
retry_of(struct queue *queue, int64_t now_ms)
{
	const struct job *head = RB_MIN(line, &queue->line);
	const struct job *delayed = RB_MIN(delays, &queue->delays);

	if (head != NULL && head->retry_ms > now_ms)
		return head->retry_ms;
	return delayed != NULL ? delayed->retry_ms : NEVER;
}

static bool
may_start(struct queue *queue, int64_t now_ms)
{
	const struct job *head = RB_MIN(line, &queue->line);

	return !queue->is.paused && head != NULL && head->retry_ms <= now_ms;
}

static bool
has_healthy_port(const struct queue *queue)
{
	for (size_t i = 0; i < queue->is.n_ports; i++) {
		if (queue->links[i].port->health == SCHED_HEALTHY)
			return true;
	}
	return false;
}

/* When the backups of a queue that may start a job are to be taken. */
static int64_t
failover_of(struct queue *queue, int64_t now_ms)
{
	if (queue->is.n_backups == 0 || has_healthy_port(queue))
		return NEVER;
	if (queue->down_since_ms == NEVER)
		queue->down_since_ms = now_ms;
	return later(queue->down_since_ms, queue->is.failover_after_ms);
}

static int64_t
sooner(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/*
 * Look at a queue that is due: which of its ports it wants now, and when it is
 * to be looked at again.  True: an op was called instead.
 */
static bool
look_at(struct sched *sched, struct queue *queue, int64_t now_ms)
{
	int64_t due_ms, failover_ms;
	size_t n_wanted = 0;

	if (clear_one(sched, queue, now_ms))
		return true;
	settle(queue, now_ms);
	due_ms = sooner(expiry_of(queue), retry_of(queue, now_ms));
	if (may_start(queue, now_ms)) {
		n_wanted = queue->is.n_ports;
		failover_ms = failover_of(queue, now_ms);
		if (failover_ms <= now_ms)
			n_wanted += queue->is.n_backups;
		else
			due_ms = sooner(due_ms, failover_ms);
	}
	sched_set_hungry(sched, queue, n_wanted);
	sched_set_due(sched, queue, due_ms);
	return false;
}

/* ---- starts -------------------------------------------------------------- */

/* A port of a queue that is hungry for one which has room. */
static struct port *
first_port(const struct queue *queue)
{
	size_t i = 0;

	while (!sched_has_room(queue->links[i].port))
		i++;
	return queue->links[i].port;
}

/*
 * Start a job of the queue whose turn it is: the first of the first open port.
 * That one may not be the queue's first choice.
 */
static void
start_one(struct sched *sched)
{
	struct port *port = RB_MIN(open_ports, &sched->open);
	struct queue *queue = RB_MIN(hungry, &port->hungry)->queue;
	struct job *job = RB_MIN(line, &queue->line);

	port = first_port(queue);
	sched_leave(sched, job);
	sched_set_hungry(sched, queue, 0);
	queue->turn = ++sched->turns;
	job->place = RUNNING;
	job->port = port;
	port->refs++;
	sched_take_room(sched, port);
	sched->ops->start(sched->arg, job->id, port->name);
}

void
sched_run(struct sched *sched, int64_t now_ms)
{
	struct queue *queue;
	unsigned int n = 0;

	while (n < SCHED_RUN_MAX) {
		queue = RB_MIN(due, &sched->due);
		if (queue != NULL && queue->due_ms <= now_ms) {
			n += look_at(sched, queue, now_ms);
		} else if (!RB_EMPTY(&sched->open)) {
			start_one(sched);
			n++;
		} else {
			return;
		}
	}
}

int64_t
sched_next_ms(const struct sched *sched)
{
	/* Looking for the first changes nothing. */
	struct due *due = (struct due *)&sched->due;
	const struct queue *queue = RB_MIN(due, due);

	if (!RB_EMPTY(&sched->open))
		return AT_ONCE;
	return queue != NULL ? queue->due_ms : NEVER;
}
