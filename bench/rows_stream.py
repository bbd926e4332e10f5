"""The rows of stream delivery: the client's bytes go straight to the port."""
import math
import statistics

from clients import Load
from processes import cpu_seconds, open_files, rss_kib, settled, wait_until
from servers import P910nd, Printportd, Sink
from tables import Figure, Ratio, Row, at_least, at_most, lost

SETTLE_LIMIT_S = 20     # for a server to accept all who are connected
GB = 1e9


def measure_jobs(build, server, options):
    """One run of jobs: its result, and the server's CPU time per GB."""
    before = cpu_seconds(server.pid)
    with Load(build, server.port, **options) as crowd:
        sample = crowd.result()
    used = cpu_seconds(server.pid) - before
    moved = sample["mb_per_s"] * sample["seconds"] * 1e6
    sample["cpu_s_per_gb"] = used / (moved / GB) if moved else math.nan
    return sample


def measure_idle(build, server, options):
    """Memory of the one process that holds the connections."""
    files = settled(lambda: open_files(server.pid))
    memory = rss_kib(server.pid)
    with Load(build, server.port, **options) as crowd:
        crowd.wait_open()
        wait_until(lambda: open_files(server.pid) >= files + options["jobs"],
                   SETTLE_LIMIT_S)
        held = open_files(server.pid) - files
        grown = rss_kib(server.pid) - memory
        sample = crowd.result()
    sample["lost"] = max(sample["lost"], options["jobs"] - held)
    sample["kib_each"] = grown / held if held > 0 else math.nan
    return sample


def rows(build, quick):
    """The goals are for the full sizes."""
    def pick(full, small):
        return small if quick else full

    every = {
        "sink": Sink(build),
        "sink again": Sink(build),
        "sink --splice": Sink(build, "--splice"),
        "p910nd": P910nd(build),
        "printportd": Printportd(build, "stream"),
    }

    def servers(*names):
        return {name: every[name] for name in every if name in names}

    def small_jobs(clients, *more):
        return Row(
            f"stream-small-{clients}", "{jobs:,} jobs of {size}, {clients} "
            "clients at a time, one port that stays open",
            (Figure("jobs/s", "jobs_per_s"),
             Ratio("ratio to sink", "jobs_per_s",
                   (at_least(0.5), at_least(1))),
             Figure("p50 ms", "p50_ms", digits=2),
             Figure("p99 ms", "p99_ms", (at_most(5),), digits=2),
             Figure("longest ms", "max_ms", (), max, 2),
             lost()),
            servers("sink", "sink again", "printportd", *more), measure_jobs,
            dict(mode="jobs", jobs=pick(40000, 4000), size="1K",
                 clients=clients))

    return [
        Row("stream-large", "one job of {size} at a time, {jobs} to a round",
            (Figure("MB/s", "mb_per_s"),
             Ratio("ratio to sink", "mb_per_s", (at_least(1.1),)),
             Figure("CPU s/GB", "cpu_s_per_gb", (at_most(0.5, "p910nd"),),
                    statistics.mean, 3),
             lost()),
            every, measure_jobs,
            dict(mode="jobs", jobs=pick(3, 1), size=pick("1G", "256M"),
                 clients=1),
            rounds=2),
        Row("stream-many",
            "{jobs} clients at once with {size} each, to one port",
            (Figure("MB/s", "mb_per_s"),
             Ratio("ratio to sink", "mb_per_s", (at_least(0.8),)),
             Figure("CPU s/GB", "cpu_s_per_gb", (), statistics.mean, 3),
             lost("refused, worst round", "refused"),
             lost("reset, worst round", "reset"),
             lost("timed out, worst round", "timeouts")),
            servers("sink", "sink again", "p910nd", "printportd"),
            measure_jobs,
            dict(mode="burst", jobs=64, size=pick("16M", "2M")),
            rounds=2, fresh=True),
        # More clients than its backlog holds are the subject of stream-many.
        small_jobs(4, "p910nd"),
        small_jobs(64),
        Row("stream-idle", "{jobs:,} idle connections",
            (Figure("KiB resident each", "kib_each", (at_most(2),), digits=2),
             lost()),
            servers("sink", "printportd"), measure_idle,
            dict(mode="idle", jobs=pick(10000, 1000), size="0"), fresh=True),
        Row("stream-burst",
            "a burst of {jobs:,} connects, a job of {size} on each",
            (Figure("jobs/s", "jobs_per_s"),
             Ratio("ratio to sink", "jobs_per_s"),
             Figure("longest ms", "max_ms", (), max),
             lost()),
            servers("sink", "sink again", "printportd"), measure_jobs,
            dict(mode="burst", jobs=pick(15000, 2000), size="1K")),
    ]
