/*
 * banner - a page that is printed in front of a job and says whose it is.
 *
 * A template is in whatever language the printer speaks, with names in it:
 * ${user} ${host} ${title} ${class} ${queue} ${job} ${date}; "$${" stands for
 * "${".  (Braces alone are PostScript's own, and a % begins its comments.)
 *
 * The values come from clients, who must not get to speak that language:
 *
 *	anywhere	Control characters are left out: ESC and UEL, the end of
 *			a line, ^D.  What is not ASCII becomes a '?', or, if the
 *			page is said to be UTF-8, stays if it is that.  There
 *			are BANNER_VALUE_LEN characters at most.
 *	PostScript	From a line with %! in front up to a UEL.  A name must
 *			stand between ( and ), or in a comment.  ( ) and \ get a
 *			\, and what is not harmless is written in octal.
 *	elsewhere	What some language takes for the beginning of a command,
 *			or for the end of a text, becomes a character that looks
 *			like it and does nothing: see banner.c.
 *
 * Lifecycle  banner_new() .. banner_free().  It is never changed.
 * Ownership  Copies the template.
 * Errors     banner_new(): NULL, and what is wrong with the template in fault.
 * Threads    Any; pure.
 * Units      Bytes, but for characters where they are named.
 */
#ifndef BANNER_H
#define BANNER_H

#include <stdbool.h>
#include <stddef.h>

struct banner;

enum banner_field {
	BANNER_USER,
	BANNER_HOST,
	BANNER_TITLE,
	BANNER_CLASS,
	BANNER_QUEUE,
	BANNER_JOB,
	BANNER_DATE,
	BANNER_FIELDS
};

/* A page with its values has no more. */
#define BANNER_LEN		((size_t)64 << 10)
/* Characters of a value. */
#define BANNER_VALUE_LEN	100

/* Line 0: the template as a whole. */
struct banner_fault {
	int	line;
	char	text[256];
};

/* bytes NULL: the page of our own, in plain text. */
struct banner *banner_new(const char *bytes, size_t len, bool utf8,
    struct banner_fault *fault) __attribute__((warn_unused_result));
void banner_free(struct banner *banner);

/* The MIME type that the template seems to have. */
const char *banner_format(const struct banner *banner);

/* The page, to be freed; NULL: no memory.  A value may be NULL for "". */
char *banner_print(const struct banner *banner,
    const char *const values[BANNER_FIELDS], size_t *len)
    __attribute__((warn_unused_result));

#endif /* BANNER_H */
