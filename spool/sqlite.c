/*
 * sqlite.c - the database file: open, close, transactions, recovery.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "schema.h"
#include "sqlite.h"

/* Says in the file's header that recovery has gone through. */
#define RECOVERED	"0x70707331"

/*
 * synchronous=FULL: a commit is on stable storage when it returns.  Several
 * small documents fit in a page of 16 KiB; with the usual 4 KiB each needs a
 * page more, and the store does a third of the jobs.
 *
 * The log is brought into the database by the writer, between two commits,
 * which wait for that: 250 pages take some 5 ms, the usual 1000 up to 35 ms,
 * and throughput is the same.  A thread of its own with another connection
 * would take that time too, if not at once, for the log can start over only
 * while nobody writes; and versions before 3.51.3 may then take a new log for
 * an old one and lose what is in it.
 */
static const char writer_pragmas[] =
    "PRAGMA page_size = 16384;"
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "PRAGMA wal_autocheckpoint = 250; PRAGMA journal_size_limit = 67108864;"
    "PRAGMA cache_size = -8192; PRAGMA temp_store = MEMORY;"
    "PRAGMA trusted_schema = OFF; PRAGMA cell_size_check = ON;";
static const char reader_pragmas[] =
    "PRAGMA query_only = ON; PRAGMA cache_size = -4096;"
    "PRAGMA temp_store = MEMORY; PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;";

static int
io_error(sqlite3 *db, int rc)
{
	int error = sqlite3_system_errno(db);

	if (rc == SQLITE_IOERR_NOMEM)
		return -ENOMEM;
	if (rc == SQLITE_IOERR_CORRUPTFS)
		return -EUCLEAN;
	/* Full is no trouble with a write, but a lasting one with a sync. */
	if (rc == SQLITE_IOERR_WRITE &&
	    (error == ENOSPC || error == EDQUOT || error == EFBIG))
		return -error;
	return -EIO;
}

int
sqlite_error(sqlite3 *db, int rc)
{
	switch (rc & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_TOOBIG:
		return -E2BIG;
	case SQLITE_READONLY:
		/* A format that may only be read: we have not written that. */
		return sqlite3_system_errno(db) == EROFS ? -EROFS : -EUCLEAN;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_IOERR:
		return io_error(db, rc);
	default:
		return -EIO;
	}
}

int
sqlite_number(sqlite3 *db, const char *sql, int64_t *number)
{
	sqlite3_stmt *st;
	int rc;

	rc = sqlite3_prepare_v2(db, sql, -1, &st, NULL);
	if (rc != SQLITE_OK)
		return sqlite_error(db, rc);
	rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		*number = sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	return rc == SQLITE_DONE ? -ENOENT : sqlite_error(db, rc);
}

void
sqlite_bind_text(sqlite3_stmt *st, int at, const char *text)
{
	sqlite3_bind_text(st, at, text, -1, SQLITE_STATIC);
}

void
sqlite_bind(sqlite3_stmt *st, int at, uint64_t number)
{
	sqlite3_bind_int64(st, at, (sqlite3_int64)number);
}

void
sqlite_done(sqlite3_stmt *st)
{
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
}

int
sqlite_row(struct backend *be, enum sqlite_statement which)
{
	int rc = sqlite3_step(be->statements[which]);

	if (rc == SQLITE_ROW)
		return 1;
	if (rc != SQLITE_DONE)
		be->spoilt = true;
	rc = sqlite_error(be->writer, rc);
	sqlite_done(be->statements[which]);
	return rc;
}

int
sqlite_run(struct backend *be, enum sqlite_statement which)
{
	int result = sqlite_row(be, which);

	if (result == 1)
		sqlite_done(be->statements[which]);
	return result < 0 ? result : 0;
}

/* ---- transactions ---------------------------------------------------- */

static int
begin(struct backend *be)
{
	be->spoilt = false;
	return sqlite_run(be, SQL_BEGIN);
}

static int
commit(struct backend *be)
{
	return sqlite_run(be, SQL_COMMIT);
}

/* SQLite has rolled back by itself after some errors. */
static void
roll_back(struct backend *be)
{
	if (!sqlite3_get_autocommit(be->writer) &&
	    sqlite_run(be, SQL_ROLLBACK) != 0)
		be->spoilt = true;
}

static bool
spoilt(struct backend *be)
{
	return be->spoilt || sqlite3_get_autocommit(be->writer);
}

static int
touch(struct backend *be)
{
	return sqlite_run(be, SQL_TOUCH);
}

static bool
present(struct backend *be)
{
	struct stat st;

	return fstatat(be->dir_fd, SQLITE_FILE, &st, AT_SYMLINK_NOFOLLOW) ==
	    0 && st.st_ino == be->inode && st.st_dev == be->device;
}

/* ---- open and close -------------------------------------------------- */

static void
release(struct backend *be)
{
	size_t i;

	for (i = 0; i < SQL_COUNT; i++) {
		sqlite3_finalize(be->statements[i]);
		be->statements[i] = NULL;
	}
	for (i = 0; i < SQL_QUESTIONS; i++) {
		sqlite3_finalize(be->questions[i]);
		be->questions[i] = NULL;
	}
	sqlite3_close(be->reader);
	sqlite3_close(be->writer);
	be->reader = be->writer = NULL;
}

static void
backend_close(struct backend *be)
{
	release(be);
	free(be);
}

/*
 * SQLite's books on its memory have one lock for all threads, which two busy
 * connections spend their time on.  Nobody reads them.  Too late once SQLite
 * is in use; then it goes without.
 */
static void
keep_no_books(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int
connect_to(const struct backend_options *o, const char *pragmas, sqlite3 **db)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	char path[SQLITE_PATH_LEN];
	int fd, rc;

	pthread_once(&once, keep_no_books);
	snprintf(path, sizeof(path), "%s/" SQLITE_FILE, o->directory);
	/* SQLite would let others read what it makes. */
	fd = o->sys->openat(o->dir_fd, SQLITE_FILE, O_RDWR | O_CREAT |
	    O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1)
		return -errno;
	close(fd);
	rc = sqlite3_open_v2(path, db, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, o->vfs);
	if (rc == SQLITE_OK) {
		sqlite3_extended_result_codes(*db, 1);
		sqlite3_busy_timeout(*db, 10000);
		rc = sqlite3_exec(*db, pragmas, NULL, NULL, NULL);
	}
	return sqlite_error(*db, rc);
}

static int
prepare(struct backend *be)
{
	size_t i;
	int rc;

	for (i = 0; i < SQL_COUNT; i++) {
		rc = sqlite3_prepare_v3(be->writer, sqlite_texts[i], -1,
		    SQLITE_PREPARE_PERSISTENT, &be->statements[i], NULL);
		if (rc != SQLITE_OK)
			return sqlite_error(be->writer, rc);
	}
	return 0;
}

int
sqlite_check(struct backend *be)
{
	return sqlite_quick_check(be->reader);
}

/* The file that the writer has, so that another in its place is noticed. */
static int
remember(struct backend *be)
{
	struct stat st;
	int64_t place = 0;
	int error;

	if (fstatat(be->dir_fd, SQLITE_FILE, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return -errno;
	be->inode = st.st_ino;
	be->device = st.st_dev;
	if (sqlite_must_check(be, st.st_size)) {
		error = sqlite_quick_check(be->writer);
		if (error != 0)
			return error;
		sqlite_unmark(be);
	}
	error = sqlite_number(be->writer, "SELECT coalesce(max(place), 0) "
	    "FROM job INDEXED BY job_waiting WHERE state < 7", &place);
	be->place = (uint64_t)place;
	return error;
}

static int
try(struct backend *be, const struct backend_options *o, bool *rebuild)
{
	int64_t rebuilt = 0;
	int error;

	error = connect_to(o, writer_pragmas, &be->writer);
	if (error == 0)
		error = schema_upgrade(be->writer, schema_steps,
		    schema_n_steps);
	if (error == 0)
		error = remember(be);
	if (error == 0)
		error = sqlite_number(be->writer, "SELECT application_id = "
		    RECOVERED " FROM pragma_application_id", &rebuilt);
	if (error == 0)
		error = prepare(be);
	if (error == 0)
		error = connect_to(o, reader_pragmas, &be->reader);
	/* The name of a new database must last too. */
	if (error == 0 && o->sys->fsync(o->dir_fd) == -1)
		error = -errno;
	if (error != 0)
		release(be);
	*rebuild = rebuilt == 0;
	return error;
}

/* ---- all of it ------------------------------------------------------- */

/* Its size, 0 if it is not there.  What is not ours SQLite must not open. */
static int
look_at(const struct backend_options *o, const char *name, off_t *size)
{
	struct stat st;

	*size = 0;
	if (fstatat(o->dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == -1)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISREG(st.st_mode) || st.st_nlink != 1 ||
	    st.st_uid != geteuid())
		return -EPERM;
	*size = st.st_size;
	return 0;
}

/* A log without its database is a sign of damage, too. */
static int
look(const struct backend_options *o, bool *damaged)
{
	off_t file, wal, shm;
	int error;

	error = look_at(o, SQLITE_FILE, &file);
	if (error == 0)
		error = look_at(o, SQLITE_FILE "-wal", &wal);
	if (error == 0)
		error = look_at(o, SQLITE_FILE "-shm", &shm);
	if (error == 0)
		*damaged = o->damaged || (file == 0 && wal > 0);
	return error;
}

static void
explain(const struct backend_options *o, int error, struct store_error *out)
{
	const char *why = strerror(-error);

	if (error == -EPROTO)
		why = "it was written by a newer version of this program; "
		    "install that, or move the file away";
	else if (error == -EPERM)
		why = "it, or its -wal or -shm, is not a regular file of "
		    "ours; move that away";
	out->kind = error == -EPERM ? STORE_ERROR_CONFIG : STORE_ERROR_IO;
	snprintf(out->text, sizeof(out->text), "job database %s/"
	    SQLITE_FILE " cannot be used: %s", o->directory, why);
}

static struct backend *
backend_open(const struct backend_options *o, bool *rebuild,
    struct store_error *error)
{
	struct backend *be = calloc(1, sizeof(*be));
	bool damaged = false;
	int rc;

	if (be == NULL) {
		explain(o, -ENOMEM, error);
		return NULL;
	}
	be->dir_fd = o->dir_fd;
	rc = look(o, &damaged);
	if (rc == 0)
		rc = damaged ? -EUCLEAN : try(be, o, rebuild);
	if (rc == -EUCLEAN) {
		rc = sqlite_set_aside(o);
		if (rc == 0)
			rc = try(be, o, rebuild);
	}
	if (rc == 0) {
		if (*rebuild)
			sqlite_take_over(be, o);
		return be;
	}
	explain(o, rc, error);
	backend_close(be);
	return NULL;
}

/* ---- recovery -------------------------------------------------------- */

static uint64_t
next_id(struct backend *be)
{
	static const char *const questions[] = {
		"SELECT next FROM sequence",
		"SELECT coalesce(max(id), 0) + 1 FROM job",
		("SELECT coalesce(max(job), 0) + 1 FROM record "
		    "WHERE number = (SELECT max(number) FROM record)"),
	};
	uint64_t next = 1;
	int64_t n;
	size_t i;

	for (i = 0; i < sizeof(questions) / sizeof(questions[0]); i++)
		if (sqlite_number(be->writer, questions[i], &n) == 0 &&
		    n > 0 && (uint64_t)n > next)
			next = (uint64_t)n;
	return next;
}

static int
recovered(struct backend *be)
{
	int rc = sqlite3_exec(be->writer, "PRAGMA application_id = "
	    RECOVERED, NULL, NULL, NULL);

	if (rc != SQLITE_OK)
		be->spoilt = true;
	return sqlite_error(be->writer, rc);
}

static int
scan(struct backend *be, backend_scan_fn *fn, void *arg)
{
	sqlite3_stmt *st;
	struct job *job;
	int error = 0;
	int rc;

	rc = sqlite3_prepare_v2(be->writer, "SELECT " SQLITE_JOB_COLUMNS
	    " FROM job INDEXED BY job_waiting WHERE state < 7", -1, &st, NULL);
	if (rc != SQLITE_OK)
		return sqlite_error(be->writer, rc);
	while (error == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		error = sqlite_job(st, &job);
		if (error == 0) {
			error = fn(arg, job);
			job_free(job);
		}
	}
	sqlite3_finalize(st);
	return error != 0 ? error : sqlite_error(be->writer, rc);
}

void
backend_moved_clear(struct backend_moved *moved)
{
	free(moved->from_queue);
	free(moved->to_queue);
	free(moved->host);
	*moved = (struct backend_moved){ 0 };
}

const struct backend_ops backend_sqlite = {
	.open = backend_open,
	.close = backend_close,
	.present = present,
	.mark = sqlite_mark,
	.begin = begin,
	.commit = commit,
	.rollback = roll_back,
	.spoilt = spoilt,
	.insert = sqlite_insert,
	.step = sqlite_step,
	.change = sqlite_change,
	.expire = sqlite_expire,
	.note = sqlite_note,
	.touch = touch,
	.reserve = sqlite_reserve,
	.next_id = next_id,
	.recovered = recovered,
	.scan = scan,
	.has_file = sqlite_has_file,
	.list = sqlite_list,
	.get = sqlite_get,
	.document = sqlite_document,
	.records = sqlite_records,
	.notes = sqlite_notes,
	.check = sqlite_check,
};
