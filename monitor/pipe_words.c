/*
 * pipe_words.c - see pipe_words.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "pipe_words.h"
#include "monitor_util.h"

#define ELEMENTS	"jqpuhtnfdT%"
/* What comes from a client. */
#define FOREIGN		"uhtnf"

/* ---- lists -------------------------------------------------------------- */

int
pipe_list_add(struct pipe_list *list, char *word)
{
	char **words;

	if (word == NULL)
		return PP_NO_MEMORY;
	words = reallocarray(list->words, list->n + 2, sizeof(*words));
	if (words == NULL) {
		free(word);
		return PP_NO_MEMORY;
	}
	list->words = words;
	words[list->n++] = word;
	words[list->n] = NULL;
	return PP_OK;
}

void
pipe_list_free(struct pipe_list *list)
{
	size_t i;

	for (i = 0; i < list->n; i++)
		free(list->words[i]);
	free(list->words);
	*list = (struct pipe_list){ 0 };
}

/* ---- splitting ---------------------------------------------------------- */

static bool
is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/*
 * Take one word, which is not empty or has quotes, without its quotes to out.
 * Returns where it ends, or NULL with a fault.
 */
static const char *
take_word(const char *at, char *out, const char **fault)
{
	char quote = '\0';

	for (; *at != '\0' && (quote != '\0' || !is_blank(*at)); at++) {
		if (*at == quote) {
			quote = '\0';
		} else if (quote == '\0' && (*at == '\'' || *at == '"')) {
			quote = *at;
		} else if (*at == '\\' && (quote == '\0' ||
		    (quote == '"' && (at[1] == '"' || at[1] == '\\')))) {
			if (*++at == '\0') {
				*fault = "nothing comes after its last '\\'";
				return NULL;
			}
			*out++ = *at;
		} else {
			*out++ = *at;
		}
	}
	*out = '\0';
	if (quote != '\0')
		*fault = "a quote is not closed";
	return quote == '\0' ? at : NULL;
}

static const char *
word_fault(const char *word)
{
	size_t at, len;

	for (at = 0; word[at] != '\0'; at += len) {
		len = pp_util_character(word + at);
		if (len == 0)
			return "it holds a control character or is no UTF-8";
		if (word[at] != '%')
			continue;
		if (word[++at] == '\0' || strchr(ELEMENTS, word[at]) == NULL)
			return "after '%' comes one of j q p u h t n f d T %";
	}
	return NULL;
}

int
pipe_words_split(const char *line, struct pipe_list *list, const char **fault)
{
	char *word;
	int rc;

	*fault = NULL;
	for (;;) {
		while (is_blank(*line))
			line++;
		if (*line == '\0')
			return PP_OK;
		word = malloc(strlen(line) + 1);
		if (word == NULL)
			return PP_NO_MEMORY;
		line = take_word(line, word, fault);
		if (line != NULL)
			*fault = word_fault(word);
		if (*fault != NULL) {
			free(word);
			return PP_INVALID_DATA;
		}
		rc = pipe_list_add(list, word);
		if (rc != PP_OK)
			return rc;
	}
}

/* ---- filling ------------------------------------------------------------ */

/* Append text, made harmless, or only count; returns the new length. */
static size_t
add_text(char *out, size_t at, const char *text)
{
	size_t n, len;

	for (n = 0; text != NULL && text[n] != '\0'; n += len) {
		len = pp_util_character(text + n);
		if (n + (len == 0 ? 1 : len) > PIPE_VALUE_LEN)
			break;
		if (len == 0) {
			len = 1;
			if (out != NULL)
				out[at] = '_';
		} else if (out != NULL) {
			memcpy(out + at, text + n, len);
		}
		at += len;
	}
	return at;
}

static const char *
time_text(int64_t arrived, char element, char buf[16])
{
	time_t when = (time_t)arrived;
	struct tm tm;

	buf[0] = '\0';
	if (localtime_r(&when, &tm) == NULL)
		return buf;
	if (element == 'd')
		(void)strftime(buf, 16, "%Y%m%d", &tm);
	else
		(void)strftime(buf, 16, "%H%M%S", &tm);
	return buf;
}

static const char *
element_text(const struct pipe_facts *facts, char element, char number[32])
{
	switch (element) {
	case 'j':
		snprintf(number, 32, "%" PRIu64, facts->job);
		return number;
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
	case 'n':
		return facts->document;
	case 'f':
		return facts->format;
	case '%':
		return "%";
	default:
		return time_text(facts->arrived, element, number);
	}
}

/* Fill out, or only count, with out NULL; the length without NUL. */
static size_t
fill(char *out, const char *word, const struct pipe_facts *facts)
{
	char number[32];
	size_t at = 0;
	bool foreign;

	for (; *word != '\0'; word++) {
		if (*word != '%') {
			if (out != NULL)
				out[at] = *word;
			at++;
			continue;
		}
		foreign = at == 0 && strchr(FOREIGN, word[1]) != NULL;
		at = add_text(out, at, element_text(facts, *++word, number));
		if (out != NULL && foreign && at > 0 && out[0] == '-')
			out[0] = '_';
	}
	if (out != NULL)
		out[at] = '\0';
	return at;
}

char *
pipe_words_fill(const char *word, const struct pipe_facts *facts)
{
	char *out = malloc(fill(NULL, word, facts) + 1);

	if (out != NULL)
		(void)fill(out, word, facts);
	return out;
}

/* ---- environment -------------------------------------------------------- */

char *
pipe_words_pair(const char *name, const char *value)
{
	size_t len = strlen(name);
	char *pair = malloc(len + 1 + add_text(NULL, 0, value) + 1);

	if (pair == NULL)
		return NULL;
	memcpy(pair, name, len);
	pair[len] = '=';
	pair[add_text(pair, len + 1, value)] = '\0';
	return pair;
}

bool
pipe_words_is_pair(const char *word)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "abcdefghijklmnopqrstuvwxyz_0123456789";
	size_t len = strspn(word, letters);

	return len > 0 && word[len] == '=' &&
	    strchr("0123456789", word[0]) == NULL;
}

/* ---- exit statuses ------------------------------------------------------ */

static const char *
take_number(const char *text, unsigned int *number)
{
	*number = 0;
	for (; *text >= '0' && *text <= '9'; text++)
		if (*number < 1000)
			*number = *number * 10 + (unsigned int)(*text - '0');
	return text;
}

const char *
pipe_words_statuses(const char *text, bool set[256])
{
	unsigned int first, last;
	const char *end;

	for (;;) {
		text += strspn(text, " \t,");
		if (*text == '\0')
			return NULL;
		end = take_number(text, &first);
		last = first;
		if (end == text)
			return "expected numbers and ranges, such as 1, 70-75";
		if (*end == '-') {
			text = end + 1;
			end = take_number(text, &last);
			if (end == text)
				return "a range has two ends, such as 70-75";
		}
		if (first < 1 || last > 255 || first > last)
			return "exit statuses go from 1 to 255";
		for (; first <= last; first++)
			set[first] = true;
		text = end;
	}
}
