/*
 * dispatch.c - see dispatch.h, which has the picture.
 *
 * step() asks the scheduler what is due, once per turn of the loop at most;
 * the timer brings the next turn.  While the store is down nothing is
 * scheduled; when it is back everything is read anew, but for jobs that are
 * in a port, whose runs go on.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include <event2/event.h>

#include "dispatch_internal.h"
#include "log.h"
#include "notify.h"
#include "port.h"
#include "shared_conf.h"
#include "spooler.h"

static int
run_compare(const struct run *a, const struct run *b)
{
	return (a->id > b->id) - (a->id < b->id);
}

static int
early_compare(const struct dispatch_early *a, const struct dispatch_early *b)
{
	return (a->job->id > b->job->id) - (a->job->id < b->job->id);
}

static int
place_compare(const struct place *a, const struct place *b)
{
	return strcasecmp(a->name, b->name);
}

RB_GENERATE(run_tree, run, link, run_compare)
RB_GENERATE(early_tree, dispatch_early, link, early_compare)
RB_GENERATE(place_tree, place, link, place_compare)

/* ---- time --------------------------------------------------------------- */

static int64_t
clock_ms(clockid_t id)
{
	struct timespec now;

	clock_gettime(id, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t
dispatch_wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

int64_t
dispatch_now_ms(const struct dispatch *dispatch)
{
	return clock_ms(CLOCK_MONOTONIC) + dispatch->offset_ms;
}

/* ---- what is due -------------------------------------------------------- */

void
dispatch_step(struct dispatch *dispatch)
{
	event_active(&dispatch->step, EV_TIMEOUT, 0);
}

static void
set_timer(struct event *event, int64_t ms)
{
	struct timeval tv;

	ms = ms < 0 ? 0 : ms;
	tv = (struct timeval){ .tv_sec = ms / 1000,
	    .tv_usec = (ms % 1000) * 1000 };
	(void)event_add(event, &tv);
}

static void
tell_idle(struct dispatch *dispatch)
{
	dispatch_idle_fn *idle = dispatch->idle;

	dispatch->idle = NULL;
	if (idle != NULL)
		idle(dispatch->idle_arg);
}

static void
on_step(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch *dispatch = arg;
	int64_t next;

	(void)fd;
	(void)what;
	dispatch_run_line(dispatch);
	if (dispatch->stopping && dispatch->n_runs == 0)
		tell_idle(dispatch);
	if (!dispatch->loaded || dispatch->stopping ||
	    spooler_store(dispatch->spooler) == NULL)
		return;
	sched_run(dispatch->sched, dispatch_now_ms(dispatch));
	next = sched_next_ms(dispatch->sched);
	if (next == INT64_MIN)
		set_timer(&dispatch->timer, 0);
	else if (next != INT64_MAX)
		set_timer(&dispatch->timer, next - dispatch_now_ms(dispatch));
	else
		event_del(&dispatch->timer);
}

void
dispatch_start_tick(struct dispatch *dispatch)
{
	if (!event_pending(&dispatch->tick, EV_TIMEOUT, NULL))
		set_timer(&dispatch->tick, 1000);
}

static void
on_tick(evutil_socket_t fd, short what, void *arg)
{
	struct dispatch *dispatch = arg;
	struct place *place;

	(void)fd;
	(void)what;
	if (spooler_store(dispatch->spooler) == NULL)
		return;			/* `up` goes on from here */
	RB_FOREACH(place, place_tree, &dispatch->places) {
		place->resting = false;
		dispatch_tell_port(dispatch, place);
	}
	if (dispatch->queues_untold)
		dispatch_tell_queues(dispatch);
	dispatch_run_retry(dispatch);
	dispatch_decide_again(dispatch);
	dispatch_refresh_later(dispatch);
	dispatch_load(dispatch);
	dispatch_step(dispatch);
}

/* ---- ports and queues --------------------------------------------------- */

struct run *
dispatch_find_run(const struct dispatch *dispatch, uint64_t job)
{
	struct run key = { .id = job };

	return RB_FIND(run_tree, (struct run_tree *)(uintptr_t)
	    &dispatch->runs, &key);
}

struct place *
dispatch_find_place(const struct dispatch *dispatch, const char *name)
{
	struct place key = { .name = (char *)(uintptr_t)name };

	return RB_FIND(place_tree, (struct place_tree *)(uintptr_t)
	    &dispatch->places, &key);
}

struct place *
dispatch_make_place(struct dispatch *dispatch, const char *name)
{
	struct place *place = dispatch_find_place(dispatch, name);

	if (place != NULL)
		return place;
	place = calloc(1, sizeof(*place));
	if (place == NULL)
		return NULL;
	place->name = strdup(name);
	if (place->name == NULL) {
		free(place);
		return NULL;
	}
	TAILQ_INIT(&place->runs);
	RB_INSERT(place_tree, &dispatch->places, place);
	return place;
}

const struct conf_queue *
dispatch_queue(const struct dispatch *dispatch, const char *name)
{
	ssize_t i;

	if (dispatch->shared == NULL)
		return NULL;
	i = conf_find_queue(dispatch->shared->conf, name);
	return i < 0 ? NULL : &dispatch->shared->conf->queues[i];
}

/* When we stop, or the store is down, ports may be gone and nothing starts. */
void
dispatch_tell_port(struct dispatch *dispatch, struct place *place)
{
	unsigned int room;

	if (dispatch->stopping || spooler_store(dispatch->spooler) == NULL)
		return;
	if (place->port == NULL) {
		sched_remove_port(dispatch->sched, place->name);
		return;
	}
	room = place->paused || place->resting || place->keepers > 0 ? 0 :
	    port_room(place->port);
	room = room > place->on_the_way ? room - place->on_the_way : 0;
	if (sched_set_port(dispatch->sched, place->name, room,
	    !port_healthy(place->port) ? SCHED_DOWN :
	    port_on_trial(place->port) ? SCHED_TRIAL : SCHED_HEALTHY) == -1)
		dispatch_start_tick(dispatch);	/* which tells it again */
}

static void
on_port_changed(void *arg, struct port *port)
{
	struct dispatch *dispatch = arg;
	struct place *place = dispatch_find_place(dispatch, port_name(port));

	if (place == NULL || place->port != port)
		return;
	dispatch_tell_port(dispatch, place);
	dispatch_run_port_changed(dispatch, place);
	dispatch_step(dispatch);
}

/* Lists of the scheduler: ports first, then backups. */
static int
set_queue(struct dispatch *dispatch, const struct conf_queue *queue)
{
	size_t n = queue->ports.n, m = queue->backup_ports.n;
	const char **ports = calloc(n + m + 1, sizeof(*ports));
	struct sched_queue is = {
		.name = queue->name,
		.order = queue->order == CONF_ORDER_FAST ? SCHED_FAST :
		    SCHED_STRICT,
		.paused = dispatch_queue_paused(dispatch, queue->name),
		.expire_ms = queue->expire_ms,
		.expire = queue->on_expire == CONF_ON_EXPIRE_DROP ?
		    SCHED_EXPIRE_DROP : queue->on_expire ==
		    CONF_ON_EXPIRE_DIVERT ? SCHED_EXPIRE_DIVERT :
		    SCHED_EXPIRE_HOLD,
		.divert = queue->divert_to,
		.retries = (uint32_t)queue->retries,
		.retry_after_ms = queue->retry_after_ms,
		.failover_after_ms = queue->failover_after_ms,
		.ports = ports, .n_ports = n, .n_backups = m,
	};
	int rc;
	size_t i;

	if (ports == NULL)
		return -1;
	for (i = 0; i < n; i++)
		ports[i] = queue->ports.v[i];
	for (i = 0; i < m; i++)
		ports[n + i] = queue->backup_ports.v[i];
	rc = sched_set_queue(dispatch->sched, &is);
	free(ports);
	return rc;
}

void
dispatch_tell_queue(struct dispatch *dispatch, const struct conf_queue *queue)
{
	if (set_queue(dispatch, queue) == 0)
		return;
	dispatch->queues_untold = true;
	dispatch_start_tick(dispatch);
}

bool
dispatch_serves(const struct conf_queue *queue)
{
	return queue != NULL && queue->delivery == CONF_DELIVERY_SPOOL;
}

void
dispatch_tell_queues(struct dispatch *dispatch)
{
	const struct conf *conf;
	size_t i;

	if (dispatch->shared == NULL)
		return;
	dispatch->queues_untold = false;
	conf = dispatch->shared->conf;
	for (i = 0; i < conf->n_queues; i++)
		if (dispatch_serves(&conf->queues[i]))
			dispatch_tell_queue(dispatch, &conf->queues[i]);
}

/* ---- a new configuration ------------------------------------------------ */

/* The scheduler minds how a name is written; the configuration does not. */
static int
spell(struct dispatch *dispatch, struct place *place, const char *name)
{
	char *copy;

	if (strcmp(place->name, name) == 0)
		return 0;
	copy = strdup(name);
	if (copy == NULL)
		return -1;
	sched_remove_port(dispatch->sched, place->name);
	free(place->name);
	place->name = copy;
	return 0;
}

/* A port for which there is no memory gets no jobs. */
static int
set_port(struct dispatch *dispatch, const char *name, struct port *port)
{
	struct place *place = dispatch_make_place(dispatch, name);

	if (place == NULL || spell(dispatch, place, name) == -1)
		return -1;
	place->port = port;
	dispatch_tell_port(dispatch, place);
	port_watch(port, on_port_changed, dispatch);
	return 0;
}

static int
set_ports(struct dispatch *dispatch, const struct conf *conf,
    struct port *const *ports)
{
	int rc = 0;
	size_t i;

	for (i = 0; i < conf->n_ports; i++)
		if (set_port(dispatch, conf->ports[i].name, ports[i]) == -1)
			rc = -1;
	return rc;
}

/* NULL unless its jobs are ours, under exactly this name. */
static const struct conf_queue *
find_same(const struct conf *conf, const char *name)
{
	ssize_t i = conf_find_queue(conf, name);

	return i >= 0 && dispatch_serves(&conf->queues[i]) &&
	    strcmp(conf->queues[i].name, name) == 0 ? &conf->queues[i] : NULL;
}

static void
forget_queues(struct dispatch *dispatch, const struct conf *old,
    const struct conf *conf)
{
	size_t i;

	for (i = 0; i < old->n_queues; i++) {
		if (find_same(conf, old->queues[i].name) != NULL)
			continue;
		sched_remove_queue(dispatch->sched, old->queues[i].name);
		/* Jobs that are its own still, only written otherwise. */
		if (conf_find_queue(conf, old->queues[i].name) >= 0)
			dispatch_load_again(dispatch);
	}
}

/* These ports may be freed soon. */
static void
forget_ports(struct dispatch *dispatch, const struct conf *conf)
{
	struct place *place;

	RB_FOREACH(place, place_tree, &dispatch->places) {
		if (place->port == NULL ||
		    conf_find_port(conf, place->name) >= 0)
			continue;
		port_watch(place->port, NULL, NULL);
		place->port = NULL;
		dispatch_trouble_over(&dispatch->starting, &place->in_want,
		    "no job is kept from its start any more");
		dispatch_tell_port(dispatch, place);
	}
}

static void
release_returned(struct dispatch *dispatch, const struct conf *old,
    const struct conf *conf)
{
	size_t i;

	for (i = 0; i < conf->n_queues; i++)
		if (dispatch_serves(&conf->queues[i]) &&
		    find_same(old, conf->queues[i].name) == NULL)
			dispatch_release_orphans(dispatch,
			    conf->queues[i].name);
}

int
dispatch_configure(struct dispatch *dispatch, struct shared_conf *shared,
    struct port *const *ports)
{
	struct shared_conf *old = dispatch->shared;
	int rc;

	dispatch->shared = shared_conf_use(shared);
	dispatch_tell_queues(dispatch);
	rc = set_ports(dispatch, shared->conf, ports);
	forget_ports(dispatch, shared->conf);
	if (old != NULL) {
		forget_queues(dispatch, old->conf, shared->conf);
		release_returned(dispatch, old->conf, shared->conf);
	}
	shared_conf_release(old);
	dispatch_load(dispatch);
	dispatch_step(dispatch);
	return rc;
}

/* ---- the store goes and comes ------------------------------------------- */

static void
on_down(void *arg)
{
	struct dispatch *dispatch = arg;

	dispatch->generation++;
	dispatch->loading = dispatch->loaded = dispatch->load_again = false;
	dispatch_forget_questions(dispatch);
	dispatch_forget_decisions(dispatch);
}

/*
 * Whatever the scheduler knew, the store knows better now.  For want of memory
 * the old one will do: what it knows too much comes back with -EINVAL.
 */
static void
on_up(void *arg)
{
	struct dispatch *dispatch = arg;
	struct sched *fresh = sched_new(&dispatch_sched_ops, dispatch);
	struct place *place;

	if (fresh != NULL) {
		sched_free(dispatch->sched);
		dispatch->sched = fresh;
	}
	dispatch_tell_queues(dispatch);
	RB_FOREACH(place, place_tree, &dispatch->places) {
		place->resting = false;
		dispatch_tell_port(dispatch, place);
	}
	dispatch_load(dispatch);
	dispatch_run_retry(dispatch);
	dispatch_start_tick(dispatch);	/* one that came meanwhile did nothing */
}

static const struct spooler_ops spooler_ops = {
	.down = on_down, .up = on_up,
};

/* ---- life --------------------------------------------------------------- */

struct dispatch *
dispatch_new(struct event_base *base, struct spooler *spooler)
{
	struct dispatch *dispatch = calloc(1, sizeof(*dispatch));

	if (dispatch == NULL)
		return NULL;
	dispatch->base = base;
	dispatch->spooler = spooler;
	dispatch->offset_ms = dispatch_wall_ms() - clock_ms(CLOCK_MONOTONIC);
	RB_INIT(&dispatch->earlies);
	RB_INIT(&dispatch->runs);
	RB_INIT(&dispatch->places);
	TAILQ_INIT(&dispatch->retrying);
	TAILQ_INIT(&dispatch->asked_later);
	TAILQ_INIT(&dispatch->decisions);
	event_assign(&dispatch->step, base, -1, 0, on_step, dispatch);
	event_assign(&dispatch->timer, base, -1, 0, on_step, dispatch);
	event_assign(&dispatch->tick, base, -1, 0, on_tick, dispatch);
	dispatch->notify = notify_new(base);
	dispatch->sched = sched_new(&dispatch_sched_ops, dispatch);
	if (dispatch->notify == NULL || dispatch->sched == NULL) {
		dispatch_free(dispatch);
		return NULL;
	}
	spooler_watch(spooler, &spooler_ops, dispatch);
	dispatch_load_pauses(dispatch);
	return dispatch;
}

void
dispatch_free(struct dispatch *dispatch)
{
	struct place *place;
	struct run *run;

	if (dispatch == NULL)
		return;
	while ((run = RB_MIN(run_tree, &dispatch->runs)) != NULL)
		dispatch_run_free(run);
	while ((place = RB_MIN(place_tree, &dispatch->places)) != NULL) {
		RB_REMOVE(place_tree, &dispatch->places, place);
		free(place->name);
		free(place);
	}
	dispatch_forget_questions(dispatch);
	dispatch_forget_decisions(dispatch);
	while (dispatch->n_pauses > 0)
		free(dispatch->pauses[--dispatch->n_pauses].queue);
	free(dispatch->pauses);
	dispatch_forget_closed(dispatch);
	sched_free(dispatch->sched);
	notify_free(dispatch->notify);
	shared_conf_release(dispatch->shared);
	event_del(&dispatch->step);
	event_del(&dispatch->timer);
	event_del(&dispatch->tick);
	free(dispatch);
}

void
dispatch_stop(struct dispatch *dispatch, dispatch_idle_fn *idle, void *arg)
{
	dispatch->stopping = true;
	dispatch->idle = idle;
	dispatch->idle_arg = arg;
	dispatch_step(dispatch);
}

/* ---- jobs that come in -------------------------------------------------- */

void
dispatch_accept(struct dispatch *dispatch, struct job *job)
{
	struct dispatch_early *early = dispatch_find_early(dispatch, job->id);
	struct past fresh = dispatch_fresh(dispatch);

	if (early != NULL)
		dispatch_early_accept(early, job);
	else
		dispatch_put(dispatch, job, &fresh);
	job_free(job);
}

void
dispatch_accept_repeat(struct dispatch *dispatch, struct job *job,
    uint64_t earlier, bool drop)
{
	dispatch_decide_repeat(dispatch, job->id, earlier, drop);
	job_free(job);
}

/* ---- to look at --------------------------------------------------------- */

static const char *
why_waiting(const struct dispatch *dispatch, const struct conf_queue *queue,
    char why[DISPATCH_WHY_LEN])
{
	const struct conf_list *ports = &queue->ports;
	char trouble[PORT_TROUBLE_LEN];
	const struct place *place;
	size_t i, used = 0;

	why[0] = '\0';
	for (i = 0; i < ports->n && used < DISPATCH_WHY_LEN; i++) {
		place = dispatch_find_place(dispatch, ports->v[i]);
		if (place == NULL || place->port == NULL)
			continue;
		(void)port_trouble(place->port, trouble);
		if (!place->paused && trouble[0] == '\0')
			return memcpy(why, "it waits for its turn",
			    sizeof("it waits for its turn"));
		used += (size_t)snprintf(why + used, DISPATCH_WHY_LEN - used,
		    "%sport %s: %s", used > 0 ? "; " : "", place->name,
		    place->paused ? "paused" : trouble);
	}
	return why;
}

const char *
dispatch_why(const struct dispatch *dispatch, const struct job *job,
    char why[DISPATCH_WHY_LEN])
{
	const struct conf_queue *queue = dispatch_queue(dispatch, job->queue);

	snprintf(why, DISPATCH_WHY_LEN, "%s", job->why);
	if (job->state != JOB_PENDING)
		return why;
	if (dispatch_find_run(dispatch, job->id) != NULL)
		snprintf(why, DISPATCH_WHY_LEN, "it is on its way to a port");
	else if (dispatch_queue_paused(dispatch, job->queue))
		snprintf(why, DISPATCH_WHY_LEN, "queue %s is paused",
		    job->queue);
	else if (!dispatch->loaded)
		snprintf(why, DISPATCH_WHY_LEN, "the spool is being read");
	else if (queue != NULL)
		return why_waiting(dispatch, queue, why);
	return why;
}

uint64_t
dispatch_progress(const struct dispatch *dispatch, uint64_t job)
{
	const struct run *run = dispatch_find_run(dispatch, job);

	return run == NULL || run->port == NULL ? 0 :
	    port_written(run->port, job);
}

size_t
dispatch_running(const struct dispatch *dispatch)
{
	return dispatch->n_runs;
}

bool
dispatch_loaded(const struct dispatch *dispatch)
{
	return dispatch->loaded;
}
