/*
 * lpd_parse - what LPD clients say in their lines (RFC 1179, and in practice).
 *
 *	command:     02 queue LF                     lpd_command_parse()
 *	subcommand:  03 count SP dfA123host LF       lpd_part_parse()
 *
 * Pure: bytes in, a struct out; nothing is read, written or looked up.  The
 * control file has a parser of its own, lpd_control.h.
 *
 * Lifecycle  None: structs are the caller's.
 * Ownership  Pointers in a struct go to text in the same struct, so it is not
 *            copied by assignment.  No other memory is used.
 * Errors     A verdict other than LPD_OK; the struct is of no use then.
 * Threads    Any.
 *
 * All that is here is what a client claims.  Names are names: none of them is
 * a path, whatever it looks like, and bytes above 0x7f are in a code of the
 * client's.
 */
#ifndef LPD_PARSE_H
#define LPD_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LPD_LINE_LEN	1024	/* of a line, without its end */
#define LPD_NAME_LEN	255	/* of a queue or file */
#define LPD_LIST_MAX	(LPD_LINE_LEN / 2)
#define LPD_COPIES_MAX	1000
/* Of a control file; no client's is near. */
#define LPD_CONTROL_LEN	((size_t)256 << 10)

enum lpd_verdict {
	LPD_OK,
	LPD_ALIEN,		/* another protocol altogether */
	LPD_UNSUPPORTED,	/* a command of LPRng's own, 06 to 0a */
	LPD_MALFORMED,		/* an operand is missing, or a NUL is in it */
	LPD_BAD_QUEUE,		/* a name that no queue can have */
	LPD_BAD_OPTION,		/* behind a '+' of the queue */
	LPD_BAD_SIZE,		/* no digits, or 2^64 and more */
	LPD_TOO_LONG,		/* a line or a name */
	LPD_TOO_LARGE,		/* a control file */
	LPD_TOO_MANY,		/* data files or print lines */
	LPD_TOO_MUCH,		/* incomplete jobs on one connection */
	LPD_NO_MEMORY,
	LPD_VERDICT_END		/* one more than the last */
};

/* In words, for the log and for clients that show them. */
const char *lpd_verdict_text(enum lpd_verdict verdict);

/* ---- lines --------------------------------------------------------------- */

/*
 * The octet that a connection begins with decides at once: what speaks another
 * protocol may never send a line.
 */
bool lpd_is_alien(char first);

enum lpd_framing {
	LPD_WHOLE,	/* there is a line: len bytes, used with its end */
	LPD_PART,	/* more is needed */
	LPD_OVERLONG	/* there is no end where one must be */
};

/* The first line of n bytes. */
enum lpd_framing lpd_line(const char *bytes, size_t n, size_t *len,
    size_t *used);

/*
 * NULs that stand where a subcommand should begin: some clients send one too
 * many.  They mean nothing.
 */
size_t lpd_stray_nuls(const char *bytes, size_t n);

/* ---- commands ------------------------------------------------------------ */

enum lpd_verb {
	LPD_START = 1,		/* print what waits */
	LPD_RECEIVE,		/* a job comes */
	LPD_STATUS,		/* short: one line for each job */
	LPD_STATUS_LONG,
	LPD_REMOVE
};

/* Jobs that are meant: one by number, or those of a user. */
struct lpd_item {
	const char	*text;
	bool		 is_number;
	uint64_t	 number;
};

struct lpd_command {
	enum lpd_verb	 verb;
	const char	*queue;		/* with its options, if any */
	const char	*agent;		/* LPD_REMOVE: who wants it */
	size_t		 n_items;
	struct lpd_item	 items[LPD_LIST_MAX];
	char		 text[LPD_LINE_LEN + 1];
};

/* line: without its end; a CR there is no part of it. */
enum lpd_verdict lpd_command_parse(const char *line, size_t len,
    struct lpd_command *command) __attribute__((warn_unused_result));

/* ---- queues -------------------------------------------------------------- */

/*
 * "lobby+copies=2+hold": a client that can say nothing else says it in the
 * name.  A queue whose own name has a '+' is to be looked for first.
 */
struct lpd_queue {
	const char	*name;
	uint32_t	 copies;	/* 0: not said */
	bool		 hold;
	char		 text[LPD_NAME_LEN + 1];
};

/* An option that is not known is refused: it would print something else. */
enum lpd_verdict lpd_queue_parse(const char *text, struct lpd_queue *queue)
    __attribute__((warn_unused_result));

/* Hosts that know upper case only are why case may be ignored. */
bool lpd_queue_is(const char *asked, const char *name, bool any_case);

/* ---- parts of a job ------------------------------------------------------ */

/*
 * "dfA123host.example": data file A of job 123.  Other forms are kept as text
 * and do as well; then formed is false, and the rest is 0.
 */
struct lpd_name {
	const char	*text;
	bool		 formed;
	bool		 is_control;	/* cf, not df */
	char		 letter;
	uint32_t	 number;	/* as claimed; not unique */
	const char	*host;		/* "" if there is none */
};

/* The struct borrows the text. */
void lpd_name_parse(const char *text, struct lpd_name *name);

enum lpd_length {
	LPD_STATED,	/* size bytes, then a NUL */
	LPD_ZERO,	/* 0 bytes, or up to the end of the connection */
	LPD_UNKNOWN	/* a size that means "I do not know": up to the end
			 * of the connection.  size is what was said */
};

/*
 * From here on nobody means it.  CUPS says 999999999999, Windows without byte
 * counting more; 2^31 - 1 and 2^32 - 1 are "unknown" as well.
 */
#define LPD_UNKNOWN_FROM	UINT64_C(999999999999)

enum lpd_part_type {
	LPD_ABORT,		/* forget what came of this job */
	LPD_CONTROL_FILE,
	LPD_DATA_FILE,
	LPD_AGAIN,		/* "02 queue" in the middle: goes on, if it is
				 * the same queue */
	LPD_NOTHING		/* an empty line */
};

struct lpd_part {
	enum lpd_part_type type;
	enum lpd_length	 length;
	uint64_t	 size;
	struct lpd_name	 name;		/* of a file */
	const char	*queue;		/* LPD_AGAIN; else NULL */
	char		 text[LPD_LINE_LEN + 1];
};

enum lpd_verdict lpd_part_parse(const char *line, size_t len,
    struct lpd_part *part) __attribute__((warn_unused_result));

#endif /* LPD_PARSE_H */
