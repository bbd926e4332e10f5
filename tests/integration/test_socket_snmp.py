#!/usr/bin/env python3
"""What printers tell by SNMP, and what becomes of it: the monitor "socket"."""

import json
import os
import pathlib
import socket
import subprocess
import sys
import unittest

import harness
import spooling
import test_socket
from harness import wait_for

sys.path.insert(0, str(harness.TOP / "tests/sim"))

from snmp_printer import SnmpPrinter    # noqa: E402

SNMPD = harness.PEERS / "snmpd/usr/sbin/snmpd"

NO_PAPER, LOW_TONER, JAMMED, TRAY_EMPTY = 1, 2, 5, 13


class SnmpCase(test_socket.SocketCase):

    def setUp(self):
        if not SNMPD.exists():
            raise unittest.SkipTest(f"no {SNMPD}")
        super().setUp()
        self.daemon.configure(monitor="socket", port="host = a\nsnmp = yes")
        if "without net-snmp" in self.daemon.run("--check-config").stderr:
            self.daemon.stop()
            raise unittest.SkipTest("built without net-snmp")

    def agent(self, **values):
        agent = SnmpPrinter(self.directory, SNMPD, **values)
        self.addCleanup(agent.off)
        return agent

    def begin_snmp(self, printer, agent, more="", **kwargs):
        self.begin(printer, agent.settings(more), **kwargs)

    def warm_up(self, printer):
        """A first job: the port is open then, and the printer is asked."""
        self.accept(b"first")
        printer.wait_documents(1)
        self.wait_all_printed()

    def wait_status(self, status, severity):
        self.daemon.wait_log(f"port status port=p status={status} "
                             f"severity={severity}")

    def ask_status(self, path, method):
        control = spooling.Control(self.daemon.control)
        try:
            control.request(method, path)
            return control.getresponse().status
        finally:
            control.close()

    def record(self, number):
        """The job with this number, when it has finished."""
        def finished(jobs):
            return any(j["id"] == number and j["state"] in
                       ("completed", "canceled") for j in jobs)
        return [j for j in self.wait_jobs(finished, "all")
                if j["id"] == number][0]


class TestStatus(SnmpCase):

    def test_out_of_paper_stops_the_queue(self):
        printer, agent = self.printer(), self.agent()
        self.begin_snmp(printer, agent)
        self.warm_up(printer)
        self.assertTrue(self.port()["healthy"])
        agent.set(faults=[NO_PAPER])
        self.wait_status("paper-out", "error")
        port = self.port()
        self.assertFalse(port["healthy"])
        self.assertEqual(port["trouble"], "paper-out: out of paper")
        self.accept(b"second")
        asked = agent.requests()
        wait_for(lambda: agent.requests() > asked + 50, "more questions")
        job, = self.jobs()
        self.assertEqual(job["attempts"], 0)
        self.assertEqual(len(printer.documents), 1)
        agent.set(faults=[])
        self.wait_status("clear", "none")
        self.assertEqual(printer.wait_documents(2)[1], b"second")

    def test_toner_that_is_low_is_a_warning(self):
        printer, agent = self.printer(), self.agent(faults=[LOW_TONER])
        self.begin_snmp(printer, agent)
        self.warm_up(printer)
        self.wait_status("toner-low", "warning")
        self.assertTrue(self.port()["healthy"])
        self.assertEqual(self.port()["status"],
                         "toner-low: toner or ink is low")
        self.accept(b"second")
        self.assertEqual(printer.wait_documents(2)[1], b"second")

    def test_an_empty_tray_matters_to_a_printer_that_is_down(self):
        printer = self.printer()
        agent = self.agent(faults=[TRAY_EMPTY])
        self.begin_snmp(printer, agent)
        self.warm_up(printer)
        self.wait_status("paper-problem", "warning")
        agent.set(device=5)
        self.wait_status("paper-problem", "error")

    def test_a_printer_that_takes_nothing_is_asked_why(self):
        for size in 100000, test_socket.LARGE:
            with self.subTest(size):
                printer = self.printer(limit=1000, at_limit="wait",
                                       receive_buffer=4096)
                agent = SnmpPrinter(self.directory, SNMPD)
                with agent:
                    self.begin_snmp(printer, agent, "write_timeout = 1h")
                    document = spooling.content(1, size)
                    self.accept(document)
                    printer.wait_waiting()
                    agent.set(faults=[JAMMED])
                    self.wait_status("paper-jam", "error")
                    agent.set(faults=[])
                    self.wait_status("clear", "none")
                    printer.go()
                    self.assertTrue(printer.wait_documents(1) == [document])
                    self.wait_all_printed()
                for path in agent.directory.iterdir():
                    if path.is_file():
                        path.unlink()
                os.rename(agent.directory, agent.directory.with_suffix(
                    f".{size}"))

    def test_rule_73_a_report_outlives_the_job(self):
        """And is a better reason than that the printer takes nothing."""
        printer = self.printer(limit=1000, at_limit="wait",
                               receive_buffer=4096)
        agent = self.agent(faults=[NO_PAPER])
        self.begin_snmp(printer, agent, "write_timeout = 10ms")
        self.accept(spooling.content(1, 100000))
        self.wait_status("paper-out", "error")
        printer.go()
        printer.wait_documents(1)
        self.wait_all_printed()
        self.assertEqual(self.port()["trouble"], "paper-out: out of paper")
        self.assertNotIn("user-intervention", self.daemon.log())

    def test_supplies(self):
        printer, agent = self.printer(), self.agent(supplies=[
            ["Black Toner", 2500, 500], ["Drum", -2, 70], ["Waste", 100, -3],
            ["Staples", 100, -2], ["Fuser", 0, 0], ["Cyan Toner", 7, 9],
            ["", 10, 10], ["Größe " + "x" * 70, 100, 1]])
        self.begin_snmp(printer, agent)
        self.warm_up(printer)
        supplies = wait_for(lambda: self.port()["supplies"], "supplies")
        self.assertEqual([(s["name"], s["percent"]) for s in supplies], [
            ("Black Toner", 20), ("Drum", None), ("Waste", None),
            ("Staples", None), ("Fuser", None), ("Cyan Toner", 100),
            ("supply 7", 100), ("Größe " + "x" * 55, 1)])
        agent.set(supplies=[["Black Toner", 2500, 2500]])
        wait_for(lambda: self.port()["supplies"] ==
                 [{"name": "Black Toner", "percent": 100}], "new supplies")

    def test_other_versions_and_places(self):
        for version in "1", "2c":
            with self.subTest(version):
                printer = self.printer()
                with SnmpPrinter(self.directory, SNMPD, community="geheim",
                                 index=3, faults=[JAMMED]) as agent:
                    self.begin_snmp(printer, agent, f"snmp_version = "
                                    f"{version}\nsnmp_community = geheim\n"
                                    "snmp_device_index = 3")
                    self.warm_up(printer)
                    self.wait_status("paper-jam", "error")
                os.rename(agent.directory, agent.directory.with_suffix(
                    f".{version}"))

    def test_a_printer_without_anything_of_it(self):
        """Another device is no printer of ours: nothing is known."""
        printer, agent = self.printer(), self.agent(
            index=2, faults=[JAMMED], pages=7, supplies=[["Toner", 1, 1]])
        self.begin_snmp(printer, agent)
        self.warm_up(printer)
        asked = agent.requests()
        wait_for(lambda: agent.requests() > asked + 50, "more questions")
        self.assertNotIn("port status", self.daemon.log())
        self.assertEqual(self.port()["supplies"], [])
        self.assertIsNone(self.record(1)["pages"])


class TestPages(SnmpCase):

    def print_pages(self, before, after, settings="", **values):
        """Pages that a job has whose printer counts like that."""
        printer = self.printer(at_end="wait")
        agent = self.agent(pages=before, **values)
        self.begin_snmp(printer, agent, settings)
        self.accept(b"Hello")
        printer.wait_waiting()
        agent.set(pages=after)
        printer.go()
        return self.record(1)["pages"]

    def test_pages_are_counted_from_before_to_behind(self):
        self.assertEqual(self.print_pages(1000, 1005), 5)
        got = subprocess.run([harness.BUILD / "printportctl", "--socket",
                              self.daemon.control, "accounting", "--json"],
                             capture_output=True, check=True)
        entry, = json.loads(got.stdout)
        self.assertEqual(entry["pages"], 5)

    def test_a_counter_wraps_around(self):
        self.assertEqual(self.print_pages(4294967294, 3), 5)

    def test_a_counter_that_was_set_back_tells_nothing(self):
        self.assertIsNone(self.print_pages(1000, 3))

    def test_sheets_are_pages_and_feet_are_not(self):
        self.assertIsNone(self.print_pages(1000, 1005, unit=16))

    def test_a_printer_is_given_time_to_print(self):
        printer = self.printer()
        agent = self.agent(pages=10, printer=4)
        self.begin_snmp(printer, agent, "snmp_page_wait = 1h")
        self.accept(b"Hello")
        printer.wait_documents(1)
        asked = agent.requests()
        wait_for(lambda: agent.requests() > asked + 20, "more questions")
        self.assertEqual(len(self.jobs()), 1)
        agent.set(pages=12, printer=3)
        self.assertEqual(self.record(1)["pages"], 2)

    def test_a_cancel_ends_that_wait(self):
        printer = self.printer()
        agent = self.agent(pages=10, printer=4)
        self.begin_snmp(printer, agent, "snmp_page_wait = 1h")
        self.accept(b"Hello")
        printer.wait_documents(1)
        asked = agent.requests()
        wait_for(lambda: agent.requests() > asked + 20, "more questions")
        # The printer has all of it: it is printed, and no more is waited.
        self.assertEqual(self.ask_status("/v1/jobs/1/cancel", "POST"), 409)
        self.assertEqual(self.record(1)["state"], "completed")
        agent.set(printer=3)
        self.accept(b"next")
        self.assertEqual(printer.wait_documents(2)[1], b"next")


class TestSilence(SnmpCase):

    def test_an_agent_that_never_answers_is_not_waited_for(self):
        """It is asked once, then hardly at all, however many the jobs."""
        printer = self.printer()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", 0))
            silent.setblocking(False)
            self.begin(printer, "snmp = yes\nsnmp_interval = 1h\n"
                       f"snmp_port = {silent.getsockname()[1]}\n")
            documents = [b"%d" % n for n in range(100)]
            self.accept(*documents)
            self.assertEqual(printer.wait_documents(100), documents)
            self.wait_all_printed()
            self.assertTrue(silent.recv(65536))
            self.assertRaises(BlockingIOError, silent.recv, 65536)
        self.assertNotIn("port status", self.daemon.log())
        self.assertEqual(self.port()["supplies"], [])

    def test_what_was_said_last_stays_so(self):
        printer = self.printer()
        agent = self.agent(faults=[NO_PAPER], pages=1,
                           supplies=[["Toner", 100, 50]])
        self.begin(printer, "snmp = yes\nsnmp_interval = 100ms\n"
                   f"snmp_timeout = 200ms\nsnmp_port = {agent.port}\n")
        self.warm_up(printer)
        self.wait_status("paper-out", "error")
        agent.off()
        agent.set(faults=[])
        supplies = wait_for(lambda: self.port()["supplies"], "supplies")
        self.accept(b"second")
        # Nobody is there to take it back, and it is not.
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as silent:
            silent.bind(("127.0.0.1", agent.port))
            silent.settimeout(harness.LIMIT_S)
            for _ in range(3):
                silent.recv(65536)
        self.assertFalse(self.port()["healthy"])
        self.assertEqual(self.port()["supplies"], supplies)
        self.assertEqual(len(printer.documents), 1)
        agent.on()
        self.wait_status("clear", "none")
        self.assertEqual(printer.wait_documents(2)[1], b"second")

    def test_an_agent_with_another_community(self):
        printer, agent = self.printer(), self.agent(community="geheim")
        self.begin(printer, "snmp = yes\nsnmp_timeout = 100ms\n"
                   f"snmp_port = {agent.port}\n")
        self.accept(b"one", b"two")
        self.assertEqual(printer.wait_documents(2), [b"one", b"two"])
        self.wait_all_printed()
        self.assertEqual(agent.requests(), 0)

    def test_no_file_of_the_library_is_read_or_written(self):
        place = pathlib.Path(self.directory) / "library"
        place.mkdir(mode=0o777)
        os.chmod(place, 0o777)
        for name in "snmp.conf", "printport.conf", "snmpapp.conf":
            (place / name).write_text("defVersion 3\nclientaddr 192.0.2.1:1\n"
                                      "defCommunity other\n")
        before = sorted(place.iterdir())
        printer, agent = self.printer(), self.agent(faults=[JAMMED])
        self.daemon.configure(monitor="socket",
                              port=printer.settings(agent.settings()))
        self.start(env={**os.environ, "HOME": str(place),
                        "SNMPCONFPATH": str(place),
                        "SNMP_PERSISTENT_DIR": str(place / "state"),
                        "MIBDIRS": str(place)})
        self.warm_up(printer)
        self.wait_status("paper-jam", "error")
        self.kill()
        self.assertEqual(sorted(place.iterdir()), before)


class TestSettings(SnmpCase):

    def check(self, what, settings):
        self.daemon.configure(monitor="socket", port="host = a\n" + settings)
        got = self.daemon.run("--check-config")
        self.assertIn(what, got.stderr)
        self.assertEqual(got.returncode == 0, what == "")

    def test_settings(self):
        self.check("", "snmp = yes\nsnmp_version = 2c\nsnmp_port = 1161")
        self.check("one of 1|2c", "snmp_version = 3")
        self.check("from 1 to", "snmp_device_index = 0")

    def test_the_community_is_shown_to_nobody(self):
        self.daemon.configure(monitor="socket", port="host = a\nsnmp = yes\n"
                              "snmp_community = geheim")
        got = self.daemon.run("--xcv", "XcvPort p", "SNMPCommunity")
        self.assertEqual(got.stdout, "geheim\n")
        got = self.daemon.run("--xcv", "XcvPort p", "SNMPEnabled")
        self.assertEqual(got.returncode, 0, got.stderr)


if __name__ == "__main__":
    harness.main()
