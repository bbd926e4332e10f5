#!/usr/bin/env python3
"""Printing at IPP printers: the monitor "ipp"."""

import os
import sys

import harness
import spooling
from harness import wait_for

sys.path.insert(0, str(harness.TOP / "tests/sim"))

import ipp_everywhere                   # noqa: E402
from ipp_printer import (               # noqa: E402
    ABORTED, CANCELED, COMPLETED, CREATE_JOB, DOCUMENT, GET_JOB_ATTRIBUTES,
    GET_PRINTER_ATTRIBUTES, PRINT_JOB, PROCESSING, SEND_DOCUMENT, STOPPED,
    IppPrinter)

JOBS = int(os.environ.get("PRINTPORT_IPP_JOBS", "200"))
# More than all buffers between a port and a printer that does not read.
LARGE = 24 << 20
PDF = b"%PDF-1.4\n"


def pdf(number, size=1000):
    return PDF + spooling.content(number, size)


@harness.unittest.skipUnless((harness.MODULES / "ipp.so").exists(),
                             "built without libcups")
class IppCase(spooling.SpoolCase):
    def begin(self, uri, more="", **kwargs):
        kwargs.setdefault("queue", "retry_after = 10ms")
        self.daemon.configure(
            monitor="ipp", port=f"uri = {uri}\nstatus_interval = 100ms\n{more}",
            **kwargs)
        self.start()

    def port(self):
        return self.ask("/v1/ports")["ports"][0]

    def wait_done(self):
        self.wait_jobs(lambda jobs: not jobs)

    def wait_job(self, *states):
        """The one job, among all there were, once it is in such a state."""
        return self.wait_jobs(lambda jobs: jobs and
                              jobs[0]["state"] in states, "all")[0]

    def wait_held(self, why):
        job, = self.wait_state("pending-held")
        self.assertIn(why, job["why"])
        return job

    def cancel(self, job):
        self.ask(f"/v1/jobs/{job['id']}/cancel", "POST")


class SimCase(IppCase):
    def printer(self, more="", ini=None, **habits):
        """A scripted printer, and the daemon with a port to it."""
        printer = IppPrinter(**habits)
        self.addCleanup(printer.stop)
        self.begin(printer.uri, more, **(ini or {}))
        return printer

    def print_at(self, printer, data=pdf(1)):
        """A job that is printed, if not at once then later."""
        self.accept(data)
        self.wait_done()
        self.assertEqual(printer.documents[-1], data)


class TestPrinting(SimCase):
    SIZES = [1, 4095, 4096, 4097, 65536, 65537, 1 << 20]

    def documents(self):
        return [spooling.content(n, size)
                for n, size in enumerate(self.SIZES)]

    def check_documents(self, printer):
        documents = self.documents()
        self.accept(*documents)
        self.wait_done()
        self.assertEqual(printer.documents, documents)

    def test_documents_come_out_as_they_went_in(self):
        printer = self.printer()
        self.check_documents(printer)
        self.assertEqual(printer.asked(PRINT_JOB), [])

    def test_a_printer_that_knows_print_job_only(self):
        printer = self.printer(creates=False)
        self.check_documents(printer)
        self.assertEqual(printer.asked(CREATE_JOB), [])

    def test_a_printer_that_closes_after_each_answer(self):
        self.check_documents(self.printer(closes=True))

    def test_a_printer_that_is_not_asked_what_became_of_it(self):
        printer = self.printer("confirm = no", job_state=PROCESSING)
        self.check_documents(printer)
        self.assertEqual(printer.asked(GET_JOB_ATTRIBUTES), [])

    def test_a_stream(self):
        printer = self.printer(ini={"delivery": "stream", "queue": ""})
        data = pdf(1, 1 << 20)
        self.accept(data)
        self.assertEqual(printer.documents, [data])

    def test_what_the_printer_is_told_of_a_job(self):
        printer = self.printer("attributes = media=iso_a4_210x297mm "
                               "sides=two-sided-long-edge")
        self.print_at(printer)
        told, = printer.asked(CREATE_JOB)
        self.assertEqual(told["media"], ["iso_a4_210x297mm"])
        self.assertEqual(told["sides"], ["two-sided-long-edge"])
        self.assertEqual(told["copies"], [1])
        self.assertIn("requesting-user-name", told)
        told, = printer.asked(SEND_DOCUMENT)
        self.assertEqual(told["last-document"], [True])

    def test_pages_are_in_the_record(self):
        printer = self.printer(pages=7)
        self.print_at(printer)
        self.assertEqual(self.wait_job("completed")["pages"], 7)

    def test_many_jobs_leave_nothing_behind(self):
        printer = self.printer()
        self.print_at(printer)
        pid, = self.daemon.host_pids()
        before = sorted(os.listdir(f"/proc/{pid}/fd"))
        documents = [pdf(n, 40) for n in range(JOBS)]
        self.accept(*documents)
        self.wait_done()
        self.assertEqual(printer.documents[1:], documents)
        self.assertEqual(self.daemon.host_pids(), [pid])
        self.assertEqual(sorted(os.listdir(f"/proc/{pid}/fd")), before)


class TestFormat(SimCase):
    def sent_as(self, data, more="", **habits):
        printer = self.printer(more, **habits)
        self.print_at(printer, data)
        told, = printer.asked(SEND_DOCUMENT)
        return told["document-format"]

    def test_it_is_seen_in_the_document(self):
        self.assertEqual(self.sent_as(pdf(1)), ["application/pdf"])

    def test_the_setting_counts(self):
        self.assertEqual(self.sent_as(
            pdf(1), "format = application/octet-stream"),
            ["application/octet-stream"])

    def test_what_nobody_knows_is_left_to_the_printer(self):
        self.assertEqual(self.sent_as(b"\0\1\2\3"),
                         ["application/octet-stream"])

    def test_what_the_printer_does_not_take_is_held(self):
        printer = self.printer(formats=("image/urf", "image/pwg-raster"))
        self.accept(pdf(1))
        self.wait_held("does not take application/pdf; convert the document "
                       "to one of image/urf, image/pwg-raster")
        self.assertEqual(printer.documents, [])
        wait_for(lambda: printer.canceled, "the job taken back")


class TestRefusals(SimCase):
    def test_a_busy_printer_is_waited_for(self):
        printer = self.printer()
        printer.fail(CREATE_JOB, 0x0507, 0x0507)
        self.print_at(printer)
        self.assertEqual(len(printer.asked(CREATE_JOB)), 3)
        self.assertNotIn("not printed", self.daemon.log())

    def test_a_printer_that_accepts_no_jobs_is_waited_for(self):
        printer = self.printer(accepting=False)
        self.accept(pdf(1))
        self.daemon.wait_log("the printer accepts no jobs now")
        job, = self.jobs()
        self.assertEqual(job["attempts"], 0)
        printer.accepting = True
        self.wait_done()
        self.assertEqual(printer.documents, [pdf(1)])

    def held(self, operation, status, why):
        printer = self.printer()
        printer.fail(operation, status)
        self.accept(pdf(1))
        job = self.wait_held(why)
        self.ask(f"/v1/jobs/{job['id']}/release", "POST")
        self.wait_done()
        self.assertEqual(printer.documents[-1], pdf(1))

    def test_a_user_who_is_not_allowed(self):
        self.held(CREATE_JOB, 0x0403, "allow this user at the printer")

    def test_attributes_that_the_printer_does_not_have(self):
        self.held(CREATE_JOB, 0x040b, "correct attributes")

    def test_a_document_that_the_printer_does_not_understand(self):
        self.held(SEND_DOCUMENT, 0x0411, "client-error-document-format-error")

    def test_a_printer_that_wants_a_password(self):
        printer = self.printer()
        printer.fail_http(CREATE_JOB, 401)
        self.accept(pdf(1))
        self.wait_held("HTTP 401")

    def test_an_error_of_the_printer_is_no_verdict_on_the_job(self):
        printer = self.printer()
        printer.fail(SEND_DOCUMENT, 0x0500)
        self.print_at(printer)
        self.assertEqual(printer.canceled, [1])

    def test_an_answer_in_the_middle_of_the_document(self):
        printer = self.printer()
        printer.answer_early(0x0408)
        self.accept(pdf(1, LARGE))
        self.wait_state("pending-held")

    def test_an_answer_that_is_none(self):
        printer = self.printer()
        printer.garbage = True
        self.accept(pdf(1))
        self.daemon.wait_log("the connection broke while an answer was read")
        printer.garbage = False
        self.wait_done()
        self.assertEqual(printer.documents, [pdf(1)])


class TestEnd(SimCase):
    def test_a_job_that_the_printer_aborts_is_held(self):
        self.printer(job_state=ABORTED, job_reasons=("aborted-by-system",),
                     job_message="out of memory")
        self.accept(pdf(1))
        self.wait_held("aborted the job: aborted-by-system: out of memory")

    def test_a_job_that_a_person_cancels_at_the_printer_is_over(self):
        self.printer(job_state=CANCELED,
                     job_reasons=("job-canceled-at-device",))
        self.accept(pdf(1))
        job = self.wait_job("aborted")
        self.assertIn("job-canceled-at-device", job["why"])

    def test_a_job_that_the_printer_loses_is_printed_again(self):
        printer = self.printer(job_state=PROCESSING)
        self.accept(pdf(1))
        wait_for(lambda: printer.asked(GET_JOB_ATTRIBUTES), "a look at it")
        printer.stop()
        self.daemon.wait_log("port status .*status=offline")
        printer.job_state = COMPLETED
        printer.start()
        self.wait_done()
        self.assertEqual(printer.documents, [pdf(1), pdf(1)])

    def test_a_job_that_the_printer_has_forgotten_is_printed(self):
        printer = self.printer(job_state=PROCESSING)
        self.accept(pdf(1))
        wait_for(lambda: printer.asked(GET_JOB_ATTRIBUTES), "a look at it")
        printer.jobs.clear()
        self.wait_done()
        self.assertEqual(printer.documents, [pdf(1)])
        self.daemon.wait_log("has forgotten the job")


class TestAway(SimCase):
    def test_a_printer_that_is_off_is_waited_for(self):
        printer = self.printer()
        printer.stop()
        self.accept(pdf(1))
        self.daemon.wait_log("no connection.* is the printer on")
        job, = self.jobs()
        self.assertEqual(job["attempts"], 0)
        printer.start()
        self.wait_done()
        self.assertEqual(printer.documents, [pdf(1)])

    def test_a_connection_that_breaks_in_the_middle(self):
        printer = self.printer()
        printer.hang_at(DOCUMENT)
        self.accept(pdf(1, LARGE))
        wait_for(lambda: printer.hung, "a document in the middle")
        printer.cut()
        printer.release()
        self.wait_done()
        self.assertEqual(printer.documents, [pdf(1, LARGE)])


class TestCancel(SimCase):
    """Wherever the printer is stuck, a cancel is heard; then it prints."""

    def stuck(self, place, data=pdf(1), more="", number=None, **habits):
        printer = self.printer(more, **habits)
        printer.hang_at(place)
        self.accept(data)
        wait_for(lambda: printer.hung, "a printer that hangs")
        job, = self.jobs()
        self.cancel(job)
        self.wait_job("canceled")
        self.assertEqual(len(printer.hanging), 1)       # still
        if number is not None:
            wait_for(lambda: number in printer.canceled, "Cancel-Job")
        self.assertEqual(printer.documents, [])
        printer.release()
        printer.job_state = COMPLETED
        self.print_at(printer, pdf(2))

    def test_before_the_job_is_made(self):
        self.stuck(GET_PRINTER_ATTRIBUTES)

    def test_while_the_job_is_made(self):
        self.stuck(CREATE_JOB)

    def test_in_the_middle_of_the_document(self):
        self.stuck(DOCUMENT, pdf(1, LARGE), number=1)

    def test_in_the_middle_of_print_job(self):
        self.stuck(DOCUMENT, pdf(1, LARGE), creates=False)

    def test_after_the_last_byte(self):
        self.stuck(SEND_DOCUMENT, number=1)

    def test_while_it_prints(self):
        printer = self.printer(job_state=PROCESSING)
        self.accept(pdf(1))
        wait_for(lambda: printer.asked(GET_JOB_ATTRIBUTES), "a look at it")
        job, = self.jobs()
        self.cancel(job)
        self.wait_job("canceled")
        wait_for(lambda: printer.canceled == [1], "Cancel-Job")
        printer.job_state = COMPLETED
        self.print_at(printer, pdf(2))


class TestStatus(SimCase):
    def wait_port(self, good):
        return wait_for(lambda: good(self.port()) and self.port(),
                        lambda: f"a state of {self.port()}")

    def test_paper_out_and_in(self):
        printer = self.printer(job_state=PROCESSING, state=STOPPED,
                               reasons=("media-empty-error",),
                               message="load tray 2")
        self.accept(pdf(1))
        self.daemon.wait_log("status=paper-out severity=error "
                             "text=\"media-empty-error: load tray 2\"")
        self.wait_state("processing-stopped")
        printer.state, printer.reasons = 4, ("none",)
        self.daemon.wait_log("status=clear severity=none")
        printer.job_state = COMPLETED
        self.wait_done()
        self.assertEqual(printer.documents, [pdf(1)])

    def test_a_status_between_jobs(self):
        printer = self.printer()
        self.print_at(printer)
        printer.reasons = ("toner-low-warning", "media-low-report")
        self.daemon.wait_log("status=toner-low severity=warning")
        printer.reasons = ("none",)
        self.daemon.wait_log("status=clear severity=none")

    def test_a_printer_that_goes_away_between_jobs(self):
        printer = self.printer()
        self.print_at(printer)
        printer.stop()
        self.daemon.wait_log("status=offline severity=error")
        printer.start()
        self.daemon.wait_log("status=clear severity=none")
        self.print_at(printer)

    def test_supplies_are_shown(self):
        printer = self.printer(markers=(("Black", 40), ("Cyan", -2)))
        self.print_at(printer)
        port = self.wait_port(lambda port: port["supplies"])
        self.assertEqual([s["name"] for s in port["supplies"]],
                         ["Black", "Cyan"])
        self.assertEqual(port["supplies"][0]["percent"], 40)


class TestSettings(IppCase):
    def refused(self, port):
        self.daemon.configure(monitor="ipp", port=port)
        done = self.daemon.run("--check-config")
        self.assertNotEqual(done.returncode, 0)
        return done.stderr

    def test_each_fault_is_told(self):
        good = "uri = ipp://printer.example/ipp/print\n"
        for port, why in (
                ("uri = http://printer.example/x", "ipp:// or ipps://"),
                ("uri = ipp://printer.example:99999/x", "uri"),
                ("uri = ipp://printer.example", "mostly it is /ipp/print"),
                ("uri = ipp://me@printer.example/x", "logging in"),
                (good + "format = PDF", "MIME media type"),
                (good + "attributes = copies=2", "has copies"),
                (good + "tls_fingerprint = sha256:ab", "64 hexadecimal"),
                (good + "tls_ca = /nowhere/ca.pem", "No such file")):
            with self.subTest(port):
                self.assertIn(why, self.refused(port))

    def test_good_ones_are_taken(self):
        self.daemon.configure(
            monitor="ipp", port="uri = ipps://[::1]:8631/ipp/print\n"
            "attributes = media=iso_a4_210x297mm sides=one-sided\n"
            "tls_fingerprint = sha256:" + "aB" * 32)
        done = self.daemon.run("--check-config")
        self.assertEqual(done.returncode, 0, done.stderr)


@harness.unittest.skipUnless(ipp_everywhere.program(), "no ippeveprinter")
class TestEverywhere(IppCase):
    """The reference printer of CUPS."""

    def setUp(self):
        super().setUp()
        self.printer = ipp_everywhere.EverywherePrinter(self.directory)
        self.addCleanup(self.printer.kill)

    def start_both(self, more="", scheme="ipp"):
        self.printer.start()
        self.begin(self.printer.uri(scheme), more)

    def test_documents_come_out_as_they_went_in(self):
        self.start_both()
        documents = [pdf(1, 40), pdf(2, 65536), pdf(3, 3 << 20)]
        self.accept(*documents)
        self.wait_done()
        self.assertEqual(self.printer.documents(), documents)

    def test_a_format_that_it_does_not_take_is_held(self):
        self.start_both()
        self.accept(b"%!PS-Adobe-3.0\nshowpage\n")
        self.wait_held("does not take application/postscript; convert the "
                       "document to one of application/octet-stream, "
                       "application/pdf, image/jpeg")

    def test_a_printer_that_is_off_at_first(self):
        self.begin(self.printer.uri())
        self.accept(pdf(1))
        self.daemon.wait_log("no connection.* is the printer on")
        self.printer.start()
        self.wait_done()
        self.assertEqual(self.printer.documents(), [pdf(1)])

    def test_a_printer_that_is_killed_with_a_job(self):
        self.printer.behave("touch $(dirname $0)/busy; exec sleep 1000")
        self.start_both()
        self.accept(pdf(1, 1 << 20))
        wait_for((self.printer.directory / "busy").exists,
                 "a job that prints")
        self.printer.kill()
        self.daemon.wait_log("port status .*status=offline")
        for path in self.printer.output.iterdir():
            path.unlink()
        self.printer.behave("exit 0")
        self.printer.start()
        self.wait_done()
        self.assertEqual(self.printer.documents(), [pdf(1, 1 << 20)])

    def test_paper_out_and_in(self):
        self.printer.behave(
            "echo 'STATE: +media-empty-error' >&2\n"
            "while [ ! -e $(dirname $0)/paper ]; do sleep 0.05; done\n"
            "echo 'STATE: -media-empty-error' >&2")
        self.start_both()
        self.accept(pdf(1))
        self.daemon.wait_log("status=paper-out")
        self.assertEqual(len(self.jobs()), 1)
        (self.printer.directory / "paper").touch()
        self.wait_done()
        self.assertEqual(self.printer.documents(), [pdf(1)])
        self.daemon.wait_log("status=clear severity=none")

    def test_a_job_that_it_cannot_print_is_held(self):
        self.printer.behave("exit 1")
        self.start_both()
        self.accept(pdf(1))
        self.wait_held("the printer has aborted the job")

    def test_cancel_while_it_prints(self):
        self.printer.behave(
            "touch $(dirname $0)/busy\n"
            "while [ ! -e $(dirname $0)/go ]; do sleep 0.05; done")
        self.start_both()
        self.accept(pdf(1))
        wait_for((self.printer.directory / "busy").exists,
                 "a job that prints")
        self.cancel(self.jobs()[0])
        self.wait_job("canceled")
        wait_for(lambda: "Cancel-Job successful-ok" in self.printer.log(),
                 "Cancel-Job")
        (self.printer.directory / "go").touch()
        self.accept(pdf(2))
        self.wait_done()
        self.assertEqual(self.printer.documents()[-1], pdf(2))

    def test_supplies_are_shown(self):
        self.start_both()
        self.accept(pdf(1))
        self.wait_done()
        port = self.port()
        self.assertEqual([(s["name"], s["percent"])
                          for s in port["supplies"]],
                         [("Toner Waste Tank", 25), ("Black Toner", 75)])

    def test_a_certificate_that_nobody_trusts(self):
        """Then its fingerprint is told, and that is enough to trust it."""
        self.start_both(scheme="ipps")
        self.accept(pdf(1))
        match = self.daemon.wait_log("set tls_fingerprint = (sha256:[0-9a-f]+)")
        self.assertEqual(self.printer.documents(), [])
        self.assertNotRegex(self.printer.log(), "Create-Job|Print-Job")
        self.begin(self.printer.uri("ipps"),
                   f"tls_fingerprint = {match.group(1)}")
        self.wait_done()
        self.assertEqual(self.printer.documents(), [pdf(1)])

    def test_another_certificate_than_the_one(self):
        self.start_both("tls_fingerprint = sha256:" + "0" * 64, "ipps")
        self.accept(pdf(1))
        self.daemon.wait_log("shows another certificate")
        self.assertNotRegex(self.printer.log(), "Create-Job|Print-Job")

    def test_a_certificate_of_an_issuer(self):
        self.start_both("tls_fingerprint = sha256:" + "0" * 64, "ipps")
        self.accept(pdf(1, 1 << 20))
        certificate = wait_for(
            lambda: next(self.printer.keys.glob("*.crt"), None), "a key")
        self.begin(self.printer.uri("ipps"), f"tls_ca = {certificate}")
        self.wait_done()
        self.assertEqual(self.printer.documents(), [pdf(1, 1 << 20)])


if __name__ == "__main__":
    harness.main()
