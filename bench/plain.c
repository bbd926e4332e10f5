/*
 * plain.c - how fast one process writes a file, and no more: the reference
 * for one large job.
 *
 *	plain FILE BYTES
 *
 * Writes 1 MiB at a time, syncs the data, says how long that took, and removes
 * the file.
 */
#include <err.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"

#define WRITE_LEN	((size_t)1024 * 1024)

static char bytes[WRITE_LEN];

static void
write_all(const char *path, int fd, uint64_t left)
{
	ssize_t n;

	for (; left > 0; left -= (uint64_t)n) {
		n = write(fd, bytes, left < WRITE_LEN ? (size_t)left :
		    WRITE_LEN);
		if (n == -1)
			err(EXIT_FAILURE, "%s", path);
	}
	if (fdatasync(fd) == -1)
		err(EXIT_FAILURE, "%s", path);
}

int
main(int argc, char **argv)
{
	int64_t start;
	uint64_t size;
	double seconds;
	int fd;

	if (argc != 3)
		errx(EXIT_FAILURE, "usage: plain FILE BYTES");
	size = parse_number(argv[2], 1);
	memset(bytes, 'x', sizeof(bytes));
	start = now_ns();
	fd = open(argv[1], O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd == -1)
		err(EXIT_FAILURE, "%s", argv[1]);
	write_all(argv[1], fd, size);
	seconds = (double)(now_ns() - start) / 1e9;
	printf("seconds=%.6f mb_per_s=%.1f\n", seconds,
	    (double)size / seconds / 1e6);
	close(fd);
	if (unlink(argv[1]) == -1)
		err(EXIT_FAILURE, "%s", argv[1]);
	return EXIT_SUCCESS;
}
