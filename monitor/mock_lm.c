/*
 * mock_lm.c - the language monitor of mock: PREAMBLE, then the document, and
 * later the word that its last page is out.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "mock.h"
#include "monitor_util.h"

#define PREAMBLE	"<lm>"
/* How often the file of ejected jobs is looked at, and the printer is not. */
#define FILE_EVERY_MS	5
#define READ_EVERY_MS	(3600 * 1000)

static int
lm_table_is_whole(const struct pp_monitor2 *pm)
{
	return pm->open_port != NULL && pm->start_doc_port != NULL &&
	    pm->write_port != NULL && pm->read_port != NULL &&
	    pm->end_doc_port != NULL && pm->close_port != NULL;
}

static void
lm_free(struct pp_port *port)
{
	if (port->ejected != NULL)
		fclose(port->ejected);
	free(port);
}

static int
lm_set_up(struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;
	char path[4096];
	int64_t eject;
	int code;

	code = host->config_number(host->cookie, port->name, "eject", &eject);
	if (code != PP_OK)
		return code;
	port->eject = (int)eject;
	if (eject != MOCK_EJECT_FILE)
		return PP_OK;
	code = host->config_text(host->cookie, port->name, "ejected", path,
	    sizeof(path), NULL);
	if (code != PP_OK)
		return code;
	port->ejected = fopen(path, "re");
	return port->ejected != NULL ? PP_OK : -errno;
}

int
mock_lm_open(struct pp_monitor *monitor, struct pp_monitor *pm,
    const char *name, const char *queue, struct pp_port **out,
    const struct pp_monitor2 *pm_table)
{
	struct pp_port *port;
	int code;

	(void)queue;
	*out = NULL;
	if (!lm_table_is_whole(pm_table))
		return PP_INVALID_MONITOR;
	port = mock_port_new(monitor, name);
	if (port == NULL)
		return PP_NO_MEMORY;
	memcpy(&port->pm, pm_table, pm_table->size < sizeof(port->pm) ?
	    pm_table->size : sizeof(port->pm));
	code = lm_set_up(port);
	if (code == PP_OK)
		code = port->pm.open_port(pm, name, &port->below);
	if (code != PP_OK) {
		lm_free(port);
		return code;
	}
	*out = port;
	return PP_OK;
}

int
mock_lm_close(struct pp_port *port)
{
	int code = port->pm.close_port(port->below);

	lm_free(port);
	return code;
}

int
mock_lm_start(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	int code;

	code = port->pm.start_doc_port(port->below, queue, job, level,
	    doc_info);
	if (code == PP_OK) {
		port->job = job;
		port->preamble_at = 0;
	}
	return code;
}

/* Get what is left of the preamble out; *done tells if it is. */
static int
lm_preamble(struct pp_port *port, int *done)
{
	size_t left = strlen(PREAMBLE) - port->preamble_at, n = 0;
	int code = PP_OK;

	if (left > 0)
		code = port->pm.write_port(port->below,
		    &PREAMBLE[port->preamble_at], left, &n);
	port->preamble_at += n;
	*done = n == left;
	return code;
}

int
mock_lm_write(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	int code, done;

	*written = 0;
	code = lm_preamble(port, &done);
	if (code != PP_OK || !done)
		return code;
	return port->pm.write_port(port->below, buf, len, written);
}

int
mock_lm_write_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	int code, done;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	if (port->pm.write_port_from_fd == NULL)
		return PP_NOT_SUPPORTED;
	code = lm_preamble(port, &done);
	if (code != PP_OK || !done)
		return code;
	return port->pm.write_port_from_fd(port->below, fd, max, moved);
}

int
mock_lm_end(struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;
	uint64_t job = port->job;
	int deleting, code;

	if (job == 0)
		return PP_OK;
	deleting = (host->job_flags(host->cookie, job) & PP_JOB_DELETING) != 0;
	code = port->pm.end_doc_port(port->below);
	port->job = 0;
	port->last_job = job;
	if (code == PP_OK && !deleting && port->eject == MOCK_EJECT_END)
		(void)host->job_event(host->cookie, job,
		    PP_JOB_LAST_PAGE_EJECTED);
	return code;
}

/* It knows one value; all else is the port monitor's. */
int
mock_lm_printer_data(struct pp_port *port, uint32_t control,
    const char *value_name, const void *in, size_t in_len, void *out,
    size_t out_size, size_t *len)
{
	static const char language[] = "mock";

	if (control == 0 && strcasecmp(value_name, "Language") == 0)
		return pp_util_answer(language, sizeof(language), out,
		    out_size, len);
	if (port->pm.get_printer_data_from_port == NULL)
		return PP_NOT_SUPPORTED;
	return port->pm.get_printer_data_from_port(port->below, control,
	    value_name, in, in_len, out, out_size, len);
}

/* Lines that were added to the file; one that is not whole comes later. */
static void
read_ejected(const struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;
	unsigned long long job, pages;
	char line[64];
	long at;

	clearerr(port->ejected);
	for (;;) {
		at = ftell(port->ejected);
		if (fgets(line, sizeof(line), port->ejected) == NULL ||
		    strchr(line, '\n') == NULL)
			break;
		switch (sscanf(line, "%llu %llu", &job, &pages)) {
		case 1:
			(void)host->job_event(host->cookie, job,
			    PP_JOB_LAST_PAGE_EJECTED);
			break;
		case 2:
			(void)host->job_pages(host->cookie, job, pages);
			break;
		}
	}
	(void)fseek(port->ejected, at, SEEK_SET);
}

/* Ask the device for its status; that it cannot be read is no trouble. */
int
mock_lm_service(struct pp_port *port, uint32_t *again_ms)
{
	const struct pp_host *host = port->monitor->host;
	char buf[64];
	size_t n = 0;

	*again_ms = 1000;
	(void)port->pm.read_port(port->below, buf, sizeof(buf), &n);
	if (port->eject == MOCK_EJECT_FILE) {
		read_ejected(port);
		*again_ms = FILE_EVERY_MS;
		return PP_OK;
	}
	if (port->eject != MOCK_EJECT_END) {
		*again_ms = port->eject == MOCK_EJECT_NEVER ? 0 :
		    READ_EVERY_MS;
		if (n > 0 && port->eject == MOCK_EJECT_READ)
			(void)host->job_event(host->cookie, port->last_job,
			    PP_JOB_LAST_PAGE_EJECTED);
		return PP_OK;
	}
	if (port->pm.service_port != NULL)
		return port->pm.service_port(port->below, again_ms);
	return PP_OK;
}

int
mock_lm_read(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	return port->pm.read_port(port->below, buf, size, len);
}

int
mock_lm_set_timeouts(struct pp_port *port,
    const struct pp_timeouts *timeouts)
{
	if (port->pm.set_port_timeouts == NULL)
		return PP_NOT_SUPPORTED;
	return port->pm.set_port_timeouts(port->below, timeouts);
}

int
mock_lm_bidi(struct pp_port *port, uint32_t access, const char *action,
    const struct pp_bidi *request, struct pp_bidi **response)
{
	if (port->pm.send_recv_bidi_data_from_port == NULL)
		return PP_NOT_SUPPORTED;
	return port->pm.send_recv_bidi_data_from_port(port->below, access,
	    action, request, response);
}
