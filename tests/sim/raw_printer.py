#!/usr/bin/env python3
"""A RAW printer (TCP port 9100) with the habits that a test gives it.

It takes one connection at a time, as printers do, and keeps what it reads, a
document for each connection.  Habits may be changed while it runs; they count
from the next connection.

    with RawPrinter() as printer:
        ... print to printer.address ...
        printer.wait_documents(1)

As a program it prints to files, until it is ended:

    tests/sim/raw_printer.py --port 9100 --directory /tmp/paper
"""

import argparse
import os
import select
import socket
import ssl
import struct
import threading

LIMIT_S = 60


class Document:
    """What came over one connection."""

    def __init__(self):
        self.data = bytearray()
        self.end = None         # "end", "reset", or what we did


class RawPrinter:
    """Habits are attributes:

    limit       after so many bytes of a connection it does at_limit
    at_limit    "wait" (for go()), "close", "reset", or None
    at_end      of the client's stream: the same; None is to close
    says        bytes that it says as soon as it is connected
    answers     function from what was just read to what is said to it
    pause       seconds between reads ...
    gulp        ... of so many bytes
    """

    def __init__(self, host="127.0.0.1", port=0, tls=None, on=True, **habits):
        self.host = host
        self.port = port
        self.tls = tls
        self.limit = None
        self.at_limit = None
        self.at_end = None
        self.says = b""
        self.answers = None
        self.pause = 0
        self.gulp = 65536
        self.receive_buffer = None
        self.documents = []
        self.tls_errors = []
        self.change = threading.Condition()
        self.wake, self.waker = socket.socketpair()
        self.going = self.waiting = self.stopping = False
        self.listener = self.thread = None
        for name, value in habits.items():
            if not hasattr(self, name):
                raise AttributeError(name)
            setattr(self, name, value)
        if on:
            self.on()

    # ---- switching it --------------------------------------------------

    def on(self):
        family = socket.AF_INET6 if ":" in self.host else socket.AF_INET
        self.listener = socket.socket(family)
        self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self.receive_buffer is not None:
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                     self.receive_buffer)
        self.listener.bind((self.host, self.port))
        self.listener.listen(128)
        self.port = self.listener.getsockname()[1]
        self.stopping = False
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def off(self):
        """No more of it, not even in the middle of a document."""
        if self.thread is None:
            return
        with self.change:
            self.stopping = True
            self.change.notify_all()
        self.waker.send(b"x")
        self.thread.join(LIMIT_S)
        self.thread = None
        self.wake.recv(1)
        self.listener.close()

    def stop(self):
        self.off()
        self.wake.close()
        self.waker.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def go(self):
        """Do not wait (any more)."""
        with self.change:
            self.going = True
            self.change.notify_all()

    # ---- for tests ------------------------------------------------------

    @property
    def address(self):
        return self.host, self.port

    def settings(self, more=""):
        """For the [port] section."""
        return f"host = {self.host}\nport = {self.port}\n{more}\n"

    def wait(self, condition, what):
        with self.change:
            if not self.change.wait_for(condition, LIMIT_S):
                raise AssertionError(f"waited in vain for {what}")

    def finished(self):
        """Documents whose connection is over."""
        return [d for d in self.documents if d.end is not None]

    def wait_documents(self, n):
        """The first n documents, when they have come to an end."""
        self.wait(lambda: len(self.finished()) >= n, f"{n} documents")
        return [bytes(d.data) for d in self.documents[:n]]

    def wait_waiting(self):
        self.wait(lambda: self.waiting, "a printer that waits")

    def wait_bytes(self, n):
        """Until the running document has so many bytes."""
        self.wait(lambda: self.documents and
                  len(self.documents[-1].data) >= n, f"{n} bytes")

    # ---- its thread -----------------------------------------------------

    def ready(self, fd, write=False):
        """Wait for fd; False: it is to stop."""
        while not self.stopping:
            readable, writable, _ = select.select(
                [self.wake] + ([] if write else [fd]),
                [fd] if write else [], [])
            if fd in readable or fd in writable:
                return True
        return False

    def run(self):
        while self.ready(self.listener):
            connection, _ = self.listener.accept()
            document = Document()
            with self.change:
                self.documents.append(document)
            try:
                end = self.serve(connection, document)
            except (ConnectionResetError, BrokenPipeError):
                end = "reset"
            except ssl.SSLError as error:
                self.tls_errors.append(str(error))
                end = "tls"
            connection.close()
            with self.change:
                document.end = end
                self.change.notify_all()

    def act(self, connection, what):
        """What it does at a limit or an end; None: read on."""
        if what == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
        if what != "wait":
            return what
        with self.change:
            self.waiting = True
            self.change.notify_all()
            self.change.wait_for(lambda: self.going or self.stopping)
            self.waiting = False
        return "stop" if self.stopping else None

    def read(self, connection, limit):
        """Bytes, b"" at the end, None if it is to stop."""
        if isinstance(connection, ssl.SSLSocket) and connection.pending():
            return connection.recv(min(limit, self.gulp))
        if not self.ready(connection):
            return None
        return connection.recv(min(limit, self.gulp))

    def rest(self):
        """The pause between two reads; False: it is to stop."""
        with self.change:
            return not self.change.wait_for(lambda: self.stopping, self.pause)

    def serve(self, connection, document):
        if self.tls is not None:
            connection.settimeout(LIMIT_S)
            connection = self.tls.wrap_socket(connection, server_side=True)
        limit = self.limit if self.at_limit is not None else None
        connection.sendall(self.says)
        while True:
            left = 1 << 20 if limit is None else limit - len(document.data)
            if left <= 0:
                end = self.act(connection, self.at_limit)
                if end is not None:
                    connection.close()
                    return end
                limit = None
                continue
            data = self.read(connection, left)
            if not data:
                break
            with self.change:
                document.data += data
                self.change.notify_all()
            if self.answers is not None:
                connection.sendall(self.answers(data))
            if self.pause and not self.rest():
                return "stop"
        if data is None:
            return "stop"
        return self.finish(connection)

    def finish(self, connection):
        end = self.act(connection, self.at_end) or "end"
        if self.tls is not None and end == "end":
            connection.unwrap().close()
        connection.close()
        return end


def main():
    parser = argparse.ArgumentParser(description="A RAW printer.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=9100)
    parser.add_argument("--directory", default=".")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--at-limit", choices=("wait", "close", "reset"))
    parser.add_argument("--at-end", choices=("wait", "reset"))
    parser.add_argument("--pause", type=float, default=0)
    parser.add_argument("--gulp", type=int, default=65536)
    args = parser.parse_args()
    with RawPrinter(args.host, args.port, limit=args.limit,
                    at_limit=args.at_limit, at_end=args.at_end,
                    pause=args.pause, gulp=args.gulp) as printer:
        n = 0
        while True:
            with printer.change:
                printer.change.wait_for(lambda: len(printer.finished()) > n)
            document = printer.documents[n]
            path = os.path.join(args.directory, f"{n + 1}.{document.end}")
            with open(path, "wb") as file:
                file.write(document.data)
            print(path, len(document.data), flush=True)
            n += 1


if __name__ == "__main__":
    main()
