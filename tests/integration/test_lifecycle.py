#!/usr/bin/env python3
"""Start, signals, reload, end: the life of printportd."""

import concurrent.futures
import fcntl
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import threading
import unittest

import harness
from harness import wait_for

F_SETPIPE_SZ = 1031

# Becomes the program in its arguments, with the sockets of a service manager.
PASS_SOCKETS = """
import os, sys
n = int(sys.argv[1])
high = [os.dup2(int(fd), 100 + i) for i, fd in enumerate(sys.argv[2:2 + n])]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
    os.close(fd)
os.environ["LISTEN_PID"] = str(os.getpid())
os.environ["LISTEN_FDS"] = str(n)
os.execv(sys.argv[2 + n], sys.argv[2 + n:])
"""


def fds_of(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def refuses(address):
    """Does no one listen there?"""
    try:
        socket.create_connection(address, harness.LIMIT_S).close()
    except ConnectionError:
        return True
    return False


def a_name():
    """Another name of this machine; a bare system may know none."""
    try:
        socket.getaddrinfo("localhost", 0)
        return "localhost"
    except socket.gaierror:
        return "127.0.0.2"


class LifeCase(harness.TestCase):

    def begin(self, data=b"begun ", listener="raw"):
        """A client whose document runs; what is not finished has no name."""
        client = self.daemon.connect(listener)
        client.sendall(data)
        wait_for(lambda: self.has_half_file(len(data)), "a started file")
        return client

    def has_half_file(self, size):
        """In the output: a host that is being started still has the daemon's
        own files for a moment, of which the lock may be just as long."""
        for pid in self.daemon.host_pids():
            for fd in pathlib.Path(f"/proc/{pid}/fd").iterdir():
                try:
                    if str(self.daemon.out) in os.readlink(fd) and \
                            os.stat(fd).st_size == size:
                        return True
                except OSError:
                    pass
        return False

    def finish(self, client, data=b"done"):
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return harness.read_to_end(client)

    def queue_up(self, data):
        """A client that has sent all, and waits."""
        client = self.daemon.connect()
        client.sendall(data)
        client.shutdown(socket.SHUT_WR)
        return client

    def reload(self, text=None, done="configuration reloaded"):
        """SIGHUP, with another file if there is one; waits for the verdict."""
        n = self.daemon.log().count(done)
        if text is not None:
            self.daemon.ini.write_text(text)
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log(done, n + 1)

    def status_of(self, process):
        status = process.wait(harness.LIMIT_S)
        self.daemon.process = None
        return status

    def listening_socket(self):
        s = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(s.close)
        return s

    def start_with(self, sockets, names="", **kwargs):
        fds = [s.fileno() for s in sockets]
        env = dict(os.environ, LISTEN_FDNAMES=names)
        return self.daemon.start(
            args=[sys.executable, "-S", "-c", PASS_SOCKETS, str(len(fds)),
                  *map(str, fds), *self.daemon.command()],
            pass_fds=fds, env=env, **kwargs)


class Starting(LifeCase):

    def test_sighup_before_it_is_ready_ends_nothing(self):
        """It comes while a port host judges the settings."""
        self.daemon.configure()
        program = self.daemon.dir / "host"
        program.write_text(
            "#!/bin/sh\n"
            f"test -e {self.daemon.dir}/sent || kill -HUP $PPID\n"
            f": >{self.daemon.dir}/sent\n"
            f"exec {harness.BUILD}/printport-host\n")
        program.chmod(0o755)
        self.daemon.ini.write_text(self.daemon.ini.read_text().replace(
            str(harness.BUILD / "printport-host"), str(program)))
        self.daemon.start()
        self.assertTrue((self.daemon.dir / "sent").exists())
        self.daemon.wait_log("configuration reloaded")
        self.assertEqual(self.daemon.print(b"x"), b"")


class Ending(LifeCase):

    def test_sigterm_without_a_job(self):
        self.daemon.configure().start()
        self.assertEqual(self.daemon.stop(signal.SIGTERM), 0)

    def test_sigint_without_a_job(self):
        self.daemon.configure().start()
        self.assertEqual(self.daemon.stop(signal.SIGINT), 0)

    def test_sigterm_with_an_idle_port(self):
        self.daemon.configure().start()
        self.daemon.print(b"x")
        host, = self.daemon.host_pids()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertFalse(harness.alive(host))

    def end_with_document(self, send):
        """The running document may end; nothing else begins."""
        self.daemon.configure().start(start_new_session=True)
        client = self.begin()
        waiting = self.queue_up(b"never started")
        quiet = self.daemon.connect()
        address = self.daemon.address()
        process = self.daemon.process
        send(process)
        self.daemon.wait_log(" ending ")
        wait_for(lambda: refuses(address), "no listener")
        # It had sent nothing: no failure to tell it about.
        self.assertEqual(quiet.recv(1), b"")
        self.assertEqual(self.finish(client), b"")
        self.assertTrue(harness.ends_with_reset(waiting))
        self.assertEqual(self.status_of(process), 0)
        self.assertEqual(list(self.daemon.documents().values()),
                         [b"begun done"])

    def test_sigterm_lets_the_running_document_end(self):
        self.end_with_document(lambda p: p.terminate())

    def test_sigint_does_the_same(self):
        self.end_with_document(lambda p: p.send_signal(signal.SIGINT))

    def test_sigint_of_a_terminal_goes_to_all_processes(self):
        self.end_with_document(lambda p: os.killpg(p.pid, signal.SIGINT))

    def test_sigterm_to_all_processes(self):
        self.end_with_document(lambda p: os.killpg(p.pid, signal.SIGTERM))

    def test_drain_timeout_aborts_the_document(self):
        self.daemon.configure(daemon="drain_timeout = 200ms").start()
        client = self.begin()
        self.assertEqual(self.daemon.stop(), 0)
        self.assertTrue(harness.ends_with_reset(client))
        self.assertEqual(list(self.daemon.out.iterdir()), [])

    def test_second_sigterm_ends_now(self):
        self.daemon.configure(daemon="drain_timeout = 1h").start()
        client = self.begin()
        host, = self.daemon.host_pids()
        self.daemon.kill(signal.SIGTERM)
        self.daemon.wait_log(" ending ")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertTrue(harness.ends_with_reset(client))
        self.assertEqual(list(self.daemon.out.iterdir()), [])
        wait_for(lambda: not harness.alive(host), "the host's end")

    def test_second_sigterm_ends_a_monitor_that_hangs(self):
        self.daemon.configure(daemon="drain_timeout = 1h", monitor="mock",
                              port="hang = write").start()
        client = self.queue_up(b"x")
        self.daemon.wait_log("port opened")
        host, = self.daemon.host_pids()
        self.daemon.kill(signal.SIGTERM)
        self.daemon.wait_log(" ending ")
        self.assertEqual(self.daemon.stop(), 0)
        # The host is left to end its document, and has a grace for that.
        wait_for(lambda: not harness.alive(host), "the host's end")
        self.assertTrue(harness.ends_with_reset(client))

    def test_sigterm_during_a_back_off(self):
        self.daemon.configure(monitor="mock", port="crash = open").start()
        self.assertTrue(harness.ends_with_reset(self.queue_up(b"x")))
        self.daemon.wait_log("to=backoff")
        self.assertEqual(self.daemon.stop(), 0)

    def test_a_storm_of_signals(self):
        self.daemon.configure(daemon="drain_timeout = 1h").start()
        self.begin()
        process = self.daemon.process
        for n in range(600):
            if process.poll() is not None:
                break
            process.send_signal((signal.SIGHUP, signal.SIGTERM,
                                 signal.SIGINT)[n % 3])
        self.assertEqual(self.status_of(process), 0)


class Reload(LifeCase):

    def test_bad_file_keeps_the_old_configuration(self):
        self.daemon.configure().start()
        text = self.daemon.ini.read_text()
        bad = text.replace("ports = p", "ports = p\nidle_timout = 3s")
        line = bad.split("\n").index("idle_timout = 3s") + 1
        self.reload(bad, "reload refused")
        self.daemon.wait_log(f"configuration file=.* line={line} "
                             ".*idle_timout.*idle_timeout")
        self.assertEqual(self.daemon.print(b"still"), b"")
        self.assertEqual(list(self.daemon.documents().values()), [b"still"])

    def test_bad_setting_of_a_monitor_keeps_the_old_configuration(self):
        self.daemon.configure().start()
        text = self.daemon.ini.read_text()
        bad = text.replace("fsync = no", "fsync = maybe")
        line = bad.split("\n").index("fsync = maybe") + 1
        self.reload(bad, "reload refused")
        self.daemon.wait_log(f"configuration file=.* line={line} .*fsync")
        self.assertEqual(self.daemon.print(b"still"), b"")

    def test_missing_file_keeps_the_old_configuration(self):
        self.daemon.configure().start()
        self.daemon.ini.unlink()
        self.reload(done="reload refused")
        self.assertEqual(self.daemon.print(b"still"), b"")

    def test_taken_address_keeps_the_old_configuration(self):
        taken = self.listening_socket().getsockname()[1]
        self.daemon.configure().start()
        text = self.daemon.ini.read_text().replace(
            "listen = 127.0.0.1:0",
            f"listen = 127.0.0.1:0\nlisten = 127.0.0.1:{taken}")
        self.reload(text, "reload refused")
        self.daemon.wait_log("configuration .*another program listens")
        self.assertEqual(self.daemon.print(b"still"), b"")

    def test_new_port_queue_and_listener(self):
        self.daemon.configure().start()
        second = self.daemon.dir / "second"
        second.mkdir()
        self.reload(self.daemon.ini.read_text() + f"""
[listener two]
listen = 127.0.0.1:0
queue = two
[queue two]
ports = two
delivery = stream
[port two]
monitor = file
directory = {second}
""")
        self.assertEqual(self.daemon.print(b"to two", "two"), b"")
        self.assertEqual(self.daemon.print(b"to one"), b"")
        self.assertEqual([p.read_bytes() for p in second.iterdir()],
                         [b"to two"])
        self.assertEqual(list(self.daemon.documents().values()), [b"to one"])

    def without_p(self):
        """The same, with another port in place of p."""
        other = self.daemon.dir / "other"
        other.mkdir()
        text = self.daemon.ini.read_text()
        return other, text.replace("ports = p", "ports = o").replace(
            "[port p]", "[port o]").replace(str(self.daemon.out), str(other))

    def test_removed_port_prints_those_that_wait(self):
        self.daemon.configure().start()
        client = self.begin()
        waiting = [self.queue_up(b"waits %d" % n) for n in range(3)]
        # All three are known to the port before the reload.
        self.daemon.connect().close()
        self.daemon.wait_log("connection without a job")
        other, text = self.without_p()
        self.reload(text)
        self.assertEqual(self.daemon.print(b"new"), b"")
        self.assertEqual(self.finish(client), b"")
        for w in waiting:
            self.assertEqual(harness.read_to_end(w), b"")
        self.assertEqual(
            list(self.daemon.documents().values()),
            [b"begun done", b"waits 0", b"waits 1", b"waits 2"])
        self.assertEqual([p.read_bytes() for p in other.iterdir()], [b"new"])
        wait_for(lambda: len(self.daemon.host_pids()) == 1,
                 "the removed port's end")

    def test_changed_settings_count_from_the_next_document(self):
        self.daemon.configure().start()
        client = self.begin()
        host, = self.daemon.host_pids()
        other = self.daemon.dir / "other"
        other.mkdir()
        self.reload(self.daemon.ini.read_text().replace(
            str(self.daemon.out), str(other)))
        waiting = self.queue_up(b"new")
        self.assertEqual(self.finish(client), b"")
        self.assertEqual(harness.read_to_end(waiting), b"")
        self.assertEqual(list(self.daemon.documents().values()),
                         [b"begun done"])
        self.assertEqual([p.read_bytes() for p in other.iterdir()], [b"new"])
        self.assertFalse(harness.alive(host))

    def test_unchanged_port_stays_open(self):
        self.daemon.configure().start()
        self.assertEqual(self.daemon.print(b"one"), b"")
        before = self.daemon.host_pids()
        self.reload(self.daemon.ini.read_text() + "idle_close = 1h\n")
        self.assertEqual(self.daemon.print(b"two"), b"")
        self.assertEqual(self.daemon.host_pids(), before)

    def test_listener_moves_and_its_connection_lives_on(self):
        self.daemon.configure().start()
        old = self.daemon.address()
        client = self.begin()
        quiet = self.daemon.connect()
        n = self.daemon.log().count("listening listener=raw")
        self.reload(self.daemon.ini.read_text().replace(
            "127.0.0.1:0", f"{a_name()}:0"))
        self.daemon.wait_log("listening listener=raw", n + 1)
        new = self.daemon.address()
        self.assertNotEqual(old, new)
        self.assertTrue(refuses(old))
        self.assertEqual(self.finish(client), b"")
        self.assertEqual(self.finish(quiet, b"quiet"), b"")
        self.assertEqual(self.daemon.print(b"new"), b"")
        self.assertEqual(sorted(self.daemon.documents().values()),
                         [b"begun done", b"new", b"quiet"])

    def test_unchanged_listeners_keep_their_sockets(self):
        self.daemon.configure(more="""
[listener two]
listen = 127.0.0.1:0
queue = q
""").start()
        one, two = self.daemon.address(), self.daemon.address("two")
        self.reload()
        for address in one, two:
            with socket.create_connection(address, harness.LIMIT_S) as s:
                self.assertEqual(self.finish(s, b"x"), b"")

    def test_removed_listener(self):
        self.daemon.configure(more="""
[listener two]
listen = 127.0.0.1:0
queue = q
""").start()
        address = self.daemon.address("two")
        client = self.begin(listener="two")
        text = self.daemon.ini.read_text()
        self.reload(text[:text.index("[listener two]")])
        self.assertTrue(refuses(address))
        self.assertEqual(self.finish(client), b"")
        self.assertEqual(self.daemon.print(b"x"), b"")

    def test_log_level(self):
        self.daemon.configure().start()
        other = self.daemon.dir / "other"
        other.mkdir()
        self.daemon.ini.write_text(
            self.daemon.ini.read_text()
            .replace(str(self.daemon.out), str(other))
            .replace("log_level = debug", "log_level = warning"))
        self.daemon.kill(signal.SIGHUP)

        def look():
            self.assertEqual(self.daemon.print(b"x"), b"")
            return list(other.iterdir())
        wait_for(look, "the new configuration")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertNotIn(" ended ", self.daemon.log())

    def test_what_needs_a_restart_is_said(self):
        self.daemon.configure().start()
        self.reload(self.daemon.ini.read_text().replace(
            "user = root", "user = nobody"))
        self.daemon.wait_log("some changes wait for a restart keys=user")

    def test_an_empty_file_is_refused(self):
        self.daemon.configure().start()
        self.reload("", "reload refused")
        self.assertIn("there is no [listener NAME] section",
                      self.daemon.log())
        self.assertEqual(self.daemon.print(b"x"), b"")

    def test_a_thousand_sighups(self):
        self.daemon.configure().start()
        self.daemon.print(b"warm")
        before = fds_of(self.daemon.pid)
        for _ in range(1000):
            self.daemon.kill(signal.SIGHUP)
        other = self.daemon.dir / "other"
        other.mkdir()
        # A reload may be under way: the new file takes the old one's place.
        new = self.daemon.dir / "new.ini"
        new.write_text(self.daemon.ini.read_text().replace(
            str(self.daemon.out), str(other)))
        new.rename(self.daemon.ini)
        self.daemon.kill(signal.SIGHUP)

        def look():
            self.assertEqual(self.daemon.print(b"x"), b"")
            return list(other.iterdir())
        wait_for(look, "the last configuration")
        wait_for(lambda: fds_of(self.daemon.pid) <= before,
                 f"{before} descriptors")

    def test_under_load(self):
        """Every document is printed once, while settings change and change."""
        self.daemon.configure().start()
        text = self.daemon.ini.read_text()
        over = threading.Event()

        def print_one(n):
            self.assertEqual(self.daemon.print(b"%d" % n), b"")

        def change():
            n = 0
            while not over.is_set():
                n += 1
                self.reload(text.replace("fsync = no",
                                         f"fsync = no\nmode = 06{n % 7}0"))
        changer = threading.Thread(target=change)
        changer.start()
        try:
            with concurrent.futures.ThreadPoolExecutor(8) as pool:
                list(pool.map(print_one, range(400)))
        finally:
            over.set()
            changer.join()
        self.assertEqual(sorted(map(int, self.daemon.documents().values())),
                         list(range(400)))
        self.assertNotIn("port host is gone", self.daemon.log())


class Sockets(LifeCase):

    def test_passed_socket_is_found_by_its_address(self):
        s = self.listening_socket()
        host, port = s.getsockname()
        self.daemon.configure(listener=f"listen = {host}:{port}")
        self.start_with([s])
        self.assertEqual(self.daemon.address(), (host, port))
        self.assertEqual(self.daemon.print(b"x"), b"")
        self.reload()
        self.assertEqual(self.daemon.print(b"y"), b"")
        self.assertEqual(sorted(self.daemon.documents().values()),
                         [b"x", b"y"])

    def test_passed_socket_is_found_by_its_name(self):
        one, two = self.listening_socket(), self.listening_socket()
        self.daemon.configure(listener="listen = systemd:two")
        self.start_with([one, two], "one:two")
        self.assertEqual(self.daemon.address(), two.getsockname())
        self.assertEqual(self.daemon.print(b"x"), b"")
        self.daemon.wait_log("a passed socket has no listener name=one")
        self.reload(self.daemon.ini.read_text().replace(
            "systemd:two", "systemd:one"))
        with socket.create_connection(one.getsockname()) as s:
            self.assertEqual(self.finish(s, b"y"), b"")

    def test_client_that_came_before_the_start(self):
        s = self.listening_socket()
        early = socket.create_connection(s.getsockname(), harness.LIMIT_S)
        early.sendall(b"early")
        self.daemon.configure(listener="listen = systemd:main")
        self.start_with([s], "main")
        self.assertEqual(self.finish(early, b" bird"), b"")
        self.assertEqual(list(self.daemon.documents().values()),
                         [b"early bird"])

    def test_missing_name_is_an_error(self):
        s = self.listening_socket()
        self.daemon.configure(listener="listen = systemd:nobody")
        self.start_with([s], "main", wait=False)
        self.assertEqual(self.status_of(self.daemon.process), 69)
        self.assertRegex(self.daemon.log(),
                         r"printportd.ini:\d+: .*systemd:nobody.*no socket of "
                         "this name")

    def test_rule_80_second_daemon_on_the_address(self):
        self.daemon.configure().start()
        port = self.daemon.address()[1]
        second = self.daemon.dir / "second.ini"
        text = self.daemon.ini.read_text().replace(
            "127.0.0.1:0", f"127.0.0.1:{port}")
        second.write_text(text)
        line = text.split("\n").index(f"listen = 127.0.0.1:{port}") + 1
        got = subprocess.run(
            [harness.BUILD / "printportd", "--config", second],
            capture_output=True, text=True, timeout=harness.LIMIT_S)
        self.assertEqual(got.returncode, 69)
        self.assertIn(f"{second}:{line}: ", got.stderr)
        self.assertIn("change this line", got.stderr)
        self.assertEqual(self.daemon.print(b"unharmed"), b"")


class Notify(LifeCase):
    """What a service manager hears."""

    def setUp(self):
        super().setUp()
        self.notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(self.notify.close)
        self.notify.settimeout(harness.LIMIT_S)
        self.path = str(self.daemon.dir / "notify")
        self.notify.bind(self.path)

    def start(self, **env):
        self.daemon.configure().start(
            env=dict(os.environ, NOTIFY_SOCKET=self.path, **env))

    def hear(self):
        """The next message, as a dictionary."""
        lines = self.notify.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def test_from_ready_to_stopping(self):
        self.start()
        heard = self.hear()
        self.assertEqual(heard["READY"], "1")
        self.assertEqual(heard["STATUS"], "serving 1 ports on 1 sockets")
        self.reload()
        heard = self.hear()
        self.assertEqual(heard["RELOADING"], "1")
        self.assertGreater(int(heard["MONOTONIC_USEC"]), 0)
        self.assertEqual(self.hear()["READY"], "1")
        self.assertEqual(self.daemon.stop(), 0)
        self.assertEqual(self.hear()["STOPPING"], "1")

    def test_ready_also_after_a_reload_that_was_refused(self):
        self.start()
        self.assertEqual(self.hear()["READY"], "1")
        self.reload("[nonsense]\n", "reload refused")
        self.assertEqual(self.hear()["RELOADING"], "1")
        self.assertEqual(self.hear()["READY"], "1")

    def test_watchdog(self):
        self.start(WATCHDOG_USEC="200000")
        self.assertEqual(self.hear()["READY"], "1")
        for _ in range(3):
            self.assertEqual(self.hear(), {"WATCHDOG": "1"})

    def test_the_host_does_not_see_it(self):
        self.start()
        self.daemon.print(b"x")
        host, = self.daemon.host_pids()
        environ = pathlib.Path(f"/proc/{host}/environ").read_bytes()
        self.assertNotIn(b"NOTIFY_SOCKET", environ)


@unittest.skipUnless(os.geteuid() == 0, "only root has privileges to drop")
class Privileges(LifeCase):

    def configure(self, user):
        """Programs and modules where any user reaches them."""
        there = self.daemon.dir / "programs"
        there.mkdir()
        for path in harness.BUILD / "printport-host", \
                *harness.MODULES.glob("*.so"):
            shutil.copy(path, there)
        for path in self.daemon.out, self.daemon.spool, \
                self.daemon.control.parent:
            shutil.chown(path, "nobody")
        self.daemon.configure()
        text = self.daemon.ini.read_text()
        self.daemon.ini.write_text(
            text.replace("user = root", f"user = {user}")
            .replace(f"monitor_directory = {harness.MODULES}",
                     f"monitor_directory = {there}")
            .replace(str(harness.BUILD / "printport-host"),
                     str(there / "printport-host")))

    def check_status(self, pid, uid):
        lines = pathlib.Path(f"/proc/{pid}/status").read_text().splitlines()
        status = dict(line.split(":", 1) for line in lines)
        self.assertEqual(status["Uid"].split(), [str(uid)] * 4)
        self.assertNotIn("0", status["Gid"].split())
        self.assertNotIn("0", status["Groups"].split())
        for name in "CapInh", "CapPrm", "CapEff", "CapAmb":
            self.assertEqual(int(status[name], 16), 0, name)
        self.assertEqual(status["NoNewPrivs"].strip(), "1")

    def test_root_becomes_the_user_for_good(self):
        self.configure("nobody")
        self.daemon.start()
        uid = self.daemon.out.stat().st_uid
        self.check_status(self.daemon.pid, uid)
        self.assertEqual(self.daemon.print(b"x"), b"")
        host, = self.daemon.host_pids()
        self.check_status(host, uid)
        document, = self.daemon.out.iterdir()
        self.assertEqual(document.stat().st_uid, uid)
        self.reload()
        self.assertEqual(self.daemon.print(b"y"), b"")
        self.check_status(self.daemon.pid, uid)

    def test_unknown_user_is_an_error_with_a_remedy(self):
        self.configure("no-such-user")
        self.daemon.start(wait=False)
        self.assertEqual(self.status_of(self.daemon.process), 67)
        self.assertRegex(self.daemon.log(),
                         'there is no user "no-such-user".*useradd')


class Log(LifeCase):
    """Standard error is where the log goes, and may be anything."""

    def start_logging_to(self, stderr, prefix=""):
        """The log says no address, so the socket is a passed one."""
        self.socket = self.listening_socket()
        fd = self.socket.fileno()
        self.daemon.configure(listener="listen = systemd:main")
        self.daemon.process = subprocess.Popen(
            [sys.executable, "-S", "-c", prefix + PASS_SOCKETS, "1", str(fd),
             *self.daemon.command()], pass_fds=[fd], stderr=stderr,
            env=dict(os.environ, LISTEN_FDNAMES="main"))

    def print_one(self, data):
        with socket.create_connection(self.socket.getsockname()) as client:
            client.settimeout(harness.LIMIT_S)
            self.assertEqual(self.finish(client, data), b"")

    def test_closed(self):
        """No descriptor of ours may take its place, and with it the log."""
        self.start_logging_to(None, "import os\nos.closerange(0, 3)\n")
        for data in b"0", b"1", b"2":
            self.print_one(data)
        self.assertEqual(sorted(self.daemon.documents().values()),
                         [b"0", b"1", b"2"])
        for fd in 0, 1, 2:
            self.assertEqual(os.readlink(f"/proc/{self.daemon.pid}/fd/{fd}"),
                             "/dev/null")

    def test_full_pipe_blocks_no_one_and_lost_lines_are_counted(self):
        ours, its = os.pipe()
        self.addCleanup(os.close, ours)
        fcntl.fcntl(its, F_SETPIPE_SZ, 16384)
        self.start_logging_to(its)
        os.close(its)
        for _ in range(300):
            self.print_one(b"x")
        os.set_blocking(ours, False)
        text = b""

        def is_said():
            nonlocal text
            try:
                text += os.read(ours, 65536)
            except BlockingIOError:
                pass
            self.print_one(b"x")
            return b"log lines were lost lines=" in text
        wait_for(is_said, "a count of lost lines")
        lines = text.split(b"\n")[:-1]
        self.assertGreater(len(lines), 30)
        for line in lines:
            self.assertRegex(line, rb"^20\d\d-\d\d-\d\dT\S+Z \w+ ")

    def test_gone_reader(self):
        ours, its = os.pipe()
        os.close(ours)
        self.start_logging_to(its)
        os.close(its)
        for data in b"0", b"1", b"2":
            self.print_one(data)


class JobNumbers(LifeCase):

    def test_never_repeat(self):
        """Over restarts, orderly and not: files are named by job number."""
        self.daemon.configure()
        seen = []
        for end in signal.SIGTERM, signal.SIGKILL, signal.SIGKILL, \
                signal.SIGTERM:
            self.daemon.log_path.unlink(missing_ok=True)
            self.daemon.start()
            for _ in range(3):
                self.daemon.print(b"x")
            names = {int(p.stem) for p in self.daemon.out.iterdir()}
            new = sorted(names - set(seen))
            self.assertEqual(len(new), 3)
            if seen:
                self.assertGreater(new[0], seen[-1])
            seen += new
            hosts = self.daemon.host_pids()
            self.daemon.stop(end)
            wait_for(lambda: not any(map(harness.alive, hosts)),
                     "the hosts' end")
        self.assertEqual(len(set(seen)), 12)


if __name__ == "__main__":
    harness.main()
