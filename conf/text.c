/*
 * text.c - see text.h.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

/* Forms of UTF-8 by first byte; `least` refuses what is longer than need be. */
static const struct {
	unsigned char	mask;
	unsigned char	lead;
	uint32_t	least;
} forms[] = {
	{ 0x80, 0x00, 0 }, { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 },
	{ 0xf8, 0xf0, 0x10000 },
};

static bool
is_text(uint32_t c)
{
	if (c < 0x20)
		return c == '\t';
	if (c >= 0x7f && c < 0xa0)
		return false;
	return c <= 0x10ffff && (c < 0xd800 || c > 0xdfff);
}

size_t
text_char(const char *s, size_t len)
{
	const unsigned char *p = (const unsigned char *)s;
	size_t n = 0;
	uint32_t c;

	while (n < 4 && (p[0] & forms[n].mask) != forms[n].lead)
		n++;
	if (n == 4 || n >= len)
		return 0;
	c = p[0] & (unsigned char)~forms[n].mask;
	for (size_t i = 1; i <= n; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	return c >= forms[n].least && is_text(c) ? n + 1 : 0;
}

const char *
text_quote(const char *s, char buf[TEXT_QUOTE_LEN])
{
	static const char rest[] = "...";
	size_t left = strlen(s);
	size_t at = 0;

	buf[at++] = '"';
	while (left > 0) {
		size_t n = text_char(s, left);
		size_t bytes = n > 0 ? n : 1;

		if (at + sizeof("\\xNN\"") + sizeof(rest) > TEXT_QUOTE_LEN) {
			memcpy(buf + at, rest, sizeof(rest) - 1);
			at += sizeof(rest) - 1;
			break;
		}
		if (n > 0)
			memcpy(buf + at, s, n);
		else
			snprintf(buf + at, sizeof("\\xNN"), "\\x%02x",
			    (unsigned char)*s);
		at += n > 0 ? n : 4;
		s += bytes;
		left -= bytes;
	}
	buf[at++] = '"';
	buf[at] = '\0';
	return buf;
}

/* Length of base without its last component; "/" has none. */
static size_t
parent_len(const char *base, size_t len)
{
	while (len > 0 && base[len - 1] == '/')
		len--;
	while (len > 0 && base[len - 1] != '/')
		len--;
	return len;
}

char *
text_path(const char *base, const char *path)
{
	size_t len = strlen(base);
	char *joined;

	if (path[0] == '/')
		return strdup(path);
	for (;;) {
		size_t n = strcspn(path, "/");

		if (n == 2 && strncmp(path, "..", 2) == 0)
			len = parent_len(base, len);
		else if (n != 1 || path[0] != '.')
			break;
		path += n;
		path += strspn(path, "/");
	}
	while (len > 0 && base[len - 1] == '/')
		len--;
	if (asprintf(&joined, "%.*s/%s", (int)len, base, path) == -1)
		return NULL;
	/* "." itself is the base, without a slash behind it. */
	if (*path == '\0' && len > 0)
		joined[len] = '\0';
	return joined;
}
