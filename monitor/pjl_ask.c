/*
 * pjl_ask.c - questions about the printer, by name and by path.
 *
 * What the printer said of itself is remembered, be it that a client had asked;
 * only memory is asked for anew, between documents, and if the port takes no
 * question then, what it said last will do.  All that is not known here is the
 * port monitor's.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "monitor_util.h"
#include "pjl.h"

/* ---- values by name ----------------------------------------------------- */

/* Between documents; what was pending of an older question is no answer. */
static int
ask_memory(struct pp_port *port)
{
	int code;
	bool all;

	code = pjl_hear(port, false);
	if (code != PP_OK)
		return code;
	port->answered = false;
	port->say_len = port->said = 0;
	pjl_say(port, PJL_UEL "@PJL INFO MEMORY\r\n" PJL_UEL);
	code = pjl_push(port, &all);
	if (code == PP_OK && !all)
		code = PP_TIMEOUT;
	port->deadline_ms = pjl_now_ms(port) + port->set.probe_timeout_ms;
	return code == PP_OK ? pjl_await(port) : code;
}

static int
memory(struct pp_port *port, const uint32_t *value, void *out, size_t out_size,
    size_t *len)
{
	int code;

	if (port->in_document)
		return PP_BUSY;
	if (port->speech != PJL_SPEAKS)
		return PP_NOT_SUPPORTED;
	code = ask_memory(port);
	if (code == PP_CANCELED || (code != PP_OK && *value == 0))
		return code;
	return *value == 0 ? PP_NOT_SUPPORTED :
	    pp_util_answer(value, sizeof(*value), out, out_size, len);
}

int
pjl_get_printer_data(struct pp_port *port, uint32_t control,
    const char *value_name, const void *in, size_t in_len, void *out,
    size_t out_size, size_t *len)
{
	*len = 0;
	if (control == 0 && strcasecmp(value_name, "Installed Memory") == 0)
		return memory(port, &port->total, out, out_size, len);
	if (control == 0 && strcasecmp(value_name, "Available Memory") == 0)
		return memory(port, &port->largest, out, out_size, len);
	if (port->pm.get_printer_data_from_port == NULL)
		return control == 0 ? PP_INVALID_PARAMETER : PP_NOT_SUPPORTED;
	return port->pm.get_printer_data_from_port(port->below, control,
	    value_name, in, in_len, out, out_size, len);
}

/* ---- values by path ----------------------------------------------------- */

typedef void value_fn(const struct pp_port *port, struct pp_bidi_entry *entry);

static char *
copy_of(const struct pp_host *host, const char *text)
{
	char *copy = host->alloc(host->cookie, strlen(text) + 1);

	if (copy != NULL)
		memcpy(copy, text, strlen(text) + 1);
	return copy;
}

static void
put_text(const struct pp_port *port, struct pp_bidi_entry *entry,
    enum pp_bidi_type type, const char *text)
{
	char *copy = copy_of(port->host, text);

	if (copy == NULL) {
		entry->result = PP_BIDI_SERVER_OFFLINE;
		return;
	}
	entry->data.type = type;
	entry->data.len = (uint32_t)strlen(copy) + 1;
	entry->data.value.bytes = copy;
}

static void
put_model(const struct pp_port *port, struct pp_bidi_entry *entry)
{
	if (port->model[0] != '\0')
		put_text(port, entry, PP_BIDI_TEXT, port->model);
	else
		entry->result = PP_BIDI_DEVICE_OFFLINE;
}

static void
put_memory(const struct pp_port *port, struct pp_bidi_entry *entry)
{
	if (port->total == 0) {
		entry->result = PP_BIDI_DEVICE_OFFLINE;
		return;
	}
	entry->data.type = PP_BIDI_INT;
	entry->data.value.number = (int32_t)(port->total / 1024);
}

static void
put_state(const struct pp_port *port, struct pp_bidi_entry *entry)
{
	put_text(port, entry, PP_BIDI_ENUM, pjl_in_trouble(port) ? "Closed" :
	    port->in_document || port->n_pending > 0 ? "Printing" : "Idle");
}

static void
put_reason(const struct pp_port *port, struct pp_bidi_entry *entry)
{
	static const char *const reasons[] = { "None", "Offline", "PaperJam",
	    "PaperOut", "OutputBinFull", "PaperProblem", "TonerOut",
	    "DoorOpen", "UserIntervention", "OutOfMemory", "TonerLow",
	    "WarmingUp", "PowerSave" };

	put_text(port, entry, PP_BIDI_ENUM, reasons[port->wanted.status]);
}

static const struct {
	const char	*schema;
	value_fn	*put;
} values[] = {
	{ "\\Printer.DeviceInfo:ModelName", put_model },
	{ "\\Printer.Configuration.Memory:Size", put_memory },
	{ "\\Printer.Status.Summary:State", put_state },
	{ "\\Printer.Status.Summary:StateReason", put_reason },
};

#define N_VALUES	(sizeof(values) / sizeof(values[0]))

static value_fn *
find_value(const char *schema)
{
	size_t i;

	for (i = 0; i < N_VALUES; i++)
		if (strcmp(values[i].schema, schema) == 0)
			return values[i].put;
	return NULL;
}

/* What the port monitor's entry holds becomes ours. */
static void
take(struct pp_bidi_entry *entry, struct pp_bidi_entry *from)
{
	entry->result = from->result;
	entry->data = from->data;
	from->data.type = PP_BIDI_NULL;
}

/* One entry that is none of ours. */
static void
forward(struct pp_port *port, uint32_t access, const char *action,
    const struct pp_bidi_entry *asked, struct pp_bidi_entry *entry)
{
	struct pp_bidi_entry copy = *asked;
	struct pp_bidi one = { .version = 1, .count = 1, .entries = &copy };
	struct pp_bidi *response = NULL;
	int code = PP_NOT_SUPPORTED;

	if (port->pm.send_recv_bidi_data_from_port != NULL)
		code = port->pm.send_recv_bidi_data_from_port(port->below,
		    access, action, &one, &response);
	if (code >= 0 && response != NULL && response->count > 0)
		take(entry, &response->entries[0]);
	else
		entry->result = code > 0 ? code :
		    PP_BIDI_SCHEMA_NOT_SUPPORTED;
	port->host->bidi_free(port->host->cookie, response);
}

static int
answer_all(struct pp_port *port, uint32_t access, const char *action,
    const struct pp_bidi *request, struct pp_bidi *response)
{
	bool set = strcasecmp(action, "Set") == 0;
	struct pp_bidi_entry *entry;
	int verdict = PP_OK;
	value_fn *put;
	uint32_t i;

	for (i = 0; i < request->count; i++) {
		entry = &response->entries[i];
		entry->number = request->entries[i].number;
		entry->schema = copy_of(port->host, request->entries[i].schema);
		put = find_value(request->entries[i].schema);
		if (put == NULL)
			forward(port, access, action, &request->entries[i],
			    entry);
		else if (set)
			entry->result = PP_BIDI_SCHEMA_READ_ONLY;
		else
			put(port, entry);
		if (entry->result != 0)
			verdict = PP_BIDI_WARNING;
	}
	return verdict;
}

/* Ours, then those of the port monitor. */
static int
enum_schema(struct pp_port *port, uint32_t access, const char *action,
    const struct pp_bidi *request, struct pp_bidi **out)
{
	const struct pp_host *host = port->host;
	struct pp_bidi *below = NULL, *response;
	uint32_t i, n = 0;

	if (port->pm.send_recv_bidi_data_from_port != NULL &&
	    port->pm.send_recv_bidi_data_from_port(port->below, access,
	    action, request, &below) >= 0 && below != NULL)
		n = below->count;
	response = host->bidi_alloc(host->cookie, (uint32_t)N_VALUES + n);
	for (i = 0; i < N_VALUES && response != NULL; i++)
		put_text(port, &response->entries[i], PP_BIDI_TEXT,
		    values[i].schema);
	for (i = 0; i < n && response != NULL; i++)
		take(&response->entries[N_VALUES + i], &below->entries[i]);
	host->bidi_free(host->cookie, below);
	*out = response;
	return response != NULL ? PP_OK : PP_NO_MEMORY;
}

int
pjl_send_recv_bidi(struct pp_port *port, uint32_t access, const char *action,
    const struct pp_bidi *request, struct pp_bidi **response)
{
	const struct pp_host *host = port->host;

	*response = NULL;
	if (strcasecmp(action, "EnumSchema") == 0)
		return enum_schema(port, access, action, request, response);
	*response = host->bidi_alloc(host->cookie, request->count);
	if (*response == NULL)
		return PP_NO_MEMORY;
	return answer_all(port, access, action, request, *response);
}
