/*
 * check_lpd_clients.c - sessions of known clients, octet by octet what each
 * sends, and what is kept of them.
 *
 * The sessions are files of the fuzzer's corpus.  The numbers of points are
 * those of docs/lpd-protocol.md.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "daemon/frontend.h"
#include "daemon/shared_conf.h"
#include "tests/lpd_rig.h"
#include "tests/suite.h"

#define COUNT(a)	(sizeof(a) / sizeof((a)[0]))

/* ---- the sessions -------------------------------------------------------- */

/* A document. */
struct paper {
	const char	*format, *name;
	uint32_t	 copies;
};

/* What becomes of a job; contents: of its documents, with '|' between. */
struct kept {
	const char	*user, *title, *extra, *contents;
	struct paper	 papers[2];
	bool		 held;
};

struct session {
	const char	*file;
	const char	*lines;		/* of the listener */
	struct kept	 jobs[2];
};

#define RAW	"application/octet-stream"
#define PCL	"\033Epage\014\033E"
#define PS	"%!PS\nshowpage\n"
#define SHOW	"Pr\303\251sentation \342\200\223 \303\251t\303\251.key"
#define NOTEPAD	{ { "Alice", "Minutes - Notepad", "cfA041PC21\nH10.0.0.21\n", \
	PCL, { { RAW, "Minutes - Notepad", 1 } }, false } }
#define LPRMON	{ { "Alice", "Minutes", "cfA042PC21\nHPC21\n", PCL, \
	{ { RAW, "Minutes", 1 } }, false } }
#define AS400(n, lines)	{ "QSECOFR", "QPRTLIBL", "cfA0" n "AS400.EXAMPLE\n" \
	"HAS400.EXAMPLE\n" lines, "report\n", { { RAW, "QPRTLIBL", 1 } }, \
	false }
#define CUPS	{ { "alice", "minutes.pdf", "cfA219printserver\n" \
	"Hprintserver\n", PS, { { RAW, "minutes.pdf", 2 } }, false } }

static const struct session sessions[] = {
	/* tcpmon, and LPRMON, and the command */
	{ "windows-counting", "", NOTEPAD },
	{ "windows-no-counting", "", NOTEPAD },
	{ "windows-data-first", "", NOTEPAD },
	/* All that comes is data then, so that there is no control file. */
	{ "windows-no-counting-data-first", "", { { "anonymous", "", "", PCL,
	  { { RAW, "dfA041PC21", 1 } }, false } } },
	{ "windows-lprmon", "", LPRMON },
	{ "windows-lprmon-data-first", "", LPRMON },
	{ "windows-lpr-exe", "text_is_raw = no", { { "Alice", "minutes.txt",
	  "cfA003PC21\nHPC21\n", "minutes\r\n",
	  { { "text/plain", "minutes.txt", 1 } }, false } } },
	{ "windows-lpr-exe-binary", "text_is_raw = no", { { "Alice",
	  "report.prn", "cfA004PC21\nHPC21\n", PCL,
	  { { RAW, "report.prn", 1 } }, false } } },
	/* As its own server has it: a control file for each data file. */
	{ "windows-lpd", "", {
	  { "Alice", "one.txt", "cfA005PC21\nHPC21\n", "one\r\n",
	    { { RAW, "one.txt", 1 } }, false },
	  { "Alice", "two.txt", "cfA006PC21\nHPC21\n", "two\r\n",
	    { { RAW, "two.txt", 1 } }, false } } },

	{ "as400", "", { AS400("27", "CAS400.EXAMPLE\nLQSECOFR\nXAIX\nXAUTOQ\n") } },
	/* XAIX: a copy is a job of its own, or the same once more. */
	{ "as400-resend", "", {
	  AS400("27", "CAS400.EXAMPLE\nLQSECOFR\nXAIX\nXAUTOQ\n"),
	  AS400("28", "CAS400.EXAMPLE\nLQSECOFR\nXAIX\nXAUTOQ\n") } },
	{ "as400-same-names", "", { AS400("27", "XAIX\n"),
	  AS400("27", "XAIX\n") } },
	{ "as400-peer", "", { { "QPGMR", "QSYSPRT", "cfA131AS400B\nHAS400B\n"
	  "CAS400B\nLQPGMR\nXAS/400\nXAUTOQ\n-oOutq=QGPL/PRT01\n", "\301\302\303\025",
	  { { RAW, "QSYSPRT", 1 } }, false } } },

	{ "sap", "", { { "prdadm", "0000047311 LIST1S", "cfA512sapapp1\n"
	  "Hsapapp1\nCsapapp1\nLprdadm\n", "invoice\n",
	  { { RAW, "0000047311", 3 } }, false } } },
	{ "sap-data-first", "", { { "prdadm", "0000047312 LIST2S",
	  "cfA513sapapp1\nHsapapp1\nCsapapp1\nLprdadm\n", "invoice\n",
	  { { RAW, "0000047312", 1 } }, false } } },

	{ "os2", "", {
	  { "user", "file1.txt", "cfA001OS2BOX\nHOS2BOX\n", "one\r\n",
	    { { RAW, "C:\\file1.txt", 1 } }, false },
	  { "user", "file2.txt", "cfA002OS2BOX\nHOS2BOX\n", "two\r\n\032",
	    { { RAW, "C:\\file2.txt", 1 } }, false } } },
	{ "vms", "", { { "SYSTEM", "LOGIN.COM", "cfA777VMSNOD\nHVMSNOD\n",
	  "$ exit\n|notes\n", { { RAW, "LOGIN.COM;1", 2 },
	  { RAW, "NOTES.TXT;4", 2 } }, false } } },
	{ "vms-two-jobs", "", {
	  { "SYSTEM", "LOGIN.COM", "cfA777VMSNOD\nHVMSNOD\n", "$ exit\n",
	    { { RAW, "LOGIN.COM;1", 1 } }, false },
	  { "SYSTEM", "NOTES.TXT", "cfA778VMSNOD\nHVMSNOD\n", "notes\n",
	    { { RAW, "NOTES.TXT;4", 2 } }, false } } },

	{ "aix", "", { { "root", "STDIN", "cfA118aixhost\nHaixhost\n"
	  "Caixhost\nLroot\n-o -dp\n-olandscape\n", "aix\n",
	  { { RAW, "STDIN.18254", 1 } }, false } } },
	{ "aix-control-first", "", { { "root", "STDIN", "cfA119aixhost\n"
	  "Haixhost\nCaixhost\nLroot\n-o -dp\n", "aix\n",
	  { { RAW, "STDIN.18255", 1 } }, false } } },

	{ "cups", "", CUPS },
	{ "cups-data-first", "", CUPS },
	{ "cups-stream", "", CUPS },
	{ "macos", "", { { "maria", SHOW, "cfA014Marias-Mac\n"
	  "HMarias-Mac.local\n", "%PDF-1.4\n", { { RAW, SHOW, 1 } },
	  false } } },

	{ "lprng", "", { { "carol", "(stdin)",
	  "cfA123955h4.example\nHh4.example\nCA\nLcarol\nAcarol@h4+123955\n"
	  "D2024-03-01-09:30:00.000\nQlobby\nZlandscape\n", "text\n",
	  { { RAW, "(stdin)", 1 } }, false } } },
	{ "lprng-data-first", "", { { "carol", "minutes",
	  "cfA123956h4.example\nHh4.example\nCA\nLcarol\nAcarol@h4+123956\n"
	  "D2024-03-01-09:31:00.000\nQlobby\nZduplex\n", "text\n",
	  { { RAW, "minutes", 1 } }, false } } },
	{ "lprng-names-first", "", { { "carol", "two files",
	  "cfA955h4.example\nHh4.example\n", "one\n|two\n",
	  { { RAW, "one.txt", 2 }, { RAW, "two.txt", 1 } }, false } } },

	{ "rlpr", "", { { "bob", "README", "cfA073ws7.example\n"
	  "Hws7.example\nCws7.example\nLbob\n", "read me\n",
	  { { RAW, "README", 1 } }, false } } },
	{ "rlpr-data-first", "", { { "bob", "README", "cfA073ws7.example\n"
	  "Hws7.example\n", "read me\n", { { RAW, "README", 1 } }, false } } },
	{ "solaris", "", { { "jane", "/etc/motd", "cfA305sol\nHsol\n5f 1\n"
	  "Onobanner\n", "motd\n", { { RAW, "/etc/motd", 1 } }, false } } },
	{ "bsd", "", { { "joe", "thesis", "cfA640vax\nHvax\nCvax\nLjoe\nMjoe\n"
	  "S8 1234\n1/usr/lib/font/R\n4/usr/lib/font/S\nI4\nW132\n"
	  "Tchapter one\n", "one\n|\367\002", { { "text/plain", "one.n", 1 },
	  { RAW, "two.dvi", 1 } }, false } } },
	{ "plp-stray-nul", "", { { "ann", "", "cfA100plp\nHplp\n", "text\n",
	  { { RAW, "", 1 } }, false } } },
	{ "apple-again", "default_queue = lobby", { { "ann", "", "cfA009mac\n"
	  "Hmac\n", "%!PS\n", { { "application/postscript", "", 1 } },
	  false } } },
	{ "jetdirect", "jetdirect_names = yes", { { "ann", "Test Page",
	  "cfA007pc7\nHpc7\n", PCL, { { RAW, "Test Page", 1 } }, false } } },

	{ "crlf", "", { { "bob", "", "cfA002dos\nHdos\n", "text\r\n",
	  { { RAW, "", 1 } }, false } } },
	{ "abort", "", { { "bob", "", "cfA045ws\nHws\n", "whole\n",
	  { { RAW, "", 1 } }, false } } },
	{ "no-control", "", { { "anonymous", "", "", "text\n",
	  { { RAW, "dfA001x", 1 } }, false } } },
	{ "odd-names", "", { { "../../root", "/etc/passwd",
	  "../../cfA001x\nHx\n", "text\n", { { RAW, "/etc/passwd", 1 } },
	  false } } },
	{ "options", "queue_options = yes", { { "anonymous", "", "", "text\n",
	  { { RAW, "dfA001x", 2 } }, true } } },
	{ "address-as-host", "", { { "bob", "", "cfA12310.0.0.5\nH10.0.0.5\n",
	  "a|b", { { RAW, "", 1 }, { RAW, "", 1 } }, false } } },
};

static struct sender client;
static char bytes[65536];
static size_t n_bytes;

static void
load(const char *name)
{
	char path[4096];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", CORPUS, name);
	file = fopen(path, "rb");
	ck_assert_msg(file != NULL, "%s", path);
	n_bytes = fread(bytes, 1, sizeof(bytes) - 1, file);
	fclose(file);
	bytes[n_bytes] = '\0';
}

/* ---- clients ------------------------------------------------------------- */

static void
say(size_t at, size_t len)
{
	client_send(&client, bytes + at, len);
}

/* Octets of the line, with its end. */
static size_t
line_len(size_t at)
{
	const char *end = memchr(bytes + at, '\n', n_bytes - at);

	ck_assert_ptr_nonnull(end);
	return (size_t)(end - bytes) - at + 1;
}

/*
 * Octets of the file that the line announces, with its NUL; 0: it announces
 * none.  One without the end that it should have goes up to the client's.
 */
static size_t
file_len(size_t at)
{
	unsigned long long size;
	size_t len = line_len(at), left = n_bytes - at - len;
	char *end;

	if (bytes[at] != 2 && bytes[at] != 3)
		return 0;
	size = strtoull(bytes + at + 1, &end, 10);
	if (end == bytes + at + 1 || (*end != ' ' && *end != '\t'))
		return 0;
	if (size >= left || bytes[at + len + size] != '\0')
		return left;
	return (size_t)size + 1;
}

/* As clients do that wait for each answer.  false: the last file has no end. */
static bool
say_step_by_step(void)
{
	size_t at = line_len(0), len;

	say(0, at);
	ck_assert_int_eq(client_hear(&client), ACK);
	while (at < n_bytes) {
		if (bytes[at] == '\0') {
			say(at++, 1);
			continue;
		}
		len = file_len(at);
		say(at, line_len(at));
		ck_assert_int_eq(client_hear(&client), ACK);
		at += line_len(at);
		if (len == 0)
			continue;
		say(at, len);
		at += len;
		if (bytes[at - 1] != '\0')
			return false;
		ck_assert_int_eq(client_hear(&client), ACK);
	}
	return true;
}

static void
print_step_by_step(void)
{
	client_enter(&client);
	if (!say_step_by_step()) {
		sender_shut(&client);
		ck_assert_int_eq(client_hear(&client), ACK);
	} else
		sender_shut(&client);
	ck_assert_int_eq(client_hear(&client), CLOSED);
	lpd_rig_settle();
	client_leave(&client);
}

/* All of it, whatever is answered. */
static void
print_at_once(void)
{
	client_enter(&client);
	say(0, n_bytes);
	client_finish(&client);
}

/* ---- what is kept -------------------------------------------------------- */

static void
check_job(const struct kept *kept, const struct job *job)
{
	size_t i;

	ck_assert_str_eq(job->queue, "lobby");
	ck_assert_str_eq(job->host, "10.0.0.5");
	ck_assert_str_eq(job->user, kept->user);
	ck_assert_str_eq(job->title, kept->title);
	ck_assert_str_eq(job->extra, kept->extra);
	ck_assert_int_eq(job->state, kept->held ? JOB_PENDING_HELD :
	    JOB_PENDING);
	ck_assert_str_eq(lpd_rig_contents(job), kept->contents);
	for (i = 0; i < 2 && kept->papers[i].format != NULL; i++) {
		ck_assert_str_eq(job->documents[i].format,
		    kept->papers[i].format);
		ck_assert_str_eq(job->documents[i].name,
		    kept->papers[i].name);
		ck_assert_uint_eq(job->documents[i].copies,
		    kept->papers[i].copies);
	}
	ck_assert_uint_eq(job->n_documents, i);
}

START_TEST(what_a_known_client_prints_is_kept)
{
	const struct session *session = &sessions[_i / 2];
	size_t n;

	lpd_rig_begin(session->lines);
	load(session->file);
	if (_i % 2 == 0)
		print_step_by_step();
	else
		print_at_once();
	for (n = 0; n < 2 && session->jobs[n].user != NULL; n++)
		check_job(&session->jobs[n], lpd_rig_nth_job(n));
	ck_assert_uint_eq(rig.receive.dispatch.n, n);
	ck_assert_uint_eq(receive_rig_jobs(&rig.receive), n);
	ck_assert_uint_eq(receive_rig_files(&rig.receive), 0);
}
END_TEST

/* The first octet of the answer. */
static const struct {
	const char	*file;
	int		 answer;
} others[] = {
	{ "start", 0 }, { "status", 'l' }, { "status-list", 'l' },
	{ "remove", 'l' }, { "remove-quoted", 1 }, { "extension", 3 },
	{ "http", 3 }, { "tls", 3 },
};

START_TEST(what_a_known_client_asks_is_answered)
{
	char text[1024];

	lpd_rig_begin("");
	load(others[_i].file);
	client_enter(&client);
	say(0, n_bytes);
	ck_assert_uint_gt(client_hear_all(&client, text, sizeof(text)), 0);
	ck_assert_int_eq(text[0], others[_i].answer);
	client_leave(&client);
	lpd_rig_settle();
	lpd_rig_is_empty();
}
END_TEST

/* ---- habits -------------------------------------------------------------- */

/*
 * AS/400: data is transformed when the server has said that it may come, which
 * takes its time.  It has what a job gets, and not what a command does: that
 * is over for the other one.
 */
START_TEST(point_09_a_long_pause_before_the_data)
{
	struct sender idle;
	size_t at;

	lpd_rig_begin("command_timeout = 20ms\nreceive_timeout = 1h");
	load("as400");
	at = n_bytes - strlen("report\n") - 1;
	client_enter(&client);
	say(0, at);
	client_enter(&idle);
	ck_assert_int_eq(client_hear(&idle), CLOSED);
	client_leave(&idle);
	ck_assert_uint_eq(frontend_connections(rig.front), 1);
	say(at, n_bytes - at);
	client_finish(&client);
	ck_assert_str_eq(lpd_rig_contents(lpd_rig_job()), "report\n");
}
END_TEST

static const char *
ask(const char *line)
{
	static char text[2048];

	client_enter(&client);
	client_send(&client, line, strlen(line));
	client_hear_all(&client, text, sizeof(text));
	client_leave(&client);
	return text;
}

/* SAP looks after its jobs while it prints them, and shows what it is told. */
START_TEST(point_14_15_status_between_jobs)
{
	lpd_rig_begin("");
	ck_assert_str_eq(ask("\3LOBBY\n"), "lobby is ready\nno entries\n");
	load("sap");
	print_step_by_step();
	ck_assert_ptr_nonnull(strstr(ask("\3LOBBY prdadm\n"), "\n1st     "
	    "prdadm          1       0000047311 LIST1S               "));
	load("sap-data-first");
	print_step_by_step();
	ck_assert_ptr_nonnull(strstr(ask("\4LOBBY 513\n"),
	    "\nprdadm: 2nd                             [job 2 sapapp1]\n"));
	ck_assert_ptr_nonnull(strstr(ask("\4LOBBY\n"),
	    "\n        3 copies of 0000047311                  8 bytes\n"));
	lpd_rig_settle();
}
END_TEST

static Suite *
lpd_clients_suite(void)
{
	Suite *suite = suite_create("lpd_clients");
	TCase *tcase = tcase_create("sessions");

	tcase_add_checked_fixture(tcase, lpd_rig_make, lpd_rig_free);
	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, what_a_known_client_prints_is_kept, 0,
	    2 * COUNT(sessions));
	tcase_add_loop_test(tcase, what_a_known_client_asks_is_answered, 0,
	    COUNT(others));
	tcase_add_test(tcase, point_09_a_long_pause_before_the_data);
	tcase_add_test(tcase, point_14_15_status_between_jobs);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(lpd_clients_suite());
}
