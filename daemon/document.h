/*
 * document - what is handed to a port: a byte stream with a descriptor.
 *
 * With stream delivery the connection itself is the document: its socket goes
 * to the port host, which reads it to its end.  The front end keeps its own
 * descriptor, and closes it when it is told how the document ended.  The
 * document of a spooled job is its data.
 *
 * A document of the spool comes back when its port fails, for the scheduler to
 * decide anew: WIRE_UNTOUCHED if it was not started.  That of a client stays
 * in line, for there is nowhere else to go with it.
 *
 * Lifecycle  port_print() takes it into the port's line; the one call of done
 *            gives it back.  In between it belongs to the port.
 * Ownership  Memory and fd are the giver's, always.
 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "monitor/wire.h"

struct conf_queue;
struct document;

/* An IPv4 or IPv6 address, no larger than needed: there may be many. */
union document_peer {
	struct sockaddr		any;
	struct sockaddr_in	in;
	struct sockaddr_in6	in6;
};

/* outcome is never NULL; the document is the giver's again. */
typedef void document_done_fn(struct document *doc,
    const struct wire_outcome *outcome);

/*
 * All of it is in the port, and none of it will be asked for again; done
 * follows when its pages are out, with WIRE_DONE or, if somebody wants so,
 * WIRE_CANCELED.
 */
typedef void document_sent_fn(struct document *doc);

/* What a spooled job says about itself. */
struct document_about {
	const char		*user, *host, *title, *datatype;
	const char		*name, *extra;	/* NULL: "" */
	int64_t			 submitted;	/* seconds since 1970 */
};

struct document {
	TAILQ_ENTRY(document)	 link;		/* the port's */
	uint64_t		 job;		/* 0: a number is given later */
	bool			 spooled;
	bool			 recalled;	/* the port's: asked for once */
	uint64_t		 written;	/* the port's, once it is sent */
	int			 fd;
	uint32_t		 flags;		/* WIRE_DOC_* */
	uint32_t		 idle_timeout_ms;
	const char		*queue;		/* borrowed from the front end */
	const struct document_about *about;	/* the same; NULL: as a client */
	union document_peer	 peer;		/* of a client */
	document_sent_fn	*sent;		/* NULL: never mind */
	document_done_fn	*done;
};

TAILQ_HEAD(document_list, document);

/*
 * May some of it be on paper?  Nobody knows that of a document whose host died
 * over it, or was let go with it: the outcome then has no code.
 */
bool document_touched(const struct wire_outcome *outcome);

/* Address of the client as text: "10.0.0.5", "2001:db8::5". */
#define DOCUMENT_PEER_LEN	48
void document_peer_name(const struct document *doc,
    char name[DOCUMENT_PEER_LEN]);

#endif /* DOCUMENT_H */
