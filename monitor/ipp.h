/*
 * ipp.h - a port of the module "ipp": what its files share.
 *
 *	ipp.c		the module: settings, ports, documents
 *	ipp_link.c	a connection: HTTP by libcups, bounded and cancelable
 *	ipp_tls.c	whether it is the right printer
 *	ipp_job.c	operations on printers and jobs
 *	ipp_words.c	what IPP's words mean
 *
 * Errors     Codes of monitor.h.  Who finds a fault logs it, with thing,
 *            place and remedy; PP_CANCELED is none.
 * Threads    None.
 * Units      In the name: _ms is milliseconds, _len and _size are bytes.
 */
#ifndef IPP_H
#define IPP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cups/cups.h>

#include "ipp_words.h"
#include "monitor.h"

/* Longest name or keyword in IPP (MAX of RFC 8011), with NUL. */
#define IPP_NAME_SIZE	256

/* Bytes of SHA-256, and of its text with "sha256:" in front and NUL. */
#define IPP_DIGEST_LEN		32
#define IPP_FINGERPRINT_SIZE	(7 + 2 * IPP_DIGEST_LEN + 1)

struct pp_port;

/* A connection to the printer. */
struct ipp_link {
	struct pp_port	*port;		/* borrowed */
	http_t		*http;		/* owned; NULL: not connected */
	int64_t		 deadline_ms;	/* libcups gives up then */
	http_status_t	 status;	/* of the answer; CONTINUE: none yet */
	bool		 chunked;	/* a request with a document is open */
	bool		 peeking;	/* take what is there, do not wait */
};

struct pp_port {
	struct pp_monitor	*monitor;	/* borrowed */
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*next;		/* open port of the monitor */
	char			 name[PP_PORT_NAME_LEN + 1];

	/* Settings; texts are owned. */
	char			*uri;
	char			 address[256];	/* host of it */
	int			 number;	/* port of it */
	char			 resource[1024]; /* path of it */
	bool			 secure;	/* ipps */
	char			*format;	/* NULL: by document */
	cups_option_t		*options;	/* attributes; by libcups */
	int			 n_options;
	bool			 confirm;
	int			 connect_ms, answer_ms, status_ms;
	int			 configured_ms;	/* write_timeout */
	int			 asked_ms;	/* of set_port_timeouts, or 0 */
	bool			 tls_verify;
	char			*tls_ca;	/* NULL: the system's */
	bool			 pinned;
	unsigned char		 pin[IPP_DIGEST_LEN];

	/* The printer, as it last answered. */
	int			 never_fd;	/* owned; is never ready */
	char			**formats;	/* owned, with its strings */
	size_t			 n_formats;	/* 0: it does not say */
	bool			 creates;	/* Create-Job, Send-Document */
	bool			 accepting;
	bool			 copies;	/* takes a number of them */
	bool			 in_trouble;	/* its status is an error */
	int64_t			 booted_ms;	/* when it started */
	int64_t			 next_poll_ms;

	/* The document. */
	bool			 in_document;
	bool			 hasty;		/* given up: wait for nothing */
	bool			 quiet;		/* its faults are no news */
	struct ipp_link		 link;		/* that carries it */
	uint64_t		 job;
	int			 timeout_ms;	/* of one write */
	int			 error;		/* that spoiled it */
	char			 user[IPP_NAME_SIZE];
	char			 title[IPP_NAME_SIZE];
	char			 document[IPP_NAME_SIZE];
	char			 datatype[IPP_NAME_SIZE];
	char			 head[IPP_HEAD_LEN]; /* first bytes, kept back */
	size_t			 head_len;
	bool			 sending;	/* the request is out */
	int			 printer_job;	/* its number there; 0: none */
	char			 uuid[IPP_NAME_SIZE]; /* "": not known */
};

/* ---- ipp.c --------------------------------------------------------------- */

/* Log an error and return code. */
int ipp_fault(const struct pp_port *port, int code, const char *fmt, ...)
    PP_PRINTF(3, 4);
int64_t ipp_clock_ms(const struct pp_port *port);
/* Pass time: PP_OK or PP_CANCELED. */
int ipp_pause(const struct pp_port *port, int ms);

/* ---- ipp_link.c ---------------------------------------------------------- */

/* Connect, within ms; no two of one link at a time. */
int ipp_link_open(struct ipp_link *link, struct pp_port *port, int ms);
void ipp_link_close(struct ipp_link *link);
/* Connected, and nothing has come since the last answer? */
bool ipp_link_ready(const struct ipp_link *link);
/* Send a request, which stays the caller's; with a document to follow? */
int ipp_link_begin(struct ipp_link *link, ipp_t *request, bool document);
/*
 * Bytes of that document, as of write_port.  1: the printer has answered
 * before the end; ipp_link_answer() has it.
 */
int ipp_link_write(struct ipp_link *link, const char *bytes, size_t len,
    int timeout_ms, size_t *written);
/* End the document. */
int ipp_link_finish(struct ipp_link *link);
/*
 * The answer, within ms, negative: for ever.  PP_TIMEOUT, not logged, as long
 * as it has not begun: ask again.  The answer, also an unhappy one, is the
 * caller's, who deletes it.
 */
int ipp_link_answer(struct ipp_link *link, int ms, ipp_t **answer);

/* ---- ipp_tls.c ----------------------------------------------------------- */

/* Whether what answered is the printer: PP_OK, or a fault. */
int ipp_tls_check(const struct pp_port *port, http_t *http);
/* Bytes of "sha256:...", colons within allowed; false: it is none. */
bool ipp_tls_fingerprint(const char *text, unsigned char pin[IPP_DIGEST_LEN]);

/* ---- ipp_job.c ----------------------------------------------------------- */

/*
 * Ask the printer for its state, over a link of its own if link is NULL, and
 * pass it on: status, supplies.
 */
int ipp_job_look(struct pp_port *port, struct ipp_link *link);
void ipp_job_forget_printer(struct pp_port *port);
/* Whether the printer takes a format. */
bool ipp_job_takes(const struct pp_port *port, const char *format);
/* Make the job of the document, waiting while the printer is busy. */
int ipp_job_create(struct pp_port *port);
/* Begin to send the document, whose first bytes are in head. */
int ipp_job_send(struct pp_port *port);
/* All is sent, or the printer has answered early: what does it say? */
int ipp_job_sent(struct pp_port *port);
/* Wait until the job is printed. */
int ipp_job_follow(struct pp_port *port);
/* Take it back. */
void ipp_job_cancel(struct pp_port *port);

#endif /* IPP_H */
