/*
 * store_read.c - the operations that only read, on a thread of their own.
 *
 * A read sees what was committed when it runs.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "store_internal.h"

/* One operation of any kind, with what it needs and what it brings. */
struct read_op {
	struct task	 task;
	struct op	 op;
	struct store	*store;
	int		(*read)(struct read_op *r);	/* reader's thread */
	void		(*deliver)(struct read_op *r);

	struct store_filter filter;
	char		*queue, *user, *host;	/* owned; of filter */
	struct job	 after;			/* its keys; of filter */
	struct store_period period;
	uint64_t	 id;
	unsigned int	 number;

	struct job_list	*jobs;			/* results; owned */
	struct job_record_list *records;
	struct store_note_list *notes;
	struct job	*job;
	int		 fd;
	uint64_t	 size;

	union {
		store_done_fn		*check;
		store_list_fn		*list;
		store_get_fn		*get;
		store_document_fn	*document;
		store_records_fn	*records;
		store_notes_fn		*notes;
	} done;
	void		*arg;
};

static struct read_op *
of_op(struct op *op)
{
	return (struct read_op *)((char *)op - offsetof(struct read_op, op));
}

static void
read_free(struct read_op *r)
{
	free(r->queue);
	free(r->user);
	free(r->host);
	free(r);
}

/* The reader's thread. */
static void
run(struct task *task)
{
	struct read_op *r = (struct read_op *)task;

	r->op.error = r->read(r);
	if (r->op.error == -EUCLEAN)
		committer_damaged(&r->store->committer);
	if (r->op.error == -ENXIO)
		committer_gone(&r->store->committer);
	mailbox_post(&r->store->box, &r->op);
}

static void
read_done(struct op *op)
{
	struct read_op *r = of_op(op);

	r->store->busy--;
	r->deliver(r);
	read_free(r);
}

static struct read_op *
read_new(struct store *store, int (*read)(struct read_op *r),
    void (*deliver)(struct read_op *r), void *arg)
{
	struct read_op *r = calloc(1, sizeof(*r));

	if (r == NULL)
		return NULL;
	r->task.run = run;
	r->op.done = read_done;
	r->store = store;
	r->read = read;
	r->deliver = deliver;
	r->arg = arg;
	r->fd = -1;
	return r;
}

static void
submit(struct store *store, struct read_op *r)
{
	store->busy++;
	pool_submit(&store->reader, &r->task);
}

/* ---- lists ----------------------------------------------------------- */

static int
list_read(struct read_op *r)
{
	int error;

	r->jobs = calloc(1, sizeof(*r->jobs));
	if (r->jobs == NULL)
		return -ENOMEM;
	error = r->store->ops->list(r->store->be, &r->filter, r->jobs);
	if (error == 0)
		return 0;
	job_list_free(r->jobs);
	r->jobs = NULL;
	return error;
}

static void
list_deliver(struct read_op *r)
{
	r->done.list(r->arg, r->op.error, r->jobs);
}

static int
copy(char **owned, const char **text)
{
	if (*text == NULL)
		return 0;
	if (job_set(owned, *text) == -1)
		return -1;
	*text = *owned;
	return 0;
}

int
store_list(struct store *store, const struct store_filter *filter,
    store_list_fn *done, void *arg)
{
	struct read_op *r = read_new(store, list_read, list_deliver, arg);

	if (r == NULL)
		return -1;
	r->done.list = done;
	r->filter = *filter;
	if (filter->after != NULL) {
		r->after.id = filter->after->id;
		r->after.priority = filter->after->priority;
		r->after.order = filter->after->order;
		r->filter.after = &r->after;
	}
	if (copy(&r->queue, &r->filter.queue) == -1 ||
	    copy(&r->user, &r->filter.user) == -1 ||
	    copy(&r->host, &r->filter.host) == -1) {
		read_free(r);
		return -1;
	}
	submit(store, r);
	return 0;
}

/* ---- one job and its documents --------------------------------------- */

static int
get_read(struct read_op *r)
{
	return r->store->ops->get(r->store->be, r->id, &r->job);
}

static void
get_deliver(struct read_op *r)
{
	r->done.get(r->arg, r->op.error, r->job);
}

int
store_get(struct store *store, uint64_t id, store_get_fn *done, void *arg)
{
	struct read_op *r = read_new(store, get_read, get_deliver, arg);

	if (r == NULL)
		return -1;
	r->done.get = done;
	r->id = id;
	submit(store, r);
	return 0;
}

static int
write_all(int fd, const char *bytes, size_t len)
{
	ssize_t n;

	for (; len > 0; bytes += n, len -= (size_t)n) {
		n = write(fd, bytes, len);
		if (n == -1 && errno == EINTR)
			n = 0;
		else if (n <= 0)
			return n == 0 ? -EIO : -errno;
	}
	return 0;
}

/* A file of its own that nobody can change any more. */
static int
in_memory(const void *bytes, size_t len)
{
	int fd = memfd_create("document", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int error;

	if (fd == -1)
		return -errno;
	error = write_all(fd, bytes, len);
	if (error == 0 && (lseek(fd, 0, SEEK_SET) == -1 || fcntl(fd,
	    F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW |
	    F_SEAL_SEAL) == -1))
		error = -errno;
	if (error == 0)
		return fd;
	close(fd);
	return error;
}

static int
open_place(struct store *store, const struct job_document *doc,
    const void *bytes)
{
	switch (doc->place) {
	case JOB_IN_RECORD:
		return in_memory(bytes, doc->size);
	case JOB_IN_FILE:
		return data_open(&store->data, doc->file, doc->size);
	case JOB_GONE:
		break;
	}
	return -ESTALE;
}

static int
document_read(struct read_op *r)
{
	struct job_document doc = { 0 };
	void *bytes = NULL;
	int fd;

	fd = r->store->ops->document(r->store->be, r->id, r->number, &doc,
	    &bytes);
	if (fd == 0)
		fd = open_place(r->store, &doc, bytes);
	r->size = doc.size;
	free(doc.file);
	free(bytes);
	if (fd < 0)
		return fd;
	r->fd = fd;
	return 0;
}

static void
document_deliver(struct read_op *r)
{
	r->done.document(r->arg, r->op.error, r->fd, r->size);
}

int
store_document(struct store *store, uint64_t id, unsigned int number,
    store_document_fn *done, void *arg)
{
	struct read_op *r;

	r = read_new(store, document_read, document_deliver, arg);
	if (r == NULL)
		return -1;
	r->done.document = done;
	r->id = id;
	r->number = number;
	submit(store, r);
	return 0;
}

/* ---- accounting, notes, checks --------------------------------------- */

static int
records_read(struct read_op *r)
{
	int error;

	r->records = calloc(1, sizeof(*r->records));
	if (r->records == NULL)
		return -ENOMEM;
	error = r->store->ops->records(r->store->be, &r->period, r->records);
	if (error == 0)
		return 0;
	job_record_list_free(r->records);
	r->records = NULL;
	return error;
}

static void
records_deliver(struct read_op *r)
{
	r->done.records(r->arg, r->op.error, r->records);
}

int
store_records(struct store *store, const struct store_period *period,
    store_records_fn *done, void *arg)
{
	struct read_op *r = read_new(store, records_read, records_deliver, arg);

	if (r == NULL)
		return -1;
	r->done.records = done;
	r->period = *period;
	submit(store, r);
	return 0;
}

static int
notes_read(struct read_op *r)
{
	int error;

	r->notes = calloc(1, sizeof(*r->notes));
	if (r->notes == NULL)
		return -ENOMEM;
	error = r->store->ops->notes(r->store->be, r->notes);
	if (error == 0)
		return 0;
	store_note_list_free(r->notes);
	r->notes = NULL;
	return error;
}

static void
notes_deliver(struct read_op *r)
{
	r->done.notes(r->arg, r->op.error, r->notes);
}

int
store_notes(struct store *store, store_notes_fn *done, void *arg)
{
	struct read_op *r = read_new(store, notes_read, notes_deliver, arg);

	if (r == NULL)
		return -1;
	r->done.notes = done;
	submit(store, r);
	return 0;
}

static int
check_read(struct read_op *r)
{
	return r->store->ops->check(r->store->be);
}

static int
look_read(struct read_op *r)
{
	return committer_look(&r->store->committer);
}

static void
check_deliver(struct read_op *r)
{
	r->done.check(r->arg, r->op.error);
}

static int
check(struct store *store, int (*how)(struct read_op *r), store_done_fn *done,
    void *arg)
{
	struct read_op *r = read_new(store, how, check_deliver, arg);

	if (r == NULL)
		return -1;
	r->done.check = done;
	submit(store, r);
	return 0;
}

int
store_check(struct store *store, store_done_fn *done, void *arg)
{
	return check(store, check_read, done, arg);
}

int
store_look(struct store *store, store_done_fn *done, void *arg)
{
	return check(store, look_read, done, arg);
}
