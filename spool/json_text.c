/*
 * json_text.c - see json_text.h.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "json_text.h"

#define REPLACEMENT	"\xef\xbf\xbd"		/* U+FFFD */

/* Length of the UTF-8 character at s, or 0 for what is none. */
static size_t
utf8(const unsigned char *s)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t len = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 :
	    (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 0;
	uint32_t c;
	size_t i;

	if (len < 2)
		return len;
	c = s[0] & (0xffU >> (len + 1));
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	return c < least[len] || c > 0x10ffff || (c >= 0xd800 && c < 0xe000) ?
	    0 : len;
}

/* At worst each byte becomes three. */
static char *
repaired(const char *text)
{
	char *copy = malloc(3 * strlen(text) + 1);
	char *end = copy;
	size_t len;

	if (copy == NULL)
		return NULL;
	for (; *text != '\0'; text += len) {
		len = utf8((const unsigned char *)text);
		memcpy(end, len > 0 ? text : REPLACEMENT, len > 0 ? len : 3);
		end += len > 0 ? len : 3;
		len += len == 0;
	}
	*end = '\0';
	return copy;
}

/* jansson judges by itself whether it is UTF-8: it nearly always is. */
json_t *
json_text(const char *text)
{
	json_t *string = json_string(text);
	char *copy;

	if (string != NULL)
		return string;
	copy = repaired(text);
	if (copy == NULL)
		return NULL;
	string = json_string(copy);
	free(copy);
	return string;
}
