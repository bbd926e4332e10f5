#!/usr/bin/env python3
"""Too many of everything: connections, descriptors, bytes in memory.

A daemon at its limits refuses what is too much, does not spin, and is well
again when the crowd is gone.
"""

import os
import pathlib
import resource
import select
import signal
import socket
import unittest

import harness
import spooling
from harness import wait_for
from spooling import SLOW, content

MIB = 1 << 20


def cpu_seconds(pid):
    """Processor time of a process so far."""
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text() \
        .rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_peak(pid):
    """Most bytes of memory that a process had at a time."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


class Crowd:
    """Connections that say nothing."""

    def __init__(self, address):
        self.address = address
        self.sockets = []

    def add(self, n):
        for _ in range(n):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(self.address)
            self.sockets.append(s)

    def refused(self):
        """How many have been reset or closed, and takes them out."""
        gone = []
        poll = select.poll()
        by_fd = {s.fileno(): s for s in self.sockets}
        for fd in by_fd:
            poll.register(fd, select.POLLIN)
        for fd, _ in poll.poll(0):
            gone.append(by_fd[fd])
        for s in gone:
            s.close()
            self.sockets.remove(s)
        return len(gone)

    def leave(self, n=None):
        for s in self.sockets[:n]:
            s.close()
        self.sockets = self.sockets[n:] if n is not None else []


class LimitCase(spooling.SpoolCase):

    def crowd(self):
        crowd = Crowd(self.daemon.address())
        self.addCleanup(crowd.leave)
        return crowd

    def open_connections(self):
        """Descriptors of the daemon that are sockets of clients."""
        return len(os.listdir(f"/proc/{self.daemon.pid}/fd"))


class Connections(LimitCase):
    """Ten thousand clients that connect and send nothing."""

    N = 2000 if SLOW else 10000

    def setUp(self):
        super().setUp()
        needed = self.N + 1000
        soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard != resource.RLIM_INFINITY and hard < needed:
            self.skipTest(f"no {needed} descriptors")
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, needed), hard))
        self.addCleanup(resource.setrlimit, resource.RLIMIT_NOFILE,
                        (soft, hard))

    def add_all(self, crowd, n):
        """Connect in portions, so that no queue of the kernel overflows."""
        base = self.open_connections()
        gone = 0
        for done in range(0, n, 500):
            part = min(500, n - done)
            crowd.add(part)
            wanted = base + done + part

            def there():
                nonlocal gone
                gone += crowd.refused()
                return self.open_connections() + gone >= wanted
            wait_for(there, lambda: f"{wanted} connections: "
                     f"{self.open_connections()} and {gone} refused")
        return gone

    def test_a_job_gets_through_a_crowd_of_silent_clients(self):
        """With 10,000 half-open connections, below the limit, a job is
        accepted and printed; when they leave their descriptors are free."""
        self.daemon.configure(daemon="max_connections = 20000\n"
                              "client_max_connections = 0")
        self.start()
        before = self.open_connections()
        crowd = self.crowd()
        self.assertEqual(self.add_all(crowd, self.N), 0)
        self.accept(content(1, 1000), content(2, 100000))
        self.wait_printed({1, 2})
        crowd.leave()
        # A port host and its files may have come.
        wait_for(lambda: self.open_connections() < before + 20,
                 "descriptors given back")

    def test_at_the_limit_the_longest_silent_gives_way(self):
        """max_connections: those that have said nothing for longest are
        reset, there are never more than that, and who has a job gets in."""
        limit = self.N // 2
        self.daemon.configure(daemon=f"max_connections = {limit}\n"
                              "client_max_connections = 0")
        self.start()
        base = self.open_connections()
        crowd = self.crowd()
        self.assertEqual(self.add_all(crowd, self.N), self.N - limit)
        self.assertLessEqual(self.open_connections(), base + limit + 10)
        self.accept(content(1, 100), content(2, 100000))
        self.wait_printed({1, 2})
        # Few lines for thousands that had to go.
        self.assertLess(self.daemon.log().count("refused"), 200)

    def test_one_address_cannot_take_all_places(self):
        """client_max_connections: more of one address are reset, those that
        are there stay, another address is served as ever, and when some leave
        others are let in."""
        self.daemon.configure(daemon="client_max_connections = 50")
        self.start()
        crowd = self.crowd()
        self.assertEqual(self.add_all(crowd, 80), 30)
        self.refuse(content(1, 100))
        with socket.create_connection(
                self.daemon.address(), timeout=harness.LIMIT_S,
                source_address=("127.0.0.2", 0)) as s:
            self.assertEqual(harness.print_on(s, content(3, 100)), b"")
        crowd.leave(10)
        self.wait_accepted(content(2, 100))
        self.wait_printed({2, 3})
        self.assertIn("limit=client_max_connections", self.daemon.log())


class Descriptors(LimitCase):
    """RLIMIT_NOFILE is used up, or the system's own table is."""

    def begin(self, limit):
        self.daemon.configure()
        self.start(preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_NOFILE, (limit, limit)))

    def test_used_up_by_connections(self):
        """500 clients and 64 descriptors: accepting pauses without spinning,
        and afterwards jobs are accepted and printed as before."""
        self.begin(64)
        self.accept(content(1, 100))
        crowd = self.crowd()
        crowd.add(500)
        self.daemon.wait_log("accepting is paused")
        pid = self.daemon.pid
        spent = cpu_seconds(pid)
        lines = self.daemon.log().count("accepting is paused")
        # An interval to look at, not to be right.
        self.assertEqual(select.select([], [], [], 2), ([], [], []))
        self.assertLess(cpu_seconds(pid) - spent, 1)
        self.assertLess(self.daemon.log().count("accepting is paused") -
                        lines, 200)
        crowd.leave()
        self.wait_accepted(content(2, 200000))
        self.wait_printed({1, 2})
        self.assertEqual(self.daemon.pid, pid)

    def test_a_job_in_store_is_not_lost_for_lack_of_descriptors(self):
        """Jobs whose port or file cannot be opened for lack of descriptors
        are printed when there are some."""
        self.begin(64)
        crowd = self.crowd()
        self.accept(content(1, 200000), content(2, 100))
        crowd.add(500)
        self.daemon.wait_log("accepting is paused")
        crowd.leave()
        self.wait_accepted(content(3, 200000))
        self.wait_printed({1, 2, 3})

    @unittest.skipUnless(spooling.can_trace(), "no strace, or not for us")
    def test_no_descriptor_for_a_document(self):
        """EMFILE when the file of a job is to be opened for its port: it is
        tried again, soon and not at once, and printed."""
        self.daemon.configure()
        self.start()
        self.ask("/v1/queues/q/pause", "POST")
        self.accept(content(1, 200000), content(2, 100))
        path, = (self.daemon.spool / "data").iterdir()
        self.kill()
        self.start(**spooling.under_strace(
            self.daemon, "-P", path.name, "-e", "trace=openat", "-e",
            "inject=openat:error=EMFILE:when=1"))
        self.ask("/v1/queues/q/resume", "POST")
        self.wait_printed({1, 2})

    @unittest.skipUnless(spooling.can_trace(), "no strace, or not for us")
    def test_accept_fails_for_the_whole_system(self):
        """ENFILE and ENOMEM from accept, twenty times in a row: it is tried
        again after pauses, and then the client is served."""
        for error in ("ENFILE", "ENOMEM", "ENOBUFS"):
            with self.subTest(error=error):
                self.daemon.configure()
                self.start(**spooling.under_strace(
                    self.daemon, "-e", "trace=accept4", "-e",
                    f"inject=accept4:error={error}:when=1..20"))
                self.accept(content(self.starts, 100))
                self.wait_printed({self.starts})
                self.assertEqual(
                    self.daemon.log().count("accepting is paused"), 20)
                self.kill()


class Memory(LimitCase):
    """What a job takes of memory does not depend on its size."""

    @unittest.skipIf(SLOW, "sanitizers have a memory of their own")
    def test_a_large_job_and_a_small_memory(self):
        """A job of 300 MB passes through a daemon of a few: on its way in,
        while it waits and on its way out."""
        self.daemon.configure(monitor="null")
        self.start()
        self.accept(content(1, 100))
        before = memory_peak(self.daemon.pid)
        self.accept(bytes(300 * MIB))
        self.daemon.wait_log(rf"job printed .*bytes={300 * MIB} ")
        self.assertLess(memory_peak(self.daemon.pid) - before, 64 * MIB)

    @unittest.skipIf(SLOW, "sanitizers have a memory of their own")
    def test_many_senders_at_a_time(self):
        """Fifty clients in the middle of large jobs: what is not on the disk
        yet is bounded for all of them together."""
        self.daemon.configure(monitor="null")
        self.start()
        before = memory_peak(self.daemon.pid)
        clients = [self.daemon.connect() for _ in range(50)]
        part = bytes(4 * MIB)
        for client in clients:
            self.addCleanup(client.close)
            client.sendall(part)
        for client in clients:
            client.shutdown(socket.SHUT_WR)
            self.assertFalse(harness.ends_with_reset(client))
        self.assertLess(memory_peak(self.daemon.pid) - before, 96 * MIB)

    def test_a_limit_for_the_address_space(self):
        """With little address space left the daemon refuses or serves, and
        does not die."""
        self.daemon.configure()
        self.start()
        pid = self.daemon.pid
        self.accept(content(1, 100))
        self.wait_printed({1})
        if SLOW:
            self.skipTest("sanitizers reserve terabytes")
        size = int(pathlib.Path(f"/proc/{pid}/statm").read_text().split()[0])
        limit = size * os.sysconf("SC_PAGE_SIZE") + MIB
        endless = resource.RLIM_INFINITY
        resource.prlimit(pid, resource.RLIMIT_AS, (limit, endless))
        for n in range(2, 40):
            spooling.send(self.daemon.address(), content(n, 2 * MIB))
        self.assertIsNone(self.daemon.process.poll(), self.daemon.log())
        resource.prlimit(pid, resource.RLIMIT_AS, (endless, endless))
        self.wait_accepted(content(50, 100000))
        self.wait_printed({50})
        self.assertEqual(self.kill(signal.SIGTERM), 0)


if __name__ == "__main__":
    harness.main()
