/*
 * conf_keys - every key of the ini file, in one table.
 *
 * A key knows its section, its type, its place in the section's struct, its
 * default and its bounds, and that is all that is said about it in code: the
 * functions here work on any key.
 *
 * Ownership  What conf_keys_set() and conf_keys_preset() put into an object is
 *            the object's; conf_keys_clear() frees it.
 * Errors     0 / -1; conf_keys_set() says in words what would be right.
 * Threads    Any; the table is constant.
 */
#ifndef CONF_KEYS_H
#define CONF_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "conf.h"

enum conf_section {
	CONF_SECTION_DAEMON,	/* struct conf_daemon; the one without name */
	CONF_SECTION_LISTENER,	/* struct conf_listener */
	CONF_SECTION_QUEUE,	/* struct conf_queue */
	CONF_SECTION_PORT,	/* struct conf_port */
	CONF_SECTIONS
};

enum conf_type {
	CONF_STRING,		/* char * */
	CONF_PATH,		/* char *, made absolute */
	CONF_LIST,		/* struct conf_list */
	CONF_PATHS,		/* struct conf_list, each made absolute */
	CONF_BOOL,		/* bool */
	CONF_NUMBER,		/* int64_t, in min..max, as are the next two */
	CONF_SIZE,
	CONF_TIME,
	CONF_CHOICE		/* enum, the index of the word in choices */
};

struct conf_key {
	enum conf_section	 section;
	const char		*name;
	enum conf_type		 type;
	size_t			 offset;	/* in the section's struct */
	const char		*preset;	/* default; NULL: unset */
	bool			 required;	/* has no default */
	bool			 restart;	/* a reload cannot change it */
	bool			 spool_only;	/* nothing to a stream queue */
	bool			 raw_only;	/* nothing to an LPD listener */
	bool			 lpd_only;	/* nothing to a RAW listener */
	int64_t			 min, max;
	const char *const	*choices;	/* NULL behind the last */
	const char		*help;		/* one line */
};

/* Longest text of conf_keys_set(), with NUL. */
#define CONF_PROBLEM_LEN	512

/* Sorted by section; name NULL ends it. */
extern const struct conf_key conf_keys[];

/* "daemon", "listener", "queue", "port" */
extern const char *const conf_section_names[CONF_SECTIONS];

const struct conf_key *conf_keys_find(enum conf_section section,
    const char *name);

/* The key of the section that may be meant by name, or NULL. */
const char *conf_keys_nearest(enum conf_section section, const char *name);

bool conf_keys_is_list(const struct conf_key *key);

/* Put the defaults into an object that is all zero.  -1: no memory. */
int conf_keys_preset(enum conf_section section, void *object)
    __attribute__((warn_unused_result));
void conf_keys_clear(enum conf_section section, void *object);

/*
 * Put a value into the object; relative paths start at directory.  A list is
 * added to, unless replace is set.  -1: problem says what was found and what
 * would be right, and the object is as it was.
 */
int conf_keys_set(const struct conf_key *key, void *object, const char *value,
    const char *directory, bool replace, char problem[CONF_PROBLEM_LEN])
    __attribute__((warn_unused_result));

bool conf_keys_equal(const struct conf_key *key, const void *a,
    const void *b);

/*
 * Print "key = value", a line for each item of a list, with a mark if it is
 * the default; "; key =" if it is unset.  Each line starts with prefix.
 */
void conf_keys_print(const struct conf_key *key, const void *object,
    bool is_default, const char *prefix, FILE *out);

/* The same line for what is in no table. */
void conf_keys_print_text(const char *name, const char *value,
    bool is_default, const char *prefix, FILE *out);

/*
 * Add the items of text, which stand between white space and commas; in
 * quotes an item may hold those too, and "" is a quote.  With a directory they
 * are paths.  -1 with errno, EINVAL for a quote without end; list as it was.
 */
int conf_list_add(struct conf_list *list, const char *text,
    const char *directory) __attribute__((warn_unused_result));
void conf_list_clear(struct conf_list *list);

#endif /* CONF_KEYS_H */
