/*
 * module.c - see module.h.
 */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

#include <check.h>

#include "tests/module.h"

void
module_open(struct module *module, const char *name)
{
	const char *directory = getenv("PRINTPORT_MODULES");
	pp_initialize_print_monitor2_fn *init;
	char path[4096];
	int error = -1;

	ck_assert_msg(directory != NULL, "PRINTPORT_MODULES is not set");
	snprintf(path, sizeof(path), "%s/%s.so", directory, name);
	module->object = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	ck_assert_msg(module->object != NULL, "%s", dlerror());
	*(void **)&init = dlsym(module->object, "pp_initialize_print_monitor2");
	ck_assert_msg(init != NULL, "%s has no entry", path);
	module->host = fake_host_new();
	module->table = init(&module->host->api, &module->monitor, &error);
	ck_assert_ptr_nonnull(module->table);
	ck_assert_int_eq(error, PP_OK);
	module->host->declared = module->table->settings;
}

void
module_close(struct module *module)
{
	module->table->shutdown(module->monitor);
	module->host->shut = true;
	dlclose(module->object);
	ck_assert_uint_eq(module->host->n_late, 0);
	ck_assert_uint_eq(module->host->n_live, 0);
	fake_host_free(module->host);
}
