/*
 * check_api.c - the table of commands, who may what, and the judging of
 * questions: all that is pure.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/http.h>

#include "daemon/api.h"
#include "daemon/dispatch.h"
#include "spool/job.h"
#include "tests/suite.h"

/* ---- finding ----------------------------------------------------------- */

static const struct {
	enum api_method	 method;
	const char	*path;
	api_command_fn	*run;		/* NULL: see found */
	const char	*name;
	int		 what;
	enum api_found	 found;
} paths[] = {
	{ API_GET, "/v1/jobs", api_jobs_list, "", 0, API_FOUND },
	{ API_GET, "/v1/jobs/17", api_job_show, "17", 0, API_FOUND },
	{ API_POST, "/v1/jobs/17/hold", api_job_act, "17", DISPATCH_HOLD,
	    API_FOUND },
	{ API_POST, "/v1/jobs/17/release", api_job_act, "17",
	    DISPATCH_RELEASE, API_FOUND },
	{ API_POST, "/v1/jobs/17/cancel", api_job_act, "17", DISPATCH_CANCEL,
	    API_FOUND },
	{ API_POST, "/v1/jobs/17/reprint", api_job_act, "17",
	    DISPATCH_REPRINT, API_FOUND },
	{ API_POST, "/v1/jobs/17/move", api_job_move, "17", 0, API_FOUND },
	{ API_GET, "/v1/queues", api_queues_list, "", 0, API_FOUND },
	{ API_POST, "/v1/queues/lobby/pause", api_queue_pause, "lobby", true,
	    API_FOUND },
	{ API_POST, "/v1/queues/lobby/resume", api_queue_pause, "lobby",
	    false, API_FOUND },
	{ API_POST, "/v1/queues/lobby/reject", api_queue_close, "lobby", true,
	    API_FOUND },
	{ API_POST, "/v1/queues/lobby/accept", api_queue_close, "lobby",
	    false, API_FOUND },
	{ API_GET, "/v1/ports", api_ports_list, "", 0, API_FOUND },
	{ API_POST, "/v1/ports/a%20b/pause", api_port_pause, "a b", true,
	    API_FOUND },
	{ API_POST, "/v1/ports/%c3%a4%2F%25/resume", api_port_pause,
	    "\xc3\xa4/%", false, API_FOUND },
	{ API_POST, "/v1/ports/a+b/resume", api_port_pause, "a+b", false,
	    API_FOUND },
	{ API_GET, "/v1/accounting", api_accounting, "", 0, API_FOUND },
	{ API_GET, "/v1/status", api_status, "", 0, API_FOUND },
	{ API_POST, "/v1/jobs", NULL, NULL, 0, API_NO_METHOD },
	{ API_POST, "/v1/jobs/17", NULL, NULL, 0, API_NO_METHOD },
	{ API_GET, "/v1/jobs/17/hold", NULL, NULL, 0, API_NO_METHOD },
	{ API_GET, "/v1/queues/lobby/pause", NULL, NULL, 0, API_NO_METHOD },
	{ API_GET, "/v1/queues/lobby/reject", NULL, NULL, 0, API_NO_METHOD },
	{ API_POST, "/v1/ports/archive/reject", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "/", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "/v1", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "/v2/jobs", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "/v1/job", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "/v1/jobss", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "/v1/jobs/", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "//v1/jobs", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "/v1/jobs/17/", NULL, NULL, 0, API_NO_PATH },
	{ API_POST, "/v1/jobs//hold", NULL, NULL, 0, API_NO_PATH },
	{ API_POST, "/v1/jobs/17/hold/now", NULL, NULL, 0, API_NO_PATH },
	{ API_POST, "/v1/jobs/17/shred", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "/v1/jobs/%00", NULL, NULL, 0, API_NO_PATH },
	{ API_GET, "/v1/jobs/1%007", NULL, NULL, 0, API_NO_PATH },
};

#define N(array)	((int)(sizeof(array) / sizeof((array)[0])))

START_TEST(a_path_is_a_command)
{
	const struct api_route *route = NULL;
	char name[API_NAME_LEN];

	ck_assert_int_eq(api_find(paths[_i].method, paths[_i].path, &route,
	    name), paths[_i].found);
	if (paths[_i].found != API_FOUND)
		return;
	ck_assert(route->run == paths[_i].run);
	ck_assert_int_eq(route->what, paths[_i].what);
	ck_assert_str_eq(name, paths[_i].name);
}
END_TEST

START_TEST(names_have_an_end)
{
	static char path[5000];
	const struct api_route *route;
	char name[API_NAME_LEN];
	size_t len;

	for (len = 1; len < 2000; len++) {
		strcpy(path, "/v1/jobs/");
		memset(path + strlen(path), 'x', len);
		path[strlen("/v1/jobs/") + len] = '\0';
		ck_assert_int_eq(api_find(API_GET, path, &route, name),
		    len < API_NAME_LEN ? API_FOUND : API_NO_PATH);
	}
}
END_TEST

START_TEST(to_look_is_not_to_do)
{
	size_t i;

	for (i = 0; i < api_n_routes; i++) {
		ck_assert_int_eq(api_routes[i].role,
		    api_routes[i].method == API_GET ? API_OBSERVE :
		    API_OPERATE);
		ck_assert_ptr_nonnull(api_routes[i].run);
	}
}
END_TEST

/* ---- who --------------------------------------------------------------- */

START_TEST(roles_come_from_the_user_number)
{
	ck_assert_int_eq(api_role_of(0, 999), API_ADMINISTER);
	ck_assert_int_eq(api_role_of(999, 999), API_ADMINISTER);
	ck_assert_int_eq(api_role_of(0, 0), API_ADMINISTER);
	ck_assert_int_eq(api_role_of(1000, 999), API_OPERATE);
	/* What a service manager shows of users that it does not map. */
	ck_assert_int_eq(api_role_of(65534, 999), API_OPERATE);
	ck_assert_int_eq(api_role_of((uid_t)-1, 999), API_OPERATE);
}
END_TEST

START_TEST(histories_have_a_name)
{
	char by[API_BY_LEN];

	ck_assert_str_eq(api_by(0, by), "root");
	ck_assert_str_eq(api_by(1000, by), "uid 1000");
	ck_assert_str_eq(api_by((uid_t)-1, by), "uid 4294967295");
}
END_TEST

/* ---- what -------------------------------------------------------------- */

static const struct {
	const char	*text;
	uint64_t	 least, most;
	int		 rc;
	uint64_t	 value;
} numbers[] = {
	{ "1", 1, 100, 0, 1 },
	{ "100", 1, 100, 0, 100 },
	{ "007", 1, 100, 0, 7 },
	{ "0", 0, 100, 0, 0 },
	{ "18446744073709551615", 0, UINT64_MAX, 0, UINT64_MAX },
	{ "18446744073709551616", 0, UINT64_MAX, -1, 0 },
	{ "99999999999999999999999", 0, UINT64_MAX, -1, 0 },
	{ "0", 1, 100, -1, 0 },
	{ "101", 1, 100, -1, 0 },
	{ "", 0, 100, -1, 0 },
	{ "-1", 0, UINT64_MAX, -1, 0 },
	{ "+1", 0, 100, -1, 0 },
	{ " 1", 0, 100, -1, 0 },
	{ "1 ", 0, 100, -1, 0 },
	{ "0x1", 0, 100, -1, 0 },
	{ "1e2", 0, 100, -1, 0 },
};

START_TEST(a_number_is_digits)
{
	uint64_t value = 4711;

	ck_assert_int_eq(api_number(numbers[_i].text, numbers[_i].least,
	    numbers[_i].most, &value), numbers[_i].rc);
	ck_assert_uint_eq(value, numbers[_i].rc == 0 ? numbers[_i].value :
	    4711);
}
END_TEST

static const char *const keys[API_KEYS_MAX] = { "queue", "limit" };
static const char *const no_keys[API_KEYS_MAX] = { NULL };
static const char *const all_keys[API_KEYS_MAX] = { "a", "b", "c", "d", "e",
    "f" };

static const struct {
	const char		*query;
	const char *const	*keys;
	const char		*why;		/* NULL: it is good */
} queries[] = {
	{ "queue=a&limit=1", keys, NULL },
	{ "queue=", keys, NULL },
	{ "a=1&f=2", all_keys, NULL },
	{ "usr=alice", keys, "\"usr\" is not known here; known: queue, limit" },
	{ "Queue=a", keys, "\"Queue\" is not known here; known: queue, limit" },
	{ "queue=a&queue=b", keys, "\"queue\" is there twice" },
	{ "a=1", no_keys, "\"a\" is not known here; nothing is" },
	{ "g=1", all_keys, "\"g\" is not known here; known: a, b, c, d, e, f" },
};

START_TEST(a_misspelt_name_is_refused)
{
	char why[API_WHY_LEN] = "";
	struct evkeyvalq query;

	ck_assert_int_eq(evhttp_parse_query_str(queries[_i].query, &query),
	    0);
	ck_assert_int_eq(api_query_is_good(&query, queries[_i].keys, why),
	    queries[_i].why == NULL);
	ck_assert_str_eq(why, queries[_i].why == NULL ? "" :
	    queries[_i].why);
	evhttp_clear_headers(&query);
}
END_TEST

static const struct {
	const char	*body;
	const char	*why;
} bodies[] = {
	{ "{}", NULL },
	{ "{\"queue\": \"a\"}", NULL },
	{ "{\"queue\": 7, \"limit\": null}", NULL },
	{ "[]", "the body must be a JSON object" },
	{ "{\"que\": \"a\"}", "\"que\" is not known here; known: queue, "
	    "limit" },
};

START_TEST(a_body_is_an_object_of_known_keys)
{
	char why[API_WHY_LEN] = "";
	json_t *body = json_loads(bodies[_i].body, 0, NULL);

	ck_assert_ptr_nonnull(body);
	ck_assert_int_eq(api_body_is_good(body, keys, why),
	    bodies[_i].why == NULL);
	ck_assert_str_eq(why, bodies[_i].why == NULL ? "" : bodies[_i].why);
	json_decref(body);
}
END_TEST

/* A name of any length fits into what is said about it. */
START_TEST(a_long_name_does_not_hurt)
{
	static char text[70000];
	char why[API_WHY_LEN];
	struct evkeyvalq query;

	memset(text, 'x', sizeof(text) - 3);
	strcpy(text + sizeof(text) - 3, "=1");
	ck_assert_int_eq(evhttp_parse_query_str(text, &query), 0);
	ck_assert(!api_query_is_good(&query, all_keys, why));
	ck_assert_ptr_nonnull(strstr(why, "known: a, b"));
	evhttp_clear_headers(&query);
}
END_TEST

/* ---- a job as JSON ----------------------------------------------------- */

static struct job *
new_job(void)
{
	struct job_about about = {
		.queue = "lobby", .user = "alice", .host = "10.0.0.5",
		.title = "a \"title\"\n\xff", .priority = 70,
		.created_ms = 1700000000123, .extra = "Hhost\nXodd\n",
	};
	struct job_about_document document = { .name = "b", .copies = 2 };
	struct job *job = job_new(17, &about);
	struct job_document *doc;

	ck_assert_ptr_nonnull(job);
	doc = job_add_document(job, &document);
	ck_assert_ptr_nonnull(doc);
	doc->size = job->bytes = 99;
	memset(doc->sha256, 0xa5, sizeof(doc->sha256));
	doc->place = JOB_GONE;
	return job;
}

/* Of a job that was, through its JSON and back. */
static void
job_is(const struct job *job, const struct api_job_now *now, bool documents,
    const char *expected)
{
	json_t *json = api_job_json(job, now, documents);
	json_t *should = json_loads(expected, 0, NULL);
	char *text;

	ck_assert_ptr_nonnull(should);
	ck_assert_ptr_nonnull(json);
	text = json_dumps(json, JSON_INDENT(1));
	ck_assert_msg(json_equal(json, should), "it is %s", text);
	free(text);
	json_decref(json);
	json_decref(should);
}

START_TEST(a_job_says_all_about_itself)
{
	struct api_job_now now = { .why = "the port lobby is out of paper" };
	struct job *job = new_job();

	job_is(job, &now, true, "{ \"id\": 17, \"queue\": \"lobby\","
	    "\"state\": \"pending\", \"reasons\": [],"
	    "\"why\": \"the port lobby is out of paper\","
	    "\"user\": \"alice\", \"host\": \"10.0.0.5\","
	    "\"title\": \"a \\\"title\\\"\\n\\ufffd\","
	    "\"extra\": \"Hhost\\nXodd\\n\", \"priority\": 70,"
	    "\"bytes\": 99, \"progress\": 0, \"pages\": null,"
	    "\"attempts\": 0, \"port\": null, \"restarted\": false,"
	    "\"created\": \"2023-11-14T22:13:20.123Z\", \"started\": null,"
	    "\"completed\": null, \"documents\": [ { \"number\": 1,"
	    "\"name\": \"b\", \"format\": null, \"copies\": 2, \"size\": 99,"
	    "\"sha256\": \"a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5"
	    "a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5\", \"kept\": false } ] }");
	job_free(job);
}
END_TEST

START_TEST(a_finished_job_has_its_history)
{
	struct api_job_now now = { .why = "", .progress = 0 };
	struct job *job = new_job();

	job->state = JOB_COMPLETED;
	job->reasons = JOB_COMPLETED_SUCCESSFULLY | JOB_RESTARTABLE;
	job->started_ms = 1700000001000;
	job->completed_ms = 1700000002999;
	job->attempts = 3;
	job->restarted = true;
	job->pages = 4;
	ck_assert_int_eq(job_set(&job->port, "lobby-laser"), 0);
	ck_assert_int_eq(job_set(&job->title, ""), 0);
	job_is(job, &now, false, "{ \"id\": 17, \"queue\": \"lobby\","
	    "\"state\": \"completed\", \"reasons\":"
	    "[ \"job-completed-successfully\", \"job-restartable\" ],"
	    "\"why\": null, \"user\": \"alice\", \"host\": \"10.0.0.5\","
	    "\"title\": null, \"priority\": 70, \"bytes\": 99,"
	    "\"progress\": 0, \"pages\": 4, \"attempts\": 3,"
	    "\"port\": \"lobby-laser\", \"restarted\": true,"
	    "\"created\": \"2023-11-14T22:13:20.123Z\","
	    "\"started\": \"2023-11-14T22:13:21.000Z\","
	    "\"completed\": \"2023-11-14T22:13:22.999Z\" }");
	job_free(job);
}
END_TEST

static Suite *
api_suite(void)
{
	Suite *suite = suite_create("api");
	TCase *find = tcase_create("find");
	TCase *who = tcase_create("who");
	TCase *what = tcase_create("what");
	TCase *json = tcase_create("json");

	tcase_add_loop_test(find, a_path_is_a_command, 0, N(paths));
	tcase_add_test(find, names_have_an_end);
	tcase_add_test(find, to_look_is_not_to_do);
	tcase_add_test(who, roles_come_from_the_user_number);
	tcase_add_test(who, histories_have_a_name);
	tcase_add_loop_test(what, a_number_is_digits, 0, N(numbers));
	tcase_add_loop_test(what, a_misspelt_name_is_refused, 0, N(queries));
	tcase_add_loop_test(what, a_body_is_an_object_of_known_keys, 0,
	    N(bodies));
	tcase_add_test(what, a_long_name_does_not_hurt);
	tcase_add_test(json, a_job_says_all_about_itself);
	tcase_add_test(json, a_finished_job_has_its_history);
	suite_add_tcase(suite, find);
	suite_add_tcase(suite, who);
	suite_add_tcase(suite, what);
	suite_add_tcase(suite, json);
	return suite;
}

int
main(void)
{
	return suite_main(api_suite());
}
