/*
 * lpd_remove.c - take jobs out of the queue (05).
 *
 *	pages of jobs --> those that are meant --> canceled one by one --> text
 *
 * A job is its user's, from the host that it came from: both are what a client
 * says, and where it says it from.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "dispatch.h"
#include "lpd_session.h"
#include "spooler.h"
#include "spool/store.h"

#define PAGE	500
/* Jobs that go at a time; the rest with the next command. */
#define REMOVE_MAX	10000

struct removal {
	struct lpd_asking	 asking;	/* is the first */
	struct lpd_command	*command;	/* owned */
	struct job_list		*list;		/* owned; the page; or NULL */
	uint64_t		*ids;		/* owned; to be removed */
	size_t			 n_ids, at;
	size_t			 n_removed, n_denied;
	char			 by[LPD_NAME_LEN + DOCUMENT_PEER_LEN + 2];
};

static struct removal *
removal_of(const struct lpd_session *session)
{
	return (struct removal *)session->asking;
}

static void
free_removal(struct lpd_session *session)
{
	struct removal *removal = removal_of(session);

	job_list_free(removal->list);
	free(removal->command);
	free(removal->ids);
	free(removal);
	session->asking = NULL;
}

/* ---- whose jobs --------------------------------------------------------- */

static bool
is_root(const char *agent)
{
	/* BSD's name for root that wants all of a queue removed. */
	return strcmp(agent, "root") == 0 || strcmp(agent, "-all") == 0;
}

static bool
may_remove(const struct lpd_session *session, const char *agent,
    const struct job *job)
{
	bool same_host = strcmp(job->host, session->client) == 0;

	if (is_root(agent) &&
	    session->conf->root_removes == CONF_ROOT_REMOVES_ALL)
		return true;
	if (is_root(agent) &&
	    session->conf->root_removes == CONF_ROOT_REMOVES_HOST)
		return same_host;
	return same_host && strcmp(job->user, agent) == 0;
}

/* Without a list it is the agent's job that is being printed. */
static bool
is_wanted(const struct lpd_session *session,
    const struct lpd_command *command, const struct job *job)
{
	if (command->n_items > 0 || strcmp(command->agent, "-all") == 0)
		return lpd_is_meant(session, command, job);
	return (job->state == JOB_PROCESSING ||
	    job->state == JOB_PROCESSING_STOPPED) &&
	    may_remove(session, command->agent, job);
}

/* ---- removing ----------------------------------------------------------- */

static void
end_removal(struct lpd_session *session, const char *trouble)
{
	struct removal *removal = removal_of(session);

	if (session->conf->remove_answer == CONF_REMOVE_ANSWER_OCTET) {
		session->out_len = 0;
		lpd_print(session, "%c", removal->n_removed > 0 ? LPD_ACK :
		    LPD_NAK_REFUSED);
	} else if (trouble != NULL)
		lpd_print(session, "%s: %s\n", session->queue->name, trouble);
	else if (removal->n_removed == 0 && removal->n_denied == 0)
		lpd_print(session, "%s: no such job\n", session->queue->name);
	free_removal(session);
	lpd_tell(session);
}

static void remove_next(struct lpd_session *session);

static void
on_removed(void *arg, int error)
{
	struct lpd_session *session = arg;
	struct removal *removal = removal_of(session);
	uint64_t id = removal->ids[removal->at++];

	if (lpd_is_over(session)) {
		lpd_end(session);
		return;
	}
	if (error == 0) {
		removal->n_removed++;
		lpd_print(session, "%" PRIu64 " dequeued\n", id);
	} else {
		removal->n_denied++;
		lpd_print(session, "%" PRIu64 " is not removed: %s\n", id,
		    error == -EINVAL ? "it is finished" : strerror(-error));
	}
	remove_next(session);
}

static void
remove_next(struct lpd_session *session)
{
	struct dispatch *dispatch = session->lpd->house->dispatch;
	struct removal *removal = removal_of(session);

	if (removal->at == removal->n_ids)
		end_removal(session, NULL);
	else if (dispatch == NULL || dispatch_act(dispatch,
	    removal->ids[removal->at], DISPATCH_CANCEL, removal->by,
	    on_removed, session) == -1)
		end_removal(session, "jobs cannot be removed just now");
}

/* ---- looking ------------------------------------------------------------ */

static int
collect(struct lpd_session *session, struct removal *removal,
    const struct job *job)
{
	uint64_t *ids;

	if (!is_wanted(session, removal->command, job) ||
	    removal->n_ids == REMOVE_MAX)
		return 0;
	if (!may_remove(session, removal->command->agent, job)) {
		removal->n_denied++;
		lpd_print(session, "%" PRIu64 ": permission denied\n",
		    job->id);
		return 0;
	}
	ids = reallocarray(removal->ids, removal->n_ids + 1, sizeof(*ids));
	if (ids == NULL)
		return -1;
	removal->ids = ids;
	ids[removal->n_ids++] = job->id;
	return 0;
}

static void ask_for_page(struct lpd_session *session);

static void
on_page(void *arg, int error, struct job_list *list)
{
	struct lpd_session *session = arg;
	struct removal *removal = removal_of(session);
	size_t i;

	if (lpd_is_over(session)) {
		job_list_free(list);
		lpd_end(session);
		return;
	}
	if (error != 0) {
		end_removal(session, "the spool cannot be read just now");
		return;
	}
	job_list_free(removal->list);
	removal->list = list;
	for (i = 0; i < list->n; i++)
		if (collect(session, removal, list->jobs[i]) == -1)
			break;
	if (i == PAGE)
		ask_for_page(session);
	else
		remove_next(session);
}

static void
ask_for_page(struct lpd_session *session)
{
	struct store *store = spooler_store(session->lpd->house->spooler);
	struct removal *removal = removal_of(session);
	struct store_filter filter = {
		.which = STORE_UNFINISHED, .queue = session->queue->name,
		.limit = PAGE, .in_order = true,
	};

	if (removal->list != NULL)
		filter.after = removal->list->jobs[removal->list->n - 1];
	if (store == NULL ||
	    store_list(store, &filter, on_page, session) == -1)
		end_removal(session, "the spool cannot be read just now");
}

/* What is told is told at the end, in one piece. */
static void
more(struct lpd_session *session)
{
	free_removal(session);
	lpd_part(session);
}

void
lpd_remove(struct lpd_session *session, struct lpd_command *command)
{
	struct removal *removal = calloc(1, sizeof(*removal));

	if (removal == NULL) {
		free(command);
		lpd_refuse_verdict(session, LPD_NO_MEMORY);
		return;
	}
	removal->asking = (struct lpd_asking){ .more = more,
	    .free = free_removal };
	removal->command = command;
	snprintf(removal->by, sizeof(removal->by), "%.*s@%s", LPD_NAME_LEN,
	    command->agent, session->client);
	session->asking = &removal->asking;
	lpd_enter(session, LPD_ASKING);
	ask_for_page(session);
}
