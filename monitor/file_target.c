/*
 * file_target.c - opens, finishes and gives up what a document is written to.
 *
 *	           open				finish		give up
 *	NEW	   no name, or a hidden one	link, rename	remove
 *	REPLACE	   a hidden name		rename		remove
 *	APPEND	   the file, locked		-		cut back
 *	STREAM	   the FIFO or device		-		-
 *
 * Everything happens relative to one open directory, so that no name that is
 * made here can lead elsewhere, and a directory moved away takes its
 * unfinished documents with it.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "file.h"

/* After so many files of one name, something is wrong with the pattern. */
#define VARIANTS_MAX	10000

/*
 * ---- Trouble ---------------------------------------------------------------
 */

/* What passes by itself must not keep the next job from trying. */
static bool
passes(int code)
{
	return code == -ENXIO || code == PP_BUSY;
}

int
file_trouble(struct pp_port *port, int code, const char *fmt, ...)
{
	struct pp_port_info_3 info = {
		.status = code == -ENXIO ? PP_STATUS_OFFLINE :
		    PP_STATUS_USER_INTERVENTION,
		.severity = passes(code) ? PP_SEVERITY_WARNING :
		    PP_SEVERITY_ERROR,
	};
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	info.text = text;
	if (code != port->trouble)
		port->host->log(port->host->cookie, PP_LOG_ERROR, "%s", text);
	port->trouble = code;
	if (port->open)
		(void)port->host->set_port_status(port->host->cookie,
		    port->name, &info);
	return code;
}

int
file_failed(struct pp_port *port, int code, const char *what)
{
	switch (code) {
	case -ENOSPC:
		return file_trouble(port, code, "no space left in %s",
		    port->place);
	case -EDQUOT:
		return file_trouble(port, code, "disk quota used up in %s",
		    port->place);
	default:
		return file_trouble(port, code, "%s %s: %s", what,
		    port->target, strerror(-code));
	}
}

void
file_all_well(struct pp_port *port)
{
	static const struct pp_port_info_3 clear = { PP_STATUS_CLEAR,
		PP_SEVERITY_NONE, NULL };

	if (port->trouble != 0 && port->host->set_port_status(
	    port->host->cookie, port->name, &clear) == PP_OK)
		port->trouble = 0;
}

/*
 * ---- The directory ---------------------------------------------------------
 */

static int
place_failed(struct pp_port *port, int error)
{
	unsigned int uid = geteuid();

	switch (error) {
	case ENOENT:
		return file_trouble(port, -error, "directory %s does not "
		    "exist: make it, writable for uid %u", port->place, uid);
	case EACCES:
		return file_trouble(port, -error, "directory %s is closed "
		    "to uid %u, which must read, write and search it",
		    port->place, uid);
	case ENOTDIR:
		return file_trouble(port, -error, "%s is not a directory",
		    port->place);
	default:
		return file_trouble(port, -error, "cannot use directory %s: "
		    "%s", port->place, strerror(error));
	}
}

/*
 * Have the directory open that place names now.  Only a descriptor opened for
 * reading can be synced.
 */
static int
enter_place(struct pp_port *port)
{
	struct stat st;

	if (port->dir != -1 && stat(port->place, &st) == 0 &&
	    st.st_dev == port->dir_dev && st.st_ino == port->dir_ino)
		return PP_OK;
	if (port->dir != -1)
		close(port->dir);
	port->dir = open(port->place, O_DIRECTORY | O_CLOEXEC |
	    (port->sync ? O_RDONLY : O_PATH));
	if (port->dir == -1 || fstat(port->dir, &st) == -1)
		return place_failed(port, errno);
	port->dir_dev = st.st_dev;
	port->dir_ino = st.st_ino;
	return PP_OK;
}

static int
wrong_kind(struct pp_port *port, mode_t mode)
{
	const char *kind = S_ISDIR(mode) ? "a directory" :
	    S_ISBLK(mode) ? "a block device" :
	    S_ISSOCK(mode) ? "a socket" : "reached through a symbolic link";

	return file_trouble(port, S_ISDIR(mode) ? -EISDIR : -EINVAL,
	    "%s is %s: path needs a regular file, a FIFO or a character "
	    "device", port->target, kind);
}

static bool
is_stream(mode_t mode)
{
	return S_ISFIFO(mode) || S_ISCHR(mode);
}

int
file_target_check(struct pp_port *port)
{
	bool in_place = port->leaf == NULL;
	struct stat st;
	int rc;

	rc = enter_place(port);
	if (rc != PP_OK)
		return rc;
	if (!in_place && fstatat(port->dir, port->leaf, &st, 0) == -1) {
		if (errno != ENOENT)
			return file_failed(port, -errno, "cannot look at");
		in_place = true;
	} else if (!in_place) {
		if (!S_ISREG(st.st_mode) && !is_stream(st.st_mode))
			return wrong_kind(port, st.st_mode);
		in_place = S_ISREG(st.st_mode) && !port->append;
	}
	if (in_place && faccessat(port->dir, ".", W_OK | X_OK,
	    AT_EACCESS) == -1)
		return place_failed(port, errno);
	if (!in_place && faccessat(port->dir, port->leaf, W_OK,
	    AT_EACCESS) == -1)
		return file_failed(port, -errno, "cannot write to");
	return PP_OK;
}

/*
 * ---- Open ------------------------------------------------------------------
 */

/* Undo a half-done open, report why, and return the code. */
static int
open_failed(struct pp_port *port, const char *what)
{
	int code = -errno;

	if (port->temp[0] != '\0' || port->created)
		(void)unlinkat(port->dir, port->created ? port->leaf :
		    port->temp, 0);
	if (port->fd != -1)
		close(port->fd);
	port->fd = -1;
	return file_failed(port, code, what);
}

/* A file that we made gets exactly the owner and mode that are set. */
static int
set_owner(struct pp_port *port)
{
	if (port->group != (gid_t)-1 &&
	    fchown(port->fd, (uid_t)-1, port->group) == -1)
		return open_failed(port, "cannot set the group of a file in");
	if (fchmod(port->fd, port->mode) == -1)
		return open_failed(port, "cannot set the mode of a file in");
	return PP_OK;
}

/*
 * A file with a hidden name.  One left over from a crash belongs to the same
 * port and job, and was never seen: it goes.
 */
static int
open_hidden(struct pp_port *port)
{
	snprintf(port->temp, sizeof(port->temp), ".%s-%" PRIu64 ".tmp",
	    port->name, port->job);
	if (unlinkat(port->dir, port->temp, 0) == -1 && errno != ENOENT)
		return file_failed(port, -errno, "cannot clean up in");
	port->fd = openat(port->dir, port->temp,
	    O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, port->mode);
	if (port->fd == -1) {
		port->temp[0] = '\0';
		return open_failed(port, "cannot create a file for");
	}
	return set_owner(port);
}

/* A file without a name, where the file system has such. */
static int
open_new(struct pp_port *port)
{
	port->kind = FILE_NEW;
	port->fd = openat(port->dir, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC,
	    port->mode);
	if (port->fd != -1)
		return set_owner(port);
	if (errno == EOPNOTSUPP || errno == EISDIR || errno == EINVAL)
		return open_hidden(port);
	if (errno == EACCES || errno == ENOENT)
		return place_failed(port, errno);
	return open_failed(port, "cannot create a file in");
}

/* path cannot be opened; most often, a FIFO has no reader. */
static int
path_failed(struct pp_port *port)
{
	int error = errno;
	struct stat st;

	if (error == ENXIO && fstatat(port->dir, port->leaf, &st, 0) == 0) {
		if (S_ISSOCK(st.st_mode))
			return wrong_kind(port, st.st_mode);
		if (S_ISFIFO(st.st_mode))
			return file_trouble(port, -error,
			    "no reader on FIFO %s", port->target);
	}
	if (error == EISDIR)
		return wrong_kind(port, S_IFDIR);
	return file_failed(port, -error, "cannot open");
}

/*
 * Keep others off a file or FIFO until the document ends.  Devices keep them
 * off themselves, or are meant to be shared, as /dev/null.  A file may have
 * been removed between open and lock; the next try will make a new one.
 */
static int
lock(struct pp_port *port)
{
	struct stat st;

	if (flock(port->fd, LOCK_EX | LOCK_NB) == -1) {
		port->created = false;		/* others use it now */
		if (errno == EWOULDBLOCK)
			errno = EBUSY;
		return open_failed(port, "cannot lock");
	}
	if (fstat(port->fd, &st) == -1)
		return open_failed(port, "cannot look at");
	if (port->kind == FILE_APPEND && st.st_nlink == 0) {
		errno = EBUSY;
		return open_failed(port, "cannot write to");
	}
	port->before = st.st_size;
	return PP_OK;
}

static int
open_missing(struct pp_port *port)
{
	int rc;

	if (!port->append) {
		port->kind = FILE_REPLACE;
		return open_hidden(port);
	}
	port->kind = FILE_APPEND;
	port->fd = openat(port->dir, port->leaf, O_WRONLY | O_CREAT | O_EXCL |
	    O_APPEND | O_CLOEXEC, port->mode);
	if (port->fd == -1)
		return open_failed(port, "cannot create");
	port->created = true;
	rc = set_owner(port);
	return rc == PP_OK ? lock(port) : rc;
}

/* path is open: see what it is. */
static int
open_existing(struct pp_port *port, bool followed)
{
	struct stat st;

	if (fstat(port->fd, &st) == -1)
		return open_failed(port, "cannot look at");
	if (is_stream(st.st_mode)) {
		port->kind = FILE_STREAM;
		/* Append mode means nothing to these, but bars splice. */
		if (fcntl(port->fd, F_SETFL, O_NONBLOCK) == -1)
			return open_failed(port, "cannot set up");
		return S_ISFIFO(st.st_mode) ? lock(port) : PP_OK;
	}
	if (S_ISREG(st.st_mode) && !followed && port->append) {
		port->kind = FILE_APPEND;
		return lock(port);
	}
	close(port->fd);
	port->fd = -1;
	if (!S_ISREG(st.st_mode) || followed)
		return wrong_kind(port, st.st_mode);
	port->kind = FILE_REPLACE;
	return open_hidden(port);
}

/*
 * A symbolic link is followed to a device or FIFO, where it is customary, but
 * not to a file, where it may have been planted.
 */
static int
open_path(struct pp_port *port)
{
	int flags = O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	bool followed = false;

	port->fd = openat(port->dir, port->leaf, flags | O_NOFOLLOW |
	    (port->append ? O_APPEND : 0));
	if (port->fd == -1 && errno == ELOOP) {
		followed = true;
		port->fd = openat(port->dir, port->leaf, flags);
	}
	if (port->fd != -1)
		return open_existing(port, followed);
	if (errno == ENOENT && !followed)
		return open_missing(port);
	return path_failed(port);
}

int
file_target_open(struct pp_port *port)
{
	int rc = enter_place(port);

	port->created = false;
	port->temp[0] = '\0';
	port->public[0] = '\0';
	if (rc != PP_OK)
		return rc;
	return port->leaf == NULL ? open_new(port) : open_path(port);
}

/*
 * ---- Finish ----------------------------------------------------------------
 */

/*
 * With sync, get the bytes to the disk.  Without, at least hear now what a
 * network file system would only say at the last close.
 */
static int
flush(struct pp_port *port)
{
	int copy;

	if (port->sync)
		return fsync(port->fd) == 0 ? PP_OK : file_failed(port, -errno,
		    "cannot sync");
	copy = fcntl(port->fd, F_DUPFD_CLOEXEC, 0);
	if (copy == -1 || close(copy) == -1)
		return file_failed(port, -errno, "cannot write to");
	return PP_OK;
}

/* Give the document a name that is free; -1 with errno, as linkat(). */
static int
name_document(struct pp_port *port, const char *name)
{
	char proc[32];

	if (port->temp[0] == '\0') {
		snprintf(proc, sizeof(proc), "/proc/self/fd/%d", port->fd);
		if (linkat(AT_FDCWD, proc, port->dir, name,
		    AT_SYMLINK_FOLLOW) == 0)
			return 0;
		/* Without /proc; needs a privilege, or a recent kernel. */
		return errno == ENOENT ? linkat(port->fd, "", port->dir, name,
		    AT_EMPTY_PATH) : -1;
	}
	if (renameat2(port->dir, port->temp, port->dir, name,
	    RENAME_NOREPLACE) == 0) {
		port->temp[0] = '\0';
		return 0;
	}
	if (errno != EINVAL)
		return -1;
	/* The file system cannot: the second name first, then the first. */
	return linkat(port->dir, port->temp, port->dir, name, 0);
}

/*
 * Whether name is this very job's, delivered before a crash or a restart: only
 * a name that carries the job id can tell.
 */
static bool
delivered_before(const struct pp_port *port, const char *name, bool restarted)
{
	struct stat st;

	return restarted && port->leaf == NULL &&
	    file_name_uses(port->pattern, 'j') &&
	    fstatat(port->dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    S_ISREG(st.st_mode);
}

static void
remove_hidden(struct pp_port *port)
{
	if (port->temp[0] != '\0' &&
	    unlinkat(port->dir, port->temp, 0) == -1)
		(void)file_failed(port, -errno, "cannot clean up in");
	port->temp[0] = '\0';
}

/* Let the document be seen, under this name or the next one that is free. */
static int
publish(struct pp_port *port, const char *name, bool restarted)
{
	char variant[FILE_NAME_SIZE];
	unsigned int n;

	for (n = 1; n <= VARIANTS_MAX; n++) {
		file_name_variant(name, n, variant);
		if (name_document(port, variant) == 0) {
			memcpy(port->public, variant, sizeof(variant));
			remove_hidden(port);
			return PP_OK;
		}
		if (errno != EEXIST)
			return file_failed(port, -errno,
			    "cannot name a file in");
		if (n == 1 && delivered_before(port, variant, restarted)) {
			port->host->log(port->host->cookie, PP_LOG_INFO,
			    "job %" PRIu64 " is there already as %s",
			    port->job, variant);
			remove_hidden(port);
			return PP_OK;
		}
	}
	return file_failed(port, PP_ALREADY_EXISTS, "cannot name a file in");
}

static int
replace(struct pp_port *port)
{
	if (renameat(port->dir, port->temp, port->dir, port->leaf) == -1)
		return file_failed(port, -errno, "cannot replace");
	port->temp[0] = '\0';
	return PP_OK;
}

int
file_target_finish(struct pp_port *port, bool restarted)
{
	int rc;

	if (port->kind == FILE_STREAM)
		return PP_OK;
	rc = flush(port);
	if (rc == PP_OK && port->kind == FILE_NEW)
		rc = publish(port, port->final, restarted);
	else if (rc == PP_OK && port->kind == FILE_REPLACE)
		rc = replace(port);
	if (rc == PP_OK && port->sync && fsync(port->dir) == -1)
		rc = file_failed(port, -errno, "cannot sync the directory of");
	return rc;
}

/*
 * ---- Give up ---------------------------------------------------------------
 */

static int
keep(struct pp_port *port)
{
	const char *name = port->leaf != NULL ? port->leaf : port->final;
	char marked[FILE_NAME_SIZE + 8];

	snprintf(marked, sizeof(marked), "%s.aborted", name);
	return publish(port, marked, false);
}

static int
cut_back(struct pp_port *port)
{
	if (ftruncate(port->fd, port->before) == -1)
		return file_failed(port, -errno, "cannot cut back");
	if (port->created && unlinkat(port->dir, port->leaf, 0) == -1)
		return file_failed(port, -errno, "cannot remove");
	return PP_OK;
}

int
file_target_give_up(struct pp_port *port)
{
	int rc = PP_OK;

	if (port->kind == FILE_REPLACE && port->temp[0] == '\0')
		return PP_OK;			/* what it replaced is gone */
	switch (port->kind) {
	case FILE_NEW:
	case FILE_REPLACE:
		if (port->public[0] != '\0' &&
		    unlinkat(port->dir, port->public, 0) == -1)
			rc = file_failed(port, -errno, "cannot clean up in");
		else if (port->public[0] == '\0' && port->keep_aborted)
			rc = keep(port);
		remove_hidden(port);
		return rc;
	case FILE_APPEND:
		return cut_back(port);
	case FILE_STREAM:
		break;				/* what is gone is gone */
	}
	return rc;
}

void
file_target_close(struct pp_port *port)
{
	if (close(port->fd) == -1)
		(void)file_failed(port, -errno, "cannot close");
	port->fd = -1;
	port->temp[0] = '\0';
	port->public[0] = '\0';
}
