/*
 * dispatch_act.c - what people do to jobs, queues and ports.
 *
 * A job that waits leaves the scheduler, its record is changed, and it comes
 * back as the record says then; one that prints is given a wish, which its run
 * fulfils.  So neither can start, or be changed twice, in between.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dispatch_internal.h"
#include "log.h"
#include "port.h"
#include "shared_conf.h"
#include "spooler.h"

struct act {
	struct dispatch	 *dispatch;
	uint64_t	  job;
	unsigned int	  generation;
	struct past	  before, after;	/* if it fails; if it does not */
	int		  error;	/* of the change */
	dispatch_done_fn *done;
	void		 *arg;
};

/* Out of the scheduler with it, until the store has spoken. */
static struct act *
act_new(struct dispatch *dispatch, uint64_t job, dispatch_done_fn *done,
    void *arg)
{
	struct act *act = calloc(1, sizeof(*act));

	if (act == NULL)
		return NULL;
	act->dispatch = dispatch;
	act->job = job;
	act->generation = dispatch->generation;
	act->before = act->after = dispatch_past(dispatch, job);
	act->done = done;
	act->arg = arg;
	dispatch_overrule(dispatch, job);
	(void)sched_remove(dispatch->sched, job);
	return act;
}

static void
finish(struct act *act)
{
	if (act->done != NULL)
		act->done(act->arg, act->error);
	free(act);
}

static void
on_seen(void *arg, int error, struct job *job)
{
	struct act *act = arg;
	const struct past *past = act->error == 0 ? &act->after :
	    &act->before;

	if (act->generation != act->dispatch->generation)
		;			/* all is read anew */
	else if (error == 0)
		dispatch_put(act->dispatch, job, past);
	else if (error != -ENOENT)
		dispatch_refresh(act->dispatch, act->job, past);
	job_free(job);
	finish(act);
}

/* Whoever is told may count on it that the scheduler knows, too. */
static void
on_changed(void *arg, int error)
{
	struct act *act = arg;
	struct store *store = spooler_store(act->dispatch->spooler);

	act->error = error;
	if (store == NULL || act->generation != act->dispatch->generation)
		finish(act);
	else if (store_get(store, act->job, on_seen, act) == -1)
		on_seen(act, -ENOMEM, NULL);
}

/* The store could not even be asked. */
static int
give_up(struct act *act, int error)
{
	dispatch_refresh(act->dispatch, act->job, &act->before);
	free(act);
	errno = error;
	return -1;
}

/* The store is there, and the job is one of those that it has. */
static int
may_act(const struct dispatch *dispatch, uint64_t job)
{
	const struct run *run = dispatch_find_run(dispatch, job);

	if (spooler_store(dispatch->spooler) == NULL)
		errno = ENXIO;
	else if (dispatch_find_early(dispatch, job) != NULL)
		errno = EBUSY;		/* it still arrives */
	else if (run != NULL && run->no_record)
		errno = ENOENT;
	else
		return 0;
	return -1;
}

/* ---- a job that prints -------------------------------------------------- */

static int
wish(struct run *run, enum run_wish what, const char *by,
    dispatch_done_fn *done, void *arg)
{
	if (run->wish != RUN_WISH_NONE) {
		errno = EBUSY;
		return -1;
	}
	free(run->wish_by);
	run->wish_by = strdup(by);
	if (run->wish_by == NULL)
		return -1;
	run->wish = what;
	run->wish_done = done;
	run->wish_arg = arg;
	dispatch_run_end_early(run);
	return 0;
}

static int
act_on_run(struct run *run, enum dispatch_action action, const char *by,
    dispatch_done_fn *done, void *arg)
{
	switch (action) {
	case DISPATCH_HOLD:
		return wish(run, RUN_WISH_HOLD, by, done, arg);
	case DISPATCH_CANCEL:
		return wish(run, RUN_WISH_CANCEL, by, done, arg);
	case DISPATCH_RELEASE:
	case DISPATCH_REPRINT:
		break;
	}
	errno = EINVAL;
	return -1;
}

/* ---- a job that does not ------------------------------------------------ */

static void
describe(enum dispatch_action action, const char *by, struct job_step *step,
    char why[DISPATCH_WHY_LEN])
{
	*step = (struct job_step){ .now_ms = dispatch_wall_ms(),
	    .state = JOB_PENDING, .why = why };
	why[0] = '\0';
	switch (action) {
	case DISPATCH_HOLD:
		step->state = JOB_PENDING_HELD;
		step->reasons = JOB_HOLD_UNTIL_SPECIFIED;
		snprintf(why, DISPATCH_WHY_LEN, "held by %s", by);
		break;
	case DISPATCH_CANCEL:
		step->state = JOB_CANCELED;
		step->reasons = JOB_CANCELED_BY_OPERATOR;
		snprintf(why, DISPATCH_WHY_LEN, "canceled by %s", by);
		break;
	case DISPATCH_REPRINT:
		step->restart = true;
		break;
	case DISPATCH_RELEASE:
		break;
	}
}

int
dispatch_act(struct dispatch *dispatch, uint64_t job,
    enum dispatch_action action, const char *by, dispatch_done_fn *done,
    void *arg)
{
	struct run *run = dispatch_find_run(dispatch, job);
	char why[DISPATCH_WHY_LEN];
	struct job_step step;
	struct act *act;

	if (may_act(dispatch, job) == -1)
		return -1;
	if (run != NULL)
		return act_on_run(run, action, by, done, arg);
	act = act_new(dispatch, job, done, arg);
	if (act == NULL)
		return -1;
	if (action == DISPATCH_RELEASE || action == DISPATCH_REPRINT)
		act->after = dispatch_fresh(dispatch);
	describe(action, by, &step, why);
	if (store_step(spooler_store(dispatch->spooler), job, &step,
	    on_changed, act) == -1)
		return give_up(act, errno);
	return 0;
}

/* ---- moving ------------------------------------------------------------- */

static int
move_run(struct run *run, const char *queue, uint32_t priority,
    dispatch_done_fn *done, void *arg)
{
	char *copy = NULL;

	if (run->wish != RUN_WISH_NONE) {
		errno = EBUSY;
		return -1;
	}
	if (queue != NULL && (copy = strdup(queue)) == NULL)
		return -1;
	free(run->wish_queue);
	run->wish_queue = copy;
	run->wish_priority = priority;
	return wish(run, RUN_WISH_MOVE, "", done, arg);
}

int
dispatch_move(struct dispatch *dispatch, uint64_t job, const char *queue,
    uint32_t priority, dispatch_done_fn *done, void *arg)
{
	struct run *run = dispatch_find_run(dispatch, job);
	const struct conf_queue *to = NULL;
	struct act *act;

	if (may_act(dispatch, job) == -1)
		return -1;
	if (queue != NULL)
		to = dispatch_queue(dispatch, queue);
	if (queue != NULL && !dispatch_serves(to))
		errno = ENOENT;
	else
		errno = priority > JOB_PRIORITY_MAX ? EINVAL : 0;
	if (errno != 0)
		return -1;		/* before it is taken off a port */
	queue = to == NULL ? NULL : to->name;
	if (run != NULL)
		return move_run(run, queue, priority, done, arg);
	act = act_new(dispatch, job, done, arg);
	if (act == NULL)
		return -1;
	if (queue != NULL)
		act->after.attempts = 0;	/* all its retries */
	if (store_change(spooler_store(dispatch->spooler), job, queue,
	    priority, on_changed, act) == -1)
		return give_up(act, errno);
	return 0;
}

/* ---- pauses ------------------------------------------------------------- */

static struct pause *
find_pause(const struct dispatch *dispatch, const char *queue)
{
	size_t i;

	for (i = 0; i < dispatch->n_pauses; i++)
		if (strcasecmp(dispatch->pauses[i].queue, queue) == 0)
			return &dispatch->pauses[i];
	return NULL;
}

static int
add_pause(struct dispatch *dispatch, const char *queue, bool paused)
{
	struct pause *grown = reallocarray(dispatch->pauses,
	    dispatch->n_pauses + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	dispatch->pauses = grown;
	grown += dispatch->n_pauses;
	*grown = (struct pause){ strdup(queue), paused };
	if (grown->queue == NULL)
		return -1;
	dispatch->n_pauses++;
	return 0;
}

/* Those that say nothing any more. */
static void
tidy_pauses(struct dispatch *dispatch)
{
	size_t i = 0;

	while (i < dispatch->n_pauses) {
		if (dispatch->pauses[i].paused) {
			i++;
			continue;
		}
		free(dispatch->pauses[i].queue);
		dispatch->pauses[i] =
		    dispatch->pauses[--dispatch->n_pauses];
	}
}

/*
 * Until it is known what was paused, a word that it goes on is kept, too: the
 * answer of the store may be older than that.
 */
static int
set_paused(struct dispatch *dispatch, const char *queue, bool paused)
{
	struct pause *pause = find_pause(dispatch, queue);

	if (pause != NULL)
		pause->paused = paused;
	else if ((paused || !dispatch->pauses_known) &&
	    add_pause(dispatch, queue, paused) == -1)
		return -1;
	if (dispatch->pauses_known)
		tidy_pauses(dispatch);
	return 0;
}

bool
dispatch_queue_paused(const struct dispatch *dispatch, const char *name)
{
	const struct pause *pause = find_pause(dispatch, name);

	return pause != NULL && pause->paused;
}

bool
dispatch_port_paused(const struct dispatch *dispatch, const char *name)
{
	const struct place *place = dispatch_find_place(dispatch, name);

	return place != NULL && place->paused;
}

static void
log_pause(const char *kind, const char *name, bool paused)
{
	log_put(LOG_LEVEL_INFO, paused ? "paused" : "resumed",
	    LOG_TEXT(kind, name));
}

static void
on_noted(void *arg, int error)
{
	(void)arg;
	(void)error;
}

/* In force at once, then on record. */
static int
record_pause(struct dispatch *dispatch, const char *kind, const char *name,
    bool paused, dispatch_done_fn *done, void *arg)
{
	log_pause(kind, name, paused);
	dispatch_step(dispatch);
	return store_note(spooler_store(dispatch->spooler), kind, name,
	    "paused", paused ? "yes" : NULL, done != NULL ? done : on_noted,
	    arg);
}

int
dispatch_pause_queue(struct dispatch *dispatch, const char *name, bool paused,
    dispatch_done_fn *done, void *arg)
{
	const struct conf_queue *queue = dispatch_queue(dispatch, name);

	if (!dispatch_serves(queue)) {
		errno = ENOENT;
		return -1;
	}
	if (may_act(dispatch, 0) == -1 ||
	    set_paused(dispatch, queue->name, paused) == -1)
		return -1;
	dispatch_tell_queue(dispatch, queue);
	return record_pause(dispatch, "queue", queue->name, paused, done, arg);
}

int
dispatch_pause_port(struct dispatch *dispatch, const char *name, bool paused,
    dispatch_done_fn *done, void *arg)
{
	struct place *place = dispatch_find_place(dispatch, name);

	if (place == NULL || place->port == NULL) {
		errno = ENOENT;
		return -1;
	}
	if (may_act(dispatch, 0) == -1)
		return -1;
	place->paused = paused;
	place->pause_said = true;
	dispatch_tell_port(dispatch, place);
	return record_pause(dispatch, "port", place->name, paused, done, arg);
}

/* What a person has said meanwhile is newer. */
static int
take_note(struct dispatch *dispatch, const struct store_note *note)
{
	struct place *place;

	if (strcmp(note->kind, "queue") == 0 &&
	    strcmp(note->key, "closed") == 0)
		return dispatch_note_closed(dispatch, note->name, note->value);
	if (strcmp(note->key, "paused") != 0 || strcmp(note->value, "yes") != 0)
		return 0;
	if (strcmp(note->kind, "queue") == 0)
		return find_pause(dispatch, note->name) != NULL ? 0 :
		    add_pause(dispatch, note->name, true);
	if (strcmp(note->kind, "port") != 0)
		return 0;
	place = dispatch_make_place(dispatch, note->name);
	if (place == NULL)
		return -1;
	if (!place->pause_said)
		place->paused = true;
	return 0;
}

static void
on_notes(void *arg, int error, struct store_note_list *list)
{
	struct dispatch *dispatch = arg;
	struct place *place;
	size_t i;

	dispatch->pauses_asked = false;
	if (dispatch->stopping) {
		store_note_list_free(list);
		return;			/* the ports may be gone already */
	}
	for (i = 0; error == 0 && i < list->n; i++)
		if (take_note(dispatch, &list->notes[i]) == -1)
			error = -ENOMEM;
	store_note_list_free(list);
	if (error != 0) {
		dispatch_trouble(&dispatch->reading_pauses,
		    &dispatch->pauses_unread, "what is paused or closed "
		    "cannot be read, it is tried again", 0, error);
		dispatch_start_tick(dispatch);
		return;
	}
	dispatch_trouble_over(&dispatch->reading_pauses,
	    &dispatch->pauses_unread, "what is paused or closed is known "
	    "now");
	dispatch->pauses_known = true;
	tidy_pauses(dispatch);
	dispatch_tidy_closed(dispatch);
	dispatch_tell_queues(dispatch);
	RB_FOREACH(place, place_tree, &dispatch->places)
		dispatch_tell_port(dispatch, place);
	if (dispatch->shared != NULL)
		dispatch_load(dispatch);
}

/*
 * Once: what people do later is known, whatever becomes of the store.  Nothing
 * starts before it is there, or some of what is paused would be printed.
 */
void
dispatch_load_pauses(struct dispatch *dispatch)
{
	struct store *store = spooler_store(dispatch->spooler);

	if (dispatch->pauses_asked)
		return;
	dispatch->pauses_asked = store != NULL &&
	    store_notes(store, on_notes, dispatch) == 0;
	if (!dispatch->pauses_asked)
		dispatch_start_tick(dispatch);
}

void
dispatch_recall(struct dispatch *dispatch)
{
	while (dispatch->pauses_asked)
		spooler_wait(dispatch->spooler);
}
