/*
 * check_dispatch.c - jobs from the store to the ports, and what people do to
 * them.  A store that fails is in check_dispatch_store.c.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/counters.h"
#include "daemon/port.h"
#include "daemon/spooler.h"
#include "tests/press.h"
#include "tests/suite.h"

#define QUEUE(name)	"[queue " name "]\ndelivery = spool\n"
#define Q_A		QUEUE("q") "ports = a\n"
#define Q_AB		QUEUE("q") "ports = a, b\n"
#define R_B		QUEUE("r") "ports = b\n"
#define HOUR_MS		3600000

static struct press press;

static void
set_up(void)
{
	press_make(&press);
}

static void
tear_down(void)
{
	press_free(&press);
}

static void
expect(uint64_t id, enum job_state state)
{
	ck_assert_int_eq(press_state(&press, id), (int)state);
}

static void
await(uint64_t id, enum job_state state)
{
	press_await(&press, id, state);
}

static void
expect_why(uint64_t id, uint32_t reasons, const char *why)
{
	struct job *job = press_job(&press, id);

	ck_assert_ptr_nonnull(job);
	ck_assert_uint_eq(job->reasons, reasons);
	ck_assert_str_eq(job->why, why);
	job_free(job);
}

static void
expect_attempts(uint64_t id, uint32_t attempts, bool restarted)
{
	struct job *job = press_job(&press, id);

	ck_assert_ptr_nonnull(job);
	ck_assert_uint_eq(job->attempts, attempts);
	ck_assert_int_eq(job->restarted, restarted);
	job_free(job);
}

static void
pause_queue(const char *name)
{
	ck_assert_int_eq(press_pause_queue(&press, name, true), 0);
}

static void
resume_queue(const char *name)
{
	ck_assert_int_eq(press_pause_queue(&press, name, false), 0);
}

/* A job that is being printed, at port a. */
static uint64_t
slow_job(void)
{
	uint64_t id = press_print(&press, "q", "slow one");

	press_await_at_port(&press, "a", id);
	return id;
}

/* ---- printing ------------------------------------------------------------ */

START_TEST(a_job_is_printed_and_accounted_for)
{
	struct job *job;
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = press_print(&press, "q", "hello");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:hello\n");
	ck_assert_uint_eq(press_records(&press, id), 1);
	job = press_job(&press, id);
	ck_assert_str_eq(job->port, "a");
	ck_assert_uint_eq(job->attempts, 1);
	ck_assert_uint_eq(job->reasons, JOB_COMPLETED_SUCCESSFULLY);
	ck_assert(!job->restarted);
	job_free(job);
	ck_assert_uint_eq(counters.printed, 1);
	ck_assert_uint_eq(dispatch_running(press.dispatch), 0);
	press_stop(&press);
}
END_TEST

START_TEST(many_jobs_are_printed_in_order_and_once)
{
	char lines[4000] = "";
	char text[16];
	int i;

	press_start(&press, Q_A, "a");
	pause_queue("q");
	for (i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "job %d", i);
		(void)press_print(&press, "q", text);
		snprintf(lines + strlen(lines), 16, "a:job %d\n", i);
	}
	resume_queue("q");
	press_expect_printed(&press, lines);
	/* Nobody has to wait for the book-keeping of those before. */
	ck_assert_uint_gt(port_room(press_port(&press, "a")), 1);
	press_stop(&press);
	ck_assert_str_eq(press_printed(&press), lines);
}
END_TEST

/* The port takes several at a time from now on. */
static void
warm_up(void)
{
	int i;

	for (i = 0; i < 6; i++)
		await(press_print(&press, "q", "warm"), JOB_COMPLETED);
	ck_assert_uint_gt(port_room(press_port(&press, "a")), 4);
	ck_assert_int_eq(truncate(press_path("sink", &press), 0), 0);
}

/* What belongs together comes out together, and the rest in its order. */
START_TEST(documents_of_a_job_follow_each_other)
{
	press_start(&press, Q_A, "a");
	warm_up();
	pause_queue("q");
	(void)press_print(&press, "q", "1");
	(void)press_print_all(&press, "q", "2a 2b++ 2c");
	(void)press_print_all(&press, "q", "3a 3b");
	(void)press_print(&press, "q", "4");
	(void)press_print_all(&press, "q", "5+++");
	(void)press_print(&press, "q", "6");
	resume_queue("q");
	press_expect_printed(&press, "a:1\na:2a\na:2b\na:2b\na:2b\na:2c\n"
	    "a:3a\na:3b\na:4\na:5\na:5\na:5\na:5\na:6\n");
	press_stop(&press);
}
END_TEST

/* Three jobs, the first of which is at its slow document. */
static void
fill_line(uint64_t ids[3])
{
	warm_up();
	pause_queue("q");
	ids[0] = press_print_all(&press, "q", "slow-1 1b");
	ids[1] = press_print_all(&press, "q", "2a 2b");
	ids[2] = press_print(&press, "q", "3");
	resume_queue("q");
	press_await_at_port(&press, "a", ids[0]);
	while (dispatch_running(press.dispatch) < 3)
		press_turn(&press);
}

START_TEST(people_take_jobs_out_of_the_line)
{
	uint64_t ids[3];

	press_start(&press, Q_A, "a");
	fill_line(ids);
	ck_assert_int_eq(press_act(&press, ids[1], DISPATCH_CANCEL), 0);
	expect(ids[1], JOB_CANCELED);
	ck_assert_int_eq(press_act(&press, ids[2], DISPATCH_HOLD), 0);
	expect(ids[2], JOB_PENDING_HELD);
	press_let(&press, "a");
	await(ids[0], JOB_COMPLETED);
	ck_assert_int_eq(press_act(&press, ids[2], DISPATCH_RELEASE), 0);
	await(ids[2], JOB_COMPLETED);
	press_expect_printed(&press, "a:slow-1\na:1b\na:3\n");
	press_stop(&press);
}
END_TEST

START_TEST(a_line_behind_a_slow_job_goes_to_another_port)
{
	uint64_t ids[3];

	press_start(&press, Q_AB, "a b");
	ck_assert_int_eq(press_pause_port(&press, "b", true), 0);
	fill_line(ids);
	ck_assert_int_eq(press_pause_port(&press, "b", false), 0);
	await(ids[2], JOB_COMPLETED);
	press_expect_printed(&press, "b:2a\nb:2b\nb:3\n");
	expect_attempts(ids[1], 1, false);
	press_let(&press, "a");
	await(ids[0], JOB_COMPLETED);
	press_expect_printed(&press, "b:2a\nb:2b\nb:3\na:slow-1\na:1b\n");
	press_stop(&press);
}
END_TEST

/* A crash of the host, or the end of the daemon. */
START_TEST(a_line_survives_its_port)
{
	uint64_t ids[3];

	press_start(&press, Q_A, "a");
	fill_line(ids);
	if (_i == 0) {
		press_kill_hosts(&press);
		while (counters.failed == 0)
			press_turn(&press);
	} else {
		dispatch_stop(press.dispatch, NULL, NULL);
		press_end(&press);
		press_start(&press, Q_A, "a");
	}
	press_await_at_port(&press, "a", ids[0]);
	press_let(&press, "a");
	await(ids[2], JOB_COMPLETED);
	expect(ids[0], JOB_COMPLETED);
	/* After a crash nobody knows that they had not been begun. */
	expect_attempts(ids[1], _i == 0 ? 1 : 2, _i == 1);
	expect_attempts(ids[2], _i == 0 ? 1 : 2, _i == 1);
	press_expect_printed(&press, _i == 0 ?
	    "a:slow-1\na:1b\na:2a\na:2b\na:3\n" :
	    "a:slow-1\na:1b\na:2a\na:2b\na:3!\n");
	press_stop(&press);
}
END_TEST

START_TEST(a_slow_port_gets_one_at_a_time)
{
	uint64_t id, next;

	press_start(&press, Q_A, "a");
	id = slow_job();
	next = press_print(&press, "q", "next");
	ck_assert_uint_eq(port_room(press_port(&press, "a")), 0);
	expect(next, JOB_PENDING);
	expect(id, JOB_PROCESSING);
	ck_assert_uint_eq(dispatch_progress(press.dispatch, id), 8);
	ck_assert_uint_eq(dispatch_progress(press.dispatch, next), 0);
	ck_assert_uint_eq(dispatch_running(press.dispatch), 1);
	press_let(&press, "a");
	await(next, JOB_COMPLETED);
	press_expect_printed(&press, "a:slow one\na:next\n");
	press_stop(&press);
}
END_TEST

START_TEST(a_pool_prints_side_by_side)
{
	uint64_t one, two;

	press_start(&press, Q_AB, "a b");
	one = slow_job();
	two = press_print(&press, "q", "slow two");
	press_await_at_port(&press, "b", two);
	press_let(&press, "b");
	await(two, JOB_COMPLETED);
	expect(one, JOB_PROCESSING);
	press_let(&press, "a");
	await(one, JOB_COMPLETED);
	press_expect_printed(&press, "b:slow two\na:slow one\n");
	press_stop(&press);
}
END_TEST

/* Let port a show that it is fast, so that it is given many. */
static void
speed_up(void)
{
	char text[16];
	size_t i;

	ck_assert_int_eq(press_pause_port(&press, "b", true), 0);
	for (i = 0; port_room(press_port(&press, "a")) < 4; i++) {
		snprintf(text, sizeof(text), "fast %zu", i);
		await(press_print(&press, "q", text), JOB_COMPLETED);
	}
	ck_assert_int_eq(unlink(press_path("sink", &press)), 0);
}

START_TEST(jobs_behind_a_slow_one_are_called_back)
{
	uint64_t slow, ids[3];
	int i;

	press_start(&press, Q_AB, "a b");
	speed_up();
	pause_queue("q");
	slow = press_print(&press, "q", "slow one");
	for (i = 0; i < 3; i++)
		ids[i] = press_print(&press, "q", "behind");
	resume_queue("q");
	press_await_at_port(&press, "a", slow);
	while (dispatch_running(press.dispatch) < 4)
		press_turn(&press);
	ck_assert_int_eq(press_pause_port(&press, "b", false), 0);
	for (i = 0; i < 3; i++) {
		await(ids[i], JOB_COMPLETED);
		expect_attempts(ids[i], 1, false);
	}
	press_expect_printed(&press, "b:behind\nb:behind\nb:behind\n");
	expect(slow, JOB_PROCESSING);
	press_let(&press, "a");
	await(slow, JOB_COMPLETED);
	expect_attempts(slow, 1, false);
	press_stop(&press);
}
END_TEST

START_TEST(priority_goes_first)
{
	uint64_t low, high;

	press_start(&press, Q_A, "a");
	pause_queue("q");
	low = press_print(&press, "q", "low");
	high = press_print(&press, "q", "high");
	ck_assert_int_eq(press_move(&press, high, NULL, 90), 0);
	resume_queue("q");
	await(low, JOB_COMPLETED);
	press_expect_printed(&press, "a:high\na:low\n");
	press_stop(&press);
}
END_TEST

START_TEST(strict_waits_for_a_job_that_failed)
{
	uint64_t id;

	press_start(&press, Q_A "order = strict\n", "a");
	press_put(&press, "broken-a", true);
	pause_queue("q");
	(void)press_print(&press, "q", "fail first");
	id = press_print(&press, "q", "second");
	resume_queue("q");
	while (counters.failed == 0)
		press_turn(&press);
	press_put(&press, "broken-a", false);
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:fail first!\na:second\n");
	press_stop(&press);
}
END_TEST

START_TEST(fast_lets_others_pass_a_job_that_failed)
{
	uint64_t id, next;

	press_start(&press, Q_A "order = fast\nretry_after = 1h\n", "a");
	press_put(&press, "broken-a", true);
	id = press_print(&press, "q", "fail first");
	while (counters.failed == 0)
		press_turn(&press);
	next = press_print(&press, "q", "second");
	await(next, JOB_COMPLETED);
	press_expect_printed(&press, "a:second\n");
	expect(id, JOB_PENDING);
	expect_why(id, JOB_PRINTER_STOPPED, "as the document says");
	press_stop(&press);
}
END_TEST

START_TEST(the_mark_says_whether_it_may_be_on_paper)
{
	static const struct {
		const char *text, *line;
		bool	    restarted;
	} kinds[] = {
		{ "fail", "a:fail!\n", true },
		{ "reject", "a:reject\n", false },
		{ "crash", "a:crash!\n", true },
	};
	uint64_t id;

	press_start(&press, Q_A, "a");
	press_put(&press, "broken-a", true);
	id = press_print(&press, "q", kinds[_i].text);
	while (counters.failed == 0)
		press_turn(&press);
	await(id, JOB_PENDING);
	expect_attempts(id, 1, kinds[_i].restarted);
	press_put(&press, "broken-a", false);
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, kinds[_i].line);
	press_stop(&press);
}
END_TEST

START_TEST(a_port_that_cannot_be_opened_is_no_fault_of_the_job)
{
	uint64_t id;

	press_start(&press, Q_A "retries = 1\n", "a");
	press_put(&press, "closed-a", true);
	id = press_print(&press, "q", "patient");
	while (port_state(press_port(&press, "a")) != PORT_BACKOFF)
		press_turn(&press);
	press_put(&press, "closed-a", false);
	await(id, JOB_COMPLETED);
	expect_attempts(id, 1, false);
	ck_assert_uint_eq(counters.failed, 0);
	press_stop(&press);
}
END_TEST

static void
await_pauses(size_t n)
{
	while (press_log_count(&press, "port is tried again later") < n)
		press_turn(&press);
}

START_TEST(a_port_that_refuses_a_job_costs_it_no_attempt)
{
	uint64_t id, next;

	press_start(&press, Q_A "retries = 1\n", "a");
	press_put(&press, "broken-a", true);
	id = press_print(&press, "q", "refuse");
	next = press_print(&press, "q", "next");
	await_pauses(2);
	await(id, JOB_PENDING);
	expect_why(id, JOB_PRINTER_STOPPED, "as the document says");
	expect_attempts(id, 0, false);
	press_put(&press, "broken-a", false);
	await(next, JOB_COMPLETED);
	expect_attempts(id, 1, false);
	press_expect_printed(&press, "a:refuse\na:next\n");
	ck_assert_uint_eq(counters.failed, 0);
	press_stop(&press);
}
END_TEST

START_TEST(a_job_that_is_refused_goes_to_another_port)
{
	uint64_t id;

	press_start(&press, Q_AB "retries = 1\nretry_after = 1h\n", "a b");
	press_put(&press, "broken-a", true);
	id = press_print(&press, "q", "refuse");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "b:refuse\n");
	press_stop(&press);
}
END_TEST

START_TEST(a_job_that_is_refused_expires)
{
	uint64_t id;

	press_start(&press, Q_A "expire = 500ms\n", "a");
	press_put(&press, "broken-a", true);
	id = press_print(&press, "q", "refuse");
	await(id, JOB_PENDING_HELD);
	expect_why(id, JOB_HOLD_UNTIL_SPECIFIED, "it has waited for longer "
	    "than expire: as the document says");
	press_stop(&press);
}
END_TEST

/* The port is well, and prints what others send. */
START_TEST(each_refusal_is_followed_by_a_pause)
{
	int i;

	press_start(&press, Q_A QUEUE("r") "ports = a\n", "a");
	press_put(&press, "broken-a", true);
	(void)press_print(&press, "q", "refuse");
	for (i = 0; i < 3; i++) {
		while (port_state(press_port(&press, "a")) != PORT_BACKOFF)
			press_turn(&press);
		ck_assert_uint_eq(press_log_count(&press, "verdict=retry"),
		    press_log_count(&press, "port is tried again later"));
		await(press_print(&press, "r", "fine"), JOB_COMPLETED);
	}
	press_put(&press, "broken-a", false);
	press_await_printed(&press, 4);
	press_stop(&press);
}
END_TEST

START_TEST(what_no_port_prints_is_held)
{
	uint64_t id, next;

	press_start(&press, Q_A "retries = 2\n", "a");
	press_put(&press, "broken-a", true);
	id = press_print(&press, "q", "misfit");
	next = press_print(&press, "q", "next");
	await(next, JOB_COMPLETED);
	expect(id, JOB_PENDING_HELD);
	expect_attempts(id, 2, false);
	press_stop(&press);
}
END_TEST

/* It is not printed for ever, only because the second one is refused. */
START_TEST(a_job_that_is_refused_in_its_middle_has_failed)
{
	uint64_t id;

	press_start(&press, Q_A "retries = 2\n", "a");
	press_put(&press, "broken-a", true);
	id = press_print_two(&press, "q", "first", "refuse");
	await(id, JOB_PENDING_HELD);
	expect_attempts(id, 2, true);
	press_expect_printed(&press, "a:first\na:first\n");
	press_stop(&press);
}
END_TEST

START_TEST(a_job_says_that_its_port_is_stopped)
{
	char why[DISPATCH_WHY_LEN];
	uint64_t id, next;
	struct job *job;

	press_start(&press, Q_A, "a");
	id = press_print(&press, "q", "jam");
	await(id, JOB_PROCESSING_STOPPED);
	expect_why(id, JOB_PRINTER_STOPPED, "paper-out");
	next = press_print(&press, "q", "next");
	job = press_job(&press, next);
	ck_assert_str_eq(dispatch_why(press.dispatch, job, why),
	    "port a: paper-out");
	job_free(job);
	press_let(&press, "a");
	await(next, JOB_COMPLETED);
	expect(id, JOB_COMPLETED);
	press_stop(&press);
}
END_TEST

/* ---- what cannot be printed ---------------------------------------------- */

/* A document that is kept as a file of its own. */
static uint64_t
long_job(const char *start)
{
	char *text = malloc(200001);
	uint64_t id;

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', 200000);
	memcpy(text, start, strlen(start));
	text[200000] = '\0';
	id = press_print(&press, "q", text);
	free(text);
	return id;
}

static void
cut_files(void)
{
	char command[700];

	snprintf(command, sizeof(command), "truncate -s 1 %s/*",
	    press_path("spool/data", &press));
	ck_assert_int_eq(system(command), 0);
}

START_TEST(an_unreadable_job_is_held_and_the_next_is_printed)
{
	uint64_t id, next;

	press_start(&press, Q_A, "a");
	pause_queue("q");
	id = long_job("gone");
	next = press_print(&press, "q", "next");
	cut_files();
	resume_queue("q");
	await(id, JOB_PENDING_HELD);
	await(next, JOB_COMPLETED);
	press_expect_printed(&press, "a:next\n");
	expect_why(id, JOB_DOCUMENT_ACCESS_ERROR,
	    "its data cannot be read: Bad message");
	press_stop(&press);
}
END_TEST

/* ---- retries and expiry -------------------------------------------------- */

/* A program that writes down what it is told. */
static const char *
with_program(const char *queue)
{
	static char text[2000];
	const char *path = press_path("told.sh", &press);
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "#!/bin/sh\necho $PRINTPORT_EVENT $PRINTPORT_JOB "
	    ">>%s\n", press_path("told", &press));
	fclose(file);
	ck_assert_int_eq(chmod(path, 0700), 0);
	snprintf(text, sizeof(text), "%snotify = %s\n", queue, path);
	return text;
}

static void
await_told(const char *event, uint64_t job)
{
	char expected[64], is[64] = "";
	int fd;

	snprintf(expected, sizeof(expected), "%s %llu\n", event,
	    (unsigned long long)job);
	while (strcmp(is, expected) != 0) {
		press_turn(&press);
		fd = open(press_path("told", &press), O_RDONLY | O_CLOEXEC);
		if (fd == -1)
			continue;
		memset(is, 0, sizeof(is));
		ck_assert_int_ge(read(fd, is, sizeof(is) - 1), 0);
		close(fd);
	}
}

START_TEST(retries_are_used_up)
{
	uint64_t id, next;

	press_start(&press, with_program(Q_A "retries = 2\n"), "a");
	press_put(&press, "broken-a", true);
	id = press_print(&press, "q", "fail");
	await(id, JOB_PENDING_HELD);
	expect_why(id, JOB_ABORTED_BY_SYSTEM,
	    "it failed as often as retries allows: "
	    "as the document says");
	expect_attempts(id, 2, true);
	await_told("held", id);
	next = press_print(&press, "q", "next");
	await(next, JOB_COMPLETED);

	/* A released job has all its retries: one failure holds it not. */
	ck_assert_int_eq(press_act(&press, id, DISPATCH_RELEASE), 0);
	while (counters.failed < 3)
		press_turn(&press);
	await(id, JOB_PENDING);
	press_put(&press, "broken-a", false);
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:next\na:fail!\n");
	press_stop(&press);
}
END_TEST

#define EXPIRES		Q_A "expire = 500ms\n"

START_TEST(an_expired_job_is_held)
{
	uint64_t id;

	press.age_ms = HOUR_MS;
	press_start(&press, with_program(EXPIRES), "a");
	pause_queue("q");
	id = press_print(&press, "q", "old");
	await(id, JOB_PENDING_HELD);
	expect_why(id, JOB_HOLD_UNTIL_SPECIFIED,
	    "it has waited for longer than expire");
	await_told("expired", id);
	/* Released it is as if it had come now. */
	resume_queue("q");
	ck_assert_int_eq(press_act(&press, id, DISPATCH_RELEASE), 0);
	await(id, JOB_COMPLETED);
	/* And so it is once more. */
	ck_assert_int_eq(press_act(&press, id, DISPATCH_REPRINT), 0);
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:old\na:old\n");
	press_stop(&press);
}
END_TEST

START_TEST(an_expired_job_is_dropped)
{
	uint64_t id;

	press_start(&press, with_program(EXPIRES "on_expire = drop\n"), "a");
	pause_queue("q");
	id = press_print(&press, "q", "old");
	await(id, JOB_ABORTED);
	expect_why(id, JOB_ABORTED_BY_SYSTEM,
	    "it has waited for longer than expire");
	ck_assert_uint_eq(press_records(&press, id), 1);
	await_told("expired", id);
	press_stop(&press);
}
END_TEST

START_TEST(an_expired_job_is_diverted)
{
	struct job *job;
	uint64_t id;

	press_start(&press, EXPIRES "on_expire = divert\ndivert_to = r\n" R_B,
	    "a b");
	pause_queue("q");
	id = press_print(&press, "q", "old");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "b:old\n");
	job = press_job(&press, id);
	ck_assert_str_eq(job->queue, "r");
	job_free(job);
	press_stop(&press);
}
END_TEST

START_TEST(a_job_that_waited_too_long_before_the_start_is_held)
{
	uint64_t id;

	press.age_ms = HOUR_MS;
	press_start(&press, Q_A, "a");
	pause_queue("q");
	id = press_print(&press, "q", "old");
	press_stop(&press);
	press_start(&press, Q_A "expire = 30m\n", "a");
	await(id, JOB_PENDING_HELD);
	press_stop(&press);
	ck_assert_str_eq(press_printed(&press), "");
}
END_TEST

/* ---- people and jobs ----------------------------------------------------- */

START_TEST(a_waiting_job_is_held_and_released)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	pause_queue("q");
	id = press_print(&press, "q", "held");
	ck_assert_int_eq(press_act(&press, id, DISPATCH_HOLD), 0);
	expect(id, JOB_PENDING_HELD);
	expect_why(id, JOB_HOLD_UNTIL_SPECIFIED, "held by somebody");
	resume_queue("q");
	await(press_print(&press, "q", "next"), JOB_COMPLETED);
	expect(id, JOB_PENDING_HELD);
	ck_assert_int_eq(press_act(&press, id, DISPATCH_RELEASE), 0);
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:next\na:held\n");
	expect_attempts(id, 1, false);
	press_stop(&press);
}
END_TEST

START_TEST(a_waiting_job_is_canceled)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	pause_queue("q");
	id = press_print(&press, "q", "never");
	ck_assert_int_eq(press_act(&press, id, DISPATCH_CANCEL), 0);
	expect(id, JOB_CANCELED);
	expect_why(id, JOB_CANCELED_BY_OPERATOR, "canceled by somebody");
	ck_assert_uint_eq(press_records(&press, id), 1);
	resume_queue("q");
	await(press_print(&press, "q", "next"), JOB_COMPLETED);
	press_expect_printed(&press, "a:next\n");
	press_stop(&press);
}
END_TEST

START_TEST(what_cannot_be_done_is_refused)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	ck_assert_int_eq(press_act(&press, 4711, DISPATCH_HOLD), -ENOENT);
	ck_assert_int_eq(press_move(&press, 4711, NULL, 1), -ENOENT);
	ck_assert_int_eq(press_pause_queue(&press, "x", true), -ENOENT);
	ck_assert_int_eq(press_pause_port(&press, "x", true), -ENOENT);
	id = press_print(&press, "q", "done");
	await(id, JOB_COMPLETED);
	ck_assert_int_eq(press_act(&press, id, DISPATCH_HOLD), -EINVAL);
	ck_assert_int_eq(press_act(&press, id, DISPATCH_RELEASE), -EINVAL);
	ck_assert_int_eq(press_act(&press, id, DISPATCH_CANCEL), -EINVAL);
	ck_assert_int_eq(press_move(&press, id, NULL, 7), -EINVAL);
	id = slow_job();
	ck_assert_int_eq(press_act(&press, id, DISPATCH_REPRINT), -EINVAL);
	ck_assert_int_eq(press_act(&press, id, DISPATCH_RELEASE), -EINVAL);
	ck_assert_int_eq(press_move(&press, id, "x", 0), -ENOENT);
	ck_assert_int_eq(press_move(&press, id, NULL, 101), -EINVAL);
	press_let(&press, "a");
	await(id, JOB_COMPLETED);
	expect_attempts(id, 1, false);
	press_stop(&press);
}
END_TEST

/* Wish for something as soon as the job has left the line. */
static int
act_on_the_way(uint64_t id, enum dispatch_action action)
{
	while (dispatch_running(press.dispatch) == 0)
		press_turn(&press);
	ck_assert_uint_eq(port_waiting(press_port(&press, "a")), 0);
	return press_act(&press, id, action);
}

START_TEST(a_job_on_the_way_is_held_or_canceled)
{
	enum dispatch_action action = _i == 0 ? DISPATCH_HOLD :
	    DISPATCH_CANCEL;
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = press_print(&press, "q", "no");
	ck_assert_int_eq(act_on_the_way(id, action), 0);
	expect(id, _i == 0 ? JOB_PENDING_HELD : JOB_CANCELED);
	await(press_print(&press, "q", "next"), JOB_COMPLETED);
	press_expect_printed(&press, "a:next\n");
	press_stop(&press);
}
END_TEST

START_TEST(a_printing_job_is_canceled)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = slow_job();
	ck_assert_int_eq(press_act(&press, id, DISPATCH_CANCEL), 0);
	expect(id, JOB_CANCELED);
	expect_attempts(id, 1, true);
	ck_assert_uint_eq(counters.canceled, 1);
	await(press_print(&press, "q", "next"), JOB_COMPLETED);
	press_expect_printed(&press, "a:next\n");
	press_stop(&press);
}
END_TEST

START_TEST(a_printing_job_is_held_and_printed_anew)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = slow_job();
	ck_assert_int_eq(press_act(&press, id, DISPATCH_HOLD), 0);
	expect(id, JOB_PENDING_HELD);
	expect_attempts(id, 1, true);
	ck_assert_int_eq(press_act(&press, id, DISPATCH_RELEASE), 0);
	press_await_at_port(&press, "a", id);
	press_let(&press, "a");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:slow one!\n");
	press_stop(&press);
}
END_TEST

START_TEST(one_wish_at_a_time)
{
	struct press_outcome first = { 0 };
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = slow_job();
	ck_assert_int_eq(dispatch_act(press.dispatch, id, DISPATCH_HOLD, "me",
	    press_done, &first), 0);
	ck_assert_int_eq(press_act(&press, id, DISPATCH_CANCEL), -EBUSY);
	ck_assert_int_eq(press_move(&press, id, NULL, 7), -EBUSY);
	ck_assert_int_eq(press_await_outcome(&press, &first), 0);
	expect(id, JOB_PENDING_HELD);
	press_stop(&press);
}
END_TEST

START_TEST(a_waiting_job_is_moved)
{
	uint64_t id;

	press_start(&press, Q_A R_B, "a b");
	pause_queue("q");
	id = press_print(&press, "q", "moved");
	ck_assert_int_eq(press_move(&press, id, "R", 0), 0);
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "b:moved\n");
	press_stop(&press);
}
END_TEST

START_TEST(a_printing_job_is_moved)
{
	uint64_t id;

	press_start(&press, Q_A R_B, "a b");
	id = slow_job();
	ck_assert_int_eq(press_move(&press, id, "r", 0), 0);
	press_await_at_port(&press, "b", id);
	press_let(&press, "b");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "b:slow one!\n");
	expect_attempts(id, 2, true);
	press_stop(&press);
}
END_TEST

START_TEST(a_finished_job_is_printed_again)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = press_print(&press, "q", "twice");
	await(id, JOB_COMPLETED);
	ck_assert_int_eq(press_act(&press, id, DISPATCH_REPRINT), 0);
	press_expect_printed(&press, "a:twice\na:twice\n");
	await(id, JOB_COMPLETED);
	ck_assert_uint_eq(press_records(&press, id), 2);
	press_stop(&press);
}
END_TEST

static bool
has_data(uint64_t id)
{
	struct job *job = press_job(&press, id);
	bool has = job->documents[0].place != JOB_GONE;

	job_free(job);
	return has;
}

START_TEST(a_job_without_data_is_not_printed_again)
{
	uint64_t id;

	press.daemon = "keep_data = 0\n";
	press_start(&press, Q_A, "a");
	id = press_print(&press, "q", "once");
	await(id, JOB_COMPLETED);
	press_stop(&press);
	press_start(&press, Q_A, "a");
	while (has_data(id))
		press_turn(&press);
	ck_assert_int_eq(press_act(&press, id, DISPATCH_REPRINT), -ESTALE);
	expect(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:once\n");
	press_stop(&press);
}
END_TEST

/* ---- pauses -------------------------------------------------------------- */

START_TEST(a_paused_queue_is_paused_after_a_restart)
{
	char why[DISPATCH_WHY_LEN];
	struct job *job;
	uint64_t id;

	press_start(&press, Q_A, "a");
	pause_queue("q");
	id = press_print(&press, "q", "later");
	press_stop(&press);
	press_start(&press, Q_A, "a");
	while (!dispatch_loaded(press.dispatch))
		press_turn(&press);
	ck_assert(dispatch_queue_paused(press.dispatch, "Q"));
	job = press_job(&press, id);
	ck_assert_str_eq(dispatch_why(press.dispatch, job, why),
	    "queue q is paused");
	job_free(job);
	expect(id, JOB_PENDING);
	resume_queue("q");
	await(id, JOB_COMPLETED);
	press_stop(&press);
	press_start(&press, Q_A, "a");
	await(press_print(&press, "q", "now"), JOB_COMPLETED);
	press_expect_printed(&press, "a:later\na:now\n");
	press_stop(&press);
}
END_TEST

/* It is known before the first client comes, and of any queue. */
START_TEST(a_closed_queue_is_closed_after_a_restart)
{
	static const char queues[] = Q_A "[queue s]\nports = a\n"
	    "delivery = stream\n";
	uint64_t id;

	press_start(&press, queues, "a");
	ck_assert_str_eq(dispatch_queue_closed(press.dispatch, "q"),
	    "the spool is being read");
	dispatch_recall(press.dispatch);
	ck_assert_ptr_null(dispatch_queue_closed(press.dispatch, "q"));
	ck_assert_int_eq(press_close_queue(&press, "Q", "moving"), 0);
	ck_assert_int_eq(press_close_queue(&press, "s", ""), 0);
	ck_assert_int_eq(press_close_queue(&press, "x", ""), -ENOENT);
	press_stop(&press);
	press_start(&press, queues, "a");
	dispatch_recall(press.dispatch);
	ck_assert_str_eq(dispatch_queue_closed(press.dispatch, "Q"), "moving");
	ck_assert_str_eq(dispatch_queue_closed(press.dispatch, "s"), "");
	id = press_print(&press, "q", "what is in");
	await(id, JOB_COMPLETED);
	ck_assert_int_eq(press_close_queue(&press, "q", "later"), 0);
	ck_assert_str_eq(dispatch_queue_closed(press.dispatch, "q"), "later");
	ck_assert_int_eq(press_close_queue(&press, "q", NULL), 0);
	ck_assert_ptr_null(dispatch_queue_closed(press.dispatch, "q"));
	press_stop(&press);
	press_start(&press, queues, "a");
	dispatch_recall(press.dispatch);
	ck_assert_ptr_null(dispatch_queue_closed(press.dispatch, "q"));
	ck_assert_str_eq(dispatch_queue_closed(press.dispatch, "s"), "");
	press_stop(&press);
}
END_TEST

START_TEST(a_paused_port_is_paused_after_a_restart)
{
	char why[DISPATCH_WHY_LEN];
	struct job *job;
	uint64_t id;

	press_start(&press, Q_AB, "a b");
	ck_assert_int_eq(press_pause_port(&press, "a", true), 0);
	await(press_print(&press, "q", "one"), JOB_COMPLETED);
	press_stop(&press);
	press_start(&press, Q_AB, "a b");
	await(press_print(&press, "q", "two"), JOB_COMPLETED);
	ck_assert(dispatch_port_paused(press.dispatch, "A"));
	ck_assert_int_eq(press_pause_port(&press, "b", true), 0);
	id = press_print(&press, "q", "three");
	job = press_job(&press, id);
	ck_assert_str_eq(dispatch_why(press.dispatch, job, why),
	    "port a: paused; port b: paused");
	job_free(job);
	ck_assert_int_eq(press_pause_port(&press, "a", false), 0);
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "b:one\nb:two\na:three\n");
	press_stop(&press);
}
END_TEST

/* The store has told what is paused, and the dispatcher has not heard it. */
static void
await_answer(void)
{
	struct pollfd fd = { .fd = store_fd(spooler_store(press.spooler)),
	    .events = POLLIN };

	ck_assert_int_eq(poll(&fd, 1, -1), 1);
}

START_TEST(a_word_that_comes_before_the_answer_counts)
{
	bool of_queue = _i == 0;

	press_start(&press, Q_A, "a");
	ck_assert_int_eq(of_queue ? press_pause_queue(&press, "q", true) :
	    press_pause_port(&press, "a", true), 0);
	press_stop(&press);
	press_start(&press, Q_A, "a");
	await_answer();
	ck_assert_int_eq(of_queue ? press_pause_queue(&press, "q", false) :
	    press_pause_port(&press, "a", false), 0);
	while (!dispatch_loaded(press.dispatch))
		press_turn(&press);
	ck_assert(!dispatch_queue_paused(press.dispatch, "q"));
	ck_assert(!dispatch_port_paused(press.dispatch, "a"));
	await(press_print(&press, "q", "now"), JOB_COMPLETED);
	press_stop(&press);
}
END_TEST

START_TEST(a_word_on_a_closed_queue_counts_as_well)
{
	press_start(&press, Q_A, "a");
	ck_assert_int_eq(press_close_queue(&press, "q", "moving"), 0);
	press_stop(&press);
	press_start(&press, Q_A, "a");
	await_answer();
	ck_assert_int_eq(press_close_queue(&press, "q", _i == 0 ? NULL :
	    "later"), 0);
	while (!dispatch_loaded(press.dispatch))
		press_turn(&press);
	if (_i == 0)
		ck_assert_ptr_null(dispatch_queue_closed(press.dispatch, "q"));
	else
		ck_assert_str_eq(dispatch_queue_closed(press.dispatch, "q"),
		    "later");
	press_stop(&press);
}
END_TEST

/* ---- reload -------------------------------------------------------------- */

START_TEST(jobs_of_a_queue_that_goes_wait_until_it_is_back)
{
	uint64_t id;

	press_start(&press, Q_A R_B, "a b");
	pause_queue("q");
	id = press_print(&press, "q", "orphan");
	press_reload(&press, R_B, "a b");
	await(id, JOB_PENDING_HELD);
	expect_why(id, JOB_RESOURCES_NOT_READY,
	    "its queue is not in the configuration");
	press_reload(&press, Q_A R_B, "a b");
	await(id, JOB_PENDING);
	resume_queue("q");
	await(id, JOB_COMPLETED);
	press_stop(&press);
}
END_TEST

START_TEST(jobs_of_a_queue_that_is_a_stream_for_a_while)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	pause_queue("q");
	id = press_print(&press, "q", "orphan");
	press_reload(&press, "[queue q]\ndelivery = stream\nports = a\n", "a");
	await(id, JOB_PENDING_HELD);
	press_reload(&press, Q_A, "a");
	await(id, JOB_PENDING);
	resume_queue("q");
	await(id, JOB_COMPLETED);
	press_stop(&press);
}
END_TEST

START_TEST(orphans_are_released_by_a_start_too)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	pause_queue("q");
	id = press_print(&press, "q", "orphan");
	press_stop(&press);
	press_start(&press, R_B, "b");
	await(id, JOB_PENDING_HELD);
	press_stop(&press);
	press_start(&press, Q_A, "a");
	await(id, JOB_PENDING);
	resume_queue("q");
	await(id, JOB_COMPLETED);
	press_stop(&press);
}
END_TEST

START_TEST(a_name_may_be_written_otherwise)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	pause_queue("q");
	id = press_print(&press, "q", "same");
	press_reload(&press, QUEUE("Q") "ports = A\n", "A");
	resume_queue("q");
	await(id, JOB_COMPLETED);
	await(press_print(&press, "Q", "again"), JOB_COMPLETED);
	press_expect_printed(&press, "A:same\nA:again\n");
	press_stop(&press);
}
END_TEST

START_TEST(what_a_removed_port_prints_goes_on)
{
	uint64_t id, next;

	press_start(&press, Q_A, "a b");
	id = slow_job();
	next = press_print(&press, "q", "next");
	press_reload(&press, QUEUE("q") "ports = b\n", "b");
	await(next, JOB_COMPLETED);
	ck_assert_uint_eq(dispatch_progress(press.dispatch, id), 8);
	press_let(&press, "a");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "b:next\na:slow one\n");
	expect_attempts(id, 1, false);
	press_stop(&press);
}
END_TEST

START_TEST(a_job_at_a_removed_port_is_canceled)
{
	uint64_t id;

	press_start(&press, Q_A, "a b");
	id = slow_job();
	press_reload(&press, QUEUE("q") "ports = b\n", "b");
	ck_assert_int_eq(press_act(&press, id, DISPATCH_CANCEL), 0);
	expect(id, JOB_CANCELED);
	press_stop(&press);
	ck_assert_str_eq(press_printed(&press), "");
}
END_TEST

START_TEST(a_port_that_comes_back_is_the_same)
{
	uint64_t id, next;

	press_start(&press, Q_A, "a b");
	id = slow_job();
	press_reload(&press, QUEUE("q") "ports = b\n", "b");
	press_reload(&press, Q_A, "a b");
	next = press_print(&press, "q", "next");
	expect(next, JOB_PENDING);
	press_let(&press, "a");
	await(next, JOB_COMPLETED);
	expect(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:slow one\na:next\n");
	press_stop(&press);
}
END_TEST

START_TEST(a_job_on_the_way_to_a_port_that_goes)
{
	uint64_t id;

	press_start(&press, Q_A, "a b");
	id = press_print(&press, "q", "twisted");
	while (dispatch_running(press.dispatch) == 0)
		press_turn(&press);
	press_reload(&press, QUEUE("q") "ports = b\n", "b");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "b:twisted\n");
	expect_attempts(id, 1, false);
	press_stop(&press);
}
END_TEST

/* ---- the end ------------------------------------------------------------- */

START_TEST(the_end_lets_the_running_job_end)
{
	uint64_t id, next;

	press_start(&press, Q_A, "a");
	id = slow_job();
	next = press_print(&press, "q", "next");
	press_let(&press, "a");
	press_stop(&press);
	press_expect_printed(&press, "a:slow one\n");
	press_start(&press, Q_A, "a");
	await(next, JOB_COMPLETED);
	expect(id, JOB_COMPLETED);
	press_stop(&press);
	press_expect_printed(&press, "a:slow one\na:next\n");
}
END_TEST

START_TEST(a_job_that_is_cut_off_is_printed_anew)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = slow_job();
	dispatch_stop(press.dispatch, NULL, NULL);
	press_end(&press);
	press_start(&press, Q_A, "a");
	press_await_at_port(&press, "a", id);
	press_let(&press, "a");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:slow one!\n");
	expect_attempts(id, 1, true);
	press_stop(&press);
}
END_TEST

/* Whatever it is at, nothing is lost and nothing printed twice. */
START_TEST(the_end_may_come_at_any_time)
{
	uint64_t id;
	int i;

	press_start(&press, Q_A, "a");
	id = press_print(&press, "q", "once");
	for (i = 0; i < _i; i++)
		press_turn(&press);
	dispatch_stop(press.dispatch, NULL, NULL);
	press_end(&press);
	press_start(&press, Q_A, "a");
	await(id, JOB_COMPLETED);
	ck_assert_uint_eq(press_records(&press, id), 1);
	press_stop(&press);
}
END_TEST

/* -------------------------------------------------------------------------- */

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static void
add_printing(Suite *suite)
{
	TCase *tcase = new_case(suite, "print");

	tcase_add_test(tcase, a_job_is_printed_and_accounted_for);
	tcase_add_test(tcase, many_jobs_are_printed_in_order_and_once);
	tcase_add_test(tcase, documents_of_a_job_follow_each_other);
	tcase_add_test(tcase, people_take_jobs_out_of_the_line);
	tcase_add_test(tcase, a_line_behind_a_slow_job_goes_to_another_port);
	tcase_add_loop_test(tcase, a_line_survives_its_port, 0, 2);
	tcase_add_test(tcase, a_slow_port_gets_one_at_a_time);
	tcase_add_test(tcase, a_pool_prints_side_by_side);
	tcase_add_test(tcase, jobs_behind_a_slow_one_are_called_back);
	tcase_add_test(tcase, priority_goes_first);
	tcase_add_test(tcase, strict_waits_for_a_job_that_failed);
	tcase_add_test(tcase, fast_lets_others_pass_a_job_that_failed);
	tcase_add_loop_test(tcase, the_mark_says_whether_it_may_be_on_paper,
	    0, 3);
	tcase_add_test(tcase,
	    a_port_that_cannot_be_opened_is_no_fault_of_the_job);
	tcase_add_test(tcase, a_port_that_refuses_a_job_costs_it_no_attempt);
	tcase_add_test(tcase, a_job_that_is_refused_goes_to_another_port);
	tcase_add_test(tcase, a_job_that_is_refused_expires);
	tcase_add_test(tcase, each_refusal_is_followed_by_a_pause);
	tcase_add_test(tcase, what_no_port_prints_is_held);
	tcase_add_test(tcase, a_job_that_is_refused_in_its_middle_has_failed);
	tcase_add_test(tcase, a_job_says_that_its_port_is_stopped);

	tcase = new_case(suite, "failure");
	tcase_add_test(tcase,
	    an_unreadable_job_is_held_and_the_next_is_printed);
	tcase_add_test(tcase, retries_are_used_up);
	tcase_add_test(tcase, an_expired_job_is_held);
	tcase_add_test(tcase, an_expired_job_is_dropped);
	tcase_add_test(tcase, an_expired_job_is_diverted);
	tcase_add_test(tcase,
	    a_job_that_waited_too_long_before_the_start_is_held);
}

static void
add_people(Suite *suite)
{
	TCase *tcase = new_case(suite, "people");

	tcase_add_test(tcase, a_waiting_job_is_held_and_released);
	tcase_add_test(tcase, a_waiting_job_is_canceled);
	tcase_add_test(tcase, what_cannot_be_done_is_refused);
	tcase_add_loop_test(tcase, a_job_on_the_way_is_held_or_canceled, 0,
	    2);
	tcase_add_test(tcase, a_printing_job_is_canceled);
	tcase_add_test(tcase, a_printing_job_is_held_and_printed_anew);
	tcase_add_test(tcase, one_wish_at_a_time);
	tcase_add_test(tcase, a_waiting_job_is_moved);
	tcase_add_test(tcase, a_printing_job_is_moved);
	tcase_add_test(tcase, a_finished_job_is_printed_again);
	tcase_add_test(tcase, a_job_without_data_is_not_printed_again);
	tcase_add_test(tcase, a_paused_queue_is_paused_after_a_restart);
	tcase_add_test(tcase, a_closed_queue_is_closed_after_a_restart);
	tcase_add_test(tcase, a_paused_port_is_paused_after_a_restart);
	tcase_add_loop_test(tcase, a_word_that_comes_before_the_answer_counts,
	    0, 2);
	tcase_add_loop_test(tcase, a_word_on_a_closed_queue_counts_as_well,
	    0, 2);
}

static void
add_changes(Suite *suite)
{
	TCase *tcase = new_case(suite, "reload");

	tcase_add_test(tcase, jobs_of_a_queue_that_goes_wait_until_it_is_back);
	tcase_add_test(tcase, jobs_of_a_queue_that_is_a_stream_for_a_while);
	tcase_add_test(tcase, orphans_are_released_by_a_start_too);
	tcase_add_test(tcase, a_name_may_be_written_otherwise);
	tcase_add_test(tcase, what_a_removed_port_prints_goes_on);
	tcase_add_test(tcase, a_job_at_a_removed_port_is_canceled);
	tcase_add_test(tcase, a_port_that_comes_back_is_the_same);
	tcase_add_test(tcase, a_job_on_the_way_to_a_port_that_goes);

	tcase = new_case(suite, "end");
	tcase_add_test(tcase, the_end_lets_the_running_job_end);
	tcase_add_test(tcase, a_job_that_is_cut_off_is_printed_anew);
	tcase_add_loop_test(tcase, the_end_may_come_at_any_time, 0, 8);
}

static Suite *
dispatch_suite(void)
{
	Suite *suite = suite_create("dispatch");

	add_printing(suite);
	add_people(suite);
	add_changes(suite);
	return suite;
}

int
main(void)
{
	return suite_main(dispatch_suite());
}
