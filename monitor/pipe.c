/*
 * pipe.c - a port monitor that gives documents to programs.
 *
 *	program = /path		a program of one's own; no shell is in between
 *	cups_backend = URI	a backend of CUPS, called as CUPS does it
 *
 *	start_doc_port	the program is started
 *	write_port	bytes into its standard input
 *	end_doc_port	end of file; it is waited for, and its exit status is
 *			what becomes of the job
 *
 * What the program says meanwhile is taken in wherever we wait, so that it
 * never waits for us.  Nobody but the program knows what it has done of a
 * document, so a program that is ended before its time has failed, whatever it
 * then says.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "pipe.h"
#include "monitor_util.h"

/* Until the program has been executed; its file may be far away. */
#define START_MS	10000
/* Until a killed one is dead. */
#define KILL_MS		5000

/* Of what it says, taken in one go. */
#define SAYS_LEN	65536

struct pp_port {
	struct pp_monitor	*monitor;	/* borrowed */
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*next;		/* open port of the monitor */
	char			 name[PP_PORT_NAME_LEN + 1];
	struct pipe_settings	 settings;	/* owned */
	struct pipe_says	 says;
	int			 asked_ms;	/* set_port_timeouts; or 0 */

	/* The document. */
	bool			 in_document;
	uint64_t		 job;
	struct pipe_run		 run;
	int64_t			 ends_ms;	/* timeout; 0: none */
	int			 failed;	/* code, or 0 */
	bool			 finishing;	/* nobody reads answers now */
	bool			 answers_due;	/* they were to be read first */
};

struct pp_monitor {
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*ports;		/* open ones, owned */
};

static const struct pp_monitor2 pipe_monitor;

/* ---- ports -------------------------------------------------------------- */

static int
pipe_enum_ports(struct pp_monitor *monitor, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	return pp_util_enum_ports(monitor->host, &pipe_monitor,
	    PP_PORT_TYPE_WRITE | PP_PORT_TYPE_READ, level, buf, size, needed,
	    count);
}

static void
port_free(struct pp_port *port)
{
	pipe_settings_free(&port->settings);
	free(port);
}

static int
pipe_open_port(struct pp_monitor *monitor, const char *name,
    struct pp_port **out)
{
	struct pp_port *port;
	int rc;

	*out = NULL;
	if (!pp_util_has_port(monitor->host, name))
		return PP_NOT_FOUND;
	for (port = monitor->ports; port != NULL; port = port->next)
		if (strcmp(port->name, name) == 0)
			return PP_BUSY;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return PP_NO_MEMORY;
	memcpy(port->name, name, strlen(name) + 1);
	port->monitor = monitor;
	port->host = monitor->host;
	pipe_says_init(&port->says, port->host, port->name);
	pipe_run_init(&port->run);
	rc = pipe_settings_get(&port->settings, port->host, port->name);
	if (rc != PP_OK) {
		port_free(port);
		return rc;
	}
	port->next = monitor->ports;
	monitor->ports = port;
	*out = port;
	return PP_OK;
}

/* Whether it is right; that is also whether it could be opened. */
static int
try_port(struct pp_monitor *monitor, const char *name)
{
	struct pipe_settings settings;
	int rc;

	rc = pipe_settings_get(&settings, monitor->host, name);
	pipe_settings_free(&settings);
	return rc;
}

static int
pipe_check_port(struct pp_monitor *monitor, const char *name)
{
	int rc = try_port(monitor, name);

	return rc == PP_INVALID_PARAMETER ? PP_INVALID_DATA : rc;
}

/* For AddPort and ConfigPort. */
static int
check_settings(struct pp_monitor *monitor, const struct pp_setting *settings,
    size_t count)
{
	int rc = pipe_settings_try(monitor->host, settings, count);

	return rc == PP_INVALID_PARAMETER ? PP_INVALID_DATA : rc;
}

static int
pipe_set_port_timeouts(struct pp_port *port, const struct pp_timeouts *timeouts)
{
	if (timeouts->size < sizeof(*timeouts))
		return PP_INVALID_PARAMETER;
	port->asked_ms = timeouts->write_ms < INT32_MAX ?
	    (int)timeouts->write_ms : INT32_MAX;
	return PP_OK;
}

/* ---- what the program says ---------------------------------------------- */

static int64_t
now_ms(const struct pp_port *port)
{
	return port->host->clock_ms(port->host->cookie);
}

/* Take what there is of one stream, up to a bound. */
static void
drain(struct pp_port *port, int *fd,
    void (*take)(struct pipe_says *, const char *, size_t))
{
	size_t taken = 0;
	char bytes[4096];
	ssize_t n;

	while (*fd != -1 && taken < SAYS_LEN) {
		n = read(*fd, bytes, sizeof(bytes));
		if (n > 0) {
			taken += (size_t)n;
			if (take != NULL)
				take(&port->says, bytes, (size_t)n);
		} else if (n == 0 || (errno != EAGAIN && errno != EINTR)) {
			pipe_run_deaf(&port->run, fd);
		} else if (errno == EAGAIN) {
			return;
		}
	}
}

/* Answers are read by read_port, as long as that is called. */
static void
hear(struct pp_port *port)
{
	struct pipe_run *run = &port->run;

	drain(port, &run->err, pipe_says_errors);
	drain(port, &run->out, pipe_says_output);
	if (port->finishing)
		drain(port, &run->back, NULL);
	pipe_run_hear(run);
}

/* The sooner of two points in time, of which 0 is never. */
static int64_t
sooner(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static int
left_ms(const struct pp_port *port, int64_t at_ms)
{
	int64_t left;

	if (at_ms == 0)
		return -1;
	left = at_ms - now_ms(port);
	return left < 0 ? 0 : left < INT32_MAX ? (int)left : INT32_MAX;
}

/* ---- the end of the program --------------------------------------------- */

/* Without a cancel in between: it is on its way out already. */
static void
wait_for_end(struct pp_port *port, int64_t until_ms)
{
	struct pollfd fd = { .fd = port->run.watch, .events = POLLIN };

	for (;;) {
		hear(port);
		if (port->run.ended || left_ms(port, until_ms) == 0)
			return;
		(void)poll(&fd, 1, left_ms(port, until_ms));
	}
}

/* End it before its time: what becomes of the job is decided elsewhere. */
static void
terminate(struct pp_port *port)
{
	struct pipe_run *run = &port->run;

	port->finishing = true;
	hear(port);
	if (!run->ended && run->started && port->settings.grace_ms > 0) {
		pipe_run_ask(run);
		wait_for_end(port, now_ms(port) + port->settings.grace_ms);
	}
	if (!run->ended) {
		pipe_run_kill(run);
		wait_for_end(port, now_ms(port) + KILL_MS);
	}
	if (!run->ended)
		port->host->log(port->host->cookie, PP_LOG_ERROR,
		    "%s was killed and does not die: it waits in the kernel, "
		    "maybe for a file system that is gone",
		    pipe_settings_name(&port->settings));
}

/* The document is over, and nothing is left of the program. */
static void
leave_document(struct pp_port *port)
{
	(void)port->host->watch_read(port->host->cookie, port, -1);
	hear(port);
	pipe_says_end(&port->says);
	pipe_run_free(&port->run);
	port->in_document = false;
}

/* The job's end, with the reason as people see it; returns code. */
static int fail(struct pp_port *port, int code, const char *fmt, ...)
    PP_PRINTF(3, 4);

static int
fail(struct pp_port *port, int code, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	port->host->log(port->host->cookie, PP_LOG_ERROR, "%s %s%s%s",
	    pipe_settings_name(&port->settings), text,
	    port->says.last[0] != '\0' ? ": " : "", port->says.last);
	port->failed = code;
	return code;
}

/* It took too long: end it. */
static int
time_is_up(struct pp_port *port, const char *which)
{
	terminate(port);
	return fail(port, -ETIME, "took longer than %s, and was ended", which);
}

static int
failed_to_start(struct pp_port *port)
{
	static const char *const steps[] = {
		[PIPE_STEP_FORK] = "could not be started",
		[PIPE_STEP_DIRECTORY] = "has no directory to run in",
		[PIPE_STEP_LIMITS] = "could not be limited",
		[PIPE_STEP_EXEC] = "could not be executed",
	};
	const struct pipe_run *run = &port->run;

	return fail(port, -run->error, "%s (%s)", steps[run->step],
	    strerror(run->error));
}

/* It has ended, and not been ended by us: what becomes of the job. */
static int
judge_end(struct pp_port *port)
{
	const struct pipe_run *run = &port->run;
	int status = run->status;
	const char *name;

	/* Its last words come before its end. */
	hear(port);
	if (run->error != 0)
		return failed_to_start(port);
	if (run->lost)
		return fail(port, -ECHILD, "was lost: its keeper was killed");
	if (WIFSIGNALED(status)) {
		name = sigabbrev_np(WTERMSIG(status));
		return fail(port, -EIO, "was killed by SIG%s%s",
		    name != NULL ? name : "?", WTERMSIG(status) == SIGXCPU ?
		    ", having used up max_cpu_time" : "");
	}
	if (WEXITSTATUS(status) == 0)
		return PP_OK;
	return fail(port, port->settings.verdicts[WEXITSTATUS(status)],
	    "ended with exit status %d", WEXITSTATUS(status));
}

static int
left_some(struct pp_port *port)
{
	return fail(port, -EPIPE, "succeeded, but has not read all of its "
	    "document; partial = ok if that is how it works");
}

/* ---- documents ---------------------------------------------------------- */

static bool
is_set(const char *text)
{
	return text != NULL && text[0] != '\0';
}

static int
run_program(struct pp_port *port, const char *queue,
    const struct pp_doc_info_1 *doc)
{
	struct pp_job_info job = { .size = sizeof(job) };
	struct pipe_order order;
	struct pipe_facts facts;
	int rc;

	if (port->host->job_info(port->host->cookie, port->job, &job) !=
	    PP_OK)
		job = (struct pp_job_info){ .length = -1 };
	facts = (struct pipe_facts){ .job = port->job, .queue = queue,
	    .port = port->name, .user = job.user, .host = job.host,
	    .title = is_set(doc->doc_name) ? doc->doc_name : job.title,
	    .document = job.document, .format = doc->datatype,
	    .arrived = job.submitted != 0 ? job.submitted :
	    (int64_t)time(NULL) };
	rc = pipe_order_make(&order, &port->settings, &facts, &job);
	if (rc == PP_OK) {
		rc = pipe_run_start(&port->run, &order);
		if (rc != PP_OK)
			(void)fail(port, rc, "could not be started (%s)",
			    strerror(-rc));
	}
	pipe_order_free(&order);
	return rc;
}

/* Wait until it has been executed, or could not be. */
static int
await_start(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	int64_t until = now_ms(port) + START_MS;
	int rc;

	for (;;) {
		hear(port);
		if (port->run.started)
			return PP_OK;
		if (port->run.ended)
			return judge_end(port);
		rc = host->wait_fd(host->cookie, port->run.watch, PP_WAIT_READ,
		    left_ms(port, until));
		if (rc == PP_TIMEOUT)
			return fail(port, -ETIME, "could not be executed in "
			    "%d seconds", START_MS / 1000);
		if (rc < 0)
			return rc;
	}
}

static int
pipe_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	const struct pipe_settings *settings = &port->settings;
	int rc;

	if (level != 1)
		return PP_INVALID_LEVEL;
	if (doc_info == NULL)
		return PP_INVALID_PARAMETER;
	if (port->in_document)
		return PP_BUSY;
	port->job = job;
	port->failed = 0;
	port->finishing = false;
	port->answers_due = false;
	pipe_says_begin(&port->says, job);
	rc = run_program(port, queue, doc_info);
	if (rc != PP_OK)
		return rc;
	port->in_document = true;
	rc = await_start(port);
	if (rc != PP_OK) {
		terminate(port);
		leave_document(port);
		return rc;
	}
	port->ends_ms = settings->timeout_ms == 0 ? 0 :
	    now_ms(port) + settings->timeout_ms;
	if (settings->read)
		(void)port->host->watch_read(port->host->cookie, port,
		    port->run.watch);
	return PP_OK;
}

/* What was written goes to a program that has ended well, or not at all. */
static int
ended_early(struct pp_port *port)
{
	int rc = judge_end(port);

	if (rc == PP_OK && !port->settings.partial)
		rc = left_some(port);
	return rc;
}

/*
 * Whether its answers should be read before more is written, so that it does
 * not wait for us.  Those that nobody reads, though there was time, are
 * dropped.
 */
static bool
has_answers(struct pp_port *port)
{
	struct pollfd back = { .fd = port->run.back, .events = POLLIN };

	if (poll(&back, 1, 0) != 1)
		return false;
	if (port->answers_due)
		drain(port, &port->run.back, NULL);
	port->answers_due = !port->answers_due;
	return port->answers_due;
}

/* Wait until it takes bytes: 1; PP_OK if it has ended, or has answers. */
static int
await_room(struct pp_port *port, int64_t until_ms)
{
	const struct pp_host *host = port->host;
	struct pollfd in = { .fd = port->run.in, .events = POLLOUT };
	int64_t at = sooner(port->ends_ms, until_ms);
	int rc;

	for (;;) {
		hear(port);
		if (port->run.ended)
			return PP_OK;
		if (port->ends_ms != 0 && left_ms(port, port->ends_ms) == 0)
			return time_is_up(port, "timeout");
		if (poll(&in, 1, 0) == 1)
			return 1;
		if (has_answers(port))
			return PP_OK;
		rc = host->wait_fd(host->cookie, port->run.room, PP_WAIT_READ,
		    left_ms(port, at));
		if (rc == PP_TIMEOUT && at == port->ends_ms)
			continue;
		if (rc < 0)
			return rc;
	}
}

/* When a write that begins now has waited for long enough. */
static int64_t
write_until(const struct pp_port *port)
{
	return now_ms(port) + (port->asked_ms != 0 ? port->asked_ms :
	    port->settings.write_timeout_ms);
}

static int
pipe_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	ssize_t n;
	int rc;

	*written = 0;
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	if (port->failed != 0 || len == 0)
		return port->failed;
	rc = await_room(port, write_until(port));
	if (rc < 0)
		return rc;
	if (port->run.ended) {
		rc = ended_early(port);
		*written = rc == PP_OK ? len : 0;
		return rc;
	}
	if (rc == 0)
		return PP_OK;
	n = write(port->run.in, buf, len);
	if (n > 0)
		*written = (size_t)n;
	return n >= 0 || errno == EAGAIN || errno == EINTR ? PP_OK :
	    fail(port, -errno, "takes nothing (%s)", strerror(errno));
}

/*
 * It has ended: there must be no byte left.  Nothing is written with a
 * failure, so the bytes that are looked for are not missed.
 */
static int
swallow(struct pp_port *port, int fd, uint64_t max, struct pp_moved *moved)
{
	const struct pp_host *host = port->host;
	int null, rc;

	rc = judge_end(port);
	if (rc != PP_OK)
		return rc;
	null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null == -1)
		return fail(port, -errno, "ended, and /dev/null cannot be "
		    "opened (%s)", strerror(errno));
	rc = host->transfer(host->cookie, fd, null, max, 0, moved);
	close(null);
	if (rc == PP_OK && moved->written > 0 && !port->settings.partial) {
		moved->written = 0;
		rc = left_some(port);
	}
	return rc;
}

static int
pipe_write_port_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	const struct pp_host *host = port->host;
	int rc;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	if (!port->in_document)
		return PP_NO_DOCUMENT;
	if (port->failed != 0)
		return port->failed;
	rc = await_room(port, write_until(port));
	if (rc < 0)
		return rc;
	if (port->run.ended)
		return swallow(port, fd, max, moved);
	if (rc == 0)
		return PP_OK;
	rc = host->transfer(host->cookie, fd, port->run.in, max, 0, moved);
	if (rc == PP_TIMEOUT)
		return PP_OK;
	return rc == PP_OK || rc == PP_CANCELED ? rc :
	    fail(port, rc, "takes nothing (%s)", strerror(-rc));
}

static int
pipe_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	ssize_t n;

	*len = 0;
	if (!port->settings.read)
		return PP_NOT_SUPPORTED;
	if (!port->in_document)
		return PP_INVALID_HANDLE;
	port->answers_due = false;
	hear(port);
	if (port->run.back == -1)
		return PP_END_OF_DATA;
	n = read(port->run.back, buf, size);
	if (n > 0)
		*len = (size_t)n;
	else if (n == 0 && size > 0)
		pipe_run_deaf(&port->run, &port->run.back);
	return n > 0 || size == 0 || port->run.back != -1 ? PP_OK :
	    PP_END_OF_DATA;
}

/* Give it the end of its document, and wait for its own. */
static int
finish(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	int64_t limit = port->settings.finish_timeout_ms, at;
	int rc;

	port->finishing = true;
	pipe_run_finish(&port->run);
	limit = limit == 0 ? 0 : now_ms(port) + limit;
	at = sooner(port->ends_ms, limit);
	for (;;) {
		hear(port);
		if (port->run.ended)
			break;
		rc = host->wait_fd(host->cookie, port->run.watch, PP_WAIT_READ,
		    left_ms(port, at));
		if (rc == PP_TIMEOUT)
			return time_is_up(port, at == limit ?
			    "finish_timeout" : "timeout");
		if (rc < 0) {
			terminate(port);
			return rc;
		}
	}
	rc = judge_end(port);
	if (rc == PP_OK && !port->settings.partial &&
	    pipe_run_unread(&port->run) > 0)
		rc = left_some(port);
	return rc;
}

static int
pipe_end_doc_port(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	bool deleting;
	int rc;

	if (!port->in_document)
		return PP_OK;
	deleting = (host->job_flags(host->cookie, port->job) &
	    PP_JOB_DELETING) != 0;
	rc = port->failed;
	if (deleting || rc != PP_OK)
		terminate(port);
	else
		rc = finish(port);
	leave_document(port);
	if (deleting)
		return PP_OK;
	/* It is done, whether or not anybody hears of it. */
	if (rc == PP_OK)
		(void)host->job_event(host->cookie, port->job, PP_JOB_SENT);
	return rc;
}

static int
pipe_close_port(struct pp_port *port)
{
	struct pp_port **link = &port->monitor->ports;

	if (port->in_document) {
		terminate(port);
		leave_document(port);
	}
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	port_free(port);
	return PP_OK;
}

/* ---- management --------------------------------------------------------- */

static int
pipe_xcv_open_port(struct pp_monitor *monitor, const char *object,
    uint32_t access, struct pp_xcv **out)
{
	static const struct pp_util_hooks hooks = {
		.check = check_settings,
		.try_port = try_port,
	};

	return pp_util_xcv_open(monitor->host, &pipe_monitor, &hooks, monitor,
	    object, access, out);
}

static int
pipe_xcv_data_port(struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	return pp_util_xcv_data(xcv, name, in, in_len, out, out_size, needed);
}

static int
pipe_xcv_close_port(struct pp_xcv *xcv)
{
	return pp_util_xcv_close(xcv);
}

static void
pipe_shutdown(struct pp_monitor *monitor)
{
	free(monitor);
}

/* A program may do what it likes, so far as the daemon may. */
static const struct pp_monitor2 pipe_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.name			= "pipe",
	.summary		= "Gives documents to programs",
	.kinds			= PP_PORT_MONITOR,
	.needs			= PP_NEEDS_FILES | PP_NEEDS_NETWORK |
				    PP_NEEDS_PROGRAMS,
	.settings		= pipe_declared,
	.enum_ports		= pipe_enum_ports,
	.open_port		= pipe_open_port,
	.start_doc_port		= pipe_start_doc_port,
	.write_port		= pipe_write_port,
	.read_port		= pipe_read_port,
	.end_doc_port		= pipe_end_doc_port,
	.close_port		= pipe_close_port,
	.xcv_open_port		= pipe_xcv_open_port,
	.xcv_data_port		= pipe_xcv_data_port,
	.xcv_close_port		= pipe_xcv_close_port,
	.set_port_timeouts	= pipe_set_port_timeouts,
	.shutdown		= pipe_shutdown,
	.write_port_from_fd	= pipe_write_port_from_fd,
	.check_port		= pipe_check_port,
};

const struct pp_monitor2 *
pp_initialize_print_monitor2(const struct pp_host *host,
    struct pp_monitor **monitor, int *error)
{
	*monitor = calloc(1, sizeof(**monitor));
	if (*monitor == NULL) {
		*error = PP_NO_MEMORY;
		return NULL;
	}
	(*monitor)->host = host;
	*error = PP_OK;
	return &pipe_monitor;
}
