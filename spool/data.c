/*
 * data.c - see data.h.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/evp.h>

#include "data.h"
#include "data_name.h"

/* Names that are not yet, or no longer, a document. */
#define TEMPORARY	"tmp-"

#define OPEN_SAFELY	(O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)

int
data_open_dir(struct data_dir *dir, const struct spool_sys *sys, int root_fd,
    const char *path)
{
	uint64_t first;
	int error;

	/* Whatever a crash has left has another name. */
	if (getrandom(&first, sizeof(first), 0) != sizeof(first))
		return -errno;
	*dir = (struct data_dir){ .sys = sys, .root_fd = root_fd,
	    .path = path, .fd = -1, .tmpfile = true, .temporary = first };
	if (mkdirat(root_fd, path, 0700) == -1 && errno != EEXIST)
		return -errno;
	dir->fd = sys->openat(root_fd, path, O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC | O_NOFOLLOW, 0);
	if (dir->fd == -1)
		return -errno;
	error = data_probe(dir);
	if (error == 0 || error == -ENOSPC || error == -EDQUOT)
		return 0;		/* full is no reason not to print */
	data_close_dir(dir);
	return error;
}

void
data_close_dir(struct data_dir *dir)
{
	if (dir->fd != -1)
		close(dir->fd);
	dir->fd = -1;
}

bool
data_present(const struct data_dir *dir)
{
	struct stat is, was;

	return fstat(dir->fd, &was) == 0 && fstatat(dir->root_fd, dir->path,
	    &is, AT_SYMLINK_NOFOLLOW) == 0 && is.st_ino == was.st_ino &&
	    is.st_dev == was.st_dev;
}

/* Why a call in the directory failed: file systems differ if that is gone. */
static int
named(const struct data_dir *dir, int error)
{
	return data_present(dir) ? error : -ENXIO;
}

void
data_look_free(struct data_dir *dir)
{
	struct statvfs st;

	if (dir->sys->fstatvfs(dir->fd, &st) == 0)
		atomic_store(&dir->free_bytes,
		    (uint64_t)st.f_bavail * st.f_frsize);
}

/* ---- writing --------------------------------------------------------- */

static int
open_named(struct data_dir *dir, struct data_file *file)
{
	snprintf(file->temporary, sizeof(file->temporary), TEMPORARY
	    "%" PRIu64, atomic_fetch_add(&dir->temporary, 1));
	return dir->sys->openat(dir->fd, file->temporary, O_RDWR | O_CREAT |
	    O_EXCL | OPEN_SAFELY, 0600);
}

static int
open_new(struct data_dir *dir, struct data_file *file)
{
	int fd;

	if (!dir->tmpfile)
		return open_named(dir, file);
	fd = dir->sys->openat(dir->fd, ".", O_RDWR | O_TMPFILE | O_CLOEXEC,
	    0600);
	/* The file systems that have no O_TMPFILE say so in three ways. */
	if (fd == -1 && (errno == EOPNOTSUPP || errno == EISDIR ||
	    errno == EINVAL)) {
		dir->tmpfile = false;
		return open_named(dir, file);
	}
	return fd;
}

int
data_create(struct data_dir *dir, struct data_file *file)
{
	int error;

	*file = (struct data_file){ .dir = dir };
	file->digest = EVP_MD_CTX_new();
	if (file->digest == NULL ||
	    EVP_DigestInit_ex(file->digest, EVP_sha256(), NULL) != 1) {
		EVP_MD_CTX_free(file->digest);
		*file = (struct data_file){ .fd = -1 };
		return -ENOMEM;
	}
	file->fd = open_new(dir, file);
	if (file->fd != -1)
		return 0;
	error = named(dir, -errno);
	file->temporary[0] = '\0';
	data_drop(file);
	return error;
}

/*
 * Keep the disk busy from the start, so that the last sync has little left to
 * wait for, and keep the pages waiting for it few: what was begun one round
 * ago must be out before more is begun.
 */
static void
start_writeback(struct data_file *file)
{
	const struct spool_sys *sys = file->dir->sys;
	off_t at = (off_t)file->started;
	off_t len = (off_t)(file->size - file->started);
	off_t before = at > (off_t)len ? len : at;

	if (file->size - file->started < DATA_WRITEBACK_LEN)
		return;
	/* It does not say that anything is durable; its errors come again. */
	sys->sync_file_range(file->fd, at, len, SYNC_FILE_RANGE_WRITE);
	if (before > 0)
		sys->sync_file_range(file->fd, at - before, before,
		    SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE |
		    SYNC_FILE_RANGE_WAIT_AFTER);
	file->started = file->size;
	data_look_free(file->dir);
}

/* n bytes of iov are written: what is left starts at the result. */
static struct iovec *
advance(struct iovec *iov, int *count, size_t n)
{
	while (*count > 0 && n >= iov->iov_len) {
		n -= iov->iov_len;
		iov++;
		(*count)--;
	}
	if (n > 0) {
		iov->iov_base = (char *)iov->iov_base + n;
		iov->iov_len -= n;
	}
	return iov;
}

int
data_write(struct data_file *file, struct iovec *iov, int n)
{
	ssize_t written;
	int i;

	for (i = 0; i < n; i++)
		if (EVP_DigestUpdate(file->digest, iov[i].iov_base,
		    iov[i].iov_len) != 1)
			return -ENOMEM;
	for (iov = advance(iov, &n, 0); n > 0;
	    iov = advance(iov, &n, (size_t)written)) {
		written = file->dir->sys->pwritev(file->fd, iov, n,
		    (off_t)file->size);
		if (written == -1 && errno == EINTR)
			written = 0;
		else if (written <= 0)
			return written == 0 ? -EIO : -errno;
		file->size += (uint64_t)written;
	}
	start_writeback(file);
	return 0;
}

/* What has no name yet is reached through our own descriptor. */
int
data_follow(const struct data_file *file)
{
	const struct spool_sys *sys = file->dir->sys;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
	if (file->temporary[0] == '\0')
		fd = sys->openat(AT_FDCWD, path, O_RDONLY | O_CLOEXEC, 0);
	else
		fd = sys->openat(file->dir->fd, file->temporary, O_RDONLY |
		    OPEN_SAFELY, 0);
	return fd != -1 ? fd : -errno;
}

/* link(2) refuses a name that exists; rename(2) would replace it. */
static int
give_name(struct data_file *file, const char *name)
{
	struct data_dir *dir = file->dir;
	char path[64];

	if (file->temporary[0] == '\0') {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
		return dir->sys->linkat(AT_FDCWD, path, dir->fd, name,
		    AT_SYMLINK_FOLLOW);
	}
	if (dir->sys->linkat(dir->fd, file->temporary, dir->fd, name, 0) == -1)
		return -1;
	snprintf(file->name, sizeof(file->name), "%s", name);
	if (dir->sys->unlinkat(dir->fd, file->temporary, 0) == -1)
		return -1;
	file->temporary[0] = '\0';
	return 0;
}

/* The kernel may have dropped the data: whatever it says next is no proof. */
static int
sync_failed(struct data_dir *dir)
{
	int error = -errno;

	atomic_fetch_add(&dir->sync_failures, 1);
	return error;
}

int
data_publish(struct data_file *file, const char *name, uint8_t sha256[32])
{
	if (EVP_DigestFinal_ex(file->digest, sha256, NULL) != 1)
		return -ENOMEM;
	if (file->dir->sys->fdatasync(file->fd) == -1)
		return sync_failed(file->dir);
	if (give_name(file, name) == -1)
		return named(file->dir, -errno);
	snprintf(file->name, sizeof(file->name), "%s", name);
	EVP_MD_CTX_free(file->digest);
	file->digest = NULL;
	close(file->fd);
	file->fd = -1;
	return 0;
}

int
data_sync_dir(struct data_dir *dir)
{
	return dir->sys->fsync(dir->fd) == -1 ? sync_failed(dir) : 0;
}

void
data_drop(struct data_file *file)
{
	EVP_MD_CTX_free(file->digest);
	if (file->fd != -1)
		close(file->fd);
	/* What cannot be removed now is an orphan at the next start. */
	if (file->temporary[0] != '\0')
		file->dir->sys->unlinkat(file->dir->fd, file->temporary, 0);
	if (file->name[0] != '\0')
		file->dir->sys->unlinkat(file->dir->fd, file->name, 0);
	*file = (struct data_file){ .fd = -1 };
}

/* Of use for both forms of temporary files: the link is the question. */
static int
probe_file(struct data_dir *dir)
{
	static char byte[] = "probe";
	struct iovec iov = { .iov_base = byte, .iov_len = sizeof(byte) };
	struct data_file file;
	uint8_t sha256[32];
	char name[32];
	int error;

	snprintf(name, sizeof(name), TEMPORARY "probe-%" PRIu64,
	    atomic_fetch_add(&dir->temporary, 1));
	error = data_create(dir, &file);
	if (error == 0)
		error = data_write(&file, &iov, 1);
	if (error == 0)
		error = data_publish(&file, name, sha256);
	if (error == 0)
		error = data_sync_dir(dir);
	data_drop(&file);
	return error;
}

int
data_probe(struct data_dir *dir)
{
	int error = probe_file(dir);

	/* Without /proc a nameless file cannot be given a name. */
	if (error == -ENOENT && dir->tmpfile) {
		dir->tmpfile = false;
		error = probe_file(dir);
	}
	data_look_free(dir);
	return error;
}

/* ---- reading --------------------------------------------------------- */

int
data_open(struct data_dir *dir, const char *name, uint64_t size)
{
	struct stat st;
	int fd;

	fd = dir->sys->openat(dir->fd, name, O_RDONLY | OPEN_SAFELY, 0);
	if (fd == -1)
		return errno == ELOOP || errno == ENXIO ? -EBADMSG :
		    named(dir, -errno);
	if (fstat(fd, &st) == -1 || !S_ISREG(st.st_mode) ||
	    st.st_nlink != 1 || st.st_uid != geteuid() ||
	    (uint64_t)st.st_size != size) {
		close(fd);
		return -EBADMSG;
	}
	return fd;
}

int
data_remove(struct data_dir *dir, const char *name)
{
	if (dir->sys->unlinkat(dir->fd, name, 0) == -1 && errno != ENOENT)
		return -errno;
	return 0;
}

/* ---- cleaning up ----------------------------------------------------- */

/* By its inode alone: what is planted here must not be opened. */
static bool
sound(const struct stat *st)
{
	return S_ISREG(st->st_mode) && st->st_uid == geteuid() &&
	    st->st_nlink == 1;
}

static enum data_verdict
verdict(struct data_dir *dir, const char *name, data_judge_fn *judge,
    void *arg)
{
	struct data_name parsed;
	struct stat st;

	if (fstatat(dir->fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? DATA_KEEP : DATA_QUARANTINE;
	/* A crash between link and unlink leaves both names of one file. */
	if (strncmp(name, TEMPORARY, strlen(TEMPORARY)) == 0 &&
	    S_ISREG(st.st_mode) && st.st_uid == geteuid())
		return DATA_REMOVE;
	if (!sound(&st) || data_name_parse(name, &parsed) == -1)
		return DATA_QUARANTINE;
	return judge(arg, name, (uint64_t)st.st_size,
	    (int64_t)st.st_mtim.tv_sec * 1000);
}

static int
quarantine(struct data_dir *dir, int quarantine_fd, const char *name)
{
	char target[NAME_MAX + 1];
	struct stat st;
	unsigned int i;

	/* An older one of the same name stays as it is. */
	for (i = 0; i < 1000; i++) {
		snprintf(target, sizeof(target), "%u-%.240s", i, name);
		if (fstatat(quarantine_fd, target, &st,
		    AT_SYMLINK_NOFOLLOW) == 0)
			continue;
		if (dir->sys->renameat(dir->fd, name, quarantine_fd,
		    target) == 0)
			return 0;
		return -errno;
	}
	return -EEXIST;
}

/* 1: it was moved away. */
static int
sweep_one(struct data_dir *dir, int quarantine_fd, const char *name,
    data_judge_fn *judge, void *arg)
{
	int error;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return 0;
	switch (verdict(dir, name, judge, arg)) {
	case DATA_REMOVE:
		return data_remove(dir, name);
	case DATA_QUARANTINE:
		error = quarantine(dir, quarantine_fd, name);
		return error == 0 ? 1 : error;
	case DATA_KEEP:
		break;
	}
	return 0;
}

/* Twice: first the temporary names, else the other name has two links. */
static int
sweep(struct data_dir *dir, DIR *stream, int quarantine_fd,
    data_judge_fn *judge, void *arg, bool temporary)
{
	struct dirent *entry;
	int moved = 0;
	int result;

	rewinddir(stream);
	while (errno = 0, (entry = readdir(stream)) != NULL) {
		if ((strncmp(entry->d_name, TEMPORARY,
		    strlen(TEMPORARY)) == 0) != temporary)
			continue;
		result = sweep_one(dir, quarantine_fd, entry->d_name, judge,
		    arg);
		if (result < 0)
			return result;
		moved += result;
	}
	return errno != 0 ? -errno : moved;
}

int
data_sweep(struct data_dir *dir, int quarantine_fd, data_judge_fn *judge,
    void *arg)
{
	DIR *stream;
	int moved, more;
	int fd;

	fd = dir->sys->openat(dir->fd, ".", O_RDONLY | O_DIRECTORY |
	    O_CLOEXEC, 0);
	if (fd == -1)
		return -errno;
	stream = fdopendir(fd);
	if (stream == NULL) {
		close(fd);
		return -ENOMEM;
	}
	moved = sweep(dir, stream, quarantine_fd, judge, arg, true);
	more = moved < 0 ? 0 :
	    sweep(dir, stream, quarantine_fd, judge, arg, false);
	closedir(stream);
	return more < 0 ? more : moved < 0 ? moved : moved + more;
}
