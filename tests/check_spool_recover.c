/*
 * check_spool_recover.c - what a start finds, and what it makes of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "spool/schema.h"
#include "spool/sqlite.h"
#include "tests/spool_rig.h"
#include "tests/suite.h"

static struct spool_rig rig;

static void
setup(void)
{
	rig_make(&rig);
}

static void
teardown(void)
{
	rig_free(&rig);
}

static void
open_it(void)
{
	ck_assert_msg(rig_open(&rig) != NULL, "%s", rig.error.text);
}

static uint64_t
add(size_t len)
{
	uint64_t id;

	ck_assert_int_eq(rig_job(&rig, "lobby", 1, len, &id), 0);
	return id;
}

static void
overwrite(const char *name, off_t at, const void *bytes, size_t len)
{
	int fd = open(rig_path(&rig, name), O_WRONLY);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(pwrite(fd, bytes, len, at), (ssize_t)len);
	close(fd);
}

static void
make_file(const char *name, const char *text)
{
	int fd = open(rig_path(&rig, name), O_WRONLY | O_CREAT | O_EXCL, 0600);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(write(fd, text, strlen(text)),
	    (ssize_t)strlen(text));
	close(fd);
}

/* ---- the directory --------------------------------------------------- */

static void
refused(enum store_error_kind kind, const char *text)
{
	ck_assert_ptr_null(rig_open(&rig));
	ck_assert_int_eq(rig.error.kind, kind);
	ck_assert_msg(strstr(rig.error.text, text) != NULL, "%s",
	    rig.error.text);
}

START_TEST(a_second_store_is_refused)
{
	struct spool_rig other;
	char pid[64];

	open_it();
	other = rig;
	snprintf(pid, sizeof(pid), "in use by process %ld", (long)getpid());
	ck_assert_ptr_null(rig_open(&other));
	ck_assert_int_eq(other.error.kind, STORE_ERROR_BUSY);
	ck_assert_ptr_nonnull(strstr(other.error.text, pid));
	add(10);
	rig_close(&rig);
	open_it();
}
END_TEST

START_TEST(a_directory_open_to_others_is_refused)
{
	char fix[300];

	ck_assert_int_eq(chmod(rig.directory, 0777), 0);
	snprintf(fix, sizeof(fix), "chmod 0700 %s", rig.directory);
	refused(STORE_ERROR_CONFIG, fix);
	ck_assert_uint_eq(rig_entries(&rig, ""), 0);
}
END_TEST

START_TEST(a_symbolic_link_is_refused)
{
	char real[300], fix[300];

	snprintf(real, sizeof(real), "%s.real", rig.directory);
	ck_assert_int_eq(rename(rig.directory, real), 0);
	ck_assert_int_eq(symlink(real, rig.directory), 0);
	snprintf(fix, sizeof(fix), "rm %s && install -d -m 0700",
	    rig.directory);
	refused(STORE_ERROR_CONFIG, fix);
	ck_assert_int_eq(unlink(rig.directory), 0);
	ck_assert_int_eq(rename(real, rig.directory), 0);
}
END_TEST

START_TEST(a_missing_directory_is_told)
{
	char fix[300];

	ck_assert_int_eq(rmdir(rig.directory), 0);
	snprintf(fix, sizeof(fix), "install -d -m 0700 -o %u -g %u %s",
	    (unsigned)geteuid(), (unsigned)getegid(), rig.directory);
	refused(STORE_ERROR_CONFIG, fix);
}
END_TEST

START_TEST(a_foreign_directory_is_refused)
{
	char fix[300];

	if (geteuid() != 0 || chown(rig.directory, 1, 1) == -1)
		return;			/* only root can make one */
	snprintf(fix, sizeof(fix), "chown 0:%u %s", (unsigned)getegid(),
	    rig.directory);
	refused(STORE_ERROR_CONFIG, fix);
}
END_TEST

START_TEST(a_planted_lock_is_refused)
{
	ck_assert_int_eq(symlink("/etc/passwd", rig_path(&rig, "lock")), 0);
	ck_assert_ptr_null(rig_open(&rig));
	ck_assert_int_eq(unlink(rig_path(&rig, "lock")), 0);
	ck_assert_int_eq(mkfifo(rig_path(&rig, "lock"), 0600), 0);
	ck_assert_ptr_null(rig_open(&rig));
	ck_assert_ptr_nonnull(strstr(rig.error.text, "lock"));
}
END_TEST

START_TEST(a_planted_database_is_refused)
{
	ck_assert_int_eq(symlink("/nowhere", rig_path(&rig, "jobs.db")), 0);
	refused(STORE_ERROR_CONFIG, "jobs.db");
}
END_TEST

/* ---- data files ------------------------------------------------------ */

/* None of these may be opened: a FIFO would hang, a link leads away. */
START_TEST(planted_entries_are_moved_away)
{
	char outside[300];
	uint64_t id;

	open_it();
	id = add(100000);
	rig_close(&rig);
	snprintf(outside, sizeof(outside), "%s/secret", rig.directory);
	make_file("secret", "secret");
	ck_assert_int_eq(symlink(outside, rig_path(&rig, "data/9-1-1-AA")),
	    0);
	ck_assert_int_eq(symlink(outside, rig_path(&rig, "data/tmp-1")), 0);
	ck_assert_int_eq(link(outside, rig_path(&rig, "data/8-1-1-AA")), 0);
	ck_assert_int_eq(mkfifo(rig_path(&rig, "data/7-1-1-AA"), 0600), 0);
	ck_assert_int_eq(mkdir(rig_path(&rig, "data/6-1-1-AA"), 0700), 0);
	make_file("data/passwd", "not ours");
	open_it();
	ck_assert_uint_eq(rig_entries(&rig, "data"), 1);
	ck_assert_uint_eq(rig_entries(&rig, "aside"), 6);
	ck_assert_ptr_nonnull(strstr(rig.messages, "6 entries"));
	ck_assert(rig_intact(&rig, id, 1, 100000));
}
END_TEST

/* What is put in the place of a document while we run. */
START_TEST(a_planted_document_is_not_read)
{
	char name[300], path[600];
	struct job *job;
	uint64_t id, size;
	int fd;

	open_it();
	id = add(100000);
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	snprintf(name, sizeof(name), "data/%s", job->documents[0].file);
	job_free(job);
	snprintf(path, sizeof(path), "%s", rig_path(&rig, name));
	ck_assert_int_eq(truncate(path, 99999), 0);
	ck_assert_int_eq(rig_document(&rig, id, 1, &fd, &size), -EBADMSG);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rig_document(&rig, id, 1, &fd, &size), -ENOENT);
	ck_assert_int_eq(symlink("/etc/passwd", path), 0);
	ck_assert_int_eq(rig_document(&rig, id, 1, &fd, &size), -EBADMSG);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(rig_document(&rig, id, 1, &fd, &size), -EBADMSG);
	ck_assert_int_eq(store_health(rig.store), STORE_OK);
}
END_TEST

START_TEST(ten_thousand_orphans_are_removed)
{
	char name[64];
	uint64_t id;
	int i;

	open_it();
	id = add(100000);
	rig_close(&rig);
	for (i = 0; i < 5000; i++) {
		snprintf(name, sizeof(name), "data/tmp-%d", i);
		make_file(name, "part of a document");
		snprintf(name, sizeof(name), "data/%d-1-1-AA", i + 100);
		make_file(name, "a document of no job");
	}
	open_it();
	ck_assert_uint_eq(rig_entries(&rig, "data"), 1);
	ck_assert(rig_intact(&rig, id, 1, 100000));
	ck_assert_uint_gt(add(1), 5099);
}
END_TEST

/* ---- jobs that were being sent --------------------------------------- */

START_TEST(interrupted_jobs_print_again_or_are_held)
{
	enum job_state state = _i == STORE_HOLD ? JOB_PENDING_HELD :
	    JOB_PENDING;
	struct job *job;
	uint64_t id, other;

	rig.options.after_crash = (enum store_after_crash)_i;
	open_it();
	id = add(10);
	other = add(10);
	ck_assert_int_eq(rig_step(&rig, id, JOB_PROCESSING), 0);
	ck_assert_int_eq(rig_step(&rig, id, JOB_PROCESSING_STOPPED), 0);
	rig_close(&rig);
	open_it();
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	ck_assert_int_eq(job->state, state);
	ck_assert(job->restarted);
	ck_assert_str_ne(job->why, "");
	ck_assert_uint_eq(job->attempts, 1);
	job_free(job);
	ck_assert_int_eq(rig_get(&rig, other, &job), 0);
	ck_assert(!job->restarted);
	job_free(job);
	ck_assert_uint_eq(store_queue_count(rig.store, "lobby")->jobs[state],
	    _i == STORE_HOLD ? 1 : 2);
}
END_TEST

/* All of it was in the printer: whatever `after_crash` is. */
START_TEST(jobs_that_were_all_sent_are_completed)
{
	struct job_step sent = { .state = JOB_PROCESSING,
	    .reasons = JOB_PRINTING | JOB_QUEUED_IN_DEVICE, .now_ms = 1 };
	struct job *job;
	uint64_t id;

	rig.options.after_crash = (enum store_after_crash)_i;
	open_it();
	id = add(10);
	ck_assert_int_eq(rig_step(&rig, id, JOB_PROCESSING), 0);
	ck_assert_int_eq(rig_step_as(&rig, id, &sent), 0);
	rig_close(&rig);
	open_it();
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	ck_assert_int_eq(job->state, JOB_COMPLETED);
	ck_assert_uint_eq(job->reasons, JOB_COMPLETED_SUCCESSFULLY);
	ck_assert(!job->restarted);
	ck_assert_int_ne(job->completed_ms, 0);
	ck_assert(strncmp(job->why, "sent; ", 6) == 0);
	job_free(job);
}
END_TEST

/* ---- damage ---------------------------------------------------------- */

START_TEST(a_lost_database_is_rebuilt_from_the_data)
{
	struct job *job;
	uint64_t one, three, next;

	open_it();
	one = add(100000);
	ck_assert_int_eq(rig_job(&rig, "attic", 3, 80000, &three), 0);
	rig_close(&rig);
	ck_assert_int_eq(unlink(rig_path(&rig, "jobs.db")), 0);
	open_it();
	ck_assert_ptr_nonnull(strstr(rig.messages, "2 jobs were rebuilt"));
	ck_assert_int_eq(rig_get(&rig, three, &job), 0);
	ck_assert_int_eq(job->state, JOB_PENDING_HELD);
	ck_assert_str_eq(job->queue, "attic");
	ck_assert_str_eq(job->user, "alice");
	ck_assert_str_eq(job->host, "10.0.0.5");
	ck_assert_str_eq(job->title, "a title, \"quoted\"");
	ck_assert_uint_eq(job->n_documents, 3);
	ck_assert_uint_eq(job->bytes, 240000);
	job_free(job);
	ck_assert(rig_intact(&rig, one, 1, 100000));
	ck_assert(rig_intact(&rig, three, 3, 80000));
	next = add(1);
	ck_assert_uint_gt(next, three);
	rig_close(&rig);
	open_it();
	ck_assert_str_eq(rig.messages, "");
	ck_assert(rig_intact(&rig, three, 2, 80000));
}
END_TEST

START_TEST(a_missing_document_leaves_a_gap)
{
	char name[300];
	struct job *job;
	uint64_t id, size;
	int fd;

	open_it();
	ck_assert_int_eq(rig_job(&rig, "attic", 3, 80000, &id), 0);
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	snprintf(name, sizeof(name), "data/%s", job->documents[1].file);
	job_free(job);
	rig_close(&rig);
	ck_assert_int_eq(unlink(rig_path(&rig, name)), 0);
	ck_assert_int_eq(unlink(rig_path(&rig, "jobs.db")), 0);
	open_it();
	ck_assert(rig_intact(&rig, id, 3, 80000));
	ck_assert_int_eq(rig_document(&rig, id, 2, &fd, &size), -ESTALE);
	rig_close(&rig);
	open_it();
	ck_assert(rig_intact(&rig, id, 1, 80000));
	ck_assert(rig_intact(&rig, id, 3, 80000));
}
END_TEST

START_TEST(ids_go_on_after_the_database_is_lost)
{
	uint64_t id;

	open_it();
	id = add(10);
	rig_close(&rig);
	ck_assert_int_eq(unlink(rig_path(&rig, "jobs.db")), 0);
	open_it();
	ck_assert_uint_eq(add(10), id + 1);
	rig_close(&rig);
	ck_assert_int_eq(unlink(rig_path(&rig, "sequence")), 0);
	open_it();
	ck_assert_uint_eq(add(10), id + 2);
}
END_TEST

START_TEST(a_database_of_garbage_is_set_aside)
{
	static const char garbage[200] = "this is no database";
	uint64_t large;

	open_it();
	large = add(100000);
	add(10);
	rig_close(&rig);
	overwrite("jobs.db", 0, garbage, sizeof(garbage));
	open_it();
	ck_assert_ptr_nonnull(strstr(rig.messages, "jobs.db.damaged-1"));
	ck_assert_int_eq(access(rig_path(&rig, "jobs.db.damaged-1"), F_OK),
	    0);
	ck_assert_int_eq(rig_state(&rig, large), JOB_PENDING_HELD);
	ck_assert(rig_intact(&rig, large, 1, 100000));
}
END_TEST

/*
 * Each page in turn is overwritten: whatever it held, the store opens, and
 * every job that is left is whole or is known to lack its data.
 */
START_TEST(any_page_may_be_lost)
{
	static unsigned char page[16384];
	struct job_list *list;
	unsigned int saved = 0;
	struct stat st;
	off_t at, size;
	uint64_t id;
	size_t i;
	int n;

	memset(page, 0x5a, sizeof(page));
	for (at = 0, size = 1; at < size; at += (off_t)sizeof(page)) {
		rig_free(&rig);
		rig_make(&rig);
		open_it();
		for (n = 0; n < 20; n++)
			id = add(n % 5 == 4 ? 100000 : 3000);
		ck_assert_int_eq(rig_step(&rig, id, JOB_CANCELED), 0);
		rig_close(&rig);
		ck_assert_int_eq(stat(rig_path(&rig, "jobs.db"), &st), 0);
		size = st.st_size;
		overwrite("jobs.db", at, page, sizeof(page));
		open_it();
		ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
		    .which = STORE_ALL, .limit = 100 }, &list), 0);
		ck_assert_uint_ge(list->n, 4);
		for (i = 0; i < list->n; i++)
			ck_assert(rig_intact(&rig, list->jobs[i]->id, 1,
			    list->jobs[i]->bytes));
		saved += (unsigned)list->n;
		job_list_free(list);
		ck_assert_uint_gt(add(1), id);
		ck_assert_int_eq(rig_check(&rig), 0);
	}
	ck_assert_uint_gt(saved, 100);
}
END_TEST

/* Bits flip in the header and the first rows of it: no crash, no hang. */
START_TEST(any_byte_of_the_first_page_may_flip)
{
	unsigned char byte, flipped;
	uint64_t id;
	off_t at;
	int fd;

	open_it();
	id = add(100000);
	rig_close(&rig);
	for (at = 0; at < 200; at += 3) {
		fd = open(rig_path(&rig, "jobs.db"), O_RDWR);
		ck_assert_int_ne(fd, -1);
		ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
		flipped = byte ^ 0x41;
		ck_assert_int_eq(pwrite(fd, &flipped, 1, at), 1);
		close(fd);
		if (rig_open(&rig) == NULL) {
			/* Only a schema that seems newer is left alone. */
			ck_assert_ptr_nonnull(strstr(rig.error.text,
			    "newer version"));
			overwrite("jobs.db", at, &byte, 1);
			continue;
		}
		ck_assert(rig_intact(&rig, id, 1, 100000));
		rig_close(&rig);
	}
}
END_TEST

/* ---- schema ---------------------------------------------------------- */

static sqlite3 *
raw(const char *sql)
{
	sqlite3 *db;

	ck_assert_int_eq(sqlite3_open(rig_path(&rig, "jobs.db"), &db), 0);
	ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), 0);
	return db;
}

static int64_t
answer(sqlite3 *db, const char *sql)
{
	int64_t n = -1;

	ck_assert_int_eq(sqlite_number(db, sql, &n), 0);
	return n;
}

START_TEST(an_older_schema_is_brought_up)
{
	static const char *const steps[] = {
		"CREATE TABLE a (x); INSERT INTO a VALUES (7);",
		"ALTER TABLE a ADD COLUMN y DEFAULT 8;",
		"CREATE TABLE b AS SELECT x + y AS z FROM a;",
	};
	sqlite3 *db = raw("CREATE TABLE a (x); INSERT INTO a VALUES (1);"
	    "PRAGMA user_version = 1;");

	ck_assert_int_eq(schema_upgrade(db, steps, 3), 0);
	ck_assert_int_eq(answer(db, "PRAGMA user_version"), 3);
	ck_assert_int_eq(answer(db, "SELECT z FROM b"), 9);
	ck_assert_int_eq(schema_upgrade(db, steps, 3), 0);
	ck_assert_int_eq(schema_upgrade(db, steps, 2), -EPROTO);
	sqlite3_close(db);
}
END_TEST

START_TEST(a_step_that_fails_is_not_half_done)
{
	static const char *const steps[] = {
		"CREATE TABLE a (x);",
		"CREATE TABLE b (x); CREATE TABLE a (x);",
	};
	sqlite3 *db = raw("");

	ck_assert_int_lt(schema_upgrade(db, steps, 2), 0);
	ck_assert_int_eq(answer(db, "PRAGMA user_version"), 1);
	ck_assert_int_eq(answer(db, "SELECT count(*) FROM sqlite_schema"), 1);
	sqlite3_close(db);
}
END_TEST

START_TEST(a_newer_schema_is_left_alone)
{
	char back[64];

	open_it();
	add(10);
	rig_close(&rig);
	sqlite3_close(raw("PRAGMA user_version = 99"));
	refused(STORE_ERROR_IO, "newer version");
	snprintf(back, sizeof(back), "PRAGMA user_version = %zu",
	    schema_n_steps);
	sqlite3_close(raw(back));
	open_it();
	ck_assert_int_eq(rig_state(&rig, 1), JOB_PENDING);
}
END_TEST

/* Jobs of the first schema are there with the second. */
START_TEST(jobs_of_the_first_schema_are_kept)
{
	sqlite3 *db;

	open_it();
	add(10);
	rig_close(&rig);
	db = raw("ALTER TABLE job DROP COLUMN extra; "
	    "PRAGMA user_version = 1");
	sqlite3_close(db);
	open_it();
	ck_assert_int_eq(rig_state(&rig, 1), JOB_PENDING);
	rig_close(&rig);
	db = raw("");
	ck_assert_int_eq(answer(db, "SELECT length(extra) FROM job"), 0);
	sqlite3_close(db);
	open_it();
}
END_TEST

static Suite *
spool_recover_suite(void)
{
	Suite *suite = suite_create("spool_recover");
	TCase *directory = tcase_create("directory");
	TCase *data = tcase_create("data");
	TCase *sent = tcase_create("sent");
	TCase *damage = tcase_create("damage");
	TCase *schema = tcase_create("schema");

	tcase_add_checked_fixture(directory, setup, teardown);
	tcase_add_checked_fixture(data, setup, teardown);
	tcase_add_checked_fixture(sent, setup, teardown);
	tcase_add_checked_fixture(damage, setup, teardown);
	tcase_add_checked_fixture(schema, setup, teardown);
	tcase_set_timeout(data, 60);
	tcase_set_timeout(damage, 120);
	tcase_add_test(directory, a_second_store_is_refused);
	tcase_add_test(directory, a_directory_open_to_others_is_refused);
	tcase_add_test(directory, a_symbolic_link_is_refused);
	tcase_add_test(directory, a_missing_directory_is_told);
	tcase_add_test(directory, a_foreign_directory_is_refused);
	tcase_add_test(directory, a_planted_lock_is_refused);
	tcase_add_test(directory, a_planted_database_is_refused);
	tcase_add_test(data, planted_entries_are_moved_away);
	tcase_add_test(data, a_planted_document_is_not_read);
	tcase_add_test(data, ten_thousand_orphans_are_removed);
	tcase_add_loop_test(sent, interrupted_jobs_print_again_or_are_held,
	    STORE_REPRINT, STORE_HOLD + 1);
	tcase_add_loop_test(sent, jobs_that_were_all_sent_are_completed,
	    STORE_REPRINT, STORE_HOLD + 1);
	tcase_add_test(damage, a_lost_database_is_rebuilt_from_the_data);
	tcase_add_test(damage, a_missing_document_leaves_a_gap);
	tcase_add_test(damage, ids_go_on_after_the_database_is_lost);
	tcase_add_test(damage, a_database_of_garbage_is_set_aside);
	tcase_add_test(damage, any_page_may_be_lost);
	tcase_add_test(damage, any_byte_of_the_first_page_may_flip);
	tcase_add_test(schema, an_older_schema_is_brought_up);
	tcase_add_test(schema, jobs_of_the_first_schema_are_kept);
	tcase_add_test(schema, a_step_that_fails_is_not_half_done);
	tcase_add_test(schema, a_newer_schema_is_left_alone);
	suite_add_tcase(suite, directory);
	suite_add_tcase(suite, data);
	suite_add_tcase(suite, sent);
	suite_add_tcase(suite, damage);
	suite_add_tcase(suite, schema);
	return suite;
}

int
main(void)
{
	return suite_main(spool_recover_suite());
}
