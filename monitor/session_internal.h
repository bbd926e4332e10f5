/*
 * session_internal - what the files of session share; nobody else includes it.
 *
 * session.c holds monitors and ports, session_enum.c the merged list of ports,
 * session_xcv.c management.
 */
#ifndef SESSION_INTERNAL_H
#define SESSION_INTERNAL_H

#include <stdbool.h>

#include "session.h"

/* A monitor that is loaded. */
struct session_monitor {
	struct session_monitor	*next;
	struct module		*module;	/* owned */
	handle			 number;
	size_t			 users;		/* ports and Xcv handles */
};

enum session_port_state {
	SESSION_OPEN,		/* no document; start or close may come */
	SESSION_IN_DOC,		/* an end_doc_port is owed */
};

/* A port that is open. */
struct session_port {
	struct session_port	*next;
	struct session_monitor	*monitor;
	struct session_monitor	*lm;		/* NULL: none */
	const struct pp_monitor2 *table;	/* of lm if there is one */
	struct pp_port		*object;	/* of the module of table */
	enum session_port_state	 state;
	char			 name[PP_PORT_NAME_LEN + 1];
};

/* An open Xcv handle. */
struct session_xcv {
	struct session_monitor	*monitor;
	struct pp_xcv		*object;	/* of the module */
	uint32_t		 access;	/* as granted at open */
};

struct session {
	const struct pp_host		*host;		/* borrowed */
	const struct loader_rules	*rules;		/* borrowed */
	const struct session_hooks	*hooks;		/* borrowed, or NULL */
	struct handle_table		*handles;
	struct session_monitor		*monitors;	/* in order of load */
	struct session_port		*ports;		/* the open ones */
};

/* Around every call into a module. */
void session_enter(const struct session *session, enum wire_call call);
/* Returns what the module may return: 0 or a negative code. */
int session_leave(const struct session *session, int code);

/* Is a port of this name open, in any case of letters? */
bool session_port_is_open(const struct session *session, const char *name);

#endif /* SESSION_INTERNAL_H */
