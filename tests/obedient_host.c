/*
 * obedient_host.c - stands in for printport-host, and does to each document as
 * the document says.
 *
 * Its first word says it; a document that is printed is a line of the file
 * that the port's setting `sink` names: "port:text", with "!" at its end if it
 * was said to have been sent before.
 *
 *	slow		takes all of it, then waits for a byte from `gate`
 *	still		the same, but takes nothing before
 *	jam		as slow, and is out of paper meanwhile
 *	fail		the port fails with it, as long as `broken` exists
 *	reject		the same, before it has taken anything
 *	crash		the same, by a signal
 *	refuse		the port cannot begin it, as long as `broken` exists
 *	misfit		the same, as it is not what the port prints
 *	anything else	is printed
 *
 * sink, gate (a FIFO) and broken are names of files, settings of the port; as
 * long as `closed` exists, it cannot be opened.  Like the real one it gives
 * back at once what it has not started, and ends after a failure.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "monitor/wire.h"

#define TEXT_LEN	4096

struct doc {
	uint64_t	 job;
	uint32_t	 flags;
	int		 fd;
};

static struct wire in, out;
static struct wire_board *board;
static char port[64], sink[1024], broken[1024], closed[1024];
static int gate = -1;

static struct doc docs[WIRE_FDS];	/* that wait */
static size_t n_docs;
static uint64_t now;			/* in work, or 0 */
static bool canceled, closing, opened;

/* The daemon is gone: so are we. */
static void
say(void)
{
	if (wire_send(&out, WIRE_FD_CONTROL) == -1)
		_exit(0);
}

static void
say_code(enum wire_type type, int code, const char *text)
{
	wire_begin(&out, type);
	wire_put_u32(&out, (uint32_t)code);
	wire_put_str(&out, text);
	say();
}

static void
say_done(uint64_t job, enum wire_verdict verdict, int code, uint64_t written)
{
	struct wire_outcome outcome = { .job = job, .verdict = verdict,
	    .code = code, .written = written,
	    .text = verdict == WIRE_DONE ? "" : "as the document says" };

	wire_begin(&out, WIRE_DOCS_DONE);
	wire_put_u32(&out, 1);
	wire_put_outcome(&out, &outcome);
	say();
}

static void
say_paper_out(bool is_out)
{
	wire_begin(&out, WIRE_STATUS);
	wire_put_str(&out, port);
	wire_put_u32(&out, is_out ? 3 : 0);
	wire_put_u32(&out, is_out ? 1 : 0);
	wire_put_str(&out, "");
	say();
}

/* ---- what the daemon says ------------------------------------------------ */

static void
take_docs(void)
{
	struct wire_doc doc;
	uint32_t n = wire_get_u32(&in);

	for (; n > 0; n--) {
		wire_get_doc(&in, &doc);
		docs[n_docs].job = doc.job;
		docs[n_docs].flags = doc.flags;
		docs[n_docs++].fd = wire_take_fd(&in);
	}
	if (wire_done(&in) == -1)
		_exit(2);
}

static void
drop_first(size_t i)
{
	memmove(&docs[i], &docs[i + 1], (--n_docs - i) * sizeof(docs[0]));
}

static void
on_cancel(void)
{
	uint64_t job = wire_get_u64(&in);
	uint32_t flags = wire_get_u32(&in);
	size_t i;

	if (now == job && (flags & WIRE_CANCEL_WAITING) == 0)
		canceled = true;
	for (i = 0; i < n_docs; i++) {
		if (docs[i].job != job)
			continue;
		close(docs[i].fd);
		drop_first(i);
		say_done(job, WIRE_UNTOUCHED, 0, 0);
		return;
	}
}

static void
hear(void)
{
	switch (wire_recv(&in, WIRE_FD_CONTROL)) {
	case WIRE_DOCS:
		take_docs();
		break;
	case WIRE_CANCEL:
		on_cancel();
		break;
	case WIRE_CLOSE:
		closing = true;
		break;
	default:
		_exit(0);
	}
}

/* What there is of it, without waiting. */
static void
hear_all(void)
{
	struct pollfd fd = { .fd = WIRE_FD_CONTROL, .events = POLLIN };

	while (poll(&fd, 1, 0) == 1)
		hear();
}

/* ---- a document ---------------------------------------------------------- */

/*
 * A document may be a pipe that has more to come.  False: canceled, or it
 * cannot be read.
 */
static bool
take(int fd, char text[TEXT_LEN], size_t *len, int *error)
{
	struct pollfd fds[2] = {
		{ .fd = fd, .events = POLLIN },
		{ .fd = WIRE_FD_CONTROL, .events = POLLIN },
	};
	char bytes[TEXT_LEN];
	uint64_t total = 0;
	ssize_t n;

	*len = 0;
	while (!canceled) {
		(void)poll(fds, 2, -1);
		if (fds[1].revents != 0)
			hear();
		if (fds[0].revents == 0)
			continue;
		n = read(fd, bytes, sizeof(bytes));
		if (n == -1 && errno == EAGAIN)
			continue;
		if (n == -1) {
			*error = -errno;
			return false;
		}
		if (n == 0)
			break;
		total += (uint64_t)n;
		if (n > TEXT_LEN - 1 - (ssize_t)*len)
			n = TEXT_LEN - 1 - (ssize_t)*len;	/* the start */
		memcpy(text + *len, bytes, (size_t)n);
		*len += (size_t)n;
		atomic_store(&board->written, total);
	}
	text[*len] = '\0';
	return !canceled;
}

static void
wait_at_the_gate(void)
{
	struct pollfd fds[2] = {
		{ .fd = gate, .events = POLLIN },
		{ .fd = WIRE_FD_CONTROL, .events = POLLIN },
	};
	char byte;

	while (!canceled) {
		(void)poll(fds, 2, -1);
		if (fds[1].revents != 0)
			hear();
		if (fds[0].revents != 0 && read(gate, &byte, 1) == 1)
			return;
	}
}

static bool
begins(const char *text, const char *word)
{
	return strncmp(text, word, strlen(word)) == 0;
}

static void
put_in_sink(const char *text, size_t len, bool again)
{
	char line[TEXT_LEN + 80];
	int fd = open(sink, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	int n;

	/* Of a long one the start will do. */
	n = snprintf(line, sizeof(line), "%s:%.*s%s\n", port,
	    (int)(len < 60 ? len : 60), text, again ? "!" : "");
	if (fd == -1 || write(fd, line, (size_t)n) != n)
		_exit(3);
	close(fd);
}

static void
leave(void)
{
	say_code(WIRE_CLOSED, 0, "");
	_exit(0);
}

static void
finish(uint64_t job, enum wire_verdict verdict, int code)
{
	uint32_t n = atomic_load(&board->finished);

	now = 0;
	atomic_store(&board->verdicts[n % WIRE_FDS], (uint8_t)verdict);
	atomic_store(&board->finished, n + 1);
	atomic_store(&board->job, 0);
	say_done(job, verdict, code, atomic_load(&board->written));
	if (verdict == WIRE_FAILED || verdict == WIRE_RETRY)
		leave();
}

/* It goes wrong, if it is one that may. */
static void
go_wrong(uint64_t job, const char *text)
{
	if (access(broken, F_OK) == -1)
		return;
	if (begins(text, "crash")) {
		signal(SIGSEGV, SIG_DFL);
		(void)raise(SIGSEGV);
	}
	if (begins(text, "reject"))
		atomic_store(&board->written, 0);
	if (begins(text, "reject") || begins(text, "fail"))
		finish(job, WIRE_FAILED, -5);
}

/* How it begins, without taking it, if that can be. */
static void
peek(int fd, char text[8])
{
	ssize_t n = pread(fd, text, 7, 0);

	text[n > 0 ? n : 0] = '\0';
}

static void
refuse(const struct doc *doc, int code)
{
	close(doc->fd);
	finish(now, WIRE_RETRY, code);
}

static void
print(const struct doc *doc)
{
	char text[TEXT_LEN] = "";
	bool whole, jams;
	int error = 0;
	size_t len = 0;

	now = doc->job;
	canceled = false;
	atomic_store(&board->written, 0);
	atomic_store(&board->job, now);
	peek(doc->fd, text);
	if (access(broken, F_OK) == 0 && begins(text, "refuse"))
		refuse(doc, -EIO);
	if (access(broken, F_OK) == 0 && begins(text, "misfit"))
		refuse(doc, -EINVAL);
	if (begins(text, "still"))
		wait_at_the_gate();
	whole = !canceled && take(doc->fd, text, &len, &error);
	jams = begins(text, "jam");
	if (jams)
		say_paper_out(true);
	if (whole && (jams || begins(text, "slow")))
		wait_at_the_gate();
	if (jams)
		say_paper_out(false);
	close(doc->fd);
	if (canceled)
		finish(now, WIRE_CANCELED, -125);
	else if (error != 0)
		finish(now, atomic_load(&board->written) == 0 ? WIRE_NOTHING :
		    WIRE_INCOMPLETE, error);
	else {
		go_wrong(now, text);
		put_in_sink(text, len, (doc->flags & WIRE_DOC_RESTARTED) != 0);
		finish(now, WIRE_DONE, 0);
	}
}

static void
open_port(void)
{
	if (opened)
		return;
	atomic_store(&board->job, docs[0].job);
	opened = access(closed, F_OK) == -1;
	say_code(WIRE_OPENED, opened ? 0 : -5, opened ? "" : "it is closed");
	if (!opened)
		leave();
}

static void
serve(void)
{
	struct doc doc;

	say_code(WIRE_READY, 0, "");
	for (;;) {
		hear_all();
		if (n_docs == 0 && closing)
			leave();
		if (n_docs == 0) {
			hear();
			continue;
		}
		open_port();
		doc = docs[0];
		drop_first(0);
		print(&doc);
	}
}

static void
set(char *to, size_t size, const char *value)
{
	snprintf(to, size, "%s", value);
}

static void
read_settings(void)
{
	const char *key, *value;
	uint32_t i, n;

	if (wire_recv(&in, WIRE_FD_CONTROL) != WIRE_SETUP ||
	    wire_recv(&in, WIRE_FD_CONTROL) != WIRE_PORT)
		_exit(98);
	set(port, sizeof(port), wire_get_str(&in));
	(void)wire_get_str(&in);
	for (i = 0; i < 3; i++)
		(void)wire_get_u32(&in);
	n = wire_get_u32(&in);
	for (i = 0; i < n && !in.bad; i++) {
		key = wire_get_str(&in);
		value = wire_get_str(&in);
		(void)wire_get_u32(&in);
		if (strcmp(key, "sink") == 0)
			set(sink, sizeof(sink), value);
		else if (strcmp(key, "broken") == 0)
			set(broken, sizeof(broken), value);
		else if (strcmp(key, "closed") == 0)
			set(closed, sizeof(closed), value);
		else if (strcmp(key, "gate") == 0)
			gate = open(value, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	}
	if (wire_done(&in) == -1)
		_exit(97);
}

int
main(void)
{
	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED,
	    WIRE_FD_BOARD, 0);
	if (board == MAP_FAILED)
		return 96;
	read_settings();
	serve();
}
