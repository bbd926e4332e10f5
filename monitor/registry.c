/*
 * registry.c - see registry.h.
 *
 *	store:   .NAME.new  written, fsync -> keep old as .NAME.old
 *	         -> rename over NAME.ini -> fsync of the directory -> drop old
 *	remove:  NAME.ini -> .NAME.old -> fsync of the directory -> drop old
 *
 * A step that fails undoes those before it.  Files with a dot in front are
 * never read, so what a crash leaves behind does no harm.
 */
#include <sys/stat.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "registry.h"
#include "name.h"

/* Longest line that is written: "key = value" and its end. */
#define LINE_LEN	4096
/* Name of a file here: a port's, a dot in front, and the longest ending. */
#define FILE_LEN	(PP_PORT_NAME_LEN + 8)

/* The three names that one port may have in the directory. */
struct entry {
	int	 dir;			/* owned */
	char	 file[FILE_LEN];
	char	 fresh[FILE_LEN];
	char	 old[FILE_LEN];
};

static int
system_fault(struct fault *fault, const char *dir, const char *file,
    const char *what)
{
	int error = errno;

	return fault_set(fault, -error, "%s/%s: cannot %s: %s", dir, file,
	    what, strerror(error));
}

/* ---- what an ini file can hold ------------------------------------------- */

/*
 * A value comes back as it went in only if no byte of it ends the line, starts
 * a comment, or is stripped.
 */
static bool
value_fits(const char *value)
{
	const unsigned char *c;
	size_t len = strlen(value);
	unsigned char before = ' ';

	if (len > 0 && (strchr(" \t", value[0]) != NULL ||
	    strchr(" \t", value[len - 1]) != NULL))
		return false;
	for (c = (const unsigned char *)value; *c != '\0'; before = *c++)
		if ((*c < 0x20 && *c != '\t') || *c == 0x7f ||
		    (*c == ';' && (before == ' ' || before == '\t')))
			return false;
	return true;
}

static bool
key_fits(const char *key)
{
	size_t len = strspn(key, "abcdefghijklmnopqrstuvwxyz0123456789_");

	return len > 0 && key[len] == '\0' && strcmp(key, "monitor") != 0;
}

static int
check_setting(const struct pp_setting *setting, struct fault *fault)
{
	if (!key_fits(setting->key))
		return fault_set(fault, PP_INVALID_DATA,
		    "\"%s\" is no key of a setting", setting->key);
	if (!value_fits(setting->value))
		return fault_set(fault, PP_INVALID_DATA,
		    "%s: its value cannot stand in an ini file: no control "
		    "character, no blank at either end, no \" ;\"",
		    setting->key);
	if (strlen(setting->key) + strlen(setting->value) + 5 > LINE_LEN)
		return fault_set(fault, PP_INVALID_DATA,
		    "%s: its value is too long for an ini file",
		    setting->key);
	return 0;
}

static int
check_port(const char *port, struct fault *fault)
{
	if (!name_port_valid(port) || !value_fits(port) ||
	    strchr(port, ']') != NULL)
		return fault_set(fault, PP_INVALID_NAME,
		    "\"%s\" cannot be the name of a port in an ini file",
		    port);
	return 0;
}

static int
check_all(const char *port, const char *monitor,
    const struct pp_setting *settings, size_t count, struct fault *fault)
{
	size_t i;
	int code = check_port(port, fault);

	if (code == 0 && !name_module_valid(monitor))
		code = fault_set(fault, PP_INVALID_NAME,
		    "\"%s\" is no name of a monitor", monitor);
	for (i = 0; i < count && code == 0; i++)
		code = check_setting(&settings[i], fault);
	return code;
}

/* ---- the directory ------------------------------------------------------- */

/* The file of a port in whatever case it was written; false: none. */
static bool
find_file(DIR *list, const char *wanted, char found[FILE_LEN])
{
	const struct dirent *entry;

	rewinddir(list);
	while ((entry = readdir(list)) != NULL) {
		if (strcasecmp(entry->d_name, wanted) != 0)
			continue;
		snprintf(found, FILE_LEN, "%.*s", FILE_LEN - 1,
		    entry->d_name);
		return true;
	}
	return false;
}

static void
set_names(struct entry *entry, const char *file)
{
	int len = (int)(strlen(file) - strlen(".ini"));

	snprintf(entry->file, sizeof(entry->file), "%s", file);
	snprintf(entry->fresh, sizeof(entry->fresh), ".%.*s.new", len, file);
	snprintf(entry->old, sizeof(entry->old), ".%.*s.old", len, file);
}

/*
 * Open the directory and name the port's files; *there tells whether the port
 * has one.
 */
static int
entry_open(struct entry *entry, const char *dir, const char *port, bool *there,
    struct fault *fault)
{
	char wanted[FILE_LEN], found[FILE_LEN];
	DIR *list = opendir(dir);

	if (list == NULL)
		return fault_set(fault, -errno, "%s: %s", dir,
		    strerror(errno));
	snprintf(wanted, sizeof(wanted), "%s.ini", port);
	*there = find_file(list, wanted, found);
	set_names(entry, *there ? found : wanted);
	entry->dir = fcntl(dirfd(list), F_DUPFD_CLOEXEC, 0);
	closedir(list);
	if (entry->dir == -1)
		return fault_set(fault, -errno, "%s: %s", dir,
		    strerror(errno));
	return 0;
}

/* ---- storing ------------------------------------------------------------- */

static int
print_file(int fd, const char *port, const char *monitor,
    const struct pp_setting *settings, size_t count)
{
	size_t i;

	if (dprintf(fd, "[port %s]\nmonitor = %s\n", port, monitor) < 0)
		return -1;
	for (i = 0; i < count; i++)
		if (dprintf(fd, "%s = %s\n", settings[i].key,
		    settings[i].value) < 0)
			return -1;
	return fsync(fd);
}

/* Unlink a hidden file, if it is there; keeps errno. */
static void
forget(const struct entry *entry, const char *file)
{
	int saved_errno = errno;

	(void)unlinkat(entry->dir, file, 0);
	errno = saved_errno;
}

/* Leaves no file behind if it fails. */
static int
write_fresh(const struct entry *entry, const char *port, const char *monitor,
    const struct pp_setting *settings, size_t count)
{
	int fd, saved_errno, result;

	forget(entry, entry->fresh);
	fd = openat(entry->dir, entry->fresh, O_WRONLY | O_CREAT | O_EXCL |
	    O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	result = print_file(fd, port, monitor, settings, count);
	saved_errno = errno;
	if (close(fd) == -1 && result == 0) {
		result = -1;
		saved_errno = errno;
	}
	if (result == -1)
		forget(entry, entry->fresh);
	errno = saved_errno;
	return result;
}

/* Put the former state back, in the directory that readers see. */
static void
restore(const struct entry *entry, bool had_old)
{
	int saved_errno = errno;

	if (had_old)
		(void)renameat(entry->dir, entry->old, entry->dir,
		    entry->file);
	else
		(void)unlinkat(entry->dir, entry->file, 0);
	errno = saved_errno;
}

/* Put the fresh file in place; all or nothing. */
static int
replace(const struct entry *entry, bool there)
{
	forget(entry, entry->old);
	if (there && linkat(entry->dir, entry->file, entry->dir, entry->old,
	    0) == -1)
		return -1;
	if (renameat(entry->dir, entry->fresh, entry->dir,
	    entry->file) == -1) {
		forget(entry, entry->old);
		return -1;
	}
	if (fsync(entry->dir) == -1) {
		restore(entry, there);
		return -1;
	}
	forget(entry, entry->old);
	return 0;
}

/* Another port's file, if the names differ in case only. */
static int
check_case(const struct entry *entry, const char *port, bool there,
    struct fault *fault)
{
	size_t len = strlen(port);

	if (!there || strncmp(entry->file, port, len) == 0)
		return 0;
	return fault_set(fault, PP_ALREADY_EXISTS,
	    "a port \"%.*s\" exists already", (int)len, entry->file);
}

int
registry_store(const char *dir, const char *port, const char *monitor,
    const struct pp_setting *settings, size_t count, struct fault *fault)
{
	struct entry entry;
	bool there;
	int code;

	code = check_all(port, monitor, settings, count, fault);
	if (code != 0)
		return code;
	code = entry_open(&entry, dir, port, &there, fault);
	if (code != 0)
		return code;
	code = check_case(&entry, port, there, fault);
	if (code == 0 &&
	    write_fresh(&entry, port, monitor, settings, count) == -1)
		code = system_fault(fault, dir, entry.fresh, "write");
	else if (code == 0 && replace(&entry, there) == -1) {
		code = system_fault(fault, dir, entry.file, "replace");
		forget(&entry, entry.fresh);
	}
	close(entry.dir);
	return code;
}

/* ---- removing ------------------------------------------------------------ */

static int
remove_entry(const struct entry *entry)
{
	if (renameat(entry->dir, entry->file, entry->dir, entry->old) == -1)
		return -1;
	if (fsync(entry->dir) == -1) {
		restore(entry, true);
		return -1;
	}
	forget(entry, entry->old);
	return 0;
}

int
registry_remove(const char *dir, const char *port, struct fault *fault)
{
	struct entry entry;
	bool there;
	int code;

	code = check_port(port, fault);
	if (code != 0)
		return code;
	code = entry_open(&entry, dir, port, &there, fault);
	if (code != 0)
		return code;
	if (!there)
		code = fault_set(fault, PP_NOT_FOUND,
		    "no port \"%s\" was added at run time", port);
	else if (remove_entry(&entry) == -1)
		code = system_fault(fault, dir, entry.file, "remove");
	close(entry.dir);
	return code;
}

/* Is this the file of a port of that monitor? */
static bool
belongs_to(int dir, const char *file, const char *monitor)
{
	char line[LINE_LEN], wanted[128];
	bool found = false;
	FILE *in;
	int fd;

	fd = openat(dir, file, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	if (fd == -1)
		return false;
	in = fdopen(fd, "r");
	if (in == NULL) {
		close(fd);
		return false;
	}
	snprintf(wanted, sizeof(wanted), "monitor = %s\n", monitor);
	while (!found && fgets(line, sizeof(line), in) != NULL)
		found = strcmp(line, wanted) == 0;
	fclose(in);
	return found;
}

/* A port's file that is not hidden: NAME.ini. */
static bool
is_port_file(const char *file)
{
	size_t len = strlen(file);

	return file[0] != '.' && len > strlen(".ini") && len < FILE_LEN - 1 &&
	    strcmp(file + len - strlen(".ini"), ".ini") == 0;
}

int
registry_remove_monitor(const char *dir, const char *monitor, size_t *count,
    struct fault *fault)
{
	const struct dirent *item;
	struct entry entry;
	DIR *list = opendir(dir);
	int code = 0;

	*count = 0;
	if (list == NULL)
		return fault_set(fault, -errno, "%s: %s", dir,
		    strerror(errno));
	entry.dir = dirfd(list);
	while (code == 0 && (item = readdir(list)) != NULL) {
		if (!is_port_file(item->d_name) ||
		    !belongs_to(entry.dir, item->d_name, monitor))
			continue;
		set_names(&entry, item->d_name);
		if (remove_entry(&entry) == -1)
			code = system_fault(fault, dir, entry.file, "remove");
		else
			(*count)++;
	}
	closedir(list);
	return code;
}
