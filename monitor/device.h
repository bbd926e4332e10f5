/*
 * device - inside of the module `device`: a port, and the device behind it.
 *
 * device.c is the module; device_settings.c judges settings, device_node.c
 * finds and opens the device, device_flow.c moves bytes and watches how it is,
 * device_attach.c sends what a device needs first, device_enum.c lists those
 * that no port has.
 *
 * Errors     Negative errno.  What fails in device_*.c has been told to the
 *            log and to the port's status.
 * Units      In the name: _ms is milliseconds.
 */
#ifndef DEVICE_H
#define DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "device_tty.h"
#include "monitor.h"

/* Longest path of a device node, with NUL. */
#define DEVICE_NODE_SIZE	512

enum device_kind {
	DEVICE_LINE,		/* a tty */
	DEVICE_PARALLEL,	/* says when it is busy; poll() knows nothing */
	DEVICE_OTHER		/* a USB printer, or whatever takes bytes */
};

struct pp_port {
	struct pp_monitor	*monitor;	/* borrowed */
	const struct pp_host	*host;		/* borrowed */
	struct pp_port		*next;		/* open port of the monitor */
	char			 name[PP_PORT_NAME_LEN + 1];
	bool			 open;		/* its status may be set */

	/* Settings; strings are owned, NULL if not set. */
	char			*path, *usb, *usb_id;	/* one of them */
	char			*sysfs, *devices, *state;
	char			*on_attach;
	bool			 read;
	bool			 ask_status;
	struct device_line	 line;
	int			 configured_ms;
	int			 asked_ms;	/* set_port_timeouts; or 0 */
	int			 stall_ms;	/* 0: never */

	/* The device. */
	int			 fd;		/* owned; -1: not open */
	enum device_kind	 kind;
	char			 title[DEVICE_NODE_SIZE + 192];
	char			 node[DEVICE_NODE_SIZE];
	char			 appearance[96]; /* another after a plug-in */
	char			 attached[96];	/* the one that had on_attach */

	/* What was said of it last. */
	enum pp_port_status	 status;
	enum pp_severity	 severity;
	bool			 unsaid;	/* ... and nobody heard it */
	bool			 quiet;		/* nobody asks for a reason */

	/* While it takes nothing. */
	int64_t			 stalled_ms;	/* since then; 0: it does not */
	int			 stall_error;	/* of write(): EAGAIN, ENOSPC */
	bool			 named;		/* the device says why */
	int64_t			 looked_ms;	/* at its status, last */
	int			 pause_ms;	/* poll() lies: next wait; or 0 */

	/* The document. */
	bool			 in_document;
	uint64_t		 job;
	int			 error;		/* of the last write, or 0 */
	int			 timeout_ms;
};

/*
 * ---- device_settings.c -----------------------------------------------------
 */

/* Fill in the port's settings, and judge them; what is wrong is logged. */
int device_settings_get(struct pp_port *port);
void device_settings_free(struct pp_port *port);
/* See that no port before this one has the same device. */
int device_settings_alone(const struct pp_port *port);
/* Judge settings that no port has yet. */
int device_settings_judge(const struct pp_host *host,
    const struct pp_setting *settings, size_t count);
/* *text, which the caller frees, is NULL if the key is not set. */
int device_setting(const struct pp_host *host, const char *port,
    const char *key, char **text);

/*
 * ---- device_node.c ---------------------------------------------------------
 */

/* Find the device and have it open for us alone. */
int device_open(struct pp_port *port);
void device_close(struct pp_port *port);
/* What is open is no printer any more. */
bool device_is_gone(const struct pp_port *port);
/* Set what messages call the device while it is not open. */
void device_name(struct pp_port *port);

/*
 * ---- device_flow.c ---------------------------------------------------------
 */

/* Report a trouble to log (unless quiet) and status; returns code. */
int device_trouble(struct pp_port *port, int code, enum pp_port_status status,
    const char *fmt, ...) PP_PRINTF(4, 5);
/* The same for a failed system call; what is "cannot open". */
int device_failed(struct pp_port *port, int code, const char *what);
/* Take back what was reported. */
void device_all_well(struct pp_port *port);

/*
 * Write as much as goes within timeout_ms.  PP_TIMEOUT: nothing went.  As
 * write_port, but for the document.
 */
int device_put(struct pp_port *port, const void *buf, size_t len,
    size_t *written);
/* Wait until what was written is in the printer. */
int device_drain(struct pp_port *port);
/* Let go of what was written and is not in the printer. */
void device_abandon(struct pp_port *port);
/* Ask the device how it is, and report that. */
void device_look(struct pp_port *port);

/*
 * ---- device_attach.c -------------------------------------------------------
 */

/* Send on_attach, if this device has not had it since it was plugged in. */
int device_attach(struct pp_port *port);

/*
 * ---- device_enum.c ---------------------------------------------------------
 */

/* A printer that is plugged in and that no port has. */
struct device_found {
	char	name[PP_PORT_NAME_LEN + 1];
	char	description[384];
};

/* An array of them that the caller frees. */
int device_find_new(const struct pp_host *host, struct device_found **found,
    size_t *count);

#endif /* DEVICE_H */
