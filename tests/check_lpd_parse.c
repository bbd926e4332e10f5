/*
 * check_lpd_parse.c - commands, subcommands and names of LPD clients.
 *
 * point_NN: a point of the protocol as RFC 1179 has it and clients speak it.
 * check_lpd_control.c has those on control files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/lpd_parse.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))
#define BYTES(text)	(text), sizeof(text) - 1

static struct lpd_command command;
static struct lpd_part part;

/* From memory of just its size, so that a look beyond it is seen. */
static enum lpd_verdict
parse_command(const char *line, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	enum lpd_verdict verdict;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, line, len);
	memset(&command, 0xff, sizeof(command));
	verdict = lpd_command_parse(copy, len, &command);
	free(copy);
	return verdict;
}

static enum lpd_verdict
parse_part(const char *line, size_t len)
{
	char *copy = malloc(len > 0 ? len : 1);
	enum lpd_verdict verdict;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, line, len);
	memset(&part, 0xff, sizeof(part));
	verdict = lpd_part_parse(copy, len, &part);
	free(copy);
	return verdict;
}

#define COMMAND(line)	parse_command(BYTES(line))
#define PART(line)	parse_part(BYTES(line))

/* ---- lines --------------------------------------------------------------- */

START_TEST(point_03_operands_are_apart_by_any_blanks)
{
	static const char *const lines[] = { "\4lobby alice 17",
	    "\4 lobby  alice\t17", "\4\tlobby\v\falice \t 17  ",
	    "\4lobby alice 17\r", "\4lobby\ralice 17 \r\r" };

	ck_assert_int_eq(parse_command(lines[_i], strlen(lines[_i])), LPD_OK);
	ck_assert_int_eq(command.verb, LPD_STATUS_LONG);
	ck_assert_str_eq(command.queue, "lobby");
	ck_assert_uint_eq(command.n_items, 2);
	ck_assert_str_eq(command.items[0].text, "alice");
	ck_assert_str_eq(command.items[1].text, "17");
}
END_TEST

START_TEST(point_03_a_line_is_there_when_its_lf_is)
{
	static const char bytes[] = "\2lobby\r\n\0033 dfA001x\n";
	size_t n, len, used;

	for (n = 0; n < 8; n++)
		ck_assert_int_eq(lpd_line(bytes, n, &len, &used), LPD_PART);
	for (; n < sizeof(bytes); n++) {
		ck_assert_int_eq(lpd_line(bytes, n, &len, &used), LPD_WHOLE);
		ck_assert_uint_eq(len, 7);
		ck_assert_uint_eq(used, 8);
	}
	ck_assert_int_eq(parse_command(bytes, len), LPD_OK);
	ck_assert_str_eq(command.queue, "lobby");
}
END_TEST

START_TEST(point_05_the_longest_line_is_taken_and_a_longer_one_is_not)
{
	char bytes[LPD_LINE_LEN + 2];
	size_t len, used;

	memset(bytes, 'a', sizeof(bytes));
	memcpy(bytes, "\4lobby ", 7);
	ck_assert_int_eq(lpd_line(bytes, LPD_LINE_LEN, &len, &used),
	    LPD_PART);
	ck_assert_int_eq(lpd_line(bytes, LPD_LINE_LEN + 1, &len, &used),
	    LPD_OVERLONG);
	bytes[LPD_LINE_LEN] = '\n';
	ck_assert_int_eq(lpd_line(bytes, sizeof(bytes), &len, &used),
	    LPD_WHOLE);
	ck_assert_uint_eq(len, LPD_LINE_LEN);
	ck_assert_int_eq(parse_command(bytes, len), LPD_OK);
	ck_assert_uint_eq(strlen(command.items[0].text), LPD_LINE_LEN - 7);
	bytes[LPD_LINE_LEN] = 'a';
	bytes[LPD_LINE_LEN + 1] = '\n';
	ck_assert_int_eq(lpd_line(bytes, sizeof(bytes), &len, &used),
	    LPD_OVERLONG);
	ck_assert_int_eq(parse_command(bytes, LPD_LINE_LEN + 1), LPD_TOO_LONG);
	ck_assert_int_eq(parse_part(bytes, LPD_LINE_LEN + 1), LPD_TOO_LONG);
}
END_TEST

START_TEST(point_05_a_list_as_long_as_a_line_can_hold)
{
	char bytes[LPD_LINE_LEN];
	size_t i;

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = i % 2 == 0 ? ' ' : '7';
	memcpy(bytes, "\3q", 2);
	ck_assert_int_eq(parse_command(bytes, sizeof(bytes)), LPD_OK);
	ck_assert_uint_eq(command.n_items, LPD_LINE_LEN / 2 - 1);
	ck_assert_uint_eq(command.items[command.n_items - 1].number, 7);
}
END_TEST

START_TEST(point_05_a_nul_is_in_no_line)
{
	ck_assert_int_eq(COMMAND("\2lob\0by"), LPD_MALFORMED);
	ck_assert_int_eq(COMMAND("\2lobby\0"), LPD_MALFORMED);
	ck_assert_int_eq(PART("\0023 cfA001x\0y"), LPD_MALFORMED);
	ck_assert_int_eq(PART("\0013\0"), LPD_MALFORMED);
}
END_TEST

/* ---- queues -------------------------------------------------------------- */

struct queue_case {
	const char		*text;
	enum lpd_verdict	 verdict;
};

static const struct queue_case queue_names[] = {
	{ "lobby", LPD_OK },
	{ "a", LPD_OK },
	{ "raw1", LPD_OK },
	{ "Front Desk", LPD_OK },
	{ "b\xc3\xbcro", LPD_OK },
	{ "lobby.2", LPD_OK },
	{ "$(reboot)", LPD_OK },
	{ "", LPD_BAD_QUEUE },
	{ "/etc/passwd", LPD_BAD_QUEUE },
	{ "a/b", LPD_BAD_QUEUE },
	{ "..", LPD_BAD_QUEUE },
	{ "a..b", LPD_BAD_QUEUE },
	{ "lob\tby", LPD_BAD_QUEUE },
	{ "lob\x1b[2Jby", LPD_BAD_QUEUE },
	{ "lobby\x7f", LPD_BAD_QUEUE },
};

START_TEST(point_06_what_the_name_of_a_queue_can_be)
{
	const struct queue_case *queue = &queue_names[_i];
	char line[64];
	int len = snprintf(line, sizeof(line), "\2%s", queue->text);

	ck_assert_int_eq(parse_command(line, (size_t)len), queue->verdict);
	if (queue->verdict == LPD_OK)
		ck_assert_str_eq(command.queue, queue->text);
}
END_TEST

START_TEST(point_06_a_queue_is_always_named)
{
	char line[] = "?";

	line[0] = (char)_i;
	ck_assert_int_eq(parse_command(line, 1), LPD_BAD_QUEUE);
}
END_TEST

START_TEST(point_06_the_longest_name)
{
	char line[LPD_NAME_LEN + 2];

	memset(line, 'q', sizeof(line));
	line[0] = LPD_RECEIVE;
	ck_assert_int_eq(parse_command(line, LPD_NAME_LEN + 1), LPD_OK);
	ck_assert_uint_eq(strlen(command.queue), LPD_NAME_LEN);
	ck_assert_int_eq(parse_command(line, LPD_NAME_LEN + 2), LPD_TOO_LONG);
}
END_TEST

START_TEST(point_06_case_counts_or_does_not)
{
	ck_assert(lpd_queue_is("lobby", "lobby", false));
	ck_assert(!lpd_queue_is("LOBBY", "lobby", false));
	ck_assert(lpd_queue_is("LOBBY", "lobby", true));
	ck_assert(!lpd_queue_is("LOBBY2", "lobby", true));
}
END_TEST

START_TEST(point_06_a_name_may_be_in_quotes)
{
	ck_assert_int_eq(COMMAND("\2\"LOBBY\""), LPD_OK);
	ck_assert_str_eq(command.queue, "LOBBY");
	ck_assert_int_eq(COMMAND("\5\"FRONT DESK\" QSECOFR 17"), LPD_OK);
	ck_assert_str_eq(command.queue, "FRONT DESK");
	ck_assert_str_eq(command.agent, "QSECOFR");
	ck_assert_uint_eq(command.n_items, 1);
	/* Quotes that are none. */
	ck_assert_int_eq(COMMAND("\2\"LOBBY"), LPD_OK);
	ck_assert_str_eq(command.queue, "\"LOBBY");
	ck_assert_int_eq(COMMAND("\3\"a\"b \"c"), LPD_OK);
	ck_assert_str_eq(command.queue, "\"a\"b");
	ck_assert_str_eq(command.items[0].text, "\"c");
	ck_assert_int_eq(COMMAND("\2\"\""), LPD_BAD_QUEUE);
	ck_assert_int_eq(COMMAND("\3\"\" alice"), LPD_BAD_QUEUE);
	ck_assert_int_eq(COMMAND("\2\""), LPD_OK);
}
END_TEST

struct option_case {
	const char		*text;
	enum lpd_verdict	 verdict;
	const char		*name;
	uint32_t		 copies;
	bool			 hold;
};

static const struct option_case options[] = {
	{ "lobby", LPD_OK, "lobby", 0, false },
	{ "lobby+copies=2", LPD_OK, "lobby", 2, false },
	{ "lobby+hold", LPD_OK, "lobby", 0, true },
	{ "lobby+copies=2+hold", LPD_OK, "lobby", 2, true },
	{ "LOBBY+HOLD+COPIES=1000", LPD_OK, "LOBBY", 1000, true },
	{ "lobby+copies=2+copies=3", LPD_OK, "lobby", 3, false },
	{ "lobby+copies=0", LPD_BAD_OPTION, NULL, 0, false },
	{ "lobby+copies=1001", LPD_BAD_OPTION, NULL, 0, false },
	{ "lobby+copies=18446744073709551617", LPD_BAD_OPTION, NULL, 0,
	  false },
	{ "lobby+copies=-1", LPD_BAD_OPTION, NULL, 0, false },
	{ "lobby+copies=", LPD_BAD_OPTION, NULL, 0, false },
	{ "lobby+copies", LPD_BAD_OPTION, NULL, 0, false },
	{ "lobby+duplex", LPD_BAD_OPTION, NULL, 0, false },
	{ "lobby+", LPD_BAD_OPTION, NULL, 0, false },
	{ "lobby++hold", LPD_BAD_OPTION, NULL, 0, false },
	{ "+hold", LPD_BAD_QUEUE, NULL, 0, false },
	{ "", LPD_BAD_QUEUE, NULL, 0, false },
	{ "a/b+hold", LPD_BAD_QUEUE, NULL, 0, false },
};

START_TEST(options_may_stand_in_the_name_of_a_queue)
{
	const struct option_case *option = &options[_i];
	struct lpd_queue queue;

	ck_assert_int_eq(lpd_queue_parse(option->text, &queue),
	    option->verdict);
	if (option->verdict != LPD_OK)
		return;
	ck_assert_str_eq(queue.name, option->name);
	ck_assert_uint_eq(queue.copies, option->copies);
	ck_assert_int_eq(queue.hold, option->hold);
}
END_TEST

/* ---- commands ------------------------------------------------------------ */

START_TEST(point_07_the_first_octet_tells_other_protocols)
{
	char octet = (char)_i;

	ck_assert_int_eq(lpd_is_alien(octet), _i < 1 || _i > 10);
	if (lpd_is_alien(octet))
		ck_assert_int_eq(parse_command(&octet, 1), LPD_ALIEN);
}
END_TEST

START_TEST(point_07_so_does_an_empty_line)
{
	ck_assert_int_eq(COMMAND(""), LPD_ALIEN);
	ck_assert_int_eq(COMMAND("GET / HTTP/1.1\r"), LPD_ALIEN);
}
END_TEST

START_TEST(point_11_start)
{
	ck_assert_int_eq(COMMAND("\1lobby"), LPD_OK);
	ck_assert_int_eq(command.verb, LPD_START);
	ck_assert_str_eq(command.queue, "lobby");
	ck_assert_uint_eq(command.n_items, 0);
}
END_TEST

START_TEST(point_12_receive)
{
	ck_assert_int_eq(COMMAND("\2lobby"), LPD_OK);
	ck_assert_int_eq(command.verb, LPD_RECEIVE);
	ck_assert_str_eq(command.queue, "lobby");
	ck_assert_ptr_null(command.agent);
}
END_TEST

START_TEST(point_14_status_with_and_without_a_list)
{
	ck_assert_int_eq(COMMAND("\3lobby"), LPD_OK);
	ck_assert_int_eq(command.verb, LPD_STATUS);
	ck_assert_uint_eq(command.n_items, 0);
	ck_assert_int_eq(COMMAND("\3lobby 17"), LPD_OK);
	ck_assert_uint_eq(command.n_items, 1);
}
END_TEST

START_TEST(point_15_long_status)
{
	ck_assert_int_eq(COMMAND("\4lobby alice"), LPD_OK);
	ck_assert_int_eq(command.verb, LPD_STATUS_LONG);
	ck_assert_str_eq(command.items[0].text, "alice");
}
END_TEST

START_TEST(point_16_digits_are_a_job_and_all_else_is_a_user)
{
	ck_assert_int_eq(COMMAND("\3lobby 17 alice 017 17a -1 "
	    "18446744073709551615 18446744073709551616"), LPD_OK);
	ck_assert_uint_eq(command.n_items, 7);
	ck_assert(command.items[0].is_number);
	ck_assert_uint_eq(command.items[0].number, 17);
	ck_assert(!command.items[1].is_number);
	ck_assert_str_eq(command.items[1].text, "alice");
	ck_assert_uint_eq(command.items[2].number, 17);
	ck_assert(!command.items[3].is_number);
	ck_assert_uint_eq(command.items[3].number, 0);
	ck_assert(!command.items[4].is_number);
	ck_assert(command.items[5].is_number);
	ck_assert_uint_eq(command.items[5].number, UINT64_MAX);
	ck_assert(!command.items[6].is_number);
	ck_assert_uint_eq(command.items[6].number, 0);
}
END_TEST

START_TEST(point_18_remove_names_its_agent)
{
	ck_assert_int_eq(COMMAND("\5lobby root"), LPD_OK);
	ck_assert_int_eq(command.verb, LPD_REMOVE);
	ck_assert_str_eq(command.agent, "root");
	ck_assert_uint_eq(command.n_items, 0);
	ck_assert_int_eq(COMMAND("\5lobby alice 17 bob"), LPD_OK);
	ck_assert_str_eq(command.agent, "alice");
	ck_assert_uint_eq(command.n_items, 2);
	ck_assert_uint_eq(command.items[0].number, 17);
	ck_assert_str_eq(command.items[1].text, "bob");
	ck_assert_int_eq(COMMAND("\5lobby"), LPD_MALFORMED);
	ck_assert_int_eq(COMMAND("\5lobby  "), LPD_MALFORMED);
}
END_TEST

START_TEST(point_19_what_is_lprngs_own_is_known_and_refused)
{
	char line[] = "?lobby 17";

	line[0] = (char)_i;
	ck_assert_int_eq(parse_command(line, sizeof(line) - 1),
	    LPD_UNSUPPORTED);
}
END_TEST

/* ---- parts of a job ------------------------------------------------------ */

START_TEST(point_20_abort)
{
	ck_assert_int_eq(PART("\1"), LPD_OK);
	ck_assert_int_eq(part.type, LPD_ABORT);
	ck_assert_int_eq(PART("\1 \r"), LPD_OK);
	ck_assert_int_eq(part.type, LPD_ABORT);
}
END_TEST

START_TEST(point_21_a_control_file)
{
	ck_assert_int_eq(PART("\002123 cfA017host.example"), LPD_OK);
	ck_assert_int_eq(part.type, LPD_CONTROL_FILE);
	ck_assert_int_eq(part.length, LPD_STATED);
	ck_assert_uint_eq(part.size, 123);
	ck_assert_str_eq(part.name.text, "cfA017host.example");
	ck_assert(part.name.formed && part.name.is_control);
	ck_assert_ptr_null(part.queue);
}
END_TEST

START_TEST(point_21_a_control_file_has_a_limit_and_is_refused_at_once)
{
	ck_assert_int_eq(PART("\002262144 cfA017host"), LPD_OK);
	ck_assert_int_eq(PART("\002262145 cfA017host"), LPD_TOO_LARGE);
	ck_assert_int_eq(PART("\0024294967295 cfA017host"), LPD_TOO_LARGE);
}
END_TEST

struct size_case {
	const char		*digits;
	enum lpd_verdict	 verdict;
	enum lpd_length		 length;
	uint64_t		 size;
};

static const struct size_case sizes[] = {
	{ "1", LPD_OK, LPD_STATED, 1 },
	{ "007", LPD_OK, LPD_STATED, 7 },
	{ "0", LPD_OK, LPD_ZERO, 0 },
	{ "000", LPD_OK, LPD_ZERO, 0 },
	{ "2147483646", LPD_OK, LPD_STATED, 2147483646 },
	{ "2147483647", LPD_OK, LPD_UNKNOWN, 2147483647 },
	{ "2147483648", LPD_OK, LPD_STATED, 2147483648 },
	{ "4294967295", LPD_OK, LPD_UNKNOWN, 4294967295 },
	{ "4294967296", LPD_OK, LPD_STATED, 4294967296 },
	{ "5000000000", LPD_OK, LPD_STATED, 5000000000 },
	{ "999999999998", LPD_OK, LPD_STATED, 999999999998 },
	{ "999999999999", LPD_OK, LPD_UNKNOWN, 999999999999 },
	{ "125899906843000", LPD_OK, LPD_UNKNOWN, 125899906843000 },
	{ "18446744073709551615", LPD_OK, LPD_UNKNOWN, UINT64_MAX },
	{ "18446744073709551616", LPD_BAD_SIZE, LPD_ZERO, 0 },
	{ "99999999999999999999", LPD_BAD_SIZE, LPD_ZERO, 0 },
	{ "184467440737095516150", LPD_BAD_SIZE, LPD_ZERO, 0 },
	{ "-1", LPD_BAD_SIZE, LPD_ZERO, 0 },
	{ "+1", LPD_BAD_SIZE, LPD_ZERO, 0 },
	{ "0x10", LPD_BAD_SIZE, LPD_ZERO, 0 },
	{ "1e3", LPD_BAD_SIZE, LPD_ZERO, 0 },
	{ "1.5", LPD_BAD_SIZE, LPD_ZERO, 0 },
};

START_TEST(point_22_sizes)
{
	const struct size_case *size = &sizes[_i];
	char line[64];
	int len = snprintf(line, sizeof(line), "\3%s dfA001x", size->digits);

	ck_assert_int_eq(parse_part(line, (size_t)len), size->verdict);
	if (size->verdict != LPD_OK)
		return;
	ck_assert_int_eq(part.type, LPD_DATA_FILE);
	ck_assert_int_eq(part.length, size->length);
	ck_assert_uint_eq(part.size, size->size);
}
END_TEST

START_TEST(point_22_a_data_file_has_a_size_and_a_name)
{
	ck_assert_int_eq(PART("\3dfA001x"), LPD_MALFORMED);
	ck_assert_int_eq(PART("\00317"), LPD_MALFORMED);
	ck_assert_int_eq(PART("\00317 "), LPD_MALFORMED);
	ck_assert_int_eq(PART("\3"), LPD_MALFORMED);
	ck_assert_int_eq(PART("\2"), LPD_MALFORMED);
	ck_assert_int_eq(PART("\3dfA001x 17"), LPD_BAD_SIZE);
	ck_assert_int_eq(PART("\00212x cfA001x"), LPD_BAD_SIZE);
	ck_assert_int_eq(PART("\4lobby"), LPD_MALFORMED);
	ck_assert_int_eq(PART("%!PS"), LPD_MALFORMED);
}
END_TEST

/* ---- names --------------------------------------------------------------- */

struct name_case {
	const char	*text;
	bool		 formed;
	char		 letter;
	uint32_t	 number;
	const char	*host;
};

static const struct name_case names[] = {
	{ "dfA001host", true, 'A', 1, "host" },
	{ "dfZ999host.example.com", true, 'Z', 999, "host.example.com" },
	{ "dfb123host", true, 'b', 123, "host" },
	{ "dfA7host", true, 'A', 7, "host" },
	{ "dfA7.example", true, 'A', 7, ".example" },
	{ "dfA0012::1", true, 'A', 1, "2::1" },
	{ "dfA123456host", true, 'A', 123456, "host" },
	{ "dfA123456", true, 'A', 123456, "" },
	{ "dfA123", true, 'A', 123, "" },
	{ "dfA12310.0.0.5", true, 'A', 123, "10.0.0.5" },
	{ "dfA123192.168.100.200", true, 'A', 123, "192.168.100.200" },
	{ "dfA0012001:db8::1", true, 'A', 1, "2001:db8::1" },
	{ "dfA001fe80::1%eth0", true, 'A', 1, "fe80::1%eth0" },
	{ "dfA001::1", true, 'A', 1, "::1" },
	{ "dfA0017654321", true, 'A', 1, "7654321" },
	{ "dfA001my host", true, 'A', 1, "my host" },
	{ "dfA", false, 0, 0, "" },
	{ "dfAhost", false, 0, 0, "" },
	{ "df1001host", false, 0, 0, "" },
	{ "xfA001host", false, 0, 0, "" },
	{ "DFA001HOST", false, 0, 0, "" },
	{ "/etc/passwd", false, 0, 0, "" },
	{ "../dfA001host", false, 0, 0, "" },
	{ "d", false, 0, 0, "" },
	{ "\xff\xfe", false, 0, 0, "" },
};

START_TEST(point_24_names_of_files)
{
	const struct name_case *name = &names[_i];
	char line[64];
	int len = snprintf(line, sizeof(line), "\0031 %s", name->text);

	ck_assert_int_eq(parse_part(line, (size_t)len), LPD_OK);
	ck_assert_str_eq(part.name.text, name->text);
	ck_assert_int_eq(part.name.formed, name->formed);
	ck_assert(!part.name.is_control);
	ck_assert_int_eq(part.name.letter, name->letter);
	ck_assert_uint_eq(part.name.number, name->number);
	ck_assert_str_eq(part.name.host, name->host);
}
END_TEST

START_TEST(point_24_the_longest_name)
{
	char line[LPD_NAME_LEN + 4];

	memset(line, 'h', sizeof(line));
	memcpy(line, "\0031 dfA001", 9);
	ck_assert_int_eq(parse_part(line, LPD_NAME_LEN + 3), LPD_OK);
	ck_assert_uint_eq(strlen(part.name.text), LPD_NAME_LEN);
	ck_assert_int_eq(parse_part(line, LPD_NAME_LEN + 4), LPD_TOO_LONG);
}
END_TEST

/* ---- what some clients do ------------------------------------------------ */

START_TEST(point_34_stray_nuls_and_empty_lines_are_nothing)
{
	ck_assert_uint_eq(lpd_stray_nuls(NULL, 0), 0);
	ck_assert_uint_eq(lpd_stray_nuls(BYTES("\0")), 1);
	ck_assert_uint_eq(lpd_stray_nuls(BYTES("\0\0\0025 cfA001x\n")), 2);
	ck_assert_uint_eq(lpd_stray_nuls(BYTES("\0025 cfA001x\n\0")), 0);
	ck_assert_int_eq(PART(""), LPD_OK);
	ck_assert_int_eq(part.type, LPD_NOTHING);
	ck_assert_int_eq(PART("\r"), LPD_OK);
	ck_assert_int_eq(part.type, LPD_NOTHING);
}
END_TEST

START_TEST(point_35_receive_may_be_said_again)
{
	ck_assert_int_eq(PART("\2lobby"), LPD_OK);
	ck_assert_int_eq(part.type, LPD_AGAIN);
	ck_assert_str_eq(part.queue, "lobby");
	ck_assert_int_eq(PART("\2Front Desk \r"), LPD_OK);
	ck_assert_int_eq(part.type, LPD_AGAIN);
	ck_assert_str_eq(part.queue, "Front Desk");
	ck_assert_int_eq(PART("\0029100"), LPD_OK);
	ck_assert_int_eq(part.type, LPD_AGAIN);
	ck_assert_str_eq(part.queue, "9100");
	ck_assert_int_eq(PART("\2../lobby"), LPD_BAD_QUEUE);
}
END_TEST

START_TEST(every_verdict_has_words)
{
	ck_assert_uint_gt(strlen(lpd_verdict_text((enum lpd_verdict)_i)), 5);
}
END_TEST

static Suite *
lpd_parse_suite(void)
{
	Suite *suite = suite_create("lpd_parse");
	TCase *tcase;

	tcase = tcase_create("lines");
	tcase_add_loop_test(tcase, point_03_operands_are_apart_by_any_blanks,
	    0, 5);
	tcase_add_test(tcase, point_03_a_line_is_there_when_its_lf_is);
	tcase_add_test(tcase,
	    point_05_the_longest_line_is_taken_and_a_longer_one_is_not);
	tcase_add_test(tcase, point_05_a_list_as_long_as_a_line_can_hold);
	tcase_add_test(tcase, point_05_a_nul_is_in_no_line);
	tcase_add_loop_test(tcase, every_verdict_has_words, 0,
	    LPD_VERDICT_END);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("queues");
	tcase_add_loop_test(tcase, point_06_what_the_name_of_a_queue_can_be,
	    0, COUNT(queue_names));
	tcase_add_loop_test(tcase, point_06_a_queue_is_always_named,
	    LPD_START, LPD_REMOVE + 1);
	tcase_add_test(tcase, point_06_the_longest_name);
	tcase_add_test(tcase, point_06_case_counts_or_does_not);
	tcase_add_test(tcase, point_06_a_name_may_be_in_quotes);
	tcase_add_loop_test(tcase, options_may_stand_in_the_name_of_a_queue,
	    0, COUNT(options));
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("commands");
	tcase_add_loop_test(tcase,
	    point_07_the_first_octet_tells_other_protocols, 0, 256);
	tcase_add_test(tcase, point_07_so_does_an_empty_line);
	tcase_add_test(tcase, point_11_start);
	tcase_add_test(tcase, point_12_receive);
	tcase_add_test(tcase, point_14_status_with_and_without_a_list);
	tcase_add_test(tcase, point_15_long_status);
	tcase_add_test(tcase,
	    point_16_digits_are_a_job_and_all_else_is_a_user);
	tcase_add_test(tcase, point_18_remove_names_its_agent);
	tcase_add_loop_test(tcase,
	    point_19_what_is_lprngs_own_is_known_and_refused, 6, 11);
	suite_add_tcase(suite, tcase);

	tcase = tcase_create("parts");
	tcase_add_test(tcase, point_20_abort);
	tcase_add_test(tcase, point_21_a_control_file);
	tcase_add_test(tcase,
	    point_21_a_control_file_has_a_limit_and_is_refused_at_once);
	tcase_add_loop_test(tcase, point_22_sizes, 0, COUNT(sizes));
	tcase_add_test(tcase, point_22_a_data_file_has_a_size_and_a_name);
	tcase_add_loop_test(tcase, point_24_names_of_files, 0, COUNT(names));
	tcase_add_test(tcase, point_24_the_longest_name);
	tcase_add_test(tcase,
	    point_34_stray_nuls_and_empty_lines_are_nothing);
	tcase_add_test(tcase, point_35_receive_may_be_said_again);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(lpd_parse_suite());
}
