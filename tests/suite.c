/*
 * suite.c - see suite.h.
 */
#include <ftw.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "suite.h"

static char directory[4096];
static pid_t directory_owner;

int
suite_main(Suite *suite)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_set_tap(runner, "-");
	srunner_run_all(runner, CK_SILENT);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int
remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	return remove(path);
}

static void
remove_directory(void)
{
	if (directory_owner == getpid())
		nftw(directory, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *
suite_directory(void)
{
	const char *tmp = getenv("TMPDIR");

	if (directory_owner == getpid())
		return directory;
	snprintf(directory, sizeof(directory), "%s/printport-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(directory) == NULL)
		ck_abort_msg("mkdtemp %s failed", directory);
	directory_owner = getpid();
	atexit(remove_directory);
	return directory;
}

const char *
suite_loopback(void)
{
	struct addrinfo *found;

	if (getaddrinfo("localhost", NULL, NULL, &found) != 0)
		return "127.1";
	freeaddrinfo(found);
	return "localhost";
}
