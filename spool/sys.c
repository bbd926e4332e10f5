/*
 * sys.c - see sys.h.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "sys.h"

/* The kernel's takes its mode only sometimes. */
static int
real_openat(int dir, const char *path, int flags, mode_t mode)
{
	return openat(dir, path, flags, mode);
}

static int
real_sync_file_range(int fd, off_t at, off_t len, unsigned int flags)
{
	return sync_file_range(fd, at, len, flags);
}

const struct spool_sys spool_sys_real = {
	.openat = real_openat,
	.pwritev = pwritev,
	.fdatasync = fdatasync,
	.fsync = fsync,
	.linkat = linkat,
	.unlinkat = unlinkat,
	.renameat = renameat,
	.sync_file_range = real_sync_file_range,
	.fstatvfs = fstatvfs,
};
