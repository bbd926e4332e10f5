/*
 * pjl.c - a language monitor for printers that speak PJL.
 *
 *	open_port_ex	opens the port below; says nothing
 *	start_doc_port	starts a document below; says nothing yet
 *	write_port*	first asks the printer whether it speaks PJL, if that
 *			is not known, and names the job; then the data
 *	end_doc_port	ends the job, and the document below
 *	read_port	what the printer says, but for what is meant for us
 *	service_port	hears the printer between documents
 *
 * A job's last page is out when the printer says so, which is long after the
 * end of the document; or at once, where it cannot say so.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "monitor_util.h"
#include "pjl.h"

#define CTRL_D	'\004'

const struct pp_setting_decl pjl_decls[] = {
	{ .key = "probe", .type = PP_TYPE_CHOICE, .preset = "auto",
	  .choices = "auto|query|assume", .help = "how to find out whether "
	  "the printer speaks PJL: by device id or in PCL, by asking in PJL, "
	  "not at all" },
	{ .key = "probe_timeout", .type = PP_TYPE_TIME, .preset = "5s",
	  .min = 10, .max = 600000, .help = "longest wait for its answer" },
	{ .key = "job_control", .type = PP_TYPE_BOOL, .preset = "yes",
	  .help = "tell the printer where a job begins and ends" },
	{ .key = "ustatus", .type = PP_TYPE_BOOL, .preset = "yes",
	  .help = "have the printer report how it is, and the end of jobs" },
	{ .key = "page_status", .type = PP_TYPE_BOOL, .preset = "yes",
	  .help = "have it report each page, too" },
	{ .key = "eoj_timeout", .type = PP_TYPE_TIME, .preset = "60s",
	  .min = 10, .max = 86400000, .help = "a job whose end is not "
	  "reported is taken as printed after this" },
	{ .key = "silence_timeout", .type = PP_TYPE_TIME, .preset = "4m",
	  .min = 10, .max = 86400000, .help = "a printer that says nothing "
	  "for this long is taken as switched off" },
	{ .key = "strip_ctrl_d", .type = PP_TYPE_BOOL, .preset = "no",
	  .help = "drop Control-D at the start and the end of documents" },
	{ .key = NULL }
};

/* ---- opening ------------------------------------------------------------ */

static int
get_number(const struct pp_port *port, const char *key, int64_t *value)
{
	return port->host->config_number(port->host->cookie, port->name, key,
	    value);
}

static int
read_settings(struct pp_port *port)
{
	struct pjl_settings *set = &port->set;
	int64_t probe, flags[4];
	static const char *const keys[] = { "job_control", "ustatus",
	    "page_status", "strip_ctrl_d" };
	size_t i;
	int code;

	code = get_number(port, "probe", &probe);
	for (i = 0; i < 4 && code == PP_OK; i++)
		code = get_number(port, keys[i], &flags[i]);
	if (code == PP_OK)
		code = get_number(port, "probe_timeout",
		    &set->probe_timeout_ms);
	if (code == PP_OK)
		code = get_number(port, "eoj_timeout", &set->eoj_timeout_ms);
	if (code == PP_OK)
		code = get_number(port, "silence_timeout",
		    &set->silence_timeout_ms);
	if (code != PP_OK)
		return code;
	set->probe = (enum pjl_probe)probe;
	set->job_control = flags[0] != 0;
	set->ustatus = flags[1] != 0;
	set->page_status = flags[2] != 0;
	set->strip_ctrl_d = flags[3] != 0;
	return PP_OK;
}

static bool
is_whole(const struct pp_monitor2 *pm)
{
	return pm->size >= PP_MONITOR2_SIZE_MIN && pm->open_port != NULL &&
	    pm->start_doc_port != NULL && pm->write_port != NULL &&
	    pm->read_port != NULL && pm->end_doc_port != NULL &&
	    pm->close_port != NULL;
}

/* What an earlier host has left in the printer must not look like ours. */
static uint32_t
make_opening(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint32_t)(now.tv_sec * 1000 + now.tv_nsec / 1000000);
}

static int
set_up(struct pp_port *port, struct pp_monitor *pm, const char *name)
{
	int code = read_settings(port);

	if (code != PP_OK)
		return code;
	port->opening = make_opening();
	port->speech = port->set.probe == PJL_PROBE_ASSUME ? PJL_SPEAKS :
	    PJL_UNKNOWN;
	port->looked_ms = port->heard_ms = pjl_now_ms(port);
	code = port->pm.open_port(pm, name, &port->below);
	return code == PP_OK && port->below == NULL ? PP_INVALID_MONITOR :
	    code;
}

static int
pjl_open_port_ex(struct pp_monitor *monitor, struct pp_monitor *pm,
    const char *name, const char *queue, struct pp_port **out,
    const struct pp_monitor2 *pm_table)
{
	struct pp_port *port;
	int code;

	(void)queue;
	*out = NULL;
	if (!is_whole(pm_table))
		return PP_INVALID_MONITOR;
	if (strlen(name) > PP_PORT_NAME_LEN)
		return PP_NOT_FOUND;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return PP_NO_MEMORY;
	port->host = monitor->host;
	memcpy(port->name, name, strlen(name) + 1);
	memcpy(&port->pm, pm_table, pm_table->size < sizeof(port->pm) ?
	    pm_table->size : sizeof(port->pm));
	code = set_up(port, pm, name);
	if (code != PP_OK) {
		free(port);
		return code;
	}
	*out = port;
	return PP_OK;
}

/* ---- a document --------------------------------------------------------- */

static bool
is_deleted(const struct pp_port *port)
{
	return (port->host->job_flags(port->host->cookie, port->run.job) &
	    PP_JOB_DELETING) != 0;
}

/* A document without a byte is none to the printer. */
static bool
is_empty(const struct pp_port *port, uint64_t job)
{
	struct pp_job_info info = { .size = sizeof(info) };

	return port->host->job_info(port->host->cookie, job, &info) == PP_OK &&
	    info.length == 0;
}

static int
pjl_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	int code;

	if (level != 1)
		return PP_INVALID_LEVEL;
	if (port->in_document)
		return PP_BUSY;
	code = port->pm.start_doc_port(port->below, queue, job, level,
	    doc_info);
	if (code != PP_OK)
		return code;
	port->in_document = true;
	port->stage = PJL_NEW;
	port->run = (struct pjl_run){ .job = job,
	    .number = port->run.number + 1 };
	port->empty = is_empty(port, job);
	port->begun = port->ended = port->ctrl_d = false;
	port->say_len = port->said = 0;
	port->answer_len = 0;
	memset(&port->filter, 0, sizeof(port->filter));
	return PP_OK;
}

/*
 * Without Control-D in front of the data, nor at its end: one is held back
 * until it is seen to be in the middle.  What is dropped or held counts.
 */
static int
write_stripped(struct pp_port *port, const char *bytes, size_t len,
    size_t *written)
{
	size_t skip = 0, held, n = 0;
	int code = PP_OK;

	while (!port->begun && skip < len && bytes[skip] == CTRL_D)
		skip++;
	*written = skip;
	if (skip == len)
		return PP_OK;
	if (port->ctrl_d) {
		code = port->pm.write_port(port->below, "\004", 1, &n);
		port->ctrl_d = n == 0;
		if (code != PP_OK || port->ctrl_d)
			return code;
	}
	held = bytes[len - 1] == CTRL_D ? 1 : 0;
	n = 0;
	if (len - skip > held)
		code = port->pm.write_port(port->below, bytes + skip,
		    len - skip - held, &n);
	*written += n;
	port->begun |= n > 0;
	if (code == PP_OK && *written == len - held && held > 0) {
		port->ctrl_d = true;
		*written = len;
	}
	return code;
}

static int
pjl_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	bool ready;
	int code;

	*written = 0;
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	if (len == 0)
		return PP_OK;
	code = pjl_prepare(port, &ready);
	if (code != PP_OK || !ready)
		return code;
	if (port->set.strip_ctrl_d)
		return write_stripped(port, buf, len, written);
	return port->pm.write_port(port->below, buf, len, written);
}

/* Is there anything to come, as far as one can tell now? */
static bool
has_data(const struct pp_port *port, int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return !port->empty && poll(&poll_fd, 1, 0) == 1;
}

static int
pjl_write_port_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	bool ready = true;
	int code = PP_OK;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	if (port->pm.write_port_from_fd == NULL || port->set.strip_ctrl_d)
		return PP_NOT_SUPPORTED;
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	if (port->stage != PJL_NEW || has_data(port, fd))
		code = pjl_prepare(port, &ready);
	if (code != PP_OK || !ready)
		return code;
	return port->pm.write_port_from_fd(port->below, fd, max, moved);
}

/*
 * A job that comes to no good end is ended for the printer all the same, as
 * far as that goes without a wait, or else before the next: whatever it was in
 * the middle of is over.
 */
static int
say_end(struct pp_port *port, bool deleted)
{
	bool all;

	if (port->stage == PJL_OPENING)
		port->said = port->say_len;	/* the rest comes to nothing */
	pjl_say(port, PJL_UEL);
	if (port->run.named) {
		pjl_say_job(port, "EOJ", &port->run);
		pjl_say(port, PJL_UEL);
	}
	if (!deleted)
		return pjl_push_all(port);
	(void)pjl_push(port, &all);
	if (!all)
		port->owed = port->run;
	return PP_OK;
}

/* Has the printer had a word of ours about this document? */
static bool
is_open(const struct pp_port *port)
{
	return port->speech == PJL_SPEAKS && (port->stage == PJL_DATA ||
	    (port->stage == PJL_OPENING && port->said > 0));
}

/*
 * The document is in the printer.  Its end is reported later if it can be; one
 * without a word to the printer ends with those before it.
 */
static void
await_end(struct pp_port *port, bool opened)
{
	(void)pjl_hear(port, false);
	port->heard_ms = pjl_now_ms(port);
	if (!port->ended && port->readable && port->set.ustatus &&
	    (port->run.named || (!opened && port->n_pending > 0))) {
		pjl_add_pending(port, &port->run);
		return;
	}
	pjl_complete_pending(port);
	pjl_complete(port, &port->run);
}

static int
pjl_end_doc_port(struct pp_port *port)
{
	bool opened;
	int code = PP_OK, below;

	if (!port->in_document)
		return PP_OK;
	port->run.deleted = is_deleted(port);
	opened = is_open(port);
	if (opened)
		code = say_end(port, port->run.deleted);
	below = port->pm.end_doc_port(port->below);
	if (code == PP_OK)
		code = below;
	if (code == PP_OK && (opened || !port->run.deleted))
		await_end(port, opened);
	port->in_document = false;
	return code;
}

/* ---- between and beside documents --------------------------------------- */

static int
pjl_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	int code = PP_OK;

	if (port->answer_len == 0)
		code = pjl_hear(port, true);
	*len = port->answer_len < size ? port->answer_len : size;
	memcpy(buf, port->answer, *len);
	port->answer_len -= *len;
	memmove(port->answer, port->answer + *len, port->answer_len);
	return code;
}

/* Within a document it is for the host to read. */
static int
pjl_service_port(struct pp_port *port, uint32_t *again_ms)
{
	uint32_t below_ms = 0;
	int code = PP_OK;

	if (port->pm.service_port != NULL)
		code = port->pm.service_port(port->below, &below_ms);
	if (!port->in_document)
		(void)pjl_hear(port, false);
	*again_ms = pjl_look_after(port);
	pjl_tell_status(port);
	if (*again_ms == 0 || (below_ms != 0 && below_ms < *again_ms))
		*again_ms = below_ms;
	return code;
}

static int
pjl_set_port_timeouts(struct pp_port *port, const struct pp_timeouts *timeouts)
{
	if (port->pm.set_port_timeouts == NULL)
		return PP_NOT_SUPPORTED;
	return port->pm.set_port_timeouts(port->below, timeouts);
}

static int
pjl_close_port(struct pp_port *port)
{
	int code;

	pjl_clear_status(port);
	code = port->pm.close_port(port->below);
	free(port);
	return code;
}

/* ---- life --------------------------------------------------------------- */

static void
pjl_shutdown(struct pp_monitor *monitor)
{
	free(monitor);
}

static const struct pp_monitor2 pjl_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.name			= "pjl",
	.summary		= "Job control and status by PJL",
	.kinds			= PP_LANGUAGE_MONITOR,
	.settings		= pjl_decls,
	.open_port_ex		= pjl_open_port_ex,
	.start_doc_port		= pjl_start_doc_port,
	.write_port		= pjl_write_port,
	.read_port		= pjl_read_port,
	.end_doc_port		= pjl_end_doc_port,
	.close_port		= pjl_close_port,
	.get_printer_data_from_port	= pjl_get_printer_data,
	.set_port_timeouts	= pjl_set_port_timeouts,
	.send_recv_bidi_data_from_port	= pjl_send_recv_bidi,
	.shutdown		= pjl_shutdown,
	.write_port_from_fd	= pjl_write_port_from_fd,
	.service_port		= pjl_service_port,
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
	return &pjl_monitor;
}
