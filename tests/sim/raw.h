/*
 * raw - a RAW printer for unit tests: a thread behind a port of 127.0.0.1.
 *
 * It takes one connection after the other, as printers do, and keeps what it
 * reads.  How it behaves is set before raw_start().
 *
 * Lifecycle  raw_start() .. raw_stop(), which also ends a connection.
 * Ownership  Owns what it has read.  Habits are copied, their text borrowed.
 * Errors     What cannot be done ends the test.
 * Threads    All functions are for the test's thread.
 *
 *	struct raw *printer = raw_start(&(struct raw_habits){ 0 });
 *	... print to raw_port(printer) ...
 *	raw_wait_connections(printer, 1);
 *	ck_assert(raw_has(printer, "Hello", 5));
 *	raw_stop(printer);
 */
#ifndef RAW_H
#define RAW_H

#include <stdbool.h>
#include <stddef.h>

/* What it does when it has read `limit` bytes of a connection. */
enum raw_act {
	RAW_READ_ON,	/* nothing special */
	RAW_WAIT,	/* neither reads nor closes before raw_go() */
	RAW_CLOSE,
	RAW_RESET	/* closes with RST */
};

struct raw_habits {
	bool		 ipv6;		/* on ::1 instead */
	size_t		 limit;
	enum raw_act	 at_limit;
	enum raw_act	 at_end;	/* of the client's stream; READ_ON:
					   close */
	const char	*says;		/* as soon as it is connected */
	const char	*says_last;	/* at the end of the client's stream */
	size_t		 chatter;	/* so many bytes it says then, before
					   it reads anything */
	int		 receive_buffer; /* SO_RCVBUF; 0: the system's */
};

struct raw;

struct raw *raw_start(const struct raw_habits *habits);
void raw_stop(struct raw *printer);
/* Go on reading, or close, if it waits. */
void raw_go(struct raw *printer);

/* The port's number, as the setting has it. */
const char *raw_port(const struct raw *printer);

/* Wait until so many connections have come to their end. */
void raw_wait_connections(struct raw *printer, size_t n);
/* Wait until so many bytes were read from all of them together. */
void raw_wait_bytes(struct raw *printer, size_t n);
/* Wait until it waits, at its limit or at an end. */
void raw_wait_waiting(struct raw *printer);
size_t raw_connections(struct raw *printer);
/* Was exactly this read, from all connections together? */
bool raw_has(struct raw *printer, const void *bytes, size_t len);
/* How many connections were ended by the client with a reset. */
size_t raw_resets(struct raw *printer);

#endif /* RAW_H */
