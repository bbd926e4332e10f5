#!/usr/bin/env python3
"""LPD (RFC 1179): sessions with the real daemon.

The numbers are those of docs/lpd-protocol.md.
"""

import re
import socket
import subprocess
import unittest

import harness
import lpd
import spooling
from lpd import ACK
from lpd_case import SLOW, LpdCase, MIB, memory_peak
from printer import Printer

FILL = harness.BUILD / "spool_fill"


class TestOrders(LpdCase):
    def test_point_26_control_first(self):
        self.start()
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.control(lpd.control_file()), ACK)
            self.assertEqual(client.data(b"first"), ACK)
            self.assertEqual(client.end(), b"")
        self.assertEqual(self.printed(1), [b"first"])

    def test_point_26_data_first(self):
        self.start()
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.data(b"first"), ACK)
            self.assertEqual(client.control(lpd.control_file()), ACK)
            self.assertEqual(client.end(), b"")
        self.assertEqual(self.printed(1), [b"first"])

    def test_a_client_that_waits_for_nothing(self):
        self.start()
        control = lpd.control_file()
        with self.client() as client:
            client.send(b"\2q\n\2%d cfA001host\n%s\0\0033 dfA001host\nabc\0"
                        % (len(control), control))
            self.assertEqual(client.end(), 5 * ACK)
        self.assertEqual(self.printed(1), [b"abc"])

    def test_what_is_acknowledged_is_in_the_record(self):
        self.start()
        self.send_job(b"abc", user="alice", title="Minutes",
                      more="QA4\nXsomething\n")
        self.printed(1)
        record = self.daemon.wait_log(r"job accepted job=(\d+).* user=alice")
        self.assertEqual(record.group(1), "1")


class TestCopies(LpdCase):
    """Of several documents, in the order of their first print lines, each
    with all of its copies."""

    def check(self, lines, wanted):
        together = self.daemon.out / "all"
        self.start(port=f"path = {together}\n")
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.data(b"B", "dfB001host"), ACK)
            self.assertEqual(client.data(b"A", "dfA001host"), ACK)
            self.assertEqual(client.control("".join(
                f"ldf{c}001host\n" for c in lines).encode()), ACK)
        self.daemon.wait_jobs(len(wanted))
        self.assertEqual(together.read_text(), wanted)

    def test_point_36_file_by_file(self):
        self.check("AABB", "AABB")

    def test_point_36_in_turns(self):
        self.check("ABAB", "AABB")

    def test_point_36_of_one_of_them(self):
        self.check("BBBA", "BBBA")

    def test_point_27_36_a_document_that_has_no_print_line(self):
        self.check("BB", "BBA")


class TestStatus(LpdCase):
    def test_point_14_15_17_columns(self):
        self.start_jammed()
        for i in range(3):
            self.send_job(b"x" * (i + 1), title=f"Minutes {i}")
        lines = self.ask(b"\3").splitlines()
        self.assertEqual(lines[1].split(),
                         ["Rank", "Owner", "Job", "File(s)", "Total", "Size"])
        self.assertEqual(len(lines), 5)
        for i, line in enumerate(lines[2:]):
            words = line.split()
            self.assertEqual(words[1:], ["alice", str(i + 1), "Minutes",
                                         str(i), str(i + 1), "bytes"])
        long = self.ask(b"\4")
        self.assertRegex(long, r"(?m)^alice: \w+ +\[job 3 host\]$")
        self.assertRegex(long, r"(?m)^ +Minutes 2.ps +3 bytes$")

    def test_point_16_lists(self):
        self.start_jammed()
        self.send_job(b"1", user="alice")
        self.send_job(b"2", user="bob")

        def numbers(rest):
            lines = self.ask(b"\3", rest=rest).splitlines()[2:]
            return [line.split()[2] for line in lines]
        self.assertEqual(numbers(""), ["1", "2"])
        self.assertEqual(numbers(" bob"), ["2"])
        self.assertEqual(numbers(" 1 bob"), ["1", "2"])
        self.assertEqual(numbers(" carol"), [])

    def test_point_17_an_empty_queue(self):
        self.start()
        self.assertEqual(self.ask(b"\3"), "q is ready\nno entries\n")

    def test_point_25_a_client_knows_its_own_number(self):
        """It is told ours by the status, and may say either."""
        self.start_jammed()
        for number in (41, 42):
            name = f"A{number:03}host"
            with self.client() as client:
                client.receive()
                client.control(lpd.control_file(files=("df" + name,)),
                               "cf" + name)
                client.data(b"x", "df" + name)
        self.assertEqual(self.ask(b"\5", rest=" alice 042"), "2 dequeued\n")
        self.assertEqual(self.ask(b"\5", rest=" alice 1"), "1 dequeued\n")

    def test_point_18_what_root_may_remove(self):
        for policy, answer in (("own", "1: permission denied\n"),
                               ("host", "1 dequeued\n"),
                               ("all", "1 dequeued\n")):
            with self.subTest(policy):
                self.tearDown()
                self.setUp()
                self.start_jammed(listener=f"root_removes = {policy}")
                self.send_job(b"x")
                self.assertEqual(self.ask(b"\5", rest=" root 1"), answer)

    def test_point_18_removal_answered_by_an_octet(self):
        self.start_jammed(listener="remove_answer = octet")
        self.send_job(b"x")
        self.assertEqual(self.ask(b"\5", rest=" alice 7"), "\1")
        self.assertEqual(self.ask(b"\5", rest=" alice 1"), "\0")

    def test_point_18_without_a_list_the_job_that_is_printed_goes(self):
        printer = Printer(self.daemon.dir)
        self.addCleanup(printer.close)
        self.start(monitor="mock", port=printer.settings(),
                   daemon="drain_timeout = 100ms")
        self.send_job(bytes(200000))
        self.send_job(b"2", user="alice")
        printer.read(1)
        self.assertEqual(self.ask(b"\5", rest=" bob"), "q: no such job\n")
        self.assertEqual(self.ask(b"\5", rest=" alice"), "1 dequeued\n")
        self.assertNotIn("200000 bytes", self.ask(b"\3"))

    def test_point_18_removal(self):
        self.start_jammed()
        self.send_job(b"1", user="alice")
        self.send_job(b"2", user="bob")
        self.assertEqual(self.ask(b"\5", rest=" alice 2"),
                         "2: permission denied\n")
        self.assertEqual(self.ask(b"\5", rest=" root bob"), "2 dequeued\n")
        self.assertEqual(self.ask(b"\5", rest=" alice 77"),
                         "q: no such job\n")
        self.assertEqual(self.ask(b"\5", rest=" alice 1"), "1 dequeued\n")
        self.assertEqual(self.ask(b"\3").splitlines()[1], "no entries")


@unittest.skipUnless(FILL.exists(), "spool_fill is not built")
class TestLongQueue(LpdCase):
    N = 10000

    def fill(self):
        subprocess.run([FILL, self.daemon.spool, "q", str(self.N)],
                       check=True)
        self.start_jammed()

    def test_point_17_ten_thousand_jobs(self):
        """Each has its line, in its order, and they are told a few at a
        time."""
        self.fill()
        before = memory_peak(self.daemon.pid)
        lines = self.ask(b"\3").splitlines()[2:]
        self.assertEqual([int(line[24:].split()[0]) for line in lines],
                         list(range(1, self.N + 1)))
        self.assertEqual(lines[-1].split()[0],
                         f"{self.N - lines[0].startswith('active')}th")
        if not SLOW:
            self.assertLess(memory_peak(self.daemon.pid) - before, 4 * MIB)
        self.assertEqual(len(re.findall(r"(?m)^\S.*\[job \d+ ",
                                        self.ask(b"\4"))), self.N)
        self.assertEqual(self.ask(b"\5", rest=f" root {self.N}"),
                         f"{self.N} dequeued\n")


class TestProbes(LpdCase):
    """What is no client leaves no trace, or little of one."""

    def quiet(self, data):
        """The answer; log lines above debug that it left."""
        self.start()
        self.send_job(b"a job")
        self.daemon.wait_jobs(1)
        before = self.above_debug()
        with self.client() as client:
            client.send(data)
            answer = client.end()
        self.daemon.wait_log(r"connection without a job|refused ")
        self.wait_empty()
        return answer, self.above_debug()[len(before):]

    def above_debug(self):
        return [line for line in self.daemon.log().splitlines()
                if line.split()[1] != "debug"]

    def test_point_08_a_connection_and_no_more(self):
        answer, lines = self.quiet(b"")
        self.assertEqual((answer, lines), (b"", []))

    def test_point_08_half_a_command(self):
        answer, lines = self.quiet(b"\2lob")
        self.assertEqual((answer, lines), (b"", []))

    def test_point_07_http(self):
        answer, lines = self.quiet(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
        self.assertEqual(answer, b"\3this is not the LPD protocol\n")
        self.assertEqual(len(lines), 1)

    def test_point_07_tls(self):
        answer, lines = self.quiet(b"\x16\3\1\2\0\1\0\1\xfc\3\3")
        self.assertEqual(answer, b"\3this is not the LPD protocol\n")
        self.assertEqual(len(lines), 1)


class TestNames(LpdCase):
    @unittest.skipUnless(spooling.can_trace(), "no strace, or not for us")
    def test_point_10_no_name_is_looked_up(self):
        """From the first client on: whoever it is or says that it is."""
        self.daemon.configure(delivery="spool", more="""
[listener lpd]
protocol = lpd
listen = 127.0.0.1:0
""")
        trace = self.daemon.dir / "trace"
        kwargs = spooling.under_strace(
            self.daemon, "-e", "trace=openat,socket,connect,accept4")
        kwargs["args"][kwargs["args"].index("/dev/null")] = str(trace)
        self.daemon.start(**kwargs)
        self.address = self.daemon.address("lpd")
        self.send_job(b"abc", host="www.example.com",
                      user="alice@example.com")
        self.assertIn("q is ready", self.ask(b"\3", rest=" example.com"))
        self.ask(b"\5", rest=" alice@example.com 7")
        self.assertEqual(self.printed(1), [b"abc"])
        self.assertEqual(self.daemon.stop(), 0)
        calls = trace.read_text().splitlines()
        first = next(i for i, call in enumerate(calls) if "accept4(" in call)
        self.assertGreater(len(calls) - first, 3)
        self.assertEqual([call for call in calls[first:] if re.search(
            r"resolv\.conf|etc/hosts|nscd|AF_INET6?, SOCK_DGRAM|htons\(53\)",
            call)], [])


class TestEnd(LpdCase):
    def test_a_job_that_breaks_off_is_not_kept(self):
        self.start()
        for data in (b"\2q\n\00310 dfA001h\nabc", b"\2q\n\0033 dfA001h\nabc"):
            with self.client() as client:
                client.send(data)
                client.sock.shutdown(socket.SHUT_WR)
                self.assertTrue(harness.ends_with_reset(client.sock))
        self.send_job(b"whole")
        self.assertEqual(self.printed(1), [b"whole"])

    def test_the_daemon_ends_in_the_middle(self):
        self.start()
        with self.client() as client:
            client.receive()
            client.say(b"\003100 dfA001h\n")
            client.send(b"half")
            self.assertEqual(self.daemon.stop(), 0)
            self.assertNotEqual(client.sock.recv(100)[:1], ACK)

    def test_a_reload_changes_the_protocol(self):
        self.start()
        ini = self.daemon.ini.read_text()
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.daemon.ini.write_text(ini.replace(
                "protocol = lpd", "protocol = raw\nqueue = q").replace(
                    "refusal_delay = 0", ""))
            self.daemon.kill(harness.signal.SIGHUP)
            self.daemon.wait_log("configuration reloaded")
        with self.daemon.connect("lpd") as raw:
            harness.print_on(raw, b"now raw")
        self.assertEqual(self.printed(1), [b"now raw"])


class TestAddresses(LpdCase):
    def test_point_01_ipv6(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError as error:
            self.skipTest(f"no IPv6: {error}")
        self.start(listen="listen = [::1]:0")
        self.send_job(b"by six")
        self.assertEqual(self.printed(1), [b"by six"])

    def test_point_02_source_ports(self):
        self.start(listener="require_privileged = 1023")
        with self.client() as client:
            self.assertEqual(client.receive(), b"\1")


if __name__ == "__main__":
    harness.main()
