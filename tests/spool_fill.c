/*
 * spool_fill.c - puts many small jobs into a spool, for tests of a daemon that
 * starts on it.
 *
 * usage: spool_fill DIRECTORY QUEUE COUNT
 *
 * The n-th job is the text "line-n\n", from 1.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "spool/incoming.h"
#include "spool/store.h"

/* Jobs on their way at a time. */
#define BATCH	2000

struct fill {
	struct store		*store;
	struct job_about	 about;
	unsigned long		 begun, done;
	int			 error;
};

static void
on_done(void *arg, int error, struct job *job)
{
	struct fill *fill = arg;

	fill->done++;
	if (error != 0)
		fill->error = error;
	job_free(job);
}

static int
add(struct fill *fill)
{
	struct job_about_document doc = { .format = "text/plain" };
	struct incoming *in;
	char text[32];
	size_t len;

	in = incoming_begin(fill->store, &fill->about, 0, NULL, NULL);
	if (in == NULL)
		return errno == EAGAIN ? 0 : -1;
	fill->begun++;
	len = (size_t)snprintf(text, sizeof(text), "line-%lu\n", fill->begun);
	if (incoming_document(in, &doc) == -1 ||
	    incoming_write(in, text, len) != len) {
		incoming_abort(in);
		return -1;
	}
	incoming_commit(in, on_done, fill);
	return 0;
}

static int
run(struct fill *fill, unsigned long count)
{
	struct pollfd mail = { .fd = store_fd(fill->store), .events = POLLIN };

	while (fill->done < count && fill->error == 0) {
		if (fill->begun < count && fill->begun - fill->done < BATCH &&
		    add(fill) == -1)
			return -errno;
		if (fill->begun == count ||
		    fill->begun - fill->done == BATCH)
			(void)poll(&mail, 1, -1);
		(void)store_poll(fill->store);
	}
	return fill->error;
}

int
main(int argc, char **argv)
{
	struct store_options options = { .directory = argv[1] };
	struct store_error error;
	struct fill fill = { 0 };
	unsigned long count;
	int rc;

	if (argc != 4 || (count = strtoul(argv[3], NULL, 10)) == 0) {
		fprintf(stderr, "usage: spool_fill DIRECTORY QUEUE COUNT\n");
		return 2;
	}
	fill.about = (struct job_about){ .queue = argv[2],
	    .host = "127.0.0.1", .priority = JOB_PRIORITY_DEFAULT,
	    .created_ms = (int64_t)time(NULL) * 1000 };
	fill.store = store_open(&options, &error);
	if (fill.store == NULL) {
		fprintf(stderr, "spool_fill: %s\n", error.text);
		return 1;
	}
	rc = run(&fill, count);
	store_close(fill.store);
	if (rc != 0)
		fprintf(stderr, "spool_fill: %s\n", strerror(-rc));
	return rc != 0;
}
