#!/usr/bin/env python3
"""What was acknowledged is printed, wherever the daemon was killed.

Acknowledged: the connection had an orderly end.  Clients note what was, the
daemon is killed and started on the same spool, and all that counts is on
paper in the end.
"""

import os
import random
import signal
import socket
import threading
import time
import unittest

import harness
import spooling
from harness import wait_for
from printer import Printer
from spooling import SLOW, Clients, content

SEED = int(os.environ.get("PRINTPORT_SEED", random.randrange(1 << 30)))


class AtAnyInstant(spooling.SpoolCase):
    """Killed with SIGKILL under load, a hundred times."""

    ROUNDS = 25 if SLOW else 100

    def round(self, clients, rng):
        """One life, some of them over before the daemon is ready."""
        early = rng.random() < 0.2
        self.start(wait=not early)
        if not early:
            clients.go(self.daemon.address())
        # Not to be right: this is when the kill comes.
        time.sleep(rng.random() * 0.1)
        self.kill(hosts=False)

    def test_every_acknowledged_job_is_printed_once_and_whole(self):
        """kill -9 at random instants while clients print small and large
        jobs: every acknowledged one is printed, once, and no part of one."""
        rng = random.Random(SEED)
        clients = Clients(6, SEED)
        self.addCleanup(clients.stop)
        self.daemon.configure(daemon="keep_data = 1s",
                              queue="retries = 0")
        for _ in range(self.ROUNDS):
            self.round(clients, rng)
        clients.stop()
        self.assertGreater(len(clients.acknowledged), self.ROUNDS)
        self.start()
        self.check_all(clients, f"PRINTPORT_SEED={SEED}")
        print(f"# {len(clients.acknowledged)} of {len(clients.sent)} jobs "
              f"acknowledged in {self.ROUNDS} lives", flush=True)

    def test_a_kill_between_the_last_byte_and_the_disk_is_no_success(self):
        """A client that has sent all, and whose job is not durable yet, must
        not take the end of the daemon for its acknowledgement."""
        clients = Clients(16, SEED, lambda rng: rng.randrange(30, 300))
        self.addCleanup(clients.stop)
        self.daemon.configure(queue="retries = 0")
        for n in range(5 if SLOW else 20):
            self.start()
            clients.go(self.daemon.address())
            before = len(clients.acknowledged)
            wait_for(lambda: len(clients.acknowledged) >= before + 20 + n,
                     "clients at work")
            self.kill(hosts=False)
        clients.stop()
        self.start()
        self.check_all(clients)


class WhilePrinting(spooling.SpoolCase):
    """Killed while a port has half of a job."""

    BIG = content(1, 300000)

    def begin(self, daemon=""):
        """Three jobs in the spool, the first half on paper."""
        self.printer = Printer(self.daemon.dir)
        self.addCleanup(self.printer.close)
        self.daemon.configure(monitor="mock", port=self.printer.settings(),
                              daemon=daemon)
        self.start()
        self.accept(self.BIG, content(2, 1000), content(3, 1000))
        self.assertEqual(self.printer.read(5000), self.BIG[:5000])

    def drop_half(self):
        """Take away what the killed one has left in the printer."""
        while not self.printer.is_empty():
            pass

    def good_ends(self, n):
        ends = [c.split() for c in self.printer.calls()
                if c.startswith("end") and "deleting" not in c]
        return ends if len(ends) >= n else None

    def test_the_job_is_printed_again_whole_and_marked(self):
        """SIGKILL when half of a job has reached the printer: afterwards it is
        printed from its first byte, marked as restarted, and in its place."""
        self.begin()
        self.kill()
        self.drop_half()
        self.start()
        self.assertEqual(self.printer.read(len(self.BIG)), self.BIG)
        self.assertEqual(self.printer.read(1000), content(2, 1000))
        self.assertEqual(self.printer.read(1000), content(3, 1000))
        ends = wait_for(lambda: self.good_ends(3), "three ends")
        self.assertEqual([e[2:] for e in ends], [["restarted"], [], []])
        starts = [c.split()[1] for c in self.printer.calls()
                  if c.startswith("start")]
        self.assertEqual(len(set(starts)), 3)
        self.assertEqual(starts.count(starts[0]), 2)

    def test_after_crash_hold_leaves_it_to_people(self):
        """With after_crash = hold the job that was being printed is held, and
        those behind it are printed."""
        self.begin(daemon="after_crash = hold")
        self.kill()
        self.drop_half()
        self.start()
        self.assertEqual(self.printer.read(1000), content(2, 1000))
        self.assertEqual(self.printer.read(1000), content(3, 1000))
        self.kill(signal.SIGTERM)
        self.start()
        self.accept(content(4, 1000))
        # Held it stays, also after an orderly end.
        self.assertEqual(self.printer.read(1000), content(4, 1000))

    def test_an_orderly_end_in_mid_job_loses_nothing(self):
        """SIGTERM, and the printer does not take the rest in drain_timeout:
        the job is printed again, whole."""
        self.begin(daemon="drain_timeout = 200ms")
        self.assertEqual(self.kill(signal.SIGTERM), 0)
        self.drop_half()
        self.start()
        self.assertEqual(self.printer.read(len(self.BIG)), self.BIG)
        self.assertEqual(self.printer.read(1000), content(2, 1000))


class PortHost(spooling.SpoolCase):
    """The process of one port is killed, and nothing else."""

    MORE = """\
[listener side]
listen = 127.0.0.1:0
queue = side
[queue side]
ports = side
[port side]
monitor = file
directory = {out}
name = %j.prn
fsync = no
"""

    def test_its_job_is_tried_again_and_others_notice_nothing(self):
        """kill -9 of the port host in mid job: the job is printed whole later;
        another port prints meanwhile, in the same daemon."""
        printer = Printer(self.daemon.dir)
        self.addCleanup(printer.close)
        self.daemon.configure(monitor="mock", port=printer.settings(),
                              more=self.MORE.format(out=self.daemon.out))
        self.start()
        big = content(1, 300000)
        self.accept(big, content(2, 100))
        printer.read(5000)
        pid = self.daemon.pid
        host, = self.daemon.host_pids()
        os.kill(host, signal.SIGKILL)
        self.daemon.wait_log("port host is gone")
        wait_for(lambda: not harness.alive(host), "the host's end")
        while not printer.is_empty():
            pass
        self.accept(content(3, 100), listener="side")
        self.wait_printed({3})
        self.assertEqual(printer.read(len(big)), big)
        self.assertEqual(printer.read(100), content(2, 100))
        self.assertEqual(self.daemon.pid, pid)
        self.assertIsNone(self.daemon.process.poll())

    def test_hosts_killed_under_load_lose_no_job(self):
        """Port hosts die at random instants; every acknowledged job is
        printed, once."""
        clients = Clients(4, SEED)
        self.addCleanup(clients.stop)
        rng = random.Random(SEED)
        # Failures in a row make the pause long, and a reload ends it.
        self.daemon.configure(queue="retries = 0", port="idle_close = 1h")
        self.start()
        clients.go(self.daemon.address())
        text = self.daemon.ini.read_text()
        for n in range(5 if SLOW else 15):
            host = wait_for(self.daemon.host_pids, "a port host")[0]
            time.sleep(rng.random() * 0.05)     # when the kill comes
            try:
                os.kill(host, signal.SIGKILL)
            except ProcessLookupError:
                pass
            wait_for(lambda: not harness.alive(host), "the host's end")
            self.daemon.ini.write_text(text.replace(
                "idle_close = 1h", f"idle_close = {n + 1}m"))
            self.reload()
        clients.stop()
        self.check_all(clients, f"PRINTPORT_SEED={SEED}")


@unittest.skipUnless(spooling.can_trace(), "no strace, or it may not trace")
class AtEachCall(spooling.SpoolCase):
    """Killed at the n-th system call of a kind."""

    # Calls that make something durable, visible or gone.
    CALLS = ("fdatasync", "fsync", "pwrite64", "pwritev", "linkat",
             "unlinkat,unlink", "ftruncate", "openat", "close", "recvfrom",
             "sendmsg", "setsockopt", "write", "copy_file_range")
    SIZES = (100, 200000, 2000, spooling.IN_RECORD, spooling.IN_RECORD + 1)
    NTHS = (1, 2, 3) if SLOW else (*range(1, 11), 14, 20, 28)

    def life(self, call, n):
        """Print until the n-th call kills it.  Did it?"""
        self.start(wait=False, **spooling.under_strace(
            self.daemon, "-e", f"trace={call}",
            "-e", f"inject={call}:signal=KILL:when={n}"))
        process = self.daemon.process
        wait_for(lambda: process.poll() is not None or
                 " ready ports=" in self.daemon.log(), "a start or an end")
        for size in self.SIZES:
            if process.poll() is not None:
                break
            self.number += 1
            try:
                if spooling.send(self.daemon.address(),
                                 content(self.number, size)):
                    self.acknowledged.add(self.number)
            except (ConnectionError, AssertionError):
                if process.poll() is None:
                    process.wait(harness.LIMIT_S)
        return process.poll() is not None

    def test_each_call_and_what_it_leaves_behind(self):
        """kill -9 at the n-th system call of each kind that matters: whatever
        state it leaves, the next start cleans up, and what was acknowledged
        is printed, once and whole."""
        self.number = 0
        self.acknowledged = set()
        self.daemon.configure(queue="retries = 0")
        kills = 0
        for call in self.CALLS:
            for n in self.NTHS:
                with self.subTest(call=call, n=n):
                    killed = self.life(call, n)
                    kills += killed
                    self.kill()
                    if not killed:
                        break
        self.assertGreater(kills, len(self.CALLS))
        self.start()
        numbers = self.wait_printed(self.acknowledged)
        self.assertEqual(len(numbers), len(set(numbers)))
        self.assertLessEqual(set(numbers), set(range(1, self.number + 1)))
        print(f"# {kills} kills, {len(self.acknowledged)} of {self.number} "
              "jobs acknowledged", flush=True)


class OrderlyEnd(spooling.SpoolCase):
    """SIGTERM, and signals without end."""

    def test_sigterm_in_mid_receive_keeps_nothing_of_the_job(self):
        """SIGTERM while a client sends: its connection is reset, nothing of
        the job is kept, and the daemon ends at once."""
        self.daemon.configure(daemon="drain_timeout = 1h")
        self.start()
        self.accept(content(1, 100))
        self.wait_printed({1})
        client = self.daemon.connect()
        self.addCleanup(client.close)
        # More than sockets hold, so that much of it has been read.
        client.sendall(content(2, 32 << 20)[:-1])
        self.assertEqual(self.kill(signal.SIGTERM), 0)
        self.assertTrue(harness.ends_with_reset(client))
        self.start()
        self.accept(content(3, 100))
        self.assertEqual(sorted(self.wait_printed({1, 3})), [1, 3])
        self.assertLess(self.spool_bytes(), 4 << 20)

    def test_sigterm_under_load_loses_nothing(self):
        """SIGTERM while clients print: what they were told is true."""
        clients = Clients(6, SEED)
        self.addCleanup(clients.stop)
        self.daemon.configure()
        for n in range(3 if SLOW else 10):
            self.start()
            clients.go(self.daemon.address())
            before = len(clients.acknowledged)
            wait_for(lambda: len(clients.acknowledged) >= before + 10 + n,
                     "clients at work")
            self.assertEqual(self.kill(signal.SIGTERM), 0)
        clients.stop()
        self.start()
        self.check_all(clients)

    def storm(self, process, numbers, until):
        """Signals, about a thousand a second, until the event is set."""
        rng = random.Random(SEED)
        while not until.is_set():
            try:
                process.send_signal(rng.choice(numbers))
            except ProcessLookupError:
                return
            until.wait(0.001)

    def test_a_storm_of_signals_under_load(self):
        """SIGHUP, SIGCHLD and others a thousand times a second while clients
        print, SIGTERM likewise at the end: no job is lost, and it ends."""
        clients = Clients(4, SEED)
        self.addCleanup(clients.stop)
        self.daemon.configure(daemon="drain_timeout = 1h")
        self.start()
        clients.go(self.daemon.address())
        process = self.daemon.process
        for numbers, done in (
                ((signal.SIGHUP, signal.SIGCHLD, signal.SIGPIPE,
                  signal.SIGCONT, signal.SIGWINCH, signal.SIGURG),
                 lambda: len(clients.acknowledged) >= 200),
                ((signal.SIGTERM, signal.SIGINT, signal.SIGHUP),
                 lambda: process.poll() is not None)):
            over = threading.Event()
            thread = threading.Thread(target=self.storm,
                                      args=(process, numbers, over))
            thread.start()
            try:
                wait_for(done, lambda: f"{numbers}:\n{self.daemon.log()}")
            finally:
                over.set()
                thread.join()
        clients.stop()
        self.assertEqual(self.kill(), 0)
        self.start()
        self.check_all(clients)


if __name__ == "__main__":
    harness.main()
