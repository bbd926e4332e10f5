/*
 * data_name.c - see data_name.h.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "data_name.h"
#include "job.h"

#define TEXTS	6

static const char digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* text and its NUL behind what is packed, cut to what fits. */
static size_t
pack(unsigned char *buf, size_t used, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (used == size)
		return used;
	if (len > size - used - 1)
		len = size - used - 1;
	memcpy(buf + used, text, len);
	buf[used + len] = '\0';
	return used + len + 1;
}

static void
encode(const unsigned char *from, size_t len, char *to)
{
	uint32_t bits = 0;
	unsigned int n_bits = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		bits = (bits << 8 | from[i]) & 0xffff;
		for (n_bits += 8; n_bits >= 6; n_bits -= 6)
			*to++ = digits[bits >> (n_bits - 6) & 63];
	}
	if (n_bits > 0)
		*to++ = digits[bits << (6 - n_bits) & 63];
	*to = '\0';
}

void
data_name_make(const struct job *job, size_t index,
    char name[DATA_NAME_LEN])
{
	const struct job_document *doc = &job->documents[index];
	const char *const texts[TEXTS] = { job->queue, doc->format,
	    job->user, job->host, job->title, doc->name };
	unsigned char packed[DATA_NAME_LEN];
	size_t len = 0;
	size_t room;
	size_t i;
	int n;

	n = snprintf(name, DATA_NAME_LEN, "%" PRIu64 "-%zu-%zu-", job->id,
	    index + 1, job->n_documents);
	room = (DATA_NAME_LEN - 1 - (size_t)n) * 6 / 8;
	for (i = 0; i < TEXTS; i++)
		len = pack(packed, len, room, texts[i]);
	encode(packed, len, name + n);
}

/* Bytes decoded, always fewer than those of from; -1: a foreign character. */
static ssize_t
decode(const char *from, char *to)
{
	const char *digit;
	uint32_t bits = 0;
	unsigned int n_bits = 0;
	ssize_t len = 0;

	for (; *from != '\0'; from++) {
		digit = strchr(digits, *from);
		if (digit == NULL)
			return -1;
		bits = (bits << 6 | (uint32_t)(digit - digits)) & 0xffff;
		n_bits += 6;
		if (n_bits >= 8) {
			n_bits -= 8;
			to[len++] = (char)(bits >> n_bits & 0xff);
		}
	}
	return len;
}

int
data_name_parse(const char *text, struct data_name *name)
{
	const char **const texts[TEXTS] = { &name->queue, &name->format,
	    &name->user, &name->host, &name->title, &name->name };
	const char *at = name->text;
	ssize_t len;
	size_t i;
	int end = 0;

	if (strlen(text) >= DATA_NAME_LEN || text[0] < '1' || text[0] > '9' ||
	    sscanf(text, "%20" SCNu64 "-%4u-%4u-%n", &name->job,
	    &name->number, &name->of, &end) != 3 || end == 0)
		return -1;
	if (name->number < 1 || name->number > name->of ||
	    name->of > JOB_DOCUMENTS_MAX ||
	    name->job >= UINT64_C(1) << 53)
		return -1;
	len = decode(text + end, name->text);
	if (len < 1 || name->text[len - 1] != '\0')
		return -1;
	for (i = 0; i < TEXTS; i++) {
		*texts[i] = at;
		/* Texts that were cut off wholly share the last NUL. */
		if (at + strlen(at) + 1 < name->text + len)
			at += strlen(at) + 1;
		else
			at = name->text + len - 1;
	}
	return 0;
}
