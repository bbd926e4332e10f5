/*
 * spooler.c - the reference for spooled delivery: each job goes to a file of
 * its own, and the client hears of it when that is on stable storage.
 *
 *	spooler [--threads N] [--splice] [--no-sync] DIRECTORY
 *
 *	accept -> open file -> read, write ... -> end of stream
 *	       -> fsync file -> fsync directory -> close connection
 *
 * That is all it does: nothing is printed, no record of the job is kept, and
 * a job that was broken off leaves no file.  A thread serves many clients by
 * epoll, and stops for all of them while it syncs; with several threads their
 * syncs run side by side.  With --splice the bytes go from the socket to the
 * file by way of a pipe, and are never copied to this process.
 *
 * Listens on 127.0.0.1; the port stands on standard output.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

#define BUFFER_LEN	(64 * 1024)
#define PIPE_LEN	(1024 * 1024)
#define EVENTS		256
#define TURNS		16	/* reads of one connection per wake-up */
#define NAME_LEN	32

/* Common to all threads. */
struct spooler {
	int			 listen_fd;
	int			 directory_fd;
	bool			 splice;
	bool			 sync;
	_Atomic unsigned long	 next_job;
};

struct worker {
	struct spooler		*spooler;
	int			 epoll_fd;
	int			 pipe_in;	/* for splice, as is: */
	int			 pipe_out;
};

struct client {
	int			 fd;		/* owned, as is: */
	int			 file;
	char			 name[NAME_LEN];
};

static void
name_job(struct spooler *spooler, char name[NAME_LEN])
{
	snprintf(name, NAME_LEN, "%lu",
	    atomic_fetch_add(&spooler->next_job, 1));
}

static void
watch(const struct worker *worker, int fd, uint32_t events, void *of)
{
	struct epoll_event event = { .events = events, .data.ptr = of };

	if (epoll_ctl(worker->epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1)
		err(EXIT_FAILURE, "epoll_ctl");
}

static void
begin(const struct worker *worker, int fd)
{
	struct client *client = calloc(1, sizeof(*client));

	if (client == NULL)
		err(EXIT_FAILURE, "client");
	client->fd = fd;
	name_job(worker->spooler, client->name);
	client->file = openat(worker->spooler->directory_fd, client->name,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (client->file == -1)
		err(EXIT_FAILURE, "job %s", client->name);
	watch(worker, fd, EPOLLIN, client);
}

static void
accept_all(const struct worker *worker)
{
	int fd;

	for (;;) {
		fd = accept4(worker->spooler->listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			begin(worker, fd);
		else if (errno == EAGAIN)
			return;
		else if (errno != ECONNABORTED && errno != EINTR)
			err(EXIT_FAILURE, "accept");
	}
}

static void
end(struct client *client)
{
	close(client->file);
	close(client->fd);
	free(client);
}

static void
end_lost(const struct worker *worker, struct client *client)
{
	(void)unlinkat(worker->spooler->directory_fd, client->name, 0);
	end(client);
}

static void
end_kept(const struct worker *worker, struct client *client)
{
	const struct spooler *spooler = worker->spooler;

	if (spooler->sync && (fsync(client->file) == -1 ||
	    fsync(spooler->directory_fd) == -1))
		err(EXIT_FAILURE, "fsync");
	end(client);
}

/* As read(2): the bytes are in the file then, 0 is the end. */
static ssize_t
take_by_copy(const struct client *client)
{
	char buffer[BUFFER_LEN];
	ssize_t n, left, written;

	n = recv(client->fd, buffer, sizeof(buffer), 0);
	for (left = n; left > 0; left -= written) {
		written = write(client->file, buffer + (n - left),
		    (size_t)left);
		if (written == -1)
			err(EXIT_FAILURE, "job %s", client->name);
	}
	return n;
}

static ssize_t
take_by_splice(const struct worker *worker, const struct client *client)
{
	ssize_t n, left, moved;

	n = splice(client->fd, NULL, worker->pipe_in, NULL, PIPE_LEN,
	    SPLICE_F_NONBLOCK);
	for (left = n; left > 0; left -= moved) {
		moved = splice(worker->pipe_out, NULL, client->file, NULL,
		    (size_t)left, 0);
		if (moved <= 0)
			err(EXIT_FAILURE, "splice to job %s", client->name);
	}
	return n;
}

static void
serve_client(const struct worker *worker, struct client *client)
{
	ssize_t n = 1;
	int turn;

	for (turn = 0; turn < TURNS && n > 0; turn++)
		n = worker->spooler->splice ? take_by_splice(worker, client) :
		    take_by_copy(client);
	if (n == 0)
		end_kept(worker, client);
	else if (n == -1 && errno != EAGAIN)
		end_lost(worker, client);
}

static void
open_pipe(struct worker *worker)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		err(EXIT_FAILURE, "pipe");
	if (fcntl(ends[1], F_SETPIPE_SZ, PIPE_LEN) == -1)
		err(EXIT_FAILURE, "F_SETPIPE_SZ");
	worker->pipe_out = ends[0];
	worker->pipe_in = ends[1];
}

/* A thread of its own for each. */
static void *
serve(void *arg)
{
	struct worker worker = { .spooler = arg };
	struct epoll_event events[EVENTS];
	int i, n;

	if (worker.spooler->splice)
		open_pipe(&worker);
	worker.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (worker.epoll_fd == -1)
		err(EXIT_FAILURE, "epoll_create");
	watch(&worker, worker.spooler->listen_fd, EPOLLIN | EPOLLEXCLUSIVE,
	    NULL);
	for (;;) {
		n = epoll_wait(worker.epoll_fd, events, EVENTS, -1);
		if (n == -1 && errno != EINTR)
			err(EXIT_FAILURE, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (events[i].data.ptr == NULL)
				accept_all(&worker);
			else
				serve_client(&worker, events[i].data.ptr);
		}
	}
}

static void
start_threads(struct spooler *spooler, uint64_t more)
{
	pthread_t thread;
	int error;

	while (more-- > 0) {
		error = pthread_create(&thread, NULL, serve, spooler);
		if (error != 0) {
			errno = error;
			err(EXIT_FAILURE, "thread");
		}
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ .name = "no-sync", .has_arg = no_argument, .val = 'n' },
		{ .name = "splice", .has_arg = no_argument, .val = 's' },
		{ .name = "threads", .has_arg = required_argument, .val = 't' },
		{ .name = NULL },
	};
	struct spooler spooler = { .sync = true, .next_job = 1 };
	uint64_t threads = 1;
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt == 'n')
			spooler.sync = false;
		else if (opt == 's')
			spooler.splice = true;
		else if (opt == 't')
			threads = parse_number(optarg, 1);
		else
			return EXIT_FAILURE;
	}
	if (optind != argc - 1)
		errx(EXIT_FAILURE, "usage: spooler [--threads N] [--splice] "
		    "[--no-sync] DIRECTORY");
	spooler.directory_fd = open(argv[optind], O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC);
	if (spooler.directory_fd == -1)
		err(EXIT_FAILURE, "%s", argv[optind]);
	raise_descriptor_limit();
	spooler.listen_fd = open_listener(0);
	start_threads(&spooler, threads - 1);
	serve(&spooler);
}
