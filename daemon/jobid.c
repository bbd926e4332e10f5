/*
 * jobid.c - see jobid.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "jobid.h"
#include "log.h"

#define FILE_NAME	"job-id"

static int dir_fd = -1;
static uint64_t last;			/* given out */
static uint64_t asked;			/* reserved, or being reserved */
static _Atomic uint64_t reserved;	/* numbers up to this may be given */

static int
sync_file(int fd, const char *text)
{
	size_t len = strlen(text);

	if (write(fd, text, len) != (ssize_t)len || fsync(fd) == -1) {
		close(fd);
		return -1;
	}
	return close(fd);
}

/* Replace the file as a whole. */
static int
store(uint64_t number)
{
	char text[32];
	int fd;

	snprintf(text, sizeof(text), "%" PRIu64 "\n", number);
	fd = openat(dir_fd, FILE_NAME ".new",
	    O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd == -1 || sync_file(fd, text) == -1 ||
	    renameat(dir_fd, FILE_NAME ".new", dir_fd, FILE_NAME) == -1)
		return -1;
	return fsync(dir_fd);
}

static uint64_t
load(void)
{
	char text[32] = "";
	ssize_t n;
	int fd;

	fd = openat(dir_fd, FILE_NAME, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd == -1)
		return 0;
	n = read(fd, text, sizeof(text) - 1);
	close(fd);
	return n > 0 ? strtoull(text, NULL, 10) : 0;
}

static void
complain(const char *directory)
{
	log_put(LOG_LEVEL_WARNING, "job numbers start again at 1 after a "
	    "restart", LOG_TEXT("spool_directory", directory),
	    LOG_TEXT("reason", strerror(errno)),
	    LOG_TEXT("remedy", "create the directory and give it to the "
	    "daemon's user"));
}

void
jobid_open(const char *directory)
{
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	last = dir_fd == -1 ? 0 : load();
	asked = last + JOBID_BLOCK;
	if (dir_fd == -1 || store(asked) == -1) {
		complain(directory);
		asked = UINT64_MAX;
	}
	atomic_store(&reserved, asked);
}

static void *
reserve(void *arg)
{
	uint64_t number = asked;

	(void)arg;
	if (store(number) == -1)
		log_put(LOG_LEVEL_ERROR, "job numbers cannot be reserved",
		    LOG_TEXT("reason", strerror(errno)));
	atomic_store(&reserved, number);
	return NULL;
}

/* Half of the block is left: time to move the file on. */
static void
reserve_more(void)
{
	pthread_attr_t attr;
	pthread_t thread;

	if (atomic_load(&reserved) != asked)
		return;				/* under way */
	asked += JOBID_BLOCK;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	if (pthread_create(&thread, &attr, reserve, NULL) != 0)
		asked -= JOBID_BLOCK;
	pthread_attr_destroy(&attr);
}

uint64_t
jobid_next(void)
{
	if (asked - last <= JOBID_BLOCK / 2)
		reserve_more();
	return ++last;
}
