/*
 * device_node.c - finds the device, and has it open.
 *
 *	path ---------------------------+
 *	usb, usb_id -> sysfs -> node ---+-> open -> is it that one? -> locks
 *						-> a line: set up
 *
 * A device that is named by what it is may be another node each time.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <linux/lp.h>
#include <linux/major.h>

#include "device.h"
#include "device_usb.h"

/*
 * ---- Find ------------------------------------------------------------------
 */

void
device_name(struct pp_port *port)
{
	if (port->path != NULL)
		snprintf(port->title, sizeof(port->title), "%s", port->path);
	else
		snprintf(port->title, sizeof(port->title), "USB printer %.160s",
		    port->usb != NULL ? port->usb : port->usb_id);
}

static int
find(struct pp_port *port, struct device_usb *usb)
{
	int rc;

	memset(usb, 0, sizeof(*usb));
	device_name(port);
	if (port->path != NULL) {
		snprintf(port->node, sizeof(port->node), "%s", port->path);
		return PP_OK;
	}
	rc = device_usb_find(port->sysfs, port->devices, port->usb,
	    port->usb_id, usb);
	if (rc == -ENOTUNIQ)
		return device_trouble(port, rc, PP_STATUS_USER_INTERVENTION,
		    "several printers are %s: name one by its serial number, "
		    "usb = VENDOR:PRODUCT:SERIAL, or its path; printportd "
		    "--enum-ports lists them", port->title);
	if (rc != PP_OK)
		return device_failed(port, rc, "cannot find");
	snprintf(port->node, sizeof(port->node), "%s", usb->node);
	snprintf(port->title + strlen(port->title),
	    sizeof(port->title) - strlen(port->title), " (%.250s)",
	    port->node);
	return PP_OK;
}

/*
 * ---- Open ------------------------------------------------------------------
 */

static int
wrong_kind(struct pp_port *port, mode_t mode)
{
	const char *kind = S_ISREG(mode) ? "a regular file, for which there "
	    "is the monitor \"file\"" : S_ISDIR(mode) ? "a directory" :
	    S_ISFIFO(mode) ? "a FIFO, for which there is the monitor "
	    "\"file\"" : S_ISBLK(mode) ? "a disk" : "a socket";

	return device_trouble(port, -EINVAL, PP_STATUS_USER_INTERVENTION,
	    "%s is %s: it needs to be a character device", port->title, kind);
}

/* Name of a process; "" if it is not for us to know. */
static void
process_name(int pid, char name[32])
{
	char path[48];
	FILE *file;

	name[0] = '\0';
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	file = fopen(path, "re");
	if (file == NULL)
		return;
	if (fgets(name, 32, file) == NULL)
		name[0] = '\0';
	name[strcspn(name, "\n")] = '\0';
	fclose(file);
}

/* Who has a flock() on this node; 0: not known. */
static int
lock_holder(const struct stat *st)
{
	FILE *file = fopen("/proc/locks", "re");
	char line[256];
	unsigned int major, minor;
	uint64_t ino;
	int pid, holder = 0;

	while (file != NULL && holder == 0 &&
	    fgets(line, sizeof(line), file) != NULL)
		if (sscanf(line, "%*d: FLOCK %*s %*s %d %x:%x:%" SCNu64, &pid,
		    &major, &minor, &ino) == 4 && ino == st->st_ino &&
		    major == major(st->st_dev) && minor == minor(st->st_dev))
			holder = pid;
	if (file != NULL)
		fclose(file);
	return holder;
}

static int
in_use(struct pp_port *port, const struct stat *st)
{
	int pid = lock_holder(st);
	char name[32] = "";

	if (pid > 0)
		process_name(pid, name);
	if (strcmp(name, "printport-host") == 0)
		return device_trouble(port, PP_BUSY,
		    PP_STATUS_USER_INTERVENTION, "%s is in use by another "
		    "port (process %d): a device can be in one port only",
		    port->title, pid);
	if (pid > 0)
		return device_trouble(port, PP_BUSY,
		    PP_STATUS_USER_INTERVENTION, "%s is in use by process %d"
		    "%s%s%s: end that", port->title, pid,
		    name[0] != '\0' ? " (" : "", name,
		    name[0] != '\0' ? ")" : "");
	return device_trouble(port, PP_BUSY, PP_STATUS_USER_INTERVENTION,
	    "%s is in use by another program, which \"fuser -v %s\" names",
	    port->title, port->node);
}

/* The node may have been given to another device since it was found. */
static bool
is_same(const struct stat *st, const struct device_usb *usb)
{
	char number[24];

	snprintf(number, sizeof(number), "%u:%u", major(st->st_rdev),
	    minor(st->st_rdev));
	return usb->number[0] == '\0' || strcmp(usb->number, number) == 0;
}

static void
note_appearance(struct pp_port *port, const struct stat *st,
    const struct device_usb *usb)
{
	char number[24], plug[32];

	snprintf(number, sizeof(number), "%u:%u", major(st->st_rdev),
	    minor(st->st_rdev));
	if (usb->appearance[0] != '\0')
		snprintf(plug, sizeof(plug), "%s", usb->appearance);
	else if (!device_usb_appearance(port->sysfs, number, plug,
	    sizeof(plug)))
		snprintf(plug, sizeof(plug), "%" PRId64 ".%09ld",
		    (int64_t)st->st_ctim.tv_sec, st->st_ctim.tv_nsec);
	snprintf(port->appearance, sizeof(port->appearance),
	    "%s node %s inode %" PRIu64, plug, number, (uint64_t)st->st_ino);
}

/* lp and usblp let nobody else in; ttys and the rest need to be told. */
static int
lock(struct pp_port *port, const struct stat *st)
{
	if (flock(port->fd, LOCK_EX | LOCK_NB) == -1)
		return errno == EWOULDBLOCK ? in_use(port, st) :
		    device_failed(port, -errno, "cannot lock");
	if (port->kind == DEVICE_LINE && device_tty_claim(port->fd) != 0)
		return device_failed(port, -errno, "cannot lock");
	return PP_OK;
}

static int
set_line(struct pp_port *port)
{
	const char *refused;
	int rc = device_tty_set(port->fd, &port->line, &refused);

	if (refused != NULL)
		return device_trouble(port, rc, PP_STATUS_USER_INTERVENTION,
		    "%s does not take the setting %s: it can do less than "
		    "that", port->title, refused);
	return rc == 0 ? PP_OK : device_failed(port, rc, "cannot set up");
}

/* It is open: see that it is what was meant, and make it ours. */
static int
take(struct pp_port *port, const struct device_usb *usb)
{
	struct stat st;
	int rc;

	if (fstat(port->fd, &st) == -1)
		return device_failed(port, -errno, "cannot look at");
	if (!S_ISCHR(st.st_mode))
		return wrong_kind(port, st.st_mode);
	if (!is_same(&st, usb))
		return device_failed(port, -ENODEV, "cannot open");
	port->kind = isatty(port->fd) ? DEVICE_LINE :
	    major(st.st_rdev) == LP_MAJOR ? DEVICE_PARALLEL : DEVICE_OTHER;
	note_appearance(port, &st, usb);
	rc = lock(port, &st);
	if (rc == PP_OK && port->kind == DEVICE_LINE)
		rc = set_line(port);
	return rc;
}

static int
open_node(struct pp_port *port)
{
	struct stat st;

	if (stat(port->node, &st) == -1)
		return device_failed(port, -errno, "cannot look at");
	if (!S_ISCHR(st.st_mode))
		return wrong_kind(port, st.st_mode);
	port->fd = open(port->node, (port->read ? O_RDWR : O_WRONLY) |
	    O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (port->fd != -1)
		return PP_OK;
	return errno == EBUSY ? in_use(port, &st) :
	    device_failed(port, -errno, "cannot open");
}

void
device_close(struct pp_port *port)
{
	if (port->fd == -1)
		return;
	if (port->read)
		(void)port->host->watch_read(port->host->cookie, port, -1);
	if (port->kind == DEVICE_LINE)
		device_tty_release(port->fd);
	close(port->fd);
	port->fd = -1;
}

int
device_open(struct pp_port *port)
{
	struct device_usb usb;
	int rc;

	rc = find(port, &usb);
	if (rc == PP_OK)
		rc = open_node(port);
	if (rc != PP_OK)
		return rc;
	rc = take(port, &usb);
	if (rc != PP_OK) {
		device_close(port);
		return rc;
	}
	port->stalled_ms = port->looked_ms = 0;
	port->pause_ms = port->stall_error = 0;
	port->named = false;
	return PP_OK;
}

/* Most drivers tell poll(); the others tell whoever asks for the status. */
bool
device_is_gone(const struct pp_port *port)
{
	struct pollfd fd = { .fd = port->fd };
	int bits;

	if (poll(&fd, 1, 0) == 1 && (fd.revents & (POLLHUP | POLLERR)) != 0)
		return true;
	return port->kind != DEVICE_LINE && port->ask_status &&
	    ioctl(port->fd, LPGETSTATUS, &bits) == -1 && errno == ENODEV;
}
