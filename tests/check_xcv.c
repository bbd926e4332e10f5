/*
 * check_xcv - enumeration and management, the same for every port monitor
 * that uses monitor_util.h.
 */
#include <errno.h>
#include <pty.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/monitor_util.h"
#include "tests/module.h"
#include "tests/suite.h"

/* A string literal as Xcv input: with its NUL, and those inside. */
#define INPUT(text)	(text), sizeof(text)

/* Each with settings that it takes; the last lists more than its ports. */
static const struct {
	const char	*name;
	const char	*key;		/* of where it prints to; or NULL */
	const char	*place;		/* of a directory that it looks at */
} modules[] = {
	{ "file", "directory", NULL },
	{ "null", NULL, NULL },
	{ "device", "path", "sysfs" },
};
#define MODULES		((int)(sizeof(modules) / sizeof(modules[0])))

static struct module module;
static struct pp_xcv *xcv;
static int which;			/* of the modules */
static int printer;			/* other end of a device */

/* Where the module in work prints to. */
static const char *
destination(void)
{
	static char name[64];
	int slave;

	if (strcmp(modules[which].name, "device") != 0)
		return suite_directory();
	if (name[0] == '\0') {
		ck_assert_int_eq(openpty(&printer, &slave, name, NULL, NULL),
		    0);
		close(slave);
	}
	return name;
}

/* What a port of any of the modules can be made with. */
static void
add_port(const char *name)
{
	fake_host_set(module.host, name, NULL, NULL);
	if (modules[which].key != NULL)
		fake_host_set(module.host, name, modules[which].key,
		    destination());
	if (modules[which].place != NULL)
		fake_host_set(module.host, name, modules[which].place,
		    suite_directory());
}

static void
begin(int module_index, const char *object, uint32_t access)
{
	which = module_index;
	module_open(&module, modules[which].name);
	add_port("archive");
	add_port("lobby");
	ck_assert_int_eq(module.table->xcv_open_port(module.monitor, object,
	    access, &xcv), PP_OK);
}

static void
end(void)
{
	ck_assert_int_eq(module.table->xcv_close_port(xcv), PP_OK);
	module_close(&module);
}

static int
call(const char *name, const void *in, size_t in_len)
{
	size_t needed = 99;
	int rc;

	rc = module.table->xcv_data_port(xcv, name, in, in_len, NULL, 0,
	    &needed);
	if (rc == PP_OK)
		ck_assert_uint_eq(needed, 0);
	return rc;
}

/* AddPort or ConfigPort with settings that the module takes. */
static int
store(const char *request, const char *name)
{
	char in[5000];
	size_t len = strlen(name) + 1;

	memcpy(in, name, len);
	if (modules[which].key != NULL)
		len += (size_t)snprintf(in + len, sizeof(in) - len, "%s=%s",
		    modules[which].key, destination()) + 1;
	if (modules[which].place != NULL)
		len += (size_t)snprintf(in + len, sizeof(in) - len, "%s=%s",
		    modules[which].place, suite_directory()) + 1;
	return call(request, in, len);
}

static uint32_t
exists(const void *in, size_t in_len)
{
	uint32_t answer = 99;
	size_t needed = 0;

	ck_assert_int_eq(module.table->xcv_data_port(xcv, "PortExists", in,
	    in_len, &answer, sizeof(answer), &needed), PP_OK);
	ck_assert_uint_eq(needed, sizeof(answer));
	return answer;
}

/* ---- EnumPorts ---------------------------------------------------------- */

/* The names listed at level 1, one after the other. */
static void
assert_listed(const char *want)
{
	struct pp_port_info_1 buf[100];
	char have[1000] = "";
	size_t needed;
	uint32_t i, count;

	ck_assert_int_eq(module.table->enum_ports(module.monitor, 1, buf,
	    sizeof(buf), &needed, &count), PP_OK);
	for (i = 0; i < count; i++) {
		strcat(have, buf[i].name);
		strcat(have, " ");
	}
	ck_assert_str_eq(have, want);
}

START_TEST(rule_10_enumeration_follows_add_and_delete)
{
	begin(_i, "", PP_ACCESS_ADMINISTER);
	assert_listed("archive lobby ");
	ck_assert_int_eq(store("AddPort", "new"), PP_OK);
	assert_listed("archive lobby new ");
	ck_assert_int_eq(call("DeletePort", INPUT("archive")), PP_OK);
	assert_listed("lobby new ");
	end();
}
END_TEST

static void
assert_exact_size(uint32_t level)
{
	size_t needed = 0, again = 0;
	uint32_t count = 99;
	char *buf;

	ck_assert_int_eq(module.table->enum_ports(module.monitor, level, NULL,
	    0, &needed, &count), PP_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(count, 0);
	ck_assert_uint_gt(needed, 0);
	buf = malloc(needed);
	memset(buf, 0x5a, needed);
	ck_assert_int_eq(module.table->enum_ports(module.monitor, level, buf,
	    needed - 1, &again, &count), PP_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(again, needed);
	ck_assert_uint_eq(count, 0);
	ck_assert_int_eq(buf[0], 0x5a);
	ck_assert_int_eq(memcmp(buf, buf + 1, needed - 1), 0);
	ck_assert_int_eq(module.table->enum_ports(module.monitor, level, buf,
	    needed, &again, &count), PP_OK);
	ck_assert_uint_eq(again, needed);
	ck_assert_uint_eq(count, 2);
	free(buf);
}

START_TEST(rule_11_exactly_the_size_needed_succeeds)
{
	begin(_i, "", 0);
	assert_exact_size(1);
	assert_exact_size(2);
	end();
}
END_TEST

START_TEST(rule_12_an_unknown_level_is_refused)
{
	size_t needed = 99;
	uint32_t count = 99;

	begin(_i, "", 0);
	fake_host_remove_port(module.host, "archive");
	fake_host_remove_port(module.host, "lobby");
	ck_assert_int_eq(module.table->enum_ports(module.monitor, 3, NULL, 0,
	    &needed, &count), PP_INVALID_LEVEL);
	ck_assert_uint_eq(needed, 0);
	ck_assert_uint_eq(count, 0);
	end();
}
END_TEST

/* Monitors are merged in one block, so each must pack to its end. */
START_TEST(rule_13_strings_are_packed_at_the_end)
{
	struct pp_port_info_2 buf[100];
	const char *end_of_buf = (const char *)buf + sizeof(buf);
	size_t needed, used;
	uint32_t i, count;

	begin(_i, "", 0);
	ck_assert_int_eq(module.table->enum_ports(module.monitor, 2, buf,
	    sizeof(buf), &needed, &count), PP_OK);
	ck_assert_uint_eq(count, 2);
	ck_assert_str_eq(buf[0].name, "archive");
	ck_assert_str_eq(buf[1].name, "lobby");
	used = needed - count * sizeof(buf[0]);
	for (i = 0; i < count; i++) {
		ck_assert(buf[i].name >= end_of_buf - used);
		ck_assert(buf[i].name < end_of_buf);
		ck_assert(buf[i].description >= end_of_buf - used);
		ck_assert_str_eq(buf[i].monitor, modules[_i].name);
		ck_assert_int_ne(buf[i].description[0], '\0');
		ck_assert_uint_eq(buf[i].type, PP_PORT_TYPE_WRITE);
		ck_assert_uint_eq(buf[i].reserved, 0);
	}
	end();
}
END_TEST

/*
 * What the host has is what the module knows, at once and without a file of
 * its own; and what one instance stores goes to the host of that instance.
 */
START_TEST(rule_06_configuration_is_the_hosts)
{
	struct module other;

	begin(_i, "", PP_ACCESS_ADMINISTER);
	module_open(&other, modules[_i].name);
	add_port("late");
	assert_listed("archive lobby late ");
	fake_host_remove_port(module.host, "archive");
	assert_listed("lobby late ");
	ck_assert_int_eq(store("AddPort", "new"), PP_OK);
	ck_assert_uint_eq(module.host->n_stores, 1);
	ck_assert(fake_host_has_port(module.host, "new"));
	ck_assert_uint_eq(other.host->n_stores, 0);
	ck_assert(!fake_host_has_port(other.host, "new"));
	module_close(&other);
	end();
}
END_TEST

/* A document that says itself where it goes makes no port of that name. */
START_TEST(rule_15_what_is_opened_for_a_document_is_not_listed)
{
	const struct pp_doc_info_1 info = { .doc_name = "",
	    .output_file = "elsewhere", .datatype = "" };
	struct pp_port *port;

	begin(_i, "", 0);
	if (strcmp(modules[_i].name, "file") == 0)
		fake_host_set(module.host, "lobby", "name", "%o");
	ck_assert_int_eq(module.table->open_port(module.monitor, "lobby",
	    &port), PP_OK);
	assert_listed("archive lobby ");
	ck_assert_int_eq(module.table->start_doc_port(port, "queue",
	    module.host->job.id, 1, &info), PP_OK);
	assert_listed("archive lobby ");
	ck_assert_int_eq(module.table->end_doc_port(port), PP_OK);
	assert_listed("archive lobby ");
	ck_assert_int_eq(module.table->close_port(port), PP_OK);
	assert_listed("archive lobby ");
	end();
}
END_TEST

START_TEST(test_enumeration_without_a_port)
{
	size_t needed = 99;
	uint32_t count = 99;

	begin(_i, "", 0);
	fake_host_remove_port(module.host, "archive");
	fake_host_remove_port(module.host, "lobby");
	fake_host_foreign_port(module.host, "elsewhere");
	ck_assert_int_eq(module.table->enum_ports(module.monitor, 1, NULL, 0,
	    &needed, &count), PP_OK);
	ck_assert_uint_eq(needed, 0);
	ck_assert_uint_eq(count, 0);
	end();
}
END_TEST

/* ---- Xcv ---------------------------------------------------------------- */

START_TEST(rule_53_roles_are_judged_at_each_call)
{
	begin(_i, "", PP_ACCESS_USE);
	ck_assert_int_eq(store("AddPort", "new"), PP_ACCESS_DENIED);
	ck_assert_uint_eq(exists(INPUT("lobby")), 1);
	end();
}
END_TEST

START_TEST(rule_54_changes_need_administer_whatever_the_input)
{
	static const char *const changes[] = { "AddPort", "ConfigPort",
		"DeletePort" };
	size_t i;

	begin(_i, "lobby", (uint32_t)~PP_ACCESS_ADMINISTER);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(call(changes[i], INPUT("lobby")),
		    PP_ACCESS_DENIED);
		ck_assert_int_eq(call(changes[i], NULL, 0), PP_ACCESS_DENIED);
		ck_assert_int_eq(call(changes[i], "x", 1), PP_ACCESS_DENIED);
	}
	ck_assert_uint_eq(module.host->n_stores + module.host->n_removes, 0);
	ck_assert_int_eq(call("PortIsValid", INPUT("lobby")), PP_OK);
	ck_assert_int_eq(call("MonitorUI", NULL, 0), PP_BUFFER_TOO_SMALL);
	end();
}
END_TEST

START_TEST(rule_55_data_names_match_by_case)
{
	begin(_i, "", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(call("portexists", INPUT("lobby")),
	    PP_INVALID_PARAMETER);
	ck_assert_int_eq(call("ADDPORT", INPUT("new")), PP_INVALID_PARAMETER);
	ck_assert_int_eq(call("", INPUT("new")), PP_INVALID_PARAMETER);
	ck_assert_int_eq(call("Nonsense", NULL, 0), PP_INVALID_PARAMETER);
	end();
}
END_TEST

static const struct {
	const char	*request;
	const char	*in;
	size_t		 in_len;
	int		 code;
} bad_inputs[] = {
	{ "AddPort", NULL, 0, PP_INVALID_DATA },
	{ "AddPort", "", 0, PP_INVALID_DATA },
	{ "AddPort", "new", 3, PP_INVALID_PARAMETER },
	{ "AddPort", INPUT("new\0key"), PP_INVALID_PARAMETER },
	{ "AddPort", INPUT("new\0=value"), PP_INVALID_PARAMETER },
	{ "AddPort", INPUT("new\0"), PP_INVALID_PARAMETER },
	{ "AddPort", INPUT(""), PP_INVALID_NAME },
	{ "AddPort", INPUT("a/b"), PP_INVALID_NAME },
	{ "AddPort", INPUT(".."), PP_INVALID_NAME },
	{ "AddPort", INPUT("a\nb"), PP_INVALID_NAME },
	{ "AddPort", INPUT("\xff"), PP_INVALID_NAME },
	{ "AddPort", INPUT("123456789 123456789 123456789 123456789 "
	    "123456789 123456789 1234"), PP_INVALID_NAME },
	{ "DeletePort", NULL, 0, PP_INVALID_DATA },
	{ "DeletePort", "lobby", 5, PP_INVALID_PARAMETER },
	{ "DeletePort", INPUT("lobby\0more"), PP_INVALID_PARAMETER },
	{ "PortExists", NULL, 0, PP_INVALID_DATA },
	{ "PortExists", "lobby", 5, PP_INVALID_PARAMETER },
	{ "PortIsValid", NULL, 0, PP_INVALID_DATA },
	{ "PortIsValid", INPUT("lobby\0more"), PP_INVALID_PARAMETER },
};
#define BAD_INPUTS	(sizeof(bad_inputs) / sizeof(bad_inputs[0]))

START_TEST(rule_56_input_is_checked)
{
	size_t i;

	begin(_i, "", PP_ACCESS_ADMINISTER);
	for (i = 0; i < BAD_INPUTS; i++)
		ck_assert_msg(call(bad_inputs[i].request, bad_inputs[i].in,
		    bad_inputs[i].in_len) == bad_inputs[i].code,
		    "input %zu", i);
	ck_assert_uint_eq(module.host->n_stores + module.host->n_removes, 0);
	end();
}
END_TEST

START_TEST(rule_56_any_bytes_do_no_harm)
{
	static const char *const requests[] = { "AddPort", "ConfigPort",
		"DeletePort", "PortExists", "PortIsValid", "MonitorUI" };
	uint32_t state = 5;
	size_t needed, len, at;
	char *in, out[8];
	int i;

	begin(_i, "", PP_ACCESS_ADMINISTER);
	for (i = 0; i < 5000; i++) {
		state = state * 1664525u + 1013904223u;
		len = state >> 24;
		in = malloc(len);		/* exact, for valgrind */
		for (at = 0; at < len; at++) {
			state = state * 1664525u + 1013904223u;
			in[at] = "\0=/.a\xc3\xa9"[state >> 29 & 7];
		}
		(void)module.table->xcv_data_port(xcv, requests[i % 6], in,
		    len, out, state >> 20 & 7, &needed);
		free(in);
	}
	end();
}
END_TEST

START_TEST(rule_57_an_existing_name_is_refused_in_any_case)
{
	begin(_i, "", PP_ACCESS_ADMINISTER);
	fake_host_foreign_port(module.host, "Elsewhere");
	ck_assert_int_eq(store("AddPort", "lobby"), PP_ALREADY_EXISTS);
	ck_assert_int_eq(store("AddPort", "LOBBY"), PP_ALREADY_EXISTS);
	ck_assert_int_eq(store("AddPort", "elsewhere"), PP_ALREADY_EXISTS);
	ck_assert_uint_eq(module.host->n_stores, 0);
	end();
}
END_TEST

START_TEST(rule_58_success_means_stored)
{
	begin(_i, "", PP_ACCESS_ADMINISTER);
	module.host->store_error = -EROFS;
	ck_assert_int_eq(store("AddPort", "new"), -EROFS);
	ck_assert_int_eq(call("DeletePort", INPUT("lobby")), -EROFS);
	ck_assert_uint_eq(exists(INPUT("new")), 0);
	ck_assert_uint_eq(exists(INPUT("lobby")), 1);
	module.host->store_error = 0;
	ck_assert_int_eq(store("AddPort", "new"), PP_OK);
	ck_assert(fake_host_has_port(module.host, "new"));
	end();
}
END_TEST

START_TEST(rule_59_an_unknown_port_is_not_found)
{
	begin(_i, "", PP_ACCESS_ADMINISTER);
	fake_host_foreign_port(module.host, "elsewhere");
	ck_assert_int_eq(call("DeletePort", INPUT("nowhere")), PP_NOT_FOUND);
	ck_assert_int_eq(call("DeletePort", INPUT("elsewhere")), PP_NOT_FOUND);
	ck_assert_int_eq(call("DeletePort", INPUT("")), PP_NOT_FOUND);
	ck_assert_int_eq(call("PortIsValid", INPUT("")), PP_NOT_FOUND);
	ck_assert_int_eq(call("PortIsValid", INPUT("Lobby")), PP_NOT_FOUND);
	end();
}
END_TEST

START_TEST(rule_60_a_short_buffer_is_told_the_size_needed)
{
	char small[3] = "zzz", *text;
	size_t needed = 0, again = 0;

	begin(_i, "", 0);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, "PortExists",
	    INPUT("lobby"), small, sizeof(small), &needed),
	    PP_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(needed, sizeof(uint32_t));
	ck_assert_int_eq(memcmp(small, "zzz", 3), 0);

	ck_assert_int_eq(call("MonitorUI", NULL, 0), PP_BUFFER_TOO_SMALL);
	(void)module.table->xcv_data_port(xcv, "MonitorUI", NULL, 0, NULL, 0,
	    &needed);
	text = malloc(needed);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, "MonitorUI", NULL, 0,
	    text, needed, &again), PP_OK);
	ck_assert_uint_eq(again, needed);
	ck_assert_uint_eq(strlen(text) + 1, needed);
	free(text);
	end();
}
END_TEST

START_TEST(rule_61_new_ports_through_the_monitor)
{
	begin(_i, "", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(store("AddPort", "new"), PP_OK);
	ck_assert_int_eq(store("ConfigPort", "lobby"), PP_INVALID_PARAMETER);
	end();
}
END_TEST

START_TEST(rule_61_existing_ports_through_their_name)
{
	begin(_i, "lobby", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(store("AddPort", "new"), PP_INVALID_PARAMETER);
	ck_assert_int_eq(store("ConfigPort", "archive"), PP_INVALID_PARAMETER);
	ck_assert_int_eq(call("DeletePort", INPUT("archive")),
	    PP_INVALID_PARAMETER);
	ck_assert_int_eq(store("ConfigPort", "lobby"), PP_OK);
	ck_assert_int_eq(call("DeletePort", INPUT("lobby")), PP_OK);
	ck_assert(!fake_host_has_port(module.host, "lobby"));
	end();
}
END_TEST

START_TEST(test_a_handle_needs_a_port_that_exists)
{
	struct pp_xcv *other;

	begin(_i, "", 0);
	ck_assert_int_eq(module.table->xcv_open_port(module.monitor,
	    "nowhere", 0, &other), PP_NOT_FOUND);
	ck_assert_ptr_null(other);
	end();
}
END_TEST

START_TEST(test_port_exists_knows_ports_of_all_monitors)
{
	begin(_i, "", 0);
	fake_host_foreign_port(module.host, "elsewhere");
	ck_assert_uint_eq(exists(INPUT("lobby")), 1);
	ck_assert_uint_eq(exists(INPUT("Lobby")), 1);
	ck_assert_uint_eq(exists(INPUT("elsewhere")), 1);
	ck_assert_uint_eq(exists(INPUT("nowhere")), 0);
	ck_assert_uint_eq(exists(INPUT("../lobby")), 0);
	ck_assert_uint_eq(exists(INPUT("")), 0);
	end();
}
END_TEST

/* ---- what only `file` judges -------------------------------------------- */

static const struct {
	const char	*in;
	size_t		 in_len;
} bad_ports[] = {
	{ INPUT("new") },
	{ INPUT("new\0directory=/tmp\0path=/tmp/x") },
	{ INPUT("new\0directory=") },
	{ INPUT("new\0directory=/tmp\0name=%x") },
	{ INPUT("new\0directory=/tmp\0name=../%j") },
	{ INPUT("new\0directory=/tmp\0mode=rw") },
	{ INPUT("new\0directory=/tmp\0color=red") },
};

START_TEST(test_file_settings_are_judged_before_they_are_stored)
{
	begin(0, "", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(call("AddPort", bad_ports[_i].in,
	    bad_ports[_i].in_len), PP_INVALID_DATA);
	ck_assert_uint_eq(module.host->n_stores, 0);
	end();
}
END_TEST

START_TEST(test_file_port_is_valid_if_it_could_be_opened)
{
	struct stat before, after;

	begin(0, "", 0);
	fake_host_set(module.host, "archive", "directory", "/nonexistent");
	ck_assert_int_eq(call("PortIsValid", INPUT("archive")), PP_NOT_FOUND);
	ck_assert(fake_host_logged(module.host, "/nonexistent"));
	ck_assert_int_eq(stat(suite_directory(), &before), 0);
	ck_assert_int_eq(call("PortIsValid", INPUT("lobby")), PP_OK);
	ck_assert_int_eq(stat(suite_directory(), &after), 0);
	ck_assert_int_eq(memcmp(&before.st_mtim, &after.st_mtim,
	    sizeof(before.st_mtim)), 0);
	ck_assert_uint_eq(module.host->n_statuses, 0);
	end();
}
END_TEST

START_TEST(test_file_names_its_settings)
{
	char text[4000];
	size_t needed;

	begin(0, "", 0);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, "MonitorUI", NULL, 0,
	    text, sizeof(text), &needed), PP_OK);
	ck_assert_ptr_nonnull(strstr(text, "directory path - "));
	ck_assert_ptr_nonnull(strstr(text, "\nname string %d-%T-%j-%q "));
	ck_assert_ptr_nonnull(strstr(text, "\nfsync bool yes "));
	end();
}
END_TEST

static Suite *
xcv_suite(void)
{
	const TTest *const tests[] = {
		rule_06_configuration_is_the_hosts,
		rule_10_enumeration_follows_add_and_delete,
		rule_15_what_is_opened_for_a_document_is_not_listed,
		rule_11_exactly_the_size_needed_succeeds,
		rule_12_an_unknown_level_is_refused,
		rule_13_strings_are_packed_at_the_end,
		rule_53_roles_are_judged_at_each_call,
		rule_54_changes_need_administer_whatever_the_input,
		rule_55_data_names_match_by_case,
		rule_56_input_is_checked,
		rule_56_any_bytes_do_no_harm,
		rule_57_an_existing_name_is_refused_in_any_case,
		rule_58_success_means_stored,
		rule_59_an_unknown_port_is_not_found,
		rule_60_a_short_buffer_is_told_the_size_needed,
		rule_61_new_ports_through_the_monitor,
		rule_61_existing_ports_through_their_name,
		test_a_handle_needs_a_port_that_exists,
		test_port_exists_knows_ports_of_all_monitors,
	};
	Suite *suite = suite_create("xcv");
	TCase *any = tcase_create("any"), *file = tcase_create("file");
	size_t i;

	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_loop_test(any, tests[i], 0, MODULES);
	tcase_add_loop_test(any, test_enumeration_without_a_port, 0,
	    MODULES - 1);
	suite_add_tcase(suite, any);
	tcase_add_loop_test(file,
	    test_file_settings_are_judged_before_they_are_stored, 0,
	    (int)(sizeof(bad_ports) / sizeof(bad_ports[0])));
	tcase_add_test(file, test_file_port_is_valid_if_it_could_be_opened);
	tcase_add_test(file, test_file_names_its_settings);
	suite_add_tcase(suite, file);
	return suite;
}

int
main(void)
{
	return suite_main(xcv_suite());
}
