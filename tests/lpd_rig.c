/*
 * lpd_rig.c - see lpd_rig.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "conf/conf.h"
#include "daemon/frontend.h"
#include "daemon/shared_conf.h"
#include "tests/lpd_rig.h"
#include "tests/suite.h"

struct lpd_rig rig;
const char *lpd_rig_queue = "";

/* ---- the rig ------------------------------------------------------------- */

void
lpd_rig_make(void)
{
	rig = (struct lpd_rig){ 0 };
	receive_rig_make(&rig.receive);
	rig.peer = (union document_peer){ .in = { .sin_family = AF_INET,
	    .sin_port = htons(40000) } };
	ck_assert_int_eq(inet_pton(AF_INET, "10.0.0.5",
	    &rig.peer.in.sin_addr), 1);
}

static struct conf *
load(const char *lines)
{
	const char *path = rig_path(&rig.receive.spool, "lpd.ini");
	struct conf_errors errors;
	struct conf *conf;
	FILE *file = fopen(path, "w");

	ck_assert_ptr_nonnull(file);
	fprintf(file, "[daemon]\nspool_directory = %s\n[listener l]\n"
	    "protocol = lpd\nlisten = *:0\nrefusal_delay = 0\n%s\n"
	    "[queue lobby]\nports = p\naliases = front\n%s\n"
	    "[queue direct]\nports = p\ndelivery = stream\n"
	    "[port p]\nmonitor = null\n", rig.receive.spool.directory, lines,
	    lpd_rig_queue);
	ck_assert_int_eq(fclose(file), 0);
	conf = conf_load(path, &errors);
	ck_assert_msg(conf != NULL && conf_read_banners(conf, &errors) == 0,
	    "%s", errors.n > 0 ? errors.v[0].text : "");
	ck_assert_int_eq(unlink(path), 0);
	return conf;
}

void
lpd_rig_begin(const char *lines)
{
	struct conf *conf = load(lines);

	rig.shared = shared_conf_new(conf);
	rig.front = frontend_new(&rig.receive.house, rig.shared,
	    &conf->listeners[0], NULL);
	ck_assert_ptr_nonnull(rig.front);
}

/* The front end goes with its last session. */
void
lpd_rig_free(void)
{
	if (rig.front != NULL) {
		while (frontend_connections(rig.front) > 0) {
			frontend_close_idle(rig.front);
			if (frontend_connections(rig.front) > 0)
				lpd_rig_turn();
		}
		frontend_retire(rig.front);
	}
	if (rig.shared != NULL)
		shared_conf_release(rig.shared);
	receive_rig_free(&rig.receive);
}

void
lpd_rig_turn(void)
{
	ck_assert_int_ge(event_base_loop(rig.receive.house.base,
	    EVLOOP_ONCE), 0);
}

void
lpd_rig_settle(void)
{
	while (frontend_connections(rig.front) > 0)
		lpd_rig_turn();
}

/* ---- jobs ---------------------------------------------------------------- */

void
lpd_rig_print(const char *text)
{
	struct sender client;

	client_enter(&client);
	ck_assert_int_eq(client_say(&client, "\2lobby\n"), ACK);
	ck_assert_int_eq(client_control(&client, "cfA001h", "Hh\nPalice\n"
	    "Jtitle\nldfA001h\n"), ACK);
	ck_assert_int_eq(client_data(&client, "dfA001h", text), ACK);
	client_finish(&client);
}

const struct job *
lpd_rig_nth_job(size_t nth)
{
	ck_assert_uint_gt(rig.receive.dispatch.n, nth);
	return rig.receive.dispatch.jobs[nth];
}

const struct job *
lpd_rig_job(void)
{
	ck_assert_uint_gt(rig.receive.dispatch.n, 0);
	return lpd_rig_nth_job(rig.receive.dispatch.n - 1);
}

const char *
lpd_rig_contents(const struct job *job)
{
	static char text[4096];
	uint64_t size;
	unsigned int i;
	size_t len = 0;
	int fd;

	for (i = 1; i <= job->n_documents; i++) {
		ck_assert_int_eq(rig_document(&rig.receive.spool, job->id, i,
		    &fd, &size), 0);
		ck_assert_uint_lt(len + size + 2, sizeof(text));
		if (i > 1)
			text[len++] = '|';
		ck_assert_int_eq(pread(fd, text + len, size, 0),
		    (ssize_t)size);
		len += size;
		close(fd);
	}
	text[len] = '\0';
	return text;
}

void
lpd_rig_is_empty(void)
{
	ck_assert_uint_eq(rig.receive.dispatch.n, 0);
	ck_assert_uint_eq(receive_rig_jobs(&rig.receive), 0);
	ck_assert_uint_eq(receive_rig_files(&rig.receive), 0);
	ck_assert_ptr_null(LIST_FIRST(&rig.receive.house.intakes));
}

/* ---- clients ------------------------------------------------------------- */

/* Octets are not held back, so that who has sent one has sent it. */
void
client_connect(struct sender *client)
{
	int one = 1;

	sender_connect(client);
	ck_assert_int_eq(setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY,
	    &one, sizeof(one)), 0);
	ck_assert_int_eq(setsockopt(client->server_fd, IPPROTO_TCP,
	    TCP_NODELAY, &one, sizeof(one)), 0);
}

void
client_accept(struct sender *client)
{
	frontend_accept(rig.front, client->server_fd, &rig.peer);
}

void
client_enter(struct sender *client)
{
	client_connect(client);
	client_accept(client);
}

void
client_send(struct sender *client, const void *bytes, size_t len)
{
	sender_send(&rig.receive, client, bytes, len);
}

int
client_hear(struct sender *client)
{
	unsigned char octet;
	ssize_t n;

	for (;;) {
		n = recv(client->fd, &octet, 1, MSG_DONTWAIT);
		if (n == 1)
			return octet;
		if (n == 0)
			return CLOSED;
		if (errno != EAGAIN)
			return RESET;
		lpd_rig_turn();
	}
}

size_t
client_hear_all(struct sender *client, char *text, size_t size)
{
	size_t len = 0;
	int octet;

	while ((octet = client_hear(client)) >= 0) {
		ck_assert_uint_lt(len, size - 1);
		text[len++] = (char)octet;
	}
	text[len] = '\0';
	return len;
}

int
client_say(struct sender *client, const char *line)
{
	client_send(client, line, strlen(line));
	return client_hear(client);
}

static int
say_file(struct sender *client, char type, const char *name, const char *data)
{
	char line[300];
	int answer;

	snprintf(line, sizeof(line), "%c%zu %s\n", type, strlen(data), name);
	answer = client_say(client, line);
	if (answer != ACK)
		return answer;
	client_send(client, data, strlen(data) + 1);
	return client_hear(client);
}

int
client_control(struct sender *client, const char *name, const char *text)
{
	return say_file(client, 2, name, text);
}

int
client_data(struct sender *client, const char *name, const char *text)
{
	return say_file(client, 3, name, text);
}

void
client_leave(struct sender *client)
{
	close(client->fd);
	client->fd = -1;
}

void
client_finish(struct sender *client)
{
	sender_shut(client);
	lpd_rig_settle();
	client_leave(client);
}
