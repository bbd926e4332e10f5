/*
 * device_usb.c - see device_usb.h.
 *
 *	class/usbmisc/lp0 ---- dev, uevent ----> the node
 *	       | device
 *	1-1:1.0, the interface  ieee1284_id
 *	       | ..
 *	1-1, the device		idVendor idProduct serial busnum devnum
 *
 * A serial adapter has one more step between its tty and the interface, so the
 * way up is gone until there is an idVendor.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "device_usb.h"

/* Of the driver usblp; the header that has it is the kernel's own. */
#define LPIOC_GET_DEVICE_ID(len)	_IOC(_IOC_READ, 'P', 1, len)

/* From a tty up to its USB device is three steps. */
#define STEPS_MAX	5

static const struct {
	const char	*class, *prefix;
	const char	*directory;	/* of nodes, if the kernel has no word */
	bool		 is_line;
} classes[] = {
	{ "usbmisc", "lp", "usb/", false },
	{ "tty", "ttyUSB", "", true },
	{ "tty", "ttyACM", "", true },
};

/*
 * ---- sysfs -----------------------------------------------------------------
 */

/* What is in a file, up to size; false if it is not there. */
static bool
read_file(const char *dir, const char *name, char *text, size_t size)
{
	char path[PATH_MAX];
	ssize_t n;
	int fd;

	text[0] = '\0';
	if (snprintf(path, sizeof(path), "%s/%s", dir, name) >= PATH_MAX)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd == -1)
		return false;
	n = read(fd, text, size - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return n >= 0;
}

/* An attribute, one line; its text comes from the device. */
static bool
read_attribute(const char *dir, const char *name, char *text, size_t size)
{
	size_t len;

	if (!read_file(dir, name, text, size))
		return false;
	len = strcspn(text, "\n");
	while (len > 0 && text[len - 1] == ' ')
		len--;
	text[len] = '\0';
	return len > 0;
}

/* Cut the last part off; false if there is none. */
static bool
step_up(char *path)
{
	char *slash = strrchr(path, '/');

	if (slash == NULL || slash == path)
		return false;
	*slash = '\0';
	return true;
}

/* From what a link leads to, up to the USB device; false: there is none. */
static bool
find_place(const char *link, char place[PATH_MAX])
{
	char vendor[8];
	int steps;

	if (realpath(link, place) == NULL)
		return false;
	for (steps = 0; steps < STEPS_MAX; steps++) {
		if (read_attribute(place, "idVendor", vendor, sizeof(vendor)))
			return true;
		if (!step_up(place))
			return false;
	}
	return false;
}

static void
read_appearance(const char *place, char *appearance, size_t size)
{
	char bus[12], number[12];

	if (read_attribute(place, "busnum", bus, sizeof(bus)) &&
	    read_attribute(place, "devnum", number, sizeof(number)))
		snprintf(appearance, size, "usb %s-%s", bus, number);
	else
		appearance[0] = '\0';
}

bool
device_usb_appearance(const char *sysfs, const char *number, char *appearance,
    size_t size)
{
	char link[PATH_MAX], place[PATH_MAX];

	appearance[0] = '\0';
	if (snprintf(link, sizeof(link), "%s/dev/char/%s", sysfs, number) <
	    PATH_MAX && find_place(link, place))
		read_appearance(place, appearance, size);
	return appearance[0] != '\0';
}

/* The node, below the directory of devices, as the kernel names it. */
static bool
read_node(const char *dir, const char *devices, const char *otherwise,
    const char *name, struct device_usb *device)
{
	char text[1024];
	char *found = NULL;
	int n;

	if (read_file(dir, "uevent", text, sizeof(text)))
		found = strstr(text, "DEVNAME=");
	if (found != NULL) {
		found += strlen("DEVNAME=");
		found[strcspn(found, "\n")] = '\0';
	}
	if (found == NULL || *found == '\0' || strstr(found, "..") != NULL)
		n = snprintf(device->node, sizeof(device->node), "%s/%s%s",
		    devices, otherwise, name);
	else
		n = snprintf(device->node, sizeof(device->node), "%s/%s",
		    devices, found);
	return n < (int)sizeof(device->node);
}

static void
read_identity(const char *interface, const char *place,
    struct device_usb *device)
{
	read_appearance(place, device->appearance, sizeof(device->appearance));
	(void)read_attribute(place, "idVendor", device->vendor,
	    sizeof(device->vendor));
	(void)read_attribute(place, "idProduct", device->product,
	    sizeof(device->product));
	(void)read_attribute(place, "serial", device->serial,
	    sizeof(device->serial));
	(void)read_attribute(interface, "ieee1284_id", device->id,
	    sizeof(device->id));
	if (!device_usb_id_value(device->id, "MFG", device->maker,
	    sizeof(device->maker)))
		(void)read_attribute(place, "manufacturer", device->maker,
		    sizeof(device->maker));
	if (!device_usb_id_value(device->id, "MDL", device->model,
	    sizeof(device->model)))
		(void)read_attribute(place, "product", device->model,
		    sizeof(device->model));
}

/* False: it is not at a USB plug, or just gone. */
static bool
read_device(const char *sysfs, const char *devices, size_t class,
    const char *name, struct device_usb *device)
{
	char dir[PATH_MAX / 2], interface[PATH_MAX], place[PATH_MAX];

	memset(device, 0, sizeof(*device));
	if (snprintf(dir, sizeof(dir), "%s/class/%s/%s", sysfs,
	    classes[class].class, name) >= (int)sizeof(dir))
		return false;
	snprintf(interface, sizeof(interface), "%s/device", dir);
	if (!find_place(interface, place) || snprintf(device->place,
	    sizeof(device->place), "%s", place) >= (int)sizeof(device->place))
		return false;
	device->is_line = classes[class].is_line;
	(void)read_attribute(dir, "dev", device->number,
	    sizeof(device->number));
	read_identity(interface, place, device);
	return read_node(dir, devices, classes[class].directory, name, device);
}

static bool
has_number(const char *name, const char *prefix)
{
	size_t len = strlen(prefix);

	return strncmp(name, prefix, len) == 0 &&
	    isdigit((unsigned char)name[len]);
}

struct list {
	struct device_usb	*devices;	/* owned */
	size_t			 count;
	const char		*sysfs, *nodes;	/* where to look */
};

static int
add(struct list *list, size_t class, const char *name)
{
	struct device_usb *more;

	if (!has_number(name, classes[class].prefix))
		return 0;
	more = reallocarray(list->devices, list->count + 1, sizeof(*more));
	if (more == NULL)
		return -ENOMEM;
	list->devices = more;
	if (read_device(list->sysfs, list->nodes, class, name,
	    &more[list->count]))
		list->count++;
	return 0;
}

static int
add_class(struct list *list, size_t class)
{
	struct dirent **names;
	char dir[PATH_MAX];
	int i, n, rc = 0;

	snprintf(dir, sizeof(dir), "%s/class/%s", list->sysfs,
	    classes[class].class);
	n = scandir(dir, &names, NULL, versionsort);
	if (n == -1)
		return errno == ENOMEM ? -ENOMEM : 0;
	for (i = 0; i < n; i++) {
		if (rc == 0)
			rc = add(list, class, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	return rc;
}

int
device_usb_list(const char *sysfs, const char *devices,
    struct device_usb **found, size_t *count)
{
	struct list list = { .sysfs = sysfs, .nodes = devices };
	size_t class;
	int rc = 0;

	for (class = 0; class < sizeof(classes) / sizeof(classes[0]) &&
	    rc == 0; class++)
		rc = add_class(&list, class);
	if (rc != 0) {
		free(list.devices);
		list = (struct list){ 0 };
	}
	*found = list.devices;
	*count = list.count;
	return rc;
}

/*
 * ---- Device ids ------------------------------------------------------------
 */

/* Where "KEY:VALUE;" ends, and its parts without the blanks around them. */
static const char *
next_pair(const char *id, char *key, size_t key_size, char *value,
    size_t value_size)
{
	size_t len = strcspn(id, ";");
	size_t colon = strcspn(id, ":;");
	const char *at = id + colon + 1;
	size_t rest;

	while (*id == ' ' && colon > 0)
		id++, colon--, len--;
	snprintf(key, key_size, "%.*s", (int)colon, id);
	value[0] = '\0';
	if (colon < len) {
		rest = len - colon - 1;
		while (rest > 0 && *at == ' ')
			at++, rest--;
		while (rest > 0 && (at[rest - 1] == ' ' ||
		    at[rest - 1] == '\n'))
			rest--;
		snprintf(value, value_size, "%.*s", (int)rest, at);
	}
	id += len;
	return *id == ';' ? id + 1 : id;
}

/* MFG and MANUFACTURER are the same key. */
static bool
same_key(const char *a, const char *b)
{
	static const char *const names[][3] = {
		{ "MFG", "MANUFACTURER", "MFR" },
		{ "MDL", "MODEL", "MDL" },
		{ "SN", "SERIALNUMBER", "SERN" },
	};
	size_t i, k;
	int found;

	if (strcasecmp(a, b) == 0)
		return true;
	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		found = 0;
		for (k = 0; k < 3; k++)
			found |= (strcasecmp(a, names[i][k]) == 0) |
			    (strcasecmp(b, names[i][k]) == 0) << 1;
		if (found == 3)
			return true;
	}
	return false;
}

bool
device_usb_id_value(const char *id, const char *key, char *value, size_t size)
{
	char name[64];

	while (*id != '\0') {
		id = next_pair(id, name, sizeof(name), value, size);
		if (same_key(name, key) && value[0] != '\0')
			return true;
	}
	value[0] = '\0';
	return false;
}

bool
device_usb_ask_id(int fd, char *id, size_t size)
{
	unsigned char answer[1024] = { 0 };
	size_t len;

	id[0] = '\0';
	if (ioctl(fd, LPIOC_GET_DEVICE_ID(sizeof(answer)), answer) == -1)
		return false;
	/* Two bytes of length, which counts them, come before the text. */
	len = (size_t)answer[0] << 8 | answer[1];
	if (len > sizeof(answer))
		len = sizeof(answer);
	if (len <= 2)
		return false;
	snprintf(id, size, "%.*s", (int)len - 2, (const char *)answer + 2);
	return id[0] != '\0';
}

/* Of a printer whose driver says nothing in sysfs. */
static void
ask_node(struct device_usb *device)
{
	int fd = open(device->node, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);

	if (fd == -1)
		return;
	(void)device_usb_ask_id(fd, device->id, sizeof(device->id));
	close(fd);
}

/*
 * ---- Which one -------------------------------------------------------------
 */

/* One hexadecimal number of 1 to 4 digits; what follows it, or NULL. */
static const char *
parse_hex(const char *text, unsigned long *number)
{
	char *end;

	if (!isxdigit((unsigned char)text[0]))
		return NULL;
	*number = strtoul(text, &end, 16);
	return end - text > 4 || end[-1] == 'x' || end[-1] == 'X' ? NULL : end;
}

/* *serial is "" if none is asked for. */
static bool
parse_usb(const char *usb, unsigned long *vendor, unsigned long *product,
    const char **serial)
{
	const char *rest = parse_hex(usb, vendor);

	if (rest == NULL || *rest != ':')
		return false;
	rest = parse_hex(rest + 1, product);
	if (rest == NULL || (*rest != '\0' && *rest != ':'))
		return false;
	*serial = *rest == ':' ? rest + 1 : rest;
	return *rest == '\0' || rest[1] != '\0';
}

const char *
device_usb_fault(const char *usb)
{
	unsigned long vendor, product;
	const char *serial;

	return parse_usb(usb, &vendor, &product, &serial) ? NULL :
	    "expected VENDOR:PRODUCT or VENDOR:PRODUCT:SERIAL, the first two "
	    "hexadecimal, such as 03f0:2b17";
}

static bool
has_numbers(const struct device_usb *device, const char *usb)
{
	unsigned long vendor, product;
	const char *serial;

	return parse_usb(usb, &vendor, &product, &serial) &&
	    vendor == strtoul(device->vendor, NULL, 16) &&
	    product == strtoul(device->product, NULL, 16) &&
	    (*serial == '\0' || strcmp(serial, device->serial) == 0);
}

const char *
device_usb_id_fault(const char *id)
{
	char key[64], value[256];

	if (id[strspn(id, " ;")] == '\0')
		return "expected a part of the printer's device id";
	if (strchr(id, ':') == NULL)
		return NULL;
	while (*id != '\0') {
		id = next_pair(id, key, sizeof(key), value, sizeof(value));
		if (key[0] == '\0' || value[0] == '\0')
			return "expected KEY:VALUE;KEY:VALUE, such as "
			    "MFG:HP;MDL:LaserJet 1020";
	}
	return NULL;
}

/* What the printer says of itself under this key, by whichever way. */
static bool
own_word(const struct device_usb *device, const char *key, char *value,
    size_t size)
{
	if (device_usb_id_value(device->id, key, value, size))
		return true;
	snprintf(value, size, "%s", same_key(key, "MFG") ? device->maker :
	    same_key(key, "MDL") ? device->model :
	    same_key(key, "SN") ? device->serial : "");
	return value[0] != '\0';
}

/* "MDL:LaserJet;SN:123": all pairs are true.  "LaserJet": it is in there. */
static bool
has_id(const struct device_usb *device, const char *id)
{
	char key[64], value[256], own[256], words[3][256], all[800];

	if (strchr(id, ':') == NULL) {
		(void)own_word(device, "MFG", words[0], sizeof(words[0]));
		(void)own_word(device, "MDL", words[1], sizeof(words[1]));
		(void)own_word(device, "SN", words[2], sizeof(words[2]));
		snprintf(all, sizeof(all), "%s %s %s", words[0], words[1],
		    words[2]);
		return strcasestr(all, id) != NULL;
	}
	while (*id != '\0') {
		id = next_pair(id, key, sizeof(key), value, sizeof(value));
		if (!own_word(device, key, own, sizeof(own)) ||
		    strcasecmp(own, value) != 0)
			return false;
	}
	return true;
}

bool
device_usb_is(const struct device_usb *device, const char *usb, const char *id)
{
	if (usb != NULL)
		return has_numbers(device, usb);
	return id != NULL && !device->is_line && has_id(device, id);
}

int
device_usb_find(const char *sysfs, const char *devices, const char *usb,
    const char *id, struct device_usb *found)
{
	struct device_usb *list;
	size_t count, i;
	int rc;

	found->node[0] = '\0';
	rc = device_usb_list(sysfs, devices, &list, &count);
	for (i = 0; i < count && rc == 0; i++) {
		if (id != NULL && list[i].id[0] == '\0' && !list[i].is_line)
			ask_node(&list[i]);
		if (!device_usb_is(&list[i], usb, id))
			continue;
		if (found->node[0] == '\0')
			*found = list[i];
		else if (strcmp(found->place, list[i].place) != 0)
			rc = -ENOTUNIQ;
	}
	free(list);
	return rc == 0 && found->node[0] == '\0' ? -ENODEV : rc;
}
