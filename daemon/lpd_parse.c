/*
 * lpd_parse.c - see lpd_parse.h.
 */
#include <string.h>
#include <strings.h>

#include "lpd_parse.h"

#define FIRST_COMMAND	1
#define LAST_COMMAND	10	/* of LPRng; the RFC's end at 5 */

const char *
lpd_verdict_text(enum lpd_verdict verdict)
{
	static const char *const texts[LPD_VERDICT_END] = {
		[LPD_OK]	  = "is well",
		[LPD_ALIEN]	  = "this is not the LPD protocol",
		[LPD_UNSUPPORTED] = "this command is not supported",
		[LPD_MALFORMED]	  = "the line has not the right operands",
		[LPD_BAD_QUEUE]	  = "no queue can have this name",
		[LPD_BAD_OPTION]  = "the option behind the queue's name is not "
				    "copies=1 to 1000 or hold",
		[LPD_BAD_SIZE]	  = "the size is not a number below 2^64",
		[LPD_TOO_LONG]	  = "the line or a name in it is too long",
		[LPD_TOO_LARGE]	  = "the control file is larger than 256 KiB",
		[LPD_TOO_MANY]	  = "the job has more than 256 data files or "
				    "1000 print lines",
		[LPD_TOO_MUCH]	  = "more waits on this connection than 16 "
				    "jobs, 256 data files and 256 KiB of "
				    "control files",
		[LPD_NO_MEMORY]	  = "there is no memory for it just now",
	};

	return texts[verdict];
}

/* ---- lines -------------------------------------------------------------- */

bool
lpd_is_alien(char first)
{
	return first < FIRST_COMMAND || first > LAST_COMMAND;
}

enum lpd_framing
lpd_line(const char *bytes, size_t n, size_t *len, size_t *used)
{
	size_t most = n <= LPD_LINE_LEN ? n : LPD_LINE_LEN + 1;
	const char *end = most > 0 ? memchr(bytes, '\n', most) : NULL;

	if (end == NULL)
		return n > LPD_LINE_LEN ? LPD_OVERLONG : LPD_PART;
	*len = (size_t)(end - bytes);
	*used = *len + 1;
	return LPD_WHOLE;
}

size_t
lpd_stray_nuls(const char *bytes, size_t n)
{
	size_t i = 0;

	while (i < n && bytes[i] == '\0')
		i++;
	return i;
}

/* ---- words -------------------------------------------------------------- */

#define BLANKS	" \t\n\v\f\r"

static bool
is_blank(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool
is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* Behind the octet of the command, without what is blank at its end. */
static enum lpd_verdict
copy_operands(const char *line, size_t len, char text[LPD_LINE_LEN + 1])
{
	if (len > LPD_LINE_LEN)
		return LPD_TOO_LONG;
	line++;
	len--;
	while (len > 0 && is_blank(line[len - 1]))
		len--;
	if (len > 0 && memchr(line, '\0', len) != NULL)
		return LPD_MALFORMED;
	memcpy(text, line, len);
	text[len] = '\0';
	return LPD_OK;
}

static char *
skip_blanks(char *at)
{
	return at + strspn(at, BLANKS);
}

/* The next word, ended by a NUL; NULL: there is none. */
static char *
next_word(char **at)
{
	char *word = skip_blanks(*at), *end = word + strcspn(word, BLANKS);

	if (*word == '\0')
		return NULL;
	*at = end;
	if (*end != '\0')
		(*at)++;
	*end = '\0';
	return word;
}

static enum lpd_verdict
parse_number(const char *digits, uint64_t *number)
{
	*number = 0;
	if (*digits == '\0')
		return LPD_BAD_SIZE;
	for (; *digits != '\0'; digits++)
		if (!is_digit(*digits) ||
		    __builtin_mul_overflow(*number, 10u, number) ||
		    __builtin_add_overflow(*number,
		    (uint64_t)(*digits - '0'), number))
			return LPD_BAD_SIZE;
	return LPD_OK;
}

/* ---- queues ------------------------------------------------------------- */

static enum lpd_verdict
check_queue(const char *name)
{
	const char *c;

	if (*name == '\0' || strstr(name, "..") != NULL)
		return LPD_BAD_QUEUE;
	for (c = name; *c != '\0'; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '/')
			return LPD_BAD_QUEUE;
	return c - name > LPD_NAME_LEN ? LPD_TOO_LONG : LPD_OK;
}

/* Some put the name in quotes. */
static char *
unquote(char *name)
{
	size_t len = strlen(name);

	if (len < 2 || name[0] != '"' || name[len - 1] != '"')
		return name;
	name[len - 1] = '\0';
	return name + 1;
}

/* A queue with a list behind it: one word, or what is in quotes. */
static char *
next_queue(char **at)
{
	char *name = skip_blanks(*at), *end;

	if (*name != '"')
		return next_word(at);
	end = strchr(name + 1, '"');
	if (end == NULL || (end[1] != '\0' && !is_blank(end[1])))
		return next_word(at);
	*end = '\0';
	*at = end + 1;
	return name + 1;
}

static enum lpd_verdict
parse_option(char *option, struct lpd_queue *queue)
{
	uint64_t number;

	if (strcasecmp(option, "hold") == 0) {
		queue->hold = true;
		return LPD_OK;
	}
	if (strncasecmp(option, "copies=", 7) != 0 ||
	    parse_number(option + 7, &number) != LPD_OK ||
	    number == 0 || number > LPD_COPIES_MAX)
		return LPD_BAD_OPTION;
	queue->copies = (uint32_t)number;
	return LPD_OK;
}

enum lpd_verdict
lpd_queue_parse(const char *text, struct lpd_queue *queue)
{
	enum lpd_verdict verdict = check_queue(text);
	char *rest, *option;

	if (verdict != LPD_OK)
		return verdict;
	memset(queue, 0, sizeof(*queue));
	memcpy(queue->text, text, strlen(text) + 1);
	rest = queue->text;
	queue->name = strsep(&rest, "+");
	if (*queue->name == '\0')
		return LPD_BAD_QUEUE;
	while (verdict == LPD_OK && (option = strsep(&rest, "+")) != NULL)
		verdict = parse_option(option, queue);
	return verdict;
}

bool
lpd_queue_is(const char *asked, const char *name, bool any_case)
{
	return any_case ? strcasecmp(asked, name) == 0 :
	    strcmp(asked, name) == 0;
}

/* ---- commands ----------------------------------------------------------- */

/* What is no number that a job can have is the name of a user. */
static void
parse_list(struct lpd_command *command, char *at)
{
	struct lpd_item *item;
	char *word;

	while (command->n_items < LPD_LIST_MAX &&
	    (word = next_word(&at)) != NULL) {
		item = &command->items[command->n_items++];
		item->text = word;
		item->is_number = parse_number(word, &item->number) == LPD_OK;
		if (!item->is_number)
			item->number = 0;
	}
}

enum lpd_verdict
lpd_command_parse(const char *line, size_t len, struct lpd_command *command)
{
	enum lpd_verdict verdict;
	char *at = command->text;

	if (len == 0 || lpd_is_alien(line[0]))
		return LPD_ALIEN;
	if (line[0] > LPD_REMOVE)
		return LPD_UNSUPPORTED;
	verdict = copy_operands(line, len, command->text);
	if (verdict != LPD_OK)
		return verdict;
	command->verb = (enum lpd_verb)line[0];
	command->agent = NULL;
	command->n_items = 0;
	/* Only where nothing follows can a name have blanks. */
	if (command->verb == LPD_START || command->verb == LPD_RECEIVE)
		command->queue = unquote(skip_blanks(at));
	else
		command->queue = next_queue(&at);
	verdict = check_queue(command->queue != NULL ? command->queue : "");
	if (verdict != LPD_OK || command->verb < LPD_STATUS)
		return verdict;
	if (command->verb == LPD_REMOVE &&
	    (command->agent = next_word(&at)) == NULL)
		return LPD_MALFORMED;
	parse_list(command, at);
	return LPD_OK;
}

/* ---- names of files ----------------------------------------------------- */

/*
 * How many of the digits are the number: the RFC says three, LPRng can do with
 * six, some give what they have.  An address behind them begins with digits
 * too: "dfA12310.0.0.5".
 */
static size_t
count_digits(const char *digits)
{
	size_t n = 0;

	while (is_digit(digits[n]))
		n++;
	if (n > 6 || digits[n] == '.' || digits[n] == ':')
		return n < 3 ? n : 3;
	return n;
}

void
lpd_name_parse(const char *text, struct lpd_name *name)
{
	size_t n, i;

	*name = (struct lpd_name){ .text = text, .host = "" };
	if ((text[0] != 'c' && text[0] != 'd') || text[1] != 'f' ||
	    !is_letter(text[2]))
		return;
	n = count_digits(text + 3);
	if (n == 0)
		return;
	name->formed = true;
	name->is_control = text[0] == 'c';
	name->letter = text[2];
	for (i = 0; i < n; i++)
		name->number = name->number * 10 + (uint32_t)(text[3 + i] -
		    '0');
	name->host = text + 3 + n;
}

/* ---- parts of a job ----------------------------------------------------- */

static enum lpd_length
length_of(uint64_t size)
{
	if (size == 0)
		return LPD_ZERO;
	return size == INT32_MAX || size == UINT32_MAX ||
	    size >= LPD_UNKNOWN_FROM ? LPD_UNKNOWN : LPD_STATED;
}

/* "count SP name"; a name may have blanks. */
static enum lpd_verdict
parse_file(struct lpd_part *part, char *at)
{
	const char *digits = next_word(&at);
	const char *name = skip_blanks(at);
	enum lpd_verdict verdict;

	if (digits == NULL || *name == '\0')
		return LPD_MALFORMED;
	verdict = parse_number(digits, &part->size);
	if (verdict != LPD_OK)
		return verdict;
	if (strlen(name) > LPD_NAME_LEN)
		return LPD_TOO_LONG;
	if (part->type == LPD_CONTROL_FILE && part->size > LPD_CONTROL_LEN)
		return LPD_TOO_LARGE;
	part->length = length_of(part->size);
	lpd_name_parse(name, &part->name);
	return LPD_OK;
}

/* "02 queue" has no size, or what cannot be one. */
static bool
is_again(const char *operands)
{
	const char *first = operands + strspn(operands, BLANKS);

	return *first != '\0' && (!is_digit(*first) ||
	    first[strcspn(first, BLANKS)] == '\0');
}

static enum lpd_verdict
parse_again(struct lpd_part *part)
{
	part->type = LPD_AGAIN;
	part->queue = unquote(skip_blanks(part->text));
	return check_queue(part->queue);
}

enum lpd_verdict
lpd_part_parse(const char *line, size_t len, struct lpd_part *part)
{
	enum lpd_verdict verdict;

	part->type = LPD_NOTHING;
	part->length = LPD_ZERO;
	part->size = 0;
	part->name = (struct lpd_name){ .text = "", .host = "" };
	part->queue = NULL;
	if (len == 0 || (len == 1 && line[0] == '\r'))
		return LPD_OK;
	verdict = copy_operands(line, len, part->text);
	if (verdict != LPD_OK)
		return verdict;
	switch (line[0]) {
	case 1:
		part->type = LPD_ABORT;
		return LPD_OK;
	case 2:
		if (is_again(part->text))
			return parse_again(part);
		part->type = LPD_CONTROL_FILE;
		return parse_file(part, part->text);
	case 3:
		part->type = LPD_DATA_FILE;
		return parse_file(part, part->text);
	default:
		return LPD_MALFORMED;
	}
}
