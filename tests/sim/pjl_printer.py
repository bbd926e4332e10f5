"""A printer that speaks PJL, and does what a test wants.

It takes bytes from a pair of FIFOs, a TCP port or a pseudo-terminal, keeps
what was printed, by jobs, and says what such printers say: answers to INFO,
and USTATUS reports that were asked for.  A page is what a form feed ends.

    printer = Fifo(directory)           # or Tcp(), or Tty()
    printer.keep_pages()                # sent, and not out yet
    printer.eject()                     # out
    printer.set(40022, "PAPER JAM", online=False)
    printer.stop_reading()              # takes no more bytes
    printer.power_cycle()               # forgets all

Plain() over any of these is a printer that prints each byte that it gets.
"""

import os
import re
import select
import socket
import threading
import time
import tty

UEL = b"\x1b%-12345X"
PCL_QUERY = b"\x1b*s1M"
READY = (10001, "READY", True)


class Job:
    def __init__(self, name, own):
        self.name = name
        self.own = own                  # it had a JOB command
        self.data = bytearray()
        self.result = "OK"

    @property
    def pages(self):
        return max(1, bytes(self.data).count(b"\f"))


class Language:
    """What the printer understands; it is told bytes and gives answers."""

    def __init__(self, pcl=True, model="SIMULATED LASER", memory=8 << 20):
        self.pcl = pcl
        self.model = model
        self.memory = memory
        self.taken = bytearray()        # all that ever came
        self.jobs = []                  # that are out
        self.waiting = []               # whose pages are not
        self.keeping = False
        self.status = READY
        self.forget()

    def forget(self):
        """As after a power cycle: what is inside of it is lost."""
        self.rest = b""
        self.in_pjl = False
        self.job = None
        self.nested = 0
        self.ustatus = {}
        self.waiting.clear()

    # ---- what it says

    def ask(self, kind):
        return self.ustatus.get(kind, "OFF") != "OFF"

    def how_it_is(self, head):
        code, display, online = self.status
        return (f"@PJL {head}\r\nCODE={code}\r\nDISPLAY=\"{display}\"\r\n"
                f"ONLINE={str(online).upper()}\r\n\f").encode()

    def report(self, kind, text):
        return f"@PJL USTATUS {kind}\r\n{text}\r\n\f".encode() \
            if self.ask(kind) else b""

    def info(self, what):
        if what == "ID":
            return f"@PJL INFO ID\r\n\"{self.model}\"\r\n\f".encode()
        if what == "MEMORY":
            return (f"@PJL INFO MEMORY\r\nTOTAL={self.memory}\r\n"
                    f"LARGEST={self.memory // 2}\r\n\f").encode()
        if what == "STATUS":
            return self.how_it_is("INFO STATUS")
        return f"@PJL INFO {what}\r\n?\r\n\f".encode()

    # ---- jobs

    def begin(self, name, own):
        self.job = Job(name, own)
        return self.report("JOB", f"START\r\nNAME=\"{name}\"") if own else b""

    def finish(self):
        job, self.job = self.job, None
        if job is None or (not job.own and not job.data.strip(b"\0\r\n")):
            return b""
        self.waiting.append(job)
        return b"" if self.keeping else self.eject()

    def eject(self, n=None):
        """The pages of the first n jobs, or of all, come out."""
        said = b""
        for job in self.waiting[:n]:
            self.jobs.append(job)
            if not job.own:
                continue
            for page in range(job.pages if job.result == "OK" else 0):
                said += self.report("PAGE", str(page + 1))
            said += self.report(
                "JOB", f"END\r\nNAME=\"{job.name}\"\r\nRESULT={job.result}"
                f"\r\nPAGES={job.pages}")
        del self.waiting[:n]
        return said

    # ---- what it is told

    def command(self, line):
        text = line.decode("latin-1").strip()
        match = re.match(r'@PJL\s+JOB\s+NAME\s*=\s*"([^"]*)"', text)
        if match and self.job is not None and self.job.own:
            self.nested += 1
            return b""
        if match:
            return self.finish() + self.begin(match.group(1), True)
        if re.match(r"@PJL\s+EOJ", text):
            if self.nested:
                self.nested -= 1
                return b""
            return self.finish()
        match = re.match(r"@PJL\s+USTATUS\s+(\w+)\s*=\s*(\w+)", text)
        if match:
            self.ustatus[match.group(1)] = match.group(2).upper()
            return b""
        match = re.match(r"@PJL\s+INFO\s+(\w+)", text)
        return self.info(match.group(1)) if match else b""

    def data(self, part):
        said = b""
        if self.pcl and PCL_QUERY in part:
            said = (f"PCL\r\nINFO MEMORY\r\nTOTAL={self.memory}\r\n"
                    f"LARGEST={self.memory // 2}\r\n\f"
                    ).encode() * part.count(PCL_QUERY)
            part = part.replace(PCL_QUERY, b"")
        if part and self.job is None:
            said += self.begin("", False)
        if part:
            self.job.data += part
        return said

    def feed(self, part):
        self.taken += part
        self.rest += part
        said = b""
        while True:
            before = len(self.rest), self.in_pjl
            said += self.pjl_step() if self.in_pjl else self.data_step()
            if (len(self.rest), self.in_pjl) == before:
                return said

    def pjl_step(self):
        """After an UEL: lines of PJL, until something else comes."""
        if self.rest.startswith(UEL):
            self.rest = self.rest[len(UEL):]
            return b""
        if UEL.startswith(self.rest) or b"@PJL".startswith(self.rest[:4]) \
                and b"\n" not in self.rest:
            return b""                  # it may be one yet
        if self.rest.startswith(b"@PJL"):
            line, _, self.rest = self.rest.partition(b"\n")
            return self.command(line)
        self.in_pjl = False
        return b""

    def data_step(self):
        """Data, until an UEL; what may begin one stays for the next time."""
        at = self.rest.find(UEL)
        if at >= 0:
            part, self.rest = self.rest[:at], self.rest[at + len(UEL):]
            self.in_pjl = True
            said = self.data(part)
            if self.job is not None and not self.job.own:
                said += self.finish()
            return said
        keep = next((n for n in range(len(UEL), 0, -1)
                     if self.rest.endswith(UEL[:n]) or
                     self.rest.endswith(PCL_QUERY[:n]) and
                     not self.rest.endswith(PCL_QUERY)), 0)
        part = self.rest[:len(self.rest) - keep]
        self.rest = self.rest[len(part):]
        return self.data(part)


class Plain(Language):
    """Knows no PJL, and no PCL: whatever comes is on paper."""

    def feed(self, part):
        self.taken += part
        return b""


class Printer:
    """A language behind some kind of wire, in a thread of its own."""

    def __init__(self, language=None, slow_s=0):
        self.language = language or Language()
        self.slow_s = slow_s            # pause after each read
        self.lock = threading.RLock()
        self.reading = True
        self.over = False
        self.out = bytearray()          # what nobody has heard yet
        self.wake_r, self.wake_w = os.pipe()
        self.thread = threading.Thread(target=self.run, daemon=True)
        self.thread.start()

    # ---- for tests

    @property
    def taken(self):
        with self.lock:
            return bytes(self.language.taken)

    def jobs(self):
        """What is out: data of each job, in order."""
        with self.lock:
            return [bytes(job.data) for job in self.language.jobs]

    def inside(self):
        """What is in it, and not out yet."""
        with self.lock:
            return [bytes(job.data) for job in self.language.waiting]

    def keep_pages(self, keep=True):
        with self.lock:
            self.language.keeping = keep

    def eject(self, n=None):
        with self.lock:
            self.say(self.language.eject(n))

    def cancel_first(self):
        """Somebody presses the button; the first job is over."""
        with self.lock:
            self.language.waiting[0].result = "CANCELED"
            self.eject(1)

    def say(self, data):
        """It goes out as fast as somebody hears it."""
        with self.lock:
            self.out += data
            while self.out:
                n = self.send(bytes(self.out))
                if n == 0:
                    break
                del self.out[:n]
        self.wake()

    def set(self, code=10001, display="READY", online=True):
        """Another status; a report goes out if one was asked for."""
        with self.lock:
            self.language.status = (code, display, online)
            if self.language.ask("DEVICE"):
                self.say(self.language.how_it_is("USTATUS DEVICE"))

    def say_time(self):
        """What comes every TIMED seconds, now."""
        with self.lock:
            self.say(self.language.how_it_is("USTATUS TIMED"))

    def stop_reading(self, stop=True):
        with self.lock:
            self.reading = not stop
        self.wake()

    def power_cycle(self):
        with self.lock:
            self.hang_up()
            self.language.forget()
        self.wake()

    def close(self):
        self.over = True
        self.wake()
        self.thread.join()
        with self.lock:
            self.hang_up()
            self.shut()
        os.close(self.wake_r)
        os.close(self.wake_w)

    # ---- inside

    def wake(self):
        os.write(self.wake_w, b"x")

    def run(self):
        while not self.over:
            with self.lock:
                fds = [self.wake_r] + self.fds()
                out = self.out_fds() if self.out else []
            try:
                ready, ready_out, _ = select.select(fds, out, [])
            except (OSError, ValueError):
                continue                # one was closed just now
            if ready_out:
                self.say(b"")
            if self.wake_r in ready:
                os.read(self.wake_r, 100)
            elif ready:
                self.turn()

    def turn(self):
        with self.lock:
            part = self.take()
            said = self.language.feed(part) if part else b""
            if said:
                self.say(said)
        if part and self.slow_s:
            time.sleep(self.slow_s)

    def fds(self):
        raise NotImplementedError

    def take(self):
        raise NotImplementedError

    def out_fds(self):
        raise NotImplementedError

    def send(self, data):
        """How much of it goes out now."""
        raise NotImplementedError

    def hang_up(self):
        pass

    def shut(self):
        pass


def send_some(fd, data):
    try:
        return os.write(fd, data)
    except BlockingIOError:
        return 0


class Fifo(Printer):
    """For a monitor that prints into one FIFO and hears from another."""

    def __init__(self, directory, name="printer", **kwargs):
        self.in_path = directory / name
        self.out_path = directory / (name + ".says")
        os.mkfifo(self.in_path)
        os.mkfifo(self.out_path)
        self.in_fd = os.open(self.in_path, os.O_RDWR | os.O_NONBLOCK)
        self.out_fd = os.open(self.out_path, os.O_RDWR | os.O_NONBLOCK)
        super().__init__(**kwargs)

    def fds(self):
        return [self.in_fd] if self.reading else []

    def take(self):
        try:
            return os.read(self.in_fd, 65536) if self.reading else b""
        except BlockingIOError:
            return b""

    def out_fds(self):
        return [self.out_fd]

    def send(self, data):
        return send_some(self.out_fd, data)

    def shut(self):
        os.close(self.in_fd)
        os.close(self.out_fd)


class Tcp(Printer):
    """A network printer: one connection at a time."""

    def __init__(self, **kwargs):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.conn = None
        self.connections = 0
        super().__init__(**kwargs)

    def fds(self):
        if self.conn is None:
            return [self.listener.fileno()]
        return [self.conn.fileno()] if self.reading else []

    def take(self):
        if self.conn is None:
            self.conn = self.listener.accept()[0]
            self.connections += 1
            return b""
        if not self.reading:
            return b""
        try:
            part = self.conn.recv(65536)
        except OSError:
            part = b""
        if not part:
            self.say(self.language.finish())
            self.hang_up()
        return part

    def out_fds(self):
        return [] if self.conn is None else [self.conn.fileno()]

    def send(self, data):
        if self.conn is None:
            return len(data)            # nobody hears it
        try:
            return self.conn.send(data, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return 0
        except OSError:
            return len(data)

    def hang_up(self):
        if self.conn is not None:
            self.conn.close()
        self.conn = None
        self.out.clear()

    def shut(self):
        self.listener.close()


class Tty(Printer):
    """A printer on a serial line."""

    def __init__(self, **kwargs):
        self.master, self.slave = os.openpty()
        tty.setraw(self.slave)
        os.set_blocking(self.master, False)
        self.path = os.ttyname(self.slave)
        super().__init__(**kwargs)

    def fds(self):
        return [self.master] if self.reading else []

    def take(self):
        try:
            return os.read(self.master, 4096) if self.reading else b""
        except (BlockingIOError, OSError):
            return b""

    def out_fds(self):
        return [self.master]

    def send(self, data):
        return send_some(self.master, data)

    def shut(self):
        os.close(self.master)
        os.close(self.slave)
