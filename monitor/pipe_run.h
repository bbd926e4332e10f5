/*
 * pipe_run - a program that runs, and the keeper that stands over it.
 *
 *	port host --- keeper --- program (leads a session of its own)
 *	    |            |           |
 *	    +-- ctl -----+           |	words, both ways
 *	    +-- in, out, err, back --+
 *
 * The keeper is a process between the two.  It holds the document's pipe open
 * until it is told that all is in: so a program never takes the death of the
 * port host for the end of its document, and is killed instead, with all that
 * it has started.  It is the keeper, too, that signals the program, which it
 * has not reaped then, so that no signal reaches a stranger.
 *
 * Lifecycle  pipe_run_start() .. pipe_run_free(), which ends what still runs
 *            without grace.
 * Errors     Negative errno.
 * Blocking   None blocks but for pipe_run_free(), and that for a moment.
 */
#ifndef PIPE_RUN_H
#define PIPE_RUN_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "pipe_words.h"

/* What to run, and how. */
struct pipe_order {
	const char	*path;		/* borrowed, as are all */
	const char	*directory;
	struct pipe_list arguments;
	struct pipe_list environment;
	bool		 backend;	/* with descriptors 3 and 4 of CUPS */
	bool		 back;		/* its answers are wanted */
	int64_t		 max_memory;	/* bytes; 0: any */
	int64_t		 max_cpu_s;	/* 0: any */
	int64_t		 max_files;	/* 0: as many as we may */
	int		 nice;
};

/* What a program that could not be started failed at. */
enum pipe_step {
	PIPE_STEP_FORK,
	PIPE_STEP_DIRECTORY,
	PIPE_STEP_LIMITS,
	PIPE_STEP_EXEC,
};

struct pipe_run {
	pid_t		 keeper;	/* 0: nothing runs */
	int		 ctl;		/* to it; all these owned, -1: none */
	int		 in;		/* to write the document to */
	int		 in_read;	/* its other end, to see what is left */
	int		 out, err;	/* what it prints */
	int		 back;		/* what it answers; or -1 */
	int		 side;		/* other end of its descriptor 4 */
	int		 watch;		/* epoll: it has said something */
	int		 room;		/* epoll: that, or in takes bytes */

	bool		 started;	/* it has been executed */
	pid_t		 program;	/* the keeper's child, if started */
	bool		 ended;
	bool		 lost;		/* the keeper is gone without a word */
	int		 status;	/* of waitpid, if not lost */
	int		 error;		/* 0, or why it was not started */
	enum pipe_step	 step;		/* and at what it failed */
};

/* All descriptors -1. */
void pipe_run_init(struct pipe_run *run);

/* Whether it could be executed is heard later: run->started, or ended. */
int pipe_run_start(struct pipe_run *run, const struct pipe_order *order)
    __attribute__((warn_unused_result));

/* Take what the keeper has said. */
void pipe_run_hear(struct pipe_run *run);

/* The document is in, whole. */
void pipe_run_finish(struct pipe_run *run);
/* Ask it to end (SIGTERM), or end it (SIGKILL), with its process group. */
void pipe_run_ask(struct pipe_run *run);
void pipe_run_kill(struct pipe_run *run);

/* Close one of run->out, err, back, which says no more. */
void pipe_run_deaf(struct pipe_run *run, int *fd);
/* Bytes of the document that it has not read. */
size_t pipe_run_unread(const struct pipe_run *run);

void pipe_run_free(struct pipe_run *run);

#endif /* PIPE_RUN_H */
