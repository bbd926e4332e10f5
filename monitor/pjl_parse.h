/*
 * pjl_parse - what a printer says in PJL, without I/O.
 *
 * A message is a line that begins with "@PJL", lines with a value each, and a
 * form feed; the answer to PCL's question for memory is the same with "PCL" as
 * its first line.  Whatever else comes, such as the chatter of a PostScript
 * interpreter, is passed over.
 *
 * Lifecycle  A zeroed parser or filter is ready, and is never through.
 * Ownership  Memory is the caller's.  A message lives until the call-back
 *            returns.
 * Errors     None: a line that makes no sense says nothing, and one that is
 *            too long is cut off.  A message that another one interrupts was
 *            not whole, and is dropped.
 */
#ifndef PJL_PARSE_H
#define PJL_PARSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor.h"

enum pjl_kind {
	PJL_OTHER,
	PJL_DEVICE,		/* USTATUS DEVICE: how it is has changed */
	PJL_TIMED,		/* USTATUS TIMED: how it is, now and then */
	PJL_STATUS,		/* INFO STATUS: how it is, when asked */
	PJL_JOB,		/* USTATUS JOB: one starts or ends */
	PJL_PAGE,		/* USTATUS PAGE: one is out */
	PJL_ID,			/* INFO ID */
	PJL_MEMORY,		/* INFO MEMORY */
	PJL_PCL_MEMORY		/* PCL's answer to "ESC * s 1 M" */
};

/* What a message has said. */
#define PJL_HAS_CODE	0x001u
#define PJL_HAS_ONLINE	0x002u
#define PJL_HAS_DISPLAY	0x004u
#define PJL_HAS_START	0x008u
#define PJL_HAS_END	0x010u
#define PJL_HAS_CANCEL	0x020u	/* at the printer's panel */
#define PJL_HAS_NAME	0x040u
#define PJL_HAS_PAGES	0x080u
#define PJL_HAS_TOTAL	0x100u
#define PJL_HAS_LARGEST	0x200u
#define PJL_HAS_TEXT	0x400u	/* a line in quotes: INFO ID */

/* Longest text with NUL; printable ASCII, all else has become "?". */
#define PJL_TEXT_SIZE	96

struct pjl_message {
	enum pjl_kind	 kind;
	uint32_t	 has;		/* PJL_HAS_* */
	uint32_t	 code;
	bool		 online;
	char		 display[PJL_TEXT_SIZE];
	char		 name[PJL_TEXT_SIZE];	/* of the job */
	char		 text[PJL_TEXT_SIZE];
	uint32_t	 pages;		/* of a job, or the page's number */
	uint32_t	 total, largest; /* memory, bytes */
};

/* Longest line that is looked at. */
#define PJL_LINE_LEN	256

struct pjl_parser {
	bool			 inside;	/* a message, after its head */
	char			 line[PJL_LINE_LEN + 1];
	size_t			 line_len;	/* more than LINE_LEN: cut */
	struct pjl_message	 message;
};

typedef void pjl_message_fn(void *arg, const struct pjl_message *message);

/* Feed what was read, split in any way. */
void pjl_parse(struct pjl_parser *parser, const char *bytes, size_t n,
    pjl_message_fn *fn, void *arg);

/* What is said unasked is for us; the rest is for who has asked. */
struct pjl_filter {
	bool	 inside;	/* a message that is for us */
	bool	 in_line;
	size_t	 held;		/* bytes that may be its head */
	size_t	 dropped;	/* of it, so far */
};

/* How many bytes more than it is given a filter may give at a time. */
#define PJL_FILTER_HELD	16

/* From in to out, which has room for n + PJL_FILTER_HELD; how many are out. */
size_t pjl_filter(struct pjl_filter *filter, const char *in, size_t n,
    char *out);

/*
 * The port's status by PJL's code.  false: the code is not about the device,
 * which is as it was.
 */
bool pjl_code_status(uint32_t code, enum pp_port_status *status,
    enum pp_severity *severity);

/* Does an IEEE-1284 device id say PJL: 1 yes, 0 no, -1 it does not say? */
int pjl_id_speaks(const char *id);

#endif /* PJL_PARSE_H */
