/*
 * turns.c - how long the turns of an event loop are, seen from inside.
 *
 *	LD_PRELOAD=turns.so BENCH_TURNS=FILE program ...
 *
 * A turn lasts from the return of epoll_wait() to the next call of it, in the
 * thread that runs main().  What is slow in a turn is slow for every client.
 * Two clocks are read: that on the wall, which also runs while the process has
 * to wait for a processor, and that of the thread, which does not.
 *
 * The result is one line in FILE.PID when the program ends.
 */
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S	INT64_C(1000000000)
#define LONG_NS		INT64_C(5000000)
#define TOO_LONG_NS	INT64_C(20000000)

typedef int epoll_wait_fn(int, struct epoll_event *, int, int);

struct turns {
	epoll_wait_fn	*epoll_wait;	/* of the C library */
	uint64_t	 n;
	uint64_t	 long_ones;	/* by the wall, as are: */
	uint64_t	 too_long;
	int64_t		 wall_ns;	/* when this turn began */
	int64_t		 cpu_ns;
	int64_t		 longest_ns;	/* by the wall */
	int64_t		 its_cpu_ns;
	int64_t		 most_cpu_ns;	/* of any turn */
};

static struct turns turns;

__attribute__((visibility("default")))
int epoll_wait(int fd, struct epoll_event *events, int max, int timeout);

static int64_t
read_clock(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * NS_PER_S + ts.tv_nsec;
}

static void
begin_turn(void)
{
	turns.wall_ns = read_clock(CLOCK_MONOTONIC);
	turns.cpu_ns = read_clock(CLOCK_THREAD_CPUTIME_ID);
}

static void
end_turn(void)
{
	int64_t wall = read_clock(CLOCK_MONOTONIC) - turns.wall_ns;
	int64_t cpu = read_clock(CLOCK_THREAD_CPUTIME_ID) - turns.cpu_ns;

	turns.n++;
	turns.long_ones += wall > LONG_NS;
	turns.too_long += wall > TOO_LONG_NS;
	if (cpu > turns.most_cpu_ns)
		turns.most_cpu_ns = cpu;
	if (wall > turns.longest_ns) {
		turns.longest_ns = wall;
		turns.its_cpu_ns = cpu;
	}
}

int
epoll_wait(int fd, struct epoll_event *events, int max, int timeout)
{
	int n;

	if (turns.epoll_wait == NULL)
		turns.epoll_wait = (epoll_wait_fn *)dlsym(RTLD_NEXT,
		    "epoll_wait");
	if (gettid() != getpid())
		return turns.epoll_wait(fd, events, max, timeout);
	if (turns.wall_ns != 0)
		end_turn();
	n = turns.epoll_wait(fd, events, max, timeout);
	begin_turn();
	return n;
}

__attribute__((destructor))
static void
report(void)
{
	const char *path = getenv("BENCH_TURNS");
	int fd = -1;
	char name[4096];

	if (path == NULL || turns.n == 0)
		return;
	snprintf(name, sizeof(name), "%s.%d", path, (int)getpid());
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	if (fd == -1)
		return;
	dprintf(fd, "turns=%ju over_5_ms=%ju over_20_ms=%ju longest_ms=%.3f "
	    "its_cpu_ms=%.3f most_cpu_ms=%.3f\n", (uintmax_t)turns.n,
	    (uintmax_t)turns.long_ones, (uintmax_t)turns.too_long,
	    (double)turns.longest_ns / 1e6, (double)turns.its_cpu_ns / 1e6,
	    (double)turns.most_cpu_ns / 1e6);
	close(fd);
}
