/*
 * account.c - see account.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "account.h"
#include "store.h"

#define TIME_LEN	40
#define REASONS_LEN	512

enum kind { TEXT, NUMBER };

/* One value of a record, as text; both forms walk the same table. */
struct column {
	const char	*name;
	enum kind	 kind;
	const char	*(*get)(const struct job_record *r, char *buf);
};

static const char *
number(uint64_t value, char *buf)
{
	snprintf(buf, REASONS_LEN, "%" PRIu64, value);
	return buf;
}

/* "" for never. */
static const char *
when(int64_t ms, char *buf)
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	buf[0] = '\0';
	if (ms == 0 || gmtime_r(&s, &tm) == NULL)
		return buf;
	n = strftime(buf, TIME_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, TIME_LEN - n, ".%03dZ", (int)(ms % 1000));
	return buf;
}

#define NUMBER_OF(name, value)						\
static const char *							\
get_##name(const struct job_record *r, char *buf)			\
{									\
	return number(value, buf);					\
}
#define TEXT_OF(name, value)						\
static const char *							\
get_##name(const struct job_record *r, char *buf)			\
{									\
	(void)buf;							\
	return value;							\
}
#define TIME_OF(name)							\
static const char *							\
get_##name(const struct job_record *r, char *buf)			\
{									\
	return when(r->job.name##_ms, buf);				\
}

NUMBER_OF(record, r->number)
NUMBER_OF(job, r->job.id)
NUMBER_OF(priority, r->job.priority)
NUMBER_OF(documents, r->documents)
NUMBER_OF(bytes, r->job.bytes)
NUMBER_OF(attempts, r->job.attempts)
NUMBER_OF(restarted, r->job.restarted)
TEXT_OF(queue, r->job.queue)
TEXT_OF(port, r->job.port)
TEXT_OF(user, r->job.user)
TEXT_OF(host, r->job.host)
TEXT_OF(title, r->job.title)
TEXT_OF(why, r->job.why)
TEXT_OF(sha256, r->sha256)
TEXT_OF(result, job_state_name(r->job.state))
TIME_OF(created)
TIME_OF(started)
TIME_OF(completed)

/* Not known is not zero. */
static const char *
get_pages(const struct job_record *r, char *buf)
{
	return r->job.pages != 0 ? number(r->job.pages, buf) : "";
}

static const char *
get_reasons(const struct job_record *r, char *buf)
{
	return job_reasons_text(r->job.reasons, buf, REASONS_LEN);
}

static const struct column columns[] = {
	{ "record", NUMBER, get_record },
	{ "job", NUMBER, get_job },
	{ "queue", TEXT, get_queue },
	{ "port", TEXT, get_port },
	{ "user", TEXT, get_user },
	{ "host", TEXT, get_host },
	{ "title", TEXT, get_title },
	{ "priority", NUMBER, get_priority },
	{ "documents", NUMBER, get_documents },
	{ "bytes", NUMBER, get_bytes },
	{ "pages", NUMBER, get_pages },
	{ "created", TEXT, get_created },
	{ "started", TEXT, get_started },
	{ "completed", TEXT, get_completed },
	{ "attempts", NUMBER, get_attempts },
	{ "restarted", NUMBER, get_restarted },
	{ "result", TEXT, get_result },
	{ "reasons", TEXT, get_reasons },
	{ "why", TEXT, get_why },
	{ "sha256", TEXT, get_sha256 },
};

#define N_COLUMNS	(sizeof(columns) / sizeof(columns[0]))

int
account_csv_header(FILE *out)
{
	size_t i;

	for (i = 0; i < N_COLUMNS; i++)
		fprintf(out, "%s%s", i > 0 ? "," : "", columns[i].name);
	fputs("\r\n", out);
	return ferror(out) ? -1 : 0;
}

/*
 * A title that starts like a formula would be run by a spreadsheet; texts
 * come from strangers, so that is taken from them by an apostrophe.
 */
static void
csv_text(FILE *out, const char *text)
{
	bool formula = text[0] != '\0' && strchr("=+-@\t\r", text[0]) != NULL;

	if (!formula && strpbrk(text, ",\"\r\n") == NULL) {
		fputs(text, out);
		return;
	}
	fputs(formula ? "\"'" : "\"", out);
	for (; *text != '\0'; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
	putc('"', out);
}

int
account_csv(FILE *out, const struct job_record *record)
{
	char buf[REASONS_LEN];
	size_t i;

	for (i = 0; i < N_COLUMNS; i++) {
		if (i > 0)
			putc(',', out);
		csv_text(out, columns[i].get(record, buf));
	}
	fputs("\r\n", out);
	return ferror(out) ? -1 : 0;
}

/* Length of the UTF-8 character at s, or 0 for what is none. */
static size_t
utf8(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 :
	    (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t c;
	size_t i;

	if (len < 2)
		return len;
	c = s[0] & (0xffU >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ?
	    0 : len;
}

/* Bytes that are no UTF-8 become U+FFFD: JSON has no other way. */
static void
json_text(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len;

	putc('"', out);
	for (; *s != '\0'; s += len > 0 ? len : 1) {
		len = utf8(s);
		if (len == 0)
			fputs("\\ufffd", out);
		else if (*s == '"' || *s == '\\')
			fprintf(out, "\\%c", *s);
		else if (*s < 0x20 || *s == 0x7f)
			fprintf(out, "\\u%04x", *s);
		else
			fwrite(s, 1, len, out);
	}
	putc('"', out);
}

int
account_json(FILE *out, const struct job_record *record)
{
	char buf[REASONS_LEN];
	const char *value;
	size_t i;

	for (i = 0; i < N_COLUMNS; i++) {
		value = columns[i].get(record, buf);
		fprintf(out, "%s\"%s\":", i > 0 ? "," : "{", columns[i].name);
		if (value[0] == '\0')
			fputs("null", out);
		else if (columns[i].kind == NUMBER)
			fputs(value, out);
		else
			json_text(out, value);
	}
	putc('}', out);
	return ferror(out) ? -1 : 0;
}
