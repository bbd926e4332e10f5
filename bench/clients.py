"""The load generator and the probe, as objects."""
import math
import subprocess

from processes import BenchError, FILES, stop

SOURCES = 16            # addresses that the clients come from
PATIENCE_S = 15         # a job that takes longer has timed out
LOAD_LIMIT_S = 60       # a load generator that takes longer is ended
FILES_APART = 64        # of a process, for other things than connections


def parse_result(line):
    pairs = (word.split("=", 1) for word in line.split())
    return {key: float(value) for key, value in pairs}


def merge(results):
    """Several generators that ran side by side, as one."""
    whole = {key: sum(one[key] for one in results)
             for key in ("jobs", "ok", "refused", "reset", "timeouts")}
    for key in "seconds", "p50_ms", "p99_ms", "max_ms":
        whole[key] = max(one[key] for one in results)
    if len(results) == 1:
        whole.update(results[0])
    else:
        seconds = whole["seconds"] or math.inf
        whole["jobs_per_s"] = whole["ok"] / seconds
        whole["mb_per_s"] = sum(one["mb_per_s"] * one["seconds"]
                                for one in results) / seconds
    whole["lost"] = whole["jobs"] - whole["ok"]
    return whole


def share(jobs):
    """Jobs per generator, where each may have only so many open files."""
    most = FILES - FILES_APART
    crowd = math.ceil(jobs / most)
    return [jobs // crowd + (i < jobs % crowd) for i in range(crowd)]


class Load:
    """The load generators of one sample."""

    program = "load"

    def __init__(self, build, port, mode="jobs", jobs=1, size="1K",
                 clients=None, patience=PATIENCE_S, limit=LOAD_LIMIT_S):
        crowds = share(jobs) if clients is None else [jobs]
        options = ["-p", str(port), "-b", size, "-k", str(SOURCES),
                   "-t", str(patience)]
        if mode is not None:
            options += ["-m", mode]
        if clients is not None:
            options += ["-c", str(clients)]
        self.jobs = crowds
        self.limit = limit
        self.children = [
            subprocess.Popen([build / "bench" / self.program, *options,
                              "-n", str(crowd)],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                             text=True)
            for crowd in crowds]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for child in self.children:
            if child.poll() is None:
                stop(child)
            child.stdin.close()
            child.stdout.close()

    def wait_open(self):
        """Until all who could connect have; idle and drip only."""
        for child in self.children:
            child.stdout.readline()

    def result(self):
        return merge([self.result_of(*pair)
                      for pair in zip(self.children, self.jobs)])

    def result_of(self, child, jobs):
        try:
            output = child.communicate(timeout=self.limit)[0]
        except subprocess.TimeoutExpired:
            return parse_result(
                f"jobs={jobs} ok=0 refused=0 reset=0 timeouts={jobs} "
                "seconds=0 jobs_per_s=0 mb_per_s=0 p50_ms=inf p99_ms=inf "
                "max_ms=inf")
        if child.returncode != 0:
            raise BenchError("the load generator failed")
        return parse_result(output.splitlines()[-1])


class LpdLoad(Load):
    """Clients that speak LPD; they have one way of doing it."""

    program = "lpd"

    def __init__(self, build, port, **options):
        super().__init__(build, port, None, **options)


class Probe:
    """Asks a server all the time how soon it answers."""

    INTERVAL_MS = 2

    def __init__(self, build, port):
        self.child = subprocess.Popen(
            [build / "bench/probe", str(port), str(self.INTERVAL_MS)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            stop(self.child)
        self.child.stdin.close()
        self.child.stdout.close()

    def result(self):
        output = self.child.communicate(timeout=LOAD_LIMIT_S)[0]
        if self.child.returncode != 0:
            raise BenchError("the probe failed")
        return parse_result(output)
