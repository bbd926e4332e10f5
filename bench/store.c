/*
 * store.c - how fast the job store is, alone.
 *
 * usage: store DIRECTORY
 *
 * Prints one line for each figure: small jobs at 1, 8, 64 and 256 that are
 * under way at a time, one large document beside a plain file of the same
 * size, and how soon a store with many jobs is open.  The directory is made
 * and left behind; it should be on the disk that is to be measured.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "spool/incoming.h"
#include "spool/store.h"

#define SMALL_LEN	4096
#define SMALL_JOBS	20000
#define LARGE_LEN	(UINT64_C(1) << 30)
#define WRITE_LEN	(1 << 20)

struct run {
	struct store	*store;
	unsigned int	 begun, committed, stepped;
	double		*started;	/* of each job */
	double		*took;
	uint64_t	 first_id;
};

static char bytes[WRITE_LEN];

static double
now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

__attribute__((noreturn))
static void
die(const char *what)
{
	fprintf(stderr, "store: %s: %s\n", what, strerror(errno));
	exit(1);
}

static struct store *
open_store(const char *directory)
{
	struct store_options options = { .directory = directory };
	struct store_error error;
	struct store *store = store_open(&options, &error);

	if (store == NULL) {
		fprintf(stderr, "store: %s\n", error.text);
		exit(1);
	}
	return store;
}

static void
wait_for_mail(struct store *store)
{
	struct pollfd mail = { .fd = store_fd(store), .events = POLLIN };

	poll(&mail, 1, -1);
	store_poll(store);
}

/* ---- small jobs ------------------------------------------------------ */

static void begin_one(struct run *run);

static void
committed(void *arg, int error, struct job *job)
{
	struct run *run = arg;
	uint64_t i;

	if (error != 0) {
		errno = -error;
		die("commit");
	}
	i = job->id - run->first_id;
	run->took[i] = now() - run->started[i];
	run->committed++;
	job_free(job);
	if (run->begun < SMALL_JOBS)
		begin_one(run);
}

static void
begin_one(struct run *run)
{
	struct job_about about = {
		.queue = "lobby", .user = "alice", .host = "10.0.0.5",
		.title = "a document", .created_ms = 1,
	};
	struct job_about_document doc = { .format = "text/plain" };
	struct incoming *in;

	in = incoming_begin(run->store, &about, 0, NULL, NULL);
	if (in == NULL || incoming_document(in, &doc) == -1 ||
	    incoming_write(in, bytes, SMALL_LEN) != SMALL_LEN)
		die("begin");
	if (run->begun == 0)
		run->first_id = incoming_id(in);
	run->started[run->begun++] = now();
	incoming_commit(in, committed, run);
}

static int
by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

static void
stepped(void *arg, int error)
{
	struct run *run = arg;

	if (error != 0) {
		errno = -error;
		die("step");
	}
	run->stepped++;
}

/* From pending to completed, as a port drains a queue. */
static void
drain(struct run *run)
{
	struct job_step sends = { .state = JOB_PROCESSING, .now_ms = 1 };
	struct job_step ends = { .state = JOB_COMPLETED, .now_ms = 2 };
	double start = now();
	unsigned int i;

	for (i = 0; i < SMALL_JOBS; i++) {
		if (store_step(run->store, run->first_id + i, &sends, stepped,
		    run) == -1 || store_step(run->store, run->first_id + i,
		    &ends, stepped, run) == -1)
			die("step");
		while (i * 2 - run->stepped > 200 && i * 2 > run->stepped)
			wait_for_mail(run->store);
	}
	while (run->stepped < 2 * SMALL_JOBS)
		wait_for_mail(run->store);
	printf("drained: %.0f jobs/s\n", SMALL_JOBS / (now() - start));
}

static void
small(struct store *store, unsigned int clients)
{
	struct run run = { .store = store };
	double start, took;

	run.started = calloc(SMALL_JOBS, sizeof(*run.started));
	run.took = calloc(SMALL_JOBS, sizeof(*run.took));
	if (run.started == NULL || run.took == NULL)
		die("calloc");
	start = now();
	while (run.begun < clients)
		begin_one(&run);
	while (run.committed < SMALL_JOBS)
		wait_for_mail(store);
	took = now() - start;
	qsort(run.took, SMALL_JOBS, sizeof(double), by_value);
	printf("small: %u at a time: %.0f jobs/s, p50 %.1f ms, p99 %.1f ms, "
	    "max %.1f ms\n", clients, SMALL_JOBS / took,
	    run.took[SMALL_JOBS / 2] * 1e3,
	    run.took[SMALL_JOBS * 99 / 100] * 1e3,
	    run.took[SMALL_JOBS - 1] * 1e3);
	if (clients == 64)
		drain(&run);
	free(run.started);
	free(run.took);
}

/* ---- one large job --------------------------------------------------- */

static double
plain(const char *directory)
{
	char path[4096];
	uint64_t done;
	double start;
	int fd;

	snprintf(path, sizeof(path), "%s/plain", directory);
	start = now();
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (done = 0; done < LARGE_LEN; done += WRITE_LEN)
		if (write(fd, bytes, WRITE_LEN) != WRITE_LEN)
			die(path);
	if (fdatasync(fd) == -1)
		die(path);
	start = now() - start;
	close(fd);
	unlink(path);
	return start;
}

static void
finished(void *arg, int error, struct job *job)
{
	if (error != 0) {
		errno = -error;
		die("large commit");
	}
	job_free(job);
	*(bool *)arg = true;
}

static void
large(struct store *store, const char *directory)
{
	struct job_about about = { .queue = "lobby", .created_ms = 1 };
	struct job_about_document doc = { .format = "text/plain" };
	struct incoming *in;
	struct rusage usage;
	double start, all, sync, file;
	bool done = false;
	uint64_t n;
	size_t got;

	file = plain(directory);
	start = now();
	in = incoming_begin(store, &about, 0, NULL, NULL);
	if (in == NULL || incoming_document(in, &doc) == -1)
		die("begin");
	for (n = 0; n < LARGE_LEN; n += got) {
		got = incoming_write(in, bytes, WRITE_LEN);
		if (got == 0)
			wait_for_mail(store);
	}
	sync = now();
	incoming_commit(in, finished, &done);
	while (!done)
		wait_for_mail(store);
	all = now() - start;
	sync = now() - sync;
	getrusage(RUSAGE_SELF, &usage);
	printf("large: plain file %.0f MB/s, store %.0f MB/s (%.2f), end of "
	    "it %.0f ms, memory %ld MiB\n", (double)LARGE_LEN / file / 1e6,
	    (double)LARGE_LEN / all / 1e6, file / all, sync * 1e3,
	    usage.ru_maxrss / 1024);
}

int
main(int argc, char **argv)
{
	static const unsigned int clients[] = { 1, 8, 64, 256 };
	struct store *store;
	double start;
	size_t i;

	if (argc != 2) {
		fprintf(stderr, "usage: store DIRECTORY\n");
		return 2;
	}
	if (mkdir(argv[1], 0700) == -1 && errno != EEXIST)
		die(argv[1]);
	memset(bytes, 'x', sizeof(bytes));
	store = open_store(argv[1]);
	for (i = 1; i < sizeof(clients) / sizeof(clients[0]); i++)
		small(store, clients[i]);
	large(store, argv[1]);
	store_close(store);
	start = now();
	store = open_store(argv[1]);
	printf("open: %.3f s\n", now() - start);
	store_close(store);
	return 0;
}
