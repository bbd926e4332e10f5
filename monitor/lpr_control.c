/*
 * lpr_control.c - see lpr_control.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lpr_control.h"
#include "monitor.h"
#include "monitor_util.h"

/* The most that servers have to take; RFC 1179 has less, by line. */
#define LINE_LEN	1023

/* Letters that are made anew, or name files. */
#define NOT_PASSED_ON	"HPJNUL"

struct text {
	char	*bytes;
	size_t	 len, size;
	bool	 failed;
};

static bool
is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

/* ---- lines -------------------------------------------------------------- */

static void
put(struct text *text, const char *bytes, size_t len)
{
	char *larger;

	if (text->len + len > text->size) {
		text->size = 2 * (text->len + len);
		larger = realloc(text->bytes, text->size);
		if (larger == NULL) {
			text->failed = true;
			text->size = text->len;
			return;
		}
		text->bytes = larger;
	}
	memcpy(text->bytes + text->len, bytes, len);
	text->len += len;
}

/* How much of each line RFC 1179 allows. */
static size_t
line_limit(const struct lpr_job *job, char letter)
{
	if (job->long_lines)
		return LINE_LEN;
	switch (letter) {
	case 'C':
	case 'H':
	case 'L':
	case 'M':
	case 'P':
		return 31;
	case 'J':
		return 99;
	case 'N':
		return 131;
	case 'T':
		return 79;
	default:
		return LINE_LEN;
	}
}

/*
 * Letter and operand of len bytes, as much as may be: in whole characters, as
 * far as they are UTF-8, which nobody promised.
 */
static void
put_line(struct text *text, const struct lpr_job *job, char letter,
    const char *operand, size_t len)
{
	size_t limit = line_limit(job, letter), at = 0, n;

	put(text, &letter, 1);
	while (at < len) {
		n = pp_util_character(operand + at);
		if (n == 0)
			n = 1;
		if (at + n > limit || at + n > len)
			break;
		if (n == 1 && ((unsigned char)operand[at] < 0x20 ||
		    operand[at] == 0x7f))
			put(text, "_", 1);
		else
			put(text, operand + at, n);
		at += n;
	}
	put(text, "\n", 1);
}

static void
put_text(struct text *text, const struct lpr_job *job, char letter,
    const char *operand)
{
	if (is_set(operand))
		put_line(text, job, letter, operand, strlen(operand));
}

/* ---- what a first control file had -------------------------------------- */

/* The lines behind its name; "" if there was none. */
static const char *
first_lines(const struct lpr_job *job)
{
	const char *end = is_set(job->extra) ? strchr(job->extra, '\n') : NULL;

	return end != NULL ? end + 1 : "";
}

/* Its first line with this letter: what follows the letter, and how long. */
static const char *
find_line(const char *lines, char letter, size_t *len)
{
	for (; *lines != '\0'; lines += *lines == '\n') {
		*len = strcspn(lines, "\n");
		if (*lines == letter && *len > 1) {
			(*len)--;
			return lines + 1;
		}
		lines += *len;
	}
	return NULL;
}

static bool
is_passed_on(char letter)
{
	return (unsigned char)letter > ' ' && letter != 0x7f &&
	    !(letter >= 'a' && letter <= 'z') &&
	    strchr(NOT_PASSED_ON, letter) == NULL;
}

static void
pass_on(struct text *text, const struct lpr_job *job)
{
	const char *lines = first_lines(job);
	size_t len;

	for (; *lines != '\0'; lines += *lines == '\n') {
		len = strcspn(lines, "\n");
		if (len > 0 && is_passed_on(*lines))
			put_line(text, job, *lines, lines + 1, len - 1);
		lines += len;
	}
}

/* ---- the file ----------------------------------------------------------- */

static char
format_of(const struct lpr_job *job)
{
	const char *type = job->datatype != NULL ? job->datatype : "";

	if (job->format != '\0')
		return job->format;
	if (strcmp(type, "application/postscript") == 0)
		return 'o';
	if (strcmp(type, "text/x-asa") == 0)
		return 'r';
	return strncmp(type, "text/", 5) == 0 ? 'f' : 'l';
}

/* Where a job comes from is what the first host said, if there was one. */
static void
put_host(struct text *text, const struct lpr_job *job)
{
	size_t len;
	const char *host = find_line(first_lines(job), 'H', &len);

	if (host != NULL)
		put_line(text, job, 'H', host, len);
	else
		put_text(text, job, 'H', is_set(job->host) ? job->host :
		    job->us);
}

static void
put_banner(struct text *text, const struct lpr_job *job, const char *user)
{
	size_t len;
	const char *name = find_line(first_lines(job), 'L', &len);

	if (job->banner == LPR_BANNER_NO)
		return;
	if (name != NULL)
		put_line(text, job, 'L', name, len);
	else if (job->banner == LPR_BANNER_YES)
		put_text(text, job, 'L', user);
}

static void
put_all(struct text *text, const struct lpr_job *job, const char *data)
{
	const char *user = is_set(job->user) ? job->user : "anonymous";
	unsigned int i;

	put_host(text, job);
	put_text(text, job, 'P', user);
	put_text(text, job, 'J', is_set(job->title) ? job->title :
	    job->document);
	pass_on(text, job);
	put_banner(text, job, user);
	for (i = 0; i < job->copies; i++)
		put_line(text, job, format_of(job), data, strlen(data));
	put_text(text, job, 'U', data);
	put_text(text, job, 'N', is_set(job->document) ? job->document :
	    job->title);
}

/*
 * Three digits are all that servers agree on; so jobs of ours are told apart
 * as long as no thousand of them is in one queue there.
 */
static void
make_name(char name[LPR_NAME_SIZE], char first, const struct lpr_job *job)
{
	char *at;

	snprintf(name, LPR_NAME_SIZE, "%cfA%03u%.*s", first,
	    (unsigned int)(job->id % 1000), LPR_HOST_LEN,
	    is_set(job->us) ? job->us : "localhost");
	for (at = name + strlen("cfA000"); *at != '\0'; at++)
		if (!(*at >= 'a' && *at <= 'z') &&
		    !(*at >= 'A' && *at <= 'Z') &&
		    !(*at >= '0' && *at <= '9') && *at != '.' && *at != '_')
			*at = '-';
}

int
lpr_control_make(struct lpr_control *control, const struct lpr_job *job)
{
	struct text text = { .size = 0 };

	*control = (struct lpr_control){ .text = NULL };
	make_name(control->control, 'c', job);
	make_name(control->data, 'd', job);
	put_all(&text, job, control->data);
	if (text.failed) {
		free(text.bytes);
		return PP_NO_MEMORY;
	}
	control->text = text.bytes;
	control->len = text.len;
	return PP_OK;
}

void
lpr_control_free(struct lpr_control *control)
{
	free(control->text);
	*control = (struct lpr_control){ .text = NULL };
}
