/*
 * check_sched_ports.c - what prints where: pools, turns, failover, pauses.
 */
#include "tests/sched_rig.h"

/* ---- ports --------------------------------------------------------------- */

START_TEST(a_pool_takes_the_first_port_that_can)
{
	set(queue_of("q", SCHED_STRICT, "abcd"));
	port("a", 2, false);
	port("b", 0, true);
	port("c", 1, true);
	port("d", 5, true);
	add(1);
	add(2);
	ck_assert_str_eq(run(), "1>c 2>d");
	port("b", 1, true);
	port("a", 1, true);
	add(3);
	add(4);
	add(5);
	ck_assert_str_eq(run(), "3>a 4>b 5>d");
}
END_TEST

START_TEST(room_is_used_up_until_the_port_gives_it_back)
{
	set(queue_of("q", SCHED_STRICT, "a"));
	port("a", 1, true);
	add(1);
	add(2);
	ck_assert_str_eq(run(), "1>a");
	done(1, SCHED_DONE);
	ck_assert_str_eq(run(), "");
	port("a", 1, true);
	ck_assert_str_eq(run(), "2>a");
}
END_TEST

/* DDI: an error moves new jobs to a healthy port of the same queue. */
START_TEST(rule_71_a_port_in_error_gets_no_new_jobs)
{
	set(queue_of("q", SCHED_STRICT, "ab"));
	port("a", 1, false);
	port("b", 1, true);
	add(1);
	add(2);
	ck_assert_str_eq(run(), "1>b");
	port("a", 1, true);
	ck_assert_str_eq(run(), "2>a");
}
END_TEST

START_TEST(queues_on_one_port_take_turns)
{
	set(queue_of("q", SCHED_STRICT, "a"));
	set(queue_of("r", SCHED_STRICT, "a"));
	set(queue_of("s", SCHED_STRICT, "a"));
	for (uint64_t id = 1; id <= 3; id++) {
		add_to("q", id);
		add_to("s", 20 + id);
	}
	add_to("r", 11);
	port("a", 4, true);
	ck_assert_str_eq(run(), "1>a 11>a 21>a 2>a");
	add_to("r", 12);
	port("a", 4, true);
	ck_assert_str_eq(run(), "12>a 22>a 3>a 23>a");
}
END_TEST

START_TEST(a_removed_port_keeps_its_jobs_until_they_are_done)
{
	bool running;

	set(queue_of("q", SCHED_STRICT, "a"));
	port("a", 1, true);
	add(1);
	ck_assert_str_eq(run(), "1>a");
	sched_remove_port(sched, "a");
	set(queue_of("q", SCHED_STRICT, "b"));
	port("b", 1, true);
	ck_assert_str_eq(run(), "");
	ck_assert(sched_knows(sched, 1, &running));
	ck_assert(running);
	done(1, SCHED_AGAIN);
	ck_assert_str_eq(run(), "1>b");
}
END_TEST

START_TEST(a_port_may_come_after_its_queue_and_go_before_it)
{
	set(queue_of("q", SCHED_STRICT, "a"));
	add(1);
	add(2);
	ck_assert_str_eq(run(), "");
	port("a", 1, true);
	ck_assert_str_eq(run(), "1>a");
	port("a", 1, true);
	sched_remove_port(sched, "a");
	ck_assert_str_eq(run(), "");
	port("a", 1, true);
	ck_assert_str_eq(run(), "2>a");
}
END_TEST

/* ---- failover ------------------------------------------------------------ */

static void
queue_with_backup(void)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "abc");

	queue.n_ports = 2;
	queue.n_backups = 1;
	queue.failover_after_ms = 100;
	set(queue);
	port("c", 9, true);
}

START_TEST(backups_are_taken_when_a_job_has_waited_long_enough)
{
	queue_with_backup();
	ck_assert_str_eq(run_at(1000), "");
	next_is(INT64_MAX);
	add(1);
	ck_assert_str_eq(run_at(2000), "");
	next_is(2100);
	ck_assert_str_eq(run_at(2099), "");
	ck_assert_str_eq(run_at(2100), "1>c");
	add(2);
	ck_assert_str_eq(run_at(2101), "2>c");
}
END_TEST

START_TEST(backups_are_not_taken_for_a_busy_port)
{
	queue_with_backup();
	port("b", 0, true);
	add(1);
	ck_assert_str_eq(run_at(1000), "");
	ck_assert_str_eq(run_at(9000), "");
}
END_TEST

START_TEST(failover_ends_when_one_port_is_healthy)
{
	queue_with_backup();
	add(1);
	ck_assert_str_eq(run_at(1000), "");
	ck_assert_str_eq(run_at(1100), "1>c");
	port("b", 1, true);
	add(2);
	add(3);
	ck_assert_str_eq(run_at(1200), "2>b");
	port("b", 0, false);
	ck_assert_str_eq(run_at(1200), "");
	next_is(1300);
	port("a", 0, true);
	port("a", 0, false);
	ck_assert_str_eq(run_at(1250), "");
	ck_assert_str_eq(run_at(1349), "");
	ck_assert_str_eq(run_at(1350), "3>c");
}
END_TEST

START_TEST(failover_outlasts_a_port_that_is_tried_in_vain)
{
	queue_with_backup();
	add(1);
	add(2);
	ck_assert_str_eq(run_at(1000), "");
	ck_assert_int_eq(sched_set_port(sched, "a", 1, SCHED_TRIAL), 0);
	ck_assert_str_eq(run_at(1050), "1>a");
	ck_assert_int_eq(sched_set_port(sched, "a", 0, SCHED_DOWN), 0);
	sched_done(sched, 1, SCHED_NOT_STARTED, 1060);
	ck_assert_str_eq(run_at(1060), "");
	next_is(1100);
	/* On trial it is still the first that is taken. */
	ck_assert_int_eq(sched_set_port(sched, "a", 1, SCHED_TRIAL), 0);
	ck_assert_str_eq(run_at(1100), "1>a 2>c");
}
END_TEST

START_TEST(failover_goes_on_when_its_queue_is_configured_again)
{
	queue_with_backup();
	add(1);
	ck_assert_str_eq(run_at(1000), "");
	queue_with_backup();
	ck_assert_str_eq(run_at(1100), "1>c");
}
END_TEST

/* ---- queues -------------------------------------------------------------- */

START_TEST(a_paused_queue_starts_nothing)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "a");

	queue.paused = true;
	set(queue);
	set(queue_of("r", SCHED_STRICT, "a"));
	port("a", 2, true);
	add(1);
	add_to("r", 2);
	ck_assert_str_eq(run(), "2>a");
	queue.paused = false;
	set(queue);
	ck_assert_str_eq(run(), "1>a");
}
END_TEST

START_TEST(jobs_of_a_removed_queue_are_held)
{
	set(queue_of("q", SCHED_STRICT, "a"));
	port("a", 1, true);
	add(1);
	add(2);
	ck_assert_str_eq(run(), "1>a");
	sched_remove_queue(sched, "q");
	ck_assert_str_eq(run(), "2!no-queue");
	done(1, SCHED_AGAIN);
	ck_assert_str_eq(run(), "1!no-queue");
	ck_assert_int_eq(sched_release(sched, 1, now), 0);
	ck_assert_str_eq(run(), "1!no-queue");
	set(queue_of("q", SCHED_STRICT, "a"));
	port("a", 2, true);
	ck_assert_str_eq(run(), "");
	ck_assert_int_eq(sched_release(sched, 2, now), 0);
	ck_assert_int_eq(sched_release(sched, 1, now), 0);
	ck_assert_str_eq(run(), "1>a 2>a");
}
END_TEST

START_TEST(a_job_for_an_unknown_queue_is_held)
{
	add(1);
	ck_assert_str_eq(run(), "1!no-queue");
	ck_assert_uint_eq(sched_waiting(sched, "q"), 0);
}
END_TEST

/* ---- ops that call back -------------------------------------------------- */

static void
end_at_once(uint64_t job)
{
	done(job, SCHED_DONE);
	port("a", 1, true);
}

static void
tear_all_down(uint64_t job)
{
	done(job, SCHED_NOT_STARTED);
	sched_remove_port(sched, "a");
	sched_remove_queue(sched, "q");
	ck_assert(job != 1 || sched_remove(sched, job) == 0);
}

START_TEST(an_op_may_end_its_job)
{
	during_op = end_at_once;
	set(queue_of("q", SCHED_STRICT, "a"));
	port("a", 1, true);
	add(1);
	add(2);
	add(3);
	ck_assert_str_eq(run(), "1>a 2>a 3>a");
	ck_assert_uint_eq(sched_waiting(sched, "q"), 0);
}
END_TEST

START_TEST(an_op_may_take_everything_away)
{
	during_op = tear_all_down;
	set(queue_of("q", SCHED_STRICT, "a"));
	port("a", 3, true);
	add(1);
	add(2);
	ck_assert_str_eq(run(), "1>a 2!no-queue");
}
END_TEST

static void
add_ports(Suite *suite)
{
	TCase *tcase = new_case(suite, "ports");

	tcase_add_test(tcase, a_pool_takes_the_first_port_that_can);
	tcase_add_test(tcase, room_is_used_up_until_the_port_gives_it_back);
	tcase_add_test(tcase, rule_71_a_port_in_error_gets_no_new_jobs);
	tcase_add_test(tcase, queues_on_one_port_take_turns);
	tcase_add_test(tcase,
	    a_removed_port_keeps_its_jobs_until_they_are_done);
	tcase_add_test(tcase, a_port_may_come_after_its_queue_and_go_before_it);
}

static void
add_failover(Suite *suite)
{
	TCase *tcase = new_case(suite, "failover");

	tcase_add_test(tcase,
	    backups_are_taken_when_a_job_has_waited_long_enough);
	tcase_add_test(tcase, backups_are_not_taken_for_a_busy_port);
	tcase_add_test(tcase, failover_ends_when_one_port_is_healthy);
	tcase_add_test(tcase, failover_outlasts_a_port_that_is_tried_in_vain);
	tcase_add_test(tcase,
	    failover_goes_on_when_its_queue_is_configured_again);
}

static void
add_queues(Suite *suite)
{
	TCase *tcase = new_case(suite, "queues");

	tcase_add_test(tcase, a_paused_queue_starts_nothing);
	tcase_add_test(tcase, jobs_of_a_removed_queue_are_held);
	tcase_add_test(tcase, a_job_for_an_unknown_queue_is_held);
}

static void
add_ops(Suite *suite)
{
	TCase *tcase = new_case(suite, "ops");

	tcase_add_test(tcase, an_op_may_end_its_job);
	tcase_add_test(tcase, an_op_may_take_everything_away);
}

static Suite *
sched_ports_suite(void)
{
	Suite *suite = suite_create("sched_ports");

	add_ports(suite);
	add_failover(suite);
	add_queues(suite);
	add_ops(suite);
	return suite;
}

int
main(void)
{
	return suite_main(sched_ports_suite());
}
