"""Jobs that can be told apart, clients that remember, printers to switch.

What tests of the spool need: each job has contents of its own, from which a
printed document tells which job it is and whether all of it is there; clients
note what was acknowledged; and a printer can be out of order for a while.
"""

import errno
import hashlib
import http.client
import json
import os
import pathlib
import random
import re
import signal
import socket
import subprocess
import threading

import harness
from harness import wait_for

SLOW = "PRINTPORT_SLOW" in os.environ

# A document up to this size is kept in the record, a larger one in a file.
IN_RECORD = 64 << 10


# ---- jobs ---------------------------------------------------------------

def content(number, size):
    """Bytes of a job that no other has, and none of its beginnings."""
    head = b"job %d of %d bytes\n" % (number, size)
    return (head + hashlib.shake_128(head).digest(size))[:max(size, len(head))]


def number_of(data):
    """Which job it is; raises if it is not the whole of one."""
    match = re.match(rb"job (\d+) of (\d+) bytes\n", data)
    if match is None:
        raise AssertionError(f"not a job of ours: {data[:60]!r}")
    number, size = map(int, match.groups())
    if data != content(number, size):
        raise AssertionError(f"job {number} is not whole: {len(data)} "
                             f"bytes of {size}")
    return number


def some_size(rng):
    """Mostly small, some at the edge of what a record takes, some large."""
    kind = rng.random()
    if kind < 0.8:
        return rng.randrange(30, 3000)
    if kind < 0.9:
        return IN_RECORD + rng.randrange(-1, 2)
    return rng.randrange(IN_RECORD, 400000)


# ---- clients ------------------------------------------------------------

BROKEN = (errno.ECONNRESET, errno.EPIPE, errno.ENOTCONN)


def send(address, data):
    """Print it: was it acknowledged?  By an orderly end with nothing behind.

    ConnectionRefusedError if nobody listens."""
    try:
        s = socket.create_connection(address, timeout=harness.LIMIT_S)
    except ConnectionResetError:        # accepted, and reset at once
        return False
    with s:
        try:
            s.sendall(data)
            s.shutdown(socket.SHUT_WR)
            harness.read_to_end(s)
        except OSError as error:
            if error.errno in BROKEN:
                return False
            raise
        return s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0


class Clients:
    """Clients that print one job after the other, and note how it went.

    They wait while they are told of no address."""

    def __init__(self, n, seed, size=some_size):
        self.size = size
        self.sent = {}                  # size by number
        self.acknowledged = set()
        self.errors = []
        self.address = None
        self.stopping = False
        self.change = threading.Condition()
        self.threads = [
            threading.Thread(target=self.run, args=(random.Random(seed + i),),
                             daemon=True)
            for i in range(n)]
        for thread in self.threads:
            thread.start()

    def go(self, address):
        with self.change:
            self.address = address
            self.change.notify_all()

    def next(self, rng):
        with self.change:
            while self.address is None and not self.stopping:
                self.change.wait()
            if self.stopping:
                return None
            number = len(self.sent) + 1
            self.sent[number] = self.size(rng)
            return self.address, number

    def run(self, rng):
        while True:
            job = self.next(rng)
            if job is None:
                return
            try:
                self.print(*job)
            except Exception as error:  # pylint: disable=broad-except
                self.errors.append(error)
                return

    def print(self, address, number):
        try:
            good = send(address, content(number, self.sent[number]))
        except ConnectionRefusedError:
            with self.change:
                if self.address == address:
                    self.address = None
            return
        if good:
            with self.change:
                self.acknowledged.add(number)

    def stop(self):
        with self.change:
            self.stopping = True
            self.change.notify_all()
        for thread in self.threads:
            thread.join(harness.LIMIT_S)
            if thread.is_alive():
                raise AssertionError("a client hangs")
        if self.errors:
            raise self.errors[0]


# ---- printers -----------------------------------------------------------

class Switched:
    """A printer that fails each job while it is off.

    The monitor "mock" prints into a file in a directory that is there only
    while the printer is on, and notes each call that it gets."""

    def __init__(self, directory, name="printer", on=True):
        self.place = directory / name
        self.away = directory / (name + ".off")
        self.away.mkdir()
        self.trace_path = directory / (name + ".trace")
        if on:
            self.on()

    def settings(self, more=""):
        """For the [port] section."""
        return (f"output = {self.place}/paper\ntrace = {self.trace_path}\n"
                f"{more}\n")

    def on(self):
        self.away.rename(self.place)

    def off(self):
        self.place.rename(self.away)

    def printed(self):
        for place in (self.place, self.away):
            try:
                return (place / "paper").read_bytes()
            except FileNotFoundError:
                pass
        return b""

    def lines(self):
        return self.printed().decode().split()

    def calls(self):
        """What the mock was asked to do, in order."""
        try:
            text = self.trace_path.read_text()
        except FileNotFoundError:
            return []
        return text.split("\n")[:-1]

    def count(self, word):
        return len([c for c in self.calls() if c.split()[0] == word])

    def wait_count(self, word, n=1):
        wait_for(lambda: self.count(word) >= n,
                 lambda: f"{n} times {word!r}: {self.calls()}")

    def wait_lines(self, n):
        wait_for(lambda: len(self.lines()) >= n,
                 lambda: f"{n} lines: {self.lines()}")
        return self.lines()


# ---- the control socket -------------------------------------------------

class Control(http.client.HTTPConnection):
    """HTTP to the daemon's control socket."""

    def __init__(self, path):
        super().__init__("localhost", timeout=harness.LIMIT_S)
        self.path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self.path)


# ---- tracing ------------------------------------------------------------

def under_strace(daemon, *options):
    """kwargs of Daemon.start(): the daemon with faults that strace injects.

    The daemon is our child, strace stands beside it.  Leaks cannot be looked
    for in a traced process."""
    args = ["strace", "-D", "-f", "-qq", "-o", "/dev/null", *options, "--",
            *daemon.command()]
    return {"args": args, "env": without_leaks()}


def without_leaks():
    options = os.environ.get("ASAN_OPTIONS", "")
    return dict(os.environ, ASAN_OPTIONS=f"{options}:detect_leaks=0")


def can_trace():
    """May we trace, and is there something to do it with?"""
    try:
        return subprocess.run(
            ["strace", "-D", "-f", "-qq", "-o", "/dev/null", "true"],
            check=False, capture_output=True).returncode == 0
    except FileNotFoundError:
        return False


# ---- tests --------------------------------------------------------------

class SpoolCase(harness.TestCase):
    """A daemon that is killed and started again on the same spool."""

    def setUp(self):
        super().setUp()
        self.starts = 0
        self.printed = {}               # number of each output file
        self.daemon.delivery = "spool"
        self.logs = [self.daemon.log_path]

    def tearDown(self):
        try:
            self.assertNotRegex(self.all_logs(),
                                r"AddressSanitizer|runtime error|"
                                r"LeakSanitizer|Assertion")
        finally:
            super().tearDown()

    def new_log(self):
        """From here on another file; what is waited for is in this one."""
        self.starts += 1
        self.daemon.log_path = self.daemon.dir / f"log.{self.starts}"
        self.logs.append(self.daemon.log_path)

    def start(self, **kwargs):
        if self.daemon.process is not None:
            self.kill()
        self.new_log()
        return self.daemon.start(**kwargs)

    def all_logs(self):
        return "".join(p.read_text(errors="replace") for p in self.logs
                       if p.exists())

    def kill(self, number=signal.SIGKILL, hosts=True):
        """Kill it; with hosts, also wait until its port hosts have seen."""
        if self.daemon.process is None:
            return None
        pids = self.daemon.host_pids() if hosts else []
        status = self.daemon.stop(number)
        wait_for(lambda: not any(map(harness.alive, pids)),
                 "the end of port hosts")
        return status

    def accept(self, *documents, listener="raw"):
        """Print in this order; each must be acknowledged."""
        address = self.daemon.address(listener)
        for data in documents:
            self.assertTrue(send(address, data), self.daemon.log())

    def refuse(self, data, listener="raw"):
        self.assertFalse(send(self.daemon.address(listener), data))

    def wait_accepted(self, data, listener="raw"):
        """Try until a job is accepted."""
        wait_for(lambda: send(self.daemon.address(listener), data),
                 lambda: f"a job accepted:\n{self.daemon.log()}")

    def ask(self, path, method="GET"):
        """What the control socket answers."""
        control = Control(self.daemon.control)
        try:
            control.request(method, path)
            answer = control.getresponse()
            text = answer.read()
        finally:
            control.close()
        self.assertEqual(answer.status, 200, text)
        return json.loads(text)

    def jobs(self, which="unfinished"):
        return self.ask(f"/v1/jobs?which={which}&limit=1000")["jobs"]

    def wait_jobs(self, good, which="unfinished"):
        """Wait until the list of jobs is good, and return it."""
        def look():
            jobs = self.jobs(which)
            return (jobs,) if good(jobs) else None
        return wait_for(look, lambda: f"jobs: {self.jobs('all')}\n"
                        f"{self.daemon.log()}")[0]

    def wait_state(self, *states):
        """Wait until the unfinished jobs have these states, by number."""
        return self.wait_jobs(
            lambda jobs: [j["state"] for j in sorted(
                jobs, key=lambda j: j["id"])] == list(states))

    def reload(self, done="configuration reloaded"):
        n = self.daemon.log().count(done)
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log(done, n + 1)

    def numbers(self):
        """Jobs that are printed, each of them whole."""
        for name in os.listdir(self.daemon.out):
            if name not in self.printed and not name.startswith("."):
                data = (self.daemon.out / name).read_bytes()
                self.printed[name] = number_of(data)
        return list(self.printed.values())

    def wait_printed(self, numbers):
        """Wait until these are printed; returns how often each job was."""
        wait_for(lambda: numbers <= set(self.numbers()),
                 lambda: f"{sorted(numbers - set(self.numbers()))} printed"
                 f"\n{self.all_logs()[-20000:]}")
        return self.numbers()

    def check_all(self, clients, seed=""):
        """Each acknowledged job is printed once; none is there that is not
        whole, not ours or there twice."""
        self.wait_printed(clients.acknowledged)
        by_number = {}
        for name, number in self.printed.items():
            by_number.setdefault(number, []).append(name)
        self.assertEqual([names for names in by_number.values()
                          if len(names) > 1], [], seed)
        self.assertLessEqual(set(by_number), set(clients.sent), seed)

    def spool_bytes(self):
        """What the spool takes on its disk."""
        return sum(os.lstat(p).st_blocks * 512
                   for p in pathlib.Path(self.daemon.spool).rglob("*"))
