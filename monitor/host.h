/*
 * host - inside printport-host, the process that has one port open.
 *
 * What its files share: host.c speaks with the daemon, host_api.c serves the
 * module's callbacks, host_doc.c runs a document, host_ending.c has those that
 * are sent and not yet printed, host_xcv.c manages ports.
 *
 *	start -> SETUP -> READY --- DOCS ---> open_port, document, document ...
 *	                    |                     | CLOSE, or the daemon is gone
 *	                    +-- CHECK, XCV_* --+  +-> close_port -> shutdown
 *
 * Threads    One calls modules.  A second does nothing but end the process
 *            when the daemon is gone and the first does not notice.
 */
#ifndef HOST_H
#define HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "monitor.h"
#include "session.h"
#include "transfer.h"
#include "wire.h"

/* Documents that may wait inside the host; the daemon sends no more. */
#define HOST_DOCS	WIRE_FDS

/* A port as the configuration has it; the first is the one to open. */
struct host_port {
	char			*name;
	char			*base;		/* where relative paths start */
	uint32_t		 write_timeout_ms;
	uint32_t		 stall_timeout_ms; /* 0: never */
	uint32_t		 answer_wait_ms;
	struct pp_setting	*settings;	/* owned, with their strings */
	uint32_t		*lines;
	size_t			 n_settings;
};

/* A document that waits or runs.  Strings are owned. */
struct host_doc {
	struct wire_doc		 doc;
	int			 fd;		/* owned */
	bool			 canceled;
	uint32_t		 job_flags;	/* PP_JOB_* */
	uint32_t		 events;	/* 1 << enum pp_job_event */
	uint64_t		 pages;		/* 0: not counted */
	int64_t			 length;	/* -1: not known */
};

/* A document that is all in the port; its last page is not out yet. */
struct host_ending {
	struct wire_outcome	 outcome;	/* so far */
	bool			 told;		/* sent to the daemon */
};

/*
 * Monitor and language monitor both know something of the printer; what is
 * graver is its status.
 */
struct host_voice {
	struct host		*host;		/* the rest of us */
	enum pp_port_status	 status;
	enum pp_severity	 severity;
	char			 text[256];
};

struct host {
	int			 control;
	struct wire_board	*board;
	struct wire		 in, out;	/* reused for every message */

	char			*instance;
	char			*monitor_name;
	char			*lm_name;	/* NULL: none */
	char			**directories;
	size_t			 n_directories;
	struct loader_rules	 rules;		/* borrows directories */

	struct host_port	*ports;
	size_t			 n_ports;
	uint32_t		 ports_due;	/* PORT messages to come */
	bool			 ready;		/* modules are loaded */

	struct pp_host		 api, lm_api;	/* their cookies: voices */
	struct host_voice	 voice, lm_voice;
	struct session_hooks	 hooks;
	struct session		*session;
	struct transfer		*transfer;
	handle			 monitor, lm, port;	/* 0: none */
	struct pp_setting_decl	*declared;	/* by both modules, owned */
	int			 read_fd;	/* watch_read; -1: none */
	int64_t			 service_at_ms;	/* 0: never */
	bool			 spoken;	/* read_fd has something */
	bool			 unheeded;	/* that the module does not read */

	struct host_doc		*docs[HOST_DOCS]; /* waiting, a ring */
	size_t			 docs_first, docs_n;
	struct host_doc		*now;		/* in work */
	struct host_ending	 endings[HOST_DOCS]; /* oldest first */
	size_t			 endings_n;

	char			 reason[256];	/* last error that was logged */

	struct wire		 outcomes;	/* DOCS_DONE being gathered */
	uint32_t		 outcomes_n;

	bool			 judging;	/* errors are answers, no log */
	bool			 closing;	/* CLOSE came */
	bool			 orphan;	/* the daemon is gone */
	bool			 failed;	/* the port did: start anew */
	bool			 answered;	/* ANSWER came */
	int32_t			 answer;
};

/* ---- host.c: the daemon ------------------------------------------------- */

/* Take what the daemon has said, without waiting. */
void host_listen(struct host *host);
/* Wait for the daemon's next word; timeout_ms negative: for ever. */
void host_wait(struct host *host, int timeout_ms);
/* Send host->out; the daemon's being gone is no error here. */
void host_send(struct host *host);
void host_send_wire(struct host *host, struct wire *wire);
/* Send a message with a code and a text: READY, OPENED. */
void host_report(struct host *host, enum wire_type type, int code,
    const char *text);
/* End the current call? The document is canceled, or the daemon gone. */
bool host_canceled(const struct host *host);
int64_t host_clock_ms(void);
/* What the module gave as the reason for this code, or the code in words. */
const char *host_reason(const struct host *host, int code);
/* Sign of life on the board. */
void host_alive(struct host *host);
struct host_port *host_find_port(struct host *host, const char *name);
/* Add or replace; strings are copied.  NULL: no memory. */
struct host_port *host_put_port(struct host *host, const char *name,
    const char *base, const struct pp_setting *settings, size_t count);
void host_forget_port(struct host *host, const char *name);

/* ---- host_api.c: the module --------------------------------------------- */

/* Fill in host->api and lm_api. */
void host_api_init(struct host *host);
/* wait_fd, also for transfer. */
int host_api_wait(void *arg, int fd, uint32_t events, int timeout_ms);

/* ---- host_doc.c: documents ---------------------------------------------- */

/* Run one document from start to end, and free it.  In order of arrival. */
void host_doc_run(struct host *host, struct host_doc *doc);
void host_doc_free(struct host_doc *doc);
/* Put an outcome among those that go to the daemon, in this order. */
void host_doc_gather(struct host *host, const struct wire_outcome *outcome);
/* Send the outcomes gathered so far. */
void host_doc_flush(struct host *host);

/* ---- host_ending.c: documents whose pages come out ---------------------- */

/* All of this one is in the port: the daemon may give us the next. */
void host_ending_add(struct host *host, const struct wire_outcome *outcome);
/* The oldest that waits of this job, or NULL. */
struct wire_outcome *host_ending_find(struct host *host, uint64_t job);
/*
 * The last page of the oldest of this job is out, and so are all before it.
 * false: none of this job waits.
 */
bool host_ending_report(struct host *host, uint64_t job);
void host_ending_report_all(struct host *host);
/* There will be no reports: why is a constant. */
void host_ending_settle(struct host *host, const char *why);
/* A person's word on one that waits; flags as of CANCEL.  false: none does. */
bool host_ending_cancel(struct host *host, uint64_t job, uint32_t flags);

/* ---- host_xcv.c: management --------------------------------------------- */

/* Answer one of CHECK, ENUM, XCV_OPEN, XCV_DATA, XCV_CLOSE. */
void host_manage(struct host *host, enum wire_type type);

#endif /* HOST_H */
