/*
 * check_hostproc.c - a port and its host, when the host is anything but good.
 *
 * fake_printport_host does what the port's setting `script` says.  Whatever
 * that is: each document comes back once and in order, nothing leaks, and a
 * good host prints the rest.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/util.h>

#include "daemon/hostproc.h"
#include "daemon/log.h"
#include "daemon/port.h"
#include "daemon/shared_conf.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))
#define DOCS		3	/* in a test that does not say otherwise */
#define DOCS_MAX	200
#define TEXT		"what the client prints\n"

static struct event_base *base;
static struct shared_conf *shared;
static struct port *port;
static struct document docs[DOCS_MAX];
static int clients[DOCS_MAX];
static int n_docs, n_sent, fds_before;
static bool idle;
static bool spooled;		/* documents have numbers, as of the spool */

/* What came back, in that order. */
static struct {
	int			 doc;
	enum wire_verdict	 verdict;
	uint64_t		 written;
	char			 text[64];
} back[DOCS_MAX + 1];
static int n_back;

/* ---- tools ---- */

static const char *
path(const char *name)
{
	static char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s/%s", suite_directory(), name);
	return text;
}

static int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* Our standard error is the log, a file. */
static bool
logged(const char *part)
{
	struct stat st;
	char *text;
	bool found;

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(pread(STDERR_FILENO, text, (size_t)st.st_size, 0),
	    st.st_size);
	found = strstr(text, part) != NULL;
	free(text);
	return found;
}

static struct shared_conf *
configuration(const char *program, const char *script)
{
	struct conf_errors errors;
	struct shared_conf *made;
	struct conf *conf;
	FILE *file = fopen(path("test.ini"), "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "[daemon]\nspool_directory = .\nhost_program = %s\n"
	    "[port lobby]\nmonitor = null\ncall_timeout = 1s\n"
	    "max_waiting = %d\nscript = %s\n", program, DOCS_MAX - 1, script);
	fclose(file);
	conf = conf_load(path("test.ini"), &errors);
	ck_assert_msg(conf != NULL, "%s", errors.v[0].text);
	made = shared_conf_new(conf);
	ck_assert_ptr_nonnull(made);
	return made;
}

static void
set_up(void)
{
	int fd;

	/* What the test runner left open must not count for the host. */
	ck_assert_int_eq(close_range(3, ~0u, CLOSE_RANGE_CLOEXEC), 0);
	fd = open(path("log"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	ck_assert_int_ne(dup2(fd, STDERR_FILENO), -1);
	close(fd);
	log_open(LOG_LEVEL_INFO, false);
	evutil_secure_rng_init();
	base = event_base_new();
	ck_assert_ptr_nonnull(base);
	n_back = n_docs = n_sent = 0;
	spooled = false;
	idle = false;
	port = NULL;
	fds_before = count_fds();
}

static uint64_t last_id;

static uint64_t
next_id(void *arg)
{
	(void)arg;
	return ++last_id;
}

static const struct port_ids ids = { .next = next_id };

static void
tear_down(void)
{
	port_free(port);
	shared_conf_release(shared);
	event_base_free(base);
	shared = NULL;
}

/* One turn; nothing to wait for at all means that it would be for ever. */
static void
turn(void)
{
	ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

static void
new_port(const char *script)
{
	shared = configuration(FAKE_PRINTPORT_HOST, script);
	port = port_new(base, &ids, shared, "lobby");
	ck_assert_ptr_nonnull(port);
}

static void
configure(const char *script)
{
	shared_conf_release(shared);
	shared = configuration(FAKE_PRINTPORT_HOST, script);
	port_configure(port, shared);
}

static void
on_done(struct document *doc, const struct wire_outcome *outcome)
{
	ck_assert_int_lt(n_back, n_docs);
	back[n_back].doc = (int)(doc - docs);
	back[n_back].verdict = outcome->verdict;
	back[n_back].written = outcome->written;
	snprintf(back[n_back].text, sizeof(back[n_back].text), "%s",
	    outcome->text);
	n_back++;
	close(doc->fd);
}

static void
on_sent(struct document *doc)
{
	ck_assert_ptr_eq(doc, &docs[n_sent]);
	n_sent++;
}

static void
on_idle(void *arg)
{
	(void)arg;
	idle = true;
}

static void
print_one(int i)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC |
	    SOCK_NONBLOCK, 0, pair), 0);
	ck_assert_int_eq(write(pair[1], TEXT, strlen(TEXT)),
	    (ssize_t)strlen(TEXT));
	ck_assert_int_eq(shutdown(pair[1], SHUT_WR), 0);
	clients[i] = pair[1];
	docs[i] = (struct document){ .fd = pair[0], .queue = "q",
	    .done = on_done, .sent = on_sent, .spooled = spooled,
	    .job = (uint64_t)i + 1 };
	n_docs++;
	ck_assert_int_eq(port_print(port, &docs[i]), 0);
}

static void
print(int n)
{
	int i;

	for (i = 0; i < n; i++)
		print_one(i);
}

static void
wait_for_backoff(void)
{
	while (port_state(port) != PORT_BACKOFF)
		turn();
}

static void
wait_for_back(int n)
{
	while (n_back < n)
		turn();
}

static void
expect_back(int i, enum wire_verdict verdict)
{
	ck_assert_int_lt(i, n_back);
	ck_assert_int_eq(back[i].doc, i);
	ck_assert_msg(back[i].verdict == verdict, "document %d: %s, not %s",
	    i, wire_verdict_name(back[i].verdict),
	    wire_verdict_name(verdict));
	if (verdict == WIRE_DONE && back[i].text[0] != '\0')
		ck_assert_uint_eq(back[i].written, strlen(TEXT));
}

/* Retire the port, and see that nothing of it is left. */
static void
expect_nothing_left(void)
{
	int i;

	port_retire(port, on_idle, NULL);
	while (!idle)
		turn();
	ck_assert_int_eq(n_back, n_docs);
	for (i = 0; i < n_docs; i++)
		close(clients[i]);
	ck_assert_int_eq(count_fds(), fds_before);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

/* ---- bad hosts ---- */

/*
 * What the first of three documents come back as before the port backs off:
 * D done, F failed, R retry.  The others wait for the next host.
 */
struct misdeed {
	const char	*script;
	const char	*verdicts;
	const char	*reason;	/* in the log */
};

#define NONSENSE	"reason=\"answered nonsense\""
#define SERVING		"ready opened docs begin "

static const struct misdeed misdeeds[] = {
	/* before it is ready: who waits first is told */
	{ "unready", "R", "could not load its monitor" },
	{ "unopened", "R", "could not open its port" },
	{ "exit-3", "R", "exited with status 3" },
	{ "crash", "R", "was ended by signal 11" },
	{ "hang-up", "R", "hung up" },
	{ "deaf", "R", "does not come to its end" },
	{ "garbage", "R", NONSENSE },
	{ "stranger", "R", NONSENSE },

	/* before it has begun with one: none is touched, all stay in line */
	{ "ready opened docs exit-3", "", "exited with status 3" },
	{ "ready opened docs crash", "", "was ended by signal 11" },
	{ "ready opened docs garbage", "", NONSENSE },
	{ "ready opened docs hang-up", "", "hung up" },
	{ "ready docs unopened", "R", "the printer is on fire" },

	/* at work: that one is lost */
	{ SERVING "exit-3", "F", "exited with status 3" },
	{ SERVING "exit-0", "F", "port is tried again later" },
	{ SERVING "crash", "F", "was ended by signal 11" },
	{ SERVING "hang-up", "F", "hung up" },
	{ SERVING "hang", "F", "hangs in write_port" },
	{ SERVING "flood exit-3", "F", "text=flood" },
	{ SERVING "leave-a-child", "F", "port is tried again later" },
	{ SERVING "fail begin exit-3", "FF", "exited with status 3" },
	{ "ready opened docs print-one begin exit-3", "DF", "status 3" },

	/* the board knows more than was said */
	{ SERVING "finish-silently begin exit-3", "DF", "status 3" },
	{ SERVING "finish-silently finish-silently exit-3", "DD", "status 3" },

	/* nonsense in every form */
	{ SERVING "garbage", "F", NONSENSE },
	{ SERVING "unknown-type", "F", NONSENSE },
	{ SERVING "wrong-direction", "F", NONSENSE },
	{ SERVING "empty", "F", "hung up" },
	{ SERVING "too-long", "F", NONSENSE },
	{ SERVING "huge-count", "F", NONSENSE },
	{ SERVING "huge-string", "F", NONSENSE },
	{ SERVING "stranger", "F", NONSENSE },
	{ SERVING "skip", "F", NONSENSE },
	{ "ready opened docs print-one repeat", "D", NONSENSE },
	{ SERVING "bad-verdict", "F", NONSENSE },
	{ SERVING "bad-status", "F", NONSENSE },
	{ SERVING "bad-severity", "F", NONSENSE },
	{ SERVING "foreign-fds", "F", NONSENSE },

	/* lies in the shared page */
	{ "ready opened docs lie-about-finished", "", "status 1" },
	{ "ready opened docs lie-about-verdict", "F", "status 1" },
	{ "ready opened docs lie-about-life", "F", "hangs in unknown call" },
};

static enum wire_verdict
verdict_of(char letter)
{
	return letter == 'D' ? WIRE_DONE : letter == 'F' ? WIRE_FAILED :
	    WIRE_RETRY;
}

START_TEST(a_bad_host_costs_no_more_than_it_must)
{
	const struct misdeed *misdeed = &misdeeds[_i];
	int i, n = (int)strlen(misdeed->verdicts);

	new_port(misdeed->script);
	print(DOCS);
	wait_for_backoff();
	ck_assert_msg(n_back == n, "%s: %d came back, not %d",
	    misdeed->script, n_back, n);
	for (i = 0; i < n; i++)
		expect_back(i, verdict_of(misdeed->verdicts[i]));
	ck_assert_uint_eq(port_waiting(port), (size_t)(DOCS - n));
	ck_assert_msg(logged(misdeed->reason), "%s", misdeed->script);
	ck_assert(logged("port is tried again later"));

	configure("serve");
	wait_for_back(DOCS);
	for (i = n; i < DOCS; i++)
		expect_back(i, WIRE_DONE);
	expect_nothing_left();
}
END_TEST

START_TEST(a_failed_port_is_tried_again_by_itself)
{
	new_port("ready opened docs exit-3");
	print(1);
	while (!logged("failures=2"))
		turn();
	ck_assert_int_eq(n_back, 0);
	configure("serve");
	wait_for_back(1);
	expect_back(0, WIRE_DONE);
	expect_nothing_left();
}
END_TEST

START_TEST(success_ends_the_counting_of_failures)
{
	new_port("ready opened docs exit-3");
	print(1);
	wait_for_backoff();
	configure("serve");
	wait_for_back(1);
	configure("ready opened docs exit-3");
	print_one(1);
	wait_for_backoff();
	ck_assert(!logged("failures=2"));
	configure("serve");
	wait_for_back(2);
	expect_nothing_left();
}
END_TEST

START_TEST(a_host_that_cannot_be_started_is_told)
{
	static const char *const programs[] = { "/nonexistent/host",
	    "/dev/null", "/" };

	shared = configuration(programs[_i], "serve");
	port = port_new(base, &ids, shared, "lobby");
	ck_assert_ptr_nonnull(port);
	print(2);
	wait_for_backoff();
	ck_assert_int_eq(n_back, 1);
	expect_back(0, WIRE_RETRY);
	ck_assert(logged("port host cannot be started"));
	ck_assert(logged(programs[_i]));
	/* Another program is no other port: it waits for its time. */
	configure("serve");
	wait_for_back(2);
	expect_back(1, WIRE_DONE);
	expect_nothing_left();
}
END_TEST

/* ---- good hosts ---- */

START_TEST(a_good_host_prints_all_in_order)
{
	int i;

	new_port("serve");
	print(DOCS_MAX);
	wait_for_back(DOCS_MAX);
	for (i = 0; i < DOCS_MAX; i++) {
		expect_back(i, WIRE_DONE);
		ck_assert_uint_eq(docs[i].job, (uint64_t)i + 1);
	}
	expect_nothing_left();
}
END_TEST

START_TEST(what_is_only_odd_does_no_harm)
{
	log_open(LOG_LEVEL_DEBUG, false);
	new_port("bad-level foreign-status ready ready opened opened docs "
	    "print serve");
	print(DOCS);
	wait_for_back(DOCS);
	expect_back(DOCS - 1, WIRE_DONE);
	ck_assert(logged("text=\"\\x1b[2Jof no level\""));
	ck_assert(!logged("not ours"));
	ck_assert(!logged("port is tried again later"));
	expect_nothing_left();
}
END_TEST

START_TEST(a_host_gets_what_it_needs_and_no_more)
{
	ck_assert_int_eq(setenv("SECRET", "of the daemon", 1), 0);
	ck_assert_int_eq(setenv("LD_PRELOAD", "", 1), 0);
	ck_assert_int_eq(setenv("TZ", "Europe/Vienna", 1), 0);
	new_port("descriptors environment serve");
	print(1);
	wait_for_back(1);
	ck_assert(logged("text=\"there are 5 descriptors\""));
	ck_assert(logged("text=\"PATH=/usr/sbin:/usr/bin:/sbin:/bin\""));
	ck_assert(logged("text=\"TZ=Europe/Vienna\""));
	ck_assert(!logged("SECRET"));
	ck_assert(!logged("LD_PRELOAD"));
	expect_nothing_left();
}
END_TEST

START_TEST(what_a_host_prints_is_logged_by_line)
{
	new_port("mumble ready opened docs print exit-3");
	print(1);
	wait_for_backoff();
	expect_back(0, WIRE_DONE);
	ck_assert(logged("text=\"first line\""));
	ck_assert(logged("text=\"second \\x1b[1mline\""));
	ck_assert(logged("text=\"no newline\""));
	expect_nothing_left();
}
END_TEST

/* ---- the line ---- */

START_TEST(a_full_line_takes_no_more)
{
	struct document more = { .fd = -1, .done = on_done };

	new_port("serve");
	print(DOCS_MAX);
	ck_assert_int_eq(port_print(port, &more), -1);
	wait_for_back(DOCS_MAX);
	expect_nothing_left();
	ck_assert_int_eq(port_print(port, &more), -1);
}
END_TEST

START_TEST(drain_gives_back_what_was_not_started)
{
	int i;

	new_port("serve");
	print(DOCS);
	port_drain(port, on_idle, NULL);
	ck_assert_int_eq(n_back, DOCS);
	for (i = 0; i < DOCS; i++)
		expect_back(i, WIRE_CANCELED);
	expect_nothing_left();
}
END_TEST

/* Children that still run are ours: their number stands in /proc. */
static void
end_children(void)
{
	FILE *children = fopen("/proc/thread-self/children", "r");
	int pid;

	ck_assert_ptr_nonnull(children);
	while (fscanf(children, "%d", &pid) == 1)
		ck_assert_int_eq(kill(pid, SIGKILL), 0);
	fclose(children);
	while (waitpid(-1, NULL, 0) > 0)
		continue;
}

/* What the host had comes back; the process is left to itself. */
START_TEST(a_port_can_be_freed_at_any_time)
{
	static const char *const scripts[] = { "deaf", "ready opened",
	    "ready opened docs", SERVING, SERVING "flood" };
	int i;

	new_port(scripts[_i]);
	print(DOCS);
	while (_i == 0 ? port_state(port) != PORT_STARTING :
	    port_waiting(port) > 0)
		turn();
	port_free(port);
	port = NULL;
	ck_assert_int_eq(n_back, DOCS);
	for (i = 0; i < DOCS; i++) {
		expect_back(i, WIRE_CANCELED);
		close(clients[i]);
	}
	ck_assert_int_eq(count_fds(), fds_before);
	end_children();
}
END_TEST

/* ---- pages that come out when all is sent ---- */

static void
print_sent(const char *script, int n)
{
	int i;

	new_port(script);
	spooled = true;
	for (i = 0; i < n; i++)
		print_one(i);
	while (n_sent < n)
		turn();
}

/* The same with a host that waits then. */
static void
print_and_wait(const char *script)
{
	print_sent(script, 1);
	ck_assert_int_eq(n_back, 0);
}

/* One at a time is what a port is given that nobody knows yet. */
START_TEST(rule_45_the_next_may_start_before_the_last_page_is_out)
{
	new_port("ready opened docs send docs send eject close");
	spooled = true;
	print_one(0);
	ck_assert_uint_eq(port_room(port), 0);
	while (n_sent < 1)
		turn();
	ck_assert_uint_gt(port_room(port), 0);
	ck_assert_int_eq(n_back, 0);
	ck_assert_uint_eq(port_written(port, 1), strlen(TEXT));
	print_one(1);
	wait_for_back(2);
	expect_back(0, WIRE_DONE);
	expect_back(1, WIRE_DONE);
	expect_nothing_left();
}
END_TEST

START_TEST(a_host_has_never_more_than_it_can_take)
{
	char script[1024] = "ready opened";
	int i;

	for (i = 0; i < HOSTPROC_DOCS; i++)
		strcat(script, " docs send");
	strcat(script, " eject close");
	new_port(script);
	spooled = true;
	for (i = 0; i < HOSTPROC_DOCS; i++) {
		ck_assert_uint_gt(port_room(port), 0);
		print_one(i);
		while (n_sent < i + 1 && i + 1 < HOSTPROC_DOCS)
			turn();
		ck_assert_uint_le(port_room(port),
		    (unsigned int)(HOSTPROC_DOCS - i - 1));
	}
	ck_assert_uint_eq(port_room(port), 0);
	wait_for_back(HOSTPROC_DOCS);
	ck_assert_uint_gt(port_room(port), 0);
	expect_nothing_left();
}
END_TEST

/* What is in the printer is not printed again, whatever becomes of the host. */
START_TEST(what_was_sent_is_done_when_the_host_is_gone)
{
	static const char *const ends[] = { "exit-3", "crash", "hang-up",
	    "garbage", "send-stranger", "send-again", "fail-sent" };
	char script[64];
	int i;

	snprintf(script, sizeof(script), "ready opened docs send %s",
	    ends[_i]);
	print_sent(script, 2);
	wait_for_backoff();
	ck_assert_int_eq(n_back, 2);
	for (i = 0; i < 2; i++) {
		expect_back(i, WIRE_DONE);
		ck_assert_msg(strncmp(back[i].text, "sent; ", 6) == 0, "%s",
		    back[i].text);
	}
	configure("serve");
	print_one(2);
	wait_for_back(3);
	expect_back(2, WIRE_DONE);
	expect_nothing_left();
}
END_TEST

/* A client has nothing to wait for. */
START_TEST(what_a_client_streams_is_never_only_sent)
{
	new_port("ready opened docs send");
	print(1);
	wait_for_backoff();
	ck_assert(logged(NONSENSE));
	ck_assert_int_eq(n_sent, 0);
	configure("serve");
	expect_back(0, WIRE_DONE);	/* as the board has it */
	expect_nothing_left();
}
END_TEST

START_TEST(what_was_sent_can_be_canceled)
{
	static const uint32_t flags[] = { 4, 0 };
	static const enum wire_verdict verdicts[] = { WIRE_CANCELED,
	    WIRE_DONE };

	print_and_wait("ready opened docs send obey-cancel close");
	port_cancel_document(port, &docs[0], flags[_i]);
	wait_for_back(1);
	expect_back(0, verdicts[_i]);
	expect_nothing_left();
}
END_TEST

/* drain_timeout has passed: the record must not say that it is to print. */
START_TEST(what_was_sent_is_done_when_the_daemon_ends)
{
	print_and_wait("ready opened docs send obey-cancel close");
	port_drain(port, on_idle, NULL);
	ck_assert_int_eq(n_back, 0);
	port_cancel(port);
	wait_for_back(1);
	expect_back(0, WIRE_DONE);
	expect_nothing_left();
}
END_TEST

START_TEST(what_was_sent_is_done_when_the_port_is_freed)
{
	print_sent("ready opened docs send", 2);
	ck_assert_int_eq(n_back, 0);
	port_free(port);
	port = NULL;
	ck_assert_int_eq(n_back, 2);
	expect_back(0, WIRE_DONE);
	expect_back(1, WIRE_DONE);
	end_children();
}
END_TEST

/* A port that is to close waits for pages, but not for paper. */
START_TEST(rule_23_a_port_with_pages_to_come_is_not_closed)
{
	print_and_wait("ready opened docs send obey-cancel close");
	port_retire(port, on_idle, NULL);
	ck_assert_int_eq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	ck_assert_int_eq(port_state(port), PORT_OPEN);
	port_cancel_document(port, &docs[0], 4);
	while (!idle)
		turn();
	ck_assert_int_eq(n_back, 1);
	expect_back(0, WIRE_CANCELED);
	close(clients[0]);
}
END_TEST

START_TEST(a_port_without_paper_is_closed_if_it_is_to)
{
	print_and_wait("ready opened docs send paper-out close");
	port_retire(port, on_idle, NULL);
	while (!idle)
		turn();
	ck_assert_int_eq(n_back, 1);
	expect_back(0, WIRE_DONE);
	close(clients[0]);
}
END_TEST

/* ---- hostproc alone ---- */

struct record {
	int	 n_ready, n_gone, n_other;
	char	 why[64];
	bool	 orderly;
};

static void
record_ready(void *arg, int code, const char *text)
{
	struct record *record = arg;

	(void)text;
	ck_assert_int_eq(code, 0);
	record->n_ready++;
}

static void
record_opened(void *arg, int code, const char *text)
{
	struct record *record = arg;

	(void)code;
	(void)text;
	record->n_other++;
}

static void
record_done(void *arg, const struct wire_outcome *outcome)
{
	struct record *record = arg;

	(void)outcome;
	record->n_other++;
}

static void
record_sent(void *arg, uint64_t job, uint64_t written)
{
	struct record *record = arg;

	(void)job;
	(void)written;
	record->n_other++;
}

static void
record_settled(void *arg)
{
	(void)arg;
}

static void
record_status(void *arg, uint32_t status, uint32_t severity,
    const char *text)
{
	struct record *record = arg;

	(void)status;
	(void)severity;
	(void)text;
	record->n_other++;
}

static void
record_log(void *arg, uint32_t level, const char *text)
{
	struct record *record = arg;

	(void)level;
	(void)text;
	record->n_other++;
}

static void
record_gone(void *arg, const char *why, bool orderly)
{
	struct record *record = arg;

	record->n_gone++;
	record->orderly = orderly;
	snprintf(record->why, sizeof(record->why), "%s", why);
}

static const struct hostproc_ops ops = {
	.ready = record_ready,	   .opened = record_opened,
	.sent = record_sent,	   .done = record_done,
	.settled = record_settled,
	.status = record_status,   .log = record_log,
	.gone = record_gone,
};

static struct hostproc *
start(const char *script, struct record *record)
{
	struct hostproc *hp;

	*record = (struct record){ 0 };
	shared = configuration(FAKE_PRINTPORT_HOST, script);
	hp = hostproc_start(base, shared->conf, &shared->conf->ports[0], &ops,
	    record);
	ck_assert_ptr_nonnull(hp);
	while (record->n_ready == 0)
		turn();
	return hp;
}

static void
end(struct hostproc *hp, struct record *record)
{
	while (record->n_gone == 0)
		turn();
	ck_assert_int_eq(record->n_gone, 1);
	hostproc_free(hp);
	ck_assert_int_eq(count_fds(), fds_before);
}

START_TEST(a_host_that_is_told_to_close_ends_orderly)
{
	struct record record;
	struct hostproc *hp = start("serve", &record);

	hostproc_close(hp);
	end(hp, &record);
	ck_assert(record.orderly);
	ck_assert_str_eq(record.why, "exited with status 0");
}
END_TEST

START_TEST(the_first_reason_to_kill_is_the_one)
{
	struct record record;
	struct hostproc *hp = start("ready", &record);

	hostproc_kill(hp, "enough");
	hostproc_kill(hp, "more than enough");
	end(hp, &record);
	ck_assert(!record.orderly);
	ck_assert_str_eq(record.why, "enough");
}
END_TEST

START_TEST(somebody_else_may_kill_it)
{
	struct record record;
	struct hostproc *hp = start("ready", &record);

	ck_assert_int_eq(kill(hostproc_pid(hp), SIGTERM), 0);
	end(hp, &record);
	ck_assert_str_eq(record.why, "was ended by signal 15 (Terminated)");
}
END_TEST

/* Documents wait for room; a host that takes nothing at all is killed. */
START_TEST(a_host_that_does_not_listen)
{
	struct wire_doc doc = { .job = 1, .queue = "q" };
	struct record record;
	struct hostproc *hp = start("ready", &record);
	int i;

	do
		for (i = 0; i < HOSTPROC_DOCS; i++)
			ck_assert(hostproc_add(hp, &doc, STDIN_FILENO));
	while (hostproc_flush(hp));
	ck_assert(!hostproc_add(hp, &doc, STDIN_FILENO));
	ck_assert(!hostproc_flush(hp));
	ck_assert_int_eq(record.n_gone, 0);
	/* There may be room for some: they are short. */
	for (i = 0; i < 10000; i++)
		hostproc_cancel(hp, 1, 0);
	end(hp, &record);
	ck_assert_str_eq(record.why, "does not take its messages");
}
END_TEST

START_TEST(the_board_is_the_hosts)
{
	struct record record;
	struct hostproc *hp = start("begin finish-silently ready", &record);
	const struct wire_board *board = hostproc_board(hp);

	ck_assert_uint_eq(atomic_load(&board->finished), 1);
	ck_assert_uint_eq(atomic_load(&board->written), 17);
	ck_assert_int_gt(atomic_load(&board->alive_ms), 0);
	hostproc_kill(hp, "seen");
	end(hp, &record);
}
END_TEST

START_TEST(a_program_that_is_none_leaves_nothing_behind)
{
	struct record record = { 0 };

	shared = configuration("/nonexistent/host", "serve");
	ck_assert_ptr_null(hostproc_start(base, shared->conf,
	    &shared->conf->ports[0], &ops, &record));
	ck_assert_int_eq(errno, ENOENT);
	ck_assert_int_eq(count_fds(), fds_before);
	ck_assert_int_eq(record.n_gone, 0);
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 120);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *
hostproc_suite(void)
{
	Suite *suite = suite_create("hostproc");
	TCase *tcase;

	tcase = new_case(suite, "bad");
	tcase_add_loop_test(tcase, a_bad_host_costs_no_more_than_it_must, 0,
	    COUNT(misdeeds));
	tcase_add_test(tcase, a_failed_port_is_tried_again_by_itself);
	tcase_add_test(tcase, success_ends_the_counting_of_failures);
	tcase_add_loop_test(tcase, a_host_that_cannot_be_started_is_told, 0,
	    3);

	tcase = new_case(suite, "good");
	tcase_add_test(tcase, a_good_host_prints_all_in_order);
	tcase_add_test(tcase, what_is_only_odd_does_no_harm);
	tcase_add_test(tcase, a_host_gets_what_it_needs_and_no_more);
	tcase_add_test(tcase, what_a_host_prints_is_logged_by_line);

	tcase = new_case(suite, "line");
	tcase_add_test(tcase, a_full_line_takes_no_more);
	tcase_add_test(tcase, drain_gives_back_what_was_not_started);
	tcase_add_loop_test(tcase, a_port_can_be_freed_at_any_time, 0, 5);

	tcase = new_case(suite, "sent");
	tcase_add_test(tcase,
	    rule_45_the_next_may_start_before_the_last_page_is_out);
	tcase_add_test(tcase, a_host_has_never_more_than_it_can_take);
	tcase_add_loop_test(tcase,
	    what_was_sent_is_done_when_the_host_is_gone, 0, 7);
	tcase_add_test(tcase, what_a_client_streams_is_never_only_sent);
	tcase_add_loop_test(tcase, what_was_sent_can_be_canceled, 0, 2);
	tcase_add_test(tcase, what_was_sent_is_done_when_the_daemon_ends);
	tcase_add_test(tcase, what_was_sent_is_done_when_the_port_is_freed);
	tcase_add_test(tcase, rule_23_a_port_with_pages_to_come_is_not_closed);
	tcase_add_test(tcase, a_port_without_paper_is_closed_if_it_is_to);

	tcase = new_case(suite, "process");
	tcase_add_test(tcase, a_host_that_is_told_to_close_ends_orderly);
	tcase_add_test(tcase, the_first_reason_to_kill_is_the_one);
	tcase_add_test(tcase, somebody_else_may_kill_it);
	tcase_add_test(tcase, a_host_that_does_not_listen);
	tcase_add_test(tcase, the_board_is_the_hosts);
	tcase_add_test(tcase, a_program_that_is_none_leaves_nothing_behind);
	return suite;
}

int
main(void)
{
	return suite_main(hostproc_suite());
}
