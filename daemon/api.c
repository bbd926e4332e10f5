/*
 * api.c - see api.h: the table, and the judging of questions.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include <event2/http.h>

#include "api.h"
#include "dispatch.h"

#define LIST_KEYS	{ "which", "queue", "user", "limit", "after" }

const struct api_route api_routes[] = {
	{
		.method = API_GET, .path = "/v1/jobs", .role = API_OBSERVE,
		.query = LIST_KEYS, .run = api_jobs_list,
	}, {
		.method = API_GET, .path = "/v1/jobs/*", .role = API_OBSERVE,
		.run = api_job_show,
	}, {
		.method = API_POST, .path = "/v1/jobs/*/hold",
		.role = API_OPERATE, .what = DISPATCH_HOLD,
		.run = api_job_act,
	}, {
		.method = API_POST, .path = "/v1/jobs/*/release",
		.role = API_OPERATE, .what = DISPATCH_RELEASE,
		.run = api_job_act,
	}, {
		.method = API_POST, .path = "/v1/jobs/*/cancel",
		.role = API_OPERATE, .what = DISPATCH_CANCEL,
		.run = api_job_act,
	}, {
		.method = API_POST, .path = "/v1/jobs/*/reprint",
		.role = API_OPERATE, .what = DISPATCH_REPRINT,
		.run = api_job_act,
	}, {
		.method = API_POST, .path = "/v1/jobs/*/move",
		.role = API_OPERATE, .body = { "queue", "priority" },
		.run = api_job_move,
	}, {
		.method = API_GET, .path = "/v1/queues", .role = API_OBSERVE,
		.run = api_queues_list,
	}, {
		.method = API_POST, .path = "/v1/queues/*/pause",
		.role = API_OPERATE, .what = true, .run = api_queue_pause,
	}, {
		.method = API_POST, .path = "/v1/queues/*/resume",
		.role = API_OPERATE, .what = false, .run = api_queue_pause,
	}, {
		.method = API_POST, .path = "/v1/queues/*/reject",
		.role = API_OPERATE, .what = true, .body = { "why" },
		.run = api_queue_close,
	}, {
		.method = API_POST, .path = "/v1/queues/*/accept",
		.role = API_OPERATE, .what = false, .run = api_queue_close,
	}, {
		.method = API_GET, .path = "/v1/ports", .role = API_OBSERVE,
		.run = api_ports_list,
	}, {
		.method = API_POST, .path = "/v1/ports/*/pause",
		.role = API_OPERATE, .what = true, .run = api_port_pause,
	}, {
		.method = API_POST, .path = "/v1/ports/*/resume",
		.role = API_OPERATE, .what = false, .run = api_port_pause,
	}, {
		.method = API_GET, .path = "/v1/accounting",
		.role = API_OBSERVE, .query = { "from", "to", "format" },
		.run = api_accounting,
	}, {
		.method = API_GET, .path = "/v1/status", .role = API_OBSERVE,
		.run = api_status,
	},
};

const size_t api_n_routes = sizeof(api_routes) / sizeof(api_routes[0]);

/* ---- finding ------------------------------------------------------------ */

/* One part of a path, without its escapes.  No part is empty, or has a NUL. */
static bool
take_name(const char *part, size_t len, char name[API_NAME_LEN])
{
	char raw[3 * API_NAME_LEN];
	size_t size;
	char *plain;
	bool fits;

	if (len == 0 || len >= sizeof(raw))
		return false;
	memcpy(raw, part, len);
	raw[len] = '\0';
	plain = evhttp_uridecode(raw, 0, &size);
	if (plain == NULL)
		return false;
	fits = size > 0 && size < API_NAME_LEN && strlen(plain) == size;
	if (fits)
		memcpy(name, plain, size + 1);
	free(plain);
	return fits;
}

static bool
matches(const char *pattern, const char *path, char name[API_NAME_LEN])
{
	size_t p, n;

	for (;;) {
		n = strcspn(pattern, "/");
		p = strcspn(path, "/");
		if (n == 1 && *pattern == '*') {
			if (!take_name(path, p, name))
				return false;
		} else if (n != p || strncmp(pattern, path, n) != 0) {
			return false;
		}
		pattern += n;
		path += p;
		if (*pattern != *path)
			return false;
		if (*pattern == '\0')
			return true;
		pattern++;
		path++;
	}
}

enum api_found
api_find(enum api_method method, const char *path,
    const struct api_route **route, char name[API_NAME_LEN])
{
	enum api_found found = API_NO_PATH;
	size_t i;

	name[0] = '\0';
	for (i = 0; i < api_n_routes; i++) {
		if (!matches(api_routes[i].path, path, name))
			continue;
		*route = &api_routes[i];
		if (api_routes[i].method == method)
			return API_FOUND;
		found = API_NO_METHOD;
	}
	return found;
}

/* ---- who ---------------------------------------------------------------- */

/* Whom the mode of the socket does not let in does not come as far as here. */
enum api_role
api_role_of(uid_t uid, uid_t daemon)
{
	return uid == 0 || uid == daemon ? API_ADMINISTER : API_OPERATE;
}

const char *
api_role_name(enum api_role role)
{
	static const char *const names[] = {
		[API_NOBODY] = "nobody", [API_OBSERVE] = "observe",
		[API_OPERATE] = "operate", [API_ADMINISTER] = "administer",
	};

	return names[role];
}

/* Not by a name: looking it up may take as long as a network does. */
const char *
api_by(uid_t uid, char by[API_BY_LEN])
{
	if (uid == 0)
		snprintf(by, API_BY_LEN, "root");
	else
		snprintf(by, API_BY_LEN, "uid %u", (unsigned int)uid);
	return by;
}

/* ---- what --------------------------------------------------------------- */

static bool
is_key(const char *key, const char *const keys[API_KEYS_MAX])
{
	size_t i;

	for (i = 0; i < API_KEYS_MAX && keys[i] != NULL; i++)
		if (strcmp(keys[i], key) == 0)
			return true;
	return false;
}

static bool
not_known(const char *key, const char *const keys[API_KEYS_MAX],
    char why[API_WHY_LEN])
{
	size_t i;
	int used;

	used = snprintf(why, API_WHY_LEN, "\"%.64s\" is not known here; %s",
	    key, keys[0] == NULL ? "nothing is" : "known:");
	for (i = 0; i < API_KEYS_MAX && keys[i] != NULL; i++)
		used += snprintf(why + used, API_WHY_LEN - (size_t)used,
		    "%s %s", i == 0 ? "" : ",", keys[i]);
	return false;
}

bool
api_query_is_good(const struct evkeyvalq *query,
    const char *const keys[API_KEYS_MAX], char why[API_WHY_LEN])
{
	const struct evkeyval *pair, *other;

	TAILQ_FOREACH(pair, query, next) {
		if (!is_key(pair->key, keys))
			return not_known(pair->key, keys, why);
		for (other = TAILQ_NEXT(pair, next); other != NULL;
		    other = TAILQ_NEXT(other, next)) {
			if (strcmp(pair->key, other->key) != 0)
				continue;
			snprintf(why, API_WHY_LEN, "\"%s\" is there twice",
			    pair->key);
			return false;
		}
	}
	return true;
}

bool
api_body_is_good(json_t *body, const char *const keys[API_KEYS_MAX],
    char why[API_WHY_LEN])
{
	const char *key;
	json_t *value;

	if (!json_is_object(body)) {
		snprintf(why, API_WHY_LEN, "the body must be a JSON object");
		return false;
	}
	json_object_foreach(body, key, value)
		if (!is_key(key, keys))
			return not_known(key, keys, why);
	return true;
}

int
api_number(const char *text, uint64_t least, uint64_t most, uint64_t *value)
{
	uint64_t n = 0;

	if (*text == '\0')
		return -1;
	for (; *text != '\0'; text++) {
		if (*text < '0' || *text > '9' ||
		    __builtin_mul_overflow(n, 10U, &n) ||
		    __builtin_add_overflow(n, (unsigned)(*text - '0'), &n))
			return -1;
	}
	if (n < least || n > most)
		return -1;
	*value = n;
	return 0;
}

const char *
api_query(const struct api_call *call, const char *key)
{
	return evhttp_find_header(&call->query, key);
}
