/*
 * when.c - see when.h.
 */
#include <ctype.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "when.h"

#define DAY_S	86400

const char *
when_text(int64_t ms, char buf[WHEN_LEN])
{
	time_t s = (time_t)(ms / 1000);
	struct tm tm;
	size_t n;

	buf[0] = '\0';
	if (ms == 0 || gmtime_r(&s, &tm) == NULL)
		return buf;
	n = strftime(buf, WHEN_LEN, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + n, WHEN_LEN - n, ".%03dZ", (int)(ms % 1000));
	return buf;
}

/* Just n digits, of a number from least to most; -1: they are not there. */
static int
digits(const char **text, int n, int least, int most)
{
	int value = 0;

	for (; n > 0; n--, (*text)++) {
		if (!isdigit((unsigned char)**text))
			return -1;
		value = value * 10 + (**text - '0');
	}
	return value >= least && value <= most ? value : -1;
}

static bool
skip(const char **text, char c)
{
	if (**text != c)
		return false;
	(*text)++;
	return true;
}

static bool
is_leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static int
days_of(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31,
	    30, 31 };

	return days[month - 1] + (month == 2 && is_leap(year));
}

static int
parse_date(const char **text, int64_t *s)
{
	int year, month, day, i;
	int64_t days = 0;

	if ((year = digits(text, 4, 1970, 9999)) < 0 || !skip(text, '-') ||
	    (month = digits(text, 2, 1, 12)) < 0 || !skip(text, '-') ||
	    (day = digits(text, 2, 1, days_of(year, month))) < 0)
		return -1;
	for (i = 1970; i < year; i++)
		days += 365 + is_leap(i);
	for (i = 1; i < month; i++)
		days += days_of(year, i);
	*s = (days + day - 1) * DAY_S;
	return 0;
}

/* ".123456" is 123 ms. */
static int
parse_fraction(const char **text, int *ms)
{
	int unit = 100;

	*ms = 0;
	if (!skip(text, '.'))
		return 0;
	if (!isdigit((unsigned char)**text))
		return -1;
	for (; isdigit((unsigned char)**text); (*text)++, unit /= 10)
		*ms += (**text - '0') * unit;
	return 0;
}

static int
parse_offset(const char **text, int *s)
{
	int sign = **text == '-' ? -1 : 1;
	int hours, minutes;

	*s = 0;
	if (skip(text, 'Z') || skip(text, 'z'))
		return 0;
	if (!skip(text, '+') && !skip(text, '-'))
		return -1;
	if ((hours = digits(text, 2, 0, 23)) < 0 || !skip(text, ':') ||
	    (minutes = digits(text, 2, 0, 59)) < 0)
		return -1;
	*s = sign * (hours * 3600 + minutes * 60);
	return 0;
}

/* A leap second is the first one of the next minute. */
static int
parse_time(const char **text, int64_t *s, int *ms)
{
	int hour, minute, second, offset;

	if ((hour = digits(text, 2, 0, 23)) < 0 || !skip(text, ':') ||
	    (minute = digits(text, 2, 0, 59)) < 0 || !skip(text, ':') ||
	    (second = digits(text, 2, 0, 60)) < 0 ||
	    parse_fraction(text, ms) == -1 || parse_offset(text, &offset) == -1)
		return -1;
	*s += hour * 3600 + minute * 60 + second - offset;
	return 0;
}

int
when_parse(const char *text, int64_t *ms)
{
	int64_t s;
	int rest = 0;

	if (parse_date(&text, &s) == -1)
		return -1;
	if ((skip(&text, 'T') || skip(&text, 't') || skip(&text, ' ')) &&
	    parse_time(&text, &s, &rest) == -1)
		return -1;
	if (*text != '\0')
		return -1;
	*ms = s * 1000 + rest;
	return 0;
}
