/*
 * check_settings.c - settings of a port against what its module declared.
 */
#include <string.h>

#include "monitor/settings.h"
#include "tests/suite.h"

static const struct pp_setting_decl decls[] = {
	{ .key = "directory", .type = PP_TYPE_PATH,
	    .flags = PP_SETTING_REQUIRED, .help = "where files go" },
	{ .key = "name", .preset = "%d-%j", .help = "pattern" },
	{ .key = "fsync", .type = PP_TYPE_BOOL, .preset = "yes" },
	{ .key = "copies", .type = PP_TYPE_NUMBER, .min = 1, .max = 99 },
	{ .key = "level", .type = PP_TYPE_NUMBER, .min = -5, .max = 0 },
	{ .key = "room", .type = PP_TYPE_SIZE, .min = 512, .max = 65536 },
	{ .key = "wait", .type = PP_TYPE_TIME },
	{ .key = "mode", .type = PP_TYPE_MODE, .preset = "0640" },
	{ .key = "pin", .type = PP_TYPE_NUMBER, .flags = PP_SETTING_SECRET,
	    .min = 1000, .max = 9999 },
	{ .key = "on_abort", .type = PP_TYPE_CHOICE,
	    .choices = "remove|keep|mark", .preset = "keep" },
	{ .key = NULL }
};

static struct fault fault;

static void
accept(const char *key, const char *value)
{
	if (settings_check(decls, key, value, &fault) != 0)
		ck_abort_msg("%s", fault.text);
}

static void
refuse(const char *key, const char *value, const char *part)
{
	ck_assert_int_eq(settings_check(decls, key, value, &fault),
	    PP_INVALID_DATA);
	ck_assert_int_eq(fault.code, PP_INVALID_DATA);
	ck_assert_msg(strstr(fault.text, part) != NULL, "%s", fault.text);
}

START_TEST(good_values_are_taken)
{
	accept("directory", "/srv/print");
	accept("directory", "relative");
	accept("name", "");
	accept("name", "anything at all");
	accept("fsync", "no");
	accept("copies", "1");
	accept("copies", "99");
	accept("level", "-5");
	accept("level", "0");
	accept("room", "64K");
	accept("wait", "30s");
	accept("mode", "0600");
	accept("on_abort", "mark");
}
END_TEST

START_TEST(a_misspelt_key_gets_the_nearest)
{
	refuse("directry", "/x", "did you mean \"directory\"?");
	refuse("zzzzzzzzzz", "/x", "unknown key \"zzzzzzzzzz\"");
	ck_assert_ptr_null(strstr(fault.text, "did you mean"));
	ck_assert_int_eq(settings_check(NULL, "any", "thing", &fault),
	    PP_INVALID_DATA);
}
END_TEST

START_TEST(a_wrong_value_is_quoted_and_what_is_right_is_said)
{
	refuse("fsync", "perhaps", "found \"perhaps\"");
	refuse("copies", "many", "found \"many\"");
	refuse("room", "lots", "room: ");
	refuse("wait", "soon", "soon");
	refuse("mode", "9999", "9999");
	refuse("directory", "", "where files go");
}
END_TEST

START_TEST(bounds_are_kept)
{
	refuse("copies", "0", "from 1 to 99");
	refuse("copies", "100", "from 1 to 99");
	refuse("level", "-6", "from -5 to 0");
	refuse("level", "1", "from -5 to 0");
	refuse("room", "511", "from 512 to 64K");
	refuse("room", "1M", "from 512 to 64K");
}
END_TEST

START_TEST(a_choice_is_one_of_the_list)
{
	refuse("on_abort", "kepp", "did you mean \"keep\"?");
	refuse("on_abort", "zzzzzzzzz", "one of remove|keep|mark");
	refuse("on_abort", "", "one of remove|keep|mark");
	refuse("on_abort", "remove|keep", "one of remove|keep|mark");
}
END_TEST

START_TEST(a_secret_is_never_quoted)
{
	refuse("pin", "123", "from 1000 to 9999");
	ck_assert_ptr_null(strstr(fault.text, "123"));
	refuse("pin", "swordfish", "pin: ");
	ck_assert_ptr_null(strstr(fault.text, "swordfish"));
}
END_TEST

START_TEST(a_required_setting_is_missed)
{
	const struct pp_setting none[] = { { "name", "x" } };
	const struct pp_setting whole[] = { { "directory", "/x" } };

	ck_assert_int_eq(settings_check_complete(decls, none, 1, &fault),
	    PP_INVALID_DATA);
	ck_assert_str_eq(fault.text,
	    "\"directory\" is missing: where files go");
	ck_assert_int_eq(settings_check_complete(decls, whole, 1, &fault), 0);
	ck_assert_int_eq(settings_check_complete(NULL, none, 1, &fault), 0);
}
END_TEST

START_TEST(text_is_what_is_set_or_the_default)
{
	const struct pp_setting settings[] = { { "name", "mine" } };
	char buf[32];
	size_t needed;

	ck_assert_int_eq(settings_text(decls, settings, 1, "/", "name", buf,
	    sizeof(buf), &needed), 0);
	ck_assert_str_eq(buf, "mine");
	ck_assert_uint_eq(needed, 5);
	ck_assert_int_eq(settings_text(decls, settings, 0, "/", "name", buf,
	    sizeof(buf), NULL), 0);
	ck_assert_str_eq(buf, "%d-%j");
	ck_assert_int_eq(settings_text(decls, settings, 1, "/", "wait", buf,
	    sizeof(buf), &needed), PP_NOT_FOUND);
	ck_assert_int_eq(settings_text(decls, settings, 1, "/", "nothing", buf,
	    sizeof(buf), &needed), PP_NOT_FOUND);
}
END_TEST

START_TEST(a_short_buffer_is_left_alone)
{
	const struct pp_setting settings[] = { { "name", "mine" } };
	char buf[5] = "xxxx";
	size_t needed;

	ck_assert_int_eq(settings_text(decls, settings, 1, "/", "name", buf, 4,
	    &needed), PP_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(needed, 5);
	ck_assert_str_eq(buf, "xxxx");
	ck_assert_int_eq(settings_text(decls, settings, 1, "/", "name", NULL,
	    0, &needed), PP_BUFFER_TOO_SMALL);
	ck_assert_int_eq(settings_text(decls, settings, 1, "/", "name", buf, 5,
	    &needed), 0);
}
END_TEST

START_TEST(paths_come_back_absolute)
{
	static const char *const cases[][3] = {
		{ "/etc/pp", "out", "/etc/pp/out" },
		{ "/etc/pp/", "out", "/etc/pp/out" },
		{ "/", "out", "/out" },
		{ "/etc/pp", "/srv", "/srv" },
	};
	struct pp_setting setting = { "directory", cases[_i][1] };
	char buf[64];
	size_t needed;

	ck_assert_int_eq(settings_text(decls, &setting, 1, cases[_i][0],
	    "directory", buf, sizeof(buf), &needed), 0);
	ck_assert_str_eq(buf, cases[_i][2]);
	ck_assert_uint_eq(needed, strlen(buf) + 1);
}
END_TEST

START_TEST(numbers_of_all_kinds)
{
	static const struct {
		const char	*key, *value;
		int64_t		 number;
	} cases[] = {
		{ "fsync", "yes", 1 }, { "fsync", "off", 0 },
		{ "copies", "7", 7 }, { "level", "-3", -3 },
		{ "room", "2K", 2048 }, { "wait", "30s", 30000 },
		{ "mode", "0600", 0600 }, { "on_abort", "remove", 0 },
		{ "on_abort", "mark", 2 },
	};
	struct pp_setting setting = { cases[_i].key, cases[_i].value };
	int64_t number = 99;

	ck_assert_int_eq(settings_number(decls, &setting, 1, cases[_i].key,
	    &number), 0);
	ck_assert_int_eq(number, cases[_i].number);
}
END_TEST

START_TEST(numbers_have_defaults_too)
{
	int64_t number = 99;

	ck_assert_int_eq(settings_number(decls, NULL, 0, "on_abort", &number),
	    0);
	ck_assert_int_eq(number, 1);
	ck_assert_int_eq(settings_number(decls, NULL, 0, "mode", &number), 0);
	ck_assert_int_eq(number, 0640);
	number = 99;
	ck_assert_int_eq(settings_number(decls, NULL, 0, "copies", &number),
	    PP_NOT_FOUND);
	ck_assert_int_eq(settings_number(decls, NULL, 0, "nothing", &number),
	    PP_NOT_FOUND);
	ck_assert_int_eq(settings_number(decls, NULL, 0, "name", &number),
	    PP_INVALID_PARAMETER);
	ck_assert_int_eq(number, 99);
}
END_TEST

START_TEST(a_wrong_number_is_no_number)
{
	const struct pp_setting settings[] = { { "copies", "many" },
	    { "on_abort", "never" } };
	int64_t number = 99;

	ck_assert_int_eq(settings_number(decls, settings, 2, "copies",
	    &number), PP_INVALID_DATA);
	ck_assert_int_eq(settings_number(decls, settings, 2, "on_abort",
	    &number), PP_INVALID_DATA);
	ck_assert_int_eq(number, 99);
}
END_TEST

static Suite *
settings_suite(void)
{
	Suite *suite = suite_create("settings");
	TCase *tcase = tcase_create("settings");

	tcase_add_test(tcase, good_values_are_taken);
	tcase_add_test(tcase, a_misspelt_key_gets_the_nearest);
	tcase_add_test(tcase,
	    a_wrong_value_is_quoted_and_what_is_right_is_said);
	tcase_add_test(tcase, bounds_are_kept);
	tcase_add_test(tcase, a_choice_is_one_of_the_list);
	tcase_add_test(tcase, a_secret_is_never_quoted);
	tcase_add_test(tcase, a_required_setting_is_missed);
	tcase_add_test(tcase, text_is_what_is_set_or_the_default);
	tcase_add_test(tcase, a_short_buffer_is_left_alone);
	tcase_add_loop_test(tcase, paths_come_back_absolute, 0, 4);
	tcase_add_loop_test(tcase, numbers_of_all_kinds, 0, 9);
	tcase_add_test(tcase, numbers_have_defaults_too);
	tcase_add_test(tcase, a_wrong_number_is_no_number);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(settings_suite());
}
