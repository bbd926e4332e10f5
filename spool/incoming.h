/*
 * incoming - a job that is still arriving, up to its commit.
 *
 *	incoming_begin -> incoming_document -> room, filled ... -> commit
 *	                        ^                   |               abort
 *	                        +--- next document -+
 *
 * Nothing of it is kept before the commit, and nothing is after an abort.  A
 * document of up to INCOMING_MEMORY_LEN is collected in memory; a longer one
 * goes to a file from there on, behind the back of the loop.
 *
 * Lifecycle  incoming_begin(); incoming_commit() or incoming_abort() ends it
 *            and the pointer is dead.
 * Ownership  A job borrows the store.
 * Errors     An error sticks: incoming_error() tells it, and a commit then
 *            fails with it.  -EFBIG over the size limit, -ENOSPC too little
 *            space, -EIO the disk.
 * Threads    That of the store's asker.  No call blocks.
 * Units      Bytes.
 */
#ifndef INCOMING_H
#define INCOMING_H

#include "job.h"

struct incoming;
struct store;

/* A document up to this goes to the database. */
#define INCOMING_MEMORY_LEN	((size_t)64 << 10)

/* There is room again, or incoming_error() is set.  From store_poll(). */
typedef void incoming_room_fn(void *arg);

/*
 * The end of a commit.  error is 0: the job is durable, and job, which the
 * call-back now owns, is pending.  Else nothing of it is kept and job is NULL.
 */
typedef void incoming_done_fn(void *arg, int error, struct job *job);

/*
 * max_bytes limits the job, 0 does not.  The job's id is given now and never
 * again.  NULL and errno: ENOMEM; ENOSPC below the minimum of free space; EIO
 * the store is suspect; ENXIO it is gone or damaged; EAGAIN it cannot give
 * ids as fast as this.
 */
struct incoming *incoming_begin(struct store *store,
    const struct job_about *about, uint64_t max_bytes,
    incoming_room_fn *room, void *arg) __attribute__((warn_unused_result));

uint64_t incoming_id(const struct incoming *in);
int incoming_error(const struct incoming *in);

/* Held from the start; reasons and why as in job_step(). */
int incoming_hold(struct incoming *in, uint32_t reasons, const char *why)
    __attribute__((warn_unused_result));

/* Bytes from now on are of a next document.  -1 and errno. */
int incoming_document(struct incoming *in,
    const struct job_about_document *about)
    __attribute__((warn_unused_result));

/*
 * Room for the next bytes of the document: *len bytes, at least 1.  NULL: none
 * now; the call-back tells when to ask again.
 */
void *incoming_room(struct incoming *in, size_t *len)
    __attribute__((warn_unused_result));
/* The first len bytes of the room have been filled. */
void incoming_filled(struct incoming *in, size_t len);
/* The same by copy: how many of len were taken; 0 is no error. */
size_t incoming_write(struct incoming *in, const void *data, size_t len)
    __attribute__((warn_unused_result));

/* Make it durable.  done is called once, from store_poll(). */
void incoming_commit(struct incoming *in, incoming_done_fn *done, void *arg);
void incoming_abort(struct incoming *in);

#endif /* INCOMING_H */
