/*
 * spooldir - the spool directory: ours alone, and opened once.
 *
 * Lifecycle  spooldir_open() checks and locks, spooldir_close() unlocks.
 * Errors     -1 and a text in error that names what is wrong and the command
 *            that puts it right.
 * Threads    None of its own; spooldir_present() from any.
 */
#ifndef SPOOLDIR_H
#define SPOOLDIR_H

#include <stdbool.h>

#include "sys.h"

struct store_error;

struct spooldir {
	int	 fd;		/* owned; the directory */
	int	 lock_fd;	/* owned; holds the lock */
	char	*path;		/* owned; absolute */
};

/* The directory must exist, be no symlink, be ours, and have mode 0700. */
int spooldir_open(struct spooldir *dir, const struct spool_sys *sys,
    const char *path, struct store_error *error)
    __attribute__((warn_unused_result));
void spooldir_close(struct spooldir *dir);

/*
 * Is it still what its path leads to?  Else it was removed, or its file system
 * was taken away, and the next start would not find what goes in there.
 */
bool spooldir_present(const struct spooldir *dir);

#endif /* SPOOLDIR_H */
