/*
 * notify.c - see notify.h.
 *
 *	notify_job --> WAITING (in line) --start--> RUNNING --exit--> gone
 *	                                               |                ^
 *	                                               +-- time, kill --+
 *
 * A program that fails is a line in the log, and the next has its turn.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/queue.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "log.h"
#include "notify.h"
#include "spool/job.h"

/* A title can be long, and a thousand may be in line. */
#define VALUE_LEN	1024
/* PATH, one for each thing that is told, and NULL. */
#define ENV_LEN		15
/* What one program gets into the log; it may say more. */
#define SAID_LEN	256
#define SAID_LINES	50
/* A full pipe is read in fewer; who was left behind may talk on for ever. */
#define TURNS_AT_THE_END	64

struct call {
	TAILQ_ENTRY(call) in;		/* the line, or those that run */
	struct notify	*notify;	/* borrowed */
	uint64_t	 job;
	char		*program;	/* owned, as all of env */
	char		*env[ENV_LEN];
	size_t		 n_env;

	/* while it runs */
	pid_t		 pid;
	int		 pidfd;
	int		 said_fd;	/* its standard output and error */
	struct event	 on_said, on_exit;
	char		 line[SAID_LEN];
	size_t		 line_len;
	unsigned	 lines;
	bool		 killed;	/* its time was over */
};

TAILQ_HEAD(calls, call);

struct notify {
	struct event_base *base;	/* borrowed */
	struct timeval	 limit;
	struct calls	 waiting, running;
	unsigned	 n_waiting, n_running;
};

/* ---- a call ------------------------------------------------------------- */

static void
call_free(struct call *call)
{
	size_t i;

	if (call == NULL)
		return;
	for (i = 0; i < call->n_env; i++)
		free(call->env[i]);
	free(call->program);
	free(call);
}

/* A terminal's commands, in ASCII, UTF-8 or as single bytes. */
static bool
is_control(unsigned char before, unsigned char c, unsigned char after)
{
	if (c < 0x20 || c == 0x7f)
		return true;
	if (c == 0xc2)
		return after >= 0x80 && after < 0xa0;
	return c >= 0x80 && c < 0xa0 && (before < 0x80 || before == 0xc2);
}

/* Values come from clients: what a shell's echo prints must do no harm. */
static void
clean(char *value)
{
	unsigned char before = 0, c;

	for (; *value != '\0'; value++) {
		c = (unsigned char)*value;
		if (is_control(before, c, (unsigned char)value[1]))
			*value = '?';
		before = c;
	}
}

/* No character is cut in two. */
static void
cut(char *value)
{
	size_t len = VALUE_LEN;

	if (strlen(value) <= len)
		return;
	while (len > VALUE_LEN - 4 && (value[len] & 0xc0) == 0x80)
		len--;
	value[len] = '\0';
}

static int add(struct call *call, const char *name, const char *fmt, ...)
    __attribute__((format(printf, 3, 4), warn_unused_result));

static int
add(struct call *call, const char *name, const char *fmt, ...)
{
	char *value, *entry;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vasprintf(&value, fmt, ap);
	va_end(ap);
	if (n == -1)
		return -1;
	clean(value);
	cut(value);
	n = asprintf(&entry, "%s=%s", name, value);
	free(value);
	if (n == -1)
		return -1;
	call->env[call->n_env++] = entry;
	return 0;
}

static int
add_created(struct call *call, int64_t created_ms)
{
	time_t seconds = (time_t)(created_ms / 1000);
	char text[32] = "";
	struct tm tm;

	if (gmtime_r(&seconds, &tm) != NULL)
		strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	return add(call, "PRINTPORT_CREATED", "%s", text);
}

static int
add_all(struct call *call, const char *event, const struct job *job,
    const char *why)
{
	char reasons[512];

	job_reasons_text(job->reasons, reasons, sizeof(reasons));
	if (add(call, "PATH", "/usr/bin:/bin") == -1 ||
	    add(call, "PRINTPORT_EVENT", "%s", event) == -1 ||
	    add(call, "PRINTPORT_JOB", "%" PRIu64, job->id) == -1 ||
	    add(call, "PRINTPORT_QUEUE", "%s", job->queue) == -1 ||
	    add(call, "PRINTPORT_PORT", "%s", job->port) == -1 ||
	    add(call, "PRINTPORT_USER", "%s", job->user) == -1 ||
	    add(call, "PRINTPORT_HOST", "%s", job->host) == -1 ||
	    add(call, "PRINTPORT_TITLE", "%s", job->title) == -1 ||
	    add(call, "PRINTPORT_STATE", "%s", job_state_name(job->state))
	    == -1 ||
	    add(call, "PRINTPORT_REASONS", "%s", reasons) == -1 ||
	    add(call, "PRINTPORT_WHY", "%s", why) == -1 ||
	    add(call, "PRINTPORT_BYTES", "%" PRIu64, job->bytes) == -1 ||
	    add(call, "PRINTPORT_ATTEMPTS", "%" PRIu32, job->attempts) == -1)
		return -1;
	return add_created(call, job->created_ms);
}

static struct call *
call_new(struct notify *notify, const char *program, const char *event,
    const struct job *job, const char *why)
{
	struct call *call = calloc(1, sizeof(*call));

	if (call == NULL)
		return NULL;
	call->notify = notify;
	call->job = job->id;
	call->pidfd = call->said_fd = -1;
	call->program = strdup(program);
	if (call->program == NULL ||
	    add_all(call, event, job, why != NULL ? why : "") == -1) {
		call_free(call);
		return NULL;
	}
	return call;
}

/* ---- start -------------------------------------------------------------- */

/*
 * Descriptors are closed whatever their flags say: a library's may have none.
 * The directory is that of no printing, so that it keeps nothing busy.
 */
static int
prepare(posix_spawn_file_actions_t *actions, posix_spawnattr_t *attr,
    int said_fd)
{
	sigset_t none, all;
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	rc = posix_spawnattr_setflags(attr, POSIX_SPAWN_SETSIGMASK |
	    POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSID);
	if (rc == 0)
		rc = posix_spawnattr_setsigmask(attr, &none);
	if (rc == 0)
		rc = posix_spawnattr_setsigdefault(attr, &all);
	if (rc == 0)
		rc = posix_spawn_file_actions_addopen(actions, STDIN_FILENO,
		    "/dev/null", O_RDONLY, 0);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, said_fd,
		    STDOUT_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO,
		    STDERR_FILENO);
	if (rc == 0)
		rc = posix_spawn_file_actions_addclosefrom_np(actions,
		    STDERR_FILENO + 1);
	if (rc == 0)
		rc = posix_spawn_file_actions_addchdir_np(actions, "/");
	return rc;
}

static int
spawn(struct call *call, int said_fd)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char *argv[] = { call->program, NULL };
	int rc;

	rc = posix_spawn_file_actions_init(&actions);
	if (rc != 0)
		return rc;
	rc = posix_spawnattr_init(&attr);
	if (rc == 0) {
		rc = prepare(&actions, &attr, said_fd);
		if (rc == 0)
			rc = posix_spawn(&call->pid, call->program, &actions,
			    &attr, argv, call->env);
		posix_spawnattr_destroy(&attr);
	}
	posix_spawn_file_actions_destroy(&actions);
	return rc;
}

static void on_said(evutil_socket_t fd, short what, void *arg);
static void on_exit_fd(evutil_socket_t fd, short what, void *arg);

static int
watch(struct call *call)
{
	struct event_base *base = call->notify->base;

	call->pidfd = pidfd_open(call->pid, 0);
	if (call->pidfd == -1 ||
	    fcntl(call->said_fd, F_SETFL, O_NONBLOCK) == -1)
		return -1;
	event_assign(&call->on_said, base, call->said_fd,
	    EV_READ | EV_PERSIST, on_said, call);
	event_assign(&call->on_exit, base, call->pidfd,
	    EV_READ | EV_PERSIST, on_exit_fd, call);
	if (event_add(&call->on_said, NULL) == -1)
		return -1;
	return event_add(&call->on_exit, &call->notify->limit);
}

/* The process is left as it is. */
static void
unwatch(struct call *call)
{
	if (event_initialized(&call->on_exit)) {
		event_del(&call->on_said);
		event_del(&call->on_exit);
	}
	if (call->pidfd != -1)
		close(call->pidfd);
	if (call->said_fd != -1)
		close(call->said_fd);
	call->pidfd = call->said_fd = -1;
}

/* The group is there as long as its leader is not waited for. */
static void
kill_group(struct call *call)
{
	call->killed = true;
	(void)kill(-call->pid, SIGKILL);
}

static void
log_failure(const struct call *call, const char *what, const char *reason)
{
	log_put(LOG_LEVEL_WARNING, what, LOG_TEXT("program", call->program),
	    LOG_NUM("job", call->job), LOG_TEXT("reason", reason));
}

/* -1, errno: it does not run, or cannot be watched and was ended. */
static int
start(struct call *call)
{
	int pair[2], rc;

	if (pipe2(pair, O_CLOEXEC) == -1)
		return -1;
	call->said_fd = pair[0];
	rc = spawn(call, pair[1]);
	close(pair[1]);
	if (rc == 0 && watch(call) == 0)
		return 0;
	if (rc == 0) {
		rc = errno;
		kill_group(call);
		(void)waitpid(call->pid, NULL, 0);
	}
	unwatch(call);
	errno = rc;
	return -1;
}

static void
start_waiting(struct notify *notify)
{
	struct call *call;

	while (notify->n_running < NOTIFY_RUNNING_MAX &&
	    (call = TAILQ_FIRST(&notify->waiting)) != NULL) {
		TAILQ_REMOVE(&notify->waiting, call, in);
		notify->n_waiting--;
		if (start(call) == -1) {
			log_failure(call, "notify program cannot be started",
			    strerror(errno));
			call_free(call);
			continue;
		}
		TAILQ_INSERT_TAIL(&notify->running, call, in);
		notify->n_running++;
	}
}

/* ---- its words ---------------------------------------------------------- */

static void
say_line(struct call *call)
{
	size_t len = call->line_len;

	call->line[len] = '\0';
	call->line_len = 0;
	if (len == 0 || call->lines > SAID_LINES)
		return;
	if (call->lines++ == SAID_LINES)
		snprintf(call->line, sizeof(call->line),
		    "(more, which is left out)");
	log_put(LOG_LEVEL_INFO, "notify program says",
	    LOG_TEXT("program", call->program), LOG_NUM("job", call->job),
	    LOG_TEXT("text", call->line));
}

/* What is too much is read all the same: a full pipe would stop it. */
static ssize_t
read_said(struct call *call)
{
	char bytes[4096];
	ssize_t n = read(call->said_fd, bytes, sizeof(bytes)), i;

	for (i = 0; i < n; i++) {
		if (bytes[i] == '\n' || call->line_len == SAID_LEN - 1)
			say_line(call);
		if (bytes[i] != '\n' && bytes[i] != '\0')
			call->line[call->line_len++] = bytes[i];
	}
	return n;
}

static void
on_said(evutil_socket_t fd, short what, void *arg)
{
	struct call *call = arg;
	ssize_t n = read_said(call);

	(void)fd;
	(void)what;
	if (n == 0 || (n == -1 && errno != EAGAIN && errno != EINTR))
		event_del(&call->on_said);
}

/* ---- its end ------------------------------------------------------------ */

static void
log_end(const struct call *call, const siginfo_t *info)
{
	char reason[128];

	if (call->killed) {
		snprintf(reason, sizeof(reason),
		    "did not end in %lld ms and was killed",
		    (long long)call->notify->limit.tv_sec * 1000 +
		    call->notify->limit.tv_usec / 1000);
	} else if (info->si_code != CLD_EXITED) {
		snprintf(reason, sizeof(reason), "was ended by signal %d (%s)",
		    info->si_status, strsignal(info->si_status));
	} else if (info->si_status != 0) {
		snprintf(reason, sizeof(reason), "exited with status %d",
		    info->si_status);
	} else {
		log_put(LOG_LEVEL_DEBUG, "notify program is done",
		    LOG_TEXT("program", call->program),
		    LOG_NUM("job", call->job));
		return;
	}
	log_failure(call, "notify program failed", reason);
}

/* It ended, or its time did: what is killed ends too, and comes by again. */
static void
on_exit_fd(evutil_socket_t fd, short what, void *arg)
{
	struct call *call = arg;
	struct notify *notify = call->notify;
	siginfo_t info = { 0 };
	int n;

	(void)fd;
	if (!(what & EV_READ)) {
		kill_group(call);
		return;
	}
	for (n = 0; n < TURNS_AT_THE_END && read_said(call) > 0; n++)
		continue;
	say_line(call);
	(void)waitid(P_PIDFD, (id_t)call->pidfd, &info, WEXITED);
	log_end(call, &info);
	unwatch(call);
	TAILQ_REMOVE(&notify->running, call, in);
	notify->n_running--;
	call_free(call);
	start_waiting(notify);
}

/* ---- life --------------------------------------------------------------- */

struct notify *
notify_new(struct event_base *base)
{
	struct notify *notify = calloc(1, sizeof(*notify));

	if (notify == NULL)
		return NULL;
	notify->base = base;
	TAILQ_INIT(&notify->waiting);
	TAILQ_INIT(&notify->running);
	notify_set_time(notify, NOTIFY_TIME_MS);
	return notify;
}

void
notify_set_time(struct notify *notify, int limit_ms)
{
	notify->limit = (struct timeval){ limit_ms / 1000,
	    limit_ms % 1000 * 1000 };
}

void
notify_free(struct notify *notify)
{
	struct call *call;

	if (notify == NULL)
		return;
	while ((call = TAILQ_FIRST(&notify->running)) != NULL) {
		TAILQ_REMOVE(&notify->running, call, in);
		unwatch(call);
		call_free(call);
	}
	while ((call = TAILQ_FIRST(&notify->waiting)) != NULL) {
		TAILQ_REMOVE(&notify->waiting, call, in);
		log_failure(call, "notify program is not started",
		    "printportd ends");
		call_free(call);
	}
	free(notify);
}

void
notify_job(struct notify *notify, const char *program, const char *event,
    const struct job *job, const char *why)
{
	const char *reason = strerror(ENOMEM);
	struct call *call = NULL;

	if (notify->n_waiting >= NOTIFY_LINE_MAX)
		reason = "too many are in line";
	else
		call = call_new(notify, program, event, job, why);
	if (call == NULL) {
		log_put(LOG_LEVEL_WARNING, "notify program is not started",
		    LOG_TEXT("program", program), LOG_NUM("job", job->id),
		    LOG_TEXT("reason", reason));
		return;
	}
	TAILQ_INSERT_TAIL(&notify->waiting, call, in);
	notify->n_waiting++;
	start_waiting(notify);
}
