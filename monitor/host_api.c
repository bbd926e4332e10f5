/*
 * host_api.c - the callbacks that a module is given (struct pp_host).
 *
 * They run inside a call into the module; each is a sign of life.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "host.h"
#include "settings.h"

/* Longest sentence of a module that reaches the log. */
#define LOG_TEXT_LEN	2048

static struct host *
host_of(struct pp_spooler *cookie)
{
	struct host *host = ((struct host_voice *)cookie)->host;

	host_alive(host);
	return host;
}

/* ---- configuration ------------------------------------------------------ */

static int
config_port(struct pp_spooler *cookie, uint32_t index,
    char name[PP_PORT_NAME_LEN + 1])
{
	struct host *host = host_of(cookie);

	if (index >= host->n_ports)
		return PP_NOT_FOUND;
	snprintf(name, PP_PORT_NAME_LEN + 1, "%s", host->ports[index].name);
	return 0;
}

static int
config_text(struct pp_spooler *cookie, const char *name, const char *key,
    char *buf, size_t size, size_t *needed)
{
	struct host *host = host_of(cookie);
	struct host_port *port = host_find_port(host, name);

	if (port == NULL)
		return PP_NOT_FOUND;
	return settings_text(host->declared, port->settings, port->n_settings,
	    port->base, key, buf, size, needed);
}

/*
 * Besides what the module declared it may ask for the time-outs that every
 * port has.
 */
static int
config_number(struct pp_spooler *cookie, const char *name, const char *key,
    int64_t *value)
{
	struct host *host = host_of(cookie);
	struct host_port *port = host_find_port(host, name);

	if (port == NULL)
		return PP_NOT_FOUND;
	if (strcmp(key, "write_timeout") == 0) {
		*value = port->write_timeout_ms;
		return 0;
	}
	if (strcmp(key, "stall_timeout") == 0) {
		*value = port->stall_timeout_ms;
		return 0;
	}
	return settings_number(host->declared, port->settings,
	    port->n_settings, key, value);
}

/* Wait for the daemon's answer to a request that was just sent. */
static int
daemon_answer(struct host *host)
{
	host->answered = false;
	host_send(host);
	while (!host->answered && !host->orphan)
		host_wait(host, -1);
	host_alive(host);
	return host->answered ? host->answer : PP_CANCELED;
}

static int
judge_settings(struct host *host, const char *port,
    const struct pp_setting *settings, size_t count)
{
	struct fault fault = { 0 };
	size_t i;
	int code = 0;

	for (i = 0; i < count && code == 0; i++)
		code = settings_check(host->declared, settings[i].key,
		    settings[i].value, &fault);
	if (code == 0)
		code = settings_check_complete(host->declared, settings,
		    count, &fault);
	if (code != 0)
		host->api.log(host->api.cookie, PP_LOG_ERROR,
		    "port %s not stored: %s", port, fault.text);
	return code == 0 ? 0 : PP_INVALID_DATA;
}

static int
config_store(struct pp_spooler *cookie, const char *port,
    const struct pp_setting *settings, size_t count)
{
	struct host *host = host_of(cookie);
	size_t i;
	int code;

	code = judge_settings(host, port, settings, count);
	if (code != 0)
		return code;
	wire_begin(&host->out, WIRE_STORE);
	wire_put_str(&host->out, port);
	wire_put_u32(&host->out, (uint32_t)count);
	for (i = 0; i < count; i++) {
		wire_put_str(&host->out, settings[i].key);
		wire_put_str(&host->out, settings[i].value);
	}
	if (host->out.bad)
		return PP_INVALID_DATA;		/* longer than a message */
	code = daemon_answer(host);
	if (code == 0 &&
	    host_put_port(host, port, "/", settings, count) == NULL)
		code = PP_NO_MEMORY;
	return code;
}

static int
config_remove(struct pp_spooler *cookie, const char *port)
{
	struct host *host = host_of(cookie);
	int code;

	wire_begin(&host->out, WIRE_REMOVE);
	wire_put_str(&host->out, port);
	code = daemon_answer(host);
	if (code == 0)
		host_forget_port(host, port);
	return code;
}

static int
port_exists(struct pp_spooler *cookie, const char *port)
{
	struct host *host = host_of(cookie);

	if (host_find_port(host, port) != NULL)
		return 1;
	wire_begin(&host->out, WIRE_EXISTS);
	wire_put_str(&host->out, port);
	return daemon_answer(host) == 1;
}

/* ---- what the module reports -------------------------------------------- */

static void log_text(struct pp_spooler *cookie, int level, const char *fmt, ...)
    PP_PRINTF(3, 4);

static void
log_text(struct pp_spooler *cookie, int level, const char *fmt, ...)
{
	struct host *host = host_of(cookie);
	char text[LOG_TEXT_LEN];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (level <= PP_LOG_ERROR)
		snprintf(host->reason, sizeof(host->reason), "%.*s",
		    (int)sizeof(host->reason) - 1, text);
	if (host->judging)
		return;
	wire_begin(&host->out, WIRE_LOG);
	wire_put_u32(&host->out, (uint32_t)level);
	wire_put_str(&host->out, text);
	host_send(host);
}

/* Errors before warnings before information; nothing at last. */
static bool
is_graver(const struct host_voice *one, const struct host_voice *other)
{
	return one->severity != PP_SEVERITY_NONE &&
	    (other->severity == PP_SEVERITY_NONE ||
	    one->severity < other->severity);
}

/*
 * The daemon keeps the status of a port and tells a change from a repetition;
 * so a status that was said once need not be remembered here.
 */
static int
set_port_status(struct pp_spooler *cookie, const char *port,
    const struct pp_port_info_3 *info)
{
	struct host_voice *voice = (struct host_voice *)cookie;
	struct host *host = host_of(cookie);

	if (host_find_port(host, port) == NULL)
		return PP_NOT_FOUND;
	if ((unsigned)info->status > PP_STATUS_POWER_SAVE ||
	    (unsigned)info->severity > PP_SEVERITY_INFO)
		return PP_INVALID_PARAMETER;
	voice->status = info->status;
	voice->severity = info->severity;
	snprintf(voice->text, sizeof(voice->text), "%s",
	    info->text != NULL ? info->text : "");
	voice = is_graver(&host->voice, &host->lm_voice) ? &host->voice :
	    is_graver(&host->lm_voice, &host->voice) ? &host->lm_voice :
	    voice;
	wire_begin(&host->out, WIRE_STATUS);
	wire_put_str(&host->out, port);
	wire_put_u32(&host->out, (uint32_t)voice->status);
	wire_put_u32(&host->out, (uint32_t)voice->severity);
	wire_put_str(&host->out, voice->text);
	host_send(host);
	return host->orphan ? PP_CANCELED : 0;
}

static int
set_port_supplies(struct pp_spooler *cookie, const char *port,
    const struct pp_supply *supplies, uint32_t count)
{
	struct host *host = host_of(cookie);
	uint32_t i;

	if (host_find_port(host, port) == NULL)
		return PP_NOT_FOUND;
	if (count > PP_SUPPLIES_MAX)
		count = PP_SUPPLIES_MAX;
	for (i = 0; i < count; i++)
		if (supplies[i].name == NULL || supplies[i].percent < -1 ||
		    supplies[i].percent > 100)
			return PP_INVALID_PARAMETER;
	wire_begin(&host->out, WIRE_SUPPLIES);
	wire_put_u32(&host->out, count);
	for (i = 0; i < count; i++) {
		wire_put_str(&host->out, supplies[i].name);
		wire_put_u32(&host->out, (uint32_t)(supplies[i].percent + 1));
	}
	if (host->out.bad)
		return PP_INVALID_DATA;		/* longer than a message */
	host_send(host);
	return host->orphan ? PP_CANCELED : 0;
}

static int
job_event(struct pp_spooler *cookie, uint64_t job, enum pp_job_event event)
{
	struct host *host = host_of(cookie);

	if (event != PP_JOB_SENT && event != PP_JOB_LAST_PAGE_EJECTED)
		return PP_INVALID_PARAMETER;
	if (event == PP_JOB_LAST_PAGE_EJECTED && host_ending_report(host, job))
		return 0;
	if (host->now == NULL || host->now->doc.job != job)
		return PP_NOT_FOUND;
	if (event == PP_JOB_LAST_PAGE_EJECTED)
		host_ending_report_all(host);
	host->now->events |= 1u << (unsigned)event;
	return 0;
}

static int
job_pages(struct pp_spooler *cookie, uint64_t job, uint64_t pages)
{
	struct host *host = host_of(cookie);
	struct wire_outcome *ending = host_ending_find(host, job);

	if (ending != NULL)
		ending->pages = pages;
	else if (host->now != NULL && host->now->doc.job == job)
		host->now->pages = pages;
	else
		return PP_NOT_FOUND;
	return 0;
}

static int
job_info(struct pp_spooler *cookie, uint64_t job, struct pp_job_info *info)
{
	struct host *host = host_of(cookie);
	struct pp_job_info whole = { .size = sizeof(whole) };
	const struct host_doc *now = host->now;

	if (now == NULL || now->doc.job != job)
		return PP_NOT_FOUND;
	if (info->size < sizeof(info->size) || info->size > sizeof(whole))
		return PP_INVALID_PARAMETER;
	whole.size = info->size;
	whole.flags = now->job_flags;
	whole.id = job;
	whole.queue = now->doc.queue;
	whole.user = now->doc.user;
	whole.host = now->doc.host;
	whole.title = now->doc.title;
	whole.submitted = now->doc.submitted;
	whole.length = now->length;
	whole.document = now->doc.name;
	whole.extra = now->doc.extra;
	memcpy(info, &whole, info->size);
	return 0;
}

static uint32_t
job_flags(struct pp_spooler *cookie, uint64_t job)
{
	struct host *host = host_of(cookie);

	if (host->now == NULL || host->now->doc.job != job)
		return 0;
	return host->now->job_flags;
}

/* ---- waiting and moving ------------------------------------------------- */

static int
left_ms(int64_t deadline_ms)
{
	int64_t left = deadline_ms - host_clock_ms();

	return left > 0 ? (int)left : 0;
}

/*
 * While it waits here the module is in our hands, not hanging; the board says
 * so, for as long as it takes.
 */
int
host_api_wait(void *arg, int fd, uint32_t events, int timeout_ms)
{
	struct host *host = arg;
	int64_t deadline = timeout_ms >= 0 ?
	    host_clock_ms() + timeout_ms : INT64_MAX;
	uint32_t call = atomic_exchange(&host->board->call, WIRE_CALL_NONE);
	struct pollfd fds[2] = {
		{ .fd = fd, .events = (short)
		    ((events & PP_WAIT_READ ? POLLIN : 0) |
		    (events & PP_WAIT_WRITE ? POLLOUT : 0)) },
		{ .fd = host->control, .events = POLLIN },
	};
	int n, code = PP_CANCELED;

	host_doc_flush(host);
	while (!host_canceled(host)) {
		n = poll(fds, 2, timeout_ms < 0 ? -1 : left_ms(deadline));
		if (n == -1 && errno != EINTR) {
			code = -errno;
			break;
		}
		if (n == -1)
			continue;
		if (fds[1].revents != 0)
			host_listen(host);
		if (fds[0].revents == 0 && n > 0)
			continue;
		code = n == 0 ? PP_TIMEOUT : 0;
		break;
	}
	host_alive(host);
	atomic_store(&host->board->call, call);
	if (code != 0)
		return code;
	if (fds[0].revents & (POLLERR | POLLHUP | POLLNVAL))
		return (int)events;
	return (int)((fds[0].revents & POLLIN ? PP_WAIT_READ : 0) |
	    (fds[0].revents & POLLOUT ? PP_WAIT_WRITE : 0));
}

static int
wait_fd(struct pp_spooler *cookie, int fd, uint32_t events, int timeout_ms)
{
	return host_api_wait(host_of(cookie), fd, events, timeout_ms);
}

static int
transfer(struct pp_spooler *cookie, int from, int to, uint64_t max,
    int timeout_ms, struct pp_moved *moved)
{
	struct host *host = host_of(cookie);

	return transfer_run(host->transfer, from, to, max, timeout_ms, moved);
}

static int
watch_read(struct pp_spooler *cookie, struct pp_port *port, int fd)
{
	struct host *host = host_of(cookie);

	(void)port;			/* a host has one */
	host->read_fd = fd;
	return 0;
}

/* ---- memory, clock ------------------------------------------------------ */

static void *
host_alloc(struct pp_spooler *cookie, size_t size)
{
	(void)cookie;
	return calloc(1, size > 0 ? size : 1);
}

static void
host_free(struct pp_spooler *cookie, void *memory)
{
	(void)cookie;
	free(memory);
}

static struct pp_bidi *
bidi_alloc(struct pp_spooler *cookie, uint32_t count)
{
	struct pp_bidi *bidi = host_alloc(cookie, sizeof(*bidi));

	if (bidi == NULL)
		return NULL;
	bidi->version = 1;
	bidi->count = count;
	bidi->entries = calloc(count > 0 ? count : 1, sizeof(*bidi->entries));
	if (bidi->entries == NULL) {
		free(bidi);
		return NULL;
	}
	return bidi;
}

static bool
bidi_has_bytes(const struct pp_bidi_data *data)
{
	return data->type == PP_BIDI_STRING || data->type == PP_BIDI_TEXT ||
	    data->type == PP_BIDI_ENUM || data->type == PP_BIDI_BLOB;
}

static void
bidi_free(struct pp_spooler *cookie, struct pp_bidi *bidi)
{
	uint32_t i;

	(void)cookie;
	if (bidi == NULL)
		return;
	for (i = 0; i < bidi->count; i++) {
		free((void *)(uintptr_t)bidi->entries[i].schema);
		if (bidi_has_bytes(&bidi->entries[i].data))
			free((void *)(uintptr_t)
			    bidi->entries[i].data.value.bytes);
	}
	free(bidi->entries);
	free(bidi);
}

static int64_t
clock_ms(struct pp_spooler *cookie)
{
	host_alive(host_of(cookie));
	return host_clock_ms();
}

void
host_api_init(struct host *host)
{
	host->api = (struct pp_host){
		.size		 = sizeof(struct pp_host),
		.abi		 = PP_MONITOR_ABI,
		.cookie		 = (struct pp_spooler *)&host->voice,
		.instance	 = host->instance,
		.config_port	 = config_port,
		.config_text	 = config_text,
		.config_number	 = config_number,
		.config_store	 = config_store,
		.config_remove	 = config_remove,
		.port_exists	 = port_exists,
		.log		 = log_text,
		.set_port_status = set_port_status,
		.job_event	 = job_event,
		.job_info	 = job_info,
		.job_flags	 = job_flags,
		.wait_fd	 = wait_fd,
		.transfer	 = transfer,
		.watch_read	 = watch_read,
		.alloc		 = host_alloc,
		.free		 = host_free,
		.bidi_alloc	 = bidi_alloc,
		.bidi_free	 = bidi_free,
		.clock_ms	 = clock_ms,
		.job_pages	 = job_pages,
		.set_port_supplies = set_port_supplies,
	};
	host->lm_api = host->api;
	host->lm_api.cookie = (struct pp_spooler *)&host->lm_voice;
	host->voice.host = host->lm_voice.host = host;
}
