/*
 * control - people look at the daemon, and tell it what to do.
 *
 *	connection --question--> call --api command--> answer --> connection
 *
 * HTTP/1.1 and JSON on a Unix socket; what can be asked is in api.h.  Root and
 * the daemon's own user may do everything; the members of the socket's group
 * may observe and operate; nobody else can connect.
 *
 * It has nothing in common with printing but the loop, and takes little of
 * that: a question is answered when the store has its answer, clients are
 * limited in number, size and time, and one that is gone costs nothing.
 *
 * Lifecycle  control_new(), after root is dropped; control_configure() before
 *            the loop runs and at each reload; control_free() before the
 *            dispatcher and the spooler are.
 * Ownership  Borrows what is in the house, and the ports.
 * Errors     control_new(): NULL and a fault for people.
 * Threads    The loop's, only.
 */
#ifndef CONTROL_H
#define CONTROL_H

struct control;
struct dispatch;
struct event_base;
struct fault;
struct port;
struct shared_conf;
struct spooler;

/* Connections at a time; more wait until one is over. */
#define CONTROL_CLIENTS_MAX	64
#define CONTROL_BODY_MAX	((size_t)64 << 10)
#define CONTROL_HEAD_MAX	((size_t)16 << 10)
/* To say what one wants, from the connection or the answer before. */
#define CONTROL_QUESTION_S	30
/* Without taking a byte of an answer. */
#define CONTROL_STALL_S		60

struct control_house {
	struct event_base	*base;
	struct spooler		*spooler;
	struct dispatch		*dispatch;
};

/* Makes the socket at path; nothing is answered until it is configured. */
struct control *control_new(const struct control_house *house,
    const char *path, struct fault *fault)
    __attribute__((warn_unused_result));

/* What is in force; ports[i] is that of conf->ports[i].  -1: no memory. */
int control_configure(struct control *control, struct shared_conf *conf,
    struct port *const *ports) __attribute__((warn_unused_result));

void control_free(struct control *control);

#endif /* CONTROL_H */
