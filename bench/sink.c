/*
 * sink.c - the reference of the benchmarks: takes every connection at once,
 * reads it to its end and throws the bytes away.  One thread, one epoll.
 *
 *	sink [--splice] [PORT]
 *
 * Listens on 127.0.0.1; without PORT, or with 0, the kernel chooses.  The
 * port stands on standard output as soon as it is open.  With --splice the
 * bytes go from the socket to /dev/null by way of a pipe and are never
 * copied to this process.
 *
 * Nothing ends a sink but a signal, or trouble of its own.
 */
#include <sys/epoll.h>
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

#define BUFFER_LEN	(64 * 1024)
#define EVENTS		256
#define TURNS		16	/* reads of one connection per wake-up */

struct sink;

/* Take some bytes from fd and drop them: as read(2), 0 is the end. */
typedef ssize_t swallow_fn(const struct sink *sink, int fd);

struct sink {
	swallow_fn	*swallow;
	int		 epoll_fd;
	int		 listen_fd;
	int		 null_fd;	/* for splice, as is the pipe */
	int		 pipe_in;
	int		 pipe_out;
};

static ssize_t
swallow_recv(const struct sink *sink, int fd)
{
	static char buffer[BUFFER_LEN];

	(void)sink;
	return recv(fd, buffer, sizeof(buffer), 0);
}

static ssize_t
swallow_splice(const struct sink *sink, int fd)
{
	ssize_t n, moved, left;

	n = splice(fd, NULL, sink->pipe_in, NULL, BUFFER_LEN,
	    SPLICE_F_NONBLOCK);
	for (left = n; left > 0; left -= moved) {
		moved = splice(sink->pipe_out, NULL, sink->null_fd, NULL,
		    (size_t)left, 0);
		if (moved <= 0)
			err(EXIT_FAILURE, "splice to /dev/null");
	}
	return n;
}

static void
open_pipe(struct sink *sink)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) == -1)
		err(EXIT_FAILURE, "pipe");
	if (fcntl(ends[1], F_SETPIPE_SZ, BUFFER_LEN) == -1)
		err(EXIT_FAILURE, "F_SETPIPE_SZ");
	sink->pipe_out = ends[0];
	sink->pipe_in = ends[1];
	sink->null_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (sink->null_fd == -1)
		err(EXIT_FAILURE, "/dev/null");
}

static void
watch(const struct sink *sink, int fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.fd = fd };

	if (epoll_ctl(sink->epoll_fd, EPOLL_CTL_ADD, fd, &event) == -1)
		err(EXIT_FAILURE, "epoll_ctl");
}

/* Whoever has hung up before we came is no trouble of ours. */
static void
accept_all(const struct sink *sink)
{
	int fd;

	for (;;) {
		fd = accept4(sink->listen_fd, NULL, NULL,
		    SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (fd >= 0)
			watch(sink, fd);
		else if (errno == EAGAIN)
			return;
		else if (errno != ECONNABORTED && errno != EINTR)
			err(EXIT_FAILURE, "accept");
	}
}

static void
drain(const struct sink *sink, int fd)
{
	ssize_t n;
	int turn;

	for (turn = 0; turn < TURNS; turn++) {
		n = sink->swallow(sink, fd);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n <= 0) {
			close(fd);
			return;
		}
	}
}

static void
serve(const struct sink *sink)
{
	struct epoll_event events[EVENTS];
	int i, n;

	for (;;) {
		n = epoll_wait(sink->epoll_fd, events, EVENTS, -1);
		if (n == -1 && errno != EINTR)
			err(EXIT_FAILURE, "epoll_wait");
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == sink->listen_fd)
				accept_all(sink);
			else
				drain(sink, events[i].data.fd);
		}
	}
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ .name = "splice", .has_arg = no_argument, .val = 's' },
		{ .name = NULL },
	};
	struct sink sink = { .swallow = swallow_recv };
	int opt;

	while ((opt = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (opt != 's')
			errx(EXIT_FAILURE, "usage: sink [--splice] [PORT]");
		sink.swallow = swallow_splice;
	}
	raise_descriptor_limit();
	if (sink.swallow == swallow_splice)
		open_pipe(&sink);
	sink.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (sink.epoll_fd == -1)
		err(EXIT_FAILURE, "epoll_create");
	sink.listen_fd = open_listener(optind < argc ?
	    parse_port(argv[optind]) : 0);
	watch(&sink, sink.listen_fd);
	serve(&sink);
}
