#!/usr/bin/env python3
"""An LPD server (RFC 1179) that answers as a test tells it to.

Each connection has a script, a letter for each answer that it will have to
give; the last letter is for all that follow:

    0       go on
    1 2 3   refuse, with a text behind the octet, and hang up
    c r     hang up; reset the connection
    s       be silent, until go() or the client's end
    d       (for data) stop reading after the first 64 KiB, likewise
    p       (for data) stop there until go(), then go on

Answers are: to the queue, then to the name of each file, and to the file.

    with LpdServer("0", "0001", "0") as server:
        ... print to server.port ...
        server.wait_jobs(1)

As a program it keeps what it gets in a directory:

    tests/sim/lpd_server.py --port 1515 --directory /tmp/paper
"""

import argparse
import pathlib
import socket
import struct
import threading

LIMIT_S = 60
UNKNOWN = (0x7fffffff, 0xffffffff)


class Gone(Exception):
    """The connection is over."""


class Job:
    def __init__(self, queue):
        self.queue = queue
        self.control = self.data = None
        self.names = []                 # in the order of their files
        self.lengths = []

    def lines(self, letter):
        """Operands of the control file's lines of this letter."""
        return [line[1:] for line in self.control.decode().split("\n")
                if line[:1] == letter]


class LpdServer:
    def __init__(self, *scripts, host="127.0.0.1", port=0):
        self.scripts = list(scripts) or ["0"]
        self.jobs = []                  # that were acknowledged whole
        self.connections = 0
        self.steps = []                 # answers that are due, so far
        self.clients = []               # addresses
        self.change = threading.Condition()
        self.going = 0
        self.resting = 0                # times that reading was stopped
        self.sock = socket.create_server((host, port))
        self.port = self.sock.getsockname()[1]
        self.open = []
        self.threads = []
        self.accepter = threading.Thread(target=self.run, daemon=True)
        self.accepter.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.accepter.join()
        self.sock.close()
        self.go()
        for s in self.open:
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self.threads:
            thread.join(LIMIT_S)

    def go(self):
        """Let all that are silent, or do not read, go on."""
        with self.change:
            self.going += 1
            self.change.notify_all()

    def wait_jobs(self, n):
        self.wait(lambda: len(self.jobs) >= n)
        return self.jobs

    def wait_step(self, n):
        """Until the n-th answer of the latest connection is due."""
        self.wait(lambda: self.steps and self.steps[-1] >= n)

    def wait(self, condition):
        with self.change:
            if not self.change.wait_for(condition, LIMIT_S):
                raise AssertionError(f"waited in vain: {self.steps}")

    def wait_rest(self):
        """Until it does not read on."""
        self.wait(lambda: self.resting)

    def run(self):
        while True:
            try:
                s, client = self.sock.accept()
            except OSError:
                return
            with self.change:
                script = self.scripts[min(self.connections,
                                          len(self.scripts) - 1)]
                self.connections += 1
                self.steps.append(0)
                self.clients.append(client)
                self.open.append(s)
            thread = threading.Thread(
                target=self.serve, args=(s, script, len(self.steps) - 1),
                daemon=True)
            self.threads.append(thread)
            thread.start()

    def serve(self, s, script, number):
        try:
            Session(self, s, script, number).run()
        except (Gone, OSError):
            pass
        finally:
            s.close()


class Session:
    def __init__(self, server, sock, script, number):
        self.server = server
        self.sock = sock
        self.script = script
        self.number = number
        self.going = server.going
        self.file = sock.makefile("rb", buffering=65536)

    def letter(self):
        return self.script[min(self.server.steps[self.number],
                               len(self.script) - 1)]

    def answer(self):
        server, letter = self.server, self.letter()
        with server.change:
            server.steps[self.number] += 1
            server.change.notify_all()
        if letter in "sd":
            self.wait_go()
        elif letter in "123":
            self.sock.sendall(bytes([int(letter)]) + b"not like that\n")
            raise Gone
        elif letter == "r":
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                 struct.pack("ii", 1, 0))
            raise Gone
        elif letter == "c":
            raise Gone
        self.sock.sendall(b"\0")

    def wait_go(self):
        with self.server.change:
            self.server.change.wait_for(
                lambda: self.server.going > self.going)
            self.going = self.server.going

    def run(self):
        job = Job(self.line()[1:-1].decode())
        self.answer()
        while True:
            line = self.file.readline()
            if not line:
                break
            length, name = line[1:].split()
            job.lengths.append(int(length))
            job.names.append(name.decode())
            self.answer()
            if line[0] == 2:
                job.control = self.read(int(length))
            else:
                job.data = self.read_data(int(length))
            if job.control is not None and job.data is not None:
                self.done(job)
            self.answer()

    def done(self, job):
        """It counts if the answer will be a good one, silence or none."""
        if self.letter() in "0pscr":
            with self.server.change:
                self.server.jobs.append(job)
                self.server.change.notify_all()

    def line(self):
        line = self.file.readline()
        if not line.endswith(b"\n"):
            raise Gone
        return line

    def read(self, length):
        data = self.file.read(length)
        if len(data) < length or self.file.read(1) != b"\0":
            raise Gone
        return data

    def read_data(self, length):
        head = b""
        if self.letter() in "dp":
            gone = self.letter() == "d"
            head = self.file.read(min(length, 65536))
            with self.server.change:
                self.server.resting += 1
                self.server.change.notify_all()
            self.wait_go()
            if gone:
                raise Gone
        if length in UNKNOWN or length >= 999999999999:
            return head + self.file.read()
        return head + self.read(length - len(head))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--port", type=int, default=515)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--directory", default=".")
    parser.add_argument("scripts", nargs="*")
    args = parser.parse_args()
    place = pathlib.Path(args.directory)
    server = LpdServer(*args.scripts, host=args.host, port=args.port)
    done = 0
    while True:
        with server.change:
            server.change.wait_for(lambda: len(server.jobs) > done)
        job = server.jobs[done]
        done += 1
        (place / f"{done}.control").write_bytes(job.control)
        (place / f"{done}.data").write_bytes(job.data)


if __name__ == "__main__":
    main()
