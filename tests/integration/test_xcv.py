#!/usr/bin/env python3
"""Ports that are added, changed and deleted at run time, by Xcv calls.

Numbers in names are those of the rules in docs/monitor-contract.md.
"""

import os
import shutil
import signal
import subprocess
import unittest

import harness


class XcvCase(harness.TestCase):

    def setUp(self):
        super().setUp()
        self.daemon.configure(more=f"""
[port spare]
monitor = file
directory = {self.daemon.out}
""")
        self.ports_d = self.daemon.spool / "ports.d"
        self.target = self.daemon.dir / "target"
        self.target.mkdir()

    def xcv(self, *words, expect=None, text="", **kwargs):
        """One call; expect is the code that refuses it.  Its output."""
        got = self.daemon.run("--xcv", *words, **kwargs)
        if expect is None:
            self.assertEqual(got.returncode, 0, got.stderr)
        else:
            self.assertNotEqual(got.returncode, 0, got.stdout)
            self.assertIn(f"({expect})", got.stderr)
            self.assertIn(text, got.stderr)
        return got.stdout

    def on_file(self, *words, **kwargs):
        return self.xcv("XcvMonitor file", *words, **kwargs)

    def add(self, name="new", *settings, **kwargs):
        return self.on_file("AddPort", name, f"directory={self.target}",
                            *settings, **kwargs)

    def ports(self):
        """Names of all ports, as they are listed."""
        got = self.daemon.run("--enum-ports")
        self.assertEqual(got.returncode, 0, got.stderr)
        return sorted(line.split("\t")[0] for line in got.stdout.splitlines())

    def stored(self):
        """Files of ports, by name."""
        if not self.ports_d.exists():
            return {}
        return {p.name: p.read_text() for p in self.ports_d.iterdir()
                if not p.name.startswith(".")}

    def use(self, name):
        """Have the queue print to this port."""
        text = self.daemon.ini.read_text()
        self.daemon.ini.write_text(text.replace("ports = p\n",
                                                f"ports = {name}\n"))


class Adding(XcvCase):

    def test_rule_10_listed_at_once_and_gone_at_once(self):
        self.add()
        self.assertEqual(self.ports(), ["new", "p", "spare"])
        self.on_file("DeletePort", "new")
        self.assertEqual(self.ports(), ["p", "spare"])
        self.assertEqual(self.stored(), {})

    def test_rule_58_it_is_stored_as_an_ini_file(self):
        self.add("new", "mode=0644")
        self.assertEqual(self.stored(), {
            "new.ini": f"[port new]\nmonitor = file\n"
                       f"directory = {self.target}\nmode = 0644\n"})
        self.assertEqual((self.ports_d / "new.ini").stat().st_mode & 0o077, 0)

    def test_a_running_daemon_prints_to_it_after_a_reload(self):
        self.daemon.start()
        self.add()
        self.use("new")
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log("configuration reloaded")
        self.assertEqual(self.daemon.print(b"x"), b"")
        document, = self.target.iterdir()
        self.assertEqual(document.read_bytes(), b"x")

    def test_rule_57_a_name_exists_in_any_monitor_and_any_case(self):
        with open(self.daemon.ini, "a") as ini:
            ini.write("[port other]\nmonitor = mock\n")
        self.add()
        for name in "new", "NEW", "p", "P", "spare", "Spare", "other", \
                "Other":
            with self.subTest(name):
                self.add(name, expect="PP_ALREADY_EXISTS")
        self.assertEqual(list(self.stored()), ["new.ini"])

    def test_rule_56_bad_input_changes_nothing(self):
        good = f"directory={self.target}"
        for words, code in (
                (["bad"], "PP_INVALID_DATA"),
                (["bad", good, "mode=frog"], "PP_INVALID_DATA"),
                (["bad", good, "directry=/"], "PP_INVALID_DATA"),
                (["bad", good, "monitor=null"], "PP_INVALID_DATA"),
                (["bad", good, "nothing"], "PP_INVALID_PARAMETER"),
                (["bad", good, "=x"], "PP_INVALID_PARAMETER"),
                (["bad", good, "group=a\nb=c"], "PP_INVALID_DATA"),
                ([], "PP_INVALID_DATA"),
                ([""], "PP_INVALID_NAME"),
                (["a/b", good], "PP_INVALID_NAME"),
                (["..", good], "PP_INVALID_NAME"),
                (["a\nb", good], "PP_INVALID_NAME"),
                (["a\x1bb", good], "PP_INVALID_NAME"),
                (["a]b", good], "PP_INVALID_NAME"),
                (["x" * 64, good], "PP_INVALID_NAME"),
                (["bad", "name=" + "x" * 20000], "PP_INVALID_DATA")):
            with self.subTest(words):
                self.on_file("AddPort", *words, expect=code)
        self.assertEqual(self.stored(), {})
        self.assertEqual(self.ports(), ["p", "spare"])

    def test_longest_and_strangest_good_names(self):
        names = ["x" * 63, "Büro 2", "a.b", "%n", "#1"]
        for name in names:
            self.add(name)
        self.assertEqual(self.ports(), sorted(names + ["p", "spare"]))
        for name in names:
            self.on_file("DeletePort", name)
        self.assertEqual(self.ports(), ["p", "spare"])

    def test_rule_58_what_cannot_be_stored_is_not_there(self):
        # A file is where the directory would be made.
        self.ports_d.write_text("")
        got = self.daemon.run("--xcv", "XcvMonitor file", "AddPort", "new",
                              f"directory={self.target}")
        self.assertNotEqual(got.returncode, 0)
        self.assertIn(str(self.ports_d), got.stderr)
        self.ports_d.unlink()
        self.assertEqual(self.ports(), ["p", "spare"])

    def test_rule_58_killed_at_any_moment(self):
        """The port is there, whole, or is not; what is left is good."""
        self.ports_d.mkdir(mode=0o700)
        whole = f"[port new]\nmonitor = file\ndirectory = {self.target}\n"
        command = self.daemon.command(
            "--xcv", "XcvMonitor file", "AddPort", "new",
            f"directory={self.target}")
        ends = set()
        for turns in range(0, 2000, 40):
            with subprocess.Popen(command, stderr=subprocess.DEVNULL) as p:
                # Killed when it has touched the directory, a little later
                # each time; the number of turns only spreads the moments.
                while p.poll() is None and not list(self.ports_d.iterdir()):
                    pass
                for _ in range(turns):
                    pass
                p.kill()
            stored = self.stored()
            ends.add(bool(stored))
            self.assertIn(stored, ({}, {"new.ini": whole}))
            for path in self.ports_d.iterdir():
                path.unlink()
            if len(ends) == 2 and turns > 800:
                break
        self.add()
        self.assertEqual(self.stored(), {"new.ini": whole})
        self.assertEqual(self.daemon.run("--check-config").returncode, 0)

    def test_what_a_crash_left_behind_does_no_harm(self):
        self.ports_d.mkdir(mode=0o700)
        (self.ports_d / ".new.new").write_text("[port new]\nmoni")
        (self.ports_d / ".old.old").write_text("[port old]\nmonitor = file\n")
        self.assertEqual(self.ports(), ["p", "spare"])
        self.add()
        self.assertEqual(self.ports(), ["new", "p", "spare"])

    def test_a_damaged_file_is_named_with_its_line(self):
        self.add()
        path = self.ports_d / "new.ini"
        path.write_text(path.read_text() + "color = red\n")
        got = self.daemon.run("--check-config")
        self.assertEqual(got.returncode, 78)
        self.assertRegex(got.stderr, rf"{path}:4: .*color")


class Deleting(XcvCase):

    def test_rule_59_of_an_unknown_name(self):
        self.on_file("DeletePort", "none", expect="PP_NOT_FOUND")
        self.on_file("DeletePort", "", expect="PP_NOT_FOUND")

    def test_rule_59_of_a_port_that_a_queue_uses(self):
        self.add()
        self.use("new")
        self.on_file("DeletePort", "new", expect="PP_BUSY", text="queue")
        self.on_file("DeletePort", "NEW", expect="PP_BUSY")
        self.assertEqual(list(self.stored()), ["new.ini"])

    def test_of_the_administrators_own(self):
        lines = self.daemon.ini.read_text().split("\n")
        line = lines.index("[port spare]") + 1
        self.on_file("DeletePort", "spare", expect="EROFS",
                     text=f"{self.daemon.ini}:{line}")
        self.assertIn("[port spare]", self.daemon.ini.read_text())

    def test_of_another_monitors_port(self):
        self.add()
        self.xcv("XcvMonitor null", "DeletePort", "new",
                 expect="PP_NOT_FOUND")
        self.assertEqual(list(self.stored()), ["new.ini"])

    def test_while_the_daemon_runs(self):
        self.add()
        self.daemon.start()
        self.on_file("DeletePort", "new")
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log("configuration reloaded")
        self.assertEqual(self.daemon.print(b"x"), b"")
        self.add()
        self.assertEqual(self.ports(), ["new", "p", "spare"])


class Configuring(XcvCase):

    def test_rule_61_a_port_is_addressed_by_its_name(self):
        self.add("new", "mode=0644")
        self.xcv("XcvPort new", "ConfigPort", "new",
                 f"directory={self.target}", "mode=0600")
        self.assertIn("mode = 0600\n", self.stored()["new.ini"])
        self.assertNotIn("0644", self.stored()["new.ini"])

    def test_rule_61_a_port_cannot_be_configured_through_another(self):
        self.add()
        before = self.stored()
        self.xcv("XcvPort spare", "ConfigPort", "new",
                 f"directory={self.target}", "mode=0600",
                 expect="PP_INVALID_PARAMETER")
        self.on_file("ConfigPort", "new", f"directory={self.target}",
                     "mode=0600", expect="PP_INVALID_PARAMETER")
        self.xcv("XcvPort new", "AddPort", "newer",
                 f"directory={self.target}", expect="PP_INVALID_PARAMETER")
        self.assertEqual(self.stored(), before)

    def test_rule_58_a_bad_change_leaves_the_former_state(self):
        self.add("new", "mode=0644")
        before = self.stored()
        self.xcv("XcvPort new", "ConfigPort", "new",
                 f"directory={self.target}", "mode=frog",
                 expect="PP_INVALID_DATA")
        self.assertEqual(self.stored(), before)

    def test_the_administrators_own_is_refused(self):
        lines = self.daemon.ini.read_text().split("\n")
        line = lines.index("[port spare]") + 1
        self.xcv("XcvPort spare", "ConfigPort", "spare",
                 f"directory={self.target}", expect="EROFS",
                 text=f"{self.daemon.ini}:{line}")


class Asking(XcvCase):

    def test_port_exists(self):
        self.assertEqual(self.on_file("PortExists", "p"), "yes\n")
        self.assertEqual(self.on_file("PortExists", "P"), "yes\n")
        self.assertEqual(self.on_file("PortExists", "none"), "no\n")
        self.assertEqual(self.on_file("PortExists", "a/b"), "no\n")

    def test_port_is_valid(self):
        self.add()
        self.on_file("PortIsValid", "new")
        self.target.rmdir()
        got = self.daemon.run("--xcv", "XcvMonitor file", "PortIsValid",
                              "new")
        self.assertNotEqual(got.returncode, 0)
        self.assertIn(str(self.target), got.stderr)
        self.on_file("PortIsValid", "none", expect="PP_NOT_FOUND")

    def test_monitor_ui(self):
        lines = self.on_file("MonitorUI").splitlines()
        keys = [line.split()[0] for line in lines if line]
        for key in "directory", "name", "path", "fsync", "mode", "group":
            self.assertIn(key, keys)

    def test_rule_55_names_match_with_their_case_or_not_at_all(self):
        for name in "addport", "ADDPORT", "AddPort ", "", "Frog":
            with self.subTest(name):
                self.on_file(name, "new", f"directory={self.target}",
                             expect="PP_INVALID_PARAMETER")
        self.assertEqual(self.stored(), {})

    def test_rule_61_a_question_to_a_port_needs_the_ports_handle(self):
        with open(self.daemon.ini, "a") as ini:
            ini.write("[port other]\nmonitor = mock\noutput = /dev/null\n")
        self.assertEqual(self.xcv("XcvPort other", "GetConfigInfo"),
                         "/dev/null\n")
        self.xcv("XcvMonitor mock", "GetConfigInfo",
                 expect="PP_INVALID_PARAMETER")

    def test_objects(self):
        self.assertEqual(self.xcv(",XcvMonitor file", "PortExists", "p"),
                         "yes\n")
        self.assertEqual(self.xcv(",XcvPort p", "PortExists", "p"), "yes\n")
        self.xcv("XcvMonitor none", "PortExists", "p", expect="PP_NOT_FOUND",
                 text=str(harness.MODULES))
        self.xcv("XcvPort none", "MonitorUI", expect="PP_NOT_FOUND")
        for name in "Frog", "", "XcvMonitor", "xcvmonitor file":
            self.xcv(name, "MonitorUI", expect="PP_INVALID_PARAMETER")
        for name in "../file", "/etc/passwd", "":
            got = self.daemon.run("--xcv", f"XcvMonitor {name}", "MonitorUI")
            self.assertEqual(got.returncode, 1, got.stderr)

    def test_rule_14_ports_are_listed_whatever_their_state(self):
        shutil.rmtree(self.daemon.out)
        with open(self.daemon.ini, "a") as ini:
            ini.write("[port slow]\nmonitor = mock\nhang = open\n"
                      "[port over]\nmonitor = mock\n"
                      "language_monitor = mock\n")
        self.daemon.out.mkdir()
        self.assertEqual(self.ports(), ["over", "p", "slow", "spare"])


class RemovingAMonitor(XcvCase):

    def remove(self, monitor="file"):
        return self.daemon.run("--remove-monitor", monitor)

    def test_rule_7_all_that_was_stored_under_it_is_gone(self):
        for name in "one", "two":
            self.add(name)
        self.xcv("XcvMonitor null", "AddPort", "three")
        got = self.remove()
        self.assertEqual((got.returncode, got.stdout),
                         (0, "2 ports of monitor file removed\n"))
        self.assertEqual(list(self.stored()), ["three.ini"])
        self.assertEqual(self.ports(), ["p", "spare", "three"])

    def test_without_any_port(self):
        got = self.remove()
        self.assertEqual((got.returncode, got.stdout),
                         (0, "0 ports of monitor file removed\n"))

    def test_not_while_a_queue_uses_one(self):
        self.add()
        self.use("new")
        got = self.remove()
        self.assertEqual(got.returncode, 1)
        self.assertIn("(PP_BUSY)", got.stderr)
        self.assertEqual(list(self.stored()), ["new.ini"])


@unittest.skipUnless(os.geteuid() == 0, "needs root to become others")
class Access(XcvCase):

    def setUp(self):
        super().setUp()
        there = self.daemon.dir / "programs"
        there.mkdir()
        for path in harness.BUILD / "printport-host", \
                harness.BUILD / "printportd", *harness.MODULES.glob("*.so"):
            shutil.copy(path, there)
        text = self.daemon.ini.read_text()
        self.daemon.ini.write_text(
            text.replace(str(harness.MODULES), str(there))
            .replace(str(harness.BUILD / "printport-host"),
                     str(there / "printport-host")))
        self.program = there / "printportd"
        self.daemon.spool.chmod(0o755)

    def as_nobody(self, *words):
        return subprocess.run(
            [self.program, "--config", self.daemon.ini, *words],
            user=65534, group=65534, extra_groups=[], capture_output=True,
            text=True, timeout=harness.LIMIT_S)

    def test_rule_54_changes_are_denied_whatever_the_input(self):
        self.add()
        self.ports_d.chmod(0o755)
        (self.ports_d / "new.ini").chmod(0o644)
        before = self.stored()
        for words in (["AddPort", "x", f"directory={self.target}"],
                      ["AddPort", "new"], ["AddPort", "a/b", "frog"],
                      ["AddPort"], ["DeletePort", "new"],
                      ["DeletePort", "p"], ["DeletePort", "none"],
                      ["ConfigPort", "new"]):
            with self.subTest(words):
                got = self.as_nobody("--xcv", "XcvMonitor file", *words)
                self.assertEqual(got.returncode, 77, got.stderr)
                self.assertIn("(PP_ACCESS_DENIED)", got.stderr)
        got = self.as_nobody("--remove-monitor", "file")
        self.assertEqual(got.returncode, 77)
        self.assertEqual(self.stored(), before)

    def test_rule_54_questions_are_not_denied(self):
        got = self.as_nobody("--xcv", "XcvMonitor file", "PortExists", "p")
        self.assertEqual((got.returncode, got.stdout), (0, "yes\n"))
        got = self.as_nobody("--enum-ports")
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertIn("spare\tfile", got.stdout)

    def test_the_daemons_user_may(self):
        text = self.daemon.ini.read_text()
        self.daemon.ini.write_text(text.replace("user = root",
                                                "user = nobody"))
        shutil.chown(self.daemon.spool, "nobody")
        got = self.as_nobody("--xcv", "XcvMonitor file", "AddPort", "new",
                             f"directory={self.target}")
        self.assertEqual(got.returncode, 0, got.stderr)
        self.assertEqual(list(self.stored()), ["new.ini"])

    def test_what_root_adds_is_the_daemons_to_read(self):
        text = self.daemon.ini.read_text()
        self.daemon.ini.write_text(text.replace("user = root",
                                                "user = nobody"))
        self.daemon.spool.chmod(0o700)
        shutil.chown(self.daemon.spool, "nobody")
        shutil.chown(self.daemon.control.parent, "nobody")
        shutil.chown(self.daemon.out, "nobody")
        self.daemon.start()
        self.add()
        self.assertEqual((self.ports_d / "new.ini").stat().st_uid, 65534)
        self.daemon.kill(signal.SIGHUP)
        self.daemon.wait_log("configuration reloaded")
        self.assertEqual(self.daemon.print(b"x"), b"")


if __name__ == "__main__":
    harness.main()
