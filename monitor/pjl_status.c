/*
 * pjl_status.c - what the printer's words mean: a status, the end of a job.
 *
 * A message changes what it speaks of, and nothing else.
 */
#include <string.h>

#include "pjl.h"

/* How often a port without a descriptor to watch is looked at. */
#define BUSY_MS		5000
#define IDLE_MS		30000

/* ---- the status --------------------------------------------------------- */

bool
pjl_in_trouble(const struct pp_port *port)
{
	return port->wanted.severity == PP_SEVERITY_ERROR;
}

void
pjl_tell_status(struct pp_port *port)
{
	const struct pp_host *host = port->host;

	if (port->wanted.status == port->told.status &&
	    port->wanted.severity == port->told.severity)
		return;
	if (host->set_port_status(host->cookie, port->name,
	    &port->wanted) == PP_OK)
		port->told = port->wanted;
}

static void
set_status(struct pp_port *port, enum pp_port_status status,
    enum pp_severity severity, const char *text)
{
	size_t len = strlen(text);

	if (len >= sizeof(port->status_text))
		len = sizeof(port->status_text) - 1;
	memcpy(port->status_text, text, len);
	port->status_text[len] = '\0';
	port->wanted.status = status;
	port->wanted.severity = severity;
	port->wanted.text = len > 0 ? port->status_text : NULL;
}

void
pjl_clear_status(struct pp_port *port)
{
	set_status(port, PP_STATUS_CLEAR, PP_SEVERITY_NONE, "");
	pjl_tell_status(port);
}

/* Without a code only that it is on or off line is known. */
static void
device_message(struct pp_port *port, const struct pjl_message *m)
{
	enum pp_port_status status = PP_STATUS_CLEAR;
	enum pp_severity severity = PP_SEVERITY_NONE;
	bool offline = (m->has & PJL_HAS_ONLINE) != 0 && !m->online;

	if ((m->has & PJL_HAS_CODE) != 0) {
		if (!pjl_code_status(m->code, &status, &severity))
			return;
	} else if ((m->has & PJL_HAS_ONLINE) == 0)
		return;
	else if (!offline && port->wanted.status != PP_STATUS_OFFLINE)
		return;			/* that is not what was wrong */
	if (status == PP_STATUS_CLEAR && offline) {
		status = PP_STATUS_OFFLINE;
		severity = PP_SEVERITY_ERROR;
	}
	pjl_tick(port);
	set_status(port, status, severity, status != PP_STATUS_CLEAR &&
	    (m->has & PJL_HAS_DISPLAY) != 0 ? m->display : "");
}

/* ---- jobs that are in the printer --------------------------------------- */

static bool
is_named(const struct pp_port *port, const struct pjl_run *run,
    const char *name)
{
	char own[PJL_NAME_SIZE];

	pjl_name(port, run, own);
	return run->named && strcmp(own, name) == 0;
}

static void
tell_pages(const struct pp_port *port, const struct pjl_run *run,
    uint32_t pages)
{
	const struct pp_host *host = port->host;

	if (!run->deleted && host->job_pages != NULL)
		(void)host->job_pages(host->cookie, run->job, pages);
}

void
pjl_complete(struct pp_port *port, const struct pjl_run *run)
{
	const struct pp_host *host = port->host;

	if (!run->deleted)
		(void)host->job_event(host->cookie, run->job,
		    PP_JOB_LAST_PAGE_EJECTED);
}

/* The n oldest are over, and so are those behind that had no pages. */
static void
complete_oldest(struct pp_port *port, size_t n)
{
	size_t i;

	while (n < port->n_pending && !port->pending[n].named)
		n++;
	for (i = 0; i < n; i++)
		pjl_complete(port, &port->pending[i]);
	port->n_pending -= n;
	memmove(port->pending, port->pending + n,
	    port->n_pending * sizeof(port->pending[0]));
}

void
pjl_complete_pending(struct pp_port *port)
{
	complete_oldest(port, port->n_pending);
}

void
pjl_add_pending(struct pp_port *port, const struct pjl_run *run)
{
	if (port->n_pending == PJL_PENDING_MAX)
		complete_oldest(port, 1);
	if (port->n_pending == 0)
		pjl_tick(port);
	port->pending[port->n_pending] = *run;
	port->pending[port->n_pending++].since_ms = port->clock_ms;
	if (!port->pending[0].named)
		complete_oldest(port, 0);
}

void
pjl_tick(struct pp_port *port)
{
	int64_t now = pjl_now_ms(port);

	if (!pjl_in_trouble(port))
		port->clock_ms += now - port->looked_ms;
	port->looked_ms = now;
}

/* Pages come out: the time of all begins anew. */
static void
restart_time(struct pp_port *port)
{
	size_t i;

	pjl_tick(port);
	for (i = 0; i < port->n_pending; i++)
		port->pending[i].since_ms = port->clock_ms;
}

static void
log_canceled(const struct pp_port *port, const struct pjl_run *run)
{
	port->host->log(port->host->cookie, PP_LOG_WARNING,
	    "job %ju was canceled at the printer", (uintmax_t)run->job);
}

static void
job_ended(struct pp_port *port, const struct pjl_run *run,
    const struct pjl_message *m)
{
	if ((m->has & PJL_HAS_PAGES) != 0)
		tell_pages(port, run, m->pages);
	if ((m->has & PJL_HAS_CANCEL) != 0 && !run->deleted)
		log_canceled(port, run);
}

/* A job of somebody else's, or of an earlier opening, is none of ours. */
static void
job_message(struct pp_port *port, const struct pjl_message *m)
{
	size_t i;

	restart_time(port);
	if ((m->has & PJL_HAS_END) == 0 || (m->has & PJL_HAS_NAME) == 0)
		return;
	for (i = 0; i < port->n_pending; i++) {
		if (!is_named(port, &port->pending[i], m->name))
			continue;
		job_ended(port, &port->pending[i], m);
		complete_oldest(port, i + 1);
		return;
	}
	if (!port->in_document || !is_named(port, &port->run, m->name))
		return;
	port->ended = true;
	job_ended(port, &port->run, m);
	pjl_complete_pending(port);
}

/* The oldest job is the one whose pages come. */
static void
page_message(struct pp_port *port, const struct pjl_message *m)
{
	restart_time(port);
	if ((m->has & PJL_HAS_PAGES) == 0)
		return;
	if (port->n_pending > 0)
		tell_pages(port, &port->pending[0], m->pages);
	else if (port->in_document && port->run.named)
		tell_pages(port, &port->run, m->pages);
}

/* ---- a message ---------------------------------------------------------- */

static void
memory_message(struct pp_port *port, const struct pjl_message *m)
{
	if ((m->has & PJL_HAS_TOTAL) != 0)
		port->total = m->total;
	if ((m->has & PJL_HAS_LARGEST) != 0)
		port->largest = m->largest;
	port->answered = true;
}

static void
id_message(struct pp_port *port, const struct pjl_message *m)
{
	if ((m->has & PJL_HAS_TEXT) != 0)
		memcpy(port->model, m->text, sizeof(port->model));
	port->answered = true;
}

void
pjl_on_message(void *arg, const struct pjl_message *message)
{
	struct pp_port *port = arg;

	switch (message->kind) {
	case PJL_DEVICE:
	case PJL_TIMED:
	case PJL_STATUS:
		device_message(port, message);
		break;
	case PJL_JOB:
		job_message(port, message);
		break;
	case PJL_PAGE:
		page_message(port, message);
		break;
	case PJL_MEMORY:
	case PJL_PCL_MEMORY:
		memory_message(port, message);
		break;
	case PJL_ID:
		id_message(port, message);
		break;
	case PJL_OTHER:
		break;
	}
}

/* ---- time --------------------------------------------------------------- */

/* A printer that never says that a job has ended. */
static int64_t
give_up_jobs(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	int64_t left_ms = BUSY_MS;

	pjl_tick(port);
	while (port->n_pending > 0) {
		left_ms = port->pending[0].since_ms +
		    port->set.eoj_timeout_ms - port->clock_ms;
		if (left_ms > 0 || pjl_in_trouble(port))
			break;
		if (!port->pending[0].deleted)
			host->log(host->cookie, PP_LOG_WARNING, "the printer "
			    "did not say in eoj_timeout that job %ju has "
			    "ended; it is taken as printed",
			    (uintmax_t)port->pending[0].job);
		complete_oldest(port, 1);
	}
	return port->n_pending == 0 ? IDLE_MS :
	    left_ms > 0 && left_ms < BUSY_MS ? left_ms : BUSY_MS;
}

/* It was switched off, perhaps, and may come back as another. */
static void
forget_printer(struct pp_port *port)
{
	const struct pp_host *host = port->host;

	host->log(host->cookie, PP_LOG_WARNING, "the printer was silent for "
	    "silence_timeout; what is in it is taken as printed");
	pjl_clear_status(port);
	pjl_complete_pending(port);
	port->heard_ms = pjl_now_ms(port);
	if (port->set.probe != PJL_PROBE_ASSUME)
		port->speech = PJL_UNKNOWN;
}

static int64_t
mind_silence(struct pp_port *port)
{
	int64_t left_ms = port->heard_ms + port->set.silence_timeout_ms -
	    pjl_now_ms(port);

	if (left_ms > 0)
		return left_ms;
	forget_printer(port);
	return port->set.silence_timeout_ms;
}

uint32_t
pjl_look_after(struct pp_port *port)
{
	int64_t again_ms, left_ms;

	if (port->speech != PJL_SPEAKS || !port->set.ustatus)
		return 0;
	/* Nobody would tell that the trouble is over. */
	if (!port->readable && !port->in_document)
		pjl_clear_status(port);
	again_ms = give_up_jobs(port);
	if (pjl_in_trouble(port) && again_ms > BUSY_MS)
		again_ms = BUSY_MS;
	if (!port->readable)
		return port->n_pending > 0 ? (uint32_t)again_ms : 0;
	if (!port->in_document) {
		left_ms = mind_silence(port);
		if (left_ms < again_ms)
			again_ms = left_ms;
	}
	return (uint32_t)(again_ms > 0 ? again_ms : 1);
}
