/*
 * device.c - a port monitor for printers at a device node: USB, parallel,
 * serial.
 *
 *	path		that node
 *	usb, usb_id	the USB printer that is this one, at whichever node
 *
 * The device is open, and nobody else's, as long as the port is; when it is
 * gone, it is looked for again before the next document.  A document has ended
 * when its last byte is in the printer, because closing a device may drop what
 * its driver still holds.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "device.h"
#include "device_usb.h"
#include "monitor_util.h"

/* Between two documents, see this often how the device is. */
#define IDLE_LOOK_MS	5000
#define TROUBLE_LOOK_MS	2000

struct pp_monitor {
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*ports;		/* open ones, owned */
};

static const struct pp_setting_decl device_settings[] = {
	{ .key = "path", .type = PP_TYPE_PATH,
	  .help = "the device node, such as /dev/usb/lp0 or /dev/ttyS0" },
	{ .key = "usb", .type = PP_TYPE_STRING,
	  .help = "the USB printer that is VENDOR:PRODUCT or "
	  "VENDOR:PRODUCT:SERIAL, whatever its node" },
	{ .key = "usb_id", .type = PP_TYPE_STRING,
	  .help = "the USB printer whose device id has this: "
	  "MFG:HP;MDL:LaserJet 1020;SN:123, or a part of these" },
	{ .key = "read", .type = PP_TYPE_BOOL, .preset = "no",
	  .help = "hear what the printer answers" },
	{ .key = "status", .type = PP_TYPE_BOOL, .preset = "yes",
	  .help = "believe what the printer's driver says of paper and errors" },
	{ .key = "on_attach", .type = PP_TYPE_PATH,
	  .help = "file to send before the first document after each plug-in, "
	  "such as firmware" },
	{ .key = "speed", .type = PP_TYPE_NUMBER, .preset = "9600",
	  .min = 50, .max = 4000000, .help = "baud rate of a serial line" },
	{ .key = "data_bits", .type = PP_TYPE_NUMBER, .preset = "8",
	  .min = 5, .max = 8, .help = "data bits of a serial line" },
	{ .key = "parity", .type = PP_TYPE_CHOICE, .preset = "none",
	  .choices = "none|even|odd|mark|space",
	  .help = "parity of a serial line" },
	{ .key = "stop_bits", .type = PP_TYPE_NUMBER, .preset = "1",
	  .min = 1, .max = 2, .help = "stop bits of a serial line" },
	{ .key = "flow", .type = PP_TYPE_CHOICE, .preset = "none",
	  .choices = "none|rtscts|xonxoff",
	  .help = "how a serial printer says stop: by its wires, by XOFF" },
	{ .key = "sysfs", .type = PP_TYPE_PATH, .preset = "/sys",
	  .help = "where the kernel tells of devices" },
	{ .key = "devices", .type = PP_TYPE_PATH, .preset = "/dev",
	  .help = "where the nodes of devices found there are" },
	{ .key = "state", .type = PP_TYPE_PATH, .preset = "/dev/shm",
	  .help = "where it is kept until a reboot who had on_attach" },
	{ .key = NULL },
};

static const struct pp_monitor2 device_monitor;

/*
 * ---- Ports -----------------------------------------------------------------
 */

static void
port_free(struct pp_port *port)
{
	if (port == NULL)
		return;
	device_close(port);
	device_settings_free(port);
	free(port);
}

/* A port with its settings, and no device yet. */
static int
port_new(struct pp_monitor *monitor, const char *name, struct pp_port **out)
{
	struct pp_port *port;
	int rc;

	*out = NULL;
	if (!pp_util_has_port(monitor->host, name))
		return PP_NOT_FOUND;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return PP_NO_MEMORY;
	port->monitor = monitor;
	port->host = monitor->host;
	port->fd = -1;
	memcpy(port->name, name, strlen(name) + 1);
	rc = device_settings_get(port);
	if (rc != PP_OK) {
		port_free(port);
		return rc;
	}
	port->timeout_ms = port->configured_ms;
	*out = port;
	return PP_OK;
}

static int
device_check_port(struct pp_monitor *monitor, const char *name)
{
	struct pp_port *port;
	int rc = port_new(monitor, name, &port);

	if (rc == PP_OK)
		rc = device_settings_alone(port);
	port_free(port);
	return rc == PP_INVALID_PARAMETER ? PP_INVALID_DATA : rc;
}

static int
device_open_port(struct pp_monitor *monitor, const char *name,
    struct pp_port **out)
{
	struct pp_port *port;
	int rc;

	*out = NULL;
	for (port = monitor->ports; port != NULL; port = port->next)
		if (strcmp(port->name, name) == 0)
			return PP_BUSY;
	rc = port_new(monitor, name, &port);
	if (rc != PP_OK)
		return rc;
	port->open = true;
	rc = device_open(port);
	if (rc != PP_OK) {
		port_free(port);
		return rc;
	}
	device_look(port);
	port->next = monitor->ports;
	monitor->ports = port;
	*out = port;
	return PP_OK;
}

/* For PortIsValid. */
static int
try_port(struct pp_monitor *monitor, const char *name)
{
	struct pp_port *port;
	int rc = port_new(monitor, name, &port);

	if (rc == PP_OK)
		rc = device_open(port);
	port_free(port);
	return rc;
}

static int
device_close_port(struct pp_port *port)
{
	struct pp_port **link = &port->monitor->ports;

	if (port->in_document)
		device_abandon(port);
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	port_free(port);
	return PP_OK;
}

static int
device_set_port_timeouts(struct pp_port *port,
    const struct pp_timeouts *timeouts)
{
	if (timeouts->size < sizeof(*timeouts))
		return PP_INVALID_PARAMETER;
	port->asked_ms = timeouts->write_ms < INT32_MAX ?
	    (int)timeouts->write_ms : INT32_MAX;
	return PP_OK;
}

/* For a language monitor, which may find its language named in it. */
static int
device_get_printer_data(struct pp_port *port, uint32_t control,
    const char *value_name, const void *in, size_t in_len, void *out,
    size_t out_size, size_t *len)
{
	char id[1024];

	(void)value_name;
	(void)in;
	(void)in_len;
	*len = 0;
	if (control != PP_CONTROL_DEVICE_ID)
		return PP_INVALID_PARAMETER;
	if (port->fd == -1 || !device_usb_ask_id(port->fd, id, sizeof(id)))
		return PP_NOT_SUPPORTED;
	return pp_util_answer(id, strlen(id) + 1, out, out_size, len);
}

/* Have the device open, a new one if the old one is gone. */
static int
have_device(struct pp_port *port)
{
	if (port->fd != -1 && device_is_gone(port))
		device_close(port);
	return port->fd == -1 ? device_open(port) : PP_OK;
}

/* The status tells what is wrong, and once is enough for the log. */
static int
device_service_port(struct pp_port *port, uint32_t *again_ms)
{
	port->quiet = true;
	if (port->in_document || have_device(port) == PP_OK)
		device_look(port);
	port->quiet = false;
	*again_ms = port->status != PP_STATUS_CLEAR || port->unsaid ?
	    TROUBLE_LOOK_MS : IDLE_LOOK_MS;
	return PP_OK;
}

/*
 * ---- Enumeration -----------------------------------------------------------
 */

struct packing {
	const struct pp_host *host;
	void		*buf;
	uint32_t	 level, count;
	char		*end;		/* strings go down from here */
};

static size_t
entry_size(uint32_t level, const char *name, const char *description)
{
	return level == 1 ?
	    sizeof(struct pp_port_info_1) + strlen(name) + 1 :
	    sizeof(struct pp_port_info_2) + strlen(name) + 1 +
	    strlen(device_monitor.name) + 1 + strlen(description) + 1;
}

static void
pack(struct packing *packing, const char *name, const char *description)
{
	struct pp_port_info_2 *info = packing->buf;
	uint32_t index = packing->count++;
	int64_t read = 0;

	if (packing->level == 1) {
		((struct pp_port_info_1 *)packing->buf)[index].name =
		    pp_util_pack(&packing->end, name);
		return;
	}
	(void)packing->host->config_number(packing->host->cookie, name,
	    "read", &read);
	info[index] = (struct pp_port_info_2){
		.name = pp_util_pack(&packing->end, name),
		.monitor = pp_util_pack(&packing->end, device_monitor.name),
		.description = pp_util_pack(&packing->end, description),
		.type = PP_PORT_TYPE_WRITE | (read ? PP_PORT_TYPE_READ : 0),
	};
}

static int
pack_both(struct packing *packing, const struct device_found *found, size_t n,
    size_t size, size_t *needed)
{
	const struct pp_host *host = packing->host;
	char name[PP_PORT_NAME_LEN + 1];
	uint32_t i;
	size_t k;

	for (i = 0; host->config_port(host->cookie, i, name) == PP_OK; i++)
		*needed += entry_size(packing->level, name,
		    device_monitor.summary);
	for (k = 0; k < n; k++)
		*needed += entry_size(packing->level, found[k].name,
		    found[k].description);
	if (*needed > size)
		return PP_BUFFER_TOO_SMALL;
	if (*needed > 0)
		packing->end = (char *)packing->buf + size;
	for (i = 0; host->config_port(host->cookie, i, name) == PP_OK; i++)
		pack(packing, name, device_monitor.summary);
	for (k = 0; k < n; k++)
		pack(packing, found[k].name, found[k].description);
	return PP_OK;
}

/* The ports, and what could be made one: printers that are plugged in. */
static int
device_enum_ports(struct pp_monitor *monitor, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	struct packing packing = { .host = monitor->host, .buf = buf,
	    .level = level };
	struct device_found *found;
	size_t n;
	int rc;

	*needed = 0;
	*count = 0;
	if (level != 1 && level != 2)
		return PP_INVALID_LEVEL;
	rc = device_find_new(monitor->host, &found, &n);
	if (rc != PP_OK)
		return rc;
	rc = pack_both(&packing, found, n, size, needed);
	free(found);
	*count = packing.count;
	return rc;
}

/*
 * ---- Documents -------------------------------------------------------------
 */

static void
begin(struct pp_port *port, uint64_t job)
{
	port->in_document = true;
	port->job = job;
	port->error = PP_OK;
	port->stalled_ms = 0;
	port->stall_error = 0;
	port->pause_ms = 0;
	port->named = false;
}

static int
device_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	int rc;

	(void)queue;
	if (level != 1)
		return PP_INVALID_LEVEL;
	if (doc_info == NULL)
		return PP_INVALID_PARAMETER;
	if (port->in_document)
		return PP_BUSY;
	port->timeout_ms = port->asked_ms != 0 ? port->asked_ms :
	    port->configured_ms;
	rc = have_device(port);
	if (rc != PP_OK)
		return rc;
	begin(port, job);
	rc = device_attach(port);
	if (rc != PP_OK) {
		device_abandon(port);
		port->in_document = false;
		return rc;
	}
	/* A parallel port always looks ready; it is asked now and then. */
	if (port->read && port->kind != DEVICE_PARALLEL)
		(void)port->host->watch_read(port->host->cookie, port,
		    port->fd);
	return PP_OK;
}

static int
device_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	int rc;

	*written = 0;
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	rc = device_put(port, buf, len, written);
	port->error = rc == PP_TIMEOUT ? PP_OK : rc;
	return rc;
}

/*
 * A USB printer that has nothing to say may say just that, at once and again
 * and again: then it is asked now and then, and not whenever it wants.
 */
static int
device_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	ssize_t n;

	*len = 0;
	if (!port->read)
		return PP_NOT_SUPPORTED;
	if (port->fd == -1)
		return PP_INVALID_HANDLE;
	do
		n = read(port->fd, buf, size);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		*len = (size_t)n;
	else if (n == -1 && errno != EAGAIN)
		return errno == EIO || errno == ENODEV ? PP_END_OF_DATA :
		    -errno;
	else if (n == 0 && port->kind == DEVICE_LINE)
		return PP_END_OF_DATA;
	else if (n == 0)
		(void)port->host->watch_read(port->host->cookie, port, -1);
	return PP_OK;
}

/*
 * What is left of a document that comes to no good end must not be printed
 * before the next one; so the device is closed, and opened again for that.
 */
static int
device_end_doc_port(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	bool deleting;
	int rc;

	if (!port->in_document)
		return PP_OK;
	deleting = host->job_flags(host->cookie, port->job) & PP_JOB_DELETING;
	rc = port->error;
	if (rc == PP_OK && !deleting)
		rc = device_drain(port);
	port->in_document = false;
	port->stalled_ms = 0;
	port->stall_error = 0;
	if (rc != PP_OK || deleting)
		device_abandon(port);
	if (port->fd != -1 && port->read)
		(void)host->watch_read(host->cookie, port, -1);
	if (deleting || rc != PP_OK)
		return deleting ? PP_OK : rc;
	/* It has arrived, whether or not anybody hears of it. */
	(void)host->job_event(host->cookie, port->job, PP_JOB_SENT);
	return PP_OK;
}

/*
 * ---- Management ------------------------------------------------------------
 */

static int
check_settings(struct pp_monitor *monitor, const struct pp_setting *settings,
    size_t count)
{
	return device_settings_judge(monitor->host, settings, count);
}

static int
device_xcv_open_port(struct pp_monitor *monitor, const char *object,
    uint32_t access, struct pp_xcv **out)
{
	static const struct pp_util_hooks hooks = {
		.check = check_settings,
		.try_port = try_port,
	};

	return pp_util_xcv_open(monitor->host, &device_monitor, &hooks,
	    monitor, object, access, out);
}

/* Beside EnumPorts, for those who have no port yet: "NAME  DESCRIPTION\n". */
static int
list_devices(const struct pp_xcv *xcv, void *out, size_t out_size,
    size_t *needed)
{
	struct device_found *found;
	size_t n, i, at = 0, size;
	char *text;
	int rc;

	rc = device_find_new(xcv->host, &found, &n);
	if (rc != PP_OK)
		return rc;
	size = n * (sizeof(*found) + 3) + 1;
	text = malloc(size);
	if (text == NULL) {
		free(found);
		return PP_NO_MEMORY;
	}
	text[0] = '\0';
	for (i = 0; i < n; i++)
		at += (size_t)snprintf(text + at, size - at, "%s  %s\n",
		    found[i].name, found[i].description);
	rc = pp_util_answer(text, at + 1, out, out_size, needed);
	free(text);
	free(found);
	return rc;
}

static int
device_xcv_data_port(struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	if (strcmp(name, "ListDevices") == 0)
		return list_devices(xcv, out, out_size, needed);
	return pp_util_xcv_data(xcv, name, in, in_len, out, out_size, needed);
}

static int
device_xcv_close_port(struct pp_xcv *xcv)
{
	return pp_util_xcv_close(xcv);
}

static void
device_shutdown(struct pp_monitor *monitor)
{
	free(monitor);
}

static const struct pp_monitor2 device_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.name			= "device",
	.summary		= "USB, parallel and serial printers",
	.kinds			= PP_PORT_MONITOR,
	.needs			= PP_NEEDS_FILES,
	.settings		= device_settings,
	.enum_ports		= device_enum_ports,
	.open_port		= device_open_port,
	.start_doc_port		= device_start_doc_port,
	.write_port		= device_write_port,
	.read_port		= device_read_port,
	.end_doc_port		= device_end_doc_port,
	.close_port		= device_close_port,
	.xcv_open_port		= device_xcv_open_port,
	.xcv_data_port		= device_xcv_data_port,
	.xcv_close_port		= device_xcv_close_port,
	.get_printer_data_from_port = device_get_printer_data,
	.set_port_timeouts	= device_set_port_timeouts,
	.shutdown		= device_shutdown,
	.service_port		= device_service_port,
	.check_port		= device_check_port,
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
	return &device_monitor;
}
