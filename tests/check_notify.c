/*
 * check_notify.c - programs that are told of jobs, good ones and others.
 *
 * The programs are shell scripts.  What they leave behind becomes a child of
 * the test, which waits for it: nothing is measured in time.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>

#include "daemon/log.h"
#include "daemon/notify.h"
#include "spool/job.h"
#include "tests/suite.h"

#define COUNT(array)	((int)(sizeof(array) / sizeof((array)[0])))
#define SHORT_MS	300
/* The C library has two more for itself. */
#define ORDINARY_SIGNALS	0x7fffffffu

static struct event_base *base;
static struct notify *notify;
static struct job *job;
static int fds_before;

/* ---- tools ---- */

static const char *
path(const char *name)
{
	static char text[PATH_MAX];

	snprintf(text, sizeof(text), "%s/%s", suite_directory(), name);
	return text;
}

/* An executable file with these contents. */
static const char *
program(const char *contents)
{
	static char name[PATH_MAX];
	FILE *file;

	snprintf(name, sizeof(name), "%s/program", suite_directory());
	file = fopen(name, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(fputs(contents, file), 0);
	ck_assert_int_eq(fchmod(fileno(file), 0700), 0);
	fclose(file);
	return name;
}

static int
count_fds(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	ck_assert_ptr_nonnull(dir);
	while (readdir(dir) != NULL)
		n++;
	closedir(dir);
	return n;
}

/* A file as text; a NUL in it becomes a newline. */
static char *
contents(int fd)
{
	struct stat st;
	char *text;
	off_t i;

	ck_assert_int_eq(fstat(fd, &st), 0);
	text = calloc(1, (size_t)st.st_size + 1);
	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(pread(fd, text, (size_t)st.st_size, 0), st.st_size);
	for (i = 0; i < st.st_size; i++)
		if (text[i] == '\0')
			text[i] = '\n';
	return text;
}

/* How often it stands in the log, which is our standard error. */
static int
logged(const char *part)
{
	char *text = contents(STDERR_FILENO), *at = text;
	int n = 0;

	while ((at = strstr(at, part)) != NULL) {
		at += strlen(part);
		n++;
	}
	free(text);
	return n;
}

/* The hexadecimal number behind a word. */
static unsigned long long
logged_number(const char *word)
{
	char *text = contents(STDERR_FILENO), *at = strstr(text, word);
	unsigned long long number;

	ck_assert_ptr_nonnull(at);
	number = strtoull(at + strlen(word), NULL, 16);
	free(text);
	return number;
}

static void
wait_for(const char *part, int n)
{
	while (logged(part) < n)
		ck_assert_int_eq(event_base_loop(base, EVLOOP_ONCE), 0);
}

static int
count_children(void)
{
	FILE *file = fopen("/proc/thread-self/children", "r");
	int pid, n = 0;

	ck_assert_ptr_nonnull(file);
	while (fscanf(file, "%d", &pid) == 1)
		n++;
	fclose(file);
	return n;
}

/* Those that still run, and what they leave to us when they end. */
static void
end_children(void)
{
	FILE *file;
	int pid;

	do {
		file = fopen("/proc/thread-self/children", "r");
		ck_assert_ptr_nonnull(file);
		while (fscanf(file, "%d", &pid) == 1)
			(void)kill(pid, SIGKILL);
		fclose(file);
	} while (waitpid(-1, NULL, 0) > 0);
}

static void
set_up(void)
{
	static const struct job_about about = { .queue = "lobby",
	    .user = "alice", .host = "10.0.0.5", .title = "Minutes",
	    .created_ms = 1772357400123 };
	int fd = open(path("log"), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC,
	    0600);

	ck_assert_int_ne(dup2(fd, STDERR_FILENO), -1);
	close(fd);
	log_open(LOG_LEVEL_DEBUG, false);
	ck_assert_int_eq(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
	base = event_base_new();
	job = job_new(17, &about);
	ck_assert_ptr_nonnull(job);
	fds_before = count_fds();
	notify = notify_new(base);
	ck_assert_ptr_nonnull(notify);
}

static void
tear_down(void)
{
	notify_free(notify);
	ck_assert_int_eq(count_fds(), fds_before);
	end_children();
	job_free(job);
	event_base_free(base);
}

static void
tell(const char *name)
{
	notify_job(notify, name, "held", job, "tried 3 times");
}

static void
set(char **owned, const char *text)
{
	ck_assert_int_eq(job_set(owned, text), 0);
}

/* ---- what a program gets ---- */

#define SAVE_ENVIRONMENT	"#!/bin/sh\ncat /proc/$$/environ >\"$0.out\"\n"

static char *
environment(void)
{
	int fd;
	char *text;

	tell(program(SAVE_ENVIRONMENT));
	wait_for("notify program is done", 1);
	fd = open(path("program.out"), O_RDONLY);
	ck_assert_int_ne(fd, -1);
	text = contents(fd);
	close(fd);
	return text;
}

START_TEST(the_environment_is_the_job_and_no_more)
{
	char *text;

	ck_assert_int_eq(setenv("SECRET", "of the daemon", 1), 0);
	job->bytes = 5000000000;
	job->attempts = 3;
	job->state = JOB_PENDING_HELD;
	job->reasons = JOB_ABORTED_BY_SYSTEM | JOB_RESTARTABLE;
	set(&job->port, "laser");
	text = environment();
	ck_assert_str_eq(text,
	    "PATH=/usr/bin:/bin\n"
	    "PRINTPORT_EVENT=held\n"
	    "PRINTPORT_JOB=17\n"
	    "PRINTPORT_QUEUE=lobby\n"
	    "PRINTPORT_PORT=laser\n"
	    "PRINTPORT_USER=alice\n"
	    "PRINTPORT_HOST=10.0.0.5\n"
	    "PRINTPORT_TITLE=Minutes\n"
	    "PRINTPORT_STATE=pending-held\n"
	    "PRINTPORT_REASONS=aborted-by-system,job-restartable\n"
	    "PRINTPORT_WHY=tried 3 times\n"
	    "PRINTPORT_BYTES=5000000000\n"
	    "PRINTPORT_ATTEMPTS=3\n"
	    "PRINTPORT_CREATED=2026-03-01T09:30:00Z\n");
	free(text);
}
END_TEST

/* A title, and what stands in its place. */
static const struct {
	const char	*title, *told;
} titles[] = {
	{ "a\nPRINTPORT_JOB=1", "a?PRINTPORT_JOB=1" },
	{ "\x1b[2J\x7f\t", "?[2J??" },
	{ "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x96\xa8",
	  "na\xc3\xafve \xe2\x82\xac \xf0\x9f\x96\xa8" },
	{ "\xc3\x9b\xc4\x80", "\xc3\x9b\xc4\x80" },	/* no controls */
	{ "\xc2\x9b" "2J", "??2J" },
	{ "a\x9b" "2J", "a?2J" },
	{ "\x85", "?" },
	{ "caf\xe9", "caf\xe9" },
	{ "$(id) `id` ; id", "$(id) `id` ; id" },
	{ "\xc2", "\xc2" },
	{ "", "" },
};

START_TEST(values_hold_no_control_characters)
{
	char expected[128], *text;

	set(&job->title, titles[_i].title);
	text = environment();
	snprintf(expected, sizeof(expected), "\nPRINTPORT_TITLE=%s\n"
	    "PRINTPORT_STATE=", titles[_i].told);
	ck_assert_msg(strstr(text, expected) != NULL, "%s", text);
	free(text);
}
END_TEST

START_TEST(a_long_value_is_cut_between_characters)
{
	char title[3000], *text, *value;
	size_t i;

	for (i = 0; i + 3 < sizeof(title); i += 3)
		memcpy(title + i, "\xe2\x82\xac", 4);
	set(&job->title, title);
	text = environment();
	value = strstr(text, "PRINTPORT_TITLE=") + strlen("PRINTPORT_TITLE=");
	ck_assert_uint_eq(strcspn(value, "\n"), 1023);
	ck_assert_int_eq(strncmp(value, title, 1023), 0);
	free(text);
}
END_TEST

START_TEST(nothing_is_open_but_the_standard_ones)
{
	int fd = open("/dev/zero", O_RDONLY);

	ck_assert_int_eq(dup2(fd, 77), 77);
	tell(program("#!/bin/sh\n"
	    "echo \"in $PWD: $(readlink /proc/$$/fd/0)\"\n"
	    "exec ls -m /proc/self/fd\n"));
	wait_for("notify program is done", 1);
	ck_assert_int_eq(logged("text=\"in /: /dev/null\""), 1);
	/* The last is ls's own. */
	ck_assert_int_eq(logged("text=\"0, 1, 2, 3\""), 1);
	close(fd);
	close(77);
}
END_TEST

START_TEST(signals_and_session_are_its_own)
{
	sigset_t set_of_one;

	sigemptyset(&set_of_one);
	sigaddset(&set_of_one, SIGUSR1);
	ck_assert_int_eq(sigprocmask(SIG_BLOCK, &set_of_one, NULL), 0);
	ck_assert(signal(SIGPIPE, SIG_IGN) != SIG_ERR);
	tell(program("#!/bin/sh\n"
	    "read -r pid name state parent group session rest </proc/$$/stat\n"
	    "[ $pid = $group ] && [ $pid = $session ] && echo own session\n"
	    "grep -E 'Sig(Blk|Ign)' /proc/self/status | tr -d '\\t'\n"));
	wait_for("notify program is done", 1);
	ck_assert_int_eq(logged("text=\"own session\""), 1);
	ck_assert_uint_eq(logged_number("SigBlk:"), 0);
	ck_assert_uint_eq(logged_number("SigIgn:") & ORDINARY_SIGNALS, 0);
}
END_TEST

/* ---- what it says ---- */

START_TEST(its_words_are_logged_by_line)
{
	tell(program("#!/bin/sh\necho first\necho\n"
	    "printf '\\033[1mtwo' >&2\n"));
	wait_for("notify program is done", 1);
	ck_assert_int_eq(logged("notify program says"), 2);
	ck_assert_int_eq(logged("job=17 text=first"), 1);
	ck_assert_int_eq(logged("job=17 text=\"\\x1b[1mtwo\""), 1);
}
END_TEST

START_TEST(who_talks_too_much_is_cut_short_but_not_stopped)
{
	tell(program("#!/bin/sh\nseq 1 200000 && echo end >\"$0.out\"\n"));
	wait_for("notify program is done", 1);
	ck_assert_int_eq(logged("notify program says"), 51);
	ck_assert_int_eq(logged("text=50\n"), 1);
	ck_assert_int_eq(logged("text=\"(more, which is left out)\""), 1);
	ck_assert_int_eq(access(path("program.out"), F_OK), 0);
}
END_TEST

START_TEST(a_long_line_is_logged_in_parts)
{
	tell(program("#!/bin/sh\nprintf '%0600d' 0\n"));
	wait_for("notify program is done", 1);
	ck_assert_int_eq(logged("notify program says"), 3);
}
END_TEST

/* ---- how it ends ---- */

static const struct {
	const char	*contents, *reason;
} failing[] = {
	{ "#!/bin/sh\nexit 3\n", "failed program=/%/program job=17 "
	  "reason=\"exited with status 3\"" },
	{ "#!/bin/sh\nkill -TERM $$\n", "failed program=/%/program job=17 "
	  "reason=\"was ended by signal 15 (Terminated)\"" },
	{ "#!/nonexistent/shell\n", "cannot be started program=/%/program "
	  "job=17 reason=\"No such file or directory\"" },
	{ "no program\n", "cannot be started program=/%/program job=17 "
	  "reason=\"Exec format error\"" },
};

/* The directory stands for "/%". */
static void
wait_for_reason(const char *reason)
{
	const char *from = strstr(reason, "/%");
	char text[PATH_MAX + 256];

	snprintf(text, sizeof(text), "notify program %.*s%s%s",
	    (int)(from - reason), reason, suite_directory(), from + 2);
	wait_for(text, 1);
}

START_TEST(a_program_that_fails_is_a_line_in_the_log)
{
	tell(program(failing[_i].contents));
	wait_for_reason(failing[_i].reason);
	ck_assert_int_eq(count_children(), 0);
	tell(program("#!/bin/sh\n"));
	wait_for("notify program is done", 1);
}
END_TEST

START_TEST(a_program_that_is_none_is_a_line_in_the_log)
{
	static const char *const names[] = { "/nonexistent/program", "/", "" };

	tell(names[_i]);
	ck_assert_int_eq(logged("notify program cannot be started"), 1);
	ck_assert_int_eq(count_children(), 0);
	tell(program("#!/bin/sh\n"));
	wait_for("notify program is done", 1);
}
END_TEST

START_TEST(who_hangs_is_killed_with_its_group)
{
	int status;

	notify_set_time(notify, SHORT_MS);
	tell(program("#!/bin/sh\ntrap '' TERM\nsleep 1000 &\nsleep 1000\n"));
	wait_for("reason=\"did not end in 300 ms and was killed\"", 1);
	while (waitpid(-1, &status, 0) > 0)
		ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	ck_assert_int_eq(errno, ECHILD);
	tell(program("#!/bin/sh\n"));
	wait_for("notify program is done", 1);
}
END_TEST

/* Killed while it talks: that it still has a lot to say is no delay. */
START_TEST(who_talks_for_ever_is_killed)
{
	notify_set_time(notify, SHORT_MS);
	tell(program("#!/bin/sh\nexec yes\n"));
	wait_for("and was killed", 1);
	ck_assert_int_eq(logged("notify program says"), 51);
}
END_TEST

START_TEST(what_it_leaves_behind_is_not_waited_for)
{
	tell(program("#!/bin/sh\nsleep 1000 &\n"));
	wait_for("notify program is done", 1);
	ck_assert_int_eq(count_children(), 1);
}
END_TEST

/* ---- the line ---- */

#define HANGING	"#!/bin/sh\necho begun $PRINTPORT_JOB\nread -r x <\"$0.gate\"\n"

/* Each byte lets one of them go. */
static int
make_gate(void)
{
	int fd;

	ck_assert_int_eq(mkfifo(path("program.gate"), 0600), 0);
	fd = open(path("program.gate"), O_RDWR | O_CLOEXEC);
	ck_assert_int_ne(fd, -1);
	return fd;
}

START_TEST(some_run_at_a_time_and_the_others_wait_in_line)
{
	const char *name = program(HANGING);
	int gate = make_gate(), i;
	char begun[64];

	for (i = 1; i <= NOTIFY_RUNNING_MAX + 2; i++) {
		job->id = (uint64_t)i;
		tell(name);
		ck_assert_int_eq(count_children(),
		    i < NOTIFY_RUNNING_MAX ? i : NOTIFY_RUNNING_MAX);
	}
	wait_for("text=\"begun ", NOTIFY_RUNNING_MAX);
	for (i = NOTIFY_RUNNING_MAX + 1; i <= NOTIFY_RUNNING_MAX + 2; i++) {
		ck_assert_int_eq(write(gate, "\n", 1), 1);
		wait_for("text=\"begun ", i);
		ck_assert_int_eq(count_children(), NOTIFY_RUNNING_MAX);
		snprintf(begun, sizeof(begun), "text=\"begun %d\"", i);
		ck_assert_int_eq(logged(begun), 1);
	}
	for (i = 0; i < NOTIFY_RUNNING_MAX; i++)
		ck_assert_int_eq(write(gate, "\n", 1), 1);
	wait_for("notify program is done", NOTIFY_RUNNING_MAX + 2);
	ck_assert_int_eq(count_children(), 0);
	close(gate);
}
END_TEST

START_TEST(the_line_has_an_end)
{
	const char *name = program("#!/bin/sh\nexec sleep 1000\n");
	int i;

	for (i = 0; i < NOTIFY_RUNNING_MAX + NOTIFY_LINE_MAX; i++)
		tell(name);
	ck_assert_int_eq(logged("too many are in line"), 0);
	tell(name);
	ck_assert_int_eq(logged("too many are in line"), 1);
	ck_assert_int_eq(count_children(), NOTIFY_RUNNING_MAX);
}
END_TEST

START_TEST(free_leaves_them_running)
{
	tell(program("#!/bin/sh\nexec sleep 1000\n"));
	notify_free(notify);
	notify = NULL;
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), 0);
	ck_assert_int_eq(count_children(), 1);
}
END_TEST

static TCase *
new_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, set_up, tear_down);
	tcase_set_timeout(tcase, 120);
	suite_add_tcase(suite, tcase);
	return tcase;
}

static Suite *
notify_suite(void)
{
	Suite *suite = suite_create("notify");
	TCase *tcase;

	tcase = new_case(suite, "given");
	tcase_add_test(tcase, the_environment_is_the_job_and_no_more);
	tcase_add_loop_test(tcase, values_hold_no_control_characters, 0,
	    COUNT(titles));
	tcase_add_test(tcase, a_long_value_is_cut_between_characters);
	tcase_add_test(tcase, nothing_is_open_but_the_standard_ones);
	tcase_add_test(tcase, signals_and_session_are_its_own);

	tcase = new_case(suite, "said");
	tcase_add_test(tcase, its_words_are_logged_by_line);
	tcase_add_test(tcase, who_talks_too_much_is_cut_short_but_not_stopped);
	tcase_add_test(tcase, a_long_line_is_logged_in_parts);

	tcase = new_case(suite, "end");
	tcase_add_loop_test(tcase, a_program_that_fails_is_a_line_in_the_log,
	    0, COUNT(failing));
	tcase_add_loop_test(tcase, a_program_that_is_none_is_a_line_in_the_log,
	    0, 3);
	tcase_add_test(tcase, who_hangs_is_killed_with_its_group);
	tcase_add_test(tcase, who_talks_for_ever_is_killed);
	tcase_add_test(tcase, what_it_leaves_behind_is_not_waited_for);

	tcase = new_case(suite, "line");
	tcase_add_test(tcase, some_run_at_a_time_and_the_others_wait_in_line);
	tcase_add_test(tcase, the_line_has_an_end);
	tcase_add_test(tcase, free_leaves_them_running);
	return suite;
}

int
main(void)
{
	return suite_main(notify_suite());
}
