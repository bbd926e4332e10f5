/*
 * incoming - a job that is still arriving, up to its commit.
 *
 *	incoming_begin -> incoming_document -> room, filled ... -> commit
 *	                        ^                   |               abort
 *	                        +--- next document -+
 *
 * Nothing of it is kept before the commit, and nothing is after an abort.
 * Documents of up to INCOMING_MEMORY_LEN, all together, are collected in
 * memory; a longer one goes to a file from there on, behind the back of the
 * loop, and so does a next one that is too much.
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

/* Documents up to this, all together, go to the database. */
#define INCOMING_MEMORY_LEN	((size_t)64 << 10)

/*
 * There is room again, or a file to follow, or incoming_error() is set.  From
 * store_poll().
 */
typedef void incoming_room_fn(void *arg);

/* The file that is followed has so many bytes now.  From store_poll(). */
typedef void incoming_grown_fn(void *arg, uint64_t written);

/*
 * The end of a commit.  error is 0: the job is durable, and job, which the
 * call-back now owns, is pending, or
 * as it was made before.  Else nothing of it is kept and job is NULL.
 */
typedef void incoming_done_fn(void *arg, int error, struct job *job);

/*
 * max_bytes limits the job, 0 does not.  The job's id is given now and never
 * again.  NULL and errno: ENOMEM; ENOSPC below the minimum of free space; EIO
 * the store is suspect; ENXIO it is gone or damaged; EAGAIN it cannot give
 * ids as fast as this, or why it could reserve no more of them.
 */
struct incoming *incoming_begin(struct store *store,
    const struct job_about *about, uint64_t max_bytes,
    incoming_room_fn *room, void *arg) __attribute__((warn_unused_result));

uint64_t incoming_id(const struct incoming *in);
/* Of all documents, so far. */
uint64_t incoming_bytes(const struct incoming *in);
int incoming_error(const struct incoming *in);

/* Held from the start; reasons and why as in job_step(). */
int incoming_hold(struct incoming *in, uint32_t reasons, const char *why)
    __attribute__((warn_unused_result));

/*
 * What is known only now: user, title and extra of about; the rest of it does
 * not count.  -1 and errno.
 */
int incoming_describe(struct incoming *in, const struct job_about *about)
    __attribute__((warn_unused_result));

/*
 * The documents in another order, and what is known of them only now: for each
 * its number so far, from 0.  All n are named, each once.  No document can be
 * added or followed any more.  -1 and errno.
 */
struct incoming_place {
	size_t			  number;
	struct job_about_document about;
};
int incoming_arrange(struct incoming *in, const struct incoming_place *places,
    size_t n) __attribute__((warn_unused_result));

/*
 * A document of our own in front of all others, of INCOMING_MEMORY_LEN at most,
 * which are copied.  It counts neither for the job's bytes nor for max_bytes.
 * Once, when all of the client's are there: no document can be added, arranged
 * or followed any more.  -1 and errno.
 */
int incoming_cover(struct incoming *in, const struct job_about_document *about,
    const void *bytes, size_t len) __attribute__((warn_unused_result));

/* What is known of it; borrowed, until its commit or abort. */
const struct job *incoming_job(const struct incoming *in);

/* Any step of job_step(), so that it is on record with the job. */
int incoming_step(struct incoming *in, const struct job_step *step)
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

/*
 * Read the current document while it still arrives: a descriptor on the file
 * that it is written to, at offset 0, which is the caller's and outlasts the
 * job.  grown is called when there is more to read than incoming_written()
 * says now, often for many writes at once; for the last time, with all of the
 * document, before a successful commit calls back.  One document at a time is
 * followed.
 *
 * -1 and errno.  EAGAIN: it is still in memory; room is called when it has a
 * file, which a document of up to INCOMING_MEMORY_LEN never gets.
 */
int incoming_follow(struct incoming *in, incoming_grown_fn *grown, void *arg)
    __attribute__((warn_unused_result));
/* grown is not called again.  Also after incoming_commit(), until its done. */
void incoming_unfollow(struct incoming *in);
/* Bytes that are in the file of the document that is followed, or else of the
 * current one; 0: it has none. */
uint64_t incoming_written(const struct incoming *in);

/* Make it durable.  done is called once, from store_poll(). */
void incoming_commit(struct incoming *in, incoming_done_fn *done, void *arg);
void incoming_abort(struct incoming *in);

#endif /* INCOMING_H */
