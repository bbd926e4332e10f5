/*
 * file_name.c - pattern and facts in, a harmless name out.
 *
 * The length is settled before a byte is written: what the pattern fixes gets
 * its room first, and the texts share the rest evenly.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "file_name.h"
#include "monitor_util.h"

/* Room for ".aborted", "-4294967295" and more. */
#define SUFFIX_LEN	31
#define BODY_LEN	(NAME_MAX - SUFFIX_LEN)

/* A text that is cut shorter than this says nothing. */
#define TEXT_LEN_MIN	8
#define EXTENSION_LEN	10

#define JOB_DIGITS	20
#define FIXED_ELEMENTS	"jdT%"
#define TEXT_ELEMENTS	"qputho"

/* Bytes that the pattern fixes, and how many texts share the rest. */
static size_t
measure(const char *pattern, size_t *texts)
{
	size_t fixed = 0;

	*texts = 0;
	for (; *pattern != '\0'; pattern++) {
		if (*pattern != '%') {
			fixed++;
			continue;
		}
		switch (*++pattern) {
		case 'j':
			fixed += JOB_DIGITS;
			break;
		case 'd':
			fixed += strlen("YYYYMMDD");
			break;
		case 'T':
			fixed += strlen("HHMMSS");
			break;
		case '%':
			fixed++;
			break;
		default:
			++*texts;
		}
	}
	return fixed;
}

const char *
file_name_fault(const char *pattern)
{
	size_t at, len, texts, fixed;

	if (pattern[0] == '\0')
		return "it is empty";
	for (at = 0; pattern[at] != '\0'; at += len) {
		len = pp_util_character(pattern + at);
		if (len == 0)
			return "it holds a control character or is no UTF-8";
		if (pattern[at] == '/')
			return "a '/' would leave the directory";
		if (pattern[at] != '%')
			continue;
		if (pattern[++at] == '\0' ||
		    strchr(FIXED_ELEMENTS TEXT_ELEMENTS, pattern[at]) == NULL)
			return "after '%' comes one of j q p u h t o d T %";
	}
	fixed = measure(pattern, &texts);
	if (fixed + texts * TEXT_LEN_MIN > BODY_LEN)
		return "it is too long";
	return NULL;
}

int
file_name_uses(const char *pattern, char element)
{
	for (; *pattern != '\0'; pattern++)
		if (*pattern == '%' && *++pattern == element)
			return 1;
	return 0;
}

/* Append a text in at most limit bytes, made harmless; returns the new end. */
static char *
add_text(char *end, const char *text, size_t limit)
{
	const char *stop = end + limit;

	while (text != NULL && *text != '\0' && end < stop) {
		size_t len = pp_util_character(text);

		if (len == 0 || *text == '/') {
			*end++ = '_';
			text++;
		} else if (len <= (size_t)(stop - end)) {
			memcpy(end, text, len);
			end += len;
			text += len;
		} else {
			break;			/* no half characters */
		}
	}
	return end;
}

static const char *
text_of(const struct file_name_facts *facts, char element)
{
	switch (element) {
	case 'q':
		return facts->queue;
	case 'p':
		return facts->port;
	case 'u':
		return facts->user;
	case 'h':
		return facts->host;
	case 't':
		return facts->title;
	default:
		return facts->output;
	}
}

static char *
add_time(char *end, int64_t arrived, bool date)
{
	time_t when = (time_t)arrived;
	struct tm tm;
	char text[32] = "";

	if (localtime_r(&when, &tm) == NULL)
		return end;
	if (date)
		(void)strftime(text, sizeof(text), "%Y%m%d", &tm);
	else
		(void)strftime(text, sizeof(text), "%H%M%S", &tm);
	return add_text(end, text, strlen("YYYYMMDD"));
}

static char *
add_element(char *end, char element, const struct file_name_facts *facts,
    size_t limit)
{
	switch (element) {
	case '%':
		*end++ = '%';
		return end;
	case 'j':
		return end + snprintf(end, JOB_DIGITS + 1, "%" PRIu64,
		    facts->job);
	case 'd':
	case 'T':
		return add_time(end, facts->arrived, element == 'd');
	default:
		return add_text(end, text_of(facts, element), limit);
	}
}

void
file_name_make(const char *pattern, const struct file_name_facts *facts,
    char name[FILE_NAME_SIZE])
{
	size_t texts, fixed = measure(pattern, &texts);
	size_t limit = texts > 0 ? (BODY_LEN - fixed) / texts : 0;
	char *end = name;

	for (; *pattern != '\0'; pattern++) {
		if (*pattern == '%')
			end = add_element(end, *++pattern, facts, limit);
		else
			*end++ = *pattern;
	}
	if (end == name)
		*end++ = '_';
	*end = '\0';
	if (name[0] == '.' || name[0] == '-')
		name[0] = '_';
}

/* Where the extension starts, or the end of the name. */
static const char *
extension(const char *name)
{
	const char *dot = strrchr(name, '.');
	size_t i;

	if (dot == NULL || dot == name || strlen(dot) - 1 > EXTENSION_LEN)
		return name + strlen(name);
	for (i = 1; dot[i] != '\0'; i++)
		if (!isalnum((unsigned char)dot[i]))
			return name + strlen(name);
	return dot;
}

void
file_name_variant(const char *name, unsigned int n,
    char variant[FILE_NAME_SIZE])
{
	const char *dot = extension(name);

	if (n == 1)
		snprintf(variant, FILE_NAME_SIZE, "%s", name);
	else
		snprintf(variant, FILE_NAME_SIZE, "%.*s-%u%s",
		    (int)(dot - name), name, n, dot);
}
