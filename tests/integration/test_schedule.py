#!/usr/bin/env python3
"""What prints where and when: order, retries, pools, expiry, ports in trouble.

The scheduler's decisions are tested on a clock of their own; this is about the
daemon keeping them, with jobs of its spool and monitors that misbehave.
"""

import os
import signal
import unittest

import harness
import spooling
from harness import wait_for
from printer import Printer
from spooling import Switched, content

NOTIFY = """#!/bin/sh
env | grep ^PRINTPORT_ >{dir}/new.$PRINTPORT_JOB
mv {dir}/new.$PRINTPORT_JOB {dir}/note.$PRINTPORT_JOB
"""


def lines(*numbers):
    return [f"line-{n}" for n in numbers]


class ScheduleCase(spooling.SpoolCase):
    """A port "p" with a printer that can be off."""

    def setUp(self):
        super().setUp()
        self.printer = Switched(self.daemon.dir)

    def configure(self, queue="retries = 0", port="", **kwargs):
        self.daemon.configure(monitor="mock", queue=queue,
                              port=self.printer.settings(port), **kwargs)

    def begin(self, queue="retries = 0", **kwargs):
        self.configure(queue, **kwargs)
        self.start()

    def change(self, queue="retries = 0", **kwargs):
        """Other settings, in force when this returns."""
        self.configure(queue, **kwargs)
        self.reload()

    def add(self, *numbers, listener="raw"):
        self.accept(*(b"line-%d\n" % n for n in numbers), listener=listener)

    def another(self, printer, name="p2", more=""):
        """A second port, for configure(more=)."""
        return f"[port {name}]\nmonitor = mock\n{printer.settings(more)}"

    def notified(self, daemon_queue=""):
        """Settings of a queue with a program to be told of held jobs."""
        path = self.daemon.dir / "notify"
        path.write_text(NOTIFY.format(dir=self.daemon.dir))
        path.chmod(0o755)
        return f"notify = {path}\n{daemon_queue}"

    def wait_note(self, job):
        """What the program was told about a job."""
        path = self.daemon.dir / f"note.{job}"
        wait_for(path.exists, lambda: f"a note:\n{self.daemon.log()}")
        return dict(line.split("=", 1)
                    for line in path.read_text().splitlines())


class Order(ScheduleCase):
    """Who is next."""

    def test_jobs_keep_their_order_across_failures(self):
        """order = strict: a printer that fails the first job again and again
        gets it first when it works."""
        self.begin()
        self.printer.off()
        self.add(1, 2, 3, 4, 5)
        self.printer.wait_count("start", 3)
        self.add(6)
        self.printer.on()
        self.assertEqual(self.printer.wait_lines(6), lines(1, 2, 3, 4, 5, 6))

    def test_jobs_keep_their_order_across_a_restart(self):
        """The same over an end and a new start in between."""
        self.begin()
        self.printer.off()
        self.add(1, 2, 3)
        self.printer.wait_count("start")
        self.kill(signal.SIGTERM)
        self.start()
        self.add(4)
        self.printer.on()
        self.assertEqual(self.printer.wait_lines(4), lines(1, 2, 3, 4))

    def fail_first(self, queue):
        """The first of three jobs fails once, with a write."""
        queue = "retries = 0\n" + queue
        self.begin(queue, port="fail = write")
        self.add(1)
        self.daemon.wait_log("port is tried again later")
        self.change(queue)
        self.add(2, 3)

    def test_strict_lets_nobody_pass_a_job_that_failed(self):
        """order = strict: those behind a failed job wait for its retry."""
        self.fail_first("order = strict\nretry_after = 3s")
        self.assertEqual(self.printer.wait_lines(3), lines(1, 2, 3))

    def test_fast_lets_others_pass_a_job_that_failed(self):
        """order = fast: they do not, and it is printed when it may be."""
        self.fail_first("order = fast\nretry_after = 1h")
        self.assertEqual(self.printer.wait_lines(2), lines(2, 3))
        job, = self.wait_jobs(lambda jobs: len(jobs) == 1)
        self.ask(f"/v1/jobs/{job['id']}/hold", "POST")
        self.ask(f"/v1/jobs/{job['id']}/release", "POST")
        self.assertEqual(self.printer.wait_lines(3), lines(2, 3, 1))

    def test_priority_goes_before_age(self):
        """A job of higher priority is printed first, and among equals the
        older one."""
        self.begin("retries = 0\npriority = 50")
        self.printer.off()
        self.add(1)
        self.printer.wait_count("start")
        self.add(2)
        self.change("retries = 0\npriority = 90")
        self.add(3, 4)
        self.change("retries = 0\npriority = 10")
        self.add(5)
        self.printer.on()
        self.assertEqual(self.printer.wait_lines(5), lines(3, 4, 1, 2, 5))

    def test_two_queues_of_one_port_take_turns(self):
        """Jobs of one queue do not wait for all of another."""
        self.begin(more="""\
[listener other]
listen = 127.0.0.1:0
queue = other
[queue other]
ports = p
retries = 0
""")
        self.printer.off()
        self.add(1, 2, 3, 4)
        self.add(11, 12, listener="other")
        self.printer.wait_count("start")
        self.printer.on()
        printed = self.printer.wait_lines(6)
        self.assertEqual([p for p in printed if len(p) == 6],
                         lines(1, 2, 3, 4))
        self.assertEqual([p for p in printed if len(p) == 7], lines(11, 12))
        self.assertLess(printed.index("line-12"), 5)


class Ports(ScheduleCase):
    """More than one port for a queue."""

    def test_a_pool_of_two_ports_prints_two_jobs_at_a_time(self):
        """While the first port is busy the second takes the next job; what
        each is given it prints whole."""
        first = Printer(self.daemon.dir, "first")
        self.addCleanup(first.close)
        second = Printer(self.daemon.dir, "second")
        self.addCleanup(second.close)
        self.daemon.configure(monitor="mock", port=first.settings(),
                              queue="ports = p p2",
                              more="[port p2]\nmonitor = mock\n" +
                              second.settings())
        self.daemon.ini.write_text(self.daemon.ini.read_text().replace(
            "ports = p\n", "", 1))
        self.start()
        one, two = content(1, 100000), content(2, 100000)
        self.accept(one)
        begun = first.read(1)
        self.accept(two)
        # Neither can be done before it has been read.
        begun_two = second.read(1)
        self.assertEqual(second.read(len(two) - 1), two[1:])
        self.assertEqual(first.read(len(one) - 1), one[1:])
        self.assertEqual(begun + begun_two, one[:1] + two[:1])

    def test_backup_ports_take_over_and_give_back(self):
        """When no port of the queue works for failover_after its jobs go to
        backup_ports; when it works again, to it."""
        backup = Switched(self.daemon.dir, "backup")
        queue = "retries = 0\nbackup_ports = p2\nfailover_after = 2s"
        self.begin(queue, more=self.another(backup))
        self.printer.off()
        self.add(1)
        self.assertEqual(backup.wait_lines(1), lines(1))
        self.add(2)
        self.assertEqual(backup.wait_lines(2), lines(1, 2))
        self.printer.on()
        # The pause of the port gets longer with each failure; new settings
        # end it.
        self.change(queue, port="call_timeout = 50s",
                    more=self.another(backup))
        number = 2

        def is_back():
            nonlocal number
            number += 1
            self.add(number)
            wait_for(lambda: len(self.printer.lines() + backup.lines()) >=
                     number, "the next line")
            return self.printer.lines()
        wait_for(is_back, lambda: f"a job on p:\n{self.daemon.log()}")
        self.assertEqual(sorted(self.printer.lines() + backup.lines(),
                                key=lambda line: int(line[5:])),
                         lines(*range(1, number + 1)))

    def test_no_failover_before_its_time(self):
        """failover_after = 1h: the job waits for its own port."""
        backup = Switched(self.daemon.dir, "backup")
        self.begin("retries = 0\nbackup_ports = p2\nfailover_after = 1h",
                   more=self.another(backup))
        self.printer.off()
        self.add(1)
        self.printer.wait_count("start", 2)
        self.printer.on()
        self.assertEqual(self.printer.wait_lines(1), lines(1))
        self.assertEqual(backup.calls(), [])

    def test_a_port_that_hangs_holds_up_no_other(self):
        """A monitor that never returns costs its own port call_timeout; jobs
        of another port are printed meanwhile, and its own in the end."""
        other = Switched(self.daemon.dir, "other")
        more = f"""\
[listener other]
listen = 127.0.0.1:0
queue = other
[queue other]
ports = p2
{self.another(other)}"""
        self.begin(port="hang = write\ncall_timeout = 1h", more=more)
        self.add(1)
        self.printer.wait_count("start")
        self.add(11, 12, 13, listener="other")
        self.assertEqual(other.wait_lines(3), lines(11, 12, 13))
        self.change(port="call_timeout = 1s", more=more)
        self.daemon.wait_log("port host is gone .*hangs in")
        self.assertEqual(self.printer.wait_lines(1), lines(1))

    def test_a_port_that_crashes_gets_its_job_again(self):
        """A monitor that crashes in mid job: the daemon stays, and with a
        better monitor the job is printed."""
        self.begin(port="crash = end")
        pid = self.daemon.pid
        self.add(1)
        self.printer.wait_count("start", 2)
        self.change(port="call_timeout = 50s")
        wait_for(lambda: not self.jobs(), lambda: self.daemon.log())
        self.assertEqual(set(self.printer.lines()), set(lines(1)))
        self.assertEqual(self.daemon.pid, pid)
        self.assertIsNone(self.daemon.process.poll())


class Expiry(ScheduleCase):
    """Jobs that have waited too long."""

    def wait_in_vain(self, queue, more=""):
        """Two jobs in a queue whose printer is off; they expire."""
        self.begin(self.notified(f"retries = 0\nexpire = 1s\n{queue}"),
                   more=more)
        self.printer.off()
        self.add(1, 2)

    def test_hold(self):
        """on_expire = hold: they are held, somebody is told, and nothing is
        printed; released they are."""
        self.wait_in_vain("on_expire = hold")
        jobs = self.wait_state("pending-held", "pending-held")
        for job in jobs:
            note = self.wait_note(job["id"])
            self.assertEqual(note["PRINTPORT_EVENT"], "expired")
            self.assertIn("expire", job["why"])
        self.change("retries = 0")
        self.printer.on()
        for job in sorted(jobs, key=lambda j: j["id"]):
            self.ask(f"/v1/jobs/{job['id']}/release", "POST")
        self.assertEqual(self.printer.wait_lines(2), lines(1, 2))

    def test_drop(self):
        """on_expire = drop: they are aborted, and those that come later are
        printed."""
        self.wait_in_vain("on_expire = drop")
        self.wait_jobs(lambda jobs: jobs == [])
        self.assertEqual({j["state"] for j in self.jobs("all")}, {"aborted"})
        self.printer.on()
        self.change(self.notified("retries = 0"))
        self.add(3)
        self.assertEqual(self.printer.wait_lines(1), lines(3))

    def test_divert(self):
        """on_expire = divert: another queue prints them, in their order."""
        other = Switched(self.daemon.dir, "other")
        self.wait_in_vain("on_expire = divert\ndivert_to = other", more=f"""\
[queue other]
ports = p2
{self.another(other)}""")
        self.assertEqual(other.wait_lines(2), lines(1, 2))
        self.wait_jobs(lambda jobs: jobs == [])
        self.assertEqual(self.printer.lines(), [])


class Failing(ScheduleCase):
    """Retries, and what people are told."""

    def test_retries_used_up(self):
        """A job that failed as often as retries allows is held, a program is
        told so in its environment, and the next job has its turn."""
        queue = self.notified("retries = 2")
        self.begin(queue, port="fail = write")
        self.add(1)
        job, = self.wait_state("pending-held")
        note = self.wait_note(job["id"])
        self.add(2)
        self.change(queue)
        self.assertEqual(self.printer.wait_lines(1), lines(2))
        self.assertEqual(note["PRINTPORT_EVENT"], "held")
        self.assertEqual(note["PRINTPORT_QUEUE"], "q")
        self.assertEqual(note["PRINTPORT_PORT"], "p")
        self.assertEqual(note["PRINTPORT_HOST"], "127.0.0.1")
        self.assertEqual(note["PRINTPORT_STATE"], "pending-held")
        self.assertEqual(note["PRINTPORT_ATTEMPTS"], "2")
        self.assertEqual(note["PRINTPORT_BYTES"], "7")
        self.assertIn("retries", note["PRINTPORT_WHY"])
        # Exactly two attempts were made of it.
        starts = [c for c in self.printer.calls()
                  if c == f"start {job['id']}"]
        self.assertEqual(len(starts), 2)

    def test_a_printer_that_is_off_costs_no_attempt(self):
        """A printer that is off for longer than retries would last: its jobs
        stay pending, and are printed when it is on."""
        self.begin("retries = 1")
        self.printer.off()
        self.add(1, 2)
        self.printer.wait_count("start", 3)
        jobs = self.wait_state("pending", "pending")
        self.assertEqual([j["attempts"] for j in jobs], [0, 0])
        self.printer.on()
        self.assertEqual(self.printer.wait_lines(2), lines(1, 2))
        self.wait_jobs(lambda jobs: jobs == [])
        self.assertEqual([(j["state"], j["attempts"], j["restarted"])
                          for j in self.jobs("all")],
                         [("completed", 1, False)] * 2)

    def test_a_port_in_trouble_says_so_in_its_jobs(self):
        """While the printer is offline the jobs that wait for it tell why, and
        the port does."""
        self.begin()
        self.printer.off()
        self.add(1, 2)
        jobs = self.wait_jobs(lambda jobs: len(jobs) == 2 and all(
            "port p" in str(j["why"]) and "tried again" in j["why"]
            for j in jobs))
        self.assertEqual({j["state"] for j in jobs}, {"pending"})
        self.printer.on()
        self.assertEqual(self.printer.wait_lines(2), lines(1, 2))

    def test_a_warning_does_not_stop_a_port(self):
        """Low toner is a warning: jobs go on."""
        self.begin(port="warn = yes")
        self.add(1, 2)
        self.printer.wait_lines(2)
        self.daemon.wait_log("port status .*severity=warning")
        self.add(3)
        self.assertEqual(self.printer.wait_lines(3), lines(1, 2, 3))
        self.wait_jobs(lambda jobs: jobs == [])


class Unreadable(ScheduleCase):
    """Data that cannot be read when its turn has come."""

    def files(self):
        """Large documents of the spool."""
        return [p for p in (self.daemon.spool / "data").iterdir()
                if p.is_file()]

    def test_a_truncated_document_is_held_and_the_next_prints(self):
        """The file of a large job was cut behind our back: the job is held
        with the reason, not one byte of it is printed, and the next one is."""
        self.begin(self.notified("retries = 0"))
        self.printer.off()
        self.add(1)
        self.printer.wait_count("start")
        self.accept(content(2, 300000))
        self.add(3)
        path, = self.files()
        os.truncate(path, 100000)
        self.printer.on()
        self.assertEqual(self.printer.wait_lines(2), lines(1, 3))
        job, = self.wait_state("pending-held")
        self.assertIn("cannot be read", job["why"])
        self.assertIn("cannot be read", self.wait_note(job["id"])
                      ["PRINTPORT_WHY"])

    def broken_host(self, path, when):
        """A port host that cannot read this file from its n-th call on."""
        calls = "read,pread64,copy_file_range,sendfile,splice"
        program = self.daemon.dir / "host"
        program.write_text(
            f"#!/bin/sh\nexec strace -f -qq -o /dev/null -P {path} "
            f"-e trace={calls} -e inject={calls}:error=EIO:when={when}+ "
            f'{harness.BUILD}/printport-host "$@"\n')
        program.chmod(0o755)
        return program

    def fail_to_read(self, when, port):
        """A large job whose file cannot be read, and one behind it."""
        self.begin(self.notified("retries = 0"), port=port)
        text = self.daemon.ini.read_text()
        self.printer.off()
        self.accept(content(1, 300000))
        self.printer.wait_count("start")
        path, = self.files()
        self.daemon.ini.write_text(text.replace(
            str(harness.BUILD / "printport-host"),
            str(self.broken_host(path, when))))
        self.kill()
        self.start(env=spooling.without_leaks())
        self.add(2)
        self.printer.on()
        job, = self.wait_state("pending-held")
        self.assertIn("cannot be read", job["why"])
        self.assertEqual(self.wait_note(job["id"])["PRINTPORT_EVENT"], "held")
        self.assertTrue(self.printer.printed().endswith(b"line-2\n"))
        # The data is still there, for when the disk is better.
        self.daemon.ini.write_text(text)
        self.kill()
        self.start()
        self.ask(f"/v1/jobs/{job['id']}/release", "POST")
        wait_for(lambda: self.printer.printed().endswith(content(1, 300000)),
                 lambda: f"the job again:\n{self.daemon.log()}")

    @unittest.skipUnless(spooling.can_trace(), "no strace, or not for us")
    def test_a_read_error_at_the_start_of_a_document(self):
        """EIO when a document is read from the disk: the job is held and says
        so, the next one is printed; released, and with a better disk, it is
        printed too."""
        self.fail_to_read(1, "fd_write = yes")

    @unittest.skipUnless(spooling.can_trace(), "no strace, or not for us")
    def test_a_read_error_in_mid_document(self):
        """The same when part of it is on paper already."""
        self.fail_to_read(3, "fd_write = no")


class Reload(ScheduleCase):
    """A configuration file that is bad, under jobs that wait."""

    def test_a_bad_file_changes_nothing(self):
        """SIGHUP with each of many damaged files: none is taken, all that is
        wrong is logged with its line, and jobs go their way."""
        self.begin()
        self.printer.off()
        self.add(1)
        good = self.daemon.ini.read_text()
        before = self.ask("/v1/queues")
        bad = good.splitlines(keepends=True)
        for i, line in enumerate(bad):
            if line.strip() == "":
                continue
            for worse in (line.replace("=", "~"), line[:1] + "#" + line[1:],
                          "[nonsense]\n"):
                if worse == line:
                    continue
                text = "".join(bad[:i] + [worse] + bad[i + 1:])
                self.daemon.ini.write_text(text)
                check = self.daemon.run("--check-config")
                if check.returncode == 0:
                    continue
                with self.subTest(line=line, worse=worse):
                    self.reload("configuration stays in force")
        self.assertEqual([q["name"] for q in self.ask("/v1/queues")["queues"]],
                         [q["name"] for q in before["queues"]])
        self.add(2)
        self.printer.on()
        self.assertEqual(self.printer.wait_lines(2), lines(1, 2))


if __name__ == "__main__":
    harness.main()
