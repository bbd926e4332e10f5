/*
 * check_control_socket.c - how the control socket comes into being, and what
 * it leaves alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/control_socket.h"
#include "monitor/fault.h"
#include "tests/suite.h"

static char directory[200], path[256];
static struct control_socket sock;
static struct fault fault;

static void
setup(void)
{
	umask(022);
	snprintf(directory, sizeof(directory), "%s/run", suite_directory());
	snprintf(path, sizeof(path), "%s/control.sock", directory);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
}

static void
close_it(void)
{
	ck_assert_int_ge(sock.fd, 0);
	close(sock.fd);
	control_socket_close(&sock);
}

/* It was refused with these words, and names the path. */
static void
refused(int code, const char *words)
{
	ck_assert_int_eq(control_socket_open(&sock, path, &fault), code);
	ck_assert_int_eq(fault.code, code);
	ck_assert_int_eq(sock.fd, -1);
	ck_assert_msg(strstr(fault.text, words) != NULL, "\"%s\" not in: %s",
	    words, fault.text);
	ck_assert_ptr_nonnull(strstr(fault.text, "control_socket "));
}

static int
connect_to_it(void)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	int rc;

	ck_assert_int_ge(fd, 0);
	strcpy(address.sun_path, path);
	rc = connect(fd, (struct sockaddr *)&address, sizeof(address)) == -1 ?
	    -errno : 0;
	close(fd);
	return rc;
}

static ino_t
inode(void)
{
	struct stat st;

	ck_assert_int_eq(lstat(path, &st), 0);
	return st.st_ino;
}

static const mode_t umasks[] = { 0, 022, 027, 077, 0777 };

START_TEST(its_mode_is_what_it_should_be)
{
	struct stat st;

	umask(umasks[_i]);
	ck_assert_int_eq(control_socket_open(&sock, path, &fault), 0);
	umask(022);
	ck_assert_int_eq(lstat(path, &st), 0);
	ck_assert(S_ISSOCK(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0660);
	ck_assert_uint_eq(st.st_uid, geteuid());
	ck_assert_uint_eq(st.st_gid, getegid());
	ck_assert_int_eq(fcntl(sock.fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fcntl(sock.fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(connect_to_it(), 0);
	close_it();
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_left_over_one_is_replaced)
{
	ck_assert_int_eq(control_socket_open(&sock, path, &fault), 0);
	close(sock.fd);			/* as a crash does it */
	free(sock.path);
	ck_assert_int_eq(connect_to_it(), -ECONNREFUSED);
	ck_assert_int_eq(control_socket_open(&sock, path, &fault), 0);
	ck_assert_int_eq(connect_to_it(), 0);
	ck_assert_uint_eq(inode(), sock.ino);
	close_it();
}
END_TEST

START_TEST(one_that_is_alive_is_left_alone)
{
	struct control_socket first;
	ino_t ino;

	ck_assert_int_eq(control_socket_open(&first, path, &fault), 0);
	ino = inode();
	refused(-EADDRINUSE, "another process listens there");
	ck_assert_uint_eq(inode(), ino);
	ck_assert_int_eq(connect_to_it(), 0);
	close(first.fd);
	control_socket_close(&first);
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(a_file_is_left_alone)
{
	int fd = open(path, O_CREAT | O_WRONLY, 0600);

	ck_assert_int_eq(write(fd, "dear", 4), 4);
	close(fd);
	refused(-EEXIST, "something that is no socket is there");
	fd = open(path, O_RDONLY);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 4);
	close(fd);
}
END_TEST

START_TEST(a_directory_is_left_alone)
{
	ck_assert_int_eq(mkdir(path, 0700), 0);
	refused(-EEXIST, "remove it, or name another path");
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

/* Nor is what it points to, be it a socket or nothing. */
START_TEST(a_link_is_left_alone)
{
	char other[300];
	struct control_socket first;
	struct stat st;

	snprintf(other, sizeof(other), "%s/other", directory);
	ck_assert_int_eq(symlink(other, path), 0);
	refused(-EEXIST, "something that is no socket is there");
	ck_assert_int_eq(lstat(other, &st), -1);
	ck_assert_int_eq(control_socket_open(&first, other, &fault), 0);
	refused(-EEXIST, "something that is no socket is there");
	close(first.fd);
	refused(-EEXIST, "something that is no socket is there");
	ck_assert_int_eq(lstat(other, &st), 0);
	control_socket_close(&first);
}
END_TEST

START_TEST(a_socket_of_another_user_is_left_alone)
{
	ino_t ino;

	if (geteuid() != 0)
		return;			/* only root can make one */
	ck_assert_int_eq(control_socket_open(&sock, path, &fault), 0);
	ino = inode();
	close(sock.fd);
	free(sock.path);
	ck_assert_int_eq(chown(path, 12345, 12345), 0);
	refused(-EEXIST, "a socket of another user is there");
	ck_assert_uint_eq(inode(), ino);
}
END_TEST

START_TEST(its_directory_must_be_there)
{
	ck_assert_int_eq(rmdir(directory), 0);
	refused(-ENOENT, "install -d -o USER -g GROUP");
	ck_assert_int_eq(access(directory, F_OK), -1);
}
END_TEST

static const mode_t open_modes[] = { 0777, 01777, 0775, 0757 };

START_TEST(its_directory_must_be_its_own)
{
	ck_assert_int_eq(chmod(directory, open_modes[_i]), 0);
	refused(-EPERM, "chmod go-w ");
	ck_assert_int_eq(access(path, F_OK), -1);
}
END_TEST

START_TEST(its_directory_may_not_be_another_user_s)
{
	if (geteuid() != 0)
		return;			/* only root can make one */
	ck_assert_int_eq(chown(directory, 12345, 12345), 0);
	refused(-EPERM, "must belong to root or to the daemon's user");
}
END_TEST

START_TEST(its_directory_must_be_one)
{
	ck_assert_int_eq(rmdir(directory), 0);
	close(open(directory, O_CREAT | O_WRONLY, 0600));
	refused(-ENOTDIR, "is no directory");
}
END_TEST

START_TEST(a_path_has_an_end)
{
	memset(path, 'x', sizeof(path) - 1);
	path[0] = '/';
	refused(-ENAMETOOLONG, "107 bytes");
}
END_TEST

/* What came in its place is not ours to remove. */
START_TEST(what_is_not_ours_stays)
{
	ck_assert_int_eq(control_socket_open(&sock, path, &fault), 0);
	ck_assert_int_eq(unlink(path), 0);
	close(open(path, O_CREAT | O_WRONLY, 0600));
	close_it();
	ck_assert_int_eq(access(path, F_OK), 0);
}
END_TEST

static Suite *
control_socket_suite(void)
{
	Suite *suite = suite_create("control_socket");
	TCase *tc = tcase_create("socket");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, its_mode_is_what_it_should_be, 0,
	    sizeof(umasks) / sizeof(umasks[0]));
	tcase_add_test(tc, a_left_over_one_is_replaced);
	tcase_add_test(tc, one_that_is_alive_is_left_alone);
	tcase_add_test(tc, a_file_is_left_alone);
	tcase_add_test(tc, a_directory_is_left_alone);
	tcase_add_test(tc, a_link_is_left_alone);
	tcase_add_test(tc, a_socket_of_another_user_is_left_alone);
	tcase_add_test(tc, its_directory_must_be_there);
	tcase_add_loop_test(tc, its_directory_must_be_its_own, 0,
	    sizeof(open_modes) / sizeof(open_modes[0]));
	tcase_add_test(tc, its_directory_may_not_be_another_user_s);
	tcase_add_test(tc, its_directory_must_be_one);
	tcase_add_test(tc, a_path_has_an_end);
	tcase_add_test(tc, what_is_not_ours_stays);
	suite_add_tcase(suite, tc);
	return suite;
}

int
main(void)
{
	return suite_main(control_socket_suite());
}
