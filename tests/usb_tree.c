/*
 * usb_tree.c - see usb_tree.h.
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <check.h>

#include "tests/usb_tree.h"

#define PLUGS	16

static char sysfs[PATH_MAX / 4], devices[PATH_MAX / 4];

/* What is plugged in where. */
static struct plug {
	char	entry[32];		/* "": free */
	char	place[PATH_MAX / 2];	/* directory of the device */
} plugs[PLUGS];
static int count;

static void make(char path[PATH_MAX], const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static void
make(char path[PATH_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	ck_assert_int_lt(vsnprintf(path, PATH_MAX, fmt, ap), PATH_MAX);
	va_end(ap);
}

/* This directory, and those above it. */
static void
make_directory(const char *path)
{
	char part[PATH_MAX];
	char *slash;

	make(part, "%s/", path);
	for (slash = part + 1; (slash = strchr(slash, '/')) != NULL; slash++) {
		*slash = '\0';
		(void)mkdir(part, 0755);
		*slash = '/';
	}
}

static void
put(const char *directory, const char *name, const char *text)
{
	char path[PATH_MAX];
	FILE *file;

	make(path, "%s/%s", directory, name);
	(void)unlink(path);
	if (text == NULL)
		return;
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "%s\n", text);
	fclose(file);
}

void
usb_tree_new(const char *directory)
{
	snprintf(sysfs, sizeof(sysfs), "%s/sys", directory);
	snprintf(devices, sizeof(devices), "%s/dev", directory);
	make_directory(sysfs);
	make_directory(devices);
	memset(plugs, 0, sizeof(plugs));
	count = 0;
}

const char *
usb_tree_sysfs(void)
{
	return sysfs;
}

const char *
usb_tree_devices(void)
{
	return devices;
}

static int
is_tty(const char *entry)
{
	return strncmp(entry, "tty", 3) == 0;
}

/* Below the interface, a serial adapter has one directory more. */
static void
make_entry(const struct plug *plug, const char *node,
    const struct usb_printer *printer)
{
	char interface[PATH_MAX], entry[PATH_MAX], link[PATH_MAX];
	char text[64];
	struct stat st;

	make(interface, "%s/1-1:1.0%s%s", plug->place,
	    is_tty(plug->entry) ? "/" : "",
	    is_tty(plug->entry) ? plug->entry : "");
	make(entry, "%s/%s/%s", interface, is_tty(plug->entry) ? "tty" :
	    "usbmisc", plug->entry);
	make_directory(entry);
	put(interface, "ieee1284_id", printer->id);
	snprintf(text, sizeof(text), "MINOR=0\nDEVNAME=%s%s",
	    is_tty(plug->entry) ? "" : "usb/", plug->entry);
	put(entry, "uevent", text);
	ck_assert_int_eq(stat(node, &st), 0);
	snprintf(text, sizeof(text), "%u:%u", major(st.st_rdev),
	    minor(st.st_rdev));
	put(entry, "dev", text);
	make(link, "%s/device", entry);
	ck_assert_int_eq(symlink(interface, link), 0);
	make(link, "%s/class/%s", sysfs, is_tty(plug->entry) ? "tty" :
	    "usbmisc");
	make_directory(link);
	make(link, "%s/class/%s/%s", sysfs, is_tty(plug->entry) ? "tty" :
	    "usbmisc", plug->entry);
	ck_assert_int_eq(symlink(entry, link), 0);
}

static void
make_node(const struct plug *plug, const char *node)
{
	char link[PATH_MAX];

	make(link, "%s/usb", devices);
	make_directory(link);
	make(link, "%s/%s%s", devices, is_tty(plug->entry) ? "" : "usb/",
	    plug->entry);
	ck_assert_int_eq(symlink(node, link), 0);
}

static struct plug *
find_plug(const char *entry)
{
	int i;

	for (i = 0; i < PLUGS; i++)
		if (strcmp(plugs[i].entry, entry) == 0)
			return &plugs[i];
	ck_abort_msg("nothing is plugged in as %s", entry);
}

void
usb_tree_plug(const char *entry, const char *node,
    const struct usb_printer *printer)
{
	struct plug *plug = find_plug("");
	char number[16];

	snprintf(plug->entry, sizeof(plug->entry), "%s", entry);
	snprintf(plug->place, sizeof(plug->place), "%s/devices/usb1/1-%d",
	    sysfs, ++count);
	make_directory(plug->place);
	snprintf(number, sizeof(number), "%d", count);
	put(plug->place, "busnum", "1");
	put(plug->place, "devnum", number);
	put(plug->place, "idVendor", printer->vendor);
	put(plug->place, "idProduct", printer->product);
	put(plug->place, "serial", printer->serial);
	put(plug->place, "manufacturer", printer->manufacturer);
	put(plug->place, "product", printer->name);
	make_entry(plug, node, printer);
	make_node(plug, node);
}

void
usb_tree_unplug(const char *entry)
{
	struct plug *plug = find_plug(entry);
	char path[PATH_MAX];

	make(path, "%s/class/%s/%s", sysfs, is_tty(entry) ? "tty" : "usbmisc",
	    entry);
	ck_assert_int_eq(unlink(path), 0);
	make(path, "%s/%s%s", devices, is_tty(entry) ? "" : "usb/", entry);
	ck_assert_int_eq(unlink(path), 0);
	plug->entry[0] = '\0';
}

void
usb_tree_change(const char *entry, const char *attribute, const char *text)
{
	char path[PATH_MAX];

	make(path, "%s/class/%s/%s", sysfs, is_tty(entry) ? "tty" : "usbmisc",
	    entry);
	put(path, attribute, text);
}
