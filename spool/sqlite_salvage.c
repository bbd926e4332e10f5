/*
 * sqlite_salvage.c - what a damaged database still tells.
 *
 * Its jobs are looked for from both ends, so that one bad page hides only
 * what is on it; each is copied by itself, and one that cannot be is left.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "schema.h"
#include "sqlite.h"

/* Numbers in the order found; the same one twice does no harm. */
struct ids {
	sqlite3_int64	*list;		/* owned */
	size_t		 n;
};

static bool
add(struct ids *ids, sqlite3_int64 id)
{
	sqlite3_int64 *list = ids->list;

	if ((ids->n & (ids->n - 1)) == 0)
		list = reallocarray(list, ids->n == 0 ? 1 : ids->n * 2,
		    sizeof(*list));
	if (list == NULL)
		return false;
	ids->list = list;
	list[ids->n++] = id;
	return true;
}

static void
collect(sqlite3 *db, const char *sql, struct ids *ids)
{
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(db, sql, -1, &st, NULL) != SQLITE_OK)
		return;
	while (sqlite3_step(st) == SQLITE_ROW &&
	    add(ids, sqlite3_column_int64(st, 0)))
		continue;
	sqlite3_finalize(st);
}

/* One row, as it is, into the table of the same name. */
static bool
put(sqlite3_stmt *row, sqlite3_stmt *insert, sqlite3 *to)
{
	int i;

	for (i = 0; i < sqlite3_column_count(row); i++)
		sqlite3_bind_value(insert, i + 1,
		    sqlite3_column_value(row, i));
	sqlite3_step(insert);
	return sqlite3_reset(insert) == SQLITE_OK && sqlite3_changes(to) == 1;
}

static sqlite3_stmt *
prepare_insert(sqlite3 *to, const char *table, int columns)
{
	sqlite3_stmt *insert = NULL;
	char places[128] = "?";
	char sql[256];
	int i;

	for (i = 1; i < columns && i < 60; i++)
		strcat(places, ",?");
	snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO %s VALUES (%s)",
	    table, places);
	if (sqlite3_prepare_v2(to, sql, -1, &insert, NULL) != SQLITE_OK)
		return NULL;
	return insert;
}

/*
 * Rows of table with keys in [first, last]; how many went over before one
 * could not be read.
 */
static int
copy(sqlite3 *from, sqlite3 *to, const char *table, const char *key,
    sqlite3_int64 first, sqlite3_int64 last)
{
	sqlite3_stmt *row, *insert;
	char sql[256];
	int n = 0;

	snprintf(sql, sizeof(sql), "SELECT * FROM %s WHERE %s BETWEEN ?1 AND "
	    "?2", table, key);
	if (sqlite3_prepare_v2(from, sql, -1, &row, NULL) != SQLITE_OK)
		return 0;
	sqlite3_bind_int64(row, 1, first);
	sqlite3_bind_int64(row, 2, last);
	insert = prepare_insert(to, table, sqlite3_column_count(row));
	while (insert != NULL && sqlite3_step(row) == SQLITE_ROW)
		n += put(row, insert, to);
	sqlite3_finalize(insert);
	sqlite3_finalize(row);
	return n;
}

/* The number of documents is what it should be: the job is whole. */
static bool
hold(sqlite3 *to, sqlite3_int64 id)
{
	static const char sql[] = "UPDATE job SET why = CASE WHEN "
	    "state < 7 THEN 'saved from a damaged database' ELSE why END, "
	    "reasons = CASE WHEN state < 7 THEN 8 ELSE reasons END, "
	    "restarted = restarted OR state IN (5, 6), "
	    "state = CASE WHEN state < 7 THEN 4 ELSE state END "
	    "WHERE id = ?1 AND documents = (SELECT count(*) FROM "
	    "document WHERE id BETWEEN ?1 << 10 AND ?1 << 10 | 1023)";
	sqlite3_stmt *st;

	if (sqlite3_prepare_v2(to, sql, -1, &st, NULL) != SQLITE_OK)
		return false;
	sqlite3_bind_int64(st, 1, id);
	sqlite3_step(st);
	return sqlite3_finalize(st) == SQLITE_OK && sqlite3_changes(to) == 1;
}

/* A job goes in whole or not at all. */
static int
copy_job(sqlite3 *from, sqlite3 *to, sqlite3_int64 id)
{
	bool done;

	sqlite3_exec(to, "SAVEPOINT one", NULL, NULL, NULL);
	done = copy(from, to, "job", "id", id, id) == 1;
	if (done) {
		copy(from, to, "document", "id", SQLITE_DOCUMENT_ID(id, 0),
		    SQLITE_DOCUMENT_ID(id, JOB_DOCUMENTS_MAX));
		done = hold(to, id);
	}
	if (!done)
		sqlite3_exec(to, "ROLLBACK TO one", NULL, NULL, NULL);
	sqlite3_exec(to, "RELEASE one", NULL, NULL, NULL);
	return done;
}

static void
copy_sequence(sqlite3 *from, sqlite3 *to)
{
	sqlite3_stmt *st;
	int64_t next;

	if (sqlite_number(from, "SELECT next FROM sequence", &next) != 0 ||
	    sqlite3_prepare_v2(to, "UPDATE sequence SET next = max(next, ?1)",
	    -1, &st, NULL) != SQLITE_OK)
		return;
	sqlite3_bind_int64(st, 1, next);
	sqlite3_step(st);
	sqlite3_finalize(st);
}

static int
copy_all(sqlite3 *from, sqlite3 *to)
{
	struct ids ids = { 0 };
	int jobs = 0;
	size_t i;

	collect(from, "SELECT id FROM job NOT INDEXED ORDER BY id", &ids);
	collect(from, "SELECT id FROM job NOT INDEXED ORDER BY id DESC", &ids);
	for (i = 0; i < ids.n; i++)
		jobs += copy_job(from, to, ids.list[i]);
	free(ids.list);
	copy(from, to, "record", "number", 0, INT64_MAX);
	copy(from, to, "note", "1", 1, 1);
	copy_sequence(from, to);
	return jobs;
}

int
sqlite_salvage(struct backend *be, const char *file)
{
	sqlite3 *from, *to = be->writer;
	int64_t version;
	int jobs = 0;

	/* The columns of another version are not those that are copied. */
	if (sqlite3_open_v2(file, &from, SQLITE_OPEN_READWRITE |
	    SQLITE_OPEN_NOMUTEX, NULL) == SQLITE_OK &&
	    sqlite_number(from, "PRAGMA user_version", &version) == 0 &&
	    version == (int64_t)schema_n_steps && sqlite3_exec(to,
	    "BEGIN IMMEDIATE", NULL, NULL, NULL) == SQLITE_OK) {
		jobs = copy_all(from, to);
		if (sqlite3_exec(to, "COMMIT", NULL, NULL, NULL) != SQLITE_OK)
			jobs = 0;
		if (!sqlite3_get_autocommit(to))
			sqlite3_exec(to, "ROLLBACK", NULL, NULL, NULL);
	}
	sqlite3_close(from);
	return jobs;
}
