/*
 * control_socket - the Unix socket on which the daemon hears people.
 *
 * Who may connect is said by its mode, 0660, and its group, the daemon's; it
 * is never any wider, not even for an instant.  Its directory must be there,
 * and nobody but root and the daemon may put things in it.
 *
 * Lifecycle  control_socket_open() .. control_socket_close().
 * Errors     A fault that names the thing, the reason and the remedy.  What is
 *            found at the path and is no socket that we left over is not
 *            touched.
 * Threads    The loop's.
 */
#ifndef CONTROL_SOCKET_H
#define CONTROL_SOCKET_H

#include <sys/types.h>

struct fault;

struct control_socket {
	int	 fd;		/* listening, not blocking; -1: none */
	char	*path;		/* owned */
	dev_t	 dev;		/* what is ours to remove */
	ino_t	 ino;
};

int control_socket_open(struct control_socket *sock, const char *path,
    struct fault *fault) __attribute__((warn_unused_result));

/* Removes the file, if it still is the one that was made.  Leaves fd. */
void control_socket_close(struct control_socket *sock);

#endif /* CONTROL_SOCKET_H */
