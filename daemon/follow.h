/*
 * follow - a document that is printed while it still arrives, as a pipe.
 *
 *	FEEDING --finish--> ENDING --all fed--> DONE (end of the stream)
 *	   |                  |
 *	   +--abort, failure--+--> STOPPED (no end of the stream)
 *
 * What the store has written of a document goes into a pipe for a port host,
 * as fast as that takes it.  How fast that is never matters to the receiving:
 * the bytes wait in the document's file.
 *
 * An end of the stream says that the document is whole.  So there is none
 * before follow_finish(); after follow_abort() the write end stays open until
 * the host has been told to drop the document, and follow_free() closes it.
 *
 * Lifecycle  follow_new() .. follow_free(), at any time.
 * Ownership  Borrows the incoming job, until follow_finish(), follow_abort()
 *            or follow_free(): one of them must come before its pointer is
 *            dead.  The read end of the pipe is the caller's.
 * Errors     Those of the feeding are told by a call-back.
 * Threads    The loop's, only.  SIGPIPE must be ignored.
 */
#ifndef FOLLOW_H
#define FOLLOW_H

#include <stdint.h>

struct event_base;
struct follow;
struct incoming;

/*
 * Follow the current document of in.  *read_end does not block, is closed
 * on exec, and is for the host.  NULL and errno; EAGAIN: the document is still in memory,
 * where a short one stays; the job's room call-back tells when to try again.
 */
struct follow *follow_new(struct event_base *base, struct incoming *in,
    int *read_end) __attribute__((warn_unused_result));
void follow_free(struct follow *follow);

/*
 * It feeds no more: -EPIPE nobody reads the other end; else the file could not
 * be read.  From a turn of the loop of its own; it may call follow_free().
 */
typedef void follow_failed_fn(void *arg, int error);
void follow_watch(struct follow *follow, follow_failed_fn *failed, void *arg);

/* The job is committed: its document has size bytes, and then it ends. */
void follow_finish(struct follow *follow, uint64_t size);
/* The job has come to nothing: feed no more. */
void follow_abort(struct follow *follow);

/* Bytes that have gone into the pipe. */
uint64_t follow_fed(const struct follow *follow);

#endif /* FOLLOW_H */
