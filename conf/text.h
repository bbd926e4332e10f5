/*
 * text - strings that came from a file: judged, quoted, joined.
 *
 * Ownership  text_path() returns a new string; all else borrows.
 * Errors     NULL is: no memory.
 * Threads    Any.
 * Units      Lengths in bytes.
 */
#ifndef TEXT_H
#define TEXT_H

#include <stdbool.h>
#include <stddef.h>

/* Longest text that text_quote() makes, with NUL. */
#define TEXT_QUOTE_LEN	96

/*
 * Length of the UTF-8 character at s, of which len bytes are there, if it may
 * stand in a line of text; 0 for what is no UTF-8 and for control characters
 * (tab is none).
 */
size_t text_char(const char *s, size_t len);

/*
 * s in quotes for a message: what is no text as \xNN, no more than some 80
 * bytes, and "..." for the rest.  Returns buf.
 */
const char *text_quote(const char *s, char buf[TEXT_QUOTE_LEN]);

/*
 * path, made absolute with the directory base if it is relative.  Only "."
 * and ".." in its front are resolved, and by name: no file is looked at.
 */
char *text_path(const char *base, const char *path);

#endif /* TEXT_H */
