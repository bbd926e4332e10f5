/*
 * null.c - a port monitor whose ports take everything and keep nothing.
 *
 * For tests, for measuring, and for queues that only count.  It is also the
 * smallest whole port monitor there is: start from it to write another.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "monitor.h"
#include "monitor_util.h"

struct pp_port {
	struct pp_monitor	*monitor;	/* borrowed */
	struct pp_port		*next;		/* open port of the monitor */
	char			 name[PP_PORT_NAME_LEN + 1];
	int			 fd;		/* owned: /dev/null */
	int			 in_document;
	uint64_t		 job;		/* of the document */
};

struct pp_monitor {
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*ports;		/* open ones, owned */
};

static const struct pp_monitor2 null_monitor;

static int
null_enum_ports(struct pp_monitor *monitor, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	return pp_util_enum_ports(monitor->host, &null_monitor,
	    PP_PORT_TYPE_WRITE, level, buf, size, needed, count);
}

static int
null_open_port(struct pp_monitor *monitor, const char *name,
    struct pp_port **out)
{
	struct pp_port *port;

	*out = NULL;
	if (!pp_util_has_port(monitor->host, name))
		return PP_NOT_FOUND;
	for (port = monitor->ports; port != NULL; port = port->next)
		if (strcmp(port->name, name) == 0)
			return PP_BUSY;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return PP_NO_MEMORY;
	port->fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (port->fd == -1) {
		int rc = -errno;

		monitor->host->log(monitor->host->cookie, PP_LOG_ERROR,
		    "cannot open /dev/null: %s", strerror(-rc));
		free(port);
		return rc;
	}
	memcpy(port->name, name, strlen(name) + 1);
	port->monitor = monitor;
	port->next = monitor->ports;
	monitor->ports = port;
	*out = port;
	return PP_OK;
}

static int
null_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	(void)queue;
	if (level != 1)
		return PP_INVALID_LEVEL;
	if (doc_info == NULL)
		return PP_INVALID_PARAMETER;
	if (port->in_document)
		return PP_BUSY;
	port->in_document = 1;
	port->job = job;
	return PP_OK;
}

static int
null_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	(void)buf;
	*written = 0;
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	*written = len;
	return PP_OK;
}

/* Spliced to /dev/null, bytes are never looked at; it takes them always. */
static int
null_write_port_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	const struct pp_host *host = port->monitor->host;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	return host->transfer(host->cookie, fd, port->fd, max, 0, moved);
}

static int
null_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	(void)port;
	(void)buf;
	(void)size;
	*len = 0;
	return PP_NOT_SUPPORTED;
}

static int
null_end_doc_port(struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;

	if (!port->in_document)
		return PP_OK;
	port->in_document = 0;
	if ((host->job_flags(host->cookie, port->job) & PP_JOB_DELETING) == 0)
		(void)host->job_event(host->cookie, port->job, PP_JOB_SENT);
	return PP_OK;
}

static int
null_close_port(struct pp_port *port)
{
	struct pp_port **link = &port->monitor->ports;

	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	close(port->fd);
	free(port);
	return PP_OK;
}

static int
null_xcv_open_port(struct pp_monitor *monitor, const char *object,
    uint32_t access, struct pp_xcv **out)
{
	return pp_util_xcv_open(monitor->host, &null_monitor, NULL, monitor,
	    object, access, out);
}

static int
null_xcv_data_port(struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	return pp_util_xcv_data(xcv, name, in, in_len, out, out_size, needed);
}

static int
null_xcv_close_port(struct pp_xcv *xcv)
{
	return pp_util_xcv_close(xcv);
}

static void
null_shutdown(struct pp_monitor *monitor)
{
	free(monitor);
}

static const struct pp_monitor2 null_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.name			= "null",
	.summary		= "Takes everything, keeps nothing",
	.kinds			= PP_PORT_MONITOR,
	.needs			= PP_NEEDS_FILES,
	.enum_ports		= null_enum_ports,
	.open_port		= null_open_port,
	.start_doc_port		= null_start_doc_port,
	.write_port		= null_write_port,
	.read_port		= null_read_port,
	.end_doc_port		= null_end_doc_port,
	.close_port		= null_close_port,
	.xcv_open_port		= null_xcv_open_port,
	.xcv_data_port		= null_xcv_data_port,
	.xcv_close_port		= null_xcv_close_port,
	.shutdown		= null_shutdown,
	.write_port_from_fd	= null_write_port_from_fd,
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
	return &null_monitor;
}
