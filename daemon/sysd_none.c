/*
 * sysd_none.c - built without libsystemd; see sysd.h.
 */
#include "sysd.h"

int
sysd_take_sockets(struct inherited_list *list)
{
	*list = (struct inherited_list){ NULL, 0 };
	return 0;
}

void
sysd_ready(const char *status)
{
	(void)status;
}

void
sysd_reloading(void)
{
}

void
sysd_stopping(void)
{
}

int64_t
sysd_watchdog_ms(void)
{
	return 0;
}

void
sysd_alive(void)
{
}
