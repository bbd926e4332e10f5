/*
 * lpd_session - one connection of an LPD client; of the lpd_*.c alone.
 *
 * Lifecycle  Made by lpd.c when a client is accepted; each way out of it is
 *            one of the functions below that end it.
 * Ownership  Owns its socket, its buffers and its jobs (lpd_job.h); uses the
 *            configuration that it began with.
 * Threads    The loop's, only.
 */
#ifndef LPD_SESSION_H
#define LPD_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <time.h>

#include <event2/event_struct.h>

#include "document.h"
#include "frontend.h"
#include "intake.h"
#include "lpd_job.h"
#include "lpd_parse.h"
#include "lpd_queue.h"

/* A listener's. */
struct lpd {
	struct frontend		 frontend;	/* is the first */
	struct intake_house	*house;		/* borrowed */
	char			*name;		/* of the listener */
	struct shared_conf	*shared;	/* a use */
	const struct conf_listener *conf;	/* of shared */
	TAILQ_HEAD(lpd_sessions, lpd_session) sessions;	/* latest first */
	bool			 retired;
	time_t			 refusal_logged;
};

enum lpd_state {
	LPD_COMMAND_COMES,	/* the first line is pending */
	LPD_PART_COMES,		/* a subcommand, or the client's end */
	LPD_CONTROL_COMES,	/* bytes of a control file */
	LPD_DATA_COMES,		/* bytes of a data file */
	LPD_DATA_FULL,		/* room for them; the client is not read */
	LPD_NUL_COMES,		/* the NUL behind a file */
	LPD_COMMITTING,		/* the store's word on a job */
	LPD_ASKING,		/* an answer of the store's or dispatcher's */
	LPD_TELLING,		/* that the client takes the rest of a text */
	LPD_DELAYING,		/* the time until a refusal */
	LPD_PARTING		/* the client's end, after ours */
};

enum lpd_step {
	LPD_STEP_ON,		/* another one */
	LPD_STEP_INPUT,		/* bytes are needed */
	LPD_STEP_STOP		/* something else is pending, or it is gone */
};

/* Longest thing that is looked at in one piece: a line and its end. */
#define LPD_BUFFER_LEN	(LPD_LINE_LEN + 64)

#define LPD_ACK		0
/* What is said instead (BSD, LPRng). */
#define LPD_NAK_REFUSED	1	/* not here, not you */
#define LPD_NAK_LATER	2	/* space, limits */
#define LPD_NAK_BAD	3	/* not like this, ever */

#define LPD_REFUSAL_LEN	256

struct lpd_asking;

struct lpd_session {
	TAILQ_ENTRY(lpd_session) link;
	struct lpd		*lpd;
	struct shared_conf	*shared;	/* a use */
	const struct conf_listener *conf;	/* of shared */
	const struct conf_queue	*queue;		/* of shared; of the command */
	struct lpd_options	 options;
	int			 fd;
	union document_peer	 peer;
	char			 client[DOCUMENT_PEER_LEN];
	enum lpd_state		 state;
	struct event		 event;		/* what is waited for */
	int64_t			 deadline_ms;	/* of the command; 0: none */
	bool			 heard;		/* it has sent something */
	int			 broken;	/* errno of a send, or 0 */

	/* Read, and not yet used. */
	char			 in[LPD_BUFFER_LEN];
	size_t			 in_len;
	size_t			 budget;	/* bytes left of this turn */

	/* To be told; then more is asked for, or it was the last. */
	char			*out;		/* owned */
	size_t			 out_len, out_at, out_size;
	struct lpd_asking	*asking;	/* owned; NULL: the last */

	/* A refusal that is due. */
	char			 nak;
	char			 refusal[LPD_REFUSAL_LEN];

	/* lpd_receive.c */
	struct lpd_job_list	 jobs;		/* that are not kept yet */
	struct lpd_job		*job;		/* of the file that comes */
	enum lpd_length		 length;	/* of it */
	uint64_t		 left;		/* of its bytes */
	char			 name[LPD_NAME_LEN + 1];
	char			*control;	/* owned; what came of it */
	size_t			 control_len, control_size;
	bool			 finishing;	/* the client has ended */
	bool			 owes_ack;	/* for what the end completed */
	char			 doom[LPD_REFUSAL_LEN]; /* no more jobs, why */
};

/* ---- lpd.c --------------------------------------------------------------- */

/* The state changes; nothing is waited for until the next. */
void lpd_enter(struct lpd_session *session, enum lpd_state state);

/* One octet, at once.  false: the session cannot be told, and is gone. */
bool lpd_say(struct lpd_session *session, char octet)
    __attribute__((warn_unused_result));

/* More of what is to be told; lost without memory. */
void lpd_print(struct lpd_session *session, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));
/* Tell it; what comes then is up to session->asking. */
void lpd_tell(struct lpd_session *session);

/* The jobs that are not kept are forgotten; nak is said, after a time. */
void lpd_refuse(struct lpd_session *session, char nak, const char *why);
void lpd_refuse_verdict(struct lpd_session *session, enum lpd_verdict verdict);
/* Without the time: the daemon ends, or the client is gone already. */
void lpd_refuse_now(struct lpd_session *session, char nak, const char *why);

/* We are done: say so, and wait for the client's end. */
void lpd_part(struct lpd_session *session);
/* The session is gone: by FIN; by RST, with what it had sent. */
void lpd_end(struct lpd_session *session);
void lpd_end_broken(struct lpd_session *session, const char *why);

/*
 * The daemon is being taken apart.  What a session had asked for still comes,
 * and it has to end then, without a look at anything else.
 */
bool lpd_is_over(const struct lpd_session *session);

/* A turn: all that is there, within a bound. */
void lpd_run(struct lpd_session *session);

/* The line at the front of the buffer, without its end. */
enum lpd_step lpd_take_line(struct lpd_session *session,
    char line[LPD_LINE_LEN + 1], size_t *len);
/* That is used. */
void lpd_consume(struct lpd_session *session, size_t n);

/* ---- lpd_receive.c: 02 --------------------------------------------------- */

/* The client has ended; its connection broke. */
void lpd_receive_end(struct lpd_session *session);
void lpd_receive_break(struct lpd_session *session, int error);

/* A step with what is in the buffer. */
enum lpd_step lpd_step(struct lpd_session *session);

/* ---- lpd_status.c: 03, 04; lpd_remove.c: 05 ------------------------------ */

/* Take over the command. */
void lpd_status(struct lpd_session *session, struct lpd_command *command);
void lpd_remove(struct lpd_session *session, struct lpd_command *command);

/* What a client is told that asks about jobs; the first member of each. */
struct lpd_asking {
	void	(*more)(struct lpd_session *session);
	void	(*free)(struct lpd_session *session);
};

/* Is the job one of those that the command lists?  Without a list: yes. */
bool lpd_is_meant(const struct lpd_session *session,
    const struct lpd_command *command, const struct job *job);

#endif /* LPD_SESSION_H */
