#!/usr/bin/env python3
"""Jobs that are in the printer, and pages that are still to come.

The language monitor of mock says that a job's last page is out when its number
is a line in a file.  Numbers in names are those of the rules in
docs/monitor-contract.md.
"""

import os
import signal

import harness
import spooling
from harness import wait_for


class EndingCase(spooling.SpoolCase):
    def setUp(self):
        super().setUp()
        self.printer = spooling.Switched(self.daemon.dir)
        self.ejected = self.daemon.dir / "ejected"
        self.ejected.touch()

    def configure(self, port="", lm="eject = file", **kwargs):
        self.daemon.configure(
            monitor="mock", port=self.printer.settings(
                f"language_monitor = mock\nejected = {self.ejected}\n"
                f"{lm}\n{port}"), **kwargs)

    def begin(self, *args, **kwargs):
        self.configure(*args, **kwargs)
        self.start()

    def say(self, line):
        """What the printer has to say, by way of its language monitor."""
        with self.ejected.open("a") as file:
            file.write(f"{line}\n")

    def print_all(self, *lines):
        """Print, one after the other; returns the numbers of the jobs."""
        self.accept(*(f"{line}\n".encode() for line in lines))
        self.wait_lines(*lines)
        return [job["id"] for job in self.wait_sent(len(lines))]

    def wait_lines(self, *lines):
        wait_for(lambda: [line.removeprefix("<lm>") for line in
                          self.printer.lines()] == list(lines),
                 lambda: f"{lines} printed: {self.printer.lines()}")

    def wait_sent(self, n):
        """Wait until so many jobs are in the printer, by their records."""
        jobs = self.wait_jobs(lambda jobs: len(jobs) == n and all(
            "queued-in-device" in job["reasons"] for job in jobs))
        return sorted(jobs, key=lambda job: job["id"])

    def ended(self, number):
        """Wait for the end of a job, and return its record."""
        return self.wait_jobs(lambda jobs: any(
            job["id"] == number and job["state"] in
            ("completed", "canceled", "aborted") for job in jobs),
            "all") and self.job(number)

    def job(self, number):
        job = self.ask(f"/v1/jobs/{number}")
        return dict(job, why=job["why"] or "")

    def only_end(self):
        """State of the only job, which has ended, and why."""
        self.wait_jobs(lambda jobs: not jobs)
        job, = self.jobs("all")
        return job["state"], job["why"] or ""

    def host(self):
        return wait_for(self.daemon.host_pids, "a port host")[0]


class TestRules(EndingCase):
    def test_rule_43_sent_completes_a_job_without_a_language_monitor(self):
        self.daemon.configure(monitor="mock", port=self.printer.settings())
        self.start()
        self.accept(b"one\n")
        self.assertEqual(self.only_end(), ("completed", ""))

    def test_rule_43_sent_completes_no_job_with_one(self):
        self.begin()
        number, = self.print_all("one")
        job, = self.jobs()
        self.assertEqual(job["state"], "processing")
        self.say(number)
        job = self.ended(number)
        self.assertEqual((job["state"], job["why"]), ("completed", ""))

    def test_rule_44_of_a_one_way_printer_the_end_is_enough(self):
        self.begin(lm="eject = end")
        self.accept(b"one\n")
        self.assertEqual(self.only_end(), ("completed", ""))

    def test_rule_44_of_a_two_way_printer_its_word_is(self):
        """The monitor would look again in an hour: the word wakes it."""
        os.mkfifo(self.daemon.dir / "says")
        self.begin(f"says = {self.daemon.dir}/says", lm="eject = read")
        number, = self.print_all("one")
        with open(self.daemon.dir / "says", "wb") as printer:
            printer.write(b"it is out")
        self.assertEqual(self.ended(number)["state"], "completed")

    def test_rule_45_the_next_starts_before_the_last_page_is_out(self):
        self.begin()
        numbers = self.print_all("one", "two", "three")
        self.assertEqual(self.printer.count("end"), 3)
        for number in numbers:
            self.say(number)
            self.ended(number)
        self.assertEqual(self.printer.count("start"), 3)

    def test_rule_46_the_end_of_a_job_is_that_of_all_older_ones(self):
        self.begin()
        one, two, three = self.print_all("one", "two", "three")
        self.say(two)
        self.assertEqual(self.ended(one)["state"], "completed")
        self.assertEqual(self.ended(two)["state"], "completed")
        self.assertEqual(self.wait_sent(1)[0]["id"], three)
        self.say(three)
        self.ended(three)

    def test_rule_47_a_late_report_is_not_for_the_second_run(self):
        self.begin()
        number, = self.print_all("one")
        self.ask(f"/v1/jobs/{number}/cancel", "POST")
        self.assertEqual(self.ended(number)["state"], "canceled")
        self.ask(f"/v1/jobs/{number}/reprint", "POST")
        self.wait_lines("one", "one")
        self.wait_sent(1)
        two, = set(self.print_all_after("two")) - {number}
        self.say(number)
        self.say(f"{two} 7")    # has been read: so has what was before it
        self.say(f"{number} 2")
        self.assertEqual([job["id"] for job in self.wait_sent(2)],
                         [number, two])
        self.say(number)
        self.assertEqual(self.ended(number)["pages"], 2)
        self.say(two)
        self.assertEqual(self.ended(two)["pages"], 7)

    def print_all_after(self, line):
        self.accept(f"{line}\n".encode())
        wait_for(lambda: line in "".join(self.printer.lines()), line)
        return [job["id"] for job in self.wait_sent(2)]

    def test_pages_are_counted_until_the_last(self):
        self.begin()
        number, = self.print_all("one")
        for pages in 1, 2, 3:
            self.say(f"{number} {pages}")
        self.say(number)
        self.assertEqual(self.ended(number)["pages"], 3)

    def test_a_monitor_that_would_never_say_it(self):
        self.begin(lm="eject = never")
        self.accept(b"one\n")
        self.assertRegex(self.only_end()[1], "^sent; its monitor does not")


class TestPeople(EndingCase):
    """What people want of a job that is in the printer."""

    def test_cancel(self):
        self.begin()
        one, two = self.print_all("one", "two")
        self.ask(f"/v1/jobs/{one}/cancel", "POST")
        self.assertEqual(self.ended(one)["state"], "canceled")
        self.say(two)
        self.assertEqual(self.ended(two)["state"], "completed")
        self.assertEqual(self.job(one)["state"], "canceled")
        self.assertNotIn("deleting", " ".join(self.printer.calls()))

    def test_hold_comes_too_late(self):
        self.begin()
        number, = self.print_all("one")
        control = spooling.Control(self.daemon.control)
        control.request("POST", f"/v1/jobs/{number}/hold")
        answer = control.getresponse()
        self.assertEqual(answer.status, 409, answer.read())
        control.close()
        job = self.ended(number)
        self.assertEqual(job["state"], "completed")
        self.assertRegex(job["why"], "^sent; its last page was not waited")

    def test_a_document_that_fails_ends_those_before_it(self):
        self.begin("fail = start:2")
        self.accept(b"one\n")
        one = self.wait_sent(1)[0]["id"]
        self.accept(b"two\n")
        job = self.ended(one)
        self.assertEqual(job["state"], "completed")
        self.assertRegex(job["why"], "^sent; the port failed")
        self.wait_lines("one", "two")
        self.say(self.wait_sent(1)[0]["id"])
        self.wait_jobs(lambda jobs: not jobs)


class TestEnds(EndingCase):
    """What is in the printer is not printed again."""

    def check_once(self, number, why):
        job = self.ended(number)
        self.assertEqual(job["state"], "completed")
        self.assertRegex(job["why"], why)
        self.wait_jobs(lambda jobs: not jobs)
        self.assertEqual(self.printer.count("start"), 1)

    def test_the_host_is_killed(self):
        self.begin()
        number, = self.print_all("one")
        os.kill(self.host(), signal.SIGKILL)
        self.check_once(number, "^sent; its port host was gone")

    def test_the_daemon_is_killed(self):
        self.begin()
        number, = self.print_all("one")
        self.kill()
        self.start()
        self.check_once(number, "^sent; printing was interrupted")

    def test_the_daemon_ends_when_the_page_is_out(self):
        self.begin(daemon="drain_timeout = 1h")
        number, = self.print_all("one")
        self.daemon.kill(signal.SIGTERM)
        self.daemon.wait_log("ending connections")
        self.say(number)
        self.assertEqual(self.daemon.process.wait(harness.LIMIT_S), 0)
        self.start()
        self.check_once(number, "^$")

    def test_the_daemon_ends_without_it(self):
        self.begin(daemon="drain_timeout = 50ms")
        number, = self.print_all("one")
        self.assertEqual(self.daemon.stop(), 0)
        self.start()
        self.check_once(number, "^sent; ")

    def test_rule_23_other_settings_wait_for_the_last_page(self):
        self.begin()
        number, = self.print_all("one")
        self.configure("about = yes")
        self.reload()
        self.accept(b"two\n")
        self.say(f"{number} 4")
        self.say(number)
        self.assertEqual(self.ended(number)["pages"], 4)
        self.wait_lines("one", "two")
        calls = [c.split()[0] for c in self.printer.calls()
                 if c.split()[0] in ("open", "start", "end", "close")]
        self.assertEqual(calls, ["open", "start", "end", "close",
                                 "open", "start", "end"])

    def test_an_idle_port_is_closed_when_the_last_page_is_out(self):
        self.begin("idle_close = 0")
        number, = self.print_all("one")
        self.assertEqual(self.printer.count("close"), 0)
        self.say(number)
        self.printer.wait_count("close")
        self.check_once(number, "^$")


class TestMany(EndingCase):
    def test_more_jobs_than_a_host_may_have(self):
        """The 64 that it may have wait for paper; then the rest come."""
        self.begin()
        self.accept(*(b"%d\n" % n for n in range(100)))
        jobs = self.wait_jobs(lambda jobs: sum(
            "queued-in-device" in job["reasons"] for job in jobs) == 64)
        sent = [job["id"] for job in jobs if
                "queued-in-device" in job["reasons"]]
        self.assertEqual(self.printer.count("end"), 64)
        self.say(max(sent))
        self.wait_sent(36)
        self.say(max(job["id"] for job in jobs))
        self.wait_jobs(lambda jobs: not jobs)
        self.assertEqual(self.printer.count("end"), 100)


class TestStream(EndingCase):
    def test_a_client_does_not_wait_for_paper(self):
        self.daemon.delivery = "stream"
        self.begin()
        self.assertEqual(self.daemon.print(b"one\n"), b"")
        self.assertEqual(self.daemon.print(b"two\n"), b"")
        self.wait_lines("one", "two")
        self.daemon.wait_log("job printed", 2)


if __name__ == "__main__":
    harness.main()
