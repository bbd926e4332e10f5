/*
 * wire - questions to printportd over its control socket.
 *
 * Lifecycle  wire_open() .. wire_close().  An answer ends by answer_free().
 * Errors     -1: there was no answer; what, where and the remedy have been
 *            said on standard error.  An answer that refuses is an answer.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <jansson.h>

struct wire;

struct answer {
	long	 status;	/* of HTTP */
	char	*text;		/* owned; as it came */
	size_t	 len;
	json_t	*json;		/* owned; NULL: it is none */
};

struct wire *wire_open(const char *socket_path)
    __attribute__((warn_unused_result));
void wire_close(struct wire *wire);

/* path from "/v1" on.  body NULL: none; it is borrowed. */
int wire_get(struct wire *wire, const char *path, struct answer *answer)
    __attribute__((warn_unused_result));
int wire_post(struct wire *wire, const char *path, const json_t *body,
    struct answer *answer) __attribute__((warn_unused_result));

/*
 * The answer goes to out as it comes, unless it refuses: then it is in answer.
 * tame: out is a terminal, so control characters do not get there.
 */
int wire_copy(struct wire *wire, const char *path, FILE *out, bool tame,
    struct answer *answer) __attribute__((warn_unused_result));

void answer_free(struct answer *answer);
bool answer_is_good(const struct answer *answer);

/* text as a part of a path or query; free() it.  NULL: no memory. */
char *wire_escape(struct wire *wire, const char *text)
    __attribute__((warn_unused_result));

#endif /* WIRE_H */
