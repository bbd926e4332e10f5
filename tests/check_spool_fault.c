/*
 * check_spool_fault.c - each call that the store makes fails in turn.
 *
 * The n-th call fails, for n = 1, 2, 3 ... until a run passes without the
 * fault; after each, with the fault gone: all that was acknowledged is there,
 * nothing else is, and the store works.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/spool_rig.h"
#include "tests/spool_shim.h"
#include "tests/suite.h"

#define JOBS	4

struct outcome {
	uint64_t	id[JOBS];
	bool		acked[JOBS];
	int		state[JOBS];	/* last that was acknowledged */
	bool		doubt[JOBS];	/* a step failed */
};

static const size_t lengths[JOBS] = { 100, 300000, 5000, 70000 };

static struct spool_rig rig;

static void
setup(void)
{
	shim_register();
	rig_make(&rig);
	rig.options.sys = &shim_sys;
	rig.options.vfs = SHIM_VFS;
}

static void
teardown(void)
{
	rig_free(&rig);
	shim_reset();
}

static void
fresh(void)
{
	rig_free(&rig);
	shim_reset();
	rig_make(&rig);
	rig.options.sys = &shim_sys;
	rig.options.vfs = SHIM_VFS;
}

static void
step(struct outcome *o, unsigned int i, enum job_state state)
{
	if (!o->acked[i])
		return;
	if (rig_step(&rig, o->id[i], state) == 0)
		o->state[i] = (int)state;
	else
		o->doubt[i] = true;
}

static void
work(struct outcome *o)
{
	unsigned int i, removed;
	int error;

	for (i = 0; i < JOBS; i++) {
		error = rig_job(&rig, "lobby", 1, lengths[i], &o->id[i]);
		o->acked[i] = error == 0;
		o->state[i] = JOB_PENDING;
		if (store_health(rig.store) == STORE_SUSPECT)
			error = rig_probe(&rig);
	}
	step(o, 0, JOB_PROCESSING);
	step(o, 0, JOB_COMPLETED);
	step(o, 1, JOB_PENDING_HELD);
	rig_note(&rig, "lobby", "yes");
	/* Nothing is so old. */
	rig_expire(&rig, &(struct store_retention){ .jobs_before_ms = 1,
	    .limit = 5 }, &removed);
	(void)error;
}

static void
verify(const struct outcome *o)
{
	unsigned int i, acked = 0;
	struct job_list *list;

	ck_assert_msg(rig_open(&rig) != NULL, "%s", rig.error.text);
	ck_assert_ptr_null(strstr(rig.messages, "damaged"));
	for (i = 0; i < JOBS; i++) {
		if (!o->acked[i])
			continue;
		acked++;
		ck_assert(rig_intact(&rig, o->id[i], 1, lengths[i]));
		if (!o->doubt[i])
			ck_assert_int_eq(rig_state(&rig, o->id[i]),
			    o->state[i]);
	}
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .which = STORE_ALL, .limit = 100 }, &list), 0);
	ck_assert_uint_eq(list->n, acked);
	job_list_free(list);
	ck_assert_int_eq(rig_check(&rig), 0);
}

struct kind {
	unsigned int	calls;
	int		error;
	bool		lasting;
};

static const struct kind kinds[] = {
	{ SHIM_SYS, EIO, false },
	{ SHIM_SYS, ENOSPC, true },
	{ SHIM_SYS_SYNC, EIO, false },
	{ SHIM_VFS_IO, EIO, false },
	{ SHIM_VFS_IO, ENOSPC, true },
	{ SHIM_VFS_SYNC, EIO, false },
};

/* The fault comes after the store is open. */
START_TEST(the_nth_call_fails_while_it_works)
{
	const struct kind *kind = &kinds[_i];
	struct outcome o;
	bool fired = true;
	unsigned int n;

	for (n = 1; fired; n++) {
		ck_assert_uint_lt(n, 2000);
		fresh();
		memset(&o, 0, sizeof(o));
		ck_assert_ptr_nonnull(rig_open(&rig));
		shim_fail(kind->calls, n, kind->error, kind->lasting);
		work(&o);
		rig_close(&rig);
		fired = shim_fired();
		shim_fail(0, 0, 0, false);
		ck_assert(!shim_sync_retried());
		verify(&o);
	}
	ck_assert_uint_gt(n, 3);
}
END_TEST

/* The fault comes while the store opens, over jobs of the time before. */
START_TEST(the_nth_call_fails_while_it_opens)
{
	const struct kind *kind = &kinds[_i];
	struct outcome o = { 0 };
	bool fired = true;
	unsigned int n;

	ck_assert_ptr_nonnull(rig_open(&rig));
	work(&o);
	rig_close(&rig);
	for (n = 1; fired; n++) {
		ck_assert_uint_lt(n, 2000);
		shim_fail(kind->calls, n, kind->error, kind->lasting);
		if (rig_open(&rig) == NULL)
			ck_assert_str_ne(rig.error.text, "");
		rig_close(&rig);
		fired = shim_fired();
		shim_fail(0, 0, 0, false);
		verify(&o);
		rig_close(&rig);
	}
	ck_assert_uint_gt(n, 2);
}
END_TEST

START_TEST(after_a_failed_sync_a_probe_decides)
{
	uint64_t id;

	ck_assert_ptr_nonnull(rig_open(&rig));
	shim_fail(SHIM_SYS_SYNC, 1, EIO, true);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 100000, &id), -EIO);
	ck_assert_int_eq(store_health(rig.store), STORE_SUSPECT);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &id), -EIO);
	ck_assert_int_eq(rig_probe(&rig), -EIO);
	ck_assert_int_eq(store_health(rig.store), STORE_SUSPECT);
	shim_fail(0, 0, 0, false);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &id), -EIO);
	ck_assert_int_eq(rig_probe(&rig), 0);
	ck_assert_int_eq(store_health(rig.store), STORE_OK);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 100000, &id), 0);
	ck_assert_uint_eq(rig_entries(&rig, "data"), 1);
	ck_assert(!shim_sync_retried());
}
END_TEST

START_TEST(a_database_that_cannot_be_synced_is_suspect)
{
	uint64_t id, first;

	ck_assert_ptr_nonnull(rig_open(&rig));
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &first), 0);
	shim_fail(SHIM_VFS_SYNC, 1, EIO, true);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &id), -EIO);
	ck_assert_int_eq(store_health(rig.store), STORE_SUSPECT);
	ck_assert_int_eq(rig_probe(&rig), -EIO);
	shim_fail(0, 0, 0, false);
	ck_assert_int_eq(rig_step(&rig, first, JOB_PROCESSING), 0);
	ck_assert_int_eq(rig_probe(&rig), 0);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &id), 0);
}
END_TEST

/* As a crash finds it: the log of the database is still there. */
static void
crash_and_open(void)
{
	char command[1400];

	snprintf(command, sizeof(command), "cp -a '%s' '%s.crash' && "
	    "rm -f '%s.crash/jobs.db-shm'", rig.directory, rig.directory,
	    rig.directory);
	ck_assert_int_eq(system(command), 0);
	rig_close(&rig);
	rig_remove_tree(rig.directory);
	snprintf(command, sizeof(command), "mv '%s.crash' '%s'",
	    rig.directory, rig.directory);
	ck_assert_int_eq(system(command), 0);
	ck_assert_ptr_nonnull(rig_open(&rig));
}

START_TEST(what_was_refused_is_on_no_record_after_a_crash)
{
	struct job_list *list;
	uint64_t id, first;

	ck_assert_ptr_nonnull(rig_open(&rig));
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &first), 0);
	shim_fail(SHIM_VFS_SYNC, 1, EIO, false);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &id), -EIO);
	shim_fail(0, 0, 0, false);
	crash_and_open();
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .which = STORE_ALL, .limit = 100 }, &list), 0);
	ck_assert_uint_eq(list->n, 1);
	ck_assert_uint_eq(list->jobs[0]->id, first);
	job_list_free(list);
}
END_TEST

START_TEST(full_is_no_reason_for_suspicion)
{
	uint64_t id;

	ck_assert_ptr_nonnull(rig_open(&rig));
	shim_fail(SHIM_VFS_IO, 1, ENOSPC, true);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &id), -ENOSPC);
	shim_fail(SHIM_SYS, 1, EDQUOT, true);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 100000, &id), -EDQUOT);
	shim_fail(0, 0, 0, false);
	ck_assert_int_eq(store_health(rig.store), STORE_OK);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 100000, &id), 0);
}
END_TEST

START_TEST(short_and_interrupted_writes_lose_nothing)
{
	uint64_t id;

	shim_short_writes();
	ck_assert_ptr_null(rig.store);
	shim_reset();
	ck_assert_ptr_nonnull(rig_open(&rig));
	shim_short_writes();
	ck_assert_int_eq(rig_job(&rig, "lobby", 3, 1000000, &id), 0);
	ck_assert(rig_intact(&rig, id, 1, 1000000));
	ck_assert(rig_intact(&rig, id, 2, 1000000));
	ck_assert(rig_intact(&rig, id, 3, 1000000));
}
END_TEST

/* A file system without O_TMPFILE: a name until it is whole. */
static int
openat_without_tmpfile(int dir, const char *path, int flags, mode_t mode)
{
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return spool_sys_real.openat(dir, path, flags, mode);
}

START_TEST(without_nameless_files_it_works_too)
{
	struct spool_sys sys = spool_sys_real;
	uint64_t id;

	sys.openat = openat_without_tmpfile;
	rig.options.sys = &sys;
	ck_assert_ptr_nonnull(rig_open(&rig));
	ck_assert_int_eq(rig_job(&rig, "lobby", 2, 100000, &id), 0);
	ck_assert(rig_intact(&rig, id, 2, 100000));
	ck_assert_uint_eq(rig_entries(&rig, "data"), 2);
	rig_close(&rig);
}
END_TEST

START_TEST(a_store_whose_directory_is_gone_says_so)
{
	uint64_t id;

	ck_assert_ptr_nonnull(rig_open(&rig));
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &id), 0);
	rig_remove_tree(rig.directory);
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &id), -ENXIO);
	ck_assert_int_eq(store_health(rig.store), STORE_GONE);
	rig_close(&rig);
	ck_assert_ptr_null(rig_open(&rig));
	ck_assert_int_eq(mkdir(rig.directory, 0700), 0);
	ck_assert_ptr_nonnull(rig_open(&rig));
	ck_assert_int_eq(rig_job(&rig, "lobby", 1, 10, &id), 0);
}
END_TEST

/* Nothing is written, so nothing else would find out. */
START_TEST(a_look_finds_out_that_it_is_gone)
{
	static const char *const parts[] = { "", "/data", "/jobs.db" };
	char path[600], aside[640];

	ck_assert_ptr_nonnull(rig_open(&rig));
	ck_assert_int_eq(rig_look(&rig), 0);
	ck_assert_int_eq(store_health(rig.store), STORE_OK);
	snprintf(path, sizeof(path), "%s%s", rig.directory, parts[_i]);
	snprintf(aside, sizeof(aside), "%s.aside", path);
	ck_assert_int_eq(rename(path, aside), 0);
	ck_assert_int_eq(rig_look(&rig), -ENXIO);
	ck_assert_int_eq(store_health(rig.store), STORE_GONE);
	rig_close(&rig);
	ck_assert_int_eq(rename(aside, path), 0);
	ck_assert_ptr_nonnull(rig_open(&rig));
	ck_assert_int_eq(rig_look(&rig), 0);
}
END_TEST

static Suite *
spool_fault_suite(void)
{
	static const int n = sizeof(kinds) / sizeof(kinds[0]);
	Suite *suite = suite_create("spool_fault");
	TCase *nth = tcase_create("nth");
	TCase *one = tcase_create("one");

	tcase_add_checked_fixture(nth, setup, teardown);
	tcase_add_checked_fixture(one, setup, teardown);
	tcase_set_timeout(nth, 300);
	tcase_add_loop_test(nth, the_nth_call_fails_while_it_works, 0, n);
	tcase_add_loop_test(nth, the_nth_call_fails_while_it_opens, 0, n);
	tcase_add_test(one, after_a_failed_sync_a_probe_decides);
	tcase_add_test(one, a_database_that_cannot_be_synced_is_suspect);
	tcase_add_test(one, what_was_refused_is_on_no_record_after_a_crash);
	tcase_add_test(one, full_is_no_reason_for_suspicion);
	tcase_add_test(one, short_and_interrupted_writes_lose_nothing);
	tcase_add_test(one, without_nameless_files_it_works_too);
	tcase_add_test(one, a_store_whose_directory_is_gone_says_so);
	tcase_add_loop_test(one, a_look_finds_out_that_it_is_gone, 0, 3);
	suite_add_tcase(suite, nth);
	suite_add_tcase(suite, one);
	return suite;
}

int
main(void)
{
	return suite_main(spool_fault_suite());
}
