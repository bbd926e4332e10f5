/*
 * endpoint.c - see endpoint.h.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "endpoint.h"

#define PASSED_PREFIX	"systemd:"

/*
 * A client that vanished is noticed after 60 + 6 * 10 s.  Set on the listening
 * socket, inherited by every connection.
 */
#define KEEPIDLE_S	60
#define KEEPINTVL_S	10
#define KEEPCNT		6

/* ---- resolve ------------------------------------------------------------ */

static struct endpoint *
add(struct endpoints *endpoints, size_t listener, const char *text)
{
	struct endpoint *v, *endpoint;

	v = reallocarray(endpoints->v, endpoints->n + 1, sizeof(*v));
	if (v == NULL)
		return NULL;
	endpoints->v = v;
	endpoint = &v[endpoints->n];
	memset(endpoint, 0, sizeof(*endpoint));
	endpoint->fd = -1;
	endpoint->listener = listener;
	endpoint->text = strdup(text);
	if (endpoint->text == NULL)
		return NULL;
	endpoints->n++;
	return endpoint;
}

/* host:port, [v6]:port or *:port; conf has checked the form. */
static void
split(const char *text, char *host, size_t size, const char **service)
{
	const char *colon = strrchr(text, ':');
	size_t len = (size_t)(colon - text);

	*service = colon + 1;
	if (text[0] == '[' && len >= 2) {
		text++;
		len -= 2;
	}
	snprintf(host, size, "%.*s", (int)len, text);
}

static int
add_addresses(struct endpoints *endpoints, size_t listener, const char *text,
    const struct addrinfo *list)
{
	struct endpoint *endpoint;

	for (; list != NULL; list = list->ai_next) {
		endpoint = add(endpoints, listener, text);
		if (endpoint == NULL)
			return -1;
		memcpy(&endpoint->address, list->ai_addr, list->ai_addrlen);
		endpoint->len = list->ai_addrlen;
	}
	return 0;
}

static int
resolve(struct endpoints *endpoints, size_t i, const char *text,
    const struct conf *conf, struct conf_errors *errors)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
	    .ai_flags = AI_PASSIVE | AI_NUMERICSERV }, *list = NULL;
	const char *service;
	char host[256];
	bool any;
	int rc;

	if (strncmp(text, PASSED_PREFIX, strlen(PASSED_PREFIX)) == 0)
		return add(endpoints, i, text) == NULL ? -1 : 0;
	split(text, host, sizeof(host), &service);
	any = strcmp(host, "*") == 0;
	rc = getaddrinfo(any ? "::" : host, service, &hints, &list);
	if (rc != 0) {
		conf_errors_add(errors, conf->path,
		    conf->listeners[i].listen_line,
		    "[listener %s] listen = %s: the name does not resolve "
		    "(%s); correct it, or write an address",
		    conf->listeners[i].name, text, gai_strerror(rc));
		return -1;
	}
	rc = add_addresses(endpoints, i, text, list);
	if (rc == 0)
		endpoints->v[endpoints->n - 1].any_family = any;
	freeaddrinfo(list);
	return rc;
}

int
endpoints_resolve(struct endpoints *endpoints, const struct conf *conf,
    struct conf_errors *errors)
{
	size_t i, k;
	int rc = 0;

	memset(endpoints, 0, sizeof(*endpoints));
	for (i = 0; i < conf->n_listeners; i++)
		for (k = 0; k < conf->listeners[i].listen.n; k++)
			if (resolve(endpoints, i,
			    conf->listeners[i].listen.v[k], conf, errors) ==
			    -1)
				rc = -1;
	if (rc == -1 && errors->n == 0)
		conf_errors_add(errors, conf->path, 0, "no memory");
	return rc;
}

/* ---- bind --------------------------------------------------------------- */

static void
set_option(int fd, int level, int name, int value)
{
	(void)setsockopt(fd, level, name, &value, sizeof(value));
}

/* What every connection inherits. */
static void
set_up(int fd)
{
	set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, KEEPIDLE_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, KEEPINTVL_S);
	set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, KEEPCNT);
	set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static int
open_socket(const struct endpoint *endpoint)
{
	int saved_errno, fd;

	fd = socket(endpoint->address.ss_family,
	    SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd == -1)
		return -1;
	set_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
	if (endpoint->address.ss_family == AF_INET6)
		set_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 0);
	set_up(fd);
	if (bind(fd, (const struct sockaddr *)&endpoint->address,
	    endpoint->len) == -1 || listen(fd, ENDPOINT_BACKLOG) == -1) {
		saved_errno = errno;
		close(fd);
		errno = saved_errno;
		return -1;
	}
	return fd;
}

/* "*" on a system without IPv6 means every IPv4 address. */
static void
make_ipv4(struct endpoint *endpoint)
{
	struct sockaddr_in in = { .sin_family = AF_INET };

	in.sin_port = ((struct sockaddr_in6 *)&endpoint->address)->sin6_port;
	memcpy(&endpoint->address, &in, sizeof(in));
	endpoint->len = sizeof(in);
}

static int
open_any(struct endpoint *endpoint)
{
	int fd = open_socket(endpoint);

	if (fd == -1 && endpoint->any_family &&
	    (errno == EAFNOSUPPORT || errno == EADDRNOTAVAIL)) {
		make_ipv4(endpoint);
		fd = open_socket(endpoint);
	}
	return fd;
}

static const char *
remedy(int error)
{
	switch (error) {
	case EADDRINUSE:
		return "another program listens there: stop it, or change "
		    "this line";
	case EACCES:
		return "ports below 1024 need root, CAP_NET_BIND_SERVICE or "
		    "printportd.socket of systemd";
	case EADDRNOTAVAIL:
		return "no interface of this machine has that address: "
		    "correct this line";
	default:
		return "change this line";
	}
}

static void
cannot_bind(const struct endpoint *endpoint, const struct conf *conf,
    struct conf_errors *errors)
{
	const struct conf_listener *listener =
	    &conf->listeners[endpoint->listener];
	int saved_errno = errno;

	conf_errors_add(errors, conf->path, listener->listen_line,
	    "[listener %s] listen = %s: %s; %s", listener->name,
	    endpoint->text, strerror(saved_errno), remedy(saved_errno));
}

/* ---- passed and kept sockets -------------------------------------------- */

static bool
same_address(const struct sockaddr_storage *a, const struct endpoint *b)
{
	const struct sockaddr_in *a4 = (const void *)a;
	const struct sockaddr_in *b4 = (const void *)&b->address;
	const struct sockaddr_in6 *a6 = (const void *)a;
	const struct sockaddr_in6 *b6 = (const void *)&b->address;

	if (a->ss_family != b->address.ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		    a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a->ss_family == AF_INET6 && a6->sin6_port == b6->sin6_port &&
	    memcmp(&a6->sin6_addr, &b6->sin6_addr,
	    sizeof(a6->sin6_addr)) == 0;
}

static bool
matches(const struct inherited *inherited, const struct endpoint *endpoint)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (inherited->used)
		return false;
	if (endpoint->len == 0)
		return strcmp(inherited->name,
		    endpoint->text + strlen(PASSED_PREFIX)) == 0;
	return getsockname(inherited->fd, (struct sockaddr *)&address, &len)
	    == 0 && same_address(&address, endpoint);
}

/* The descriptor stays open across reloads: a copy of it is used. */
static int
take_inherited(struct inherited_list *list, const struct endpoint *endpoint)
{
	size_t i;
	int fd;

	for (i = 0; i < list->n; i++) {
		if (!matches(&list->v[i], endpoint))
			continue;
		fd = fcntl(list->v[i].fd, F_DUPFD_CLOEXEC, 0);
		if (fd == -1)
			return -1;
		list->v[i].used = true;
		set_up(fd);
		(void)listen(fd, ENDPOINT_BACKLOG);
		return fd;
	}
	errno = endpoint->len == 0 ? ENOTSOCK : 0;
	return -1;
}

/* What "*" is, its text says alone: it may have got either family. */
static bool
is_same(const struct endpoint *old, const struct endpoint *endpoint)
{
	return strcmp(old->text, endpoint->text) == 0 &&
	    (endpoint->len == 0 || endpoint->any_family ||
	    same_address(&old->address, endpoint));
}

/* Each goes to one only: port 0 is another each time that it is written. */
static int
take_old(struct endpoints *old, const struct endpoint *endpoint)
{
	struct endpoint *v;
	size_t i;

	for (i = 0; old != NULL && i < old->n; i++) {
		v = &old->v[i];
		if (v->fd == -1 || v->given || !is_same(v, endpoint))
			continue;
		v->given = true;
		return fcntl(v->fd, F_DUPFD_CLOEXEC, 0);
	}
	return -1;
}

static int
bind_one(struct endpoint *endpoint, const struct conf *conf,
    struct endpoints *old, struct inherited_list *inherited,
    struct conf_errors *errors)
{
	endpoint->fd = take_old(old, endpoint);
	endpoint->kept = endpoint->fd != -1;
	if (endpoint->fd == -1)
		endpoint->fd = take_inherited(inherited, endpoint);
	if (endpoint->fd == -1 && endpoint->len == 0) {
		conf_errors_add(errors, conf->path,
		    conf->listeners[endpoint->listener].listen_line,
		    "[listener %s] listen = %s: no socket of this name was "
		    "passed; start printportd.socket with FileDescriptorName="
		    "%s, or write an address",
		    conf->listeners[endpoint->listener].name, endpoint->text,
		    endpoint->text + strlen(PASSED_PREFIX));
		return -1;
	}
	if (endpoint->fd == -1)
		endpoint->fd = open_any(endpoint);
	if (endpoint->fd == -1) {
		cannot_bind(endpoint, conf, errors);
		return -1;
	}
	return 0;
}

int
endpoints_bind(struct endpoints *endpoints, const struct conf *conf,
    struct endpoints *old, struct inherited_list *inherited,
    struct conf_errors *errors)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < inherited->n; i++)
		inherited->v[i].used = false;
	for (i = 0; old != NULL && i < old->n; i++)
		old->v[i].given = false;
	for (i = 0; i < endpoints->n; i++)
		if (bind_one(&endpoints->v[i], conf, old, inherited,
		    errors) == -1)
			rc = -1;
	return rc;
}

void
endpoints_free(struct endpoints *endpoints)
{
	size_t i;

	for (i = 0; i < endpoints->n; i++) {
		if (endpoints->v[i].fd != -1)
			close(endpoints->v[i].fd);
		free(endpoints->v[i].text);
	}
	free(endpoints->v);
	endpoints->v = NULL;
	endpoints->n = 0;
}

void
endpoint_address(int fd, char text[ENDPOINT_TEXT_LEN])
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	char host[INET6_ADDRSTRLEN], service[8];
	bool v6;

	snprintf(text, ENDPOINT_TEXT_LEN, "unknown");
	if (getsockname(fd, (struct sockaddr *)&address, &len) == -1 ||
	    getnameinfo((struct sockaddr *)&address, len, host, sizeof(host),
	    service, sizeof(service), NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return;
	v6 = address.ss_family == AF_INET6;
	snprintf(text, ENDPOINT_TEXT_LEN, "%s%s%s:%s", v6 ? "[" : "", host,
	    v6 ? "]" : "", service);
}
