/*
 * show.c - see show.h.
 */
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "show.h"
#include "table.h"

#define LONG_LEN	1024

/* ---- values ------------------------------------------------------------- */

const char *
show_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text != NULL ? text : "";
}

static json_int_t
number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static bool
is_true(const json_t *object, const char *key)
{
	return json_is_true(json_object_get(object, key));
}

const char *
show_size(json_int_t bytes, char buf[SHOW_SIZE_LEN])
{
	static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB",
	    "PiB", "EiB" };
	double size = (double)bytes;
	size_t unit = 0;

	for (; size >= 1023.95 && unit + 1 < sizeof(units) / sizeof(units[0]);
	    unit++)
		size /= 1024;
	if (unit == 0)
		snprintf(buf, SHOW_SIZE_LEN, "%lld B", (long long)bytes);
	else
		snprintf(buf, SHOW_SIZE_LEN, "%.1f %s", size, units[unit]);
	return buf;
}

/* Texts of an array with a word between, appended to buf. */
static void
join(const json_t *array, const char *between, char buf[LONG_LEN])
{
	size_t used = strlen(buf);
	const char *text;
	size_t i;

	for (i = 0; i < json_array_size(array); i++) {
		text = json_string_value(json_array_get(array, i));
		used += (size_t)snprintf(buf + used, LONG_LEN - used, "%s%s",
		    i > 0 ? between : "", text != NULL ? text : "");
		if (used >= LONG_LEN)
			return;
	}
}

static int
print_and_free(struct table *table, FILE *out)
{
	int rc = table_print(table, out, table_width(out));

	table_free(table);
	return rc;
}

/* ---- jobs --------------------------------------------------------------- */

/* "processing 45%" */
static void
add_state(struct table *table, const json_t *job)
{
	const char *state = show_text(job, "state");
	json_int_t bytes = number(job, "bytes");
	json_int_t done = number(job, "progress");

	if (done > 0 && bytes > 0)
		table_addf(table, "%s %d%%", state,
		    (int)(100.0 * (double)done / (double)bytes));
	else
		table_add(table, state);
}

static void
add_sender(struct table *table, const json_t *job)
{
	const char *user = show_text(job, "user");

	table_addf(table, "%s%s%s", user, user[0] != '\0' ? "@" : "",
	    show_text(job, "host"));
}

int
show_jobs(const json_t *jobs, FILE *out)
{
	static const struct column columns[] = {
		{ "JOB", true, 0 }, { "STATE", false, 0 },
		{ "QUEUE", false, 8 }, { "FROM", false, 10 },
		{ "SIZE", true, 0 }, { "TITLE", false, 8 },
		{ "WHY", false, 20 },
	};
	struct table *table = table_new(columns,
	    sizeof(columns) / sizeof(columns[0]));
	char size[SHOW_SIZE_LEN];
	const json_t *job;
	size_t i;

	if (table == NULL)
		return -1;
	json_array_foreach(jobs, i, job) {
		table_addf(table, "%lld", (long long)number(job, "id"));
		add_state(table, job);
		table_add(table, show_text(job, "queue"));
		add_sender(table, job);
		table_add(table, show_size(number(job, "bytes"), size));
		table_add(table, show_text(job, "title"));
		table_add(table, show_text(job, "why"));
	}
	return print_and_free(table, out);
}

/* "title      Report", unless there is nothing to say. */
static int
line(FILE *out, const char *what, const char *text)
{
	char *clean;

	if (text[0] == '\0')
		return 0;
	clean = table_clean(text, table_width(out) > 0);
	if (clean == NULL)
		return -1;
	fprintf(out, "%-11s %s\n", what, clean);
	free(clean);
	return 0;
}

static int
line_number(FILE *out, const char *what, json_int_t value)
{
	fprintf(out, "%-11s %lld\n", what, (long long)value);
	return 0;
}

static int
line_text(FILE *out, const json_t *object, const char *key)
{
	return line(out, key, show_text(object, key));
}

static int
show_documents(const json_t *documents, FILE *out)
{
	static const struct column columns[] = {
		{ "DOCUMENT", true, 0 }, { "SIZE", true, 0 },
		{ "COPIES", true, 0 }, { "KEPT", false, 0 },
		{ "FORMAT", false, 10 }, { "NAME", false, 8 },
	};
	struct table *table = table_new(columns,
	    sizeof(columns) / sizeof(columns[0]));
	char size[SHOW_SIZE_LEN];
	const json_t *doc;
	size_t i;

	if (table == NULL)
		return -1;
	json_array_foreach(documents, i, doc) {
		table_addf(table, "%lld", (long long)number(doc, "number"));
		table_add(table, show_size(number(doc, "size"), size));
		table_addf(table, "%lld", (long long)number(doc, "copies"));
		table_add(table, is_true(doc, "kept") ? "yes" : "no");
		table_add(table, show_text(doc, "format"));
		table_add(table, show_text(doc, "name"));
	}
	fputs("\n", out);
	return print_and_free(table, out);
}

static int
show_digests(const json_t *documents, FILE *out)
{
	const json_t *doc;
	size_t i;

	fputs("\n", out);
	json_array_foreach(documents, i, doc)
		fprintf(out, "sha256 %lld: %s\n",
		    (long long)number(doc, "number"),
		    show_text(doc, "sha256"));
	return 0;
}

static int
show_how(const json_t *job, FILE *out)
{
	char buf[LONG_LEN] = "", size[SHOW_SIZE_LEN];
	json_int_t done = number(job, "progress");
	int rc;

	rc = line_text(out, job, "state");
	join(json_object_get(job, "reasons"), ", ", buf);
	rc |= line(out, "reasons", buf);
	rc |= line_text(out, job, "why");
	rc |= line(out, "size", show_size(number(job, "bytes"), size));
	if (done > 0)
		rc |= line(out, "printed", show_size(done, size));
	if (number(job, "pages") > 0)
		rc |= line_number(out, "pages", number(job, "pages"));
	rc |= line_number(out, "attempts", number(job, "attempts"));
	if (is_true(job, "restarted"))
		rc |= line(out, "restarted", "yes: it may be on paper "
		    "already");
	return rc;
}

int
show_job(const json_t *job, FILE *out)
{
	const json_t *documents = json_object_get(job, "documents");
	int rc;

	if (!json_is_integer(json_object_get(job, "id")))
		return -1;
	rc = line_number(out, "job", number(job, "id"));
	rc |= line_text(out, job, "queue");
	rc |= line_number(out, "priority", number(job, "priority"));
	rc |= line_text(out, job, "user");
	rc |= line_text(out, job, "host");
	rc |= line_text(out, job, "title");
	rc |= show_how(job, out);
	rc |= line_text(out, job, "port");
	rc |= line_text(out, job, "created");
	rc |= line_text(out, job, "started");
	rc |= line_text(out, job, "completed");
	if (json_array_size(documents) == 0)
		return rc;
	rc |= show_documents(documents, out);
	return rc | show_digests(documents, out);
}

/* ---- queues and ports --------------------------------------------------- */

static void
add_ports(struct table *table, const json_t *queue)
{
	const json_t *backups = json_object_get(queue, "backup_ports");
	char buf[LONG_LEN] = "";

	join(json_object_get(queue, "ports"), ", ", buf);
	if (json_array_size(backups) > 0 &&
	    strlen(buf) + sizeof("; backup: ") < sizeof(buf)) {
		strcat(buf, "; backup: ");
		join(backups, ", ", buf);
	}
	table_add(table, buf);
}

/* What it does, and what it does not take. */
static void
add_queue_state(struct table *table, const json_t *queue)
{
	bool closed = json_is_false(json_object_get(queue, "accepting"));
	const char *state = is_true(queue, "paused") ? "paused" :
	    strcmp(show_text(queue, "delivery"), "stream") == 0 ? "stream" :
	    NULL;

	if (state != NULL)
		table_addf(table, "%s%s", state, closed ? ", closed" : "");
	else
		table_add(table, closed ? "closed" : "open");
}

static void
add_queue(struct table *table, const json_t *queue)
{
	const json_t *jobs = json_object_get(queue, "jobs");
	char size[SHOW_SIZE_LEN];

	table_add(table, show_text(queue, "name"));
	add_queue_state(table, queue);
	table_addf(table, "%lld", (long long)number(jobs, "pending"));
	table_addf(table, "%lld", (long long)number(jobs, "pending-held"));
	table_addf(table, "%lld", (long long)number(jobs, "processing") +
	    (long long)number(jobs, "processing-stopped"));
	table_add(table, show_size(number(jobs, "bytes"), size));
	add_ports(table, queue);
	table_add(table, show_text(queue, "why"));
}

int
show_queues(const json_t *answer, FILE *out)
{
	static const struct column columns[] = {
		{ "QUEUE", false, 8 }, { "STATE", false, 0 },
		{ "WAITING", true, 0 }, { "HELD", true, 0 },
		{ "PRINTING", true, 0 }, { "SIZE", true, 0 },
		{ "PORTS", false, 10 }, { "REASON", false, 10 },
	};
	const json_t *queues = json_object_get(answer, "queues");
	const json_t *queue;
	struct table *table;
	size_t i;

	if (!json_is_array(queues))
		return -1;
	table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	if (table == NULL)
		return -1;
	json_array_foreach(queues, i, queue)
		add_queue(table, queue);
	return print_and_free(table, out);
}

/* What the printers have left, as far as they tell. */
static int
show_supplies(const json_t *ports, FILE *out)
{
	static const struct column columns[] = {
		{ "PORT", false, 8 }, { "SUPPLY", false, 20 },
		{ "LEFT", true, 0 },
	};
	struct table *table = table_new(columns,
	    sizeof(columns) / sizeof(columns[0]));
	const json_t *port, *supply, *percent;
	size_t i, k, n = 0;

	if (table == NULL)
		return -1;
	json_array_foreach(ports, i, port)
		json_array_foreach(json_object_get(port, "supplies"), k,
		    supply) {
			percent = json_object_get(supply, "percent");
			table_add(table, show_text(port, "name"));
			table_add(table, show_text(supply, "name"));
			if (json_is_integer(percent))
				table_addf(table, "%d%%",
				    (int)json_integer_value(percent));
			else
				table_add(table, "?");
			n++;
		}
	if (n == 0) {
		table_free(table);
		return 0;
	}
	fputs("\n", out);
	return print_and_free(table, out);
}

int
show_ports(const json_t *answer, FILE *out)
{
	const char *trouble;
	static const struct column columns[] = {
		{ "PORT", false, 8 }, { "MONITOR", false, 8 },
		{ "STATE", false, 0 }, { "WAITING", true, 0 },
		{ "TROUBLE", false, 20 },
	};
	const json_t *ports = json_object_get(answer, "ports");
	const json_t *port;
	struct table *table;
	size_t i;

	if (!json_is_array(ports))
		return -1;
	table = table_new(columns, sizeof(columns) / sizeof(columns[0]));
	if (table == NULL)
		return -1;
	json_array_foreach(ports, i, port) {
		const char *language = show_text(port, "language_monitor");

		table_add(table, show_text(port, "name"));
		table_addf(table, "%s%s%s", show_text(port, "monitor"),
		    language[0] != '\0' ? "+" : "", language);
		table_addf(table, "%s%s", show_text(port, "state"),
		    is_true(port, "paused") ? ", paused" : "");
		table_addf(table, "%lld", (long long)number(port, "waiting"));
		trouble = show_text(port, "trouble");
		table_add(table, trouble[0] != '\0' ? trouble :
		    show_text(port, "status"));
	}
	if (print_and_free(table, out) != 0)
		return -1;
	return show_supplies(ports, out);
}

/* ---- the daemon --------------------------------------------------------- */

static int
show_store(const json_t *store, FILE *out)
{
	char size[SHOW_SIZE_LEN] = "unknown";
	const json_t *space = json_object_get(store, "free_bytes");

	if (json_is_integer(space))
		show_size(json_integer_value(space), size);
	fprintf(out, "%-11s %s, %s free\n", "spool",
	    show_text(store, "health"), size);
	return 0;
}

static int
show_counters(json_t *counters, FILE *out)
{
	const char *key;
	json_t *value;

	fputs("\nsince then\n", out);
	json_object_foreach(counters, key, value)
		fprintf(out, "  %-13s %lld\n", key,
		    (long long)json_integer_value(value));
	return 0;
}

int
show_status(const json_t *answer, FILE *out)
{
	json_t *counters = json_object_get(answer, "counters");
	json_int_t s = number(answer, "uptime_s");
	int rc;

	if (!json_is_object(counters))
		return -1;
	rc = line_text(out, answer, "version");
	rc |= line_text(out, answer, "config");
	fprintf(out, "%-11s %s, %lld d %02lld:%02lld:%02lld ago\n",
	    "started", show_text(answer, "started"), (long long)(s / 86400),
	    (long long)(s / 3600 % 24), (long long)(s / 60 % 60),
	    (long long)(s % 60));
	rc |= show_store(json_object_get(answer, "store"), out);
	if (!is_true(answer, "loaded"))
		rc |= line(out, "jobs", "are being read from the spool");
	rc |= line_number(out, "printing", number(answer, "running"));
	rc |= line_number(out, "queues", number(answer, "queues"));
	rc |= line_number(out, "ports", number(answer, "ports"));
	return rc | show_counters(counters, out);
}
