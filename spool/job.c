/*
 * job.c - see job.h.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "job.h"

#define BIT(state)	(1U << (state))
#define WAITING		(BIT(JOB_PENDING) | BIT(JOB_PENDING_HELD))
#define FAILED		(BIT(JOB_CANCELED) | BIT(JOB_ABORTED))

/* Where a job may go from each state.  Staying changes reasons only. */
static const unsigned int steps[JOB_STATE_END] = {
	[JOB_PENDING] = WAITING | BIT(JOB_PROCESSING) | FAILED,
	[JOB_PENDING_HELD] = WAITING | FAILED,
	[JOB_PROCESSING] = WAITING | BIT(JOB_PROCESSING) |
	    BIT(JOB_PROCESSING_STOPPED) | FAILED | BIT(JOB_COMPLETED),
	[JOB_PROCESSING_STOPPED] = WAITING | BIT(JOB_PROCESSING) |
	    BIT(JOB_PROCESSING_STOPPED) | FAILED | BIT(JOB_COMPLETED),
};

static const char *const reason_names[] = {
	"job-incoming", "job-data-insufficient", "document-access-error",
	"job-hold-until-specified", "resources-are-not-ready",
	"printer-stopped", "printer-stopped-partly", "service-off-line",
	"job-printing", "queued-in-device", "processing-to-stop-point",
	"job-canceled-by-user", "job-canceled-by-operator",
	"job-canceled-at-device", "aborted-by-system",
	"job-completed-successfully", "job-completed-with-warnings",
	"job-completed-with-errors", "job-restartable",
};

int
job_set(char **owned, const char *text)
{
	char *copy = strdup(text != NULL ? text : "");

	if (copy == NULL)
		return -1;
	free(*owned);
	*owned = copy;
	return 0;
}

struct job *
job_new(uint64_t id, const struct job_about *about)
{
	struct job *job = calloc(1, sizeof(*job));

	if (job == NULL)
		return NULL;
	job->id = id;
	job->state = JOB_PENDING;
	job->priority = about->priority == 0 ? JOB_PRIORITY_DEFAULT :
	    about->priority > JOB_PRIORITY_MAX ? JOB_PRIORITY_MAX :
	    about->priority;
	job->created_ms = about->created_ms;
	if (job_set(&job->queue, about->queue) == 0 &&
	    job_set(&job->user, about->user) == 0 &&
	    job_set(&job->host, about->host) == 0 &&
	    job_set(&job->title, about->title) == 0 &&
	    job_set(&job->extra, about->extra) == 0 &&
	    job_set(&job->port, NULL) == 0 && job_set(&job->why, NULL) == 0)
		return job;
	job_free(job);
	errno = ENOMEM;
	return NULL;
}

void
job_free(struct job *job)
{
	size_t i;

	if (job == NULL)
		return;
	for (i = 0; i < job->n_documents; i++) {
		free(job->documents[i].format);
		free(job->documents[i].name);
		free(job->documents[i].file);
	}
	free(job->documents);
	free(job->queue);
	free(job->user);
	free(job->host);
	free(job->title);
	free(job->port);
	free(job->why);
	free(job->extra);
	free(job);
}

struct job_document *
job_add_document(struct job *job, const struct job_about_document *about)
{
	struct job_document *doc, *documents;

	if (job->n_documents == JOB_DOCUMENTS_MAX) {
		errno = E2BIG;
		return NULL;
	}
	documents = reallocarray(job->documents, job->n_documents + 1,
	    sizeof(*documents));
	if (documents == NULL)
		return NULL;
	job->documents = documents;
	doc = &documents[job->n_documents];
	*doc = (struct job_document){
		.copies = about->copies != 0 ? about->copies : 1,
		.place = JOB_IN_RECORD,
	};
	if (job_set(&doc->format, about->format) == -1 ||
	    job_set(&doc->name, about->name) == -1) {
		free(doc->format);
		errno = ENOMEM;
		return NULL;
	}
	job->n_documents++;
	return doc;
}

bool
job_may_step(enum job_state from, enum job_state to)
{
	return (steps[from] & BIT(to)) != 0;
}

static bool
legal(const struct job *job, const struct job_step *step)
{
	if (step->state < JOB_PENDING || step->state >= JOB_STATE_END)
		return false;
	if (step->restart)
		return job_finished(job->state) &&
		    (WAITING & BIT(step->state)) != 0;
	return job_may_step(job->state, step->state);
}

static void
stamp(struct job *job, const struct job_step *step)
{
	if (step->restart) {
		job->attempts = 0;
		job->started_ms = job->completed_ms = 0;
		job->restarted = false;	/* once more is what is wanted */
	}
	if (step->state == JOB_PROCESSING && (WAITING & BIT(job->state))) {
		job->attempts++;
		if (job->started_ms == 0)
			job->started_ms = step->now_ms;
	}
	if (job->state == JOB_PENDING_HELD && step->state == JOB_PENDING)
		job->attempts = 0;	/* a person wants it tried anew */
	if (step->untouched && (WAITING & BIT(step->state)) != 0 &&
	    (WAITING & BIT(job->state)) == 0 && job->attempts > 0)
		job->attempts--;
	if (job_finished(step->state))
		job->completed_ms = step->now_ms;
}

static int
set_why(char **why, const struct job *job, const struct job_step *step)
{
	if (!step->keep_why || step->why == NULL || job->why[0] == '\0')
		return job_set(why, step->why);
	if (asprintf(why, "%s: %s", step->why, job->why) != -1)
		return 0;
	*why = NULL;
	errno = ENOMEM;
	return -1;
}

int
job_step(struct job *job, const struct job_step *step)
{
	char *why = NULL;

	if (!legal(job, step)) {
		errno = EINVAL;
		return -1;
	}
	if (set_why(&why, job, step) == -1)
		return -1;
	if (step->port != NULL && job_set(&job->port, step->port) == -1) {
		free(why);
		return -1;
	}
	free(job->why);
	job->why = why;
	stamp(job, step);
	job->state = step->state;
	job->reasons = step->reasons;
	job->restarted |= step->restarted;
	if (step->pages != 0)
		job->pages = step->pages;
	return 0;
}

const char *
job_state_name(enum job_state state)
{
	static const char *const names[JOB_STATE_END] = {
		[JOB_PENDING] = "pending",
		[JOB_PENDING_HELD] = "pending-held",
		[JOB_PROCESSING] = "processing",
		[JOB_PROCESSING_STOPPED] = "processing-stopped",
		[JOB_CANCELED] = "canceled",
		[JOB_ABORTED] = "aborted",
		[JOB_COMPLETED] = "completed",
	};

	return names[state];
}

const char *
job_reasons_text(uint32_t reasons, char *buf, size_t len)
{
	size_t used = 0;
	size_t i;
	int n;

	snprintf(buf, len, "%s", reasons == 0 ? "none" : "");
	for (i = 0; i < sizeof(reason_names) / sizeof(reason_names[0]); i++) {
		if ((reasons & 1U << i) == 0)
			continue;
		n = snprintf(buf + used, len - used, "%s%s",
		    used > 0 ? "," : "", reason_names[i]);
		if (n < 0 || (size_t)n >= len - used)
			break;
		used += (size_t)n;
	}
	return buf;
}
