/*
 * check_lpd.c - sessions of LPD clients over loopback TCP, with a real store.
 *
 * The numbers of points are those of docs/lpd-protocol.md.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "conf/conf.h"
#include "daemon/counters.h"
#include "daemon/frontend.h"
#include "daemon/shared_conf.h"
#include "tests/lpd_rig.h"
#include "tests/suite.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* Octets that may hold NULs. */
struct octets {
	const char	*bytes;
	size_t		 len;
};
#define OCTETS(text)	{ text, sizeof(text) - 1 }

/* A job, with all that a client says for it. */
static const struct octets whole = OCTETS("\2lobby\n\00212 cfA001h\n"
    "Pa\nldfA001h\n\0\0033 dfA001h\nabc\0");

/* ---- the connection ------------------------------------------------------ */

static const struct {
	const char	*policy;
	uint16_t	 port;
	bool		 welcome;
} ports[] = {
	{ "no", 40000, true }, { "1023", 1023, true }, { "1023", 1024, false },
	{ "rfc", 721, true }, { "rfc", 731, true }, { "rfc", 720, false },
	{ "rfc", 732, false },
};

START_TEST(point_02_source_ports)
{
	struct sender client;
	char line[64];

	snprintf(line, sizeof(line), "require_privileged = %s",
	    ports[_i].policy);
	lpd_rig_begin(line);
	rig.peer.in.sin_port = htons(ports[_i].port);
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"),
	    ports[_i].welcome ? ACK : 1);
	client_finish(&client);
}
END_TEST

START_TEST(point_04_one_command_a_connection)
{
	struct sender client;
	char text[512];

	lpd_rig_begin("");
	client_enter(&client);
	client_send(&client, "\3lobby\n\3lobby\n", 14);
	client_hear_all(&client, text, sizeof(text));
	ck_assert_str_eq(text, "lobby is ready\nno entries\n");
	client_leave(&client);
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\1lobby\n"), ACK);
	ck_assert_int_eq(client_hear(&client), CLOSED);
	client_leave(&client);
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_say(&client, "\4lobby\n"), 3);
	client_finish(&client);
}
END_TEST

START_TEST(point_08_a_probe_is_nothing)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	client_finish(&client);
	ck_assert_uint_eq(counters.probes, 1);
	ck_assert_uint_eq(counters.refused, 0);
	lpd_rig_is_empty();
}
END_TEST

START_TEST(point_09_octet_by_octet)
{
	static const struct octets session = OCTETS("\2lobby\n\00213 cfA001h\n"
	    "Pa\nldfA001h\n\n\0\0033 dfA001h\nabc\0");
	struct sender client;
	size_t i;

	lpd_rig_begin("");
	client_enter(&client);
	for (i = 0; i < session.len; i++) {
		client_send(&client, session.bytes + i, 1);
		receive_rig_turn(&rig.receive);
	}
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(client_hear(&client), ACK);
	client_finish(&client);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "abc");
}
END_TEST

START_TEST(point_09_silence_has_two_limits)
{
	struct sender client;

	lpd_rig_begin("command_timeout = 10ms\nreceive_timeout = 20ms");
	client_enter(&client);
	client_send(&client, "\2lob", 4);
	ck_assert_int_lt(client_hear(&client), 0);
	client_leave(&client);
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_say(&client, "\00310 dfA001h\n"), ACK);
	client_send(&client, "abc", 3);
	ck_assert_int_lt(client_hear(&client), 0);
	client_leave(&client);
	lpd_rig_is_empty();
}
END_TEST

/* The disk stands still under the job of another. */
static void
stall(struct sender *other)
{
	static char bytes[70001];

	client_enter(other);
	ck_assert_int_eq(client_say(other, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(other, "cfA001h", "ldfA001h\n"), ACK);
	ck_assert_int_eq(client_say(other, "\00370000 dfA001h\n"), ACK);
	memset(bytes, 'x', sizeof(bytes) - 1);
	client_send(other, bytes, sizeof(bytes));
	while (!intake_is_committing(LIST_FIRST(&rig.receive.house.intakes)))
		lpd_rig_turn();
	gate_wait();
}

/* In the middle of writing, or in the sync of it.  The next client is answered
 * all the same, up to where its job would have to be durable. */
START_TEST(point_10_the_first_answer_waits_for_no_disk)
{
	struct sender other, client;
	char octet;

	lpd_rig_begin("");
	if (_i == 0)
		gate_close_writes();
	else
		gate_close_syncs();
	stall(&other);
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA002h", "ldfA002h\n"),
	    ACK);
	ck_assert_int_eq(client_say(&client, "\0033 dfA002h\n"), ACK);
	ck_assert_int_eq(recv(other.fd, &octet, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	gate_open();
	ck_assert_int_eq(client_hear(&other), ACK);
	client_leave(&client);
	client_finish(&other);
}
END_TEST

/* ---- refusals ------------------------------------------------------------ */

static const struct {
	struct octets	 said;
	int		 answer;
} refusals[] = {
	{ OCTETS("\2nobody\n"), 1 },
	{ OCTETS("\2../etc\n"), 1 },
	{ OCTETS("GET / HTTP/1.1\r\n"), 3 },
	{ OCTETS("\x16\x03\x01"), 3 },
	{ OCTETS("\6lobby\n"), 3 },
	{ OCTETS("\2lobby+copies=2\n"), 1 },
};

START_TEST(point_07_13_19_codes_of_refusals)
{
	struct sender client;
	char text[512];

	lpd_rig_begin("");
	client_enter(&client);
	client_send(&client, refusals[_i].said.bytes, refusals[_i].said.len);
	ck_assert_uint_gt(client_hear_all(&client, text, sizeof(text)), 3);
	ck_assert_int_eq(text[0], refusals[_i].answer);
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	client_leave(&client);
	lpd_rig_settle();
}
END_TEST

START_TEST(point_13_later_is_2)
{
	struct sender client;

	lpd_rig_begin("");
	rig.receive.spooler.refuses = -ENOSPC;
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), 2);
	client_finish(&client);
	rig.receive.spooler.from_bytes = 2;
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "ldfA001h\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), 2);
	client_finish(&client);
	lpd_rig_is_empty();
}
END_TEST

/* One that is refused waits, and others print meanwhile. */
START_TEST(point_13_refusals_take_time_and_nothing_else)
{
	struct sender refused, client;
	char octet;

	lpd_rig_begin("");
	rig.shared->conf->listeners[0].refusal_delay_ms = 60000;
	client_enter(&refused);
	client_send(&refused, "\2nobody\n", 8);
	client_enter(&client);
	client_send(&client, whole.bytes, whole.len);
	while (rig.receive.dispatch.n == 0)
		lpd_rig_turn();
	ck_assert_int_eq(recv(refused.fd, &octet, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	client_leave(&client);
	client_leave(&refused);
}
END_TEST

/* ---- files --------------------------------------------------------------- */

START_TEST(point_17_a_queue_that_is_paused)
{
	struct sender client;
	char text[512];

	lpd_rig_begin("");
	rig.receive.dispatch.paused = true;
	client_enter(&client);
	client_send(&client, "\3front\n", 7);
	client_hear_all(&client, text, sizeof(text));
	ck_assert_str_eq(text, "lobby is not ready: it is paused\n"
	    "no entries\n");
	client_leave(&client);
	lpd_rig_settle();
}
END_TEST

/* What is in prints on; what has begun may end. */
START_TEST(point_12_a_queue_that_is_closed)
{
	struct sender client, early;
	char text[512];

	lpd_rig_begin("");
	client_enter(&early);
	ck_assert_int_eq(client_say(&early, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(&early, "cfA001h", "Pa\nldfA001h\n"), ACK);
	rig.receive.dispatch.closed = "new toner";
	client_enter(&client);
	client_send(&client, "\2front\n", 7);
	ck_assert_uint_gt(client_hear_all(&client, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "\2the queue takes no jobs now: new toner\n");
	client_leave(&client);
	ck_assert_int_eq(client_data(&early, "dfA001h", "abc"), ACK);
	ck_assert_uint_eq(rig.receive.dispatch.n, 1);
	ck_assert_int_eq(client_control(&early, "cfA002h", "Pa\nldfA002h\n"), 2);
	client_leave(&early);
	lpd_rig_settle();
	ck_assert_uint_eq(counters.refused, 2);
	ck_assert_uint_eq(receive_rig_jobs(&rig.receive), 1);
	rig.receive.dispatch.closed = NULL;
	lpd_rig_print("open again");
	ck_assert_uint_eq(rig.receive.dispatch.n, 2);
}
END_TEST

static const char *const begun[] = {
	"\2lobby\n", "\0023 dfA001h\n", "\0033 dfA001h\n",
};

/* In a session without a job, whatever the job would begin with. */
START_TEST(point_12_a_queue_that_is_closed_in_mid_session)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	rig.receive.dispatch.closed = "";
	ck_assert_int_eq(client_say(&client, begun[_i]), 2);
	client_finish(&client);
	lpd_rig_is_empty();
}
END_TEST

/* Data is there, and its control file is of the same job. */
START_TEST(point_12_a_job_that_has_begun_may_end)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	rig.receive.dispatch.closed = "";
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfB001h", "de"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "Pa\nldfA001h\n"
	    "ldfB001h\n"), ACK);
	client_finish(&client);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "abc|de");
}
END_TEST

START_TEST(point_17_a_queue_that_is_closed)
{
	struct sender client;
	char text[512];

	lpd_rig_begin("");
	rig.receive.dispatch.closed = "new toner";
	client_enter(&client);
	client_send(&client, "\3lobby\n", 7);
	client_hear_all(&client, text, sizeof(text));
	ck_assert_str_eq(text, "lobby is ready\n"
	    "lobby takes no jobs: new toner\nno entries\n");
	client_leave(&client);
	lpd_rig_settle();
}
END_TEST

START_TEST(point_17_columns)
{
	struct sender client;
	char text[1024];

	lpd_rig_begin("");
	lpd_rig_print("abc");
	client_enter(&client);
	client_send(&client, "\3lobby\n", 7);
	client_hear_all(&client, text, sizeof(text));
	ck_assert_str_eq(text, "lobby is ready\n"
	    "Rank    Owner           Job     File(s)"
	    "                         Total Size\n"
	    "1st     alice           1       title"
	    "                           3 bytes\n");
	client_leave(&client);
	lpd_rig_settle();
}
END_TEST

START_TEST(point_23_another_octet_than_nul)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_say(&client, "\0033 dfA001h\n"), ACK);
	ck_assert_int_eq(client_say(&client, "abcX"), 3);
	client_finish(&client);
	lpd_rig_is_empty();
}
END_TEST

START_TEST(point_25_numbers_of_clients_repeat)
{
	uint64_t first;

	lpd_rig_begin("");
	lpd_rig_print("one");
	first = lpd_rig_job()->id;
	lpd_rig_print("two");
	ck_assert_uint_eq(rig.receive.dispatch.n, 2);
	ck_assert_uint_ne(lpd_rig_job()->id, first);
	ck_assert_int_eq(strncmp(lpd_rig_job()->extra, "cfA001h\nHh\n", 11), 0);
}
END_TEST

/* In the order of their first print lines, each with all of its copies. */
START_TEST(point_36_copies_of_several_documents)
{
	static const char *const orders[] = {
		"ldfA001h\nldfA001h\nldfB001h\nldfB001h\n",
		"ldfA001h\nldfB001h\nldfA001h\nldfB001h\n",
		"ldfA001h\nUdfA001h\nldfB001h\nldfB001h\nldfA001h\n",
	};
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfB001h", "second"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "first"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", orders[_i]), ACK);
	client_finish(&client);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "first|second");
	ck_assert_uint_eq(lpd_rig_job()->documents[0].copies, 2);
	ck_assert_uint_eq(lpd_rig_job()->documents[1].copies, 2);
}
END_TEST

/* Two documents, the second of which is named first. */
START_TEST(point_26_either_order)
{
	struct sender client;
	bool control_first = _i == 0;
	const char *text = "Hh\nPbob\nJx\nfdfB001h\nNb.txt\nldfA001h\n"
	    "ldfA001h\nNa.ps\n";

	lpd_rig_begin("text_is_raw = no");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	if (control_first)
		ck_assert_int_eq(client_control(&client, "cfA001h", text), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "first"), ACK);
	ck_assert_uint_eq(rig.receive.dispatch.n, 0);
	ck_assert_int_eq(client_data(&client, "dfB001h", "second"), ACK);
	if (!control_first)
		ck_assert_int_eq(client_control(&client, "cfA001h", text), ACK);
	ck_assert_uint_eq(rig.receive.dispatch.n, 1);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "second|first");
	ck_assert_str_eq(lpd_rig_job()->user, "bob");
	ck_assert_str_eq(lpd_rig_job()->documents[0].format, "text/plain");
	ck_assert_str_eq(lpd_rig_job()->documents[0].name, "b.txt");
	ck_assert_uint_eq(lpd_rig_job()->documents[1].copies, 2);
	client_finish(&client);
}
END_TEST

static const struct {
	const char	*lines;
	size_t		 n;
	enum job_state	 state;
} lacking[] = {
	{ "missing_data = drop", 0, JOB_PENDING },
	{ "missing_data = print", 1, JOB_PENDING },
	{ "missing_data = hold", 1, JOB_PENDING_HELD },
};

START_TEST(point_27_data_that_never_comes)
{
	struct sender client;

	lpd_rig_begin(lacking[_i].lines);
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "Pbob\nldfA001h\n"
	    "ldfB001h\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "first"), ACK);
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, lacking[_i].n);
	ck_assert_uint_eq(receive_rig_jobs(&rig.receive), lacking[_i].n);
	if (lacking[_i].n > 0)
		ck_assert_int_eq(lpd_rig_job()->state, lacking[_i].state);
}
END_TEST

START_TEST(point_27_data_that_is_not_named)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfB001h", "other"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "named"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "ldfA001h\n"), ACK);
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, 1);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "named|other");
}
END_TEST

static const struct {
	const char	*lines;
	size_t		 n;
	enum job_state	 state;
} alone[] = {
	{ "no_control_file = print", 1, JOB_PENDING },
	{ "no_control_file = hold", 1, JOB_PENDING_HELD },
	{ "no_control_file = drop", 0, JOB_PENDING },
};

START_TEST(point_28_data_alone)
{
	struct sender client;

	lpd_rig_begin(alone[_i].lines);
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, alone[_i].n);
	ck_assert_uint_eq(receive_rig_jobs(&rig.receive), alone[_i].n);
	if (alone[_i].n == 0)
		return;
	ck_assert_int_eq(lpd_rig_job()->state, alone[_i].state);
	ck_assert_str_eq(lpd_rig_job()->user, "anonymous");
}
END_TEST

START_TEST(point_29_a_control_file_alone)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "ldfA001h\n"), ACK);
	client_finish(&client);
	lpd_rig_is_empty();
}
END_TEST

START_TEST(point_30_both_control_files_first)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h",
	    "Pa\nldfA001h\n"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA002h",
	    "Pb\nldfA002h\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "one"), ACK);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "one");
	ck_assert_str_eq(lpd_rig_job()->user, "a");
	ck_assert_int_eq(client_data(&client, "dfA002h", "two"), ACK);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "two");
	ck_assert_str_eq(lpd_rig_job()->user, "b");
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, 2);
}
END_TEST

START_TEST(point_30_all_data_first)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "one"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA002h", "two"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA002h",
	    "Pb\nldfA002h\n"), ACK);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "two");
	ck_assert_int_eq(client_control(&client, "cfA001h",
	    "Pa\nldfA001h\n"), ACK);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "one");
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, 2);
}
END_TEST

START_TEST(point_20_an_abort_forgets_one_job)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "one"), ACK);
	ck_assert_int_eq(client_say(&client, "\1\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "two"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "ldfA001h\n"), ACK);
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, 1);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "two");
}
END_TEST

START_TEST(point_31_a_client_that_does_not_stay)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	client_send(&client, whole.bytes, whole.len);
	client_leave(&client);
	lpd_rig_settle();
	ck_assert_uint_eq(rig.receive.dispatch.n, 1);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "abc");
}
END_TEST

START_TEST(point_32_no_nul_at_the_end)
{
	bool optional = _i == 1;
	struct sender client;

	lpd_rig_begin(optional ? "final_nul = optional" :
	    "final_nul = require");
	client_enter(&client);
	client_send(&client, whole.bytes, whole.len - 1);
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, optional);
	ck_assert_uint_eq(receive_rig_jobs(&rig.receive), optional);
}
END_TEST

/* The NUL that comes all the same is a stray one. */
START_TEST(point_32_a_nul_that_is_optional)
{
	lpd_rig_begin("final_nul = optional");
	lpd_rig_print("abc");
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "abc");
}
END_TEST

START_TEST(point_33_a_reset_in_the_middle)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	client_send(&client, whole.bytes, whole.len - 2);
	sender_reset(&rig.receive, &client);
	lpd_rig_settle();
	lpd_rig_is_empty();
}
END_TEST

static const struct {
	enum conf_on_reset	 policy;
	const char		*size;
	size_t			 jobs;
} resets[] = {
	{ CONF_ON_RESET_FINISH, "999999999999", 1 },
	{ CONF_ON_RESET_FINISH, "100", 0 },
	{ CONF_ON_RESET_ABORT, "999999999999", 0 },
};

START_TEST(point_33_a_reset_in_data)
{
	struct sender client;
	char line[64];

	lpd_rig_begin("");
	rig.shared->conf->queues[0].on_reset = resets[_i].policy;
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "ldfA001h\n"),
	    ACK);
	snprintf(line, sizeof(line), "\3%s dfA001h\n", resets[_i].size);
	ck_assert_int_eq(client_say(&client, line), ACK);
	client_send(&client, "abc", 3);
	sender_reset(&rig.receive, &client);
	lpd_rig_settle();
	ck_assert_uint_eq(rig.receive.dispatch.n, resets[_i].jobs);
	if (resets[_i].jobs > 0)
		ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "abc");
	else
		lpd_rig_is_empty();
}
END_TEST

START_TEST(point_35_another_queue_in_the_middle)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	ck_assert_int_eq(client_say(&client, "\2direct\n"), 3);
	client_finish(&client);
	lpd_rig_is_empty();
}
END_TEST

START_TEST(point_34_35_stray_nuls_and_02_again)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	client_send(&client, "\0\0\2FRONT\r\n", 10);
	ck_assert_int_eq(client_hear(&client), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "ldfA001h\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	client_send(&client, "\0", 1);
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, 1);
}
END_TEST

START_TEST(point_37_the_same_name_twice)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "def"), 3);
	client_finish(&client);
	lpd_rig_is_empty();
}
END_TEST

/* ---- lengths ------------------------------------------------------------- */

static const char *const unknown[] = {
	"0", "999999999999", "2147483647", "4294967295",
	"18446744073709551615",
};

START_TEST(point_22_a_length_that_is_not_known)
{
	struct sender client;
	char line[64];

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "ldfA001h\n"), ACK);
	snprintf(line, sizeof(line), "\3%s dfA001h\n", unknown[_i]);
	ck_assert_int_eq(client_say(&client, line), ACK);
	client_send(&client, "as it comes", 11);
	sender_shut(&client);
	ck_assert_int_eq(client_hear(&client), ACK);
	ck_assert_int_eq(client_hear(&client), CLOSED);
	client_leave(&client);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "as it comes");
}
END_TEST

START_TEST(point_22_no_octets_at_all)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", ""), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "ldfA001h\n"), ACK);
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, 1);
	ck_assert_uint_eq(lpd_rig_job()->bytes, 0);
}
END_TEST

/* More than 4 GiB is a length like any other. */
START_TEST(point_22_a_large_length_that_is_cut_short)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_say(&client, "\0035000000000 dfA001h\n"), ACK);
	client_send(&client, "abc", 3);
	client_finish(&client);
	lpd_rig_is_empty();
}
END_TEST

/* ---- options in the name ------------------------------------------------- */

START_TEST(point_06_options_in_the_name)
{
	struct sender client;

	lpd_rig_begin("queue_options = yes");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2LOBBY+copies=3+hold\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h",
	    "ldfA001h\nldfA001h\n"), ACK);
	client_finish(&client);
	ck_assert_int_eq(lpd_rig_job()->state, JOB_PENDING_HELD);
	ck_assert_uint_eq(lpd_rig_job()->documents[0].copies, 6);
}
END_TEST

static const struct {
	const char	*lines, *queue;
	int		 answer;
} names[] = {
	{ "", "\2lobby\n", ACK }, { "", "\2LOBBY\n", ACK },
	{ "", "\2Front\n", ACK }, { "any_case = no", "\2Front\n", 1 },
	{ "any_case = no", "\2front\n", ACK }, { "", "\2raw1\n", 1 },
	{ "jetdirect_names = yes", "\2raw1\n", ACK },
	{ "jetdirect_names = yes", "\2RAW\n", ACK },
	{ "jetdirect_names = yes", "\2raw2\n", 1 },
	{ "default_queue = lobby", "\2whatever\n", ACK },
	{ "default_queue = lobby", "\2a/b\n", 1 },
	{ "", "\2direct\n", 1 },	/* delivery = stream */
};

START_TEST(point_06_names_of_queues)
{
	struct sender client;

	lpd_rig_begin(names[_i].lines);
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, names[_i].queue),
	    names[_i].answer);
	client_finish(&client);
}
END_TEST

/* ---- banner pages -------------------------------------------------------- */

static const char template[] = "${user}|${host}|${title}|${class}|${queue}|"
    "${job}";

static const struct {
	const char	*policy, *lines, *page;	/* page NULL: none */
} banners[] = {
	{ "no", "Lalice\n", NULL },
	{ "asked", "", NULL },
	{ "asked", "Lbob\nCA-class\n", "bob|h|title|A-class|lobby|1" },
	{ "asked", "L\n", NULL },
	{ "always", "", "alice|h|title||lobby|1" },
	{ "always", "Lb^\033o)b\n", "b.o)b|h|title||lobby|1" },
};

START_TEST(point_44_a_page_in_front)
{
	const char *page = banners[_i].page;
	char lines[400], text[300], path[300];
	struct sender client;
	const struct job *job;
	FILE *out;

	snprintf(path, sizeof(path), "%s", rig_path(&rig.receive.spool, "page"));
	out = fopen(path, "w");
	ck_assert(out != NULL && fputs(template, out) != EOF &&
	    fclose(out) == 0);
	snprintf(lines, sizeof(lines), "banner = %s\n%s%s\n",
	    banners[_i].policy, banners[_i].policy[0] == 'n' ? "; " :
	    "banner_file = ", path);
	lpd_rig_queue = lines;
	lpd_rig_begin("");
	lpd_rig_queue = "";
	ck_assert_int_eq(unlink(path), 0);
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	snprintf(text, sizeof(text), "Hh\nPalice\nJtitle\n%sldfA001h\n"
	    "ldfA001h\nldfB001h\n", banners[_i].lines);
	ck_assert_int_eq(client_control(&client, "cfA001h", text), ACK);
	ck_assert_int_eq(client_data(&client, "dfB001h", "second"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "first"), ACK);
	client_finish(&client);
	job = lpd_rig_job();
	snprintf(text, sizeof(text), "%s%sfirst|second", page != NULL ? page :
	    "", page != NULL ? "|" : "");
	ck_assert_str_eq(lpd_rig_contents(job), text);
	ck_assert_uint_eq(job->bytes, 11);
	ck_assert_uint_eq(job->documents[0].copies, page != NULL ? 1 : 2);
	ck_assert_uint_eq(job->documents[job->n_documents - 2].copies, 2);
}
END_TEST

START_TEST(point_44_what_is_asked_for_is_kept)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "Hh\nPa\nLbob\n"
	    "ldfA001h\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	client_finish(&client);
	ck_assert_ptr_nonnull(strstr(lpd_rig_job()->extra, "\nLbob\n"));
}
END_TEST

/* Data alone, of which only the host is known. */
START_TEST(point_44_a_page_for_anonymous)
{
	struct sender client;
	char text[2048];

	lpd_rig_queue = "banner = always";
	lpd_rig_begin("");
	lpd_rig_queue = "";
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	client_finish(&client);
	ck_assert_uint_eq(lpd_rig_job()->n_documents, 2);
	ck_assert_ptr_nonnull(strstr(lpd_rig_contents(lpd_rig_job()),
	    "  User   anonymous\r\n  Host   10.0.0.5\r\n"));
	client_enter(&client);
	client_send(&client, "\4lobby\n", 7);
	client_hear_all(&client, text, sizeof(text));
	ck_assert_msg(strstr(text, "        banner   ") != NULL, "%s", text);
	client_leave(&client);
	lpd_rig_settle();
}
END_TEST

/* ---- the end of the store, and of the daemon ----------------------------- */

START_TEST(the_store_is_lost)
{
	struct sender client;

	lpd_rig_begin("");
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	intake_cancel_all(&rig.receive.house, "the spool is lost");
	ck_assert_int_eq(client_hear(&client), 2);
	client_finish(&client);
	lpd_rig_is_empty();
}
END_TEST

static void
count_idle(void *arg)
{
	(*(unsigned int *)arg)++;
}

START_TEST(the_daemon_ends)
{
	struct sender client, late;

	lpd_rig_begin("");
	client_enter(&client);
	client_enter(&late);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	frontend_close_idle(rig.front);
	ck_assert_int_eq(client_hear(&late), CLOSED);
	intake_drain(&rig.receive.house, count_idle, &rig.receive.idle);
	ck_assert_uint_eq(rig.receive.idle, 1);
	ck_assert_int_eq(client_hear(&client), 2);
	client_finish(&client);
	client_leave(&late);
	lpd_rig_is_empty();
}
END_TEST

/* Where a session stands when all is taken apart. */
static const struct octets standing[] = {
	OCTETS(""), OCTETS("\2lob"), OCTETS("\2lobby\n"),
	OCTETS("\2lobby\n\00212 cfA001h\nPa\n"),
	OCTETS("\2lobby\n\00212 cfA001h\nPa\nldfA001h\n"),
	OCTETS("\2lobby\n\00212 cfA001h\nPa\nldfA001h\n\0"),
	OCTETS("\2lobby\n\0033 dfA001h\na"),
	OCTETS("\2lobby\n\0033 dfA001h\nabc\0"),
	OCTETS("\2lobby\n\0030 dfA001h\na"),
	OCTETS("\2lobby\n\00212 cfA001h\nPa\nldfA001h\n\0"
	    "\0033 dfA001h\nabc\0\0033 dfA002h\nabc\0"),
	OCTETS("\2nobody\n"), OCTETS("\1lobby\n"), OCTETS("\3lobby\n"),
	OCTETS("\4lobby\n"), OCTETS("\5lobby alice\n"),
	OCTETS("\5lobby alice 1\n"),
};

/* What a session has asked the store for still comes, and is for nobody: what
 * the answer would be made of may be gone by then. */
START_TEST(the_daemon_is_taken_apart)
{
	struct sender client;

	lpd_rig_begin("");
	lpd_rig_print("abc");
	client_connect(&client);
	client_send(&client, standing[_i].bytes, standing[_i].len);
	client_accept(&client);
	rig.receive.house.draining = true;
	frontend_retire(rig.front);
	rig.front = NULL;
	rig.receive.house.dispatch = NULL;
	(void)receive_rig_fds(&rig.receive);
	client_leave(&client);
}
END_TEST

/* The one that has been idle for longest goes, and none with a job. */
START_TEST(room_is_made_for_others)
{
	struct sender busy, idle, refused;

	lpd_rig_begin("");
	client_enter(&busy);
	ck_assert_int_eq(client_say(&busy, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_data(&busy, "dfA001h", "abc"), ACK);
	client_enter(&idle);
	client_enter(&refused);
	ck_assert_int_eq(client_say(&refused, "\2nobody\n"), 1);
	ck_assert(frontend_make_room(rig.front));
	ck_assert_int_lt(client_hear(&idle), 0);
	ck_assert(frontend_make_room(rig.front));
	ck_assert(!frontend_make_room(rig.front));
	ck_assert_uint_eq(frontend_connections(rig.front), 1);
	ck_assert_int_eq(client_control(&busy, "cfA001h", "ldfA001h\n"), ACK);
	client_finish(&busy);
	client_leave(&idle);
	client_leave(&refused);
	ck_assert_uint_eq(rig.receive.dispatch.n, 1);
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, point_02_source_ports, 0, COUNT(ports));
	tcase_add_test(tcase, point_04_one_command_a_connection);
	tcase_add_test(tcase, point_08_a_probe_is_nothing);
	tcase_add_test(tcase, point_09_octet_by_octet);
	tcase_add_test(tcase, point_09_silence_has_two_limits);
	tcase_add_loop_test(tcase,
	    point_10_the_first_answer_waits_for_no_disk, 0, 2);
	tcase_add_test(tcase, point_12_a_queue_that_is_closed);
	tcase_add_loop_test(tcase,
	    point_12_a_queue_that_is_closed_in_mid_session, 0, COUNT(begun));
	tcase_add_test(tcase, point_12_a_job_that_has_begun_may_end);
	tcase_add_loop_test(tcase, point_07_13_19_codes_of_refusals, 0,
	    COUNT(refusals));
	tcase_add_test(tcase, point_13_later_is_2);
	tcase_add_test(tcase, point_13_refusals_take_time_and_nothing_else);
	tcase_add_test(tcase, point_17_a_queue_that_is_paused);
	tcase_add_test(tcase, point_17_a_queue_that_is_closed);
	tcase_add_test(tcase, point_17_columns);
	tcase_add_test(tcase, point_20_an_abort_forgets_one_job);
	tcase_add_loop_test(tcase, point_22_a_length_that_is_not_known, 0,
	    COUNT(unknown));
	tcase_add_test(tcase, point_22_no_octets_at_all);
	tcase_add_test(tcase, point_22_a_large_length_that_is_cut_short);
	tcase_add_test(tcase, point_23_another_octet_than_nul);
	tcase_add_test(tcase, point_25_numbers_of_clients_repeat);
	tcase_add_loop_test(tcase, point_26_either_order, 0, 2);
	tcase_add_loop_test(tcase, point_27_data_that_never_comes, 0,
	    COUNT(lacking));
	tcase_add_test(tcase, point_27_data_that_is_not_named);
	tcase_add_loop_test(tcase, point_28_data_alone, 0, COUNT(alone));
	tcase_add_test(tcase, point_29_a_control_file_alone);
	tcase_add_test(tcase, point_30_both_control_files_first);
	tcase_add_test(tcase, point_30_all_data_first);
	tcase_add_test(tcase, point_31_a_client_that_does_not_stay);
	tcase_add_loop_test(tcase, point_32_no_nul_at_the_end, 0, 2);
	tcase_add_test(tcase, point_32_a_nul_that_is_optional);
	tcase_add_test(tcase, point_33_a_reset_in_the_middle);
	tcase_add_loop_test(tcase, point_33_a_reset_in_data, 0,
	    COUNT(resets));
	tcase_add_test(tcase, point_34_35_stray_nuls_and_02_again);
	tcase_add_test(tcase, point_35_another_queue_in_the_middle);
	tcase_add_loop_test(tcase, point_36_copies_of_several_documents, 0, 3);
	tcase_add_test(tcase, point_37_the_same_name_twice);
	tcase_add_loop_test(tcase, point_44_a_page_in_front, 0,
	    COUNT(banners));
	tcase_add_test(tcase, point_44_what_is_asked_for_is_kept);
	tcase_add_test(tcase, point_44_a_page_for_anonymous);
	tcase_add_test(tcase, point_06_options_in_the_name);
	tcase_add_loop_test(tcase, point_06_names_of_queues, 0,
	    COUNT(names));
	tcase_add_test(tcase, the_store_is_lost);
	tcase_add_test(tcase, the_daemon_ends);
	tcase_add_loop_test(tcase, the_daemon_is_taken_apart, 0,
	    COUNT(standing));
	tcase_add_test(tcase, room_is_made_for_others);
}

int
main(void)
{
	Suite *suite = suite_create("lpd");
	TCase *tcase = tcase_create("sessions");

	tcase_add_checked_fixture(tcase, lpd_rig_make, lpd_rig_free);
	tcase_set_timeout(tcase, 60);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
