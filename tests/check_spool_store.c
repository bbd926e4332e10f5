/*
 * check_spool_store.c - jobs come in, change, are read, and go.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "spool/sequence.h"
#include "tests/spool_rig.h"
#include "tests/suite.h"

static struct spool_rig rig;

static void
setup(void)
{
	rig_make(&rig);
	ck_assert_msg(rig_open(&rig) != NULL, "%s", rig.error.text);
}

static void
teardown(void)
{
	rig_free(&rig);
}

static void
reopen(void)
{
	rig_close(&rig);
	ck_assert_msg(rig_open(&rig) != NULL, "%s", rig.error.text);
}

static uint64_t
add(const char *queue, size_t len)
{
	uint64_t id;

	ck_assert_int_eq(rig_job(&rig, queue, 1, len, &id), 0);
	return id;
}

static void
finish(uint64_t id)
{
	ck_assert_int_eq(rig_step(&rig, id, JOB_PROCESSING), 0);
	ck_assert_int_eq(rig_step(&rig, id, JOB_COMPLETED), 0);
}

/* ---- coming in ------------------------------------------------------- */

static const size_t lengths[] = {
	0, 1, 4095, 4096, 4097, 16384, INCOMING_MEMORY_LEN - 1,
	INCOMING_MEMORY_LEN, INCOMING_MEMORY_LEN + 1, 3 * INCOMING_MEMORY_LEN,
	(5 << 20) + 3, 20 << 20,
};

START_TEST(every_length_comes_back)
{
	size_t len = lengths[_i];
	uint64_t id = add("lobby", len);

	ck_assert(rig_intact(&rig, id, 1, len));
	reopen();
	ck_assert(rig_intact(&rig, id, 1, len));
	ck_assert_uint_eq(rig_entries(&rig, "data"),
	    len > INCOMING_MEMORY_LEN);
}
END_TEST

START_TEST(documents_small_and_large_of_one_job)
{
	struct job *job;
	uint64_t id;
	unsigned int i;

	ck_assert_int_eq(rig_job(&rig, "lobby", 5, 100000, &id), 0);
	for (i = 1; i <= 5; i++)
		ck_assert(rig_intact(&rig, id, i, 100000));
	ck_assert(!rig_intact(&rig, id, 6, 100000));
	ck_assert(!rig_intact(&rig, id, 0, 100000));
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	ck_assert_uint_eq(job->n_documents, 5);
	ck_assert_uint_eq(job->bytes, 500000);
	ck_assert_str_eq(job->documents[4].name, "a name");
	ck_assert_int_eq(job->documents[4].place, JOB_IN_FILE);
	job_free(job);
}
END_TEST

/* What a job keeps in memory is bounded, however many documents it has. */
START_TEST(documents_that_are_small_and_many)
{
	struct job *job;
	uint64_t id;
	unsigned int i;

	ck_assert_int_eq(rig_job(&rig, "lobby", 40, 20000, &id), 0);
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	ck_assert_uint_eq(job->n_documents, 40);
	for (i = 1; i <= 40; i++) {
		ck_assert(rig_intact(&rig, id, i, 20000));
		ck_assert_int_eq(job->documents[i - 1].place, i <= 3 ?
		    JOB_IN_RECORD : JOB_IN_FILE);
	}
	ck_assert_uint_eq(rig_entries(&rig, "data"), 37);
	job_free(job);
}
END_TEST

/* What is known only when all of it is there; some in files, some not. */
START_TEST(documents_get_their_order_at_the_end)
{
	static const size_t sizes[] = { 100000, 10, 70000 };
	const struct incoming_place places[] = {
		{ 2, { .format = "text/plain", .name = "c", .copies = 3 } },
		{ 0, { .format = "image/gif", .name = "a" } },
		{ 1, { .name = "b", .copies = 1 } },
	};
	struct job_about about = { .queue = "lobby", .host = "10.0.0.5" };
	static unsigned char bytes[100000];
	struct incoming *in;
	struct job *job;
	uint64_t size;
	size_t i;
	int fd;

	in = incoming_begin(rig.store, &about, 0, rig_room, &rig);
	ck_assert_ptr_nonnull(in);
	for (i = 0; i < 3; i++) {
		memset(bytes, (int)i, sizeof(bytes));
		ck_assert_int_eq(incoming_document(in,
		    &(struct job_about_document){ .copies = 1 }), 0);
		ck_assert_int_eq(rig_write(&rig, in, bytes, sizes[i]), 0);
	}
	ck_assert_uint_eq(incoming_bytes(in), 170010);
	ck_assert_int_eq(incoming_arrange(in, places, 3), 0);
	about = (struct job_about){ .user = "alice", .title = "Minutes",
	    .extra = "Hhost\nCclass\n" };
	ck_assert_int_eq(incoming_describe(in, &about), 0);
	ck_assert_int_eq(rig_commit(&rig, in, &job), 0);
	ck_assert_str_eq(job->queue, "lobby");
	ck_assert_str_eq(job->user, "alice");
	ck_assert_str_eq(job->title, "Minutes");
	for (i = 0; i < 3; i++) {
		unsigned char first = 99;

		ck_assert_str_eq(job->documents[i].name,
		    places[i].about.name);
		ck_assert_uint_eq(job->documents[i].copies, i == 0 ? 3 : 1);
		ck_assert_int_eq(rig_document(&rig, job->id,
		    (unsigned int)i + 1, &fd, &size), 0);
		ck_assert_uint_eq(size, sizes[places[i].number]);
		ck_assert_int_eq(pread(fd, &first, 1, 0), 1);
		ck_assert_uint_eq(first, places[i].number);
		close(fd);
	}
	job_free(job);
}
END_TEST

static void
assert_document(const struct job *job, unsigned int number, const char *name,
    const void *bytes, size_t len)
{
	const struct job_document *doc = &job->documents[number - 1];
	unsigned char *is = malloc(len + 1);
	uint64_t size;
	int fd;

	ck_assert_ptr_nonnull(is);
	ck_assert_str_eq(doc->name, name);
	ck_assert_uint_eq(doc->size, len);
	ck_assert_int_eq(rig_document(&rig, job->id, number, &fd, &size), 0);
	ck_assert_uint_eq(size, len);
	ck_assert_int_eq(pread(fd, is, len + 1, 0), (ssize_t)len);
	ck_assert_mem_eq(is, bytes, len);
	close(fd);
	free(is);
}

static const struct {
	size_t	cover, document;
} covers[] = {
	{ 100, 10 }, { 0, 10 }, { 100, 0 }, { INCOMING_MEMORY_LEN, 100000 },
	{ 1, INCOMING_MEMORY_LEN }, { 1, INCOMING_MEMORY_LEN + 1 },
};

/* It is none of the client's bytes, and no part of its limit. */
START_TEST(a_cover_is_in_front_of_all)
{
	struct job_about about = { .queue = "lobby", .host = "10.0.0.5" };
	struct job_about_document doc = { .name = "a", .copies = 2 };
	static unsigned char bytes[100000], page[INCOMING_MEMORY_LEN];
	size_t len = covers[_i].document;
	struct incoming *in;
	struct job *job;
	uint64_t id;

	rig_fill(bytes, sizeof(bytes), 1);
	rig_fill(page, sizeof(page), 2);
	in = incoming_begin(rig.store, &about, len + 3, rig_room, &rig);
	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(incoming_document(in, &doc), 0);
	ck_assert_int_eq(rig_write(&rig, in, "abc", 3), 0);
	doc.name = "b";
	ck_assert_int_eq(incoming_document(in, &doc), 0);
	ck_assert_int_eq(rig_write(&rig, in, bytes, len), 0);
	doc = (struct job_about_document){ .name = "cover", .copies = 1,
	    .format = "text/plain" };
	ck_assert_int_eq(incoming_cover(in, &doc, page, covers[_i].cover), 0);
	ck_assert_uint_eq(incoming_bytes(in), len + 3);
	ck_assert_int_eq(rig_commit(&rig, in, &job), 0);
	ck_assert(job->covered);
	id = job->id;
	job_free(job);
	reopen();
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	ck_assert_uint_eq(job->n_documents, 3);
	ck_assert_uint_eq(job->bytes, len + 3);
	ck_assert_uint_eq(job->documents[0].copies, 1);
	ck_assert_uint_eq(job->documents[1].copies, 2);
	assert_document(job, 1, "cover", page, covers[_i].cover);
	assert_document(job, 2, "a", "abc", 3);
	assert_document(job, 3, "b", bytes, len);
	ck_assert_uint_eq(store_queue_count(rig.store, "lobby")->bytes,
	    len + 3);
	job_free(job);
}
END_TEST

START_TEST(a_covered_job_leaves_nothing_if_it_is_aborted)
{
	struct job_about about = { .queue = "lobby", .host = "10.0.0.5" };
	struct job_about_document doc = { .name = "a", .copies = 1 };
	static unsigned char bytes[100000];
	struct incoming *in;
	struct job_list *list;

	in = incoming_begin(rig.store, &about, 0, rig_room, &rig);
	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(incoming_document(in, &doc), 0);
	ck_assert_int_eq(rig_write(&rig, in, bytes, sizeof(bytes)), 0);
	ck_assert_int_eq(incoming_cover(in, &doc, "page", 4), 0);
	incoming_abort(in);
	while (store_busy(rig.store) > 0)
		rig_wait(&rig);
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .which = STORE_ALL, .limit = 9 }, &list), 0);
	ck_assert_uint_eq(list->n, 0);
	job_list_free(list);
	ck_assert_uint_eq(rig_entries(&rig, "data"), 0);
}
END_TEST

START_TEST(what_else_a_client_said_is_kept)
{
	struct job_about about = { .queue = "lobby", .host = "10.0.0.5",
	    .extra = "cfA001host\nXodd \xff line\n" };
	struct incoming *in;
	struct job_list *list;
	struct job *job;

	in = incoming_begin(rig.store, &about, 0, rig_room, &rig);
	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(rig_commit(&rig, in, &job), 0);
	job_free(job);
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .which = STORE_ALL, .limit = 9 }, &list), 0);
	ck_assert_uint_eq(list->n, 1);
	ck_assert_str_eq(list->jobs[0]->extra, about.extra);
	job_list_free(list);
}
END_TEST

START_TEST(a_job_may_have_no_documents)
{
	struct job *job;
	uint64_t id;

	ck_assert_int_eq(rig_job(&rig, "lobby", 0, 0, &id), 0);
	reopen();
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	ck_assert_uint_eq(job->n_documents, 0);
	job_free(job);
	finish(id);
}
END_TEST

START_TEST(a_priority_too_high_is_the_highest)
{
	struct job_about about = { .queue = "lobby", .priority = UINT32_MAX };
	struct incoming *in;
	struct job *job;
	uint64_t id;

	in = incoming_begin(rig.store, &about, 0, rig_room, NULL);
	ck_assert_ptr_nonnull(in);
	id = incoming_id(in);
	ck_assert_int_eq(rig_commit(&rig, in, &job), 0);
	job_free(job);
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	ck_assert_uint_eq(job->priority, JOB_PRIORITY_MAX);
	job_free(job);
}
END_TEST

START_TEST(a_job_may_be_held_from_the_start)
{
	struct job_about about = { .queue = "lobby" };
	struct incoming *in;
	struct job *job;

	in = incoming_begin(rig.store, &about, 0, rig_room, NULL);
	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(incoming_hold(in, JOB_HOLD_UNTIL_SPECIFIED,
	    "twice the same"), 0);
	ck_assert_int_eq(rig_commit(&rig, in, &job), 0);
	ck_assert_int_eq(rig_state(&rig, job->id), JOB_PENDING_HELD);
	ck_assert_uint_eq(store_queue_count(rig.store,
	    "lobby")->jobs[JOB_PENDING_HELD], 1);
	job_free(job);
}
END_TEST

/* SHA-256 of "abc", by the standard's own example; and of a file's bytes. */
START_TEST(the_digest_is_that_of_the_bytes)
{
	static const uint8_t abc[] = { 0xba, 0x78, 0x16, 0xbf, 0x8f, 0x01,
	    0xcf, 0xea };
	/* A million times "a". */
	static const uint8_t many[] = { 0xcd, 0xc7, 0x6e, 0x5c, 0x99, 0x14,
	    0xfb, 0x92 };
	struct job_about about = { .queue = "lobby" };
	struct job_about_document doc = { .format = "" };
	char *bytes = malloc(1000000);
	struct incoming *in;
	struct job *job;

	ck_assert_ptr_nonnull(bytes);
	memset(bytes, 'a', 1000000);
	in = incoming_begin(rig.store, &about, 0, rig_room, NULL);
	ck_assert_ptr_nonnull(in);
	ck_assert_int_eq(incoming_document(in, &doc), 0);
	ck_assert_int_eq(rig_write(&rig, in, "abc", 3), 0);
	ck_assert_int_eq(incoming_document(in, &doc), 0);
	ck_assert_int_eq(rig_write(&rig, in, bytes, 1000000), 0);
	ck_assert_int_eq(rig_commit(&rig, in, &job), 0);
	ck_assert_mem_eq(job->documents[0].sha256, abc, sizeof(abc));
	ck_assert_mem_eq(job->documents[1].sha256, many, sizeof(many));
	job_free(job);
	free(bytes);
}
END_TEST

START_TEST(nothing_is_kept_of_an_aborted_job)
{
	struct job_about about = { .queue = "lobby" };
	struct job_about_document doc = { .format = "" };
	char *bytes = calloc(1, 1 << 20);
	struct job_list *list;
	struct incoming *in;
	size_t len;

	ck_assert_ptr_nonnull(bytes);
	for (len = 0; len <= 1 << 20; len = len * 4 + 1000) {
		in = incoming_begin(rig.store, &about, 0, rig_room, NULL);
		ck_assert_ptr_nonnull(in);
		ck_assert_int_eq(incoming_document(in, &doc), 0);
		ck_assert_int_eq(rig_write(&rig, in, bytes, len), 0);
		incoming_abort(in);
	}
	free(bytes);
	reopen();
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .which = STORE_ALL, .limit = 10 }, &list), 0);
	ck_assert_uint_eq(list->n, 0);
	job_list_free(list);
	ck_assert_uint_eq(rig_entries(&rig, "data"), 0);
}
END_TEST

START_TEST(a_job_over_its_limit_is_refused)
{
	static const size_t len[] = { 1000, 200000 };
	struct job_about about = { .queue = "lobby" };
	struct job_about_document doc = { .format = "" };
	char *bytes = calloc(1, 200001);
	struct incoming *in;
	struct job *job;
	size_t i;

	ck_assert_ptr_nonnull(bytes);
	for (i = 0; i < 2; i++) {
		in = incoming_begin(rig.store, &about, len[i], rig_room, NULL);
		ck_assert_ptr_nonnull(in);
		ck_assert_int_eq(incoming_document(in, &doc), 0);
		ck_assert_int_eq(rig_write(&rig, in, bytes, len[i]), 0);
		ck_assert_int_eq(rig_write(&rig, in, bytes, 1), -EFBIG);
		ck_assert_int_eq(rig_commit(&rig, in, &job), -EFBIG);
		ck_assert_ptr_null(job);
	}
	free(bytes);
	ck_assert_uint_eq(rig_entries(&rig, "data"), 0);
}
END_TEST

START_TEST(below_the_minimum_of_space_jobs_are_refused)
{
	uint64_t id = add("lobby", 10);
	uint64_t next;

	rig_close(&rig);
	rig.options.min_free_bytes = UINT64_MAX;
	ck_assert_ptr_nonnull(rig_open(&rig));
	ck_assert_uint_gt(store_free_bytes(rig.store), 0);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &next), -ENOSPC);
	finish(id);
}
END_TEST

START_TEST(ids_never_come_again)
{
	uint64_t last = 0, id;
	unsigned int removed;
	int i;

	for (i = 0; i < 3; i++) {
		id = add("lobby", 1);
		ck_assert_uint_eq(id, last + 1);
		last = id;
		finish(id);
		ck_assert_int_eq(rig_expire(&rig, &(struct store_retention){
		    .jobs_before_ms = INT64_MAX, .limit = 10,
		    .records_before_ms = INT64_MAX }, &removed), 0);
		ck_assert_uint_eq(removed, 2);
		reopen();
	}
}
END_TEST

/* Ids of some seconds at 40,000 a second; a commit in each is enough. */
#define IDS_PER_COMMIT	400000

START_TEST(ids_never_run_out_under_load)
{
	struct job_about about = { .queue = "lobby" };
	struct incoming *in;
	uint64_t last = 0, end;
	int round;

	for (round = 0; round < 8; round++) {
		end = last + IDS_PER_COMMIT;
		while (last < end && store_next_id(rig.store) == last + 1)
			last++;
		ck_assert_uint_eq(last, end);
		in = incoming_begin(rig.store, &about, 0, NULL, NULL);
		ck_assert_ptr_nonnull(in);
		ck_assert_uint_eq(incoming_id(in), ++last);
		incoming_abort(in);
		ck_assert_int_eq(rig_note(&rig, "lobby", "yes"), 0);
	}
	ck_assert_uint_gt(last, 3 * SEQUENCE_BLOCK);
}
END_TEST

/* When none is to be had, that is said, and passes. */
START_TEST(an_id_that_is_not_reserved_is_not_given)
{
	struct job_about about = { .queue = "lobby" };
	struct incoming *in;
	uint64_t last = 0, id;

	while ((id = store_next_id(rig.store)) != 0)
		last = id;
	ck_assert_uint_ge(last, SEQUENCE_BLOCK);
	while ((in = incoming_begin(rig.store, &about, 0, NULL, NULL)) ==
	    NULL) {
		ck_assert_int_eq(errno, EAGAIN);
		rig_wait(&rig);
	}
	ck_assert_uint_eq(incoming_id(in), last + 1);
	incoming_abort(in);
}
END_TEST

START_TEST(a_block_ends_before_the_last_id)
{
	uint64_t next;

	ck_assert_uint_eq(sequence_block_end(1), 1 + SEQUENCE_BLOCK);
	for (next = SEQUENCE_END - SEQUENCE_BLOCK - 5; next < SEQUENCE_END;
	    next = sequence_block_end(next) + 1)
		ck_assert_uint_lt(sequence_block_end(next), SEQUENCE_END);
	ck_assert_uint_eq(sequence_block_end(SEQUENCE_END - 1),
	    SEQUENCE_END - 1);
}
END_TEST

static unsigned int n_committed;

static void
count_committed(void *arg, int error, struct job *job)
{
	(void)arg;
	ck_assert_int_eq(error, 0);
	n_committed++;
	job_free(job);
}

/* 300 jobs, small and large, all under way at once; arrival order holds. */
START_TEST(many_jobs_at_once)
{
	static unsigned char bytes[200000];
	struct job_about about = { .queue = "lobby" };
	struct job_about_document doc = { .format = "" };
	struct job_list *list;
	struct incoming *in;
	unsigned int i;

	for (i = 1; i <= 300; i++) {
		size_t len = i % 10 == 0 ? sizeof(bytes) : 100;

		in = incoming_begin(rig.store, &about, 0, rig_room, NULL);
		ck_assert_ptr_nonnull(in);
		ck_assert_int_eq(incoming_document(in, &doc), 0);
		rig_fill(bytes, len, i + 1);
		ck_assert_int_eq(rig_write(&rig, in, bytes, len), 0);
		incoming_commit(in, count_committed, NULL);
	}
	while (n_committed < 300)
		rig_wait(&rig);
	for (i = 1; i <= 300; i++)
		ck_assert(rig_intact(&rig, i, 1, i % 10 == 0 ?
		    sizeof(bytes) : 100));
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .queue = "lobby", .in_order = true, .limit = 1000 }, &list), 0);
	ck_assert_uint_eq(list->n, 300);
	for (i = 1; i < 300; i++)
		ck_assert_uint_lt(list->jobs[i - 1]->order,
		    list->jobs[i]->order);
	job_list_free(list);
	ck_assert_uint_eq(store_queue_count(rig.store, "lobby")->total, 300);
}
END_TEST

/* Little memory for documents on their way slows, but does not stop. */
START_TEST(little_memory_is_enough)
{
	uint64_t id;

	rig_close(&rig);
	rig.options.memory_bytes = 1;
	ck_assert_ptr_nonnull(rig_open(&rig));
	id = add("lobby", 3 << 20);
	ck_assert(rig_intact(&rig, id, 1, 3 << 20));
}
END_TEST

/* ---- changes --------------------------------------------------------- */

START_TEST(steps_last)
{
	struct job_step waits = { .state = JOB_PENDING, .why = "no paper",
	    .reasons = JOB_RESOURCES_NOT_READY };
	uint64_t id = add("lobby", 10);
	struct job *job;

	ck_assert_int_eq(rig_step(&rig, id, JOB_PROCESSING), 0);
	ck_assert_int_eq(rig_step_as(&rig, id, &waits), 0);
	reopen();
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	ck_assert_int_eq(job->state, JOB_PENDING);
	ck_assert_str_eq(job->why, "no paper");
	ck_assert_str_eq(job->port, "lobby-laser");
	ck_assert_uint_eq(job->reasons, JOB_RESOURCES_NOT_READY);
	ck_assert_uint_eq(job->attempts, 1);
	ck_assert_str_eq(job->user, "alice");
	ck_assert_str_eq(job->host, "10.0.0.5");
	ck_assert_str_eq(job->title, "a title, \"quoted\"");
	ck_assert_int_eq(job->created_ms, 1700000000123);
	ck_assert(!job->restarted);
	job_free(job);
}
END_TEST

/* The port took it and gave it back before a byte was printed. */
START_TEST(a_job_given_back_untouched_was_not_attempted)
{
	struct job_step back = { .state = JOB_PENDING, .untouched = true };
	uint64_t id = add("lobby", 10);
	struct job *job;
	unsigned int i;

	ck_assert_int_eq(rig_step(&rig, id, JOB_PROCESSING), 0);
	ck_assert_int_eq(rig_step(&rig, id, JOB_PENDING), 0);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(rig_step(&rig, id, JOB_PROCESSING), 0);
		ck_assert_int_eq(rig_step_as(&rig, id, &back), 0);
	}
	reopen();
	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	ck_assert_int_eq(job->state, JOB_PENDING);
	ck_assert_uint_eq(job->attempts, 1);
	job_free(job);
}
END_TEST

START_TEST(illegal_steps_are_refused)
{
	uint64_t id = add("lobby", 10);

	ck_assert_int_eq(rig_step(&rig, id, JOB_COMPLETED), -EINVAL);
	ck_assert_int_eq(rig_step(&rig, id + 1, JOB_PROCESSING), -ENOENT);
	ck_assert_int_eq(rig_state(&rig, id), JOB_PENDING);
	finish(id);
	ck_assert_int_eq(rig_step(&rig, id, JOB_PENDING), -EINVAL);
	ck_assert_int_eq(rig_change(&rig, id, "attic", 0), -EINVAL);
	ck_assert_int_eq(rig_state(&rig, id), JOB_COMPLETED);
}
END_TEST

static int answers[3];

static void
note_answer(void *arg, int error)
{
	*(int *)arg = error;
}

/* One that is refused does not hold up those beside it. */
START_TEST(steps_of_one_batch_keep_their_order)
{
	static const enum job_state states[] = { JOB_PROCESSING, JOB_PENDING,
	    JOB_PROCESSING };
	uint64_t id = add("lobby", 10);
	struct job_step step = { .now_ms = 1 };
	size_t i;

	for (i = 0; i < 3; i++) {
		answers[i] = 1;
		step.state = states[i];
		ck_assert_int_eq(store_step(rig.store, i == 1 ? 99 : id,
		    &step, note_answer, &answers[i]), 0);
	}
	while (answers[2] == 1)
		rig_wait(&rig);
	ck_assert_int_eq(answers[0], 0);
	ck_assert_int_eq(answers[1], -ENOENT);
	ck_assert_int_eq(answers[2], 0);
	ck_assert_int_eq(rig_state(&rig, id), JOB_PROCESSING);
}
END_TEST

START_TEST(a_finished_job_prints_again_while_its_data_are_kept)
{
	struct job_step again = { .state = JOB_PENDING, .restart = true };
	uint64_t id = add("lobby", 100000);
	uint64_t other = add("lobby", 10);
	unsigned int removed;
	struct job_list *list;

	finish(id);
	ck_assert_int_eq(rig_step_as(&rig, id, &again), 0);
	ck_assert(rig_intact(&rig, id, 1, 100000));
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .queue = "lobby", .in_order = true, .limit = 9 }, &list), 0);
	ck_assert_uint_eq(list->n, 2);
	ck_assert_uint_eq(list->jobs[0]->id, other);
	ck_assert_uint_eq(list->jobs[1]->id, id);
	ck_assert_uint_eq(list->jobs[1]->attempts, 0);
	ck_assert(!list->jobs[1]->restarted);
	job_list_free(list);
	finish(id);
	ck_assert_int_eq(rig_expire(&rig, &(struct store_retention){
	    .data_before_ms = INT64_MAX, .limit = 10 }, &removed), 0);
	ck_assert_int_eq(rig_step_as(&rig, id, &again), -ESTALE);
}
END_TEST

START_TEST(order_is_priority_then_arrival)
{
	uint64_t a = add("lobby", 1), b = add("lobby", 1);
	uint64_t c = add("lobby", 1), d = add("attic", 1);
	const uint64_t order[] = { b, a, d, c };
	struct job_list *list;
	size_t i;

	ck_assert_int_eq(rig_change(&rig, c, "attic", 0), 0);
	ck_assert_int_eq(rig_change(&rig, b, NULL, 90), 0);
	ck_assert_int_eq(rig_change(&rig, d, "lobby", 0), 0);
	ck_assert_int_eq(rig_change(&rig, c, "lobby", 50), 0);
	ck_assert_int_eq(rig_change(&rig, c, NULL, 101), -EINVAL);
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .queue = "lobby", .in_order = true, .limit = 9 }, &list), 0);
	ck_assert_uint_eq(list->n, 4);
	for (i = 0; i < 4; i++)
		ck_assert_uint_eq(list->jobs[i]->id, order[i]);
	job_list_free(list);
	ck_assert_uint_eq(store_queue_count(rig.store, "attic")->total, 0);
	ck_assert_uint_eq(store_queue_count(rig.store, "lobby")->total, 4);
}
END_TEST

START_TEST(counters_know_the_past)
{
	uint64_t id = add("lobby", 10);
	const struct tally_count *count;

	add("lobby", 20);
	ck_assert_int_eq(rig_step(&rig, id, JOB_PENDING_HELD), 0);
	finish(add("lobby", 40));
	reopen();
	count = store_queue_count(rig.store, "lobby");
	ck_assert_uint_eq(count->total, 2);
	ck_assert_uint_eq(count->bytes, 30);
	ck_assert_uint_eq(count->jobs[JOB_PENDING_HELD], 1);
	ck_assert_uint_eq(store_host_count(rig.store, "10.0.0.5")->total, 2);
	ck_assert_int_eq(rig_step(&rig, id, JOB_CANCELED), 0);
	ck_assert_uint_eq(store_host_count(rig.store, "10.0.0.5")->bytes, 20);
	ck_assert_uint_eq(store_queue_count(rig.store, "attic")->total, 0);
}
END_TEST

/* ---- lists ----------------------------------------------------------- */

START_TEST(pages_of_a_list_fit_together)
{
	struct store_filter filter = { .queue = "lobby", .limit = 7,
	    .in_order = _i == 0, .which = _i == 0 ? STORE_UNFINISHED :
	    STORE_ALL };
	struct job_list *list, *before = NULL;
	uint64_t id;
	unsigned int n = 0, i;

	for (i = 0; i < 30; i++) {
		id = add(i % 3 == 0 ? "attic" : "lobby", 1);
		ck_assert_int_eq(rig_change(&rig, id, NULL, 1 + i % 5), 0);
	}
	do {
		ck_assert_int_eq(rig_list(&rig, &filter, &list), 0);
		for (i = 0; i < list->n; i++)
			ck_assert_str_eq(list->jobs[i]->queue, "lobby");
		n += (unsigned)list->n;
		job_list_free(before);
		before = list;
		if (list->n > 0)
			filter.after = list->jobs[list->n - 1];
	} while (list->n > 0);
	job_list_free(before);
	ck_assert_uint_eq(n, 20);
}
END_TEST

START_TEST(filters_choose)
{
	uint64_t id = add("lobby", 1);
	struct job_list *list;
	static const struct {
		struct store_filter	filter;
		size_t			n;
	} cases[] = {
		{ { .which = STORE_ALL, .limit = 9 }, 2 },
		{ { .which = STORE_UNFINISHED, .limit = 9 }, 1 },
		{ { .which = STORE_FINISHED, .limit = 9 }, 1 },
		{ { .which = STORE_ALL, .limit = 1 }, 1 },
		{ { .which = STORE_ALL, .user = "alice", .limit = 9 }, 2 },
		{ { .which = STORE_ALL, .user = "bob", .limit = 9 }, 0 },
		{ { .which = STORE_ALL, .host = "10.0.0.5", .limit = 9 }, 2 },
		{ { .which = STORE_ALL, .host = "' OR 1", .limit = 9 }, 0 },
		{ { .which = STORE_FINISHED, .queue = "lobby", .limit = 9 },
		    1 },
	};
	size_t i;

	add("attic", 1);
	finish(id);
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ck_assert_int_eq(rig_list(&rig, &cases[i].filter, &list), 0);
		ck_assert_uint_eq(list->n, cases[i].n);
		job_list_free(list);
	}
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){ 0 }, &list),
	    -EINVAL);
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){ .limit = 1,
	    .in_order = true }, &list), -EINVAL);
}
END_TEST

/* ---- what goes, and what stays --------------------------------------- */

START_TEST(retention_goes_in_steps)
{
	struct store_retention data = { .data_before_ms = INT64_MAX,
	    .limit = 2 };
	struct store_retention jobs = { .jobs_before_ms = INT64_MAX,
	    .limit = 2 };
	unsigned int removed, rounds;
	struct job_record_list *records;
	uint64_t id = 0;
	int i, fd;
	uint64_t size;

	for (i = 0; i < 5; i++)
		finish(id = add("lobby", 100000));
	add("lobby", 100000);
	ck_assert_uint_eq(rig_entries(&rig, "data"), 6);
	for (rounds = 0; rig_expire(&rig, &data, &removed) == 0 &&
	    removed > 0; rounds++)
		ck_assert_uint_le(removed, 2);
	ck_assert_uint_eq(rounds, 3);
	ck_assert_uint_eq(rig_entries(&rig, "data"), 1);
	ck_assert_int_eq(rig_document(&rig, id, 1, &fd, &size), -ESTALE);
	ck_assert_int_eq(rig_state(&rig, id), JOB_COMPLETED);
	while (rig_expire(&rig, &jobs, &removed) == 0 && removed > 0)
		continue;
	ck_assert_int_eq(rig_state(&rig, id), -ENOENT);
	ck_assert_int_eq(rig_records(&rig, &(struct store_period){
	    .to_ms = INT64_MAX, .limit = 100 }, &records), 0);
	ck_assert_uint_eq(records->n, 5);
	job_record_list_free(records);
	reopen();
	ck_assert_uint_eq(rig_entries(&rig, "data"), 1);
}
END_TEST

START_TEST(retention_spares_the_young)
{
	uint64_t id = add("lobby", 10);
	unsigned int removed;

	finish(id);			/* at 1700000001000 */
	ck_assert_int_eq(rig_expire(&rig, &(struct store_retention){
	    .data_before_ms = 1700000001000, .jobs_before_ms = 1700000001000,
	    .records_before_ms = 1700000001000, .limit = 9 }, &removed), 0);
	ck_assert_uint_eq(removed, 0);
	ck_assert_int_eq(rig_expire(&rig, &(struct store_retention){
	    .jobs_before_ms = 1700000001001,
	    .records_before_ms = 1700000001001, .limit = 9 }, &removed), 0);
	ck_assert_uint_eq(removed, 2);
}
END_TEST

START_TEST(a_record_tells_all)
{
	struct job_step ends = { .state = JOB_ABORTED, .pages = 7,
	    .reasons = JOB_ABORTED_BY_SYSTEM, .why = "gave up",
	    .now_ms = 1700000009000, .port = "attic" };
	uint64_t id = add("lobby", 100000);
	struct job_record_list *list;
	struct job_record *r;

	ck_assert_int_eq(rig_step(&rig, id, JOB_PROCESSING), 0);
	ck_assert_int_eq(rig_step_as(&rig, id, &ends), 0);
	ck_assert_int_eq(rig_records(&rig, &(struct store_period){
	    .to_ms = 1700000009000, .limit = 9 }, &list), 0);
	ck_assert_uint_eq(list->n, 0);
	job_record_list_free(list);
	ck_assert_int_eq(rig_records(&rig, &(struct store_period){
	    .to_ms = 1700000009001, .limit = 9 }, &list), 0);
	ck_assert_uint_eq(list->n, 1);
	r = &list->records[0];
	ck_assert_uint_eq(r->job.id, id);
	ck_assert_str_eq(r->job.user, "alice");
	ck_assert_str_eq(r->job.host, "10.0.0.5");
	ck_assert_str_eq(r->job.queue, "lobby");
	ck_assert_str_eq(r->job.port, "attic");
	ck_assert_str_eq(r->job.why, "gave up");
	ck_assert_uint_eq(r->job.bytes, 100000);
	ck_assert_uint_eq(r->job.pages, 7);
	ck_assert_uint_eq(r->job.attempts, 1);
	ck_assert_int_eq(r->job.state, JOB_ABORTED);
	ck_assert_uint_eq(r->documents, 1);
	ck_assert_uint_eq(strlen(r->sha256), 64);
	job_record_list_free(list);
}
END_TEST

START_TEST(queues_and_ports_remember)
{
	struct store_note_list *notes;

	ck_assert_int_eq(rig_note(&rig, "lobby", "yes"), 0);
	ck_assert_int_eq(rig_note(&rig, "attic", "yes"), 0);
	ck_assert_int_eq(rig_note(&rig, "lobby", "no"), 0);
	ck_assert_int_eq(rig_note(&rig, "attic", NULL), 0);
	reopen();
	ck_assert_int_eq(rig_notes(&rig, &notes), 0);
	ck_assert_uint_eq(notes->n, 1);
	ck_assert_str_eq(notes->notes[0].kind, "queue");
	ck_assert_str_eq(notes->notes[0].name, "lobby");
	ck_assert_str_eq(notes->notes[0].key, "paused");
	ck_assert_str_eq(notes->notes[0].value, "no");
	store_note_list_free(notes);
}
END_TEST

/* ---- the end --------------------------------------------------------- */

/* Each call-back finds what is behind it still in the count, and no more. */
static size_t expected_busy;

static void
count_answer(void *arg, int error)
{
	(void)arg;
	ck_assert_int_eq(error, 0);
	ck_assert_uint_eq(store_busy(rig.store), --expected_busy);
}

static void
count_removed(void *arg, int error, unsigned int removed)
{
	(void)removed;
	count_answer(arg, error);
}

START_TEST(every_operation_is_counted_until_it_calls_back)
{
	uint64_t id = add("lobby", 10);
	struct job_step step = { .state = JOB_PENDING_HELD };
	struct store_retention none = { .jobs_before_ms = 1, .limit = 1 };
	struct store *s = rig.store;

	ck_assert_uint_eq(store_busy(s), 0);
	ck_assert_int_eq(store_step(s, id, &step, count_answer, NULL), 0);
	ck_assert_int_eq(store_change(s, id, "attic", 0, count_answer, NULL),
	    0);
	ck_assert_int_eq(store_expire(s, &none, count_removed, NULL), 0);
	ck_assert_int_eq(store_note(s, "queue", "lobby", "paused", "yes",
	    count_answer, NULL), 0);
	ck_assert_int_eq(store_probe(s, count_answer, NULL), 0);
	ck_assert_int_eq(store_check(s, count_answer, NULL), 0);
	ck_assert_int_eq(store_look(s, count_answer, NULL), 0);
	expected_busy = 7;
	ck_assert_uint_eq(store_busy(s), expected_busy);
	while (store_busy(s) > 0)
		rig_wait(&rig);
	ck_assert_uint_eq(expected_busy, 0);
}
END_TEST

START_TEST(reads_are_counted)
{
	uint64_t id = add("lobby", 10), size;
	struct store_filter all = { .which = STORE_ALL, .limit = 9 };
	struct store_period period = { .to_ms = INT64_MAX, .limit = 9 };
	struct job_record_list *records;
	struct store_note_list *notes;
	struct job_list *list;
	struct job *job;
	int fd;

	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	job_free(job);
	ck_assert_int_eq(rig_list(&rig, &all, &list), 0);
	job_list_free(list);
	ck_assert_int_eq(rig_document(&rig, id, 1, &fd, &size), 0);
	close(fd);
	ck_assert_int_eq(rig_records(&rig, &period, &records), 0);
	job_record_list_free(records);
	ck_assert_int_eq(rig_notes(&rig, &notes), 0);
	store_note_list_free(notes);
	ck_assert_int_eq(rig_get(&rig, id + 1, &job), -ENOENT);
	ck_assert_uint_eq(store_busy(rig.store), 0);
}
END_TEST

/* Small and large, committed and aborted: none is left behind in the count. */
START_TEST(incoming_jobs_are_counted_to_their_end)
{
	static unsigned char bytes[200000];
	struct job_about about = { .queue = "lobby" };
	struct job_about_document doc = { .format = "" };
	size_t len = _i % 2 == 0 ? 100 : sizeof(bytes);
	struct incoming *in;
	struct job *job;

	in = incoming_begin(rig.store, &about, 0, rig_room, NULL);
	ck_assert_ptr_nonnull(in);
	ck_assert_uint_eq(store_busy(rig.store), 1);
	ck_assert_int_eq(incoming_document(in, &doc), 0);
	ck_assert_int_eq(rig_write(&rig, in, bytes, len), 0);
	ck_assert_uint_eq(store_busy(rig.store), 1);
	if (_i < 2) {
		ck_assert_int_eq(rig_commit(&rig, in, &job), 0);
		job_free(job);
	} else {
		incoming_abort(in);
		while (store_busy(rig.store) > 0)
			rig_wait(&rig);
	}
	ck_assert_uint_eq(store_busy(rig.store), 0);
	ck_assert_uint_eq(rig_entries(&rig, "data"), _i == 1);
}
END_TEST

/* Outcomes that nobody has fetched yet are delivered by the close. */
START_TEST(close_finishes_what_was_begun)
{
	uint64_t id = add("lobby", 10);
	struct job_step step = { .state = JOB_PENDING_HELD };

	answers[0] = 1;
	ck_assert_int_eq(store_step(rig.store, id, &step, note_answer,
	    &answers[0]), 0);
	rig_close(&rig);
	ck_assert_int_eq(answers[0], 0);
	ck_assert_ptr_nonnull(rig_open(&rig));
	ck_assert_int_eq(rig_state(&rig, id), JOB_PENDING_HELD);
}
END_TEST

/* What is handed out for reading can be neither written nor grown. */
START_TEST(a_document_is_only_read)
{
	uint64_t small = add("lobby", 100), large = add("lobby", 100000);
	uint64_t size;
	int fd;

	ck_assert_int_eq(rig_document(&rig, small, 1, &fd, &size), 0);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_int_eq(ftruncate(fd, 1), -1);
	ck_assert_int_eq(lseek(fd, 0, SEEK_CUR), 0);
	close(fd);
	ck_assert_int_eq(rig_document(&rig, large, 1, &fd, &size), 0);
	ck_assert_int_eq(write(fd, "x", 1), -1);
	ck_assert_int_eq(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
	ck_assert_int_eq(rig_document(&rig, large + 1, 1, &fd, &size),
	    -ENOENT);
}
END_TEST

static Suite *
spool_store_suite(void)
{
	Suite *suite = suite_create("spool_store");
	TCase *in = tcase_create("incoming");
	TCase *change = tcase_create("change");
	TCase *list = tcase_create("list");
	TCase *keep = tcase_create("keep");

	tcase_add_checked_fixture(in, setup, teardown);
	tcase_add_checked_fixture(change, setup, teardown);
	tcase_add_checked_fixture(list, setup, teardown);
	tcase_add_checked_fixture(keep, setup, teardown);
	tcase_set_timeout(in, 60);
	tcase_add_loop_test(in, every_length_comes_back, 0,
	    sizeof(lengths) / sizeof(lengths[0]));
	tcase_add_test(in, documents_small_and_large_of_one_job);
	tcase_add_test(in, documents_that_are_small_and_many);
	tcase_add_test(in, documents_get_their_order_at_the_end);
	tcase_add_loop_test(in, a_cover_is_in_front_of_all, 0,
	    (int)(sizeof(covers) / sizeof(covers[0])));
	tcase_add_test(in, a_covered_job_leaves_nothing_if_it_is_aborted);
	tcase_add_test(in, what_else_a_client_said_is_kept);
	tcase_add_test(in, a_job_may_have_no_documents);
	tcase_add_test(in, a_priority_too_high_is_the_highest);
	tcase_add_test(in, a_job_may_be_held_from_the_start);
	tcase_add_test(in, the_digest_is_that_of_the_bytes);
	tcase_add_test(in, nothing_is_kept_of_an_aborted_job);
	tcase_add_test(in, a_job_over_its_limit_is_refused);
	tcase_add_test(in, below_the_minimum_of_space_jobs_are_refused);
	tcase_add_test(in, ids_never_come_again);
	tcase_add_test(in, ids_never_run_out_under_load);
	tcase_add_test(in, an_id_that_is_not_reserved_is_not_given);
	tcase_add_test(in, a_block_ends_before_the_last_id);
	tcase_add_test(in, many_jobs_at_once);
	tcase_add_test(in, little_memory_is_enough);
	tcase_add_test(change, steps_last);
	tcase_add_test(change, a_job_given_back_untouched_was_not_attempted);
	tcase_add_test(change, illegal_steps_are_refused);
	tcase_add_test(change, steps_of_one_batch_keep_their_order);
	tcase_add_test(change,
	    a_finished_job_prints_again_while_its_data_are_kept);
	tcase_add_test(change, order_is_priority_then_arrival);
	tcase_add_test(change, counters_know_the_past);
	tcase_add_loop_test(list, pages_of_a_list_fit_together, 0, 2);
	tcase_add_test(list, filters_choose);
	tcase_add_test(keep, retention_goes_in_steps);
	tcase_add_test(keep, retention_spares_the_young);
	tcase_add_test(keep, a_record_tells_all);
	tcase_add_test(keep, queues_and_ports_remember);
	tcase_add_test(keep, every_operation_is_counted_until_it_calls_back);
	tcase_add_test(keep, reads_are_counted);
	tcase_add_loop_test(keep, incoming_jobs_are_counted_to_their_end, 0,
	    4);
	tcase_add_test(keep, close_finishes_what_was_begun);
	tcase_add_test(keep, a_document_is_only_read);
	suite_add_tcase(suite, in);
	suite_add_tcase(suite, change);
	suite_add_tcase(suite, list);
	suite_add_tcase(suite, keep);
	return suite;
}

int
main(void)
{
	return suite_main(spool_store_suite());
}
