/*
 * fuzz_banner.c - a template, a NUL, and a value for all its names.
 *
 * Whatever the value is, the page has no byte more that could mean something
 * to a printer than it has without one.
 */
#include <stdlib.h>
#include <string.h>

#include "conf/banner.h"
#include "tests/fuzz/target.h"

struct counts {
	size_t	of[256];
};

static void
must(bool so)
{
	if (!so)
		abort();
}

static void
count(const struct banner *banner, const char *value, struct counts *counts)
{
	const char *values[BANNER_FIELDS];
	size_t len, i;
	char *page;

	for (i = 0; i < BANNER_FIELDS; i++)
		values[i] = value;
	page = banner_print(banner, values, &len);
	must(page != NULL && len <= BANNER_LEN);
	memset(counts, 0, sizeof(*counts));
	for (i = 0; i < len; i++)
		counts->of[(unsigned char)page[i]]++;
	free(page);
}

/* In PostScript they stand behind a \, or are digits. */
static bool
means_something(int c, const struct banner *banner, bool utf8)
{
	if (c < ' ' || c == 0x7f)
		return true;
	if (c >= 0x80)
		return !utf8;
	if (strcmp(banner_format(banner), "application/postscript") == 0)
		return strchr("^~!#$%&*;<>[]{}|\"'`", c) != NULL;
	return strchr("^~!#$%&*;<>[]{}|\\\"'`", c) != NULL;
}

static void
judge(const struct banner *banner, const char *value, bool utf8)
{
	struct counts with, without;
	int c;

	count(banner, value, &with);
	count(banner, NULL, &without);
	for (c = 0; c < 256; c++)
		if (means_something(c, banner, utf8))
			must(with.of[c] == without.of[c]);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *template = (const char *)data + 1;
	bool utf8 = size > 0 && (data[0] & 1) != 0;
	struct banner_fault fault;
	struct banner *banner;
	size_t len;
	char *value;

	if (size == 0)
		return 0;
	len = strnlen(template, size - 1);
	banner = banner_new(template, len, utf8, &fault);
	must(banner != NULL || fault.text[0] != '\0');
	if (banner == NULL)
		return 0;
	value = len + 2 > size ? strdup("") :
	    strndup(template + len + 1, size - len - 2);
	must(value != NULL);
	judge(banner, value, utf8);
	free(value);
	banner_free(banner);
	return 0;
}
