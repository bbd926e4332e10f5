/*
 * check_lpd_control.c - control files, and whole connections of known clients.
 *
 * point_NN: a point of the protocol as RFC 1179 has it and clients speak it.
 * The connections are the files of the fuzzer's corpus, octet by octet what
 * the client sends.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/lpd_talk.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))
#define BYTES(text)	(text), sizeof(text) - 1

static struct lpd_control *control;

/* From memory of just its size, so that a look beyond it is seen. */
static enum lpd_verdict
parse(const char *bytes, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);
	enum lpd_verdict verdict;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, n);
	lpd_control_free(control);
	verdict = lpd_control_parse(copy, n, &control);
	free(copy);
	ck_assert((verdict == LPD_OK) == (control != NULL));
	return verdict;
}

#define PARSE(text)	ck_assert_int_eq(parse(BYTES(text)), LPD_OK)

static void
tear_down(void)
{
	lpd_control_free(control);
	control = NULL;
}

static void
expect_file(size_t i, const char *name, char format, uint32_t copies,
    const char *source)
{
	const struct lpd_file *file = &control->files[i];

	ck_assert_uint_lt(i, control->n_files);
	ck_assert_str_eq(file->name, name);
	ck_assert_int_eq(file->format, format);
	ck_assert_uint_eq(file->copies, copies);
	ck_assert_pstr_eq(file->source, source);
}

/* ---- files to print ------------------------------------------------------ */

START_TEST(point_36_the_same_line_again_is_a_copy)
{
	PARSE("fdfA001x\nfdfA001x\nfdfA001x\nUdfA001x\n");
	ck_assert_uint_eq(control->n_files, 1);
	expect_file(0, "dfA001x", 'f', 3, NULL);
}
END_TEST

START_TEST(point_36_files_are_counted_apart_and_stay_in_order)
{
	PARSE("ldfB001x\nfdfA001x\nldfB001x\nodfC001x\nfdfA001x\nldfB001x\n");
	ck_assert_uint_eq(control->n_files, 3);
	expect_file(0, "dfB001x", 'l', 3, NULL);
	expect_file(1, "dfA001x", 'f', 2, NULL);
	expect_file(2, "dfC001x", 'o', 1, NULL);
}
END_TEST

START_TEST(point_36_one_file_in_two_formats_is_one_file)
{
	PARSE("fdfA001x\nodfA001x\n");
	ck_assert_uint_eq(control->n_files, 1);
	expect_file(0, "dfA001x", 'f', 2, NULL);
}
END_TEST

static size_t
add_line(char *text, size_t at, int n)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "fdfA%dx\n", n);

	memcpy(text + at, line, (size_t)len);
	return at + (size_t)len;
}

START_TEST(point_36_files_have_a_limit)
{
	static char text[65536];
	size_t n = 0;
	int i;

	for (i = 0; i < LPD_FILES_MAX; i++)
		n = add_line(text, n, i);
	ck_assert_int_eq(parse(text, n), LPD_OK);
	ck_assert_uint_eq(control->n_files, LPD_FILES_MAX);
	expect_file(LPD_FILES_MAX - 1, "dfA255x", 'f', 1, NULL);
	/* Once more the first is no more files. */
	ck_assert_int_eq(parse(text, add_line(text, n, 0)), LPD_OK);
	ck_assert_int_eq(parse(text, add_line(text, n, i)),
	    LPD_TOO_MANY);
}
END_TEST

START_TEST(point_36_print_lines_have_a_limit)
{
	static char text[65536];
	size_t n = 0;
	int i;

	for (i = 0; i < LPD_PRINT_LINES_MAX; i++)
		n = add_line(text, n, i % 4);
	ck_assert_int_eq(parse(text, n), LPD_OK);
	expect_file(3, "dfA3x", 'f', LPD_PRINT_LINES_MAX / 4, NULL);
	ck_assert_int_eq(parse(text, add_line(text, n, 0)),
	    LPD_TOO_MANY);
}
END_TEST

START_TEST(point_24_what_is_printed_may_have_any_name)
{
	PARSE("f/etc/passwd\nf../../x\nf my file \n");
	expect_file(0, "/etc/passwd", 'f', 1, NULL);
	expect_file(1, "../../x", 'f', 1, NULL);
	expect_file(2, "my file", 'f', 1, NULL);
}
END_TEST

START_TEST(point_24_a_name_that_no_file_can_have_is_refused)
{
	char text[LPD_NAME_LEN + 2];

	memset(text, 'x', sizeof(text));
	text[0] = 'f';
	ck_assert_int_eq(parse(text, LPD_NAME_LEN + 1), LPD_OK);
	ck_assert_int_eq(parse(text, LPD_NAME_LEN + 2), LPD_TOO_LONG);
}
END_TEST

/* ---- lines --------------------------------------------------------------- */

START_TEST(point_38_every_line_of_the_rfc)
{
	PARSE("Hhost\nPalice\nJMinutes\nCclass\nLalice\nMbob\nI4\nW132\n"
	    "S8 1234\n1R.font\n2I.font\n3B.font\n4S.font\nTTitle\n"
	    "fdfA001host\nUdfA001host\nNminutes.txt\n");
	ck_assert_str_eq(control->host, "host");
	ck_assert_str_eq(control->user, "alice");
	ck_assert_str_eq(control->job_name, "Minutes");
	ck_assert_str_eq(control->job_class, "class");
	ck_assert_str_eq(control->banner, "alice");
	ck_assert_str_eq(control->mail, "bob");
	ck_assert_uint_eq(control->indent, 4);
	ck_assert_uint_eq(control->width, 132);
	ck_assert_str_eq(control->link, "8 1234");
	ck_assert_str_eq(control->fonts[0], "R.font");
	ck_assert_str_eq(control->fonts[1], "I.font");
	ck_assert_str_eq(control->fonts[2], "B.font");
	ck_assert_str_eq(control->fonts[3], "S.font");
	ck_assert_str_eq(control->files[0].title, "Title");
	expect_file(0, "dfA001host", 'f', 1, "minutes.txt");
	ck_assert_str_eq(control->others, "");
}
END_TEST

START_TEST(point_38_texts_up_to_1023_octets)
{
	char text[1100], *end = text + 1;

	memset(text, 'x', sizeof(text));
	text[0] = 'J';
	end[LPD_TEXT_LEN] = '\n';
	ck_assert_int_eq(parse(text, LPD_TEXT_LEN + 2), LPD_OK);
	ck_assert_uint_eq(strlen(control->job_name), LPD_TEXT_LEN);
	end[LPD_TEXT_LEN] = 'x';
	ck_assert_int_eq(parse(text, sizeof(text)), LPD_OK);
	ck_assert_uint_eq(strlen(control->job_name), LPD_TEXT_LEN);
}
END_TEST

START_TEST(point_38_numbers_that_are_none)
{
	static const char *const lines[] = { "Ia\nWb\n", "I-1\nW-1\n",
	    "I99999\nW65536\n", "I\nW\n", "I4x\nW4 4\n",
	    "I99999999999999999999\nW4\n4\nW1e9\n" };

	ck_assert_int_eq(parse(lines[_i], strlen(lines[_i])), LPD_OK);
	ck_assert_uint_eq(control->indent, 0);
	ck_assert_uint_eq(control->width, 0);
}
END_TEST

struct format_case {
	char		 letter;
	const char	*type, *raw_type;
};

#define OCTETS	"application/octet-stream"

static const struct format_case formats[] = {
	{ 'l', OCTETS, OCTETS },
	{ 'f', "text/plain", OCTETS },
	{ 'p', "text/plain", "text/plain" },
	{ 'o', "application/postscript", "application/postscript" },
	{ 'r', "text/x-asa", "text/x-asa" },
	{ 'c', OCTETS, OCTETS }, { 'd', OCTETS, OCTETS },
	{ 'g', OCTETS, OCTETS }, { 'k', OCTETS, OCTETS },
	{ 'n', OCTETS, OCTETS }, { 't', OCTETS, OCTETS },
	{ 'v', OCTETS, OCTETS }, { 'z', OCTETS, OCTETS },
};

START_TEST(point_39_every_print_line_is_printed)
{
	const struct format_case *format = &formats[_i];
	char line[] = "?whatever\n";

	line[0] = format->letter;
	PARSE("");
	ck_assert_int_eq(parse(line, sizeof(line) - 1), LPD_OK);
	ck_assert_uint_eq(control->n_files, 1);
	expect_file(0, "whatever", format->letter, 1, NULL);
	ck_assert_str_eq(lpd_format(format->letter, false), format->type);
	ck_assert_str_eq(lpd_format(format->letter, true), format->raw_type);
}
END_TEST

START_TEST(point_39_a_letter_of_nobodys_prints_what_is_a_data_file)
{
	PARSE("xdfA001x\nxwhatever\nacfA001x\nf\n");
	ck_assert_uint_eq(control->n_files, 1);
	expect_file(0, "dfA001x", 'x', 1, NULL);
	ck_assert_str_eq(lpd_format('x', false), OCTETS);
	ck_assert_str_eq(control->others, "xwhatever\nacfA001x\nf\n");
}
END_TEST

START_TEST(point_40_who_it_is_may_be_missing)
{
	PARSE("fdfA001x\n");
	ck_assert_ptr_null(control->host);
	ck_assert_str_eq(control->user, "anonymous");
	ck_assert_str_eq(control->title, "");
	PARSE("H\nP  \nJ\nL\nM\nfdfA001x\n");
	ck_assert_ptr_null(control->host);
	ck_assert_str_eq(control->user, "anonymous");
	ck_assert_ptr_null(control->banner);
	ck_assert_ptr_null(control->mail);
}
END_TEST

START_TEST(point_40_a_title_is_taken_from_what_there_is)
{
	PARSE("TChapter\nfdfA001x\nNone.txt\nJMinutes\n");
	ck_assert_str_eq(control->title, "Minutes");
	PARSE("TChapter\npdfA001x\nNone.txt\n");
	ck_assert_str_eq(control->title, "Chapter");
	PARSE("fdfA001x\nfdfB001x\nNtwo.txt\nJ \n");
	ck_assert_str_eq(control->title, "two.txt");
	PARSE("fdfA001x\nTlate\n");
	ck_assert_str_eq(control->title, "late");
}
END_TEST

START_TEST(point_41_what_is_not_known_is_kept_in_order)
{
	PARSE("Acarol@h4+955\nHh4\nXAIX\n-olandscape\nD2024-03-01\nfdfA001h4\n"
	    "5f 1\nOnobanner \n!\nXAUTOQ");
	ck_assert_str_eq(control->others, "Acarol@h4+955\nXAIX\n-olandscape\n"
	    "D2024-03-01\n5f 1\nOnobanner\n!\nXAUTOQ\n");
	ck_assert_str_eq(control->host, "h4");
	ck_assert_uint_eq(control->n_files, 1);
}
END_TEST

START_TEST(point_42_names_behind_their_files)
{
	PARSE("fdfA001x\nfdfA001x\nUdfA001x\nNone\nfdfB001x\nUdfB001x\nNtwo\n"
	    "fdfC001x\n");
	expect_file(0, "dfA001x", 'f', 2, "one");
	expect_file(1, "dfB001x", 'f', 1, "two");
	expect_file(2, "dfC001x", 'f', 1, NULL);
}
END_TEST

START_TEST(point_42_names_behind_the_unlinking_of_their_files)
{
	PARSE("fdfA001x\nfdfB001x\nUdfA001x\nNone\nUdfB001x\nNtwo\n");
	expect_file(0, "dfA001x", 'f', 1, "one");
	expect_file(1, "dfB001x", 'f', 1, "two");
	PARSE("UdfA001x\nfdfA001x\nNone\nUdfA001x\nfdfB001x\nNtwo\n"
	    "UdfB001x\n");
	expect_file(0, "dfA001x", 'f', 1, "one");
	expect_file(1, "dfB001x", 'f', 1, "two");
}
END_TEST

/* So that no file is a lot of work. */
START_TEST(point_42_only_so_many_unlink_lines_are_looked_at)
{
	char text[8192] = "fdfA001x\nfdfB001x\n";
	int i;

	for (i = 0; i < LPD_FILES_MAX; i++)
		strcat(text, "UdfC001x\n");
	strcat(text, "UdfA001x\nNone\n");
	ck_assert_int_eq(parse(text, strlen(text)), LPD_OK);
	expect_file(0, "dfA001x", 'f', 1, NULL);
	expect_file(1, "dfB001x", 'f', 1, "one");
}
END_TEST

START_TEST(point_42_names_before_their_files)
{
	PARSE("None\nfdfA001x\nfdfA001x\nUdfA001x\nNtwo\nfdfB001x\nUdfB001x\n"
	    "fdfC001x\n");
	expect_file(0, "dfA001x", 'f', 2, "one");
	expect_file(1, "dfB001x", 'f', 1, "two");
	expect_file(2, "dfC001x", 'f', 1, NULL);
}
END_TEST

START_TEST(point_42_lines_in_any_order)
{
	PARSE("UdfA001x\nfdfA001x\nNone\nMbob\nPalice\nLalice\nHx\nJMinutes\n");
	expect_file(0, "dfA001x", 'f', 1, "one");
	ck_assert_str_eq(control->user, "alice");
	ck_assert_str_eq(control->title, "Minutes");
	/* The last of two is the one. */
	PARSE("Pbob\nPalice\nP\nfdfA001x\n");
	ck_assert_str_eq(control->user, "alice");
}
END_TEST

START_TEST(point_43_bytes_are_bytes)
{
	PARSE("P\x81ke\nJPr\xe9sentation \x1b[2J\nfdfA001b\xfcro\n");
	ck_assert_str_eq(control->user, "\x81ke");
	ck_assert_str_eq(control->title, "Pr\xe9sentation \x1b[2J");
	expect_file(0, "dfA001b\xfcro", 'f', 1, NULL);
}
END_TEST

START_TEST(point_44_banner_and_mail_only_where_they_are_asked_for)
{
	PARSE("fdfA001x\n");
	ck_assert_ptr_null(control->banner);
	ck_assert_ptr_null(control->mail);
	PARSE("Lalice\nMalice\nfdfA001x\n");
	ck_assert_str_eq(control->banner, "alice");
	ck_assert_str_eq(control->mail, "alice");
}
END_TEST

/* The same file, however it is written. */
static const struct {
	const char	*bytes;
	size_t		 n;
} forms[] = {
	{ BYTES("Hx\nPalice\nfdfA001x\nfdfA001x\nXAIX\n") },
	{ BYTES("Hx\r\nPalice\r\nfdfA001x\r\nfdfA001x\r\nXAIX\r\n") },
	{ BYTES("Hx  \nPalice\t\nfdfA001x \nfdfA001x\nXAIX \n") },
	{ BYTES("H x\nP alice\nf dfA001x\nfdfA001x\nXAIX\n") },
	{ BYTES("Hx\nPalice\nfdfA001x\nfdfA001x\nXAIX") },
	{ BYTES("Hx\nPalice\nfdfA001x\nfdfA001x\nXAIX\n\0") },
	{ BYTES("Hx\nPalice\nfdfA001x\nfdfA001x\nXAIX\n\0\0\0\0\n") },
	{ BYTES("\0Hx\0\nPal\0ice\n\0fdfA0\00001x\nfdfA001x\nXAIX\n") },
	{ BYTES("\n\nHx\n\r\nPalice\n \nfdfA001x\nfdfA001x\n\n\nXAIX\n\n") },
};

START_TEST(point_45_the_form_does_not_matter)
{
	ck_assert_int_eq(parse(forms[_i].bytes, forms[_i].n), LPD_OK);
	ck_assert_str_eq(control->host, "x");
	ck_assert_str_eq(control->user, "alice");
	ck_assert_uint_eq(control->n_files, 1);
	expect_file(0, "dfA001x", 'f', 2, NULL);
	ck_assert_str_eq(control->others, "XAIX\n");
}
END_TEST

START_TEST(point_45_the_largest_file)
{
	char *text = malloc(LPD_CONTROL_LEN + 1);

	ck_assert_ptr_nonnull(text);
	memset(text, '\n', LPD_CONTROL_LEN + 1);
	ck_assert_int_eq(parse(text, LPD_CONTROL_LEN), LPD_OK);
	ck_assert_int_eq(parse(text, LPD_CONTROL_LEN + 1), LPD_TOO_LARGE);
	memset(text, 'X', LPD_CONTROL_LEN);
	ck_assert_int_eq(parse(text, LPD_CONTROL_LEN), LPD_OK);
	ck_assert_uint_eq(strlen(control->others), LPD_TEXT_LEN + 2);
	free(text);
}
END_TEST

/* All of it is others: as many lines as there can be. */
START_TEST(point_45_a_file_of_shortest_lines)
{
	char *text = malloc(LPD_CONTROL_LEN);
	size_t i;

	ck_assert_ptr_nonnull(text);
	for (i = 0; i < LPD_CONTROL_LEN; i++)
		text[i] = i % 2 == 0 ? 'X' : '\n';
	ck_assert_int_eq(parse(text, LPD_CONTROL_LEN), LPD_OK);
	ck_assert_uint_eq(strlen(control->others), LPD_CONTROL_LEN);
	ck_assert_int_eq(parse(text, LPD_CONTROL_LEN - 1), LPD_OK);
	ck_assert_uint_eq(strlen(control->others), LPD_CONTROL_LEN);
	free(text);
}
END_TEST

START_TEST(point_29_a_file_may_print_nothing)
{
	PARSE("");
	ck_assert_uint_eq(control->n_files, 0);
	ck_assert_str_eq(control->others, "");
	PARSE("Hx\nPalice\nNname\nTtitle\n");
	ck_assert_uint_eq(control->n_files, 0);
}
END_TEST

/* ---- connections --------------------------------------------------------- */

static struct lpd_talk talk;
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
	n_bytes = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
}

static void
free_talk(void)
{
	lpd_talk_free(&talk);
	memset(&talk, 0, sizeof(talk));
}

/* The nth control file of the connection. */
static const struct lpd_control *
nth_control(size_t nth)
{
	size_t i;

	for (i = 0; i < talk.n_parts; i++)
		if (talk.parts[i].control != NULL && nth-- == 0)
			return talk.parts[i].control;
	return NULL;
}

struct print {
	char		 format;
	uint32_t	 copies;
	const char	*source;
	const char	*data;
};

/* One job of a connection. */
struct client {
	const char	*file, *queue;
	size_t		 nth;		/* of its control files */
	const char	*host, *user, *title, *others;
	struct print	 prints[2];
};

#define PCL	"\033Epage\014\033E"
#define PS	"%!PS\nshowpage\n"
#define SHOW	"Pr\303\251sentation \342\200\223 \303\251t\303\251.key"

static const struct client clients[] = {
	{ "windows-counting", "lobby", 0, "10.0.0.21", "Alice",
	  "Minutes - Notepad", "", { { 'l', 1, "Minutes - Notepad", PCL } } },
	{ "windows-no-counting", "lobby", 0, "10.0.0.21", "Alice",
	  "Minutes - Notepad", "", { { 'l', 1, "Minutes - Notepad", PCL } } },
	{ "windows-data-first", "lobby", 0, "10.0.0.21", "Alice",
	  "Minutes - Notepad", "", { { 'l', 1, "Minutes - Notepad", PCL } } },
	{ "windows-lpr-exe", "lobby", 0, "PC21", "Alice", "minutes.txt", "",
	  { { 'f', 1, "minutes.txt", "minutes\r\n" } } },
	{ "as400", "LOBBY", 0, "AS400.EXAMPLE", "QSECOFR", "QPRTLIBL",
	  "XAIX\nXAUTOQ\n", { { 'f', 1, "QPRTLIBL", "report\n" } } },
	/* A copy is a job of its own. */
	{ "as400-resend", "LOBBY", 0, "AS400.EXAMPLE", "QSECOFR", "QPRTLIBL",
	  "XAIX\nXAUTOQ\n", { { 'f', 1, "QPRTLIBL", "report\n" } } },
	{ "as400-resend", "LOBBY", 1, "AS400.EXAMPLE", "QSECOFR", "QPRTLIBL",
	  "XAIX\nXAUTOQ\n", { { 'f', 1, "QPRTLIBL", "report\n" } } },
	{ "sap", "LOBBY", 0, "sapapp1", "prdadm", "0000047311 LIST1S", "",
	  { { 'f', 3, "0000047311", "invoice\n" } } },
	{ "os2", "lobby", 0, "OS2BOX", "user", "file1.txt", "",
	  { { 'f', 1, "C:\\file1.txt", "one\r\n" } } },
	{ "os2", "lobby", 1, "OS2BOX", "user", "file2.txt", "",
	  { { 'f', 1, "C:\\file2.txt", "two\r\n\032" } } },
	{ "vms", "lobby", 0, "VMSNOD", "SYSTEM", "LOGIN.COM", "",
	  { { 'f', 2, "LOGIN.COM;1", "$ exit\n" },
	    { 'f', 2, "NOTES.TXT;4", "notes\n" } } },
	{ "aix", "lobby", 0, "aixhost", "root", "STDIN",
	  "-o -dp\n-olandscape\n", { { 'f', 1, "STDIN.18254", "aix\n" } } },
	{ "cups", "lobby", 0, "printserver", "alice", "minutes.pdf", "",
	  { { 'l', 2, "minutes.pdf", PS } } },
	{ "cups-data-first", "lobby", 0, "printserver", "alice",
	  "minutes.pdf", "", { { 'l', 2, "minutes.pdf", PS } } },
	{ "cups-stream", "lobby", 0, "printserver", "alice", "minutes.pdf",
	  "", { { 'l', 2, "minutes.pdf", PS } } },
	{ "macos", "lobby", 0, "Marias-Mac.local", "maria", SHOW, "",
	  { { 'l', 1, SHOW, "%PDF-1.4\n" } } },
	{ "lprng", "lobby", 0, "h4.example", "carol", "(stdin)",
	  "Acarol@h4+123955\nD2024-03-01-09:30:00.000\nQlobby\nZlandscape\n",
	  { { 'f', 1, "(stdin)", "text\n" } } },
	{ "lprng-names-first", "lobby", 0, "h4.example", "carol",
	  "two files", "", { { 'f', 2, "one.txt", "one\n" },
	    { 'f', 1, "two.txt", "two\n" } } },
	{ "rlpr", "lobby", 0, "ws7.example", "bob", "README", "",
	  { { 'f', 1, "README", "read me\n" } } },
	{ "rlpr-data-first", "lobby", 0, "ws7.example", "bob", "README", "",
	  { { 'f', 1, "README", "read me\n" } } },
	{ "solaris", "lobby", 0, "sol", "jane", "/etc/motd",
	  "5f 1\nOnobanner\n", { { 'f', 1, "/etc/motd", "motd\n" } } },
	{ "bsd", "lobby", 0, "vax", "joe", "thesis", "",
	  { { 'p', 1, "one.n", "one\n" },
	    { 'd', 1, "two.dvi", "\367\002" } } },
	{ "plp-stray-nul", "lobby", 0, "plp", "ann", "", "",
	  { { 'f', 1, NULL, "text\n" } } },
	{ "apple-again", "Apple Printer", 0, "mac", "ann", "", "",
	  { { 'o', 1, NULL, "%!PS\n" } } },
	{ "crlf", "lobby", 0, "dos", "bob", "", "",
	  { { 'f', 1, NULL, "text\r\n" } } },
	{ "abort", "lobby", 0, "ws", "bob", "", "",
	  { { 'f', 1, NULL, "whole\n" } } },
	{ "odd-names", "lobby", 0, "x", "../../root", "/etc/passwd", "",
	  { { 'f', 1, "/etc/passwd", "text\n" } } },
	{ "address-as-host", "lobby", 0, "10.0.0.5", "bob", "", "",
	  { { 'l', 1, NULL, "a" }, { 'l', 1, NULL, "b" } } },
};

static void
expect_print(const struct lpd_file *file, const struct print *print)
{
	const struct talk_part *data = lpd_talk_data(&talk, file->name);

	ck_assert_int_eq(file->format, print->format);
	ck_assert_uint_eq(file->copies, print->copies);
	ck_assert_pstr_eq(file->source, print->source);
	ck_assert_msg(data != NULL, "%s was not sent", file->name);
	ck_assert_uint_eq(data->size, strlen(print->data));
	ck_assert_mem_eq(data->data, print->data, data->size);
	ck_assert_int_eq(data->nul, data->length == LPD_STATED);
}

START_TEST(what_known_clients_send_is_understood)
{
	const struct client *client = &clients[_i];
	const struct lpd_control *said;
	size_t i;

	load(client->file);
	lpd_talk_parse(bytes, n_bytes, &talk);
	ck_assert_int_eq(talk.end, TALK_DONE);
	ck_assert_int_eq(talk.command.verb, LPD_RECEIVE);
	ck_assert_str_eq(talk.command.queue, client->queue);
	said = nth_control(client->nth);
	ck_assert_ptr_nonnull(said);
	ck_assert_str_eq(said->host, client->host);
	ck_assert_str_eq(said->user, client->user);
	ck_assert_str_eq(said->title, client->title);
	ck_assert_str_eq(said->others, client->others);
	for (i = 0; i < 2 && client->prints[i].format != 0; i++)
		expect_print(&said->files[i], &client->prints[i]);
	ck_assert_uint_eq(said->n_files, i);
}
END_TEST

/* Wherever a client breaks off: what it stated is whole, or is not there. */
START_TEST(a_connection_that_breaks_off_has_no_half_files)
{
	static struct lpd_talk whole;
	size_t n, i;

	load(clients[_i].file);
	lpd_talk_parse(bytes, n_bytes, &whole);
	for (n = 1; n < n_bytes; n++) {
		lpd_talk_parse(bytes, n, &talk);
		ck_assert_int_ne(talk.end, TALK_REFUSED);
		ck_assert_uint_le(talk.n_parts, whole.n_parts);
		for (i = 0; i < talk.n_parts; i++)
			if (talk.parts[i].length == LPD_STATED)
				ck_assert_uint_eq(talk.parts[i].size,
				    whole.parts[i].size);
		free_talk();
	}
	lpd_talk_free(&whole);
}
END_TEST

static const struct {
	const char		*file;
	enum lpd_verdict	 verdict;
} refused[] = {
	{ "http", LPD_ALIEN }, { "tls", LPD_ALIEN },
	{ "extension", LPD_UNSUPPORTED }, { "bad-size", LPD_BAD_SIZE },
	{ "too-large", LPD_TOO_LARGE },
};

START_TEST(what_is_no_job_is_refused)
{
	load(refused[_i].file);
	lpd_talk_parse(bytes, n_bytes, &talk);
	ck_assert_int_eq(talk.end, TALK_REFUSED);
	ck_assert_int_eq(talk.verdict, refused[_i].verdict);
	ck_assert_uint_eq(talk.n_parts, 0);
}
END_TEST

START_TEST(point_28_data_without_a_control_file_is_whole)
{
	const struct talk_part *data;

	load("no-control");
	lpd_talk_parse(bytes, n_bytes, &talk);
	ck_assert_int_eq(talk.end, TALK_DONE);
	ck_assert_ptr_null(nth_control(0));
	data = lpd_talk_data(&talk, "dfA001x");
	ck_assert_ptr_nonnull(data);
	ck_assert_uint_eq(data->size, 5);
}
END_TEST

START_TEST(point_35_said_twice_more)
{
	load("apple-again");
	lpd_talk_parse(bytes, n_bytes, &talk);
	ck_assert_uint_eq(talk.n_again, 2);
	ck_assert_uint_eq(talk.n_parts, 2);
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *
lpd_control_suite(void)
{
	Suite *suite = suite_create("lpd_control");
	TCase *tcase;

	tcase = new_case(suite, "files");
	tcase_add_test(tcase, point_36_the_same_line_again_is_a_copy);
	tcase_add_test(tcase,
	    point_36_files_are_counted_apart_and_stay_in_order);
	tcase_add_test(tcase, point_36_one_file_in_two_formats_is_one_file);
	tcase_add_test(tcase, point_36_files_have_a_limit);
	tcase_add_test(tcase, point_36_print_lines_have_a_limit);
	tcase_add_test(tcase, point_24_what_is_printed_may_have_any_name);
	tcase_add_test(tcase,
	    point_24_a_name_that_no_file_can_have_is_refused);

	tcase = new_case(suite, "lines");
	tcase_add_test(tcase, point_29_a_file_may_print_nothing);
	tcase_add_test(tcase, point_38_every_line_of_the_rfc);
	tcase_add_test(tcase, point_38_texts_up_to_1023_octets);
	tcase_add_loop_test(tcase, point_38_numbers_that_are_none, 0, 6);
	tcase_add_loop_test(tcase, point_39_every_print_line_is_printed, 0,
	    COUNT(formats));
	tcase_add_test(tcase,
	    point_39_a_letter_of_nobodys_prints_what_is_a_data_file);
	tcase_add_test(tcase, point_40_who_it_is_may_be_missing);
	tcase_add_test(tcase, point_40_a_title_is_taken_from_what_there_is);
	tcase_add_test(tcase, point_41_what_is_not_known_is_kept_in_order);
	tcase_add_test(tcase, point_42_names_behind_their_files);
	tcase_add_test(tcase,
	    point_42_names_behind_the_unlinking_of_their_files);
	tcase_add_test(tcase,
	    point_42_only_so_many_unlink_lines_are_looked_at);
	tcase_add_test(tcase, point_42_names_before_their_files);
	tcase_add_test(tcase, point_42_lines_in_any_order);
	tcase_add_test(tcase, point_43_bytes_are_bytes);
	tcase_add_test(tcase,
	    point_44_banner_and_mail_only_where_they_are_asked_for);
	tcase_add_loop_test(tcase, point_45_the_form_does_not_matter, 0,
	    COUNT(forms));
	tcase_add_test(tcase, point_45_the_largest_file);
	tcase_add_test(tcase, point_45_a_file_of_shortest_lines);

	tcase = tcase_create("clients");
	tcase_add_checked_fixture(tcase, NULL, free_talk);
	tcase_add_loop_test(tcase, what_known_clients_send_is_understood, 0,
	    COUNT(clients));
	tcase_add_loop_test(tcase,
	    a_connection_that_breaks_off_has_no_half_files, 0,
	    COUNT(clients));
	tcase_add_loop_test(tcase, what_is_no_job_is_refused, 0,
	    COUNT(refused));
	tcase_add_test(tcase,
	    point_28_data_without_a_control_file_is_whole);
	tcase_add_test(tcase, point_35_said_twice_more);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(lpd_control_suite());
}
