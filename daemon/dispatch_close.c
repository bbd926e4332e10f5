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
find_closed(const struct dispatch *dispatch, const char *queue)
{
	size_t i;

	for (i = 0; i < dispatch->n_closed; i++)
		if (strcasecmp(dispatch->closed[i].queue, queue) == 0)
			return &dispatch->closed[i];
	return NULL;
}

/* why is taken over, also if there is no memory. */
static int
add_closed(struct dispatch *dispatch, const char *queue, char *why)
{
	struct closed *grown = reallocarray(dispatch->closed,
	    dispatch->n_closed + 1, sizeof(*grown));

	if (grown != NULL) {
		dispatch->closed = grown;
		grown += dispatch->n_closed;
		*grown = (struct closed){ strdup(queue), why };
	}
	if (grown == NULL || grown->queue == NULL) {
		free(why);
		return -1;
	}
	dispatch->n_closed++;
	return 0;
}

static void
remove_closed(struct dispatch *dispatch, struct closed *closed)
{
	free(closed->queue);
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

void
dispatch_tidy_closed(struct dispatch *dispatch)
{
	size_t i = 0;

	while (i < dispatch->n_closed)
		if (dispatch->closed[i].why != NULL)
			i++;
		else
			remove_closed(dispatch, &dispatch->closed[i]);
}

int
dispatch_note_closed(struct dispatch *dispatch, const char *queue,
    const char *why)
{
	char *copy;

	if (find_closed(dispatch, queue) != NULL)
		return 0;
	copy = strdup(why);
	return copy == NULL ? -1 : add_closed(dispatch, queue, copy);
}

/*
 * Until the records are known, a word that it is open is kept, too: what they
 * say may be older than that.
 */
static int
set_closed(struct dispatch *dispatch, const char *queue, const char *why)
{
	struct closed *closed = find_closed(dispatch, queue);
	char *copy = NULL;

	if (why != NULL && (copy = strdup(why)) == NULL)
		return -1;
	if (closed == NULL)
		return add_closed(dispatch, queue, copy);
	free(closed->why);
	closed->why = copy;
	return 0;
}

/* Nobody is let in on a guess. */
const char *
dispatch_queue_closed(const struct dispatch *dispatch, const char *name)
{
	const struct closed *closed = find_closed(dispatch, name);

	if (closed == NULL && !dispatch->pauses_known)
		return "the spool is being read";
	return closed == NULL ? NULL : closed->why;
}

/* Not each time that somebody says what is so already. */
static void
log_closed(const struct dispatch *dispatch, const char *queue,
    const char *why)
{
	const char *before = dispatch_queue_closed(dispatch, queue);

	if (why == NULL && before != NULL)
		log_put(LOG_LEVEL_INFO, "queue takes jobs again",
		    LOG_TEXT("queue", queue));
	else if (why != NULL && (before == NULL || strcmp(before, why) != 0))
		log_put(LOG_LEVEL_INFO, "queue takes no jobs",
		    LOG_TEXT("queue", queue), LOG_TEXT("reason", why));
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
	if (set_closed(dispatch, queue->name, why) == -1)
		return -1;
	if (dispatch->pauses_known)
		dispatch_tidy_closed(dispatch);
	return store_note(store, "queue", queue->name, "closed", why,
	    done != NULL ? done : on_noted, arg);
}
