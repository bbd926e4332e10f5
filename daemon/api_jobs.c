/*
 * api_jobs.c - commands about jobs, see api.h.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "api.h"
#include "conf/conf.h"
#include "dispatch.h"
#include "shared_conf.h"
#include "spool/store.h"

#define LIST_DEFAULT	100
#define LIST_MAX	1000

/* ---- a list ------------------------------------------------------------- */

static json_t *
job_json(const struct api_call *call, const struct job *job, bool documents)
{
	struct dispatch *dispatch = call->house->dispatch;
	char why[DISPATCH_WHY_LEN];
	struct api_job_now now = {
		.why = dispatch_why(dispatch, job, why),
		.progress = dispatch_progress(dispatch, job->id),
	};

	return api_job_json(job, &now, documents);
}

static int
parse_or(const char *text, uint64_t least, uint64_t most, uint64_t otherwise,
    uint64_t *value)
{
	*value = otherwise;
	return text == NULL ? 0 : api_number(text, least, most, value);
}

static int
parse_limit(const struct api_call *call, uint64_t *limit)
{
	return parse_or(api_query(call, "limit"), 1, LIST_MAX, LIST_DEFAULT,
	    limit);
}

/* "next" is where to go on; it is not there when this is all. */
static json_t *
list_json(const struct api_call *call, const struct job_list *list)
{
	json_t *object = json_object();
	json_t *jobs = json_array();
	bool bad = object == NULL;
	uint64_t limit = 0;
	size_t i;

	(void)parse_limit(call, &limit);

	for (i = 0; i < list->n && !bad; i++)
		bad = json_array_append_new(jobs,
		    job_json(call, list->jobs[i], false)) == -1;
	api_set(object, "jobs", jobs, &bad);
	if (list->n == limit)
		api_set(object, "next",
		    api_number_json(list->jobs[list->n - 1]->id), &bad);
	return api_whole(object, bad);
}

/* Nothing, of a queue that never was: likely misspelt. */
static bool
is_queue_missing(const struct api_call *call, const struct job_list *list)
{
	const char *queue = api_query(call, "queue");

	return queue != NULL && list->n == 0 &&
	    conf_find_queue(call->house->shared->conf, queue) < 0;
}

static void
on_list(void *arg, int error, struct job_list *list)
{
	struct api_call *call = arg;

	if (api_gone(call))
		;
	else if (error != 0)
		api_refuse_error(call, error);
	else if (is_queue_missing(call, list))
		api_refuse(call, 404, "printportctl queues lists them",
		    "there is no queue \"%s\"", api_query(call, "queue"));
	else
		api_reply(call, list_json(call, list));
	job_list_free(list);
}

static int
parse_which(const char *text, enum store_which *which)
{
	static const char *const words[] = {
		[STORE_UNFINISHED] = "unfinished",
		[STORE_FINISHED] = "finished", [STORE_ALL] = "all",
	};
	size_t i;

	*which = STORE_UNFINISHED;
	if (text == NULL)
		return 0;
	for (i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strcmp(words[i], text) == 0) {
			*which = (enum store_which)i;
			return 0;
		}
	return -1;
}

/* What the question says, or -1 and it was refused. */
static int
parse_filter(struct api_call *call, struct store_filter *filter,
    struct job *after)
{
	uint64_t limit;
	ssize_t queue;

	if (parse_which(api_query(call, "which"), &filter->which) == -1) {
		api_refuse(call, 400, NULL,
		    "which must be unfinished, finished or all");
		return -1;
	}
	if (parse_limit(call, &limit) == -1 ||
	    parse_or(api_query(call, "after"), 0, INT64_MAX, 0,
	    &after->id) == -1) {
		api_refuse(call, 400, NULL, "limit must be a number from 1 to "
		    "%d, after the number of a job", LIST_MAX);
		return -1;
	}
	filter->limit = (unsigned int)limit;
	filter->after = after->id != 0 ? after : NULL;
	filter->queue = api_query(call, "queue");
	filter->user = api_query(call, "user");
	if (filter->queue != NULL && (queue = conf_find_queue(
	    call->house->shared->conf, filter->queue)) >= 0)
		filter->queue = call->house->shared->conf->queues[queue].name;
	return 0;
}

void
api_jobs_list(struct api_call *call)
{
	struct store_filter filter = { 0 };
	struct job after = { 0 };
	struct store *store;

	if (parse_filter(call, &filter, &after) == -1)
		return;
	store = api_store(call);
	if (store != NULL && store_list(store, &filter, on_list, call) ==
	    -1)
		api_refuse_error(call, -errno);
}

/* ---- one job ------------------------------------------------------------ */

static void
no_such_job(struct api_call *call)
{
	api_refuse(call, 404, "printportctl jobs -a lists them",
	    "there is no job %s", call->name);
}

static void
on_job(void *arg, int error, struct job *job)
{
	struct api_call *call = arg;

	if (api_gone(call))
		;
	else if (error == -ENOENT)
		no_such_job(call);
	else if (error != 0)
		api_refuse_error(call, error);
	else
		api_reply(call, job_json(call, job, true));
	job_free(job);
}

/* The job that the path names; or it was refused. */
static bool
parse_job(struct api_call *call, uint64_t *id)
{
	if (api_number(call->name, 1, INT64_MAX, id) == 0)
		return true;
	api_refuse(call, 400, NULL, "\"%s\" is no number of a job",
	    call->name);
	return false;
}

static void
show(struct api_call *call, store_get_fn *done)
{
	struct store *store;
	uint64_t id;

	if (!parse_job(call, &id))
		return;
	store = api_store(call);
	if (store != NULL && store_get(store, id, done, call) == -1)
		api_refuse_error(call, -errno);
}

void
api_job_show(struct api_call *call)
{
	show(call, on_job);
}

/* ---- what people do to a job -------------------------------------------- */

static const struct {
	const char *done, *can;
} acts[] = {
	[DISPATCH_HOLD] = { "held", "one that waits or prints" },
	[DISPATCH_RELEASE] = { "released", "one that is held" },
	[DISPATCH_CANCEL] = { "canceled", "one that is not over yet" },
	[DISPATCH_REPRINT] = { "printed again", "one that is over" },
};

/* It was not to be done: say to a person why, from how the job is. */
static void
on_refused(void *arg, int error, struct job *job)
{
	struct api_call *call = arg;
	bool moves = call->route->run == api_job_move;

	if (api_gone(call))
		;
	else if (error == -ENOENT)
		no_such_job(call);
	else if (error != 0)
		api_refuse_error(call, error);
	else
		api_refuse(call, 409, NULL, "job %" PRIu64 " is %s: only %s "
		    "can be %s", job->id, job_state_name(job->state),
		    moves ? "one that is not over yet" :
		    acts[call->route->what].can,
		    moves ? "moved" : acts[call->route->what].done);
	job_free(job);
}

static void
refuse_act(struct api_call *call, int error)
{
	switch (error) {
	case -ENOENT:
		no_such_job(call);
		break;
	case -EINVAL:
		show(call, on_refused);
		break;
	case -EBUSY:
		api_refuse(call, 409, "try again when that is done",
		    "job %s is being changed already", call->name);
		break;
	case -ESTALE:
		api_refuse(call, 410, "keep_data in printportd.ini says how "
		    "long it is kept; let the client send the job again",
		    "the data of job %s is no longer kept", call->name);
		break;
	default:
		api_refuse_error(call, error);
	}
}

/* It is done: answer with the job as it is now. */
static void
on_acted(void *arg, int error)
{
	struct api_call *call = arg;

	if (api_gone(call))
		return;
	if (error == 0)
		show(call, on_job);
	else
		refuse_act(call, error);
}

void
api_job_act(struct api_call *call)
{
	uint64_t id;

	if (parse_job(call, &id) && dispatch_act(call->house->dispatch, id,
	    (enum dispatch_action)call->route->what, call->by, on_acted,
	    call) == -1)
		refuse_act(call, -errno);
}

/* ---- moving ------------------------------------------------------------- */

/* NULL: the call was refused. */
static const struct conf_queue *
find_target(struct api_call *call, const char *name)
{
	const struct conf *conf = call->house->shared->conf;
	ssize_t i = conf_find_queue(conf, name);

	if (i < 0) {
		api_refuse(call, 404, "printportctl queues lists them",
		    "there is no queue \"%s\"", name);
		return NULL;
	}
	if (conf->queues[i].delivery == CONF_DELIVERY_SPOOL)
		return &conf->queues[i];
	api_refuse(call, 409, "move it to a queue with delivery = spool",
	    "queue %s has delivery = stream: it keeps no jobs",
	    conf->queues[i].name);
	return NULL;
}

/* "queue" and "priority", one of which must be there. */
static int
parse_move(struct api_call *call, const char **queue, uint32_t *priority)
{
	json_t *to = json_object_get(call->body, "queue");
	json_t *rank = json_object_get(call->body, "priority");
	json_int_t value = json_integer_value(rank);

	if ((to == NULL && rank == NULL) ||
	    (to != NULL && !json_is_string(to)) || (rank != NULL &&
	    (!json_is_integer(rank) || value < 1 ||
	    value > JOB_PRIORITY_MAX))) {
		api_refuse(call, 400, NULL, "the body must have the name of a "
		    "\"queue\", or a \"priority\" from 1 to %d, or both",
		    JOB_PRIORITY_MAX);
		return -1;
	}
	*queue = json_string_value(to);
	*priority = (uint32_t)value;
	return 0;
}

void
api_job_move(struct api_call *call)
{
	const struct conf_queue *target;
	const char *queue;
	uint32_t priority;
	uint64_t id;

	if (!parse_job(call, &id) ||
	    parse_move(call, &queue, &priority) == -1)
		return;
	if (queue != NULL) {
		target = find_target(call, queue);
		if (target == NULL)
			return;
		queue = target->name;
	}
	if (dispatch_move(call->house->dispatch, id, queue, priority, on_acted,
	    call) == -1)
		refuse_act(call, -errno);
}
