/*
 * hostcall - a port host without a loop around it, for what may block.
 *
 * Lifecycle  hostcall_start() .. hostcall_end().
 * Ownership  Owns the process.  conf is borrowed for the call.
 * Errors     -1 and a fault in words.
 * Threads    Any one.
 */
#ifndef HOSTCALL_H
#define HOSTCALL_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "conf/conf.h"
#include "monitor/fault.h"
#include "monitor/wire.h"

struct hostcall {
	pid_t		 pid;
	int		 control;
	int		 wait_ms;	/* longest wait for one message */
	struct wire	 wire;		/* in and out */
};

/* As a language monitor: none is loaded, and it does not matter whose it is. */
extern const char HOSTCALL_ANY[];

/*
 * Start a host and have it load a monitor (and a language monitor, or NULL)
 * with those ports of conf that use just these.  NULL: fault says why.
 */
struct hostcall *hostcall_start(const struct conf *conf, const char *monitor,
    const char *language_monitor, int wait_ms, struct fault *fault);

/* Send call->wire. */
int hostcall_send(struct hostcall *call, struct fault *fault);
/* The next message's type, in call->wire; log lines are passed over. */
int hostcall_receive(struct hostcall *call, struct fault *fault);

void hostcall_end(struct hostcall *call);

/* Does this port use these modules? */
bool hostcall_uses(const struct conf_port *port, const char *monitor,
    const char *language_monitor);

#endif /* HOSTCALL_H */
