"""The rows of LPD: the same job from the same clients, to three servers."""
import os
import signal
import socket
import statistics
import time

from processes import BenchError, LOOPBACK, cpu_seconds, family, wait_for_rest
from rows_spool import LARGE_LIMIT_S, REST_LIMIT_S, count_jobs, missing
from servers import Printportd
from servers_lpd import CupsLpd, LPRng
from tables import Figure, Ratio, Row, at_least, at_most, compare, lost, worst

LOOK_S = 0.02           # between two looks at a peer's spool
ASK_LIMIT_S = 60        # for an answer
LINES_APART = 2         # of it, that are no jobs


def wait_until_printed(server):
    """When, in ms: to within one look."""
    last, deadline = time.time(), time.time() + REST_LIMIT_S
    while server.waiting() > 0:
        time.sleep(LOOK_S)
        last = time.time()
        if last > deadline:
            raise BenchError(f"{server.waiting()} files are not printed")
    return last * 1000


def measure_jobs(build, server, options):
    """Acknowledged as the clients see it; printed, when all is: that stands
    in the store, and else it is when the spool is empty."""
    os.sync()
    wait_for_rest(server.pid, REST_LIMIT_S)
    before = cpu_seconds(server.pid)
    with server.load(build, server.port, **options) as crowd:
        sample = crowd.result()
    if server.waiting is not None:
        printed_ms = wait_until_printed(server)
    wait_for_rest(server.pid, REST_LIMIT_S)
    used = cpu_seconds(server.pid) - before
    if server.spool is not None:
        counts = count_jobs(build, server)
        printed_ms = counts["last_completed_ms"]
        sample["missing"] = missing(counts, sample)
    sample["cpu_s"] = used
    sample["cpu_s_per_1000"] = compare(used, sample["ok"] / 1000)
    sample["printed_per_s"] = compare(
        sample["ok"], (printed_ms - sample["began_ms"]) / 1000)
    return sample


def ask(port):
    """The short status of the queue, and how long it took, in ms: to the
    first octet, and to the end."""
    begun, first = time.monotonic(), None
    with socket.create_connection((LOOPBACK, port), ASK_LIMIT_S) as client:
        client.sendall(b"\3q\n")
        parts = []
        while part := client.recv(1 << 20):
            first = first or time.monotonic()
            parts.append(part)
    end = time.monotonic()
    return b"".join(parts), (first - begun) * 1000, (end - begun) * 1000


def measure_status(build, server, options):
    """The port host is stopped, so that the queue stays as it is."""
    options = dict(options)
    questions = options.pop("questions")
    wait_for_rest(server.pid, REST_LIMIT_S)
    host = family(server.pid)[1]
    os.kill(host, signal.SIGSTOP)
    with server.load(build, server.port, **options) as crowd:
        sample = crowd.result()
    wait_for_rest(server.pid, REST_LIMIT_S)
    answers = [ask(server.port) for _ in range(questions)]
    os.kill(host, signal.SIGCONT)
    sample["untold"] = max(sample["ok"] + LINES_APART - text.count(b"\n")
                           for text, _, _ in answers)
    sample["first_ms"] = statistics.median(first for _, first, _ in answers)
    sample["whole_ms"] = statistics.median(whole for _, _, whole in answers)
    sample["longest_ms"] = max(whole for _, _, whole in answers)
    return sample


def rows(build, quick):
    """The goals are for the full sizes."""
    def pick(full, small):
        return small if quick else full

    peers = {"LPRng": LPRng(build), "cups-lpd": CupsLpd(build)}
    servers = {**peers, "printportd": Printportd(build, protocol="lpd")}
    few = {name: dict(jobs=pick(1000, 100)) for name in peers}
    missed = worst("not printed, worst round", "missing")
    lost_of_all = Figure("lost, worst round", "lost", (), max)
    cpu = Figure("CPU s per 1,000 jobs", "cpu_s_per_1000", (at_most(0.5),),
                 statistics.mean, 2)

    def ratio(key, name, *goals):
        return Ratio(f"ratio to {name}", key, goals, of=name)

    return [
        Row("lpd-small", "{jobs:,} jobs of {size}, {clients} clients at a "
            "time",
            (Figure("acknowledged jobs/s", "jobs_per_s"),
             *(ratio("jobs_per_s", name, at_least(20)) for name in peers),
             Figure("printed jobs/s", "printed_per_s"),
             *(ratio("printed_per_s", name, at_least(20)) for name in peers),
             Figure("p50 ms", "p50_ms", digits=2),
             Figure("p99 ms", "p99_ms", digits=2),
             cpu, lost_of_all, missed),
            servers, measure_jobs,
            dict(jobs=pick(8000, 800), size="16K", clients=4),
            options_of=few, fresh=True),
        Row("lpd-64", "{jobs:,} jobs of {size}, {clients} clients at a time",
            (Figure("acknowledged jobs/s", "jobs_per_s"),
             Figure("printed jobs/s", "printed_per_s"),
             Figure("p50 ms", "p50_ms", digits=2),
             Figure("p99 ms", "p99_ms", (at_most(50),), digits=2),
             Figure("longest ms", "max_ms", (), max, 1),
             cpu, lost_of_all, missed),
            servers, measure_jobs,
            dict(jobs=pick(20000, 2000), size="16K", clients=64),
            options_of=few, fresh=True),
        Row("lpd-large", "one job of {size}",
            (Figure("MB/s", "mb_per_s"),
             ratio("mb_per_s", "LPRng", at_least(1)),
             ratio("mb_per_s", "cups-lpd"),
             Figure("CPU s", "cpu_s", (), statistics.mean, 2),
             lost_of_all, missed),
            servers, measure_jobs,
            dict(jobs=1, size=pick("512M", "128M"), clients=1,
                 patience=LARGE_LIMIT_S, limit=LARGE_LIMIT_S),
            fresh=True),
        Row("lpd-status", "the short status of a queue with {jobs:,} jobs, "
            "asked {questions} times",
            (Figure("ms to the first octet", "first_ms", digits=2),
             Figure("ms to the end", "whole_ms", digits=2),
             Figure("longest ms", "longest_ms", (), max, 2),
             worst("jobs untold", "untold"),
             lost()),
            {"printportd": Printportd(build, protocol="lpd",
                                      port_keys="call_timeout = 1h")},
            measure_status,
            dict(jobs=pick(10000, 1000), size="1K", clients=64,
                 questions=20),
            rounds=1 / 3, fresh=True),
    ]
