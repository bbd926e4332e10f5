/*
 * pjl_parse.c - see pjl_parse.h.
 */
#include <string.h>
#include <strings.h>

#include "pjl_parse.h"

#define FORM_FEED	'\f'

/* Longest message that is swallowed without an end. */
#define DROPPED_MAX	4096

/* ---- values ------------------------------------------------------------- */

/* A decimal number and nothing else. */
static bool
number(const char *text, uint32_t *value)
{
	uint64_t n = 0;
	size_t i;

	for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 10; i++)
		n = n * 10 + (uint64_t)(text[i] - '0');
	if (i == 0 || text[i] != '\0' || n > UINT32_MAX)
		return false;
	*value = (uint32_t)n;
	return true;
}

/* Without quotes, if there are any. */
static void
text(const char *from, char to[PJL_TEXT_SIZE])
{
	size_t i;

	if (*from == '"')
		from++;
	for (i = 0; from[i] != '\0' && i < PJL_TEXT_SIZE - 1; i++)
		to[i] = from[i] >= 0x20 && from[i] < 0x7f ? from[i] : '?';
	if (i > 0 && from[i] == '\0' && to[i - 1] == '"')
		i--;
	to[i] = '\0';
}

/* The value, if this is the line of the key; blanks around "=" do not count. */
static const char *
value_of(const char *line, const char *key)
{
	size_t len = strlen(key);

	if (strncasecmp(line, key, len) != 0)
		return NULL;
	line += len;
	line += strspn(line, " \t");
	if (*line++ != '=')
		return NULL;
	return line + strspn(line, " \t");
}

/* ---- lines of a message ------------------------------------------------- */

static void
online_line(struct pjl_message *message, const char *value)
{
	message->online = strcasecmp(value, "TRUE") == 0;
	if (message->online || strcasecmp(value, "FALSE") == 0)
		message->has |= PJL_HAS_ONLINE;
}

static void
number_line(struct pjl_message *message, const char *value, uint32_t *to,
    uint32_t flag)
{
	if (number(value, to))
		message->has |= flag;
}

static void
text_line(struct pjl_message *message, const char *value,
    char to[PJL_TEXT_SIZE], uint32_t flag)
{
	text(value, to);
	message->has |= flag;
}

/* OK, CANCELED, USER_CANCELED ... */
static void
result_line(struct pjl_message *message, const char *value)
{
	if (strcasestr(value, "CANCEL") != NULL)
		message->has |= PJL_HAS_CANCEL;
}

static void
value_line(struct pjl_message *m, const char *line)
{
	const char *value;

	if ((value = value_of(line, "CODE")) != NULL)
		number_line(m, value, &m->code, PJL_HAS_CODE);
	else if ((value = value_of(line, "ONLINE")) != NULL)
		online_line(m, value);
	else if ((value = value_of(line, "DISPLAY")) != NULL)
		text_line(m, value, m->display, PJL_HAS_DISPLAY);
	else if ((value = value_of(line, "NAME")) != NULL)
		text_line(m, value, m->name, PJL_HAS_NAME);
	else if ((value = value_of(line, "RESULT")) != NULL)
		result_line(m, value);
	else if ((value = value_of(line, "PAGES")) != NULL)
		number_line(m, value, &m->pages, PJL_HAS_PAGES);
	else if ((value = value_of(line, "TOTAL")) != NULL)
		number_line(m, value, &m->total, PJL_HAS_TOTAL);
	else if ((value = value_of(line, "LARGEST")) != NULL)
		number_line(m, value, &m->largest, PJL_HAS_LARGEST);
}

static void
word_line(struct pjl_message *m, const char *line)
{
	if (m->kind == PJL_JOB && strcasecmp(line, "START") == 0)
		m->has |= PJL_HAS_START;
	else if (m->kind == PJL_JOB && strcasecmp(line, "END") == 0)
		m->has |= PJL_HAS_END;
	else if (m->kind == PJL_JOB && strcasecmp(line, "CANCELED") == 0)
		m->has |= PJL_HAS_END | PJL_HAS_CANCEL;
	else if (m->kind == PJL_PAGE)
		number_line(m, line, &m->pages, PJL_HAS_PAGES);
	else if (m->kind == PJL_ID && (m->has & PJL_HAS_TEXT) == 0 &&
	    *line != '\0')
		text_line(m, line, m->text, PJL_HAS_TEXT);
}

/* ---- the head of a message ---------------------------------------------- */

/* "@PJL USTATUS DEVICE", with any blanks between the words. */
static bool
is_head(const char *line, const char *first, const char *second)
{
	size_t len = strlen(first);

	line += strspn(line, " \t");
	if (strncasecmp(line, first, len) != 0 ||
	    (line[len] != ' ' && line[len] != '\t'))
		return false;
	line += len;
	line += strspn(line, " \t");
	len = strlen(second);
	if (strncasecmp(line, second, len) != 0)
		return false;
	line += len;
	return line[strspn(line, " \t")] == '\0';
}

static enum pjl_kind
kind_of(const char *line)
{
	static const struct {
		const char	*first, *second;
		enum pjl_kind	 kind;
	} heads[] = {
		{ "USTATUS", "DEVICE", PJL_DEVICE },
		{ "USTATUS", "TIMED", PJL_TIMED },
		{ "USTATUS", "JOB", PJL_JOB },
		{ "USTATUS", "PAGE", PJL_PAGE },
		{ "INFO", "STATUS", PJL_STATUS },
		{ "INFO", "ID", PJL_ID },
		{ "INFO", "MEMORY", PJL_MEMORY },
	};
	size_t i;

	for (i = 0; i < sizeof(heads) / sizeof(heads[0]); i++)
		if (is_head(line + strlen("@PJL"), heads[i].first,
		    heads[i].second))
			return heads[i].kind;
	return PJL_OTHER;
}

static void
begin(struct pjl_parser *parser, enum pjl_kind kind)
{
	parser->inside = true;
	memset(&parser->message, 0, sizeof(parser->message));
	parser->message.kind = kind;
}

/* ---- bytes -------------------------------------------------------------- */

static void
end_line(struct pjl_parser *parser)
{
	size_t len = parser->line_len;
	char *line = parser->line;

	parser->line_len = 0;
	if (len > PJL_LINE_LEN)
		len = PJL_LINE_LEN;
	while (len > 0 && (line[len - 1] == '\r' || line[len - 1] == ' '))
		len--;
	line[len] = '\0';
	if (strncasecmp(line, "@PJL", 4) == 0)
		begin(parser, kind_of(line));
	else if (!parser->inside && strcmp(line, "PCL") == 0)
		begin(parser, PJL_OTHER);
	else if (!parser->inside)
		return;
	else if (strcmp(line, "INFO MEMORY") == 0)
		parser->message.kind = PJL_PCL_MEMORY;
	else if (strchr(line, '=') != NULL && line[0] != '"')
		value_line(&parser->message, line);
	else
		word_line(&parser->message, line);
}

static void
end_message(struct pjl_parser *parser, pjl_message_fn *fn, void *arg)
{
	if (parser->line_len > 0)
		end_line(parser);
	if (parser->inside)
		fn(arg, &parser->message);
	parser->inside = false;
}

void
pjl_parse(struct pjl_parser *parser, const char *bytes, size_t n,
    pjl_message_fn *fn, void *arg)
{
	size_t i;

	for (i = 0; i < n; i++) {
		if (bytes[i] == FORM_FEED)
			end_message(parser, fn, arg);
		else if (bytes[i] == '\n')
			end_line(parser);
		else if (parser->line_len < PJL_LINE_LEN)
			parser->line[parser->line_len++] =
			    bytes[i] != '\0' ? bytes[i] : '?';
		else
			parser->line_len = PJL_LINE_LEN + 1;
	}
}

/* ---- what is for others ------------------------------------------------- */

static const char ours[] = "@PJL USTATUS ";

_Static_assert(sizeof(ours) - 1 <= PJL_FILTER_HELD, "room for what is held");

/* Inside of one of ours: its last byte, or too many of them. */
static void
swallow(struct pjl_filter *filter, char byte)
{
	if (byte == FORM_FEED || ++filter->dropped == DROPPED_MAX) {
		filter->inside = false;
		filter->in_line = false;
	}
}

/* May this be the head of one of ours?  Then it is held. */
static bool
hold(struct pjl_filter *filter, char byte)
{
	if (filter->in_line || byte != ours[filter->held])
		return false;
	filter->held++;
	if (ours[filter->held] == '\0') {
		filter->inside = true;
		filter->dropped = 0;
		filter->held = 0;
	}
	return true;
}

size_t
pjl_filter(struct pjl_filter *filter, const char *in, size_t n, char *out)
{
	size_t i, len = 0;

	for (i = 0; i < n; i++) {
		if (filter->inside) {
			swallow(filter, in[i]);
			continue;
		}
		if (hold(filter, in[i]))
			continue;
		memcpy(out + len, ours, filter->held);
		len += filter->held;
		filter->held = 0;
		out[len++] = in[i];
		filter->in_line = in[i] != '\n' && in[i] != FORM_FEED;
	}
	return len;
}

/* ---- codes -------------------------------------------------------------- */

/* Single codes; the first range that has a code counts. */
static const struct {
	uint32_t		first, last;
	enum pp_port_status	status;
} codes[] = {
	{ 10003, 10003, PP_STATUS_WARMING_UP },
	{ 10006, 10006, PP_STATUS_TONER_LOW },
	{ 11102, 11999, PP_STATUS_PAPER_OUT },
	{ 30016, 30016, PP_STATUS_OUT_OF_MEMORY },
	{ 30078, 30078, PP_STATUS_POWER_SAVE },
	{ 35078, 35078, PP_STATUS_POWER_SAVE },
	{ 40019, 40019, PP_STATUS_OUTPUT_BIN_FULL },
	{ 40021, 40021, PP_STATUS_DOOR_OPEN },
	{ 40022, 40022, PP_STATUS_PAPER_JAM },
	{ 40034, 40034, PP_STATUS_PAPER_PROBLEM },
	{ 40038, 40038, PP_STATUS_TONER_LOW },
	{ 40079, 40079, PP_STATUS_OFFLINE },
	{ 41002, 41002, PP_STATUS_PAPER_PROBLEM },
	{ 41102, 41999, PP_STATUS_PAPER_OUT },
	{ 42000, 42999, PP_STATUS_PAPER_JAM },
	{ 43000, 43999, PP_STATUS_PAPER_PROBLEM },
	{ 44000, 44999, PP_STATUS_PAPER_JAM },
	{ 40001, UINT32_MAX, PP_STATUS_USER_INTERVENTION },
};

/* Of errors in what was sent, and of files: nothing about the device. */
static bool
is_about_data(uint32_t code)
{
	return (code >= 20000 && code < 30000) ||
	    (code >= 32000 && code < 33000);
}

bool
pjl_code_status(uint32_t code, enum pp_port_status *status,
    enum pp_severity *severity)
{
	size_t i;

	if (is_about_data(code))
		return false;
	*status = PP_STATUS_CLEAR;
	*severity = PP_SEVERITY_NONE;
	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (code >= codes[i].first && code <= codes[i].last)
			break;
	if (i == sizeof(codes) / sizeof(codes[0]))
		return true;
	*status = codes[i].status;
	*severity = code >= 40000 ? PP_SEVERITY_ERROR : PP_SEVERITY_WARNING;
	return true;
}

/* ---- the device id ------------------------------------------------------ */

int
pjl_id_speaks(const char *id)
{
	static const char *const keys[] = { "COMMAND SET:", "CMD:" };
	const char *field, *end, *at;
	size_t i;

	for (field = id; *field != '\0'; field = end + (*end == ';')) {
		field += strspn(field, " \t\r\n");
		end = field + strcspn(field, ";");
		for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
			if (strncasecmp(field, keys[i], strlen(keys[i])) != 0)
				continue;
			at = strcasestr(field, "PJL");
			return at != NULL && at < end ? 1 : 0;
		}
	}
	return -1;
}
