/*
 * socket_snmp - inside of the module `socket`: what a printer tells by SNMP.
 *
 * Its trouble (HOST-RESOURCES-MIB), its supplies and its page counter
 * (Printer-MIB).  socket_snmp.c asks with net-snmp; without that library
 * socket_snmp_none.c takes its place.
 *
 * Lifecycle  socket_snmp_new() .. socket_snmp_free().  Nothing is asked before
 *            socket_snmp_aim().
 * Ownership  Owns its socket and all that it reports.
 * Blocking   Only socket_snmp_count() waits, in wait_fd() and not for long.
 * Errors     A printer that does not answer is no error: it is asked more and
 *            more rarely, and what it said last stays so.
 */
#ifndef SOCKET_SNMP_H
#define SOCKET_SNMP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "monitor.h"

/* Bits of hrPrinterDetectedErrorState, by their numbers. */
enum socket_fault {
	SOCKET_LOW_PAPER,
	SOCKET_NO_PAPER,
	SOCKET_LOW_TONER,
	SOCKET_NO_TONER,
	SOCKET_DOOR_OPEN,
	SOCKET_JAMMED,
	SOCKET_OFFLINE,
	SOCKET_SERVICE_REQUESTED,
	SOCKET_INPUT_TRAY_MISSING,
	SOCKET_OUTPUT_TRAY_MISSING,
	SOCKET_MARKER_SUPPLY_MISSING,
	SOCKET_OUTPUT_NEAR_FULL,
	SOCKET_OUTPUT_FULL,
	SOCKET_INPUT_TRAY_EMPTY,
	SOCKET_OVERDUE_MAINTENANCE,
	SOCKET_FAULTS
};

/* Values of hrDeviceStatus and hrPrinterStatus that matter here. */
#define SOCKET_DEVICE_DOWN	5
#define SOCKET_PRINTER_PRINTING	4
#define SOCKET_PRINTER_WARMUP	5

#define SOCKET_SUPPLY_NAME	64

struct socket_supply {
	char	name[SOCKET_SUPPLY_NAME];
	int32_t	percent;			/* -1: not known */
};

struct socket_report {
	int			 device;	/* hrDeviceStatus, or 0 */
	int			 printer;	/* hrPrinterStatus, or 0 */
	uint32_t		 faults;	/* 1 << enum socket_fault */
	bool			 counts;	/* it has a page counter */
	uint32_t		 pages;		/* which wraps around */
	struct socket_supply	 supplies[PP_SUPPLIES_MAX];
	size_t			 n_supplies;
};

struct socket_settings;
struct socket_snmp;

/* Why nothing can be asked; NULL: it can. */
const char *socket_snmp_lack(void);

/* NULL: no memory.  The settings are borrowed. */
struct socket_snmp *socket_snmp_new(const struct pp_host *host,
    const struct socket_settings *set);
void socket_snmp_free(struct socket_snmp *snmp);

/* Ask at this address, whatever its port. */
void socket_snmp_aim(struct socket_snmp *snmp, const struct sockaddr *address,
    socklen_t len);

/*
 * Take what has come, and ask if it is time.  True: there is a new report.
 * *again_ms: when to call again; 0: never mind.
 */
bool socket_snmp_poll(struct socket_snmp *snmp, uint32_t *again_ms);
/* The last report; one of a printer that has said nothing is all 0. */
const struct socket_report *socket_snmp_report(const struct socket_snmp *snmp);

/*
 * Ask at once for the state of things, supplies aside, and wait for it; but
 * not for a printer that did not answer last time.  False: it is not known.
 */
bool socket_snmp_count(struct socket_snmp *snmp);

#endif /* SOCKET_SNMP_H */
