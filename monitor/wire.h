/*
 * wire - what printportd and a port host say to each other.
 *
 * One SOCK_SEQPACKET socketpair per host; a message is one packet: a type,
 * then fields in the order given below.  Job bytes never travel here: a
 * document goes over as a descriptor (SCM_RIGHTS).
 *
 * Lifecycle  wire_begin() -> wire_put_*() -> wire_send() for a message out;
 *            wire_recv() -> wire_get_*() -> wire_done() for one in.
 * Ownership  A struct wire owns nothing but the descriptors that came in and
 *            were not taken with wire_take_fd(); wire_drop_fds() closes them.
 *            Strings got from a message live until the next wire_recv().
 * Errors     Puts and gets are unchecked one by one: a message that ran over
 *            its end, or is not used up, fails in wire_send() and wire_done()
 *            with EMSGSIZE and EBADMSG.  Each end checks all it gets.
 * Threads    None.
 * Units      Times are milliseconds.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Both ends are installed together; a host of another version is refused. */
#define WIRE_VERSION	1u

#define WIRE_MSG_LEN	65536	/* longest message */
#define WIRE_FDS	64	/* most descriptors in one (kernel: 253) */

/* Descriptors of a fresh port host. */
#define WIRE_FD_CONTROL	3	/* the socketpair */
#define WIRE_FD_BOARD	4	/* memfd with a struct wire_board */

enum wire_type {
	/* daemon -> host */
	WIRE_SETUP	= 1,	/* u32 version, str instance, u32 uid, u32 n,
				   n * str directory, str monitor, str language
				   monitor or "", u32 number of PORTs to come;
				   after the last of them -> READY */
	WIRE_PORT	= 2,	/* str name, str file, u32 write_timeout,
				   u32 stall_timeout, u32 answer_wait,
				   u32 n, n * (str key, str value, u32 line) */
	WIRE_CHECK	= 3,	/* judge the ports so far -> PROBLEM*, RESULT */
	WIRE_DOCS	= 4,	/* u32 n, n * document; n descriptors */
	WIRE_CANCEL	= 5,	/* u64 job, u32 PP_JOB_* to add; below */
	WIRE_CLOSE	= 6,	/* close the port and exit */
	WIRE_ENUM	= 7,	/* -> RESULT u32 n, n * (str name, str monitor,
				   str description) */
	WIRE_XCV_OPEN	= 8,	/* str object, u32 access -> RESULT u64 handle */
	WIRE_XCV_DATA	= 9,	/* u64 handle, str name, bytes in, u32 out_size
				   -> RESULT u32 needed, bytes out */
	WIRE_XCV_CLOSE	= 10,	/* u64 handle -> RESULT */
	WIRE_ANSWER	= 11,	/* i32 code: of STORE, REMOVE or EXISTS */

	/* host -> daemon */
	WIRE_READY	= 32,	/* i32 code, str text: modules loaded, or not */
	WIRE_PROBLEM	= 33,	/* str port, str key or "", u32 line, str text */
	WIRE_RESULT	= 34,	/* i32 code, str text, then as asked */
	WIRE_OPENED	= 35,	/* i32 code, str text: of open_port */
	WIRE_DOCS_DONE	= 36,	/* u32 n, n * outcome */
	WIRE_STATUS	= 37,	/* str port, u32 status, u32 severity, str text */
	WIRE_LOG	= 38,	/* u32 level, str text */
	WIRE_STORE	= 39,	/* str port, u32 n, n * (str, str) -> ANSWER */
	WIRE_REMOVE	= 40,	/* str port -> ANSWER */
	WIRE_EXISTS	= 41,	/* str port -> ANSWER (0 or 1) */
	WIRE_CLOSED	= 42,	/* i32 code: port closed, about to exit */
	WIRE_SUPPLIES	= 43,	/* u32 n, n * (str name, u32 percent + 1) */
	WIRE_SENT	= 44,	/* u64 job, u64 written: all of it is in the
				   port; its outcome follows, in some time */
	WIRE_TYPE_END		/* one more than the last */
};

/* Flags of a document. */
#define WIRE_DOC_IDLE_ENDS	0x1u	/* silence ends the job, client stays */
#define WIRE_DOC_RESET_ENDS	0x2u	/* RST ends the job as an end would */
#define WIRE_DOC_ANSWERS	0x4u	/* send read_port's bytes to the client */
#define WIRE_DOC_RESTARTED	0x8u	/* sent before, at least in part */
#define WIRE_DOC_SENT_ENDS	0x10u	/* its pages are not waited for */

/* A flag of CANCEL: of a document that was not started, and of no other. */
#define WIRE_CANCEL_WAITING	0x80000000u

/* A document in DOCS.  The client's socket is its descriptor. */
struct wire_doc {
	uint64_t	 job;
	uint32_t	 flags;		/* WIRE_DOC_* */
	uint32_t	 idle_timeout_ms; /* 0: never */
	int64_t		 submitted;	/* seconds since 1970 */
	const char	*queue;
	const char	*user;
	const char	*host;
	const char	*title;
	const char	*datatype;
	const char	*name;		/* of the document */
	const char	*extra;		/* at most WIRE_EXTRA_LEN */
};

/* More of what a client said does not travel. */
#define WIRE_EXTRA_LEN	32768

/* How a document ended: a closed list. */
enum wire_verdict {
	WIRE_DONE	 = 0,	/* all of it is in the port */
	WIRE_NOTHING	 = 1,	/* not one byte came; nothing was started */
	WIRE_RETRY	 = 2,	/* the port failed; none of it was taken */
	WIRE_FAILED	 = 3,	/* the port failed with part of it */
	WIRE_INCOMPLETE	 = 4,	/* the client fell silent or was gone */
	WIRE_CANCELED	 = 5,
	WIRE_UNTOUCHED	 = 6,	/* was not started: as if never sent */
	WIRE_HOLD	 = 7,	/* the port is well, and will not print it */
	WIRE_DROP	 = 8,	/* nor ever will */
	WIRE_STOP	 = 9,	/* the port wants a person to look at it */
	WIRE_VERDICT_COUNT
};

struct wire_outcome {
	uint64_t		 job;
	enum wire_verdict	 verdict;
	int32_t			 code;		/* 0 or negative, the cause */
	uint32_t		 events;	/* 1 << enum pp_job_event */
	uint32_t		 open;		/* 1: the client is still there */
	uint64_t		 written;	/* bytes that the port took */
	uint64_t		 pages;		/* that it counted; 0: unknown */
	const char		*text;		/* the cause in words, or "" */
};

/*
 * The board: one shared page per host, which the host writes and the daemon
 * only reads, so that signs of life and progress cost no message, and the
 * daemon knows after a crash how far the host had come.  Documents are run in
 * the order in which they were sent; one that is SENT counts as finished, DONE.
 */
struct wire_board {
	_Atomic int64_t		alive_ms;	/* CLOCK_MONOTONIC, last sign */
	_Atomic uint32_t	call;		/* enum wire_call, 0: in none */
	_Atomic uint64_t	job;		/* in work, 0: none */
	_Atomic uint64_t	written;	/* of job, so far */
	_Atomic uint32_t	finished;	/* documents ended, wraps */
	_Atomic uint8_t		verdicts[WIRE_FDS]; /* of the n-th: n % FDS */
};

/* Calls of a module that may hang, for the log. */
enum wire_call {
	WIRE_CALL_NONE, WIRE_CALL_LOAD, WIRE_CALL_INIT, WIRE_CALL_ENUM,
	WIRE_CALL_OPEN, WIRE_CALL_START_DOC, WIRE_CALL_WRITE,
	WIRE_CALL_READ, WIRE_CALL_END_DOC, WIRE_CALL_CLOSE,
	WIRE_CALL_XCV, WIRE_CALL_SERVICE, WIRE_CALL_SHUTDOWN,
	WIRE_CALL_CHECK,
	WIRE_CALL_COUNT
};

/* A message being made or read. */
struct wire {
	size_t		len;		/* of buf, used */
	size_t		at;		/* read so far */
	bool		bad;		/* ran over, or a field was wrong */
	int		fds[WIRE_FDS];
	size_t		n_fds;
	size_t		fd_at;		/* descriptors taken so far */
	unsigned char	buf[WIRE_MSG_LEN];
};

/* Start a message of this type. */
void wire_begin(struct wire *wire, enum wire_type type);
void wire_put_u32(struct wire *wire, uint32_t value);
void wire_put_u64(struct wire *wire, uint64_t value);
/* Without the terminating NUL; NULL is "". */
void wire_put_str(struct wire *wire, const char *text);
void wire_put_bytes(struct wire *wire, const void *bytes, size_t len);
/* Send along with the message; stays the caller's. */
void wire_put_fd(struct wire *wire, int fd);
void wire_put_doc(struct wire *wire, const struct wire_doc *doc);
void wire_put_outcome(struct wire *wire, const struct wire_outcome *outcome);

/* Bytes that are still free in the message. */
size_t wire_room(const struct wire *wire);

/* 0, or -1 with errno (EAGAIN on a full non-blocking socket). */
int wire_send(struct wire *wire, int sock) __attribute__((warn_unused_result));

/*
 * Receive a message: its type, 0 at the end of the stream, -1 with errno
 * (EAGAIN, EBADMSG for one that is no message).
 */
int wire_recv(struct wire *wire, int sock) __attribute__((warn_unused_result));
uint32_t wire_get_u32(struct wire *wire);
uint64_t wire_get_u64(struct wire *wire);
/* NUL-terminated, "" if the message is bad; never NULL. */
const char *wire_get_str(struct wire *wire);
const void *wire_get_bytes(struct wire *wire, size_t *len);
/* The next descriptor, now the caller's; -1 and bad if there is none. */
int wire_take_fd(struct wire *wire);
void wire_get_doc(struct wire *wire, struct wire_doc *doc);
void wire_get_outcome(struct wire *wire, struct wire_outcome *outcome);

/* 0 if the message was well-formed and used up, else -1 with EBADMSG. */
int wire_done(struct wire *wire) __attribute__((warn_unused_result));
void wire_drop_fds(struct wire *wire);

/* Static words for logs. */
const char *wire_type_name(int type);
const char *wire_verdict_name(enum wire_verdict verdict);
const char *wire_call_name(uint32_t call);

#endif /* WIRE_H */
