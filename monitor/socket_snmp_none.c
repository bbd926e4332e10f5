/*
 * socket_snmp_none.c - see socket_snmp.h: built without net-snmp.
 */
#include <stddef.h>

#include "socket_snmp.h"

const char *
socket_snmp_lack(void)
{
	return "snmp = yes: this monitor was built without net-snmp "
	    "(configure --with-snmp)";
}
