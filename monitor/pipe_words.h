/*
 * pipe_words - what a program is called with, out of settings and a job.
 *
 * Words are parted by blanks.  Quotes are those of a shell, and that is all
 * that there is of one:
 *
 *	'...'	as it stands
 *	"..."	as it stands, but \" and \\ are a quote and a backslash
 *	\x	x itself, outside of quotes
 *
 * In each word, quoted or not, elements stand for what is known of the job:
 *
 *	%j job id   %q queue  %p port   %u user   %h host of the client
 *	%t title    %n name of the document       %f document format
 *	%d date YYYYMMDD      %T time HHMMSS, both of the job's arrival
 *	%% a percent sign
 *
 * A word is split before anything is put into it: whatever a client sent stays
 * inside of its one word, is valid UTF-8 without control characters there, and
 * never makes an option of the word.
 *
 * Ownership  A list owns its words.
 * Errors     NULL or PP_NO_MEMORY: no memory.  A fault is words for a log.
 */
#ifndef PIPE_WORDS_H
#define PIPE_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of what a client sent, no more than this. */
#define PIPE_VALUE_LEN	1000

/* All strings may be NULL. */
struct pipe_facts {
	uint64_t	 job;
	int64_t		 arrived;	/* seconds since 1970 */
	const char	*queue;
	const char	*port;
	const char	*user;
	const char	*host;
	const char	*title;
	const char	*document;
	const char	*format;
};

/* Ends with a NULL, once there is something in it. */
struct pipe_list {
	char	**words;
	size_t	  n;
};

/* Add a word, which the list takes over in every case; NULL: no memory. */
int pipe_list_add(struct pipe_list *list, char *word);
void pipe_list_free(struct pipe_list *list);

/* Split line into words; a fault is set only with PP_INVALID_DATA. */
int pipe_words_split(const char *line, struct pipe_list *list,
    const char **fault);

/* A word with its elements filled in. */
char *pipe_words_fill(const char *word, const struct pipe_facts *facts);

/* NAME=value with the value made harmless. */
char *pipe_words_pair(const char *name, const char *value);
/* Whether a word is one that an environment can hold. */
bool pipe_words_is_pair(const char *word);

/* A list of exit statuses such as "1, 70-75"; NULL, or its fault. */
const char *pipe_words_statuses(const char *text, bool set[256]);

#endif /* PIPE_WORDS_H */
