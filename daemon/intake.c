/*
 * intake.c - see intake.h, which has the picture.
 */
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "conf/banner.h"
#include "conf/conf.h"
#include "counters.h"
#include "dispatch.h"
#include "document.h"
#include "duplicates.h"
#include "intake.h"
#include "log.h"
#include "spooler.h"

struct intake {
	LIST_ENTRY(intake)	 link;		/* of the house */
	struct intake_house	*house;		/* borrowed */
	const struct conf_queue	*queue;		/* borrowed */
	struct incoming		*in;		/* NULL once committed */
	struct dispatch_early	*early;		/* printed already; or NULL */
	int			 fd;		/* borrowed; at the commit */
	bool			 unaware;
	int64_t			 created_ms;
	uint64_t		 bytes;		/* at the commit */
	char			 client[DOCUMENT_PEER_LEN];
	const struct intake_ops	*ops;
	void			*arg;
};

/* ---- words -------------------------------------------------------------- */

void
intake_put_in_words(char why[INTAKE_WHY_LEN], int error,
    const struct conf_queue *queue)
{
	const char *text = strerror(error);

	switch (error) {
	case EFBIG:
		snprintf(why, INTAKE_WHY_LEN, "larger than max_job_size = "
		    "%lld of its queue, or than the system allows a file",
		    (long long)queue->max_job_bytes);
		return;
	case ENOSPC:
		text = "too little space in spool_directory: make room, or "
		    "lower min_free_space";
		break;
	case EDQUOT:
		text = "the disk quota of spool_directory is used up";
		break;
	case EIO:
		text = "spool_directory cannot be written to stable storage: "
		    "see to its disk";
		break;
	case ENXIO:
		text = "spool_directory is gone or damaged, and is opened "
		    "again when it can be";
		break;
	case EAGAIN:
		text = "job numbers are used up until the next commit: try "
		    "again";
		break;
	}
	snprintf(why, INTAKE_WHY_LEN, "%s", text);
}

void
intake_count_refusal(int error)
{
	if (error == EFBIG || error == EDQUOT)
		counters.refused++;
	else
		counters.refused_store++;
}

/* ---- the end ------------------------------------------------------------ */

static void
tell_idle(struct intake_house *house)
{
	intake_idle_fn *idle = house->idle;

	if (idle == NULL || !LIST_EMPTY(&house->intakes))
		return;
	house->idle = NULL;
	idle(house->idle_arg);
}

void
intake_abort(struct intake *intake)
{
	struct intake_house *house = intake->house;

	assert(intake->in != NULL);
	dispatch_arriving_abort(intake->early);
	incoming_abort(intake->in);
	LIST_REMOVE(intake, link);
	intake->house->n_intakes--;
	free(intake);
	tell_idle(house);
}

/* ---- the job is in ------------------------------------------------------ */

static int64_t
monotonic_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/*
 * A client whose connection broke will not see it closed well.  One that has
 * ended its stream, and no more, hangs up in neither way.
 */
static bool
is_broken(const struct intake *intake)
{
	struct pollfd fd = { .fd = intake->fd };

	return intake->fd == -1 || poll(&fd, 1, 0) == 1;
}

/* The job of which this is a repeat; 0: none. */
static uint64_t
find_earlier(const struct intake *intake, const struct job *job)
{
	struct duplicates *duplicates = intake->house->duplicates;
	const struct conf_queue *queue = intake->queue;
	int64_t now_ms;
	uint64_t earlier;

	if (queue->duplicates == CONF_DUPLICATES_OFF)
		return 0;
	now_ms = monotonic_ms();
	earlier = duplicates_match(duplicates, job,
	    queue->duplicate_window_ms, now_ms);
	if (intake->unaware || is_broken(intake))
		duplicates_remember(duplicates, job, now_ms);
	return earlier;
}

/*
 * While the store is down the jobs in it are read when it is back; but for one
 * that a port is at.
 */
static void
pass_on(struct intake *intake, struct job *job)
{
	const struct intake_house *house = intake->house;
	struct dispatch_early *early = intake->early;
	uint64_t earlier = find_earlier(intake, job);

	intake->early = NULL;
	if (early != NULL)
		dispatch_accept(house->dispatch, job);
	else if (house->dispatch == NULL ||
	    spooler_store(house->spooler) == NULL)
		job_free(job);
	else if (earlier == 0)
		dispatch_accept(house->dispatch, job);
	else {
		counters.repeated++;
		dispatch_accept_repeat(house->dispatch, job, earlier,
		    intake->queue->duplicates == CONF_DUPLICATES_DROP);
	}
}

static void
log_accepted(const struct intake *intake, const struct job *job)
{
	if (*job->user == '\0')
		log_put(LOG_LEVEL_INFO, "job accepted",
		    LOG_NUM("job", job->id),
		    LOG_TEXT("queue", intake->queue->name),
		    LOG_TEXT("client", intake->client),
		    LOG_NUM("bytes", intake->bytes));
	else
		log_put(LOG_LEVEL_INFO, "job accepted",
		    LOG_NUM("job", job->id),
		    LOG_TEXT("queue", intake->queue->name),
		    LOG_TEXT("client", intake->client),
		    LOG_NUM("bytes", intake->bytes),
		    LOG_TEXT("user", job->user));
}

static void
on_committed(void *arg, int error, struct job *job)
{
	struct intake *intake = arg;
	struct intake_house *house = intake->house;
	char why[INTAKE_WHY_LEN] = "";
	uint64_t id = 0;

	spooler_release(house->spooler, intake->queue, intake->client,
	    intake->bytes);
	if (error == 0) {
		id = job->id;
		counters.kept++;
		log_accepted(intake, job);
		pass_on(intake, job);
	} else {
		intake_put_in_words(why, -error, intake->queue);
		intake_count_refusal(-error);
	}
	dispatch_arriving_abort(intake->early);
	LIST_REMOVE(intake, link);
	intake->house->n_intakes--;
	intake->ops->committed(intake->arg, id, -error, why);
	free(intake);
	tell_idle(house);
}

/* ---- its banner page ---------------------------------------------------- */

static bool
wants_page(const struct intake *intake, const struct intake_banner *claims)
{
	const struct conf_queue *queue = intake->queue;

	return queue->banner_page != NULL &&
	    (queue->banner == CONF_BANNER_ALWAYS || (claims->asked &&
	    queue->banner == CONF_BANNER_ASKED));
}

/* For who takes it from the printer: by the clock on the wall. */
static void
describe_date(int64_t ms, char text[32])
{
	time_t seconds = (time_t)(ms / 1000);
	struct tm tm;

	text[0] = '\0';
	if (localtime_r(&seconds, &tm) != NULL)
		(void)strftime(text, 32, "%Y-%m-%d %H:%M", &tm);
}

static char *
make_page(const struct intake *intake, const struct intake_banner *claims,
    size_t *len)
{
	const struct job *job = incoming_job(intake->in);
	const char *host = claims->host != NULL ? claims->host :
	    intake->client;
	char number[24], date[32];
	const char *values[BANNER_FIELDS] = {
		[BANNER_USER] = claims->user != NULL ? claims->user :
		    *job->user != '\0' ? job->user : host,
		[BANNER_HOST] = host,
		[BANNER_TITLE] = job->title,
		[BANNER_CLASS] = claims->job_class,
		[BANNER_QUEUE] = intake->queue->name,
		[BANNER_JOB] = number,
		[BANNER_DATE] = date,
	};

	snprintf(number, sizeof(number), "%" PRIu64, job->id);
	describe_date(intake->created_ms, date);
	return banner_print(intake->queue->banner_page, values, len);
}

int
intake_cover(struct intake *intake, const struct intake_banner *claims)
{
	struct job_about_document about = { .name = "banner", .copies = 1 };
	const struct conf_queue *queue = intake->queue;
	size_t len;
	char *page;
	int rc;

	if (!wants_page(intake, claims))
		return 0;
	about.format = queue->banner_format != NULL ? queue->banner_format :
	    banner_format(queue->banner_page);
	page = make_page(intake, claims, &len);
	if (page == NULL)
		return -1;
	rc = incoming_cover(intake->in, &about, page, len);
	free(page);
	return rc;
}

/* ---- the commit --------------------------------------------------------- */

int
intake_commit(struct intake *intake, int fd, bool unaware,
    char why[INTAKE_WHY_LEN])
{
	struct incoming *in = intake->in;
	int error;

	intake->bytes = incoming_bytes(in);
	/* Others may have filled the queue meanwhile, or be about to. */
	error = spooler_reserve(intake->house->spooler, intake->queue,
	    intake->client, intake->bytes, why);
	if (error != 0) {
		intake_count_refusal(-error);
		return -error;
	}
	intake->fd = fd;
	intake->unaware = unaware;
	intake->in = NULL;
	dispatch_arriving_whole(intake->early);
	incoming_commit(in, on_committed, intake);
	return 0;
}

bool
intake_is_committing(const struct intake *intake)
{
	return intake->in == NULL;
}

/* ---- while it comes ----------------------------------------------------- */

static void
on_room(void *arg)
{
	struct intake *intake = arg;

	intake->ops->room(intake->arg);
}

size_t
intake_turn_len(const struct intake_house *house)
{
	size_t len = INTAKE_TURNS_LEN / (house->n_intakes + 1);

	return len > INTAKE_TURN_LEN ? INTAKE_TURN_LEN :
	    len < INTAKE_TURN_MIN ? INTAKE_TURN_MIN : len;
}

struct incoming *
intake_incoming(const struct intake *intake)
{
	return intake->in;
}

void
intake_print_early(struct intake *intake)
{
	struct job_about about = { .queue = intake->queue->name,
	    .user = "", .host = intake->client, .title = "",
	    .priority = (uint32_t)intake->queue->priority,
	    .created_ms = intake->created_ms };

	if (intake->house->dispatch != NULL)
		intake->early = dispatch_arriving(intake->house->dispatch,
		    intake->in, &about);
}

/* ---- birth, and the end of all ------------------------------------------ */

bool
intake_is_closed(const struct intake_house *house,
    const struct conf_queue *queue, char why[INTAKE_WHY_LEN])
{
	const char *reason = house->dispatch == NULL ? NULL :
	    dispatch_queue_closed(house->dispatch, queue->name);

	if (reason == NULL)
		return false;
	snprintf(why, INTAKE_WHY_LEN, "the queue takes no jobs now%s%s",
	    *reason != '\0' ? ": " : "", reason);
	return true;
}

/* 0, or a negative errno and why. */
static int
admit(const struct intake_house *house, const struct conf_queue *queue,
    const char *client, char why[INTAKE_WHY_LEN])
{
	if (!house->draining)
		return spooler_admit(house->spooler, queue, client, 0, why);
	snprintf(why, INTAKE_WHY_LEN, "printportd is ending");
	return -ESHUTDOWN;
}

struct intake *
intake_begin(struct intake_house *house, const struct conf_queue *queue,
    const struct job_about *about, const struct intake_ops *ops, void *arg,
    int *error, char why[INTAKE_WHY_LEN])
{
	struct intake *intake;

	*error = -admit(house, queue, about->host, why);
	if (*error != 0) {
		intake_count_refusal(*error);
		return NULL;
	}
	intake = calloc(1, sizeof(*intake));
	if (intake == NULL)
		goto fail;
	intake->house = house;
	intake->queue = queue;
	intake->ops = ops;
	intake->arg = arg;
	intake->fd = -1;
	intake->created_ms = about->created_ms;
	intake->in = incoming_begin(spooler_store(house->spooler), about,
	    (uint64_t)queue->max_job_bytes, on_room, intake);
	if (intake->in == NULL)
		goto fail;
	snprintf(intake->client, sizeof(intake->client), "%s", about->host);
	LIST_INSERT_HEAD(&house->intakes, intake, link);
	house->n_intakes++;
	return intake;

fail:
	*error = errno;
	free(intake);
	intake_count_refusal(*error);
	intake_put_in_words(why, *error, queue);
	return NULL;
}

/*
 * Each call may end others, such as those of the same connection: so it starts
 * again from the front.  What is canceled is gone then.
 */
void
intake_cancel_all(struct intake_house *house, const char *why)
{
	struct intake *intake;

	do {
		LIST_FOREACH(intake, &house->intakes, link)
			if (!intake_is_committing(intake))
				break;
		if (intake != NULL)
			intake->ops->cancel(intake->arg, why);
	} while (intake != NULL);
}

void
intake_drain(struct intake_house *house, intake_idle_fn *idle, void *arg)
{
	house->draining = true;
	house->idle = idle;
	house->idle_arg = arg;
	intake_cancel_all(house, "printportd is ending");
	tell_idle(house);
}
