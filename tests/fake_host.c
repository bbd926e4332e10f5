/*
 * fake_host.c - see fake_host.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>
#include <unistd.h>

#include <check.h>

#include "tests/fake_host.h"
#include "monitor/fault.h"
#include "monitor/settings.h"

struct fake_port {
	struct fake_port	*next;
	char			*name;
	bool			 foreign;
	struct pp_setting	*settings;	/* owned, with their strings */
	size_t			 n_settings;
};

/* Every callback begins here. */
static struct fake_host *
host_of(struct pp_spooler *cookie)
{
	struct fake_host *host = (struct fake_host *)cookie;

	if (host->shut)
		host->n_late++;
	return host;
}

static char *
copy_text(const char *text)
{
	char *copy = strdup(text);

	ck_assert_ptr_nonnull(copy);
	return copy;
}

/* ---- configuration ------------------------------------------------------ */

static struct fake_port *
find_port(const struct fake_host *host, const char *name)
{
	struct fake_port *port;

	for (port = host->ports; port != NULL; port = port->next)
		if (strcasecmp(port->name, name) == 0)
			return port;
	return NULL;
}

static struct fake_port *
own_port(const struct fake_host *host, const char *name)
{
	struct fake_port *port = find_port(host, name);

	return port != NULL && !port->foreign ? port : NULL;
}

static struct fake_port *
add_port(struct fake_host *host, const char *name, bool foreign)
{
	struct fake_port **end = &host->ports;
	struct fake_port *port = calloc(1, sizeof(*port));

	ck_assert_ptr_nonnull(port);
	port->name = copy_text(name);
	port->foreign = foreign;
	while (*end != NULL)
		end = &(*end)->next;
	*end = port;
	return port;
}

static void
clear_settings(struct fake_port *port)
{
	size_t i;

	for (i = 0; i < port->n_settings; i++) {
		free((char *)(uintptr_t)port->settings[i].key);
		free((char *)(uintptr_t)port->settings[i].value);
	}
	free(port->settings);
	port->settings = NULL;
	port->n_settings = 0;
}

static void
set_key(struct fake_port *port, const char *key, const char *value)
{
	struct pp_setting *setting;
	size_t i;

	for (i = 0; i < port->n_settings; i++) {
		setting = &port->settings[i];
		if (strcmp(setting->key, key) == 0) {
			free((char *)(uintptr_t)setting->value);
			setting->value = copy_text(value);
			return;
		}
	}
	port->settings = reallocarray(port->settings, port->n_settings + 1,
	    sizeof(*port->settings));
	ck_assert_ptr_nonnull(port->settings);
	setting = &port->settings[port->n_settings++];
	setting->key = copy_text(key);
	setting->value = copy_text(value);
}

void
fake_host_set(struct fake_host *host, const char *name, const char *key,
    const char *value)
{
	struct fake_port *port = find_port(host, name);

	if (port == NULL)
		port = add_port(host, name, false);
	if (key != NULL)
		set_key(port, key, value);
}

const char *
fake_host_get(const struct fake_host *host, const char *name, const char *key)
{
	const struct fake_port *port = find_port(host, name);
	size_t i;

	for (i = 0; port != NULL && i < port->n_settings; i++)
		if (strcmp(port->settings[i].key, key) == 0)
			return port->settings[i].value;
	return NULL;
}

bool
fake_host_has_port(const struct fake_host *host, const char *name)
{
	return find_port(host, name) != NULL;
}

void
fake_host_foreign_port(struct fake_host *host, const char *name)
{
	add_port(host, name, true);
}

void
fake_host_remove_port(struct fake_host *host, const char *name)
{
	struct fake_port **link = &host->ports;
	struct fake_port *port;

	while (*link != NULL && strcasecmp((*link)->name, name) != 0)
		link = &(*link)->next;
	port = *link;
	if (port == NULL)
		return;
	*link = port->next;
	clear_settings(port);
	free(port->name);
	free(port);
}

static int
config_port(struct pp_spooler *cookie, uint32_t index,
    char name[PP_PORT_NAME_LEN + 1])
{
	const struct fake_host *host = host_of(cookie);
	const struct fake_port *port;

	for (port = host->ports; port != NULL; port = port->next) {
		if (port->foreign || index-- > 0)
			continue;
		snprintf(name, PP_PORT_NAME_LEN + 1, "%s", port->name);
		return 0;
	}
	return PP_NOT_FOUND;
}

static int
config_text(struct pp_spooler *cookie, const char *name, const char *key,
    char *buf, size_t size, size_t *needed)
{
	const struct fake_host *host = host_of(cookie);
	const struct fake_port *port = own_port(host, name);

	if (port == NULL)
		return PP_NOT_FOUND;
	return settings_text(host->declared, port->settings, port->n_settings,
	    host->base, key, buf, size, needed);
}

static int
config_number(struct pp_spooler *cookie, const char *name, const char *key,
    int64_t *value)
{
	const struct fake_host *host = host_of(cookie);
	const struct fake_port *port = own_port(host, name);

	if (port == NULL)
		return PP_NOT_FOUND;
	if (strcmp(key, "write_timeout") == 0) {
		*value = 1000;		/* what every port has by itself */
		return 0;
	}
	return settings_number(host->declared, port->settings,
	    port->n_settings, key, value);
}

static int
judge(const struct fake_host *host, const struct pp_setting *settings,
    size_t count)
{
	struct fault fault;
	size_t i;

	if (host->declared == NULL)
		return 0;
	for (i = 0; i < count; i++)
		if (settings_check(host->declared, settings[i].key,
		    settings[i].value, &fault) != 0)
			return PP_INVALID_DATA;
	if (settings_check_complete(host->declared, settings, count,
	    &fault) != 0)
		return PP_INVALID_DATA;
	return 0;
}

static int
config_store(struct pp_spooler *cookie, const char *name,
    const struct pp_setting *settings, size_t count)
{
	struct fake_host *host = host_of(cookie);
	struct fake_port *port = find_port(host, name);
	size_t i;

	if (port != NULL && port->foreign)
		return PP_ALREADY_EXISTS;
	if (judge(host, settings, count) != 0)
		return PP_INVALID_DATA;
	if (host->store_error != 0)
		return host->store_error;
	if (port == NULL)
		port = add_port(host, name, false);
	clear_settings(port);
	for (i = 0; i < count; i++)
		set_key(port, settings[i].key, settings[i].value);
	host->n_stores++;
	return 0;
}

static int
config_remove(struct pp_spooler *cookie, const char *name)
{
	struct fake_host *host = host_of(cookie);

	if (own_port(host, name) == NULL)
		return PP_NOT_FOUND;
	if (host->store_error != 0)
		return host->store_error;
	fake_host_remove_port(host, name);
	host->n_removes++;
	return 0;
}

static int
port_exists(struct pp_spooler *cookie, const char *name)
{
	return find_port(host_of(cookie), name) != NULL;
}

/* ---- what modules report ------------------------------------------------ */

static void log_text(struct pp_spooler *cookie, int level, const char *fmt, ...)
    PP_PRINTF(3, 4);

static void
log_text(struct pp_spooler *cookie, int level, const char *fmt, ...)
{
	struct fake_host *host = host_of(cookie);
	struct fake_log *line;
	va_list ap;

	if (host->n_logs++ >= FAKE_HOST_RECORDS)
		return;
	line = &host->logs[host->n_logs - 1];
	line->level = level;
	va_start(ap, fmt);
	ck_assert_int_ge(vasprintf(&line->text, fmt, ap), 0);
	va_end(ap);
}

static int
set_port_status(struct pp_spooler *cookie, const char *port,
    const struct pp_port_info_3 *info)
{
	struct fake_host *host = host_of(cookie);
	struct fake_status *status;

	if (find_port(host, port) == NULL)
		return PP_NOT_FOUND;
	if (host->n_statuses++ < FAKE_HOST_RECORDS) {
		status = &host->statuses[host->n_statuses - 1];
		snprintf(status->port, sizeof(status->port), "%s", port);
		status->status = info->status;
		status->severity = info->severity;
		snprintf(status->text, sizeof(status->text), "%s",
		    info->text != NULL ? info->text : "");
	}
	return host->status_error;
}

static int
job_event(struct pp_spooler *cookie, uint64_t job, enum pp_job_event event)
{
	struct fake_host *host = host_of(cookie);

	if (host->n_events++ < FAKE_HOST_RECORDS)
		host->events[host->n_events - 1] =
		    (struct fake_event){ job, event };
	return host->event_error;
}

static int
job_info(struct pp_spooler *cookie, uint64_t job, struct pp_job_info *info)
{
	const struct fake_host *host = host_of(cookie);
	struct pp_job_info whole = host->job;
	uint32_t size = info->size;

	if (job != host->job.id)
		return PP_NOT_FOUND;
	if (size > sizeof(whole))
		size = sizeof(whole);
	whole.size = size;
	memcpy(info, &whole, size);
	return 0;
}

static uint32_t
job_flags(struct pp_spooler *cookie, uint64_t job)
{
	const struct fake_host *host = host_of(cookie);

	return job == host->job.id ? host->job.flags : 0;
}

bool
fake_host_logged(const struct fake_host *host, const char *part)
{
	size_t i;

	for (i = 0; i < host->n_logs && i < FAKE_HOST_RECORDS; i++)
		if (strstr(host->logs[i].text, part) != NULL)
			return true;
	return false;
}

size_t
fake_host_events(const struct fake_host *host, uint64_t job,
    enum pp_job_event event)
{
	size_t i, n = 0;

	for (i = 0; i < host->n_events && i < FAKE_HOST_RECORDS; i++)
		n += host->events[i].job == job &&
		    host->events[i].event == event;
	return n;
}

/* ---- waiting and moving ------------------------------------------------- */

static int
wait_fd(struct pp_spooler *cookie, int fd, uint32_t events, int timeout_ms)
{
	const struct fake_host *host = host_of(cookie);
	struct pollfd p = { .fd = fd };
	int n;

	if (events & PP_WAIT_READ)
		p.events |= POLLIN;
	if (events & PP_WAIT_WRITE)
		p.events |= POLLOUT;
	if (host->canceled)
		return PP_CANCELED;
	do
		n = poll(&p, 1, timeout_ms);
	while (n == -1 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? PP_TIMEOUT : -errno;
	if (p.revents & (POLLERR | POLLHUP | POLLNVAL))
		return (int)events;
	return (int)((p.revents & POLLIN ? PP_WAIT_READ : 0) |
	    (p.revents & POLLOUT ? PP_WAIT_WRITE : 0));
}

/* Read a block; says in moved how the source stands. */
static size_t
take(int from, char *block, size_t size, struct pp_moved *moved)
{
	ssize_t n;

	do
		n = read(from, block, size);
	while (n == -1 && errno == EINTR);
	if (n > 0)
		return (size_t)n;
	if (n == 0)
		moved->source = PP_SOURCE_END;
	else if (errno == EAGAIN)
		moved->source = PP_SOURCE_EMPTY;
	else {
		moved->source = PP_SOURCE_ERROR;
		moved->source_errno = errno;
	}
	return 0;
}

/* Write a whole block.  What `to` does not take in time is lost here. */
static int
give(struct pp_spooler *cookie, int to, const char *block, size_t len,
    int timeout_ms, struct pp_moved *moved)
{
	ssize_t n;
	int code;

	while (len > 0) {
		n = write(to, block, len);
		if (n >= 0) {
			block += n;
			len -= (size_t)n;
			moved->written += (size_t)n;
		} else if (errno == EAGAIN) {
			code = wait_fd(cookie, to, PP_WAIT_WRITE, timeout_ms);
			if (code < 0)
				return code;
		} else if (errno != EINTR)
			return -errno;
	}
	return 0;
}

static int
transfer(struct pp_spooler *cookie, int from, int to, uint64_t max,
    int timeout_ms, struct pp_moved *moved)
{
	struct fake_host *host = host_of(cookie);
	char block[65536];
	size_t len;
	int code = 0;

	host->n_transfers++;
	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	while (code == 0 && moved->written < max) {
		len = sizeof(block);
		if (len > max - moved->written)
			len = (size_t)(max - moved->written);
		len = take(from, block, len, moved);
		if (len == 0)
			break;
		code = give(cookie, to, block, len, timeout_ms, moved);
	}
	return code;
}

static int
watch_read(struct pp_spooler *cookie, struct pp_port *port, int fd)
{
	struct fake_host *host = host_of(cookie);

	host->watched_port = port;
	host->watched_fd = fd;
	return 0;
}

/* ---- memory, clock ------------------------------------------------------ */

static void *
host_alloc(struct pp_spooler *cookie, size_t size)
{
	void *memory = calloc(1, size > 0 ? size : 1);

	ck_assert_ptr_nonnull(memory);
	host_of(cookie)->n_live++;
	return memory;
}

static void
host_free(struct pp_spooler *cookie, void *memory)
{
	if (memory == NULL)
		return;
	host_of(cookie)->n_live--;
	free(memory);
}

static struct pp_bidi *
bidi_alloc(struct pp_spooler *cookie, uint32_t count)
{
	struct pp_bidi *bidi = host_alloc(cookie, sizeof(*bidi));

	bidi->version = 1;
	bidi->count = count;
	bidi->entries = host_alloc(cookie, count * sizeof(*bidi->entries));
	return bidi;
}

static void
bidi_free(struct pp_spooler *cookie, struct pp_bidi *bidi)
{
	struct pp_bidi_entry *entry;
	uint32_t i;

	if (bidi == NULL)
		return;
	for (i = 0; i < bidi->count; i++) {
		entry = &bidi->entries[i];
		host_free(cookie, (void *)(uintptr_t)entry->schema);
		if (entry->data.type >= PP_BIDI_STRING)
			host_free(cookie,
			    (void *)(uintptr_t)entry->data.value.bytes);
	}
	host_free(cookie, bidi->entries);
	host_free(cookie, bidi);
}

static int64_t
clock_ms(struct pp_spooler *cookie)
{
	struct timespec now;

	(void)host_of(cookie);
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- life --------------------------------------------------------------- */

static const struct pp_host callbacks = {
	.size = sizeof(struct pp_host),
	.abi = PP_MONITOR_ABI,
	.instance = "test",
	.config_port = config_port,
	.config_text = config_text,
	.config_number = config_number,
	.config_store = config_store,
	.config_remove = config_remove,
	.port_exists = port_exists,
	.log = log_text,
	.set_port_status = set_port_status,
	.job_event = job_event,
	.job_info = job_info,
	.job_flags = job_flags,
	.wait_fd = wait_fd,
	.transfer = transfer,
	.watch_read = watch_read,
	.alloc = host_alloc,
	.free = host_free,
	.bidi_alloc = bidi_alloc,
	.bidi_free = bidi_free,
	.clock_ms = clock_ms,
};

struct fake_host *
fake_host_new(void)
{
	struct fake_host *host = calloc(1, sizeof(*host));

	ck_assert_ptr_nonnull(host);
	host->api = callbacks;
	host->api.cookie = (struct pp_spooler *)host;
	host->base = "/";
	host->watched_fd = -1;
	host->job = (struct pp_job_info){ .size = sizeof(host->job), .id = 1,
	    .queue = "lobby", .user = "", .host = "127.0.0.1", .title = "" };
	return host;
}

void
fake_host_free(struct fake_host *host)
{
	size_t i;

	if (host == NULL)
		return;
	while (host->ports != NULL)
		fake_host_remove_port(host, host->ports->name);
	for (i = 0; i < host->n_logs && i < FAKE_HOST_RECORDS; i++)
		free(host->logs[i].text);
	free(host);
}
