/*
 * check_loader.c - which modules are taken, and why others are not.
 */
#include <sys/stat.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor/loader.h"
#include "tests/rig.h"
#include "tests/suite.h"

static struct rig *rig;
static struct fault fault;

static void
setup(void)
{
	unsetenv("PRINTPORT_ODD");
	unsetenv("PRINTPORT_ODD_NAME");
	unsetenv("PRINTPORT_MOCK_INIT");
	rig = rig_new();
	memset(&fault, 0, sizeof(fault));
}

static void
teardown(void)
{
	unsetenv("PRINTPORT_ODD");
	unsetenv("PRINTPORT_ODD_NAME");
	unsetenv("PRINTPORT_MOCK_INIT");
	rig_free(rig);
}

static struct module *
load(const char *name)
{
	return module_load(&rig->rules, name, &rig->host->api, &fault);
}

/* Load the odd module with this oddity. */
static struct module *
load_odd(const char *odd)
{
	rig_module(rig, "odd", "odd");
	if (odd != NULL)
		setenv("PRINTPORT_ODD", odd, 1);
	return load("odd");
}

static void
refuse(const char *name, int code, const char *part)
{
	ck_assert_ptr_null(load(name));
	ck_assert_msg(fault.code == code, "%s: %s", fault_code_name(fault.code),
	    fault.text);
	ck_assert_msg(strstr(fault.text, part) != NULL, "%s", fault.text);
}

static void
refuse_odd(const char *odd, const char *part)
{
	ck_assert_ptr_null(load_odd(odd));
	ck_assert_int_eq(fault.code, PP_INVALID_MONITOR);
	ck_assert_msg(strstr(fault.text, part) != NULL, "%s", fault.text);
}

/* ---- names and files ----------------------------------------------------- */

START_TEST(a_module_is_found_by_its_name)
{
	struct module *module = load("mock");

	ck_assert_ptr_nonnull(module);
	ck_assert_str_eq(module_name(module), "mock");
	ck_assert_str_eq(module_table(module)->name, "mock");
	ck_assert_ptr_nonnull(module_instance(module));
	module_unload(module);
}
END_TEST

START_TEST(names_that_are_paths_are_refused)
{
	char longest[65];

	refuse("../mock", PP_INVALID_NAME, "no name of a monitor");
	refuse("a/mock", PP_INVALID_NAME, "\"a/mock\"");
	refuse("", PP_INVALID_NAME, "no name of a monitor");
	refuse("mock.so", PP_INVALID_NAME, "no name of a monitor");
	memset(longest, 'a', 64);
	longest[64] = '\0';
	refuse(longest, PP_INVALID_NAME, "no name of a monitor");
	refuse(longest + 1, PP_NOT_FOUND, "there is no monitor");
}
END_TEST

START_TEST(a_missing_module_names_the_directories)
{
	refuse("laser", PP_NOT_FOUND, "laser.so");
	ck_assert_ptr_nonnull(strstr(fault.text, rig->directory));
}
END_TEST

START_TEST(the_first_directory_that_has_it_wins)
{
	char second[300], *both[2];
	struct loader_rules rules = { both, 2, geteuid() };
	struct module *module;

	snprintf(second, sizeof(second), "%s", rig_path(rig, "second"));
	ck_assert_int_eq(mkdir(second, 0755), 0);
	both[0] = second;
	both[1] = rig->directory;
	module = module_load(&rules, "mock", &rig->host->api, &fault);
	ck_assert_ptr_nonnull(module);		/* from the second one */
	module_unload(module);
	ck_assert_int_eq(symlink("/nowhere", rig_path(rig,
	    "second/mock.so")), 0);
	ck_assert_ptr_null(module_load(&rules, "mock", &rig->host->api,
	    &fault));				/* from the first one */
	ck_assert_ptr_nonnull(strstr(fault.text, "second/mock.so"));
}
END_TEST

START_TEST(a_symbolic_link_is_refused)
{
	ck_assert_int_eq(symlink("mock.so", rig_path(rig, "link.so")), 0);
	refuse("link", PP_ACCESS_DENIED, "link.so is a symbolic link");
}
END_TEST

START_TEST(a_file_that_others_may_write_is_refused)
{
	const char *path = rig_path(rig, "mock.so");

	ck_assert_int_eq(chmod(path, 0775), 0);
	refuse("mock", PP_ACCESS_DENIED, "chmod go-w");
	ck_assert_ptr_nonnull(strstr(fault.text, "mock.so"));
	ck_assert_int_eq(chmod(path, 0757), 0);
	refuse("mock", PP_ACCESS_DENIED, "chmod go-w");
}
END_TEST

START_TEST(a_directory_that_others_may_write_is_refused)
{
	char remedy[300];

	snprintf(remedy, sizeof(remedy), "chmod go-w %s", rig->directory);
	ck_assert_int_eq(chmod(rig->directory, 0777), 0);
	refuse("mock", PP_ACCESS_DENIED, remedy);
	ck_assert_int_eq(chmod(rig->directory, 0755), 0);
}
END_TEST

/* As root a file can be given away; as another user, the rules can. */
START_TEST(a_file_of_a_stranger_is_refused)
{
	if (geteuid() == 0)
		ck_assert_int_eq(chown(rig_path(rig, "mock.so"), 65534,
		    (gid_t)-1), 0);
	rig->rules.owner = geteuid() == 0 ? 0 : geteuid() + 1;
	refuse("mock", PP_ACCESS_DENIED, "chown root");
}
END_TEST

START_TEST(a_file_that_is_no_module_is_refused)
{
	FILE *out = fopen(rig_path(rig, "text.so"), "w");

	ck_assert_ptr_nonnull(out);
	fputs("this is no shared object\n", out);
	fclose(out);
	ck_assert_int_eq(chmod(rig_path(rig, "text.so"), 0755), 0);
	refuse("text", PP_INVALID_MONITOR, "text.so cannot be loaded: ");
	ck_assert_int_eq(mkdir(rig_path(rig, "dir.so"), 0755), 0);
	refuse("dir", PP_INVALID_MONITOR, "not a regular file");
}
END_TEST

START_TEST(a_library_without_the_symbol_is_refused)
{
	rig_module(rig, "hollow", "hollow");
	refuse("hollow", PP_INVALID_MONITOR, "pp_initialize_print_monitor2");
}
END_TEST

/* ---- init ---------------------------------------------------------------- */

START_TEST(rule_01_init_comes_once_and_first)
{
	struct module *module = load_odd(NULL);

	ck_assert_ptr_nonnull(module);
	ck_assert_uint_eq(rig->host->n_logs, 1);
	ck_assert_str_eq(rig->host->logs[0].text, "odd is initialised");
	module_unload(module);
}
END_TEST

START_TEST(rule_02_a_failed_init_leaves_nothing)
{
	setenv("PRINTPORT_MOCK_INIT", "fail", 1);
	refuse("mock", -EIO, "could not initialise");
	unsetenv("PRINTPORT_MOCK_INIT");
	ck_assert_ptr_null(load_odd("null"));
	ck_assert_int_eq(fault.code, PP_INVALID_MONITOR);
	ck_assert_uint_eq(rig->host->n_live, 0);
}
END_TEST

START_TEST(rule_02_a_refused_table_is_shut_down)
{
	refuse_odd("lacks:open_port", "open_port");
	ck_assert(fake_host_logged(rig->host, "odd is shut down"));
}
END_TEST

START_TEST(rule_03_two_instances_share_nothing)
{
	struct module *a = load("mock"), *b = load("mock");
	struct pp_port *port_a, *port_b;

	ck_assert_ptr_nonnull(a);
	ck_assert_ptr_nonnull(b);
	ck_assert_ptr_ne(module_instance(a), module_instance(b));
	ck_assert_int_eq(module_table(a)->open_port(module_instance(a),
	    "lobby", &port_a), 0);
	ck_assert_int_eq(module_table(b)->open_port(module_instance(b),
	    "lobby", &port_b), 0);
	module_table(a)->close_port(port_a);
	module_unload(a);
	module_table(b)->close_port(port_b);
	module_unload(b);
}
END_TEST

/* ---- tables -------------------------------------------------------------- */

START_TEST(rule_04_a_shorter_table_is_never_read_past_its_end)
{
	struct module *module = load_odd("first");

	ck_assert_ptr_nonnull(module);
	ck_assert_uint_eq(module_table(module)->size,
	    sizeof(struct pp_monitor2));
	ck_assert_ptr_nonnull((void *)(uintptr_t)
	    module_table(module)->shutdown);
	ck_assert(module_table(module)->write_port_from_fd == NULL);
	ck_assert(module_table(module)->service_port == NULL);
	module_unload(module);
}
END_TEST

START_TEST(rule_04_a_longer_table_is_taken)
{
	struct module *module = load_odd("long");

	ck_assert_ptr_nonnull(module);
	ck_assert_uint_eq(module_table(module)->size,
	    sizeof(struct pp_monitor2));
	ck_assert(module_table(module)->service_port == NULL);
	module_unload(module);
}
END_TEST

START_TEST(rule_04_a_table_too_small_is_refused)
{
	refuse_odd("small", "must have at least");
}
END_TEST

START_TEST(a_table_of_another_abi_is_refused)
{
	refuse_odd("abi", "made for ABI 2; this is ABI 1");
}
END_TEST

START_TEST(a_table_of_no_kind_is_refused)
{
	refuse_odd("kinds", "of kind 0x0");
}
END_TEST

START_TEST(a_module_under_another_name_is_refused)
{
	setenv("PRINTPORT_ODD_NAME", "even", 1);
	refuse_odd("", "calls itself \"even\"");
}
END_TEST

START_TEST(rule_05_a_missing_member_is_named)
{
	refuse_odd("lacks:open_port", "module \"odd\" lacks open_port, which "
	    "a port monitor must have");
}
END_TEST

START_TEST(rule_05_a_language_monitor_has_its_own_members)
{
	refuse_odd("lacks:open_port_ex", "lacks open_port_ex, which a "
	    "language monitor must have");
}
END_TEST

/* Every required member in turn, in a copy of a good table. */
START_TEST(rule_05_each_required_member_is_missed)
{
	const size_t members[] = {
		offsetof(struct pp_monitor2, enum_ports),
		offsetof(struct pp_monitor2, open_port),
		offsetof(struct pp_monitor2, open_port_ex),
		offsetof(struct pp_monitor2, start_doc_port),
		offsetof(struct pp_monitor2, write_port),
		offsetof(struct pp_monitor2, read_port),
		offsetof(struct pp_monitor2, end_doc_port),
		offsetof(struct pp_monitor2, close_port),
		offsetof(struct pp_monitor2, xcv_open_port),
		offsetof(struct pp_monitor2, xcv_data_port),
		offsetof(struct pp_monitor2, xcv_close_port),
		offsetof(struct pp_monitor2, shutdown),
	};
	struct pp_monitor2 table = *session_table(rig->session, rig->mock);

	ck_assert_int_eq(module_table_check(&table, &fault), 0);
	memset((char *)&table + members[_i], 0, sizeof(void (*)(void)));
	ck_assert_int_eq(module_table_check(&table, &fault),
	    PP_INVALID_MONITOR);
	ck_assert_ptr_nonnull(strstr(fault.text, "lacks"));
}
END_TEST

START_TEST(optional_members_may_be_missing)
{
	struct pp_monitor2 table = *session_table(rig->session, rig->mock);

	table.get_printer_data_from_port = NULL;
	table.set_port_timeouts = NULL;
	table.send_recv_bidi_data_from_port = NULL;
	table.write_port_from_fd = NULL;
	table.service_port = NULL;
	table.settings = NULL;
	ck_assert_int_eq(module_table_check(&table, &fault), 0);
	table.kinds = PP_PORT_MONITOR;
	table.open_port_ex = NULL;
	ck_assert_int_eq(module_table_check(&table, &fault), 0);
}
END_TEST

static Suite *
loader_suite(void)
{
	Suite *suite = suite_create("loader");
	TCase *tcase = tcase_create("loader");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_module_is_found_by_its_name);
	tcase_add_test(tcase, names_that_are_paths_are_refused);
	tcase_add_test(tcase, a_missing_module_names_the_directories);
	tcase_add_test(tcase, the_first_directory_that_has_it_wins);
	tcase_add_test(tcase, a_symbolic_link_is_refused);
	tcase_add_test(tcase, a_file_that_others_may_write_is_refused);
	tcase_add_test(tcase, a_directory_that_others_may_write_is_refused);
	tcase_add_test(tcase, a_file_of_a_stranger_is_refused);
	tcase_add_test(tcase, a_file_that_is_no_module_is_refused);
	tcase_add_test(tcase, a_library_without_the_symbol_is_refused);
	tcase_add_test(tcase, rule_01_init_comes_once_and_first);
	tcase_add_test(tcase, rule_02_a_failed_init_leaves_nothing);
	tcase_add_test(tcase, rule_02_a_refused_table_is_shut_down);
	tcase_add_test(tcase, rule_03_two_instances_share_nothing);
	tcase_add_test(tcase,
	    rule_04_a_shorter_table_is_never_read_past_its_end);
	tcase_add_test(tcase, rule_04_a_longer_table_is_taken);
	tcase_add_test(tcase, rule_04_a_table_too_small_is_refused);
	tcase_add_test(tcase, a_table_of_another_abi_is_refused);
	tcase_add_test(tcase, a_table_of_no_kind_is_refused);
	tcase_add_test(tcase, a_module_under_another_name_is_refused);
	tcase_add_test(tcase, rule_05_a_missing_member_is_named);
	tcase_add_test(tcase, rule_05_a_language_monitor_has_its_own_members);
	tcase_add_loop_test(tcase, rule_05_each_required_member_is_missed, 0,
	    12);
	tcase_add_test(tcase, optional_members_may_be_missing);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(loader_suite());
}
