"""The peers that speak LPD.

They are Debian's packages, unpacked and never installed, and print to
/dev/null.  Neither syncs anything before it answers.
"""
import contextlib
import os
import pathlib
import shutil
import subprocess
import tempfile

from clients import LpdLoad, SOURCES
from processes import (BenchError, LOOPBACK, START_LIMIT_S, answers,
                       free_port, stop_family, unpacked, wait_until)
from servers import Server


class Unpacked:
    """A server that is made of packages."""

    packages = ()

    def __init__(self, build):
        self.missing = None
        if os.geteuid() != 0:
            self.missing = "needs root"
            return
        try:
            self.places = {name: unpacked(build, name)
                           for name in self.packages}
        except (OSError, subprocess.CalledProcessError) as error:
            self.missing = (getattr(error, "stderr", None)
                            or str(error)).strip()

    @contextlib.contextmanager
    def running(self, directory):
        port = free_port()
        with tempfile.TemporaryDirectory(prefix="peer-",
                                         dir=directory) as name:
            place = pathlib.Path(name)
            with (place / "output").open("w") as output:
                child = self.start(place, port, output)
            try:
                if not wait_until(lambda: answers(port), START_LIMIT_S):
                    raise BenchError(f"{type(self).__name__} does not "
                                     f"start:\n{self.trouble(place)}")
                yield Server(child.pid, port, load=LpdLoad,
                             waiting=lambda: self.waiting(place))
            finally:
                stop_family(child)

    @staticmethod
    def trouble(place):
        return (place / "output").read_text()


def count(directory, *beginnings):
    return sum(name.startswith(beginnings) for name in os.listdir(directory))


LPRNG_CONFIG = """\
user=root
group=root
lockfile={place}/lock
unix_socket_path=off
"""

LPRNG_PRINTERS = """\
q:lp=/dev/null:sd={place}/q:sh:mx#0:done_jobs=0:
"""


class LPRng(Unpacked):
    """All its files are in /etc, so it has an /etc of its own, in a mount
    namespace of its own."""

    packages = ("lprng",)
    SHARED = "passwd", "group", "ld.so.cache", "localtime"

    def write_etc(self, place):
        etc = place / "etc"
        (etc / "lprng").mkdir(parents=True)
        for name in self.SHARED:
            with contextlib.suppress(FileNotFoundError):
                shutil.copy(f"/etc/{name}", etc)
        # It asks for the names of its clients: at once, and of nobody else.
        (etc / "nsswitch.conf").write_text("hosts: files\n")
        (etc / "hosts").write_text("".join(
            f"127.0.0.{i} client{i}\n" for i in range(1, SOURCES + 2)) +
            f"127.0.0.1 localhost {os.uname().nodename}\n")
        (etc / "lprng/lpd.conf").write_text(LPRNG_CONFIG.format(place=place))
        (etc / "lprng/lpd.perms").write_text("DEFAULT ACCEPT\n")
        (etc / "printcap").write_text(LPRNG_PRINTERS.format(place=place))
        return etc

    def start(self, place, port, output):
        (place / "q").mkdir(0o700)
        return subprocess.Popen(
            ["unshare", "--mount", "sh", "-c",
             'mount --bind "$0" /etc && exec "$@"', self.write_etc(place),
             self.places["lprng"] / "usr/sbin/lpd", "-F", "-p", str(port)],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output)

    @staticmethod
    def waiting(place):
        return count(place / "q", "df")


CUPS_FILES = """\
ServerRoot {place}/etc
ServerBin {bin}
DataDir {data}
StateDir {place}/run
CacheDir {place}/cache
RequestRoot {place}/spool
TempDir {place}/spool/tmp
AccessLog {place}/access
ErrorLog {place}/error
PageLog {place}/page
User lp
Group lp
SystemGroup root
FileDevice Yes
Printcap
"""

CUPS_CONFIG = """\
Listen {place}/run/socket
LogLevel warn
MaxClients 1000
PreserveJobFiles No
Browsing No
<Location />
  Order allow,deny
  Allow all
</Location>
<Policy default>
  <Limit All>
    Order deny,allow
  </Limit>
</Policy>
"""

CUPS_PRINTERS = """\
<Printer q>
DeviceURI file:///dev/null
State Idle
Accepting Yes
</Printer>
"""

INETD_CONFIG = """\
{address}:{port} stream tcp nowait root {program} cups-lpd -n \
-o document-format=application/octet-stream
"""


class CupsLpd(Unpacked):
    """inetd starts a cups-lpd for each connection, which tells its jobs to
    cupsd."""

    packages = "cups", "cups-daemon", "libpaper1", "openbsd-inetd"

    def write_config(self, place, port):
        for name in "etc", "run", "cache", "spool/tmp":
            (place / name).mkdir(parents=True)
        (place / "etc/cups-files.conf").write_text(CUPS_FILES.format(
            place=place, bin=self.places["cups"] / "usr/lib/cups",
            data=self.places["cups-daemon"] / "usr/share/cups"))
        (place / "etc/cupsd.conf").write_text(
            CUPS_CONFIG.format(place=place))
        (place / "etc/printers.conf").write_text(CUPS_PRINTERS)
        (place / "inetd.conf").write_text(INETD_CONFIG.format(
            address=LOOPBACK, port=port, program=self.places["cups"] /
            "usr/lib/cups/daemon/cups-lpd"))

    def environment(self, place):
        libraries = self.places["libpaper1"].glob("usr/lib/*")
        return {**os.environ, "CUPS_SERVER": f"{place}/run/socket",
                "TMPDIR": f"{place}/spool/tmp",
                "LD_LIBRARY_PATH": ":".join(map(str, libraries))}

    def start(self, place, port, output):
        """cupsd is inetd's child here, so that one process has them all."""
        self.write_config(place, port)
        child = subprocess.Popen(
            ["sh", "-c", '"$1" -f -c "$0/etc/cupsd.conf" '
             '-s "$0/etc/cups-files.conf" & '
             'exec "$2" -i -E -R 1000000 -q 4096 "$0/inetd.conf"', place,
             self.places["cups-daemon"] / "usr/sbin/cupsd",
             self.places["openbsd-inetd"] / "usr/sbin/inetd"],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            env=self.environment(place))
        wait_until((place / "run/socket").exists, START_LIMIT_S)
        return child

    def trouble(self, place):
        errors = place / "error"
        return super().trouble(place) + (
            errors.read_text() if errors.exists() else "")

    @staticmethod
    def waiting(place):
        """Files that came, and those of jobs."""
        return len(os.listdir(place / "spool/tmp")) + \
            count(place / "spool", "d")
