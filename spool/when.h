/*
 * when - instants as text: UTC, RFC 3339.
 *
 * Threads    Any.
 * Units      _ms: milliseconds since 1970; 0 is never.
 */
#ifndef WHEN_H
#define WHEN_H

#include <stdint.h>

#define WHEN_LEN	40

/* "2026-03-01T09:30:00.123Z"; "" for never.  Returns buf. */
const char *when_text(int64_t ms, char buf[WHEN_LEN]);

/*
 * What when_text() writes; also with another offset, with fewer or more digits
 * of a second or none, or a date alone, which is its first instant in UTC.
 * -1: it is nothing of that.
 */
int when_parse(const char *text, int64_t *ms)
    __attribute__((warn_unused_result));

#endif /* WHEN_H */
