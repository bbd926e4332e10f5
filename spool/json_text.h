/*
 * json_text - a text of a stranger as a JSON string.
 *
 * What clients say about their jobs is bytes; JSON knows UTF-8 alone.
 *
 * Errors     NULL: no memory.
 * Threads    Any.
 */
#ifndef JSON_TEXT_H
#define JSON_TEXT_H

#include <jansson.h>

/* Each byte that is no UTF-8 becomes U+FFFD.  The caller owns the result. */
json_t *json_text(const char *text) __attribute__((warn_unused_result));

#endif /* JSON_TEXT_H */
