/*
 * spooldir.c - see spooldir.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spooldir.h"
#include "store.h"

#define LOCK_NAME	"lock"

__attribute__((format(printf, 3, 4)))
static int
refuse(struct store_error *error, enum store_error_kind kind,
    const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	vsnprintf(error->text, sizeof(error->text), format, ap);
	va_end(ap);
	error->kind = kind;
	return -1;
}

static int
cannot_open(const char *path, struct store_error *error)
{
	if (errno == ENOENT)
		return refuse(error, STORE_ERROR_CONFIG, "spool directory %s "
		    "does not exist; make it: install -d -m 0700 -o %u -g %u "
		    "%s", path, (unsigned)geteuid(), (unsigned)getegid(), path);
	if (errno == ELOOP || errno == ENOTDIR)
		return refuse(error, STORE_ERROR_CONFIG, "spool directory %s "
		    "is a symbolic link or no directory; put a directory in "
		    "its place: rm %s && install -d -m 0700 -o %u -g %u %s",
		    path, path, (unsigned)geteuid(), (unsigned)getegid(),
		    path);
	return refuse(error, errno == EACCES ? STORE_ERROR_CONFIG :
	    STORE_ERROR_IO, "spool directory %s cannot be opened: %s", path,
	    strerror(errno));
}

static int
check(int fd, const char *path, struct store_error *error)
{
	struct stat st;

	if (fstat(fd, &st) == -1)
		return refuse(error, STORE_ERROR_IO, "%s: %s", path,
		    strerror(errno));
	if (st.st_uid != geteuid())
		return refuse(error, STORE_ERROR_CONFIG, "spool directory %s "
		    "belongs to user %u, not to %u; give it: chown %u:%u %s",
		    path, (unsigned)st.st_uid, (unsigned)geteuid(),
		    (unsigned)geteuid(), (unsigned)getegid(), path);
	if ((st.st_mode & 07777) != 0700)
		return refuse(error, STORE_ERROR_CONFIG, "spool directory %s "
		    "has mode %04o; close it to others: chmod 0700 %s", path,
		    (unsigned)st.st_mode & 07777, path);
	return 0;
}

/* The holder's pid is in the file; it may just be writing it. */
static int
in_use(int fd, const char *path, struct store_error *error)
{
	char pid[24] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? strspn(pid, "0123456789") : 0] = '\0';
	return refuse(error, STORE_ERROR_BUSY, "spool directory %s is in use "
	    "by process %s", path, pid[0] != '\0' ? pid : "(unknown)");
}

/* The lock is the kernel's, so it cannot outlive its holder. */
static int
take_lock(struct spooldir *dir, const struct spool_sys *sys, const char *path,
    struct store_error *error)
{
	struct stat st;

	dir->lock_fd = sys->openat(dir->fd, LOCK_NAME, O_RDWR | O_CREAT |
	    O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (dir->lock_fd == -1 || fstat(dir->lock_fd, &st) == -1)
		return refuse(error, STORE_ERROR_IO, "%s/%s cannot be opened: "
		    "%s", path, LOCK_NAME, strerror(errno));
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		return refuse(error, STORE_ERROR_CONFIG, "%s/%s is not a file "
		    "of ours; remove it: rm %s/%s", path, LOCK_NAME, path,
		    LOCK_NAME);
	if (flock(dir->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	if (errno == EWOULDBLOCK)
		return in_use(dir->lock_fd, path, error);
	return refuse(error, STORE_ERROR_IO, "%s/%s cannot be locked: %s",
	    path, LOCK_NAME, strerror(errno));
}

/* Only for the other's message, so a full disk is no reason to stop. */
static void
write_pid(int fd)
{
	char pid[24];
	int len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());

	if (ftruncate(fd, 0) == -1 || pwrite(fd, pid, (size_t)len, 0) != len)
		errno = 0;
}

int
spooldir_open(struct spooldir *dir, const struct spool_sys *sys,
    const char *path, struct store_error *error)
{
	dir->lock_fd = -1;
	dir->path = NULL;
	dir->fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC | O_NOFOLLOW, 0);
	if (dir->fd == -1)
		return cannot_open(path, error);
	dir->path = realpath(path, NULL);
	if (dir->path == NULL)
		cannot_open(path, error);
	if (dir->path == NULL || check(dir->fd, path, error) == -1 ||
	    take_lock(dir, sys, path, error) == -1) {
		spooldir_close(dir);
		return -1;
	}
	write_pid(dir->lock_fd);
	return 0;
}

void
spooldir_close(struct spooldir *dir)
{
	if (dir->lock_fd != -1)
		close(dir->lock_fd);
	if (dir->fd != -1)
		close(dir->fd);
	free(dir->path);
	*dir = (struct spooldir){ .fd = -1, .lock_fd = -1 };
}

bool
spooldir_present(const struct spooldir *dir)
{
	struct stat is, was;

	return fstat(dir->fd, &was) == 0 && stat(dir->path, &is) == 0 &&
	    is.st_ino == was.st_ino && is.st_dev == was.st_dev;
}
