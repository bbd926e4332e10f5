/*
 * duplicates - jobs that a client may send again, because its connection broke
 * when the job was in already.
 *
 * A table of bounded size: client, queue, size and SHA-256 of jobs whose
 * client did not hear that they were accepted.  Pure: time comes in.
 *
 * Lifecycle  duplicates_new() .. duplicates_free().
 * Errors     For lack of memory, or past DUPLICATES_MAX entries (the oldest
 *            goes), a repeat is printed: never the other way round.
 * Threads    None.
 * Units      _ms: milliseconds of any clock that does not jump.
 */
#ifndef DUPLICATES_H
#define DUPLICATES_H

#include <stdint.h>

struct duplicates;
struct job;

#define DUPLICATES_MAX	4096

struct duplicates *duplicates_new(void) __attribute__((warn_unused_result));
void duplicates_free(struct duplicates *duplicates);

/* The client of this job does not know that it is accepted. */
void duplicates_remember(struct duplicates *duplicates, const struct job *job,
    int64_t now_ms);

/*
 * Is this job the same as one remembered in the last window_ms?  Its id, or 0.
 * What matched is forgotten: one break excuses one repeat.
 */
uint64_t duplicates_match(struct duplicates *duplicates,
    const struct job *job, int64_t window_ms, int64_t now_ms);

#endif /* DUPLICATES_H */
