"""What is measured, and what it is measured against.

A kind of server has "missing", the reason why it cannot be measured here or
None, and running(directory), a context in which one of them runs.
"""
import contextlib
import dataclasses
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import typing

from clients import Load, LpdLoad
from processes import (BenchError, LOOPBACK, START_LIMIT_S, STOP_LIMIT_S,
                       answers, free_port, is_free, raise_file_limit, stop,
                       unpacked, wait_until)

END_LIMIT_S = 60        # for a daemon to finish what it does

CONFIG = """\
[daemon]
{user}
monitor_directory = {build}/.libs
host_program = {build}/printport-host
spool_directory = {spool}
{control}
log_level = warning
client_max_connections = 0
{daemon}

[listener {protocol}]
protocol = {protocol}
listen = {address}:{port}
{listener}

[queue q]
ports = p
delivery = {delivery}

[port p]
monitor = {monitor}
{port_keys}
{more}
"""


def progress(text):
    print(text, file=sys.stderr, flush=True)


@dataclasses.dataclass
class Server:
    """One that runs.  What it does not have is None."""
    pid: int = None
    port: int = None
    spool: pathlib.Path = None      # where its jobs are
    ready_s: float = None           # from exec to the first client served
    first_job_s: float = None       # that the first job took
    end: typing.Callable = None     # may be called early
    turns: typing.Callable = None   # where its turns are told at the end
    waiting: typing.Callable = None # jobs that it has not printed yet
    load: type = Load               # its clients


class Sink:
    def __init__(self, build, *args):
        self.command = [build / "bench/sink", *args]
        self.missing = None

    @contextlib.contextmanager
    def running(self, _directory):
        with told_port(self.command) as server:
            yield server


@contextlib.contextmanager
def told_port(command):
    """A server that says on its standard output where it listens."""
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        line = child.stdout.readline()
        if not line:
            raise BenchError(f"{command[0]} does not start")
        yield Server(child.pid, int(line))
    finally:
        stop(child)
        child.stdout.close()


class Spooler:
    """The reference for spooled delivery."""

    def __init__(self, build, *args, directory=None):
        self.command = [build / "bench/spooler", *args]
        self.directory = directory
        self.missing = None

    @contextlib.contextmanager
    def running(self, directory):
        with tempfile.TemporaryDirectory(
                prefix="spooler-", dir=self.directory or directory) as jobs:
            with told_port([*self.command, jobs]) as server:
                yield server


class Place:
    """No server: only a directory, for a program that needs no network."""

    missing = None

    @contextlib.contextmanager
    def running(self, directory):
        with tempfile.TemporaryDirectory(prefix="place-",
                                         dir=directory) as place:
            yield Server(spool=pathlib.Path(place))


def first_answer(port):
    """Connect, send nothing, and wait for the server to close."""
    with contextlib.suppress(OSError):
        with socket.create_connection((LOOPBACK, port),
                                      START_LIMIT_S) as client:
            client.shutdown(socket.SHUT_WR)
            return client.recv(1) == b""
    return False


class Printportd:
    """The daemon, with a spool directory of its own.

    directory is where that is made; stock, if any, fills it; with turns the
    daemon tells how long the turns of its loop were.
    """

    def __init__(self, build, delivery="spool", directory=None, stock=None,
                 turns=False, protocol="raw", **sections):
        self.build = build
        self.delivery = delivery
        self.directory = directory
        self.stock = stock
        self.turns = turns
        self.protocol = protocol
        self.sections = {"daemon": "", "monitor": "null", "port_keys": "",
                         "more": "", **sections}
        self.missing = None
        for name in "printportd", "printport-host", ".libs/null.so":
            if not (build / name).exists():
                self.missing = f"{build / name} is not built"

    def write_config(self, place, spool, port):
        path = place / "printportd.ini"
        path.write_text(CONFIG.format(
            user="user = root" if os.geteuid() == 0 else "",
            build=self.build, spool=spool, address=LOOPBACK, port=port,
            control=f"control_socket = {place}/control",
            delivery=self.delivery, protocol=self.protocol,
            listener="queue = q" if self.protocol == "raw" else "",
            **self.sections))
        return path

    def start(self, place, config):
        environment = dict(os.environ)
        if self.turns:
            environment |= {
                "LD_PRELOAD": self.build / "bench/.libs/turns.so",
                "BENCH_TURNS": place / "turns"}
        with (place / "log").open("w") as output:
            return subprocess.Popen(
                [self.build / "printportd", "--config", config],
                stdout=output, stderr=output, preexec_fn=raise_file_limit,
                env=environment)

    @contextlib.contextmanager
    def running(self, directory):
        with tempfile.TemporaryDirectory(
                prefix="d-", dir=self.directory or directory) as name:
            place = pathlib.Path(name)
            spool = place / "spool"
            if self.stock is None:
                spool.mkdir(0o700)
            else:
                self.stock.copy(directory, spool)
            with self.running_in(place, spool) as server:
                yield server

    @staticmethod
    def wait_until_ready(child, port, log):
        """How long it took from exec to the first client served."""
        begun = time.monotonic()
        while child.poll() is None and not first_answer(port) and \
                time.monotonic() - begun < START_LIMIT_S:
            time.sleep(0.001)
        took_s = time.monotonic() - begun
        if child.poll() is not None or took_s >= START_LIMIT_S:
            raise BenchError(f"printportd does not start:\n{log.read_text()}")
        return took_s

    @contextlib.contextmanager
    def running_in(self, place, spool):
        port = free_port()
        log = place / "log"
        child = self.start(place, self.write_config(place, spool, port))
        try:
            server = Server(child.pid, port, spool,
                            self.wait_until_ready(child, port, log),
                            end=lambda: stop(child, END_LIMIT_S))
            if self.protocol == "lpd":
                server.load = LpdLoad
            if self.turns:
                server.turns = lambda: place / f"turns.{child.pid}"
            if self.delivery == "stream":
                server.spool = None
            yield server
        finally:
            stop(child, END_LIMIT_S)
            for line in log.read_text().splitlines()[:5]:
                progress(f"    printportd: {line}")


class P910nd:
    """From its package, unpacked and not installed.

    As root it runs as its own init script would have it, detached, because
    in the foreground it logs each read; without root there is only that.
    """

    LOCKS = pathlib.Path("/var/lock/p910nd")

    def __init__(self, build):
        self.missing = None
        try:
            self.program = unpacked(build, "p910nd") / "usr/sbin/p910nd"
            # Not -v: having told its version, it goes on to serve.
            help_text = subprocess.run([self.program, "-h"], text=True,
                                       capture_output=True).stderr
            if "Usage" not in help_text:
                self.missing = help_text.strip()
        except (OSError, subprocess.CalledProcessError) as error:
            self.missing = (getattr(error, "stderr", None)
                            or str(error)).strip()

    @contextlib.contextmanager
    def locks(self):
        """Its package would have made this directory."""
        made = not self.LOCKS.exists()
        self.LOCKS.mkdir(exist_ok=True)
        try:
            yield
        finally:
            if made:
                shutil.rmtree(self.LOCKS)

    @staticmethod
    def pid_file(number):
        return pathlib.Path(f"/var/run/p910{number}d.pid")

    def choose_number(self):
        for number in range(9, -1, -1):
            if is_free(9100 + number) and not self.pid_file(number).exists():
                return number
        raise BenchError("p910nd: ports 9100 to 9109 are all taken")

    def command(self, number, *args):
        return [self.program, *args, "-f", "/dev/null", "-i", LOOPBACK,
                str(number)]

    @contextlib.contextmanager
    def foreground(self, number):
        child = subprocess.Popen(self.command(number, "-d"),
                                 stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL)
        try:
            yield child.pid
        finally:
            stop(child)

    @contextlib.contextmanager
    def detached(self, number):
        subprocess.run(self.command(number), stdin=subprocess.DEVNULL,
                       check=True, preexec_fn=raise_file_limit)
        path = self.pid_file(number)
        if not wait_until(lambda: path.exists() and path.read_text(),
                          START_LIMIT_S):
            raise BenchError("p910nd does not start")
        pid = int(path.read_text())
        try:
            yield pid
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
            path.unlink()
            wait_until(lambda: not os.path.exists(f"/proc/{pid}"),
                       STOP_LIMIT_S)

    @contextlib.contextmanager
    def running(self, _directory):
        number = self.choose_number()
        port = 9100 + number
        way = self.detached if os.geteuid() == 0 else self.foreground
        with self.locks(), way(number) as pid:
            if not wait_until(lambda: answers(port), START_LIMIT_S):
                raise BenchError("p910nd does not start")
            yield Server(pid, port)
