/*
 * sqlite_read.c - rows become jobs; what the reading connection is asked.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite.h"

/* A page of a list has no more than this. */
#define LIST_MAX	100000

char *
sqlite_text(sqlite3_stmt *st, int column)
{
	const unsigned char *text = sqlite3_column_text(st, column);

	return strdup(text != NULL ? (const char *)text : "");
}

static const char *
borrow(sqlite3_stmt *st, int column)
{
	return (const char *)sqlite3_column_text(st, column);
}

static uint64_t
number(sqlite3_stmt *st, int column)
{
	return (uint64_t)sqlite3_column_int64(st, column);
}

/* What is read is not believed: bits flip. */
int
sqlite_job(sqlite3_stmt *st, struct job **out)
{
	int rank = sqlite3_column_int(st, 7);
	int state = sqlite3_column_int(st, 8);
	struct job_about about = {
		.queue = borrow(st, 1), .user = borrow(st, 2),
		.host = borrow(st, 3), .title = borrow(st, 4),
		.priority = (uint32_t)(101 - rank),
		.created_ms = sqlite3_column_int64(st, 10),
		.extra = borrow(st, 19),
	};
	struct job *job;

	if (state < JOB_PENDING || state >= JOB_STATE_END || rank < 1 ||
	    rank > 100)
		return -EUCLEAN;
	job = job_new(number(st, 0), &about);
	if (job == NULL)
		return -ENOMEM;
	if (job_set(&job->port, borrow(st, 5)) == -1 ||
	    job_set(&job->why, borrow(st, 6)) == -1) {
		job_free(job);
		return -ENOMEM;
	}
	job->state = (enum job_state)state;
	job->reasons = (uint32_t)number(st, 9) & (JOB_REASON_END - 1);
	job->started_ms = sqlite3_column_int64(st, 11);
	job->completed_ms = sqlite3_column_int64(st, 12);
	job->attempts = (uint32_t)number(st, 13);
	job->restarted = sqlite3_column_int(st, 14) != 0;
	job->bytes = number(st, 15);
	job->pages = number(st, 16);
	job->order = number(st, 17);
	*out = job;
	return 0;
}

void
job_list_free(struct job_list *list)
{
	size_t i;

	if (list == NULL)
		return;
	for (i = 0; i < list->n; i++)
		job_free(list->jobs[i]);
	free(list->jobs);
	free(list);
}

/* ---- lists ----------------------------------------------------------- */

/* All by number, so that what is asked does not matter to what is bound. */
static sqlite3_stmt *
prepare_list(struct backend *be, const struct store_filter *f)
{
	static const char *const which[] = {
		[STORE_UNFINISHED] = " INDEXED BY job_waiting WHERE state < 7",
		[STORE_FINISHED] = " WHERE state >= 7",
		[STORE_ALL] = " WHERE true",
	};
	sqlite3_stmt *st = NULL;
	char sql[1024];

	snprintf(sql, sizeof(sql), "SELECT " SQLITE_JOB_COLUMNS
	    " FROM job%s%s%s%s%s%s LIMIT ?7", which[f->which],
	    f->queue != NULL ? " AND queue = ?1" : "",
	    f->user != NULL ? " AND user = ?2" : "",
	    f->host != NULL ? " AND host = ?3" : "",
	    f->after == NULL ? "" : f->in_order ?
	    " AND (rank, place) > (?5, ?6)" : " AND id > ?4",
	    f->in_order ? " ORDER BY rank, place" : " ORDER BY id");
	if (sqlite3_prepare_v2(be->reader, sql, -1, &st, NULL) != SQLITE_OK)
		return NULL;
	if (f->queue != NULL)
		sqlite_bind_text(st, 1, f->queue);
	if (f->user != NULL)
		sqlite_bind_text(st, 2, f->user);
	if (f->host != NULL)
		sqlite_bind_text(st, 3, f->host);
	if (f->after != NULL && !f->in_order)
		sqlite_bind(st, 4, f->after->id);
	if (f->after != NULL && f->in_order) {
		sqlite_bind(st, 5, 101 - f->after->priority);
		sqlite_bind(st, 6, f->after->order);
	}
	sqlite_bind(st, 7, f->limit);
	return st;
}

int
sqlite_list(struct backend *be, const struct store_filter *f,
    struct job_list *list)
{
	sqlite3_stmt *st;
	int error = 0;
	int rc = SQLITE_DONE;

	if (f->limit == 0 || f->limit > LIST_MAX || (f->in_order &&
	    (f->which != STORE_UNFINISHED || f->queue == NULL)))
		return -EINVAL;
	list->jobs = calloc(f->limit, sizeof(*list->jobs));
	if (list->jobs == NULL)
		return -ENOMEM;
	st = prepare_list(be, f);
	if (st == NULL)
		return sqlite_error(be->reader,
		    sqlite3_extended_errcode(be->reader));
	while (error == 0 && (rc = sqlite3_step(st)) == SQLITE_ROW) {
		error = sqlite_job(st, &list->jobs[list->n]);
		if (error == 0)
			list->n++;
	}
	sqlite3_finalize(st);
	return error != 0 ? error : sqlite_error(be->reader, rc);
}

/* ---- one job --------------------------------------------------------- */

static int
prepare(struct backend *be, const char *sql, sqlite3_stmt **st)
{
	return sqlite_error(be->reader,
	    sqlite3_prepare_v2(be->reader, sql, -1, st, NULL));
}

/* doc owns its strings already, if it has any. */
static int
read_document(sqlite3_stmt *st, struct job_document *doc)
{
	const void *digest = sqlite3_column_blob(st, 4);
	int place = sqlite3_column_int(st, 5);

	if (digest == NULL || sqlite3_column_bytes(st, 4) != JOB_SHA256_LEN ||
	    place < JOB_IN_RECORD || place > JOB_GONE)
		return -EUCLEAN;
	memcpy(doc->sha256, digest, JOB_SHA256_LEN);
	doc->place = (enum job_place)place;
	doc->copies = (uint32_t)number(st, 2);
	doc->size = number(st, 3);
	if (doc->place != JOB_IN_FILE)
		return 0;
	doc->file = sqlite_text(st, 6);
	return doc->file != NULL ? 0 : -ENOMEM;
}

static int
add_document(sqlite3_stmt *st, struct job *job)
{
	struct job_about_document about = {
		.format = borrow(st, 0), .name = borrow(st, 1),
	};
	struct job_document *doc = job_add_document(job, &about);

	return doc != NULL ? read_document(st, doc) : -errno;
}

/* Parsed once, for these are asked about every job. */
static int
question(struct backend *be, enum sqlite_question which, sqlite3_stmt **st)
{
	static const char *const texts[SQL_QUESTIONS] = {
		[SQL_ONE_JOB] = ("SELECT " SQLITE_JOB_COLUMNS " FROM job "
		    "WHERE id = ?1"),
		[SQL_ITS_DOCUMENTS] = ("SELECT format, name, copies, size, "
		    "sha256, place, file FROM document WHERE id BETWEEN "
		    "?1 << 10 AND ?1 << 10 | 1023 ORDER BY id"),
		[SQL_ONE_DOCUMENT] = ("SELECT format, name, copies, size, "
		    "sha256, place, file, bytes FROM document WHERE id = ?1"),
	};
	int rc = SQLITE_OK;

	if (be->questions[which] == NULL)
		rc = sqlite3_prepare_v3(be->reader, texts[which], -1,
		    SQLITE_PREPARE_PERSISTENT, &be->questions[which], NULL);
	*st = be->questions[which];
	return sqlite_error(be->reader, rc);
}

static int
add_documents(struct backend *be, struct job *job)
{
	sqlite3_stmt *st;
	int rc, error;

	error = question(be, SQL_ITS_DOCUMENTS, &st);
	if (error != 0)
		return error;
	sqlite_bind(st, 1, job->id);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && error == 0)
		error = add_document(st, job);
	error = error != 0 ? error : sqlite_error(be->reader, rc);
	sqlite_done(st);
	return error;
}

int
sqlite_get(struct backend *be, uint64_t id, struct job **job)
{
	sqlite3_stmt *st;
	int error, rc;

	error = question(be, SQL_ONE_JOB, &st);
	if (error != 0)
		return error;
	sqlite_bind(st, 1, id);
	rc = sqlite3_step(st);
	error = rc == SQLITE_ROW ? sqlite_job(st, job) :
	    rc == SQLITE_DONE ? -ENOENT : sqlite_error(be->reader, rc);
	sqlite_done(st);
	if (error != 0)
		return error;
	error = add_documents(be, *job);
	if (error != 0) {
		job_free(*job);
		*job = NULL;
	}
	return error;
}

static int
read_bytes(sqlite3_stmt *st, const struct job_document *doc, void **bytes)
{
	const void *blob = sqlite3_column_blob(st, 7);
	size_t len = (size_t)sqlite3_column_bytes(st, 7);

	if (len != doc->size)
		return -EUCLEAN;
	*bytes = malloc(len > 0 ? len : 1);
	if (*bytes == NULL)
		return -ENOMEM;
	if (len > 0)
		memcpy(*bytes, blob, len);
	return 0;
}

int
sqlite_document(struct backend *be, uint64_t id, unsigned int no,
    struct job_document *doc, void **bytes)
{
	sqlite3_stmt *st;
	int error, rc;

	if (no < 1 || no > JOB_DOCUMENTS_MAX)
		return -ENOENT;
	error = question(be, SQL_ONE_DOCUMENT, &st);
	if (error != 0)
		return error;
	sqlite3_bind_int64(st, 1, SQLITE_DOCUMENT_ID(id, no));
	rc = sqlite3_step(st);
	error = rc == SQLITE_ROW ? read_document(st, doc) :
	    rc == SQLITE_DONE ? -ENOENT : sqlite_error(be->reader, rc);
	if (error == 0 && doc->place == JOB_IN_RECORD)
		error = read_bytes(st, doc, bytes);
	sqlite_done(st);
	return error;
}

/* ---- accounting ------------------------------------------------------ */

void
job_record_list_free(struct job_record_list *list)
{
	struct job_record *r;
	size_t i;

	if (list == NULL)
		return;
	for (i = 0; i < list->n; i++) {
		r = &list->records[i];
		free(r->job.queue);
		free(r->job.user);
		free(r->job.host);
		free(r->job.title);
		free(r->job.port);
		free(r->job.why);
		free(r->job.extra);
		free(r->sha256);
	}
	free(list->records);
	free(list);
}

static int
add_record(sqlite3_stmt *st, struct job_record_list *list)
{
	struct job_record *r = &list->records[list->n];
	struct job *job;
	int error;

	error = sqlite_job(st, &job);
	if (error != 0)
		return error;
	*r = (struct job_record){
		.documents = number(st, 18),
		.number = number(st, 20),
		.job = *job,			/* and its strings */
		.sha256 = sqlite_text(st, 21),
	};
	free(job);
	list->n++;
	return r->sha256 != NULL ? 0 : -ENOMEM;
}

int
sqlite_records(struct backend *be, const struct store_period *period,
    struct job_record_list *list)
{
	sqlite3_stmt *st;
	int error, rc;

	if (period->limit == 0 || period->limit > LIST_MAX)
		return -EINVAL;
	list->records = calloc(period->limit, sizeof(*list->records));
	if (list->records == NULL)
		return -ENOMEM;
	error = prepare(be, "SELECT job, queue, user, host, title, port, "
	    "why, rank, state, reasons, created, started, completed, "
	    "attempts, restarted, bytes, pages, 0, documents, '', number, "
	    "sha256 "
	    "FROM record WHERE number > ?1 AND completed >= ?2 AND "
	    "completed < ?3 ORDER BY number LIMIT ?4", &st);
	if (error != 0)
		return error;
	sqlite_bind(st, 1, period->after);
	sqlite3_bind_int64(st, 2, period->from_ms);
	sqlite3_bind_int64(st, 3, period->to_ms);
	sqlite_bind(st, 4, period->limit);
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && error == 0)
		error = add_record(st, list);
	sqlite3_finalize(st);
	return error != 0 ? error : sqlite_error(be->reader, rc);
}

/* ---- notes ----------------------------------------------------------- */

void
store_note_list_free(struct store_note_list *list)
{
	size_t i;

	if (list == NULL)
		return;
	for (i = 0; i < list->n; i++) {
		free(list->notes[i].kind);
		free(list->notes[i].name);
		free(list->notes[i].key);
		free(list->notes[i].value);
	}
	free(list->notes);
	free(list);
}

static int
add_note(sqlite3_stmt *st, struct store_note_list *list)
{
	struct store_note *notes, *note;

	notes = reallocarray(list->notes, list->n + 1, sizeof(*notes));
	if (notes == NULL)
		return -ENOMEM;
	list->notes = notes;
	note = &notes[list->n++];
	*note = (struct store_note){
		.kind = sqlite_text(st, 0), .name = sqlite_text(st, 1),
		.key = sqlite_text(st, 2), .value = sqlite_text(st, 3),
	};
	return note->kind != NULL && note->name != NULL &&
	    note->key != NULL && note->value != NULL ? 0 : -ENOMEM;
}

int
sqlite_notes(struct backend *be, struct store_note_list *list)
{
	sqlite3_stmt *st;
	int error, rc;

	error = prepare(be, "SELECT kind, name, key, value FROM note", &st);
	if (error != 0)
		return error;
	while ((rc = sqlite3_step(st)) == SQLITE_ROW && error == 0)
		error = add_note(st, list);
	sqlite3_finalize(st);
	return error != 0 ? error : sqlite_error(be->reader, rc);
}
