/*
 * check_spool_crash.c - the power goes, or the process is killed.
 *
 * Whenever it happens: every job that was acknowledged is there, whole; no
 * job is there in part; what was acknowledged of its life holds.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/spool_disk.h"
#include "tests/spool_rig.h"
#include "tests/spool_shim.h"
#include "tests/suite.h"

#define JOBS		36
/* Of the points, every fifth in each mode; and so many in each. */
#define STRIDE		5
#define POINTS_MIN	200

/* Marks in the log: what was acknowledged, and of which job. */
enum mark { ACKED = 1, SENT, COMPLETED, EXPIRING };
#define MARK(what, id)	((uint64_t)(what) << 56 | (id))

static struct spool_rig rig;

/*
 * Every second job fills so many pages of the log that it is brought into the
 * database, and starts over, in the middle.
 */
static unsigned int
documents_of(uint64_t id)
{
	return id % 2 == 1 ? 4 : 1;
}

static size_t
length_of(uint64_t id)
{
	if (id % 2 == 1)
		return 60000 + id % 1000;
	return id % 4 == 0 ? 70000 + id % 1000 : 100 * (id % 50);
}

/* ---- the work -------------------------------------------------------- */

static unsigned int n_done;

static void
committed(void *arg, int error, struct job *job)
{
	(void)arg;
	ck_assert_int_eq(error, 0);
	shim_mark(MARK(ACKED, job->id));
	n_done++;
	job_free(job);
}

static void
add_document(struct incoming *in, unsigned int number)
{
	struct job_about_document doc = { .format = "text/plain" };
	size_t len = length_of(incoming_id(in));
	unsigned char *copy = malloc(len + 1);
	size_t n = 0;

	ck_assert_ptr_nonnull(copy);
	ck_assert_int_eq(incoming_document(in, &doc), 0);
	rig_fill(copy, len, (unsigned)incoming_id(in) + number);
	while (n < len)
		n += incoming_write(in, copy + n, len - n);
	free(copy);
}

static struct incoming *
new_job(struct store *store)
{
	struct job_about about = { .queue = "lobby", .host = "10.0.0.5" };
	struct incoming *in;
	unsigned int i;

	in = incoming_begin(store, &about, 0, rig_room, NULL);
	ck_assert_ptr_nonnull(in);
	for (i = 1; i <= documents_of(incoming_id(in)); i++)
		add_document(in, i);
	return in;
}

static void
commit_some(unsigned int n)
{
	unsigned int wanted = n_done + n;
	struct incoming *in;

	for (; n > 0; n--) {
		in = new_job(rig.store);
		incoming_commit(in, committed, NULL);
	}
	while (n_done < wanted)
		rig_wait(&rig);
}

static void
work(void)
{
	unsigned int removed;
	uint64_t id;
	int i;

	for (i = 0; i < 6; i++) {
		commit_some(1);
		commit_some(JOBS / 6 - 1);
		id = (uint64_t)i * (JOBS / 6) + 4;
		ck_assert_int_eq(rig_step(&rig, id, JOB_PROCESSING), 0);
		shim_mark(MARK(SENT, id));
		ck_assert_int_eq(rig_step(&rig, id, JOB_COMPLETED), 0);
		shim_mark(MARK(COMPLETED, id));
		ck_assert_int_eq(rig_step(&rig, id + 1, JOB_PROCESSING), 0);
		shim_mark(MARK(SENT, id + 1));
	}
	shim_mark(MARK(EXPIRING, 0));
	ck_assert_int_eq(rig_expire(&rig, &(struct store_retention){
	    .data_before_ms = INT64_MAX, .limit = 3 }, &removed), 0);
	ck_assert_uint_eq(removed, 3);
	commit_some(2);
}

/* ---- what must hold -------------------------------------------------- */

struct promise {
	bool	acked[JOBS + 16], sent[JOBS + 16], completed[JOBS + 16];
	bool	expiring;
};

static struct promise
promised(const struct shim_event *log, size_t n)
{
	struct promise p = { 0 };
	uint64_t id;
	size_t i;

	for (i = 0; i < n; i++) {
		if (log[i].kind != SHIM_MARK)
			continue;
		id = log[i].at & 0xffffff;
		ck_assert_uint_lt(id, JOBS + 16);
		switch ((enum mark)(log[i].at >> 56)) {
		case ACKED:
			p.acked[id] = true;
			break;
		case SENT:
			p.sent[id] = true;
			break;
		case COMPLETED:
			p.completed[id] = true;
			break;
		case EXPIRING:
			p.expiring = true;
		}
	}
	return p;
}

static bool
gone(uint64_t id)
{
	struct job *job;
	bool is;

	ck_assert_int_eq(rig_get(&rig, id, &job), 0);
	is = job->documents[0].place == JOB_GONE;
	job_free(job);
	return is;
}

static bool
whole(uint64_t id)
{
	unsigned int i;

	for (i = 1; i <= documents_of(id); i++)
		if (!rig_intact(&rig, id, i, length_of(id)))
			return false;
	return true;
}

/* Those that fit together are in the database, the others have files. */
static unsigned int
files_of(uint64_t id)
{
	size_t length = length_of(id), kept = 0;
	unsigned int i, files = 0;

	for (i = 1; i <= documents_of(id); i++) {
		if (kept + length > INCOMING_MEMORY_LEN)
			files++;
		else
			kept += length;
	}
	return files;
}

/* Each job that is there; returns how many files they have. */
static unsigned int
check_jobs(const struct job_list *list, bool expiring, size_t at)
{
	unsigned int files = 0;
	const struct job *job;
	size_t i;

	for (i = 0; i < list->n; i++) {
		job = list->jobs[i];
		if (expiring && job->state == JOB_COMPLETED && gone(job->id))
			continue;
		ck_assert_msg(whole(job->id), "job %u is not whole at %zu",
		    (unsigned)job->id, at);
		files += files_of(job->id);
	}
	return files;
}

static void
check_promise(const struct promise *p, size_t at)
{
	struct job *job;
	uint64_t id;

	for (id = 1; id < JOBS + 16; id++) {
		if (!p->acked[id])
			continue;
		ck_assert_msg(rig_get(&rig, id, &job) == 0,
		    "job %u is lost at %zu", (unsigned)id, at);
		if (p->completed[id])
			ck_assert_int_eq(job->state, JOB_COMPLETED);
		else if (p->sent[id])
			ck_assert(job->state == JOB_COMPLETED ||
			    (job->state == JOB_PENDING && job->restarted));
		job_free(job);
	}
}

static void
check_all(const struct promise *p, size_t at)
{
	struct job_list *list;

	ck_assert_msg(rig_open(&rig) != NULL, "at %zu: %s", at,
	    rig.error.text);
	ck_assert_msg(strstr(rig.messages, "damaged") == NULL &&
	    strstr(rig.messages, "rebuilt") == NULL, "at %zu: %s", at,
	    rig.messages);
	ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
	    .which = STORE_ALL, .limit = 1000 }, &list), 0);
	ck_assert_uint_eq(rig_entries(&rig, "data"),
	    check_jobs(list, p->expiring, at));
	job_list_free(list);
	check_promise(p, at);
	rig_close(&rig);
}

/* Pages went into the database long before its end. */
static bool
starts_over(const struct shim_event *log, size_t n)
{
	size_t i, last = 0;

	for (i = 0; i < n; i++)
		if (log[i].kind == SHIM_MARK)
			last = i;
	for (i = 0; i < last; i++)
		if (log[i].kind == SHIM_WRITE && log[i].file == SHIM_DATABASE)
			return true;
	return false;
}

/* ---- power cuts ------------------------------------------------------ */

static void
use_shim(void)
{
	rig.options.sys = &shim_sys;
	rig.options.vfs = SHIM_VFS;
}

START_TEST(power_goes_at_every_point)
{
	struct spool_rig origin;
	const struct shim_event *log;
	unsigned int points = 0;
	struct promise p;
	struct disk *disk;
	size_t n, at;

	shim_register();
	rig_make(&rig);
	use_shim();
	ck_assert_ptr_nonnull(rig_open(&rig));
	disk = disk_new(rig.directory);
	shim_record();
	work();
	rig_close(&rig);
	log = shim_log(&n);
	ck_assert(starts_over(log, n));
	disk_use(disk, log, n);
	shim_no_sync();
	origin = rig;
	rig.options.data_threads = 1;
	for (at = (size_t)_i % STRIDE; at <= n; at += STRIDE, points++) {
		snprintf(rig.directory, sizeof(rig.directory), "%s/cut",
		    suite_directory());
		rig.options.directory = rig.directory;
		disk_cut(disk, at, (enum disk_mode)_i, rig.directory);
		p = promised(log, at);
		check_all(&p, at);
		rig_remove_tree(rig.directory);
	}
	ck_assert_uint_ge(points, POINTS_MIN);
	disk_free(disk);
	rig_remove_tree(origin.directory);
	shim_reset();
}
END_TEST

/* The disk model would notice: a lost sync loses an acknowledged job. */
START_TEST(the_model_notices_a_missing_sync)
{
	const struct shim_event *log;
	struct shim_event *lying;
	char cut[300];
	struct disk *disk;
	size_t n, i;
	struct job *job;

	shim_register();
	rig_make(&rig);
	use_shim();
	ck_assert_ptr_nonnull(rig_open(&rig));
	disk = disk_new(rig.directory);
	shim_record();
	commit_some(1);
	log = shim_log(&n);
	rig_close(&rig);
	lying = calloc(n, sizeof(*lying));
	ck_assert_ptr_nonnull(lying);
	memcpy(lying, log, n * sizeof(*lying));
	for (i = 0; i < n; i++)
		if (lying[i].kind == SHIM_SYNC)
			lying[i].kind = SHIM_MARK;
	disk_use(disk, lying, n);
	snprintf(cut, sizeof(cut), "%s/lie", suite_directory());
	disk_cut(disk, n, DISK_NONE, cut);
	rig.options.directory = cut;
	ck_assert_ptr_nonnull(rig_open(&rig));
	ck_assert_int_eq(rig_get(&rig, 1, &job), -ENOENT);
	rig_close(&rig);
	free(lying);
	disk_free(disk);
	rig_remove_tree(rig.directory);
	shim_reset();
}
END_TEST

/* ---- kill -9 --------------------------------------------------------- */

#define KILLS		30
#define UNDER_WAY	8

static int ack_fd;

static void begin_next(struct store *store);

static void
acknowledge(void *arg, int error, struct job *job)
{
	if (error != 0 ||
	    write(ack_fd, &job->id, sizeof(job->id)) != sizeof(job->id))
		_exit(1);
	job_free(job);
	begin_next(arg);
}

static void
begin_next(struct store *store)
{
	incoming_commit(new_job(store), acknowledge, store);
}

static _Noreturn void
child(void)
{
	int i;

	if (rig_open(&rig) == NULL)
		_exit(2);
	for (i = 0; i < UNDER_WAY; i++)
		begin_next(rig.store);
	for (;;)
		rig_wait(&rig);
}

/* Let it commit n jobs and kill it; their ids. */
static void
kill_after(uint64_t *ids, size_t n)
{
	int fds[2], status;
	pid_t pid;
	size_t i;

	ck_assert_int_eq(pipe(fds), 0);
	pid = fork();
	ck_assert_int_ne(pid, -1);
	if (pid == 0) {
		close(fds[0]);
		ack_fd = fds[1];
		child();
	}
	close(fds[1]);
	for (i = 0; i < n; i++)
		ck_assert_int_eq(read(fds[0], &ids[i], sizeof(ids[i])),
		    sizeof(ids[i]));
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	close(fds[0]);
}

START_TEST(killed_in_the_middle)
{
	static uint64_t ids[KILLS * 64];
	struct job_list *list;
	size_t n = 0, i, more;
	uint64_t last = 0;
	int round;

	rig_make(&rig);
	for (round = 0; round < KILLS; round++) {
		more = 1 + (size_t)round * 7 % 40;
		kill_after(ids + n, more);
		for (i = n; i < n + more; i++)
			ck_assert_uint_gt(ids[i], last);
		ck_assert_msg(rig_open(&rig) != NULL, "%s", rig.error.text);
		for (i = n; i < n + more; i++)
			ck_assert(whole(ids[i]));
		n += more;
		ck_assert_int_eq(rig_list(&rig, &(struct store_filter){
		    .which = STORE_ALL, .limit = 10000 }, &list), 0);
		ck_assert_uint_ge(list->n, n);
		ck_assert_uint_eq(rig_entries(&rig, "data"),
		    check_jobs(list, false, (size_t)round));
		last = list->jobs[list->n - 1]->id;
		job_list_free(list);
		rig_close(&rig);
	}
	rig_free(&rig);
}
END_TEST

static Suite *
spool_crash_suite(void)
{
	Suite *suite = suite_create("spool_crash");
	TCase *power = tcase_create("power");
	TCase *process = tcase_create("kill");

	tcase_set_timeout(power, 600);
	tcase_set_timeout(process, 300);
	tcase_add_loop_test(power, power_goes_at_every_point, 0, DISK_MODES);
	tcase_add_test(power, the_model_notices_a_missing_sync);
	tcase_add_test(process, killed_in_the_middle);
	suite_add_tcase(suite, power);
	suite_add_tcase(suite, process);
	return suite;
}

int
main(void)
{
	return suite_main(spool_crash_suite());
}
