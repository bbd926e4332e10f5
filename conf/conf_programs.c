/*
 * conf_programs.c - programs that the configuration names.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf.h"
#include "text.h"

/* Why it cannot be run; NULL if it can. */
static const char *
judge(const char *path)
{
	struct stat st;

	if (stat(path, &st) == -1)
		return strerror(errno);
	if (!S_ISREG(st.st_mode))
		return "it is no regular file";
	if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) == -1)
		return errno == EACCES ? "it is not executable" :
		    strerror(errno);
	return NULL;
}

void
conf_check_programs(const struct conf *conf, struct conf_errors *errors)
{
	for (size_t i = 0; i < conf->n_queues; i++) {
		const struct conf_queue *queue = &conf->queues[i];
		const char *why = queue->notify == NULL ? NULL :
		    judge(queue->notify);
		char quoted[TEXT_QUOTE_LEN];

		if (why != NULL)
			conf_errors_add(errors, conf->path, queue->notify_line,
			    "notify: %s cannot be run: %s; expected the path "
			    "of a program, without arguments",
			    text_quote(queue->notify, quoted), why);
	}
}
