/*
 * check_device - the module `device`: documents at a device that stops, is
 * slow, goes away and comes back.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <linux/lp.h>

#include "tests/device_rig.h"

#define HOST	(rig.module.host)
#define TABLE	(rig.module.table)

static void
assert_status(enum pp_port_status status, enum pp_severity severity,
    const char *part)
{
	ck_assert_int_eq(rig_status()->status, status);
	ck_assert_int_eq(rig_status()->severity, severity);
	ck_assert_msg(strstr(rig_status()->text, part) != NULL, "%s",
	    rig_status()->text);
}

static void
assert_clear(void)
{
	ck_assert_int_eq(rig_status()->status, PP_STATUS_CLEAR);
}

/*
 * ---- The contract ----------------------------------------------------------
 */

START_TEST(rule_03_two_instances_share_nothing)
{
	pp_initialize_print_monitor2_fn *init;
	struct pp_monitor *second;
	struct pp_port *port;
	int error, master, slave;
	char node[64];

	rig_open_node();
	ck_assert_int_eq(openpty(&master, &slave, node, NULL, NULL), 0);
	*(void **)&init = dlsym(rig.module.object,
	    "pp_initialize_print_monitor2");
	ck_assert_ptr_nonnull(init(&HOST->api, &second, &error));
	fake_host_set(HOST, "other", "path", node);
	ck_assert_int_eq(TABLE->open_port(second, "other", &port), PP_OK);
	ck_assert_int_eq(TABLE->close_port(port), PP_OK);
	TABLE->shutdown(second);
	close(master);
	close(slave);
	rig_print(1, "still there");
	ck_assert_str_eq(rig_printed(11), "still there");
}
END_TEST

START_TEST(rule_17_a_second_open_is_busy)
{
	struct pp_port *port;

	rig_open_node();
	ck_assert_int_eq(TABLE->open_port(rig.module.monitor, "till", &port),
	    PP_BUSY);
	rig_print(1, "x");
}
END_TEST

START_TEST(rule_18_documents_follow_one_another_on_one_handle)
{
	rig_open_node();
	rig_print(1, "one ");
	rig_print(2, "");
	rig_print(3, "three");
	ck_assert_str_eq(rig_printed(9), "one three");
}
END_TEST

START_TEST(rule_19_an_unknown_name_is_not_found)
{
	ck_assert_int_eq(TABLE->open_port(rig.module.monitor, "other",
	    &rig.port), PP_NOT_FOUND);
	ck_assert_ptr_null(rig.port);
}
END_TEST

static int
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

START_TEST(rule_25_a_thousand_cycles_leak_nothing)
{
	int i, before = descriptors();

	for (i = 0; i < 1000; i++) {
		rig_open_node();
		rig_start(1);
		rig_put("x");
		ck_assert_int_eq(_i == 0 ? rig_end() : rig_end_deleted(),
		    PP_OK);
		rig_close();
		if (i % 100 == 0)
			rig_printed(0);
	}
	ck_assert_int_eq(descriptors(), before);
}
END_TEST

START_TEST(rule_28_close_frees_an_open_document)
{
	int before = descriptors();

	rig_open_node();
	rig_start(1);
	rig_put("half");
	rig_close();
	ck_assert_int_eq(descriptors(), before);
	ck_assert_uint_eq(HOST->n_events, 0);
}
END_TEST

START_TEST(rule_30_a_nested_start_leaves_the_document_unharmed)
{
	rig_open_node();
	rig_start(1);
	rig_put("a");
	ck_assert_int_eq(rig_try_start(2), PP_BUSY);
	HOST->job.id = 1;
	rig_put("b");
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_uint_eq(fake_host_events(HOST, 1, PP_JOB_SENT), 1);
	ck_assert_str_eq(rig_printed(2), "ab");
}
END_TEST

START_TEST(rule_31_a_failed_start_leaves_no_document)
{
	size_t written;

	rig_open_node();
	rig_unplug();
	ck_assert_int_eq(rig_try_start(1), -ENODEV);
	ck_assert_int_eq(rig_write("x", 1, &written), PP_NO_DOCUMENT);
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_uint_eq(HOST->n_events, 0);
	rig_plug();
	rig_set("path", rig.node);
	rig_close();
	rig_open_node();
	rig_print(1, "x");
}
END_TEST

START_TEST(rule_33_level_and_document_are_judged)
{
	static const struct pp_doc_info_1 doc = { "", NULL, "" };

	rig_open_node();
	ck_assert_int_eq(TABLE->start_doc_port(rig.port, "lobby", 1, 2, &doc),
	    PP_INVALID_LEVEL);
	ck_assert_int_eq(TABLE->start_doc_port(rig.port, "lobby", 1, 1, NULL),
	    PP_INVALID_PARAMETER);
	rig_print(1, "x");
}
END_TEST

/* Every byte there is, so that a line which is not raw would be seen. */
START_TEST(rule_35_a_write_of_any_size_is_taken)
{
	char bytes[512], want[512];
	size_t written, size, at;
	int i;

	for (i = 0; i < 512; i++)
		bytes[i] = (char)i;
	rig_open_node();
	rig_start(1);
	for (size = 1; size <= 512; size *= 2)
		for (at = 0; at < 512; at += size)
			ck_assert_int_eq(rig_write(bytes + at, size,
			    &written), PP_OK);
	ck_assert_int_eq(rig_end(), PP_OK);
	for (size = 1; size <= 512; size *= 2) {
		for (at = 0; at < sizeof(want); at++)
			ck_assert_int_eq(read(rig.master, want + at, 1), 1);
		ck_assert_mem_eq(want, bytes, sizeof(want));
	}
}
END_TEST

START_TEST(rule_38_bytes_go_once_and_in_order)
{
	char want[2001], have[2001] = "";
	size_t written, at = 0;
	int i;

	for (i = 0; i < 2000; i++)
		want[i] = (char)('a' + i % 23);
	want[2000] = '\0';
	fake.write_max = 7;
	fake.write_error = EAGAIN;
	rig_open_node();
	rig_start(1);
	while (at < 2000) {
		fake.write_errors = 1;
		ck_assert_int_eq(rig_write(want + at, 2000 - at < 100 ?
		    2000 - at : 100, &written), PP_OK);
		at += written;
		strcat(have, rig_printed(written));
	}
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_str_eq(have, want);
}
END_TEST

START_TEST(rule_42_an_end_without_a_document_is_harmless)
{
	rig_open_node();
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_uint_eq(HOST->n_events, 0);
}
END_TEST

START_TEST(rule_48_a_canceled_document_claims_nothing)
{
	rig_open_node();
	rig_start(1);
	rig_put("half");
	ck_assert_int_eq(rig_end_deleted(), PP_OK);
	ck_assert_uint_eq(HOST->n_events, 0);
	/* What the driver had of it is not for the next document. */
	ck_assert_uint_eq(fake.flushed, 1);
	rig_print(2, "next");
}
END_TEST

START_TEST(rule_51_time_outs_apply_from_the_next_document)
{
	static const struct pp_timeouts timeouts = { .size = sizeof(timeouts),
		.write_ms = 7000 };
	size_t written;

	rig_open_node();
	fake.full = true;
	fake.write_error = EAGAIN;
	fake.write_errors = -1;
	rig_start(1);
	ck_assert_int_eq(TABLE->set_port_timeouts(rig.port, &timeouts), PP_OK);
	ck_assert_int_eq(rig_write("x", 1, &written), PP_TIMEOUT);
	ck_assert_int_eq(rig.waited_ms, 1000);
	ck_assert_int_eq(rig_end_deleted(), PP_OK);
	rig_start(2);
	ck_assert_int_eq(rig_write("x", 1, &written), PP_TIMEOUT);
	ck_assert_int_eq(rig.waited_ms, 8000);
}
END_TEST

/*
 * ---- What is opened --------------------------------------------------------
 */

START_TEST(test_only_a_character_device_is_opened)
{
	static const char *const texts[] = { "regular file",
		"a directory", "a FIFO" };
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/thing", suite_directory());
	if (_i == 0)
		ck_assert_int_ne(close(open(path, O_CREAT | O_WRONLY, 0600)),
		    -1);
	else
		ck_assert_int_eq(_i == 1 ? mkdir(path, 0700) :
		    mkfifo(path, 0600), 0);
	rig_set("path", path);
	ck_assert_int_eq(rig_open(), -EINVAL);
	ck_assert(fake_host_logged(HOST, texts[_i]));
	if (_i != 1)
		ck_assert(fake_host_logged(HOST, "monitor \"file\""));
}
END_TEST

START_TEST(test_a_node_that_is_not_there_is_named)
{
	rig_set("path", "/dev/no/such/device");
	ck_assert_int_eq(rig_open(), -ENODEV);
	ck_assert(fake_host_logged(HOST, "/dev/no/such/device is not there"));
	assert_status(PP_STATUS_OFFLINE, PP_SEVERITY_ERROR, "unplugged");
}
END_TEST

static const struct {
	int			 error, code;
	enum pp_port_status	 status;
	const char		*text;
} open_failures[] = {
	{ ENODEV, -ENODEV, PP_STATUS_OFFLINE, "unplugged" },
	{ ENXIO, -ENXIO, PP_STATUS_OFFLINE, "offline" },
	{ EACCES, -EACCES, PP_STATUS_USER_INTERVENTION, "DeviceAllow=" },
	{ EBUSY, PP_BUSY, PP_STATUS_USER_INTERVENTION, "in use by" },
	{ EIO, -EIO, PP_STATUS_USER_INTERVENTION, "Input/output error" },
};
#define OPEN_FAILURES	\
	((int)(sizeof(open_failures) / sizeof(open_failures[0])))

START_TEST(test_a_failed_open_says_what_to_do)
{
	rig_set("path", rig.node);
	fake.open_error = open_failures[_i].error;
	ck_assert_int_eq(rig_open(), open_failures[_i].code);
	ck_assert(fake_host_logged(HOST, rig.node));
	ck_assert(fake_host_logged(HOST, open_failures[_i].text));
	ck_assert_int_eq(rig_status()->status, open_failures[_i].status);
}
END_TEST

/* In a process of its own, which says that it has the lock, and keeps it. */
static pid_t
lock_elsewhere(void)
{
	int ready[2], fd;
	char byte;
	pid_t pid;

	ck_assert_int_eq(pipe(ready), 0);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		fd = open(rig.node, O_RDWR | O_NOCTTY);
		if (fd == -1 || flock(fd, LOCK_EX) == -1)
			_exit(1);
		(void)close(ready[1]);
		for (;;)
			pause();
	}
	close(ready[1]);
	ck_assert_int_eq(read(ready[0], &byte, 1), 0);
	close(ready[0]);
	return pid;
}

START_TEST(test_a_device_in_use_names_who_uses_it)
{
	pid_t pid = lock_elsewhere();
	char text[64];

	rig_set("path", rig.node);
	ck_assert_int_eq(rig_open(), PP_BUSY);
	snprintf(text, sizeof(text), "in use by process %d", (int)pid);
	if (access("/proc/locks", R_OK) == 0)
		ck_assert(fake_host_logged(HOST, text));
	ck_assert(fake_host_logged(HOST, "in use by"));
	ck_assert_int_eq(rig_status()->severity, PP_SEVERITY_WARNING);
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ck_assert_int_eq(rig_open(), PP_OK);
	rig_print(1, "x");
}
END_TEST

START_TEST(rule_34_nobody_else_has_the_device)
{
	int fd = open(rig.node, O_RDWR | O_NOCTTY), exclusive = 0;

	rig_open_node();
	ck_assert_int_eq(ioctl(fd, TIOCGEXCL, &exclusive), 0);
	ck_assert_int_ne(exclusive, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), -1);
	rig_close();
	ck_assert_int_eq(ioctl(fd, TIOCGEXCL, &exclusive), 0);
	ck_assert_int_eq(exclusive, 0);
	ck_assert_int_eq(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
}
END_TEST

/* The other process of the pair tells by its status. */
static void
become_leader_and_open(void)
{
	int fd, flags;

	if (setsid() == -1)
		_exit(1);
	rig_set("read", "yes");
	rig_set("path", rig.node);
	if (rig_open() != PP_OK || rig_try_start(1) != PP_OK)
		_exit(2);
	fd = HOST->watched_fd;
	flags = fcntl(fd, F_GETFL);
	if (!(flags & O_NONBLOCK) || !(fcntl(fd, F_GETFD) & FD_CLOEXEC))
		_exit(3);
	/* There would be one now, if it had become ours. */
	_exit(open("/dev/tty", O_RDWR) == -1 ? 0 : 4);
}

START_TEST(test_it_never_becomes_the_controlling_terminal)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ne(pid, -1);
	if (pid == 0)
		become_leader_and_open();
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

/*
 * ---- A device that takes nothing -------------------------------------------
 */

static void
open_printer(void)
{
	fake.printer = true;
	rig_open_node();
	rig_start(1);
}

static void
refuse(int error, int times)
{
	fake.write_error = error;
	fake.write_errors = times;
}

START_TEST(rule_39_a_write_to_a_full_device_returns)
{
	size_t written;

	rig_open_node();
	rig_start(1);
	fake.full = true;
	refuse(EAGAIN, -1);
	ck_assert_int_eq(rig_write("x", 1, &written), PP_TIMEOUT);
	ck_assert_uint_eq(written, 0);
	ck_assert_int_eq(rig.waited_ms, 1000);
	/* It says so when it has lasted, and takes it back. */
	assert_status(PP_STATUS_USER_INTERVENTION, PP_SEVERITY_WARNING,
	    "takes no data");
	fake.full = false;
	refuse(0, 0);
	rig_put("x");
	assert_clear();
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_str_eq(rig_printed(1), "x");
}
END_TEST

/* The driver lp has no poll(): it looks ready for ever. */
START_TEST(test_a_poll_that_lies_costs_no_time)
{
	size_t written;
	int i;

	rig_open_node();
	rig_start(1);
	fake.ready = true;
	refuse(EAGAIN, -1);
	for (i = 0; i < 60; i++)
		ck_assert_int_eq(rig_write("x", 1, &written), PP_TIMEOUT);
	ck_assert_int_eq(rig.waited_ms, 60000);
	ck_assert_uint_lt(fake.writes, 250);
	refuse(0, 0);
	rig_put("x");
	ck_assert_int_eq(rig_end(), PP_OK);
}
END_TEST

START_TEST(test_paper_out)
{
	size_t written;

	open_printer();
	refuse(ENOSPC, -1);
	ck_assert_int_eq(rig_write("x", 1, &written), PP_TIMEOUT);
	ck_assert_uint_lt(fake.writes, 20);
	assert_status(PP_STATUS_PAPER_OUT, PP_SEVERITY_ERROR, "put some in");
	refuse(0, 0);
	rig_put("x");
	assert_clear();
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_str_eq(rig_printed(1), "x");
}
END_TEST

START_TEST(test_a_printer_that_is_offline)
{
	size_t written;

	open_printer();
	refuse(ENXIO, -1);
	ck_assert_int_eq(rig_write("x", 1, &written), PP_TIMEOUT);
	assert_status(PP_STATUS_OFFLINE, PP_SEVERITY_ERROR, "online key");
	refuse(0, 0);
	rig_put("x");
	assert_clear();
}
END_TEST

static const struct {
	int			 wires;
	enum pp_port_status	 status;
	const char		*text;
} wires[] = {
	{ RIG_WELL | LP_POUTPA, PP_STATUS_PAPER_OUT, "out of paper" },
	{ RIG_WELL & ~LP_PSELECD, PP_STATUS_OFFLINE, "offline" },
	{ RIG_WELL & ~LP_PERRORP, PP_STATUS_USER_INTERVENTION, "panel" },
	{ LP_POUTPA, PP_STATUS_PAPER_OUT, "out of paper" },
	{ -1, PP_STATUS_OFFLINE, "offline" },
};
#define WIRES	((int)(sizeof(wires) / sizeof(wires[0])))

START_TEST(test_status_wires_are_read_while_a_write_stalls)
{
	size_t written;

	open_printer();
	fake.wires = wires[_i].wires;
	fake.full = true;
	refuse(EAGAIN, -1);
	ck_assert_int_eq(rig_write("x", 1, &written), PP_TIMEOUT);
	assert_status(wires[_i].status, PP_SEVERITY_ERROR, wires[_i].text);
	fake.wires = RIG_WELL;
	fake.full = false;
	refuse(0, 0);
	rig_put("x");
	assert_clear();
	ck_assert_int_eq(rig_end(), PP_OK);
}
END_TEST

START_TEST(test_status_wires_are_read_between_documents)
{
	uint32_t again_ms = 0;

	fake.printer = true;
	fake.wires = RIG_WELL;
	rig_open_node();
	rig_print(1, "x");
	fake.wires = wires[_i].wires;
	ck_assert_int_eq(TABLE->service_port(rig.port, &again_ms), PP_OK);
	assert_status(wires[_i].status, PP_SEVERITY_ERROR, wires[_i].text);
	ck_assert_uint_gt(again_ms, 0);
	fake.wires = RIG_WELL;
	ck_assert_int_eq(TABLE->service_port(rig.port, &again_ms), PP_OK);
	assert_clear();
	ck_assert_uint_gt(again_ms, 0);
}
END_TEST

START_TEST(test_a_printer_whose_wires_lie_is_not_asked)
{
	uint32_t again_ms;

	rig_set("status", "no");
	fake.wires = -1;
	open_printer();
	rig_put("x");
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_int_eq(TABLE->service_port(rig.port, &again_ms), PP_OK);
	ck_assert_uint_eq(HOST->n_statuses, 0);
	ck_assert_uint_eq(fake.asked, 0);
}
END_TEST

START_TEST(rule_72_only_changes_are_reported_and_a_vain_report_is_repeated)
{
	uint32_t again_ms;
	int i;

	fake.printer = true;
	fake.wires = RIG_WELL;
	rig_open_node();
	fake.wires |= LP_POUTPA;
	HOST->status_error = PP_NO_MEMORY;
	ck_assert_int_eq(TABLE->service_port(rig.port, &again_ms), PP_OK);
	HOST->status_error = 0;
	for (i = 0; i < 3; i++)
		ck_assert_int_eq(TABLE->service_port(rig.port, &again_ms),
		    PP_OK);
	ck_assert_uint_eq(HOST->n_statuses, 2);
	assert_status(PP_STATUS_PAPER_OUT, PP_SEVERITY_ERROR, "paper");
}
END_TEST

static void
cancel(void)
{
	HOST->canceled = rig.waits >= 3;
}

START_TEST(rule_49_cancel_ends_a_write_at_once)
{
	static const int errors[] = { EAGAIN, EAGAIN, ENOSPC };
	size_t written;

	rig_open_node();
	rig_start(1);
	fake.full = _i == 0;
	fake.ready = _i == 1;
	refuse(errors[_i], -1);
	rig.on_wait = cancel;
	HOST->api.clock_ms(HOST->api.cookie);
	do
		ck_assert_uint_lt(rig.waits, 4);
	while (rig_write("x", 1, &written) == PP_TIMEOUT);
	ck_assert_uint_eq(rig.waits, 3);
	ck_assert_int_eq(rig_end_deleted(), PP_OK);
	ck_assert_uint_eq(HOST->n_events, 0);
	HOST->canceled = false;
	rig.on_wait = NULL;
	fake.full = fake.ready = false;
	refuse(0, 0);
	rig_print(2, "next");
}
END_TEST

/*
 * ---- A device that fails ---------------------------------------------------
 */

START_TEST(test_unplugged_in_the_middle)
{
	size_t written;

	rig_open_node();
	rig_start(1);
	rig_put("half");
	rig_unplug();
	ck_assert_int_eq(rig_write("x", 1, &written), -ENODEV);
	ck_assert_uint_eq(written, 0);
	ck_assert(fake_host_logged(HOST, "unplugged"));
	assert_status(PP_STATUS_OFFLINE, PP_SEVERITY_ERROR, "unplugged");
	ck_assert_int_eq(rig_end_deleted(), PP_OK);
	ck_assert_uint_eq(HOST->n_events, 0);
}
END_TEST

START_TEST(test_unplugged_before_the_end)
{
	rig_open_node();
	rig_start(1);
	rig_put("all");
	rig_unplug();
	ck_assert_int_eq(rig_end(), -ENODEV);
	ck_assert_uint_eq(HOST->n_events, 0);
	assert_status(PP_STATUS_OFFLINE, PP_SEVERITY_ERROR, "unplugged");
}
END_TEST

/* A printer's driver tells by its ioctl, where poll() knows nothing. */
START_TEST(test_a_printer_unplugged_before_the_end)
{
	open_printer();
	rig_put("all");
	fake.gone = true;
	ck_assert_int_eq(rig_end(), -ENODEV);
	ck_assert_uint_eq(HOST->n_events, 0);
}
END_TEST

START_TEST(rule_64_the_device_id_is_there_for_a_language_monitor)
{
	static const char id[] = "MFG:Acme;CMD:PJL,PCL;MDL:Press 9;";
	char text[64] = "";
	size_t len;

	open_printer();
	ck_assert_int_eq(rig.module.table->get_printer_data_from_port(rig.port,
	    PP_CONTROL_DEVICE_ID, NULL, NULL, 0, text, sizeof(text), &len),
	    PP_NOT_SUPPORTED);
	fake.id = id;
	ck_assert_int_eq(rig.module.table->get_printer_data_from_port(rig.port,
	    PP_CONTROL_DEVICE_ID, NULL, NULL, 0, text, sizeof(text), &len),
	    PP_OK);
	ck_assert_str_eq(text, id);
	ck_assert_uint_eq(len, sizeof(id));
	ck_assert_int_eq(rig.module.table->get_printer_data_from_port(rig.port,
	    1, NULL, NULL, 0, text, sizeof(text), &len),
	    PP_INVALID_PARAMETER);
}
END_TEST

START_TEST(test_a_write_that_fails_for_good)
{
	static const int errors[] = { ENODEV, EIO, EINVAL };
	size_t written;

	fake.wires = RIG_WELL;
	open_printer();
	refuse(errors[_i], 1);
	ck_assert_int_eq(rig_write("x", 1, &written), -errors[_i]);
	ck_assert_int_eq(rig_status()->severity, PP_SEVERITY_ERROR);
	ck_assert(fake_host_logged(HOST, rig.node));
	/* It spoils the document, though the end comes without a word. */
	ck_assert_int_eq(rig_end(), -errors[_i]);
	ck_assert_uint_eq(HOST->n_events, 0);
}
END_TEST

START_TEST(test_bytes_before_a_failure_are_counted)
{
	size_t written;

	open_printer();
	fake.write_max = 4;
	refuse(0, 0);
	rig_put("four");
	fake.write_max = 3;
	ck_assert_int_eq(rig_write("123", 3, &written), PP_OK);
	refuse(EIO, -1);
	ck_assert_int_eq(rig_write("456", 3, &written), -EIO);
	ck_assert_uint_eq(written, 0);
	ck_assert_str_eq(rig_printed(7), "four123");
}
END_TEST

/* Of usblp, if the printer has a reason; of the driver lp, in any case. */
START_TEST(test_an_error_that_the_printer_explains_is_waited_for)
{
	size_t written;

	fake.parallel = _i > 0;
	fake.wires = RIG_WELL;
	open_printer();
	fake.wires = _i == 2 ? RIG_WELL : RIG_WELL & ~LP_PSELECD;
	refuse(EIO, -1);
	ck_assert_int_eq(rig_write("x", 1, &written), PP_TIMEOUT);
	if (_i == 2)
		assert_status(PP_STATUS_USER_INTERVENTION,
		    PP_SEVERITY_WARNING, "takes no data");
	else
		assert_status(PP_STATUS_OFFLINE, PP_SEVERITY_ERROR,
		    "offline");
	fake.wires = RIG_WELL;
	refuse(0, 0);
	rig_put("x");
	assert_clear();
	ck_assert_int_eq(rig_end(), PP_OK);
}
END_TEST

START_TEST(test_trouble_between_documents_is_found_and_over)
{
	char node[64];
	uint32_t again_ms;

	snprintf(node, sizeof(node), "%s/node", suite_directory());
	ck_assert_int_eq(symlink(rig.node, node), 0);
	rig_set("path", node);
	ck_assert_int_eq(rig_open(), PP_OK);
	rig_print(1, "one");
	rig_unplug();
	ck_assert_int_eq(unlink(node), 0);
	ck_assert_int_eq(TABLE->service_port(rig.port, &again_ms), PP_OK);
	assert_status(PP_STATUS_OFFLINE, PP_SEVERITY_ERROR, "not there");
	ck_assert_uint_gt(again_ms, 0);
	rig_plug();
	ck_assert_int_eq(symlink(rig.node, node), 0);
	ck_assert_int_eq(TABLE->service_port(rig.port, &again_ms), PP_OK);
	assert_clear();
	rig_print(2, "two");
	ck_assert_str_eq(rig_printed(3), "two");
}
END_TEST

/*
 * ---- The end of a document -------------------------------------------------
 */

START_TEST(test_the_end_waits_until_a_line_is_empty)
{
	static const int queued[] = { 300, 300, 200, 100, 0 };
	static const int sending[] = { 1, 1, 0 };

	rig_open_node();
	rig_start(1);
	rig_put("tail");
	fake.queued = queued;
	fake.sending = sending;
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_int_eq(*fake.queued, 0);
	ck_assert_int_eq(*fake.sending, 0);
	ck_assert_uint_ge(rig.waits, 6);
	ck_assert_uint_eq(fake.flushed, 0);
	ck_assert_uint_eq(fake_host_events(HOST, 1, PP_JOB_SENT), 1);
}
END_TEST

static const int never_empty[] = { 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10,
	10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10,
	10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10,
	10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 10, 0 };

/* The host of these tests does not tell stall_timeout: one write's patience. */
START_TEST(rule_39_the_end_of_a_document_is_bounded)
{
	rig_open_node();
	rig_start(1);
	rig_put("tail");
	fake.queued = never_empty;
	ck_assert_int_eq(rig_end(), PP_TIMEOUT);
	ck_assert_int_gt(*fake.queued, 0);
	ck_assert_int_ge(rig.waited_ms, 1000);
	ck_assert_int_lt(rig.waited_ms, 1200);
	ck_assert(fake_host_logged(HOST, "the end of the document"));
	ck_assert_uint_eq(HOST->n_events, 0);
	/* The rest of it must not be printed before the next document. */
	ck_assert_uint_eq(fake.flushed, 1);
	fake.queued = NULL;
	rig_print(2, "next");
}
END_TEST

/* The third look after its limit finds paper. */
static void
put_paper_in(void)
{
	if (rig.waited_ms > 60000) {
		fake.wires = RIG_WELL;
		fake.full = false;
	}
}

START_TEST(test_paper_out_at_the_end_is_waited_for)
{
	fake.wires = RIG_WELL;
	open_printer();
	rig_put("tail");
	fake.wires = RIG_WELL | LP_POUTPA;
	fake.full = true;
	rig.on_wait = put_paper_in;
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_int_gt(rig.waited_ms, 60000);
	ck_assert_uint_eq(HOST->n_statuses, 2);
	ck_assert_int_eq(HOST->statuses[0].status, PP_STATUS_PAPER_OUT);
	assert_clear();
	ck_assert_uint_eq(fake_host_events(HOST, 1, PP_JOB_SENT), 1);
}
END_TEST

START_TEST(rule_49_cancel_ends_the_wait_at_the_end)
{
	rig_open_node();
	rig_start(1);
	rig_put("tail");
	fake.queued = never_empty;
	rig.on_wait = cancel;
	ck_assert_int_eq(rig_end(), PP_CANCELED);
	ck_assert_uint_eq(rig.waits, 3);
	ck_assert_uint_eq(HOST->n_events, 0);
	ck_assert_uint_eq(fake.flushed, 1);
}
END_TEST

static void
become_idle(void)
{
	if (rig.waits >= 3)
		fake.wires = RIG_WELL;
}

START_TEST(test_the_end_waits_until_a_parallel_printer_is_idle)
{
	fake.parallel = true;
	fake.wires = RIG_WELL & ~LP_PBUSY;
	open_printer();
	rig_put("tail");
	rig.on_wait = become_idle;
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_uint_eq(rig.waits, 3);
	ck_assert_uint_eq(fake_host_events(HOST, 1, PP_JOB_SENT), 1);
}
END_TEST

/* It has all bytes; printing it again would not make it any faster. */
START_TEST(test_a_slow_parallel_printer_is_no_failure)
{
	fake.parallel = true;
	fake.wires = RIG_WELL & ~LP_PBUSY;
	open_printer();
	rig_put("tail");
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_int_ge(rig.waited_ms, 1000);
	ck_assert(fake_host_logged(HOST, "still busy"));
	ck_assert_uint_eq(fake_host_events(HOST, 1, PP_JOB_SENT), 1);
}
END_TEST

/* usblp never says busy: those wires it does not have. */
START_TEST(test_a_usb_printer_is_never_busy)
{
	fake.wires = LP_PSELECD | LP_PERRORP;
	open_printer();
	rig_put("tail");
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_uint_eq(rig.waits, 0);
}
END_TEST

/*
 * ---- What the printer says -------------------------------------------------
 */

START_TEST(test_nothing_is_read_by_default)
{
	char answer[16];
	size_t len = 99;

	rig_open_node();
	rig_start(1);
	ck_assert_int_eq(TABLE->read_port(rig.port, answer, sizeof(answer),
	    &len), PP_NOT_SUPPORTED);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(HOST->watched_fd, -1);
}
END_TEST

START_TEST(test_answers_are_read_if_wanted)
{
	char answer[16];
	size_t len = 99;

	rig_set("read", "yes");
	rig_open_node();
	rig_start(1);
	ck_assert_int_ne(HOST->watched_fd, -1);
	ck_assert_int_eq(TABLE->read_port(rig.port, answer, sizeof(answer),
	    &len), PP_OK);
	ck_assert_uint_eq(len, 0);
	rig_answer("ready");
	ck_assert_int_gt(HOST->api.wait_fd(HOST->api.cookie,
	    HOST->watched_fd, PP_WAIT_READ, 60000), 0);
	ck_assert_int_eq(TABLE->read_port(rig.port, answer, sizeof(answer),
	    &len), PP_OK);
	ck_assert_uint_eq(len, 5);
	ck_assert_mem_eq(answer, "ready", 5);
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_int_eq(HOST->watched_fd, -1);
}
END_TEST

START_TEST(test_a_printer_that_is_gone_says_no_more)
{
	char answer[16];
	size_t len = 99;

	rig_set("read", "yes");
	rig_open_node();
	rig_start(1);
	rig_unplug();
	ck_assert_int_eq(TABLE->read_port(rig.port, answer, sizeof(answer),
	    &len), PP_END_OF_DATA);
	ck_assert_int_eq(rig_end_deleted(), PP_OK);
	ck_assert_int_eq(TABLE->read_port(rig.port, answer, sizeof(answer),
	    &len), PP_INVALID_HANDLE);
	ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(test_a_parallel_printer_is_asked_now_and_then)
{
	char answer[16];
	size_t len = 99;

	rig_set("read", "yes");
	fake.parallel = true;
	open_printer();
	ck_assert_int_eq(HOST->watched_fd, -1);
	ck_assert_int_eq(TABLE->read_port(rig.port, answer, sizeof(answer),
	    &len), PP_OK);
	ck_assert_uint_eq(len, 0);
}
END_TEST

/* A descriptor that is ready for ever must not be watched. */
START_TEST(test_a_printer_that_says_nothing_all_the_time)
{
	char answer[16];
	size_t len = 99;

	rig_set("read", "yes");
	fake.silent = true;
	open_printer();
	ck_assert_int_ne(HOST->watched_fd, -1);
	ck_assert_int_eq(TABLE->read_port(rig.port, answer, sizeof(answer),
	    &len), PP_OK);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(HOST->watched_fd, -1);
}
END_TEST

/*
 * ---- The suite -------------------------------------------------------------
 */

static Suite *
device_suite(void)
{
	const struct rig_test contract_tests[] = {
		{ rule_03_two_instances_share_nothing, 1 },
		{ rule_17_a_second_open_is_busy, 1 },
		{ rule_18_documents_follow_one_another_on_one_handle, 1 },
		{ rule_19_an_unknown_name_is_not_found, 1 },
		{ rule_25_a_thousand_cycles_leak_nothing, 2 },
		{ rule_28_close_frees_an_open_document, 1 },
		{ rule_30_a_nested_start_leaves_the_document_unharmed, 1 },
		{ rule_31_a_failed_start_leaves_no_document, 1 },
		{ rule_33_level_and_document_are_judged, 1 },
		{ rule_35_a_write_of_any_size_is_taken, 1 },
		{ rule_38_bytes_go_once_and_in_order, 1 },
		{ rule_42_an_end_without_a_document_is_harmless, 1 },
		{ rule_48_a_canceled_document_claims_nothing, 1 },
		{ rule_51_time_outs_apply_from_the_next_document, 1 },
		{ NULL, 0 }
	};
	const struct rig_test open_tests[] = {
		{ test_only_a_character_device_is_opened, 3 },
		{ test_a_node_that_is_not_there_is_named, 1 },
		{ test_a_failed_open_says_what_to_do, OPEN_FAILURES },
		{ test_a_device_in_use_names_who_uses_it, 1 },
		{ rule_34_nobody_else_has_the_device, 1 },
		{ test_it_never_becomes_the_controlling_terminal, 1 },
		{ NULL, 0 }
	};
	const struct rig_test stall_tests[] = {
		{ rule_39_a_write_to_a_full_device_returns, 1 },
		{ test_a_poll_that_lies_costs_no_time, 1 },
		{ test_paper_out, 1 },
		{ test_a_printer_that_is_offline, 1 },
		{ test_status_wires_are_read_while_a_write_stalls, WIRES },
		{ test_status_wires_are_read_between_documents, WIRES },
		{ test_a_printer_whose_wires_lie_is_not_asked, 1 },
		{ rule_72_only_changes_are_reported_and_a_vain_report_is_repeated,
		    1 },
		{ rule_49_cancel_ends_a_write_at_once, 3 },
		{ NULL, 0 }
	};
	const struct rig_test failure_tests[] = {
		{ test_unplugged_in_the_middle, 1 },
		{ test_unplugged_before_the_end, 1 },
		{ test_a_printer_unplugged_before_the_end, 1 },
		{ rule_64_the_device_id_is_there_for_a_language_monitor, 1 },
		{ test_a_write_that_fails_for_good, 3 },
		{ test_bytes_before_a_failure_are_counted, 1 },
		{ test_an_error_that_the_printer_explains_is_waited_for, 3 },
		{ test_trouble_between_documents_is_found_and_over, 1 },
		{ NULL, 0 }
	};
	const struct rig_test end_tests[] = {
		{ test_the_end_waits_until_a_line_is_empty, 1 },
		{ rule_39_the_end_of_a_document_is_bounded, 1 },
		{ test_paper_out_at_the_end_is_waited_for, 1 },
		{ rule_49_cancel_ends_the_wait_at_the_end, 1 },
		{ test_the_end_waits_until_a_parallel_printer_is_idle, 1 },
		{ test_a_slow_parallel_printer_is_no_failure, 1 },
		{ test_a_usb_printer_is_never_busy, 1 },
		{ NULL, 0 }
	};
	const struct rig_test read_tests[] = {
		{ test_nothing_is_read_by_default, 1 },
		{ test_answers_are_read_if_wanted, 1 },
		{ test_a_printer_that_is_gone_says_no_more, 1 },
		{ test_a_parallel_printer_is_asked_now_and_then, 1 },
		{ test_a_printer_that_says_nothing_all_the_time, 1 },
		{ NULL, 0 }
	};
	Suite *suite = suite_create("device");

	rig_case(suite, "contract", contract_tests);
	rig_case(suite, "open", open_tests);
	rig_case(suite, "stall", stall_tests);
	rig_case(suite, "failure", failure_tests);
	rig_case(suite, "end", end_tests);
	rig_case(suite, "read", read_tests);
	return suite;
}

int
main(void)
{
	return suite_main(device_suite());
}
