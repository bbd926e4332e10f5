/*
 * socket - inside of the module `socket`: a port, and the way to its printer.
 *
 * socket.c is the module, and brings documents to the printer;
 * socket_settings.c reads and judges settings; socket_connect.c connects and
 * hangs up, in the clear or, with socket_tls.c, in private; socket_finish.c
 * sees that the printer has got all of a document.
 *
 * Errors     Negative errno.  What fails has been told to the log, unless it
 *            was a cancel.
 * Units      In the name: _ms is milliseconds.
 */
#ifndef SOCKET_H
#define SOCKET_H

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#include "monitor.h"

/* Most addresses of a printer that are tried. */
#define SOCKET_PEERS_MAX	8

struct socket_snmp;
struct socket_tls;

/* As declared; texts are owned, NULL if not set. */
struct socket_settings {
	char	*host;
	int	 port;
	int	 connect_timeout_ms;
	int	 wait_eof;
	int	 eof_timeout_ms;
	int	 keep_connection;
	int	 tls;
	int	 tls_verify;
	char	*tls_ca;
	char	*tls_name;
	char	*tls_fingerprint;
	char	*tls_certificate;
	char	*tls_key;
	int	 snmp;
	char	*snmp_community;
	int	 snmp_version;		/* 0: 1, 1: 2c */
	int	 snmp_device_index;
	int	 snmp_port;
	int	 snmp_interval_ms;
	int	 snmp_timeout_ms;
	int	 snmp_page_wait_ms;
	int	 write_timeout_ms;
	int	 stall_timeout_ms;	/* 0: never */
};

struct socket_peer {
	struct sockaddr_storage	 address;
	socklen_t		 len;
};

struct pp_port {
	struct pp_monitor	*monitor;	/* borrowed */
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*next;		/* open port of the monitor */
	char			 name[PP_PORT_NAME_LEN + 1];
	struct socket_settings	 set;
	char			*place;		/* owned: "printer:9100" */
	struct pp_timeouts	 asked;		/* set_port_timeouts */
	struct socket_tls	*tls;		/* owned; NULL: in the clear */
	struct socket_snmp	*snmp;		/* owned; NULL: not asked */

	/* Where the printer is, as last looked up. */
	struct socket_peer	 peers[SOCKET_PEERS_MAX];
	size_t			 n_peers;	/* 0: look it up */
	int64_t			 peers_ms;	/* when that was */

	/* The connection. */
	int			 fd;		/* owned; -1: none */
	bool			 ended;		/* printer says no more */
	int			 broken;	/* how it broke, or 0 */
	bool			 full;		/* took less than was given */
	bool			 half_closed;	/* we say no more */
	char			*heard;		/* owned; said at the end */
	size_t			 heard_len;

	/* The document. */
	bool			 in_document;
	uint64_t		 job;
	uint64_t		 sent;		/* bytes of it */
	int			 error;		/* of the last write, or 0 */
	int			 timeout_ms;	/* of a write */
	int64_t			 waiting_ms;	/* took nothing since; 0 */
	bool			 counted;	/* the printer's pages before */
	uint32_t		 pages_before;

	/* Status, and what was said of it last. */
	bool			 stuck;		/* for longer than timeout_ms */
	struct pp_port_info_3	 printer;	/* as its report has it */
	struct pp_port_info_3	 said;
};

/* ---- socket_settings.c --------------------------------------------------- */

extern const struct pp_setting_decl socket_decls[];

/* Settings of a port, as the host has them. */
int socket_settings_read(const struct pp_host *host, const char *port,
    struct socket_settings *set);
/* Settings of a port that is to be: those given, and defaults. */
int socket_settings_take(const struct pp_setting *given, size_t count,
    struct socket_settings *set);
void socket_settings_free(struct socket_settings *set);

/* Judge them together.  PP_INVALID_DATA: one line of the log has all faults. */
int socket_settings_judge(const struct pp_host *host,
    const struct socket_settings *set);

/* ---- socket_connect.c ---------------------------------------------------- */

/*
 * Connect to the printer, and have the host watch what it says.  Looking its
 * name up is the one thing here that blocks without wait_fd().
 */
int socket_connect(struct pp_port *port);
/* Is the connection of an earlier document good for another one? */
bool socket_alive(struct pp_port *port);
/* Hang up in good order ... */
void socket_close(struct pp_port *port);
/* ... or so that the printer sees that it has not got all. */
void socket_abort(struct pp_port *port);

/*
 * Send or receive what goes now: a count, 0 for the printer's end, -EAGAIN
 * (*want says what to wait for), or the negative errno of a broken connection.
 */
ssize_t socket_send(struct pp_port *port, const void *buf, size_t len,
    uint32_t *want);
ssize_t socket_receive(struct pp_port *port, void *buf, size_t size);

/* Say that nothing more will come.  -EAGAIN: later, see *want. */
int socket_half_close(struct pp_port *port, uint32_t *want);

/* Bytes that the printer's side has not acknowledged. */
uint64_t socket_unacked(const struct pp_port *port);
/* The connection broke: say so, with all that is known; returns a code. */
int socket_lost(struct pp_port *port, int code);

/* ---- socket_finish.c ----------------------------------------------------- */

/*
 * All of the document is written: end it, and wait until the printer has it.
 * The document is not known to have arrived if this fails.
 */
int socket_finish(struct pp_port *port);
/* Take some of what the printer said meanwhile; how much that is. */
size_t socket_heard(struct pp_port *port, void *buf, size_t size);

/* ---- socket.c ------------------------------------------------------------ */

/* Look after the port while it waits; *again_ms as in service_port. */
void socket_look_after(struct pp_port *port, uint32_t *again_ms);
/* The printer took nothing since then; or it does now. */
void socket_stuck(struct pp_port *port, int64_t since_ms);
void socket_moving(struct pp_port *port);

#endif /* SOCKET_H */
