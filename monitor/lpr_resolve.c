/*
 * lpr_resolve.c - the addresses of a server.
 *
 * A look-up in the name service takes as long as it likes and cannot be
 * interrupted, so a process of its own does it, which a cancel ends.  An
 * address as such costs nothing.  What was found is used again for a while,
 * until a connection fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "lpr.h"

/* A server may be given another address. */
#define FRESH_MS	60000

/* What the process tells: this, and then the addresses. */
struct answer {
	int	error;		/* of getaddrinfo() */
	int	system;		/* errno with EAI_SYSTEM */
	size_t	n;
};

static size_t
keep(struct lpr_peer peers[LPR_PEERS_MAX], const struct addrinfo *list)
{
	size_t n = 0;

	for (; list != NULL && n < LPR_PEERS_MAX; list = list->ai_next) {
		if (list->ai_addrlen > sizeof(peers[n].address))
			continue;
		memcpy(&peers[n].address, list->ai_addr, list->ai_addrlen);
		peers[n++].len = list->ai_addrlen;
	}
	return n;
}

/* Returns what getaddrinfo() does. */
static int
look_up(const struct lpr_settings *set, int flags,
    struct lpr_peer peers[LPR_PEERS_MAX], size_t *n)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = flags | AI_NUMERICSERV };
	struct addrinfo *list = NULL;
	char number[16];
	int rc;

	*n = 0;
	snprintf(number, sizeof(number), "%d", set->port);
	rc = getaddrinfo(set->host, number, &hints, &list);
	if (rc == 0) {
		*n = keep(peers, list);
		freeaddrinfo(list);
	}
	return rc;
}

/* ---- the process -------------------------------------------------------- */

static void
write_all(int fd, const void *data, size_t len)
{
	const char *at = data;
	ssize_t n;

	while (len > 0) {
		n = write(fd, at, len);
		if (n <= 0)
			_exit(EXIT_FAILURE);
		at += n;
		len -= (size_t)n;
	}
}

static _Noreturn void
answer_and_exit(const struct lpr_settings *set, int fd, pid_t parent)
{
	struct lpr_peer peers[LPR_PEERS_MAX] = { { .len = 0 } };
	struct answer answer;

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	if (getppid() != parent)
		_exit(EXIT_FAILURE);
	(void)dup2(fd, 0);
	(void)close_range(3, ~0u, 0);
	answer.error = look_up(set, 0, peers, &answer.n);
	answer.system = errno;
	write_all(0, &answer, sizeof(answer));
	write_all(0, peers, sizeof(peers));
	_exit(EXIT_SUCCESS);
}

/* Read so many bytes of it, or a code. */
static int
hear(struct pp_port *port, int fd, void *data, size_t len)
{
	char *at = data;
	ssize_t n;
	int rc;

	while (len > 0) {
		rc = port->host->wait_fd(port->host->cookie, fd, PP_WAIT_READ,
		    port->set.connect_timeout_ms);
		if (rc < 0)
			return rc == PP_TIMEOUT ? -ETIME : rc;
		n = read(fd, at, len);
		if (n == -1 && errno == EINTR)
			continue;
		if (n <= 0)
			return n == 0 ? -ECHILD : -errno;
		at += n;
		len -= (size_t)n;
	}
	return PP_OK;
}

static int
ask(struct pp_port *port, struct answer *answer)
{
	pid_t self = getpid(), pid;
	int fd[2], rc;

	if (pipe2(fd, O_CLOEXEC) == -1)
		return -errno;
	pid = fork();
	if (pid == 0)
		answer_and_exit(&port->set, fd[1], self);
	rc = pid == -1 ? -errno : PP_OK;
	close(fd[1]);
	if (rc == PP_OK)
		rc = hear(port, fd[0], answer, sizeof(*answer));
	if (rc == PP_OK)
		rc = hear(port, fd[0], port->peers, sizeof(port->peers));
	close(fd[0]);
	if (pid == -1)
		return rc;
	(void)kill(pid, SIGKILL);
	while (waitpid(pid, NULL, 0) == -1 && errno == EINTR)
		continue;
	return rc;
}

/* ---- the port host ------------------------------------------------------ */

static int
not_found(struct pp_port *port, const char *why)
{
	return lpr_fail(port, -EHOSTUNREACH, "%s: see that the name is right, "
	    "and known to the name service", why);
}

int
lpr_resolve(struct pp_port *port)
{
	int64_t now = port->host->clock_ms(port->host->cookie);
	struct answer answer = { .error = EAI_NONAME };
	int rc;

	if (port->n_peers > 0 && now - port->peers_ms < FRESH_MS)
		return PP_OK;
	port->peers_ms = now;
	if (look_up(&port->set, AI_NUMERICHOST, port->peers,
	    &port->n_peers) == 0)
		return PP_OK;
	port->n_peers = 0;
	rc = ask(port, &answer);
	if (rc == PP_CANCELED)
		return rc;
	if (rc != PP_OK)
		return not_found(port, rc == -ETIME ?
		    "the name service does not answer" : strerror(-rc));
	if (answer.error != 0)
		return not_found(port, answer.error == EAI_SYSTEM ?
		    strerror(answer.system) : gai_strerror(answer.error));
	port->n_peers = answer.n <= LPR_PEERS_MAX ? answer.n : 0;
	return port->n_peers > 0 ? PP_OK : not_found(port, "no address");
}
