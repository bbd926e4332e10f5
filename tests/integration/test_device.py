#!/usr/bin/env python3
"""Printers at a device node: a pty stands in for a serial line, and a sysfs
made of files tells of USB printers that are really ptys."""

import os
import re
import socket
import stat
import sys
import unittest

import harness
import spooling
from harness import wait_for

sys.path.insert(0, str(harness.TOP / "tests/sim"))
# pylint: disable=wrong-import-position
from pty_printer import PtyPrinter      # noqa: E402
from usb_tree import UsbTree            # noqa: E402

ALL_BYTES = bytes(range(256))
LARGE = ALL_BYTES * 2000                # more than any pty holds


class DeviceCase(spooling.SpoolCase):
    def setUp(self):
        super().setUp()
        self.printers = []

    def tearDown(self):
        try:
            super().tearDown()
        finally:
            for printer in self.printers:
                if printer.thread.is_alive():
                    printer.close()

    def printer(self):
        printer = PtyPrinter()
        self.printers.append(printer)
        return printer

    def begin(self, port, queue="retries = 0", **kwargs):
        self.daemon.configure(monitor="device", port=port, queue=queue,
                              **kwargs)
        self.start()

    def port(self):
        return [p for p in self.ask("/v1/ports")["ports"]
                if p["name"] == "p"][0]

    def cancel(self, job):
        self.ask(f"/v1/jobs/{job}/cancel", "POST")

    def wait_none(self):
        """Wait until no job is left."""
        self.wait_jobs(lambda jobs: not jobs)

    def wait_untouched(self):
        """Wait until the job waits, as if it had not been tried."""
        self.wait_jobs(lambda jobs: [(j["state"], j["attempts"])
                                     for j in jobs] == [("pending", 0)])

    def finished(self, job=1):
        """How a job ended."""
        return [j for j in self.jobs("all") if j["id"] == job][0]["state"]


class TestLine(DeviceCase):
    """A printer at a path."""

    def setUp(self):
        super().setUp()
        self.lobby = self.printer()

    def begin_line(self, port="", **kwargs):
        self.begin(f"path = {self.lobby.path}\n{port}", **kwargs)

    def test_every_byte_arrives_as_it_is(self):
        self.begin_line()
        self.accept(LARGE)
        self.assertEqual(self.lobby.wait(len(LARGE)), LARGE)
        self.wait_none()
        self.assertEqual(self.lobby.received, LARGE)

    def test_every_byte_of_a_stream(self):
        self.daemon.delivery = "stream"
        self.begin_line(queue="")
        self.assertEqual(self.daemon.print(LARGE), b"")
        self.assertEqual(self.lobby.wait(len(LARGE)), LARGE)

    def test_a_slow_printer(self):
        self.begin_line()
        self.lobby.slow(100)
        self.accept(ALL_BYTES * 100, b"next")
        self.assertEqual(self.lobby.wait(25604), ALL_BYTES * 100 + b"next")
        self.wait_none()

    def test_a_printer_that_stops_and_goes_on(self):
        self.begin_line("write_timeout = 50ms")
        self.lobby.stop_after(1000)
        self.accept(LARGE)
        self.lobby.wait(1000)
        # It is not lost for it, and says so.
        wait_for(lambda: "takes no data" in self.daemon.log(),
                 "word of a printer that takes nothing")
        self.daemon.wait_log(r"port status .*severity=warning")
        self.lobby.go_on()
        self.assertEqual(self.lobby.wait(len(LARGE)), LARGE)
        self.daemon.wait_log(r"port status .*status=clear")
        self.wait_none()
        self.assertEqual(self.lobby.received, LARGE)

    def test_rule_49_a_stuck_job_is_canceled_and_the_next_printed(self):
        self.begin_line()
        self.lobby.stop_after(1000)
        self.accept(LARGE)
        self.lobby.wait(1000)
        self.cancel(1)
        # The printer has not taken one byte more.
        self.wait_none()
        self.assertEqual(self.finished(), "canceled")
        self.assertEqual(len(self.lobby.received), 1000)
        self.lobby.go_on()
        self.accept(b"the next one")
        wait_for(lambda: self.lobby.received.endswith(b"the next one"),
                 "the next job")
        self.assertLess(len(self.lobby.received), len(LARGE))
        self.wait_none()

    def test_rule_49_a_client_that_gives_up_a_stream(self):
        self.daemon.delivery = "stream"
        self.begin_line("write_timeout = 50ms", queue="")
        self.lobby.stop_after(1000)
        client = self.daemon.connect()
        client.sendall(LARGE[:100000])
        self.lobby.wait(1000)
        harness.reset(client)
        self.daemon.wait_log("job not printed|job incomplete")
        self.lobby.go_on()
        self.assertEqual(self.daemon.print(b"the next one"), b"")
        wait_for(lambda: self.lobby.received.endswith(b"the next one"),
                 "the next job")

    def test_rule_25_a_thousand_jobs_leak_nothing(self):
        self.begin_line()
        self.accept(b"job 0\n")
        self.lobby.wait(6)
        self.wait_none()
        pid, = self.daemon.host_pids()
        before = len(os.listdir(f"/proc/{pid}/fd"))
        jobs = [b"job %d\n" % n for n in range(1, 1001)]
        self.accept(*jobs)
        want = b"".join([b"job 0\n"] + jobs)
        self.assertEqual(self.lobby.wait(len(want)), want)
        self.wait_none()
        self.assertEqual(self.daemon.host_pids(), [pid])
        self.assertEqual(len(os.listdir(f"/proc/{pid}/fd")), before)
        self.assertEqual(self.lobby.received, want)

    def test_answers_reach_the_client(self):
        self.daemon.delivery = "stream"
        self.begin_line("read = yes", queue="")
        with self.daemon.connect() as client:
            client.sendall(b"status?")
            self.lobby.wait(7)
            self.lobby.answer(b"ready\r\n" + ALL_BYTES)
            got = b""
            while len(got) < 263:
                part = client.recv(1000)
                self.assertNotEqual(part, b"", self.daemon.log())
                got += part
        self.assertEqual(got, b"ready\r\n" + ALL_BYTES)

    def test_answers_stay_unread_by_default(self):
        self.daemon.delivery = "stream"
        self.begin_line(queue="")
        with self.daemon.connect() as client:
            client.sendall(b"status?")
            self.lobby.wait(7)
            self.lobby.answer(b"ready")
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.read_to_end(client), b"")

    def test_a_device_in_two_ports(self):
        """One that the configuration cannot tell, being a link."""
        link = self.daemon.dir / "link"
        link.symlink_to(self.lobby.path)
        self.begin_line(more=f"[port p2]\nmonitor = device\npath = {link}\n"
                        "[queue q2]\nports = p2\n[listener raw2]\n"
                        "listen = 127.0.0.1:0\nqueue = q2\n")
        self.accept(b"one")
        self.lobby.wait(3)
        self.wait_none()
        pid, = self.daemon.host_pids()
        self.accept(b"two", listener="raw2")
        self.daemon.wait_log("port cannot be opened port=p2 .*in use by "
                             rf"(another port \(process {pid}\)|another "
                             "program)")
        self.wait_untouched()
        self.assertEqual(self.lobby.received, b"one")


class TestFull(DeviceCase):
    """A device that is always out of paper, and says ready to poll()."""

    def setUp(self):
        super().setUp()
        self.node = self.daemon.dir / "lp0"
        try:
            os.mknod(self.node, stat.S_IFCHR | 0o666, os.makedev(1, 7))
            os.close(os.open(self.node, os.O_WRONLY))
        except PermissionError as error:
            raise unittest.SkipTest("device nodes cannot be made") from error

    def test_paper_out_stops_the_job_and_nothing_else(self):
        self.begin(f"path = {self.node}")
        self.accept(b"x")
        self.daemon.wait_log("port status port=p status=paper-out "
                             "severity=error .*put some in")
        job, = self.wait_state("processing-stopped")
        self.assertIn("paper", self.port()["trouble"])
        self.cancel(job["id"])
        self.wait_none()
        self.assertEqual(self.finished(), "canceled")


class TestUsb(DeviceCase):
    """Printers that are known by what they are."""

    def setUp(self):
        super().setUp()
        self.tree = UsbTree(self.daemon.dir)

    def plug(self, name, **kwargs):
        printer = self.printer()
        self.tree.plug(name, printer.path, **kwargs)
        return printer

    def begin_usb(self, port="", **kwargs):
        self.begin(self.tree.settings(f"usb = 03f0:2b17:A1\n{port}"),
                   **kwargs)

    def test_unplugged_in_the_middle_and_plugged_in_elsewhere(self):
        first = self.plug("lp0")
        self.begin_usb()
        first.hang_up_after(30000)
        self.accept(LARGE)
        first.wait_hung_up()
        self.tree.unplug("lp0")
        self.daemon.wait_log("port status port=p status=offline "
                             "severity=error .*unplugged")
        self.daemon.wait_log("job not printed .*unplugged")
        # Its number is another printer's now.
        other = self.plug("lp0", serial="B2")
        self.daemon.wait_log("port cannot be opened .*unplugged")
        self.assertIn("unplugged", self.port()["trouble"])
        second = self.plug("lp3")
        self.assertEqual(second.wait(len(LARGE)), LARGE)
        self.wait_none()
        job, = self.jobs("all")
        self.assertEqual(job["state"], "completed")
        self.assertEqual(second.received, LARGE)
        self.assertEqual(first.received, LARGE[:30000])
        self.assertEqual(other.received, b"")

    def test_not_there_at_the_start(self):
        """That is no attempt: the job waits for the printer."""
        self.begin_usb(queue="retries = 1")
        self.accept(b"a job")
        self.daemon.wait_log("port cannot be opened .*unplugged or switched "
                             "off: plug it in", 2)
        self.wait_untouched()
        printer = self.plug("lp7")
        self.assertEqual(printer.wait(5), b"a job")
        self.wait_none()

    def test_unplugged_between_two_jobs(self):
        first = self.plug("lp0")
        self.begin_usb()
        self.accept(b"one")
        first.wait(3)
        self.wait_none()
        first.close()
        self.tree.unplug("lp0")
        second = self.plug("lp1")
        self.accept(b"two")
        self.assertEqual(second.wait(3), b"two")
        self.wait_none()
        self.assertEqual(first.received, b"one")

    def firmware(self, data):
        path = self.daemon.dir / "firmware"
        path.write_bytes(data)
        return f"on_attach = {path}\nidle_close = 0\n"

    def test_firmware_once_after_each_plug_in(self):
        """Though with idle_close = 0 each job has a process of its own."""
        code = ALL_BYTES * 1000
        first = self.plug("lp0")
        self.begin_usb(self.firmware(code))
        for n in range(3):
            self.accept(b"job %d\n" % n)
            self.wait_none()
        want = code + b"job 0\njob 1\njob 2\n"
        self.assertEqual(first.wait(len(want)), want)
        first.close()
        self.tree.unplug("lp0")
        second = self.plug("lp0")
        self.accept(b"job 3\n")
        self.wait_none()
        self.assertEqual(second.wait(len(code) + 6), code + b"job 3\n")
        self.assertEqual(first.received, want)

    def test_unplugged_while_firmware_is_sent(self):
        code = ALL_BYTES * 1000
        first = self.plug("lp0")
        self.begin_usb(self.firmware(code))
        first.hang_up_after(20000)
        self.accept(b"job 0\n")
        first.wait_hung_up()
        self.tree.unplug("lp0")
        self.daemon.wait_log("job not printed .*unplugged")
        second = self.plug("lp1")
        self.assertEqual(second.wait(len(code) + 6), code + b"job 0\n")
        self.wait_none()

    def test_rule_49_a_job_is_canceled_while_firmware_is_sent(self):
        code = ALL_BYTES * 1000
        first = self.plug("lp0")
        self.begin_usb(self.firmware(code))
        first.stop_after(20000)
        self.accept(b"job 1\n")
        first.wait(20000)
        self.cancel(1)
        self.wait_none()
        self.assertEqual(self.finished(), "canceled")
        self.assertEqual(len(first.received), 20000)

    def test_enumeration_shows_what_is_plugged_in(self):
        self.plug("lp0")
        self.plug("lp1", product="aaaa", serial="", model="OfficeJet")
        self.daemon.configure(monitor="device", port=self.tree.settings(
            "usb = 03f0:2b17:A1"))
        got = self.daemon.run("--enum-ports")
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertEqual(got.stdout.splitlines(), [
            "p\tdevice\tUSB, parallel and serial printers",
            "usb-HP_OfficeJet-1-2\tdevice\tHP OfficeJet (usb = 03f0:aaaa)"])


    def test_enumeration_knows_ports_with_and_without_language_monitor(self):
        """No printer is new that either of them has."""
        self.plug("lp0")
        self.plug("lp1", product="aaaa", serial="B2")
        self.daemon.configure(
            monitor="device", port=self.tree.settings("usb = 03f0:2b17:A1"),
            more="[port p2]\nmonitor = device\nlanguage_monitor = mock\n" +
            self.tree.settings("usb = 03f0:aaaa"))
        got = self.daemon.run("--enum-ports")
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertEqual([line.split("\t")[0]
                          for line in got.stdout.splitlines()], ["p", "p2"])

    def test_devices_can_be_listed_alone(self):
        self.plug("lp0")
        self.plug("lp1", product="aaaa", serial="B2", model="OfficeJet")
        self.daemon.configure(
            monitor="device", port=self.tree.settings("usb = 03f0:2b17:A1"))
        got = self.daemon.run("--xcv", "XcvMonitor device", "ListDevices")
        self.assertEqual((got.returncode, got.stdout), (
            0, "usb-HP_OfficeJet-B2  HP OfficeJet (usb = 03f0:aaaa:B2)\n\n"))

    def test_devices_can_be_listed_without_a_port(self):
        """What this machine has, no test can say; but it is no error."""
        self.daemon.configure()
        got = self.daemon.run("--xcv", "XcvMonitor device", "ListDevices")
        self.assertEqual((got.returncode, got.stderr), (0, ""))


class TestConfiguration(DeviceCase):
    def check(self, port, *words, more=""):
        self.daemon.configure(monitor="device", port=port, more=more)
        got = self.daemon.run("--check-config")
        if not words:
            self.assertEqual((got.returncode, got.stderr), (0, ""))
            return
        self.assertNotEqual(got.returncode, 0)
        for word in words:
            self.assertIn(word, got.stderr)

    def test_good_ones(self):
        self.check("path = /dev/usb/lp0")
        self.check("usb_id = MFG:HP;MDL:LaserJet 1020")
        self.check("path = /dev/ttyS0\nspeed = 115200\nparity = even\n"
                   "data_bits = 7\nstop_bits = 2\nflow = rtscts")

    def test_bad_ones_are_named(self):
        self.check("path = /dev/ttyS0\nspeed = 9601", "[port p]",
                   "speed = 9601: there is no such baud rate; the nearest is "
                   "9600")
        self.check("path = /dev/ttyS0\nflow = dtrdsr", "none|rtscts|xonxoff")
        self.check("path = /dev/lp0\non_attach = /no/such.fw", "[port p]",
                   "on_attach = /no/such.fw: No such file")
        self.check("usb = 03f0-2b17", "VENDOR:PRODUCT")
        self.check("read = yes", "set one of path, usb, usb_id")

    def test_one_device_in_two_ports(self):
        self.check("path = /dev/lp0", "[port p2]",
                   "port p has the same device",
                   more="[port p2]\nmonitor = device\npath = /dev/lp0\n")

    def test_a_file_is_no_device(self):
        path = self.daemon.dir / "file"
        path.write_bytes(b"")
        self.begin(f"path = {path}")
        self.accept(b"x")
        self.daemon.wait_log(re.escape(f"{path} is a regular file, for which "
                                       "there is the monitor"))
        self.assertEqual(path.read_bytes(), b"")


if __name__ == "__main__":
    harness.main()
