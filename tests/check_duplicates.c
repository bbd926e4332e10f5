/*
 * check_duplicates.c - which jobs are taken for ones that were sent before.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/duplicates.h"
#include "spool/job.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))
#define WINDOW_MS	1000
#define NOW_MS		5000

static struct duplicates *duplicates;

/* Told apart by these, or not at all. */
struct traits {
	const char	*host, *queue;
	struct {
		uint64_t	size;
		uint8_t		first, last;	/* of the digest */
		uint32_t	copies;
	} docs[2];
	const char	*user, *title;
	uint32_t	priority;
};

#define FROM	"10.0.0.5", "lobby"
#define DOCS	{ { 100, 1, 2, 1 } }

static const struct traits ordinary = { FROM, DOCS, "alice", "Minutes", 0 };

static struct job *
make(uint64_t id, const struct traits *traits)
{
	const struct job_about about = { .queue = traits->queue,
	    .user = traits->user, .host = traits->host,
	    .title = traits->title, .priority = traits->priority };
	struct job_about_document about_doc = { .format = "", .name = "" };
	struct job_document *doc;
	struct job *job = job_new(id, &about);
	int i;

	ck_assert_ptr_nonnull(job);
	for (i = 0; i < COUNT(traits->docs); i++) {
		if (traits->docs[i].copies == 0)
			continue;
		about_doc.copies = traits->docs[i].copies;
		doc = job_add_document(job, &about_doc);
		ck_assert_ptr_nonnull(doc);
		doc->size = traits->docs[i].size;
		doc->sha256[0] = traits->docs[i].first;
		doc->sha256[JOB_SHA256_LEN - 1] = traits->docs[i].last;
		job->bytes += doc->size;
	}
	return job;
}

/* With a page of ours in front of what makes it what it is. */
static struct job *
make_covered(uint64_t id, uint8_t page)
{
	static const struct traits covered = { FROM, { { 9, 0, 9, 1 },
	    { 100, 1, 2, 1 } }, "alice", "Minutes", 0 };
	struct job *job = make(id, &covered);

	job->documents[0].sha256[0] = page;
	job->covered = true;
	return job;
}

static void
remember(uint64_t id, const struct traits *traits, int64_t now_ms)
{
	struct job *job = make(id, traits);

	duplicates_remember(duplicates, job, now_ms);
	job_free(job);
}

static uint64_t
match(const struct traits *traits, int64_t now_ms)
{
	struct job *job = make(99, traits);
	uint64_t id = duplicates_match(duplicates, job, WINDOW_MS, now_ms);

	job_free(job);
	return id;
}

static void
set_up(void)
{
	duplicates = duplicates_new();
	ck_assert_ptr_nonnull(duplicates);
}

static void
tear_down(void)
{
	duplicates_free(duplicates);
}

START_TEST(nothing_is_known_at_first)
{
	ck_assert_uint_eq(match(&ordinary, NOW_MS), 0);
	duplicates_free(NULL);
}
END_TEST

START_TEST(one_break_excuses_one_repeat)
{
	remember(17, &ordinary, NOW_MS);
	ck_assert_uint_eq(match(&ordinary, NOW_MS), 17);
	ck_assert_uint_eq(match(&ordinary, NOW_MS), 0);
}
END_TEST

START_TEST(two_breaks_excuse_two_repeats_in_their_order)
{
	remember(17, &ordinary, NOW_MS);
	remember(18, &ordinary, NOW_MS + 1);
	ck_assert_uint_eq(match(&ordinary, NOW_MS + 2), 17);
	ck_assert_uint_eq(match(&ordinary, NOW_MS + 2), 18);
	ck_assert_uint_eq(match(&ordinary, NOW_MS + 2), 0);
}
END_TEST

START_TEST(the_window_ends)
{
	remember(17, &ordinary, NOW_MS);
	ck_assert_uint_eq(match(&ordinary, NOW_MS + WINDOW_MS), 17);
	remember(18, &ordinary, NOW_MS);
	ck_assert_uint_eq(match(&ordinary, NOW_MS + WINDOW_MS + 1), 0);
}
END_TEST

START_TEST(what_is_too_old_does_not_hide_what_is_not)
{
	remember(17, &ordinary, NOW_MS);
	remember(18, &ordinary, NOW_MS + 1);
	ck_assert_uint_eq(match(&ordinary, NOW_MS + WINDOW_MS + 1), 18);
}
END_TEST

START_TEST(a_page_of_ours_does_not_count)
{
	struct job *first = make_covered(17, 7), *second = make_covered(18, 8);

	duplicates_remember(duplicates, first, NOW_MS);
	ck_assert_uint_eq(duplicates_match(duplicates, second, WINDOW_MS,
	    NOW_MS), 17);
	duplicates_remember(duplicates, first, NOW_MS);
	second->documents[1].size++;
	ck_assert_uint_eq(duplicates_match(duplicates, second, WINDOW_MS,
	    NOW_MS), 0);
	ck_assert_uint_eq(match(&ordinary, NOW_MS), 17);
	job_free(first);
	job_free(second);
}
END_TEST

/* Each is another job than the ordinary one. */
static const struct traits others[] = {
	{ "10.0.0.6", "lobby", DOCS, "alice", "Minutes", 0 },
	{ "10.0.0.5", "store", DOCS, "alice", "Minutes", 0 },
	{ "10.0.0.5lobby", "", DOCS, "alice", "Minutes", 0 },
	{ FROM, { { 101, 1, 2, 1 } }, "alice", "Minutes", 0 },
	{ FROM, { { 100, 9, 2, 1 } }, "alice", "Minutes", 0 },
	{ FROM, { { 100, 1, 9, 1 } }, "alice", "Minutes", 0 },
	{ FROM, { { 100, 1, 2, 2 } }, "alice", "Minutes", 0 },
	{ FROM, { { 100, 1, 2, 1 }, { 100, 1, 2, 1 } }, "alice", "Minutes",
	  0 },
	{ FROM, { { 0, 0, 0, 0 } }, "alice", "Minutes", 0 },
};

START_TEST(another_job_is_another_job)
{
	remember(17, &ordinary, NOW_MS);
	ck_assert_uint_eq(match(&others[_i], NOW_MS), 0);
	remember(18, &others[_i], NOW_MS);
	ck_assert_uint_eq(match(&ordinary, NOW_MS), 17);
	ck_assert_uint_eq(match(&others[_i], NOW_MS), 18);
}
END_TEST

START_TEST(the_order_of_documents_counts)
{
	static const struct traits two[] = {
		{ FROM, { { 5, 1, 1, 1 }, { 6, 2, 2, 1 } }, "alice", "", 0 },
		{ FROM, { { 6, 2, 2, 1 }, { 5, 1, 1, 1 } }, "alice", "", 0 },
	};

	remember(17, &two[0], NOW_MS);
	ck_assert_uint_eq(match(&two[1], NOW_MS), 0);
	ck_assert_uint_eq(match(&two[0], NOW_MS), 17);
}
END_TEST

/* A client that tries again may say these in another way. */
static const struct traits equals[] = {
	{ FROM, DOCS, "bob", "Minutes", 0 },
	{ FROM, DOCS, "alice", "Minutes (2)", 0 },
	{ FROM, DOCS, "alice", "Minutes", 70 },
};

START_TEST(what_a_client_says_of_it_does_not_count)
{
	remember(17, &ordinary, NOW_MS);
	ck_assert_uint_eq(match(&equals[_i], NOW_MS), 17);
}
END_TEST

START_TEST(the_oldest_goes_when_there_are_too_many)
{
	struct traits traits = ordinary;
	uint64_t i;

	for (i = 1; i <= DUPLICATES_MAX + 2; i++) {
		traits.docs[0].size = i;
		remember(i, &traits, NOW_MS);
	}
	for (i = 1; i <= DUPLICATES_MAX + 2; i++) {
		traits.docs[0].size = i;
		ck_assert_uint_eq(match(&traits, NOW_MS), i <= 2 ? 0 : i);
	}
}
END_TEST

static Suite *
duplicates_suite(void)
{
	Suite *suite = suite_create("duplicates");
	TCase *tcase = tcase_create("duplicates");

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_add_test(tcase, nothing_is_known_at_first);
	tcase_add_test(tcase, one_break_excuses_one_repeat);
	tcase_add_test(tcase, two_breaks_excuse_two_repeats_in_their_order);
	tcase_add_test(tcase, the_window_ends);
	tcase_add_test(tcase, what_is_too_old_does_not_hide_what_is_not);
	tcase_add_test(tcase, a_page_of_ours_does_not_count);
	tcase_add_loop_test(tcase, another_job_is_another_job, 0,
	    COUNT(others));
	tcase_add_test(tcase, the_order_of_documents_counts);
	tcase_add_loop_test(tcase, what_a_client_says_of_it_does_not_count, 0,
	    COUNT(equals));
	tcase_add_test(tcase, the_oldest_goes_when_there_are_too_many);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(duplicates_suite());
}
