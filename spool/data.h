/*
 * data - the files of documents that are too large for the database.
 *
 * The only code of the spool that syncs files and the directory that they
 * are in.  A document's file has no name until it is whole and on stable
 * storage; what has a name is complete.  The bytes of the file are those of
 * the document and no others; what is needed to rebuild its job is in the
 * name (data_name.h).
 *
 *	data_create -> data_write ... -> data_publish -> data_sync_dir
 *	      |              |                |               (the job commits)
 *	      +--------------+----------------+--> data_drop
 *
 * Lifecycle  data_open_dir() once; files in between; data_close_dir().
 * Ownership  A file borrows its directory, and that the one it is in.
 * Errors     0 or a negative errno.  After an error the only thing to do with
 *            a file is data_drop(): a sync that failed is never repeated.
 * Threads    All calls block.  A file belongs to one thread at a time, a
 *            directory may be shared.
 * Units      Bytes.
 */
#ifndef DATA_H
#define DATA_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include "sys.h"

struct evp_md_ctx_st;

/* Writeback is started each time that this much is new in a file. */
#define DATA_WRITEBACK_LEN	(UINT64_C(8) << 20)

struct data_dir {
	const struct spool_sys	*sys;
	int			 root_fd;	/* borrowed; where it is */
	const char		*path;		/* there; a literal */
	int			 fd;		/* owned */
	bool			 tmpfile;	/* O_TMPFILE works here */
	_Atomic uint64_t	 free_bytes;	/* when last looked */
	_Atomic uint64_t	 temporary;	/* numbers temporary names */
	_Atomic unsigned int	 sync_failures;	/* syncs that failed, ever */
	_Atomic unsigned int	 forgiven;	/* of those: before a probe
						 * that succeeded */
};

struct data_file {
	struct data_dir		*dir;		/* borrowed */
	int			 fd;		/* owned; -1: none */
	uint64_t		 size;
	uint64_t		 started;	/* writeback begun up to here */
	struct evp_md_ctx_st	*digest;	/* owned */
	char			 temporary[32];	/* name for now, or "" */
	char			 name[256];	/* once published, or "" */
};

/*
 * Open the directory at path below root_fd, make it if it is missing, and
 * learn by a probe what works there.
 */
int data_open_dir(struct data_dir *dir, const struct spool_sys *sys,
    int root_fd, const char *path) __attribute__((warn_unused_result));
void data_close_dir(struct data_dir *dir);
/* Is it still what its path leads to?  What finds that it is not is -ENXIO. */
bool data_present(const struct data_dir *dir);

/* Write, sync, publish, sync, remove one file: can this place be trusted? */
int data_probe(struct data_dir *dir) __attribute__((warn_unused_result));

/* Look again how much is free for us; kept in dir->free_bytes. */
void data_look_free(struct data_dir *dir);

int data_create(struct data_dir *dir, struct data_file *file)
    __attribute__((warn_unused_result));

/* All of iov, which is used up; n is at most IOV_MAX. */
int data_write(struct data_file *file, struct iovec *iov, int n)
    __attribute__((warn_unused_result));

/*
 * A descriptor of its own to read a file from that is still written; what
 * data_write() has returned for is there.  From any thread, as long as the
 * file is neither published nor dropped; it outlasts both.
 */
int data_follow(const struct data_file *file)
    __attribute__((warn_unused_result));

/*
 * Make the bytes durable, give the file its name and close it; the name is
 * durable after data_sync_dir().  sha256 gets the digest of the bytes.
 */
int data_publish(struct data_file *file, const char *name,
    uint8_t sha256[32]) __attribute__((warn_unused_result));
int data_sync_dir(struct data_dir *dir) __attribute__((warn_unused_result));

/* Away with the file, published or not.  Fine for one never created. */
void data_drop(struct data_file *file);

/*
 * A descriptor to read a document from.  Only a regular file of ours with one
 * name and this size is opened: -EBADMSG for anything else.
 */
int data_open(struct data_dir *dir, const char *name, uint64_t size)
    __attribute__((warn_unused_result));

/* Remove a document that is no longer kept; a missing one is fine. */
int data_remove(struct data_dir *dir, const char *name);

/* What data_sweep() found, and what shall be done with it. */
enum data_verdict { DATA_KEEP, DATA_REMOVE, DATA_QUARANTINE };
typedef enum data_verdict data_judge_fn(void *arg, const char *name,
    uint64_t size, int64_t mtime_ms);

/*
 * Go through the directory.  judge is asked about every sound file with a
 * name such as data_publish() gives; left-over temporary files are removed,
 * and what is not ours is moved to quarantine_fd without being opened.
 * Returns the number of entries quarantined, or a negative errno.
 */
int data_sweep(struct data_dir *dir, int quarantine_fd, data_judge_fn *judge,
    void *arg) __attribute__((warn_unused_result));

#endif /* DATA_H */
