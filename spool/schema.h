/*
 * schema - the tables, and how an older database becomes a newer one.
 *
 * Each version is one step from the one before; the number that is reached
 * is in the database (PRAGMA user_version), changed in the same transaction
 * as the tables.
 *
 * Errors     0 or a negative errno; -EPROTO: the database is newer than the
 *            steps, and was left alone.
 * Threads    That of the connection.
 */
#ifndef SCHEMA_H
#define SCHEMA_H

#include <stddef.h>

struct sqlite3;

/* Step i leads from version i to i + 1; version 0 is an empty database. */
extern const char *const schema_steps[];
extern const size_t schema_n_steps;

int schema_upgrade(struct sqlite3 *db, const char *const *steps,
    size_t n_steps) __attribute__((warn_unused_result));

#endif /* SCHEMA_H */
