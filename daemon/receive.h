/*
 * receive - a job on its way from a client's socket to the store.
 *
 *	READING <--room, no room--> FULL
 *	   | end of stream
 *	   v
 *	COMMITTING --durable--> passed on, done(KEPT)
 *
 * For front ends whose job is the byte stream of the connection.  Each turn of
 * the loop takes INTAKE_TURN_LEN at most from one client, then others have
 * theirs.  The disk never stops the loop: a client whose data cannot be taken
 * is not read, and its silence then is not counted.  A job that has come whole
 * is committed on the spot, without a wait for the socket.
 *
 * Lifecycle  receive_begin(), receive_start(); done is called once and the
 *            object is gone then.
 * Ownership  Borrows the house, the socket and the queue until done; the
 *            front end closes the socket.
 * Errors     Nothing of a job that does not end KEPT is kept.
 * Threads    The loop's, only.
 */
#ifndef RECEIVE_H
#define RECEIVE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "intake.h"

struct receive;

enum receive_end {
	RECEIVE_KEPT,		/* durable: the client may be told */
	RECEIVE_NOTHING,	/* no byte came */
	RECEIVE_INCOMPLETE,	/* silent, vanished or reset */
	RECEIVE_REFUSED		/* limits, space, the store, our own end */
};

struct receive_outcome {
	enum receive_end end;
	bool		 open;	/* KEPT by silence: the client may send
				 * another job (idle_ends_job) */
	uint64_t	 job;	/* its number */
	uint64_t	 bytes;	/* that came */
	const char	*why;	/* in words, unless KEPT; borrowed */
};

typedef void receive_done_fn(void *arg, const struct receive_outcome *outcome);

/*
 * A job begins; host of about is the client's address.  NULL: it is refused,
 * and why in words.
 */
#define RECEIVE_WHY_LEN	INTAKE_WHY_LEN
struct receive *receive_begin(struct intake_house *house, int fd,
    const struct conf_queue *queue, const struct job_about *about,
    receive_done_fn *done, void *arg, char why[RECEIVE_WHY_LEN])
    __attribute__((warn_unused_result));

/* Read what is there; done may be called from here. */
void receive_start(struct receive *receive);

#endif /* RECEIVE_H */
