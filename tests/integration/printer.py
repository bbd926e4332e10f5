"""A printer that takes and says what a test wants it to.

It is a FIFO that the monitor "mock" prints into: nobody reads it until the
test does, so that the port is full after a few writes.  The mock notes each
call that it gets.
"""

import fcntl
import os

import harness

F_SETPIPE_SZ = 1031                     # named in Python 3.10 and later


class Printer:
    def __init__(self, directory, name="printer"):
        self.path = directory / name
        self.trace_path = directory / (name + ".trace")
        os.mkfifo(self.path)
        self.fd = os.open(self.path, os.O_RDONLY | os.O_NONBLOCK)
        fcntl.fcntl(self.fd, F_SETPIPE_SZ, 4096)

    def close(self):
        os.close(self.fd)

    def settings(self, more=""):
        """For the [port] section."""
        return (f"output = {self.path}\ntrace = {self.trace_path}\n"
                f"write_timeout = 20ms\n{more}\n")

    def read(self, count):
        """Take so many bytes, as soon as they come."""
        data = b""

        def more():
            nonlocal data
            try:
                data += os.read(self.fd, count - len(data))
            except BlockingIOError:
                pass
            return len(data) == count
        harness.wait_for(more, f"{count} bytes in the printer")
        return data

    def is_empty(self):
        """Has the monitor printed nothing that was not taken?"""
        try:
            return os.read(self.fd, 1) == b""
        except BlockingIOError:
            return True

    def calls(self):
        """What the mock was asked to do, in order."""
        try:
            return self.trace_path.read_text().split("\n")[:-1]
        except FileNotFoundError:
            return []

    def wait_call(self, call, count=1):
        return harness.wait_for(lambda: self.calls().count(call) >= count,
                                f"{call!r} in the calls of the monitor")
