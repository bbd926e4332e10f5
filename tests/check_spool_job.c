/*
 * check_spool_job.c - the model of a job, names of data files, counters and
 * accounting records: all that is pure.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "spool/account.h"
#include "spool/data_name.h"
#include "spool/job.h"
#include "spool/store.h"
#include "spool/tally.h"
#include "tests/suite.h"

static struct job *
new_job(uint64_t id)
{
	struct job_about about = {
		.queue = "lobby", .user = "alice", .host = "10.0.0.5",
		.title = "a title", .created_ms = 1000,
	};
	struct job *job = job_new(id, &about);

	ck_assert_ptr_nonnull(job);
	return job;
}

/* ---- states ---------------------------------------------------------- */

/* Rows: from; columns: to; both from pending to completed. */
static const char *const may[] = {
	/*		 pending held processing stopped canceled aborted
	 *		 completed */
	[JOB_PENDING]			= "yyy-yy-",
	[JOB_PENDING_HELD]		= "yy--yy-",
	[JOB_PROCESSING]		= "yyyyyyy",
	[JOB_PROCESSING_STOPPED]	= "yyyyyyy",
	[JOB_CANCELED]			= "-------",
	[JOB_ABORTED]			= "-------",
	[JOB_COMPLETED]			= "-------",
};

START_TEST(only_legal_steps_are_taken)
{
	enum job_state from, to;

	for (from = JOB_PENDING; from < JOB_STATE_END; from++)
		for (to = JOB_PENDING; to < JOB_STATE_END; to++) {
			struct job_step step = { .state = to, .now_ms = 5 };
			struct job *job = new_job(1);
			bool legal = may[from][to - JOB_PENDING] == 'y';

			job->state = from;
			ck_assert_int_eq(job_may_step(from, to), legal);
			errno = 0;
			ck_assert_int_eq(job_step(job, &step), legal ? 0 : -1);
			ck_assert_int_eq(errno, legal ? 0 : EINVAL);
			ck_assert_int_eq(job->state, legal ? to : from);
			job_free(job);
		}
}
END_TEST

START_TEST(a_step_to_no_state_is_refused)
{
	struct job_step step = { .state = JOB_STATE_END };
	struct job *job = new_job(1);

	ck_assert_int_eq(job_step(job, &step), -1);
	step.state = 0;
	ck_assert_int_eq(job_step(job, &step), -1);
	job_free(job);
}
END_TEST

START_TEST(attempts_and_times_are_counted)
{
	struct job_step sends = { .state = JOB_PROCESSING, .now_ms = 10 };
	struct job_step waits = { .state = JOB_PENDING, .now_ms = 20,
	    .reasons = JOB_PRINTER_STOPPED, .why = "no answer" };
	struct job_step stops = { .state = JOB_PROCESSING_STOPPED };
	struct job_step ends = { .state = JOB_COMPLETED, .now_ms = 90,
	    .pages = 3, .port = "lobby-laser" };
	struct job *job = new_job(1);

	ck_assert_int_eq(job_step(job, &sends), 0);
	ck_assert_int_eq(job_step(job, &waits), 0);
	ck_assert_str_eq(job->why, "no answer");
	ck_assert_uint_eq(job->reasons, JOB_PRINTER_STOPPED);
	sends.now_ms = 30;
	ck_assert_int_eq(job_step(job, &sends), 0);
	ck_assert_str_eq(job->why, "");
	ck_assert_int_eq(job_step(job, &stops), 0);
	ck_assert_int_eq(job_step(job, &sends), 0);
	ck_assert_uint_eq(job->attempts, 2);
	ck_assert_int_eq(job->started_ms, 10);
	ck_assert_int_eq(job->completed_ms, 0);
	ck_assert_int_eq(job_step(job, &ends), 0);
	ck_assert_int_eq(job->completed_ms, 90);
	ck_assert_uint_eq(job->pages, 3);
	ck_assert_str_eq(job->port, "lobby-laser");
	job_free(job);
}
END_TEST

/* From, to, and what is left of one attempt. */
static const struct {
	enum job_state	from, to;
	unsigned int	attempts;
} untouched[] = {
	{ JOB_PROCESSING,		JOB_PENDING,			0 },
	{ JOB_PROCESSING,		JOB_PENDING_HELD,		0 },
	{ JOB_PROCESSING_STOPPED,	JOB_PENDING,			0 },
	{ JOB_PROCESSING_STOPPED,	JOB_PENDING_HELD,		0 },
	{ JOB_PROCESSING,		JOB_PROCESSING,			1 },
	{ JOB_PROCESSING,		JOB_PROCESSING_STOPPED,		1 },
	{ JOB_PROCESSING,		JOB_CANCELED,			1 },
	{ JOB_PROCESSING,		JOB_COMPLETED,			1 },
	{ JOB_PENDING,			JOB_PENDING_HELD,		1 },
	{ JOB_PENDING_HELD,		JOB_PENDING,			0 },	/* by a person */
	{ JOB_PENDING,			JOB_PROCESSING,			2 },
};

START_TEST(a_job_that_was_not_begun_was_not_attempted)
{
	struct job_step step = { .state = untouched[_i].to, .now_ms = 9,
	    .untouched = true };
	struct job *job = new_job(1);

	job->state = untouched[_i].from;
	job->attempts = 1;
	ck_assert_int_eq(job_step(job, &step), 0);
	ck_assert_uint_eq(job->attempts, untouched[_i].attempts);
	job_free(job);
}
END_TEST

START_TEST(attempts_do_not_go_below_none)
{
	struct job_step step = { .state = JOB_PENDING, .untouched = true };
	struct job *job = new_job(1);

	job->state = JOB_PROCESSING;
	ck_assert_int_eq(job_step(job, &step), 0);
	ck_assert_uint_eq(job->attempts, 0);
	job_free(job);
}
END_TEST

START_TEST(rule_47_a_job_printed_again_is_told_apart)
{
	struct job_step sends = { .state = JOB_PROCESSING, .now_ms = 10 };
	struct job_step ends = { .state = JOB_COMPLETED, .now_ms = 20,
	    .restarted = true };
	struct job_step again = { .state = JOB_PENDING, .restart = true };
	struct job *job = new_job(1);

	ck_assert_int_eq(job_step(job, &again), -1);
	ck_assert_int_eq(job_step(job, &sends), 0);
	ck_assert_int_eq(job_step(job, &again), -1);
	ck_assert_int_eq(job_step(job, &ends), 0);
	again.state = JOB_PROCESSING;
	ck_assert_int_eq(job_step(job, &again), -1);
	again.state = JOB_PENDING;
	ck_assert_int_eq(job_step(job, &again), 0);
	/* Twice on paper is what is wanted now: that is no doubt about it. */
	ck_assert(!job->restarted);
	ck_assert_uint_eq(job->attempts, 0);
	ck_assert_int_eq(job->started_ms, 0);
	ck_assert_int_eq(job->completed_ms, 0);
	job_free(job);
}
END_TEST

START_TEST(words_are_those_of_rfc_8011)
{
	char buf[256], tiny[12];

	ck_assert_str_eq(job_state_name(JOB_PENDING_HELD), "pending-held");
	ck_assert_str_eq(job_state_name(JOB_PROCESSING_STOPPED),
	    "processing-stopped");
	ck_assert_int_eq(JOB_COMPLETED, 9);
	ck_assert_str_eq(job_reasons_text(0, buf, sizeof(buf)), "none");
	ck_assert_str_eq(job_reasons_text(JOB_INCOMING | JOB_RESTARTABLE, buf,
	    sizeof(buf)), "job-incoming,job-restartable");
	ck_assert_str_eq(job_reasons_text(JOB_RESOURCES_NOT_READY, buf,
	    sizeof(buf)), "resources-are-not-ready");
	job_reasons_text(JOB_INCOMING, tiny, sizeof(tiny));
	ck_assert_str_eq(tiny, "job-incomin");
}
END_TEST

START_TEST(documents_are_limited)
{
	struct job_about_document about = { .format = "text/plain" };
	struct job *job = new_job(1);
	unsigned int i;

	for (i = 0; i < JOB_DOCUMENTS_MAX; i++)
		ck_assert_ptr_nonnull(job_add_document(job, &about));
	ck_assert_ptr_null(job_add_document(job, &about));
	ck_assert_int_eq(errno, E2BIG);
	ck_assert_uint_eq(job->documents[7].copies, 1);
	ck_assert_str_eq(job->documents[7].name, "");
	job_free(job);
}
END_TEST

/* ---- names of data files --------------------------------------------- */

START_TEST(a_name_tells_whose_it_is)
{
	struct job_about_document about = { .format = "text/plain",
	    .name = "../letter\n" };
	struct job *job = new_job(SIZE_MAX >> 12);
	char text[DATA_NAME_LEN];
	struct data_name name;

	ck_assert_ptr_nonnull(job_add_document(job, &about));
	ck_assert_ptr_nonnull(job_add_document(job, &about));
	data_name_make(job, 1, text);
	ck_assert_ptr_null(strpbrk(text, "/.\n"));
	ck_assert_int_eq(data_name_parse(text, &name), 0);
	ck_assert_uint_eq(name.job, job->id);
	ck_assert_uint_eq(name.number, 2);
	ck_assert_uint_eq(name.of, 2);
	ck_assert_str_eq(name.queue, "lobby");
	ck_assert_str_eq(name.format, "text/plain");
	ck_assert_str_eq(name.user, "alice");
	ck_assert_str_eq(name.host, "10.0.0.5");
	ck_assert_str_eq(name.title, "a title");
	ck_assert_str_eq(name.name, "../letter\n");
	job_free(job);
}
END_TEST

/* Each length of a title, over the point where nothing more fits. */
START_TEST(a_long_name_is_cut_from_its_end)
{
	struct job_about_document about = { .format = "f", .name = "n" };
	char title[301], text[DATA_NAME_LEN];
	struct data_name name;
	struct job *job;
	size_t len;

	for (len = 0; len < sizeof(title); len++) {
		job = new_job(7);
		memset(title, 'x', len);
		title[len] = '\0';
		ck_assert_int_eq(job_set(&job->title, title), 0);
		ck_assert_ptr_nonnull(job_add_document(job, &about));
		data_name_make(job, 0, text);
		ck_assert_uint_lt(strlen(text), DATA_NAME_LEN);
		ck_assert_int_eq(data_name_parse(text, &name), 0);
		ck_assert_str_eq(name.host, "10.0.0.5");
		ck_assert_int_eq(strncmp(name.title, title,
		    strlen(name.title)), 0);
		ck_assert(strlen(name.title) == len || name.name[0] == '\0');
		job_free(job);
	}
}
END_TEST

START_TEST(foreign_names_are_refused)
{
	static const char *const names[] = {
		"", "x", "1", "1-1", "1-1-1", "1-1-1-", "1-1-1-!", "-1-1-1-AA",
		"0-1-1-AA", "1-0-1-AA", "1-2-1-AA", "1-1-2000-AA", " 1-1-1-AA",
		"99999999999999999999-1-1-AA", "9007199254740992-1-1-AA",
		"1-1-1-YQ", "passwd", "1-1-1-AA/x",
	};
	struct data_name name;
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		ck_assert_msg(data_name_parse(names[i], &name) == -1, "%s",
		    names[i]);
	ck_assert_int_eq(data_name_parse("1-1-1-AA", &name), 0);
	ck_assert_str_eq(name.queue, "");
	ck_assert_str_eq(name.name, "");
}
END_TEST

/* ---- counters -------------------------------------------------------- */

START_TEST(counters_follow_the_steps)
{
	struct tally *tally = tally_new();

	ck_assert_ptr_nonnull(tally);
	tally_move(tally, "lobby", 0, JOB_PENDING, 10);
	tally_move(tally, "lobby", 0, JOB_PENDING, 5);
	tally_move(tally, "attic", 0, JOB_PENDING_HELD, 1);
	tally_move(tally, "lobby", JOB_PENDING, JOB_PROCESSING, 10);
	ck_assert_uint_eq(tally_get(tally, "lobby")->total, 2);
	ck_assert_uint_eq(tally_get(tally, "lobby")->bytes, 15);
	ck_assert_uint_eq(tally_get(tally, "lobby")->jobs[JOB_PENDING], 1);
	ck_assert_uint_eq(tally_get(tally, "lobby")->jobs[JOB_PROCESSING], 1);
	tally_move(tally, "lobby", JOB_PROCESSING, JOB_COMPLETED, 10);
	tally_move(tally, "lobby", JOB_PENDING, 0, 5);
	ck_assert_uint_eq(tally_get(tally, "lobby")->total, 0);
	ck_assert_uint_eq(tally_get(tally, "attic")->total, 1);
	tally_move(tally, "cellar", JOB_PENDING, JOB_CANCELED, 5);
	ck_assert_uint_eq(tally_get(tally, "cellar")->total, 0);
	tally_free(tally);
}
END_TEST

/* Without memory one was not counted: limits must not see 2^64 bytes. */
START_TEST(counters_do_not_go_below_nothing)
{
	struct tally *tally = tally_new();

	ck_assert_ptr_nonnull(tally);
	tally_move(tally, "lobby", 0, JOB_PENDING, 10);
	tally_move(tally, "lobby", 0, JOB_PENDING, 10);
	tally_move(tally, "lobby", JOB_PENDING, JOB_COMPLETED, 5000);
	ck_assert_uint_eq(tally_get(tally, "lobby")->total, 1);
	ck_assert_uint_eq(tally_get(tally, "lobby")->bytes, 0);
	tally_free(tally);
}
END_TEST

/* ---- accounting ------------------------------------------------------ */

static struct job_record
new_record(struct job *job)
{
	struct job_record record = { .number = 4, .documents = 1 };

	job->state = JOB_COMPLETED;
	job->reasons = JOB_COMPLETED_SUCCESSFULLY;
	job->completed_ms = 1700000000123;
	job->bytes = 99;
	record.job = *job;
	record.sha256 = strdup("00ff");
	ck_assert_ptr_nonnull(record.sha256);
	return record;
}

static void
written(const struct job_record *record,
    int (*write)(FILE *out, const struct job_record *record), char *buf,
    size_t len)
{
	FILE *out = fmemopen(buf, len, "w");

	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(write(out, record), 0);
	ck_assert_int_eq(fclose(out), 0);
}

START_TEST(csv_quotes_what_needs_it)
{
	struct job *job = new_job(17);
	struct job_record record;
	char buf[2048];

	ck_assert_int_eq(job_set(&job->title, "a, \"b\"\r\nc"), 0);
	ck_assert_int_eq(job_set(&job->user, "=1+1"), 0);
	record = new_record(job);
	written(&record, account_csv, buf, sizeof(buf));
	ck_assert_str_eq(buf, "4,17,lobby,,\"'=1+1\",10.0.0.5,"
	    "\"a, \"\"b\"\"\r\nc\",50,1,99,,1970-01-01T00:00:01.000Z,,"
	    "2023-11-14T22:13:20.123Z,0,0,completed,"
	    "job-completed-successfully,,00ff\r\n");
	free(record.sha256);
	job_free(job);
}
END_TEST

START_TEST(csv_has_a_name_for_each_value)
{
	struct job *job = new_job(17);
	struct job_record record = new_record(job);
	char head[2048], line[2048];
	unsigned int names = 1, values = 1;
	const char *s;
	FILE *out;

	out = fmemopen(head, sizeof(head), "w");
	ck_assert_ptr_nonnull(out);
	ck_assert_int_eq(account_csv_header(out), 0);
	ck_assert_int_eq(fclose(out), 0);
	written(&record, account_csv, line, sizeof(line));
	for (s = head; *s != '\0'; s++)
		names += *s == ',';
	for (s = line; *s != '\0'; s++)
		values += *s == ',';
	ck_assert_uint_eq(names, values);
	free(record.sha256);
	job_free(job);
}
END_TEST

#define FFFD	"\xef\xbf\xbd"

START_TEST(json_escapes_what_strangers_wrote)
{
	struct job *job = new_job(17);
	struct job_record record;
	char buf[2048];

	ck_assert_int_eq(job_set(&job->title,
	    "\"\\\n\x1b" "\xc3\xa4\xff\xe2\x82\xac\xed\xa0\x80"), 0);
	record = new_record(job);
	written(&record, account_json, buf, sizeof(buf));
	ck_assert_ptr_nonnull(strstr(buf, "{\"record\":4,\"job\":17,"
	    "\"queue\":\"lobby\",\"port\":null,"));
	ck_assert_ptr_nonnull(strstr(buf, "\"title\":\"\\\"\\\\\\n\\u001B"
	    "\xc3\xa4" FFFD "\xe2\x82\xac" FFFD FFFD FFFD "\","));
	ck_assert_ptr_nonnull(strstr(buf, "\"sha256\":\"00ff\"}"));
	free(record.sha256);
	job_free(job);
}
END_TEST

START_TEST(a_full_disk_shows)
{
	struct job *job = new_job(17);
	struct job_record record = new_record(job);
	FILE *full = fopen("/dev/full", "w");

	ck_assert_ptr_nonnull(full);
	setbuf(full, NULL);
	ck_assert_int_eq(account_csv_header(full), -1);
	ck_assert_int_eq(account_csv(full, &record), -1);
	ck_assert_int_eq(account_json(full, &record), -1);
	fclose(full);
	free(record.sha256);
	job_free(job);
}
END_TEST

static Suite *
spool_job_suite(void)
{
	Suite *suite = suite_create("spool_job");
	TCase *job = tcase_create("job");
	TCase *name = tcase_create("name");
	TCase *tally = tcase_create("tally");
	TCase *account = tcase_create("account");

	tcase_add_test(job, only_legal_steps_are_taken);
	tcase_add_test(job, a_step_to_no_state_is_refused);
	tcase_add_test(job, attempts_and_times_are_counted);
	tcase_add_loop_test(job, a_job_that_was_not_begun_was_not_attempted,
	    0, sizeof(untouched) / sizeof(untouched[0]));
	tcase_add_test(job, attempts_do_not_go_below_none);
	tcase_add_test(job, rule_47_a_job_printed_again_is_told_apart);
	tcase_add_test(job, words_are_those_of_rfc_8011);
	tcase_add_test(job, documents_are_limited);
	tcase_add_test(name, a_name_tells_whose_it_is);
	tcase_add_test(name, a_long_name_is_cut_from_its_end);
	tcase_add_test(name, foreign_names_are_refused);
	tcase_add_test(tally, counters_follow_the_steps);
	tcase_add_test(tally, counters_do_not_go_below_nothing);
	tcase_add_test(account, csv_quotes_what_needs_it);
	tcase_add_test(account, csv_has_a_name_for_each_value);
	tcase_add_test(account, json_escapes_what_strangers_wrote);
	tcase_add_test(account, a_full_disk_shows);
	suite_add_tcase(suite, job);
	suite_add_tcase(suite, name);
	suite_add_tcase(suite, tally);
	suite_add_tcase(suite, account);
	return suite;
}

int
main(void)
{
	return suite_main(spool_job_suite());
}
