/*
 * follow.c - see follow.h.
 *
 *	on_grown, finish --> turn: load, write ... pipe full --> turn
 *	                             |                            ^
 *	                             +-- not in memory -- timer --+
 *
 * What was written a moment ago is still in the page cache.  For a slow port
 * it may have left that by the time it is wanted; then the disk is asked for
 * it, and the loop goes on meanwhile.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/uio.h>
#include <unistd.h>

#include <event2/event.h>

#include "follow.h"
#include "spool/incoming.h"

#define LOAD_LEN	((size_t)64 << 10)
/* Loads per turn of the loop. */
#define TURN_LOADS	4
/* What the disk is asked for at a time, and when it is looked after. */
#define AHEAD_LEN	(1 << 20)
#define DISK_MS		5
/* Then it is read all the same: some file systems never say "now". */
#define DISK_TRIES	200

enum state {
	FEEDING,	/* more will come */
	ENDING,		/* what is there is all */
	DONE,		/* all fed; the write end is closed */
	STOPPED		/* nothing more goes in; the write end is open, unless
			 * nobody reads the other */
};

struct follow {
	struct incoming		*in;		/* borrowed; NULL: it ended */
	enum state		 state;
	int			 file;		/* owned */
	int			 write_end;	/* owned; -1: closed */
	struct event		*full;		/* owned; the pipe has room */
	struct event		*again;		/* owned; timer */
	uint64_t		 there;		/* bytes in the file */
	uint64_t		 fed;
	unsigned int		 tries;		/* of the disk */
	follow_failed_fn	*failed;
	void			*arg;
	size_t			 at, len;	/* of load: what is to go */
	char			 load[LOAD_LEN];
};

static bool
feeds(const struct follow *f)
{
	return f->state == FEEDING || f->state == ENDING;
}

/* By a timer, so that others have their turn; unless it is coming anyway. */
static void
next_turn(struct follow *f)
{
	static const struct timeval now;

	if (feeds(f) && !event_pending(f->full, EV_WRITE, NULL) &&
	    !event_pending(f->again, EV_TIMEOUT, NULL))
		event_add(f->again, &now);
}

static void
close_write_end(struct follow *f)
{
	event_del(f->full);
	close(f->write_end);
	f->write_end = -1;
}

static void
leave(struct follow *f)
{
	if (f->in != NULL)
		incoming_unfollow(f->in);
	f->in = NULL;
}

static void
stop(struct follow *f)
{
	leave(f);
	f->state = STOPPED;
	event_del(f->full);
	event_del(f->again);
}

/* The last thing that a turn does. */
static void
fail(struct follow *f, int error)
{
	stop(f);
	if (error == -EPIPE)
		close_write_end(f);
	if (f->failed != NULL)
		f->failed(f->arg, error);
}

/* ---- feeding ------------------------------------------------------------- */

static void
wait_for_disk(struct follow *f)
{
	struct timeval soon = { .tv_usec = DISK_MS * 1000 };

	f->tries++;
	posix_fadvise(f->file, (off_t)f->fed, AHEAD_LEN, POSIX_FADV_WILLNEED);
	event_add(f->again, &soon);
}

/* What is in memory, as much as fits; 0, or a negative errno. */
static int
fill(struct follow *f)
{
	struct iovec iov = { .iov_base = f->load, .iov_len = LOAD_LEN };
	ssize_t n = -1;

	if (f->there - f->fed < LOAD_LEN)
		iov.iov_len = (size_t)(f->there - f->fed);
	errno = EOPNOTSUPP;
	if (f->tries < DISK_TRIES)
		n = preadv2(f->file, &iov, 1, (off_t)f->fed, RWF_NOWAIT);
	if (n == -1 && errno == EOPNOTSUPP)
		n = preadv(f->file, &iov, 1, (off_t)f->fed);
	if (n == -1)
		return -errno;
	if (n == 0)
		return -EIO;		/* shorter than it was */
	f->tries = 0;
	f->at = 0;
	f->len = (size_t)n;
	return 0;
}

static int
empty(struct follow *f)
{
	ssize_t n = write(f->write_end, f->load + f->at, f->len);

	if (n == -1)
		return -errno;
	f->at += (size_t)n;
	f->len -= (size_t)n;
	f->fed += (uint64_t)n;
	return 0;
}

/* One load.  1: there is more to do now; 0: something is waited for. */
static int
feed(struct follow *f)
{
	int error = 0;

	if (f->len == 0 && f->fed == f->there)
		return 0;
	if (f->len == 0)
		error = fill(f);
	if (error == -EAGAIN) {
		wait_for_disk(f);
		return 0;
	}
	if (error == 0)
		error = empty(f);
	if (error == -EAGAIN) {
		event_add(f->full, NULL);
		return 0;
	}
	return error == 0 || error == -EINTR ? 1 : error;
}

static void
turn(evutil_socket_t fd, short what, void *arg)
{
	struct follow *f = arg;
	int more = 1;
	int i;

	(void)fd;
	(void)what;
	for (i = 0; i < TURN_LOADS && more == 1; i++)
		more = feed(f);
	if (more < 0)
		fail(f, more);
	else if (more == 1)
		next_turn(f);
	else if (f->state == ENDING && f->fed == f->there) {
		f->state = DONE;
		close_write_end(f);
	}
}

/* ---- life ---------------------------------------------------------------- */

static void
on_grown(void *arg, uint64_t written)
{
	struct follow *f = arg;

	f->there = written;
	next_turn(f);
}

static int
open_pipe(struct follow *f, int *read_end)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK) == -1)
		return -1;
	f->write_end = ends[1];
	*read_end = ends[0];
	return 0;
}

static int
open_events(struct follow *f, struct event_base *base)
{
	f->full = event_new(base, f->write_end, EV_WRITE, turn, f);
	f->again = evtimer_new(base, turn, f);
	if (f->full != NULL && f->again != NULL)
		return 0;
	errno = ENOMEM;
	return -1;
}

struct follow *
follow_new(struct event_base *base, struct incoming *in, int *read_end)
{
	struct follow *f = calloc(1, sizeof(*f));
	int saved_errno;

	if (f == NULL)
		return NULL;
	f->write_end = -1;
	f->file = incoming_follow(in, on_grown, f);
	if (f->file == -1)
		goto fail;
	f->in = in;
	if (open_pipe(f, read_end) == -1)
		goto fail;
	if (open_events(f, base) == 0) {
		on_grown(f, incoming_written(in));
		return f;
	}
	close(*read_end);
fail:
	saved_errno = errno;
	follow_free(f);
	errno = saved_errno;
	return NULL;
}

void
follow_free(struct follow *f)
{
	if (f == NULL)
		return;
	leave(f);
	if (f->again != NULL)
		event_free(f->again);
	if (f->full != NULL)
		event_free(f->full);
	if (f->write_end != -1)
		close(f->write_end);
	if (f->file != -1)
		close(f->file);
	free(f);
}

void
follow_watch(struct follow *f, follow_failed_fn *failed, void *arg)
{
	f->failed = failed;
	f->arg = arg;
}

void
follow_finish(struct follow *f, uint64_t size)
{
	f->in = NULL;
	if (f->state != FEEDING)
		return;
	f->there = size;
	f->state = ENDING;
	next_turn(f);
}

void
follow_abort(struct follow *f)
{
	f->in = NULL;
	if (feeds(f))
		stop(f);
}

uint64_t
follow_fed(const struct follow *f)
{
	return f->fed;
}
