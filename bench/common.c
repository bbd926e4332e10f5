/*
 * common.c - see common.h.
 */
#include <arpa/inet.h>
#include <err.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>

#include "common.h"

#define BACKLOG		4096

int64_t
now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

void
raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == -1)
		err(EXIT_FAILURE, "getrlimit");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) == -1)
		err(EXIT_FAILURE, "setrlimit");
}

int
open_listener(in_port_t port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	socklen_t len = sizeof(sin);
	int fd, on = 1;

	fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&sin, sizeof(sin)) == -1 ||
	    listen(fd, BACKLOG) == -1 ||
	    getsockname(fd, (struct sockaddr *)&sin, &len) == -1)
		err(EXIT_FAILURE, "port %u", port);
	printf("%u\n", ntohs(sin.sin_port));
	if (fflush(stdout) == EOF)
		err(EXIT_FAILURE, "standard output");
	return fd;
}

void
bind_source(int fd, size_t number)
{
	struct sockaddr_in source = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK + 1 +
		    (in_addr_t)number),
	};
	int on = 1;

	/* The port is then chosen by connect(), per destination. */
	if (setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &on,
	    sizeof(on)) == -1 ||
	    bind(fd, (struct sockaddr *)&source, sizeof(source)) == -1)
		err(EXIT_FAILURE, "source address");
}

in_port_t
parse_port(const char *word)
{
	uint64_t port = parse_number(word, 0);

	if (port > 65535)
		errx(EXIT_FAILURE, "port %s: want 0 to 65535", word);
	return (in_port_t)port;
}

uint64_t
parse_number(const char *word, uint64_t min)
{
	static const char units[] = "KMG";
	uint64_t number;
	const char *unit;
	char *rest;

	number = strtoull(word, &rest, 10);
	if (*rest != '\0' && rest[1] == '\0' &&
	    (unit = strchr(units, *rest)) != NULL) {
		number <<= 10 * (unit - units + 1);
		rest++;
	}
	if (*word < '0' || *word > '9' || *rest != '\0' || number < min)
		errx(EXIT_FAILURE, "%s: want a number, at least %" PRIu64,
		    word, min);
	return number;
}

static int
compare_ns(const void *a, const void *b)
{
	int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;

	return (left > right) - (left < right);
}

void
sort_ns(int64_t *list, size_t n)
{
	qsort(list, n, sizeof(*list), compare_ns);
}

double
percentile_ms(const int64_t *sorted, size_t n, size_t percent)
{
	if (n == 0)
		return INFINITY;
	return (double)sorted[(n * percent + 99) / 100 - 1] / 1e6;
}
