/*
 * incoming.c - a job, from its first byte to its commit.
 *
 *	asker's thread		writers' threads	committer
 *	begin
 *	room, filled --chunk--> write to its file
 *	  ^------- room again -----'
 *	commit ---------------> sync, publish --------> insert
 *	  (nothing in files: straight there ----------^)  |
 *	done <--------------------------------------------'
 *	abort ----------------> drop
 *	freed <-----------------'
 *
 * Chunks of a job are written one after the other, by one thread at a time.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "data_name.h"
#include "incoming.h"
#include "store_internal.h"

#define CHUNK_LEN	INCOMING_MEMORY_LEN
#define FIRST_LEN	((size_t)4 << 10)
/* Chunks of one job that may wait for its disk. */
#define CHUNKS_MAX	16

enum ending { GOES_ON, COMMITS, ABORTS };

/* A document; its chunks go to a file once there is one. */
struct part {
	unsigned char	*bytes;		/* owned; being filled */
	size_t		 len, size;	/* of bytes */
	bool		 in_file;	/* asker */
	struct data_file file;		/* writers; fd -1 before the first */
};

struct chunk {
	STAILQ_ENTRY(chunk)  link;
	struct part	*part;		/* borrowed */
	unsigned char	*bytes;		/* owned */
	size_t		 len;
};

STAILQ_HEAD(chunk_list, chunk);

struct incoming {
	struct task	 task;		/* on the writers' list */
	struct op	 room_op;	/* in the mailbox: room, or an error */
	struct op	 end_op;	/* to the committer, or the mailbox */
	struct store	*store;		/* borrowed */
	struct job	*job;		/* owned */
	struct part	**parts;	/* owned; one for each document */
	size_t		 n_parts;
	uint64_t	 max_bytes;
	int		 error;		/* asker; the first that happened */
	bool		 wants_room;	/* asker; call back when there is */
	incoming_room_fn *room;
	void		*room_arg;
	incoming_done_fn *done;
	void		*done_arg;

	pthread_mutex_t	 lock;		/* of what follows */
	struct chunk_list chunks;	/* to be written */
	unsigned int	 n_chunks;	/* with those being written */
	bool		 scheduled;	/* the task is with the writers */
	bool		 telling;	/* room_op is in the mailbox */
	int		 failed;	/* of a writer */
	enum ending	 ending;
};

static void run(struct task *task);
static void tell_room(struct op *op);

/* ---- birth and death ------------------------------------------------- */

static int
refusal(const struct store *store)
{
	switch (committer_health(&store->committer)) {
	case STORE_OK:
		break;
	case STORE_SUSPECT:
		return EIO;
	case STORE_DAMAGED:
	case STORE_GONE:
		return ENXIO;
	}
	return store_free_bytes(store) < store->min_free_bytes ? ENOSPC : 0;
}

struct incoming *
incoming_begin(struct store *store, const struct job_about *about,
    uint64_t max_bytes, incoming_room_fn *room, void *arg)
{
	struct incoming *in;
	uint64_t id;

	errno = refusal(store);
	if (errno != 0)
		return NULL;
	in = calloc(1, sizeof(*in));
	if (in == NULL)
		return NULL;
	id = store_take_id(store);
	in->job = id != 0 ? job_new(id, about) : NULL;
	if (in->job == NULL) {
		free(in);
		errno = id == 0 ? EAGAIN : ENOMEM;
		return NULL;
	}
	in->task.run = run;
	in->room_op.done = tell_room;
	in->store = store;
	in->max_bytes = max_bytes;
	in->room = room;
	in->room_arg = arg;
	pthread_mutex_init(&in->lock, NULL);
	STAILQ_INIT(&in->chunks);
	return in;
}

static void
free_chunks(struct incoming *in, struct chunk_list *chunks)
{
	struct chunk *chunk;

	while ((chunk = STAILQ_FIRST(chunks)) != NULL) {
		STAILQ_REMOVE_HEAD(chunks, link);
		atomic_fetch_sub(&in->store->memory_used, chunk->len);
		free(chunk->bytes);
		free(chunk);
	}
}

/* The files are published by now, or dropped. */
static void
incoming_free(struct incoming *in)
{
	size_t i;

	free_chunks(in, &in->chunks);
	for (i = 0; i < in->n_parts; i++) {
		free(in->parts[i]->bytes);
		free(in->parts[i]);
	}
	free(in->parts);
	job_free(in->job);
	pthread_mutex_destroy(&in->lock);
	free(in);
}

uint64_t
incoming_id(const struct incoming *in)
{
	return in->job->id;
}

int
incoming_error(const struct incoming *in)
{
	return in->error;
}

int
incoming_hold(struct incoming *in, uint32_t reasons, const char *why)
{
	struct job_step step = {
		.state = JOB_PENDING_HELD, .reasons = reasons, .why = why,
	};

	return job_step(in->job, &step);
}

/* ---- bytes come in --------------------------------------------------- */

static struct part *
current(const struct incoming *in)
{
	assert(in->n_parts > 0);
	return in->parts[in->n_parts - 1];
}

/* Hand what the part has collected to the writers. */
static int
push(struct incoming *in)
{
	struct part *part = current(in);
	struct chunk *chunk = calloc(1, sizeof(*chunk));
	bool idle;

	if (chunk == NULL)
		return -ENOMEM;
	*chunk = (struct chunk){
		.part = part,
		.bytes = part->bytes,
		.len = part->len,
	};
	part->bytes = NULL;
	part->len = part->size = 0;
	part->in_file = true;
	atomic_fetch_add(&in->store->memory_used, chunk->len);
	pthread_mutex_lock(&in->lock);
	STAILQ_INSERT_TAIL(&in->chunks, chunk, link);
	in->n_chunks++;
	idle = !in->scheduled;
	in->scheduled = true;
	pthread_mutex_unlock(&in->lock);
	if (idle)
		pool_submit(&in->store->writers, &in->task);
	return 0;
}

/* The rest of a document that has a file goes there too. */
static int
finish_part(struct incoming *in)
{
	struct part *part;

	if (in->n_parts == 0)
		return 0;
	part = current(in);
	return part->in_file && part->len > 0 ? push(in) : 0;
}

int
incoming_document(struct incoming *in, const struct job_about_document *about)
{
	size_t n = in->n_parts;
	struct part **parts, *part;

	if (in->error == 0)
		in->error = finish_part(in);
	errno = -in->error;
	if (in->error != 0)
		return -1;
	parts = reallocarray(in->parts, n + 1, sizeof(struct part *));
	if (parts == NULL)
		return -1;
	in->parts = parts;
	part = calloc(1, sizeof(*part));
	if (part == NULL)
		return -1;
	part->file.fd = -1;
	if (job_add_document(in->job, about) == NULL) {
		free(part);
		return -1;
	}
	parts[in->n_parts++] = part;
	return 0;
}

/* One chunk is always allowed, so that nobody waits for others for ever. */
static bool
may_push(struct incoming *in)
{
	bool may;

	pthread_mutex_lock(&in->lock);
	in->error = in->failed;
	may = in->n_chunks == 0 || (in->n_chunks < CHUNKS_MAX &&
	    atomic_load(&in->store->memory_used) < in->store->memory_bytes);
	in->wants_room = !may;
	pthread_mutex_unlock(&in->lock);
	return may && in->error == 0;
}

/* A small start, for the many jobs that are small. */
static int
grow(struct part *part)
{
	size_t size = part->in_file ? CHUNK_LEN :
	    part->size == 0 ? FIRST_LEN : part->size * 4;
	unsigned char *bytes = realloc(part->bytes, size);

	if (bytes == NULL)
		return -ENOMEM;
	part->bytes = bytes;
	part->size = size;
	return 0;
}

void *
incoming_room(struct incoming *in, size_t *len)
{
	struct part *part = current(in);

	if (in->error != 0)
		return NULL;
	if (part->len == CHUNK_LEN) {
		if (!may_push(in))
			return NULL;
		in->error = push(in);
	}
	if (in->error == 0 && part->len == part->size)
		in->error = grow(part);
	if (in->error != 0)
		return NULL;
	*len = part->size - part->len;
	return part->bytes + part->len;
}

void
incoming_filled(struct incoming *in, size_t len)
{
	struct part *part = current(in);

	part->len += len;
	in->job->bytes += len;
	in->job->documents[in->n_parts - 1].size += len;
	if (in->max_bytes != 0 && in->job->bytes > in->max_bytes)
		in->error = -EFBIG;
}

size_t
incoming_write(struct incoming *in, const void *data, size_t len)
{
	size_t taken = 0;
	size_t room;
	void *to;

	while (taken < len && (to = incoming_room(in, &room)) != NULL) {
		if (room > len - taken)
			room = len - taken;
		memcpy(to, (const char *)data + taken, room);
		incoming_filled(in, room);
		taken += room;
	}
	return taken;
}

/* Mail: the writers have made room, or have failed. */
static void
tell_room(struct op *op)
{
	struct incoming *in = (struct incoming *)((char *)op -
	    offsetof(struct incoming, room_op));
	bool tell;

	pthread_mutex_lock(&in->lock);
	in->telling = false;
	if (in->error == 0)
		in->error = in->failed;
	tell = in->ending == GOES_ON && (in->wants_room || in->error != 0);
	in->wants_room = false;
	pthread_mutex_unlock(&in->lock);
	if (tell && in->room != NULL)
		in->room(in->room_arg);
}

/* ---- the writers' threads -------------------------------------------- */

/* Chunks of one document that follow each other, in one call. */
static int
write_run(struct incoming *in, struct chunk **chunk)
{
	struct part *part = (*chunk)->part;
	struct data_dir *dir = &in->store->data;
	struct iovec iov[CHUNKS_MAX];
	int n = 0;
	int error = 0;

	for (; *chunk != NULL && (*chunk)->part == part && n < CHUNKS_MAX;
	    *chunk = STAILQ_NEXT(*chunk, link))
		iov[n++] = (struct iovec){ (*chunk)->bytes, (*chunk)->len };
	if (atomic_load(&dir->free_bytes) < in->store->min_free_bytes)
		return -ENOSPC;
	if (part->file.fd == -1)
		error = data_create(dir, &part->file);
	return error != 0 ? error : data_write(&part->file, iov, n);
}

static void
write_chunks(struct incoming *in, struct chunk_list *chunks, int error)
{
	struct chunk *chunk = STAILQ_FIRST(chunks);
	unsigned int n = 0;
	bool tell;

	while (chunk != NULL && error == 0)
		error = write_run(in, &chunk);
	STAILQ_FOREACH(chunk, chunks, link)
		n++;
	free_chunks(in, chunks);
	pthread_mutex_lock(&in->lock);
	in->n_chunks -= n;
	if (in->failed == 0)
		in->failed = error;
	tell = !in->telling && in->ending == GOES_ON;
	in->telling |= tell;
	pthread_mutex_unlock(&in->lock);
	if (tell)
		mailbox_post(&in->store->box, &in->room_op);
}

static int
publish(struct incoming *in, size_t i)
{
	struct job_document *doc = &in->job->documents[i];
	char name[DATA_NAME_LEN];

	data_name_make(in->job, i, name);
	doc->place = JOB_IN_FILE;
	if (job_set(&doc->file, name) == -1)
		return -ENOMEM;
	return data_publish(&in->parts[i]->file, name, doc->sha256);
}

static void
drop_files(struct incoming *in)
{
	size_t i;

	for (i = 0; i < in->n_parts; i++)
		if (in->parts[i]->in_file)
			data_drop(&in->parts[i]->file);
}

/* All is written: one thing is left to do. */
static void
end(struct incoming *in)
{
	int error = in->ending == ABORTS ? -ECANCELED : in->failed;
	size_t i;

	for (i = 0; i < in->n_parts && error == 0; i++)
		if (in->parts[i]->in_file)
			error = publish(in, i);
	if (error == 0) {
		in->end_op.files = true;
		committer_submit(&in->store->committer, &in->end_op);
		return;
	}
	drop_files(in);
	in->end_op.error = error;
	mailbox_post(&in->store->box, &in->end_op);
}

static void
run(struct task *task)
{
	struct incoming *in = (struct incoming *)((char *)task -
	    offsetof(struct incoming, task));
	struct chunk_list chunks = STAILQ_HEAD_INITIALIZER(chunks);
	enum ending ending;
	int failed;

	pthread_mutex_lock(&in->lock);
	ending = in->ending;
	failed = in->failed;
	if (ending != ABORTS)
		STAILQ_CONCAT(&chunks, &in->chunks);
	if (STAILQ_EMPTY(&chunks) && ending == GOES_ON)
		in->scheduled = false;
	pthread_mutex_unlock(&in->lock);

	if (!STAILQ_EMPTY(&chunks)) {
		write_chunks(in, &chunks, failed);
		pool_submit(&in->store->writers, task);	/* others first */
	} else if (ending != GOES_ON)
		end(in);
}

/* ---- the end --------------------------------------------------------- */

static struct incoming *
of_end(struct op *op)
{
	return (struct incoming *)((char *)op -
	    offsetof(struct incoming, end_op));
}

/* What has no file is hashed here; it is not much. */
static int
hash(struct incoming *in)
{
	struct job_document *doc;
	size_t i;

	for (i = 0; i < in->n_parts; i++) {
		doc = &in->job->documents[i];
		if (doc->place == JOB_IN_RECORD &&
		    EVP_Digest(in->parts[i]->bytes, in->parts[i]->len,
		    doc->sha256, NULL, EVP_sha256(), NULL) != 1)
			return -ENOMEM;
	}
	return 0;
}

/* The committer's thread. */
static int
insert(struct op *op)
{
	struct incoming *in = of_end(op);
	const void **bytes;
	size_t i;
	int error;

	bytes = calloc(in->n_parts + 1, sizeof(*bytes));
	if (bytes == NULL)
		return -ENOMEM;
	for (i = 0; i < in->n_parts; i++)
		bytes[i] = in->parts[i]->bytes;
	error = hash(in);
	if (error == 0)
		error = in->store->ops->insert(in->store->be, in->job, bytes);
	free(bytes);
	return error;
}

static void
settle(struct op *op)
{
	if (op->error != 0)
		drop_files(of_end(op));
}

static void
committed(struct op *op)
{
	struct incoming *in = of_end(op);
	incoming_done_fn *done = in->done;
	void *arg = in->done_arg;
	int error = op->error;
	struct job *job = NULL;

	if (error == 0) {
		job = in->job;
		in->job = NULL;
		store_count(in->store, &(struct backend_moved){
		    .to = job->state, .bytes = job->bytes,
		    .to_queue = job->queue, .host = job->host });
	}
	incoming_free(in);
	done(arg, error, job);
}

static void
aborted(struct op *op)
{
	incoming_free(of_end(op));
}

/* To the writers if they have a hand in it. */
static bool
end_with_writers(struct incoming *in, enum ending ending)
{
	bool theirs = false;
	bool idle;
	size_t i;

	for (i = 0; i < in->n_parts; i++)
		theirs |= in->parts[i]->in_file;
	pthread_mutex_lock(&in->lock);
	in->ending = ending;
	idle = !in->scheduled;
	in->scheduled |= theirs;
	pthread_mutex_unlock(&in->lock);
	if (theirs && idle)
		pool_submit(&in->store->writers, &in->task);
	return theirs;
}

void
incoming_commit(struct incoming *in, incoming_done_fn *done, void *arg)
{
	if (in->error == 0)
		in->error = finish_part(in);
	in->done = done;
	in->done_arg = arg;
	in->end_op = (struct op){
		.apply = insert, .settle = settle, .done = committed,
		.brings_job = true,
	};
	if (in->error != 0) {
		pthread_mutex_lock(&in->lock);
		in->failed = in->error;
		pthread_mutex_unlock(&in->lock);
		in->end_op.error = in->error;
	}
	if (end_with_writers(in, COMMITS))
		return;
	if (in->error != 0)
		mailbox_post(&in->store->box, &in->end_op);
	else
		committer_submit(&in->store->committer, &in->end_op);
}

void
incoming_abort(struct incoming *in)
{
	in->end_op = (struct op){ .done = aborted };
	if (!end_with_writers(in, ABORTS))
		incoming_free(in);
}
