/*
 * check_lpr_control - the control file of a job that is passed on: what it
 * says, and what it never says whatever clients have sent.
 */
#include <stdio.h>
#include <string.h>

#include "monitor/lpr_control.h"
#include "monitor/monitor.h"
#include "tests/suite.h"

/* A job that says all that it can; tests change it. */
static const struct lpr_job whole = {
	.id = 12007,
	.user = "ann",
	.host = "10.0.0.5",
	.title = "Minutes",
	.document = "minutes.ps",
	.extra = "",
	.datatype = "application/octet-stream",
	.us = "spooler",
	.format = 'l',
	.copies = 1,
};

/* Its text; static, of the last one that was made. */
static const char *
made(const struct lpr_job *job)
{
	static char text[100000];
	struct lpr_control control;

	ck_assert_int_eq(lpr_control_make(&control, job), PP_OK);
	ck_assert_uint_lt(control.len, sizeof(text));
	memcpy(text, control.text, control.len);
	text[control.len] = '\0';
	ck_assert_uint_eq(strlen(text), control.len);
	lpr_control_free(&control);
	return text;
}

START_TEST(test_a_job_of_its_own)
{
	ck_assert_str_eq(made(&whole), "H10.0.0.5\nPann\nJMinutes\n"
	    "ldfA007spooler\nUdfA007spooler\nNminutes.ps\n");
}
END_TEST

START_TEST(test_a_job_of_which_nothing_is_known)
{
	struct lpr_job job = { .format = 'l', .copies = 1 };

	ck_assert_str_eq(made(&job), "Panonymous\nldfA000localhost\n"
	    "UdfA000localhost\n");
	job.us = "spooler";
	job.title = "Minutes";
	ck_assert_str_eq(made(&job), "Hspooler\nPanonymous\nJMinutes\n"
	    "ldfA000spooler\nUdfA000spooler\nNMinutes\n");
}
END_TEST

START_TEST(test_copies_are_lines)
{
	struct lpr_job job = whole;

	job.copies = 3;
	ck_assert_ptr_nonnull(strstr(made(&job), "\nldfA007spooler\n"
	    "ldfA007spooler\nldfA007spooler\nU"));
}
END_TEST

START_TEST(test_names_of_files)
{
	static const struct {
		uint64_t	 id;
		const char	*us, *control;
	} cases[] = {
		{ 1, "spooler", "cfA001spooler" },
		{ 999, "spooler", "cfA999spooler" },
		{ 1000, "spooler", "cfA000spooler" },
		{ UINT64_MAX, "a.b", "cfA615a.b" },
		{ 1, "", "cfA001localhost" },
		{ 1, "../x y\n", "cfA001..-x-y-" },
		{ 1, "a123456789012345678901234567890123456789",
		    "cfA001a123456789012345678901234567890" },
	};
	struct lpr_job job = whole;
	struct lpr_control control;

	job.id = cases[_i].id;
	job.us = cases[_i].us;
	ck_assert_int_eq(lpr_control_make(&control, &job), PP_OK);
	ck_assert_str_eq(control.control, cases[_i].control);
	ck_assert_int_eq(control.data[0], 'd');
	ck_assert_str_eq(control.data + 1, cases[_i].control + 1);
	lpr_control_free(&control);
}
END_TEST

START_TEST(test_letter_by_format)
{
	static const struct {
		const char	*type;
		char		 given, letter;
	} cases[] = {
		{ "application/postscript", '\0', 'o' },
		{ "text/plain", '\0', 'f' },
		{ "text/x-asa", '\0', 'r' },
		{ "application/pdf", '\0', 'l' },
		{ "", '\0', 'l' },
		{ NULL, '\0', 'l' },
		{ "text/plain", 'p', 'p' },
	};
	struct lpr_job job = whole;
	char line[] = "\n?dfA007spooler\n";

	job.datatype = cases[_i].type;
	job.format = cases[_i].given;
	line[1] = cases[_i].letter;
	ck_assert_ptr_nonnull(strstr(made(&job), line));
}
END_TEST

START_TEST(test_lines_are_cut_as_rfc_1179_has_them)
{
	char lengths[10][8], text[400], *line, *rest;
	struct lpr_job job = whole;
	size_t n = 0;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	job.user = job.host = job.title = job.document = text;
	for (line = strtok_r((char *)(uintptr_t)made(&job), "\n", &rest);
	    line != NULL; line = strtok_r(NULL, "\n", &rest))
		snprintf(lengths[n++], 8, "%c%zu", line[0], strlen(line) - 1);
	ck_assert_uint_eq(n, 6);
	ck_assert_str_eq(lengths[0], "H31");
	ck_assert_str_eq(lengths[1], "P31");
	ck_assert_str_eq(lengths[2], "J99");
	ck_assert_str_eq(lengths[5], "N131");
	job.long_lines = true;
	ck_assert_uint_gt(strlen(made(&job)), 4 * 399);
}
END_TEST

START_TEST(test_a_character_is_not_cut)
{
	struct lpr_job job = whole;

	job.user = "0123456789012345678901234567890\xc3\xa4";
	ck_assert_ptr_nonnull(strstr(made(&job),
	    "\nP0123456789012345678901234567890\n"));
	job.user = "012345678901234567890123456789\xc3\xa4";
	ck_assert_ptr_nonnull(strstr(made(&job),
	    "\nP012345678901234567890123456789\n"));
	/* What is no UTF-8 is nobody's business. */
	job.user = "\xe4\xf6";
	ck_assert_ptr_nonnull(strstr(made(&job), "\nP\xe4\xf6\n"));
}
END_TEST

/* A title that would be two lines is one. */
START_TEST(test_no_text_makes_a_line)
{
	struct lpr_job job = whole;

	job.title = "x\nldfA001other\nU/etc/passwd";
	job.user = "a\rb\tc";
	ck_assert_str_eq(made(&job), "H10.0.0.5\nPa_b_c\n"
	    "Jx_ldfA001other_U/etc/passwd\nldfA007spooler\nUdfA007spooler\n"
	    "Nminutes.ps\n");
}
END_TEST

START_TEST(test_lines_of_a_first_control_file_go_on)
{
	struct lpr_job job = whole;

	job.extra = "cfA001pc\nHalice-pc\nCclass\nMann\n1font\nI4\nW80\n"
	    "Ttitle\nS12 34\nZoptions\nAann@pc+1\n-oduplex\n_x\n";
	ck_assert_str_eq(made(&job), "Halice-pc\nPann\nJMinutes\nCclass\nMann\n"
	    "1font\nI4\nW80\nTtitle\nS12 34\nZoptions\nAann@pc+1\n-oduplex\n"
	    "_x\nldfA007spooler\nUdfA007spooler\nNminutes.ps\n");
}
END_TEST

/* They would name files that the server does not have, or has. */
START_TEST(test_lines_that_name_files_do_not_go_on)
{
	struct lpr_job job = whole;

	job.extra = "cfA001pc\nU/etc/passwd\nNother\nf/etc/passwd\nldfA001pc\n"
	    "zdfA001pc\nPother\nJother\n\n\001x\n x\nZgood\n";
	ck_assert_str_eq(made(&job), "H10.0.0.5\nPann\nJMinutes\nZgood\n"
	    "ldfA007spooler\nUdfA007spooler\nNminutes.ps\n");
}
END_TEST

START_TEST(test_banners)
{
	static const struct {
		enum lpr_banner	 banner;
		const char	*extra, *wanted;
	} cases[] = {
		{ LPR_BANNER_ORIGINAL, "", NULL },
		{ LPR_BANNER_ORIGINAL, "cf\nLalice\n", "\nLalice\n" },
		{ LPR_BANNER_YES, "", "\nLann\n" },
		{ LPR_BANNER_YES, "cf\nLalice\n", "\nLalice\n" },
		{ LPR_BANNER_NO, "cf\nLalice\n", NULL },
	};
	struct lpr_job job = whole;

	job.banner = cases[_i].banner;
	job.extra = cases[_i].extra;
	if (cases[_i].wanted != NULL)
		ck_assert_ptr_nonnull(strstr(made(&job), cases[_i].wanted));
	else
		ck_assert_ptr_null(strstr(made(&job), "\nL"));
}
END_TEST

START_TEST(test_odd_extras)
{
	static const char *const extras[] = { "", "cfA001pc", "cfA001pc\n",
		"\n", "\n\n\n", "cf\nZ", "cf\nH\n", "cf\nHpc" };
	struct lpr_job job = whole;

	job.extra = extras[_i];
	ck_assert_ptr_nonnull(strstr(made(&job), "\nldfA007spooler\n"));
	ck_assert_int_eq(made(&job)[0], 'H');
}
END_TEST

static Suite *
lpr_control_suite(void)
{
	Suite *suite = suite_create("lpr_control");
	TCase *all = tcase_create("all");

	tcase_add_test(all, test_a_job_of_its_own);
	tcase_add_test(all, test_a_job_of_which_nothing_is_known);
	tcase_add_test(all, test_copies_are_lines);
	tcase_add_loop_test(all, test_names_of_files, 0, 7);
	tcase_add_loop_test(all, test_letter_by_format, 0, 7);
	tcase_add_test(all, test_lines_are_cut_as_rfc_1179_has_them);
	tcase_add_test(all, test_a_character_is_not_cut);
	tcase_add_test(all, test_no_text_makes_a_line);
	tcase_add_test(all, test_lines_of_a_first_control_file_go_on);
	tcase_add_test(all, test_lines_that_name_files_do_not_go_on);
	tcase_add_loop_test(all, test_banners, 0, 5);
	tcase_add_loop_test(all, test_odd_extras, 0, 8);
	suite_add_tcase(suite, all);
	return suite;
}

int
main(void)
{
	return suite_main(lpr_control_suite());
}
