/*
 * device_usb - USB printers by what they are, not by the number they got.
 *
 * Reads sysfs alone: no device is opened, but for the device id of a printer
 * that sysfs does not tell.
 *
 * Ownership  A list belongs to the caller, who frees it.
 * Errors     Negative errno.  No printer is not one, but an empty list.
 */
#ifndef DEVICE_USB_H
#define DEVICE_USB_H

#include <stdbool.h>
#include <stddef.h>

/* Something at a USB plug that takes bytes; "" for what it does not tell. */
struct device_usb {
	char	 node[512];		/* path of its device node */
	char	 number[24];		/* of the node: "180:0" */
	char	 place[1024];		/* its directory in sysfs */
	char	 appearance[32];	/* another one after each plug-in */
	char	 vendor[8], product[8];	/* hexadecimal */
	char	 serial[128];
	char	 maker[64], model[128];
	char	 id[1024];		/* IEEE-1284 device id */
	bool	 is_line;		/* a serial line; what is there? */
};

/* What is plugged in, by number; devices is where the nodes are. */
int device_usb_list(const char *sysfs, const char *devices,
    struct device_usb **found, size_t *count);

/*
 * The one that is usb ("vid:pid" or "vid:pid:serial"), or that id, a text as
 * below, is true of; the other is NULL.  -ENODEV: it is not plugged in.
 * -ENOTUNIQ: several are.
 */
int device_usb_find(const char *sysfs, const char *devices, const char *usb,
    const char *id, struct device_usb *found);

/* Is this the one?  As for device_usb_find(). */
bool device_usb_is(const struct device_usb *device, const char *usb,
    const char *id);

/* What is wrong with such a text; NULL: nothing. */
const char *device_usb_fault(const char *usb);
const char *device_usb_id_fault(const char *id);

/* Value of a key in a device id; MFG, MDL and SN by their long names too. */
bool device_usb_id_value(const char *id, const char *key, char *value,
    size_t size);

/* The device id as the printer itself says it now. */
bool device_usb_ask_id(int fd, char *id, size_t size);

/*
 * What tells one plug-in of the device with this node number ("188:0") from
 * the next; false if it is not at a USB plug.
 */
bool device_usb_appearance(const char *sysfs, const char *number,
    char *appearance, size_t size);

#endif /* DEVICE_USB_H */
