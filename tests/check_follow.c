/*
 * check_follow.c - a document is read while it still arrives: its file, and
 * the pipe that is fed from it.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/follow.h"
#include "tests/spool_rig.h"
#include "tests/suite.h"

#define LEN_MAX		((size_t)20 << 20)

static struct spool_rig rig;
static struct event_base *base;
static struct event *mail;
static unsigned char *bytes;		/* what the client sends */

/* The job on its way. */
static struct {
	struct incoming	*in;
	size_t		 sent;
	unsigned int	 rooms;		/* call-backs */
	bool		 ended;
	int		 error;
	uint64_t	 id, size;	/* once committed */
} job;

/* The other end of the pipe. */
static struct {
	struct event	*event;		/* NULL: nobody reads */
	int		 fd;
	size_t		 piece;		/* per read */
	size_t		 got;
	bool		 same, end;
} host;

static struct follow *follow;
static int failed_with;

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	(void)arg;
	store_poll(rig.store);
}

static void
open_store(void)
{
	ck_assert_msg(rig_open(&rig) != NULL, "%s", rig.error.text);
	mail = event_new(base, store_fd(rig.store), EV_READ | EV_PERSIST,
	    on_mail, NULL);
	ck_assert_ptr_nonnull(mail);
	ck_assert_int_eq(event_add(mail, NULL), 0);
}

static void
close_store(void)
{
	event_free(mail);
	rig_close(&rig);
}

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	bytes = malloc(LEN_MAX);
	ck_assert(base != NULL && bytes != NULL);
	rig_make(&rig);
	open_store();
	memset(&job, 0, sizeof(job));
	memset(&host, 0, sizeof(host));
	host.fd = -1;
	follow = NULL;
	failed_with = 0;
}

static void
teardown(void)
{
	follow_free(follow);
	if (host.event != NULL)
		event_free(host.event);
	if (host.fd != -1)
		close(host.fd);
	close_store();
	rig_free(&rig);
	free(bytes);
	event_base_free(base);
}

static void
turn(void)
{
	ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

/* ---- the client ---------------------------------------------------------- */

static void
on_room(void *arg)
{
	(void)arg;
	job.rooms++;
}

static void
begin(uint64_t max)
{
	struct job_about about = { .queue = "lobby" };
	struct job_about_document doc = { .format = "" };

	job.in = incoming_begin(rig.store, &about, max, on_room, NULL);
	ck_assert_ptr_nonnull(job.in);
	ck_assert_int_eq(incoming_document(job.in, &doc), 0);
	job.id = incoming_id(job.in);
	rig_fill(bytes, LEN_MAX, (unsigned)job.id + 1);
}

/* Send up to so many bytes in all. */
static void
send_to(size_t len)
{
	while (job.sent < len) {
		job.sent += incoming_write(job.in, bytes + job.sent,
		    len - job.sent);
		if (job.sent < len)
			turn();
	}
}

static void
on_done(void *arg, int error, struct job *done)
{
	(void)arg;
	job.ended = true;
	job.error = error;
	job.size = error == 0 ? done->documents[0].size : 0;
	job_free(done);
	if (follow != NULL && error == 0)
		follow_finish(follow, job.size);
	else if (follow != NULL)
		follow_abort(follow);
}

static void
commit(void)
{
	incoming_commit(job.in, on_done, NULL);
	while (!job.ended)
		turn();
}

/* ---- the host ------------------------------------------------------------ */

static void
on_bytes(evutil_socket_t fd, short what, void *arg)
{
	static unsigned char buf[1 << 20];
	ssize_t n = read(fd, buf, host.piece);

	(void)what;
	(void)arg;
	ck_assert_int_ge(n, 0);
	host.same &= host.got + (size_t)n <= job.sent &&
	    memcmp(buf, bytes + host.got, (size_t)n) == 0;
	host.got += (size_t)n;
	host.end = n == 0;
	if (host.end)
		event_del(host.event);
}

static void
on_failed(void *arg, int error)
{
	*(int *)arg = error;
}

/* As soon as there is a file. */
static void
start_to_follow(void)
{
	while ((follow = follow_new(base, job.in, &host.fd)) == NULL) {
		ck_assert_int_eq(errno, EAGAIN);
		turn();
	}
	follow_watch(follow, on_failed, &failed_with);
	host.same = true;
}

static void
start_to_read(size_t piece)
{
	host.piece = piece;
	host.event = event_new(base, host.fd, EV_READ | EV_PERSIST, on_bytes,
	    NULL);
	ck_assert_ptr_nonnull(host.event);
	ck_assert_int_eq(event_add(host.event, NULL), 0);
}

static void
read_to(size_t len)
{
	while (host.got < len)
		turn();
}

static void
read_all(void)
{
	while (!host.end)
		turn();
	ck_assert(host.same);
	ck_assert_uint_eq(host.got, job.size);
	ck_assert_uint_eq(follow_fed(follow), job.size);
}

/* Neither bytes nor an end are there to be read. */
static void
nothing_comes(void)
{
	unsigned char byte;

	ck_assert_int_eq(fcntl(host.fd, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(event_base_loop(base, EVLOOP_NONBLOCK), 0);
	ck_assert_int_eq(read(host.fd, &byte, 1), -1);
	ck_assert_int_eq(errno, EAGAIN);
}

/* ---- whole documents ----------------------------------------------------- */

static const size_t lengths[] = {
	INCOMING_MEMORY_LEN + 1, 2 * INCOMING_MEMORY_LEN, 100000, 1000003,
	(5 << 20) + 1, LEN_MAX,
};
#define LENGTHS	(int)(sizeof(lengths) / sizeof(lengths[0]))

/* Both as fast as they can, the host by much or by little at a time. */
START_TEST(a_fast_client_and_a_reading_host)
{
	static const size_t pieces[] = { 1 << 20, 3001 };
	size_t len = lengths[_i % LENGTHS];

	begin(0);
	send_to(INCOMING_MEMORY_LEN + 1);
	start_to_follow();
	start_to_read(pieces[_i / LENGTHS]);
	send_to(len);
	ck_assert(!host.end);
	commit();
	ck_assert_uint_eq(job.size, len);
	read_all();
}
END_TEST

/* The pipe is full all the time; the job is durable all the same. */
START_TEST(a_host_that_reads_after_all_is_kept)
{
	size_t len = lengths[_i];

	begin(0);
	send_to(INCOMING_MEMORY_LEN + 1);
	start_to_follow();
	send_to(len);
	commit();
	ck_assert_uint_eq(job.size, len);
	start_to_read(1 << 20);
	read_all();
	ck_assert(rig_intact(&rig, job.id, 1, len));
}
END_TEST

/* The host has read all that can be there before more comes. */
START_TEST(a_slow_client_and_a_host_that_waits)
{
	size_t len;

	begin(0);
	send_to(INCOMING_MEMORY_LEN + 1);
	start_to_follow();
	start_to_read(1 << 20);
	for (len = 100000; len < 2000000; len += 70001) {
		send_to(len);
		read_to(len / INCOMING_MEMORY_LEN * INCOMING_MEMORY_LEN);
		ck_assert(!host.end);
	}
	commit();
	read_all();
}
END_TEST

/* It has left the memory by the time that it is wanted. */
START_TEST(a_document_that_is_read_from_the_disk)
{
	char path[600];
	int fd;

	begin(0);
	send_to(INCOMING_MEMORY_LEN + 1);
	start_to_follow();
	send_to(LEN_MAX);
	commit();
	ck_assert_int_eq(rig_document(&rig, job.id, 1, &fd, &job.size), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ck_assert_int_eq(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED), 0);
	close(fd);
	start_to_read(1 << 20);
	read_all();
}
END_TEST

/* ---- what goes wrong ----------------------------------------------------- */

START_TEST(an_abort_is_no_end_of_the_stream)
{
	size_t len = 16 * INCOMING_MEMORY_LEN;

	begin(0);
	send_to(len + 1);
	start_to_follow();
	start_to_read(1 << 20);
	read_to(len);
	follow_abort(follow);
	incoming_abort(job.in);
	while (store_busy(rig.store) > 0)
		turn();
	nothing_comes();
	follow_free(follow);
	follow = NULL;
	while (!host.end)
		turn();
	ck_assert_uint_eq(host.got, len);
}
END_TEST

START_TEST(a_job_that_is_refused_has_no_end)
{
	begin(300000);
	send_to(200000);
	start_to_follow();
	start_to_read(1 << 20);
	read_to(3 * INCOMING_MEMORY_LEN);
	ck_assert_uint_eq(incoming_write(job.in, bytes + 200000, 100001),
	    100001);
	job.sent = 300001;
	commit();
	ck_assert_int_eq(job.error, -EFBIG);
	ck_assert(!host.end);
	event_del(host.event);
	nothing_comes();
}
END_TEST

START_TEST(a_host_that_goes_away_does_not_stop_the_job)
{
	begin(0);
	send_to(INCOMING_MEMORY_LEN + 1);
	start_to_follow();
	start_to_read(1000);
	read_to(5000);
	event_free(host.event);
	host.event = NULL;
	close(host.fd);
	host.fd = -1;
	send_to(3000000);
	while (failed_with == 0)
		turn();
	ck_assert_int_eq(failed_with, -EPIPE);
	commit();
	ck_assert_int_eq(job.error, 0);
	ck_assert(rig_intact(&rig, job.id, 1, 3000000));
}
END_TEST

START_TEST(following_may_end_before_the_job)
{
	begin(0);
	send_to(1000000);
	start_to_follow();
	follow_free(follow);
	follow = NULL;
	send_to(3000000);
	commit();
	ck_assert_int_eq(job.error, 0);
	ck_assert(rig_intact(&rig, job.id, 1, 3000000));
}
END_TEST

/* Between the commit and its end, too. */
START_TEST(following_may_end_while_the_job_commits)
{
	begin(0);
	send_to(1000000);
	start_to_follow();
	incoming_commit(job.in, on_done, NULL);
	follow_free(follow);
	follow = NULL;
	while (!job.ended)
		turn();
	ck_assert_int_eq(job.error, 0);
}
END_TEST

/* Someone has cut the file short: that is no end either. */
START_TEST(a_file_that_cannot_be_read_is_told)
{
	char path[64];
	int fd, writable;
	uint64_t size;

	begin(0);
	send_to(1000000);
	start_to_follow();
	commit();
	ck_assert_int_eq(rig_document(&rig, job.id, 1, &fd, &size), 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	writable = open(path, O_WRONLY);
	ck_assert_int_ge(writable, 0);
	ck_assert_int_eq(ftruncate(writable, 500000), 0);
	close(writable);
	close(fd);
	start_to_read(1 << 20);
	while (failed_with == 0)
		turn();
	ck_assert_int_eq(failed_with, -EIO);
	read_to(500000);
	ck_assert(host.same);
	event_del(host.event);
	nothing_comes();
}
END_TEST

/* ---- the file itself ----------------------------------------------------- */

static uint64_t grown_to;
static unsigned int times_grown;

static void
on_grown(void *arg, uint64_t written)
{
	(void)arg;
	ck_assert_uint_gt(written, grown_to);
	ck_assert(!job.ended);
	grown_to = written;
	times_grown++;
}

static void
follow_file(void)
{
	while ((host.fd = incoming_follow(job.in, on_grown, NULL)) == -1) {
		ck_assert_int_eq(errno, EAGAIN);
		turn();
	}
}

/* room is called for it once, though there was room all the time. */
START_TEST(what_is_in_memory_cannot_be_followed_yet)
{
	begin(0);
	send_to(1000);
	ck_assert_int_eq(incoming_follow(job.in, on_grown, NULL), -1);
	ck_assert_int_eq(errno, EAGAIN);
	ck_assert_uint_eq(incoming_written(job.in), 0);
	send_to(INCOMING_MEMORY_LEN + 1);
	while (job.rooms == 0)
		turn();
	ck_assert_uint_eq(incoming_written(job.in), INCOMING_MEMORY_LEN);
	host.fd = incoming_follow(job.in, on_grown, NULL);
	ck_assert_int_ge(host.fd, 0);
	ck_assert_int_eq(fcntl(host.fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(host.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	commit();
	ck_assert_uint_eq(job.rooms, 1);
}
END_TEST

/* The file has what the client sent, at least so much of it; how much. */
static size_t
check_file(size_t least)
{
	static unsigned char is[1 << 20];
	ssize_t n = read(host.fd, is, sizeof(is));

	ck_assert_int_ge(n, (ssize_t)least);
	ck_assert_mem_eq(is, bytes, (size_t)n);
	return (size_t)n;
}

START_TEST(the_file_outlasts_the_commit)
{
	grown_to = times_grown = 0;
	begin(0);
	send_to(500000);
	follow_file();
	send_to(900001);
	commit();
	ck_assert_int_eq(job.error, 0);
	ck_assert_uint_eq(grown_to, 900001);
	ck_assert_uint_eq(check_file(900001), 900001);
}
END_TEST

START_TEST(the_file_outlasts_an_abort)
{
	grown_to = times_grown = 0;
	begin(0);
	send_to(4 * INCOMING_MEMORY_LEN + 1);
	follow_file();
	while (incoming_written(job.in) < 4 * INCOMING_MEMORY_LEN)
		turn();
	times_grown = 0;
	send_to(900001);
	incoming_abort(job.in);
	while (store_busy(rig.store) > 0)
		turn();
	ck_assert_uint_eq(times_grown, 0);
	ck_assert_uint_eq(rig_entries(&rig, "data"), 0);
	check_file(4 * INCOMING_MEMORY_LEN);
}
END_TEST

/* The second document's bytes are none of the first one's file. */
START_TEST(one_document_of_several_is_followed)
{
	struct job_about_document doc = { .format = "" };

	grown_to = times_grown = 0;
	begin(0);
	send_to(200000);
	follow_file();
	ck_assert_int_eq(incoming_document(job.in, &doc), 0);
	job.sent = 0;
	send_to(300000);
	commit();
	ck_assert_int_eq(job.error, 0);
	ck_assert_uint_eq(grown_to, 200000);
	ck_assert_uint_eq(check_file(200000), 200000);
}
END_TEST

static int
openat_without_tmpfile(int dir, const char *path, int flags, mode_t mode)
{
	if ((flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return spool_sys_real.openat(dir, path, flags, mode);
}

START_TEST(a_file_that_has_a_name_is_followed_too)
{
	struct spool_sys sys = spool_sys_real;

	close_store();
	sys.openat = openat_without_tmpfile;
	rig.options.sys = &sys;
	open_store();
	begin(0);
	send_to(INCOMING_MEMORY_LEN + 1);
	start_to_follow();
	start_to_read(1 << 20);
	send_to(1000000);
	commit();
	read_all();
	close_store();
	rig.options.sys = NULL;
	open_store();
}
END_TEST

static Suite *
follow_suite(void)
{
	Suite *suite = suite_create("follow");
	TCase *whole = tcase_create("whole");
	TCase *wrong = tcase_create("wrong");
	TCase *file = tcase_create("file");

	tcase_add_checked_fixture(whole, setup, teardown);
	tcase_add_checked_fixture(wrong, setup, teardown);
	tcase_add_checked_fixture(file, setup, teardown);
	tcase_set_timeout(whole, 60);
	tcase_add_loop_test(whole, a_fast_client_and_a_reading_host, 0,
	    2 * LENGTHS);
	tcase_add_loop_test(whole, a_host_that_reads_after_all_is_kept, 0,
	    LENGTHS);
	tcase_add_test(whole, a_slow_client_and_a_host_that_waits);
	tcase_add_test(whole, a_document_that_is_read_from_the_disk);
	tcase_add_test(wrong, an_abort_is_no_end_of_the_stream);
	tcase_add_test(wrong, a_job_that_is_refused_has_no_end);
	tcase_add_test(wrong, a_host_that_goes_away_does_not_stop_the_job);
	tcase_add_test(wrong, following_may_end_before_the_job);
	tcase_add_test(wrong, following_may_end_while_the_job_commits);
	tcase_add_test(wrong, a_file_that_cannot_be_read_is_told);
	tcase_add_test(file, what_is_in_memory_cannot_be_followed_yet);
	tcase_add_test(file, the_file_outlasts_the_commit);
	tcase_add_test(file, the_file_outlasts_an_abort);
	tcase_add_test(file, one_document_of_several_is_followed);
	tcase_add_test(file, a_file_that_has_a_name_is_followed_too);
	suite_add_tcase(suite, whole);
	suite_add_tcase(suite, wrong);
	suite_add_tcase(suite, file);
	return suite;
}

int
main(void)
{
	return suite_main(follow_suite());
}
