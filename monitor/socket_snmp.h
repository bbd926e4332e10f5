/*
 * socket_snmp - inside of the module `socket`: what a printer tells by SNMP.
 *
 * Its trouble (HOST-RESOURCES-MIB), its supplies and its page counter
 * (Printer-MIB).  socket_snmp.c asks with net-snmp; without that library
 * socket_snmp_none.c takes its place.
 *
 * Lifecycle  socket_snmp_new() .. socket_snmp_free().
 * Ownership  Owns its socket and all that it reports.
 * Errors     A printer that does not answer is no error: it is asked more and
 *            more rarely, and what it said last stays so.
 */
#ifndef SOCKET_SNMP_H
#define SOCKET_SNMP_H

#include <stdbool.h>

/* Why nothing can be asked; NULL: it can. */
const char *socket_snmp_lack(void);

#endif /* SOCKET_SNMP_H */
