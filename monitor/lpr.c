/*
 * lpr.c - a port monitor that passes jobs on to LPD servers (RFC 1179).
 *
 *	mode = standard		the length of a document goes before it; one
 *				that is not known yet is written to a file
 *				without a name first
 *	mode = stream		no length; the end of the connection ends it
 *
 * A job has been printed when the server has given its last answer.  Where a
 * connection breaks between the last byte and that answer, nobody can know: the
 * job is sent again then, and may be printed twice.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lpr.h"
#include "monitor_util.h"

struct pp_monitor {
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*ports;		/* open ones, owned */
};

static const struct pp_setting_decl lpr_settings[] = {
	{ .key = "host", .type = PP_TYPE_STRING, .flags = PP_SETTING_REQUIRED,
	  .help = "name or address of the print server" },
	{ .key = "port", .type = PP_TYPE_NUMBER, .preset = "515",
	  .min = 1, .max = 65535, .help = "its TCP port" },
	{ .key = "queue", .type = PP_TYPE_STRING,
	  .flags = PP_SETTING_REQUIRED, .help = "its queue" },
	{ .key = "order", .type = PP_TYPE_CHOICE, .preset = "control,data",
	  .choices = "control,data|data,control",
	  .help = "what is sent first" },
	{ .key = "mode", .type = PP_TYPE_CHOICE, .preset = "standard",
	  .choices = "standard|stream",
	  .help = "say the length of a document before it, or end it with the "
	  "connection" },
	{ .key = "stream_length", .type = PP_TYPE_NUMBER,
	  .preset = "999999999999", .min = 0, .max = INT64_MAX,
	  .help = "what is said as the length with mode = stream" },
	{ .key = "spool", .type = PP_TYPE_CHOICE, .preset = "auto",
	  .choices = "auto|always",
	  .help = "write documents to a file before they are sent: those of "
	  "unknown length, or all" },
	{ .key = "directory", .type = PP_TYPE_PATH, .preset = "/var/tmp",
	  .help = "where that file is" },
	{ .key = "format", .type = PP_TYPE_STRING, .preset = "l",
	  .help = "letter of the print line: one of c d f g l n o p r t v, or "
	  "auto, by the format of the document" },
	{ .key = "banner", .type = PP_TYPE_CHOICE, .preset = "original",
	  .choices = "original|yes|no",
	  .help = "ask for a banner page; original: if the first client did" },
	{ .key = "copies", .type = PP_TYPE_NUMBER, .preset = "1",
	  .min = 1, .max = 999,
	  .help = "ask for so many copies of each document" },
	{ .key = "long_lines", .type = PP_TYPE_BOOL, .preset = "no",
	  .help = "do not cut names and titles to the length of RFC 1179" },
	{ .key = "reserve", .type = PP_TYPE_CHOICE, .preset = "none",
	  .choices = "none|rfc1179|any",
	  .help = "source port: of no matter, 721 to 731, or below 1024" },
	{ .key = "connect_timeout", .type = PP_TYPE_TIME, .preset = "30s",
	  .min = 10, .max = INT32_MAX,
	  .help = "longest wait for a connection" },
	{ .key = "control_timeout", .type = PP_TYPE_TIME, .preset = "5m",
	  .min = 10, .max = INT32_MAX,
	  .help = "longest wait for an answer before the data" },
	{ .key = "ack_timeout", .type = PP_TYPE_TIME, .preset = "1h",
	  .min = 10, .max = INT32_MAX,
	  .help = "longest wait for an answer behind the data" },
	{ .key = NULL },
};

static const struct pp_monitor2 lpr_monitor;

/* ---- settings ----------------------------------------------------------- */

static int
wrong(const struct pp_host *host, const char *key, const char *value,
    const char *why)
{
	host->log(host->cookie, PP_LOG_ERROR, "%s = %s: %s", key, value, why);
	return PP_INVALID_PARAMETER;
}

/* One word that can stand in a line of the protocol. */
static bool
is_word(const char *text)
{
	size_t at, len;

	for (at = 0; text[at] != '\0'; at += len) {
		len = pp_util_character(text + at);
		if (len == 0 || text[at] == ' ')
			return false;
	}
	return at > 0;
}

static int
judge_texts(const struct pp_host *host, const char *server, const char *queue,
    const char *format)
{
	if (!is_word(server))
		return wrong(host, "host", server,
		    "expected a host name or an address");
	if (!is_word(queue))
		return wrong(host, "queue", queue,
		    "expected the name of a queue, without blanks");
	if (strcmp(format, "auto") != 0 && (strlen(format) != 1 ||
	    strchr(LPR_FORMATS, format[0]) == NULL))
		return wrong(host, "format", format,
		    "expected one letter of c d f g l n o p r t v, or auto");
	return PP_OK;
}

static int
judge_modes(const struct pp_host *host, bool stream, bool data_first,
    bool spool)
{
	if (stream && data_first)
		return wrong(host, "mode", "stream", "the control file can "
		    "only go first then: order = control,data");
	if (stream && spool)
		return wrong(host, "mode", "stream",
		    "nothing is written to a file then: spool = auto");
	return PP_OK;
}

static const char *
value_of(const struct pp_setting *settings, size_t count, const char *key)
{
	const struct pp_setting_decl *decl;
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(settings[i].key, key) == 0)
			return settings[i].value;
	for (decl = lpr_settings; decl->key != NULL; decl++)
		if (strcmp(decl->key, key) == 0 && decl->preset != NULL)
			return decl->preset;
	return "";
}

/* For AddPort and ConfigPort. */
static int
check_settings(struct pp_monitor *monitor, const struct pp_setting *settings,
    size_t count)
{
	int rc;

	rc = judge_texts(monitor->host, value_of(settings, count, "host"),
	    value_of(settings, count, "queue"),
	    value_of(settings, count, "format"));
	if (rc == PP_OK)
		rc = judge_modes(monitor->host,
		    strcmp(value_of(settings, count, "mode"), "stream") == 0,
		    strcmp(value_of(settings, count, "order"),
		    "data,control") == 0,
		    strcmp(value_of(settings, count, "spool"),
		    "always") == 0);
	return rc == PP_OK ? PP_OK : PP_INVALID_DATA;
}

static int
get_text(const struct pp_port *port, const char *key, char **text)
{
	int rc = pp_util_setting(port->host, port->name, key, text);

	if (rc == PP_OK && *text == NULL)
		*text = strdup("");
	return rc != PP_OK || *text != NULL ? rc : PP_NO_MEMORY;
}

static int
get_number(const struct pp_port *port, const char *key, int *number)
{
	int64_t value = 0;
	int rc = port->host->config_number(port->host->cookie, port->name, key,
	    &value);

	*number = value < INT32_MAX ? (int)value : INT32_MAX;
	return rc;
}

static int
get_numbers(struct pp_port *port)
{
	struct lpr_settings *set = &port->set;
	int mode = 0, order = 0, spool = 0, banner = 0, reserve = 0, longer = 0;
	int rc;

	if ((rc = get_number(port, "port", &set->port)) != PP_OK ||
	    (rc = get_number(port, "mode", &mode)) != PP_OK ||
	    (rc = get_number(port, "order", &order)) != PP_OK ||
	    (rc = get_number(port, "spool", &spool)) != PP_OK ||
	    (rc = get_number(port, "banner", &banner)) != PP_OK ||
	    (rc = get_number(port, "copies", &set->copies)) != PP_OK ||
	    (rc = get_number(port, "reserve", &reserve)) != PP_OK ||
	    (rc = get_number(port, "long_lines", &longer)) != PP_OK ||
	    (rc = port->host->config_number(port->host->cookie, port->name,
	    "stream_length", &set->stream_length)) != PP_OK)
		return rc;
	set->stream = mode == 1;
	set->data_first = order == 1;
	set->spool = spool == 1;
	set->banner = (enum lpr_banner)banner;
	set->reserve = (enum lpr_reserve)reserve;
	set->long_lines = longer != 0;
	return judge_modes(port->host, set->stream, set->data_first,
	    set->spool);
}

static int
get_times(struct pp_port *port)
{
	struct lpr_settings *set = &port->set;
	int rc;

	if ((rc = get_number(port, "connect_timeout",
	    &set->connect_timeout_ms)) != PP_OK ||
	    (rc = get_number(port, "control_timeout",
	    &set->control_timeout_ms)) != PP_OK ||
	    (rc = get_number(port, "ack_timeout",
	    &set->ack_timeout_ms)) != PP_OK)
		return rc;
	/* A host may keep this one to itself. */
	if (get_number(port, "stall_timeout", &set->stall_timeout_ms) != PP_OK)
		set->stall_timeout_ms = 0;
	return get_number(port, "write_timeout", &set->write_timeout_ms);
}

static int
get_settings(struct pp_port *port)
{
	struct lpr_settings *set = &port->set;
	char *format = NULL;
	int rc;

	if ((rc = get_text(port, "host", &set->host)) == PP_OK &&
	    (rc = get_text(port, "queue", &set->queue)) == PP_OK &&
	    (rc = get_text(port, "directory", &set->directory)) == PP_OK &&
	    (rc = get_text(port, "format", &format)) == PP_OK &&
	    (rc = judge_texts(port->host, set->host, set->queue,
	    format)) == PP_OK &&
	    (rc = get_numbers(port)) == PP_OK)
		rc = get_times(port);
	if (rc == PP_OK)
		set->format = format[1] == '\0' ? format[0] : '\0';
	free(format);
	return rc;
}

/* ---- ports -------------------------------------------------------------- */

static int
lpr_enum_ports(struct pp_monitor *monitor, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	return pp_util_enum_ports(monitor->host, &lpr_monitor,
	    PP_PORT_TYPE_WRITE | PP_PORT_TYPE_NET_ATTACHED, level, buf, size,
	    needed, count);
}

static void
port_free(struct pp_port *port)
{
	if (port == NULL)
		return;
	free(port->set.host);
	free(port->set.queue);
	free(port->set.directory);
	free(port);
}

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
	memcpy(port->name, name, strlen(name) + 1);
	port->monitor = monitor;
	port->host = monitor->host;
	port->fd = port->spool = -1;
	rc = get_settings(port);
	if (rc != PP_OK)
		port_free(port);
	else
		*out = port;
	return rc;
}

static int
lpr_open_port(struct pp_monitor *monitor, const char *name,
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
	port->next = monitor->ports;
	monitor->ports = port;
	*out = port;
	return PP_OK;
}

/* Whether it is right; that is also whether it could be opened. */
static int
try_port(struct pp_monitor *monitor, const char *name)
{
	struct pp_port *port;
	int rc = port_new(monitor, name, &port);

	port_free(port);
	return rc;
}

static int
lpr_check_port(struct pp_monitor *monitor, const char *name)
{
	int rc = try_port(monitor, name);

	return rc == PP_INVALID_PARAMETER ? PP_INVALID_DATA : rc;
}

static int
lpr_set_port_timeouts(struct pp_port *port, const struct pp_timeouts *timeouts)
{
	if (timeouts->size < sizeof(*timeouts))
		return PP_INVALID_PARAMETER;
	port->asked_ms = timeouts->write_ms < INT32_MAX ?
	    (int)timeouts->write_ms : INT32_MAX;
	return PP_OK;
}

/* ---- documents ---------------------------------------------------------- */

/* A file that nobody sees, and that is gone whatever becomes of us. */
static int
open_spool(struct pp_port *port)
{
	char path[4096];

	port->spool = open(port->set.directory, O_TMPFILE | O_RDWR | O_CLOEXEC,
	    0600);
	if (port->spool == -1 && (errno == EOPNOTSUPP || errno == EISDIR)) {
		snprintf(path, sizeof(path), "%s/printport-lpr.XXXXXX",
		    port->set.directory);
		port->spool = mkostemp(path, O_CLOEXEC);
		if (port->spool != -1)
			(void)unlink(path);
	}
	return port->spool != -1 ? PP_OK : lpr_fail(port, -errno,
	    "directory = %s: no file can be made there: %s",
	    port->set.directory, strerror(errno));
}

static int
make_control(struct pp_port *port, const struct pp_doc_info_1 *doc,
    const struct pp_job_info *info)
{
	char us[NI_MAXHOST] = "localhost";
	struct lpr_job job = {
		.id = port->job,
		.user = info->user,
		.host = info->host,
		.title = doc->doc_name != NULL && doc->doc_name[0] != '\0' ?
		    doc->doc_name : info->title,
		.document = info->document,
		.extra = info->extra,
		.datatype = doc->datatype,
		.us = us,
		.format = port->set.format,
		.copies = (unsigned int)port->set.copies,
		.banner = port->set.banner,
		.long_lines = port->set.long_lines,
	};

	(void)gethostname(us, sizeof(us) - 1);
	us[strcspn(us, ".")] = '\0';
	return lpr_control_make(&port->control, &job);
}

static void
leave_document(struct pp_port *port)
{
	lpr_break_off(port);
	if (port->spool != -1)
		close(port->spool);
	port->spool = -1;
	lpr_control_free(&port->control);
	port->in_document = false;
}

static int
lpr_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	const struct pp_host *host = port->host;
	struct pp_job_info info = { .size = sizeof(info) };
	int rc;

	(void)queue;
	if (level != 1)
		return PP_INVALID_LEVEL;
	if (doc_info == NULL)
		return PP_INVALID_PARAMETER;
	if (port->in_document)
		return PP_BUSY;
	if (host->job_info(host->cookie, job, &info) != PP_OK)
		info = (struct pp_job_info){ .length = -1 };
	port->job = job;
	port->failed = 0;
	rc = make_control(port, doc_info, &info);
	if (rc != PP_OK)
		return rc;
	port->in_document = true;
	rc = !port->set.stream && (port->set.spool || info.length < 0) ?
	    open_spool(port) : lpr_begin(port, info.length);
	if (rc != PP_OK)
		leave_document(port);
	return rc;
}

static int
spool_failed(struct pp_port *port, int code)
{
	return lpr_fail(port, code, "cannot write to a file in %s: %s%s",
	    port->set.directory, strerror(-code), code == -ENOSPC ?
	    "; make room there, or set another directory" : "");
}

static int
lpr_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	ssize_t n;

	*written = 0;
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	if (port->failed != 0)
		return port->failed;
	if (port->spool == -1)
		return lpr_write(port, buf, len, written);
	n = write(port->spool, buf, len);
	if (n >= 0)
		*written = (size_t)n;
	return n >= 0 || errno == EINTR ? PP_OK : spool_failed(port, -errno);
}

static int
lpr_write_port_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	const struct pp_host *host = port->host;
	int rc;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	if (port->failed != 0)
		return port->failed;
	if (port->spool == -1)
		return lpr_write_from_fd(port, fd, max, moved);
	rc = host->transfer(host->cookie, fd, port->spool, max,
	    lpr_write_timeout(port), moved);
	return rc == PP_OK || rc == PP_CANCELED ? rc : spool_failed(port, rc);
}

static int
lpr_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	(void)port;
	(void)buf;
	(void)size;
	*len = 0;
	return PP_NOT_SUPPORTED;
}

/* Now its length is known. */
static int
send_spooled(struct pp_port *port)
{
	off_t length = lseek(port->spool, 0, SEEK_END);
	int rc;

	if (length == -1)
		return spool_failed(port, -errno);
	rc = lpr_begin(port, length);
	return rc != PP_OK ? rc : lpr_write_file(port, port->spool, length);
}

static int
lpr_end_doc_port(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	bool deleting;
	int rc;

	if (!port->in_document)
		return PP_OK;
	deleting = (host->job_flags(host->cookie, port->job) &
	    PP_JOB_DELETING) != 0;
	rc = port->failed;
	if (rc == PP_OK && !deleting && port->spool != -1)
		rc = send_spooled(port);
	if (rc == PP_OK && !deleting)
		rc = lpr_end(port);
	if (rc == PP_OK && !deleting)
		lpr_hang_up(port);
	leave_document(port);
	if (deleting)
		return PP_OK;
	if (rc == PP_OK)
		(void)host->job_event(host->cookie, port->job, PP_JOB_SENT);
	return rc;
}

static int
lpr_close_port(struct pp_port *port)
{
	struct pp_port **link = &port->monitor->ports;

	if (port->in_document)
		leave_document(port);
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	port_free(port);
	return PP_OK;
}

/* ---- management --------------------------------------------------------- */

static int
lpr_xcv_open_port(struct pp_monitor *monitor, const char *object,
    uint32_t access, struct pp_xcv **out)
{
	static const struct pp_util_hooks hooks = {
		.check = check_settings,
		.try_port = try_port,
	};

	return pp_util_xcv_open(monitor->host, &lpr_monitor, &hooks, monitor,
	    object, access, out);
}

static int
lpr_xcv_data_port(struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	return pp_util_xcv_data(xcv, name, in, in_len, out, out_size, needed);
}

static int
lpr_xcv_close_port(struct pp_xcv *xcv)
{
	return pp_util_xcv_close(xcv);
}

static void
lpr_shutdown(struct pp_monitor *monitor)
{
	free(monitor);
}

static const struct pp_monitor2 lpr_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.name			= "lpr",
	.summary		= "Passes jobs on to LPD servers",
	.kinds			= PP_PORT_MONITOR,
	.needs			= PP_NEEDS_FILES | PP_NEEDS_NETWORK,
	.settings		= lpr_settings,
	.enum_ports		= lpr_enum_ports,
	.open_port		= lpr_open_port,
	.start_doc_port		= lpr_start_doc_port,
	.write_port		= lpr_write_port,
	.read_port		= lpr_read_port,
	.end_doc_port		= lpr_end_doc_port,
	.close_port		= lpr_close_port,
	.xcv_open_port		= lpr_xcv_open_port,
	.xcv_data_port		= lpr_xcv_data_port,
	.xcv_close_port		= lpr_xcv_close_port,
	.set_port_timeouts	= lpr_set_port_timeouts,
	.shutdown		= lpr_shutdown,
	.write_port_from_fd	= lpr_write_port_from_fd,
	.check_port		= lpr_check_port,
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
	return &lpr_monitor;
}
