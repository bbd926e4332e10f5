/*
 * loader - from the name of a monitor to its table of functions.
 *
 * A module NAME is the file NAME.so in one of the configured directories, the
 * first that has it.  Directory and file must belong to root or to the
 * daemon's user and be writable by nobody else.  It is loaded with
 * RTLD_NOW|RTLD_LOCAL; its table's size and ABI number are checked, and a table
 * that lacks a required member is refused by that member's name.
 *
 * Lifecycle  module_load() .. module_unload().
 * Ownership  A module owns its copy of the table, its instance, its code.
 * Errors     NULL and a fault; nothing stays loaded.
 * Threads    None.
 */
#ifndef LOADER_H
#define LOADER_H

#include <sys/types.h>

#include "fault.h"
#include "monitor.h"

struct module;

/* Where modules may come from. */
struct loader_rules {
	char	*const	*directories;	/* borrowed */
	size_t		 n_directories;
	uid_t		 owner;		/* besides root */
};

struct module *module_load(const struct loader_rules *rules, const char *name,
    const struct pp_host *host, struct fault *fault);

/*
 * The table: always of today's size, members that the module's own table is
 * too short for being NULL.
 */
const struct pp_monitor2 *module_table(const struct module *module);
struct pp_monitor *module_instance(const struct module *module);
const char *module_name(const struct module *module);

/* Shutdown, then unload the code. */
void module_unload(struct module *module);

/*
 * 0 if the table has every member that its kinds require, else
 * PP_INVALID_MONITOR and the fault names the first that is missing.
 */
int module_table_check(const struct pp_monitor2 *table, struct fault *fault);

#endif /* LOADER_H */
