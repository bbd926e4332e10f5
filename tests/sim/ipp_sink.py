"""The least of an IPP printer (RFC 8011) that a client prints to.

It says what it can, takes each Print-Job, or Create-Job and Send-Document, and
keeps the documents.  Every job is completed as soon as it is there.

    with IppSink() as printer:
        ... print to f"ipp://127.0.0.1:{printer.port}/ipp/print" ...
        printer.documents
"""

import http.server
import struct
import threading

# Operations, tags and values of RFC 8011.
PRINT_JOB, VALIDATE_JOB, CREATE_JOB, SEND_DOCUMENT = 2, 4, 5, 6
GET_JOB_ATTRIBUTES, GET_JOBS, GET_PRINTER_ATTRIBUTES = 9, 10, 11
OPERATION, JOB, END, PRINTER = 1, 2, 3, 4
INTEGER, BOOLEAN, ENUM = 0x21, 0x22, 0x23
NAME, KEYWORD, URI, CHARSET, LANGUAGE, MIME = (0x42, 0x44, 0x45, 0x47, 0x48,
                                               0x49)
IDLE, COMPLETED = 3, 9


def attribute(tag, name, *values):
    """An attribute in its octets."""
    data = b""
    for value in values:
        if tag in (INTEGER, ENUM):
            octets = struct.pack(">i", value)
        elif tag == BOOLEAN:
            octets = struct.pack(">b", value)
        else:
            octets = value.encode()
        data += struct.pack(">bH", tag, len(name)) + name.encode()
        data += struct.pack(">H", len(octets)) + octets
        name = ""
    return data


def document_at(request):
    """Where the attributes of a request end, and its document begins."""
    at = 8
    while request[at] != END:
        tag, at = request[at], at + 1
        if tag < 0x10:
            continue
        for _ in "name", "value":
            at += 2 + struct.unpack_from(">H", request, at)[0]
    return at + 1


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def body(self):
        length = self.headers.get("Content-Length")
        if length is not None:
            return self.rfile.read(int(length))
        data = b""
        while True:
            size = int(self.rfile.readline(), 16)
            data += self.rfile.read(size)
            self.rfile.readline()
            if size == 0:
                return data

    def do_POST(self):
        request = self.body()
        version, operation, number = struct.unpack_from(">HHi", request)
        answer = struct.pack(">HHi", version, 0, number)
        answer += bytes([OPERATION])
        answer += attribute(CHARSET, "attributes-charset", "utf-8")
        answer += attribute(LANGUAGE, "attributes-natural-language", "en")
        answer += self.server.sink.answer(operation, request) + bytes([END])
        self.send_response(200)
        self.send_header("Content-Type", "application/ipp")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)


class IppSink:
    def __init__(self):
        self.documents = []
        self.requests = []              # raw, for a look at attributes
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0),
                                                      Handler)
        self.server.daemon_threads = True
        self.server.sink = self
        self.port = self.server.server_address[1]
        self.uri = f"ipp://127.0.0.1:{self.port}/ipp/print"
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       args=(0.05,), daemon=True)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def answer(self, operation, request):
        self.requests.append(request)
        if operation in (PRINT_JOB, SEND_DOCUMENT):
            self.documents.append(request[document_at(request):])
        if operation in (PRINT_JOB, CREATE_JOB, SEND_DOCUMENT,
                         GET_JOB_ATTRIBUTES):
            return self.job()
        if operation == GET_PRINTER_ATTRIBUTES:
            return self.printer()
        return b""

    def job(self):
        return bytes([JOB]) + \
            attribute(INTEGER, "job-id", max(1, len(self.documents))) + \
            attribute(URI, "job-uri", self.uri + "/1") + \
            attribute(ENUM, "job-state", COMPLETED) + \
            attribute(KEYWORD, "job-state-reasons",
                      "job-completed-successfully")

    def printer(self):
        return bytes([PRINTER]) + \
            attribute(URI, "printer-uri-supported", self.uri) + \
            attribute(NAME, "printer-name", "sink") + \
            attribute(ENUM, "printer-state", IDLE) + \
            attribute(KEYWORD, "printer-state-reasons", "none") + \
            attribute(BOOLEAN, "printer-is-accepting-jobs", True) + \
            attribute(KEYWORD, "ipp-versions-supported", "1.1", "2.0") + \
            attribute(ENUM, "operations-supported", PRINT_JOB, VALIDATE_JOB,
                      CREATE_JOB, SEND_DOCUMENT, GET_JOB_ATTRIBUTES,
                      GET_JOBS, GET_PRINTER_ATTRIBUTES) + \
            attribute(MIME, "document-format-supported",
                      "application/octet-stream", "application/pdf") + \
            attribute(KEYWORD, "compression-supported", "none") + \
            attribute(INTEGER, "queued-job-count", 0)
