/*
 * mailbox - hands finished operations back to the thread that asked.
 *
 * Lifecycle  mailbox_open(), any number of posts and drains, mailbox_close().
 * Ownership  An operation belongs to the mailbox from the post until its done
 *            function is called, which then owns it.
 * Errors     mailbox_open() returns 0 or a negative errno; a post cannot fail.
 * Threads    Anyone posts; one thread drains.
 */
#ifndef MAILBOX_H
#define MAILBOX_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/queue.h>

struct op;

/*
 * Work for another thread.  An operation is part of the object that it is
 * about; the object is freed by done.
 */
struct op {
	STAILQ_ENTRY(op)  link;
	int		(*apply)(struct op *op);  /* blocks; 0 or -errno */
	void		(*settle)(struct op *op); /* after the outcome; may be
						   * NULL; blocks */
	void		(*done)(struct op *op);	  /* on the asker's thread */
	int		  error;		  /* outcome, negative errno */
	bool		  files;		  /* has published some: their
						   * directory is synced */
	bool		  brings_job;		  /* refused while suspect */
};

STAILQ_HEAD(op_list, op);

struct mailbox {
	pthread_mutex_t	 lock;
	struct op_list	 list;
	int		 event_fd;	/* readable: there is mail */
};

int mailbox_open(struct mailbox *box) __attribute__((warn_unused_result));
void mailbox_close(struct mailbox *box);
void mailbox_post(struct mailbox *box, struct op *op);
/* Empties list. */
void mailbox_post_list(struct mailbox *box, struct op_list *list);

/* Call done for all that is there; returns how many. */
size_t mailbox_drain(struct mailbox *box);

#endif /* MAILBOX_H */
