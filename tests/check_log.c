/*
 * check_log.c - log lines as they come out of standard error, whatever the
 * values hold and whoever does not read.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/log.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))
#define PIPE_LEN	65536

static int pipe_fds[2], old_stderr;
static char got[PIPE_LEN + 1];

/* ---- tools ---- */

static void
set_up(void)
{
	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK), 0);
	old_stderr = dup(STDERR_FILENO);
	ck_assert_int_ne(dup2(pipe_fds[1], STDERR_FILENO), -1);
	log_open(LOG_LEVEL_DEBUG, true);
}

static void
tear_down(void)
{
	dup2(old_stderr, STDERR_FILENO);
	close(old_stderr);
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

static const char *
drain(void)
{
	ssize_t n = read(pipe_fds[0], got, PIPE_LEN);

	ck_assert(n >= 0 || errno == EAGAIN);
	got[n > 0 ? n : 0] = '\0';
	return got;
}

static size_t
count_lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void
expect_one_line(void)
{
	size_t len = strlen(drain());

	ck_assert_uint_gt(len, 0);
	ck_assert_uint_le(len, LOG_LINE_LEN);
	ck_assert_uint_eq(count_lines(got), 1);
	ck_assert_int_eq(got[len - 1], '\n');
}

/* ---- the form ---- */

START_TEST(line_for_a_person)
{
	static const char *const names[] = { "error", "warning", "info",
	    "debug" };
	char expected[64];
	int y, mo, d, h, mi, s, at = 0;

	log_open(LOG_LEVEL_DEBUG, false);
	log_put((enum log_level)_i, "job finished", LOG_TEXT("port", "lobby"),
	    LOG_NUM("job", 17), LOG_NUM("code", -5));
	expect_one_line();
	ck_assert_int_eq(sscanf(got, "%4d-%2d-%2dT%2d:%2d:%2dZ %n", &y, &mo,
	    &d, &h, &mi, &s, &at), 6);
	snprintf(expected, sizeof(expected),
	    "%s job finished port=lobby job=17 code=-5\n", names[_i]);
	ck_assert_str_eq(got + at, expected);
}
END_TEST

START_TEST(line_for_the_journal)
{
	static const char *const lines[] = { "<3>job finished job=17\n",
	    "<4>job finished job=17\n", "<6>job finished job=17\n",
	    "<7>job finished job=17\n" };

	log_put((enum log_level)_i, "job finished", LOG_NUM("job", 17));
	ck_assert_str_eq(drain(), lines[_i]);
}
END_TEST

START_TEST(line_without_fields)
{
	log_put(LOG_LEVEL_INFO, "ready");
	ck_assert_str_eq(drain(), "<6>ready\n");
}
END_TEST

START_TEST(empty_fields_are_left_out)
{
	log_put(LOG_LEVEL_INFO, "job", LOG_TEXT("reason", ""),
	    LOG_TEXT("text", NULL), LOG_NUM("bytes", 0),
	    LOG_TEXT("port", "lobby"));
	ck_assert_str_eq(drain(), "<6>job bytes=0 port=lobby\n");
}
END_TEST

START_TEST(numbers_at_their_limits)
{
	log_put(LOG_LEVEL_INFO, "n", LOG_NUM("min", INT64_MIN),
	    LOG_NUM("max", INT64_MAX));
	ck_assert_str_eq(drain(), "<6>n min=-9223372036854775808 "
	    "max=9223372036854775807\n");
}
END_TEST

START_TEST(only_what_the_level_lets_through)
{
	int level;

	log_open((enum log_level)_i, true);
	for (level = LOG_LEVEL_ERROR; level <= LOG_LEVEL_DEBUG; level++) {
		log_put((enum log_level)level, "line");
		ck_assert_int_eq(log_enabled((enum log_level)level),
		    level <= _i);
	}
	ck_assert_uint_eq(count_lines(drain()), (size_t)_i + 1);
}
END_TEST

/* ---- values ---- */

struct sample {
	const char	*value;
	const char	*shown;
};

static const struct sample samples[] = {
	{ "plain", "plain" },
	{ "[::1]:9100", "[::1]:9100" },
	{ "two words", "\"two words\"" },
	{ "a=b", "\"a=b\"" },
	{ "x port=forged", "\"x port=forged\"" },
	{ "say \"hi\"", "\"say \\\"hi\\\"\"" },
	{ "back\\slash", "\"back\\\\slash\"" },
	{ "line\n<3>forged line", "\"line\\x0a<3>forged line\"" },
	{ "\r\n", "\"\\x0d\\x0a\"" },
	{ "tab\there", "\"tab\\x09here\"" },
	{ "\x1b[31mred\x1b[0m", "\"\\x1b[31mred\\x1b[0m\"" },
	{ "\x01\x1f\x7f", "\"\\x01\\x1f\\x7f\"" },
	/* the 8-bit controls, as such and in UTF-8: a terminal obeys both */
	{ "\x9b" "31m", "\"\\x9b31m\"" },
	{ "\xc2\x80\xc2\x9b\xc2\x9f", "\"\\xc2\\x80\\xc2\\x9b\\xc2\\x9f\"" },
	/* good UTF-8 of every length, at both ends of what is allowed */
	{ "caf\xc3\xa9", "\"caf\xc3\xa9\"" },
	{ "\xc2\xa0", "\"\xc2\xa0\"" },
	{ "\xdf\xbf", "\"\xdf\xbf\"" },
	{ "\xe0\xa0\x80", "\"\xe0\xa0\x80\"" },
	{ "\xe2\x82\xac", "\"\xe2\x82\xac\"" },
	{ "\xed\x9f\xbf", "\"\xed\x9f\xbf\"" },
	{ "\xf0\x90\x80\x80", "\"\xf0\x90\x80\x80\"" },
	{ "\xf4\x8f\xbf\xbf", "\"\xf4\x8f\xbf\xbf\"" },
	/* broken UTF-8: cut, stray, too long, surrogate, beyond the end */
	{ "\xc3", "\"\\xc3\"" },
	{ "\xc3(", "\"\\xc3(\"" },
	{ "\xa9", "\"\\xa9\"" },
	{ "\xe2\x82", "\"\\xe2\\x82\"" },
	{ "\xf0\x9f\x96", "\"\\xf0\\x9f\\x96\"" },
	{ "\xc0\xaf", "\"\\xc0\\xaf\"" },
	{ "\xc1\x81", "\"\\xc1\\x81\"" },
	{ "\xe0\x80\xaf", "\"\\xe0\\x80\\xaf\"" },
	{ "\xf0\x80\x80\xaf", "\"\\xf0\\x80\\x80\\xaf\"" },
	{ "\xed\xa0\x80", "\"\\xed\\xa0\\x80\"" },
	{ "\xf4\x90\x80\x80", "\"\\xf4\\x90\\x80\\x80\"" },
	{ "\xf5\x80\x80\x80", "\"\\xf5\\x80\\x80\\x80\"" },
	{ "\xff\xfe", "\"\\xff\\xfe\"" },
	{ "\xc3\xc3\xa9", "\"\\xc3\xc3\xa9\"" },
};

START_TEST(values_are_escaped)
{
	char expected[256];

	log_put(LOG_LEVEL_INFO, "title", LOG_TEXT("text", samples[_i].value),
	    LOG_NUM("job", 1));
	snprintf(expected, sizeof(expected), "<6>title text=%s job=1\n",
	    samples[_i].shown);
	ck_assert_str_eq(drain(), expected);
}
END_TEST

/* Each byte alone, between letters: one line, nothing a terminal obeys. */
START_TEST(no_byte_gets_through_that_should_not)
{
	char value[] = "a?z";
	const char *s;
	int c;

	for (c = 1; c < 256; c++) {
		value[1] = (char)c;
		log_put(LOG_LEVEL_INFO, "byte", LOG_TEXT("text", value));
		expect_one_line();
		for (s = got; *s != '\n'; s++)
			ck_assert_msg(*s >= ' ' && *s < 0x7f,
			    "byte %02x gave byte %02x", (unsigned)c,
			    (unsigned char)*s);
	}
}
END_TEST

static char *
repeat(const char *piece, size_t len)
{
	char *text = malloc(len + 1);
	size_t i, n = strlen(piece);

	ck_assert_ptr_nonnull(text);
	for (i = 0; i < len; i++)
		text[i] = piece[i % n];
	text[len] = '\0';
	return text;
}

START_TEST(a_value_of_just_the_length_is_whole)
{
	char *text = repeat("x", LOG_VALUE_LEN);

	log_put(LOG_LEVEL_INFO, "v", LOG_TEXT("text", text),
	    LOG_NUM("job", 1));
	expect_one_line();
	ck_assert_uint_eq(strlen(got), strlen("<6>v text= job=1\n") +
	    LOG_VALUE_LEN);
	free(text);
}
END_TEST

START_TEST(a_longer_value_is_cut_and_the_rest_follows)
{
	static const char *const pieces[] = { "x", "x y", "\xc3\xa9" };
	char *text = repeat(pieces[_i], 100000);

	log_put(LOG_LEVEL_INFO, "v", LOG_TEXT("text", text),
	    LOG_NUM("job", 1));
	expect_one_line();
	ck_assert_uint_lt(strlen(got), LOG_VALUE_LEN + 64);
	ck_assert_ptr_nonnull(strstr(got, " job=1\n"));
	free(text);
}
END_TEST

/* What is left of a line that was cut is still UTF-8, and one line. */
static void
expect_whole_characters(void)
{
	const char *end = strchr(got, '\n');

	while (end > got && ((unsigned char)end[-1] & 0xc0) == 0x80)
		end--;
	ck_assert_msg((unsigned char)end[-1] < 0xc0 ||
	    strlen(end) - 1 == ((unsigned char)end[-1] < 0xe0 ? 1u :
	    (unsigned char)end[-1] < 0xf0 ? 2u : 3u),
	    "a character was cut");
}

START_TEST(a_line_is_never_too_long)
{
	static const char *const pieces[] = { "\n", "x", "\"", "\x1b",
	    "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x96\xa8", "a\xc3\xa9",
	    "a\xf0\x9f\x96\xa8" };
	char *text = repeat(pieces[_i], LOG_VALUE_LEN);

	log_put(LOG_LEVEL_ERROR, "long", LOG_TEXT("a", text),
	    LOG_TEXT("b", text), LOG_TEXT("c", text), LOG_TEXT("d", text),
	    LOG_TEXT("e", text), LOG_TEXT("f", text));
	expect_one_line();
	ck_assert_uint_gt(strlen(got), LOG_LINE_LEN - 16);
	expect_whole_characters();
	log_put(LOG_LEVEL_ERROR, "next");
	ck_assert_str_eq(drain(), "<3>next\n");
	free(text);
}
END_TEST

/* ---- readers that do not read ---- */

/* Log until so many lines have not got through: how many it were in all. */
#define IN_VAIN		10

static uint64_t
fill(void)
{
	uint64_t n = 0, in_vain = 0;
	char *text = repeat("x", 1000);
	int unread = 0, before;

	while (in_vain < IN_VAIN) {
		log_put(LOG_LEVEL_INFO, "filler", LOG_TEXT("text", text));
		n++;
		before = unread;
		ck_assert_int_eq(ioctl(pipe_fds[0], FIONREAD, &unread), 0);
		in_vain += unread == before;
	}
	free(text);
	return n;
}

START_TEST(lost_lines_are_counted_and_told)
{
	uint64_t n = fill();

	ck_assert_uint_eq(n - count_lines(drain()), IN_VAIN);
	log_put(LOG_LEVEL_INFO, "again");
	ck_assert_str_eq(drain(),
	    "<4>log lines were lost lines=10\n<6>again\n");
	log_put(LOG_LEVEL_INFO, "and on");
	ck_assert_str_eq(drain(), "<6>and on\n");
}
END_TEST

/* The descriptor is shared with others: it stays a blocking one. */
START_TEST(a_full_pipe_is_left_as_it_was)
{
	int flags = fcntl(STDERR_FILENO, F_GETFL);

	(void)fill();
	ck_assert_int_eq(fcntl(STDERR_FILENO, F_GETFL), flags);
	ck_assert_int_eq(flags & O_NONBLOCK, 0);
}
END_TEST

START_TEST(no_line_is_written_in_part)
{
	const char *line;

	(void)fill();
	for (line = drain(); *line != '\0'; line = strchr(line, '\n') + 1) {
		ck_assert_int_eq(strncmp(line, "<6>filler text=xxx", 18), 0);
		ck_assert_ptr_nonnull(strchr(line, '\n'));
	}
}
END_TEST

START_TEST(a_full_disk_is_survived)
{
	int full = open("/dev/full", O_WRONLY | O_CLOEXEC), i;

	ck_assert_int_ne(full, -1);
	dup2(full, STDERR_FILENO);
	close(full);
	for (i = 0; i < 3; i++)
		log_put(LOG_LEVEL_ERROR, "no room");
	dup2(pipe_fds[1], STDERR_FILENO);
	log_put(LOG_LEVEL_INFO, "room");
	ck_assert_str_eq(drain(),
	    "<4>log lines were lost lines=3\n<6>room\n");
}
END_TEST

START_TEST(a_closed_standard_error_is_survived)
{
	close(STDERR_FILENO);
	log_put(LOG_LEVEL_ERROR, "nobody listens");
	dup2(pipe_fds[1], STDERR_FILENO);
	log_put(LOG_LEVEL_INFO, "somebody does");
	ck_assert_str_eq(drain(),
	    "<4>log lines were lost lines=1\n<6>somebody does\n");
}
END_TEST

/* ---- the journal ---- */

static bool
is_journal(const char *named)
{
	ck_assert_int_eq(setenv("JOURNAL_STREAM", named, 1), 0);
	return log_is_journal();
}

START_TEST(the_journal_is_known_by_its_stream)
{
	struct stat st;
	char named[64];

	ck_assert_int_eq(fstat(STDERR_FILENO, &st), 0);
	snprintf(named, sizeof(named), "%llu:%llu",
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino);
	ck_assert(is_journal(named));
	snprintf(named, sizeof(named), "%llu:%llu",
	    (unsigned long long)st.st_dev, (unsigned long long)st.st_ino + 1);
	ck_assert(!is_journal(named));
	ck_assert(!is_journal(""));
	ck_assert(!is_journal("journal"));
	unsetenv("JOURNAL_STREAM");
	ck_assert(!log_is_journal());
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *
log_suite(void)
{
	Suite *suite = suite_create("log");
	TCase *tcase;

	tcase = new_case(suite, "form");
	tcase_add_loop_test(tcase, line_for_a_person, 0, 4);
	tcase_add_loop_test(tcase, line_for_the_journal, 0, 4);
	tcase_add_test(tcase, line_without_fields);
	tcase_add_test(tcase, empty_fields_are_left_out);
	tcase_add_test(tcase, numbers_at_their_limits);
	tcase_add_loop_test(tcase, only_what_the_level_lets_through, 0, 4);

	tcase = new_case(suite, "values");
	tcase_add_loop_test(tcase, values_are_escaped, 0, COUNT(samples));
	tcase_add_test(tcase, no_byte_gets_through_that_should_not);
	tcase_add_test(tcase, a_value_of_just_the_length_is_whole);
	tcase_add_loop_test(tcase,
	    a_longer_value_is_cut_and_the_rest_follows, 0, 3);
	tcase_add_loop_test(tcase, a_line_is_never_too_long, 0, 9);

	tcase = new_case(suite, "readers");
	tcase_add_test(tcase, lost_lines_are_counted_and_told);
	tcase_add_test(tcase, a_full_pipe_is_left_as_it_was);
	tcase_add_test(tcase, no_line_is_written_in_part);
	tcase_add_test(tcase, a_full_disk_is_survived);
	tcase_add_test(tcase, a_closed_standard_error_is_survived);

	tcase = new_case(suite, "journal");
	tcase_add_test(tcase, the_journal_is_known_by_its_stream);
	return suite;
}

int
main(void)
{
	return suite_main(log_suite());
}
