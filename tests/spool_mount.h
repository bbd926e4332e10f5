/*
 * spool_mount - a small file system for one test, which nobody else sees.
 *
 * Each test process has a mount namespace of its own, so that what it mounts
 * is gone when it ends.  tmpfs can be had by anyone who may have a user
 * namespace; ext4, in a file, by root where there are loop devices.
 *
 * Lifecycle  mount_private() once in a process; then mounts and unmounts.
 * Errors     What can only fail by a defect of the test fails the test;
 *            mount_permitted() finds out before what the place permits.
 */
#ifndef SPOOL_MOUNT_H
#define SPOOL_MOUNT_H

#include <stdbool.h>

enum mount_kind { MOUNT_TMPFS, MOUNT_EXT4 };

/* Tries it, in a process of its own. */
bool mount_permitted(enum mount_kind kind);

void mount_private(void);

/* options as in "size=4m". */
void mount_tmpfs(const char *directory, const char *options);
/* Make one of so many bytes, with these options of mkfs.ext4. */
void mount_make_ext4(const char *image, unsigned long long bytes,
    const char *options);
void mount_ext4(const char *image, const char *directory);
/* Put it in order again, when it is not mounted. */
void mount_repair_ext4(const char *image);
/* As if the kernel had found it damaged: it is read-only from now on. */
void mount_damage_ext4(const char *directory);
/* Gone from the directory; files that are open stay so. */
void mount_detach(const char *directory);

#endif /* SPOOL_MOUNT_H */
