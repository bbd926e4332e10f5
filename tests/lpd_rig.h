/*
 * lpd_rig - an LPD front end, and its clients over loopback TCP.
 *
 * Store, loop and fakes are those of receive_rig.  The queue is "lobby", or
 * "front"; "direct" keeps no jobs.  Clients come from 10.0.0.5.
 *
 * Lifecycle  lpd_rig_make(), lpd_rig_begin() .. lpd_rig_free().
 * Ownership  There is one rig in a process, as each test has one of its own.
 * Errors     What can only fail by a defect of the test fails the test.
 * Threads    The test's.
 */
#ifndef LPD_RIG_H
#define LPD_RIG_H

#include "daemon/document.h"
#include "tests/receive_rig.h"

struct frontend;
struct shared_conf;

struct lpd_rig {
	struct receive_rig	 receive;
	struct shared_conf	*shared;	/* NULL before it begins */
	struct frontend		*front;		/* the same */
	union document_peer	 peer;		/* of who enters next */
};

extern struct lpd_rig rig;

void lpd_rig_make(void);
/* Lines for the section of "lobby"; "" unless a test says otherwise. */
extern const char *lpd_rig_queue;
/* The front end, with these lines in its section. */
void lpd_rig_begin(const char *lines);
/* With the sessions that there still are. */
void lpd_rig_free(void);

/* Wait for what the loop has to do. */
void lpd_rig_turn(void);
/* Everybody has gone: what they left behind is settled. */
void lpd_rig_settle(void);

/* A good client comes, prints that and goes; its job is kept. */
void lpd_rig_print(const char *text);
/* The job that was kept last; the nth, from 0. */
const struct job *lpd_rig_job(void);
const struct job *lpd_rig_nth_job(size_t nth);
/* Its documents, one behind the other with '|' between; until the next call. */
const char *lpd_rig_contents(const struct job *job);
/* Neither jobs, nor files, nor anything on its way. */
void lpd_rig_is_empty(void);

/* ---- clients ------------------------------------------------------------- */

#define ACK		0
#define CLOSED		(-1)	/* by FIN */
#define RESET		(-2)

/* Connected, and served; or one after the other. */
void client_enter(struct sender *client);
void client_connect(struct sender *client);
void client_accept(struct sender *client);
void client_send(struct sender *client, const void *bytes, size_t len);
/* The next octet; or how the connection ended. */
int client_hear(struct sender *client);
/* Up to the end; how many octets there were. */
size_t client_hear_all(struct sender *client, char *text, size_t size);
/* A line, and the answer to it. */
int client_say(struct sender *client, const char *line);
/* A file with its NUL; the last answer, or the first that is no ack. */
int client_control(struct sender *client, const char *name, const char *text);
int client_data(struct sender *client, const char *name, const char *text);
/* Gone, whatever is still said. */
void client_leave(struct sender *client);
/* An orderly end, and all that follows from it. */
void client_finish(struct sender *client);

#endif /* LPD_RIG_H */
