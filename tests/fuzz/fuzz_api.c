/*
 * fuzz_api.c - the words of a question: its path, what stands behind the "?",
 * its body, instants and numbers in it.
 *
 * The parts of an input are lines: path, query, body, instant.
 */
#include <stdlib.h>
#include <string.h>

#include <event2/http.h>

#include "daemon/api.h"
#include "spool/json_text.h"
#include "spool/when.h"
#include "tests/fuzz/target.h"

/* Cuts one line off. */
static char *
take_line(char **rest)
{
	char *line = *rest;
	char *end = strchr(line, '\n');

	*rest = end == NULL ? line + strlen(line) : end + 1;
	if (end != NULL)
		*end = '\0';
	return line;
}

static void
try_path(const char *path, enum api_method method)
{
	const struct api_route *route = NULL;
	char name[API_NAME_LEN];

	if (api_find(method, path, &route, name) != API_FOUND)
		return;
	if (route->method != method ||
	    (strchr(route->path, '*') != NULL) != (name[0] != '\0'))
		abort();
}

static void
try_query(const char *text)
{
	char why[API_WHY_LEN] = "";
	struct evkeyvalq query;
	size_t i;

	if (evhttp_parse_query_str(text, &query) == -1)
		return;
	for (i = 0; i < api_n_routes; i++)
		if (!api_query_is_good(&query, api_routes[i].query, why) &&
		    why[0] == '\0')
			abort();
	evhttp_clear_headers(&query);
}

static void
try_body(const char *text)
{
	json_t *body = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
	char why[API_WHY_LEN] = "";
	size_t i;

	for (i = 0; body != NULL && i < api_n_routes; i++)
		if (!api_body_is_good(body, api_routes[i].body, why) &&
		    why[0] == '\0')
			abort();
	json_decref(body);
}

/* What is an instant comes back as itself; 0 is never, and has no text. */
static void
try_value(const char *text)
{
	char buf[WHEN_LEN];
	int64_t ms, again;
	uint64_t number;
	json_t *json;

	if (when_parse(text, &ms) == 0 && ms > 0 &&
	    (when_parse(when_text(ms, buf), &again) == -1 || again != ms))
		abort();
	if (api_number(text, 1, 100, &number) == 0 &&
	    (number < 1 || number > 100))
		abort();
	json = json_text(text);
	if (json == NULL)
		abort();
	json_decref(json);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	char *rest = text, *path;

	if (text == NULL)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	path = take_line(&rest);
	try_path(path, API_GET);
	try_path(path, API_POST);
	try_query(take_line(&rest));
	try_body(take_line(&rest));
	try_value(take_line(&rest));
	free(text);
	return 0;
}
