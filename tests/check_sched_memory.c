/*
 * check_sched_memory.c - many jobs, and no memory for one more.
 *
 * calloc() and strdup() are wrapped here, to be counted and to fail on command.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sched_rig.h"

/* ---- memory -------------------------------------------------------------- */

static long allocations_left = -1;	/* until one fails; -1: never */
static size_t allocated;		/* by calloc, ever */

void *__real_calloc(size_t n, size_t size);
void *__wrap_calloc(size_t n, size_t size);
char *__real_strdup(const char *text);
char *__wrap_strdup(const char *text);

static bool
must_fail(void)
{
	if (allocations_left < 0 || allocations_left-- > 0)
		return false;
	errno = ENOMEM;
	return true;
}

void *
__wrap_calloc(size_t n, size_t size)
{
	if (must_fail())
		return NULL;
	allocated += n * size;
	return __real_calloc(n, size);
}

char *
__wrap_strdup(const char *text)
{
	return must_fail() ? NULL : __real_strdup(text);
}

/* ---- many ---------------------------------------------------------------- */

static size_t n_ops;

static void
count_start(void *arg, uint64_t job, const char *name)
{
	(void)arg;
	(void)job;
	(void)name;
	n_ops++;
}

START_TEST(a_long_list_is_done_in_parts)
{
	const struct sched_ops counting = { .start = count_start };

	sched_free(sched);
	sched = sched_new(&counting, NULL);
	set(queue_of("q", SCHED_STRICT, "a"));
	for (uint64_t id = 1; id <= SCHED_RUN_MAX + 1; id++)
		add(id);
	port("a", SCHED_RUN_MAX + 1, true);
	sched_run(sched, now);
	ck_assert_uint_eq(n_ops, SCHED_RUN_MAX);
	next_is(INT64_MIN);
	sched_run(sched, now);
	ck_assert_uint_eq(n_ops, SCHED_RUN_MAX + 1);
	next_is(INT64_MAX);
}
END_TEST

START_TEST(a_hundred_thousand_jobs_fit_in_15_mebibytes)
{
	allocated = 0;
	set(queue_of("a-queue-with-a-name-that-is-not-short", SCHED_FAST, "a"));
	for (uint64_t id = 1; id <= 100000; id++)
		add_to("a-queue-with-a-name-that-is-not-short", id);
	ck_assert_uint_lt(allocated, 15 << 20);
}
END_TEST

/* ---- no memory ----------------------------------------------------------- */

static int
try_queue(void)
{
	struct sched_queue queue = queue_of("new", SCHED_FAST, "bcd");

	queue.divert = "q";
	return sched_set_queue(sched, &queue);
}

static int
try_change_of_queue(void)
{
	struct sched_queue queue = queue_of("q", SCHED_FAST, "bcd");

	queue.divert = "q";
	queue.paused = true;
	return sched_set_queue(sched, &queue);
}

static int
try_port(void)
{
	return sched_set_port(sched, "new", 1, true);
}

static int
try_job(void)
{
	struct sched_job job = { .id = 9, .queue = "new" };

	return sched_add(sched, &job);
}

static const struct {
	int	(*call)(void);
	long	allocations;
} hungry_calls[] = {
	/* queue, divert, links, ports */
	{ try_queue, 2 + 1 + 1 + 3 * 2 },
	{ try_change_of_queue, 1 + 1 + 3 * 2 },
	{ try_port, 2 },
	{ try_job, 1 + 2 },
};

START_TEST(without_memory_nothing_changes)
{
	bool running;

	set(queue_of("q", SCHED_STRICT, "a"));
	port("a", 1, true);
	add(1);
	for (long n = 0; n < hungry_calls[_i].allocations; n++) {
		allocations_left = n;
		expect(hungry_calls[_i].call(), ENOMEM);
		allocations_left = -1;
		ck_assert(!sched_knows(sched, 9, &running));
	}
	ck_assert_str_eq(run(), "1>a");
	ck_assert_int_eq(hungry_calls[_i].call(), 0);
}
END_TEST

START_TEST(without_memory_there_is_no_scheduler)
{
	const struct sched_ops ops = { .start = count_start };

	allocations_left = 0;
	ck_assert_ptr_null(sched_new(&ops, NULL));
	allocations_left = -1;
}
END_TEST

static void
add_many(Suite *suite)
{
	TCase *tcase = new_case(suite, "many");

	tcase_add_test(tcase, a_long_list_is_done_in_parts);
	tcase_add_test(tcase, a_hundred_thousand_jobs_fit_in_15_mebibytes);
}

static void
add_memory(Suite *suite)
{
	TCase *tcase = new_case(suite, "memory");

	tcase_add_loop_test(tcase, without_memory_nothing_changes, 0,
	    LENGTH(hungry_calls));
	tcase_add_test(tcase, without_memory_there_is_no_scheduler);
}

static Suite *
sched_memory_suite(void)
{
	Suite *suite = suite_create("sched_memory");

	add_many(suite);
	add_memory(suite);
	return suite;
}

int
main(void)
{
	return suite_main(sched_memory_suite());
}
