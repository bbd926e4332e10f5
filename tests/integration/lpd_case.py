"""What tests of the LPD listener share: a daemon with one, and documents."""

import hashlib
import os
import pathlib
import random
import re

import harness
import lpd
from lpd import ACK

SLOW = "PRINTPORT_SLOW" in os.environ
MIB = 1 << 20
LISTENER = """
[listener lpd]
protocol = lpd
{listen}
refusal_delay = 0
{listener}
"""


def memory_peak(pid):
    """Most bytes of memory that a process had at a time."""
    text = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmHWM:\s*(\d+)", text).group(1)) << 10


def blocks(size, seed=0):
    """A document that has no two parts alike, in pieces of up to 1 MiB."""
    block = bytearray(random.Random(seed).randbytes(min(size, MIB)))
    while size > 0:
        part = block[:size]
        part[:8] = size.to_bytes(8, "big")[-len(part):][:8]
        yield part[:size]
        size -= len(part)


def digest_of(pieces):
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


def file_digest(path):
    with open(path, "rb") as file:
        return digest_of(iter(lambda: file.read(MIB), b""))


def by_job(name):
    """Sort key of output files: "10.prn", "10-2.prn" is its second copy."""
    return tuple(map(int, re.findall(r"\d+", name)))


class LpdCase(harness.TestCase):
    """A daemon with an LPD listener, whose queue is q."""

    def start(self, listener="", listen="listen = 127.0.0.1:0", **kwargs):
        self.daemon.delivery = "spool"
        more = LISTENER.format(listen=listen, listener=listener) + \
            kwargs.pop("more", "")
        self.daemon.configure(more=more, **kwargs).start()
        self.address = self.daemon.address("lpd")

    def start_jammed(self, **kwargs):
        """Nothing is printed: the directory is not there."""
        self.start(port=f"directory = {self.daemon.dir}/none\n", **kwargs)

    def start_with_banner(self, policy, **kwargs):
        """All goes to one file, whose path it returns."""
        page = self.daemon.dir / "page"
        page.write_bytes(b"<${user}|${title}|${job}>")
        paper = self.daemon.dir / "paper"
        self.start(port=f"path = {paper}\nfsync = no",
                   queue=f"banner = {policy}\nbanner_file = {page}\n",
                   **kwargs)
        return paper

    def paper(self, path, n):
        """What is on it after so many documents and copies."""
        self.daemon.wait_jobs(n)
        return path.read_bytes()

    def client(self, **kwargs):
        return lpd.Client(self.address, **kwargs)

    def outputs(self, n):
        """Paths of so many output files, in the order of their jobs."""
        def look():
            names = [name for name in os.listdir(self.daemon.out)
                     if not name.startswith(".")]
            return names if len(names) >= n else None
        names = harness.wait_for(
            look, lambda: f"{n} documents:\n{self.daemon.log()}")
        return [self.daemon.out / name for name in sorted(names, key=by_job)]

    def printed(self, n):
        """Their contents."""
        return [path.read_bytes() for path in self.outputs(n)]

    def make_document(self, size):
        """A file of that size; its path and digest."""
        path = self.daemon.dir / f"document.{size}"
        with open(path, "wb") as file:
            for block in blocks(size, size):
                file.write(block)
        return path, file_digest(path)

    def ask(self, command, queue="q", rest=""):
        return lpd.ask(self.address, command, queue, rest).decode()

    def wait_empty(self):
        """All that was printed is on record as such."""
        harness.wait_for(
            lambda: self.ask(b"\3") == "q is ready\nno entries\n",
            lambda: f"an empty queue: {self.ask(bytes([3]))}")

    def send_job(self, data, **kwargs):
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.control(lpd.control_file(**kwargs)), ACK)
            self.assertEqual(client.data(data), ACK)
