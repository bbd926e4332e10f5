#!/usr/bin/env python3
"""RAW into the store: who is told yes, who is told no, and what is kept.

The numbers are those of docs/raw-protocol.md.
"""

import fcntl
import os
import signal
import socket
import struct
import termios
import threading
import unittest

import client
import harness
import samples
from printer import Printer

SIZES = (1, 1000, 4096, 65535, 65536, 65537, 300000, 3 << 20)
BUSY = 200000                           # more than a printer takes unread


def contents(number, size):
    """Bytes that no other job has."""
    text = b"job %d, byte by byte. " % number
    return (text * (size // len(text) + 1))[:size]


def arrived(s):
    """Wait until the other system has all that was sent."""
    def left():
        return struct.unpack("i", fcntl.ioctl(s, termios.TIOCOUTQ, b"1234"))[0]
    harness.wait_for(lambda: left() == 0, "bytes to arrive")


class SpoolCase(harness.TestCase):

    def configure(self, **kwargs):
        return self.daemon.configure(delivery="spool", **kwargs)

    def stuck(self, daemon="", **kwargs):
        """A printer that takes nothing until it is read."""
        printer = Printer(self.daemon.dir)
        self.addCleanup(printer.close)
        self.configure(monitor="mock", port=printer.settings(),
                       daemon="drain_timeout = 100ms\n" + daemon,
                       **kwargs).start()
        return printer

    def refused(self, data):
        with self.assertRaises(ConnectionResetError):
            self.daemon.print(data)

    def printed(self, n):
        self.daemon.wait_jobs(n)
        return samples.in_job_order(self.daemon.documents())

    def files(self):
        """Of documents, in the store."""
        return os.listdir(self.daemon.spool / "data")

    def nothing_is_kept(self):
        """Neither now nor when another daemon reads the store."""
        self.assertNotIn("job accepted", self.daemon.log())
        self.daemon.stop()
        self.assertEqual(self.files(), [])
        self.daemon.log_path.unlink()
        self.daemon.start()
        self.daemon.print(b"the only one")
        self.assertEqual(self.printed(1), [b"the only one"])

    def reload(self, old, new):
        text = self.daemon.ini.read_text()
        self.assertIn(old, text)
        self.daemon.ini.write_text(text.replace(old, new))
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log("configuration reloaded")


class TestKept(SpoolCase):
    """What is told yes is printed."""

    def test_behaviour_33_fin_is_for_what_is_kept(self):
        self.configure().start()
        documents = [contents(i, size) for i, size in enumerate(SIZES)]
        for n, data in enumerate(documents, 1):
            with self.daemon.connect() as s:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
                self.assertFalse(harness.ends_with_reset(s))
            # No waiting: it was accepted before the client was told.
            self.assertRegex(self.daemon.log(),
                             rf"job accepted job={n} .*bytes={len(data)}\s")
        self.assertEqual(self.printed(len(documents)), documents)

    def test_behaviour_33_the_printer_is_not_waited_for(self):
        printer = self.stuck()
        documents = [contents(i, BUSY) for i in range(3)]
        for data in documents:
            self.assertEqual(self.daemon.print(data), b"")
        for data in documents:
            self.assertEqual(printer.read(BUSY), data)
        self.daemon.wait_jobs(3)

    def test_behaviour_33_what_was_accepted_outlives_the_daemon(self):
        printer = self.stuck()
        documents = [contents(i, BUSY) for i in range(3)]
        for data in documents:
            self.daemon.print(data)
        printer.wait_call("write 0")
        hosts = self.daemon.host_pids()
        self.daemon.stop(signal.SIGKILL)
        harness.wait_for(lambda: not any(map(harness.alive, hosts)),
                         "the hosts' end")
        self.configure().start()
        self.assertEqual(self.printed(3), documents)

    def test_many_clients_at_once(self):
        self.configure().start()
        jobs = {n: contents(n, SIZES[n % len(SIZES)]) for n in range(2, 66)}
        failed = []

        def print_some(numbers):
            for n in numbers:
                try:
                    self.daemon.print(jobs[n])
                except OSError as error:
                    failed.append((n, error))

        numbers = list(jobs)
        threads = [threading.Thread(target=print_some, args=(numbers[i::16],))
                   for i in range(16)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failed, [])
        self.assertEqual(sorted(self.printed(len(jobs))),
                         sorted(jobs.values()))

    def test_behaviour_24_a_client_that_only_closes_has_printed(self):
        self.configure().start()
        data = contents(1, 300000)
        with self.daemon.connect() as s:
            s.sendall(data)
        self.assertEqual(self.printed(1), [data])

    @unittest.skipIf("PRINTPORT_SLOW" in os.environ,
                     "sanitizers keep memory back")
    def test_behaviour_22_a_large_job_in_little_memory(self):
        self.configure().start()
        part = contents(1, 1 << 20)
        before = self.memory()
        with self.daemon.connect() as s:
            for _ in range(200):
                s.sendall(part)
            s.shutdown(socket.SHUT_WR)
            self.assertFalse(harness.ends_with_reset(s))
        self.assertLess(self.memory() - before, 100 << 20)
        self.daemon.wait_jobs(1)
        document, = self.daemon.out.iterdir()
        self.assertEqual(document.stat().st_size, 200 << 20)

    def memory(self):
        """Most that the daemon ever had, in bytes."""
        with open(f"/proc/{self.daemon.pid}/status", encoding="ascii") as f:
            line, = [line for line in f if line.startswith("VmHWM:")]
        return int(line.split()[1]) << 10

    def test_one_queue_for_two_listeners(self):
        self.configure(more="[listener two]\nlisten = 127.0.0.1:0\n"
                       "queue = q\n").start()
        self.daemon.print(b"one")
        self.daemon.print(b"two", "two")
        self.assertEqual(self.printed(2), [b"one", b"two"])

    def test_behaviour_35_no_answers_come_back(self):
        self.configure(monitor="mock", port="echo = yes").start()
        self.assertEqual(self.daemon.print(b"status, please"), b"")
        self.daemon.wait_jobs(1)


class TestNoJob(SpoolCase):
    """Connections of which nothing must be kept."""

    def test_behaviour_03_nothing(self):
        self.configure().start()
        with self.daemon.connect() as s:
            s.shutdown(socket.SHUT_WR)
            self.assertFalse(harness.ends_with_reset(s))
        self.nothing_is_kept()

    def test_behaviour_13_http(self):
        self.configure().start()
        with self.daemon.connect() as s:
            s.sendall(b"GET / HTTP/1.1\r\nHost: printer:9100\r\n\r\n")
            client.end_sending(s)
            self.assertTrue(harness.ends_with_reset(s))
        self.daemon.wait_log("is no print job .*protocol=HTTP")
        self.nothing_is_kept()

    def test_behaviour_09_silence_is_no_end(self):
        self.configure(queue="idle_timeout = 200ms").start()
        for size in (10, 300000):
            with self.daemon.connect() as s:
                s.sendall(contents(1, size))
                self.assertTrue(harness.ends_with_reset(s))
        self.daemon.wait_log("job incomplete .*silent for idle_timeout", 2)
        self.nothing_is_kept()

    def test_behaviour_06_reset_is_no_end(self):
        self.configure().start()
        for n, size in enumerate((10, 300000), 1):
            s = self.daemon.connect()
            s.sendall(contents(1, size))
            harness.reset(s)
            self.daemon.wait_log("job incomplete .*reset by peer", n)
        self.nothing_is_kept()

    def test_behaviour_37_the_daemon_ends_in_mid_job(self):
        self.configure().start()
        with self.daemon.connect() as s:
            s.sendall(contents(1, 300000))
            arrived(s)
            self.assertEqual(self.daemon.stop(), 0)
            self.assertTrue(harness.ends_with_reset(s))
        self.daemon.start()
        self.nothing_is_kept()


class TestSilence(SpoolCase):
    """Clients that never close (idle_ends_job)."""

    def configure(self, queue="", **kwargs):
        return super().configure(queue="idle_timeout = 300ms\n"
                                 "idle_ends_job = yes\n" + queue, **kwargs)

    def test_behaviour_15_receipts_over_one_connection(self):
        self.configure().start()
        receipts = [contents(i, size) for i, size in enumerate(SIZES)]
        with self.daemon.connect() as s:
            for n, receipt in enumerate(receipts, 1):
                s.sendall(receipt)
                self.daemon.wait_jobs(n, "job accepted")
            s.shutdown(socket.SHUT_WR)
            self.assertFalse(harness.ends_with_reset(s))
        self.assertEqual(self.printed(len(receipts)), receipts)

    def test_behaviour_15_the_queue_may_become_another_meanwhile(self):
        self.configure().start()
        with self.daemon.connect() as s:
            s.sendall(b"kept")
            self.daemon.wait_jobs(1)
            self.reload("delivery = spool", "delivery = stream")
            s.sendall(b"streamed")
            self.daemon.wait_jobs(2)
        self.assertEqual(self.daemon.log().count("job accepted"), 1)
        self.assertEqual(self.printed(2), [b"kept", b"streamed"])

    def test_behaviour_37_who_rests_does_not_hold_up_the_end(self):
        self.configure().start()
        with self.daemon.connect() as s:
            s.sendall(b"receipt")
            self.daemon.wait_jobs(1)
            self.assertEqual(self.daemon.stop(), 0)
            self.assertFalse(harness.ends_with_reset(s))


class TestRefused(SpoolCase):
    """Limits: the client gets a reset, the log has the reason."""

    def test_behaviour_34_max_job_size(self):
        self.configure(queue="max_job_size = 100000").start()
        for size in (100001, 3 << 20):
            self.refused(contents(1, size))
        self.daemon.wait_log("job refused listener=raw queue=q "
                             "client=127.0.0.1 .*reason=.*max_job_size")
        self.daemon.print(contents(2, 100000))
        self.assertEqual(self.printed(1), [contents(2, 100000)])
        self.assertEqual(len(self.files()), 1)

    def test_behaviour_34_max_job_size_is_known_before_the_end(self):
        self.configure(queue="max_job_size = 1000").start()
        with self.daemon.connect() as s:
            s.sendall(contents(1, 1001))
            self.assertTrue(harness.ends_with_reset(s))
        self.nothing_is_kept()

    def limited(self, reason, **kwargs):
        """Two jobs are one too many, until the first is printed."""
        printer = self.stuck(**kwargs)
        self.daemon.print(contents(1, BUSY))
        self.refused(contents(2, BUSY))
        self.daemon.wait_log(f"job refused .*reason=.*{reason}")
        self.assertEqual(printer.read(BUSY), contents(1, BUSY))
        self.daemon.wait_jobs(1)
        harness.wait_for(lambda: self.accepted(contents(3, BUSY)),
                         "the limit to be off")
        self.assertEqual(printer.read(BUSY), contents(3, BUSY))
        self.daemon.wait_jobs(2)

    def accepted(self, data):
        try:
            self.daemon.print(data)
        except ConnectionResetError:
            return False
        return True

    def test_behaviour_34_max_jobs(self):
        self.limited("max_jobs", queue="max_jobs = 1")

    def test_behaviour_34_max_bytes(self):
        self.limited("max_bytes", queue=f"max_bytes = {BUSY * 3 // 2}")

    def test_behaviour_34_client_max_jobs(self):
        self.limited("client_max_jobs", daemon="client_max_jobs = 1")

    def test_behaviour_34_client_max_bytes(self):
        self.limited("client_max_bytes",
                     daemon=f"client_max_bytes = {BUSY * 3 // 2}")

    def test_behaviour_34_min_free_space(self):
        self.configure(daemon="min_free_space = 1000000G").start()
        self.refused(b"x")
        self.daemon.wait_log("job refused .*reason=.*space")

    def test_behaviour_34_refusals_do_not_flood_the_log(self):
        self.configure(queue="max_job_size = 1").start()
        for _ in range(300):
            self.refused(b"xx")
        self.assertLess(self.daemon.log().count("job refused"), 100)
        self.daemon.stop()
        self.assertRegex(self.daemon.log(), "ended .*refused=300")


class TestReset(SpoolCase):
    """Clients that break off (on_reset), and send it all again."""

    def configure(self, queue="", **kwargs):
        return super().configure(queue="on_reset = finish\n" + queue,
                                 **kwargs)

    def break_off(self, data, n):
        s = self.daemon.connect()
        s.sendall(data)
        arrived(s)
        harness.reset(s)
        self.daemon.wait_jobs(n, "job accepted")

    def test_behaviour_06_reset_ends_the_job_if_it_is_told_to(self):
        self.configure().start()
        for n, size in enumerate((10, 300000), 1):
            self.break_off(contents(n, size), n)
        self.assertEqual(self.printed(2),
                         [contents(1, 10), contents(2, 300000)])

    def repeat(self, duplicates):
        """The same job twice, after a break; then others."""
        self.configure(queue=f"duplicates = {duplicates}").start()
        same = contents(1, 300000)
        self.break_off(same, 1)
        self.daemon.print(same)
        self.daemon.print(b"another")
        self.daemon.print(same)         # nothing broke before
        return same

    def test_behaviour_36_a_repeat_is_printed_if_nobody_minds(self):
        same = self.repeat("off")
        self.assertEqual(self.printed(4), [same, same, b"another", same])

    def test_behaviour_36_a_repeat_is_dropped(self):
        same = self.repeat("drop")
        self.assertEqual(self.printed(3), [same, b"another", same])

    def test_behaviour_36_a_repeat_is_held(self):
        same = self.repeat("hold")
        self.assertEqual(self.printed(3), [same, b"another", same])
        self.daemon.wait_log("job is held .*job=2 .*the same as job 1")


class TestReload(SpoolCase):

    def test_from_stream_to_spool(self):
        self.daemon.configure().start()
        with self.daemon.connect() as busy:
            busy.sendall(b"a stream ")
            self.daemon.wait_log("port opened")
            self.reload("delivery = stream", "delivery = spool")
            # The port is taken, but that is no reason to wait any more.
            self.daemon.print(b"kept")
            busy.sendall(b"to its end")
            busy.shutdown(socket.SHUT_WR)
            self.assertFalse(harness.ends_with_reset(busy))
        self.daemon.wait_jobs(2)
        self.assertEqual(sorted(self.daemon.documents().values()),
                         [b"a stream to its end", b"kept"])

    def test_a_job_keeps_the_settings_it_began_with(self):
        self.configure(queue="max_job_size = 1M").start()
        with self.daemon.connect() as s:
            s.sendall(contents(1, 1000))
            arrived(s)
            self.daemon.print(b"it has begun")
            self.reload("max_job_size = 1M", "max_job_size = 100")
            s.shutdown(socket.SHUT_WR)
            self.assertFalse(harness.ends_with_reset(s))
        self.refused(contents(2, 1000))
        self.assertEqual(self.printed(2),
                         [contents(1, 1000), b"it has begun"])

    def test_a_listener_goes_in_mid_job(self):
        more = "[listener two]\nlisten = 127.0.0.1:0\nqueue = q\n"
        self.configure(more=more).start()
        with self.daemon.connect("two") as s:
            s.sendall(contents(1, 1000))
            arrived(s)
            self.daemon.print(b"it has begun")
            self.reload(more, "")
            s.shutdown(socket.SHUT_WR)
            self.assertFalse(harness.ends_with_reset(s))
        self.assertEqual(self.printed(2),
                         [contents(1, 1000), b"it has begun"])


if __name__ == "__main__":
    harness.main()
