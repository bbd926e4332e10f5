/*
 * device_settings.c - what a port's settings are, and whether they are right.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "device.h"
#include "device_usb.h"
#include "monitor_util.h"

/*
 * ---- Judging ---------------------------------------------------------------
 */

/* Settings that depend on each other, or on more than their type. */
struct facts {
	const char	*path, *usb, *usb_id, *on_attach;
	int		 speed;
};

static bool
judge_device(const struct pp_host *host, const struct facts *facts)
{
	const char *fault = NULL, *key = "usb", *value = facts->usb;

	if ((facts->path != NULL) + (facts->usb != NULL) +
	    (facts->usb_id != NULL) != 1) {
		host->log(host->cookie, PP_LOG_ERROR,
		    "set one of path, usb, usb_id, and only one");
		return false;
	}
	if (facts->path != NULL && strlen(facts->path) >= DEVICE_NODE_SIZE) {
		host->log(host->cookie, PP_LOG_ERROR,
		    "path: it is too long for a device node");
		return false;
	}
	if (facts->usb != NULL) {
		fault = device_usb_fault(facts->usb);
	} else if (facts->usb_id != NULL) {
		fault = device_usb_id_fault(facts->usb_id);
		key = "usb_id";
		value = facts->usb_id;
	}
	if (fault != NULL)
		host->log(host->cookie, PP_LOG_ERROR, "%s = %s: %s", key,
		    value, fault);
	return fault == NULL;
}

static bool
judge_file(const struct pp_host *host, const char *path)
{
	struct stat st;
	const char *fault = NULL;

	if (path == NULL)
		return true;
	if (stat(path, &st) == -1)
		fault = strerror(errno);
	else if (!S_ISREG(st.st_mode))
		fault = "it is no regular file";
	else if (access(path, R_OK) == -1)
		fault = "it cannot be read";
	if (fault != NULL)
		host->log(host->cookie, PP_LOG_ERROR, "on_attach = %s: %s",
		    path, fault);
	return fault == NULL;
}

static int
judge(const struct pp_host *host, const struct facts *facts)
{
	int nearest = device_tty_nearest(facts->speed);

	if (!judge_device(host, facts) || !judge_file(host, facts->on_attach))
		return PP_INVALID_PARAMETER;
	if (nearest == facts->speed)
		return PP_OK;
	host->log(host->cookie, PP_LOG_ERROR, "speed = %d: there is no such "
	    "baud rate; the nearest is %d", facts->speed, nearest);
	return PP_INVALID_PARAMETER;
}

static const char *
or_null(const char *text)
{
	return text != NULL && text[0] != '\0' ? text : NULL;
}

int
device_settings_judge(const struct pp_host *host,
    const struct pp_setting *settings, size_t count)
{
	struct facts facts = { .speed = 9600 };
	size_t i;

	for (i = 0; i < count; i++) {
		const char *key = settings[i].key;
		const char *value = or_null(settings[i].value);

		if (strcmp(key, "path") == 0)
			facts.path = value;
		else if (strcmp(key, "usb") == 0)
			facts.usb = value;
		else if (strcmp(key, "usb_id") == 0)
			facts.usb_id = value;
		else if (strcmp(key, "on_attach") == 0)
			facts.on_attach = value;
		else if (strcmp(key, "speed") == 0 && value != NULL)
			facts.speed = (int)strtol(value, NULL, 10);
	}
	return judge(host, &facts) == PP_OK ? PP_OK :
	    PP_INVALID_DATA;
}

/*
 * ---- Reading ---------------------------------------------------------------
 */

int
device_setting(const struct pp_host *host, const char *port, const char *key,
    char **text)
{
	int rc = pp_util_setting(host, port, key, text);

	if (*text != NULL && (*text)[0] == '\0') {
		free(*text);
		*text = NULL;
	}
	return rc;
}

static int
get_number(const struct pp_port *port, const char *key, int *number)
{
	int64_t value = 0;
	int rc;

	rc = port->host->config_number(port->host->cookie, port->name, key,
	    &value);
	*number = value < INT32_MAX ? (int)value : INT32_MAX;
	return rc;
}

static int
get_texts(struct pp_port *port)
{
	const struct {
		const char	 *key;
		char		**text;
	} texts[] = {
		{ "path", &port->path }, { "usb", &port->usb },
		{ "usb_id", &port->usb_id }, { "sysfs", &port->sysfs },
		{ "devices", &port->devices }, { "state", &port->state },
		{ "on_attach", &port->on_attach },
	};
	size_t i;
	int rc = PP_OK;

	for (i = 0; i < sizeof(texts) / sizeof(texts[0]) && rc == PP_OK; i++)
		rc = device_setting(port->host, port->name, texts[i].key,
		    texts[i].text);
	return rc;
}

static int
get_line(struct pp_port *port)
{
	struct device_line *line = &port->line;
	int parity, flow, rc;

	if ((rc = get_number(port, "speed", &line->speed)) != PP_OK ||
	    (rc = get_number(port, "data_bits", &line->data_bits)) != PP_OK ||
	    (rc = get_number(port, "stop_bits", &line->stop_bits)) != PP_OK ||
	    (rc = get_number(port, "parity", &parity)) != PP_OK ||
	    (rc = get_number(port, "flow", &flow)) != PP_OK)
		return rc;
	line->parity = (enum device_parity)parity;
	line->flow = (enum device_flow)flow;
	return PP_OK;
}

int
device_settings_get(struct pp_port *port)
{
	struct facts facts;
	int read = 0, status = 0, rc;

	if ((rc = get_texts(port)) != PP_OK ||
	    (rc = get_line(port)) != PP_OK ||
	    (rc = get_number(port, "read", &read)) != PP_OK ||
	    (rc = get_number(port, "status", &status)) != PP_OK ||
	    (rc = get_number(port, "write_timeout",
	    &port->configured_ms)) != PP_OK)
		return rc;
	/* A host that does not tell has the patience of one write. */
	if (get_number(port, "stall_timeout", &port->stall_ms) != PP_OK)
		port->stall_ms = port->configured_ms;
	port->read = read != 0;
	port->ask_status = status != 0;
	facts = (struct facts){ port->path, port->usb, port->usb_id,
	    port->on_attach, port->line.speed };
	return judge(port->host, &facts);
}

void
device_settings_free(struct pp_port *port)
{
	free(port->path);
	free(port->usb);
	free(port->usb_id);
	free(port->sysfs);
	free(port->devices);
	free(port->state);
	free(port->on_attach);
}

/*
 * ---- Two ports -------------------------------------------------------------
 */

/* Do these two ports mean the same, as far as their settings tell? */
static bool
same_device(const struct pp_port *a, const struct pp_port *b)
{
	if (a->path != NULL && b->path != NULL)
		return strcmp(a->path, b->path) == 0;
	if (a->usb != NULL && b->usb != NULL)
		return strcasecmp(a->usb, b->usb) == 0;
	return a->usb_id != NULL && b->usb_id != NULL &&
	    strcasecmp(a->usb_id, b->usb_id) == 0;
}

/* Of two ports on one device, the second is the one that is wrong. */
int
device_settings_alone(const struct pp_port *port)
{
	const struct pp_host *host = port->host;
	struct pp_port other;
	uint32_t i;
	bool same;

	for (i = 0;; i++) {
		other = (struct pp_port){ .host = host, .fd = -1 };
		if (host->config_port(host->cookie, i, other.name) != PP_OK ||
		    strcmp(other.name, port->name) == 0)
			return PP_OK;
		same = get_texts(&other) == PP_OK && same_device(port, &other);
		device_settings_free(&other);
		if (!same)
			continue;
		host->log(host->cookie, PP_LOG_ERROR, "port %s has the same "
		    "device; a device can be in one port only", other.name);
		return PP_INVALID_DATA;
	}
}
