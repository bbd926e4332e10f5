/*
 * socket_snmp_none.c - see socket_snmp.h: built without net-snmp.
 */
#include "socket_snmp.h"

const char *
socket_snmp_lack(void)
{
	return "snmp = yes: this monitor was built without net-snmp: leave it "
	    "out, or configure --with-snmp";
}

/* No port is opened with snmp = yes. */
struct socket_snmp *
socket_snmp_new(const struct pp_host *host, const struct socket_settings *set)
{
	(void)host;
	(void)set;
	return NULL;
}

void
socket_snmp_free(struct socket_snmp *snmp)
{
	(void)snmp;
}

void
socket_snmp_aim(struct socket_snmp *snmp, const struct sockaddr *address,
    socklen_t len)
{
	(void)snmp;
	(void)address;
	(void)len;
}

bool
socket_snmp_poll(struct socket_snmp *snmp, uint32_t *again_ms)
{
	(void)snmp;
	*again_ms = 0;
	return false;
}

const struct socket_report *
socket_snmp_report(const struct socket_snmp *snmp)
{
	static const struct socket_report nothing;

	(void)snmp;
	return &nothing;
}

bool
socket_snmp_count(struct socket_snmp *snmp)
{
	(void)snmp;
	return false;
}
