#!/usr/bin/env python3
"""A Unix socket in front of a bare-metal image in QEMU: native frames go to and from its two FIFOs.

    mps2_bridge.py SOCKET TO-DEVICE FROM-DEVICE

Prints "ready" when the image has said hello, serves one client at a time, and ends when the image does. An
empty frame tells the image that a client has gone; its empty answer is kept from the next one.
"""

import os
import select
import socket
import struct
import sys
import threading

HEADER = struct.Struct(">IIHH")
HELLO = b"HUFU"


class Ended(Exception):
    """The image is no more."""


def read_exactly(fd, n):
    parts = []
    while n:
        part = os.read(fd, n)
        if not part:
            raise Ended
        parts.append(part)
        n -= len(part)
    return b"".join(parts)


def read_frame(fd):
    head = read_exactly(fd, HEADER.size)
    return head + read_exactly(fd, HEADER.unpack(head)[0])


def write_all(fd, data):
    while data:
        data = data[os.write(fd, data):]


def receive_exactly(client, n):
    data = b""
    while len(data) < n:
        part = client.recv(n - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def upstream(client, to_device):
    """Whole frames only: what a client leaves half sent must not reach the image."""
    try:
        while True:
            head = receive_exactly(client, HEADER.size)
            size = HEADER.unpack(head)[0]
            if size:
                write_all(to_device, head + receive_exactly(client, size))
    except (EOFError, OSError):
        pass
    write_all(to_device, HEADER.pack(0, 0, 0, 0))


def serve(client, to_device, from_device):
    thread = threading.Thread(target=upstream, args=(client, to_device), daemon=True)
    thread.start()
    while True:
        frame = read_frame(from_device)
        if len(frame) == HEADER.size:
            break
        try:
            client.sendall(frame)
        except OSError:
            pass  # gone; the empty frame follows
    thread.join()
    client.close()


def main():
    path, to_name, from_name = sys.argv[1:]
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(8)
    to_device = os.open(to_name, os.O_WRONLY)
    from_device = os.open(from_name, os.O_RDONLY)
    if read_frame(from_device)[HEADER.size:] != HELLO:
        sys.exit("mps2_bridge: the image did not say hello")
    print("ready", flush=True)
    try:
        while True:
            readable = select.select([listener, from_device], [], [])[0]
            if from_device in readable:
                raise Ended  # it never speaks first
            serve(listener.accept()[0], to_device, from_device)
    except (Ended, BrokenPipeError):
        pass


main()
