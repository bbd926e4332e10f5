/*
 * data_name - the name of a document's file tells whose it is.
 *
 *	17-1-1-bG9iYnkA...	job 17, document 1 of 1, then base64url of
 *				queue, format, user, host, title, name
 *
 * Should the database be lost, the job can be rebuilt from it.  Texts that do
 * not fit are cut, the later ones first.
 *
 * Errors     -1: not such a name.
 * Threads    Any.
 */
#ifndef DATA_NAME_H
#define DATA_NAME_H

#include <stddef.h>
#include <stdint.h>

#define DATA_NAME_LEN	256

struct job;

struct data_name {
	uint64_t	 job;
	unsigned	 number, of;
	/* Borrowed from text. */
	const char	*queue, *format, *user, *host, *title, *name;
	char		 text[DATA_NAME_LEN];
};

/* index is that of the document in the job, from 0. */
void data_name_make(const struct job *job, size_t index,
    char name[DATA_NAME_LEN]);
int data_name_parse(const char *text, struct data_name *name)
    __attribute__((warn_unused_result));

#endif /* DATA_NAME_H */
