/*
 * committer.c - one batch after the other.
 *
 *	take -> refuse -> sync directory -> begin, apply each, commit -> settle
 *	  ^                                   |        |                    |
 *	  |                                   +-- again without what       |
 *	  +------------ post ----------------------- cannot be applied <----+
 */
#include <errno.h>
#include <string.h>
#include <time.h>

#include "backend.h"
#include "committer.h"
#include "data.h"
#include "pool.h"
#include "spooldir.h"

/* How often a batch is begun anew without the operation that spoilt it. */
#define ROUNDS	4

#define NS_PER_S	INT64_C(1000000000)
/* Longest wait for more jobs, and most batches without a try. */
#define LINGER_NS	INT64_C(5000000)
#define REST_MAX	64

static bool
suspect(const struct data_dir *dir)
{
	return atomic_load(&dir->sync_failures) != atomic_load(&dir->forgiven);
}

enum store_health
committer_health(const struct committer *com)
{
	enum store_health health = (enum store_health)
	    atomic_load(&com->health);

	return health == STORE_OK && suspect(com->dir) ? STORE_SUSPECT :
	    health;
}

void
committer_damaged(struct committer *com)
{
	if (atomic_exchange(&com->health, STORE_DAMAGED) != STORE_DAMAGED)
		com->ops->mark(com->be);
}

void
committer_gone(struct committer *com)
{
	atomic_store(&com->health, STORE_GONE);
}

int
committer_look(struct committer *com)
{
	if (spooldir_present(com->root) && data_present(com->dir) &&
	    com->ops->present(com->be))
		return 0;
	committer_gone(com);
	return -ENXIO;
}

/* What cannot be put right while we run stays. */
static void
worsen(struct committer *com, int error)
{
	int ok = STORE_OK;

	if (error == -EUCLEAN)
		committer_damaged(com);
	else if (error == -EIO)
		atomic_compare_exchange_strong(&com->health, &ok,
		    STORE_SUSPECT);
}

int
committer_probe(struct committer *com)
{
	com->probed = atomic_load(&com->dir->sync_failures);
	return data_probe(com->dir);
}

void
committer_trust(struct committer *com)
{
	int was = STORE_SUSPECT;

	atomic_store(&com->dir->forgiven, com->probed);
	atomic_compare_exchange_strong(&com->health, &was, STORE_OK);
}

static void
fail_all(struct op_list *batch, int error)
{
	struct op *op;

	STAILQ_FOREACH(op, batch, link)
		if (op->error == 0)
			op->error = error;
}

/* Refuse now what cannot be kept. */
static void
refuse(struct committer *com, struct op_list *batch)
{
	enum store_health health;
	struct op *op;

	(void)committer_look(com);
	health = committer_health(com);
	if (health == STORE_GONE)
		fail_all(batch, -ENXIO);
	else if (health != STORE_OK)
		STAILQ_FOREACH(op, batch, link)
			if (op->brings_job && op->error == 0)
				op->error = -EIO;
}

/* One sync makes the names of all files in the batch durable. */
static void
sync_dir(struct committer *com, struct op_list *batch)
{
	bool needed = false;
	struct op *op;
	int error;

	STAILQ_FOREACH(op, batch, link)
		needed |= op->files && op->error == 0;
	if (!needed)
		return;
	error = data_sync_dir(com->dir);
	if (error == 0)
		return;
	STAILQ_FOREACH(op, batch, link)
		if (op->files && op->error == 0)
			op->error = error;
}

/* 0, or the error of the operation that spoilt the transaction. */
static int
apply(struct committer *com, struct op_list *batch)
{
	struct op *op;

	STAILQ_FOREACH(op, batch, link) {
		if (op->error != 0)
			continue;
		op->error = op->apply(op);
		if (op->error == 0)
			continue;
		worsen(com, op->error);
		if (com->ops->spoilt(com->be))
			return op->error;
	}
	return 0;
}

/*
 * What a commit wrote whose sync then failed is in the log, whole, and would
 * count again if we ended now: but its clients have been told "no", and print
 * it once more.  So it is written over.  Should that fail too, the sync's
 * failure stands, and nothing is accepted before a probe has succeeded.
 */
static void
write_over(struct committer *com)
{
	if (com->ops->begin(com->be) != 0)
		return;
	if (com->ops->touch(com->be) != 0 || com->ops->commit(com->be) != 0)
		com->ops->rollback(com->be);
}

static void
transact(struct committer *com, struct op_list *batch)
{
	int rounds;
	int error;

	for (rounds = 0; rounds < ROUNDS; rounds++) {
		error = com->ops->begin(com->be);
		if (error != 0)
			break;
		error = apply(com, batch);
		if (error != 0) {
			com->ops->rollback(com->be);
			continue;
		}
		error = com->ops->commit(com->be);
		if (error != 0) {
			com->ops->rollback(com->be);
			write_over(com);
		}
		break;
	}
	if (error == 0)
		atomic_fetch_add(&com->commits, 1);
	else {
		worsen(com, error);
		fail_all(batch, error);
	}
}

static void
settle(struct op_list *batch)
{
	struct op *op;

	STAILQ_FOREACH(op, batch, link)
		if (op->settle != NULL)
			op->settle(op);
}

static bool
any_left(const struct op_list *batch)
{
	const struct op *op;

	STAILQ_FOREACH(op, batch, link)
		if (op->error == 0)
			return true;
	return false;
}

static void
run(struct committer *com, struct op_list *batch)
{
	refuse(com, batch);
	sync_dir(com, batch);
	if (any_left(batch))
		transact(com, batch);
	settle(batch);
	data_look_free(com->dir);
	mailbox_post_list(com->box, batch);
}

/* ---- batches --------------------------------------------------------- */

static int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

/* With the lock, as are those up to take(). */
static bool
hopes(const struct committer *com)
{
	return com->jobs < com->hope && com->jobs < COMMITTER_JOBS &&
	    !com->stop;
}

static bool
wait_for_jobs(struct committer *com)
{
	int64_t most = com->took_ns / 2;
	int64_t until = now_ns() + (most < LINGER_NS ? most : LINGER_NS);
	struct timespec ts = { .tv_sec = until / NS_PER_S,
	    .tv_nsec = until % NS_PER_S };
	int error = 0;

	com->lingers = true;
	while (hopes(com) && error == 0)
		error = pthread_cond_timedwait(&com->work, &com->lock, &ts);
	com->lingers = false;
	return !hopes(com);
}

/*
 * Clients that were answered together are back together, a moment later, but
 * after the steps of the jobs before: a batch of those alone would have them
 * wait for two syncs instead of one.  So as many jobs are waited for as there
 * were, but only for half the time of a batch: beyond that it is better to do
 * something meanwhile.  Where they did not come it is not tried again for a
 * while.
 */
static void
linger(struct committer *com)
{
	if (!hopes(com))
		return;
	if (com->rest > 0)
		com->rest--;
	else if (wait_for_jobs(com))
		com->vain = 0;
	else {
		com->vain = com->vain < REST_MAX ? com->vain * 2 + 1 :
		    com->vain;
		com->rest = com->vain;
	}
}

/* Wait for work and take it; false at the end. */
static bool
take(struct committer *com, struct op_list *batch)
{
	struct op *op;
	size_t jobs = 0;
	int n;

	pthread_mutex_lock(&com->lock);
	while (STAILQ_EMPTY(&com->queue) && !com->stop)
		pthread_cond_wait(&com->work, &com->lock);
	linger(com);
	for (n = 0; n < COMMITTER_BATCH; n++) {
		op = STAILQ_FIRST(&com->queue);
		if (op == NULL)
			break;
		STAILQ_REMOVE_HEAD(&com->queue, link);
		STAILQ_INSERT_TAIL(batch, op, link);
		jobs += op->brings_job;
	}
	com->jobs -= jobs;
	com->hope = jobs;
	pthread_mutex_unlock(&com->lock);
	return n > 0;
}

/* Who came in the meantime is there beside those who come back. */
static void
measure(struct committer *com, int64_t begun_ns)
{
	com->took_ns = now_ns() - begun_ns;
	pthread_mutex_lock(&com->lock);
	com->hope += com->jobs;
	pthread_mutex_unlock(&com->lock);
}

static void *
work(void *arg)
{
	struct op_list batch = STAILQ_HEAD_INITIALIZER(batch);
	struct committer *com = arg;
	int64_t begun_ns;

	while (take(com, &batch)) {
		begun_ns = now_ns();
		run(com, &batch);
		measure(com, begun_ns);
	}
	return NULL;
}

static void
init_work(struct committer *com)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&com->work, &attributes);
	pthread_condattr_destroy(&attributes);
}

int
committer_start(struct committer *com)
{
	int error;

	STAILQ_INIT(&com->queue);
	com->stop = false;
	pthread_mutex_init(&com->lock, NULL);
	init_work(com);
	error = pool_thread(&com->thread, work, com);
	if (error == 0)
		return 0;
	pthread_cond_destroy(&com->work);
	pthread_mutex_destroy(&com->lock);
	return error;
}

void
committer_submit(struct committer *com, struct op *op)
{
	pthread_mutex_lock(&com->lock);
	STAILQ_INSERT_TAIL(&com->queue, op, link);
	com->jobs += op->brings_job;
	if (!com->lingers || !hopes(com))
		pthread_cond_signal(&com->work);
	pthread_mutex_unlock(&com->lock);
}

void
committer_stop(struct committer *com)
{
	pthread_mutex_lock(&com->lock);
	com->stop = true;
	pthread_cond_signal(&com->work);
	pthread_mutex_unlock(&com->lock);
	pthread_join(com->thread, NULL);
	pthread_cond_destroy(&com->work);
	pthread_mutex_destroy(&com->lock);
}
