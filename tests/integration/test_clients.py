#!/usr/bin/env python3
"""Real clients print, and what comes out is what they were given."""

import os
import pathlib
import subprocess
import threading

import harness
import samples

SLOW = "PRINTPORT_SLOW" in os.environ
MIB = 1 << 20


def cups_backend():
    """The backend "socket" of CUPS, unpacked for us or installed."""
    places = [*sorted(harness.PEERS.glob("**/cups/backend*/socket")),
              pathlib.Path("/usr/lib/cups/backend/socket")]
    return next((p for p in places if os.access(p, os.X_OK)), None)


class TestClients(harness.TestCase):
    def setUp(self):
        super().setUp()
        self.daemon.configure().start()

    def run_client(self, args, data, **kwargs):
        try:
            done = subprocess.run(args, input=data, capture_output=True,
                                  timeout=harness.LIMIT_S, **kwargs)
        except FileNotFoundError:
            self.skipTest(f"there is no {args[0]}")
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def print_all(self, args, **kwargs):
        """Every sample, one after the other, by the same client."""
        for data in samples.DOCUMENTS.values():
            self.run_client(args, data, **kwargs)
        self.check_all()

    def check_all(self):
        wanted = samples.DOCUMENTS
        got = samples.in_job_order(self.daemon.wait_documents(len(wanted)))
        for name, data in zip(wanted, got):
            self.assertEqual(data, wanted[name], name)
        self.assertEqual(len(got), len(wanted))

    def address(self):
        host, port = self.daemon.address()
        return host, str(port)

    def test_netcat(self):
        self.print_all(["nc", "-N", *self.address()])

    def test_socat(self):
        self.print_all(["socat", "-t", str(harness.LIMIT_S), "-",
                        "TCP:%s:%s" % self.address()])

    def test_socat_that_only_sends(self):
        self.print_all(["socat", "-u", "-", "TCP:%s:%s" % self.address()])

    def test_bash(self):
        self.print_all(["bash", "-c", 'cat >"/dev/tcp/$0/$1"',
                        *self.address()])

    def cups(self, wait_eof, copies="1"):
        """The command, and all else that cupsd would start it with.

        Descriptor 3 takes the printer's answers; 4, the side channel, must
        be a socket, on which nobody says a word."""
        backend = cups_backend()
        if backend is None:
            self.skipTest("there is no CUPS backend")
        uri = "socket://%s:%s/?waiteof=%s" % (*self.address(), wait_eof)
        ours, side = harness.socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(side.close)
        return (["bash", "-c", f'exec "$@" 3>/dev/null 4<&{side.fileno()}',
                 "bash", str(backend), "1", "user", "title", copies, ""],
                {"env": dict(os.environ, DEVICE_URI=uri, PRINTER="lobby"),
                 "pass_fds": [side.fileno()]})

    def test_cups_that_waits_for_the_end(self):
        args, kwargs = self.cups("true")
        self.print_all(args, **kwargs)

    def test_cups_that_does_not_wait(self):
        args, kwargs = self.cups("false")
        self.print_all(args, **kwargs)

    def test_cups_from_a_file(self):
        args, kwargs = self.cups("true")
        path = self.daemon.dir / "document"
        for data in samples.DOCUMENTS.values():
            path.write_bytes(data)
            self.run_client([*args, str(path)], b"", **kwargs)
        self.check_all()

    def test_cups_prints_copies(self):
        args, kwargs = self.cups("true", copies="3")
        path = self.daemon.dir / "document"
        path.write_bytes(samples.PCL)
        self.run_client([*args, str(path)], b"", **kwargs)
        documents = self.daemon.wait_documents(1)
        self.assertEqual(list(documents.values()), [samples.PCL * 3])


class TestManyClients(harness.TestCase):
    CLIENTS = 200

    def document(self, number):
        """Unlike all others in every line; lengths differ too."""
        line = b"this is client %03d\n" % number
        return line * (2000 + 50 * number)

    def client(self, number, barrier, failures):
        try:
            with self.daemon.connect() as s:
                barrier.wait(harness.LIMIT_S)
                s.sendall(self.document(number))
                s.shutdown(harness.socket.SHUT_WR)
                if harness.read_to_end(s) != b"":
                    failures.append(f"{number}: was answered")
        except (OSError, threading.BrokenBarrierError) as error:
            failures.append(f"{number}: {error!r}")

    def test_nothing_interleaves(self):
        self.daemon.configure().start()
        barrier = threading.Barrier(self.CLIENTS)
        failures = []
        threads = [threading.Thread(target=self.client,
                                    args=(i, barrier, failures))
                   for i in range(self.CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(failures, [])
        got = sorted(self.daemon.documents().values())
        wanted = [self.document(i) for i in range(self.CLIENTS)]
        self.assertEqual(len(got), len(wanted))
        self.assertTrue(got == sorted(wanted), "documents differ")


class TestLargeJob(harness.TestCase):
    """As much as never fits into memory or on the disk: through a FIFO."""

    BLOCKS = 128 if SLOW else 3072

    def setUp(self):
        super().setUp()
        self.fifo = self.daemon.dir / "fifo"
        os.mkfifo(self.fifo)
        self.daemon.configure(port=f"path = {self.fifo}").start()

    @staticmethod
    def blocks(count):
        """MiB after MiB, each with its number in front."""
        block = bytearray(bytes(range(256)) * (MIB // 256))
        for number in range(count):
            block[:8] = number.to_bytes(8, "little")
            yield block

    def read(self, source, count, result):
        """Compare block for block; the result is how many were right."""
        right = 0
        for block in self.blocks(count):
            if source.read(MIB) != block:
                break
            right += 1
        result.append((right, source.read(1)))

    def print_blocks(self, count):
        """Send and compare at the same time, and wait for both."""
        result = []
        fd = os.open(self.fifo, os.O_RDONLY | os.O_NONBLOCK)
        with self.daemon.connect() as s, os.fdopen(fd, "rb") as source:
            s.sendall(b"\0" * 8)            # now the FIFO has a writer
            harness.wait_for(lambda: self.first_bytes(source), "the FIFO")
            reader = threading.Thread(target=self.read,
                                      args=(source, count, result))
            reader.start()
            for block in self.blocks(count):
                s.sendall(block)
            s.shutdown(harness.socket.SHUT_WR)
            harness.read_to_end(s)
            reader.join()
        self.assertEqual(result, [(count, b"")])

    @staticmethod
    def first_bytes(source):
        try:
            found = os.read(source.fileno(), 8)
        except BlockingIOError:
            return False
        if found:
            os.set_blocking(source.fileno(), True)
        return found

    def peak(self, pid):
        """The most memory that it ever had, in KiB."""
        status = pathlib.Path(f"/proc/{pid}/status").read_text()
        line = next(x for x in status.splitlines() if x.startswith("VmHWM"))
        return int(line.split()[1])

    def test_memory_stays_the_same(self):
        self.print_blocks(8)
        pids = [self.daemon.pid, *self.daemon.host_pids()]
        self.assertEqual(len(pids), 2)
        before = [self.peak(pid) for pid in pids]
        self.print_blocks(self.BLOCKS)
        after = [self.peak(pid) for pid in pids]
        for small, large in zip(before, after):
            self.assertLess(large - small, 2048)
        self.daemon.wait_log(f"bytes={self.BLOCKS * MIB + 8} verdict=done")


if __name__ == "__main__":
    harness.main()
