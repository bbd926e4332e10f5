#!/usr/bin/env python3
"""Spools on disks that are full, small, broken, read-only or gone.

The daemon refuses what it cannot keep, prints what it has, and takes jobs
again as soon as it can.  Disks are small file systems in a mount namespace of
this process, so nothing of them outlives it.
"""

import ctypes
import os
import pathlib
import resource
import shutil
import signal
import subprocess
import sys
import unittest

import harness
import spooling
from harness import wait_for
from spooling import Switched, content

CLONE_NEWNS = 0x00020000

MIB = 1 << 20


def other(size):
    """A job that is none of the lines that are counted."""
    return b"x" * (size - 1) + b"\n"


def own_namespace():
    """Mounts from here on are seen by this process and its children alone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) != 0:
        raise unittest.SkipTest("no mount namespace: " +
                                os.strerror(ctypes.get_errno()))
    run("mount", "--make-rprivate", "/")


def run(*args):
    done = subprocess.run(args, check=False, capture_output=True, text=True)
    if done.returncode != 0:
        raise unittest.SkipTest(f"{' '.join(map(str, args))}: {done.stderr}")


def setUpModule():
    if os.geteuid() != 0:
        raise unittest.SkipTest("mounting takes root")
    own_namespace()


class DiskCase(spooling.SpoolCase):
    """A spool on a disk of its own, and a printer that can be off."""

    mounted = True

    def ext4(self, size, *options):
        image = self.daemon.dir / "image"
        with open(image, "wb") as f:
            f.truncate(size)
        run("mkfs.ext4", "-q", "-F", *options, image)
        run("mount", "-o", "loop", image, self.daemon.spool)
        self.own()

    def tmpfs(self, options):
        run("mount", "-t", "tmpfs", "-o", options, "tmpfs",
            self.daemon.spool)
        self.own()

    def own(self):
        self.daemon.spool.chmod(0o700)
        lost = self.daemon.spool / "lost+found"
        if lost.exists():
            lost.rmdir()

    def fill(self, leave=0, name="filler"):
        """Take the space of the disk, up to some bytes."""
        path = self.daemon.spool / name
        with open(path, "wb", buffering=0) as f:
            free = self.free() - leave
            try:
                for part in range(free // MIB + 1):
                    f.write(bytes(min(MIB, free - part * MIB)))
                while leave == 0:
                    f.write(bytes(4096))
            except OSError:
                pass
        return path

    def free(self):
        st = os.statvfs(self.daemon.spool)
        return st.f_bavail * st.f_frsize

    def begin(self, daemon="min_free_space = 0", **kwargs):
        self.printer = Switched(self.daemon.dir)
        self.daemon.configure(daemon=daemon, monitor="mock",
                              port=self.printer.settings(), **kwargs)
        self.start()

    def line(self, n):
        return b"line-%d\n" % n

    def refused_log(self):
        """How many lines speak of refused jobs or of the spool."""
        return len([line for line in self.daemon.log().splitlines()
                    if "refused" in line or " spool " in line])

    def check_quiet(self, attempts=300):
        """Many refused jobs are few lines in the log: one a second at most."""
        before = self.refused_log()
        start = os.times().elapsed
        for _ in range(attempts):
            self.refuse(other(100))
        seconds = os.times().elapsed - start
        self.assertLessEqual(self.refused_log() - before, seconds + 3)


class Full(DiskCase):
    """No space left, by the job's own doing or by that of others."""

    def test_a_job_larger_than_the_disk(self):
        """A 100 MB job on a 64 MB disk is refused by a reset, and its space
        is free again; small jobs before, beside and after it are printed."""
        self.ext4(64 * MIB)
        self.begin()
        self.accept(self.line(1))
        self.printer.wait_lines(1)
        free = self.free()
        client = self.daemon.connect()
        self.addCleanup(client.close)
        half = 20 * MIB
        data = bytes(100 * MIB)
        client.sendall(data[:half])
        self.accept(self.line(2))
        with self.assertRaises(ConnectionResetError):
            harness.print_on(client, data[half:])
        self.daemon.wait_log("job refused .*space")
        wait_for(lambda: self.free() > free - MIB, "its space")
        self.wait_accepted(self.line(3))
        self.assertEqual(self.printer.wait_lines(3),
                         ["line-1", "line-2", "line-3"])

    def full(self, fill, empty):
        """Jobs that wait are printed, if not now then later; new ones are
        refused until there is space."""
        self.begin(queue="retries = 0")
        self.printer.off()
        for n in range(10):
            self.accept(self.line(n))
        self.printer.wait_count("start")
        fill()
        wait_for(lambda: not spooling.send(self.daemon.address(),
                                           other(60000)), "a refusal")
        self.check_quiet()
        self.assertIsNone(self.daemon.process.poll())
        self.printer.on()
        empty()
        self.wait_accepted(self.line(10))
        self.assertEqual(self.only_lines(11),
                         [f"line-{n}" for n in range(11)])

    def only_lines(self, n):
        """Lines up to the n-th, without jobs of content()."""
        wait_for(lambda: self.line(n - 1) in self.printer.printed(),
                 lambda: f"line {n}:\n{self.daemon.log()}")
        return [line.decode() for line in self.printer.printed().split(b"\n")
                if line.startswith(b"line-")]

    def test_a_disk_that_others_have_filled(self):
        """Not a byte is left: new jobs are refused, with a line in the log now
        and then; with space again all goes on, and nothing was lost."""
        self.ext4(32 * MIB)
        self.full(self.fill, lambda: os.unlink(self.daemon.spool / "filler"))

    def test_a_memory_disk_that_is_full(self):
        """The same on tmpfs."""
        self.tmpfs("size=16m,mode=700")
        self.full(self.fill, lambda: os.unlink(self.daemon.spool / "filler"))

    def test_no_inode_left(self):
        """No more files, though there is space: jobs that need one are
        refused, those that need none may pass; then all goes on."""
        self.tmpfs("size=64m,nr_inodes=64,mode=700")
        self.begin(queue="retries = 0")
        self.accept(self.line(1))
        files = []
        try:
            while True:
                path = self.daemon.spool / f"filler-{len(files)}"
                path.touch()
                files.append(path)
        except OSError:
            pass
        for _ in range(5):
            self.refuse(other(300000))
        self.printer.wait_lines(1)
        self.assertIsNone(self.daemon.process.poll())
        for path in files:
            path.unlink()
        big = other(300001)
        self.wait_accepted(big)
        wait_for(lambda: self.printer.printed().endswith(big), "the large job")

    def test_min_free_space_refuses_new_jobs_and_prints_the_others(self):
        """Below min_free_space new jobs are refused, and printing goes on with
        what is left; above it jobs are accepted again."""
        self.tmpfs("size=64m,mode=700")
        self.begin(daemon="min_free_space = 32M", queue="retries = 0")
        self.printer.off()
        for n in range(10):
            self.accept(self.line(n))
        filler = self.fill(leave=20 * MIB)
        wait_for(lambda: not spooling.send(self.daemon.address(),
                                           other(100)), "a refusal")
        self.daemon.wait_log("spool is full")
        self.check_quiet()
        self.printer.on()
        # Printing needs no space to be made first.
        self.only_lines(10)
        filler.unlink()
        self.wait_accepted(self.line(10))
        self.daemon.wait_log("spool has space again")
        self.assertEqual(self.only_lines(11),
                         [f"line-{n}" for n in range(11)])

    def test_too_full_at_the_start(self):
        """Started when less than min_free_space is left it prints what is
        there, and takes jobs again when there is space."""
        self.tmpfs("size=64m,mode=700")
        self.begin(daemon="min_free_space = 32M", queue="retries = 0")
        self.printer.off()
        self.accept(self.line(0), self.line(1))
        self.kill()
        filler = self.fill(leave=MIB)
        self.start()
        self.refuse(other(100))
        self.printer.on()
        self.only_lines(2)
        filler.unlink()
        self.wait_accepted(self.line(2))
        self.assertEqual(self.only_lines(3), ["line-0", "line-1", "line-2"])

    def start_without_a_byte(self):
        """A start on a full disk; returns what fills it."""
        self.tmpfs("size=16m,mode=700")
        self.begin(queue="retries = 0")
        if self.paused:
            self.ask("/v1/queues/q/pause", "POST")
        else:
            self.printer.off()
        self.accept(self.line(0), self.line(1))
        self.kill()
        filler = self.fill()
        self.start(wait=False)
        return filler

    def test_not_a_byte_left_at_the_start(self):
        """Started on a disk without a byte it refuses jobs; with space again
        all goes on, and nothing is lost."""
        self.paused = True
        filler = self.start_without_a_byte()
        self.refuse(other(60000))
        filler.unlink()
        self.wait_accepted(self.line(2))
        self.ask("/v1/queues/q/resume", "POST")
        self.assertEqual(self.only_lines(3), ["line-0", "line-1", "line-2"])

    def test_not_a_byte_left_after_a_crash_in_mid_job(self):
        """The same when a job was being printed as it was killed, which has
        to be recorded first: it may also end, and say why."""
        self.paused = False
        filler = self.start_without_a_byte()
        process = self.daemon.process
        wait_for(lambda: process.poll() is not None or
                 " ready ports=" in self.daemon.log(), "a start or an end")
        if process.poll() is not None:
            self.daemon.process = None
            self.assertEqual(process.returncode, 74, self.daemon.log())
            self.assertIn("No space left", self.daemon.log())
        filler.unlink()
        self.printer.on()
        if self.daemon.process is None:
            self.start()
        self.wait_accepted(self.line(2))
        self.assertEqual(self.only_lines(3), ["line-0", "line-1", "line-2"])


class FileSize(spooling.SpoolCase):
    """RLIMIT_FSIZE, the size of a file that the system allows."""

    def test_a_job_larger_than_a_file_may_be(self):
        """A job that passes the limit is refused; SIGXFSZ ends nobody, and
        smaller jobs are printed."""
        self.daemon.configure()
        self.start(preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_FSIZE, (4 * MIB, 4 * MIB)))
        self.accept(content(1, 1000))
        self.refuse(content(2, 10 * MIB))
        self.accept(content(3, 1000), content(4, MIB))
        self.assertEqual(sorted(self.wait_printed({1, 3, 4})), [1, 3, 4])


class Gone(DiskCase):
    """A spool that is taken away under the daemon."""

    def is_back(self):
        """Jobs are accepted and printed, in the daemon that there was."""
        self.wait_accepted(b"back\n")
        wait_for(lambda: self.printer.printed().endswith(b"back\n"),
                 lambda: f"printing:\n{self.daemon.log()}")
        self.assertIsNone(self.daemon.process.poll())

    def check_away(self):
        wait_for(lambda: not spooling.send(self.daemon.address(),
                                           other(200000)), "a refusal")
        self.check_quiet(100)

    def remake(self):
        self.daemon.spool.mkdir(mode=0o700, exist_ok=True)

    def test_the_directory_is_deleted_and_made_again(self):
        """rm -r of the spool while the daemon runs: jobs are refused, and
        accepted once there is a directory again."""
        self.begin()
        self.accept(b"first\n")
        self.printer.wait_lines(1)
        shutil.rmtree(self.daemon.spool)
        self.check_away()
        self.remake()
        self.is_back()

    def test_what_is_in_the_directory_is_deleted(self):
        """rm -r of all that is in the spool."""
        self.begin()
        self.accept(b"first\n")
        self.printer.wait_lines(1)
        for path in list(self.daemon.spool.iterdir()):
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()
        self.is_back()

    def test_deleted_while_it_prints(self):
        """The job that is on its way is printed from what is open, and the
        daemon goes on with a new spool."""
        self.begin(queue="retries = 0")
        self.printer.off()
        self.accept(*(self.line(n) for n in range(5)))
        self.printer.wait_count("start")
        shutil.rmtree(self.daemon.spool)
        self.printer.on()
        self.check_away()
        self.remake()
        self.is_back()

    def test_the_disk_is_unmounted_and_mounted_again(self):
        """umount -l of the spool's disk, and mount: jobs are refused between,
        and what was accepted before is printed."""
        self.ext4(64 * MIB)
        below = self.daemon.spool
        self.begin(queue="retries = 0")
        self.printer.off()
        self.accept(*(self.line(n) for n in range(5)))
        self.printer.wait_count("start")
        run("umount", "-l", below)
        below.chmod(0o000)              # what is below is no spool
        self.check_away()
        self.printer.on()
        self.mount_again()
        self.is_back()
        self.check_lines(5)

    def mount_again(self):
        self.daemon.spool.chmod(0o700)
        run("mount", "-o", "loop", self.daemon.dir / "image",
            self.daemon.spool)

    def check_lines(self, n):
        """Each was printed: the one that was on its way, maybe twice."""
        lines = self.printer.lines()
        self.assertEqual(set(lines), {f"line-{i}" for i in range(n)} |
                         {"back"})

    def test_a_broken_disk_that_became_read_only(self):
        """The file system finds itself damaged and becomes read-only: jobs are
        refused; checked and mounted again it is used again, and what was
        accepted is printed."""
        self.ext4(64 * MIB, "-e", "remount-ro")
        self.begin(queue="retries = 0")
        self.printer.off()
        self.accept(*(self.line(n) for n in range(5)))
        self.printer.wait_count("start")
        device = os.path.basename(os.path.realpath(subprocess.run(
            ["findmnt", "-n", "-o", "SOURCE", self.daemon.spool],
            capture_output=True, text=True, check=True).stdout.strip()))
        trigger = pathlib.Path(f"/sys/fs/ext4/{device}/trigger_fs_error")
        if not os.access(trigger, os.W_OK):
            self.skipTest(f"no {trigger}")
        trigger.write_text("1\n")
        wait_for(lambda: not spooling.send(self.daemon.address(),
                                           other(200000)), "a refusal")
        self.check_quiet(100)
        self.assertIsNone(self.daemon.process.poll())
        run("umount", "-l", self.daemon.spool)
        self.daemon.spool.chmod(0o000)
        self.printer.on()
        image = self.daemon.dir / "image"
        wait_for(lambda: not subprocess.run(
            ["losetup", "-n", "-j", image], capture_output=True,
            check=True).stdout,
            lambda: f"the disk let go\n{self.daemon.log()}")
        self.assertLessEqual(subprocess.run(
            ["e2fsck", "-p", "-f", image], capture_output=True,
            check=False).returncode, 1)
        self.mount_again()
        self.is_back()
        self.check_lines(5)


if __name__ == "__main__":
    harness.main()
