/*
 * check_banner.c - templates of banner pages, and values that want to be more
 * than text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/banner.h"
#include "tests/suite.h"

#define N(array)	((int)(sizeof(array) / sizeof((array)[0])))
#define UEL		"\033%-12345X"

static const char *
page_of(const char *template, size_t len, bool utf8,
    const char *const values[BANNER_FIELDS])
{
	static char text[2 * BANNER_LEN];
	struct banner_fault fault;
	struct banner *banner = banner_new(template, len, utf8, &fault);
	size_t n;
	char *page;

	ck_assert_msg(banner != NULL, "%d: %s", fault.line, fault.text);
	page = banner_print(banner, values, &n);
	ck_assert_ptr_nonnull(page);
	ck_assert_uint_le(n, BANNER_LEN);
	memcpy(text, page, n);
	text[n] = '\0';
	free(page);
	banner_free(banner);
	return text;
}

/* The same value in all places. */
static const char *
print(const char *template, const char *value, bool utf8)
{
	const char *values[BANNER_FIELDS];
	int i;

	for (i = 0; i < BANNER_FIELDS; i++)
		values[i] = value;
	return page_of(template, strlen(template), utf8, values);
}

/* ---- what is printed ----------------------------------------------------- */

START_TEST(each_name_has_its_value)
{
	static const char *const values[BANNER_FIELDS] = {
		[BANNER_USER] = "alice", [BANNER_HOST] = "10.0.0.5",
		[BANNER_TITLE] = "Minutes", [BANNER_CLASS] = NULL,
		[BANNER_QUEUE] = "lobby", [BANNER_JOB] = "17",
		[BANNER_DATE] = "2026-03-01 09:30",
	};
	static const char template[] = "${title}:${user}@${host} [${class}] "
	    "${queue}/${job}\n${date}${user}";

	ck_assert_str_eq(page_of(template, sizeof(template) - 1, false,
	    values), "Minutes:alice@10.0.0.5 [] lobby/17\n"
	    "2026-03-01 09:30alice");
	ck_assert_str_eq(page_of(NULL, 0, false, values), "\r\n\r\n"
	    "  User   alice\r\n  Host   10.0.0.5\r\n  Title  Minutes\r\n"
	    "  Class  \r\n  Queue  lobby\r\n  Job    17\r\n"
	    "  Date   2026-03-01 09:30\r\n\f");
}
END_TEST

static const struct {
	const char	*template, *page;
} literals[] = {
	{ "no names", "no names" },
	{ "{user} $user $ {", "{user} $user $ {" },
	{ "$${user}", "${user}" },
	{ "$${${user}", "${bob" },
	{ "$$${user}", "$${user}" },
	{ "${user}$", "bob$" },
	{ "/box {user} def", "/box {user} def" },
	{ "%!PS\n/$ {pop} def [{{exit} if}]", "%!PS\n/$ {pop} def "
	    "[{{exit} if}]" },
	{ "%!PS\n(\\${user})", "%!PS\n(\\${user})" },
	{ "\1\2\377${user}\n\n", "\1\2\377bob\n\n" },
};

START_TEST(all_else_stays_as_it_is)
{
	ck_assert_str_eq(print(literals[_i].template, "bob", false),
	    literals[_i].page);
}
END_TEST

START_TEST(nuls_are_bytes_of_a_template)
{
	static const char template[] = "\0${user}\0${user}";
	static const char *const values[BANNER_FIELDS] = {
		[BANNER_USER] = "bob" };

	ck_assert_int_eq(memcmp(page_of(template, sizeof(template) - 1, false,
	    values), "\0bob\0bob", 9), 0);
}
END_TEST

static const struct {
	const char	*template, *format;
} formats[] = {
	{ "text\r\n\tand more\f", "text/plain" },
	{ "%!PS\nshowpage", "application/postscript" },
	{ "\4%!PS\nshowpage", "application/postscript" },
	{ UEL "@PJL ENTER LANGUAGE=POSTSCRIPT\n%!PS\n", "application/postscript" },
	{ UEL "%!PS\n", "application/postscript" },
	{ "no %!PS\n", "text/plain" },
	{ "^XA^FO1,1^XZ", "application/octet-stream" },
	{ "\033E", "application/octet-stream" },
};

START_TEST(a_page_has_the_format_that_it_seems_to_have)
{
	struct banner_fault fault;
	struct banner *banner = banner_new(formats[_i].template,
	    strlen(formats[_i].template), false, &fault);

	ck_assert_ptr_nonnull(banner);
	ck_assert_str_eq(banner_format(banner), formats[_i].format);
	banner_free(banner);
}
END_TEST

/* ---- hostile values ------------------------------------------------------ */

static const struct {
	const char	*value, *plain, *postscript;
} hostile[] = {
	{ "Minutes 7.ps", "Minutes 7.ps", "Minutes 7.ps" },
	/* controls, and with them UEL, PCL, ESC/P, PJL, ends of anything */
	{ UEL "@PJL RESET\r\n", ".-12345X@PJL RESET",
	    "\\045-12345X@PJL RESET" },
	{ "a\033E\033&l1Xb", "aE+l1Xb", "aE\\046l1Xb" },
	{ "a\r\nb\fc\td\b\177e", "abc de", "abc de" },
	{ "\4\24\20\1\2", "", "" },
	{ "@PJL SET COPIES=99", ".PJL SET COPIES=99",
	    "\\100PJL SET COPIES=99" },
	{ "bob@example.org", "bob@example.org", "bob@example.org" },
	/* PostScript */
	{ ") showpage (", ") showpage (", "\\) showpage \\(" },
	{ "x\\", "x/", "x\\\\" },
	{ "x\\) quit", "x/) quit", "x\\\\\\) quit" },
	{ "((((", "((((", "\\(\\(\\(\\(" },
	{ "%!PS", "..PS", "\\045\\041PS" },
	{ "<41>", "(41)", "\\07441\\076" },
	/* printable characters that begin commands */
	{ "^XZ~JR^XA", ".XZ-JR.XA", "\\136XZ\\176JR\\136XA" },
	{ "!R! RES;EXIT;", ".R. RES,EXIT,", "\\041R\\041 RES\\073EXIT\\073" },
	{ "{WS|}", "(WS/)", "\\173WS\\174\\175" },
	{ "<p>&lt;", "(p)+lt,", "\\074p\\076\\046lt\\073" },
	{ "#!A1", "..A1", "\\043\\041A1" },
	/* and texts in quotes */
	{ "\" EOJ '", ". EOJ .", "\\042 EOJ \\047" },
	{ "`id` $HOME ${user}", ".id. .HOME .(user)",
	    "\\140id\\140 \\044HOME \\044\\173user\\175" },
	/* what is no ASCII */
	{ "M\xc3\xbcller", "M?ller", "M?ller" },
	{ "M\xfcller", "M?ller", "M?ller" },
	{ "\xe2\x82\xac\xf0\x9f\x96\xa8", "??", "??" },
	{ "\xc2\x9b" "2J\x9b", "??2J?", "??2J?" },
	{ "\xc0\xafx\xe2\x80", "??x??", "??x??" },
};

START_TEST(values_are_nothing_but_text)
{
	char page[600];

	ck_assert_str_eq(print("${title}", hostile[_i].value, false),
	    hostile[_i].plain);
	ck_assert_str_eq(print("a${title}b${user}", hostile[_i].value, false)
	    + 1, strcat(strcat(strcpy(page, hostile[_i].plain), "b"),
	    hostile[_i].plain));
	snprintf(page, sizeof(page), "%%!PS\n(%s) show %%%s\n",
	    hostile[_i].postscript, hostile[_i].postscript);
	ck_assert_str_eq(print("%!PS\n(${title}) show %${title}\n",
	    hostile[_i].value, false), page);
}
END_TEST

static const struct {
	const char	*value, *page;
} foreign[] = {
	{ "M\xc3\xbcller \xe2\x82\xac \xf0\x9f\x96\xa8", "M\xc3\xbcller "
	    "\xe2\x82\xac \xf0\x9f\x96\xa8" },
	{ "M\xfcller", "M?ller" },
	{ "\xc2\x9b" "2J", "??2J" },
	{ "\xc0\xaf\xed\xa0\x80", "?????" },
	{ "\xc3", "?" },
	{ "a\xe2\x80\xa8" "b\xe2\x80\xae" "c\xe2\x81\xa6" "d\xe2\x80\x8f",
	    "a?b?c?d?" },
	{ "\xe2\x80\x93^", "\xe2\x80\x93." },
};

START_TEST(a_page_may_be_utf_8)
{
	ck_assert_str_eq(print("${user}", foreign[_i].value, true),
	    foreign[_i].page);
}
END_TEST

START_TEST(values_have_an_end)
{
	char value[1000], page[BANNER_VALUE_LEN * 4 + 1];

	memset(value, 'x', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	ck_assert_uint_eq(strlen(print("${user}", value, false)),
	    BANNER_VALUE_LEN);
	memset(value, '^', sizeof(value) - 1);
	ck_assert_uint_eq(strlen(print("%!\n%${user}", value, false)),
	    4 + 4 * BANNER_VALUE_LEN);
	/* Characters that are left out do not count. */
	memset(value, '\033', 800);
	ck_assert_uint_eq(strlen(print("${user}", value, false)),
	    BANNER_VALUE_LEN);
	value[0] = '\0';
	while (strlen(value) < sizeof(value) - 4)
		strcat(value, "\xe2\x82\xac");
	snprintf(page, sizeof(page), "%.*s", 3 * BANNER_VALUE_LEN, value);
	ck_assert_str_eq(print("${user}", value, true), page);
}
END_TEST

/* PostScript begins and ends within a template. */
START_TEST(each_part_has_its_own_rules)
{
	ck_assert_str_eq(print(UEL "@PJL JOB NAME=\"${title}\"\r\n%!PS\n"
	    "(a (b) ${title}) show\n%%Title: ${title}\n" UEL
	    "@PJL EOJ NAME=\"${title}\"", "\"(x)^", false),
	    UEL "@PJL JOB NAME=\".(x).\"\r\n%!PS\n"
	    "(a (b) \\042\\(x\\)\\136) show\n%%Title: \\042\\(x\\)\\136\n" UEL
	    "@PJL EOJ NAME=\".(x).\"");
	ck_assert_str_eq(print("^XA^FD${title}^FS^XZ", "^FS^XZ~JA", false),
	    "^XA^FD.FS.XZ-JA^FS^XZ");
}
END_TEST

/* Parentheses of a string of PostScript, as its scanner counts them. */
static int
depth_of(const char *text)
{
	int depth = 0;

	for (; *text != '\0'; text++) {
		if (*text == '\\' && text[1] != '\0')
			text++;
		else if (*text == '(')
			depth++;
		else if (*text == ')')
			depth--;
		ck_assert_int_ge(depth, 1 - (text[1] == '\0'));
	}
	return depth;
}

static bool
is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~' ||
		    strchr("^~!#$%&*;<>[]{}|\\\"'`", *text) != NULL)
			return false;
	return true;
}

START_TEST(no_bytes_get_through)
{
	unsigned int seed = (unsigned int)_i;
	char value[200];
	size_t i, n;
	int round;

	for (round = 0; round < 2000; round++) {
		n = (size_t)rand_r(&seed) % (sizeof(value) - 1);
		for (i = 0; i < n; i++)
			value[i] = (char)(rand_r(&seed) % 255 + 1);
		value[n] = '\0';
		ck_assert(is_plain(print("${user}", value, false)));
		ck_assert_int_eq(depth_of(print("%!\n(${user})", value,
		    false) + 3), 0);
	}
}
END_TEST

/* ---- templates that are wrong -------------------------------------------- */

#define EXPECTED "expected ${user}, ${host}, ${title}, ${class}, ${queue}, " \
    "${job} or ${date}; where \"${\" itself is meant, write \"$${\""

static const struct {
	const char	*template;
	int		 line;
	const char	*text;
} faults[] = {
	{ "a\nb ${usr}", 2, "\"${usr}\" is no name of a value; " EXPECTED },
	{ "${User}", 1, "\"${User}\" is no name" },
	{ "${user name}", 1, "\"${user\" is no name" },
	{ "${}", 1, "\"${}\" is no name" },
	{ "\n\n\n${user", 4, "\"${user\" is no name" },
	{ "${", 1, "\"${\" is no name" },
	{ "${users}", 1, "\"${users}\" is no name" },
	{ "${abcdefghijklmnopqrstuvwxyz}", 1,
	    "\"${abcdefghijklmnopqrstu\" is no name" },
	{ "${\033E}", 1, "\"${\\x1bE}\" is no name" },
	{ "%!PS\n(x) show\n/${user} def", 3, "${user} stands among "
	    "PostScript's commands; expected it in a string, as in (${user}), "
	    "or in a comment" },
	{ "%!PS\n(\\\n)${user}", 3, "${user} stands among PostScript's" },
	{ "%!PS\n<${user}>", 2, "${user} stands among PostScript's" },
	{ "%!PS\n(\\)) show %(\n${user}", 3, "${user} stands among" },
	{ "%!PS\n(${user}) show (\n", 0, "a \"(\" of its PostScript has no "
	    "\")\"" },
};

START_TEST(a_fault_is_told_with_its_line)
{
	struct banner_fault fault;

	ck_assert_ptr_null(banner_new(faults[_i].template,
	    strlen(faults[_i].template), false, &fault));
	ck_assert_int_eq(fault.line, faults[_i].line);
	ck_assert_msg(strstr(fault.text, faults[_i].text) != NULL, "%s",
	    fault.text);
}
END_TEST

/* No page, whatever its values are, is larger than what is said. */
START_TEST(a_page_has_an_end)
{
	static char template[BANNER_LEN + 1];
	struct banner_fault fault;
	struct banner *banner;

	memset(template, 'x', sizeof(template));
	banner = banner_new(template, BANNER_LEN, false, &fault);
	ck_assert_ptr_nonnull(banner);
	banner_free(banner);
	ck_assert_ptr_null(banner_new(template, BANNER_LEN + 1, false,
	    &fault));
	ck_assert_int_eq(fault.line, 0);
	ck_assert_str_eq(fault.text, "the page has 65537 bytes if its values "
	    "are as long as they may be; expected 65536 at most");
	memcpy(template, "${user}", 7);
	ck_assert_ptr_null(banner_new(template, BANNER_LEN, false, &fault));
	banner = banner_new(template, BANNER_LEN - 393, false, &fault);
	ck_assert_ptr_nonnull(banner);
	banner_free(banner);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("banner");
	TCase *tc = tcase_create("banner");

	tcase_add_test(tc, each_name_has_its_value);
	tcase_add_loop_test(tc, all_else_stays_as_it_is, 0, N(literals));
	tcase_add_test(tc, nuls_are_bytes_of_a_template);
	tcase_add_loop_test(tc, a_page_has_the_format_that_it_seems_to_have,
	    0, N(formats));
	tcase_add_loop_test(tc, values_are_nothing_but_text, 0, N(hostile));
	tcase_add_loop_test(tc, a_page_may_be_utf_8, 0, N(foreign));
	tcase_add_test(tc, values_have_an_end);
	tcase_add_test(tc, each_part_has_its_own_rules);
	tcase_add_loop_test(tc, no_bytes_get_through, 0, 4);
	tcase_add_loop_test(tc, a_fault_is_told_with_its_line, 0, N(faults));
	tcase_add_test(tc, a_page_has_an_end);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
