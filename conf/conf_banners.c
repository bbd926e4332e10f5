/*
 * conf_banners.c - templates of banner pages, from their files.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "banner.h"
#include "conf.h"
#include "text.h"

/* All of fd, but no more than size; -1 with errno. */
static ssize_t
read_all(int fd, char *bytes, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, bytes + len, size - len);
		if (n > 0)
			len += (size_t)n;
	} while ((n > 0 && len < size) || (n == -1 && errno == EINTR));
	return n == -1 ? -1 : (ssize_t)len;
}

/* bytes has room for one byte more than BANNER_LEN.  Why not; NULL: it is. */
static const char *
read_file(const char *path, char *bytes, size_t *len)
{
	/* A FIFO would keep us waiting for a writer. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	const char *why = NULL;
	struct stat st;
	ssize_t n = -1;

	if (fd == -1 || fstat(fd, &st) == -1)
		why = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		why = "it is no regular file";
	else if ((n = read_all(fd, bytes, BANNER_LEN + 1)) == -1)
		why = strerror(errno);
	else if (n == 0)
		why = "it is empty";
	else if (n > (ssize_t)BANNER_LEN)
		why = "it has more than 65536 bytes";
	if (fd != -1)
		close(fd);
	*len = why == NULL ? (size_t)n : 0;
	return why;
}

/* room is as in read_file(). */
static int
read_page(const struct conf *conf, struct conf_queue *queue, char *room,
    struct conf_errors *errors)
{
	bool utf8 = queue->banner_format != NULL &&
	    strcasestr(queue->banner_format, "charset=utf-8") != NULL;
	const char *why = NULL;
	char quoted[TEXT_QUOTE_LEN];
	struct banner_fault fault;
	size_t len = 0;

	if (queue->banner_file != NULL)
		why = read_file(queue->banner_file, room, &len);
	if (why != NULL) {
		conf_errors_add(errors, conf->path, queue->banner_file_line,
		    "banner_file: %s cannot be used: %s; expected a file with "
		    "the page's text", text_quote(queue->banner_file, quoted),
		    why);
		return -1;
	}
	queue->banner_page = banner_new(queue->banner_file != NULL ? room :
	    NULL, len, utf8, &fault);
	if (queue->banner_page != NULL)
		return 0;
	conf_errors_add(errors, queue->banner_file != NULL ?
	    queue->banner_file : conf->path, fault.line, "%s", fault.text);
	return -1;
}

int
conf_read_banners(struct conf *conf, struct conf_errors *errors)
{
	char *room = malloc(BANNER_LEN + 1);
	int rc = 0;
	size_t i;

	if (room == NULL) {
		conf_errors_add(errors, conf->path, 0, "banner pages cannot "
		    "be read: %s", strerror(ENOMEM));
		return -1;
	}
	for (i = 0; i < conf->n_queues; i++)
		if (conf->queues[i].banner != CONF_BANNER_NO &&
		    conf->queues[i].banner_page == NULL &&
		    read_page(conf, &conf->queues[i], room, errors) == -1)
			rc = -1;
	free(room);
	return rc;
}
