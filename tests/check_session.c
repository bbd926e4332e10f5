/*
 * check_session.c - the order of calls, and what modules may answer.
 */
#include <sys/stat.h>

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/rig.h"
#include "tests/suite.h"

static struct rig *rig;

static void
setup(void)
{
	unsetenv("PRINTPORT_ODD");
	unsetenv("PRINTPORT_ODD_NAME");
	unsetenv("PRINTPORT_MOCK_INIT");
	rig = rig_new();
}

static void
teardown(void)
{
	rig_free(rig);
}

/* How a port's calls went: one line each. */
static const char *
trace_of(const char *port)
{
	char file[128];

	snprintf(file, sizeof(file), "%s.trace", port);
	return rig_read(rig, file);
}

static void
set(const char *key, const char *value)
{
	fake_host_set(rig->host, "lobby", key, value);
}

static handle
load_odd(const char *odd)
{
	struct fault fault;
	handle monitor;

	setenv("PRINTPORT_ODD", odd, 1);
	rig_module(rig, "odd", "odd");
	ck_assert_int_eq(session_load(rig->session, "odd", &monitor, &fault),
	    0);
	return monitor;
}

static int
end(handle port)
{
	return session_end_doc_port(rig->session, port);
}

static int
close_port(handle port)
{
	return session_close_port(rig->session, port);
}

/* ---- monitors ------------------------------------------------------------ */

START_TEST(rule_01_a_monitor_is_loaded_once)
{
	struct fault fault;
	handle again;

	ck_assert_int_eq(session_load(rig->session, "mock", &again, &fault),
	    0);
	ck_assert_uint_eq(again, rig->mock);
}
END_TEST

START_TEST(rule_02_a_monitor_that_fails_leaves_no_handle)
{
	struct fault fault;
	handle monitor = 1;

	setenv("PRINTPORT_ODD", "null", 1);
	rig_module(rig, "odd", "odd");
	ck_assert_int_eq(session_load(rig->session, "odd", &monitor, &fault),
	    PP_INVALID_MONITOR);
	ck_assert_uint_eq(monitor, 0);
	ck_assert_ptr_nonnull(strstr(fault.text, "\"odd\""));
	setenv("PRINTPORT_ODD", "", 1);
	ck_assert_int_eq(session_load(rig->session, "odd", &monitor, NULL),
	    0);
}
END_TEST

START_TEST(rule_08_after_shutdown_no_callback_comes)
{
	handle port = rig_open(rig, "lobby");

	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	session_free(rig->session);
	rig->host->shut = true;
	rig->session = session_new(&rig->host->api, &rig->rules, NULL);
	ck_assert_uint_eq(rig->host->n_late, 0);
	rig->host->shut = false;
}
END_TEST

START_TEST(rule_09_a_monitor_in_use_is_not_unloaded)
{
	handle port = rig_open(rig, "lobby"), xcv;

	ck_assert_int_eq(session_unload(rig->session, rig->mock), PP_BUSY);
	ck_assert_int_eq(close_port(port), 0);
	ck_assert_int_eq(session_xcv_open(rig->session, rig->mock, "", 0,
	    &xcv), 0);
	ck_assert_int_eq(session_unload(rig->session, rig->mock), PP_BUSY);
	ck_assert_int_eq(session_xcv_close(rig->session, xcv), 0);
	ck_assert_int_eq(session_unload(rig->session, rig->mock), 0);
	ck_assert_int_eq(session_unload(rig->session, rig->mock),
	    PP_INVALID_HANDLE);
	ck_assert_ptr_null(session_table(rig->session, rig->mock));
}
END_TEST

START_TEST(rule_09_all_is_closed_before_shutdown)
{
	handle port = rig_open(rig, "lobby"), xcv;

	rig_port(rig, "second");
	rig_open_lm(rig, "second");
	ck_assert_int_eq(session_xcv_open(rig->session, rig->mock, "lobby", 0,
	    &xcv), 0);
	ck_assert_int_eq(rig_start(rig, port, 7), 0);
	session_free(rig->session);
	ck_assert_int_eq(rig->last_call, WIRE_CALL_SHUTDOWN);
	ck_assert_str_eq(trace_of("lobby"),
	    "open lobby\nstart 7\nend 7\nclose\n");
	ck_assert_str_eq(trace_of("second"), "open second\nclose\n");
	rig->session = NULL;
}
END_TEST

/* ---- enumeration --------------------------------------------------------- */

static int
enumerate(uint32_t level, void *buf, size_t size, size_t *needed,
    uint32_t *count)
{
	*needed = 12345;
	*count = 12345;
	return session_enum_ports(rig->session, level, buf, size, needed,
	    count);
}

static int
is_listed(const char *name)
{
	struct pp_port_info_1 ports[64];
	size_t needed;
	uint32_t count, i;
	int n = 0;

	ck_assert_int_eq(enumerate(1, ports, sizeof(ports), &needed, &count),
	    0);
	for (i = 0; i < count; i++)
		n += strcmp(ports[i].name, name) == 0;
	return n;
}

START_TEST(rule_10_every_port_is_listed_at_once)
{
	ck_assert_int_eq(is_listed("lobby"), 1);
	fake_host_set(rig->host, "fresh", NULL, NULL);
	ck_assert_int_eq(is_listed("fresh"), 1);
	fake_host_remove_port(rig->host, "fresh");
	ck_assert_int_eq(is_listed("fresh"), 0);
}
END_TEST

START_TEST(rule_11_the_size_is_exact)
{
	uint32_t level = (uint32_t)_i, count;
	size_t needed, again, i;
	unsigned char *buf;

	rig_port(rig, "second");
	ck_assert_int_eq(enumerate(level, NULL, 0, &needed, &count),
	    PP_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(count, 0);
	buf = malloc(needed);
	ck_assert_ptr_nonnull(buf);
	memset(buf, 0xaa, needed);
	ck_assert_int_eq(enumerate(level, buf, needed - 1, &again, &count),
	    PP_BUFFER_TOO_SMALL);
	ck_assert_uint_eq(again, needed);
	ck_assert_uint_eq(count, 0);
	for (i = 0; i < needed; i++)
		ck_assert_uint_eq(buf[i], 0xaa);
	ck_assert_int_eq(enumerate(level, buf, needed, &again, &count), 0);
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(again, needed);
	free(buf);
}
END_TEST

START_TEST(rule_12_an_unknown_level_is_refused)
{
	static const uint32_t levels[] = { 0, 3, UINT32_MAX };
	struct session *empty;
	size_t needed;
	uint32_t count;

	ck_assert_int_eq(enumerate(levels[_i], NULL, 0, &needed, &count),
	    PP_INVALID_LEVEL);
	empty = session_new(&rig->host->api, &rig->rules, NULL);
	ck_assert_int_eq(session_enum_ports(empty, levels[_i], NULL, 0,
	    &needed, &count), PP_INVALID_LEVEL);
	ck_assert_int_eq(session_enum_ports(empty, 1, NULL, 0, &needed,
	    &count), 0);
	ck_assert_uint_eq(count, 0);
	session_free(empty);
}
END_TEST

START_TEST(rule_13_merged_lists_keep_their_strings)
{
	struct pp_port_info_2 ports[64];
	size_t needed;
	uint32_t count;

	load_odd("");
	rig_port(rig, "second");
	ck_assert_int_eq(enumerate(2, NULL, 0, &needed, &count),
	    PP_BUFFER_TOO_SMALL);
	ck_assert_uint_le(needed, sizeof(ports));
	ck_assert_int_eq(enumerate(2, ports, needed, &needed, &count), 0);
	ck_assert_uint_eq(count, 4);
	ck_assert_str_eq(ports[0].name, "lobby");
	ck_assert_str_eq(ports[0].monitor, "mock");
	ck_assert_uint_eq(ports[0].type, PP_PORT_TYPE_WRITE |
	    PP_PORT_TYPE_READ);
	ck_assert_str_eq(ports[1].name, "second");
	ck_assert_str_eq(ports[2].name, "odd-first");
	ck_assert_str_eq(ports[2].monitor, "odd");
	ck_assert_str_eq(ports[3].name, "odd-second");
	ck_assert_str_eq(ports[3].description, "of odd");
	ck_assert_uint_eq(ports[3].type, PP_PORT_TYPE_WRITE);
}
END_TEST

START_TEST(rule_14_enumeration_needs_no_device)
{
	set("output", "/nowhere/to/be/found");
	set("fail", "open start write end");
	ck_assert_int_eq(is_listed("lobby"), 1);
}
END_TEST

START_TEST(rule_16_names_differ_by_more_than_case)
{
	handle port;

	rig_open(rig, "lobby");
	ck_assert_int_eq(session_open_port(rig->session, rig->mock, 0, "LOBBY",
	    "queue", &port), PP_BUSY);
}
END_TEST

/* ---- open and close ------------------------------------------------------ */

START_TEST(rule_17_a_port_is_open_once)
{
	handle first = rig_open(rig, "lobby"), second = 1;

	ck_assert_int_eq(session_open_port(rig->session, rig->mock, 0, "lobby",
	    "queue", &second), PP_BUSY);
	ck_assert_uint_eq(second, 0);
	ck_assert_str_eq(trace_of("lobby"), "open lobby\n");
	ck_assert_int_eq(rig_start(rig, first, 1), 0);
}
END_TEST

START_TEST(rule_17_the_module_answers_busy_itself)
{
	const struct pp_monitor2 *table;
	struct pp_monitor *monitor;
	struct pp_port *first, *second;
	struct module *module;

	module = module_load(&rig->rules, "mock", &rig->host->api, NULL);
	table = module_table(module);
	monitor = module_instance(module);
	ck_assert_int_eq(table->open_port(monitor, "lobby", &first), 0);
	ck_assert_int_eq(table->open_port(monitor, "lobby", &second),
	    PP_BUSY);
	ck_assert_int_eq(table->close_port(first), 0);
	ck_assert_int_eq(table->open_port(monitor, "lobby", &second), 0);
	ck_assert_int_eq(table->close_port(second), 0);
	module_unload(module);
}
END_TEST

START_TEST(rule_18_documents_follow_on_one_handle)
{
	handle port = rig_open(rig, "lobby");
	uint64_t job;

	for (job = 1; job <= 3; job++) {
		ck_assert_int_eq(rig_start(rig, port, job), 0);
		ck_assert_int_eq(rig_write(rig, port, "x"), 0);
		ck_assert_int_eq(end(port), 0);
	}
	ck_assert_int_eq(close_port(port), 0);
	ck_assert_str_eq(trace_of("lobby"), "open lobby\n"
	    "start 1\nwrite 1\nend 1\nstart 2\nwrite 1\nend 2\n"
	    "start 3\nwrite 1\nend 3\nclose\n");
}
END_TEST

START_TEST(rule_19_an_unknown_name_is_not_found)
{
	handle port = 1;

	ck_assert_int_eq(session_open_port(rig->session, rig->mock, 0,
	    "attic", "queue", &port), PP_NOT_FOUND);
	ck_assert_uint_eq(port, 0);
}
END_TEST

START_TEST(names_that_no_port_can_have_are_refused)
{
	static const char *const names[] = { "", ".hidden", "a/b", "a\nb",
	    "a\x7f", "\xff\xfe", "\xc0\xaf", "\xe0\x80\xaf", "\xed\xa0\x80",
	    NULL };
	char longest[65];
	handle port;
	size_t i, calls = rig->n_calls;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_int_eq(session_open_port(rig->session, rig->mock, 0,
		    names[i], "queue", &port), PP_INVALID_NAME);
	memset(longest, 'a', 64);
	longest[64] = '\0';
	ck_assert_int_eq(session_open_port(rig->session, rig->mock, 0, longest,
	    "queue", &port), PP_INVALID_NAME);
	ck_assert_uint_eq(rig->n_calls, calls);
	ck_assert_int_eq(session_open_port(rig->session, rig->mock, 0,
	    longest + 1, "queue", &port), PP_NOT_FOUND);
	ck_assert_int_eq(session_open_port(rig->session, rig->mock, 0,
	    "B\xc3\xbcro 2", "queue", &port), PP_NOT_FOUND);
}
END_TEST

static uint32_t
write_ms(handle port)
{
	uint32_t ms = 0;
	size_t len;

	ck_assert_int_eq(session_get_printer_data(rig->session, port, 2, NULL,
	    NULL, 0, &ms, sizeof(ms), &len), 0);
	ck_assert_uint_eq(len, sizeof(ms));
	return ms;
}

START_TEST(rule_20_time_outs_are_in_force_after_open)
{
	ck_assert_uint_eq(write_ms(rig_open(rig, "lobby")), 1000);
}
END_TEST

START_TEST(rule_21_without_lm_the_port_monitor_is_called)
{
	handle port = rig_open(rig, "lobby");

	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(rig_write(rig, port, "bytes"), 0);
	ck_assert_int_eq(end(port), 0);
	ck_assert_str_eq(rig_read(rig, "lobby.output"), "bytes");
}
END_TEST

START_TEST(rule_21_with_lm_all_goes_through_it)
{
	handle port = rig_open_lm(rig, "lobby");

	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(rig_write(rig, port, "bytes"), 0);
	ck_assert_int_eq(end(port), 0);
	ck_assert_str_eq(rig_read(rig, "lobby.output"), "<lm>bytes");
	ck_assert_str_eq(trace_of("lobby"),
	    "open lobby\nstart 1\nwrite 4\nwrite 5\nend 1\n");
}
END_TEST

START_TEST(rule_22_a_failed_open_below_leaves_nothing)
{
	handle port;

	set("fail", "open");
	ck_assert_int_eq(session_open_port(rig->session, rig->mock, rig->mock,
	    "lobby", "queue", &port), -EIO);
	ck_assert_int_eq(session_unload(rig->session, rig->mock), 0);
}
END_TEST

START_TEST(rule_22_the_lm_keeps_a_copy_of_the_table)
{
	struct module *module;
	struct pp_monitor2 below;
	struct pp_port *port;

	module = module_load(&rig->rules, "mock", &rig->host->api, NULL);
	ck_assert_ptr_nonnull(module);
	below = *module_table(module);
	ck_assert_int_eq(below.open_port_ex(module_instance(module),
	    module_instance(module), "lobby", "queue", &port, &below), 0);
	memset(&below, 0, sizeof(below));
	ck_assert_int_eq(module_table(module)->close_port(port), 0);
	ck_assert_str_eq(trace_of("lobby"), "open lobby\nclose\n");
	module_unload(module);
}
END_TEST

START_TEST(rule_05_an_lm_refuses_a_table_with_gaps)
{
	struct module *module;
	struct pp_monitor2 below;
	struct pp_port *port;

	module = module_load(&rig->rules, "mock", &rig->host->api, NULL);
	ck_assert_ptr_nonnull(module);
	below = *module_table(module);
	below.end_doc_port = NULL;
	ck_assert_int_eq(module_table(module)->open_port_ex(
	    module_instance(module), module_instance(module), "lobby",
	    "queue", &port, &below), PP_INVALID_MONITOR);
	module_unload(module);
}
END_TEST

START_TEST(rule_23_a_closed_port_can_be_opened_again)
{
	ck_assert_int_eq(close_port(rig_open(rig, "lobby")), 0);
	ck_assert_int_eq(close_port(rig_open(rig, "lobby")), 0);
	ck_assert_str_eq(trace_of("lobby"),
	    "open lobby\nclose\nopen lobby\nclose\n");
}
END_TEST

START_TEST(rule_24_two_paths_to_a_port_never_overlap)
{
	handle direct = rig_open(rig, "lobby"), through;

	ck_assert_int_eq(session_open_port(rig->session, rig->mock, rig->mock,
	    "lobby", "queue", &through), PP_BUSY);
	ck_assert_int_eq(close_port(direct), 0);
	through = rig_open_lm(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, through, 1), 0);
	ck_assert_int_eq(session_in_document(rig->session, direct),
	    PP_INVALID_HANDLE);
}
END_TEST

static size_t
count_open_files(void)
{
	size_t n = 0;
	int fd;

	for (fd = 0; fd < 1024; fd++)
		n += fcntl(fd, F_GETFD) != -1;
	return n;
}

START_TEST(rule_25_a_thousand_opens_leak_nothing)
{
	size_t before = count_open_files();
	int i;

	for (i = 0; i < 500; i++) {
		ck_assert_int_eq(close_port(rig_open(rig, "lobby")), 0);
		ck_assert_int_eq(close_port(rig_open_lm(rig, "lobby")), 0);
	}
	ck_assert_uint_eq(count_open_files(), before);
	ck_assert_uint_eq(rig->host->n_live, 0);
}
END_TEST

START_TEST(rule_25_a_failed_close_kills_the_handle_too)
{
	handle port;

	set("fail", "close");
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(close_port(port), -EIO);
	ck_assert_int_eq(close_port(port), PP_INVALID_HANDLE);
	ck_assert_int_eq(close_port(rig_open(rig, "lobby")), -EIO);
}
END_TEST

START_TEST(rule_26_a_dead_handle_is_refused_everywhere)
{
	struct pp_timeouts timeouts = { .size = sizeof(timeouts) };
	struct pp_bidi request = { .version = 1 }, *response;
	handle port = rig_open(rig, "lobby"), other;
	struct pp_moved moved;
	size_t n, calls;
	uint32_t ms;
	char buf[4];

	ck_assert_int_eq(close_port(port), 0);
	calls = rig->n_calls;
	ck_assert_int_eq(rig_start(rig, port, 1), PP_INVALID_HANDLE);
	ck_assert_int_eq(rig_write(rig, port, "x"), PP_INVALID_HANDLE);
	ck_assert_int_eq(session_write_port_from_fd(rig->session, port, 0, 1,
	    &moved), PP_INVALID_HANDLE);
	ck_assert_int_eq(session_read_port(rig->session, port, buf, 4, &n),
	    PP_INVALID_HANDLE);
	ck_assert_int_eq(end(port), PP_INVALID_HANDLE);
	ck_assert_int_eq(close_port(port), PP_INVALID_HANDLE);
	ck_assert_int_eq(session_in_document(rig->session, port),
	    PP_INVALID_HANDLE);
	ck_assert_int_eq(session_get_printer_data(rig->session, port, 1, NULL,
	    NULL, 0, NULL, 0, &n), PP_INVALID_HANDLE);
	ck_assert_int_eq(session_set_port_timeouts(rig->session, port,
	    &timeouts), PP_INVALID_HANDLE);
	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0, "Get",
	    &request, &response), PP_INVALID_HANDLE);
	ck_assert_int_eq(session_service_port(rig->session, port, &ms),
	    PP_INVALID_HANDLE);
	ck_assert_int_eq(session_open_port(rig->session, port, 0, "lobby",
	    "queue", &other), PP_INVALID_HANDLE);
	ck_assert_int_eq(session_open_port(rig->session, rig->mock, port,
	    "lobby", "queue", &other), PP_INVALID_HANDLE);
	ck_assert_uint_eq(rig->n_calls, calls);
}
END_TEST

START_TEST(rule_27_closing_an_lm_closes_the_port_below)
{
	ck_assert_int_eq(close_port(rig_open_lm(rig, "lobby")), 0);
	ck_assert_str_eq(trace_of("lobby"), "open lobby\nclose\n");
	ck_assert_int_eq(session_unload(rig->session, rig->mock), 0);
}
END_TEST

START_TEST(rule_28_closing_ends_the_document_first)
{
	handle port = rig_open(rig, "lobby");

	ck_assert_int_eq(rig_start(rig, port, 9), 0);
	rig->host->job.flags = PP_JOB_DELETING;
	ck_assert_int_eq(close_port(port), 0);
	ck_assert_str_eq(trace_of("lobby"),
	    "open lobby\nstart 9\nend 9 deleting\nclose\n");
}
END_TEST

START_TEST(rule_28_a_module_frees_an_open_document)
{
	struct pp_doc_info_1 info = { .doc_name = "", .datatype = "" };
	const struct pp_monitor2 *table;
	struct module *module;
	struct pp_port *port;
	size_t before = count_open_files();

	module = module_load(&rig->rules, "mock", &rig->host->api, NULL);
	table = module_table(module);
	ck_assert_int_eq(table->open_port(module_instance(module), "lobby",
	    &port), 0);
	ck_assert_int_eq(table->start_doc_port(port, "queue", 1, 1, &info),
	    0);
	ck_assert_int_eq(table->close_port(port), 0);
	module_unload(module);
	ck_assert_uint_eq(count_open_files(), before);
}
END_TEST

/* ---- documents ----------------------------------------------------------- */

START_TEST(rule_29_no_write_and_no_end_outside_a_document)
{
	handle port = rig_open(rig, "lobby");
	struct pp_moved moved;
	size_t n = 99;

	ck_assert_int_eq(session_in_document(rig->session, port), 0);
	ck_assert_int_eq(session_write_port(rig->session, port, "x", 1, &n),
	    PP_NO_DOCUMENT);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(session_write_port_from_fd(rig->session, port, 0, 1,
	    &moved), PP_NO_DOCUMENT);
	ck_assert_int_eq(end(port), PP_NO_DOCUMENT);
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_in_document(rig->session, port), 1);
	ck_assert_int_eq(end(port), 0);
	ck_assert_int_eq(rig_write(rig, port, "x"), PP_NO_DOCUMENT);
	ck_assert_str_eq(trace_of("lobby"), "open lobby\nstart 1\nend 1\n");
}
END_TEST

START_TEST(rule_30_a_nested_start_is_busy_and_harmless)
{
	handle port = rig_open(rig, "lobby");

	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(rig_start(rig, port, 2), PP_BUSY);
	ck_assert_int_eq(rig_write(rig, port, "one"), 0);
	ck_assert_int_eq(end(port), 0);
	ck_assert_str_eq(trace_of("lobby"),
	    "open lobby\nstart 1\nwrite 3\nend 1\n");
}
END_TEST

START_TEST(rule_30_the_module_answers_busy_itself)
{
	struct pp_doc_info_1 info = { .doc_name = "", .datatype = "" };
	const struct pp_monitor2 *table;
	struct module *module;
	struct pp_port *port;
	size_t n;

	module = module_load(&rig->rules, "mock", &rig->host->api, NULL);
	table = module_table(module);
	ck_assert_int_eq(table->open_port(module_instance(module), "lobby",
	    &port), 0);
	ck_assert_int_eq(table->start_doc_port(port, "q", 1, 1, &info), 0);
	ck_assert_int_eq(table->start_doc_port(port, "q", 2, 1, &info),
	    PP_BUSY);
	ck_assert_int_eq(table->write_port(port, "one", 3, &n), 0);
	ck_assert_int_eq(table->end_doc_port(port), 0);
	ck_assert_int_eq(table->close_port(port), 0);
	ck_assert_str_eq(rig_read(rig, "lobby.output"), "one");
	module_unload(module);
}
END_TEST

START_TEST(rule_31_a_failed_start_is_owed_no_end)
{
	handle port;

	set("fail", "start:1");
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), -EIO);
	ck_assert_int_eq(session_in_document(rig->session, port), 0);
	ck_assert_int_eq(end(port), PP_NO_DOCUMENT);
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(end(port), 0);
	ck_assert_int_eq(close_port(port), 0);
	ck_assert_str_eq(trace_of("lobby"),
	    "open lobby\nstart 1\nstart 1\nend 1\nclose\n");
}
END_TEST

START_TEST(rule_33_only_level_1_starts_a_document)
{
	handle port = rig_open(rig, "lobby");
	struct pp_doc_info_1 info = { 0 };
	size_t calls = rig->n_calls;

	ck_assert_int_eq(session_start_doc_port(rig->session, port, "queue", 1,
	    2, &info), PP_INVALID_LEVEL);
	ck_assert_int_eq(session_start_doc_port(rig->session, port, "queue", 1,
	    0, &info), PP_INVALID_LEVEL);
	ck_assert_int_eq(session_start_doc_port(rig->session, port, "queue", 1,
	    1, NULL), PP_INVALID_PARAMETER);
	ck_assert_int_eq(session_start_doc_port(rig->session, port, "", 1, 1,
	    &info), PP_INVALID_PARAMETER);
	ck_assert_int_eq(session_start_doc_port(rig->session, port, "queue", 0,
	    1, &info), PP_INVALID_PARAMETER);
	ck_assert_uint_eq(rig->n_calls, calls);
}
END_TEST

START_TEST(rule_34_two_ports_do_not_mix)
{
	handle a = rig_open(rig, "lobby"), b;

	rig_port(rig, "second");
	b = rig_open(rig, "second");
	ck_assert_int_eq(rig_start(rig, a, 1), 0);
	ck_assert_int_eq(rig_start(rig, b, 2), 0);
	ck_assert_int_eq(rig_write(rig, a, "aa"), 0);
	ck_assert_int_eq(rig_write(rig, b, "bb"), 0);
	ck_assert_int_eq(rig_write(rig, a, "AA"), 0);
	ck_assert_int_eq(end(b), 0);
	ck_assert_int_eq(end(a), 0);
	ck_assert_str_eq(rig_read(rig, "lobby.output"), "aaAA");
	ck_assert_str_eq(rig_read(rig, "second.output"), "bb");
}
END_TEST

START_TEST(rule_35_any_block_size_is_taken)
{
	static const size_t sizes[] = { 1, 2, 511, 512, 513, 65536, 1000003 };
	handle port = rig_open(rig, "lobby");
	size_t total = 0, i, n;
	struct stat st;
	char *block;

	block = calloc(1, 1000003);
	ck_assert_ptr_nonnull(block);
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	for (i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		n = 99;
		ck_assert_int_eq(session_write_port(rig->session, port, block,
		    sizes[i], &n), 0);
		ck_assert_uint_eq(n, sizes[i]);
		total += n;
	}
	ck_assert_int_eq(end(port), 0);
	ck_assert_int_eq(stat(rig_path(rig, "lobby.output"), &st), 0);
	ck_assert_int_eq(st.st_size, (off_t)total);
	free(block);
}
END_TEST

START_TEST(rule_35_written_is_0_on_failure)
{
	handle port;
	size_t n = 99;

	set("fail", "write");
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_write_port(rig->session, port, "x", 1, &n),
	    -EIO);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(session_write_port(rig->session, port, NULL, 1, &n),
	    PP_INVALID_PARAMETER);
	ck_assert_int_eq(session_write_port(rig->session, port, NULL, 0, &n),
	    0);
}
END_TEST

START_TEST(rule_35_more_than_was_given_is_not_believed)
{
	handle port;
	struct pp_moved moved;
	size_t n;
	int fd;

	set("nonsense", "write");
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_write_port(rig->session, port, "x", 1, &n),
	    -EPROTO);
	ck_assert_uint_eq(n, 0);
	fd = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(session_write_port_from_fd(rig->session, port, fd, 10,
	    &moved), -EPROTO);
	ck_assert_uint_eq(moved.written, 0);
	close(fd);
	ck_assert_int_eq(end(port), 0);
}
END_TEST

START_TEST(rule_36_short_and_empty_writes_are_success)
{
	handle port;
	size_t n;

	set("short", "2");
	set("zero", "3");
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_write_port(rig->session, port, "abcdef", 6,
	    &n), 0);
	ck_assert_uint_eq(n, 2);
	ck_assert_int_eq(rig_write(rig, port, "cdef"), 0);
	ck_assert_int_eq(end(port), 0);
	ck_assert_str_eq(rig_read(rig, "lobby.output"), "abcdef");
	ck_assert_str_eq(trace_of("lobby"), "open lobby\nstart 1\nwrite 2\n"
	    "write 2\nwrite 0\nwrite 2\nend 1\n");
}
END_TEST

START_TEST(rule_37_an_lm_counts_the_caller_s_bytes)
{
	handle port = rig_open_lm(rig, "lobby");
	size_t n;

	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_write_port(rig->session, port, "abc", 3, &n),
	    0);
	ck_assert_uint_eq(n, 3);
	ck_assert_str_eq(rig_read(rig, "lobby.output"), "<lm>abc");
}
END_TEST

START_TEST(rule_37_a_preamble_in_pieces_is_not_counted)
{
	handle port;
	size_t n;

	set("short", "3");
	port = rig_open_lm(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_write_port(rig->session, port, "abc", 3, &n),
	    0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(rig_write(rig, port, "abc"), 0);
	ck_assert_str_eq(rig_read(rig, "lobby.output"), "<lm>abc");
}
END_TEST

/* Every 5th and 7th write fails with nothing taken; the rest are short. */
START_TEST(rule_38_bytes_arrive_once_and_in_order)
{
	char sent[2001];
	handle port;
	size_t at = 0, n;
	int i, code;

	for (i = 0; i < 2000; i++)
		sent[i] = (char)('!' + i * 7 % 90);
	sent[2000] = '\0';
	set("fail", "write:5 write:7 write:35 write:36");
	set("short", "13");
	set("zero", "4");
	port = rig_open_lm(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	while (at < 2000) {
		code = session_write_port(rig->session, port, sent + at,
		    2000 - at < 97 ? 2000 - at : 97, &n);
		ck_assert(code == 0 || code == -EIO);
		at += n;
	}
	ck_assert_int_eq(end(port), 0);
	rig_read(rig, "lobby.output");
	ck_assert_mem_eq(rig->text, "<lm>", 4);
	ck_assert_str_eq(rig->text + 4, sent);
}
END_TEST

/* A FIFO that nobody empties is a printer that has stopped reading. */
START_TEST(rule_39_a_write_ends_within_its_bound)
{
	struct pp_timeouts timeouts = { .size = sizeof(timeouts),
	    .write_ms = 20 };
	char block[4096] = "";
	handle port;
	int reader, code;
	size_t n;

	ck_assert_int_eq(mkfifo(rig_path(rig, "fifo"), 0600), 0);
	set("output", rig_path(rig, "fifo"));
	reader = open(rig_path(rig, "fifo"), O_RDONLY | O_NONBLOCK);
	ck_assert_int_ne(reader, -1);
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(session_set_port_timeouts(rig->session, port,
	    &timeouts), 0);
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	do
		code = session_write_port(rig->session, port, block,
		    sizeof(block), &n);
	while (code == 0);
	ck_assert_int_eq(code, PP_TIMEOUT);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(end(port), 0);
	close(reader);
}
END_TEST

START_TEST(rule_39_a_vanished_reader_fails_the_write)
{
	handle port;
	int reader;
	size_t n;

	ck_assert_ptr_ne((void *)(uintptr_t)signal(SIGPIPE, SIG_IGN),
	    (void *)(uintptr_t)SIG_ERR);
	ck_assert_int_eq(mkfifo(rig_path(rig, "fifo"), 0600), 0);
	set("output", rig_path(rig, "fifo"));
	reader = open(rig_path(rig, "fifo"), O_RDONLY | O_NONBLOCK);
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	close(reader);
	ck_assert_int_eq(session_write_port(rig->session, port, "x", 1, &n),
	    -EPIPE);
	ck_assert_int_eq(end(port), 0);
}
END_TEST

START_TEST(rule_41_a_failed_document_is_ended_once)
{
	handle port;

	set("fail", "write:2 end");
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(rig_write(rig, port, "a"), 0);
	ck_assert_int_eq(rig_write(rig, port, "b"), -EIO);
	ck_assert_int_eq(end(port), -EIO);
	ck_assert_int_eq(end(port), PP_NO_DOCUMENT);
	ck_assert_int_eq(close_port(port), 0);
	ck_assert_str_eq(trace_of("lobby"),
	    "open lobby\nstart 1\nwrite 1\nwrite 0\nend 1\nclose\n");
}
END_TEST

START_TEST(rule_42_end_gives_back_what_start_took)
{
	handle port = rig_open(rig, "lobby");
	size_t before = count_open_files();

	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_uint_eq(count_open_files(), before + 1);
	ck_assert_int_eq(end(port), 0);
	ck_assert_uint_eq(count_open_files(), before);
	ck_assert_int_eq(end(port), PP_NO_DOCUMENT);
}
END_TEST

START_TEST(rule_42_end_without_a_document_is_harmless_in_the_module)
{
	const struct pp_monitor2 *table;
	struct module *module;
	struct pp_port *port;

	module = module_load(&rig->rules, "mock", &rig->host->api, NULL);
	table = module_table(module);
	ck_assert_int_eq(table->open_port(module_instance(module), "lobby",
	    &port), 0);
	ck_assert_int_eq(table->end_doc_port(port), 0);
	ck_assert_int_eq(table->close_port(port), 0);
	ck_assert_uint_eq(rig->host->n_events, 0);
	module_unload(module);
}
END_TEST

START_TEST(rule_43_a_port_monitor_reports_sent)
{
	handle port = rig_open(rig, "lobby");

	ck_assert_int_eq(rig_start(rig, port, 5), 0);
	ck_assert_uint_eq(rig->host->n_events, 0);
	ck_assert_int_eq(end(port), 0);
	ck_assert_uint_eq(rig->host->n_events, 1);
	ck_assert_uint_eq(fake_host_events(rig->host, 5, PP_JOB_SENT), 1);
}
END_TEST

START_TEST(rule_43_with_an_lm_the_last_page_is_reported)
{
	handle port = rig_open_lm(rig, "lobby");

	ck_assert_int_eq(rig_start(rig, port, 5), 0);
	ck_assert_int_eq(end(port), 0);
	ck_assert_uint_eq(rig->host->n_events, 2);
	ck_assert_uint_eq(rig->host->events[0].event, PP_JOB_SENT);
	ck_assert_uint_eq(rig->host->events[1].event,
	    PP_JOB_LAST_PAGE_EJECTED);
}
END_TEST

START_TEST(rule_48_end_sees_that_the_job_is_deleted)
{
	handle port = _i == 0 ? rig_open(rig, "lobby") :
	    rig_open_lm(rig, "lobby");

	ck_assert_int_eq(rig_start(rig, port, 5), 0);
	rig->host->job.flags = PP_JOB_DELETING;
	ck_assert_int_eq(end(port), 0);
	ck_assert_uint_eq(rig->host->n_events, 0);
	ck_assert_str_eq(trace_of("lobby"),
	    "open lobby\nstart 5\nend 5 deleting\n");
}
END_TEST

START_TEST(rule_48_end_sees_that_the_job_is_restarted)
{
	handle port = rig_open(rig, "lobby");

	rig->host->job.flags = PP_JOB_RESTARTED;
	ck_assert_int_eq(rig_start(rig, port, 5), 0);
	ck_assert_int_eq(end(port), 0);
	ck_assert_str_eq(trace_of("lobby"),
	    "open lobby\nstart 5\nend 5 restarted\n");
}
END_TEST

/* The write would wait for an hour. */
START_TEST(rule_49_a_blocked_write_ends_on_cancel)
{
	handle port;
	size_t n;

	set("delay_ms", "3600000");
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	rig->host->canceled = true;
	rig->host->job.flags = PP_JOB_DELETING;
	ck_assert_int_eq(session_write_port(rig->session, port, "x", 1, &n),
	    PP_CANCELED);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(end(port), 0);
}
END_TEST

START_TEST(rule_50_an_abort_without_a_document_is_refused)
{
	handle port = rig_open(rig, "lobby");
	size_t calls = rig->n_calls;

	rig->host->job.flags = PP_JOB_DELETING;
	ck_assert_int_eq(end(port), PP_NO_DOCUMENT);
	ck_assert_uint_eq(rig->n_calls, calls);
}
END_TEST

START_TEST(rule_51_time_outs_count_from_the_next_document)
{
	struct pp_timeouts timeouts = { .size = sizeof(timeouts),
	    .write_ms = 20 };
	handle port = rig_open_lm(rig, "lobby");

	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_set_port_timeouts(rig->session, port,
	    &timeouts), 0);
	ck_assert_uint_eq(write_ms(port), 1000);
	ck_assert_int_eq(end(port), 0);
	ck_assert_int_eq(rig_start(rig, port, 2), 0);
	ck_assert_uint_eq(write_ms(port), 20);
	ck_assert_int_eq(end(port), 0);
	timeouts.size = 3;
	ck_assert_int_eq(session_set_port_timeouts(rig->session, port,
	    &timeouts), PP_INVALID_PARAMETER);
}
END_TEST

/* ---- by descriptor ------------------------------------------------------- */

static int
make_source(const char *text)
{
	int fds[2];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(write(fds[1], text, strlen(text)),
	    (ssize_t)strlen(text));
	close(fds[1]);
	return fds[0];
}

START_TEST(a_document_goes_over_by_descriptor)
{
	handle port = _i == 0 ? rig_open(rig, "lobby") :
	    rig_open_lm(rig, "lobby");
	int fd = make_source("from a pipe");
	struct pp_moved moved;

	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_write_port_from_fd(rig->session, port, fd, 4,
	    &moved), 0);
	ck_assert_uint_eq(moved.written, 4);
	ck_assert_int_eq(moved.source, PP_SOURCE_MORE);
	ck_assert_int_eq(session_write_port_from_fd(rig->session, port, fd,
	    1000, &moved), 0);
	ck_assert_uint_eq(moved.written, 7);
	ck_assert_int_eq(moved.source, PP_SOURCE_END);
	ck_assert_int_eq(end(port), 0);
	ck_assert_str_eq(rig_read(rig, "lobby.output"), _i == 0 ?
	    "from a pipe" : "<lm>from a pipe");
	close(fd);
}
END_TEST

START_TEST(a_port_may_refuse_descriptors)
{
	int fd = make_source("x");
	struct pp_moved moved;
	handle port;

	set("fd_write", "no");
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_write_port_from_fd(rig->session, port, fd, 1,
	    &moved), PP_NOT_SUPPORTED);
	ck_assert_int_eq(session_write_port_from_fd(rig->session, port, -1, 1,
	    &moved), PP_INVALID_PARAMETER);
	close(fd);
}
END_TEST

START_TEST(rule_05_a_missing_entry_is_not_called)
{
	handle odd = load_odd("first"), port;
	struct pp_timeouts timeouts = { .size = sizeof(timeouts) };
	struct pp_moved moved;
	size_t n, calls;
	uint32_t ms;

	ck_assert_int_eq(session_open_port(rig->session, odd, 0, "odd-first",
	    "queue", &port), 0);
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	calls = rig->n_calls;
	ck_assert_int_eq(session_write_port_from_fd(rig->session, port, 0, 1,
	    &moved), PP_NOT_SUPPORTED);
	ck_assert_int_eq(session_service_port(rig->session, port, &ms),
	    PP_NOT_SUPPORTED);
	ck_assert_int_eq(session_set_port_timeouts(rig->session, port,
	    &timeouts), PP_NOT_SUPPORTED);
	ck_assert_int_eq(session_get_printer_data(rig->session, port, 1, NULL,
	    NULL, 0, NULL, 0, &n), PP_NOT_SUPPORTED);
	ck_assert_uint_eq(rig->n_calls, calls);
}
END_TEST

START_TEST(a_lying_module_is_not_believed)
{
	struct pp_bidi request = { .version = 1 }, *response;
	handle odd = load_odd("lies"), port;
	struct pp_moved moved;
	size_t n, needed;
	uint32_t count;
	char buf[4];

	ck_assert_int_eq(enumerate(1, NULL, 0, &needed, &count), -EPROTO);
	ck_assert_int_eq(session_open_port(rig->session, odd, 0, "nothing",
	    "queue", &port), -EPROTO);
	ck_assert_int_eq(session_open_port(rig->session, odd, 0, "odd-first",
	    "queue", &port), 0);
	ck_assert_int_eq(rig_start(rig, port, 13), -EPROTO);
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_write_port(rig->session, port, "x", 1, &n),
	    -EPROTO);
	ck_assert_int_eq(session_write_port_from_fd(rig->session, port, 0, 1,
	    &moved), -EPROTO);
	ck_assert_int_eq(session_read_port(rig->session, port, buf, 4, &n),
	    -EPROTO);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0,
	    "EnumSchema", &request, &response), -EPROTO);
	ck_assert_int_eq(end(port), -EPROTO);
	ck_assert_int_eq(session_in_document(rig->session, port), 0);
}
END_TEST

START_TEST(a_path_needs_monitors_of_the_right_kind)
{
	handle port, null;
	struct fault fault;

	rig_module(rig, "null", "null");
	ck_assert_int_eq(session_load(rig->session, "null", &null, &fault),
	    0);
	ck_assert_int_eq(session_open_port(rig->session, rig->mock, null,
	    "lobby", "queue", &port), PP_INVALID_MONITOR);
	ck_assert_int_eq(session_open_port(rig->session, null, rig->mock,
	    "lobby", "queue", &port), 0);
}
END_TEST

/* ---- bidi, status, reading ----------------------------------------------- */

START_TEST(rule_64_a_value_is_not_asked_for_within_a_document)
{
	handle port = rig_open_lm(rig, "lobby");
	char out[16];
	size_t n;

	ck_assert_int_eq(session_get_printer_data(rig->session, port, 0,
	    "Language", NULL, 0, out, sizeof(out), &n), 0);
	ck_assert_str_eq(out, "mock");
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(session_get_printer_data(rig->session, port, 0,
	    "Language", NULL, 0, out, sizeof(out), &n), PP_BUSY);
	ck_assert_int_eq(session_get_printer_data(rig->session, port, 1, NULL,
	    "echo", 5, out, sizeof(out), &n), 0);
	ck_assert_str_eq(out, "echo");
	ck_assert_int_eq(session_get_printer_data(rig->session, port, 1, NULL,
	    "echo", 5, out, 4, &n), PP_BUFFER_TOO_SMALL);
	ck_assert_int_eq(session_get_printer_data(rig->session, port, 1, NULL,
	    NULL, 5, out, 4, &n), PP_INVALID_PARAMETER);
}
END_TEST

START_TEST(rule_65_odd_requests_are_refused)
{
	struct pp_bidi_entry entry = { .schema = "\\Printer" };
	struct pp_bidi request = { 1, 0, 1, &entry }, *response;
	handle port = rig_open(rig, "lobby");
	size_t calls = rig->n_calls;

	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0, "Fetch",
	    &request, &response), PP_INVALID_PARAMETER);
	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0, "Get",
	    NULL, &response), PP_INVALID_PARAMETER);
	request.version = 2;
	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0, "Get",
	    &request, &response), PP_INVALID_LEVEL);
	request = (struct pp_bidi){ 1, 1, 1, &entry };
	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0, "Get",
	    &request, &response), PP_INVALID_PARAMETER);
	request = (struct pp_bidi){ 1, 0, 0, NULL };
	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0, "Get",
	    &request, &response), PP_INVALID_PARAMETER);
	request = (struct pp_bidi){ 1, 0, 1, NULL };
	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0, "Get",
	    &request, &response), PP_INVALID_PARAMETER);
	entry.schema = NULL;
	request.entries = &entry;
	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0, "Get",
	    &request, &response), PP_INVALID_PARAMETER);
	ck_assert_uint_eq(rig->n_calls, calls);
}
END_TEST

START_TEST(rule_66_each_entry_has_its_own_result)
{
	struct pp_bidi_entry entries[2] = {
		{ .number = 7, .schema = "\\Printer.DeviceInfo:Name" },
		{ .number = 8, .schema = "\\Printer.Nothing:Here" },
	};
	struct pp_bidi request = { 1, 0, 2, entries }, *response;
	handle port = rig_open_lm(rig, "lobby");

	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0, "gEt",
	    &request, &response), PP_BIDI_WARNING);
	ck_assert_uint_eq(response->count, 2);
	ck_assert_uint_eq(response->entries[0].number, 7);
	ck_assert_int_eq(response->entries[0].result, 0);
	ck_assert_str_eq(response->entries[0].data.value.bytes, "lobby");
	ck_assert_uint_eq(response->entries[1].number, 8);
	ck_assert_int_eq(response->entries[1].result,
	    PP_BIDI_SCHEMA_NOT_SUPPORTED);
	rig->host->api.bidi_free(rig->host->api.cookie, response);
	ck_assert_uint_eq(rig->host->n_live, 0);
}
END_TEST

START_TEST(rule_67_a_read_only_value_is_not_set)
{
	struct pp_bidi_entry entry = {
		.schema = "\\Printer.DeviceInfo:Name" };
	struct pp_bidi request = { 1, 0, 1, &entry }, *response;
	handle port = rig_open(rig, "lobby");

	ck_assert_int_eq(session_send_recv_bidi(rig->session, port,
	    PP_ACCESS_ADMINISTER, "Set", &request, &response),
	    PP_BIDI_WARNING);
	ck_assert_int_eq(response->entries[0].result,
	    PP_BIDI_SCHEMA_READ_ONLY);
	rig->host->api.bidi_free(rig->host->api.cookie, response);
}
END_TEST

START_TEST(rule_68_the_caller_frees_the_response)
{
	struct pp_bidi request = { .version = 1 }, *response;
	handle port = rig_open(rig, "lobby");

	ck_assert_int_eq(session_send_recv_bidi(rig->session, port, 0,
	    "EnumSchema", &request, &response), 0);
	ck_assert_uint_eq(response->count, 1);
	ck_assert_int_eq(response->entries[0].data.type, PP_BIDI_TEXT);
	ck_assert_uint_gt(rig->host->n_live, 0);
	ck_assert_int_eq(close_port(port), 0);
	ck_assert_str_eq(response->entries[0].data.value.bytes,
	    "\\Printer.DeviceInfo:Name");
	rig->host->api.bidi_free(rig->host->api.cookie, response);
	ck_assert_uint_eq(rig->host->n_live, 0);
}
END_TEST

START_TEST(rule_69_an_lm_forwards_what_it_does_not_know)
{
	handle port = rig_open_lm(rig, "lobby");
	size_t n;

	ck_assert_int_eq(session_get_printer_data(rig->session, port, 0,
	    "Installed Memory", NULL, 0, NULL, 0, &n),
	    PP_INVALID_PARAMETER);	/* the port monitor's answer */
	ck_assert_uint_eq(write_ms(port), 1000);
}
END_TEST

START_TEST(rule_70_a_status_has_a_severity)
{
	handle port;

	set("fail", "start:1");
	port = rig_open(rig, "lobby");
	ck_assert_int_eq(rig_start(rig, port, 1), -EIO);
	ck_assert_uint_eq(rig->host->n_statuses, 1);
	ck_assert_str_eq(rig->host->statuses[0].port, "lobby");
	ck_assert_int_eq(rig->host->statuses[0].status, PP_STATUS_OFFLINE);
	ck_assert_int_eq(rig->host->statuses[0].severity, PP_SEVERITY_ERROR);
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_uint_eq(rig->host->n_statuses, 2);
	ck_assert_int_eq(rig->host->statuses[1].status, PP_STATUS_CLEAR);
	ck_assert_int_eq(rig->host->statuses[1].severity, PP_SEVERITY_NONE);
}
END_TEST

START_TEST(rule_72_only_changes_are_reported)
{
	handle port;
	int i;

	set("fail", "start");
	port = rig_open(rig, "lobby");
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(rig_start(rig, port, 1), -EIO);
	ck_assert_uint_eq(rig->host->n_statuses, 1);
}
END_TEST

START_TEST(rule_72_a_failed_report_is_repeated)
{
	uint32_t ms = 99;
	handle port;

	set("fail", "start:1");
	port = rig_open(rig, "lobby");
	rig->host->status_error = -EIO;
	ck_assert_int_eq(rig_start(rig, port, 1), -EIO);
	ck_assert_uint_eq(rig->host->n_statuses, 1);
	rig->host->status_error = 0;
	ck_assert_int_eq(session_service_port(rig->session, port, &ms), 0);
	ck_assert_uint_eq(rig->host->n_statuses, 2);
	ck_assert_int_eq(rig->host->statuses[1].status, PP_STATUS_OFFLINE);
	ck_assert_int_eq(session_service_port(rig->session, port, &ms), 0);
	ck_assert_uint_eq(rig->host->n_statuses, 2);
	ck_assert_uint_eq(ms, 0);
}
END_TEST

START_TEST(rule_77_a_port_is_read_between_two_writes)
{
	char buf[16] = "";
	handle port;
	size_t n;

	set("echo", "yes");
	port = rig_open(rig, "lobby");
	ck_assert_int_ne(rig->host->watched_fd, -1);
	ck_assert_int_eq(session_read_port(rig->session, port, buf, 16, &n),
	    0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(rig_write(rig, port, "ab"), 0);
	ck_assert_int_eq(session_read_port(rig->session, port, buf, 16, &n),
	    0);
	ck_assert_uint_eq(n, 2);
	ck_assert_mem_eq(buf, "ab", 2);
	ck_assert_int_eq(rig_write(rig, port, "cd"), 0);
	ck_assert_int_eq(end(port), 0);
	ck_assert_int_eq(session_read_port(rig->session, port, buf, 16, &n),
	    0);
	ck_assert_mem_eq(buf, "cd", 2);
	ck_assert_int_eq(close_port(port), 0);
	ck_assert_int_eq(rig->host->watched_fd, -1);
}
END_TEST

START_TEST(rule_77_a_refused_read_does_not_stop_the_lm)
{
	handle port = rig_open_lm(rig, "lobby");
	char buf[16];
	uint32_t ms;
	size_t n = 99;

	ck_assert_int_eq(session_read_port(rig->session, port, buf, 16, &n),
	    PP_NOT_SUPPORTED);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(session_service_port(rig->session, port, &ms), 0);
	ck_assert_int_eq(rig_start(rig, port, 1), 0);
	ck_assert_int_eq(rig_write(rig, port, "x"), 0);
	ck_assert_int_eq(end(port), 0);
}
END_TEST

static void
add_open_tests(TCase *tcase)
{
	tcase_add_test(tcase, rule_17_a_port_is_open_once);
	tcase_add_test(tcase, rule_17_the_module_answers_busy_itself);
	tcase_add_test(tcase, rule_18_documents_follow_on_one_handle);
	tcase_add_test(tcase, rule_19_an_unknown_name_is_not_found);
	tcase_add_test(tcase, names_that_no_port_can_have_are_refused);
	tcase_add_test(tcase, rule_20_time_outs_are_in_force_after_open);
	tcase_add_test(tcase, rule_21_without_lm_the_port_monitor_is_called);
	tcase_add_test(tcase, rule_21_with_lm_all_goes_through_it);
	tcase_add_test(tcase, rule_22_a_failed_open_below_leaves_nothing);
	tcase_add_test(tcase, rule_22_the_lm_keeps_a_copy_of_the_table);
	tcase_add_test(tcase, rule_05_an_lm_refuses_a_table_with_gaps);
	tcase_add_test(tcase, rule_23_a_closed_port_can_be_opened_again);
	tcase_add_test(tcase, rule_24_two_paths_to_a_port_never_overlap);
	tcase_add_test(tcase, rule_25_a_thousand_opens_leak_nothing);
	tcase_add_test(tcase, rule_25_a_failed_close_kills_the_handle_too);
	tcase_add_test(tcase, rule_26_a_dead_handle_is_refused_everywhere);
	tcase_add_test(tcase, rule_27_closing_an_lm_closes_the_port_below);
	tcase_add_test(tcase, rule_28_closing_ends_the_document_first);
	tcase_add_test(tcase, rule_28_a_module_frees_an_open_document);
	tcase_add_test(tcase, a_path_needs_monitors_of_the_right_kind);
}

static void
add_document_tests(TCase *tcase)
{
	tcase_add_test(tcase, rule_29_no_write_and_no_end_outside_a_document);
	tcase_add_test(tcase, rule_30_a_nested_start_is_busy_and_harmless);
	tcase_add_test(tcase, rule_30_the_module_answers_busy_itself);
	tcase_add_test(tcase, rule_31_a_failed_start_is_owed_no_end);
	tcase_add_test(tcase, rule_33_only_level_1_starts_a_document);
	tcase_add_test(tcase, rule_34_two_ports_do_not_mix);
	tcase_add_test(tcase, rule_35_any_block_size_is_taken);
	tcase_add_test(tcase, rule_35_written_is_0_on_failure);
	tcase_add_test(tcase, rule_35_more_than_was_given_is_not_believed);
	tcase_add_test(tcase, rule_36_short_and_empty_writes_are_success);
	tcase_add_test(tcase, rule_37_an_lm_counts_the_caller_s_bytes);
	tcase_add_test(tcase, rule_37_a_preamble_in_pieces_is_not_counted);
	tcase_add_test(tcase, rule_38_bytes_arrive_once_and_in_order);
	tcase_add_test(tcase, rule_39_a_write_ends_within_its_bound);
	tcase_add_test(tcase, rule_39_a_vanished_reader_fails_the_write);
	tcase_add_test(tcase, rule_41_a_failed_document_is_ended_once);
	tcase_add_test(tcase, rule_42_end_gives_back_what_start_took);
	tcase_add_test(tcase,
	    rule_42_end_without_a_document_is_harmless_in_the_module);
	tcase_add_test(tcase, rule_43_a_port_monitor_reports_sent);
	tcase_add_test(tcase, rule_43_with_an_lm_the_last_page_is_reported);
	tcase_add_loop_test(tcase, rule_48_end_sees_that_the_job_is_deleted,
	    0, 2);
	tcase_add_test(tcase, rule_48_end_sees_that_the_job_is_restarted);
	tcase_add_test(tcase, rule_49_a_blocked_write_ends_on_cancel);
	tcase_add_test(tcase, rule_50_an_abort_without_a_document_is_refused);
	tcase_add_test(tcase, rule_51_time_outs_count_from_the_next_document);
	tcase_add_loop_test(tcase, a_document_goes_over_by_descriptor, 0, 2);
	tcase_add_test(tcase, a_port_may_refuse_descriptors);
	tcase_add_test(tcase, rule_05_a_missing_entry_is_not_called);
	tcase_add_test(tcase, a_lying_module_is_not_believed);
}

static void
add_question_tests(TCase *tcase)
{
	tcase_add_test(tcase,
	    rule_64_a_value_is_not_asked_for_within_a_document);
	tcase_add_test(tcase, rule_65_odd_requests_are_refused);
	tcase_add_test(tcase, rule_66_each_entry_has_its_own_result);
	tcase_add_test(tcase, rule_67_a_read_only_value_is_not_set);
	tcase_add_test(tcase, rule_68_the_caller_frees_the_response);
	tcase_add_test(tcase, rule_69_an_lm_forwards_what_it_does_not_know);
	tcase_add_test(tcase, rule_70_a_status_has_a_severity);
	tcase_add_test(tcase, rule_72_only_changes_are_reported);
	tcase_add_test(tcase, rule_72_a_failed_report_is_repeated);
	tcase_add_test(tcase, rule_77_a_port_is_read_between_two_writes);
	tcase_add_test(tcase, rule_77_a_refused_read_does_not_stop_the_lm);
}

static void
add_monitor_tests(TCase *tcase)
{
	tcase_add_test(tcase, rule_01_a_monitor_is_loaded_once);
	tcase_add_test(tcase, rule_02_a_monitor_that_fails_leaves_no_handle);
	tcase_add_test(tcase, rule_08_after_shutdown_no_callback_comes);
	tcase_add_test(tcase, rule_09_a_monitor_in_use_is_not_unloaded);
	tcase_add_test(tcase, rule_09_all_is_closed_before_shutdown);
	tcase_add_test(tcase, rule_10_every_port_is_listed_at_once);
	tcase_add_loop_test(tcase, rule_11_the_size_is_exact, 1, 3);
	tcase_add_loop_test(tcase, rule_12_an_unknown_level_is_refused, 0, 3);
	tcase_add_test(tcase, rule_13_merged_lists_keep_their_strings);
	tcase_add_test(tcase, rule_14_enumeration_needs_no_device);
	tcase_add_test(tcase, rule_16_names_differ_by_more_than_case);
}

static Suite *
session_suite(void)
{
	static const struct {
		const char	*name;
		void		(*add)(TCase *);
	} cases[] = {
		{ "monitors", add_monitor_tests },
		{ "open", add_open_tests },
		{ "documents", add_document_tests },
		{ "questions", add_question_tests },
	};
	Suite *suite = suite_create("session");
	TCase *tcase;
	size_t i;

	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		tcase = tcase_create(cases[i].name);
		tcase_add_checked_fixture(tcase, setup, teardown);
		cases[i].add(tcase);
		suite_add_tcase(suite, tcase);
	}
	return suite;
}

int
main(void)
{
	return suite_main(session_suite());
}
