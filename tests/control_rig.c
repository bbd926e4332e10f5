/*
 * control_rig.c - see control_rig.h.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>

#include "conf/conf.h"
#include "daemon/port.h"
#include "daemon/shared_conf.h"
#include "daemon/spooler.h"
#include "monitor/fault.h"
#include "tests/control_rig.h"
#include "tests/suite.h"

/* ---- the fakes --------------------------------------------------------- */

struct store *
spooler_store(const struct spooler *spooler)
{
	return spooler->store;
}

static int
take(struct dispatch *dispatch, enum fake_act act, dispatch_done_fn *done,
    void *arg)
{
	dispatch->act = act;
	if (dispatch->refuses != 0) {
		errno = dispatch->refuses;
		return -1;
	}
	dispatch->done = done;
	dispatch->arg = arg;
	if (!dispatch->waits)
		fake_dispatch_answer(dispatch, dispatch->outcome);
	return 0;
}

void
fake_dispatch_answer(struct dispatch *dispatch, int outcome)
{
	dispatch_done_fn *done = dispatch->done;

	ck_assert_ptr_nonnull(done);
	dispatch->done = NULL;
	done(dispatch->arg, outcome);
}

int
dispatch_act(struct dispatch *dispatch, uint64_t job,
    enum dispatch_action action, const char *by, dispatch_done_fn *done,
    void *arg)
{
	dispatch->job = job;
	dispatch->action = action;
	snprintf(dispatch->by, sizeof(dispatch->by), "%s", by);
	return take(dispatch, FAKE_ACT, done, arg);
}

int
dispatch_move(struct dispatch *dispatch, uint64_t job, const char *queue,
    uint32_t priority, dispatch_done_fn *done, void *arg)
{
	dispatch->job = job;
	snprintf(dispatch->name, sizeof(dispatch->name), "%s",
	    queue != NULL ? queue : "(the same)");
	dispatch->priority = priority;
	return take(dispatch, FAKE_MOVE, done, arg);
}

static int
take_pause(struct dispatch *dispatch, enum fake_act act, const char *name,
    bool paused, dispatch_done_fn *done, void *arg)
{
	snprintf(dispatch->name, sizeof(dispatch->name), "%s", name);
	dispatch->paused = paused;
	return take(dispatch, act, done, arg);
}

int
dispatch_pause_queue(struct dispatch *dispatch, const char *name, bool paused,
    dispatch_done_fn *done, void *arg)
{
	return take_pause(dispatch, FAKE_PAUSE_QUEUE, name, paused, done, arg);
}

int
dispatch_pause_port(struct dispatch *dispatch, const char *name, bool paused,
    dispatch_done_fn *done, void *arg)
{
	return take_pause(dispatch, FAKE_PAUSE_PORT, name, paused, done, arg);
}

/* One at a time is closed. */
int
dispatch_close_queue(struct dispatch *dispatch, const char *name,
    const char *why, dispatch_done_fn *done, void *arg)
{
	snprintf(dispatch->name, sizeof(dispatch->name), "%s", name);
	dispatch->closed = why != NULL;
	snprintf(dispatch->closed_why, sizeof(dispatch->closed_why), "%s",
	    why != NULL ? why : "");
	return take(dispatch, FAKE_CLOSE, done, arg);
}

const char *
dispatch_queue_closed(const struct dispatch *dispatch, const char *name)
{
	return dispatch->closed && strcasecmp(name, dispatch->name) == 0 ?
	    dispatch->closed_why : NULL;
}

bool
dispatch_queue_paused(const struct dispatch *dispatch, const char *name)
{
	return dispatch->queue_paused && strcmp(name, "lobby") == 0;
}

bool
dispatch_port_paused(const struct dispatch *dispatch, const char *name)
{
	return dispatch->port_paused && strcmp(name, "archive") == 0;
}

const char *
dispatch_why(const struct dispatch *dispatch, const struct job *job,
    char why[DISPATCH_WHY_LEN])
{
	(void)dispatch;
	snprintf(why, DISPATCH_WHY_LEN, "because of %s", job->queue);
	return why;
}

uint64_t
dispatch_progress(const struct dispatch *dispatch, uint64_t job)
{
	return job == 1 ? dispatch->progress : 0;
}

size_t
dispatch_running(const struct dispatch *dispatch)
{
	(void)dispatch;
	return 3;
}

bool
dispatch_loaded(const struct dispatch *dispatch)
{
	(void)dispatch;
	return true;
}

/* ---- the rig ----------------------------------------------------------- */

static uint64_t
no_id(void *arg)
{
	(void)arg;
	return 0;
}

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	store_poll(arg);
}

static void
load_conf(struct control_rig *rig)
{
	struct conf_errors errors;
	struct conf *conf;
	char path[300];
	FILE *file;

	snprintf(path, sizeof(path), "%s/printportd.ini", suite_directory());
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "[daemon]\nspool_directory = .\n"
	    "[listener raw]\nlisten = 127.0.0.1:0\nqueue = lobby\n"
	    "[queue lobby]\nports = lobby-laser\nbackup_ports = archive\n"
	    "[queue second]\nports = archive\n"
	    "[queue stream]\nports = archive\ndelivery = stream\n"
	    "[port lobby-laser]\nmonitor = file\n"
	    "language_monitor = mock_lm\n[port archive]\nmonitor = null\n");
	ck_assert_int_eq(fclose(file), 0);
	conf = conf_load(path, &errors);
	ck_assert_msg(conf != NULL, "%s", errors.n > 0 ? errors.v[0].text :
	    "?");
	rig->shared = shared_conf_new(conf);
	ck_assert_ptr_nonnull(rig->shared);
}

static void
make_control(struct control_rig *rig)
{
	static const struct port_ids ids = { no_id, NULL };
	struct control_house house = {
		.base = rig->base, .spooler = &rig->spooler,
		.dispatch = &rig->dispatch,
	};
	struct fault fault;
	size_t i;

	for (i = 0; i < 2; i++) {
		rig->ports[i] = port_new(rig->base, &ids, rig->shared,
		    rig->shared->conf->ports[i].name);
		ck_assert_ptr_nonnull(rig->ports[i]);
	}
	rig->control = control_new(&house, rig->path, &fault);
	ck_assert_msg(rig->control != NULL, "%s", fault.text);
	ck_assert_int_eq(control_configure(rig->control, rig->shared,
	    rig->ports), 0);
}

void
control_rig_make(struct control_rig *rig)
{
	*rig = (struct control_rig){ 0 };
	signal(SIGPIPE, SIG_IGN);		/* as the daemon does */
	rig_make(&rig->spool);
	ck_assert_ptr_nonnull(rig_open(&rig->spool));
	rig->spooler.store = rig->spool.store;
	rig->base = event_base_new();
	ck_assert_ptr_nonnull(rig->base);
	rig->store_event = event_new(rig->base, store_fd(rig->spool.store),
	    EV_READ | EV_PERSIST, on_mail, rig->spool.store);
	ck_assert_int_eq(event_add(rig->store_event, NULL), 0);
	load_conf(rig);
	snprintf(rig->path, sizeof(rig->path), "%s/c.sock",
	    suite_directory());
	make_control(rig);
}

void
control_rig_end(struct control_rig *rig)
{
	control_free(rig->control);
	rig->control = NULL;
}

void
control_rig_free(struct control_rig *rig)
{
	control_rig_end(rig);
	port_free(rig->ports[0]);
	port_free(rig->ports[1]);
	shared_conf_release(rig->shared);
	event_free(rig->store_event);
	event_base_free(rig->base);
	rig_free(&rig->spool);
}

void
control_rig_turn(struct control_rig *rig)
{
	ck_assert_int_ge(event_base_loop(rig->base, EVLOOP_ONCE), 0);
}

/* Whatever is due now, without waiting. */
static void
turn_now(struct control_rig *rig)
{
	ck_assert_int_ge(event_base_loop(rig->base, EVLOOP_NONBLOCK), 0);
}

/* ---- clients ----------------------------------------------------------- */

void
client_connect(struct control_rig *rig, struct client *client)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	*client = (struct client){ 0 };
	client->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(client->fd, 0);
	strcpy(address.sun_path, rig->path);
	ck_assert_int_eq(connect(client->fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	ck_assert_int_eq(fcntl(client->fd, F_SETFL, O_NONBLOCK), 0);
}

void
client_send(struct control_rig *rig, struct client *client, const char *bytes,
    size_t len)
{
	ssize_t n;

	while (len > 0) {
		n = send(client->fd, bytes, len, MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN)
			return;			/* closed */
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
		turn_now(rig);
	}
}

void
client_read(struct client *client)
{
	char buf[65536];
	ssize_t n;

	while (!client->end &&
	    (n = recv(client->fd, buf, sizeof(buf), 0)) != -1) {
		client->end = n == 0;
		client->text = realloc(client->text,
		    client->len + (size_t)n + 1);
		ck_assert_ptr_nonnull(client->text);
		memcpy(client->text + client->len, buf, (size_t)n);
		client->len += (size_t)n;
		client->text[client->len] = '\0';
	}
	if (!client->end && errno != EAGAIN)
		client->end = true;
}

static void
on_bytes(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	client_read(arg);
}

/* A turn that ends when something comes. */
static void
turn_for(struct control_rig *rig, struct client *client)
{
	struct event *event = event_new(rig->base, client->fd, EV_READ,
	    on_bytes, client);

	ck_assert_ptr_nonnull(event);
	ck_assert_int_eq(event_add(event, NULL), 0);
	control_rig_turn(rig);
	event_free(event);
}

void
client_wait(struct control_rig *rig, struct client *client)
{
	while (!client->end)
		turn_for(rig, client);
}

void
client_close(struct client *client)
{
	if (client->fd != -1)
		close(client->fd);
	free(client->text);
	*client = (struct client){ .fd = -1 };
}

/* ---- answers ----------------------------------------------------------- */

/* How much of the text is a chunked body; 0: it is not whole. */
static size_t
take_chunks(const char *text, const char *end, struct client_answer *answer)
{
	const char *p = text;
	size_t len;
	char *rest;

	for (;;) {
		if (memmem(p, (size_t)(end - p), "\r\n", 2) == NULL)
			return 0;
		len = strtoul(p, &rest, 16);
		p = rest + 2;
		if ((size_t)(end - p) < len + 2)
			return 0;
		memcpy(answer->body + answer->len, p, len);
		answer->len += len;
		p += len + 2;
		if (len == 0)
			return (size_t)(p - text);
	}
}

/* The same of any body. */
static size_t
take_body(const char *text, const char *end, struct client_answer *answer)
{
	const char *length = strcasestr(answer->head, "content-length:");
	size_t len;

	answer->len = 0;
	answer->whole = true;
	if (length == NULL)
		return take_chunks(text, end, answer);
	len = strtoul(length + strlen("content-length:"), NULL, 10);
	if ((size_t)(end - text) < len)
		return 0;
	memcpy(answer->body, text, len);
	answer->len = len;
	return len;
}

static bool
take_answer(struct client *client, struct client_answer *answer)
{
	char *split = client->len == 0 ? NULL :
	    memmem(client->text, client->len, "\r\n\r\n", 4);
	size_t head, body;

	*answer = (struct client_answer){ 0 };
	if (split == NULL)
		return false;
	head = (size_t)(split - client->text) + 4;
	answer->head = strndup(client->text, head);
	answer->body = malloc(client->len + 1);
	ck_assert(answer->head != NULL && answer->body != NULL);
	body = take_body(client->text + head, client->text + client->len,
	    answer);
	if (body == 0) {
		free(answer->head);
		free(answer->body);
		return false;
	}
	answer->body[answer->len] = '\0';
	ck_assert_int_eq(sscanf(answer->head, "HTTP/1.1 %d",
	    &answer->status), 1);
	answer->json = json_loadb(answer->body, answer->len, 0, NULL);
	client->len -= head + body;
	memmove(client->text, client->text + head + body, client->len + 1);
	return true;
}

void
client_answer(struct control_rig *rig, struct client *client,
    struct client_answer *answer)
{
	client_read(client);
	while (!take_answer(client, answer)) {
		ck_assert_msg(!client->end, "no whole answer: %s",
		    client->text != NULL ? client->text : "");
		turn_for(rig, client);
	}
}

void
client_answer_free(struct client_answer *answer)
{
	free(answer->head);
	free(answer->body);
	json_decref(answer->json);
}

void
control_ask(struct control_rig *rig, const char *what, const char *body,
    struct client_answer *answer)
{
	struct client client;
	char *text;
	int len;

	len = asprintf(&text, "%s HTTP/1.1\r\nHost: x\r\n"
	    "Content-Length: %zu\r\n\r\n%s", what,
	    body != NULL ? strlen(body) : 0, body != NULL ? body : "");
	ck_assert_int_gt(len, 0);
	client_connect(rig, &client);
	client_send(rig, &client, text, (size_t)len);
	client_answer(rig, &client, answer);
	ck_assert_uint_eq(client.len, 0);
	client_close(&client);
	free(text);
}

/* Members may be in any order, and others may be there. */
static void
has_members(const json_t *json, const char *members, const char *body)
{
	json_t *should = json_loads(members, 0, NULL);
	json_t *value, *is;
	const char *key;

	ck_assert_msg(should != NULL, "no JSON: %s", members);
	json_object_foreach(should, key, value) {
		is = json_object_get(json, key);
		ck_assert_msg(is != NULL && json_equal(is, value),
		    "\"%s\" is not as in %s in %s", key, members, body);
	}
	json_decref(should);
}

void
control_expect(struct control_rig *rig, const char *what, const char *body,
    int status, const char *members)
{
	struct client_answer answer;

	control_ask(rig, what, body, &answer);
	ck_assert_msg(answer.status == status, "%s has status %d: %s", what,
	    answer.status, answer.body);
	ck_assert_msg(answer.json != NULL, "no JSON: %s", answer.body);
	ck_assert_ptr_nonnull(strstr(answer.head,
	    "Content-Type: application/json\r\n"));
	has_members(answer.json, members, answer.body);
	client_answer_free(&answer);
}
