/*
 * check_lpr - the module `lpr`, against a server that does as it is told.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/module.h"
#include "tests/suite.h"

static struct module module;
static struct pp_port *port;

static const struct pp_doc_info_1 doc = { "Report", NULL, "text/plain" };

/* ---- a server ----------------------------------------------------------- */

/*
 * It answers its first step with the first of these, and so on; the last is
 * for all that follow.
 *
 *	0	go on			c	hang up
 *	1 2 3	refuse, with a text	r	reset
 *	t	a text, no octet	s	be silent, until the client goes
 *	w	be silent, until the server is stopped
 *	E	refuse when the first byte of data comes
 *	D	take no byte of the data, until the client goes
 */
static struct {
	const char	*answers;
	int		 fd;		/* it listens */
	pthread_t	 thread;
	int		 n;		/* connections */
	char		 said[4000];	/* lines, and "+" for each NUL */
	char		 control[4000];
	char		*data;		/* owned */
	size_t		 data_len;
	char		 ended;		/* e in good order, r by a reset */
	in_port_t	 client;	/* its port */
} server;

static char
next_answer(void)
{
	char answer = server.answers[0];

	if (server.answers[1] != '\0')
		server.answers++;
	return answer;
}

/* Take what comes until the client has gone; says how. */
static void
await_end(int fd)
{
	char sink[65536];
	ssize_t n;

	do
		n = recv(fd, sink, sizeof(sink), 0);
	while (n > 0);
	server.ended = n == 0 ? 'e' : 'r';
}

/* False: the connection has come to its end. */
static bool
answer(int fd)
{
	static const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct pollfd stopped = { .fd = server.fd };
	char how = next_answer();
	char text[40];
	int len;

	switch (how) {
	case '0':
		return send(fd, "", 1, MSG_NOSIGNAL) == 1;
	case '1':
	case '2':
	case '3':
		len = sprintf(text, "%cnot\033 like that\n", how - '0');
		(void)send(fd, text, (size_t)len, MSG_NOSIGNAL);
		return false;
	case 't':
		(void)send(fd, "no such printer\n", 16, MSG_NOSIGNAL);
		return false;
	case 'r':
		(void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset,
		    sizeof(reset));
		return false;
	case 's':
		await_end(fd);
		return false;
	case 'w':
		return poll(&stopped, 1, -1) == -1;
	default:
		return false;
	}
}

static bool
read_line(int fd, char *line, size_t size)
{
	size_t len = 0;

	while (len + 1 < size) {
		if (recv(fd, line + len, 1, 0) != 1) {
			server.ended = len == 0 ? 'e' : 'r';
			return false;
		}
		if (line[len++] == '\n')
			break;
	}
	line[len] = '\0';
	strcat(server.said, line[0] == 2 ? "2" : "3");
	strcat(server.said, line + 1);
	return true;
}

/* So many bytes and a NUL; with a length that is none all there is. */
static bool
read_data(int fd, size_t wanted)
{
	size_t size = 1 << 20;
	struct pollfd gone = { .fd = fd };
	ssize_t n = 1;
	char nul = 'x';

	if (server.answers[0] == 'D')
		return poll(&gone, 1, -1) == -1;
	if (server.answers[0] == 'E') {
		(void)recv(fd, &nul, 1, 0);
		(void)send(fd, "\2full\n", 6, MSG_NOSIGNAL);
		await_end(fd);
		return false;
	}
	free(server.data);
	server.data = malloc(size);
	server.data_len = 0;
	while (server.data_len < wanted && n > 0) {
		if (server.data_len == size)
			server.data = realloc(server.data, size *= 2);
		n = recv(fd, server.data + server.data_len, wanted <
		    size ? wanted - server.data_len : size - server.data_len,
		    0);
		if (n > 0)
			server.data_len += (size_t)n;
	}
	if (n <= 0) {
		server.ended = n == 0 ? 'e' : 'r';
		return n == 0 && wanted > (1u << 30);
	}
	if (recv(fd, &nul, 1, 0) == 1 && nul == '\0')
		strcat(server.said, "+");
	return nul == '\0';
}

static bool
read_control(int fd, size_t wanted)
{
	char nul = 'x';

	ck_assert_uint_lt(wanted, sizeof(server.control));
	if (wanted > 0 && recv(fd, server.control, wanted, MSG_WAITALL) !=
	    (ssize_t)wanted)
		return false;
	server.control[wanted] = '\0';
	if (recv(fd, &nul, 1, 0) == 1 && nul == '\0')
		strcat(server.said, "+");
	return nul == '\0';
}

static void
serve(int fd)
{
	char line[2000];
	size_t len;

	if (!read_line(fd, line, sizeof(line)) || !answer(fd))
		return;
	while (read_line(fd, line, sizeof(line)) && answer(fd)) {
		len = strtoull(line + 1, NULL, 10);
		if (!(line[0] == 2 ? read_control(fd, len) :
		    read_data(fd, len)) || !answer(fd))
			return;
	}
}

static void *
server_run(void *arg)
{
	struct sockaddr_in client;
	socklen_t len;
	int fd;

	(void)arg;
	for (;;) {
		len = sizeof(client);
		fd = accept4(server.fd, (struct sockaddr *)&client, &len,
		    SOCK_CLOEXEC);
		if (fd == -1)
			return NULL;
		server.n++;
		server.client = ntohs(client.sin_port);
		serve(fd);
		close(fd);
	}
}

static void
start_server(const char *answers)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
		.sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(address);
	char number[16];

	server.answers = answers;
	server.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(server.fd, (struct sockaddr *)&address, len), 0);
	ck_assert_int_eq(listen(server.fd, 10), 0);
	ck_assert_int_eq(getsockname(server.fd, (struct sockaddr *)&address,
	    &len), 0);
	snprintf(number, sizeof(number), "%d", ntohs(address.sin_port));
	fake_host_set(module.host, "remote", "port", number);
	ck_assert_int_eq(pthread_create(&server.thread, NULL, server_run,
	    NULL), 0);
}

/* After this all that it knows can be looked at. */
static void
stop_server(void)
{
	if (server.fd == -1)
		return;
	ck_assert_int_eq(shutdown(server.fd, SHUT_RDWR), 0);
	ck_assert_int_eq(pthread_join(server.thread, NULL), 0);
	close(server.fd);
	server.fd = -1;
}

/* ---- ports, documents --------------------------------------------------- */

static struct {
	int	waits;			/* that were begun */
	int	cancel_at;		/* this one is canceled */
	int   (*wait_fd)(struct pp_spooler *, int, uint32_t, int);
} waiting;

static int
wait_fd(struct pp_spooler *cookie, int fd, uint32_t events, int timeout_ms)
{
	if (++waiting.waits == waiting.cancel_at)
		module.host->canceled = true;
	return waiting.wait_fd(cookie, fd, events, timeout_ms);
}

static void
set(const char *key, const char *value)
{
	fake_host_set(module.host, "remote", key, value);
}

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	memset(&server, 0, sizeof(server));
	memset(&waiting, 0, sizeof(waiting));
	server.fd = -1;
	module_open(&module, "lpr");
	waiting.wait_fd = module.host->api.wait_fd;
	module.host->api.wait_fd = wait_fd;
	module.host->job.user = "ann";
	module.host->job.document = "report.ps";
	port = NULL;
	set("host", "127.0.0.1");
	set("queue", "lobby");
	set("directory", suite_directory());
}

static void
close_port(void)
{
	if (port != NULL)
		ck_assert_int_eq(module.table->close_port(port), PP_OK);
	port = NULL;
}

static void
teardown(void)
{
	close_port();
	stop_server();
	free(server.data);
	module_close(&module);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static int
open_port(void)
{
	return module.table->open_port(module.monitor, "remote", &port);
}

static void
open_to(const char *answers)
{
	start_server(answers);
	ck_assert_int_eq(open_port(), PP_OK);
}

static int
try_start(uint64_t job, int64_t length)
{
	module.host->job.id = job;
	module.host->job.flags = 0;
	module.host->job.length = length;
	return module.table->start_doc_port(port, "q", job, 1, &doc);
}

static int
try_put(const char *bytes, size_t len)
{
	size_t written, at = 0;
	int rc = PP_OK;

	while (at < len && rc == PP_OK) {
		written = 99;
		rc = module.table->write_port(port, bytes + at, len - at,
		    &written);
		ck_assert_uint_le(written, len - at);
		at += written;
	}
	return rc;
}

static int
end(void)
{
	return module.table->end_doc_port(port);
}

/* As a host does it; the first code that is none of success. */
static int
print_bytes(uint64_t job, const char *bytes, size_t len, int64_t length)
{
	int rc = try_start(job, length);

	if (rc != PP_OK)
		return rc;
	rc = try_put(bytes, len);
	if (rc != PP_OK)
		module.host->job.flags |= PP_JOB_DELETING;
	return rc != PP_OK ? (end(), rc) : end();
}

static int
print(uint64_t job, const char *text)
{
	return print_bytes(job, text, strlen(text), (int64_t)strlen(text));
}

static const char *
reason(void)
{
	size_t i = module.host->n_logs;

	while (i > 0 && module.host->logs[i - 1].level != PP_LOG_ERROR)
		i--;
	ck_assert_uint_gt(i, 0);
	return module.host->logs[i - 1].text;
}

static void
assert_data(const char *text)
{
	ck_assert_uint_eq(server.data_len, strlen(text));
	ck_assert_mem_eq(server.data, text, strlen(text));
}

/* What it said, with the name of this machine as "HOST". */
static const char *
said(void)
{
	static char text[4000];
	char us[300] = "", *at;
	size_t len;

	gethostname(us, sizeof(us) - 1);
	us[strcspn(us, ".")] = '\0';
	len = strlen(us);
	snprintf(text, sizeof(text), "%s", server.said);
	while ((at = strstr(text, us)) != NULL) {
		memmove(at + 4, at + len, strlen(at + len) + 1);
		memcpy(at, "HOST", 4);
	}
	for (at = text; *at != '\0'; at++)
		if (*at == '\n')
			*at = '|';
	return text;
}

static int
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static char *
many_bytes(size_t len)
{
	char *bytes = malloc(len);
	size_t i;

	ck_assert_ptr_nonnull(bytes);
	for (i = 0; i < len; i++)
		bytes[i] = (char)(i * 7 + i / 251);
	return bytes;
}

/* ---- what is said ------------------------------------------------------- */

START_TEST(test_control_first)
{
	char wanted[100];

	open_to("0");
	ck_assert_int_eq(print(7, "bytes"), PP_OK);
	close_port();
	stop_server();
	snprintf(wanted, sizeof(wanted), "2lobby|2%zu cfA007HOST|+"
	    "35 dfA007HOST|+", strlen(server.control));
	ck_assert_str_eq(said(), wanted);
	ck_assert_ptr_nonnull(strstr(server.control, "Pann\nJReport\nldfA007"));
	assert_data("bytes");
	ck_assert_int_eq(server.ended, 'e');
	ck_assert_uint_eq(fake_host_events(module.host, 7, PP_JOB_SENT), 1);
}
END_TEST

START_TEST(test_data_first)
{
	char wanted[100];

	set("order", "data,control");
	open_to("0");
	ck_assert_int_eq(print(7, "bytes"), PP_OK);
	close_port();
	stop_server();
	snprintf(wanted, sizeof(wanted), "2lobby|35 dfA007HOST|+"
	    "2%zu cfA007HOST|+", strlen(server.control));
	ck_assert_str_eq(said(), wanted);
	assert_data("bytes");
}
END_TEST

START_TEST(test_an_empty_document)
{
	open_to("0");
	ck_assert_int_eq(print(7, ""), PP_OK);
	stop_server();
	ck_assert_ptr_nonnull(strstr(said(), "|+30 dfA007HOST|+"));
}
END_TEST

START_TEST(test_a_stream_ends_with_the_connection)
{
	set("mode", "stream");
	open_to("0");
	ck_assert_int_eq(print_bytes(7, "bytes", 5, -1), PP_OK);
	close_port();
	stop_server();
	ck_assert_ptr_nonnull(strstr(said(), "|+3999999999999 dfA007HOST|"));
	assert_data("bytes");
	ck_assert_int_eq(server.ended, 'e');
	ck_assert_uint_eq(module.host->n_events, 1);
}
END_TEST

START_TEST(test_the_length_of_a_stream_can_be_told)
{
	set("mode", "stream");
	set("stream_length", "4294967295");
	open_to("0");
	ck_assert_int_eq(print_bytes(7, "bytes", 5, 5), PP_OK);
	stop_server();
	ck_assert_ptr_nonnull(strstr(said(), "|+34294967295 dfA007HOST|"));
	assert_data("bytes");
}
END_TEST

/* Servers of a stream may say nothing more. */
START_TEST(test_a_stream_needs_no_last_answer)
{
	set("mode", "stream");
	open_to("0000c");
	ck_assert_int_eq(print_bytes(7, "bytes", 5, -1), PP_OK);
	stop_server();
	assert_data("bytes");
}
END_TEST

START_TEST(test_a_stream_can_be_refused_at_its_end)
{
	set("mode", "stream");
	open_to("00003");
	ck_assert_int_eq(print_bytes(7, "bytes", 5, -1), PP_HOLD_JOB);
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(rule_38_a_document_of_unknown_length_is_counted_first)
{
	char *bytes = many_bytes(3000000);

	if (_i == 1)
		set("spool", "always");
	open_to("0");
	ck_assert_int_eq(try_start(7, _i == 0 ? -1 : 5), PP_OK);
	ck_assert_int_eq(try_put(bytes, 3000000), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	stop_server();
	ck_assert_int_eq(server.n, 1);
	ck_assert_ptr_nonnull(strstr(said(), "|+33000000 dfA007HOST|+"));
	ck_assert_uint_eq(server.data_len, 3000000);
	ck_assert_mem_eq(server.data, bytes, 3000000);
	free(bytes);
}
END_TEST

START_TEST(rule_35_a_write_of_any_size_is_taken)
{
	const size_t sizes[] = { 1, 4095, 70000, 2000000 };
	char *bytes = many_bytes(2074096);
	size_t at = 0, i;

	open_to("0");
	ck_assert_int_eq(try_start(7, 2074096), PP_OK);
	for (i = 0; i < 4; at += sizes[i++])
		ck_assert_int_eq(try_put(bytes + at, sizes[i]), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	stop_server();
	ck_assert_uint_eq(server.data_len, 2074096);
	ck_assert_mem_eq(server.data, bytes, 2074096);
	free(bytes);
}
END_TEST

/* Straight, and by way of a file. */
START_TEST(test_bytes_of_a_descriptor)
{
	struct pp_moved moved;
	int fd[2];

	open_to("0");
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fd), 0);
	ck_assert_int_eq(module.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_NO_DOCUMENT);
	ck_assert_int_eq(try_start(7, _i == 0 ? 5 : -1), PP_OK);
	ck_assert_int_eq(send(fd[1], "bytes", 5, 0), 5);
	ck_assert_int_eq(module.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_OK);
	ck_assert_uint_eq(moved.written, 5);
	ck_assert_int_eq(module.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_OK);
	ck_assert_uint_eq(moved.written, 0);
	ck_assert_int_eq(moved.source, PP_SOURCE_EMPTY);
	close(fd[1]);
	ck_assert_int_eq(module.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_OK);
	ck_assert_int_eq(moved.source, PP_SOURCE_END);
	ck_assert_int_eq(end(), PP_OK);
	stop_server();
	assert_data("bytes");
	close(fd[0]);
}
END_TEST

START_TEST(test_source_ports)
{
	struct sockaddr_in probe = { .sin_family = AF_INET,
		.sin_port = htons(722) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	bool may = bind(fd, (struct sockaddr *)&probe, sizeof(probe)) == 0 ||
	    errno == EADDRINUSE;

	close(fd);
	set("reserve", _i == 0 ? "rfc1179" : "any");
	open_to("0");
	if (!may) {
		ck_assert_int_eq(print(7, "bytes"), PP_ACCESS_DENIED);
		ck_assert_ptr_nonnull(strstr(reason(),
		    "CAP_NET_BIND_SERVICE"));
		return;
	}
	ck_assert_int_eq(print(7, "bytes"), PP_OK);
	ck_assert_int_eq(print(8, "bytes"), PP_OK);
	stop_server();
	ck_assert_int_ge(server.client, _i == 0 ? 721 : 512);
	ck_assert_int_le(server.client, _i == 0 ? 731 : 1023);
}
END_TEST

/* In a process of its own, which is gone then. */
START_TEST(test_a_name_is_looked_up)
{
	set("host", suite_loopback());
	open_to("0");
	ck_assert_int_eq(print(7, "bytes"), PP_OK);
	stop_server();
	assert_data("bytes");
}
END_TEST

START_TEST(test_a_name_that_there_is_not)
{
	set("host", "no-such-host.invalid");
	ck_assert_int_eq(open_port(), PP_OK);
	ck_assert_int_eq(print(7, "bytes"), -EHOSTUNREACH);
	ck_assert_ptr_nonnull(strstr(reason(),
	    "lobby@no-such-host.invalid:515: "));
	ck_assert_ptr_nonnull(strstr(reason(), "see that the name is right"));
}
END_TEST

/* ---- what is answered --------------------------------------------------- */

/* In the order in which they come; the fifth is the last. */
START_TEST(test_each_step_can_be_refused)
{
	static const char *const answers[] = { "1", "01", "001", "0001",
		"00001", "3", "03", "003", "0003", "00003", "2", "02", "002",
		"0002", "00002", "t" };
	static const char *const orders[] = { "control,data", "data,control" };
	int code = _i < 5 ? 0 : _i < 10 ? PP_HOLD_JOB : _i < 15 ? -EAGAIN : 0,
	    order, rc;

	for (order = 0; order < 2; order++) {
		set("order", orders[order]);
		open_to(answers[_i]);
		rc = print(7, "bytes");
		if (code != 0)
			ck_assert_int_eq(rc, code);
		/* Of the queue, or else of what this job is. */
		else
			ck_assert_int_eq(rc, _i == 0 || _i == 15 ? -EREMOTEIO :
			    PP_INVALID_DATA);
		ck_assert_ptr_nonnull(strstr(reason(), _i == 15 ?
		    ": no such printer" : ": not  like that"));
		close_port();
		stop_server();
	}
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(test_each_step_can_end_the_connection)
{
	static const char *const answers[] = { "c", "0c", "00c", "000c",
		"0000c", "r", "0r", "00r", "000r", "0000r" };

	if (_i >= 10)
		set("order", "data,control");
	open_to(answers[_i % 10]);
	ck_assert_int_lt(print(7, "bytes"), 0);
	ck_assert_ptr_nonnull(strstr(reason(), "hung up without an answer"));
	/* Only after the last byte it may have printed. */
	ck_assert_int_eq(strstr(reason(), "may have printed") != NULL,
	    _i % 5 == 4);
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(test_each_step_can_be_silent)
{
	static const char *const answers[] = { "s", "0s", "00s", "000s",
		"0000s" };

	set("control_timeout", "20ms");
	set("ack_timeout", "30ms");
	open_to(answers[_i]);
	ck_assert_int_eq(print(7, "bytes"), -ETIME);
	ck_assert_ptr_nonnull(strstr(reason(), _i == 4 ? "ack_timeout" :
	    "control_timeout"));
	stop_server();
	/* No server takes that for an end. */
	ck_assert_int_eq(server.ended, 'r');
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(test_a_silent_stream_was_sent)
{
	set("mode", "stream");
	set("ack_timeout", "20ms");
	open_to("0000w");
	ck_assert_int_eq(print_bytes(7, "bytes", 5, -1), PP_OK);
	ck_assert(fake_host_logged(module.host, "within ack_timeout"));
	ck_assert_uint_eq(module.host->n_events, 1);
}
END_TEST

/* A server need not wait for the end of what it will not have. */
START_TEST(test_a_refusal_while_data_is_sent)
{
	char *bytes = many_bytes(8000000);

	open_to("0000E");
	ck_assert_int_eq(print_bytes(7, bytes, 8000000, 8000000), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(reason(), "(2, no room): full"));
	free(bytes);
}
END_TEST

START_TEST(test_a_refusal_while_a_file_is_sent)
{
	char *bytes = many_bytes(8000000);

	open_to("0000E");
	ck_assert_int_eq(print_bytes(7, bytes, 8000000, -1), -EAGAIN);
	ck_assert_ptr_nonnull(strstr(reason(), "(2, no room): full"));
	free(bytes);
}
END_TEST

START_TEST(test_nobody_listens)
{
	start_server("0");
	stop_server();
	ck_assert_int_eq(open_port(), PP_OK);
	ck_assert_int_eq(print(7, "bytes"), -ECONNREFUSED);
	ck_assert_ptr_nonnull(strstr(reason(), "127.0.0.1: Connection refused; "
	    "does a print server run there"));
}
END_TEST

START_TEST(rule_31_after_a_failed_start_the_next_may_succeed)
{
	open_to("20");
	ck_assert_int_eq(try_start(7, 5), -EAGAIN);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_int_eq(print(8, "bytes"), PP_OK);
	ck_assert_uint_eq(module.host->n_events, 1);
	stop_server();
	ck_assert_int_eq(server.n, 2);
}
END_TEST

/* ---- lengths that do not hold ------------------------------------------- */

START_TEST(test_fewer_bytes_than_announced)
{
	open_to("0");
	ck_assert_int_eq(print_bytes(7, "bytes", 5, 6), -EIO);
	ck_assert_ptr_nonnull(strstr(reason(), "1 bytes less than the 6"));
	stop_server();
	ck_assert_int_eq(server.ended, 'r');
}
END_TEST

START_TEST(test_more_bytes_than_announced)
{
	struct pp_moved moved = { .written = 99 };
	int fd[2];

	open_to("0");
	ck_assert_int_eq(print_bytes(7, "bytes", 5, 4), PP_INVALID_DATA);
	ck_assert_ptr_nonnull(strstr(reason(), "spool = always"));
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fd), 0);
	ck_assert_int_eq(send(fd[1], "bytes", 5, 0), 5);
	ck_assert_int_eq(try_start(8, 4), PP_OK);
	ck_assert_int_eq(module.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_OK);
	ck_assert_uint_eq(moved.written, 4);
	ck_assert_int_eq(module.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_INVALID_DATA);
	ck_assert_uint_eq(moved.written, 0);
	ck_assert_int_eq(end(), PP_INVALID_DATA);
	close(fd[0]);
	close(fd[1]);
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

/* ---- ends before their time --------------------------------------------- */

/* Whichever wait it is in, of a job that takes n of them. */
START_TEST(rule_49_cancel_ends_each_wait)
{
	static const char *const modes[][2] = {
		{ "order", "control,data" }, { "order", "data,control" },
		{ "mode", "stream" }, { "spool", "always" },
		{ "host", NULL },
	};
	int n, at;

	set(modes[_i][0], modes[_i][1] != NULL ? modes[_i][1] :
	    suite_loopback());
	open_to("0");
	ck_assert_int_eq(print(7, "bytes"), PP_OK);
	n = waiting.waits;
	ck_assert_int_ge(n, 5);
	for (at = 1; at <= n; at++) {
		close_port();
		ck_assert_int_eq(open_port(), PP_OK);
		waiting.waits = 0;
		waiting.cancel_at = at;
		ck_assert_int_eq(print(8, "bytes"), PP_CANCELED);
		module.host->canceled = false;
	}
	ck_assert_uint_eq(module.host->n_events, 1);
	ck_assert_uint_eq(module.host->n_logs, 0);
}
END_TEST

START_TEST(rule_48_a_deleted_job_is_broken_off)
{
	set(_i == 1 ? "mode" : "order", _i == 1 ? "stream" : "control,data");
	if (_i == 2)
		set("spool", "always");
	open_to("0");
	ck_assert_int_eq(try_start(7, 100), PP_OK);
	ck_assert_int_eq(try_put("bytes", 5), PP_OK);
	module.host->job.flags |= PP_JOB_DELETING;
	ck_assert_int_eq(end(), PP_OK);
	stop_server();
	ck_assert_int_eq(server.ended, _i == 2 ? '\0' : 'r');
	ck_assert_int_eq(server.n, _i == 2 ? 0 : 1);
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(rule_28_a_port_that_is_closed_breaks_off)
{
	open_to("0");
	ck_assert_int_eq(try_start(7, 100), PP_OK);
	ck_assert_int_eq(try_put("bytes", 5), PP_OK);
	close_port();
	stop_server();
	ck_assert_int_eq(server.ended, 'r');
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(rule_39_a_write_returns_when_nothing_is_taken)
{
	const struct pp_timeouts timeouts = { .size = sizeof(timeouts),
		.write_ms = 10 };
	char *bytes = many_bytes(30000000);
	int rc;

	open_to("0000D");
	ck_assert_int_eq(module.table->set_port_timeouts(port, &timeouts),
	    PP_OK);
	ck_assert_int_eq(try_start(7, 30000000), PP_OK);
	ck_assert_int_eq(try_put(bytes, 30000000), PP_TIMEOUT);
	/* The kernel may find room for some more; not for ever. */
	do
		rc = try_put(bytes, 1);
	while (rc == PP_OK);
	ck_assert_int_eq(rc, PP_TIMEOUT);
	module.host->job.flags |= PP_JOB_DELETING;
	ck_assert_int_eq(end(), PP_OK);
	free(bytes);
}
END_TEST

/* ---- settings ----------------------------------------------------------- */

START_TEST(test_what_is_wrong_is_named)
{
	static const char *const cases[][3] = {
		{ "host", "", "expected a host name" },
		{ "host", "a b", "expected a host name" },
		{ "queue", "", "name of a queue" },
		{ "queue", "a b", "name of a queue" },
		{ "queue", "a\nb", "name of a queue" },
		{ "format", "x", "expected one letter" },
		{ "format", "ll", "expected one letter" },
		{ "format", "", "expected one letter" },
		{ "order", "data,control", "order = control,data" },
		{ "spool", "always", "spool = auto" },
	};

	if (_i >= 8)
		set("mode", "stream");
	set(cases[_i][0], cases[_i][1]);
	ck_assert_int_eq(module.table->check_port(module.monitor, "remote"),
	    PP_INVALID_DATA);
	ck_assert_msg(strstr(reason(), cases[_i][2]) != NULL, "%s", reason());
	ck_assert_int_eq(open_port(), PP_INVALID_PARAMETER);
	ck_assert_ptr_null(port);
}
END_TEST

START_TEST(test_a_right_port_is_right)
{
	static const char *const formats[] = { "l", "f", "auto" };

	set("format", formats[_i]);
	ck_assert_int_eq(module.table->check_port(module.monitor, "remote"),
	    PP_OK);
	ck_assert_uint_eq(module.host->n_logs, 0);
}
END_TEST

START_TEST(rule_56_settings_are_checked_before_they_are_stored)
{
	static const char good[] = "new\0host=server\0queue=lp";
	static const char bad[] = "new\0host=server\0queue=lp\0mode=stream\0"
	    "order=data,control";
	struct pp_xcv *xcv;

	ck_assert_int_eq(module.table->xcv_open_port(module.monitor, "",
	    PP_ACCESS_ADMINISTER, &xcv), PP_OK);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, "AddPort", bad,
	    sizeof(bad), NULL, 0, NULL), PP_INVALID_DATA);
	ck_assert_uint_eq(module.host->n_stores, 0);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, "AddPort", good,
	    sizeof(good), NULL, 0, NULL), PP_OK);
	ck_assert_uint_eq(module.host->n_stores, 1);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, "PortIsValid",
	    "new", 4, NULL, 0, NULL), PP_OK);
	ck_assert_int_eq(module.table->xcv_close_port(xcv), PP_OK);
}
END_TEST

START_TEST(test_no_room_for_a_file)
{
	set("directory", "/nowhere/at/all");
	ck_assert_int_eq(open_port(), PP_OK);
	ck_assert_int_eq(try_start(7, -1), -ENOENT);
	ck_assert_ptr_nonnull(strstr(reason(),
	    "directory = /nowhere/at/all: no file can be made there"));
}
END_TEST

/* ---- the contract ------------------------------------------------------- */

START_TEST(rule_17_a_second_open_is_busy)
{
	struct pp_port *second;

	ck_assert_int_eq(open_port(), PP_OK);
	ck_assert_int_eq(module.table->open_port(module.monitor, "remote",
	    &second), PP_BUSY);
	ck_assert_ptr_null(second);
}
END_TEST

START_TEST(rule_18_documents_follow_one_another_on_one_handle)
{
	uint64_t job;

	open_to("0");
	for (job = 7; job < 10; job++)
		ck_assert_int_eq(print(job, "bytes"), PP_OK);
	ck_assert_uint_eq(module.host->n_events, 3);
	stop_server();
	ck_assert_int_eq(server.n, 3);
}
END_TEST

START_TEST(rule_19_an_unknown_name_is_not_found)
{
	ck_assert_int_eq(module.table->open_port(module.monitor, "nobody",
	    &port), PP_NOT_FOUND);
}
END_TEST

START_TEST(rule_25_nothing_leaks)
{
	int before = count_descriptors(), i;

	start_server("0");
	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(open_port(), PP_OK);
		ck_assert_int_eq(print(1, "x"), PP_OK);
		ck_assert_int_eq(print_bytes(2, "x", 1, -1), PP_OK);
		/* One that fails, and one that is dropped. */
		ck_assert_int_eq(print_bytes(3, "x", 1, 2), -EIO);
		ck_assert_int_eq(try_start(4, -1), PP_OK);
		close_port();
	}
	stop_server();
	ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

START_TEST(rule_30_a_nested_start_is_busy)
{
	open_to("0");
	ck_assert_int_eq(try_start(1, 5), PP_OK);
	ck_assert_int_eq(module.table->start_doc_port(port, "q", 2, 1, &doc),
	    PP_BUSY);
	ck_assert_int_eq(try_put("bytes", 5), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(fake_host_events(module.host, 1, PP_JOB_SENT), 1);
	ck_assert_uint_eq(module.host->n_events, 1);
}
END_TEST

START_TEST(rule_33_an_unknown_level_is_refused)
{
	ck_assert_int_eq(open_port(), PP_OK);
	ck_assert_int_eq(module.table->start_doc_port(port, "q", 1, 2, &doc),
	    PP_INVALID_LEVEL);
	ck_assert_int_eq(module.table->start_doc_port(port, "q", 1, 1, NULL),
	    PP_INVALID_PARAMETER);
}
END_TEST

START_TEST(rule_42_an_end_without_a_document_is_harmless)
{
	size_t written = 99;

	ck_assert_int_eq(open_port(), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(module.host->n_events, 0);
	ck_assert_int_eq(module.table->write_port(port, "x", 1, &written),
	    PP_NO_DOCUMENT);
	ck_assert_uint_eq(written, 0);
}
END_TEST

START_TEST(test_a_port_cannot_be_read)
{
	char buf[10];
	size_t len = 99;

	ck_assert_int_eq(open_port(), PP_OK);
	ck_assert_int_eq(module.table->read_port(port, buf, sizeof(buf), &len),
	    PP_NOT_SUPPORTED);
	ck_assert_uint_eq(len, 0);
}
END_TEST

static void
add_contract(Suite *suite)
{
	TCase *contract = tcase_create("contract");

	tcase_add_checked_fixture(contract, setup, teardown);
	tcase_set_timeout(contract, 60);
	tcase_add_test(contract, rule_17_a_second_open_is_busy);
	tcase_add_test(contract,
	    rule_18_documents_follow_one_another_on_one_handle);
	tcase_add_test(contract, rule_19_an_unknown_name_is_not_found);
	tcase_add_test(contract, rule_25_nothing_leaks);
	tcase_add_test(contract, rule_28_a_port_that_is_closed_breaks_off);
	tcase_add_test(contract, rule_30_a_nested_start_is_busy);
	tcase_add_test(contract,
	    rule_31_after_a_failed_start_the_next_may_succeed);
	tcase_add_test(contract, rule_33_an_unknown_level_is_refused);
	tcase_add_test(contract, rule_35_a_write_of_any_size_is_taken);
	tcase_add_loop_test(contract,
	    rule_38_a_document_of_unknown_length_is_counted_first, 0, 2);
	tcase_add_test(contract,
	    rule_39_a_write_returns_when_nothing_is_taken);
	tcase_add_test(contract,
	    rule_42_an_end_without_a_document_is_harmless);
	tcase_add_loop_test(contract, rule_48_a_deleted_job_is_broken_off, 0,
	    3);
	tcase_add_loop_test(contract, rule_49_cancel_ends_each_wait, 0, 5);
	tcase_add_test(contract,
	    rule_56_settings_are_checked_before_they_are_stored);
	tcase_add_test(contract, test_a_port_cannot_be_read);
	suite_add_tcase(suite, contract);
}

static void
add_protocol(Suite *suite)
{
	TCase *said_case = tcase_create("said");
	TCase *answered = tcase_create("answered");

	tcase_add_checked_fixture(said_case, setup, teardown);
	tcase_set_timeout(said_case, 60);
	tcase_add_test(said_case, test_control_first);
	tcase_add_test(said_case, test_data_first);
	tcase_add_test(said_case, test_an_empty_document);
	tcase_add_test(said_case, test_a_stream_ends_with_the_connection);
	tcase_add_test(said_case, test_the_length_of_a_stream_can_be_told);
	tcase_add_test(said_case, test_a_stream_needs_no_last_answer);
	tcase_add_test(said_case, test_a_stream_can_be_refused_at_its_end);
	tcase_add_loop_test(said_case, test_bytes_of_a_descriptor, 0, 2);
	tcase_add_loop_test(said_case, test_source_ports, 0, 2);
	tcase_add_test(said_case, test_a_name_is_looked_up);
	tcase_add_test(said_case, test_a_name_that_there_is_not);
	suite_add_tcase(suite, said_case);

	tcase_add_checked_fixture(answered, setup, teardown);
	tcase_set_timeout(answered, 60);
	tcase_add_loop_test(answered, test_each_step_can_be_refused, 0, 16);
	tcase_add_loop_test(answered, test_each_step_can_end_the_connection,
	    0, 20);
	tcase_add_loop_test(answered, test_each_step_can_be_silent, 0, 5);
	tcase_add_test(answered, test_a_silent_stream_was_sent);
	tcase_add_test(answered, test_a_refusal_while_data_is_sent);
	tcase_add_test(answered, test_a_refusal_while_a_file_is_sent);
	tcase_add_test(answered, test_nobody_listens);
	tcase_add_test(answered, test_fewer_bytes_than_announced);
	tcase_add_test(answered, test_more_bytes_than_announced);
	suite_add_tcase(suite, answered);
}

int
main(void)
{
	Suite *suite = suite_create("lpr");
	TCase *settings = tcase_create("settings");

	add_contract(suite);
	add_protocol(suite);
	tcase_add_checked_fixture(settings, setup, teardown);
	tcase_add_loop_test(settings, test_what_is_wrong_is_named, 0, 10);
	tcase_add_loop_test(settings, test_a_right_port_is_right, 0, 3);
	tcase_add_test(settings, test_no_room_for_a_file);
	suite_add_tcase(suite, settings);
	return suite_main(suite);
}
