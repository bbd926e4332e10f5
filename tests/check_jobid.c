/*
 * check_jobid.c - numbers of jobs: rising, and never a second time.
 */
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/jobid.h"
#include "tests/suite.h"

/* ---- tools ---- */

static const char *
path(const char *name)
{
	static char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s/%s", suite_directory(), name);
	return text;
}

static void
write_file(const char *text)
{
	FILE *file = fopen(path("job-id"), "w");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(text, file), 0);
	ck_assert_int_eq(fclose(file), 0);
}

static uint64_t
read_file(void)
{
	FILE *file = fopen(path("job-id"), "r");
	unsigned long long number;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fscanf(file, "%llu\n", &number), 1);
	fclose(file);
	return number;
}

/* The complaint is expected: it need not be seen. */
static void
hush(void)
{
	ck_assert_ptr_nonnull(freopen("/dev/null", "w", stderr));
}

/* ---- with a directory ---- */

START_TEST(numbers_start_at_1_and_rise)
{
	uint64_t i;

	jobid_open(suite_directory());
	for (i = 1; i <= 1000; i++)
		ck_assert_uint_eq(jobid_next(), i);
}
END_TEST

START_TEST(the_file_is_ahead_before_the_first_number)
{
	struct stat st;

	jobid_open(suite_directory());
	ck_assert_uint_eq(read_file(), JOBID_BLOCK);
	ck_assert_int_eq(stat(path("job-id"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(access(path("job-id.new"), F_OK), -1);
}
END_TEST

/* Each opening stands for a start, whether after an end or a crash. */
START_TEST(no_number_comes_again_after_a_restart)
{
	uint64_t number, last = 0;
	int start;

	for (start = 0; start < 10; start++) {
		jobid_open(suite_directory());
		number = jobid_next();
		ck_assert_uint_gt(number, last);
		last = number + 1;
		ck_assert_uint_eq(jobid_next(), last);
	}
}
END_TEST

START_TEST(numbers_go_on_from_the_file)
{
	write_file("41999999\n");
	jobid_open(suite_directory());
	ck_assert_uint_eq(jobid_next(), 42000000);
	ck_assert_uint_eq(read_file(), 41999999 + JOBID_BLOCK);
}
END_TEST

/* Half a write of an older program, or a stranger's file. */
START_TEST(a_file_without_a_number_is_replaced)
{
	static const char *const texts[] = { "", "\n", "not a number\n" };

	write_file(texts[_i]);
	jobid_open(suite_directory());
	ck_assert_uint_eq(jobid_next(), 1);
	ck_assert_uint_eq(read_file(), JOBID_BLOCK);
}
END_TEST

/* A crash between the write and the rename leaves this behind. */
START_TEST(a_left_over_new_file_does_not_hurt)
{
	FILE *file = fopen(path("job-id.new"), "w");

	ck_assert_ptr_nonnull(file);
	fputs("99999999999999999999999999999\n", file);
	fclose(file);
	write_file("5\n");
	jobid_open(suite_directory());
	ck_assert_uint_eq(jobid_next(), 6);
	ck_assert_uint_eq(read_file(), 5 + JOBID_BLOCK);
}
END_TEST

START_TEST(the_file_moves_on_before_the_block_is_used_up)
{
	int watch = inotify_init1(IN_CLOEXEC);
	struct pollfd fd = { .fd = watch, .events = POLLIN };
	uint64_t i;

	jobid_open(suite_directory());
	ck_assert_int_ne(inotify_add_watch(watch, suite_directory(),
	    IN_MOVED_TO), -1);
	for (i = 1; i <= JOBID_BLOCK / 2; i++)
		ck_assert_uint_eq(jobid_next(), i);
	ck_assert_int_eq(poll(&fd, 1, 0), 0);
	ck_assert_uint_eq(jobid_next(), i);
	ck_assert_int_eq(poll(&fd, 1, -1), 1);
	ck_assert_uint_eq(read_file(), 2 * JOBID_BLOCK);
	ck_assert_uint_eq(jobid_next(), i + 1);
	close(watch);
}
END_TEST

/* ---- without one ---- */

static void
expect_numbers_all_the_same(const char *directory)
{
	uint64_t i;

	hush();
	jobid_open(directory);
	for (i = 1; i <= JOBID_BLOCK + 1; i++)
		if (jobid_next() != i)
			ck_abort_msg("number %llu is out of order",
			    (unsigned long long)i);
}

START_TEST(numbers_without_a_directory)
{
	expect_numbers_all_the_same(path("not-there"));
}
END_TEST

START_TEST(numbers_with_a_file_for_a_directory)
{
	write_file("1\n");
	expect_numbers_all_the_same(path("job-id"));
}
END_TEST

/* Root may write everywhere but here. */
START_TEST(numbers_in_a_directory_that_takes_no_file)
{
	expect_numbers_all_the_same("/proc/self/fdinfo");
}
END_TEST

/* Where anybody may write, a link must not lead the daemon elsewhere. */
START_TEST(a_link_is_not_followed)
{
	char target[PATH_MAX];

	snprintf(target, sizeof(target), "%s", path("target"));
	ck_assert_int_eq(symlink(target, path("job-id.new")), 0);
	hush();
	jobid_open(suite_directory());
	ck_assert_uint_eq(jobid_next(), 1);
	ck_assert_int_eq(access(target, F_OK), -1);
}
END_TEST

static Suite *
jobid_suite(void)
{
	Suite *suite = suite_create("jobid");
	TCase *tcase = tcase_create("directory");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, numbers_start_at_1_and_rise);
	tcase_add_test(tcase, the_file_is_ahead_before_the_first_number);
	tcase_add_test(tcase, no_number_comes_again_after_a_restart);
	tcase_add_test(tcase, numbers_go_on_from_the_file);
	tcase_add_loop_test(tcase, a_file_without_a_number_is_replaced, 0, 3);
	tcase_add_test(tcase, a_left_over_new_file_does_not_hurt);
	tcase_add_test(tcase, the_file_moves_on_before_the_block_is_used_up);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("none");
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, numbers_without_a_directory);
	tcase_add_test(tcase, numbers_with_a_file_for_a_directory);
	tcase_add_test(tcase, numbers_in_a_directory_that_takes_no_file);
	tcase_add_test(tcase, a_link_is_not_followed);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(jobid_suite());
}
