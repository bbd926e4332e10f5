/*
 * <printport/tcpmon.h> - structures that manage ports of the monitor `socket`.
 *
 * They are those of TCPMON, the standard TCP/IP port monitor of Windows, with
 * the same fields: PORT_DATA_1 and _2, DELETE_PORT_DATA_1, CONFIG_INFO_DATA_1.
 * The calls, on an Xcv handle of the monitor or of a port:
 *
 *	AddPort		pp_port_data_1 or _2		on the monitor
 *	ConfigPort	pp_port_data_1 or _2		on the port
 *	DeletePort	pp_delete_port_data_1		on either
 *	GetConfigInfo	pp_config_info_data_1 ->	on the port
 *			pp_port_data_ of its version
 *	HostAddress	-> text				on the port
 *	IPAddress	-> text, looked up		on the port
 *	SNMPCommunity	-> text				on the port
 *	SNMPEnabled	-> uint32_t, 0 or 1		on the port
 *	SNMPDeviceIndex	-> uint32_t			on the port
 *
 * The first three need PP_ACCESS_ADMINISTER, and so does SNMPCommunity, which
 * is a secret: without that right GetConfigInfo leaves it empty.
 *
 * AddPort, ConfigPort and DeletePort take the text form of monitor_util.h as
 * well.  One is told from the other by the byte behind the first NUL: in a
 * structure it is a control character, mostly a NUL, as text is filled up with
 * them; in the text form it is the beginning of a key, or not there.
 *
 * ConfigPort with a structure changes what the structure has, and leaves all
 * other settings of the port as they are; with text it replaces them all.
 *
 * Text       UTF-8, with a NUL, and NULs to the end of the field.
 * Numbers    In the order of this machine.
 * Errors     PP_ACCESS_DENIED, then PP_INVALID_DATA (no structure, or a short
 *            one), PP_INVALID_LEVEL (its version), PP_INVALID_PARAMETER (its
 *            size or content), PP_INVALID_NAME, PP_NOT_SUPPORTED (LPR).
 */
#ifndef PRINTPORT_TCPMON_H
#define PRINTPORT_TCPMON_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Protocols.  This monitor does RAW; ports for LPR are of the monitor lpr. */
#define PP_PROTOCOL_RAW		1u
#define PP_PROTOCOL_LPR		2u

/* Sizes of texts, with their NUL. */
#define PP_TCPMON_PORT_NAME	64
#define PP_TCPMON_HOST_1	49
#define PP_TCPMON_HOST_2	128
#define PP_TCPMON_COMMUNITY	33
#define PP_TCPMON_QUEUE		33
#define PP_TCPMON_IP_ADDRESS	16

/* PORT_DATA_1. */
struct pp_port_data_1 {
	char		port_name[PP_TCPMON_PORT_NAME];
	uint32_t	version;	/* 1 */
	uint32_t	protocol;	/* PP_PROTOCOL_RAW */
	uint32_t	size;		/* of this structure */
	uint32_t	reserved;	/* 0 */
	char		host_address[PP_TCPMON_HOST_1];	/* name or address */
	char		snmp_community[PP_TCPMON_COMMUNITY]; /* "": public */
	char		filler_1[2];	/* 0 */
	uint32_t	double_spool;	/* 0: it is for LPR */
	char		queue[PP_TCPMON_QUEUE];		/* "": it is for LPR */
	/* If host_address is "": the printer's address.  In answers: its
	 * address if host_address is one, and has room here. */
	char		ip_address[PP_TCPMON_IP_ADDRESS];
	char		filler_2[3];	/* 0 */
	char		reserved_2[540]; /* 0 */
	uint32_t	port_number;	/* 0: 9100 */
	uint32_t	snmp_enabled;	/* 0 or 1 */
	uint32_t	snmp_dev_index;	/* 0: 1 */
};

/* PORT_DATA_2: room for longer names. */
struct pp_port_data_2 {
	char		port_name[PP_TCPMON_PORT_NAME];
	uint32_t	version;	/* 2 */
	uint32_t	protocol;	/* PP_PROTOCOL_RAW */
	uint32_t	size;		/* of this structure */
	uint32_t	reserved;	/* 0 */
	char		host_address[PP_TCPMON_HOST_2];	/* name or address */
	char		snmp_community[PP_TCPMON_COMMUNITY]; /* "": public */
	char		filler_1[3];	/* 0 */
	uint32_t	double_spool;	/* 0: it is for LPR */
	char		queue[PP_TCPMON_QUEUE];		/* "": it is for LPR */
	char		filler_2[1];	/* 0 */
	char		reserved_2[514]; /* 0 */
	uint32_t	port_number;	/* 0: 9100 */
	uint32_t	snmp_enabled;	/* 0 or 1 */
	uint32_t	snmp_dev_index;	/* 0: 1 */
	uint32_t	port_monitor_mib_index; /* 0 */
};

/* DELETE_PORT_DATA_1. */
struct pp_delete_port_data_1 {
	char		port_name[PP_TCPMON_PORT_NAME];
	char		reserved[98];	/* 0 */
	char		filler[2];	/* 0 */
	uint32_t	version;	/* 1 */
	uint32_t	reserved_2;	/* 0 */
};

/* CONFIG_INFO_DATA_1: which structure is asked for. */
struct pp_config_info_data_1 {
	char		reserved[128];	/* 0 */
	uint32_t	version;	/* 1 or 2 */
};

#ifdef __cplusplus
}
#endif

#endif /* PRINTPORT_TCPMON_H */
