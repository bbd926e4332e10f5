/*
 * fake_printport_host.c - stands in for printport-host, and does as it is told.
 *
 * The port's setting `script` is a row of words, done one by one; after the
 * last it waits for ever, or to be killed.  An honest one is "serve".
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "monitor/wire.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define FLOOD		100000
#define FOREIGN_FDS	10

static struct wire in, out;
static struct wire_board *board;
static char script[1024];

/* Documents that were given and not yet told as done. */
static struct wire_doc docs[WIRE_FDS];
static int fds[WIRE_FDS];
static uint32_t n_docs, n_done;
static uint64_t sent[WIRE_FDS];		/* jobs, not yet told as done */
static uint64_t sent_bytes;		/* of each of them */
static uint32_t n_sent;

static int64_t
clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The daemon is gone, or does not want to hear more: so are we. */
static void
say(void)
{
	if (wire_send(&out, WIRE_FD_CONTROL) == -1)
		_exit(1);
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
say_log(const char *text)
{
	wire_begin(&out, WIRE_LOG);
	wire_put_u32(&out, 3);
	wire_put_str(&out, text);
	say();
}

static void
say_done(uint64_t job, enum wire_verdict verdict, uint64_t written)
{
	struct wire_outcome outcome = { .job = job, .verdict = verdict,
	    .written = written, .text = "as the script has it" };

	wire_begin(&out, WIRE_DOCS_DONE);
	wire_put_u32(&out, 1);
	wire_put_outcome(&out, &outcome);
	say();
}

static void
note_on_board(enum wire_verdict verdict)
{
	uint32_t n = atomic_load(&board->finished);

	atomic_store(&board->verdicts[n % WIRE_FDS], (uint8_t)verdict);
	atomic_store(&board->job, 0);
	atomic_store(&board->finished, n + 1);
}

/* ---- as it should be ---- */

static void
ready(void)
{
	say_code(WIRE_READY, 0, "");
}

static void
opened(void)
{
	say_code(WIRE_OPENED, 0, "");
}

static int
hear(void)
{
	int type = wire_recv(&in, WIRE_FD_CONTROL);

	if (type <= 0)
		_exit(1);
	return type;
}

static void
take_docs(void)
{
	uint32_t n = wire_get_u32(&in);

	for (n_docs = n_done = 0; n_docs < n; n_docs++) {
		wire_get_doc(&in, &docs[n_docs]);
		fds[n_docs] = wire_take_fd(&in);
	}
	if (wire_done(&in) == -1)
		_exit(2);
}

static void
wait_for_docs(void)
{
	if (hear() != WIRE_DOCS)
		_exit(2);
	take_docs();
}

static uint64_t
read_to_end(int fd)
{
	char bytes[4096];
	uint64_t total = 0;
	ssize_t n;

	(void)fcntl(fd, F_SETFL, 0);
	while ((n = read(fd, bytes, sizeof(bytes))) > 0)
		total += (uint64_t)n;
	close(fd);
	return total;
}

static void
begin(void)
{
	atomic_store(&board->alive_ms, clock_ms());
	atomic_store(&board->job, docs[n_done].job);
	atomic_store(&board->written, 17);
}

static void
print_one(void)
{
	uint64_t written;

	begin();
	written = read_to_end(fds[n_done]);
	note_on_board(WIRE_DONE);
	say_done(docs[n_done].job, WIRE_DONE, written);
	n_done++;
}

static void
print(void)
{
	while (n_done < n_docs)
		print_one();
}

static void
say_sent(uint64_t job, uint64_t written)
{
	wire_begin(&out, WIRE_SENT);
	wire_put_u64(&out, job);
	wire_put_u64(&out, written);
	say();
}

/* All that it was given is in the port; the pages are not out. */
static void
send_all(void)
{
	for (; n_done < n_docs; n_done++) {
		begin();
		sent[n_sent] = docs[n_done].job;
		note_on_board(WIRE_DONE);
		sent_bytes = read_to_end(fds[n_done]);
		say_sent(sent[n_sent++], sent_bytes);
	}
}

/* Now they are. */
static void
eject(void)
{
	uint32_t i;

	for (i = 0; i < n_sent; i++)
		say_done(sent[i], WIRE_DONE, sent_bytes);
	n_sent = 0;
}

/* A person's word on the first that was sent. */
static void
obey_cancel(void)
{
	uint64_t job;
	uint32_t flags;

	if (hear() != WIRE_CANCEL)
		_exit(2);
	job = wire_get_u64(&in);
	flags = wire_get_u32(&in);
	if (wire_done(&in) == -1 || n_sent == 0 || job != sent[0])
		_exit(2);
	say_done(job, (flags & 4) != 0 ? WIRE_CANCELED : WIRE_DONE,
	    sent_bytes);
	memmove(sent, sent + 1, --n_sent * sizeof(sent[0]));
}

static void
leave(void)
{
	say_code(WIRE_CLOSED, 0, "");
	_exit(0);
}

static void
serve(void)
{
	ready();
	opened();
	for (;;)
		switch (hear()) {
		case WIRE_DOCS:
			take_docs();
			print();
			break;
		case WIRE_CLOSE:
			leave();
			break;
		default:
			wire_drop_fds(&in);
		}
}

static void
wait_for_close(void)
{
	while (hear() != WIRE_CLOSE)
		wire_drop_fds(&in);
	leave();
}

/* How many descriptors there are, by way of the log. */
static void
descriptors(void)
{
	char text[64];
	DIR *dir = opendir("/proc/self/fd");
	int n = -3;			/* ".", ".." and that of dir */

	while (dir != NULL && readdir(dir) != NULL)
		n++;
	snprintf(text, sizeof(text), "there are %d descriptors", n);
	say_log(text);
}

static void
environment(void)
{
	char **v;

	for (v = environ; *v != NULL; v++)
		say_log(*v);
}

static void
mumble(void)
{
	fputs("first line\nsecond \x1b[1mline\nno newline", stderr);
}

/* ---- as a module or a network goes wrong ---- */

static void
unready(void)
{
	say_code(WIRE_READY, -ENOENT, "no such module");
}

static void
unopened(void)
{
	say_code(WIRE_OPENED, -EIO, "the printer is on fire");
}

static void
exit_3(void)
{
	_exit(3);
}

static void
exit_0(void)
{
	_exit(0);
}

static void
crash(void)
{
	signal(SIGSEGV, SIG_DFL);
	(void)raise(SIGSEGV);
}

/* In a call, without a sign of life since the machine was started. */
static void
hang(void)
{
	begin();
	atomic_store(&board->alive_ms, 0);
	atomic_store(&board->call, WIRE_CALL_WRITE);
}

/* Done with one, as the board knows, and killed before it could say so. */
static void
finish_silently(void)
{
	note_on_board(WIRE_DONE);
	n_done++;
}

static void
fail(void)
{
	note_on_board(WIRE_FAILED);
	say_done(docs[n_done++].job, WIRE_FAILED, 1);
}

/* ---- as an attacker would ---- */

static void
say_raw(const void *bytes, size_t len)
{
	if (send(WIRE_FD_CONTROL, bytes, len, MSG_NOSIGNAL) == -1)
		_exit(1);
}

static void
garbage(void)
{
	char bytes[1000];

	memset(bytes, 0xa5, sizeof(bytes));
	say_raw(bytes, sizeof(bytes));
}

static void
unknown_type(void)
{
	wire_begin(&out, WIRE_CLOSED + 57);
	say();
}

static void
wrong_direction(void)
{
	wire_begin(&out, WIRE_SETUP);
	say();
}

static void
empty(void)
{
	say_raw("", 0);
}

static void
too_long(void)
{
	static char bytes[WIRE_MSG_LEN + 100] = { WIRE_LOG };

	say_raw(bytes, sizeof(bytes));
}

static void
huge_count(void)
{
	wire_begin(&out, WIRE_DOCS_DONE);
	wire_put_u32(&out, UINT32_MAX);
	say();
}

static void
huge_string(void)
{
	wire_begin(&out, WIRE_LOG);
	wire_put_u32(&out, 3);
	wire_put_u32(&out, UINT32_MAX);
	say();
}

static void
stranger(void)
{
	say_done(UINT64_MAX, WIRE_DONE, 1);
}

static void
send_stranger(void)
{
	say_sent(UINT64_MAX, 1);
}

static void
send_again(void)
{
	say_sent(sent[0], 1);
}

static void
fail_sent(void)
{
	say_done(sent[0], WIRE_FAILED, 1);
}

static void
skip(void)
{
	say_done(docs[n_done + 1].job, WIRE_DONE, 1);
}

static void
repeat(void)
{
	say_done(docs[n_done - 1].job, WIRE_DONE, 1);
}

static void
bad_verdict(void)
{
	say_done(docs[n_done].job, WIRE_VERDICT_COUNT, 1);
}

static void
say_status(uint32_t status, uint32_t severity)
{
	wire_begin(&out, WIRE_STATUS);
	wire_put_str(&out, "lobby");
	wire_put_u32(&out, status);
	wire_put_u32(&out, severity);
	wire_put_str(&out, "");
	say();
}

static void
bad_status(void)
{
	say_status(13, 1);
}

static void
bad_severity(void)
{
	say_status(1, UINT32_MAX);
}

static void
paper_out(void)
{
	say_status(3, 1);
}

static void
foreign_status(void)
{
	wire_begin(&out, WIRE_STATUS);
	wire_put_str(&out, "another");
	wire_put_u32(&out, 1);
	wire_put_u32(&out, 1);
	wire_put_str(&out, "not ours");
	say();
}

static void
bad_level(void)
{
	wire_begin(&out, WIRE_LOG);
	wire_put_u32(&out, UINT32_MAX);
	wire_put_str(&out, "\x1b[2Jof no level");
	say();
}

static void
foreign_fds(void)
{
	int i;

	wire_begin(&out, WIRE_LOG);
	wire_put_u32(&out, 3);
	wire_put_str(&out, "have these");
	for (i = 0; i < FOREIGN_FDS; i++)
		wire_put_fd(&out, STDIN_FILENO);
	say();
}

static void
flood(void)
{
	int i;

	for (i = 0; i < FLOOD; i++)
		say_log("flood");
}

static void
hang_up(void)
{
	close(WIRE_FD_CONTROL);
}

/* The child talks on when its parent has been dead for long. */
static void
leave_a_child(void)
{
	if (fork() != 0)
		_exit(0);
	for (;;) {
		say_log("still here");
		if (write(STDERR_FILENO, "still here\n", 11) == -1)
			_exit(1);
	}
}

static void
lie_about_finished(void)
{
	atomic_store(&board->finished, 1000000);
	_exit(1);
}

static void
lie_about_verdict(void)
{
	atomic_store(&board->verdicts[0], 255);
	atomic_store(&board->finished, 1);
	_exit(1);
}

static void
lie_about_life(void)
{
	begin();
	atomic_store(&board->alive_ms, INT64_MIN);
	atomic_store(&board->call, UINT32_MAX);
}

static void
deaf(void)
{
	sigset_t all;

	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
}

/* ---- */

static const struct word {
	const char	*name;
	void		(*fn)(void);
} words[] = {
	{ "ready", ready }, { "opened", opened }, { "docs", wait_for_docs },
	{ "begin", begin }, { "print", print }, { "print-one", print_one },
	{ "serve", serve }, { "send", send_all }, { "eject", eject },
	{ "obey-cancel", obey_cancel }, { "close", wait_for_close },
	{ "paper-out", paper_out }, { "send-stranger", send_stranger },
	{ "send-again", send_again }, { "fail-sent", fail_sent }, { "descriptors", descriptors },
	{ "environment", environment }, { "mumble", mumble },
	{ "unready", unready }, { "unopened", unopened },
	{ "exit-3", exit_3 }, { "exit-0", exit_0 }, { "crash", crash },
	{ "hang", hang }, { "finish-silently", finish_silently },
	{ "fail", fail }, { "garbage", garbage },
	{ "unknown-type", unknown_type },
	{ "wrong-direction", wrong_direction }, { "empty", empty },
	{ "too-long", too_long }, { "huge-count", huge_count },
	{ "huge-string", huge_string }, { "stranger", stranger },
	{ "skip", skip }, { "repeat", repeat },
	{ "bad-verdict", bad_verdict }, { "bad-status", bad_status },
	{ "bad-severity", bad_severity },
	{ "foreign-status", foreign_status }, { "bad-level", bad_level },
	{ "foreign-fds", foreign_fds }, { "flood", flood },
	{ "hang-up", hang_up }, { "leave-a-child", leave_a_child },
	{ "lie-about-finished", lie_about_finished },
	{ "lie-about-verdict", lie_about_verdict },
	{ "lie-about-life", lie_about_life }, { "deaf", deaf },
};

/* A word that is none must not look like a host that does nothing. */
static void
act(const char *name)
{
	size_t i;

	for (i = 0; i < COUNT(words); i++)
		if (strcmp(words[i].name, name) == 0) {
			words[i].fn();
			return;
		}
	say_log("the script has a word that is none");
	_exit(99);
}

/* SETUP and PORT; of the port only the script counts. */
static void
read_script(void)
{
	uint32_t i, n;
	const char *key, *value;

	if (hear() != WIRE_SETUP || hear() != WIRE_PORT)
		_exit(98);
	(void)wire_get_str(&in);
	(void)wire_get_str(&in);
	for (i = 0; i < 3; i++)
		(void)wire_get_u32(&in);
	n = wire_get_u32(&in);
	for (i = 0; i < n && !in.bad; i++) {
		key = wire_get_str(&in);
		value = wire_get_str(&in);
		(void)wire_get_u32(&in);
		if (strcmp(key, "script") == 0)
			snprintf(script, sizeof(script), "%s", value);
	}
	if (wire_done(&in) == -1)
		_exit(97);
}

int
main(void)
{
	char *word, *rest = script;

	board = mmap(NULL, sizeof(*board), PROT_READ | PROT_WRITE, MAP_SHARED,
	    WIRE_FD_BOARD, 0);
	if (board == MAP_FAILED)
		return 96;
	read_script();
	while ((word = strsep(&rest, " ")) != NULL)
		act(word);
	for (;;)
		pause();
}
