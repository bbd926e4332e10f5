/*
 * settings.c - see settings.h.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "settings.h"
#include "conf/words.h"

/* Most keys or choices that are searched for the one that was meant. */
#define CANDIDATES	64
/* Longest choice. */
#define CHOICE_LEN	63

static const enum words_type words_types[] = {
	[PP_TYPE_BOOL]	 = WORDS_BOOL,
	[PP_TYPE_NUMBER] = WORDS_NUMBER,
	[PP_TYPE_SIZE]	 = WORDS_SIZE,
	[PP_TYPE_TIME]	 = WORDS_TIME,
	[PP_TYPE_MODE]	 = WORDS_MODE,
};

static bool
is_word(const struct pp_setting_decl *decl)
{
	return decl->type >= PP_TYPE_BOOL && decl->type <= PP_TYPE_MODE;
}

static const struct pp_setting_decl *
find_decl(const struct pp_setting_decl *decls, const char *key)
{
	for (; decls != NULL && decls->key != NULL; decls++)
		if (strcmp(decls->key, key) == 0)
			return decls;
	return NULL;
}

static const char *
find_value(const struct pp_setting *settings, size_t count, const char *key)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcmp(settings[i].key, key) == 0)
			return settings[i].value;
	return NULL;
}

/* ---- choices ------------------------------------------------------------- */

/* Copy the next of "a|b|c" into word and step over it; false at the end. */
static bool
next_choice(const char **choices, char word[CHOICE_LEN + 1])
{
	size_t len = strcspn(*choices, "|");

	if (len == 0)
		return false;
	snprintf(word, CHOICE_LEN + 1, "%.*s", (int)len, *choices);
	*choices += len;
	if (**choices == '|')
		(*choices)++;
	return true;
}

/* Index of value among the choices; -1 if it is none. */
static int64_t
choice_index(const char *choices, const char *value)
{
	char word[CHOICE_LEN + 1];
	int64_t i;

	for (i = 0; choices != NULL && next_choice(&choices, word); i++)
		if (strcmp(word, value) == 0)
			return i;
	return -1;
}

static int
choice_fault(const struct pp_setting_decl *decl, const char *value,
    struct fault *fault)
{
	char words[CANDIDATES][CHOICE_LEN + 1];
	const char *candidates[CANDIDATES];
	const char *rest = decl->choices != NULL ? decl->choices : "";
	const char *nearest;
	size_t n = 0;

	while (n < CANDIDATES && next_choice(&rest, words[n])) {
		candidates[n] = words[n];
		n++;
	}
	nearest = words_nearest(value, candidates, n);
	if (nearest != NULL)
		return fault_set(fault, PP_INVALID_DATA,
		    "%s: found \"%s\"; did you mean \"%s\"? (one of %s)",
		    decl->key, value, nearest, decl->choices);
	return fault_set(fault, PP_INVALID_DATA,
	    "%s: found \"%s\", expected one of %s", decl->key, value,
	    decl->choices != NULL ? decl->choices : "nothing");
}

/* ---- judging one --------------------------------------------------------- */

static int
unknown_key(const struct pp_setting_decl *decls, const char *key,
    struct fault *fault)
{
	const char *candidates[CANDIDATES];
	const char *nearest;
	size_t n;

	for (n = 0; n < CANDIDATES && decls != NULL && decls[n].key != NULL;
	    n++)
		candidates[n] = decls[n].key;
	nearest = n > 0 ? words_nearest(key, candidates, n) : NULL;
	if (nearest != NULL)
		return fault_set(fault, PP_INVALID_DATA,
		    "unknown key \"%s\"; did you mean \"%s\"?", key, nearest);
	return fault_set(fault, PP_INVALID_DATA,
	    "unknown key \"%s\": the monitor has no such setting", key);
}

static bool
in_bounds(const struct pp_setting_decl *decl, int64_t value)
{
	if (decl->min == 0 && decl->max == 0)
		return true;
	return value >= decl->min && value <= decl->max;
}

static int
word_fault(const struct pp_setting_decl *decl, const char *value,
    struct fault *fault)
{
	enum words_type type = words_types[decl->type];
	char bounds[2 * WORDS_TEXT_LEN + 16] = "";
	char min[WORDS_TEXT_LEN], max[WORDS_TEXT_LEN];

	if (decl->min != 0 || decl->max != 0) {
		words_print(type, decl->min, min);
		words_print(type, decl->max, max);
		snprintf(bounds, sizeof(bounds), ", from %s to %s", min, max);
	}
	return fault_set(fault, PP_INVALID_DATA, "%s: found %s%s%s, "
	    "expected %s%s", decl->key,
	    decl->flags & PP_SETTING_SECRET ? "" : "\"",
	    decl->flags & PP_SETTING_SECRET ? "something else" : value,
	    decl->flags & PP_SETTING_SECRET ? "" : "\"",
	    words_expected(type), bounds);
}

int
settings_check(const struct pp_setting_decl *decls, const char *key,
    const char *value, struct fault *fault)
{
	const struct pp_setting_decl *decl = find_decl(decls, key);
	int64_t number;

	if (decl == NULL)
		return unknown_key(decls, key, fault);
	if (value[0] == '\0' && (decl->flags & PP_SETTING_REQUIRED ||
	    decl->type == PP_TYPE_PATH))
		return fault_set(fault, PP_INVALID_DATA,
		    "%s: found nothing, expected a value%s%s", key,
		    decl->help != NULL ? ": " : "",
		    decl->help != NULL ? decl->help : "");
	if (is_word(decl) && (words_parse(words_types[decl->type], value,
	    &number) == -1 || !in_bounds(decl, number)))
		return word_fault(decl, value, fault);
	if (decl->type == PP_TYPE_CHOICE &&
	    choice_index(decl->choices, value) == -1)
		return choice_fault(decl, value, fault);
	return 0;
}

int
settings_check_complete(const struct pp_setting_decl *decls,
    const struct pp_setting *settings, size_t count, struct fault *fault)
{
	for (; decls != NULL && decls->key != NULL; decls++) {
		if ((decls->flags & PP_SETTING_REQUIRED) == 0 ||
		    find_value(settings, count, decls->key) != NULL)
			continue;
		return fault_set(fault, PP_INVALID_DATA,
		    "\"%s\" is missing%s%s", decls->key,
		    decls->help != NULL ? ": " : "",
		    decls->help != NULL ? decls->help : "");
	}
	return 0;
}

/* ---- values -------------------------------------------------------------- */

/* What is set, or the declared default; NULL: neither. */
static const char *
value_of(const struct pp_setting_decl *decl, const struct pp_setting *settings,
    size_t count, const char *key)
{
	const char *value = find_value(settings, count, key);

	if (value == NULL && decl != NULL)
		value = decl->preset;
	return value;
}

int
settings_text(const struct pp_setting_decl *decls,
    const struct pp_setting *settings, size_t count, const char *base,
    const char *key, char *buf, size_t size, size_t *needed)
{
	const struct pp_setting_decl *decl = find_decl(decls, key);
	const char *value = value_of(decl, settings, count, key);
	const char *slash;
	size_t whole;

	if (value == NULL)
		return PP_NOT_FOUND;
	if (decl == NULL || decl->type != PP_TYPE_PATH || value[0] == '/')
		base = "";
	slash = base[0] == '\0' || base[strlen(base) - 1] == '/' ? "" : "/";
	whole = strlen(base) + strlen(slash) + strlen(value) + 1;
	if (needed != NULL)
		*needed = whole;
	if (whole > size)
		return PP_BUFFER_TOO_SMALL;
	snprintf(buf, size, "%s%s%s", base, slash, value);
	return 0;
}

int
settings_number(const struct pp_setting_decl *decls,
    const struct pp_setting *settings, size_t count, const char *key,
    int64_t *value)
{
	const struct pp_setting_decl *decl = find_decl(decls, key);
	const char *text = value_of(decl, settings, count, key);
	int64_t number = -1;

	if (decl == NULL || text == NULL)
		return PP_NOT_FOUND;
	if (decl->type == PP_TYPE_CHOICE) {
		number = choice_index(decl->choices, text);
		if (number == -1)
			return PP_INVALID_DATA;
	} else if (!is_word(decl))
		return PP_INVALID_PARAMETER;
	else if (words_parse(words_types[decl->type], text, &number) == -1)
		return PP_INVALID_DATA;
	*value = number;
	return 0;
}
