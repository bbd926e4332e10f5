/*
 * lpd_receive.c - commands, and jobs that come (02).
 *
 *	COMMAND --02--> PART <-------------- ack -------------+
 *	                 |  control file: CONTROL --> NUL ----+
 *	                 |  data file:       DATA --> NUL ----+
 *	                 |                   |  ^             | the job is
 *	                 |                   FULL             v complete
 *	                 +-- the client ends              COMMITTING
 *
 * Each step takes something from the front of the buffer.  A job is committed
 * with the file that makes it complete, and that file is acknowledged when the
 * job is durable.  What is incomplete when the client ends is dealt with then,
 * one job after the other.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <event2/event.h>

#include "conf/conf.h"
#include "counters.h"
#include "log.h"
#include "lpd_session.h"
#include "shared_conf.h"
#include "spooler.h"

static const struct intake_ops intake_ops;

static enum lpd_step finish(struct lpd_session *session);

/* ---- words -------------------------------------------------------------- */

/* Is it worth trying again?  error is a positive errno. */
static char
nak_for(int error)
{
	return error == EFBIG ? LPD_NAK_BAD : LPD_NAK_LATER;
}

static void
refuse_error(struct lpd_session *session, int error)
{
	char why[INTAKE_WHY_LEN];

	intake_put_in_words(why, error, session->queue);
	lpd_refuse(session, nak_for(error), why);
}

/* Of what lpd_job.h has no place for. */
static void
refuse_more(struct lpd_session *session, int error)
{
	lpd_refuse_verdict(session, error == E2BIG ? LPD_TOO_MUCH :
	    LPD_NO_MEMORY);
}

static void
log_job(const struct lpd_session *session, enum log_level level,
    const char *what, const struct lpd_job *job)
{
	log_put(level, what, LOG_TEXT("listener", session->lpd->name),
	    LOG_TEXT("queue", session->queue->name),
	    LOG_TEXT("client", session->client),
	    LOG_TEXT("control", job->control_name),
	    LOG_NUM("files", job->n_files),
	    LOG_NUM("missing", lpd_job_missing(job)),
	    LOG_NUM("unnamed", lpd_job_unnamed(job)));
}

/* ---- commits ------------------------------------------------------------ */

/* STOP; committed is called, or the session is refused. */
static enum lpd_step
commit(struct lpd_session *session, struct lpd_job *job, bool hold,
    const char *hold_why)
{
	char why[INTAKE_WHY_LEN];
	int error;

	if (lpd_job_describe(job, session->conf, &session->options) == -1 ||
	    (hold && incoming_hold(intake_incoming(job->intake),
	    JOB_HOLD_UNTIL_SPECIFIED, hold_why) == -1)) {
		error = -incoming_error(intake_incoming(job->intake));
		refuse_error(session, error != 0 ? error : ENOMEM);
		return LPD_STEP_STOP;
	}
	if (lpd_job_unnamed(job) > 0 && job->control != NULL)
		log_job(session, LOG_LEVEL_INFO, "data that the control file "
		    "does not name is printed too", job);
	error = intake_commit(job->intake, session->fd, false, why);
	if (error != 0) {
		lpd_refuse(session, nak_for(error), why);
		return LPD_STEP_STOP;
	}
	lpd_enter(session, LPD_COMMITTING);
	return LPD_STEP_STOP;
}

static enum lpd_step
commit_complete(struct lpd_session *session, struct lpd_job *job)
{
	return commit(session, job, session->options.hold,
	    "+hold in the queue's name");
}

static void
on_committed(void *arg, uint64_t number, int error, const char *why)
{
	struct lpd_job *job = arg;
	struct lpd_session *session = job->owner;

	(void)number;
	job->intake = NULL;
	lpd_job_free(&session->jobs, job);
	if (lpd_is_over(session))
		lpd_end(session);
	else if (error != 0)
		lpd_refuse(session, nak_for(error), why);
	else if (session->finishing)
		(void)finish(session);
	else if (!lpd_say(session, LPD_ACK))
		return;			/* it knows no better, but we have it */
	else if (session->doom[0] != '\0')
		lpd_refuse_now(session, LPD_NAK_LATER, session->doom);
	else {
		lpd_enter(session, LPD_PART_COMES);
		lpd_run(session);
	}
}

/* ---- the client has ended ----------------------------------------------- */

/* What becomes of a job that lacks something. */
static enum conf_lacking
fate_of(const struct lpd_session *session, const struct lpd_job *job)
{
	if (job->n_files == 0 || !job->whole)
		return CONF_LACKING_DROP;
	return job->control == NULL ? session->conf->no_control_file :
	    session->conf->missing_data;
}

static void
log_fate(const struct lpd_session *session, const struct lpd_job *job,
    enum conf_lacking fate)
{
	if (job->n_files == 0)
		log_job(session, LOG_LEVEL_INFO, "control file without data",
		    job);
	else if (fate == CONF_LACKING_DROP) {
		counters.incomplete++;
		log_job(session, LOG_LEVEL_WARNING, job->control == NULL ?
		    "job dropped: data without control file" :
		    "job dropped: some of its data is missing", job);
	} else
		log_job(session, LOG_LEVEL_INFO, job->control == NULL ?
		    "data without control file" :
		    "some of the data is missing", job);
}

/* One job after the other; then the session ends.  STOP, always. */
static enum lpd_step
finish(struct lpd_session *session)
{
	enum conf_lacking fate;
	struct lpd_job *job;

	while ((job = TAILQ_FIRST(&session->jobs)) != NULL) {
		if (lpd_job_is_complete(job))
			return commit_complete(session, job);
		fate = fate_of(session, job);
		log_fate(session, job, fate);
		if (fate != CONF_LACKING_DROP)
			return commit(session, job,
			    fate == CONF_LACKING_HOLD || session->options.hold,
			    job->control == NULL ? "there is no control file" :
			    "some of the data is missing");
		lpd_job_free(&session->jobs, job);
	}
	if (!session->owes_ack || lpd_say(session, LPD_ACK))
		lpd_end(session);
	return LPD_STEP_STOP;
}

/* The last data file was to go up to here. */
static void
end_of_unstated(struct lpd_session *session)
{
	session->job->whole = true;
	session->job = NULL;
	session->owes_ack = true;
}

void
lpd_receive_end(struct lpd_session *session)
{
	bool unstated = session->state == LPD_DATA_COMES &&
	    session->length != LPD_STATED;

	if (!unstated && (session->state != LPD_PART_COMES ||
	    session->in_len > 0)) {
		lpd_end_broken(session, session->state == LPD_NUL_COMES ?
		    "closed without the NUL behind a file (final_nul)" :
		    "closed in the middle of a job");
		return;
	}
	session->finishing = true;
	if (unstated)
		end_of_unstated(session);
	(void)finish(session);
}

void
lpd_receive_break(struct lpd_session *session, int error)
{
	if (error == ECONNRESET && session->state == LPD_DATA_COMES &&
	    session->length == LPD_UNKNOWN &&
	    session->queue->on_reset == CONF_ON_RESET_FINISH)
		lpd_receive_end(session);
	else if (session->state == LPD_PART_COMES &&
	    TAILQ_EMPTY(&session->jobs))
		lpd_end(session);
	else
		lpd_end_broken(session, strerror(error));
}

/* ---- a file is whole ---------------------------------------------------- */

static enum lpd_step
acknowledge(struct lpd_session *session)
{
	if (!lpd_say(session, LPD_ACK))
		return LPD_STEP_STOP;
	lpd_enter(session, LPD_PART_COMES);
	return LPD_STEP_ON;
}

static enum lpd_step
take_control(struct lpd_session *session)
{
	struct lpd_control *control;
	enum lpd_verdict verdict;
	struct lpd_job *job;

	verdict = lpd_control_parse(session->control != NULL ?
	    session->control : "", session->control_len, &control);
	free(session->control);
	session->control = NULL;
	if (verdict != LPD_OK) {
		lpd_refuse_verdict(session, verdict);
		return LPD_STEP_STOP;
	}
	job = lpd_job_for_control(&session->jobs, session->name, control,
	    session->control_len);
	if (job == NULL) {
		refuse_more(session, errno);
		lpd_control_free(control);
		return LPD_STEP_STOP;
	}
	job->owner = session;
	return lpd_job_is_complete(job) ? commit_complete(session, job) :
	    acknowledge(session);
}

static enum lpd_step
take_data(struct lpd_session *session)
{
	struct lpd_job *job = session->job;

	session->job = NULL;
	job->whole = true;
	return lpd_job_is_complete(job) ? commit_complete(session, job) :
	    acknowledge(session);
}

static enum lpd_step
take_file(struct lpd_session *session)
{
	return session->job != NULL ? take_data(session) :
	    take_control(session);
}

/* All the octets of a file that were stated. */
static enum lpd_step
end_of_octets(struct lpd_session *session)
{
	/* One that comes all the same is a stray one then. */
	if (session->conf->final_nul == CONF_FINAL_NUL_OPTIONAL)
		return take_file(session);
	lpd_enter(session, LPD_NUL_COMES);
	return LPD_STEP_ON;
}

static enum lpd_step
nul_step(struct lpd_session *session)
{
	if (session->in_len == 0)
		return LPD_STEP_INPUT;
	if (session->in[0] != '\0') {
		lpd_refuse(session, LPD_NAK_BAD, "there is no NUL behind the "
		    "file");
		return LPD_STEP_STOP;
	}
	lpd_consume(session, 1);
	return take_file(session);
}

/* ---- a job begins ------------------------------------------------------- */

/* Does the queue take a new job?  false: the client is refused. */
static bool
may_begin(struct lpd_session *session)
{
	char why[INTAKE_WHY_LEN];

	if (!intake_is_closed(session->lpd->house, session->queue, why))
		return true;
	lpd_refuse(session, LPD_NAK_LATER, why);
	return false;
}

/* ---- control files ------------------------------------------------------ */

static int
grow_control(struct lpd_session *session)
{
	size_t size = session->control_size == 0 ? 4096 :
	    session->control_size * 2;
	char *control;

	if (session->control_len + session->in_len <= session->control_size)
		return 0;
	control = realloc(session->control, size);
	if (control == NULL)
		return -1;
	session->control = control;
	session->control_size = size;
	return 0;
}

static enum lpd_step
control_step(struct lpd_session *session)
{
	size_t n = session->left < session->in_len ? (size_t)session->left :
	    session->in_len;

	if (session->left == 0)
		return end_of_octets(session);
	if (n == 0)
		return LPD_STEP_INPUT;
	if (grow_control(session) == -1) {
		lpd_refuse_verdict(session, LPD_NO_MEMORY);
		return LPD_STEP_STOP;
	}
	memcpy(session->control + session->control_len, session->in, n);
	session->control_len += n;
	session->left -= n;
	lpd_consume(session, n);
	return LPD_STEP_ON;
}

static enum lpd_step
begin_control(struct lpd_session *session, const struct lpd_part *part)
{
	if (!lpd_job_may_control(&session->jobs, (size_t)part->size)) {
		lpd_refuse_verdict(session, LPD_TOO_MUCH);
		return LPD_STEP_STOP;
	}
	session->job = NULL;
	if (!lpd_job_awaits_control(&session->jobs) && !may_begin(session))
		return LPD_STEP_STOP;
	session->left = part->size;
	free(session->control);
	session->control = NULL;
	session->control_len = session->control_size = 0;
	if (!lpd_say(session, LPD_ACK))
		return LPD_STEP_STOP;
	lpd_enter(session, LPD_CONTROL_COMES);
	return LPD_STEP_ON;
}

/* ---- data files --------------------------------------------------------- */

static enum lpd_step
on_no_room(struct lpd_session *session)
{
	int error = incoming_error(intake_incoming(session->job->intake));

	if (error != 0)
		refuse_error(session, -error);
	else
		lpd_enter(session, LPD_DATA_FULL);
	return LPD_STEP_STOP;
}

/* While another job is being committed the client is told after that. */
static void
give_up(struct lpd_session *session, struct lpd_job *job, int error)
{
	char why[INTAKE_WHY_LEN];

	intake_count_refusal(error);
	intake_put_in_words(why, error, session->queue);
	if (session->state != LPD_COMMITTING) {
		lpd_refuse(session, nak_for(error), why);
		return;
	}
	snprintf(session->doom, sizeof(session->doom), "%s", why);
	lpd_job_free(&session->jobs, job);
}

static void
on_room(void *arg)
{
	struct lpd_job *job = arg;
	struct lpd_session *session = job->owner;
	int error = incoming_error(intake_incoming(job->intake));

	if (error != 0)
		give_up(session, job, -error);
	else if (session->state == LPD_DATA_FULL && session->job == job) {
		lpd_enter(session, LPD_DATA_COMES);
		lpd_run(session);
	}
}

/*
 * "0 octets" is an empty file, with its NUL, or one whose length the client
 * does not know: then data comes at once.
 */
static enum lpd_step
zero_step(struct lpd_session *session)
{
	bool nul = session->in_len > 0 && session->in[0] == '\0';

	if (session->in_len == 0)
		return LPD_STEP_INPUT;
	if (nul && (session->in_len == 1 || (session->in[1] >= 1 &&
	    session->in[1] <= 3))) {
		lpd_consume(session, 1);
		return take_file(session);
	}
	session->length = LPD_UNKNOWN;
	return LPD_STEP_ON;
}

/* What is in the buffer goes first; the rest is read to where it is kept. */
static enum lpd_step
data_step(struct lpd_session *session)
{
	struct incoming *in = intake_incoming(session->job->intake);
	size_t n = session->in_len;
	size_t room;

	if (session->length == LPD_ZERO)
		return zero_step(session);
	if (session->length == LPD_STATED && n > session->left)
		n = (size_t)session->left;
	n = n > 0 ? incoming_write(in, session->in, n) : 0;
	lpd_consume(session, n);
	if (session->length == LPD_STATED) {
		session->left -= n;
		if (session->left == 0)
			return incoming_error(in) != 0 ? on_no_room(session) :
			    end_of_octets(session);
	}
	if (incoming_room(in, &room) == NULL)
		return on_no_room(session);
	return session->in_len > 0 ? LPD_STEP_ON : LPD_STEP_INPUT;
}

static int64_t
wall_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The job's place in the store, with its first data.  -1: it is refused. */
static int
begin_job(struct lpd_session *session, struct lpd_job *job)
{
	struct job_about about = {
		.queue = session->queue->name,
		.host = session->client,
		.priority = (uint32_t)session->queue->priority,
		.created_ms = wall_clock_ms(),
	};
	char why[INTAKE_WHY_LEN];
	int error;

	if (job->intake != NULL)
		return 0;
	job->intake = intake_begin(session->lpd->house, session->queue,
	    &about, &intake_ops, job, &error, why);
	if (job->intake != NULL)
		return 0;
	lpd_refuse(session, nak_for(error), why);
	return -1;
}

static enum lpd_step
begin_file(struct lpd_session *session, const struct lpd_part *part)
{
	struct job_about_document document = { .copies = 1 };

	if (incoming_document(intake_incoming(session->job->intake),
	    &document) == -1) {
		refuse_error(session, errno);
		return LPD_STEP_STOP;
	}
	session->length = part->length;
	session->left = part->size;
	if (!lpd_say(session, LPD_ACK))
		return LPD_STEP_STOP;
	lpd_enter(session, LPD_DATA_COMES);
	return LPD_STEP_ON;
}

/* A size that is stated, and impossible, is refused before it is sent. */
static int
admit_size(struct lpd_session *session, const struct lpd_part *part)
{
	uint64_t most = (uint64_t)session->queue->max_job_bytes;
	char why[SPOOLER_WHY_LEN];
	int error;

	if (part->length != LPD_STATED)
		return 0;
	if (most != 0 && part->size > most) {
		refuse_error(session, EFBIG);
		return -1;
	}
	error = spooler_admit(session->lpd->house->spooler, session->queue,
	    session->client, part->size, why);
	if (error == 0)
		return 0;
	intake_count_refusal(-error);
	lpd_refuse(session, nak_for(-error), why);
	return -1;
}

/* The job of the file, to which it can be added; NULL: it is refused. */
static struct lpd_job *
job_for_data(struct lpd_session *session)
{
	struct lpd_job *job;

	if (!lpd_job_may_add(&session->jobs)) {
		lpd_refuse_verdict(session, LPD_TOO_MUCH);
		return NULL;
	}
	job = lpd_job_for_data(&session->jobs, session->name);
	if (job == NULL) {
		refuse_more(session, errno);
		return NULL;
	}
	job->owner = session;
	if (!lpd_job_has(job, session->name))
		return job;
	lpd_refuse(session, LPD_NAK_BAD, "the job has a data file of this "
	    "name already");
	return NULL;
}

static enum lpd_step
begin_data(struct lpd_session *session, const struct lpd_part *part)
{
	struct lpd_job *job = job_for_data(session);

	if (job == NULL || (lpd_job_is_new(job) && !may_begin(session)) ||
	    admit_size(session, part) == -1 || begin_job(session, job) == -1)
		return LPD_STEP_STOP;
	if (lpd_job_add_file(job, session->name) == -1) {
		lpd_refuse_verdict(session, LPD_NO_MEMORY);
		return LPD_STEP_STOP;
	}
	session->job = job;
	return begin_file(session, part);
}

/* ---- subcommands -------------------------------------------------------- */

/* The job that was at hand, that is the last one. */
static enum lpd_step
abort_job(struct lpd_session *session)
{
	struct lpd_job *job = TAILQ_LAST(&session->jobs, lpd_job_list);

	if (job != NULL)
		lpd_job_free(&session->jobs, job);
	return acknowledge(session);
}

/* "02 queue" within a job: some clients begin each file with it. */
static enum lpd_step
again(struct lpd_session *session, const char *name)
{
	struct lpd_options options;

	if (lpd_queue_find(session->shared->conf, session->conf, name,
	    &options) != session->queue) {
		lpd_refuse(session, LPD_NAK_BAD, "one connection is for one "
		    "queue");
		return LPD_STEP_STOP;
	}
	if (TAILQ_EMPTY(&session->jobs) && !may_begin(session))
		return LPD_STEP_STOP;
	return acknowledge(session);
}

static enum lpd_step
do_part(struct lpd_session *session, const struct lpd_part *part)
{
	snprintf(session->name, sizeof(session->name), "%s",
	    part->name.text);
	switch (part->type) {
	case LPD_ABORT:
		return abort_job(session);
	case LPD_CONTROL_FILE:
		return begin_control(session, part);
	case LPD_DATA_FILE:
		return begin_data(session, part);
	case LPD_AGAIN:
		return again(session, part->queue);
	default:
		return LPD_STEP_ON;
	}
}

static enum lpd_step
part_step(struct lpd_session *session)
{
	char line[LPD_LINE_LEN + 1];
	enum lpd_verdict verdict;
	struct lpd_part part;
	enum lpd_step step;
	size_t len;

	lpd_consume(session, lpd_stray_nuls(session->in, session->in_len));
	step = lpd_take_line(session, line, &len);
	if (step != LPD_STEP_ON)
		return step;
	verdict = lpd_part_parse(line, len, &part);
	if (verdict == LPD_OK)
		return do_part(session, &part);
	lpd_refuse_verdict(session, verdict);
	return LPD_STEP_STOP;
}

/* ---- commands ----------------------------------------------------------- */

/* Whoever asks about the queue must not wait for anything else. */
static enum lpd_step
receive(struct lpd_session *session)
{
	struct intake_house *house = session->lpd->house;
	char why[INTAKE_WHY_LEN];
	int error;

	if (house->draining) {
		lpd_refuse_now(session, LPD_NAK_LATER, "printportd is ending");
		return LPD_STEP_STOP;
	}
	if (!may_begin(session))
		return LPD_STEP_STOP;
	error = spooler_admit(house->spooler, session->queue, session->client,
	    0, why);
	if (error == 0)
		return acknowledge(session);
	intake_count_refusal(-error);
	lpd_refuse(session, nak_for(-error), why);
	return LPD_STEP_STOP;
}

static enum lpd_step
do_command(struct lpd_session *session, struct lpd_command *command)
{
	switch (command->verb) {
	case LPD_START:
		free(command);		/* what waits is printed anyway */
		if (lpd_say(session, LPD_ACK))
			lpd_part(session);
		return LPD_STEP_STOP;
	case LPD_RECEIVE:
		free(command);
		return receive(session);
	case LPD_STATUS:
	case LPD_STATUS_LONG:
		lpd_status(session, command);
		return LPD_STEP_STOP;
	case LPD_REMOVE:
		lpd_remove(session, command);
		return LPD_STEP_STOP;
	}
	free(command);
	return LPD_STEP_STOP;
}

static void
refuse_queue(struct lpd_session *session, const char *name)
{
	char why[LPD_REFUSAL_LEN];

	snprintf(why, sizeof(why), session->queue == NULL ?
	    "there is no queue %.80s here" :
	    "queue %.80s has delivery = stream, which keeps no jobs", name);
	session->queue = NULL;
	lpd_refuse(session, LPD_NAK_REFUSED, why);
}

static enum lpd_step
find_queue(struct lpd_session *session, struct lpd_command *command)
{
	session->queue = lpd_queue_find(session->shared->conf, session->conf,
	    command->queue, &session->options);
	if (session->queue != NULL &&
	    session->queue->delivery == CONF_DELIVERY_SPOOL)
		return do_command(session, command);
	refuse_queue(session, command->queue);
	free(command);
	return LPD_STEP_STOP;
}

/* What speaks another protocol may never send a line. */
static enum lpd_step
refuse_alien(struct lpd_session *session)
{
	counters.guarded++;
	lpd_refuse_verdict(session, LPD_ALIEN);
	return LPD_STEP_STOP;
}

static enum lpd_step
command_step(struct lpd_session *session)
{
	char line[LPD_LINE_LEN + 1];
	struct lpd_command *command;
	enum lpd_verdict verdict;
	enum lpd_step step;
	size_t len;

	if (session->in_len > 0 && lpd_is_alien(session->in[0]))
		return refuse_alien(session);
	step = lpd_take_line(session, line, &len);
	if (step != LPD_STEP_ON)
		return step;
	command = malloc(sizeof(*command));
	verdict = command == NULL ? LPD_NO_MEMORY :
	    lpd_command_parse(line, len, command);
	if (verdict == LPD_OK)
		return find_queue(session, command);
	free(command);
	lpd_refuse_verdict(session, verdict);
	return LPD_STEP_STOP;
}

enum lpd_step
lpd_step(struct lpd_session *session)
{
	switch (session->state) {
	case LPD_COMMAND_COMES:
		return command_step(session);
	case LPD_PART_COMES:
		return part_step(session);
	case LPD_CONTROL_COMES:
		return control_step(session);
	case LPD_DATA_COMES:
		return data_step(session);
	case LPD_NUL_COMES:
		return nul_step(session);
	default:
		return LPD_STEP_STOP;
	}
}

/* ---- the end of all ----------------------------------------------------- */

static void
on_cancel(void *arg, const char *why)
{
	struct lpd_job *job = arg;
	struct lpd_session *session = job->owner;

	intake_count_refusal(ECANCELED);
	if (session->state != LPD_COMMITTING) {
		lpd_refuse_now(session, LPD_NAK_LATER, why);
		return;
	}
	snprintf(session->doom, sizeof(session->doom), "%s", why);
	lpd_job_free(&session->jobs, job);
}

static const struct intake_ops intake_ops = {
	.room = on_room, .committed = on_committed, .cancel = on_cancel,
};
