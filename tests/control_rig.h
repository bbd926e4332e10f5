/*
 * control_rig - a control socket with a store and ports behind it, and clients
 * that speak to it byte by byte, all in one loop.
 *
 * The store and the ports are real, the ports have no hosts; spooler and
 * dispatch are fakes: they remember what they were asked, and answer as the
 * test wants.
 *
 * Errors     What can only fail by a defect of the test fails the test.
 */
#ifndef CONTROL_RIG_H
#define CONTROL_RIG_H

#include <jansson.h>

#include "daemon/control.h"
#include "daemon/dispatch.h"
#include "tests/spool_rig.h"

struct event;
struct event_base;

/* The fakes. */
struct spooler {
	struct store		*store;		/* NULL: it is down */
};

enum fake_act { FAKE_NONE, FAKE_ACT, FAKE_MOVE, FAKE_PAUSE_QUEUE,
    FAKE_PAUSE_PORT, FAKE_CLOSE };

struct dispatch {
	int			 refuses;	/* errno of the call itself */
	int			 outcome;	/* of the call-back */
	bool			 waits;		/* no call-back: see below */
	enum fake_act		 act;		/* the last one */
	uint64_t		 job;
	enum dispatch_action	 action;
	char			 by[64], name[64];
	uint32_t		 priority;
	bool			 paused;
	bool			 queue_paused, port_paused; /* as shown */
	bool			 closed;	/* name is, with: */
	char			 closed_why[DISPATCH_CLOSED_LEN];
	uint64_t		 progress;
	dispatch_done_fn	*done;		/* not called yet */
	void			*arg;
};

/* The call-back that waits. */
void fake_dispatch_answer(struct dispatch *dispatch, int outcome);

struct control_rig {
	struct spool_rig	 spool;
	struct spooler		 spooler;
	struct dispatch		 dispatch;
	struct event_base	*base;
	struct event		*store_event;
	struct shared_conf	*shared;
	struct port		*ports[2];	/* lobby-laser, archive */
	struct control		*control;
	char			 path[300];
};

/*
 * Queues lobby (port lobby-laser, backup archive), second (archive), stream
 * (archive, delivery = stream).
 */
void control_rig_make(struct control_rig *rig);
void control_rig_free(struct control_rig *rig);
/* The control alone goes. */
void control_rig_end(struct control_rig *rig);
/* One turn of the loop, if there is something to do. */
void control_rig_turn(struct control_rig *rig);

/* ---- clients ----------------------------------------------------------- */

struct client {
	int		 fd;		/* -1: closed */
	char		*text;		/* owned; what came */
	size_t		 len;
	bool		 end;		/* nothing more comes */
};

struct client_answer {
	int		 status;
	char		*head, *body;	/* owned; body without its chunks */
	size_t		 len;		/* of body */
	bool		 whole;
	json_t		*json;		/* owned; NULL: it is none */
};

void client_connect(struct control_rig *rig, struct client *client);
/* Sends all, with the loop running as long as it must; less if it is closed. */
void client_send(struct control_rig *rig, struct client *client,
    const char *bytes, size_t len);
/* Takes what is there. */
void client_read(struct client *client);
/* Runs the loop until the server has closed. */
void client_wait(struct control_rig *rig, struct client *client);
/* Runs the loop until a whole answer is there, and takes it off. */
void client_answer(struct control_rig *rig, struct client *client,
    struct client_answer *answer);
void client_close(struct client *client);
void client_answer_free(struct client_answer *answer);

/* "GET /v1/jobs"; body NULL: none.  On a connection of its own. */
void control_ask(struct control_rig *rig, const char *what, const char *body,
    struct client_answer *answer);

/* The same; the answer has this status and, as JSON, these members. */
void control_expect(struct control_rig *rig, const char *what,
    const char *body, int status, const char *members);

#endif /* CONTROL_RIG_H */
