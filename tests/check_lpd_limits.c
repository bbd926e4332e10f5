/*
 * check_lpd_limits.c - what one LPD client may make us do and keep.
 *
 * The numbers of points are those of docs/lpd-protocol.md.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/conf.h"
#include "daemon/frontend.h"
#include "daemon/lpd_job.h"
#include "daemon/shared_conf.h"
#include "tests/lpd_rig.h"
#include "tests/suite.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

static struct sender client;

static void
receive(void)
{
	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
}

/* That was refused, nothing is left of it, and others print. */
static void
refused(int answer, int wanted)
{
	ck_assert_int_eq(answer, wanted);
	client_finish(&client);
	lpd_rig_is_empty();
	lpd_rig_print("next");
}

/* ---- lines --------------------------------------------------------------- */

static const char *const beginnings[] = { "\1", "\2", "\3", "\5lobby " };
static char mebibyte[1 << 20];

START_TEST(point_05_a_command_of_a_mebibyte)
{
	lpd_rig_begin("");
	memset(mebibyte, 'q', sizeof(mebibyte));
	client_enter(&client);
	client_send(&client, beginnings[_i], strlen(beginnings[_i]));
	client_send(&client, mebibyte, sizeof(mebibyte));
	refused(client_hear(&client), 3);
}
END_TEST

static const char *const parts[] = { "\1", "\2", "\0022 ", "\3", "\0033 " };

START_TEST(point_05_a_subcommand_of_a_mebibyte)
{
	lpd_rig_begin("");
	memset(mebibyte, 'q', sizeof(mebibyte));
	receive();
	client_send(&client, parts[_i], strlen(parts[_i]));
	client_send(&client, mebibyte, sizeof(mebibyte));
	refused(client_hear(&client), 3);
}
END_TEST

/* ---- control files ------------------------------------------------------- */

START_TEST(point_21_print_lines)
{
	static char text[200000];
	size_t i, len = 0;

	lpd_rig_begin("");
	for (i = 0; i < (size_t)_i; i++)
		len += (size_t)sprintf(text + len, "ldfA001h\n");
	receive();
	if (i > LPD_PRINT_LINES_MAX) {
		refused(client_control(&client, "cfA001h", text), 3);
		return;
	}
	ck_assert_int_eq(client_control(&client, "cfA001h", text), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	client_finish(&client);
	ck_assert_uint_eq(lpd_rig_job()->documents[0].copies, i);
}
END_TEST

/* It is refused for what it says that it is, before it comes. */
START_TEST(point_21_a_large_control_file)
{
	lpd_rig_begin("");
	receive();
	refused(client_say(&client, "\002262145 cfA001h\n"), 3);
}
END_TEST

START_TEST(point_21_control_files_that_wait)
{
	static char text[LPD_CONTROL_LEN / 2 + 1];

	lpd_rig_begin("");
	memset(text, 'X', sizeof(text) - 1);
	memcpy(text, "ldfA001h\n", 9);
	receive();
	ck_assert_int_eq(client_control(&client, "cfA001h", text), ACK);
	text[6] = '2';
	ck_assert_int_eq(client_control(&client, "cfA002h", text), ACK);
	/* A job that is kept does not count any more. */
	ck_assert_int_eq(client_data(&client, "dfA002h", "abc"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA002h", text), ACK);
	ck_assert_int_eq(client_say(&client, "\0021 cfA003h\n"), 3);
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, 1);
}
END_TEST

/* ---- data files ---------------------------------------------------------- */

#define NAME_LEN	32

/* The nth data file of a job. */
static const char *
data_name(unsigned int job, unsigned int n, char name[NAME_LEN])
{
	snprintf(name, NAME_LEN, "d%c%c%03uh", 'f' + n / 26, 'A' + n % 26,
	    job);
	return name;
}

static int
send_data(unsigned int job, unsigned int n)
{
	char name[NAME_LEN];

	return client_data(&client, data_name(job, n, name), "x");
}

START_TEST(point_21_data_files_of_a_job)
{
	unsigned int i;

	lpd_rig_begin("");
	receive();
	for (i = 0; i < LPD_FILES_MAX; i++)
		ck_assert_int_eq(send_data(1, i), ACK);
	refused(send_data(1, i), 3);
}
END_TEST

START_TEST(point_21_as_many_as_a_job_may_have_are_printed)
{
	unsigned int i;

	lpd_rig_begin("");
	receive();
	for (i = 0; i < LPD_FILES_MAX; i++)
		ck_assert_int_eq(send_data(1, i), ACK);
	client_finish(&client);
	ck_assert_uint_eq(lpd_rig_job()->n_documents, LPD_FILES_MAX);
	ck_assert_uint_eq(strlen(lpd_rig_contents(lpd_rig_job())),
	    2 * LPD_FILES_MAX - 1);
}
END_TEST

START_TEST(point_21_data_files_of_all_jobs_together)
{
	unsigned int i;

	lpd_rig_begin("");
	receive();
	for (i = 0; i < LPD_FILES_MAX; i++)
		ck_assert_int_eq(send_data(i % 8, i / 8), ACK);
	refused(send_data(9, 0), 3);
}
END_TEST

/* Does the answer come, or is the client not read any more? */
static bool
is_answered(void)
{
	unsigned char octet;

	while (recv(client.fd, &octet, 1, MSG_DONTWAIT) != 1) {
		if (!receive_rig_reads(&rig.receive))
			return false;
		lpd_rig_turn();
	}
	ck_assert_int_eq(octet, ACK);
	return true;
}

/* Many documents that each are small: no more of them are taken than have
 * room, and it goes on when they have gone to the disk. */
START_TEST(point_21_a_disk_that_stands_still)
{
	static char bytes[30001];
	char line[64], name[NAME_LEN];
	unsigned int n = 0;

	lpd_rig_begin("");
	gate_close_writes();
	receive();
	do {
		snprintf(line, sizeof(line), "\003%zu %s\n",
		    sizeof(bytes) - 1, data_name(1, n++, name));
		ck_assert_int_eq(client_say(&client, line), ACK);
		client_send(&client, bytes, sizeof(bytes));
	} while (n < LPD_FILES_MAX && is_answered());
	ck_assert_uint_lt(n, 30);
	gate_open();
	ck_assert_int_eq(client_hear(&client), ACK);
	client_finish(&client);
	ck_assert_uint_eq(lpd_rig_job()->n_documents, n);
	ck_assert_uint_eq(lpd_rig_job()->bytes, n * (sizeof(bytes) - 1));
}
END_TEST

/* No more than so many jobs wait for the rest of them. */
START_TEST(point_30_jobs_that_are_incomplete)
{
	unsigned int i;
	char name[32];

	lpd_rig_begin("");
	receive();
	for (i = 0; i < LPD_JOBS_MAX; i++) {
		snprintf(name, sizeof(name), "cfA%03uh", i);
		ck_assert_int_eq(_i == 0 ? send_data(i, 0) :
		    client_control(&client, name, "ldfZ999h\n"), ACK);
	}
	refused(_i < 2 ? send_data(i, 0) :
	    client_control(&client, "cfA999h", "ldfZ999h\n"), 3);
}
END_TEST

/* One that is kept makes room for the next. */
START_TEST(point_30_any_number_of_jobs_one_after_the_other)
{
	unsigned int i, n = LPD_FILES_MAX + LPD_JOBS_MAX;

	lpd_rig_begin("");
	receive();
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(client_data(&client, "dfA001h", "x"), ACK);
		ck_assert_int_eq(client_control(&client, "cfA001h",
		    "ldfA001h\n"), ACK);
	}
	client_finish(&client);
	ck_assert_uint_eq(rig.receive.dispatch.n, n);
}
END_TEST

/* ---- sizes --------------------------------------------------------------- */

static const struct {
	const char	*size;
	int		 answer;
} sizes[] = {
	{ "1000", ACK },
	{ "1001", 3 },
	{ "5000000000", 3 },
	{ "999999999998", 3 },
	/* "I do not know": it may be little. */
	{ "1000000000000000000", ACK },
	{ "18446744073709551615", ACK },
	{ "18446744073709551616", 3 },
	{ "1000000000000000000000000000000", 3 },
};

START_TEST(point_22_a_size_and_a_limit)
{
	char line[100];

	lpd_rig_begin("");
	rig.shared->conf->queues[0].max_job_bytes = 1000;
	receive();
	snprintf(line, sizeof(line), "\3%s dfA001h\n", sizes[_i].size);
	ck_assert_int_eq(client_say(&client, line), sizes[_i].answer);
	sender_reset(&rig.receive, &client);
	lpd_rig_settle();
	lpd_rig_is_empty();
}
END_TEST

/* What was not known turns out to be too much. */
START_TEST(point_22_a_size_that_is_not_known_and_a_limit)
{
	char text[100];

	lpd_rig_begin("");
	rig.shared->conf->queues[0].max_job_bytes = 100000;
	memset(mebibyte, 'x', sizeof(mebibyte));
	receive();
	ck_assert_int_eq(client_control(&client, "cfA001h", "ldfA001h\n"),
	    ACK);
	ck_assert_int_eq(client_say(&client,
	    "\0031000000000000000000 dfA001h\n"), ACK);
	client_send(&client, mebibyte, 150000);
	ck_assert_uint_gt(client_hear_all(&client, text, sizeof(text)), 1);
	refused(text[0], 3);
}
END_TEST

/* There is no place for what will come. */
START_TEST(point_12_a_size_that_the_store_has_no_place_for)
{
	lpd_rig_begin("");
	rig.receive.spooler.refuses = -EDQUOT;
	rig.receive.spooler.from_bytes = 1000;
	receive();
	ck_assert_int_eq(client_say(&client, "\0031000 dfA001h\n"), 2);
	ck_assert_uint_eq(rig.receive.spooler.asked_bytes, 1000);
	refused(2, 2);
}
END_TEST

/* ---- subcommands --------------------------------------------------------- */

#define MANY		100000
#define AT_A_TIME	20	/* answers that have room on the way */

/* what is said, and whether it is answered */
static const struct {
	const char	*said;
	size_t		 len;
	bool		 answered;
} subcommands[] = {
	{ "\1\n", 2, true },
	{ "\2lobby\n", 7, true },
	{ "\2front \r\n", 9, true },
	{ "\n", 1, false },
	{ "\r\n", 2, false },
	{ "\0", 1, false },
};

static void
say_some(const char *said, size_t len, bool answered)
{
	static char bytes[AT_A_TIME * 16];
	size_t i;

	for (i = 0; i < AT_A_TIME; i++)
		memcpy(bytes + i * len, said, len);
	client_send(&client, bytes, AT_A_TIME * len);
	for (i = 0; i < AT_A_TIME && answered; i++)
		ck_assert_int_eq(client_hear(&client), ACK);
}

START_TEST(a_hundred_thousand_subcommands)
{
	size_t i;

	lpd_rig_begin("");
	receive();
	for (i = 0; i < MANY / AT_A_TIME; i++)
		say_some(subcommands[_i].said, subcommands[_i].len,
		    subcommands[_i].answered);
	ck_assert_int_eq(client_data(&client, "dfA001h", "abc"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "ldfA001h\n"),
	    ACK);
	client_finish(&client);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "abc");
}
END_TEST

/* Jobs begin, and are forgotten. */
START_TEST(point_20_ten_thousand_aborts)
{
	static const char said[] = "\0033 dfA001h\nabc\0\1\n";
	size_t i, j;

	lpd_rig_begin("");
	receive();
	for (i = 0; i < 10000; i++) {
		client_send(&client, said, sizeof(said) - 1);
		for (j = 0; j < 3; j++)
			ck_assert_int_eq(client_hear(&client), ACK);
	}
	client_finish(&client);
	lpd_rig_is_empty();
}
END_TEST

/* Who takes no answers is dropped when there is no place for more of them. */
START_TEST(answers_that_are_never_read)
{
	static char bytes[65536];
	size_t i;

	lpd_rig_begin("");
	client_enter(&client);
	client_send(&client, "\2lobby\n\0033 dfA001h\nabc", 21);
	bytes[0] = '\0';
	for (i = 1; i < sizeof(bytes); i++)
		bytes[i] = i % 2 == 1 ? '\1' : '\n';
	while (frontend_connections(rig.front) > 0) {
		(void)send(client.fd, bytes, sizeof(bytes),
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		lpd_rig_turn();
	}
	client_leave(&client);
	lpd_rig_is_empty();
	lpd_rig_print("next");
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, lpd_rig_make, lpd_rig_free);
	tcase_set_timeout(tcase, 120);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *
lpd_limits_suite(void)
{
	Suite *suite = suite_create("lpd_limits");
	TCase *tcase;

	tcase = new_case(suite, "lines");
	tcase_add_loop_test(tcase, point_05_a_command_of_a_mebibyte, 0,
	    COUNT(beginnings));
	tcase_add_loop_test(tcase, point_05_a_subcommand_of_a_mebibyte, 0,
	    COUNT(parts));

	tcase = new_case(suite, "files");
	tcase_add_loop_test(tcase, point_21_print_lines,
	    LPD_PRINT_LINES_MAX, LPD_PRINT_LINES_MAX + 2);
	tcase_add_loop_test(tcase, point_21_print_lines, 10000, 10001);
	tcase_add_test(tcase, point_21_a_large_control_file);
	tcase_add_test(tcase, point_21_control_files_that_wait);
	tcase_add_test(tcase, point_21_data_files_of_a_job);
	tcase_add_test(tcase, point_21_as_many_as_a_job_may_have_are_printed);
	tcase_add_test(tcase, point_21_data_files_of_all_jobs_together);
	tcase_add_test(tcase, point_21_a_disk_that_stands_still);
	tcase_add_loop_test(tcase, point_30_jobs_that_are_incomplete, 0, 3);
	tcase_add_test(tcase, point_30_any_number_of_jobs_one_after_the_other);

	tcase = new_case(suite, "sizes");
	tcase_add_loop_test(tcase, point_22_a_size_and_a_limit, 0,
	    COUNT(sizes));
	tcase_add_test(tcase, point_22_a_size_that_is_not_known_and_a_limit);
	tcase_add_test(tcase, point_12_a_size_that_the_store_has_no_place_for);

	tcase = new_case(suite, "subcommands");
	tcase_add_loop_test(tcase, a_hundred_thousand_subcommands, 0,
	    COUNT(subcommands));
	tcase_add_test(tcase, point_20_ten_thousand_aborts);
	tcase_add_test(tcase, answers_that_are_never_read);
	return suite;
}

int
main(void)
{
	return suite_main(lpd_limits_suite());
}
