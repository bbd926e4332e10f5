/*
 * log.c - see log.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

struct line {
	char	text[LOG_LINE_LEN];
	size_t	len;
};

static enum log_level threshold = LOG_LEVEL_WARNING;
static bool for_journal;
static _Atomic uint64_t lost;

void
log_open(enum log_level level, bool journal)
{
	threshold = level;
	for_journal = journal;
}

void
log_set_level(enum log_level level)
{
	threshold = level;
}

bool
log_enabled(enum log_level level)
{
	return level <= threshold;
}

/* systemd names device and inode of the stream it gave us. */
bool
log_is_journal(void)
{
	const char *named = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (named == NULL || fstat(STDERR_FILENO, &st) == -1 ||
	    sscanf(named, "%llu:%llu", &device, &inode) != 2)
		return false;
	return st.st_dev == device && st.st_ino == inode;
}

/* ---- one line ----------------------------------------------------------- */

/* Two bytes stay free, for the newline and NUL; no character is cut. */
static void
add(struct line *line, const char *text, size_t len)
{
	size_t room = sizeof(line->text) - 2 - line->len;

	if (len > room)
		for (len = room; len > 0 && (text[len] & 0xc0) == 0x80; len--)
			continue;
	memcpy(line->text + line->len, text, len);
	line->len += len;
}

/*
 * Length of the UTF-8 sequence at s, 0 if it is none or one of the control
 * characters U+0080 to U+009F.
 */
static size_t
sequence_len(const unsigned char *s)
{
	size_t len, i;

	if (s[0] >= 0xc2 && s[0] <= 0xdf)
		len = 2;
	else if (s[0] >= 0xe0 && s[0] <= 0xef)
		len = 3;
	else if (s[0] >= 0xf0 && s[0] <= 0xf4)
		len = 4;
	else
		return 0;
	for (i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xc2 && s[1] < 0xa0) || (s[0] == 0xe0 && s[1] < 0xa0) ||
	    (s[0] == 0xed && s[1] > 0x9f) || (s[0] == 0xf0 && s[1] < 0x90) ||
	    (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

static bool
plain(unsigned char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\' && c != '=';
}

static bool
needs_quotes(const char *text)
{
	for (; *text != '\0'; text++)
		if (!plain((unsigned char)*text))
			return true;
	return false;
}

static void
add_quoted(struct line *line, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	const unsigned char *end = s + strnlen(text, LOG_VALUE_LEN);
	char hex[8];
	size_t len;

	add(line, "\"", 1);
	for (; s < end; s += len) {
		len = *s < 0x80 ? 1 : sequence_len(s);
		if (len > 0 && (*s == ' ' || *s == '=' || *s >= 0x80 ||
		    plain(*s))) {
			add(line, (const char *)s, len);
			continue;
		}
		len = 1;
		if (*s == '"' || *s == '\\')
			snprintf(hex, sizeof(hex), "\\%c", *s);
		else
			snprintf(hex, sizeof(hex), "\\x%02x", *s);
		add(line, hex, strlen(hex));
	}
	add(line, *end != '\0' ? "...\"" : "\"", *end != '\0' ? 4 : 1);
}

static void
add_field(struct line *line, const struct log_field *field)
{
	char number[24];

	add(line, " ", 1);
	add(line, field->key, strlen(field->key));
	add(line, "=", 1);
	if (field->type == LOG_FIELD_NUMBER) {
		snprintf(number, sizeof(number), "%lld",
		    (long long)field->number);
		add(line, number, strlen(number));
	} else if (needs_quotes(field->text))
		add_quoted(line, field->text);
	else
		add(line, field->text, strnlen(field->text, LOG_VALUE_LEN));
}

static void
begin(struct line *line, enum log_level level)
{
	static const char *const names[] = { "error", "warning", "info",
	    "debug" };
	static const char *const prefixes[] = { "<3>", "<4>", "<6>", "<7>" };
	char stamp[32];
	struct tm tm;
	time_t now;

	line->len = 0;
	if (for_journal) {
		add(line, prefixes[level], 3);
		return;
	}
	now = time(NULL);
	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ ", &tm);
	add(line, stamp, strlen(stamp));
	add(line, names[level], strlen(names[level]));
	add(line, " ", 1);
}

/* ---- out ---------------------------------------------------------------- */

/*
 * A line fits what poll() promises of a pipe (PIPE_BUF), so this does not
 * block, and the descriptor, which others share, keeps its flags.
 */
static bool
emit(struct line *line)
{
	struct pollfd fd = { .fd = STDERR_FILENO, .events = POLLOUT };
	ssize_t n;

	if (poll(&fd, 1, 0) != 1 || !(fd.revents & POLLOUT))
		return false;
	line->text[line->len++] = '\n';
	do
		n = write(STDERR_FILENO, line->text, line->len);
	while (n == -1 && errno == EINTR);
	return n != -1;
}

static void
report_lost(void)
{
	uint64_t n = atomic_exchange(&lost, 0);
	struct log_field field = LOG_NUM("lines", n);
	struct line line;

	if (n == 0)
		return;
	begin(&line, LOG_LEVEL_WARNING);
	add(&line, "log lines were lost", 19);
	add_field(&line, &field);
	if (!emit(&line))
		atomic_fetch_add(&lost, n);
}

void
log_write(enum log_level level, const char *what,
    const struct log_field *fields)
{
	struct line line;

	if (!log_enabled(level))
		return;
	if (atomic_load_explicit(&lost, memory_order_relaxed) > 0)
		report_lost();
	begin(&line, level);
	add(&line, what, strlen(what));
	for (; fields->type != LOG_FIELD_END; fields++)
		if (fields->text != NULL && *fields->text != '\0')
			add_field(&line, fields);
	if (!emit(&line))
		atomic_fetch_add(&lost, 1);
}
