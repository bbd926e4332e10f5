/*
 * account.c - see account.h.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "account.h"
#include "json_text.h"
#include "store.h"
#include "when.h"

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
	return when_text(r->job.name##_ms, buf);				\
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

/* What is not known, or never was, is null. */
static json_t *
json_value(const struct column *column, const struct job_record *record)
{
	char buf[REASONS_LEN];
	const char *value = column->get(record, buf);

	if (value[0] == '\0')
		return json_null();
	if (column->kind == TEXT)
		return json_text(value);
	return json_integer((json_int_t)strtoull(value, NULL, 10));
}

int
account_json(FILE *out, const struct job_record *record)
{
	json_t *object = json_object();
	int rc = object == NULL ? -1 : 0;
	size_t i;

	for (i = 0; rc == 0 && i < N_COLUMNS; i++)
		rc = json_object_set_new(object, columns[i].name,
		    json_value(&columns[i], record));
	if (rc == 0)
		rc = json_dumpf(object, out, JSON_COMPACT);
	json_decref(object);
	return rc == 0 && !ferror(out) ? 0 : -1;
}
