"""The rows of spooled delivery: a job is durable first, then it is printed."""
import math
import os
import pathlib
import random
import shutil
import signal
import statistics
import subprocess
import time

from clients import Load, Probe, parse_result
from processes import (BenchError, cpu_seconds, family, peak_rss_kib, rss_kib,
                       wait_for_rest)
from servers import P910nd, Place, Printportd, Sink, Spooler
from tables import (Figure, Ratio, Row, at_least, at_most, compare, lost,
                    worst)

MEMORY_DISK = "/dev/shm"
REST_LIMIT_S = 120      # for a server to print what it has accepted
LARGE_LIMIT_S = 300     # for one load of large jobs
LOADED_S = 2            # after the start: all jobs are in memory then
KIB_PER_MIB = 1024


def run_tool(build, name, *args):
    words = [build / "bench" / name, *map(str, args)]
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        raise BenchError(f"{name} failed")
    return done.stdout


def count_jobs(build, server):
    """How many jobs its store has in which state.  Ends the server."""
    server.end()
    return parse_result(run_tool(build, "stock", "count", server.spool))


def missing(counts, sample):
    """Jobs that were accepted, but are not printed; the first job of a
    server is not in the sample."""
    return sample["ok"] + 1 - counts["completed"]


def load_and_rest(build, server, options):
    """The result of a load, and the CPU time until all of it is printed;
    what came before it, too, is printed when it begins."""
    wait_for_rest(server.pid, REST_LIMIT_S)
    before = cpu_seconds(server.pid)
    with Load(build, server.port, **options) as crowd:
        sample = crowd.result()
    wait_for_rest(server.pid, REST_LIMIT_S)
    sample["cpu_s"] = cpu_seconds(server.pid) - before
    return sample


# ---- small jobs -------------------------------------------------------------

def measure_small(build, server, options):
    sample = load_and_rest(build, server, options)
    sample["cpu_s_per_1000"] = compare(sample["cpu_s"],
                                       sample["ok"] / 1000)
    if server.spool is not None:
        sample["missing"] = missing(count_jobs(build, server), sample)
    return sample


def measure_drain(build, server, options):
    """The port host is stopped while jobs come in, and then goes on.  When
    the last job was completed stands in the store."""
    wait_for_rest(server.pid, REST_LIMIT_S)
    host = family(server.pid)[1]
    os.kill(host, signal.SIGSTOP)
    with Load(build, server.port, **options) as crowd:
        sample = crowd.result()
    wait_for_rest(server.pid, REST_LIMIT_S)
    before, begun = cpu_seconds(server.pid), time.time()
    os.kill(host, signal.SIGCONT)
    wait_for_rest(server.pid, REST_LIMIT_S)
    used = cpu_seconds(server.pid) - before
    counts = count_jobs(build, server)
    took_s = counts["last_completed_ms"] / 1000 - begun
    sample["missing"] = missing(counts, sample)
    sample["printed_per_s"] = compare(sample["ok"], took_s)
    sample["cpu_s_per_1000"] = compare(used, sample["ok"] / 1000)
    return sample


# ---- large jobs -------------------------------------------------------------

def measure_large(build, server, options):
    """Dirty pages of whoever came before are not to be in it."""
    os.sync()
    if server.port is None:
        return parse_result(run_tool(build, "plain", server.spool / "file",
                                     options["size"]))
    before = cpu_seconds(server.pid)
    sample = {}
    for size in options["small"], options["size"]:
        sample = load_and_rest(build, server, dict(
            mode="jobs", jobs=1, clients=1, size=size, limit=LARGE_LIMIT_S,
            patience=LARGE_LIMIT_S)) | {"before": sample}
        sample["peak_mib"] = peak_rss_kib(server.pid) / KIB_PER_MIB
        os.sync()
    sample["grown_mib"] = sample["peak_mib"] - sample["before"]["peak_mib"]
    sample["cpu_s"] = cpu_seconds(server.pid) - before
    if server.spool is not None:
        sample["missing"] = missing(count_jobs(build, server), {"ok": 2})
    return sample


def measure_stall(build, server, options):
    with Probe(build, server.port) as probe:
        with Load(build, server.port, **options) as crowd:
            sample = crowd.result()
        waits = probe.result()
    for key in "p99_ms", "max_ms", "failed":
        sample["probe_" + key] = waits[key]
    if server.turns is not None:
        server.end()
        sample |= parse_result(server.turns().read_text())
    return sample


# ---- dripping clients -------------------------------------------------------

def measure_drip(build, server, options):
    """The same load with and without them, in an order that changes."""
    load = dict(options)
    drips = load.pop("drips")
    jobs_with = load.pop("jobs_with", load["jobs"])
    sample = {"lost": 0}

    def alone():
        result = load_and_rest(build, server, load)
        sample["alone_per_s"] = result["jobs_per_s"]
        sample["lost"] += result["lost"]

    def beside():
        with Load(build, server.port, "drip", drips, "0") as crowd:
            crowd.wait_open()
            with Load(build, server.port,
                      **{**load, "jobs": jobs_with}) as others:
                result = others.result()
            sample["beside_per_s"] = result["jobs_per_s"]
            sample["lost"] += result["lost"] + crowd.result()["lost"]
        wait_for_rest(server.pid, REST_LIMIT_S)

    for turn in random.sample((alone, beside), 2):
        turn()
    sample["kept_up"] = compare(sample["beside_per_s"], sample["alone_per_s"])
    return sample


# ---- the start --------------------------------------------------------------

class Stock:
    """A store with many jobs, made once and copied for each server."""

    def __init__(self, build, pending, finished):
        self.build = build
        self.numbers = pending, finished
        self.path = None

    def copy(self, directory, spool):
        if self.path is None:
            self.path = pathlib.Path(directory) / "stock"
            run_tool(self.build, "stock", "fill", self.path, "q",
                     *self.numbers)
        shutil.copytree(self.path, spool)
        os.sync()


def measure_start(_build, server, _options):
    """What is known when the server has printed its first job."""
    sample = {"ready_s": server.ready_s, "first_job_s": server.ready_s +
              server.first_job_s, "lost": 0}
    time.sleep(LOADED_S)
    sample["rss_mib"] = rss_kib(server.pid) / KIB_PER_MIB
    sample["peak_mib"] = peak_rss_kib(server.pid) / KIB_PER_MIB
    # Beside the daemon there is the host of the port that has printed.
    sample["idle_hosts"] = len(family(server.pid)) - 2
    return sample


def many_ports(number):
    return "\n".join(f"[queue q{i}]\nports = p{i}\n\n"
                     f"[port p{i}]\nmonitor = null\n"
                     for i in range(1, number))


# ---- the rows ---------------------------------------------------------------

def rows(build, quick):
    """The goals are for the full sizes."""
    def pick(full, small):
        return small if quick else full

    references = {"sink": Sink(build), "sink again": Sink(build)}
    spoolers = {"spooler": Spooler(build),
                "spooler, 64 threads": Spooler(build, "--threads", "64")}
    printportd = {"printportd": Printportd(build)}
    fewer = dict(jobs=pick(6000, 600))
    missed = worst("not printed, worst round", "missing")
    cpu = Figure("CPU s per 1,000 jobs", "cpu_s_per_1000", (),
                 statistics.mean, 3)

    def drip(number):
        return Row(
            f"spool-drip-{number}", "{jobs:,} jobs of {size} from {clients} "
            "clients at a time, alone and beside {drips:,} who send a byte a "
            "second",
            (Figure("jobs/s alone", "alone_per_s"),
             Figure("jobs/s beside them", "beside_per_s"),
             Figure("ratio", "kept_up", (at_least(0.9),), digits=2),
             Figure("lost, worst round", "lost", (), max)),
            {"sink": references["sink"], "p910nd, beside 1": P910nd(build),
             **printportd},
            measure_drip,
            dict(mode="jobs", jobs=pick(20000, 2000), size="4K", clients=64,
                 drips=number),
            options_of={"p910nd, beside 1": dict(
                drips=1, jobs=400, jobs_with=8, clients=4, patience=3)},
            rounds=1 / 3, fresh=True)

    def large(name, place, figures, servers):
        return Row(
            name, f"one job of {{size}}, spool on {place}",
            (Figure("MB/s", "mb_per_s"),
             *figures,
             Figure("daemon's peak MiB", "peak_mib", (), max, 1),
             Figure("of it, more than for {small}".format(**sizes),
                    "grown_mib", (at_most(2),), max, 1),
             Figure("CPU s", "cpu_s", (), statistics.mean, 2),
             missed),
            servers, measure_large, sizes, fresh=True)

    def start(name, title, daemon, options, rss, more=()):
        return Row(
            name, title,
            (Figure("ready, s", "ready_s", (at_most(2),), digits=2),
             Figure("first job durable, s", "first_job_s", digits=2),
             Figure("resident MiB", "rss_mib", (at_most(rss),), max, 1),
             Figure("peak MiB", "peak_mib", (at_most(rss),), max, 1),
             *more),
            {"printportd": daemon}, measure_start, options, rounds=1 / 3,
            fresh=True)

    sizes = dict(size=pick("1G", "256M"), small="64M")
    ports = dict(ports=pick(10000, 1000))
    jobs = dict(pending=pick(100000, 10000), finished=pick(1000000, 100000))
    return [
        Row("spool-small", "{jobs:,} jobs of {size}, {clients} clients at a "
            "time",
            (Figure("jobs/s", "jobs_per_s"),
             Ratio("ratio to sink", "jobs_per_s", (at_least(0.33),)),
             Ratio("ratio to spooler", "jobs_per_s", (at_least(5),),
                   of="spooler"),
             Figure("p50 ms", "p50_ms", digits=2),
             Figure("p99 ms", "p99_ms", (at_most(50),), digits=2),
             Figure("longest ms", "max_ms", (), max, 1),
             cpu, lost(), missed),
            {**references, **spoolers, **printportd}, measure_small,
            dict(mode="jobs", jobs=pick(40000, 4000), size="4K", clients=64),
            options_of={name: fewer for name in spoolers}, fresh=True),
        Row("spool-burst", "a burst of {jobs:,} connects, a job of {size} on "
            "each",
            (Figure("jobs/s", "jobs_per_s"),
             Ratio("ratio to sink", "jobs_per_s"),
             Figure("longest ms", "max_ms", (), max),
             lost(), missed),
            {**references, **printportd}, measure_small,
            dict(mode="burst", jobs=pick(15000, 2000), size="4K"),
            fresh=True),
        large("spool-large", "disk",
              (Ratio("ratio to plain file", "mb_per_s", (at_least(0.7),),
                     of="plain file"),),
              {"plain file": Place(), "plain file again": Place(),
               "spooler": spoolers["spooler"], **printportd}),
        large("spool-large-memory", MEMORY_DISK,
              (Ratio("ratio to splice", "mb_per_s", (at_least(0.8),),
                     of="splice"),),
              {"splice": Spooler(build, "--splice", "--no-sync",
                                 directory=MEMORY_DISK),
               "splice again": Spooler(build, "--splice", "--no-sync",
                                       directory=MEMORY_DISK),
               "printportd": Printportd(build, directory=MEMORY_DISK)}),
        drip(pick(200, 20)),
        drip(pick(5000, 500)),
        Row("spool-drain", "a queue of {jobs:,} jobs of {size} on one port",
            (Figure("printed jobs/s", "printed_per_s", (at_least(5000),)),
             cpu, lost(), missed),
            {"printportd": Printportd(build, port_keys="call_timeout = 1h")},
            measure_drain,
            dict(mode="jobs", jobs=pick(10000, 1000), size="4K", clients=64),
            fresh=True),
        start("spool-start", "start with {pending:,} pending and "
              "{finished:,} finished jobs",
              Printportd(build, stock=Stock(build, **jobs)), jobs, 100),
        start("spool-ports", "start with {ports:,} configured ports",
              Printportd(build, more=many_ports(ports["ports"])), ports, 60,
              (worst("processes of idle ports", "idle_hosts"),)),
        Row("spool-stall", "{jobs} clients at once with {size} each, and one "
            "who asks how long it takes",
            (Figure("MB/s", "mb_per_s"),
             Figure("p99 ms of who asks", "probe_p99_ms", (), max, 1),
             Figure("longest ms of who asks", "probe_max_ms",
                    (at_most(20),), max, 1),
             Figure("longest turn, ms", "longest_ms", (at_most(20),), max, 1),
             Figure("CPU ms in that turn", "its_cpu_ms", (), max, 1),
             Figure("most CPU ms in a turn", "most_cpu_ms", (at_most(20),),
                    max, 1),
             Figure("turns over 5 ms", "over_5_ms", (), max),
             Figure("turns in all", "turns"),
             lost()),
            {"sink": references["sink"],
             "printportd": Printportd(build, turns=True)},
            measure_stall,
            dict(mode="burst", jobs=64, size=pick("100M", "10M"),
                 patience=LARGE_LIMIT_S, limit=LARGE_LIMIT_S),
            rounds=1 / 3, fresh=True),
    ]
