/*
 * file.c - a port monitor that writes documents to files.
 *
 *	directory, name		each document becomes a file of its own
 *	path			all documents go to the end of one file, ...
 *	path, append = no	... or each takes its place
 *	path of a FIFO, device	all documents go into it
 *
 * A reader never sees half a document in a file of its own, and none that was
 * aborted; see file_target.c.
 */
#include <errno.h>
#include <grp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "file.h"
#include "monitor_util.h"

/* While there is trouble, see this often whether it is over. */
#define TROUBLE_CHECK_MS	5000

/* Room below NAME_MAX for what a name may get appended. */
#define LEAF_LEN_MAX	(NAME_MAX - 31)

struct pp_monitor {
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*ports;		/* open ones, owned */
};

static const struct pp_setting_decl file_settings[] = {
	{ .key = "directory", .type = PP_TYPE_PATH,
	  .help = "each document becomes a file in this directory" },
	{ .key = "name", .type = PP_TYPE_STRING, .preset = "%d-%T-%j-%q",
	  .help = "name of that file: %j job, %q queue, %p port, %u user, "
	  "%h host, %t title, %o output file, %d date, %T time, %% percent" },
	{ .key = "path", .type = PP_TYPE_PATH,
	  .help = "all documents go to this file, FIFO or character device" },
	{ .key = "append", .type = PP_TYPE_BOOL, .preset = "yes",
	  .help = "add to the file at path; no: replace it" },
	{ .key = "fsync", .type = PP_TYPE_BOOL, .preset = "yes",
	  .help = "a document is on the disk before it is reported as sent" },
	{ .key = "mode", .type = PP_TYPE_MODE, .preset = "0640",
	  .help = "mode of files that are created" },
	{ .key = "group", .type = PP_TYPE_STRING,
	  .help = "group of files that are created, by name or number" },
	{ .key = "keep_aborted", .type = PP_TYPE_BOOL, .preset = "no",
	  .help = "keep aborted documents, with .aborted after the name" },
	{ .key = NULL },
};

static const struct pp_monitor2 file_monitor;

/*
 * ---- Settings --------------------------------------------------------------
 */

static bool
is_set(const char *value)
{
	return value != NULL && value[0] != '\0';
}

/* Judge the settings that depend on each other; the log hears of a fault. */
static int
judge(const struct pp_host *host, const char *directory, const char *path,
    const char *pattern)
{
	const char *fault = pattern != NULL ? file_name_fault(pattern) : NULL;

	if (is_set(directory) == is_set(path)) {
		host->log(host->cookie, PP_LOG_ERROR, "set %s directory, path",
		    is_set(path) ? "only one of" : "one of");
		return PP_INVALID_PARAMETER;
	}
	if (fault != NULL) {
		host->log(host->cookie, PP_LOG_ERROR, "name = %s: %s", pattern,
		    fault);
		return PP_INVALID_PARAMETER;
	}
	return PP_OK;
}

/* For AddPort and ConfigPort. */
static int
check_settings(struct pp_monitor *monitor, const struct pp_setting *settings,
    size_t count)
{
	const char *directory = NULL, *path = NULL, *pattern = NULL;
	size_t i;

	for (i = 0; i < count; i++) {
		if (strcmp(settings[i].key, "directory") == 0)
			directory = settings[i].value;
		else if (strcmp(settings[i].key, "path") == 0)
			path = settings[i].value;
		else if (strcmp(settings[i].key, "name") == 0)
			pattern = settings[i].value;
	}
	return judge(monitor->host, directory, path, pattern) == PP_OK ?
	    PP_OK : PP_INVALID_DATA;
}

static int
get_text(const struct pp_port *port, const char *key, char **text)
{
	return pp_util_setting(port->host, port->name, key, text);
}

static int
get_number(const struct pp_port *port, const char *key, int *number)
{
	int64_t value = 0;
	int rc;

	rc = port->host->config_number(port->host->cookie, port->name, key,
	    &value);
	*number = value < INT32_MAX ? (int)value : INT32_MAX;
	return rc;
}

static int
get_group(struct pp_port *port)
{
	unsigned long number;
	struct group *group;
	char *text, *end;
	int rc;

	port->group = (gid_t)-1;
	rc = get_text(port, "group", &text);
	if (rc != PP_OK || !is_set(text)) {
		free(text);
		return rc;
	}
	number = strtoul(text, &end, 10);
	if (*end == '\0' && text[0] != '-' && number < (gid_t)-1) {
		port->group = (gid_t)number;
	} else if ((group = getgrnam(text)) != NULL) {
		port->group = group->gr_gid;
	} else {
		port->host->log(port->host->cookie, PP_LOG_ERROR,
		    "group = %s: there is no such group", text);
		rc = PP_INVALID_PARAMETER;
	}
	free(text);
	return rc;
}

static int
get_flags(struct pp_port *port)
{
	int sync = 0, append = 0, keep = 0, mode = 0, rc;

	if ((rc = get_number(port, "fsync", &sync)) != PP_OK ||
	    (rc = get_number(port, "append", &append)) != PP_OK ||
	    (rc = get_number(port, "keep_aborted", &keep)) != PP_OK ||
	    (rc = get_number(port, "mode", &mode)) != PP_OK ||
	    (rc = get_number(port, "write_timeout",
	    &port->configured_ms)) != PP_OK)
		return rc;
	port->sync = sync != 0;
	port->append = append != 0;
	port->keep_aborted = keep != 0;
	port->mode = (mode_t)mode & 07777;
	return PP_OK;
}

/* Take directory or path over, and find the directory in it. */
static int
set_target(struct pp_port *port, char **directory, char **path)
{
	bool single = is_set(*path);
	char *slash;

	port->target = single ? *path : *directory;
	*(single ? path : directory) = NULL;
	port->place = strdup(port->target);
	if (port->place == NULL)
		return PP_NO_MEMORY;
	if (!single)
		return PP_OK;
	slash = strrchr(port->target, '/');
	if (slash == NULL || slash[1] == '\0' ||
	    strlen(slash + 1) > LEAF_LEN_MAX) {
		port->host->log(port->host->cookie, PP_LOG_ERROR,
		    "path = %s: its last part cannot be a file", port->target);
		return PP_INVALID_PARAMETER;
	}
	port->leaf = slash + 1;
	port->place[slash == port->target ? 1 : slash - port->target] = '\0';
	return PP_OK;
}

static int
get_settings(struct pp_port *port)
{
	char *directory = NULL, *path = NULL;
	int rc;

	if ((rc = get_text(port, "directory", &directory)) == PP_OK &&
	    (rc = get_text(port, "path", &path)) == PP_OK &&
	    (rc = get_text(port, "name", &port->pattern)) == PP_OK &&
	    (rc = judge(port->host, directory, path, port->pattern)) == PP_OK &&
	    (rc = get_group(port)) == PP_OK &&
	    (rc = get_flags(port)) == PP_OK)
		rc = set_target(port, &directory, &path);
	free(directory);
	free(path);
	return rc;
}

/*
 * ---- Ports -----------------------------------------------------------------
 */

static int
file_enum_ports(struct pp_monitor *monitor, uint32_t level, void *buf,
    size_t size, size_t *needed, uint32_t *count)
{
	return pp_util_enum_ports(monitor->host, &file_monitor,
	    PP_PORT_TYPE_WRITE, level, buf, size, needed, count);
}

static void
port_free(struct pp_port *port)
{
	if (port == NULL)
		return;
	if (port->dir != -1)
		close(port->dir);
	free(port->target);
	free(port->place);
	free(port->pattern);
	free(port);
}

/* A port that has been found fit for use. */
static int
port_new(struct pp_monitor *monitor, const char *name, struct pp_port **out)
{
	struct pp_port *port;
	int rc;

	*out = NULL;
	if (!pp_util_has_port(monitor->host, name))
		return PP_NOT_FOUND;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return PP_NO_MEMORY;
	port->monitor = monitor;
	port->host = monitor->host;
	port->dir = -1;
	port->fd = -1;
	memcpy(port->name, name, strlen(name) + 1);
	rc = get_settings(port);
	if (rc == PP_OK)
		rc = file_target_check(port);
	if (rc != PP_OK) {
		port_free(port);
		return rc;
	}
	*out = port;
	return PP_OK;
}

/* Settings alone: whether the place is there is seen when the port opens. */
static int
file_check_port(struct pp_monitor *monitor, const char *name)
{
	struct pp_port *port = calloc(1, sizeof(*port));
	int rc;

	if (port == NULL)
		return PP_NO_MEMORY;
	port->monitor = monitor;
	port->host = monitor->host;
	port->dir = -1;
	memcpy(port->name, name, strlen(name) + 1);
	rc = get_settings(port);
	port_free(port);
	return rc == PP_INVALID_PARAMETER ? PP_INVALID_DATA : rc;
}

static int
file_open_port(struct pp_monitor *monitor, const char *name,
    struct pp_port **out)
{
	struct pp_port *port;
	int rc;

	*out = NULL;
	for (port = monitor->ports; port != NULL; port = port->next)
		if (strcmp(port->name, name) == 0)
			return PP_BUSY;
	rc = port_new(monitor, name, &port);
	if (rc != PP_OK)
		return rc;
	port->open = true;
	port->next = monitor->ports;
	monitor->ports = port;
	*out = port;
	return PP_OK;
}

/* For PortIsValid. */
static int
try_port(struct pp_monitor *monitor, const char *name)
{
	struct pp_port *port;
	int rc = port_new(monitor, name, &port);

	port_free(port);
	return rc;
}

static int
file_close_port(struct pp_port *port)
{
	struct pp_port **link = &port->monitor->ports;

	if (port->fd != -1) {
		(void)file_target_give_up(port);
		file_target_close(port);
	}
	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
	port_free(port);
	return PP_OK;
}

static int
file_set_port_timeouts(struct pp_port *port, const struct pp_timeouts *timeouts)
{
	if (timeouts->size < sizeof(*timeouts))
		return PP_INVALID_PARAMETER;
	port->asked_ms = timeouts->write_ms < INT32_MAX ?
	    (int)timeouts->write_ms : INT32_MAX;
	return PP_OK;
}

/* Whether the trouble of the port can be over; only a job finds a reader. */
static bool
may_be_over(struct pp_port *port)
{
	struct statvfs vfs;

	if (port->trouble == -ENXIO || file_target_check(port) != PP_OK)
		return false;
	return port->trouble != -ENOSPC || fstatvfs(port->dir, &vfs) == -1 ||
	    vfs.f_bavail > 0;
}

static int
file_service_port(struct pp_port *port, uint32_t *again_ms)
{
	if (port->fd == -1 && port->trouble != 0 && may_be_over(port))
		file_all_well(port);
	*again_ms = port->trouble != 0 ? TROUBLE_CHECK_MS : 0;
	return PP_OK;
}

/*
 * ---- Documents -------------------------------------------------------------
 */

/* The name that the document will have; the same one if it is sent again. */
static void
choose_name(struct pp_port *port, const char *queue,
    const struct pp_doc_info_1 *doc)
{
	struct pp_job_info job = { .size = sizeof(job) };
	struct file_name_facts facts = { .job = port->job, .queue = queue,
		.port = port->name, .output = doc->output_file };

	if (port->host->job_info(port->host->cookie, port->job, &job) != PP_OK)
		job = (struct pp_job_info){ 0 };
	facts.arrived = job.submitted != 0 ? job.submitted :
	    (int64_t)time(NULL);
	facts.user = job.user;
	facts.host = job.host;
	facts.title = is_set(doc->doc_name) ? doc->doc_name : job.title;
	file_name_make(port->pattern, &facts, port->final);
}

static int
file_start_doc_port(struct pp_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	const struct pp_doc_info_1 *doc = doc_info;
	int rc;

	if (level != 1)
		return PP_INVALID_LEVEL;
	if (doc == NULL)
		return PP_INVALID_PARAMETER;
	if (port->fd != -1)
		return PP_BUSY;
	if (port->leaf == NULL && file_name_uses(port->pattern, 'o') &&
	    !is_set(doc->output_file))
		return PP_INVALID_PARAMETER;
	port->job = job;
	port->error = PP_OK;
	port->timeout_ms = port->asked_ms != 0 ? port->asked_ms :
	    port->configured_ms;
	if (port->leaf == NULL)
		choose_name(port, queue, doc);
	rc = file_target_open(port);
	if (rc == PP_OK && port->kind == FILE_STREAM)
		file_all_well(port);
	return rc;
}

/*
 * What every write ends with.  A failed one spoils the document, unless it is
 * followed by one that goes on from there.
 */
static int
wrote(struct pp_port *port, int rc, uint64_t written)
{
	if (written > 0)
		port->error = PP_OK;
	if (rc == PP_OK || rc == PP_TIMEOUT)
		return rc;
	port->error = rc;
	return rc == PP_CANCELED ? rc :
	    file_failed(port, rc, "cannot write to");
}

static int
file_write_port(struct pp_port *port, const void *buf, size_t len,
    size_t *written)
{
	const struct pp_host *host = port->host;
	bool waited = false;
	int rc = PP_OK;
	ssize_t n;

	*written = 0;
	if (port->fd == -1)
		return PP_NO_DOCUMENT;
	while (*written < len && rc == PP_OK) {
		n = write(port->fd, (const char *)buf + *written,
		    len - *written);
		if (n > 0) {
			*written += (size_t)n;
		} else if (n == -1 && errno != EINTR && errno != EAGAIN) {
			rc = -errno;
		} else if (n == 0 || errno == EAGAIN) {
			/* One wait; what comes after is for the next call. */
			if (waited || *written > 0)
				break;
			rc = host->wait_fd(host->cookie, port->fd,
			    PP_WAIT_WRITE, port->timeout_ms);
			rc = rc > 0 ? PP_OK : rc;
			waited = true;
		}
	}
	return wrote(port, rc, *written);
}

static int
file_write_port_from_fd(struct pp_port *port, int fd, uint64_t max,
    struct pp_moved *moved)
{
	const struct pp_host *host = port->host;
	int rc;

	*moved = (struct pp_moved){ .source = PP_SOURCE_MORE };
	if (port->fd == -1)
		return PP_NO_DOCUMENT;
	rc = host->transfer(host->cookie, fd, port->fd, max, port->timeout_ms,
	    moved);
	return wrote(port, rc, moved->written);
}

static int
file_read_port(struct pp_port *port, void *buf, size_t size, size_t *len)
{
	(void)port;
	(void)buf;
	(void)size;
	*len = 0;
	return PP_NOT_SUPPORTED;
}

static int
file_end_doc_port(struct pp_port *port)
{
	const struct pp_host *host = port->host;
	uint32_t flags;
	int rc;

	if (port->fd == -1)
		return PP_OK;
	flags = host->job_flags(host->cookie, port->job);
	rc = port->error;
	if (rc == PP_OK && (flags & PP_JOB_DELETING) == 0)
		rc = file_target_finish(port, flags & PP_JOB_RESTARTED);
	if (rc != PP_OK || (flags & PP_JOB_DELETING) != 0)
		(void)file_target_give_up(port);
	file_target_close(port);
	if ((flags & PP_JOB_DELETING) != 0)
		return PP_OK;
	if (rc != PP_OK)
		return rc;
	file_all_well(port);
	/* It has arrived, whether or not anybody hears of it. */
	(void)host->job_event(host->cookie, port->job, PP_JOB_SENT);
	return PP_OK;
}

/*
 * ---- Management ------------------------------------------------------------
 */

static int
file_xcv_open_port(struct pp_monitor *monitor, const char *object,
    uint32_t access, struct pp_xcv **out)
{
	static const struct pp_util_hooks hooks = {
		.check = check_settings,
		.try_port = try_port,
	};

	return pp_util_xcv_open(monitor->host, &file_monitor, &hooks, monitor,
	    object, access, out);
}

static int
file_xcv_data_port(struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	return pp_util_xcv_data(xcv, name, in, in_len, out, out_size, needed);
}

static int
file_xcv_close_port(struct pp_xcv *xcv)
{
	return pp_util_xcv_close(xcv);
}

static void
file_shutdown(struct pp_monitor *monitor)
{
	free(monitor);
}

static const struct pp_monitor2 file_monitor = {
	.size			= sizeof(struct pp_monitor2),
	.abi			= PP_MONITOR_ABI,
	.name			= "file",
	.summary		= "Writes documents to files",
	.kinds			= PP_PORT_MONITOR,
	.needs			= PP_NEEDS_FILES,
	.settings		= file_settings,
	.enum_ports		= file_enum_ports,
	.open_port		= file_open_port,
	.start_doc_port		= file_start_doc_port,
	.write_port		= file_write_port,
	.read_port		= file_read_port,
	.end_doc_port		= file_end_doc_port,
	.close_port		= file_close_port,
	.xcv_open_port		= file_xcv_open_port,
	.xcv_data_port		= file_xcv_data_port,
	.xcv_close_port		= file_xcv_close_port,
	.set_port_timeouts	= file_set_port_timeouts,
	.shutdown		= file_shutdown,
	.write_port_from_fd	= file_write_port_from_fd,
	.service_port		= file_service_port,
	.check_port		= file_check_port,
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
	return &file_monitor;
}
