/*
 * loader.c - see loader.h.
 *
 *	find file -> trust it -> dlopen -> init -> adopt its table -> module
 */
#include <sys/stat.h>

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loader.h"
#include "name.h"

struct module {
	char			*name;		/* owned */
	void			*code;		/* of dlopen, owned */
	struct pp_monitor	*instance;
	struct pp_monitor2	 table;
};

/* ---- the table ----------------------------------------------------------- */

struct member {
	const char	*name;
	size_t		 offset;
};

#define MEMBER(name)	{ #name, offsetof(struct pp_monitor2, name) }

static const struct member port_members[] = {
	MEMBER(enum_ports), MEMBER(open_port), MEMBER(start_doc_port),
	MEMBER(write_port), MEMBER(read_port), MEMBER(end_doc_port),
	MEMBER(close_port), MEMBER(xcv_open_port), MEMBER(xcv_data_port),
	MEMBER(xcv_close_port), MEMBER(shutdown),
	{ NULL, 0 }
};

static const struct member language_members[] = {
	MEMBER(open_port_ex), MEMBER(start_doc_port), MEMBER(write_port),
	MEMBER(read_port), MEMBER(end_doc_port), MEMBER(close_port),
	MEMBER(shutdown),
	{ NULL, 0 }
};

static int
check_members(const struct pp_monitor2 *table, const struct member *members,
    const char *kind, struct fault *fault)
{
	void (*entry)(void);

	for (; members->name != NULL; members++) {
		memcpy(&entry, (const char *)table + members->offset,
		    sizeof(entry));
		if (entry == NULL)
			return fault_set(fault, PP_INVALID_MONITOR,
			    "module \"%s\" lacks %s, which a %s monitor must "
			    "have", table->name, members->name, kind);
	}
	return 0;
}

int
module_table_check(const struct pp_monitor2 *table, struct fault *fault)
{
	int code = 0;

	if (table->name == NULL || !name_module_valid(table->name))
		return fault_set(fault, PP_INVALID_MONITOR,
		    "the module's table has no usable name");
	if (table->kinds == 0 ||
	    (table->kinds & ~(PP_PORT_MONITOR | PP_LANGUAGE_MONITOR)) != 0)
		return fault_set(fault, PP_INVALID_MONITOR,
		    "module \"%s\" says it is of kind 0x%x; it must be a port "
		    "monitor, a language monitor or both", table->name,
		    table->kinds);
	if (table->kinds & PP_PORT_MONITOR)
		code = check_members(table, port_members, "port", fault);
	if (code == 0 && table->kinds & PP_LANGUAGE_MONITOR)
		code = check_members(table, language_members, "language",
		    fault);
	return code;
}

/*
 * Copy what the module has of the table.  Nothing behind its size is read;
 * what it does not have stays NULL.
 */
static int
table_copy(struct pp_monitor2 *own, const struct pp_monitor2 *theirs,
    const char *name, struct fault *fault)
{
	size_t size = theirs->size;

	if (size >= offsetof(struct pp_monitor2, name) &&
	    theirs->abi != PP_MONITOR_ABI)
		return fault_set(fault, PP_INVALID_MONITOR,
		    "module \"%s\" is made for ABI %u; this is ABI %u", name,
		    theirs->abi, PP_MONITOR_ABI);
	if (size < PP_MONITOR2_SIZE_MIN)
		return fault_set(fault, PP_INVALID_MONITOR,
		    "module \"%s\" has a table of %zu bytes; it must have at "
		    "least %zu", name, size, PP_MONITOR2_SIZE_MIN);
	if (size > sizeof(*own))
		size = sizeof(*own);
	memset(own, 0, sizeof(*own));
	memcpy(own, theirs, size);
	own->size = sizeof(*own);
	if (own->summary == NULL)
		own->summary = "";
	return 0;
}

static int
table_adopt(struct module *module, const struct pp_monitor2 *theirs,
    struct fault *fault)
{
	int code;

	code = table_copy(&module->table, theirs, module->name, fault);
	if (code == 0)
		code = module_table_check(&module->table, fault);
	if (code == 0 && strcmp(module->table.name, module->name) != 0)
		code = fault_set(fault, PP_INVALID_MONITOR,
		    "the file %s.so holds a module that calls itself \"%s\"",
		    module->name, module->table.name);
	return code;
}

/* ---- the file ------------------------------------------------------------ */

/* Could anyone but root and the daemon's user have put this there? */
static int
check_owner(const char *path, const struct stat *st, uid_t owner,
    struct fault *fault)
{
	if (st->st_uid != 0 && st->st_uid != owner)
		return fault_set(fault, PP_ACCESS_DENIED,
		    "%s belongs to user %u; it must belong to root: chown "
		    "root %s", path, (unsigned)st->st_uid, path);
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return fault_set(fault, PP_ACCESS_DENIED,
		    "%s may be written by group or others: chmod go-w %s",
		    path, path);
	return 0;
}

static int
check_file(const char *path, const struct stat *st, uid_t owner,
    struct fault *fault)
{
	if (S_ISLNK(st->st_mode))
		return fault_set(fault, PP_ACCESS_DENIED,
		    "%s is a symbolic link; the file itself must be there",
		    path);
	if (!S_ISREG(st->st_mode))
		return fault_set(fault, PP_INVALID_MONITOR,
		    "%s is not a regular file", path);
	return check_owner(path, st, owner, fault);
}

/*
 * Look into one directory.  PP_NOT_FOUND if it does not have the file; any
 * other failure is final, so that nobody gets a module from further down the
 * list by spoiling one higher up unseen.
 */
static int
look_in(const char *directory, const char *name, uid_t owner,
    char path[PATH_MAX], struct fault *fault)
{
	struct stat st;
	int code;

	if (snprintf(path, PATH_MAX, "%s/%s.so", directory, name) >= PATH_MAX)
		return fault_set(fault, PP_INVALID_NAME,
		    "monitor directory %s has too long a name", directory);
	if (lstat(path, &st) == -1) {
		if (errno == ENOENT || errno == ENOTDIR)
			return PP_NOT_FOUND;
		return fault_set(fault, -errno, "%s: %s", path,
		    strerror(errno));
	}
	code = check_file(path, &st, owner, fault);
	if (code != 0)
		return code;
	if (stat(directory, &st) == -1)
		return fault_set(fault, -errno, "%s: %s", directory,
		    strerror(errno));
	return check_owner(directory, &st, owner, fault);
}

static int
not_found(const struct loader_rules *rules, const char *name,
    struct fault *fault)
{
	char places[400] = "no directory";
	size_t i, len = 0;

	for (i = 0; i < rules->n_directories && len < sizeof(places); i++)
		len += (size_t)snprintf(places + len, sizeof(places) - len,
		    "%s%s", i > 0 ? ", " : "", rules->directories[i]);
	return fault_set(fault, PP_NOT_FOUND,
	    "there is no monitor \"%s\": no file %s.so in %s", name, name,
	    places);
}

static int
find_file(const struct loader_rules *rules, const char *name,
    char path[PATH_MAX], struct fault *fault)
{
	size_t i;
	int code;

	if (!name_module_valid(name))
		return fault_set(fault, PP_INVALID_NAME,
		    "\"%s\" is no name of a monitor: it takes 1 to 63 of the "
		    "characters A-Z a-z 0-9 _ -", name);
	for (i = 0; i < rules->n_directories; i++) {
		code = look_in(rules->directories[i], name, rules->owner,
		    path, fault);
		if (code != PP_NOT_FOUND)
			return code;
	}
	return not_found(rules, name, fault);
}

/* ---- life ---------------------------------------------------------------- */

static pp_initialize_print_monitor2_fn *
find_init(struct module *module, const char *path, struct fault *fault)
{
	pp_initialize_print_monitor2_fn *init = NULL;
	void *symbol;

	module->code = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (module->code == NULL) {
		fault_set(fault, PP_INVALID_MONITOR,
		    "%s cannot be loaded: %s", path, dlerror());
		return NULL;
	}
	symbol = dlsym(module->code, "pp_initialize_print_monitor2");
	if (symbol == NULL)
		fault_set(fault, PP_INVALID_MONITOR,
		    "%s is no monitor: it does not export "
		    "pp_initialize_print_monitor2", path);
	memcpy(&init, &symbol, sizeof(init));
	return init;
}

static int
initialise(struct module *module, pp_initialize_print_monitor2_fn *init,
    const struct pp_host *host, struct fault *fault)
{
	const struct pp_monitor2 *theirs;
	int error = 0, code;

	theirs = init(host, &module->instance, &error);
	if (theirs == NULL) {
		code = error < 0 ? error : PP_INVALID_MONITOR;
		return fault_set(fault, code,
		    "module \"%s\" could not initialise: %s", module->name,
		    fault_code_text(code));
	}
	code = table_adopt(module, theirs, fault);
	if (code != 0 && module->table.shutdown != NULL)
		module->table.shutdown(module->instance);
	return code;
}

static void
release(struct module *module)
{
	if (module->code != NULL)
		dlclose(module->code);
	free(module->name);
	free(module);
}

struct module *
module_load(const struct loader_rules *rules, const char *name,
    const struct pp_host *host, struct fault *fault)
{
	pp_initialize_print_monitor2_fn *init;
	struct module *module;
	char path[PATH_MAX];

	if (find_file(rules, name, path, fault) != 0)
		return NULL;
	module = calloc(1, sizeof(*module));
	if (module == NULL || (module->name = strdup(name)) == NULL) {
		fault_set(fault, PP_NO_MEMORY, "no memory for module \"%s\"",
		    name);
		free(module);
		return NULL;
	}
	init = find_init(module, path, fault);
	if (init == NULL || initialise(module, init, host, fault) != 0) {
		release(module);
		return NULL;
	}
	return module;
}

const struct pp_monitor2 *
module_table(const struct module *module)
{
	return &module->table;
}

struct pp_monitor *
module_instance(const struct module *module)
{
	return module->instance;
}

const char *
module_name(const struct module *module)
{
	return module->name;
}

void
module_unload(struct module *module)
{
	if (module == NULL)
		return;
	module->table.shutdown(module->instance);
	release(module);
}
