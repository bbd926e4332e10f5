/*
 * check_receive.c - what of a client's bytes gets into the store, and what its
 * front end is told.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "conf/banner.h"
#include "daemon/counters.h"
#include "tests/receive_rig.h"
#include "tests/spool_shim.h"
#include "tests/suite.h"

#define BIG	((size_t)5 << 20)
#define MEDIUM	((size_t)200000)	/* has a file */

static struct receive_rig rig;
static unsigned char bytes[BIG];

static void
setup(void)
{
	receive_rig_make(&rig);
	rig_fill(bytes, sizeof(bytes), 1);
}

static void
teardown(void)
{
	receive_rig_free(&rig);
}

static void
nothing_is_kept(void)
{
	ck_assert_uint_eq(rig.dispatch.n, 0);
	ck_assert_uint_eq(receive_rig_jobs(&rig), 0);
	ck_assert_uint_eq(receive_rig_files(&rig), 0);
}

/* ---- jobs that come whole ------------------------------------------------ */

static const size_t sizes[] = { 1, 4096, 65535, 65536, 65537, 131072, MEDIUM,
    INTAKE_TURN_LEN, INTAKE_TURN_LEN + 1, BIG };

START_TEST(every_byte_is_kept)
{
	size_t size = sizes[_i];
	struct sender sender;
	const struct job *job;

	ck_assert_int_eq(sender_print(&rig, &sender, bytes, size),
	    RECEIVE_KEPT);
	ck_assert(!sender.outcome.open);
	ck_assert_uint_eq(sender.outcome.bytes, size);
	ck_assert_uint_eq(rig.spooler.asked_bytes, size);
	ck_assert(receive_rig_holds(&rig, sender.outcome.job, bytes, size));
	ck_assert_uint_eq(rig.dispatch.n, 1);
	job = rig.dispatch.jobs[0];
	ck_assert_uint_eq(job->id, sender.outcome.job);
	ck_assert_uint_eq(job->bytes, size);
	ck_assert_int_eq(job->state, JOB_PENDING);
	ck_assert_str_eq(job->queue, "lobby");
	ck_assert_str_eq(job->host, "10.0.0.5");
	ck_assert_str_eq(job->user, "");
	ck_assert_str_eq(job->title, "");
	ck_assert_uint_eq(job->priority, 70);
	ck_assert_int_eq(job->created_ms, 1700000000123);
	ck_assert_uint_eq(job->n_documents, 1);
}
END_TEST

/* A page for the host, that the client neither sees nor pays for. */
START_TEST(a_banner_page_is_in_front)
{
	struct banner_fault fault;
	struct sender sender;
	const struct job *job;
	char page[64];

	rig.queue.banner_page = banner_new("${user} ${host} ${title} ${queue} "
	    "${job}", 40, false, &fault);
	rig.queue.banner = _i == 0 ? CONF_BANNER_ALWAYS : CONF_BANNER_ASKED;
	rig.queue.max_job_bytes = 70000;
	ck_assert_int_eq(sender_print(&rig, &sender, bytes, 70000),
	    RECEIVE_KEPT);
	ck_assert_uint_eq(sender.outcome.bytes, 70000);
	ck_assert_uint_eq(rig.spooler.asked_bytes, 70000);
	job = rig.dispatch.jobs[0];
	ck_assert_uint_eq(job->bytes, 70000);
	if (_i == 0) {
		snprintf(page, sizeof(page), "10.0.0.5 10.0.0.5  lobby %llu",
		    (unsigned long long)job->id);
		ck_assert_uint_eq(job->n_documents, 2);
		ck_assert_str_eq(job->documents[0].name, "banner");
		ck_assert_str_eq(job->documents[0].format, "text/plain");
		ck_assert_uint_eq(job->documents[1].size, 70000);
		ck_assert(receive_rig_holds(&rig, job->id, page,
		    strlen(page)));
	} else
		ck_assert_uint_eq(job->n_documents, 1);
	banner_free(rig.queue.banner_page);
}
END_TEST

START_TEST(no_byte_is_no_job)
{
	struct sender sender;

	ck_assert_int_eq(sender_print(&rig, &sender, bytes, 0),
	    RECEIVE_NOTHING);
	nothing_is_kept();
}
END_TEST

START_TEST(a_small_job_needs_no_wait)
{
	struct sender sender;

	sender_connect(&sender);
	sender_send(&rig, &sender, bytes, 4000);
	sender_shut(&sender);
	ck_assert(sender_begin(&rig, &sender));
	ck_assert(!receive_rig_reads(&rig));
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_KEPT);
	sender_close(&sender);
}
END_TEST

START_TEST(many_clients_at_once)
{
	static struct sender senders[40];
	size_t n = sizeof(senders) / sizeof(senders[0]);
	size_t i, step;

	for (i = 0; i < n; i++) {
		sender_connect(&senders[i]);
		ck_assert(sender_begin(&rig, &senders[i]));
	}
	for (step = 0; step < 4; step++)
		for (i = 0; i < n; i++)
			sender_send(&rig, &senders[i],
			    bytes + i + step * i * 700, i * 700);
	for (i = 0; i < n; i++)
		sender_shut(&senders[i]);
	for (i = 0; i < n; i++) {
		ck_assert_int_eq(sender_wait(&rig, &senders[i]),
		    i == 0 ? RECEIVE_NOTHING : RECEIVE_KEPT);
		ck_assert(i == 0 || receive_rig_holds(&rig,
		    senders[i].outcome.job, bytes + i, 4 * i * 700));
		sender_close(&senders[i]);
	}
	ck_assert_uint_eq(rig.dispatch.n, n - 1);
}
END_TEST

/* A client with much to say does not keep the loop. */
START_TEST(a_turn_has_an_end)
{
	int size = 4 << 20;
	struct sender sender = { 0 };
	size_t sent = 0;
	int fds[2];
	ssize_t n;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fds), 0);
	sender.fd = fds[0];
	sender.server_fd = fds[1];
	setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &size, sizeof(size));
	while ((n = send(fds[0], bytes, 32768, 0)) > 0)
		sent += (size_t)n;
	ck_assert_uint_gt(sent, INTAKE_TURN_LEN);
	ck_assert(sender_begin(&rig, &sender));
	intake_cancel_all(&rig.house, "seen enough");
	ck_assert(sender.done);
	ck_assert_uint_eq(sender.outcome.bytes, INTAKE_TURN_LEN);
	sender_close(&sender);
	nothing_is_kept();
}
END_TEST

/* ---- jobs that do not ---------------------------------------------------- */

static const size_t halves[] = { 1, 4096, 70000, MEDIUM, BIG / 2 };

START_TEST(a_cut_job_is_not_kept)
{
	struct sender sender;

	sender_connect(&sender);
	ck_assert(sender_begin(&rig, &sender));
	sender_send(&rig, &sender, bytes, halves[_i]);
	sender_reset(&rig, &sender);
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_INCOMPLETE);
	ck_assert_str_ne(sender.why, "");
	sender_close(&sender);
	nothing_is_kept();
	ck_assert_uint_eq(counters.incomplete, 1);
}
END_TEST

START_TEST(a_silent_job_is_not_kept)
{
	struct sender sender;

	rig.queue.idle_timeout_ms = 50;
	sender_connect(&sender);
	ck_assert(sender_begin(&rig, &sender));
	sender_send(&rig, &sender, bytes, halves[_i]);
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_INCOMPLETE);
	ck_assert_str_eq(sender.why, "silent for idle_timeout");
	sender_close(&sender);
	nothing_is_kept();
}
END_TEST

START_TEST(silence_ends_a_job_if_it_is_told_to)
{
	struct sender sender;
	unsigned int i;

	rig.queue.idle_timeout_ms = 50;
	rig.queue.idle_ends_job = true;
	sender_connect(&sender);
	for (i = 1; i <= 3; i++) {
		sender.done = false;
		sender_send(&rig, &sender, bytes, i * 1000);
		ck_assert(sender_begin(&rig, &sender));
		ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_KEPT);
		ck_assert(sender.outcome.open);
		ck_assert(receive_rig_holds(&rig, sender.outcome.job, bytes,
		    i * 1000));
	}
	ck_assert(sender_begin(&rig, &sender));
	sender_shut(&sender);
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_NOTHING);
	sender_close(&sender);
}
END_TEST

/* ---- repeats ------------------------------------------------------------- */

static void
print_and_reset(struct sender *sender, size_t len)
{
	sender_connect(sender);
	ck_assert(sender_begin(&rig, sender));
	sender_send(&rig, sender, bytes, len);
	sender_reset(&rig, sender);
	ck_assert_int_eq(sender_wait(&rig, sender), RECEIVE_KEPT);
	sender_close(sender);
}

static const enum conf_duplicates kinds[] = { CONF_DUPLICATES_OFF,
    CONF_DUPLICATES_HOLD, CONF_DUPLICATES_DROP };

START_TEST(a_reset_ends_a_job_if_it_is_told_to)
{
	bool off = kinds[_i] == CONF_DUPLICATES_OFF;
	struct sender first, second, third;

	rig.queue.on_reset = CONF_ON_RESET_FINISH;
	rig.queue.duplicates = kinds[_i];
	print_and_reset(&first, MEDIUM);
	ck_assert(receive_rig_holds(&rig, first.outcome.job, bytes, MEDIUM));
	/* It cannot know that we kept it, and sends it once more. */
	sender_print(&rig, &second, bytes, MEDIUM);
	ck_assert_uint_eq(rig.dispatch.earlier, off ? 0 : first.outcome.job);
	ck_assert(rig.dispatch.drop == (kinds[_i] == CONF_DUPLICATES_DROP));
	/* That one it heard of. */
	rig.dispatch.earlier = 0;
	sender_print(&rig, &third, bytes, MEDIUM);
	ck_assert_uint_eq(rig.dispatch.earlier, 0);
	ck_assert_uint_eq(rig.dispatch.n, 3);
	ck_assert_uint_eq(counters.repeated, off ? 0 : 1);
}
END_TEST

/* The job has come whole; its client breaks off while it is being synced. */
START_TEST(a_break_before_the_client_could_know)
{
	struct sender first, second;

	rig.queue.duplicates = CONF_DUPLICATES_HOLD;
	gate_close_syncs();
	sender_connect(&first);
	ck_assert(sender_begin(&rig, &first));
	sender_send(&rig, &first, bytes, MEDIUM);
	sender_shut(&first);
	while (receive_rig_reads(&rig))
		receive_rig_turn(&rig);
	gate_wait();
	if (_i == 1)
		sender_reset(&rig, &first);
	gate_open();
	ck_assert_int_eq(sender_wait(&rig, &first), RECEIVE_KEPT);
	sender_close(&first);
	sender_print(&rig, &second, bytes, MEDIUM);
	ck_assert_uint_eq(rig.dispatch.earlier,
	    _i == 1 ? first.outcome.job : 0);
}
END_TEST

/* ---- printing begins before the end ------------------------------------- */

static const size_t early_sizes[] = { 65536, BIG };

START_TEST(a_long_job_is_announced_while_it_arrives)
{
	size_t size = early_sizes[_i];
	unsigned int announced = size > 65536;
	struct sender sender;

	rig.queue.start_printing = CONF_START_IMMEDIATE;
	ck_assert_int_eq(sender_print(&rig, &sender, bytes, size),
	    RECEIVE_KEPT);
	ck_assert(receive_rig_holds(&rig, sender.outcome.job, bytes, size));
	ck_assert_uint_eq(rig.dispatch.arriving, announced);
	ck_assert_uint_eq(rig.dispatch.aborted, 0);
	ck_assert_uint_eq(rig.dispatch.n, 1);
	rig.queue.start_printing = CONF_START_SPOOLED;
	ck_assert_int_eq(sender_print(&rig, &sender, bytes, size),
	    RECEIVE_KEPT);
	ck_assert_uint_eq(rig.dispatch.arriving, announced);
}
END_TEST

START_TEST(an_announced_job_is_called_off)
{
	struct sender sender;

	rig.queue.start_printing = CONF_START_IMMEDIATE;
	sender_connect(&sender);
	ck_assert(sender_begin(&rig, &sender));
	sender_send(&rig, &sender, bytes, BIG / 2);
	sender_reset(&rig, &sender);
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_INCOMPLETE);
	sender_close(&sender);
	ck_assert_uint_eq(rig.dispatch.arriving, 1);
	ck_assert_uint_eq(rig.dispatch.aborted, 1);
	nothing_is_kept();
}
END_TEST

START_TEST(an_announced_job_whose_commit_fails_is_called_off)
{
	struct sender sender;

	rig.queue.start_printing = CONF_START_IMMEDIATE;
	sender_connect(&sender);
	ck_assert(sender_begin(&rig, &sender));
	sender_send(&rig, &sender, bytes, BIG);
	ck_assert_uint_eq(rig.dispatch.arriving, 1);
	shim_fail(SHIM_SYS_SYNC, 1, EIO, true);
	sender_shut(&sender);
	rig.dispatch.in = NULL;		/* not to be asked any more */
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_REFUSED);
	sender_close(&sender);
	shim_fail(0, 0, 0, false);
	ck_assert_uint_eq(rig.dispatch.aborted, 1);
	nothing_is_kept();
}
END_TEST

/* ---- refusals ------------------------------------------------------------ */

START_TEST(a_job_over_the_limit_is_refused)
{
	size_t size = sizes[_i];
	struct sender sender;

	rig.queue.max_job_bytes = (int64_t)size;
	ck_assert_int_eq(sender_print(&rig, &sender, bytes, size),
	    RECEIVE_KEPT);
	job_free(rig.dispatch.jobs[--rig.dispatch.n]);
	rig.queue.max_job_bytes = (int64_t)size - 1;
	if (size == 1)
		return;			/* 0 is no limit */
	sender_connect(&sender);
	ck_assert(sender_begin(&rig, &sender));
	sender_send(&rig, &sender, bytes, size);
	/* Before its end. */
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_REFUSED);
	ck_assert_ptr_nonnull(strstr(sender.why, "max_job_size"));
	sender_close(&sender);
	ck_assert_uint_eq(rig.dispatch.n, 0);
	ck_assert_uint_eq(receive_rig_jobs(&rig), 1);
	ck_assert_uint_eq(receive_rig_files(&rig), size > 65535);
}
END_TEST

START_TEST(the_spooler_refuses_at_the_beginning)
{
	struct sender sender;

	rig.spooler.refuses = -EDQUOT;
	sender_connect(&sender);
	ck_assert(!sender_begin(&rig, &sender));
	ck_assert_str_eq(sender.why, "the fake refuses");
	sender_close(&sender);
	nothing_is_kept();
	ck_assert_uint_eq(counters.refused, 1);
	ck_assert_uint_eq(counters.refused_store, 0);
}
END_TEST

START_TEST(the_spooler_refuses_at_the_end)
{
	struct sender sender;

	rig.spooler.refuses = -ENOSPC;
	rig.spooler.from_bytes = MEDIUM;
	ck_assert_int_eq(sender_print(&rig, &sender, bytes, MEDIUM),
	    RECEIVE_REFUSED);
	ck_assert_str_eq(sender.why, "the fake refuses");
	nothing_is_kept();
	ck_assert_uint_eq(counters.refused_store, 1);
	ck_assert_int_eq(sender_print(&rig, &sender, bytes, MEDIUM - 1),
	    RECEIVE_KEPT);
}
END_TEST

struct fault {
	unsigned int	calls;
	int		error;
	size_t		size;
};

static const struct fault faults[] = {
	{ SHIM_SYS_SYNC, EIO, MEDIUM },
	{ SHIM_SYS, ENOSPC, BIG },
	{ SHIM_SYS, EDQUOT, BIG },
	{ SHIM_SYS, EFBIG, BIG },
	{ SHIM_SYS, EIO, MEDIUM },
	{ SHIM_VFS_SYNC, EIO, 4000 },
	{ SHIM_VFS_IO, ENOSPC, 4000 },
};

START_TEST(the_store_fails)
{
	const struct fault *fault = &faults[_i];
	struct sender sender;

	shim_fail(fault->calls, 1, fault->error, true);
	ck_assert_int_eq(sender_print(&rig, &sender, bytes, fault->size),
	    RECEIVE_REFUSED);
	ck_assert_str_ne(sender.why, "");
	shim_fail(0, 0, 0, false);
	nothing_is_kept();
	(void)rig_probe(&rig.spool);
	ck_assert_int_eq(sender_print(&rig, &sender, bytes, fault->size),
	    RECEIVE_KEPT);
}
END_TEST

START_TEST(a_suspect_store_takes_no_job)
{
	struct sender sender;

	shim_fail(SHIM_SYS_SYNC, 1, EIO, true);
	ck_assert_int_eq(sender_print(&rig, &sender, bytes, MEDIUM),
	    RECEIVE_REFUSED);
	sender_connect(&sender);
	ck_assert(!sender_begin(&rig, &sender));
	ck_assert_ptr_nonnull(strstr(sender.why, "spool_directory"));
	sender_close(&sender);
	ck_assert_uint_eq(counters.refused_store, 2);
}
END_TEST

/* ---- a slow disk, and the end in each state ------------------------------ */

/* Sends until nothing more is taken, for the disk is behind. */
static size_t
fill(struct sender *sender)
{
	size_t sent = 0;
	ssize_t n;

	gate_close_writes();
	sender_connect(sender);
	ck_assert(sender_begin(&rig, sender));
	while (receive_rig_reads(&rig)) {
		n = send(sender->fd, bytes + sent, BIG - sent, MSG_DONTWAIT);
		sent += n > 0 ? (size_t)n : 0;
		receive_rig_turn(&rig);
	}
	ck_assert_uint_lt(sent, BIG);
	return sent;
}

START_TEST(a_slow_disk_holds_the_client_back)
{
	struct sender sender, other, silent;
	size_t sent;

	rig.queue.idle_timeout_ms = 200;
	sent = fill(&sender);
	/* Meanwhile the small ones go on. */
	ck_assert_int_eq(sender_print(&rig, &other, bytes, 4000),
	    RECEIVE_KEPT);
	/* Who was silent since would have been found out. */
	sender_connect(&silent);
	ck_assert(sender_begin(&rig, &silent));
	ck_assert_int_eq(sender_wait(&rig, &silent), RECEIVE_NOTHING);
	sender_close(&silent);
	ck_assert(!sender.done);
	rig.queue.idle_timeout_ms = 0;
	gate_open();
	sender_send(&rig, &sender, bytes + sent, BIG - sent);
	sender_shut(&sender);
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_KEPT);
	sender_close(&sender);
	ck_assert(receive_rig_holds(&rig, sender.outcome.job, bytes, BIG));
}
END_TEST

START_TEST(cancel_while_reading)
{
	struct sender sender;

	sender_connect(&sender);
	ck_assert(sender_begin(&rig, &sender));
	sender_send(&rig, &sender, bytes, halves[_i]);
	intake_cancel_all(&rig.house, "the store is down");
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_REFUSED);
	ck_assert_str_eq(sender.why, "the store is down");
	sender_close(&sender);
	nothing_is_kept();
}
END_TEST

START_TEST(cancel_while_the_disk_is_behind)
{
	struct sender sender;

	fill(&sender);
	intake_cancel_all(&rig.house, "the store is down");
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_REFUSED);
	gate_open();
	sender_close(&sender);
	nothing_is_kept();
}
END_TEST

static void
begin_commit(struct sender *sender)
{
	gate_close_syncs();
	sender_connect(sender);
	ck_assert(sender_begin(&rig, sender));
	sender_send(&rig, sender, bytes, MEDIUM);
	sender_shut(sender);
	while (receive_rig_reads(&rig))
		receive_rig_turn(&rig);
	gate_wait();
}

START_TEST(a_commit_under_way_has_its_outcome)
{
	struct sender sender;

	begin_commit(&sender);
	intake_cancel_all(&rig.house, "the store is down");
	ck_assert(!sender.done);
	rig.spooler.store = NULL;
	gate_open();
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_KEPT);
	sender_close(&sender);
	/* It is read from the store when that is back. */
	ck_assert_uint_eq(rig.dispatch.n, 0);
	ck_assert_uint_eq(receive_rig_jobs(&rig), 1);
}
END_TEST

static void
count_idle(void *arg)
{
	(*(unsigned int *)arg)++;
}

START_TEST(drained_when_the_last_commit_is_done)
{
	struct sender committing, reading, late;

	begin_commit(&committing);
	sender_connect(&reading);
	ck_assert(sender_begin(&rig, &reading));
	intake_drain(&rig.house, count_idle, &rig.idle);
	ck_assert(reading.done && !committing.done);
	ck_assert_int_eq(reading.outcome.end, RECEIVE_REFUSED);
	ck_assert_uint_eq(rig.idle, 0);
	sender_connect(&late);
	ck_assert(!sender_begin(&rig, &late));
	ck_assert_str_eq(late.why, "printportd is ending");
	gate_open();
	ck_assert_int_eq(sender_wait(&rig, &committing), RECEIVE_KEPT);
	ck_assert_uint_eq(rig.idle, 1);
	sender_close(&committing);
	sender_close(&reading);
	sender_close(&late);
	ck_assert_uint_eq(rig.dispatch.n, 1);
}
END_TEST

START_TEST(drained_at_once)
{
	intake_drain(&rig.house, count_idle, &rig.idle);
	ck_assert_uint_eq(rig.idle, 1);
}
END_TEST

START_TEST(a_client_that_stays_is_let_go_while_it_drains)
{
	struct sender sender;

	rig.queue.idle_timeout_ms = 50;
	rig.queue.idle_ends_job = true;
	sender_connect(&sender);
	sender_send(&rig, &sender, bytes, 4000);
	ck_assert(sender_begin(&rig, &sender));
	while (receive_rig_reads(&rig))
		event_base_loop(rig.house.base, EVLOOP_ONCE);
	intake_drain(&rig.house, count_idle, &rig.idle);
	ck_assert_int_eq(sender_wait(&rig, &sender), RECEIVE_KEPT);
	ck_assert(!sender.outcome.open);
	sender_close(&sender);
}
END_TEST

/* While the daemon is torn down there may be a store without a dispatch. */
START_TEST(kept_without_a_dispatch)
{
	struct sender sender;

	rig.house.dispatch = NULL;
	ck_assert_int_eq(sender_print(&rig, &sender, bytes, MEDIUM),
	    RECEIVE_KEPT);
	ck_assert_uint_eq(receive_rig_jobs(&rig), 1);
}
END_TEST

#define N(array)	((int)(sizeof(array) / sizeof((array)[0])))

static void
add_tests(TCase *tc)
{
	tcase_add_loop_test(tc, every_byte_is_kept, 0, N(sizes));
	tcase_add_loop_test(tc, a_banner_page_is_in_front, 0, 2);
	tcase_add_test(tc, no_byte_is_no_job);
	tcase_add_test(tc, a_small_job_needs_no_wait);
	tcase_add_test(tc, many_clients_at_once);
	tcase_add_test(tc, a_turn_has_an_end);
	tcase_add_loop_test(tc, a_cut_job_is_not_kept, 0, N(halves));
	tcase_add_loop_test(tc, a_silent_job_is_not_kept, 0, N(halves));
	tcase_add_test(tc, silence_ends_a_job_if_it_is_told_to);
	tcase_add_loop_test(tc, a_reset_ends_a_job_if_it_is_told_to, 0,
	    N(kinds));
	tcase_add_loop_test(tc, a_break_before_the_client_could_know, 0, 2);
	tcase_add_loop_test(tc, a_long_job_is_announced_while_it_arrives, 0,
	    N(early_sizes));
	tcase_add_test(tc, an_announced_job_is_called_off);
	tcase_add_test(tc, an_announced_job_whose_commit_fails_is_called_off);
	tcase_add_loop_test(tc, a_job_over_the_limit_is_refused, 0, N(sizes));
	tcase_add_test(tc, the_spooler_refuses_at_the_beginning);
	tcase_add_test(tc, the_spooler_refuses_at_the_end);
	tcase_add_loop_test(tc, the_store_fails, 0, N(faults));
	tcase_add_test(tc, a_suspect_store_takes_no_job);
	tcase_add_test(tc, a_slow_disk_holds_the_client_back);
	tcase_add_loop_test(tc, cancel_while_reading, 0, N(halves));
	tcase_add_test(tc, cancel_while_the_disk_is_behind);
	tcase_add_test(tc, a_commit_under_way_has_its_outcome);
	tcase_add_test(tc, drained_when_the_last_commit_is_done);
	tcase_add_test(tc, drained_at_once);
	tcase_add_test(tc, a_client_that_stays_is_let_go_while_it_drains);
	tcase_add_test(tc, kept_without_a_dispatch);
}

int
main(void)
{
	Suite *suite = suite_create("receive");
	TCase *tc = tcase_create("receive");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	add_tests(tc);
	suite_add_tcase(suite, tc);
	return suite_main(suite);
}
