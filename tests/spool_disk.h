/*
 * spool_disk - what a disk holds after a power cut, from a log of writes.
 *
 * Lifecycle  disk_new() copies the spool directory as it is; disk_cut() makes
 *            a directory that holds what would be left, had the power gone
 *            before event number `at' of the log; disk_free().
 * Threads    The test's.
 */
#ifndef SPOOL_DISK_H
#define SPOOL_DISK_H

#include "tests/spool_shim.h"

/* What becomes of that which was written but not yet synced. */
enum disk_mode {
	DISK_ALL,		/* it was lucky */
	DISK_NONE,		/* all of it is lost */
	DISK_SOME,		/* some of it, torn at sectors */
	DISK_MODES
};

struct disk;

struct disk *disk_new(const char *spool);
void disk_free(struct disk *disk);
/* The log that the cuts are made in; borrowed. */
void disk_use(struct disk *disk, const struct shim_event *log, size_t n);
void disk_cut(const struct disk *disk, size_t at, enum disk_mode mode,
    const char *directory);

#endif /* SPOOL_DISK_H */
