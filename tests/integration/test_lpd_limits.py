#!/usr/bin/env python3
"""What LPD clients may make the daemon keep in memory, and how much it prints.

The numbers are those of docs/lpd-protocol.md.
"""

import hashlib
import os
import shutil
import threading
import unittest

import harness
import lpd
from lpd import ACK
from lpd_case import LpdCase, MIB, SLOW, blocks, memory_peak

GIB = 1 << 30


@unittest.skipIf(SLOW, "sanitizers have a memory of their own")
class TestMemory(LpdCase):
    """However much is sent that never becomes a job."""

    def setUp(self):
        super().setUp()
        self.start()
        self.send_job(b"first")
        self.before = memory_peak(self.daemon.pid)
        self.clients = []

    def enter(self, n):
        for _ in range(n):
            client = self.client()
            self.addCleanup(client.sock.close)
            self.clients.append(client)
        return self.clients

    def check(self, limit):
        """All of them are still there, and a job is printed."""
        self.send_job(b"among them")
        self.assertEqual(self.printed(2), [b"first", b"among them"])
        more = memory_peak(self.daemon.pid) - self.before
        self.assertLess(more, limit)
        print(f"# {self.id().rpartition('.')[2]}: {more >> 10} KiB",
              flush=True)

    def test_point_05_names_of_a_mebibyte(self):
        for client in self.enter(100):
            client.send(b"\2" + MIB * b"q")
            self.assertEqual(client.answer(), b"\3")
        self.check(8 * MIB)

    def test_point_21_many_data_files_that_are_small(self):
        """15 MB from each, in 250 files that each could be kept in memory."""
        for client in self.enter(8):
            self.assertEqual(client.receive(), ACK)
            for i in range(250):
                self.assertEqual(client.data(
                    bytes(60000), "d%c%c001host" % (102 + i // 26,
                                                    65 + i % 26)), ACK)
        self.check(24 * MIB)

    def test_point_21_many_control_files(self):
        """As large as may be, and as many as are taken."""
        text = b"ldfZ999h\n" + b"X" * 1000 + b"\n"
        text += 60 * (b"Y" * 1000 + b"\n")
        for client in self.enter(50):
            self.assertEqual(client.receive(), ACK)
            answers = [client.control(text, "cfA%03dhost" % i)
                       for i in range(4)]
            self.assertEqual(answers, 4 * [ACK])
        self.check(40 * MIB)
        for client in self.clients:
            self.assertEqual(client.control(text, "cfA005host"), b"\3")

    def test_point_21_print_lines(self):
        """They are refused when they are there, and nothing is kept."""
        text = b"ldfA001host\n" * 20000
        for client in self.enter(50):
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.control(text), b"\3")
        self.check(16 * MIB)

    def test_point_22_a_size_of_ten_to_the_eighteenth(self):
        """It says nothing, and what comes goes to the disk."""
        for client in self.enter(4):
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.say(b"\3%d dfA001host\n" % 10 ** 18), ACK)
            client.send(bytes(30 * MIB))
        self.check(32 * MIB)

    def test_a_hundred_thousand_subcommands(self):
        client, = self.enter(1)
        self.assertEqual(client.receive(), ACK)
        reader = threading.Thread(target=self.read, args=(client, 100000))
        reader.start()
        for _ in range(100):
            client.send(1000 * b"\1\n")
        reader.join(harness.LIMIT_S)
        self.assertFalse(reader.is_alive())
        self.assertEqual(client.say(b"\1\n"), ACK)
        self.check(4 * MIB)

    def read(self, client, n):
        while n > 0:
            n -= len(client.sock.recv(65536))


@unittest.skipIf(SLOW, "a matter of minutes with sanitizers")
class TestLarge(LpdCase):
    SIZE = 4 * GIB + 5

    def send(self, client):
        """Its digest."""
        digest = hashlib.sha256()
        for block in blocks(self.SIZE):
            client.send(block)
            digest.update(block)
        return digest.hexdigest()

    def receive(self, path, digest):
        """What the printer gets: its length goes to digest too."""
        n = 0
        with open(path, "rb") as fifo:
            while part := fifo.read(MIB):
                digest.update(part)
                n += len(part)
        self.length = n

    def test_point_22_more_than_4_gib(self):
        """A length that is stated; octet for octet what was sent."""
        if shutil.disk_usage(self.daemon.dir).free < 6 * GIB:
            self.skipTest("there is not enough space")
        fifo = self.daemon.dir / "fifo"
        os.mkfifo(fifo)
        self.start(port=f"path = {fifo}\n")
        digest = hashlib.sha256()
        printer = threading.Thread(target=self.receive, args=(fifo, digest),
                                   daemon=True)
        printer.start()
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.control(lpd.control_file()), ACK)
            self.assertEqual(client.say(b"\3%d dfA001host\n" % self.SIZE),
                             ACK)
            sent = self.send(client)
            self.assertEqual(client.say(b"\0"), ACK)
        self.daemon.wait_log(rf"job printed .*bytes={self.SIZE} ")
        self.daemon.stop()
        printer.join(harness.LIMIT_S)
        self.assertEqual(self.length, self.SIZE)
        self.assertEqual(digest.hexdigest(), sent)


if __name__ == "__main__":
    harness.main()
