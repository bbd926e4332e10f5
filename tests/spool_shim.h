/*
 * spool_shim - stands between the store and the kernel, and between SQLite
 * and its files: fails the n-th call, writes short, leaves out syncs, or
 * keeps a log of all that was written and synced.
 *
 * Lifecycle  shim_register() once; then options.sys = &shim_sys and
 *            options.vfs = SHIM_VFS.  shim_reset() turns all of it off.
 * Threads    Calls come from any; the functions here from the test's.
 */
#ifndef SPOOL_SHIM_H
#define SPOOL_SHIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "spool/sys.h"

#define SHIM_VFS	"shim"

/* Which calls count. */
enum shim_calls {
	SHIM_SYS	= 1 << 0,	/* those of struct spool_sys */
	SHIM_SYS_SYNC	= 1 << 1,	/* of those, only fsync, fdatasync */
	SHIM_VFS_IO	= 1 << 2,	/* SQLite: read, write, truncate ... */
	SHIM_VFS_SYNC	= 1 << 3	/* SQLite: sync */
};

extern const struct spool_sys shim_sys;

void shim_register(void);
void shim_reset(void);

/* From now on the n-th of these calls fails with error; once, or ever since. */
void shim_fail(unsigned int calls, unsigned int n, int error, bool lasting);
bool shim_fired(void);
/* A file was synced again after a sync of it had failed. */
bool shim_sync_retried(void);

/* Writes are cut short, and every third call is interrupted. */
void shim_short_writes(void);
/* Syncs do nothing: for speed, where no crash will follow. */
void shim_no_sync(void);

/* ---- the log --------------------------------------------------------- */

enum shim_event_kind {
	SHIM_WRITE, SHIM_TRUNCATE, SHIM_SYNC, SHIM_SYNC_DIR,
	SHIM_CREATE, SHIM_LINK, SHIM_RENAME, SHIM_UNLINK,
	SHIM_MARK		/* the test's own: at is what it gave */
};

/* Numbers of SQLite's files; those of others are positive. */
#define SHIM_DATABASE	(-3)
#define SHIM_WAL	(-2)	/* its removal is a truncation */

struct shim_event {
	enum shim_event_kind	 kind;
	int			 file;		/* number of the file, or -1 */
	char			 path[600];	/* of CREATE, LINK, ... */
	char			 to[600];	/* of RENAME */
	uint64_t		 at;
	size_t			 len;
	unsigned char		*bytes;		/* owned by the log */
};

/* Log from now on. */
void shim_record(void);
void shim_mark(uint64_t value);
/* Stops, and gives the log, which is valid until shim_reset(). */
const struct shim_event *shim_log(size_t *n);

#endif /* SPOOL_SHIM_H */
