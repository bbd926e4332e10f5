/*
 * check_guard.c - the first bytes of clients, and of those that are none.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/guard.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))
#define BYTES(text)	(text), sizeof(text) - 1

/*
 * What a connection begins with, and from how many bytes on that is plain;
 * before, more is wanted.  decided_at 0: never, with these bytes.
 */
struct sample {
	const char		*bytes;
	size_t			 len;
	enum guard_verdict	 verdict;
	size_t			 decided_at;
};

static const struct sample samples[] = {
	/* browsers, scanners and monitoring systems */
	{ BYTES("GET / HTTP/1.1\r\n"), GUARD_HTTP, 5 },
	{ BYTES("GET http://10.0.0.5:9100/"), GUARD_HTTP, 8 },
	{ BYTES("HEAD / HTTP/1.0\r\n"), GUARD_HTTP, 6 },
	{ BYTES("POST /print HTTP/1.1"), GUARD_HTTP, 6 },
	{ BYTES("PUT /x HTTP/1.1\r\n"), GUARD_HTTP, 5 },
	{ BYTES("DELETE /x HTTP/1.1"), GUARD_HTTP, 8 },
	{ BYTES("CONNECT a:443 HTTP"), GUARD_HTTP, 9 },
	{ BYTES("OPTIONS * HTTP/1.1"), GUARD_HTTP, 9 },
	{ BYTES("OPTIONS / HTTP/1.1"), GUARD_HTTP, 9 },
	{ BYTES("TRACE / HTTP/1.1\r\n"), GUARD_HTTP, 7 },
	{ BYTES("PATCH /x HTTP/1.1"), GUARD_HTTP, 7 },
	{ BYTES("\x16\x03\x01\x02\x00\x01\x00\x01"), GUARD_TLS, 6 },
	{ BYTES("\x16\x03\x00\x00\x2f\x01\x00\x00"), GUARD_TLS, 6 },
	{ BYTES("\x16\x03\x04\xff\xff\x01"), GUARD_TLS, 6 },

	/* jobs, some of which begin nearly like those */
	{ BYTES("%!PS-Adobe-3.0\n"), GUARD_PASS, 1 },
	{ BYTES("\x1b%-12345X@PJL\r\n"), GUARD_PASS, 1 },
	{ BYTES("\x1b@plain"), GUARD_PASS, 1 },
	{ BYTES("^XA^FO50,50"), GUARD_PASS, 1 },
	{ BYTES("\0\0\0\0"), GUARD_PASS, 1 },
	{ BYTES("\xff"), GUARD_PASS, 1 },
	{ BYTES("get / http/1.1\r\n"), GUARD_PASS, 1 },
	{ BYTES("GETTING STARTED\n"), GUARD_PASS, 4 },
	{ BYTES("GET WELL SOON\n"), GUARD_PASS, 5 },
	{ BYTES("GET help from us\n"), GUARD_PASS, 6 },
	{ BYTES("GET htup"), GUARD_PASS, 7 },
	{ BYTES("GEORGE"), GUARD_PASS, 3 },
	{ BYTES("POSTCARD"), GUARD_PASS, 5 },
	{ BYTES("POST IT NOTES"), GUARD_PASS, 6 },
	{ BYTES("PARTS LIST"), GUARD_PASS, 3 },
	{ BYTES("PRINT"), GUARD_PASS, 2 },
	{ BYTES("HEADLINE"), GUARD_PASS, 5 },
	{ BYTES("DELETED"), GUARD_PASS, 7 },
	{ BYTES("OPTIONS: none"), GUARD_PASS, 8 },
	{ BYTES("CONNECTION"), GUARD_PASS, 8 },
	{ BYTES("TRACEY"), GUARD_PASS, 6 },
	{ BYTES("GET\n"), GUARD_PASS, 4 },
	{ BYTES("\x16 a page"), GUARD_PASS, 2 },
	{ BYTES("\x16\x02\x00\x00\x00\x01"), GUARD_PASS, 2 },
	{ BYTES("\x16\x03\x05\x00\x00\x01"), GUARD_PASS, 3 },
	{ BYTES("\x16\x03\x80\x00\x00\x01"), GUARD_PASS, 3 },
	{ BYTES("\x16\x03\x03\x00\x00\x02"), GUARD_PASS, 6 },
	{ BYTES("\x15\x03\x01\x00\x02\x01"), GUARD_PASS, 1 },

	/* too little to say */
	{ BYTES(""), GUARD_MORE, 0 },
	{ BYTES("G"), GUARD_MORE, 0 },
	{ BYTES("GET"), GUARD_MORE, 0 },
	{ BYTES("GET "), GUARD_MORE, 0 },
	{ BYTES("GET htt"), GUARD_MORE, 0 },
	{ BYTES("P"), GUARD_MORE, 0 },
	{ BYTES("CONNECT "), GUARD_MORE, 0 },
	{ BYTES("\x16\x03\x01\x02\x00"), GUARD_MORE, 0 },
};

/* Each prefix in memory of just its size, so that a look beyond is seen. */
static enum guard_verdict
look_at_copy(const char *bytes, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);
	enum guard_verdict verdict;

	ck_assert_ptr_nonnull(copy);
	memcpy(copy, bytes, n);
	verdict = guard_look(copy, n);
	free(copy);
	return verdict;
}

START_TEST(every_prefix_is_told_right)
{
	const struct sample *sample = &samples[_i];
	enum guard_verdict expected;
	size_t n;

	for (n = 0; n <= sample->len; n++) {
		expected = sample->decided_at != 0 && n >= sample->decided_at ?
		    sample->verdict : GUARD_MORE;
		ck_assert_msg(look_at_copy(sample->bytes, n) == expected,
		    "the first %zu bytes of \"%s\"", n, sample->bytes);
	}
}
END_TEST

/* Whatever comes: after so many bytes a client is never made to wait. */
START_TEST(the_limit_is_always_enough)
{
	char bytes[GUARD_LEN];
	size_t i;

	for (i = 0; i < (size_t)COUNT(samples); i++) {
		memset(bytes, samples[i].len > 0 ?
		    samples[i].bytes[samples[i].len - 1] : 'x', sizeof(bytes));
		memcpy(bytes, samples[i].bytes, samples[i].len < GUARD_LEN ?
		    samples[i].len : GUARD_LEN);
		ck_assert_msg(guard_look(bytes, GUARD_LEN) != GUARD_MORE,
		    "\"%.*s\"", GUARD_LEN, bytes);
	}
}
END_TEST

START_TEST(every_first_byte_but_a_few_is_a_job)
{
	int c;
	char byte;

	for (c = 0; c < 256; c++) {
		byte = (char)c;
		ck_assert_int_eq(guard_look(&byte, 1), c != 0 &&
		    strchr("GHPDCOT\x16", c) != NULL ? GUARD_MORE :
		    GUARD_PASS);
	}
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(guard_verdict_name(GUARD_PASS), "job");
	ck_assert_str_eq(guard_verdict_name(GUARD_MORE), "unknown");
	ck_assert_str_eq(guard_verdict_name(GUARD_HTTP), "HTTP");
	ck_assert_str_eq(guard_verdict_name(GUARD_TLS), "TLS");
}
END_TEST

static Suite *
guard_suite(void)
{
	Suite *suite = suite_create("guard");
	TCase *tcase = tcase_create("guard");

	tcase_add_loop_test(tcase, every_prefix_is_told_right, 0,
	    COUNT(samples));
	tcase_add_test(tcase, the_limit_is_always_enough);
	tcase_add_test(tcase, every_first_byte_but_a_few_is_a_job);
	tcase_add_test(tcase, names);
	suite_add_tcase(suite, tcase);
	return suite;
}

int
main(void)
{
	return suite_main(guard_suite());
}
