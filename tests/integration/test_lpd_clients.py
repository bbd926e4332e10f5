#!/usr/bin/env python3
"""LPD with real clients: rlpr and its kin, and the backend of CUPS."""

import os
import pathlib
import random
import shutil
import socket
import subprocess
import unittest

import harness
from lpd_case import MIB, SLOW, LpdCase, file_digest

SIZES = (0, 1, MIB, (30 if SLOW else 300) * MIB)
SMALL_SIZES = (0, 1, 4096, 70000, MIB)


def peer(name):
    """A client's program, unpacked for us or installed; None: neither."""
    found = [p for p in sorted(harness.PEERS.glob(f"**/{name}"))
             if p.is_file()]
    return str(found[0]) if found else shutil.which(name)


def cups_backend():
    places = [*sorted(harness.PEERS.glob("**/cups/backend*/lpd")),
              pathlib.Path("/usr/lib/cups/backend/lpd")]
    return next((p for p in places if os.access(p, os.R_OK)), None)


class RlprCase(LpdCase):
    """rlpr knows port 515 alone: on an address that is ours."""

    def setUp(self):
        super().setUp()
        if peer("rlpr") is None:
            self.skipTest("there is no rlpr")
        self.host = "127.%d.%d.%d" % tuple(random.randrange(1, 255)
                                           for _ in range(3))
        with socket.socket() as probe:
            try:
                probe.bind((self.host, 515))
            except OSError as error:
                self.skipTest(f"no port 515: {error}")

    def serve(self, **kwargs):
        start = self.start_jammed if kwargs.pop("jammed", False) \
            else self.start
        start(listen=f"listen = {self.host}:515", **kwargs)

    def run_peer(self, program, *args, data=None, bind="-N", status=0):
        """What it says.  It has its time, where the disk takes some too."""
        more = ["--timeout=60"] if program.endswith("lpr") else []
        done = subprocess.run(
            [program, *([bind] if bind else []), *more, *map(str, args)],
            input=data, capture_output=True, timeout=harness.LIMIT_S,
            check=False, cwd=self.daemon.dir)
        self.assertEqual(done.returncode, status, done.stderr.decode())
        return (done.stdout if status == 0 else done.stderr).decode()

    def rlpr(self, name, *args, **kwargs):
        return self.run_peer(peer(name), f"--printhost={self.host}",
                             "--printer=q", *args, **kwargs)

    def check_sizes(self, sizes, *args):
        self.serve()
        digests = []
        for size in sizes:
            path, digest = self.make_document(size)
            self.rlpr("rlpr", *args, path)
            digests.append(digest)
        outputs = self.outputs(len(sizes))
        self.daemon.wait_jobs(len(sizes))
        self.assertEqual([file_digest(p) for p in outputs], digests)


class TestRlpr(RlprCase):
    def test_rlpr_prints_documents_of_any_size(self):
        self.check_sizes(SIZES)

    def test_rlpr_that_sends_data_first(self):
        self.check_sizes(SMALL_SIZES, "--send-data-first")

    def test_rlpr_in_the_manner_of_windows(self):
        self.check_sizes(SMALL_SIZES, "--windows")

    def test_rlpr_prints_what_a_program_makes(self):
        self.serve()
        self.rlpr("rlpr", data=b"standard input")
        self.assertEqual(self.printed(1), [b"standard input"])

    def test_rlpr_prints_copies_of_several_files(self):
        self.serve()
        paths = [self.make_document(size)[0] for size in (10, 20)]
        self.rlpr("rlpr", "-#", "3", *paths)
        ten, twenty = (p.read_bytes() for p in paths)
        self.daemon.wait_jobs(6)
        self.assertEqual(self.printed(6), 3 * [ten] + 3 * [twenty])

    @unittest.skipIf(os.geteuid() != 0, "such ports take root")
    def test_rlpr_from_a_port_of_the_rfc(self):
        self.serve(listener="require_privileged = 1023")
        self.rlpr("rlpr", data=b"by root", bind=None)
        self.assertEqual(self.printed(1), [b"by root"])
        self.assertIn("error 1", self.rlpr("rlpr", data=b"by all", status=1))

    def test_rlpr_asks_for_a_banner_page(self):
        """It does, unless it is told not to."""
        paper = self.start_with_banner(
            "asked", listen=f"listen = {self.host}:515")
        path, _ = self.make_document(70000)
        data = path.read_bytes()
        self.rlpr("rlpr", "-Ualice", "-JMinutes", "-#", "2", path)
        self.rlpr("rlpr", "-h", path)
        self.assertEqual(self.paper(paper, 4),
                         b"<alice|Minutes|1>" + 3 * data)

    def test_rlpq_and_rlprm(self):
        """rlprm removes what is ours, and we are who we are."""
        self.serve(jammed=True, listener="root_removes = own")
        path = self.make_document(100)[0]
        self.rlpr("rlpr", "-Jminutes", "-Ualice", path)
        self.rlpr("rlpr", "-Jours", path)
        listed = self.rlpr("rlpq")
        self.assertRegex(listed, r"(?m)^(active|1st) +alice +1 +minutes "
                         r"+100 bytes$")
        self.assertRegex(listed, r"(?m) 2 +ours +100 bytes$")
        self.assertIn("1: permission denied", self.rlpr("rlprm", "1"))
        self.assertIn("2 dequeued", self.rlpr("rlprm", "2"))
        self.assertNotIn("ours", self.rlpr("rlpq"))


class TestLpr(RlprCase):
    """The same programs by the names that BSD has for them."""

    def lpr(self, name, *args, queue="q", **kwargs):
        program = self.daemon.dir / name
        if not program.exists():
            program.symlink_to(peer("r" + name))
        return self.run_peer(str(program), f"-P{queue}@{self.host}", *args,
                             **kwargs)

    def test_lpr_prints(self):
        self.serve()
        one, two = (self.make_document(size)[0] for size in (1, 70000))
        self.lpr("lpr", one, two)
        self.lpr("lpr", "-#2", "-h", "-m", two)
        self.lpr("lpr", data=b"standard input")
        self.daemon.wait_jobs(5)
        two = two.read_bytes()
        self.assertEqual(self.printed(5), [one.read_bytes(), two, two, two,
                                           b"standard input"])

    def test_lpq_and_lprm(self):
        self.serve(jammed=True)
        path = self.make_document(100)[0]
        for title in ("one", "two", "three"):
            self.lpr("lpr", f"-J{title}", path)
        self.lpr("lpr", "-Jother", "-Ualice", path)
        self.assertRegex(self.lpr("lpq", "-l"),
                         r"(?m)^ +\S+/document.100 +100 bytes$")
        self.assertEqual(len(self.lpr("lpq", "2", "4").splitlines()), 4)
        self.assertEqual(self.lpr("lprm", "1", "2").count("dequeued"), 2)
        self.assertRegex(self.lpr("lpq"), "three(?s:.*)other")
        self.assertEqual(self.lpr("lprm", "4"), "4 dequeued\n")
        self.assertEqual(self.lpr("lprm", "3"), "3 dequeued\n")
        self.assertEqual(self.lpr("lpq"), "q is ready\nno entries\n")

    def test_a_queue_that_there_is_not(self):
        self.serve()
        self.assertIn("refused", self.lpr("lpr", queue="none", data=b"x",
                                          status=1))
        self.assertIn("no queue none", self.lpr("lpq", queue="none"))


class TestCups(LpdCase):
    def setUp(self):
        super().setUp()
        found = cups_backend()
        if found is None:
            self.skipTest("there is no CUPS backend")
        self.backend = self.daemon.dir / "lpd"
        shutil.copy(found, self.backend)
        self.backend.chmod(0o755)

    def cups(self, path, options="", copies=1, stdin=False):
        """What a filter makes comes over stdin, and has no length yet."""
        uri = "lpd://%s:%s/q?%s" % (*self.address, options)
        if "reserve=" not in uri:
            uri += "&reserve=none"
        # 3 is for answers; 4 must be a socket, on which nobody says a word.
        ours, side = socket.socketpair()
        with ours, side, open(path if stdin else os.devnull, "rb") as input_:
            done = subprocess.run(
                ["bash", "-c",
                 f'exec "$@" 3>/dev/null 4<&{side.fileno()}', "bash",
                 self.backend, "7", "alice", "Minutes", str(copies), "",
                 *([] if stdin else [str(path)])],
                stdin=input_, capture_output=True, check=False,
                timeout=harness.LIMIT_S, pass_fds=[side.fileno()],
                env=dict(os.environ, DEVICE_URI=uri, PRINTER="q",
                         TMPDIR=str(self.daemon.dir)))
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def cups_bytes(self, data, *args, **kwargs):
        path = self.daemon.dir / "document"
        path.write_bytes(data)
        self.cups(path, *args, **kwargs)

    def check(self, options, sizes=SMALL_SIZES, listener="", **kwargs):
        self.start(listener=listener)
        digests = []
        for size in sizes:
            path, digest = self.make_document(size)
            self.cups(path, options, **kwargs)
            digests.append(digest)
        outputs = self.outputs(len(sizes))
        self.daemon.wait_jobs(len(sizes))
        self.assertEqual([file_digest(p) for p in outputs], digests)

    def test_documents_of_any_size(self):
        self.check("order=control,data", sizes=SIZES)

    def test_documents_from_a_filter(self):
        """The backend sends nothing if there is nothing."""
        self.check("mode=standard", sizes=SMALL_SIZES[1:], stdin=True)

    def test_streams_of_any_size(self):
        self.check("mode=stream", sizes=SIZES, stdin=True)

    def test_data_first(self):
        self.check("order=data,control")

    def test_stream_with_data_first(self):
        self.check("mode=stream&order=data,control", stdin=True)

    def test_stream_of_a_file(self):
        """Its length is known then, but there is still no NUL behind it."""
        self.check("mode=stream", listener="final_nul = optional")

    def test_stream_of_a_file_is_not_taken_for_whole(self):
        self.start()
        self.cups_bytes(b"x" * 100, "mode=stream")
        self.daemon.wait_log("job incomplete .*final_nul")

    def test_banner_page(self):
        paper = self.start_with_banner("asked")
        data = random.Random(1).randbytes(70000)
        self.cups_bytes(data, "banner=on&manual_copies=off", copies=2)
        self.cups_bytes(b"without")
        self.assertEqual(self.paper(paper, 4),
                         b"<alice|Minutes|1>" + 2 * data + b"without")

    def test_every_option_with_every_other(self):
        """Copies are print lines, or the data again and again; the backend
        makes none of what it gets from a filter."""
        self.start()
        wanted = []
        for order in ("control,data", "data,control"):
            for more in ("", "&banner=on", "&format=f", "&format=o",
                         "&sanitize_title=no"):
                for manual in ("on", "off"):
                    data = b"%d: %s\n" % (len(wanted), more.encode())
                    self.cups_bytes(
                        data, f"order={order}{more}&manual_copies={manual}",
                        copies=3)
                    wanted += [3 * data] if manual == "on" else 3 * [data]
        self.daemon.wait_jobs(len(wanted))
        self.assertEqual(self.printed(len(wanted)), wanted)

    @unittest.skipIf(os.geteuid() != 0, "such ports take root")
    def test_from_a_port_of_the_rfc(self):
        self.start(listener="require_privileged = rfc")
        self.cups_bytes(b"by root", "reserve=rfc1179")
        self.assertEqual(self.printed(1), [b"by root"])


if __name__ == "__main__":
    harness.main()
