/*
 * check_endpoint.c - from `listen = ...` to listening sockets: our own, kept
 * ones, passed ones, and what is said when there is none.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/endpoint.h"
#include "tests/suite.h"

static struct conf *conf;
static struct conf_errors errors;
static struct endpoints endpoints, old;
static struct inherited_list none;

/* ---- tools ---- */

static void
tear_down(void)
{
	endpoints_free(&endpoints);
	endpoints_free(&old);
	conf_errors_free(&errors);
	conf_free(conf);
	conf = NULL;
}

/* The `listen` line is the ninth. */
#define LISTEN_LINE	9

static void
configure(const char *listen)
{
	char path[4200];
	FILE *file;

	snprintf(path, sizeof(path), "%s/test.ini", suite_directory());
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "[daemon]\nspool_directory = spool\n"
	    "[queue q]\nports = p\n[port p]\nmonitor = null\n"
	    "[listener desk]\nqueue = q\nlisten = %s\n", listen);
	fclose(file);
	conf_free(conf);
	conf = conf_load(path, &errors);
	ck_assert_msg(conf != NULL, "%s",
	    errors.n > 0 ? errors.v[0].text : "no memory");
}

static void
resolve(const char *listen)
{
	configure(listen);
	ck_assert_int_eq(endpoints_resolve(&endpoints, conf, &errors), 0);
}

static void
bind_all(struct endpoints *kept, struct inherited_list *list)
{
	int rc = endpoints_bind(&endpoints, conf, kept, list, &errors);

	ck_assert_msg(rc == 0, "%s",
	    errors.n > 0 ? errors.v[0].text : "no error");
	ck_assert_uint_eq(errors.n, 0);
}

static void
bind_fails(struct inherited_list *list, const char *part, const char *remedy)
{
	ck_assert_int_eq(endpoints_bind(&endpoints, conf, NULL, list,
	    &errors), -1);
	ck_assert_uint_eq(errors.n, 1);
	ck_assert_int_eq(errors.v[0].line, LISTEN_LINE);
	ck_assert_str_eq(errors.v[0].file, conf->path);
	ck_assert_ptr_nonnull(strstr(errors.v[0].text, "[listener desk]"));
	ck_assert_msg(strstr(errors.v[0].text, part) != NULL, "%s",
	    errors.v[0].text);
	ck_assert_msg(strstr(errors.v[0].text, remedy) != NULL, "%s",
	    errors.v[0].text);
	ck_assert_int_eq(endpoints.v[0].fd, -1);
}

static in_port_t
port_of(int fd)
{
	struct sockaddr_in6 address;
	socklen_t len = sizeof(address);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &len),
	    0);
	return ntohs(address.sin6_port);	/* IPv4's lies there too */
}

static int
option(int fd, int level, int name)
{
	int value = -1;
	socklen_t len = sizeof(value);

	ck_assert_int_eq(getsockopt(fd, level, name, &value, &len), 0);
	return value;
}

/* A listening socket on a free port, as a service manager would make it. */
static int
stranger(in_port_t *port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	*port = port_of(fd);
	return fd;
}

static const char *
loopback(in_port_t port)
{
	static char text[32];

	snprintf(text, sizeof(text), "127.0.0.1:%u", port);
	return text;
}

/* Does what connects to this port come out of fd? */
static bool
leads_to(in_port_t port, int fd)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	    .sin_port = htons(port) };
	struct pollfd pollfd = { .fd = fd, .events = POLLIN };
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool there;

	ck_assert_int_eq(connect(client, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	there = poll(&pollfd, 1, 0) == 1;
	close(client);
	return there;
}

static bool
has_ipv6(void)
{
	struct sockaddr_in6 address = { .sin6_family = AF_INET6,
	    .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool has = fd != -1 && bind(fd, (struct sockaddr *)&address,
	    sizeof(address)) == 0;

	if (fd != -1)
		close(fd);
	return has;
}

/* From here on, socket(AF_INET6, ...) fails as on a machine without IPv6. */
static void
lose_ipv6(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
		    offsetof(struct seccomp_data, args)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, AF_INET6, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EAFNOSUPPORT),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	ck_assert_int_eq(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	ck_assert_int_eq(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program),
	    0);
}

/* ---- our own ---- */

START_TEST(port_0_is_any_free_port)
{
	resolve("127.0.0.1:0, 127.0.0.1:0");
	ck_assert_uint_eq(endpoints.n, 2);
	bind_all(NULL, &none);
	ck_assert_uint_ne(port_of(endpoints.v[0].fd), 0);
	ck_assert_uint_ne(port_of(endpoints.v[0].fd),
	    port_of(endpoints.v[1].fd));
	ck_assert(leads_to(port_of(endpoints.v[0].fd), endpoints.v[0].fd));
}
END_TEST

START_TEST(address_is_told_as_text)
{
	char text[ENDPOINT_TEXT_LEN], expected[64];

	resolve(has_ipv6() ? "[::1]:0" : "127.0.0.1:0");
	bind_all(NULL, &none);
	endpoint_address(endpoints.v[0].fd, text);
	snprintf(expected, sizeof(expected), "%s:%u",
	    has_ipv6() ? "[::1]" : "127.0.0.1", port_of(endpoints.v[0].fd));
	ck_assert_str_eq(text, expected);
	endpoint_address(STDIN_FILENO, text);
	ck_assert_str_eq(text, "unknown");
}
END_TEST

START_TEST(a_vanished_client_will_be_noticed)
{
	int fd;

	resolve("127.0.0.1:0");
	bind_all(NULL, &none);
	fd = endpoints.v[0].fd;
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPINTVL), 10);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPCNT), 6);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_REUSEADDR), 1);
}
END_TEST

START_TEST(no_child_gets_a_socket)
{
	resolve("127.0.0.1:0");
	bind_all(NULL, &none);
	ck_assert_int_eq(fcntl(endpoints.v[0].fd, F_GETFD), FD_CLOEXEC);
	ck_assert(fcntl(endpoints.v[0].fd, F_GETFL) & O_NONBLOCK);
}
END_TEST

START_TEST(star_takes_ipv4_and_ipv6)
{
	resolve("*:0");
	bind_all(NULL, &none);
	ck_assert_uint_eq(endpoints.n, 1);
	ck_assert(leads_to(port_of(endpoints.v[0].fd), endpoints.v[0].fd));
	if (has_ipv6())
		ck_assert_int_eq(option(endpoints.v[0].fd, IPPROTO_IPV6,
		    IPV6_V6ONLY), 0);
}
END_TEST

START_TEST(star_without_ipv6_is_ipv4)
{
	lose_ipv6();
	resolve("*:0");
	bind_all(NULL, &none);
	ck_assert(leads_to(port_of(endpoints.v[0].fd), endpoints.v[0].fd));
}
END_TEST

/* ---- what cannot be ---- */

START_TEST(a_taken_address_is_told)
{
	in_port_t port;
	int fd = stranger(&port);

	resolve(loopback(port));
	bind_fails(&none, loopback(port),
	    "another program listens there: stop it, or change this line");
	ck_assert_ptr_nonnull(strstr(errors.v[0].text,
	    strerror(EADDRINUSE)));
	close(fd);
}
END_TEST

START_TEST(an_address_of_another_machine_is_told)
{
	resolve("203.0.113.71:0");
	bind_fails(&none, "203.0.113.71:0",
	    "no interface of this machine has that address");
}
END_TEST

START_TEST(all_that_is_wrong_is_told_and_the_rest_is_bound)
{
	resolve("203.0.113.71:0, 127.0.0.1:0, 203.0.113.72:0");
	ck_assert_int_eq(endpoints_bind(&endpoints, conf, NULL, &none,
	    &errors), -1);
	ck_assert_uint_eq(errors.n, 2);
	ck_assert_ptr_nonnull(strstr(errors.v[0].text, "203.0.113.71:0"));
	ck_assert_ptr_nonnull(strstr(errors.v[1].text, "203.0.113.72:0"));
	ck_assert_int_eq(endpoints.v[0].fd, -1);
	ck_assert_int_ne(endpoints.v[1].fd, -1);
}
END_TEST

/* A label longer than DNS has them: no server needs to be asked. */
START_TEST(a_name_that_does_not_resolve_is_told)
{
	configure("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	    "aaaaaaaaaaaa.invalid:9100");
	ck_assert_int_eq(endpoints_resolve(&endpoints, conf, &errors), -1);
	ck_assert_uint_eq(errors.n, 1);
	ck_assert_str_eq(errors.v[0].file, conf->path);
	ck_assert_ptr_nonnull(strstr(errors.v[0].text,
	    "[listener desk] listen = aaa"));
	ck_assert_ptr_nonnull(strstr(errors.v[0].text,
	    "the name does not resolve"));
	ck_assert_ptr_nonnull(strstr(errors.v[0].text, "write an address"));
	ck_assert_int_eq(errors.v[0].line, LISTEN_LINE);
}
END_TEST

/* ---- kept at a reload ---- */

static in_port_t
bind_and_reload(const char *first, const char *second)
{
	resolve(first);
	bind_all(NULL, &none);
	old = endpoints;
	resolve(second);
	bind_all(&old, &none);
	return port_of(old.v[0].fd);
}

START_TEST(a_kept_address_keeps_its_socket)
{
	in_port_t port = bind_and_reload("127.0.0.1:0", "127.0.0.1:0");

	ck_assert_uint_eq(port_of(endpoints.v[0].fd), port);
	ck_assert_int_ne(endpoints.v[0].fd, old.v[0].fd);
	endpoints_free(&old);
	ck_assert(leads_to(port, endpoints.v[0].fd));
	ck_assert_int_eq(fcntl(endpoints.v[0].fd, F_GETFD), FD_CLOEXEC);
}
END_TEST

START_TEST(a_new_address_gets_a_new_socket)
{
	in_port_t port = bind_and_reload("127.0.0.1:0",
	    "127.0.0.2:0, 127.0.0.1:0");

	ck_assert_uint_ne(port_of(endpoints.v[0].fd), port);
	ck_assert_uint_eq(port_of(endpoints.v[1].fd), port);
}
END_TEST

START_TEST(star_is_kept_with_and_without_ipv6)
{
	if (_i == 1)
		lose_ipv6();
	ck_assert_uint_eq(bind_and_reload("*:0", "*:0"),
	    port_of(endpoints.v[0].fd));
}
END_TEST

/* ---- passed by the service manager ---- */

static struct inherited_list *
passed(const char *name, in_port_t *port)
{
	static struct inherited inherited;
	static struct inherited_list list = { &inherited, 1 };

	inherited = (struct inherited){ .fd = stranger(port),
	    .name = (char *)(uintptr_t)name };
	return &list;
}

START_TEST(a_passed_socket_is_found_by_name)
{
	in_port_t port;
	struct inherited_list *list = passed("raw", &port);
	int fd;

	resolve("systemd:raw");
	bind_all(NULL, list);
	fd = endpoints.v[0].fd;
	ck_assert(list->v[0].used);
	ck_assert_int_ne(fd, list->v[0].fd);
	ck_assert_int_eq(option(fd, SOL_SOCKET, SO_KEEPALIVE), 1);
	ck_assert_int_eq(option(fd, IPPROTO_TCP, TCP_KEEPIDLE), 60);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert(leads_to(port, fd));
	close(list->v[0].fd);
}
END_TEST

START_TEST(a_passed_socket_is_found_by_address)
{
	in_port_t port;
	struct inherited_list *list = passed("whatever", &port);

	resolve(loopback(port));
	bind_all(NULL, list);
	ck_assert(list->v[0].used);
	ck_assert(leads_to(port, endpoints.v[0].fd));
	close(list->v[0].fd);
}
END_TEST

START_TEST(a_passed_socket_is_given_once)
{
	in_port_t port;
	struct inherited_list *list = passed("raw", &port);

	resolve("systemd:raw");
	list->v[0].used = true;		/* of an earlier time: counts not */
	bind_all(NULL, list);
	old = endpoints;
	resolve("systemd:raw");
	bind_all(&old, list);		/* kept, so it is still there */
	ck_assert_uint_eq(port_of(endpoints.v[0].fd), port);
	close(list->v[0].fd);
}
END_TEST

START_TEST(a_passed_socket_nobody_wants_stays_unused)
{
	in_port_t port;
	struct inherited_list *list = passed("raw", &port);

	resolve("127.0.0.1:0");
	bind_all(NULL, list);
	ck_assert(!list->v[0].used);
	ck_assert_uint_ne(port_of(endpoints.v[0].fd), port);
	close(list->v[0].fd);
}
END_TEST

START_TEST(a_name_that_was_not_passed_is_told)
{
	in_port_t port;
	struct inherited_list *list = passed("raw", &port);

	resolve("systemd:lpd");
	bind_fails(list, "listen = systemd:lpd: no socket of this name",
	    "FileDescriptorName=lpd");
	close(list->v[0].fd);
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, NULL, tear_down);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *
endpoint_suite(void)
{
	Suite *suite = suite_create("endpoint");
	TCase *tcase;

	tcase = new_case(suite, "own");
	tcase_add_test(tcase, port_0_is_any_free_port);
	tcase_add_test(tcase, address_is_told_as_text);
	tcase_add_test(tcase, a_vanished_client_will_be_noticed);
	tcase_add_test(tcase, no_child_gets_a_socket);
	tcase_add_test(tcase, star_takes_ipv4_and_ipv6);
	tcase_add_test(tcase, star_without_ipv6_is_ipv4);

	tcase = new_case(suite, "wrong");
	tcase_add_test(tcase, a_taken_address_is_told);
	tcase_add_test(tcase, an_address_of_another_machine_is_told);
	tcase_add_test(tcase, all_that_is_wrong_is_told_and_the_rest_is_bound);
	tcase_add_test(tcase, a_name_that_does_not_resolve_is_told);

	tcase = new_case(suite, "kept");
	tcase_add_test(tcase, a_kept_address_keeps_its_socket);
	tcase_add_test(tcase, a_new_address_gets_a_new_socket);
	tcase_add_loop_test(tcase, star_is_kept_with_and_without_ipv6, 0, 2);

	tcase = new_case(suite, "passed");
	tcase_add_test(tcase, a_passed_socket_is_found_by_name);
	tcase_add_test(tcase, a_passed_socket_is_found_by_address);
	tcase_add_test(tcase, a_passed_socket_is_given_once);
	tcase_add_test(tcase, a_passed_socket_nobody_wants_stays_unused);
	tcase_add_test(tcase, a_name_that_was_not_passed_is_told);
	return suite;
}

int
main(void)
{
	return suite_main(endpoint_suite());
}
