/*
 * check_pjl_parse - what printers say, whole, split, broken and hostile.
 */
#include <stdio.h>
#include <string.h>

#include "monitor/pjl_parse.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))

static struct pjl_message got[16];
static int n_got;

static void
on_message(void *arg, const struct pjl_message *message)
{
	(void)arg;
	ck_assert_int_lt(n_got, COUNT(got));
	got[n_got++] = *message;
}

static void
parse(const char *text)
{
	struct pjl_parser parser = { .inside = false };

	n_got = 0;
	pjl_parse(&parser, text, strlen(text), on_message, NULL);
}

static const char device[] = "@PJL USTATUS DEVICE\r\nCODE=40021\r\n"
    "DISPLAY=\"DOOR OPEN\"\r\nONLINE=FALSE\r\n\f";
static const char job_end[] = "@PJL USTATUS JOB\r\nEND\r\n"
    "NAME=\"Job 17\"\r\nRESULT=OK\r\nPAGES=3\r\n\f";

START_TEST(a_device_message)
{
	parse(device);
	ck_assert_int_eq(n_got, 1);
	ck_assert_int_eq(got[0].kind, PJL_DEVICE);
	ck_assert_uint_eq(got[0].has, PJL_HAS_CODE | PJL_HAS_DISPLAY |
	    PJL_HAS_ONLINE);
	ck_assert_uint_eq(got[0].code, 40021);
	ck_assert_str_eq(got[0].display, "DOOR OPEN");
	ck_assert(!got[0].online);
}
END_TEST

START_TEST(the_end_of_a_job)
{
	parse(job_end);
	ck_assert_int_eq(n_got, 1);
	ck_assert_int_eq(got[0].kind, PJL_JOB);
	ck_assert_uint_eq(got[0].has, PJL_HAS_END | PJL_HAS_NAME |
	    PJL_HAS_PAGES);
	ck_assert_str_eq(got[0].name, "Job 17");
	ck_assert_uint_eq(got[0].pages, 3);
}
END_TEST

/* Other printers say it otherwise. */
START_TEST(a_job_that_was_canceled_at_the_printer)
{
	static const char bare[] = "@PJL  USTATUS\tJOB \r\nEND \r\n"
	    "NAME= \"x\"\r\nRESULT=CANCELED\f";
	static const char *const texts[] = {
	    "@PJL USTATUS JOB\r\nCANCELED\r\nNAME=\"x\"\r\n\f",
	    "@PJL USTATUS JOB\r\nEND\r\nNAME=\"x\"\r\nRESULT=CANCELED\r\n\f",
	    "@PJL USTATUS JOB\nEND\nNAME = x\nRESULT=USER_CANCELED\n\f",
	    "@pjl ustatus job\r\nend\r\nname=\"x\"\r\nresult=canceled\r\n\f",
	    bare };

	parse(texts[_i]);
	ck_assert_int_eq(n_got, 1);
	ck_assert_uint_eq(got[0].has, PJL_HAS_END | PJL_HAS_CANCEL |
	    PJL_HAS_NAME);
	ck_assert_str_eq(got[0].name, "x");
}
END_TEST

START_TEST(other_messages)
{
	parse("@PJL USTATUS PAGE\r\n2\r\n\f"
	    "@PJL USTATUS TIMED\r\nCODE=10001\r\nONLINE=TRUE\r\n\f"
	    "@PJL INFO ID\r\n\"HP LASERJET 4\"\r\n\f"
	    "@PJL INFO MEMORY\r\nTOTAL=8388608\r\nLARGEST=4000000\r\n\f"
	    "PCL\r\nINFO MEMORY\r\nTOTAL=1000\r\nLARGEST=10\r\n\f"
	    "@PJL ECHO here\r\n\f"
	    "@PJL USTATUS JOB\r\nSTART\r\nNAME=\"y\"\r\n\f");
	ck_assert_int_eq(n_got, 7);
	ck_assert_int_eq(got[0].kind, PJL_PAGE);
	ck_assert_uint_eq(got[0].pages, 2);
	ck_assert_int_eq(got[1].kind, PJL_TIMED);
	ck_assert(got[1].online);
	ck_assert_int_eq(got[2].kind, PJL_ID);
	ck_assert_str_eq(got[2].text, "HP LASERJET 4");
	ck_assert_int_eq(got[3].kind, PJL_MEMORY);
	ck_assert_uint_eq(got[3].total, 8388608);
	ck_assert_uint_eq(got[3].largest, 4000000);
	ck_assert_int_eq(got[4].kind, PJL_PCL_MEMORY);
	ck_assert_uint_eq(got[4].total, 1000);
	ck_assert_int_eq(got[5].kind, PJL_OTHER);
	ck_assert_int_eq(got[6].kind, PJL_JOB);
	ck_assert_uint_eq(got[6].has, PJL_HAS_START | PJL_HAS_NAME);
}
END_TEST

/* What a PostScript interpreter says is no message of ours. */
START_TEST(other_talk_is_passed_over)
{
	parse("%%[ Error: undefined; OffendingCommand: CODE=40022 ]%%\r\n"
	    "CODE=40022\r\n\f\f\r\n"
	    "@PJL USTATUS JOB\r\nEND\r\nNAME=\"x\"\r\n\f"
	    "hello\fONLINE=FALSE\r\n\f");
	ck_assert_int_eq(n_got, 1);
	ck_assert_str_eq(got[0].name, "x");
}
END_TEST

START_TEST(an_interrupted_message_says_nothing)
{
	parse("@PJL USTATUS DEVICE\r\nCODE=40021\r\n"
	    "@PJL USTATUS JOB\r\nEND\r\nNAME=\"x\"\r\n\f");
	ck_assert_int_eq(n_got, 1);
	ck_assert_int_eq(got[0].kind, PJL_JOB);
	ck_assert_uint_eq(got[0].has & PJL_HAS_CODE, 0);
	parse("@PJL USTATUS DEVICE\r\nCODE=40021\r\n");
	ck_assert_int_eq(n_got, 0);
}
END_TEST

START_TEST(numbers_that_are_none)
{
	static const char *const codes[] = { "", "x", "-1", "1x", "4294967296",
	    "99999999999999999999999999", "1 2", "0x10" };
	char text[128];

	snprintf(text, sizeof(text), "@PJL USTATUS DEVICE\r\nCODE=%s\r\n\f",
	    codes[_i]);
	parse(text);
	ck_assert_int_eq(n_got, 1);
	ck_assert_uint_eq(got[0].has, 0);
}
END_TEST

START_TEST(long_and_strange_texts_are_cut_and_cleaned)
{
	char text[2000] = "@PJL USTATUS DEVICE\r\nDISPLAY=\"a\x1b[2J\xe4\x7f";
	size_t at = strlen(text);

	memset(text + at, 'b', 1500);
	strcpy(text + at + 1500, "\"\r\nCODE=10001\r\n\f");
	parse(text);
	ck_assert_int_eq(n_got, 1);
	ck_assert_uint_eq(strlen(got[0].display), PJL_TEXT_SIZE - 1);
	ck_assert(strncmp(got[0].display, "a?[2J??bbb", 10) == 0);
	ck_assert_uint_eq(got[0].code, 10001);
}
END_TEST

START_TEST(a_nul_is_no_end)
{
	static const char text[] = "@PJL USTATUS JOB\r\nEND\r\n"
	    "NAME=\"a\0b\"\r\n\f";
	struct pjl_parser parser = { .inside = false };

	n_got = 0;
	pjl_parse(&parser, text, sizeof(text) - 1, on_message, NULL);
	ck_assert_int_eq(n_got, 1);
	ck_assert_str_eq(got[0].name, "a?b");
}
END_TEST

/* ---- rule 74 ---- */

static const char conversation[] =
    "%%[ status: busy ]%%\r\n"
    "@PJL USTATUS DEVICE\r\nCODE=41102\r\nDISPLAY=\"LOAD\"\r\n"
    "ONLINE=TRUE\r\n\f@PJL USTATUS JOB\r\nEND\r\nNAME=\"x\"\r\nPAGES=4\r\n\f"
    "PCL\r\nINFO MEMORY\r\nTOTAL=1\r\nLARGEST=1\r\n\f@PJL ECHO\r\n\f@P";

START_TEST(rule_74_a_message_may_be_split_anywhere)
{
	struct pjl_message whole[COUNT(got)];
	struct pjl_parser parser = { .inside = false };
	size_t len = sizeof(conversation) - 1, i, at = (size_t)_i;
	int n;

	parse(conversation);
	ck_assert_int_eq(n_got, 4);
	n = n_got;
	memcpy(whole, got, sizeof(got));
	n_got = 0;
	if (at < len) {
		pjl_parse(&parser, conversation, at, on_message, NULL);
		pjl_parse(&parser, conversation + at, len - at, on_message,
		    NULL);
	} else
		for (i = 0; i < len; i++)
			pjl_parse(&parser, conversation + i, 1, on_message,
			    NULL);
	ck_assert_int_eq(n_got, n);
	ck_assert_mem_eq(got, whole, sizeof(got[0]) * (size_t)n);
}
END_TEST

/* ---- the filter ---- */

static void
check_filtered(const char *in, const char *expected, size_t part)
{
	struct pjl_filter filter = { .held = 0 };
	char out[1024];
	size_t at, n, len = 0, size = strlen(in);

	for (at = 0; at < size; at += n) {
		n = size - at < part ? size - at : part;
		len += pjl_filter(&filter, in + at, n, out + len);
	}
	out[len] = '\0';
	ck_assert_str_eq(out, expected);
}

START_TEST(only_what_was_not_asked_for_is_kept_back)
{
	static const struct {
		const char	*in, *out;
	} cases[] = {
		{ "@PJL USTATUS JOB\r\nEND\r\n\f", "" },
		{ "@PJL INFO ID\r\n\"x\"\r\n\f", "@PJL INFO ID\r\n\"x\"\r\n\f" },
		{ "a@PJL USTATUS b\f", "a@PJL USTATUS b\f" },
		{ "a\n@PJL USTATUS b\fc", "a\nc" },
		{ "@PJL USTATU\n@PJL USTATUS\tX\f", "@PJL USTATU\n"
		    "@PJL USTATUS\tX\f" },
		{ "@PJL USTATUS x\f@PJL USTATUS y\fz@", "z@" },
		{ "@@PJL USTATUS x\f", "@@PJL USTATUS x\f" },
	};
	size_t part;

	for (part = 1; part < 40; part++)
		check_filtered(cases[_i].in, cases[_i].out, part);
}
END_TEST

START_TEST(a_message_without_an_end_does_not_swallow_all)
{
	struct pjl_filter filter = { .held = 0 };
	char in[5000], out[5000 + PJL_FILTER_HELD];
	size_t n;

	memset(in, 'x', sizeof(in));
	memcpy(in, "@PJL USTATUS ", 13);
	n = pjl_filter(&filter, in, sizeof(in), out);
	ck_assert_uint_gt(n, 500);
}
END_TEST

/* ---- codes ---- */

static const struct {
	uint32_t		code;
	enum pp_port_status	status;
	enum pp_severity	severity;
} codes[] = {
	{ 10001, PP_STATUS_CLEAR, PP_SEVERITY_NONE },
	{ 10002, PP_STATUS_CLEAR, PP_SEVERITY_NONE },
	{ 11002, PP_STATUS_CLEAR, PP_SEVERITY_NONE },
	{ 10023, PP_STATUS_CLEAR, PP_SEVERITY_NONE },
	{ 10003, PP_STATUS_WARMING_UP, PP_SEVERITY_WARNING },
	{ 10006, PP_STATUS_TONER_LOW, PP_SEVERITY_WARNING },
	{ 11102, PP_STATUS_PAPER_OUT, PP_SEVERITY_WARNING },
	{ 11999, PP_STATUS_PAPER_OUT, PP_SEVERITY_WARNING },
	{ 30016, PP_STATUS_OUT_OF_MEMORY, PP_SEVERITY_WARNING },
	{ 30078, PP_STATUS_POWER_SAVE, PP_SEVERITY_WARNING },
	{ 35078, PP_STATUS_POWER_SAVE, PP_SEVERITY_WARNING },
	{ 40019, PP_STATUS_OUTPUT_BIN_FULL, PP_SEVERITY_ERROR },
	{ 40021, PP_STATUS_DOOR_OPEN, PP_SEVERITY_ERROR },
	{ 40022, PP_STATUS_PAPER_JAM, PP_SEVERITY_ERROR },
	{ 40034, PP_STATUS_PAPER_PROBLEM, PP_SEVERITY_ERROR },
	{ 40038, PP_STATUS_TONER_LOW, PP_SEVERITY_ERROR },
	{ 40079, PP_STATUS_OFFLINE, PP_SEVERITY_ERROR },
	{ 41002, PP_STATUS_PAPER_PROBLEM, PP_SEVERITY_ERROR },
	{ 41102, PP_STATUS_PAPER_OUT, PP_SEVERITY_ERROR },
	{ 41999, PP_STATUS_PAPER_OUT, PP_SEVERITY_ERROR },
	{ 42202, PP_STATUS_PAPER_JAM, PP_SEVERITY_ERROR },
	{ 40010, PP_STATUS_USER_INTERVENTION, PP_SEVERITY_ERROR },
	{ 50001, PP_STATUS_USER_INTERVENTION, PP_SEVERITY_ERROR },
};

START_TEST(rule_76_codes_are_a_table)
{
	enum pp_port_status status = PP_STATUS_POWER_SAVE;
	enum pp_severity severity = PP_SEVERITY_INFO;

	ck_assert(pjl_code_status(codes[_i].code, &status, &severity));
	ck_assert_int_eq(status, codes[_i].status);
	ck_assert_int_eq(severity, codes[_i].severity);
}
END_TEST

START_TEST(rule_73_codes_about_data_say_nothing_of_the_device)
{
	static const uint32_t about_data[] = { 20001, 25014, 27002, 32000 };
	enum pp_port_status status;
	enum pp_severity severity;

	ck_assert(!pjl_code_status(about_data[_i], &status, &severity));
}
END_TEST

/* ---- device ids ---- */

static const struct {
	const char	*id;
	int		 speaks;
} ids[] = {
	{ "MFG:HP;CMD:PJL,PCL;MDL:LaserJet;", 1 },
	{ "MANUFACTURER:HP;COMMAND SET:PCL,PJL,POSTSCRIPT;", 1 },
	{ "command set: pjl", 1 },
	{ "MFG:EPSON;CMD:ESCPL2,BDC;MDL:PJL 100;", 0 },
	{ "CMD:;MDL:PJL;", 0 },
	{ "MFG:X;MDL:PJL;", -1 },
	{ "", -1 }, { ";;;", -1 }, { "CMD", -1 },
	{ "XCMD:PJL;", -1 },
};

START_TEST(a_device_id_says_what_is_spoken)
{
	ck_assert_int_eq(pjl_id_speaks(ids[_i].id), ids[_i].speaks);
}
END_TEST

static Suite *
pjl_parse_suite(void)
{
	Suite *suite = suite_create("pjl_parse");
	TCase *tcase = tcase_create("messages");

	tcase_add_test(tcase, a_device_message);
	tcase_add_test(tcase, the_end_of_a_job);
	tcase_add_loop_test(tcase, a_job_that_was_canceled_at_the_printer, 0,
	    5);
	tcase_add_test(tcase, other_messages);
	tcase_add_test(tcase, other_talk_is_passed_over);
	tcase_add_test(tcase, an_interrupted_message_says_nothing);
	tcase_add_loop_test(tcase, numbers_that_are_none, 0, 8);
	tcase_add_test(tcase, long_and_strange_texts_are_cut_and_cleaned);
	tcase_add_test(tcase, a_nul_is_no_end);
	tcase_add_loop_test(tcase, rule_74_a_message_may_be_split_anywhere, 0,
	    COUNT(conversation));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("filter");
	tcase_add_loop_test(tcase, only_what_was_not_asked_for_is_kept_back,
	    0, 7);
	tcase_add_test(tcase, a_message_without_an_end_does_not_swallow_all);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("tables");
	tcase_add_loop_test(tcase, rule_76_codes_are_a_table, 0,
	    COUNT(codes));
	tcase_add_loop_test(tcase,
	    rule_73_codes_about_data_say_nothing_of_the_device, 0, 4);
	tcase_add_loop_test(tcase, a_device_id_says_what_is_spoken, 0,
	    COUNT(ids));
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(pjl_parse_suite());
}
