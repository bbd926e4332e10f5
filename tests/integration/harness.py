"""The real daemon in a temporary directory, driven over loopback.

A test file has unittest classes, and ends with harness.main().  Results go
out as TAP.  One test alone:

    tests/integration/test_raw.py TestEnd.test_fin_prints

Where the programs are comes from the environment, with a checkout's build/
as default:

    PRINTPORT_BUILD     directory with printportd and printport-host
    PRINTPORT_MODULES   directory with the modules (default BUILD/.libs)
    PRINTPORT_PEERS     directory with unpacked client packages

Nothing here sleeps to be right: wait_for() polls a condition, and its limit
is generous, because it only matters when the test fails.
"""

import errno
import os
import pathlib
import re
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("PRINTPORT_BUILD", TOP / "build"))
MODULES = pathlib.Path(os.environ.get("PRINTPORT_MODULES", BUILD / ".libs"))
PEERS = pathlib.Path(os.environ.get("PRINTPORT_PEERS", TOP / "build/peers"))
LIMIT_S = 60


def wait_for(condition, what, limit_s=LIMIT_S):
    """Poll until condition() is true and return its value.

    what is for people, a text or a function that makes it when it is time."""
    end = time.monotonic() + limit_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError("waited in vain for: " +
                                 (what() if callable(what) else what))
        time.sleep(0.01)


def loopback_name(otherwise="127.1"):
    """One that is no dotted quad; a bare system may know none."""
    try:
        socket.getaddrinfo("localhost", 0)
        return "localhost"
    except socket.gaierror:
        return otherwise


def alive(pid):
    """Is there such a process, and is it no zombie?"""
    try:
        stat = pathlib.Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] != "Z"


class Daemon:
    """A printportd of our own, its configuration, log and directories."""

    delivery = "stream"         # of its queue, unless configure() is told

    def __init__(self, directory):
        self.dir = pathlib.Path(directory)
        self.out = self.dir / "out"
        self.out.mkdir()
        self.spool = self.dir / "spool"
        self.spool.mkdir(mode=0o700)
        run = self.dir / "run"
        run.mkdir()
        self.control = run / "control.sock"
        self.ini = self.dir / "printportd.ini"
        self.log_path = self.dir / "log"
        self.program = BUILD / "printportd"
        self.process = None

    def configure(self, port="", queue="", listener="", daemon="",
                  monitor="file", more="", delivery=None):
        """Write an ini with one listener, queue and port named raw, q, p."""
        if monitor == "file" and "directory" not in port and \
                "path =" not in port:
            port += f"\ndirectory = {self.out}\nname = %j.prn\nfsync = no\n"
        if "client_max_connections" not in daemon:
            daemon += "\nclient_max_connections = 0"
        listen = "" if "listen =" in listener else "listen = 127.0.0.1:0\n"
        if "delivery =" not in queue:
            queue = f"delivery = {delivery or self.delivery}\n" + queue
        self.ini.write_text(f"""\
[daemon]
user = root
monitor_directory = {MODULES}
host_program = {BUILD / "printport-host"}
spool_directory = {self.spool}
control_socket = {self.control}
log_level = debug
{daemon}
[listener raw]
{listen}queue = q
{listener}
[queue q]
ports = p
{queue}
[port p]
monitor = {monitor}
{port}
{more}
""")
        return self

    def command(self, *args):
        return [str(self.program), "--config", str(self.ini), *args]

    def start(self, wait=True, **kwargs):
        """Start it; kwargs go to Popen."""
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                kwargs.pop("args", self.command()), stderr=log,
                stdin=subprocess.DEVNULL, **kwargs)
        if wait:
            self.wait_log(r" ready ports=")
        return self

    def run(self, *args, **kwargs):
        """Run it with options, to its end."""
        return subprocess.run(self.command(*args), capture_output=True,
                              text=True, timeout=LIMIT_S, **kwargs)

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        try:
            return self.log_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_log(self, pattern, count=1):
        """Wait until the log has count matches; returns the last one."""
        def look():
            found = list(re.finditer(pattern, self.log()))
            if len(found) >= count:
                return found
            if self.process is not None and \
                    self.process.poll() is not None and count == 1:
                found = list(re.finditer(pattern, self.log()))
                if found:
                    return found
                raise AssertionError(
                    f"printportd ended with {self.process.returncode} "
                    f"before {pattern!r} was logged:\n{self.log()}")
            return None
        return wait_for(
            look, lambda: f"{pattern!r} in the log:\n{self.log()}")[-1]

    def address(self, listener="raw"):
        """(host, port) that a listener is bound to, the latest."""
        match = self.wait_log(
            rf"listening listener={listener} address=\[?([^\s\]]+?)\]?:(\d+)\s")
        return match.group(1), int(match.group(2))

    def connect(self, listener="raw", **kwargs):
        return socket.create_connection(self.address(listener),
                                        timeout=LIMIT_S, **kwargs)

    def print(self, data, listener="raw"):
        """Print as a good client does; returns what was answered.

        Raises ConnectionResetError if the job failed."""
        with self.connect(listener) as s:
            return print_on(s, data)

    def documents(self):
        """Contents of the finished output files, by name."""
        return {p.name: p.read_bytes() for p in sorted(self.out.iterdir())
                if not p.name.startswith(".")}

    def wait_documents(self, n):
        def look():
            documents = self.documents()
            return documents if len(documents) >= n else None
        return wait_for(look, lambda: f"{n} documents:\n{self.log()}")

    def wait_jobs(self, n, what="job printed"):
        return self.wait_log(re.escape(what), n)

    def host_pids(self):
        """Port hosts that live, as children of the daemon."""
        path = pathlib.Path(f"/proc/{self.pid}/task")
        pids = set()
        try:
            tasks = list(path.iterdir())
        except FileNotFoundError:
            return []
        for task in tasks:
            try:
                pids |= set((task / "children").read_text().split())
            except (FileNotFoundError, ProcessLookupError):
                pass
        return [int(p) for p in pids if alive(int(p))]

    def kill(self, number):
        self.process.send_signal(number)

    def stop(self, number=signal.SIGTERM):
        """End it; returns the exit status."""
        if self.process is None:
            return None
        if self.process.poll() is None:
            self.process.send_signal(number)
        status = self.process.wait(LIMIT_S)
        self.process = None
        return status


def print_on(sock, data):
    """Send it, half-close, and return what was answered.

    A connection that was reset meanwhile tells it in one of several ways;
    it becomes ConnectionResetError here."""
    try:
        sock.sendall(data)
        sock.shutdown(socket.SHUT_WR)
        return read_to_end(sock)
    except OSError as error:
        if error.errno in (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN):
            raise ConnectionResetError(*error.args) from error
        raise


def read_to_end(sock):
    data = b""
    while True:
        part = sock.recv(65536)
        if not part:
            return data
        data += part


def reset(sock):
    """Close with RST, as a client that crashed."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                    struct.pack("ii", 1, 0))
    sock.close()


def ends_with_reset(sock):
    """Does the connection end with RST (and not with FIN)?"""
    try:
        while sock.recv(65536):
            pass
    except ConnectionResetError:
        return True
    return False


class TestCase(unittest.TestCase):
    """A test with a temporary directory and a daemon in it."""

    maxDiff = 2000

    def setUp(self):
        self.directory = tempfile.mkdtemp(prefix="printport-")
        os.chmod(self.directory, 0o755)
        self.daemon = Daemon(self.directory)

    def tearDown(self):
        try:
            status = self.daemon.stop()
            # A sanitizer's report or a failed assertion is a failure of
            # whatever test was running.
            self.assertIn(status, (None, 0, -signal.SIGKILL),
                          self.daemon.log())
            self.assertNotRegex(self.daemon.log(),
                                r"AddressSanitizer|runtime error|"
                                r"LeakSanitizer|Assertion")
        finally:
            subprocess.run(["umount", "-q", "-R", "-l", self.directory],
                           stderr=subprocess.DEVNULL, check=False) \
                if getattr(self, "mounted", False) else None
            shutil.rmtree(self.directory, ignore_errors=True)


class Tap(unittest.TestResult):
    """Test Anything Protocol on standard output."""

    def __init__(self):
        super().__init__()
        self.number = 0

    def line(self, ok, test, note=""):
        self.number += 1
        print(f"{'ok' if ok else 'not ok'} {self.number} - "
              f"{test.id().replace('__main__.', '')}{note}", flush=True)

    def addSuccess(self, test):
        self.line(True, test)

    def addSkip(self, test, reason):
        self.line(True, test, f" # SKIP {reason}")

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.failed(subtest, err)

    def failed(self, test, err):
        self.line(False, test)
        for line in "".join(traceback.format_exception(*err)).splitlines():
            print("# " + line)

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.failed(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self.failed(test, err)


def main():
    names = sys.argv[1:] or None
    module = sys.modules["__main__"]
    loader = unittest.defaultTestLoader
    suite = loader.loadTestsFromNames(names, module) if names else \
        loader.loadTestsFromModule(module)
    print(f"1..{suite.countTestCases()}", flush=True)
    result = Tap()
    suite.run(result)
    sys.exit(0 if result.wasSuccessful() else 1)
