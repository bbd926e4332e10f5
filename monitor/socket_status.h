/*
 * socket_status - inside of the module `socket`: a printer's report in the
 * words of a port's status.
 */
#ifndef SOCKET_STATUS_H
#define SOCKET_STATUS_H

#include "monitor.h"
#include "socket_snmp.h"

/* The worst of what is reported; PP_STATUS_CLEAR if it is nothing. */
struct pp_port_info_3 socket_status_of(const struct socket_report *report);

#endif /* SOCKET_STATUS_H */
