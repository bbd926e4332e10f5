#!/usr/bin/env python3
"""What a start finds in the spool directory, and clocks that jump.

Left-overs, links and devices that somebody put there, wrong owners and modes,
a second daemon, a hundred thousand jobs.
"""

import os
import pathlib
import shutil
import signal
import socket
import stat
import subprocess
import time
import unittest

import harness
import spooling
from harness import wait_for
from spooling import SLOW, Switched, content

FILL = harness.BUILD / "spool_fill"
EX_TEMPFAIL = 75
EX_CONFIG = 78

root = unittest.skipUnless(os.geteuid() == 0, "takes root")


class DirCase(spooling.SpoolCase):

    @property
    def data(self):
        return self.daemon.spool / "data"

    def refused(self, status, *words):
        """It does not start: this status, and words that help."""
        done = self.daemon.run()
        self.assertEqual(done.returncode, status, done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)
        self.assertEqual(len(done.stderr.splitlines()), 1, done.stderr)

    def make_spool(self):
        """A spool that was in use: one job waits in it."""
        self.daemon.configure()
        self.start()
        self.ask("/v1/queues/q/pause", "POST")
        self.accept(content(1, 200000))
        self.kill()

    def check_works(self, numbers):
        """Jobs are taken and printed, and these are all."""
        self.ask("/v1/queues/q/resume", "POST")
        self.accept(content(9, 100000))
        self.assertEqual(sorted(self.wait_printed({*numbers, 9})),
                         sorted({*numbers, 9}))


class Directory(DirCase):
    """The directory itself is not as it must be."""

    def test_a_symbolic_link(self):
        """The spool is a symbolic link: refused, and nothing behind the link
        is touched."""
        self.daemon.configure()
        elsewhere = self.daemon.dir / "elsewhere"
        self.daemon.spool.rename(elsewhere)
        self.daemon.spool.symlink_to(elsewhere)
        self.refused(EX_CONFIG, str(self.daemon.spool), "symbolic link",
                     f"rm {self.daemon.spool}")
        self.assertEqual(list(elsewhere.iterdir()), [])

    def test_no_directory(self):
        """There is none, or something else in its place."""
        self.daemon.configure()
        self.daemon.spool.rmdir()
        self.refused(EX_CONFIG, "does not exist", "install -d -m 0700")
        self.daemon.spool.write_text("")
        self.refused(EX_CONFIG, "no directory")

    def test_modes(self):
        """Open to others in any way: refused, with the command that closes
        it; after that command it starts."""
        self.daemon.configure()
        for mode in (0o777, 0o755, 0o770, 0o1777):
            self.daemon.spool.chmod(mode)
            self.refused(EX_CONFIG, f"mode {mode:04o}",
                         f"chmod 0700 {self.daemon.spool}")
            self.assertEqual(list(self.daemon.spool.iterdir()), [])
        subprocess.run(["chmod", "0700", self.daemon.spool], check=True)
        self.start()
        self.accept(content(1, 100))
        self.wait_printed({1})

    @root
    def test_the_owner(self):
        """It belongs to another user: refused, with the command."""
        self.daemon.configure()
        os.chown(self.daemon.spool, 65534, 65534)
        self.refused(EX_CONFIG, "belongs to user 65534",
                     f"chown 0:0 {self.daemon.spool}")

    def test_a_second_daemon(self):
        """The spool of a daemon that runs: the second ends with status 75 and
        names the first, which does not notice; when the first was killed,
        another starts at once."""
        self.daemon.configure()
        self.start()
        done = self.daemon.run()
        self.assertEqual(done.returncode, EX_TEMPFAIL, done.stderr)
        self.assertIn(f"in use by process {self.daemon.pid}", done.stderr)
        self.accept(content(1, 100))
        self.wait_printed({1})
        self.kill(hosts=False)
        self.start()
        self.accept(content(2, 100))
        self.wait_printed({1, 2})

    def test_a_second_daemon_that_does_not_listen_elsewhere_harms_nothing(
            self):
        """A second daemon with the same fixed address ends too, and the
        first goes on listening."""
        self.daemon.configure()
        self.start()
        host, port = self.daemon.address()
        text = self.daemon.ini.read_text()
        self.daemon.ini.write_text(text.replace(
            "listen = 127.0.0.1:0", f"listen = {host}:{port}"))
        self.assertIn(self.daemon.run().returncode, (EX_TEMPFAIL, 69))
        self.accept(content(1, 100))
        self.wait_printed({1})
        self.assertTrue(self.daemon.control.exists())
        self.jobs()


class Planted(DirCase):
    """Things in the spool that are not ours."""

    def test_ten_thousand_left_over_files(self):
        """Temporary files of a crash, and files with any name, by the
        thousand: they are removed or moved aside, and jobs are as before."""
        self.make_spool()
        for n in range(10000):
            name = f"tmp-{n}" if n % 2 else f"left-over-{n}"
            (self.data / name).write_bytes(b"half a job")
        self.start()
        self.check_works({1})
        self.assertLess(len(list(self.data.iterdir())), 10)
        self.assertNotRegex(self.daemon.log(), "left-over-")

    def plant(self, where):
        """A link, a hard link, a FIFO, a socket, a device and a directory,
        with names of all kinds.  Returns what must stay as it is."""
        victim = self.daemon.dir / "victim"
        victim.write_text("not to be touched")
        victim.chmod(0o644)
        for name in ("99-1-1-", "tmp-1", "x"):
            (where / f"{name}1").symlink_to(victim)
            os.link(victim, where / f"{name}2")
            os.mkfifo(where / f"{name}3")
            s = socket.socket(socket.AF_UNIX)
            directory = os.getcwd()
            os.chdir(where)             # the path may be long for a socket
            try:
                s.bind(f"{name}4")
            finally:
                os.chdir(directory)
                s.close()
            if os.geteuid() == 0:
                os.mknod(where / f"{name}5", 0o600 | stat.S_IFCHR,
                         os.makedev(1, 7))
            (where / f"{name}6").mkdir()
            (where / f"{name}6" / "inside").symlink_to(victim)
        return victim

    def untouched(self, victim, before):
        self.assertEqual(victim.read_text(), "not to be touched")
        after = victim.stat()
        self.assertEqual((after.st_mode, after.st_uid, after.st_mtime_ns),
                         (before.st_mode, before.st_uid, before.st_mtime_ns))

    def test_among_the_documents(self):
        """None of them is opened, followed or printed, nothing hangs, and
        jobs are as before."""
        self.make_spool()
        victim = self.plant(self.data)
        before = victim.stat()
        self.start()
        self.check_works({1})
        self.untouched(victim, before)

    def test_in_the_spool_itself(self):
        """The same beside the database."""
        self.make_spool()
        victim = self.plant(self.daemon.spool)
        before = victim.stat()
        self.start()
        self.check_works({1})
        self.untouched(victim, before)

    def test_in_place_of_what_is_ours(self):
        """A link, FIFO or device by the name of a file of ours: the daemon
        ends and says so, or goes on without it; it never hangs, and what a
        link leads to stays as it is."""
        victim = self.daemon.dir / "victim"
        plants = [lambda p: p.symlink_to(victim), os.mkfifo,
                  lambda p: os.link(victim, p), pathlib.Path.mkdir]
        if os.geteuid() == 0:
            plants.append(lambda p: os.mknod(p, 0o600 | stat.S_IFCHR,
                                             os.makedev(1, 7)))
        self.make_spool()
        saved = self.daemon.dir / "saved"
        shutil.copytree(self.daemon.spool, saved)
        for name in sorted(p.name for p in saved.iterdir()):
            for n, plant in enumerate(plants):
                with self.subTest(name=name, plant=n):
                    shutil.rmtree(self.daemon.spool)
                    shutil.copytree(saved, self.daemon.spool)
                    path = self.daemon.spool / name
                    if path.is_dir():
                        shutil.rmtree(path)
                    else:
                        path.unlink()
                    victim.unlink(missing_ok=True)
                    victim.write_text("not to be touched")
                    plant(path)
                    before = victim.stat()
                    self.start_or_say()
                    self.untouched(victim, before)

    def start_or_say(self):
        self.start(wait=False)
        process = self.daemon.process
        wait_for(lambda: process.poll() is not None or
                 " ready ports=" in self.daemon.log(),
                 lambda: f"a start or an end:\n{self.daemon.log()}")
        if process.poll() is not None:
            self.daemon.process = None
            self.assertIn(process.returncode, (74, EX_CONFIG))
            self.assertIn(str(self.daemon.spool), self.daemon.log())
        self.kill()

    def test_a_document_that_was_replaced(self):
        """In place of a large document there is a link to another file when
        its turn comes: nothing is printed of that, the job is held."""
        self.make_spool()
        self.start()
        path, = self.data.iterdir()
        victim = self.daemon.dir / "victim"
        victim.write_text("secret")
        path.unlink()
        path.symlink_to(victim)
        self.ask("/v1/queues/q/resume", "POST")
        self.wait_state("pending-held")
        self.accept(content(2, 100))
        self.assertEqual(self.wait_printed({2}), [2])


class Many(DirCase):
    """A queue of a hundred thousand jobs."""

    N = 20000 if SLOW else 100000

    def fill(self, queue="q"):
        subprocess.run([FILL, self.daemon.spool, queue, str(self.N)],
                       check=True)

    @unittest.skipUnless(FILL.exists(), "spool_fill is not built")
    def test_a_start_with_a_hundred_thousand_jobs(self):
        """They are all there and in order, other queues print meanwhile, and
        what lists them is bounded."""
        printer = Switched(self.daemon.dir)
        self.daemon.configure(monitor="mock", port=printer.settings(),
                              more=f"""\
[listener other]
listen = 127.0.0.1:0
queue = other
[queue other]
ports = file
[port file]
monitor = file
directory = {self.daemon.out}
name = %j.prn
""")
        self.fill()
        start = time.monotonic()
        self.start()
        ready = time.monotonic() - start
        self.accept(content(1, 100), listener="other")
        self.wait_printed({1})
        first = time.monotonic() - start
        self.assertEqual(printer.wait_lines(100)[:100],
                         [f"line-{n}" for n in range(1, 101)])
        answer = self.ask("/v1/jobs?queue=q&limit=1000")
        self.assertEqual(len(answer["jobs"]), 1000)
        self.assertIn("next", answer)
        self.assertEqual(self.kill(signal.SIGTERM), 0)
        print(f"# {self.N} jobs: ready after {ready:.2f} s, another queue "
              f"printed after {first:.2f} s", flush=True)


@unittest.skipUnless(shutil.which("faketime"), "no faketime")
@unittest.skipIf(SLOW, "sanitizers do not bear another library's clock")
class Clock(DirCase):
    """The clock of the day is not to be trusted."""

    def setUp(self):
        super().setUp()
        self.printer = Switched(self.daemon.dir)
        self.stamp = self.daemon.dir / "stamp"
        self.env = dict(os.environ, FAKETIME_TIMESTAMP_FILE=str(self.stamp),
                        FAKETIME_NO_CACHE="1",
                        FAKETIME_DONT_FAKE_MONOTONIC="1", TZ="UTC",
                        LD_PRELOAD=self.library())
        self.jump("+0")

    def library(self):
        """What faketime has its programs load; the one for threads."""
        text = subprocess.run(["faketime", "-f", "+0", "env"], check=True,
                              capture_output=True, text=True).stdout
        for line in text.splitlines():
            if line.startswith("LD_PRELOAD="):
                path = pathlib.Path(line.partition("=")[2].split(":")[-1])
                return str(path.parent / "libfaketimeMT.so.1")
        self.skipTest("faketime does not tell its library")
        return None

    def jump(self, to):
        new = self.stamp.with_suffix(".new")
        new.write_text(to + "\n")
        new.rename(self.stamp)

    def begin(self, queue="retries = 0", **kwargs):
        self.daemon.configure(monitor="mock", queue=queue,
                              port=self.printer.settings(), **kwargs)
        self.start(env=self.env)

    def day(self):
        return self.ask("/v1/jobs?which=all")["jobs"][-1]["created"][:10]

    def test_jumps_while_jobs_wait(self):
        """Ten days ahead, then ten back: no job expires for it, no client is
        thrown out, no number is given twice, and the order stays."""
        self.begin("retries = 0\nexpire = 1h\nidle_timeout = 1h")
        self.printer.off()
        client = self.daemon.connect()
        self.addCleanup(client.close)
        client.sendall(b"line-")
        self.accept(b"line-1\n")
        self.printer.wait_count("start")
        for number, to in enumerate(("+10d", "-10d", "+0"), 2):
            self.jump(to)
            self.accept(b"line-%d\n" % number)
            # The port fails and is tried again on a clock that runs.
            starts = self.printer.count("start")
            if number == 2:
                self.printer.wait_count("start", starts + 1)
        self.printer.on()
        self.assertEqual(self.printer.wait_lines(4),
                         [f"line-{n}" for n in range(1, 5)])
        self.assertEqual(harness.print_on(client, b"5\n"), b"")
        self.assertEqual(self.printer.wait_lines(5)[4], "line-5")
        numbers = [job["id"] for job in self.jobs("all")]
        self.assertEqual(len(set(numbers)), 5)

    def test_a_restart_in_the_past(self):
        """Started again when the clock is a year behind: numbers go on, jobs
        are printed in their order."""
        self.jump("+365d")
        self.begin()
        self.printer.off()
        self.accept(b"line-1\n", b"line-2\n")
        before = max(job["id"] for job in self.jobs())
        self.kill()
        self.jump("+0")
        self.start(env=self.env)
        self.accept(b"line-3\n")
        self.assertGreater(max(job["id"] for job in self.jobs()), before)
        self.printer.on()
        self.assertEqual(self.printer.wait_lines(3),
                         ["line-1", "line-2", "line-3"])

    def test_after_2038(self):
        """Seconds that do not fit 32 bits: jobs are taken, printed and listed
        with the right day, and so they are across the moment itself."""
        # Sometimes the fake clock only starts there: it runs on.
        self.jump("@2038-01-19 03:14:06")
        self.begin("retries = 0\nexpire = 1h")
        self.accept(b"line-1\n")
        self.jump("@2038-01-19 03:14:09")
        self.accept(b"line-2\n")
        self.jump("@2060-02-29 12:00:00")
        self.accept(b"line-3\n")
        self.assertEqual(self.printer.wait_lines(3),
                         ["line-1", "line-2", "line-3"])
        self.wait_jobs(lambda jobs: jobs == [])
        days = sorted(j["created"][:10] for j in self.jobs("all"))
        self.assertEqual(days, ["2038-01-19", "2038-01-19", "2060-02-29"])
        self.kill(signal.SIGTERM)
        self.start(env=self.env)
        self.accept(b"line-4\n")
        self.assertEqual(len(self.printer.wait_lines(4)), 4)

    def test_summer_time_begins_and_ends(self):
        """An hour that is there twice, and one that is not there: log and
        jobs speak UTC, and go on."""
        self.env["TZ"] = "CET-1CEST,M3.5.0,M10.5.0/3"
        for number, moment in enumerate((
                "@2027-03-28 01:59:59", "@2027-10-31 02:59:59"), 1):
            self.jump(moment)
            self.begin()
            self.accept(b"line-%d\n" % number)
            self.printer.wait_lines(number)
            self.assertRegex(self.daemon.log(),
                             r"2027-(03|10)-\d\dT0[01]:59:59Z")


if __name__ == "__main__":
    harness.main()
