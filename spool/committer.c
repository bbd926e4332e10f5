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

#include "backend.h"
#include "committer.h"
#include "data.h"
#include "pool.h"
#include "spooldir.h"

/* How often a batch is begun anew without the operation that spoilt it. */
#define ROUNDS	4

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

/* Wait for work and take it; false at the end. */
static bool
take(struct committer *com, struct op_list *batch)
{
	struct op *op;
	int n;

	pthread_mutex_lock(&com->lock);
	while (STAILQ_EMPTY(&com->queue) && !com->stop)
		pthread_cond_wait(&com->work, &com->lock);
	for (n = 0; n < COMMITTER_BATCH; n++) {
		op = STAILQ_FIRST(&com->queue);
		if (op == NULL)
			break;
		STAILQ_REMOVE_HEAD(&com->queue, link);
		STAILQ_INSERT_TAIL(batch, op, link);
	}
	pthread_mutex_unlock(&com->lock);
	return n > 0;
}

static void *
work(void *arg)
{
	struct op_list batch = STAILQ_HEAD_INITIALIZER(batch);
	struct committer *com = arg;

	while (take(com, &batch))
		run(com, &batch);
	return NULL;
}

int
committer_start(struct committer *com)
{
	int error;

	STAILQ_INIT(&com->queue);
	com->stop = false;
	pthread_mutex_init(&com->lock, NULL);
	pthread_cond_init(&com->work, NULL);
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
