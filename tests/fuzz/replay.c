/*
 * replay.c - runs a fuzz target over its corpus, the directory CORPUS, and
 * over every beginning of each file; speaks TAP.
 */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/target.h"

#define FILE_LEN	65536

static int
is_file(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

/* In memory of just its size, so that a look beyond it is seen. */
static void
run(const uint8_t *bytes, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		abort();
	memcpy(copy, bytes, len);
	(void)LLVMFuzzerTestOneInput(copy, len);
	free(copy);
}

static void
run_file(const char *name)
{
	static uint8_t bytes[FILE_LEN];
	char path[4096];
	size_t len, n;
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", CORPUS, name);
	file = fopen(path, "rb");
	if (file == NULL) {
		printf("not ok - %s cannot be read\n", name);
		exit(EXIT_FAILURE);
	}
	len = fread(bytes, 1, sizeof(bytes), file);
	fclose(file);
	for (n = 0; n <= len; n++)
		run(bytes, n);
	printf("ok - %s\n", name);
}

int
main(void)
{
	struct dirent **entries;
	int i, n = scandir(CORPUS, &entries, is_file, alphasort);

	if (n <= 0) {
		printf("Bail out! no corpus in %s\n", CORPUS);
		return EXIT_FAILURE;
	}
	printf("1..%d\n", n);
	for (i = 0; i < n; i++) {
		run_file(entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return EXIT_SUCCESS;
}
