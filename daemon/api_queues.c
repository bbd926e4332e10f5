/*
 * api_queues.c - commands about queues, ports and the daemon, see api.h.
 */
#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "api.h"
#include "conf/conf.h"
#include "counters.h"
#include "dispatch.h"
#include "port.h"
#include "shared_conf.h"
#include "spool/store.h"
#include "spooler.h"

static json_t *
names_json(const struct conf_list *list)
{
	json_t *array = json_array();
	bool bad = array == NULL;
	size_t i;

	for (i = 0; i < list->n && !bad; i++)
		bad = json_array_append_new(array,
		    api_text_json(list->v[i])) == -1;
	return api_whole(array, bad);
}

/* {"what": array} */
static json_t *
listing(const char *what, json_t *array, bool bad)
{
	json_t *object = json_object();

	api_set(object, what, array, &bad);
	return api_whole(object, bad);
}

/* ---- queues ------------------------------------------------------------- */

/* By the words for states, those that unfinished jobs have. */
static json_t *
counts_json(const struct tally_count *count)
{
	json_t *object = json_object();
	bool bad = object == NULL;
	int state;

	for (state = JOB_PENDING; !job_finished((enum job_state)state);
	    state++)
		api_set(object, job_state_name((enum job_state)state),
		    api_number_json(count->jobs[state]), &bad);
	api_set(object, "total", api_number_json(count->total), &bad);
	api_set(object, "bytes", api_number_json(count->bytes), &bad);
	return api_whole(object, bad);
}

/* why NULL: it takes jobs. */
static void
set_intake(json_t *object, const char *why, bool *bad)
{
	api_set(object, "accepting", json_boolean(why == NULL), bad);
	api_set(object, "why", why == NULL ? json_null() :
	    api_text_json(why), bad);
}

static json_t *
queue_json(const struct api_call *call, const struct store *store,
    const struct conf_queue *queue)
{
	bool spools = queue->delivery == CONF_DELIVERY_SPOOL;
	json_t *object = json_object();
	bool bad = object == NULL;

	api_set(object, "name", api_text_json(queue->name), &bad);
	api_set(object, "delivery", json_string(spools ? "spool" : "stream"),
	    &bad);
	api_set(object, "paused", json_boolean(spools &&
	    dispatch_queue_paused(call->house->dispatch, queue->name)), &bad);
	set_intake(object, dispatch_queue_closed(call->house->dispatch,
	    queue->name), &bad);
	api_set(object, "ports", names_json(&queue->ports), &bad);
	api_set(object, "backup_ports", names_json(&queue->backup_ports),
	    &bad);
	api_set(object, "jobs", counts_json(store_queue_count(store,
	    queue->name)), &bad);
	return api_whole(object, bad);
}

void
api_queues_list(struct api_call *call)
{
	const struct conf *conf = call->house->shared->conf;
	struct store *store = api_store(call);
	json_t *array;
	bool bad;
	size_t i;

	if (store == NULL)
		return;
	array = json_array();
	bad = array == NULL;
	for (i = 0; i < conf->n_queues && !bad; i++)
		bad = json_array_append_new(array, queue_json(call, store,
		    &conf->queues[i])) == -1;
	api_reply(call, listing("queues", array, bad));
}

/* ---- ports -------------------------------------------------------------- */

static const char *
state_name(enum port_state state)
{
	static const char *const names[] = {
		[PORT_IDLE] = "idle", [PORT_STARTING] = "starting",
		[PORT_OPEN] = "open", [PORT_CLOSING] = "closing",
		[PORT_BACKOFF] = "backoff",
	};

	return names[state];
}

static json_t *
supplies_json(const struct port *port)
{
	json_t *array = json_array(), *object;
	const struct port_supply *supplies;
	bool bad = array == NULL, part;
	size_t n, i;

	supplies = port_supplies(port, &n);
	for (i = 0; i < n && !bad; i++) {
		object = json_object();
		part = object == NULL;
		api_set(object, "name", api_text_json(supplies[i].name),
		    &part);
		api_set(object, "percent", supplies[i].percent < 0 ?
		    json_null() : json_integer(supplies[i].percent), &part);
		bad = json_array_append_new(array,
		    api_whole(object, part)) == -1;
	}
	return api_whole(array, bad);
}

static json_t *
port_json(const struct api_call *call, const struct conf_port *conf,
    const struct port *port)
{
	json_t *object = json_object();
	char trouble[PORT_TROUBLE_LEN];
	bool bad = object == NULL;

	api_set(object, "name", api_text_json(port_name(port)), &bad);
	api_set(object, "monitor", api_text_json(conf->monitor), &bad);
	api_set(object, "language_monitor",
	    api_text_json(conf->language_monitor != NULL ?
	    conf->language_monitor : ""), &bad);
	api_set(object, "state", json_string(state_name(port_state(port))),
	    &bad);
	api_set(object, "healthy", json_boolean(port_healthy(port)), &bad);
	api_set(object, "trouble", api_text_json(port_trouble(port,
	    trouble)), &bad);
	api_set(object, "paused", json_boolean(dispatch_port_paused(
	    call->house->dispatch, conf->name)), &bad);
	api_set(object, "waiting", api_number_json(port_waiting(port)),
	    &bad);
	api_set(object, "status", api_text_json(port_status(port)), &bad);
	api_set(object, "supplies", supplies_json(port), &bad);
	return api_whole(object, bad);
}

void
api_ports_list(struct api_call *call)
{
	const struct conf *conf = call->house->shared->conf;
	json_t *array = json_array();
	bool bad = array == NULL;
	size_t i;

	for (i = 0; i < conf->n_ports && !bad; i++)
		bad = json_array_append_new(array, port_json(call,
		    &conf->ports[i], call->house->ports[i])) == -1;
	api_reply(call, listing("ports", array, bad));
}

/* ---- pausing ------------------------------------------------------------ */

static json_t *
paused_json(const struct api_call *call)
{
	json_t *object = json_object();
	bool bad = object == NULL;

	api_set(object, "name", api_text_json(call->name), &bad);
	api_set(object, "paused", json_boolean(call->route->what), &bad);
	return api_whole(object, bad);
}

static void
on_paused(void *arg, int error)
{
	struct api_call *call = arg;

	if (api_gone(call))
		return;
	if (error == 0)
		api_reply(call, paused_json(call));
	else
		api_refuse_error(call, error);
}

void
api_queue_pause(struct api_call *call)
{
	const struct conf *conf = call->house->shared->conf;
	ssize_t i = conf_find_queue(conf, call->name);

	if (i < 0)
		api_refuse(call, 404, "printportctl queues lists them",
		    "there is no queue \"%s\"", call->name);
	else if (conf->queues[i].delivery != CONF_DELIVERY_SPOOL)
		api_refuse(call, 409, "set delivery = spool, or stop the "
		    "clients", "queue %s has delivery = stream: its jobs do "
		    "not wait here", conf->queues[i].name);
	else if (dispatch_pause_queue(call->house->dispatch,
	    conf->queues[i].name, call->route->what, on_paused, call) == -1)
		api_refuse_error(call, -errno);
}

void
api_port_pause(struct api_call *call)
{
	const struct conf *conf = call->house->shared->conf;
	ssize_t i = conf_find_port(conf, call->name);

	if (i < 0)
		api_refuse(call, 404, "printportctl ports lists them",
		    "there is no port \"%s\"", call->name);
	else if (dispatch_pause_port(call->house->dispatch,
	    conf->ports[i].name, call->route->what, on_paused, call) == -1)
		api_refuse_error(call, -errno);
}

/* ---- closing ------------------------------------------------------------ */

static json_t *
intake_json(const struct api_call *call)
{
	json_t *object = json_object();
	bool bad = object == NULL;

	api_set(object, "name", api_text_json(call->name), &bad);
	set_intake(object, dispatch_queue_closed(call->house->dispatch,
	    call->name), &bad);
	return api_whole(object, bad);
}

static void
on_closed(void *arg, int error)
{
	struct api_call *call = arg;

	if (api_gone(call))
		return;
	if (error == 0)
		api_reply(call, intake_json(call));
	else
		api_refuse_error(call, error);
}

/* It goes to clients' terminals.  jansson has seen to its being UTF-8. */
static bool
is_one_line(const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	for (; *s != '\0'; s++)
		if (*s < ' ' || *s == 0x7f || (*s == 0xc2 && s[1] < 0xa0))
			return false;
	return true;
}

/* NULL: the call was refused. */
static const char *
parse_why(struct api_call *call)
{
	json_t *why = json_object_get(call->body, "why");

	if (why == NULL)
		return "";
	if (json_is_string(why) &&
	    json_string_length(why) < DISPATCH_CLOSED_LEN &&
	    is_one_line(json_string_value(why)))
		return json_string_value(why);
	api_refuse(call, 400, NULL, "\"why\" must be a text of %d bytes at "
	    "most, without control characters", DISPATCH_CLOSED_LEN - 1);
	return NULL;
}

void
api_queue_close(struct api_call *call)
{
	const struct conf *conf = call->house->shared->conf;
	ssize_t i = conf_find_queue(conf, call->name);
	const char *why = NULL;

	if (i < 0) {
		api_refuse(call, 404, "printportctl queues lists them",
		    "there is no queue \"%s\"", call->name);
		return;
	}
	if (call->route->what && (why = parse_why(call)) == NULL)
		return;
	if (dispatch_close_queue(call->house->dispatch, conf->queues[i].name,
	    why, on_closed, call) == -1)
		api_refuse_error(call, -errno);
}

/* ---- the daemon --------------------------------------------------------- */

static json_t *
store_json(const struct store *store)
{
	json_t *object = json_object();
	bool bad = object == NULL;

	api_set(object, "health", json_string(store == NULL ? "down" :
	    store_health_name(store_health(store))), &bad);
	api_set(object, "free_bytes", store == NULL ? json_null() :
	    api_number_json(store_free_bytes(store)), &bad);
	return api_whole(object, bad);
}

static json_t *
counters_json(void)
{
	json_t *object = json_object();
	bool bad = object == NULL;

	api_set(object, "accepted", api_number_json(counters.accepted), &bad);
	api_set(object, "refused", api_number_json(counters.refused), &bad);
	api_set(object, "probes", api_number_json(counters.probes), &bad);
	api_set(object, "guarded", api_number_json(counters.guarded), &bad);
	api_set(object, "printed", api_number_json(counters.printed), &bad);
	api_set(object, "failed", api_number_json(counters.failed), &bad);
	api_set(object, "canceled", api_number_json(counters.canceled), &bad);
	api_set(object, "accept_errors",
	    api_number_json(counters.accept_errors), &bad);
	return api_whole(object, bad);
}

static int64_t
uptime_s(const struct api_house *house)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec - house->since_s;
}

/* Also while the store is down: that is when it is asked for. */
void
api_status(struct api_call *call)
{
	const struct api_house *house = call->house;
	const struct conf *conf = house->shared->conf;
	json_t *object = json_object();
	bool bad = object == NULL;

	api_set(object, "version", json_string(PP_VERSION), &bad);
	api_set(object, "started", api_time_json(house->started_ms), &bad);
	api_set(object, "uptime_s", json_integer(uptime_s(house)), &bad);
	api_set(object, "config", api_text_json(conf->path), &bad);
	api_set(object, "store", store_json(spooler_store(house->spooler)),
	    &bad);
	api_set(object, "loaded", json_boolean(dispatch_loaded(
	    house->dispatch)), &bad);
	api_set(object, "running", api_number_json(dispatch_running(
	    house->dispatch)), &bad);
	api_set(object, "queues", api_number_json(conf->n_queues), &bad);
	api_set(object, "ports", api_number_json(conf->n_ports), &bad);
	api_set(object, "counters", counters_json(), &bad);
	api_reply(call, api_whole(object, bad));
}
