/*
 * table.c - see table.h.
 */
#include <langinfo.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <wchar.h>

#include "table.h"

#define GAP	2		/* between columns */
#define WIDTH	80		/* of a terminal that does not say */

struct table {
	const struct column	*columns;
	size_t			 n;
	char			**cells;	/* owned, and what is in them */
	size_t			 n_cells;
	bool			 bad;		/* no memory */
};

/* ---- text --------------------------------------------------------------- */

static bool
speaks_utf8(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* One character of UTF-8; text is valid, or it goes on byte by byte. */
static size_t
decode(const char *text, uint32_t *c)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t len = s[0] < 0x80 ? 1 : (s[0] & 0xe0) == 0xc0 ? 2 :
	    (s[0] & 0xf0) == 0xe0 ? 3 : (s[0] & 0xf8) == 0xf0 ? 4 : 1;
	size_t i;

	*c = len == 1 ? s[0] : s[0] & (0xffU >> (len + 1));
	if (len == 1 && s[0] >= 0x80)
		*c = 0x80;
	for (i = 1; i < len; i++) {
		if ((s[i] & 0xc0) != 0x80) {
			*c = 0x80;
			return 1;
		}
		*c = *c << 6 | (s[i] & 0x3f);
	}
	return len;
}

static bool
is_harmless(uint32_t c)
{
	if (c < 0x20 || (c >= 0x7f && c < 0xa0))
		return false;
	return !(c == 0x200e || c == 0x200f || c == 0x2028 || c == 0x2029 ||
	    (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069));
}

char *
table_clean(const char *text, bool terminal)
{
	bool ascii = terminal && !speaks_utf8();
	char *clean = malloc(strlen(text) + 1);
	char *end = clean;
	uint32_t c;
	size_t len;

	if (clean == NULL)
		return NULL;
	for (; *text != '\0'; text += len) {
		len = decode(text, &c);
		if (!is_harmless(c) || (ascii && c >= 0x80)) {
			*end++ = '?';
			continue;
		}
		memcpy(end, text, len);
		end += len;
	}
	*end = '\0';
	return clean;
}

static size_t
char_width(uint32_t c)
{
	int width = speaks_utf8() ? wcwidth((wchar_t)c) : 1;

	return width < 0 ? 1 : (size_t)width;
}

static size_t
text_width(const char *text)
{
	size_t width = 0;
	uint32_t c;

	while (*text != '\0') {
		text += decode(text, &c);
		width += char_width(c);
	}
	return width;
}

/* Bytes of text that take no more than width. */
static size_t
bytes_within(const char *text, size_t width)
{
	size_t bytes = 0, len;
	uint32_t c;

	while (text[bytes] != '\0') {
		len = decode(text + bytes, &c);
		if (char_width(c) > width)
			break;
		width -= char_width(c);
		bytes += len;
	}
	return bytes;
}

/* ---- cells -------------------------------------------------------------- */

struct table *
table_new(const struct column *columns, size_t n)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return NULL;
	table->columns = columns;
	table->n = n;
	return table;
}

void
table_free(struct table *table)
{
	if (table == NULL)
		return;
	while (table->n_cells > 0)
		free(table->cells[--table->n_cells]);
	free(table->cells);
	free(table);
}

void
table_add(struct table *table, const char *text)
{
	size_t n = table->n_cells;
	char **cells;

	if ((n & (n - 1)) == 0) {
		cells = reallocarray(table->cells, n == 0 ? 1 : 2 * n,
		    sizeof(*cells));
		if (cells == NULL) {
			table->bad = true;
			return;
		}
		table->cells = cells;
	}
	table->cells[n] = strdup(text != NULL ? text : "");
	if (table->cells[n] == NULL)
		table->bad = true;
	else
		table->n_cells++;
}

void
table_addf(struct table *table, const char *fmt, ...)
{
	va_list args;
	char *text;
	int rc;

	va_start(args, fmt);
	rc = vasprintf(&text, fmt, args);
	va_end(args);
	if (rc == -1) {
		table->bad = true;
		return;
	}
	table_add(table, text);
	free(text);
}

/* ---- printing ----------------------------------------------------------- */

size_t
table_width(FILE *out)
{
	struct winsize size;

	if (!isatty(fileno(out)))
		return 0;
	if (ioctl(fileno(out), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return WIDTH;
}

/* 0 for a column that has nothing but its head. */
static void
measure(const struct table *table, size_t *widths)
{
	size_t i, width;

	for (i = 0; i < table->n; i++)
		widths[i] = 0;
	for (i = 0; i < table->n_cells; i++) {
		width = text_width(table->cells[i]);
		if (width > widths[i % table->n])
			widths[i % table->n] = width;
	}
	for (i = 0; i < table->n; i++) {
		width = text_width(table->columns[i].head);
		if (widths[i] > 0 && widths[i] < width)
			widths[i] = width;
	}
}

static size_t
total(const struct table *table, const size_t *widths)
{
	size_t sum = 0, i;

	for (i = 0; i < table->n; i++)
		sum += widths[i] == 0 ? 0 : widths[i] + (sum > 0 ? GAP : 0);
	return sum;
}

/* Take from the widest that can be cut, until it fits or none can. */
static void
fit(const struct table *table, size_t *widths, size_t width)
{
	size_t i, widest;

	while (total(table, widths) > width) {
		widest = table->n;
		for (i = 0; i < table->n; i++)
			if (table->columns[i].least > 0 &&
			    widths[i] > table->columns[i].least &&
			    (widest == table->n ||
			    widths[i] >= widths[widest]))
				widest = i;
		if (widest == table->n)
			return;
		widths[widest]--;
	}
}

static void
pad(FILE *out, size_t n)
{
	while (n-- > 0)
		putc(' ', out);
}

/* Nothing is put behind the last text of a line. */
static void
print_cell(FILE *out, const struct column *column, const char *text,
    size_t width, bool last)
{
	size_t used = text_width(text);
	const char *mark = used <= width ? "" : speaks_utf8() ?
	    "\xe2\x80\xa6" : "~";
	size_t bytes = bytes_within(text, used <= width ? width : width - 1);

	if (column->right && used < width)
		pad(out, width - used);
	fwrite(text, 1, bytes, out);
	fputs(mark, out);
	if (!column->right && !last && used < width)
		pad(out, width - used);
}

static const char *
text_at(const struct table *table, char *const *row, size_t i)
{
	return row == NULL ? table->columns[i].head : row[i];
}

/* row NULL: the heads. */
static void
print_row(const struct table *table, FILE *out, char *const *row,
    const size_t *widths)
{
	size_t i, last = 0;
	bool first = true;

	for (i = 0; i < table->n; i++)
		if (widths[i] > 0 && *text_at(table, row, i) != '\0')
			last = i;
	for (i = 0; i <= last; i++) {
		if (widths[i] == 0)
			continue;
		if (!first)
			pad(out, GAP);
		first = false;
		print_cell(out, &table->columns[i], text_at(table, row, i),
		    widths[i], i == last);
	}
	putc('\n', out);
}

/* Clean copies take the place of what was added. */
static int
clean_all(struct table *table, bool terminal)
{
	size_t i;
	char *clean;

	if (table->bad)
		return -1;
	for (i = 0; i < table->n_cells; i++) {
		clean = table_clean(table->cells[i], terminal);
		if (clean == NULL)
			return -1;
		free(table->cells[i]);
		table->cells[i] = clean;
	}
	return 0;
}

int
table_print(struct table *table, FILE *out, size_t width)
{
	size_t *widths = calloc(table->n, sizeof(*widths));
	size_t i;

	if (widths == NULL || clean_all(table, width > 0) == -1) {
		free(widths);
		return -1;
	}
	measure(table, widths);
	if (width > 0)
		fit(table, widths, width);
	print_row(table, out, NULL, widths);
	for (i = 0; i + table->n <= table->n_cells; i += table->n)
		print_row(table, out, table->cells + i, widths);
	free(widths);
	return 0;
}
