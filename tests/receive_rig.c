/*
 * receive_rig.c - see receive_rig.h.
 */
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/counters.h"
#include "daemon/dispatch.h"
#include "daemon/duplicates.h"
#include "daemon/spooler.h"
#include "tests/receive_rig.h"
#include "tests/spool_shim.h"
#include "tests/suite.h"

/* ---- the gate before the disk ------------------------------------------- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool holds_writes, holds_syncs;
static unsigned int waiting;
static struct spool_sys gated;

static void
pass(const bool *held)
{
	pthread_mutex_lock(&lock);
	waiting++;
	pthread_cond_broadcast(&changed);
	while (*held)
		pthread_cond_wait(&changed, &lock);
	waiting--;
	pthread_mutex_unlock(&lock);
}

static ssize_t
gated_pwritev(int fd, const struct iovec *iov, int n, off_t at)
{
	pass(&holds_writes);
	return shim_sys.pwritev(fd, iov, n, at);
}

static int
gated_fdatasync(int fd)
{
	pass(&holds_syncs);
	return shim_sys.fdatasync(fd);
}

static void
set_gate(bool writes, bool syncs)
{
	pthread_mutex_lock(&lock);
	holds_writes = writes;
	holds_syncs = syncs;
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

void
gate_close_writes(void)
{
	set_gate(true, false);
}

void
gate_close_syncs(void)
{
	set_gate(false, true);
}

void
gate_open(void)
{
	set_gate(false, false);
}

void
gate_wait(void)
{
	pthread_mutex_lock(&lock);
	while (waiting == 0)
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
}

/* ---- the fakes ----------------------------------------------------------- */

struct store *
spooler_store(const struct spooler *spooler)
{
	return spooler->store;
}

/* Const, as the real one: what it is asked it writes down all the same. */
int
spooler_admit(const struct spooler *spooler, const struct conf_queue *queue,
    const char *client, uint64_t bytes, char why[SPOOLER_WHY_LEN])
{
	ck_assert_str_eq(queue->name, "lobby");
	ck_assert_str_eq(client, "10.0.0.5");
	((struct spooler *)(uintptr_t)spooler)->asked_bytes = bytes;
	if (spooler->refuses == 0 || bytes < spooler->from_bytes)
		return 0;
	snprintf(why, SPOOLER_WHY_LEN, "the fake refuses");
	return spooler->refuses;
}

int
spooler_reserve(struct spooler *spooler, const struct conf_queue *queue,
    const char *client, uint64_t bytes, char why[SPOOLER_WHY_LEN])
{
	int error = spooler_admit(spooler, queue, client, bytes, why);

	if (error == 0) {
		spooler->reserved++;
		spooler->reserved_bytes += bytes;
	}
	return error;
}

void
spooler_release(struct spooler *spooler, const struct conf_queue *queue,
    const char *client, uint64_t bytes)
{
	ck_assert_str_eq(queue->name, "lobby");
	ck_assert_str_eq(client, "10.0.0.5");
	ck_assert_uint_gt(spooler->reserved, 0);
	ck_assert_uint_ge(spooler->reserved_bytes, bytes);
	spooler->reserved--;
	spooler->reserved_bytes -= bytes;
}

void
dispatch_accept(struct dispatch *dispatch, struct job *job)
{
	ck_assert_uint_lt(dispatch->n, RECEIVE_RIG_JOBS);
	dispatch->jobs[dispatch->n++] = job;
}

void
dispatch_accept_repeat(struct dispatch *dispatch, struct job *job,
    uint64_t earlier, bool drop)
{
	dispatch->earlier = earlier;
	dispatch->drop = drop;
	dispatch_accept(dispatch, job);
}

/* The dispatch itself: there is one job at a time that arrives. */
struct dispatch_early {
	struct dispatch	*dispatch;
};

struct dispatch_early *
dispatch_arriving(struct dispatch *dispatch, struct incoming *in,
    const struct job_about *about)
{
	static struct dispatch_early early;

	ck_assert_str_eq(about->queue, "lobby");
	ck_assert_str_eq(about->host, "10.0.0.5");
	ck_assert_uint_eq(about->priority, 70);
	ck_assert_int_eq(about->created_ms, 1700000000123);
	ck_assert_uint_gt(incoming_written(in), 0);
	dispatch->arriving++;
	dispatch->in = in;
	early.dispatch = dispatch;
	return &early;
}

void
dispatch_arriving_whole(struct dispatch_early *early)
{
	if (early != NULL)
		early->dispatch->whole++;
}

void
dispatch_arriving_abort(struct dispatch_early *early)
{
	if (early == NULL)
		return;
	early->dispatch->aborted++;
	if (early->dispatch->in != NULL)
		ck_assert_uint_gt(incoming_written(early->dispatch->in), 0);
}

bool
dispatch_queue_paused(const struct dispatch *dispatch, const char *name)
{
	ck_assert_str_eq(name, "lobby");
	return dispatch->paused;
}

const char *
dispatch_queue_closed(const struct dispatch *dispatch, const char *name)
{
	ck_assert_str_eq(name, "lobby");
	return dispatch->closed;
}

const char *
dispatch_why(const struct dispatch *dispatch, const struct job *job,
    char why[DISPATCH_WHY_LEN])
{
	(void)dispatch;
	(void)job;
	snprintf(why, DISPATCH_WHY_LEN, "the fake does not print");
	return why;
}

/* Nothing is printed here, so there is nothing to be stopped. */
int
dispatch_act(struct dispatch *dispatch, uint64_t job,
    enum dispatch_action action, const char *by, dispatch_done_fn *done,
    void *arg)
{
	(void)dispatch;
	(void)job;
	(void)by;
	ck_assert_int_eq(action, DISPATCH_CANCEL);
	done(arg, 0);
	return 0;
}

/* ---- the rig ------------------------------------------------------------- */

static unsigned int
open_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static void
on_mail(evutil_socket_t fd, short what, void *arg)
{
	(void)fd;
	(void)what;
	store_poll(arg);
}

static void
open_store(struct receive_rig *rig)
{
	shim_register();
	gated = shim_sys;
	gated.pwritev = gated_pwritev;
	gated.fdatasync = gated_fdatasync;
	rig->spool.options.sys = &gated;
	rig->spool.options.vfs = SHIM_VFS;
	ck_assert_ptr_nonnull(rig_open(&rig->spool));
	rig->spooler.store = rig->spool.store;
	rig->store_event = event_new(rig->house.base,
	    store_fd(rig->spool.store), EV_READ | EV_PERSIST, on_mail,
	    rig->spool.store);
	ck_assert_int_eq(event_add(rig->store_event, NULL), 0);
}

void
receive_rig_make(struct receive_rig *rig)
{
	static char name[] = "lobby";

	*rig = (struct receive_rig){ .fds = open_fds() };
	counters = (struct counters){ 0 };
	rig->queue = (struct conf_queue){ .name = name, .priority = 70,
	    .duplicate_window_ms = 60000 };
	rig->house.base = event_base_new();
	rig->house.spooler = &rig->spooler;
	rig->house.dispatch = &rig->dispatch;
	rig->house.duplicates = duplicates_new();
	ck_assert(rig->house.base != NULL && rig->house.duplicates != NULL);
	rig_make(&rig->spool);
	open_store(rig);
}

void
receive_rig_free(struct receive_rig *rig)
{
	gate_open();
	while (rig->dispatch.n > 0)
		job_free(rig->dispatch.jobs[--rig->dispatch.n]);
	event_free(rig->store_event);
	duplicates_free(rig->house.duplicates);
	rig_free(&rig->spool);
	event_base_free(rig->house.base);
	shim_reset();
	ck_assert_uint_eq(open_fds(), rig->fds);
	ck_assert_uint_eq(rig->spooler.reserved, 0);
	ck_assert_uint_eq(rig->spooler.reserved_bytes, 0);
}

void
receive_rig_turn(struct receive_rig *rig)
{
	ck_assert_int_ge(event_base_loop(rig->house.base,
	    EVLOOP_ONCE | EVLOOP_NONBLOCK), 0);
}

/* Besides the store's mail. */
bool
receive_rig_reads(const struct receive_rig *rig)
{
	return event_base_get_num_events(rig->house.base,
	    EVENT_BASE_COUNT_ADDED) > 1;
}

bool
receive_rig_holds(struct receive_rig *rig, uint64_t id, const void *bytes,
    size_t len)
{
	unsigned char *is = malloc(len + 1);
	uint64_t size;
	bool same;
	int fd;

	ck_assert_ptr_nonnull(is);
	ck_assert_int_eq(rig_document(&rig->spool, id, 1, &fd, &size), 0);
	same = size == len && pread(fd, is, len + 1, 0) == (ssize_t)len &&
	    memcmp(is, bytes, len) == 0;
	close(fd);
	free(is);
	return same;
}

size_t
receive_rig_jobs(struct receive_rig *rig)
{
	struct job_list *list;
	size_t n;

	ck_assert_int_eq(rig_list(&rig->spool, &(struct store_filter){
	    .which = STORE_ALL, .limit = 1000 }, &list), 0);
	n = list->n;
	job_list_free(list);
	return n;
}

unsigned int
receive_rig_files(const struct receive_rig *rig)
{
	return rig_entries(&rig->spool, "data");
}

unsigned int
receive_rig_fds(struct receive_rig *rig)
{
	while (store_busy(rig->spool.store) > 0)
		ck_assert_int_ge(event_base_loop(rig->house.base, EVLOOP_ONCE),
		    0);
	return open_fds();
}

/* ---- senders ------------------------------------------------------------- */

/* Little room on the way, so that who does not read is soon felt. */
static void
narrow(int fd)
{
	int len = 32768;

	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &len,
	    sizeof(len)), 0);
	ck_assert_int_eq(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &len,
	    sizeof(len)), 0);
}

void
sender_connect(struct sender *sender)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
	    .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(in);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*sender = (struct sender){ 0 };
	sender->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert(fd != -1 && sender->fd != -1);
	narrow(fd);
	narrow(sender->fd);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&in, len), 0);
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&in, &len), 0);
	ck_assert_int_eq(connect(sender->fd, (struct sockaddr *)&in, len), 0);
	sender->server_fd = accept4(fd, NULL, NULL,
	    SOCK_NONBLOCK | SOCK_CLOEXEC);
	ck_assert_int_ne(sender->server_fd, -1);
	close(fd);
}

static void
on_done(void *arg, const struct receive_outcome *outcome)
{
	struct sender *sender = arg;

	ck_assert(!sender->done);
	ck_assert((outcome->end == RECEIVE_KEPT) == (outcome->job != 0));
	ck_assert((outcome->end == RECEIVE_KEPT) == (outcome->why == NULL));
	sender->done = true;
	sender->outcome = *outcome;
	sender->outcome.why = sender->why;
	snprintf(sender->why, sizeof(sender->why), "%s",
	    outcome->why != NULL ? outcome->why : "");
}

bool
sender_begin(struct receive_rig *rig, struct sender *sender)
{
	struct job_about about = {
		.queue = rig->queue.name, .host = "10.0.0.5",
		.priority = (uint32_t)rig->queue.priority,
		.created_ms = 1700000000123,
	};
	struct receive *receive;

	sender->done = false;
	receive = receive_begin(&rig->house, sender->server_fd, &rig->queue,
	    &about, on_done, sender, sender->why);
	if (receive == NULL)
		return false;
	receive_start(receive);
	return true;
}

/* A full socket means that the loop has something to do, now or later. */
void
sender_send(struct receive_rig *rig, struct sender *sender, const void *bytes,
    size_t len)
{
	size_t sent = 0;
	ssize_t n;

	while (sent < len && !sender->done) {
		n = send(sender->fd, (const char *)bytes + sent, len - sent,
		    MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n == -1 && errno != EAGAIN)
			return;
		if (n > 0)
			sent += (size_t)n;
		else
			event_base_loop(rig->house.base, EVLOOP_ONCE);
	}
}

void
sender_shut(struct sender *sender)
{
	ck_assert_int_eq(shutdown(sender->fd, SHUT_WR), 0);
}

/* A reset overtakes what is not there yet, so that goes first. */
void
sender_reset(struct receive_rig *rig, struct sender *sender)
{
	struct linger linger = { .l_onoff = 1, .l_linger = 0 };
	int left = 1;

	while (left > 0) {
		ck_assert_int_eq(ioctl(sender->fd, SIOCOUTQ, &left), 0);
		receive_rig_turn(rig);
	}
	ck_assert_int_eq(setsockopt(sender->fd, SOL_SOCKET, SO_LINGER,
	    &linger, sizeof(linger)), 0);
	close(sender->fd);
	sender->fd = -1;
}

enum receive_end
sender_wait(struct receive_rig *rig, struct sender *sender)
{
	while (!sender->done)
		ck_assert_int_eq(event_base_loop(rig->house.base,
		    EVLOOP_ONCE), 0);
	return sender->outcome.end;
}

void
sender_close(struct sender *sender)
{
	if (sender->fd != -1)
		close(sender->fd);
	close(sender->server_fd);
}

enum receive_end
sender_print(struct receive_rig *rig, struct sender *sender,
    const void *bytes, size_t len)
{
	sender_connect(sender);
	ck_assert(sender_begin(rig, sender));
	sender_send(rig, sender, bytes, len);
	if (!sender->done)
		sender_shut(sender);
	sender_wait(rig, sender);
	sender_close(sender);
	return sender->outcome.end;
}
