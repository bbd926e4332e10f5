/*
 * sequence - ids of jobs: rising, never given twice.
 *
 * Which ids may be in use is in the database; a file beside it says the same,
 * so that they go on should the database be lost.  Both are moved on, by a
 * block, long before an id beyond them is given; what a crash leaves of a
 * block is skipped.
 *
 * Errors     0 or a negative errno.
 * Threads    sequence_write() blocks; one thread at a time.
 */
#ifndef SEQUENCE_H
#define SEQUENCE_H

#include <stdint.h>

#include "sys.h"

/*
 * Ids that one reservation is good for.  The next is made when half of them
 * are gone: 40,000 jobs a second take 12 seconds for the other half, which is
 * longer than any commit.
 */
#define SEQUENCE_BLOCK	UINT64_C(1000000)
/* No id reaches this: a double holds all below exactly, as JSON needs. */
#define SEQUENCE_END	(UINT64_C(1) << 53)

/* Where a block ends that begins with next. */
static inline uint64_t
sequence_block_end(uint64_t next)
{
	return next < SEQUENCE_END - 1 - SEQUENCE_BLOCK ?
	    next + SEQUENCE_BLOCK : SEQUENCE_END - 1;
}

/* 0: there is no such file, or nothing to be made of it. */
uint64_t sequence_read(const struct spool_sys *sys, int dir_fd);
int sequence_write(const struct spool_sys *sys, int dir_fd, uint64_t next)
    __attribute__((warn_unused_result));

#endif /* SEQUENCE_H */
