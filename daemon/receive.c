/*
 * receive.c - see receive.h, which has the picture.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "conf/conf.h"
#include "counters.h"
#include "intake.h"
#include "receive.h"

enum receive_state {
	RECEIVE_READING,	/* bytes are pending, or the next turn */
	RECEIVE_FULL,		/* room is pending; the client is not read */
	RECEIVE_COMMITTING	/* the store's outcome is pending */
};

struct receive {
	struct intake_house	*house;		/* borrowed */
	const struct conf_queue	*queue;		/* borrowed */
	struct intake		*intake;	/* its own once committed */
	enum receive_state	 state;
	bool			 unaware;	/* the client is gone, and will
						 * not hear that we kept it */
	bool			 stays;		/* the client, after its job */
	bool			 early_tried;	/* to print it already */
	uint64_t		 bytes;
	struct event		 readable;
	receive_done_fn		*done;
	void			*arg;
};

/* ---- the end ------------------------------------------------------------ */

/* The only way out.  The receive is gone when this returns. */
static void
end(struct receive *receive, struct receive_outcome outcome)
{
	receive_done_fn *done = receive->done;
	void *arg = receive->arg;

	outcome.bytes = receive->bytes;
	event_del(&receive->readable);
	if (receive->state != RECEIVE_COMMITTING)
		intake_abort(receive->intake);
	free(receive);
	done(arg, &outcome);
}

static void
end_incomplete(struct receive *receive, const char *why)
{
	if (receive->bytes > 0)
		counters.incomplete++;
	end(receive, (struct receive_outcome){ .why = why,
	    .end = receive->bytes > 0 ? RECEIVE_INCOMPLETE :
	    RECEIVE_NOTHING });
}

/* Has been counted. */
static void
end_refused(struct receive *receive, const char *why)
{
	end(receive, (struct receive_outcome){ .end = RECEIVE_REFUSED,
	    .why = why });
}

static void
end_with_error(struct receive *receive, int error)
{
	char why[RECEIVE_WHY_LEN];

	intake_put_in_words(why, error, receive->queue);
	intake_count_refusal(error);
	end_refused(receive, why);
}

/* ---- reading ------------------------------------------------------------ */

static void
receive_enter(struct receive *receive, enum receive_state state)
{
	assert(receive->state != RECEIVE_COMMITTING);
	if (state != RECEIVE_READING)
		event_del(&receive->readable);
	receive->state = state;
}

/*
 * Many clients may be silent equally long: libevent keeps such time-outs in a
 * list instead of a heap.
 */
static int
add_readable(struct receive *receive)
{
	struct event_base *base = receive->house->base;
	int64_t ms = receive->queue->idle_timeout_ms;
	struct timeval tv = { .tv_sec = ms / 1000,
	    .tv_usec = (ms % 1000) * 1000 };
	const struct timeval *common;

	if (ms == 0)
		return event_add(&receive->readable, NULL);
	common = event_base_init_common_timeout(base, &tv);
	return event_add(&receive->readable, common != NULL ? common : &tv);
}

/* Once it is added it stays, and each turn starts its time-out anew. */
static void
await(struct receive *receive)
{
	if (!event_pending(&receive->readable, EV_READ, NULL) &&
	    add_readable(receive) == -1)
		end_with_error(receive, ENOMEM);
}

static void
commit(struct receive *receive)
{
	static const struct intake_banner nobody = { .asked = false };
	char why[RECEIVE_WHY_LEN];
	int error;

	if (receive->bytes == 0) {
		end_incomplete(receive, "closed");
		return;
	}
	if (intake_cover(receive->intake, &nobody) == -1) {
		end_with_error(receive, errno);
		return;
	}
	error = intake_commit(receive->intake,
	    event_get_fd(&receive->readable), receive->unaware, why);
	if (error != 0)
		end_refused(receive, why);
	else
		receive_enter(receive, RECEIVE_COMMITTING);
}

static void
on_break(struct receive *receive, int error)
{
	if (error == ECONNRESET &&
	    receive->queue->on_reset == CONF_ON_RESET_FINISH) {
		receive->unaware = true;
		commit(receive);
	} else
		end_incomplete(receive, strerror(error));
}

static void
on_silence(struct receive *receive)
{
	if (receive->queue->idle_ends_job) {
		receive->stays = true;
		commit(receive);
	} else
		end_incomplete(receive, "silent for idle_timeout");
}

static void
on_no_room(struct receive *receive)
{
	int error = incoming_error(intake_incoming(receive->intake));

	if (error != 0)
		end_with_error(receive, -error);
	else
		receive_enter(receive, RECEIVE_FULL);
}

static void
on_no_bytes(struct receive *receive, int error)
{
	if (error == EAGAIN)
		await(receive);
	else
		on_break(receive, error);
}

static ssize_t
take(struct receive *receive, void *room, size_t len)
{
	ssize_t n;

	do
		n = recv(event_get_fd(&receive->readable), room, len,
		    MSG_DONTWAIT);
	while (n == -1 && errno == EINTR);
	return n;
}

/* More of the job is with the store. */
static void
filled(struct receive *receive, size_t len)
{
	struct incoming *in = intake_incoming(receive->intake);

	incoming_filled(in, len);
	receive->bytes += len;
	if (receive->bytes > INCOMING_MEMORY_LEN && !receive->early_tried &&
	    receive->queue->start_printing == CONF_START_IMMEDIATE &&
	    incoming_written(in) > 0) {
		receive->early_tried = true;
		intake_print_early(receive->intake);
	}
}

static void
read_turn(struct receive *receive)
{
	struct incoming *in = intake_incoming(receive->intake);
	size_t left = intake_turn_len(receive->house);
	size_t len;
	void *room;
	ssize_t n;

	while ((room = incoming_room(in, &len)) != NULL && left > 0) {
		n = take(receive, room, len < left ? len : left);
		if (n == 0)
			commit(receive);
		else if (n == -1)
			on_no_bytes(receive, errno);
		if (n <= 0)
			return;
		filled(receive, (size_t)n);
		left -= (size_t)n;
	}
	if (room == NULL)
		on_no_room(receive);
	else
		await(receive);
}

static void
on_readable(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	if (what & EV_READ)
		read_turn(arg);
	else
		on_silence(arg);
}

/* There is room again, or an error. */
static void
on_room(void *arg)
{
	struct receive *receive = arg;
	int error = incoming_error(intake_incoming(receive->intake));

	if (error != 0)
		end_with_error(receive, -error);
	else {
		receive_enter(receive, RECEIVE_READING);
		await(receive);
	}
}

static void
on_cancel(void *arg, const char *why)
{
	intake_count_refusal(ECANCELED);
	end_refused(arg, why);
}

/* ---- the job is in ------------------------------------------------------ */

static void
on_committed(void *arg, uint64_t job, int error, const char *why)
{
	struct receive *receive = arg;

	if (error != 0)
		end_refused(receive, why);
	else
		end(receive, (struct receive_outcome){ .end = RECEIVE_KEPT,
		    .open = receive->stays && !receive->house->draining,
		    .job = job });
}

static const struct intake_ops intake_ops = {
	.room = on_room, .committed = on_committed, .cancel = on_cancel,
};

/* ---- birth -------------------------------------------------------------- */

struct receive *
receive_begin(struct intake_house *house, int fd,
    const struct conf_queue *queue, const struct job_about *about,
    receive_done_fn *done, void *arg, char why[RECEIVE_WHY_LEN])
{
	struct job_about_document document = { .copies = 1 };
	struct receive *receive = calloc(1, sizeof(*receive));
	int error;

	if (receive == NULL)
		goto fail;
	receive->house = house;
	receive->queue = queue;
	receive->done = done;
	receive->arg = arg;
	receive->intake = intake_begin(house, queue, about, &intake_ops,
	    receive, &error, why);
	if (receive->intake == NULL) {
		free(receive);
		return NULL;
	}
	if (incoming_document(intake_incoming(receive->intake), &document) ==
	    -1)
		goto fail;
	event_assign(&receive->readable, house->base, fd,
	    EV_READ | EV_PERSIST, on_readable, receive);
	return receive;

fail:
	if (receive != NULL)
		intake_abort(receive->intake);
	free(receive);
	intake_count_refusal(ENOMEM);
	intake_put_in_words(why, ENOMEM, queue);
	return NULL;
}

void
receive_start(struct receive *receive)
{
	read_turn(receive);
}
