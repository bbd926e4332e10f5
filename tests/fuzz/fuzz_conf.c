/*
 * fuzz_conf.c - a configuration file.
 *
 * There is a configuration or there are errors, each with a text; and what is
 * printed of a good one is good again, and prints the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "conf/conf.h"
#include "tests/fuzz/target.h"

static int fd = -1;
static char path[64];

static struct conf *
load(const void *bytes, size_t len)
{
	struct conf_errors errors = { 0 };
	struct conf *conf;
	size_t i;

	if (fd == -1) {
		fd = memfd_create("conf", MFD_CLOEXEC);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	}
	/* A file that anybody may write is refused unread. */
	if (fchmod(fd, 0600) == -1 || ftruncate(fd, 0) == -1 ||
	    pwrite(fd, bytes, len, 0) != (ssize_t)len)
		abort();
	conf = conf_load(path, &errors);
	if ((conf == NULL) != (errors.n > 0))
		abort();
	for (i = 0; i < errors.n; i++)
		if (strlen(errors.v[i].file) == 0 ||
		    strlen(errors.v[i].text) == 0 || errors.v[i].line < 0)
			abort();
	conf_errors_free(&errors);
	return conf;
}

static char *
print(const struct conf *conf, size_t *len)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, len);

	if (out == NULL)
		abort();
	conf_print(conf, out);
	if (fclose(out) != 0)
		abort();
	return text;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf *conf = load(data, size), *again;
	char *first, *second;
	size_t first_len, second_len;

	if (conf == NULL)
		return 0;
	first = print(conf, &first_len);
	again = load(first, first_len);
	if (again == NULL)
		abort();
	second = print(again, &second_len);
	if (strcmp(first, second) != 0)
		abort();
	free(first);
	free(second);
	conf_free(conf);
	conf_free(again);
	return 0;
}
