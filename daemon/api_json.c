/*
 * api_json.c - things as JSON, see api.h.
 */
#include <string.h>

#include "api.h"
#include "spool/job.h"
#include "spool/json_text.h"
#include "spool/when.h"

#define REASONS_LEN	512

void
api_set(json_t *object, const char *key, json_t *value, bool *bad)
{
	if (json_object_set_new(object, key, value) == -1)
		*bad = true;
}

/* Numbers of ours are far from where the sign is. */
json_t *
api_number_json(uint64_t value)
{
	return json_integer((json_int_t)value);
}

json_t *
api_text_json(const char *text)
{
	return text[0] == '\0' ? json_null() : json_text(text);
}

json_t *
api_time_json(int64_t ms)
{
	char buf[WHEN_LEN];

	return api_text_json(when_text(ms, buf));
}

json_t *
api_whole(json_t *json, bool bad)
{
	if (!bad)
		return json;
	json_decref(json);
	return NULL;
}

/* "a,b" becomes ["a", "b"], and no reason []. */
static json_t *
reasons_json(uint32_t reasons)
{
	json_t *array = json_array();
	char text[REASONS_LEN];
	char *rest = text, *word;
	bool bad = array == NULL;

	job_reasons_text(reasons, text, sizeof(text));
	while (reasons != 0 && !bad && (word = strsep(&rest, ",")) != NULL)
		bad = json_array_append_new(array, json_string(word)) == -1;
	return api_whole(array, bad);
}

static json_t *
sha256_json(const uint8_t digest[JOB_SHA256_LEN])
{
	static const char hex[] = "0123456789abcdef";
	char text[2 * JOB_SHA256_LEN];
	size_t i;

	for (i = 0; i < JOB_SHA256_LEN; i++) {
		text[2 * i] = hex[digest[i] >> 4];
		text[2 * i + 1] = hex[digest[i] & 0xf];
	}
	return json_stringn(text, sizeof(text));
}

static json_t *
document_json(const struct job_document *doc, size_t number)
{
	json_t *object = json_object();
	bool bad = object == NULL;

	api_set(object, "number", api_number_json(number), &bad);
	api_set(object, "name", api_text_json(doc->name), &bad);
	api_set(object, "format", api_text_json(doc->format), &bad);
	api_set(object, "copies", api_number_json(doc->copies), &bad);
	api_set(object, "size", api_number_json(doc->size), &bad);
	api_set(object, "sha256", sha256_json(doc->sha256), &bad);
	api_set(object, "kept", json_boolean(doc->place != JOB_GONE), &bad);
	return api_whole(object, bad);
}

static json_t *
documents_json(const struct job *job)
{
	json_t *array = json_array();
	bool bad = array == NULL;
	size_t i;

	for (i = 0; i < job->n_documents && !bad; i++)
		bad = json_array_append_new(array,
		    document_json(&job->documents[i], i + 1)) == -1;
	return api_whole(array, bad);
}

static void
set_history(json_t *object, const struct job *job, bool *bad)
{
	api_set(object, "attempts", api_number_json(job->attempts), bad);
	api_set(object, "port", api_text_json(job->port), bad);
	api_set(object, "restarted", json_boolean(job->restarted), bad);
	api_set(object, "created", api_time_json(job->created_ms), bad);
	api_set(object, "started", api_time_json(job->started_ms), bad);
	api_set(object, "completed", api_time_json(job->completed_ms), bad);
}

json_t *
api_job_json(const struct job *job, const struct api_job_now *now,
    bool documents)
{
	json_t *object = json_object();
	bool bad = object == NULL;

	api_set(object, "id", api_number_json(job->id), &bad);
	api_set(object, "queue", api_text_json(job->queue), &bad);
	api_set(object, "state", json_string(job_state_name(job->state)),
	    &bad);
	api_set(object, "reasons", reasons_json(job->reasons), &bad);
	api_set(object, "why", api_text_json(now->why), &bad);
	api_set(object, "user", api_text_json(job->user), &bad);
	api_set(object, "host", api_text_json(job->host), &bad);
	api_set(object, "title", api_text_json(job->title), &bad);
	if (documents)
		api_set(object, "extra", api_text_json(job->extra), &bad);
	api_set(object, "priority", api_number_json(job->priority), &bad);
	api_set(object, "bytes", api_number_json(job->bytes), &bad);
	api_set(object, "progress", api_number_json(now->progress), &bad);
	api_set(object, "pages", job->pages == 0 ? json_null() :
	    api_number_json(job->pages), &bad);
	set_history(object, job, &bad);
	if (documents)
		api_set(object, "documents", documents_json(job), &bad);
	return api_whole(object, bad);
}
