/*
 * intake - a job that a front end takes in: admitted, filled, committed.
 *
 *	intake_begin -> incoming_document, room, filled ... -> intake_commit
 *	                                                       intake_abort
 *
 * What all front ends have in common on the way of a job to the store: limits,
 * repeats, the words for what goes wrong, and that a job which is durable gets
 * to the dispatcher.  How the bytes come is the front end's.
 *
 * Lifecycle  intake_begin(); intake_abort(), or a commit's one call of
 *            `committed`, ends it, and the pointer is dead.
 * Ownership  Borrows the house and the queue until then.
 * Errors     Of a job that is not kept nothing is.
 * Threads    The loop's, only.
 */
#ifndef INTAKE_H
#define INTAKE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "spool/incoming.h"

struct conf_queue;
struct dispatch;
struct duplicates;
struct event_base;
struct intake;
struct spooler;

/* Nothing is under way any more. */
typedef void intake_idle_fn(void *arg);

/* What the jobs of one daemon have in common; starts with the rest zero. */
struct intake_house {
	struct event_base	*base;
	struct spooler		*spooler;
	struct dispatch		*dispatch;	/* NULL: jobs are kept, and
						 * printed after a restart */
	struct duplicates	*duplicates;

	/* Of intake.c alone. */
	LIST_HEAD(, intake)	 intakes;	/* all that live */
	size_t			 n_intakes;
	bool			 draining;
	intake_idle_fn		*idle;		/* NULL once it was called */
	void			*idle_arg;
};

/*
 * Most bytes that one client gets read per turn of the loop, and all together:
 * a turn takes some milliseconds, however many there are.
 */
#define INTAKE_TURN_LEN		((size_t)256 << 10)
#define INTAKE_TURNS_LEN	((size_t)2 << 20)
/* But so much at least. */
#define INTAKE_TURN_MIN		((size_t)16 << 10)

#define INTAKE_WHY_LEN	160

struct intake_ops {
	/* There is room again, or incoming_error() is set. */
	void	(*room)(void *arg);
	/* The end of a commit: durable and passed on, error is 0; or nothing of
	 * it is kept, and error is a positive errno, and why in words. */
	void	(*committed)(void *arg, uint64_t job, int error,
		    const char *why);
	/* It must end now, by intake_abort(). */
	void	(*cancel)(void *arg, const char *why);
};

/*
 * Does the queue take no jobs now?  To be asked before a job begins, and of
 * any delivery; then why has it in words, for the client.  It is a time that
 * will pass.
 */
bool intake_is_closed(const struct intake_house *house,
    const struct conf_queue *queue, char why[INTAKE_WHY_LEN])
    __attribute__((warn_unused_result));

/*
 * host of about is the client's address.  NULL: it is refused; *error is a
 * positive errno, and why has it in words.
 */
struct intake *intake_begin(struct intake_house *house,
    const struct conf_queue *queue, const struct job_about *about,
    const struct intake_ops *ops, void *arg, int *error,
    char why[INTAKE_WHY_LEN]) __attribute__((warn_unused_result));

/* How much one client may be read now: a fair share, as if all had something. */
size_t intake_turn_len(const struct intake_house *house);

/* To be filled; it has no document yet. */
struct incoming *intake_incoming(const struct intake *intake);

/* It may be printed from now on, while it arrives: there is a file to follow. */
void intake_print_early(struct intake *intake);

/*
 * The banner page, if the queue wants one; all of the job is known and there.
 * Members may be NULL: user and title are the job's then, and host its
 * client's address.  -1 and errno.
 */
struct intake_banner {
	bool		 asked;		/* the client wants one */
	const char	*user, *host, *job_class;
};
int intake_cover(struct intake *intake, const struct intake_banner *claims)
    __attribute__((warn_unused_result));

/*
 * fd is the client's socket, or -1: how it fares then tells whether the client
 * knows that its job is kept.  unaware: it cannot.  0, and committed will be
 * called; or a positive errno, and why, if the job is not welcome now that its
 * size is known.
 */
int intake_commit(struct intake *intake, int fd, bool unaware,
    char why[INTAKE_WHY_LEN]) __attribute__((warn_unused_result));
bool intake_is_committing(const struct intake *intake);

/* Not while it is being committed. */
void intake_abort(struct intake *intake);

/* Why the store does not take a job; error is a positive errno. */
void intake_put_in_words(char why[INTAKE_WHY_LEN], int error,
    const struct conf_queue *queue);
void intake_count_refusal(int error);

/*
 * All that are not being committed are canceled, such as when the store goes
 * down.  Commits under way have their outcome from the store.
 */
void intake_cancel_all(struct intake_house *house, const char *why);

/*
 * The same, and no job begins any more.  idle is called when there is nothing
 * left, maybe at once.
 */
void intake_drain(struct intake_house *house, intake_idle_fn *idle,
    void *arg);

#endif /* INTAKE_H */
