#!/usr/bin/env python3
"""The command line of printportd: what it says about itself and its file."""

import os
import re
import subprocess
import unittest

import harness


class CommandCase(harness.TestCase):

    def check(self, *errors):
        """--check-config refuses, with just these errors, in their order."""
        got = self.daemon.run("--check-config")
        self.assertEqual(got.returncode, 78, got.stderr)
        lines = [line for line in got.stderr.splitlines()
                 if line.startswith(str(self.daemon.ini))]
        self.assertEqual(len(lines), len(errors), got.stderr)
        for line, error in zip(lines, errors):
            self.assertRegex(line, error)

    def number(self, line):
        """Where this line of the file stands, as a pattern."""
        lines = self.daemon.ini.read_text().split("\n")
        return f"^{re.escape(str(self.daemon.ini))}:" \
            f"{lines.index(line) + 1}: .*"

    def replace(self, old, new):
        text = self.daemon.ini.read_text()
        self.assertIn(old, text)
        self.daemon.ini.write_text(text.replace(old, new))


class Words(CommandCase):

    def test_version(self):
        got = self.daemon.run("--version")
        self.assertEqual((got.returncode, got.stderr), (0, ""))
        self.assertRegex(got.stdout, r"^printportd \d+\.\d+\S*\n$")

    def test_help(self):
        got = self.daemon.run("--help")
        self.assertEqual((got.returncode, got.stderr), (0, ""))
        for option in "--config", "--check-config", "--print-config", \
                "--enum-ports", "--xcv", "--remove-monitor", "--version":
            self.assertIn(option, got.stdout)

    def test_wrong_words(self):
        self.daemon.configure()
        for words in ["--bad"], ["extra"], ["--check-config", "extra"], \
                ["--xcv"], ["--xcv", "XcvMonitor file"], \
                ["--remove-monitor"], ["--remove-monitor", "a", "b"]:
            with self.subTest(words):
                got = self.daemon.run(*words)
                self.assertEqual((got.returncode, got.stdout), (64, ""))
                self.assertIn("usage: printportd", got.stderr)

    def test_option_without_its_file(self):
        got = subprocess.run([harness.BUILD / "printportd", "--config"],
                             capture_output=True, timeout=harness.LIMIT_S)
        self.assertEqual(got.returncode, 64)

    def test_standard_output_that_is_full(self):
        self.daemon.configure()
        for option in "--help", "--version", "--print-config", \
                "--check-config", "--enum-ports":
            with self.subTest(option), open("/dev/full", "w") as full:
                got = subprocess.run(self.daemon.command(option), stdout=full,
                                     timeout=harness.LIMIT_S)
                self.assertEqual(got.returncode, 74)

    def test_the_host_is_no_command(self):
        got = subprocess.run([harness.BUILD / "printport-host"],
                             capture_output=True, text=True,
                             timeout=harness.LIMIT_S)
        self.assertEqual(got.returncode, 1)
        self.assertIn("started by printportd", got.stderr)


class CheckConfig(CommandCase):

    def test_good_file(self):
        self.daemon.configure()
        got = self.daemon.run("--check-config")
        self.assertEqual((got.returncode, got.stderr), (0, ""))
        self.assertEqual(got.stdout, f"{self.daemon.ini}: no errors\n")

    def test_changes_nothing(self):
        self.daemon.configure()
        before = sorted(self.daemon.dir.rglob("*"))
        self.daemon.run("--check-config")
        self.assertEqual(sorted(self.daemon.dir.rglob("*")), before)

    def test_all_errors_in_one_run_with_the_nearest_names(self):
        self.daemon.configure()
        self.replace("log_level = debug",
                     "log_levl = debug\ndrain_timeout = 5 lightyears")
        self.replace("ports = p", "ports = pp")
        self.replace("delivery = stream", "delivery = carrier pigeon")
        self.replace("[port p]", "[prot x]\n[port p]")
        self.check(
            self.number("log_levl = debug") + '"log_levl".*"log_level"',
            self.number("drain_timeout = 5 lightyears") +
            '"5 lightyears".*500ms',
            self.number("ports = pp") + '"pp"',
            self.number("delivery = carrier pigeon") + "carrier.*stream",
            self.number("[prot x]") + '"prot".*"port"')

    def test_serving_refuses_the_same_way(self):
        self.daemon.configure()
        self.replace("log_level", "log_levl")
        got = self.daemon.run()
        self.assertEqual(got.returncode, 78)
        self.assertRegex(got.stderr, self.number("log_levl = debug"))

    def test_settings_of_monitors(self):
        self.daemon.configure(more="""
[port m]
monitor = mock
hang = everywhere
short = much
[port n]
monitor = file
directry = /tmp
""")
        self.replace("fsync = no", "fsync = maybe")
        got = self.daemon.run("--check-config")
        self.assertEqual(got.returncode, 78)
        for line, error in (
                ("fsync = maybe", r"\[port p\] fsync.*maybe.*yes"),
                ("hang = everywhere", r"\[port m\] hang.*everywhere.*start"),
                ("short = much", r"\[port m\] short.*much"),
                ("directry = /tmp", r"\[port n\].*directry.*directory")):
            self.assertRegex(got.stderr, "(?m)" + self.number(line) + error)

    def test_serving_refuses_bad_settings_of_monitors(self):
        self.daemon.configure()
        self.replace("fsync = no", "fsync = maybe")
        got = self.daemon.run()
        self.assertEqual(got.returncode, 78)
        self.assertRegex(got.stderr, self.number("fsync = maybe"))

    def test_settings_that_do_not_go_together(self):
        self.daemon.configure(more="""
[port n]
monitor = file
[port o]
monitor = file
directory = /tmp
path = /tmp/x
""")
        got = self.daemon.run("--check-config")
        self.assertEqual(got.returncode, 78)
        for error in (r"\[port n\] set one of directory, path",
                      r"\[port o\] set only one of directory, path"):
            self.assertRegex(got.stderr, error)

    def test_unknown_monitor(self):
        self.daemon.configure()
        self.replace("monitor = file", "monitor = fiel")
        self.check(r"\[port p\] there is no monitor \"fiel\".*"
                   + re.escape(str(harness.MODULES)))

    def test_module_that_is_none(self):
        modules = self.daemon.dir / "modules"
        modules.mkdir(mode=0o755)
        (modules / "file.so").write_text("no module\n")
        (modules / "file.so").chmod(0o644)
        self.daemon.configure()
        self.replace(str(harness.MODULES), str(modules))
        self.check(r"\[port p\].*" + re.escape(str(modules)))

    def test_module_that_others_may_write(self):
        modules = self.daemon.dir / "modules"
        modules.mkdir(mode=0o755)
        modules.chmod(0o777)
        (modules / "file.so").write_bytes(
            (harness.MODULES / "file.so").read_bytes())
        self.daemon.configure()
        self.replace(str(harness.MODULES), str(modules))
        self.check(r"\[port p\].*writ")

    def test_module_that_crashes(self):
        self.daemon.configure()
        program = self.daemon.dir / "host"
        program.write_text("#!/bin/sh\nkill -SEGV $$\n")
        program.chmod(0o755)
        self.replace(str(harness.BUILD / "printport-host"), str(program))
        self.check(r"\[port p\].*port host")

    def test_missing_host_program(self):
        self.daemon.configure()
        self.replace(str(harness.BUILD / "printport-host"), "/no/such/host")
        self.check("host_program.*/no/such/host.*No such file")

    def test_missing_file(self):
        got = self.daemon.run("--check-config")
        self.assertEqual(got.returncode, 78)
        self.assertRegex(got.stderr, f"{self.daemon.ini}: .*No such file")

    def test_directory_for_a_file(self):
        self.daemon.ini.mkdir()
        got = self.daemon.run("--check-config")
        self.assertEqual(got.returncode, 78)
        self.assertRegex(got.stderr, f"{self.daemon.ini}: is no regular file")

    @unittest.skipUnless(os.geteuid() == 0, "needs root to become nobody")
    def test_unreadable_file(self):
        self.daemon.configure()
        self.daemon.ini.chmod(0)
        program = self.daemon.dir / "printportd"
        program.write_bytes((harness.BUILD / "printportd").read_bytes())
        program.chmod(0o755)
        got = subprocess.run(
            [program, "--config", self.daemon.ini, "--check-config"],
            user=65534, group=65534, extra_groups=[], capture_output=True,
            text=True, timeout=harness.LIMIT_S)
        self.assertEqual(got.returncode, 78)
        self.assertRegex(got.stderr, f"{self.daemon.ini}: .*Permission")


class PrintConfig(CommandCase):

    def test_what_is_printed_is_a_configuration_of_the_same_effect(self):
        self.daemon.configure(queue="idle_timeout = 1500ms\nanswers = no",
                              port="idle_close = 2h",
                              daemon="max_connections = 77")
        first = self.daemon.run("--print-config")
        self.assertEqual((first.returncode, first.stderr), (0, ""))
        self.daemon.ini.write_text(first.stdout)
        good = self.daemon.run("--check-config")
        self.assertEqual(good.returncode, 0, good.stderr)
        second = self.daemon.run("--print-config")

        def effect(text):
            return [line.partition(" ;")[0].rstrip()
                    for line in text.splitlines()]
        self.assertEqual(effect(second.stdout), effect(first.stdout))
        self.daemon.start()
        self.assertEqual(self.daemon.print(b"x"), b"")
        self.assertEqual(list(self.daemon.documents().values()), [b"x"])

    def test_defaults_are_marked(self):
        self.daemon.configure(queue="idle_timeout = 1500ms")
        got = self.daemon.run("--print-config").stdout
        self.assertRegex(got, r"(?m)^idle_timeout += 1500ms$")
        self.assertRegex(got, r"(?m)^on_reset += abort +; default$")
        self.assertRegex(got, rf"(?m)^directory += {self.daemon.out}$")

    def test_a_bad_file_is_refused(self):
        self.daemon.configure()
        self.replace("log_level", "log_levl")
        got = self.daemon.run("--print-config")
        self.assertEqual((got.returncode, got.stdout), (78, ""))
        self.assertRegex(got.stderr, self.number("log_levl = debug"))


if __name__ == "__main__":
    harness.main()
