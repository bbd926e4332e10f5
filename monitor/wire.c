/*
 * wire.c - messages between printportd and its port hosts; see wire.h.
 *
 * A string is u32 length, bytes, NUL; so the receiver can hand out pointers
 * into the message once it has seen that the NUL is there.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "wire.h"

/* ---- out -------------------------------------------------------------- */

static void
put(struct wire *wire, const void *bytes, size_t len)
{
	if (wire->bad || len > sizeof(wire->buf) - wire->len) {
		wire->bad = true;
		return;
	}
	memcpy(wire->buf + wire->len, bytes, len);
	wire->len += len;
}

void
wire_begin(struct wire *wire, enum wire_type type)
{
	wire->len = 0;
	wire->at = 0;
	wire->bad = false;
	wire->n_fds = 0;
	wire->fd_at = 0;
	wire_put_u32(wire, (uint32_t)type);
}

void
wire_put_u32(struct wire *wire, uint32_t value)
{
	put(wire, &value, sizeof(value));
}

void
wire_put_u64(struct wire *wire, uint64_t value)
{
	put(wire, &value, sizeof(value));
}

void
wire_put_bytes(struct wire *wire, const void *bytes, size_t len)
{
	if (len >= sizeof(wire->buf)) {
		wire->bad = true;
		return;
	}
	wire_put_u32(wire, (uint32_t)len);
	if (len > 0)
		put(wire, bytes, len);
	put(wire, "", 1);
}

void
wire_put_str(struct wire *wire, const char *text)
{
	if (text == NULL)
		text = "";
	wire_put_bytes(wire, text, strlen(text));
}

void
wire_put_fd(struct wire *wire, int fd)
{
	if (wire->n_fds == WIRE_FDS) {
		wire->bad = true;
		return;
	}
	wire->fds[wire->n_fds++] = fd;
}

void
wire_put_doc(struct wire *wire, const struct wire_doc *doc)
{
	wire_put_u64(wire, doc->job);
	wire_put_u32(wire, doc->flags);
	wire_put_u32(wire, doc->idle_timeout_ms);
	wire_put_u64(wire, (uint64_t)doc->submitted);
	wire_put_str(wire, doc->queue);
	wire_put_str(wire, doc->user);
	wire_put_str(wire, doc->host);
	wire_put_str(wire, doc->title);
	wire_put_str(wire, doc->datatype);
	wire_put_str(wire, doc->name);
	wire_put_str(wire, doc->extra);
}

void
wire_put_outcome(struct wire *wire, const struct wire_outcome *outcome)
{
	wire_put_u64(wire, outcome->job);
	wire_put_u32(wire, (uint32_t)outcome->verdict);
	wire_put_u32(wire, (uint32_t)outcome->code);
	wire_put_u32(wire, outcome->events);
	wire_put_u32(wire, outcome->open);
	wire_put_u64(wire, outcome->written);
	wire_put_u64(wire, outcome->pages);
	wire_put_str(wire, outcome->text);
}

size_t
wire_room(const struct wire *wire)
{
	return sizeof(wire->buf) - wire->len;
}

int
wire_send(struct wire *wire, int sock)
{
	union {
		struct cmsghdr	header;
		char		space[CMSG_SPACE(WIRE_FDS * sizeof(int))];
	} control;
	struct iovec iov = { wire->buf, wire->len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (wire->bad) {
		errno = EMSGSIZE;
		return -1;
	}
	if (wire->n_fds > 0) {
		control.header.cmsg_level = SOL_SOCKET;
		control.header.cmsg_type = SCM_RIGHTS;
		control.header.cmsg_len =
		    CMSG_LEN(wire->n_fds * sizeof(int));
		memcpy(CMSG_DATA(&control.header), wire->fds,
		    wire->n_fds * sizeof(int));
		msg.msg_control = &control;
		msg.msg_controllen = control.header.cmsg_len;
	}
	do
		n = sendmsg(sock, &msg, MSG_NOSIGNAL);
	while (n == -1 && errno == EINTR);
	return n == -1 ? -1 : 0;
}

/* ---- in --------------------------------------------------------------- */

static void
take_descriptors(struct wire *wire, struct msghdr *msg)
{
	struct cmsghdr *c;
	size_t n, i;
	int fd;

	for (c = CMSG_FIRSTHDR(msg); c != NULL; c = CMSG_NXTHDR(msg, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		n = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(c) + i * sizeof(int),
			    sizeof(int));
			if (wire->n_fds < WIRE_FDS)
				wire->fds[wire->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

int
wire_recv(struct wire *wire, int sock)
{
	union {
		struct cmsghdr	header;
		char		space[CMSG_SPACE(WIRE_FDS * sizeof(int))];
	} control;
	struct iovec iov = { wire->buf, sizeof(wire->buf) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1,
	    .msg_control = &control, .msg_controllen = sizeof(control) };
	uint32_t type;
	ssize_t n;

	wire->at = wire->n_fds = wire->fd_at = 0;
	wire->len = 0;
	wire->bad = false;
	do
		n = recvmsg(sock, &msg, MSG_CMSG_CLOEXEC);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return (int)n;
	take_descriptors(wire, &msg);
	wire->len = (size_t)n;
	type = wire_get_u32(wire);
	if ((msg.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) || wire->bad ||
	    type == 0 || type >= WIRE_TYPE_END) {
		wire_drop_fds(wire);
		errno = EBADMSG;
		return -1;
	}
	return (int)type;
}

static void
get(struct wire *wire, void *bytes, size_t len)
{
	if (wire->bad || len > wire->len - wire->at) {
		wire->bad = true;
		memset(bytes, 0, len);
		return;
	}
	memcpy(bytes, wire->buf + wire->at, len);
	wire->at += len;
}

uint32_t
wire_get_u32(struct wire *wire)
{
	uint32_t value;

	get(wire, &value, sizeof(value));
	return value;
}

uint64_t
wire_get_u64(struct wire *wire)
{
	uint64_t value;

	get(wire, &value, sizeof(value));
	return value;
}

const void *
wire_get_bytes(struct wire *wire, size_t *len)
{
	const unsigned char *bytes;

	*len = wire_get_u32(wire);
	if (wire->bad || *len >= wire->len - wire->at ||
	    wire->buf[wire->at + *len] != '\0') {
		wire->bad = true;
		*len = 0;
		return "";
	}
	bytes = wire->buf + wire->at;
	wire->at += *len + 1;
	return bytes;
}

const char *
wire_get_str(struct wire *wire)
{
	size_t len;
	const char *text = wire_get_bytes(wire, &len);

	if (strlen(text) != len) {
		wire->bad = true;
		return "";
	}
	return text;
}

int
wire_take_fd(struct wire *wire)
{
	int fd;

	if (wire->fd_at == wire->n_fds) {
		wire->bad = true;
		return -1;
	}
	fd = wire->fds[wire->fd_at];
	wire->fds[wire->fd_at++] = -1;
	return fd;
}

void
wire_get_doc(struct wire *wire, struct wire_doc *doc)
{
	doc->job = wire_get_u64(wire);
	doc->flags = wire_get_u32(wire);
	doc->idle_timeout_ms = wire_get_u32(wire);
	doc->submitted = (int64_t)wire_get_u64(wire);
	doc->queue = wire_get_str(wire);
	doc->user = wire_get_str(wire);
	doc->host = wire_get_str(wire);
	doc->title = wire_get_str(wire);
	doc->datatype = wire_get_str(wire);
	doc->name = wire_get_str(wire);
	doc->extra = wire_get_str(wire);
}

void
wire_get_outcome(struct wire *wire, struct wire_outcome *outcome)
{
	uint32_t verdict;

	outcome->job = wire_get_u64(wire);
	verdict = wire_get_u32(wire);
	outcome->code = (int32_t)wire_get_u32(wire);
	outcome->events = wire_get_u32(wire);
	outcome->open = wire_get_u32(wire);
	outcome->written = wire_get_u64(wire);
	outcome->pages = wire_get_u64(wire);
	outcome->text = wire_get_str(wire);
	if (verdict >= WIRE_VERDICT_COUNT || outcome->open > 1 ||
	    outcome->code > 0) {
		wire->bad = true;
		verdict = WIRE_FAILED;
	}
	outcome->verdict = (enum wire_verdict)verdict;
}

int
wire_done(struct wire *wire)
{
	if (!wire->bad && wire->at == wire->len && wire->fd_at == wire->n_fds)
		return 0;
	wire_drop_fds(wire);
	errno = EBADMSG;
	return -1;
}

void
wire_drop_fds(struct wire *wire)
{
	while (wire->fd_at < wire->n_fds)
		close(wire->fds[wire->fd_at++]);
}

/* ---- words ------------------------------------------------------------ */

const char *
wire_type_name(int type)
{
	static const char *const names[WIRE_TYPE_END] = {
		[WIRE_SETUP] = "setup",		[WIRE_PORT] = "port",
		[WIRE_CHECK] = "check",		[WIRE_DOCS] = "docs",
		[WIRE_CANCEL] = "cancel",	[WIRE_CLOSE] = "close",
		[WIRE_ENUM] = "enum",		[WIRE_XCV_OPEN] = "xcv-open",
		[WIRE_XCV_DATA] = "xcv-data",	[WIRE_XCV_CLOSE] = "xcv-close",
		[WIRE_ANSWER] = "answer",	[WIRE_READY] = "ready",
		[WIRE_PROBLEM] = "problem",	[WIRE_RESULT] = "result",
		[WIRE_OPENED] = "opened",	[WIRE_DOCS_DONE] = "docs-done",
		[WIRE_STATUS] = "status",	[WIRE_LOG] = "log",
		[WIRE_STORE] = "store",		[WIRE_REMOVE] = "remove",
		[WIRE_EXISTS] = "exists",	[WIRE_CLOSED] = "closed",
		[WIRE_SUPPLIES] = "supplies",	[WIRE_SENT] = "sent",
	};

	if (type < 0 || type >= WIRE_TYPE_END || names[type] == NULL)
		return "unknown";
	return names[type];
}

const char *
wire_verdict_name(enum wire_verdict verdict)
{
	static const char *const names[WIRE_VERDICT_COUNT] = {
		[WIRE_DONE]	  = "done",
		[WIRE_NOTHING]	  = "nothing",
		[WIRE_RETRY]	  = "retry",
		[WIRE_FAILED]	  = "failed",
		[WIRE_INCOMPLETE] = "incomplete",
		[WIRE_CANCELED]	  = "canceled",
		[WIRE_UNTOUCHED]  = "untouched",
		[WIRE_HOLD]	  = "hold",
		[WIRE_DROP]	  = "drop",
		[WIRE_STOP]	  = "stop",
	};

	return names[verdict];
}

const char *
wire_call_name(uint32_t call)
{
	static const char *const names[WIRE_CALL_COUNT] = {
		[WIRE_CALL_NONE]	= "no call",
		[WIRE_CALL_LOAD]	= "loading",
		[WIRE_CALL_INIT]	= "initialize_print_monitor2",
		[WIRE_CALL_ENUM]	= "enum_ports",
		[WIRE_CALL_OPEN]	= "open_port",
		[WIRE_CALL_START_DOC]	= "start_doc_port",
		[WIRE_CALL_WRITE]	= "write_port",
		[WIRE_CALL_READ]	= "read_port",
		[WIRE_CALL_END_DOC]	= "end_doc_port",
		[WIRE_CALL_CLOSE]	= "close_port",
		[WIRE_CALL_XCV]		= "xcv_data_port",
		[WIRE_CALL_CHECK]	= "check_port",
		[WIRE_CALL_SERVICE]	= "service_port",
		[WIRE_CALL_SHUTDOWN]	= "shutdown",
	};

	return call < WIRE_CALL_COUNT ? names[call] : "unknown call";
}
