/*
 * sysd - the service manager: readiness, watchdog, passed sockets.
 *
 * sysd_systemd.c or, built without libsystemd, sysd_none.c.  Both are silent
 * where there is no service manager.
 */
#ifndef SYSD_H
#define SYSD_H

#include <stdint.h>

#include "endpoint.h"

/* Sockets that were passed (LISTEN_FDS); -1: no memory. */
int sysd_take_sockets(struct inherited_list *list)
    __attribute__((warn_unused_result));

/* READY=1 with a status line; RELOADING=1; STOPPING=1. */
void sysd_ready(const char *status);
void sysd_reloading(void);
void sysd_stopping(void);

/* How often sysd_alive() is wanted, 0: never. */
int64_t sysd_watchdog_ms(void);
void sysd_alive(void);

#endif /* SYSD_H */
