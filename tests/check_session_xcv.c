/*
 * check_session_xcv.c - management of ports through the session.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/rig.h"
#include "tests/suite.h"

/* A string literal with its NUL, and those inside. */
#define INPUT(text)	(text), sizeof(text)

static struct rig *rig;
static handle admin;		/* on the monitor, may do all */
static handle reader;		/* on the monitor, may only look */

static handle
open_xcv(const char *object, uint32_t access)
{
	handle xcv = 0;

	ck_assert_int_eq(session_xcv_open(rig->session, rig->mock, object,
	    access, &xcv), 0);
	ck_assert_uint_ne(xcv, 0);
	return xcv;
}

static void
setup(void)
{
	unsetenv("PRINTPORT_ODD");
	unsetenv("PRINTPORT_ODD_NAME");
	unsetenv("PRINTPORT_MOCK_INIT");
	rig = rig_new();
	admin = open_xcv("", PP_ACCESS_ADMINISTER);
	reader = open_xcv("", PP_ACCESS_ENUMERATE | PP_ACCESS_USE);
}

static void
teardown(void)
{
	rig_free(rig);
}

/* A call without output. */
static int
call(handle xcv, const char *name, const void *in, size_t in_len)
{
	size_t needed = 99;
	int code;

	code = session_xcv_data(rig->session, xcv, name, in, in_len, NULL, 0,
	    &needed);
	if (code != PP_BUFFER_TOO_SMALL)
		ck_assert_uint_eq(needed, 0);
	return code;
}

static uint32_t
port_exists(const char *name)
{
	uint32_t answer = 99;
	size_t needed;

	ck_assert_int_eq(session_xcv_data(rig->session, reader, "PortExists",
	    name, strlen(name) + 1, &answer, sizeof(answer), &needed), 0);
	return answer;
}

START_TEST(rule_52_the_code_is_the_verdict)
{
	ck_assert_int_eq(call(admin, "AddPort", INPUT("attic")), 0);
	ck_assert_int_eq(call(admin, "AddPort", INPUT("cellar\0short=many")),
	    PP_INVALID_DATA);
	ck_assert(!fake_host_has_port(rig->host, "cellar"));
}
END_TEST

START_TEST(rule_53_rights_are_judged_at_each_call)
{
	handle port = open_xcv("lobby", 0);

	ck_assert_int_eq(call(port, "DeletePort", INPUT("lobby")),
	    PP_ACCESS_DENIED);
	ck_assert_int_eq(call(port, "PortIsValid", INPUT("lobby")), 0);
	ck_assert_int_eq(call(port, "DeletePort", INPUT("lobby")),
	    PP_ACCESS_DENIED);
}
END_TEST

START_TEST(rule_54_changes_need_administer)
{
	static const char *const names[] = { "AddPort", "ConfigPort",
	    "DeletePort" };
	static const uint32_t access[] = { 0, PP_ACCESS_ENUMERATE,
	    PP_ACCESS_USE, PP_ACCESS_JOB_ADMIN, ~PP_ACCESS_ADMINISTER };
	const char *name = names[_i];
	size_t i, calls;
	handle xcv;

	for (i = 0; i < sizeof(access) / sizeof(access[0]); i++) {
		xcv = open_xcv("lobby", access[i]);
		calls = rig->n_calls;
		ck_assert_int_eq(call(xcv, name, INPUT("lobby")),
		    PP_ACCESS_DENIED);
		ck_assert_int_eq(call(xcv, name, INPUT("attic")),
		    PP_ACCESS_DENIED);
		ck_assert_int_eq(call(xcv, name, NULL, 0), PP_ACCESS_DENIED);
		ck_assert_int_eq(call(xcv, name, "\xff", 1),
		    PP_ACCESS_DENIED);
		ck_assert_uint_eq(rig->n_calls, calls);
	}
	ck_assert_uint_eq(rig->host->n_stores + rig->host->n_removes, 0);
	ck_assert(fake_host_has_port(rig->host, "lobby"));
}
END_TEST

START_TEST(rule_54_looking_needs_no_right)
{
	ck_assert_int_eq(call(reader, "PortIsValid", INPUT("lobby")), 0);
	ck_assert_uint_eq(port_exists("lobby"), 1);
	ck_assert_uint_eq(port_exists("attic"), 0);
	ck_assert_int_eq(call(reader, "MonitorUI", NULL, 0),
	    PP_BUFFER_TOO_SMALL);
}
END_TEST

/* The odd module would do anything for anybody. */
START_TEST(rule_54_a_careless_module_is_not_asked)
{
	struct fault fault;
	handle odd, xcv;

	rig_module(rig, "odd", "odd");
	ck_assert_int_eq(session_load(rig->session, "odd", &odd, &fault), 0);
	ck_assert_int_eq(session_xcv_open(rig->session, odd, "",
	    PP_ACCESS_USE, &xcv), 0);
	ck_assert_int_eq(call(xcv, "AddPort", INPUT("attic")),
	    PP_ACCESS_DENIED);
	ck_assert(!fake_host_logged(rig->host, "odd was asked: AddPort"));
	ck_assert_int_eq(session_xcv_open(rig->session, odd, "",
	    PP_ACCESS_ADMINISTER, &xcv), 0);
	ck_assert_int_eq(call(xcv, "AddPort", INPUT("attic")), 0);
	ck_assert(fake_host_logged(rig->host, "odd was asked: AddPort"));
}
END_TEST

START_TEST(rule_55_names_match_by_case)
{
	static const char *const names[] = { "addport", "ADDPORT", "AddPort ",
	    "NoSuchName", "", NULL };

	ck_assert_int_eq(call(admin, names[_i], INPUT("attic")),
	    PP_INVALID_PARAMETER);
	ck_assert(!fake_host_has_port(rig->host, "attic"));
}
END_TEST

START_TEST(rule_56_bad_input_is_refused)
{
	static const char *const names[] = { "AddPort", "DeletePort" };
	const char *name = names[_i];

	ck_assert_int_eq(call(admin, name, NULL, 0), PP_INVALID_DATA);
	ck_assert_int_eq(call(admin, name, NULL, 6), PP_INVALID_PARAMETER);
	ck_assert_int_eq(call(admin, name, "attic", 0), PP_INVALID_DATA);
	ck_assert_int_eq(call(admin, name, "attic", 5), PP_INVALID_DATA);
	ck_assert_int_eq(call(admin, name, INPUT("")), PP_INVALID_NAME);
	ck_assert_int_eq(call(admin, name, INPUT("../etc")),
	    PP_INVALID_NAME);
	ck_assert_int_eq(call(admin, name, INPUT("a\nb")), PP_INVALID_NAME);
	ck_assert_int_eq(call(admin, name, INPUT("\xff")), PP_INVALID_NAME);
	ck_assert_int_eq(call(admin, name, "attic\0rest", 9),
	    PP_INVALID_PARAMETER);
	ck_assert_uint_eq(rig->host->n_stores + rig->host->n_removes, 0);
}
END_TEST

/* Whatever comes, nothing crashes, and no port gets a bad name. */
START_TEST(rule_56_random_input_does_no_harm)
{
	static const char *const names[] = { "AddPort", "ConfigPort",
	    "DeletePort", "PortExists", "PortIsValid", "MonitorUI",
	    "GetConfigInfo" };
	unsigned char in[64];
	char out[64];
	uint32_t seed = 1;
	size_t needed, len, i;
	int round;

	for (round = 0; round < 5000; round++) {
		for (i = 0; i < sizeof(in); i++) {
			seed = seed * 1103515245 + 12345;
			in[i] = (unsigned char)(seed >> 16 & 0x8f);
		}
		len = seed >> 8 & 63;
		(void)session_xcv_data(rig->session, admin, names[round % 7],
		    in, len, out, seed >> 3 & 63, &needed);
	}
	ck_assert_uint_eq(port_exists("lobby"), 1);
}
END_TEST

START_TEST(rule_57_a_name_is_taken_in_any_case)
{
	size_t calls = rig->n_calls;

	fake_host_foreign_port(rig->host, "Archive");
	ck_assert_int_eq(call(admin, "AddPort", INPUT("lobby")),
	    PP_ALREADY_EXISTS);
	ck_assert_int_eq(call(admin, "AddPort", INPUT("LOBBY")),
	    PP_ALREADY_EXISTS);
	ck_assert_int_eq(call(admin, "AddPort", INPUT("archive")),
	    PP_ALREADY_EXISTS);
	ck_assert_uint_eq(rig->n_calls, calls);
}
END_TEST

START_TEST(rule_58_success_means_stored)
{
	ck_assert_int_eq(call(admin, "AddPort", INPUT("attic\0short=2K")), 0);
	ck_assert_str_eq(fake_host_get(rig->host, "attic", "short"), "2K");
	ck_assert_int_eq(call(open_xcv("attic", PP_ACCESS_ADMINISTER),
	    "ConfigPort", INPUT("attic\0short=3")), 0);
	ck_assert_str_eq(fake_host_get(rig->host, "attic", "short"), "3");
	ck_assert_int_eq(call(admin, "DeletePort", INPUT("attic")), 0);
	ck_assert(!fake_host_has_port(rig->host, "attic"));
}
END_TEST

START_TEST(rule_58_what_is_not_stored_has_not_happened)
{
	size_t needed;
	uint32_t count;

	rig->host->store_error = -ENOSPC;
	ck_assert_int_eq(call(admin, "AddPort", INPUT("attic")), -ENOSPC);
	ck_assert_uint_eq(port_exists("attic"), 0);
	ck_assert_int_eq(call(admin, "DeletePort", INPUT("lobby")), -ENOSPC);
	ck_assert_uint_eq(port_exists("lobby"), 1);
	ck_assert_int_eq(session_enum_ports(rig->session, 1, NULL, 0, &needed,
	    &count), PP_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(needed, sizeof(struct pp_port_info_1) +
	    sizeof("lobby"));
}
END_TEST

START_TEST(rule_59_an_unknown_port_is_not_deleted)
{
	ck_assert_int_eq(call(admin, "DeletePort", INPUT("attic")),
	    PP_NOT_FOUND);
}
END_TEST

START_TEST(rule_59_an_open_port_is_not_deleted)
{
	handle port = rig_open(rig, "lobby");
	size_t calls = rig->n_calls;

	ck_assert_int_eq(call(admin, "DeletePort", INPUT("Lobby")), PP_BUSY);
	ck_assert_uint_eq(rig->n_calls, calls);
	ck_assert_int_eq(session_close_port(rig->session, port), 0);
	ck_assert_int_eq(call(admin, "DeletePort", INPUT("lobby")), 0);
}
END_TEST

START_TEST(rule_60_a_short_buffer_is_told_the_size)
{
	handle port = open_xcv("lobby", 0);
	size_t needed, again;
	char out[512];

	memset(out, 'x', sizeof(out));
	ck_assert_int_eq(session_xcv_data(rig->session, port, "GetConfigInfo",
	    NULL, 0, NULL, 0, &needed), PP_BUFFER_TOO_SMALL);
	ck_assert_uint_le(needed, sizeof(out));
	ck_assert_int_eq(session_xcv_data(rig->session, port, "GetConfigInfo",
	    NULL, 0, out, needed - 1, &again), PP_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(again, needed);
	ck_assert_int_eq(out[0], 'x');
	ck_assert_int_eq(session_xcv_data(rig->session, port, "GetConfigInfo",
	    NULL, 0, out, needed, &again), 0);
	ck_assert_str_eq(out, rig_path(rig, "lobby.output"));
}
END_TEST

START_TEST(rule_60_sizes_that_cannot_be_are_not_believed)
{
	struct fault fault;
	handle odd, xcv;

	rig_module(rig, "odd", "odd");
	ck_assert_int_eq(session_load(rig->session, "odd", &odd, &fault), 0);
	ck_assert_int_eq(session_xcv_open(rig->session, odd, "", 0, &xcv),
	    0);
	ck_assert_int_eq(session_xcv_data(rig->session, xcv, "More", NULL, 0,
	    NULL, 0, &(size_t){ 0 }), -EPROTO);
	ck_assert_int_eq(session_xcv_data(rig->session, xcv, "Less", NULL, 0,
	    NULL, 0, &(size_t){ 0 }), -EPROTO);
}
END_TEST

START_TEST(rule_61_a_port_s_query_needs_its_handle)
{
	handle xcv;

	ck_assert_int_eq(call(admin, "GetConfigInfo", NULL, 0),
	    PP_INVALID_PARAMETER);
	ck_assert_int_eq(session_xcv_open(rig->session, rig->mock, "attic", 0,
	    &xcv), PP_NOT_FOUND);
	ck_assert_uint_eq(xcv, 0);
	ck_assert_int_eq(session_xcv_open(rig->session, rig->mock, "a/b", 0,
	    &xcv), PP_INVALID_NAME);
	ck_assert_int_eq(call(open_xcv("lobby", PP_ACCESS_ADMINISTER),
	    "AddPort", INPUT("attic")), PP_INVALID_PARAMETER);
}
END_TEST

START_TEST(no_object_means_the_monitor)
{
	ck_assert_int_eq(call(open_xcv(NULL, PP_ACCESS_ADMINISTER), "AddPort",
	    INPUT("attic")), 0);
}
END_TEST

START_TEST(rule_63_a_closed_handle_is_dead)
{
	size_t calls;

	ck_assert_int_eq(session_xcv_close(rig->session, admin), 0);
	calls = rig->n_calls;
	ck_assert_int_eq(session_xcv_close(rig->session, admin),
	    PP_INVALID_HANDLE);
	ck_assert_int_eq(call(admin, "AddPort", INPUT("attic")),
	    PP_INVALID_HANDLE);
	ck_assert_uint_eq(rig->n_calls, calls);
	ck_assert_int_eq(call(reader, "PortIsValid", INPUT("lobby")), 0);
}
END_TEST

START_TEST(rule_26_handles_of_other_kinds_are_refused)
{
	handle port = rig_open(rig, "lobby");

	ck_assert_int_eq(call(port, "PortIsValid", INPUT("lobby")),
	    PP_INVALID_HANDLE);
	ck_assert_int_eq(call(rig->mock, "PortIsValid", INPUT("lobby")),
	    PP_INVALID_HANDLE);
	ck_assert_int_eq(session_xcv_close(rig->session, port),
	    PP_INVALID_HANDLE);
	ck_assert_int_eq(session_close_port(rig->session, admin),
	    PP_INVALID_HANDLE);
	ck_assert_int_eq(session_xcv_open(rig->session, port, "", 0,
	    &(handle){ 0 }), PP_INVALID_HANDLE);
}
END_TEST

static Suite *
session_xcv_suite(void)
{
	Suite *suite = suite_create("session_xcv");
	TCase *tcase = tcase_create("session_xcv");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, rule_52_the_code_is_the_verdict);
	tcase_add_test(tcase, rule_53_rights_are_judged_at_each_call);
	tcase_add_loop_test(tcase, rule_54_changes_need_administer, 0, 3);
	tcase_add_test(tcase, rule_54_looking_needs_no_right);
	tcase_add_test(tcase, rule_54_a_careless_module_is_not_asked);
	tcase_add_loop_test(tcase, rule_55_names_match_by_case, 0, 6);
	tcase_add_loop_test(tcase, rule_56_bad_input_is_refused, 0, 2);
	tcase_add_test(tcase, rule_56_random_input_does_no_harm);
	tcase_add_test(tcase, rule_57_a_name_is_taken_in_any_case);
	tcase_add_test(tcase, rule_58_success_means_stored);
	tcase_add_test(tcase, rule_58_what_is_not_stored_has_not_happened);
	tcase_add_test(tcase, rule_59_an_unknown_port_is_not_deleted);
	tcase_add_test(tcase, rule_59_an_open_port_is_not_deleted);
	tcase_add_test(tcase, rule_60_a_short_buffer_is_told_the_size);
	tcase_add_test(tcase, rule_60_sizes_that_cannot_be_are_not_believed);
	tcase_add_test(tcase, rule_61_a_port_s_query_needs_its_handle);
	tcase_add_test(tcase, no_object_means_the_monitor);
	tcase_add_test(tcase, rule_63_a_closed_handle_is_dead);
	tcase_add_test(tcase, rule_26_handles_of_other_kinds_are_refused);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(session_xcv_suite());
}
