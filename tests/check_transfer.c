/*
 * check_transfer - every way of moving bytes, and every way of being stopped.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "monitor/transfer.h"
#include "tests/suite.h"

#define MIB		(1024 * 1024)
#define UNLIMITED	UINT64_MAX

/* What the fake wait_fd does, and what it has seen. */
struct waiter {
	int	 calls;
	int	 timeout_ms;	/* of the last call */
	int	 code;		/* given back if negative */
	int	 drain;		/* is read empty at each call, if not -1 */
	char	*sink;		/* gets what was drained */
	size_t	 drained;
};

static struct waiter waiter;
static struct transfer *transfer;

static void
drain(int fd)
{
	ssize_t n;

	while ((n = read(fd, waiter.sink + waiter.drained, 65536)) > 0)
		waiter.drained += (size_t)n;
}

static int
fake_wait(void *arg, int fd, uint32_t events, int timeout_ms)
{
	ck_assert_ptr_eq(arg, &waiter);
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(events, PP_WAIT_WRITE);
	waiter.calls++;
	waiter.timeout_ms = timeout_ms;
	if (waiter.code < 0)
		return waiter.code;
	ck_assert_int_ne(waiter.drain, -1);
	drain(waiter.drain);
	return (int)events;
}

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	waiter = (struct waiter){ .drain = -1 };
	waiter.sink = malloc(64 * MIB);
	transfer = transfer_new(fake_wait, &waiter);
	ck_assert_ptr_nonnull(waiter.sink);
	ck_assert_ptr_nonnull(transfer);
}

static void
teardown(void)
{
	transfer_free(transfer);
	free(waiter.sink);
}

/* ---- ends --------------------------------------------------------------- */

static int
new_file(int flags)
{
	static int count;
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/file-%d", suite_directory(), count++);
	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | flags, 0600);
	ck_assert_int_ne(fd, -1);
	return fd;
}

static void
assert_content(int fd, const char *want, size_t len)
{
	struct stat st;
	char *have;

	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq((size_t)st.st_size, len);
	if (len == 0)
		return;
	have = mmap(NULL, len, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(have, MAP_FAILED);
	ck_assert_int_eq(memcmp(have, want, len), 0);
	munmap(have, len);
}

static void
new_sockets(int fd[2])
{
	ck_assert_int_eq(socketpair(AF_UNIX,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fd), 0);
}

static void
new_pipe(int fd[2])
{
	ck_assert_int_eq(pipe2(fd, O_NONBLOCK | O_CLOEXEC), 0);
}

/* A TCP connection over loopback: [0] is ours and non-blocking, [1] theirs. */
static void
new_connection(int fd[2])
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(listener, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(getsockname(listener, (struct sockaddr *)&address,
	    &len), 0);
	fd[1] = socket(AF_INET, SOCK_STREAM, 0);
	ck_assert_int_eq(connect(fd[1], (struct sockaddr *)&address, len), 0);
	fd[0] = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ne(fd[0], -1);
	close(listener);
}

static void
send_all(int fd, const char *bytes, size_t len)
{
	ck_assert_int_eq(send(fd, bytes, len, 0), (ssize_t)len);
}

/* Break the connection, and see that the break has arrived. */
static void
reset_connection(const int fd[2])
{
	struct linger now = { .l_onoff = 1 };
	struct pollfd end = { .fd = fd[0] };

	ck_assert_int_eq(setsockopt(fd[1], SOL_SOCKET, SO_LINGER, &now,
	    sizeof(now)), 0);
	close(fd[1]);
	ck_assert_int_eq(poll(&end, 1, -1), 1);
	ck_assert_int_ne(end.revents & POLLERR, 0);
}

static char *
some_bytes(size_t len, unsigned int seed)
{
	char *bytes = malloc(len);
	uint32_t state = seed;
	size_t i;

	ck_assert_ptr_nonnull(bytes);
	for (i = 0; i < len; i++) {
		state = state * 1664525u + 1013904223u;
		bytes[i] = (char)(state >> 24);
	}
	return bytes;
}

/* Run to the end of the source, and return how much was moved. */
static uint64_t
run_to_end(int from, int to)
{
	struct pp_moved moved;
	uint64_t total = 0;

	do {
		ck_assert_int_eq(transfer_run(transfer, from, to, UNLIMITED,
		    1000, &moved), PP_OK);
		total += moved.written;
		ck_assert_int_ne(moved.source, PP_SOURCE_ERROR);
		ck_assert_int_ne(moved.source, PP_SOURCE_EMPTY);
	} while (moved.source != PP_SOURCE_END);
	return total;
}

/* ---- from sockets ------------------------------------------------------- */

static void
socket_to(int to, const char *bytes, size_t len)
{
	int fd[2];

	new_sockets(fd);
	send_all(fd[1], bytes, len);
	close(fd[1]);
	ck_assert_uint_eq(run_to_end(fd[0], to), len);
	ck_assert_uint_eq(transfer_reset(transfer), 0);
	close(fd[0]);
}

START_TEST(test_socket_to_file)
{
	char *bytes = some_bytes(100000, 1);
	int to = new_file(0);

	socket_to(to, bytes, 100000);
	assert_content(to, bytes, 100000);
	close(to);
	free(bytes);
}
END_TEST

/* Append-only files refuse to be spliced to. */
START_TEST(test_socket_to_the_end_of_a_file)
{
	char *bytes = some_bytes(200000, 2);
	int to = new_file(O_APPEND);

	socket_to(to, bytes, 100000);
	socket_to(to, bytes + 100000, 100000);
	assert_content(to, bytes, 200000);
	close(to);
	free(bytes);
}
END_TEST

START_TEST(test_socket_to_dev_null)
{
	char *bytes = some_bytes(100000, 3);
	int to = open("/dev/null", O_WRONLY);

	socket_to(to, bytes, 100000);
	close(to);
	free(bytes);
}
END_TEST

START_TEST(test_socket_without_a_byte_ends_at_once)
{
	int to = new_file(0);

	socket_to(to, "", 0);
	assert_content(to, "", 0);
	close(to);
}
END_TEST

START_TEST(test_connection_gives_what_is_there_and_waits_for_no_more)
{
	struct pp_moved moved;
	int fd[2], to = new_file(0);

	new_connection(fd);
	send_all(fd[1], "now", 3);
	ck_assert_int_eq(transfer_run(transfer, fd[0], to, UNLIMITED, 1000,
	    &moved), PP_OK);
	ck_assert_uint_eq(moved.written, 3);
	ck_assert_int_eq(moved.source, PP_SOURCE_EMPTY);
	ck_assert_int_eq(transfer_run(transfer, fd[0], to, UNLIMITED, 1000,
	    &moved), PP_OK);
	ck_assert_uint_eq(moved.written, 0);
	ck_assert_int_eq(moved.source, PP_SOURCE_EMPTY);

	send_all(fd[1], "then", 4);
	close(fd[1]);
	ck_assert_uint_eq(run_to_end(fd[0], to), 4);
	assert_content(to, "nowthen", 7);
	ck_assert_int_eq(waiter.calls, 0);
	close(fd[0]);
	close(to);
}
END_TEST

/* The kernel tells of a reset once; here it stays an error for ever. */
START_TEST(test_a_broken_connection_never_looks_like_an_end)
{
	struct pp_moved moved;
	int i, fd[2], to = new_file(0);

	new_connection(fd);
	reset_connection(fd);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(transfer_run(transfer, fd[0], to, UNLIMITED,
		    1000, &moved), PP_OK);
		ck_assert_uint_eq(moved.written, 0);
		ck_assert_int_eq(moved.source, PP_SOURCE_ERROR);
		ck_assert_int_eq(moved.source_errno, ECONNRESET);
	}
	close(fd[0]);
	close(to);
}
END_TEST

static void
broken_with_unread_bytes(int to)
{
	struct pp_moved moved;
	int i, fd[2];

	new_connection(fd);
	send_all(fd[1], "half a job", 10);
	reset_connection(fd);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(transfer_run(transfer, fd[0], to, UNLIMITED,
		    1000, &moved), PP_OK);
		ck_assert_int_eq(moved.source, PP_SOURCE_ERROR);
		ck_assert_int_eq(moved.source_errno, ECONNRESET);
	}
	ck_assert_uint_eq(transfer_reset(transfer), 0);
	close(fd[0]);
}

START_TEST(test_a_connection_broken_with_unread_bytes)
{
	int to = new_file(0), end = new_file(O_APPEND);

	broken_with_unread_bytes(to);
	broken_with_unread_bytes(end);
	close(to);
	close(end);
}
END_TEST

START_TEST(test_reset_forgets_how_the_last_source_ended)
{
	struct pp_moved moved;
	int fd[2], to = new_file(0);

	new_connection(fd);
	reset_connection(fd);
	ck_assert_int_eq(transfer_run(transfer, fd[0], to, UNLIMITED, 1000,
	    &moved), PP_OK);
	ck_assert_int_eq(moved.source, PP_SOURCE_ERROR);
	close(fd[0]);
	transfer_reset(transfer);
	socket_to(to, "next", 4);
	assert_content(to, "next", 4);
	close(to);
}
END_TEST

START_TEST(test_max_is_the_most_that_is_taken)
{
	struct pp_moved moved;
	char rest[16];
	int fd[2], to = new_file(0);

	new_sockets(fd);
	send_all(fd[1], "0123456789", 10);
	ck_assert_int_eq(transfer_run(transfer, fd[0], to, 4, 0, &moved),
	    PP_OK);
	ck_assert_uint_eq(moved.written, 4);
	ck_assert_int_eq(moved.source, PP_SOURCE_MORE);
	ck_assert_int_eq(transfer_run(transfer, fd[0], to, 0, 0, &moved),
	    PP_OK);
	ck_assert_uint_eq(moved.written, 0);
	ck_assert_int_eq(moved.source, PP_SOURCE_MORE);
	ck_assert_int_eq(read(fd[0], rest, sizeof(rest)), 6);
	assert_content(to, "0123", 4);
	close(fd[0]);
	close(fd[1]);
	close(to);
}
END_TEST

/* ---- from files --------------------------------------------------------- */

static int
filled_file(const char *bytes, size_t len)
{
	int fd = new_file(0);

	ck_assert_int_eq(write(fd, bytes, len), (ssize_t)len);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	return fd;
}

START_TEST(test_file_to_file)
{
	char *bytes = some_bytes(3 * MIB + 1, 4);
	int from = filled_file(bytes, 3 * MIB + 1);
	int to = new_file(0), end = new_file(O_APPEND);

	ck_assert_uint_eq(run_to_end(from, to), 3 * MIB + 1);
	assert_content(to, bytes, 3 * MIB + 1);
	transfer_reset(transfer);
	ck_assert_int_eq(lseek(from, 0, SEEK_SET), 0);
	ck_assert_uint_eq(run_to_end(from, end), 3 * MIB + 1);
	assert_content(end, bytes, 3 * MIB + 1);
	close(from);
	close(to);
	close(end);
	free(bytes);
}
END_TEST

START_TEST(test_the_caller_gets_a_turn_in_a_long_file)
{
	struct pp_moved moved;
	int from = new_file(0), to = open("/dev/null", O_WRONLY);

	ck_assert_int_eq(ftruncate(from, 40 * MIB), 0);
	ck_assert_int_eq(transfer_run(transfer, from, to, UNLIMITED, 1000,
	    &moved), PP_OK);
	ck_assert_uint_gt(moved.written, 0);
	ck_assert_uint_lt(moved.written, 40 * MIB);
	ck_assert_int_eq(moved.source, PP_SOURCE_MORE);
	ck_assert_uint_eq(moved.written + run_to_end(from, to), 40 * MIB);
	close(from);
	close(to);
}
END_TEST

/* Its size is said to be 0, which must not be believed. */
START_TEST(test_file_of_the_kernel)
{
	int from = open("/proc/self/mounts", O_RDONLY), to = new_file(0);

	ck_assert_int_ne(from, -1);
	ck_assert_uint_gt(run_to_end(from, to), 0);
	close(from);
	close(to);
}
END_TEST

START_TEST(test_file_to_full_pipe_whose_reader_comes_late)
{
	char *bytes = some_bytes(3 * MIB, 5);
	int fd[2], from = filled_file(bytes, 3 * MIB);

	new_pipe(fd);
	waiter.drain = fd[0];
	ck_assert_uint_eq(run_to_end(from, fd[1]), 3 * MIB);
	drain(fd[0]);
	ck_assert_int_gt(waiter.calls, 1);
	ck_assert_int_eq(waiter.timeout_ms, 1000);
	ck_assert_uint_eq(waiter.drained, 3 * MIB);
	ck_assert_int_eq(memcmp(waiter.sink, bytes, 3 * MIB), 0);
	close(from);
	close(fd[0]);
	close(fd[1]);
	free(bytes);
}
END_TEST

START_TEST(test_an_unreadable_source_is_no_error_of_the_port)
{
	struct pp_moved moved;
	int from = open(suite_directory(), O_RDONLY | O_DIRECTORY);
	int to = new_file(0);

	ck_assert_int_eq(transfer_run(transfer, from, to, UNLIMITED, 1000,
	    &moved), PP_OK);
	ck_assert_int_eq(moved.source, PP_SOURCE_ERROR);
	ck_assert_int_eq(moved.source_errno, EISDIR);
	close(from);
	close(to);
}
END_TEST

/* ---- a target that does not take all ------------------------------------ */

static void
fill(int fd)
{
	static const char block[4096];

	while (write(fd, block, sizeof(block)) > 0)
		;
}

START_TEST(test_time_out_keeps_what_was_taken_for_the_next_call)
{
	struct pp_moved moved;
	int in[2], out[2];

	new_sockets(in);
	new_pipe(out);
	fill(out[1]);
	send_all(in[1], "kept", 4);
	waiter.code = PP_TIMEOUT;
	ck_assert_int_eq(transfer_run(transfer, in[0], out[1], UNLIMITED, 77,
	    &moved), PP_TIMEOUT);
	ck_assert_uint_eq(moved.written, 0);
	ck_assert_int_eq(moved.source, PP_SOURCE_MORE);
	ck_assert_int_eq(waiter.calls, 1);
	ck_assert_int_eq(waiter.timeout_ms, 77);

	send_all(in[1], " in order", 9);
	close(in[1]);
	drain(out[0]);
	waiter.drained = 0;
	ck_assert_uint_eq(run_to_end(in[0], out[1]), 13);
	drain(out[0]);
	ck_assert_uint_eq(waiter.drained, 13);
	ck_assert_int_eq(memcmp(waiter.sink, "kept in order", 13), 0);
	close(in[0]);
	close(out[0]);
	close(out[1]);
}
END_TEST

START_TEST(test_cancel_ends_the_wait)
{
	struct pp_moved moved;
	int in[2], out[2];

	new_sockets(in);
	new_pipe(out);
	fill(out[1]);
	send_all(in[1], "never sent", 10);
	waiter.code = PP_CANCELED;
	ck_assert_int_eq(transfer_run(transfer, in[0], out[1], UNLIMITED, -1,
	    &moved), PP_CANCELED);
	ck_assert_uint_eq(moved.written, 0);
	ck_assert_int_eq(waiter.timeout_ms, -1);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
}
END_TEST

START_TEST(test_a_short_transfer_does_not_wait)
{
	struct pp_moved moved;
	char *bytes = some_bytes(256 * 1024, 6);
	int from = filled_file(bytes, 256 * 1024), out[2];

	new_pipe(out);
	waiter.code = PP_TIMEOUT;
	ck_assert_int_eq(transfer_run(transfer, from, out[1], UNLIMITED, 1000,
	    &moved), PP_OK);
	ck_assert_uint_gt(moved.written, 0);
	ck_assert_uint_lt(moved.written, 256 * 1024);
	ck_assert_int_eq(moved.source, PP_SOURCE_MORE);
	ck_assert_int_eq(waiter.calls, 0);
	close(from);
	close(out[0]);
	close(out[1]);
	free(bytes);
}
END_TEST

START_TEST(test_reset_drops_what_was_taken)
{
	struct pp_moved moved;
	int in[2], out[2], to = new_file(0);

	new_sockets(in);
	new_pipe(out);
	fill(out[1]);
	send_all(in[1], "dropped", 7);
	waiter.code = PP_TIMEOUT;
	ck_assert_int_eq(transfer_run(transfer, in[0], out[1], UNLIMITED, 1000,
	    &moved), PP_TIMEOUT);
	ck_assert_uint_eq(transfer_reset(transfer), 7);
	ck_assert_uint_eq(transfer_reset(transfer), 0);
	socket_to(to, "next", 4);
	assert_content(to, "next", 4);
	close(in[0]);
	close(in[1]);
	close(out[0]);
	close(out[1]);
	close(to);
}
END_TEST

START_TEST(test_full_device)
{
	struct pp_moved moved;
	int in[2], to = open("/dev/full", O_WRONLY);

	new_sockets(in);
	send_all(in[1], "no room", 7);
	ck_assert_int_eq(transfer_run(transfer, in[0], to, UNLIMITED, 1000,
	    &moved), -ENOSPC);
	ck_assert_uint_eq(moved.written, 0);
	close(in[0]);
	close(in[1]);
	close(to);
}
END_TEST

static void
run_into_limit(int from, int to)
{
	struct pp_moved moved;
	uint64_t total = 0;
	int i, code = PP_OK;

	for (i = 0; i < 10 && code == PP_OK; i++) {
		code = transfer_run(transfer, from, to, UNLIMITED, 1000,
		    &moved);
		total += moved.written;
	}
	ck_assert_int_eq(code, -EFBIG);
	ck_assert_uint_eq(total, 100000);
}

START_TEST(test_bytes_before_a_failure_are_counted)
{
	struct rlimit limit = { 100000, 100000 };
	char *bytes = some_bytes(120000, 7);
	int from = filled_file(bytes, 120000);
	int in[2], to[3] = { new_file(0), new_file(0), new_file(O_APPEND) };
	int next = new_file(O_APPEND);

	new_sockets(in);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	run_into_limit(from, to[0]);
	ck_assert_uint_eq(transfer_reset(transfer), 0);
	send_all(in[1], bytes, 120000);
	run_into_limit(in[0], to[1]);
	ck_assert_uint_gt(transfer_reset(transfer), 0);
	ck_assert_int_eq(lseek(from, 0, SEEK_SET), 0);
	run_into_limit(from, to[2]);
	ck_assert_uint_gt(transfer_reset(transfer), 0);
	assert_content(to[0], bytes, 100000);
	assert_content(to[1], bytes, 100000);
	assert_content(to[2], bytes, 100000);
	socket_to(next, "next", 4);
	assert_content(next, "next", 4);
	free(bytes);
}
END_TEST

START_TEST(test_reader_that_left)
{
	struct pp_moved moved;
	int in[2], out[2];

	new_sockets(in);
	new_pipe(out);
	close(out[0]);
	send_all(in[1], "lost", 4);
	ck_assert_int_eq(transfer_run(transfer, in[0], out[1], UNLIMITED, 1000,
	    &moved), -EPIPE);
	ck_assert_uint_eq(moved.written, 0);
	ck_assert_int_eq(moved.source, PP_SOURCE_MORE);
	close(in[0]);
	close(in[1]);
	close(out[1]);
}
END_TEST

/* ---- all together ------------------------------------------------------- */

/*
 * Bytes of any length, given in pieces of any size, moved with any max, to a
 * reader that reads now and then: all arrive once and in order.
 */
START_TEST(test_random_sizes)
{
	uint32_t state = (uint32_t)_i + 99;
	size_t sent = 0, len = 700000 + (size_t)_i * 1000;
	char *bytes = some_bytes(len, (unsigned int)_i);
	struct pp_moved moved = { .source = PP_SOURCE_MORE };
	int in[2], out[2], rc;

	new_connection(in);
	new_pipe(out);
	fcntl(in[1], F_SETFL, O_NONBLOCK);
	while (moved.source != PP_SOURCE_END) {
		size_t piece = (state >> 8) % 50000;
		ssize_t n;

		if (piece > len - sent)
			piece = len - sent;
		n = send(in[1], bytes + sent, piece, 0);
		sent += n > 0 ? (size_t)n : 0;
		if (sent == len && in[1] != -1) {
			close(in[1]);
			in[1] = -1;
		}
		state = state * 1664525u + 1013904223u;
		waiter.drain = out[0];
		waiter.code = state >> 31 ? 0 : PP_TIMEOUT;
		rc = transfer_run(transfer, in[0], out[1], (state >> 8) % 90000,
		    1000, &moved);
		ck_assert(rc == PP_OK || rc == PP_TIMEOUT);
		ck_assert_int_ne(moved.source, PP_SOURCE_ERROR);
		ck_assert_uint_le(moved.written, (state >> 8) % 90000);
	}
	drain(out[0]);
	ck_assert_uint_eq(waiter.drained, len);
	ck_assert_int_eq(memcmp(waiter.sink, bytes, len), 0);
	close(in[0]);
	close(out[0]);
	close(out[1]);
	free(bytes);
}
END_TEST

static Suite *
transfer_suite(void)
{
	Suite *suite = suite_create("transfer");
	TCase *from_socket = tcase_create("socket");
	TCase *from_file = tcase_create("file");
	TCase *target = tcase_create("target");
	TCase *random = tcase_create("random");

	tcase_add_checked_fixture(from_socket, setup, teardown);
	tcase_add_test(from_socket, test_socket_to_file);
	tcase_add_test(from_socket, test_socket_to_the_end_of_a_file);
	tcase_add_test(from_socket, test_socket_to_dev_null);
	tcase_add_test(from_socket, test_socket_without_a_byte_ends_at_once);
	tcase_add_test(from_socket,
	    test_connection_gives_what_is_there_and_waits_for_no_more);
	tcase_add_test(from_socket,
	    test_a_broken_connection_never_looks_like_an_end);
	tcase_add_test(from_socket, test_a_connection_broken_with_unread_bytes);
	tcase_add_test(from_socket,
	    test_reset_forgets_how_the_last_source_ended);
	tcase_add_test(from_socket, test_max_is_the_most_that_is_taken);
	suite_add_tcase(suite, from_socket);

	tcase_add_checked_fixture(from_file, setup, teardown);
	tcase_add_test(from_file, test_file_to_file);
	tcase_add_test(from_file, test_the_caller_gets_a_turn_in_a_long_file);
	tcase_add_test(from_file, test_file_of_the_kernel);
	tcase_add_test(from_file,
	    test_file_to_full_pipe_whose_reader_comes_late);
	tcase_add_test(from_file,
	    test_an_unreadable_source_is_no_error_of_the_port);
	suite_add_tcase(suite, from_file);

	tcase_add_checked_fixture(target, setup, teardown);
	tcase_add_test(target,
	    test_time_out_keeps_what_was_taken_for_the_next_call);
	tcase_add_test(target, test_cancel_ends_the_wait);
	tcase_add_test(target, test_a_short_transfer_does_not_wait);
	tcase_add_test(target, test_reset_drops_what_was_taken);
	tcase_add_test(target, test_full_device);
	tcase_add_test(target, test_bytes_before_a_failure_are_counted);
	tcase_add_test(target, test_reader_that_left);
	suite_add_tcase(suite, target);

	tcase_add_checked_fixture(random, setup, teardown);
	tcase_add_loop_test(random, test_random_sizes, 0, 20);
	suite_add_tcase(suite, random);
	return suite;
}

int
main(void)
{
	return suite_main(transfer_suite());
}
