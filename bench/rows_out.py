"""The rows of output: from a queue to a printer, here a reader of our own.

The jobs are in the spool, and their port is paused, before a clock runs.
"""
import contextlib
import http.client
import json
import math
import resource
import shutil
import socket
import statistics
import subprocess
import tempfile
import time

from clients import Load, parse_result
from processes import BenchError, cpu_seconds, stop, wait_for_rest
from servers import Place, Printportd, progress
from tables import Figure, Ratio, Row, at_least, at_most

REST_LIMIT_S = 120
LOAD_LIMIT_S = 300
GB = 1e9
NS_PER_MS = 1e6
BLOCK = 1 << 20


# ---- the printer ------------------------------------------------------------

class Paper:
    """bench/paper, a reader that tells when it read what."""

    def __init__(self, build, *args):
        self.child = subprocess.Popen([build / "bench/paper", *args],
                                      stdout=subprocess.PIPE, text=True)
        self.port = int(self.child.stdout.readline() or 0)
        if self.port == 0:
            raise BenchError("paper does not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        stop(self.child)
        self.child.stdout.close()

    def next(self):
        """The next thing that it says."""
        line = self.child.stdout.readline()
        if not line:
            raise BenchError("paper has died")
        return parse_result(line)


class ToPaper(Printportd):
    """The daemon, whose port is a printer that starts and ends with it."""

    def __init__(self, build, *args):
        super().__init__(build, monitor="socket")
        self.paper_args = args
        if not (build / ".libs/socket.so").exists():
            self.missing = f"{build / '.libs/socket.so'} is not built"

    @contextlib.contextmanager
    def running(self, directory):
        with Paper(self.build, *self.paper_args) as paper:
            self.sections["port_keys"] = \
                f"host = 127.0.0.1\nport = {paper.port}"
            with super().running(directory) as server:
                server.paper = paper
                yield server


class Socat:
    """Sends a file to a printer; started anew for each of them."""

    def __init__(self):
        self.missing = None if shutil.which("socat") else "no socat here"
        self.place = Place()

    def running(self, directory):
        return self.place.running(directory)


# ---- the daemon's switches --------------------------------------------------

class Control(http.client.HTTPConnection):
    def __init__(self, server):
        super().__init__("localhost", timeout=REST_LIMIT_S)
        self.path = server.spool.parent / "control"

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))

    def ask(self, method, path):
        self.request(method, path)
        answer = self.getresponse()
        text = answer.read()
        if answer.status != 200:
            raise BenchError(f"{method} {path}: {answer.status} {text}")
        return json.loads(text)


def spool(build, server, control, options):
    """Jobs that wait, all of them durable, for a port that is paused.  One
    was printed before: the port is open."""
    wait_for_rest(server.pid, REST_LIMIT_S)
    control.ask("POST", "/v1/ports/p/pause")
    load = {key: options[key] for key in ("jobs", "size", "clients")}
    with Load(build, server.port, mode="jobs", limit=LOAD_LIMIT_S,
              patience=LOAD_LIMIT_S, **load) as crowd:
        if crowd.result()["lost"]:
            raise BenchError("printportd loses jobs")
    wait_for_rest(server.pid, REST_LIMIT_S)


# ---- throughput -------------------------------------------------------------

def speed(page, cpu_s):
    seconds = (page["end_ns"] - page["accepted_ns"]) / 1e9
    return {"mb_per_s": page["bytes"] / seconds / 1e6,
            "cpu_s_per_gb": cpu_s / (page["bytes"] / GB)}


def make_file(path, size):
    """What the load generator would send has as little in it."""
    with path.open("wb") as file:
        for _ in range(size // BLOCK):
            file.write(bytes(BLOCK))


def measure_socat(build, server, options):
    file = server.spool / "file"
    if not file.exists():
        make_file(file, options["bytes"])
    with Paper(build) as paper:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(["socat", "-u", "-b", "262144", f"OPEN:{file}",
                        f"TCP:127.0.0.1:{paper.port}"], check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        page = paper.next()
    return speed(page, after.ru_utime + after.ru_stime -
                 before.ru_utime - before.ru_stime)


def measure_large(build, server, options):
    if server.port is None:
        return measure_socat(build, server, options)
    server.paper.next()
    control = Control(server)
    spool(build, server, control, options)
    before = cpu_seconds(server.pid)
    control.ask("POST", "/v1/ports/p/resume")
    page = server.paper.next()
    wait_for_rest(server.pid, REST_LIMIT_S)
    return speed(page, cpu_seconds(server.pid) - before)


# ---- the gap between two jobs -----------------------------------------------

def measure_gap(build, server, options):
    """From the end of a job, as the printer sees it, to the first byte of the
    next one."""
    server.paper.next()
    control = Control(server)
    spool(build, server, control, options)
    before = cpu_seconds(server.pid)
    control.ask("POST", "/v1/ports/p/resume")
    pages = [server.paper.next() for _ in range(options["jobs"])]
    wait_for_rest(server.pid, REST_LIMIT_S)
    used = cpu_seconds(server.pid) - before
    gaps = sorted((page["first_ns"] - last["end_ns"]) / NS_PER_MS
                  for last, page in zip(pages, pages[1:]))
    seconds = (pages[-1]["end_ns"] - pages[0]["accepted_ns"]) / 1e9
    return {"gap_ms": statistics.median(gaps),
            "gap_p99_ms": gaps[math.ceil(len(gaps) * 0.99) - 1],
            "gap_max_ms": gaps[-1],
            "jobs_per_s": (len(pages) - 1) / seconds,
            "cpu_s_per_1000": used / len(pages) * 1000}


# ---- cancel -----------------------------------------------------------------

def measure_cancel(build, server, options):
    """From the request to when the printer, which takes nothing, sees its
    connection break; and to the answer."""
    control = Control(server)
    with Load(build, server.port, mode="jobs", jobs=1, clients=1,
              size=options["size"]) as crowd:
        crowd.result()
    if "stalled" not in server.paper.next():
        raise BenchError("paper does not stall")
    wait_for_rest(server.pid, REST_LIMIT_S)
    job = max(job["id"] for job in
              control.ask("GET", "/v1/jobs?which=unfinished")["jobs"])
    begun = time.monotonic_ns()
    control.ask("POST", f"/v1/jobs/{job}/cancel")
    answered = time.monotonic_ns()
    page = server.paper.next()
    wait_for_rest(server.pid, REST_LIMIT_S)
    return {"break_ms": (page["end_ns"] - begun) / NS_PER_MS,
            "answer_ms": (answered - begun) / NS_PER_MS}


class Stalling(ToPaper):
    """Of each connection it reads only so much; the first job is less."""

    def __init__(self, build):
        super().__init__(build, "--stall", "64K")

    @contextlib.contextmanager
    def running(self, directory):
        with super().running(directory) as server:
            yield FirstPage(server)


class FirstPage:
    """A server whose first page, when it has come, is thrown away."""

    def __init__(self, server):
        self.__dict__.update(vars(server))
        self.thrown = False


def measure_cancels(build, server, options):
    if not server.thrown:
        server.paper.next()
        server.thrown = True
    return measure_cancel(build, server, options)


# ---- rows -------------------------------------------------------------------

def rows(build, quick):
    """The goals are for the full sizes."""
    def pick(full, small):
        return small if quick else full

    size = pick(1024, 128)
    return [
        Row("out-socket", "one job of {size} from the spool to a printer",
            (Figure("MB/s", "mb_per_s"),
             Ratio("ratio to socat", "mb_per_s", (at_least(0.9),),
                   of="socat"),
             Figure("CPU s/GB", "cpu_s_per_gb", (at_most(1, "socat"),),
                    statistics.mean, 3)),
            {"socat": Socat(), "socat again": Socat(),
             "printportd": ToPaper(build)},
            measure_large,
            dict(jobs=1, clients=1, size=f"{size}M", bytes=size * BLOCK),
            fresh=True),
        Row("out-socket-gap", "{jobs:,} jobs of {size} from the spool to a "
            "printer, one connection each",
            (Figure("gap between two, ms", "gap_ms", (at_most(2),),
                    digits=2),
             Figure("p99 ms", "gap_p99_ms", digits=2),
             Figure("longest ms", "gap_max_ms", (), max, 1),
             Figure("jobs/s", "jobs_per_s"),
             Figure("CPU s per 1,000 jobs", "cpu_s_per_1000", (),
                    statistics.mean, 3)),
            {"printportd": ToPaper(build)}, measure_gap,
            dict(jobs=pick(5000, 500), clients=64, size="4K"), fresh=True),
        Row("out-socket-cancel", "a job of {size} canceled while the printer "
            "takes nothing",
            (Figure("ms until the printer sees it", "break_ms", digits=2),
             Figure("longest", "break_ms", (), max, 2),
             Figure("ms until the answer", "answer_ms", digits=2)),
            {"printportd": Stalling(build)}, measure_cancels,
            dict(size="16M")),
    ]
