/*
 * probe.c - how long a server leaves a trivial client waiting.
 *
 *	probe PORT INTERVAL_MS
 *
 * Every INTERVAL_MS: connect, shut down the sending side without a byte, and
 * wait for the server to close.  The kernel shakes hands; for the rest the
 * server's loop must come round, so that the longest wait is its longest
 * stall, but for one interval at most and for our own wake-up.  To keep the
 * latter small this process asks for real-time scheduling; rt=0 says that it
 * did not get it.
 *
 * Ends when standard input closes, and reports then.
 */
#include <sys/socket.h>

#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common.h"

#define SOURCES		16
#define PATIENCE_S	60	/* then a probe has failed */
#define WAITS_MAX	((size_t)1 << 20)

struct probe {
	struct sockaddr_in	 server;
	int			 interval_ms;
	bool			 real_time;
	int64_t			*waits_ns;	/* owned, n of them */
	size_t			 n;
	size_t			 failed;
};

static int
open_socket(size_t number)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd == -1 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	    sizeof(patience)) == -1)
		err(EXIT_FAILURE, "socket");
	bind_source(fd, number % SOURCES);
	return fd;
}

static void
ask(struct probe *probe)
{
	int64_t start;
	ssize_t n = -1;
	char byte;
	int fd = open_socket(probe->n + probe->failed);

	start = now_ns();
	if (connect(fd, (struct sockaddr *)&probe->server,
	    sizeof(probe->server)) == 0 && shutdown(fd, SHUT_WR) == 0)
		n = recv(fd, &byte, sizeof(byte), 0);
	if (n == 0)
		probe->waits_ns[probe->n++] = now_ns() - start;
	else
		probe->failed++;
	close(fd);
}

static void
run(struct probe *probe)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	int n;

	while (probe->n < WAITS_MAX) {
		ask(probe);
		n = poll(&input, 1, probe->interval_ms);
		if (n == 1)
			return;
		if (n == -1 && errno != EINTR)
			err(EXIT_FAILURE, "poll");
	}
}

int
main(int argc, char **argv)
{
	struct sched_param priority = { .sched_priority = 1 };
	struct probe probe = { .server.sin_family = AF_INET };

	if (argc != 3)
		errx(EXIT_FAILURE, "usage: probe PORT INTERVAL_MS");
	probe.server.sin_port = htons(parse_port(argv[1]));
	probe.server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	probe.interval_ms = (int)parse_number(argv[2], 0);
	probe.waits_ns = calloc(WAITS_MAX, sizeof(*probe.waits_ns));
	if (probe.waits_ns == NULL)
		err(EXIT_FAILURE, "waits");
	probe.real_time = sched_setscheduler(0, SCHED_FIFO, &priority) == 0;
	run(&probe);
	sort_ns(probe.waits_ns, probe.n);
	printf("probes=%zu failed=%zu rt=%d p50_ms=%.3f p99_ms=%.3f "
	    "max_ms=%.3f\n", probe.n, probe.failed, probe.real_time,
	    percentile_ms(probe.waits_ns, probe.n, 50),
	    percentile_ms(probe.waits_ns, probe.n, 99),
	    percentile_ms(probe.waits_ns, probe.n, 100));
	free(probe.waits_ns);
	return EXIT_SUCCESS;
}
