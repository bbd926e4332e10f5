#!/usr/bin/env python3
"""The monitor "file" behind the daemon: names, visibility, and bad input."""

import errno
import os
import pathlib
import re
import shutil
import socket
import stat
import subprocess
import tempfile
import threading

import harness

ROOT = os.geteuid() == 0
NOBODY = 65534

OTHER_PORT = """\
[listener well]
listen = 127.0.0.1:0
queue = well
[queue well]
ports = well
delivery = stream
[port well]
monitor = file
directory = {}
fsync = no
"""


class TestFiles(harness.TestCase):
    """One file per document."""

    def name_of(self, pattern):
        self.daemon.configure(
            port=f"directory = {self.daemon.out}\nname = {pattern}").start()
        self.daemon.print(b"document")
        names = os.listdir(self.daemon.out)
        self.assertEqual(len(names), 1)
        return names[0]

    def test_name_with_all_that_is_known(self):
        name = self.name_of("%j_%q_%p_%h_%%")
        self.assertRegex(name, r"^\d+_q_p_127\.0\.0\.1_%$")

    def test_name_with_date_and_time(self):
        self.assertRegex(self.name_of("%d-%T"), r"^20\d{6}-[0-2]\d{5}$")

    def test_same_name_twice_loses_nothing(self):
        self.daemon.configure(
            port=f"directory = {self.daemon.out}\nname = always").start()
        self.daemon.print(b"first")
        self.daemon.print(b"second")
        self.assertEqual(sorted(self.daemon.documents().values()),
                         [b"first", b"second"])

    def test_nothing_is_seen_before_it_is_complete(self):
        self.daemon.configure().start()
        with self.daemon.connect() as s:
            s.sendall(b"x" * 100000)
            self.daemon.wait_log("port opened")
            self.assertEqual(self.daemon.documents(), {})
            s.shutdown(socket.SHUT_WR)
            harness.read_to_end(s)
        self.assertEqual(list(self.daemon.documents().values()),
                         [b"x" * 100000])

    def abort(self, port=""):
        self.daemon.configure(port=port).start()
        s = self.daemon.connect()
        s.sendall(b"half")
        self.daemon.wait_log("port opened")
        harness.reset(s)
        self.daemon.wait_log("job not printed")

    def test_aborted_leaves_nothing(self):
        self.abort()
        self.assertEqual(os.listdir(self.daemon.out), [])

    def test_aborted_is_kept_if_wished(self):
        self.abort("keep_aborted = yes")
        names = os.listdir(self.daemon.out)
        self.assertEqual(len(names), 1)
        self.assertTrue(names[0].endswith(".prn.aborted"), names)
        self.assertEqual((self.daemon.out / names[0]).read_bytes(), b"half")

    def test_mode_and_group(self):
        group = f"group = {NOBODY}\n" if ROOT else ""
        self.daemon.configure(port=f"mode = 0604\n{group}").start()
        self.daemon.print(b"document")
        found = next(self.daemon.out.iterdir()).stat()
        self.assertEqual(stat.S_IMODE(found.st_mode), 0o604)
        if ROOT:
            self.assertEqual(found.st_gid, NOBODY)

    def test_with_fsync(self):
        self.daemon.configure(
            port=f"directory = {self.daemon.out}\nfsync = yes").start()
        for i in range(3):
            self.daemon.print(b"%d" % i)
        self.assertEqual(sorted(self.daemon.documents().values()),
                         [b"0", b"1", b"2"])


class TestPath(harness.TestCase):
    """All documents into one file, FIFO or device."""

    def test_append(self):
        path = self.daemon.dir / "all"
        path.write_bytes(b"before ")
        self.daemon.configure(port=f"path = {path}").start()
        for data in (b"one ", b"two ", b"three"):
            self.daemon.print(data)
        self.assertEqual(path.read_bytes(), b"before one two three")

    def test_replace(self):
        path = self.daemon.dir / "last"
        self.daemon.configure(port=f"path = {path}\nappend = no").start()
        for data in (b"one, and long", b"two"):
            self.daemon.print(data)
            self.assertEqual(path.read_bytes(), data)

    def test_aborted_is_cut_off_again(self):
        path = self.daemon.dir / "all"
        path.write_bytes(b"before ")
        self.daemon.configure(port=f"path = {path}").start()
        s = self.daemon.connect()
        s.sendall(b"half")
        self.daemon.wait_log("port opened")
        harness.reset(s)
        self.daemon.wait_log("job not printed")
        self.daemon.print(b"whole")
        self.assertEqual(path.read_bytes(), b"before whole")

    def test_fifo(self):
        path = self.daemon.dir / "fifo"
        os.mkfifo(path)
        self.daemon.configure(port=f"path = {path}").start()
        data = bytes(range(256)) * 2000
        result = []
        reader = threading.Thread(
            target=lambda: result.append(path.read_bytes()))
        fd = os.open(path, os.O_RDWR)   # a reader is there from the start
        reader.start()
        self.daemon.print(data)
        os.close(fd)
        reader.join()
        self.assertEqual(result, [data])

    def test_behaviour_29_a_fifo_without_a_reader_is_offline(self):
        path = self.daemon.dir / "fifo"
        os.mkfifo(path)
        self.daemon.configure(port=f"path = {path}").start()
        with self.assertRaises(ConnectionResetError):
            self.daemon.print(b"x")
        self.daemon.wait_log(rf"no reader on FIFO {path}")

    def test_device(self):
        self.daemon.configure(port="path = /dev/null").start()
        self.assertEqual(self.daemon.print(b"x" * 100000), b"")
        self.daemon.wait_log("bytes=100000 verdict=done")


class TestBadInput(harness.TestCase):
    """A clear error that names the thing, and the daemon goes on."""

    def setUp(self):
        super().setUp()
        self.well = self.daemon.dir / "well"
        self.well.mkdir()

    def configure(self, **kwargs):
        return self.daemon.configure(more=OTHER_PORT.format(self.well),
                                     **kwargs)

    def bad_and_well(self, named, data=b"document"):
        """The job fails with a word on why; another port does not care."""
        with self.daemon.connect() as s:
            try:
                s.sendall(data)
                s.shutdown(socket.SHUT_WR)
            except OSError as error:
                self.assertIn(error.errno, (errno.ECONNRESET, errno.EPIPE,
                                            errno.ENOTCONN))
            self.assertTrue(harness.ends_with_reset(s))
        self.daemon.wait_log(rf"(error|warning) .*{named}")
        self.daemon.print(b"well", "well")
        self.assertEqual([p.read_bytes() for p in self.well.iterdir()],
                         [b"well"])

    def refused_name(self, name, shown):
        self.daemon.configure()
        text = self.daemon.ini.read_text().replace(
            "ports = p\n", f"ports = {name}\n").replace(
            "[port p]", f"[port {name}]")
        self.daemon.ini.write_text(text)
        line = 1 + text[:text.index("[port ")].count("\n")
        done = self.daemon.run("--check-config")
        self.assertNotEqual(done.returncode, 0)
        self.assertIn(f"{self.daemon.ini}:{line}:", done.stderr)
        self.assertIn(shown, done.stderr)
        self.assertTrue(done.stderr.isascii())
        self.assertNotRegex(done.stderr, r"[\x00-\x09\x0b-\x1f\x7f]")

    def test_port_name_with_a_slash(self):
        self.refused_name("../etc", "../etc")

    def test_port_name_with_a_control_character(self):
        self.refused_name("a\x1b[31mb", "port")

    def test_missing_directory(self):
        missing = self.daemon.dir / "missing"
        self.configure(port=f"directory = {missing}").start()
        self.bad_and_well(f"{missing} does not exist")
        # It is there again when it is there again.
        missing.mkdir()
        self.assertEqual(self.daemon.print(b"x"), b"")

    def test_directory_that_is_a_file(self):
        path = self.daemon.dir / "file"
        path.touch()
        self.configure(port=f"directory = {path}").start()
        self.bad_and_well(f"{path} is not a directory")

    def test_no_permission(self):
        if not ROOT:
            self.skipTest("another user takes root")
        closed = self.daemon.dir / "closed"
        closed.mkdir(mode=0o700)
        # Programs and modules where nobody can get at them.
        programs = self.daemon.dir / "programs"
        programs.mkdir()
        for path in (harness.BUILD / "printport-host",
                     harness.MODULES / "file.so"):
            shutil.copy(path, programs)
        os.chown(self.daemon.spool, NOBODY, NOBODY)
        os.chown(self.daemon.control.parent, NOBODY, NOBODY)
        os.chown(self.well, NOBODY, NOBODY)
        self.configure(port=f"directory = {closed}")
        text = self.daemon.ini.read_text()
        text = text.replace("user = root", "user = nobody")
        text = re.sub("(?m)^monitor_directory = .*",
                      f"monitor_directory = {programs}", text)
        text = re.sub("(?m)^host_program = .*",
                      f"host_program = {programs / 'printport-host'}", text)
        self.daemon.ini.write_text(text)
        self.daemon.start()
        self.bad_and_well(f"{closed} is closed to uid {NOBODY}")

    def test_behaviour_29_full_disk(self):
        if not ROOT:
            self.skipTest("a small file system takes root")
        small = self.daemon.dir / "small"
        small.mkdir()
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k",
                               "none", str(small)], check=False)
        if done.returncode != 0:
            self.skipTest("no small file system")
        self.addCleanup(subprocess.run, ["umount", "-l", str(small)],
                        check=False)
        self.configure(port=f"directory = {small}").start()
        self.bad_and_well(f"no space left in .*{small}", b"x" * (1 << 20))
        self.assertEqual(os.listdir(small), [])
        self.assertEqual(self.daemon.print(b"this fits"), b"")

    def own_modules(self):
        """A directory of modules that tests may spoil."""
        modules = pathlib.Path(tempfile.mkdtemp(dir=self.daemon.dir))
        modules.chmod(0o755)
        shutil.copy(harness.MODULES / "file.so", modules)
        return modules

    def start_with(self, modules):
        self.daemon.configure(monitor="bad",
                              daemon=f"monitor_directory = {modules}",
                              more=OTHER_PORT.format(self.well))
        text = self.daemon.ini.read_text().replace(
            f"monitor_directory = {harness.MODULES}\n", "")
        self.daemon.ini.write_text(text)
        self.daemon.start()

    def test_module_that_is_a_text(self):
        modules = self.own_modules()
        (modules / "bad.so").write_text("this is no module\n")
        self.start_with(modules)
        self.bad_and_well(f"{modules}/bad.so cannot be loaded")

    def test_module_without_the_symbol(self):
        modules = self.own_modules()
        library = next((p for p in pathlib.Path("/").glob(
            "lib/*-linux-*/libm.so.6")), None)
        if library is None:
            self.skipTest("no library at hand")
        shutil.copy(library, modules / "bad.so")
        self.start_with(modules)
        self.bad_and_well(f"{modules}/bad.so is no monitor: it does not "
                          "export pp_initialize_print_monitor2")

    def test_module_of_another_name(self):
        modules = self.own_modules()
        shutil.copy(harness.MODULES / "null.so", modules / "bad.so")
        self.start_with(modules)
        self.bad_and_well("bad.so holds a module that calls itself")

    def test_module_that_others_may_write(self):
        modules = self.own_modules()
        shutil.copy(harness.MODULES / "null.so", modules / "bad.so")
        (modules / "bad.so").chmod(0o666)
        self.start_with(modules)
        self.bad_and_well(f"{modules}/bad.so may be written by group or "
                          "others")

    def test_module_directory_that_others_may_write(self):
        modules = self.own_modules()
        theirs = self.own_modules()
        shutil.copy(harness.MODULES / "null.so", theirs / "bad.so")
        theirs.chmod(0o777)
        self.start_with(f"{modules}, {theirs}")
        self.bad_and_well(f"{theirs} may be written by group or others")

    def test_module_that_is_not_there(self):
        modules = self.own_modules()
        self.start_with(modules)
        self.bad_and_well(f"no file bad.so in {modules}")


if __name__ == "__main__":
    harness.main()
