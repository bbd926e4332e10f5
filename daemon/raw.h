/*
 * raw - the RAW (AppSocket, TCP 9100) front end.
 *
 *	accepted  --> PEEKING --stream--> PRINTING ---done--> closed
 *	                 |  ^  --spool---> RECEIVING --done-----^
 *	                 |  |                  | the client stays
 *	                 |  +------------------+
 *	                 +--> closed: nothing, silence, a browser, TLS
 *
 * The bytes of a connection are a document, up to the client's end of stream.
 * Before anything is opened or printed the first bytes are looked at, without
 * taking them: who sends none, or speaks HTTP or TLS, prints nothing.
 *
 * The queue's delivery decides, for each document as it begins, what becomes
 * of it: it goes straight to the port, or to the store.  With the store there
 * is no back channel: the printer's answers come when the client is gone.
 *
 * A document that was printed, or is durable, ends its connection with FIN,
 * any other with RST: RST is the only way to tell a RAW client that its job
 * failed.
 *
 * Lifecycle, ownership, threads: as in frontend.h.
 */
#ifndef RAW_H
#define RAW_H

#include "frontend.h"

extern const struct frontend_ops raw_frontend;

#endif /* RAW_H */
