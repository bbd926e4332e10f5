/*
 * check_sched.c - what prints when: order, retries, expiry.
 */
#include <errno.h>
#include <string.h>

#include "tests/sched_rig.h"

/* ---- order --------------------------------------------------------------- */

START_TEST(starts_by_priority_then_order_then_id)
{
	static const struct sched_job jobs[] = {
		{ .id = 1, .queue = "q", .priority = 10, .order = 1 },
		{ .id = 2, .queue = "q", .priority = 50, .order = 9 },
		{ .id = 4, .queue = "q", .priority = 50, .order = 5 },
		{ .id = 3, .queue = "q", .priority = 50, .order = 5 },
		{ .id = 5, .queue = "q", .priority = 90, .order = 7 },
	};

	set(queue_of("q", SCHED_STRICT, "a"));
	port("a", 10, true);
	for (size_t i = 0; i < sizeof(jobs) / sizeof(jobs[0]); i++)
		ck_assert_int_eq(sched_add(sched, &jobs[i]), 0);
	ck_assert_str_eq(run(), "5>a 3>a 4>a 2>a 1>a");
}
END_TEST

START_TEST(strict_lets_nobody_pass_a_job_that_failed)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "ab");

	queue.retry_after_ms = 100;
	set(queue);
	port("a", 1, true);
	port("b", 1, true);
	add(1);
	add(2);
	add(3);
	ck_assert_str_eq(run_at(1000), "1>a 2>b");
	done(1, SCHED_AGAIN);
	port("a", 1, true);
	ck_assert_str_eq(run_at(1000), "");
	next_is(1100);
	ck_assert_str_eq(run_at(1099), "");
	ck_assert_str_eq(run_at(1100), "1>a");
	port("a", 1, true);
	ck_assert_str_eq(run(), "3>a");
}
END_TEST

START_TEST(strict_goes_on_when_the_head_is_held_or_removed)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "a");

	queue.retry_after_ms = 100;
	set(queue);
	port("a", 1, true);
	add(1);
	add(2);
	add(3);
	ck_assert_str_eq(run(), "1>a");
	done(1, SCHED_AGAIN);
	port("a", 1, true);
	ck_assert_str_eq(run(), "");
	ck_assert_int_eq(sched_hold(sched, 1), 0);
	ck_assert_str_eq(run(), "2>a");
	done(2, SCHED_AGAIN);
	port("a", 1, true);
	ck_assert_str_eq(run(), "");
	ck_assert_int_eq(sched_remove(sched, 2), 0);
	ck_assert_str_eq(run(), "3>a");
}
END_TEST

START_TEST(fast_lets_others_pass_a_job_that_failed)
{
	struct sched_queue queue = queue_of("q", SCHED_FAST, "a");

	queue.retry_after_ms = 100;
	set(queue);
	port("a", 1, true);
	add(1);
	add(2);
	add(3);
	ck_assert_str_eq(run_at(1000), "1>a");
	done(1, SCHED_AGAIN);
	port("a", 1, true);
	ck_assert_str_eq(run_at(1050), "2>a");
	next_is(1100);
	ck_assert_str_eq(run_at(1100), "");
	port("a", 1, true);
	ck_assert_str_eq(run(), "1>a");
}
END_TEST

START_TEST(a_change_of_order_holds_for_jobs_that_failed_before)
{
	struct sched_queue queue = queue_of("q", SCHED_FAST, "a");

	queue.retry_after_ms = 100;
	set(queue);
	port("a", 1, true);
	add(1);
	ck_assert_str_eq(run_at(1000), "1>a");
	done(1, SCHED_AGAIN);
	ck_assert_str_eq(run_at(1000), "");
	queue.order = SCHED_STRICT;
	set(queue);
	add(2);
	port("a", 1, true);
	ck_assert_str_eq(run_at(1000), "");
	queue.order = SCHED_FAST;
	set(queue);
	ck_assert_str_eq(run_at(1000), "2>a");
}
END_TEST

/* DDI: the job goes back to the queue; another port is tried. */
START_TEST(rule_32_a_job_not_started_has_its_old_place)
{
	set(queue_of("q", SCHED_STRICT, "ab"));
	port("a", 2, true);
	add(1);
	add(2);
	add(3);
	ck_assert_str_eq(run(), "1>a 2>a");
	done(2, SCHED_NOT_STARTED);
	done(1, SCHED_NOT_STARTED);
	port("a", 0, false);
	port("b", 3, true);
	ck_assert_str_eq(run(), "1>b 2>b 3>b");
}
END_TEST

/* The port's pauses pace it; neither retries nor retry_after. */
START_TEST(rule_32_a_job_not_started_is_tried_as_long_as_it_takes)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "a");
	int i;

	queue.retries = 2;
	queue.retry_after_ms = 1000;
	queue.expire_ms = 500;
	set(queue);
	port("a", 1, true);
	add(1);
	for (i = 0; i < 5; i++) {
		ck_assert_str_eq(run_at(1000 + i), "1>a");
		port("a", 0, false);
		done(1, SCHED_NOT_STARTED);
		ck_assert_str_eq(run_at(1000 + i), "");
		port("a", 1, true);
	}
	port("a", 0, false);
	ck_assert_str_eq(run_at(2000), "1!expired");
}
END_TEST

START_TEST(change_gives_a_job_a_new_place)
{
	set(queue_of("q", SCHED_STRICT, "a"));
	set(queue_of("r", SCHED_STRICT, "b"));
	for (uint64_t id = 1; id <= 4; id++)
		add(id);
	ck_assert_int_eq(sched_change(sched, 4, "q", 50, 0), 0);
	ck_assert_int_eq(sched_change(sched, 3, "q", 60, 3), 0);
	ck_assert_int_eq(sched_change(sched, 1, "r", 50, 1), 0);
	port("a", 4, true);
	port("b", 4, true);
	ck_assert_str_eq(run(), "3>a 1>b 4>a 2>a");
}
END_TEST

START_TEST(a_moved_job_has_all_its_retries_at_once)
{
	struct sched_queue queue = queue_of("q", SCHED_FAST, "a");

	queue.retries = 1;
	queue.retry_after_ms = 100;
	set(queue);
	queue.name = "r";
	queue.retries = 2;
	set(queue);
	port("a", 2, true);
	add(1);
	ck_assert_str_eq(run(), "1>a");
	done(1, SCHED_AGAIN);
	ck_assert_int_eq(sched_change(sched, 1, "r", 50, 1), 0);
	ck_assert_str_eq(run(), "1>a");
	done(1, SCHED_AGAIN);
	ck_assert_str_eq(run(), "");
	ck_assert_uint_eq(sched_waiting(sched, "r"), 1);
}
END_TEST

/* ---- retries ------------------------------------------------------------- */

/* DDI: a job that failed is kept, and tried again after a delay. */
START_TEST(rule_40_a_job_is_tried_again_until_its_retries_are_spent)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "a");

	queue.retries = 2;
	queue.retry_after_ms = 10;
	set(queue);
	port("a", 9, true);
	add(1);
	ck_assert_str_eq(run_at(1000), "1>a");
	done(1, SCHED_NOT_STARTED);
	ck_assert_str_eq(run_at(1000), "1>a");
	done(1, SCHED_AGAIN);
	ck_assert_str_eq(run_at(1010), "1>a");
	done(1, SCHED_AGAIN);
	add(2);
	ck_assert_str_eq(run_at(1010), "1!retries 2>a");
	ck_assert_int_eq(sched_release(sched, 1, now), 0);
	ck_assert_str_eq(run_at(1010), "1>a");
	done(1, SCHED_AGAIN);
	ck_assert_str_eq(run_at(1020), "1>a");
}
END_TEST

START_TEST(attempts_before_a_restart_count)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "a");
	struct sched_job job = { .id = 1, .queue = "q", .attempts = 2 };

	queue.retries = 3;
	set(queue);
	port("a", 9, true);
	ck_assert_int_eq(sched_add(sched, &job), 0);
	ck_assert_str_eq(run(), "1>a");
	done(1, SCHED_AGAIN);
	ck_assert_str_eq(run(), "1!retries");
}
END_TEST

START_TEST(no_limit_of_retries_is_no_limit)
{
	set(queue_of("q", SCHED_STRICT, "a"));
	add(1);
	for (int i = 0; i < 100; i++) {
		port("a", 1, true);
		ck_assert_str_eq(run(), "1>a");
		done(1, SCHED_AGAIN);
	}
}
END_TEST

/* ---- expiry -------------------------------------------------------------- */

static const struct {
	enum sched_expire	 expire;
	const char		*divert;
	const char		*said;
} expiries[] = {
	{ SCHED_EXPIRE_HOLD, NULL, "1!expired" },
	{ SCHED_EXPIRE_DROP, NULL, "1!dropped" },
	{ SCHED_EXPIRE_DIVERT, "r", "1!to-r-8" },
	{ SCHED_EXPIRE_DIVERT, "q", "1!expired" },
	{ SCHED_EXPIRE_DIVERT, "nowhere", "1!expired" },
	{ SCHED_EXPIRE_DIVERT, NULL, "1!expired" },
};

START_TEST(a_job_that_waits_too_long_expires)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "a");

	queue.paused = true;
	queue.expire_ms = 100;
	queue.expire = expiries[_i].expire;
	queue.divert = expiries[_i].divert;
	set(queue);
	set(queue_of("r", SCHED_STRICT, "b"));
	add_to("r", 7);
	add(1);
	ck_assert_str_eq(run_at(1000), "");
	next_is(1100);
	ck_assert_str_eq(run_at(1099), "");
	ck_assert_str_eq(run_at(1100), expiries[_i].said);
	next_is(INT64_MAX);
}
END_TEST

START_TEST(only_a_waiting_job_expires)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "a");

	queue.expire_ms = 100;
	set(queue);
	port("a", 1, true);
	add(1);
	add(2);
	ck_assert_str_eq(run_at(1000), "1>a");
	ck_assert_int_eq(sched_hold(sched, 2), 0);
	ck_assert_str_eq(run_at(2000), "");
	done(1, SCHED_AGAIN);
	ck_assert_int_eq(sched_release(sched, 2, now), 0);
	ck_assert_str_eq(run_at(2099), "1!expired");
	ck_assert_str_eq(run_at(2100), "2!expired");
	ck_assert_int_eq(sched_release(sched, 1, now), 0);
	port("a", 1, true);
	ck_assert_str_eq(run_at(2100), "1>a");
}
END_TEST

START_TEST(a_change_of_expire_holds_for_all_that_wait)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "a");

	set(queue);
	add(1);
	ck_assert_str_eq(run_at(5000), "");
	queue.expire_ms = 4000;
	set(queue);
	ck_assert_str_eq(run_at(5000), "1!expired");
}
END_TEST

/* q and r divert to each other: each time a job is young again. */
START_TEST(diverting_in_a_circle_ends)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "a");
	const char *last = "";

	queue.expire_ms = 100;
	queue.expire = SCHED_EXPIRE_DIVERT;
	queue.divert = "r";
	set(queue);
	queue.name = "r";
	queue.divert = "q";
	set(queue);
	add(1);
	for (int i = 1; i <= SCHED_DIVERT_MAX; i++) {
		ck_assert_str_eq(run_at(1000 + i * 100 - 1), "");
		last = run_at(1000 + i * 100);
		ck_assert_ptr_nonnull(strstr(last, i % 2 ? "to-r" : "to-q"));
	}
	ck_assert_str_eq(run_at(now + 100), "1!expired");
}
END_TEST

START_TEST(a_time_beyond_all_times_is_never)
{
	struct sched_queue queue = queue_of("q", SCHED_STRICT, "a");

	queue.expire_ms = INT64_MAX;
	queue.retry_after_ms = INT64_MAX;
	set(queue);
	add(1);
	ck_assert_str_eq(run(), "");
	next_is(INT64_MAX);
}
END_TEST

/* ---- calls that cannot be ------------------------------------------------ */

static const struct {
	uint64_t	id;	/* 1 runs, 2 waits, 3 is held, 4 is not there */
	int		error;	/* 0: none */
} idles[] = { { 1, EBUSY }, { 2, 0 }, { 3, 0 }, { 4, ENOENT } };

START_TEST(a_running_or_unknown_job_is_refused)
{
	uint64_t id = idles[_i].id;
	int error = idles[_i].error;

	set(queue_of("q", SCHED_STRICT, "a"));
	port("a", 1, true);
	add(1);
	add(2);
	add(3);
	ck_assert_str_eq(run(), "1>a");
	ck_assert_int_eq(sched_hold(sched, 3), 0);
	expect(sched_change(sched, id, "q", 1, 1), error);
	expect(sched_hold(sched, id), error);
	expect(sched_release(sched, id, now), error);
	expect(sched_remove(sched, id), error);
}
END_TEST

START_TEST(no_job_moves_to_an_unknown_queue)
{
	set(queue_of("q", SCHED_STRICT, "a"));
	add(1);
	expect(sched_change(sched, 1, "r", 50, 1), ENOENT);
	ck_assert_uint_eq(sched_waiting(sched, "q"), 1);
}
END_TEST

START_TEST(no_two_jobs_have_one_id)
{
	struct sched_job job = { .id = 1, .queue = "r" };

	add(1);
	expect(sched_add(sched, &job), EEXIST);
	ck_assert_uint_eq(sched_waiting(sched, "r"), 0);
}
END_TEST

START_TEST(the_end_of_a_job_that_does_not_run_is_nothing)
{
	set(queue_of("q", SCHED_STRICT, "a"));
	add(1);
	done(1, SCHED_DONE);
	done(2, SCHED_DONE);
	port("a", 2, true);
	ck_assert_str_eq(run(), "1>a");
}
END_TEST

static void
add_order(Suite *suite)
{
	TCase *tcase = new_case(suite, "order");

	tcase_add_test(tcase, starts_by_priority_then_order_then_id);
	tcase_add_test(tcase, strict_lets_nobody_pass_a_job_that_failed);
	tcase_add_test(tcase, strict_goes_on_when_the_head_is_held_or_removed);
	tcase_add_test(tcase, fast_lets_others_pass_a_job_that_failed);
	tcase_add_test(tcase,
	    a_change_of_order_holds_for_jobs_that_failed_before);
	tcase_add_test(tcase, rule_32_a_job_not_started_has_its_old_place);
	tcase_add_test(tcase,
	    rule_32_a_job_not_started_is_tried_as_long_as_it_takes);
	tcase_add_test(tcase, change_gives_a_job_a_new_place);
	tcase_add_test(tcase, a_moved_job_has_all_its_retries_at_once);
}

static void
add_retries(Suite *suite)
{
	TCase *tcase = new_case(suite, "retries");

	tcase_add_test(tcase,
	    rule_40_a_job_is_tried_again_until_its_retries_are_spent);
	tcase_add_test(tcase, attempts_before_a_restart_count);
	tcase_add_test(tcase, no_limit_of_retries_is_no_limit);
}

static void
add_expiry(Suite *suite)
{
	TCase *tcase = new_case(suite, "expiry");

	tcase_add_loop_test(tcase, a_job_that_waits_too_long_expires, 0,
	    LENGTH(expiries));
	tcase_add_test(tcase, only_a_waiting_job_expires);
	tcase_add_test(tcase, a_change_of_expire_holds_for_all_that_wait);
	tcase_add_test(tcase, diverting_in_a_circle_ends);
	tcase_add_test(tcase, a_time_beyond_all_times_is_never);
}

static void
add_calls(Suite *suite)
{
	TCase *tcase = new_case(suite, "calls");

	tcase_add_loop_test(tcase, a_running_or_unknown_job_is_refused, 0,
	    LENGTH(idles));
	tcase_add_test(tcase, no_job_moves_to_an_unknown_queue);
	tcase_add_test(tcase, no_two_jobs_have_one_id);
	tcase_add_test(tcase, the_end_of_a_job_that_does_not_run_is_nothing);
}

static Suite *
sched_suite(void)
{
	Suite *suite = suite_create("sched");

	add_order(suite);
	add_retries(suite);
	add_expiry(suite);
	add_calls(suite);
	return suite;
}

int
main(void)
{
	return suite_main(sched_suite());
}
