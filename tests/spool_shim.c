/*
 * spool_shim.c - see spool_shim.h.
 *
 * Syncs are logged before they are done, writes after: so a write that runs
 * beside a sync is taken for one that the sync has not covered.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "tests/spool_shim.h"
#include "tests/suite.h"

#define FDS_MAX		4096

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static struct {
	unsigned int	 calls, countdown;
	int		 error;
	bool		 lasting, fired;
	bool		 short_writes, no_sync, recording, retried;
	unsigned int	 writes;
	int		 files[FDS_MAX];	/* number by descriptor */
	bool		 failed[FDS_MAX];	/* a sync of it has */
	int		 n_files;
	struct shim_event *events;		/* owned */
	size_t		 n_events;
} shim;

void
shim_reset(void)
{
	size_t i;

	for (i = 0; i < shim.n_events; i++)
		free(shim.events[i].bytes);
	free(shim.events);
	memset(&shim, 0, sizeof(shim));
}

void
shim_fail(unsigned int calls, unsigned int n, int error, bool lasting)
{
	pthread_mutex_lock(&lock);
	shim.calls = calls;
	shim.countdown = n;
	shim.error = error;
	shim.lasting = lasting;
	shim.fired = false;
	pthread_mutex_unlock(&lock);
}

bool
shim_fired(void)
{
	return shim.fired;
}

bool
shim_sync_retried(void)
{
	return shim.retried;
}

void
shim_short_writes(void)
{
	shim.short_writes = true;
}

void
shim_no_sync(void)
{
	shim.no_sync = true;
}

/* 0, or the error that this call shall fail with. */
static int
fault(unsigned int call)
{
	int error = 0;

	pthread_mutex_lock(&lock);
	if ((shim.calls & call) == 0)
		;
	else if (shim.countdown > 1)
		shim.countdown--;
	else if (shim.countdown == 1) {
		error = shim.error;
		shim.fired = true;
		shim.countdown = shim.lasting ? 1 : 0;
	}
	pthread_mutex_unlock(&lock);
	return error;
}

/* ---- the log --------------------------------------------------------- */

/* With the lock held.  The new event, or NULL when none are kept. */
static struct shim_event *
add_event(enum shim_event_kind kind, int file)
{
	struct shim_event *event;

	if (!shim.recording)
		return NULL;
	if ((shim.n_events & (shim.n_events - 1)) == 0) {
		shim.events = reallocarray(shim.events, shim.n_events == 0 ?
		    1 : shim.n_events * 2, sizeof(*shim.events));
		ck_assert_ptr_nonnull(shim.events);
	}
	event = &shim.events[shim.n_events++];
	*event = (struct shim_event){ .kind = kind, .file = file };
	return event;
}

static void
log_simple(enum shim_event_kind kind, int file, uint64_t at)
{
	struct shim_event *event;

	pthread_mutex_lock(&lock);
	event = add_event(kind, file);
	if (event != NULL)
		event->at = at;
	pthread_mutex_unlock(&lock);
}

static void
log_write(int file, uint64_t at, const void *bytes, size_t len)
{
	struct shim_event *event;

	pthread_mutex_lock(&lock);
	event = add_event(SHIM_WRITE, file);
	if (event != NULL) {
		event->at = at;
		event->len = len;
		event->bytes = malloc(len);
		ck_assert_ptr_nonnull(event->bytes);
		memcpy(event->bytes, bytes, len);
	}
	pthread_mutex_unlock(&lock);
}

/* The whole path of name below the directory that fd is. */
static void
full_path(int fd, const char *name, char path[600])
{
	char link[64], dir[300];
	ssize_t n;

	if (name[0] == '/' || fd == AT_FDCWD) {
		snprintf(path, 600, "%.599s", name);
		return;
	}
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, dir, sizeof(dir) - 1);
	dir[n > 0 ? n : 0] = '\0';
	snprintf(path, 600, "%s%s%.280s", dir, name[0] != '\0' ? "/" : "",
	    name);
}

static void
log_path(enum shim_event_kind kind, int file, int dir, const char *name,
    int to_dir, const char *to)
{
	struct shim_event *event;

	pthread_mutex_lock(&lock);
	event = add_event(kind, file);
	if (event != NULL) {
		full_path(dir, name, event->path);
		if (to != NULL)
			full_path(to_dir, to, event->to);
	}
	pthread_mutex_unlock(&lock);
}

static int
new_file(int fd)
{
	int file;

	pthread_mutex_lock(&lock);
	file = ++shim.n_files;
	if (fd >= 0 && fd < FDS_MAX) {
		shim.files[fd] = file;
		shim.failed[fd] = false;
	}
	pthread_mutex_unlock(&lock);
	return file;
}

void
shim_record(void)
{
	shim.recording = true;
}

void
shim_mark(uint64_t value)
{
	log_simple(SHIM_MARK, -1, value);
}

const struct shim_event *
shim_log(size_t *n)
{
	shim.recording = false;
	*n = shim.n_events;
	return shim.events;
}

/* ---- system calls ---------------------------------------------------- */

static int
shim_openat(int dir, const char *path, int flags, mode_t mode)
{
	bool nameless = (flags & O_TMPFILE) == O_TMPFILE;
	int file, fd;

	errno = fault(SHIM_SYS);
	if (errno != 0)
		return -1;
	fd = spool_sys_real.openat(dir, path, flags, mode);
	if (fd != -1 && (nameless || (flags & O_EXCL) != 0)) {
		file = new_file(fd);
		log_path(SHIM_CREATE, file, nameless ? AT_FDCWD : dir,
		    nameless ? "" : path, 0, NULL);
	}
	return fd;
}

static ssize_t
shim_pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	struct iovec first = iov[0];
	ssize_t written;
	size_t left;
	int i;

	errno = fault(SHIM_SYS);
	if (errno == 0 && shim.short_writes && ++shim.writes % 3 == 0)
		errno = EINTR;
	if (errno != 0)
		return -1;
	if (shim.short_writes) {
		first.iov_len = (first.iov_len + 1) / 2;
		iov = &first;
		n = 1;
	}
	written = spool_sys_real.pwritev(fd, iov, n, at);
	for (i = 0, left = written > 0 ? (size_t)written : 0; left > 0; i++) {
		size_t len = iov[i].iov_len < left ? iov[i].iov_len : left;

		log_write(shim.files[fd], (uint64_t)at, iov[i].iov_base, len);
		at += (off_t)len;
		left -= len;
	}
	return written;
}

static int
shim_fdatasync(int fd)
{
	int error = fault(SHIM_SYS);

	if (error == 0)
		error = fault(SHIM_SYS_SYNC);
	shim.retried |= shim.failed[fd];
	shim.failed[fd] = error != 0;
	errno = error;
	if (error != 0)
		return -1;
	log_simple(SHIM_SYNC, shim.files[fd], 0);
	return shim.no_sync ? 0 : spool_sys_real.fdatasync(fd);
}

/* Only directories are synced so. */
static int
shim_fsync(int fd)
{
	errno = fault(SHIM_SYS);
	if (errno == 0)
		errno = fault(SHIM_SYS_SYNC);
	if (errno != 0)
		return -1;
	log_path(SHIM_SYNC_DIR, -1, fd, "", 0, NULL);
	return shim.no_sync ? 0 : spool_sys_real.fsync(fd);
}

static int
shim_linkat(int from_dir, const char *from, int dir, const char *path,
    int flags)
{
	int fd = -1;

	errno = fault(SHIM_SYS);
	if (errno != 0 || spool_sys_real.linkat(from_dir, from, dir, path,
	    flags) == -1)
		return -1;
	if (sscanf(from, "/proc/self/fd/%d", &fd) == 1)
		log_path(SHIM_LINK, shim.files[fd], dir, path, 0, NULL);
	return 0;
}

static int
shim_unlinkat(int dir, const char *path, int flags)
{
	errno = fault(SHIM_SYS);
	if (errno != 0 || spool_sys_real.unlinkat(dir, path, flags) == -1)
		return -1;
	log_path(SHIM_UNLINK, -1, dir, path, 0, NULL);
	return 0;
}

static int
shim_renameat(int from_dir, const char *from, int dir, const char *path)
{
	errno = fault(SHIM_SYS);
	if (errno != 0 ||
	    spool_sys_real.renameat(from_dir, from, dir, path) == -1)
		return -1;
	log_path(SHIM_RENAME, -1, from_dir, from, dir, path);
	return 0;
}

static int
shim_sync_file_range(int fd, off_t at, off_t len, unsigned int flags)
{
	return shim.no_sync ? 0 :
	    spool_sys_real.sync_file_range(fd, at, len, flags);
}

const struct spool_sys shim_sys = {
	.openat = shim_openat,
	.pwritev = shim_pwritev,
	.fdatasync = shim_fdatasync,
	.fsync = shim_fsync,
	.linkat = shim_linkat,
	.unlinkat = shim_unlinkat,
	.renameat = shim_renameat,
	.sync_file_range = shim_sync_file_range,
	.fstatvfs = fstatvfs,
};

/* ---- SQLite's files -------------------------------------------------- */

struct file {
	sqlite3_file	 base;
	int		 number;
	sqlite3_file	*real;		/* in the same memory */
};

static sqlite3_vfs *under;

#define REAL(f)	(((struct file *)(f))->real)

static int
file_close(sqlite3_file *f)
{
	return REAL(f)->pMethods->xClose(REAL(f));
}

static int
file_read(sqlite3_file *f, void *buf, int len, sqlite3_int64 at)
{
	if (fault(SHIM_VFS_IO) != 0)
		return SQLITE_IOERR_READ;
	return REAL(f)->pMethods->xRead(REAL(f), buf, len, at);
}

static int
file_write(sqlite3_file *f, const void *buf, int len, sqlite3_int64 at)
{
	int error = fault(SHIM_VFS_IO);
	int rc;

	if (error != 0)
		return error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
	rc = REAL(f)->pMethods->xWrite(REAL(f), buf, len, at);
	if (rc == SQLITE_OK)
		log_write(((struct file *)f)->number, (uint64_t)at, buf,
		    (size_t)len);
	return rc;
}

static int
file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	if (fault(SHIM_VFS_IO) != 0)
		return SQLITE_IOERR_TRUNCATE;
	log_simple(SHIM_TRUNCATE, ((struct file *)f)->number, (uint64_t)size);
	return REAL(f)->pMethods->xTruncate(REAL(f), size);
}

static int
file_sync(sqlite3_file *f, int flags)
{
	if (fault(SHIM_VFS_SYNC) != 0)
		return SQLITE_IOERR_FSYNC;
	log_simple(SHIM_SYNC, ((struct file *)f)->number, 0);
	return shim.no_sync ? SQLITE_OK :
	    REAL(f)->pMethods->xSync(REAL(f), flags);
}

static int
file_size(sqlite3_file *f, sqlite3_int64 *size)
{
	if (fault(SHIM_VFS_IO) != 0)
		return SQLITE_IOERR_FSTAT;
	return REAL(f)->pMethods->xFileSize(REAL(f), size);
}

static int
file_lock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xLock(REAL(f), level);
}

static int
file_unlock(sqlite3_file *f, int level)
{
	return REAL(f)->pMethods->xUnlock(REAL(f), level);
}

static int
file_check_lock(sqlite3_file *f, int *result)
{
	return REAL(f)->pMethods->xCheckReservedLock(REAL(f), result);
}

static int
file_control(sqlite3_file *f, int op, void *arg)
{
	return REAL(f)->pMethods->xFileControl(REAL(f), op, arg);
}

static int
file_sector(sqlite3_file *f)
{
	return REAL(f)->pMethods->xSectorSize(REAL(f));
}

static int
file_traits(sqlite3_file *f)
{
	return REAL(f)->pMethods->xDeviceCharacteristics(REAL(f));
}

static int
file_shm_map(sqlite3_file *f, int page, int size, int extend,
    void volatile **at)
{
	return REAL(f)->pMethods->xShmMap(REAL(f), page, size, extend, at);
}

static int
file_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return REAL(f)->pMethods->xShmLock(REAL(f), at, n, flags);
}

static void
file_shm_barrier(sqlite3_file *f)
{
	REAL(f)->pMethods->xShmBarrier(REAL(f));
}

static int
file_shm_unmap(sqlite3_file *f, int delete)
{
	return REAL(f)->pMethods->xShmUnmap(REAL(f), delete);
}

static const sqlite3_io_methods methods = {
	.iVersion = 2,
	.xClose = file_close,
	.xRead = file_read,
	.xWrite = file_write,
	.xTruncate = file_truncate,
	.xSync = file_sync,
	.xFileSize = file_size,
	.xLock = file_lock,
	.xUnlock = file_unlock,
	.xCheckReservedLock = file_check_lock,
	.xFileControl = file_control,
	.xSectorSize = file_sector,
	.xDeviceCharacteristics = file_traits,
	.xShmMap = file_shm_map,
	.xShmLock = file_shm_lock,
	.xShmBarrier = file_shm_barrier,
	.xShmUnmap = file_shm_unmap,
};

/* Both connections have the same files, so the name is what tells. */
static int
number_of(const char *name)
{
	size_t len = name != NULL ? strlen(name) : 0;

	return len > 4 && strcmp(name + len - 4, "-wal") == 0 ? SHIM_WAL :
	    SHIM_DATABASE;
}

static int
shim_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *f, int flags,
    int *out)
{
	struct file *file = (struct file *)f;
	int rc;

	(void)vfs;
	*file = (struct file){ .number = number_of(name) };
	if (fault(SHIM_VFS_IO) != 0)
		return SQLITE_CANTOPEN;
	file->real = (sqlite3_file *)(file + 1);
	rc = under->xOpen(under, name, file->real, flags, out);
	if (rc == SQLITE_OK)
		file->base.pMethods = &methods;
	return rc;
}

static int
shim_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
	(void)vfs;
	if (fault(SHIM_VFS_IO) != 0)
		return SQLITE_IOERR_DELETE;
	if (number_of(name) == SHIM_WAL)
		log_simple(SHIM_TRUNCATE, SHIM_WAL, 0);
	return under->xDelete(under, name, sync);
}

void
shim_register(void)
{
	static sqlite3_vfs vfs;

	under = sqlite3_vfs_find(NULL);
	vfs = *under;
	vfs.pNext = NULL;
	vfs.zName = SHIM_VFS;
	vfs.szOsFile = (int)sizeof(struct file) + under->szOsFile;
	vfs.xOpen = shim_open;
	vfs.xDelete = shim_delete;
	ck_assert_int_eq(sqlite3_vfs_register(&vfs, 0), SQLITE_OK);
}
