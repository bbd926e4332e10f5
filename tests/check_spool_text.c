/*
 * check_spool_text.c - instants and texts of strangers, in and out.
 */
#include <string.h>

#include "spool/json_text.h"
#include "spool/when.h"
#include "tests/suite.h"

#define N(array)	((int)(sizeof(array) / sizeof((array)[0])))

static const struct {
	const char	*text;
	int64_t		 ms;
} instants[] = {
	{ "2023-11-14T22:13:20.123Z", 1700000000123 },
	{ "2023-11-14T22:13:20.000Z", 1700000000000 },
	{ "1970-01-01T00:00:00.001Z", 1 },
	{ "2024-02-29T23:59:59.999Z", 1709251199999 },
	{ "2000-03-01T00:00:00.000Z", 951868800000 },
	{ "9999-12-31T23:59:59.999Z", 253402300799999 },
};

START_TEST(what_is_written_can_be_read)
{
	char buf[WHEN_LEN];
	int64_t ms;

	ck_assert_str_eq(when_text(instants[_i].ms, buf), instants[_i].text);
	ck_assert_int_eq(when_parse(instants[_i].text, &ms), 0);
	ck_assert_int_eq(ms, instants[_i].ms);
}
END_TEST

START_TEST(never_is_no_text)
{
	char buf[WHEN_LEN] = "x";

	ck_assert_str_eq(when_text(0, buf), "");
}
END_TEST

static const struct {
	const char	*text;
	int64_t		 ms;
} forms[] = {
	{ "1970-01-01", 0 },
	{ "2023-11-14", 1699920000000 },
	{ "2023-11-14T22:13:20Z", 1700000000000 },
	{ "2023-11-14t22:13:20z", 1700000000000 },
	{ "2023-11-14 22:13:20Z", 1700000000000 },
	{ "2023-11-14T22:13:20.1Z", 1700000000100 },
	{ "2023-11-14T22:13:20.12Z", 1700000000120 },
	{ "2023-11-14T22:13:20.123456789Z", 1700000000123 },
	{ "2023-11-14T23:13:20+01:00", 1700000000000 },
	{ "2023-11-14T16:43:20-05:30", 1700000000000 },
	{ "2016-12-31T23:59:60Z", 1483228800000 },
};

START_TEST(other_forms_are_read_too)
{
	int64_t ms;

	ck_assert_int_eq(when_parse(forms[_i].text, &ms), 0);
	ck_assert_int_eq(ms, forms[_i].ms);
}
END_TEST

static const char *const no_instants[] = {
	"", "yesterday", "2023", "2023-11", "2023-11-14T", "2023-11-14T22:13",
	"2023-11-14T22:13:20", "2023-11-14T22:13:20.Z",
	"2023-11-14T22:13:20ZZ", "2023-11-14T22:13:20+1:00",
	"2023-11-14T22:13:20+24:00", "2023-11-14T22:13:20+01:60",
	"2023-11-14T24:00:00Z", "2023-11-14T22:60:00Z",
	"2023-11-14T22:13:61Z", "2023-13-01", "2023-00-01", "2023-01-00",
	"2023-02-29", "2100-02-29", "2023-04-31", "1969-12-31", "12023-01-01",
	" 2023-01-01", "2023-01-01 ", "2023-1-1", "2023/01/01", "+023-01-01",
};

START_TEST(other_things_are_not)
{
	int64_t ms = 4711;

	ck_assert_int_eq(when_parse(no_instants[_i], &ms), -1);
	ck_assert_int_eq(ms, 4711);
}
END_TEST

static const struct {
	const char	*bytes, *text;
} texts[] = {
	{ "", "" },
	{ "Report", "Report" },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x96\xa8",
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x96\xa8" },
	{ "a\xff" "b", "a\xef\xbf\xbd" "b" },
	{ "\xe4rger", "\xef\xbf\xbdrger" },
	{ "\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd" },
	{ "\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "\xf4\x90\x80\x80",
	    "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
	{ "\xc3", "\xef\xbf\xbd" },
	{ "\xf0\x9f\x96", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
};

START_TEST(bytes_become_a_json_string)
{
	json_t *json = json_text(texts[_i].bytes);

	ck_assert_ptr_nonnull(json);
	ck_assert_str_eq(json_string_value(json), texts[_i].text);
	json_decref(json);
}
END_TEST

static Suite *
spool_text_suite(void)
{
	Suite *suite = suite_create("spool_text");
	TCase *when = tcase_create("when");
	TCase *json = tcase_create("json");

	tcase_add_loop_test(when, what_is_written_can_be_read, 0,
	    N(instants));
	tcase_add_test(when, never_is_no_text);
	tcase_add_loop_test(when, other_forms_are_read_too, 0, N(forms));
	tcase_add_loop_test(when, other_things_are_not, 0, N(no_instants));
	tcase_add_loop_test(json, bytes_become_a_json_string, 0, N(texts));
	suite_add_tcase(suite, when);
	suite_add_tcase(suite, json);
	return suite;
}

int
main(void)
{
	return suite_main(spool_text_suite());
}
