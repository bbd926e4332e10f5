/*
 * table - texts in columns, for people.
 *
 * Texts come from strangers: what could move a cursor, end a line or turn the
 * direction of writing is shown as "?".  Columns are as wide as what is in
 * them; on a terminal those that may be cut are, until a line fits, and
 * columns without anything are left out.
 *
 * Lifecycle  table_new() .. table_free().
 * Ownership  Copies its cells; borrows the columns.
 * Errors     Without memory it is not printed: table_print() says -1.
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct table;

struct column {
	const char	*head;
	bool		 right;		/* aligned there */
	size_t		 least;		/* may be cut down to this; 0: never */
};

struct table *table_new(const struct column *columns, size_t n)
    __attribute__((warn_unused_result));
void table_free(struct table *table);

/* The next cell, from left to right and top to bottom; NULL is "". */
void table_add(struct table *table, const char *text);
void table_addf(struct table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* width: of the terminal; 0: out is none. */
int table_print(struct table *table, FILE *out, size_t width)
    __attribute__((warn_unused_result));

/* Width of the terminal that out is, or 0. */
size_t table_width(FILE *out);

/*
 * A copy that can be shown; on a terminal that does not speak UTF-8 it is
 * ASCII.  NULL: no memory.
 */
char *table_clean(const char *text, bool terminal)
    __attribute__((warn_unused_result));

#endif /* TABLE_H */
