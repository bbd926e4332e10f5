/*
 * account - accounting records as CSV (RFC 4180) and JSON.
 *
 * Lifecycle  None: each call writes one piece to a stream.
 * Errors     0, or -1 when the stream has an error or memory is short.
 * Threads    Any.
 * Units      Times come out in UTC, as RFC 3339 with milliseconds.
 */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include <stdio.h>

struct job_record;

int account_csv_header(FILE *out) __attribute__((warn_unused_result));
int account_csv(FILE *out, const struct job_record *record)
    __attribute__((warn_unused_result));

/* One object, without a line's end: what goes between them is the caller's. */
int account_json(FILE *out, const struct job_record *record)
    __attribute__((warn_unused_result));

#endif /* ACCOUNT_H */
