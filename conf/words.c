/*
 * words.c - see words.h.
 */
#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "words.h"

/* Words longer than this have no near ones. */
#define NEAREST_LEN	63

struct unit {
	const char	*name;
	int64_t		 factor;
};

/* Largest first; the one with the empty name is a bare number. */
static const struct unit size_units[] = {
	{ "T", INT64_C(1) << 40 }, { "G", INT64_C(1) << 30 },
	{ "M", INT64_C(1) << 20 }, { "K", INT64_C(1) << 10 },
	{ "k", INT64_C(1) << 10 }, { "m", INT64_C(1) << 20 },
	{ "g", INT64_C(1) << 30 }, { "t", INT64_C(1) << 40 },
	{ "", 1 }, { NULL, 0 }
};
static const struct unit time_units[] = {
	{ "d", 86400000 }, { "h", 3600000 }, { "m", 60000 }, { "s", 1000 },
	{ "ms", 1 }, { "", 1000 }, { NULL, 0 }
};

static int
parse_bool(const char *text, int64_t *value)
{
	static const char *const words[] = { "no", "yes", "false", "true",
	    "off", "on", "0", "1" };

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*value = (int64_t)(i % 2);
			return 0;
		}
	}
	return -1;
}

/*
 * Digits of a base into *value, each with the given sign, so that INT64_MIN
 * can be read too.  Returns what follows them; NULL if there are none or the
 * value does not fit.
 */
static const char *
parse_digits(const char *text, int base, int sign, int64_t *value)
{
	const char *p = text;
	int64_t sum = 0;

	for (; *p >= '0' && *p < '0' + base; p++) {
		if (__builtin_mul_overflow(sum, base, &sum) ||
		    __builtin_add_overflow(sum, sign * (*p - '0'), &sum))
			return NULL;
	}
	*value = sum;
	return p == text ? NULL : p;
}

static int
parse_number(const char *text, int64_t *value)
{
	int sign = *text == '-' ? -1 : 1;
	const char *end;
	int64_t number;

	end = parse_digits(text + (sign < 0), 10, sign, &number);
	if (end == NULL || *end != '\0')
		return -1;
	*value = number;
	return 0;
}

static int
parse_with_unit(const struct unit *unit, const char *text, int64_t *value)
{
	const char *end;
	int64_t number;

	end = parse_digits(text, 10, 1, &number);
	if (end == NULL)
		return -1;
	end += strspn(end, " \t");
	while (unit->name != NULL && strcmp(unit->name, end) != 0)
		unit++;
	if (unit->name == NULL ||
	    __builtin_mul_overflow(number, unit->factor, &number))
		return -1;
	*value = number;
	return 0;
}

static int
parse_mode(const char *text, int64_t *value)
{
	const char *end;
	int64_t mode;

	end = parse_digits(text, 8, 1, &mode);
	if (end == NULL || *end != '\0' || mode > 07777)
		return -1;
	*value = mode;
	return 0;
}

int
words_parse(enum words_type type, const char *text, int64_t *value)
{
	switch (type) {
	case WORDS_BOOL:
		return parse_bool(text, value);
	case WORDS_NUMBER:
		return parse_number(text, value);
	case WORDS_SIZE:
		return parse_with_unit(size_units, text, value);
	case WORDS_TIME:
		return parse_with_unit(time_units, text, value);
	case WORDS_MODE:
		return parse_mode(text, value);
	}
	return -1;
}

static void
print_with_unit(const struct unit *unit, int64_t value,
    char text[WORDS_TEXT_LEN])
{
	while (value % unit->factor != 0)
		unit++;
	snprintf(text, WORDS_TEXT_LEN, "%" PRId64 "%s", value / unit->factor,
	    value == 0 ? "" : unit->name);
}

void
words_print(enum words_type type, int64_t value, char text[WORDS_TEXT_LEN])
{
	switch (type) {
	case WORDS_BOOL:
		snprintf(text, WORDS_TEXT_LEN, "%s", value ? "yes" : "no");
		break;
	case WORDS_NUMBER:
		snprintf(text, WORDS_TEXT_LEN, "%" PRId64, value);
		break;
	case WORDS_SIZE:
		print_with_unit(size_units, value, text);
		break;
	case WORDS_TIME:
		print_with_unit(time_units, value, text);
		break;
	case WORDS_MODE:
		snprintf(text, WORDS_TEXT_LEN, "%04" PRIo64, (uint64_t)value);
		break;
	}
}

const char *
words_expected(enum words_type type)
{
	static const char *const texts[] = {
		[WORDS_BOOL]	= "yes or no",
		[WORDS_NUMBER]	= "a number such as 100",
		[WORDS_SIZE]	= "a size such as 512, 64K or 2G",
		[WORDS_TIME]	= "a time such as 500ms, 30s, 5m, 2h or 7d",
		[WORDS_MODE]	= "an octal file mode such as 0640",
	};

	return texts[type];
}

static size_t
min3(size_t a, size_t b, size_t c)
{
	size_t min = a < b ? a : b;

	return min < c ? min : c;
}

/*
 * Letters to insert, delete, replace or swap with their neighbour to make b of
 * a (optimal string alignment).  Both are at most NEAREST_LEN long.
 */
static size_t
distance(const char *a, const char *b)
{
	size_t rows[3][NEAREST_LEN + 1];
	size_t *before = rows[0], *above = rows[1], *row = rows[2], *spare;
	size_t len = strlen(b);

	for (size_t j = 0; j <= len; j++)
		above[j] = before[j] = j;
	for (size_t i = 1; a[i - 1] != '\0'; i++) {
		row[0] = i;
		for (size_t j = 1; j <= len; j++) {
			int x = tolower((unsigned char)a[i - 1]);
			int y = tolower((unsigned char)b[j - 1]);

			row[j] = min3(row[j - 1] + 1, above[j] + 1,
			    above[j - 1] + (x != y));
			if (i > 1 && j > 1 && before[j - 2] + 1 < row[j] &&
			    x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]))
				row[j] = before[j - 2] + 1;
		}
		spare = before;
		before = above;
		above = row;
		row = spare;
	}
	return above[len];
}

const char *
words_nearest(const char *word, const char *const *candidates, size_t n)
{
	size_t len = strlen(word);
	size_t nearest = len / 3 + 1;	/* further off is no misspelling */
	const char *found = NULL;

	if (len < 3 || len > NEAREST_LEN)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t d;

		if (strlen(candidates[i]) > NEAREST_LEN)
			continue;
		d = distance(word, candidates[i]);
		if (d < nearest || (d == nearest && found == NULL)) {
			nearest = d;
			found = candidates[i];
		}
	}
	return found;
}
