/*
 * session_xcv.c - management of ports: the Xcv half of session.h.
 *
 *	open -> data, data, ... -> close
 *
 * The rights are fixed at open and kept here as well as in the module, so that
 * a module that forgets to look cannot be talked into a change.  The checks of
 * AddPort and DeletePort that every monitor would have to make stand here too.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "session_internal.h"
#include "name.h"

/* Names that change something, and whose input begins with a port's name. */
static const struct operation {
	const char	*name;
	bool		 names_port;
} operations[] = {
	{ "AddPort", true },
	{ "ConfigPort", false },
	{ "DeletePort", true },
};

static const struct operation *
find_operation(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
		if (strcmp(operations[i].name, name) == 0)
			return &operations[i];
	return NULL;
}

/* ---- open ---------------------------------------------------------------- */

static int
call_open(const struct session *session, struct session_xcv *xcv,
    const char *object)
{
	struct module *module = xcv->monitor->module;
	int code;

	session_enter(session, WIRE_CALL_XCV);
	code = module_table(module)->xcv_open_port(module_instance(module),
	    object, xcv->access, &xcv->object);
	code = session_leave(session, code);
	if (code == 0 && xcv->object == NULL)
		code = -EPROTO;
	return code;
}

static int
open_fresh(struct session *session, struct session_xcv *xcv,
    const char *object, handle *number)
{
	int code;

	*number = handle_open(session->handles, HANDLE_XCV, xcv);
	if (*number == 0)
		return PP_NO_MEMORY;
	code = call_open(session, xcv, object);
	if (code != 0) {
		handle_close(session->handles, HANDLE_XCV, *number);
		*number = 0;
		return code;
	}
	xcv->monitor->users++;
	return 0;
}

int
session_xcv_open(struct session *session, handle monitor_number,
    const char *object, uint32_t access, handle *number)
{
	struct session_monitor *monitor;
	struct session_xcv *xcv;
	int code;

	*number = 0;
	monitor = handle_get(session->handles, HANDLE_MONITOR, monitor_number);
	if (monitor == NULL)
		return PP_INVALID_HANDLE;
	if (module_table(monitor->module)->xcv_open_port == NULL ||
	    module_table(monitor->module)->xcv_data_port == NULL ||
	    module_table(monitor->module)->xcv_close_port == NULL)
		return PP_NOT_SUPPORTED;
	if (object == NULL)
		object = "";
	if (object[0] != '\0' && !name_port_valid(object))
		return PP_INVALID_NAME;
	xcv = calloc(1, sizeof(*xcv));
	if (xcv == NULL)
		return PP_NO_MEMORY;
	xcv->monitor = monitor;
	xcv->access = access;
	code = open_fresh(session, xcv, object, number);
	if (code != 0)
		free(xcv);
	return code;
}

/* ---- data ---------------------------------------------------------------- */

/* The input comes from a client: nothing about it is sure. */
static int
check_port_name(const void *in, size_t in_len)
{
	if (in == NULL || in_len == 0 || memchr(in, '\0', in_len) == NULL)
		return PP_INVALID_DATA;
	return name_port_valid(in) ? 0 : PP_INVALID_NAME;
}

static int
check_operation(const struct session *session,
    const struct session_xcv *xcv, const char *name, const void *in,
    size_t in_len)
{
	const struct operation *operation = find_operation(name);
	int code;

	if (operation == NULL)
		return 0;
	if ((xcv->access & PP_ACCESS_ADMINISTER) == 0)
		return PP_ACCESS_DENIED;
	if (!operation->names_port)
		return 0;
	code = check_port_name(in, in_len);
	if (code != 0)
		return code;
	if (strcmp(name, "AddPort") == 0)
		return session->host->port_exists(session->host->cookie,
		    in) == 1 ? PP_ALREADY_EXISTS : 0;
	return session_port_is_open(session, in) ? PP_BUSY : 0;
}

static int
check_data(const struct session *session, const struct session_xcv *xcv,
    const char *name, const void *in, size_t in_len)
{
	if (xcv == NULL)
		return PP_INVALID_HANDLE;
	if (name == NULL || name[0] == '\0' || (in == NULL && in_len > 0))
		return PP_INVALID_PARAMETER;
	return check_operation(session, xcv, name, in, in_len);
}

/* Does the size that the module names go with its code? */
static int
check_needed(int code, size_t needed, size_t out_size)
{
	if ((code == 0 && needed > out_size) ||
	    (code == PP_BUFFER_TOO_SMALL && needed <= out_size))
		return -EPROTO;
	return code;
}

int
session_xcv_data(struct session *session, handle number, const char *name,
    const void *in, size_t in_len, void *out, size_t out_size, size_t *needed)
{
	struct session_xcv *xcv;
	int code;

	*needed = 0;
	xcv = handle_get(session->handles, HANDLE_XCV, number);
	code = check_data(session, xcv, name, in, in_len);
	if (code != 0)
		return code;
	if (out == NULL)
		out_size = 0;
	session_enter(session, WIRE_CALL_XCV);
	code = module_table(xcv->monitor->module)->xcv_data_port(xcv->object,
	    name, in, in_len, out, out_size, needed);
	code = session_leave(session, code);
	return check_needed(code, *needed, out_size);
}

/* ---- close --------------------------------------------------------------- */

int
session_xcv_close(struct session *session, handle number)
{
	struct session_xcv *xcv;
	int code;

	xcv = handle_close(session->handles, HANDLE_XCV, number);
	if (xcv == NULL)
		return PP_INVALID_HANDLE;
	session_enter(session, WIRE_CALL_XCV);
	code = module_table(xcv->monitor->module)->xcv_close_port(
	    xcv->object);
	code = session_leave(session, code);
	xcv->monitor->users--;
	free(xcv);
	return code;
}
