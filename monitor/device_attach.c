/*
 * device_attach.c - what a device needs first, after it was plugged in.
 *
 * Some printers forget their firmware when they are switched off and wait for
 * it at their plug.  A file has it; it is sent before the first document after
 * each plug-in.  Which plug-in has had it is remembered beyond this process,
 * in a file that a reboot takes away, as it does the plug-in.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "device_usb.h"

#define BLOCK_SIZE	16384

/*
 * ---- Memory ----------------------------------------------------------------
 */

static bool
memory_path(const struct pp_port *port, char path[PATH_MAX])
{
	char file[sizeof(port->name) + 192];
	char *p;

	snprintf(file, sizeof(file), "%.100s-%s.attached",
	    port->host->instance, port->name);
	for (p = file; *p != '\0'; p++)
		if (*p == '/')
			*p = '_';
	return snprintf(path, PATH_MAX, "%s/%s", port->state, file) <
	    PATH_MAX;
}

/* The file, if it is ours: others may write to such directories, too. */
static int
open_memory(const struct pp_port *port, int flags)
{
	char path[PATH_MAX];
	struct stat st;
	int fd;

	if (!memory_path(port, path))
		return -1;
	fd = open(path, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
	if (fd == -1)
		return -1;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) &&
	    st.st_uid == geteuid())
		return fd;
	close(fd);
	errno = EPERM;
	return -1;
}

static void
recall(struct pp_port *port)
{
	int fd = open_memory(port, O_RDONLY);
	ssize_t n;

	if (fd == -1)
		return;
	n = read(fd, port->attached, sizeof(port->attached) - 1);
	port->attached[n > 0 ? n : 0] = '\0';
	close(fd);
}

/* A text that is cut short fits no device, which costs one sending more. */
static void
remember(struct pp_port *port)
{
	size_t len = strlen(port->appearance);
	int fd = open_memory(port, O_WRONLY | O_CREAT);

	memcpy(port->attached, port->appearance, len + 1);
	if (fd == -1 || ftruncate(fd, 0) == -1 ||
	    write(fd, port->appearance, len) != (ssize_t)len)
		port->host->log(port->host->cookie, PP_LOG_WARNING,
		    "%s had %s, which cannot be remembered in state = %s: %s; "
		    "it will be sent again when the port is opened anew",
		    port->title, port->on_attach, port->state,
		    strerror(errno));
	if (fd != -1)
		close(fd);
}

/*
 * ---- Sending ---------------------------------------------------------------
 */

/* One that has its firmware says so in its device id. */
static bool
has_firmware(const struct pp_port *port)
{
	char id[1024], version[64];

	if (!device_usb_ask_id(port->fd, id, sizeof(id)) ||
	    !device_usb_id_value(id, "FWVER", version, sizeof(version)))
		return false;
	port->host->log(port->host->cookie, PP_LOG_INFO, "%s has its firmware "
	    "(FWVER:%s): on_attach is not sent", port->title, version);
	return true;
}

static int
send_block(struct pp_port *port, const char *block, size_t len)
{
	size_t written;
	int rc = PP_OK;

	while (len > 0 && rc == PP_OK) {
		rc = device_put(port, block, len, &written);
		block += written;
		len -= written;
	}
	if (rc == PP_TIMEOUT)
		return device_trouble(port, rc, PP_STATUS_USER_INTERVENTION,
		    "%s did not take on_attach = %s to its end", port->title,
		    port->on_attach);
	return rc;
}

static int
send_file(struct pp_port *port, int fd, uint64_t *sent)
{
	char block[BLOCK_SIZE];
	ssize_t n;
	int rc = PP_OK;

	while (rc == PP_OK && (n = read(fd, block, sizeof(block))) != 0) {
		if (n > 0) {
			rc = send_block(port, block, (size_t)n);
			*sent += (size_t)n;
		} else if (errno != EINTR)
			rc = device_failed(port, -errno,
			    "cannot read on_attach for");
	}
	return rc == PP_OK ? device_drain(port) : rc;
}

static int
open_file(struct pp_port *port)
{
	int fd = open(port->on_attach, O_RDONLY | O_NONBLOCK | O_CLOEXEC);

	if (fd != -1)
		return fd;
	return device_trouble(port, -errno, PP_STATUS_USER_INTERVENTION,
	    "on_attach = %s: %s; %s needs it", port->on_attach,
	    strerror(errno), port->title);
}

int
device_attach(struct pp_port *port)
{
	uint64_t sent = 0;
	int fd, rc;

	if (port->on_attach == NULL)
		return PP_OK;
	if (port->attached[0] == '\0')
		recall(port);
	if (strcmp(port->attached, port->appearance) == 0)
		return PP_OK;
	if (has_firmware(port)) {
		remember(port);
		return PP_OK;
	}
	fd = open_file(port);
	if (fd < 0)
		return fd;
	rc = send_file(port, fd, &sent);
	close(fd);
	if (rc != PP_OK)
		return rc;
	port->host->log(port->host->cookie, PP_LOG_INFO,
	    "%s got on_attach = %s, %" PRIu64 " bytes", port->title,
	    port->on_attach, sent);
	remember(port);
	return PP_OK;
}
