/*
 * lpd_talk.c - see lpd_talk.h.
 */
#include <stdio.h>
#include <string.h>

#include "lpd_talk.h"

/* What is left to read. */
struct rest {
	const char	*bytes;
	size_t		 n;
};

static void
skip(struct rest *rest, size_t n)
{
	rest->bytes += n;
	rest->n -= n;
}

static bool
end(struct lpd_talk *talk, enum talk_end how, enum lpd_verdict verdict)
{
	talk->end = how;
	talk->verdict = verdict;
	return false;
}

/* The next line, cut off from the rest. */
static bool
take_line(struct lpd_talk *talk, struct rest *rest, const char **line,
    size_t *len)
{
	size_t used;

	switch (lpd_line(rest->bytes, rest->n, len, &used)) {
	case LPD_PART:
		return end(talk, TALK_CUT, LPD_OK);
	case LPD_OVERLONG:
		return end(talk, TALK_REFUSED, LPD_TOO_LONG);
	default:
		*line = rest->bytes;
		skip(rest, used);
		return true;
	}
}

/* Data as long as was said; or else up to the end, which is orderly then. */
static bool
take_data(struct lpd_talk *talk, struct rest *rest,
    const struct lpd_part *part, struct talk_part *kept)
{
	kept->data = rest->bytes;
	if (part->length != LPD_STATED) {
		kept->size = rest->n;
		skip(rest, rest->n);
		return end(talk, TALK_DONE, LPD_OK);
	}
	if (rest->n < part->size) {
		talk->n_parts--;
		return end(talk, TALK_CUT, LPD_OK);
	}
	kept->size = (size_t)part->size;
	skip(rest, kept->size);
	if (rest->n > 0 && *rest->bytes == '\0') {
		kept->nul = true;
		skip(rest, 1);
	}
	return true;
}

static bool
take_file(struct lpd_talk *talk, struct rest *rest,
    const struct lpd_part *part)
{
	struct talk_part *kept = &talk->parts[talk->n_parts++];
	enum lpd_verdict verdict;
	bool more;

	*kept = (struct talk_part){ .type = part->type,
	    .length = part->length };
	if (part->type == LPD_ABORT)
		return true;
	snprintf(kept->name, sizeof(kept->name), "%s", part->name.text);
	more = take_data(talk, rest, part, kept);
	if (talk->end == TALK_CUT || part->type != LPD_CONTROL_FILE)
		return more;
	verdict = lpd_control_parse(kept->data, kept->size, &kept->control);
	return verdict == LPD_OK ? more : end(talk, TALK_REFUSED, verdict);
}

/* One subcommand and what belongs to it.  false: that was the last. */
static bool
take_part(struct lpd_talk *talk, struct rest *rest)
{
	static struct lpd_part part;
	enum lpd_verdict verdict;
	const char *line;
	size_t len;

	skip(rest, lpd_stray_nuls(rest->bytes, rest->n));
	if (rest->n == 0 || talk->n_parts == TALK_PARTS)
		return end(talk, TALK_DONE, LPD_OK);
	if (!take_line(talk, rest, &line, &len))
		return false;
	verdict = lpd_part_parse(line, len, &part);
	if (verdict == LPD_OK && part.type == LPD_AGAIN &&
	    !lpd_queue_is(part.queue, talk->command.queue, false))
		verdict = LPD_MALFORMED;
	if (verdict != LPD_OK)
		return end(talk, TALK_REFUSED, verdict);
	if (part.type == LPD_NOTHING)
		return true;
	if (part.type == LPD_AGAIN) {
		talk->n_again++;
		return true;
	}
	return take_file(talk, rest, &part);
}

void
lpd_talk_parse(const char *bytes, size_t n, struct lpd_talk *talk)
{
	struct rest rest = { bytes, n };
	enum lpd_verdict verdict;
	const char *line;
	size_t len;

	memset(talk, 0, sizeof(*talk));
	if (n == 0)
		return;
	if (lpd_is_alien(bytes[0])) {
		(void)end(talk, TALK_REFUSED, LPD_ALIEN);
		return;
	}
	if (!take_line(talk, &rest, &line, &len))
		return;
	verdict = lpd_command_parse(line, len, &talk->command);
	if (verdict != LPD_OK) {
		(void)end(talk, TALK_REFUSED, verdict);
		return;
	}
	talk->is_command = true;
	if (talk->command.verb == LPD_RECEIVE)
		while (take_part(talk, &rest))
			continue;
}

void
lpd_talk_free(struct lpd_talk *talk)
{
	size_t i;

	for (i = 0; i < talk->n_parts; i++)
		lpd_control_free(talk->parts[i].control);
}

const struct talk_part *
lpd_talk_data(const struct lpd_talk *talk, const char *name)
{
	size_t i;

	for (i = talk->n_parts; i-- > 0;)
		if (talk->parts[i].type == LPD_DATA_FILE &&
		    strcmp(talk->parts[i].name, name) == 0)
			return &talk->parts[i];
	return NULL;
}
