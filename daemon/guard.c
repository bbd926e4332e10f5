/*
 * guard.c - see guard.h.
 */
#include <string.h>

#include "guard.h"

/* Methods of RFC 9110 with the blank, and what their target begins with. */
static const char *const methods[] = { "GET ", "HEAD ", "POST ", "PUT ",
    "DELETE ", "CONNECT ", "OPTIONS ", "TRACE ", "PATCH " };

static enum guard_verdict
look_for_method(const char *method, const char *bytes, size_t n)
{
	size_t len = strlen(method);

	if (memcmp(bytes, method, n < len ? n : len) != 0)
		return GUARD_PASS;
	if (n <= len)
		return GUARD_MORE;
	/* "/path", "http://...", "*", and host:port after CONNECT */
	if (bytes[len] == '/' || bytes[len] == '*' ||
	    strcmp(method, "CONNECT ") == 0)
		return GUARD_HTTP;
	n -= len;
	if (memcmp(bytes + len, "http", n < 4 ? n : 4) != 0)
		return GUARD_PASS;
	return n < 4 ? GUARD_MORE : GUARD_HTTP;
}

/* A record of type handshake, version 3.x, that begins with ClientHello. */
static enum guard_verdict
look_for_tls(const unsigned char *bytes, size_t n)
{
	if (bytes[0] != 0x16 || (n > 1 && bytes[1] != 0x03) ||
	    (n > 2 && bytes[2] > 0x04) || (n > 5 && bytes[5] != 0x01))
		return GUARD_PASS;
	return n > 5 ? GUARD_TLS : GUARD_MORE;
}

enum guard_verdict
guard_look(const char *bytes, size_t n)
{
	enum guard_verdict verdict;
	size_t i;

	if (n == 0)
		return GUARD_MORE;
	for (i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
		verdict = look_for_method(methods[i], bytes, n);
		if (verdict != GUARD_PASS)
			return verdict;
	}
	return look_for_tls((const unsigned char *)bytes, n);
}

const char *
guard_verdict_name(enum guard_verdict verdict)
{
	static const char *const names[] = { [GUARD_PASS] = "job",
	    [GUARD_MORE] = "unknown", [GUARD_HTTP] = "HTTP",
	    [GUARD_TLS] = "TLS" };

	return names[verdict];
}
