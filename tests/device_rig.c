/*
 * device_rig.c - see device_rig.h.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/lp.h>
#include <linux/major.h>

#include "tests/device_rig.h"

#define LPIOC_GET_DEVICE_ID(len)	_IOC(_IOC_READ, 'P', 1, len)

struct device_rig rig;
struct device_system fake;

static dev_t device;			/* number of the pty */

/*
 * ---- The system, as the module sees it -------------------------------------
 */

#define REPLACES_LIBC	__attribute__((visibility("default")))

static int
outcome(int error)
{
	errno = error;
	return error == 0 ? 0 : -1;
}

static bool
is_device(int fd)
{
	struct stat st;

	return fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 &&
	    S_ISCHR(st.st_mode) && st.st_rdev == device;
}

static int
say_id(unsigned char *answer)
{
	size_t len = strlen(fake.id) + 2;

	answer[0] = (unsigned char)(len >> 8);
	answer[1] = (unsigned char)len;
	memcpy(answer + 2, fake.id, len - 2);
	return 0;
}

static int
next(const int **list, int *answer)
{
	*answer = **list;
	if (**list != 0)
		(*list)++;
	return 0;
}

REPLACES_LIBC int
ioctl(int fd, unsigned long request, ...)
{
	void *argument;
	va_list ap;

	va_start(ap, request);
	argument = va_arg(ap, void *);
	va_end(ap);
	switch (request) {
	case LPGETSTATUS:
		fake.asked++;
		if (fake.gone || fake.wires == 0)
			return outcome(fake.gone ? ENODEV : ENOTTY);
		*(int *)argument = fake.wires == -1 ? 0 : fake.wires;
		return 0;
	case LPIOC_GET_DEVICE_ID(1024):
		return fake.id == NULL ? outcome(ENOTTY) : say_id(argument);
	case TIOCOUTQ:
		if (fake.queued != NULL)
			return next(&fake.queued, argument);
		break;
	case TIOCSERGETLSR:
		if (fake.sending == NULL)
			break;
		next(&fake.sending, argument);
		*(int *)argument = *(int *)argument == 0 ? TIOCSER_TEMT : 0;
		return 0;
	case TIOCMGET:
		if (fake.modem == 0)
			break;
		*(int *)argument = fake.modem == -1 ? 0 : fake.modem;
		return 0;
	}
	return (int)syscall(SYS_ioctl, fd, request, argument);
}

REPLACES_LIBC ssize_t
write(int fd, const void *bytes, size_t len)
{
	if (is_device(fd)) {
		fake.writes++;
		if (fake.write_errors != 0) {
			fake.write_errors -= fake.write_errors > 0;
			return outcome(fake.write_error);
		}
		if (fake.write_max != 0 && len > fake.write_max)
			len = fake.write_max;
	}
	return syscall(SYS_write, fd, bytes, len);
}

REPLACES_LIBC ssize_t
read(int fd, void *bytes, size_t len)
{
	if (fake.silent && is_device(fd))
		return 0;
	return syscall(SYS_read, fd, bytes, len);
}

REPLACES_LIBC int
open(const char *path, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & O_CREAT) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (fake.open_error != 0 && strcmp(path, rig.node) == 0)
		return outcome(fake.open_error);
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

REPLACES_LIBC int
poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	struct timespec timeout = { timeout_ms / 1000,
		timeout_ms % 1000 * 1000000L };
	int ready = ppoll(fds, n, timeout_ms < 0 ? NULL : &timeout, NULL);

	if (n != 1 || fds[0].fd == -1 || !is_device(fds[0].fd))
		return ready;
	if (fake.full)
		fds[0].revents &= (short)~POLLOUT;
	if (fake.ready)
		fds[0].revents |= fds[0].events & POLLOUT;
	return fds[0].revents != 0;
}

REPLACES_LIBC int
fstat(int fd, struct stat *st)
{
	int rc = fstatat(fd, "", st, AT_EMPTY_PATH);

	if (rc == 0 && fake.parallel && S_ISCHR(st->st_mode))
		st->st_rdev = makedev(LP_MAJOR, 0);
	return rc;
}

REPLACES_LIBC int
isatty(int fd)
{
	struct termios line;

	if (fake.printer || fake.parallel)
		return outcome(ENOTTY) + 1;
	return tcgetattr(fd, &line) == 0;
}

REPLACES_LIBC int
tcsetattr(int fd, int when, const struct termios *line)
{
	int (*real)(int, int, const struct termios *);

	*(void **)&real = dlsym(RTLD_NEXT, "tcsetattr");
	if (fake.takes_all)
		fake.line = *line;
	return real(fd, when, line);
}

REPLACES_LIBC int
tcgetattr(int fd, struct termios *line)
{
	int (*real)(int, struct termios *);

	*(void **)&real = dlsym(RTLD_NEXT, "tcgetattr");
	if (fake.takes_all && fake.line.c_cflag != 0) {
		*line = fake.line;
		return 0;
	}
	return real(fd, line);
}

REPLACES_LIBC int
tcflush(int fd, int queue)
{
	fake.flushed += queue == TCOFLUSH;
	return ioctl(fd, TCFLSH, (void *)(intptr_t)queue);
}

/*
 * ---- Time ------------------------------------------------------------------
 */

static int64_t
clock_ms(struct pp_spooler *cookie)
{
	(void)cookie;
	return rig.now_ms;
}

/* Whether it is ready; the kernel is given some time for that, if need be. */
static bool
is_ready(struct pollfd *fd)
{
	int left_ms = rig.patience_ms;

	while (poll(fd, 1, left_ms > 0 ? 10 : 0) != 1) {
		left_ms -= 10;
		if (left_ms <= 0)
			return false;
		if (rig.on_wait != NULL)
			rig.on_wait();
	}
	return true;
}

/* What is ready costs no time; what is not, all of it. */
static int
wait_fd(struct pp_spooler *cookie, int fd, uint32_t events, int timeout_ms)
{
	const struct fake_host *host = (const struct fake_host *)cookie;
	struct pollfd pollfd = { .fd = fd,
		.events = events & PP_WAIT_WRITE ? POLLOUT : POLLIN };

	rig.waits++;
	if (rig.on_wait != NULL)
		rig.on_wait();
	if (host->canceled)
		return PP_CANCELED;
	if (fd != -1 && is_ready(&pollfd))
		return (int)events;
	ck_assert_msg(timeout_ms >= 0, "a wait without an end");
	rig.now_ms += timeout_ms;
	rig.waited_ms += timeout_ms;
	return PP_TIMEOUT;
}

/*
 * ---- The rig ---------------------------------------------------------------
 */

void
rig_plug(void)
{
	struct stat st;
	int slave;

	ck_assert_int_eq(openpty(&rig.master, &slave, rig.node, NULL, NULL),
	    0);
	ck_assert_int_eq(fcntl(rig.master, F_SETFL, O_NONBLOCK), 0);
	ck_assert_int_eq(fcntl(rig.master, F_SETFD, FD_CLOEXEC), 0);
	ck_assert_int_eq(stat(rig.node, &st), 0);
	device = st.st_rdev;
	close(slave);
}

void
rig_unplug(void)
{
	if (rig.master != -1)
		close(rig.master);
	rig.master = -1;
}

void
rig_setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	memset(&fake, 0, sizeof(fake));
	memset(&rig, 0, sizeof(rig));
	rig.now_ms = 1000000;
	module_open(&rig.module, "device");
	rig.module.host->api.clock_ms = clock_ms;
	rig.module.host->api.wait_fd = wait_fd;
	rig_plug();
	rig_set("state", suite_directory());
}

void
rig_close(void)
{
	ck_assert_int_eq(rig.module.table->close_port(rig.port), PP_OK);
	rig.port = NULL;
}

void
rig_teardown(void)
{
	if (rig.port != NULL)
		rig_close();
	module_close(&rig.module);
	rig_unplug();
}

void
rig_set(const char *key, const char *value)
{
	fake_host_set(rig.module.host, "till", key, value);
}

int
rig_open(void)
{
	return rig.module.table->open_port(rig.module.monitor, "till",
	    &rig.port);
}

void
rig_open_node(void)
{
	rig_set("path", rig.node);
	ck_assert_int_eq(rig_open(), PP_OK);
}

int
rig_try_start(uint64_t job)
{
	static const struct pp_doc_info_1 doc = { "Receipt", NULL, "" };

	rig.module.host->job.id = job;
	rig.module.host->job.flags = 0;
	return rig.module.table->start_doc_port(rig.port, "lobby", job, 1,
	    &doc);
}

void
rig_start(uint64_t job)
{
	ck_assert_int_eq(rig_try_start(job), PP_OK);
}

int
rig_write(const void *bytes, size_t len, size_t *written)
{
	*written = 99;
	return rig.module.table->write_port(rig.port, bytes, len, written);
}

void
rig_put(const char *text)
{
	size_t written;

	ck_assert_int_eq(rig_write(text, strlen(text), &written), PP_OK);
	ck_assert_uint_eq(written, strlen(text));
}

int
rig_end(void)
{
	return rig.module.table->end_doc_port(rig.port);
}

int
rig_end_deleted(void)
{
	rig.module.host->job.flags |= PP_JOB_DELETING;
	return rig_end();
}

void
rig_print(uint64_t job, const char *text)
{
	rig_start(job);
	rig_put(text);
	ck_assert_int_eq(rig_end(), PP_OK);
	ck_assert_uint_eq(fake_host_events(rig.module.host, job, PP_JOB_SENT),
	    1);
}

/* The kernel passes bytes on in its own time. */
const char *
rig_printed(size_t len)
{
	static char bytes[1 << 20];
	struct pollfd fd = { .fd = rig.master, .events = POLLIN };
	size_t have = 0;
	ssize_t n;

	while (have < sizeof(bytes) - 1) {
		(void)ppoll(&fd, 1, &(struct timespec){
		    .tv_sec = have < len ? 60 : 0 }, NULL);
		n = read(rig.master, bytes + have, sizeof(bytes) - 1 - have);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	ck_assert_uint_ge(have, len);
	bytes[have] = '\0';
	return bytes;
}

void
rig_answer(const char *text)
{
	ck_assert_int_eq(syscall(SYS_write, rig.master, text, strlen(text)),
	    (long)strlen(text));
}

const struct fake_status *
rig_status(void)
{
	static const struct fake_status none;
	const struct fake_host *host = rig.module.host;

	return host->n_statuses == 0 ? &none :
	    &host->statuses[host->n_statuses - 1];
}

void
rig_case(Suite *suite, const char *name, const struct rig_test *tests)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, rig_setup, rig_teardown);
	tcase_set_timeout(tcase, 60);
	for (; tests->test != NULL; tests++)
		tcase_add_loop_test(tcase, tests->test, 0, tests->loops);
	suite_add_tcase(suite, tcase);
}
