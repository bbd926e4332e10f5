/*
 * fuzz_pjl.c - what a printer says.
 *
 * The first byte says in pieces of what size it comes.  However it is split,
 * the messages and what the filter lets through are the same as of the whole,
 * and every text is one.
 */
#include <stdlib.h>
#include <string.h>

#include "monitor/pjl_parse.h"
#include "tests/fuzz/target.h"

#define DATA_MAX	65536
#define MESSAGES_MAX	1024

struct record {
	struct pjl_message	messages[MESSAGES_MAX];
	size_t			n;
};

static struct record whole, split;
static char whole_out[DATA_MAX + PJL_FILTER_HELD];
static char split_out[DATA_MAX + PJL_FILTER_HELD];

static void
check_text(const char text[PJL_TEXT_SIZE])
{
	size_t i;

	for (i = 0; i < PJL_TEXT_SIZE && text[i] != '\0'; i++)
		if (text[i] < 0x20 || text[i] >= 0x7f)
			abort();
	if (i == PJL_TEXT_SIZE)
		abort();
}

static void
on_message(void *arg, const struct pjl_message *message)
{
	struct record *record = arg;
	enum pp_port_status status;
	enum pp_severity severity;

	check_text(message->display);
	check_text(message->name);
	check_text(message->text);
	if ((message->has & PJL_HAS_CODE) != 0 &&
	    pjl_code_status(message->code, &status, &severity) &&
	    ((status == PP_STATUS_CLEAR) != (severity == PP_SEVERITY_NONE)))
		abort();
	(void)pjl_id_speaks(message->text);
	if (record->n < MESSAGES_MAX)
		record->messages[record->n] = *message;
	record->n++;
}

/* In pieces of this size: what the filter lets through. */
static size_t
feed(const char *data, size_t size, size_t piece, struct record *record,
    char *out)
{
	struct pjl_parser parser = { .inside = false };
	struct pjl_filter filter = { .held = 0 };
	size_t at, n, len = 0;

	record->n = 0;
	for (at = 0; at < size; at += n) {
		n = size - at < piece ? size - at : piece;
		pjl_parse(&parser, data + at, n, on_message, record);
		len += pjl_filter(&filter, data + at, n, out + len);
		if (len > at + n)
			abort();
	}
	return len;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t whole_len, split_len, n;

	if (size < 2 || size > DATA_MAX)
		return 0;
	whole_len = feed((const char *)data + 1, size - 1, size, &whole,
	    whole_out);
	split_len = feed((const char *)data + 1, size - 1,
	    (size_t)data[0] + 1, &split, split_out);
	n = whole.n < MESSAGES_MAX ? whole.n : MESSAGES_MAX;
	if (whole.n != split.n || whole_len != split_len ||
	    memcmp(whole.messages, split.messages,
	    n * sizeof(whole.messages[0])) != 0 ||
	    memcmp(whole_out, split_out, whole_len) != 0)
		abort();
	return 0;
}
