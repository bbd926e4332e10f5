/*
 * spool_mount.c - see spool_mount.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/spool_mount.h"
#include "tests/suite.h"

/* ---- a namespace ----------------------------------------------------- */

static bool
write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool ok;

	if (fd == -1)
		return false;
	ok = write(fd, text, strlen(text)) == (ssize_t)strlen(text);
	close(fd);
	return ok;
}

/* Root stays root; who is not becomes root of the namespace. */
static bool
enter(void)
{
	char uid[64], gid[64];

	snprintf(uid, sizeof(uid), "0 %u 1", (unsigned)geteuid());
	snprintf(gid, sizeof(gid), "0 %u 1", (unsigned)getegid());
	if (geteuid() == 0) {
		if (unshare(CLONE_NEWNS) == -1)
			return false;
	} else if (unshare(CLONE_NEWUSER | CLONE_NEWNS) == -1 ||
	    !write_text("/proc/self/setgroups", "deny") ||
	    !write_text("/proc/self/gid_map", gid) ||
	    !write_text("/proc/self/uid_map", uid))
		return false;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
}

void
mount_private(void)
{
	ck_assert_msg(enter(), "no mount namespace: %s", strerror(errno));
}

__attribute__((format(printf, 1, 2)))
static bool
run(const char *format, ...)
{
	char command[2048];
	va_list ap;

	va_start(ap, format);
	vsnprintf(command, sizeof(command), format, ap);
	va_end(ap);
	return system(command) == 0;
}

/* ---- mounts ---------------------------------------------------------- */

static bool
try_tmpfs(const char *directory, const char *options)
{
	return mount("tmpfs", directory, "tmpfs", 0, options) == 0;
}

static bool
try_make_ext4(const char *image, unsigned long long bytes, const char *options)
{
	return run("truncate -s %llu '%s' && PATH=$PATH:/usr/sbin:/sbin "
	    "mkfs.ext4 -q -F %s '%s' >/dev/null 2>&1", bytes, image, options,
	    image);
}

static bool
try_ext4(const char *image, const char *directory)
{
	return run("mount -o loop,errors=remount-ro '%s' '%s' 2>/dev/null",
	    image, directory);
}

void
mount_tmpfs(const char *directory, const char *options)
{
	ck_assert_msg(try_tmpfs(directory, options), "tmpfs on %s: %s",
	    directory, strerror(errno));
}

void
mount_make_ext4(const char *image, unsigned long long bytes,
    const char *options)
{
	ck_assert_msg(try_make_ext4(image, bytes, options), "mkfs.ext4 %s",
	    image);
}

void
mount_ext4(const char *image, const char *directory)
{
	ck_assert_msg(try_ext4(image, directory), "ext4 on %s", directory);
}

/* e2fsck says 1 when it has put something right. */
void
mount_repair_ext4(const char *image)
{
	ck_assert_msg(run("PATH=$PATH:/usr/sbin:/sbin; e2fsck -fy '%s' "
	    ">/dev/null 2>&1 || [ $? -eq 1 ]", image), "e2fsck %s", image);
}

void
mount_damage_ext4(const char *directory)
{
	char link[64], device[300], path[600];
	struct stat st;
	ssize_t n;

	ck_assert_int_eq(stat(directory, &st), 0);
	snprintf(link, sizeof(link), "/sys/dev/block/%u:%u",
	    major(st.st_dev), minor(st.st_dev));
	n = readlink(link, device, sizeof(device) - 1);
	ck_assert_int_gt(n, 0);
	device[n] = '\0';
	snprintf(path, sizeof(path), "/sys/fs/ext4/%s/trigger_fs_error",
	    strrchr(device, '/') + 1);
	ck_assert_msg(write_text(path, "1"), "%s: %s", path,
	    strerror(errno));
}

void
mount_detach(const char *directory)
{
	ck_assert_int_eq(umount2(directory, MNT_DETACH), 0);
}

/* ---- is it permitted? ------------------------------------------------ */

static bool
try(enum mount_kind kind, const char *directory)
{
	char image[300], target[300];

	snprintf(target, sizeof(target), "%s/m", directory);
	snprintf(image, sizeof(image), "%s/i", directory);
	if (mkdir(target, 0700) == -1 || !enter())
		return false;
	if (kind == MOUNT_TMPFS)
		return try_tmpfs(target, "size=64k");
	return try_make_ext4(image, 4 << 20, "") && try_ext4(image, target);
}

bool
mount_permitted(enum mount_kind kind)
{
	const char *tmp = getenv("TMPDIR");
	char directory[256];
	int status = -1;
	pid_t pid;

	snprintf(directory, sizeof(directory), "%s/printport-XXXXXX",
	    tmp != NULL ? tmp : "/tmp");
	if (mkdtemp(directory) == NULL)
		return false;
	pid = fork();
	if (pid == 0)
		_exit(!try(kind, directory));
	if (pid != -1)
		waitpid(pid, &status, 0);
	run("rm -rf '%s'", directory);
	return status == 0;
}
