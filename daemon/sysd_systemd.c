/*
 * sysd_systemd.c - see sysd.h.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "sysd.h"

int
sysd_take_sockets(struct inherited_list *list)
{
	char **names = NULL;
	int n, i, rc = 0;

	*list = (struct inherited_list){ NULL, 0 };
	n = sd_listen_fds_with_names(1, &names);
	if (n <= 0)
		return 0;
	list->v = calloc((size_t)n, sizeof(*list->v));
	for (i = 0; i < n; i++) {
		(void)fcntl(SD_LISTEN_FDS_START + i, F_SETFD, FD_CLOEXEC);
		if (list->v == NULL) {
			free(names[i]);
			rc = -1;
			continue;
		}
		list->v[list->n++] = (struct inherited){
		    .fd = SD_LISTEN_FDS_START + i, .name = names[i] };
	}
	free(names);
	return rc;
}

void
sysd_ready(const char *status)
{
	(void)sd_notifyf(0, "READY=1\nSTATUS=%s", status);
}

/* Newer managers want the time, to tell this reload from the next. */
void
sysd_reloading(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%" PRId64
	    "\nSTATUS=reading the configuration",
	    (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void
sysd_stopping(void)
{
	(void)sd_notify(0, "STOPPING=1\nSTATUS=ending the running documents");
}

int64_t
sysd_watchdog_ms(void)
{
	uint64_t usec = 0;

	if (sd_watchdog_enabled(0, &usec) <= 0)
		return 0;
	return (int64_t)(usec / 2000);
}

void
sysd_alive(void)
{
	(void)sd_notify(0, "WATCHDOG=1");
}
