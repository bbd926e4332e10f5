/*
 * lpd_talk - all that a client sends over one connection, taken apart.
 *
 * A session without sockets, for the parsers' tests: it calls them as a front
 * end does, and keeps what they say.  What is in the octets alone decides.
 *
 * Lifecycle  lpd_talk_parse() .. lpd_talk_free(), whatever came of it.
 */
#ifndef LPD_TALK_H
#define LPD_TALK_H

#include "daemon/lpd_control.h"
#include "daemon/lpd_parse.h"

#define TALK_PARTS	16	/* more are not looked at */

enum talk_end {
	TALK_DONE,	/* the client said all it wanted */
	TALK_CUT,	/* it broke off in the middle */
	TALK_REFUSED	/* at verdict */
};

/* A file, or an LPD_ABORT. */
struct talk_part {
	enum lpd_part_type type;
	char		 name[LPD_NAME_LEN + 1];
	enum lpd_length	 length;
	const char	*data;		/* borrowed */
	size_t		 size;		/* of data: what came of it */
	bool		 nul;		/* there was one behind it */
	struct lpd_control *control;	/* owned; LPD_CONTROL_FILE */
};

struct lpd_talk {
	enum talk_end	 end;
	enum lpd_verdict verdict;
	bool		 is_command;	/* command is valid */
	struct lpd_command command;
	unsigned	 n_again;
	size_t		 n_parts;
	struct talk_part parts[TALK_PARTS];
};

void lpd_talk_parse(const char *bytes, size_t n, struct lpd_talk *talk);
void lpd_talk_free(struct lpd_talk *talk);

/* What was sent under this name, last; NULL: nothing. */
const struct talk_part *lpd_talk_data(const struct lpd_talk *talk,
    const char *name);

#endif /* LPD_TALK_H */
