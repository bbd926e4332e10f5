/*
 * check_file - the module `file`: what a document becomes, and what it leaves
 * when it does not come to a good end.
 */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/module.h"
#include "tests/suite.h"

static struct module file;
static struct pp_port *port;
static char directory[4000];
static char path[4096];

static const struct pp_doc_info_1 doc = { "Report", NULL, "" };

/*
 * ---- The system, as the module sees it -------------------------------------
 *
 * These take the place of the C library's in the module: they note in what
 * order things reach the disk, and fail on command.
 */
static struct {
	char	trace[16];	/* f file synced, d directory, l link, r rename */
	int	no_tmpfile;	/* as on a file system without O_TMPFILE */
	int	no_noreplace;	/* ... without RENAME_NOREPLACE */
	int	file_sync_error, directory_sync_error, name_error;
} fake_system;

#define REPLACES_LIBC	__attribute__((visibility("default")))

static void
note(char letter)
{
	size_t len = strlen(fake_system.trace);

	if (len + 1 < sizeof(fake_system.trace))
		fake_system.trace[len] = letter;
}

static int
outcome(int error)
{
	errno = error;
	return error == 0 ? 0 : -1;
}

REPLACES_LIBC int
fsync(int fd)
{
	struct stat st;
	int is_directory = fstat(fd, &st) == 0 && S_ISDIR(st.st_mode);

	note(is_directory ? 'd' : 'f');
	return outcome(is_directory ? fake_system.directory_sync_error :
	    fake_system.file_sync_error);
}

REPLACES_LIBC int
openat(int dir, const char *name, int flags, ...)
{
	mode_t mode = 0;
	va_list ap;

	if ((flags & (O_CREAT | O_TMPFILE)) != 0) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	if (fake_system.no_tmpfile && (flags & O_TMPFILE) == O_TMPFILE)
		return outcome(EOPNOTSUPP);
	return (int)syscall(SYS_openat, dir, name, flags, mode);
}

REPLACES_LIBC int
linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	note('l');
	if (fake_system.name_error != 0)
		return outcome(fake_system.name_error);
	return (int)syscall(SYS_linkat, from_dir, from, to_dir, to, flags);
}

REPLACES_LIBC int
renameat2(int from_dir, const char *from, int to_dir, const char *to,
    unsigned int flags)
{
	note('r');
	if (fake_system.no_noreplace && flags != 0)
		return outcome(EINVAL);
	if (fake_system.name_error != 0)
		return outcome(fake_system.name_error);
	return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, flags);
}

REPLACES_LIBC int
renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return renameat2(from_dir, from, to_dir, to, 0);
}

/*
 * ---- Ports, documents, files -----------------------------------------------
 */

static void
setup(void)
{
	signal(SIGPIPE, SIG_IGN);
	umask(022);
	module_open(&file, "file");
	snprintf(directory, sizeof(directory), "%s/out", suite_directory());
	snprintf(path, sizeof(path), "%s/file", directory);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	port = NULL;
}

static void
teardown(void)
{
	if (port != NULL)
		ck_assert_int_eq(file.table->close_port(port), PP_OK);
	module_close(&file);
}

static void
set(const char *key, const char *value)
{
	fake_host_set(file.host, "archive", key, value);
}

static int
open_port(void)
{
	return file.table->open_port(file.monitor, "archive", &port);
}

/* A port that writes one file per document, named by job. */
static void
open_directory(void)
{
	set("directory", directory);
	set("name", "%j.ps");
	ck_assert_int_eq(open_port(), PP_OK);
}

static void
open_path(const char *append)
{
	set("path", path);
	set("append", append);
	ck_assert_int_eq(open_port(), PP_OK);
}

static int
try_start(uint64_t job)
{
	file.host->job.id = job;
	file.host->job.flags = 0;
	return file.table->start_doc_port(port, "lobby", job, 1, &doc);
}

static void
start(uint64_t job)
{
	ck_assert_int_eq(try_start(job), PP_OK);
}

static void
put(const char *text)
{
	size_t written = 99;

	ck_assert_int_eq(file.table->write_port(port, text, strlen(text),
	    &written), PP_OK);
	ck_assert_uint_eq(written, strlen(text));
}

static int
end(void)
{
	return file.table->end_doc_port(port);
}

static int
end_deleted(void)
{
	file.host->job.flags |= PP_JOB_DELETING;
	return end();
}

static void
print(uint64_t job, const char *text)
{
	start(job);
	put(text);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(fake_host_events(file.host, job, PP_JOB_SENT), 1);
}

/* Content of a file of the directory; "(none)" if it is not there. */
static const char *
content(const char *name)
{
	static char text[1000];
	char where[5000];
	ssize_t n;
	int fd;

	snprintf(where, sizeof(where), "%s/%s", directory, name);
	fd = open(where, O_RDONLY);
	if (fd == -1)
		return "(none)";
	n = read(fd, text, sizeof(text) - 1);
	ck_assert_int_ge(n, 0);
	text[n] = '\0';
	close(fd);
	return text;
}

static void
put_content(const char *name, const char *text)
{
	char where[5000];
	FILE *stream;

	snprintf(where, sizeof(where), "%s/%s", directory, name);
	stream = fopen(where, "w");
	ck_assert_ptr_nonnull(stream);
	fputs(text, stream);
	fclose(stream);
}

/* How many entries, hidden ones too or only those that a glob finds. */
static int
entries(int hidden)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;
	int count = 0;

	ck_assert_ptr_nonnull(dir);
	while ((entry = readdir(dir)) != NULL)
		if (strcmp(entry->d_name, ".") != 0 &&
		    strcmp(entry->d_name, "..") != 0)
			count += hidden || entry->d_name[0] != '.';
	closedir(dir);
	return count;
}

static const struct fake_status *
last_status(void)
{
	ck_assert_uint_gt(file.host->n_statuses, 0);
	return &file.host->statuses[file.host->n_statuses - 1];
}

/* Loops run with and without O_TMPFILE. */
static void
choose_system(int which)
{
	fake_system.no_tmpfile = which;
}
#define SYSTEMS	2

/*
 * ---- A file per document ---------------------------------------------------
 */

START_TEST(test_each_document_becomes_a_file)
{
	choose_system(_i);
	open_directory();
	print(7, "seven");
	print(8, "");
	ck_assert_str_eq(content("7.ps"), "seven");
	ck_assert_str_eq(content("8.ps"), "");
	ck_assert_int_eq(entries(1), 2);
}
END_TEST

START_TEST(test_name_comes_from_job_and_document)
{
	set("directory", directory);
	set("name", "%j_%q_%p_%u_%h_%t");
	ck_assert_int_eq(open_port(), PP_OK);
	file.host->job.user = "ann";
	file.host->job.host = "::1";
	file.host->job.title = "not this";
	print(7, "x");
	ck_assert_str_eq(content("7_lobby_archive_ann_::1_Report"), "x");
}
END_TEST

START_TEST(test_no_title_leaves_the_directory)
{
	const struct pp_doc_info_1 hostile = { "../../x\n", NULL, "" };

	set("directory", directory);
	set("name", "%t");
	ck_assert_int_eq(open_port(), PP_OK);
	file.host->job.id = 7;
	ck_assert_int_eq(file.table->start_doc_port(port, "lobby", 7, 1,
	    &hostile), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("_._.._x_"), "");
}
END_TEST

START_TEST(test_a_reader_never_sees_half_a_document)
{
	choose_system(_i);
	open_directory();
	start(7);
	put("half");
	ck_assert_int_eq(entries(0), 0);
	put(" whole");
	ck_assert_int_eq(entries(0), 0);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("7.ps"), "half whole");
}
END_TEST

START_TEST(test_an_aborted_document_leaves_nothing)
{
	choose_system(_i);
	open_directory();
	start(7);
	put("half");
	ck_assert_int_eq(end_deleted(), PP_OK);
	ck_assert_int_eq(entries(1), 0);
	ck_assert_uint_eq(file.host->n_events, 0);
	print(8, "next");
}
END_TEST

START_TEST(test_an_aborted_document_can_be_kept)
{
	choose_system(_i);
	set("keep_aborted", "yes");
	open_directory();
	start(7);
	put("half");
	ck_assert_int_eq(end_deleted(), PP_OK);
	ck_assert_str_eq(content("7.ps.aborted"), "half");
	start(7);
	ck_assert_int_eq(end_deleted(), PP_OK);
	ck_assert_str_eq(content("7.ps-2.aborted"), "");
	ck_assert_int_eq(entries(1), 2);
	ck_assert_uint_eq(file.host->n_events, 0);
}
END_TEST

START_TEST(test_no_file_is_ever_overwritten)
{
	choose_system(_i);
	set("name", "out.ps");
	set("directory", directory);
	ck_assert_int_eq(open_port(), PP_OK);
	print(1, "one");
	print(2, "two");
	print(3, "three");
	ck_assert_str_eq(content("out.ps"), "one");
	ck_assert_str_eq(content("out-2.ps"), "two");
	ck_assert_str_eq(content("out-3.ps"), "three");
}
END_TEST

START_TEST(test_mode_is_exact)
{
	struct stat st;

	choose_system(_i);
	set("mode", "0666");
	open_directory();
	print(7, "x");
	snprintf(path, sizeof(path), "%s/7.ps", directory);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0666);
}
END_TEST

START_TEST(test_group_by_name_and_number)
{
	gid_t want = getuid() == 0 ? 1 : getgid();
	struct group *group = getgrgid(want);
	char number[32];
	struct stat st;

	snprintf(number, sizeof(number), "%u", (unsigned int)want);
	set("group", _i == 0 || group == NULL ? number : group->gr_name);
	open_directory();
	print(7, "x");
	snprintf(path, sizeof(path), "%s/7.ps", directory);
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_gid, want);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(test_unknown_group)
{
	set("group", "no such group");
	set("directory", directory);
	ck_assert_int_eq(open_port(), PP_INVALID_PARAMETER);
	ck_assert(fake_host_logged(file.host, "no such group"));
}
END_TEST

START_TEST(test_a_document_is_durable_before_it_is_seen_and_reported)
{
	choose_system(_i);
	open_directory();
	print(7, "x");
	ck_assert_str_eq(fake_system.trace, _i == 0 ? "fld" : "frd");
}
END_TEST

START_TEST(test_without_fsync_nothing_is_synced)
{
	set("fsync", "no");
	open_directory();
	print(7, "x");
	ck_assert_str_eq(fake_system.trace, "l");
	ck_assert_str_eq(content("7.ps"), "x");
}
END_TEST

/* Whichever step fails: an error, no file, no SENT; the next one is fine. */
START_TEST(test_an_end_that_fails_leaves_nothing)
{
	static int *const errors[] = { &fake_system.file_sync_error,
		&fake_system.name_error, &fake_system.directory_sync_error };

	choose_system(_i % SYSTEMS);
	open_directory();
	*errors[_i / SYSTEMS] = EIO;
	start(7);
	put("lost");
	ck_assert_int_eq(end(), -EIO);
	ck_assert_int_eq(entries(1), 0);
	ck_assert_uint_eq(file.host->n_events, 0);
	ck_assert_int_eq(last_status()->severity, PP_SEVERITY_ERROR);
	ck_assert(fake_host_logged(file.host, directory));

	*errors[_i / SYSTEMS] = 0;
	print(8, "next");
	ck_assert_int_eq(last_status()->status, PP_STATUS_CLEAR);
	ck_assert_int_eq(last_status()->severity, PP_SEVERITY_NONE);
}
END_TEST

START_TEST(test_a_file_system_without_noreplace)
{
	choose_system(1);
	fake_system.no_noreplace = 1;
	open_directory();
	put_content("7.ps", "older");
	print(7, "newer");
	ck_assert_str_eq(fake_system.trace, "frlrld");
	ck_assert_str_eq(content("7.ps"), "older");
	ck_assert_str_eq(content("7-2.ps"), "newer");
	ck_assert_int_eq(entries(1), 2);
}
END_TEST

START_TEST(test_a_restarted_job_is_delivered_once)
{
	choose_system(_i);
	open_directory();
	print(7, "whole");
	start(7);
	put("whole");
	file.host->job.flags = PP_JOB_RESTARTED;
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("7.ps"), "whole");
	ck_assert_int_eq(entries(1), 1);
	ck_assert_uint_eq(fake_host_events(file.host, 7, PP_JOB_SENT), 2);
}
END_TEST

START_TEST(test_a_name_without_the_job_cannot_tell_a_restart)
{
	set("directory", directory);
	set("name", "out");
	ck_assert_int_eq(open_port(), PP_OK);
	print(7, "other");
	start(8);
	put("mine");
	file.host->job.flags = PP_JOB_RESTARTED;
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("out-2"), "mine");
}
END_TEST

/* The default name has a time in it, which is that of the job's arrival. */
START_TEST(test_a_restarted_job_has_the_name_of_its_first_run)
{
	setenv("TZ", "UTC", 1);
	set("directory", directory);
	ck_assert_int_eq(open_port(), PP_OK);
	file.host->job.submitted = 1000000000;
	print(7, "whole");
	start(7);
	put("whole");
	file.host->job.flags = PP_JOB_RESTARTED;
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("20010909-014640-7-lobby"), "whole");
	ck_assert_int_eq(entries(1), 1);
}
END_TEST

START_TEST(test_a_hidden_file_left_by_a_crash_is_replaced)
{
	choose_system(1);
	open_directory();
	put_content(".archive-7.tmp", "half of a former run");
	print(7, "x");
	ck_assert_str_eq(content("7.ps"), "x");
	ck_assert_int_eq(entries(1), 1);
}
END_TEST

/*
 * ---- The directory ---------------------------------------------------------
 */

START_TEST(test_a_missing_directory_is_named)
{
	ck_assert_int_eq(rmdir(directory), 0);
	set("directory", directory);
	ck_assert_int_eq(open_port(), PP_NOT_FOUND);
	ck_assert_ptr_null(port);
	ck_assert(fake_host_logged(file.host, directory));
	ck_assert(fake_host_logged(file.host, "does not exist: make it"));
}
END_TEST

START_TEST(test_a_directory_that_is_none)
{
	put_content("file", "x");
	set("directory", path);
	ck_assert_int_eq(open_port(), -ENOTDIR);
	ck_assert(fake_host_logged(file.host, "is not a directory"));
}
END_TEST

START_TEST(test_a_closed_directory_is_named)
{
	/* Root may write everywhere: be nobody, in a place nobody can reach. */
	ck_assert_int_eq(chmod(suite_directory(), 0755), 0);
	ck_assert_int_eq(chmod(directory, 0555), 0);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(65534), 0);
	set("directory", directory);
	ck_assert_int_eq(open_port(), PP_ACCESS_DENIED);
	if (getuid() == 0)
		ck_assert_int_eq(seteuid(0), 0);
	ck_assert(fake_host_logged(file.host, directory));
	ck_assert(fake_host_logged(file.host, "closed to uid"));
}
END_TEST

START_TEST(test_a_directory_made_anew_is_found)
{
	open_directory();
	print(7, "old");
	snprintf(path, sizeof(path), "%s-moved", directory);
	ck_assert_int_eq(rename(directory, path), 0);
	ck_assert_int_eq(try_start(8), PP_NOT_FOUND);
	ck_assert_int_eq(last_status()->severity, PP_SEVERITY_ERROR);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	print(8, "new");
	ck_assert_str_eq(content("8.ps"), "new");
	ck_assert_str_eq(content("7.ps"), "(none)");

	/* Also when it was never found missing. */
	strcat(path, "-too");
	ck_assert_int_eq(rename(directory, path), 0);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	print(9, "newest");
	ck_assert_str_eq(content("9.ps"), "newest");
}
END_TEST

START_TEST(test_trouble_that_is_over_is_taken_back_between_documents)
{
	uint32_t again_ms = 99;

	open_directory();
	ck_assert_int_eq(file.table->service_port(port, &again_ms), PP_OK);
	ck_assert_uint_eq(again_ms, 0);
	ck_assert_int_eq(rmdir(directory), 0);
	ck_assert_int_eq(try_start(7), PP_NOT_FOUND);
	ck_assert_int_eq(file.table->service_port(port, &again_ms), PP_OK);
	ck_assert_uint_gt(again_ms, 0);
	ck_assert_int_eq(last_status()->severity, PP_SEVERITY_ERROR);
	ck_assert_uint_eq(file.host->n_logs, 1);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	ck_assert_int_eq(file.table->service_port(port, &again_ms), PP_OK);
	ck_assert_uint_eq(again_ms, 0);
	ck_assert_int_eq(last_status()->status, PP_STATUS_CLEAR);
}
END_TEST

/* A status that did not get through is said again. */
START_TEST(rule_72_a_report_that_failed_is_repeated)
{
	uint32_t again_ms;
	size_t before;

	open_directory();
	ck_assert_int_eq(rmdir(directory), 0);
	ck_assert_int_eq(try_start(7), PP_NOT_FOUND);
	ck_assert_int_eq(mkdir(directory, 0755), 0);
	file.host->status_error = -EIO;
	ck_assert_int_eq(file.table->service_port(port, &again_ms), PP_OK);
	ck_assert_uint_gt(again_ms, 0);
	before = file.host->n_statuses;
	file.host->status_error = 0;
	ck_assert_int_eq(file.table->service_port(port, &again_ms), PP_OK);
	ck_assert_uint_eq(again_ms, 0);
	ck_assert_uint_eq(file.host->n_statuses, before + 1);
}
END_TEST

START_TEST(test_no_space_left)
{
	struct rlimit limit = { 4, RLIM_INFINITY };
	size_t written = 99;

	choose_system(_i);
	open_directory();
	start(7);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(file.table->write_port(port, "too long", 8,
	    &written), -EFBIG);
	ck_assert_uint_eq(written, 4);
	ck_assert_int_eq(last_status()->status, PP_STATUS_USER_INTERVENTION);
	ck_assert_int_eq(last_status()->severity, PP_SEVERITY_ERROR);
	ck_assert_int_eq(end(), -EFBIG);
	ck_assert_int_eq(entries(1), 0);
	ck_assert_uint_eq(file.host->n_events, 0);

	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	print(8, "long enough");
	ck_assert_int_eq(last_status()->status, PP_STATUS_CLEAR);
}
END_TEST

/*
 * ---- One path --------------------------------------------------------------
 */

START_TEST(test_documents_are_appended)
{
	struct stat st;

	open_path("yes");
	print(7, "seven ");
	ck_assert_int_eq(stat(path, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	print(8, "eight");
	ck_assert_str_eq(content("file"), "seven eight");
}
END_TEST

START_TEST(test_an_aborted_document_is_cut_off)
{
	put_content("file", "before ");
	open_path("yes");
	start(7);
	put("half");
	ck_assert_int_eq(end_deleted(), PP_OK);
	ck_assert_str_eq(content("file"), "before ");
	print(8, "after");
	ck_assert_str_eq(content("file"), "before after");
}
END_TEST

START_TEST(test_a_file_made_for_an_aborted_document_goes)
{
	open_path("yes");
	start(7);
	put("half");
	ck_assert_int_eq(end_deleted(), PP_OK);
	ck_assert_int_eq(entries(1), 0);
}
END_TEST

START_TEST(test_each_document_takes_the_place_of_the_last)
{
	open_path("no");
	print(7, "a long one");
	start(8);
	put("short");
	ck_assert_str_eq(content("file"), "a long one");
	ck_assert_int_eq(entries(0), 1);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("file"), "short");
	ck_assert_int_eq(entries(1), 1);
	ck_assert_str_eq(fake_system.trace, "frdfrd");
}
END_TEST

START_TEST(test_an_aborted_document_replaces_nothing)
{
	put_content("file", "before");
	open_path("no");
	start(7);
	put("half");
	ck_assert_int_eq(end_deleted(), PP_OK);
	ck_assert_str_eq(content("file"), "before");
	ck_assert_int_eq(entries(1), 1);
}
END_TEST

START_TEST(test_a_replacement_that_may_not_last_is_an_error)
{
	set("keep_aborted", "yes");
	open_path("no");
	fake_system.directory_sync_error = EIO;
	start(7);
	put("whole");
	ck_assert_int_eq(end(), -EIO);
	ck_assert_uint_eq(file.host->n_events, 0);
	ck_assert_str_eq(content("file"), "whole");
	ck_assert_int_eq(entries(1), 1);
}
END_TEST

START_TEST(rule_34_nobody_else_writes_meanwhile)
{
	int other;

	put_content("file", "");
	other = open(path, O_WRONLY);
	open_path("yes");
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	ck_assert_int_eq(try_start(7), PP_BUSY);
	ck_assert_int_eq(last_status()->severity, PP_SEVERITY_WARNING);
	ck_assert_int_eq(flock(other, LOCK_UN), 0);
	start(7);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), -1);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_int_eq(flock(other, LOCK_EX | LOCK_NB), 0);
	close(other);
}
END_TEST

START_TEST(test_a_link_to_a_file_is_not_followed)
{
	char link[5000];

	put_content("victim", "precious");
	snprintf(link, sizeof(link), "%s/victim", directory);
	ck_assert_int_eq(symlink(link, path), 0);
	open_path(_i == 0 ? "yes" : "no");
	ck_assert_int_eq(try_start(7), PP_INVALID_PARAMETER);
	ck_assert(fake_host_logged(file.host, "symbolic link"));
	ck_assert_str_eq(content("victim"), "precious");
}
END_TEST

START_TEST(test_a_directory_is_no_path)
{
	ck_assert_int_eq(mkdir(path, 0755), 0);
	set("path", path);
	ck_assert_int_eq(open_port(), -EISDIR);
	ck_assert(fake_host_logged(file.host, "is a directory"));
}
END_TEST

START_TEST(test_a_socket_is_no_path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	set("path", path);
	ck_assert_int_eq(open_port(), PP_INVALID_PARAMETER);
	ck_assert(fake_host_logged(file.host, "is a socket"));
	close(fd);
}
END_TEST

/* It turned into a socket while the port was open. */
START_TEST(test_a_path_is_judged_again_at_each_document)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	open_path("yes");
	ck_assert_uint_lt(strlen(path), sizeof(address.sun_path));
	strcpy(address.sun_path, path);
	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address,
	    sizeof(address)), 0);
	ck_assert_int_eq(try_start(7), PP_INVALID_PARAMETER);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(mkdir(path, 0755), 0);
	ck_assert_int_eq(try_start(7), -EISDIR);
	ck_assert_int_eq(rmdir(path), 0);
	print(7, "x");
	close(fd);
}
END_TEST

START_TEST(test_full_device)
{
	size_t written = 99;

	strcpy(path, "/dev/full");
	open_path("yes");
	start(7);
	ck_assert_int_eq(file.table->write_port(port, "x", 1, &written),
	    -ENOSPC);
	ck_assert_uint_eq(written, 0);
	ck_assert_str_eq(last_status()->text, "no space left in /dev");
	ck_assert_int_eq(file.table->write_port(port, "x", 1, &written),
	    -ENOSPC);
	ck_assert_uint_eq(file.host->n_logs, 1);
	ck_assert_int_eq(end(), -ENOSPC);
	ck_assert_uint_eq(file.host->n_events, 0);
}
END_TEST

/*
 * ---- FIFO ------------------------------------------------------------------
 */

/* path becomes a FIFO; returns its reading end. */
static int
new_fifo(void)
{
	int fd;

	ck_assert_int_eq(mkfifo(path, 0600), 0);
	fd = open(path, O_RDONLY | O_NONBLOCK);
	ck_assert_int_ne(fd, -1);
	return fd;
}

START_TEST(test_documents_go_into_a_fifo)
{
	char text[20] = "", link[5000];
	int reader = new_fifo();

	if (_i == 1) {
		snprintf(link, sizeof(link), "%s/link", directory);
		ck_assert_int_eq(symlink(path, link), 0);
		strcpy(path, link);
	}
	open_path("yes");
	print(7, "seven ");
	print(8, "eight");
	ck_assert_int_eq(read(reader, text, sizeof(text) - 1), 11);
	ck_assert_str_eq(text, "seven eight");
	ck_assert_str_eq(fake_system.trace, "");
	close(reader);
}
END_TEST

START_TEST(test_a_fifo_without_reader_is_offline)
{
	uint32_t again_ms;
	int reader;

	close(new_fifo());
	open_path("yes");
	ck_assert_int_eq(try_start(7), -ENXIO);
	ck_assert_int_eq(last_status()->status, PP_STATUS_OFFLINE);
	ck_assert_int_eq(last_status()->severity, PP_SEVERITY_WARNING);
	ck_assert_int_eq(strncmp(last_status()->text, "no reader on FIFO ",
	    18), 0);
	ck_assert_int_eq(file.table->service_port(port, &again_ms), PP_OK);
	ck_assert_int_eq(last_status()->status, PP_STATUS_OFFLINE);

	reader = open(path, O_RDONLY | O_NONBLOCK);
	start(7);
	ck_assert_int_eq(last_status()->status, PP_STATUS_CLEAR);
	ck_assert_int_eq(end(), PP_OK);
	close(reader);
}
END_TEST

START_TEST(test_a_reader_that_leaves)
{
	size_t written;
	int reader = new_fifo();

	open_path("yes");
	start(7);
	put("some");
	close(reader);
	ck_assert_int_eq(file.table->write_port(port, "more", 4, &written),
	    -EPIPE);
	ck_assert_uint_eq(written, 0);
	ck_assert_int_eq(end(), -EPIPE);
	ck_assert_uint_eq(file.host->n_events, 0);
}
END_TEST

static void
fill_fifo(void)
{
	static const char block[65536];
	size_t written = 1;

	while (written > 0)
		ck_assert_int_ge(file.table->write_port(port, block,
		    sizeof(block), &written), PP_TIMEOUT);
}

START_TEST(rule_39_a_write_that_nobody_reads_returns)
{
	struct pp_timeouts timeouts = { .size = sizeof(timeouts),
		.write_ms = 1 };
	char text[65536];
	size_t written = 99;
	int reader = new_fifo();

	open_path("yes");
	ck_assert_int_eq(file.table->set_port_timeouts(port, &timeouts),
	    PP_OK);
	start(7);
	fill_fifo();
	ck_assert_int_eq(file.table->write_port(port, "x", 1, &written),
	    PP_TIMEOUT);
	ck_assert_uint_eq(written, 0);

	/* It was no failure: the reader comes back, and all goes on. */
	ck_assert_int_gt(read(reader, text, sizeof(text)), 0);
	put("x");
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(fake_host_events(file.host, 7, PP_JOB_SENT), 1);
	close(reader);
}
END_TEST

START_TEST(rule_49_cancel_ends_a_write_at_once)
{
	struct pp_timeouts timeouts = { .size = sizeof(timeouts),
		.write_ms = 1 };
	size_t written = 99;
	int reader = new_fifo();

	open_path("yes");
	ck_assert_int_eq(file.table->set_port_timeouts(port, &timeouts),
	    PP_OK);
	start(7);
	fill_fifo();
	file.host->canceled = true;
	ck_assert_int_eq(file.table->write_port(port, "x", 1, &written),
	    PP_CANCELED);
	ck_assert_uint_eq(written, 0);
	ck_assert_int_eq(end_deleted(), PP_OK);
	ck_assert_uint_eq(file.host->n_events, 0);
	close(reader);
}
END_TEST

/*
 * ---- The contract ----------------------------------------------------------
 */

START_TEST(rule_03_two_instances_share_nothing)
{
	struct pp_monitor *second;
	struct pp_port *other;
	pp_initialize_print_monitor2_fn *init;
	struct fake_host *host = fake_host_new();
	int error;

	open_directory();
	*(void **)&init = dlsym(file.object, "pp_initialize_print_monitor2");
	host->declared = file.table->settings;
	fake_host_set(host, "archive", "path", path);
	ck_assert_ptr_nonnull(init(&host->api, &second, &error));
	ck_assert_int_eq(file.table->open_port(second, "archive", &other),
	    PP_OK);
	print(7, "first");
	ck_assert_uint_eq(host->n_events, 0);
	ck_assert_int_eq(file.table->close_port(other), PP_OK);
	file.table->shutdown(second);
	fake_host_free(host);
	print(8, "still there");
}
END_TEST

START_TEST(rule_17_a_second_open_is_busy)
{
	struct pp_port *second;

	open_directory();
	ck_assert_int_eq(file.table->open_port(file.monitor, "archive",
	    &second), PP_BUSY);
	ck_assert_ptr_null(second);
	print(7, "x");
}
END_TEST

START_TEST(rule_18_documents_follow_one_another_on_one_handle)
{
	uint64_t job;

	open_directory();
	for (job = 1; job <= 50; job++)
		print(job, "x");
	ck_assert_int_eq(entries(1), 50);
}
END_TEST

START_TEST(rule_19_an_unknown_name_is_not_found)
{
	struct pp_port *other;

	open_directory();
	ck_assert_int_eq(file.table->open_port(file.monitor, "nowhere",
	    &other), PP_NOT_FOUND);
	ck_assert_int_eq(file.table->open_port(file.monitor, "Archive",
	    &other), PP_NOT_FOUND);
	ck_assert_int_eq(file.table->open_port(file.monitor, "", &other),
	    PP_NOT_FOUND);
}
END_TEST

static int
lowest_free_descriptor(void)
{
	int fd = dup(0);

	ck_assert_int_ne(fd, -1);
	close(fd);
	return fd;
}

START_TEST(rule_25_a_thousand_cycles_leak_nothing)
{
	int i, before;

	open_directory();
	before = lowest_free_descriptor();
	for (i = 0; i < 1000; i++) {
		ck_assert_int_eq(file.table->close_port(port), PP_OK);
		ck_assert_int_eq(open_port(), PP_OK);
		start(7);
		if (i % 2 == 0)
			ck_assert_int_eq(end_deleted(), PP_OK);
	}
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_int_eq(lowest_free_descriptor(), before);
}
END_TEST

START_TEST(rule_28_close_frees_an_open_document)
{
	choose_system(_i);
	open_directory();
	start(7);
	put("half");
	ck_assert_int_eq(file.table->close_port(port), PP_OK);
	port = NULL;
	ck_assert_int_eq(entries(1), 0);
	ck_assert_uint_eq(file.host->n_events, 0);
}
END_TEST

START_TEST(rule_30_a_nested_start_leaves_the_document_unharmed)
{
	open_directory();
	start(7);
	put("one ");
	ck_assert_int_eq(file.table->start_doc_port(port, "lobby", 8, 1, &doc),
	    PP_BUSY);
	put("whole");
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("7.ps"), "one whole");
	ck_assert_int_eq(entries(1), 1);
}
END_TEST

START_TEST(rule_31_a_failed_start_leaves_no_document)
{
	size_t written;

	close(new_fifo());
	open_path("yes");
	ck_assert_int_eq(try_start(7), -ENXIO);
	ck_assert_int_eq(file.table->write_port(port, "x", 1, &written),
	    PP_NO_DOCUMENT);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(file.host->n_events, 0);
	ck_assert_int_eq(unlink(path), 0);
	print(7, "x");
}
END_TEST

START_TEST(rule_33_level_and_output_file_are_judged)
{
	const struct pp_doc_info_1 to_file = { "Report", "/tmp/out.ps", "" };

	set("directory", directory);
	set("name", "%o");
	ck_assert_int_eq(open_port(), PP_OK);
	ck_assert_int_eq(file.table->start_doc_port(port, "lobby", 7, 2, &doc),
	    PP_INVALID_LEVEL);
	ck_assert_int_eq(file.table->start_doc_port(port, "lobby", 7, 1, NULL),
	    PP_INVALID_PARAMETER);
	ck_assert_int_eq(file.table->start_doc_port(port, "lobby", 7, 1, &doc),
	    PP_INVALID_PARAMETER);
	ck_assert_int_eq(file.table->start_doc_port(port, "lobby", 7, 1,
	    &to_file), PP_OK);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("_tmp_out.ps"), "");
}
END_TEST

START_TEST(rule_35_a_write_of_any_size_is_taken)
{
	static const char bytes[] = "0123456789";
	size_t len, written;

	open_directory();
	start(7);
	for (len = 0; len <= 10; len++) {
		written = 99;
		ck_assert_int_eq(file.table->write_port(port, bytes, len,
		    &written), PP_OK);
		ck_assert_uint_eq(written, len);
	}
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(strlen(content("7.ps")), 55);
}
END_TEST

/* A failed write spoils the document only if nothing follows it. */
START_TEST(rule_38_bytes_arrive_once_also_after_a_failure)
{
	struct rlimit limit = { 4, RLIM_INFINITY };
	size_t written = 0;

	open_directory();
	start(7);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	ck_assert_int_eq(file.table->write_port(port, "all bytes", 9,
	    &written), -EFBIG);
	ck_assert_uint_eq(written, 4);
	limit.rlim_cur = RLIM_INFINITY;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	put("bytes");
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("7.ps"), "all bytes");
}
END_TEST

START_TEST(rule_42_an_end_without_a_document_is_harmless)
{
	open_directory();
	ck_assert_int_eq(end(), PP_OK);
	print(7, "x");
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(file.host->n_events, 1);
}
END_TEST

START_TEST(rule_43_sent_is_reported_at_the_end)
{
	open_directory();
	start(7);
	put("x");
	ck_assert_uint_eq(file.host->n_events, 0);
	file.host->event_error = PP_NOT_FOUND;
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_uint_eq(fake_host_events(file.host, 7, PP_JOB_SENT), 1);
	ck_assert_str_eq(content("7.ps"), "x");
}
END_TEST

/* The time-outs that the module waited with. */
static int waits_ms[2], n_waits;

static int
note_wait(struct pp_spooler *cookie, int fd, uint32_t events, int timeout_ms)
{
	(void)cookie;
	ck_assert_int_ge(fd, 0);
	ck_assert_uint_eq(events, PP_WAIT_WRITE);
	ck_assert_int_lt(n_waits, 2);
	waits_ms[n_waits++] = timeout_ms;
	return PP_TIMEOUT;
}

START_TEST(rule_51_time_outs_apply_from_the_next_document)
{
	struct pp_timeouts timeouts = { .size = 1, .write_ms = 7 };
	size_t written;
	int reader = new_fifo();

	file.host->api.wait_fd = note_wait;
	open_path("yes");
	ck_assert_int_eq(file.table->set_port_timeouts(port, &timeouts),
	    PP_INVALID_PARAMETER);
	timeouts.size = sizeof(timeouts);
	start(7);
	ck_assert_int_eq(file.table->set_port_timeouts(port, &timeouts),
	    PP_OK);
	fill_fifo();
	ck_assert_int_eq(end(), PP_OK);
	start(8);
	ck_assert_int_eq(file.table->write_port(port, "x", 1, &written),
	    PP_TIMEOUT);
	ck_assert_int_eq(end_deleted(), PP_OK);
	ck_assert_int_eq(waits_ms[0], 1000);	/* as configured */
	ck_assert_int_eq(waits_ms[1], 7);
	close(reader);
}
END_TEST

static int
transfer_to_device(struct pp_spooler *cookie, int from, int to, uint64_t max,
    int timeout_ms, struct pp_moved *moved)
{
	(void)cookie;
	ck_assert_int_eq(from, 99);
	ck_assert_int_eq(fcntl(to, F_GETFL) & (O_APPEND | O_NONBLOCK),
	    O_NONBLOCK);
	ck_assert_uint_eq(max, 100);
	ck_assert_int_eq(timeout_ms, 1000);
	moved->written = 42;
	return PP_OK;
}

/* Append mode would bar the kernel's short cuts, and a blocking one cancel. */
START_TEST(test_a_device_is_set_up_for_transfer)
{
	struct pp_moved moved;

	strcpy(path, "/dev/null");
	open_path("yes");
	start(7);
	file.host->api.transfer = transfer_to_device;
	ck_assert_int_eq(file.table->write_port_from_fd(port, 99, 100, &moved),
	    PP_OK);
	ck_assert_uint_eq(moved.written, 42);
	ck_assert_int_eq(end(), PP_OK);
}
END_TEST

START_TEST(test_nothing_can_be_read)
{
	char buf[10];
	size_t len = 99;

	open_directory();
	ck_assert_int_eq(file.table->read_port(port, buf, sizeof(buf), &len),
	    PP_NOT_SUPPORTED);
	ck_assert_uint_eq(len, 0);
}
END_TEST

START_TEST(test_bytes_of_a_descriptor_are_written)
{
	struct pp_moved moved;
	int fd[2];

	open_directory();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0,
	    fd), 0);
	ck_assert_int_eq(send(fd[1], "bytes", 5, 0), 5);
	close(fd[1]);
	ck_assert_int_eq(file.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_NO_DOCUMENT);
	start(7);
	ck_assert_int_eq(file.table->write_port_from_fd(port, fd[0], 100,
	    &moved), PP_OK);
	ck_assert_uint_eq(moved.written, 5);
	ck_assert_int_eq(moved.source, PP_SOURCE_END);
	ck_assert_int_eq(end(), PP_OK);
	ck_assert_str_eq(content("7.ps"), "bytes");
	close(fd[0]);
}
END_TEST

static const char *const bad_settings[][4] = {
	{ NULL },
	{ "directory", "/tmp", "path", "/tmp/x" },
	{ "directory", "/tmp", "name", "%x" },
	{ "directory", "/tmp", "name", "a/%j" },
	{ "path", "/tmp/" },
};
#define BAD_SETTINGS ((int)(sizeof(bad_settings) / sizeof(bad_settings[0])))

START_TEST(test_bad_settings_are_found_at_open)
{
	const char *const *bad = bad_settings[_i];

	fake_host_set(file.host, "archive", NULL, NULL);
	if (bad[0] != NULL)
		set(bad[0], bad[1]);
	if (bad[0] != NULL && bad[2] != NULL)
		set(bad[2], bad[3]);
	ck_assert_int_eq(open_port(), PP_INVALID_PARAMETER);
	ck_assert_ptr_null(port);
	ck_assert_uint_eq(file.host->n_logs, 1);
}
END_TEST

/*
 * ---- The suite -------------------------------------------------------------
 */

struct entry {
	const TTest	*test;
	int		 loops;
};

static void
add_case(Suite *suite, const char *name, const struct entry *tests)
{
	TCase *tcase = tcase_create(name);

	tcase_add_checked_fixture(tcase, setup, teardown);
	for (; tests->test != NULL; tests++)
		tcase_add_loop_test(tcase, tests->test, 0, tests->loops);
	suite_add_tcase(suite, tcase);
}

static Suite *
file_suite(void)
{
	const struct entry document_tests[] = {
		{ test_each_document_becomes_a_file, SYSTEMS },
		{ test_name_comes_from_job_and_document, 1 },
		{ test_no_title_leaves_the_directory, 1 },
		{ test_a_reader_never_sees_half_a_document, SYSTEMS },
		{ test_an_aborted_document_leaves_nothing, SYSTEMS },
		{ test_an_aborted_document_can_be_kept, SYSTEMS },
		{ test_no_file_is_ever_overwritten, SYSTEMS },
		{ test_mode_is_exact, SYSTEMS },
		{ test_group_by_name_and_number, 2 },
		{ test_unknown_group, 1 },
		{ test_a_document_is_durable_before_it_is_seen_and_reported,
		    SYSTEMS },
		{ test_without_fsync_nothing_is_synced, 1 },
		{ test_an_end_that_fails_leaves_nothing, 3 * SYSTEMS },
		{ test_a_file_system_without_noreplace, 1 },
		{ test_a_restarted_job_is_delivered_once, SYSTEMS },
		{ test_a_name_without_the_job_cannot_tell_a_restart, 1 },
		{ test_a_restarted_job_has_the_name_of_its_first_run, 1 },
		{ test_a_hidden_file_left_by_a_crash_is_replaced, 1 },
		{ NULL, 0 }
	};
	const struct entry directory_tests[] = {
		{ test_a_missing_directory_is_named, 1 },
		{ test_a_directory_that_is_none, 1 },
		{ test_a_closed_directory_is_named, 1 },
		{ test_a_directory_made_anew_is_found, 1 },
		{ test_trouble_that_is_over_is_taken_back_between_documents,
		    1 },
		{ rule_72_a_report_that_failed_is_repeated, 1 },
		{ test_no_space_left, SYSTEMS },
		{ NULL, 0 }
	};
	const struct entry path_tests[] = {
		{ test_documents_are_appended, 1 },
		{ test_an_aborted_document_is_cut_off, 1 },
		{ test_a_file_made_for_an_aborted_document_goes, 1 },
		{ test_each_document_takes_the_place_of_the_last, 1 },
		{ test_an_aborted_document_replaces_nothing, 1 },
		{ test_a_replacement_that_may_not_last_is_an_error, 1 },
		{ rule_34_nobody_else_writes_meanwhile, 1 },
		{ test_a_link_to_a_file_is_not_followed, 2 },
		{ test_a_directory_is_no_path, 1 },
		{ test_a_socket_is_no_path, 1 },
		{ test_a_path_is_judged_again_at_each_document, 1 },
		{ test_full_device, 1 },
		{ NULL, 0 }
	};
	const struct entry fifo_tests[] = {
		{ test_documents_go_into_a_fifo, 2 },
		{ test_a_fifo_without_reader_is_offline, 1 },
		{ test_a_reader_that_leaves, 1 },
		{ rule_39_a_write_that_nobody_reads_returns, 1 },
		{ rule_49_cancel_ends_a_write_at_once, 1 },
		{ NULL, 0 }
	};
	const struct entry contract_tests[] = {
		{ rule_03_two_instances_share_nothing, 1 },
		{ rule_17_a_second_open_is_busy, 1 },
		{ rule_18_documents_follow_one_another_on_one_handle, 1 },
		{ rule_19_an_unknown_name_is_not_found, 1 },
		{ rule_25_a_thousand_cycles_leak_nothing, 1 },
		{ rule_28_close_frees_an_open_document, SYSTEMS },
		{ rule_30_a_nested_start_leaves_the_document_unharmed, 1 },
		{ rule_31_a_failed_start_leaves_no_document, 1 },
		{ rule_33_level_and_output_file_are_judged, 1 },
		{ rule_35_a_write_of_any_size_is_taken, 1 },
		{ rule_38_bytes_arrive_once_also_after_a_failure, 1 },
		{ rule_42_an_end_without_a_document_is_harmless, 1 },
		{ rule_43_sent_is_reported_at_the_end, 1 },
		{ rule_51_time_outs_apply_from_the_next_document, 1 },
		{ test_a_device_is_set_up_for_transfer, 1 },
		{ test_nothing_can_be_read, 1 },
		{ test_bytes_of_a_descriptor_are_written, 1 },
		{ test_bad_settings_are_found_at_open, BAD_SETTINGS },
		{ NULL, 0 }
	};
	Suite *suite = suite_create("file");

	add_case(suite, "document", document_tests);
	add_case(suite, "directory", directory_tests);
	add_case(suite, "path", path_tests);
	add_case(suite, "fifo", fifo_tests);
	add_case(suite, "contract", contract_tests);
	return suite;
}

int
main(void)
{
	return suite_main(file_suite());
}
