/*
 * pipe_settings.c - settings of a port, and what they come to for a job.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor_util.h"
#include "pipe.h"

const struct pp_setting_decl pipe_declared[] = {
	{ .key = "program", .type = PP_TYPE_STRING,
	  .help = "each document goes to the standard input of this program" },
	{ .key = "arguments", .type = PP_TYPE_STRING,
	  .help = "its arguments: words, with quotes as in a shell; %j job, "
	  "%q queue, %p port, %u user, %h host, %t title, %n document, "
	  "%f format, %d date, %T time, %% percent" },
	{ .key = "environment", .type = PP_TYPE_STRING,
	  .help = "NAME=value words for its environment" },
	{ .key = "directory", .type = PP_TYPE_PATH, .preset = "/",
	  .help = "where it runs" },
	{ .key = "cups_backend", .type = PP_TYPE_STRING,
	  .flags = PP_SETTING_SECRET,
	  .help = "instead of a program: the device URI of a CUPS backend" },
	{ .key = "backend_directory", .type = PP_TYPE_PATH,
	  .preset = "/usr/lib/cups/backend",
	  .help = "where CUPS backends are" },
	{ .key = "cups_options", .type = PP_TYPE_STRING, .preset = "",
	  .help = "options that a CUPS backend is given" },
	{ .key = "content_type", .type = PP_TYPE_STRING,
	  .help = "MIME type that a CUPS backend is told; unset: the job's" },
	{ .key = "read", .type = PP_TYPE_BOOL, .preset = "no",
	  .help = "what it prints is the printer's answer" },
	{ .key = "partial", .type = PP_TYPE_CHOICE, .preset = "fail",
	  .choices = "fail|ok",
	  .help = "when it succeeds and has not read its whole document" },
	{ .key = "exit_hold", .type = PP_TYPE_STRING,
	  .help = "exit statuses that hold the job" },
	{ .key = "exit_drop", .type = PP_TYPE_STRING,
	  .help = "exit statuses that abort the job" },
	{ .key = "exit_stop", .type = PP_TYPE_STRING,
	  .help = "exit statuses that pause the port" },
	{ .key = "timeout", .type = PP_TYPE_TIME, .preset = "0",
	  .help = "longest time for a document; 0: any" },
	{ .key = "finish_timeout", .type = PP_TYPE_TIME, .preset = "0",
	  .help = "longest time after all of a document was sent; 0: any" },
	{ .key = "grace", .type = PP_TYPE_TIME, .preset = "5s",
	  .min = 0, .max = 30000,
	  .help = "from asking it to end (SIGTERM) to killing it" },
	{ .key = "max_memory", .type = PP_TYPE_SIZE, .preset = "0",
	  .help = "address space that it may have; 0: any" },
	{ .key = "max_cpu_time", .type = PP_TYPE_TIME, .preset = "0",
	  .help = "processor time that it may use, in whole seconds; 0: any" },
	{ .key = "max_files", .type = PP_TYPE_NUMBER, .preset = "1024",
	  .min = 0, .max = 1048576,
	  .help = "descriptors that it may have; 0: as many as the daemon" },
	{ .key = "nice", .type = PP_TYPE_NUMBER, .preset = "0",
	  .min = 0, .max = 19,
	  .help = "how much others go before it, up to 19" },
	{ .key = NULL },
};

/* Where the texts go; the order is of no matter. */
static const struct {
	const char	*key;
	size_t		 at;
} text_keys[] = {
	{ "program", offsetof(struct pipe_texts, program) },
	{ "arguments", offsetof(struct pipe_texts, arguments) },
	{ "environment", offsetof(struct pipe_texts, environment) },
	{ "directory", offsetof(struct pipe_texts, directory) },
	{ "cups_backend", offsetof(struct pipe_texts, cups_backend) },
	{ "backend_directory",
	    offsetof(struct pipe_texts, backend_directory) },
	{ "cups_options", offsetof(struct pipe_texts, cups_options) },
	{ "content_type", offsetof(struct pipe_texts, content_type) },
	{ "exit_hold", offsetof(struct pipe_texts, exit_hold) },
	{ "exit_drop", offsetof(struct pipe_texts, exit_drop) },
	{ "exit_stop", offsetof(struct pipe_texts, exit_stop) },
};
#define TEXT_KEYS	(sizeof(text_keys) / sizeof(text_keys[0]))

/* A plain program's failure, and what CUPS backends mean by theirs. */
#define TRY_AGAIN	(-EIO)
static const int cups_verdicts[] = {
	[2] = PP_HOLD_JOB,		/* CUPS_BACKEND_AUTH_REQUIRED */
	[3] = PP_HOLD_JOB,		/* _HOLD */
	[4] = PP_STOP_PORT,		/* _STOP */
	[5] = PP_DROP_JOB,		/* _CANCEL */
};

static char **
text_at(struct pipe_texts *texts, size_t i)
{
	return (char **)(void *)((char *)texts + text_keys[i].at);
}

static bool
is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static int fault(const struct pp_host *host, const char *fmt, ...)
    PP_PRINTF(2, 3);

static int
fault(const struct pp_host *host, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	host->log(host->cookie, PP_LOG_ERROR, "%s", text);
	return PP_INVALID_PARAMETER;
}

/* ---- device URIs -------------------------------------------------------- */

/* Length of the scheme, which is a file's name too; 0: there is none. */
static size_t
scheme_len(const char *uri)
{
	size_t len = strspn(uri, "abcdefghijklmnopqrstuvwxyz0123456789+-");

	return uri[len] == ':' && uri[0] != '-' ? len : 0;
}

/* The same URI without what stands before a '@' in its authority. */
static char *
without_credentials(const char *uri)
{
	char *copy = strdup(uri);
	char *start, *end, *at;

	if (copy == NULL)
		return NULL;
	start = strstr(copy, "://");
	if (start == NULL)
		return copy;
	start += 3;
	end = start + strcspn(start, "/?#");
	at = memrchr(start, '@', (size_t)(end - start));
	if (at != NULL)
		memmove(start, at + 1, strlen(at));
	return copy;
}

/* ---- judging ------------------------------------------------------------ */

static int
judge_program(const struct pp_host *host, const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return fault(host, "%s cannot be run: %s", path,
		    strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fault(host, "%s cannot be run: it is no regular file",
		    path);
	if (st.st_mode & S_IWOTH)
		return fault(host, "%s is not run: everybody may change it; "
		    "chmod o-w %s", path, path);
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == -1)
		return fault(host, "%s cannot be run: %s; it must be "
		    "executable for the daemon's user", path,
		    strerror(errno));
	return PP_OK;
}

static int
judge_plain(const struct pp_host *host, const struct pipe_texts *texts)
{
	if (is_set(texts->program) == is_set(texts->cups_backend))
		return fault(host, "set %s program, cups_backend",
		    is_set(texts->program) ? "only one of" : "one of");
	if (is_set(texts->program))
		return texts->program[0] == '/' ? PP_OK : fault(host,
		    "program = %s: expected a path from the root, such as "
		    "/usr/local/bin/%s", texts->program, texts->program);
	if (is_set(texts->arguments))
		return fault(host, "arguments are for a program; a CUPS "
		    "backend gets cups_options");
	if (is_set(texts->exit_hold) || is_set(texts->exit_drop) ||
	    is_set(texts->exit_stop))
		return fault(host, "exit_hold, exit_drop and exit_stop are "
		    "for a program; what a CUPS backend means is known");
	if (scheme_len(texts->cups_backend) == 0)
		return fault(host, "cups_backend: expected a device URI, such "
		    "as ipp://printer.example/ipp/print");
	return PP_OK;
}

static int
judge_words(const struct pp_host *host, const char *key, const char *text,
    struct pipe_list *list)
{
	const char *why;
	int rc;

	if (!is_set(text))
		return PP_OK;
	rc = pipe_words_split(text, list, &why);
	if (rc == PP_INVALID_DATA)
		return fault(host, "%s = %s: %s", key, text, why);
	return rc;
}

static int
judge_environment(const struct pp_host *host, const struct pipe_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (!pipe_words_is_pair(list->words[i]))
			return fault(host, "environment: found \"%s\", "
			    "expected NAME=value", list->words[i]);
	return PP_OK;
}

static int
judge_statuses(const struct pp_host *host, const char *key, const char *text,
    int verdict, int verdicts[256])
{
	bool set[256] = { false };
	const char *why;
	int i;

	if (!is_set(text))
		return PP_OK;
	why = pipe_words_statuses(text, set);
	if (why != NULL)
		return fault(host, "%s = %s: %s", key, text, why);
	for (i = 1; i < 256; i++) {
		if (!set[i])
			continue;
		if (verdicts[i] != TRY_AGAIN)
			return fault(host, "%s = %s: %d is in another list, "
			    "too", key, text, i);
		verdicts[i] = verdict;
	}
	return PP_OK;
}

static int
judge_verdicts(const struct pp_host *host, struct pipe_settings *settings)
{
	const struct pipe_texts *texts = &settings->texts;
	size_t i;
	int rc;

	for (i = 1; i < 256; i++)
		settings->verdicts[i] = TRY_AGAIN;
	if (is_set(texts->cups_backend)) {
		for (i = 2; i < sizeof(cups_verdicts) / sizeof(int); i++)
			settings->verdicts[i] = cups_verdicts[i];
		return PP_OK;
	}
	if ((rc = judge_statuses(host, "exit_hold", texts->exit_hold,
	    PP_HOLD_JOB, settings->verdicts)) == PP_OK &&
	    (rc = judge_statuses(host, "exit_drop", texts->exit_drop,
	    PP_DROP_JOB, settings->verdicts)) == PP_OK)
		rc = judge_statuses(host, "exit_stop", texts->exit_stop,
		    PP_STOP_PORT, settings->verdicts);
	return rc;
}

static int
judge_directory(const struct pp_host *host, const char *path)
{
	struct stat st;

	if (!is_set(path))
		return PP_OK;
	if (stat(path, &st) == -1)
		return fault(host, "directory = %s: %s", path,
		    strerror(errno));
	return S_ISDIR(st.st_mode) ? PP_OK :
	    fault(host, "directory = %s: it is no directory", path);
}

/* Find out what is executed. */
static int
find_path(struct pipe_settings *settings)
{
	const struct pipe_texts *texts = &settings->texts;

	if (is_set(texts->program)) {
		settings->path = strdup(texts->program);
	} else {
		settings->shown_uri = without_credentials(texts->cups_backend);
		if (settings->shown_uri == NULL || asprintf(&settings->path,
		    "%s/%.*s", texts->backend_directory,
		    (int)scheme_len(texts->cups_backend),
		    texts->cups_backend) == -1)
			settings->path = NULL;
	}
	return settings->path != NULL ? PP_OK : PP_NO_MEMORY;
}

static int
judge(const struct pp_host *host, struct pipe_settings *settings)
{
	const struct pipe_texts *texts = &settings->texts;
	int rc;

	if ((rc = judge_plain(host, texts)) == PP_OK &&
	    (rc = judge_words(host, "arguments", texts->arguments,
	    &settings->arguments)) == PP_OK &&
	    (rc = judge_words(host, "environment", texts->environment,
	    &settings->environment)) == PP_OK &&
	    (rc = judge_environment(host, &settings->environment)) == PP_OK &&
	    (rc = judge_verdicts(host, settings)) == PP_OK &&
	    (rc = judge_directory(host, texts->directory)) == PP_OK &&
	    (rc = find_path(settings)) == PP_OK)
		rc = judge_program(host, settings->path);
	return rc;
}

/* ---- getting ------------------------------------------------------------ */

static int
get_number(const struct pp_host *host, const char *port, const char *key,
    int64_t *number)
{
	return host->config_number(host->cookie, port, key, number);
}

static int
get_int(const struct pp_host *host, const char *port, const char *key,
    int *number)
{
	int64_t value = 0;
	int rc = get_number(host, port, key, &value);

	*number = value < INT32_MAX ? (int)value : INT32_MAX;
	return rc;
}

static int
get_numbers(struct pipe_settings *settings, const struct pp_host *host,
    const char *port)
{
	int rc, read = 0, partial = 0;
	int64_t cpu_ms = 0;

	if ((rc = get_int(host, port, "read", &read)) != PP_OK ||
	    (rc = get_int(host, port, "partial", &partial)) != PP_OK ||
	    (rc = get_int(host, port, "grace", &settings->grace_ms)) !=
	    PP_OK ||
	    (rc = get_int(host, port, "nice", &settings->nice)) != PP_OK ||
	    (rc = get_int(host, port, "write_timeout",
	    &settings->write_timeout_ms)) != PP_OK ||
	    (rc = get_number(host, port, "timeout",
	    &settings->timeout_ms)) != PP_OK ||
	    (rc = get_number(host, port, "finish_timeout",
	    &settings->finish_timeout_ms)) != PP_OK ||
	    (rc = get_number(host, port, "max_memory",
	    &settings->max_memory)) != PP_OK ||
	    (rc = get_number(host, port, "max_cpu_time", &cpu_ms)) != PP_OK ||
	    (rc = get_number(host, port, "max_files",
	    &settings->max_files)) != PP_OK)
		return rc;
	settings->read = read != 0;
	settings->partial = partial != 0;
	settings->max_cpu_s = (cpu_ms + 999) / 1000;
	return PP_OK;
}

int
pipe_settings_get(struct pipe_settings *settings, const struct pp_host *host,
    const char *port)
{
	int rc = PP_OK;
	size_t i;

	*settings = (struct pipe_settings){ 0 };
	for (i = 0; i < TEXT_KEYS && rc == PP_OK; i++)
		rc = pp_util_setting(host, port, text_keys[i].key,
		    text_at(&settings->texts, i));
	if (rc == PP_OK)
		rc = get_numbers(settings, host, port);
	return rc == PP_OK ? judge(host, settings) : rc;
}

/* Settings that were declared a path start where the ini file will be. */
static const char *
preset_of(const char *key)
{
	const struct pp_setting_decl *decl;

	for (decl = pipe_declared; decl->key != NULL; decl++)
		if (strcmp(decl->key, key) == 0)
			return decl->preset;
	return NULL;
}

int
pipe_settings_try(const struct pp_host *host, const struct pp_setting *texts,
    size_t count)
{
	struct pipe_settings settings = { 0 };
	const char *text;
	int rc = PP_OK;
	size_t i, j;

	for (i = 0; i < TEXT_KEYS && rc == PP_OK; i++) {
		text = preset_of(text_keys[i].key);
		for (j = 0; j < count; j++)
			if (strcmp(texts[j].key, text_keys[i].key) == 0)
				text = texts[j].value;
		if (text == NULL)
			continue;
		*text_at(&settings.texts, i) = strdup(text);
		if (*text_at(&settings.texts, i) == NULL)
			rc = PP_NO_MEMORY;
	}
	if (rc == PP_OK)
		rc = judge(host, &settings);
	pipe_settings_free(&settings);
	return rc;
}

void
pipe_settings_free(struct pipe_settings *settings)
{
	size_t i;

	for (i = 0; i < TEXT_KEYS; i++)
		free(*text_at(&settings->texts, i));
	free(settings->path);
	free(settings->shown_uri);
	pipe_list_free(&settings->arguments);
	pipe_list_free(&settings->environment);
	*settings = (struct pipe_settings){ 0 };
}

const char *
pipe_settings_name(const struct pipe_settings *settings)
{
	const char *slash = strrchr(settings->path, '/');

	return slash != NULL ? slash + 1 : settings->path;
}

/* ---- orders ------------------------------------------------------------- */

static int
add_pair(struct pipe_list *list, const char *name, const char *value)
{
	return pipe_list_add(list, pipe_words_pair(name, value));
}

/* The same of a value that no client has given. */
static int
add_own(struct pipe_list *list, const char *name, const char *value)
{
	char *pair;

	if (asprintf(&pair, "%s=%s", name, value) == -1)
		pair = NULL;
	return pipe_list_add(list, pair);
}

static int
add_number(struct pipe_list *list, const char *name, int64_t number)
{
	char text[24] = "";

	if (number >= 0)
		snprintf(text, sizeof(text), "%" PRId64, number);
	return add_pair(list, name, text);
}

/* What we have ourselves, or else this. */
static int
add_inherited(struct pipe_list *list, const char *name, const char *otherwise)
{
	const char *value = getenv(name);

	if (value == NULL)
		value = otherwise;
	return value == NULL ? PP_OK : add_own(list, name, value);
}

/* Add NAME=value in place of any other value; the list takes it over. */
static int
replace(struct pipe_list *list, char *pair)
{
	size_t len, i;

	if (pair == NULL)
		return PP_NO_MEMORY;
	len = strcspn(pair, "=") + 1;
	for (i = 0; i < list->n; i++) {
		if (strncmp(list->words[i], pair, len) == 0) {
			free(list->words[i]);
			list->words[i] = pair;
			return PP_OK;
		}
	}
	return pipe_list_add(list, pair);
}

static int
add_job(struct pipe_list *list, const struct pipe_facts *facts,
    const struct pp_job_info *job)
{
	bool restarted = (job->flags & PP_JOB_RESTARTED) != 0;
	int rc;

	if ((rc = add_number(list, "PRINTPORT_JOB",
	    (int64_t)facts->job)) == PP_OK &&
	    (rc = add_pair(list, "PRINTPORT_QUEUE", facts->queue)) == PP_OK &&
	    (rc = add_pair(list, "PRINTPORT_PORT", facts->port)) == PP_OK &&
	    (rc = add_pair(list, "PRINTPORT_USER", facts->user)) == PP_OK &&
	    (rc = add_pair(list, "PRINTPORT_HOST", facts->host)) == PP_OK &&
	    (rc = add_pair(list, "PRINTPORT_TITLE", facts->title)) == PP_OK &&
	    (rc = add_pair(list, "PRINTPORT_FORMAT",
	    facts->format)) == PP_OK &&
	    (rc = add_pair(list, "PRINTPORT_DOCUMENT",
	    facts->document)) == PP_OK &&
	    (rc = add_number(list, "PRINTPORT_SUBMITTED",
	    facts->arrived)) == PP_OK &&
	    (rc = add_number(list, "PRINTPORT_LENGTH", job->length)) == PP_OK)
		rc = add_number(list, "PRINTPORT_RESTARTED", restarted);
	return rc;
}

static int
add_cups(struct pipe_list *list, const struct pipe_settings *settings,
    const struct pipe_facts *facts)
{
	static const char *const same[][2] = {
		{ "PRINTER_LOCATION", "" },
		{ "PRINTER_STATE_REASONS", "none" },
		{ "AUTH_INFO_REQUIRED", "none" },
		{ "CHARSET", "utf-8" },
		{ "SOFTWARE", "printportd" },
		{ "CUPS_SERVERROOT", "/etc/cups" },
		{ "CUPS_SERVERBIN", "/usr/lib/cups" },
		{ "CUPS_DATADIR", "/usr/share/cups" },
		{ "CUPS_MAX_MESSAGE", "2047" },
	};
	const struct pipe_texts *texts = &settings->texts;
	const char *type = is_set(texts->content_type) ?
	    texts->content_type : facts->format;
	size_t i;
	int rc;

	if (type == NULL || strchr(type, '/') == NULL)
		type = "application/octet-stream";
	if ((rc = add_own(list, "DEVICE_URI", texts->cups_backend)) != PP_OK ||
	    (rc = add_pair(list, "PRINTER", facts->queue)) != PP_OK ||
	    (rc = add_pair(list, "PRINTER_INFO", facts->queue)) != PP_OK ||
	    (rc = add_pair(list, "CONTENT_TYPE", type)) != PP_OK ||
	    (rc = add_pair(list, "FINAL_CONTENT_TYPE", type)) != PP_OK)
		return rc;
	for (i = 0; i < sizeof(same) / sizeof(same[0]) && rc == PP_OK; i++)
		rc = add_own(list, same[i][0], same[i][1]);
	return rc;
}

static int
make_environment(struct pipe_list *list, const struct pipe_settings *settings,
    const struct pipe_facts *facts, const struct pp_job_info *job)
{
	const struct pipe_list *more = &settings->environment;
	size_t i;
	int rc;

	if ((rc = add_own(list, "PATH",
	    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")) !=
	    PP_OK || (rc = add_inherited(list, "LANG", "C.UTF-8")) != PP_OK ||
	    (rc = add_inherited(list, "TZ", NULL)) != PP_OK ||
	    (rc = add_own(list, "HOME", settings->texts.directory)) !=
	    PP_OK || (rc = add_job(list, facts, job)) != PP_OK)
		return rc;
	if (settings->shown_uri != NULL)
		rc = add_cups(list, settings, facts);
	for (i = 0; i < more->n && rc == PP_OK; i++)
		rc = replace(list, pipe_words_fill(more->words[i], facts));
	return rc;
}

/* URI job user title copies options */
static int
make_backend_arguments(struct pipe_list *list,
    const struct pipe_settings *settings, const struct pipe_facts *facts)
{
	const char *const words[] = { "%j",
	    is_set(facts->user) ? "%u" : "anonymous",
	    is_set(facts->title) ? "%t" : "Untitled", "1" };
	size_t i;
	int rc;

	rc = pipe_list_add(list, strdup(settings->shown_uri));
	for (i = 0; i < sizeof(words) / sizeof(words[0]) && rc == PP_OK; i++)
		rc = pipe_list_add(list, pipe_words_fill(words[i], facts));
	return rc != PP_OK ? rc :
	    pipe_list_add(list, strdup(settings->texts.cups_options));
}

static int
make_arguments(struct pipe_list *list, const struct pipe_settings *settings,
    const struct pipe_facts *facts)
{
	const struct pipe_list *given = &settings->arguments;
	size_t i;
	int rc;

	rc = pipe_list_add(list, strdup(settings->path));
	for (i = 0; i < given->n && rc == PP_OK; i++)
		rc = pipe_list_add(list,
		    pipe_words_fill(given->words[i], facts));
	return rc;
}

int
pipe_order_make(struct pipe_order *order, const struct pipe_settings *settings,
    const struct pipe_facts *facts, const struct pp_job_info *job)
{
	int rc;

	*order = (struct pipe_order){
		.path = settings->path,
		.directory = settings->texts.directory,
		.backend = settings->shown_uri != NULL,
		.back = settings->read,
		.max_memory = settings->max_memory,
		.max_cpu_s = settings->max_cpu_s,
		.max_files = settings->max_files,
		.nice = settings->nice,
	};
	rc = order->backend ?
	    make_backend_arguments(&order->arguments, settings, facts) :
	    make_arguments(&order->arguments, settings, facts);
	if (rc == PP_OK)
		rc = make_environment(&order->environment, settings, facts,
		    job);
	return rc;
}

void
pipe_order_free(struct pipe_order *order)
{
	pipe_list_free(&order->arguments);
	pipe_list_free(&order->environment);
}
