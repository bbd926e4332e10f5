/*
 * hostproc - a port host seen from the daemon: a process and a socket.
 *
 * It spawns the process, speaks the wire with it, and says when it is gone.
 * What to do about that is the caller's business.
 *
 * Lifecycle  hostproc_start() .. hostproc_free(), which kills what still runs,
 *            or hostproc_abandon(), which does not.  The call-back `gone` is
 *            the last; the caller frees the object in it or later.
 * Ownership  Owns the process, the socket and the board.  Strings in
 *            call-backs live for the call.
 * Errors     A host that sends what makes no sense is killed; its "gone" says
 *            so.
 * Threads    The loop's, only.
 * Units      Times are milliseconds.
 */
#ifndef HOSTPROC_H
#define HOSTPROC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/conf.h"
#include "monitor/wire.h"

struct event_base;
struct hostproc;

struct hostproc_supply {
	const char	*name;
	int32_t		 percent;	/* -1: not known */
};

struct hostproc_ops {
	/* Modules are loaded (code 0), or not. */
	void	(*ready)(void *arg, int code, const char *text);
	/* The port is open, or not. */
	void	(*opened)(void *arg, int code, const char *text);
	/* All of a document is in the port; its outcome comes in some time. */
	void	(*sent)(void *arg, uint64_t job, uint64_t written);
	/*
	 * A document ended; in the order in which they were given, but for
	 * those that were sent before.
	 */
	void	(*done)(void *arg, const struct wire_outcome *outcome);
	/* Everything that was said at once has been told. */
	void	(*settled)(void *arg);
	void	(*status)(void *arg, uint32_t status, uint32_t severity,
		    const char *text);
	void	(*log)(void *arg, uint32_t level, const char *text);
	void	(*supplies)(void *arg, const struct hostproc_supply *supplies,
		    size_t n);
	/* The process is gone; why is for people. */
	void	(*gone)(void *arg, const char *why, bool orderly);
};

/* Start a host for one port. */
struct hostproc *hostproc_start(struct event_base *base,
    const struct conf *conf, const struct conf_port *port,
    const struct hostproc_ops *ops, void *arg)
    __attribute__((warn_unused_result));
void hostproc_free(struct hostproc *hp);
/* Let go of it, at the end of the daemon: it ends its document by itself. */
void hostproc_abandon(struct hostproc *hp);

/*
 * Gather documents for the host, at most HOSTPROC_DOCS unfinished; they go
 * when hostproc_flush() is called.  false: no room now.
 */
#define HOSTPROC_DOCS	WIRE_FDS
bool hostproc_add(struct hostproc *hp, const struct wire_doc *doc, int fd);
/* false: the socket is full; call again after the next call-back. */
bool hostproc_flush(struct hostproc *hp);

void hostproc_cancel(struct hostproc *hp, uint64_t job, uint32_t flags);
/* Ask it to close the port and exit. */
void hostproc_close(struct hostproc *hp);
/* End it now; gone follows, with this reason. */
void hostproc_kill(struct hostproc *hp, const char *why);

/* Where it is; values may be nonsense, they are the host's. */
const struct wire_board *hostproc_board(const struct hostproc *hp);
pid_t hostproc_pid(const struct hostproc *hp);

/*
 * Spawn a host without a loop around it, for what may block: the socket in
 * *control (blocking).  -1 with errno.
 */
pid_t hostproc_spawn(const char *program, int *control, int *board_fd,
    int *stderr_fd) __attribute__((warn_unused_result));
/* Put a SETUP for these modules into wire; n_ports PORT messages follow. */
void hostproc_put_setup(struct wire *wire, const struct conf *conf,
    const char *monitor, const char *language_monitor, size_t n_ports);
void hostproc_put_port(struct wire *wire, const struct conf_port *port);

#endif /* HOSTPROC_H */
