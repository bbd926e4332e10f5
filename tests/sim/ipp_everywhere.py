"""ippeveprinter, the reference IPP Everywhere printer of CUPS, as a peer.

It is kept off the network: no_dnssd.so takes the place of the library by which
it would announce itself.
"""

import os
import pathlib
import socket
import subprocess
import unittest

import harness
from harness import wait_for

FORMATS = "application/pdf,image/jpeg"
HOST = harness.loopback_name("127.0.0.1")


def program():
    """Unpacked for us, or installed; None if there is none."""
    places = [*sorted(harness.PEERS.glob("**/sbin/ippeveprinter")),
              pathlib.Path("/usr/sbin/ippeveprinter")]
    return next((p for p in places if os.access(p, os.X_OK)), None)


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as s:
        return s.getsockname()[1]


class EverywherePrinter:
    """One in a directory; its documents stay there."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory) / "everywhere"
        self.keys = self.directory / "keys"
        self.output = self.directory / "output"
        for place in (self.directory, self.keys, self.output):
            place.mkdir()
        self.log_path = self.directory / "log"
        self.command = self.directory / "command"
        self.behave("exit 0")
        self.number = free_port()
        self.process = None

    def uri(self, scheme="ipp"):
        return f"{scheme}://{HOST}:{self.number}/ipp/print"

    def behave(self, script):
        """What it does with the file of a document, $1."""
        fresh = self.directory / "command.new"
        fresh.write_text(f"#!/bin/sh\n{script}\n")
        fresh.chmod(0o755)
        fresh.rename(self.command)

    def start(self):
        preload = harness.MODULES / "no_dnssd.so"
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [program(), "-v", "-k", "-K", self.keys, "-d", self.output,
                 "-n", HOST, "-p", str(self.number), "-r", "",
                 "-f", FORMATS, "-c", self.command, "Everywhere"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                env=dict(os.environ, LD_PRELOAD=str(preload),
                         HOME=str(self.directory)))
        wait_for(self.listens, lambda: f"a printer:\n{self.log()}")

    def listens(self):
        if self.process.poll() is not None:
            if "listener" in self.log():
                raise unittest.SkipTest("ippeveprinter does not start here: "
                                        f"{self.log().strip()}")
            raise AssertionError(f"ippeveprinter ended:\n{self.log()}")
        try:
            socket.create_connection((HOST, self.number)).close()
        except ConnectionRefusedError:
            return False
        return True

    def kill(self):
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def log(self):
        return self.log_path.read_text(errors="replace")

    def documents(self):
        """Contents of what was spooled, by job."""
        return [p.read_bytes() for p in sorted(
            self.output.glob("*.pdf"),
            key=lambda p: int(p.name.split("-")[0]))]
