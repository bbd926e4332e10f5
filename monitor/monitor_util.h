/*
 * <printport/monitor_util.h> - what most port monitors would write alike.
 *
 * Nothing here is needed to write a monitor, and nothing is shared with the
 * host: these are functions inside the module, over the callbacks of pp_host.
 * They pack the answer of enum_ports, and answer the usual Xcv requests:
 *
 *	AddPort		name, then "key=value" strings		on the monitor
 *	ConfigPort	the same; replaces all settings		on the port
 *	DeletePort	name					on either
 *	PortExists	name -> uint32_t, 0 or 1; any monitor's	on either
 *	PortIsValid	name; whether open_port could do it	on either
 *	MonitorUI	-> text, a line per setting		on either
 *
 * Strings go one after the other, each with its NUL, and fill the input
 * exactly.  The first three change something and need PP_ACCESS_ADMINISTER.
 *
 * A source file that includes it has struct pp_xcv.
 * Contracts are those of monitor.h.
 */
#ifndef PRINTPORT_MONITOR_UTIL_H
#define PRINTPORT_MONITOR_UTIL_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "monitor.h"

/* Most settings in one AddPort or ConfigPort. */
#define PP_UTIL_SETTINGS_MAX	64

/* A module's own part in the requests; members may be NULL. */
struct pp_util_hooks {
	/* Judge settings together: 0, or PP_INVALID_DATA with the log told. */
	int	(*check)(struct pp_monitor *, const struct pp_setting *,
		    size_t count);
	/* Try what open_port would do, and leave nothing of it. */
	int	(*try_port)(struct pp_monitor *, const char *name);
};

struct pp_xcv {
	const struct pp_host		*host;		/* borrowed */
	const struct pp_monitor2	*table;		/* borrowed */
	const struct pp_util_hooks	*hooks;		/* borrowed */
	struct pp_monitor		*monitor;	/* borrowed */
	uint32_t			 access;
	char				 object[PP_PORT_NAME_LEN + 1];
};

/*
 * ---- Text ------------------------------------------------------------------
 */

/*
 * Length in bytes of the UTF-8 character at text, or 0 if there is no valid
 * one that prints: control characters are none.
 */
static inline size_t
pp_util_character(const char *text)
{
	static const unsigned long least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	const unsigned char *byte = (const unsigned char *)text;
	unsigned long code;
	size_t len, i;

	if (byte[0] < 0x80)
		return byte[0] >= 0x20 && byte[0] != 0x7f ? 1 : 0;
	len = byte[0] >= 0xf0 ? 4 : byte[0] >= 0xe0 ? 3 : 2;
	if (byte[0] < 0xc2 || byte[0] > 0xf4)
		return 0;
	code = byte[0] & (0x7fu >> len);
	for (i = 1; i < len; i++) {
		if ((byte[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (byte[i] & 0x3fu);
	}
	if (code < least[len] || code > 0x10ffff || code < 0xa0 ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return len;
}

/* Whether a port can have this name. */
static inline bool
pp_util_good_name(const char *name)
{
	size_t at, len;

	if (name[0] == '\0' || name[0] == '.')
		return false;
	for (at = 0; name[at] != '\0'; at += len) {
		len = pp_util_character(name + at);
		if (len == 0 || name[at] == '/')
			return false;
	}
	return at <= PP_PORT_NAME_LEN;
}

/* Whether this monitor has a port of this name, by case. */
static inline bool
pp_util_has_port(const struct pp_host *host, const char *name)
{
	char known[PP_PORT_NAME_LEN + 1];
	uint32_t i;

	for (i = 0; host->config_port(host->cookie, i, known) == PP_OK; i++)
		if (strcmp(known, name) == 0)
			return true;
	return false;
}

/*
 * ---- Settings --------------------------------------------------------------
 */

/* *text, which the caller frees, is NULL if the key is not set. */
static inline int
pp_util_setting(const struct pp_host *host, const char *port, const char *key,
    char **text)
{
	size_t size = 0;
	int rc;

	*text = NULL;
	rc = host->config_text(host->cookie, port, key, NULL, 0, &size);
	if (rc == PP_NOT_FOUND)
		return PP_OK;
	if (rc != PP_BUFFER_TOO_SMALL)
		return rc;
	*text = (char *)malloc(size);
	if (*text == NULL)
		return PP_NO_MEMORY;
	rc = host->config_text(host->cookie, port, key, *text, size, NULL);
	if (rc != PP_OK) {
		free(*text);
		*text = NULL;
	}
	return rc;
}

/*
 * ---- EnumPorts -------------------------------------------------------------
 */

/* Move *end down by the size of text, and put it there. */
static inline const char *
pp_util_pack(char **end, const char *text)
{
	size_t size = strlen(text) + 1;

	*end -= size;
	memcpy(*end, text, size);
	return *end;
}

/* The index-th structure of buf, and its strings down from *end. */
static inline void
pp_util_pack_port(const struct pp_monitor2 *table, uint32_t type,
    uint32_t level, void *buf, uint32_t index, char **end, const char *name)
{
	struct pp_port_info_2 *info = (struct pp_port_info_2 *)buf;

	if (level == 1) {
		((struct pp_port_info_1 *)buf)[index].name =
		    pp_util_pack(end, name);
		return;
	}
	info += index;
	info->name = pp_util_pack(end, name);
	info->monitor = pp_util_pack(end, table->name);
	info->description = pp_util_pack(end, table->summary);
	info->type = type;
	info->reserved = 0;
}

/* enum_ports, whole.  type is PP_PORT_TYPE_*. */
static inline int
pp_util_enum_ports(const struct pp_host *host, const struct pp_monitor2 *table,
    uint32_t type, uint32_t level, void *buf, size_t size, size_t *needed,
    uint32_t *count)
{
	size_t fixed = level == 1 ? sizeof(struct pp_port_info_1) :
	    sizeof(struct pp_port_info_2) + strlen(table->name) + 1 +
	    strlen(table->summary) + 1;
	char name[PP_PORT_NAME_LEN + 1];
	char *end = (char *)buf;
	uint32_t i;

	*needed = 0;
	*count = 0;
	if (level != 1 && level != 2)
		return PP_INVALID_LEVEL;
	for (i = 0; host->config_port(host->cookie, i, name) == PP_OK; i++)
		*needed += fixed + strlen(name) + 1;
	if (*needed > size)
		return PP_BUFFER_TOO_SMALL;
	if (i > 0)
		end += size;
	for (i = 0; host->config_port(host->cookie, i, name) == PP_OK; i++)
		pp_util_pack_port(table, type, level, buf, i, &end, name);
	*count = i;
	return PP_OK;
}

/*
 * ---- Xcv -------------------------------------------------------------------
 */

/*
 * xcv_open_port, whole.  hooks must live as long as the handle, and may be
 * NULL.
 */
static inline int
pp_util_xcv_open(const struct pp_host *host, const struct pp_monitor2 *table,
    const struct pp_util_hooks *hooks, struct pp_monitor *monitor,
    const char *object, uint32_t access, struct pp_xcv **out)
{
	static const struct pp_util_hooks none = { NULL, NULL };
	struct pp_xcv *xcv;

	*out = NULL;
	if (object == NULL)
		object = "";
	if (object[0] != '\0' && !pp_util_has_port(host, object))
		return PP_NOT_FOUND;
	xcv = (struct pp_xcv *)calloc(1, sizeof(*xcv));
	if (xcv == NULL)
		return PP_NO_MEMORY;
	xcv->host = host;
	xcv->table = table;
	xcv->hooks = hooks != NULL ? hooks : &none;
	xcv->monitor = monitor;
	xcv->access = access;
	memcpy(xcv->object, object, strlen(object) + 1);
	*out = xcv;
	return PP_OK;
}

/* xcv_close_port, whole. */
static inline int
pp_util_xcv_close(struct pp_xcv *xcv)
{
	free(xcv);
	return PP_OK;
}

/* Give an answer of size bytes; what monitor.h says of out and *needed. */
static inline int
pp_util_answer(const void *answer, size_t size, void *out, size_t out_size,
    size_t *needed)
{
	if (needed != NULL)
		*needed = size;
	if (out_size < size)
		return needed != NULL ? PP_BUFFER_TOO_SMALL :
		    PP_INVALID_PARAMETER;
	if (size > 0 && out == NULL)
		return PP_INVALID_PARAMETER;
	if (size > 0)
		memcpy(out, answer, size);
	return PP_OK;
}

/* Judge an input that is one string and nothing else. */
static inline int
pp_util_one_string(const void *in, size_t in_len)
{
	const char *end;

	if (in == NULL || in_len == 0)
		return PP_INVALID_DATA;
	end = (const char *)memchr(in, '\0', in_len);
	if (end != (const char *)in + in_len - 1)
		return PP_INVALID_PARAMETER;
	return PP_OK;
}

/*
 * Split name and settings of AddPort.  *copy, which the caller frees, holds
 * the name and all that the settings point to.
 */
static inline int
pp_util_split(const void *in, size_t in_len, char **copy,
    struct pp_setting settings[PP_UTIL_SETTINGS_MAX], size_t *count)
{
	char *text, *end, *equals;

	*copy = NULL;
	*count = 0;
	if (in == NULL || in_len == 0)
		return PP_INVALID_DATA;
	if (((const char *)in)[in_len - 1] != '\0')
		return PP_INVALID_PARAMETER;
	*copy = (char *)malloc(in_len);
	if (*copy == NULL)
		return PP_NO_MEMORY;
	memcpy(*copy, in, in_len);
	end = *copy + in_len;
	for (text = *copy + strlen(*copy) + 1; text < end;
	    text = equals + strlen(equals) + 1) {
		equals = strchr(text, '=');
		if (equals == NULL || equals == text ||
		    *count == PP_UTIL_SETTINGS_MAX)
			return PP_INVALID_PARAMETER;
		*equals++ = '\0';
		settings[*count].key = text;
		settings[(*count)++].value = equals;
	}
	return PP_OK;
}

/* What of AddPort and ConfigPort differs: which name is right. */
static inline int
pp_util_judge_name(const struct pp_xcv *xcv, bool add, const char *name)
{
	if (!pp_util_good_name(name))
		return PP_INVALID_NAME;
	if (!add)
		return strcmp(name, xcv->object) == 0 ? PP_OK :
		    PP_INVALID_PARAMETER;
	if (xcv->object[0] != '\0')
		return PP_INVALID_PARAMETER;
	return xcv->host->port_exists(xcv->host->cookie, name) ?
	    PP_ALREADY_EXISTS : PP_OK;
}

/* AddPort and ConfigPort. */
static inline int
pp_util_store_port(const struct pp_xcv *xcv, bool add, const void *in,
    size_t in_len)
{
	struct pp_setting settings[PP_UTIL_SETTINGS_MAX];
	size_t count;
	char *name;
	int rc;

	rc = pp_util_split(in, in_len, &name, settings, &count);
	if (rc == PP_OK)
		rc = pp_util_judge_name(xcv, add, name);
	if (rc == PP_OK && xcv->hooks->check != NULL)
		rc = xcv->hooks->check(xcv->monitor, settings, count);
	if (rc == PP_OK)
		rc = xcv->host->config_store(xcv->host->cookie, name, settings,
		    count);
	free(name);
	return rc;
}

static inline int
pp_util_delete_port(const struct pp_xcv *xcv, const void *in, size_t in_len)
{
	const char *name = (const char *)in;
	int rc = pp_util_one_string(in, in_len);

	if (rc != PP_OK)
		return rc;
	if (xcv->object[0] != '\0' && strcmp(name, xcv->object) != 0)
		return PP_INVALID_PARAMETER;
	if (!pp_util_has_port(xcv->host, name))
		return PP_NOT_FOUND;
	return xcv->host->config_remove(xcv->host->cookie, name);
}

static inline int
pp_util_try_port(const struct pp_xcv *xcv, const void *in, size_t in_len)
{
	int rc = pp_util_one_string(in, in_len);

	if (rc != PP_OK)
		return rc;
	if (!pp_util_has_port(xcv->host, (const char *)in))
		return PP_NOT_FOUND;
	return xcv->hooks->try_port == NULL ? PP_OK :
	    xcv->hooks->try_port(xcv->monitor, (const char *)in);
}

/* One line of MonitorUI; returns its length, as snprintf. */
static inline size_t
pp_util_schema_line(const struct pp_setting_decl *decl, char *buf, size_t size)
{
	static const char *const types[] = { "string", "bool", "number",
		"size", "time", "mode", "path", "choice" };
	const char *type = decl->type == PP_TYPE_CHOICE &&
	    decl->choices != NULL ? decl->choices : types[decl->type];

	return (size_t)snprintf(buf, size, "%s %s %s %s\n", decl->key, type,
	    decl->preset != NULL ? decl->preset : "-", decl->help);
}

/* MonitorUI: "key type default help", a line for each setting. */
static inline int
pp_util_schema(const struct pp_setting_decl *decls, void *out, size_t out_size,
    size_t *needed)
{
	const struct pp_setting_decl *decl;
	size_t size = 1, at = 0;
	char *text;
	int rc;

	for (decl = decls; decl != NULL && decl->key != NULL; decl++)
		size += pp_util_schema_line(decl, NULL, 0);
	text = (char *)malloc(size);
	if (text == NULL)
		return PP_NO_MEMORY;
	text[0] = '\0';
	for (decl = decls; decl != NULL && decl->key != NULL; decl++)
		at += pp_util_schema_line(decl, text + at, size - at);
	rc = pp_util_answer(text, size, out, out_size, needed);
	free(text);
	return rc;
}

static inline int
pp_util_exists(const struct pp_xcv *xcv, const void *in, size_t in_len,
    void *out, size_t out_size, size_t *needed)
{
	uint32_t answer;
	int rc = pp_util_one_string(in, in_len);

	if (rc != PP_OK)
		return rc;
	answer = pp_util_good_name((const char *)in) &&
	    xcv->host->port_exists(xcv->host->cookie, (const char *)in) != 0;
	return pp_util_answer(&answer, sizeof(answer), out, out_size, needed);
}

/*
 * xcv_data_port for the requests above.  A module with more of them looks for
 * its own names first.
 */
static inline int
pp_util_xcv_data(const struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	bool add = strcmp(name, "AddPort") == 0;
	bool configure = strcmp(name, "ConfigPort") == 0;
	bool remove = strcmp(name, "DeletePort") == 0;

	if (needed != NULL)
		*needed = 0;
	if ((add || configure || remove) &&
	    (xcv->access & PP_ACCESS_ADMINISTER) == 0)
		return PP_ACCESS_DENIED;
	if (add || configure)
		return pp_util_store_port(xcv, add, in, in_len);
	if (remove)
		return pp_util_delete_port(xcv, in, in_len);
	if (strcmp(name, "PortExists") == 0)
		return pp_util_exists(xcv, in, in_len, out, out_size, needed);
	if (strcmp(name, "PortIsValid") == 0)
		return pp_util_try_port(xcv, in, in_len);
	if (strcmp(name, "MonitorUI") == 0)
		return pp_util_schema(xcv->table->settings, out, out_size,
		    needed);
	return PP_INVALID_PARAMETER;
}

#endif /* PRINTPORT_MONITOR_UTIL_H */
