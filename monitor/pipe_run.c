/*
 * pipe_run.c - see pipe_run.h.
 *
 *	start: fork ---> keeper: fork ---> program: session, limits, exec
 *			    |  <--- exec pipe: closed, or why not
 *	hear <-- STARTED or FAILED
 *	finish, ask, kill ->|
 *	hear <-- ENDED -----+ reaps the program, and ends
 *
 * What runs between a fork and an exec calls nothing but the kernel.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "pipe_run.h"
#include "monitor.h"

/* Of the document; as much as the system lets us have. */
#define PIPE_SIZE	(256 * 1024)

/* From SIGXCPU to SIGKILL. */
#define CPU_GRACE_S	5

/* Descriptors of the program: three, or five of a CUPS backend. */
#define BACK_FD		3
#define SIDE_FD		4

/* What the keeper says, and what it is told. */
enum word {
	WORD_STARTED	= 's',		/* value: its pid */
	WORD_FAILED	= 'f',		/* value: errno, step */
	WORD_ENDED	= 'e',		/* value: status */
	WORD_FINISH	= 'i',
	WORD_ASK	= 't',
	WORD_KILL	= 'k',
};

struct message {
	enum word	 word;
	int		 value;
	enum pipe_step	 step;
};

/* The ends of the program, and those that the keeper needs. */
struct ends {
	int	in, out, err, back, side;
	int	document;	/* the keeper's own hold on the document */
	int	ctl;
};

/* ---- the program -------------------------------------------------------- */

struct failure {
	int		error;
	enum pipe_step	step;
};

/* A process that was forked for a program says why it is none, and ends. */
static _Noreturn void
give_up(int report, enum pipe_step step)
{
	struct failure failure = { errno, step };
	ssize_t n = write(report, &failure, sizeof(failure));

	_exit(n == sizeof(failure) ? 127 : 126);
}

/* Who may not lower the hard limit has the soft one all the same. */
static int
limit(__rlimit_resource_t resource, int64_t soft, int64_t hard)
{
	struct rlimit now, new;

	if (getrlimit(resource, &now) == -1)
		return -1;
	new.rlim_max = now.rlim_max == RLIM_INFINITY ||
	    (rlim_t)hard < now.rlim_max ? (rlim_t)hard : now.rlim_max;
	new.rlim_cur = (rlim_t)soft < new.rlim_max ? (rlim_t)soft :
	    new.rlim_max;
	if (setrlimit(resource, &new) == 0)
		return 0;
	new.rlim_max = now.rlim_max;
	return errno == EPERM ? setrlimit(resource, &new) : -1;
}

/* A lower priority is a wish: where it is refused, the log hears of it. */
static void
be_nice(int nice)
{
	static const char refused[] = "WARNING: the system refuses nice; see "
	    "SystemCallFilter in the unit of the daemon\n";
	ssize_t n;

	if (nice == 0 || setpriority(PRIO_PROCESS, 0, nice) == 0)
		return;
	n = write(STDERR_FILENO, refused, sizeof(refused) - 1);
	(void)n;
}

static int
set_limits(const struct pipe_order *order)
{
	if (order->max_memory != 0 &&
	    limit(RLIMIT_AS, order->max_memory, order->max_memory) == -1)
		return -1;
	if (order->max_cpu_s != 0 && limit(RLIMIT_CPU, order->max_cpu_s,
	    order->max_cpu_s + CPU_GRACE_S) == -1)
		return -1;
	if (order->max_files != 0 &&
	    limit(RLIMIT_NOFILE, order->max_files, order->max_files) == -1)
		return -1;
	return 0;
}

static void
forget_signals(void)
{
	struct sigaction action = { .sa_handler = SIG_DFL };
	sigset_t none;
	int number;

	for (number = 1; number < NSIG; number++)
		(void)sigaction(number, &action, NULL);
	sigemptyset(&none);
	(void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* Put the ends in their places, with nothing above them but the report. */
static int
place_ends(const struct ends *ends, const struct pipe_order *order, int report)
{
	const int from[] = { ends->in, ends->out, ends->err, ends->back,
	    ends->side, report };
	int n = order->backend ? SIDE_FD + 1 : STDERR_FILENO + 1, i;
	int moved[] = { -1, -1, -1, -1, -1, -1 };

	/* Away from the places first, so that none is written over. */
	for (i = 0; i < 6; i++) {
		if (from[i] == -1)
			continue;
		moved[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 10);
		if (moved[i] == -1)
			return -1;
	}
	for (i = 0; i < n; i++)
		if (dup2(moved[i], i) == -1)
			return -1;
	if (dup3(moved[5], n, O_CLOEXEC) == -1)
		return -1;
	/* Of ours each is closed by exec; this is for those of libraries. */
	(void)close_range((unsigned int)n + 1, ~0u, 0);
	return n;
}

static _Noreturn void
become_program(const struct ends *ends, const struct pipe_order *order,
    pid_t keeper, int report)
{
	int n;

	(void)setsid();
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != keeper)
		_exit(127);
	forget_signals();
	n = place_ends(ends, order, report);
	if (n == -1)
		give_up(report, PIPE_STEP_FORK);
	report = n;
	if (chdir(order->directory) == -1)
		give_up(report, PIPE_STEP_DIRECTORY);
	be_nice(order->nice);
	if (set_limits(order) == -1)
		give_up(report, PIPE_STEP_LIMITS);
	execve(order->path, order->arguments.words, order->environment.words);
	give_up(report, PIPE_STEP_EXEC);
}

/* ---- the keeper --------------------------------------------------------- */

static void
on_child(int number)
{
	(void)number;
}

static void
say(int ctl, enum word word, int value, enum pipe_step step)
{
	struct message message = { word, value, step };

	(void)send(ctl, &message, sizeof(message), MSG_NOSIGNAL);
}

/* Ctrl-C and the like are the daemon's business; a child's end wakes us. */
static void
keeper_signals(sigset_t *waiting)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	struct sigaction child = { .sa_handler = on_child };
	sigset_t block;

	(void)sigaction(SIGTERM, &ignore, NULL);
	(void)sigaction(SIGINT, &ignore, NULL);
	(void)sigaction(SIGHUP, &ignore, NULL);
	(void)sigaction(SIGCHLD, &child, NULL);
	sigemptyset(waiting);
	sigemptyset(&block);
	sigaddset(&block, SIGCHLD);
	(void)sigprocmask(SIG_SETMASK, &block, NULL);
}

/* Keep ctl as 0, the document as 1 and the report as 2, and nothing else. */
static int
keeper_ends(const struct ends *ends, int report)
{
	int ctl = fcntl(ends->ctl, F_DUPFD_CLOEXEC, 10);
	int document = fcntl(ends->document, F_DUPFD_CLOEXEC, 10);
	int at = fcntl(report, F_DUPFD_CLOEXEC, 10);

	if (ctl == -1 || document == -1 || at == -1 || dup2(ctl, 0) == -1 ||
	    dup2(document, 1) == -1 || dup2(at, 2) == -1)
		return -1;
	if (close_range(3, ~0u, 0) == 0)
		return 0;
	/* A kernel, or a checker, that does not know this. */
	for (at = 3; at < 1024; at++)
		(void)close(at);
	return 0;
}

/*
 * Do what is said; at the end of ctl nobody is there who wants the program.
 * It leads its group since before it was executed.
 */
static bool
obey(pid_t program)
{
	struct message message;
	ssize_t n = recv(0, &message, sizeof(message), MSG_DONTWAIT);

	if (n == -1 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n != sizeof(message)) {
		(void)kill(-program, SIGKILL);
		return false;
	}
	switch (message.word) {
	case WORD_FINISH:
		(void)close(1);
		break;
	case WORD_ASK:
		(void)kill(-program, SIGTERM);
		(void)kill(-program, SIGCONT);
		break;
	case WORD_KILL:
		(void)kill(-program, SIGKILL);
		break;
	default:
		break;
	}
	return true;
}

/* What it leaves in its group ends with it, before its number is free. */
static bool
has_ended(pid_t program, int *status)
{
	siginfo_t info = { .si_pid = 0 };

	if (waitid(P_PID, (id_t)program, &info, WEXITED | WNOHANG | WNOWAIT) ==
	    -1 || info.si_pid == 0)
		return false;
	(void)kill(-program, SIGKILL);
	while (waitpid(program, status, 0) == -1 && errno == EINTR)
		continue;
	return true;
}

static _Noreturn void
keep(pid_t program, const sigset_t *waiting)
{
	struct pollfd fd = { .fd = 0, .events = POLLIN };
	struct failure failure;
	int status = 0;
	ssize_t n;

	do
		n = read(2, &failure, sizeof(failure));
	while (n == -1 && errno == EINTR);
	(void)close(2);
	if (n == sizeof(failure)) {
		while (waitpid(program, &status, 0) == -1 && errno == EINTR)
			continue;
		say(0, WORD_FAILED, failure.error, failure.step);
		_exit(EXIT_FAILURE);
	}
	say(0, WORD_STARTED, program, PIPE_STEP_EXEC);
	while (!has_ended(program, &status)) {
		fd.revents = 0;
		if (ppoll(&fd, 1, NULL, waiting) > 0 && !obey(program))
			fd.fd = -1;
	}
	say(0, WORD_ENDED, status, PIPE_STEP_EXEC);
	_exit(EXIT_SUCCESS);
}

static _Noreturn void
become_keeper(const struct ends *ends, const struct pipe_order *order)
{
	pid_t self = getpid(), program = -1;
	sigset_t waiting;
	int report[2];

	(void)prctl(PR_SET_NAME, "printport-keep", 0, 0, 0);
	keeper_signals(&waiting);
	if (pipe2(report, O_CLOEXEC) == 0)
		program = fork();
	if (program == 0)
		become_program(ends, order, self, report[1]);
	if (program == -1 || keeper_ends(ends, report[0]) == -1) {
		say(ends->ctl, WORD_FAILED, errno, PIPE_STEP_FORK);
		if (program != -1)
			(void)kill(program, SIGKILL);
		_exit(EXIT_FAILURE);
	}
	keep(program, &waiting);
}

/* ---- the port host ------------------------------------------------------ */

void
pipe_run_init(struct pipe_run *run)
{
	*run = (struct pipe_run){ .ctl = -1, .in = -1, .in_read = -1,
	    .out = -1, .err = -1, .back = -1, .side = -1, .watch = -1,
	    .room = -1 };
}

static int
add(int epoll, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events };

	return fd == -1 ? 0 : epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event);
}

static int
make_epolls(struct pipe_run *run)
{
	run->watch = epoll_create1(EPOLL_CLOEXEC);
	run->room = epoll_create1(EPOLL_CLOEXEC);
	if (run->watch == -1 || run->room == -1 ||
	    add(run->watch, run->ctl, EPOLLIN) == -1 ||
	    add(run->watch, run->out, EPOLLIN) == -1 ||
	    add(run->watch, run->err, EPOLLIN) == -1 ||
	    add(run->watch, run->back, EPOLLIN) == -1 ||
	    add(run->room, run->watch, EPOLLIN) == -1 ||
	    add(run->room, run->in, EPOLLOUT) == -1)
		return -1;
	return 0;
}

/* A pipe whose end for us does not block. */
static int
make_pipe(int *read_end, int *write_end, bool we_write)
{
	int fd[2];

	if (pipe2(fd, O_CLOEXEC) == -1)
		return -1;
	*read_end = fd[0];
	*write_end = fd[1];
	return fcntl(we_write ? fd[1] : fd[0], F_SETFL, O_NONBLOCK);
}

static int
make_sockets(int *ours, int *theirs)
{
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd) == -1)
		return -1;
	*ours = fd[0];
	*theirs = fd[1];
	return 0;
}

/*
 * What is not wanted goes to the log, or nowhere.  A backend that finds no
 * socket at its side channel, or one that nobody holds, never rests.
 */
static int
make_ends(struct pipe_run *run, const struct pipe_order *order,
    struct ends *ends)
{
	bool answers = order->back && !order->backend;
	int *out = answers ? &run->back : &run->out;

	if (make_sockets(&run->ctl, &ends->ctl) == -1 ||
	    make_pipe(&run->in_read, &run->in, true) == -1 ||
	    make_pipe(&run->err, &ends->err, false) == -1 ||
	    make_pipe(out, &ends->out, false) == -1)
		return -1;
	(void)fcntl(run->in, F_SETPIPE_SZ, PIPE_SIZE);
	ends->in = run->in_read;
	ends->document = run->in;
	if (!order->backend)
		return 0;
	if (make_sockets(&run->side, &ends->side) == -1)
		return -1;
	if (order->back)
		return make_pipe(&run->back, &ends->back, false);
	ends->back = open("/dev/null", O_RDWR | O_CLOEXEC);
	return ends->back == -1 ? -1 : 0;
}

static void
close_fd(int *fd)
{
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

int
pipe_run_start(struct pipe_run *run, const struct pipe_order *order)
{
	struct ends ends = { -1, -1, -1, -1, -1, -1, -1 };
	int rc = 0;

	pipe_run_init(run);
	if (make_ends(run, order, &ends) == -1 || make_epolls(run) == -1)
		rc = -errno;
	if (rc == 0) {
		run->keeper = fork();
		if (run->keeper == 0)
			become_keeper(&ends, order);
		if (run->keeper == -1) {
			rc = -errno;
			run->keeper = 0;
		}
	}
	close_fd(&ends.ctl);
	close_fd(&ends.out);
	close_fd(&ends.err);
	close_fd(&ends.back);
	close_fd(&ends.side);
	if (rc != 0)
		pipe_run_free(run);
	return rc;
}

/*
 * Somebody has killed the keeper, and so the kernel the program; its children
 * are still there, and must not find the end of their input.
 */
static void
lose(struct pipe_run *run)
{
	run->lost = true;
	if (run->started)
		(void)kill(-run->program, SIGKILL);
}

static void
on_message(struct pipe_run *run, const struct message *message)
{
	switch (message->word) {
	case WORD_STARTED:
		run->started = true;
		run->program = message->value;
		return;
	case WORD_FAILED:
		run->error = message->value;
		run->step = message->step;
		break;
	case WORD_ENDED:
		run->status = message->value;
		break;
	default:
		lose(run);
		break;
	}
	run->ended = true;
}

void
pipe_run_hear(struct pipe_run *run)
{
	struct message message;
	ssize_t n;

	while (!run->ended) {
		n = recv(run->ctl, &message, sizeof(message), MSG_DONTWAIT);
		if (n == -1 && errno == EAGAIN)
			return;
		if (n == -1 && errno == EINTR)
			continue;
		if (n == sizeof(message)) {
			on_message(run, &message);
		} else {
			lose(run);
			run->ended = true;
		}
	}
	if (run->ctl != -1)
		(void)epoll_ctl(run->watch, EPOLL_CTL_DEL, run->ctl, NULL);
}

void
pipe_run_finish(struct pipe_run *run)
{
	if (run->in == -1)
		return;
	(void)epoll_ctl(run->room, EPOLL_CTL_DEL, run->in, NULL);
	close_fd(&run->in);
	say(run->ctl, WORD_FINISH, 0, PIPE_STEP_EXEC);
}

void
pipe_run_ask(struct pipe_run *run)
{
	say(run->ctl, WORD_ASK, 0, PIPE_STEP_EXEC);
}

void
pipe_run_kill(struct pipe_run *run)
{
	say(run->ctl, WORD_KILL, 0, PIPE_STEP_EXEC);
}

void
pipe_run_deaf(struct pipe_run *run, int *fd)
{
	(void)epoll_ctl(run->watch, EPOLL_CTL_DEL, *fd, NULL);
	close_fd(fd);
}

size_t
pipe_run_unread(const struct pipe_run *run)
{
	int n = 0;

	return ioctl(run->in_read, FIONREAD, &n) == -1 || n < 0 ? 0 :
	    (size_t)n;
}

/*
 * The keeper ends by itself when ctl is closed, as soon as the program is
 * dead.  One that the kernel does not let die is left to whoever inherits it.
 */
void
pipe_run_free(struct pipe_run *run)
{
	bool alive = run->keeper != 0 && !run->ended;

	if (alive)
		pipe_run_kill(run);
	close_fd(&run->watch);
	close_fd(&run->room);
	close_fd(&run->ctl);
	close_fd(&run->in);
	close_fd(&run->in_read);
	close_fd(&run->out);
	close_fd(&run->err);
	close_fd(&run->back);
	close_fd(&run->side);
	if (run->keeper != 0)
		while (waitpid(run->keeper, NULL, alive ? WNOHANG : 0) == -1 &&
		    errno == EINTR)
			continue;
	run->keeper = 0;
}
