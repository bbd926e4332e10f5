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
 * What the writers do is in incoming_write.c.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>

#include "incoming_internal.h"

#define CHUNK_LEN	INCOMING_MEMORY_LEN
#define FIRST_LEN	((size_t)4 << 10)

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
	id = store_next_id(store);
	in->job = id != 0 ? job_new(id, about) : NULL;
	if (in->job == NULL) {
		free(in);
		errno = id != 0 ? ENOMEM : store->reserve_error != 0 ?
		    -store->reserve_error : EAGAIN;
		return NULL;
	}
	in->room_op.done = tell_room;
	in->store = store;
	store->busy++;
	in->max_bytes = max_bytes;
	in->room = room;
	in->room_arg = arg;
	incoming_writers_init(in);
	return in;
}

/* The writers are done with it. */
static void
incoming_free(struct incoming *in)
{
	size_t i;

	in->store->busy--;
	incoming_writers_free(in);
	for (i = 0; i < in->n_parts; i++) {
		free(in->parts[i]->bytes);
		free(in->parts[i]);
	}
	free(in->parts);
	job_free(in->job);
	free(in);
}

uint64_t
incoming_id(const struct incoming *in)
{
	return in->job->id;
}

uint64_t
incoming_bytes(const struct incoming *in)
{
	return in->job->bytes;
}

const struct job *
incoming_job(const struct incoming *in)
{
	return in->job;
}

int
incoming_error(const struct incoming *in)
{
	return in->error;
}

int
incoming_step(struct incoming *in, const struct job_step *step)
{
	return job_step(in->job, step);
}

int
incoming_hold(struct incoming *in, uint32_t reasons, const char *why)
{
	struct job_step step = {
		.state = JOB_PENDING_HELD, .reasons = reasons, .why = why,
	};

	return incoming_step(in, &step);
}

int
incoming_describe(struct incoming *in, const struct job_about *about)
{
	struct job *job = in->job;

	return job_set(&job->user, about->user) == 0 &&
	    job_set(&job->title, about->title) == 0 &&
	    job_set(&job->extra, about->extra) == 0 ? 0 : -1;
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

	if (chunk == NULL)
		return -ENOMEM;
	chunk->part = part;
	chunk->bytes = part->bytes;
	chunk->len = part->len;
	part->bytes = NULL;
	part->len = part->size = 0;
	part->in_file = true;
	incoming_hand_over(in, chunk);
	return 0;
}

/* It stays in memory up to the commit, and takes no more of it than it must. */
static void
keep(struct incoming *in, struct part *part)
{
	unsigned char *bytes;

	in->in_memory += part->len;
	if (part->len == 0 || part->len == part->size)
		return;
	bytes = realloc(part->bytes, part->len);
	if (bytes == NULL)
		return;
	part->bytes = bytes;
	part->size = part->len;
}

/*
 * The rest of a document that has a file goes there too; one that has none gets
 * one if there is too much in memory.
 */
static int
finish_part(struct incoming *in)
{
	struct part *part = in->n_parts > 0 ? current(in) : NULL;

	if (part == NULL || part->finished)
		return 0;
	part->finished = true;
	if (part->in_file || in->in_memory + part->len > INCOMING_MEMORY_LEN)
		return part->len > 0 ? push(in) : 0;
	keep(in, part);
	return 0;
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

static int
describe_document(struct job_document *doc,
    const struct job_about_document *about)
{
	doc->copies = about->copies != 0 ? about->copies : 1;
	return job_set(&doc->format, about->format) == 0 &&
	    job_set(&doc->name, about->name) == 0 ? 0 : -1;
}

/* Writers know the parts by their addresses, which stay. */
static void
reorder(struct incoming *in, const struct incoming_place *places,
    struct part **parts, struct job_document *documents)
{
	size_t i;

	for (i = 0; i < in->n_parts; i++) {
		parts[i] = in->parts[places[i].number];
		documents[i] = in->job->documents[places[i].number];
	}
	free(in->parts);
	free(in->job->documents);
	in->parts = parts;
	in->job->documents = documents;
}

int
incoming_arrange(struct incoming *in, const struct incoming_place *places,
    size_t n)
{
	struct part **parts = calloc(n + 1, sizeof(struct part *));
	struct job_document *documents = calloc(n + 1, sizeof(*documents));
	size_t i;

	assert(n == in->n_parts && in->followed == NULL);
	if (in->error == 0)
		in->error = finish_part(in);
	errno = in->error != 0 ? -in->error : ENOMEM;
	if (in->error != 0 || parts == NULL || documents == NULL) {
		free(parts);
		free(documents);
		return -1;
	}
	reorder(in, places, parts, documents);
	for (i = 0; i < n; i++)
		if (describe_document(&documents[i], &places[i].about) == -1)
			return -1;
	return 0;
}

/* A part that is whole; NULL: no memory. */
static struct part *
whole_part(const void *bytes, size_t len)
{
	struct part *part = calloc(1, sizeof(*part));

	if (part == NULL)
		return NULL;
	part->file.fd = -1;
	part->bytes = malloc(len > 0 ? len : 1);
	if (part->bytes == NULL) {
		free(part);
		return NULL;
	}
	memcpy(part->bytes, bytes, len);
	part->len = part->size = len;
	return part;
}

/* What is last now is first then. */
static void
to_front(struct incoming *in)
{
	struct job_document *documents = in->job->documents;
	size_t last = in->n_parts - 1;
	struct job_document doc = documents[last];
	struct part *part = in->parts[last];

	memmove(documents + 1, documents, last * sizeof(*documents));
	memmove(in->parts + 1, in->parts, last * sizeof(struct part *));
	documents[0] = doc;
	in->parts[0] = part;
}

int
incoming_cover(struct incoming *in, const struct job_about_document *about,
    const void *bytes, size_t len)
{
	struct job_document *doc;
	struct part **parts, *part;

	assert(len <= INCOMING_MEMORY_LEN && !in->job->covered &&
	    in->followed == NULL);
	if (in->error == 0)
		in->error = finish_part(in);
	errno = -in->error;
	if (in->error != 0)
		return -1;
	parts = reallocarray(in->parts, in->n_parts + 1,
	    sizeof(struct part *));
	if (parts == NULL)
		return -1;
	in->parts = parts;
	part = whole_part(bytes, len);
	doc = part == NULL ? NULL : job_add_document(in->job, about);
	if (doc == NULL) {
		if (part != NULL)
			free(part->bytes);
		free(part);
		return -1;
	}
	doc->size = len;
	parts[in->n_parts++] = part;
	to_front(in);
	in->job->covered = true;
	return 0;
}

/* One chunk is always allowed, so that nobody waits for others for ever. */
static bool
may_push(struct incoming *in)
{
	bool may;

	pthread_mutex_lock(&in->lock);
	in->error = in->failed;
	may = in->n_chunks == 0 || (in->n_chunks < INCOMING_CHUNKS_MAX &&
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
	/* What the documents before it have pushed counts too. */
	if (part->bytes == NULL && in->n_parts > 1 && !may_push(in))
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

/* ---- someone reads it while it arrives ------------------------------- */

uint64_t
incoming_written(const struct incoming *in)
{
	const struct part *part = in->followed;

	if (part == NULL && in->n_parts > 0)
		part = current(in);
	return part != NULL ? atomic_load(&part->written) : 0;
}

static void
watch(struct incoming *in, bool on)
{
	pthread_mutex_lock(&in->lock);
	in->watched = on;
	pthread_mutex_unlock(&in->lock);
}

/* The writers keep the file open at least until the job is ended. */
int
incoming_follow(struct incoming *in, incoming_grown_fn *grown, void *arg)
{
	struct part *part = current(in);
	int fd;

	assert(in->ending == INCOMING_GOES_ON);
	watch(in, true);
	in->wants_file = atomic_load(&part->written) == 0;
	errno = in->error != 0 ? -in->error : EAGAIN;
	if (in->error != 0 || in->wants_file)
		return -1;
	fd = data_follow(&part->file);
	if (fd < 0) {
		errno = -fd;
		return -1;
	}
	in->followed = part;
	in->grown_to = 0;
	in->grown = grown;
	in->grown_arg = arg;
	return fd;
}

void
incoming_unfollow(struct incoming *in)
{
	in->followed = NULL;
	watch(in, false);
}

static void
tell_grown(struct incoming *in)
{
	uint64_t written = incoming_written(in);

	if (in->followed == NULL || written == in->grown_to)
		return;
	in->grown_to = written;
	in->grown(in->grown_arg, written);
}

/*
 * Mail: the writers have written, or have failed.  Whoever is told may end
 * the job; it is freed by later mail.
 */
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
	tell = in->wants_room || in->error != 0;
	in->wants_room = false;
	pthread_mutex_unlock(&in->lock);
	tell_grown(in);
	if (in->wants_file && incoming_written(in) > 0) {
		in->wants_file = false;
		tell = true;
	}
	if (tell && in->ending == INCOMING_GOES_ON && in->room != NULL)
		in->room(in->room_arg);
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
		incoming_drop_files(of_end(op));
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
	if (incoming_end_writers(in, INCOMING_COMMITS))
		return;
	if (in->error != 0)
		mailbox_post(&in->store->box, &in->end_op);
	else
		committer_submit(&in->store->committer, &in->end_op);
}

void
incoming_abort(struct incoming *in)
{
	incoming_unfollow(in);
	in->end_op = (struct op){ .done = aborted };
	if (!incoming_end_writers(in, INCOMING_ABORTS))
		incoming_free(in);
}
