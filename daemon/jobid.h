/*
 * jobid - numbers of jobs: 64 bits, rising, never given twice.
 *
 * A file in the spool directory says which numbers may have been used; it is
 * moved on, on stable storage, before a number beyond it is given out.  So a
 * number does not come again after a crash; some are skipped instead.
 *
 * Lifecycle  jobid_open() once, before the first job.
 * Errors     Without a writable directory numbers start at 1 each time; the
 *            log says so once.
 * Threads    jobid_next() from the loop's only.  Moving the file on is done by
 *            a thread of its own, long before it is due.
 */
#ifndef JOBID_H
#define JOBID_H

#include <stdint.h>

/* How many numbers one write of the file is good for. */
#define JOBID_BLOCK	UINT64_C(1000000)

void jobid_open(const char *directory);
uint64_t jobid_next(void);

#endif /* JOBID_H */
