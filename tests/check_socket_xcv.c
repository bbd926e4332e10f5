/*
 * check_socket_xcv - management of the ports of the module `socket`, with the
 * structures and calls of TCPMON.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "monitor/tcpmon.h"
#include "tests/module.h"
#include "tests/suite.h"

#define INPUT(text)	(text), sizeof(text)

static struct module module;
static struct pp_xcv *xcv;

static void
use(const char *object, uint32_t access)
{
	if (xcv != NULL)
		ck_assert_int_eq(module.table->xcv_close_port(xcv), PP_OK);
	ck_assert_int_eq(module.table->xcv_open_port(module.monitor, object,
	    access, &xcv), PP_OK);
}

static void
setup(void)
{
	module_open(&module, "socket");
	fake_host_set(module.host, "lobby", "host", "10.0.0.5");
	fake_host_set(module.host, "lobby", "snmp_community", "secret");
	xcv = NULL;
	use("", PP_ACCESS_ADMINISTER);
}

static void
teardown(void)
{
	ck_assert_int_eq(module.table->xcv_close_port(xcv), PP_OK);
	module_close(&module);
}

static int
call(const char *name, const void *in, size_t in_len)
{
	size_t needed = 99;
	int rc = module.table->xcv_data_port(xcv, name, in, in_len, NULL, 0,
	    &needed);

	if (rc == PP_OK)
		ck_assert_uint_eq(needed, 0);
	return rc;
}

static int
ask(const char *name, const void *in, size_t in_len, void *out, size_t size)
{
	size_t needed = 99;
	int rc = module.table->xcv_data_port(xcv, name, in, in_len, out, size,
	    &needed);

	if (rc == PP_OK)
		ck_assert_uint_le(needed, size);
	return rc;
}

static struct pp_port_data_1
data_1(const char *name)
{
	struct pp_port_data_1 data = { .version = 1,
	    .protocol = PP_PROTOCOL_RAW, .size = sizeof(data),
	    .host_address = "printer.example", .snmp_community = "geheim",
	    .port_number = 9101, .snmp_dev_index = 3 };

	memcpy(data.port_name, name, strlen(name));
	return data;
}

static struct pp_port_data_2
data_2(const char *name)
{
	struct pp_port_data_2 data = { .version = 2,
	    .protocol = PP_PROTOCOL_RAW, .size = sizeof(data),
	    .host_address = "a.printer.whose.name.is.longer.than.49.bytes."
	    "with.some.to.spare.example", .snmp_community = "geheim",
	    .port_number = 9102, .snmp_dev_index = 4 };

	memcpy(data.port_name, name, strlen(name));
	return data;
}

static void
get_1(struct pp_port_data_1 *data)
{
	const struct pp_config_info_data_1 info = { .version = 1 };

	ck_assert_int_eq(ask("GetConfigInfo", &info, sizeof(info), data,
	    sizeof(*data)), PP_OK);
}

static void
get_2(struct pp_port_data_2 *data)
{
	const struct pp_config_info_data_1 info = { .version = 2 };

	ck_assert_int_eq(ask("GetConfigInfo", &info, sizeof(info), data,
	    sizeof(*data)), PP_OK);
}

static const char *
stored(const char *port, const char *key)
{
	const char *value = fake_host_get(module.host, port, key);

	return value != NULL ? value : "(none)";
}

/* ---- there and back ------------------------------------------------------ */

START_TEST(rule_62_what_was_added_comes_back)
{
	struct pp_port_data_1 in = data_1("new"), out;

	ck_assert_int_eq(call("AddPort", &in, sizeof(in)), PP_OK);
	use("new", PP_ACCESS_ADMINISTER);
	get_1(&out);
	ck_assert_int_eq(memcmp(&in, &out, sizeof(in)), 0);
	in.port_number = 9200;
	memset(in.host_address, 0, sizeof(in.host_address));
	strcpy(in.host_address, "10.0.0.6");
	ck_assert_int_eq(call("ConfigPort", &in, sizeof(in)), PP_OK);
	get_1(&out);
	strcpy(in.ip_address, "10.0.0.6");
	ck_assert_int_eq(memcmp(&in, &out, sizeof(in)), 0);
	ck_assert_int_eq(call("ConfigPort", &out, sizeof(out)), PP_OK);
	get_1(&out);
	ck_assert_int_eq(memcmp(&in, &out, sizeof(in)), 0);
}
END_TEST

START_TEST(rule_62_also_in_version_2)
{
	struct pp_port_data_2 in = data_2("new"), out;
	const struct pp_config_info_data_1 info = { .version = 1 };
	struct pp_port_data_1 small;

	ck_assert_int_eq(call("AddPort", &in, sizeof(in)), PP_OK);
	use("new", PP_ACCESS_ADMINISTER);
	get_2(&out);
	ck_assert_int_eq(memcmp(&in, &out, sizeof(in)), 0);
	in.snmp_dev_index = 5;
	ck_assert_int_eq(call("ConfigPort", &in, sizeof(in)), PP_OK);
	get_2(&out);
	ck_assert_int_eq(memcmp(&in, &out, sizeof(in)), 0);
	ck_assert_int_eq(ask("GetConfigInfo", &info, sizeof(info), &small,
	    sizeof(small)), PP_INVALID_LEVEL);
	ck_assert(fake_host_logged(module.host, "ask for version 2"));
}
END_TEST

START_TEST(rule_62_snmp_comes_back_or_is_refused)
{
	struct pp_port_data_1 in = data_1("new"), out;
	int rc;

	in.snmp_enabled = 1;
	rc = call("AddPort", &in, sizeof(in));
	if (rc == PP_INVALID_DATA) {
		ck_assert(fake_host_logged(module.host, "without net-snmp"));
		ck_assert_uint_eq(module.host->n_stores, 0);
		return;
	}
	ck_assert_int_eq(rc, PP_OK);
	use("new", PP_ACCESS_ADMINISTER);
	get_1(&out);
	ck_assert_int_eq(memcmp(&in, &out, sizeof(in)), 0);
}
END_TEST

START_TEST(test_what_is_left_open_has_a_default)
{
	struct pp_port_data_1 in = data_1("new"), out;

	memset(in.snmp_community, 0, sizeof(in.snmp_community));
	in.port_number = in.snmp_dev_index = 0;
	ck_assert_int_eq(call("AddPort", &in, sizeof(in)), PP_OK);
	use("new", PP_ACCESS_ADMINISTER);
	get_1(&out);
	ck_assert_uint_eq(out.port_number, 9100);
	ck_assert_uint_eq(out.snmp_dev_index, 1);
	ck_assert_str_eq(out.snmp_community, "public");
}
END_TEST

START_TEST(test_an_address_stands_in_for_a_host)
{
	struct pp_port_data_1 in = data_1("new");

	memset(in.host_address, 0, sizeof(in.host_address));
	strcpy(in.ip_address, "10.0.0.7");
	ck_assert_int_eq(call("AddPort", &in, sizeof(in)), PP_OK);
	ck_assert_str_eq(stored("new", "host"), "10.0.0.7");
}
END_TEST

START_TEST(test_a_structure_leaves_other_settings_alone)
{
	struct pp_port_data_1 in = data_1("lobby");

	fake_host_set(module.host, "lobby", "connect_timeout", "3s");
	fake_host_set(module.host, "lobby", "wait_eof", "no");
	use("lobby", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(call("ConfigPort", &in, sizeof(in)), PP_OK);
	ck_assert_str_eq(stored("lobby", "host"), "printer.example");
	ck_assert_str_eq(stored("lobby", "connect_timeout"), "3s");
	ck_assert_str_eq(stored("lobby", "wait_eof"), "no");
	ck_assert_str_eq(stored("lobby", "eof_timeout"), "(none)");
}
END_TEST

START_TEST(test_a_text_replaces_all)
{
	fake_host_set(module.host, "lobby", "connect_timeout", "3s");
	use("lobby", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(call("ConfigPort", INPUT("lobby\0host=10.0.0.9")),
	    PP_OK);
	ck_assert_str_eq(stored("lobby", "host"), "10.0.0.9");
	ck_assert_str_eq(stored("lobby", "connect_timeout"), "(none)");
}
END_TEST

/* The longest name leaves no NUL behind its own: the version stands there. */
START_TEST(test_the_longest_name_in_both_forms)
{
	static const char name[] = "123456789 123456789 123456789 "
	    "123456789 123456789 123456789 123";
	struct pp_port_data_1 in = data_1(name), out;
	char text[200];
	size_t len = sizeof(name);

	ck_assert_uint_eq(strlen(name), PP_PORT_NAME_LEN);
	ck_assert_int_eq(call("AddPort", &in, sizeof(in)), PP_OK);
	use(name, PP_ACCESS_ADMINISTER);
	get_1(&out);
	ck_assert_int_eq(memcmp(&in, &out, sizeof(in)), 0);
	memcpy(text, name, len);
	strcpy(text + len, "host=10.0.0.9");
	ck_assert_int_eq(call("ConfigPort", text, len + 14), PP_OK);
	ck_assert_str_eq(stored(name, "host"), "10.0.0.9");
	ck_assert_int_eq(call("DeletePort", text, len), PP_OK);
	ck_assert(!fake_host_has_port(module.host, name));
}
END_TEST

START_TEST(test_a_port_is_deleted_in_both_forms)
{
	struct pp_delete_port_data_1 in = { .port_name = "lobby",
	    .version = 1 };

	fake_host_set(module.host, "other", "host", "10.0.0.6");
	ck_assert_int_eq(call("DeletePort", &in, sizeof(in)), PP_OK);
	ck_assert(!fake_host_has_port(module.host, "lobby"));
	ck_assert_int_eq(call("DeletePort", INPUT("other")), PP_OK);
	ck_assert(!fake_host_has_port(module.host, "other"));
	ck_assert_int_eq(call("DeletePort", &in, sizeof(in)), PP_NOT_FOUND);
}
END_TEST

/* ---- rights -------------------------------------------------------------- */

START_TEST(rule_54_changes_need_administer_whatever_the_input)
{
	struct pp_port_data_1 in = data_1("lobby");
	static const char *const changes[] = { "AddPort", "ConfigPort",
		"DeletePort" };
	size_t i;

	use("lobby", (uint32_t)~PP_ACCESS_ADMINISTER);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(call(changes[i], &in, sizeof(in)),
		    PP_ACCESS_DENIED);
		ck_assert_int_eq(call(changes[i], &in, 100),
		    PP_ACCESS_DENIED);
		ck_assert_int_eq(call(changes[i], NULL, 0), PP_ACCESS_DENIED);
	}
	ck_assert_uint_eq(module.host->n_stores + module.host->n_removes, 0);
}
END_TEST

START_TEST(rule_54_looking_needs_no_right_but_for_the_secret)
{
	struct pp_port_data_1 out;
	char text[100];

	use("lobby", PP_ACCESS_USE);
	ck_assert_int_eq(ask("SNMPCommunity", NULL, 0, text, sizeof(text)),
	    PP_ACCESS_DENIED);
	ck_assert_int_eq(ask("HostAddress", NULL, 0, text, sizeof(text)),
	    PP_OK);
	get_1(&out);
	ck_assert_str_eq(out.host_address, "10.0.0.5");
	ck_assert_str_eq(out.snmp_community, "");
	use("lobby", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(ask("SNMPCommunity", NULL, 0, text, sizeof(text)),
	    PP_OK);
	ck_assert_str_eq(text, "secret");
	get_1(&out);
	ck_assert_str_eq(out.snmp_community, "secret");
}
END_TEST

/* ---- hostile input ------------------------------------------------------- */

static const struct {
	size_t	 at;		/* where the structure is spoilt ... */
	uint8_t	 byte;		/* ... and by what */
	int	 code;
} spoilt[] = {
#define AT(field)	offsetof(struct pp_port_data_1, field)
	{ AT(version), 0, PP_INVALID_LEVEL },
	{ AT(version), 2, PP_INVALID_DATA },	/* too short for that */
	{ AT(version), 3, PP_INVALID_LEVEL },
	{ AT(protocol), 0, PP_INVALID_PARAMETER },
	{ AT(protocol), 2, PP_NOT_SUPPORTED },
	{ AT(protocol), 3, PP_INVALID_PARAMETER },
	{ AT(size), 1, PP_INVALID_PARAMETER },
	{ AT(reserved), 1, PP_INVALID_PARAMETER },
	{ AT(port_name), '/', PP_INVALID_NAME },
	{ AT(port_name), '\n', PP_INVALID_NAME },
	{ AT(port_name) + 10, 'x', PP_INVALID_PARAMETER },
	{ AT(host_address), 0, PP_INVALID_PARAMETER },
	{ AT(host_address), ' ', PP_INVALID_DATA },
	{ AT(host_address) + 20, 'x', PP_INVALID_PARAMETER },
	{ AT(snmp_community) + 20, 'x', PP_INVALID_PARAMETER },
	{ AT(filler_1), 1, PP_INVALID_PARAMETER },
	{ AT(double_spool), 1, PP_INVALID_PARAMETER },
	{ AT(queue), 'x', PP_INVALID_PARAMETER },
	{ AT(ip_address) + 1, 'x', PP_INVALID_PARAMETER },
	{ AT(filler_2), 1, PP_INVALID_PARAMETER },
	{ AT(reserved_2) + 539, 1, PP_INVALID_PARAMETER },
	{ AT(port_number) + 2, 1, PP_INVALID_PARAMETER },
	{ AT(snmp_enabled), 2, PP_INVALID_PARAMETER },
	{ AT(snmp_dev_index) + 3, 0x80, PP_INVALID_PARAMETER },
#undef AT
};
#define SPOILT	((int)(sizeof(spoilt) / sizeof(spoilt[0])))

START_TEST(rule_56_a_spoilt_structure_is_refused)
{
	struct pp_port_data_1 in = data_1("new");

	((uint8_t *)&in)[spoilt[_i].at] = spoilt[_i].byte;
	ck_assert_int_eq(call("AddPort", &in, sizeof(in)), spoilt[_i].code);
	ck_assert_uint_eq(module.host->n_stores, 0);
}
END_TEST

START_TEST(rule_56_lengths_must_fit)
{
	struct pp_port_data_2 in = data_2("new");
	const struct pp_port_data_1 one = data_1("new");
	char more[sizeof(in) + 1] = "";
	size_t len;

	/* Up to "new" it is a text without its NUL. */
	for (len = 1; len < 4; len++)
		ck_assert_int_eq(call("AddPort", &one, len),
		    PP_INVALID_PARAMETER);
	for (; len < sizeof(one); len++)
		ck_assert_int_eq(call("AddPort", &one, len), PP_INVALID_DATA);
	for (len = 5; len < sizeof(in); len++)
		ck_assert_int_eq(call("AddPort", &in, len), PP_INVALID_DATA);
	memcpy(more, &in, sizeof(in));
	ck_assert_int_eq(call("AddPort", more, sizeof(more)),
	    PP_INVALID_PARAMETER);
	ck_assert_int_eq(call("AddPort", NULL, 0), PP_INVALID_DATA);
	ck_assert_uint_eq(module.host->n_stores, 0);
}
END_TEST

START_TEST(rule_56_full_fields_have_no_end)
{
	struct pp_port_data_1 in = data_1("new");

	memset(in.port_name, 'x', sizeof(in.port_name));
	ck_assert_int_eq(call("AddPort", &in, sizeof(in)),
	    PP_INVALID_PARAMETER);
	in = data_1("new");
	memset(in.host_address, 'x', sizeof(in.host_address));
	ck_assert_int_eq(call("AddPort", &in, sizeof(in)),
	    PP_INVALID_PARAMETER);
	in = data_1("new");
	memset(in.snmp_community, 'x', sizeof(in.snmp_community));
	ck_assert_int_eq(call("AddPort", &in, sizeof(in)),
	    PP_INVALID_PARAMETER);
	ck_assert_uint_eq(module.host->n_stores, 0);
}
END_TEST

START_TEST(rule_56_other_structures_are_checked_too)
{
	struct pp_delete_port_data_1 gone = { .port_name = "lobby",
	    .version = 2 };
	struct pp_config_info_data_1 info = { .version = 3 };
	struct pp_port_data_2 out;

	ck_assert_int_eq(call("DeletePort", &gone, sizeof(gone)),
	    PP_INVALID_LEVEL);
	ck_assert_int_eq(call("DeletePort", &gone, sizeof(gone) - 1),
	    PP_INVALID_DATA);
	gone.version = 1;
	gone.reserved[97] = 1;
	ck_assert_int_eq(call("DeletePort", &gone, sizeof(gone)),
	    PP_INVALID_PARAMETER);
	ck_assert(fake_host_has_port(module.host, "lobby"));
	use("lobby", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(ask("GetConfigInfo", &info, sizeof(info), &out,
	    sizeof(out)), PP_INVALID_LEVEL);
	ck_assert_int_eq(ask("GetConfigInfo", &info, sizeof(info) - 1, &out,
	    sizeof(out)), PP_INVALID_DATA);
	ck_assert_int_eq(ask("GetConfigInfo", NULL, 0, &out, sizeof(out)),
	    PP_INVALID_DATA);
	info.version = 1;
	info.reserved[0] = 1;
	ck_assert_int_eq(ask("GetConfigInfo", &info, sizeof(info), &out,
	    sizeof(out)), PP_INVALID_PARAMETER);
}
END_TEST

START_TEST(rule_56_any_bytes_do_no_harm)
{
	static const char *const requests[] = { "AddPort", "ConfigPort",
		"DeletePort", "GetConfigInfo" };
	struct pp_port_data_2 two = data_2("lobby");
	struct pp_port_data_1 one = data_1("new");
	uint32_t state = 7;
	size_t needed, len, whole;
	char *in, out[900];
	int i;

	use("lobby", PP_ACCESS_ADMINISTER);
	for (i = 0; i < 20000; i++) {
		state = state * 1664525u + 1013904223u;
		whole = state >> 31 ? sizeof(one) : sizeof(two);
		len = state >> 30 & 1 ? whole : state >> 8 & 1023;
		in = calloc(1, len + 1);	/* exact, for valgrind */
		ck_assert_ptr_nonnull(in);
		memcpy(in, whole == sizeof(one) ? (void *)&one : &two,
		    len < whole ? len : whole);
		state = state * 1664525u + 1013904223u;
		if (len > 0)
			in[(state >> 8) % len] = (char)(state >> 24);
		(void)module.table->xcv_data_port(xcv, requests[i % 4], in,
		    len, out, state >> 12 & 511, &needed);
		free(in);
	}
}
END_TEST

START_TEST(test_lpr_is_sent_to_its_monitor)
{
	struct pp_port_data_1 in = data_1("new");

	in.protocol = PP_PROTOCOL_LPR;
	strcpy(in.queue, "raw");
	in.double_spool = 1;
	ck_assert_int_eq(call("AddPort", &in, sizeof(in)), PP_NOT_SUPPORTED);
	ck_assert(fake_host_logged(module.host, "monitor lpr"));
}
END_TEST

START_TEST(test_settings_are_judged_before_they_are_stored)
{
	struct pp_port_data_1 in = data_1("new");

	memset(in.host_address, 0, sizeof(in.host_address));
	strcpy(in.host_address, "10.0.0.5:9100");
	ck_assert_int_eq(call("AddPort", &in, sizeof(in)), PP_INVALID_DATA);
	ck_assert(fake_host_logged(module.host, "write the port apart"));
	ck_assert_int_eq(call("AddPort", INPUT("new\0host=a\0tls_ca=/x")),
	    PP_INVALID_DATA);
	ck_assert_int_eq(call("AddPort", INPUT("new\0port=9100")),
	    PP_INVALID_DATA);
	ck_assert_uint_eq(module.host->n_stores, 0);
}
END_TEST

/* ---- questions ----------------------------------------------------------- */

START_TEST(rule_55_names_match_by_case)
{
	char out[100];

	use("lobby", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(ask("hostaddress", NULL, 0, out, sizeof(out)),
	    PP_INVALID_PARAMETER);
	ck_assert_int_eq(ask("IPaddress", NULL, 0, out, sizeof(out)),
	    PP_INVALID_PARAMETER);
	ck_assert_int_eq(ask("HostStatus", NULL, 0, out, sizeof(out)),
	    PP_INVALID_PARAMETER);
}
END_TEST

static const char *const questions[] = { "GetConfigInfo", "HostAddress",
    "IPAddress", "SNMPCommunity", "SNMPEnabled", "SNMPDeviceIndex" };
#define QUESTIONS	((int)(sizeof(questions) / sizeof(questions[0])))

START_TEST(rule_61_a_port_is_asked_not_the_monitor)
{
	const struct pp_config_info_data_1 info = { .version = 1 };
	char out[1000];

	ck_assert_int_eq(ask(questions[_i], &info, sizeof(info), out,
	    sizeof(out)), PP_INVALID_PARAMETER);
	use("lobby", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(ask(questions[_i], &info, sizeof(info), out,
	    sizeof(out)), PP_OK);
}
END_TEST

START_TEST(rule_60_a_short_buffer_is_told_the_size_needed)
{
	const struct pp_config_info_data_1 info = { .version = 1 };
	char out[1000];
	size_t needed = 0, again = 0;

	use("lobby", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, questions[_i], &info,
	    sizeof(info), NULL, 0, &needed), PP_BUFFER_TOO_SMALL);
	memset(out, 'z', sizeof(out));
	ck_assert_int_eq(module.table->xcv_data_port(xcv, questions[_i], &info,
	    sizeof(info), out, needed - 1, &again), PP_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(again, needed);
	ck_assert_int_eq(out[0], 'z');
	ck_assert_int_eq(module.table->xcv_data_port(xcv, questions[_i], &info,
	    sizeof(info), out, needed - 1, NULL), PP_INVALID_PARAMETER);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, questions[_i], &info,
	    sizeof(info), out, needed, &again), PP_OK);
	ck_assert_uint_eq(again, needed);
	ck_assert_int_eq(out[needed], 'z');
}
END_TEST

START_TEST(test_answers)
{
	uint32_t number = 99;
	char text[100];

	fake_host_set(module.host, "lobby", "snmp_device_index", "7");
	use("lobby", PP_ACCESS_ADMINISTER);
	ck_assert_int_eq(ask("HostAddress", NULL, 0, text, sizeof(text)),
	    PP_OK);
	ck_assert_str_eq(text, "10.0.0.5");
	ck_assert_int_eq(ask("IPAddress", NULL, 0, text, sizeof(text)), PP_OK);
	ck_assert_str_eq(text, "10.0.0.5");
	ck_assert_int_eq(ask("SNMPEnabled", NULL, 0, &number, sizeof(number)),
	    PP_OK);
	ck_assert_uint_eq(number, 0);
	ck_assert_int_eq(ask("SNMPDeviceIndex", NULL, 0, &number,
	    sizeof(number)), PP_OK);
	ck_assert_uint_eq(number, 7);
	fake_host_set(module.host, "lobby", "host", "localhost");
	ck_assert_int_eq(ask("IPAddress", NULL, 0, text, sizeof(text)), PP_OK);
	ck_assert(strcmp(text, "127.0.0.1") == 0 || strcmp(text, "::1") == 0);
	fake_host_set(module.host, "lobby", "host", "printer.invalid");
	ck_assert_int_eq(ask("IPAddress", NULL, 0, text, sizeof(text)),
	    -EHOSTUNREACH);
}
END_TEST

static Suite *
socket_xcv_suite(void)
{
	const TTest *const tests[] = {
		rule_62_what_was_added_comes_back,
		rule_62_also_in_version_2,
		rule_62_snmp_comes_back_or_is_refused,
		test_what_is_left_open_has_a_default,
		test_an_address_stands_in_for_a_host,
		test_a_structure_leaves_other_settings_alone,
		test_a_text_replaces_all,
		test_the_longest_name_in_both_forms,
		test_a_port_is_deleted_in_both_forms,
		rule_54_changes_need_administer_whatever_the_input,
		rule_54_looking_needs_no_right_but_for_the_secret,
		rule_55_names_match_by_case,
		rule_56_lengths_must_fit,
		rule_56_full_fields_have_no_end,
		rule_56_other_structures_are_checked_too,
		rule_56_any_bytes_do_no_harm,
		test_lpr_is_sent_to_its_monitor,
		test_settings_are_judged_before_they_are_stored,
		test_answers,
	};
	Suite *suite = suite_create("socket_xcv");
	TCase *tcase = tcase_create("tcpmon");
	size_t i;

	tcase_add_checked_fixture(tcase, setup, teardown);
	for (i = 0; i < sizeof(tests) / sizeof(tests[0]); i++)
		tcase_add_test(tcase, tests[i]);
	tcase_add_loop_test(tcase, rule_56_a_spoilt_structure_is_refused, 0,
	    SPOILT);
	tcase_add_loop_test(tcase, rule_61_a_port_is_asked_not_the_monitor, 0,
	    QUESTIONS);
	tcase_add_loop_test(tcase,
	    rule_60_a_short_buffer_is_told_the_size_needed, 0, QUESTIONS);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(socket_xcv_suite());
}
