#!/usr/bin/env python3
"""System calls that fail, are cut short or interrupted, by strace.

Nothing is acknowledged that is not durable; a failed sync is never taken for
success later; and the daemon is well again when its disk is.
"""

import errno
import os
import pathlib
import re
import signal
import subprocess
import unittest

import harness
import spooling
from harness import wait_for
from spooling import SLOW, content

SIZES = (100, 200000, 2000, spooling.IN_RECORD, spooling.IN_RECORD + 1, 50)


def setUpModule():
    if not spooling.can_trace():
        raise unittest.SkipTest("no strace, or it may not trace")


class InjectCase(spooling.SpoolCase):

    def setUp(self):
        super().setUp()
        self.number = 0
        self.acknowledged = set()

    def traced(self, *injections, wait=True, out="/dev/null"):
        """Start with these injections: "fdatasync:error=EIO:when=3"."""
        calls = ",".join(i.split(":")[0] for i in injections)
        options = [f for i in injections for f in ("-e", f"inject={i}")]
        kwargs = spooling.under_strace(self.daemon, "-e", f"trace={calls}",
                                       *options)
        kwargs["args"][kwargs["args"].index("/dev/null")] = out
        return self.start(wait=wait, **kwargs)

    def print_some(self, sizes=SIZES):
        for size in sizes:
            self.number += 1
            if spooling.send(self.daemon.address(),
                             content(self.number, size)):
                self.acknowledged.add(self.number)

    def print_well(self, size=200000):
        """Jobs are accepted again, if not at once."""
        def attempt():
            self.number += 1
            return spooling.send(self.daemon.address(),
                                 content(self.number, size))
        wait_for(attempt, lambda: f"a job accepted:\n{self.daemon.log()}")
        self.acknowledged.add(self.number)

    def check(self):
        """All that was acknowledged is there, once and whole."""
        numbers = self.wait_printed(self.acknowledged)
        self.assertEqual(len(numbers), len(set(numbers)))
        self.assertLessEqual(set(numbers), set(range(1, self.number + 1)))


class Sync(InjectCase):
    """A disk that does not take what it was given."""

    NTHS = (2, 4) if SLOW else (1, 2, 3, 4, 5, 7, 10)

    def started(self, error="EIO"):
        """It starts, or says that it cannot.  Does it run?"""
        process = self.daemon.process
        wait_for(lambda: process.poll() is not None or
                 " ready ports=" in self.daemon.log(), "a start or an end")
        if process.poll() is None:
            return True
        self.assertEqual(process.returncode, 74, self.daemon.log())
        # The database may know no other word than the first.
        self.assertRegex(self.daemon.log(), "Input/output error|" +
                         os.strerror(getattr(errno, error)))
        self.daemon.process = None
        return False

    def break_call(self, call, error):
        """The n-th call fails, for each n; then the power is cut, as far as a
        process can tell."""
        self.daemon.configure(queue="retries = 0")
        for n in self.NTHS:
            with self.subTest(call=call, n=n):
                self.traced(f"{call}:error={error}:when={n}", wait=False)
                if self.started(error):
                    self.print_some()
                    self.print_well()
                    self.print_some((100, 200000))
                self.kill()
        self.start()
        self.check()

    def test_eio_of_fdatasync(self):
        """EIO of the n-th fdatasync: the jobs of that moment are refused, and
        taken again when a probe has gone well; acknowledged ones survive."""
        self.break_call("fdatasync", "EIO")

    def test_eio_of_fsync(self):
        """The same of fsync, which makes names durable."""
        self.break_call("fsync", "EIO")

    def test_enospc_of_fdatasync(self):
        """ENOSPC that comes as late as the sync."""
        self.break_call("fdatasync", "ENOSPC")

    def test_eio_of_writes(self):
        """EIO of the n-th write to the database or to a document."""
        self.break_call("pwrite64", "EIO")
        self.break_call("pwritev", "EIO")

    def test_quota(self):
        """EDQUOT of the n-th write: as with a full disk."""
        self.break_call("pwrite64", "EDQUOT")
        self.break_call("pwritev", "EDQUOT")

    def test_no_new_job_while_every_sync_fails(self):
        """From some sync on all fail: the spool is suspect, each job is
        refused, and the log says so once; with a disk that works again jobs
        are accepted, by the same daemon or the next one."""
        self.daemon.configure(queue="retries = 0")
        self.start()
        self.print_some()
        self.check()
        self.kill()
        self.traced("fdatasync:error=EIO:when=1+", "fsync:error=EIO:when=1+",
                    wait=False)
        if self.started():
            before = set(self.acknowledged)
            self.print_some(SIZES * 5)
            self.assertEqual(self.acknowledged, before)
            self.assertLessEqual(self.daemon.log().count("spool is suspect"),
                                 1)
        self.kill()
        self.start()
        self.print_well()
        self.check()

    def test_a_failed_sync_is_not_tried_again(self):
        """After EIO of the sync of a document that document is not synced
        again, as the second sync would lie."""
        self.daemon.configure()
        self.start(env=spooling.without_leaks())
        self.print_some()
        trace = self.attach("-y", "-e", "trace=fdatasync,linkat", "-e",
                            "inject=fdatasync:error=EIO:when=1")
        self.refuse(content(0, 500000))
        self.print_well()
        self.check()
        self.kill(signal.SIGTERM)
        text = trace.read_text()
        failed = re.findall(r"fdatasync\(\d+<[^>]*/data/#.*= -1 EIO", text)
        synced = re.findall(r"fdatasync\(\d+<[^>]*/data/#.*\) = 0", text)
        self.assertNotEqual(failed, [], text)
        # One for each file that got a name, probes among them, and none for
        # those that failed.
        self.assertNotEqual(synced, [], text)
        self.assertEqual(len(synced), text.count(" linkat("), text)

    def attach(self, *options):
        """Trace the daemon that runs, with all its threads."""
        trace = self.daemon.dir / "strace"
        process = subprocess.Popen(["strace", "-f", "-qq", "-o", trace,
                                    *options, "-p", str(self.daemon.pid)])
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        tasks = pathlib.Path(f"/proc/{self.daemon.pid}/task")
        wait_for(lambda: all("TracerPid:\t0\n" not in
                             (task / "status").read_text()
                             for task in tasks.iterdir()), "strace")
        return trace


class Interrupted(InjectCase):
    """Calls that are to be made again, and those that do half."""

    def test_interrupted_calls_are_made_again(self):
        """EINTR of every third call that reads, writes or waits: everything
        is printed, byte for byte."""
        self.daemon.configure(queue="retries = 0")
        self.traced(*(f"{call}:error=EINTR:when=3+3" for call in (
            "accept4", "recvfrom", "pwritev", "pwrite64", "recvmsg",
            "sendmsg", "epoll_wait", "sendfile", "copy_file_range",
            "splice")))
        self.print_some()
        self.assertEqual(len(self.acknowledged), len(SIZES))
        self.check()

    def test_calls_that_would_block(self):
        """EAGAIN of every other read of a client: nothing is lost, nothing
        spins."""
        self.daemon.configure()
        self.traced("recvfrom:error=EAGAIN:when=2+2")
        self.print_some()
        self.assertEqual(len(self.acknowledged), len(SIZES))
        self.check()

    def test_a_client_that_breaks_in_every_way(self):
        """ECONNRESET, ETIMEDOUT and others from the n-th read of a client: its
        job is dropped, the others' are not."""
        self.daemon.configure()
        for error in ("ECONNRESET", "ETIMEDOUT", "EHOSTUNREACH", "ENOMEM"):
            for n in (2, 3, 5, 6):
                with self.subTest(error=error, n=n):
                    before = len(self.acknowledged)
                    self.traced(f"recvfrom:error={error}:when={n}")
                    self.print_some()
                    # Only the client that it happened to has failed.
                    self.assertEqual(len(self.acknowledged) - before,
                                     len(SIZES) - 1, self.daemon.log())
                    self.check()


if __name__ == "__main__":
    harness.main()
