#!/usr/bin/env python3
"""The SNMP agent of a printer: snmpd, with values that a test can change.

    with SnmpPrinter(directory) as agent:
        agent.set(faults=[1], pages=17)

snmpd asks this file, run as a program of its own (pass_persist), which looks
the values up anew for each request.
"""

import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

HR_DEVICE = "1.3.6.1.2.1.25.3.2.1"
HR_PRINTER = "1.3.6.1.2.1.25.3.5.1"
MARKER = "1.3.6.1.2.1.43.10.2.1"
SUPPLIES = "1.3.6.1.2.1.43.11.1.1"
LIMIT_S = 60


def objects(values):
    """(OID, type, value) of all there is, as snmpd wants to read them."""
    index = values["index"]
    yield f"{HR_DEVICE}.5.{index}", "integer", values["device"]
    yield f"{HR_PRINTER}.1.{index}", "integer", values["printer"]
    bits = 0
    for fault in values["faults"]:
        bits |= 0x8000 >> fault
    yield (f"{HR_PRINTER}.2.{index}", "octet",
           f"{bits >> 8:02x} {bits & 255:02x}")
    if values["pages"] is not None:
        yield f"{MARKER}.3.{index}.1", "integer", values["unit"]
        yield f"{MARKER}.4.{index}.1", "counter", values["pages"]
    for column, kind in ("6", "string"), ("8", "integer"), ("9", "integer"):
        for row, supply in enumerate(values["supplies"], 1):
            value = supply[{"6": 0, "8": 1, "9": 2}[column]]
            yield f"{SUPPLIES}.{column}.{index}.{row}", kind, value


def key(oid):
    return tuple(int(part) for part in oid.strip(".").split("."))


class SnmpPrinter:

    def __init__(self, directory, program, community="public", **values):
        self.directory = pathlib.Path(directory) / "snmp"
        self.directory.mkdir()
        self.program = pathlib.Path(program)
        self.community = community
        self.values_path = self.directory / "values"
        self.values = {"index": 1, "device": 2, "printer": 3, "faults": [],
                       "pages": 0, "unit": 7, "supplies": []}
        self.process = None
        self.set(**values)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            s.bind(("127.0.0.1", 0))
            self.port = s.getsockname()[1]
        self.on()

    def set(self, **values):
        """Answer with these from now on."""
        self.values.update(values)
        new = self.directory / "values.new"
        new.write_text(json.dumps(self.values))
        new.rename(self.values_path)

    def requests(self):
        """How many objects were asked for so far."""
        try:
            return (self.directory / "asked").stat().st_size
        except FileNotFoundError:
            return 0

    def settings(self, more=""):
        """For the [port] section."""
        return (f"snmp = yes\nsnmp_port = {self.port}\n"
                f"snmp_interval = 100ms\nsnmp_timeout = 20s\n{more}\n")

    def on(self):
        me = pathlib.Path(__file__).resolve()
        answer = f"{sys.executable} {me} {self.directory}"
        conf = self.directory / "snmpd.conf"
        conf.write_text(f"""\
rocommunity {self.community} 127.0.0.1
pass_persist .1.3.6.1.2.1.25.3 {answer}
pass_persist .1.3.6.1.2.1.43 {answer}
""")
        log = self.directory / "log"
        with open(log, "wb") as out:
            self.process = subprocess.Popen(
                [self.program, "-f", "-Lo", "-C", "-c", conf,
                 # the agent's own device and printer tables
                 "-I", "-hr_device,hr_print,hr_disk,hr_partition,hr_proc,"
                 "hr_network,hrh_filesys,hrh_storage,host,hr_system",
                 "-p", self.directory / "pid", f"udp:127.0.0.1:{self.port}"],
                stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                env={**os.environ, "MIBS": "",
                     "SNMP_PERSISTENT_DIR": str(self.directory / "state")})
        end = time.monotonic() + LIMIT_S
        while "NET-SNMP version" not in log.read_text(errors="replace"):
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError(f"snmpd: {log.read_text()}")
            time.sleep(0.01)

    def off(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(LIMIT_S)
            self.process = None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.off()


# ---- as snmpd's helper ------------------------------------------------------

def look_up(directory, command, oid):
    (directory / "asked").open("a").write(".")
    values = json.loads((directory / "values").read_text())
    known = sorted(objects(values), key=lambda o: key(o[0]))
    wanted = key(oid)
    for name, kind, value in known:
        if key(name) == wanted and command == "get" or \
                key(name) > wanted and command == "getnext":
            return [f".{name}", kind, str(value)]
    return ["NONE"]


def main():
    directory = pathlib.Path(sys.argv[1])
    for line in sys.stdin:
        word = line.strip().lower()
        if word == "ping":
            answer = ["PONG"]
        elif word in ("get", "getnext"):
            answer = look_up(directory, word, sys.stdin.readline().strip())
        else:
            answer = ["NONE"]
        print("\n".join(answer), flush=True)


if __name__ == "__main__":
    main()
