#!/usr/bin/env python3
"""LPD clients that stand still, and such that are gone in the middle.

Others print all the while, and nothing of them is left behind.
"""

import os
import socket
import subprocess
import time
import unittest

import harness
import lpd
from lpd import ACK
from lpd_case import LpdCase

FILL = harness.BUILD / "spool_fill"
ESTABLISHED = 1                         # <linux/tcp.h>

LONG = """
command_timeout = 1h
receive_timeout = 1h
"""
# Jobs that wait, and a listener that lets those wait that it refuses.
MORE = """
[listener slow]
protocol = lpd
listen = 127.0.0.1:0
refusal_delay = 1m
[queue full]
ports = jammed
[port jammed]
monitor = file
directory = {none}
"""


def state(sock):
    """Of the connection, as the system sees it."""
    return sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0]


class TestCrowd(LpdCase):
    """Sessions that stand still, of every kind, and a job among them."""

    N = 500
    BEGINNINGS = {
        "nothing said": b"",
        "in a command": b"\2q",
        "a command": b"\2q\n",
        "in a subcommand": b"\2q\n\2",
        "in a control file": b"\2q\n\002100 cfA001h\nH",
        "before the NUL of it": b"\2q\n\0022 cfA001h\nHh",
        "between files": b"\2q\n\0022 cfA001h\nHh\0",
        "before data": b"\2q\n\0035 dfA001h\n",
        "in data": b"\2q\n\0035 dfA001h\nabc",
        "in much data": b"\2q\n\003500000 dfA001h\n" + bytes(70000),
        "before the NUL of data": b"\2q\n\0035 dfA001h\nabcde",
        "before data of length 0": b"\2q\n\0030 dfA001h\n",
        "in data of unknown length":
            b"\2q\n\003999999999999 dfA001h\nabc",
        "in a status": b"\3q",
        "in a removal": b"\5q al",
        "acknowledgments never read": b"\2q\n" + 50 * b"\1\n",
    }

    def stand_still(self, data, listener="lpd", rcvbuf=None):
        sock = socket.socket()
        self.addCleanup(sock.close)
        if rcvbuf is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        sock.settimeout(harness.LIMIT_S)
        sock.connect(self.daemon.address(listener))
        sock.sendall(data)
        return sock

    def crowd(self):
        """Last come those that have only a minute."""
        kinds = list(self.BEGINNINGS.values())
        socks = [self.stand_still(kinds[i % len(kinds)])
                 for i in range(self.N - 100)]
        socks += [self.stand_still(b"\2none\n", "slow") for _ in range(50)]
        socks += [self.stand_still(b"\4full\n", rcvbuf=4096)
                  for _ in range(50)]
        return socks

    def start_with_crowd(self):
        subprocess.run([FILL, self.daemon.spool, "full", "10000"], check=True)
        self.start(listener=LONG, more=MORE.format(
            none=self.daemon.dir / "none"))
        socks = self.crowd()
        self.daemon.wait_log("refused .*listener=slow")
        return socks

    @unittest.skipUnless(FILL.exists(), "spool_fill is not built")
    def test_500_half_open_sessions(self):
        """A job is printed while all of them are still open; and when they
        are gone, another."""
        socks = self.start_with_crowd()
        start = time.monotonic()
        self.send_job(b"among them")
        took = time.monotonic() - start
        self.assertEqual([state(s) for s in socks], self.N * [ESTABLISHED])
        self.assertEqual(self.printed(1), [b"among them"])
        print(f"# a job beside {self.N} half-open sessions is kept after "
              f"{took * 1000:.0f} ms", flush=True)
        for sock in socks:
            harness.reset(sock)
        self.send_job(b"after them")
        self.assertEqual(self.printed(2)[-1], b"after them")

    @unittest.skipUnless(FILL.exists(), "spool_fill is not built")
    def test_the_daemon_ends_among_500_half_open_sessions(self):
        self.start_with_crowd()
        self.assertEqual(self.daemon.stop(), 0)

    def test_500_that_were_refused(self):
        """They have their answer, and stay."""
        self.start()
        socks = [self.stand_still(b"\2none\n") for _ in range(self.N)]
        for sock in socks:
            self.assertEqual(sock.recv(1), b"\1")
        self.send_job(b"among them")
        self.assertEqual(self.printed(1), [b"among them"])

    def test_500_jobs_at_a_time(self):
        """Each is there but for its last octet; then that comes."""
        self.start()
        socks = []
        for i in range(self.N):
            text = b"ldfA%03dh\n" % i
            socks.append(self.stand_still(
                b"\2q\n\2%d cfA%03dh\n%s\0\0035 dfA%03dh\n%05d" %
                (len(text), i, text, i, i)))
        for sock in reversed(socks):
            sock.sendall(b"\0")
        for sock in socks:
            sock.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.read_to_end(sock), 5 * ACK)
        self.assertEqual(sorted(self.printed(self.N)),
                         [b"%05d" % i for i in range(self.N)])


class TestCut(LpdCase):
    """A connection that ends after any octet, in good order or not."""

    CONTROL = lpd.control_file()
    CONTROL = b"\2%d cfA001host\n%s\0" % (len(CONTROL), CONTROL)
    OTHER = lpd.control_file(files=("dfA002host", "dfB002host"))
    OTHER = b"\2%d cfA002host\n%s\0" % (len(OTHER), OTHER)
    DATA = b"\0033 dfA001host\nabc\0"
    # What is said, and where a job is whole: after so many octets.
    SESSIONS = {
        "control first": (b"\2q\n" + CONTROL + DATA, None),
        "data first": (b"\2q\n" + DATA + CONTROL, len(b"\2q\n" + DATA)),
        "two documents": (b"\2q\n" + OTHER + b"\0033 dfA002host\ndef\0"
                          b"\0033 dfB002host\nghi\0", None),
    }

    def fds(self):
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))

    def cut(self, data, reset):
        with self.client() as client:
            client.send(data)
            if reset:
                harness.reset(client.sock)
                return
            client.sock.shutdown(socket.SHUT_WR)
            try:
                harness.read_to_end(client.sock)
            except ConnectionResetError:
                pass

    def check(self, name, reset):
        session, alone = self.SESSIONS[name]
        self.start()
        self.send_job(b"first")
        wanted = [b"first"]
        self.daemon.wait_jobs(1)
        before = self.fds()
        for at in range(len(session)):
            self.cut(session[:at], reset)
            if at == alone and not reset:
                wanted.append(b"abc")
            self.send_job(b"next")
            wanted.append(b"next")
        self.daemon.wait_jobs(len(wanted))
        self.assertEqual(self.printed(len(wanted)), wanted)
        harness.wait_for(lambda: self.fds() <= before, "descriptors closed")
        self.assertEqual(os.listdir(self.daemon.spool / "data"), [])
        self.wait_empty()

    def test_control_first_and_an_end(self):
        self.check("control first", False)

    def test_control_first_and_a_reset(self):
        self.check("control first", True)

    def test_data_first_and_an_end(self):
        self.check("data first", False)

    def test_data_first_and_a_reset(self):
        self.check("data first", True)

    def test_two_documents_and_an_end(self):
        self.check("two documents", False)

    def test_two_documents_and_a_reset(self):
        self.check("two documents", True)


if __name__ == "__main__":
    harness.main()
