"""An LPD client that does as it is told, for tests of the front end."""

import socket

import harness

ACK = b"\0"


class Client:
    """A connection, with a method for each thing that a client may say.

    Each waits for its acknowledgment, and returns the octet; b"" is the end
    of the connection."""

    def __init__(self, address, source_port=None):
        self.sock = socket.create_connection(
            address, timeout=harness.LIMIT_S,
            source_address=("127.0.0.1", source_port) if source_port
            else None)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def send(self, data):
        self.sock.sendall(data)

    def answer(self):
        return self.sock.recv(1)

    def say(self, data):
        self.send(data)
        return self.answer()

    def receive(self, queue="q"):
        return self.say(b"\2" + queue.encode() + b"\n")

    def control(self, text, name="cfA001host"):
        return self.file(b"\2", text, name)

    def data(self, data, name="dfA001host"):
        return self.file(b"\3", data, name)

    def file(self, command, data, name):
        """The last acknowledgment, or the first that is none."""
        answer = self.say(command + b"%d %s\n" % (len(data), name.encode()))
        return answer if answer != ACK else self.say(data + b"\0")

    def abort(self):
        return self.say(b"\1\n")

    def end(self):
        """Half-close; what is still said."""
        self.sock.shutdown(socket.SHUT_WR)
        return harness.read_to_end(self.sock)


def control_file(user="alice", title="Minutes", host="host",
                 files=("dfA001host",), copies=1, kind="l", more=""):
    """A control file as most clients write it."""
    lines = [f"H{host}", f"P{user}", f"J{title}"]
    for name in files:
        lines += [kind + name] * copies + ["U" + name, f"N{title}.ps"]
    return ("\n".join(lines) + "\n" + more).encode()


def ask(address, command, queue="q", rest=""):
    """The text of a status, or of a removal."""
    with Client(address) as client:
        client.send(command + f"{queue}{rest}\n".encode())
        return harness.read_to_end(client.sock)
