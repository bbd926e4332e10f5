/*
 * raw - the RAW (AppSocket, TCP 9100) front end.
 *
 *	raw_accept --> PEEKING --first bytes--> PRINTING --done--> closed
 *	                 | nothing, silence,       | the client stays
 *	                 v a browser, TLS          +--> PEEKING
 *	               closed
 *
 * The bytes of a connection are a document, up to the client's end of stream.
 * Before anything is opened or printed the first bytes are looked at, without
 * taking them: who sends none, or speaks HTTP or TLS, prints nothing.
 *
 * A document that was printed ends its connection with FIN, any other with RST:
 * RST is the only way to tell a RAW client that its job failed.
 *
 * Lifecycle  raw_new() .. raw_retire(), one per listener.
 * Ownership  raw_accept() takes the socket over.
 * Threads    The loop's, only.
 */
#ifndef RAW_H
#define RAW_H

#include <stddef.h>

#include "conf/conf.h"
#include "document.h"

struct event_base;
struct port;
struct raw;

struct raw *raw_new(struct event_base *base, const struct conf_listener *conf,
    const struct conf_queue *queue, struct port *port)
    __attribute__((warn_unused_result));

/*
 * The end: connections that have sent nothing are closed, the others end by
 * themselves; with the last of them it is gone.
 */
void raw_retire(struct raw *raw);

/* New settings and another port, for documents that begin from now on. */
int raw_configure(struct raw *raw, const struct conf_listener *conf,
    const struct conf_queue *queue, struct port *port)
    __attribute__((warn_unused_result));

void raw_accept(struct raw *raw, int fd, const union document_peer *peer);

/* End every connection that is not printing. */
void raw_close_idle(struct raw *raw);

size_t raw_connections(const struct raw *raw);

/* All listeners together. */
size_t raw_connections_total(void);

#endif /* RAW_H */
