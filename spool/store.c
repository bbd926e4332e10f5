/*
 * store.c - threads, counters, and the operations that write.
 *
 * Each operation is an op in front of what it needs: apply runs in the
 * committer's transaction, settle after its outcome, done for the asker.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sequence.h"
#include "store_internal.h"

#define DATA_NAME	"data"
#define DATA_THREADS	4
/*
 * They have much to do, copying and hashing large jobs; the asker's loop must
 * not wait for a processor meanwhile.
 */
#define WRITERS_NICE	10
#define MEMORY_BYTES	(UINT64_C(32) << 20)

/* ---- open ------------------------------------------------------------ */

static struct backend *
open_backend(struct store *store, const struct store_options *o, bool damaged,
    struct store_error *error)
{
	struct backend_options options = {
		.directory = o->directory,
		.vfs = o->vfs,
		.sys = store->sys,
		.dir_fd = store->root.fd,
		.damaged = damaged,
		.message = o->message,
		.message_arg = o->message_arg,
	};
	bool rebuild;
	int rc;

	store->be = store->ops->open(&options, &rebuild, error);
	if (store->be == NULL)
		return NULL;
	rc = store_recover(store, o, rebuild);
	if (rc == 0)
		return store->be;
	store->ops->close(store->be);
	store->be = NULL;
	if (rc == -EUCLEAN && !damaged)
		return open_backend(store, o, true, error);
	error->kind = STORE_ERROR_IO;
	snprintf(error->text, sizeof(error->text), "spool directory %s cannot "
	    "be recovered: %s", o->directory, strerror(-rc));
	return NULL;
}

static int
start_threads(struct store *store, unsigned int data_threads)
{
	int error;

	store->committer = (struct committer){
		.ops = store->ops, .be = store->be, .root = &store->root,
		.dir = &store->data, .box = &store->box,
	};
	error = mailbox_open(&store->box);
	if (error != 0)
		return error;
	error = committer_start(&store->committer);
	if (error != 0)
		goto no_committer;
	error = pool_start(&store->writers,
	    data_threads != 0 ? data_threads : DATA_THREADS, WRITERS_NICE);
	if (error != 0)
		goto no_writers;
	error = pool_start(&store->reader, 1, 0);
	if (error == 0)
		return 0;
	pool_stop(&store->writers);
no_writers:
	committer_stop(&store->committer);
no_committer:
	mailbox_close(&store->box);
	return error;
}

static int
cannot(struct store_error *error, const char *directory, int rc)
{
	error->kind = STORE_ERROR_IO;
	snprintf(error->text, sizeof(error->text), "spool directory %s cannot "
	    "be used: %s", directory, strerror(-rc));
	return -1;
}

static int
open_all(struct store *store, const struct store_options *o,
    struct store_error *error)
{
	int rc;

	if (spooldir_open(&store->root, store->sys, o->directory, error) == -1)
		return -1;
	rc = data_open_dir(&store->data, store->sys, store->root.fd,
	    DATA_NAME);
	if (rc != 0)
		return cannot(error, o->directory, rc);
	if (open_backend(store, o, false, error) == NULL)
		return -1;
	rc = start_threads(store, o->data_threads);
	return rc != 0 ? cannot(error, o->directory, rc) : 0;
}

static void
free_store(struct store *store)
{
	if (store->be != NULL)
		store->ops->close(store->be);
	data_close_dir(&store->data);
	spooldir_close(&store->root);
	tally_free(store->queues);
	tally_free(store->hosts);
	free(store);
}

struct store *
store_open(const struct store_options *o, struct store_error *error)
{
	struct store *store = calloc(1, sizeof(*store));

	*error = (struct store_error){ .kind = STORE_ERROR_NONE };
	if (store == NULL) {
		cannot(error, o->directory, -ENOMEM);
		return NULL;
	}
	store->sys = o->sys != NULL ? o->sys : &spool_sys_real;
	store->ops = &backend_sqlite;
	store->root.fd = store->root.lock_fd = store->data.fd = -1;
	store->min_free_bytes = o->min_free_bytes;
	store->memory_bytes = o->memory_bytes != 0 ? o->memory_bytes :
	    MEMORY_BYTES;
	store->queues = tally_new();
	store->hosts = tally_new();
	if (store->queues == NULL || store->hosts == NULL)
		cannot(error, o->directory, -ENOMEM);
	else if (open_all(store, o, error) == 0)
		return store;
	free_store(store);
	return NULL;
}

/* An orderly end leaves no gap in the ids; a failure only leaves one. */
static void
give_back_ids(struct store *store)
{
	if (store->ops->begin(store->be) != 0)
		return;
	if (store->ops->reserve(store->be, store->next_id) != 0 ||
	    sequence_write(store->sys, store->root.fd, store->next_id) != 0 ||
	    store->ops->commit(store->be) != 0)
		store->ops->rollback(store->be);
}

void
store_close(struct store *store)
{
	if (store == NULL)
		return;
	/* In the order in which work goes from one to the other. */
	pool_stop(&store->writers);
	committer_stop(&store->committer);
	pool_stop(&store->reader);
	while (mailbox_drain(&store->box) > 0)
		continue;
	if (committer_health(&store->committer) == STORE_OK)
		give_back_ids(store);
	mailbox_close(&store->box);
	free_store(store);
}

int
store_fd(const struct store *store)
{
	return store->box.event_fd;
}

size_t
store_poll(struct store *store)
{
	return mailbox_drain(&store->box);
}

size_t
store_busy(const struct store *store)
{
	return store->busy;
}

/* ---- how it is ------------------------------------------------------- */

enum store_health
store_health(const struct store *store)
{
	return committer_health(&store->committer);
}

const char *
store_health_name(enum store_health health)
{
	static const char *const names[] = {
		[STORE_OK] = "ok",
		[STORE_SUSPECT] = "suspect",
		[STORE_DAMAGED] = "damaged",
		[STORE_GONE] = "gone",
	};

	return names[health];
}

uint64_t
store_free_bytes(const struct store *store)
{
	return atomic_load(&store->data.free_bytes);
}

const struct tally_count *
store_queue_count(const struct store *store, const char *queue)
{
	return tally_get(store->queues, queue);
}

const struct tally_count *
store_host_count(const struct store *store, const char *host)
{
	return tally_get(store->hosts, host);
}

void
store_count(struct store *store, const struct backend_moved *moved)
{
	if (moved->from != 0)
		tally_move(store->queues, moved->from_queue, moved->from, 0,
		    moved->bytes);
	tally_move(store->queues, moved->to_queue, 0, moved->to,
	    moved->bytes);
	tally_move(store->hosts, moved->host, moved->from, moved->to,
	    moved->bytes);
}

/* The call-back of op takes it out of the count. */
static void
submit(struct store *store, struct op *op)
{
	store->busy++;
	committer_submit(&store->committer, op);
}

/* ---- ids ------------------------------------------------------------- */

struct reserve_op {
	struct op	 op;
	struct store	*store;
	uint64_t	 end;
};

static int
reserve_apply(struct op *op)
{
	struct reserve_op *r = (struct reserve_op *)op;
	int error;

	error = sequence_write(r->store->sys, r->store->root.fd, r->end);
	return error != 0 ? error : r->store->ops->reserve(r->store->be,
	    r->end);
}

static void
reserve_done(struct op *op)
{
	struct reserve_op *r = (struct reserve_op *)op;

	r->store->reserving = false;
	r->store->reserve_error = op->error;
	if (op->error == 0)
		r->store->end_id = r->end;
	free(r);
}

static void
reserve(struct store *store)
{
	struct reserve_op *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return;			/* there is a next time */
	*r = (struct reserve_op){
		.op = { .apply = reserve_apply, .done = reserve_done },
		.store = store,
		.end = sequence_block_end(store->end_id),
	};
	store->reserving = true;
	committer_submit(&store->committer, &r->op);
}

uint64_t
store_next_id(struct store *store)
{
	if (!store->reserving &&
	    store->end_id - store->next_id < SEQUENCE_BLOCK / 2 &&
	    store->end_id < SEQUENCE_END - 1)
		reserve(store);
	return store->next_id < store->end_id ? store->next_id++ : 0;
}

/* ---- steps and changes of a job -------------------------------------- */

struct change_op {
	struct op	 op;
	struct store	*store;
	uint64_t	 id;
	struct job_step	 step;
	char		*why, *port;	/* owned; of step */
	char		*queue;		/* owned */
	uint32_t	 priority;
	struct backend_moved moved;
	store_done_fn	*done;
	void		*arg;
};

static void
change_free(struct change_op *c)
{
	backend_moved_clear(&c->moved);
	free(c->why);
	free(c->port);
	free(c->queue);
	free(c);
}

static int
step_apply(struct op *op)
{
	struct change_op *c = (struct change_op *)op;

	return c->store->ops->step(c->store->be, c->id, &c->step, &c->moved);
}

static int
change_apply(struct op *op)
{
	struct change_op *c = (struct change_op *)op;

	return c->store->ops->change(c->store->be, c->id, c->queue,
	    c->priority, &c->moved);
}

static void
change_done(struct op *op)
{
	struct change_op *c = (struct change_op *)op;
	store_done_fn *done = c->done;
	void *arg = c->arg;
	int error = op->error;

	c->store->busy--;
	if (error == 0)
		store_count(c->store, &c->moved);
	change_free(c);
	done(arg, error);
}

static struct change_op *
change_new(struct store *store, uint64_t id, store_done_fn *done, void *arg)
{
	struct change_op *c = calloc(1, sizeof(*c));

	if (c == NULL)
		return NULL;
	c->op.done = change_done;
	c->store = store;
	c->id = id;
	c->done = done;
	c->arg = arg;
	return c;
}

/* NULL stays NULL. */
static int
copy(char **owned, const char *text)
{
	return text != NULL ? job_set(owned, text) : 0;
}

int
store_step(struct store *store, uint64_t id, const struct job_step *step,
    store_done_fn *done, void *arg)
{
	struct change_op *c = change_new(store, id, done, arg);

	if (c == NULL)
		return -1;
	c->op.apply = step_apply;
	c->step = *step;
	if (copy(&c->why, step->why) == -1 ||
	    copy(&c->port, step->port) == -1) {
		change_free(c);
		return -1;
	}
	c->step.why = c->why;
	c->step.port = c->port;
	submit(store, &c->op);
	return 0;
}

int
store_change(struct store *store, uint64_t id, const char *queue,
    uint32_t priority, store_done_fn *done, void *arg)
{
	struct change_op *c = change_new(store, id, done, arg);

	if (c == NULL)
		return -1;
	c->op.apply = change_apply;
	c->priority = priority;
	if (copy(&c->queue, queue) == -1) {
		change_free(c);
		return -1;
	}
	submit(store, &c->op);
	return 0;
}

/* ---- retention ------------------------------------------------------- */

struct expire_op {
	struct op		 op;
	struct store		*store;
	struct store_retention	 what;
	struct backend_files	 files;		/* owned */
	unsigned int		 removed;
	store_expire_fn		*done;
	void			*arg;
};

static void
forget_names(struct backend_files *files)
{
	size_t i;

	for (i = 0; i < files->n; i++)
		free(files->names[i]);
	free(files->names);
	*files = (struct backend_files){ 0 };
}

static int
expire_apply(struct op *op)
{
	struct expire_op *e = (struct expire_op *)op;

	forget_names(&e->files);
	e->removed = 0;
	return e->store->ops->expire(e->store->be, &e->what, &e->files,
	    &e->removed);
}

/* Only now that no record needs them; what a crash leaves are orphans. */
static void
expire_settle(struct op *op)
{
	struct expire_op *e = (struct expire_op *)op;
	size_t i;

	for (i = 0; i < e->files.n && op->error == 0; i++)
		data_remove(&e->store->data, e->files.names[i]);
	if (e->files.n > 0)
		data_look_free(&e->store->data);
}

static void
expire_done(struct op *op)
{
	struct expire_op *e = (struct expire_op *)op;

	e->store->busy--;
	e->done(e->arg, op->error, op->error == 0 ? e->removed : 0);
	forget_names(&e->files);
	free(e);
}

int
store_expire(struct store *store, const struct store_retention *what,
    store_expire_fn *done, void *arg)
{
	struct expire_op *e = calloc(1, sizeof(*e));

	if (e == NULL)
		return -1;
	*e = (struct expire_op){
		.op = { .apply = expire_apply, .settle = expire_settle,
		    .done = expire_done },
		.store = store, .what = *what, .done = done, .arg = arg,
	};
	submit(store, &e->op);
	return 0;
}

/* ---- notes ----------------------------------------------------------- */

struct note_op {
	struct op		 op;
	struct store		*store;
	struct store_note	 note;		/* owned */
	store_done_fn		*done;
	void			*arg;
};

static void
note_free(struct note_op *n)
{
	free(n->note.kind);
	free(n->note.name);
	free(n->note.key);
	free(n->note.value);
	free(n);
}

static int
note_apply(struct op *op)
{
	struct note_op *n = (struct note_op *)op;

	return n->store->ops->note(n->store->be, &n->note);
}

static void
note_done(struct op *op)
{
	struct note_op *n = (struct note_op *)op;

	n->store->busy--;
	n->done(n->arg, op->error);
	note_free(n);
}

int
store_note(struct store *store, const char *kind, const char *name,
    const char *key, const char *value, store_done_fn *done, void *arg)
{
	struct note_op *n = calloc(1, sizeof(*n));

	if (n == NULL)
		return -1;
	n->op = (struct op){ .apply = note_apply, .done = note_done };
	n->store = store;
	n->done = done;
	n->arg = arg;
	if (copy(&n->note.kind, kind) == -1 ||
	    copy(&n->note.name, name) == -1 ||
	    copy(&n->note.key, key) == -1 ||
	    copy(&n->note.value, value) == -1) {
		note_free(n);
		return -1;
	}
	submit(store, &n->op);
	return 0;
}

/* ---- probe ----------------------------------------------------------- */

struct probe_op {
	struct op	 op;
	struct store	*store;
	store_done_fn	*done;
	void		*arg;
};

/* A file of its own, and a change so that the database is synced, too. */
static int
probe_apply(struct op *op)
{
	struct store *store = ((struct probe_op *)op)->store;
	int error = committer_probe(&store->committer);

	return error != 0 ? error : store->ops->touch(store->be);
}

static void
probe_settle(struct op *op)
{
	if (op->error == 0)
		committer_trust(&((struct probe_op *)op)->store->committer);
}

static void
probe_done(struct op *op)
{
	struct probe_op *p = (struct probe_op *)op;

	p->store->busy--;
	p->done(p->arg, op->error);
	free(p);
}

int
store_probe(struct store *store, store_done_fn *done, void *arg)
{
	struct probe_op *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return -1;
	*p = (struct probe_op){
		.op = { .apply = probe_apply, .settle = probe_settle,
		    .done = probe_done },
		.store = store, .done = done, .arg = arg,
	};
	submit(store, &p->op);
	return 0;
}
