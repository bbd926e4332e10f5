#!/usr/bin/env python3
"""What a monitor says of a job or a port, and what becomes of it."""

import harness
import lpd
import spooling
from harness import wait_for


class VerdictCase(spooling.SpoolCase):
    def setUp(self):
        super().setUp()
        self.printer = spooling.Switched(self.daemon.dir)

    def begin(self, port, queue="", **kwargs):
        self.daemon.configure(monitor="mock", queue=queue,
                              port=self.printer.settings(port), **kwargs)
        self.start()

    def record(self, states):
        return self.wait_jobs(lambda jobs: any(
            job["state"] in states for job in jobs), "all")


class TestVerdicts(VerdictCase):
    def test_one_job_is_held_and_the_next_is_printed(self):
        self.begin("fail = start:1\nverdict = hold")
        self.accept(b"line-1\n", b"line-2\n")
        self.assertEqual(self.printer.wait_lines(1), ["line-2"])
        job, = self.wait_state("pending-held")
        self.assertIn("start number 1 fails, as it was told to", job["why"])
        self.daemon.wait_log("job is held .*port=p .*as it was told to")

    def test_a_released_job_is_printed(self):
        self.begin("fail = end:1\nverdict = hold")
        self.accept(b"line-1\n")
        job, = self.wait_state("pending-held")
        self.ask(f"/v1/jobs/{job['id']}/release", "POST")
        self.printer.wait_count("end", 2)
        self.wait_jobs(lambda jobs: not jobs)

    def test_a_job_is_aborted_and_the_next_is_printed(self):
        self.begin("fail = start:1\nverdict = drop")
        self.accept(b"line-1\n", b"line-2\n")
        self.assertEqual(self.printer.wait_lines(1), ["line-2"])
        job, = [job for job in self.record(["aborted"])
                if job["state"] == "aborted"]
        self.assertIn("start number 1 fails", job["why"])

    def test_a_port_is_stopped_until_it_is_resumed(self):
        self.begin("fail = start:1\nverdict = stop")
        self.accept(b"line-1\n")
        self.daemon.wait_log("port is paused by its monitor; look at it, "
                             "then resume it .*start number 1 fails")

        def paused():
            port, = self.ask("/v1/ports")["ports"]
            return port["paused"]
        wait_for(paused, "a paused port")
        job, = self.jobs()
        self.assertEqual(job["state"], "pending")
        self.assertEqual(job["attempts"], 0)

    def test_the_reason_of_a_failed_open_is_the_modules_own(self):
        self.begin("fail = open")
        self.accept(b"line-1\n")
        self.daemon.wait_log("port cannot be opened .*open number 1 fails, "
                             "as it was told to")

    def test_pages_are_in_the_record(self):
        self.begin("pages = 7")
        self.accept(b"line-1\n")
        job, = self.wait_jobs(lambda jobs: len(jobs) == 1 and
                              jobs[0]["state"] == "completed", "all")
        self.assertEqual(job["pages"], 7)

    def test_supplies_are_shown(self):
        self.begin("supply = Black Toner")
        self.accept(b"line-1\n")

        def supplies():
            port, = self.ask("/v1/ports")["ports"]
            return port["supplies"]
        self.assertEqual(wait_for(supplies, "supplies"),
                         [{"name": "Black Toner", "percent": 50}])


class TestAbout(VerdictCase):
    """What a monitor can know of a document."""

    def test_a_document_of_a_job_from_lpd(self):
        self.begin("about = yes", more="[listener lpd]\nprotocol = lpd\n"
                   "listen = 127.0.0.1:0\n")
        control = (b"Hhost\nPalice\nJMinutes\nCclass\nXvendor\n"
                   b"ldfA001host\nNminutes.ps\nUdfA001host\n")
        with lpd.Client(self.daemon.address("lpd")) as session:
            session.receive()
            session.control(control)
            session.data(b"0123456789")
        self.printer.wait_count("end")
        calls = self.printer.calls()
        self.assertIn("length 10", calls)
        self.assertIn("document minutes.ps", calls)
        self.assertIn("extra cfA001host", calls)
        self.assertIn("extra Cclass", calls)
        self.assertIn("extra Xvendor", calls)

    def test_a_stream_has_no_length(self):
        self.daemon.delivery = "stream"
        self.begin("about = yes")
        self.accept(b"line-1\n")
        self.printer.wait_count("end")
        self.assertIn("length -1", self.printer.calls())


if __name__ == "__main__":
    harness.main()
