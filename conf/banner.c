/*
 * banner.c - see banner.h.
 *
 *	template --scan--> pieces: literal, name, literal ...
 *	                     | print: each value defused for where it stands
 *	                     v
 *	                   page
 */
#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "banner.h"
#include "text.h"

/* Longest that a character may become: \ooo, or four of UTF-8. */
#define CHAR_MAX_LEN	4
#define VALUE_MAX_LEN	(BANNER_VALUE_LEN * CHAR_MAX_LEN)
#define NAME_LEN	8

/* Universal exit language: what follows is no PostScript any more. */
#define UEL		"\033%-12345X"

static const char own_page[] =
    "\r\n\r\n"
    "  User   ${user}\r\n"
    "  Host   ${host}\r\n"
    "  Title  ${title}\r\n"
    "  Class  ${class}\r\n"
    "  Queue  ${queue}\r\n"
    "  Job    ${job}\r\n"
    "  Date   ${date}\r\n"
    "\f";

static const char *const names[BANNER_FIELDS] = {
	[BANNER_USER] = "user", [BANNER_HOST] = "host",
	[BANNER_TITLE] = "title", [BANNER_CLASS] = "class",
	[BANNER_QUEUE] = "queue", [BANNER_JOB] = "job",
	[BANNER_DATE] = "date",
};

/* Bytes of the template, and the value behind them. */
struct piece {
	size_t		at, len;
	int		field;		/* enum banner_field; -1: none */
	bool		postscript;	/* where the value stands */
};

struct banner {
	char		*bytes;		/* owned; the template */
	struct piece	*pieces;	/* owned */
	size_t		 n_pieces;
	size_t		 most;		/* longest page */
	bool		 utf8;
	const char	*format;
};

/* ---- reading a template ------------------------------------------------- */

/* Where we are, and what PostScript makes of it. */
struct scan {
	const char	*bytes;
	size_t		 len, at;
	size_t		 begun;		/* of the literal at hand */
	int		 line;
	bool		 postscript, comment;
	unsigned int	 depth;		/* of parentheses */
	bool		 was_postscript;
	bool		 in_postscript;	/* stands a value */
};

static bool
looks_at(const struct scan *scan, const char *text)
{
	size_t len = strlen(text);

	return scan->len - scan->at >= len &&
	    memcmp(scan->bytes + scan->at, text, len) == 0;
}

/* At the beginning, or behind a line's end, a ^D or a UEL. */
static bool
begins_postscript(const struct scan *scan)
{
	const char *here = scan->bytes + scan->at;
	size_t uel = sizeof(UEL) - 1;

	return looks_at(scan, "%!") && (scan->at == 0 ||
	    strchr("\r\n\004", here[-1]) != NULL || (scan->at >= uel &&
	    memcmp(here - uel, UEL, uel) == 0));
}

static void
advance(struct scan *scan)
{
	if (scan->bytes[scan->at++] == '\n')
		scan->line++;
}

static void
scan_postscript(struct scan *scan)
{
	char c = scan->bytes[scan->at];

	if (scan->comment)
		scan->comment = c != '\r' && c != '\n' && c != '\f';
	else if (c == '(')
		scan->depth++;
	else if (c == ')' && scan->depth > 0)
		scan->depth--;
	else if (c == '%' && scan->depth == 0)
		scan->comment = true;
	else if (c == '\\' && scan->depth > 0 && scan->len - scan->at > 1)
		advance(scan);		/* and what is behind it */
}

static void
scan_char(struct scan *scan)
{
	if (looks_at(scan, UEL)) {
		scan->postscript = false;
	} else if (scan->postscript) {
		scan_postscript(scan);
	} else if (begins_postscript(scan)) {
		scan->postscript = scan->was_postscript = true;
		scan->comment = true;
		scan->depth = 0;
	}
	advance(scan);
}

/* What is written in other languages than text begins with these. */
static bool
has_commands(const char *bytes, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if ((unsigned char)bytes[i] < ' ' &&
		    (bytes[i] == '\0' || strchr("\t\r\n\f", bytes[i]) == NULL))
			return true;
	return memmem(bytes, len, "^XA", 3) != NULL;
}

/* ---- names in it -------------------------------------------------------- */

static void fail(struct banner_fault *fault, const struct scan *scan,
    const char *fmt, ...) __attribute__((format(printf, 3, 4)));

static void
fail(struct banner_fault *fault, const struct scan *scan, const char *fmt, ...)
{
	va_list args;

	fault->line = scan->line;
	va_start(args, fmt);
	vsnprintf(fault->text, sizeof(fault->text), fmt, args);
	va_end(args);
}

static int
find_name(const char *name)
{
	int field;

	for (field = 0; field < BANNER_FIELDS; field++)
		if (strcmp(names[field], name) == 0)
			return field;
	return -1;
}

/* What stands between "${" and "}", as far as it can be a name. */
static void
take_name(const struct scan *scan, char name[NAME_LEN + 1])
{
	const char *from = scan->bytes + scan->at + 2;
	size_t left = scan->len - scan->at - 2;
	size_t len = 0;

	while (len < left && len < NAME_LEN && from[len] >= 'a' &&
	    from[len] <= 'z')
		len++;
	memcpy(name, from, len);
	name[len] = '\0';
	if (len == left || from[len] != '}')
		name[0] = '\0';
}

static void
fail_name(struct banner_fault *fault, const struct scan *scan)
{
	size_t left = scan->len - scan->at;
	char found[24], quoted[TEXT_QUOTE_LEN];
	size_t len;

	if (left > sizeof(found) - 1)
		left = sizeof(found) - 1;
	memcpy(found, scan->bytes + scan->at, left);
	found[left] = '\0';
	len = strcspn(found, "} \t\r\n");
	found[len + (found[len] == '}')] = '\0';
	fail(fault, scan, "%s is no name of a value; expected ${user}, "
	    "${host}, ${title}, ${class}, ${queue}, ${job} or ${date}; where "
	    "\"${\" itself is meant, write \"$${\"",
	    text_quote(found, quoted));
}

/* The field at hand; -1, and the fault: there is none. */
static int
take_field(struct scan *scan, struct banner_fault *fault)
{
	char name[NAME_LEN + 1];
	int field;

	take_name(scan, name);
	field = find_name(name);
	if (field == -1) {
		fail_name(fault, scan);
	} else if (scan->postscript && !scan->comment && scan->depth == 0) {
		fail(fault, scan, "${%s} stands among PostScript's commands; "
		    "expected it in a string, as in (${%s}), or in a comment",
		    name, name);
		field = -1;
	}
	scan->in_postscript |= scan->postscript;
	return field;
}

/* 0, or -1 and the fault: how its page is as a whole. */
static int
judge(const struct banner *banner, struct scan *scan,
    struct banner_fault *fault)
{
	scan->line = 0;
	if (scan->in_postscript && scan->depth > 0)
		fail(fault, scan, "a \"(\" of its PostScript has no \")\", so "
		    "nobody can tell what is a string; expected as many of "
		    "one as of the other, and values in front of data");
	else if (banner->most > BANNER_LEN)
		fail(fault, scan, "the page has %zu bytes if its values are "
		    "as long as they may be; expected %zu at most",
		    banner->most, BANNER_LEN);
	else
		return 0;
	errno = EINVAL;
	return -1;
}

/* ---- pieces ------------------------------------------------------------- */

/* What was scanned since the last one, and a value behind it. */
static int
add_piece(struct banner *banner, const struct scan *scan, int field)
{
	struct piece *grown = reallocarray(banner->pieces,
	    banner->n_pieces + 1, sizeof(*grown));

	if (grown == NULL)
		return -1;
	banner->pieces = grown;
	grown[banner->n_pieces++] = (struct piece){ .at = scan->begun,
	    .len = scan->at - scan->begun, .field = field,
	    .postscript = scan->postscript };
	banner->most += scan->at - scan->begun +
	    (field == -1 ? 0 : VALUE_MAX_LEN);
	return 0;
}

/* 0; -1 with errno, and EINVAL for a fault. */
static int
scan_one(struct banner *banner, struct scan *scan, struct banner_fault *fault)
{
	int field;

	if (looks_at(scan, "$${")) {
		if (add_piece(banner, scan, -1) == -1)
			return -1;
		scan->begun = scan->at + 1;
		scan->at += 3;
	} else if (looks_at(scan, "${")) {
		field = take_field(scan, fault);
		errno = EINVAL;
		if (field == -1 || add_piece(banner, scan, field) == -1)
			return -1;
		scan->at += strlen(names[field]) + 3;
		scan->begun = scan->at;
	} else {
		scan_char(scan);
	}
	return 0;
}

static int
scan_all(struct banner *banner, size_t len, struct banner_fault *fault)
{
	struct scan scan = { .bytes = banner->bytes, .len = len, .line = 1 };

	while (scan.at < scan.len)
		if (scan_one(banner, &scan, fault) == -1)
			return -1;
	if (add_piece(banner, &scan, -1) == -1)
		return -1;
	banner->format = scan.was_postscript ? "application/postscript" :
	    has_commands(banner->bytes, len) ? "application/octet-stream" :
	    "text/plain";
	return judge(banner, &scan, fault);
}

struct banner *
banner_new(const char *bytes, size_t len, bool utf8,
    struct banner_fault *fault)
{
	struct banner *banner = calloc(1, sizeof(*banner));

	if (bytes == NULL) {
		bytes = own_page;
		len = sizeof(own_page) - 1;
	}
	*fault = (struct banner_fault){ .text = "no memory" };
	if (banner == NULL)
		return NULL;
	banner->utf8 = utf8;
	banner->bytes = malloc(len + 1);
	if (banner->bytes == NULL)
		goto fail;
	memcpy(banner->bytes, bytes, len);
	if (scan_all(banner, len, fault) == 0)
		return banner;

fail:
	banner_free(banner);
	return NULL;
}

void
banner_free(struct banner *banner)
{
	if (banner == NULL)
		return;
	free(banner->pieces);
	free(banner->bytes);
	free(banner);
}

const char *
banner_format(const struct banner *banner)
{
	return banner->format;
}

/* ---- values ------------------------------------------------------------- */

/*
 * What no language is known to take for more than a character.  What is not
 * here begins commands or ends texts somewhere: ^ ~ of ZPL and of line matrix
 * printers, ! of PRESCRIBE, { | } of label printers of TEC, < > of ticket
 * printers and XML, # $ % & of others, quotes and \ in the commands of PJL and
 * of label printers, ; and * between their operands.
 */
static bool
is_harmless(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	    (c >= '0' && c <= '9') || strchr(" .,:-_+=@/()?", c) != NULL;
}

static char
look_alike(char c)
{
	static const char from[] = "\"'`<[{>]}\\|;~*&";
	static const char to[] = "...((()))//,-++";
	const char *at = strchr(from, c);

	return at == NULL ? '.' : to[at - from];
}

/* In front of a line @ begins a command of PJL. */
static size_t
put_ascii(char *to, char c, bool first, bool postscript)
{
	if (postscript && strchr("()\\", c) != NULL) {
		to[0] = '\\';
		to[1] = c;
		return 2;
	}
	if (is_harmless(c) && !(first && c == '@')) {
		*to = c;
		return 1;
	}
	if (!postscript) {
		*to = look_alike(c);
		return 1;
	}
	to[0] = '\\';
	to[1] = (char)('0' + (c >> 6 & 7));
	to[2] = (char)('0' + (c >> 3 & 7));
	to[3] = (char)('0' + (c & 7));
	return 4;
}

/* Of UTF-8: it ends a line, or turns the direction of writing. */
static bool
is_mark(const char *c)
{
	unsigned char last = (unsigned char)c[2];

	if (memcmp(c, "\xe2\x80", 2) == 0)
		return last == 0x8e || last == 0x8f ||
		    (last >= 0xa8 && last <= 0xae);
	return memcmp(c, "\xe2\x81", 2) == 0 && last >= 0xa6 && last <= 0xa9;
}

/* Takes *n bytes from the front of value. */
static size_t
put_char(char *to, const char *value, size_t *n, bool first,
    const struct piece *piece, bool utf8)
{
	unsigned char c = (unsigned char)*value;

	*n = 1;
	if (c == '\t')
		c = ' ';
	if (c < ' ' || c == 0x7f)
		return 0;
	if (c < 0x80)
		return put_ascii(to, (char)c, first, piece->postscript);
	*n = text_char(value, strnlen(value, CHAR_MAX_LEN));
	if (utf8 && *n > 1 && !(*n == 3 && is_mark(value))) {
		memcpy(to, value, *n);
		return *n;
	}
	*n = *n > 1 ? *n : 1;
	*to = '?';
	return 1;
}

static size_t
put_value(char *to, const char *value, const struct piece *piece, bool utf8)
{
	size_t len = 0, n, put;
	int left = BANNER_VALUE_LEN;

	for (; *value != '\0' && left > 0; value += n) {
		put = put_char(to + len, value, &n, len == 0, piece, utf8);
		len += put;
		left -= put > 0;
	}
	return len;
}

char *
banner_print(const struct banner *banner,
    const char *const values[BANNER_FIELDS], size_t *len)
{
	char *page = malloc(banner->most + 1);
	size_t i;

	*len = 0;
	for (i = 0; page != NULL && i < banner->n_pieces; i++) {
		const struct piece *piece = &banner->pieces[i];

		memcpy(page + *len, banner->bytes + piece->at, piece->len);
		*len += piece->len;
		if (piece->field != -1 && values[piece->field] != NULL)
			*len += put_value(page + *len, values[piece->field],
			    piece, banner->utf8);
	}
	return page;
}
