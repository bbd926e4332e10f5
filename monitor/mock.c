/*
 * mock.c - see mock.h: the table, and management.
 *
 * The environment variable PRINTPORT_MOCK_INIT (fail, hang, crash) spoils the
 * start of the module, where there is no port yet to configure it by.
 */
#include <stdlib.h>
#include <string.h>

#include "mock.h"
#include "monitor_util.h"

static const struct pp_monitor2 mock_monitor;

struct pp_port *
mock_port_new(struct pp_monitor *monitor, const char *name)
{
	struct pp_port *port = calloc(1, sizeof(*port));

	if (port == NULL)
		return NULL;
	port->monitor = monitor;
	memcpy(port->name, name, strlen(name) + 1);
	port->out_fd = port->trace_fd = port->quiet_fd = port->read_fd = -1;
	port->echo_fds[0] = port->echo_fds[1] = -1;
	return port;
}

/* ---- ports ------------------------------------------------------------- */

static int
mock_enum_ports(struct pp_monitor *monitor, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	return pp_util_enum_ports(monitor->host, &mock_monitor,
	    PP_PORT_TYPE_WRITE | PP_PORT_TYPE_READ, level, buf, size, needed,
	    count);
}

static int
mock_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	if (level != 1)
		return PP_INVALID_LEVEL;
	if (doc_info == NULL)
		return PP_INVALID_PARAMETER;
	return port->below != NULL ?
	    mock_lm_start(port, queue, job, level, doc_info) :
	    mock_pm_start(port, job);
}

static int
mock_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	return port->below != NULL ? mock_lm_write(port, buf, len, written) :
	    mock_pm_write(port, buf, len, written);
}

static int
mock_write_port_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	return port->below != NULL ?
	    mock_lm_write_from_fd(port, fd, max, moved) :
	    mock_pm_write_from_fd(port, fd, max, moved);
}

static int
mock_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	return port->below != NULL ? mock_lm_read(port, buf, size, len) :
	    mock_pm_read(port, buf, size, len);
}

static int
mock_end_doc_port(struct pp_port *port)
{
	return port->below != NULL ? mock_lm_end(port) : mock_pm_end(port);
}

static int
mock_close_port(struct pp_port *port)
{
	return port->below != NULL ? mock_lm_close(port) : mock_pm_close(port);
}

static int
mock_get_printer_data(struct pp_port *port, uint32_t control,
    const char *value_name, const void *in, size_t in_len, void *out,
    size_t out_size, size_t *len)
{
	return port->below != NULL ? mock_lm_printer_data(port, control,
	    value_name, in, in_len, out, out_size, len) :
	    mock_pm_printer_data(port, control, in, in_len, out, out_size, len);
}

static int
mock_set_port_timeouts(struct pp_port *port,
    const struct pp_timeouts *timeouts)
{
	return port->below != NULL ? mock_lm_set_timeouts(port, timeouts) :
	    mock_pm_set_timeouts(port, timeouts);
}

static int
mock_send_recv_bidi(struct pp_port *port, uint32_t access, const char *action,
    const struct pp_bidi *request, struct pp_bidi **response)
{
	return port->below != NULL ?
	    mock_lm_bidi(port, access, action, request, response) :
	    mock_pm_bidi(port, action, request, response);
}

static int
mock_service_port(struct pp_port *port, uint32_t *again_ms)
{
	return port->below != NULL ? mock_lm_service(port, again_ms) :
	    mock_pm_service(port, again_ms);
}

/* ---- management -------------------------------------------------------- */

static int
mock_xcv_open_port(struct pp_monitor *monitor, const char *object,
    uint32_t access, struct pp_xcv **out)
{
	return pp_util_xcv_open(monitor->host, &mock_monitor, NULL, monitor,
	    object, access, out);
}

/* GetConfigInfo asks for a port's output, so it needs a port's handle. */
static int
mock_xcv_data_port(struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	char path[4096];
	int code;

	if (strcmp(name, "GetConfigInfo") != 0)
		return pp_util_xcv_data(xcv, name, in, in_len, out, out_size,
		    needed);
	if (xcv->object[0] == '\0')
		return PP_INVALID_PARAMETER;
	code = xcv->host->config_text(xcv->host->cookie, xcv->object,
	    "output", path, sizeof(path), NULL);
	return code != PP_OK ? code : pp_util_answer(path, strlen(path) + 1,
	    out, out_size, needed);
}

static int
mock_xcv_close_port(struct pp_xcv *xcv)
{
	return pp_util_xcv_close(xcv);
}

/* ---- life -------------------------------------------------------------- */

static void
mock_shutdown(struct pp_monitor *monitor)
{
	free(monitor);
}

static const struct pp_monitor2 mock_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.name			= "mock",
	.summary		= "Fails on command, for tests",
	.kinds			= PP_PORT_MONITOR | PP_LANGUAGE_MONITOR,
	.needs			= PP_NEEDS_FILES,
	.settings		= mock_settings,
	.enum_ports		= mock_enum_ports,
	.open_port		= mock_pm_open,
	.open_port_ex		= mock_lm_open,
	.start_doc_port		= mock_start_doc_port,
	.write_port		= mock_write_port,
	.read_port		= mock_read_port,
	.end_doc_port		= mock_end_doc_port,
	.close_port		= mock_close_port,
	.xcv_open_port		= mock_xcv_open_port,
	.xcv_data_port		= mock_xcv_data_port,
	.xcv_close_port		= mock_xcv_close_port,
	.get_printer_data_from_port	= mock_get_printer_data,
	.set_port_timeouts	= mock_set_port_timeouts,
	.send_recv_bidi_data_from_port	= mock_send_recv_bidi,
	.shutdown		= mock_shutdown,
	.write_port_from_fd	= mock_write_port_from_fd,
	.service_port		= mock_service_port,
};

const struct pp_monitor2 *
pp_initialize_print_monitor2(const struct pp_host *host,
    struct pp_monitor **monitor, int *error)
{
	const char *command = getenv("PRINTPORT_MOCK_INIT");

	*error = PP_OK;
	if (command != NULL && strcmp(command, "crash") == 0)
		abort();
	if (command != NULL && strcmp(command, "hang") == 0)
		mock_hang();
	if (command != NULL && strcmp(command, "fail") == 0) {
		*error = -EIO;
		return NULL;
	}
	*monitor = calloc(1, sizeof(**monitor));
	if (*monitor == NULL) {
		*error = PP_NO_MEMORY;
		return NULL;
	}
	(*monitor)->host = host;
	return &mock_monitor;
}
