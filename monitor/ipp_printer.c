/*
 * ipp_printer.c - requests, and what the printer is asked of itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "ipp.h"

/* What is looked at in passing gets no more than this of an answer. */
#define LOOK_MS		5000

/*
 * ---- Requests --------------------------------------------------------------
 */

ipp_t *
ipp_request(const struct pp_port *port, ipp_op_t operation)
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
int
ipp_ask(struct ipp_link *link, ipp_t *request, int ms, ipp_t **answer)
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

const char *
ipp_text(ipp_t *answer, const char *name)
{
	ipp_attribute_t *attribute = ippFindAttribute(answer, name,
	    IPP_TAG_ZERO);
	const char *text = attribute == NULL ? NULL :
	    ippGetString(attribute, 0, NULL);

	return text != NULL ? text : "";
}

int
ipp_number(ipp_t *answer, const char *name, int otherwise)
{
	ipp_attribute_t *attribute = ippFindAttribute(answer, name,
	    IPP_TAG_ZERO);

	return attribute == NULL ? otherwise : ippGetInteger(attribute, 0);
}

/* Append "separator text", as far as there is room. */
void
ipp_append(char *list, size_t size, const char *separator, const char *text)
{
	size_t len = strlen(list);

	snprintf(list + len, size - len, "%s%s", len > 0 ? separator : "",
	    text);
}

/* Names of the attributes of a group. */
static void
list_group(ipp_t *answer, ipp_tag_t group, char list[IPP_TEXT_SIZE])
{
	ipp_attribute_t *at;

	list[0] = '\0';
	for (at = ippFirstAttribute(answer); at != NULL;
	    at = ippNextAttribute(answer))
		if (ippGetGroupTag(at) == group && ippGetName(at) != NULL)
			ipp_append(list, IPP_TEXT_SIZE, ", ", ippGetName(at));
}

/* The verdict on an answer; what is unhappy is logged. */
int
ipp_judge(const struct pp_port *port, ipp_t *answer, const char *operation)
{
	ipp_status_t status = ippGetStatusCode(answer);
	int rc = ipp_verdict((unsigned)status);
	const char *remedy = ipp_remedy((unsigned)status);
	const char *message = ipp_text(answer, "status-message");
	char list[IPP_TEXT_SIZE];

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
	    1000 * (int64_t)ipp_number(answer, "printer-up-time", 0);
}

/* The worst of the reasons; all of them in text. */
static struct pp_port_info_3
read_status(ipp_t *answer, char text[IPP_TEXT_SIZE])
{
	bool stopped = ipp_number(answer, "printer-state", 0) ==
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
			ipp_append(text, IPP_TEXT_SIZE, ", ",
			    ippGetString(reasons, i, NULL));
		if (ipp_worse(&one, &worst))
			worst = one;
	}
	if (stopped && worst.severity != PP_SEVERITY_ERROR) {
		worst.status = PP_STATUS_USER_INTERVENTION;
		worst.severity = PP_SEVERITY_ERROR;
		ipp_append(text, IPP_TEXT_SIZE, ", ", "stopped");
	}
	if (worst.severity != PP_SEVERITY_NONE)
		ipp_append(text, IPP_TEXT_SIZE, ": ",
		    ipp_text(answer, "printer-state-message"));
	return worst;
}

static void
tell_status(struct pp_port *port, ipp_t *answer)
{
	char text[IPP_TEXT_SIZE];
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

void
ipp_printer_offline(struct pp_port *port)
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
	request = ipp_request(port, IPP_OP_GET_PRINTER_ATTRIBUTES);
	port->printer_job = job;
	if (request != NULL)
		ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD,
		    "requested-attributes", (int)(sizeof(printer_attributes) /
		    sizeof(printer_attributes[0])), NULL, printer_attributes);
	rc = ipp_ask(link != NULL ? link : &own, request,
	    link != NULL ? port->answer_ms : LOOK_MS, &answer);
	port->next_poll_ms = ipp_clock_ms(port) + port->status_ms;
	if (rc == PP_OK)
		rc = ipp_judge(port, answer, "Get-Printer-Attributes");
	if (rc == PP_OK) {
		keep_facts(port, answer);
		tell_status(port, answer);
		tell_supplies(port, answer);
	} else if (rc != PP_CANCELED && !port->in_document)
		ipp_printer_offline(port);
	ippDelete(answer);
	ipp_link_close(&own);
	port->quiet = quiet;
	return rc;
}
