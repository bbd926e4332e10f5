/*
 * fault.c - see fault.h.
 */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "fault.h"
#include "monitor.h"

struct code {
	int		 number;
	const char	*name;
	const char	*text;
};

static const struct code codes[] = {
	{ PP_OK, "PP_OK", "no error" },
	{ PP_INVALID_HANDLE, "PP_INVALID_HANDLE", "bad handle" },
	{ PP_INVALID_PARAMETER, "PP_INVALID_PARAMETER", "invalid parameter" },
	{ PP_INVALID_NAME, "PP_INVALID_NAME", "invalid name" },
	{ PP_INVALID_DATA, "PP_INVALID_DATA", "invalid data" },
	{ PP_INVALID_LEVEL, "PP_INVALID_LEVEL", "unknown level or version" },
	{ PP_BUFFER_TOO_SMALL, "PP_BUFFER_TOO_SMALL", "buffer too small" },
	{ PP_ACCESS_DENIED, "PP_ACCESS_DENIED", "access denied" },
	{ PP_ALREADY_EXISTS, "PP_ALREADY_EXISTS", "exists already" },
	{ PP_NOT_FOUND, "PP_NOT_FOUND", "not found" },
	{ PP_BUSY, "PP_BUSY", "busy" },
	{ PP_NOT_SUPPORTED, "PP_NOT_SUPPORTED", "not supported" },
	{ PP_TIMEOUT, "PP_TIMEOUT", "timed out" },
	{ PP_NO_MEMORY, "PP_NO_MEMORY", "no memory" },
	{ PP_CANCELED, "PP_CANCELED", "canceled" },
	{ PP_INVALID_MONITOR, "PP_INVALID_MONITOR", "not a usable monitor" },
	{ PP_END_OF_DATA, "PP_END_OF_DATA", "end of data" },
	{ PP_NO_DOCUMENT, "PP_NO_DOCUMENT", "no document is open" },
	{ PP_HOLD_JOB, "PP_HOLD_JOB", "the port holds the job" },
	{ PP_DROP_JOB, "PP_DROP_JOB", "the port will not print the job" },
	{ PP_STOP_PORT, "PP_STOP_PORT", "the port has stopped" },
	{ PP_BIDI_WARNING, "PP_BIDI_WARNING", "some entries failed" },
	{ PP_BIDI_SCHEMA_READ_ONLY, "PP_BIDI_SCHEMA_READ_ONLY",
	    "value is read-only" },
	{ PP_BIDI_SERVER_OFFLINE, "PP_BIDI_SERVER_OFFLINE",
	    "server is offline" },
	{ PP_BIDI_DEVICE_OFFLINE, "PP_BIDI_DEVICE_OFFLINE",
	    "device is offline" },
	{ PP_BIDI_SCHEMA_NOT_SUPPORTED, "PP_BIDI_SCHEMA_NOT_SUPPORTED",
	    "value is not known" },
};

static const struct code *
code_find(int number)
{
	size_t i;

	for (i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
		if (codes[i].number == number)
			return &codes[i];
	return NULL;
}

int
fault_set(struct fault *fault, int code, const char *fmt, ...)
{
	va_list ap;

	if (fault == NULL)
		return code;
	fault->code = code;
	va_start(ap, fmt);
	vsnprintf(fault->text, sizeof(fault->text), fmt, ap);
	va_end(ap);
	return code;
}

const char *
fault_code_text(int code)
{
	const struct code *known = code_find(code);
	const char *text = NULL;

	if (known != NULL)
		return known->text;
	if (code < 0)
		text = strerrordesc_np(-code);
	return text != NULL ? text : "unknown error";
}

const char *
fault_code_name(int code)
{
	const struct code *known = code_find(code);
	const char *name = NULL;

	if (known != NULL)
		return known->name;
	if (code < 0)
		name = strerrorname_np(-code);
	return name != NULL ? name : "unknown";
}
