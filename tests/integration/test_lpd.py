#!/usr/bin/env python3
"""LPD (RFC 1179): the real daemon with real clients, and with odd ones."""

import hashlib
import os
import pathlib
import random
import shutil
import socket
import subprocess

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


def peer(name):
    """A client's program, unpacked for us or installed; None: neither."""
    found = [p for p in sorted(harness.PEERS.glob(f"**/{name}"))
             if p.is_file()]
    return str(found[0]) if found else shutil.which(name)


def cups_backend():
    places = [*sorted(harness.PEERS.glob("**/cups/backend*/lpd")),
              pathlib.Path("/usr/lib/cups/backend/lpd")]
    return next((p for p in places if os.access(p, os.R_OK)), None)


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

    def printed(self, n):
        """Contents of the output files, in the order of their jobs."""
        documents = self.daemon.wait_documents(n)
        return [documents[name] for name in
                sorted(documents, key=lambda s: int(s.split(".")[0]))]

    def ask(self, command, queue="q", rest=""):
        return lpd.ask(self.address, command, queue, rest).decode()

    def send_job(self, data, **kwargs):
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.control(lpd.control_file(**kwargs)), ACK)
            self.assertEqual(client.data(data), ACK)


class TestOrders(LpdCase):
    def test_control_first(self):
        self.start()
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.control(lpd.control_file()), ACK)
            self.assertEqual(client.data(b"first"), ACK)
            self.assertEqual(client.end(), b"")
        self.assertEqual(self.printed(1), [b"first"])

    def test_data_first(self):
        self.start()
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.data(b"first"), ACK)
            self.assertEqual(client.control(lpd.control_file()), ACK)
            self.assertEqual(client.end(), b"")
        self.assertEqual(self.printed(1), [b"first"])

    def test_a_client_that_waits_for_nothing(self):
        self.start()
        control = lpd.control_file()
        with self.client() as client:
            client.send(b"\2q\n\2%d cfA001host\n%s\0\0033 dfA001host\nabc\0"
                        % (len(control), control))
            self.assertEqual(client.end(), 5 * ACK)
        self.assertEqual(self.printed(1), [b"abc"])

    def test_what_is_acknowledged_is_in_the_record(self):
        self.start()
        self.send_job(b"abc", user="alice", title="Minutes",
                      more="QA4\nXsomething\n")
        self.printed(1)
        record = self.daemon.wait_log(r"job accepted job=(\d+).* user=alice")
        self.assertEqual(record.group(1), "1")


class TestRlpr(LpdCase):
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

    def run_peer(self, name, *args, data=None):
        done = subprocess.run(
            [peer(name), "-N", f"--printhost={self.host}", "--printer=q",
             *args], input=data, capture_output=True,
            timeout=harness.LIMIT_S, check=False,
            cwd=self.daemon.dir)
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        return done.stdout.decode()

    def serve(self, **kwargs):
        start = self.start_jammed if kwargs.pop("jammed", False) \
            else self.start
        start(listen=f"listen = {self.host}:515", **kwargs)

    def documents_of(self, *sizes):
        paths = []
        for number, size in enumerate(sizes):
            path = self.daemon.dir / f"document.{number}"
            path.write_bytes(random.Random(number).randbytes(size))
            paths.append(str(path))
        return paths

    def test_rlpr_prints(self):
        self.serve()
        paths = self.documents_of(1, 70000, MIB)
        for path in paths:
            self.run_peer("rlpr", path)
        self.assertEqual(self.printed(3),
                         [pathlib.Path(p).read_bytes() for p in paths])

    def test_rlpr_that_sends_data_first(self):
        self.serve()
        paths = self.documents_of(70000)
        self.run_peer("rlpr", "--send-data-first", paths[0])
        self.assertEqual(self.printed(1),
                         [pathlib.Path(paths[0]).read_bytes()])

    def test_rlpr_asks_for_a_banner_page(self):
        """It does, unless it is told not to."""
        paper = self.start_with_banner(
            "asked", listen=f"listen = {self.host}:515")
        path = self.documents_of(70000)[0]
        data = pathlib.Path(path).read_bytes()
        self.run_peer("rlpr", "-Ualice", "-JMinutes", "-#", "2", path)
        self.run_peer("rlpr", "-h", path)
        self.assertEqual(self.paper(paper, 4),
                         b"<alice|Minutes|1>" + 3 * data)

    def test_rlpr_prints_copies(self):
        self.serve()
        self.run_peer("rlpr", "-#", "3", self.documents_of(10)[0])
        self.daemon.wait_jobs(3)

    def test_rlpq_and_rlprm(self):
        """rlprm removes what is ours, and we are who we are."""
        self.serve(jammed=True, listener="root_removes = own")
        path = self.documents_of(100)[0]
        self.run_peer("rlpr", "-Jminutes", "-Ualice", path)
        self.run_peer("rlpr", "-Jours", path)
        listed = self.run_peer("rlpq")
        self.assertRegex(listed, r"(?m)^(active|1st) +alice +1 +minutes "
                         r"+100 bytes$")
        self.assertRegex(listed, r"(?m) 2 +ours +100 bytes$")
        self.assertIn("1: permission denied", self.run_peer("rlprm", "1"))
        self.assertIn("2 dequeued", self.run_peer("rlprm", "2"))
        self.assertNotIn("ours", self.run_peer("rlpq"))


class TestCups(LpdCase):
    def setUp(self):
        super().setUp()
        found = cups_backend()
        if found is None:
            self.skipTest("there is no CUPS backend")
        self.backend = self.daemon.dir / "lpd"
        shutil.copy(found, self.backend)
        self.backend.chmod(0o755)

    def cups(self, data, options="", copies=1, stdin=False):
        """What a filter makes comes over stdin, and has no length yet."""
        path = self.daemon.dir / "document"
        path.write_bytes(data)
        uri = "lpd://%s:%s/q?reserve=none&%s" % (*self.address, options)
        # 3 is for answers; 4 must be a socket, on which nobody says a word.
        ours, side = socket.socketpair()
        self.addCleanup(ours.close)
        self.addCleanup(side.close)
        done = subprocess.run(
            ["bash", "-c", f'exec "$@" 3>/dev/null 4<&{side.fileno()}',
             "bash", self.backend, "7", "alice", "Minutes", str(copies), "",
             *([] if stdin else [str(path)])],
            input=data if stdin else None, capture_output=True, check=False,
            timeout=harness.LIMIT_S, pass_fds=[side.fileno()],
            env=dict(os.environ, DEVICE_URI=uri, PRINTER="q",
                     TMPDIR=str(self.daemon.dir)))
        self.assertEqual(done.returncode, 0, done.stderr.decode())

    def check(self, options, sizes=(1, 4096, 70000, MIB), listener="",
              **kwargs):
        self.start(listener=listener)
        wanted = [random.Random(size).randbytes(size) for size in sizes]
        for data in wanted:
            self.cups(data, options, **kwargs)
        self.assertEqual(self.printed(len(wanted)), wanted)

    def test_control_first(self):
        self.check("order=control,data")

    def test_data_first(self):
        self.check("order=data,control")

    def test_from_a_filter(self):
        self.check("mode=standard", stdin=True)

    def test_stream(self):
        self.check("mode=stream", stdin=True)

    def test_stream_with_data_first(self):
        self.check("mode=stream&order=data,control", stdin=True)

    def test_stream_of_a_file(self):
        """Its length is known then, but there is still no NUL behind it."""
        self.check("mode=stream", listener="final_nul = optional")

    def test_stream_of_a_file_is_not_taken_for_whole(self):
        self.start()
        self.cups(b"x" * 100, "mode=stream")
        self.daemon.wait_log("job incomplete .*final_nul")

    def test_banner(self):
        self.check("banner=on", sizes=(70000,))

    def test_banner_page(self):
        paper = self.start_with_banner("asked")
        data = random.Random(1).randbytes(70000)
        self.cups(data, "banner=on&manual_copies=off", copies=2)
        self.cups(b"without")
        self.assertEqual(self.paper(paper, 4),
                         b"<alice|Minutes|1>" + 2 * data + b"without")

    def test_format_and_other_forms(self):
        self.check("format=f&sanitize_title=no", sizes=(100,))

    def test_an_empty_document(self):
        self.start()
        self.cups(b"", "mode=standard")
        self.cups(b"behind it")
        self.daemon.wait_jobs(2)
        self.assertIn(b"behind it", self.daemon.documents().values())

    def test_copies(self):
        self.start()
        self.cups(b"three times", "manual_copies=off", copies=3)
        self.daemon.wait_jobs(3)

    def test_copies_that_cups_makes(self):
        self.start()
        self.cups(b"twice", "manual_copies=on", copies=2)
        self.daemon.wait_jobs(1)

    def test_a_large_document(self):
        self.start()
        size = (30 if SLOW else 300) * MIB
        block = random.Random(1).randbytes(MIB)
        data = block * (size // MIB)
        digest = hashlib.sha256(data).digest()
        self.cups(data)
        del data
        self.assertEqual(hashlib.sha256(self.printed(1)[0]).digest(), digest)


class TestStatus(LpdCase):
    def test_columns(self):
        self.start_jammed()
        for i in range(3):
            self.send_job(b"x" * (i + 1), title=f"Minutes {i}")
        lines = self.ask(b"\3").splitlines()
        self.assertEqual(lines[1].split(),
                         ["Rank", "Owner", "Job", "File(s)", "Total", "Size"])
        self.assertEqual(len(lines), 5)
        for i, line in enumerate(lines[2:]):
            words = line.split()
            self.assertEqual(words[1:], ["alice", str(i + 1), "Minutes",
                                         str(i), str(i + 1), "bytes"])
        long = self.ask(b"\4")
        self.assertRegex(long, r"(?m)^alice: \w+ +\[job 3 host\]$")
        self.assertRegex(long, r"(?m)^ +Minutes 2.ps +3 bytes$")

    def test_filters(self):
        self.start_jammed()
        self.send_job(b"1", user="alice")
        self.send_job(b"2", user="bob")

        def numbers(rest):
            lines = self.ask(b"\3", rest=rest).splitlines()[2:]
            return [line.split()[2] for line in lines]
        self.assertEqual(numbers(""), ["1", "2"])
        self.assertEqual(numbers(" bob"), ["2"])
        self.assertEqual(numbers(" 1 bob"), ["1", "2"])
        self.assertEqual(numbers(" carol"), [])

    def test_an_empty_queue(self):
        self.start()
        self.assertEqual(self.ask(b"\3"), "q is ready\nno entries\n")

    def test_point_25_a_client_knows_its_own_number(self):
        """It is told ours by the status, and may say either."""
        self.start_jammed()
        for number in (41, 42):
            name = f"A{number:03}host"
            with self.client() as client:
                client.receive()
                client.control(lpd.control_file(files=("df" + name,)),
                               "cf" + name)
                client.data(b"x", "df" + name)
        self.assertEqual(self.ask(b"\5", rest=" alice 042"), "2 dequeued\n")
        self.assertEqual(self.ask(b"\5", rest=" alice 1"), "1 dequeued\n")

    def test_what_root_may_remove(self):
        for policy, answer in (("own", "1: permission denied\n"),
                               ("host", "1 dequeued\n"),
                               ("all", "1 dequeued\n")):
            with self.subTest(policy):
                self.tearDown()
                self.setUp()
                self.start_jammed(listener=f"root_removes = {policy}")
                self.send_job(b"x")
                self.assertEqual(self.ask(b"\5", rest=" root 1"), answer)

    def test_removal_answered_by_an_octet(self):
        self.start_jammed(listener="remove_answer = octet")
        self.send_job(b"x")
        self.assertEqual(self.ask(b"\5", rest=" alice 7"), "\1")
        self.assertEqual(self.ask(b"\5", rest=" alice 1"), "\0")

    def test_the_job_that_is_printed_goes_without_a_list(self):
        self.start_jammed()
        self.send_job(b"1")
        self.send_job(b"2", user="bob")
        harness.wait_for(lambda: self.ask(b"\3").count("\nactive ") == 1 and
                         self.ask(b"\5", rest=" alice") == "1 dequeued\n",
                         "the job that is active removed")

    def test_removal(self):
        self.start_jammed()
        self.send_job(b"1", user="alice")
        self.send_job(b"2", user="bob")
        self.assertEqual(self.ask(b"\5", rest=" alice 2"),
                         "2: permission denied\n")
        self.assertEqual(self.ask(b"\5", rest=" root bob"), "2 dequeued\n")
        self.assertEqual(self.ask(b"\5", rest=" alice 77"),
                         "q: no such job\n")
        self.assertEqual(self.ask(b"\5", rest=" alice 1"), "1 dequeued\n")
        self.assertEqual(self.ask(b"\3").splitlines()[1], "no entries")


class TestCrowd(LpdCase):
    """Sessions that stand still, of every kind, and a job among them."""

    BEGINNINGS = (b"", b"\2", b"\2q\n", b"\2q\n\2", b"\2q\n\2100 cfA001h\nH",
                  b"\2q\n\0035 dfA001h\n", b"\2q\n\0035 dfA001h\nabc",
                  b"\2q\n\0035 dfA001h\nabcde", b"\3q", b"\5q al",
                  b"\2q\n\0030 dfA001h\n",
                  b"\2q\n\003999999999999 dfA001h\nabc")

    def test_500_half_open_sessions(self):
        self.start()
        clients = []
        for i in range(500):
            client = self.client()
            self.addCleanup(client.sock.close)
            client.send(self.BEGINNINGS[i % len(self.BEGINNINGS)])
            clients.append(client)
        self.send_job(b"among them")
        self.assertEqual(self.printed(1), [b"among them"])
        for client in clients:
            harness.reset(client.sock)
        self.send_job(b"after them")
        self.assertEqual(self.printed(2)[-1], b"after them")

    def test_10000_print_lines(self):
        self.start()
        control = b"Hhost\nPalice\n" + b"ldfA001host\n" * 10000
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.assertEqual(client.control(control), b"\3")
        self.send_job(b"fine")
        self.assertEqual(self.printed(1), [b"fine"])

    def test_a_control_file_of_a_gigabyte(self):
        self.start()
        with self.client() as client:
            client.receive()
            self.assertEqual(client.say(b"\0021073741824 cfA001h\n"), b"\3")


class TestEnd(LpdCase):
    def test_a_job_that_breaks_off_is_not_kept(self):
        self.start()
        for data in (b"\2q\n\00310 dfA001h\nabc", b"\2q\n\0033 dfA001h\nabc"):
            with self.client() as client:
                client.send(data)
                client.sock.shutdown(socket.SHUT_WR)
                self.assertTrue(harness.ends_with_reset(client.sock))
        self.send_job(b"whole")
        self.assertEqual(self.printed(1), [b"whole"])

    def test_the_daemon_ends_in_the_middle(self):
        self.start()
        with self.client() as client:
            client.receive()
            client.say(b"\003100 dfA001h\n")
            client.send(b"half")
            self.assertEqual(self.daemon.stop(), 0)
            self.assertNotEqual(client.sock.recv(100)[:1], ACK)

    def test_a_reload_changes_the_protocol(self):
        self.start()
        ini = self.daemon.ini.read_text()
        with self.client() as client:
            self.assertEqual(client.receive(), ACK)
            self.daemon.ini.write_text(ini.replace(
                "protocol = lpd", "protocol = raw\nqueue = q").replace(
                    "refusal_delay = 0", ""))
            self.daemon.kill(harness.signal.SIGHUP)
            self.daemon.wait_log("configuration reloaded")
        with self.daemon.connect("lpd") as raw:
            harness.print_on(raw, b"now raw")
        self.assertEqual(self.printed(1), [b"now raw"])


class TestAddresses(LpdCase):
    def test_point_01_ipv6(self):
        try:
            with socket.socket(socket.AF_INET6) as probe:
                probe.bind(("::1", 0))
        except OSError as error:
            self.skipTest(f"no IPv6: {error}")
        self.start(listen="listen = [::1]:0")
        self.send_job(b"by six")
        self.assertEqual(self.printed(1), [b"by six"])

    def test_point_02_source_ports(self):
        self.start(listener="require_privileged = 1023")
        with self.client() as client:
            self.assertEqual(client.receive(), b"\1")


if __name__ == "__main__":
    harness.main()
