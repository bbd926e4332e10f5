/*
 * ipp_job.c - operations on a printer and a job.
 *
 *	look -> create -> send ... -> sent -> follow -> printed
 *	          |         |          |        |
 *	          +---------+----------+--------+--> cancel
 *
 * A printer without Create-Job and Send-Document is sent the job with
 * Print-Job, and it has a number only when all of it has arrived.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ipp.h"

/* A busy printer is asked again after this. */
#define BUSY_MS		1000
/* A job that prints is looked at after this, doubling. */
#define FOLLOW_MIN_MS	100
#define FOLLOW_MAX_MS	2000
/* Clocks of printers count seconds. */
#define BOOT_SLACK_MS	2000
/* What is looked at in passing gets no more than this of an answer. */
#define LOOK_MS		5000
/* A job is taken back within this. */
#define CANCEL_MS	5000
/* Longest text of a printer that is shown. */
#define TEXT_SIZE	200

/*
 * ---- Requests --------------------------------------------------------------
 */

static ipp_t *
new_request(const struct pp_port *port, ipp_op_t operation)
{
	ipp_t *request = ippNewRequest(operation);

	if (request == NULL)
		return NULL;
	ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_URI, "printer-uri",
	    NULL, port->uri);
	if (port->printer_job != 0)
		ippAddInteger(request, IPP_TAG_OPERATION, IPP_TAG_INTEGER,
		    "job-id", port->printer_job);
	ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME,
	    "requesting-user-name", NULL, port->user[0] != '\0' ?
	    port->user : "anonymous");
	return request;
}

/* Send a request, which ends here, and have the answer within ms. */
static int
ask(struct ipp_link *link, ipp_t *request, int ms, ipp_t **answer)
{
	struct pp_port *port = link->port;
	int rc = PP_OK;

	*answer = NULL;
	if (request == NULL)
		return PP_NO_MEMORY;
	if (!ipp_link_ready(link)) {
		ipp_link_close(link);
		rc = ipp_link_open(link, port, ms < port->connect_ms ? ms :
		    port->connect_ms);
	}
	if (rc == PP_OK)
		rc = ipp_link_begin(link, request, false);
	if (rc == PP_OK)
		rc = ipp_link_answer(link, ms, answer);
	ippDelete(request);
	if (rc != PP_TIMEOUT)
		return rc;
	ipp_link_close(link);
	return ipp_fault(port, -EIO, "%s: the printer does not answer; is it "
	    "on?", port->uri);
}

static const char *
text_of(ipp_t *answer, const char *name)
{
	ipp_attribute_t *attribute = ippFindAttribute(answer, name,
	    IPP_TAG_ZERO);
	const char *text = attribute == NULL ? NULL :
	    ippGetString(attribute, 0, NULL);

	return text != NULL ? text : "";
}

static int
number_of(ipp_t *answer, const char *name, int otherwise)
{
	ipp_attribute_t *attribute = ippFindAttribute(answer, name,
	    IPP_TAG_ZERO);

	return attribute == NULL ? otherwise : ippGetInteger(attribute, 0);
}

/* Append "separator text", as far as there is room. */
static void
append(char *list, size_t size, const char *separator, const char *text)
{
	size_t len = strlen(list);

	snprintf(list + len, size - len, "%s%s", len > 0 ? separator : "",
	    text);
}

/* Names of the attributes of a group. */
static void
list_group(ipp_t *answer, ipp_tag_t group, char list[TEXT_SIZE])
{
	ipp_attribute_t *at;

	list[0] = '\0';
	for (at = ippFirstAttribute(answer); at != NULL;
	    at = ippNextAttribute(answer))
		if (ippGetGroupTag(at) == group && ippGetName(at) != NULL)
			append(list, TEXT_SIZE, ", ", ippGetName(at));
}

/* The verdict on an answer; what is unhappy is logged. */
static int
judge(const struct pp_port *port, ipp_t *answer, const char *operation)
{
	ipp_status_t status = ippGetStatusCode(answer);
	int rc = ipp_verdict((unsigned)status);
	const char *remedy = ipp_remedy((unsigned)status);
	const char *message = text_of(answer, "status-message");
	char list[TEXT_SIZE];

	list_group(answer, IPP_TAG_UNSUPPORTED_GROUP, list);
	if (rc != PP_OK)
		return ipp_fault(port, rc, "%s: the printer answers %s to %s"
		    "%s%.200s%s%s%s%s", port->uri, ippErrorString(status),
		    operation, message[0] != '\0' ? ": " : "", message,
		    list[0] != '\0' ? ": " : "", list,
		    remedy[0] != '\0' ? "; " : "", remedy);
	if (list[0] != '\0')
		port->host->log(port->host->cookie, PP_LOG_WARNING,
		    "%s: the printer ignores, or has others for: %s",
		    port->uri, list);
	return PP_OK;
}

/*
 * ---- The printer -----------------------------------------------------------
 */

static const char *const printer_attributes[] = {
	"printer-state", "printer-state-reasons", "printer-state-message",
	"printer-is-accepting-jobs", "printer-up-time",
	"document-format-supported", "operations-supported",
	"copies-supported", "marker-names", "marker-levels",
	"printer-supply", "printer-supply-description",
};

void
ipp_job_forget_printer(struct pp_port *port)
{
	size_t i;

	for (i = 0; i < port->n_formats; i++)
		free(port->formats[i]);
	free(port->formats);
	port->formats = NULL;
	port->n_formats = 0;
}

/* Without memory: as if the printer did not say. */
static void
keep_formats(struct pp_port *port, ipp_t *answer)
{
	ipp_attribute_t *formats = ippFindAttribute(answer,
	    "document-format-supported", IPP_TAG_MIMETYPE);
	int i, n = formats == NULL ? 0 : ippGetCount(formats);

	ipp_job_forget_printer(port);
	if (n == 0)
		return;
	port->formats = calloc((size_t)n, sizeof(*port->formats));
	for (i = 0; i < n && port->formats != NULL; i++) {
		port->formats[i] = strdup(ippGetString(formats, i, NULL));
		if (port->formats[i] == NULL)
			break;
		port->n_formats++;
	}
}

bool
ipp_job_takes(const struct pp_port *port, const char *format)
{
	size_t i;

	for (i = 0; i < port->n_formats; i++)
		if (strcasecmp(port->formats[i], format) == 0)
			return true;
	return port->n_formats == 0;
}

static bool
has_operation(ipp_t *answer, ipp_op_t operation)
{
	ipp_attribute_t *operations = ippFindAttribute(answer,
	    "operations-supported", IPP_TAG_ENUM);

	return operations != NULL &&
	    ippContainsInteger(operations, (int)operation);
}

static void
keep_facts(struct pp_port *port, ipp_t *answer)
{
	ipp_attribute_t *accepting = ippFindAttribute(answer,
	    "printer-is-accepting-jobs", IPP_TAG_BOOLEAN);

	keep_formats(port, answer);
	port->creates = has_operation(answer, IPP_OP_CREATE_JOB) &&
	    has_operation(answer, IPP_OP_SEND_DOCUMENT);
	port->accepting = accepting == NULL || ippGetBoolean(accepting, 0);
	port->copies = ippFindAttribute(answer, "copies-supported",
	    IPP_TAG_ZERO) != NULL;
	port->booted_ms = ipp_clock_ms(port) -
	    1000 * (int64_t)number_of(answer, "printer-up-time", 0);
}

/* The worst of the reasons; all of them in text. */
static struct pp_port_info_3
read_status(ipp_t *answer, char text[TEXT_SIZE])
{
	bool stopped = number_of(answer, "printer-state", 0) ==
	    IPP_PSTATE_STOPPED;
	ipp_attribute_t *reasons = ippFindAttribute(answer,
	    "printer-state-reasons", IPP_TAG_KEYWORD);
	int i, n = reasons == NULL ? 0 : ippGetCount(reasons);
	struct pp_port_info_3 one, worst = { PP_STATUS_CLEAR,
	    PP_SEVERITY_NONE, NULL };

	text[0] = '\0';
	for (i = 0; i < n; i++) {
		ipp_reason(ippGetString(reasons, i, NULL), stopped, &one);
		if (one.severity != PP_SEVERITY_NONE)
			append(text, TEXT_SIZE, ", ",
			    ippGetString(reasons, i, NULL));
		if (ipp_worse(&one, &worst))
			worst = one;
	}
	if (stopped && worst.severity != PP_SEVERITY_ERROR) {
		worst.status = PP_STATUS_USER_INTERVENTION;
		worst.severity = PP_SEVERITY_ERROR;
		append(text, TEXT_SIZE, ", ", "stopped");
	}
	if (worst.severity != PP_SEVERITY_NONE)
		append(text, TEXT_SIZE, ": ",
		    text_of(answer, "printer-state-message"));
	return worst;
}

static void
tell_status(struct pp_port *port, ipp_t *answer)
{
	char text[TEXT_SIZE];
	struct pp_port_info_3 info = read_status(answer, text);

	info.text = text[0] != '\0' ? text : NULL;
	port->in_trouble = info.severity == PP_SEVERITY_ERROR;
	(void)port->host->set_port_status(port->host->cookie, port->name,
	    &info);
}

/* Markers as most printers have them, or else PWG's supplies. */
static void
tell_supplies(struct pp_port *port, ipp_t *answer)
{
	const struct pp_host *host = port->host;
	struct pp_supply supplies[PP_SUPPLIES_MAX];
	ipp_attribute_t *names = ippFindAttribute(answer, "marker-names",
	    IPP_TAG_ZERO);
	ipp_attribute_t *values = ippFindAttribute(answer, "marker-levels",
	    IPP_TAG_INTEGER);
	bool markers = names != NULL && values != NULL;
	const char *name;
	uint32_t n = 0;
	void *bytes;
	int i, len;

	if (!markers) {
		names = ippFindAttribute(answer, "printer-supply-description",
		    IPP_TAG_TEXT);
		values = ippFindAttribute(answer, "printer-supply",
		    IPP_TAG_STRING);
	}
	for (i = 0; names != NULL && values != NULL && i < ippGetCount(names)
	    && i < ippGetCount(values) && n < PP_SUPPLIES_MAX; i++) {
		name = ippGetString(names, i, NULL);
		if (name == NULL)
			continue;
		supplies[n].name = name;
		if (markers)
			supplies[n].percent = ipp_marker_percent(
			    ippGetInteger(values, i));
		else {
			bytes = ippGetOctetString(values, i, &len);
			supplies[n].percent = bytes == NULL ? -1 :
			    ipp_supply_percent(bytes, (size_t)len);
		}
		n++;
	}
	if (n > 0 && host->size > offsetof(struct pp_host, set_port_supplies)
	    && host->set_port_supplies != NULL)
		(void)host->set_port_supplies(host->cookie, port->name,
		    supplies, n);
}

static void
tell_offline(struct pp_port *port)
{
	const struct pp_port_info_3 info = { PP_STATUS_OFFLINE,
	    PP_SEVERITY_ERROR, NULL };

	port->in_trouble = true;
	(void)port->host->set_port_status(port->host->cookie, port->name,
	    &info);
}

int
ipp_job_look(struct pp_port *port, struct ipp_link *link)
{
	struct ipp_link own = { .port = port };
	int job = port->printer_job, rc;
	ipp_t *request, *answer;
	bool quiet = port->quiet;

	port->quiet = quiet || link == NULL;
	port->printer_job = 0;		/* it is the printer that is asked */
	request = new_request(port, IPP_OP_GET_PRINTER_ATTRIBUTES);
	port->printer_job = job;
	if (request != NULL)
		ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD,
		    "requested-attributes", (int)(sizeof(printer_attributes) /
		    sizeof(printer_attributes[0])), NULL, printer_attributes);
	rc = ask(link != NULL ? link : &own, request,
	    link != NULL ? port->answer_ms : LOOK_MS, &answer);
	port->next_poll_ms = ipp_clock_ms(port) + port->status_ms;
	if (rc == PP_OK)
		rc = judge(port, answer, "Get-Printer-Attributes");
	if (rc == PP_OK) {
		keep_facts(port, answer);
		tell_status(port, answer);
		tell_supplies(port, answer);
	} else if (rc != PP_CANCELED && !port->in_document)
		tell_offline(port);
	ippDelete(answer);
	ipp_link_close(&own);
	port->quiet = quiet;
	return rc;
}

/*
 * ---- A new job -------------------------------------------------------------
 */

static void
add_job_attributes(struct pp_port *port, ipp_t *request)
{
	if (port->title[0] != '\0')
		ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME,
		    "job-name", NULL, port->title);
}

/* The group of the job comes after that of the operation. */
static void
add_template(struct pp_port *port, ipp_t *request)
{
	cupsEncodeOptions2(request, port->n_options, port->options,
	    IPP_TAG_JOB);
	if (port->copies)
		ippAddInteger(request, IPP_TAG_JOB, IPP_TAG_INTEGER, "copies",
		    1);
}

static void
keep_job(struct pp_port *port, ipp_t *answer)
{
	port->printer_job = number_of(answer, "job-id", port->printer_job);
	snprintf(port->uuid, sizeof(port->uuid), "%s",
	    text_of(answer, "job-uuid"));
}

static int
create_once(struct pp_port *port)
{
	ipp_t *request = new_request(port, IPP_OP_CREATE_JOB), *answer;
	int rc;

	if (request != NULL) {
		add_job_attributes(port, request);
		add_template(port, request);
	}
	rc = ask(&port->link, request, port->answer_ms, &answer);
	if (rc == PP_OK)
		rc = judge(port, answer, "Create-Job");
	if (rc == PP_OK)
		keep_job(port, answer);
	ippDelete(answer);
	if (rc == PP_OK && port->printer_job == 0)
		return ipp_fault(port, -EPROTO, "%s: the printer gives no "
		    "job-id", port->uri);
	return rc;
}

int
ipp_job_create(struct pp_port *port)
{
	int64_t end = ipp_clock_ms(port) + port->timeout_ms;
	int rc, pause = PP_OK;

	port->printer_job = 0;
	port->uuid[0] = '\0';
	if (!port->creates)
		return PP_OK;
	for (;;) {
		rc = create_once(port);
		if (rc != -EBUSY || ipp_clock_ms(port) >= end)
			return rc;
		pause = ipp_pause(port, BUSY_MS);
		if (pause != PP_OK)
			return pause;
	}
}

/*
 * ---- Its document ----------------------------------------------------------
 */

static int
refuse_format(const struct pp_port *port, const char *format)
{
	char list[TEXT_SIZE] = "";
	size_t i;

	for (i = 0; i < port->n_formats; i++)
		append(list, sizeof(list), ", ", port->formats[i]);
	return ipp_fault(port, PP_HOLD_JOB, "%s: the printer does not take %s;"
	    " convert the document to one of %s, or set format", port->uri,
	    format, list);
}

/* Text may be a printer's own language, and each PCL calls itself PCL. */
static bool
is_guess(const char *format)
{
	return strcmp(format, "text/plain") == 0 ||
	    strncmp(format, "application/vnd.hp-", 19) == 0;
}

/*
 * What the setting says, or what the client says and the printer takes, or
 * what it looks like.  A guess that is not in the printer's list is left to a
 * printer that looks itself.
 */
static int
choose_format(const struct pp_port *port, const char **format)
{
	*format = port->format;
	if (*format == NULL && ipp_is_media_type(port->datatype) &&
	    strcasecmp(port->datatype, IPP_ANY_FORMAT) != 0 &&
	    ipp_job_takes(port, port->datatype))
		*format = port->datatype;
	if (*format == NULL)
		*format = ipp_sniff(port->head, port->head_len);
	if (port->format == NULL && is_guess(*format) &&
	    !ipp_job_takes(port, *format) &&
	    ipp_job_takes(port, IPP_ANY_FORMAT))
		*format = IPP_ANY_FORMAT;
	return ipp_job_takes(port, *format) ? PP_OK :
	    refuse_format(port, *format);
}

static ipp_t *
document_request(struct pp_port *port, const char *format)
{
	ipp_t *request = new_request(port, port->creates ?
	    IPP_OP_SEND_DOCUMENT : IPP_OP_PRINT_JOB);

	if (request == NULL)
		return NULL;
	if (!port->creates)
		add_job_attributes(port, request);
	if (port->document[0] != '\0')
		ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_NAME,
		    "document-name", NULL, port->document);
	ippAddString(request, IPP_TAG_OPERATION, IPP_TAG_MIMETYPE,
	    "document-format", NULL, format);
	if (port->creates)
		ippAddBoolean(request, IPP_TAG_OPERATION, "last-document", 1);
	else
		add_template(port, request);
	return request;
}

int
ipp_job_send(struct pp_port *port)
{
	const char *format;
	ipp_t *request;
	int rc;

	rc = choose_format(port, &format);
	if (rc != PP_OK)
		return rc;
	request = document_request(port, format);
	if (request == NULL)
		return PP_NO_MEMORY;
	if (!ipp_link_ready(&port->link)) {
		ipp_link_close(&port->link);
		rc = ipp_link_open(&port->link, port, port->connect_ms);
	}
	if (rc == PP_OK)
		rc = ipp_link_begin(&port->link, request, true);
	ippDelete(request);
	port->sending = rc == PP_OK;
	return rc;
}

/*
 * A printer that is out of paper may answer only when it has some: as long as
 * the connection stands it is waited for, and looked at.
 */
int
ipp_job_sent(struct pp_port *port)
{
	ipp_t *answer;
	int rc;

	for (;;) {
		rc = ipp_link_answer(&port->link, FOLLOW_MAX_MS, &answer);
		if (rc != PP_TIMEOUT)
			break;
		if (port->status_ms > 0 &&
		    ipp_clock_ms(port) >= port->next_poll_ms)
			(void)ipp_job_look(port, NULL);
	}
	if (rc == PP_OK)
		rc = judge(port, answer, port->creates ? "Send-Document" :
		    "Print-Job");
	if (rc == PP_OK && !port->creates)
		keep_job(port, answer);
	ippDelete(answer);
	return rc;
}

/*
 * ---- A job that prints -----------------------------------------------------
 */

static const char *const job_attributes[] = {
	"job-state", "job-state-reasons", "job-state-message", "job-uuid",
	"job-impressions-completed", "job-media-sheets-completed",
};

static void
tell_pages(const struct pp_port *port, ipp_t *answer)
{
	const struct pp_host *host = port->host;
	int pages = number_of(answer, "job-impressions-completed", 0);

	if (pages <= 0)
		pages = number_of(answer, "job-media-sheets-completed", 0);
	if (pages > 0 && host->size > offsetof(struct pp_host, job_pages) &&
	    host->job_pages != NULL)
		(void)host->job_pages(host->cookie, port->job,
		    (uint64_t)pages);
}

/* Did a person do it?  Then there is nothing left to do. */
static bool
canceled_by_person(ipp_t *answer)
{
	ipp_attribute_t *reasons = ippFindAttribute(answer,
	    "job-state-reasons", IPP_TAG_KEYWORD);

	return reasons != NULL &&
	    (ippContainsString(reasons, "job-canceled-by-user") ||
	    ippContainsString(reasons, "job-canceled-by-operator") ||
	    ippContainsString(reasons, "job-canceled-at-device"));
}

static int
not_printed(const struct pp_port *port, ipp_t *answer, int rc,
    const char *what)
{
	ipp_attribute_t *reasons = ippFindAttribute(answer,
	    "job-state-reasons", IPP_TAG_KEYWORD);
	char list[TEXT_SIZE] = "";
	int i;

	for (i = 0; reasons != NULL && i < ippGetCount(reasons); i++)
		append(list, sizeof(list), ", ",
		    ippGetString(reasons, i, NULL));
	append(list, sizeof(list), ": ", text_of(answer, "job-state-message"));
	return ipp_fault(port, rc, "%s: the printer has %s the job%s%s",
	    port->uri, what, list[0] != '\0' ? ": " : "", list);
}

/* Where the job stands: PP_OK when it is printed, -EINPROGRESS before. */
static int
judge_state(struct pp_port *port, ipp_t *answer)
{
	const char *uuid = text_of(answer, "job-uuid");

	if (port->uuid[0] != '\0' && uuid[0] != '\0' &&
	    strcmp(port->uuid, uuid) != 0)
		return -ENOENT;
	if (port->uuid[0] == '\0')
		snprintf(port->uuid, sizeof(port->uuid), "%s", uuid);
	tell_pages(port, answer);
	switch (number_of(answer, "job-state", 0)) {
	case IPP_JSTATE_COMPLETED:
		return PP_OK;
	case IPP_JSTATE_CANCELED:
		return not_printed(port, answer, canceled_by_person(answer) ?
		    PP_DROP_JOB : PP_HOLD_JOB, "canceled");
	case IPP_JSTATE_ABORTED:
		return not_printed(port, answer, PP_HOLD_JOB, "aborted");
	default:
		return -EINPROGRESS;
	}
}

/* -ENOENT: the printer does not know the job; -EHOSTDOWN: it is gone. */
static int
look_at_job(struct pp_port *port)
{
	ipp_t *request = new_request(port, IPP_OP_GET_JOB_ATTRIBUTES), *answer;
	ipp_status_t status;
	int rc;

	if (request != NULL)
		ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD,
		    "requested-attributes", (int)(sizeof(job_attributes) /
		    sizeof(job_attributes[0])), NULL, job_attributes);
	rc = ask(&port->link, request, port->answer_ms, &answer);
	if (rc == PP_CANCELED)
		return rc;
	port->quiet = rc != PP_OK;	/* once is enough */
	if (rc != PP_OK) {
		tell_offline(port);
		return -EHOSTDOWN;
	}
	status = ippGetStatusCode(answer);
	if (status == IPP_STATUS_ERROR_NOT_FOUND ||
	    status == IPP_STATUS_ERROR_GONE)
		rc = -ENOENT;
	else if (ipp_verdict((unsigned)status) != PP_OK)
		rc = -EINPROGRESS;
	else
		rc = judge_state(port, answer);
	ippDelete(answer);
	return rc;
}

/*
 * The printer knows nothing of the job: it was switched off with it, or has
 * printed it and forgotten about it.
 */
static int
job_unknown(struct pp_port *port, bool was_gone, int64_t booted_ms)
{
	int rc = ipp_job_look(port, &port->link);

	if (rc == PP_CANCELED)
		return rc;
	if (rc != PP_OK)
		return -EHOSTDOWN;
	if (was_gone || port->booted_ms > booted_ms + BOOT_SLACK_MS)
		return ipp_fault(port, -EIO, "%s: the printer was started "
		    "anew and has lost the job", port->uri);
	port->host->log(port->host->cookie, PP_LOG_WARNING, "%s: the printer "
	    "has forgotten the job; it counts as printed", port->uri);
	return PP_OK;
}

int
ipp_job_follow(struct pp_port *port)
{
	int64_t booted_ms = port->booted_ms;
	int ms = FOLLOW_MIN_MS, rc;
	bool was_gone = false;

	if (port->printer_job == 0)
		return PP_OK;
	for (;;) {
		rc = look_at_job(port);
		if (rc == -ENOENT)
			rc = job_unknown(port, was_gone, booted_ms);
		was_gone = was_gone || rc == -EHOSTDOWN;
		if (rc == -EINPROGRESS)
			(void)ipp_job_look(port, &port->link);
		else if (rc != -EHOSTDOWN)
			break;
		rc = ipp_pause(port, ms);
		if (rc != PP_OK)
			break;
		ms = 2 * ms < FOLLOW_MAX_MS ? 2 * ms : FOLLOW_MAX_MS;
	}
	port->quiet = false;
	return rc;
}

/* What the printer says to it is of no interest: the job is given up. */
void
ipp_job_cancel(struct pp_port *port)
{
	struct ipp_link own = { .port = port };
	ipp_t *answer;

	if (port->printer_job == 0)
		return;
	(void)ask(&own, new_request(port, IPP_OP_CANCEL_JOB), CANCEL_MS,
	    &answer);
	ippDelete(answer);
	ipp_link_close(&own);
	port->printer_job = 0;
}
