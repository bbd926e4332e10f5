/*
 * schema.c - see schema.h.
 */
#include <errno.h>
#include <stdio.h>

#include <sqlite3.h>

#include "schema.h"
#include "sqlite.h"

/*
 * States are numbers of RFC 8011: below 7 a job is unfinished.  rank is 101 -
 * priority, so that all columns of the order of printing rise.  The id of a
 * document is 1024 * job + number.  kept is 0 when a job's data are gone.
 */
static const char version_1[] =
"CREATE TABLE job ("
"  id INTEGER PRIMARY KEY, queue TEXT NOT NULL, user TEXT NOT NULL,"
"  host TEXT NOT NULL, title TEXT NOT NULL, port TEXT NOT NULL,"
"  why TEXT NOT NULL, rank INTEGER NOT NULL,"
"  state INTEGER NOT NULL CHECK (state BETWEEN 3 AND 9),"
"  reasons INTEGER NOT NULL, created INTEGER NOT NULL,"
"  started INTEGER NOT NULL, completed INTEGER NOT NULL,"
"  attempts INTEGER NOT NULL, restarted INTEGER NOT NULL,"
"  bytes INTEGER NOT NULL, pages INTEGER NOT NULL, place INTEGER NOT NULL,"
"  documents INTEGER NOT NULL, kept INTEGER NOT NULL);"
"CREATE INDEX job_waiting ON job (queue, rank, place) WHERE state < 7;"
"CREATE INDEX job_done ON job (kept, completed) WHERE state >= 7;"
"CREATE TABLE document ("
"  id INTEGER PRIMARY KEY, format TEXT NOT NULL, name TEXT NOT NULL,"
"  copies INTEGER NOT NULL, size INTEGER NOT NULL, sha256 BLOB NOT NULL,"
"  place INTEGER NOT NULL, file TEXT, bytes BLOB);"
"CREATE TABLE record ("
"  number INTEGER PRIMARY KEY, job INTEGER NOT NULL, queue TEXT NOT NULL,"
"  user TEXT NOT NULL, host TEXT NOT NULL, title TEXT NOT NULL,"
"  port TEXT NOT NULL, why TEXT NOT NULL, rank INTEGER NOT NULL,"
"  state INTEGER NOT NULL, reasons INTEGER NOT NULL,"
"  created INTEGER NOT NULL, started INTEGER NOT NULL,"
"  completed INTEGER NOT NULL, attempts INTEGER NOT NULL,"
"  restarted INTEGER NOT NULL, bytes INTEGER NOT NULL,"
"  pages INTEGER NOT NULL, documents INTEGER NOT NULL,"
"  sha256 TEXT NOT NULL);"
"CREATE INDEX record_completed ON record (completed);"
"CREATE TABLE note ("
"  kind TEXT NOT NULL, name TEXT NOT NULL, key TEXT NOT NULL,"
"  value TEXT NOT NULL, PRIMARY KEY (kind, name, key)) WITHOUT ROWID;"
"CREATE TABLE sequence (one INTEGER PRIMARY KEY CHECK (one = 1),"
"  next INTEGER NOT NULL, touched INTEGER NOT NULL);"
"INSERT INTO sequence VALUES (1, 1, 0);";

/* What else a client said. */
static const char version_2[] =
"ALTER TABLE job ADD COLUMN extra TEXT NOT NULL DEFAULT '';";

const char *const schema_steps[] = { version_1, version_2 };
const size_t schema_n_steps = sizeof(schema_steps) / sizeof(schema_steps[0]);

static int
one_step(sqlite3 *db, const char *step, size_t version)
{
	char pragma[64];
	int rc;

	snprintf(pragma, sizeof(pragma), "PRAGMA user_version = %zu", version);
	rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, step, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, pragma, NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_exec(db, "COMMIT", NULL, NULL, NULL);
	if (rc == SQLITE_OK)
		return 0;
	rc = sqlite_error(db, rc);
	if (!sqlite3_get_autocommit(db))
		sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
	return rc;
}

int
schema_upgrade(sqlite3 *db, const char *const *steps, size_t n_steps)
{
	int64_t version;
	int error;

	error = sqlite_number(db, "PRAGMA user_version", &version);
	if (error != 0)
		return error;
	if (version < 0 || (size_t)version > n_steps)
		return -EPROTO;
	for (; (size_t)version < n_steps; version++) {
		error = one_step(db, steps[version], (size_t)version + 1);
		if (error != 0)
			return error;
	}
	return 0;
}
