#!/usr/bin/env python3
"""The example of a monitor, built and loaded against an installed copy.

All that is built is installed below a temporary directory; the example is
built with what pkg-config says of that, and with nothing of the checkout.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import tempfile
import threading

import harness
from harness import wait_for

EXAMPLE = harness.TOP / "examples/monitor-skeleton"


class Server:
    """Takes documents, answers each with "ok"."""

    def __init__(self, bound):
        self.documents = []
        self.seen = self.broken = 0     # bytes, connections
        self.listening = bound
        bound.listen(64)
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        while True:
            try:
                client, _ = self.listening.accept()
            except OSError:
                return
            with client:
                try:
                    client.sendall(b"ok")
                    self.documents.append(self.read(client))
                except ConnectionError:
                    self.broken += 1

    def read(self, client):
        data = b""
        while part := client.recv(1 << 16):
            data += part
            self.seen += len(part)
        return data

    def close(self):
        self.listening.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.listening.close()


def make(*arguments, env=None):
    """With no trace of the make that we may be run by."""
    clean = {k: v for k, v in (env or os.environ).items()
             if not k.startswith(("MAKE", "MFLAGS", "DESTDIR"))}
    got = subprocess.run(["make", "-s", *map(str, arguments)], text=True,
                         env=clean, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if got.returncode != 0:
        raise AssertionError(f"make {arguments}:\n{got.stdout}")


class TestSkeleton(harness.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.place = pathlib.Path(tempfile.mkdtemp(prefix="printport-"))
        root = cls.place / "root"
        make("-C", harness.BUILD, "install", f"DESTDIR={root}")
        cls.daemon_program, = root.glob("**/sbin/printportd")
        cls.host_program, = root.glob("**/printport-host")
        cls.modules, = root.glob("**/printportd/monitors")
        config, = root.glob("**/pkgconfig/printport-monitor.pc")
        cls.copy = cls.place / "skeleton"
        cls.copy.mkdir()
        for path in EXAMPLE.iterdir():
            if path.suffix != ".so":
                shutil.copy(path, cls.copy)
        cls.env = dict(os.environ, PKG_CONFIG_PATH=str(config.parent),
                       PKG_CONFIG_SYSROOT_DIR=str(root),
                       CFLAGS="-O2 -g -Wall -Wextra -Werror")
        make("-C", cls.copy, env=cls.env)
        del cls.env["PKG_CONFIG_SYSROOT_DIR"]
        make("-C", cls.copy, "install", f"DESTDIR={root}", env=cls.env)
        cls.modules.chmod(0o755)

    @classmethod
    def tearDownClass(cls):
        shutil.rmtree(cls.place)

    def setUp(self):
        super().setUp()
        self.bound = socket.socket()            # refuses, until it listens
        self.addCleanup(self.bound.close)
        self.bound.bind(("127.0.0.1", 0))
        self.daemon.program = self.daemon_program

    def serve(self):
        server = Server(self.bound)
        self.addCleanup(server.close)
        return server

    def begin(self, port=None, **kwargs):
        self.daemon.configure(monitor="skeleton",
                              port=port or "address = {}\ntcp_port = {}"
                              .format(*self.bound.getsockname()), **kwargs)
        text = self.daemon.ini.read_text()
        text = text.replace(str(harness.MODULES), str(self.modules))
        text = text.replace(str(harness.BUILD / "printport-host"),
                            str(self.host_program))
        self.daemon.ini.write_text(text)

    def test_documents_arrive(self):
        server = self.serve()
        self.begin(queue="answers = yes")
        self.daemon.start()
        big = os.urandom(3 << 20)
        self.assertEqual(self.daemon.print(b"first"), b"ok")
        self.assertEqual(self.daemon.print(big), b"ok")
        wait_for(lambda: len(server.documents) == 2, "two documents")
        self.assertEqual(server.documents, [b"first", big])

    def test_a_server_that_is_not_there_is_named(self):
        self.begin(queue="delivery = spool")
        self.daemon.start()
        self.daemon.print(b"waits")
        self.daemon.wait_log("cannot reach the server: Connection refused")
        server = self.serve()
        wait_for(lambda: server.documents == [b"waits"], "the document")

    def test_settings_are_judged(self):
        for port, error in (
                ("tcp_port = 9200", "address"),
                ("address = there\ntcp_port = 9200",
                 "address = there is no numeric address")):
            self.begin(port=port)
            got = self.daemon.run("--check-config")
            self.assertEqual(got.returncode, 78)
            self.assertRegex(got.stderr, error)

    def test_a_client_that_breaks_off_leaves_nothing_whole(self):
        server = self.serve()
        self.begin()
        self.daemon.start()
        client = self.daemon.connect()
        client.sendall(b"half")
        wait_for(lambda: server.seen == 4, "half a document")
        harness.reset(client)
        self.daemon.print(b"whole")
        wait_for(lambda: b"whole" in server.documents, "the next document")
        self.assertEqual((server.documents, server.broken), ([b"whole"], 1))


if __name__ == "__main__":
    harness.main()
