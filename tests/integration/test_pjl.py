#!/usr/bin/env python3
"""The language monitor pjl, over the monitors that there are.

The printer is simulated (tests/sim/pjl_printer.py); numbers in names are those
of the rules in docs/monitor-contract.md.
"""

import os
import socket
import sys

import harness
import spooling
from harness import wait_for

sys.path.insert(0, str(harness.TOP / "tests/sim"))
import pjl_printer  # noqa: E402  pylint: disable=wrong-import-position


class PjlCase(spooling.SpoolCase):
    """Over the monitor mock: bytes in one FIFO, answers in another."""

    def setUp(self):
        super().setUp()
        self.printers = []
        self.printer = None

    def tearDown(self):
        try:
            super().tearDown()
        finally:
            for printer in self.printers:
                printer.close()

    def new_printer(self, **kwargs):
        printer = pjl_printer.Fifo(self.daemon.dir,
                                   f"printer{len(self.printers)}", **kwargs)
        self.printers.append(printer)
        return printer

    def settings(self, printer, more=""):
        if "write_timeout" not in more:
            more += "\nwrite_timeout = 50ms"
        return (f"output = {printer.in_path}\nsays = {printer.out_path}\n"
                f"language_monitor = pjl\n{more}\n")

    monitor = "mock"

    def begin(self, more="", language=None, slow_s=0, more_ports="",
              **kwargs):
        self.printer = self.new_printer(language=language, slow_s=slow_s)
        self.daemon.configure(monitor=self.monitor, port=self.settings(
            self.printer, more), more=more_ports, **kwargs)
        self.start()

    def ended(self, number):
        self.wait_jobs(lambda jobs: any(
            job["id"] == number and job["state"] in
            ("completed", "canceled", "aborted") for job in jobs), "all")
        job = self.ask(f"/v1/jobs/{number}")
        return dict(job, why=job["why"] or "")

    def wait_sent(self, n):
        """Wait until so many jobs are in the printer, by their records."""
        jobs = self.wait_jobs(lambda jobs: len(jobs) == n and all(
            "queued-in-device" in job["reasons"] for job in jobs))
        return sorted(job["id"] for job in jobs)

    def port(self, name="p"):
        return next(port for port in self.ask("/v1/ports")["ports"]
                    if port["name"] == name)

    def wait_trouble(self, text):
        wait_for(lambda: text in (self.port()["trouble"] or ""),
                 lambda: f"trouble {text!r}: {self.port()}\n"
                 f"{self.daemon.log()}")

    def wait_no_jobs(self):
        self.wait_jobs(lambda jobs: not jobs)


class TestJobs(PjlCase):
    def test_a_job_is_printed_as_it_was_sent(self):
        self.begin()
        data = bytes(range(256)) * 3000
        self.accept(data)
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs(), [data])
        job, = self.jobs("all")
        self.assertEqual((job["state"], job["why"]), ("completed", None))

    def test_pages_are_in_the_record(self):
        self.begin()
        self.accept(b"one\ftwo\fthree\f")
        self.wait_no_jobs()
        self.assertEqual(self.jobs("all")[0]["pages"], 3)

    def test_rule_45_jobs_follow_while_pages_come_out(self):
        self.begin()
        self.printer.keep_pages()
        self.accept(b"one", b"two", b"three")
        numbers = self.wait_sent(3)
        self.assertEqual(self.printer.inside(), [b"one", b"two", b"three"])
        for number in numbers:
            self.printer.eject(1)
            self.assertEqual(self.ended(number)["state"], "completed")

    def test_rule_46_the_end_of_a_job_is_that_of_all_older_ones(self):
        self.begin()
        self.printer.keep_pages()
        self.accept(b"one", b"two", b"three")
        numbers = self.wait_sent(3)
        with self.printer.lock:         # the reports of the others are lost
            self.printer.language.waiting[0].own = False
            self.printer.language.waiting[1].own = False
        self.printer.eject()
        for number in numbers:
            self.assertEqual(self.ended(number)["state"], "completed")

    def test_rule_44_a_printer_that_never_says_it(self):
        self.begin("eoj_timeout = 50ms")
        self.printer.keep_pages()
        self.accept(b"one")
        self.wait_no_jobs()
        self.daemon.wait_log("did not say in eoj_timeout")
        self.assertEqual(self.printer.inside(), [b"one"])

    def test_a_job_that_is_canceled_at_the_printer(self):
        self.begin()
        self.printer.keep_pages()
        self.accept(b"one")
        self.wait_sent(1)
        self.printer.cancel_first()
        self.wait_no_jobs()
        self.daemon.wait_log("was canceled at the printer")

    def test_many_small_jobs(self):
        self.begin()
        documents = [b"job %d\f" % n for n in range(1000)]
        self.accept(documents[0])
        self.wait_no_jobs()
        host, = self.daemon.host_pids()
        fds = len(os.listdir(f"/proc/{host}/fd"))
        self.accept(*documents[1:])
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs(), documents)
        self.assertLessEqual(len(os.listdir(f"/proc/{host}/fd")), fds)

    def test_a_slow_printer_gets_all(self):
        self.begin(slow_s=0.005)
        data = os.urandom(2 << 20).replace(b"\x1b", b"x")
        self.accept(data)
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs(), [data])

    def test_jobs_that_bring_their_own_pjl(self):
        self.begin()
        uel = pjl_printer.UEL
        data = (uel + b"@PJL JOB NAME = \"mine\"\r\n"
                b"@PJL ENTER LANGUAGE = PCL\r\npage\f" + uel +
                b"@PJL EOJ NAME = \"mine\"\r\n" + uel)
        self.accept(data, b"next")
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs(), [b"page\f", b"next"])


class TestOthers(PjlCase):
    """Printers that do not speak PJL."""

    def test_rule_75_no_pjl_to_one_that_does_not_answer(self):
        self.begin("probe_timeout = 50ms", language=pjl_printer.Plain())
        self.accept(b"one\n", b"two\n")
        self.wait_no_jobs()
        self.assertEqual(self.printer.taken, b"\x1b*s1Mone\ntwo\n")
        self.daemon.wait_log("no PJL is sent until the port is opened again")

    def test_rule_75_no_byte_of_ours_to_one_that_cannot_be_asked(self):
        self.printer = self.new_printer(language=pjl_printer.Plain())
        self.daemon.configure(monitor="mock", port=f"output = "
                              f"{self.printer.in_path}\n"
                              "language_monitor = pjl\n")
        self.start()
        self.accept(b"one\n", b"two\n")
        self.wait_no_jobs()
        self.assertEqual(self.printer.taken, b"one\ntwo\n")

    def test_one_that_answers_only_in_pjl(self):
        self.begin("probe = query",
                   language=pjl_printer.Language(pcl=False))
        self.accept(b"one")
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs(), [b"one"])
        self.assertNotIn(b"\x1b*s1M", self.printer.taken)


class TestTrouble(PjlCase):
    def test_paper_runs_out_for_a_while(self):
        self.begin()
        self.printer.keep_pages()
        self.accept(b"first")
        self.wait_sent(1)
        self.printer.stop_reading()
        data = b"x" * 300000
        self.accept(data)
        self.wait_jobs(lambda jobs: any(
            0 < (job["progress"] or 0) < len(data) for job in jobs
            if job["bytes"] == len(data)))
        self.printer.set(41102, "LOAD PAPER", online=False)
        self.wait_trouble("paper-out: LOAD PAPER")
        self.wait_jobs(lambda jobs: [j["state"] for j in jobs] ==
                       ["processing-stopped"] * 2)
        self.printer.set()
        self.printer.stop_reading(False)
        self.wait_trouble("")
        self.wait_sent(2)
        self.printer.eject()
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs(), [b"first", data])

    def test_rule_71_jobs_go_elsewhere_while_the_cover_is_open(self):
        other = self.new_printer()
        self.begin(more_ports=f"[port p2]\nmonitor = {self.monitor}\n"
                   f"{self.settings(other)}")
        self.daemon.ini.write_text(self.daemon.ini.read_text().replace(
            "ports = p\n", "ports = p p2\n"))
        self.reload()
        self.accept(b"one")
        self.wait_no_jobs()
        self.printer.set(40021, "DOOR OPEN", online=False)
        self.wait_trouble("door-open")
        self.accept(b"two")
        self.wait_no_jobs()
        self.assertEqual(other.jobs(), [b"two"])
        self.printer.set()
        wait_for(lambda: self.port()["healthy"], "a healthy port")
        self.accept(b"three")
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs(), [b"one", b"three"])

    def test_rule_76_a_warning_stops_nothing(self):
        self.begin()
        self.accept(b"one")
        self.wait_no_jobs()
        self.printer.set(11102, "TRAY 1 EMPTY")
        self.daemon.wait_log("port status .*paper-out severity=warning")
        self.accept(b"two")
        self.wait_no_jobs()

    def test_rule_75_a_printer_that_is_switched_off(self):
        """What it had in it is not waited for any more."""
        self.begin("silence_timeout = 1s\neoj_timeout = 1h")
        self.printer.keep_pages()
        self.accept(b"one")
        self.wait_sent(1)
        self.printer.set(40022, "PAPER JAM", online=False)
        self.wait_trouble("paper-jam")
        self.printer.power_cycle()
        self.wait_no_jobs()
        self.wait_trouble("")
        self.printer.keep_pages(False)
        self.accept(b"two")
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs(), [b"two"])

    def test_rule_49_cancel_while_the_printer_takes_nothing(self):
        self.begin("write_timeout = 1h")
        self.printer.stop_reading()
        self.accept(b"x" * 300000)
        job, = self.wait_state("processing")
        self.ask(f"/v1/jobs/{job['id']}/cancel", "POST")
        self.assertEqual(self.ended(job["id"])["state"], "canceled")
        self.printer.stop_reading(False)
        self.accept(b"next")
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs()[-1], b"next")

    def test_cancel_when_all_of_it_is_in_the_printer(self):
        self.begin()
        self.printer.keep_pages()
        self.accept(b"one", b"two")
        one, two = self.wait_sent(2)
        self.ask(f"/v1/jobs/{one}/cancel", "POST")
        self.assertEqual(self.ended(one)["state"], "canceled")
        self.printer.eject()
        self.assertEqual(self.ended(two)["state"], "completed")


class OverAnother(PjlCase):
    """Over a monitor that is there, or not yet."""

    def setUp(self):
        if not (harness.MODULES / f"{self.monitor}.so").exists():
            self.skipTest(f"there is no monitor {self.monitor}")
        super().setUp()


class TestSocket(OverAnother):
    """A network printer."""

    monitor = "socket"
    keep = "yes"

    def new_printer(self, **kwargs):
        self.printers.append(pjl_printer.Tcp(**kwargs))
        return self.printers[-1]

    def settings(self, printer, more=""):
        return (f"host = 127.0.0.1\nport = {printer.port}\n"
                f"keep_connection = {self.keep}\n"
                f"language_monitor = pjl\n{more}\n")

    def test_jobs_and_their_pages(self):
        self.begin()
        self.printer.keep_pages()
        data = bytes(range(256)) * 3000
        self.accept(b"one\ftwo\f", data)
        one, two = self.wait_sent(2)
        self.assertEqual(self.printer.inside(), [b"one\ftwo\f", data])
        self.printer.eject(1)
        self.assertEqual(self.ended(one)["pages"], 2)
        self.printer.eject()
        self.assertEqual(self.ended(two)["state"], "completed")
        self.assertEqual(self.printer.connections, 1)

    def test_a_jam_between_jobs(self):
        self.begin()
        self.accept(b"one")
        self.wait_no_jobs()
        self.printer.set(40022, "PAPER JAM", online=False)
        self.wait_trouble("paper-jam: PAPER JAM")
        self.accept(b"two")
        self.printer.set()
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs(), [b"one", b"two"])

    def test_what_is_graver_is_the_status(self):
        """That nothing goes is all that the monitor below knows; why, is what
        the printer says; and when that is over, still nothing goes."""
        self.begin("write_timeout = 50ms")
        self.accept(b"first")
        self.wait_no_jobs()
        self.printer.stop_reading()
        self.accept(b"x" * 20000000)

        def status(text):
            wait_for(lambda: text in (self.port()["status"] or ""),
                     lambda: f"{text!r}: {self.port()}")
        status("the printer takes no data")
        self.printer.set(41102, "LOAD PAPER", online=False)
        self.wait_trouble("paper-out: LOAD PAPER")
        self.printer.set()
        status("the printer takes no data")
        self.printer.stop_reading(False)
        self.wait_no_jobs()

    def test_power_is_lost_in_the_middle_of_a_job(self):
        self.begin(queue="retry_after = 10ms")
        self.printer.stop_reading()
        data = b"x" * 20000000
        self.accept(data)
        self.wait_jobs(lambda jobs: jobs and (jobs[0]["progress"] or 0) > 0)
        self.printer.power_cycle()
        self.printer.stop_reading(False)
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs()[-1], data)
        job, = self.jobs("all")
        self.assertEqual((job["state"], job["attempts"]), ("completed", 2))


class TestSocketThatIsClosed(TestSocket):
    """With a connection for each job no later word can be heard."""

    keep = "no"

    def test_jobs_and_their_pages(self):
        self.begin()
        self.accept(b"one", b"two")
        self.wait_no_jobs()
        self.assertEqual(self.printer.jobs(), [b"one", b"two"])

    def test_a_jam_between_jobs(self):
        self.begin()
        self.accept(b"one")
        self.wait_no_jobs()
        self.printer.set(40022, "PAPER JAM", online=False)
        self.accept(b"two")
        self.wait_no_jobs()


class TestDevice(OverAnother):
    """A printer on a line."""

    monitor = "device"

    def new_printer(self, **kwargs):
        self.printers.append(pjl_printer.Tty(**kwargs))
        return self.printers[-1]

    def settings(self, printer, more=""):
        return (f"path = {printer.path}\nread = yes\n"
                f"language_monitor = pjl\n{more}\n")

    def test_jobs_and_their_pages(self):
        self.begin()
        self.printer.keep_pages()
        data = bytes(range(256)) * 300
        self.accept(b"one\ftwo\f", data)
        one, two = self.wait_sent(2)
        self.assertEqual(self.printer.inside(), [b"one\ftwo\f", data])
        self.printer.eject(1)
        self.assertEqual(self.ended(one)["pages"], 2)
        self.printer.set(40022, "PAPER JAM", online=False)
        self.wait_trouble("paper-jam: PAPER JAM")
        self.printer.set()
        self.printer.eject()
        self.assertEqual(self.ended(two)["state"], "completed")


class TestClients(PjlCase):
    def test_a_client_that_asks_gets_its_answer_and_no_other(self):
        self.daemon.delivery = "stream"
        self.begin()
        with self.daemon.connect() as client:
            client.sendall(b"\x1b%-12345X@PJL INFO ID\r\n")
            answer = b"@PJL INFO ID\r\n\"SIMULATED LASER\"\r\n\f"
            self.assertEqual(client.recv(len(answer), socket.MSG_WAITALL),
                             answer)
            self.printer.set(10006, "TONER LOW")
            client.sendall(b"@PJL INFO MEMORY\r\n")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(
                harness.read_to_end(client), b"@PJL INFO MEMORY\r\n"
                b"TOTAL=8388608\r\nLARGEST=4194304\r\n\f")
        self.daemon.wait_log("port status .*toner-low")


if __name__ == "__main__":
    harness.main()
