/*
 * words - values as people write them: 64K, 30s, yes, 0640.
 *
 * The only part of conf/ that other rooms may use: the settings of a monitor
 * are written in the same words as those of the daemon.
 *
 * Lifecycle, ownership  Pure functions on strings; nothing is kept.
 * Errors     Parsers return 0, or -1 and leave *value alone; the text of what
 *            would be right comes from words_expected().
 * Threads    Any.
 * Units      Sizes in bytes (K M G T are powers of 1024), times in
 *            milliseconds (ms s m h d; a bare number is seconds).
 */
#ifndef WORDS_H
#define WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum words_type { WORDS_BOOL, WORDS_NUMBER, WORDS_SIZE, WORDS_TIME,
    WORDS_MODE };

/* Longest text that words_print() makes, with NUL. */
#define WORDS_TEXT_LEN	32

/* Bool gives 0 or 1.  Accepts yes/no true/false on/off 1/0, in any case. */
int words_parse(enum words_type type, const char *text, int64_t *value)
    __attribute__((warn_unused_result));

/* A text that words_parse() reads as value, in the largest unit that fits. */
void words_print(enum words_type type, int64_t value,
    char text[WORDS_TEXT_LEN]);

/* What a value of this type looks like: "a size such as 512, 64K or 2G". */
const char *words_expected(enum words_type type);

/*
 * The candidate that is most likely meant by a misspelt word, without regard
 * to case, or NULL if none is near.
 */
const char *words_nearest(const char *word, const char *const *candidates,
    size_t n);

#endif /* WORDS_H */
