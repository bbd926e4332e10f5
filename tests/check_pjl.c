/*
 * check_pjl - the module `pjl` over a port monitor of the test's own.
 *
 * That one keeps what was written and gives what the test has the printer say;
 * the clock is the test's too, and goes on only while the module waits.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/module.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))
#define UEL		"\033%-12345X"
#define PCL_QUERY	"\033*s1M"
#define PCL_ANSWER	"PCL\r\nINFO MEMORY\r\nTOTAL=1000\r\nLARGEST=10\r\n\f"
#define READY	"@PJL USTATUS DEVICE\r\nCODE=10001\r\nONLINE=TRUE\r\n\f"
#define JAM	"@PJL USTATUS DEVICE\r\nCODE=40022\r\n" \
		"DISPLAY=\"PAPER JAM\"\r\nONLINE=FALSE\r\n\f"

/* ---- the port monitor ---- */

struct pp_port {
	int		 open, in_document;
	char		 got[65536];		/* what the printer got */
	size_t		 got_len, room;		/* room 0: any */
	char		 says[65536];		/* what it has to say */
	size_t		 says_at, says_len;
	const char	*answers[8];		/* to questions, in turn */
	int		 n_answers, answers_at;
	const char	*id;			/* device id; NULL: none */
	int		 open_code, start_code, write_code, end_code;
	int		 read_code, idle_read_code;
	size_t		 write_max;		/* in one write; 0: all */
	int		 empty_writes;		/* the next so many */
	size_t		 read_max;
	int		 starts, ends, reads, services, controls;
	uint64_t	 job;
	uint32_t	 write_ms;
};

static struct pp_port pm;

static int
pm_open(struct pp_monitor *monitor, const char *name, struct pp_port **port)
{
	(void)monitor;
	(void)name;
	*port = NULL;
	if (pm.open_code != PP_OK)
		return pm.open_code;
	ck_assert(!pm.open);
	pm.open = 1;
	*port = &pm;
	return PP_OK;
}

static int
pm_start(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	(void)queue;
	ck_assert_uint_eq(level, 1);
	ck_assert_ptr_nonnull(doc_info);
	ck_assert(!port->in_document);
	if (port->start_code != PP_OK)
		return port->start_code;
	port->in_document = 1;
	port->starts++;
	port->job = job;
	return PP_OK;
}

static void
say(const char *text)
{
	size_t len = strlen(text);

	ck_assert_uint_lt(pm.says_len + len, sizeof(pm.says));
	memcpy(pm.says + pm.says_len, text, len);
	pm.says_len += len;
}

static int
ends_with(const char *text)
{
	size_t len = strlen(text);

	return pm.got_len >= len &&
	    memcmp(pm.got + pm.got_len - len, text, len) == 0;
}

static int
pm_write(struct pp_port *port, const void *buf, size_t len, size_t *written)
{
	*written = 0;
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	if (port->write_code != PP_OK)
		return port->write_code;
	if (port->empty_writes > 0) {
		port->empty_writes--;
		return PP_OK;
	}
	if (port->write_max > 0 && len > port->write_max)
		len = port->write_max;
	if (port->room > 0 && len > port->room - port->got_len)
		len = port->room - port->got_len;
	ck_assert_uint_lt(port->got_len + len, sizeof(port->got));
	memcpy(port->got + port->got_len, buf, len);
	port->got_len += len;
	*written = len;
	if (port->answers_at < port->n_answers && (ends_with(PCL_QUERY) ||
	    ends_with("INFO ID\r\n" UEL) || ends_with("MEMORY\r\n" UEL)))
		say(port->answers[port->answers_at++]);
	return PP_OK;
}

static int
pm_write_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	char bytes[100];
	size_t n = 0;
	ssize_t len;
	int code = PP_OK;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	len = read(fd, bytes, max < sizeof(bytes) ? (size_t)max :
	    sizeof(bytes));
	if (len > 0)
		code = pm_write(port, bytes, (size_t)len, &n);
	moved->written = n;
	moved->source = len > 0 ? PP_SOURCE_MORE : len == 0 ? PP_SOURCE_END :
	    PP_SOURCE_EMPTY;
	return code;
}

static int
pm_read(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	size_t n = port->says_len - port->says_at;
	int code = port->in_document ? port->read_code : port->idle_read_code;

	*len = 0;
	port->reads++;
	if (code != PP_OK)
		return code;
	if (n > size)
		n = size;
	if (port->read_max > 0 && n > port->read_max)
		n = port->read_max;
	memcpy(buf, port->says + port->says_at, n);
	port->says_at += n;
	*len = n;
	return PP_OK;
}

static int
pm_end(struct pp_port *port)
{
	ck_assert(port->in_document);
	port->in_document = 0;
	port->ends++;
	return port->end_code;
}

static int
pm_close(struct pp_port *port)
{
	ck_assert(port->open);
	port->open = 0;
	return PP_OK;
}

static int
pm_printer_data(struct pp_port *port, uint32_t control, const char *name,
    const void *in, size_t in_len, void *out, size_t out_size, size_t *len)
{
	*len = 0;
	port->controls++;
	if (control == PP_CONTROL_DEVICE_ID && port->id != NULL) {
		ck_assert_uint_gt(out_size, strlen(port->id));
		memcpy(out, port->id, strlen(port->id) + 1);
		*len = strlen(port->id) + 1;
		return PP_OK;
	}
	if (control == 7) {
		ck_assert_ptr_null(name);
		memcpy(out, in, in_len);
		*len = in_len;
		return PP_OK;
	}
	if (control == 0 && strcmp(name, "Port Value") == 0)
		return PP_OK;
	return PP_INVALID_PARAMETER;
}

static int
pm_timeouts(struct pp_port *port, const struct pp_timeouts *timeouts)
{
	port->write_ms = timeouts->write_ms;
	return PP_OK;
}

static struct module pjl;

static int
pm_bidi(struct pp_port *port, uint32_t access, const char *action,
    const struct pp_bidi *request, struct pp_bidi **response)
{
	struct pp_host *host = &pjl.host->api;
	const char *schema = request->count > 0 ?
	    request->entries[0].schema : "";

	(void)port;
	(void)access;
	*response = host->bidi_alloc(host->cookie, 1);
	if (strcmp(action, "EnumSchema") != 0 && strcmp(schema,
	    "\\Printer.Port:Speed") != 0) {
		(*response)->entries[0].result = PP_BIDI_SCHEMA_NOT_SUPPORTED;
		return PP_BIDI_WARNING;
	}
	(*response)->entries[0].data.type = PP_BIDI_INT;
	(*response)->entries[0].data.value.number = 9600;
	return PP_OK;
}

static int
pm_service(struct pp_port *port, uint32_t *again_ms)
{
	port->services++;
	*again_ms = 0;
	return PP_OK;
}

static const struct pp_monitor2 pm_table = {
	.size = sizeof(struct pp_monitor2), .abi = PP_MONITOR_ABI,
	.name = "test", .kinds = PP_PORT_MONITOR,
	.open_port = pm_open, .start_doc_port = pm_start,
	.write_port = pm_write, .read_port = pm_read, .end_doc_port = pm_end,
	.close_port = pm_close, .get_printer_data_from_port = pm_printer_data,
	.set_port_timeouts = pm_timeouts,
	.send_recv_bidi_data_from_port = pm_bidi,
	.write_port_from_fd = pm_write_from_fd, .service_port = pm_service,
};

/* ---- the host ---- */

static struct pp_port *port;
static int64_t now_ms;
static uint64_t pages[64];		/* by job */

static const struct pp_doc_info_1 doc = { "Report", NULL, "" };

static int64_t
test_clock(struct pp_spooler *cookie)
{
	(void)cookie;
	return now_ms;
}

static int
test_wait(struct pp_spooler *cookie, int fd, uint32_t events, int timeout_ms)
{
	struct fake_host *host = (struct fake_host *)cookie;

	(void)events;
	ck_assert_int_eq(fd, -1);
	ck_assert_int_ge(timeout_ms, 0);
	if (host->canceled)
		return PP_CANCELED;
	now_ms += timeout_ms;
	return PP_TIMEOUT;
}

static int
test_pages(struct pp_spooler *cookie, uint64_t job, uint64_t count)
{
	(void)cookie;
	ck_assert_uint_lt(job, COUNT(pages));
	pages[job] = count;
	return PP_OK;
}

static int
try_open(const struct pp_monitor2 *table)
{
	return pjl.table->open_port_ex(pjl.monitor, NULL, "lobby", "q", &port,
	    table);
}

static void
open_it(void)
{
	ck_assert_int_eq(try_open(&pm_table), PP_OK);
}

static void
close_it(void)
{
	ck_assert_int_eq(pjl.table->close_port(port), PP_OK);
	ck_assert(!pm.open);
	port = NULL;
}

static void
set(const char *key, const char *value)
{
	fake_host_set(pjl.host, "lobby", key, value);
}

static void
setup(void)
{
	memset(&pm, 0, sizeof(pm));
	memset(pages, 0, sizeof(pages));
	now_ms = 1000000;
	module_open(&pjl, "pjl");
	pjl.host->api.clock_ms = test_clock;
	pjl.host->api.wait_fd = test_wait;
	pjl.host->api.job_pages = test_pages;
	pjl.host->job.length = -1;
	set(NULL, NULL);
}

static void
teardown(void)
{
	if (port != NULL)
		close_it();
	module_close(&pjl);
}

/* ---- documents ---- */

static void
start(uint64_t job)
{
	pjl.host->job.id = job;
	pjl.host->job.flags = 0;
	ck_assert_int_eq(pjl.table->start_doc_port(port, "q", job, 1, &doc),
	    PP_OK);
}

static void
end(void)
{
	ck_assert_int_eq(pjl.table->end_doc_port(port), PP_OK);
}

/* As the host does: until all is taken. */
static void
write_all(const char *text)
{
	size_t len = strlen(text), n;

	while (len > 0) {
		ck_assert_int_eq(pjl.table->write_port(port, text, len, &n),
		    PP_OK);
		ck_assert_uint_le(n, len);
		text += n;
		len -= n;
	}
}

static void
print(uint64_t job)
{
	start(job);
	write_all("data");
	end();
}

static int
got(const char *part)
{
	pm.got[pm.got_len] = '\0';
	return strstr(pm.got, part) != NULL;
}

/* The name that the printer was told of a job, by its last run. */
static const char *
name_of(uint64_t job)
{
	static char names[4][80];
	static int turn;
	char head[64], *at, *last = NULL;

	snprintf(head, sizeof(head), "@PJL JOB NAME = \"printportd %ju ",
	    (uintmax_t)job);
	pm.got[pm.got_len] = '\0';
	for (at = pm.got; (at = strstr(at, head)) != NULL; at++)
		last = at + strlen("@PJL JOB NAME = \"");
	ck_assert_msg(last != NULL, "no job %ju", (uintmax_t)job);
	turn = (turn + 1) % 4;
	snprintf(names[turn], sizeof(names[0]), "%.*s",
	    (int)strcspn(last, "\""), last);
	return names[turn];
}

static void
say_end(const char *name, const char *more)
{
	char text[256];

	snprintf(text, sizeof(text), "@PJL USTATUS JOB\r\nEND\r\n"
	    "NAME=\"%s\"\r\n%s\f", name, more);
	say(text);
}

static uint32_t
service(void)
{
	uint32_t again_ms = 99;

	ck_assert_int_eq(pjl.table->service_port(port, &again_ms), PP_OK);
	return again_ms;
}

static size_t
ejected(uint64_t job)
{
	return fake_host_events(pjl.host, job, PP_JOB_LAST_PAGE_EJECTED);
}

/* Over a printer that speaks PJL, as is known beforehand. */
static void
open_speaking(void)
{
	pm.id = "MFG:HP;CMD:PJL,PCL;";
	open_it();
}

static const struct fake_status *
status(void)
{
	ck_assert_uint_gt(pjl.host->n_statuses, 0);
	return &pjl.host->statuses[pjl.host->n_statuses - 1];
}

/* ---- opening ---- */

START_TEST(rule_05_a_table_without_what_is_needed_is_refused)
{
	struct pp_monitor2 table = pm_table;

	switch (_i) {
	case 0: table.open_port = NULL; break;
	case 1: table.start_doc_port = NULL; break;
	case 2: table.write_port = NULL; break;
	case 3: table.read_port = NULL; break;
	case 4: table.end_doc_port = NULL; break;
	case 5: table.close_port = NULL; break;
	case 6: table.size = 100; break;
	}
	ck_assert_int_eq(try_open(&table), PP_INVALID_MONITOR);
	ck_assert_ptr_null(port);
	ck_assert(!pm.open);
}
END_TEST

START_TEST(rule_22_nothing_is_open_if_the_port_below_is_not)
{
	pm.open_code = -EIO;
	ck_assert_int_eq(try_open(&pm_table), -EIO);
	ck_assert_ptr_null(port);
}
END_TEST

START_TEST(rule_22_the_table_is_copied)
{
	struct pp_monitor2 table = pm_table;

	ck_assert_int_eq(try_open(&table), PP_OK);
	memset(&table, 0, sizeof(table));
	start(1);
	end();
}
END_TEST

/* One from before write_port_from_fd. */
START_TEST(rule_04_a_shorter_table_is_taken)
{
	struct pp_moved moved;
	struct pp_monitor2 table = pm_table;

	table.size = PP_MONITOR2_SIZE_MIN;
	ck_assert_int_eq(try_open(&table), PP_OK);
	start(1);
	ck_assert_int_eq(pjl.table->write_port_from_fd(port, 0, 1, &moved),
	    PP_NOT_SUPPORTED);
	end();
	(void)service();
	ck_assert_int_eq(pm.services, 0);
}
END_TEST

START_TEST(rule_27_closing_clears_the_status_and_closes_the_port_below)
{
	open_speaking();
	print(1);
	say(JAM);
	(void)service();
	ck_assert_int_eq(status()->status, PP_STATUS_PAPER_JAM);
	close_it();
	ck_assert_int_eq(status()->status, PP_STATUS_CLEAR);
}
END_TEST

START_TEST(rule_28_a_port_that_is_closed_in_a_document_is_freed)
{
	open_speaking();
	start(1);
	write_all("data");
	close_it();
}
END_TEST

START_TEST(rule_25_opening_leaks_nothing)
{
	int i;

	for (i = 0; i < 1000; i++) {
		open_speaking();
		print(1);
		close_it();
		pm.got_len = 0;
	}
}
END_TEST

/* ---- does it speak PJL? ---- */

START_TEST(rule_75_a_device_id_with_pjl_is_enough)
{
	open_speaking();
	print(1);
	ck_assert(!got(PCL_QUERY));
	ck_assert(got("@PJL JOB NAME"));
}
END_TEST

START_TEST(rule_75_a_device_id_without_it_is_too)
{
	pm.id = "MFG:EPSON;CMD:ESCPL2,BDC;";
	open_it();
	print(1);
	print(2);
	ck_assert_uint_eq(pm.got_len, 8);
	ck_assert(got("datadata"));
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert_uint_eq(ejected(2), 1);
	ck_assert_int_eq(pm.controls, 1);
}
END_TEST

/* An id that does not say what it speaks: ask in PCL. */
START_TEST(rule_75_a_printer_that_answers_speaks_it)
{
	pm.id = _i == 0 ? NULL : "MFG:HP;MDL:LaserJet;";
	pm.answers[0] = PCL_ANSWER;
	pm.n_answers = 1;
	open_it();
	print(1);
	pm.got[pm.got_len] = '\0';
	ck_assert(strncmp(pm.got, PCL_QUERY UEL "@PJL\r\n", 20) == 0);
	ck_assert(fake_host_logged(pjl.host, "the printer speaks PJL"));
	print(2);
	ck_assert_ptr_null(strstr(pm.got + 5, PCL_QUERY));
}
END_TEST

/* Five bytes in PCL, the first time, and none of PJL. */
START_TEST(rule_75_one_that_does_not_answer_gets_no_pjl)
{
	open_it();
	print(1);
	print(2);
	pm.got[pm.got_len] = '\0';
	ck_assert_str_eq(pm.got, PCL_QUERY "datadata");
	ck_assert_int_ge(now_ms, 1005000);
	ck_assert_int_lt(now_ms, 1006000);
	ck_assert(fake_host_logged(pjl.host, "probe = assume"));
	now_ms += 3600 * 1000;
	(void)service();
	print(3);
	pm.got[pm.got_len] = '\0';
	ck_assert_str_eq(pm.got, PCL_QUERY "datadatadata");
	close_it();
	pm.got_len = 0;
	open_it();
	print(4);
	pm.got[pm.got_len] = '\0';
	ck_assert_str_eq(pm.got, PCL_QUERY "data");
}
END_TEST

START_TEST(rule_75_one_that_cannot_be_asked_gets_nothing)
{
	pm.read_code = pm.idle_read_code = PP_NOT_SUPPORTED;
	open_it();
	print(1);
	pm.got[pm.got_len] = '\0';
	ck_assert_str_eq(pm.got, "data");
	ck_assert_uint_eq(ejected(1), 1);
}
END_TEST

START_TEST(a_printer_can_be_asked_in_pjl)
{
	set("probe", "query");
	pm.id = "CMD:ESCPL2;";			/* it may lie */
	pm.answers[0] = "@PJL INFO ID\r\n\"MODEL X\"\r\n\f";
	pm.n_answers = 1;
	open_it();
	print(1);
	pm.got[pm.got_len] = '\0';
	ck_assert(strncmp(pm.got, UEL "@PJL INFO ID\r\n" UEL UEL, 41) == 0);
	ck_assert(got("@PJL JOB NAME"));
}
END_TEST

START_TEST(old_news_is_no_answer)
{
	pm.says_len = 0;
	say(READY "PCL\r\nINFO MEMORY\r\nTOTAL=1\r\n\f");
	open_it();
	print(1);
	pm.got[pm.got_len] = '\0';
	ck_assert_str_eq(pm.got, PCL_QUERY "data");
}
END_TEST

START_TEST(rule_49_cancel_ends_the_wait_for_an_answer)
{
	size_t n;

	open_it();
	start(1);
	pjl.host->canceled = true;
	pjl.host->job.flags = PP_JOB_DELETING;
	ck_assert_int_eq(pjl.table->write_port(port, "data", 4, &n),
	    PP_CANCELED);
	ck_assert_uint_eq(n, 0);
	end();
	pjl.host->canceled = false;
	pm.answers[0] = PCL_ANSWER;
	pm.n_answers = 1;
	print(2);				/* it is still to be found out */
	ck_assert(got("@PJL JOB NAME = \"printportd 2 "));
	ck_assert_uint_eq(ejected(1), 0);
}
END_TEST

/* ---- a document ---- */

START_TEST(the_words_around_a_document)
{
	char expected[1024], name[80];

	set("silence_timeout", "60s");
	open_speaking();
	print(17);
	snprintf(name, sizeof(name), "%s", name_of(17));
	snprintf(expected, sizeof(expected), "%s@PJL\r\n"
	    "@PJL JOB NAME = \"%s\"\r\n"
	    "@PJL USTATUS JOB = ON\r\n@PJL USTATUS PAGE = ON\r\n"
	    "@PJL USTATUS DEVICE = ON\r\n@PJL USTATUS TIMED = 15\r\n"
	    "%sdata%s@PJL EOJ NAME = \"%s\"\r\n%s", UEL, name, UEL, UEL, name,
	    UEL);
	pm.got[pm.got_len] = '\0';
	ck_assert_str_eq(pm.got, expected);
}
END_TEST

START_TEST(nothing_is_said_that_is_not_wanted)
{
	set("job_control", "no");
	set("ustatus", "no");
	set("probe", "assume");
	pm.read_code = pm.idle_read_code = PP_NOT_SUPPORTED;
	open_it();
	print(1);
	pm.got[pm.got_len] = '\0';
	ck_assert_str_eq(pm.got, UEL "@PJL\r\n" UEL "data" UEL);
	ck_assert_uint_eq(ejected(1), 1);
}
END_TEST

START_TEST(rule_30_a_nested_start_is_busy)
{
	open_speaking();
	start(1);
	ck_assert_int_eq(pjl.table->start_doc_port(port, "q", 2, 1, &doc),
	    PP_BUSY);
	write_all("data");
	end();
	ck_assert_int_eq(pm.starts, 1);
}
END_TEST

START_TEST(rule_31_a_start_that_failed_has_no_end)
{
	open_speaking();
	pm.start_code = -ECONNREFUSED;
	ck_assert_int_eq(pjl.table->start_doc_port(port, "q", 1, 1, &doc),
	    -ECONNREFUSED);
	end();
	ck_assert_int_eq(pm.ends, 0);
	pm.start_code = PP_OK;
	print(1);
}
END_TEST

START_TEST(rule_33_an_unknown_level_is_refused)
{
	open_speaking();
	ck_assert_int_eq(pjl.table->start_doc_port(port, "q", 1, 2, &doc),
	    PP_INVALID_LEVEL);
	ck_assert_int_eq(pm.starts, 0);
}
END_TEST

START_TEST(a_write_without_a_document_is_refused)
{
	struct pp_moved moved;
	size_t n = 99;

	open_speaking();
	ck_assert_int_eq(pjl.table->write_port(port, "x", 1, &n),
	    PP_NO_DOCUMENT);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(pjl.table->write_port_from_fd(port, 0, 1, &moved),
	    PP_NO_DOCUMENT);
}
END_TEST

/* Whatever the port takes at a time, and however often it takes nothing. */
START_TEST(rule_37_only_the_callers_bytes_are_counted)
{
	static const char data[] = "data";
	size_t n, total = 0;
	int i;

	pm.write_max = (size_t)_i;
	open_speaking();
	start(1);
	for (i = 0; i < 10000 && total < 4; i++) {
		pm.empty_writes = i % 3 == 0 ? 1 : 0;
		ck_assert_int_eq(pjl.table->write_port(port, data + total,
		    4 - total, &n), PP_OK);
		ck_assert_uint_le(n, 4 - total);
		total += n;
	}
	ck_assert_uint_eq(total, 4);
	pm.empty_writes = 3;
	end();
	pm.got[pm.got_len] = '\0';
	ck_assert_ptr_nonnull(strstr(pm.got, "TIMED = 30\r\n" UEL "data"
	    UEL "@PJL EOJ"));
	ck_assert(ends_with("\r\n" UEL));
}
END_TEST

START_TEST(rule_35_bytes_of_a_descriptor_are_forwarded)
{
	struct pp_moved moved;
	int fd[2];

	open_speaking();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fd), 0);
	start(1);
	ck_assert_int_eq(pjl.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_OK);
	ck_assert_int_eq(moved.source, PP_SOURCE_EMPTY);
	ck_assert_uint_eq(pm.got_len, 0);	/* nothing is said too early */
	ck_assert_int_eq(write(fd[1], "bytes", 5), 5);
	ck_assert_int_eq(pjl.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_OK);
	ck_assert_uint_eq(moved.written, 5);
	end();
	ck_assert(got("@PJL JOB NAME"));
	ck_assert(got(UEL "bytes" UEL));
	close(fd[0]);
	close(fd[1]);
}
END_TEST

START_TEST(a_document_without_a_byte_is_none_to_the_printer)
{
	struct pp_moved moved;

	open_speaking();
	pjl.host->job.length = 0;
	start(1);
	ck_assert_int_eq(pjl.table->write_port_from_fd(port,
	    open("/dev/null", O_RDONLY), 100, &moved), PP_OK);
	ck_assert_int_eq(moved.source, PP_SOURCE_END);
	end();
	ck_assert_uint_eq(pm.got_len, 0);
	ck_assert_uint_eq(ejected(1), 1);
}
END_TEST

START_TEST(a_failed_write_is_passed_on)
{
	size_t n;

	open_speaking();
	pm.write_code = -ECONNRESET;
	start(1);
	ck_assert_int_eq(pjl.table->write_port(port, "data", 4, &n),
	    -ECONNRESET);
	pjl.host->job.flags = PP_JOB_DELETING;
	end();
	ck_assert_int_eq(pm.ends, 1);
}
END_TEST

START_TEST(an_end_that_cannot_be_said_fails_the_document)
{
	open_speaking();
	start(1);
	write_all("data");
	pm.write_code = -ECONNRESET;
	ck_assert_int_eq(pjl.table->end_doc_port(port), -ECONNRESET);
	ck_assert_int_eq(pm.ends, 1);
	ck_assert_uint_eq(ejected(1), 0);
}
END_TEST

START_TEST(rule_43_an_end_that_failed_below_claims_nothing)
{
	open_speaking();
	start(1);
	write_all("data");
	pm.end_code = -EIO;
	ck_assert_int_eq(pjl.table->end_doc_port(port), -EIO);
	ck_assert_uint_eq(ejected(1), 0);
}
END_TEST

START_TEST(rule_49_cancel_ends_an_end_that_does_not_go_out)
{
	open_speaking();
	start(1);
	write_all("data");
	pm.write_code = PP_TIMEOUT;
	pjl.host->canceled = true;
	ck_assert_int_eq(pjl.table->end_doc_port(port), PP_CANCELED);
	ck_assert_int_eq(pm.ends, 1);
	ck_assert_uint_eq(ejected(1), 0);
}
END_TEST

START_TEST(rule_51_time_outs_are_forwarded)
{
	struct pp_timeouts timeouts = { .size = sizeof(timeouts),
	    .write_ms = 77 };

	open_speaking();
	ck_assert_int_eq(pjl.table->set_port_timeouts(port, &timeouts), PP_OK);
	ck_assert_uint_eq(pm.write_ms, 77);
}
END_TEST

/* ---- Control-D ---- */

static const struct {
	const char	*parts[4], *out;
} ctrl_ds[] = {
	{ { "\004%!PS\n\004" }, "%!PS\n" },
	{ { "\004", "\004%!PS\n", "\004" }, "%!PS\n" },
	{ { "a\004", "b\004" }, "a\004b" },
	{ { "a\004b" }, "a\004b" },
	{ { "a", "\004", "\004" }, "a\004" },
	{ { "\004\004" }, "" },
};

START_TEST(control_d_around_a_document_is_dropped)
{
	struct pp_moved moved;
	char expected[64];
	int i;

	set("strip_ctrl_d", "yes");
	pm.write_max = 1;
	open_speaking();
	start(1);
	ck_assert_int_eq(pjl.table->write_port_from_fd(port, 0, 1, &moved),
	    PP_NOT_SUPPORTED);
	for (i = 0; i < 4 && ctrl_ds[_i].parts[i] != NULL; i++)
		write_all(ctrl_ds[_i].parts[i]);
	end();
	snprintf(expected, sizeof(expected), "TIMED = 30\r\n%s%s%s@PJL EOJ", UEL,
	    ctrl_ds[_i].out, UEL);
	ck_assert(got(expected));
}
END_TEST

/* ---- the end of a job ---- */

START_TEST(rule_44_a_two_way_printer_says_when_the_last_page_is_out)
{
	open_speaking();
	print(1);
	ck_assert_uint_eq(pjl.host->n_events, 0);
	(void)service();
	ck_assert_uint_eq(pjl.host->n_events, 0);
	say_end(name_of(1), "");
	(void)service();
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert_uint_eq(pjl.host->n_events, 1);
}
END_TEST

START_TEST(rule_44_of_a_one_way_printer_the_end_of_the_document_is_it)
{
	set("probe", "assume");
	pm.idle_read_code = PP_NOT_SUPPORTED;
	pm.read_code = _i == 0 ? PP_NOT_SUPPORTED : PP_OK;
	open_it();
	print(1);
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert_int_eq(got("USTATUS"), _i == 1);
}
END_TEST

START_TEST(rule_44_or_its_time_is_up)
{
	open_speaking();
	print(1);
	now_ms += 59999;
	ck_assert_uint_eq(service(), 1);
	ck_assert_uint_eq(ejected(1), 0);
	now_ms += 1;
	(void)service();
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert(fake_host_logged(pjl.host, "eoj_timeout"));
}
END_TEST

START_TEST(the_time_of_a_job_stands_still_while_the_printer_is_in_trouble)
{
	open_speaking();
	print(1);
	now_ms += 30000;
	say(JAM);
	(void)service();
	now_ms += 230000;
	(void)service();
	ck_assert_uint_eq(ejected(1), 0);
	say(READY);
	(void)service();
	now_ms += 29999;
	(void)service();
	ck_assert_uint_eq(ejected(1), 0);
	now_ms += 1;
	(void)service();
	ck_assert_uint_eq(ejected(1), 1);
}
END_TEST

START_TEST(the_time_of_a_job_begins_anew_with_each_page)
{
	int i;

	open_speaking();
	print(1);
	for (i = 0; i < 10; i++) {
		now_ms += 50000;
		say("@PJL USTATUS PAGE\r\n1\r\n\f");
		(void)service();
	}
	ck_assert_uint_eq(ejected(1), 0);
}
END_TEST

START_TEST(rule_45_the_next_document_may_start_before_that)
{
	open_speaking();
	print(1);
	print(2);
	print(3);
	ck_assert_uint_eq(pjl.host->n_events, 0);
	say_end(name_of(1), "");
	(void)service();
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert_uint_eq(pjl.host->n_events, 1);
}
END_TEST

START_TEST(rule_46_the_end_of_a_job_is_that_of_all_older_ones)
{
	open_speaking();
	print(1);
	print(2);
	print(3);
	say_end(name_of(2), "");
	(void)service();
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert_uint_eq(ejected(2), 1);
	ck_assert_uint_eq(ejected(3), 0);
	ck_assert_uint_eq(pjl.host->events[0].job, 1);
}
END_TEST

START_TEST(rule_46_also_when_it_is_heard_in_the_next_document)
{
	char buf[100];
	size_t n;

	open_speaking();
	print(1);
	start(2);
	write_all("da");
	say_end(name_of(1), "");
	ck_assert_int_eq(pjl.table->read_port(port, buf, sizeof(buf), &n),
	    PP_OK);
	ck_assert_uint_eq(n, 0);
	ck_assert_uint_eq(ejected(1), 1);
	write_all("ta");
	end();
	ck_assert_uint_eq(ejected(2), 0);
}
END_TEST

START_TEST(rule_47_a_late_report_of_the_first_run_is_not_the_seconds)
{
	char first[80];

	open_speaking();
	print(1);
	snprintf(first, sizeof(first), "%s", name_of(1));
	say_end(first, "");
	(void)service();
	print(1);
	ck_assert_str_ne(first, name_of(1));
	say_end(first, "");
	(void)service();
	ck_assert_uint_eq(ejected(1), 1);
	say_end(name_of(1), "");
	(void)service();
	ck_assert_uint_eq(ejected(1), 2);
}
END_TEST

START_TEST(rule_47_nor_is_one_of_an_earlier_opening)
{
	char first[80];

	open_speaking();
	print(1);
	snprintf(first, sizeof(first), "%s", name_of(1));
	close_it();
	usleep(2000);			/* names have milliseconds in them */
	pm.got_len = 0;
	open_it();
	print(1);
	say_end(first, "");
	(void)service();
	ck_assert_uint_eq(ejected(1), 0);
}
END_TEST

START_TEST(rule_48_a_deleted_job_is_ended_and_nothing_is_claimed)
{
	open_speaking();
	print(1);
	start(2);
	write_all("da");
	pjl.host->job.flags = PP_JOB_DELETING;
	end();
	ck_assert(got("da" UEL "@PJL EOJ NAME = \"printportd 2 "));
	say_end(name_of(2), "RESULT=OK\r\nPAGES=9\r\n");
	(void)service();
	ck_assert_uint_eq(ejected(2), 0);
	ck_assert_uint_eq(pages[2], 0);
	ck_assert_uint_eq(ejected(1), 1);	/* it was before it */
}
END_TEST

START_TEST(rule_48_a_deleted_job_does_not_wait_for_a_stuck_printer)
{
	int64_t before;

	open_speaking();
	start(1);
	write_all("da");
	pjl.host->job.flags = PP_JOB_DELETING;
	pm.write_code = PP_TIMEOUT;
	before = now_ms;
	end();
	ck_assert_int_eq(now_ms, before);
	ck_assert_int_eq(pm.ends, 1);
	pm.write_code = PP_OK;
	print(2);
	ck_assert(got("da" UEL "@PJL\r\n@PJL EOJ NAME = \"printportd 1"));
	ck_assert(got("@PJL JOB NAME = \"printportd 2"));
	print(3);
	ck_assert(!got("data" UEL "@PJL\r\n@PJL EOJ"));
	ck_assert_ptr_null(strstr(strstr(pm.got, "EOJ NAME = \"printportd 1") +
	    1, "EOJ NAME = \"printportd 1"));
}
END_TEST

/* Its preamble had not got out whole. */
START_TEST(rule_48_a_job_that_was_deleted_early_is_over_for_the_printer)
{
	size_t n;

	open_speaking();
	pm.room = (size_t)_i;
	start(1);
	ck_assert_int_eq(pjl.table->write_port(port, "data", 4, &n), PP_OK);
	ck_assert_uint_eq(n, 0);
	ck_assert_uint_eq(pm.got_len, pm.room);
	pjl.host->job.flags = PP_JOB_DELETING;
	pm.room = 0;
	end();
	ck_assert_int_eq(pm.ends, 1);
	pm.got[pm.got_len] = '\0';
	ck_assert(strncmp(pm.got + _i, UEL "@PJL EOJ", 17) == 0);
	ck_assert(!got("data"));
	print(2);
	ck_assert(got("@PJL JOB NAME = \"printportd 2"));
	ck_assert_uint_eq(ejected(1), 0);
}
END_TEST

START_TEST(a_job_that_is_canceled_at_the_printer_is_over)
{
	open_speaking();
	if (_i == 0) {
		print(1);
		say_end(name_of(1), "RESULT=CANCELED\r\n");
		(void)service();
	} else {
		start(1);
		write_all("da");
		say_end(name_of(1), "RESULT=CANCELED\r\n");
		write_all("ta");
		end();
	}
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert(fake_host_logged(pjl.host,
	    "job 1 was canceled at the printer"));
}
END_TEST

START_TEST(pages_are_counted)
{
	open_speaking();
	print(1);
	print(2);
	say("@PJL USTATUS PAGE\r\n1\r\n\f@PJL USTATUS PAGE\r\n2\r\n\f");
	(void)service();
	ck_assert_uint_eq(pages[1], 2);
	say_end(name_of(1), "PAGES=3\r\n");
	say("@PJL USTATUS PAGE\r\n1\r\n\f");
	(void)service();
	ck_assert_uint_eq(pages[1], 3);
	ck_assert_uint_eq(pages[2], 1);
}
END_TEST

START_TEST(an_empty_document_does_not_end_those_before_it)
{
	open_speaking();
	print(1);
	start(2);
	end();
	ck_assert_uint_eq(pjl.host->n_events, 0);
	say_end(name_of(1), "");
	(void)service();
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert_uint_eq(ejected(2), 1);
}
END_TEST

START_TEST(more_jobs_than_can_be_remembered)
{
	uint64_t job;

	open_speaking();
	for (job = 1; job <= 70; job++) {
		print(job);
		pm.got_len = 0;
	}
	for (job = 1; job <= 70; job++)
		ck_assert_uint_eq(ejected(job), job <= 6 ? 1 : 0);
}
END_TEST

/* ---- the status ---- */

START_TEST(rule_72_only_changes_are_reported)
{
	open_speaking();
	print(1);
	say(READY READY);
	(void)service();
	ck_assert_uint_eq(pjl.host->n_statuses, 0);
	say(JAM JAM);
	(void)service();
	say(JAM);
	(void)service();
	ck_assert_uint_eq(pjl.host->n_statuses, 1);
	ck_assert_int_eq(status()->status, PP_STATUS_PAPER_JAM);
	ck_assert_int_eq(status()->severity, PP_SEVERITY_ERROR);
	ck_assert_str_eq(status()->text, "PAPER JAM");
	say(READY);
	(void)service();
	ck_assert_uint_eq(pjl.host->n_statuses, 2);
	ck_assert_int_eq(status()->status, PP_STATUS_CLEAR);
	ck_assert_int_eq(status()->severity, PP_SEVERITY_NONE);
}
END_TEST

START_TEST(rule_72_a_report_that_failed_is_made_again)
{
	open_speaking();
	print(1);
	pjl.host->status_error = -EIO;
	say(JAM);
	(void)service();
	(void)service();
	ck_assert_uint_ge(pjl.host->n_statuses, 2);
	pjl.host->status_error = PP_OK;
	(void)service();
	pjl.host->n_statuses = 0;
	(void)service();
	ck_assert_uint_eq(pjl.host->n_statuses, 0);
}
END_TEST

START_TEST(rule_73_a_message_changes_what_it_speaks_of_only)
{
	open_speaking();
	print(1);
	say(JAM);
	(void)service();
	say("@PJL USTATUS JOB\r\nSTART\r\nNAME=\"x\"\r\n\f");
	say("@PJL USTATUS PAGE\r\n1\r\n\f@PJL INFO ID\r\n\"x\"\r\n\f");
	say("@PJL USTATUS DEVICE\r\nCODE=27010\r\n\f");
	say("@PJL USTATUS DEVICE\r\nDISPLAY=\"hello\"\r\n\f");
	say("@PJL USTATUS DEVICE\r\nONLINE=TRUE\r\n\f");
	say_end(name_of(1), "");
	(void)service();
	ck_assert_uint_eq(pjl.host->n_statuses, 1);
	ck_assert_uint_eq(ejected(1), 1);
	print(2);
	say(READY);
	(void)service();
	ck_assert_uint_eq(ejected(2), 0);
}
END_TEST

START_TEST(rule_74_reads_of_any_size)
{
	open_speaking();
	pm.read_max = (size_t)_i;
	print(1);
	say(JAM);
	say_end(name_of(1), "PAGES=4\r\n");
	while (pm.says_at < pm.says_len)
		(void)service();
	ck_assert_int_eq(status()->status, PP_STATUS_PAPER_JAM);
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert_uint_eq(pages[1], 4);
}
END_TEST

START_TEST(rule_76_offline_without_a_finer_code)
{
	open_speaking();
	print(1);
	say("@PJL USTATUS TIMED\r\nCODE=10001\r\nONLINE=FALSE\r\n\f");
	(void)service();
	ck_assert_int_eq(status()->status, PP_STATUS_OFFLINE);
	ck_assert_int_eq(status()->severity, PP_SEVERITY_ERROR);
	say("@PJL USTATUS DEVICE\r\nONLINE=TRUE\r\n\f");
	(void)service();
	ck_assert_int_eq(status()->status, PP_STATUS_CLEAR);
	say("@PJL USTATUS DEVICE\r\nCODE=10003\r\nONLINE=FALSE\r\n\f");
	(void)service();
	ck_assert_int_eq(status()->status, PP_STATUS_WARMING_UP);
	ck_assert_int_eq(status()->severity, PP_SEVERITY_WARNING);
}
END_TEST

/* Nobody would tell when it is over. */
START_TEST(trouble_is_forgotten_when_the_printer_cannot_be_heard)
{
	char buf[10];
	size_t n;

	open_speaking();
	start(1);
	write_all("data");
	say(JAM);
	ck_assert_int_eq(pjl.table->read_port(port, buf, sizeof(buf), &n),
	    PP_OK);
	ck_assert_int_eq(status()->severity, PP_SEVERITY_ERROR);
	pm.idle_read_code = PP_INVALID_HANDLE;
	end();
	(void)service();
	ck_assert_int_eq(status()->severity, PP_SEVERITY_NONE);
	ck_assert_uint_eq(ejected(1), 1);
}
END_TEST

START_TEST(rule_75_a_silent_printer_is_forgotten)
{
	open_speaking();
	print(1);
	say(JAM);
	(void)service();
	ck_assert_uint_le(service(), 5000);
	now_ms += 4 * 60000 - 1;
	ck_assert_uint_eq(service(), 1);
	ck_assert_uint_eq(ejected(1), 0);
	now_ms += 1;
	(void)service();
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert_int_eq(status()->status, PP_STATUS_CLEAR);
	/* It may be another by now. */
	pm.id = "CMD:ESCPL2;";
	pm.got_len = 0;
	print(2);
	pm.got[pm.got_len] = '\0';
	ck_assert_str_eq(pm.got, "data");
}
END_TEST

START_TEST(rule_75_one_that_speaks_now_and_then_is_not)
{
	int i;

	open_speaking();
	print(1);
	say_end(name_of(1), "");
	for (i = 0; i < 100; i++) {
		now_ms += 30000;
		say("@PJL USTATUS TIMED\r\nCODE=10001\r\nONLINE=TRUE\r\n\f");
		ck_assert_uint_eq(service(), 30000);
	}
	ck_assert(!fake_host_logged(pjl.host, "silent"));
	ck_assert_int_eq(pm.controls, 1);
}
END_TEST

/* The rest of it does not come over another connection. */
START_TEST(rule_74_half_a_message_spoils_none_after_a_break)
{
	open_speaking();
	print(1);
	say("@PJL USTATUS DEVICE\r\nCODE=40022");
	(void)service();
	pm.idle_read_code = PP_END_OF_DATA;
	(void)service();
	pm.idle_read_code = PP_OK;
	say_end(name_of(1), "");
	(void)service();
	ck_assert_uint_eq(ejected(1), 1);
	ck_assert_uint_eq(pjl.host->n_statuses, 0);
}
END_TEST

START_TEST(rule_77_a_refused_read_does_not_stop_it)
{
	open_speaking();
	print(1);
	pm.idle_read_code = -EIO;
	(void)service();
	print(2);
	pm.idle_read_code = PP_OK;
	print(3);
	say_end(name_of(3), "");
	(void)service();
	ck_assert_uint_eq(ejected(3), 1);
}
END_TEST

/* ---- what the printer says to a client ---- */

START_TEST(a_client_gets_what_was_said_to_it)
{
	char buf[200];
	size_t n, len = 0, size = (size_t)_i;

	open_speaking();
	start(1);
	write_all("data");
	say("one" READY "\n@PJL INFO ID\r\n\"x\"\r\n\f" READY JAM "two@P");
	do {
		ck_assert_int_eq(pjl.table->read_port(port, buf + len, size,
		    &n), PP_OK);
		ck_assert_uint_le(n, size);
		len += n;
	} while (n > 0);
	buf[len] = '\0';
	ck_assert_str_eq(buf, "one@PJL USTATUS DEVICE\r\nCODE=10001\r\n"
	    "ONLINE=TRUE\r\n\f\n@PJL INFO ID\r\n\"x\"\r\n\ftwo@P");
	ck_assert_int_eq(status()->status, PP_STATUS_PAPER_JAM);
	end();
}
END_TEST

START_TEST(of_a_mute_printer_all_is_for_the_client)
{
	char buf[200];
	size_t n;

	pm.id = "CMD:ESCPL2;";
	open_it();
	start(1);
	write_all("data");
	say(READY);
	ck_assert_int_eq(pjl.table->read_port(port, buf, sizeof(buf), &n),
	    PP_OK);
	ck_assert_uint_eq(n, strlen(READY));
	ck_assert_mem_eq(buf, READY, n);
	pm.read_code = PP_END_OF_DATA;
	ck_assert_int_eq(pjl.table->read_port(port, buf, sizeof(buf), &n),
	    PP_END_OF_DATA);
	end();
}
END_TEST

/* ---- questions ---- */

static int
ask(const char *name, uint32_t *value)
{
	size_t len;
	int code;

	code = pjl.table->get_printer_data_from_port(port, 0, name, NULL, 0,
	    value, sizeof(*value), &len);
	if (code == PP_OK)
		ck_assert_uint_eq(len, sizeof(*value));
	return code;
}

START_TEST(rule_64_memory_is_asked_of_the_printer)
{
	uint32_t value = 0;

	open_speaking();
	ck_assert_int_eq(ask("Installed Memory", &value), PP_NOT_SUPPORTED);
	start(1);
	write_all("data");
	ck_assert_int_eq(ask("Installed Memory", &value), PP_BUSY);
	end();
	say("@PJL INFO MEMORY\r\nTOTAL=8000\r\nLARGEST=4000\r\n\f");
	ck_assert_int_eq(ask("installed MEMORY", &value), PP_OK);
	ck_assert_uint_eq(value, 8000);
	ck_assert_int_eq(ask("Available Memory", &value), PP_OK);
	ck_assert_uint_eq(value, 4000);
	pm.in_document = 1;		/* a port that takes words anytime */
	pm.answers[0] = "@PJL INFO MEMORY\r\nTOTAL=8000\r\nLARGEST=50\r\n\f";
	pm.n_answers = 1;
	ck_assert_int_eq(ask("Available Memory", &value), PP_OK);
	ck_assert_uint_eq(value, 50);
	ck_assert(ends_with(UEL "@PJL INFO MEMORY\r\n" UEL));
}
END_TEST

START_TEST(rule_64_controls_pass_through_unchanged)
{
	char out[8];
	size_t len;

	open_speaking();
	ck_assert_int_eq(pjl.table->get_printer_data_from_port(port, 7, NULL,
	    "abc", 4, out, sizeof(out), &len), PP_OK);
	ck_assert_uint_eq(len, 4);
	ck_assert_str_eq(out, "abc");
}
END_TEST

START_TEST(rule_69_other_names_are_the_ports)
{
	char out[8];
	size_t len;

	open_speaking();
	ck_assert_int_eq(pjl.table->get_printer_data_from_port(port, 0,
	    "Port Value", NULL, 0, out, sizeof(out), &len), PP_OK);
	ck_assert_int_eq(pjl.table->get_printer_data_from_port(port, 0,
	    "Nonsense", NULL, 0, out, sizeof(out), &len),
	    PP_INVALID_PARAMETER);
}
END_TEST

static struct pp_bidi *
bidi(const char *action, const char *const *schemas, uint32_t n, int expected)
{
	struct pp_bidi_entry entries[8] = { { 0 } };
	struct pp_bidi request = { .version = 1, .count = n,
	    .entries = entries };
	struct pp_bidi *response;
	uint32_t i;

	for (i = 0; i < n; i++) {
		entries[i].number = i + 10;
		entries[i].schema = schemas[i];
	}
	ck_assert_int_eq(pjl.table->send_recv_bidi_data_from_port(port, 0,
	    action, &request, &response), expected);
	ck_assert_ptr_nonnull(response);
	return response;
}

static void
drop(struct pp_bidi *response)
{
	pjl.host->api.bidi_free(pjl.host->api.cookie, response);
}

START_TEST(rule_66_each_entry_has_its_answer)
{
	static const char *const schemas[] = {
	    "\\Printer.DeviceInfo:ModelName", "\\Printer.Port:Speed",
	    "\\Printer.Nonsense:No", "\\Printer.Status.Summary:State",
	    "\\Printer.Status.Summary:StateReason",
	    "\\Printer.Configuration.Memory:Size" };
	struct pp_bidi *response;
	uint32_t i;

	open_speaking();
	print(1);
	say("@PJL INFO ID\r\n\"MODEL X\"\r\n\f" JAM
	    "@PJL INFO MEMORY\r\nTOTAL=8192\r\n\f");
	(void)service();
	response = bidi("get", schemas, 6, PP_BIDI_WARNING);
	ck_assert_uint_eq(response->count, 6);
	for (i = 0; i < 6; i++) {
		ck_assert_uint_eq(response->entries[i].number, i + 10);
		ck_assert_str_eq(response->entries[i].schema, schemas[i]);
	}
	ck_assert_str_eq(response->entries[0].data.value.bytes, "MODEL X");
	ck_assert_int_eq(response->entries[1].data.value.number, 9600);
	ck_assert_int_eq(response->entries[2].result,
	    PP_BIDI_SCHEMA_NOT_SUPPORTED);
	ck_assert_str_eq(response->entries[3].data.value.bytes, "Closed");
	ck_assert_str_eq(response->entries[4].data.value.bytes, "PaperJam");
	ck_assert_int_eq(response->entries[5].data.value.number, 8);
	drop(response);
}
END_TEST

START_TEST(rule_67_each_fault_has_its_own_result)
{
	static const char *const schemas[] = {
	    "\\Printer.DeviceInfo:ModelName", "\\Printer.Nonsense:No" };
	struct pp_bidi *response;

	open_speaking();
	response = bidi("Set", schemas, 2, PP_BIDI_WARNING);
	ck_assert_int_eq(response->entries[0].result,
	    PP_BIDI_SCHEMA_READ_ONLY);
	ck_assert_int_eq(response->entries[1].result,
	    PP_BIDI_SCHEMA_NOT_SUPPORTED);
	drop(response);
	response = bidi("Get", schemas, 1, PP_BIDI_WARNING);
	ck_assert_int_eq(response->entries[0].result, PP_BIDI_DEVICE_OFFLINE);
	drop(response);
}
END_TEST

START_TEST(rule_69_the_ports_schema_is_listed_with_ours)
{
	struct pp_bidi *response;

	open_speaking();
	response = bidi("EnumSchema", NULL, 0, PP_OK);
	ck_assert_uint_eq(response->count, 5);
	ck_assert_str_eq(response->entries[0].data.value.bytes,
	    "\\Printer.DeviceInfo:ModelName");
	ck_assert_int_eq(response->entries[4].data.type, PP_BIDI_INT);
	drop(response);
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, teardown);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static void
add_ends(TCase *tcase)
{
	tcase_add_test(tcase,
	    rule_44_a_two_way_printer_says_when_the_last_page_is_out);
	tcase_add_loop_test(tcase,
	    rule_44_of_a_one_way_printer_the_end_of_the_document_is_it, 0, 2);
	tcase_add_test(tcase, rule_44_or_its_time_is_up);
	tcase_add_test(tcase,
	    the_time_of_a_job_stands_still_while_the_printer_is_in_trouble);
	tcase_add_test(tcase, the_time_of_a_job_begins_anew_with_each_page);
	tcase_add_test(tcase, rule_45_the_next_document_may_start_before_that);
	tcase_add_test(tcase,
	    rule_46_the_end_of_a_job_is_that_of_all_older_ones);
	tcase_add_test(tcase,
	    rule_46_also_when_it_is_heard_in_the_next_document);
	tcase_add_test(tcase,
	    rule_47_a_late_report_of_the_first_run_is_not_the_seconds);
	tcase_add_test(tcase, rule_47_nor_is_one_of_an_earlier_opening);
	tcase_add_test(tcase,
	    rule_48_a_deleted_job_is_ended_and_nothing_is_claimed);
	tcase_add_test(tcase,
	    rule_48_a_deleted_job_does_not_wait_for_a_stuck_printer);
	tcase_add_loop_test(tcase,
	    rule_48_a_job_that_was_deleted_early_is_over_for_the_printer, 1,
	    100);
	tcase_add_loop_test(tcase,
	    a_job_that_is_canceled_at_the_printer_is_over, 0, 2);
	tcase_add_test(tcase, pages_are_counted);
	tcase_add_test(tcase, an_empty_document_does_not_end_those_before_it);
	tcase_add_test(tcase, more_jobs_than_can_be_remembered);
}

static void
add_statuses(TCase *tcase)
{
	tcase_add_test(tcase, rule_72_only_changes_are_reported);
	tcase_add_test(tcase, rule_72_a_report_that_failed_is_made_again);
	tcase_add_test(tcase,
	    rule_73_a_message_changes_what_it_speaks_of_only);
	tcase_add_loop_test(tcase, rule_74_reads_of_any_size, 1, 20);
	tcase_add_test(tcase, rule_76_offline_without_a_finer_code);
	tcase_add_test(tcase,
	    trouble_is_forgotten_when_the_printer_cannot_be_heard);
	tcase_add_test(tcase, rule_75_a_silent_printer_is_forgotten);
	tcase_add_test(tcase, rule_75_one_that_speaks_now_and_then_is_not);
	tcase_add_test(tcase,
	    rule_74_half_a_message_spoils_none_after_a_break);
	tcase_add_test(tcase, rule_77_a_refused_read_does_not_stop_it);
}

static void
add_documents(TCase *tcase)
{
	tcase_add_test(tcase, the_words_around_a_document);
	tcase_add_test(tcase, nothing_is_said_that_is_not_wanted);
	tcase_add_test(tcase, rule_30_a_nested_start_is_busy);
	tcase_add_test(tcase, rule_31_a_start_that_failed_has_no_end);
	tcase_add_test(tcase, rule_33_an_unknown_level_is_refused);
	tcase_add_test(tcase, a_write_without_a_document_is_refused);
	tcase_add_loop_test(tcase, rule_37_only_the_callers_bytes_are_counted,
	    1, 12);
	tcase_add_test(tcase, rule_35_bytes_of_a_descriptor_are_forwarded);
	tcase_add_test(tcase,
	    a_document_without_a_byte_is_none_to_the_printer);
	tcase_add_test(tcase, a_failed_write_is_passed_on);
	tcase_add_test(tcase, an_end_that_cannot_be_said_fails_the_document);
	tcase_add_test(tcase, rule_43_an_end_that_failed_below_claims_nothing);
	tcase_add_test(tcase,
	    rule_49_cancel_ends_an_end_that_does_not_go_out);
	tcase_add_test(tcase, rule_51_time_outs_are_forwarded);
	tcase_add_loop_test(tcase, control_d_around_a_document_is_dropped, 0,
	    COUNT(ctrl_ds));
}

static Suite *
pjl_suite(void)
{
	Suite *suite = suite_create("pjl");
	TCase *tcase = new_case(suite, "open");

	tcase_add_loop_test(tcase,
	    rule_05_a_table_without_what_is_needed_is_refused, 0, 7);
	tcase_add_test(tcase,
	    rule_22_nothing_is_open_if_the_port_below_is_not);
	tcase_add_test(tcase, rule_22_the_table_is_copied);
	tcase_add_test(tcase, rule_04_a_shorter_table_is_taken);
	tcase_add_test(tcase,
	    rule_27_closing_clears_the_status_and_closes_the_port_below);
	tcase_add_test(tcase,
	    rule_28_a_port_that_is_closed_in_a_document_is_freed);
	tcase_add_test(tcase, rule_25_opening_leaks_nothing);

	tcase = new_case(suite, "probe");
	tcase_add_test(tcase, rule_75_a_device_id_with_pjl_is_enough);
	tcase_add_test(tcase, rule_75_a_device_id_without_it_is_too);
	tcase_add_loop_test(tcase, rule_75_a_printer_that_answers_speaks_it, 0,
	    2);
	tcase_add_test(tcase, rule_75_one_that_does_not_answer_gets_no_pjl);
	tcase_add_test(tcase, rule_75_one_that_cannot_be_asked_gets_nothing);
	tcase_add_test(tcase, a_printer_can_be_asked_in_pjl);
	tcase_add_test(tcase, old_news_is_no_answer);
	tcase_add_test(tcase, rule_49_cancel_ends_the_wait_for_an_answer);

	add_documents(new_case(suite, "documents"));
	add_ends(new_case(suite, "ends"));
	add_statuses(new_case(suite, "status"));

	tcase = new_case(suite, "client");
	tcase_add_loop_test(tcase, a_client_gets_what_was_said_to_it, 1, 9);
	tcase_add_test(tcase, of_a_mute_printer_all_is_for_the_client);

	tcase = new_case(suite, "questions");
	tcase_add_test(tcase, rule_64_memory_is_asked_of_the_printer);
	tcase_add_test(tcase, rule_64_controls_pass_through_unchanged);
	tcase_add_test(tcase, rule_69_other_names_are_the_ports);
	tcase_add_test(tcase, rule_66_each_entry_has_its_answer);
	tcase_add_test(tcase, rule_67_each_fault_has_its_own_result);
	tcase_add_test(tcase, rule_69_the_ports_schema_is_listed_with_ours);
	return suite;
}

int
main(void)
{
	return suite_main(pjl_suite());
}
