/*
 * sqlite_write.c - what is done within a transaction.
 *
 * A refusal (no such job, not a legal step) comes before the first change; an
 * error of SQLite spoils the transaction.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

const char *const sqlite_texts[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_INSERT_JOB] = "INSERT INTO job (" SQLITE_JOB_COLUMNS ", kept) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, "
	    "?14, ?15, ?16, ?17, ?18, ?19, ?20, 1)",
	[SQL_INSERT_DOCUMENT] = "INSERT INTO document (id, format, name, "
	    "copies, size, sha256, place, file, bytes) "
	    "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
	[SQL_GET_JOB] = "SELECT " SQLITE_JOB_COLUMNS ", kept FROM job "
	    "WHERE id = ?1",
	[SQL_STEP] = "UPDATE job SET state = ?2, reasons = ?3, why = ?4, "
	    "port = ?5, pages = ?6, started = ?7, completed = ?8, "
	    "attempts = ?9, restarted = ?10, place = ?11 WHERE id = ?1",
	[SQL_RECORD] = "INSERT INTO record (job, queue, user, host, title, "
	    "port, why, rank, state, reasons, created, started, completed, "
	    "attempts, restarted, bytes, pages, documents, sha256) "
	    "SELECT id, queue, user, host, title, port, why, rank, state, "
	    "reasons, created, started, completed, attempts, restarted, "
	    "bytes, pages, documents, coalesce((SELECT "
	    "group_concat(lower(hex(sha256)), ' ') FROM document "
	    "WHERE id BETWEEN ?1 << 10 AND ?1 << 10 | 1023), '') "
	    "FROM job WHERE id = ?1",
	[SQL_CHANGE] = "UPDATE job SET queue = ?2, rank = ?3, place = ?4 "
	    "WHERE id = ?1",
	[SQL_FINISHED] = "SELECT id FROM job WHERE state >= 7 AND kept = ?1 "
	    "AND completed < ?2 ORDER BY completed LIMIT ?3",
	[SQL_FILES] = "SELECT file FROM document WHERE id BETWEEN ?1 << 10 "
	    "AND ?1 << 10 | 1023 AND file IS NOT NULL",
	[SQL_FORGET_DATA] = "UPDATE document SET place = 2, file = NULL, "
	    "bytes = NULL WHERE id BETWEEN ?1 << 10 AND ?1 << 10 | 1023",
	[SQL_FORGET_JOB_DATA] = "UPDATE job SET kept = 0 WHERE id = ?1",
	[SQL_DELETE_DOCUMENTS] = "DELETE FROM document WHERE id BETWEEN "
	    "?1 << 10 AND ?1 << 10 | 1023",
	[SQL_DELETE_JOB] = "DELETE FROM job WHERE id = ?1",
	[SQL_DELETE_RECORDS] = "DELETE FROM record WHERE number IN (SELECT "
	    "number FROM record WHERE completed < ?1 ORDER BY completed "
	    "LIMIT ?2)",
	[SQL_NOTE] = "INSERT OR REPLACE INTO note VALUES (?1, ?2, ?3, ?4)",
	[SQL_FORGET_NOTE] = "DELETE FROM note WHERE kind = ?1 AND name = ?2 "
	    "AND key = ?3",
	[SQL_RESERVE] = "UPDATE sequence SET next = ?1",
	[SQL_TOUCH] = "UPDATE sequence SET touched = touched + 1",
	[SQL_HAS_FILE] = "SELECT file = ?2 FROM document WHERE id = ?1",
};

/* ---- a new job ------------------------------------------------------- */

static int
insert_document(struct backend *be, const struct job *job, size_t i,
    const void *bytes)
{
	const struct job_document *doc = &job->documents[i];
	sqlite3_stmt *st = be->statements[SQL_INSERT_DOCUMENT];

	sqlite3_bind_int64(st, 1, SQLITE_DOCUMENT_ID(job->id, i + 1));
	sqlite_bind_text(st, 2, doc->format);
	sqlite_bind_text(st, 3, doc->name);
	sqlite_bind(st, 4, doc->copies);
	sqlite_bind(st, 5, doc->size);
	sqlite3_bind_blob(st, 6, doc->sha256, JOB_SHA256_LEN, SQLITE_STATIC);
	sqlite_bind(st, 7, doc->place);
	if (doc->place == JOB_IN_FILE)
		sqlite_bind_text(st, 8, doc->file);
	else
		sqlite3_bind_blob64(st, 9, bytes != NULL ? bytes : "",
		    doc->size, SQLITE_STATIC);
	return sqlite_run(be, SQL_INSERT_DOCUMENT);
}

static int
insert_job(struct backend *be, const struct job *job)
{
	sqlite3_stmt *st = be->statements[SQL_INSERT_JOB];

	sqlite_bind(st, 1, job->id);
	sqlite_bind_text(st, 2, job->queue);
	sqlite_bind_text(st, 3, job->user);
	sqlite_bind_text(st, 4, job->host);
	sqlite_bind_text(st, 5, job->title);
	sqlite_bind_text(st, 6, job->port);
	sqlite_bind_text(st, 7, job->why);
	sqlite_bind(st, 8, 101 - job->priority);
	sqlite_bind(st, 9, job->state);
	sqlite_bind(st, 10, job->reasons);
	sqlite3_bind_int64(st, 11, job->created_ms);
	sqlite3_bind_int64(st, 12, job->started_ms);
	sqlite3_bind_int64(st, 13, job->completed_ms);
	sqlite_bind(st, 14, job->attempts);
	sqlite_bind(st, 15, job->restarted);
	sqlite_bind(st, 16, job->bytes);
	sqlite_bind(st, 17, job->pages);
	sqlite_bind(st, 18, job->order);
	sqlite_bind(st, 19, job->n_documents);
	sqlite_bind_text(st, 20, job->extra);
	return sqlite_run(be, SQL_INSERT_JOB);
}

int
sqlite_insert(struct backend *be, struct job *job, const void *const *bytes)
{
	size_t i;
	int error;

	job->order = ++be->place;
	error = insert_job(be, job);
	for (i = 0; i < job->n_documents && error == 0; i++)
		error = insert_document(be, job, i, bytes[i]);
	return error;
}

/* ---- changes --------------------------------------------------------- */

static int
get(struct backend *be, uint64_t id, struct job **job, bool *kept)
{
	sqlite3_stmt *st = be->statements[SQL_GET_JOB];
	int result;

	sqlite_bind(st, 1, id);
	result = sqlite_row(be, SQL_GET_JOB);
	if (result != 1)
		return result == 0 ? -ENOENT : result;
	result = sqlite_job(st, job);
	*kept = sqlite3_column_int(st, 20) != 0;
	sqlite_done(st);
	return result;
}

/* The strings of job go to moved; they are replaced by others. */
static int
moved_from(struct backend_moved *moved, const struct job *job)
{
	backend_moved_clear(moved);
	*moved = (struct backend_moved){
		.from = job->state,
		.to = job->state,
		.bytes = job->bytes,
		.from_queue = strdup(job->queue),
		.to_queue = strdup(job->queue),
		.host = strdup(job->host),
	};
	if (moved->from_queue != NULL && moved->to_queue != NULL &&
	    moved->host != NULL)
		return 0;
	backend_moved_clear(moved);
	return -ENOMEM;
}

static int
update(struct backend *be, const struct job *job)
{
	sqlite3_stmt *st = be->statements[SQL_STEP];

	sqlite_bind(st, 1, job->id);
	sqlite_bind(st, 2, job->state);
	sqlite_bind(st, 3, job->reasons);
	sqlite_bind_text(st, 4, job->why);
	sqlite_bind_text(st, 5, job->port);
	sqlite_bind(st, 6, job->pages);
	sqlite3_bind_int64(st, 7, job->started_ms);
	sqlite3_bind_int64(st, 8, job->completed_ms);
	sqlite_bind(st, 9, job->attempts);
	sqlite_bind(st, 10, job->restarted);
	sqlite_bind(st, 11, job->order);
	return sqlite_run(be, SQL_STEP);
}

static int
step_job(struct backend *be, struct job *job, bool kept,
    const struct job_step *step, struct backend_moved *moved)
{
	bool finishes;
	int error;

	if (step->restart && !kept)
		return -ESTALE;
	finishes = !job_finished(job->state) && job_finished(step->state);
	error = moved_from(moved, job);
	if (error != 0)
		return error;
	if (job_step(job, step) == -1)
		return -errno;
	moved->to = job->state;
	if (step->restart)
		job->order = ++be->place;
	error = update(be, job);
	if (error == 0 && finishes) {
		sqlite_bind(be->statements[SQL_RECORD], 1, job->id);
		error = sqlite_run(be, SQL_RECORD);
	}
	return error;
}

int
sqlite_step(struct backend *be, uint64_t id, const struct job_step *step,
    struct backend_moved *moved)
{
	struct job *job;
	bool kept;
	int error;

	error = get(be, id, &job, &kept);
	if (error != 0)
		return error;
	error = step_job(be, job, kept, step, moved);
	job_free(job);
	return error;
}

static int
change_job(struct backend *be, struct job *job, const char *queue,
    uint32_t priority, struct backend_moved *moved)
{
	sqlite3_stmt *st = be->statements[SQL_CHANGE];
	int error;

	if ((job->state != JOB_PENDING && job->state != JOB_PENDING_HELD) ||
	    priority > JOB_PRIORITY_MAX)
		return -EINVAL;
	error = moved_from(moved, job);
	if (error == 0 && queue != NULL &&
	    (job_set(&job->queue, queue) == -1 ||
	    job_set(&moved->to_queue, queue) == -1))
		error = -ENOMEM;
	if (error != 0)
		return error;
	if (queue != NULL)
		job->order = ++be->place;
	sqlite_bind(st, 1, job->id);
	sqlite_bind_text(st, 2, job->queue);
	sqlite_bind(st, 3, 101 - (priority != 0 ? priority : job->priority));
	sqlite_bind(st, 4, job->order);
	return sqlite_run(be, SQL_CHANGE);
}

int
sqlite_change(struct backend *be, uint64_t id, const char *queue,
    uint32_t priority, struct backend_moved *moved)
{
	struct job *job;
	bool kept;
	int error;

	error = get(be, id, &job, &kept);
	if (error != 0)
		return error;
	error = change_job(be, job, queue, priority, moved);
	job_free(job);
	return error;
}

/* ---- what goes ------------------------------------------------------- */

static int
add_file(struct backend_files *files, sqlite3_stmt *st)
{
	char **names;

	names = reallocarray(files->names, files->n + 1, sizeof(*names));
	if (names == NULL)
		return -ENOMEM;
	files->names = names;
	names[files->n] = sqlite_text(st, 0);
	if (names[files->n] == NULL)
		return -ENOMEM;
	files->n++;
	return 0;
}

static int
collect_files(struct backend *be, uint64_t id, struct backend_files *files)
{
	sqlite3_stmt *st = be->statements[SQL_FILES];
	int error = 0;
	int more;

	sqlite_bind(st, 1, id);
	while (error == 0 && (more = sqlite_row(be, SQL_FILES)) != 0)
		error = more == 1 ? add_file(files, st) : more;
	if (error == -ENOMEM) {
		sqlite_done(st);
		be->spoilt = true;
	}
	return error;
}

/* The statements of which each takes the job's id. */
static int
run_all(struct backend *be, uint64_t id, const enum sqlite_statement *which,
    size_t n)
{
	int error = 0;
	size_t i;

	for (i = 0; i < n && error == 0; i++) {
		sqlite_bind(be->statements[which[i]], 1, id);
		error = sqlite_run(be, which[i]);
	}
	return error;
}

static int
forget(struct backend *be, uint64_t id, bool job, struct backend_files *files)
{
	static const enum sqlite_statement data[] =
	    { SQL_FORGET_DATA, SQL_FORGET_JOB_DATA };
	static const enum sqlite_statement all[] =
	    { SQL_DELETE_DOCUMENTS, SQL_DELETE_JOB };
	int error;

	error = collect_files(be, id, files);
	return error != 0 ? error : run_all(be, id, job ? all : data, 2);
}

/* Ids are read first: the index they come from changes under the rest. */
static int
finished(struct backend *be, bool kept, int64_t before_ms, unsigned int limit,
    uint64_t *ids, unsigned int *n)
{
	sqlite3_stmt *st = be->statements[SQL_FINISHED];
	int more;

	sqlite_bind(st, 1, kept);
	sqlite3_bind_int64(st, 2, before_ms);
	sqlite_bind(st, 3, limit);
	for (*n = 0; (more = sqlite_row(be, SQL_FINISHED)) == 1; (*n)++)
		ids[*n] = (uint64_t)sqlite3_column_int64(st, 0);
	return more;
}

static int
forget_some(struct backend *be, bool kept, bool job, int64_t before_ms,
    unsigned int limit, struct backend_files *files, unsigned int *removed)
{
	uint64_t *ids = calloc(limit, sizeof(*ids));
	unsigned int n, i;
	int error;

	if (ids == NULL)
		return -ENOMEM;
	error = finished(be, kept, before_ms, limit, ids, &n);
	for (i = 0; i < n && error == 0; i++)
		error = forget(be, ids[i], job, files);
	*removed += n;
	free(ids);
	return error;
}

int
sqlite_expire(struct backend *be, const struct store_retention *what,
    struct backend_files *files, unsigned int *removed)
{
	sqlite3_stmt *st = be->statements[SQL_DELETE_RECORDS];
	int error = 0;

	if (what->limit == 0)
		return -EINVAL;
	if (what->data_before_ms != 0)
		error = forget_some(be, true, false, what->data_before_ms,
		    what->limit, files, removed);
	if (error == 0 && what->jobs_before_ms != 0)
		error = forget_some(be, true, true, what->jobs_before_ms,
		    what->limit, files, removed);
	if (error == 0 && what->jobs_before_ms != 0)
		error = forget_some(be, false, true, what->jobs_before_ms,
		    what->limit, files, removed);
	if (error != 0 || what->records_before_ms == 0)
		return error;
	sqlite3_bind_int64(st, 1, what->records_before_ms);
	sqlite_bind(st, 2, what->limit);
	error = sqlite_run(be, SQL_DELETE_RECORDS);
	if (error == 0)
		*removed += (unsigned int)sqlite3_changes(be->writer);
	return error;
}

/* ---- the rest -------------------------------------------------------- */

int
sqlite_note(struct backend *be, const struct store_note *note)
{
	enum sqlite_statement which = note->value != NULL ? SQL_NOTE :
	    SQL_FORGET_NOTE;
	sqlite3_stmt *st = be->statements[which];

	sqlite_bind_text(st, 1, note->kind);
	sqlite_bind_text(st, 2, note->name);
	sqlite_bind_text(st, 3, note->key);
	if (note->value != NULL)
		sqlite_bind_text(st, 4, note->value);
	return sqlite_run(be, which);
}

int
sqlite_reserve(struct backend *be, uint64_t next)
{
	sqlite_bind(be->statements[SQL_RESERVE], 1, next);
	return sqlite_run(be, SQL_RESERVE);
}

int
sqlite_has_file(struct backend *be, uint64_t job, unsigned int number,
    const char *name)
{
	sqlite3_stmt *st = be->statements[SQL_HAS_FILE];
	int result;

	sqlite3_bind_int64(st, 1, SQLITE_DOCUMENT_ID(job, number));
	sqlite_bind_text(st, 2, name);
	result = sqlite_row(be, SQL_HAS_FILE);
	if (result == 1) {
		result = sqlite3_column_int(st, 0) == 1;
		sqlite_done(st);
	}
	return result;
}
