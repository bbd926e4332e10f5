"""A scripted IPP printer: says, refuses, hangs and forgets as it is told.

    with IppPrinter(creates=False) as printer:
        printer.fail(PRINT_JOB, 0x0507)         # once, with server-error-busy
        ... print to printer.uri ...
        printer.documents

It reads a document as it comes, and keeps it when its end is there.  What
hangs does so until release() or the end.
"""

import http.server
import socket
import struct
import threading
import time

from ipp_sink import (BOOLEAN, CHARSET, COMPLETED, CREATE_JOB, END, ENUM,
                      GET_JOB_ATTRIBUTES, GET_PRINTER_ATTRIBUTES, IDLE,
                      INTEGER, JOB, KEYWORD, LANGUAGE, MIME, NAME, OPERATION,
                      PRINT_JOB, PRINTER, SEND_DOCUMENT, URI, attribute)

CANCEL_JOB = 8
TEXT = 0x41
PENDING, PROCESSING, STOPPED, CANCELED, ABORTED = 3, 5, 6, 7, 8
NOT_FOUND = 0x0406
DOCUMENT = "document"           # a place to hang at: in the middle of one


class Gone(Exception):
    """The client is."""


def parse(stream):
    """(version, operation, number, attributes) of a request."""
    version, operation, number = struct.unpack(">HHi", stream.read(8))
    attributes, last = {}, None
    while True:
        tag = stream.read(1)[0]
        if tag == END:
            return version, operation, number, attributes
        if tag < 0x10:
            continue
        name = stream.read(stream.number()).decode() or last
        value = stream.read(stream.number())
        if tag in (INTEGER, ENUM):
            value = struct.unpack(">i", value)[0]
        elif tag == BOOLEAN:
            value = value != b"\0"
        else:
            value = value.decode()
        attributes.setdefault(name, []).append(value)
        last = name


class Body:
    """The body of a request, of known length or in chunks."""

    def __init__(self, handler):
        length = handler.headers.get("Content-Length")
        self.file = handler.rfile
        self.chunked = length is None
        self.left = int(length or 0)
        self.buffer = b""

    def more(self):
        """Some bytes; none at the end."""
        if self.chunked and self.left == 0:
            line = self.file.readline()
            if not line:
                raise Gone
            size = int(line, 16)
            if size == 0:
                self.file.readline()
                self.chunked = False
                return b""
            data = self.file.read(size)
            if len(data) < size or self.file.read(2) != b"\r\n":
                raise Gone
            return data
        data = self.file.read(min(self.left, 65536))
        if not data and self.left:
            raise Gone
        self.left -= len(data)
        return data

    def read(self, size):
        while len(self.buffer) < size:
            data = self.more()
            if not data:
                raise Gone
            self.buffer += data
        data, self.buffer = self.buffer[:size], self.buffer[size:]
        return data

    def number(self):
        return struct.unpack(">H", self.read(2))[0]

    def pieces(self):
        while True:
            data, self.buffer = self.buffer or self.more(), b""
            if not data:
                return
            yield data


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def setup(self):
        super().setup()
        self.server.printer.connections.add(self.connection)

    def finish(self):
        self.server.printer.connections.discard(self.connection)
        super().finish()

    def do_POST(self):
        try:
            self.serve()
        except (Gone, OSError):
            self.close_connection = True

    def serve(self):
        printer = self.server.printer
        body = Body(self)
        version, operation, number, attributes = parse(body)
        printer.note(operation, attributes)
        printer.hang(operation)
        early = printer.next_early()
        pieces = []
        for piece in () if early else body.pieces():
            pieces.append(piece)
            printer.hang(DOCUMENT)
        status, text = printer.next_http(operation), b""
        if status == 200:
            status, text = 200, printer.answer(
                version, operation, number, attributes, b"".join(pieces), early)
        self.send_response(status)
        self.send_header("Content-Type", "application/ipp")
        self.send_header("Content-Length", str(len(text)))
        if early or printer.closes:
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        self.wfile.write(text)
        for _ in body.pieces() if early else ():
            pass                # or else a reset would outrun the answer


class IppPrinter:
    formats = ("application/octet-stream", "application/pdf")
    creates = True              # has Create-Job and Send-Document
    closes = False              # the connection, after each answer
    accepting = True
    state = IDLE
    reasons = ("none",)
    message = ""
    markers = ()                # (name, level) of each
    job_state = COMPLETED       # of a job that has arrived
    job_reasons = ("none",)
    job_message = ""
    pages = 0
    port = 0

    def __init__(self, **habits):
        for name, value in habits.items():
            if not hasattr(IppPrinter, name):
                raise TypeError(f"no habit {name}")
            setattr(self, name, value)
        self.documents = []
        self.requests = []              # (operation, attributes) of each
        self.canceled = []              # numbers of jobs
        self.jobs = {}                  # states by number
        self.failures = {}              # statuses to come, by operation
        self.http_failures = {}
        self.early = []
        self.garbage = False
        self.hanging = set()            # operations, DOCUMENT
        self.hung = 0                   # how many do
        self.change = threading.Condition()
        self.connections = set()
        self.start()

    def start(self):
        """Switch it on: of what was before it remembers nothing."""
        self.began = time.monotonic()
        self.jobs.clear()
        self.server = http.server.ThreadingHTTPServer(
            ("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.printer = self
        self.port = self.server.server_address[1]
        self.uri = f"ipp://127.0.0.1:{self.port}/ipp/print"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       args=(0.05,), daemon=True)
        self.thread.start()

    def stop(self):
        self.release()
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()
        self.cut()

    def cut(self):
        """Break all connections."""
        for connection in list(self.connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:             # it was broken already
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    # ---- what the test tells ----

    def fail(self, operation, *statuses):
        self.failures.setdefault(operation, []).extend(statuses)

    def fail_http(self, operation, *statuses):
        self.http_failures.setdefault(operation, []).extend(statuses)

    def answer_early(self, status):
        """The next document, before its end."""
        self.early.append(status)

    def hang_at(self, *places):
        self.hanging.update(places)

    def release(self):
        with self.change:
            self.hanging.clear()
            self.change.notify_all()

    def asked(self, operation):
        """Attributes of all such requests."""
        return [a for o, a in list(self.requests) if o == operation]

    # ---- what the handler asks ----

    def note(self, operation, attributes):
        self.requests.append((operation, attributes))

    def hang(self, place):
        with self.change:
            if place not in self.hanging:
                return
            self.hung += 1
            self.change.wait_for(lambda: place not in self.hanging)

    def next_early(self):
        last = self.requests[-1][0]
        return self.early.pop(0) if self.early and \
            last in (PRINT_JOB, SEND_DOCUMENT) else 0

    def next_http(self, operation):
        left = self.http_failures.get(operation)
        return left.pop(0) if left else 200

    def answer(self, version, operation, number, attributes, data, early):
        left = self.failures.get(operation)
        status = early or (left.pop(0) if left else 0)
        groups = b""
        if status == 0:
            status, groups = self.act(operation, attributes, data)
        if self.garbage:
            return b"\1\2\3"
        return struct.pack(">HHi", version, status, number) + \
            bytes([OPERATION]) + \
            attribute(CHARSET, "attributes-charset", "utf-8") + \
            attribute(LANGUAGE, "attributes-natural-language", "en") + \
            groups + bytes([END])

    def act(self, operation, attributes, data):
        job = attributes.get("job-id", [0])[0]
        if operation == GET_PRINTER_ATTRIBUTES:
            return 0, self.printer_group()
        if operation in (CREATE_JOB, PRINT_JOB):
            job = len(self.jobs) + 1
            self.jobs[job] = PENDING
        if job not in self.jobs:
            return NOT_FOUND, b""
        if operation in (PRINT_JOB, SEND_DOCUMENT):
            self.documents.append(data)
            self.jobs[job] = None       # as job_state says
        if operation == CANCEL_JOB:
            self.canceled.append(job)
            self.jobs[job] = CANCELED
        return 0, self.job_group(job)

    def job_group(self, job):
        group = bytes([JOB]) + attribute(INTEGER, "job-id", job) + \
            attribute(ENUM, "job-state", self.jobs[job] or self.job_state) + \
            attribute(KEYWORD, "job-state-reasons", *self.job_reasons)
        if self.job_message:
            group += attribute(TEXT, "job-state-message", self.job_message)
        if self.pages:
            group += attribute(INTEGER, "job-impressions-completed",
                               self.pages)
        return group

    def printer_group(self):
        operations = [PRINT_JOB, GET_JOB_ATTRIBUTES, GET_PRINTER_ATTRIBUTES,
                      CANCEL_JOB]
        if self.creates:
            operations += [CREATE_JOB, SEND_DOCUMENT]
        group = bytes([PRINTER]) + \
            attribute(NAME, "printer-name", "sim") + \
            attribute(ENUM, "printer-state", self.state) + \
            attribute(KEYWORD, "printer-state-reasons", *self.reasons) + \
            attribute(BOOLEAN, "printer-is-accepting-jobs",
                      self.accepting) + \
            attribute(ENUM, "operations-supported", *operations) + \
            attribute(MIME, "document-format-supported", *self.formats) + \
            attribute(INTEGER, "copies-supported", 99) + \
            attribute(INTEGER, "printer-up-time",
                      int(time.monotonic() - self.began) + 1)
        if self.message:
            group += attribute(TEXT, "printer-state-message", self.message)
        if self.markers:
            group += attribute(NAME, "marker-names",
                               *[name for name, _ in self.markers])
            group += attribute(INTEGER, "marker-levels",
                               *[level for _, level in self.markers])
        return group
