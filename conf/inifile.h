/*
 * inifile - an ini file as sections and entries, each with its line.
 *
 * inih splits the lines.  What it cannot do as distributions build it (lines
 * of 200 bytes, names of 50, no line numbers) is done around it here: it is
 * fed with short lines, and what is malformed is never shown to it.
 *
 * Lifecycle  inifile_read() makes one, inifile_free() ends it.
 * Ownership  An inifile owns all its strings and arrays.
 * Errors     What is malformed is added to the errors, and reading goes on.
 *            NULL, with an error added: it could not be read at all.
 * Threads    Any.
 */
#ifndef INIFILE_H
#define INIFILE_H

#include <stddef.h>

#include "conf.h"

#define INIFILE_LINE_LEN	4096		/* longest line, in bytes */
#define INIFILE_KEY_LEN		49		/* longest key */
#define INIFILE_SIZE		(16 << 20)	/* largest file */

/* Longest text of inifile_title(), with NUL. */
#define INIFILE_TITLE_LEN	96

/* [type name] */
struct inifile_section {
	char	*type;		/* NULL: malformed and reported; skip it */
	char	*name;		/* NULL: none */
	int	 line;
	size_t	 first;		/* its entries, in the order of the file */
	size_t	 n;
};

/* key = value; the value has no white space around it, and no comment. */
struct inifile_entry {
	char	*key;
	char	*value;
	int	 line;
};

struct inifile {
	char			*path;		/* as given, for messages */
	char			*absolute;
	char			*directory;	/* for relative paths in it */
	struct inifile_section	*sections;
	size_t			 n_sections;
	struct inifile_entry	*entries;
	size_t			 n_entries;
};

struct inifile *inifile_read(const char *path, struct conf_errors *errors)
    __attribute__((warn_unused_result));
void inifile_free(struct inifile *file);

/* First entry of a section with this key, or NULL. */
const struct inifile_entry *inifile_find(const struct inifile *file,
    const struct inifile_section *section, const char *key);

/* "[type name]" for a message; a name that is too long is not shown. */
const char *inifile_title(const struct inifile_section *section,
    char buf[INIFILE_TITLE_LEN]);

#endif /* INIFILE_H */
