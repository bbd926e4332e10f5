/*
 * ipp_job.c - operations on a job.
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
#include <string.h>
#include <strings.h>

#include "ipp.h"

/* A busy printer is asked again after this. */
#define BUSY_MS		1000
/* A job that prints is looked at after this, doubling. */
#define FOLLOW_MIN_MS	100
#define FOLLOW_MAX_MS	2000
/* Clocks of printers count seconds. */
#define BOOT_SLACK_MS	2000
/* A job is taken back within this. */
#define CANCEL_MS	5000

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
	port->printer_job = ipp_number(answer, "job-id", port->printer_job);
	snprintf(port->uuid, sizeof(port->uuid), "%s",
	    ipp_text(answer, "job-uuid"));
}

static int
create_once(struct pp_port *port)
{
	ipp_t *request = ipp_request(port, IPP_OP_CREATE_JOB), *answer;
	int rc;

	if (request != NULL) {
		add_job_attributes(port, request);
		add_template(port, request);
	}
	rc = ipp_ask(&port->link, request, port->answer_ms, &answer);
	if (rc == PP_OK)
		rc = ipp_judge(port, answer, "Create-Job");
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
	char list[IPP_TEXT_SIZE] = "";
	size_t i;

	for (i = 0; i < port->n_formats; i++)
		ipp_append(list, sizeof(list), ", ", port->formats[i]);
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
	ipp_t *request = ipp_request(port, port->creates ?
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
		rc = ipp_judge(port, answer, port->creates ? "Send-Document" :
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
	int pages = ipp_number(answer, "job-impressions-completed", 0);

	if (pages <= 0)
		pages = ipp_number(answer, "job-media-sheets-completed", 0);
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
	char list[IPP_TEXT_SIZE] = "";
	int i;

	for (i = 0; reasons != NULL && i < ippGetCount(reasons); i++)
		ipp_append(list, sizeof(list), ", ",
		    ippGetString(reasons, i, NULL));
	ipp_append(list, sizeof(list), ": ", ipp_text(answer, "job-state-message"));
	return ipp_fault(port, rc, "%s: the printer has %s the job%s%s",
	    port->uri, what, list[0] != '\0' ? ": " : "", list);
}

/* Where the job stands: PP_OK when it is printed, -EINPROGRESS before. */
static int
judge_state(struct pp_port *port, ipp_t *answer)
{
	const char *uuid = ipp_text(answer, "job-uuid");

	if (port->uuid[0] != '\0' && uuid[0] != '\0' &&
	    strcmp(port->uuid, uuid) != 0)
		return -ENOENT;
	if (port->uuid[0] == '\0')
		snprintf(port->uuid, sizeof(port->uuid), "%s", uuid);
	tell_pages(port, answer);
	switch (ipp_number(answer, "job-state", 0)) {
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
	ipp_t *request = ipp_request(port, IPP_OP_GET_JOB_ATTRIBUTES), *answer;
	ipp_status_t status;
	int rc;

	if (request != NULL)
		ippAddStrings(request, IPP_TAG_OPERATION, IPP_TAG_KEYWORD,
		    "requested-attributes", (int)(sizeof(job_attributes) /
		    sizeof(job_attributes[0])), NULL, job_attributes);
	rc = ipp_ask(&port->link, request, port->answer_ms, &answer);
	if (rc == PP_CANCELED)
		return rc;
	port->quiet = rc != PP_OK;	/* once is enough */
	if (rc != PP_OK) {
		ipp_printer_offline(port);
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
	(void)ipp_ask(&own, ipp_request(port, IPP_OP_CANCEL_JOB), CANCEL_MS,
	    &answer);
	ippDelete(answer);
	ipp_link_close(&own);
	port->printer_job = 0;
}
