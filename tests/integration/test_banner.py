#!/usr/bin/env python3
"""Banner pages: the real daemon, and the bytes that come out."""

import signal

import harness
import lpd
import test_lpd
from test_spool_raw import arrived

HOSTILE = ") showpage (^XZ~JR\\\033%-12345X@PJL RESET\t!R! EXIT;"
POSTSCRIPT = b"""\
%!PS-Adobe-3.0
%%Title: ${title}
%%For: (${user})
/Helvetica 24 selectfont {pop} pop
72 700 moveto (${user} \\(of ${host}\\)) show
72 660 moveto (${title}) show
showpage
\4"""
ZPL = b"^XA^FO50,50^A0N,40^FD${user}: ${title}^FS^XZ\n"


class BannerCase(test_lpd.LpdCase):
    """All goes to one file."""

    def start_with(self, page, queue="banner = asked", **kwargs):
        self.page = self.daemon.dir / "page"
        self.page.write_bytes(page)
        self.paper_path = self.daemon.dir / "paper"
        self.start(port=f"path = {self.paper_path}\nfsync = no",
                   queue=f"{queue}\nbanner_file = page\n", **kwargs)

    def expect(self, n, data):
        """What so many documents and copies have come to."""
        self.daemon.wait_jobs(n)
        self.assertEqual(self.paper_path.read_bytes(), data)

    def send_job(self, data, more="", **kwargs):
        super().send_job(data, more=more, **kwargs)

    def check_config(self, status=78):
        got = self.daemon.run("--check-config")
        self.assertEqual(got.returncode, status, got.stderr)
        return got.stderr


class Pages(BannerCase):

    def test_asked(self):
        self.start_with(b"<${user} ${host} ${title} ${class} ${queue} "
                        b"${job}>")
        self.send_job(b"one", more="Lbob\nCA\n")
        self.send_job(b"two")
        self.daemon.print(b"raw")
        self.expect(4, b"<bob host Minutes A q 1>onetworaw")

    def test_always(self):
        self.start_with(b"<${user} ${host} ${title} ${class} ${job}>",
                        "banner = always")
        self.send_job(b"one", copies=3, more="Lbob\n")
        self.send_job(b"two", title="T", host="h")
        self.daemon.print(b"x" * 100000)
        self.expect(8, b"<bob host Minutes  1>oneoneone<alice h T  2>two"
                    b"<127.0.0.1 127.0.0.1   3>" + b"x" * 100000)

    def test_no(self):
        self.daemon.delivery = "spool"
        self.start()
        self.send_job(b"one", more="Lbob\n")
        self.assertEqual(self.printed(1), [b"one"])

    def test_the_page_of_our_own(self):
        self.daemon.delivery = "spool"
        paper = self.daemon.dir / "paper"
        self.start(port=f"path = {paper}\n", queue="banner = asked")
        self.send_job(b"one", more="Lalice\n")
        self.daemon.wait_jobs(2)
        self.assertRegex(
            paper.read_bytes(), rb"^\r\n\r\n  User   alice\r\n"
            rb"  Host   host\r\n  Title  Minutes\r\n  Class  \r\n"
            rb"  Queue  q\r\n  Job    1\r\n"
            rb"  Date   \d{4}-\d\d-\d\d \d\d:\d\d\r\n\fone$")

    def test_a_till_that_stays(self):
        self.start_with(b"<${job}>", "banner = always\nidle_ends_job = yes\n"
                        "idle_timeout = 50ms")
        with self.daemon.connect() as till:
            till.sendall(b"first")
            self.daemon.wait_jobs(2)
            till.sendall(b"second")
            self.expect(4, b"<1>first<2>second")

    def test_it_is_not_the_clients(self):
        """Neither for limits, nor in what is told of the job."""
        self.start_with(b"x" * 1000, "banner = always\nmax_job_size = 3")
        self.daemon.print(b"abc")
        self.send_job(b"de")
        with self.assertRaises(ConnectionResetError):
            self.daemon.print(b"abcd")
        self.expect(4, b"x" * 1000 + b"abc" + b"x" * 1000 + b"de")
        self.daemon.wait_log(r"job accepted job=1 .*bytes=3\b")
        self.daemon.wait_log(r"job accepted job=2 .*bytes=2\b")

    def test_status(self):
        self.start_jammed(queue="banner = asked")
        self.send_job(b"abc", more="Lalice\n")
        self.assertRegex(self.ask(b"\3"), r"1 +Minutes +3 bytes\n$")
        self.assertRegex(self.ask(b"\4"), r"        banner +\d+ bytes\n"
                         r"        Minutes\.ps +3 bytes\n")


class Hostile(BannerCase):

    def test_postscript(self):
        self.start_with(POSTSCRIPT)
        self.send_job(b"job", title=HOSTILE, host="a)b(c\\",
                      more="L%!PS quit\n")
        title = rb"\) showpage \(\136XZ\176JR\\\045-12345X@PJL RESET " \
            rb"\041R\041 EXIT\073"
        user = rb"\045\041PS quit"
        page = POSTSCRIPT.replace(b"${title}", title)
        page = page.replace(b"${user}", user)
        page = page.replace(b"${host}", rb"a\)b\(c\\")
        self.expect(2, page + b"job")

    def test_zpl(self):
        self.start_with(ZPL)
        self.send_job(b"^XA^XZ", title=HOSTILE, more="L^CC~\n")
        self.expect(2, b"^XA^FO50,50^A0N,40^FD.CC-: ) showpage (.XZ-JR/"
                    b".-12345X@PJL RESET .R. EXIT,^FS^XZ\n^XA^XZ")

    def test_text_of_our_own(self):
        paper = self.daemon.dir / "paper"
        self.start(port=f"path = {paper}\n", queue="banner = asked")
        self.send_job(b"", title="a\fb\rc\033E\0d\177" + "x" * 1000,
                      more="L\033%-12345X\n")
        self.daemon.wait_jobs(2)
        page = paper.read_bytes()
        self.assertIn(b"  Title  abcEd" + b"x" * 95 + b"\r\n", page)
        self.assertIn(b"  User   .-12345X\r\n", page)
        self.assertEqual(page.count(b"\f"), 1)
        self.assertNotIn(b"\033", page)

    def test_utf_8(self):
        self.start_with("<${user}|ä>".encode(), "banner = asked\n"
                        "banner_format = text/plain; charset=utf-8")
        self.send_job(b"1", more="LMüller\n")
        with self.client() as client:
            client.receive()
            client.control(b"Lm\xfcller\nldfA001host\n")
            client.data(b"2")
        self.expect(4, "<Müller|ä>1<m?ller|ä>2".encode())


class Lives(BannerCase):
    """The page is kept as the rest of the job is."""

    def test_a_crash(self):
        self.start_with(b"<${user} ${job}>", more="""\
[listener other]
listen = 127.0.0.1:0
queue = other
[queue other]
ports = broken
banner = always
banner_file = page
[port broken]
monitor = mock
fail = open
""")
        self.daemon.print(b"raw", "other")
        self.daemon.wait_log("job accepted job=1")
        self.page.write_bytes(b"another page")
        self.daemon.stop(signal.SIGKILL)
        ini = self.daemon.ini.read_text()
        self.daemon.ini.write_text(ini.replace(
            "ports = broken", "ports = p"))
        self.daemon.start()
        self.expect(2, b"<127.0.0.1 1>raw")

    def test_a_reload_reads_it_anew(self):
        self.start_with(b"<${user}>")
        self.send_job(b"1", more="La\n")
        self.page.write_bytes(b"[${user}]")
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log("configuration reloaded")
        self.send_job(b"2", more="Lb\n")
        self.expect(4, b"<a>1[b]2")

    def test_a_page_that_became_bad_is_refused(self):
        self.start_with(b"<${user}>")
        self.page.write_bytes(b"a\nb${usr}")
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log("reload refused")
        self.daemon.wait_log(r"configuration file=\S*/page line=2 error=.*"
                             r"usr.* is no name of a value; expected")
        self.page.unlink()
        self.send_job(b"1", more="Lb\n")
        self.expect(2, b"<b>1")

    def test_a_job_that_is_sent_again(self):
        """The page has another number on it, and is no part of the job."""
        self.start_with(b"<${job}>", "banner = always\nduplicates = drop\n"
                        "on_reset = finish")
        client = self.daemon.connect()
        client.sendall(b"again")
        arrived(client)
        harness.reset(client)
        self.daemon.wait_log(r"job accepted job=1")
        self.daemon.print(b"again")
        self.daemon.print(b"another")
        self.expect(4, b"<1>again<3>another")


class Faults(BannerCase):

    def check(self, page, pattern):
        self.daemon.delivery = "spool"
        (self.daemon.dir / "page.ps").write_bytes(page)
        self.daemon.configure(queue="banner = always\n"
                              "banner_file = page.ps")
        self.assertRegex(self.check_config(), pattern)
        got = self.daemon.run()
        self.assertEqual(got.returncode, 78, got.stderr)
        self.assertRegex(got.stderr, pattern)

    def test_a_name_that_is_none(self):
        self.check(b"%!PS\n(${name}) show\n",
                   r'/page\.ps:2: "\$\{name\}" is no name of a value; '
                   r'expected \$\{user\}')

    def test_a_value_among_commands(self):
        self.check(b"%!PS\n\n/${user} 1 def\n", r"/page\.ps:3: .* stands "
                   r"among PostScript's commands; expected it in a string")

    def test_no_file(self):
        self.daemon.delivery = "spool"
        self.daemon.configure(queue="banner = asked\nbanner_file = nix")
        line = self.daemon.ini.read_text().split("\n").index(
            "banner_file = nix") + 1
        self.assertRegex(self.check_config(), rf":{line}: banner_file: .*nix"
                         r".* cannot be used: No such file")

    def test_a_stream(self):
        self.daemon.configure(queue="delivery = stream\nbanner = always")
        self.assertRegex(self.check_config(), r"banner: .always. needs "
                         r"delivery = spool")

    def test_immediate(self):
        self.daemon.configure(queue="delivery = spool\nbanner = asked\n"
                              "start_printing = immediate")
        self.assertRegex(self.check_config(), r"banner: .asked. needs "
                         r"start_printing = spooled")


if __name__ == "__main__":
    harness.main()
