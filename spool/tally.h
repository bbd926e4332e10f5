/*
 * tally - how many unfinished jobs and bytes a queue or a client has.
 *
 * Counters in memory, kept up with every step of a job, so that limits can be
 * checked for each connection without a question to the database.
 *
 * Lifecycle  tally_new(), tally_free().
 * Errors     None: for lack of memory a job stays uncounted.
 * Threads    One.
 */
#ifndef TALLY_H
#define TALLY_H

#include <stdint.h>

#include "job.h"

struct tally;

struct tally_count {
	uint64_t	jobs[JOB_STATE_END];	/* by state; finished: 0 */
	uint64_t	total;			/* unfinished jobs */
	uint64_t	bytes;			/* of those */
};

struct tally *tally_new(void) __attribute__((warn_unused_result));
void tally_free(struct tally *tally);

/* 0 for a state: the job comes into being, or goes. */
void tally_move(struct tally *tally, const char *name, enum job_state from,
    enum job_state to, uint64_t bytes);

/* All zero for a name never heard of. */
const struct tally_count *tally_get(const struct tally *tally,
    const char *name);

#endif /* TALLY_H */
