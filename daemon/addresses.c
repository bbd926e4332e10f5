/*
 * addresses.c - see addresses.h.
 */
#include <stdlib.h>
#include <string.h>

#include <bsd/sys/tree.h>

#include "addresses.h"

struct client {
	RB_ENTRY(client)	 link;
	struct in6_addr		 address;	/* IPv4 as ::ffff:a.b.c.d */
	size_t			 n;
};

RB_HEAD(client_tree, client);

static int
compare(const struct client *a, const struct client *b)
{
	return memcmp(&a->address, &b->address, sizeof(a->address));
}

RB_PROTOTYPE(client_tree, client, link, compare)
RB_GENERATE(client_tree, client, link, compare)

static struct client_tree addresses = RB_INITIALIZER(&addresses);

static void
make_key(const union document_peer *peer, struct client *key)
{
	memset(&key->address, 0, sizeof(key->address));
	if (peer->any.sa_family == AF_INET6)
		key->address = peer->in6.sin6_addr;
	else if (peer->any.sa_family == AF_INET) {
		key->address.s6_addr[10] = key->address.s6_addr[11] = 0xff;
		memcpy(&key->address.s6_addr[12], &peer->in.sin_addr,
		    sizeof(peer->in.sin_addr));
	}
}

static struct client *
find(const union document_peer *peer)
{
	struct client key;

	make_key(peer, &key);
	return RB_FIND(client_tree, &addresses, &key);
}

void
addresses_enter(const union document_peer *peer)
{
	struct client *client = find(peer);

	if (client == NULL) {
		client = calloc(1, sizeof(*client));
		if (client == NULL)
			return;
		make_key(peer, client);
		RB_INSERT(client_tree, &addresses, client);
	}
	client->n++;
}

void
addresses_leave(const union document_peer *peer)
{
	struct client *client = find(peer);

	if (client == NULL || --client->n > 0)
		return;
	RB_REMOVE(client_tree, &addresses, client);
	free(client);
}

size_t
addresses_count(const union document_peer *peer)
{
	const struct client *client = find(peer);

	return client != NULL ? client->n : 0;
}
