/*
 * conf_keys.c - see conf_keys.h.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "conf_keys.h"
#include "text.h"
#include "words.h"

/* No time is longer, so that each fits an int of milliseconds. */
#define TIME_MAX	(INT64_C(24) * 24 * 60 * 60 * 1000)
#define CLIENTS_MAX	1000000
/* How long things are kept needs no int. */
#define KEEP_MAX	(INT64_C(100) * 365 * 24 * 60 * 60 * 1000)
#define SIZE_ANY	INT64_MAX

/* Where a key stands: in the file, and in the struct. */
#define IN_DAEMON(field)	.section = CONF_SECTION_DAEMON, \
	.offset = offsetof(struct conf_daemon, field)
#define IN_LISTENER(field)	.section = CONF_SECTION_LISTENER, \
	.offset = offsetof(struct conf_listener, field)
#define IN_QUEUE(field)		.section = CONF_SECTION_QUEUE, \
	.offset = offsetof(struct conf_queue, field)
#define IN_PORT(field)		.section = CONF_SECTION_PORT, \
	.offset = offsetof(struct conf_port, field)

static const char *const protocols[] = {
	[CONF_PROTOCOL_RAW] = "raw", [CONF_PROTOCOL_LPD] = "lpd", NULL
};
static const char *const privilegeds[] = {
	[CONF_PRIVILEGED_NO] = "no", [CONF_PRIVILEGED_1023] = "1023",
	[CONF_PRIVILEGED_RFC] = "rfc", NULL
};
static const char *const final_nuls[] = {
	[CONF_FINAL_NUL_REQUIRE] = "require",
	[CONF_FINAL_NUL_OPTIONAL] = "optional", NULL
};
static const char *const lackings[] = {
	[CONF_LACKING_PRINT] = "print", [CONF_LACKING_HOLD] = "hold",
	[CONF_LACKING_DROP] = "drop", NULL
};
static const char *const root_removes[] = {
	[CONF_ROOT_REMOVES_OWN] = "own", [CONF_ROOT_REMOVES_HOST] = "host",
	[CONF_ROOT_REMOVES_ALL] = "all", NULL
};
static const char *const remove_answers[] = {
	[CONF_REMOVE_ANSWER_TEXT] = "text",
	[CONF_REMOVE_ANSWER_OCTET] = "octet", NULL
};
static const char *const deliveries[] = {
	[CONF_DELIVERY_SPOOL] = "spool", [CONF_DELIVERY_STREAM] = "stream",
	NULL
};
static const char *const starts[] = {
	[CONF_START_SPOOLED] = "spooled", [CONF_START_IMMEDIATE] = "immediate",
	NULL
};
static const char *const orders[] = {
	[CONF_ORDER_STRICT] = "strict", [CONF_ORDER_FAST] = "fast", NULL
};
static const char *const on_expires[] = {
	[CONF_ON_EXPIRE_HOLD] = "hold", [CONF_ON_EXPIRE_DROP] = "drop",
	[CONF_ON_EXPIRE_DIVERT] = "divert", NULL
};
static const char *const banners[] = {
	[CONF_BANNER_NO] = "no", [CONF_BANNER_ASKED] = "asked",
	[CONF_BANNER_ALWAYS] = "always", NULL
};
static const char *const duplicate_words[] = {
	[CONF_DUPLICATES_OFF] = "off", [CONF_DUPLICATES_HOLD] = "hold",
	[CONF_DUPLICATES_DROP] = "drop", NULL
};
static const char *const after_crashes[] = {
	[CONF_AFTER_CRASH_REPRINT] = "reprint", [CONF_AFTER_CRASH_HOLD] = "hold",
	NULL
};
static const char *const on_resets[] = {
	[CONF_ON_RESET_ABORT] = "abort", [CONF_ON_RESET_FINISH] = "finish", NULL
};
static const char *const log_levels[] = {
	[CONF_LOG_ERROR] = "error", [CONF_LOG_WARNING] = "warning",
	[CONF_LOG_INFO] = "info", [CONF_LOG_DEBUG] = "debug", NULL
};
static const char *const log_tos[] = {
	[CONF_LOG_TO_AUTO] = "auto", [CONF_LOG_TO_STDERR] = "stderr",
	[CONF_LOG_TO_JOURNAL] = "journal", NULL
};

const char *const conf_section_names[CONF_SECTIONS] = {
	[CONF_SECTION_DAEMON]	= "daemon",
	[CONF_SECTION_LISTENER]	= "listener",
	[CONF_SECTION_QUEUE]	= "queue",
	[CONF_SECTION_PORT]	= "port",
};

const struct conf_key conf_keys[] = {
	{
		IN_DAEMON(user),
		.name = "user", .type = CONF_STRING, .preset = "printportd",
		.restart = true,
		.help = "user to become when started as root",
	}, {
		IN_DAEMON(group),
		.name = "group", .type = CONF_STRING, .restart = true,
		.help = "group to become; unset: the user's own",
	}, {
		IN_DAEMON(monitor_directory),
		.name = "monitor_directory", .type = CONF_PATHS,
		.preset = PP_MONITORDIR,
		.help = "where monitors are loaded from, and from nowhere else",
	}, {
		IN_DAEMON(spool_directory),
		.name = "spool_directory", .type = CONF_PATH,
		.preset = PP_SPOOLDIR, .restart = true,
		.help = "what must outlive the process",
	}, {
		IN_DAEMON(host_program),
		.name = "host_program", .type = CONF_PATH,
		.preset = PP_LIBEXECDIR "/printport-host",
		.help = "the program that runs the monitors of one port",
	}, {
		IN_DAEMON(log_level),
		.name = "log_level", .type = CONF_CHOICE, .preset = "info",
		.choices = log_levels,
		.help = "the least that is worth a line in the log",
	}, {
		IN_DAEMON(log_to),
		.name = "log_to", .type = CONF_CHOICE, .preset = "auto",
		.choices = log_tos, .restart = true,
		.help = "auto: the journal if started by systemd, else stderr",
	}, {
		IN_DAEMON(drain_timeout_ms),
		.name = "drain_timeout", .type = CONF_TIME, .preset = "30s",
		.max = TIME_MAX,
		.help = "what running documents are given to end at shutdown",
	}, {
		IN_DAEMON(max_connections),
		.name = "max_connections", .type = CONF_NUMBER,
		.preset = "20000", .min = 1, .max = CLIENTS_MAX,
		.help = "clients at a time, of all listeners together",
	}, {
		IN_DAEMON(client_max_connections),
		.name = "client_max_connections", .type = CONF_NUMBER,
		.preset = "256", .max = CLIENTS_MAX,
		.help = "connections of one client address; 0: any number",
	}, {
		IN_DAEMON(control_socket),
		.name = "control_socket", .type = CONF_PATH,
		.preset = PP_RUNDIR "/control.sock", .restart = true,
		.help = "where printportctl reaches the daemon",
	}, {
		IN_DAEMON(min_free_bytes),
		.name = "min_free_space", .type = CONF_SIZE, .preset = "64M",
		.max = SIZE_ANY, .restart = true,
		.help = "refuse new jobs when the spool has less; go on printing",
	}, {
		IN_DAEMON(client_max_jobs),
		.name = "client_max_jobs", .type = CONF_NUMBER, .preset = "0",
		.max = SIZE_ANY,
		.help = "unfinished jobs of one client address; 0: any number",
	}, {
		IN_DAEMON(client_max_bytes),
		.name = "client_max_bytes", .type = CONF_SIZE, .preset = "0",
		.max = SIZE_ANY,
		.help = "bytes of the unfinished jobs of one client; 0: any",
	}, {
		IN_DAEMON(after_crash),
		.name = "after_crash", .type = CONF_CHOICE,
		.preset = "reprint", .choices = after_crashes, .restart = true,
		.help = "of jobs that were being printed: reprint or hold",
	}, {
		IN_DAEMON(keep_data_ms),
		.name = "keep_data", .type = CONF_TIME, .preset = "1d",
		.max = KEEP_MAX,
		.help = "keep the data of finished jobs; 0: not at all",
	}, {
		IN_DAEMON(keep_jobs_ms),
		.name = "keep_jobs", .type = CONF_TIME, .preset = "7d",
		.max = KEEP_MAX,
		.help = "keep the records of finished jobs; 0: for ever",
	}, {
		IN_DAEMON(keep_records_ms),
		.name = "keep_accounting", .type = CONF_TIME, .preset = "90d",
		.max = KEEP_MAX,
		.help = "keep the accounting records; 0: for ever",
	},

	{
		IN_LISTENER(protocol),
		.name = "protocol", .type = CONF_CHOICE, .preset = "raw",
		.choices = protocols,
		.help = "what the clients speak",
	}, {
		IN_LISTENER(listen),
		.name = "listen", .type = CONF_LIST, .required = true,
		.help = "addresses such as [::]:9100, *:9100 or systemd:NAME",
	}, {
		IN_LISTENER(queue_name),
		.name = "queue", .type = CONF_STRING, .required = true,
		.raw_only = true,
		.help = "the queue that gets what is printed here",
	}, {
		IN_LISTENER(max_connections),
		.name = "max_connections", .type = CONF_NUMBER,
		.preset = "20000", .min = 1, .max = CLIENTS_MAX,
		.help = "clients at a time",
	}, {
		IN_LISTENER(min_job_bytes),
		.name = "min_job_bytes", .type = CONF_SIZE, .preset = "1",
		.min = 1, .max = 4096,
		.raw_only = true,
		.help = "a client that sends less has printed nothing",
	}, {
		IN_LISTENER(guard),
		.name = "guard", .type = CONF_BOOL, .preset = "yes",
		.raw_only = true,
		.help = "refuse clients that speak HTTP or TLS",
	}, {
		IN_LISTENER(default_queue),
		.name = "default_queue", .type = CONF_STRING,
		.lpd_only = true,
		.help = "the queue for names that no queue has; unset: none",
	}, {
		IN_LISTENER(any_case),
		.name = "any_case", .type = CONF_BOOL, .preset = "yes",
		.lpd_only = true,
		.help = "LOBBY is lobby",
	}, {
		IN_LISTENER(queue_options),
		.name = "queue_options", .type = CONF_BOOL, .preset = "no",
		.lpd_only = true,
		.help = "lobby+copies=2+hold is lobby with options",
	}, {
		IN_LISTENER(jetdirect_names),
		.name = "jetdirect_names", .type = CONF_BOOL, .preset = "no",
		.lpd_only = true,
		.help = "raw, text2 and their like are the queues by number",
	}, {
		IN_LISTENER(require_privileged),
		.name = "require_privileged", .type = CONF_CHOICE,
		.preset = "no", .choices = privilegeds,
		.lpd_only = true,
		.help = "clients' ports: any, up to 1023, or rfc: 721 to 731",
	}, {
		IN_LISTENER(command_timeout_ms),
		.name = "command_timeout", .type = CONF_TIME, .preset = "30s",
		.max = TIME_MAX,
		.lpd_only = true,
		.help = "wait for a client's command; 0: for ever",
	}, {
		IN_LISTENER(receive_timeout_ms),
		.name = "receive_timeout", .type = CONF_TIME, .preset = "10m",
		.max = TIME_MAX,
		.lpd_only = true,
		.help = "longest silence of a client in its job; 0: any",
	}, {
		IN_LISTENER(refusal_delay_ms),
		.name = "refusal_delay", .type = CONF_TIME, .preset = "2s",
		.max = 60000,
		.lpd_only = true,
		.help = "wait before a client is told that it is refused",
	}, {
		IN_LISTENER(final_nul),
		.name = "final_nul", .type = CONF_CHOICE, .preset = "require",
		.choices = final_nuls,
		.lpd_only = true,
		.help = "require it behind a file, or take what has none",
	}, {
		IN_LISTENER(no_control_file),
		.name = "no_control_file", .type = CONF_CHOICE,
		.preset = "print", .choices = lackings,
		.lpd_only = true,
		.help = "data without control file: print, hold or drop",
	}, {
		IN_LISTENER(missing_data),
		.name = "missing_data", .type = CONF_CHOICE, .preset = "drop",
		.choices = lackings,
		.lpd_only = true,
		.help = "some of the data never came: print, hold or drop",
	}, {
		IN_LISTENER(text_is_raw),
		.name = "text_is_raw", .type = CONF_BOOL, .preset = "yes",
		.lpd_only = true,
		.help = "print lines f are as raw as l, not text",
	}, {
		IN_LISTENER(root_removes),
		.name = "root_removes", .type = CONF_CHOICE, .preset = "host",
		.choices = root_removes,
		.lpd_only = true,
		.help = "jobs that root may remove: own, host's or all",
	}, {
		IN_LISTENER(remove_answer),
		.name = "remove_answer", .type = CONF_CHOICE, .preset = "text",
		.choices = remove_answers,
		.lpd_only = true,
		.help = "what a client gets that removes jobs: text or octet",
	},

	{
		IN_QUEUE(ports),
		.name = "ports", .type = CONF_LIST, .required = true,
		.help = "the ports that print; delivery = stream takes one",
	}, {
		IN_QUEUE(backup_ports),
		.name = "backup_ports", .type = CONF_LIST,
		.spool_only = true,
		.help = "ports for when none of the others works",
	}, {
		IN_QUEUE(failover_after_ms),
		.name = "failover_after", .type = CONF_TIME, .preset = "5m",
		.max = TIME_MAX,
		.spool_only = true,
		.help = "how long a job waits before backup_ports are taken",
	}, {
		IN_QUEUE(delivery),
		.name = "delivery", .type = CONF_CHOICE, .preset = "spool",
		.choices = deliveries,
		.help = "spool: keep the job durably, then print; or stream",
	}, {
		IN_QUEUE(start_printing),
		.name = "start_printing", .type = CONF_CHOICE,
		.preset = "spooled", .choices = starts,
		.spool_only = true,
		.help = "spooled: when the job is whole; or immediate",
	}, {
		IN_QUEUE(order),
		.name = "order", .type = CONF_CHOICE, .preset = "strict",
		.choices = orders,
		.spool_only = true,
		.help = "strict: nobody passes a job that failed; or fast",
	}, {
		IN_QUEUE(priority),
		.name = "priority", .type = CONF_NUMBER, .preset = "50",
		.min = 1, .max = 100,
		.spool_only = true,
		.help = "of the jobs; 100 is printed first",
	}, {
		IN_QUEUE(expire_ms),
		.name = "expire", .type = CONF_TIME, .preset = "0",
		.max = TIME_MAX,
		.spool_only = true,
		.help = "a job that has waited so long expires; 0: never",
	}, {
		IN_QUEUE(on_expire),
		.name = "on_expire", .type = CONF_CHOICE, .preset = "hold",
		.choices = on_expires,
		.spool_only = true,
		.help = "what becomes of it: hold, drop or divert",
	}, {
		IN_QUEUE(divert_to),
		.name = "divert_to", .type = CONF_STRING,
		.spool_only = true,
		.help = "the queue that gets expired jobs",
	}, {
		IN_QUEUE(retries),
		.name = "retries", .type = CONF_NUMBER, .preset = "3",
		.max = 1000000,
		.spool_only = true,
		.help = "hold a job that failed so often; 0: try for ever",
	}, {
		IN_QUEUE(retry_after_ms),
		.name = "retry_after", .type = CONF_TIME, .preset = "0",
		.max = TIME_MAX,
		.spool_only = true,
		.help = "wait before a job is tried again, beside the port's own",
	}, {
		IN_QUEUE(notify),
		.name = "notify", .type = CONF_PATH,
		.spool_only = true,
		.help = "program to run when a job is held or dropped",
	}, {
		IN_QUEUE(duplicates),
		.name = "duplicates", .type = CONF_CHOICE, .preset = "off",
		.choices = duplicate_words,
		.spool_only = true,
		.help = "a job sent again after a break: off, hold or drop",
	}, {
		IN_QUEUE(duplicate_window_ms),
		.name = "duplicate_window", .type = CONF_TIME, .preset = "5m",
		.min = 1000, .max = TIME_MAX,
		.spool_only = true,
		.help = "how long after the break a job is taken for a repeat",
	}, {
		IN_QUEUE(max_job_bytes),
		.name = "max_job_size", .type = CONF_SIZE, .preset = "0",
		.max = SIZE_ANY,
		.spool_only = true,
		.help = "refuse larger jobs; 0: any size",
	}, {
		IN_QUEUE(max_jobs),
		.name = "max_jobs", .type = CONF_NUMBER, .preset = "0",
		.max = SIZE_ANY,
		.spool_only = true,
		.help = "unfinished jobs in the queue; 0: any number",
	}, {
		IN_QUEUE(max_bytes),
		.name = "max_bytes", .type = CONF_SIZE, .preset = "0",
		.max = SIZE_ANY,
		.spool_only = true,
		.help = "bytes of the unfinished jobs in the queue; 0: any",
	}, {
		IN_QUEUE(idle_timeout_ms),
		.name = "idle_timeout", .type = CONF_TIME, .preset = "270s",
		.max = TIME_MAX,
		.help = "longest silence of a client; 0: any",
	}, {
		IN_QUEUE(idle_ends_job),
		.name = "idle_ends_job", .type = CONF_BOOL, .preset = "no",
		.help = "silence ends the job well, and the client may go on",
	}, {
		IN_QUEUE(on_reset),
		.name = "on_reset", .type = CONF_CHOICE, .preset = "abort",
		.choices = on_resets,
		.help = "what becomes of a job whose client resets",
	}, {
		IN_QUEUE(answers),
		.name = "answers", .type = CONF_BOOL, .preset = "yes",
		.help = "send the client what the printer answers",
	}, {
		IN_QUEUE(aliases),
		.name = "aliases", .type = CONF_LIST,
		.spool_only = true,
		.help = "more names by which LPD clients know it",
	}, {
		IN_QUEUE(banner),
		.name = "banner", .type = CONF_CHOICE, .preset = "no",
		.choices = banners,
		.spool_only = true,
		.help = "a page in front of each job: no, asked or always",
	}, {
		IN_QUEUE(banner_file),
		.name = "banner_file", .type = CONF_PATH,
		.spool_only = true,
		.help = "template of that page, in the printer's language",
	}, {
		IN_QUEUE(banner_format),
		.name = "banner_format", .type = CONF_STRING,
		.spool_only = true,
		.help = "MIME type of that page; unset: as it looks",
	},

	{
		IN_PORT(monitor),
		.name = "monitor", .type = CONF_STRING, .required = true,
		.help = "the module that moves the bytes, such as file",
	}, {
		IN_PORT(language_monitor),
		.name = "language_monitor", .type = CONF_STRING,
		.help = "a module over it, for the printer's job language",
	}, {
		IN_PORT(idle_close_ms),
		.name = "idle_close", .type = CONF_TIME, .preset = "60s",
		.max = TIME_MAX,
		.help = "close the port after so long without job; 0: at once",
	}, {
		IN_PORT(call_timeout_ms),
		.name = "call_timeout", .type = CONF_TIME, .preset = "60s",
		.min = 1000, .max = TIME_MAX,
		.help = "a monitor without a sign of life so long is killed",
	}, {
		IN_PORT(write_timeout_ms),
		.name = "write_timeout", .type = CONF_TIME, .preset = "30s",
		.min = 10, .max = TIME_MAX,
		.help = "longest wait of one write before it is tried again",
	}, {
		IN_PORT(stall_timeout_ms),
		.name = "stall_timeout", .type = CONF_TIME, .preset = "0",
		.max = TIME_MAX,
		.help = "give the job up if no byte is taken so long; 0: never",
	}, {
		IN_PORT(answer_wait_ms),
		.name = "answer_wait", .type = CONF_TIME, .preset = "250ms",
		.max = TIME_MAX,
		.help = "wait for the printer's answer at the end of a job",
	}, {
		IN_PORT(max_waiting),
		.name = "max_waiting", .type = CONF_NUMBER, .preset = "20000",
		.min = 1, .max = CLIENTS_MAX,
		.help = "clients that may wait for the port",
	},

	{ .name = NULL }
};

_Static_assert(sizeof(enum conf_protocol) == sizeof(int) &&
    sizeof(enum conf_privileged) == sizeof(int) &&
    sizeof(enum conf_final_nul) == sizeof(int) &&
    sizeof(enum conf_lacking) == sizeof(int) &&
    sizeof(enum conf_root_removes) == sizeof(int) &&
    sizeof(enum conf_remove_answer) == sizeof(int) &&
    sizeof(enum conf_delivery) == sizeof(int) &&
    sizeof(enum conf_on_reset) == sizeof(int) &&
    sizeof(enum conf_order) == sizeof(int) &&
    sizeof(enum conf_on_expire) == sizeof(int) &&
    sizeof(enum conf_banner) == sizeof(int) &&
    sizeof(enum conf_duplicates) == sizeof(int) &&
    sizeof(enum conf_start_printing) == sizeof(int) &&
    sizeof(enum conf_after_crash) == sizeof(int) &&
    sizeof(enum conf_log_level) == sizeof(int) &&
    sizeof(enum conf_log_to) == sizeof(int),
    "a CONF_CHOICE is copied as an int");

/* ---- the table ---- */

const struct conf_key *
conf_keys_find(enum conf_section section, const char *name)
{
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		if (key->section == section && strcmp(key->name, name) == 0)
			return key;
	}
	return NULL;
}

const char *
conf_keys_nearest(enum conf_section section, const char *name)
{
	const char *names[sizeof(conf_keys) / sizeof(conf_keys[0])];
	size_t n = 0;

	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		if (key->section == section)
			names[n++] = key->name;
	}
	return words_nearest(name, names, n);
}

bool
conf_keys_is_list(const struct conf_key *key)
{
	return key->type == CONF_LIST || key->type == CONF_PATHS;
}

static const void *
field_of(const struct conf_key *key, const void *object)
{
	return (const char *)object + key->offset;
}

static void
clear_field(const struct conf_key *key, void *field)
{
	if (conf_keys_is_list(key)) {
		conf_list_clear(field);
	} else if (key->type == CONF_STRING || key->type == CONF_PATH) {
		free(*(char **)field);
		*(char **)field = NULL;
	}
}

int
conf_keys_preset(enum conf_section section, void *object)
{
	char problem[CONF_PROBLEM_LEN];

	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		if (key->section == section && key->preset != NULL &&
		    conf_keys_set(key, object, key->preset, "/", true,
		    problem) == -1)
			return -1;
	}
	return 0;
}

void
conf_keys_clear(enum conf_section section, void *object)
{
	for (const struct conf_key *key = conf_keys; key->name != NULL; key++) {
		if (key->section == section)
			clear_field(key, (char *)object + key->offset);
	}
}

/* ---- lists ---- */

static bool
is_separator(char c)
{
	return c == ' ' || c == '\t' || c == ',';
}

/* The item at *text without its quotes, which moves behind it.  NULL: errno. */
static char *
take_item(const char **text)
{
	char *item = malloc(strlen(*text) + 1);
	bool quoted = false;
	size_t n = 0;
	const char *p;

	if (item == NULL)
		return NULL;
	for (p = *text; *p != '\0' && (quoted || !is_separator(*p)); p++) {
		if (*p == '"' && quoted && p[1] == '"')
			item[n++] = *p++;
		else if (*p == '"')
			quoted = !quoted;
		else
			item[n++] = *p;
	}
	item[n] = '\0';
	*text = p;
	if (!quoted)
		return item;
	free(item);
	errno = EINVAL;
	return NULL;
}

/* Add item, which is owned from here on.  There is always room for the NULL. */
static int
append_item(struct conf_list *list, char *item)
{
	char **grown;

	grown = item == NULL ? NULL :
	    reallocarray(list->v, list->n + 2, sizeof(*grown));
	if (grown == NULL) {
		free(item);
		return -1;
	}
	list->v = grown;
	list->v[list->n++] = item;
	list->v[list->n] = NULL;
	return 0;
}

int
conf_list_add(struct conf_list *list, const char *text, const char *directory)
{
	size_t before = list->n;
	char *item, *path;
	int saved_errno;

	for (;;) {
		while (is_separator(*text))
			text++;
		if (*text == '\0')
			return 0;
		item = take_item(&text);
		if (item != NULL && directory != NULL) {
			path = text_path(directory, item);
			free(item);
			item = path;
		}
		if (append_item(list, item) == -1)
			break;
	}
	saved_errno = errno;
	while (list->n > before) {
		free(list->v[--list->n]);
		list->v[list->n] = NULL;
	}
	if (list->n == 0)
		conf_list_clear(list);
	errno = saved_errno;
	return -1;
}

void
conf_list_clear(struct conf_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		free(list->v[i]);
	free(list->v);
	*list = (struct conf_list){ 0 };
}

/* ---- values into an object ---- */

/* What conf_keys_set() is about. */
struct setting {
	const struct conf_key	*key;
	void			*field;
	const char		*value;
	const char		*directory;
	bool			 replace;
	char			*problem;
};

static int refuse(const struct setting *s, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* "key: "value" is ...".  Returns -1. */
static int
refuse(const struct setting *s, const char *fmt, ...)
{
	char quoted[TEXT_QUOTE_LEN];
	va_list args;
	int n;

	n = snprintf(s->problem, CONF_PROBLEM_LEN, "%s: %s ", s->key->name,
	    text_quote(s->value, quoted));
	va_start(args, fmt);
	vsnprintf(s->problem + n, CONF_PROBLEM_LEN - (size_t)n, fmt, args);
	va_end(args);
	return -1;
}

static int
set_string(const struct setting *s)
{
	char *text;

	text = s->key->type == CONF_PATH ?
	    text_path(s->directory, s->value) : strdup(s->value);
	if (text == NULL)
		return refuse(s, "cannot be kept: %s", strerror(errno));
	clear_field(s->key, s->field);
	*(char **)s->field = text;
	return 0;
}

static int
set_list(const struct setting *s)
{
	struct conf_list *list = s->field;
	struct conf_list added = { 0 };
	struct conf_list *target = s->replace ? &added : list;
	size_t before = target->n;

	if (conf_list_add(target, s->value, s->key->type == CONF_PATHS ?
	    s->directory : NULL) == -1) {
		if (errno == EINVAL)
			return refuse(s, "has a quote that does not end; "
			    "expected \" at the end of the item");
		return refuse(s, "cannot be kept: %s", strerror(errno));
	}
	if (target->n == before)
		return refuse(s, "holds nothing; expected a list such as a, b");
	if (s->replace) {
		conf_list_clear(list);
		*list = added;
	}
	return 0;
}

static enum words_type
words_type(const struct conf_key *key)
{
	switch (key->type) {
	case CONF_BOOL:
		return WORDS_BOOL;
	case CONF_SIZE:
		return WORDS_SIZE;
	case CONF_TIME:
		return WORDS_TIME;
	default:
		return WORDS_NUMBER;
	}
}

static int
set_number(const struct setting *s)
{
	static const char *const nouns[] = {
		[WORDS_BOOL] = "truth value", [WORDS_NUMBER] = "number",
		[WORDS_SIZE] = "size", [WORDS_TIME] = "time",
	};
	enum words_type type = words_type(s->key);
	char least[WORDS_TEXT_LEN], most[WORDS_TEXT_LEN];
	int64_t number;

	if (words_parse(type, s->value, &number) == -1)
		return refuse(s, "is no %s; expected %s", nouns[type],
		    words_expected(type));
	if (type == WORDS_BOOL) {
		*(bool *)s->field = number != 0;
		return 0;
	}
	if (number < s->key->min || number > s->key->max) {
		words_print(type, s->key->min, least);
		words_print(type, s->key->max, most);
		return refuse(s, "is too %s; expected %s to %s",
		    number < s->key->min ? "small" : "large", least, most);
	}
	*(int64_t *)s->field = number;
	return 0;
}

/* "a, b or c" */
static void
join_choices(const char *const *choices, char *text, size_t size)
{
	size_t at = 0;

	for (size_t i = 0; choices[i] != NULL && at < size; i++) {
		const char *between = i == 0 ? "" :
		    choices[i + 1] == NULL ? " or " : ", ";

		at += (size_t)snprintf(text + at, size - at, "%s%s", between,
		    choices[i]);
	}
}

static int
set_choice(const struct setting *s)
{
	const char *const *choices = s->key->choices;
	char expected[128];
	const char *nearest;
	int n;

	for (n = 0; choices[n] != NULL; n++) {
		if (strcmp(choices[n], s->value) == 0) {
			memcpy(s->field, &n, sizeof(n));
			return 0;
		}
	}
	join_choices(choices, expected, sizeof(expected));
	nearest = words_nearest(s->value, choices, (size_t)n);
	if (nearest == NULL)
		return refuse(s, "is unknown; expected %s", expected);
	return refuse(s, "is unknown; expected %s; did you mean \"%s\"?",
	    expected, nearest);
}

int
conf_keys_set(const struct conf_key *key, void *object, const char *value,
    const char *directory, bool replace, char problem[CONF_PROBLEM_LEN])
{
	struct setting s = { key, (char *)object + key->offset, value,
	    directory, replace, problem };

	if (*value == '\0') {
		snprintf(problem, CONF_PROBLEM_LEN, "%s: no value; expected "
		    "one, or leave the key out", key->name);
		return -1;
	}
	switch (key->type) {
	case CONF_STRING:
	case CONF_PATH:
		return set_string(&s);
	case CONF_LIST:
	case CONF_PATHS:
		return set_list(&s);
	case CONF_BOOL:
	case CONF_NUMBER:
	case CONF_SIZE:
	case CONF_TIME:
		return set_number(&s);
	case CONF_CHOICE:
		return set_choice(&s);
	}
	return -1;
}

/* ---- values from an object ---- */

static bool
lists_equal(const struct conf_list *a, const struct conf_list *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++) {
		if (strcmp(a->v[i], b->v[i]) != 0)
			return false;
	}
	return true;
}

static bool
strings_equal(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* A number, bool or choice as text. */
static void
scalar_text(const struct conf_key *key, const void *field,
    char text[WORDS_TEXT_LEN])
{
	int choice;

	if (key->type == CONF_CHOICE) {
		memcpy(&choice, field, sizeof(choice));
		snprintf(text, WORDS_TEXT_LEN, "%s", key->choices[choice]);
	} else {
		words_print(words_type(key), key->type == CONF_BOOL ?
		    *(const bool *)field : *(const int64_t *)field, text);
	}
}

bool
conf_keys_equal(const struct conf_key *key, const void *a, const void *b)
{
	const void *x = field_of(key, a);
	const void *y = field_of(key, b);
	char text_x[WORDS_TEXT_LEN], text_y[WORDS_TEXT_LEN];

	if (conf_keys_is_list(key))
		return lists_equal(x, y);
	if (key->type == CONF_STRING || key->type == CONF_PATH)
		return strings_equal(*(char *const *)x, *(char *const *)y);
	scalar_text(key, x, text_x);
	scalar_text(key, y, text_y);
	return strcmp(text_x, text_y) == 0;
}

void
conf_keys_print_text(const char *name, const char *value, bool is_default,
    const char *prefix, FILE *out)
{
	/* A ';' behind white space would start a comment. */
	fprintf(out, "%s%-17s =%s%s%s\n", prefix, name,
	    *value == ';' || *value == '\0' ? "" : " ", value,
	    is_default ? "    ; default" : "");
}

/* An item of a list, in quotes if it needs them. */
static void
print_item(const struct conf_key *key, const char *item, bool is_default,
    const char *prefix, FILE *out)
{
	if (*item != '\0' && strpbrk(item, " \t,\"") == NULL) {
		conf_keys_print_text(key->name, item, is_default, prefix, out);
		return;
	}
	fprintf(out, "%s%-17s = \"", prefix, key->name);
	for (; *item != '\0'; item++)
		fprintf(out, "%s%c", *item == '"' ? "\"" : "", *item);
	fprintf(out, "\"%s\n", is_default ? "    ; default" : "");
}

void
conf_keys_print(const struct conf_key *key, const void *object,
    bool is_default, const char *prefix, FILE *out)
{
	const void *field = field_of(key, object);
	const struct conf_list *list = field;
	char scalar[WORDS_TEXT_LEN];
	const char *text = scalar;

	if (conf_keys_is_list(key)) {
		for (size_t i = 0; i < list->n; i++)
			print_item(key, list->v[i], is_default, prefix, out);
		if (list->n == 0)
			fprintf(out, "%s; %s =\n", prefix, key->name);
		return;
	}
	if (key->type == CONF_STRING || key->type == CONF_PATH)
		text = *(char *const *)field;
	else
		scalar_text(key, field, scalar);
	if (text == NULL)
		fprintf(out, "%s; %s =\n", prefix, key->name);
	else
		conf_keys_print_text(key->name, text, is_default, prefix, out);
}
