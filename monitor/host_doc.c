/*
 * host_doc.c - a document: from a client's socket into the port.
 *
 *	start_doc -> pump --- source ended ----> last answers -> end_doc -> DONE
 *	               |                                          ^  |
 *	               +- silent, gone, canceled, port failed ----+  +-> SENT
 *	                                                    deleting
 *
 * pump() moves what is there, and waits when there is nothing: for the client,
 * for the daemon, for the printer's answers.  What the printer says goes to
 * the client through a ring that drops the oldest: a client that does not
 * read never stops the printing.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "host.h"

/* Most that one call into the module is asked to move. */
#define CHUNK_LEN	(UINT64_C(16) << 20)
/* The daemon is listened to each time that this much was moved. */
#define LISTEN_LEN	(UINT64_C(1) << 20)
/* For modules that cannot take a descriptor. */
#define COPY_LEN	65536
/* Answers that wait for a slow client. */
#define ANSWERS_LEN	65536
/* A port that can be read but gives no descriptor is asked this often. */
#define READ_EVERY_MS	100
/* A port that took nothing is tried again after this, doubling. */
#define STALL_MIN_MS	5
#define STALL_MAX_MS	500
/* Outcomes are gathered while more documents wait, up to this many. */
#define OUTCOMES_MAX	32

struct answers {
	char	bytes[ANSWERS_LEN];
	size_t	first, n;
};

/* One document while it runs. */
struct run {
	struct host		*host;
	struct host_doc		*doc;
	const struct host_port	*port;
	struct wire_outcome	 outcome;
	char			 text[256];	/* of the outcome */
	bool			 by_copy;	/* module takes no descriptor */
	bool			 one_way;	/* read_port refused */
	bool			 deaf;		/* client takes no answers */
	int			 broke;		/* errno that ended the client
						   before its end of stream */
	bool			 fresh;		/* bytes since last_data_ms */
	int64_t			 last_data_ms;	/* client's last byte, about */
	int64_t			 stalled_ms;	/* port takes nothing since, 0 */
	int			 stall_wait_ms;
	int64_t			 last_answer_ms; /* printer's last word; 0 */
	size_t			 copied, copied_at; /* in copy[], and sent */
	uint64_t		 listened;	/* written when we last did */
};

/* One document at a time, so one set of buffers per process. */
static struct answers answers;
static char copy[COPY_LEN];

static void
settle(struct run *run, enum wire_verdict verdict, int code, const char *text)
{
	run->outcome.verdict = verdict;
	run->outcome.code = code;
	snprintf(run->text, sizeof(run->text), "%s", text);
}

/* ---- a client that breaks off ------------------------------------------- */

/*
 * The connection is broken, which the kernel tells once, and to whoever asks
 * first; reads find an orderly end after that.  EPIPE is its word for a break
 * that came after the client's own end of stream: all bytes are here then.
 */
static void
client_broke(struct run *run, int error)
{
	run->deaf = true;
	if (error != EPIPE)
		run->broke = error;
}

static int
socket_error(int fd)
{
	int error = 0;
	socklen_t len = sizeof(error);

	return getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1 ?
	    errno : error;
}

static bool
break_is_end(const struct run *run, int error)
{
	return (run->doc->doc.flags & WIRE_DOC_RESET_ENDS) != 0 &&
	    error == ECONNRESET;
}

/* ---- the printer's answers ---------------------------------------------- */

static void
answers_keep(const char *bytes, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (answers.n == ANSWERS_LEN) {
			answers.first = (answers.first + 1) % ANSWERS_LEN;
			answers.n--;
		}
		answers.bytes[(answers.first + answers.n) % ANSWERS_LEN] =
		    bytes[i];
		answers.n++;
	}
}

/* Send what the client will take now. */
static void
answers_send(struct run *run)
{
	size_t part;
	ssize_t n;

	while (answers.n > 0 && !run->deaf) {
		part = ANSWERS_LEN - answers.first;
		if (part > answers.n)
			part = answers.n;
		n = send(run->doc->fd, answers.bytes + answers.first, part,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1) {
			client_broke(run, errno);
			return;
		}
		answers.first = (answers.first + (size_t)n) % ANSWERS_LEN;
		answers.n -= (size_t)n;
	}
}

/*
 * Ask the port for what it has.  Bounded, so that a printer that never stops
 * talking does not stop the printing.
 */
static void
answers_read(struct run *run)
{
	char bytes[4096];
	size_t n;
	int code, turns;

	for (turns = 0; turns < 16 && !run->one_way; turns++) {
		n = 0;
		code = session_read_port(run->host->session, run->host->port,
		    bytes, sizeof(bytes), &n);
		if (code == 0 && n == 0)
			break;
		if (n > 0)
			run->last_answer_ms = host_clock_ms();
		if (run->doc->doc.flags & WIRE_DOC_ANSWERS)
			answers_keep(bytes, n);
		if (code != 0)
			run->one_way = true;	/* refused, or no more */
	}
	answers_send(run);
}

/* ---- waiting ------------------------------------------------------------ */

/* Milliseconds from now until at, as poll() wants them; at 0: for ever. */
static int
until(int64_t at_ms)
{
	int64_t left;

	if (at_ms == 0)
		return -1;
	left = at_ms - host_clock_ms();
	if (left < 0)
		return 0;
	return left > INT32_MAX ? INT32_MAX : (int)left;
}

/*
 * Wait until `events` hold on the client's socket, the port has an answer, the
 * daemon has spoken, or the time has come.  An answer is passed on here.
 * Returns what poll() saw on the client's socket, 0 if that is not why.  A
 * broken one is always ready, so it is looked at only for its bytes.
 */
static short
wait_for(struct run *run, short events, int64_t at_ms)
{
	struct host *host = run->host;
	bool ask = !run->one_way && host->read_fd == -1;
	int timeout = until(at_ms);
	struct pollfd fds[3] = {
		{ .fd = run->deaf && events == 0 ? -1 : run->doc->fd,
		    .events = events },
		{ .fd = host->control, .events = POLLIN },
		{ .fd = run->one_way ? -1 : host->read_fd, .events = POLLIN },
	};

	/* Whoever was before this one need not wait, too. */
	host_doc_flush(host);
	if (answers.n > 0 && !run->deaf)
		fds[0].events |= POLLOUT;
	if (ask && (timeout < 0 || timeout > READ_EVERY_MS))
		timeout = READ_EVERY_MS;
	if (poll(fds, 3, timeout) == -1)
		return 0;
	host_alive(host);
	if (fds[1].revents != 0)
		host_listen(host);
	if (fds[2].revents != 0 || ask)
		answers_read(run);
	if (fds[0].revents & POLLOUT)
		answers_send(run);
	return fds[0].revents;
}

/* ---- moving ------------------------------------------------------------- */

/* Fill the copy buffer from the client; says how the source stands. */
static void
copy_fill(struct run *run, struct pp_moved *moved)
{
	ssize_t n;

	moved->source = PP_SOURCE_MORE;
	if (run->copied_at < run->copied)
		return;
	do
		n = read(run->doc->fd, copy, sizeof(copy));
	while (n == -1 && errno == EINTR);
	run->copied = run->copied_at = 0;
	if (n > 0)
		run->copied = (size_t)n;
	else if (n == 0)
		moved->source = PP_SOURCE_END;
	else if (errno == EAGAIN)
		moved->source = PP_SOURCE_EMPTY;
	else {
		moved->source = PP_SOURCE_ERROR;
		moved->source_errno = errno;
	}
}

static int
move_by_copy(struct run *run, struct pp_moved *moved)
{
	struct host *host = run->host;
	size_t n = 0;
	int code;

	copy_fill(run, moved);
	if (run->copied_at == run->copied)
		return 0;
	code = session_write_port(host->session, host->port,
	    copy + run->copied_at, run->copied - run->copied_at, &n);
	run->copied_at += n;
	moved->written = n;
	return code;
}

static int
move(struct run *run, struct pp_moved *moved)
{
	struct host *host = run->host;
	int code;

	memset(moved, 0, sizeof(*moved));
	if (!run->by_copy) {
		code = session_write_port_from_fd(host->session, host->port,
		    run->doc->fd, CHUNK_LEN, moved);
		if (code != PP_NOT_SUPPORTED)
			return code;
		run->by_copy = true;
	}
	return move_by_copy(run, moved);
}

/* The port took something: the clocks start anew. */
static void
progress(struct run *run, uint64_t written)
{
	run->outcome.written += written;
	atomic_store_explicit(&run->host->board->written,
	    run->outcome.written, memory_order_relaxed);
	run->fresh = true;
	run->stalled_ms = 0;
	run->stall_wait_ms = STALL_MIN_MS;
}

/*
 * The port took nothing: a printer may be out of paper for hours.  Returns
 * false when stall_timeout has passed or the client is gone meanwhile.
 */
static bool
stall(struct run *run)
{
	uint32_t again_ms = 0;
	int64_t now = host_clock_ms();
	uint32_t limit = run->port->stall_timeout_ms;

	if (run->stalled_ms == 0)
		run->stalled_ms = now;
	if (limit != 0 && now - run->stalled_ms >= limit) {
		settle(run, WIRE_FAILED, PP_TIMEOUT,
		    "the port took nothing for stall_timeout");
		return false;
	}
	(void)session_service_port(run->host->session, run->host->port,
	    &again_ms);
	if (wait_for(run, 0, now + run->stall_wait_ms) & POLLERR)
		client_broke(run, socket_error(run->doc->fd));
	if (run->broke != 0 && !break_is_end(run, run->broke)) {
		settle(run, WIRE_INCOMPLETE, -run->broke,
		    "the client is gone, and the port took nothing");
		return false;
	}
	run->stall_wait_ms *= 2;
	if (run->stall_wait_ms > STALL_MAX_MS)
		run->stall_wait_ms = STALL_MAX_MS;
	run->fresh = true;		/* that was not the client's silence */
	return true;
}

/* The client has nothing now.  False: it has been silent for too long. */
static bool
await_client(struct run *run)
{
	const struct wire_doc *doc = &run->doc->doc;
	int64_t limit = doc->idle_timeout_ms;

	if (run->fresh)
		run->last_data_ms = host_clock_ms();
	run->fresh = false;
	limit = limit == 0 ? 0 : run->last_data_ms + limit;
	if (limit != 0 && host_clock_ms() >= limit) {
		if (doc->flags & WIRE_DOC_IDLE_ENDS) {
			settle(run, WIRE_DONE, 0, "");
			run->outcome.open = 1;
		} else
			settle(run, WIRE_INCOMPLETE, PP_TIMEOUT,
			    "the client was silent for idle_timeout");
		return false;
	}
	(void)wait_for(run, POLLIN, limit);
	return true;
}

static void
source_broke(struct run *run, int error)
{
	if (break_is_end(run, error))
		settle(run, WIRE_DONE, 0, "");
	else if (run->outcome.written == 0)
		settle(run, WIRE_NOTHING, -error, strerror(error));
	else
		settle(run, WIRE_INCOMPLETE, -error,
		    error == ETIMEDOUT ? "the client vanished" :
		    "the client broke the connection");
}

/* The port's word on a document; `other` is what any other failure means. */
static void
port_refused(struct run *run, int code, enum wire_verdict other)
{
	settle(run, code == PP_HOLD_JOB ? WIRE_HOLD :
	    code == PP_DROP_JOB ? WIRE_DROP :
	    code == PP_STOP_PORT ? WIRE_STOP : other, code,
	    host_reason(run->host, code));
}

static void
port_broke(struct run *run, int code)
{
	port_refused(run, code, WIRE_FAILED);
}

/* One step of the pump; false when the document has come to its end. */
static bool
pump(struct run *run)
{
	struct pp_moved moved;
	int code;

	code = move(run, &moved);
	if (moved.written > 0)
		progress(run, moved.written);
	if (run->doc->canceled || run->host->orphan) {
		settle(run, WIRE_CANCELED, PP_CANCELED, "canceled");
		return false;
	}
	if (code != 0 && code != PP_TIMEOUT) {
		port_broke(run, code);
		return false;
	}
	switch (moved.source) {
	case PP_SOURCE_END:
		if (run->broke != 0)
			source_broke(run, run->broke);
		else
			settle(run, WIRE_DONE, 0, "");
		return false;
	case PP_SOURCE_ERROR:
		source_broke(run, moved.source_errno);
		return false;
	case PP_SOURCE_EMPTY:
		return code == 0 ? await_client(run) : stall(run);
	case PP_SOURCE_MORE:
		break;
	}
	return moved.written > 0 || stall(run);
}

/*
 * A cancel must reach a document that never has to wait, too, and so must what
 * the printer says, if a language monitor is there to understand it.
 */
static void
listen_now_and_then(struct run *run)
{
	if (run->outcome.written - run->listened < LISTEN_LEN)
		return;
	run->listened = run->outcome.written;
	host_doc_flush(run->host);
	host_listen(run->host);
	if (run->host->lm != 0)
		answers_read(run);
}

/* ---- the end ------------------------------------------------------------ */

/*
 * The client has sent all.  A printer that can answer gets answer_wait after
 * its last word; one that cannot costs nothing.
 */
static void
last_answers(struct run *run)
{
	int64_t limit;

	if (!(run->doc->doc.flags & WIRE_DOC_ANSWERS))
		return;
	run->last_answer_ms = host_clock_ms();
	answers_read(run);
	while (!run->one_way && !run->deaf && !host_canceled(run->host)) {
		limit = run->last_answer_ms + run->port->answer_wait_ms;
		if (host_clock_ms() >= limit)
			break;
		if (wait_for(run, 0, limit) & POLLERR)
			run->deaf = true;
	}
}

/* What is still in the ring gets answer_wait to leave. */
static void
flush_answers(struct run *run)
{
	int64_t limit = host_clock_ms() + run->port->answer_wait_ms;

	run->one_way = true;
	answers_send(run);
	while (answers.n > 0 && !run->deaf && !host_canceled(run->host) &&
	    host_clock_ms() < limit)
		if (wait_for(run, 0, limit) & POLLERR)
			run->deaf = true;
}

/* How a document ended decides what its end_doc_port sees. */
static void
end_document(struct run *run)
{
	struct host *host = run->host;
	int code;

	if (run->outcome.verdict != WIRE_DONE)
		run->doc->job_flags |= PP_JOB_DELETING;
	else
		last_answers(run);
	if (run->doc->canceled && run->outcome.verdict == WIRE_DONE) {
		run->doc->job_flags |= PP_JOB_DELETING;
		settle(run, WIRE_CANCELED, PP_CANCELED, "canceled");
	}
	code = session_end_doc_port(host->session, host->port);
	if (code != 0 && run->outcome.verdict == WIRE_DONE) {
		if (run->doc->canceled || host->orphan)
			settle(run, WIRE_CANCELED, PP_CANCELED, "canceled");
		else
			port_broke(run, code);
	}
	if (run->outcome.verdict == WIRE_DONE)
		flush_answers(run);
}

void
host_doc_free(struct host_doc *doc)
{
	if (doc->fd != -1)
		close(doc->fd);
	free((char *)(uintptr_t)doc->doc.queue);
	free((char *)(uintptr_t)doc->doc.user);
	free((char *)(uintptr_t)doc->doc.host);
	free((char *)(uintptr_t)doc->doc.title);
	free((char *)(uintptr_t)doc->doc.datatype);
	free((char *)(uintptr_t)doc->doc.name);
	free((char *)(uintptr_t)doc->doc.extra);
	free(doc);
}

/* ---- outcomes ----------------------------------------------------------- */

/*
 * The message starts with a count that is known only when it goes: it is
 * written over in place, right behind the type.
 */
void
host_doc_gather(struct host *host, const struct wire_outcome *outcome)
{
	if (host->outcomes_n == 0) {
		wire_begin(&host->outcomes, WIRE_DOCS_DONE);
		wire_put_u32(&host->outcomes, 0);
	}
	wire_put_outcome(&host->outcomes, outcome);
	host->outcomes_n++;
	if (host->outcomes_n == OUTCOMES_MAX || host->docs_n == 0)
		host_doc_flush(host);
}

void
host_doc_flush(struct host *host)
{
	if (host->outcomes_n == 0)
		return;
	memcpy(host->outcomes.buf + sizeof(uint32_t), &host->outcomes_n,
	    sizeof(uint32_t));
	host->outcomes_n = 0;
	host_send_wire(host, &host->outcomes);
}

/*
 * The board has it at once, so that a crash in a later document does not make
 * the daemon send this one again; and counts it as finished before it is no
 * longer in work, so that a kill in between does not either.
 */
static void
note_on_board(struct host *host, enum wire_verdict verdict)
{
	struct wire_board *board = host->board;
	uint32_t n = atomic_load(&board->finished);

	atomic_store(&board->verdicts[n % WIRE_FDS], (uint8_t)verdict);
	atomic_store(&board->finished, n + 1);
	atomic_store(&board->job, 0);
}

/* Has the language monitor something to say of it yet? */
static bool
is_ending(const struct run *run)
{
	return run->outcome.verdict == WIRE_DONE && run->host->lm != 0 &&
	    (run->doc->doc.flags & WIRE_DOC_SENT_ENDS) == 0 &&
	    (run->doc->events & 1u << (unsigned)PP_JOB_LAST_PAGE_EJECTED) == 0;
}

/*
 * The socket is closed before the daemon hears of it, so that the daemon's own
 * close decides what the client sees.
 */
static void
finish(struct run *run)
{
	struct host *host = run->host;
	bool ending = is_ending(run);

	if (run->outcome.verdict == WIRE_DONE && !run->outcome.open)
		(void)shutdown(run->doc->fd, SHUT_WR);
	run->outcome.events = run->doc->events;
	run->outcome.pages = run->doc->pages;
	run->outcome.text = run->text;
	if (run->outcome.verdict == WIRE_RETRY ||
	    run->outcome.verdict == WIRE_FAILED ||
	    run->outcome.verdict == WIRE_STOP)
		host->failed = true;
	host->now = NULL;
	host_doc_free(run->doc);
	note_on_board(host, run->outcome.verdict);
	if (host->failed)
		host_ending_settle(host, "sent; the port failed before its "
		    "last page was out");
	if (ending)
		host_ending_add(host, &run->outcome);
	else
		host_doc_gather(host, &run->outcome);
}

void
host_doc_run(struct host *host, struct host_doc *doc)
{
	struct pp_doc_info_1 info = { .doc_name = doc->doc.title,
	    .datatype = doc->doc.datatype };
	struct run run = { .host = host, .doc = doc, .port = &host->ports[0],
	    .outcome = { .job = doc->doc.job }, .fresh = true,
	    .stall_wait_ms = STALL_MIN_MS };
	int code;

	answers.n = 0;
	host->reason[0] = '\0';
	(void)transfer_reset(host->transfer);
	if (doc->doc.flags & WIRE_DOC_RESTARTED)
		doc->job_flags |= PP_JOB_RESTARTED;
	host->now = doc;
	atomic_store(&host->board->written, 0);
	atomic_store(&host->board->job, doc->doc.job);
	code = session_start_doc_port(host->session, host->port,
	    doc->doc.queue, doc->doc.job, 1, &info);
	if (code != 0) {
		port_refused(&run, code, WIRE_RETRY);
		finish(&run);
		return;
	}
	while (pump(&run))
		listen_now_and_then(&run);
	end_document(&run);
	finish(&run);
}
