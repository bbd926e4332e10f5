/*
 * recover.c - what the time before has left, put in order.
 *
 *	count the unfinished jobs -> go through the data files -> decide about
 *	jobs that were being sent -> rebuild jobs of a lost database -> ids
 *
 * All changes of the database are one transaction: a crash in the middle and
 * the next start does it again.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "data_name.h"
#include "sequence.h"
#include "store_internal.h"

#define QUARANTINE	"aside"

/* A file whose job the database does not know. */
struct found {
	uint64_t		 job;
	unsigned int		 number;
	char			 text[DATA_NAME_LEN];
	uint64_t		 size;
	int64_t			 mtime_ms;
};

/* A job that was being sent. */
struct sent {
	uint64_t		 job;
	bool			 whole;		/* all of it was in the printer */
};

struct recovery {
	struct store		*store;
	const struct store_options *options;
	bool			 rebuild;
	struct sent		*sent;		/* owned */
	size_t			 n_sent;
	struct found		**found;	/* owned */
	size_t			 n_found;
	uint64_t		 next_id;
	uint64_t		 end_id;
	int			 error;		/* of the sweep */
};

/* Room for one more in an array that grew from nothing by this alone. */
static void *
grow(void *array, size_t n, size_t size)
{
	if ((n & (n - 1)) != 0)
		return array;
	return reallocarray(array, n == 0 ? 1 : n * 2, size);
}

/* ---- unfinished jobs ------------------------------------------------- */

static int
count(void *arg, const struct job *job)
{
	struct backend_moved moved = {
		.to = job->state, .bytes = job->bytes,
		.to_queue = job->queue, .host = job->host,
	};
	struct recovery *rec = arg;
	struct sent *sent;

	store_count(rec->store, &moved);
	if (job->state != JOB_PROCESSING &&
	    job->state != JOB_PROCESSING_STOPPED)
		return 0;
	sent = grow(rec->sent, rec->n_sent, sizeof(*sent));
	if (sent == NULL)
		return -ENOMEM;
	rec->sent = sent;
	sent[rec->n_sent++] = (struct sent){ .job = job->id,
	    .whole = (job->reasons & JOB_QUEUED_IN_DEVICE) != 0 };
	return 0;
}

/* All of it was in the printer: that was the job. */
static const struct job_step queued_in_device = {
	.state = JOB_COMPLETED, .reasons = JOB_COMPLETED_SUCCESSFULLY,
	.why = "sent; printing was interrupted before its last page was out",
};

/* Part of it may be on paper: that is for the job to say. */
static int
decide(struct recovery *rec, const struct sent *sent)
{
	bool hold = rec->options->after_crash == STORE_HOLD;
	struct job_step step = {
		.state = hold ? JOB_PENDING_HELD : JOB_PENDING,
		.reasons = hold ? JOB_HOLD_UNTIL_SPECIFIED : 0,
		.why = "it was being sent when printing was interrupted",
		.now_ms = rec->options->now_ms,
		.restarted = true,
	};
	struct backend_moved moved = { 0 };
	int error;

	if (sent->whole) {
		step = queued_in_device;
		step.now_ms = rec->options->now_ms;
	}
	error = rec->store->ops->step(rec->store->be, sent->job, &step,
	    &moved);
	if (error == 0)
		store_count(rec->store, &moved);
	backend_moved_clear(&moved);
	return error;
}

/* ---- data files ------------------------------------------------------ */

static int
remember(struct recovery *rec, const struct data_name *name,
    const char *text, uint64_t size, int64_t mtime_ms)
{
	struct found **list, *found;

	list = grow(rec->found, rec->n_found, sizeof(struct found *));
	if (list == NULL)
		return -ENOMEM;
	rec->found = list;
	found = calloc(1, sizeof(*found));
	if (found == NULL)
		return -ENOMEM;
	list[rec->n_found++] = found;
	found->job = name->job;
	found->number = name->number;
	found->size = size;
	found->mtime_ms = mtime_ms;
	snprintf(found->text, sizeof(found->text), "%s", text);
	return 0;
}

static bool
known(struct recovery *rec, uint64_t id)
{
	struct job *job = NULL;
	bool is = rec->store->ops->get(rec->store->be, id, &job) == 0;

	job_free(job);
	return is;
}

/* When in doubt a file stays: the next start asks again. */
static enum data_verdict
judge(void *arg, const char *text, uint64_t size, int64_t mtime_ms)
{
	struct recovery *rec = arg;
	struct data_name name;
	int has;

	if (data_name_parse(text, &name) == -1)
		return DATA_QUARANTINE;
	if (name.job >= rec->next_id)
		rec->next_id = name.job + 1;
	has = rec->error != 0 ? rec->error : rec->store->ops->has_file(
	    rec->store->be, name.job, name.number, text);
	if (has < 0)
		rec->error = has;
	if (has != 0)
		return DATA_KEEP;
	if (!rec->rebuild)
		return DATA_REMOVE;
	if (known(rec, name.job))
		return DATA_QUARANTINE;
	rec->error = remember(rec, &name, text, size, mtime_ms);
	return DATA_KEEP;
}

static int
sweep(struct recovery *rec)
{
	struct store *store = rec->store;
	int fd, n;

	if (mkdirat(store->root.fd, QUARANTINE, 0700) == -1 &&
	    errno != EEXIST && errno != ENOSPC && errno != EDQUOT)
		return -errno;
	fd = store->sys->openat(store->root.fd, QUARANTINE, O_RDONLY |
	    O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW, 0);
	if (fd == -1)
		return -errno;
	n = data_sweep(&store->data, fd, judge, rec);
	close(fd);
	return n < 0 ? n : rec->error != 0 ? rec->error : n;
}

/* ---- jobs of a lost database ----------------------------------------- */

static int
by_job(const void *a, const void *b)
{
	const struct found *x = *(struct found *const *)a;
	const struct found *y = *(struct found *const *)b;

	if (x->job != y->job)
		return x->job < y->job ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

static int
digest(int fd, uint8_t sha256[JOB_SHA256_LEN])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	unsigned char buf[64 << 10];
	ssize_t n;
	bool ok;

	ok = context != NULL &&
	    EVP_DigestInit_ex(context, EVP_sha256(), NULL) == 1;
	while (ok && (n = read(fd, buf, sizeof(buf))) != 0)
		ok = n > 0 && EVP_DigestUpdate(context, buf, (size_t)n) == 1;
	ok = ok && EVP_DigestFinal_ex(context, sha256, NULL) == 1;
	EVP_MD_CTX_free(context);
	return ok ? 0 : -EIO;
}

/* A file that cannot be read is one document less, not the end of all. */
static int
fill(struct store *store, struct job_document *doc, const struct found *found)
{
	int fd = data_open(&store->data, found->text, found->size);
	int error;

	if (fd < 0)
		return 0;
	error = digest(fd, doc->sha256);
	close(fd);
	if (error != 0)
		return 0;
	if (job_set(&doc->file, found->text) == -1)
		return -ENOMEM;
	doc->place = JOB_IN_FILE;
	doc->size = found->size;
	return 0;
}

/* Documents keep their numbers; one that is missing is a gap. */
static int
add_gaps(struct job *job, unsigned int n)
{
	struct job_about_document about = { 0 };
	struct job_document *doc;

	while (job->n_documents < n) {
		doc = job_add_document(job, &about);
		if (doc == NULL)
			return -errno;
		doc->place = JOB_GONE;
	}
	return 0;
}

static int
add_document(struct store *store, struct job *job, const struct found *found)
{
	struct job_about_document about = { 0 };
	struct job_document *doc;
	struct data_name name;
	int error;

	if (data_name_parse(found->text, &name) == -1)
		return -EINVAL;
	error = add_gaps(job, found->number - 1);
	if (error != 0)
		return error;
	about.format = name.format;
	about.name = name.name;
	doc = job_add_document(job, &about);
	if (doc == NULL)
		return -errno;
	doc->place = JOB_GONE;
	error = fill(store, doc, found);
	job->bytes += doc->size;
	return error;
}

static int
add_documents(struct store *store, struct job *job, struct found **found,
    size_t n, unsigned int of)
{
	int error = 0;
	size_t i;

	for (i = 0; i < n && error == 0; i++)
		if (found[i]->number > job->n_documents)
			error = add_document(store, job, found[i]);
	return error == 0 ? add_gaps(job, of) : error;
}

static int
insert(struct recovery *rec, struct job *job)
{
	static const void *const none[JOB_DOCUMENTS_MAX];
	struct job_step step = {
		.state = JOB_PENDING_HELD,
		.reasons = JOB_HOLD_UNTIL_SPECIFIED,
		.why = "rebuilt from its data after the database was lost",
		.restarted = true,
	};
	int error;

	if (job_step(job, &step) == -1)
		return -errno;
	error = rec->store->ops->insert(rec->store->be, job, none);
	return error == 0 ? count(rec, job) : error;
}

static int
rebuild_job(struct recovery *rec, struct found **found, size_t n)
{
	struct job_about about = { .created_ms = found[0]->mtime_ms };
	struct data_name name;
	struct job *job;
	int error;

	if (data_name_parse(found[0]->text, &name) == -1)
		return -EINVAL;
	about.queue = name.queue;
	about.user = name.user;
	about.host = name.host;
	about.title = name.title;
	job = job_new(name.job, &about);
	if (job == NULL)
		return -ENOMEM;
	error = add_documents(rec->store, job, found, n, name.of);
	if (error == 0)
		error = insert(rec, job);
	job_free(job);
	return error;
}

static int
rebuild(struct recovery *rec, unsigned int *jobs)
{
	size_t i, n;
	int error;

	if (rec->n_found > 0)
		qsort(rec->found, rec->n_found, sizeof(struct found *),
		    by_job);
	for (i = 0; i < rec->n_found; i += n) {
		for (n = 1; i + n < rec->n_found &&
		    rec->found[i + n]->job == rec->found[i]->job;)
			n++;
		error = rebuild_job(rec, &rec->found[i], n);
		if (error != 0)
			return error;
		(*jobs)++;
	}
	return 0;
}

/* ---- together -------------------------------------------------------- */

static int
change(struct recovery *rec, unsigned int *rebuilt)
{
	struct store *store = rec->store;
	int error = 0;
	size_t i;

	for (i = 0; i < rec->n_sent && error == 0; i++)
		error = decide(rec, &rec->sent[i]);
	if (error == 0)
		error = rebuild(rec, rebuilt);
	if (error == 0)
		error = store->ops->reserve(store->be, rec->end_id);
	if (error == 0 && rec->rebuild)
		error = store->ops->recovered(store->be);
	return error;
}

static bool
full(int error)
{
	return error == -ENOSPC || error == -EDQUOT;
}

/* Jobs print from a full disk; ids for new ones are had when it is not. */
static int
reserve(struct recovery *rec)
{
	struct store *store = rec->store;
	int error;

	rec->end_id = sequence_block_end(rec->next_id);
	error = sequence_write(store->sys, store->root.fd, rec->end_id);
	if (full(error)) {
		rec->end_id = rec->next_id;
		error = 0;
	}
	return error;
}

static int
transact(struct recovery *rec, unsigned int *rebuilt)
{
	const struct backend_ops *ops = rec->store->ops;
	int error;

	error = reserve(rec);
	if (error == 0)
		error = ops->begin(rec->store->be);
	if (error != 0)
		return error;
	error = change(rec, rebuilt);
	if (error == 0)
		error = ops->commit(rec->store->be);
	if (error != 0)
		ops->rollback(rec->store->be);
	/* What must not be left undone is none, else it has to wait. */
	if (full(error) && rec->n_sent == 0 && !rec->rebuild) {
		rec->end_id = rec->next_id;
		error = 0;
	}
	rec->store->next_id = rec->next_id;
	rec->store->end_id = rec->end_id;
	return error;
}

static void
say(const struct store_options *o, const char *what, unsigned int n)
{
	char text[256];

	if (o->message == NULL || n == 0)
		return;
	snprintf(text, sizeof(text), "%u %s", n, what);
	o->message(o->message_arg, text);
}

static int
recover(struct recovery *rec)
{
	struct store *store = rec->store;
	unsigned int rebuilt = 0;
	uint64_t written;
	int moved, error;

	error = store->ops->scan(store->be, count, rec);
	if (error != 0)
		return error;
	rec->next_id = store->ops->next_id(store->be);
	written = sequence_read(store->sys, store->root.fd);
	if (written > rec->next_id)
		rec->next_id = written;
	moved = sweep(rec);
	if (moved < 0)
		return moved;
	error = transact(rec, &rebuilt);
	if (error != 0)
		return error;
	if (rec->rebuild && written > 1)
		say(rec->options, "new job database was made: the old one is "
		    "damaged or missing", 1);
	say(rec->options, "entries of the data directory were not ours and "
	    "have been moved to the directory " QUARANTINE, (unsigned)moved);
	say(rec->options, "jobs were being sent when printing was "
	    "interrupted", (unsigned)rec->n_sent);
	say(rec->options, "jobs were rebuilt from their data and are held",
	    rebuilt);
	return 0;
}

/* What was counted before it went wrong does not count. */
static int
forget_counts(struct store *store)
{
	tally_free(store->queues);
	tally_free(store->hosts);
	store->queues = tally_new();
	store->hosts = tally_new();
	return store->queues != NULL && store->hosts != NULL ? 0 : -ENOMEM;
}

int
store_recover(struct store *store, const struct store_options *options,
    bool rebuild_jobs)
{
	struct recovery rec = {
		.store = store, .options = options, .rebuild = rebuild_jobs,
	};
	size_t i;
	int error;

	error = forget_counts(store);
	if (error == 0)
		error = recover(&rec);
	for (i = 0; i < rec.n_found; i++)
		free(rec.found[i]);
	free(rec.found);
	free(rec.sent);
	return error;
}
