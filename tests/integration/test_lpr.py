#!/usr/bin/env python3
"""The monitor "lpr": jobs that are passed on to LPD servers."""

import json
import os
import pathlib
import random
import socket
import subprocess
import sys

import harness
import lpd
import spooling
from harness import wait_for

sys.path.insert(0, str(harness.TOP / "tests/sim"))
from lpd_server import LpdServer        # noqa: E402

MIB = 1 << 20
LPD = """
[listener lpd]
protocol = lpd
listen = 127.0.0.1:0
refusal_delay = 0
"""


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


class LprCase(spooling.SpoolCase):
    def begin(self, port, settings="", server="127.0.0.1", **kwargs):
        self.daemon.configure(
            monitor="lpr", port=f"host = {server}\nport = {port}\n"
            f"queue = q\ndirectory = {self.daemon.dir}\n{settings}",
            more=LPD, **kwargs)
        self.start()

    def serve(self, *scripts, settings="", **kwargs):
        self.server = LpdServer(*scripts)
        self.addCleanup(self.server.close)
        self.begin(self.server.port, settings, **kwargs)
        return self.server

    def send_lpd(self, data, control, name="cfA001host"):
        with lpd.Client(self.daemon.address("lpd")) as client:
            client.receive()
            client.control(control, name)
            self.assertEqual(client.data(data, "d" + name[1:]), lpd.ACK)

    def cancel(self, number):
        self.ask(f"/v1/jobs/{number}/cancel", "POST")

    def states(self):
        return {job["id"]: job["state"] for job in self.jobs("all")}

    def wait_done(self):
        self.wait_jobs(lambda jobs: not jobs)


class TestForwarding(LprCase):
    """From one daemon to another."""

    def setUp(self):
        super().setUp()
        directory = self.daemon.dir / "second"
        directory.mkdir()
        self.second = harness.Daemon(directory)
        self.addCleanup(self.second.stop)

    def forward(self, settings="", listener="", more="", **kwargs):
        self.second.delivery = "spool"
        self.second.configure(daemon="", more=LPD + listener).start()
        host, port = self.second.address("lpd")
        self.begin(port, settings, kwargs.pop("server", host), **kwargs)

    def on_paper(self, n):
        documents = self.second.wait_documents(n)
        return [documents[name] for name in
                sorted(documents, key=lambda s: int(s.split(".")[0]))]

    def second_job(self):
        control = spooling.Control(self.second.control)
        try:
            control.request("GET", "/v1/jobs/1")
            return json.loads(control.getresponse().read())
        finally:
            control.close()

    def check(self, settings="", sizes=(1, 65536, 70000, MIB), **kwargs):
        self.forward(settings, **kwargs)
        wanted = [spooling.content(i, size) for i, size in enumerate(sizes)]
        self.accept(*wanted)
        self.wait_done()
        self.assertEqual(self.on_paper(len(wanted)), wanted)

    def test_control_first(self):
        self.check(sizes=(1, 70000, 20 * MIB))

    def test_data_first(self):
        self.check("order = data,control")

    def test_stream(self):
        self.check("mode = stream")

    def test_by_way_of_a_file(self):
        self.check("spool = always")
        self.assertEqual([p.name for p in self.daemon.dir.iterdir()
                          if p.name.startswith("printport-lpr")], [])

    def test_by_name(self):
        self.check(server=harness.loopback_name())

    def test_source_ports(self):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", 0))
                probe.close()
                with socket.socket() as low:
                    low.bind(("", 1022))
            except PermissionError:
                self.skipTest("no port below 1024 for us")
            except OSError:
                pass
        self.check("reserve = any", listener="require_privileged = 1023\n")

    def test_a_document_that_still_arrives(self):
        """Nobody knows its length when it is sent."""
        self.daemon.delivery = "stream"
        self.forward()
        data = spooling.content(1, 3 * MIB)
        with self.daemon.connect() as s:
            for at in range(0, len(data), MIB):
                s.sendall(data[at:at + MIB])
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.read_to_end(s), b"")
        self.assertEqual(self.on_paper(1), [data])

    def test_what_a_client_said_arrives(self):
        lines = ("Cclass A", "1font", "I4", "Mann", "Qlobby", "Zduplex",
                 "-osides=two", "5x", "W80")
        self.forward("format = auto")
        self.send_lpd(b"%!PS", lpd.control_file(
            user="ann", title="Minutes", host="ann-pc", kind="o",
            more="\n".join(lines) + "\n"))
        self.assertEqual(self.on_paper(1), [b"%!PS"])
        first, second = self.ask("/v1/jobs/1"), self.second_job()
        self.assertEqual((second["user"], second["title"]),
                         ("ann", "Minutes"))
        extra = second["extra"].split("\n")
        self.assertIn("Hann-pc", extra)
        for line in lines:
            self.assertIn(line, extra)
        self.assertEqual(sorted(extra[1:]),
                         sorted(first["extra"].split("\n")[1:]))
        documents = [job["documents"][0] for job in (first, second)]
        self.assertEqual(documents[0]["format"], "application/postscript")
        for key in "format", "name", "size":
            self.assertEqual(documents[0][key], documents[1][key])

    def test_copies_are_made_once(self):
        """By us for each that was asked for, or by the server."""
        self.forward("copies = 2")
        self.send_lpd(b"document", lpd.control_file(copies=3))
        self.wait_done()
        self.second.wait_jobs(6)

    def test_hostile_titles(self):
        self.forward()
        self.send_lpd(b"document", b"Hhost\nPann\nJa\rb\033c\n"
                      b"ldfA001host\nNx\n")
        self.assertEqual(self.on_paper(1), [b"document"])
        self.assertEqual(self.second_job()["title"], "a_b_c")

    def test_1000_jobs_leave_nothing(self):
        self.forward()
        self.accept(spooling.content(0, 100))
        self.wait_done()
        host, = self.daemon.host_pids()
        before = descriptors(host)
        clients = spooling.Clients(8, 1, lambda _: 50)
        clients.go(self.daemon.address())
        wait_for(lambda: len(clients.acknowledged) >= 1000, "1,000 jobs")
        clients.stop()
        self.wait_done()
        self.assertEqual(self.daemon.host_pids(), [host])
        self.assertEqual(descriptors(host), before)
        # Once each, and whole.
        numbers = [spooling.number_of(data) for data in self.on_paper(
            len(clients.acknowledged) + 1)]
        self.assertEqual(sorted(numbers), [0, *sorted(clients.sent)])


class TestAnswers(LprCase):
    """Of a server that answers as it is told."""

    def test_what_is_sent(self):
        server = self.serve()
        self.accept(b"document")
        job, = server.wait_jobs(1)
        self.assertEqual(job.queue, "q")
        self.assertEqual(job.data, b"document")
        self.assertEqual(job.lengths, [len(job.control), 8])
        self.assertRegex(job.names[0], r"^cfA001\S+$")
        self.assertEqual(job.lines("H"), ["127.0.0.1"])
        self.assertEqual(job.lines("l"), [job.names[1]])
        self.assertEqual(job.lines("U"), [job.names[1]])

    def test_never_this_job(self):
        """At each step: it is held, with what the server says."""
        for step in range(5):
            with self.subTest(step):
                self.tearDown()
                self.setUp()
                server = self.serve("0" * step + "3", "0")
                self.accept(b"first", b"second")
                self.assertEqual(server.wait_jobs(1)[0].data, b"second")
                job, = self.wait_state("pending-held")
                self.assertEqual(job["id"], 1)
                self.assertIn("not like that", job["why"])

    def test_no_room(self):
        """It is tried again, as often as it takes, and not held."""
        server = self.serve("2", "02", "0002", "0", queue="retries = 1")
        self.accept(b"document")
        self.assertEqual(server.wait_jobs(1)[0].data, b"document")
        self.wait_done()
        self.assertEqual(self.states(), {1: "completed"})
        self.assertEqual(server.connections, 4)

    def test_not_now(self):
        server = self.serve("1", "0", queue="retries = 1")
        self.accept(b"document")
        server.wait_jobs(1)
        self.daemon.wait_log(r"q@127.0.0.1:\d+: the server refuses the job "
                             r"\(1, not now\): not like that; see")

    def test_a_control_file_that_is_never_wanted(self):
        """The job may be why: it is held in the end, and others print."""
        server = self.serve("01", "01", "0", queue="retries = 2")
        self.accept(b"first", b"second")
        self.assertEqual(server.wait_jobs(1)[0].data, b"second")
        job, = self.wait_state("pending-held")
        self.assertEqual(job["id"], 1)
        self.assertIn("refuses the control file", job["why"])

    def test_a_connection_that_breaks(self):
        """Wherever it does, the job is sent again, whole."""
        data = spooling.content(1, 4 * MIB)
        server = self.serve("c", "0c", "00c", "000r", "0",
                            queue="retries = 0")
        self.accept(data)
        self.assertEqual([job.data for job in server.wait_jobs(1)], [data])
        self.wait_done()
        self.assertEqual(server.connections, 5)

    def test_a_last_answer_that_does_not_come(self):
        """Nobody knows: it is sent again, and may be there twice."""
        server = self.serve("0000c", "0")
        self.accept(b"document")
        self.assertEqual([job.data for job in server.wait_jobs(2)],
                         [b"document", b"document"])
        self.daemon.wait_log("it may have printed it all the same")

    def test_a_silent_server(self):
        server = self.serve("0s", "0", settings="control_timeout = 50ms")
        self.accept(b"document")
        server.wait_jobs(1)
        self.daemon.wait_log("no answer within control_timeout")

    def rest(self, settings):
        """As a print server does whose printer is out of paper."""
        data = spooling.content(1, 30 * MIB)
        server = self.serve("0000p", "0",
                            settings="write_timeout = 20ms\n" + settings)
        self.accept(data)
        server.wait_rest()
        self.daemon.wait_log("port opened")
        self.assertEqual(self.states(), {1: "processing"})
        server.go()
        self.assertEqual([job.data == data for job in server.wait_jobs(1)],
                         [True])
        self.wait_done()
        self.assertEqual(server.connections, 1)

    def test_a_server_that_rests(self):
        self.rest("")

    def test_a_server_that_rests_by_way_of_a_file(self):
        self.rest("spool = always")

    def test_a_server_that_rests_for_too_long(self):
        for way in "auto", "always":
            with self.subTest(way):
                self.tearDown()
                self.setUp()
                server = self.serve(
                    "0000d", "0", settings="write_timeout = 20ms\n"
                    f"stall_timeout = 100ms\nspool = {way}")
                self.accept(spooling.content(1, 30 * MIB))
                self.daemon.wait_log("took nothing for stall_timeout")
                server.wait_jobs(1)

    def test_a_server_that_is_off(self):
        with LpdServer() as probe:
            port = probe.port
        self.begin(port)
        self.accept(b"document")
        self.daemon.wait_log("does a print server run there")
        with LpdServer(port=port) as server:
            self.assertEqual(server.wait_jobs(1)[0].data, b"document")
            self.wait_done()
        self.assertEqual(self.states(), {1: "completed"})

    def test_check_config_names_what_is_wrong(self):
        self.daemon.configure(monitor="lpr", port="host = x\nqueue = q\n"
                              "format = ps\n")
        done = self.daemon.run("--check-config")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("expected one letter of", done.stderr)
        self.daemon.configure(monitor="lpr", port="host = x\n")
        self.assertIn("queue", self.daemon.run("--check-config").stderr)


class TestCancel(LprCase):
    """In each phase, while the server keeps us waiting there."""

    def check(self, script, step, size=10, settings=""):
        server = self.serve(script, "0", settings=settings)
        self.accept(spooling.content(1, size), b"behind it")
        if step is None:
            server.wait_rest()
        else:
            server.wait_step(step)
        self.cancel(1)
        self.assertEqual(server.wait_jobs(1)[-1].data, b"behind it")
        self.wait_done()
        self.assertEqual(self.states(), {1: "canceled", 2: "completed"})

    def test_answer_to_the_queue(self):
        self.check("s", 1)

    def test_answer_to_the_name_of_the_control_file(self):
        self.check("0s", 2)

    def test_answer_to_the_control_file(self):
        self.check("00s", 3)

    def test_answer_to_the_name_of_the_data(self):
        self.check("000s", 4)

    def test_data(self):
        self.check("0000d", None, 30 * MIB)

    def test_data_by_way_of_a_file(self):
        self.check("0000d", None, 30 * MIB, "spool = always")

    def test_last_answer(self):
        server = self.serve("0000s", "0")
        self.accept(b"first", b"behind it")
        server.wait_step(5)
        self.cancel(1)
        self.assertEqual(server.wait_jobs(2)[1].data, b"behind it")
        self.wait_done()
        self.assertEqual(self.states(), {1: "canceled", 2: "completed"})
        # No fault of the port.
        self.assertEqual(self.daemon.log().count("port opened"), 1)

    def test_connection(self):
        """A listener whose backlog is full lets nobody in."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            s.listen(0)
            crowd = []
            for _ in range(4):
                one = socket.socket()
                one.setblocking(False)
                one.connect_ex(s.getsockname())
                crowd.append(one)
            self.begin(s.getsockname()[1])
            self.accept(b"document")
            self.daemon.wait_log("port opened")
            self.cancel(1)
            self.wait_done()
            self.assertEqual(self.states(), {1: "canceled"})
            for one in crowd:
                one.close()


LPRNG_CONFIG = """\
user=root
group=root
lockfile={place}/lock
unix_socket_path=off
"""


class TestLPRng(LprCase):
    """The server of LPRng, which has all its files in /etc: so it is given an
    /etc of its own, in a mount namespace, where nobody else sees it."""

    def setUp(self):
        super().setUp()
        found = sorted(harness.PEERS.glob("lprng/**/sbin/lpd"))
        if not found:
            self.skipTest("LPRng is not unpacked")
        if os.geteuid() != 0:
            self.skipTest("needs root, for an /etc of its own")
        self.lpd = found[0]
        self.place = self.daemon.dir / "lprng"
        self.paper = self.place / "paper"
        self.start_lprng()

    def write_etc(self):
        etc = self.place / "etc"
        (etc / "lprng").mkdir(parents=True)
        for name in "passwd", "group", "ld.so.cache":
            (etc / name).write_bytes(pathlib.Path("/etc", name).read_bytes())
        (etc / "nsswitch.conf").write_text("hosts: files\n")
        (etc / "hosts").write_text("127.0.0.1 localhost "
                                   f"{os.uname().nodename}\n")
        (etc / "lprng/lpd.conf").write_text(
            LPRNG_CONFIG.format(place=self.place))
        (etc / "lprng/lpd.perms").write_text("DEFAULT ACCEPT\n")
        (etc / "printcap").write_text(
            f"q:lp={self.paper}:sd={self.place}/q:sh:sf:mx#0:\n")
        return etc

    def start_lprng(self):
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        etc = self.write_etc()
        (self.place / "q").mkdir(0o700)
        self.paper.touch()
        with open(self.place / "output", "w", encoding="utf-8") as output:
            child = subprocess.Popen(
                ["unshare", "--mount", "--pid", "--fork", "--kill-child",
                 "sh", "-c", 'mount --bind "$0" /etc && exec "$@"', etc,
                 self.lpd, "-F", "-p", str(self.port)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        self.addCleanup(child.wait, harness.LIMIT_S)
        self.addCleanup(child.kill)

        def answers():
            if child.poll() is not None:
                self.skipTest("LPRng does not start here: " +
                              (self.place / "output").read_text())
            with socket.socket() as s:
                return s.connect_ex(("127.0.0.1", self.port)) == 0
        wait_for(answers, "LPRng")

    def check(self, settings="", sizes=(1, 70000, MIB)):
        self.begin(self.port, settings)
        data = [random.Random(size).randbytes(size) for size in sizes]
        for one in data:
            self.accept(one)
            self.wait_done()
        wanted = b"".join(data)
        wait_for(lambda: self.paper.stat().st_size >= len(wanted),
                 lambda: f"{len(wanted)} bytes, not "
                 f"{self.paper.stat().st_size}:\n" +
                 (self.place / "output").read_text() + self.daemon.log())
        self.assertEqual(self.paper.read_bytes(), wanted)

    def test_control_first(self):
        self.check()

    def test_data_first(self):
        self.check("order = data,control")

    def test_by_way_of_a_file(self):
        self.check("spool = always")

    def test_a_queue_that_it_has_not(self):
        self.daemon.configure(
            monitor="lpr", port=f"host = 127.0.0.1\nport = {self.port}\n"
            "queue = nowhere\n", more=LPD)
        self.start()
        self.accept(b"document")
        self.daemon.wait_log("the server refuses the job")


if __name__ == "__main__":
    harness.main()
