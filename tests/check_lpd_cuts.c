/*
 * check_lpd_cuts.c - clients that are gone in the middle of what they say.
 *
 * The connection is cut after every octet, in good order or by a reset.  Of a
 * job that was not all there nothing is kept, and nothing is left behind; and
 * the next client prints.
 */
#include <stdlib.h>
#include <string.h>

#include "tests/lpd_rig.h"
#include "tests/suite.h"

/* How a client goes. */
enum way {
	ENDS,		/* in good order */
	RESETS,		/* when all that it said has been read */
	WAS_RESET,	/* before any of it has been */
	N_WAYS
};

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))
#define NOWHERE		SIZE_MAX

/*
 * What a client says.  wholes: after how many octets another job is there.
 * alone: where data has come whole before its control file, which an end in
 * good order prints (point 28).
 */
struct session {
	const char	*name;
	const char	*bytes;
	size_t		 len;
	size_t		 wholes[2];
	size_t		 alone[2];
};

#define BEGIN		"\2lobby\n"
#define CONTROL_1	"\00221 cfA001h\nPa\nldfA001h\nUdfA001h\n\0"
#define CONTROL_2	"\00221 cfA002h\nPa\nldfA002h\nUdfA002h\n\0"
#define CONTROL_BOTH	"\00221 cfA001h\nPa\nldfA001h\nldfB001h\n\0"
#define DATA_1		"\0033 dfA001h\nabc\0"
#define DATA_2		"\0033 dfA002h\ndef\0"
#define DATA_B		"\0033 dfB001h\ndef\0"
#define OCTETS(text)	text, sizeof(text) - 1
#define AFTER(text)	(sizeof(text) - 1)

static const struct session sessions[] = {
	{ "control first", OCTETS(BEGIN CONTROL_1 DATA_1),
	  { AFTER(BEGIN CONTROL_1 DATA_1), NOWHERE }, { NOWHERE, NOWHERE } },
	{ "data first", OCTETS(BEGIN DATA_1 CONTROL_1),
	  { AFTER(BEGIN DATA_1 CONTROL_1), NOWHERE },
	  { AFTER(BEGIN DATA_1), NOWHERE } },
	{ "two documents", OCTETS(BEGIN CONTROL_BOTH DATA_1 DATA_B),
	  { AFTER(BEGIN CONTROL_BOTH DATA_1 DATA_B), NOWHERE },
	  { NOWHERE, NOWHERE } },
	{ "two jobs", OCTETS(BEGIN CONTROL_1 DATA_1 DATA_2 CONTROL_2),
	  { AFTER(BEGIN CONTROL_1 DATA_1),
	    AFTER(BEGIN CONTROL_1 DATA_1 DATA_2 CONTROL_2) },
	  { AFTER(BEGIN CONTROL_1 DATA_1 DATA_2), NOWHERE } },
};

/* How many jobs are kept if the client is gone then. */
static size_t
kept_after(const struct session *session, size_t at, enum way way)
{
	size_t n = 0, i;

	for (i = 0; i < 2; i++)
		n += at >= session->wholes[i];
	for (i = 0; i < 2 && way == ENDS; i++)
		n += at == session->alone[i];
	return n;
}

static void
cut(const char *bytes, size_t at, enum way way)
{
	struct sender client;

	client_connect(&client);
	if (way != WAS_RESET)
		client_accept(&client);
	client_send(&client, bytes, at);
	if (way == ENDS)
		sender_shut(&client);
	else
		sender_reset(&rig.receive, &client);
	if (way == WAS_RESET)
		client_accept(&client);
	lpd_rig_settle();
	if (way == ENDS)
		client_leave(&client);
}

/* So many jobs, so many descriptors, and nothing else. */
static void
check(const char *name, size_t at, size_t jobs, unsigned int fds)
{
	size_t are = receive_rig_jobs(&rig.receive);
	unsigned int open = receive_rig_fds(&rig.receive);

	ck_assert_msg(are == jobs, "%s: %zu jobs instead of %zu after octet "
	    "%zu", name, are, jobs, at);
	ck_assert_msg(open == fds, "%s: %u descriptors instead of %u after "
	    "octet %zu", name, open, fds, at);
	ck_assert_uint_eq(rig.receive.dispatch.n, jobs);
	ck_assert_uint_eq(receive_rig_files(&rig.receive), 0);
	ck_assert_ptr_null(LIST_FIRST(&rig.receive.house.intakes));
}

START_TEST(a_cut_after_each_octet)
{
	const struct session *session = &sessions[_i / N_WAYS];
	enum way way = (enum way)(_i % N_WAYS);
	size_t jobs = 1, at;
	unsigned int fds;

	lpd_rig_begin("");
	lpd_rig_print("first");
	fds = receive_rig_fds(&rig.receive);
	for (at = 0; at <= session->len; at++) {
		cut(session->bytes, at, way);
		jobs += kept_after(session, at, way);
		check(session->name, at, jobs, fds);
		lpd_rig_print("next");
		jobs++;
		ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "next");
	}
	check(session->name, at, jobs, fds);
}
END_TEST

/* ---- documents that have a file ------------------------------------------ */

#define LARGE		200000
#define HEAD		BEGIN CONTROL_1 "\003200000 dfA001h\n"

static char large[sizeof(HEAD) - 1 + LARGE + 1];

/* Around where it begins, is given a file, and ends. */
static const size_t cuts[] = {
	1, 100, 65535, 65536, 65537, 131072, 140000, LARGE - 1, LARGE,
};

START_TEST(a_cut_in_a_document_with_a_file)
{
	enum way way = (enum way)_i;
	unsigned int fds;
	size_t i;

	memset(large, 'x', sizeof(large));
	memcpy(large, HEAD, sizeof(HEAD) - 1);
	large[sizeof(large) - 1] = '\0';
	lpd_rig_begin("");
	lpd_rig_print("first");
	fds = receive_rig_fds(&rig.receive);
	for (i = 0; i < COUNT(cuts); i++) {
		cut(large, sizeof(HEAD) - 1 + cuts[i], way);
		check("a file", cuts[i], i + 1, fds);
		lpd_rig_print("next");
	}
	cut(large, sizeof(large), ENDS);
	ck_assert_uint_eq(lpd_rig_job()->bytes, LARGE);
	ck_assert_uint_eq(receive_rig_files(&rig.receive), 1);
}
END_TEST

/* A length that is not known ends in good order, or not at all. */
START_TEST(a_reset_in_data_of_unknown_length)
{
	static const char bytes[] = BEGIN CONTROL_1
	    "\003999999999999 dfA001h\nabc";
	unsigned int fds;
	size_t at;

	lpd_rig_begin("");
	lpd_rig_print("first");
	fds = receive_rig_fds(&rig.receive);
	for (at = 0; at < sizeof(bytes); at++) {
		cut(bytes, at, (enum way)_i);
		check("unknown length", at, 1, fds);
	}
	lpd_rig_print("next");
}
END_TEST

static Suite *
lpd_cuts_suite(void)
{
	Suite *suite = suite_create("lpd_cuts");
	TCase *tcase = tcase_create("cuts");

	tcase_add_checked_fixture(tcase, lpd_rig_make, lpd_rig_free);
	tcase_set_timeout(tcase, 120);
	tcase_add_loop_test(tcase, a_cut_after_each_octet, 0,
	    N_WAYS * COUNT(sessions));
	tcase_add_loop_test(tcase, a_cut_in_a_document_with_a_file, ENDS,
	    RESETS + 1);
	tcase_add_loop_test(tcase, a_reset_in_data_of_unknown_length, RESETS,
	    WAS_RESET + 1);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(lpd_cuts_suite());
}
