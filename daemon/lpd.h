/*
 * lpd - the LPD (RFC 1179, TCP 515) front end.
 *
 *	accepted --> COMMAND --02--> receiving: see lpd_receive.c
 *	                |  +---03 04 05--> ASKING --> TELLING --> PARTING
 *	                +--01--> PARTING
 *	anything refused --> DELAYING --> TELLING --> PARTING --> closed
 *
 * A connection is a session, which has one state at a time (lpd_session.h).
 * The first answer to a client needs neither disk nor printer nor a name
 * server; the last one for a job comes when the job is durable.  Whoever is
 * refused waits a little for it, and holds nothing but the connection.
 *
 * Lifecycle, ownership, threads: as in frontend.h.
 */
#ifndef LPD_H
#define LPD_H

#include "frontend.h"

extern const struct frontend_ops lpd_frontend;

#endif /* LPD_H */
