/*
 * document - what a front end hands to a port: a client's byte stream.
 *
 * With stream delivery the connection itself is the document: its socket goes
 * to the port host, which reads it to its end.  The front end keeps its own
 * descriptor, and closes it when it is told how the document ended.
 *
 * Lifecycle  port_print() takes it into the port's line; the one call of done
 *            gives it back.  In between it belongs to the port.
 * Ownership  Memory and fd are the front end's, always.
 */
#ifndef DOCUMENT_H
#define DOCUMENT_H

#include <netinet/in.h>
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

/* outcome is never NULL; the document is the front end's again. */
typedef void document_done_fn(struct document *doc,
    const struct wire_outcome *outcome);

struct document {
	TAILQ_ENTRY(document)	 link;		/* the port's */
	uint64_t		 job;
	int			 fd;
	uint32_t		 flags;		/* WIRE_DOC_* */
	uint32_t		 idle_timeout_ms;
	const char		*queue;		/* borrowed from the front end */
	union document_peer	 peer;
	document_done_fn	*done;
};

TAILQ_HEAD(document_list, document);

/* Address of the client as text: "10.0.0.5", "2001:db8::5". */
#define DOCUMENT_PEER_LEN	48
void document_peer_name(const struct document *doc,
    char name[DOCUMENT_PEER_LEN]);

#endif /* DOCUMENT_H */
