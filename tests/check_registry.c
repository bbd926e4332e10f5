/*
 * check_registry.c - ports on disk: all or nothing, whatever fails.
 *
 * fsync() and renameat() are replaced here, so that the n-th can fail.
 */
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/registry.h"
#include "tests/suite.h"

static char dir[256];
static struct fault fault;
static int fsyncs_left, renames_left;	/* until one fails; -1: never */

static int
is_due(int *left)
{
	if (*left < 0)
		return 0;
	return (*left)-- == 0;
}

int
fsync(int fd)
{
	if (is_due(&fsyncs_left)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_fsync, fd);
}

int
renameat(int old_dir, const char *old_name, int new_dir, const char *new_name)
{
	if (is_due(&renames_left)) {
		errno = EIO;
		return -1;
	}
	return (int)syscall(SYS_renameat2, old_dir, old_name, new_dir,
	    new_name, 0);
}

static void
setup(void)
{
	snprintf(dir, sizeof(dir), "%s/ports-XXXXXX", suite_directory());
	ck_assert_ptr_nonnull(mkdtemp(dir));
	fsyncs_left = renames_left = -1;
}

static const char *
path_of(const char *file)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	return path;
}

static const char *
content_of(const char *file)
{
	static char text[8192];
	FILE *in = fopen(path_of(file), "r");
	size_t n = 0;

	if (in == NULL)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, in);
	fclose(in);
	text[n] = '\0';
	return text;
}

/* Files in the directory, hidden ones too. */
static int
count_files(void)
{
	struct dirent *entry;
	DIR *list = opendir(dir);
	int n = 0;

	ck_assert_ptr_nonnull(list);
	while ((entry = readdir(list)) != NULL)
		n += strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0;
	closedir(list);
	return n;
}

static int
store(const char *port, const char *key, const char *value)
{
	struct pp_setting setting = { key, value };

	return registry_store(dir, port, "file", &setting, 1, &fault);
}

static const char first[] = "[port attic]\nmonitor = file\ncolour = red\n";
static const char second[] = "[port attic]\nmonitor = file\ncolour = blue\n";

START_TEST(rule_58_a_port_is_one_file)
{
	const struct pp_setting settings[] = { { "directory", "/srv/p q" },
	    { "name", "%j;x" }, { "empty", "" } };
	struct stat st;

	ck_assert_int_eq(registry_store(dir, "B\xc3\xbcro 2", "file", settings,
	    3, &fault), 0);
	ck_assert_str_eq(content_of("B\xc3\xbcro 2.ini"),
	    "[port B\xc3\xbcro 2]\nmonitor = file\ndirectory = /srv/p q\n"
	    "name = %j;x\nempty = \n");
	ck_assert_int_eq(count_files(), 1);
	ck_assert_int_eq(stat(path_of("B\xc3\xbcro 2.ini"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0600);
}
END_TEST

START_TEST(rule_58_a_port_is_replaced_whole)
{
	ck_assert_int_eq(store("attic", "colour", "red"), 0);
	ck_assert_int_eq(store("attic", "colour", "blue"), 0);
	ck_assert_str_eq(content_of("attic.ini"), second);
	ck_assert_int_eq(count_files(), 1);
}
END_TEST

/* 0: the file, 1: the directory. */
START_TEST(rule_58_a_failed_fsync_changes_nothing)
{
	fsyncs_left = _i;
	ck_assert_int_eq(store("attic", "colour", "red"), -EIO);
	ck_assert_ptr_nonnull(strstr(fault.text, dir));
	ck_assert_int_eq(count_files(), 0);
	fsyncs_left = -1;
	ck_assert_int_eq(store("attic", "colour", "red"), 0);
	fsyncs_left = _i;
	ck_assert_int_eq(store("attic", "colour", "blue"), -EIO);
	ck_assert_str_eq(content_of("attic.ini"), first);
	ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(rule_58_a_failed_rename_changes_nothing)
{
	renames_left = 0;
	ck_assert_int_eq(store("attic", "colour", "red"), -EIO);
	ck_assert_int_eq(count_files(), 0);
	ck_assert_int_eq(store("attic", "colour", "red"), 0);
	renames_left = 0;
	ck_assert_int_eq(store("attic", "colour", "blue"), -EIO);
	ck_assert_str_eq(content_of("attic.ini"), first);
	ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(rule_58_a_failed_write_changes_nothing)
{
	struct rlimit limit, small;

	ck_assert_int_eq(store("attic", "colour", "red"), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	signal(SIGXFSZ, SIG_IGN);
	small = limit;
	small.rlim_cur = 20;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(store("attic", "colour", "blue"), -EFBIG);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_str_eq(content_of("attic.ini"), first);
	ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(rule_58_leftovers_do_no_harm)
{
	ck_assert_int_eq(store("attic", "colour", "red"), 0);
	close(open(path_of(".attic.new"), O_WRONLY | O_CREAT, 0600));
	close(open(path_of(".attic.old"), O_WRONLY | O_CREAT, 0600));
	ck_assert_int_eq(store("attic", "colour", "blue"), 0);
	ck_assert_str_eq(content_of("attic.ini"), second);
	ck_assert_int_eq(count_files(), 1);
}
END_TEST

START_TEST(rule_57_names_differ_by_more_than_case)
{
	ck_assert_int_eq(store("attic", "colour", "red"), 0);
	ck_assert_int_eq(store("ATTIC", "colour", "blue"), PP_ALREADY_EXISTS);
	ck_assert_str_eq(content_of("attic.ini"), first);
	ck_assert_int_eq(registry_remove(dir, "Attic", &fault), 0);
	ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(rule_58_a_failed_remove_changes_nothing)
{
	ck_assert_int_eq(store("attic", "colour", "red"), 0);
	renames_left = 0;
	ck_assert_int_eq(registry_remove(dir, "attic", &fault), -EIO);
	ck_assert_str_eq(content_of("attic.ini"), first);
	fsyncs_left = 0;
	ck_assert_int_eq(registry_remove(dir, "attic", &fault), -EIO);
	ck_assert_str_eq(content_of("attic.ini"), first);
	ck_assert_int_eq(count_files(), 1);
	ck_assert_int_eq(registry_remove(dir, "attic", &fault), 0);
	ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(rule_59_an_unknown_port_is_not_found)
{
	ck_assert_int_eq(registry_remove(dir, "attic", &fault), PP_NOT_FOUND);
	ck_assert_ptr_nonnull(strstr(fault.text, "attic"));
}
END_TEST

START_TEST(rule_07_a_monitor_s_ports_go_with_it)
{
	size_t n = 99;

	ck_assert_int_eq(store("one", "colour", "red"), 0);
	ck_assert_int_eq(store("two", "colour", "red"), 0);
	ck_assert_int_eq(registry_store(dir, "three", "files", NULL, 0,
	    &fault), 0);
	ck_assert_int_eq(registry_remove_monitor(dir, "file", &n, &fault), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(count_files(), 1);
	ck_assert_ptr_nonnull(content_of("three.ini"));
	ck_assert_int_eq(registry_remove_monitor(dir, "file", &n, &fault), 0);
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(values_that_would_not_come_back_are_refused)
{
	static const char *const values[] = { " a", "a ", "\ta", "a\t", " ",
	    "a\nb", "a\rb", "a\x1b[2J", "a\x7f", "a ;b", "a\t;b", ";a" };
	const char *value = values[_i];

	ck_assert_int_eq(store("attic", "colour", value), PP_INVALID_DATA);
	ck_assert_ptr_nonnull(strstr(fault.text, "colour"));
	ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(keys_are_words)
{
	static const char *const keys[] = { "", "a b", "[x]", "a=b", "#a",
	    "a\nmonitor", "monitor", "A" };

	ck_assert_int_eq(store("attic", keys[_i], "x"), PP_INVALID_DATA);
	ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(names_of_ports_are_no_paths)
{
	static const char *const names[] = { "", "../x", "a/b", ".a", "a]b",
	    "a\nb", " a", "a ", "a ;b", "\xff" };

	ck_assert_int_eq(store(names[_i], "colour", "red"), PP_INVALID_NAME);
	ck_assert_int_eq(registry_remove(dir, names[_i], &fault),
	    PP_INVALID_NAME);
	ck_assert_int_eq(count_files(), 0);
	ck_assert_int_eq(registry_store(dir, "attic", "a/b", NULL, 0, &fault),
	    PP_INVALID_NAME);
}
END_TEST

START_TEST(the_longest_name_has_room)
{
	char name[PP_PORT_NAME_LEN + 2];

	memset(name, 'n', sizeof(name));
	name[PP_PORT_NAME_LEN + 1] = '\0';
	ck_assert_int_eq(store(name, "colour", "red"), PP_INVALID_NAME);
	ck_assert_int_eq(store(name + 1, "colour", "red"), 0);
	ck_assert_int_eq(store(name + 1, "colour", "blue"), 0);
	ck_assert_int_eq(registry_remove(dir, name + 1, &fault), 0);
	ck_assert_int_eq(count_files(), 0);
}
END_TEST

START_TEST(a_missing_directory_is_named)
{
	size_t n;

	ck_assert_int_eq(registry_store("/nowhere/at/all", "attic", "file",
	    NULL, 0, &fault), -ENOENT);
	ck_assert_ptr_nonnull(strstr(fault.text, "/nowhere/at/all"));
	ck_assert_int_eq(registry_remove("/nowhere/at/all", "attic", NULL),
	    -ENOENT);
	ck_assert_int_eq(registry_remove_monitor("/nowhere/at/all", "file", &n,
	    &fault), -ENOENT);
}
END_TEST

static Suite *
registry_suite(void)
{
	Suite *suite = suite_create("registry");
	TCase *tcase = tcase_create("registry");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, rule_58_a_port_is_one_file);
	tcase_add_test(tcase, rule_58_a_port_is_replaced_whole);
	tcase_add_loop_test(tcase, rule_58_a_failed_fsync_changes_nothing, 0,
	    2);
	tcase_add_test(tcase, rule_58_a_failed_rename_changes_nothing);
	tcase_add_test(tcase, rule_58_a_failed_write_changes_nothing);
	tcase_add_test(tcase, rule_58_leftovers_do_no_harm);
	tcase_add_test(tcase, rule_57_names_differ_by_more_than_case);
	tcase_add_test(tcase, rule_58_a_failed_remove_changes_nothing);
	tcase_add_test(tcase, rule_59_an_unknown_port_is_not_found);
	tcase_add_test(tcase, rule_07_a_monitor_s_ports_go_with_it);
	tcase_add_loop_test(tcase,
	    values_that_would_not_come_back_are_refused, 0, 12);
	tcase_add_loop_test(tcase, keys_are_words, 0, 8);
	tcase_add_loop_test(tcase, names_of_ports_are_no_paths, 0, 10);
	tcase_add_test(tcase, the_longest_name_has_room);
	tcase_add_test(tcase, a_missing_directory_is_named);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(registry_suite());
}
