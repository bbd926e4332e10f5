/*
 * socket_xcv.c - see socket_xcv.h and tcpmon.h.
 *
 * A structure is copied to a plain form first, in which both versions are the
 * same, and judged there; nothing in it is believed before.
 */
#include <arpa/inet.h>
#include <netdb.h>

#include "monitor_util.h"
#include "socket.h"
#include "socket_xcv.h"
#include "tcpmon.h"

#define DEFAULT_PORT		9100
#define DEFAULT_INDEX		1
#define DEFAULT_COMMUNITY	"public"

/* What a structure of either version says. */
struct plain {
	char		name[PP_TCPMON_PORT_NAME];
	char		host[PP_TCPMON_HOST_2];
	char		community[PP_TCPMON_COMMUNITY];
	uint32_t	protocol;
	uint32_t	port;
	uint32_t	snmp;
	uint32_t	index;
};

/* Settings that are to be stored, with texts of their own. */
struct list {
	struct pp_setting	 settings[PP_UTIL_SETTINGS_MAX];
	char			*texts[PP_UTIL_SETTINGS_MAX];	/* owned */
	size_t			 count;
};

static int
refuse(const struct pp_xcv *xcv, int code, const char *what)
{
	xcv->host->log(xcv->host->cookie, PP_LOG_ERROR, "%s", what);
	return code;
}

/* ---- structures that come in --------------------------------------------- */

/* See tcpmon.h. */
static bool
is_structure(const void *in, size_t in_len)
{
	const unsigned char *bytes = in;
	size_t len = in != NULL ? strnlen(in, in_len) : 0;

	return in != NULL && len + 1 < in_len && bytes[len + 1] < ' ';
}

static bool
is_zero(const char *bytes, size_t size)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (bytes[i] != '\0')
			return false;
	return true;
}

/* Copy a text out of its field; false if it is not as it must be. */
static bool
take_text(const char *field, size_t size, char *text, size_t text_size)
{
	size_t len = strnlen(field, size);

	if (len == size || len >= text_size ||
	    !is_zero(field + len, size - len))
		return false;
	memcpy(text, field, len + 1);
	return true;
}
#define TAKE_TEXT(field, text) \
	take_text((field), sizeof(field), (text), sizeof(text))
#define IS_ZERO(field)	is_zero((field), sizeof(field))

static int
take_1(const void *in, struct plain *plain)
{
	struct pp_port_data_1 data;
	char address[PP_TCPMON_IP_ADDRESS];

	memcpy(&data, in, sizeof(data));
	if (data.size != sizeof(data) || data.reserved != 0 ||
	    !IS_ZERO(data.filler_1) || !IS_ZERO(data.filler_2) ||
	    !IS_ZERO(data.reserved_2) || !IS_ZERO(data.queue) ||
	    !TAKE_TEXT(data.port_name, plain->name) ||
	    !TAKE_TEXT(data.host_address, plain->host) ||
	    !TAKE_TEXT(data.snmp_community, plain->community) ||
	    !TAKE_TEXT(data.ip_address, address) || data.double_spool != 0)
		return PP_INVALID_PARAMETER;
	if (plain->host[0] == '\0')
		memcpy(plain->host, address, sizeof(address));
	plain->protocol = data.protocol;
	plain->port = data.port_number;
	plain->snmp = data.snmp_enabled;
	plain->index = data.snmp_dev_index;
	return PP_OK;
}

static int
take_2(const void *in, struct plain *plain)
{
	struct pp_port_data_2 data;

	memcpy(&data, in, sizeof(data));
	if (data.size != sizeof(data) || data.reserved != 0 ||
	    !IS_ZERO(data.filler_1) || !IS_ZERO(data.filler_2) ||
	    !IS_ZERO(data.reserved_2) || !IS_ZERO(data.queue) ||
	    !TAKE_TEXT(data.port_name, plain->name) ||
	    !TAKE_TEXT(data.host_address, plain->host) ||
	    !TAKE_TEXT(data.snmp_community, plain->community) ||
	    data.double_spool != 0 || data.port_monitor_mib_index != 0)
		return PP_INVALID_PARAMETER;
	plain->protocol = data.protocol;
	plain->port = data.port_number;
	plain->snmp = data.snmp_enabled;
	plain->index = data.snmp_dev_index;
	return PP_OK;
}

/* Whose protocol is LPR may use the fields that are for it. */
static int
check_protocol(const struct pp_xcv *xcv, const void *in)
{
	uint32_t protocol;

	memcpy(&protocol, (const char *)in +
	    offsetof(struct pp_port_data_1, protocol), sizeof(protocol));
	if (protocol == PP_PROTOCOL_RAW)
		return PP_OK;
	if (protocol == PP_PROTOCOL_LPR)
		return refuse(xcv, PP_NOT_SUPPORTED, "protocol 2 is LPR, and "
		    "this monitor prints RAW: add the port to the monitor "
		    "lpr");
	return refuse(xcv, PP_INVALID_PARAMETER, "protocol: expected 1 (RAW)");
}

static int
take_structure(const struct pp_xcv *xcv, const void *in, size_t in_len,
    struct plain *plain)
{
	const size_t at = offsetof(struct pp_port_data_1, version);
	size_t size;
	uint32_t version;
	int rc;

	if (in_len < at + sizeof(version))
		return PP_INVALID_DATA;
	memcpy(&version, (const char *)in + at, sizeof(version));
	if (version != 1 && version != 2)
		return refuse(xcv, PP_INVALID_LEVEL,
		    "version: expected 1 or 2");
	size = version == 1 ? sizeof(struct pp_port_data_1) :
	    sizeof(struct pp_port_data_2);
	if (in_len < size)
		return PP_INVALID_DATA;
	rc = check_protocol(xcv, in);
	if (rc != PP_OK)
		return rc;
	rc = in_len > size ? PP_INVALID_PARAMETER :
	    version == 1 ? take_1(in, plain) : take_2(in, plain);
	if (rc != PP_OK)
		return refuse(xcv, rc, "the structure is not as tcpmon.h has "
		    "it: its size, a text without its NUL, or something "
		    "where RAW has nothing");
	if (plain->port > 65535 || plain->snmp > 1 ||
	    plain->index > INT32_MAX)
		return refuse(xcv, PP_INVALID_PARAMETER, "expected "
		    "port_number up to 65535, snmp_enabled 0 or 1, "
		    "snmp_dev_index up to 2147483647");
	return PP_OK;
}

/* ---- settings that go out ------------------------------------------------ */

static int
add(struct list *list, const char *key, const char *value)
{
	char *text;

	if (list->count == PP_UTIL_SETTINGS_MAX ||
	    (text = strdup(value)) == NULL)
		return PP_NO_MEMORY;
	list->texts[list->count] = text;
	list->settings[list->count++] = (struct pp_setting){ key, text };
	return PP_OK;
}

static int
add_number(struct list *list, const char *key, uint32_t value)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", value);
	return add(list, key, text);
}

static void
forget(struct list *list)
{
	while (list->count > 0)
		free(list->texts[--list->count]);
}

static bool
is_in(const struct list *list, const char *key)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (strcmp(list->settings[i].key, key) == 0)
			return true;
	return false;
}

/* What is at its default is not said. */
static int
list_plain(const struct plain *plain, struct list *list)
{
	int rc = add(list, "host", plain->host);

	if (rc == PP_OK)
		rc = add_number(list, "port", plain->port != 0 ? plain->port :
		    DEFAULT_PORT);
	if (rc == PP_OK)
		rc = add(list, "snmp", plain->snmp != 0 ? "yes" : "no");
	if (rc == PP_OK)
		rc = add(list, "snmp_community", plain->community[0] != '\0' ?
		    plain->community : DEFAULT_COMMUNITY);
	if (rc == PP_OK)
		rc = add_number(list, "snmp_device_index", plain->index != 0 ?
		    plain->index : DEFAULT_INDEX);
	return rc;
}

/* A setting that the port has, and that structures know nothing of. */
static int
keep_one(const struct pp_host *host, const char *port,
    const struct pp_setting_decl *decl, struct list *list)
{
	char text[4096];
	int rc;

	rc = host->config_text(host->cookie, port, decl->key, text,
	    sizeof(text), NULL);
	if (rc == PP_NOT_FOUND || (rc == PP_OK && decl->preset != NULL &&
	    strcmp(text, decl->preset) == 0))
		return PP_OK;
	return rc == PP_OK ? add(list, decl->key, text) : rc;
}

static int
keep_others(const struct pp_xcv *xcv, struct list *list)
{
	const struct pp_setting_decl *decl;
	int rc = PP_OK;

	for (decl = socket_decls; decl->key != NULL && rc == PP_OK; decl++)
		if (!is_in(list, decl->key))
			rc = keep_one(xcv->host, xcv->object, decl, list);
	return rc;
}

/* AddPort, ConfigPort. */
static int
store(const struct pp_xcv *xcv, bool new, const void *in, size_t in_len)
{
	struct list list = { .count = 0 };
	struct plain plain;
	int rc;

	rc = take_structure(xcv, in, in_len, &plain);
	if (rc == PP_OK)
		rc = pp_util_judge_name(xcv, new, plain.name);
	if (rc == PP_OK)
		rc = list_plain(&plain, &list);
	if (rc == PP_OK && !new)
		rc = keep_others(xcv, &list);
	if (rc == PP_OK)
		rc = xcv->hooks->check(xcv->monitor, list.settings,
		    list.count);
	if (rc == PP_OK)
		rc = xcv->host->config_store(xcv->host->cookie, plain.name,
		    list.settings, list.count);
	forget(&list);
	return rc;
}

static int
delete(const struct pp_xcv *xcv, const void *in, size_t in_len)
{
	struct pp_delete_port_data_1 data;
	char name[PP_TCPMON_PORT_NAME];

	if (in_len < sizeof(data))
		return PP_INVALID_DATA;
	memcpy(&data, in, sizeof(data));
	if (data.version != 1)
		return refuse(xcv, PP_INVALID_LEVEL, "version: expected 1");
	if (in_len > sizeof(data) || data.reserved_2 != 0 ||
	    !IS_ZERO(data.reserved) || !IS_ZERO(data.filler) ||
	    !TAKE_TEXT(data.port_name, name))
		return PP_INVALID_PARAMETER;
	return pp_util_delete_port(xcv, name, strlen(name) + 1);
}

/* ---- questions ----------------------------------------------------------- */

/* Fill a field; false if the text has no room. */
static bool
give_text(char *field, size_t size, const char *text)
{
	size_t len = strlen(text);

	if (len >= size)
		return false;
	memcpy(field, text, len);
	return true;
}
#define GIVE_TEXT(field, text)	give_text((field), sizeof(field), (text))

static int
give_1(const struct pp_xcv *xcv, const struct socket_settings *set,
    const char *community, void *out, size_t out_size, size_t *needed)
{
	struct pp_port_data_1 data;
	struct in_addr four;

	memset(&data, 0, sizeof(data));
	data.version = 1;
	data.protocol = PP_PROTOCOL_RAW;
	data.size = sizeof(data);
	data.port_number = (uint32_t)set->port;
	data.snmp_enabled = (uint32_t)set->snmp;
	data.snmp_dev_index = (uint32_t)set->snmp_device_index;
	if (inet_pton(AF_INET, set->host, &four) == 1)
		(void)GIVE_TEXT(data.ip_address, set->host);
	if (!GIVE_TEXT(data.port_name, xcv->object) ||
	    !GIVE_TEXT(data.host_address, set->host) ||
	    !GIVE_TEXT(data.snmp_community, community))
		return refuse(xcv, PP_INVALID_LEVEL, "host or community is "
		    "longer than the structure has room for; ask for "
		    "version 2");
	return pp_util_answer(&data, sizeof(data), out, out_size, needed);
}

static int
give_2(const struct pp_xcv *xcv, const struct socket_settings *set,
    const char *community, void *out, size_t out_size, size_t *needed)
{
	struct pp_port_data_2 data;

	memset(&data, 0, sizeof(data));
	data.version = 2;
	data.protocol = PP_PROTOCOL_RAW;
	data.size = sizeof(data);
	data.port_number = (uint32_t)set->port;
	data.snmp_enabled = (uint32_t)set->snmp;
	data.snmp_dev_index = (uint32_t)set->snmp_device_index;
	if (!GIVE_TEXT(data.port_name, xcv->object) ||
	    !GIVE_TEXT(data.host_address, set->host) ||
	    !GIVE_TEXT(data.snmp_community, community))
		return refuse(xcv, PP_NOT_SUPPORTED, "host or community is "
		    "longer than the structure has room for");
	return pp_util_answer(&data, sizeof(data), out, out_size, needed);
}

static bool
may_administer(const struct pp_xcv *xcv)
{
	return (xcv->access & PP_ACCESS_ADMINISTER) != 0;
}

static int
config_info(const struct pp_xcv *xcv, const struct socket_settings *set,
    const void *in, size_t in_len, void *out, size_t out_size, size_t *needed)
{
	struct pp_config_info_data_1 data;
	const char *community = may_administer(xcv) &&
	    set->snmp_community != NULL ? set->snmp_community : "";

	if (in == NULL || in_len < sizeof(data))
		return PP_INVALID_DATA;
	memcpy(&data, in, sizeof(data));
	if (data.version != 1 && data.version != 2)
		return refuse(xcv, PP_INVALID_LEVEL,
		    "version: expected 1 or 2");
	if (in_len > sizeof(data) || !IS_ZERO(data.reserved))
		return PP_INVALID_PARAMETER;
	return data.version == 1 ?
	    give_1(xcv, set, community, out, out_size, needed) :
	    give_2(xcv, set, community, out, out_size, needed);
}

/* Looks a name up, as printing would; that may take a while. */
static int
ip_address(const struct pp_xcv *xcv, const struct socket_settings *set,
    void *out, size_t out_size, size_t *needed)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *list = NULL;
	char text[NI_MAXHOST];
	int rc;

	rc = getaddrinfo(set->host, NULL, &hints, &list);
	if (rc == 0)
		rc = getnameinfo(list->ai_addr, list->ai_addrlen, text,
		    sizeof(text), NULL, 0, NI_NUMERICHOST);
	if (list != NULL)
		freeaddrinfo(list);
	if (rc == 0)
		return pp_util_answer(text, strlen(text) + 1, out, out_size,
		    needed);
	xcv->host->log(xcv->host->cookie, PP_LOG_ERROR, "host = %s: %s",
	    set->host, gai_strerror(rc));
	return -EHOSTUNREACH;
}

static int
community(const struct pp_xcv *xcv, const struct socket_settings *set,
    void *out, size_t out_size, size_t *needed)
{
	const char *text = set->snmp_community != NULL ?
	    set->snmp_community : "";

	if (!may_administer(xcv))
		return PP_ACCESS_DENIED;
	return pp_util_answer(text, strlen(text) + 1, out, out_size, needed);
}

enum question {
	CONFIG_INFO, HOST_ADDRESS, IP_ADDRESS, COMMUNITY, ENABLED, DEVICE_INDEX,
	NONE
};

static enum question
find_question(const char *name)
{
	static const char *const names[NONE] = {
		[CONFIG_INFO]	= "GetConfigInfo",
		[HOST_ADDRESS]	= "HostAddress",
		[IP_ADDRESS]	= "IPAddress",
		[COMMUNITY]	= "SNMPCommunity",
		[ENABLED]	= "SNMPEnabled",
		[DEVICE_INDEX]	= "SNMPDeviceIndex",
	};
	enum question i;

	for (i = 0; i < NONE; i++)
		if (strcmp(names[i], name) == 0)
			break;
	return i;
}

static int
answer(const struct pp_xcv *xcv, enum question question,
    const struct socket_settings *set, const void *in, size_t in_len,
    void *out, size_t out_size, size_t *needed)
{
	uint32_t number = (uint32_t)(question == ENABLED ? set->snmp :
	    set->snmp_device_index);

	switch (question) {
	case CONFIG_INFO:
		return config_info(xcv, set, in, in_len, out, out_size,
		    needed);
	case HOST_ADDRESS:
		return pp_util_answer(set->host, strlen(set->host) + 1, out,
		    out_size, needed);
	case IP_ADDRESS:
		return ip_address(xcv, set, out, out_size, needed);
	case COMMUNITY:
		return community(xcv, set, out, out_size, needed);
	case ENABLED:
	case DEVICE_INDEX:
		return pp_util_answer(&number, sizeof(number), out, out_size,
		    needed);
	case NONE:
		break;
	}
	return PP_INVALID_PARAMETER;
}

/* A port is asked, never the monitor. */
static int
ask(const struct pp_xcv *xcv, enum question question, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	struct socket_settings set;
	int rc;

	if (xcv->object[0] == '\0')
		return PP_INVALID_PARAMETER;
	rc = socket_settings_read(xcv->host, xcv->object, &set);
	if (rc != PP_OK)
		return rc;
	rc = set.host == NULL ? PP_INVALID_DATA : answer(xcv, question, &set,
	    in, in_len, out, out_size, needed);
	socket_settings_free(&set);
	return rc;
}

int
socket_xcv_data(const struct pp_xcv *xcv, const char *name, const void *in,
    size_t in_len, void *out, size_t out_size, size_t *needed)
{
	bool new = strcmp(name, "AddPort") == 0;
	bool change = strcmp(name, "ConfigPort") == 0;
	bool end = strcmp(name, "DeletePort") == 0;
	enum question question = find_question(name);

	if (needed != NULL)
		*needed = 0;
	if (question != NONE)
		return ask(xcv, question, in, in_len, out, out_size, needed);
	if ((!new && !change && !end) || !may_administer(xcv) ||
	    !is_structure(in, in_len))
		return pp_util_xcv_data(xcv, name, in, in_len, out, out_size,
		    needed);
	return end ? delete(xcv, in, in_len) : store(xcv, new, in, in_len);
}
