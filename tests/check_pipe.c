/*
 * check_pipe - the module `pipe`: what a program is given, what becomes of what
 * it says, and that nothing is left of it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/module.h"
#include "tests/suite.h"

static struct module module;
static struct pp_port *port;
static const char *directory;

static const struct pp_doc_info_1 doc = { "Report", NULL, "text/plain" };

/* ---- what the fake host does not do ------------------------------------- */

static struct {
	uint64_t	pages;
	char		supplies[200];
	char		cancel_when[200];	/* this file is there */
	int	      (*wait_fd)(struct pp_spooler *, int, uint32_t, int);
} extra;

static int
job_pages(struct pp_spooler *cookie, uint64_t job, uint64_t pages)
{
	(void)cookie;
	ck_assert_uint_eq(job, module.host->job.id);
	ck_assert_uint_eq(module.host->n_events, 0);
	extra.pages = pages;
	return PP_OK;
}

static int
set_port_supplies(struct pp_spooler *cookie, const char *name,
    const struct pp_supply *supplies, uint32_t count)
{
	char *end = extra.supplies;
	uint32_t i;

	(void)cookie;
	ck_assert_str_eq(name, "printer");
	for (i = 0; i < count; i++)
		end += sprintf(end, "%s=%d;", supplies[i].name,
		    supplies[i].percent);
	return PP_OK;
}

/* Waits as the other does, until the document is canceled. */
static int
wait_fd(struct pp_spooler *cookie, int fd, uint32_t events, int timeout_ms)
{
	int rc;

	if (extra.cancel_when[0] == '\0')
		return extra.wait_fd(cookie, fd, events, timeout_ms);
	do {
		if (access(extra.cancel_when, F_OK) == 0)
			module.host->canceled = true;
		rc = extra.wait_fd(cookie, fd, events, 5);
	} while (rc == PP_TIMEOUT);
	return rc;
}

/* ---- ports, programs, documents ----------------------------------------- */

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	memset(&extra, 0, sizeof(extra));
	module_open(&module, "pipe");
	extra.wait_fd = module.host->api.wait_fd;
	module.host->api.wait_fd = wait_fd;
	module.host->api.job_pages = job_pages;
	module.host->api.set_port_supplies = set_port_supplies;
	directory = suite_directory();
	port = NULL;
	fake_host_set(module.host, "printer", "directory", directory);
}

static void
close_port(void)
{
	if (port != NULL)
		ck_assert_int_eq(module.table->close_port(port), PP_OK);
	port = NULL;
}

static void
teardown(void)
{
	close_port();
	module_close(&module);
	/* Of all that was started nothing is left, not even a zombie. */
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
}

static void
set(const char *key, const char *value)
{
	fake_host_set(module.host, "printer", key, value);
}

/* A file of the test's directory. */
static const char *
path_of(const char *name)
{
	static char path[4][4000];
	static int i;

	i = (i + 1) % 4;
	snprintf(path[i], sizeof(path[i]), "%s/%s", directory, name);
	return path[i];
}

/* The file must not be open for writing in a child when it is executed. */
static void
make_program(const char *name, const char *text)
{
	int fd = open(path_of(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
	    0755);

	ck_assert_int_ne(fd, -1);
	ck_assert_int_eq(dprintf(fd, "#!/bin/sh\n%s\n", text),
	    (int)strlen(text) + 11);
	close(fd);
}

static int
open_port(void)
{
	return module.table->open_port(module.monitor, "printer", &port);
}

static void
open_program(const char *text)
{
	make_program("program", text);
	set("program", path_of("program"));
	ck_assert_int_eq(open_port(), PP_OK);
}

static int
try_start(uint64_t job)
{
	module.host->job.id = job;
	module.host->job.flags = 0;
	return module.table->start_doc_port(port, "lobby", job, 1, &doc);
}

static void
start(uint64_t job)
{
	ck_assert_int_eq(try_start(job), PP_OK);
}

/* Write all of it, however little it takes at a time. */
static int
try_put(const char *bytes, size_t len)
{
	size_t written, at = 0;
	int rc = PP_OK;

	while (at < len && rc == PP_OK) {
		written = 99;
		rc = module.table->write_port(port, bytes + at, len - at,
		    &written);
		ck_assert_uint_le(written, len - at);
		at += written;
	}
	return rc;
}

static void
put(const char *text)
{
	ck_assert_int_eq(try_put(text, strlen(text)), PP_OK);
}

static int
end(void)
{
	return module.table->end_doc_port(port);
}

static int
print(uint64_t job, const char *text)
{
	int rc;

	start(job);
	rc = try_put(text, strlen(text));
	if (rc != PP_OK)
		module.host->job.flags |= PP_JOB_DELETING;
	return rc != PP_OK ? (end(), rc) : end();
}

/* Content of a file of the directory; "(none)" if it is not there. */
static const char *
content(const char *name)
{
	static char text[20000];
	int fd = open(path_of(name), O_RDONLY | O_CLOEXEC);
	ssize_t n;

	if (fd == -1)
		return "(none)";
	n = read(fd, text, sizeof(text) - 1);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void
await_file(const char *name)
{
	while (access(path_of(name), F_OK) == -1)
		poll(NULL, 0, 5);
}

/* A process is no more, or waits to be reaped by a stranger. */
static void
await_death(pid_t pid)
{
	char path[64], state = 'R';
	FILE *stream;

	ck_assert_int_gt(pid, 1);
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	while (state != 'Z') {
		stream = fopen(path, "re");
		if (stream == NULL)
			return;
		if (fscanf(stream, "%*d %*s %c", &state) != 1)
			state = 'Z';
		fclose(stream);
	}
}

static void
await_death_of(const char *pid_file)
{
	await_death((pid_t)atoi(content(pid_file)));
}

static int
count_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

static const struct fake_status *
last_status(void)
{
	ck_assert_uint_gt(module.host->n_statuses, 0);
	return &module.host->statuses[module.host->n_statuses - 1];
}

/* How many lines of the log have this in them, and are of this level. */
static size_t
count_logged(int level, const char *part)
{
	size_t i, n = 0;

	for (i = 0; i < module.host->n_logs && i < FAKE_HOST_RECORDS; i++)
		n += module.host->logs[i].level == level &&
		    strstr(module.host->logs[i].text, part) != NULL;
	return n;
}

/* The last error: what people see as the reason. */
static const char *
reason(void)
{
	size_t i = module.host->n_logs;

	while (i > 0 && module.host->logs[i - 1].level != PP_LOG_ERROR)
		i--;
	ck_assert_uint_gt(i, 0);
	return module.host->logs[i - 1].text;
}

/* ---- documents ---------------------------------------------------------- */

START_TEST(test_a_document_goes_to_standard_input)
{
	open_program("cat >$PRINTPORT_JOB");
	ck_assert_int_eq(print(7, "seven"), PP_OK);
	ck_assert_str_eq(content("7"), "seven");
	ck_assert_uint_eq(fake_host_events(module.host, 7, PP_JOB_SENT), 1);
}
END_TEST

START_TEST(rule_18_documents_follow_one_another_on_one_handle)
{
	open_program("cat >$PRINTPORT_JOB");
	ck_assert_int_eq(print(7, "seven"), PP_OK);
	ck_assert_int_eq(print(8, ""), PP_OK);
	ck_assert_int_eq(print(9, "nine"), PP_OK);
	ck_assert_str_eq(content("8"), "");
	ck_assert_str_eq(content("9"), "nine");
	ck_assert_uint_eq(module.host->n_events, 3);
}
END_TEST

START_TEST(rule_35_a_write_of_any_size_is_taken)
{
	static char bytes[3000000];
	size_t sizes[] = { 1, 4095, 70000, 2000000 }, total = 0, i;
	char wanted[100];

	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + i / 251);
	open_program("cksum >sum");
	start(1);
	for (i = 0; i < 4; i++) {
		ck_assert_int_eq(try_put(bytes + total, sizes[i]), PP_OK);
		total += sizes[i];
	}
	ck_assert_int_eq(end(), PP_OK);
	snprintf(wanted, sizeof(wanted), " %zu\n", total);
	ck_assert_ptr_nonnull(strstr(content("sum"), wanted));
}
END_TEST

START_TEST(test_bytes_of_a_descriptor_are_spliced)
{
	struct pp_moved moved;
	int fd[2];

	open_program("cat >out");
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK |
	    SOCK_CLOEXEC, 0, fd), 0);
	ck_assert_int_eq(send(fd[1], "bytes", 5, 0), 5);
	ck_assert_int_eq(module.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_NO_DOCUMENT);
	start(1);
	ck_assert_int_eq(module.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_OK);
	ck_assert_uint_eq(moved.written, 5);
	ck_assert_int_eq(moved.source, PP_SOURCE_EMPTY);
	close(fd[1]);
	ck_assert_int_eq(module.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_OK);
	ck_assert_int_eq(moved.source, PP_SOURCE_END);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("out"), "bytes");
	close(fd[0]);
}
END_TEST

/* ---- what it is called with --------------------------------------------- */

#define SHOW_ARGUMENTS	"printf '[%s]' \"$@\" >arguments; cat >/dev/null"

static const char *
arguments_of(const char *setting)
{
	set("arguments", setting);
	open_program(SHOW_ARGUMENTS);
	ck_assert_int_eq(print(7, ""), PP_OK);
	close_port();
	return content("arguments");
}

START_TEST(test_words_are_parted_as_a_shell_does)
{
	static const char *const settings[][2] = {
		{ "a  b\tc ", "[a][b][c]" },
		{ "'a  b' \"c d\"e", "[a  b][c de]" },
		{ "'' \"\"", "[][]" },
		{ "a\\ b \\'c \\\"", "[a b]['c][\"]" },
		{ "'\\' \"\\\" \\\\ \\x\"", "[\\][\" \\ \\x]" },
		{ "$HOME `id` * ; | > ~", "[$HOME][`id`][*][;][|][>][~]" },
		{ "a'b c'd", "[ab cd]" },
	};

	ck_assert_str_eq(arguments_of(settings[_i][0]), settings[_i][1]);
}
END_TEST

START_TEST(test_elements_stand_for_the_job)
{
	module.host->job.user = "ann";
	module.host->job.document = "a.ps";
	module.host->job.submitted = 86400 * 365;
	ck_assert_str_eq(arguments_of("%j/%q/%p '%u at %h' %t %n %f %% %d"),
	    "[7/lobby/printer][ann at 127.0.0.1][Report][a.ps][text/plain][%]"
	    "[19710101]");
}
END_TEST

/* Whatever a client calls its job, it is one argument, and no option. */
START_TEST(test_hostile_titles_are_data)
{
	static const char *const titles[][2] = {
		{ "; rm -rf $HOME", "[; rm -rf $HOME][x; rm -rf $HOME]" },
		{ "a\nb\033[2J", "[a_b_[2J][xa_b_[2J]" },
		{ "' \" ` \\", "[' \" ` \\][x' \" ` \\]" },
		{ "--delete", "[_-delete][x--delete]" },
		{ "\xff\xc3\xa4\xc2\x9b", "[_\xc3\xa4__][x_\xc3\xa4__]" },
		{ "%j %t", "[%j %t][x%j %t]" },
	};

	module.host->job.user = titles[_i][0];
	ck_assert_str_eq(arguments_of("%u x%u"), titles[_i][1]);
}
END_TEST

START_TEST(test_a_long_title_is_cut)
{
	static char title[20000];
	const char *argument;

	memset(title, 'x', sizeof(title) - 1);
	module.host->job.user = title;
	argument = arguments_of("%u");
	ck_assert_uint_eq(strlen(argument), 1000 + 2);
}
END_TEST

START_TEST(test_environment_has_the_job_and_nothing_else)
{
	const char *environment;

	ck_assert_int_eq(setenv("SECRET_OF_THE_DAEMON", "1", 1), 0);
	ck_assert_int_eq(setenv("LANG", "C", 1), 0);
	ck_assert_int_eq(unsetenv("TZ"), 0);
	set("environment", "COLOR=red 'NOTE=%t of %u' PATH=/bin:/usr/bin");
	open_program("env | grep -v '^_=\\|^PWD=\\|^SHLVL=' | sort >env");
	module.host->job.user = "ann\nPATH=/tmp";
	module.host->job.document = "a.ps";
	module.host->job.submitted = 1000;
	module.host->job.length = -1;
	start(7);
	ck_assert_int_eq(end(), PP_OK);
	environment = content("env");
	ck_assert_ptr_nonnull(strstr(environment, "HOME="));
	*strstr((char *)(uintptr_t)environment, "HOME=") = '\0';
	ck_assert_str_eq(environment, "COLOR=red\n");
	environment += strlen(environment) + 1;
	environment = strchr(environment, '\n');
	ck_assert_str_eq(environment, "\nLANG=C\nNOTE=Report of ann_PATH=/tmp\n"
	    "PATH=/bin:/usr/bin\nPRINTPORT_DOCUMENT=a.ps\n"
	    "PRINTPORT_FORMAT=text/plain\nPRINTPORT_HOST=127.0.0.1\n"
	    "PRINTPORT_JOB=7\nPRINTPORT_LENGTH=\nPRINTPORT_PORT=printer\n"
	    "PRINTPORT_QUEUE=lobby\nPRINTPORT_RESTARTED=0\n"
	    "PRINTPORT_SUBMITTED=1000\nPRINTPORT_TITLE=Report\n"
	    "PRINTPORT_USER=ann_PATH=/tmp\n");
}
END_TEST

START_TEST(rule_47_a_restarted_job_is_told_from_its_first_run)
{
	open_program("echo $PRINTPORT_RESTARTED $PRINTPORT_LENGTH >said");
	module.host->job.id = 7;
	module.host->job.flags = PP_JOB_RESTARTED;
	module.host->job.length = 12345;
	ck_assert_int_eq(module.table->start_doc_port(port, "lobby", 7, 1,
	    &doc), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("said"), "1 12345\n");
}
END_TEST

START_TEST(test_it_has_three_descriptors_and_limits)
{
	set("max_memory", "100M");
	set("max_cpu_time", "7s");
	set("nice", "3");
	/* The shell has one for its script; ls one for the directory. */
	open_program("pwd -P >where; ls -l /proc/self/fd | grep -c . >fds\n"
	    "ulimit -v >limits; ulimit -t >>limits; nice >>limits\n"
	    "ps -o sid= -p $$ | tr -d ' \\n' >sid; "
	    "echo $$ >pid");
	ck_assert_int_eq(print(1, ""), PP_OK);
	ck_assert_str_eq(content("limits"), "102400\n7\n3\n");
	ck_assert_str_eq(content("fds"), "5\n");
	ck_assert_int_eq(strncmp(content("where"), directory,
	    strlen(directory)), 0);
	/* A session of its own. */
	ck_assert_int_eq(atoi(content("sid")), atoi(content("pid")));
}
END_TEST

START_TEST(test_signals_are_as_at_first)
{
	/* Those of the C library, 32 and 33, are for nobody else to change. */
	static const unsigned long long theirs = 3ull << 31;
	unsigned long long blocked, ignored;

	/* We ignore SIGPIPE, which a program must not inherit. */
	open_program("grep -E '^Sig(Blk|Ign)' /proc/self/status >signals");
	ck_assert_int_eq(print(1, ""), PP_OK);
	ck_assert_int_eq(sscanf(content("signals"), "SigBlk: %llx SigIgn: %llx",
	    &blocked, &ignored), 2);
	ck_assert_uint_eq(blocked & ~theirs, 0);
	ck_assert_uint_eq(ignored & ~theirs, 0);
}
END_TEST

/* ---- how it ends -------------------------------------------------------- */

START_TEST(test_exit_statuses_are_verdicts)
{
	static const struct {
		const char	*status;
		int		 code;
	} cases[] = {
		{ "0", PP_OK }, { "1", -EIO }, { "3", PP_HOLD_JOB },
		{ "70", PP_DROP_JOB }, { "72", PP_DROP_JOB },
		{ "73", -EIO }, { "255", PP_STOP_PORT },
	};

	set("exit_hold", "2, 3");
	set("exit_drop", "70-72");
	set("exit_stop", "255");
	set("arguments", cases[_i].status);
	open_program("cat >/dev/null; echo no such luck >&2; exit $1");
	ck_assert_int_eq(print(7, "x"), cases[_i].code);
	ck_assert_uint_eq(module.host->n_events, cases[_i].code == PP_OK);
	if (cases[_i].code == PP_OK)
		return;
	ck_assert_ptr_nonnull(strstr(reason(), "program ended with exit "
	    "status "));
	ck_assert_ptr_nonnull(strstr(reason(), ": no such luck"));
}
END_TEST

START_TEST(test_killed_by_a_signal_is_failed)
{
	open_program("cat >/dev/null; kill -SEGV $$");
	ck_assert_int_eq(print(7, "x"), -EIO);
	ck_assert_str_eq(reason(), "program was killed by SIGSEGV");
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(test_processor_time_is_limited)
{
	set("max_cpu_time", "1s");
	open_program("cat >/dev/null; while :; do :; done");
	ck_assert_int_eq(print(7, "x"), -EIO);
	ck_assert_ptr_nonnull(strstr(reason(), "max_cpu_time"));
}
END_TEST

/* It is not for us to say that what it has not read was not wanted. */
START_TEST(test_success_before_all_was_read_is_failed)
{
	open_program("head -c 3 >out");
	ck_assert_int_eq(print(7, "0123456789"), -EPIPE);
	ck_assert_ptr_nonnull(strstr(reason(), "partial = ok"));
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(test_success_before_all_was_sent_is_failed)
{
	static char bytes[4000000];

	open_program("head -c 3 >out");
	start(7);
	ck_assert_int_eq(try_put(bytes, sizeof(bytes)), -EPIPE);
	ck_assert_int_eq(end(), -EPIPE);
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(test_partial_is_ok_if_that_is_said)
{
	static char bytes[4000000];
	int fd = open(path_of("document"), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	struct pp_moved moved = { .source = PP_SOURCE_MORE };

	ck_assert_int_eq(write(fd, bytes, sizeof(bytes)), sizeof(bytes));
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	set("partial", "ok");
	open_program("head -c 3 >out");
	ck_assert_int_eq(print(7, "0123456789"), PP_OK);
	start(8);
	ck_assert_int_eq(try_put(bytes, sizeof(bytes)), PP_OK);
	while (moved.source == PP_SOURCE_MORE)
		ck_assert_int_eq(module.table->write_port_from_fd(port, fd,
		    1 << 20, &moved), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(module.host->n_events, 2);
	close(fd);
}
END_TEST

/* A failure comes to light at the next write, and at the end again. */
START_TEST(test_failure_in_the_middle)
{
	static char bytes[4000000];

	set("exit_drop", "9");
	open_program("head -c 3 >out; exit 9");
	start(7);
	ck_assert_int_eq(try_put(bytes, sizeof(bytes)), PP_DROP_JOB);
	ck_assert_int_eq(try_put("x", 1), PP_DROP_JOB);
	ck_assert_int_eq(end(), PP_DROP_JOB);
}
END_TEST

START_TEST(rule_31_after_a_failed_start_the_next_may_succeed)
{
	open_program("cat >out");
	ck_assert_int_eq(unlink(path_of("program")), 0);
	ck_assert_int_eq(try_start(7), -ENOENT);
	ck_assert_ptr_nonnull(strstr(reason(), "could not be executed (No "
	    "such file"));
	ck_assert_int_eq(end(), PP_OK);
	make_program("program", "cat >out");
	ck_assert_int_eq(print(8, "eight"), PP_OK);
	ck_assert_str_eq(content("out"), "eight");
	ck_assert_uint_eq(module.host->n_events, 1);
}
END_TEST

START_TEST(test_directory_that_is_gone)
{
	ck_assert_int_eq(mkdir(path_of("work"), 0755), 0);
	set("directory", path_of("work"));
	open_program("cat >out");
	ck_assert_int_eq(rmdir(path_of("work")), 0);
	ck_assert_int_eq(try_start(7), -ENOENT);
	ck_assert_ptr_nonnull(strstr(reason(), "directory"));
}
END_TEST

/* ---- ends before its time ----------------------------------------------- */

#define HANGS	"echo $$ >pid; mv pid started; sleep 1000"

START_TEST(rule_48_a_deleted_job_is_ended_and_not_claimed)
{
	/* It would take the end of its input for the end of the document. */
	open_program("trap 'echo asked >asked; exit 0' TERM; echo $$ >started\n"
	    "while read line; do :; done; echo whole >whole");
	start(7);
	put("half a line\nand");
	await_file("started");
	module.host->job.flags |= PP_JOB_DELETING;
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("asked"), "asked\n");
	ck_assert_str_eq(content("whole"), "(none)");
	ck_assert_uint_eq(module.host->n_events, 0);
	await_death_of("started");
}
END_TEST

START_TEST(test_one_that_ignores_the_request_is_killed)
{
	set("grace", "10ms");
	open_program("trap '' TERM; echo $$ >started; while :; do sleep 1; "
	    "done");
	start(7);
	await_file("started");
	module.host->job.flags |= PP_JOB_DELETING;
	ck_assert_int_eq(end(), PP_OK);
	await_death_of("started");
}
END_TEST

START_TEST(test_its_children_end_with_it)
{
	set("grace", "10ms");
	open_program("sh -c 'trap \"\" TERM; echo $$ >child; sleep 1000' &\n"
	    "while [ ! -s child ]; do sleep 0.01; done; cat >/dev/null\n"
	    "[ $PRINTPORT_JOB = 7 ] || sleep 1000");
	ck_assert_int_eq(print(7, "x"), PP_OK);
	await_death_of("child");
	ck_assert_int_eq(unlink(path_of("child")), 0);
	start(8);
	await_file("child");
	while (content("child")[0] == '\0')
		continue;
	module.host->job.flags |= PP_JOB_DELETING;
	ck_assert_int_eq(end(), PP_OK);
	await_death_of("child");
}
END_TEST

START_TEST(rule_49_cancel_ends_a_blocked_write)
{
	static char bytes[4000000];

	open_program(HANGS);
	start(7);
	snprintf(extra.cancel_when, sizeof(extra.cancel_when), "%s",
	    path_of("started"));
	ck_assert_int_eq(try_put(bytes, sizeof(bytes)), PP_CANCELED);
	module.host->job.flags |= PP_JOB_DELETING;
	ck_assert_int_eq(end(), PP_OK);
	await_death_of("started");
}
END_TEST

START_TEST(test_cancel_ends_the_wait_for_its_end)
{
	open_program(HANGS);
	start(7);
	put("x");
	snprintf(extra.cancel_when, sizeof(extra.cancel_when), "%s",
	    path_of("started"));
	ck_assert_int_eq(end(), PP_CANCELED);
	await_death_of("started");
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(test_cancel_before_it_was_executed)
{
	open_program(HANGS);
	module.host->canceled = true;
	/* It may have been executed before anybody waits for that. */
	if (try_start(7) == PP_OK) {
		module.host->job.flags |= PP_JOB_DELETING;
		ck_assert_int_eq(end(), PP_OK);
	}
	module.host->canceled = false;
	start(8);
}
END_TEST

START_TEST(rule_28_a_port_that_is_closed_ends_its_program)
{
	open_program(HANGS);
	start(7);
	await_file("started");
	close_port();
	await_death_of("started");
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

/* What is stuck in a write, and what in its end. */
START_TEST(test_time_is_up)
{
	static char bytes[4000000];

	set(_i == 2 ? "finish_timeout" : "timeout", "20ms");
	open_program(HANGS);
	start(7);
	if (_i == 0)
		ck_assert_int_eq(try_put(bytes, sizeof(bytes)), -ETIME);
	ck_assert_int_eq(end(), -ETIME);
	ck_assert_ptr_nonnull(strstr(reason(), _i == 2 ?
	    "took longer than finish_timeout" : "took longer than timeout"));
	ck_assert_uint_eq(module.host->n_events, 0);
}
END_TEST

START_TEST(rule_39_a_write_returns_when_nothing_is_taken)
{
	static char bytes[4000000];
	const struct pp_timeouts timeouts = { .size = sizeof(timeouts),
		.write_ms = 10 };

	open_program(HANGS);
	start(7);
	ck_assert_int_eq(try_put(bytes, sizeof(bytes)), PP_TIMEOUT);
	module.host->job.flags |= PP_JOB_DELETING;
	ck_assert_int_eq(end(), PP_OK);
	/* rule 51: what is set counts from the next document. */
	ck_assert_int_eq(module.table->set_port_timeouts(port, &timeouts),
	    PP_OK);
	start(8);
	ck_assert_int_eq(try_put(bytes, sizeof(bytes)), PP_TIMEOUT);
	ck_assert_int_eq(try_put(bytes, sizeof(bytes)), PP_TIMEOUT);
}
END_TEST

START_TEST(test_a_keeper_that_is_killed)
{
	pid_t keeper;
	siginfo_t info;

	open_program("sleep 1000 &\necho $! >child; echo $$ $PPID >pid\n"
	    "mv pid started; wait");
	start(7);
	await_file("started");
	keeper = (pid_t)atoi(strchr(content("started"), ' ') + 1);
	ck_assert_int_eq(kill(keeper, SIGKILL), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)keeper, &info,
	    WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(end(), -ECHILD);
	await_death_of("started");
	await_death_of("child");
}
END_TEST

/* A program must not take our death for the end of its document. */
START_TEST(test_when_we_die_it_is_killed)
{
	pid_t child;
	int status;

	open_program("exec 3<&0; sh -c 'cat; echo whole >whole' <&3 "
	    ">/dev/null &\n"
	    "echo $! >child; echo $$ >pid; mv pid started; wait");
	child = fork();
	if (child == 0) {
		start(7);
		put("half");
		await_file("started");
		raise(SIGKILL);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(WTERMSIG(status), SIGKILL);
	await_death_of("started");
	await_death_of("child");
	ck_assert_str_eq(content("whole"), "(none)");
}
END_TEST

/* ---- what it says ------------------------------------------------------- */

START_TEST(test_lines_go_to_the_log_at_their_level)
{
	open_program("cat >/dev/null\n"
	    "printf 'ERROR: e1\\nWARNING: w1\\r\\nINFO: i1\\nDEBUG: d1\\n"
	    "NOTICE: n1\\nCRIT: c1\\nplain\\n\\nwithout end' >&2; echo out");
	ck_assert_int_eq(print(7, ""), PP_OK);
	ck_assert_uint_eq(count_logged(PP_LOG_ERROR, "e1"), 1);
	ck_assert_uint_eq(count_logged(PP_LOG_ERROR, "c1"), 1);
	ck_assert_uint_eq(count_logged(PP_LOG_WARNING, "w1"), 1);
	ck_assert_uint_eq(count_logged(PP_LOG_INFO, "i1"), 1);
	ck_assert_uint_eq(count_logged(PP_LOG_INFO, "n1"), 1);
	ck_assert_uint_eq(count_logged(PP_LOG_DEBUG, "d1"), 1);
	ck_assert_uint_eq(count_logged(PP_LOG_INFO, "plain"), 1);
	ck_assert_uint_eq(count_logged(PP_LOG_INFO, "without end"), 1);
	ck_assert_uint_eq(count_logged(PP_LOG_DEBUG, "out"), 1);
	ck_assert_uint_eq(module.host->n_logs, 9);
}
END_TEST

START_TEST(test_an_error_is_the_reason_whatever_follows)
{
	open_program("cat >/dev/null; echo 'ERROR: no ink' >&2\n"
	    "echo 'DEBUG: bye' >&2; echo bye >&2; exit 1");
	ck_assert_int_eq(print(7, ""), -EIO);
	ck_assert_str_eq(reason(), "program ended with exit status 1: no ink");
}
END_TEST

START_TEST(test_long_lines_are_cut)
{
	open_program("cat >/dev/null; head -c 100000 /dev/zero | "
	    "tr '\\0' x >&2; echo >&2; echo next >&2");
	ck_assert_int_eq(print(7, ""), PP_OK);
	ck_assert_uint_eq(module.host->n_logs, 2);
	ck_assert_uint_eq(strlen(module.host->logs[0].text), 1000);
	ck_assert_str_eq(module.host->logs[1].text, "next");
}
END_TEST

START_TEST(test_a_flood_is_counted_and_not_logged)
{
	open_program("yes flood | head -n 300000 >&2; cat >out");
	start(7);
	put("document");
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("out"), "document");
	ck_assert_uint_gt(count_logged(PP_LOG_WARNING, "lines more of the "
	    "program were left out"), 0);
	ck_assert_uint_lt(module.host->n_logs, 10000);
}
END_TEST

START_TEST(test_states_are_the_status_of_the_port)
{
	static const struct {
		const char		*said;
		enum pp_port_status	 status;
		enum pp_severity	 severity;
	} cases[] = {
		{ "+toner-low-report", PP_STATUS_TONER_LOW, PP_SEVERITY_INFO },
		{ "+media-empty-warning", PP_STATUS_PAPER_OUT,
		    PP_SEVERITY_WARNING },
		{ "+media-jam", PP_STATUS_PAPER_JAM, PP_SEVERITY_WARNING },
		{ "+something-new-warning", PP_STATUS_USER_INTERVENTION,
		    PP_SEVERITY_WARNING },
		{ "+toner-low-report,door-open-warning", PP_STATUS_DOOR_OPEN,
		    PP_SEVERITY_WARNING },
		{ "offline-warning\\nSTATE: -offline-warning", PP_STATUS_CLEAR,
		    PP_SEVERITY_NONE },
		{ "+a-report media-low-report\\nSTATE: media-low-report",
		    PP_STATUS_PAPER_PROBLEM, PP_SEVERITY_INFO },
		{ "+offline-report\\nSTATE: none", PP_STATUS_CLEAR,
		    PP_SEVERITY_NONE },
	};
	char text[300];

	snprintf(text, sizeof(text), "printf 'STATE: %s\\n' >&2; cat >out",
	    cases[_i].said);
	open_program(text);
	ck_assert_int_eq(print(7, ""), PP_OK);
	ck_assert_str_eq(last_status()->port, "printer");
	ck_assert_int_eq(last_status()->status, cases[_i].status);
	ck_assert_int_eq(last_status()->severity, cases[_i].severity);
	ck_assert_uint_eq(module.host->n_logs, 0);
}
END_TEST

/* When it is gone nobody takes an error back, which would keep jobs away. */
START_TEST(test_an_error_lasts_as_long_as_the_program)
{
	open_program("cat >out; [ $PRINTPORT_JOB = 8 ] || "
	    "echo 'STATE: +media-empty-error' >&2");
	ck_assert_int_eq(print(7, ""), PP_OK);
	ck_assert_uint_eq(module.host->n_statuses, 2);
	ck_assert_int_eq(module.host->statuses[0].severity,
	    PP_SEVERITY_ERROR);
	ck_assert_str_eq(module.host->statuses[0].text, "media-empty-error");
	ck_assert_int_eq(last_status()->status, PP_STATUS_PAPER_OUT);
	ck_assert_int_eq(last_status()->severity, PP_SEVERITY_WARNING);
	/* rule 73 is not for errors; but it stays as a warning. */
	ck_assert_int_eq(print(8, ""), PP_OK);
	ck_assert_uint_eq(module.host->n_statuses, 2);
	ck_assert_int_eq(print(9, ""), PP_OK);
	ck_assert_uint_eq(module.host->n_statuses, 4);
}
END_TEST

START_TEST(rule_72_a_report_that_failed_is_made_again)
{
	open_program("cat >out; echo 'STATE: +toner-low-report' >&2");
	module.host->status_error = -EIO;
	ck_assert_int_eq(print(7, ""), PP_OK);
	ck_assert_uint_eq(module.host->n_statuses, 1);
	module.host->status_error = 0;
	ck_assert_int_eq(print(8, ""), PP_OK);
	ck_assert_uint_eq(module.host->n_statuses, 2);
	ck_assert_int_eq(print(9, ""), PP_OK);
	ck_assert_uint_eq(module.host->n_statuses, 2);
}
END_TEST

START_TEST(test_pages_are_counted)
{
	static const struct {
		const char	*said;
		uint64_t	 pages;
	} cases[] = {
		{ "PAGE: total 12", 12 },
		{ "PAGE: 1 1\\nPAGE: 2 3", 4 },
		{ "PAGE: 1 1\\nPAGE: total 7", 7 },
		{ "PAGE: nonsense", 1 },
		{ "PAGE: total x", 0 },
	};
	char text[300];

	snprintf(text, sizeof(text), "printf '%s\\n' >&2; cat >out",
	    cases[_i].said);
	open_program(text);
	ck_assert_int_eq(print(7, ""), PP_OK);
	ck_assert_uint_eq(extra.pages, cases[_i].pages);
}
END_TEST

START_TEST(test_supplies_are_told)
{
	open_program("cat >out; cat >&2 <<'END'\n"
	    "ATTR: marker-colors=#000000,none marker-names='\"Black, "
	    "Toner\"','Waste' marker-types=toner\n"
	    "ATTR: marker-levels=45,-3\n"
	    "ATTR: auth-info-required=none\nEND");
	ck_assert_int_eq(print(7, ""), PP_OK);
	ck_assert_str_eq(extra.supplies, "Black, Toner=45;Waste=-1;");
}
END_TEST

/* ---- answers ------------------------------------------------------------ */

START_TEST(test_answers_are_read)
{
	char buf[100];
	size_t len = 99;

	set("read", "yes");
	open_program("read line; echo you said $line; cat >/dev/null; "
	    "echo late");
	ck_assert_int_eq(module.table->read_port(port, buf, sizeof(buf),
	    &len), PP_INVALID_HANDLE);
	start(7);
	ck_assert_int_ne(module.host->watched_fd, -1);
	put("hello\n");
	while (len == 0 || len == 99) {
		struct pollfd fd = { .fd = module.host->watched_fd,
			.events = POLLIN };

		ck_assert_int_eq(poll(&fd, 1, -1), 1);
		ck_assert_int_eq(module.table->read_port(port, buf,
		    sizeof(buf), &len), PP_OK);
	}
	ck_assert_uint_eq(len, 15);
	ck_assert_mem_eq(buf, "you said hello\n", 15);
	ck_assert_int_eq(module.table->read_port(port, buf, sizeof(buf),
	    &len), PP_OK);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_int_eq(module.host->watched_fd, -1);
}
END_TEST

/* One that waits until its answers are read gets its document all the same. */
START_TEST(test_answers_that_nobody_reads_are_dropped)
{
	static char bytes[2000000];

	memset(bytes, 'x', sizeof(bytes));
	set("read", "yes");
	open_program("tee copy");
	start(7);
	ck_assert_int_eq(try_put(bytes, sizeof(bytes)), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
}
END_TEST

START_TEST(test_a_plain_port_cannot_be_read)
{
	char buf[10];
	size_t len = 99;

	open_program("cat");
	start(7);
	ck_assert_int_eq(module.table->read_port(port, buf, sizeof(buf),
	    &len), PP_NOT_SUPPORTED);
	ck_assert_uint_eq(len, 0);
	ck_assert_int_eq(module.host->watched_fd, -1);
}
END_TEST

/* ---- CUPS backends ------------------------------------------------------ */

static void
open_backend(const char *text, const char *uri)
{
	make_program("dnssd", text);
	set("backend_directory", directory);
	set("cups_backend", uri);
	ck_assert_int_eq(open_port(), PP_OK);
}

START_TEST(test_a_backend_is_called_as_cups_does_it)
{
	set("cups_options", "media=A4 sides=one-sided");
	open_backend("printf '[%s]' \"$0\" \"$@\" >arguments\n"
	    "tr '\\0' '\\n' </proc/$$/cmdline | sed -n 2p >zero\n"
	    "echo $DEVICE_URI $PRINTER $CONTENT_TYPE $FINAL_CONTENT_TYPE "
	    ">environment; cat >out; ls -l /proc/$$/fd | grep -o "
	    "' [34] ->.*' | sed 's/\\[.*//' >fds",
	    "dnssd://ann:se@cret@printer/queue?waiteof=no@1");
	module.host->job.user = "ann";
	ck_assert_int_eq(print(7, "bytes"), PP_OK);
	ck_assert_ptr_nonnull(strstr(content("arguments"),
	    "dnssd][7][ann][Report][1][media=A4 sides=one-sided]"));
	ck_assert_str_eq(content("environment"), "dnssd://ann:se@cret@printer/"
	    "queue?waiteof=no@1 lobby text/plain text/plain\n");
	ck_assert_str_eq(content("fds"), " 3 -> /dev/null\n 4 -> socket:\n");
	ck_assert_str_eq(content("out"), "bytes");
}
END_TEST

/* The kernel puts the path of a script for argv[0]; so ask a program. */
START_TEST(test_credentials_are_seen_nowhere)
{
	size_t i;

	set("backend_directory", directory);
	set("cups_backend", "sleep://ann:secret@printer/");
	ck_assert_int_eq(symlink("/bin/sleep", path_of("sleep")), 0);
	ck_assert_int_eq(open_port(), PP_OK);
	/* It complains about its arguments, by its name. */
	module.host->job.user = "ann";
	ck_assert_int_eq(print(7, ""), -EIO);
	ck_assert(fake_host_logged(module.host, "sleep://printer/"));
	for (i = 0; i < module.host->n_logs; i++)
		ck_assert_ptr_null(strstr(module.host->logs[i].text,
		    "secret"));
}
END_TEST

START_TEST(test_exit_statuses_of_backends)
{
	static const int codes[] = { PP_OK, -EIO, PP_HOLD_JOB, PP_HOLD_JOB,
		PP_STOP_PORT, PP_DROP_JOB, -EIO, -EIO, -EIO };
	char text[100];

	snprintf(text, sizeof(text), "cat >out; exit %d", _i);
	open_backend(text, "dnssd://printer/");
	ck_assert_int_eq(print(7, "bytes"), codes[_i]);
}
END_TEST

START_TEST(test_the_back_channel_of_a_backend)
{
	char buf[100];
	size_t len = 0;

	set("read", "yes");
	open_backend("echo ready >&3; echo log; cat >out", "dnssd://printer/");
	start(7);
	while (len == 0)
		ck_assert_int_eq(module.table->read_port(port, buf,
		    sizeof(buf), &len), PP_OK);
	ck_assert_mem_eq(buf, "ready\n", 6);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(count_logged(PP_LOG_DEBUG, "log"), 1);
}
END_TEST

START_TEST(test_content_type_can_be_told)
{
	set("content_type", "application/pdf");
	open_backend("echo $CONTENT_TYPE $FINAL_CONTENT_TYPE >out; cat",
	    "dnssd://printer/");
	ck_assert_int_eq(print(7, "bytes"), PP_OK);
	ck_assert_str_eq(content("out"), "application/pdf application/pdf\n");
}
END_TEST

/* ---- settings ----------------------------------------------------------- */

START_TEST(test_what_is_wrong_is_named)
{
	static const char *const cases[][4] = {
		/* key, value, with a program of this name, said */
		{ "arguments", "x", NULL, "set one of program, cups_backend" },
		{ "cups_backend", "ipp://x", "/bin/cat", "only one of" },
		{ "program", "cat", NULL, "expected a path from the root" },
		{ "program", "/nowhere/at/all", NULL, "No such file" },
		{ "program", "/etc", NULL, "no regular file" },
		{ "program", "/etc/passwd", NULL, "must be executable" },
		{ "arguments", "'a", "/bin/cat", "a quote is not closed" },
		{ "arguments", "a\\", "/bin/cat", "after its last '\\'" },
		{ "arguments", "%z", "/bin/cat", "after '%' comes one of" },
		{ "arguments", "100%", "/bin/cat", "after '%' comes one of" },
		{ "environment", "A=b C", "/bin/cat", "\"C\", expected NAME" },
		{ "environment", "1A=b", "/bin/cat", "expected NAME=value" },
		{ "exit_hold", "1 x", "/bin/cat", "expected numbers" },
		{ "exit_hold", "0", "/bin/cat", "from 1 to 255" },
		{ "exit_drop", "5-256", "/bin/cat", "from 1 to 255" },
		{ "exit_stop", "9-", "/bin/cat", "two ends" },
		{ "directory", "/nowhere/at/all", "/bin/cat", "No such file" },
		{ "directory", "/etc/passwd", "/bin/cat", "no directory" },
		{ "cups_backend", "printer", NULL, "expected a device URI" },
		{ "cups_backend", "../x://y", NULL, "expected a device URI" },
		{ "cups_backend", "nosuch://y", NULL, "No such file" },
	};

	if (cases[_i][2] != NULL)
		set("program", cases[_i][2]);
	set(cases[_i][0], cases[_i][1]);
	ck_assert_int_eq(module.table->check_port(module.monitor, "printer"),
	    PP_INVALID_DATA);
	ck_assert_msg(strstr(reason(), cases[_i][3]) != NULL, "%s", reason());
	ck_assert_int_eq(open_port(), PP_INVALID_PARAMETER);
	ck_assert_ptr_null(port);
}
END_TEST

START_TEST(test_what_is_not_for_a_backend)
{
	static const char *const cases[][2] = {
		{ "arguments", "cups_options" },
		{ "exit_hold", "what a CUPS backend means" },
	};

	make_program("dnssd", "cat");
	set("backend_directory", directory);
	set("cups_backend", "dnssd://x/");
	set(cases[_i][0], "7");
	ck_assert_int_eq(module.table->check_port(module.monitor, "printer"),
	    PP_INVALID_DATA);
	ck_assert_msg(strstr(reason(), cases[_i][1]) != NULL, "%s", reason());
}
END_TEST

START_TEST(test_one_status_has_one_meaning)
{
	set("program", "/bin/cat");
	set("exit_hold", "1-5");
	set("exit_stop", "5");
	ck_assert_int_eq(module.table->check_port(module.monitor, "printer"),
	    PP_INVALID_DATA);
	ck_assert_ptr_nonnull(strstr(reason(), "5 is in another list"));
}
END_TEST

START_TEST(test_a_program_that_everybody_may_change_is_not_run)
{
	make_program("program", "cat");
	ck_assert_int_eq(chmod(path_of("program"), 0757), 0);
	set("program", path_of("program"));
	ck_assert_int_eq(module.table->check_port(module.monitor, "printer"),
	    PP_INVALID_DATA);
	ck_assert_ptr_nonnull(strstr(reason(), "chmod o-w"));
}
END_TEST

START_TEST(test_a_right_port_is_right)
{
	set("program", "/bin/cat");
	set("arguments", "-u %j");
	set("environment", "A= B=%t");
	set("exit_hold", "1-5,9 11");
	ck_assert_int_eq(module.table->check_port(module.monitor, "printer"),
	    PP_OK);
	ck_assert_uint_eq(module.host->n_logs, 0);
}
END_TEST

START_TEST(rule_56_settings_are_checked_before_they_are_stored)
{
	static const char good[] = "new\0program=/bin/cat\0arguments=-u";
	static const char bad[] = "new\0program=/bin/cat\0arguments='";
	struct pp_xcv *xcv;

	ck_assert_int_eq(module.table->xcv_open_port(module.monitor, "",
	    PP_ACCESS_ADMINISTER, &xcv), PP_OK);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, "AddPort", bad,
	    sizeof(bad), NULL, 0, NULL), PP_INVALID_DATA);
	ck_assert_uint_eq(module.host->n_stores, 0);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, "AddPort", good,
	    sizeof(good), NULL, 0, NULL), PP_OK);
	ck_assert_uint_eq(module.host->n_stores, 1);
	ck_assert_int_eq(module.table->xcv_data_port(xcv, "PortIsValid",
	    "new", 4, NULL, 0, NULL), PP_OK);
	ck_assert_int_eq(module.table->xcv_close_port(xcv), PP_OK);
}
END_TEST

/* ---- the contract ------------------------------------------------------- */

START_TEST(rule_17_a_second_open_is_busy)
{
	struct pp_port *second;

	open_program("cat");
	ck_assert_int_eq(module.table->open_port(module.monitor, "printer",
	    &second), PP_BUSY);
	ck_assert_ptr_null(second);
}
END_TEST

START_TEST(rule_19_an_unknown_name_is_not_found)
{
	ck_assert_int_eq(module.table->open_port(module.monitor, "nobody",
	    &port), PP_NOT_FOUND);
}
END_TEST

START_TEST(rule_25_nothing_leaks)
{
	int i, before = 0;

	make_program("program", "cat >/dev/null; echo x >&2; exit $1");
	set("program", path_of("program"));
	for (i = 0; i < 30; i++) {
		if (i == 2)
			before = count_descriptors();
		ck_assert_int_eq(open_port(), PP_OK);
		ck_assert_int_eq(print(1, "x"), PP_OK);
		ck_assert_int_eq(print(2, "x"), PP_OK);
		close_port();
	}
	ck_assert_int_eq(count_descriptors(), before);
}
END_TEST

START_TEST(rule_30_a_nested_start_is_busy)
{
	open_program("cat >out");
	start(1);
	ck_assert_int_eq(module.table->start_doc_port(port, "lobby", 2, 1,
	    &doc), PP_BUSY);
	put("one");
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("out"), "one");
	ck_assert_uint_eq(fake_host_events(module.host, 1, PP_JOB_SENT), 1);
	ck_assert_uint_eq(module.host->n_events, 1);
}
END_TEST

START_TEST(rule_33_an_unknown_level_is_refused)
{
	open_program("cat");
	ck_assert_int_eq(module.table->start_doc_port(port, "lobby", 1, 2,
	    &doc), PP_INVALID_LEVEL);
	ck_assert_int_eq(module.table->start_doc_port(port, "lobby", 1, 1,
	    NULL), PP_INVALID_PARAMETER);
}
END_TEST

START_TEST(rule_42_an_end_without_a_document_is_harmless)
{
	size_t written = 99;

	open_program("cat");
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(module.host->n_events, 0);
	ck_assert_int_eq(module.table->write_port(port, "x", 1, &written),
	    PP_NO_DOCUMENT);
	ck_assert_uint_eq(written, 0);
}
END_TEST

static void
add_cases(Suite *suite)
{
	TCase *contract = tcase_create("contract");
	TCase *settings = tcase_create("settings");

	tcase_add_checked_fixture(contract, setup, teardown);
	tcase_set_timeout(contract, 120);
	tcase_add_test(contract, rule_17_a_second_open_is_busy);
	tcase_add_test(contract,
	    rule_18_documents_follow_one_another_on_one_handle);
	tcase_add_test(contract, rule_19_an_unknown_name_is_not_found);
	tcase_add_test(contract, rule_25_nothing_leaks);
	tcase_add_test(contract,
	    rule_28_a_port_that_is_closed_ends_its_program);
	tcase_add_test(contract, rule_30_a_nested_start_is_busy);
	tcase_add_test(contract,
	    rule_31_after_a_failed_start_the_next_may_succeed);
	tcase_add_test(contract, rule_33_an_unknown_level_is_refused);
	tcase_add_test(contract, rule_35_a_write_of_any_size_is_taken);
	tcase_add_test(contract,
	    rule_39_a_write_returns_when_nothing_is_taken);
	tcase_add_test(contract,
	    rule_42_an_end_without_a_document_is_harmless);
	tcase_add_test(contract,
	    rule_47_a_restarted_job_is_told_from_its_first_run);
	tcase_add_test(contract,
	    rule_48_a_deleted_job_is_ended_and_not_claimed);
	tcase_add_test(contract, rule_49_cancel_ends_a_blocked_write);
	tcase_add_test(contract, rule_72_a_report_that_failed_is_made_again);
	suite_add_tcase(suite, contract);

	tcase_add_checked_fixture(settings, setup, teardown);
	tcase_set_timeout(settings, 120);
	tcase_add_loop_test(settings, test_what_is_wrong_is_named, 0, 21);
	tcase_add_loop_test(settings, test_what_is_not_for_a_backend, 0, 2);
	tcase_add_test(settings, test_one_status_has_one_meaning);
	tcase_add_test(settings,
	    test_a_program_that_everybody_may_change_is_not_run);
	tcase_add_test(settings, test_a_right_port_is_right);
	tcase_add_test(settings,
	    rule_56_settings_are_checked_before_they_are_stored);
	suite_add_tcase(suite, settings);
}

static void
add_programs(Suite *suite)
{
	TCase *called = tcase_create("called"), *ends = tcase_create("ends");

	tcase_add_checked_fixture(called, setup, teardown);
	tcase_set_timeout(called, 120);
	tcase_add_test(called, test_a_document_goes_to_standard_input);
	tcase_add_test(called, test_bytes_of_a_descriptor_are_spliced);
	tcase_add_loop_test(called, test_words_are_parted_as_a_shell_does, 0,
	    7);
	tcase_add_test(called, test_elements_stand_for_the_job);
	tcase_add_loop_test(called, test_hostile_titles_are_data, 0, 6);
	tcase_add_test(called, test_a_long_title_is_cut);
	tcase_add_test(called,
	    test_environment_has_the_job_and_nothing_else);
	tcase_add_test(called, test_it_has_three_descriptors_and_limits);
	tcase_add_test(called, test_signals_are_as_at_first);
	suite_add_tcase(suite, called);

	tcase_add_checked_fixture(ends, setup, teardown);
	tcase_set_timeout(ends, 120);
	tcase_add_loop_test(ends, test_exit_statuses_are_verdicts, 0, 7);
	tcase_add_test(ends, test_killed_by_a_signal_is_failed);
	tcase_add_test(ends, test_processor_time_is_limited);
	tcase_add_test(ends, test_success_before_all_was_read_is_failed);
	tcase_add_test(ends, test_success_before_all_was_sent_is_failed);
	tcase_add_test(ends, test_partial_is_ok_if_that_is_said);
	tcase_add_test(ends, test_failure_in_the_middle);
	tcase_add_test(ends, test_directory_that_is_gone);
	tcase_add_test(ends, test_one_that_ignores_the_request_is_killed);
	tcase_add_test(ends, test_its_children_end_with_it);
	tcase_add_test(ends, test_cancel_ends_the_wait_for_its_end);
	tcase_add_test(ends, test_cancel_before_it_was_executed);
	tcase_add_loop_test(ends, test_time_is_up, 0, 3);
	tcase_add_test(ends, test_a_keeper_that_is_killed);
	tcase_add_test(ends, test_when_we_die_it_is_killed);
	suite_add_tcase(suite, ends);
}

static void
add_words(Suite *suite)
{
	TCase *says = tcase_create("says"), *cups = tcase_create("cups");

	tcase_add_checked_fixture(says, setup, teardown);
	tcase_set_timeout(says, 120);
	tcase_add_test(says, test_lines_go_to_the_log_at_their_level);
	tcase_add_test(says, test_an_error_is_the_reason_whatever_follows);
	tcase_add_test(says, test_long_lines_are_cut);
	tcase_add_test(says, test_a_flood_is_counted_and_not_logged);
	tcase_add_loop_test(says, test_states_are_the_status_of_the_port, 0,
	    8);
	tcase_add_test(says, test_an_error_lasts_as_long_as_the_program);
	tcase_add_loop_test(says, test_pages_are_counted, 0, 5);
	tcase_add_test(says, test_supplies_are_told);
	tcase_add_test(says, test_answers_are_read);
	tcase_add_test(says, test_answers_that_nobody_reads_are_dropped);
	tcase_add_test(says, test_a_plain_port_cannot_be_read);
	suite_add_tcase(suite, says);

	tcase_add_checked_fixture(cups, setup, teardown);
	tcase_set_timeout(cups, 120);
	tcase_add_test(cups, test_a_backend_is_called_as_cups_does_it);
	tcase_add_test(cups, test_credentials_are_seen_nowhere);
	tcase_add_loop_test(cups, test_exit_statuses_of_backends, 0, 9);
	tcase_add_test(cups, test_the_back_channel_of_a_backend);
	tcase_add_test(cups, test_content_type_can_be_told);
	suite_add_tcase(suite, cups);
}

int
main(void)
{
	Suite *suite = suite_create("pipe");

	add_cases(suite);
	add_programs(suite);
	add_words(suite);
	return suite_main(suite);
}
