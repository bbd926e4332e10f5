#!/usr/bin/env python3
"""Printing to printers in the network: the monitor "socket"."""

import os
import pathlib
import re
import shutil
import signal
import socket
import ssl
import sys

import harness
import samples
import spooling
from harness import wait_for

sys.path.insert(0, str(harness.TOP / "tests/sim"))

import certificates                     # noqa: E402
from raw_printer import RawPrinter      # noqa: E402

# More than all buffers between a port and a printer that does not read.
LARGE = 12 << 20


class SocketCase(spooling.SpoolCase):

    def printer(self, **habits):
        printer = RawPrinter(**habits)
        self.addCleanup(printer.stop)
        return printer

    def begin(self, printer, more="", **kwargs):
        """The daemon, with a port to this printer."""
        if kwargs.get("delivery") != "stream":
            kwargs.setdefault("queue", "retry_after = 10ms")
        self.daemon.configure(monitor="socket",
                              port=printer.settings(more), **kwargs)
        self.start()

    def port(self):
        return [p for p in self.ask("/v1/ports")["ports"]
                if p["name"] == "p"][0]

    def wait_all_printed(self):
        self.wait_jobs(lambda jobs: not jobs)

    def wait_processing(self):
        return self.wait_jobs(lambda jobs: any(
            job["state"].startswith("processing") for job in jobs))

    def wait_why(self, part):
        """Until the reason of the one job that waits has this in it."""
        self.wait_jobs(lambda jobs: jobs and part in (jobs[0]["why"] or ""))

    def cancel(self, job):
        self.ask(f"/v1/jobs/{job['id']}/cancel", "POST")

    def wait_canceled(self, job):
        self.wait_jobs(lambda jobs: [
            j["state"] for j in jobs if j["id"] == job["id"]] ==
            ["canceled"], "all")


class TestPrinting(SocketCase):

    def test_typical_documents_come_out_as_they_went_in(self):
        printer = self.printer()
        self.begin(printer)
        documents = list(samples.DOCUMENTS.values())
        self.accept(*documents)
        self.assertEqual(printer.wait_documents(len(documents)), documents)
        self.assertEqual({d.end for d in printer.documents}, {"end"})
        self.wait_all_printed()

    def test_documents_of_many_sizes(self):
        printer = self.printer()
        self.begin(printer)
        sizes = [1, 4095, 65535, 65536, 65537, 1 << 20, 5 << 20, 50 << 20]
        documents = [spooling.content(n, size)
                     for n, size in enumerate(sizes)]
        self.accept(*documents)
        for printed, document in zip(printer.wait_documents(len(documents)),
                                     documents):
            self.assertEqual(len(printed), len(document))
            self.assertTrue(printed == document)

    def test_over_ipv6(self):
        printer = self.printer(host="::1")
        self.begin(printer)
        self.accept(b"Hello")
        self.assertEqual(printer.wait_documents(1), [b"Hello"])

    def test_a_stream_is_printed_and_its_client_hears_the_printer(self):
        printer = self.printer(says=b"READY ", answers=bytes.upper)
        self.begin(printer, delivery="stream")
        with self.daemon.connect() as client:
            client.sendall(b"status?")
            printer.wait_bytes(7)
            self.assertEqual(harness.print_on(client, b" paper?"),
                             b"READY STATUS? PAPER?")
        self.assertEqual(printer.wait_documents(1), [b"status? paper?"])

    def test_a_kept_connection_has_all_documents(self):
        printer = self.printer()
        self.begin(printer, "keep_connection = yes")
        self.accept(b"one", b"two", b"three")
        self.wait_all_printed()
        printer.wait_bytes(11)
        self.assertEqual([d.data for d in printer.documents],
                         [b"onetwothree"])

    def test_many_jobs_at_a_time_and_nothing_is_left_behind(self):
        printer = self.printer()
        self.begin(printer)
        self.accept(b"first")
        printer.wait_documents(1)
        self.wait_all_printed()
        host, = self.daemon.host_pids()
        before = len(os.listdir(f"/proc/{host}/fd"))
        documents = [b"%d\n" % n for n in range(1000)]
        self.accept(*documents)
        self.assertEqual(printer.wait_documents(1001)[1:], documents)
        self.wait_all_printed()
        self.assertEqual(self.daemon.host_pids(), [host])
        self.assertEqual(len(os.listdir(f"/proc/{host}/fd")), before)


class TestTrouble(SocketCase):

    def test_a_printer_that_is_off_is_waited_for(self):
        printer = self.printer(on=True)
        printer.off()
        self.begin(printer)
        self.accept(b"Hello")
        self.wait_why(f"no connection to 127.0.0.1:{printer.port}: "
                      "127.0.0.1: Connection refused")
        printer.on()
        self.assertEqual(printer.wait_documents(1), [b"Hello"])
        self.wait_all_printed()

    def test_a_name_that_nobody_knows_is_named(self):
        self.daemon.configure(monitor="socket",
                              port="host = printer.invalid")
        self.start()
        self.accept(b"Hello")
        self.wait_why("host = printer.invalid: ")

    def break_off(self, why, **habits):
        """A printer that does so once; the job is printed again, whole."""
        printer = self.printer(**habits)
        self.begin(printer)
        document = spooling.content(1, LARGE)
        self.accept(document)
        printer.wait(lambda: printer.finished(), "the break")
        printer.at_limit = printer.at_end = None
        self.daemon.wait_log(why.format(port=printer.port))
        printer.wait(lambda: printer.finished()[-1].end == "end",
                     "the whole document")
        self.assertTrue(printer.documents[-1].data == document)
        self.wait_all_printed()

    def test_a_reset_in_the_middle(self):
        self.break_off(r"127\.0\.0\.1:{port} (reset|broke) the connection "
                       r"after \d+ bytes", limit=4096, at_limit="reset")

    def test_a_close_in_the_middle(self):
        self.break_off(r"127\.0\.0\.1:{port} (reset|broke|closed) the "
                       r"connection",
                       limit=1 << 20, at_limit="close")

    def test_a_reset_at_the_end(self):
        self.break_off(r"127\.0\.0\.1:{port} (reset|broke) the connection "
                       r"after \d+ bytes", at_end="reset")

    def test_a_printer_that_goes_off_in_the_middle(self):
        printer = self.printer(limit=100000, at_limit="wait",
                               receive_buffer=4096)
        self.begin(printer)
        document = spooling.content(1, LARGE)
        self.accept(document)
        printer.wait_waiting()
        printer.off()
        self.wait_jobs(lambda jobs: jobs[0]["attempts"] > 0)
        printer.at_limit = None
        printer.on()
        printer.wait(lambda: printer.documents[-1].end == "end",
                     "the whole document")
        self.assertTrue(printer.documents[-1].data == document)

    def test_the_rest_of_a_pool_prints_on(self):
        dead, printer = self.printer(), self.printer()
        dead.off()
        self.begin(dead, more=f"[port r]\nmonitor = socket\n"
                   f"{printer.settings()}",
                   queue="ports = r\nretry_after = 10ms")
        documents = [b"%d" % n for n in range(20)]
        self.accept(*documents)
        self.assertEqual(sorted(printer.wait_documents(20)),
                         sorted(documents))

    def test_a_kept_connection_that_ends_between_documents(self):
        printer = self.printer(limit=3, at_limit="close")
        self.begin(printer, "keep_connection = yes")
        self.accept(b"one")
        self.assertEqual(printer.wait_documents(1), [b"one"])
        self.wait_all_printed()
        printer.at_limit = None
        self.accept(b"two")
        printer.wait(lambda: len(printer.documents) == 2, "another one")
        printer.wait_bytes(3)
        self.wait_all_printed()


class TestWaiting(SocketCase):
    """Out of paper: the printer takes nothing, and nothing has failed."""

    def test_out_of_paper_for_a_while(self):
        printer = self.printer(limit=100000, at_limit="wait",
                               receive_buffer=4096)
        self.begin(printer, "write_timeout = 10ms")
        document = spooling.content(1, LARGE)
        self.accept(document)
        self.daemon.wait_log("port status port=p status=user-intervention "
                             "severity=warning .*takes no data")
        self.assertEqual(self.port()["state"], "open")
        job, = self.jobs()
        self.assertEqual((job["state"], job["attempts"]), ("processing", 1))
        printer.go()
        self.assertTrue(printer.wait_documents(1) == [document])
        self.wait_all_printed()
        self.daemon.wait_log("port status port=p status=clear")
        self.assertEqual(len(printer.documents), 1)

    def test_out_of_paper_with_all_in_the_buffers(self):
        printer = self.printer(limit=10, at_limit="wait",
                               receive_buffer=4096)
        self.begin(printer, "write_timeout = 10ms")
        document = spooling.content(1, 100000)
        self.accept(document)
        self.daemon.wait_log("port status port=p status=user-intervention "
                             "severity=warning .*takes no data")
        self.assertEqual(len(self.jobs()), 1)
        printer.go()
        self.assertEqual(printer.wait_documents(1), [document])
        self.wait_all_printed()

    def test_for_longer_than_stall_timeout(self):
        printer = self.printer(limit=10, at_limit="wait",
                               receive_buffer=4096)
        self.begin(printer, "stall_timeout = 50ms\nwrite_timeout = 10ms")
        self.accept(spooling.content(1, 100000))
        self.daemon.wait_log("took nothing for stall_timeout")
        printer.at_limit = None
        printer.go()
        printer.wait(lambda: printer.documents[-1].end == "end",
                     "the whole document")
        self.assertEqual(printer.documents[-1].data,
                         spooling.content(1, 100000))
        self.assertEqual(printer.documents[0].end, "reset")

    def test_a_slow_printer_gets_every_byte_once(self):
        printer = self.printer(pause=0.001, gulp=997, receive_buffer=4096)
        self.begin(printer, "write_timeout = 10ms")
        document = spooling.content(1, 300000)
        self.accept(document)
        self.assertEqual(printer.wait_documents(1), [document])
        self.assertEqual(self.wait_jobs(lambda jobs: jobs and all(
            j["state"] == "completed" for j in jobs), "all")[0]["attempts"],
            1)

    def test_a_printer_that_never_closes(self):
        printer = self.printer(at_end="wait")
        self.begin(printer, "eof_timeout = 50ms")
        self.accept(b"Hello")
        self.wait_all_printed()
        self.daemon.wait_log("set wait_eof = no")
        printer.go()
        self.assertEqual(printer.wait_documents(1), [b"Hello"])

    def test_a_printer_that_talks_all_the_time(self):
        """And does not read before it has been heard."""
        printer = self.printer(says=b"x" * LARGE)
        self.begin(printer, "write_timeout = 1h")
        document = spooling.content(1, LARGE)
        self.accept(document)
        self.assertTrue(printer.wait_documents(1) == [document])


class TestCancel(SocketCase):
    """With the printer stuck for ever: nothing but the cancel goes on."""

    slow = "connect_timeout = 1h\nwrite_timeout = 1h\neof_timeout = 1d"

    def check_the_next(self, printer, job):
        self.wait_canceled(job)
        printer.at_limit = printer.at_end = None
        printer.go()
        self.accept(b"next")
        printer.wait(lambda: printer.documents[-1].data == b"next" and
                     printer.documents[-1].end == "end", "the next job")
        self.wait_all_printed()

    def test_while_it_writes(self):
        printer = self.printer(limit=1000, at_limit="wait",
                               receive_buffer=4096)
        self.begin(printer, self.slow)
        self.accept(spooling.content(1, LARGE))
        printer.wait_waiting()
        job, = self.wait_processing()
        self.cancel(job)
        self.check_the_next(printer, job)
        self.assertEqual(printer.documents[0].end, "reset")

    def test_while_the_printer_has_not_all(self):
        printer = self.printer(limit=1000, at_limit="wait",
                               receive_buffer=4096)
        self.begin(printer, self.slow)
        self.accept(spooling.content(1, 100000))
        printer.wait_waiting()
        job, = self.wait_processing()
        self.cancel(job)
        self.check_the_next(printer, job)
        self.assertEqual(printer.documents[0].end, "reset")

    def test_while_the_printer_does_not_close(self):
        printer = self.printer(at_end="wait")
        self.begin(printer, self.slow)
        self.accept(b"Hello")
        printer.wait_waiting()
        job, = self.wait_processing()
        self.cancel(job)
        self.check_the_next(printer, job)

    def test_while_it_connects(self):
        with socket.socket() as listener, socket.socket() as one, \
                socket.socket() as other:
            listener.bind(("127.0.0.1", 0))
            listener.listen(0)
            for client in one, other:
                client.setblocking(False)
                client.connect_ex(listener.getsockname())
            self.daemon.configure(
                monitor="socket", port="host = 127.0.0.1\nport = "
                f"{listener.getsockname()[1]}\n{self.slow}")
            self.start()
            self.accept(b"Hello")
            job, = self.wait_processing()
            host, = wait_for(self.daemon.host_pids, "a host")

            def connecting():
                """Has it a socket of its own in SYN_SENT?"""
                text = pathlib.Path(f"/proc/{host}/net/tcp").read_text()
                port = "%04X" % listener.getsockname()[1]
                return len(re.findall(rf":{port} 02 ", text)) > 0
            wait_for(connecting, "a connection that is being made")
            self.cancel(job)
            self.wait_canceled(job)

    def test_the_daemon_ends_meanwhile(self):
        printer = self.printer(limit=1000, at_limit="wait",
                               receive_buffer=4096)
        self.begin(printer, self.slow, daemon="drain_timeout = 0")
        self.accept(spooling.content(1, LARGE))
        printer.wait_waiting()
        self.kill(signal.SIGTERM)
        printer.at_limit = None
        printer.go()
        self.start()
        printer.wait(lambda: printer.documents[-1].end == "end", "a reprint")
        self.assertTrue(printer.documents[-1].data ==
                        spooling.content(1, LARGE))


class TestTls(SocketCase):

    def setUp(self):
        super().setUp()
        self.ca = certificates.Authority(self.directory)
        self.certificate, self.key = self.ca.issue(
            "printer", "DNS:printer.example,IP:127.0.0.1")

    def tls_printer(self, certificate=None, key=None, clients=None,
                    version=None, **habits):
        tls = certificates.server(certificate or self.certificate,
                                  key or self.key, clients)
        if version is not None:
            tls.maximum_version = version
        return self.printer(tls=tls, **habits)

    def begin_tls(self, printer, more="", **kwargs):
        self.begin(printer, f"tls = yes\n{more}", **kwargs)

    def trusted(self, more=""):
        return f"tls_ca = {self.ca.certificate}\n{more}"

    def check_prints(self, printer, *settings, document=b"Hello"):
        self.begin_tls(printer, "\n".join(settings))
        self.accept(document)
        self.assertTrue(printer.wait_documents(1) == [document])
        self.wait_all_printed()

    def check_refuses(self, printer, why, *settings):
        """Not a byte of the document is sent."""
        self.begin_tls(printer, "\n".join(settings))
        self.accept(b"Hello")
        self.wait_why(why)
        printer.wait(printer.finished, "a connection")
        self.assertEqual({bytes(d.data) for d in printer.finished()}, {b""})

    def test_a_document_of_some_size_is_printed(self):
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            with self.subTest(version):
                printer = self.tls_printer(version=version)
                self.check_prints(printer, self.trusted(),
                                  document=spooling.content(1, LARGE))
                self.assertEqual([d.end for d in printer.documents], ["end"])

    def test_many_documents(self):
        printer = self.tls_printer()
        self.begin_tls(printer, self.trusted())
        documents = [b"%d\n" % n for n in range(100)]
        self.accept(*documents)
        self.assertEqual(printer.wait_documents(100), documents)

    def test_a_kept_connection(self):
        printer = self.tls_printer()
        self.begin_tls(printer, self.trusted("keep_connection = yes"))
        self.accept(b"one", b"two", b"three")
        self.wait_all_printed()
        printer.wait_bytes(11)
        self.assertEqual([d.data for d in printer.documents],
                         [b"onetwothree"])

    def test_an_unknown_issuer_is_refused_and_the_remedy_works(self):
        printer = self.tls_printer()
        self.check_refuses(printer, "its certificate is not trusted: ")
        job, = self.jobs()
        self.kill()
        fingerprint = re.search("tls_fingerprint = (sha256:[0-9a-f]{64})",
                                self.all_logs()).group(1)
        self.daemon.configure(monitor="socket", port=printer.settings(
            f"tls = yes\ntls_fingerprint = {fingerprint}"))
        self.start()
        printer.wait(lambda: printer.documents[-1].end == "end", "the job")
        self.assertEqual(printer.documents[-1].data, b"Hello")
        self.assertEqual(job["state"], "pending")

    def test_a_certificate_for_another_name_is_refused(self):
        self.check_refuses(self.tls_printer(),
                           "its certificate is not for other.example: set "
                           "tls_name", self.trusted(),
                           "tls_name = other.example")

    def test_a_certificate_for_tls_name(self):
        certificate = self.ca.issue("named", "DNS:printer.example")
        self.check_prints(self.tls_printer(*certificate), self.trusted(),
                          "tls_name = printer.example")

    def test_an_address_that_is_not_in_the_certificate_is_refused(self):
        certificate = self.ca.issue("named", "DNS:printer.example")
        self.check_refuses(self.tls_printer(*certificate),
                           "its certificate is not for 127.0.0.1",
                           self.trusted())

    def test_a_certificate_that_is_pinned(self):
        self.check_prints(
            self.tls_printer(), "tls_fingerprint = " +
            certificates.fingerprint(self.certificate))

    def test_another_than_the_pinned_certificate_is_refused(self):
        """Even if the same issuer gave it for the same name."""
        other, _ = self.ca.issue("other", "IP:127.0.0.1")
        self.check_refuses(
            self.tls_printer(), "its certificate is another one: sha256:",
            f"tls_fingerprint = {certificates.fingerprint(other)}")

    def test_no_check_at_all(self):
        self.check_prints(self.tls_printer(), "tls_verify = no")

    def test_a_client_certificate(self):
        certificate, key = self.ca.issue("client")
        printer = self.tls_printer(clients=self.ca.certificate)
        self.check_prints(printer, self.trusted(),
                          f"tls_certificate = {certificate}",
                          f"tls_key = {key}")

    def test_a_client_certificate_that_is_missing(self):
        for version in ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3:
            with self.subTest(version):
                printer = self.tls_printer(clients=self.ca.certificate,
                                           version=version)
                self.begin_tls(printer, self.trusted())
                self.accept(b"Hello")
                self.daemon.wait_log("text=.*(certificate required|"
                                     "handshake failure)")
                self.assertEqual(len(self.jobs()), 1)
                self.kill()
                shutil.rmtree(self.daemon.spool)
                self.daemon.spool.mkdir(mode=0o700)

    def test_a_printer_that_speaks_no_tls(self):
        printer = self.printer()
        self.begin_tls(printer, "connect_timeout = 50ms")
        self.accept(b"Hello")
        self.wait_why(f"127.0.0.1:{printer.port} does not answer to TLS: is "
                      f"port = {printer.port} the one for it?")

    def test_a_printer_that_says_something_else(self):
        printer = self.printer(says=b"220 ftp\r\n")
        self.begin_tls(printer)
        self.accept(b"Hello")
        self.wait_why("no TLS connection to 127.0.0.1:"
                      f"{printer.port}: wrong version number")

    def test_a_client_of_a_stream_hears_the_printer(self):
        printer = self.tls_printer(says=b"READY ", answers=bytes.upper)
        self.begin_tls(printer, self.trusted(), delivery="stream")
        with self.daemon.connect() as client:
            client.sendall(b"status?")
            printer.wait_bytes(7)
            self.assertEqual(harness.print_on(client, b" paper?"),
                             b"READY STATUS? PAPER?")
        self.assertEqual(printer.wait_documents(1), [b"status? paper?"])

    def test_a_reset_in_the_middle(self):
        printer = self.tls_printer(limit=100000, at_limit="reset")
        self.begin_tls(printer, self.trusted())
        document = spooling.content(1, LARGE)
        self.accept(document)
        printer.wait(printer.finished, "the break")
        printer.at_limit = None
        self.daemon.wait_log(r"127\.0\.0\.1:\d+ (reset|broke|closed) the "
                             r"connection after \d+ bytes")
        printer.wait(lambda: printer.documents[-1].end == "end",
                     "the whole document")
        self.assertTrue(printer.documents[-1].data == document)

    def test_out_of_paper_for_a_while(self):
        printer = self.tls_printer(limit=100000, at_limit="wait",
                                   receive_buffer=4096)
        self.begin_tls(printer, self.trusted("write_timeout = 10ms"))
        document = spooling.content(1, LARGE)
        self.accept(document)
        self.daemon.wait_log("port status port=p status=user-intervention")
        printer.go()
        self.assertTrue(printer.wait_documents(1) == [document])
        self.wait_all_printed()
        self.assertEqual(len(printer.documents), 1)

    def test_a_cancel_meanwhile(self):
        for size in 100000, LARGE:
            with self.subTest(size):
                printer = self.tls_printer(limit=1000, at_limit="wait",
                                           receive_buffer=4096)
                self.begin_tls(printer, self.trusted(TestCancel.slow))
                self.accept(spooling.content(1, size))
                printer.wait_waiting()
                job, = self.wait_processing()
                self.cancel(job)
                self.wait_canceled(job)
                printer.go()
                printer.wait(printer.finished, "the end of it")
                self.assertEqual(printer.documents[0].end, "reset")

    def test_a_cancel_while_it_shakes_hands(self):
        printer = self.printer()
        self.begin_tls(printer, TestCancel.slow)
        self.accept(b"Hello")
        printer.wait_bytes(1)
        job, = self.wait_processing()
        self.cancel(job)
        self.wait_canceled(job)

    def check_files(self, what, **files):
        self.daemon.configure(monitor="socket", port="host = a\ntls = yes\n" +
                              "".join(f"{key} = {value}\n"
                                      for key, value in files.items()))
        got = self.daemon.run("--check-config")
        self.assertEqual(got.returncode == 0, what == "", got.stderr)
        self.assertIn(what, got.stderr)

    def test_files_are_checked_before_they_are_needed(self):
        certificate, key = self.ca.issue("client")
        directory = pathlib.Path(self.directory)
        garbage, locked = directory / "garbage", directory / "locked"
        both = directory / "both"
        garbage.write_text("Hello\n")
        both.write_text(certificate.read_text() + key.read_text())
        certificates.openssl("ec", "-in", key, "-aes128", "-passout",
                             "pass:secret", "-out", locked)
        self.check_files("", tls_ca=self.ca.certificate,
                         tls_certificate=certificate, tls_key=key)
        self.check_files("", tls_certificate=both)
        self.check_files("tls_ca = /nowhere: No such file", tls_ca="/nowhere")
        self.check_files(f"tls_ca = {garbage}: there is no certificate",
                         tls_ca=garbage)
        self.check_files(f"tls_certificate = {garbage}: there is no "
                         "certificate", tls_certificate=garbage, tls_key=key)
        self.check_files(f"tls_key = {garbage}: there is no private key",
                         tls_certificate=certificate, tls_key=garbage)
        self.check_files(f"tls_certificate = {certificate}: there is no "
                         "private key in it: set tls_key",
                         tls_certificate=certificate)
        self.check_files(f"tls_key = {self.key}: the key is not that of "
                         "tls_certificate", tls_certificate=certificate,
                         tls_key=self.key)
        self.check_files(f"tls_key = {locked}: the key has a passphrase",
                         tls_certificate=certificate, tls_key=locked)


class TestSettings(SocketCase):

    def check(self, port, *words):
        self.daemon.configure(monitor="socket", port=port)
        got = self.daemon.run("--check-config")
        for word in words:
            self.assertIn(word, got.stderr)
        self.assertEqual(got.returncode == 0, not words, got.stderr)

    def test_what_is_wrong_is_found_without_a_printer(self):
        self.check("host = printer.invalid\nport = 9101\n")
        self.check("port = 9100", '"host" is missing')
        self.check("host = a\nprot = 9100\nwait_oef = no",
                   'did you mean "port"?', 'did you mean "wait_eof"?')
        self.check("host = a\nport = 65536\nconnect_timeout = soon",
                   "from 1 to 65535", "connect_timeout")
        self.check("host = 10.0.0.5:9100",
                   "write the port apart: host = 10.0.0.5, port = 9100")

    def test_a_port_is_added_at_run_time(self):
        printer = self.printer()
        self.begin(self.printer())
        call = ["--xcv", "XcvMonitor socket", "AddPort", "new"]
        got = self.daemon.run(*call, "host=http://a/")
        self.assertIn("(PP_INVALID_DATA)", got.stderr)
        self.assertIn("found an URL", got.stderr)
        got = self.daemon.run(*call, f"host={printer.host}",
                              f"port={printer.port}")
        self.assertEqual(got.returncode, 0, got.stderr)
        self.daemon.ini.write_text(self.daemon.ini.read_text().replace(
            "ports = p\n", "ports = new\n"))
        self.reload()
        self.accept(b"Hello")
        self.assertEqual(printer.wait_documents(1), [b"Hello"])


if __name__ == "__main__":
    harness.main()
