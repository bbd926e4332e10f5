/*
 * hostproc.c - see hostproc.h.
 *
 *	start: memfd, socketpair, pipe, posix_spawn
 *	on_control:  messages -> ops            on_stderr: lines -> log
 *	on_exit (pidfd):  drain what it said last, reap, gone
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <event2/event_struct.h>

#include "hostproc.h"
#include "log.h"
#include "monitor/monitor.h"

/* Messages taken per wake-up, then others have their turn. */
#define MESSAGES_PER_TURN	64
/*
 * What a full socket and a full pipe hold is read in fewer; a process that the
 * host left behind could talk on for ever.
 */
#define TURNS_AT_THE_END	64
#define STDERR_LINE_LEN		1024

struct hostproc {
	const struct hostproc_ops *ops;
	void			*arg;
	char			*port;		/* its name, for the log */
	pid_t			 pid;
	bool			 reaped;	/* pid may be another's by now */
	int			 pidfd;
	int			 control;
	int			 stderr_fd;
	struct wire_board	*board;
	struct event		 on_control, on_stderr, on_exit;
	struct wire		*docs;		/* being gathered */
	uint32_t		 docs_n;
	char			 line[STDERR_LINE_LEN];
	size_t			 line_len;
	const char		*killed;	/* why, or NULL */
	bool			 hung_up;	/* its end of the socket */
};

/* Everything here goes through one message at a time. */
static struct wire in, out;

/* ---- spawn -------------------------------------------------------------- */

/* A module sees this and no more of the daemon's environment. */
static const char *const env_kept[] = { "TZ", "LANG", "ASAN_OPTIONS",
    "UBSAN_OPTIONS", "LSAN_OPTIONS" };

#define ENV_LEN	(sizeof(env_kept) / sizeof(env_kept[0]) + 2)

static void
make_environment(char *env[ENV_LEN])
{
	const char *value;
	size_t i, n = 0;

	env[n] = strdup("PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	n += env[n] != NULL;
	for (i = 0; i < sizeof(env_kept) / sizeof(env_kept[0]); i++) {
		value = getenv(env_kept[i]);
		if (value != NULL &&
		    asprintf(&env[n], "%s=%s", env_kept[i], value) != -1)
			n++;
	}
	env[n] = NULL;
}

static void
free_environment(char *env[ENV_LEN])
{
	size_t i;

	for (i = 0; env[i] != NULL; i++)
		free(env[i]);
}

static int
spawn(const char *program, int control, int board_fd, int stderr_fd,
    pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, all;
	char *argv[] = { (char[]){ "printport-host" }, NULL };
	char *env[ENV_LEN];
	int rc;

	sigemptyset(&none);
	sigfillset(&all);
	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setflags(&attr,
	    POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setsigdefault(&attr, &all);
	posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null",
	    O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null",
	    O_WRONLY, 0);
	posix_spawn_file_actions_adddup2(&actions, stderr_fd, STDERR_FILENO);
	posix_spawn_file_actions_adddup2(&actions, control, WIRE_FD_CONTROL);
	posix_spawn_file_actions_adddup2(&actions, board_fd, WIRE_FD_BOARD);
	make_environment(env);
	rc = posix_spawn(pid, program, &actions, &attr, argv, env);
	free_environment(env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return rc;
}

/*
 * The child's ends must lie above the numbers they get there, or one dup2
 * would overwrite the source of the next.
 */
static int
lift(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, WIRE_FD_BOARD + 1);

	close(fd);
	return high;
}

static int
make_board(void)
{
	int fd = memfd_create("printport-board",
	    MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1)
		return -1;
	if (ftruncate(fd, sizeof(struct wire_board)) == -1 ||
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)
	    == -1) {
		close(fd);
		return -1;
	}
	return fd;
}

static void
close_all(int *fds, size_t n)
{
	int saved_errno = errno;

	while (n-- > 0)
		if (fds[n] != -1)
			close(fds[n]);
	errno = saved_errno;
}

pid_t
hostproc_spawn(const char *program, int *control, int *board_fd,
    int *stderr_fd)
{
	int fds[5] = { -1, -1, -1, -1, -1 };
	pid_t pid = -1;
	int rc;

	fds[4] = make_board();
	if (fds[4] == -1 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == -1 ||
	    pipe2(fds + 2, O_CLOEXEC) == -1)
		goto fail;
	fds[1] = lift(fds[1]);
	fds[3] = lift(fds[3]);
	fds[4] = lift(fds[4]);
	if (fds[1] == -1 || fds[3] == -1 || fds[4] == -1)
		goto fail;
	rc = spawn(program, fds[1], fds[4], fds[3], &pid);
	if (rc != 0) {
		errno = rc;
		goto fail;
	}
	close(fds[1]);
	close(fds[3]);
	*control = fds[0];
	*stderr_fd = fds[2];
	*board_fd = fds[4];
	return pid;

fail:
	close_all(fds, 5);
	return -1;
}

/* ---- messages out ------------------------------------------------------- */

void
hostproc_put_setup(struct wire *wire, const struct conf *conf,
    const char *monitor, const char *language_monitor, size_t n_ports)
{
	const struct conf_list *dirs = &conf->daemon.monitor_directory;
	size_t i;

	wire_begin(wire, WIRE_SETUP);
	wire_put_u32(wire, WIRE_VERSION);
	wire_put_str(wire, "printportd");
	wire_put_u32(wire, (uint32_t)geteuid());
	wire_put_u32(wire, (uint32_t)dirs->n);
	for (i = 0; i < dirs->n; i++)
		wire_put_str(wire, dirs->v[i]);
	wire_put_str(wire, monitor);
	wire_put_str(wire, language_monitor);
	wire_put_u32(wire, (uint32_t)n_ports);
}

void
hostproc_put_port(struct wire *wire, const struct conf_port *port)
{
	size_t i;

	wire_begin(wire, WIRE_PORT);
	wire_put_str(wire, port->name);
	wire_put_str(wire, port->file);
	wire_put_u32(wire, (uint32_t)port->write_timeout_ms);
	wire_put_u32(wire, (uint32_t)port->stall_timeout_ms);
	wire_put_u32(wire, (uint32_t)port->answer_wait_ms);
	wire_put_u32(wire, (uint32_t)port->n_settings);
	for (i = 0; i < port->n_settings; i++) {
		wire_put_str(wire, port->settings[i].key);
		wire_put_str(wire, port->settings[i].value);
		wire_put_u32(wire, (uint32_t)port->settings[i].line);
	}
}

/* A host that does not take a word of ours any more is no use. */
static void
send_or_kill(struct hostproc *hp, struct wire *wire)
{
	if (wire_send(wire, hp->control) == -1 && errno != EPIPE &&
	    errno != ECONNRESET)
		hostproc_kill(hp, "does not take its messages");
}

/* The whole lines of it that may travel. */
static char *
cut_extra(const char *extra)
{
	size_t len = WIRE_EXTRA_LEN;

	while (len > 0 && extra[len - 1] != '\n')
		len--;
	return strndup(extra, len);
}

static void
put_doc(struct hostproc *hp, const struct wire_doc *doc)
{
	struct wire_doc less = *doc;
	char *extra = NULL;

	if (doc->extra != NULL && strlen(doc->extra) > WIRE_EXTRA_LEN)
		less.extra = extra = cut_extra(doc->extra);
	wire_put_doc(hp->docs, &less);
	free(extra);
}

bool
hostproc_add(struct hostproc *hp, const struct wire_doc *doc, int fd)
{
	size_t extra = doc->extra != NULL ? strlen(doc->extra) : 0;

	if (hp->docs_n == WIRE_FDS || (hp->docs_n > 0 &&
	    wire_room(hp->docs) < WIRE_MSG_LEN / 8 + extra))
		return false;
	if (hp->docs_n == 0) {
		wire_begin(hp->docs, WIRE_DOCS);
		wire_put_u32(hp->docs, 0);
	}
	put_doc(hp, doc);
	wire_put_fd(hp->docs, fd);
	hp->docs_n++;
	return true;
}

/* The count, behind the type, is known only now. */
bool
hostproc_flush(struct hostproc *hp)
{
	if (hp->docs_n == 0)
		return true;
	memcpy(hp->docs->buf + sizeof(uint32_t), &hp->docs_n,
	    sizeof(uint32_t));
	if (wire_send(hp->docs, hp->control) == -1 &&
	    (errno == EAGAIN || errno == ENOBUFS || errno == ETOOMANYREFS))
		return false;
	hp->docs_n = 0;		/* sent, or its "gone" is on the way */
	return true;
}

void
hostproc_cancel(struct hostproc *hp, uint64_t job, uint32_t flags)
{
	wire_begin(&out, WIRE_CANCEL);
	wire_put_u64(&out, job);
	wire_put_u32(&out, flags);
	send_or_kill(hp, &out);
}

void
hostproc_close(struct hostproc *hp)
{
	wire_begin(&out, WIRE_CLOSE);
	send_or_kill(hp, &out);
}

void
hostproc_kill(struct hostproc *hp, const char *why)
{
	if (hp->killed != NULL || hp->reaped)
		return;
	hp->killed = why;
	(void)kill(hp->pid, SIGKILL);
}

/* ---- messages in -------------------------------------------------------- */

static void
on_code(struct hostproc *hp,
    void (*fn)(void *arg, int code, const char *text))
{
	int code = (int32_t)wire_get_u32(&in);
	const char *text = wire_get_str(&in);

	if (wire_done(&in) == 0)
		fn(hp->arg, code, text);
	else
		hostproc_kill(hp, "answered nonsense");
}

static void
on_done(struct hostproc *hp)
{
	struct wire_outcome outcome;
	uint32_t n = wire_get_u32(&in);

	while (n-- > 0 && !in.bad && hp->killed == NULL) {
		wire_get_outcome(&in, &outcome);
		if (!in.bad)
			hp->ops->done(hp->arg, &outcome);
	}
	if (wire_done(&in) == -1)
		hostproc_kill(hp, "answered nonsense");
}

static void
on_sent(struct hostproc *hp)
{
	uint64_t job = wire_get_u64(&in);
	uint64_t written = wire_get_u64(&in);

	if (wire_done(&in) == -1)
		hostproc_kill(hp, "answered nonsense");
	else
		hp->ops->sent(hp->arg, job, written);
}

static void
on_status(struct hostproc *hp)
{
	const char *port = wire_get_str(&in);
	uint32_t status = wire_get_u32(&in);
	uint32_t severity = wire_get_u32(&in);
	const char *text = wire_get_str(&in);

	if (wire_done(&in) == -1 || status > 12 || severity > 3)
		hostproc_kill(hp, "answered nonsense");
	else if (strcasecmp(port, hp->port) == 0)
		hp->ops->status(hp->arg, status, severity, text);
}

static void
on_log(struct hostproc *hp)
{
	uint32_t level = wire_get_u32(&in);
	const char *text = wire_get_str(&in);

	if (wire_done(&in) == -1)
		hostproc_kill(hp, "answered nonsense");
	else
		hp->ops->log(hp->arg, level, text);
}

static void
on_supplies(struct hostproc *hp)
{
	struct hostproc_supply supplies[PP_SUPPLIES_MAX];
	uint32_t n = wire_get_u32(&in), i, level;

	for (i = 0; i < n && n <= PP_SUPPLIES_MAX; i++) {
		supplies[i].name = wire_get_str(&in);
		level = wire_get_u32(&in);
		supplies[i].percent = (int32_t)level - 1;
		in.bad |= level > 101;
	}
	if (wire_done(&in) == -1 || n > PP_SUPPLIES_MAX)
		hostproc_kill(hp, "answered nonsense");
	else
		hp->ops->supplies(hp->arg, supplies, n);
}

/* An open port has no business with the configuration: there is no Xcv here. */
static void
dispatch(struct hostproc *hp, int type)
{
	switch (type) {
	case WIRE_READY:
		on_code(hp, hp->ops->ready);
		break;
	case WIRE_OPENED:
		on_code(hp, hp->ops->opened);
		break;
	case WIRE_DOCS_DONE:
		on_done(hp);
		break;
	case WIRE_SENT:
		on_sent(hp);
		break;
	case WIRE_STATUS:
		on_status(hp);
		break;
	case WIRE_LOG:
		on_log(hp);
		break;
	case WIRE_SUPPLIES:
		on_supplies(hp);
		break;
	case WIRE_CLOSED:
		break;
	default:
		wire_drop_fds(&in);
		hostproc_kill(hp, "answered nonsense");
	}
}

/*
 * Read some messages: how many there were, or -1 at the end of the stream.  An
 * empty packet is an end too, and is there to be seen only once.
 */
static int
listen_to(struct hostproc *hp)
{
	int type, n;

	for (n = 0; n < MESSAGES_PER_TURN && hp->killed == NULL; n++) {
		type = wire_recv(&in, hp->control);
		if (type > 0)
			dispatch(hp, type);
		else if (type == -1 && errno == EBADMSG)
			hostproc_kill(hp, "answered nonsense");
		else
			return type == -1 && errno == EAGAIN ? n : -1;
	}
	return n;
}

/*
 * The socket closes when a process ends, and SIGKILL does not change how; a
 * host that closed it and lives on can be told nothing any more.
 */
static void
hang_up(struct hostproc *hp)
{
	event_del(&hp->on_control);
	hp->hung_up = true;
	(void)kill(hp->pid, SIGKILL);
}

static void
on_control(evutil_socket_t fd, short what, void *arg)
{
	struct hostproc *hp = arg;

	(void)fd;
	(void)what;
	if (listen_to(hp) == -1)
		hang_up(hp);
	hp->ops->settled(hp->arg);
}

static void
stderr_line(struct hostproc *hp)
{
	hp->line[hp->line_len] = '\0';
	if (hp->line_len > 0)
		log_put(LOG_LEVEL_WARNING, "port host says",
		    LOG_TEXT("port", hp->port), LOG_NUM("pid", hp->pid),
		    LOG_TEXT("text", hp->line));
	hp->line_len = 0;
}

/* What a library or a sanitizer prints. */
static bool
read_stderr(struct hostproc *hp)
{
	char bytes[2048];
	ssize_t n = read(hp->stderr_fd, bytes, sizeof(bytes)), i;

	for (i = 0; i < n; i++) {
		if (bytes[i] == '\n' || hp->line_len == STDERR_LINE_LEN - 1)
			stderr_line(hp);
		if (bytes[i] != '\n')
			hp->line[hp->line_len++] = bytes[i];
	}
	return n > 0;
}

static void
on_stderr(evutil_socket_t fd, short what, void *arg)
{
	struct hostproc *hp = arg;

	(void)fd;
	(void)what;
	if (!read_stderr(hp))
		event_del(&hp->on_stderr);
}

/* ---- the end ------------------------------------------------------------ */

static const char *
why_gone(const struct hostproc *hp, const siginfo_t *info, char *buf,
    size_t size)
{
	if (hp->killed != NULL)
		return hp->killed;
	if (hp->hung_up && info->si_code == CLD_KILLED &&
	    info->si_status == SIGKILL)
		return "hung up, or was ended by signal 9 (Killed)";
	if (info->si_code == CLD_EXITED)
		snprintf(buf, size, "exited with status %d", info->si_status);
	else
		snprintf(buf, size, "was ended by signal %d (%s)",
		    info->si_status, strsignal(info->si_status));
	return buf;
}

static void
on_exit_fd(evutil_socket_t fd, short what, void *arg)
{
	struct hostproc *hp = arg;
	siginfo_t info = { 0 };
	char buf[128];
	bool orderly;
	int n;

	(void)fd;
	(void)what;
	for (n = 0; n < TURNS_AT_THE_END && listen_to(hp) > 0; n++)
		continue;
	for (n = 0; n < TURNS_AT_THE_END && read_stderr(hp); n++)
		continue;
	stderr_line(hp);
	(void)waitid(P_PIDFD, (id_t)hp->pidfd, &info, WEXITED);
	hp->reaped = true;
	orderly = hp->killed == NULL && info.si_code == CLD_EXITED &&
	    info.si_status == 0;
	hp->ops->gone(hp->arg, why_gone(hp, &info, buf, sizeof(buf)), orderly);
}

/* ---- life --------------------------------------------------------------- */

static int
watch(struct hostproc *hp, struct event_base *base)
{
	if (fcntl(hp->control, F_SETFL, O_NONBLOCK) == -1 ||
	    fcntl(hp->stderr_fd, F_SETFL, O_NONBLOCK) == -1)
		return -1;
	event_assign(&hp->on_control, base, hp->control, EV_READ | EV_PERSIST,
	    on_control, hp);
	event_assign(&hp->on_stderr, base, hp->stderr_fd, EV_READ | EV_PERSIST,
	    on_stderr, hp);
	event_assign(&hp->on_exit, base, hp->pidfd, EV_READ, on_exit_fd, hp);
	if (event_add(&hp->on_control, NULL) == -1 ||
	    event_add(&hp->on_stderr, NULL) == -1)
		return -1;
	return event_add(&hp->on_exit, NULL);
}

static struct hostproc *
alloc(const char *port, const struct hostproc_ops *ops, void *arg)
{
	struct hostproc *hp = calloc(1, sizeof(*hp));

	if (hp == NULL)
		return NULL;
	hp->ops = ops;
	hp->arg = arg;
	hp->pid = hp->pidfd = hp->control = hp->stderr_fd = -1;
	hp->board = MAP_FAILED;
	hp->docs = calloc(1, sizeof(*hp->docs));
	hp->port = strdup(port);
	if (hp->docs == NULL || hp->port == NULL) {
		hostproc_free(hp);
		return NULL;
	}
	return hp;
}

struct hostproc *
hostproc_start(struct event_base *base, const struct conf *conf,
    const struct conf_port *port, const struct hostproc_ops *ops, void *arg)
{
	struct hostproc *hp = alloc(port->name, ops, arg);
	int board_fd = -1, saved_errno;

	if (hp == NULL)
		return NULL;
	hp->pid = hostproc_spawn(conf->daemon.host_program, &hp->control,
	    &board_fd, &hp->stderr_fd);
	if (hp->pid == -1)
		goto fail;
	hp->board = mmap(NULL, sizeof(*hp->board), PROT_READ, MAP_SHARED,
	    board_fd, 0);
	close(board_fd);
	hp->pidfd = pidfd_open(hp->pid, 0);
	if (hp->board == MAP_FAILED || hp->pidfd == -1 ||
	    watch(hp, base) == -1)
		goto fail;
	hostproc_put_setup(&out, conf, port->monitor, port->language_monitor,
	    1);
	send_or_kill(hp, &out);
	hostproc_put_port(&out, port);
	send_or_kill(hp, &out);
	return hp;

fail:
	saved_errno = errno;
	hostproc_free(hp);
	errno = saved_errno;
	return NULL;
}

/* Killed without being waited for long: SIGKILL takes effect at once. */
static void
reap(struct hostproc *hp)
{
	if (hp->pid == -1 || hp->reaped)
		return;
	(void)kill(hp->pid, SIGKILL);
	(void)waitpid(hp->pid, NULL, 0);
}

static void
release(struct hostproc *hp)
{
	int fds[3] = { hp->control, hp->stderr_fd, hp->pidfd };

	if (event_initialized(&hp->on_exit)) {
		event_del(&hp->on_control);
		event_del(&hp->on_stderr);
		event_del(&hp->on_exit);
	}
	if (hp->board != MAP_FAILED)
		munmap(hp->board, sizeof(*hp->board));
	close_all(fds, 3);
	free(hp->docs);
	free(hp->port);
	free(hp);
}

void
hostproc_free(struct hostproc *hp)
{
	if (hp == NULL)
		return;
	reap(hp);
	release(hp);
}

/* The closed socket tells it. */
void
hostproc_abandon(struct hostproc *hp)
{
	if (hp != NULL)
		release(hp);
}

const struct wire_board *
hostproc_board(const struct hostproc *hp)
{
	return hp->board;
}

pid_t
hostproc_pid(const struct hostproc *hp)
{
	return hp->pid;
}
