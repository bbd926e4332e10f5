/*
 * api_accounting.c - the accounting records of a period, see api.h.
 *
 *	start --> page read --> piece sent --> page read ... --> end
 *
 * A page at a time: the next one is read when the client has taken the one
 * before, so that an export of any length costs the memory of a page.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event2/buffer.h>

#include "api.h"
#include "spool/account.h"
#include "spool/store.h"
#include "spool/when.h"
#include "spooler.h"

#define PAGE	200		/* records */

struct export {
	struct store_period	 period;
	bool			 json;
	bool			 started;	/* the client has its head */
	bool			 some;		/* records, so far */
};

/* ---- a page as text ----------------------------------------------------- */

static int
write_json(FILE *out, struct export *export,
    const struct job_record_list *list)
{
	size_t i;

	if (!export->started)
		fputs("[", out);
	for (i = 0; i < list->n; i++) {
		fputs(export->some ? ",\n" : "\n", out);
		export->some = true;
		if (account_json(out, &list->records[i]) == -1)
			return -1;
	}
	if (list->n < PAGE)
		fputs("\n]\n", out);
	return ferror(out) ? -1 : 0;
}

static int
write_csv(FILE *out, const struct export *export,
    const struct job_record_list *list)
{
	size_t i;

	if (!export->started && account_csv_header(out) == -1)
		return -1;
	for (i = 0; i < list->n; i++)
		if (account_csv(out, &list->records[i]) == -1)
			return -1;
	return 0;
}

static void
free_text(const void *text, size_t len, void *arg)
{
	(void)text;
	(void)len;
	free(arg);
}

/* text goes to the buffer, or is freed. */
static struct evbuffer *
buffer_of(char *text, size_t len)
{
	struct evbuffer *buffer = evbuffer_new();

	if (buffer != NULL && evbuffer_add_reference(buffer, text, len,
	    free_text, text) == 0)
		return buffer;
	if (buffer != NULL)
		evbuffer_free(buffer);
	free(text);
	return NULL;
}

/* NULL: no memory. */
static struct evbuffer *
page_of(struct export *export, const struct job_record_list *list)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);
	int rc;

	if (out == NULL)
		return NULL;
	rc = export->json ? write_json(out, export, list) :
	    write_csv(out, export, list);
	if (fclose(out) != 0 || rc == -1) {
		free(text);
		return NULL;
	}
	return buffer_of(text, len);
}

/* ---- page after page ---------------------------------------------------- */

static void read_page(struct api_call *call);

static void
give_up(struct api_call *call, int error)
{
	const struct export *export = call->own;

	if (export->started)
		api_stream_break(call);
	else
		api_refuse_error(call, error);
}

static void
send_page(struct api_call *call, struct evbuffer *page, bool last)
{
	struct export *export = call->own;

	if (!export->started)
		api_stream_start(call, export->json ? "application/json" :
		    "text/csv; charset=utf-8; header=present");
	export->started = true;
	if (last)
		api_stream_end(call, page);
	else
		api_stream(call, page, read_page);
	evbuffer_free(page);
}

static void
on_page(void *arg, int error, struct job_record_list *list)
{
	struct api_call *call = arg;
	struct export *export;
	struct evbuffer *page = NULL;
	bool last = true;

	if (api_gone(call)) {
		job_record_list_free(list);
		return;
	}
	export = call->own;
	if (error == 0) {
		page = page_of(export, list);
		last = list->n < PAGE;
		if (list->n > 0)
			export->period.after =
			    list->records[list->n - 1].number;
	}
	job_record_list_free(list);
	if (page == NULL)
		give_up(call, error != 0 ? error : -ENOMEM);
	else
		send_page(call, page, last);
}

static void
read_page(struct api_call *call)
{
	const struct export *export = call->own;
	struct store *store;

	if (api_gone(call))
		return;
	store = spooler_store(call->house->spooler);
	if (store == NULL)
		give_up(call, -ENXIO);
	else if (store_records(store, &export->period, on_page, call) == -1)
		give_up(call, -errno);
}

/* ---- the question ------------------------------------------------------- */

static int
parse_when(struct api_call *call, const char *key, int64_t otherwise,
    int64_t *ms)
{
	const char *text = api_query(call, key);

	*ms = otherwise;
	if (text == NULL || when_parse(text, ms) == 0)
		return 0;
	api_refuse(call, 400, "write 2026-03-01, or 2026-03-01T09:30:00Z",
	    "%s: \"%.64s\" is no date or time", key, text);
	return -1;
}

static int
parse_format(struct api_call *call, bool *json)
{
	const char *text = api_query(call, "format");

	*json = text != NULL && strcmp(text, "json") == 0;
	if (text == NULL || *json || strcmp(text, "csv") == 0)
		return 0;
	api_refuse(call, 400, NULL, "format must be csv or json");
	return -1;
}

void
api_accounting(struct api_call *call)
{
	struct export *export = calloc(1, sizeof(*export));

	call->own = export;
	if (export == NULL) {
		api_refuse_error(call, -ENOMEM);
		return;
	}
	export->period.limit = PAGE;
	if (parse_format(call, &export->json) == -1 ||
	    parse_when(call, "from", 0, &export->period.from_ms) == -1 ||
	    parse_when(call, "to", INT64_MAX, &export->period.to_ms) == -1)
		return;
	read_page(call);
}
