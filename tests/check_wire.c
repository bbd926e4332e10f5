/*
 * check_wire.c - messages between daemon and port host: what is sent arrives,
 * and what nobody should have sent is told as bad, whatever it is.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/wire.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))
#define ROUNDS		5000	/* of damaged messages */

static int socks[2];
static struct wire out, in;

/* ---- tools ---- */

static void
set_up(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX,
	    SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, socks), 0);
}

static void
tear_down(void)
{
	close(socks[0]);
	close(socks[1]);
}

static int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
pass(int type)
{
	ck_assert_int_eq(wire_send(&out, socks[0]), 0);
	ck_assert_int_eq(wire_recv(&in, socks[1]), type);
}

static void
send_raw(const void *bytes, size_t len)
{
	ck_assert_int_eq(send(socks[0], bytes, len, 0), (ssize_t)len);
}

/* The message in `out` as it is on the way, with another length. */
static int
pass_cut(size_t len)
{
	send_raw(out.buf, len);
	return wire_recv(&in, socks[1]);
}

static const struct wire_doc some_doc = {
	.job = UINT64_C(0x0123456789abcdef), .flags = WIRE_DOC_ANSWERS,
	.idle_timeout_ms = 270000, .submitted = -1, .queue = "lobby",
	.user = "", .host = "2001:db8::5", .title = "caf\xc3\xa9 \x1b[1m\n",
	.datatype = "RAW",
};

static const struct wire_outcome some_outcome = {
	.job = UINT64_MAX, .verdict = WIRE_INCOMPLETE, .code = -EPIPE,
	.events = 5, .open = 1, .written = UINT64_C(1) << 40,
	.text = "the client was gone",
};

static void
put_docs(int n)
{
	int i;

	wire_begin(&out, WIRE_DOCS);
	wire_put_u32(&out, (uint32_t)n);
	for (i = 0; i < n; i++) {
		wire_put_doc(&out, &some_doc);
		wire_put_fd(&out, socks[0]);
	}
}

static void
put_outcomes(int n)
{
	wire_begin(&out, WIRE_DOCS_DONE);
	wire_put_u32(&out, (uint32_t)n);
	while (n-- > 0)
		wire_put_outcome(&out, &some_outcome);
}

/* Read it as the receiver of such a message would. */
static int
read_as(int type)
{
	struct wire_outcome outcome;
	struct wire_doc doc;
	uint32_t n;
	int fd;

	n = wire_get_u32(&in);
	while (n-- > 0 && !in.bad) {
		if (type == WIRE_DOCS) {
			wire_get_doc(&in, &doc);
			fd = wire_take_fd(&in);
			if (fd != -1)
				close(fd);
		} else
			wire_get_outcome(&in, &outcome);
	}
	return wire_done(&in);
}

/* ---- round trips ---- */

START_TEST(numbers_arrive)
{
	static const uint64_t values[] = { 0, 1, 0x7f, 0x80, INT32_MAX,
	    UINT32_MAX, (uint64_t)UINT32_MAX + 1, INT64_MAX, UINT64_MAX };
	int i;

	wire_begin(&out, WIRE_CANCEL);
	for (i = 0; i < COUNT(values); i++) {
		wire_put_u32(&out, (uint32_t)values[i]);
		wire_put_u64(&out, values[i]);
	}
	pass(WIRE_CANCEL);
	for (i = 0; i < COUNT(values); i++) {
		ck_assert_uint_eq(wire_get_u32(&in), (uint32_t)values[i]);
		ck_assert_uint_eq(wire_get_u64(&in), values[i]);
	}
	ck_assert_int_eq(wire_done(&in), 0);
}
END_TEST

START_TEST(strings_arrive)
{
	static const char *const texts[] = { "", "a", "two\nlines",
	    "\xff\xfe not UTF-8", "with \"quotes\" and = and \\" };
	int i;

	wire_begin(&out, WIRE_PROBLEM);
	for (i = 0; i < COUNT(texts); i++)
		wire_put_str(&out, texts[i]);
	wire_put_str(&out, NULL);
	pass(WIRE_PROBLEM);
	for (i = 0; i < COUNT(texts); i++)
		ck_assert_str_eq(wire_get_str(&in), texts[i]);
	ck_assert_str_eq(wire_get_str(&in), "");
	ck_assert_int_eq(wire_done(&in), 0);
}
END_TEST

START_TEST(bytes_arrive)
{
	static const char bytes[] = "nul \0 and\0\0more";
	const void *got;
	size_t len;

	wire_begin(&out, WIRE_XCV_DATA);
	wire_put_bytes(&out, bytes, sizeof(bytes));
	wire_put_bytes(&out, NULL, 0);
	pass(WIRE_XCV_DATA);
	got = wire_get_bytes(&in, &len);
	ck_assert_uint_eq(len, sizeof(bytes));
	ck_assert_mem_eq(got, bytes, sizeof(bytes));
	(void)wire_get_bytes(&in, &len);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(wire_done(&in), 0);
}
END_TEST

START_TEST(document_arrives)
{
	struct wire_doc doc;

	wire_begin(&out, WIRE_DOCS);
	wire_put_doc(&out, &some_doc);
	pass(WIRE_DOCS);
	wire_get_doc(&in, &doc);
	ck_assert_int_eq(wire_done(&in), 0);
	ck_assert_uint_eq(doc.job, some_doc.job);
	ck_assert_uint_eq(doc.flags, some_doc.flags);
	ck_assert_uint_eq(doc.idle_timeout_ms, some_doc.idle_timeout_ms);
	ck_assert_int_eq(doc.submitted, some_doc.submitted);
	ck_assert_str_eq(doc.queue, some_doc.queue);
	ck_assert_str_eq(doc.user, some_doc.user);
	ck_assert_str_eq(doc.host, some_doc.host);
	ck_assert_str_eq(doc.title, some_doc.title);
	ck_assert_str_eq(doc.datatype, some_doc.datatype);
}
END_TEST

START_TEST(outcome_arrives)
{
	struct wire_outcome sent = some_outcome, got;

	sent.verdict = (enum wire_verdict)_i;
	wire_begin(&out, WIRE_DOCS_DONE);
	wire_put_outcome(&out, &sent);
	pass(WIRE_DOCS_DONE);
	wire_get_outcome(&in, &got);
	ck_assert_int_eq(wire_done(&in), 0);
	ck_assert_uint_eq(got.job, sent.job);
	ck_assert_int_eq(got.verdict, sent.verdict);
	ck_assert_int_eq(got.code, sent.code);
	ck_assert_uint_eq(got.events, sent.events);
	ck_assert_uint_eq(got.open, sent.open);
	ck_assert_uint_eq(got.written, sent.written);
	ck_assert_str_eq(got.text, sent.text);
}
END_TEST

START_TEST(messages_keep_their_bounds)
{
	int i;

	for (i = 1; i <= 3; i++) {
		wire_begin(&out, WIRE_LOG);
		wire_put_u32(&out, (uint32_t)i);
		ck_assert_int_eq(wire_send(&out, socks[0]), 0);
	}
	for (i = 1; i <= 3; i++) {
		ck_assert_int_eq(wire_recv(&in, socks[1]), WIRE_LOG);
		ck_assert_uint_eq(wire_get_u32(&in), (uint32_t)i);
		ck_assert_int_eq(wire_done(&in), 0);
	}
	ck_assert_int_eq(wire_recv(&in, socks[1]), -1);
	ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(end_of_the_stream_is_told)
{
	wire_begin(&out, WIRE_CLOSED);
	wire_put_u32(&out, 0);
	ck_assert_int_eq(wire_send(&out, socks[0]), 0);
	shutdown(socks[0], SHUT_RDWR);
	ck_assert_int_eq(wire_recv(&in, socks[1]), WIRE_CLOSED);
	ck_assert_int_eq(wire_recv(&in, socks[1]), 0);
	ck_assert_int_eq(wire_send(&out, socks[1]), -1);
	ck_assert_int_eq(errno, EPIPE);
}
END_TEST

/* ---- descriptors ---- */

static void
send_fds(int n)
{
	wire_begin(&out, WIRE_DOCS);
	while (n-- > 0)
		wire_put_fd(&out, socks[0]);
	pass(WIRE_DOCS);
}

START_TEST(descriptors_are_passed_in_order)
{
	struct stat a, b;
	int pipe_fds[2], got[2], before, i;

	ck_assert_int_eq(pipe2(pipe_fds, O_CLOEXEC), 0);
	before = count_fds();
	wire_begin(&out, WIRE_DOCS);
	wire_put_fd(&out, pipe_fds[0]);
	wire_put_fd(&out, socks[0]);
	pass(WIRE_DOCS);
	ck_assert_int_eq(count_fds(), before + 2);
	for (i = 0; i < 2; i++) {
		got[i] = wire_take_fd(&in);
		ck_assert_int_eq(fstat(got[i], &a), 0);
		ck_assert_int_eq(fstat(i == 0 ? pipe_fds[0] : socks[0], &b),
		    0);
		ck_assert_uint_eq(a.st_ino, b.st_ino);
		ck_assert_int_eq(fcntl(got[i], F_GETFD), FD_CLOEXEC);
	}
	ck_assert_int_eq(wire_done(&in), 0);
	close(got[0]);
	close(got[1]);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(as_many_descriptors_as_fit_are_passed)
{
	int before = count_fds(), i;

	send_fds(WIRE_FDS);
	ck_assert_int_eq(count_fds(), before + WIRE_FDS);
	for (i = 0; i < WIRE_FDS; i++)
		ck_assert_int_eq(close(wire_take_fd(&in)), 0);
	ck_assert_int_eq(wire_done(&in), 0);
}
END_TEST

START_TEST(one_descriptor_too_many_is_not_sent)
{
	int i;

	wire_begin(&out, WIRE_DOCS);
	for (i = 0; i <= WIRE_FDS; i++)
		wire_put_fd(&out, socks[0]);
	ck_assert_int_eq(wire_send(&out, socks[0]), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
}
END_TEST

START_TEST(dropped_descriptors_are_closed)
{
	int before = count_fds(), taken;

	send_fds(3);
	taken = wire_take_fd(&in);
	wire_drop_fds(&in);
	ck_assert_int_eq(count_fds(), before + 1);
	wire_drop_fds(&in);
	ck_assert_int_eq(close(taken), 0);
}
END_TEST

START_TEST(descriptors_nobody_asked_for_are_closed)
{
	int before = count_fds();

	send_fds(WIRE_FDS);
	ck_assert_int_eq(wire_done(&in), -1);
	ck_assert_int_eq(errno, EBADMSG);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(a_missing_descriptor_is_bad)
{
	send_fds(1);
	close(wire_take_fd(&in));
	ck_assert_int_eq(wire_take_fd(&in), -1);
	ck_assert_int_eq(wire_done(&in), -1);
}
END_TEST

/* The kernel takes more at a time than the wire does. */
START_TEST(more_descriptors_than_allowed_are_refused_and_closed)
{
	int before = count_fds(), many = WIRE_FDS + _i, i;
	char space[CMSG_SPACE(253 * sizeof(int))] = { 0 };
	struct cmsghdr *header = (struct cmsghdr *)(void *)space;
	uint32_t type = WIRE_DOCS;
	struct iovec iov = { &type, sizeof(type) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = space,
	    .msg_controllen = CMSG_SPACE((size_t)many * sizeof(int)) };

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN((size_t)many * sizeof(int));
	for (i = 0; i < many; i++)
		memcpy(CMSG_DATA(header) + (size_t)i * sizeof(int), socks,
		    sizeof(int));
	ck_assert_int_eq(sendmsg(socks[0], &msg, 0), sizeof(type));
	ck_assert_int_eq(wire_recv(&in, socks[1]), -1);
	ck_assert_int_eq(errno, EBADMSG);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(descriptors_of_a_message_of_no_type_are_closed)
{
	int before = count_fds();

	wire_begin(&out, WIRE_TYPE_END);
	wire_put_fd(&out, socks[0]);
	ck_assert_int_eq(wire_send(&out, socks[0]), 0);
	ck_assert_int_eq(wire_recv(&in, socks[1]), -1);
	ck_assert_int_eq(errno, EBADMSG);
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

/* ---- limits ---- */

START_TEST(a_full_message_passes)
{
	static char bytes[WIRE_MSG_LEN];
	size_t len;

	memset(bytes, 'x', sizeof(bytes));
	wire_begin(&out, WIRE_LOG);
	len = wire_room(&out) - sizeof(uint32_t) - 1;
	wire_put_bytes(&out, bytes, len);
	ck_assert_uint_eq(wire_room(&out), 0);
	pass(WIRE_LOG);
	ck_assert_uint_eq(strlen(wire_get_str(&in)), len);
	ck_assert_int_eq(wire_done(&in), 0);
}
END_TEST

START_TEST(one_byte_too_many_is_not_sent)
{
	static char bytes[WIRE_MSG_LEN];

	wire_begin(&out, WIRE_LOG);
	wire_put_bytes(&out, bytes, wire_room(&out) - sizeof(uint32_t));
	ck_assert_int_eq(wire_send(&out, socks[0]), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
}
END_TEST

/* A length that would wrap the counter must not get as far as the copy. */
START_TEST(absurd_lengths_are_not_sent)
{
	static const size_t lens[] = { WIRE_MSG_LEN, UINT32_MAX,
	    (size_t)UINT32_MAX + 1, SIZE_MAX };

	wire_begin(&out, WIRE_LOG);
	wire_put_bytes(&out, "", lens[_i]);
	ck_assert_int_eq(wire_send(&out, socks[0]), -1);
	ck_assert_int_eq(errno, EMSGSIZE);
}
END_TEST

START_TEST(a_message_that_ran_over_stays_bad_until_the_next)
{
	static char bytes[WIRE_MSG_LEN];

	wire_begin(&out, WIRE_LOG);
	wire_put_bytes(&out, bytes, sizeof(bytes) - 1);
	wire_put_u32(&out, 1);
	ck_assert_int_eq(wire_send(&out, socks[0]), -1);
	wire_begin(&out, WIRE_LOG);
	wire_put_u32(&out, 1);
	pass(WIRE_LOG);
	ck_assert_uint_eq(wire_get_u32(&in), 1);
	ck_assert_int_eq(wire_done(&in), 0);
}
END_TEST

START_TEST(a_packet_longer_than_a_message_is_bad)
{
	static unsigned char bytes[WIRE_MSG_LEN + 1] = { WIRE_LOG };

	send_raw(bytes, sizeof(bytes));
	ck_assert_int_eq(wire_recv(&in, socks[1]), -1);
	ck_assert_int_eq(errno, EBADMSG);
}
END_TEST

START_TEST(a_full_socket_is_told)
{
	int n = 0;

	wire_begin(&out, WIRE_LOG);
	while (wire_send(&out, socks[0]) == 0)
		n++;
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_int_gt(n, 0);
	while (wire_recv(&in, socks[1]) == WIRE_LOG)
		n--;
	ck_assert_int_eq(n, 0);
}
END_TEST

/* ---- nonsense ---- */

START_TEST(types_that_are_none_are_bad)
{
	static const uint32_t types[] = { 0, WIRE_TYPE_END, 0x80000000,
	    UINT32_MAX };

	send_raw(&types[_i], sizeof(types[_i]));
	ck_assert_int_eq(wire_recv(&in, socks[1]), -1);
	ck_assert_int_eq(errno, EBADMSG);
}
END_TEST

START_TEST(a_packet_too_short_for_a_type_is_bad)
{
	send_raw("\x26\0\0", (size_t)_i);
	ck_assert_int_eq(wire_recv(&in, socks[1]), -1);
	ck_assert_int_eq(errno, EBADMSG);
}
END_TEST

START_TEST(gets_beyond_the_end_give_nothing)
{
	size_t len;

	wire_begin(&out, WIRE_LOG);
	pass(WIRE_LOG);
	ck_assert_uint_eq(wire_get_u32(&in), 0);
	ck_assert_uint_eq(wire_get_u64(&in), 0);
	ck_assert_str_eq(wire_get_str(&in), "");
	ck_assert_ptr_nonnull(wire_get_bytes(&in, &len));
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(wire_done(&in), -1);
	ck_assert_int_eq(errno, EBADMSG);
}
END_TEST

START_TEST(what_is_left_over_is_bad)
{
	wire_begin(&out, WIRE_LOG);
	wire_put_u32(&out, 1);
	wire_put_u32(&out, 2);
	pass(WIRE_LOG);
	(void)wire_get_u32(&in);
	ck_assert_int_eq(wire_done(&in), -1);
	ck_assert_int_eq(errno, EBADMSG);
}
END_TEST

START_TEST(a_string_with_a_nul_inside_is_bad)
{
	wire_begin(&out, WIRE_LOG);
	wire_put_bytes(&out, "lobby\0root", 10);
	pass(WIRE_LOG);
	ck_assert_str_eq(wire_get_str(&in), "");
	ck_assert_int_eq(wire_done(&in), -1);
}
END_TEST

START_TEST(a_string_without_its_nul_is_bad)
{
	wire_begin(&out, WIRE_LOG);
	wire_put_str(&out, "lobby");
	out.buf[out.len - 1] = '!';
	pass(WIRE_LOG);
	ck_assert_str_eq(wire_get_str(&in), "");
	ck_assert_int_eq(wire_done(&in), -1);
}
END_TEST

START_TEST(a_string_longer_than_its_message_is_bad)
{
	static const uint32_t lens[] = { 6, 7, 65536, 0x7fffffff, 0x80000000,
	    UINT32_MAX - 1, UINT32_MAX };

	wire_begin(&out, WIRE_LOG);
	wire_put_str(&out, "lobby");
	memcpy(out.buf + sizeof(uint32_t), &lens[_i], sizeof(uint32_t));
	pass(WIRE_LOG);
	ck_assert_str_eq(wire_get_str(&in), "");
	ck_assert_int_eq(wire_done(&in), -1);
}
END_TEST

static void
expect_bad_outcome(const struct wire_outcome *outcome)
{
	struct wire_outcome got;

	wire_begin(&out, WIRE_DOCS_DONE);
	wire_put_outcome(&out, outcome);
	pass(WIRE_DOCS_DONE);
	wire_get_outcome(&in, &got);
	ck_assert_int_lt(got.verdict, WIRE_VERDICT_COUNT);
	ck_assert_int_eq(wire_done(&in), -1);
}

START_TEST(outcomes_out_of_range_are_bad)
{
	struct wire_outcome outcome = some_outcome;

	outcome.verdict = WIRE_VERDICT_COUNT;
	expect_bad_outcome(&outcome);
	outcome = some_outcome;
	outcome.open = 2;
	expect_bad_outcome(&outcome);
	outcome = some_outcome;
	outcome.code = 1;
	expect_bad_outcome(&outcome);
}
END_TEST

/* Every shorter message is bad; none of their descriptors stays open. */
START_TEST(cut_messages_are_bad)
{
	int before = count_fds();
	size_t len;

	put_outcomes(2);
	for (len = sizeof(uint32_t); len < out.len; len++) {
		ck_assert_int_eq(pass_cut(len), WIRE_DOCS_DONE);
		ck_assert_msg(read_as(WIRE_DOCS_DONE) == -1,
		    "%zu of %zu bytes were taken for a message", len, out.len);
	}
	put_docs(2);
	for (len = out.len - 1; len >= sizeof(uint32_t); len--) {
		out.len = len;
		pass(WIRE_DOCS);
		ck_assert_int_eq(read_as(WIRE_DOCS), -1);
	}
	ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(stretched_messages_are_bad)
{
	put_outcomes(2);
	memset(out.buf + out.len, 0, sizeof(out.buf) - out.len);
	ck_assert_int_eq(pass_cut(out.len + (size_t)_i), WIRE_DOCS_DONE);
	ck_assert_int_eq(read_as(WIRE_DOCS_DONE), -1);
}
END_TEST

/* A type of its own, so that the numbers do not depend on the C library. */
static uint32_t
next_random(uint32_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 17;
	*state ^= *state << 5;
	return *state;
}

static void
damage(uint32_t *state)
{
	uint32_t n = next_random(state) % 8 + 1;
	size_t at;

	while (n-- > 0) {
		at = sizeof(uint32_t) + next_random(state) %
		    (out.len - sizeof(uint32_t));
		out.buf[at] ^= (unsigned char)(1 << next_random(state) % 8);
	}
}

/*
 * Flipped bits may give another good message, but never one with a string or
 * a verdict that is none, and never a descriptor too many.
 */
START_TEST(damaged_messages_do_no_harm)
{
	int before = count_fds(), bad = 0, i, type;
	uint32_t state = 20260301;

	for (i = 0; i < ROUNDS; i++) {
		if (i % 2 == 0)
			put_docs(3);
		else
			put_outcomes(3);
		type = i % 2 == 0 ? WIRE_DOCS : WIRE_DOCS_DONE;
		damage(&state);
		pass(type);
		bad += read_as(type) == -1;
		ck_assert_msg(count_fds() == before,
		    "round %d left a descriptor open", i);
	}
	ck_assert_int_gt(bad, ROUNDS / 10);
	ck_assert_int_lt(bad, ROUNDS);
}
END_TEST

START_TEST(random_packets_do_no_harm)
{
	unsigned char bytes[256];
	uint32_t state = 17;
	size_t len, k;
	int i, type;

	for (i = 0; i < ROUNDS; i++) {
		len = next_random(&state) % sizeof(bytes) + 1;
		for (k = 0; k < len; k++)
			bytes[k] = (unsigned char)next_random(&state);
		if (i % 2 == 0 && len >= 4)
			memcpy(bytes, &(uint32_t){ WIRE_DOCS_DONE }, 4);
		send_raw(bytes, len);
		type = wire_recv(&in, socks[1]);
		ck_assert(type == -1 || type == WIRE_DOCS_DONE);
		if (type != -1)
			ck_assert_int_eq(read_as(WIRE_DOCS_DONE), -1);
	}
}
END_TEST

/* ---- words ---- */

START_TEST(words_for_all_and_for_what_is_none)
{
	int i;

	for (i = 0; i < WIRE_VERDICT_COUNT; i++)
		ck_assert_ptr_nonnull(
		    wire_verdict_name((enum wire_verdict)i));
	for (i = 0; i < WIRE_CALL_COUNT; i++)
		ck_assert_ptr_nonnull(wire_call_name((uint32_t)i));
	ck_assert_str_eq(wire_call_name(WIRE_CALL_COUNT), "unknown call");
	ck_assert_str_eq(wire_call_name(UINT32_MAX), "unknown call");
	for (i = WIRE_SETUP; i <= WIRE_ANSWER; i++)
		ck_assert_str_ne(wire_type_name(i), "unknown");
	for (i = WIRE_READY; i < WIRE_TYPE_END; i++)
		ck_assert_str_ne(wire_type_name(i), "unknown");
	ck_assert_str_eq(wire_type_name(-1), "unknown");
	ck_assert_str_eq(wire_type_name(WIRE_ANSWER + 1), "unknown");
	ck_assert_str_eq(wire_type_name(WIRE_TYPE_END), "unknown");
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *
wire_suite(void)
{
	Suite *suite = suite_create("wire");
	TCase *tcase;

	tcase = new_case(suite, "round_trips");
	tcase_add_test(tcase, numbers_arrive);
	tcase_add_test(tcase, strings_arrive);
	tcase_add_test(tcase, bytes_arrive);
	tcase_add_test(tcase, document_arrives);
	tcase_add_loop_test(tcase, outcome_arrives, 0, WIRE_VERDICT_COUNT);
	tcase_add_test(tcase, messages_keep_their_bounds);
	tcase_add_test(tcase, end_of_the_stream_is_told);

	tcase = new_case(suite, "descriptors");
	tcase_add_test(tcase, descriptors_are_passed_in_order);
	tcase_add_test(tcase, as_many_descriptors_as_fit_are_passed);
	tcase_add_test(tcase, one_descriptor_too_many_is_not_sent);
	tcase_add_test(tcase, dropped_descriptors_are_closed);
	tcase_add_test(tcase, descriptors_nobody_asked_for_are_closed);
	tcase_add_test(tcase, a_missing_descriptor_is_bad);
	tcase_add_loop_test(tcase,
	    more_descriptors_than_allowed_are_refused_and_closed, 1, 4);
	tcase_add_test(tcase, descriptors_of_a_message_of_no_type_are_closed);

	tcase = new_case(suite, "limits");
	tcase_add_test(tcase, a_full_message_passes);
	tcase_add_test(tcase, one_byte_too_many_is_not_sent);
	tcase_add_loop_test(tcase, absurd_lengths_are_not_sent, 0, 4);
	tcase_add_test(tcase, a_message_that_ran_over_stays_bad_until_the_next);
	tcase_add_test(tcase, a_packet_longer_than_a_message_is_bad);
	tcase_add_test(tcase, a_full_socket_is_told);

	tcase = new_case(suite, "nonsense");
	tcase_add_loop_test(tcase, types_that_are_none_are_bad, 0, 4);
	tcase_add_loop_test(tcase, a_packet_too_short_for_a_type_is_bad, 1, 4);
	tcase_add_test(tcase, gets_beyond_the_end_give_nothing);
	tcase_add_test(tcase, what_is_left_over_is_bad);
	tcase_add_test(tcase, a_string_with_a_nul_inside_is_bad);
	tcase_add_test(tcase, a_string_without_its_nul_is_bad);
	tcase_add_loop_test(tcase, a_string_longer_than_its_message_is_bad, 0,
	    7);
	tcase_add_test(tcase, outcomes_out_of_range_are_bad);
	tcase_add_test(tcase, cut_messages_are_bad);
	tcase_add_loop_test(tcase, stretched_messages_are_bad, 1, 9);
	tcase_add_test(tcase, damaged_messages_do_no_harm);
	tcase_add_test(tcase, random_packets_do_no_harm);

	tcase = new_case(suite, "words");
	tcase_add_test(tcase, words_for_all_and_for_what_is_none);
	return suite;
}

int
main(void)
{
	return suite_main(wire_suite());
}
