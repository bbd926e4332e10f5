/*
 * socket_status.c - see socket_status.h.
 *
 * What keeps a printer from printing is an error, which keeps new jobs away; a
 * tray that is empty or missing may not be the one in use, and is one only if
 * the printer says that it is down.  What runs low is a warning.
 */
#include "socket_status.h"

/* From the worst to the least. */
static const struct {
	enum socket_fault	 fault;
	enum pp_port_status	 status;
	enum pp_severity	 severity;
	enum pp_severity	 when_down;
	const char		*text;
} table[] = {
#define STOPS	PP_SEVERITY_ERROR, PP_SEVERITY_ERROR
#define MAY	PP_SEVERITY_WARNING, PP_SEVERITY_ERROR
#define WARNS	PP_SEVERITY_WARNING, PP_SEVERITY_WARNING
#define TELLS	PP_SEVERITY_INFO, PP_SEVERITY_INFO
	{ SOCKET_JAMMED, PP_STATUS_PAPER_JAM, STOPS, "paper jam" },
	{ SOCKET_DOOR_OPEN, PP_STATUS_DOOR_OPEN, STOPS, "a door is open" },
	{ SOCKET_NO_PAPER, PP_STATUS_PAPER_OUT, STOPS, "out of paper" },
	{ SOCKET_NO_TONER, PP_STATUS_NO_TONER, STOPS, "out of toner or ink" },
	{ SOCKET_MARKER_SUPPLY_MISSING, PP_STATUS_NO_TONER, STOPS,
	  "a cartridge is missing" },
	{ SOCKET_OUTPUT_FULL, PP_STATUS_OUTPUT_BIN_FULL, STOPS,
	  "the output bin is full" },
	{ SOCKET_OFFLINE, PP_STATUS_OFFLINE, STOPS, "the printer is offline" },
	{ SOCKET_INPUT_TRAY_EMPTY, PP_STATUS_PAPER_PROBLEM, MAY,
	  "a paper tray is empty" },
	{ SOCKET_INPUT_TRAY_MISSING, PP_STATUS_PAPER_PROBLEM, MAY,
	  "a paper tray is missing" },
	{ SOCKET_OUTPUT_TRAY_MISSING, PP_STATUS_OUTPUT_BIN_FULL, MAY,
	  "an output bin is missing" },
	{ SOCKET_SERVICE_REQUESTED, PP_STATUS_USER_INTERVENTION, MAY,
	  "the printer wants service" },
	{ SOCKET_LOW_TONER, PP_STATUS_TONER_LOW, WARNS,
	  "toner or ink is low" },
	{ SOCKET_LOW_PAPER, PP_STATUS_PAPER_PROBLEM, WARNS, "paper is low" },
	{ SOCKET_OUTPUT_NEAR_FULL, PP_STATUS_OUTPUT_BIN_FULL, WARNS,
	  "the output bin is nearly full" },
	{ SOCKET_OVERDUE_MAINTENANCE, PP_STATUS_USER_INTERVENTION, TELLS,
	  "maintenance is overdue" },
};
#define ROWS	(sizeof(table) / sizeof(table[0]))

static struct pp_port_info_3
info(enum pp_port_status status, enum pp_severity severity, const char *text)
{
	return (struct pp_port_info_3){ status, severity, text };
}

struct pp_port_info_3
socket_status_of(const struct socket_report *report)
{
	bool down = report->device == SOCKET_DEVICE_DOWN;
	const struct pp_port_info_3 clear = info(PP_STATUS_CLEAR,
	    PP_SEVERITY_NONE, NULL);
	struct pp_port_info_3 worst = clear;
	enum pp_severity severity;
	size_t i;

	for (i = 0; i < ROWS; i++) {
		severity = down ? table[i].when_down : table[i].severity;
		if ((report->faults & 1u << table[i].fault) != 0 &&
		    (worst.severity == PP_SEVERITY_NONE ||
		    severity < worst.severity))
			worst = info(table[i].status, severity, table[i].text);
	}
	if (worst.severity != PP_SEVERITY_NONE)
		return worst;
	/* Some call themselves down when they sleep, and wake for a job. */
	if (down)
		return info(PP_STATUS_OFFLINE, PP_SEVERITY_WARNING,
		    "the printer says that it is down");
	if (report->printer == SOCKET_PRINTER_WARMUP)
		return info(PP_STATUS_WARMING_UP, PP_SEVERITY_INFO, NULL);
	return clear;
}
