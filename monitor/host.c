/*
 * host.c - printport-host: the process that has one port open.
 *
 * Started by printportd with the socketpair and the board as descriptors 3 and
 * 4.  It does what it is told there and ends when told, or when the daemon is
 * gone: then the running document is ended as canceled and the port closed.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host.h"
#include "sandbox.h"

/* How long an orphan has to end its document before it is ended. */
#define ORPHAN_GRACE_S	10

/* ---- the daemon: small things ------------------------------------------- */

int64_t
host_clock_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void
host_alive(struct host *host)
{
	atomic_store_explicit(&host->board->alive_ms, host_clock_ms(),
	    memory_order_relaxed);
}

bool
host_canceled(const struct host *host)
{
	if (host->orphan || (host->now != NULL && host->now->canceled))
		return true;
	return host->closing && host->now == NULL && host->port == 0;
}

void
host_send_wire(struct host *host, struct wire *wire)
{
	struct pollfd fd = { .fd = host->control, .events = POLLOUT };

	while (!host->orphan && wire_send(wire, host->control) == -1) {
		if (errno != EAGAIN && errno != ENOBUFS) {
			host->orphan = errno != EMSGSIZE;
			return;
		}
		(void)poll(&fd, 1, 1000);
		host_alive(host);
	}
}

void
host_send(struct host *host)
{
	host_send_wire(host, &host->out);
}

void
host_report(struct host *host, enum wire_type type, int code, const char *text)
{
	wire_begin(&host->out, type);
	wire_put_u32(&host->out, (uint32_t)code);
	wire_put_str(&host->out, text);
	host_send(host);
}

/* ---- ports -------------------------------------------------------------- */

struct host_port *
host_find_port(struct host *host, const char *name)
{
	size_t i;

	for (i = 0; i < host->n_ports; i++)
		if (strcasecmp(host->ports[i].name, name) == 0)
			return &host->ports[i];
	return NULL;
}

static void
clear_settings(struct host_port *port)
{
	size_t i;

	for (i = 0; i < port->n_settings; i++) {
		free((char *)(uintptr_t)port->settings[i].key);
		free((char *)(uintptr_t)port->settings[i].value);
	}
	free(port->settings);
	free(port->lines);
	port->settings = NULL;
	port->lines = NULL;
	port->n_settings = 0;
}

static void
clear_port(struct host_port *port)
{
	clear_settings(port);
	free(port->name);
	free(port->base);
}

static int
copy_settings(struct host_port *port, const struct pp_setting *settings,
    size_t count)
{
	clear_settings(port);
	port->settings = calloc(count + 1, sizeof(*port->settings));
	port->lines = calloc(count + 1, sizeof(*port->lines));
	if (port->settings == NULL || port->lines == NULL)
		return -1;
	for (; port->n_settings < count; port->n_settings++) {
		size_t i = port->n_settings;

		port->settings[i].key = strdup(settings[i].key);
		port->settings[i].value = strdup(settings[i].value);
		if (port->settings[i].key == NULL ||
		    port->settings[i].value == NULL)
			return -1;
	}
	return 0;
}

static struct host_port *
add_port(struct host *host, const char *name)
{
	struct host_port *ports, *port;

	ports = reallocarray(host->ports, host->n_ports + 1, sizeof(*ports));
	if (ports == NULL)
		return NULL;
	host->ports = ports;
	port = &ports[host->n_ports];
	memset(port, 0, sizeof(*port));
	port->name = strdup(name);
	if (port->name == NULL)
		return NULL;
	host->n_ports++;
	return port;
}

struct host_port *
host_put_port(struct host *host, const char *name, const char *base,
    const struct pp_setting *settings, size_t count)
{
	struct host_port *port = host_find_port(host, name);
	char *copy = strdup(base);

	if (port == NULL)
		port = add_port(host, name);
	if (port == NULL || copy == NULL) {
		free(copy);
		return NULL;
	}
	free(port->base);
	port->base = copy;
	if (copy_settings(port, settings, count) == -1) {
		host_forget_port(host, name);
		return NULL;
	}
	return port;
}

void
host_forget_port(struct host *host, const char *name)
{
	struct host_port *port = host_find_port(host, name);
	struct host_port *last;

	if (port == NULL)
		return;
	clear_port(port);
	last = &host->ports[--host->n_ports];
	memmove(port, port + 1, (size_t)(last - port) * sizeof(*port));
}

/* ---- what the daemon says ----------------------------------------------- */

/* A daemon that sends nonsense is no daemon of ours. */
static void
nonsense(struct host *host)
{
	host->orphan = true;
}

static uint32_t
needs_of(struct host *host, handle monitor)
{
	const struct pp_monitor2 *table;

	table = session_table(host->session, monitor);
	return table != NULL ? table->needs : 0;
}

static int
load_modules(struct host *host, struct fault *fault)
{
	int code;

	host->session = session_new(&host->api, &host->rules, &host->hooks);
	host->transfer = transfer_new(host_api_wait, host);
	if (host->session == NULL || host->transfer == NULL)
		return fault_set(fault, PP_NO_MEMORY, "no memory");
	code = session_load(host->session, host->monitor_name,
	    &host->monitor, fault);
	if (code != 0 || host->lm_name == NULL)
		return code;
	return session_load_with(host->session, host->lm_name, &host->lm_api,
	    &host->lm, fault);
}

static size_t
count_declared(const struct pp_setting_decl *decls)
{
	size_t n = 0;

	while (decls != NULL && decls[n].key != NULL)
		n++;
	return n;
}

/* A [port] section holds the settings of its monitor and of its LM. */
static int
merge_declared(struct host *host)
{
	const struct pp_monitor2 *pm, *lm;
	const struct pp_setting_decl *a, *b;
	size_t n, m;

	pm = session_table(host->session, host->monitor);
	lm = session_table(host->session, host->lm);
	a = pm->settings;
	b = lm != NULL && host->lm != host->monitor ? lm->settings : NULL;
	n = count_declared(a);
	m = count_declared(b);
	host->declared = calloc(n + m + 1, sizeof(*host->declared));
	if (host->declared == NULL)
		return PP_NO_MEMORY;
	if (n > 0)
		memcpy(host->declared, a, n * sizeof(*a));
	if (m > 0)
		memcpy(host->declared + n, b, m * sizeof(*b));
	return 0;
}

static void
get_ready(struct host *host)
{
	struct fault fault = { .text = "" };
	int code;

	code = load_modules(host, &fault);
	if (code == 0)
		code = merge_declared(host);
	if (code == 0)
		code = sandbox_enter(needs_of(host, host->monitor) |
		    needs_of(host, host->lm), &fault);
	host_report(host, WIRE_READY, code, fault.text);
	host->ready = code == 0;
}

static char *
copy_or_null(const char *text)
{
	return *text == '\0' ? NULL : strdup(text);
}

static void
on_setup(struct host *host)
{
	struct wire *in = &host->in;
	size_t i;

	if (wire_get_u32(in) != WIRE_VERSION || host->instance != NULL) {
		nonsense(host);
		return;
	}
	host->instance = strdup(wire_get_str(in));
	host->rules.owner = (uid_t)wire_get_u32(in);
	host->n_directories = wire_get_u32(in);
	host->directories = calloc(host->n_directories + 1, sizeof(char *));
	for (i = 0; i < host->n_directories && host->directories != NULL; i++)
		host->directories[i] = strdup(wire_get_str(in));
	host->monitor_name = strdup(wire_get_str(in));
	host->lm_name = copy_or_null(wire_get_str(in));
	host->ports_due = wire_get_u32(in);
	host->rules.directories = host->directories;
	host->rules.n_directories = host->n_directories;
	if (wire_done(in) == -1 || host->instance == NULL ||
	    host->directories == NULL || host->monitor_name == NULL) {
		nonsense(host);
		return;
	}
	host->api.instance = host->lm_api.instance = host->instance;
	if (host->ports_due == 0)
		get_ready(host);
}

/* Directory part of a path, owned by the caller. */
static char *
directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return strdup("/");
	return strndup(path, (size_t)(slash - path));
}

static int
get_settings(struct wire *in, struct host_port *port)
{
	struct pp_setting *settings;
	uint32_t n = wire_get_u32(in), *lines, i;
	int rc;

	if (n > WIRE_MSG_LEN / 16)
		return -1;
	settings = calloc(n + 1, sizeof(*settings));
	lines = calloc(n + 1, sizeof(*lines));
	for (i = 0; i < n && settings != NULL && lines != NULL; i++) {
		settings[i].key = wire_get_str(in);
		settings[i].value = wire_get_str(in);
		lines[i] = wire_get_u32(in);
	}
	rc = settings == NULL || lines == NULL ? -1 :
	    copy_settings(port, settings, n);
	if (rc == 0)
		memcpy(port->lines, lines, n * sizeof(*lines));
	free(settings);
	free(lines);
	return rc;
}

static void
on_port(struct host *host)
{
	struct wire *in = &host->in;
	struct host_port *port;

	if (host->ports_due == 0) {
		nonsense(host);
		return;
	}
	port = add_port(host, wire_get_str(in));
	if (port == NULL) {
		nonsense(host);
		return;
	}
	port->base = directory_of(wire_get_str(in));
	port->write_timeout_ms = wire_get_u32(in);
	port->stall_timeout_ms = wire_get_u32(in);
	port->answer_wait_ms = wire_get_u32(in);
	if (port->base == NULL || get_settings(in, port) == -1 ||
	    wire_done(in) == -1) {
		nonsense(host);
		return;
	}
	if (--host->ports_due == 0)
		get_ready(host);
}

/* The strings of a message die with it; a document keeps its own. */
static bool
keep_strings(struct wire_doc *doc)
{
	const char **strings[] = { &doc->queue, &doc->user, &doc->host,
	    &doc->title, &doc->datatype, &doc->name, &doc->extra };
	bool good = true;
	size_t i;

	for (i = 0; i < sizeof(strings) / sizeof(strings[0]); i++) {
		*strings[i] = strdup(*strings[i]);
		good = good && *strings[i] != NULL;
	}
	return good;
}

/* What is in a file can be counted; a stream, or a pipe, goes on coming. */
static int64_t
length_of(int fd)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	struct stat st;

	if (at == -1 || fstat(fd, &st) == -1 || !S_ISREG(st.st_mode))
		return -1;
	return st.st_size - at;
}

static void
on_docs(struct host *host)
{
	struct wire *in = &host->in;
	struct host_doc *doc;
	uint32_t n = wire_get_u32(in);

	if (n > HOST_DOCS - host->docs_n) {
		nonsense(host);
		return;
	}
	for (; n > 0; n--) {
		doc = calloc(1, sizeof(*doc));
		if (doc == NULL) {
			nonsense(host);
			return;
		}
		wire_get_doc(in, &doc->doc);
		doc->fd = wire_take_fd(in);
		if (!keep_strings(&doc->doc) || doc->fd == -1) {
			host_doc_free(doc);
			nonsense(host);
			return;
		}
		doc->length = length_of(doc->fd);
		host->docs[(host->docs_first + host->docs_n++) % HOST_DOCS] =
		    doc;
	}
	if (wire_done(in) == -1)
		nonsense(host);
}

/* One that waits goes back at once, as if it had never been sent. */
static void
return_doc(struct host *host, size_t i)
{
	struct host_doc *doc = host->docs[(host->docs_first + i) % HOST_DOCS];
	struct wire_outcome outcome = { .job = doc->doc.job,
	    .verdict = WIRE_UNTOUCHED, .code = PP_CANCELED,
	    .text = "canceled before it was started" };

	for (host->docs_n--; i < host->docs_n; i++)
		host->docs[(host->docs_first + i) % HOST_DOCS] =
		    host->docs[(host->docs_first + i + 1) % HOST_DOCS];
	host_doc_free(doc);
	wire_begin(&host->out, WIRE_DOCS_DONE);
	wire_put_u32(&host->out, 1);
	wire_put_outcome(&host->out, &outcome);
	host_send(host);
}

static void
on_cancel(struct host *host)
{
	uint64_t job = wire_get_u64(&host->in);
	uint32_t flags = wire_get_u32(&host->in);
	size_t i;

	if (wire_done(&host->in) == -1) {
		nonsense(host);
		return;
	}
	if ((flags & WIRE_CANCEL_WAITING) == 0 &&
	    host_ending_cancel(host, job, flags))
		return;
	if (host->now != NULL && host->now->doc.job == job &&
	    (flags & WIRE_CANCEL_WAITING) == 0) {
		host->now->canceled = true;
		host->now->job_flags |= flags & ~WIRE_CANCEL_WAITING;
	}
	for (i = 0; i < host->docs_n; i++) {
		if (host->docs[(host->docs_first + i) % HOST_DOCS]->doc.job ==
		    job) {
			return_doc(host, i);
			return;
		}
	}
}

static void
on_answer(struct host *host)
{
	host->answer = (int32_t)wire_get_u32(&host->in);
	host->answered = true;
	if (wire_done(&host->in) == -1)
		nonsense(host);
}

/*
 * Inside a call of the module only what touches no module is done; management
 * is never asked for then, because it has a host of its own.
 */
static void
dispatch(struct host *host, int type)
{
	switch (type) {
	case WIRE_SETUP:
		on_setup(host);
		return;
	case WIRE_PORT:
		on_port(host);
		return;
	case WIRE_DOCS:
		on_docs(host);
		return;
	case WIRE_CANCEL:
		on_cancel(host);
		return;
	case WIRE_ANSWER:
		on_answer(host);
		return;
	case WIRE_CLOSE:
		host->closing = true;
		return;
	case WIRE_CHECK:
	case WIRE_ENUM:
	case WIRE_XCV_OPEN:
	case WIRE_XCV_DATA:
	case WIRE_XCV_CLOSE:
		if (host->ready && host->port == 0) {
			host_manage(host, (enum wire_type)type);
			return;
		}
	}
	nonsense(host);
}

const char *
host_reason(const struct host *host, int code)
{
	return host->reason[0] != '\0' ? host->reason : fault_code_text(code);
}

void
host_listen(struct host *host)
{
	int type;

	while (!host->orphan) {
		type = wire_recv(&host->in, host->control);
		if (type == -1 && errno == EAGAIN)
			return;
		if (type <= 0)
			host->orphan = true;
		else
			dispatch(host, type);
	}
}

void
host_wait(struct host *host, int timeout_ms)
{
	struct pollfd fd = { .fd = host->control, .events = POLLIN };

	host_alive(host);
	if (poll(&fd, 1, timeout_ms) == 1)
		host_listen(host);
	host_alive(host);
}

/* ---- the port ----------------------------------------------------------- */

/* The document may be canceled, and gone, before this is through. */
static bool
open_port(struct host *host)
{
	const struct host_port *port = &host->ports[0];
	const struct wire_doc *first = &host->docs[host->docs_first]->doc;
	char *queue = strdup(first->queue);
	int code = PP_NO_MEMORY;

	/* A crash in here costs the document that the port is opened for. */
	atomic_store(&host->board->job, first->job);
	host->reason[0] = '\0';
	if (queue != NULL)
		code = session_open_port(host->session, host->monitor,
		    host->lm, port->name, queue, &host->port);
	free(queue);
	host_report(host, WIRE_OPENED, code,
	    code == 0 ? "" : host_reason(host, code));
	return code == 0;
}

static bool
is_readable(int fd)
{
	struct pollfd poll_fd = { .fd = fd, .events = POLLIN };

	return fd != -1 && poll(&poll_fd, 1, 0) == 1;
}

/* What the printer says, and the module does not read, wakes us once. */
static void
call_service(struct host *host, int64_t now)
{
	uint32_t again_ms = 0;

	if (session_service_port(host->session, host->port, &again_ms) != 0)
		again_ms = 0;
	host->service_at_ms = again_ms == 0 ? 0 : now + again_ms;
	host->unheeded = host->spoken && is_readable(host->read_fd);
	host->spoken = false;
	if (again_ms == 0 && (host->read_fd == -1 || host->unheeded))
		host_ending_settle(host, "sent; its monitor does not say when "
		    "the last page is out");
}

/* Call it if it is due; how long from now until it is, or -1. */
static int
service(struct host *host)
{
	int64_t now = host_clock_ms();
	bool due = host->service_at_ms != 0 && now >= host->service_at_ms;

	if (host->port == 0)
		return -1;
	if (due || host->spoken)
		call_service(host, now);
	if (host->service_at_ms == 0)
		return -1;
	return host->service_at_ms - now > INT32_MAX ? INT32_MAX :
	    (int)(host->service_at_ms - now);
}

/* Until the daemon or the printer speaks, or the time has come. */
static void
rest(struct host *host, int timeout_ms)
{
	struct pollfd fds[2] = {
		{ .fd = host->control, .events = POLLIN },
		{ .fd = host->port == 0 || host->unheeded ? -1 :
		    host->read_fd, .events = POLLIN },
	};

	host_alive(host);
	if (poll(fds, 2, timeout_ms) > 0) {
		host->spoken = fds[1].revents != 0;
		if (fds[0].revents != 0)
			host_listen(host);
	}
	host_alive(host);
}

static struct host_doc *
next_doc(struct host *host)
{
	struct host_doc *doc = host->docs[host->docs_first];

	host->docs_first = (host->docs_first + 1) % HOST_DOCS;
	host->docs_n--;
	return doc;
}

/*
 * Until the daemon says close, or is gone.  Documents that have not been
 * started when that happens stay the daemon's: it has their sockets too.  What
 * the printer says of earlier ones is heard between documents, too.
 */
static void
serve(struct host *host)
{
	int again_ms;

	while (!host->closing && !host->orphan && !host->failed) {
		if (host->docs_n == 0) {
			again_ms = service(host);
			host_doc_flush(host);
			rest(host, again_ms);
			continue;
		}
		if (host->port == 0) {
			if (!open_port(host))
				return;
			continue;	/* if there still is one */
		}
		host_doc_run(host, next_doc(host));
		host->service_at_ms = host_clock_ms();
		host->unheeded = false;
		if (host->endings_n > 0 && !host->failed)
			(void)service(host);
	}
	host_ending_settle(host, "sent; the port was closed before its last "
	    "page was out");
	host_doc_flush(host);
}

/* The reverse of all that was set up. */
static void
tear_down(struct host *host)
{
	size_t i;

	while (host->docs_n > 0)
		host_doc_free(next_doc(host));
	session_free(host->session);
	transfer_free(host->transfer);
	host_report(host, WIRE_CLOSED, 0, "");
	while (host->n_ports > 0)
		clear_port(&host->ports[--host->n_ports]);
	free(host->ports);
	for (i = 0; host->directories != NULL && i < host->n_directories; i++)
		free(host->directories[i]);
	free(host->directories);
	free(host->declared);
	free(host->instance);
	free(host->monitor_name);
	free(host->lm_name);
}

/* ---- the process -------------------------------------------------------- */

static void
before_call(void *arg, enum wire_call call)
{
	struct host *host = arg;

	host_alive(host);
	atomic_store_explicit(&host->board->call, call, memory_order_release);
}

static void
after_call(void *arg)
{
	struct host *host = arg;

	atomic_store_explicit(&host->board->call, WIRE_CALL_NONE,
	    memory_order_release);
}

/*
 * A module that blocks where it cannot be woken must not outlive the daemon.
 * This thread calls nothing of ours and no module; it waits for the daemon's
 * end of the socket to close, gives the main thread a grace, and ends the
 * process.
 */
static void *
watch_daemon(void *arg)
{
	struct pollfd fd = { .fd = *(const int *)arg, .events = 0 };
	struct timespec grace = { .tv_sec = ORPHAN_GRACE_S };

	while (poll(&fd, 1, -1) != 1 || !(fd.revents & (POLLHUP | POLLERR)))
		continue;
	while (nanosleep(&grace, &grace) == -1 && errno == EINTR)
		continue;
	_exit(EXIT_FAILURE);
}

static int
start_watch(struct host *host)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, old;
	int rc;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	rc = pthread_create(&thread, &attr, watch_daemon, &host->control);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return rc == 0 ? 0 : -1;
}

/*
 * Ctrl-C and a service manager's SIGTERM go to every process of the group;
 * the daemon alone decides what they mean for a document.
 */
static void
set_up_process(void)
{
	struct rlimit no_core = { 0, 0 };

	signal(SIGINT, SIG_IGN);
	signal(SIGTERM, SIG_IGN);
	signal(SIGHUP, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_CORE, &no_core);
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)close_range(WIRE_FD_BOARD + 1, ~0u, 0);
}

static bool
take_over(struct host *host)
{
	int type;
	socklen_t len = sizeof(type);

	if (getsockopt(WIRE_FD_CONTROL, SOL_SOCKET, SO_TYPE, &type, &len) ==
	    -1 || type != SOCK_SEQPACKET)
		return false;
	host->board = mmap(NULL, sizeof(*host->board), PROT_READ | PROT_WRITE,
	    MAP_SHARED, WIRE_FD_BOARD, 0);
	if (host->board == MAP_FAILED)
		return false;
	close(WIRE_FD_BOARD);
	host->control = WIRE_FD_CONTROL;
	return fcntl(host->control, F_SETFD, FD_CLOEXEC) == 0 &&
	    fcntl(host->control, F_SETFL, O_NONBLOCK) == 0;
}

int
main(void)
{
	static struct host host = { .read_fd = -1 };

	if (!take_over(&host)) {
		fputs("printport-host is started by printportd, "
		    "not by hand; see printportd(8)\n", stderr);
		return EXIT_FAILURE;
	}
	set_up_process();
	host.hooks = (struct session_hooks){ before_call, after_call, &host };
	host_api_init(&host);
	if (start_watch(&host) == -1)
		return EXIT_FAILURE;
	serve(&host);
	tear_down(&host);
	return EXIT_SUCCESS;
}
