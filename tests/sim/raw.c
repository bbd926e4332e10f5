/*
 * raw.c - see raw.h.
 *
 *	accept -> say -> read ... -> at its limit -> read on | wait | close
 *	                          -> at the end -----> wait | close
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <netinet/in.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "tests/sim/raw.h"

/* A wait of a test that fails; none of those that pass is near it. */
#define LIMIT_S	60

struct raw {
	struct raw_habits	 habits;
	int			 listener;	/* owned */
	int			 wake;		/* owned: go or stop was said */
	char			 port[8];
	pthread_t		 thread;

	pthread_mutex_t		 lock;		/* of what follows */
	pthread_cond_t		 change;
	bool			 stopping, going, waiting;
	size_t			 begun, ended, resets;
	char			*bytes;		/* owned */
	size_t			 len, room;
};

/* ---- the printer's thread ------------------------------------------------ */

static void
note(struct raw *printer, const char *bytes, size_t len)
{
	pthread_mutex_lock(&printer->lock);
	while (printer->len + len > printer->room) {
		printer->room = printer->room * 2 + 65536;
		printer->bytes = realloc(printer->bytes, printer->room);
		if (printer->bytes == NULL)
			abort();
	}
	memcpy(printer->bytes + printer->len, bytes, len);
	printer->len += len;
	pthread_cond_broadcast(&printer->change);
	pthread_mutex_unlock(&printer->lock);
}

static bool
is_stopping(struct raw *printer)
{
	bool stopping;

	pthread_mutex_lock(&printer->lock);
	stopping = printer->stopping;
	pthread_mutex_unlock(&printer->lock);
	return stopping;
}

/* False: the printer is to stop. */
static bool
ready(struct raw *printer, int fd, short events)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = events },
		{ .fd = printer->wake, .events = POLLIN },
	};

	while (!is_stopping(printer)) {
		if (poll(fds, 2, -1) == -1 && errno != EINTR)
			abort();
		if (fds[0].revents != 0)
			return true;
		if (fds[1].revents != 0 && !is_stopping(printer)) {
			eventfd_t n;

			(void)eventfd_read(printer->wake, &n);
		}
	}
	return false;
}

/* Until raw_go(), or for ever. */
static void
wait_to_go(struct raw *printer)
{
	pthread_mutex_lock(&printer->lock);
	printer->waiting = true;
	pthread_cond_broadcast(&printer->change);
	while (!printer->going && !printer->stopping)
		pthread_cond_wait(&printer->change, &printer->lock);
	printer->waiting = false;
	pthread_mutex_unlock(&printer->lock);
}

static void
say(struct raw *printer, int fd, const char *text, size_t len)
{
	ssize_t n;

	while (len > 0 && ready(printer, fd, POLLOUT)) {
		n = send(fd, text, len, MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n == -1 && errno != EAGAIN)
			return;
		if (n > 0) {
			text += n;
			len -= (size_t)n;
		}
	}
}

static void
speak(struct raw *printer, int fd)
{
	char *chatter;

	if (printer->habits.says != NULL)
		say(printer, fd, printer->habits.says,
		    strlen(printer->habits.says));
	if (printer->habits.chatter == 0)
		return;
	chatter = calloc(1, printer->habits.chatter);
	if (chatter == NULL)
		abort();
	say(printer, fd, chatter, printer->habits.chatter);
	free(chatter);
}

static void
reset(int fd)
{
	const struct linger now = { .l_onoff = 1, .l_linger = 0 };

	(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

/* What to do at a limit or an end; false: the connection is over. */
static bool
act(struct raw *printer, int fd, enum raw_act what)
{
	if (what == RAW_WAIT)
		wait_to_go(printer);
	if (what == RAW_RESET)
		reset(fd);
	return what == RAW_READ_ON || what == RAW_WAIT;
}

static void
serve(struct raw *printer, int fd)
{
	size_t left = printer->habits.limit;
	bool limited = printer->habits.at_limit != RAW_READ_ON;
	char bytes[65536];
	ssize_t n;

	speak(printer, fd);
	for (;;) {
		if (limited && left == 0) {
			if (!act(printer, fd, printer->habits.at_limit))
				return;
			limited = false;
		}
		if (!ready(printer, fd, POLLIN))
			return;
		n = recv(fd, bytes, limited && left < sizeof(bytes) ? left :
		    sizeof(bytes), 0);
		if (n <= 0)
			break;
		note(printer, bytes, (size_t)n);
		left -= limited ? (size_t)n : 0;
	}
	if (n == -1 && errno == ECONNRESET) {
		pthread_mutex_lock(&printer->lock);
		printer->resets++;
		pthread_mutex_unlock(&printer->lock);
		return;
	}
	if (printer->habits.says_last != NULL)
		say(printer, fd, printer->habits.says_last,
		    strlen(printer->habits.says_last));
	(void)act(printer, fd, printer->habits.at_end);
}

static void
count(struct raw *printer, size_t *what)
{
	pthread_mutex_lock(&printer->lock);
	(*what)++;
	pthread_cond_broadcast(&printer->change);
	pthread_mutex_unlock(&printer->lock);
}

static void *
run(void *arg)
{
	struct raw *printer = arg;
	int fd;

	while (ready(printer, printer->listener, POLLIN)) {
		fd = accept4(printer->listener, NULL, NULL, SOCK_CLOEXEC);
		if (fd == -1)
			continue;
		count(printer, &printer->begun);
		serve(printer, fd);
		close(fd);
		count(printer, &printer->ended);
	}
	return NULL;
}

/* ---- for the test -------------------------------------------------------- */

static void
listen_at(struct raw *printer)
{
	struct sockaddr_in6 six = { .sin6_family = AF_INET6,
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in four = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	bool ipv6 = printer->habits.ipv6;
	struct sockaddr *address = ipv6 ? (struct sockaddr *)&six :
	    (struct sockaddr *)&four;
	socklen_t len = ipv6 ? sizeof(six) : sizeof(four);
	int size = printer->habits.receive_buffer;

	printer->listener = socket(ipv6 ? AF_INET6 : AF_INET,
	    SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ne(printer->listener, -1);
	if (size > 0)
		ck_assert_int_eq(setsockopt(printer->listener, SOL_SOCKET,
		    SO_RCVBUF, &size, sizeof(size)), 0);
	ck_assert_int_eq(bind(printer->listener, address, len), 0);
	ck_assert_int_eq(listen(printer->listener, 16), 0);
	ck_assert_int_eq(getsockname(printer->listener, address, &len), 0);
	snprintf(printer->port, sizeof(printer->port), "%d",
	    ntohs(ipv6 ? six.sin6_port : four.sin_port));
}

struct raw *
raw_start(const struct raw_habits *habits)
{
	struct raw *printer = calloc(1, sizeof(*printer));

	ck_assert_ptr_nonnull(printer);
	printer->habits = *habits;
	listen_at(printer);
	printer->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	ck_assert_int_ne(printer->wake, -1);
	pthread_mutex_init(&printer->lock, NULL);
	pthread_cond_init(&printer->change, NULL);
	ck_assert_int_eq(pthread_create(&printer->thread, NULL, run, printer),
	    0);
	return printer;
}

static void
tell(struct raw *printer, bool *what)
{
	pthread_mutex_lock(&printer->lock);
	*what = true;
	pthread_cond_broadcast(&printer->change);
	pthread_mutex_unlock(&printer->lock);
	ck_assert_int_eq(eventfd_write(printer->wake, 1), 0);
}

void
raw_go(struct raw *printer)
{
	tell(printer, &printer->going);
}

void
raw_stop(struct raw *printer)
{
	tell(printer, &printer->stopping);
	ck_assert_int_eq(pthread_join(printer->thread, NULL), 0);
	pthread_cond_destroy(&printer->change);
	pthread_mutex_destroy(&printer->lock);
	close(printer->listener);
	close(printer->wake);
	free(printer->bytes);
	free(printer);
}

const char *
raw_port(const struct raw *printer)
{
	return printer->port;
}

/* Locked; false when the limit is over. */
static bool
await_change(struct raw *printer, const struct timespec *end)
{
	return pthread_cond_timedwait(&printer->change, &printer->lock,
	    end) == 0;
}

static struct timespec
limit(void)
{
	struct timespec end;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += LIMIT_S;
	return end;
}

void
raw_wait_connections(struct raw *printer, size_t n)
{
	struct timespec end = limit();

	pthread_mutex_lock(&printer->lock);
	while (printer->ended < n)
		ck_assert_msg(await_change(printer, &end),
		    "%zu connections, and no more", printer->ended);
	pthread_mutex_unlock(&printer->lock);
}

void
raw_wait_bytes(struct raw *printer, size_t n)
{
	struct timespec end = limit();

	pthread_mutex_lock(&printer->lock);
	while (printer->len < n)
		ck_assert_msg(await_change(printer, &end),
		    "%zu bytes, and no more", printer->len);
	pthread_mutex_unlock(&printer->lock);
}

void
raw_wait_waiting(struct raw *printer)
{
	struct timespec end = limit();

	pthread_mutex_lock(&printer->lock);
	while (!printer->waiting)
		ck_assert_msg(await_change(printer, &end), "it does not wait");
	pthread_mutex_unlock(&printer->lock);
}

size_t
raw_connections(struct raw *printer)
{
	size_t n;

	pthread_mutex_lock(&printer->lock);
	n = printer->begun;
	pthread_mutex_unlock(&printer->lock);
	return n;
}

bool
raw_has(struct raw *printer, const void *bytes, size_t len)
{
	bool same;

	pthread_mutex_lock(&printer->lock);
	same = printer->len == len &&
	    (len == 0 || memcmp(printer->bytes, bytes, len) == 0);
	pthread_mutex_unlock(&printer->lock);
	return same;
}

size_t
raw_resets(struct raw *printer)
{
	size_t n;

	pthread_mutex_lock(&printer->lock);
	n = printer->resets;
	pthread_mutex_unlock(&printer->lock);
	return n;
}
