/*
 * paper.c - the printer of the benchmarks: reads one connection after the
 * other to its end, and says when.
 *
 *	paper [--stall BYTES]
 *
 * Listens on 127.0.0.1, and says on standard output where; then, for each
 * connection, a line when it has ended:
 *
 *	accepted_ns=N first_ns=N end_ns=N bytes=N
 *
 * The times are of CLOCK_MONOTONIC; first_ns is when the first byte was read.
 * With --stall it reads no more after so many bytes, says "stalled=1", and
 * only waits for the connection to break.
 *
 * Nothing ends it but a signal, or trouble of its own.
 */
#include <sys/socket.h>

#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

#define BUFFER_LEN	(256 * 1024)

struct page {
	int64_t		accepted_ns;
	int64_t		first_ns;
	uint64_t	bytes;
};

static void
wait_for(int fd, short events)
{
	struct pollfd one = { .fd = fd, .events = events };

	while (poll(&one, 1, -1) == -1)
		if (errno != EINTR)
			err(EXIT_FAILURE, "poll");
}

/* Until there is nothing more to come, however it ends. */
static void
read_all(int fd, uint64_t stall, struct page *page)
{
	static char buffer[BUFFER_LEN];
	ssize_t n;

	for (;;) {
		if (page->bytes >= stall) {
			puts("stalled=1");
			fflush(stdout);
			wait_for(fd, 0);	/* errors alone */
			return;
		}
		n = recv(fd, buffer, sizeof(buffer), 0);
		if (n <= 0)
			return;
		if (page->bytes == 0)
			page->first_ns = now_ns();
		page->bytes += (uint64_t)n;
	}
}

static void
serve(int listener, uint64_t stall)
{
	struct page page = { .bytes = 0 };
	int fd;

	wait_for(listener, POLLIN);
	fd = accept(listener, NULL, NULL);
	if (fd == -1)
		return;
	page.accepted_ns = now_ns();
	read_all(fd, stall, &page);
	printf("accepted_ns=%" PRId64 " first_ns=%" PRId64 " end_ns=%" PRId64
	    " bytes=%" PRIu64 "\n", page.accepted_ns, page.first_ns, now_ns(),
	    page.bytes);
	fflush(stdout);
	close(fd);
}

int
main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "stall", required_argument, NULL, 's' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t stall = UINT64_MAX;
	int letter, listener;

	while ((letter = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (letter != 's')
			return EXIT_FAILURE;
		stall = parse_number(optarg, 1);
	}
	listener = open_listener(0);
	for (;;)
		serve(listener, stall);
}
