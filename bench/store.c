/*
 * store.c - how fast the job store is, alone.
 *
 * usage: store DIRECTORY [small | large]
 *
 * Prints one line for each figure: small jobs at 1, 8, 64 and 256 that are
 * under way at a time; one large document from a client on loopback, beside a
 * file of the same size that is written from memory, and one to which a
 * client's bytes are spliced; how soon a store with many jobs is open.  The
 * directory is made and left behind; it should be on the disk that is to be
 * measured.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "spool/incoming.h"
#include "spool/store.h"

#define SMALL_LEN	4096
#define SMALL_JOBS	20000
#define LARGE_LEN	(UINT64_C(1) << 30)
#define WRITE_LEN	(1 << 20)
#define ROUNDS		5

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

/* A client that sends LARGE_LEN bytes; the socket that they come from. */
static int
client(pid_t *pid)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener, out, in;
	uint64_t sent;

	listener = socket(AF_INET, SOCK_STREAM, 0);
	out = socket(AF_INET, SOCK_STREAM, 0);
	if (listener == -1 || out == -1 ||
	    bind(listener, (struct sockaddr *)&address, len) == -1 ||
	    listen(listener, 1) == -1 ||
	    getsockname(listener, (struct sockaddr *)&address, &len) == -1 ||
	    connect(out, (struct sockaddr *)&address, len) == -1)
		die("socket");
	in = accept(listener, NULL, NULL);
	close(listener);
	fflush(stdout);
	*pid = fork();
	if (in == -1 || *pid == -1)
		die("client");
	if (*pid == 0) {
		close(in);
		for (sent = 0; sent < LARGE_LEN; sent += WRITE_LEN)
			if (write(out, bytes, WRITE_LEN) != WRITE_LEN)
				_exit(1);
		_exit(0);
	}
	close(out);
	return in;
}

static void
client_gone(int in, pid_t pid)
{
	int status;

	close(in);
	if (waitpid(pid, &status, 0) != pid || status != 0)
		die("client");
}

static int
open_plain(const char *directory, char path[4096])
{
	int fd;

	snprintf(path, 4096, "%s/plain", directory);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	if (fd == -1)
		die(path);
	return fd;
}

/* From memory, as fast as the disk can. */
static double
plain(const char *directory)
{
	char path[4096];
	double start = now();
	int fd = open_plain(directory, path);
	uint64_t done;

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

/* From a client, and the bytes are looked at by nobody. */
static double
spliced(const char *directory)
{
	char path[4096];
	ssize_t n, moved;
	double start;
	int ends[2];
	pid_t pid;
	int in = client(&pid);
	int fd = open_plain(directory, path);

	if (pipe(ends) == -1 || fcntl(ends[1], F_SETPIPE_SZ, WRITE_LEN) == -1)
		die("pipe");
	start = now();
	while ((n = splice(in, NULL, ends[1], NULL, WRITE_LEN, 0)) > 0)
		for (; n > 0; n -= moved) {
			moved = splice(ends[0], NULL, fd, NULL, (size_t)n, 0);
			if (moved <= 0)
				die("splice");
		}
	if (n == -1 || fdatasync(fd) == -1)
		die(path);
	start = now() - start;
	client_gone(in, pid);
	close(ends[0]);
	close(ends[1]);
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

/* Until the client has ended, whoever has to wait for the other. */
static void
take_all(struct store *store, struct incoming *in, int socket)
{
	struct pollfd fds[] = {
		{ .fd = store_fd(store), .events = POLLIN },
		{ .fd = socket, .events = POLLIN },
	};
	ssize_t n = 1;
	size_t room;
	void *to;

	while (n != 0) {
		to = incoming_room(in, &room);
		if (to == NULL && incoming_error(in) != 0)
			die("incoming");
		n = -1;
		if (to != NULL)
			n = recv(socket, to, room, MSG_DONTWAIT);
		if (n > 0)
			incoming_filled(in, (size_t)n);
		if (n == -1) {
			poll(fds, to == NULL ? 1 : 2, -1);
			store_poll(store);
		}
	}
}

static double
stored(struct store *store, double *commit)
{
	struct job_about about = { .queue = "lobby", .created_ms = 1 };
	struct job_about_document doc = { .format = "text/plain" };
	struct incoming *in;
	bool done = false;
	double start;
	pid_t pid;
	int socket = client(&pid);

	start = now();
	in = incoming_begin(store, &about, 0, NULL, NULL);
	if (in == NULL || incoming_document(in, &doc) == -1)
		die("begin");
	take_all(store, in, socket);
	*commit = now();
	incoming_commit(in, finished, &done);
	while (!done)
		wait_for_mail(store);
	start = now() - start;
	*commit = now() - *commit;
	client_gone(socket, pid);
	return start;
}

static double
median(double *values, size_t n)
{
	qsort(values, n, sizeof(*values), by_value);
	return values[n / 2];
}

/* In turns, for the disk of a virtual machine has its moods. */
static void
large(struct store *store, const char *directory)
{
	double to_plain[ROUNDS], to_spliced[ROUNDS], p, s, t, commit;
	double mb = (double)LARGE_LEN / 1e6;
	struct rusage usage;
	int i;

	for (i = 0; i < ROUNDS; i++) {
		p = plain(directory);
		s = spliced(directory);
		t = stored(store, &commit);
		to_plain[i] = p / t;
		to_spliced[i] = s / t;
		printf("large: plain %.0f MB/s, spliced %.0f MB/s, store "
		    "%.0f MB/s, of that %.0f ms behind the last byte\n",
		    mb / p, mb / s, mb / t, commit * 1e3);
	}
	getrusage(RUSAGE_SELF, &usage);
	printf("large: store to plain %.2f, to spliced %.2f, memory %ld "
	    "MiB\n", median(to_plain, ROUNDS), median(to_spliced, ROUNDS),
	    usage.ru_maxrss / 1024);
}

static void
open_again(const char *directory)
{
	double start = now();
	struct store *store = open_store(directory);

	printf("open: %.3f s\n", now() - start);
	store_close(store);
}

int
main(int argc, char **argv)
{
	static const unsigned int clients[] = { 1, 8, 64, 256 };
	const char *only = argc == 3 ? argv[2] : "";
	struct store *store;
	size_t i;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: store DIRECTORY [small | large]\n");
		return 2;
	}
	if (mkdir(argv[1], 0700) == -1 && errno != EEXIST)
		die(argv[1]);
	memset(bytes, 'x', sizeof(bytes));
	store = open_store(argv[1]);
	for (i = 0; i < sizeof(clients) / sizeof(clients[0]); i++)
		if (strcmp(only, "large") != 0)
			small(store, clients[i]);
	if (strcmp(only, "small") != 0)
		large(store, argv[1]);
	store_close(store);
	open_again(argv[1]);
	return 0;
}
