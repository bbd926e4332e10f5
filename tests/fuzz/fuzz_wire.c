/*
 * fuzz_wire.c - a packet from a port host, or to one.
 *
 * The first byte says how many descriptors come along; the rest is the packet.
 * Whatever it is, no descriptor stays open, and what was good can be sent
 * again.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "monitor/wire.h"
#include "tests/fuzz/target.h"

static int socks[2];
static struct wire in, out;

static void
put_packet(const uint8_t *data, size_t size, size_t n_fds)
{
	size_t len = size < sizeof(out.buf) ? size : sizeof(out.buf);

	wire_begin(&out, WIRE_SETUP);
	memcpy(out.buf, data, len);
	out.len = len;
	while (n_fds-- > 0)
		wire_put_fd(&out, STDIN_FILENO);
}

/*
 * The fields of a message, a letter each: "u" 32 bits, "q" 64 bits, "s" text,
 * "b" bytes, "d" a document with its descriptor, "o" an outcome; "(...)" as
 * often as the 32 bits before it say.
 */
static const char *const forms[WIRE_TYPE_END] = {
	[WIRE_SETUP] = "usuu(s)ssu",	[WIRE_PORT] = "ssuuuu(ssu)",
	[WIRE_CHECK] = "",		[WIRE_DOCS] = "u(d)",
	[WIRE_CANCEL] = "qu",		[WIRE_CLOSE] = "",
	[WIRE_ENUM] = "",		[WIRE_XCV_OPEN] = "su",
	[WIRE_XCV_DATA] = "qsbu",	[WIRE_XCV_CLOSE] = "q",
	[WIRE_ANSWER] = "u",		[WIRE_READY] = "us",
	[WIRE_PROBLEM] = "ssus",	[WIRE_RESULT] = "usub",
	[WIRE_OPENED] = "us",		[WIRE_DOCS_DONE] = "u(o)",
	[WIRE_STATUS] = "suus",		[WIRE_LOG] = "us",
	[WIRE_STORE] = "su(ss)",	[WIRE_REMOVE] = "s",
	[WIRE_EXISTS] = "s",		[WIRE_CLOSED] = "us",
	[WIRE_SUPPLIES] = "u(su)",	[WIRE_SENT] = "qq",
};

static void
pass_doc(void)
{
	struct wire_doc doc;
	int fd;

	wire_get_doc(&in, &doc);
	wire_put_doc(&out, &doc);
	fd = wire_take_fd(&in);
	if (fd != -1)
		close(fd);
}

static void
pass_bytes(void)
{
	size_t len;
	const void *bytes = wire_get_bytes(&in, &len);

	wire_put_bytes(&out, bytes, len);
}

static void
pass_outcome(void)
{
	struct wire_outcome outcome;

	wire_get_outcome(&in, &outcome);
	if (strlen(wire_verdict_name(outcome.verdict)) == 0)
		abort();
	wire_put_outcome(&out, &outcome);
}

static uint32_t
pass_u32(void)
{
	uint32_t value = wire_get_u32(&in);

	wire_put_u32(&out, value);
	return value;
}

/* From `in` to `out`, up to the end of the form or its ")". */
static void
pass(const char *form)
{
	uint32_t last = 0;

	for (; *form != '\0' && *form != ')'; form++) {
		switch (*form) {
		case 'u':
			last = pass_u32();
			break;
		case 'q':
			wire_put_u64(&out, wire_get_u64(&in));
			break;
		case 's':
			wire_put_str(&out, wire_get_str(&in));
			break;
		case 'b':
			pass_bytes();
			break;
		case 'd':
			pass_doc();
			break;
		case 'o':
			pass_outcome();
			break;
		case '(':
			while (last-- > 0 && !in.bad)
				pass(form + 1);
			form = strchr(form, ')');
			break;
		}
	}
}

static void
receive(void)
{
	int type = wire_recv(&in, socks[1]);

	if (type <= 0)
		return;
	if (forms[type] == NULL) {
		wire_drop_fds(&in);
		return;
	}
	wire_begin(&out, (enum wire_type)type);
	pass(forms[type]);
	if (wire_done(&in) == -1)
		return;
	if (out.bad || out.len != in.len ||
	    memcmp(out.buf, in.buf, in.len) != 0)
		abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int before, after;

	if (size < 2)
		return 0;
	if (socks[1] == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET |
	    SOCK_CLOEXEC | SOCK_NONBLOCK, 0, socks) == -1)
		abort();
	before = dup(STDIN_FILENO);
	close(before);
	put_packet(data + 1, size - 1, data[0] % (WIRE_FDS + 1));
	if (wire_send(&out, socks[0]) == 0)
		receive();
	after = dup(STDIN_FILENO);
	close(after);
	if (before != after)
		abort();
	return 0;
}
