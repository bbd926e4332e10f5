/*
 * handle - numbers that stand for live objects, and are refused when dead.
 *
 * A handle is index + generation + kind.  A stale one (closed), a foreign one
 * (never given out) and one of the wrong kind are told from a good one, so a
 * module is never called with an object that is gone.
 *
 * Lifecycle  handle_table_new() .. handle_table_free().
 * Ownership  The table owns no object; it borrows pointers until they are
 *            closed.
 * Errors     0 is never a handle.  Lookups return NULL.
 * Threads    None.
 */
#ifndef HANDLE_H
#define HANDLE_H

#include <stddef.h>
#include <stdint.h>

typedef uint64_t handle;	/* a number, not a pointer */

enum handle_kind { HANDLE_MONITOR = 1, HANDLE_PORT, HANDLE_XCV };

struct handle_table;

struct handle_table *handle_table_new(void);
void handle_table_free(struct handle_table *table);

/* A new handle for object; 0 if there is no memory. */
handle handle_open(struct handle_table *table, enum handle_kind kind,
    void *object);

/* The object, or NULL for a handle that is stale, foreign or of other kind. */
void *handle_get(const struct handle_table *table, enum handle_kind kind,
    handle number);

/* The same, and the handle is dead afterwards. */
void *handle_close(struct handle_table *table, enum handle_kind kind,
    handle number);

/* Any live handle of this kind, the youngest first; 0 if there is none. */
handle handle_last(const struct handle_table *table, enum handle_kind kind);

#endif /* HANDLE_H */
