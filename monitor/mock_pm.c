/*
 * mock_pm.c - the port monitor of mock, which does as its settings say.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "mock.h"
#include "monitor_util.h"

#define NAME_SCHEMA	"\\Printer.DeviceInfo:Name"

/* I/O controls of get_printer_data_from_port. */
#define CONTROL_ECHO		1	/* gives back what it is given */
#define CONTROL_WRITE_MS	2	/* uint32_t, time-out in force */

const struct pp_setting_decl mock_settings[] = {
	{ .key = "fail", .help = "calls that fail: open start write end "
	    "close, or only the n-th: start:2 write:3" },
	{ .key = "verdict", .type = PP_TYPE_CHOICE, .preset = "error",
	    .choices = "error|hold|drop|stop",
	    .help = "what a call that fails says of the job" },
	{ .key = "pages", .type = PP_TYPE_NUMBER, .preset = "0",
	    .max = 1000000, .help = "each document has so many" },
	{ .key = "supply", .help = "a supply that is half used up" },
	{ .key = "about", .type = PP_TYPE_BOOL, .preset = "no",
	    .help = "the trace has what is known of a document" },
	{ .key = "hang", .type = PP_TYPE_CHOICE,
	    .choices = "open|start|write|end|close",
	    .help = "call that never returns" },
	{ .key = "crash", .type = PP_TYPE_CHOICE,
	    .choices = "open|start|write|end|close",
	    .help = "call that kills the process" },
	{ .key = "nonsense", .type = PP_TYPE_CHOICE, .choices = "write",
	    .help = "call that reports more than it was given" },
	{ .key = "short", .type = PP_TYPE_SIZE, .preset = "0",
	    .help = "most bytes that one write takes; 0 is all" },
	{ .key = "zero", .type = PP_TYPE_NUMBER, .preset = "0", .max = 1000000,
	    .help = "every n-th write takes nothing; 0 is none" },
	{ .key = "delay_ms", .type = PP_TYPE_NUMBER, .preset = "0",
	    .max = 3600000, .help = "each write waits so long first" },
	{ .key = "open_ms", .type = PP_TYPE_NUMBER, .preset = "0",
	    .max = 3600000, .help = "opening the port takes so long" },
	{ .key = "leak", .type = PP_TYPE_BOOL, .preset = "no",
	    .help = "closing frees nothing" },
	{ .key = "echo", .type = PP_TYPE_BOOL, .preset = "no",
	    .help = "what was written can be read back" },
	{ .key = "says", .type = PP_TYPE_PATH, .preset = "/dev/null",
	    .help = "FIFO with what the printer says" },
	{ .key = "warn", .type = PP_TYPE_BOOL, .preset = "no",
	    .help = "warns of low toner from the first document on" },
	{ .key = "fd_write", .type = PP_TYPE_BOOL, .preset = "yes",
	    .help = "takes documents by descriptor" },
	{ .key = "eject", .type = PP_TYPE_CHOICE, .preset = "end",
	    .choices = "end|file|read|never",
	    .help = "as language monitor, says that the last page is out: at "
	    "the end, as the file ejected or the printer says, never" },
	{ .key = "ejected", .type = PP_TYPE_PATH, .preset = "/dev/null",
	    .help = "lines with the number of a job; two numbers are a job "
	    "and its pages so far" },
	{ .key = "output", .type = PP_TYPE_PATH, .preset = "/dev/null",
	    .help = "file to append documents to" },
	{ .key = "trace", .type = PP_TYPE_PATH, .preset = "/dev/null",
	    .help = "file to append a line per call to" },
	{ .key = NULL }
};

/* ---- misbehaving ------------------------------------------------------- */

void
mock_hang(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (;;)
		pause();
}

/* Is this call, the n-th of its kind, in the list "start write:3"? */
static int
is_listed(const char *list, const char *call, uint32_t n)
{
	size_t len = strlen(call);
	const char *word = list;

	for (; *word != '\0'; word += strspn(word, " ,")) {
		if (strncmp(word, call, len) == 0 && (word[len] == '\0' ||
		    word[len] == ' ' || word[len] == ',' ||
		    (word[len] == ':' &&
		    strtoul(word + len + 1, NULL, 10) == n)))
			return 1;
		word += strcspn(word, " ,");
	}
	return 0;
}

/* Do what the settings want of this call; -EIO if it is to fail. */
static int
misbehave(const struct pp_port *port, const char *call, uint32_t n)
{
	if (strcmp(port->crash, call) == 0)
		abort();
	if (strcmp(port->hang, call) == 0)
		mock_hang();
	if (!is_listed(port->fail, call, n))
		return PP_OK;
	port->monitor->host->log(port->monitor->host->cookie, PP_LOG_ERROR,
	    "%s number %u fails, as it was told to", call, n);
	return port->verdict;
}

static int __attribute__((format(printf, 2, 3)))
trace(const struct pp_port *port, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vdprintf(port->trace_fd, fmt, ap);
	va_end(ap);
	return n;
}

/* ---- the settings of a port -------------------------------------------- */

static void
get_text(const struct pp_port *port, const char *key, char *buf, size_t size)
{
	const struct pp_host *host = port->monitor->host;

	if (host->config_text(host->cookie, port->name, key, buf, size,
	    NULL) != PP_OK)
		buf[0] = '\0';
}

static int64_t
get_number(const struct pp_port *port, const char *key)
{
	const struct pp_host *host = port->monitor->host;
	int64_t value;

	if (host->config_number(host->cookie, port->name, key,
	    &value) != PP_OK)
		return 0;
	return value;
}

static void
configure(struct pp_port *port)
{
	static const int verdicts[] = { -EIO, PP_HOLD_JOB, PP_DROP_JOB,
	    PP_STOP_PORT };

	get_text(port, "fail", port->fail, sizeof(port->fail));
	get_text(port, "hang", port->hang, sizeof(port->hang));
	get_text(port, "crash", port->crash, sizeof(port->crash));
	get_text(port, "nonsense", port->nonsense, sizeof(port->nonsense));
	port->short_len = (size_t)get_number(port, "short");
	port->zero = (uint32_t)get_number(port, "zero");
	port->delay_ms = (int)get_number(port, "delay_ms");
	port->leak = (int)get_number(port, "leak");
	port->echo = (int)get_number(port, "echo");
	port->warn = (int)get_number(port, "warn");
	port->about = (int)get_number(port, "about");
	port->verdict = verdicts[get_number(port, "verdict")];
	port->pages = (uint64_t)get_number(port, "pages");
	get_text(port, "supply", port->supply, sizeof(port->supply));
	port->fd_write = (int)get_number(port, "fd_write") && !port->echo;
	port->write_ms = (uint32_t)get_number(port, "write_timeout");
	port->next_write_ms = port->write_ms;
}

static int
open_path(const struct pp_port *port, const char *key, int flags)
{
	char path[4096];
	int fd;

	get_text(port, key, path, sizeof(path));
	fd = open(path, O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC | flags,
	    0600);
	return fd != -1 ? fd : -errno;
}

/* ---- open, close ------------------------------------------------------- */

/* What can be read back: the echo, or a FIFO, which is open for ever. */
static int
open_answers(struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;
	char path[4096];

	get_text(port, "says", path, sizeof(path));
	if (port->echo)
		port->read_fd = fcntl(port->echo_fds[0], F_DUPFD_CLOEXEC, 0);
	else if (strcmp(path, "/dev/null") != 0)
		port->read_fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC);
	else
		return PP_OK;
	if (port->read_fd == -1)
		return -errno;
	return host->watch_read(host->cookie, port, port->read_fd);
}

static void
close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void
pm_free(struct pp_port *port)
{
	close_fd(port->out_fd);
	close_fd(port->trace_fd);
	close_fd(port->quiet_fd);
	close_fd(port->read_fd);
	close_fd(port->echo_fds[0]);
	close_fd(port->echo_fds[1]);
	free(port);
}

static int
is_open(const struct pp_monitor *monitor, const char *name)
{
	const struct pp_port *port;

	for (port = monitor->ports; port != NULL; port = port->next)
		if (strcasecmp(port->name, name) == 0)
			return 1;
	return 0;
}

/* quiet_fd is a pipe's end that never becomes ready to read. */
static int
pm_set_up(struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;
	int code;

	configure(port);
	port->trace_fd = open_path(port, "trace", O_APPEND);
	if (port->trace_fd < 0)
		return port->trace_fd;
	if (pipe2(port->echo_fds, O_NONBLOCK | O_CLOEXEC) == -1)
		return -errno;
	port->quiet_fd = fcntl(port->echo_fds[1], F_DUPFD_CLOEXEC, 0);
	if (port->quiet_fd == -1)
		return -errno;
	trace(port, "open %s\n", port->name);
	code = misbehave(port, "open", 1);
	if (code == PP_OK && get_number(port, "open_ms") > 0)
		(void)host->wait_fd(host->cookie, port->quiet_fd,
		    PP_WAIT_READ, (int)get_number(port, "open_ms"));
	return code == PP_OK ? open_answers(port) : code;
}

int
mock_pm_open(struct pp_monitor *monitor, const char *name,
    struct pp_port **out)
{
	struct pp_port *port;
	int code;

	*out = NULL;
	if (!pp_util_has_port(monitor->host, name))
		return PP_NOT_FOUND;
	if (is_open(monitor, name))
		return PP_BUSY;
	port = mock_port_new(monitor, name);
	if (port == NULL)
		return PP_NO_MEMORY;
	code = pm_set_up(port);
	if (code != PP_OK) {
		pm_free(port);
		return code;
	}
	port->next = monitor->ports;
	monitor->ports = port;
	*out = port;
	return PP_OK;
}

int
mock_pm_close(struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;
	struct pp_port **link = &port->monitor->ports;
	int code = misbehave(port, "close", 1);

	trace(port, "close\n");
	if (port->read_fd != -1)
		(void)host->watch_read(host->cookie, port, -1);
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	if (!port->leak)
		pm_free(port);
	return code;
}

/* ---- status ------------------------------------------------------------ */

/* Only changes travel; what did not get through is said again. */
static void
tell_status(struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;

	if (port->wanted.status == port->told.status)
		return;
	if (host->set_port_status(host->cookie, port->name,
	    &port->wanted) == PP_OK)
		port->told = port->wanted;
}

static void
set_status(struct pp_port *port, enum pp_port_status status)
{
	port->wanted.status = status;
	port->wanted.severity = status == PP_STATUS_CLEAR ?
	    PP_SEVERITY_NONE : status == PP_STATUS_TONER_LOW ?
	    PP_SEVERITY_WARNING : PP_SEVERITY_ERROR;
	tell_status(port);
}

/* ---- a document -------------------------------------------------------- */

static void
trace_about(const struct pp_port *port, uint64_t job)
{
	const struct pp_host *host = port->monitor->host;
	struct pp_job_info info = { .size = sizeof(info) };
	const char *line, *end;

	if (!port->about || host->job_info(host->cookie, job, &info) != PP_OK)
		return;
	trace(port, "length %jd\n", (intmax_t)info.length);
	trace(port, "document %s\n", info.document);
	for (line = info.extra; *line != '\0'; line = end + 1) {
		end = strchr(line, '\n');
		trace(port, "extra %.*s\n", (int)(end - line), line);
	}
}

static void
tell_supply(const struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;
	const struct pp_supply supply = { .name = port->supply,
	    .percent = 50 };

	if (port->supply[0] != '\0')
		(void)host->set_port_supplies(host->cookie, port->name,
		    &supply, 1);
}

int
mock_pm_start(struct pp_port *port, uint64_t job)
{
	int code;

	if (port->job != 0)
		return PP_BUSY;
	trace(port, "start %ju\n", (uintmax_t)job);
	trace_about(port, job);
	tell_supply(port);
	code = misbehave(port, "start", ++port->starts);
	if (code == PP_OK) {
		port->out_fd = open_path(port, "output", 0);
		code = port->out_fd < 0 ? port->out_fd : PP_OK;
	}
	set_status(port, code == -EIO ? PP_STATUS_OFFLINE : port->warn ?
	    PP_STATUS_TONER_LOW : PP_STATUS_CLEAR);
	if (code != PP_OK)
		return code;
	(void)lseek(port->out_fd, 0, SEEK_END);
	port->job = job;
	port->writes = 0;
	port->write_ms = port->next_write_ms;
	return PP_OK;
}

/*
 * Before a write: how many of wanted bytes it may move into *len; 0 is none of
 * them, for this time.
 */
static int
pm_before_write(struct pp_port *port, uint64_t wanted, uint64_t *len)
{
	const struct pp_host *host = port->monitor->host;
	int code;

	*len = 0;
	if (port->job == 0)
		return PP_NO_DOCUMENT;
	code = misbehave(port, "write", ++port->writes);
	if (code != PP_OK)
		return code;
	if (port->delay_ms > 0) {
		code = host->wait_fd(host->cookie, port->quiet_fd,
		    PP_WAIT_READ, port->delay_ms);
		if (code != PP_TIMEOUT)
			return code < 0 ? code : -EIO;
	}
	if (port->zero > 0 && port->writes % port->zero == 0)
		return PP_OK;
	*len = wanted;
	if (port->short_len > 0 && wanted > port->short_len)
		*len = port->short_len;
	return PP_OK;
}

/* Write once, waiting until something can be written. */
static int
put(const struct pp_port *port, const void *buf, size_t len, size_t *written)
{
	const struct pp_host *host = port->monitor->host;
	ssize_t n;
	int code;

	while ((n = write(port->out_fd, buf, len)) == -1) {
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return -errno;
		code = host->wait_fd(host->cookie, port->out_fd,
		    PP_WAIT_WRITE, (int)port->write_ms);
		if (code < 0)
			return code;
	}
	if (port->echo && write(port->echo_fds[1], buf, (size_t)n) == -1 &&
	    errno != EAGAIN)
		return -errno;
	*written = (size_t)n;
	return PP_OK;
}

int
mock_pm_write(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	uint64_t some;
	int code;

	*written = 0;
	code = pm_before_write(port, len, &some);
	if (code == PP_OK && some > 0)
		code = put(port, buf, (size_t)some, written);
	trace(port, "write %zu\n", *written);
	if (strcmp(port->nonsense, "write") == 0)
		*written = len + 1;
	return code;
}

int
mock_pm_write_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	const struct pp_host *host = port->monitor->host;
	uint64_t some;
	int code;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	if (!port->fd_write)
		return PP_NOT_SUPPORTED;
	code = pm_before_write(port, max, &some);
	if (code == PP_OK && some > 0)
		code = host->transfer(host->cookie, fd, port->out_fd, some,
		    (int)port->write_ms, moved);
	trace(port, "write %ju\n", (uintmax_t)moved->written);
	if (strcmp(port->nonsense, "write") == 0)
		moved->written = max + 1;
	return code;
}

int
mock_pm_read(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	ssize_t n;

	*len = 0;
	if (port->read_fd == -1)
		return PP_NOT_SUPPORTED;
	n = read(port->read_fd, buf, size);
	if (n == -1)
		return errno == EAGAIN || errno == EINTR ? PP_OK : -errno;
	*len = (size_t)n;
	return PP_OK;
}

int
mock_pm_end(struct pp_port *port)
{
	const struct pp_host *host = port->monitor->host;
	uint64_t job = port->job;
	uint32_t flags;
	int code;

	if (job == 0)
		return PP_OK;
	flags = host->job_flags(host->cookie, job);
	trace(port, "end %ju%s%s\n", (uintmax_t)job,
	    flags & PP_JOB_DELETING ? " deleting" : "",
	    flags & PP_JOB_RESTARTED ? " restarted" : "");
	code = misbehave(port, "end", ++port->ends);
	close(port->out_fd);
	port->out_fd = -1;
	port->job = 0;
	if (code == PP_OK && port->pages > 0)
		(void)host->job_pages(host->cookie, job, port->pages);
	if (code == PP_OK && (flags & PP_JOB_DELETING) == 0)
		(void)host->job_event(host->cookie, job, PP_JOB_SENT);
	return code;
}

/* ---- questions --------------------------------------------------------- */

int
mock_pm_printer_data(const struct pp_port *port, uint32_t control,
    const void *in, size_t in_len, void *out, size_t out_size, size_t *len)
{
	switch (control) {
	case CONTROL_ECHO:
		return pp_util_answer(in, in_len, out, out_size, len);
	case CONTROL_WRITE_MS:
		return pp_util_answer(&port->write_ms, sizeof(port->write_ms),
		    out, out_size, len);
	default:
		return PP_INVALID_PARAMETER;
	}
}

static char *
host_copy(const struct pp_host *host, const char *text)
{
	char *copy = host->alloc(host->cookie, strlen(text) + 1);

	if (copy != NULL)
		memcpy(copy, text, strlen(text) + 1);
	return copy;
}

/* Text of the response; an entry without memory for it stays empty. */
static void
bidi_text(const struct pp_host *host, struct pp_bidi_entry *entry,
    const char *text)
{
	char *copy = host_copy(host, text);

	if (copy == NULL)
		return;
	entry->data.type = PP_BIDI_TEXT;
	entry->data.len = (uint32_t)strlen(copy) + 1;
	entry->data.value.bytes = copy;
}

/* Answer one entry: there is one value, and it is read-only. */
static void
bidi_entry(const struct pp_port *port, int set,
    const struct pp_bidi_entry *asked, struct pp_bidi_entry *answer)
{
	const struct pp_host *host = port->monitor->host;

	answer->number = asked->number;
	answer->schema = host_copy(host, asked->schema);
	if (strcmp(asked->schema, NAME_SCHEMA) != 0)
		answer->result = PP_BIDI_SCHEMA_NOT_SUPPORTED;
	else if (set)
		answer->result = PP_BIDI_SCHEMA_READ_ONLY;
	else
		bidi_text(host, answer, port->name);
}

int
mock_pm_bidi(const struct pp_port *port, const char *action,
    const struct pp_bidi *request, struct pp_bidi **response)
{
	const struct pp_host *host = port->monitor->host;
	int schema = strcasecmp(action, "EnumSchema") == 0;
	int set = strcasecmp(action, "Set") == 0, verdict = PP_OK;
	struct pp_bidi *answer;
	uint32_t i;

	answer = host->bidi_alloc(host->cookie, schema ? 1 : request->count);
	if (answer == NULL)
		return PP_NO_MEMORY;
	if (schema)
		bidi_text(host, &answer->entries[0], NAME_SCHEMA);
	for (i = 0; i < request->count && !schema; i++) {
		bidi_entry(port, set, &request->entries[i],
		    &answer->entries[i]);
		if (answer->entries[i].result != 0)
			verdict = PP_BIDI_WARNING;
	}
	*response = answer;
	return verdict;
}

int
mock_pm_set_timeouts(struct pp_port *port,
    const struct pp_timeouts *timeouts)
{
	port->next_write_ms = timeouts->write_ms;
	if (timeouts->write_ms == 0)
		port->next_write_ms =
		    (uint32_t)get_number(port, "write_timeout");
	return PP_OK;
}

int
mock_pm_service(struct pp_port *port, uint32_t *again_ms)
{
	*again_ms = 0;
	tell_status(port);
	return PP_OK;
}
