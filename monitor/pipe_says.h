/*
 * pipe_says - what a program says of its work, line by line.
 *
 * The lines are those of CUPS backends; any other line is information.
 *
 *	ERROR: INFO: DEBUG: ...		to the log, at that level
 *	STATE: +media-empty-error	to the status of the port
 *	PAGE: total 7, PAGE: 1 1	to the pages of the job
 *	ATTR: marker-levels=..		to the supplies of the port
 *
 * Reasons of STATE and supplies stay until the program, or the next one, takes
 * them back.  Only a program that runs can take an error back, so with its end
 * an error becomes a warning, and keeps no job away.
 *
 * Lifecycle  Zeroed, pipe_says_init(); for each job pipe_says_begin(), bytes,
 *            pipe_says_end().
 * Ownership  Borrows host and name of the port.
 * Limits     Of a line PIPE_LINE_LEN bytes count, and so many lines a second
 *            reach the log; the others are counted.
 */
#ifndef PIPE_SAYS_H
#define PIPE_SAYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor.h"

#define PIPE_LINE_LEN		1000
#define PIPE_LINES_PER_S	50

#define PIPE_REASONS_MAX	32
#define PIPE_REASON_LEN		63
#define PIPE_MARKER_LEN		63

struct pipe_line {
	char	 text[PIPE_LINE_LEN + 1];
	size_t	 len;
};

struct pipe_says {
	const struct pp_host	*host;		/* borrowed */
	const char		*port;		/* borrowed */
	uint64_t		 job;
	struct pipe_line	 errors, output;
	char			 last[200];	/* last complaint, or "" */
	bool			 last_is_error;	/* it said so itself */

	int64_t			 second_ms;	/* began then */
	unsigned int		 lines;		/* in it */
	uint64_t		 left_out;

	uint64_t		 pages;
	char			 reasons[PIPE_REASONS_MAX][PIPE_REASON_LEN + 1];
	size_t			 n_reasons;
	struct pp_port_info_3	 status;	/* that the host has */
	bool			 untold;	/* it has another one */
	char			 status_text[200];

	char			 markers[PP_SUPPLIES_MAX][PIPE_MARKER_LEN + 1];
	int32_t			 levels[PP_SUPPLIES_MAX];
	size_t			 n_markers, n_levels;
};

void pipe_says_init(struct pipe_says *says, const struct pp_host *host,
    const char *port);
void pipe_says_begin(struct pipe_says *says, uint64_t job);
/* Bytes of its standard error. */
void pipe_says_errors(struct pipe_says *says, const char *bytes, size_t n);
/* Bytes of its standard output, which is for the log alone. */
void pipe_says_output(struct pipe_says *says, const char *bytes, size_t n);
/* It has ended: what there is of a line is one. */
void pipe_says_end(struct pipe_says *says);

#endif /* PIPE_SAYS_H */
