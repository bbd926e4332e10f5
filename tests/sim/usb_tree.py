"""A sysfs with USB printers in it, and the nodes of their devices.

    tree = UsbTree(directory)
    tree.plug("lp0", printer.path, serial="A1")
    ... usb = 03f0:2b17:A1, sysfs = {tree.sysfs}, devices = {tree.devices} ...
    tree.unplug("lp0")
"""

import os
import pathlib
import shutil


class UsbTree:
    def __init__(self, directory):
        self.sysfs = pathlib.Path(directory) / "sys"
        self.devices = pathlib.Path(directory) / "dev"
        (self.sysfs / "class/usbmisc").mkdir(parents=True)
        (self.devices / "usb").mkdir(parents=True)
        self.number = 0

    def settings(self, more=""):
        """For the [port] section."""
        return (f"sysfs = {self.sysfs}\ndevices = {self.devices}\n"
                f"state = {self.devices}\n{more}\n")

    def plug(self, name, node, vendor="03f0", product="2b17", serial="A1",
             maker="HP", model="LaserJet 1020", device_id=None):
        """Plug one in: what name says is there now leads to node."""
        self.number += 1
        place = self.sysfs / f"devices/usb1/1-{self.number}"
        interface = place / f"1-{self.number}:1.0"
        entry = interface / "usbmisc" / name
        entry.mkdir(parents=True)
        if device_id is None:
            device_id = f"MFG:{maker};MDL:{model};CMD:PCL;"
        for where, attribute, text in (
                (place, "idVendor", vendor), (place, "idProduct", product),
                (place, "serial", serial), (place, "manufacturer", maker),
                (place, "product", model), (place, "busnum", "1"),
                (place, "devnum", str(self.number)),
                (interface, "ieee1284_id", device_id),
                (entry, "uevent", f"DEVNAME=usb/{name}")):
            if text:
                (where / attribute).write_text(text + "\n")
        rdev = os.stat(node).st_rdev
        (entry / "dev").write_text(f"{os.major(rdev)}:{os.minor(rdev)}\n")
        (entry / "device").symlink_to(interface)
        (self.devices / "usb" / name).symlink_to(node)
        (self.sysfs / "class/usbmisc" / name).symlink_to(entry)

    def unplug(self, name):
        entry = self.sysfs / "class/usbmisc" / name
        place = entry.resolve().parents[2]
        entry.unlink()
        (self.devices / "usb" / name).unlink()
        shutil.rmtree(place)
