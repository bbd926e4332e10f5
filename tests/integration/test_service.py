#!/usr/bin/env python3
"""RAW: many clients, the line in front of a port, limits, and bad days.

The numbers are those of docs/raw-protocol.md.
"""

import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import time

import harness
import samples
from client import half_closed, server_side
from printer import Printer

SLOW = "PRINTPORT_SLOW" in os.environ


class TestProbes(harness.TestCase):
    """Connections that print nothing."""

    def test_behaviour_03_nothing_is_opened_before_there_is_data(self):
        self.daemon.configure().start()
        with self.daemon.connect() as s:
            # Another's whole visit shows that this one was accepted.
            self.daemon.connect().close()
            self.daemon.wait_log("connection without a job")
            self.assertEqual(self.daemon.host_pids(), [])
            s.sendall(b"x")
            self.daemon.wait_log("port opened")
            s.shutdown(socket.SHUT_WR)
            harness.read_to_end(s)
        self.daemon.wait_jobs(1)

    def test_behaviour_11_probes_are_no_jobs(self):
        self.daemon.configure().start()
        for _ in range(5):
            self.daemon.connect().close()
            harness.reset(self.daemon.connect())
            with self.daemon.connect() as s:
                s.shutdown(socket.SHUT_WR)
                self.assertFalse(harness.ends_with_reset(s))
        self.daemon.wait_log("connection without a job", 15)
        self.assertEqual(self.daemon.host_pids(), [])
        self.assertNotRegex(self.daemon.log(), "warning|error|job=")

    def test_behaviour_11_a_silent_connection_ends_in_time(self):
        self.daemon.configure(queue="idle_timeout = 300ms").start()
        with self.daemon.connect() as s:
            self.assertFalse(harness.ends_with_reset(s))
        self.daemon.wait_log("silent for idle_timeout")
        self.assertEqual(self.daemon.host_pids(), [])


class TestBadDays(harness.TestCase):
    """Ports that fail, clients that vanish, resources that run out."""

    def test_behaviour_04_a_port_in_trouble_is_not_refused_by_tcp(self):
        self.daemon.configure(monitor="mock", port="fail = open").start()
        for n in range(1, 4):
            with self.daemon.connect() as s:
                s.sendall(b"x")
                self.assertTrue(harness.ends_with_reset(s))
            self.daemon.wait_jobs(n, "job not printed")

    def test_behaviour_05_listeners_stay_while_a_host_dies(self):
        self.daemon.configure().start()
        self.daemon.print(b"first")
        os.kill(self.daemon.host_pids()[0], signal.SIGKILL)
        self.assertEqual(self.daemon.print(b"second"), b"")
        self.assertEqual(samples.in_job_order(self.daemon.documents()),
                         [b"first", b"second"])

    def test_behaviour_23_a_printer_gone_fails_the_job_once(self):
        trace = self.daemon.dir / "trace"
        self.daemon.configure(monitor="mock", port="fail = write:2\n"
                              f"short = 10\ntrace = {trace}").start()
        with self.daemon.connect() as s:
            s.sendall(b"x" * 100)
            self.assertTrue(harness.ends_with_reset(s))
        self.daemon.wait_log(r"job not printed .*bytes=10 verdict=failed")
        calls = trace.read_text().splitlines()
        self.assertEqual([c.split()[0] for c in calls[:5]],
                         ["open", "start", "write", "write", "end"])
        self.assertIn("deleting", calls[4])
        # The next one finds the port opened anew, and is the only one.
        with half_closed(self.daemon, b"small") as s:
            harness.read_to_end(s)
        starts = [c for c in trace.read_text().splitlines()
                  if c.startswith("start")]
        self.assertEqual(len(starts), 2)

    def test_behaviour_19_connections_are_watched_by_keepalive(self):
        self.daemon.configure().start()
        with self.daemon.connect() as s:
            self.daemon.connect().close()
            self.daemon.wait_log("connection without a job")
            theirs = server_side(self.daemon, s.getsockname())
            if theirs is None:
                self.skipTest("no look at sockets of another process")
            with theirs:
                def option(level, name):
                    return theirs.getsockopt(level, name)
                self.assertEqual(
                    option(socket.SOL_SOCKET, socket.SO_KEEPALIVE), 1)
                found = (option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) +
                         option(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) *
                         option(socket.IPPROTO_TCP, socket.TCP_KEEPCNT))
                self.assertLessEqual(found, 300)
                # The answer to a question is not to wait for more bytes.
                self.assertEqual(
                    option(socket.IPPROTO_TCP, socket.TCP_NODELAY), 1)

    def test_behaviour_19_a_vanished_client_is_no_end_of_job(self):
        if os.geteuid() != 0 or shutil.which("ip") is None:
            self.skipTest("a network of our own takes root and ip")
        self.daemon.configure()
        up = subprocess.run(["unshare", "-n", "true"], check=False)
        if up.returncode != 0:
            self.skipTest("no network namespaces")
        self.daemon.start(args=[
            "unshare", "-n", "sh", "-c",
            'ip link set lo up && exec "$@"', "sh", *self.daemon.command()])
        inside = ["nsenter", "-n", "-t", str(self.daemon.pid)]
        host, port = self.daemon.address()
        client = subprocess.Popen(
            [*inside, sys.executable, "-c", "import socket, sys\n"
             f"s = socket.create_connection(({host!r}, {port}))\n"
             "s.sendall(b'half a docu')\n"
             "print(s.getsockname()[1], flush=True)\n"
             "sys.stdin.read()\n"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE)
        try:
            peer = (host, int(client.stdout.readline()))
            self.daemon.wait_log("port opened")
            theirs = server_side(self.daemon, peer)
            if theirs is None:
                self.skipTest("no look at sockets of another process")
            with theirs:
                # Minutes by default; the rest is as it always is.
                for option in (socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL,
                               socket.TCP_KEEPCNT):
                    theirs.setsockopt(socket.IPPROTO_TCP, option, 1)
            subprocess.run([*inside, "ip", "link", "set", "lo", "down"],
                           check=True)
            self.daemon.wait_log(r"job not printed .*verdict=incomplete")
        finally:
            client.communicate()
        self.assertEqual(os.listdir(self.daemon.out), [])

    def cpu_ticks(self):
        stat = pathlib.Path(f"/proc/{self.daemon.pid}/stat").read_text()
        fields = stat.rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])

    def test_behaviour_28_out_of_descriptors(self):
        self.daemon.configure()
        self.daemon.start(args=["prlimit", "--nofile=48:48",
                                *self.daemon.command()])
        self.daemon.print(b"first")
        crowd = [self.daemon.connect() for _ in range(60)]
        self.daemon.wait_log("accepting is paused")
        # One of those that got in prints, though there is nothing left.
        crowd[0].sendall(b"second")
        crowd[0].shutdown(socket.SHUT_WR)
        harness.read_to_end(crowd[0])
        # It waits for better times, and does not try again and again.
        pauses = len(re.findall("accepting is paused", self.daemon.log()))
        ticks, begin = self.cpu_ticks(), time.monotonic()
        crowd += [self.daemon.connect() for _ in range(20)]
        self.daemon.wait_log("accepting is paused", pauses + 4)
        used = (self.cpu_ticks() - ticks) / os.sysconf("SC_CLK_TCK")
        self.assertLess(used, (time.monotonic() - begin) / 2)
        for s in crowd:
            s.close()
        self.daemon.print(b"third")
        self.assertEqual(samples.in_job_order(self.daemon.documents()),
                         [b"first", b"second", b"third"])

    def test_behaviour_26_running_jobs_end_before_the_daemon_does(self):
        self.daemon.configure().start()
        with self.daemon.connect() as s:
            s.sendall(b"one ")
            self.daemon.wait_log("port opened")
            hosts = self.daemon.host_pids()
            self.daemon.kill(signal.SIGTERM)
            self.daemon.wait_log(" ending ")
            s.sendall(b"two")
            s.shutdown(socket.SHUT_WR)
            self.assertFalse(harness.ends_with_reset(s))
        self.assertEqual(self.daemon.process.wait(harness.LIMIT_S), 0)
        self.assertEqual(list(self.daemon.documents().values()),
                         [b"one two"])
        for pid in hosts:
            harness.wait_for(lambda: not harness.alive(pid), "no orphans")

    def test_behaviour_22_more_than_4_gib(self):
        if SLOW:
            self.skipTest("a slow build")
        block = bytes(8 << 20)
        size = 512 * len(block) + 4321
        self.daemon.configure(monitor="null").start()
        with self.daemon.connect() as s:
            for _ in range(512):
                s.sendall(block)
            s.sendall(block[:4321])
            s.shutdown(socket.SHUT_WR)
            self.assertFalse(harness.ends_with_reset(s))
        self.daemon.wait_log(rf"bytes={size} verdict=done")


class TestLine(harness.TestCase):
    """Clients wait for a port in the order in which they came."""

    def setUp(self):
        super().setUp()
        self.printer = Printer(self.daemon.dir)
        self.addCleanup(self.printer.close)

    def test_behaviour_17_a_question_waits_for_the_job_before_it(self):
        self.daemon.configure(monitor="mock", port=self.printer.settings(
            "echo = yes")).start()
        with self.daemon.connect() as job:
            job.sendall(b"job")
            job.recv(1, socket.MSG_PEEK)
            with half_closed(self.daemon, b"status?") as asker:
                ready = select.select([asker], [], [], 0)[0]
                self.assertEqual(ready, [])
                job.shutdown(socket.SHUT_WR)
                self.assertEqual(harness.read_to_end(job), b"job")
                self.assertEqual(harness.read_to_end(asker), b"status?")

    def test_behaviour_18_labels_in_order_of_arrival(self):
        self.daemon.configure().start()
        labels = [b"^XA^FD%d^FS^XZ" % i for i in range(500)]
        clients = [half_closed(self.daemon, label) for label in labels]
        for s in clients:
            self.assertFalse(harness.ends_with_reset(s))
            s.close()
        self.assertEqual(samples.in_job_order(self.daemon.documents()),
                         labels)

    def test_behaviour_18_in_order_behind_a_full_printer(self):
        self.daemon.configure(monitor="mock",
                              port=self.printer.settings()).start()
        first = b"x" * 300000
        labels = [b"%03d" % i for i in range(200)]
        clients = [half_closed(self.daemon, data)
                   for data in [first, *labels]]
        self.printer.wait_call("write 0")
        data = self.printer.read(len(first) + 3 * len(labels))
        self.assertEqual(data, first + b"".join(labels))
        for s in clients:
            self.assertFalse(harness.ends_with_reset(s))
            s.close()

    def test_behaviour_08_those_who_wait_are_held_back_unread(self):
        self.daemon.configure(monitor="mock",
                              port=self.printer.settings()).start()
        with self.daemon.connect() as first, self.daemon.connect() as next_:
            first.sendall(b"one ")
            self.printer.wait_call("write 4")
            next_.setblocking(False)
            sent = 0
            while select.select([], [next_], [], 0.3)[1]:
                sent += next_.send(b"x" * 65536)
            self.assertLess(sent, 64 << 20)
            first.shutdown(socket.SHUT_WR)
            next_.shutdown(socket.SHUT_WR)
            self.assertEqual(self.printer.read(4 + sent),
                             b"one " + b"x" * sent)

    def test_max_waiting_refuses_by_reset(self):
        self.daemon.configure(monitor="mock", port=self.printer.settings(
            "max_waiting = 3")).start()
        clients = [self.daemon.connect()]
        clients[0].sendall(b"0")
        self.printer.wait_call("write 1")       # it runs, none waits
        for i in range(1, 4):
            clients.append(half_closed(self.daemon, b"%d" % i))
        with half_closed(self.daemon, b"4") as s:
            self.assertTrue(harness.ends_with_reset(s))
        self.daemon.wait_log("connection refused .*max_waiting")
        clients[0].shutdown(socket.SHUT_WR)
        self.assertEqual(self.printer.read(4), b"0123")
        for s in clients:
            self.assertFalse(harness.ends_with_reset(s))
            s.close()
        self.assertTrue(self.printer.is_empty())

    def is_reset(self):
        """The reset may come as early as in connect()."""
        try:
            with self.daemon.connect() as s:
                return harness.ends_with_reset(s)
        except ConnectionResetError:
            return True

    def test_max_connections_refuses_by_reset(self):
        self.daemon.configure(listener="max_connections = 3").start()
        clients = [self.daemon.connect() for _ in range(3)]
        for s in clients:
            s.sendall(b"job")           # who is silent would make room
        self.daemon.wait_log("port opened")
        self.assertTrue(self.is_reset())
        self.daemon.wait_log("connection refused .*max_connections")
        with clients.pop(0) as first:
            first.shutdown(socket.SHUT_WR)
            harness.read_to_end(first)
        self.daemon.wait_log("job printed")
        with self.daemon.connect() as last:
            last.sendall(b"x")
            for s in clients:
                s.close()
            last.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.read_to_end(last), b"")
        for s in clients:
            s.close()

    def test_behaviour_27_each_listener_has_its_own_port(self):
        others = self.daemon.dir / "others"
        others.mkdir()
        self.daemon.configure(more=f"""\
[listener second]
listen = 127.0.0.1:0
queue = second
[queue second]
ports = second
delivery = stream
[port second]
monitor = file
directory = {others}
fsync = no
""").start()
        with self.daemon.connect() as busy:
            busy.sendall(b"a job that ")
            self.daemon.wait_log("port opened")
            self.daemon.print(b"other", "second")
            busy.sendall(b"lasts")
            busy.shutdown(socket.SHUT_WR)
            harness.read_to_end(busy)
        self.assertEqual(list(self.daemon.documents().values()),
                         [b"a job that lasts"])
        self.assertEqual([p.read_bytes() for p in others.iterdir()],
                         [b"other"])


if __name__ == "__main__":
    harness.main()
