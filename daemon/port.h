/*
 * port - a named destination: its line of documents, its host, its health.
 *
 *	IDLE --first document--> STARTING --modules loaded--> OPEN
 *	  ^                        |                           | idle_close,
 *	  |                        | failed                    | new settings
 *	  +--- exited --- CLOSING <+---------------------------+
 *	  +--- time is up --- BACKOFF <--- host or port failed -+
 *
 * One path to the port at a time: there is never more than one host.  Documents
 * are printed in the order in which they came.  A host that crashes, hangs or
 * talks nonsense costs the document that was running; those behind it have not
 * been touched and stay in line.  With a language monitor a document of the
 * spool is in the port before it is done: the next ones are printed meanwhile,
 * and nothing costs it any more.
 *
 * Lifecycle  port_new() .. port_free().  port_retire() lets the line run dry
 *            first, and calls back when the port may be freed.
 * Ownership  Borrows ids, and its configuration, which port_configure() replaces; see
 *            shared_conf.
 * Errors     A document that cannot be printed comes back through its done.
 * Threads    The loop's, only.
 */
#ifndef PORT_H
#define PORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "document.h"

struct event_base;
struct port;
struct shared_conf;

enum port_state {
	PORT_IDLE,	/* no host; nothing pending */
	PORT_STARTING,	/* host spawned; its READY is pending */
	PORT_OPEN,	/* host takes documents; idle timer if there are none */
	PORT_CLOSING,	/* told to close; its exit is pending */
	PORT_BACKOFF,	/* no host; timer runs, then it is tried again */
};

/* Where the numbers of jobs come from that have none yet; 0: none now. */
struct port_ids {
	uint64_t	(*next)(void *arg);
	void		*arg;
};

/* The port called name in conf; takes a reference to conf. */
struct port *port_new(struct event_base *base, const struct port_ids *ids,
    struct shared_conf *conf, const char *name) __attribute__((warn_unused_result));
/* A host that still runs ends its document and port by itself. */
void port_free(struct port *port);

/* New settings, from the next document on; a changed port is reopened. */
void port_configure(struct port *port, struct shared_conf *conf);

/*
 * Put a document at the end of the line.  -1: max_waiting is reached or the
 * port takes none any more; the document stays the caller's.
 */
int port_print(struct port *port, struct document *doc)
    __attribute__((warn_unused_result));

/*
 * Take no more documents, give back those that were not started, let the
 * running one end, close.  idle is called when there is nothing left, maybe at
 * once.
 */
typedef void port_idle_fn(void *arg);
void port_drain(struct port *port, port_idle_fn *idle, void *arg);
/* Cancel what still runs. */
void port_cancel(struct port *port);
/* As drain, but the whole line is printed first. */
void port_retire(struct port *port, port_idle_fn *idle, void *arg);
/* Take documents again after all; the call-back of port_retire is off. */
void port_resume(struct port *port);

/*
 * Cancel one document, whose done follows.  One that the host has not started
 * yet ends WIRE_UNTOUCHED; flags as in monitor.h (PP_JOB_DELETING).  One that
 * is in the port already cannot be had back: without DELETING it ends
 * WIRE_DONE.
 */
void port_cancel_document(struct port *port, struct document *doc,
    uint32_t flags);

/* ---- how it is ----------------------------------------------------------- */

/*
 * Called when room or health may have changed, from a turn of the loop of its
 * own, so that it may call anything here.
 */
typedef void port_watch_fn(void *arg, struct port *port);
void port_watch(struct port *port, port_watch_fn *watch, void *arg);

/*
 * How many more spooled documents it takes now.  One at a time at first; while
 * they are printed as fast as they come, more, so that none waits for our
 * book-keeping; but never many in front of a slow printer.
 */
unsigned int port_room(const struct port *port);

/* Can it print?  Not while it backs off, nor with an ERROR of its monitor. */
bool port_healthy(const struct port *port);

/* It failed last time, and has not printed anything since. */
bool port_on_trial(const struct port *port);

/* In words: "out of paper", "could not be opened: ..."; "" if all is well. */
#define PORT_TROUBLE_LEN	320
const char *port_trouble(const struct port *port,
    char text[PORT_TROUBLE_LEN]);

/* What its monitor says of it, trouble or not; borrowed, "" if nothing. */
const char *port_status(const struct port *port);

/* What its printer had left when it last said so; borrowed. */
struct port_supply {
	char	 name[64];
	int32_t	 percent;	/* -1: not known */
};
const struct port_supply *port_supplies(const struct port *port, size_t *n);

/* Of a document that is in work or sent; 0 if others are. */
uint64_t port_written(const struct port *port, uint64_t job);

const char *port_name(const struct port *port);
enum port_state port_state(const struct port *port);
/* Documents in line that the host does not have yet. */
size_t port_waiting(const struct port *port);

#endif /* PORT_H */
