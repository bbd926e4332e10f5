/*
 * no_dnssd - keeps ippeveprinter off the network: a shared object to preload.
 *
 * That printer announces itself through avahi-daemon, and does not start where
 * there is none.  Here every announcement succeeds, and nobody hears of it.
 */
#include <stddef.h>

#define REPLACES	__attribute__((visibility("default")))

struct nothing {
	int	unused;
};

static struct nothing nothing;

REPLACES void *avahi_threaded_poll_new(void);
REPLACES void *avahi_threaded_poll_get(void *);
REPLACES int avahi_threaded_poll_start(void *);
REPLACES void avahi_threaded_poll_lock(void *);
REPLACES void avahi_threaded_poll_unlock(void *);
REPLACES void *avahi_client_new(void *, int, void *, void *, int *);
REPLACES void *avahi_entry_group_new(void *, void *, void *);
REPLACES int avahi_entry_group_free(void *);
REPLACES int avahi_entry_group_commit(void *);
REPLACES int avahi_entry_group_add_service_strlst(void *, int, int, int, ...);
REPLACES int avahi_entry_group_add_service_subtype(void *, int, int, int, ...);

void *
avahi_threaded_poll_new(void)
{
	return &nothing;
}

void *
avahi_threaded_poll_get(void *loop)
{
	return loop;
}

int
avahi_threaded_poll_start(void *loop)
{
	(void)loop;
	return 0;
}

void
avahi_threaded_poll_lock(void *loop)
{
	(void)loop;
}

void
avahi_threaded_poll_unlock(void *loop)
{
	(void)loop;
}

void *
avahi_client_new(void *loop, int flags, void *changed, void *arg, int *error)
{
	(void)flags;
	(void)changed;
	(void)arg;
	*error = 0;
	return loop;
}

void *
avahi_entry_group_new(void *client, void *changed, void *arg)
{
	(void)changed;
	(void)arg;
	return client;
}

int
avahi_entry_group_free(void *group)
{
	(void)group;
	return 0;
}

int
avahi_entry_group_commit(void *group)
{
	(void)group;
	return 0;
}

int
avahi_entry_group_add_service_strlst(void *group, int interface, int protocol,
    int flags, ...)
{
	(void)group;
	(void)interface;
	(void)protocol;
	(void)flags;
	return 0;
}

int
avahi_entry_group_add_service_subtype(void *group, int interface, int protocol,
    int flags, ...)
{
	(void)group;
	(void)interface;
	(void)protocol;
	(void)flags;
	return 0;
}
