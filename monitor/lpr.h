/*
 * lpr - inside of the module `lpr`: a port, and its connection.
 *
 * lpr.c is the module; lpr_talk.c speaks with the server; lpr_resolve.c finds
 * it; lpr_control.c writes the control file.
 *
 * Errors     Codes of monitor.h.  What fails has been told to the log, but for
 *            PP_CANCELED and a PP_TIMEOUT of data, which is for the host to
 *            judge.
 * Units      In the name: _ms is milliseconds.
 */
#ifndef LPR_H
#define LPR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "lpr_control.h"
#include "monitor.h"

/* Addresses of a name that are tried. */
#define LPR_PEERS_MAX	8

enum lpr_reserve {
	LPR_RESERVE_NONE,	/* any port of ours */
	LPR_RESERVE_RFC1179,	/* 721 to 731 */
	LPR_RESERVE_ANY,	/* one below 1024 */
};

struct lpr_settings {
	char		*host, *queue;		/* owned */
	char		*directory;		/* owned */
	int		 port;
	bool		 data_first;
	bool		 stream;		/* mode */
	bool		 spool;			/* always */
	int64_t		 stream_length;
	char		 format;
	enum lpr_banner	 banner;
	int		 copies;
	bool		 long_lines;
	enum lpr_reserve reserve;
	int		 connect_timeout_ms;
	int		 control_timeout_ms;
	int		 ack_timeout_ms;
	int		 write_timeout_ms;
	int		 stall_timeout_ms;	/* 0: never */
};

struct lpr_peer {
	struct sockaddr_storage address;
	socklen_t	 len;
};

struct pp_port {
	struct pp_monitor	*monitor;	/* borrowed */
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*next;		/* open port of the monitor */
	char			 name[PP_PORT_NAME_LEN + 1];
	struct lpr_settings	 set;
	int			 asked_ms;	/* set_port_timeouts; or 0 */
	struct lpr_peer		 peers[LPR_PEERS_MAX];
	size_t			 n_peers;
	int64_t			 peers_ms;	/* found then */

	/* The document. */
	bool			 in_document;
	uint64_t		 job;
	struct lpr_control	 control;	/* owned */
	int			 fd;		/* owned: to the server; -1 */
	int			 spool;		/* owned: a file without name */
	int64_t			 length;	/* as announced; -1: none was */
	int64_t			 sent;		/* of the data */
	int			 failed;	/* code, or 0 */
};

/* Tell the log, with what is spoken of; returns code. */
int lpr_fail(struct pp_port *port, int code, const char *fmt, ...)
    PP_PRINTF(3, 4);

/* Fill port->peers with the addresses of port->set.host. */
int lpr_resolve(struct pp_port *port);

/* ---- lpr_talk.c --------------------------------------------------------- */

/* Connect, say which queue, and go on up to where the data starts. */
int lpr_begin(struct pp_port *port, int64_t length);
/*
 * Bytes of the document.  PP_TIMEOUT when it takes none for write_timeout; 0
 * bytes with PP_OK is to be tried again.
 */
int lpr_write(struct pp_port *port, const void *buf, size_t len,
    size_t *written);
int lpr_write_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved);
/* All of a file, waiting for as long as stall_timeout allows. */
int lpr_write_file(struct pp_port *port, int fd, int64_t length);
/* The data is complete: what comes behind it, and the last answers. */
int lpr_end(struct pp_port *port);
/* Break off, in a way that no server takes for an end. */
void lpr_break_off(struct pp_port *port);
/* Hang up after all went well. */
void lpr_hang_up(struct pp_port *port);

/* Time that one write may wait. */
int lpr_write_timeout(const struct pp_port *port);

#endif /* LPR_H */
