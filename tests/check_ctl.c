/*
 * check_ctl.c - what printportctl shows: texts of strangers, tables, sizes.
 */
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/show.h"
#include "ctl/table.h"
#include "tests/suite.h"

#define N(array)	((int)(sizeof(array) / sizeof((array)[0])))

static void
in_utf8(void)
{
	ck_assert_ptr_nonnull(setlocale(LC_ALL, "C.UTF-8"));
}

static void
in_ascii(void)
{
	ck_assert_ptr_nonnull(setlocale(LC_ALL, "C"));
}

/* ---- texts ------------------------------------------------------------- */

static const struct {
	const char	*text, *utf8, *ascii;	/* on a terminal of that kind */
} texts[] = {
	{ "", "", "" },
	{ "Report 7%", "Report 7%", "Report 7%" },
	{ "\xc3\xa4\xe2\x82\xac\xf0\x9f\x96\xa8",
	    "\xc3\xa4\xe2\x82\xac\xf0\x9f\x96\xa8", "???" },
	{ "a\nb\tc\rd", "a?b?c?d", "a?b?c?d" },
	{ "\x1b[31mred\x1b[0m", "?[31mred?[0m", "?[31mred?[0m" },
	{ "\x7f", "?", "?" },
	{ "\xc2\x9b" "31m", "?31m", "?31m" },		/* CSI of C1 */
	{ "\xe2\x80\xae" "gpj.exe", "?gpj.exe", "?gpj.exe" },
	{ "\xe2\x81\xa6x", "?x", "?x" },
	{ "\xff", "?", "?" },
	{ "\xc3", "?", "?" },
	{ "a\xe2\x82", "a??", "a??" },
};

static void
is_cleaned(const char *text, bool terminal, const char *expected)
{
	char *clean = table_clean(text, terminal);

	ck_assert_str_eq(clean, expected);
	free(clean);
}

START_TEST(texts_do_nothing_to_a_terminal)
{
	in_utf8();
	is_cleaned(texts[_i].text, true, texts[_i].utf8);
	is_cleaned(texts[_i].text, false, texts[_i].utf8);
	in_ascii();
	is_cleaned(texts[_i].text, true, texts[_i].ascii);
	/* A file is not the place to lose anything. */
	is_cleaned(texts[_i].text, false, texts[_i].utf8);
}
END_TEST

/* ---- tables ------------------------------------------------------------ */

static const struct column columns[] = {
	{ "JOB", true, 0 }, { "TITLE", false, 6 }, { "USER", false, 0 },
	{ "WHY", false, 8 },
};

/* What a table of these cells, up to NULL, looks like. */
static char *
printed(const char *const *cells, size_t width)
{
	struct table *table = table_new(columns, N(columns));
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	ck_assert(table != NULL && out != NULL);
	for (; *cells != NULL; cells++)
		table_add(table, *cells);
	ck_assert_int_eq(table_print(table, out, width), 0);
	ck_assert_int_eq(fclose(out), 0);
	table_free(table);
	return text;
}

static const char *const rows[] = {
	"7", "short", "", "it waits for its turn",
	"1234", "a title that is quite long", "", "",
	NULL
};

static const struct {
	size_t		 width;
	const char	*text;
} tables[] = {
	{ 0,
	    " JOB  TITLE                       WHY\n"
	    "   7  short                       it waits for its turn\n"
	    "1234  a title that is quite long\n" },
	{ 80,
	    " JOB  TITLE                       WHY\n"
	    "   7  short                       it waits for its turn\n"
	    "1234  a title that is quite long\n" },
	{ 40,
	    " JOB  TITLE             WHY\n"
	    "   7  short             it waits for it\xe2\x80\xa6\n"
	    "1234  a title that is\xe2\x80\xa6\n" },
	{ 1,		/* not narrower than they may be */
	    " JOB  TITLE   WHY\n"
	    "   7  short   it wait\xe2\x80\xa6\n"
	    "1234  a tit\xe2\x80\xa6\n" },
};

START_TEST(tables_fit)
{
	char *text;

	in_utf8();
	text = printed(rows, tables[_i].width);
	ck_assert_str_eq(text, tables[_i].text);
	free(text);
}
END_TEST

START_TEST(tables_fit_in_ascii_too)
{
	static const char *const cells[] = { "1", "\xc3\xa4\xc3\xb6\xc3\xbc"
	    "\xc3\x9f", "eve", "a reason too long for this", NULL };
	char *text;

	in_ascii();
	text = printed(cells, 30);
	ck_assert_str_eq(text, "JOB  TITLE  USER  WHY\n"
	    "  1  ????   eve   a reason to~\n");
	free(text);
}
END_TEST

/* By what is seen, not by bytes. */
START_TEST(wide_characters_are_wide)
{
	static const char *const cells[] = {
		"1", "\xe6\xbc\xa2\xe5\xad\x97", "a", "x",
		"2", "ab\xcc\x88", "b", "y",
		NULL
	};
	char *text;

	in_utf8();
	text = printed(cells, 80);
	ck_assert_str_eq(text, "JOB  TITLE  USER  WHY\n"
	    "  1  \xe6\xbc\xa2\xe5\xad\x97   a     x\n"
	    "  2  ab\xcc\x88     b     y\n");
	free(text);
}
END_TEST

START_TEST(a_table_without_rows_has_nothing)
{
	static const char *const cells[] = { NULL };
	char *text = printed(cells, 80);

	ck_assert_str_eq(text, "\n");
	free(text);
}
END_TEST

/* ---- sizes ------------------------------------------------------------- */

static const struct {
	json_int_t	 bytes;
	const char	*text;
} sizes[] = {
	{ 0, "0 B" }, { 1, "1 B" }, { 1023, "1023 B" }, { 1024, "1.0 KiB" },
	{ 1536, "1.5 KiB" }, { 1048575, "1.0 MiB" }, { 1048576, "1.0 MiB" },
	{ 5368709120, "5.0 GiB" }, { INT64_MAX, "8.0 EiB" },
};

START_TEST(sizes_are_readable)
{
	char buf[SHOW_SIZE_LEN];

	in_ascii();
	ck_assert_str_eq(show_size(sizes[_i].bytes, buf), sizes[_i].text);
}
END_TEST

/* What a monitor tells without being in trouble is shown as well. */
START_TEST(ports_show_their_supplies)
{
	json_t *json = json_loads("{\"ports\": ["
	    "{\"name\": \"a\", \"monitor\": \"socket\", \"state\": \"open\","
	    " \"trouble\": null, \"status\": \"toner-low: low\","
	    " \"supplies\": [{\"name\": \"Toner\", \"percent\": 7},"
	    " {\"name\": \"Waste\", \"percent\": null}]},"
	    "{\"name\": \"b\", \"monitor\": \"null\", \"state\": \"idle\","
	    " \"trouble\": \"gone\", \"status\": \"offline\","
	    " \"supplies\": []}]}", 0, NULL);
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	in_ascii();
	ck_assert(json != NULL && out != NULL);
	ck_assert_int_eq(show_ports(json, out), 0);
	fclose(out);
	ck_assert_str_eq(text,
	    "PORT  MONITOR  STATE  WAITING  TROUBLE\n"
	    "a     socket   open         0  toner-low: low\n"
	    "b     null     idle         0  gone\n"
	    "\n"
	    "PORT  SUPPLY  LEFT\n"
	    "a     Toner     7%\n"
	    "a     Waste      ?\n");
	free(text);
	json_decref(json);
}
END_TEST

/* An answer of any form is no reason to crash. */
static const char *const odd[] = {
	"null", "7", "[]", "{}", "[1, null, {}]", "{\"queues\": 7}",
	"{\"queues\": [7]}", "{\"ports\": [{\"name\": 7}]}",
	"{\"ports\": [{\"supplies\": [7, {\"name\": 7}]}, {\"supplies\": 7}]}",
	"{\"id\": 1, \"documents\": [null, 7], \"reasons\": 7}",
	"{\"counters\": {\"a\": \"b\"}, \"store\": []}",
	"[{\"id\": 1, \"bytes\": 0, \"progress\": 9}]",
};

START_TEST(odd_answers_do_not_hurt)
{
	json_t *json = json_loads(odd[_i], JSON_DECODE_ANY, NULL);
	FILE *out = fopen("/dev/null", "w");
	int good = 0;

	ck_assert(json != NULL && out != NULL);
	good += show_jobs(json, out) == 0;
	good += show_job(json, out) == 0;
	good += show_queues(json, out) == 0;
	good += show_ports(json, out) == 0;
	good += show_status(json, out) == 0;
	ck_assert_int_le(good, 2);
	fclose(out);
	json_decref(json);
}
END_TEST

static Suite *
ctl_suite(void)
{
	Suite *suite = suite_create("ctl");
	TCase *tc = tcase_create("ctl");

	tcase_add_loop_test(tc, texts_do_nothing_to_a_terminal, 0, N(texts));
	tcase_add_loop_test(tc, tables_fit, 0, N(tables));
	tcase_add_test(tc, tables_fit_in_ascii_too);
	tcase_add_test(tc, wide_characters_are_wide);
	tcase_add_test(tc, a_table_without_rows_has_nothing);
	tcase_add_loop_test(tc, sizes_are_readable, 0, N(sizes));
	tcase_add_test(tc, ports_show_their_supplies);
	tcase_add_loop_test(tc, odd_answers_do_not_hurt, 0, N(odd));
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	return suite_main(ctl_suite());
}
