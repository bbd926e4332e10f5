/*
 * device_enum.c - printers that are plugged in and that no port has.
 *
 * Their names are made of what they say of themselves, so that one has the
 * same name at each plug.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "device.h"
#include "device_usb.h"

/* The printers of one sysfs, while the ports are gone through. */
struct plugged {
	struct device_usb	*list;		/* owned */
	size_t			 count;
};

/*
 * ---- Names -----------------------------------------------------------------
 */

/* Append what may stand in a name; the rest becomes one '_' at a time. */
static void
append(char *name, size_t size, const char *text)
{
	size_t len = strlen(name);

	for (; *text != '\0' && len + 1 < size; text++) {
		if (isalnum((unsigned char)*text) ||
		    strchr("-.+", *text) != NULL)
			name[len++] = *text;
		else if (len > 0 && name[len - 1] != '_')
			name[len++] = '_';
	}
	name[len] = '\0';
}

/* "HP" of "HP" and "HP LaserJet 1020" is not said twice. */
static const char *
maker_to_say(const struct device_usb *device)
{
	size_t len = strlen(device->maker);

	return strncasecmp(device->model, device->maker, len) == 0 ? "" :
	    device->maker;
}

static void
make_name(const struct device_usb *device, char name[PP_PORT_NAME_LEN + 1])
{
	const char *maker = maker_to_say(device);
	const char *slash = strrchr(device->place, '/');
	const char *tail = device->serial[0] != '\0' ? device->serial :
	    slash != NULL ? slash + 1 : device->place;
	char end[32] = "-";
	size_t room;

	append(end, sizeof(end), tail);
	room = PP_PORT_NAME_LEN + 1 - strlen(end);
	snprintf(name, PP_PORT_NAME_LEN + 1, "usb-");
	append(name, room, maker);
	if (maker[0] != '\0')
		append(name, room, " ");
	append(name, room, device->model);
	if (device->model[0] == '\0') {
		append(name, room, device->vendor);
		append(name, room, "-");
		append(name, room, device->product);
	}
	strcat(name, end);
}

/* Printing characters, whatever the device says. */
static void
tame(char *text)
{
	for (; *text != '\0'; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
			*text = '?';
}

static void
describe(const struct device_usb *device, char *text, size_t size)
{
	const char *maker = maker_to_say(device);

	snprintf(text, size, "%s%s%s (usb = %s:%s%s%s)", maker,
	    maker[0] != '\0' ? " " : "",
	    device->model[0] != '\0' ? device->model : "USB printer",
	    device->vendor, device->product,
	    device->serial[0] != '\0' ? ":" : "", device->serial);
	tame(text);
}

/*
 * ---- Ports -----------------------------------------------------------------
 */

static bool
has_device(const struct pp_host *host, const char *port,
    const struct device_usb *device)
{
	char *path = NULL, *usb = NULL, *id = NULL;
	bool has = false;

	if (device_setting(host, port, "path", &path) == PP_OK &&
	    device_setting(host, port, "usb", &usb) == PP_OK &&
	    device_setting(host, port, "usb_id", &id) == PP_OK)
		has = path != NULL ? strcmp(path, device->node) == 0 :
		    device_usb_is(device, usb, id);
	free(path);
	free(usb);
	free(id);
	return has;
}

/* Is there a port for it already, or one with its name? */
static bool
is_taken(const struct pp_host *host, const struct device_usb *device,
    const char *name)
{
	char port[PP_PORT_NAME_LEN + 1];
	uint32_t i;

	for (i = 0; host->config_port(host->cookie, i, port) == PP_OK; i++)
		if (strcasecmp(port, name) == 0 ||
		    has_device(host, port, device))
			return true;
	return false;
}

static bool
is_listed(const struct device_found *found, size_t count, const char *name)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (strcasecmp(found[i].name, name) == 0)
			return true;
	return false;
}

/* Add those that are new; the second interface of one device is not. */
static int
add_new(const struct pp_host *host, const struct plugged *plugged,
    struct device_found **found, size_t *count)
{
	char name[PP_PORT_NAME_LEN + 1];
	struct device_found *more;
	size_t i;

	for (i = 0; i < plugged->count; i++) {
		make_name(&plugged->list[i], name);
		if (plugged->list[i].is_line ||
		    is_listed(*found, *count, name) ||
		    is_taken(host, &plugged->list[i], name))
			continue;
		more = reallocarray(*found, *count + 1, sizeof(*more));
		if (more == NULL)
			return PP_NO_MEMORY;
		*found = more;
		more += (*count)++;
		memcpy(more->name, name, sizeof(name));
		describe(&plugged->list[i], more->description,
		    sizeof(more->description));
	}
	return PP_OK;
}

/* Where a port looks; where all look by default, for none. */
static int
look_at(const struct pp_host *host, const char *port,
    struct device_found **found, size_t *count)
{
	struct plugged plugged = { NULL, 0 };
	char *sysfs = NULL, *devices = NULL;
	int rc = PP_OK;

	if (port != NULL) {
		rc = device_setting(host, port, "sysfs", &sysfs);
		if (rc == PP_OK)
			rc = device_setting(host, port, "devices", &devices);
	}
	if (rc == PP_OK)
		rc = device_usb_list(sysfs != NULL ? sysfs : "/sys",
		    devices != NULL ? devices : "/dev", &plugged.list,
		    &plugged.count);
	if (rc == PP_OK)
		rc = add_new(host, &plugged, found, count);
	free(plugged.list);
	free(sysfs);
	free(devices);
	return rc;
}

int
device_find_new(const struct pp_host *host, struct device_found **found,
    size_t *count)
{
	char port[PP_PORT_NAME_LEN + 1];
	uint32_t i;
	int rc = PP_OK;

	*found = NULL;
	*count = 0;
	for (i = 0; rc == PP_OK &&
	    host->config_port(host->cookie, i, port) == PP_OK; i++)
		rc = look_at(host, port, found, count);
	if (i == 0)
		rc = look_at(host, NULL, found, count);
	if (rc != PP_OK) {
		free(*found);
		*found = NULL;
		*count = 0;
	}
	return rc;
}
