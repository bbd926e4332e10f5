/*
 * lpd_status.c - what is in the queue (03 short, 04 long), in the columns of
 * BSD, which programs read.
 *
 *	page of jobs --> text --> client has it --> next page ...
 *
 * The long form asks for the documents of each job besides.  No more than a
 * page is in memory, however long the queue is.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "dispatch.h"
#include "lpd_session.h"
#include "spooler.h"
#include "spool/store.h"

/* Jobs that are read and told at a time. */
#define PAGE	500
/* Text that is told before a page is full. */
#define ENOUGH	((size_t)32 << 10)

#define SHORT_FORM "%-7s %-15.15s %-7s %-31.31s %s\n"

struct status {
	struct lpd_asking	 asking;	/* is the first */
	struct lpd_command	*command;	/* owned */
	struct job_list		*list;		/* owned; the page; or NULL */
	size_t			 at;		/* in it, of the next */
	unsigned int		 rank;		/* of the last that waits */
	bool			 headed;
	bool			 complete;	/* there is no other page */
};

static void look(struct lpd_session *session);

/* ---- jobs that are meant ------------------------------------------------ */

/* The number that the client gave its job; false: it gave none. */
static bool
claimed_number(const struct job *job, uint64_t *number)
{
	char text[LPD_NAME_LEN + 1];
	struct lpd_name name;

	snprintf(text, sizeof(text), "%.*s", (int)strcspn(job->extra, "\n"),
	    job->extra);
	lpd_name_parse(text, &name);
	*number = name.number;
	return name.formed && name.is_control;
}

/* By our number; or by the client's own, from where it is its own. */
static bool
is_number_of(const struct lpd_session *session, uint64_t number,
    const struct job *job)
{
	uint64_t claimed;

	return job->id == number ||
	    (strcmp(job->host, session->client) == 0 &&
	    claimed_number(job, &claimed) && claimed == number);
}

bool
lpd_is_meant(const struct lpd_session *session,
    const struct lpd_command *command, const struct job *job)
{
	size_t i;

	for (i = 0; i < command->n_items; i++) {
		const struct lpd_item *item = &command->items[i];

		if (item->is_number ? is_number_of(session, item->number,
		    job) : strcmp(item->text, job->user) == 0)
			return true;
	}
	return command->n_items == 0;
}

/* ---- words -------------------------------------------------------------- */

/* As one column: no control characters, and no blanks if a program is to find
 * the next one. */
static const char *
clean(const char *text, const char *instead, bool blanks, char *buf,
    size_t size)
{
	size_t i;

	if (*text == '\0')
		text = instead;
	for (i = 0; text[i] != '\0' && i < size - 1; i++) {
		unsigned char c = (unsigned char)text[i];

		buf[i] = c < ' ' || c == 0x7f ? '?' :
		    c == ' ' && !blanks ? '_' : text[i];
	}
	buf[i] = '\0';
	return buf;
}

static const char *
suffix(unsigned int n)
{
	if (n % 100 >= 11 && n % 100 <= 13)
		return "th";
	return n % 10 == 1 ? "st" : n % 10 == 2 ? "nd" : n % 10 == 3 ? "rd" :
	    "th";
}

static bool
is_active(const struct job *job)
{
	return job->state == JOB_PROCESSING ||
	    job->state == JOB_PROCESSING_STOPPED;
}

/* Every job has one, whether it is shown or not. */
static const char *
rank_of(struct status *status, const struct job *job, char buf[16])
{
	if (is_active(job))
		return "active";
	if (job->state == JOB_PENDING_HELD)
		return "hold";
	status->rank++;
	snprintf(buf, 16, "%u%s", status->rank, suffix(status->rank));
	return buf;
}

/* ---- lines -------------------------------------------------------------- */

static bool
any_active(const struct job_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		if (is_active(list->jobs[i]))
			return true;
	return false;
}

static void
print_head(struct lpd_session *session, struct status *status)
{
	const struct dispatch *dispatch = session->lpd->house->dispatch;
	const char *queue = session->queue->name;
	const char *closed = dispatch == NULL ? NULL :
	    dispatch_queue_closed(dispatch, queue);

	if (dispatch != NULL && dispatch_queue_paused(dispatch, queue))
		lpd_print(session, "%s is not ready: it is paused\n", queue);
	else
		lpd_print(session, "%s is ready%s\n", queue,
		    any_active(status->list) ? " and printing" : "");
	if (closed != NULL)
		lpd_print(session, "%s takes no jobs%s%s\n", queue,
		    *closed != '\0' ? ": " : "", closed);
	status->headed = true;
	if (status->list->n == 0)
		lpd_print(session, "no entries\n");
	else if (status->command->verb == LPD_STATUS)
		lpd_print(session, SHORT_FORM, "Rank", "Owner", "Job",
		    "File(s)", "Total Size");
}

static void
print_short(struct lpd_session *session, const struct job *job,
    const char *rank)
{
	char owner[64], file[128], number[24], size[32];

	snprintf(number, sizeof(number), "%" PRIu64, job->id);
	snprintf(size, sizeof(size), "%" PRIu64 " bytes", job->bytes);
	lpd_print(session, SHORT_FORM, rank,
	    clean(job->user, "anonymous", false, owner, sizeof(owner)), number,
	    clean(job->title, "standard input", true, file, sizeof(file)),
	    size);
}

/* Where the client says that it is, or else where it is. */
static const char *
host_of(const struct job *job, char buf[LPD_NAME_LEN + 1])
{
	const char *line = strstr(job->extra, "\nH");

	if (line == NULL)
		return job->host;
	snprintf(buf, LPD_NAME_LEN + 1, "%.*s", (int)strcspn(line + 2, "\n"),
	    line + 2);
	return buf;
}

static void
print_document(struct lpd_session *session, const struct job_document *doc)
{
	char name[128], line[160];

	clean(doc->name, "standard input", true, name, sizeof(name));
	if (doc->copies > 1)
		snprintf(line, sizeof(line), "%u copies of %s", doc->copies,
		    name);
	else
		snprintf(line, sizeof(line), "%s", name);
	lpd_print(session, "        %-40s%" PRIu64 " bytes\n", line,
	    doc->size);
}

static void
print_long(struct lpd_session *session, const struct job *job,
    const char *rank)
{
	const struct dispatch *dispatch = session->lpd->house->dispatch;
	char owner[64], title[160], host[LPD_NAME_LEN + 1], text[256];
	char why[DISPATCH_WHY_LEN];
	size_t i;

	clean(job->user, "anonymous", false, owner, sizeof(owner));
	clean(host_of(job, host), "", false, title, sizeof(title));
	snprintf(text, sizeof(text), "%s: %s", owner, rank);
	lpd_print(session, "\n%-40s[job %" PRIu64 " %s]\n", text, job->id,
	    title);
	for (i = 0; i < job->n_documents; i++)
		print_document(session, &job->documents[i]);
	if (dispatch != NULL && *dispatch_why(dispatch, job, why) != '\0')
		lpd_print(session, "        %s\n", clean(why, "", true, text,
		    sizeof(text)));
}

/* ---- page by page ------------------------------------------------------- */

static struct status *
status_of(const struct lpd_session *session)
{
	return (struct status *)session->asking;
}

static void
free_status(struct lpd_session *session)
{
	struct status *status = status_of(session);

	job_list_free(status->list);
	free(status->command);
	free(status);
	session->asking = NULL;
}

static void
end_status(struct lpd_session *session, const char *text)
{
	if (text != NULL)
		lpd_print(session, "%s: %s\n", session->queue->name, text);
	free_status(session);
	lpd_tell(session);
}

/* The rank was given out when it was its turn. */
static void
on_job(void *arg, int error, struct job *job)
{
	struct lpd_session *session = arg;
	struct status *status = status_of(session);
	char buf[16];

	if (lpd_is_over(session)) {
		job_free(job);
		lpd_end(session);
		return;
	}
	if (error == 0)
		print_long(session, job, rank_of(status, job, buf));
	job_free(job);
	look(session);
}

/* 0: another job, or what there is, is told; -1: its documents are awaited. */
static int
show(struct lpd_session *session, struct status *status,
    const struct job *job)
{
	struct store *store = spooler_store(session->lpd->house->spooler);
	char buf[16];

	if (!lpd_is_meant(session, status->command, job)) {
		(void)rank_of(status, job, buf);
		return 0;
	}
	if (status->command->verb == LPD_STATUS_LONG && store != NULL &&
	    store_get(store, job->id, on_job, session) == 0)
		return -1;
	print_short(session, job, rank_of(status, job, buf));
	return 0;
}

static void
on_page(void *arg, int error, struct job_list *list)
{
	struct lpd_session *session = arg;
	struct status *status = status_of(session);

	if (lpd_is_over(session)) {
		job_list_free(list);
		lpd_end(session);
		return;
	}
	if (error != 0) {
		end_status(session, "the spool cannot be read just now");
		return;
	}
	job_list_free(status->list);
	status->list = list;
	status->at = 0;
	status->complete = list->n < PAGE;
	if (!status->headed)
		print_head(session, status);
	look(session);
}

static void
ask_for_page(struct lpd_session *session)
{
	struct store *store = spooler_store(session->lpd->house->spooler);
	struct status *status = status_of(session);
	struct store_filter filter = {
		.which = STORE_UNFINISHED, .queue = session->queue->name,
		.limit = PAGE, .in_order = true,
	};

	if (status->list != NULL)
		filter.after = status->list->jobs[status->list->n - 1];
	if (store == NULL ||
	    store_list(store, &filter, on_page, session) == -1)
		end_status(session, "the spool cannot be read just now");
	else if (session->state != LPD_ASKING)
		lpd_enter(session, LPD_ASKING);
}

/* Go on with the page; with the next; or with what has been said. */
static void
look(struct lpd_session *session)
{
	struct status *status = status_of(session);

	while (status->at < status->list->n && session->out_len < ENOUGH)
		if (show(session, status,
		    status->list->jobs[status->at++]) == -1)
			return;
	if (session->out_len >= ENOUGH)
		lpd_tell(session);
	else if (status->complete)
		end_status(session, NULL);
	else
		ask_for_page(session);
}

/* The client has all that was said. */
static void
more(struct lpd_session *session)
{
	lpd_enter(session, LPD_ASKING);
	look(session);
}

void
lpd_status(struct lpd_session *session, struct lpd_command *command)
{
	struct status *status = calloc(1, sizeof(*status));

	if (status == NULL) {
		free(command);
		lpd_refuse_verdict(session, LPD_NO_MEMORY);
		return;
	}
	status->asking = (struct lpd_asking){ .more = more,
	    .free = free_status };
	status->command = command;
	session->asking = &status->asking;
	lpd_enter(session, LPD_ASKING);
	ask_for_page(session);
}
