/*
 * check_control.c - questions over the control socket and their answers, with
 * a store behind it; and what clients can do to it.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/control_rig.h"
#include "tests/suite.h"

static struct control_rig rig;

static void
setup(void)
{
	control_rig_make(&rig);
}

static void
teardown(void)
{
	control_rig_free(&rig);
}

static uint64_t
new_job(const char *queue, size_t len)
{
	uint64_t id;

	ck_assert_int_eq(rig_job(&rig.spool, queue, 1, len, &id), 0);
	return id;
}

static void
finish(uint64_t id, enum job_state state)
{
	struct job_step step = { .state = state, .now_ms = 1700000000123 +
	    (int64_t)id };

	ck_assert_int_eq(rig_step(&rig.spool, id, JOB_PROCESSING), 0);
	ck_assert_int_eq(rig_step_as(&rig.spool, id, &step), 0);
}

/* ---- jobs -------------------------------------------------------------- */

/* The answer's list has these jobs, in this order. */
static void
lists(const char *question, const char *ids, json_int_t next)
{
	struct client_answer answer;
	char text[200] = "";
	const json_t *job;
	size_t i;

	control_ask(&rig, question, NULL, &answer);
	ck_assert_msg(answer.status == 200, "%s: %s", question, answer.body);
	json_array_foreach(json_object_get(answer.json, "jobs"), i, job)
		snprintf(text + strlen(text), sizeof(text) - strlen(text),
		    "%s%d", i > 0 ? " " : "", (int)json_integer_value(
		    json_object_get(job, "id")));
	ck_assert_str_eq(text, ids);
	ck_assert_int_eq(json_integer_value(json_object_get(answer.json,
	    "next")), next);
	client_answer_free(&answer);
}

START_TEST(jobs_are_listed_as_asked)
{
	new_job("lobby", 10);
	new_job("second", 10);
	new_job("lobby", 10);
	finish(new_job("lobby", 10), JOB_COMPLETED);
	lists("GET /v1/jobs", "1 2 3", 0);
	lists("GET /v1/jobs?which=unfinished", "1 2 3", 0);
	lists("GET /v1/jobs?which=finished", "4", 0);
	lists("GET /v1/jobs?which=all", "1 2 3 4", 0);
	lists("GET /v1/jobs?queue=lobby", "1 3", 0);
	lists("GET /v1/jobs?queue=LOBBY", "1 3", 0);
	lists("GET /v1/jobs?queue=stream", "", 0);
	lists("GET /v1/jobs?user=alice&queue=second", "2", 0);
	lists("GET /v1/jobs?user=bob", "", 0);
	lists("GET /v1/jobs?which=all&limit=2", "1 2", 2);
	lists("GET /v1/jobs?which=all&limit=2&after=2", "3 4", 4);
	lists("GET /v1/jobs?which=all&limit=2&after=4", "", 0);
	lists("GET /v1/jobs?after=18446744073709", "", 0);
}
END_TEST

/* A job of a queue that is no longer there is still there. */
START_TEST(a_queue_that_was_is_no_mistake)
{
	new_job("bygone", 10);
	lists("GET /v1/jobs?queue=bygone", "1", 0);
	control_expect(&rig, "GET /v1/jobs?queue=lobbby", NULL, 404,
	    "{\"error\": \"there is no queue \\\"lobbby\\\"\"}");
}
END_TEST

START_TEST(a_job_shows_why_it_waits)
{
	struct client_answer answer;
	const json_t *doc;

	new_job("lobby", 4000);
	rig.dispatch.progress = 1234;
	control_ask(&rig, "GET /v1/jobs/1", NULL, &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_str_eq(json_string_value(json_object_get(answer.json,
	    "why")), "because of lobby");
	ck_assert_int_eq(json_integer_value(json_object_get(answer.json,
	    "progress")), 1234);
	ck_assert_uint_eq(json_array_size(json_object_get(answer.json,
	    "documents")), 1);
	doc = json_array_get(json_object_get(answer.json, "documents"), 0);
	ck_assert_int_eq(json_integer_value(json_object_get(doc, "size")),
	    4000);
	ck_assert(json_is_true(json_object_get(doc, "kept")));
	client_answer_free(&answer);
}
END_TEST

/* ---- what people do ---------------------------------------------------- */

static const struct {
	const char		*verb;
	enum dispatch_action	 action;
	const char		*refused;	/* of a job that is pending */
} acts[] = {
	{ "hold", DISPATCH_HOLD, "{\"error\": \"job 1 is pending: only one "
	    "that waits or prints can be held\"}" },
	{ "release", DISPATCH_RELEASE, "{\"error\": \"job 1 is pending: only "
	    "one that is held can be released\"}" },
	{ "cancel", DISPATCH_CANCEL, "{\"error\": \"job 1 is pending: only "
	    "one that is not over yet can be canceled\"}" },
	{ "reprint", DISPATCH_REPRINT, "{\"error\": \"job 1 is pending: only "
	    "one that is over can be printed again\"}" },
};

START_TEST(people_act_on_jobs)
{
	char question[64];
	const char *who = geteuid() == 0 ? "root" : NULL;

	new_job("lobby", 10);
	snprintf(question, sizeof(question), "POST /v1/jobs/1/%s",
	    acts[_i].verb);
	control_expect(&rig, question, NULL, 200,
	    "{\"id\": 1, \"state\": \"pending\"}");
	ck_assert_int_eq(rig.dispatch.act, FAKE_ACT);
	ck_assert_uint_eq(rig.dispatch.job, 1);
	ck_assert_int_eq(rig.dispatch.action, acts[_i].action);
	if (who != NULL)
		ck_assert_str_eq(rig.dispatch.by, who);
	rig.dispatch.outcome = -EINVAL;
	control_expect(&rig, question, NULL, 409, acts[_i].refused);
	control_expect(&rig, question, "{}", 409, acts[_i].refused);
}
END_TEST

static const struct {
	int		 outcome, status;
	const char	*members;
} outcomes[] = {
	{ -ENOENT, 404, "{\"error\": \"there is no job 1\"}" },
	{ -EBUSY, 409, "{\"error\": \"job 1 is being changed already\"}" },
	{ -ESTALE, 410,
	    "{\"error\": \"the data of job 1 is no longer kept\"}" },
	{ -ENXIO, 503, "{\"error\": \"the spool is down\"}" },
	{ -ENOMEM, 503, "{\"error\": \"no memory\"}" },
	{ -ENOSPC, 507, "{\"error\": \"the spool has no space: No space left "
	    "on device\"}" },
	{ -EIO, 500, "{\"error\": \"the spool could not do it: Input/output "
	    "error\"}" },
};

START_TEST(each_outcome_has_its_words)
{
	new_job("lobby", 10);
	rig.dispatch.outcome = outcomes[_i].outcome;
	control_expect(&rig, "POST /v1/jobs/1/hold", NULL,
	    outcomes[_i].status, outcomes[_i].members);
	control_expect(&rig, "POST /v1/jobs/1/move", "{\"priority\": 1}",
	    outcomes[_i].status, outcomes[_i].members);
	/* The same if it cannot even be asked. */
	rig.dispatch.refuses = -outcomes[_i].outcome;
	control_expect(&rig, "POST /v1/jobs/1/hold", NULL,
	    outcomes[_i].status, outcomes[_i].members);
	control_expect(&rig, "POST /v1/jobs/1/move", "{\"priority\": 1}",
	    outcomes[_i].status, outcomes[_i].members);
}
END_TEST

static const struct {
	const char	*body;
	int		 status;
	const char	*queue;			/* NULL: not so far */
	uint32_t	 priority;
} moves[] = {
	{ "{\"queue\": \"second\"}", 200, "second", 0 },
	{ "{\"queue\": \"SECOND\", \"priority\": 100}", 200, "second", 100 },
	{ "{\"priority\": 1}", 200, "(the same)", 1 },
	{ "{\"queue\": \"third\"}", 404, NULL, 0 },
	{ "{\"queue\": \"stream\"}", 409, NULL, 0 },
	{ "{\"queue\": 7}", 400, NULL, 0 },
	{ "{\"queue\": null}", 400, NULL, 0 },
	{ "{\"priority\": 0}", 400, NULL, 0 },
	{ "{\"priority\": 101}", 400, NULL, 0 },
	{ "{\"priority\": -1}", 400, NULL, 0 },
	{ "{\"priority\": 4294967297}", 400, NULL, 0 },
	{ "{\"priority\": 50.0}", 400, NULL, 0 },
	{ "{\"priority\": \"50\"}", 400, NULL, 0 },
	{ "{\"prio\": 50}", 400, NULL, 0 },
	{ "{\"priority\": 50, \"priority\": 51}", 400, NULL, 0 },
	{ "{}", 400, NULL, 0 },
	{ "[]", 400, NULL, 0 },
	{ "{", 400, NULL, 0 },
	{ "", 400, NULL, 0 },
	{ NULL, 400, NULL, 0 },
};

START_TEST(people_move_jobs)
{
	new_job("lobby", 10);
	control_expect(&rig, "POST /v1/jobs/1/move", moves[_i].body,
	    moves[_i].status, "{}");
	ck_assert_int_eq(rig.dispatch.act, moves[_i].queue != NULL ?
	    FAKE_MOVE : FAKE_NONE);
	if (moves[_i].queue == NULL)
		return;
	ck_assert_str_eq(rig.dispatch.name, moves[_i].queue);
	ck_assert_uint_eq(rig.dispatch.priority, moves[_i].priority);
}
END_TEST

START_TEST(people_pause_queues_and_ports)
{
	control_expect(&rig, "POST /v1/queues/Lobby/pause", NULL, 200,
	    "{\"paused\": true}");
	ck_assert_int_eq(rig.dispatch.act, FAKE_PAUSE_QUEUE);
	ck_assert_str_eq(rig.dispatch.name, "lobby");
	ck_assert(rig.dispatch.paused);
	control_expect(&rig, "POST /v1/queues/lobby/resume", NULL, 200,
	    "{\"paused\": false}");
	ck_assert(!rig.dispatch.paused);
	control_expect(&rig, "POST /v1/ports/archive/pause", NULL, 200,
	    "{\"name\": \"archive\", \"paused\": true}");
	ck_assert_int_eq(rig.dispatch.act, FAKE_PAUSE_PORT);
	ck_assert_str_eq(rig.dispatch.name, "archive");
	rig.dispatch.outcome = -EIO;
	control_expect(&rig, "POST /v1/ports/archive/pause", NULL, 500, "{}");
	rig.dispatch.act = FAKE_NONE;
	control_expect(&rig, "POST /v1/queues/nix/pause", NULL, 404,
	    "{\"error\": \"there is no queue \\\"nix\\\"\"}");
	control_expect(&rig, "POST /v1/queues/stream/pause", NULL, 409, "{}");
	control_expect(&rig, "POST /v1/ports/nix/resume", NULL, 404,
	    "{\"error\": \"there is no port \\\"nix\\\"\"}");
	ck_assert_int_eq(rig.dispatch.act, FAKE_NONE);
}
END_TEST

START_TEST(people_close_queues_and_open_them)
{
	control_expect(&rig, "POST /v1/queues/Lobby/reject",
	    "{\"why\": \"new toner \\u00e4\"}", 200, "{\"accepting\": false,"
	    "\"why\": \"new toner \\u00e4\"}");
	ck_assert_int_eq(rig.dispatch.act, FAKE_CLOSE);
	ck_assert_str_eq(rig.dispatch.name, "lobby");
	ck_assert_str_eq(rig.dispatch.closed_why, "new toner \xc3\xa4");
	control_expect(&rig, "POST /v1/queues/lobby/accept", NULL, 200,
	    "{\"name\": \"lobby\", \"accepting\": true, \"why\": null}");
	ck_assert(!rig.dispatch.closed);
	control_expect(&rig, "POST /v1/queues/stream/reject", NULL, 200,
	    "{\"name\": \"stream\", \"accepting\": false, \"why\": null}");
	rig.dispatch.outcome = -EIO;
	control_expect(&rig, "POST /v1/queues/lobby/reject", NULL, 500, "{}");
	rig.dispatch.act = FAKE_NONE;
	control_expect(&rig, "POST /v1/queues/nix/reject", NULL, 404,
	    "{\"error\": \"there is no queue \\\"nix\\\"\"}");
	ck_assert_int_eq(rig.dispatch.act, FAKE_NONE);
}
END_TEST

static const char *const bad_reasons[] = {
	"{\"why\": 7}", "{\"why\": null}", "{\"why\": \"a\\nb\"}",
	"{\"why\": \"\\u001b[2J\"}", "{\"why\": \"\\u007f\"}",
	"{\"why\": \"\\u009b2J\"}", "{\"reason\": \"x\"}",
};

START_TEST(a_reason_is_one_line)
{
	control_expect(&rig, "POST /v1/queues/lobby/reject",
	    bad_reasons[_i], 400, "{}");
	ck_assert_int_eq(rig.dispatch.act, FAKE_NONE);
}
END_TEST

START_TEST(a_reason_has_an_end)
{
	char body[256];

	snprintf(body, sizeof(body), "{\"why\": \"%0*d\"}",
	    DISPATCH_CLOSED_LEN - 1, 0);
	control_expect(&rig, "POST /v1/queues/lobby/reject", body, 200, "{}");
	snprintf(body, sizeof(body), "{\"why\": \"%0*d\"}",
	    DISPATCH_CLOSED_LEN, 0);
	control_expect(&rig, "POST /v1/queues/lobby/reject", body, 400,
	    "{\"error\": \"\\\"why\\\" must be a text of 120 bytes at most, "
	    "without control characters\"}");
}
END_TEST

/* ---- looking ----------------------------------------------------------- */

START_TEST(queues_say_what_they_have)
{
	struct client_answer answer;
	json_t *should;

	new_job("lobby", 10);
	new_job("lobby", 20);
	ck_assert_int_eq(rig_step(&rig.spool, 2, JOB_PENDING_HELD), 0);
	rig.dispatch.queue_paused = rig.dispatch.closed = true;
	strcpy(rig.dispatch.name, "lobby");
	strcpy(rig.dispatch.closed_why, "moving");
	should = json_loads("{ \"name\": \"lobby\", \"delivery\": \"spool\","
	    "\"paused\": true, \"accepting\": false, \"why\": \"moving\","
	    "\"ports\": [ \"lobby-laser\" ],"
	    "\"backup_ports\": [ \"archive\" ], \"jobs\": {"
	    "\"pending\": 1, \"pending-held\": 1, \"processing\": 0,"
	    "\"processing-stopped\": 0, \"total\": 2, \"bytes\": 30 } }", 0,
	    NULL);
	control_ask(&rig, "GET /v1/queues", NULL, &answer);
	ck_assert(json_equal(json_array_get(json_object_get(answer.json,
	    "queues"), 0), should));
	ck_assert_uint_eq(json_array_size(json_object_get(answer.json,
	    "queues")), 3);
	json_decref(should);
	client_answer_free(&answer);
}
END_TEST

START_TEST(ports_say_how_they_are)
{
	rig.dispatch.port_paused = true;
	control_expect(&rig, "GET /v1/ports", NULL, 200, "{ \"ports\": ["
	    "{ \"name\": \"lobby-laser\", \"monitor\": \"file\","
	    "\"language_monitor\": \"mock_lm\", \"state\": \"idle\","
	    "\"healthy\": true, \"trouble\": null, \"paused\": false,"
	    "\"waiting\": 0, \"status\": null, \"supplies\": [] },"
	    "{ \"name\": \"archive\","
	    "\"monitor\": \"null\", \"language_monitor\": null,"
	    "\"state\": \"idle\", \"healthy\": true, \"trouble\": null,"
	    "\"paused\": true, \"waiting\": 0, \"status\": null,"
	    "\"supplies\": [] } ] }");
}
END_TEST

START_TEST(status_is_there_also_without_a_store)
{
	struct client_answer answer;

	control_expect(&rig, "GET /v1/status", NULL, 200,
	    "{\"version\": \"" PP_VERSION "\", \"running\": 3, \"queues\": 3,"
	    "\"ports\": 2, \"loaded\": true}");
	control_ask(&rig, "GET /v1/status", NULL, &answer);
	ck_assert_str_eq(json_string_value(json_object_get(json_object_get(
	    answer.json, "store"), "health")), "ok");
	client_answer_free(&answer);
	rig.spooler.store = NULL;
	control_expect(&rig, "GET /v1/status", NULL, 200, "{\"store\":"
	    "{\"health\": \"down\", \"free_bytes\": null}}");
}
END_TEST

static const char *const need_the_store[] = {
	"GET /v1/jobs", "GET /v1/jobs/1", "GET /v1/queues",
	"GET /v1/accounting",
};

START_TEST(without_a_store_it_says_so)
{
	rig.spooler.store = NULL;
	control_expect(&rig, need_the_store[_i], NULL, 503,
	    "{\"error\": \"the spool is down\"}");
}
END_TEST

/* ---- bad questions ----------------------------------------------------- */

static const struct {
	const char	*what, *body;
	int		 status;
} bad[] = {
	{ "GET /v1/nix", NULL, 404 },
	{ "GET /v1/jobs/1", NULL, 404 },
	{ "POST /v1/jobs", NULL, 405 },
	{ "PUT /v1/jobs", NULL, 405 },
	{ "DELETE /v1/jobs/1", NULL, 405 },
	{ "OPTIONS /v1/jobs", NULL, 405 },
	{ "OPTIONS *", NULL, 404 },
	{ "GET /v1/jobs?which=some", NULL, 400 },
	{ "GET /v1/jobs?usr=alice", NULL, 400 },
	{ "GET /v1/jobs?limit=0", NULL, 400 },
	{ "GET /v1/jobs?limit=1001", NULL, 400 },
	{ "GET /v1/jobs?limit=", NULL, 400 },
	{ "GET /v1/jobs?after=-1", NULL, 400 },
	{ "GET /v1/jobs?limit=1&limit=2", NULL, 400 },
	{ "GET /v1/jobs?limit", NULL, 400 },
	{ "GET /v1/jobs/0", NULL, 400 },
	{ "GET /v1/jobs/x", NULL, 400 },
	{ "GET /v1/jobs/1%20", NULL, 400 },
	{ "GET /v1/jobs/99999999999999999999", NULL, 400 },
	{ "GET /v1/jobs/1?x=y", NULL, 400 },
	{ "GET /v1/accounting?from=yesterday", NULL, 400 },
	{ "GET /v1/accounting?to=2026", NULL, 400 },
	{ "GET /v1/accounting?format=xml", NULL, 400 },
	{ "POST /v1/jobs/1/hold", "{\"queue\": \"a\"}", 400 },
	{ "POST /v1/jobs/1/hold", "hold", 400 },
	{ "POST /v1/jobs/x/hold", NULL, 400 },
	{ "POST /v1/jobs/x/move", "{\"priority\": 1}", 400 },
};

START_TEST(a_bad_question_has_an_answer)
{
	control_expect(&rig, bad[_i].what, bad[_i].body, bad[_i].status,
	    "{}");
	ck_assert_int_eq(rig.dispatch.act, FAKE_NONE);
}
END_TEST

/* ---- accounting -------------------------------------------------------- */

/* More than a page, and just a page. */
static const uint64_t record_counts[] = { 0, 1, 200, 401 };

static size_t
lines(const char *text)
{
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += *text == '\n';
	return n;
}

static void
make_records(uint64_t n)
{
	uint64_t i;

	for (i = 0; i < n; i++)
		finish(new_job("lobby", 10), JOB_COMPLETED);
}

START_TEST(accounting_comes_whole)
{
	uint64_t n = record_counts[_i];
	struct client_answer answer;
	json_t *last;

	make_records(n);
	control_ask(&rig, "GET /v1/accounting", NULL, &answer);
	ck_assert_int_eq(answer.status, 200);
	ck_assert_ptr_nonnull(strstr(answer.head, "Content-Type: text/csv"));
	ck_assert_int_eq(strncmp(answer.body, "record,job,queue,", 17), 0);
	ck_assert_uint_eq(lines(answer.body), n + 1);
	client_answer_free(&answer);
	control_ask(&rig, "GET /v1/accounting?format=json", NULL, &answer);
	ck_assert_msg(json_is_array(answer.json), "no array: %s",
	    answer.body);
	ck_assert_uint_eq(json_array_size(answer.json), n);
	last = json_array_get(answer.json, n - 1);
	ck_assert_int_eq(json_integer_value(json_object_get(last, "job")),
	    (json_int_t)n);
	client_answer_free(&answer);
}
END_TEST

static const struct {
	const char	*period;
	size_t		 n;
} periods[] = {
	{ "?from=2023-11-14", 5 },
	{ "?from=2023-11-15", 0 },
	{ "?to=2023-11-14", 0 },
	{ "?from=2023-11-14&to=2023-11-15", 5 },
	{ "?from=2023-11-14T22:13:20.126Z", 3 },
	{ "?from=2023-11-14T22:13:20.126Z&to=2023-11-14T22:13:20.127Z", 1 },
	{ "?from=2023-11-14T23:13:20.126%2B01:00", 3 },
};

START_TEST(accounting_has_a_period)
{
	struct client_answer answer;
	char question[200];

	make_records(5);
	snprintf(question, sizeof(question), "GET /v1/accounting%s",
	    periods[_i].period);
	control_ask(&rig, question, NULL, &answer);
	ck_assert_uint_eq(lines(answer.body), periods[_i].n + 1);
	client_answer_free(&answer);
}
END_TEST

/* The store goes in the middle: what was sent must not pass for all. */
START_TEST(an_export_that_breaks_off_is_not_whole)
{
	static const char question[] = "GET /v1/accounting HTTP/1.1\r\n\r\n";
	struct client client;

	make_records(450);
	client_connect(&rig, &client);
	client_send(&rig, &client, question, strlen(question));
	while (client.len == 0) {
		control_rig_turn(&rig);
		client_read(&client);
	}
	rig.spooler.store = NULL;
	client_wait(&rig, &client);
	ck_assert_ptr_nonnull(strstr(client.text, "record,job,queue,"));
	ck_assert_ptr_null(strstr(client.text, "\r\n0\r\n\r\n"));
	client_close(&client);
	rig.spooler.store = rig.spool.store;
	control_expect(&rig, "GET /v1/status", NULL, 200, "{}");
}
END_TEST

/* ---- clients that are no friends --------------------------------------- */

static const char hold[] = "POST /v1/jobs/1/hold HTTP/1.1\r\n"
    "Content-Length: 0\r\n\r\n";
static const char status[] = "GET /v1/status HTTP/1.1\r\n\r\n";
static const char export[] = "GET /v1/accounting HTTP/1.1\r\n\r\n";

static void
still_answers(void)
{
	control_expect(&rig, "GET /v1/status", NULL, 200, "{}");
}

START_TEST(a_connection_can_ask_again)
{
	struct client_answer answer;
	struct client client;
	int i;

	client_connect(&rig, &client);
	for (i = 0; i < 10; i++) {
		client_send(&rig, &client, status, strlen(status));
		client_answer(&rig, &client, &answer);
		ck_assert_int_eq(answer.status, 200);
		client_answer_free(&answer);
	}
	/* All at once. */
	for (i = 0; i < 10; i++)
		client_send(&rig, &client, export, strlen(export));
	for (i = 0; i < 10; i++) {
		client_answer(&rig, &client, &answer);
		ck_assert_int_eq(answer.status, 200);
		client_answer_free(&answer);
	}
	client_close(&client);
}
END_TEST

START_TEST(a_question_may_come_byte_by_byte)
{
	struct client_answer answer;
	struct client client;
	size_t i;

	client_connect(&rig, &client);
	for (i = 0; i < strlen(status); i++)
		client_send(&rig, &client, status + i, 1);
	client_answer(&rig, &client, &answer);
	ck_assert_int_eq(answer.status, 200);
	client_answer_free(&answer);
	client_close(&client);
}
END_TEST

/* Gone after each byte of a question. */
START_TEST(clients_may_go_at_any_time)
{
	struct client client;
	size_t i;

	new_job("lobby", 10);
	for (i = 0; i <= strlen(hold); i++) {
		client_connect(&rig, &client);
		client_send(&rig, &client, hold, i);
		client_close(&client);
	}
	still_answers();
}
END_TEST

/* Of an export, it goes after the first bytes of the answer. */
START_TEST(clients_may_go_in_mid_reply)
{
	struct client client;
	int i;

	make_records(450);
	for (i = 0; i < 20; i++) {
		client_connect(&rig, &client);
		client_send(&rig, &client, export, strlen(export));
		while (client.len == 0) {
			control_rig_turn(&rig);
			client_read(&client);
		}
		client_close(&client);
	}
	still_answers();
}
END_TEST

/* The answer to one who went is dropped, and the deed was done. */
START_TEST(an_answer_may_come_too_late)
{
	struct client client;

	new_job("lobby", 10);
	rig.dispatch.waits = true;
	client_connect(&rig, &client);
	client_send(&rig, &client, hold, strlen(hold));
	while (rig.dispatch.done == NULL)
		control_rig_turn(&rig);
	client_close(&client);
	still_answers();
	fake_dispatch_answer(&rig.dispatch, 0);
	still_answers();
}
END_TEST

/* Nor does it matter that the daemon ends meanwhile. */
START_TEST(an_answer_may_come_after_the_end)
{
	struct client client, reader;

	make_records(450);
	rig.dispatch.waits = true;
	client_connect(&rig, &client);
	client_send(&rig, &client, hold, strlen(hold));
	while (rig.dispatch.done == NULL)
		control_rig_turn(&rig);
	client_connect(&rig, &reader);
	client_send(&rig, &reader, export, strlen(export));
	control_rig_end(&rig);
	ck_assert_int_eq(access(rig.path, F_OK), -1);
	fake_dispatch_answer(&rig.dispatch, 0);
	while (store_busy(rig.spool.store) > 0)
		control_rig_turn(&rig);
	client_wait(&rig, &client);
	ck_assert_uint_eq(client.len, 0);
	client_close(&client);
	client_close(&reader);
}
END_TEST

START_TEST(a_line_has_an_end)
{
	static char line[1 << 20];
	struct client client;

	memset(line, 'x', sizeof(line));
	memcpy(line, "GET /", 5);
	client_connect(&rig, &client);
	client_send(&rig, &client, line, sizeof(line));
	client_wait(&rig, &client);
	client_close(&client);
	still_answers();
}
END_TEST

START_TEST(a_body_has_an_end)
{
	static char body[200 << 10];
	struct client client;
	char head[200];

	memset(body, ' ', sizeof(body));
	snprintf(head, sizeof(head), "POST /v1/jobs/1/move HTTP/1.1\r\n"
	    "Content-Length: %zu\r\n\r\n", CONTROL_BODY_MAX + 1);
	client_connect(&rig, &client);
	client_send(&rig, &client, head, strlen(head));
	client_send(&rig, &client, body, sizeof(body));
	client_wait(&rig, &client);
	ck_assert_ptr_nonnull(strstr(client.text, "HTTP/1.1 413 "));
	client_close(&client);
	ck_assert_int_eq(rig.dispatch.act, FAKE_NONE);
	still_answers();
}
END_TEST

/* One that is just not too long is read whole. */
START_TEST(a_long_body_is_read)
{
	static char body[CONTROL_BODY_MAX + 1];

	new_job("lobby", 10);
	memset(body, ' ', sizeof(body) - 1);
	memcpy(body, "{\"priority\":", 12);
	memcpy(body + sizeof(body) - 4, "7}", 2);
	control_expect(&rig, "POST /v1/jobs/1/move", body, 200, "{}");
	ck_assert_uint_eq(rig.dispatch.priority, 7);
}
END_TEST

START_TEST(nonsense_is_refused)
{
	static const char *const nonsense[] = {
		"\r\n\r\n\r\n\r\n", "x\r\n\r\n", "GET\r\n\r\n",
		"GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01",
		"GET /v1/status HTTP/1.1\r\nno header\r\n\r\n",
		"POST /v1/jobs/1/hold HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
		"POST /v1/jobs/1/hold HTTP/1.1\r\nContent-Length: x\r\n\r\n",
		("POST /v1/jobs/1/hold HTTP/1.1\r\n"
		    "Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
		"GET http:// HTTP/1.1\r\n\r\n",
		"CONNECT a:1 HTTP/1.1\r\n\r\n",
	};
	struct client client;
	size_t i;

	for (i = 0; i < sizeof(nonsense) / sizeof(nonsense[0]); i++) {
		client_connect(&rig, &client);
		client_send(&rig, &client, nonsense[i], strlen(nonsense[i]));
		still_answers();
		client_close(&client);
	}
	ck_assert_int_eq(rig.dispatch.act, FAKE_NONE);
	still_answers();
}
END_TEST

/* More than may be wait, and are served when others go. */
START_TEST(connections_are_limited)
{
	static struct client clients[CONTROL_CLIENTS_MAX + 1];
	struct client *last = &clients[CONTROL_CLIENTS_MAX];
	struct client_answer answer;
	size_t i;

	for (i = 0; i <= CONTROL_CLIENTS_MAX; i++)
		client_connect(&rig, &clients[i]);
	client_send(&rig, last, status, strlen(status));
	/* A whole round of questions, and none of them is the last one's. */
	for (i = 0; i < CONTROL_CLIENTS_MAX; i++) {
		client_send(&rig, &clients[i], status, strlen(status));
		client_answer(&rig, &clients[i], &answer);
		client_answer_free(&answer);
	}
	client_read(last);
	ck_assert_uint_eq(last->len, 0);
	client_close(&clients[7]);
	client_answer(&rig, last, &answer);
	ck_assert_int_eq(answer.status, 200);
	client_answer_free(&answer);
	for (i = 0; i <= CONTROL_CLIENTS_MAX; i++)
		client_close(&clients[i]);
	still_answers();
}
END_TEST

/* A thousand, one after the other: places are given back. */
START_TEST(places_are_given_back)
{
	struct client client;
	int i;

	for (i = 0; i < 1000; i++) {
		client_connect(&rig, &client);
		client_send(&rig, &client, status, (size_t)i % 20);
		client_close(&client);
	}
	still_answers();
}
END_TEST

/* ---- configuration ----------------------------------------------------- */

START_TEST(a_reload_is_seen)
{
	int i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(control_configure(rig.control, rig.shared,
		    rig.ports), 0);
		control_expect(&rig, "GET /v1/status", NULL, 200,
		    "{\"ports\": 2}");
	}
}
END_TEST

#define N(array)	((int)(sizeof(array) / sizeof((array)[0])))

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tc = tcase_create(name);

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	suite_add_tcase(suite, tc);
	return tc;
}

static Suite *
control_suite(void)
{
	Suite *suite = suite_create("control");
	TCase *jobs = new_case(suite, "jobs");
	TCase *look = new_case(suite, "look");
	TCase *accounting = new_case(suite, "accounting");
	TCase *abuse = new_case(suite, "abuse");

	tcase_add_test(jobs, jobs_are_listed_as_asked);
	tcase_add_test(jobs, a_queue_that_was_is_no_mistake);
	tcase_add_test(jobs, a_job_shows_why_it_waits);
	tcase_add_loop_test(jobs, people_act_on_jobs, 0, N(acts));
	tcase_add_loop_test(jobs, each_outcome_has_its_words, 0, N(outcomes));
	tcase_add_loop_test(jobs, people_move_jobs, 0, N(moves));
	tcase_add_test(jobs, people_pause_queues_and_ports);
	tcase_add_test(jobs, people_close_queues_and_open_them);
	tcase_add_loop_test(jobs, a_reason_is_one_line, 0,
	    N(bad_reasons));
	tcase_add_test(jobs, a_reason_has_an_end);
	tcase_add_test(look, queues_say_what_they_have);
	tcase_add_test(look, ports_say_how_they_are);
	tcase_add_test(look, status_is_there_also_without_a_store);
	tcase_add_loop_test(look, without_a_store_it_says_so, 0,
	    N(need_the_store));
	tcase_add_loop_test(look, a_bad_question_has_an_answer, 0, N(bad));
	tcase_add_test(look, a_reload_is_seen);
	tcase_add_loop_test(accounting, accounting_comes_whole, 0,
	    N(record_counts));
	tcase_add_loop_test(accounting, accounting_has_a_period, 0,
	    N(periods));
	tcase_add_test(accounting, an_export_that_breaks_off_is_not_whole);
	tcase_add_test(abuse, a_connection_can_ask_again);
	tcase_add_test(abuse, a_question_may_come_byte_by_byte);
	tcase_add_test(abuse, clients_may_go_at_any_time);
	tcase_add_test(abuse, clients_may_go_in_mid_reply);
	tcase_add_test(abuse, an_answer_may_come_too_late);
	tcase_add_test(abuse, an_answer_may_come_after_the_end);
	tcase_add_test(abuse, a_line_has_an_end);
	tcase_add_test(abuse, a_body_has_an_end);
	tcase_add_test(abuse, a_long_body_is_read);
	tcase_add_test(abuse, nonsense_is_refused);
	tcase_add_test(abuse, connections_are_limited);
	tcase_add_test(abuse, places_are_given_back);
	return suite;
}

int
main(void)
{
	return suite_main(control_suite());
}
