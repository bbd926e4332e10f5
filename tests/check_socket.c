/*
 * check_socket - the module `socket`: what a printer gets, and what becomes of
 * documents whose printer does something else.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/transfer.h"
#include "tests/module.h"
#include "tests/sim/raw.h"
#include "tests/suite.h"

/* More than all buffers between a port and a printer that does not read. */
#define LARGE_LEN	(12u << 20)

static struct module module;
static struct pp_port *port;
static struct raw *printer;
static char *large;

static const struct pp_doc_info_1 doc = { "Report", NULL, "" };

/* ---- ports and documents ------------------------------------------------- */

static int64_t stall_timeout_ms;
static int (*plain_config_number)(struct pp_spooler *, const char *,
    const char *, int64_t *);

/* A host that tells stall_timeout, too. */
static int
config_number(struct pp_spooler *cookie, const char *name, const char *key,
    int64_t *value)
{
	if (strcmp(key, "stall_timeout") != 0)
		return plain_config_number(cookie, name, key, value);
	*value = stall_timeout_ms;
	return PP_OK;
}

/* The host's own way to move bytes: the fake one cannot be tried again. */
static struct transfer *mover;

static int
wait_for_transfer(void *arg, int fd, uint32_t events, int timeout_ms)
{
	(void)arg;
	return module.host->api.wait_fd(module.host->api.cookie, fd, events,
	    timeout_ms);
}

static int
transfer(struct pp_spooler *cookie, int from, int to, uint64_t max,
    int timeout_ms, struct pp_moved *moved)
{
	(void)cookie;
	module.host->n_transfers++;
	return transfer_run(mover, from, to, max, timeout_ms, moved);
}

static void
setup(void)
{
	size_t i;

	signal(SIGPIPE, SIG_IGN);
	module_open(&module, "socket");
	plain_config_number = module.host->api.config_number;
	module.host->api.config_number = config_number;
	mover = transfer_new(wait_for_transfer, NULL);
	ck_assert_ptr_nonnull(mover);
	module.host->api.transfer = transfer;
	stall_timeout_ms = 0;
	port = NULL;
	printer = NULL;
	large = malloc(LARGE_LEN);
	ck_assert_ptr_nonnull(large);
	for (i = 0; i < LARGE_LEN; i++)
		large[i] = (char)(i * 2654435761u >> 24);
}

static void
teardown(void)
{
	if (port != NULL)
		ck_assert_int_eq(module.table->close_port(port), PP_OK);
	if (printer != NULL)
		raw_stop(printer);
	module_close(&module);
	transfer_free(mover);
	free(large);
}

static void
set(const char *key, const char *value)
{
	fake_host_set(module.host, "lobby", key, value);
}

static void
open_port(void)
{
	ck_assert_int_eq(module.table->open_port(module.monitor, "lobby",
	    &port), PP_OK);
}

/* A printer with these habits, and an open port to it. */
static void
begin_with(const struct raw_habits *habits)
{
	printer = raw_start(habits);
	set("host", habits->ipv6 ? "::1" : "127.0.0.1");
	set("port", raw_port(printer));
	open_port();
}

static void
begin(void)
{
	begin_with(&(struct raw_habits){ 0 });
}

/* A printer that never reads, with little room in front of it. */
static void
begin_deaf(void)
{
	begin_with(&(struct raw_habits){ .at_limit = RAW_WAIT,
	    .receive_buffer = 4096 });
}

/* Wait for less than the second that each write of the fake host gets. */
static void
hurry(void)
{
	const struct pp_timeouts soon = { .size = sizeof(soon),
	    .connect_ms = 20, .write_ms = 20 };

	ck_assert_int_eq(module.table->set_port_timeouts(port, &soon), PP_OK);
}

static int
try_start(uint64_t job)
{
	module.host->job.id = job;
	module.host->job.flags = 0;
	return module.table->start_doc_port(port, "lobby", job, 1, &doc);
}

static void
start(uint64_t job)
{
	ck_assert_int_eq(try_start(job), PP_OK);
}

static int
put_some(const char *bytes, size_t len, size_t *written)
{
	int rc = module.table->write_port(port, bytes, len, written);

	ck_assert_uint_le(*written, len);
	return rc;
}

/* Write it all, as a host does; the first code that is no success. */
static int
put(const char *bytes, size_t len)
{
	size_t n = 99, done = 0;
	int rc = PP_OK;

	while (done < len && rc == PP_OK) {
		rc = put_some(bytes + done, len - done, &n);
		done += n;
	}
	return rc;
}

/* The same for a printer that takes its time. */
static void
put_all(const char *bytes, size_t len)
{
	size_t n, done;
	int rc;

	for (done = 0; done < len; done += n) {
		rc = put_some(bytes + done, len - done, &n);
		ck_assert(rc == PP_OK || rc == PP_TIMEOUT);
	}
}

/* Until the printer does not even take a byte; how much it has taken. */
static size_t
fill(void)
{
	size_t n = 0, done = 0, len = LARGE_LEN;

	while (len > 0) {
		ck_assert_uint_lt(done, LARGE_LEN);
		if (len > LARGE_LEN - done)
			len = LARGE_LEN - done;
		if (put_some(large + done, len, &n) == PP_TIMEOUT)
			len /= 8;
		done += n;
	}
	return done;
}

static int
end(void)
{
	return module.table->end_doc_port(port);
}

static int
end_deleted(void)
{
	module.host->job.flags |= PP_JOB_DELETING;
	return end();
}

static void
print(uint64_t job, const char *text)
{
	start(job);
	ck_assert_int_eq(put(text, strlen(text)), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(fake_host_events(module.host, job, PP_JOB_SENT), 1);
}

static int
hear(char *buf, size_t size, size_t *len)
{
	return module.table->read_port(port, buf, size, len);
}

/* Wait for this many bytes, as the host does with the watched descriptor. */
static void
hear_all(char *buf, size_t len)
{
	size_t n = 0, done = 0;

	while (done < len) {
		ck_assert_int_ge(module.host->api.wait_fd(
		    module.host->api.cookie, module.host->watched_fd,
		    PP_WAIT_READ, -1), 0);
		ck_assert_int_eq(hear(buf + done, len - done, &n), PP_OK);
		done += n;
	}
}

static const struct fake_status *
last_status(void)
{
	ck_assert_uint_gt(module.host->n_statuses, 0);
	return &module.host->statuses[module.host->n_statuses - 1];
}

static void
assert_logged(const char *part)
{
	ck_assert_msg(fake_host_logged(module.host, part), "no \"%s\" in the "
	    "log; it ends with \"%s\"", part, module.host->n_logs > 0 ?
	    module.host->logs[module.host->n_logs - 1].text : "");
}

/* A port of this machine on which nobody listens. */
static const char *
dead_port(void)
{
	static char number[8];
	struct raw *gone = raw_start(&(struct raw_habits){ 0 });

	snprintf(number, sizeof(number), "%s", raw_port(gone));
	raw_stop(gone);
	return number;
}

/* ---- what the printer gets ----------------------------------------------- */

START_TEST(test_the_printer_gets_the_document)
{
	begin_with(&(struct raw_habits){ .ipv6 = _i });
	print(1, "Hello");
	ck_assert(raw_has(printer, "Hello", 5));
	ck_assert_uint_eq(raw_resets(printer), 0);
}
END_TEST

START_TEST(test_a_name_is_as_good_as_an_address)
{
	printer = raw_start(&(struct raw_habits){ 0 });
	set("host", suite_loopback());
	set("port", raw_port(printer));
	open_port();
	print(1, "Hello");
	ck_assert(raw_has(printer, "Hello", 5));
}
END_TEST

START_TEST(rule_29_each_document_has_a_connection_of_its_own)
{
	begin();
	print(1, "one");
	print(2, "");
	print(3, "three");
	raw_wait_connections(printer, 3);
	ck_assert_uint_eq(raw_connections(printer), 3);
	ck_assert(raw_has(printer, "onethree", 8));
}
END_TEST

START_TEST(rule_35_writes_of_any_size)
{
	size_t at, n, written;

	begin();
	start(1);
	for (at = 0, n = 1; at < LARGE_LEN / 4; at += written, n += n / 2 + 1)
		ck_assert_int_eq(put_some(large + at, at + n > LARGE_LEN / 4 ?
		    LARGE_LEN / 4 - at : n, &written), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert(raw_has(printer, large, LARGE_LEN / 4));
}
END_TEST

/* `large`, to be read from its beginning. */
static FILE *
large_file(void)
{
	FILE *file = tmpfile();

	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(large, 1, LARGE_LEN, file), LARGE_LEN);
	ck_assert_int_eq(fflush(file), 0);
	rewind(file);
	return file;
}

START_TEST(test_a_descriptor_is_moved_by_the_host)
{
	struct pp_moved moved = { .source = PP_SOURCE_MORE };
	FILE *file = large_file();
	uint64_t sum = 0;

	begin();
	start(1);
	while (moved.source == PP_SOURCE_MORE) {
		ck_assert_int_eq(module.table->write_port_from_fd(port,
		    fileno(file), UINT64_MAX, &moved), PP_OK);
		sum += moved.written;
	}
	ck_assert_int_eq(moved.source, PP_SOURCE_END);
	ck_assert_uint_eq(sum, LARGE_LEN);
	ck_assert_uint_gt(module.host->n_transfers, 0);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert(raw_has(printer, large, LARGE_LEN));
	fclose(file);
}
END_TEST

/* ---- the contract -------------------------------------------------------- */

START_TEST(rule_17_a_second_open_is_busy)
{
	struct pp_port *second;

	begin();
	ck_assert_int_eq(module.table->open_port(module.monitor, "lobby",
	    &second), PP_BUSY);
	ck_assert_ptr_null(second);
}
END_TEST

START_TEST(rule_19_an_unknown_name_is_not_found)
{
	struct pp_port *other;

	begin();
	ck_assert_int_eq(module.table->open_port(module.monitor, "Lobby",
	    &other), PP_NOT_FOUND);
	ck_assert_ptr_null(other);
}
END_TEST

static size_t
descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* And no memory: AddressSanitizer and valgrind look at this. */
START_TEST(rule_25_many_documents_leak_nothing)
{
	size_t before;
	uint64_t job;

	begin();
	before = descriptors();
	for (job = 1; job <= 1000; job++) {
		module.host->n_events = 0;
		print(job, "x");
		if (job % 100 == 0) {
			module.table->close_port(port);
			open_port();
		}
	}
	raw_wait_connections(printer, 1000);
	ck_assert_uint_eq(descriptors(), before);
}
END_TEST

START_TEST(rule_28_closing_ends_a_document)
{
	begin();
	start(1);
	ck_assert_int_eq(put("half", 4), PP_OK);
	ck_assert_int_eq(module.table->close_port(port), PP_OK);
	port = NULL;
	raw_wait_connections(printer, 1);
	ck_assert_uint_eq(raw_resets(printer), 1);
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(rule_30_a_nested_start_is_busy)
{
	begin();
	start(1);
	ck_assert_int_eq(module.table->start_doc_port(port, "lobby", 2, 1,
	    &doc), PP_BUSY);
	ck_assert_int_eq(put("Hello", 5), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert(raw_has(printer, "Hello", 5));
	ck_assert_uint_eq(raw_connections(printer), 1);
}
END_TEST

START_TEST(rule_31_after_a_failed_start_the_next_may_succeed)
{
	size_t before = descriptors(), n = 99;

	set("host", "127.0.0.1");
	set("port", dead_port());
	open_port();
	ck_assert_int_eq(try_start(1), -ECONNREFUSED);
	assert_logged("no connection to 127.0.0.1:");
	assert_logged("127.0.0.1: Connection refused; is another client");
	ck_assert_int_eq(put_some("x", 1, &n), PP_NO_DOCUMENT);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(descriptors(), before);
	ck_assert_int_eq(module.table->close_port(port), PP_OK);
	begin();
	print(1, "Hello");
}
END_TEST

START_TEST(rule_33_an_unknown_level_is_refused)
{
	begin();
	ck_assert_int_eq(module.table->start_doc_port(port, "lobby", 1, 2,
	    &doc), PP_INVALID_LEVEL);
	ck_assert_int_eq(module.table->start_doc_port(port, "lobby", 1, 1,
	    NULL), PP_INVALID_PARAMETER);
	print(1, "Hello");
	ck_assert_uint_eq(raw_connections(printer), 1);
}
END_TEST

START_TEST(rule_42_an_end_without_a_document_is_harmless)
{
	begin();
	ck_assert_int_eq(end(), PP_OK);
	print(1, "Hello");
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(module.host->n_events, 1);
}
END_TEST

START_TEST(rule_48_a_deleted_document_ends_with_a_reset)
{
	begin();
	start(1);
	ck_assert_int_eq(put("half", 4), PP_OK);
	raw_wait_bytes(printer, 4);
	ck_assert_int_eq(end_deleted(), PP_OK);
	raw_wait_connections(printer, 1);
	ck_assert_uint_eq(raw_resets(printer), 1);
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

/* ---- printers that wait -------------------------------------------------- */

START_TEST(rule_39_a_printer_that_does_not_read_is_a_timeout)
{
	size_t taken, n = 99;

	begin_deaf();
	hurry();
	start(1);
	taken = fill();
	ck_assert_int_eq(put_some(large + taken, 1, &n), PP_TIMEOUT);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(last_status()->status, PP_STATUS_USER_INTERVENTION);
	ck_assert_int_eq(last_status()->severity, PP_SEVERITY_WARNING);
	raw_go(printer);
	put_all(large + taken, LARGE_LEN - taken);
	ck_assert_int_eq(last_status()->status, PP_STATUS_CLEAR);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert(raw_has(printer, large, LARGE_LEN));
}
END_TEST

/* The way that hosts use. */
START_TEST(rule_39_also_for_a_descriptor)
{
	struct pp_moved moved = { .source = PP_SOURCE_MORE };
	FILE *file = large_file();
	int rc;

	begin_deaf();
	hurry();
	start(1);
	do
		rc = module.table->write_port_from_fd(port, fileno(file),
		    UINT64_MAX, &moved);
	while (rc == PP_OK);
	ck_assert_int_eq(rc, PP_TIMEOUT);
	ck_assert_uint_eq(moved.written, 0);
	ck_assert_int_eq(moved.source, PP_SOURCE_MORE);
	raw_go(printer);
	do
		rc = module.table->write_port_from_fd(port, fileno(file),
		    UINT64_MAX, &moved);
	while (moved.source == PP_SOURCE_MORE &&
	    (rc == PP_OK || rc == PP_TIMEOUT));
	ck_assert_int_eq(end(), PP_OK);
	ck_assert(raw_has(printer, large, LARGE_LEN));
	fclose(file);
}
END_TEST

START_TEST(rule_51_time_outs_count_from_the_next_document)
{
	size_t n = 99;

	begin_deaf();
	hurry();
	start(1);
	(void)fill();
	ck_assert_int_eq(module.table->set_port_timeouts(port,
	    &(struct pp_timeouts){ .size = sizeof(struct pp_timeouts),
	    .write_ms = 1u << 30 }), PP_OK);
	ck_assert_int_eq(put_some("x", 1, &n), PP_TIMEOUT);
	ck_assert_int_eq(end_deleted(), PP_OK);
}
END_TEST

START_TEST(rule_72_a_status_that_was_not_heard_is_said_again)
{
	size_t n;

	begin_deaf();
	hurry();
	start(1);
	(void)fill();
	module.host->n_statuses = 0;
	ck_assert_int_eq(put_some("x", 1, &n), PP_TIMEOUT);
	ck_assert_uint_eq(module.host->n_statuses, 0);
	module.host->status_error = PP_CANCELED;
	raw_go(printer);
	while (module.host->n_statuses == 0)
		put_all("x", 1);
	module.host->status_error = 0;
	put_all("x", 1);
	ck_assert_uint_eq(module.host->n_statuses, 2);
	ck_assert_int_eq(last_status()->status, PP_STATUS_CLEAR);
	put_all("x", 1);
	ck_assert_uint_eq(module.host->n_statuses, 2);
	ck_assert_int_eq(end_deleted(), PP_OK);
}
END_TEST

/* A document that is in the buffers, all of it, has not arrived. */
START_TEST(test_an_end_waits_until_the_printer_has_all)
{
	begin_deaf();
	hurry();
	stall_timeout_ms = 50;
	module.table->close_port(port);
	open_port();
	hurry();
	start(1);
	ck_assert_int_eq(put(large, 100000), PP_OK);
	ck_assert_int_eq(end(), -EHOSTUNREACH);
	assert_logged("took nothing for stall_timeout");
	ck_assert_uint_eq(module.host->n_events, 0);
	raw_go(printer);
	raw_wait_connections(printer, 1);
	ck_assert_uint_eq(raw_resets(printer), 1);
}
END_TEST

static int waits_to_go;
static int (*plain_wait_fd)(struct pp_spooler *, int, uint32_t, int);

/* The printer goes on when it has been waited for so often. */
static int
wait_and_go(struct pp_spooler *cookie, int fd, uint32_t events, int timeout_ms)
{
	int rc = plain_wait_fd(cookie, fd, events, timeout_ms);

	if (--waits_to_go == 0)
		raw_go(printer);
	return rc;
}

START_TEST(test_a_printer_may_wait_at_the_end_as_long_as_it_likes)
{
	begin_deaf();
	hurry();
	start(1);
	ck_assert_int_eq(put(large, 100000), PP_OK);
	plain_wait_fd = module.host->api.wait_fd;
	module.host->api.wait_fd = wait_and_go;
	waits_to_go = 10;
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_int_lt(waits_to_go, 1);
	ck_assert(raw_has(printer, large, 100000));
	ck_assert_int_eq(module.host->statuses[0].severity,
	    PP_SEVERITY_WARNING);
	ck_assert_int_eq(last_status()->status, PP_STATUS_CLEAR);
}
END_TEST

START_TEST(test_a_printer_that_never_closes_is_waited_for_in_vain)
{
	begin_with(&(struct raw_habits){ .at_end = RAW_WAIT });
	module.table->close_port(port);
	set("eof_timeout", "20ms");
	open_port();
	print(1, "Hello");
	raw_wait_waiting(printer);
	ck_assert(raw_has(printer, "Hello", 5));
	assert_logged("did not close in eof_timeout");
}
END_TEST

START_TEST(test_a_printer_that_never_closes_need_not)
{
	begin_with(&(struct raw_habits){ .at_end = RAW_WAIT });
	module.table->close_port(port);
	set("eof_timeout", "24h");
	set("wait_eof", "no");
	open_port();
	print(1, "Hello");
	raw_wait_waiting(printer);
	ck_assert(raw_has(printer, "Hello", 5));
}
END_TEST

/* ---- cancel -------------------------------------------------------------- */

/* A port that answers no connection: its backlog is full. */
static int
busy_listener(char number[8], int clients[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int i, listener = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(listener, 0), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address,
	    &len), 0);
	for (i = 0; i < 2; i++) {
		clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		(void)connect(clients[i], (struct sockaddr *)&address, len);
	}
	snprintf(number, 8, "%d", ntohs(address.sin_port));
	return listener;
}

START_TEST(rule_39_a_printer_that_does_not_answer_is_a_timeout)
{
	int clients[2], listener;
	char number[8];

	listener = busy_listener(number, clients);
	set("host", "127.0.0.1");
	set("port", number);
	set("connect_timeout", "20ms");
	open_port();
	ck_assert_int_eq(try_start(1), PP_TIMEOUT);
	assert_logged("is it switched on");
	close(clients[0]);
	close(clients[1]);
	close(listener);
}
END_TEST

START_TEST(rule_49_a_cancel_ends_a_connect)
{
	int clients[2], listener;
	char number[8];

	listener = busy_listener(number, clients);
	set("host", "127.0.0.1");
	set("port", number);
	set("connect_timeout", "1h");
	open_port();
	module.host->canceled = true;
	ck_assert_int_eq(try_start(1), PP_CANCELED);
	ck_assert_uint_eq(module.host->n_logs, 0);
	close(clients[0]);
	close(clients[1]);
	close(listener);
}
END_TEST

START_TEST(rule_49_a_cancel_ends_a_write)
{
	size_t n = 99;

	begin_deaf();
	hurry();
	start(1);
	(void)fill();
	module.host->canceled = true;
	ck_assert_int_eq(put_some("x", 1, &n), PP_CANCELED);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(end_deleted(), PP_OK);
	raw_go(printer);
	raw_wait_connections(printer, 1);
	ck_assert_uint_eq(raw_resets(printer), 1);
}
END_TEST

START_TEST(rule_49_a_cancel_ends_an_end)
{
	begin_with(&(struct raw_habits){ .at_end = RAW_WAIT });
	start(1);
	ck_assert_int_eq(put("Hello", 5), PP_OK);
	module.host->canceled = true;
	ck_assert_int_eq(end(), PP_CANCELED);
	ck_assert_uint_eq(module.host->n_events, 0);
	ck_assert_int_eq(module.host->watched_fd, -1);
	module.host->canceled = false;
	raw_go(printer);
	raw_wait_connections(printer, 1);
	print(2, "Hello");
}
END_TEST

/* ---- printers that break off --------------------------------------------- */

START_TEST(test_a_reset_in_the_middle_is_told_with_its_place)
{
	char place[100];

	begin_with(&(struct raw_habits){ .limit = 4096,
	    .at_limit = RAW_RESET });
	start(1);
	(void)put(large, 4096);
	raw_wait_connections(printer, 1);
	ck_assert_int_eq(put(large, LARGE_LEN), -ECONNRESET);
	snprintf(place, sizeof(place), "127.0.0.1:%s reset the connection "
	    "after 4096 bytes", raw_port(printer));
	assert_logged(place);
	ck_assert_int_eq(end(), -ECONNRESET);
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

/* The host reads first, and only a read is told of a reset. */
START_TEST(test_a_reset_that_a_read_finds_is_one_of_writes)
{
	char buf[10];
	size_t n = 99;

	begin_with(&(struct raw_habits){ .limit = 1, .at_limit = RAW_RESET });
	start(1);
	ck_assert_int_eq(put("x", 1), PP_OK);
	raw_wait_connections(printer, 1);
	ck_assert_int_eq(hear(buf, sizeof(buf), &n), PP_END_OF_DATA);
	ck_assert_int_eq(put_some("x", 1, &n), -ECONNRESET);
	ck_assert_int_eq(end_deleted(), PP_OK);
}
END_TEST

START_TEST(test_a_printer_that_closes_early_has_not_all)
{
	int rc;

	begin_with(&(struct raw_habits){ .limit = 1000,
	    .at_limit = RAW_CLOSE });
	start(1);
	rc = put(large, LARGE_LEN);
	ck_assert(rc == -ECONNRESET || rc == -EPIPE);
	ck_assert_int_eq(end(), rc);
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

/* All is on its way when the printer gives up: only the end can tell. */
START_TEST(test_a_document_that_ends_in_a_reset_has_not_arrived)
{
	int rc;

	begin_with(&(struct raw_habits){ .limit = 1000,
	    .at_limit = _i == 0 ? RAW_CLOSE : RAW_RESET });
	start(1);
	ck_assert_int_eq(put(large, 2000), PP_OK);
	rc = end();
	ck_assert(rc == -ECONNRESET || rc == -EPIPE);
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(test_a_printer_that_resets_at_the_end_fails)
{
	begin_with(&(struct raw_habits){ .at_end = RAW_RESET });
	start(1);
	ck_assert_int_eq(put("Hello", 5), PP_OK);
	ck_assert_int_eq(end(), -ECONNRESET);
	assert_logged("reset the connection after 5 bytes");
}
END_TEST

/* ---- what printers say --------------------------------------------------- */

START_TEST(test_a_printer_is_heard)
{
	char buf[100] = "";
	size_t n = 99;

	begin_with(&(struct raw_habits){ .says = "READY" });
	ck_assert_int_eq(hear(buf, sizeof(buf), &n), PP_INVALID_HANDLE);
	ck_assert_uint_eq(n, 0);
	start(1);
	ck_assert_int_ge(module.host->watched_fd, 0);
	hear_all(buf, 5);
	ck_assert_str_eq(buf, "READY");
	ck_assert_int_eq(hear(buf, sizeof(buf), &n), PP_OK);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_int_eq(module.host->watched_fd, -1);
}
END_TEST

START_TEST(rule_77_a_printer_is_heard_while_it_takes_nothing)
{
	static char heard[1 << 20];
	size_t n, done = 0, answers = 0;

	begin_with(&(struct raw_habits){ .chatter = LARGE_LEN,
	    .receive_buffer = 4096 });
	ck_assert_int_eq(module.table->set_port_timeouts(port,
	    &(struct pp_timeouts){ .size = sizeof(struct pp_timeouts),
	    .write_ms = 1u << 30 }), PP_OK);
	start(1);
	while (done < LARGE_LEN) {
		ck_assert_int_eq(put_some(large + done, LARGE_LEN - done, &n),
		    PP_OK);
		done += n;
		if (n > 0)
			continue;
		ck_assert_int_eq(hear(heard, sizeof(heard), &n), PP_OK);
		answers += n;
	}
	ck_assert_uint_eq(answers, LARGE_LEN);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert(raw_has(printer, large, LARGE_LEN));
}
END_TEST

START_TEST(rule_45_what_is_said_at_the_end_can_be_read_after_it)
{
	char buf[100] = "";
	size_t n = 99;

	begin_with(&(struct raw_habits){ .says_last = "PAGES=5" });
	print(1, "Hello");
	ck_assert_int_eq(hear(buf, 5, &n), PP_OK);
	ck_assert_uint_eq(n, 5);
	ck_assert_int_eq(hear(buf + 5, sizeof(buf) - 5, &n), PP_OK);
	ck_assert_str_eq(buf, "PAGES=5");
	ck_assert_int_eq(hear(buf, sizeof(buf), &n), PP_INVALID_HANDLE);
	ck_assert_uint_eq(n, 0);
	print(2, "Hello");
	start(3);
	ck_assert_int_eq(hear(buf, sizeof(buf), &n), PP_OK);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(end_deleted(), PP_OK);
}
END_TEST

START_TEST(test_of_endless_talk_the_end_is_kept)
{
	static char heard[LARGE_LEN];
	size_t n = 1, sum = 0;

	begin_with(&(struct raw_habits){ .chatter = LARGE_LEN,
	    .says_last = "PAGES=5" });
	print(1, "Hello");
	ck_assert(raw_has(printer, "Hello", 5));
	while (hear(heard + sum, sizeof(heard) - sum, &n) == PP_OK)
		sum += n;
	ck_assert_uint_eq(sum, 65536);
	ck_assert_int_eq(memcmp(heard + sum - 7, "PAGES=5", 7), 0);
}
END_TEST

/* ---- one connection for all ---------------------------------------------- */

START_TEST(test_a_kept_connection_takes_all_documents)
{
	char buf[100] = "";
	size_t n = 99;

	begin_with(&(struct raw_habits){ .says = "READY" });
	module.table->close_port(port);
	set("keep_connection", "yes");
	open_port();
	print(1, "one");
	print(2, "two");
	raw_wait_bytes(printer, 6);
	ck_assert(raw_has(printer, "onetwo", 6));
	ck_assert_uint_eq(raw_connections(printer), 1);
	hear_all(buf, 5);
	ck_assert_str_eq(buf, "READY");
	ck_assert_int_eq(hear(buf, sizeof(buf), &n), PP_OK);
}
END_TEST

START_TEST(test_a_kept_connection_that_is_gone_is_made_anew)
{
	begin_with(&(struct raw_habits){ .limit = 3, .at_limit = _i == 0 ?
	    RAW_CLOSE : RAW_RESET });
	module.table->close_port(port);
	set("keep_connection", "yes");
	open_port();
	start(1);
	(void)put("one", 3);
	(void)end();
	raw_wait_connections(printer, 1);
	print(2, "2");
	raw_wait_bytes(printer, 4);
	ck_assert_uint_eq(raw_connections(printer), 2);
}
END_TEST

START_TEST(test_a_deleted_document_takes_the_kept_connection_along)
{
	begin();
	module.table->close_port(port);
	set("keep_connection", "yes");
	open_port();
	start(1);
	ck_assert_int_eq(put("one", 3), PP_OK);
	ck_assert_int_eq(end_deleted(), PP_OK);
	raw_wait_connections(printer, 1);
	ck_assert_uint_eq(raw_resets(printer), 1);
	print(2, "two");
}
END_TEST

/* ---- settings ------------------------------------------------------------ */

static const struct {
	const char	*key, *value;
	const char	*says;
} bad_settings[] = {
	{ "host", "", "\"host\" is missing" },
	{ "host", "socket://10.0.0.5:9100", "found an URL" },
	{ "host", "10.0.0.5:9100", "host = 10.0.0.5, port = 9100" },
	{ "host", "[fd00::5]", "without brackets" },
	{ "host", "10.0.0.5, 10.0.0.6", "one name or one address" },
	{ "host", "10.0.0.5/24", "one name or one address" },
	{ "tls_ca", "/etc/ca.pem", "tls_ca needs tls = yes" },
	{ "tls_verify", "no", "tls_verify = no needs tls = yes" },
	{ "tls_fingerprint", "sha256:", "tls_fingerprint needs tls = yes" },
};
#define BAD_SETTINGS	((int)(sizeof(bad_settings) / sizeof(bad_settings[0])))

START_TEST(test_bad_settings_are_found)
{
	struct pp_port *other;

	set("host", "127.0.0.1");
	set(bad_settings[_i].key, bad_settings[_i].value);
	ck_assert_int_eq(module.table->check_port(module.monitor, "lobby"),
	    PP_INVALID_DATA);
	assert_logged(bad_settings[_i].says);
	ck_assert_int_eq(module.table->open_port(module.monitor, "lobby",
	    &other), PP_INVALID_DATA);
	ck_assert_ptr_null(other);
}
END_TEST

static const struct {
	const char	*verify, *fingerprint, *ca, *key;
	const char	*says;
} bad_tls[] = {
#define DIGITS	"0123456789abcdef0123456789ABCDEF"
	{ NULL, "sha256:" DIGITS, NULL, NULL, "expected sha256: and 64" },
	{ NULL, "sha256:" DIGITS DIGITS "0", NULL, NULL, "expected sha256:" },
	{ NULL, "sha256:" DIGITS DIGITS ":", NULL, NULL, "expected sha256:" },
	{ NULL, "sha256:" DIGITS "x0" DIGITS, NULL, NULL, "expected sha256:" },
	{ NULL, "sha1:" DIGITS DIGITS, NULL, NULL, "expected sha256:" },
	{ NULL, DIGITS DIGITS, NULL, NULL, "expected sha256:" },
	{ NULL, "sha256:" DIGITS DIGITS, "/x", NULL, "no issuer is looked at" },
	{ "no", "sha256:" DIGITS DIGITS, NULL, NULL,
	  "tls_fingerprint is not looked at with tls_verify = no" },
	{ "no", NULL, "/x", NULL, "tls_ca is not looked at" },
	{ NULL, NULL, NULL, "/x", "tls_key needs tls_certificate" },
	{ NULL, NULL, "/x", NULL, "tls_ca = /x: No such file" },
};
#define BAD_TLS	((int)(sizeof(bad_tls) / sizeof(bad_tls[0])))

START_TEST(test_bad_settings_of_tls_are_found)
{
	set("host", "127.0.0.1");
	set("tls", "yes");
	if (bad_tls[_i].verify != NULL)
		set("tls_verify", bad_tls[_i].verify);
	if (bad_tls[_i].fingerprint != NULL)
		set("tls_fingerprint", bad_tls[_i].fingerprint);
	if (bad_tls[_i].ca != NULL)
		set("tls_ca", bad_tls[_i].ca);
	if (bad_tls[_i].key != NULL)
		set("tls_key", bad_tls[_i].key);
	ck_assert_int_eq(module.table->check_port(module.monitor, "lobby"),
	    PP_INVALID_DATA);
	assert_logged(bad_tls[_i].says);
}
END_TEST

START_TEST(test_all_faults_are_told_at_once)
{
	set("host", "10.0.0.5:9100");
	set("tls", "yes");
	set("tls_fingerprint", "sha256:0");
	set("tls_key", "/x");
	ck_assert_int_eq(module.table->check_port(module.monitor, "lobby"),
	    PP_INVALID_DATA);
	ck_assert_uint_eq(module.host->n_logs, 1);
	assert_logged("write the port apart");
	assert_logged("expected sha256:");
	assert_logged("tls_key needs tls_certificate");
}
END_TEST

START_TEST(test_good_fingerprints)
{
	set("host", "127.0.0.1");
	set("tls", "yes");
	set("tls_fingerprint", "SHA256:" DIGITS DIGITS);
	ck_assert_int_eq(module.table->check_port(module.monitor, "lobby"),
	    PP_OK);
	set("tls_fingerprint", "sha256:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:"
	    "AB:CD:EF:01:23:45:67:89:AB:CD:EF:01:23:45:67:89:AB:CD:EF");
	ck_assert_int_eq(module.table->check_port(module.monitor, "lobby"),
	    PP_OK);
	ck_assert_uint_eq(module.host->n_logs, 0);
}
END_TEST

START_TEST(test_good_settings_are_not_tried)
{
	set("host", "printer.invalid");
	ck_assert_int_eq(module.table->check_port(module.monitor, "lobby"),
	    PP_OK);
	set("host", "fe80::1%eth0");
	ck_assert_int_eq(module.table->check_port(module.monitor, "lobby"),
	    PP_OK);
	ck_assert_uint_eq(module.host->n_logs, 0);
}
END_TEST

START_TEST(test_a_name_that_nobody_knows)
{
	set("host", "printer.invalid");
	open_port();
	ck_assert_int_eq(try_start(1), -EHOSTUNREACH);
	assert_logged("host = printer.invalid: ");
}
END_TEST

static Suite *
socket_suite(void)
{
	const TTest *const contract[] = {
		rule_17_a_second_open_is_busy,
		rule_19_an_unknown_name_is_not_found,
		rule_25_many_documents_leak_nothing,
		rule_28_closing_ends_a_document,
		rule_30_a_nested_start_is_busy,
		rule_31_after_a_failed_start_the_next_may_succeed,
		rule_33_an_unknown_level_is_refused,
		rule_42_an_end_without_a_document_is_harmless,
		rule_48_a_deleted_document_ends_with_a_reset,
		rule_39_a_printer_that_does_not_read_is_a_timeout,
		rule_39_also_for_a_descriptor,
		rule_39_a_printer_that_does_not_answer_is_a_timeout,
		rule_49_a_cancel_ends_a_connect,
		rule_49_a_cancel_ends_a_write,
		rule_49_a_cancel_ends_an_end,
		rule_51_time_outs_count_from_the_next_document,
		rule_72_a_status_that_was_not_heard_is_said_again,
		rule_77_a_printer_is_heard_while_it_takes_nothing,
	};
	const TTest *const printers[] = {
		test_a_name_is_as_good_as_an_address,
		rule_29_each_document_has_a_connection_of_its_own,
		rule_35_writes_of_any_size,
		test_a_descriptor_is_moved_by_the_host,
		test_an_end_waits_until_the_printer_has_all,
		test_a_printer_may_wait_at_the_end_as_long_as_it_likes,
		test_a_printer_that_never_closes_is_waited_for_in_vain,
		test_a_printer_that_never_closes_need_not,
		test_a_reset_in_the_middle_is_told_with_its_place,
		test_a_reset_that_a_read_finds_is_one_of_writes,
		test_a_printer_that_closes_early_has_not_all,
		test_a_printer_that_resets_at_the_end_fails,
		test_a_printer_is_heard,
		rule_45_what_is_said_at_the_end_can_be_read_after_it,
		test_of_endless_talk_the_end_is_kept,
		test_a_kept_connection_takes_all_documents,
		test_a_deleted_document_takes_the_kept_connection_along,
		test_good_settings_are_not_tried,
		test_all_faults_are_told_at_once,
		test_good_fingerprints,
		test_a_name_that_nobody_knows,
	};
	Suite *suite = suite_create("socket");
	TCase *rules = tcase_create("contract"), *rest = tcase_create("rest");
	size_t i;

	tcase_add_checked_fixture(rules, setup, teardown);
	for (i = 0; i < sizeof(contract) / sizeof(contract[0]); i++)
		tcase_add_test(rules, contract[i]);
	suite_add_tcase(suite, rules);
	tcase_add_checked_fixture(rest, setup, teardown);
	tcase_add_loop_test(rest, test_the_printer_gets_the_document, 0, 2);
	for (i = 0; i < sizeof(printers) / sizeof(printers[0]); i++)
		tcase_add_test(rest, printers[i]);
	tcase_add_loop_test(rest,
	    test_a_document_that_ends_in_a_reset_has_not_arrived, 0, 2);
	tcase_add_loop_test(rest,
	    test_a_kept_connection_that_is_gone_is_made_anew, 0, 2);
	tcase_add_loop_test(rest, test_bad_settings_are_found, 0,
	    BAD_SETTINGS);
	tcase_add_loop_test(rest, test_bad_settings_of_tls_are_found, 0,
	    BAD_TLS);
	suite_add_tcase(suite, rest);
	return suite;
}

int
main(void)
{
	return suite_main(socket_suite());
}
