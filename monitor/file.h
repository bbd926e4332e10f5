/*
 * file - inside of the module `file`: a port, and where its documents go.
 *
 * file.c is the module; file_target.c opens, finishes and gives up what a
 * document is written to.
 *
 * Errors     Negative errno.  What fails in file_target.c has been told to the
 *            log and to the port's status.
 * Units      In the name: _ms is milliseconds.
 */
#ifndef FILE_H
#define FILE_H

#include <stdbool.h>
#include <sys/types.h>

#include "file_name.h"
#include "monitor.h"

/* What a document is written to. */
enum file_kind {
	FILE_NEW,	/* a new file in the directory, unseen until its end */
	FILE_REPLACE,	/* likewise, but it takes the place of path */
	FILE_APPEND,	/* the end of a regular file */
	FILE_STREAM	/* a FIFO or character device */
};

struct pp_port {
	struct pp_monitor	*monitor;	/* borrowed */
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*next;		/* open port of the monitor */
	char			 name[PP_PORT_NAME_LEN + 1];
	bool			 open;		/* its status may be set */
	int			 trouble;	/* code last reported, or 0 */

	/* Settings. */
	char			*target;	/* owned: directory or path */
	char			*place;		/* owned: directory of it */
	const char		*leaf;		/* in target; NULL: FILE_NEW */
	char			*pattern;	/* owned */
	bool			 sync;
	bool			 append;
	bool			 keep_aborted;
	mode_t			 mode;
	gid_t			 group;		/* (gid_t)-1: our own */
	int			 configured_ms;
	int			 asked_ms;	/* set_port_timeouts; or 0 */

	/* The directory, as long as it is the one that place names. */
	int			 dir;		/* owned; -1: not open */
	dev_t			 dir_dev;
	ino_t			 dir_ino;

	/* The document. */
	int			 fd;		/* owned; -1: no document */
	enum file_kind		 kind;
	uint64_t		 job;
	int			 error;		/* of the last write, or 0 */
	int			 timeout_ms;
	bool			 created;	/* FILE_APPEND made the file */
	off_t			 before;	/* FILE_APPEND: old length */
	char			 temp[FILE_NAME_SIZE];	/* "": has no name */
	char			 final[FILE_NAME_SIZE];	/* FILE_NEW: to be */
	char			 public[FILE_NAME_SIZE]; /* "": not seen yet */
};

/* Report a trouble to log and status; returns code. */
int file_trouble(struct pp_port *port, int code, const char *fmt, ...)
    PP_PRINTF(3, 4);
/* The same for a failed system call; what is "cannot write to". */
int file_failed(struct pp_port *port, int code, const char *what);
/* Take back what was reported. */
void file_all_well(struct pp_port *port);

/* See that the port could be used now. */
int file_target_check(struct pp_port *port);

/*
 * Open what the document, whose job and final name are set, is written to.
 * Nothing is left behind on failure.
 */
int file_target_open(struct pp_port *port);
/* Make the document whole, durable and seen.  A failure is to be given up. */
int file_target_finish(struct pp_port *port, bool restarted);
/* Take the document back as far as its kind allows. */
int file_target_give_up(struct pp_port *port);
/* Close it; the port has no document any more. */
void file_target_close(struct pp_port *port);

#endif /* FILE_H */
