"""hufu-sim's USB device by USB/IP, with a host controller of our own: the protocol, the device behind it, and junk."""

import os
import random
import shutil
import socket
import struct
import subprocess

from lib import PATIENCE, SIM, Sim, Skip, hufu, run, wait_for

SEED = int(os.environ.get("HUFU_TEST_SEED", "0"), 0) or random.SystemRandom().getrandbits(32)
DEVLIST, IMPORT = 0x8005, 0x8003
STALL, RESET = -32, -104
CCID_OUT, CCID_IN, EVENT, FRAME_OUT, FRAME_IN = 0x01, 0x82, 0x83, 0x04, 0x85
POWER_ON, XFR = 0x62, 0x6F
ATR = bytes.fromhex("3b8a8131fe958073c801c05448756675d1")


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Served:
    """A simulator with a USB device at .port"""

    def __init__(self, directory, *options):
        self.directory = os.path.join(directory, "device")
        self.port = free_port()
        self.options = options

    def __enter__(self):
        while True:
            self.sim = Sim(self.directory, "--usbip", f"127.0.0.1:{self.port}", *self.options)
            if self.sim.ready or "in use" not in self.sim.messages():
                self.sim.__enter__()
                return self
            self.port = free_port()  # somebody was quicker

    def __exit__(self, *more):
        self.sim.__exit__(*more)

    def connect(self):
        s = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        s.settimeout(PATIENCE)
        return s

    def host(self):
        return Host(self.connect())


def read(sock, n):
    got = b""
    while len(got) < n:
        more = sock.recv(n - len(got))
        if not more:
            raise EOFError(f"{len(got)} of {n} bytes")
        got += more
    return got


def import_device(sock, name=b"1-1"):
    sock.sendall(struct.pack(">HHI", 0x0111, IMPORT, 0) + name.ljust(32, b"\0"))
    version, code, status = struct.unpack(">HHI", read(sock, 8))
    assert (version, code) == (0x0111, 3), (version, code)
    return read(sock, 312) if status == 0 else None


def attaches(served):
    with served.connect() as sock:
        return import_device(sock)


class Host:
    """A host controller that has attached the device."""

    def __init__(self, sock):
        self.sock = sock
        assert import_device(sock), "not granted"
        self.sequence = 0
        self.results = {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sock.close()

    def submit(self, endpoint, data=b"", length=None, setup=bytes(8), flags=0):
        self.sequence += 1
        into = endpoint & 0x80 or setup[0] & 0x80
        length = len(data) if length is None else length
        self.sock.sendall(struct.pack(">IIIII", 1, self.sequence, 0x10002, 1 if into else 0, endpoint & 15) +
                          struct.pack(">IIIII", flags, length, 0, 0xFFFFFFFF, 0) + setup + (b"" if into else data))
        self.results[self.sequence] = (into, None)
        return self.sequence

    def unlink(self, which):
        self.sequence += 1
        self.sock.sendall(struct.pack(">IIIIII", 2, self.sequence, 0x10002, 0, 0, which) + bytes(24))
        return self.sequence

    def wait(self, which):
        """(status, data or count) of a transfer, whatever else ends before"""
        while True:
            entry = self.results.get(which)
            if entry and entry[1] is not None:
                del self.results[which]
                return entry[1]
            header = read(self.sock, 48)
            command, sequence = struct.unpack(">II", header[:8])
            status, actual = struct.unpack(">ii", header[20:28])
            assert command in (3, 4), command
            into = self.results.get(sequence, (0, None))[0]
            data = read(self.sock, actual) if command == 3 and into else actual
            self.results[sequence] = (into, (status, data))

    def transfer(self, endpoint, data=b"", length=None):
        return self.wait(self.submit(endpoint, data, length))

    def control(self, kind, request, value=0, index=0, length=0, data=b""):
        return self.wait(self.submit(0, data, length or len(data), struct.pack("<BBHHH", kind, request, value, index,
                                                                              length or len(data))))

    def ccid(self, kind, sequence=0, fields=bytes(3), data=b"", room=65556):
        status, count = self.transfer(CCID_OUT, struct.pack("<BIBB", kind, len(data), 0, sequence) + fields + data)
        assert (status, count) == (0, 10 + len(data)), (status, count)
        return self.transfer(CCID_IN, length=room)

    def frames(self):
        assert self.control(0x01, 11, 1, 1)[0] == 0


def ask_info(host):
    """INFO through the interface for frames"""
    host.transfer(FRAME_OUT, struct.pack(">IIHH", 2, 7, 0, 0) + b"\xC0\x02")
    status, answer = host.transfer(FRAME_IN, length=65536)
    assert status == 0 and answer[4:8] == bytes([0, 0, 0, 7]) and answer[-2:] == b"\x90\x00", (status, answer)


def usbip_list(directory):
    """Debian's usbip sees it"""
    usbip = shutil.which("usbip") or shutil.which("/usr/sbin/usbip")
    if not usbip:
        raise Skip("no usbip")
    with Served(directory) as served:
        out = subprocess.run([usbip, "--tcp-port", str(served.port), "list", "-r", "127.0.0.1"], capture_output=True,
                             text=True, timeout=PATIENCE, check=False)
        assert "1-1" in out.stdout and "1209:0001" in out.stdout, out


def describes(directory):
    """Descriptors as the host asks for them, whole and cut"""
    with Served(directory, "--usb-serial", "S-12.b") as served, served.host() as host:
        status, device = host.control(0x80, 6, 0x0100, 0, 64)
        assert status == 0 and len(device) == 18 and device[8:12] == bytes.fromhex("09120100")
        status, head = host.control(0x80, 6, 0x0200, 0, 9)
        status, whole = host.control(0x80, 6, 0x0200, 0, 1024)
        assert len(whole) == struct.unpack("<H", head[2:4])[0] and whole[4] == 2
        assert host.control(0x80, 6, 0x0303, 0x409, 255)[1][2:].decode("utf-16-le") == "S-12.b"
        assert host.control(0x80, 6, 0x0300, 0, 255)[1] == b"\x04\x03\x09\x04"
        assert host.control(0x80, 6, 0x0F00, 0, 64)[0] == STALL
        assert host.control(0x00, 9, 1)[0] == 0 and host.control(0x80, 8, 0, 0, 1) == (0, b"\x01")
        assert host.control(0x00, 9, 2)[0] == STALL
        assert host.control(0x81, 0, 0, 0, 2) == (0, b"\0\0")
        assert host.control(0x40, 99)[0] == STALL


def card(directory):
    """A card: ATR, an APDU, the event of its presence"""
    with Served(directory) as served, served.host() as host:
        event = host.submit(EVENT, length=8)
        assert host.wait(event) == (0, b"\x50\x03")
        status, answer = host.ccid(POWER_ON, 5)
        assert status == 0 and answer[6] == 5 and answer[10:] == ATR, answer
        status, answer = host.ccid(XFR, 6, data=bytes.fromhex("C0020000000000"))
        assert status == 0 and answer[-2:] == b"\x90\x00", answer
        # an answer in parts, as a host with small buffers takes it
        host.transfer(CCID_OUT, struct.pack("<BIBB", POWER_ON, 0, 0, 7) + bytes(3))
        status, first = host.transfer(CCID_IN, length=8)
        assert status == -75, status  # a packet that does not fit is babble


def frames(directory):
    """Frames: no link in setting 0, one in setting 1, a new one each time"""
    with Served(directory) as served, served.host() as host:
        assert host.transfer(FRAME_OUT, b"x" * 14)[0] == STALL
        host.frames()
        ask_info(host)
        waiting = host.submit(FRAME_IN, length=512)
        assert host.control(0x01, 11, 0, 1)[0] == 0
        assert host.wait(waiting)[0] == -108
        host.frames()
        ask_info(host)


def whole_packets(directory):
    """What ends on a full packet is followed by an empty one, unless the host asked for more than came"""
    with Served(directory) as served, served.host() as host:
        hufu(served.sim.path, "init", "--label", "usb")
        host.frames()
        for count in range(495, 502):
            for room in (512, 1024):
                size = 12 + count + 2
                host.transfer(FRAME_OUT, struct.pack(">IIHH", 6, 9, 0, 0) + b"\xC0\x08" + struct.pack(">I", count))
                status, answer = host.transfer(FRAME_IN, length=room)
                assert status == 0 and len(answer) == min(size, room), (count, room, len(answer))
                if size >= room:
                    status, rest = host.transfer(FRAME_IN, length=room)
                    assert status == 0 and len(rest) == size - room, (count, room, len(rest))
        host.ccid(POWER_ON)
        for count in range(495, 502):
            size = 10 + count + 2
            status, answer = host.ccid(XFR, data=bytes.fromhex("C0080000000004") + struct.pack(">IH", count, 0), room=512)
            assert status == 0 and len(answer) == min(size, 512), (count, len(answer))
            if size >= 512:
                status, rest = host.transfer(CCID_IN, length=512)
                assert status == 0 and len(rest) == size - 512, (count, len(rest))


def unlinks(directory):
    """A transfer is taken back; one that ended is not"""
    with Served(directory) as served, served.host() as host:
        waiting = host.submit(CCID_IN, length=64)
        taken = host.unlink(waiting)
        assert host.wait(taken)[0] == RESET
        assert host.wait(host.unlink(waiting))[0] == 0
        assert host.ccid(POWER_ON)[1][10:] == ATR


def one_host(directory):
    """One host at a time; its end frees the device and its sessions"""
    with Served(directory) as served:
        with served.connect() as wrong:
            assert import_device(wrong, b"9-9") is None
        with served.host() as host:
            host.frames()
            ask_info(host)
            with served.connect() as second:
                assert import_device(second) is None
            with served.connect() as second:
                second.sendall(struct.pack(">HHI", 0x0111, DEVLIST, 0))
                assert read(second, 12)[8:] == bytes(4)
        wait_for(lambda: attaches(served))


def simulator_ends(directory):
    """The simulator stops while a host has the device"""
    with Served(directory) as served, served.host() as host:
        host.frames()
        host.submit(FRAME_IN, length=512)
        host.submit(CCID_IN, length=512)
        assert served.sim.stop() == 0


def junk(directory):
    """Whatever a host sends, the simulator lives and the device can be attached again"""
    print("seed", SEED)
    luck = random.Random(SEED)
    with Served(directory) as served:
        for turn in range(60):
            with served.connect() as sock:
                try:
                    if turn % 3 == 0:
                        sock.sendall(luck.randbytes(luck.randrange(200)))
                    elif import_device(sock):
                        for _ in range(40):
                            header = struct.pack(">IIIII", luck.choice([1, 1, 1, 2, 3]), luck.randrange(50), 0,
                                                 luck.randrange(2), luck.choice([0, 1, 2, 3, 4, 5, 9]))
                            data = luck.randbytes(luck.choice([0, 0, 9, 10, 64, 512]))
                            header += struct.pack(">IIIII", luck.randrange(128), len(data), 0, 0, 0)
                            setup = bytes([luck.choice([0, 1, 2, 0x21, 0x80, 0x81, 0x82, 0xA1]), luck.randrange(12),
                                           luck.randrange(4), luck.randrange(8), luck.randrange(4), 0, 64, 0])
                            sock.sendall(header + setup + data)
                        if turn % 2:
                            sock.settimeout(0.02)
                            while sock.recv(4096):
                                pass
                except OSError:
                    pass  # it hung up on us
        wait_for(lambda: attaches(served))
        with served.sim.client() as client:
            client.info()
        assert served.sim.stop() == 0


def bad_places(directory):
    """An address that cannot be, one that is taken"""
    for address in ("3240", "nowhere:3240", "127.0.0.1:", "127.0.0.1:x", "127.0.0.1:65536", ":3240"):
        result = subprocess.run([SIM, "--dir", os.path.join(directory, "a"), "--usbip", address], capture_output=True,
                                text=True, timeout=PATIENCE, check=False)
        assert result.returncode == 1 and result.stderr.count("\n") == 1 and "--usbip" in result.stderr, result
    with Served(directory) as served:
        result = subprocess.run([SIM, "--dir", os.path.join(directory, "b"), "--usbip", f"127.0.0.1:{served.port}"],
                                capture_output=True, text=True, timeout=PATIENCE, check=False)
        assert result.returncode == 1 and result.stderr.count("\n") == 1, result


run([usbip_list, describes, card, frames, whole_packets, unlinks, one_host, simulator_ends, junk, bad_places])
