/*
 * sqlite_damage.c - is the database sound, and what is done when it is not.
 *
 * A damaged one is never touched again: it gets another name, a new one takes
 * its place, and what the old one still tells is copied.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite.h"

/*
 * A larger database is not read whole before the start; store_check() does
 * that beside the work.
 */
#define CHECK_LEN	((off_t)64 << 20)
/* A file of this name asks for a check whatever the size. */
#define MARK		SQLITE_FILE ".check"

/* ---- finding it ------------------------------------------------------ */

/* What the check says of a page that it could not read is no damage. */
static int
judge(const char *words)
{
	const char *code = strstr(words, "error code=");

	if (strcmp(words, "ok") == 0)
		return 0;
	if (code != NULL && (atoi(code + strlen("error code=")) & 0xff) ==
	    SQLITE_IOERR)
		return -EIO;
	return -EUCLEAN;
}

static int
check_once(sqlite3 *db)
{
	const unsigned char *words;
	sqlite3_stmt *st;
	int error = -EUCLEAN;
	int rc;

	rc = sqlite3_prepare_v2(db, "PRAGMA quick_check(1)", -1, &st, NULL);
	if (rc != SQLITE_OK)
		return sqlite_error(db, rc);
	rc = sqlite3_step(st);
	words = rc == SQLITE_ROW ? sqlite3_column_text(st, 0) : NULL;
	if (words != NULL)
		error = judge((const char *)words);
	else if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		error = sqlite_error(db, rc);
	sqlite3_finalize(st);
	return error;
}

/* It is a grave word, so a passing fault must not bring it about. */
int
sqlite_quick_check(sqlite3 *db)
{
	return check_once(db) != 0 ? check_once(db) : 0;
}

void
sqlite_mark(struct backend *be)
{
	int fd = openat(be->dir_fd, MARK, O_WRONLY | O_CREAT | O_CLOEXEC |
	    O_NOFOLLOW, 0600);

	/* Without it a small database is looked at all the same. */
	if (fd != -1)
		close(fd);
}

void
sqlite_unmark(struct backend *be)
{
	unlinkat(be->dir_fd, MARK, 0);
}

bool
sqlite_must_check(struct backend *be, off_t size)
{
	return size <= CHECK_LEN || faccessat(be->dir_fd, MARK, F_OK,
	    AT_SYMLINK_NOFOLLOW) == 0;
}

/* ---- setting it aside ------------------------------------------------ */

#define ASIDE		SQLITE_FILE ".damaged-%u"
#define ASIDE_MAX	1000

static const char *const suffixes[] = { "", "-wal" };

/* The number of the newest; 0: there is none. */
static unsigned int
last_aside(int dir_fd)
{
	char name[64];
	struct stat st;
	unsigned int n;

	for (n = 0; n < ASIDE_MAX; n++) {
		snprintf(name, sizeof(name), ASIDE, n + 1);
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
			break;
	}
	return n;
}

/* The index of the log is made from the log; it is of no use to anyone. */
int
sqlite_set_aside(const struct backend_options *o)
{
	unsigned int last = last_aside(o->dir_fd);
	char from[64], to[128];
	int error = 0;
	size_t i;
	int n;

	for (i = 0; i < 2 && error == 0; i++) {
		snprintf(from, sizeof(from), SQLITE_FILE "%s", suffixes[i]);
		n = snprintf(to, sizeof(to), ASIDE, last + 1);
		snprintf(to + n, sizeof(to) - (size_t)n, "%s", suffixes[i]);
		if (o->sys->renameat(o->dir_fd, from, o->dir_fd, to) == -1 &&
		    errno != ENOENT)
			error = -errno;
	}
	if (error == 0 && o->sys->unlinkat(o->dir_fd, SQLITE_FILE "-shm",
	    0) == -1 && errno != ENOENT)
		error = -errno;
	return error;
}

void
sqlite_take_over(struct backend *be, const struct backend_options *o)
{
	char path[SQLITE_PATH_LEN], text[512];
	unsigned int last;
	int n;

	last = last_aside(o->dir_fd);
	if (last == 0)
		return;
	snprintf(path, sizeof(path), "%s/" ASIDE, o->directory, last);
	n = sqlite_salvage(be, path);
	snprintf(text, sizeof(text), "the job database is damaged; it is kept "
	    "as " ASIDE ", and %d jobs were read from it; those that were not "
	    "finished are held", last, n);
	if (o->message != NULL)
		o->message(o->message_arg, text);
}
