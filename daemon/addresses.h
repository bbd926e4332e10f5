/*
 * addresses - how many connections each address has, of all listeners.
 *
 * Lifecycle  A record lives as long as its address has a connection.
 * Errors     For lack of memory a connection stays uncounted; addresses_leave()
 *            takes what it finds.
 * Threads    The loop's, only.
 */
#ifndef ADDRESSES_H
#define ADDRESSES_H

#include <stddef.h>

#include "document.h"

void addresses_enter(const union document_peer *peer);
void addresses_leave(const union document_peer *peer);
size_t addresses_count(const union document_peer *peer);

#endif /* ADDRESSES_H */
