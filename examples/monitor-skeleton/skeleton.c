/*
 * skeleton.c - a port monitor to start from: documents to a TCP server.
 *
 * Each document is a connection to `address` and `tcp_port`: all its bytes,
 * then the end of the stream.  A server that answers is heard (read_port).  What a
 * monitor must do is marked with the rule that it keeps; the rules, and how
 * they are meant, are in docs/monitor-contract.md.
 *
 * Built with "make", with nothing but what `pkg-config printport-monitor`
 * knows; see README.md.
 */
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <printport/monitor.h>
#include <printport/monitor_util.h>

/* A module has no globals: all that it knows is in here (rule 3). */
struct pp_monitor {
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*ports;		/* the open ones, owned */
};

struct pp_port {
	struct pp_monitor	*monitor;	/* borrowed */
	struct pp_port		*next;
	char			 name[PP_PORT_NAME_LEN + 1];
	struct addrinfo		*address;	/* owned */
	int			 timeout_ms;	/* of one write */
	int			 fd;		/* owned; -1: no document */
	uint64_t		 job;		/* of the document */
};

static const struct pp_monitor2 skeleton_monitor;

/*
 * What an ini file may say in a [port] section.  The host checks key, type and
 * bounds; values reach the module with their defaults filled in.
 */
static const struct pp_setting_decl skeleton_settings[] = {
	{ .key = "address", .type = PP_TYPE_STRING,
	  .flags = PP_SETTING_REQUIRED,
	  .help = "numeric address of the server, such as 10.0.0.5 or ::1" },
	{ .key = "tcp_port", .type = PP_TYPE_NUMBER,
	  .flags = PP_SETTING_REQUIRED, .min = 1, .max = 65535,
	  .help = "its TCP port" },
	{ .key = NULL },
};

/* ---- ports --------------------------------------------------------------- */

static int
skeleton_enum_ports(struct pp_monitor *monitor, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	return pp_util_enum_ports(monitor->host, &skeleton_monitor,
	    PP_PORT_TYPE_WRITE | PP_PORT_TYPE_READ, level, buf, size, needed,
	    count);
}

/*
 * Sets *address, which the caller frees.  The last error that is logged is the
 * reason that people are shown: name the thing, the place, the remedy.
 */
static int
get_address(const struct pp_host *host, const char *name,
    struct addrinfo **address)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST |
	    AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	char text[NI_MAXHOST], service[NI_MAXSERV];
	int64_t number = 0;
	int code;

	code = host->config_text(host->cookie, name, "address", text,
	    sizeof(text), NULL);
	if (code == PP_OK)
		code = host->config_number(host->cookie, name, "tcp_port",
		    &number);
	if (code != PP_OK)
		return code;
	snprintf(service, sizeof(service), "%d", (int)number);
	if (getaddrinfo(text, service, &hints, address) == 0)
		return PP_OK;
	host->log(host->cookie, PP_LOG_ERROR, "address = %s is no numeric "
	    "address; write it as 10.0.0.5 or 2001:db8::5", text);
	return PP_INVALID_DATA;
}

/* Settings together, for --check-config; the server itself is left alone. */
static int
skeleton_check_port(struct pp_monitor *monitor, const char *name)
{
	struct addrinfo *address;
	int code;

	code = get_address(monitor->host, name, &address);
	if (code == PP_OK)
		freeaddrinfo(address);
	return code;
}

/* Not per job, and no device yet (rule 18); unknown and open names (19, 17). */
static int
skeleton_open_port(struct pp_monitor *monitor, const char *name,
    struct pp_port **out)
{
	const struct pp_host *host = monitor->host;
	struct pp_port *port;
	int64_t timeout_ms = 0;
	int code;

	*out = NULL;
	if (!pp_util_has_port(host, name))
		return PP_NOT_FOUND;
	for (port = monitor->ports; port != NULL; port = port->next)
		if (strcmp(port->name, name) == 0)
			return PP_BUSY;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return PP_NO_MEMORY;
	code = get_address(host, name, &port->address);
	if (code == PP_OK)
		code = host->config_number(host->cookie, name,
		    "write_timeout", &timeout_ms);
	if (code != PP_OK) {
		if (port->address != NULL)
			freeaddrinfo(port->address);
		free(port);
		return code;
	}
	memcpy(port->name, name, strlen(name) + 1);
	port->timeout_ms = timeout_ms < INT32_MAX ? (int)timeout_ms :
	    INT32_MAX;
	port->fd = -1;
	port->monitor = monitor;
	port->next = monitor->ports;
	monitor->ports = port;
	*out = port;
	return PP_OK;
}

static void
disconnect(struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;

	(void)host->watch_read(host->cookie, port, -1);
	close(port->fd);
	port->fd = -1;
	port->job = 0;
}

/* Everything that opening took is given back (rules 25, 28). */
static int
skeleton_close_port(struct pp_port *port)
{
	struct pp_port **link = &port->monitor->ports;

	if (port->fd != -1)
		disconnect(port);
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	freeaddrinfo(port->address);
	free(port);
	return PP_OK;
}

/* ---- documents ------------------------------------------------------------ */

static int
cannot(const struct pp_port *port, const char *what, int error)
{
	const struct pp_host *host = port->monitor->host;

	host->log(host->cookie, PP_LOG_ERROR, "cannot %s the server: %s", what,
	    strerror(error));
	return -error;
}

/* Begun without waiting, so that a cancel ends it at once. */
static int
connect_to(const struct pp_port *port, int fd)
{
	const struct pp_host *host = port->monitor->host;
	socklen_t len = sizeof(int);
	int code, error = 0;

	if (connect(fd, port->address->ai_addr,
	    port->address->ai_addrlen) == 0)
		return PP_OK;
	if (errno != EINPROGRESS)
		return cannot(port, "reach", errno);
	code = host->wait_fd(host->cookie, fd, PP_WAIT_WRITE,
	    port->timeout_ms);
	if (code == PP_TIMEOUT)
		return cannot(port, "reach", ETIMEDOUT);
	if (code < 0)
		return code;
	if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) == -1)
		error = errno;
	return error == 0 ? PP_OK : cannot(port, "reach", error);
}

/*
 * The device is taken here.  A start that fails leaves nothing behind, and no
 * end_doc_port follows it (rule 31).
 */
static int
skeleton_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	const struct pp_host *host = port->monitor->host;
	int fd, code;

	(void)queue;
	if (level != 1)
		return PP_INVALID_LEVEL;	/* rule 33 */
	if (doc_info == NULL)
		return PP_INVALID_PARAMETER;
	if (port->fd != -1)
		return PP_BUSY;			/* rule 30 */
	fd = socket(port->address->ai_family, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0);
	if (fd == -1)
		return cannot(port, "make a socket for", errno);
	code = connect_to(port, fd);
	if (code != PP_OK) {
		close(fd);
		return code;
	}
	port->fd = fd;
	port->job = job;
	(void)host->watch_read(host->cookie, port, fd);
	return PP_OK;
}

/*
 * As much as goes within the time-out; less, even nothing, with PP_OK or
 * PP_TIMEOUT means "go on from there" (rules 35, 36, 39).  Cancelling wakes
 * wait_fd(), so it takes effect at once (rule 49).
 */
static int
skeleton_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	const struct pp_host *host = port->monitor->host;
	ssize_t n;
	int code;

	*written = 0;
	if (port->fd == -1)
		return PP_NO_DOCUMENT;
	code = host->wait_fd(host->cookie, port->fd, PP_WAIT_WRITE,
	    port->timeout_ms);
	if (code < 0)
		return code;
	n = send(port->fd, buf, len, MSG_NOSIGNAL);
	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return PP_OK;
	if (n == -1)
		return cannot(port, "write to", errno);
	*written = (size_t)n;
	return PP_OK;
}

/* Not needed, but no byte is copied with it. */
static int
skeleton_write_port_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	const struct pp_host *host = port->monitor->host;
	int code;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	if (port->fd == -1)
		return PP_NO_DOCUMENT;
	code = host->transfer(host->cookie, fd, port->fd, max,
	    port->timeout_ms, moved);
	if (code < 0 && code != PP_TIMEOUT && code != PP_CANCELED)
		return cannot(port, "write to", -code);
	return code;
}

/* 0 bytes with PP_OK: nothing there now. */
static int
skeleton_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	ssize_t n;

	*len = 0;
	if (port->fd == -1)
		return PP_INVALID_HANDLE;
	n = recv(port->fd, buf, size, MSG_DONTWAIT);
	if (n == 0)
		return PP_END_OF_DATA;
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? PP_OK : -errno;
	*len = (size_t)n;
	return PP_OK;
}

/*
 * Comes for what failed or was canceled, too: then nothing of it may look
 * finished (rules 41, 42, 48).  Here an aborted document ends with a reset: the
 * server does not take it for whole.
 */
static int
skeleton_end_doc_port(struct pp_port *port)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	const struct pp_host *host;
	uint64_t job = port->job;
	int code = PP_OK;

	if (port->fd == -1)
		return PP_OK;
	host = port->monitor->host;
	if (host->job_flags(host->cookie, job) & PP_JOB_DELETING) {
		(void)setsockopt(port->fd, SOL_SOCKET, SO_LINGER, &reset,
		    sizeof(reset));
	} else if (shutdown(port->fd, SHUT_WR) == -1) {
		code = cannot(port, "end the document at", errno);
	} else {
		(void)host->job_event(host->cookie, job, PP_JOB_SENT);
	}
	disconnect(port);
	return code;
}

/* ---- management: what monitor_util.h does for most (rules 52 to 62) -------- */

static int
skeleton_xcv_open_port(struct pp_monitor *monitor, const char *object,
    uint32_t access, struct pp_xcv **out)
{
	return pp_util_xcv_open(monitor->host, &skeleton_monitor, NULL,
	    monitor, object, access, out);
}

static int
skeleton_xcv_data_port(struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	return pp_util_xcv_data(xcv, name, in, in_len, out, out_size, needed);
}

static int
skeleton_xcv_close_port(struct pp_xcv *xcv)
{
	return pp_util_xcv_close(xcv);
}

/* ---- the module ------------------------------------------------------------ */

static void
skeleton_shutdown(struct pp_monitor *monitor)
{
	free(monitor);
}

/* Members that are not here are "not supported" (rule 5). */
static const struct pp_monitor2 skeleton_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.name			= "skeleton",	/* that of the file, too */
	.summary		= "Hands documents to a TCP server",
	.kinds			= PP_PORT_MONITOR,
	.needs			= PP_NEEDS_NETWORK,
	.settings		= skeleton_settings,
	.enum_ports		= skeleton_enum_ports,
	.open_port		= skeleton_open_port,
	.start_doc_port		= skeleton_start_doc_port,
	.write_port		= skeleton_write_port,
	.read_port		= skeleton_read_port,
	.end_doc_port		= skeleton_end_doc_port,
	.close_port		= skeleton_close_port,
	.xcv_open_port		= skeleton_xcv_open_port,
	.xcv_data_port		= skeleton_xcv_data_port,
	.xcv_close_port		= skeleton_xcv_close_port,
	.shutdown		= skeleton_shutdown,
	.write_port_from_fd	= skeleton_write_port_from_fd,
	.check_port		= skeleton_check_port,
};

const struct pp_monitor2 *
pp_initialize_print_monitor2(const struct pp_host *host,
    struct pp_monitor **monitor, int *error)
{
	*monitor = calloc(1, sizeof(**monitor));
	if (*monitor == NULL) {
		*error = PP_NO_MEMORY;
		return NULL;
	}
	(*monitor)->host = host;
	*error = PP_OK;
	return &skeleton_monitor;
}
