/*
 * guard - is this the beginning of a print job?
 *
 * A browser that was made to post to port 9100, a monitoring system that asks
 * for a page there, a scanner or client that begins with TLS: each would print
 * pages of garbage.  Pure, on the first bytes of a connection.
 */
#ifndef GUARD_H
#define GUARD_H

#include <stddef.h>

/* Never more than this many bytes are needed. */
#define GUARD_LEN	16

enum guard_verdict {
	GUARD_PASS,	/* a job, as far as one can tell */
	GUARD_MORE,	/* could be the beginning of one of the others */
	GUARD_HTTP,	/* a method, a blank, and what may follow one */
	GUARD_TLS,	/* a ClientHello */
};

enum guard_verdict guard_look(const char *bytes, size_t n);

/* One static word for the log. */
const char *guard_verdict_name(enum guard_verdict verdict);

#endif /* GUARD_H */
