/*
 * sequence.c - see sequence.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "sequence.h"

#define FILE_NAME	"sequence"

uint64_t
sequence_read(const struct spool_sys *sys, int dir_fd)
{
	char text[32] = "";
	uint64_t next;
	ssize_t n;
	char *end;
	int fd;

	fd = sys->openat(dir_fd, FILE_NAME, O_RDONLY | O_CLOEXEC |
	    O_NOFOLLOW | O_NONBLOCK, 0);
	if (fd == -1)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	next = n > 0 ? strtoull(text, &end, 10) : 0;
	return n > 0 && *end == '\n' && next < SEQUENCE_END ? next : 0;
}

static int
fill(const struct spool_sys *sys, int fd, uint64_t next)
{
	char text[32];
	struct iovec iov = { .iov_base = text };
	ssize_t n;

	iov.iov_len = (size_t)snprintf(text, sizeof(text), "%" PRIu64 "\n",
	    next);
	n = sys->pwritev(fd, &iov, 1, 0);
	if (n != (ssize_t)iov.iov_len)
		return n == -1 ? -errno : -EIO;
	return sys->fdatasync(fd) == -1 ? -EIO : 0;
}

int
sequence_write(const struct spool_sys *sys, int dir_fd, uint64_t next)
{
	int error;
	int fd;

	/* A new file each time: after a failed sync the old one is whole. */
	if (sys->unlinkat(dir_fd, FILE_NAME ".new", 0) == -1 &&
	    errno != ENOENT)
		return -errno;
	fd = sys->openat(dir_fd, FILE_NAME ".new", O_WRONLY | O_CREAT |
	    O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -errno;
	error = fill(sys, fd, next);
	close(fd);
	if (error == 0 && sys->renameat(dir_fd, FILE_NAME ".new", dir_fd,
	    FILE_NAME) == -1)
		error = -errno;
	if (error == 0 && sys->fsync(dir_fd) == -1)
		error = -EIO;
	return error;
}
