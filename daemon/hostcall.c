/*
 * hostcall.c - see hostcall.h.
 */
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "hostcall.h"
#include "hostproc.h"
#include "log.h"
#include "monitor/monitor.h"

const char HOSTCALL_ANY[] = "*";

bool
hostcall_uses(const struct conf_port *port, const char *monitor,
    const char *language_monitor)
{
	const char *lm = port->language_monitor;

	if (strcmp(port->monitor, monitor) != 0)
		return false;
	if (language_monitor == HOSTCALL_ANY)
		return true;
	if (lm == NULL || language_monitor == NULL)
		return lm == language_monitor;
	return strcmp(lm, language_monitor) == 0;
}

int
hostcall_send(struct hostcall *call, struct fault *fault)
{
	if (wire_send(&call->wire, call->control) == 0)
		return 0;
	(void)fault_set(fault, -errno, "the port host is gone (%s)",
	    strerror(errno));
	return -1;
}

/* What a module says while it is judged is for the log all the same. */
static void
pass_on(struct hostcall *call)
{
	uint32_t level = wire_get_u32(&call->wire);

	log_put(level <= 3 ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
	    "monitor says", LOG_TEXT("text", wire_get_str(&call->wire)));
}

int
hostcall_receive(struct hostcall *call, struct fault *fault)
{
	struct pollfd fd = { .fd = call->control, .events = POLLIN };
	int type, n;

	for (;;) {
		n = poll(&fd, 1, call->wait_ms);
		if (n == -1 && errno == EINTR)
			continue;
		if (n != 1) {
			(void)fault_set(fault, PP_TIMEOUT,
			    "the port host does not answer");
			return -1;
		}
		type = wire_recv(&call->wire, call->control);
		if (type <= 0) {
			(void)fault_set(fault, -EPROTO,
			    "the port host ended unexpectedly");
			return -1;
		}
		if (type != WIRE_LOG && type != WIRE_STATUS)
			return type;
		if (type == WIRE_LOG)
			pass_on(call);
	}
}

static int
introduce(struct hostcall *call, const struct conf *conf,
    const char *monitor, const char *language_monitor, struct fault *fault)
{
	size_t i, n = 0;
	int type, code;

	for (i = 0; i < conf->n_ports; i++)
		n += hostcall_uses(&conf->ports[i], monitor,
		    language_monitor);
	hostproc_put_setup(&call->wire, conf, monitor,
	    language_monitor == HOSTCALL_ANY ? NULL : language_monitor, n);
	if (hostcall_send(call, fault) == -1)
		return -1;
	for (i = 0; i < conf->n_ports; i++) {
		if (!hostcall_uses(&conf->ports[i], monitor,
		    language_monitor))
			continue;
		hostproc_put_port(&call->wire, &conf->ports[i]);
		if (hostcall_send(call, fault) == -1)
			return -1;
	}
	type = hostcall_receive(call, fault);
	if (type != WIRE_READY)
		return -1;
	code = (int32_t)wire_get_u32(&call->wire);
	if (code != 0)
		return fault_set(fault, code, "%s", wire_get_str(&call->wire));
	return 0;
}

struct hostcall *
hostcall_start(const struct conf *conf, const char *monitor,
    const char *language_monitor, int wait_ms, struct fault *fault)
{
	struct hostcall *call = calloc(1, sizeof(*call));
	int board_fd, stderr_fd;

	if (call == NULL) {
		(void)fault_set(fault, PP_NO_MEMORY, "no memory");
		return NULL;
	}
	call->wait_ms = wait_ms;
	call->pid = hostproc_spawn(conf->daemon.host_program, &call->control,
	    &board_fd, &stderr_fd);
	if (call->pid == -1) {
		(void)fault_set(fault, -errno,
		    "cannot start host_program %s: %s",
		    conf->daemon.host_program, strerror(errno));
		free(call);
		return NULL;
	}
	close(board_fd);
	close(stderr_fd);
	if (introduce(call, conf, monitor, language_monitor, fault) != 0) {
		hostcall_end(call);
		return NULL;
	}
	return call;
}

void
hostcall_end(struct hostcall *call)
{
	struct pollfd fd = { .fd = call->control, .events = POLLIN };

	wire_begin(&call->wire, WIRE_CLOSE);
	if (wire_send(&call->wire, call->control) == 0)
		while (poll(&fd, 1, call->wait_ms) == 1 &&
		    wire_recv(&call->wire, call->control) > 0)
			wire_drop_fds(&call->wire);
	close(call->control);
	(void)kill(call->pid, SIGKILL);
	(void)waitpid(call->pid, NULL, 0);
	free(call);
}
