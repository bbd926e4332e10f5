/*
 * file_name - the name of a job's file, out of the port's pattern.
 *
 *	%j job id   %q queue  %p port   %u user   %h host of the client
 *	%t title    %o output file that the client asked for
 *	%d date YYYYMMDD      %T time HHMMSS, both of the job's arrival
 *	%% a percent sign
 *
 * A name made here is safe whatever a client sent: it is valid UTF-8 without
 * control characters or '/', not empty, not hidden, no option to a command,
 * and has room for a suffix below NAME_MAX.  Job id and time are never cut.
 *
 * Pure functions.  Codes are those of monitor.h.
 */
#ifndef FILE_NAME_H
#define FILE_NAME_H

#include <limits.h>
#include <stdint.h>

#define FILE_NAME_SIZE	(NAME_MAX + 1)

/* All strings may be NULL. */
struct file_name_facts {
	uint64_t	 job;
	int64_t		 arrived;	/* seconds since 1970 */
	const char	*queue;
	const char	*port;
	const char	*user;
	const char	*host;
	const char	*title;
	const char	*output;
};

/* What is wrong with a pattern, for a log; NULL if it is fine. */
const char *file_name_fault(const char *pattern);

/* 1 if the pattern holds the element, such as 'j'. */
int file_name_uses(const char *pattern, char element);

/* The name for a job; pattern must be without fault. */
void file_name_make(const char *pattern, const struct file_name_facts *facts,
    char name[FILE_NAME_SIZE]);

/* The n-th name like this one: "a.ps", "a-2.ps", "a-3.ps"; n from 1. */
void file_name_variant(const char *name, unsigned int n,
    char variant[FILE_NAME_SIZE]);

#endif /* FILE_NAME_H */
