/*
 * transfer.c - four ways to move bytes, the best that the kernel allows.
 *
 *	file -> file		COPY --refused--> SENDFILE --+
 *	file -> others		SENDFILE --------------------+-- refused
 *	others -> any		SPLICE ----------------------+
 *							     v
 *						        READ_WRITE
 *
 * The way is chosen at the first call after a reset and only ever steps down.
 * SPLICE and READ_WRITE hold bytes between the two ends; what is held goes out
 * before anything more comes in, so order is kept across a step down too.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "transfer.h"

#define PIPE_SIZE	(1024 * 1024)
#define BUFFER_SIZE	(128 * 1024)
/* After this many bytes the caller gets a turn. */
#define BURST_SIZE	(16 * 1024 * 1024)

#define SPLICE_FLAGS	(SPLICE_F_MOVE | SPLICE_F_NONBLOCK)

enum way {
	UNKNOWN,	/* nothing moved since the last reset */
	COPY,
	SENDFILE,
	SPLICE,
	READ_WRITE,
};

struct transfer {
	transfer_wait_fn	*wait;
	void			*arg;		/* for wait */
	enum way		 way;
	int			 pipe[2];	/* owned */
	size_t			 piped;		/* bytes in the pipe */
	char			*buffer;	/* owned; NULL until needed */
	size_t			 start, held;	/* bytes in the buffer */
	enum pp_source		 source;	/* as last seen */
	int			 source_errno;
};

struct transfer *
transfer_new(transfer_wait_fn *wait, void *arg)
{
	struct transfer *transfer = calloc(1, sizeof(*transfer));

	if (transfer == NULL)
		return NULL;
	if (pipe2(transfer->pipe, O_CLOEXEC | O_NONBLOCK) == -1) {
		free(transfer);
		return NULL;
	}
	/* A user has a limit on large pipes; a small one works as well. */
	(void)fcntl(transfer->pipe[1], F_SETPIPE_SZ, PIPE_SIZE);
	transfer->wait = wait;
	transfer->arg = arg;
	return transfer;
}

void
transfer_free(struct transfer *transfer)
{
	if (transfer == NULL)
		return;
	close(transfer->pipe[0]);
	close(transfer->pipe[1]);
	free(transfer->buffer);
	free(transfer);
}

size_t
transfer_reset(struct transfer *transfer)
{
	size_t inside = transfer->piped + transfer->held;
	char sink[4096];

	while (transfer->piped > 0) {
		ssize_t n = read(transfer->pipe[0], sink, sizeof(sink));

		if (n > 0)
			transfer->piped -= (size_t)n;
		else if (errno != EINTR)
			break;			/* it is empty after all */
	}
	transfer->piped = 0;
	transfer->held = 0;
	transfer->way = UNKNOWN;
	transfer->source = PP_SOURCE_MORE;
	transfer->source_errno = 0;
	return inside;
}

static enum way
best_way(int from, int to)
{
	struct stat st;

	if (fstat(from, &st) == -1 || !S_ISREG(st.st_mode))
		return SPLICE;
	if (fstat(to, &st) == -1 || !S_ISREG(st.st_mode))
		return SENDFILE;
	return COPY;
}

/*
 * The source gave n, which is not positive.  Returns what a step returns then.
 *
 * A reset of a connection is reported once, and reads like an orderly end ever
 * after; so both are final here, whatever later calls would find.
 */
static ssize_t
source_stopped(struct transfer *transfer, ssize_t n)
{
	if (n == -1 && errno == EINTR)
		return -EINTR;
	if (n == 0) {
		transfer->source = PP_SOURCE_END;
	} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
		transfer->source = PP_SOURCE_EMPTY;
	} else {
		transfer->source = PP_SOURCE_ERROR;
		transfer->source_errno = errno;
	}
	return 0;
}

/* The same for `to`: a zero means that it takes nothing now. */
static ssize_t
target_refused(ssize_t n)
{
	return n == 0 ? -EAGAIN : -(ssize_t)errno;
}

/*
 * ---- The steps ------------------------------------------------------------
 *
 * Each moves up to max bytes and returns how many `to` took; 0 if the source
 * has stopped, as transfer->source says; or the negative errno of `to`.  A way
 * that the kernel refuses has moved nothing.
 */

static ssize_t
step_copy(struct transfer *transfer, int from, int to, size_t max)
{
	ssize_t n = copy_file_range(from, NULL, to, NULL, max, 0);

	(void)transfer;
	return n >= 0 ? n : target_refused(n);
}

static ssize_t
step_sendfile(struct transfer *transfer, int from, int to, size_t max)
{
	ssize_t n = sendfile(to, from, NULL, max);

	if (n == 0)
		return source_stopped(transfer, n);
	return n > 0 ? n : target_refused(n);
}

static ssize_t
step_splice(struct transfer *transfer, int from, int to, size_t max)
{
	ssize_t n;

	if (transfer->piped == 0) {
		n = splice(from, NULL, transfer->pipe[1], NULL,
		    max < PIPE_SIZE ? max : PIPE_SIZE, SPLICE_FLAGS);
		if (n == -1 && (errno == EINVAL || errno == ENOSYS))
			return -(ssize_t)errno;
		if (n <= 0)
			return source_stopped(transfer, n);
		transfer->piped = (size_t)n;
	}
	n = splice(transfer->pipe[0], NULL, to, NULL,
	    max < transfer->piped ? max : transfer->piped, SPLICE_FLAGS);
	if (n <= 0)
		return target_refused(n);
	transfer->piped -= (size_t)n;
	return n;
}

/* Next bytes into the empty buffer: those left in the pipe come first. */
static ssize_t
fill_buffer(struct transfer *transfer, int from, size_t max)
{
	bool from_pipe = transfer->piped > 0;
	ssize_t n;

	if (transfer->buffer == NULL)
		transfer->buffer = malloc(BUFFER_SIZE);
	if (transfer->buffer == NULL)
		return -ENOMEM;
	n = read(from_pipe ? transfer->pipe[0] : from, transfer->buffer,
	    max < BUFFER_SIZE ? max : BUFFER_SIZE);
	if (n <= 0)
		return source_stopped(transfer, n);
	if (from_pipe)
		transfer->piped -= (size_t)n;
	transfer->start = 0;
	transfer->held = (size_t)n;
	return n;
}

static ssize_t
step_read_write(struct transfer *transfer, int from, int to, size_t max)
{
	ssize_t n;

	if (transfer->held == 0) {
		n = fill_buffer(transfer, from, max);
		if (n <= 0)
			return n;
	}
	n = write(to, transfer->buffer + transfer->start,
	    max < transfer->held ? max : transfer->held);
	if (n <= 0)
		return target_refused(n);
	transfer->start += (size_t)n;
	transfer->held -= (size_t)n;
	return n;
}

/*
 * Whether another way may do better than the one that gave n.
 *
 * COPY finds an end too early where the kernel makes up a file's size, so the
 * last word on that is SENDFILE's.  An append-only target is EBADF to COPY and
 * EINVAL to the others.  EIO of a way that reads and writes in one is
 * somebody's, and READ_WRITE will tell whose.
 */
static bool
worth_stepping_down(enum way way, ssize_t n)
{
	switch (n) {
	case -EINVAL:
	case -ENOSYS:
	case -EOPNOTSUPP:
	case -EXDEV:
		return way != READ_WRITE;
	case 0:
	case -EBADF:
		return way == COPY;
	case -EIO:
		return way == COPY || way == SENDFILE;
	default:
		return false;
	}
}

static ssize_t
step(struct transfer *transfer, int from, int to, size_t max)
{
	static ssize_t (*const steps[])(struct transfer *, int, int, size_t) = {
		[COPY]		= step_copy,
		[SENDFILE]	= step_sendfile,
		[SPLICE]	= step_splice,
		[READ_WRITE]	= step_read_write,
	};
	ssize_t n;

	if (transfer->way == UNKNOWN)
		transfer->way = best_way(from, to);
	for (;;) {
		n = steps[transfer->way](transfer, from, to, max);
		if (worth_stepping_down(transfer->way, n))
			transfer->way = transfer->way == COPY ? SENDFILE :
			    READ_WRITE;
		else if (n != -EINTR)
			return n;
	}
}

int
transfer_run(struct transfer *transfer, int from, int to, uint64_t max,
    int timeout_ms, struct pp_moved *moved)
{
	size_t bound = max < BURST_SIZE ? (size_t)max : BURST_SIZE;
	bool waited = false;
	ssize_t n = 0;
	int rc;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	while (moved->written < bound) {
		if (transfer->source == PP_SOURCE_END ||
		    transfer->source == PP_SOURCE_ERROR)
			break;			/* nothing is inside either */
		n = step(transfer, from, to, bound - (size_t)moved->written);
		if (n > 0) {
			moved->written += (uint64_t)n;
			continue;
		}
		if (n == 0)
			break;
		if (n != -EAGAIN)
			return (int)n;
		/* One wait per call; what comes after is for the next. */
		if (moved->written > 0 || waited)
			return PP_OK;
		rc = transfer->wait(transfer->arg, to, PP_WAIT_WRITE,
		    timeout_ms);
		if (rc < 0)
			return rc;
		waited = true;
	}
	if (moved->written < bound) {
		moved->source = transfer->source;
		moved->source_errno = transfer->source_errno;
	}
	return PP_OK;
}
