/*
 * dispatch_close.c - queues whose intake is closed: no job begins, what is in
 * prints on.  Of any delivery, for front ends ask before they take a byte.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "dispatch_internal.h"
#include "log.h"
#include "spooler.h"

static struct closed *
find_closed(const struct dispatch *dispatch, const char *name)
{
	size_t i;

	for (i = 0; i < dispatch->n_closed; i++)
		if (strcasecmp(dispatch->closed[i].name, name) == 0)
			return &dispatch->closed[i];
	return NULL;
}

/* An entry without a reason yet, or NULL. */
static struct closed *
add_closed(struct dispatch *dispatch, const char *name)
{
	struct closed *grown = reallocarray(dispatch->closed,
	    dispatch->n_closed + 1, sizeof(*grown));

	if (grown == NULL)
		return NULL;
	dispatch->closed = grown;
	grown += dispatch->n_closed;
	*grown = (struct closed){ .name = strdup(name) };
	if (grown->name == NULL)
		return NULL;
	dispatch->n_closed++;
	return grown;
}

static void
remove_closed(struct dispatch *dispatch, struct closed *closed)
{
	free(closed->name);
	free(closed->why);
	*closed = dispatch->closed[--dispatch->n_closed];
}

void
dispatch_forget_closed(struct dispatch *dispatch)
{
	while (dispatch->n_closed > 0)
		remove_closed(dispatch, dispatch->closed);
	free(dispatch->closed);
	dispatch->closed = NULL;
}

int
dispatch_set_closed(struct dispatch *dispatch, const char *name,
    const char *why)
{
	struct closed *closed = find_closed(dispatch, name);
	char *copy;

	if (why == NULL) {
		if (closed != NULL)
			remove_closed(dispatch, closed);
		return 0;
	}
	copy = strdup(why);
	if (copy != NULL && closed == NULL)
		closed = add_closed(dispatch, name);
	if (copy == NULL || closed == NULL) {
		free(copy);
		return -1;
	}
	free(closed->why);
	closed->why = copy;
	return 0;
}

/* Nobody is let in on a guess. */
const char *
dispatch_queue_closed(const struct dispatch *dispatch, const char *name)
{
	const struct closed *closed = find_closed(dispatch, name);

	if (!dispatch->pauses_known && closed == NULL)
		return "the spool is being read";
	return closed == NULL ? NULL : closed->why;
}

/* Not each time that somebody says what is so already. */
static void
log_closed(const struct dispatch *dispatch, const char *name, const char *why)
{
	const struct closed *closed = find_closed(dispatch, name);

	if (why == NULL && closed != NULL)
		log_put(LOG_LEVEL_INFO, "queue takes jobs again",
		    LOG_TEXT("queue", name));
	else if (why != NULL && (closed == NULL ||
	    strcmp(closed->why, why) != 0))
		log_put(LOG_LEVEL_INFO, "queue takes no jobs",
		    LOG_TEXT("queue", name), LOG_TEXT("reason", why));
}

static void
on_noted(void *arg, int error)
{
	(void)arg;
	(void)error;
}

/* In force at once, then on record. */
int
dispatch_close_queue(struct dispatch *dispatch, const char *name,
    const char *why, dispatch_done_fn *done, void *arg)
{
	const struct conf_queue *queue = dispatch_queue(dispatch, name);
	struct store *store = spooler_store(dispatch->spooler);

	if (queue == NULL || store == NULL) {
		errno = queue == NULL ? ENOENT : ENXIO;
		return -1;
	}
	log_closed(dispatch, queue->name, why);
	if (dispatch_set_closed(dispatch, queue->name, why) == -1)
		return -1;
	return store_note(store, "queue", queue->name, "closed", why,
	    done != NULL ? done : on_noted, arg);
}
