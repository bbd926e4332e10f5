/*
 * incoming_write.c - what becomes of the chunks of a large document.
 *
 *	hand over --> written and hashed --> freed
 *	end --> when there are none left: sync, publish, to the committer
 *
 * Chunks of a job are written one after the other, by one thread at a time.
 * That thread hashes them too: it is the dearer part, but from memory that is
 * at hand; on threads of their own the two cost more and gain nothing where
 * the receiving and the client need the other processor.
 */
#include <errno.h>
#include <stdlib.h>

#include "data_name.h"
#include "incoming_internal.h"

static void run(struct task *task);

void
incoming_writers_init(struct incoming *in)
{
	in->task.run = run;
	pthread_mutex_init(&in->lock, NULL);
	STAILQ_INIT(&in->chunks);
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

void
incoming_writers_free(struct incoming *in)
{
	free_chunks(in, &in->chunks);
	pthread_mutex_destroy(&in->lock);
}

void
incoming_hand_over(struct incoming *in, struct chunk *chunk)
{
	bool idle;

	atomic_fetch_add(&in->store->memory_used, chunk->len);
	pthread_mutex_lock(&in->lock);
	STAILQ_INSERT_TAIL(&in->chunks, chunk, link);
	in->n_chunks++;
	idle = !in->scheduled;
	in->scheduled = true;
	pthread_mutex_unlock(&in->lock);
	if (idle)
		pool_submit(&in->store->writers, &in->task);
}

/* ---- writing --------------------------------------------------------- */

/* Chunks of one document that follow each other, in one call. */
static int
write_run(struct incoming *in, struct chunk **chunk)
{
	struct part *part = (*chunk)->part;
	struct data_dir *dir = &in->store->data;
	struct iovec iov[INCOMING_CHUNKS_MAX];
	int n = 0;
	int error = 0;

	for (; *chunk != NULL && (*chunk)->part == part &&
	    n < INCOMING_CHUNKS_MAX; *chunk = STAILQ_NEXT(*chunk, link))
		iov[n++] = (struct iovec){ (*chunk)->bytes, (*chunk)->len };
	if (atomic_load(&dir->free_bytes) < in->store->min_free_bytes)
		return -ENOSPC;
	if (part->file.fd == -1)
		error = data_create(dir, &part->file);
	if (error == 0)
		error = data_write(&part->file, iov, n);
	if (error == 0)
		atomic_store(&part->written, part->file.size);
	return error;
}

/* With the lock held: does the asker wait for what has just happened? */
static bool
must_tell(struct incoming *in)
{
	bool tell = in->wants_room || in->watched || in->failed != 0;

	tell &= !in->telling && in->ending != INCOMING_ABORTS;
	in->telling |= tell;
	return tell;
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
	tell = must_tell(in);
	pthread_mutex_unlock(&in->lock);
	if (tell)
		mailbox_post(&in->store->box, &in->room_op);
}

/* ---- the end --------------------------------------------------------- */

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

void
incoming_drop_files(struct incoming *in)
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
	int error = in->ending == INCOMING_ABORTS ? -ECANCELED : in->failed;
	size_t i;

	for (i = 0; i < in->n_parts && error == 0; i++)
		if (in->parts[i]->in_file)
			error = publish(in, i);
	if (error == 0) {
		in->end_op.files = true;
		committer_submit(&in->store->committer, &in->end_op);
		return;
	}
	if (error == -ENXIO)
		committer_gone(&in->store->committer);
	incoming_drop_files(in);
	in->end_op.error = error;
	mailbox_post(&in->store->box, &in->end_op);
}

bool
incoming_end_writers(struct incoming *in, enum incoming_ending ending)
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

static void
run(struct task *task)
{
	struct incoming *in = (struct incoming *)((char *)task -
	    offsetof(struct incoming, task));
	struct chunk_list chunks = STAILQ_HEAD_INITIALIZER(chunks);
	enum incoming_ending ending;
	int failed;

	pthread_mutex_lock(&in->lock);
	ending = in->ending;
	failed = in->failed;
	if (ending != INCOMING_ABORTS)
		STAILQ_CONCAT(&chunks, &in->chunks);
	if (STAILQ_EMPTY(&chunks) && ending == INCOMING_GOES_ON)
		in->scheduled = false;
	pthread_mutex_unlock(&in->lock);

	if (!STAILQ_EMPTY(&chunks)) {
		write_chunks(in, &chunks, failed);
		pool_submit(&in->store->writers, task);	/* others first */
	} else if (ending != INCOMING_GOES_ON)
		end(in);
}
