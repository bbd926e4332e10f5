/*
 * control_socket.c - see control_socket.h.
 */
#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "control_socket.h"
#include "monitor/fault.h"

#define MODE	0660
/* Connections that wait for us; others wait in connect(). */
#define BACKLOG	128

/* ---- the directory ------------------------------------------------------ */

static int
directory_is_bad(const char *path, const char *directory,
    struct fault *fault)
{
	struct stat st;
	int error;

	if (stat(directory, &st) == -1) {
		error = errno;
		return fault_set(fault, -error,
		    "control_socket %s: its directory %s cannot be used: %s; "
		    "create it for the daemon: install -d -o USER -g GROUP -m "
		    "0755 %s", path, directory, strerror(error), directory);
	}
	if (!S_ISDIR(st.st_mode))
		return fault_set(fault, -ENOTDIR,
		    "control_socket %s: %s is no directory; name a socket in "
		    "a directory", path, directory);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
	    (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return fault_set(fault, -EPERM,
		    "control_socket %s: others may write to %s, which must "
		    "belong to root or to the daemon's user: chmod go-w %s, "
		    "or name another directory", path, directory, directory);
	return 0;
}

static int
judge_directory(const char *path, struct fault *fault)
{
	char *copy = strdup(path);
	int rc;

	if (copy == NULL)
		return fault_set(fault, -ENOMEM, "no memory");
	rc = directory_is_bad(path, dirname(copy), fault);
	free(copy);
	return rc;
}

/* ---- what is at the path already ---------------------------------------- */

static int
connect_to(const struct sockaddr_un *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	int error = 0;

	if (fd == -1)
		return -errno;
	if (connect(fd, (const struct sockaddr *)address, sizeof(*address)) ==
	    -1)
		error = -errno;
	close(fd);
	return error;
}

/* A socket of ours that nobody listens to is what a crash leaves behind. */
static int
replace_left_over(const struct sockaddr_un *address, struct fault *fault)
{
	const char *path = address->sun_path;
	struct stat st;
	int error;

	if (lstat(path, &st) == -1)
		return 0;		/* bind() says what is wrong else */
	if (!S_ISSOCK(st.st_mode) || st.st_uid != geteuid())
		return fault_set(fault, -EEXIST,
		    "control_socket %s: %s is there, and is left alone; "
		    "remove it, or name another path", path,
		    S_ISSOCK(st.st_mode) ? "a socket of another user" :
		    "something that is no socket");
	error = connect_to(address);
	if (error != -ECONNREFUSED)
		return fault_set(fault, -EADDRINUSE,
		    "control_socket %s: another process listens there; end "
		    "it, or name another path", path);
	if (unlink(path) == -1) {
		error = errno;
		return fault_set(fault, -error,
		    "control_socket %s: the socket left over there cannot be "
		    "removed: %s; remove it", path, strerror(error));
	}
	return 0;
}

/* ---- ours --------------------------------------------------------------- */

static int
refused(const char *path, const char *what, int error, struct fault *fault)
{
	return fault_set(fault, -error, "control_socket %s: it cannot %s: %s; "
	    "the daemon's user must be able to write to its directory", path,
	    what, strerror(error));
}

/*
 * bind() gives the file the mode of the socket, less the umask: so it starts
 * with what is wanted or with less.
 */
static int
bind_to(struct control_socket *sock, const struct sockaddr_un *address,
    struct fault *fault)
{
	const char *path = address->sun_path;
	struct stat st;

	if (fchmod(sock->fd, MODE) == -1 || bind(sock->fd,
	    (const struct sockaddr *)address, sizeof(*address)) == -1)
		return refused(path, "be created", errno, fault);
	if (lstat(path, &st) == -1)
		return refused(path, "be looked at", errno, fault);
	sock->dev = st.st_dev;
	sock->ino = st.st_ino;
	/* A service manager may forbid chown(): only where it must be. */
	if ((st.st_gid != getegid() &&
	    chown(path, (uid_t)-1, getegid()) == -1) ||
	    chmod(path, MODE) == -1)
		return refused(path, "get its group and mode", errno, fault);
	if (listen(sock->fd, BACKLOG) == -1)
		return refused(path, "be listened to", errno, fault);
	return 0;
}

int
control_socket_open(struct control_socket *sock, const char *path,
    struct fault *fault)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int rc;

	*sock = (struct control_socket){ .fd = -1 };
	if (strlen(path) >= sizeof(address.sun_path))
		return fault_set(fault, -ENAMETOOLONG,
		    "control_socket %s: longer than the %zu bytes that a "
		    "socket's path can have; name a shorter one", path,
		    sizeof(address.sun_path) - 1);
	memcpy(address.sun_path, path, strlen(path) + 1);
	if ((rc = judge_directory(path, fault)) != 0 ||
	    (rc = replace_left_over(&address, fault)) != 0)
		return rc;
	sock->path = strdup(path);
	sock->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
	    0);
	if (sock->path == NULL || sock->fd == -1)
		rc = fault_set(fault, -errno, "control_socket %s: %s", path,
		    strerror(errno));
	else
		rc = bind_to(sock, &address, fault);
	if (rc == 0)
		return 0;
	if (sock->fd != -1)
		close(sock->fd);
	control_socket_close(sock);
	return rc;
}

void
control_socket_close(struct control_socket *sock)
{
	struct stat st;

	if (sock->path != NULL && sock->ino != 0 &&
	    lstat(sock->path, &st) == 0 && st.st_dev == sock->dev &&
	    st.st_ino == sock->ino)
		(void)unlink(sock->path);
	free(sock->path);
	*sock = (struct control_socket){ .fd = -1 };
}
