/*
 * pjl - inside of the module `pjl`: a port, and the printer behind it.
 *
 * pjl.c is the module, and brings documents through; pjl_talk.c says things to
 * the printer and hears what it says; pjl_status.c makes of that the port's
 * status and the ends of jobs; pjl_ask.c answers questions; pjl_parse.c knows
 * the language.
 *
 * The port monitor below is written to within documents, and read whenever it
 * lets itself be read.
 *
 * Errors     Negative codes of monitor.h; what the port monitor returns goes
 *            up as it is.
 * Units      In the name: _ms is milliseconds.
 */
#ifndef PJL_H
#define PJL_H

#include <stdbool.h>
#include <stdint.h>

#include "monitor.h"
#include "pjl_parse.h"

/* Ends the language that is spoken, whatever it is. */
#define PJL_UEL		"\033%-12345X"

/* Jobs whose last page is not out; the oldest is given up for one more. */
#define PJL_PENDING_MAX	64

/* Longest that we say at a time. */
#define PJL_SAY_MAX	512

enum pjl_probe { PJL_PROBE_AUTO, PJL_PROBE_QUERY, PJL_PROBE_ASSUME };

struct pjl_settings {
	enum pjl_probe	probe;
	bool		job_control, ustatus, page_status, strip_ctrl_d;
	int64_t		probe_timeout_ms, eoj_timeout_ms, silence_timeout_ms;
};

/* Does the printer speak PJL? */
enum pjl_speech {
	PJL_UNKNOWN,		/* the next document finds out */
	PJL_SPEAKS,
	PJL_MUTE		/* no, and it is not asked again */
};

/* How far the document in work has come; each comes before its data. */
enum pjl_stage {
	PJL_NEW,		/* nothing was said */
	PJL_ASKING,		/* the question is on its way */
	PJL_LISTENING,		/* its answer is pending */
	PJL_OPENING,		/* the preamble is on its way */
	PJL_DATA		/* it is the data's turn */
};

/* A run of a job, as the printer knows it. */
struct pjl_run {
	uint64_t	job;
	uint64_t	number;		/* no other of this opening has it */
	bool		named;		/* the printer was told of it */
	bool		deleted;	/* nobody wants to hear of its end */
	int64_t		since_ms;	/* its time, of pp_port.clock_ms */
};

struct pp_monitor {
	const struct pp_host	*host;		/* borrowed */
};

struct pp_port {
	const struct pp_host	*host;		/* borrowed */
	char			 name[PP_PORT_NAME_LEN + 1];
	struct pp_monitor2	 pm;		/* copy of its table */
	struct pp_port		*below;		/* owned */
	struct pjl_settings	 set;
	uint32_t		 opening;	/* tells it from others */

	/* The printer. */
	enum pjl_speech		 speech;
	bool			 readable;	/* when it was last tried */
	int64_t			 heard_ms;	/* its last byte */
	struct pjl_parser	 parser;
	char			 model[PJL_TEXT_SIZE];
	uint32_t		 total, largest; /* memory, bytes; 0: unknown */
	bool			 answered;	/* what was asked */

	/* Status. */
	struct pp_port_info_3	 wanted, told;	/* text is status_text */
	char			 status_text[PJL_TEXT_SIZE];

	/* Jobs that are in the printer, the oldest first. */
	struct pjl_run		 pending[PJL_PENDING_MAX];
	size_t			 n_pending;
	int64_t			 clock_ms;	/* stands still in trouble */
	int64_t			 looked_ms;	/* at the host's clock */

	/* The document. */
	bool			 in_document;
	enum pjl_stage		 stage;
	struct pjl_run		 run;
	bool			 empty;		/* there will be no data */
	bool			 begun;		/* its data has */
	bool			 ended;		/* the printer has ended it */
	bool			 ctrl_d;	/* one is held back */
	struct pjl_run		 owed;		/* named: not told of its end */
	int64_t			 deadline_ms;	/* of PJL_LISTENING */

	/* What is being said. */
	char			 say[PJL_SAY_MAX];
	size_t			 say_len, said;

	/* What the printer said to the document's client. */
	struct pjl_filter	 filter;
	char			 answer[1024 + PJL_FILTER_HELD];
	size_t			 answer_len;
};

/* ---- pjl.c -------------------------------------------------------------- */

extern const struct pp_setting_decl pjl_decls[];

/* ---- pjl_talk.c --------------------------------------------------------- */

int64_t pjl_now_ms(const struct pp_port *port);

/*
 * Read what there is and take it to heart.  Of a document's client are the
 * bytes that are left then, in answer; without a client they are dropped.
 */
int pjl_hear(struct pp_port *port, bool client);

/* Set what is to be said, or more of it. */
void pjl_say(struct pp_port *port, const char *text);
/* The same with the name of a run: JOB, EOJ. */
void pjl_say_job(struct pp_port *port, const char *command,
    const struct pjl_run *run);
/* Bring it out, as far as it goes now; *all says whether that was all. */
int pjl_push(struct pp_port *port, bool *all);
/* Until all is out, however long the printer takes.  PP_CANCELED. */
int pjl_push_all(struct pp_port *port);

/*
 * What comes before the document's data.  *ready: it is their turn; else call
 * again when the printer takes more.
 */
int pjl_prepare(struct pp_port *port, bool *ready);
/* Wait for `answered`, until the deadline.  PP_TIMEOUT, PP_CANCELED. */
int pjl_await(struct pp_port *port);

/* The name by which the printer knows a run. */
#define PJL_NAME_SIZE	64
void pjl_name(const struct pp_port *port, const struct pjl_run *run,
    char name[PJL_NAME_SIZE]);

/* ---- pjl_status.c ------------------------------------------------------- */

/* A message has come. */
pjl_message_fn pjl_on_message;
/* Tell the host of a change, or again of one that it did not take. */
void pjl_tell_status(struct pp_port *port);
/* Nothing is wrong, as far as we know. */
void pjl_clear_status(struct pp_port *port);
bool pjl_in_trouble(const struct pp_port *port);
/* Let the time of pending jobs go on, unless the printer is in trouble. */
void pjl_tick(struct pp_port *port);

/* The document is sent: its end will be reported, or is now. */
void pjl_add_pending(struct pp_port *port, const struct pjl_run *run);
void pjl_complete(struct pp_port *port, const struct pjl_run *run);
void pjl_complete_pending(struct pp_port *port);

/* What has come of time; returns when to look again, 0: never. */
uint32_t pjl_look_after(struct pp_port *port);

/* ---- pjl_ask.c ---------------------------------------------------------- */

int pjl_get_printer_data(struct pp_port *port, uint32_t control,
    const char *value_name, const void *in, size_t in_len, void *out,
    size_t out_size, size_t *len);
int pjl_send_recv_bidi(struct pp_port *port, uint32_t access,
    const char *action, const struct pp_bidi *request,
    struct pp_bidi **response);

#endif /* PJL_H */
