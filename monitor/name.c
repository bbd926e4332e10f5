/*
 * name.c - see name.h.
 */
#include <stdint.h>
#include <string.h>

#include "name.h"
#include "monitor.h"

#define NAME_MODULE_LEN	63

/* Least code point that needs a sequence of this length. */
static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };

/* Length that the first byte of a UTF-8 sequence announces; 0: none. */
static size_t
sequence_len(unsigned char first)
{
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first < 0xe0)
		return 2;
	if (first >= 0xe0 && first < 0xf0)
		return 3;
	if (first >= 0xf0 && first < 0xf5)
		return 4;
	return 0;
}

/* Length of the printable character at text; 0 if there is none. */
static size_t
character_len(const unsigned char *text)
{
	size_t len = sequence_len(text[0]), i;
	uint32_t code = len == 1 ? text[0] : text[0] & (0x7fu >> len);

	for (i = 1; i < len; i++) {
		if ((text[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (text[i] & 0x3fu);
	}
	if (len == 0 || code < least[len] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
		return 0;			/* control characters */
	return len;
}

bool
name_port_valid(const char *name)
{
	const unsigned char *text = (const unsigned char *)name;
	size_t len = strlen(name), step;

	if (len == 0 || len > PP_PORT_NAME_LEN || name[0] == '.' ||
	    strchr(name, '/') != NULL)
		return false;
	for (; *text != '\0'; text += step) {
		step = character_len(text);
		if (step == 0)
			return false;
	}
	return true;
}

bool
name_module_valid(const char *name)
{
	size_t len = strspn(name, "abcdefghijklmnopqrstuvwxyz"
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-");

	return len > 0 && len <= NAME_MODULE_LEN && name[len] == '\0';
}
