/*
 * lpd_control - the control file of an LPD job: who prints what, and how.
 *
 *	Hhost            whose job it is
 *	Palice
 *	JMinutes
 *	ldfA123host      print this data file; twice is two copies
 *	ldfA123host
 *	UdfA123host
 *	Nminutes.ps      its name with the client
 *
 * Lines come in any order, with CR or without, with blanks at their ends and
 * NULs anywhere; hardly one is always there.  What is not understood is kept
 * as it came.
 *
 * Lifecycle  lpd_control_parse() .. lpd_control_free().
 * Ownership  The struct owns its texts.  It is made in three allocations, of
 *            the size of the file but for a fixed part.
 * Errors     A verdict other than LPD_OK, and no struct.
 * Threads    Any.
 */
#ifndef LPD_CONTROL_H
#define LPD_CONTROL_H

#include "lpd_parse.h"

#define LPD_FILES_MAX		256
#define LPD_PRINT_LINES_MAX	1000
/* More of a text is cut off. */
#define LPD_TEXT_LEN		1023

/* A data file that is to be printed. */
struct lpd_file {
	const char	*name;		/* as in the subcommand that sent it */
	char		 format;	/* letter of its first print line */
	uint32_t	 copies;	/* how many print lines there were */
	const char	*source;	/* N, T: its name and title; or NULL */
	const char	*title;
};

/* Texts are NULL where there was no such line, or nothing in it. */
struct lpd_control {
	const char	*host;		/* H: a claim; NULL: the peer's */
	const char	*user;		/* P: a claim; "anonymous" by default */
	const char	*job_name;	/* J */
	const char	*job_class;	/* C */
	const char	*title;		/* J, or the first T, or the first N
					 * there is, or "" */
	const char	*banner;	/* L: wanted, with this user on it */
	const char	*mail;		/* M: wanted, to this user */
	const char	*link;		/* S */
	const char	*fonts[4];	/* 1 to 4: troff's */
	uint32_t	 indent;	/* I: columns; 0: not said */
	uint32_t	 width;		/* W: columns; 0: not said */
	size_t		 n_files;
	struct lpd_file	 files[LPD_FILES_MAX];	/* by their first print line */
	char		*others;	/* owned; lines that are none of these,
					 * in order, each with its LF; or "" */
	char		*text;		/* owned; what the others point to */
};

/* Whatever is wrong is LPD_TOO_LARGE, _TOO_MANY, _TOO_LONG or _NO_MEMORY. */
enum lpd_verdict lpd_control_parse(const char *bytes, size_t n,
    struct lpd_control **control) __attribute__((warn_unused_result));
void lpd_control_free(struct lpd_control *control);

/*
 * The MIME type that a print line asks for.  "f" is text, in theory; many have
 * always sent all they print as that: text_is_raw.  "r" has no type that is
 * registered: it gets text/x-asa, after the program that can read it.
 */
const char *lpd_format(char letter, bool text_is_raw);

#endif /* LPD_CONTROL_H */
