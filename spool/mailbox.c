/*
 * mailbox.c - see mailbox.h.
 */
#include <errno.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "mailbox.h"

int
mailbox_open(struct mailbox *box)
{
	STAILQ_INIT(&box->list);
	box->event_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (box->event_fd == -1)
		return -errno;
	pthread_mutex_init(&box->lock, NULL);
	return 0;
}

void
mailbox_close(struct mailbox *box)
{
	pthread_mutex_destroy(&box->lock);
	close(box->event_fd);
}

void
mailbox_post_list(struct mailbox *box, struct op_list *list)
{
	bool first;

	pthread_mutex_lock(&box->lock);
	first = STAILQ_EMPTY(&box->list);
	STAILQ_CONCAT(&box->list, list);
	pthread_mutex_unlock(&box->lock);
	/* The counter cannot run over: it is read before the next first. */
	if (first)
		eventfd_write(box->event_fd, 1);
}

void
mailbox_post(struct mailbox *box, struct op *op)
{
	struct op_list list = STAILQ_HEAD_INITIALIZER(list);

	STAILQ_INSERT_TAIL(&list, op, link);
	mailbox_post_list(box, &list);
}

size_t
mailbox_drain(struct mailbox *box)
{
	struct op_list list = STAILQ_HEAD_INITIALIZER(list);
	eventfd_t count;
	struct op *op;
	size_t n = 0;

	/* Before the list is taken, so that no later post is slept over. */
	eventfd_read(box->event_fd, &count);
	pthread_mutex_lock(&box->lock);
	STAILQ_CONCAT(&list, &box->list);
	pthread_mutex_unlock(&box->lock);
	while ((op = STAILQ_FIRST(&list)) != NULL) {
		STAILQ_REMOVE_HEAD(&list, link);
		op->done(op);
		n++;
	}
	return n;
}
