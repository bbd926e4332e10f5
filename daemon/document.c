/*
 * document.c - see document.h.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "document.h"

bool
document_touched(const struct wire_outcome *outcome)
{
	return outcome->written > 0 || (outcome->code == 0 &&
	    (outcome->verdict == WIRE_FAILED ||
	    outcome->verdict == WIRE_CANCELED));
}

void
document_peer_name(const struct document *doc, char name[DOCUMENT_PEER_LEN])
{
	const union document_peer *peer = &doc->peer;
	const struct in6_addr *in6 = &peer->in6.sin6_addr;

	snprintf(name, DOCUMENT_PEER_LEN, "unknown");
	if (peer->any.sa_family == AF_INET)
		inet_ntop(AF_INET, &peer->in.sin_addr, name,
		    DOCUMENT_PEER_LEN);
	else if (peer->any.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(in6))
		inet_ntop(AF_INET, in6->s6_addr + 12, name,
		    DOCUMENT_PEER_LEN);
	else if (peer->any.sa_family == AF_INET6)
		inet_ntop(AF_INET6, in6, name, DOCUMENT_PEER_LEN);
}
