#!/usr/bin/env python3
"""Port hosts that fail, hang, crash or vanish, and the daemon that does not.

The port "p" has the monitor mock, which misbehaves as its settings say and
leaves a line in the file "trace" for each call.  A second port, "side", writes
files and must never notice.  Numbers in names are those of the rules in
docs/monitor-contract.md.
"""

import collections
import concurrent.futures
import os
import pathlib
import signal
import socket
import threading

import harness
from harness import wait_for


def fds_of(pid):
    """How many descriptors it has.  The last client's may be among them for a
    moment, so what is counted later is no more, and not just as many."""
    return len(os.listdir(f"/proc/{pid}/fd"))


class HostCase(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.trace_path = self.daemon.dir / "trace"
        self.printed_path = self.daemon.dir / "printed"

    def configure(self, port="", queue="", **kwargs):
        """The mock's port with these settings, and a port "side" by it."""
        self.daemon.configure(
            port=f"""
trace = {self.trace_path}
output = {self.printed_path}
{port}
""", queue=queue, monitor="mock", more=f"""
[listener side]
listen = 127.0.0.1:0
queue = side
[queue side]
ports = side
delivery = stream
[port side]
monitor = file
directory = {self.daemon.out}
name = %j.prn
fsync = no
idle_close = 0
""", **kwargs)
        return self.daemon

    def reload(self, port="", **kwargs):
        """Put other settings in force and wait until they are."""
        done = self.daemon.log().count("configuration reloaded")
        self.configure(port, **kwargs)
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log("configuration reloaded", done + 1)

    def trace(self):
        """Lines of complete calls so far."""
        try:
            text = self.trace_path.read_text()
        except FileNotFoundError:
            return []
        return text.split("\n")[:-1]

    def wait_trace(self, line, count=1):
        """Wait for count lines that begin so; returns the last of them."""
        def look():
            found = [t for t in self.trace()
                     if t == line or t.startswith(line + " ")]
            return found if len(found) >= count else None
        return wait_for(look, f"{line!r} in the trace:\n{self.trace()}\n"
                        f"{self.daemon.log()}")[-1]

    def printed(self):
        try:
            return self.printed_path.read_bytes()
        except FileNotFoundError:
            return b""

    def begin(self, data=b"begun\n"):
        """A client whose document runs and goes on."""
        starts = len([t for t in self.trace() if t.startswith("start ")])
        client = self.daemon.connect()
        client.sendall(data)
        self.wait_trace("start", starts + 1)
        return client

    def queue_up(self, *documents):
        """Clients that have sent all and wait, in this order."""
        clients = []
        for data in documents:
            client = self.daemon.connect()
            client.sendall(data)
            client.shutdown(socket.SHUT_WR)
            clients.append(client)
        return clients

    def begin_file(self):
        """A client whose document on the port "side" has half of its bytes in
        a file; what is not finished has no name there."""
        client = self.daemon.connect("side")
        client.sendall(b"half a document")
        wait_for(self.has_half_file, "a started file")
        return client

    def has_half_file(self):
        for pid in self.daemon.host_pids():
            for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                try:
                    if str(self.daemon.out) in os.readlink(fd) and \
                            os.stat(fd).st_size == 15:
                        return True
                except OSError:
                    pass
        return False

    def host(self):
        """Pid of the one port host."""
        return wait_for(self.daemon.host_pids, "a port host")[0]

    def check_side(self):
        """Another port of the same daemon prints."""
        n = len(self.daemon.documents())
        self.assertEqual(self.daemon.print(b"aside", "side"), b"")
        self.assertEqual(len(self.daemon.wait_documents(n + 1)), n + 1)

    def check_pairs(self):
        """Each start has one end, for the same job, and nothing overlaps."""
        running = None
        opened = False
        for line in self.trace():
            word, _, rest = line.partition(" ")
            if word == "open":
                self.assertFalse(opened, self.trace())
                opened = True
            elif word == "close":
                self.assertTrue(opened and running is None, self.trace())
                opened = False
            elif word == "start":
                self.assertTrue(opened and running is None, self.trace())
                running = rest
            elif word == "end":
                self.assertEqual(running, rest.split()[0], self.trace())
                running = None
            else:
                self.assertIsNotNone(running, self.trace())
        self.assertIsNone(running, self.trace())


class Misbehaving(HostCase):
    """One monitor call each that fails, hangs or crashes."""

    def check_next(self, data=b"next\n"):
        """What is printed after this goes well."""
        self.assertEqual(self.daemon.print(data), b"")
        wait_for(lambda: self.printed().endswith(data), "the next job")

    def lose(self, port):
        """The document of a port with these settings ends with a reset."""
        self.configure(port).start()
        client, = self.queue_up(b"victim\n")
        self.assertTrue(harness.ends_with_reset(client))
        self.check_side()
        self.daemon.wait_log("to=backoff")
        self.reload()
        self.check_next()
        self.assertNotIn(b"victim", self.printed().split(b"\n")[1:])

    def lose_hanging(self, call):
        """As lose(), with clients that wait behind the victim."""
        self.configure(f"hang = {call}").start()
        victim, = self.queue_up(b"victim\n")
        self.wait_trace("open" if call == "open" else "start")
        waiting = self.queue_up(b"one\n", b"two\n")
        self.check_side()
        # The new call_timeout counts at once, the rest when the port is
        # opened anew.
        self.reload("call_timeout = 1s")
        self.assertTrue(harness.ends_with_reset(victim))
        self.daemon.wait_log(r"port host is gone .*hangs in")
        for client in waiting:
            self.assertEqual(harness.read_to_end(client), b"")
        self.assertTrue(self.printed().endswith(b"one\ntwo\n"))
        self.check_side()

    def lose_late(self, port):
        """The victim runs well at first; others wait behind it."""
        self.configure(port).start()
        victim = self.begin(b"victim\n")
        self.wait_trace("write")
        waiting = self.queue_up(b"one\n", b"two\n")
        self.reload()
        victim.sendall(b"more\n")
        victim.shutdown(socket.SHUT_WR)
        self.assertTrue(harness.ends_with_reset(victim))
        for client in waiting:
            self.assertEqual(harness.read_to_end(client), b"")
        self.assertTrue(self.printed().endswith(b"one\ntwo\n"))
        self.check_side()

    def test_open_fails(self):
        self.lose("fail = open")
        self.assertIn("port cannot be opened", self.daemon.log())

    def test_open_crashes(self):
        self.lose("crash = open")
        self.daemon.wait_log("port host is gone .*signal 6")

    def test_open_hangs(self):
        self.lose_hanging("open")

    def test_rule_31_start_fails_and_no_end_follows(self):
        self.configure("fail = start:1\nidle_close = 0").start()
        client, = self.queue_up(b"victim\n")
        self.assertTrue(harness.ends_with_reset(client))
        # The port is opened anew, where its first start fails again.
        self.wait_trace("close")
        self.assertEqual([t.split()[0] for t in self.trace()],
                         ["open", "start", "close"])
        self.check_side()
        self.reload()
        self.check_next()
        self.assertEqual(self.printed(), b"next\n")

    def test_start_crashes(self):
        self.lose("crash = start")

    def test_start_hangs(self):
        self.lose_hanging("start")

    def test_write_fails(self):
        self.lose("fail = write")
        self.check_pairs_when_closed()

    def check_pairs_when_closed(self):
        self.assertEqual(self.daemon.stop(), 0)
        self.check_pairs()

    def test_rule_41_a_later_write_fails_and_one_end_follows(self):
        self.configure("fail = write:2").start()
        victim = self.begin()
        self.assertTrue(harness.ends_with_reset(victim))
        self.assertIn("deleting", self.wait_trace("end"))
        self.check_side()
        self.check_pairs_when_closed()

    def test_write_fails_by_copy(self):
        self.lose("fail = write\nfd_write = no")
        self.check_pairs_when_closed()

    def test_write_crashes(self):
        self.lose("crash = write")

    def test_write_hangs(self):
        self.lose_hanging("write")

    def test_write_reports_more_than_it_was_given(self):
        self.lose("nonsense = write")

    def test_write_by_copy_reports_more_than_it_was_given(self):
        self.lose("nonsense = write\nfd_write = no")

    def test_end_fails(self):
        self.lose_late("fail = end")
        self.check_pairs_when_closed()

    def test_end_crashes(self):
        self.lose_late("crash = end")
        self.daemon.wait_log("port host is gone .*signal 6")

    def test_end_hangs(self):
        self.lose_hanging("end")

    def test_close_fails(self):
        self.configure("fail = close\nidle_close = 0").start()
        for n in range(3):
            self.assertEqual(self.daemon.print(b"job %d\n" % n), b"")
            self.wait_trace("close", n + 1)
        self.assertEqual(self.printed(), b"job 0\njob 1\njob 2\n")

    def test_close_crashes(self):
        self.configure("crash = close\nidle_close = 0").start()
        self.assertEqual(self.daemon.print(b"first\n"), b"")
        self.daemon.wait_log("port host is gone .*signal 6")
        self.check_side()
        self.reload()
        self.check_next()
        self.assertEqual(self.printed(), b"first\nnext\n")

    def test_close_hangs(self):
        self.configure("hang = close\nidle_close = 0").start()
        self.assertEqual(self.daemon.print(b"first\n"), b"")
        self.daemon.wait_log("from=open to=closing")
        waiting = self.queue_up(b"one\n", b"two\n")
        self.check_side()
        self.reload("call_timeout = 1s")
        self.daemon.wait_log("port host is gone .*hangs in")
        for client in waiting:
            self.assertEqual(harness.read_to_end(client), b"")
        self.assertEqual(self.printed(), b"first\none\ntwo\n")

    def test_a_leak_goes_with_its_process(self):
        # A sanitizer would tell us, rightly.
        self.configure("leak = yes\nidle_close = 0").start(
            env=dict(os.environ, ASAN_OPTIONS="detect_leaks=0"))
        for n in range(3):
            self.assertEqual(self.daemon.print(b"%d" % n), b"")
            self.wait_trace("close", n + 1)
        wait_for(lambda: not self.daemon.host_pids(), "no port host")
        self.assertEqual(self.printed(), b"012")

    def test_short_and_empty_writes_lose_nothing(self):
        data = bytes(range(256)) * 40
        for settings in "short = 999\nzero = 3", \
                "short = 999\nzero = 3\nfd_write = no":
            with self.subTest(settings):
                if self.daemon.process is None:
                    self.configure(settings).start()
                else:
                    self.printed_path.unlink()
                    self.reload(settings)
                self.assertEqual(self.daemon.print(data), b"")
                self.assertEqual(self.printed(), data)

    def test_back_off_grows_and_ends_with_success(self):
        self.configure("crash = start").start()
        first, second = self.queue_up(b"one\n", b"two\n")
        self.assertTrue(harness.ends_with_reset(first))
        self.assertTrue(harness.ends_with_reset(second))
        self.daemon.wait_log("port is tried again later .*failures=2")
        self.reload()
        self.check_next()
        self.reload("crash = start")
        third, = self.queue_up(b"three\n")
        self.assertTrue(harness.ends_with_reset(third))
        self.daemon.wait_log("port is tried again later .*failures=1", 2)


class Loading(HostCase):
    """The module's start, before there is a port."""

    def configure_program(self, script):
        """A host program of our own."""
        program = self.daemon.dir / "host"
        program.write_text("#!/bin/sh\n" + script)
        program.chmod(0o755)
        text = self.daemon.ini.read_text()
        real = str(harness.BUILD / "printport-host")
        self.daemon.ini.write_text(text.replace(real, str(program)))
        return real

    def check_program(self, script, why):
        self.configure()
        self.configure_program(script)
        self.daemon.start()
        client, = self.queue_up(b"victim\n")
        self.assertTrue(harness.ends_with_reset(client))
        self.daemon.wait_log(why)
        # A change of a port's settings tries it again at once.
        self.reload(port="short = 1M")
        self.assertEqual(self.daemon.print(b"next\n"), b"")
        self.assertEqual(self.printed(), b"next\n")

    def test_init_crashes(self):
        real = harness.BUILD / "printport-host"
        self.check_program("PRINTPORT_MOCK_INIT=crash\n"
                           "export PRINTPORT_MOCK_INIT\n"
                           f"exec {real}\n", "port host is gone")

    def test_init_fails(self):
        real = harness.BUILD / "printport-host"
        self.check_program("PRINTPORT_MOCK_INIT=fail\n"
                           "export PRINTPORT_MOCK_INIT\n"
                           f"exec {real}\n", "port cannot be used")

    def test_host_program_that_is_none(self):
        self.check_program("echo 'who am I?' >&2\nexit 3\n",
                           "port host is gone .*exited with status 3")
        self.assertRegex(self.daemon.log(),
                         r'port host says .*text="who am I\?"')

    def test_host_program_that_is_missing(self):
        self.configure()
        text = self.daemon.ini.read_text()
        real = str(harness.BUILD / "printport-host")
        self.daemon.ini.write_text(text.replace(
            real, str(self.daemon.dir / "none")))
        self.daemon.start()
        client, = self.queue_up(b"victim\n")
        self.assertTrue(harness.ends_with_reset(client))
        self.daemon.wait_log(
            'port host cannot be started .*none.*No such file')
        self.reload(port="short = 1M")
        self.assertEqual(self.daemon.print(b"next\n"), b"")

    def test_stderr_of_the_host_is_logged_and_escaped(self):
        self.configure()
        real = self.configure_program("")
        (self.daemon.dir / "host").write_text(
            "#!/bin/sh\n"
            "printf 'line=1 \\033[31m\"q\"\\r\\nlevel=error fake\\n' >&2\n"
            f"exec {real}\n")
        self.daemon.start()
        self.assertEqual(self.daemon.print(b"job\n"), b"")
        self.daemon.wait_log(
            r'port host says port=p pid=\d+ '
            r'text="line=1 \\x1b\[31m\\"q\\"\\x0d"')
        self.daemon.wait_log(r'text="level=error fake"')
        self.assertNotIn("\x1b", self.daemon.log())

    def test_a_host_that_floods_stderr_stops_no_one(self):
        self.configure()
        real = self.configure_program("")
        (self.daemon.dir / "host").write_text(
            "#!/bin/sh\n"
            "head -c 1000000 /dev/zero | tr '\\0' x >&2\n"
            f"exec {real}\n")
        self.daemon.start()
        self.assertEqual(self.daemon.print(b"job\n"), b"")
        self.check_side()


class Order(HostCase):
    """Order of calls, as the trace has it."""

    def names(self):
        """Calls without their numbers, and without the writes."""
        return [t.split()[0] for t in self.trace()
                if not t.startswith("write")]

    def test_rule_18_one_open_serves_many_documents(self):
        self.configure().start()
        for n in range(5):
            self.assertEqual(self.daemon.print(b"%d" % n), b"")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.names(),
                         ["open"] + ["start", "end"] * 5 + ["close"])

    def test_rule_29_start_writes_end(self):
        self.configure("short = 4").start()
        self.assertEqual(self.daemon.print(b"0123456789"), b"")
        self.assertEqual(self.daemon.stop(), 0)
        words = [t.split()[0] for t in self.trace()]
        self.assertEqual(words[:2], ["open", "start"])
        self.assertEqual(words[-2:], ["end", "close"])
        self.assertEqual(set(words[2:-2]), {"write"})
        self.assertEqual(sum(int(t.split()[1]) for t in self.trace()
                             if t.startswith("write")), 10)

    def test_rule_30_no_start_before_the_end_of_another(self):
        self.configure().start()
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            list(pool.map(self.daemon.print, [b"x" * 5000] * 48))
        self.assertEqual(self.daemon.stop(), 0)
        self.check_pairs()
        self.assertEqual(self.names().count("start"), 48)

    def test_rule_34_documents_do_not_mix(self):
        documents = [bytes([65 + n]) * 30000 + b"\n" for n in range(20)]
        self.configure("short = 1000").start()
        with concurrent.futures.ThreadPoolExecutor(20) as pool:
            list(pool.map(self.daemon.print, documents))
        self.assertEqual(sorted(self.printed().split(b"\n")[:-1]),
                         sorted(d[:-1] for d in documents))

    def test_rule_23_the_port_closes_when_no_one_uses_it(self):
        self.configure("idle_close = 200ms").start()
        client = self.begin()
        waiting, = self.queue_up(b"waits\n")
        # Longer than idle_close, but the port is in use.
        client.settimeout(0.5)
        with self.assertRaises(socket.timeout):
            client.recv(1)
        self.assertNotIn("close", self.trace())
        client.settimeout(harness.LIMIT_S)
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(harness.read_to_end(client), b"")
        self.assertEqual(harness.read_to_end(waiting), b"")
        self.wait_trace("close")
        self.daemon.wait_log("port closed port=p")
        wait_for(lambda: not self.daemon.host_pids(), "no port host")
        self.check_pairs()

    def test_an_idle_port_has_no_process(self):
        self.configure().start()
        self.assertEqual(self.daemon.host_pids(), [])
        self.daemon.connect().close()
        self.daemon.wait_log("connection without a job")
        self.assertEqual(self.daemon.host_pids(), [])
        self.assertEqual(self.trace(), [])

    def test_rule_24_another_language_monitor_after_a_close(self):
        self.configure().start()
        self.assertEqual(self.daemon.print(b"plain\n"), b"")
        self.reload("language_monitor = mock")
        self.assertEqual(self.daemon.print(b"wrapped\n"), b"")
        self.reload()
        self.assertEqual(self.daemon.print(b"plain\n"), b"")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.printed(), b"plain\n<lm>wrapped\nplain\n")
        self.assertEqual(self.names(), ["open", "start", "end", "close"] * 3)

    def test_rule_17_a_port_that_comes_back_is_not_open_twice(self):
        """It is taken out by one reload and is back with the next, while a
        document still runs."""
        self.configure().start()
        client = self.begin(b"old ")
        whole = self.daemon.ini.read_text()
        self.daemon.ini.write_text(
            whole.replace("ports = p\n", "ports = side\n")
            .replace("[port p]\nmonitor = mock",
                     "[port unused]\nmonitor = mock"))
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log("configuration reloaded")
        self.daemon.ini.write_text(whole)
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log("configuration reloaded", 2)
        waiting, = self.queue_up(b"new\n")
        self.check_side()
        client.sendall(b"done\n")
        client.shutdown(socket.SHUT_WR)
        self.assertEqual(harness.read_to_end(client), b"")
        self.assertEqual(harness.read_to_end(waiting), b"")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.printed(), b"old done\nnew\n")
        self.check_pairs()

    def test_rule_77_answers_come_while_the_document_is_written(self):
        self.configure("echo = yes").start()
        with self.daemon.connect() as client:
            for n in range(5):
                client.sendall(b"%d?" % n)
                self.assertEqual(client.recv(2, socket.MSG_WAITALL),
                                 b"%d?" % n)
            client.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.read_to_end(client), b"")
        self.assertEqual(self.daemon.stop(), 0)
        self.check_pairs()

    def test_rule_78_a_hanging_port_delays_no_one(self):
        self.configure("hang = write").start()
        victim = self.begin()
        for _ in range(5):
            self.check_side()
        listing = self.daemon.run("--enum-ports")
        self.assertEqual(listing.returncode, 0, listing.stderr)
        self.assertIn("p\tmock", listing.stdout)
        self.assertIn("side\tfile", listing.stdout)
        victim.close()
        self.reload("call_timeout = 1s")
        self.daemon.wait_log("hangs in")


class Ends(HostCase):
    """Every way in which a document ends: one end_doc_port, one close."""

    def finish(self):
        self.assertEqual(self.daemon.stop(), 0)
        self.check_pairs()
        return [t for t in self.trace() if t.startswith("end ")]

    def test_rule_41_client_silent(self):
        self.configure(queue="idle_timeout = 200ms").start()
        client = self.begin()
        self.assertTrue(harness.ends_with_reset(client))
        self.assertRegex(self.finish()[0], "deleting")

    def test_rule_41_client_reset(self):
        self.configure().start()
        client = self.begin()
        self.wait_trace("write")
        harness.reset(client)
        self.wait_trace("end")
        self.assertRegex(self.finish()[0], "deleting")

    def test_rule_48_a_finished_document_is_not_deleting(self):
        self.configure().start()
        self.assertEqual(self.daemon.print(b"x"), b"")
        self.assertNotRegex(self.finish()[0], "deleting")

    def test_rule_41_port_failure(self):
        self.configure("fail = write").start()
        client, = self.queue_up(b"x")
        self.assertTrue(harness.ends_with_reset(client))
        self.assertRegex(self.finish()[0], "deleting")

    def test_rule_28_drain_timeout_ends_the_document_before_the_close(self):
        self.configure(daemon="drain_timeout = 200ms").start()
        client = self.begin()
        ends = self.finish()
        self.assertTrue(harness.ends_with_reset(client))
        self.assertEqual(len(ends), 1)
        self.assertRegex(ends[0], "deleting")
        self.assertEqual(self.trace()[-1], "close")

    def test_rule_49_cancel_reaches_a_write_that_waits(self):
        """The printer, a FIFO that no one drains, takes no more."""
        os.mkfifo(self.printed_path)
        reader = os.open(self.printed_path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.configure("write_timeout = 1h",
                       daemon="drain_timeout = 200ms").start()
        client = self.begin()
        client.settimeout(0.3)
        with self.assertRaises(socket.timeout):
            while True:
                client.send(b"x" * 65536)
        self.assertRegex(self.finish()[0], "deleting")

    def test_rule_39_a_write_that_waits_returns_in_time(self):
        os.mkfifo(self.printed_path)
        reader = os.open(self.printed_path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.configure("write_timeout = 100ms\nstall_timeout = 300ms").start()
        client = self.begin()
        client.settimeout(harness.LIMIT_S)
        with self.assertRaises(ConnectionError):
            while True:
                client.send(b"x" * 65536)
        self.daemon.wait_log("job not printed .*stall_timeout")
        self.assertRegex(self.finish()[0], "deleting")

    def kill_daemon(self, within_s=harness.LIMIT_S):
        """As the kernel out of memory does; then nothing is left."""
        host = self.host()
        self.daemon.process.kill()
        self.daemon.process.wait()
        self.daemon.process = None
        wait_for(lambda: not harness.alive(host), "the port host's end",
                 within_s)

    def test_rule_41_daemon_killed(self):
        self.configure().start()
        client = self.begin()
        self.wait_trace("write")
        self.kill_daemon()
        client.close()
        self.check_pairs()
        self.assertRegex(self.trace()[-2], "end .* deleting")
        self.assertEqual(self.trace()[-1], "close")

    def test_rule_41_daemon_killed_while_a_write_waits(self):
        os.mkfifo(self.printed_path)
        reader = os.open(self.printed_path, os.O_RDONLY | os.O_NONBLOCK)
        self.addCleanup(os.close, reader)
        self.configure("write_timeout = 1h").start()
        client = self.begin()
        client.settimeout(0.3)
        with self.assertRaises(socket.timeout):
            while True:
                client.send(b"x" * 65536)
        self.kill_daemon()
        self.check_pairs()
        self.assertEqual(self.trace()[-1], "close")

    def test_daemon_killed_with_an_idle_port(self):
        self.configure().start()
        self.assertEqual(self.daemon.print(b"x"), b"")
        self.kill_daemon()
        self.check_pairs()
        self.assertEqual(self.trace()[-1], "close")

    def test_daemon_killed_while_the_monitor_hangs(self):
        self.configure("hang = write").start()
        client = self.begin()
        self.kill_daemon()
        client.close()

    def test_daemon_killed_leaves_no_half_file(self):
        self.configure().start()
        client = self.begin_file()
        self.kill_daemon()
        self.assertEqual(list(self.daemon.out.iterdir()), [])
        client.close()


class Killed(HostCase):
    """The port host dies by SIGKILL."""

    def test_in_a_document(self):
        self.configure().start()
        victim = self.begin(b"victim\n")
        self.wait_trace("write")
        waiting = self.queue_up(b"one\n", b"two\n", b"three\n")
        old = self.host()
        os.kill(old, signal.SIGKILL)
        self.assertTrue(harness.ends_with_reset(victim))
        self.check_side()
        for client in waiting:
            self.assertEqual(harness.read_to_end(client), b"")
        self.assertEqual(self.printed(), b"victim\none\ntwo\nthree\n")
        self.assertFalse(harness.alive(old))
        self.daemon.wait_log(r"port host is gone port=p .*signal 9")

    def test_no_half_file_is_seen(self):
        self.configure().start()
        client = self.begin_file()
        os.kill(self.host(), signal.SIGKILL)
        self.assertTrue(harness.ends_with_reset(client))
        self.assertEqual(self.daemon.documents(), {})
        self.assertEqual(self.daemon.print(b"whole", "side"), b"")
        self.assertEqual(list(self.daemon.documents().values()), [b"whole"])

    def test_while_idle(self):
        self.configure().start()
        self.assertEqual(self.daemon.print(b"one\n"), b"")
        os.kill(self.host(), signal.SIGKILL)
        self.daemon.wait_log(r"port host is gone")
        self.assertEqual(self.daemon.print(b"two\n"), b"")
        self.assertEqual(self.printed(), b"one\ntwo\n")

    def crowd(self, n, stop):
        """Clients back to back; returns what became of each document."""
        outcomes = {}

        def client(first):
            for k in range(first, n, 8):
                data = b"doc %05d\n" % k
                try:
                    with self.daemon.connect() as s:
                        outcomes[data] = harness.print_on(s, data) == b""
                except ConnectionError:
                    outcomes[data] = False
                if len(outcomes) >= stop[0]:
                    stop[1].set()
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(client, range(8)))
        return outcomes

    def check_once(self, outcomes):
        """No document twice; each success is there; few are lost."""
        counts = collections.Counter(
            self.printed().replace(b"\n", b"\n|").split(b"|")[:-1])
        twice = [d for d, k in counts.items() if k > 1]
        self.assertEqual(twice, [])
        for data, good in outcomes.items():
            if good:
                self.assertEqual(counts[data], 1, data)
        # The one in work may be lost, or be printed and yet reset.
        return [d for d, good in outcomes.items() if not good]

    def test_nothing_is_printed_twice_after_a_kill(self):
        self.configure().start()
        enough = threading.Event()
        kills = []

        def killer():
            for _ in range(2):
                if not enough.wait(harness.LIMIT_S):
                    return
                host = wait_for(self.daemon.host_pids, "a port host")[0]
                os.kill(host, signal.SIGKILL)
                kills.append(host)
                wait_for(lambda h=host: h not in self.daemon.host_pids(),
                         "its end")
        thread = threading.Thread(target=killer)
        thread.start()
        outcomes = self.crowd(1200, (300, enough))
        thread.join()
        lost = self.check_once(outcomes)
        self.assertEqual(len(outcomes), 1200)
        self.assertLessEqual(len(lost), len(kills))

    def test_nothing_is_printed_twice_after_a_crash(self):
        """Outcomes go to the daemon in batches, while more documents wait in
        the host.  Those that it has finished count, reported or not."""
        self.configure().start()
        first = self.begin(b"first\n")
        documents = [b"doc %05d\n" % n for n in range(40)]
        waiting = self.queue_up(*documents[:20])
        victim = self.daemon.connect()
        victim.sendall(b"doc 99999\n")
        behind = self.queue_up(*documents[20:])
        first.shutdown(socket.SHUT_WR)
        wait_for(lambda: b"99999" in self.printed(), "the victim's start")
        os.kill(self.host(), signal.SIGKILL)
        self.assertTrue(harness.ends_with_reset(victim))
        for client in waiting + behind:
            self.assertEqual(harness.read_to_end(client), b"")
        self.check_once({d: True for d in documents})


class Many(HostCase):

    def test_rule_25_a_thousand_jobs_leave_no_descriptor(self):
        self.configure().start()
        self.assertEqual(self.daemon.print(b"warm"), b"")
        host = self.host()
        before = fds_of(self.daemon.pid), fds_of(host)
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(self.daemon.print, [b"x" * 100] * 1000))
        self.assertEqual(self.host(), host)
        wait_for(lambda: fds_of(self.daemon.pid) <= before[0] and
                 fds_of(host) <= before[1], f"{before} descriptors")

    def test_rule_25_opened_and_closed_often(self):
        self.configure("idle_close = 0").start()
        self.assertEqual(self.daemon.print(b"warm"), b"")
        self.daemon.wait_log("port closed")
        before = fds_of(self.daemon.pid)
        for n in range(50):
            self.assertEqual(self.daemon.print(b"x"), b"")
            self.wait_trace("close", n + 2)
        wait_for(lambda: not self.daemon.host_pids(), "no port host")
        wait_for(lambda: fds_of(self.daemon.pid) <= before,
                 f"{before} descriptors")
        self.check_pairs()

    def test_failed_hosts_leave_no_descriptor(self):
        self.configure("crash = start").start()
        before = fds_of(self.daemon.pid)
        client, = self.queue_up(b"x")
        self.assertTrue(harness.ends_with_reset(client))
        self.daemon.wait_log("to=backoff")
        wait_for(lambda: fds_of(self.daemon.pid) <= before,
                 f"{before} descriptors")


if __name__ == "__main__":
    harness.main()
