/*
 * pipe_says.c - see pipe_says.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pipe_says.h"

/* How a line begins, and at which level it goes to the log. */
static const struct {
	const char	*word;
	int		 level;
} prefixes[] = {
	{ "EMERG:", PP_LOG_ERROR },
	{ "ALERT:", PP_LOG_ERROR },
	{ "CRIT:", PP_LOG_ERROR },
	{ "ERROR:", PP_LOG_ERROR },
	{ "WARNING:", PP_LOG_WARNING },
	{ "NOTICE:", PP_LOG_INFO },
	{ "INFO:", PP_LOG_INFO },
	{ "DEBUG:", PP_LOG_DEBUG },
	{ "DEBUG2:", PP_LOG_DEBUG },
	{ "PPD:", PP_LOG_DEBUG },
};

/* ---- the log ------------------------------------------------------------ */

static void
tell_left_out(struct pipe_says *says)
{
	if (says->left_out > 0)
		says->host->log(says->host->cookie, PP_LOG_WARNING,
		    "%" PRIu64 " lines more of the program were left out",
		    says->left_out);
	says->left_out = 0;
}

static void
put(struct pipe_says *says, int level, const char *text)
{
	int64_t now = says->host->clock_ms(says->host->cookie);

	if (now - says->second_ms >= 1000) {
		tell_left_out(says);
		says->second_ms = now;
		says->lines = 0;
	}
	if (says->lines++ < PIPE_LINES_PER_S)
		says->host->log(says->host->cookie, level, "%s", text);
	else
		says->left_out++;
}

/* A line that says that it is an error outdoes those that do not. */
static void
remember(struct pipe_says *says, const char *text, bool is_error)
{
	if (text[0] == '\0' || (says->last_is_error && !is_error))
		return;
	says->last_is_error = is_error;
	snprintf(says->last, sizeof(says->last), "%.*s",
	    (int)sizeof(says->last) - 1, text);
}

/* ---- STATE -------------------------------------------------------------- */

static const struct {
	const char		*word;		/* how the reason begins */
	enum pp_port_status	 status;
} reasons[] = {
	{ "media-jam", PP_STATUS_PAPER_JAM },
	{ "media-empty", PP_STATUS_PAPER_OUT },
	{ "media-needed", PP_STATUS_PAPER_OUT },
	{ "media-low", PP_STATUS_PAPER_PROBLEM },
	{ "input-", PP_STATUS_PAPER_PROBLEM },
	{ "output-", PP_STATUS_OUTPUT_BIN_FULL },
	{ "toner-empty", PP_STATUS_NO_TONER },
	{ "marker-supply-empty", PP_STATUS_NO_TONER },
	{ "developer-empty", PP_STATUS_NO_TONER },
	{ "toner-low", PP_STATUS_TONER_LOW },
	{ "marker-supply-low", PP_STATUS_TONER_LOW },
	{ "developer-low", PP_STATUS_TONER_LOW },
	{ "door-open", PP_STATUS_DOOR_OPEN },
	{ "cover-open", PP_STATUS_DOOR_OPEN },
	{ "interlock-open", PP_STATUS_DOOR_OPEN },
	{ "offline", PP_STATUS_OFFLINE },
	{ "shutdown", PP_STATUS_OFFLINE },
	{ "timed-out", PP_STATUS_OFFLINE },
	{ "connecting-to-device", PP_STATUS_OFFLINE },
	{ "spool-area-full", PP_STATUS_OUT_OF_MEMORY },
	{ "fuser-under-temp", PP_STATUS_WARMING_UP },
	{ "hibernate", PP_STATUS_POWER_SAVE },
	{ "deactivated", PP_STATUS_POWER_SAVE },
	{ "none", PP_STATUS_CLEAR },
	{ "cups-", PP_STATUS_CLEAR },		/* about the job */
};

static enum pp_port_status
status_of(const char *reason)
{
	size_t i;

	for (i = 0; i < sizeof(reasons) / sizeof(reasons[0]); i++)
		if (strncmp(reason, reasons[i].word,
		    strlen(reasons[i].word)) == 0)
			return reasons[i].status;
	return PP_STATUS_USER_INTERVENTION;
}

static bool
ends_with(const char *text, const char *end)
{
	size_t len = strlen(text), end_len = strlen(end);

	return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

/* Only what says that it is an error is one: that stops the port. */
static enum pp_severity
severity_of(const char *reason)
{
	if (ends_with(reason, "-error"))
		return PP_SEVERITY_ERROR;
	if (ends_with(reason, "-report") ||
	    strcmp(reason, "connecting-to-device") == 0)
		return PP_SEVERITY_INFO;
	return PP_SEVERITY_WARNING;
}

static void
drop_reason(struct pipe_says *says, const char *reason)
{
	size_t i;

	for (i = 0; i < says->n_reasons; i++) {
		if (strcmp(says->reasons[i], reason) != 0)
			continue;
		says->n_reasons--;
		memmove(says->reasons[i], says->reasons[i + 1],
		    (says->n_reasons - i) * sizeof(says->reasons[0]));
		return;
	}
}

static void
add_reason(struct pipe_says *says, const char *reason)
{
	drop_reason(says, reason);
	if (says->n_reasons < PIPE_REASONS_MAX)
		snprintf(says->reasons[says->n_reasons++],
		    sizeof(says->reasons[0]), "%.*s", PIPE_REASON_LEN, reason);
}

static void
tell_status(struct pipe_says *says, struct pp_port_info_3 info)
{
	if (!says->untold && info.status == says->status.status &&
	    info.severity == says->status.severity)
		return;
	if (info.status != PP_STATUS_CLEAR)
		info.text = says->status_text;
	says->untold = says->host->set_port_status(says->host->cookie,
	    says->port, &info) != PP_OK;
	says->status = info;
}

/* The worst of the reasons is the status; of those as bad, the first. */
static void
judge_reasons(struct pipe_says *says)
{
	struct pp_port_info_3 worst = { .status = PP_STATUS_CLEAR };
	enum pp_severity severity;
	size_t i;

	for (i = 0; i < says->n_reasons; i++) {
		severity = severity_of(says->reasons[i]);
		if (status_of(says->reasons[i]) == PP_STATUS_CLEAR ||
		    (worst.severity != PP_SEVERITY_NONE &&
		    severity >= worst.severity))
			continue;
		worst.status = status_of(says->reasons[i]);
		worst.severity = severity;
		snprintf(says->status_text, sizeof(says->status_text), "%s",
		    says->reasons[i]);
	}
	tell_status(says, worst);
}

/* "+a,b" adds, "-a b" takes away, "a" is all that there is. */
static void
on_state(struct pipe_says *says, char *text)
{
	char *rest, *reason;
	char how = *text;

	if (how == '+' || how == '-')
		text++;
	else
		says->n_reasons = 0;
	for (reason = strtok_r(text, ", \t", &rest); reason != NULL;
	    reason = strtok_r(NULL, ", \t", &rest)) {
		if (how == '-')
			drop_reason(says, reason);
		else
			add_reason(says, reason);
	}
	judge_reasons(says);
}

/* ---- PAGE --------------------------------------------------------------- */

/* "total N", or "NUMBER COPIES" for each page. */
static void
on_page(struct pipe_says *says, const char *text)
{
	const struct pp_host *host = says->host;
	unsigned long number;
	char *end;

	if (strncmp(text, "total", 5) == 0) {
		number = strtoul(text + 5, &end, 10);
		if (end == text + 5)
			return;
		says->pages = number;
	} else {
		text += strcspn(text, " \t");
		number = strtoul(text, &end, 10);
		says->pages += end == text || number > 100000 ? 1 : number;
	}
	if (host->size > offsetof(struct pp_host, job_pages) &&
	    host->job_pages != NULL)
		(void)host->job_pages(host->cookie, says->job, says->pages);
}

/* ---- ATTR --------------------------------------------------------------- */

/*
 * Copy a value that stands at text, in quotes or up to a blank, or a comma if
 * that ends it, too; returns what follows.
 */
static const char *
take_value(const char *text, bool list, char *out, size_t size)
{
	char quote = '\0';
	size_t n = 0;

	for (; *text != '\0'; text++) {
		if (quote == '\0' && (*text == ' ' || *text == '\t' ||
		    (list && *text == ',')))
			break;
		if (*text == quote) {
			quote = '\0';
			continue;
		}
		if (quote == '\0' && (*text == '"' || *text == '\'')) {
			quote = *text;
			continue;
		}
		if (*text == '\\' && text[1] != '\0')
			text++;
		if (n + 1 < size)
			out[n++] = *text;
	}
	out[n] = '\0';
	return text;
}

/* Backends put names into two kinds of quotes: '"Black Toner"'. */
static void
strip_quotes(char *name)
{
	size_t len = strlen(name);

	if (len < 2 || name[0] != '"' || name[len - 1] != '"')
		return;
	memmove(name, name + 1, len - 2);
	name[len - 2] = '\0';
}

/* Levels below 0 say that it is not known. */
static int32_t
level_of(const char *text)
{
	long level = strtol(text, NULL, 10);

	return level < 0 ? -1 : level > 100 ? 100 : (int32_t)level;
}

static const char *
take_markers(struct pipe_says *says, const char *text, bool names)
{
	char value[PIPE_MARKER_LEN + 1];
	size_t n = 0;

	for (;;) {
		text = take_value(text, true, value, sizeof(value));
		strip_quotes(value);
		if (n < PP_SUPPLIES_MAX && names)
			memcpy(says->markers[n++], value, sizeof(value));
		else if (n < PP_SUPPLIES_MAX)
			says->levels[n++] = level_of(value);
		if (*text != ',')
			break;
		text++;
	}
	*(names ? &says->n_markers : &says->n_levels) = n;
	return text;
}

static void
tell_supplies(const struct pipe_says *says)
{
	const struct pp_host *host = says->host;
	struct pp_supply supplies[PP_SUPPLIES_MAX];
	uint32_t n;

	for (n = 0; n < says->n_markers && n < says->n_levels; n++)
		supplies[n] = (struct pp_supply){ .name = says->markers[n],
		    .percent = says->levels[n] };
	if (n > 0 && host->size > offsetof(struct pp_host,
	    set_port_supplies) && host->set_port_supplies != NULL)
		(void)host->set_port_supplies(host->cookie, says->port,
		    supplies, n);
}

/* name=value name=value,value ... */
static void
on_attributes(struct pipe_says *says, const char *text)
{
	static const char names[] = "marker-names=", levels[] =
	    "marker-levels=";
	char ignored[2];

	while (*text != '\0') {
		text += strspn(text, " \t");
		if (strncmp(text, names, strlen(names)) == 0)
			text = take_markers(says, text + strlen(names), true);
		else if (strncmp(text, levels, strlen(levels)) == 0)
			text = take_markers(says, text + strlen(levels),
			    false);
		else
			text = take_value(text, false, ignored,
			    sizeof(ignored));
	}
	tell_supplies(says);
}

/* ---- lines -------------------------------------------------------------- */

/* What follows the word, if that is how the line begins. */
static char *
after(char *line, const char *word)
{
	size_t len = strlen(word);

	return strncmp(line, word, len) != 0 ? NULL :
	    line + len + strspn(line + len, " \t");
}

static void
on_error_line(struct pipe_says *says, char *line)
{
	char *text;
	size_t i;

	if ((text = after(line, "STATE:")) != NULL) {
		on_state(says, text);
		return;
	}
	if ((text = after(line, "PAGE:")) != NULL) {
		on_page(says, text);
		return;
	}
	if ((text = after(line, "ATTR:")) != NULL) {
		on_attributes(says, text);
		return;
	}
	for (i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++) {
		text = after(line, prefixes[i].word);
		if (text == NULL)
			continue;
		if (prefixes[i].level == PP_LOG_ERROR)
			remember(says, text, true);
		put(says, prefixes[i].level, text);
		return;
	}
	remember(says, line, false);
	put(says, PP_LOG_INFO, line);
}

static void
on_line(struct pipe_says *says, struct pipe_line *line)
{
	while (line->len > 0 && line->text[line->len - 1] == '\r')
		line->len--;
	line->text[line->len] = '\0';
	if (line->len > 0 && line == &says->errors)
		on_error_line(says, line->text);
	else if (line->len > 0)
		put(says, PP_LOG_DEBUG, line->text);
	line->len = 0;
}

static void
take(struct pipe_says *says, struct pipe_line *line, const char *bytes,
    size_t n)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (bytes[i] == '\n') {
			on_line(says, line);
		} else if (line->len < PIPE_LINE_LEN) {
			line->text[line->len++] = bytes[i] == '\0' ? ' ' :
			    bytes[i];
		}
	}
}

void
pipe_says_errors(struct pipe_says *says, const char *bytes, size_t n)
{
	take(says, &says->errors, bytes, n);
}

void
pipe_says_output(struct pipe_says *says, const char *bytes, size_t n)
{
	take(says, &says->output, bytes, n);
}

/* ---- life --------------------------------------------------------------- */

void
pipe_says_init(struct pipe_says *says, const struct pp_host *host,
    const char *port)
{
	says->host = host;
	says->port = port;
}

void
pipe_says_begin(struct pipe_says *says, uint64_t job)
{
	says->job = job;
	says->pages = 0;
	says->last[0] = '\0';
	says->last_is_error = false;
	says->errors.len = says->output.len = 0;
}

void
pipe_says_end(struct pipe_says *says)
{
	struct pp_port_info_3 info;

	on_line(says, &says->errors);
	on_line(says, &says->output);
	tell_left_out(says);
	info = says->status;
	if (info.severity != PP_SEVERITY_ERROR)
		return;
	info.severity = PP_SEVERITY_WARNING;
	tell_status(says, info);
}
