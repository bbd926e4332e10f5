/*
 * spool_disk.c - see spool_disk.h.
 *
 * An event lasts when a sync of its file, or of its directory, comes behind
 * it and before the cut.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/spool_disk.h"
#include "tests/suite.h"

#define SEQUENCE	(-4)
#define SECTOR		512
#define NAMES_MAX	256

struct content {
	unsigned char	*bytes;		/* owned */
	size_t		 len, size;	/* used, and there */
};

struct disk {
	char			 spool[300];
	struct content		 first[3];	/* database, log, sequence */
	const struct shim_event	*log;
	size_t			 n;
	size_t			*lasts_at;	/* owned; index of the sync */
};

/* What is on the disk while the log is gone through. */
struct image {
	struct content	 files[512];		/* by number + 4 */
	struct {
		char	 path[600];		/* "": free */
		int	 file;
	} names[NAMES_MAX];
	uint32_t	 random;
};

static const char *const first_names[] = { "sequence", "jobs.db",
    "jobs.db-wal" };

static void
read_file(const char *path, struct content *content)
{
	struct stat st;
	int fd = open(path, O_RDONLY);

	if (fd == -1)
		return;
	ck_assert_int_eq(fstat(fd, &st), 0);
	content->len = (size_t)st.st_size;
	content->bytes = malloc(content->len + 1);
	ck_assert_ptr_nonnull(content->bytes);
	ck_assert_int_eq(read(fd, content->bytes, content->len),
	    (ssize_t)content->len);
	close(fd);
}

struct disk *
disk_new(const char *spool)
{
	struct disk *disk = calloc(1, sizeof(*disk));
	char path[600];
	size_t i;

	ck_assert_ptr_nonnull(disk);
	snprintf(disk->spool, sizeof(disk->spool), "%s", spool);
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", spool, first_names[i]);
		read_file(path, &disk->first[i]);
	}
	return disk;
}

void
disk_free(struct disk *disk)
{
	size_t i;

	for (i = 0; i < 3; i++)
		free(disk->first[i].bytes);
	free(disk->lasts_at);
	free(disk);
}

static bool
is_name(const struct shim_event *e)
{
	return e->kind == SHIM_CREATE || e->kind == SHIM_LINK ||
	    e->kind == SHIM_RENAME || e->kind == SHIM_UNLINK;
}

static bool
syncs(const struct shim_event *sync, const struct shim_event *e)
{
	size_t len = strlen(sync->path);

	if (!is_name(e))
		return sync->kind == SHIM_SYNC && sync->file == e->file;
	return sync->kind == SHIM_SYNC_DIR &&
	    strncmp(e->path, sync->path, len) == 0 && e->path[len] == '/' &&
	    strchr(e->path + len + 1, '/') == NULL;
}

void
disk_use(struct disk *disk, const struct shim_event *log, size_t n)
{
	size_t i, at;

	disk->log = log;
	disk->n = n;
	disk->lasts_at = calloc(n, sizeof(*disk->lasts_at));
	ck_assert_ptr_nonnull(disk->lasts_at);
	for (i = 0; i < n; i++) {
		for (at = i + 1; at < n && !syncs(&log[at], &log[i]); at++)
			continue;
		disk->lasts_at[i] = at;
	}
}

/* ---- going through the log ------------------------------------------- */

static uint32_t
random_number(struct image *image)
{
	image->random = image->random * 1664525U + 1013904223U;
	return image->random >> 16;
}

static struct content *
content_of(struct image *image, int file)
{
	ck_assert(file >= SEQUENCE && file < 500);
	return &image->files[file - SEQUENCE];
}

static void
resize(struct content *content, size_t len)
{
	if (len > content->size) {
		content->size = len * 2;
		content->bytes = realloc(content->bytes, content->size);
		ck_assert_ptr_nonnull(content->bytes);
	}
	if (len > content->len)
		memset(content->bytes + content->len, 0, len - content->len);
	content->len = len;
}

static void
put(struct image *image, const struct shim_event *e, size_t len)
{
	struct content *content = content_of(image, e->file);

	if (len == 0)
		return;
	if (e->at + len > content->len)
		resize(content, e->at + len);
	memcpy(content->bytes + e->at, e->bytes, len);
}

static void
set_name(struct image *image, const char *path, int file)
{
	size_t i;

	for (i = 0; image->names[i].path[0] != '\0' &&
	    strcmp(image->names[i].path, path) != 0; i++)
		ck_assert_uint_lt(i, NAMES_MAX - 1);
	snprintf(image->names[i].path, 600, "%s", path);
	image->names[i].file = file;
}

static int
get_name(const struct image *image, const char *path)
{
	size_t i;

	for (i = 0; i < NAMES_MAX; i++)
		if (strcmp(image->names[i].path, path) == 0)
			return image->names[i].file;
	return -1;
}

static void
apply(struct image *image, const struct shim_event *e, size_t len)
{
	switch (e->kind) {
	case SHIM_WRITE:
		put(image, e, len);
		break;
	case SHIM_TRUNCATE:
		resize(content_of(image, e->file), e->at);
		break;
	case SHIM_CREATE:
	case SHIM_LINK:
		if (e->path[0] != '\0')
			set_name(image, e->path, e->file);
		break;
	case SHIM_RENAME:
		if (get_name(image, e->path) == -1)
			break;
		set_name(image, e->to, get_name(image, e->path));
		set_name(image, e->path, -1);
		break;
	case SHIM_UNLINK:
		set_name(image, e->path, -1);
		break;
	case SHIM_SYNC:
	case SHIM_SYNC_DIR:
	case SHIM_MARK:
		break;
	}
}

static void
begin(struct image *image, const struct disk *disk)
{
	char path[600];
	size_t i;

	for (i = 0; i < 3; i++) {
		struct content *content = content_of(image,
		    SEQUENCE + (int)i);

		resize(content, disk->first[i].len);
		if (content->len > 0)
			memcpy(content->bytes, disk->first[i].bytes,
			    content->len);
		snprintf(path, sizeof(path), "%s/%s", disk->spool,
		    first_names[i]);
		set_name(image, path, SEQUENCE + (int)i);
	}
}

static void
write_out(const struct image *image, const struct disk *disk,
    const char *directory)
{
	const struct content *content;
	char path[1200];
	size_t i;
	int fd;

	ck_assert_int_eq(mkdir(directory, 0700), 0);
	snprintf(path, sizeof(path), "%s/data", directory);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	for (i = 0; i < NAMES_MAX; i++) {
		if (image->names[i].path[0] == '\0' ||
		    image->names[i].file == -1)
			continue;
		content = &image->files[image->names[i].file - SEQUENCE];
		snprintf(path, sizeof(path), "%s%s", directory,
		    image->names[i].path + strlen(disk->spool));
		fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
		ck_assert_msg(fd != -1, "%s", path);
		ck_assert_int_eq(write(fd, content->bytes, content->len),
		    (ssize_t)content->len);
		close(fd);
	}
}

void
disk_cut(const struct disk *disk, size_t at, enum disk_mode mode,
    const char *directory)
{
	struct image *image = calloc(1, sizeof(*image));
	const struct shim_event *e;
	size_t i, len;

	ck_assert_ptr_nonnull(image);
	image->random = (uint32_t)at;
	begin(image, disk);
	for (i = 0; i < at; i++) {
		e = &disk->log[i];
		len = e->len;
		if (disk->lasts_at[i] >= at && mode == DISK_NONE)
			continue;
		if (disk->lasts_at[i] >= at && mode == DISK_SOME) {
			if (random_number(image) % 2 == 0)
				continue;
			if (len > SECTOR && random_number(image) % 2 == 0)
				len = random_number(image) % (len / SECTOR) *
				    SECTOR;
		}
		apply(image, e, len);
	}
	write_out(image, disk, directory);
	for (i = 0; i < 512; i++)
		free(image->files[i].bytes);
	free(image);
}
