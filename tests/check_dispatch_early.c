/*
 * check_dispatch_early.c - jobs that are printed while they arrive.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/counters.h"
#include "daemon/port.h"
#include "tests/press.h"
#include "tests/spool_shim.h"
#include "tests/suite.h"

#define Q_A	"[queue q]\ndelivery = spool\nports = a\n"
/* What the sink keeps of a document that begins with "early". */
#define EARLY	"a:earlyxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"

static struct press press;
static struct press_arrival arrival;

static void
set_up(void)
{
	press_make(&press);
}

static void
tear_down(void)
{
	press_free(&press);
	shim_reset();
}

static void
expect_job(uint64_t id, enum job_state state, bool restarted)
{
	struct job *job = press_job(&press, id);

	ck_assert_ptr_nonnull(job);
	ck_assert_int_eq((int)job->state, (int)state);
	ck_assert_int_eq(job->restarted, restarted);
	job_free(job);
}

static void
await(uint64_t id, enum job_state state)
{
	press_await(&press, id, state);
}

static void
start(void)
{
	press_start(&press, Q_A, "a");
	while (!dispatch_loaded(press.dispatch))
		press_turn(&press);
}

/* It arrives, and the port has of it what there is. */
static void
begin(const char *text)
{
	press_arrive(&press, &arrival, "q", text);
	press_await_at_port(&press, "a", arrival.id);
}

static void
commit(void)
{
	press_commit(&press, &arrival);
	ck_assert_int_eq(press_await_commit(&press, &arrival), 0);
}

static void
await_backoff(void)
{
	press_kill_hosts(&press);
	while (port_state(press_port(&press, "a")) != PORT_BACKOFF)
		press_turn(&press);
}

START_TEST(it_is_at_the_port_before_it_is_whole)
{
	start();
	begin("early");
	ck_assert_int_eq(press_state(&press, arrival.id), -ENOENT);
	press_arrive_more(&press, &arrival, "and the rest");
	commit();
	await(arrival.id, JOB_COMPLETED);
	expect_job(arrival.id, JOB_COMPLETED, false);
	press_expect_printed(&press, EARLY "\n");
	ck_assert_uint_eq(press_records(&press, arrival.id), 1);
	ck_assert_uint_eq(counters.printed, 1);
	press_stop(&press);
}
END_TEST

START_TEST(the_record_has_that_a_port_is_at_it)
{
	struct job *job;

	start();
	begin("slow");
	commit();
	job = press_job(&press, arrival.id);
	ck_assert_int_eq((int)job->state, JOB_PROCESSING);
	ck_assert_str_eq(job->port, "a");
	ck_assert_uint_eq(job->attempts, 1);
	job_free(job);
	press_let(&press, "a");
	await(arrival.id, JOB_COMPLETED);
	press_stop(&press);
}
END_TEST

START_TEST(one_that_is_broken_off_is_dropped)
{
	uint64_t id;

	start();
	begin("early");
	press_abort(&arrival);
	id = press_print(&press, "q", "next");
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:next\n");
	ck_assert_int_eq(press_state(&press, arrival.id), -ENOENT);
	press_stop(&press);
}
END_TEST

START_TEST(one_that_is_broken_off_in_line_is_forgotten)
{
	uint64_t id;

	start();
	id = press_print(&press, "q", "slow one");
	press_await_at_port(&press, "a", id);
	press_arrive(&press, &arrival, "q", "early");
	press_abort(&arrival);
	press_let(&press, "a");
	await(id, JOB_COMPLETED);
	await(press_print(&press, "q", "next"), JOB_COMPLETED);
	press_expect_printed(&press, "a:slow one\na:next\n");
	press_stop(&press);
}
END_TEST

/* Its turn comes when all of it is there, and nobody knows if it is kept. */
START_TEST(it_is_not_begun_during_its_commit)
{
	start();
	ck_assert_int_eq(press_pause_queue(&press, "q", true), 0);
	press_arrive(&press, &arrival, "q", "early");
	press_whole(&arrival);
	ck_assert_int_eq(press_pause_queue(&press, "q", false), 0);
	ck_assert_uint_eq(dispatch_running(press.dispatch), 0);
	commit();
	await(arrival.id, JOB_COMPLETED);
	expect_job(arrival.id, JOB_COMPLETED, false);
	press_expect_printed(&press, EARLY "\n");
	press_stop(&press);
}
END_TEST

START_TEST(its_port_fails_while_it_arrives)
{
	start();
	begin("early");
	await_backoff();
	press_arrive_more(&press, &arrival, "and the rest");
	commit();
	await(arrival.id, JOB_COMPLETED);
	expect_job(arrival.id, JOB_COMPLETED, true);
	press_expect_printed(&press, EARLY "!\n");
	press_stop(&press);
}
END_TEST

/* On record it is being printed then, which it is no more. */
START_TEST(its_port_fails_during_its_commit)
{
	start();
	begin("early");
	press_whole(&arrival);
	await_backoff();
	commit();
	await(arrival.id, JOB_COMPLETED);
	expect_job(arrival.id, JOB_COMPLETED, true);
	press_expect_printed(&press, EARLY "!\n");
	press_stop(&press);
}
END_TEST

START_TEST(its_port_fails_after_its_commit)
{
	start();
	begin("slow");
	commit();
	press_kill_hosts(&press);
	while (counters.failed == 0)
		press_turn(&press);
	press_await_at_port(&press, "a", arrival.id);
	press_let(&press, "a");
	await(arrival.id, JOB_COMPLETED);
	expect_job(arrival.id, JOB_COMPLETED, true);
	ck_assert_ptr_nonnull(strstr(press_printed(&press), "!\n"));
	press_stop(&press);
}
END_TEST

START_TEST(its_commit_fails)
{
	uint64_t id;

	press.sys = &shim_sys;
	press.vfs = SHIM_VFS;
	shim_register();
	start();
	begin("early");
	shim_fail(SHIM_VFS_SYNC, 1, EIO, true);
	press_commit(&press, &arrival);
	ck_assert_int_eq(press_await_commit(&press, &arrival), -EIO);
	shim_fail(0, 0, 0, false);
	while ((id = press_try(&press, "q", "next", &arrival.error)) == 0)
		press_turn(&press);
	await(id, JOB_COMPLETED);
	press_expect_printed(&press, "a:next\n");
	ck_assert_int_eq(press_state(&press, arrival.id), -ENOENT);
	press_stop(&press);
}
END_TEST

START_TEST(the_end_comes_while_a_port_is_at_it)
{
	start();
	begin("slow");
	commit();
	dispatch_stop(press.dispatch, NULL, NULL);
	press_end(&press);
	start();
	press_await_at_port(&press, "a", arrival.id);
	press_let(&press, "a");
	await(arrival.id, JOB_COMPLETED);
	expect_job(arrival.id, JOB_COMPLETED, true);
	press_stop(&press);
}
END_TEST

START_TEST(nobody_can_do_anything_to_it_yet)
{
	start();
	begin("early");
	ck_assert_int_eq(press_act(&press, arrival.id, DISPATCH_CANCEL),
	    -EBUSY);
	ck_assert_int_eq(press_move(&press, arrival.id, NULL, 7), -EBUSY);
	commit();
	await(arrival.id, JOB_COMPLETED);
	press_stop(&press);
}
END_TEST

START_TEST(it_can_be_canceled_when_it_is_whole)
{
	start();
	begin("slow");
	commit();
	ck_assert_int_eq(press_act(&press, arrival.id, DISPATCH_CANCEL), 0);
	expect_job(arrival.id, JOB_CANCELED, true);
	await(press_print(&press, "q", "next"), JOB_COMPLETED);
	press_expect_printed(&press, "a:next\n");
	press_stop(&press);
}
END_TEST

static Suite *
early_suite(void)
{
	Suite *suite = suite_create("dispatch_early");
	TCase *tcase = tcase_create("early");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, it_is_at_the_port_before_it_is_whole);
	tcase_add_test(tcase, the_record_has_that_a_port_is_at_it);
	tcase_add_test(tcase, one_that_is_broken_off_is_dropped);
	tcase_add_test(tcase, one_that_is_broken_off_in_line_is_forgotten);
	tcase_add_test(tcase, it_is_not_begun_during_its_commit);
	tcase_add_test(tcase, its_port_fails_while_it_arrives);
	tcase_add_test(tcase, its_port_fails_during_its_commit);
	tcase_add_test(tcase, its_port_fails_after_its_commit);
	tcase_add_test(tcase, its_commit_fails);
	tcase_add_test(tcase, the_end_comes_while_a_port_is_at_it);
	tcase_add_test(tcase, nobody_can_do_anything_to_it_yet);
	tcase_add_test(tcase, it_can_be_canceled_when_it_is_whole);
	return suite;
}

int
main(void)
{
	return suite_main(early_suite());
}
