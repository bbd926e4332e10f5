#!/usr/bin/env python3
"""The monitor "pipe": documents to programs, and to backends of CUPS."""

import os
import pathlib
import shutil
import signal
import socket
import sys
import threading

import harness
import lpd
import spooling
from harness import wait_for

sys.path.insert(0, str(harness.TOP / "tests/sim"))
import ipp_sink                         # noqa: E402

MIB = 1 << 20

# A document is there when all of it is.
PRINT = ("cat >out/.$PRINTPORT_JOB && "
         "mv out/.$PRINTPORT_JOB out/$PRINTPORT_JOB")


def backend(name):
    """A real backend, of an unpacked package or installed; or None."""
    places = [*sorted(harness.PEERS.glob(f"**/cups/backend*/{name}")),
              pathlib.Path("/usr/lib/cups/backend") / name]
    return next((p for p in places if os.access(p, os.R_OK)), None)


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def children(pid):
    path = pathlib.Path(f"/proc/{pid}/task/{pid}/children")
    return path.read_text().split()


class PipeCase(spooling.SpoolCase):
    def write_program(self, text, name="program"):
        """A program, put in place whole: nobody has it open for writing."""
        path = self.daemon.dir / name
        new = self.daemon.dir / (name + ".new")
        new.write_text("#!/bin/sh\n" + text + "\n")
        new.chmod(0o755)
        new.rename(path)
        return path

    def begin(self, text, settings="", **kwargs):
        """A daemon whose port is a program, which runs in our directory."""
        self.program = self.write_program(text)
        self.daemon.configure(
            monitor="pipe", port=f"program = {self.program}\n"
            f"directory = {self.daemon.dir}\n{settings}", **kwargs)
        self.start()

    def path(self, name):
        return self.daemon.dir / name

    def wait_file(self, name):
        """Content of a file, as soon as there is some."""
        def look():
            try:
                return self.path(name).read_text()
            except FileNotFoundError:
                return None
        return wait_for(look, lambda: f"{name}:\n{self.daemon.log()}")

    def wait_gone(self, *names):
        """Until processes are gone whose numbers are in these files."""
        for name in names:
            pid = int(self.wait_file(name))
            wait_for(lambda pid=pid: not harness.alive(pid), f"end of {name}")

    def cancel(self, number):
        self.ask(f"/v1/jobs/{number}/cancel", "POST")

    def state(self, number):
        return {job["id"]: job["state"] for job in self.jobs("all")}[number]

    def host(self):
        pid, = self.daemon.host_pids()
        return pid


class TestDocuments(PipeCase):
    def test_every_byte_arrives(self):
        self.begin(PRINT)
        wanted = [spooling.content(i, size) for i, size in enumerate(
            (1, 4096, 65536, 65537, 70000, MIB, 20 * MIB))]
        self.accept(*wanted)
        self.wait_jobs(lambda jobs: not jobs)
        documents = self.daemon.documents()
        self.assertEqual([documents[str(i + 1)] for i in range(len(wanted))],
                         wanted)

    def test_hostile_titles_arrive_as_data(self):
        titles = ["; touch hit; #", "$(touch hit)", "`touch hit`", "'\"\\",
                  "--version", "a\rb\033[2Jc", "%j%t%s%n", "x" * 1023]
        self.begin('printf "%s\\n" "$1" "$2" "$PRINTPORT_TITLE" '
                   ">out/$PRINTPORT_JOB; cat >/dev/null",
                   settings='arguments = %t "of %t"',
                   more="[listener lpd]\nprotocol = lpd\n"
                   "listen = 127.0.0.1:0\n")
        for title in titles:
            with lpd.Client(self.daemon.address("lpd")) as client:
                client.receive()
                client.control(lpd.control_file(title=title))
                self.assertEqual(client.data(b"x"), lpd.ACK)
        self.wait_jobs(lambda jobs: not jobs)
        for number, title in enumerate(titles, 1):
            lines = (self.daemon.out / str(number)).read_text().split("\n")
            title = title.replace("\r", "_").replace("\033", "_")[:1000]
            self.assertEqual(
                lines, ["_" + title[1:] if title[0] == "-" else title,
                        "of " + title, title, ""])
        self.assertFalse(self.path("hit").exists())

    def test_answers_go_to_the_client(self):
        self.daemon.delivery = "stream"
        self.begin("while read line; do echo you said $line; done",
                   settings="read = yes")
        with self.daemon.connect() as s:
            s.sendall(b"hello\n")
            self.assertEqual(s.recv(100), b"you said hello\n")
            s.sendall(b"bye\n")
            self.assertEqual(s.recv(100), b"you said bye\n")
            s.shutdown(socket.SHUT_WR)
            self.assertEqual(harness.read_to_end(s), b"")
        self.daemon.wait_jobs(1)

    def test_a_client_that_breaks_off_prints_nothing(self):
        self.daemon.delivery = "stream"
        self.begin("echo $$ >pid; cat >all; mv all out/whole")
        s = self.daemon.connect()
        s.sendall(b"half")
        self.wait_file("pid")
        harness.reset(s)
        self.daemon.wait_log("job not printed")
        self.wait_gone("pid")
        self.assertEqual(self.daemon.documents(), {})

    def test_1000_jobs_leave_nothing(self):
        self.begin(PRINT + "; echo done >&2")
        self.accept(spooling.content(0, 100))
        self.daemon.wait_documents(1)
        host = self.host()
        self.wait_jobs(lambda jobs: not jobs)
        before = descriptors(host)
        clients = spooling.Clients(8, 1, lambda _: 50)
        clients.go(self.daemon.address())
        wait_for(lambda: len(clients.acknowledged) >= 1000, "1,000 jobs")
        clients.stop()
        self.wait_printed(clients.acknowledged)
        self.wait_jobs(lambda jobs: not jobs)
        self.assertEqual(self.host(), host)
        self.assertEqual(descriptors(host), before)
        self.assertEqual(children(host), [])

    def test_pages_and_supplies_are_in_the_record(self):
        self.begin("cat >/dev/null; printf 'PAGE: total 7\\n"
                   "ATTR: marker-names=Black marker-levels=30\\n"
                   "STATE: +toner-low-report\\n' >&2")
        self.accept(b"document")
        job, = self.wait_jobs(lambda jobs: len(jobs) == 1 and
                              jobs[0]["state"] == "completed", "all")
        self.assertEqual(job["pages"], 7)
        port, = self.ask("/v1/ports")["ports"]
        self.assertEqual(port["supplies"], [{"name": "Black", "percent": 30}])
        self.daemon.wait_log("port status .*status=toner-low .*info")

    def test_what_it_says_is_logged_under_the_job(self):
        self.begin("cat >/dev/null; echo 'WARNING: a bit thin' >&2")
        self.accept(b"document")
        self.daemon.wait_log(r"warning.* monitor says .*port=p job=1 .*a bit "
                             "thin")

    def test_limits(self):
        self.begin("cat >/dev/null; for l in -n -Hn -t -v; do ulimit $l; done "
                   ">limits; mv limits out", settings="max_files = 33\n"
                   "max_cpu_time = 1m\nmax_memory = 1G\n")
        self.accept(b"document")
        self.assertEqual(self.daemon.wait_documents(1)["limits"],
                         b"33\n33\n60\n1048576\n")

    def test_a_flood_of_words(self):
        self.begin("yes 'ERROR: flood' | head -c 20000000 >&2; "
                   + PRINT)
        self.accept(spooling.content(1, MIB))
        self.daemon.wait_documents(1)
        self.daemon.wait_log("lines more of the program were left out")
        self.assertLess(len(self.daemon.log()), 4 * MIB)


class TestFailures(PipeCase):
    def test_a_program_that_is_not_there_yet(self):
        self.begin(PRINT)
        self.program.rename(self.path("away"))
        self.accept(b"document")
        self.daemon.wait_log("port cannot be opened .*cannot be run: No such")
        self.path("away").rename(self.program)
        self.assertEqual(list(self.daemon.wait_documents(1).values()),
                         [b"document"])

    def test_a_program_that_goes_while_the_port_is_open(self):
        self.begin(PRINT, queue="retries = 0")
        self.accept(b"document")
        self.daemon.wait_documents(1)
        self.program.rename(self.path("away"))
        self.accept(b"document")
        self.daemon.wait_log("could not be executed")
        self.path("away").rename(self.program)
        self.daemon.wait_documents(2)

    def test_one_that_fails_is_tried_again_from_the_start(self):
        self.begin("if [ $PRINTPORT_RESTARTED = 0 ]; then head -c 100000 "
                   ">/dev/null; echo out of ink >&2; exit 1; fi\n"
                   + PRINT)
        data = spooling.content(1, 4 * MIB)
        self.accept(data)
        self.assertEqual(list(self.daemon.wait_documents(1).values()), [data])
        self.daemon.wait_log("program ended with exit status 1: out of ink")

    def test_one_that_was_killed_is_tried_again(self):
        self.begin("if mkdir once 2>/dev/null; then echo $$ >pid; sleep 1000; "
                   "fi; " + PRINT)
        self.accept(b"document")
        os.kill(int(self.wait_file("pid")), signal.SIGKILL)
        self.daemon.wait_documents(1)
        self.daemon.wait_log("program was killed by SIGKILL")

    def test_verdicts(self):
        self.begin("cat >/dev/null; echo bad document >&2; exit $1",
                   settings="arguments = %q\nexit_hold = 3\nexit_drop = 4\n"
                   "exit_stop = 5\n")
        for number, state in ((3, "pending-held"), (4, "aborted"),
                              (5, "pending")):
            self.write_program(f"cat >/dev/null; echo bad document >&2; "
                               f"exit {number}")
            self.accept(b"document")
            jobs = self.wait_jobs(lambda jobs, n=number, s=state: any(
                j["id"] == n - 2 and j["state"] == s for j in jobs), "all")
            why = [j["why"] for j in jobs if j["id"] == number - 2][0]
            if state != "pending":
                self.assertIn("bad document", why)
        self.daemon.wait_log("port is paused by its monitor.*exit status 5")

    def test_success_before_all_was_read(self):
        self.begin("head -c 3 >/dev/null", queue="retries = 1")
        self.accept(b"document")
        job, = self.wait_state("pending-held")
        self.assertIn("has not read all of its document", job["why"])

    def test_time_out(self):
        self.begin("[ $PRINTPORT_JOB = 1 ] && sleep 1000; " + PRINT, queue="retries = 1",
                   settings="timeout = 300ms")
        self.accept(b"hangs", b"prints")
        job, = self.wait_state("pending-held")
        self.assertIn("took longer than timeout", job["why"])
        self.assertEqual(list(self.daemon.wait_documents(1).values()),
                         [b"prints"])

    def test_check_config_names_what_is_wrong(self):
        self.begin("cat")
        self.daemon.configure(monitor="pipe", port="program = cat\n")
        done = self.daemon.run("--check-config")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("expected a path from the root", done.stderr)


class TestCancel(PipeCase):
    """In each phase, while the program is stuck there."""

    def check(self, text, size=10, settings=""):
        self.begin(f"if [ $PRINTPORT_JOB != 1 ]; then {PRINT}; exit; fi\n"
                   + text, settings)
        self.accept(spooling.content(1, size), b"behind it")
        self.wait_file("pid")
        self.cancel(1)
        self.wait_gone("pid")
        self.wait_jobs(lambda jobs: not jobs)
        self.assertEqual(self.state(1), "canceled")
        self.assertEqual(list(self.daemon.documents().values()),
                         [b"behind it"])
        # No fault of the port.
        self.assertEqual(self.daemon.log().count("port opened"), 1)

    def test_while_it_reads_nothing(self):
        self.check("echo $$ >pid; sleep 1000", 4 * MIB)

    def test_while_it_reads_slowly(self):
        self.check("echo $$ >pid; while head -c 1 >/dev/null; do sleep 0.1; "
                   "done", 4 * MIB)

    def test_while_it_works_behind_the_end(self):
        self.check("cat >/dev/null; echo $$ >pid; sleep 1000")

    def test_one_that_ignores_the_request(self):
        self.check("trap '' TERM; cat >/dev/null; echo $$ >pid; "
                   "while :; do sleep 1; done", settings="grace = 20ms")

    def test_its_children_too(self):
        self.check("sh -c 'trap \"\" TERM; echo $$ >child; sleep 1000' &\n"
                   "while [ ! -s child ]; do sleep 0.01; done\n"
                   "cat >/dev/null; echo $$ >pid; wait",
                   settings="grace = 20ms")
        self.wait_gone("child")

    def test_a_host_that_is_killed_takes_it_along(self):
        """And the program takes that for no end of its document."""
        self.begin(f"mkdir once 2>/dev/null || {{ {PRINT}; exit; }}\n"
                   "exec 3<&0; (cat <&3 >all; mv all out/whole) &\n"
                   "echo $! >child; echo $$ >pid; wait",
                   queue="start_printing = immediate")
        data = spooling.content(1, 4 * MIB)
        with self.daemon.connect() as s:
            s.sendall(data[:3 * MIB])
            self.wait_file("pid")
            os.kill(self.host(), signal.SIGKILL)
            self.wait_gone("pid", "child")
            s.sendall(data[3 * MIB:])
            s.shutdown(socket.SHUT_WR)
            harness.read_to_end(s)
        self.wait_jobs(lambda jobs: not jobs)
        self.assertEqual(list(self.daemon.documents().values()), [data])

    def test_a_daemon_that_is_killed_takes_it_along(self):
        self.begin(f"mkdir once 2>/dev/null || {{ {PRINT}; exit; }}\n"
                   "cat >/dev/null; echo $$ >pid; sleep 1000")
        self.accept(b"document")
        self.wait_file("pid")
        self.kill()
        self.wait_gone("pid")
        self.start()
        self.assertEqual(list(self.daemon.wait_documents(1).values()),
                         [b"document"])


class Listener:
    """Takes what RAW printers take, a connection after the other."""

    def __init__(self):
        self.sock = socket.create_server(("127.0.0.1", 0))
        self.port = self.sock.getsockname()[1]
        self.documents = []
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    def run(self):
        while True:
            try:
                s, _ = self.sock.accept()
            except OSError:
                return
            with s:
                self.documents.append(harness.read_to_end(s))

    def close(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.sock.close()


class TestCups(PipeCase):
    """Real backends, as CUPS runs them."""

    def begin_backend(self, name, uri, **kwargs):
        found = backend(name)
        if found is None:
            self.skipTest(f"there is no CUPS backend {name}")
        shutil.copy(found, self.path(name))
        self.path(name).chmod(0o755)
        self.daemon.configure(monitor="pipe", port=f"cups_backend = {uri}\n"
                              f"backend_directory = {self.daemon.dir}\n"
                              f"environment = TMPDIR={self.daemon.dir}\n",
                              **kwargs)
        self.start()

    def check(self, documents, sizes=(1, 70000, MIB)):
        wanted = [spooling.content(i, size) for i, size in enumerate(sizes)]
        self.accept(*wanted)
        wait_for(lambda: len(documents()) == len(wanted),
                 lambda: f"{len(wanted)} documents:\n{self.daemon.log()}")
        self.assertEqual(documents(), wanted)
        self.wait_jobs(lambda jobs: not jobs)

    def test_socket(self):
        printer = Listener()
        self.addCleanup(printer.close)
        self.begin_backend("socket", f"socket://127.0.0.1:{printer.port}"
                           "/?snmp=false")
        self.check(lambda: printer.documents)

    def test_lpd(self):
        directory = self.daemon.dir / "second"
        directory.mkdir()
        second = harness.Daemon(directory)
        self.addCleanup(second.stop)
        second.delivery = "spool"
        second.configure(more="[listener lpd]\nprotocol = lpd\n"
                         "listen = 127.0.0.1:0\n").start()
        host, port = second.address("lpd")
        self.begin_backend("lpd", f"lpd://{host}:{port}/q?reserve=none")
        self.check(lambda: [data for _, data in sorted(
            second.documents().items())])
        second.wait_log("job accepted .*user=anonymous")

    def test_ipp(self):
        with ipp_sink.IppSink() as printer:
            self.begin_backend("ipp", printer.uri.replace(
                "://", "://ann:se%63ret@"))
            self.check(lambda: printer.documents)
        self.assertNotIn("se%63ret", self.all_logs())
        self.assertNotIn("secret", self.all_logs())

    def test_a_printer_that_is_not_there(self):
        """The backend waits for it, says so, and can be canceled."""
        with socket.socket() as s:
            s.bind(("127.0.0.1", 0))
            self.begin_backend("socket", "socket://127.0.0.1:%d/?snmp=false" %
                               s.getsockname()[1])
            self.accept(b"document")
            self.daemon.wait_log("monitor says .*The printer (is in use|may)")
            keeper, = children(self.host())
            pid, = children(keeper)
            self.cancel(1)
            wait_for(lambda: not harness.alive(int(pid)), "end of backend")
            self.wait_jobs(lambda jobs: not jobs)
            self.assertEqual(self.state(1), "canceled")


if __name__ == "__main__":
    harness.main()
