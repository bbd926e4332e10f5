#!/usr/bin/env python3
"""The control socket and printportctl, as people use and abuse them."""

import csv
import fcntl
import http.client
import io
import json
import os
import pty
import signal
import socket
import stat
import struct
import subprocess
import termios
import threading

import harness
import lpd
from printer import Printer

CTL = harness.BUILD / "printportctl"
QUEUES = """
[listener second]
listen = 127.0.0.1:0
queue = second
[queue second]
ports = n
[listener third]
listen = 127.0.0.1:0
queue = third
[queue third]
ports = n
delivery = stream
[port n]
monitor = null
"""


class ControlCase(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.socket = self.daemon.control
        self.daemon.delivery = "spool"

    def start(self, **kwargs):
        kwargs.setdefault("more", QUEUES)
        self.daemon.configure(**kwargs).start()

    def ctl(self, *words, status=0, **kwargs):
        """Run it; returns what it printed, or said if status is not 0."""
        got = subprocess.run([CTL, "--socket", self.socket, *words],
                             capture_output=True, text=True,
                             timeout=harness.LIMIT_S, **kwargs)
        self.assertEqual(got.returncode, status, (words, got))
        if status == 0:
            self.assertEqual(got.stderr, "")
            return got.stdout
        return got.stderr

    def json(self, *words):
        return json.loads(self.ctl("--json", *words))

    def job(self, number):
        return self.json("job", str(number))

    def wait_state(self, number, state):
        return harness.wait_for(
            lambda: self.job(number)["state"] == state and self.job(number),
            lambda: f"job {number} to be {state}: {self.job(number)}\n"
            f"{self.daemon.log()}")

    def send(self, data=b"x", listener="raw"):
        """A job that is accepted; its number."""
        before = {j["id"] for j in self.json("jobs", "-a")["jobs"]}
        self.daemon.print(data, listener)
        after = {j["id"] for j in self.json("jobs", "-a")["jobs"]}
        (number,) = after - before
        return number

    def numbers(self, *words):
        return [j["id"] for j in self.json("jobs", *words)["jobs"]]


class Jobs(ControlCase):

    def test_a_paused_port_says_why(self):
        self.start()
        self.assertEqual(self.ctl("pause-port", "p"), "p: paused\n")
        self.assertEqual([self.send(b"abc"), self.send(b"de")], [1, 2])
        lines = self.ctl("jobs").splitlines()
        self.assertEqual(lines[0].split(),
                         ["JOB", "STATE", "QUEUE", "FROM", "SIZE", "WHY"])
        self.assertEqual(lines[1].split(None, 6),
                         ["1", "pending", "q", "127.0.0.1", "3", "B",
                          "port p: paused"])
        self.assertEqual(len(lines), 3)
        job = self.job(1)
        self.assertEqual((job["state"], job["why"], job["host"]),
                         ("pending", "port p: paused", "127.0.0.1"))
        self.assertEqual(job["documents"][0]["sha256"],
                         "ba7816bf8f01cfea414140de5dae2223"
                         "b00361a396177a9cb410ff61f20015ad")
        self.assertIn("ba7816bf", self.ctl("job", "1"))
        self.ctl("resume-port", "p")
        self.daemon.wait_documents(2)
        for number in 1, 2:
            self.wait_state(number, "completed")
        self.assertEqual(self.ctl("jobs"), "no unfinished jobs\n")
        self.assertEqual(self.numbers("-a"), [1, 2])

    def test_a_paused_queue_outlives_a_restart(self):
        self.start()
        self.ctl("pause", "q")
        self.send()
        self.assertEqual(self.job(1)["why"], "queue q is paused")
        self.daemon.stop()
        self.daemon.start()
        self.daemon.wait_log(" ready ports=", 2)
        self.assertEqual(self.job(1)["why"], "queue q is paused")
        self.ctl("resume", "q")
        self.daemon.wait_documents(1)

    def test_hold_release_and_cancel(self):
        self.start()
        self.ctl("pause", "q")
        for _ in range(3):
            self.send()
        self.assertRegex(self.ctl("hold", "1", "2"),
                         r"job 1 in queue q: pending-held \(held by .*\)\n"
                         r"job 2 in queue q: pending-held \(held by .*\)\n")
        self.ctl("resume", "q")
        self.wait_state(3, "completed")
        self.assertEqual(self.numbers(), [1, 2])
        self.assertRegex(self.ctl("cancel", "1"), "job 1 .* canceled")
        self.assertRegex(self.ctl("release", "2"), "job 2 in queue q: ")
        self.wait_state(2, "completed")
        self.assertEqual(sorted(self.daemon.documents()),
                         ["2.prn", "3.prn"])
        self.assertEqual(self.job(1)["reasons"],
                         ["job-canceled-by-operator"])

    def test_the_others_are_done_when_one_is_refused(self):
        self.start()
        self.ctl("pause", "q")
        self.send()
        self.send()
        said = self.ctl("hold", "1", "77", "2", status=1)
        self.assertRegex(said, "^printportctl: there is no job 77; .*\n$")
        for number in 1, 2:
            self.assertEqual(self.job(number)["state"], "pending-held")

    def test_what_is_over_stays_as_it_is(self):
        self.start()
        self.send()
        self.wait_state(1, "completed")
        for verb in "hold", "release", "cancel":
            with self.subTest(verb):
                self.assertRegex(self.ctl(verb, "1", status=1),
                                 "^printportctl: job 1 is completed: only ")
        self.assertRegex(self.ctl("move", "1", "second", status=1),
                         "^printportctl: job 1 is completed: only ")
        self.assertEqual(self.job(1)["state"], "completed")

    def test_reprint(self):
        self.start(monitor="file", port=f"path = {self.daemon.dir}/all\n"
                   "fsync = no\n")
        self.send(b"again")
        self.wait_state(1, "completed")
        self.ctl("reprint", "1")
        path = self.daemon.dir / "all"
        harness.wait_for(lambda: path.read_bytes() == b"againagain",
                         "the job twice")
        job = self.wait_state(1, "completed")
        self.assertFalse(job["restarted"])      # it is what was wanted
        self.assertEqual(len(list(csv.reader(io.StringIO(
            self.ctl("accounting"))))), 3)

    def test_reprint_without_data_says_so(self):
        self.start(daemon="keep_data = 0\n")
        self.send()
        self.wait_state(1, "completed")
        harness.wait_for(lambda: not self.job(1)["documents"][0]["kept"],
                         "the data to go")
        self.assertRegex(self.ctl("reprint", "1", status=1),
                         "data of job 1 is no longer kept; keep_data")

    def test_move(self):
        self.start()
        self.ctl("pause", "q")
        self.ctl("pause", "second")
        for _ in range(3):
            self.send()
        self.assertIn("job 1 in queue second", self.ctl("move", "1",
                                                        "SECOND"))
        self.ctl("move", "2", "second", "--priority", "90")
        self.ctl("move", "3", "--priority", "1")
        job = self.job(2)
        self.assertEqual((job["queue"], job["priority"]), ("second", 90))
        self.assertEqual(self.job(3)["priority"], 1)
        self.assertEqual(self.numbers("second"), [1, 2])
        self.assertIn('no queue "nix"', self.ctl("move", "1", "nix",
                                                 status=1))
        self.assertIn("delivery = stream", self.ctl("move", "1", "third",
                                                    status=1))
        self.ctl("resume", "second")
        self.wait_state(1, "completed")
        self.assertEqual(self.job(1)["port"], "n")
        self.assertEqual(self.job(3)["state"], "pending")

    def test_more_jobs_than_a_page(self):
        self.start()
        self.ctl("pause", "q")
        for _ in range(4):
            with self.daemon.connect() as s:
                harness.print_on(s, b"x")
        with_limit = self.get("/v1/jobs?limit=3")
        self.assertEqual([j["id"] for j in with_limit["jobs"]], [1, 2, 3])
        rest = self.get(f"/v1/jobs?limit=3&after={with_limit['next']}")
        self.assertEqual([j["id"] for j in rest["jobs"]], [4])
        self.assertNotIn("next", rest)

    def get(self, path):
        answer = Connection(self.socket).ask("GET", path)
        self.assertEqual(answer.status, 200)
        return json.loads(answer.read())


class Printing(ControlCase):
    """Jobs that are in the middle of a page."""

    def setUp(self):
        super().setUp()
        self.printer = Printer(self.daemon.dir)
        self.start(monitor="mock", port=self.printer.settings())
        self.send(b"x" * 100000)
        self.printer.read(4096)
        self.wait_state(1, "processing")

    def tearDown(self):
        self.printer.close()
        super().tearDown()

    def test_progress(self):
        harness.wait_for(lambda: self.job(1)["progress"] > 0, "progress")
        job = self.job(1)
        self.assertLess(job["progress"], job["bytes"])
        self.assertRegex(self.ctl("jobs"), r"1  processing \d+%  q ")
        self.ctl("cancel", "1")

    def test_cancel(self):
        self.assertRegex(self.ctl("cancel", "1"), "job 1 .* canceled")
        self.assertEqual(self.numbers(), [])

    def test_hold_and_move_away(self):
        self.assertRegex(self.ctl("hold", "1"), "pending-held")
        self.ctl("move", "1", "second")
        self.ctl("release", "1")
        self.assertEqual(self.wait_state(1, "completed")["port"], "n")

    def test_move_while_it_prints(self):
        self.ctl("move", "1", "second")
        job = self.wait_state(1, "completed")
        self.assertEqual((job["queue"], job["port"]), ("second", "n"))


class Intake(ControlCase):
    """Queues that take no jobs for a while."""

    def refused(self, listener="raw"):
        with self.assertRaises(ConnectionResetError):
            self.daemon.print(b"refused", listener)

    def lpd(self, more=""):
        self.start(more=QUEUES + "[listener lpd]\nprotocol = lpd\n"
                   "listen = 127.0.0.1:0\nrefusal_delay = 0\n" + more)
        return self.daemon.address("lpd")

    def test_what_is_in_prints_on(self):
        self.start()
        self.ctl("pause", "q")
        self.assertEqual(self.send(b"early"), 1)
        self.assertEqual(self.ctl("reject", "Q", "new toner"),
                         "Q: takes no jobs: new toner\n")
        self.refused()
        self.assertEqual(self.ctl("resume", "q"), "q: goes on\n")
        self.wait_state(1, "completed")
        self.refused()
        self.assertEqual(self.ctl("accept", "q"), "q: takes jobs\n")
        self.send(b"late")
        self.daemon.wait_documents(2)
        self.assertEqual(self.numbers("-a"), [1, 2])

    def test_others_are_open(self):
        self.start()
        self.assertEqual(self.ctl("reject", "q"), "q: takes no jobs\n")
        self.send(listener="second")
        self.daemon.print(b"x", "third")

    def test_a_stream_is_closed_too(self):
        self.start()
        self.ctl("reject", "third", "Umzug \u00e4")
        self.refused("third")
        rows = [line.split() for line in self.ctl("queues").splitlines()]
        self.assertEqual(rows[3][:3], ["third", "stream,", "closed"])
        self.assertEqual(rows[3][-2:], ["Umzug", "\u00e4"])
        self.daemon.wait_log("job refused listener=third .*Umzug")
        self.ctl("accept", "third")
        self.daemon.print(b"x", "third")

    def test_a_crash_opens_nothing(self):
        self.start()
        self.ctl("reject", "q", "new toner")
        self.ctl("reject", "third")
        for number in signal.SIGTERM, signal.SIGKILL:
            self.daemon.stop(number)
            self.daemon.start(wait=False)
            self.daemon.wait_log("ready ports=",
                                 2 + (number == signal.SIGKILL))
            self.refused()
            self.refused("third")
            self.send(listener="second")
        queues = {q["name"]: q for q in self.json("queues")["queues"]}
        self.assertEqual([(queues[n]["accepting"], queues[n]["why"])
                          for n in ("q", "second", "third")],
                         [(False, "new toner"), (True, None), (False, None)])
        self.assertEqual(self.json("reject", "q"),
                         {"name": "q", "accepting": False, "why": None})

    def test_a_connection_that_stays(self):
        """A till's next receipt is refused."""
        self.start(queue="idle_ends_job = yes\nidle_timeout = 50ms")
        with self.daemon.connect() as till:
            till.sendall(b"first")
            self.daemon.wait_documents(1)
            self.ctl("reject", "q")
            till.sendall(b"second")
            self.assertTrue(harness.ends_with_reset(till))
        self.assertEqual(list(self.daemon.documents().values()), [b"first"])

    def test_lpd(self):
        address = self.lpd()
        self.ctl("reject", "q", "new toner")
        with lpd.Client(address) as client:
            client.send(b"\2q\n")
            self.assertEqual(harness.read_to_end(client.sock),
                             b"\2the queue takes no jobs now: new toner\n")
        self.assertEqual(lpd.ask(address, b"\3"), b"q is ready\n"
                         b"q takes no jobs: new toner\nno entries\n")
        self.ctl("accept", "q")
        with lpd.Client(address) as client:
            self.assertEqual(client.receive(), lpd.ACK)

    def test_one_line_a_change_and_one_a_second_for_clients(self):
        self.start()
        for _ in range(3):
            self.ctl("reject", "q", "new toner")
        for _ in range(100):
            self.refused()
        self.ctl("accept", "q")
        self.ctl("accept", "q")
        log = self.daemon.log()
        self.assertEqual(log.count("queue takes no jobs queue=q"), 1)
        self.assertEqual(log.count("queue takes jobs again queue=q"), 1)
        self.assertLess(log.count("job refused"), 50)
        self.assertEqual(self.json("status")["counters"]["refused"], 100)

    def test_reasons(self):
        self.start()
        self.assertIn("120 bytes", self.ctl("reject", "q", "x" * 121,
                                            status=1))
        self.assertIn("120 bytes", self.ctl("reject", "q", "a\nb", status=1))
        self.assertIn("UTF-8", self.ctl("reject", "q", b"\xff", status=1))
        self.send()
        self.ctl("reject", "q", "")
        self.refused()


class Looking(ControlCase):

    def test_queues_and_ports(self):
        self.start()
        self.ctl("pause", "second")
        self.ctl("pause-port", "p")
        self.send()
        queues = {q["name"]: q for q in self.json("queues")["queues"]}
        self.assertEqual(queues["q"]["jobs"]["pending"], 1)
        self.assertEqual(queues["q"]["ports"], ["p"])
        self.assertEqual([queues[n]["paused"] for n in
                          ("q", "second", "third")], [False, True, False])
        ports = {p["name"]: p for p in self.json("ports")["ports"]}
        self.assertTrue(ports["p"]["paused"])
        self.assertTrue(ports["p"]["healthy"])
        self.assertEqual(ports["n"]["monitor"], "null")
        rows = [line.split() for line in self.ctl("queues").splitlines()]
        self.assertEqual(rows[1][:3], ["q", "open", "1"])
        self.assertEqual(rows[2][:2], ["second", "paused"])
        self.assertEqual(rows[3][:2], ["third", "stream"])
        self.assertRegex(self.ctl("ports"), r"p +file +idle, paused +0\n")

    def test_a_port_in_trouble(self):
        self.start(monitor="mock", port="fail = open")
        self.send()
        harness.wait_for(lambda: self.json("ports")["ports"][0]["trouble"],
                         "trouble")
        port = self.json("ports")["ports"][0]
        self.assertFalse(port["healthy"])
        self.assertIn(port["trouble"][:20], self.ctl("ports"))
        harness.wait_for(lambda: "port p: " in (self.job(1)["why"] or ""),
                         lambda: f"a reason: {self.job(1)}")

    def test_status(self):
        self.start()
        self.send()
        self.wait_state(1, "completed")
        status = self.json("status")
        self.assertEqual(status["store"]["health"], "ok")
        self.assertGreater(status["store"]["free_bytes"], 0)
        self.assertEqual((status["queues"], status["ports"]), (3, 2))
        self.assertEqual(status["counters"]["printed"], 1)
        self.assertEqual(status["config"], str(self.daemon.ini))
        text = self.ctl("status")
        self.assertRegex(text, r"version +\d")
        self.assertRegex(text, r"spool +ok, .* free")
        self.assertRegex(text, r"printed +1\n")

    def test_names_of_any_kind(self):
        name = "Zwölf Töne & 50% #1?"
        self.start(more=f"{QUEUES}[queue {name}]\nports = n\n")
        self.ctl("pause", name)
        self.ctl("resume", name)
        self.ctl("pause", name)
        paused = [q["name"] for q in self.json("queues")["queues"]
                  if q["paused"]]
        self.assertEqual(paused, [name])
        for words in [name], ["--", name]:
            self.assertEqual(self.ctl("jobs", *words),
                             "no unfinished jobs\n")
        self.assertEqual(self.ctl("jobs", "-a", name), "no jobs\n")
        self.assertEqual(self.json("jobs", "-a", name), {"jobs": []})

    def test_misspelt_names(self):
        self.start()
        for words in ["jobs", "nix"], ["pause", "nix"], ["resume", "nix"], \
                ["reject", "nix"], ["accept", "nix"]:
            with self.subTest(words):
                self.assertEqual(
                    self.ctl(*words, status=1), "printportctl: there is no "
                    'queue "nix"; printportctl queues lists them\n')
        self.assertIn('no port "nix"', self.ctl("pause-port", "nix",
                                                status=1))

    def test_a_reload_is_seen(self):
        self.start()
        self.daemon.configure(more="")
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log("configuration reloaded")
        self.assertEqual([q["name"] for q in self.json("queues")["queues"]],
                         ["q"])
        self.assertEqual([p["name"] for p in self.json("ports")["ports"]],
                         ["p"])
        self.assertIn('no queue "second"', self.ctl("pause", "second",
                                                    status=1))

    def test_on_a_terminal_it_fits(self):
        self.start()
        self.ctl("pause-port", "p")
        self.send()
        self.ctl("hold", "1")
        text = self.on_terminal("jobs", "-a", columns=40)
        lines = text.replace("\r\n", "\n").splitlines()
        self.assertEqual(len(lines), 2, text)
        self.assertLessEqual(max(len(line) for line in lines), 60)
        self.assertNotIn("\u2026", self.ctl("jobs"))
        self.assertEqual(self.on_terminal("jobs", "second"),
                         "no unfinished jobs\r\n")

    def on_terminal(self, *words, columns=80):
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ,
                    struct.pack("HHHH", 24, columns, 0, 0))
        with subprocess.Popen([CTL, "--socket", self.socket, *words],
                              stdout=slave, stderr=slave) as process:
            os.close(slave)
            text = b""
            while True:
                try:
                    part = os.read(master, 65536)
                except OSError:
                    break
                if not part:
                    break
                text += part
            process.wait(harness.LIMIT_S)
        os.close(master)
        return text.decode()


class Accounting(ControlCase):

    def records(self, *words):
        return list(csv.DictReader(io.StringIO(
            self.ctl("accounting", *words))))

    def test_export(self):
        self.start()
        for n in range(3):
            self.wait_state(self.send(b"x" * (n + 1)), "completed")
        records = self.records()
        self.assertEqual([r["job"] for r in records], ["1", "2", "3"])
        self.assertEqual([r["bytes"] for r in records], ["1", "2", "3"])
        self.assertEqual({r["result"] for r in records}, {"completed"})
        as_json = json.loads(self.ctl("accounting", "--json"))
        self.assertEqual([r["job"] for r in as_json], [1, 2, 3])
        second = records[1]["completed"]
        self.assertEqual([r["job"] for r in self.records("--from", second)],
                         ["2", "3"])
        self.assertEqual([r["job"] for r in self.records("--to", second)],
                         ["1"])
        self.assertEqual(self.records("--csv", "--to", "2020-01-01"), [])
        self.assertEqual(json.loads(self.ctl(
            "accounting", "--json", "--to", "2020-01-01")), [])

    def test_a_bad_period(self):
        self.start()
        for option in "--from", "--to":
            with self.subTest(option):
                self.assertRegex(
                    self.ctl("accounting", option, "yesterday", status=1),
                    '^printportctl: .*"yesterday" is no date or time; '
                    "write 2026-03-01, ")

    def test_output_that_is_full(self):
        self.start()
        for words in ["accounting"], ["status"], ["queues"], ["--help"], \
                ["--json", "ports"]:
            with self.subTest(words), open("/dev/full", "w") as full:
                got = subprocess.run(
                    [CTL, "--socket", self.socket, *words], stdout=full,
                    stderr=subprocess.PIPE, text=True,
                    timeout=harness.LIMIT_S)
                self.assertNotEqual(got.returncode, 0)
                self.assertIn("cannot write", got.stderr)


class Words(ControlCase):
    """The command line itself; no daemon runs."""

    def test_help_and_version(self):
        text = self.ctl("--help")
        for word in "jobs", "job", "hold", "release", "cancel", "reprint", \
                "move", "queues", "ports", "pause", "resume", \
                "reject", "accept", \
                "pause-port", "resume-port", "accounting", "status":
            self.assertRegex(text, rf"(?m)^  {word}\b")
        self.assertRegex(self.ctl("--version"), r"^printportctl \d+\.\S*\n$")

    def test_wrong_words(self):
        for words in [], ["nix"], ["--nix"], ["job"], ["job", "1", "2"], \
                ["job", "one"], ["hold"], ["hold", "1", "x"], ["hold", ""], \
                ["hold", "../1"], ["move", "1"], ["move", "x", "q"], \
                ["move", "1", "q", "--priority", "0"], \
                ["move", "1", "q", "--priority", "101"], \
                ["move", "1", "q", "--priority", "high"], \
                ["move", "1", "q", "--priority"], ["queues", "q"], \
                ["pause"], ["pause", "a", "b"], ["jobs", "--csv"], \
                ["reject"], ["reject", "q", "new", "toner"], \
                ["accept", "q", "new toner"], \
                ["accounting", "-a"], ["accounting", "--csv", "--json"], \
                ["queues", "--from", "2026-01-01"]:
            with self.subTest(words):
                self.assertTrue(self.ctl(*words, status=2))

    def test_nobody_is_there(self):
        said = self.ctl("jobs", status=3)
        self.assertRegex(said, f"^printportctl: cannot reach printportd at "
                         f"{self.socket}: No such file .*; is it running\\?")
        with socket.socket(socket.AF_UNIX) as s:
            s.bind(str(self.socket))
        self.assertIn("Connection refused", self.ctl("hold", "1", "2",
                                                     status=3))
        self.assertIn(str(self.socket), self.ctl("accounting", status=3))

    def test_somebody_else_is_there(self):
        """One that hangs up, and one that speaks something else."""
        for reply in b"", b"220 mail.example ESMTP\r\n", \
                b"HTTP/1.1 200 OK\r\n\r\nhello", \
                b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{\"jobs\"", \
                b"HTTP/1.1 500 Oh\r\nContent-Length: 2\r\n\r\noh":
            with self.subTest(reply):
                self.once(reply)
                got = subprocess.run(
                    [CTL, "--socket", self.socket, "status"],
                    capture_output=True, text=True, timeout=harness.LIMIT_S)
                self.assertIn(got.returncode, (1, 3))
                self.assertTrue(got.stderr.startswith("printportctl: "))

    def test_an_export_that_breaks_off_is_told(self):
        self.once(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                  b"7\r\nrecord\n\r\n")
        self.assertRegex(self.ctl("accounting", status=3),
                         "broke off: .*not all")

    def test_no_proxy_is_asked(self):
        self.start()
        env = dict(os.environ, http_proxy="http://127.0.0.1:1",
                   ALL_PROXY="http://127.0.0.1:1")
        self.assertIn("version", self.ctl("status", env=env))

    def once(self, reply):
        """Answer one connection so."""
        self.socket.unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.socket))
        listener.listen()

        def serve():
            with listener:
                connection, _ = listener.accept()
                with connection:
                    connection.recv(65536)
                    connection.sendall(reply)
        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        self.addCleanup(thread.join, harness.LIMIT_S)


class Rights(ControlCase):

    def test_the_socket_is_the_group_s(self):
        self.start()
        status = self.socket.stat()
        self.assertTrue(stat.S_ISSOCK(status.st_mode))
        self.assertEqual(stat.S_IMODE(status.st_mode), 0o660)
        self.assertEqual((status.st_uid, status.st_gid),
                         (os.geteuid(), os.getegid()))
        self.daemon.stop()
        self.assertFalse(self.socket.exists())

    def test_members_of_the_group_and_others(self):
        if os.geteuid() != 0:
            self.skipTest("not root")
        self.start()
        self.ctl("pause", "q")
        self.send()
        os.chown(self.socket, 0, 23456)
        member = Connection(self.socket, uid=12345, gid=23456)
        answer = member.ask("POST", "/v1/jobs/1/hold")
        self.assertEqual(answer.status, 200)
        self.assertEqual(json.loads(answer.read())["why"],
                         "held by uid 12345")
        with self.assertRaises(PermissionError):
            Connection(self.socket, uid=12345, gid=12345)

    def test_what_is_in_its_place_is_left_alone(self):
        for make in self.socket.touch, self.socket.mkdir, \
                lambda: self.socket.symlink_to("/dev/null"):
            with self.subTest(make):
                make()
                before = self.socket.lstat()
                self.daemon.configure()
                got = self.daemon.run()
                self.assertEqual(got.returncode, 78, got.stderr)
                self.assertRegex(got.stderr, f"control_socket {self.socket}:"
                                 " .*; remove it, or name another path")
                self.assertEqual(self.socket.lstat(), before)
                if self.socket.is_dir() and not self.socket.is_symlink():
                    self.socket.rmdir()
                else:
                    self.socket.unlink()

    def test_without_its_directory_it_does_not_start(self):
        self.daemon.control = self.daemon.dir / "nix" / "control.sock"
        self.daemon.configure()
        got = self.daemon.run()
        self.assertEqual(got.returncode, 78, got.stderr)
        self.assertRegex(got.stderr, "nix/control.sock: .*No such file.*; "
                         "create it for the daemon: install -d")

    def test_a_crash_leaves_a_socket_that_is_replaced(self):
        self.start()
        self.daemon.stop(signal.SIGKILL)
        self.assertTrue(self.socket.exists())
        self.assertIn("Connection refused", self.ctl("jobs", status=3))
        self.daemon.start()
        self.daemon.wait_log(" ready ports=", 2)
        self.assertEqual(self.ctl("jobs"), "no unfinished jobs\n")


class Connection:
    """HTTP on the socket; as another user if there is a uid."""

    def __init__(self, path, uid=None, gid=None):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(harness.LIMIT_S)
        if uid is None:
            self.sock.connect(str(path))
        else:
            self.connect_as(path, uid, gid)

    def connect_as(self, path, uid, gid):
        """The kernel notes who connects: so it is done by a child, which
        sends its descriptor here."""
        ours, theirs = socket.socketpair()
        pid = os.fork()
        if pid == 0:
            status = 1
            try:
                os.setgroups([])
                os.setgid(gid)
                os.setuid(uid)
                self.sock.connect(str(path))
                socket.send_fds(theirs, [b"x"], [self.sock.fileno()])
                status = 0
            finally:
                os._exit(status)
        theirs.close()
        with ours:
            _, fds, _, _ = socket.recv_fds(ours, 1, 1)
        os.waitpid(pid, 0)
        self.sock.close()
        if not fds:
            raise PermissionError(path)
        self.sock = socket.socket(fileno=fds[0])
        self.sock.settimeout(harness.LIMIT_S)

    def ask(self, method, path, body=None):
        client = http.client.HTTPConnection("printportd")
        client.sock = self.sock
        client.request(method, path, body=body)
        return client.getresponse()


class Abuse(ControlCase):
    """F51: whatever comes to the socket, printing goes on."""

    def setUp(self):
        super().setUp()
        self.start()

    def connect(self):
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(harness.LIMIT_S)
        s.connect(str(self.socket))
        return s

    def still_prints(self):
        number = self.send(b"still here")
        self.wait_state(number, "completed")

    def test_half_lines_and_endless_ones(self):
        for data in b"", b"GET", b"GET /v1/jobs HT", \
                b"GET /v1/jobs HTTP/1.1\r\nHost: x", b"\0" * 5000, \
                b"\x16\x03\x01\x02\x00", b"GET /" + b"x" * (1 << 20), \
                b"GET / HTTP/1.1\r\nX: " + b"x" * (1 << 20), \
                b"POST /v1/jobs/1/move HTTP/1.1\r\nContent-Length: " \
                b"999999999999\r\n\r\n" + b"{" * (1 << 20):
            with self.subTest(data[:40]), self.connect() as s:
                try:
                    s.sendall(data)
                except (BrokenPipeError, ConnectionResetError):
                    pass
        self.still_prints()

    def test_a_thousand_connections(self):
        open_ones = []
        try:
            for n in range(1000):
                s = socket.socket(socket.AF_UNIX)
                s.setblocking(False)
                try:
                    s.connect(str(self.socket))
                    if n % 2:
                        s.sendall(b"GET /v1/st")
                except BlockingIOError:         # the line is full
                    pass
                open_ones.append(s)
            self.daemon.print(b"while they are there")
            self.daemon.wait_documents(1)
        finally:
            for s in open_ones:
                s.close()
        self.still_prints()

    def test_clients_that_go_in_mid_reply(self):
        for _ in range(10):
            self.daemon.print(b"x")
        for _ in range(50):
            with self.connect() as s:
                s.sendall(b"GET /v1/jobs?which=all HTTP/1.1\r\n\r\n"
                          b"GET /v1/accounting HTTP/1.1\r\n\r\n" * 20)
        self.still_prints()

    def test_it_speaks_html_to_nobody_who_asks_well(self):
        connection = Connection(self.socket)
        for method, path in ("GET", "/"), ("PUT", "/v1/jobs"), \
                ("DELETE", "/v1/jobs/1"), ("GET", "/v1/jobs/x"), \
                ("POST", "/v1/jobs/99/hold"):
            answer = connection.ask(method, path)
            self.assertGreaterEqual(answer.status, 400)
            self.assertIn("error", json.loads(answer.read()))

    def test_it_ends_while_somebody_asks(self):
        with self.connect() as s:
            s.sendall(b"GET /v1/st")
            self.assertEqual(self.daemon.stop(), 0)
            self.assertEqual(s.recv(100), b"")


if __name__ == "__main__":
    harness.main()
