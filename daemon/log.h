/*
 * log - one event, one line: what happened, then key=value.
 *
 *	2026-03-01T09:30:00Z info job finished port=lobby job=17 bytes=1024
 *
 * Lines go to standard error; under systemd that is the journal, which gets
 * the level as a prefix and has its own clock.  Whatever a value holds, it
 * cannot end a line, colour a terminal or look like another key: control
 * characters, broken UTF-8 and quotes are escaped, long values are cut.
 *
 * Lifecycle  log_open() once; before it, lines of level warning and worse go
 *            to standard error in the first form.
 * Errors     None are returned.  A reader that does not keep up never blocks
 *            us: lines are dropped, counted, and the count is logged later.
 * Threads    log_put() may be called from any; the others from the loop's.
 */
#ifndef LOG_H
#define LOG_H

#include <stdbool.h>
#include <stdint.h>

enum log_level { LOG_LEVEL_ERROR, LOG_LEVEL_WARNING, LOG_LEVEL_INFO,
    LOG_LEVEL_DEBUG };

enum log_field_type { LOG_FIELD_END, LOG_FIELD_TEXT, LOG_FIELD_NUMBER };

struct log_field {
	enum log_field_type	 type;
	const char		*key;
	const char		*text;		/* NULL or "": field left out */
	int64_t			 number;
};

/* Longest line; longer ones are cut.  Short enough to be written at once. */
#define LOG_LINE_LEN	4096
/* Longest value. */
#define LOG_VALUE_LEN	1024

#define LOG_TEXT(k, t)	{ LOG_FIELD_TEXT, (k), (t), 0 }
#define LOG_NUM(k, n)	{ LOG_FIELD_NUMBER, (k), "0", (int64_t)(n) }

/* log_put(LOG_LEVEL_INFO, "port opened", LOG_TEXT("port", name)) */
#define log_put(level, what, ...)					\
	log_write((level), (what),					\
	    (const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,)	\
	    { LOG_FIELD_END, NULL, NULL, 0 } })

void log_open(enum log_level level, bool journal);
void log_set_level(enum log_level level);
bool log_enabled(enum log_level level);
void log_write(enum log_level level, const char *what,
    const struct log_field *fields);

/* Is standard error a stream of the journal? */
bool log_is_journal(void);

#endif /* LOG_H */
