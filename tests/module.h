/*
 * module - a monitor module, loaded and initialised on a fake_host.
 *
 * The module comes from the directory in $PRINTPORT_MODULES.
 */
#ifndef MODULE_H
#define MODULE_H

#include "monitor/monitor.h"
#include "tests/fake_host.h"

struct module {
	void				*object;	/* of dlopen */
	const struct pp_monitor2	*table;
	struct pp_monitor		*monitor;
	struct fake_host		*host;		/* owned */
};

/* Load and initialise; whatever fails ends the test. */
void module_open(struct module *module, const char *name);
/* Shut down, see that the module is silent then, and unload. */
void module_close(struct module *module);

#endif /* MODULE_H */
