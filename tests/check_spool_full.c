/*
 * check_spool_full.c - a file system that is really full, runs out of inodes,
 * becomes read-only, or goes away, under an open store.
 *
 * Built twice: on tmpfs, and on ext4, by ON_EXT4.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/spool_mount.h"
#include "tests/spool_rig.h"
#include "tests/suite.h"

#define MIB		((size_t)1 << 20)
#define JOBS_MAX	4096
/* One goes to the database, the other to a file. */
#define SMALL_LEN	((size_t)30000)
#define LARGE_LEN	((size_t)100000)
/* As much as the log may hold: it is brought into the database first. */
#define BALLAST_LEN	(6 * MIB)

/* What was acknowledged; shared with a child. */
struct acked {
	unsigned int	n;
	uint64_t	id[JOBS_MAX];
	size_t		len[JOBS_MAX];
};

static struct spool_rig rig;
static struct acked *acked;
static char place[200];			/* the mount point */
static char image[300];			/* of ext4 */

/* ---- the place ------------------------------------------------------- */

static void
make_place(size_t size, unsigned int inodes)
{
	char options[128];

	if (ON_EXT4) {
		snprintf(options, sizeof(options), "-J size=1 -m 0 -N %u",
		    inodes);
		mount_make_ext4(image, size, options);
		mount_ext4(image, place);
		return;
	}
	snprintf(options, sizeof(options), "size=%zu,nr_inodes=%u", size,
	    inodes);
	mount_tmpfs(place, options);
}

static void
make_rig(void)
{
	rig_make(&rig);
	snprintf(rig.directory, sizeof(rig.directory), "%s/spool", place);
	ck_assert_int_eq(mkdir(rig.directory, 0700), 0);
}

static void
open_store(void)
{
	ck_assert_msg(rig_open(&rig) != NULL, "%s", rig.error.text);
}

static void
setup(void)
{
	snprintf(place, sizeof(place), "%s/place", suite_directory());
	snprintf(image, sizeof(image), "%s/image", suite_directory());
	acked = mmap(NULL, sizeof(*acked), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	ck_assert_ptr_ne(acked, MAP_FAILED);
	ck_assert_int_eq(mkdir(place, 0700), 0);
	mount_private();
}

static void
teardown(void)
{
	rig_close(&rig);
	mount_detach(place);
	munmap(acked, sizeof(*acked));
}

/* Something else that takes space, so that some can be given back. */
static const char *
ballast(void)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/ballast", place);
	return path;
}

static void
put_ballast(size_t len)
{
	int fd = open(ballast(), O_WRONLY | O_CREAT, 0600);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(posix_fallocate(fd, 0, (off_t)len), 0);
	ck_assert_int_eq(fsync(fd), 0);
	close(fd);
}

/* ---- jobs ------------------------------------------------------------ */

/* Also when an abort is still under way in the writers' hands. */
static int
add(size_t len)
{
	uint64_t id;
	int error;

	error = rig_job(&rig, "lobby", 1, len, &id);
	while (store_busy(rig.store) > 0)
		rig_wait(&rig);
	if (error == 0) {
		acked->id[acked->n] = id;
		acked->len[acked->n++] = len;
	}
	return error;
}

static int
fill(size_t len)
{
	int error = 0;

	while (error == 0 && acked->n < JOBS_MAX)
		error = add(len);
	return error;
}

static void
all_is_there(void)
{
	struct job_list *list;
	unsigned int i;

	for (i = 0; i < acked->n; i++)
		ck_assert_msg(rig_intact(&rig, acked->id[i], 1,
		    acked->len[i]), "job %u is lost", i);
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .which = STORE_ALL, .limit = 2 * JOBS_MAX }, &list), 0);
	ck_assert_uint_eq(list->n, acked->n);
	job_list_free(list);
	ck_assert_int_eq(rig_check(&rig), 0);
}

static void
it_is_so_after_a_restart(void)
{
	rig_close(&rig);
	open_store();
	all_is_there();
	ck_assert_int_eq(add(SMALL_LEN), 0);
	ck_assert_int_eq(add(LARGE_LEN), 0);
}

/* ---- full ------------------------------------------------------------ */

START_TEST(a_job_that_does_not_fit_leaves_nothing)
{
	make_place(8 * MIB, 200);
	make_rig();
	open_store();
	ck_assert_int_eq(add(LARGE_LEN), 0);
	ck_assert_int_eq(add(16 * MIB), -ENOSPC);
	ck_assert_int_eq(store_health(rig.store), STORE_OK);
	ck_assert_uint_eq(rig_entries(&rig, "data"), 1);
	ck_assert_int_eq(add(SMALL_LEN), 0);
	ck_assert_int_eq(add(LARGE_LEN), 0);
	all_is_there();
	it_is_so_after_a_restart();
}
END_TEST

/* By jobs in the database, and by jobs in files. */
START_TEST(a_full_disk_refuses_and_recovers)
{
	int error;

	make_place(24 * MIB, 400);
	make_rig();
	put_ballast(BALLAST_LEN);
	open_store();
	ck_assert_int_eq(fill(_i == 0 ? SMALL_LEN : LARGE_LEN), -ENOSPC);
	ck_assert_uint_gt(acked->n, 10);
	ck_assert_int_eq(store_health(rig.store), STORE_OK);
	all_is_there();
	error = rig_step(&rig, acked->id[0], JOB_PENDING_HELD);
	ck_assert(error == 0 || error == -ENOSPC);
	ck_assert_int_eq(rig_state(&rig, acked->id[0]), error == 0 ?
	    JOB_PENDING_HELD : JOB_PENDING);
	ck_assert_int_eq(unlink(ballast()), 0);
	ck_assert_int_eq(rig_step(&rig, acked->id[0], JOB_PENDING), 0);
	ck_assert_int_eq(add(SMALL_LEN), 0);
	ck_assert_int_eq(add(LARGE_LEN), 0);
	it_is_so_after_a_restart();
}
END_TEST

/* Nor is it one not to print what is there; killed, not closed. */
START_TEST(a_full_disk_is_no_reason_not_to_start)
{
	int status;
	pid_t pid;

	make_place(24 * MIB, 400);
	make_rig();
	put_ballast(BALLAST_LEN);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		_exit(rig_open(&rig) == NULL ||
		    fill(_i == 0 ? SMALL_LEN : LARGE_LEN) != -ENOSPC);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	open_store();
	all_is_there();
	ck_assert_int_eq(unlink(ballast()), 0);
	/* The first that asks has the ids reserved, if there were none. */
	if (store_next_id(rig.store) == 0)
		ck_assert_int_eq(rig_note(&rig, "lobby", "yes"), 0);
	ck_assert_int_eq(add(SMALL_LEN), 0);
	it_is_so_after_a_restart();
}
END_TEST

/* Large jobs need them, small ones do not; a start needs few. */
START_TEST(without_inodes_small_jobs_go_on)
{
	make_place(32 * MIB, 64);
	make_rig();
	put_ballast(1);
	open_store();
	ck_assert_int_eq(fill(LARGE_LEN), -ENOSPC);
	ck_assert_uint_gt(acked->n, 10);
	ck_assert_uint_lt(acked->n, 64);
	ck_assert_int_eq(store_health(rig.store), STORE_OK);
	ck_assert_int_eq(add(SMALL_LEN), 0);
	all_is_there();
	ck_assert_int_eq(unlink(ballast()), 0);
	ck_assert_int_eq(add(LARGE_LEN), 0);
	ck_assert_int_eq(add(LARGE_LEN), -ENOSPC);
	rig_close(&rig);
	open_store();
	all_is_there();
	ck_assert_int_eq(store_health(rig.store), STORE_OK);
}
END_TEST

/* ---- gone ------------------------------------------------------------ */

static const char *const removed[] = { "", "jobs.db", "data" };

/* Everything in the directory, the database, or the documents. */
START_TEST(a_store_whose_files_are_deleted_is_gone)
{
	char path[300];

	make_place(8 * MIB, 200);
	make_rig();
	open_store();
	ck_assert_int_eq(add(SMALL_LEN), 0);
	ck_assert_int_eq(add(LARGE_LEN), 0);
	if (_i == 0) {
		rig_remove_tree(rig.directory);
		ck_assert_int_eq(mkdir(rig.directory, 0700), 0);
	} else {
		snprintf(path, sizeof(path), "%s/%s", rig.directory,
		    removed[_i]);
		rig_remove_tree(path);
	}
	acked->n = 0;
	ck_assert_int_eq(add(LARGE_LEN), -ENXIO);
	ck_assert_int_eq(store_health(rig.store), STORE_GONE);
	ck_assert_int_eq(add(SMALL_LEN), -ENXIO);
	rig_close(&rig);
	open_store();
	ck_assert_int_eq(add(SMALL_LEN), 0);
	ck_assert_int_eq(add(LARGE_LEN), 0);
	ck_assert_int_eq(rig_check(&rig), 0);
}
END_TEST

/* What goes in there now would not be found by the next start. */
START_TEST(a_store_whose_file_system_is_detached_is_gone)
{
	make_place(8 * MIB, 200);
	make_rig();
	open_store();
	ck_assert_int_eq(add(SMALL_LEN), 0);
	ck_assert_int_eq(add(LARGE_LEN), 0);
	mount_detach(place);
	ck_assert_int_eq(add(SMALL_LEN), -ENXIO);
	ck_assert_int_eq(store_health(rig.store), STORE_GONE);
	rig_close(&rig);
	ck_assert_ptr_null(rig_open(&rig));
	ck_assert_int_eq(rig.error.kind, STORE_ERROR_CONFIG);
	if (ON_EXT4)
		mount_ext4(image, place);
	else {
		make_place(8 * MIB, 200);
		ck_assert_int_eq(mkdir(rig.directory, 0700), 0);
		acked->n = 0;
	}
	open_store();
	all_is_there();
	it_is_so_after_a_restart();
}
END_TEST

/* ---- read-only, or it lies ------------------------------------------- */

static void
nothing_more_is_acknowledged(void)
{
	int i;

	for (i = 0; i < 3; i++) {
		ck_assert_int_lt(add(LARGE_LEN), 0);
		ck_assert_int_lt(add(SMALL_LEN), 0);
		ck_assert_int_eq(store_health(rig.store), STORE_SUSPECT);
		ck_assert_int_eq(add(SMALL_LEN), -EIO);
		ck_assert_int_lt(rig_probe(&rig), 0);
		ck_assert_int_lt(rig_step(&rig, acked->id[0],
		    JOB_PENDING_HELD), 0);
	}
}

START_TEST(a_disk_that_became_read_only_is_still_read)
{
	make_place(8 * MIB, 200);
	make_rig();
	open_store();
	ck_assert_int_eq(add(SMALL_LEN), 0);
	ck_assert_int_eq(add(LARGE_LEN), 0);
	mount_damage_ext4(place);
	nothing_more_is_acknowledged();
	all_is_there();
	rig_close(&rig);
	ck_assert_ptr_null(rig_open(&rig));
	mount_detach(place);
	mount_repair_ext4(image);
	mount_ext4(image, place);
	open_store();
	all_is_there();
	it_is_so_after_a_restart();
}
END_TEST

/* A disk that promises more than it has: writes succeed, syncs do not. */
START_TEST(a_failed_sync_is_the_last_word)
{
	char under[256];
	int error;

	snprintf(under, sizeof(under), "%s/under", suite_directory());
	ck_assert_int_eq(mkdir(under, 0700), 0);
	mount_tmpfs(under, "size=6m");
	snprintf(image, sizeof(image), "%s/image", under);
	make_place(48 * MIB, 200);
	make_rig();
	open_store();
	ck_assert_int_eq(add(SMALL_LEN), 0);
	error = add(20 * MIB);
	ck_assert(error == -EIO || error == -ENOSPC);
	ck_assert_int_eq(store_health(rig.store), STORE_SUSPECT);
	ck_assert_int_eq(add(SMALL_LEN), -EIO);
	ck_assert_uint_eq(rig_entries(&rig, "data"), 0);
}
END_TEST

static Suite *
spool_full_suite(void)
{
	Suite *suite = suite_create("spool_full");
	TCase *full = tcase_create("full");
	TCase *gone = tcase_create("gone");
	TCase *lying;

	tcase_add_checked_fixture(full, setup, teardown);
	tcase_add_checked_fixture(gone, setup, teardown);
	tcase_set_timeout(full, 120);
	tcase_add_test(full, a_job_that_does_not_fit_leaves_nothing);
	tcase_add_loop_test(full, a_full_disk_refuses_and_recovers, 0, 2);
	tcase_add_loop_test(full, a_full_disk_is_no_reason_not_to_start, 0,
	    2);
	tcase_add_test(full, without_inodes_small_jobs_go_on);
	tcase_add_loop_test(gone, a_store_whose_files_are_deleted_is_gone, 0,
	    3);
	tcase_add_test(gone, a_store_whose_file_system_is_detached_is_gone);
	suite_add_tcase(suite, full);
	suite_add_tcase(suite, gone);
	if (!ON_EXT4)
		return suite;
	lying = tcase_create("lying");
	tcase_add_checked_fixture(lying, setup, teardown);
	tcase_set_timeout(lying, 120);
	tcase_add_test(lying, a_disk_that_became_read_only_is_still_read);
	tcase_add_test(lying, a_failed_sync_is_the_last_word);
	suite_add_tcase(suite, lying);
	return suite;
}

int
main(void)
{
	if (!mount_permitted(ON_EXT4 ? MOUNT_EXT4 : MOUNT_TMPFS)) {
		printf("1..0 # SKIP %s cannot be mounted here\n", ON_EXT4 ?
		    "ext4 in a file" : "tmpfs");
		return EXIT_SUCCESS;
	}
	return suite_main(spool_full_suite());
}
