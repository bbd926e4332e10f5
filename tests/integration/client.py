"""Clients of our own making, with habits that tests need."""

import ctypes
import errno
import os
import pathlib
import socket

import harness

SYS_pidfd_getfd = 438


def end_sending(s):
    """Half-close; the other side may have refused us before."""
    try:
        s.shutdown(socket.SHUT_WR)
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise


def half_closed(daemon, data):
    """A client that has sent all and waits for its end."""
    s = daemon.connect()
    s.sendall(data)
    end_sending(s)
    return s


def deaf(daemon):
    """A client with little room for answers."""
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.settimeout(harness.LIMIT_S)
    s.connect(daemon.address())
    return s


def server_side(daemon, client):
    """A descriptor of ours for the daemon's end of a client's connection.

    The client is told by its address.  None where the kernel does not let
    us look."""
    libc = ctypes.CDLL(None, use_errno=True)
    pidfd = os.pidfd_open(daemon.pid)
    try:
        for entry in pathlib.Path(f"/proc/{daemon.pid}/fd").iterdir():
            fd = libc.syscall(SYS_pidfd_getfd, pidfd, int(entry.name), 0)
            s = as_socket(fd)
            if s is not None and peer(s) == client:
                return s
            if s is not None:
                s.close()
    finally:
        os.close(pidfd)
    return None


def as_socket(fd):
    if fd == -1:
        return None
    try:
        return socket.socket(fileno=fd)
    except OSError:
        os.close(fd)
        return None


def peer(s):
    try:
        return s.getpeername()
    except OSError:
        return None
