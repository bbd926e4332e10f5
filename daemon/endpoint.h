/*
 * endpoint - listening sockets, from `listen = ...` to a descriptor.
 *
 * Three steps, because each may be taken at another time and place: names are
 * resolved (blocks; a thread at reload), sockets are bound (needs privileges at
 * the start), and a socket that the service manager has passed is taken in
 * place of one of our own if it has the same address.
 *
 * Lifecycle  endpoints_resolve() -> endpoints_bind() -> listener takes the
 *            descriptors -> endpoints_free(), which closes what was not taken.
 * Errors     conf_errors, with file, line, what is wrong and what to do.
 * Threads    endpoints_resolve() any; the others the loop's.
 */
#ifndef ENDPOINT_H
#define ENDPOINT_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

#include "conf/conf.h"

/* Always accept: overflow of a short backlog becomes resets (man 2 listen). */
#define ENDPOINT_BACKLOG	4096

struct endpoint {
	size_t			 listener;	/* index in conf->listeners */
	char			*text;		/* as configured, owned */
	struct sockaddr_storage	 address;
	socklen_t		 len;		/* 0: passed, found by name */
	bool			 any_family;	/* "*": IPv6 or else IPv4 */
	bool			 kept;		/* by a reload, from before */
	bool			 given;		/* to one of the next */
	int			 fd;		/* -1: not bound, or taken */
};

struct endpoints {
	struct endpoint	*v;
	size_t		 n;
};

/* Sockets that the service manager passed; read once, at the start. */
struct inherited {
	int	 fd;
	char	*name;			/* owned */
	bool	 used;
};

struct inherited_list {
	struct inherited	*v;
	size_t			 n;
};

/* -1 if a name does not resolve or memory is short; errors says what. */
int endpoints_resolve(struct endpoints *endpoints, const struct conf *conf,
    struct conf_errors *errors) __attribute__((warn_unused_result));

/*
 * Bind and listen, all that are not bound.  An endpoint of `old` with the same
 * address gives its descriptor away.  -1: at least one could not be bound.
 */
int endpoints_bind(struct endpoints *endpoints, const struct conf *conf,
    struct endpoints *old, struct inherited_list *inherited,
    struct conf_errors *errors) __attribute__((warn_unused_result));

void endpoints_free(struct endpoints *endpoints);

/* Address as text, "127.0.0.1:9100" or "[::]:9100". */
#define ENDPOINT_TEXT_LEN	64
void endpoint_address(int fd, char text[ENDPOINT_TEXT_LEN]);

#endif /* ENDPOINT_H */
