"""A serial printer at a pty, which does what a test wants it to.

It reads as it comes, until it is told to stop (paper out), to read in small
pieces (slow), or to hang up (unplugged).  What it got stays in `received`.

    printer = PtyPrinter()
    printer.stop_after(1000)        # paper is out then
    ... print to printer.path ...
    printer.wait(1000)
    printer.go_on()
"""

import os
import select
import threading
import time
import tty

LIMIT_S = 60
BLOCK = 65536


class PtyPrinter:
    def __init__(self):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)
        os.set_blocking(self.master, False)
        self.wake_read, self.wake_write = os.pipe()
        self.change = threading.Condition()
        self.received = b""
        self.stop_at = None             # paper is out when it has so much
        self.hang_up_at = None          # ... and it is unplugged
        self.piece = BLOCK
        self.ending = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    # ---- the script -----------------------------------------------------

    def script(self, **changes):
        with self.change:
            for name, value in changes.items():
                setattr(self, name, value)
        os.write(self.wake_write, b"x")

    def stop_after(self, count):
        """Take so many bytes in all, and then no more."""
        self.script(stop_at=count)

    def hang_up_after(self, count):
        self.script(hang_up_at=count)

    def go_on(self):
        self.script(stop_at=None, hang_up_at=None)

    def slow(self, piece):
        """Take so little at a time."""
        self.script(piece=piece)

    def answer(self, data):
        """Say this to the computer."""
        while data:
            select.select([], [self.master], [], LIMIT_S)
            data = data[os.write(self.master, data):]

    def wait(self, count):
        """Wait until it has so many bytes; returns all that it has."""
        end = time.monotonic() + LIMIT_S
        with self.change:
            while len(self.received) < count:
                left = end - time.monotonic()
                if left <= 0 or not self.change.wait(left):
                    raise AssertionError(
                        f"{len(self.received)} bytes, not {count}")
            return self.received

    def wait_hung_up(self):
        self.thread.join(LIMIT_S)
        if self.thread.is_alive():
            raise AssertionError("it does not hang up")

    def hang_up(self):
        """Pull the plug; whatever the computer has not sent yet is lost."""
        self.script(ending=True)
        self.wait_hung_up()

    close = hang_up

    # ---- the printer ----------------------------------------------------

    def room(self):
        """How much it takes now."""
        room = self.piece
        for limit in (self.stop_at, self.hang_up_at):
            if limit is not None:
                room = min(room, limit - len(self.received))
        return max(room, 0)

    def done(self):
        return self.ending or (self.hang_up_at is not None and
                               len(self.received) >= self.hang_up_at)

    def run(self):
        poll = select.poll()
        poll.register(self.wake_read, select.POLLIN)
        while True:
            with self.change:
                if self.done():
                    break
                room = self.room()
            if room > 0:
                poll.register(self.master, select.POLLIN)
            else:
                poll.register(self.master, 0)
            for fd, _ in poll.poll():
                if fd == self.wake_read:
                    os.read(self.wake_read, BLOCK)
                elif room > 0:
                    self.take(room)
        for fd in (self.master, self.slave, self.wake_read):
            os.close(fd)

    def take(self, room):
        try:
            data = os.read(self.master, room)
        except BlockingIOError:
            return
        with self.change:
            self.received += data
            self.change.notify_all()
