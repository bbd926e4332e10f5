/*
 * session.c - see session.h: monitors and ports, in the order of their lives.
 *
 * What a module returns is looked at before it is believed: a code that is
 * none, or a count of more than was asked, makes the call fail with -EPROTO.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "session_internal.h"
#include "name.h"

void
session_enter(const struct session *session, enum wire_call call)
{
	if (session->hooks != NULL && session->hooks->before != NULL)
		session->hooks->before(session->hooks->arg, call);
}

static void
leave(const struct session *session)
{
	if (session->hooks != NULL && session->hooks->after != NULL)
		session->hooks->after(session->hooks->arg);
}

int
session_leave(const struct session *session, int code)
{
	leave(session);
	return code <= 0 ? code : -EPROTO;
}

/* ---- the session itself -------------------------------------------------- */

struct session *
session_new(const struct pp_host *host, const struct loader_rules *rules,
    const struct session_hooks *hooks)
{
	struct session *session = calloc(1, sizeof(*session));

	if (session == NULL)
		return NULL;
	session->handles = handle_table_new();
	if (session->handles == NULL) {
		free(session);
		return NULL;
	}
	session->host = host;
	session->rules = rules;
	session->hooks = hooks;
	return session;
}

/* The exact reverse of how things came to be. */
void
session_free(struct session *session)
{
	handle number;

	if (session == NULL)
		return;
	while ((number = handle_last(session->handles, HANDLE_XCV)) != 0)
		(void)session_xcv_close(session, number);
	while ((number = handle_last(session->handles, HANDLE_PORT)) != 0)
		(void)session_close_port(session, number);
	while ((number = handle_last(session->handles, HANDLE_MONITOR)) != 0)
		(void)session_unload(session, number);
	handle_table_free(session->handles);
	free(session);
}

/* ---- monitors ------------------------------------------------------------ */

static struct session_monitor *
find_monitor(const struct session *session, const char *name)
{
	struct session_monitor *monitor;

	for (monitor = session->monitors; monitor != NULL;
	    monitor = monitor->next)
		if (strcmp(module_name(monitor->module), name) == 0)
			return monitor;
	return NULL;
}

static void
append_monitor(struct session *session, struct session_monitor *monitor)
{
	struct session_monitor **end = &session->monitors;

	while (*end != NULL)
		end = &(*end)->next;
	*end = monitor;
}

static int
load_fresh(struct session *session, const char *name,
    const struct pp_host *host, handle *number, struct fault *fault)
{
	struct session_monitor *monitor = calloc(1, sizeof(*monitor));
	struct fault own = { .code = PP_INVALID_MONITOR };

	if (monitor != NULL)
		monitor->number = handle_open(session->handles,
		    HANDLE_MONITOR, monitor);
	if (monitor == NULL || monitor->number == 0) {
		free(monitor);
		return fault_set(fault, PP_NO_MEMORY,
		    "no memory for monitor \"%s\"", name);
	}
	session_enter(session, WIRE_CALL_LOAD);
	monitor->module = module_load(session->rules, name, host, &own);
	leave(session);
	if (monitor->module == NULL) {
		handle_close(session->handles, HANDLE_MONITOR,
		    monitor->number);
		free(monitor);
		return fault_set(fault, own.code, "%s", own.text);
	}
	append_monitor(session, monitor);
	*number = monitor->number;
	return 0;
}

int
session_load(struct session *session, const char *name, handle *number,
    struct fault *fault)
{
	return session_load_with(session, name, session->host, number, fault);
}

int
session_load_with(struct session *session, const char *name,
    const struct pp_host *host, handle *number, struct fault *fault)
{
	const struct session_monitor *monitor = find_monitor(session, name);

	*number = 0;
	if (monitor == NULL)
		return load_fresh(session, name, host, number, fault);
	*number = monitor->number;
	return 0;
}

static void
unlink_monitor(struct session *session, const struct session_monitor *monitor)
{
	struct session_monitor **link = &session->monitors;

	while (*link != monitor)
		link = &(*link)->next;
	*link = monitor->next;
}

int
session_unload(struct session *session, handle number)
{
	struct session_monitor *monitor;

	monitor = handle_get(session->handles, HANDLE_MONITOR, number);
	if (monitor == NULL)
		return PP_INVALID_HANDLE;
	if (monitor->users > 0)
		return PP_BUSY;
	handle_close(session->handles, HANDLE_MONITOR, number);
	unlink_monitor(session, monitor);
	session_enter(session, WIRE_CALL_SHUTDOWN);
	module_unload(monitor->module);
	leave(session);
	free(monitor);
	return 0;
}

const struct pp_monitor2 *
session_table(const struct session *session, handle number)
{
	const struct session_monitor *monitor;

	monitor = handle_get(session->handles, HANDLE_MONITOR, number);
	return monitor != NULL ? module_table(monitor->module) : NULL;
}

/* ---- opening a port ------------------------------------------------------ */

bool
session_port_is_open(const struct session *session, const char *name)
{
	const struct session_port *port;

	for (port = session->ports; port != NULL; port = port->next)
		if (strcasecmp(port->name, name) == 0)
			return true;
	return false;
}

static bool
is_kind(const struct session_monitor *monitor, uint32_t kind)
{
	return (module_table(monitor->module)->kinds & kind) != 0;
}

/* The path to the device: by monitor alone, or by lm over it. */
static int
check_path(const struct session_monitor *monitor, handle lm_number,
    const struct session_monitor *lm)
{
	if (monitor == NULL || (lm_number != 0 && lm == NULL))
		return PP_INVALID_HANDLE;
	if (!is_kind(monitor, PP_PORT_MONITOR) ||
	    (lm != NULL && !is_kind(lm, PP_LANGUAGE_MONITOR)))
		return PP_INVALID_MONITOR;
	return 0;
}

static int
call_open(const struct session *session, struct session_port *port,
    const char *queue)
{
	struct module *below = port->monitor->module;
	int code;

	session_enter(session, WIRE_CALL_OPEN);
	if (port->lm == NULL)
		code = port->table->open_port(module_instance(below),
		    port->name, &port->object);
	else
		code = port->table->open_port_ex(
		    module_instance(port->lm->module), module_instance(below),
		    port->name, queue != NULL ? queue : "", &port->object,
		    module_table(below));
	code = session_leave(session, code);
	if (code == 0 && port->object == NULL)
		code = -EPROTO;
	return code;
}

/* Monitors stay loaded while somebody uses them. */
static void
count_users(struct session_port *port, int by)
{
	port->monitor->users += (size_t)by;
	if (port->lm != NULL)
		port->lm->users += (size_t)by;
}

static int
open_fresh(struct session *session, struct session_port *port,
    const char *queue, handle *number)
{
	int code;

	*number = handle_open(session->handles, HANDLE_PORT, port);
	if (*number == 0)
		return PP_NO_MEMORY;
	code = call_open(session, port, queue);
	if (code != 0) {
		handle_close(session->handles, HANDLE_PORT, *number);
		*number = 0;
		return code;
	}
	count_users(port, 1);
	port->next = session->ports;
	session->ports = port;
	return 0;
}

int
session_open_port(struct session *session, handle monitor_number,
    handle lm_number, const char *name, const char *queue, handle *number)
{
	struct session_monitor *monitor, *lm;
	struct session_port *port;
	int code;

	*number = 0;
	monitor = handle_get(session->handles, HANDLE_MONITOR, monitor_number);
	lm = handle_get(session->handles, HANDLE_MONITOR, lm_number);
	code = check_path(monitor, lm_number, lm);
	if (code != 0)
		return code;
	if (name == NULL || !name_port_valid(name))
		return PP_INVALID_NAME;
	if (session_port_is_open(session, name))
		return PP_BUSY;
	port = calloc(1, sizeof(*port));
	if (port == NULL)
		return PP_NO_MEMORY;
	port->monitor = monitor;
	port->lm = lm;
	port->table = module_table(lm != NULL ? lm->module : monitor->module);
	memcpy(port->name, name, strlen(name) + 1);
	code = open_fresh(session, port, queue, number);
	if (code != 0)
		free(port);
	return code;
}

static struct session_port *
find_port(const struct session *session, handle number)
{
	return handle_get(session->handles, HANDLE_PORT, number);
}

/* ---- a document ---------------------------------------------------------- */

static int
check_start(const struct session_port *port, const char *queue, uint64_t job,
    uint32_t level, const void *doc_info)
{
	if (port == NULL)
		return PP_INVALID_HANDLE;
	if (port->state == SESSION_IN_DOC)
		return PP_BUSY;
	if (level != 1)
		return PP_INVALID_LEVEL;
	if (queue == NULL || queue[0] == '\0' || job == 0 || doc_info == NULL)
		return PP_INVALID_PARAMETER;
	return 0;
}

int
session_start_doc_port(struct session *session, handle number,
    const char *queue, uint64_t job, uint32_t level, const void *doc_info)
{
	struct session_port *port = find_port(session, number);
	struct pp_doc_info_1 info;
	int code;

	code = check_start(port, queue, job, level, doc_info);
	if (code != 0)
		return code;
	memcpy(&info, doc_info, sizeof(info));
	if (info.doc_name == NULL)
		info.doc_name = "";
	if (info.datatype == NULL)
		info.datatype = "";
	session_enter(session, WIRE_CALL_START_DOC);
	code = port->table->start_doc_port(port->object, queue, job, level,
	    &info);
	code = session_leave(session, code);
	if (code == 0)
		port->state = SESSION_IN_DOC;
	return code;
}

static int
check_write(const struct session_port *port)
{
	if (port == NULL)
		return PP_INVALID_HANDLE;
	return port->state == SESSION_IN_DOC ? 0 : PP_NO_DOCUMENT;
}

int
session_write_port(struct session *session, handle number, const void *buf,
    size_t len, size_t *written)
{
	struct session_port *port = find_port(session, number);
	int code;

	*written = 0;
	code = check_write(port);
	if (code != 0 || len == 0)
		return code;
	if (buf == NULL)
		return PP_INVALID_PARAMETER;
	session_enter(session, WIRE_CALL_WRITE);
	code = port->table->write_port(port->object, buf, len, written);
	code = session_leave(session, code);
	if (*written > len) {
		*written = 0;
		code = -EPROTO;
	}
	return code;
}

/* What write_port_from_fd may say. */
static bool
moved_is_sane(const struct pp_moved *moved, uint64_t max, int code)
{
	if (moved->written > max)
		return false;
	if (code == PP_NOT_SUPPORTED && moved->written > 0)
		return false;		/* it did support it, in part */
	if (moved->source == PP_SOURCE_ERROR)
		return moved->source_errno > 0;
	return moved->source == PP_SOURCE_MORE ||
	    moved->source == PP_SOURCE_EMPTY ||
	    moved->source == PP_SOURCE_END;
}

int
session_write_port_from_fd(struct session *session, handle number, int fd,
    uint64_t max, struct pp_moved *moved)
{
	struct session_port *port = find_port(session, number);
	int code;

	memset(moved, 0, sizeof(*moved));
	code = check_write(port);
	if (code != 0)
		return code;
	if (port->table->write_port_from_fd == NULL)
		return PP_NOT_SUPPORTED;
	if (fd < 0 || max == 0)
		return PP_INVALID_PARAMETER;
	session_enter(session, WIRE_CALL_WRITE);
	code = port->table->write_port_from_fd(port->object, fd, max, moved);
	code = session_leave(session, code);
	if (!moved_is_sane(moved, max, code)) {
		memset(moved, 0, sizeof(*moved));
		code = -EPROTO;
	}
	return code;
}

int
session_read_port(struct session *session, handle number, void *buf,
    size_t size, size_t *len)
{
	struct session_port *port = find_port(session, number);
	int code;

	*len = 0;
	if (port == NULL)
		return PP_INVALID_HANDLE;
	if (buf == NULL || size == 0)
		return PP_INVALID_PARAMETER;
	session_enter(session, WIRE_CALL_READ);
	code = port->table->read_port(port->object, buf, size, len);
	code = session_leave(session, code);
	if (*len > size) {
		*len = 0;
		code = -EPROTO;
	}
	return code;
}

/* The document is over for the host, whatever the module says. */
static int
end_doc(const struct session *session, struct session_port *port)
{
	int code;

	port->state = SESSION_OPEN;
	session_enter(session, WIRE_CALL_END_DOC);
	code = port->table->end_doc_port(port->object);
	return session_leave(session, code);
}

int
session_end_doc_port(struct session *session, handle number)
{
	struct session_port *port = find_port(session, number);

	if (port == NULL)
		return PP_INVALID_HANDLE;
	if (port->state != SESSION_IN_DOC)
		return PP_NO_DOCUMENT;
	return end_doc(session, port);
}

int
session_in_document(const struct session *session, handle number)
{
	const struct session_port *port = find_port(session, number);

	if (port == NULL)
		return PP_INVALID_HANDLE;
	return port->state == SESSION_IN_DOC ? 1 : 0;
}

/* ---- closing ------------------------------------------------------------- */

static void
unlink_port(struct session *session, const struct session_port *port)
{
	struct session_port **link = &session->ports;

	while (*link != port)
		link = &(*link)->next;
	*link = port->next;
}

int
session_close_port(struct session *session, handle number)
{
	struct session_port *port = find_port(session, number);
	int end_code = 0, code;

	if (port == NULL)
		return PP_INVALID_HANDLE;
	if (port->state == SESSION_IN_DOC)
		end_code = end_doc(session, port);
	handle_close(session->handles, HANDLE_PORT, number);
	unlink_port(session, port);
	session_enter(session, WIRE_CALL_CLOSE);
	code = port->table->close_port(port->object);
	code = session_leave(session, code);
	count_users(port, -1);
	free(port);
	return end_code != 0 ? end_code : code;
}

/* ---- what else an open port can be asked --------------------------------- */

static int
check_printer_data(const struct session_port *port, uint32_t control,
    const char *value_name, const void *in, size_t in_len)
{
	if (port == NULL)
		return PP_INVALID_HANDLE;
	if (port->table->get_printer_data_from_port == NULL)
		return PP_NOT_SUPPORTED;
	if ((control == 0 && value_name == NULL) ||
	    (in == NULL && in_len > 0))
		return PP_INVALID_PARAMETER;
	if (control == 0 && port->state == SESSION_IN_DOC)
		return PP_BUSY;		/* a query is no part of a document */
	return 0;
}

int
session_get_printer_data(struct session *session, handle number,
    uint32_t control, const char *value_name, const void *in, size_t in_len,
    void *out, size_t out_size, size_t *len)
{
	struct session_port *port = find_port(session, number);
	int code;

	*len = 0;
	code = check_printer_data(port, control, value_name, in, in_len);
	if (code != 0)
		return code;
	session_enter(session, WIRE_CALL_SERVICE);
	code = port->table->get_printer_data_from_port(port->object, control,
	    value_name, in, in_len, out, out_size, len);
	code = session_leave(session, code);
	if (code == 0 && *len > out_size)
		code = -EPROTO;
	return code;
}

int
session_set_port_timeouts(struct session *session, handle number,
    const struct pp_timeouts *timeouts)
{
	struct session_port *port = find_port(session, number);
	struct pp_timeouts whole = { 0 };
	int code;

	if (port == NULL)
		return PP_INVALID_HANDLE;
	if (port->table->set_port_timeouts == NULL)
		return PP_NOT_SUPPORTED;
	if (timeouts == NULL || timeouts->size < sizeof(timeouts->size))
		return PP_INVALID_PARAMETER;
	memcpy(&whole, timeouts, timeouts->size < sizeof(whole) ?
	    timeouts->size : sizeof(whole));
	whole.size = sizeof(whole);
	session_enter(session, WIRE_CALL_SERVICE);
	code = port->table->set_port_timeouts(port->object, &whole);
	return session_leave(session, code);
}

static bool
is_bidi_action(const char *action)
{
	static const char *const actions[] = { "EnumSchema", "Get", "GetAll",
	    "Set", "GetWithArgument" };
	size_t i;

	for (i = 0; i < sizeof(actions) / sizeof(actions[0]); i++)
		if (strcasecmp(action, actions[i]) == 0)
			return true;
	return false;
}

/* A request without entries is fine where nothing in particular is asked. */
static int
check_bidi_entries(const char *action, const struct pp_bidi *request)
{
	uint32_t i;

	if (request->count == 0)
		return strcasecmp(action, "EnumSchema") == 0 ? 0 :
		    PP_INVALID_PARAMETER;
	if (request->entries == NULL)
		return PP_INVALID_PARAMETER;
	for (i = 0; i < request->count; i++)
		if (request->entries[i].schema == NULL)
			return PP_INVALID_PARAMETER;
	return 0;
}

static int
check_bidi(const char *action, const struct pp_bidi *request)
{
	if (action == NULL || !is_bidi_action(action) || request == NULL)
		return PP_INVALID_PARAMETER;
	if (request->version != 1)
		return PP_INVALID_LEVEL;
	if (request->flags != 0)
		return PP_INVALID_PARAMETER;
	return check_bidi_entries(action, request);
}

/* 0, a negative code or PP_BIDI_*; a response with the first and the last. */
static int
check_bidi_answer(int code, const struct pp_bidi *response)
{
	if (code > PP_BIDI_SCHEMA_NOT_SUPPORTED ||
	    (code > 0 && code < PP_BIDI_WARNING))
		return -EPROTO;
	if (code >= 0 && (response == NULL ||
	    (response->count > 0 && response->entries == NULL)))
		return -EPROTO;
	return code;
}

int
session_send_recv_bidi(struct session *session, handle number,
    uint32_t access, const char *action, const struct pp_bidi *request,
    struct pp_bidi **response)
{
	struct session_port *port = find_port(session, number);
	int code;

	*response = NULL;
	if (port == NULL)
		return PP_INVALID_HANDLE;
	if (port->table->send_recv_bidi_data_from_port == NULL)
		return PP_NOT_SUPPORTED;
	code = check_bidi(action, request);
	if (code != 0)
		return code;
	session_enter(session, WIRE_CALL_SERVICE);
	code = port->table->send_recv_bidi_data_from_port(port->object,
	    access, action, request, response);
	leave(session);
	code = check_bidi_answer(code, *response);
	if (code < 0 && *response != NULL) {
		session->host->bidi_free(session->host->cookie, *response);
		*response = NULL;
	}
	return code;
}

int
session_check_port(struct session *session, handle number, const char *name)
{
	const struct session_monitor *monitor;
	int code;

	monitor = handle_get(session->handles, HANDLE_MONITOR, number);
	if (monitor == NULL)
		return PP_INVALID_HANDLE;
	if (module_table(monitor->module)->check_port == NULL)
		return 0;
	session_enter(session, WIRE_CALL_CHECK);
	code = module_table(monitor->module)->check_port(
	    module_instance(monitor->module), name);
	return session_leave(session, code);
}

int
session_service_port(struct session *session, handle number,
    uint32_t *again_ms)
{
	struct session_port *port = find_port(session, number);
	int code;

	*again_ms = 0;
	if (port == NULL)
		return PP_INVALID_HANDLE;
	if (port->table->service_port == NULL)
		return PP_NOT_SUPPORTED;
	session_enter(session, WIRE_CALL_SERVICE);
	code = port->table->service_port(port->object, again_ms);
	return session_leave(session, code);
}
