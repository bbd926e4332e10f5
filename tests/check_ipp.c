/*
 * check_ipp - the module `ipp`: what IPP's words mean to it, and how it keeps
 * the contract without a printer.
 */
#include <errno.h>
#include <string.h>

#include "monitor/ipp_words.h"
#include "tests/module.h"
#include "tests/suite.h"

/*
 * ---- Formats ---------------------------------------------------------------
 */

static const struct {
	const char	*bytes;
	const char	*format;
} heads[] = {
	{ "%PDF-1.7\n", "application/pdf" },
	{ "%!PS-Adobe-3.0\n", "application/postscript" },
	{ "\004%!PS\n", "application/postscript" },
	{ "\033%-12345X@PJL\r\n", IPP_ANY_FORMAT },
	{ "\033E\033&l0O", "application/vnd.hp-PCL" },
	{ ") HP-PCL XL;2;0", "application/vnd.hp-PCLXL" },
	{ "RaS2PwgRaster", "image/pwg-raster" },
	{ "UNIRAST", "image/urf" },
	{ "\377\330\377\340", "image/jpeg" },
	{ "\211PNG\r\n\032\n", "image/png" },
	{ "Dear Sir,\r\n\tGr\303\274\303\237e\f", "text/plain" },
	{ "%PD", "text/plain" },
	{ "RaS\001", IPP_ANY_FORMAT },
	{ "", IPP_ANY_FORMAT },
};

START_TEST(test_a_format_is_known_by_the_first_bytes)
{
	ck_assert_str_eq(ipp_sniff(heads[_i].bytes, strlen(heads[_i].bytes)),
	    heads[_i].format);
}
END_TEST

START_TEST(test_a_nul_is_no_text)
{
	ck_assert_str_eq(ipp_sniff("a\0b", 3), IPP_ANY_FORMAT);
}
END_TEST

START_TEST(test_media_types)
{
	ck_assert(ipp_is_media_type("application/vnd.hp-PCL"));
	ck_assert(ipp_is_media_type("image/svg+xml"));
	ck_assert(!ipp_is_media_type("RAW"));
	ck_assert(!ipp_is_media_type("/pdf"));
	ck_assert(!ipp_is_media_type("application/"));
	ck_assert(!ipp_is_media_type("a/b/c"));
	ck_assert(!ipp_is_media_type("a/b c"));
	ck_assert(!ipp_is_media_type(""));
}
END_TEST

/*
 * ---- Status codes ----------------------------------------------------------
 */

static const struct {
	unsigned	status;
	int		code;
} statuses[] = {
	{ 0x0000, PP_OK },		/* successful-ok */
	{ 0x0001, PP_OK },		/* ... ignored or substituted */
	{ 0x0400, PP_HOLD_JOB },	/* bad-request */
	{ 0x0401, PP_HOLD_JOB },	/* forbidden */
	{ 0x0403, PP_HOLD_JOB },	/* not-authorized */
	{ 0x0404, -EAGAIN },		/* not-possible */
	{ 0x0406, -ENOENT },		/* not-found */
	{ 0x0408, PP_HOLD_JOB },	/* request-entity-too-large */
	{ 0x040a, PP_HOLD_JOB },	/* document-format-not-supported */
	{ 0x0411, PP_HOLD_JOB },	/* document-format-error */
	{ 0x04ff, PP_HOLD_JOB },	/* one to come */
	{ 0x0500, -EIO },		/* internal-error */
	{ 0x0503, PP_STOP_PORT },	/* version-not-supported */
	{ 0x0504, -EIO },		/* device-error */
	{ 0x0506, -EBUSY },		/* not-accepting-jobs */
	{ 0x0507, -EBUSY },		/* busy */
	{ 0x0508, PP_HOLD_JOB },	/* job-canceled */
	{ 0x05ff, -EIO },		/* one to come */
	{ 0x0300, -EIO },		/* redirection: not ours */
};

START_TEST(rule_32_a_status_is_a_verdict_on_the_job_or_the_port)
{
	ck_assert_int_eq(ipp_verdict(statuses[_i].status), statuses[_i].code);
}
END_TEST

/* No status is taken for a write that took nothing. */
START_TEST(rule_36_no_status_is_a_timeout_or_a_cancel)
{
	unsigned status;
	int code;

	for (status = 0; status < 0x0700; status++) {
		code = ipp_verdict(status);
		ck_assert_int_ne(code, PP_TIMEOUT);
		ck_assert_int_ne(code, PP_CANCELED);
		ck_assert_int_le(code, 0);
	}
	for (status = 100; status < 600; status++) {
		code = ipp_http_verdict((int)status);
		ck_assert_int_ne(code, PP_TIMEOUT);
		ck_assert_int_lt(code, 0);
	}
}
END_TEST

/*
 * ---- State -----------------------------------------------------------------
 */

static const struct {
	const char		*keyword;
	bool			 stopped;
	enum pp_port_status	 status;
	enum pp_severity	 severity;
} states[] = {
	{ "none", false, PP_STATUS_CLEAR, PP_SEVERITY_NONE },
	{ "media-empty-error", false, PP_STATUS_PAPER_OUT,
	    PP_SEVERITY_ERROR },
	{ "media-empty-warning", true, PP_STATUS_PAPER_OUT,
	    PP_SEVERITY_WARNING },
	{ "media-empty-report", false, PP_STATUS_PAPER_OUT,
	    PP_SEVERITY_INFO },
	{ "media-needed", true, PP_STATUS_PAPER_OUT, PP_SEVERITY_ERROR },
	{ "media-needed", false, PP_STATUS_PAPER_OUT, PP_SEVERITY_WARNING },
	{ "media-jam-error", false, PP_STATUS_PAPER_JAM, PP_SEVERITY_ERROR },
	{ "cover-open-error", false, PP_STATUS_DOOR_OPEN, PP_SEVERITY_ERROR },
	{ "toner-low-report", false, PP_STATUS_TONER_LOW, PP_SEVERITY_INFO },
	{ "marker-supply-empty-error", false, PP_STATUS_NO_TONER,
	    PP_SEVERITY_ERROR },
	{ "output-area-full-warning", false, PP_STATUS_OUTPUT_BIN_FULL,
	    PP_SEVERITY_WARNING },
	{ "flux-capacitor-error", false, PP_STATUS_USER_INTERVENTION,
	    PP_SEVERITY_ERROR },
	{ "-error", false, PP_STATUS_USER_INTERVENTION, PP_SEVERITY_WARNING },
};

START_TEST(rule_70_a_reason_is_one_status_and_a_severity)
{
	struct pp_port_info_3 info;

	ipp_reason(states[_i].keyword, states[_i].stopped, &info);
	ck_assert_int_eq(info.status, states[_i].status);
	ck_assert_int_eq(info.severity, states[_i].severity);
}
END_TEST

static bool
worse(const char *first, const char *second)
{
	struct pp_port_info_3 one, other;

	ipp_reason(first, false, &one);
	ipp_reason(second, false, &other);
	return ipp_worse(&one, &other);
}

START_TEST(rule_76_the_worst_reason_is_shown)
{
	ck_assert(worse("toner-low-error", "media-jam-warning"));
	ck_assert(!worse("media-jam-warning", "toner-low-error"));
	ck_assert(worse("media-jam-error", "media-empty-error"));
	ck_assert(worse("media-low-report", "none"));
	ck_assert(!worse("none", "media-low-report"));
	ck_assert(!worse("none", "none"));
}
END_TEST

static int
supply(const char *text)
{
	return ipp_supply_percent(text, strlen(text));
}

START_TEST(test_levels_of_supplies)
{
	ck_assert_int_eq(ipp_marker_percent(0), 0);
	ck_assert_int_eq(ipp_marker_percent(100), 100);
	ck_assert_int_eq(ipp_marker_percent(-3), -1);
	ck_assert_int_eq(ipp_marker_percent(101), -1);
	ck_assert_int_eq(supply("index=1;maxcapacity=200;level=50;"), 25);
	ck_assert_int_eq(supply("level=50;maxcapacity=100"), 50);
	ck_assert_int_eq(supply("maxcapacity=-2;level=50;"), -1);
	ck_assert_int_eq(supply("maxcapacity=100;level=101;"), -1);
	ck_assert_int_eq(supply("sublevel=5;maxcapacity=100;"), -1);
	ck_assert_int_eq(supply(";;;=;level"), -1);
	ck_assert_int_eq(supply(""), -1);
}
END_TEST

/*
 * ---- The module ------------------------------------------------------------
 */

static struct module ipp;
static struct pp_port *port;

static const struct pp_doc_info_1 doc = { "Report", NULL, "" };

/* Port 1 of this machine: nobody listens there. */
static void
setup(void)
{
	module_open(&ipp, "ipp");
	fake_host_set(ipp.host, "lobby", "uri", "ipp://127.0.0.1:1/ipp/print");
	ck_assert_int_eq(ipp.table->open_port(ipp.monitor, "lobby", &port),
	    PP_OK);
}

static void
teardown(void)
{
	ck_assert_int_eq(ipp.table->close_port(port), PP_OK);
	module_close(&ipp);
}

START_TEST(rule_17_a_second_open_is_busy)
{
	struct pp_port *second;

	ck_assert_int_eq(ipp.table->open_port(ipp.monitor, "lobby", &second),
	    PP_BUSY);
	ck_assert_ptr_null(second);
}
END_TEST

START_TEST(rule_19_an_unknown_port_is_not_found)
{
	struct pp_port *second;

	ck_assert_int_eq(ipp.table->open_port(ipp.monitor, "nowhere",
	    &second), PP_NOT_FOUND);
	ck_assert_ptr_null(second);
}
END_TEST

START_TEST(rule_31_a_failed_start_leaves_no_document)
{
	size_t written = 99;
	int round, rc;

	for (round = 0; round < 2; round++) {
		rc = ipp.table->start_doc_port(port, "q", 7, 1, &doc);
		ck_assert_int_lt(rc, 0);
		ck_assert_int_ne(rc, PP_BUSY);
	}
	ck_assert(fake_host_logged(ipp.host, "is the printer on"));
	ck_assert_int_eq(ipp.table->write_port(port, "x", 1, &written),
	    PP_NO_DOCUMENT);
	ck_assert_uint_eq(written, 0);
	ck_assert_int_eq(ipp.table->end_doc_port(port), PP_OK);
	ck_assert_uint_eq(ipp.host->n_events, 0);
}
END_TEST

START_TEST(rule_33_a_document_of_another_level_is_refused)
{
	ck_assert_int_eq(ipp.table->start_doc_port(port, "q", 7, 2, &doc),
	    PP_INVALID_LEVEL);
	ck_assert_int_eq(ipp.table->start_doc_port(port, "q", 7, 1, NULL),
	    PP_INVALID_PARAMETER);
}
END_TEST

START_TEST(rule_49_a_cancel_ends_a_start)
{
	ipp.host->canceled = true;
	ck_assert_int_eq(ipp.table->start_doc_port(port, "q", 7, 1, &doc),
	    PP_CANCELED);
}
END_TEST

START_TEST(rule_71_a_printer_that_is_away_is_an_error)
{
	uint32_t again_ms = 0;

	ck_assert_int_eq(ipp.table->service_port(port, &again_ms), PP_OK);
	ck_assert_uint_gt(again_ms, 0);
	ck_assert_uint_eq(ipp.host->n_statuses, 1);
	ck_assert_int_eq(ipp.host->statuses[0].status, PP_STATUS_OFFLINE);
	ck_assert_int_eq(ipp.host->statuses[0].severity, PP_SEVERITY_ERROR);
}
END_TEST

#define LOOP(tcase, test, array)					\
	tcase_add_loop_test(tcase, test, 0,				\
	    (int)(sizeof(array) / sizeof((array)[0])))

static Suite *
ipp_suite(void)
{
	Suite *suite = suite_create("ipp");
	TCase *words = tcase_create("words");
	TCase *module = tcase_create("module");

	LOOP(words, test_a_format_is_known_by_the_first_bytes, heads);
	tcase_add_test(words, test_a_nul_is_no_text);
	tcase_add_test(words, test_media_types);
	LOOP(words, rule_32_a_status_is_a_verdict_on_the_job_or_the_port,
	    statuses);
	tcase_add_test(words, rule_36_no_status_is_a_timeout_or_a_cancel);
	LOOP(words, rule_70_a_reason_is_one_status_and_a_severity, states);
	tcase_add_test(words, rule_76_the_worst_reason_is_shown);
	tcase_add_test(words, test_levels_of_supplies);
	suite_add_tcase(suite, words);
	tcase_add_checked_fixture(module, setup, teardown);
	tcase_add_test(module, rule_17_a_second_open_is_busy);
	tcase_add_test(module, rule_19_an_unknown_port_is_not_found);
	tcase_add_test(module, rule_31_a_failed_start_leaves_no_document);
	tcase_add_test(module, rule_33_a_document_of_another_level_is_refused);
	tcase_add_test(module, rule_49_a_cancel_ends_a_start);
	tcase_add_test(module, rule_71_a_printer_that_is_away_is_an_error);
	suite_add_tcase(suite, module);
	return suite;
}

int
main(void)
{
	return suite_main(ipp_suite());
}
