/*
 * check_handle.c - handles: live, stale, foreign, of the wrong kind.
 */
#include <stdlib.h>

#include "monitor/handle.h"
#include "tests/suite.h"

static struct handle_table *table;
static int object, other;

static void
setup(void)
{
	table = handle_table_new();
	ck_assert_ptr_nonnull(table);
}

static void
teardown(void)
{
	handle_table_free(table);
}

START_TEST(open_gives_the_object_back)
{
	handle h = handle_open(table, HANDLE_PORT, &object);

	ck_assert_uint_ne(h, 0);
	ck_assert_ptr_eq(handle_get(table, HANDLE_PORT, h), &object);
	ck_assert_ptr_eq(handle_close(table, HANDLE_PORT, h), &object);
}
END_TEST

START_TEST(rule_26_a_closed_handle_is_dead)
{
	handle h = handle_open(table, HANDLE_PORT, &object);
	handle next;

	ck_assert_ptr_nonnull(handle_close(table, HANDLE_PORT, h));
	ck_assert_ptr_null(handle_get(table, HANDLE_PORT, h));
	ck_assert_ptr_null(handle_close(table, HANDLE_PORT, h));
	next = handle_open(table, HANDLE_PORT, &other);
	ck_assert_uint_ne(next, h);
	ck_assert_ptr_null(handle_get(table, HANDLE_PORT, h));
	ck_assert_ptr_eq(handle_get(table, HANDLE_PORT, next), &other);
}
END_TEST

START_TEST(rule_26_a_foreign_handle_is_refused)
{
	handle h = handle_open(table, HANDLE_PORT, &object);
	unsigned bit;

	ck_assert_ptr_null(handle_get(table, HANDLE_PORT, 0));
	ck_assert_ptr_null(handle_get(table, HANDLE_PORT, UINT64_MAX));
	for (bit = 0; bit < 64; bit++)
		ck_assert_ptr_null(handle_get(table, HANDLE_PORT,
		    h ^ UINT64_C(1) << bit));
	ck_assert_ptr_nonnull(handle_get(table, HANDLE_PORT, h));
}
END_TEST

START_TEST(rule_26_a_handle_of_another_kind_is_refused)
{
	handle h = handle_open(table, HANDLE_PORT, &object);

	ck_assert_ptr_null(handle_get(table, HANDLE_XCV, h));
	ck_assert_ptr_null(handle_close(table, HANDLE_MONITOR, h));
	ck_assert_ptr_nonnull(handle_get(table, HANDLE_PORT, h));
}
END_TEST

START_TEST(the_table_grows)
{
	handle handles[1000];
	int objects[1000];
	size_t i;

	for (i = 0; i < 1000; i++) {
		handles[i] = handle_open(table, HANDLE_XCV, &objects[i]);
		ck_assert_uint_ne(handles[i], 0);
	}
	for (i = 0; i < 1000; i++)
		ck_assert_ptr_eq(handle_get(table, HANDLE_XCV, handles[i]),
		    &objects[i]);
}
END_TEST

START_TEST(no_number_comes_back_soon)
{
	handle first = handle_open(table, HANDLE_PORT, &object), h = first;
	int i;

	for (i = 0; i < 100000; i++) {
		handle_close(table, HANDLE_PORT, h);
		h = handle_open(table, HANDLE_PORT, &object);
		ck_assert_uint_ne(h, 0);
		ck_assert_uint_ne(h, first);
	}
}
END_TEST

START_TEST(last_is_the_youngest_of_its_kind)
{
	handle a = handle_open(table, HANDLE_PORT, &object);
	handle b = handle_open(table, HANDLE_PORT, &object);
	handle c;

	handle_open(table, HANDLE_XCV, &object);
	ck_assert_uint_eq(handle_last(table, HANDLE_PORT), b);
	handle_close(table, HANDLE_PORT, a);
	c = handle_open(table, HANDLE_PORT, &object);
	ck_assert_uint_eq(handle_last(table, HANDLE_PORT), c);
	handle_close(table, HANDLE_PORT, c);
	handle_close(table, HANDLE_PORT, b);
	ck_assert_uint_eq(handle_last(table, HANDLE_PORT), 0);
}
END_TEST

static Suite *
handle_suite(void)
{
	Suite *suite = suite_create("handle");
	TCase *tcase = tcase_create("handle");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, open_gives_the_object_back);
	tcase_add_test(tcase, rule_26_a_closed_handle_is_dead);
	tcase_add_test(tcase, rule_26_a_foreign_handle_is_refused);
	tcase_add_test(tcase, rule_26_a_handle_of_another_kind_is_refused);
	tcase_add_test(tcase, the_table_grows);
	tcase_add_test(tcase, no_number_comes_back_soon);
	tcase_add_test(tcase, last_is_the_youngest_of_its_kind);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(handle_suite());
}
