/*
 * lpd_job.c - see lpd_job.h.
 */
#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "intake.h"
#include "lpd_job.h"
#include "lpd_queue.h"

/* Most that is kept of what has no place of its own in a job. */
#define EXTRA_LEN	((size_t)64 << 10)

/* ---- limits ------------------------------------------------------------- */

bool
lpd_job_may_add(const struct lpd_job_list *list)
{
	const struct lpd_job *job;
	size_t n = 0;

	TAILQ_FOREACH(job, list, link)
		n += job->n_files;
	return n < LPD_FILES_MAX;
}

bool
lpd_job_may_control(const struct lpd_job_list *list, size_t len)
{
	const struct lpd_job *job;

	TAILQ_FOREACH(job, list, link)
		len += job->control_len;
	return len <= LPD_CONTROL_LEN;
}

/* ---- which job ---------------------------------------------------------- */

/*
 * "123host" of "dfA123host"; "": nothing that it would share with others.
 * Clients with many files go on with "ef" after "df", hence not the first.
 */
static const char *
key_of(const char *name)
{
	return strlen(name) > 3 && name[1] == 'f' ? name + 3 : "";
}

static bool
names(const struct lpd_job *job, const char *name)
{
	size_t i;

	for (i = 0; job->control != NULL && i < job->control->n_files; i++)
		if (strcmp(job->control->files[i].name, name) == 0)
			return true;
	return false;
}

bool
lpd_job_has(const struct lpd_job *job, const char *name)
{
	size_t i;

	for (i = 0; i < job->n_files; i++)
		if (strcmp(job->files[i], name) == 0)
			return true;
	return false;
}

static struct lpd_job *
new_job(struct lpd_job_list *list, const char *name)
{
	const struct lpd_job *other;
	struct lpd_job *job;
	size_t n = 0;

	TAILQ_FOREACH(other, list, link)
		n++;
	errno = E2BIG;
	job = n < LPD_JOBS_MAX ? calloc(1, sizeof(*job)) : NULL;
	if (job == NULL)
		return NULL;
	job->key = strdup(key_of(name));
	job->control_name = strdup("");
	if (job->key == NULL || job->control_name == NULL) {
		free(job->key);
		free(job->control_name);
		free(job);
		errno = ENOMEM;
		return NULL;
	}
	TAILQ_INSERT_TAIL(list, job, link);
	return job;
}

struct lpd_job *
lpd_job_for_data(struct lpd_job_list *list, const char *name)
{
	const char *key = key_of(name);
	struct lpd_job *job;

	TAILQ_FOREACH(job, list, link)
		if (names(job, name) && !lpd_job_has(job, name))
			return job;
	TAILQ_FOREACH_REVERSE(job, list, lpd_job_list, link)
		if (*key == '\0' ? job->control == NULL :
		    strcmp(job->key, key) == 0)
			return job;
	return new_job(list, name);
}

bool
lpd_job_is_new(const struct lpd_job *job)
{
	return job->control == NULL && job->n_files == 0;
}

bool
lpd_job_awaits_control(const struct lpd_job_list *list)
{
	const struct lpd_job *job;

	TAILQ_FOREACH(job, list, link)
		if (job->control == NULL)
			return true;
	return false;
}

int
lpd_job_add_file(struct lpd_job *job, const char *name)
{
	char **files;

	assert(job->n_files < LPD_FILES_MAX);
	files = reallocarray(job->files, job->n_files + 1, sizeof(*files));
	if (files == NULL)
		return -1;
	job->files = files;
	files[job->n_files] = strdup(name);
	if (files[job->n_files] == NULL)
		return -1;
	job->n_files++;
	job->whole = false;
	return 0;
}

static bool
has_any_of(const struct lpd_job *job, const struct lpd_control *control)
{
	size_t i;

	for (i = 0; i < control->n_files; i++)
		if (lpd_job_has(job, control->files[i].name))
			return true;
	return false;
}

/* Data that waits for this control file. */
static struct lpd_job *
find_data(struct lpd_job_list *list, const char *key,
    const struct lpd_control *control)
{
	struct lpd_job *job;

	TAILQ_FOREACH(job, list, link)
		if (job->control == NULL && has_any_of(job, control))
			return job;
	TAILQ_FOREACH(job, list, link)
		if (job->control == NULL && *key != '\0' &&
		    strcmp(job->key, key) == 0)
			return job;
	return NULL;
}

struct lpd_job *
lpd_job_for_control(struct lpd_job_list *list, const char *name,
    struct lpd_control *control, size_t len)
{
	struct lpd_job *job = find_data(list, key_of(name), control);
	char *copy = strdup(name);

	if (job == NULL && copy != NULL)
		job = new_job(list, name);
	if (job == NULL || copy == NULL) {
		free(copy);
		return NULL;
	}
	free(job->control_name);
	job->control_name = copy;
	job->control = control;
	job->control_len = len;
	return job;
}

/* ---- is all there? ------------------------------------------------------ */

size_t
lpd_job_missing(const struct lpd_job *job)
{
	size_t n = 0, i;

	for (i = 0; job->control != NULL && i < job->control->n_files; i++)
		n += !lpd_job_has(job, job->control->files[i].name);
	return n;
}

size_t
lpd_job_unnamed(const struct lpd_job *job)
{
	size_t n = 0, i;

	for (i = 0; i < job->n_files; i++)
		n += !names(job, job->files[i]);
	return n;
}

bool
lpd_job_is_complete(const struct lpd_job *job)
{
	return job->control != NULL && job->n_files > 0 && job->whole &&
	    lpd_job_missing(job) == 0;
}

/* ---- what it says about itself ------------------------------------------ */

/* Text that grows up to a limit; what does not fit is left out. */
struct text {
	char	*bytes;
	size_t	 len, size;
};

/* "Hhost", if there is a host. */
static void
add_line(struct text *text, const char *letter, const char *operand)
{
	size_t left = text->size - text->len;
	int n;

	if (operand == NULL)
		return;
	n = snprintf(text->bytes + text->len, left, "%s%s\n", letter,
	    operand);
	if (n > 0 && (size_t)n < left)
		text->len += (size_t)n;
	else
		text->bytes[text->len] = '\0';
}

static void
add_number(struct text *text, const char *letter, uint32_t number)
{
	char digits[16];

	snprintf(digits, sizeof(digits), "%u", number);
	add_line(text, letter, number != 0 ? digits : NULL);
}

/* Whole lines, as many as fit. */
static void
add_others(struct text *text, const char *lines)
{
	size_t left = text->size - text->len - 1;
	size_t len = strlen(lines);

	if (len > left)
		len = left;
	while (len > 0 && lines[len - 1] != '\n')
		len--;
	memcpy(text->bytes + text->len, lines, len);
	text->len += len;
	text->bytes[text->len] = '\0';
}

static void
add_titles(struct text *text, const struct lpd_control *control)
{
	size_t i;

	for (i = 0; i < control->n_files; i++)
		if (control->files[i].title != NULL &&
		    strcmp(control->files[i].title, control->title) != 0)
			add_line(text, "T", control->files[i].title);
}

/*
 * The lines of the control file that are nowhere else in the job, behind its
 * name.  NULL: no memory.
 */
static char *
make_extra(const struct lpd_job *job)
{
	static const char *const fonts[] = { "1", "2", "3", "4" };
	const struct lpd_control *control = job->control;
	struct text text = { .size = EXTRA_LEN };
	size_t i;

	text.bytes = malloc(text.size);
	if (text.bytes == NULL)
		return NULL;
	add_line(&text, "", job->control_name);
	add_line(&text, "H", control->host);
	add_line(&text, "C", control->job_class);
	add_line(&text, "L", control->banner);
	add_line(&text, "M", control->mail);
	add_line(&text, "S", control->link);
	for (i = 0; i < 4; i++)
		add_line(&text, fonts[i], control->fonts[i]);
	add_number(&text, "I", control->indent);
	add_number(&text, "W", control->width);
	add_titles(&text, control);
	add_others(&text, control->others);
	return text.bytes;
}

static size_t
number_of(const struct lpd_job *job, const char *name)
{
	size_t i;

	for (i = 0; i < job->n_files; i++)
		if (strcmp(job->files[i], name) == 0)
			break;
	return i;
}

static uint32_t
copies_of(uint32_t copies, const struct lpd_options *options)
{
	uint64_t n = (uint64_t)copies * (options->copies != 0 ?
	    options->copies : 1);

	return n < LPD_COPIES_MAX ? (uint32_t)n : LPD_COPIES_MAX;
}

/* Those that are named in their order, then the others in theirs. */
static size_t
place_files(const struct lpd_job *job, const struct conf_listener *conf,
    const struct lpd_options *options, struct incoming_place *places)
{
	const struct lpd_file *file;
	size_t n = 0, i;

	for (i = 0; job->control != NULL && i < job->control->n_files; i++) {
		file = &job->control->files[i];
		if (lpd_job_has(job, file->name))
			places[n++] = (struct incoming_place){
			    .number = number_of(job, file->name), .about = {
			    .format = lpd_format(file->format,
			    conf->text_is_raw), .name = file->source,
			    .copies = copies_of(file->copies, options) } };
	}
	for (i = 0; i < job->n_files; i++)
		if (!names(job, job->files[i]))
			places[n++] = (struct incoming_place){ .number = i,
			    .about = { .format = lpd_format('l', true),
			    .name = job->files[i],
			    .copies = copies_of(1, options) } };
	return n;
}

static int
describe(struct lpd_job *job)
{
	struct job_about about = { .user = "anonymous" };
	char *extra = NULL;
	int error;

	if (job->control != NULL) {
		extra = make_extra(job);
		if (extra == NULL)
			return -1;
		about.user = job->control->user;
		about.title = job->control->title;
		about.extra = extra;
	}
	error = incoming_describe(intake_incoming(job->intake), &about);
	free(extra);
	return error;
}

/* Who the client says that it is for, and where. */
static int
cover(struct lpd_job *job)
{
	const struct lpd_control *control = job->control;
	struct intake_banner claims = { .asked = false };

	if (control != NULL)
		claims = (struct intake_banner){
		    .asked = control->banner != NULL,
		    .user = control->banner, .host = control->host,
		    .job_class = control->job_class };
	return intake_cover(job->intake, &claims);
}

int
lpd_job_describe(struct lpd_job *job, const struct conf_listener *conf,
    const struct lpd_options *options)
{
	struct incoming_place places[LPD_FILES_MAX];
	size_t n = place_files(job, conf, options, places);

	if (incoming_arrange(intake_incoming(job->intake), places, n) == -1)
		return -1;
	return describe(job) == -1 ? -1 : cover(job);
}

/* ---- the end ------------------------------------------------------------ */

void
lpd_job_free(struct lpd_job_list *list, struct lpd_job *job)
{
	size_t i;

	TAILQ_REMOVE(list, job, link);
	if (job->intake != NULL)
		intake_abort(job->intake);
	lpd_control_free(job->control);
	for (i = 0; i < job->n_files; i++)
		free(job->files[i]);
	free(job->files);
	free(job->control_name);
	free(job->key);
	free(job);
}
