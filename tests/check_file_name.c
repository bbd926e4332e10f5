/*
 * check_file_name - names of job files: what is asked for, and never harm.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "monitor/file_name.h"
#include "monitor/monitor_util.h"
#include "tests/suite.h"

/* 2001-09-09 01:46:40 UTC. */
static const struct file_name_facts plain = {
	.job = 17, .arrived = 1000000000, .queue = "lobby", .port = "archive",
	.user = "ann", .host = "10.0.0.5", .title = "Report", .output = "o.ps",
};

static bool
is_harmless(const char *name)
{
	size_t at, len;

	if (name[0] == '\0' || name[0] == '.' || name[0] == '-')
		return false;
	for (at = 0; name[at] != '\0'; at += len) {
		len = pp_util_character(name + at);
		if (len == 0 || name[at] == '/')
			return false;
	}
	return at < NAME_MAX;
}

static const struct {
	const char	*pattern;
	const char	*name;
} names[] = {
	{ "%d-%T-%j-%q", "20010909-014640-17-lobby" },
	{ "%p_%u@%h %t", "archive_ann@10.0.0.5 Report" },
	{ "%o", "o.ps" },
	{ "100%%-%j.ps", "100%-17.ps" },
	{ "fixed", "fixed" },
	{ "Drücker-%j", "Drücker-17" },
	{ ".%j", "_17" },
	{ "-%j", "_17" },
	{ "..", "_." },
};

static void
setup(void)
{
	setenv("TZ", "UTC", 1);
	tzset();
}

START_TEST(test_pattern)
{
	char name[FILE_NAME_SIZE];

	ck_assert_ptr_null(file_name_fault(names[_i].pattern));
	file_name_make(names[_i].pattern, &plain, name);
	ck_assert_str_eq(name, names[_i].name);
}
END_TEST

static const char *const bad_patterns[] = {
	"", "%", "%x", "a%", "%J", "a/b", "../%j", "a\nb", "\x7f", "\xff",
	"\xc3", "\xed\xa0\x80", "%5j",
};

START_TEST(test_bad_pattern)
{
	ck_assert_ptr_nonnull(file_name_fault(bad_patterns[_i]));
}
END_TEST

START_TEST(test_pattern_too_long_for_its_texts)
{
	char pattern[400];

	memset(pattern, 'a', sizeof(pattern));
	memcpy(pattern + 200, "%t%j", 5);
	ck_assert_ptr_nonnull(file_name_fault(pattern));
	memcpy(pattern + 190, "%t%j", 5);
	ck_assert_ptr_null(file_name_fault(pattern));
}
END_TEST

static const struct {
	const char	*title;
	const char	*name;		/* of pattern %t */
} hostile[] = {
	{ "", "_" },
	{ NULL, "_" },
	{ ".", "_" },
	{ "..", "_." },
	{ ".profile", "_profile" },
	{ "-rf", "_rf" },
	{ "/etc/passwd", "_etc_passwd" },
	{ "../../etc/passwd", "_._.._etc_passwd" },
	{ "a\nb\tc\x1b[2J\x7f", "a_b_c_[2J_" },
	{ "Gr\xc3\xbc\xc3\x9f" "e", "Gr\xc3\xbc\xc3\x9f" "e" },
	{ "latin\xfc", "latin_" },
	{ "cut\xc3", "cut_" },
	{ "\xc0\xae\xc0\xae/", "_____" },
	{ "\xed\xa0\x80", "___" },
	{ "\xc2\x85", "__" },
	{ "\xe0\x80\xaf", "___" },
	{ "\xf0\x82\x82\xac", "____" },
	{ "\xf4\x90\x80\x80", "____" },
	{ "\xf0\x9f\x96\xa8", "\xf0\x9f\x96\xa8" },
	{ "%j%n%s", "%j%n%s" },
};

START_TEST(test_hostile_title)
{
	struct file_name_facts facts = plain;
	char name[FILE_NAME_SIZE];

	facts.title = hostile[_i].title;
	file_name_make("%t", &facts, name);
	ck_assert_str_eq(name, hostile[_i].name);
}
END_TEST

START_TEST(test_long_texts_leave_room_for_the_job)
{
	struct file_name_facts facts = plain;
	char name[FILE_NAME_SIZE], variant[FILE_NAME_SIZE], text[4000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	facts.user = facts.host = facts.title = facts.output = text;
	facts.job = UINT64_MAX;
	file_name_make("%u%h%t%o-%j", &facts, name);
	ck_assert_ptr_nonnull(strstr(name, "-18446744073709551615"));
	file_name_variant(name, 9999, variant);
	ck_assert_uint_eq(strlen(variant), strlen(name) + strlen("-9999"));
	ck_assert_uint_le(strlen(variant) + strlen(".aborted"), NAME_MAX);
}
END_TEST

START_TEST(test_long_text_is_cut_between_characters)
{
	struct file_name_facts facts = plain;
	char name[FILE_NAME_SIZE], text[1000];
	size_t at;

	text[0] = 'x';
	for (at = 1; at + 3 < sizeof(text); at += 3)
		memcpy(text + at, "\xe2\x82\xac", 4);
	facts.title = text;
	file_name_make("%t", &facts, name);
	ck_assert(is_harmless(name));
	ck_assert_uint_gt(strlen(name), 100);
}
END_TEST

/* Bytes with few NULs, or there would be only short texts. */
static void
fill(char *text, size_t size, uint32_t *state)
{
	size_t at;

	for (at = 0; at < size - 1; at++) {
		*state = *state * 1664525u + 1013904223u;
		text[at] = (char)(*state >> 24);
		if (text[at] == '\0' && (*state >> 16 & 7) != 0)
			text[at] = '/';
	}
	text[at] = '\0';
}

START_TEST(test_any_bytes_make_a_harmless_name)
{
	struct file_name_facts facts = plain;
	char name[FILE_NAME_SIZE], text[600];
	uint32_t state = 1;
	int i;

	facts.title = facts.user = text;
	for (i = 0; i < 1000; i++) {
		fill(text, sizeof(text), &state);
		file_name_make(i % 2 == 0 ? "%t" : "%u.%t%j", &facts, name);
		ck_assert_msg(is_harmless(name), "text %d", i);
	}
}
END_TEST

START_TEST(test_uses)
{
	ck_assert_int_eq(file_name_uses("a-%j", 'j'), 1);
	ck_assert_int_eq(file_name_uses("a-j", 'j'), 0);
	ck_assert_int_eq(file_name_uses("%%j", 'j'), 0);
	ck_assert_int_eq(file_name_uses("%t%%%o", 'o'), 1);
}
END_TEST

static const struct {
	const char	*name;
	unsigned int	 n;
	const char	*variant;
} variants[] = {
	{ "a.ps", 1, "a.ps" },
	{ "a.ps", 2, "a-2.ps" },
	{ "a", 3, "a-3" },
	{ "a.tar.gz", 2, "a.tar-2.gz" },
	{ "Mr. Smith's letter", 2, "Mr. Smith's letter-2" },
	{ "dot.", 2, "dot-2." },
	{ "a.aborted", 10, "a-10.aborted" },
};

START_TEST(test_variant)
{
	char variant[FILE_NAME_SIZE];

	file_name_variant(variants[_i].name, variants[_i].n, variant);
	ck_assert_str_eq(variant, variants[_i].variant);
}
END_TEST

#define COUNT(table)	((int)(sizeof(table) / sizeof((table)[0])))

static Suite *
file_name_suite(void)
{
	Suite *suite = suite_create("file_name");
	TCase *name = tcase_create("name");

	tcase_add_checked_fixture(name, setup, NULL);
	tcase_add_loop_test(name, test_pattern, 0, COUNT(names));
	tcase_add_loop_test(name, test_bad_pattern, 0, COUNT(bad_patterns));
	tcase_add_test(name, test_pattern_too_long_for_its_texts);
	tcase_add_loop_test(name, test_hostile_title, 0, COUNT(hostile));
	tcase_add_test(name, test_long_texts_leave_room_for_the_job);
	tcase_add_test(name, test_long_text_is_cut_between_characters);
	tcase_add_test(name, test_any_bytes_make_a_harmless_name);
	tcase_add_test(name, test_uses);
	tcase_add_loop_test(name, test_variant, 0, COUNT(variants));
	suite_add_tcase(suite, name);
	return suite;
}

int
main(void)
{
	return suite_main(file_name_suite());
}
