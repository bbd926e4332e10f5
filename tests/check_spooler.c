/*
 * check_spooler.c - which jobs are welcome, also when many come at a time.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "daemon/counters.h"
#include "daemon/duplicates.h"
#include "daemon/intake.h"
#include "daemon/shared_conf.h"
#include "daemon/spooler.h"
#include "tests/press.h"
#include "tests/spool_shim.h"
#include "tests/suite.h"

#define QUEUES	"[queue q]\ndelivery = spool\nports = a\n%s" \
		"[queue r]\ndelivery = spool\nports = a\n"

static struct press press;
static struct intake_house house;
static char why[SPOOLER_WHY_LEN];

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
	duplicates_free(house.duplicates);
	press_free(&press);
	shim_reset();
}

/* Nothing is printed, so that all stays. */
static void
start(const char *keys)
{
	char queues[500];

	snprintf(queues, sizeof(queues), QUEUES, keys);
	press_start(&press, queues, "a");
	ck_assert_int_eq(press_pause_port(&press, "a", true), 0);
	house = (struct intake_house){ .base = press.base,
	    .spooler = press.spooler, .dispatch = press.dispatch,
	    .duplicates = duplicates_new() };
}

static const struct conf_queue *
queue(const char *name)
{
	const struct conf *conf = press.shared->conf;

	return &conf->queues[conf_find_queue(conf, name)];
}

static int
admit(const char *name, const char *client, uint64_t bytes)
{
	return spooler_admit(press.spooler, queue(name), client, bytes, why);
}

/* ---- one after the other ------------------------------------------------- */

START_TEST(jobs_of_a_queue_are_limited)
{
	start("max_jobs = 2\n");
	(void)press_print(&press, "q", "one");
	ck_assert_int_eq(admit("q", "10.0.0.6", 1), 0);
	(void)press_print(&press, "q", "two");
	ck_assert_int_eq(admit("q", "10.0.0.6", 1), -EDQUOT);
	ck_assert_str_eq(why, "the queue has 2 unfinished jobs (max_jobs)");
	ck_assert_int_eq(admit("r", "10.0.0.6", 1), 0);
	press_stop(&press);
}
END_TEST

START_TEST(bytes_of_a_queue_are_limited)
{
	start("max_bytes = 10\n");
	ck_assert_int_eq(admit("q", "10.0.0.6", 10), 0);
	ck_assert_int_eq(admit("q", "10.0.0.6", 11), -EDQUOT);
	ck_assert_int_eq(admit("q", "10.0.0.6", UINT64_MAX), -EDQUOT);
	(void)press_print(&press, "q", "1234");
	ck_assert_int_eq(admit("q", "10.0.0.6", 6), 0);
	ck_assert_int_eq(admit("q", "10.0.0.6", 7), -EDQUOT);
	ck_assert_str_eq(why, "the queue has 4 bytes in unfinished jobs "
	    "(max_bytes)");
	ck_assert_int_eq(admit("r", "10.0.0.6", 7), 0);
	press_stop(&press);
}
END_TEST

START_TEST(jobs_of_a_client_are_limited)
{
	press.daemon = "min_free_space = 0\nclient_max_jobs = 1\n";
	start("");
	(void)press_print(&press, "q", "one");
	ck_assert_int_eq(admit("r", "10.0.0.5", 1), -EDQUOT);
	ck_assert_str_eq(why, "the client has 1 unfinished jobs "
	    "(client_max_jobs)");
	ck_assert_int_eq(admit("q", "10.0.0.6", 1), 0);
	press_stop(&press);
}
END_TEST

START_TEST(bytes_of_a_client_are_limited)
{
	press.daemon = "min_free_space = 0\nclient_max_bytes = 10\n";
	start("");
	(void)press_print(&press, "q", "1234");
	ck_assert_int_eq(admit("r", "10.0.0.5", 6), 0);
	ck_assert_int_eq(admit("r", "10.0.0.5", 7), -EDQUOT);
	ck_assert_str_eq(why, "the client has 4 bytes in unfinished jobs "
	    "(client_max_bytes)");
	ck_assert_int_eq(admit("q", "10.0.0.6", 10), 0);
	press_stop(&press);
}
END_TEST

START_TEST(what_is_over_does_not_count)
{
	uint64_t id;

	start("max_jobs = 1\n");
	id = press_print(&press, "q", "one");
	ck_assert_int_eq(admit("q", "10.0.0.6", 1), -EDQUOT);
	ck_assert_int_eq(press_act(&press, id, DISPATCH_CANCEL), 0);
	ck_assert_int_eq(admit("q", "10.0.0.6", 1), 0);
	press_stop(&press);
}
END_TEST

START_TEST(no_job_without_space)
{
	press.daemon = "min_free_space = 4000T\n";
	start("");
	ck_assert_int_eq(admit("q", "10.0.0.6", 1), -ENOSPC);
	ck_assert_ptr_nonnull(strstr(why, "(min_free_space)"));
	press_stop(&press);
}
END_TEST

START_TEST(no_job_for_an_ill_store)
{
	int error;

	start("");
	shim_fail(SHIM_VFS_SYNC, 1, EIO, true);
	(void)press_try(&press, "q", "one", &error);
	ck_assert_int_eq(error, -EIO);
	ck_assert_int_eq(admit("q", "10.0.0.6", 1), -EIO);
	ck_assert_str_eq(why, "the spool is suspect");
	shim_fail(0, 0, 0, false);
	while (admit("q", "10.0.0.6", 1) != 0)
		press_turn(&press);
	press_stop(&press);
}
END_TEST

/* ---- at the same time ---------------------------------------------------- */

struct arrival {
	struct intake	*intake;
	bool		 done;
	int		 error;
};

static void
on_room(void *arg)
{
	(void)arg;
}

static void
on_committed(void *arg, uint64_t job, int error, const char *text)
{
	struct arrival *arrival = arg;

	(void)text;
	ck_assert((job == 0) == (error != 0));
	arrival->done = true;
	arrival->error = error;
}

static void
on_cancel(void *arg, const char *text)
{
	(void)arg;
	ck_abort_msg("%s", text);
}

static const struct intake_ops ops = {
	.room = on_room, .committed = on_committed, .cancel = on_cancel,
};

/* All of it is there. */
static void
arrive(struct arrival *arrival, const char *name, const char *client,
    size_t bytes)
{
	struct job_about about = { .queue = name, .host = client,
	    .created_ms = 1 };
	struct job_about_document document = { .copies = 1 };
	static char data[100];
	int error;

	*arrival = (struct arrival){ 0 };
	arrival->intake = intake_begin(&house, queue(name), &about, &ops,
	    arrival, &error, why);
	ck_assert_msg(arrival->intake != NULL, "%s", why);
	ck_assert_int_eq(incoming_document(intake_incoming(arrival->intake),
	    &document), 0);
	ck_assert_uint_eq(incoming_write(intake_incoming(arrival->intake),
	    data, bytes), bytes);
}

static int
commit(struct arrival *arrival)
{
	return intake_commit(arrival->intake, -1, false, why);
}

static int
await(struct arrival *arrival)
{
	while (!arrival->done)
		press_turn(&press);
	return arrival->error;
}

static const struct {
	const char *daemon, *queue;
	size_t	    bytes;
} limits[] = {
	{ "", "max_jobs = 1\n", 1 },
	{ "", "max_bytes = 100\n", 60 },
	{ "client_max_jobs = 1\n", "", 1 },
	{ "client_max_bytes = 100\n", "", 60 },
};

static void
start_with_limit(int i)
{
	static char daemon[100];

	snprintf(daemon, sizeof(daemon), "min_free_space = 0\n%s",
	    limits[i].daemon);
	press.daemon = daemon;
	start(limits[i].queue);
}

/* Both come whole before the first of them is in the store. */
START_TEST(no_two_take_the_last_place)
{
	struct arrival one, two, other;

	start_with_limit(_i);
	arrive(&one, "q", "10.0.0.5", limits[_i].bytes);
	arrive(&two, "q", "10.0.0.5", limits[_i].bytes);
	arrive(&other, "r", "10.0.0.6", limits[_i].bytes);
	ck_assert_int_eq(commit(&one), 0);
	ck_assert_int_eq(commit(&two), EDQUOT);
	ck_assert_int_eq(commit(&other), 0);
	intake_abort(two.intake);
	ck_assert_int_eq(await(&one), 0);
	ck_assert_int_eq(await(&other), 0);
	ck_assert_int_eq(admit("q", "10.0.0.5", limits[_i].bytes), -EDQUOT);
	ck_assert_uint_eq(counters.kept, 2);
	ck_assert_uint_eq(counters.refused, 1);
	press_stop(&press);
}
END_TEST

START_TEST(a_commit_that_fails_gives_its_place_back)
{
	struct arrival one;

	start_with_limit(_i);
	arrive(&one, "q", "10.0.0.5", limits[_i].bytes);
	shim_fail(SHIM_VFS_SYNC, 1, EIO, true);
	ck_assert_int_eq(commit(&one), 0);
	ck_assert_int_eq(await(&one), EIO);
	shim_fail(0, 0, 0, false);
	while (admit("q", "10.0.0.5", limits[_i].bytes) == -EIO)
		press_turn(&press);
	ck_assert_int_eq(admit("q", "10.0.0.5", limits[_i].bytes), 0);
	press_stop(&press);
}
END_TEST

/* Whoever only takes his time keeps nobody out. */
START_TEST(an_arriving_job_has_no_place_yet)
{
	struct arrival slow, quick;

	start_with_limit(_i);
	arrive(&slow, "q", "10.0.0.5", limits[_i].bytes);
	arrive(&quick, "q", "10.0.0.5", limits[_i].bytes);
	ck_assert_int_eq(commit(&quick), 0);
	ck_assert_int_eq(await(&quick), 0);
	ck_assert_int_eq(commit(&slow), EDQUOT);
	intake_abort(slow.intake);
	press_stop(&press);
}
END_TEST

static Suite *
spooler_suite(void)
{
	Suite *suite = suite_create("spooler");
	TCase *tcase = tcase_create("admit");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, jobs_of_a_queue_are_limited);
	tcase_add_test(tcase, bytes_of_a_queue_are_limited);
	tcase_add_test(tcase, jobs_of_a_client_are_limited);
	tcase_add_test(tcase, bytes_of_a_client_are_limited);
	tcase_add_test(tcase, what_is_over_does_not_count);
	tcase_add_test(tcase, no_job_without_space);
	tcase_add_test(tcase, no_job_for_an_ill_store);
	tcase_add_loop_test(tcase, no_two_take_the_last_place, 0, 4);
	tcase_add_loop_test(tcase, a_commit_that_fails_gives_its_place_back,
	    0, 4);
	tcase_add_loop_test(tcase, an_arriving_job_has_no_place_yet, 0, 4);
	return suite;
}

int
main(void)
{
	return suite_main(spooler_suite());
}
