/*
 * stock.c - fills a job store, and counts what is in one.
 *
 *	stock fill DIRECTORY QUEUE PENDING FINISHED
 *	stock count DIRECTORY
 *
 * Pending jobs have 4 KiB each.  Finished ones have been through all that a
 * job goes through, and are small, so that a million of them is no matter of
 * disk space.  They finished just now, so that none of them is due to go.
 *
 * The count tells how many jobs are in which state, and, for those completed,
 * when the first was started and the last was completed.
 */
#include <err.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "common.h"
#include "spool/incoming.h"
#include "spool/store.h"

#define PENDING_LEN	4096
#define FINISHED_LEN	256
#define UNDER_WAY	1000	/* jobs that are not durable yet */
#define PAGE		1000	/* jobs read at a time */

struct fill {
	struct store	*store;
	const char	*queue;
	uint64_t	 pending;	/* to begin, as are: */
	uint64_t	 finished;
	uint64_t	 under_way;
};

struct count {
	struct store	*store;
	uint64_t	 jobs[JOB_STATE_END];
	int64_t		 first_started_ms;
	int64_t		 last_completed_ms;
	bool		 due;		/* a page is */
	bool		 more;
	struct job	*last;		/* owned; the next page is behind it */
};

static char bytes[PENDING_LEN];

static int64_t
wall_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static struct store *
open_store(const char *directory)
{
	struct store_options options = {
		.directory = directory, .now_ms = wall_ms(),
	};
	struct store_error error;
	struct store *store = store_open(&options, &error);

	if (store == NULL)
		errx(EXIT_FAILURE, "%s", error.text);
	return store;
}

static void
wait_for_mail(struct store *store)
{
	struct pollfd mail = { .fd = store_fd(store), .events = POLLIN };

	if (poll(&mail, 1, -1) == -1 && errno != EINTR)
		err(EXIT_FAILURE, "poll");
	store_poll(store);
}

static void
check(const char *what, int error)
{
	if (error != 0)
		errx(EXIT_FAILURE, "%s: %s", what, strerror(-error));
}

/* ---- fill --------------------------------------------------------------- */

static void
on_started(void *arg, int error)
{
	(void)arg;
	check("start", error);
}

static void
on_finished(void *arg, int error)
{
	struct fill *fill = arg;

	check("finish", error);
	fill->under_way--;
}

static void
on_pending(void *arg, int error, struct job *job)
{
	struct fill *fill = arg;

	check("commit", error);
	job_free(job);
	fill->under_way--;
}

static void
on_to_be_finished(void *arg, int error, struct job *job)
{
	struct fill *fill = arg;
	struct job_step start = {
		.state = JOB_PROCESSING, .port = "p", .now_ms = wall_ms(),
	};
	struct job_step end = {
		.state = JOB_COMPLETED, .now_ms = wall_ms(),
		.reasons = JOB_COMPLETED_SUCCESSFULLY,
	};

	check("commit", error);
	if (store_step(fill->store, job->id, &start, on_started, fill) == -1 ||
	    store_step(fill->store, job->id, &end, on_finished, fill) == -1)
		err(EXIT_FAILURE, "step");
	job_free(job);
}

static void
begin(struct fill *fill, size_t size, incoming_done_fn *done)
{
	struct job_about about = {
		.queue = fill->queue, .user = "alice", .host = "10.0.0.5",
		.title = "a document", .created_ms = wall_ms(),
	};
	struct job_about_document doc = { .format = "text/plain" };
	struct incoming *in;

	in = incoming_begin(fill->store, &about, 0, NULL, NULL);
	while (in == NULL && errno == EAGAIN) {
		wait_for_mail(fill->store);
		in = incoming_begin(fill->store, &about, 0, NULL, NULL);
	}
	if (in == NULL || incoming_document(in, &doc) == -1 ||
	    incoming_write(in, bytes, size) != size)
		err(EXIT_FAILURE, "begin");
	fill->under_way++;
	incoming_commit(in, done, fill);
}

static void
fill_store(const char *directory, const char *queue, uint64_t pending,
    uint64_t finished)
{
	struct fill fill = { NULL, queue, pending, finished, 0 };

	if (mkdir(directory, 0700) == -1 && errno != EEXIST)
		err(EXIT_FAILURE, "%s", directory);
	memset(bytes, 'x', sizeof(bytes));
	fill.store = open_store(directory);
	while (fill.finished + fill.pending + fill.under_way > 0) {
		if (fill.under_way == UNDER_WAY ||
		    fill.finished + fill.pending == 0)
			wait_for_mail(fill.store);
		else if (fill.finished > 0 && fill.finished-- > 0)
			begin(&fill, FINISHED_LEN, on_to_be_finished);
		else if (fill.pending-- > 0)
			begin(&fill, PENDING_LEN, on_pending);
	}
	store_close(fill.store);
}

/* ---- count -------------------------------------------------------------- */

static void
count_job(struct count *count, const struct job *job)
{
	count->jobs[job->state]++;
	if (job->state != JOB_COMPLETED)
		return;
	if (count->first_started_ms == 0 ||
	    job->started_ms < count->first_started_ms)
		count->first_started_ms = job->started_ms;
	if (job->completed_ms > count->last_completed_ms)
		count->last_completed_ms = job->completed_ms;
}

static void
on_page(void *arg, int error, struct job_list *list)
{
	struct count *count = arg;
	size_t i;

	check("list", error);
	count->due = false;
	for (i = 0; i < list->n; i++)
		count_job(count, list->jobs[i]);
	count->more = list->n == PAGE;
	if (count->more) {
		job_free(count->last);
		count->last = list->jobs[--list->n];
	}
	job_list_free(list);
}

static void
count_store(const char *directory)
{
	struct count count = { .store = open_store(directory), .more = true };
	struct store_filter filter = { .which = STORE_ALL, .limit = PAGE };
	enum job_state state;

	while (count.more) {
		filter.after = count.last;
		if (store_list(count.store, &filter, on_page, &count) == -1)
			err(EXIT_FAILURE, "list");
		count.due = true;
		while (count.due)
			wait_for_mail(count.store);
	}
	for (state = JOB_PENDING; state < JOB_STATE_END; state++)
		printf("%s=%" PRIu64 " ", job_state_name(state),
		    count.jobs[state]);
	printf("first_started_ms=%" PRId64 " last_completed_ms=%" PRId64 "\n",
	    count.first_started_ms, count.last_completed_ms);
	job_free(count.last);
	store_close(count.store);
}

int
main(int argc, char **argv)
{
	if (argc == 6 && strcmp(argv[1], "fill") == 0)
		fill_store(argv[2], argv[3], parse_number(argv[4], 0),
		    parse_number(argv[5], 0));
	else if (argc == 3 && strcmp(argv[1], "count") == 0)
		count_store(argv[2]);
	else
		errx(EXIT_FAILURE, "usage: stock fill DIRECTORY QUEUE PENDING "
		    "FINISHED\n       stock count DIRECTORY");
	return EXIT_SUCCESS;
}
