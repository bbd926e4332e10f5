/*
 * check_words.c - values as people write them, there and back.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/words.h"
#include "tests/suite.h"

#define UNTOUCHED	4711

struct sample {
	enum words_type	 type;
	const char	*text;
	int64_t		 value;
};

static const struct sample good[] = {
	{ WORDS_BOOL, "yes", 1 }, { WORDS_BOOL, "no", 0 },
	{ WORDS_BOOL, "True", 1 }, { WORDS_BOOL, "FALSE", 0 },
	{ WORDS_BOOL, "on", 1 }, { WORDS_BOOL, "Off", 0 },
	{ WORDS_BOOL, "1", 1 }, { WORDS_BOOL, "0", 0 },

	{ WORDS_NUMBER, "0", 0 }, { WORDS_NUMBER, "-17", -17 },
	{ WORDS_NUMBER, "007", 7 },
	{ WORDS_NUMBER, "9223372036854775807", INT64_MAX },
	{ WORDS_NUMBER, "-9223372036854775808", INT64_MIN },

	{ WORDS_SIZE, "0", 0 }, { WORDS_SIZE, "512", 512 },
	{ WORDS_SIZE, "64K", 65536 }, { WORDS_SIZE, "64k", 65536 },
	{ WORDS_SIZE, "3 M", 3145728 }, { WORDS_SIZE, "2G", 2147483648 },
	{ WORDS_SIZE, "1T", 1099511627776 },
	{ WORDS_SIZE, "8388607T", 9223370937343148032 },

	{ WORDS_TIME, "0", 0 }, { WORDS_TIME, "30", 30000 },
	{ WORDS_TIME, "500ms", 500 }, { WORDS_TIME, "30s", 30000 },
	{ WORDS_TIME, "5m", 300000 }, { WORDS_TIME, "2 h", 7200000 },
	{ WORDS_TIME, "1d", 86400000 }, { WORDS_TIME, "90 d", 7776000000 },
	{ WORDS_TIME, "106751991167d", 9223372036828800000 },

	{ WORDS_MODE, "0", 0 }, { WORDS_MODE, "640", 0640 },
	{ WORDS_MODE, "0640", 0640 }, { WORDS_MODE, "7777", 07777 },
};

static const struct sample bad[] = {
	{ WORDS_BOOL, "", 0 }, { WORDS_BOOL, "yess", 0 },
	{ WORDS_BOOL, "2", 0 }, { WORDS_BOOL, " yes", 0 },

	{ WORDS_NUMBER, "", 0 }, { WORDS_NUMBER, "-", 0 },
	{ WORDS_NUMBER, "+1", 0 }, { WORDS_NUMBER, "1K", 0 },
	{ WORDS_NUMBER, "0x10", 0 }, { WORDS_NUMBER, " 1", 0 },
	{ WORDS_NUMBER, "1 ", 0 },
	{ WORDS_NUMBER, "9223372036854775808", 0 },
	{ WORDS_NUMBER, "-9223372036854775809", 0 },

	{ WORDS_SIZE, "", 0 }, { WORDS_SIZE, "K", 0 },
	{ WORDS_SIZE, "-1", 0 }, { WORDS_SIZE, "1KB", 0 },
	{ WORDS_SIZE, "1.5K", 0 }, { WORDS_SIZE, "8388608T", 0 },
	{ WORDS_SIZE, "99999999999999999999", 0 },

	{ WORDS_TIME, "", 0 }, { WORDS_TIME, "5 parsecs", 0 },
	{ WORDS_TIME, "-1s", 0 }, { WORDS_TIME, "1w", 0 },
	{ WORDS_TIME, "5M", 0 }, { WORDS_TIME, "s", 0 },
	{ WORDS_TIME, "7D", 0 }, { WORDS_TIME, "106751991168d", 0 },
	{ WORDS_TIME, "9223372036854775807", 0 },

	{ WORDS_MODE, "", 0 }, { WORDS_MODE, "648", 0 },
	{ WORDS_MODE, "10000", 0 }, { WORDS_MODE, "-1", 0 },
	{ WORDS_MODE, "rw-r--r--", 0 },
	{ WORDS_MODE, "7777777777777777777777777", 0 },
};

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))

START_TEST(reads_what_people_write)
{
	const struct sample *s = &good[_i];
	int64_t value = UNTOUCHED;

	ck_assert_msg(words_parse(s->type, s->text, &value) == 0,
	    "\"%s\" was refused", s->text);
	ck_assert_int_eq(value, s->value);
}
END_TEST

START_TEST(refuses_the_rest_and_leaves_the_value_alone)
{
	const struct sample *s = &bad[_i];
	int64_t value = UNTOUCHED;

	ck_assert_msg(words_parse(s->type, s->text, &value) == -1,
	    "\"%s\" was taken for %lld", s->text, (long long)value);
	ck_assert_int_eq(value, UNTOUCHED);
}
END_TEST

START_TEST(what_is_printed_reads_back)
{
	const struct sample *s = &good[_i];
	char text[WORDS_TEXT_LEN];
	int64_t value = UNTOUCHED;

	words_print(s->type, s->value, text);
	ck_assert_int_eq(words_parse(s->type, text, &value), 0);
	ck_assert_int_eq(value, s->value);
}
END_TEST

START_TEST(prints_the_largest_unit_that_fits)
{
	static const struct sample printed[] = {
		{ WORDS_BOOL, "yes", 1 }, { WORDS_BOOL, "no", 0 },
		{ WORDS_NUMBER, "-17", -17 },
		{ WORDS_SIZE, "0", 0 }, { WORDS_SIZE, "1000", 1000 },
		{ WORDS_SIZE, "1K", 1024 }, { WORDS_SIZE, "1025", 1025 },
		{ WORDS_SIZE, "2G", 2147483648 },
		{ WORDS_TIME, "0", 0 }, { WORDS_TIME, "250ms", 250 },
		{ WORDS_TIME, "270s", 270000 }, { WORDS_TIME, "1m", 60000 },
		{ WORDS_TIME, "1500ms", 1500 }, { WORDS_TIME, "1d", 86400000 },
		{ WORDS_TIME, "7d", 604800000 }, { WORDS_TIME, "25h", 90000000 },
		{ WORDS_MODE, "0640", 0640 }, { WORDS_MODE, "0000", 0 },
	};
	char text[WORDS_TEXT_LEN];

	for (int i = 0; i < COUNT(printed); i++) {
		words_print(printed[i].type, printed[i].value, text);
		ck_assert_str_eq(text, printed[i].text);
	}
}
END_TEST

START_TEST(every_type_says_what_it_expects)
{
	static const enum words_type types[] = { WORDS_BOOL, WORDS_NUMBER,
	    WORDS_SIZE, WORDS_TIME, WORDS_MODE };

	for (int i = 0; i < COUNT(types); i++) {
		for (int j = 0; j < i; j++)
			ck_assert_str_ne(words_expected(types[i]),
			    words_expected(types[j]));
	}
	ck_assert_str_eq(words_expected(WORDS_TIME),
	    "a time such as 500ms, 30s, 5m, 2h or 7d");
}
END_TEST

START_TEST(finds_the_word_that_was_meant)
{
	static const char *const keys[] = { "monitor", "listen", "queue",
	    "on_reset", "idle_close", "gid" };
	static const struct {
		const char	*word;
		const char	*meant;
	} cases[] = {
		{ "monitr", "monitor" },	/* a letter left out */
		{ "montior", "monitor" },	/* two swapped */
		{ "Listen", "listen" },		/* case */
		{ "lissten", "listen" },
		{ "que", "queue" },
		{ "idle-close", "idle_close" },
		{ "git", "gid" },
		{ "on_reset", "on_reset" },
		{ "fish", NULL },
		{ "", NULL },
		{ "ab", NULL },
	};

	for (int i = 0; i < COUNT(cases); i++) {
		const char *found = words_nearest(cases[i].word, keys,
		    sizeof(keys) / sizeof(keys[0]));

		ck_assert_pstr_eq(found, cases[i].meant);
	}
	ck_assert_ptr_null(words_nearest("monitor", keys, 0));
}
END_TEST

START_TEST(nearest_of_a_very_long_word_is_none)
{
	static const char *const keys[] = { "monitor" };
	char word[5000];

	memset(word, 'm', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	ck_assert_ptr_null(words_nearest(word, keys, 1));
}
END_TEST

static Suite *
words_suite(void)
{
	Suite *suite = suite_create("words");
	TCase *values = tcase_create("values");
	TCase *nearest = tcase_create("nearest");

	tcase_add_loop_test(values, reads_what_people_write, 0, COUNT(good));
	tcase_add_loop_test(values,
	    refuses_the_rest_and_leaves_the_value_alone, 0, COUNT(bad));
	tcase_add_loop_test(values, what_is_printed_reads_back, 0,
	    COUNT(good));
	tcase_add_test(values, prints_the_largest_unit_that_fits);
	tcase_add_test(values, every_type_says_what_it_expects);
	suite_add_tcase(suite, values);
	tcase_add_test(nearest, finds_the_word_that_was_meant);
	tcase_add_test(nearest, nearest_of_a_very_long_word_is_none);
	suite_add_tcase(suite, nearest);
	return suite;
}

int
main(void)
{
	return suite_main(words_suite());
}
