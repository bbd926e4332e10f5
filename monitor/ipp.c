/*
 * ipp.c - a port monitor for printers that speak IPP or IPPS.
 *
 *	start_doc	printer looked at, job created
 *	write		first bytes kept back until they tell the format,
 *			then sent with the document's request
 *	end_doc		last byte sent, printer has taken the job;
 *			confirm = yes: the job is printed
 *
 * A printer that is away, busy or not accepting is found by start_doc, so that
 * the job has not failed, and another port may take it.  What is wrong with a
 * job holds it.
 *
 * end_doc waits for the printer to be done with the job, unless confirm = no.
 * Only so is a job that the printer aborts, or loses when it is switched off,
 * known in time to be held or printed again; the price is that the printer
 * gets the next job when it is done with this one.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "ipp.h"
#include "monitor_util.h"

/* While a printer is in trouble it is asked this often whether it still is. */
#define TROUBLE_POLL_MS	5000

struct pp_monitor {
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*ports;		/* open ones, owned */
};

static const struct pp_setting_decl ipp_settings[] = {
	{ .key = "uri", .type = PP_TYPE_STRING, .flags = PP_SETTING_REQUIRED,
	  .help = "the printer: ipp://HOST[:PORT]/PATH, or ipps:// with TLS" },
	{ .key = "format", .type = PP_TYPE_STRING, .preset = "auto",
	  .help = "what documents are: a MIME media type, or auto, to look" },
	{ .key = "attributes", .type = PP_TYPE_STRING, .preset = "",
	  .help = "of each job, as media=iso_a4_210x297mm sides=one-sided" },
	{ .key = "confirm", .type = PP_TYPE_BOOL, .preset = "yes",
	  .help = "a job is sent when it is printed; no: when it is taken" },
	{ .key = "connect_timeout", .type = PP_TYPE_TIME, .preset = "10s",
	  .min = 1000, .max = 3600000,
	  .help = "longest wait for a connection" },
	{ .key = "response_timeout", .type = PP_TYPE_TIME, .preset = "30s",
	  .min = 1000, .max = 3600000,
	  .help = "longest wait for the printer's answer" },
	{ .key = "status_interval", .type = PP_TYPE_TIME, .preset = "30s",
	  .min = 0, .max = 86400000,
	  .help = "ask the printer how it is this often; 0: only with a job" },
	{ .key = "tls_verify", .type = PP_TYPE_BOOL, .preset = "yes",
	  .help = "print only where the certificate is trusted" },
	{ .key = "tls_ca", .type = PP_TYPE_PATH,
	  .help = "PEM file of who is trusted; unset: whom the system trusts" },
	{ .key = "tls_fingerprint", .type = PP_TYPE_STRING, .preset = "",
	  .help = "the one certificate to trust: sha256:HEX" },
	{ .key = NULL },
};

static const struct pp_monitor2 ipp_monitor;

/*
 * ---- What the other files need ---------------------------------------------
 */

int
ipp_fault(const struct pp_port *port, int code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	port->host->log(port->host->cookie, port->quiet || port->hasty ?
	    PP_LOG_DEBUG : PP_LOG_ERROR, "%s", text);
	return code;
}

int64_t
ipp_clock_ms(const struct pp_port *port)
{
	return port->host->clock_ms(port->host->cookie);
}

int
ipp_pause(const struct pp_port *port, int ms)
{
	int rc = port->host->wait_fd(port->host->cookie, port->never_fd,
	    PP_WAIT_READ, ms);

	return rc == PP_CANCELED ? rc : PP_OK;
}

/*
 * ---- Settings --------------------------------------------------------------
 */

static int
get_text(const struct pp_port *port, const char *key, char **text)
{
	return pp_util_setting(port->host, port->name, key, text);
}

static int
get_number(const struct pp_port *port, const char *key, int *number)
{
	int64_t value = 0;
	int rc;

	rc = port->host->config_number(port->host->cookie, port->name, key,
	    &value);
	*number = value < INT32_MAX ? (int)value : INT32_MAX;
	return rc;
}

static int
get_uri(struct pp_port *port)
{
	char scheme[32], user[256];
	http_uri_status_t status;
	int rc;

	rc = get_text(port, "uri", &port->uri);
	if (rc != PP_OK)
		return rc;
	if (port->uri == NULL || port->uri[0] == '\0')
		return ipp_fault(port, PP_INVALID_PARAMETER,
		    "uri is missing: set it to ipp://HOST/ipp/print or alike");
	status = httpSeparateURI(HTTP_URI_CODING_ALL, port->uri, scheme,
	    sizeof(scheme), user, sizeof(user), port->address,
	    sizeof(port->address), &port->number, port->resource,
	    sizeof(port->resource));
	if (status < HTTP_URI_STATUS_OK)
		return ipp_fault(port, PP_INVALID_PARAMETER,
		    "uri = %s: %s; the form is ipp://HOST[:PORT]/PATH",
		    port->uri, httpURIStatusString(status));
	port->secure = strcmp(scheme, "ipps") == 0;
	if (!port->secure && strcmp(scheme, "ipp") != 0)
		return ipp_fault(port, PP_INVALID_PARAMETER,
		    "uri = %s: it starts with ipp:// or ipps://", port->uri);
	if (user[0] != '\0')
		return ipp_fault(port, PP_INVALID_PARAMETER, "uri has a user "
		    "in it: logging in at printers is not supported");
	if (port->address[0] == '\0' || port->number < 1 ||
	    port->number > 65535)
		return ipp_fault(port, PP_INVALID_PARAMETER,
		    "uri = %s: it needs a host, and a port from 1 to 65535",
		    port->uri);
	if (strcmp(port->resource, "/") == 0)
		return ipp_fault(port, PP_INVALID_PARAMETER, "uri = %s: the "
		    "path is missing; mostly it is /ipp/print", port->uri);
	return PP_OK;
}

static int
get_format(struct pp_port *port)
{
	int rc = get_text(port, "format", &port->format);

	if (rc != PP_OK || port->format == NULL)
		return rc;
	if (strcmp(port->format, "auto") == 0) {
		free(port->format);
		port->format = NULL;
		return PP_OK;
	}
	if (!ipp_is_media_type(port->format))
		return ipp_fault(port, PP_INVALID_PARAMETER, "format = %s: "
		    "set auto, or a MIME media type such as application/pdf",
		    port->format);
	return PP_OK;
}

static int
judge_option(const struct pp_port *port, const cups_option_t *option)
{
	if (strcmp(option->name, "copies") == 0)
		return ipp_fault(port, PP_INVALID_PARAMETER, "attributes has "
		    "copies: the number of them is a matter of the job");
	if (option->value[0] == '\0')
		return ipp_fault(port, PP_INVALID_PARAMETER,
		    "attributes: %s has no value; the form is KEY=VALUE ...",
		    option->name);
	return PP_OK;
}

static int
get_attributes(struct pp_port *port)
{
	char *text;
	int i, rc;

	rc = get_text(port, "attributes", &text);
	if (rc == PP_OK && text != NULL)
		port->n_options = cupsParseOptions(text, 0, &port->options);
	if (rc == PP_OK && text != NULL && port->n_options == 0 &&
	    text[strspn(text, " \t")] != '\0')
		rc = ipp_fault(port, PP_INVALID_PARAMETER,
		    "attributes = %s: the form is KEY=VALUE ...", text);
	free(text);
	for (i = 0; i < port->n_options && rc == PP_OK; i++)
		rc = judge_option(port, &port->options[i]);
	return rc;
}

static int
get_tls(struct pp_port *port)
{
	int rc, verify = 1;
	char *text;

	if ((rc = get_number(port, "tls_verify", &verify)) != PP_OK ||
	    (rc = get_text(port, "tls_ca", &port->tls_ca)) != PP_OK ||
	    (rc = get_text(port, "tls_fingerprint", &text)) != PP_OK)
		return rc;
	port->tls_verify = verify != 0;
	port->pinned = text != NULL && text[0] != '\0';
	if (port->pinned && !ipp_tls_fingerprint(text, port->pin))
		rc = ipp_fault(port, PP_INVALID_PARAMETER, "tls_fingerprint = "
		    "%s: the form is sha256: and 64 hexadecimal digits", text);
	else if (port->tls_ca != NULL && access(port->tls_ca, R_OK) == -1)
		rc = ipp_fault(port, PP_INVALID_PARAMETER,
		    "tls_ca = %s: %s", port->tls_ca, strerror(errno));
	else if (!port->secure && (port->pinned || port->tls_ca != NULL))
		rc = ipp_fault(port, PP_INVALID_PARAMETER, "uri = %s: %s "
		    "needs ipps://", port->uri, port->pinned ?
		    "tls_fingerprint" : "tls_ca");
	free(text);
	return rc;
}

static int
get_settings(struct pp_port *port)
{
	int confirm = 1, rc;

	if ((rc = get_uri(port)) != PP_OK ||
	    (rc = get_format(port)) != PP_OK ||
	    (rc = get_attributes(port)) != PP_OK ||
	    (rc = get_tls(port)) != PP_OK ||
	    (rc = get_number(port, "confirm", &confirm)) != PP_OK ||
	    (rc = get_number(port, "connect_timeout",
	    &port->connect_ms)) != PP_OK ||
	    (rc = get_number(port, "response_timeout",
	    &port->answer_ms)) != PP_OK ||
	    (rc = get_number(port, "status_interval",
	    &port->status_ms)) != PP_OK ||
	    (rc = get_number(port, "write_timeout",
	    &port->configured_ms)) != PP_OK)
		return rc;
	port->confirm = confirm != 0;
	return PP_OK;
}

/*
 * ---- Ports -----------------------------------------------------------------
 */

static int
ipp_enum_ports(struct pp_monitor *monitor, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	return pp_util_enum_ports(monitor->host, &ipp_monitor,
	    PP_PORT_TYPE_WRITE | PP_PORT_TYPE_NET_ATTACHED, level, buf, size,
	    needed, count);
}

static void
port_free(struct pp_port *port)
{
	if (port == NULL)
		return;
	ipp_link_close(&port->link);
	ipp_job_forget_printer(port);
	if (port->never_fd != -1)
		close(port->never_fd);
	cupsFreeOptions(port->n_options, port->options);
	free(port->uri);
	free(port->format);
	free(port->tls_ca);
	free(port);
}

/* A port whose settings are right. */
static int
port_new(struct pp_monitor *monitor, const char *name, struct pp_port **out)
{
	struct pp_port *port;
	int rc = PP_OK;

	*out = NULL;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return PP_NO_MEMORY;
	port->monitor = monitor;
	port->host = monitor->host;
	port->link.port = port;
	memcpy(port->name, name, strlen(name) + 1);
	port->never_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (port->never_fd == -1)
		rc = -errno;
	if (rc == PP_OK)
		rc = get_settings(port);
	if (rc != PP_OK) {
		port_free(port);
		return rc;
	}
	*out = port;
	return PP_OK;
}

static int
ipp_check_port(struct pp_monitor *monitor, const char *name)
{
	struct pp_port *port;
	int rc = port_new(monitor, name, &port);

	port_free(port);
	return rc == PP_INVALID_PARAMETER ? PP_INVALID_DATA : rc;
}

static int
ipp_open_port(struct pp_monitor *monitor, const char *name,
    struct pp_port **out)
{
	struct pp_port *port;
	int rc;

	*out = NULL;
	if (!pp_util_has_port(monitor->host, name))
		return PP_NOT_FOUND;
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

/* For PortIsValid: the printer is not asked. */
static int
try_port(struct pp_monitor *monitor, const char *name)
{
	struct pp_port *port;
	int rc = port_new(monitor, name, &port);

	port_free(port);
	return rc;
}

static int
ipp_set_port_timeouts(struct pp_port *port, const struct pp_timeouts *timeouts)
{
	if (timeouts->size < sizeof(*timeouts))
		return PP_INVALID_PARAMETER;
	port->asked_ms = timeouts->write_ms < INT32_MAX ?
	    (int)timeouts->write_ms : INT32_MAX;
	return PP_OK;
}

static int
ipp_service_port(struct pp_port *port, uint32_t *again_ms)
{
	int64_t now = ipp_clock_ms(port);

	*again_ms = 0;
	if (port->status_ms == 0)
		return PP_OK;
	if (now >= port->next_poll_ms)
		(void)ipp_job_look(port, NULL);
	*again_ms = (uint32_t)(port->in_trouble &&
	    port->status_ms > TROUBLE_POLL_MS ? TROUBLE_POLL_MS :
	    port->status_ms);
	port->next_poll_ms = ipp_clock_ms(port) + *again_ms;
	return PP_OK;
}

/*
 * ---- Documents -------------------------------------------------------------
 */

/* A text of a client's as a name of IPP: valid UTF-8, and not too long. */
static void
copy_name(char name[IPP_NAME_SIZE], const char *text)
{
	size_t at = 0, len;

	for (; text != NULL && *text != '\0'; text += len > 0 ? len : 1) {
		len = pp_util_character(text);
		if (at + (len > 0 ? len : 1) >= IPP_NAME_SIZE)
			break;
		if (len == 0)
			name[at++] = '?';
		memcpy(name + at, text, len);
		at += len;
	}
	name[at] = '\0';
}

static void
keep_document(struct pp_port *port, uint64_t number,
    const struct pp_doc_info_1 *doc)
{
	struct pp_job_info job = { .size = sizeof(job) };

	if (port->host->job_info(port->host->cookie, number, &job) != PP_OK)
		job = (struct pp_job_info){ 0 };
	port->job = number;
	port->error = PP_OK;
	port->head_len = 0;
	port->sending = false;
	port->printer_job = 0;
	port->hasty = false;
	port->quiet = false;
	port->timeout_ms = port->asked_ms != 0 ? port->asked_ms :
	    port->configured_ms;
	copy_name(port->user, job.user);
	copy_name(port->title, doc->doc_name != NULL &&
	    doc->doc_name[0] != '\0' ? doc->doc_name : job.title);
	copy_name(port->document, job.document);
	copy_name(port->datatype, doc->datatype);
}

/* What takes the device: a printer that is there, willing, and has the job. */
static int
take_printer(struct pp_port *port)
{
	int rc = ipp_job_look(port, &port->link);

	if (rc == PP_OK && !port->accepting)
		rc = ipp_fault(port, -EBUSY, "%s: the printer accepts no jobs "
		    "now", port->uri);
	return rc == PP_OK ? ipp_job_create(port) : rc;
}

static int
ipp_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
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
	keep_document(port, job, doc_info);
	rc = take_printer(port);
	if (rc != PP_OK)
		ipp_link_close(&port->link);
	port->in_document = rc == PP_OK;
	return rc;
}

/* The request is out: what was kept back goes first. */
static int
send_head(struct pp_port *port)
{
	size_t written;
	int rc;

	if (!port->sending) {
		rc = ipp_job_send(port);
		if (rc != PP_OK)
			return rc;
	}
	if (port->head_len == 0)
		return PP_OK;
	rc = ipp_link_write(&port->link, port->head, port->head_len,
	    port->timeout_ms, &written);
	port->head_len -= written;
	memmove(port->head, port->head + written, port->head_len);
	return rc;
}

/*
 * What every write ends with.  A printer that answers before the end does not
 * want the document, or no document at all.
 */
static int
wrote(struct pp_port *port, int rc)
{
	if (rc == 1) {
		rc = ipp_job_sent(port);
		if (rc == PP_OK)
			rc = ipp_fault(port, -EPROTO, "%s: the printer has "
			    "answered before the end of the document",
			    port->uri);
	}
	if (rc != PP_OK && rc != PP_TIMEOUT)
		port->error = rc;
	return rc;
}

static int
ipp_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	size_t room = IPP_HEAD_LEN - port->head_len;
	int rc;

	*written = 0;
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	if (port->error != PP_OK)
		return port->error;
	if (!port->sending && room > 0) {
		*written = len < room ? len : room;
		memcpy(port->head + port->head_len, buf, *written);
		port->head_len += *written;
		return PP_OK;
	}
	rc = send_head(port);
	if (rc == PP_OK && port->head_len == 0)
		rc = ipp_link_write(&port->link, buf, len, port->timeout_ms,
		    written);
	return wrote(port, rc);
}

static int
ipp_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	(void)port;
	(void)buf;
	(void)size;
	*len = 0;
	return PP_NOT_SUPPORTED;
}

/* Send what is left, and hear what becomes of it. */
static int
finish_document(struct pp_port *port)
{
	int rc;

	do {
		rc = send_head(port);
		if (rc == PP_TIMEOUT)
			rc = ipp_pause(port, 0);
	} while (rc == PP_OK && port->head_len > 0);
	if (rc == PP_OK)
		rc = ipp_link_finish(&port->link);
	if (rc == PP_OK || rc == 1)
		rc = ipp_job_sent(port);
	if (rc == PP_OK && port->confirm)
		rc = ipp_job_follow(port);
	return rc;
}

/* The connection goes first: what was sent of the document has no end then. */
static void
give_up(struct pp_port *port)
{
	ipp_link_close(&port->link);
	port->hasty = true;
	ipp_job_cancel(port);
	port->hasty = false;
}

static int
ipp_end_doc_port(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	bool deleting;
	int rc;

	if (!port->in_document)
		return PP_OK;
	deleting = host->job_flags(host->cookie, port->job) & PP_JOB_DELETING;
	rc = port->error;
	if (rc == PP_OK && !deleting)
		rc = finish_document(port);
	if (rc != PP_OK || deleting)
		give_up(port);
	ipp_link_close(&port->link);
	port->in_document = false;
	port->quiet = false;
	if (deleting)
		return PP_OK;
	if (rc == PP_OK)
		(void)host->job_event(host->cookie, port->job, PP_JOB_SENT);
	return rc;
}

static int
ipp_close_port(struct pp_port *port)
{
	struct pp_port **link = &port->monitor->ports;

	if (port->in_document)
		give_up(port);
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	port_free(port);
	return PP_OK;
}

/*
 * ---- Management ------------------------------------------------------------
 */

static int
ipp_xcv_open_port(struct pp_monitor *monitor, const char *object,
    uint32_t access, struct pp_xcv **out)
{
	static const struct pp_util_hooks hooks = { .try_port = try_port };

	return pp_util_xcv_open(monitor->host, &ipp_monitor, &hooks, monitor,
	    object, access, out);
}

static int
ipp_xcv_data_port(struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	return pp_util_xcv_data(xcv, name, in, in_len, out, out_size, needed);
}

static int
ipp_xcv_close_port(struct pp_xcv *xcv)
{
	return pp_util_xcv_close(xcv);
}

static void
ipp_shutdown(struct pp_monitor *monitor)
{
	free(monitor);
}

static const struct pp_monitor2 ipp_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.name			= "ipp",
	.summary		= "Prints at IPP and IPPS printers",
	.kinds			= PP_PORT_MONITOR,
	.needs			= PP_NEEDS_NETWORK,
	.settings		= ipp_settings,
	.enum_ports		= ipp_enum_ports,
	.open_port		= ipp_open_port,
	.start_doc_port		= ipp_start_doc_port,
	.write_port		= ipp_write_port,
	.read_port		= ipp_read_port,
	.end_doc_port		= ipp_end_doc_port,
	.close_port		= ipp_close_port,
	.xcv_open_port		= ipp_xcv_open_port,
	.xcv_data_port		= ipp_xcv_data_port,
	.xcv_close_port		= ipp_xcv_close_port,
	.set_port_timeouts	= ipp_set_port_timeouts,
	.shutdown		= ipp_shutdown,
	.service_port		= ipp_service_port,
	.check_port		= ipp_check_port,
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
	return &ipp_monitor;
}
