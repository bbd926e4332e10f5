/*
 * usb_tree - a sysfs with USB printers in it, and the nodes of their devices.
 *
 * Errors     Whatever fails ends the test.
 */
#ifndef USB_TREE_H
#define USB_TREE_H

/* One of them; what is NULL it does not say. */
struct usb_printer {
	const char	*vendor, *product, *serial;
	const char	*manufacturer, *name;
	const char	*id;		/* IEEE-1284 device id */
};

/* Begin below this directory: its sys and dev. */
void usb_tree_new(const char *directory);
const char *usb_tree_sysfs(void);
const char *usb_tree_devices(void);

/*
 * Plug one in: entry, "lp0" or "ttyUSB0", is there now, and its node leads to
 * that of another device.
 */
void usb_tree_plug(const char *entry, const char *node,
    const struct usb_printer *printer);
void usb_tree_unplug(const char *entry);

/* What its class says of it is this now; NULL: nothing. */
void usb_tree_change(const char *entry, const char *attribute,
    const char *text);

#endif /* USB_TREE_H */
