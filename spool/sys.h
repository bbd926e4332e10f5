/*
 * sys - the system calls on which durability depends, as a table.
 *
 * The spool makes these calls through the table that it was given, so that
 * tests can fail the n-th, record them all, or leave out the slow ones.
 *
 * Errors     As the calls themselves: -1 and errno.
 * Threads    All members must be callable from any thread.
 */
#ifndef SYS_H
#define SYS_H

#include <sys/statvfs.h>
#include <sys/types.h>
#include <sys/uio.h>

struct spool_sys {
	int	(*openat)(int dir, const char *path, int flags, mode_t mode);
	ssize_t	(*pwritev)(int fd, const struct iovec *iov, int n, off_t at);
	int	(*fdatasync)(int fd);
	int	(*fsync)(int fd);
	int	(*linkat)(int from_dir, const char *from, int dir,
		    const char *path, int flags);
	int	(*unlinkat)(int dir, const char *path, int flags);
	int	(*renameat)(int from_dir, const char *from, int dir,
		    const char *path);
	int	(*sync_file_range)(int fd, off_t at, off_t len,
		    unsigned int flags);
	int	(*fstatvfs)(int fd, struct statvfs *st);
};

/* The kernel's own. */
extern const struct spool_sys spool_sys_real;

#endif /* SYS_H */
