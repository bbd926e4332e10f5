#!/usr/bin/env python3
"""RAW: from a client's bytes to a document, and the printer's answers back.

The numbers are those of docs/raw-protocol.md.
"""

import os
import select
import socket
import ssl
import subprocess

import client
import harness
import samples
from printer import Printer

BIG = bytes(range(256)) * 1200          # more than a FIFO holds


class TestDocument(harness.TestCase):
    """What becomes a document, and when it is one."""

    def test_behaviour_01_the_end_of_stream_follows_the_document(self):
        self.daemon.configure().start()
        for i in range(20):
            data = b"document %d" % i
            self.assertEqual(self.daemon.print(data), b"")
            # No waiting here: the client was told only when it was there.
            self.assertIn(data, self.daemon.documents().values())

    def test_behaviour_20_prefixes_are_kept(self):
        self.daemon.configure().start()
        documents = [samples.UEL + b"@PJL\r\n", b"%!PS\n", b"^XA^XZ",
                     b"\x1b@text", b"\0" * 512 + b"%!PS\n", b"\0",
                     bytes(range(256)), b"\r\n", b"\xff\xfe\x16\x02"]
        for data in documents:
            self.daemon.print(data)
        self.assertEqual(samples.in_job_order(self.daemon.documents()),
                         documents)

    def test_behaviour_21_trailers_are_kept(self):
        self.daemon.configure().start()
        documents = [samples.POSTSCRIPT + b"\x04",
                     samples.PCL + samples.UEL, b"text\x0c", b"text\x1a",
                     b"text\n\n\n", b"text" + b"\0" * 512]
        for data in documents:
            self.daemon.print(data)
        self.assertEqual(samples.in_job_order(self.daemon.documents()),
                         documents)

    def test_behaviour_24_success_ends_with_fin(self):
        self.daemon.configure().start()
        for size in (1, 1000, 65536, 1000000):
            with self.daemon.connect() as s:
                s.sendall(b"x" * size)
                s.shutdown(socket.SHUT_WR)
                self.assertFalse(harness.ends_with_reset(s))
        self.daemon.wait_jobs(4)

    def test_behaviour_24_a_client_that_only_closes_has_printed(self):
        self.daemon.configure().start()
        with self.daemon.connect() as s:
            s.sendall(BIG)
        self.assertEqual(list(self.daemon.wait_documents(1).values()), [BIG])


class TestSilence(harness.TestCase):
    """Clients that stop, for a while or for good."""

    def test_behaviour_09_a_pause_is_part_of_the_job(self):
        printer = Printer(self.daemon.dir)
        self.addCleanup(printer.close)
        self.daemon.configure(monitor="mock", port=printer.settings(),
                              queue="idle_timeout = 5m").start()
        with self.daemon.connect() as s:
            for part in (b"one ", b"two ", b"three"):
                s.sendall(part)
                self.assertEqual(printer.read(len(part)), part)
            s.shutdown(socket.SHUT_WR)
            harness.read_to_end(s)
        self.daemon.wait_log(r"bytes=13 verdict=done")
        starts = [c for c in printer.calls() if c.startswith("start")]
        self.assertEqual(len(starts), 1)

    def test_behaviour_09_silence_is_no_end_of_job(self):
        self.daemon.configure(queue="idle_timeout = 300ms").start()
        with self.daemon.connect() as s:
            s.sendall(b"half a docu")
            self.assertTrue(harness.ends_with_reset(s))
        line = self.daemon.wait_log(r"warning job not printed .*").group()
        self.assertIn("verdict=incomplete", line)
        self.assertIn("idle_timeout", line)
        self.assertEqual(os.listdir(self.daemon.out), [])

    def test_behaviour_09_the_port_goes_on_after_silence(self):
        self.daemon.configure(queue="idle_timeout = 300ms").start()
        with self.daemon.connect() as silent:
            silent.sendall(b"half a docu")
            self.daemon.wait_log("port opened")
            self.daemon.print(b"whole")
            self.assertTrue(harness.ends_with_reset(silent))
        self.assertEqual(list(self.daemon.documents().values()), [b"whole"])

    def test_behaviour_09_no_limit_if_there_is_none(self):
        self.daemon.configure(queue="idle_timeout = 0", more=f"""\
[listener limited]
listen = 127.0.0.1:0
queue = limited
[queue limited]
ports = limited
delivery = stream
idle_timeout = 300ms
[port limited]
monitor = null
""").start()
        with self.daemon.connect() as patient:
            patient.sendall(b"first ")
            self.daemon.wait_log("port opened port=p ")
            # Another's silence is over, and this one's lasts longer.
            with self.daemon.connect("limited") as s:
                s.sendall(b"x")
                self.assertTrue(harness.ends_with_reset(s))
            patient.sendall(b"second")
            patient.shutdown(socket.SHUT_WR)
            harness.read_to_end(patient)
        self.assertEqual(list(self.daemon.documents().values()),
                         [b"first second"])

    def test_behaviour_10_netcat_that_never_closes(self):
        self.daemon.configure(queue="idle_timeout = 300ms\n"
                              "idle_ends_job = yes").start()
        host, port = self.daemon.address()
        try:
            nc = subprocess.Popen(["nc", host, str(port)],
                                  stdin=subprocess.PIPE)
        except FileNotFoundError:
            self.skipTest("there is no nc")
        with nc:
            nc.stdin.write(samples.ESCPOS)
            nc.stdin.close()
            documents = self.daemon.wait_documents(1)
            self.daemon.wait_jobs(1)
            still_there = nc.poll() is None
            nc.terminate()
        self.assertEqual(list(documents.values()), [samples.ESCPOS])
        self.assertTrue(still_there)

    def test_behaviour_15_receipts_over_one_connection(self):
        self.daemon.configure(queue="idle_timeout = 300ms\n"
                              "idle_ends_job = yes").start()
        receipts = [b"receipt %d\n" % i for i in range(4)]
        with self.daemon.connect() as s:
            for n, receipt in enumerate(receipts, 1):
                s.sendall(receipt)
                self.daemon.wait_jobs(n)
            s.shutdown(socket.SHUT_WR)
            self.assertFalse(harness.ends_with_reset(s))
        self.assertEqual(samples.in_job_order(self.daemon.documents()),
                         receipts)

    def test_behaviour_15_a_connection_in_rest_does_not_hold_the_port(self):
        self.daemon.configure(queue="idle_timeout = 300ms\n"
                              "idle_ends_job = yes").start()
        with self.daemon.connect() as a, self.daemon.connect() as b:
            for n in (1, 3):
                a.sendall(b"a")
                self.daemon.wait_jobs(n)
                b.sendall(b"b")
                self.daemon.wait_jobs(n + 1)
        self.assertEqual(samples.in_job_order(self.daemon.documents()),
                         [b"a", b"b", b"a", b"b"])


class TestReset(harness.TestCase):
    """Clients that break off."""

    def test_behaviour_06_reset_after_the_end_with_unread_answers(self):
        output = self.daemon.dir / "output"
        self.daemon.configure(monitor="mock",
                              port=f"echo = yes\noutput = {output}").start()
        s = self.daemon.connect()
        s.sendall(b"document")
        s.recv(1, socket.MSG_PEEK)              # it has come
        s.shutdown(socket.SHUT_WR)
        s.close()                               # unread, so with RST
        self.daemon.wait_log(r"bytes=8 verdict=done")
        self.assertEqual(output.read_bytes(), b"document")

    def test_behaviour_06_reset_after_the_end_while_the_printer_waits(self):
        printer = Printer(self.daemon.dir)
        self.addCleanup(printer.close)
        self.daemon.configure(monitor="mock",
                              port=printer.settings()).start()
        s = self.daemon.connect()
        s.sendall(BIG)
        s.shutdown(socket.SHUT_WR)
        printer.wait_call("write 0")
        harness.reset(s)
        stalls = printer.calls().count("write 0")
        printer.wait_call("write 0", stalls + 2)
        self.assertEqual(printer.read(len(BIG)), BIG)
        self.daemon.wait_log(rf"bytes={len(BIG)} verdict=done")

    def break_off(self, **kwargs):
        self.daemon.configure(**kwargs).start()
        s = self.daemon.connect()
        s.sendall(b"half a docu")
        self.daemon.wait_log("port opened")
        harness.reset(s)

    def test_behaviour_06_reset_before_the_end_aborts(self):
        self.break_off()
        self.daemon.wait_log(r"job not printed .*verdict=incomplete")
        self.assertEqual(os.listdir(self.daemon.out), [])

    def test_behaviour_06_reset_ends_the_job_if_it_is_told_to(self):
        self.break_off(queue="on_reset = finish")
        documents = self.daemon.wait_documents(1)
        self.assertEqual(list(documents.values()), [b"half a docu"])
        self.daemon.wait_log(r"job printed .*verdict=done")

    def break_off_at_a_full_printer(self, queue=""):
        printer = Printer(self.daemon.dir)
        self.addCleanup(printer.close)
        self.daemon.configure(monitor="mock", port=printer.settings(),
                              queue=queue).start()
        s = self.daemon.connect()
        s.sendall(BIG)
        printer.wait_call("write 0")
        harness.reset(s)
        return printer

    def test_behaviour_06_reset_before_the_end_at_a_full_printer(self):
        self.break_off_at_a_full_printer()
        self.daemon.wait_log(r"job not printed .*verdict=incomplete")

    def test_behaviour_06_reset_ends_the_job_at_a_full_printer(self):
        printer = self.break_off_at_a_full_printer("on_reset = finish")
        stalls = printer.calls().count("write 0")
        printer.wait_call("write 0", stalls + 2)
        self.assertEqual(printer.read(len(BIG)), BIG)
        self.daemon.wait_log(rf"bytes={len(BIG)} verdict=done")

    def test_behaviour_06_a_reset_that_an_answer_meets_is_no_end(self):
        # Unread answers fill the way back, so that the next attempt to send
        # them is what finds the connection broken.
        output = self.daemon.dir / "output"
        self.daemon.configure(monitor="mock", port="echo = yes\n"
                              f"output = {output}").start()
        s = client.deaf(self.daemon)
        for n in range(1, 101):
            s.sendall(b"x" * 60000)
            harness.wait_for(lambda: output.exists() and
                             output.stat().st_size == n * 60000, "a part")
        harness.reset(s)
        self.daemon.wait_log(r"job not printed .*verdict=incomplete")


class TestAnswers(harness.TestCase):
    """What the printer says goes back to the client."""

    def configure(self, queue=""):
        return self.daemon.configure(monitor="mock", port="echo = yes",
                                     queue=queue)

    def test_behaviour_01_answers_after_the_half_close(self):
        self.configure().start()
        data = b"status, please\r\n" * 500
        self.assertEqual(self.daemon.print(data), data)

    def test_behaviour_02_answers_while_the_job_runs(self):
        self.configure().start()
        with self.daemon.connect() as s:
            for question in (b"@PJL INFO STATUS\r\n", b"\x10\x04\x01", b"?"):
                s.sendall(question)
                answer = s.recv(len(question), socket.MSG_WAITALL)
                self.assertEqual(answer, question)
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.read_to_end(s), b"")

    def test_behaviour_06_no_answers_for_clients_that_never_read(self):
        self.configure(queue="answers = no").start()
        self.assertEqual(self.daemon.print(b"status, please"), b"")

    def test_behaviour_16_receipt_then_status_on_one_connection(self):
        self.configure(queue="idle_timeout = 300ms\n"
                       "idle_ends_job = yes").start()
        with self.daemon.connect() as s:
            for n in range(1, 4):
                for part in (b"receipt", b"\x10\x04\x01"):
                    s.sendall(part)
                    self.assertEqual(
                        s.recv(len(part), socket.MSG_WAITALL), part)
                self.daemon.wait_jobs(n)

    def test_behaviour_25_the_last_answer_is_not_lost(self):
        self.configure().start()
        data = os.urandom(60000)
        with self.daemon.connect() as s:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            self.daemon.wait_jobs(1)
            # The daemon is done with it; what it sent still arrives.
            self.assertEqual(harness.read_to_end(s), data)

    def test_behaviour_32_a_deaf_client_stops_no_talkative_printer(self):
        output = self.daemon.dir / "output"
        self.daemon.configure(monitor="mock", port="echo = yes\n"
                              f"output = {output}").start()
        with client.deaf(self.daemon) as s:
            s.sendall(b"x" * (16 << 20))
            s.shutdown(socket.SHUT_WR)
            self.daemon.wait_log(rf"bytes={16 << 20} verdict=done")
        self.assertEqual(output.stat().st_size, 16 << 20)


class TestFullPrinter(harness.TestCase):
    """A printer that takes nothing makes everyone wait, and no more."""

    def setUp(self):
        super().setUp()
        self.printer = Printer(self.daemon.dir)
        self.addCleanup(self.printer.close)

    def test_behaviour_08_a_full_printer_is_no_silent_client(self):
        self.daemon.configure(monitor="mock",
                              port=self.printer.settings(),
                              queue="idle_timeout = 100ms").start()
        with self.daemon.connect() as s:
            s.sendall(BIG)
            s.shutdown(socket.SHUT_WR)
            self.printer.wait_call("write 0", 6)
            self.assertEqual(self.printer.read(len(BIG)), BIG)
            self.assertFalse(harness.ends_with_reset(s))
        self.daemon.wait_jobs(1)

    def test_behaviour_08_a_monitor_that_takes_nothing_now_and_then(self):
        output = self.daemon.dir / "output"
        self.daemon.configure(monitor="mock", port="zero = 2\n"
                              f"short = 7000\noutput = {output}").start()
        self.daemon.print(BIG)
        self.assertEqual(output.read_bytes(), BIG)

    def test_behaviour_08_the_sender_is_held_back(self):
        self.daemon.configure(monitor="mock",
                              port=self.printer.settings()).start()
        with self.daemon.connect() as s:
            s.setblocking(False)
            sent = self.send_until_full(s)
            self.printer.wait_call("write 0", 3)
            sent += self.send_until_full(s)
            # Buffers of the kernel, and no more.
            self.assertLess(sent, 64 << 20)
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(self.printer.read(sent), b"x" * sent)
        self.daemon.wait_log(rf"bytes={sent} verdict=done")

    @staticmethod
    def send_until_full(s):
        """Send until a while passes in which nothing more goes."""
        sent = 0
        while select.select([], [s], [], 0.3)[1]:
            sent += s.send(b"x" * 65536)
        return sent


class TestGuard(harness.TestCase):
    """Programs that do not print, on a port that prints what it gets."""

    REQUESTS = (b"GET / HTTP/1.1\r\nHost: printer:9100\r\n\r\n",
                b"GET /metrics HTTP/1.0\r\n\r\n",
                b"HEAD / HTTP/1.1\r\n\r\n",
                b"POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n%!PS\n",
                b"OPTIONS * HTTP/1.1\r\n\r\n",
                b"CONNECT mail:25 HTTP/1.1\r\n\r\n",
                b"GET http://printer/ HTTP/1.1\r\n\r\n")

    def refused(self, data):
        with self.daemon.connect() as s:
            s.sendall(data)
            client.end_sending(s)
            self.assertTrue(harness.ends_with_reset(s), data)

    def test_behaviour_13_http_is_refused(self):
        self.daemon.configure().start()
        for request in self.REQUESTS:
            self.refused(request)
        self.daemon.wait_log("is no print job .*protocol=HTTP",
                             len(self.REQUESTS))
        self.assertEqual(self.daemon.host_pids(), [])
        self.assertEqual(os.listdir(self.daemon.out), [])

    def test_behaviour_13_a_request_in_small_pieces(self):
        self.daemon.configure().start()
        with self.daemon.connect() as s:
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for byte in b"GET /":
                s.sendall(bytes([byte]))
            self.assertTrue(harness.ends_with_reset(s))
        self.assertNotIn("port opened", self.daemon.log())

    def test_behaviour_13_what_only_looks_like_http_is_printed(self):
        self.daemon.configure().start()
        documents = [b"GET", b"GET READY", b"POST", b"POSTER", b"HEADLINE",
                     b"GET htt", b"PUT it here"]
        for data in documents:
            self.daemon.print(data)
        self.assertEqual(samples.in_job_order(self.daemon.documents()),
                         documents)

    def test_behaviour_14_tls_is_refused(self):
        self.daemon.configure().start()
        context = ssl.create_default_context()
        with self.daemon.connect() as s:
            with self.assertRaises(OSError):
                context.wrap_socket(s, server_hostname="printer")
        self.daemon.wait_log("is no print job .*protocol=TLS")
        self.assertEqual(self.daemon.host_pids(), [])
        self.assertEqual(os.listdir(self.daemon.out), [])

    def test_behaviour_13_without_the_guard_all_is_printed(self):
        self.daemon.configure(listener="guard = no").start()
        documents = [*self.REQUESTS, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc"]
        for data in documents:
            self.daemon.print(data)
        self.assertEqual(samples.in_job_order(self.daemon.documents()),
                         documents)

    def test_behaviour_12_less_than_min_job_bytes_is_nothing(self):
        self.daemon.configure(listener="min_job_bytes = 8").start()
        for data in (b"\n", b"\0", b"1234567"):
            self.refused(data)
        self.daemon.wait_log("less than min_job_bytes", 3)
        self.assertEqual(self.daemon.host_pids(), [])
        self.daemon.print(b"12345678")
        self.assertEqual(list(self.daemon.documents().values()),
                         [b"12345678"])

    def test_behaviour_12_one_byte_is_a_job_by_default(self):
        self.daemon.configure().start()
        self.daemon.print(b"\n")
        self.assertEqual(list(self.daemon.documents().values()), [b"\n"])


if __name__ == "__main__":
    harness.main()
