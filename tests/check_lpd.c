/*
 * check_lpd.c - sessions of LPD clients over loopback TCP, with a real store.
 *
 * The numbers of points are those of docs/lpd-protocol.md.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
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
#include "tests/receive_rig.h"
#include "tests/suite.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define ACK		0
#define CLOSED		(-1)	/* by FIN */
#define RESET		(-2)

/* Octets that may hold NULs. */
struct octets {
	const char	*bytes;
	size_t		 len;
};
#define OCTETS(text)	{ text, sizeof(text) - 1 }

/* A job, with all that a client says for it. */
static const struct octets whole = OCTETS("\2lobby\n\00212 cfA001h\n"
    "Pa\nldfA001h\n\0\0033 dfA001h\nabc\0");

static struct receive_rig rig;
static struct shared_conf *shared;
static struct frontend *front;
static union document_peer peer;

/* ---- the rig ------------------------------------------------------------- */

static void
setup(void)
{
	receive_rig_make(&rig);
	peer = (union document_peer){ .in = { .sin_family = AF_INET,
	    .sin_port = htons(40000) } };
	ck_assert_int_eq(inet_pton(AF_INET, "10.0.0.5", &peer.in.sin_addr), 1);
	shared = NULL;
	front = NULL;
}

static const char *queue_lines = "";

/* The front end, with these lines in its section. */
static void
begin(const char *lines)
{
	const char *path = rig_path(&rig.spool, "lpd.ini");
	struct conf_errors errors;
	struct conf *conf;
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "[daemon]\nspool_directory = %s\n[listener l]\n"
	    "protocol = lpd\nlisten = *:0\nrefusal_delay = 0\n%s\n"
	    "[queue lobby]\nports = p\naliases = front\n%s\n[port p]\n"
	    "monitor = null\n", rig.spool.directory, lines, queue_lines);
	ck_assert_int_eq(fclose(file), 0);
	conf = conf_load(path, &errors);
	ck_assert_msg(conf != NULL && conf_read_banners(conf, &errors) == 0,
	    "%s", errors.n > 0 ? errors.v[0].text : "");
	ck_assert_int_eq(unlink(path), 0);
	shared = shared_conf_new(conf);
	front = frontend_new(&rig.house, shared, &conf->listeners[0], NULL);
	ck_assert_ptr_nonnull(front);
}

/* It goes with its last session. */
static void
teardown(void)
{
	if (front != NULL) {
		while (frontend_connections(front) > 0) {
			frontend_close_idle(front);
			if (frontend_connections(front) > 0)
				ck_assert_int_ge(event_base_loop(
				    rig.house.base, EVLOOP_ONCE), 0);
		}
		frontend_retire(front);
	}
	if (shared != NULL)
		shared_conf_release(shared);
	receive_rig_free(&rig);
}

/* ---- clients ------------------------------------------------------------- */

/* Octets are not held back, so that who has sent one has sent it. */
static void
enter(struct sender *client)
{
	int one = 1;

	sender_connect(client);
	ck_assert_int_eq(setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY,
	    &one, sizeof(one)), 0);
	ck_assert_int_eq(setsockopt(client->server_fd, IPPROTO_TCP,
	    TCP_NODELAY, &one, sizeof(one)), 0);
	frontend_accept(front, client->server_fd, &peer);
}

static void
send_octets(struct sender *client, const void *bytes, size_t len)
{
	sender_send(&rig, client, bytes, len);
}

/* The next octet; or how the connection ended. */
static int
hear(struct sender *client)
{
	unsigned char octet;
	ssize_t n;

	for (;;) {
		n = recv(client->fd, &octet, 1, MSG_DONTWAIT);
		if (n == 1)
			return octet;
		if (n == 0)
			return CLOSED;
		if (errno != EAGAIN)
			return RESET;
		ck_assert_int_ge(event_base_loop(rig.house.base, EVLOOP_ONCE),
		    0);
	}
}

/* Up to the end; how many octets there were. */
static size_t
hear_all(struct sender *client, char *text, size_t size)
{
	size_t len = 0;
	int octet;

	while ((octet = hear(client)) >= 0) {
		ck_assert_uint_lt(len, size - 1);
		text[len++] = (char)octet;
	}
	text[len] = '\0';
	return len;
}

static int
say(struct sender *client, const char *line)
{
	send_octets(client, line, strlen(line));
	return hear(client);
}

/* A file with its NUL; the last answer, or the first that is no ack. */
static int
file(struct sender *client, char type, const char *name, const char *data)
{
	char line[300];
	int answer;

	snprintf(line, sizeof(line), "%c%zu %s\n", type, strlen(data), name);
	answer = say(client, line);
	if (answer != ACK)
		return answer;
	send_octets(client, data, strlen(data) + 1);
	return hear(client);
}

static int
control(struct sender *client, const char *name, const char *text)
{
	return file(client, 2, name, text);
}

static int
data(struct sender *client, const char *name, const char *text)
{
	return file(client, 3, name, text);
}

static void
leave(struct sender *client)
{
	close(client->fd);
	client->fd = -1;
}

/* Everybody has gone: what they left behind is settled. */
static void
settle(void)
{
	while (frontend_connections(front) > 0)
		ck_assert_int_ge(event_base_loop(rig.house.base, EVLOOP_ONCE),
		    0);
}

static void
finish(struct sender *client)
{
	sender_shut(client);
	settle();
	leave(client);
}

/* A good client, whose job is kept. */
static void
print_one(const char *text)
{
	struct sender client;

	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "Hh\nPalice\nJtitle\n"
	    "ldfA001h\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", text), ACK);
	finish(&client);
}

static const struct job *
last_job(void)
{
	ck_assert_uint_gt(rig.dispatch.n, 0);
	return rig.dispatch.jobs[rig.dispatch.n - 1];
}

/* The documents of a job, one behind the other with '|' between. */
static const char *
contents(const struct job *job)
{
	static char text[4096];
	uint64_t size;
	unsigned int i;
	size_t len = 0;
	int fd;

	for (i = 1; i <= job->n_documents; i++) {
		ck_assert_int_eq(rig_document(&rig.spool, job->id, i, &fd,
		    &size), 0);
		ck_assert_uint_lt(len + size + 2, sizeof(text));
		if (i > 1)
			text[len++] = '|';
		ck_assert_int_eq(pread(fd, text + len, size, 0),
		    (ssize_t)size);
		len += size;
		close(fd);
	}
	text[len] = '\0';
	return text;
}

static void
nothing_is_kept(void)
{
	ck_assert_uint_eq(rig.dispatch.n, 0);
	ck_assert_uint_eq(receive_rig_jobs(&rig), 0);
	ck_assert_uint_eq(receive_rig_files(&rig), 0);
}

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
	begin(line);
	peer.in.sin_port = htons(ports[_i].port);
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ports[_i].welcome ? ACK :
	    1);
	finish(&client);
}
END_TEST

START_TEST(point_04_one_command_a_connection)
{
	struct sender client;
	char text[512];

	begin("");
	enter(&client);
	send_octets(&client, "\3lobby\n\3lobby\n", 14);
	hear_all(&client, text, sizeof(text));
	ck_assert_str_eq(text, "lobby is ready\nno entries\n");
	leave(&client);
	enter(&client);
	ck_assert_int_eq(say(&client, "\1lobby\n"), ACK);
	ck_assert_int_eq(hear(&client), CLOSED);
	leave(&client);
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(say(&client, "\4lobby\n"), 3);
	finish(&client);
}
END_TEST

START_TEST(point_08_a_probe_is_nothing)
{
	struct sender client;

	begin("");
	enter(&client);
	finish(&client);
	ck_assert_uint_eq(counters.probes, 1);
	ck_assert_uint_eq(counters.refused, 0);
	nothing_is_kept();
}
END_TEST

START_TEST(point_09_octet_by_octet)
{
	static const struct octets session = OCTETS("\2lobby\n\00213 cfA001h\n"
	    "Pa\nldfA001h\n\n\0\0033 dfA001h\nabc\0");
	struct sender client;
	size_t i;

	begin("");
	enter(&client);
	for (i = 0; i < session.len; i++) {
		send_octets(&client, session.bytes + i, 1);
		receive_rig_turn(&rig);
	}
	for (i = 0; i < 5; i++)
		ck_assert_int_eq(hear(&client), ACK);
	finish(&client);
	ck_assert_str_eq(contents(last_job()), "abc");
}
END_TEST

START_TEST(point_09_silence_has_two_limits)
{
	struct sender client;

	begin("command_timeout = 10ms\nreceive_timeout = 20ms");
	enter(&client);
	send_octets(&client, "\2lob", 4);
	ck_assert_int_lt(hear(&client), 0);
	leave(&client);
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(say(&client, "\00310 dfA001h\n"), ACK);
	send_octets(&client, "abc", 3);
	ck_assert_int_lt(hear(&client), 0);
	leave(&client);
	nothing_is_kept();
}
END_TEST

/* The disk stands still under the job of another. */
START_TEST(point_10_the_first_answer_waits_for_no_disk)
{
	static char bytes[70001];
	struct sender other, client;

	begin("");
	gate_close_syncs();
	enter(&other);
	ck_assert_int_eq(say(&other, "\2lobby\n"), ACK);
	ck_assert_int_eq(control(&other, "cfA001h", "ldfA001h\n"), ACK);
	ck_assert_int_eq(say(&other, "\00370000 dfA001h\n"), ACK);
	memset(bytes, 'x', sizeof(bytes) - 1);
	send_octets(&other, bytes, sizeof(bytes));
	while (!intake_is_committing(LIST_FIRST(&rig.house.intakes)))
		ck_assert_int_ge(event_base_loop(rig.house.base, EVLOOP_ONCE),
		    0);
	gate_wait();
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	gate_open();
	ck_assert_int_eq(hear(&other), ACK);
	leave(&client);
	finish(&other);
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

START_TEST(point_13_codes_of_refusals)
{
	struct sender client;
	char text[512];

	begin("");
	enter(&client);
	send_octets(&client, refusals[_i].said.bytes, refusals[_i].said.len);
	ck_assert_uint_gt(hear_all(&client, text, sizeof(text)), 3);
	ck_assert_int_eq(text[0], refusals[_i].answer);
	ck_assert_int_eq(text[strlen(text) - 1], '\n');
	leave(&client);
	settle();
}
END_TEST

START_TEST(point_13_later_is_2)
{
	struct sender client;

	begin("");
	rig.spooler.refuses = -ENOSPC;
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), 2);
	finish(&client);
	rig.spooler.from_bytes = 2;
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "ldfA001h\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "abc"), 2);
	finish(&client);
	nothing_is_kept();
}
END_TEST

/* One that is refused waits, and others print meanwhile. */
START_TEST(point_13_refusals_take_time_and_nothing_else)
{
	struct sender refused, client;
	char octet;

	begin("");
	shared->conf->listeners[0].refusal_delay_ms = 60000;
	enter(&refused);
	send_octets(&refused, "\2nobody\n", 8);
	enter(&client);
	send_octets(&client, whole.bytes, whole.len);
	while (rig.dispatch.n == 0)
		ck_assert_int_ge(event_base_loop(rig.house.base, EVLOOP_ONCE),
		    0);
	ck_assert_int_eq(recv(refused.fd, &octet, 1, MSG_DONTWAIT), -1);
	ck_assert_int_eq(errno, EAGAIN);
	leave(&client);
	leave(&refused);
}
END_TEST

/* ---- files --------------------------------------------------------------- */

START_TEST(point_17_a_queue_that_is_paused)
{
	struct sender client;
	char text[512];

	begin("");
	rig.dispatch.paused = true;
	enter(&client);
	send_octets(&client, "\3front\n", 7);
	hear_all(&client, text, sizeof(text));
	ck_assert_str_eq(text, "lobby is not ready: it is paused\n"
	    "no entries\n");
	leave(&client);
	settle();
}
END_TEST

/* What is in prints on; what has begun may end. */
START_TEST(point_12_a_queue_that_is_closed)
{
	struct sender client, early;
	char text[512];

	begin("");
	enter(&early);
	ck_assert_int_eq(say(&early, "\2lobby\n"), ACK);
	ck_assert_int_eq(control(&early, "cfA001h", "Pa\nldfA001h\n"), ACK);
	rig.dispatch.closed = "new toner";
	enter(&client);
	send_octets(&client, "\2front\n", 7);
	ck_assert_uint_gt(hear_all(&client, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "\2the queue takes no jobs now: new toner\n");
	leave(&client);
	ck_assert_int_eq(data(&early, "dfA001h", "abc"), ACK);
	ck_assert_uint_eq(rig.dispatch.n, 1);
	ck_assert_int_eq(control(&early, "cfA002h", "Pa\nldfA002h\n"), 2);
	leave(&early);
	settle();
	ck_assert_uint_eq(counters.refused, 2);
	ck_assert_uint_eq(receive_rig_jobs(&rig), 1);
	rig.dispatch.closed = NULL;
	print_one("open again");
	ck_assert_uint_eq(rig.dispatch.n, 2);
}
END_TEST

static const char *const begun[] = {
	"\2lobby\n", "\0023 dfA001h\n", "\0033 dfA001h\n",
};

/* In a session without a job, whatever the job would begin with. */
START_TEST(point_12_a_queue_that_is_closed_in_mid_session)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	rig.dispatch.closed = "";
	ck_assert_int_eq(say(&client, begun[_i]), 2);
	finish(&client);
	nothing_is_kept();
}
END_TEST

/* Data is there, and its control file is of the same job. */
START_TEST(point_12_a_job_that_has_begun_may_end)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "abc"), ACK);
	rig.dispatch.closed = "";
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfB001h", "de"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "Pa\nldfA001h\n"
	    "ldfB001h\n"), ACK);
	finish(&client);
	ck_assert_str_eq(contents(last_job()), "abc|de");
}
END_TEST

START_TEST(point_17_a_queue_that_is_closed)
{
	struct sender client;
	char text[512];

	begin("");
	rig.dispatch.closed = "new toner";
	enter(&client);
	send_octets(&client, "\3lobby\n", 7);
	hear_all(&client, text, sizeof(text));
	ck_assert_str_eq(text, "lobby is ready\n"
	    "lobby takes no jobs: new toner\nno entries\n");
	leave(&client);
	settle();
}
END_TEST

START_TEST(point_17_columns)
{
	struct sender client;
	char text[1024];

	begin("");
	print_one("abc");
	enter(&client);
	send_octets(&client, "\3lobby\n", 7);
	hear_all(&client, text, sizeof(text));
	ck_assert_str_eq(text, "lobby is ready\n"
	    "Rank    Owner           Job     File(s)"
	    "                         Total Size\n"
	    "1st     alice           1       title"
	    "                           3 bytes\n");
	leave(&client);
	settle();
}
END_TEST

START_TEST(point_23_another_octet_than_nul)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(say(&client, "\0033 dfA001h\n"), ACK);
	ck_assert_int_eq(say(&client, "abcX"), 3);
	finish(&client);
	nothing_is_kept();
}
END_TEST

START_TEST(point_25_numbers_of_clients_repeat)
{
	uint64_t first;

	begin("");
	print_one("one");
	first = last_job()->id;
	print_one("two");
	ck_assert_uint_eq(rig.dispatch.n, 2);
	ck_assert_uint_ne(last_job()->id, first);
	ck_assert_int_eq(strncmp(last_job()->extra, "cfA001h\nHh\n", 11), 0);
}
END_TEST

/* Two documents, the second of which is named first. */
START_TEST(point_26_either_order)
{
	struct sender client;
	bool control_first = _i == 0;
	const char *text = "Hh\nPbob\nJx\nfdfB001h\nNb.txt\nldfA001h\n"
	    "ldfA001h\nNa.ps\n";

	begin("text_is_raw = no");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	if (control_first)
		ck_assert_int_eq(control(&client, "cfA001h", text), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "first"), ACK);
	ck_assert_uint_eq(rig.dispatch.n, 0);
	ck_assert_int_eq(data(&client, "dfB001h", "second"), ACK);
	if (!control_first)
		ck_assert_int_eq(control(&client, "cfA001h", text), ACK);
	ck_assert_uint_eq(rig.dispatch.n, 1);
	ck_assert_str_eq(contents(last_job()), "second|first");
	ck_assert_str_eq(last_job()->user, "bob");
	ck_assert_str_eq(last_job()->documents[0].format, "text/plain");
	ck_assert_str_eq(last_job()->documents[0].name, "b.txt");
	ck_assert_uint_eq(last_job()->documents[1].copies, 2);
	finish(&client);
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

	begin(lacking[_i].lines);
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "Pbob\nldfA001h\n"
	    "ldfB001h\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "first"), ACK);
	finish(&client);
	ck_assert_uint_eq(rig.dispatch.n, lacking[_i].n);
	ck_assert_uint_eq(receive_rig_jobs(&rig), lacking[_i].n);
	if (lacking[_i].n > 0)
		ck_assert_int_eq(last_job()->state, lacking[_i].state);
}
END_TEST

START_TEST(point_27_data_that_is_not_named)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfB001h", "other"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "named"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "ldfA001h\n"), ACK);
	finish(&client);
	ck_assert_uint_eq(rig.dispatch.n, 1);
	ck_assert_str_eq(contents(last_job()), "named|other");
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

	begin(alone[_i].lines);
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "abc"), ACK);
	finish(&client);
	ck_assert_uint_eq(rig.dispatch.n, alone[_i].n);
	ck_assert_uint_eq(receive_rig_jobs(&rig), alone[_i].n);
	if (alone[_i].n == 0)
		return;
	ck_assert_int_eq(last_job()->state, alone[_i].state);
	ck_assert_str_eq(last_job()->user, "anonymous");
}
END_TEST

START_TEST(point_29_a_control_file_alone)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "ldfA001h\n"), ACK);
	finish(&client);
	nothing_is_kept();
}
END_TEST

START_TEST(point_30_both_control_files_first)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "Pa\nldfA001h\n"), ACK);
	ck_assert_int_eq(control(&client, "cfA002h", "Pb\nldfA002h\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "one"), ACK);
	ck_assert_str_eq(contents(last_job()), "one");
	ck_assert_str_eq(last_job()->user, "a");
	ck_assert_int_eq(data(&client, "dfA002h", "two"), ACK);
	ck_assert_str_eq(contents(last_job()), "two");
	ck_assert_str_eq(last_job()->user, "b");
	finish(&client);
	ck_assert_uint_eq(rig.dispatch.n, 2);
}
END_TEST

START_TEST(point_30_all_data_first)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "one"), ACK);
	ck_assert_int_eq(data(&client, "dfA002h", "two"), ACK);
	ck_assert_int_eq(control(&client, "cfA002h", "Pb\nldfA002h\n"), ACK);
	ck_assert_str_eq(contents(last_job()), "two");
	ck_assert_int_eq(control(&client, "cfA001h", "Pa\nldfA001h\n"), ACK);
	ck_assert_str_eq(contents(last_job()), "one");
	finish(&client);
	ck_assert_uint_eq(rig.dispatch.n, 2);
}
END_TEST

START_TEST(point_20_an_abort_forgets_one_job)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "one"), ACK);
	ck_assert_int_eq(say(&client, "\1\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "two"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "ldfA001h\n"), ACK);
	finish(&client);
	ck_assert_uint_eq(rig.dispatch.n, 1);
	ck_assert_str_eq(contents(last_job()), "two");
}
END_TEST

START_TEST(point_31_a_client_that_does_not_stay)
{
	struct sender client;

	begin("");
	enter(&client);
	send_octets(&client, whole.bytes, whole.len);
	leave(&client);
	settle();
	ck_assert_uint_eq(rig.dispatch.n, 1);
	ck_assert_str_eq(contents(last_job()), "abc");
}
END_TEST

START_TEST(point_32_no_nul_at_the_end)
{
	bool optional = _i == 1;
	struct sender client;

	begin(optional ? "final_nul = optional" : "final_nul = require");
	enter(&client);
	send_octets(&client, whole.bytes, whole.len - 1);
	finish(&client);
	ck_assert_uint_eq(rig.dispatch.n, optional);
	ck_assert_uint_eq(receive_rig_jobs(&rig), optional);
}
END_TEST

/* The NUL that comes all the same is a stray one. */
START_TEST(point_32_a_nul_that_is_optional)
{
	begin("final_nul = optional");
	print_one("abc");
	ck_assert_str_eq(contents(last_job()), "abc");
}
END_TEST

START_TEST(point_33_a_reset_in_the_middle)
{
	struct sender client;

	begin("");
	enter(&client);
	send_octets(&client, whole.bytes, whole.len - 2);
	sender_reset(&rig, &client);
	settle();
	nothing_is_kept();
}
END_TEST

START_TEST(point_34_35_stray_nuls_and_02_again)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	send_octets(&client, "\0\0\2FRONT\r\n", 10);
	ck_assert_int_eq(hear(&client), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "ldfA001h\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "abc"), ACK);
	send_octets(&client, "\0", 1);
	finish(&client);
	ck_assert_uint_eq(rig.dispatch.n, 1);
}
END_TEST

START_TEST(point_37_the_same_name_twice)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "abc"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "def"), 3);
	finish(&client);
	nothing_is_kept();
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

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "ldfA001h\n"), ACK);
	snprintf(line, sizeof(line), "\3%s dfA001h\n", unknown[_i]);
	ck_assert_int_eq(say(&client, line), ACK);
	send_octets(&client, "as it comes", 11);
	sender_shut(&client);
	ck_assert_int_eq(hear(&client), ACK);
	ck_assert_int_eq(hear(&client), CLOSED);
	leave(&client);
	ck_assert_str_eq(contents(last_job()), "as it comes");
}
END_TEST

START_TEST(point_22_no_octets_at_all)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", ""), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "ldfA001h\n"), ACK);
	finish(&client);
	ck_assert_uint_eq(rig.dispatch.n, 1);
	ck_assert_uint_eq(last_job()->bytes, 0);
}
END_TEST

/* More than 4 GiB is a length like any other. */
START_TEST(point_22_a_large_length_that_is_cut_short)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(say(&client, "\0035000000000 dfA001h\n"), ACK);
	send_octets(&client, "abc", 3);
	finish(&client);
	nothing_is_kept();
}
END_TEST

/* ---- options in the name ------------------------------------------------- */

START_TEST(options_in_the_name)
{
	struct sender client;

	begin("queue_options = yes");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2LOBBY+copies=3+hold\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "abc"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "ldfA001h\nldfA001h\n"),
	    ACK);
	finish(&client);
	ck_assert_int_eq(last_job()->state, JOB_PENDING_HELD);
	ck_assert_uint_eq(last_job()->documents[0].copies, 6);
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
};

START_TEST(names_of_queues)
{
	struct sender client;

	begin(names[_i].lines);
	enter(&client);
	ck_assert_int_eq(say(&client, names[_i].queue), names[_i].answer);
	finish(&client);
}
END_TEST

/* ---- cut after each octet ------------------------------------------------ */

/* where an end in good order leaves a whole job, besides the very end */
static const struct {
	struct octets	 said;
	size_t		 also;
} sessions[] = {
	{ OCTETS("\2lobby\n\00212 cfA001h\nPa\nldfA001h\n\0"
	    "\0033 dfA001h\nabc\0"), 0 },
	{ OCTETS("\2lobby\n\0033 dfA001h\nabc\0"
	    "\00212 cfA001h\nPa\nldfA001h\n\0"), 22 },
	{ OCTETS("\2lobby\n\00221 cfA001h\nPa\nldfA001h\nldfB001h\n\0"
	    "\0033 dfA001h\nabc\0\0033 dfB001h\ndef\0"), 0 },
};

static void
cut(const struct octets *said, size_t at, bool reset)
{
	struct sender client;

	enter(&client);
	send_octets(&client, said->bytes, at);
	if (reset)
		sender_reset(&rig, &client);
	else
		sender_shut(&client);
	settle();
	if (!reset)
		leave(&client);
}

START_TEST(a_cut_after_each_octet)
{
	const struct octets *said = &sessions[_i / 2].said;
	bool reset = _i % 2 == 1;
	size_t kept = 0, at;

	begin("");
	for (at = 0; at <= said->len; at++) {
		cut(said, at, reset);
		if (at == said->len ||
		    (!reset && at != 0 && at == sessions[_i / 2].also))
			kept++;
		ck_assert_msg(receive_rig_jobs(&rig) == kept,
		    "%zu jobs instead of %zu after octet %zu",
		    receive_rig_jobs(&rig), kept, at);
		if (at % 20 == 0) {
			print_one("next");
			kept++;
		}
		ck_assert_uint_eq(rig.dispatch.n, kept);
	}
	ck_assert_uint_eq(receive_rig_files(&rig), 0);
	ck_assert_ptr_null(LIST_FIRST(&rig.house.intakes));
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

	snprintf(path, sizeof(path), "%s", rig_path(&rig.spool, "page"));
	out = fopen(path, "w");
	ck_assert(out != NULL && fputs(template, out) != EOF &&
	    fclose(out) == 0);
	snprintf(lines, sizeof(lines), "banner = %s\n%s%s\n",
	    banners[_i].policy, banners[_i].policy[0] == 'n' ? "; " :
	    "banner_file = ", path);
	queue_lines = lines;
	begin("");
	queue_lines = "";
	ck_assert_int_eq(unlink(path), 0);
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	snprintf(text, sizeof(text), "Hh\nPalice\nJtitle\n%sldfA001h\n"
	    "ldfA001h\nldfB001h\n", banners[_i].lines);
	ck_assert_int_eq(control(&client, "cfA001h", text), ACK);
	ck_assert_int_eq(data(&client, "dfB001h", "second"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "first"), ACK);
	finish(&client);
	job = last_job();
	snprintf(text, sizeof(text), "%s%sfirst|second", page != NULL ? page :
	    "", page != NULL ? "|" : "");
	ck_assert_str_eq(contents(job), text);
	ck_assert_uint_eq(job->bytes, 11);
	ck_assert_uint_eq(job->documents[0].copies, page != NULL ? 1 : 2);
	ck_assert_uint_eq(job->documents[job->n_documents - 2].copies, 2);
}
END_TEST

START_TEST(point_44_what_is_asked_for_is_kept)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(control(&client, "cfA001h", "Hh\nPa\nLbob\n"
	    "ldfA001h\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "abc"), ACK);
	finish(&client);
	ck_assert_ptr_nonnull(strstr(last_job()->extra, "\nLbob\n"));
}
END_TEST

/* Data alone, of which only the host is known. */
START_TEST(point_44_a_page_for_anonymous)
{
	struct sender client;
	char text[2048];

	queue_lines = "banner = always";
	begin("");
	queue_lines = "";
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "abc"), ACK);
	finish(&client);
	ck_assert_uint_eq(last_job()->n_documents, 2);
	ck_assert_ptr_nonnull(strstr(contents(last_job()),
	    "  User   anonymous\r\n  Host   10.0.0.5\r\n"));
	enter(&client);
	send_octets(&client, "\4lobby\n", 7);
	hear_all(&client, text, sizeof(text));
	ck_assert_msg(strstr(text, "        banner   ") != NULL, "%s", text);
	leave(&client);
	settle();
}
END_TEST

/* ---- the end of the store, and of the daemon ----------------------------- */

START_TEST(the_store_is_lost)
{
	struct sender client;

	begin("");
	enter(&client);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "abc"), ACK);
	intake_cancel_all(&rig.house, "the spool is lost");
	ck_assert_int_eq(hear(&client), 2);
	finish(&client);
	nothing_is_kept();
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

	begin("");
	enter(&client);
	enter(&late);
	ck_assert_int_eq(say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(data(&client, "dfA001h", "abc"), ACK);
	frontend_close_idle(front);
	ck_assert_int_eq(hear(&late), CLOSED);
	intake_drain(&rig.house, count_idle, &rig.idle);
	ck_assert_uint_eq(rig.idle, 1);
	ck_assert_int_eq(hear(&client), 2);
	finish(&client);
	leave(&late);
	nothing_is_kept();
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
	tcase_add_test(tcase, point_10_the_first_answer_waits_for_no_disk);
	tcase_add_test(tcase, point_12_a_queue_that_is_closed);
	tcase_add_loop_test(tcase,
	    point_12_a_queue_that_is_closed_in_mid_session, 0, COUNT(begun));
	tcase_add_test(tcase, point_12_a_job_that_has_begun_may_end);
	tcase_add_loop_test(tcase, point_13_codes_of_refusals, 0,
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
	tcase_add_test(tcase, point_34_35_stray_nuls_and_02_again);
	tcase_add_test(tcase, point_37_the_same_name_twice);
	tcase_add_loop_test(tcase, point_44_a_page_in_front, 0,
	    COUNT(banners));
	tcase_add_test(tcase, point_44_what_is_asked_for_is_kept);
	tcase_add_test(tcase, point_44_a_page_for_anonymous);
	tcase_add_test(tcase, options_in_the_name);
	tcase_add_loop_test(tcase, names_of_queues, 0, COUNT(names));
	tcase_add_loop_test(tcase, a_cut_after_each_octet, 0,
	    2 * COUNT(sessions));
	tcase_add_test(tcase, the_store_is_lost);
	tcase_add_test(tcase, the_daemon_ends);
}

int
main(void)
{
	Suite *suite = suite_create("lpd");
	TCase *tcase = tcase_create("sessions");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	return suite_main(suite);
}
