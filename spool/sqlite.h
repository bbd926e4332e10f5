/*
 * sqlite - the back end that keeps records in SQLite; internal.
 *
 * Two connections to one file in WAL mode: one writes, one reads; each has
 * its statements prepared once.
 *
 *	sqlite.c	open, close, transactions, recovery
 *	sqlite_damage.c	is it sound, and what if not
 *	sqlite_write.c	what is done in a transaction
 *	sqlite_read.c	what is only read
 *	sqlite_salvage.c what a damaged database still tells
 *
 * Errors     sqlite_error() makes a negative errno of an SQLite result;
 *            -EUCLEAN: damaged.
 * Threads    As backend.h says: one writes, one reads.
 */
#ifndef SQLITE_H
#define SQLITE_H

#include <stdint.h>
#include <sys/types.h>

#include <sqlite3.h>

#include "backend.h"

#define SQLITE_FILE		"jobs.db"
#define SQLITE_PATH_LEN		4096
#define SQLITE_DOCUMENT_ID(job, number)					\
	((int64_t)((job) << 10 | (number)))

/* All columns of a job, in the order of sqlite_job(). */
#define SQLITE_JOB_COLUMNS						\
	"id, queue, user, host, title, port, why, rank, state, reasons, " \
	"created, started, completed, attempts, restarted, bytes, pages, " \
	"place, documents, extra"

/* Statements of the writing connection; their text is in sqlite_write.c. */
enum sqlite_statement {
	SQL_BEGIN, SQL_COMMIT, SQL_ROLLBACK,
	SQL_INSERT_JOB, SQL_INSERT_DOCUMENT, SQL_GET_JOB, SQL_STEP,
	SQL_RECORD, SQL_CHANGE, SQL_FINISHED, SQL_FILES, SQL_FORGET_DATA,
	SQL_FORGET_JOB_DATA, SQL_DELETE_DOCUMENTS, SQL_DELETE_JOB,
	SQL_DELETE_RECORDS, SQL_NOTE, SQL_FORGET_NOTE, SQL_RESERVE, SQL_TOUCH,
	SQL_HAS_FILE, SQL_COUNT
};

/* Those of the reading one that are wanted for each job; in sqlite_read.c. */
enum sqlite_question {
	SQL_ONE_JOB, SQL_ITS_DOCUMENTS, SQL_ONE_DOCUMENT, SQL_QUESTIONS
};

struct backend {
	sqlite3		*writer;		/* owned */
	sqlite3		*reader;		/* owned */
	sqlite3_stmt	*statements[SQL_COUNT];	/* owned; of the writer */
	sqlite3_stmt	*questions[SQL_QUESTIONS]; /* owned; NULL: not yet */
	uint64_t	 place;			/* last given in any queue */
	int		 dir_fd;		/* borrowed */
	ino_t		 inode;			/* of the file when opened */
	dev_t		 device;
	bool		 spoilt;		/* the transaction */
};

extern const char *const sqlite_texts[SQL_COUNT];

int sqlite_error(sqlite3 *db, int rc);
/* The number that a query yields. */
int sqlite_number(sqlite3 *db, const char *sql, int64_t *number)
    __attribute__((warn_unused_result));

/* Bind by position; what fails is found by the step that follows. */
void sqlite_bind_text(sqlite3_stmt *st, int at, const char *text);
void sqlite_bind(sqlite3_stmt *st, int at, uint64_t number);

/*
 * Run a statement of the writer that yields nothing, and make it ready for
 * the next time.  When it fails the transaction is spoilt.
 */
int sqlite_run(struct backend *be, enum sqlite_statement which)
    __attribute__((warn_unused_result));
/* The next row of one that yields: 1, 0 at the end, or an error as above. */
int sqlite_row(struct backend *be, enum sqlite_statement which)
    __attribute__((warn_unused_result));
/* Make it ready for the next time, and forget what was bound. */
void sqlite_done(sqlite3_stmt *st);

/* A job, without documents, from a row of SQLITE_JOB_COLUMNS. */
int sqlite_job(sqlite3_stmt *st, struct job **job)
    __attribute__((warn_unused_result));
/* A copy of a text column; NULL: no memory. */
char *sqlite_text(sqlite3_stmt *st, int column)
    __attribute__((warn_unused_result));

/* The functions of backend_sqlite that are not in sqlite.c. */
int sqlite_insert(struct backend *be, struct job *job,
    const void *const *bytes);
int sqlite_step(struct backend *be, uint64_t id, const struct job_step *step,
    struct backend_moved *moved);
int sqlite_change(struct backend *be, uint64_t id, const char *queue,
    uint32_t priority, struct backend_moved *moved);
int sqlite_expire(struct backend *be, const struct store_retention *what,
    struct backend_files *files, unsigned int *removed);
int sqlite_note(struct backend *be, const struct store_note *note);
int sqlite_reserve(struct backend *be, uint64_t next);
int sqlite_has_file(struct backend *be, uint64_t job, unsigned int number,
    const char *name);
int sqlite_list(struct backend *be, const struct store_filter *filter,
    struct job_list *list);
int sqlite_get(struct backend *be, uint64_t id, struct job **job);
int sqlite_document(struct backend *be, uint64_t id, unsigned int number,
    struct job_document *doc, void **bytes);
int sqlite_records(struct backend *be, const struct store_period *period,
    struct job_record_list *list);
int sqlite_notes(struct backend *be, struct store_note_list *list);
int sqlite_check(struct backend *be);

/* 0, or -EUCLEAN: damaged; a fault of reading is not taken for damage. */
int sqlite_quick_check(sqlite3 *db) __attribute__((warn_unused_result));
/* The next open must check, whatever the size; or need not. */
void sqlite_mark(struct backend *be);
void sqlite_unmark(struct backend *be);
bool sqlite_must_check(struct backend *be, off_t size);

/* Give the database another name. */
int sqlite_set_aside(const struct backend_options *o)
    __attribute__((warn_unused_result));
/*
 * A new database takes over from the one that was set aside last, if any; if
 * a crash has come in between, it does so again.
 */
void sqlite_take_over(struct backend *be, const struct backend_options *o);

/*
 * Copy what can be read of the database that was set aside as file (a path);
 * unfinished jobs are held.  Returns how many jobs came over.
 */
int sqlite_salvage(struct backend *be, const char *file);

#endif /* SQLITE_H */
