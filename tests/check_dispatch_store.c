/*
 * check_dispatch_store.c - jobs and their ports, when the store is not well.
 *
 * Whatever it refuses to record is recorded when it is well again; what was
 * printed then is not printed twice, and what was not is.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/counters.h"
#include "daemon/port.h"
#include "daemon/spooler.h"
#include "tests/press.h"
#include "tests/spool_shim.h"
#include "tests/suite.h"

#define Q_A	"[queue q]\ndelivery = spool\nports = a\n"
#define R_B	"[queue r]\ndelivery = spool\nports = b\n"

static struct press press;

static void
set_up(void)
{
	press_make(&press);
	shim_register();
	press.sys = &shim_sys;
	press.vfs = SHIM_VFS;
}

static void
tear_down(void)
{
	press_free(&press);
	shim_reset();
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

/* From now on nothing can be committed. */
static void
make_ill(void)
{
	shim_fail(SHIM_VFS_SYNC, 1, EIO, true);
}

static void
make_well(void)
{
	shim_fail(0, 0, 0, false);
}

/* The dispatcher has tried and failed, more than once. */
static void
await_failure(void)
{
	while (!shim_fired())
		press_turn(&press);
	make_ill();
	while (!shim_fired())
		press_turn(&press);
}

/* And for some time more. */
static void
await_many_failures(unsigned int calls)
{
	int i;

	for (i = 0; i < 8; i++) {
		shim_fail(calls, 1, EIO, true);
		while (!shim_fired())
			press_turn(&press);
	}
}

/* Two lines, however often it was tried. */
static void
expect_told(const char *begin, const char *over)
{
	char line[200];

	ck_assert_uint_eq(press_log_count(&press, begin), 1);
	ck_assert_uint_eq(press_log_count(&press, over), 1);
	snprintf(line, sizeof(line), "%s tries=", over);
	ck_assert(press_logged(&press, line));
	ck_assert(press_logged(&press, "reason=\"Input/output error\""));
}

static void
pause_queue(bool paused)
{
	ck_assert_int_eq(press_pause_queue(&press, "q", paused), 0);
}

static uint64_t
slow_job(void)
{
	uint64_t id = press_print(&press, "q", "slow one");

	press_await_at_port(&press, "a", id);
	return id;
}

/* ---- a disk that does not sync ------------------------------------------- */

START_TEST(the_end_of_a_job_is_recorded_later)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = slow_job();
	make_ill();
	press_let(&press, "a");
	press_expect_printed(&press, "a:slow one\n");
	await_failure();
	expect(id, JOB_PROCESSING);
	make_well();
	await(id, JOB_COMPLETED);
	ck_assert_uint_eq(press_records(&press, id), 1);
	press_stop(&press);
	ck_assert_str_eq(press_printed(&press), "a:slow one\n");
}
END_TEST

START_TEST(nothing_is_printed_without_its_mark)
{
	struct job *job;
	uint64_t id;

	press_start(&press, Q_A, "a");
	pause_queue(true);
	id = press_print(&press, "q", "patient");
	make_ill();
	/* It is in force, though not on record. */
	ck_assert_int_eq(press_pause_queue(&press, "q", false), -EIO);
	await_failure();
	ck_assert_str_eq(press_printed(&press), "");
	make_well();
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:patient\n");
	job = press_job(&press, id);
	ck_assert_uint_eq(job->attempts, 1);
	ck_assert(!job->restarted);
	job_free(job);
	press_stop(&press);
}
END_TEST

/* Somebody wants something while the end is being recorded. */
static void
wish(uint64_t id, enum dispatch_action action, struct press_outcome *outcome)
{
	*outcome = (struct press_outcome){ 0 };
	ck_assert_int_eq(dispatch_act(press.dispatch, id, action, "somebody",
	    press_done, outcome), 0);
}

START_TEST(a_wish_that_comes_too_late_is_refused)
{
	struct press_outcome outcome;
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = slow_job();
	make_ill();
	press_let(&press, "a");
	await_failure();
	wish(id, DISPATCH_CANCEL, &outcome);
	make_well();
	ck_assert_int_eq(press_await_outcome(&press, &outcome), -EINVAL);
	expect(id, JOB_COMPLETED);
	press_stop(&press);
}
END_TEST

START_TEST(a_wish_for_a_job_that_failed_is_fulfilled)
{
	enum dispatch_action action = _i == 0 ? DISPATCH_HOLD :
	    DISPATCH_CANCEL;
	struct press_outcome outcome;
	struct job *job;
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = slow_job();
	make_ill();
	press_kill_hosts(&press);
	await_failure();
	ck_assert_uint_eq(counters.failed, 1);
	wish(id, action, &outcome);
	make_well();
	ck_assert_int_eq(press_await_outcome(&press, &outcome), 0);
	expect(id, _i == 0 ? JOB_PENDING_HELD : JOB_CANCELED);
	job = press_job(&press, id);
	ck_assert(job->restarted);
	job_free(job);
	press_stop(&press);
	ck_assert_str_eq(press_printed(&press), "");
}
END_TEST

START_TEST(a_job_that_failed_is_moved)
{
	struct press_outcome outcome = { 0 };
	uint64_t id;

	press_start(&press, Q_A R_B, "a b");
	id = slow_job();
	make_ill();
	press_kill_hosts(&press);
	await_failure();
	ck_assert_int_eq(dispatch_move(press.dispatch, id, "r", 0, press_done,
	    &outcome), 0);
	make_well();
	ck_assert_int_eq(press_await_outcome(&press, &outcome), 0);
	press_await_at_port(&press, "b", id);
	press_let(&press, "b");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "b:slow one!\n");
	press_stop(&press);
}
END_TEST

START_TEST(an_end_that_is_tried_often_is_told_once)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = slow_job();
	make_ill();
	press_let(&press, "a");
	await_many_failures(SHIM_VFS_SYNC);
	make_well();
	await(id, JOB_COMPLETED);
	press_stop(&press);
	expect_told("how a job ended cannot be recorded",
	    "nothing is left to be recorded of how jobs ended");
}
END_TEST

/* Of two jobs. */
START_TEST(a_decision_that_is_tried_often_is_told_once)
{
	uint64_t id, other;

	press_start(&press, Q_A "expire = 500ms\n", "a");
	pause_queue(true);
	id = press_print(&press, "q", "old");
	other = press_print(&press, "q", "old, too");
	make_ill();
	await_many_failures(SHIM_VFS_SYNC);
	expect(id, JOB_PENDING);
	make_well();
	await(id, JOB_PENDING_HELD);
	await(other, JOB_PENDING_HELD);
	while (!press_logged(&press, "nothing is left"))
		press_turn(&press);
	expect_told("what is to become of a job cannot be recorded",
	    "nothing is left to be recorded of what is to become of jobs");
	press_stop(&press);
}
END_TEST

static void
cannot_be_read(void)
{
	shim_fail(SHIM_VFS_IO, 1, EIO, true);
}

START_TEST(a_spool_that_cannot_be_read_is_told_once)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	pause_queue(true);
	id = press_print(&press, "q", "patient");
	press_stop(&press);
	press.opened = cannot_be_read;
	press_start(&press, Q_A, "a");
	await_many_failures(SHIM_VFS_IO);
	ck_assert(!dispatch_loaded(press.dispatch));
	make_well();
	while (!dispatch_loaded(press.dispatch))
		press_turn(&press);
	expect_told("what is paused or closed cannot be read",
	    "what is paused or closed is known now");
	expect(id, JOB_PENDING);
	while (press_pause_queue(&press, "q", false) != 0)
		press_turn(&press);
	await(id, JOB_COMPLETED);
	press_stop(&press);
}
END_TEST

/* The same, once what is paused is known. */
START_TEST(jobs_that_cannot_be_read_are_told_once)
{
	struct pollfd fd = { .events = POLLIN };

	press_start(&press, Q_A, "a");
	press_stop(&press);
	press_start(&press, Q_A, "a");
	fd.fd = store_fd(spooler_store(press.spooler));
	ck_assert_int_eq(poll(&fd, 1, -1), 1);
	await_many_failures(SHIM_VFS_IO);
	ck_assert(!dispatch_loaded(press.dispatch));
	make_well();
	while (!dispatch_loaded(press.dispatch))
		press_turn(&press);
	expect_told("jobs of the spool cannot be read",
	    "jobs of the spool are known now");
	press_stop(&press);
}
END_TEST

/* What the scheduler decides. */
START_TEST(an_expired_job_is_dealt_with_later)
{
	static const struct {
		const char	*keys;
		enum job_state	 state;
	} kinds[] = {
		{ "on_expire = hold\n", JOB_PENDING_HELD },
		{ "on_expire = drop\n", JOB_ABORTED },
		{ "on_expire = divert\ndivert_to = r\n", JOB_COMPLETED },
	};
	char queues[300];
	uint64_t id;

	snprintf(queues, sizeof(queues), "%sexpire = 500ms\n%s%s", Q_A,
	    kinds[_i].keys, R_B);
	press_start(&press, queues, "a b");
	pause_queue(true);
	id = press_print(&press, "q", "old");
	make_ill();
	await_failure();
	expect(id, JOB_PENDING);
	make_well();
	await(id, kinds[_i].state);
	press_stop(&press);
	ck_assert_str_eq(press_printed(&press), _i == 2 ? "b:old\n" : "");
}
END_TEST

START_TEST(a_persons_word_is_the_last)
{
	struct press_outcome outcome;
	uint64_t id;

	press_start(&press, Q_A "expire = 500ms\n", "a");
	pause_queue(true);
	id = press_print(&press, "q", "old");
	make_ill();
	await_failure();
	wish(id, DISPATCH_CANCEL, &outcome);
	ck_assert_int_eq(press_await_outcome(&press, &outcome), -EIO);
	expect(id, JOB_PENDING);
	make_well();
	while (press_act(&press, id, DISPATCH_CANCEL) != 0)
		press_turn(&press);
	expect(id, JOB_CANCELED);
	press_stop(&press);
}
END_TEST

START_TEST(what_a_person_could_not_do_is_as_before)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	pause_queue(true);
	id = press_print(&press, "q", "patient");
	make_ill();
	ck_assert_int_eq(press_act(&press, id, DISPATCH_HOLD), -EIO);
	ck_assert_int_eq(press_move(&press, id, NULL, 7), -EIO);
	make_well();
	while (press_pause_queue(&press, "q", false) != 0)
		press_turn(&press);
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:patient\n");
	press_stop(&press);
}
END_TEST

START_TEST(orphans_are_released_later)
{
	uint64_t id;

	press_start(&press, Q_A R_B, "a b");
	pause_queue(true);
	id = press_print(&press, "q", "orphan");
	press_reload(&press, R_B, "a b");
	await(id, JOB_PENDING_HELD);
	make_ill();
	press_reload(&press, Q_A R_B, "a b");
	await_failure();
	expect(id, JOB_PENDING_HELD);
	make_well();
	await(id, JOB_PENDING);
	while (press_pause_queue(&press, "q", false) != 0)
		press_turn(&press);
	await(id, JOB_COMPLETED);
	press_stop(&press);
}
END_TEST

/* ---- too few descriptors ------------------------------------------------- */

START_TEST(a_job_waits_for_a_descriptor)
{
	struct rlimit limit, none;
	struct job *job;
	uint64_t id;

	press_start(&press, Q_A, "a");
	await(press_print(&press, "q", "first"), JOB_COMPLETED);
	pause_queue(true);
	id = press_print(&press, "q", "patient");
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = (struct rlimit){ 3, limit.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	pause_queue(false);
	await(id, JOB_PROCESSING);
	await(id, JOB_PENDING);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:first\na:patient\n");
	ck_assert_uint_eq(press_log_count(&press, "a job cannot be started"),
	    1);
	ck_assert(press_logged(&press,
	    "no job is kept from its start any more tries="));
	job = press_job(&press, id);
	ck_assert_uint_eq(job->attempts, 1);
	job_free(job);
	press_stop(&press);
}
END_TEST

/* ---- a directory that goes ----------------------------------------------- */

static void
rename_database(const char *from, const char *to, mode_t mode)
{
	ck_assert_int_eq(rename(press_path(from, &press),
	    press_path(to, &press)), 0);
	ck_assert_int_eq(chmod(press_path("spool", &press), mode), 0);
}

/* In a directory that anybody may write to no other one is made. */
static void
take_away(void)
{
	rename_database("spool/jobs.db", "spool/elsewhere", 0777);
}

static void
bring_back(void)
{
	rename_database("spool/elsewhere", "spool/jobs.db", 0700);
}

static void
await_down(void)
{
	while (spooler_store(press.spooler) != NULL)
		press_turn(&press);
}

START_TEST(jobs_are_read_anew_when_the_store_is_back)
{
	uint64_t id, next;

	press_start(&press, Q_A, "a");
	id = slow_job();
	next = press_print(&press, "q", "next");
	take_away();
	press_let(&press, "a");
	await_down();
	ck_assert_int_eq(press_act(&press, next, DISPATCH_HOLD), -ENXIO);
	ck_assert_int_eq(press_pause_queue(&press, "q", true), -ENXIO);
	ck_assert(!dispatch_queue_paused(press.dispatch, "q"));
	ck_assert_int_eq(press_close_queue(&press, "q", ""), -ENXIO);
	ck_assert_ptr_null(dispatch_queue_closed(press.dispatch, "q"));
	bring_back();
	await(next, JOB_COMPLETED);
	expect(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:slow one\na:next\n");
	ck_assert_uint_eq(press_records(&press, id), 1);
	ck_assert_uint_eq(press_records(&press, next), 1);
	press_stop(&press);
}
END_TEST

START_TEST(a_job_goes_on_while_the_store_comes_and_goes)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = slow_job();
	take_away();
	await_down();
	bring_back();
	while (spooler_store(press.spooler) == NULL ||
	    !dispatch_loaded(press.dispatch))
		press_turn(&press);
	ck_assert_uint_eq(dispatch_running(press.dispatch), 1);
	press_let(&press, "a");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:slow one\n");
	ck_assert_uint_eq(press_records(&press, id), 1);
	press_stop(&press);
}
END_TEST

/* What the spooler does in its first second has been done. */
static void
grow_old(void)
{
	struct timespec start, now;

	clock_gettime(CLOCK_MONOTONIC, &start);
	do {
		press_turn(&press);
		clock_gettime(CLOCK_MONOTONIC, &now);
	} while (now.tv_sec - start.tv_sec < 2);
}

/* Nothing is to be recorded, so it is not a commit that fails. */
START_TEST(a_loss_is_noticed_while_nothing_is_printed)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = press_print(&press, "q", "before");
	await(id, JOB_COMPLETED);
	grow_old();
	take_away();
	await_down();
	bring_back();
	expect(id, JOB_COMPLETED);
	await(press_print(&press, "q", "after"), JOB_COMPLETED);
	press_expect_printed(&press, "a:before\na:after\n");
	press_stop(&press);
}
END_TEST

/*
 * With all that may be under way when the store goes, up to the mark of the
 * end.  One that was marked and had not reached its port is said to have been
 * sent before: the store cannot know.
 */
START_TEST(a_job_on_its_way_comes_back)
{
	uint64_t id;
	int i;

	press_start(&press, Q_A, "a");
	pause_queue(true);
	id = press_print(&press, "q", "once");
	pause_queue(false);
	for (i = 0; i < _i; i++)
		press_turn(&press);
	take_away();
	await_down();
	bring_back();
	await(id, JOB_COMPLETED);
	press_stop(&press);
	if (strcmp(press_printed(&press), "a:once!\n") != 0)
		ck_assert_str_eq(press_printed(&press), "a:once\n");
}
END_TEST

START_TEST(with_a_new_store_all_begins_anew)
{
	uint64_t id, next;

	press_start(&press, Q_A, "a");
	id = slow_job();
	ck_assert_int_eq(unlink(press_path("spool/jobs.db", &press)), 0);
	press_let(&press, "a");
	await_down();
	while (spooler_store(press.spooler) == NULL)
		press_turn(&press);
	next = press_print(&press, "q", "next");
	await(next, JOB_COMPLETED);
	ck_assert_int_eq(press_state(&press, id), -ENOENT);
	while (dispatch_running(press.dispatch) > 0)
		press_turn(&press);
	press_expect_printed(&press, "a:slow one\na:next\n");
	press_stop(&press);
}
END_TEST

START_TEST(a_reload_may_come_meanwhile)
{
	uint64_t id;

	press_start(&press, Q_A, "a b");
	ck_assert_int_eq(press_pause_port(&press, "a", true), 0);
	id = press_print(&press, "q", "moved");
	take_away();
	await_down();
	press_reload(&press, "[queue q]\ndelivery = spool\nports = b\n", "b");
	bring_back();
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "b:moved\n");
	press_stop(&press);
}
END_TEST

static bool
is_printed_again(uint64_t id)
{
	while (port_written(press_port(&press, "a"), id) == 0)
		if (press_state(&press, id) == JOB_COMPLETED)
			return false;
	return true;
}

/*
 * The end, with something that could not be recorded.  Of a commit that failed
 * only the sync is known to have; so it may be on record all the same.
 */
START_TEST(the_end_comes_while_the_store_is_ill)
{
	uint64_t id;
	bool again;

	press_start(&press, Q_A, "a");
	id = slow_job();
	make_ill();
	press_let(&press, "a");
	await_failure();
	dispatch_stop(press.dispatch, NULL, NULL);
	press_end(&press);
	make_well();
	press_start(&press, Q_A, "a");
	again = is_printed_again(id);
	if (again)
		press_let(&press, "a");
	await(id, JOB_COMPLETED);
	press_stop(&press);
	/* If twice, that is said. */
	ck_assert_str_eq(press_printed(&press), again ?
	    "a:slow one\na:slow one!\n" : "a:slow one\n");
}
END_TEST

START_TEST(the_end_comes_while_the_store_is_down)
{
	uint64_t id;

	press_start(&press, Q_A, "a");
	id = slow_job();
	take_away();
	await_down();
	dispatch_stop(press.dispatch, NULL, NULL);
	press_end(&press);
	bring_back();
	press_start(&press, Q_A, "a");
	press_await_at_port(&press, "a", id);
	press_let(&press, "a");
	await(id, JOB_COMPLETED);
	press_stop(&press);
	ck_assert_str_eq(press_printed(&press), "a:slow one!\n");
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *
store_suite(void)
{
	Suite *suite = suite_create("dispatch_store");
	TCase *tcase = new_case(suite, "ill");

	tcase_add_test(tcase, the_end_of_a_job_is_recorded_later);
	tcase_add_test(tcase, nothing_is_printed_without_its_mark);
	tcase_add_test(tcase, a_wish_that_comes_too_late_is_refused);
	tcase_add_loop_test(tcase, a_wish_for_a_job_that_failed_is_fulfilled,
	    0, 2);
	tcase_add_test(tcase, a_job_that_failed_is_moved);
	tcase_add_loop_test(tcase, an_expired_job_is_dealt_with_later, 0, 3);
	tcase_add_test(tcase, a_persons_word_is_the_last);
	tcase_add_test(tcase, what_a_person_could_not_do_is_as_before);
	tcase_add_test(tcase, orphans_are_released_later);
	tcase_add_test(tcase, the_end_comes_while_the_store_is_ill);

	tcase = new_case(suite, "log");
	tcase_add_test(tcase, an_end_that_is_tried_often_is_told_once);
	tcase_add_test(tcase, a_decision_that_is_tried_often_is_told_once);
	tcase_add_test(tcase, a_spool_that_cannot_be_read_is_told_once);
	tcase_add_test(tcase, jobs_that_cannot_be_read_are_told_once);

	tcase = new_case(suite, "want");
	tcase_add_test(tcase, a_job_waits_for_a_descriptor);

	tcase = new_case(suite, "down");
	tcase_add_test(tcase, jobs_are_read_anew_when_the_store_is_back);
	tcase_add_test(tcase, a_job_goes_on_while_the_store_comes_and_goes);
	tcase_add_test(tcase, a_loss_is_noticed_while_nothing_is_printed);
	tcase_add_loop_test(tcase, a_job_on_its_way_comes_back, 0, 6);
	tcase_add_test(tcase, with_a_new_store_all_begins_anew);
	tcase_add_test(tcase, a_reload_may_come_meanwhile);
	tcase_add_test(tcase, the_end_comes_while_the_store_is_down);
	return suite;
}

int
main(void)
{
	return suite_main(store_suite());
}
