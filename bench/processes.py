"""What the benchmarks ask the system about processes and ports."""
import contextlib
import os
import pathlib
import resource
import signal
import socket
import subprocess
import time

LOOPBACK = "127.0.0.1"
START_LIMIT_S = 60
STOP_LIMIT_S = 10
QUIET_S = 0.3           # without work, and a server is at rest
FILES = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
TICKS = os.sysconf("SC_CLK_TCK")


class BenchError(Exception):
    """Something without which there is nothing to measure."""


def stat_fields(pid):
    """Fields of /proc/PID/stat from the third on: the second has blanks."""
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    return text[text.rindex(")") + 2:].split()


def family(pid):
    """pid and all that descend from it."""
    children = {}
    for entry in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            parent = int(stat_fields(entry)[1])
            children.setdefault(parent, []).append(int(entry))
    found = [pid]
    for member in found:
        found += children.get(member, [])
    return found


def cpu_seconds(pid):
    """User and system time of a server, its children dead or alive."""
    ticks = 0
    for member in family(pid):
        with contextlib.suppress(OSError):
            ticks += sum(map(int, stat_fields(member)[11:15]))
    return ticks / TICKS


def rss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").open():
        if line.startswith("Rss:"):
            return int(line.split()[1])
    raise BenchError(f"/proc/{pid}/smaps_rollup has no Rss")


def peak_rss_kib(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").open():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise BenchError(f"/proc/{pid}/status has no VmHWM")


def open_files(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def wait_until(condition, limit_s):
    """Ask until the answer is yes; False if it never was."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def wait_for_rest(pid, limit_s):
    """Until a server has no more to do, as its CPU time tells."""
    deadline = time.monotonic() + limit_s
    before, since = cpu_seconds(pid), time.monotonic()
    while time.monotonic() - since < QUIET_S:
        if time.monotonic() > deadline:
            raise BenchError(f"process {pid} does not come to rest")
        time.sleep(QUIET_S / 10)
        now = cpu_seconds(pid)
        if now != before:
            before, since = now, time.monotonic()


def settled(count):
    """A count that has come to rest: the look whether the server is up is a
    connection too, and takes its time to go."""
    before, now = None, count()
    while now != before:
        time.sleep(0.1)
        before, now = now, count()
    return now


def answers(port):
    with contextlib.suppress(OSError):
        socket.create_connection((LOOPBACK, port), 1).close()
        return True
    return False


def is_free(port):
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        with contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return True
    return False


def free_port():
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return probe.getsockname()[1]


def raise_file_limit():
    resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))


def unpacked(build, package):
    """Where a package of Debian's is unpacked; it is never installed."""
    peers = build / "peers"
    place = peers / package
    if not place.exists():
        peers.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", "download", package], cwd=peers,
                       check=True, capture_output=True, text=True)
        subprocess.run(["dpkg", "-x", next(peers.glob(f"{package}_*.deb")),
                        place], check=True, capture_output=True, text=True)
    return place


def stop(child, limit_s=STOP_LIMIT_S):
    child.terminate()
    try:
        child.wait(limit_s)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()


def stop_family(child, limit_s=STOP_LIMIT_S):
    """And whatever it leaves behind.  When a process began tells it from a
    later one of the same number."""
    def lives(pid, begun):
        with contextlib.suppress(OSError):
            fields = stat_fields(pid)
            return fields[19] == begun and fields[0] != "Z"
        return False

    members = []
    for pid in family(child.pid)[1:]:
        with contextlib.suppress(OSError):
            members.append((pid, stat_fields(pid)[19]))
    stop(child, limit_s)
    for pid, begun in members:
        if lives(pid, begun):
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
    wait_until(lambda: not any(lives(*one) for one in members), limit_s)
