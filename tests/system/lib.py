"""What the system tests share: a simulator to start and stop, a raw client, and the count."""

import os
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
import traceback
import zlib

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SIM = os.path.join(BUILD, "hufu-sim")
HUFU = os.path.join(BUILD, "hufu")
SANITIZED = BUILD.endswith(("-asan", "-tsan"))
PATIENCE = 120  # seconds until something counts as hanging; nothing is measured against it

ADMIN_PIN, OPERATOR_PIN, USER_PIN = "admin-pin", "operator-pin", "user-pin"
ADMIN, OPERATOR, USER = 1, 2, 3

# From proto/commands.def
INFO, CAPABILITIES, SELFTEST, RANDOM = 0x02, 0x04, 0x06, 0x08
SESSION_OPEN, SESSION_CLOSE, LOGIN, LOGOUT = 0x10, 0x12, 0x14, 0x16
OBJECT_LIST, OBJECT_INFO, OBJECT_DESTROY, KEY_GENERATE, KEY_BATCH, KEY_ACK = 0x40, 0x42, 0x48, 0x50, 0x56, 0x5A
SIGN = 0x70
APDU, COUNTED, CHECKED, ANSWER = 0x0001, 0x0002, 0x0004, 0x8000


class Sim:
    """hufu-sim on a directory; killed at the end of the with block if it still runs."""

    def __init__(self, directory, *options, sock=None, program=SIM):
        self.directory = directory
        self.path = sock or os.path.join(directory, "hufu.sock")
        read_end, write_end = os.pipe()
        command = [program, "--dir", directory, "--ready-fd", str(write_end), *options]
        if sock:
            command += ["--socket", sock]
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen(command, pass_fds=[write_end], stderr=self.log)
        os.close(write_end)
        self.ready = os.read(read_end, 1) == b"\n"
        os.close(read_end)
        if not self.ready:
            self.process.wait(PATIENCE)

    def __enter__(self):
        if not self.ready:
            raise AssertionError("hufu-sim does not start: " + self.messages())
        return self

    def __exit__(self, failure=None, *_):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if failure and failure is not Skip:
            print(f"hufu-sim, status {self.process.returncode}:", self.messages(), sep="\n")
        self.log.close()

    def messages(self):
        self.log.seek(0)
        return self.log.read().decode()

    def stop(self, how=signal.SIGTERM):
        self.process.send_signal(how)
        return self.process.wait(PATIENCE)

    def client(self):
        return Client(self.path)

    def memory(self, what="VmRSS"):
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as status:
            for line in status:
                if line.startswith(what + ":"):
                    return int(line.split()[1]) * 1024
        return 0


class Client:
    """A connection that speaks native frames, byte by byte as docs/protocol-links.md has them."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(PATIENCE)
        self.socket.connect(path)
        self.tag = 0

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def send_frame(self, payload, channel=0, flags=0, length=None, tag=None):
        self.tag += 1
        tag = self.tag if tag is None else tag
        length = len(payload) if length is None else length
        self.socket.sendall(struct.pack(">IIHH", length, tag, channel, flags) + payload)
        return tag

    def read(self, n):
        got = b""
        while len(got) < n:
            more = self.socket.recv(n - len(got))
            if not more:
                raise EOFError(f"{len(got)} of {n} bytes")
            got += more
        return got

    def at_end(self):
        """Nothing more comes: the other side has ended the connection."""
        try:
            return self.socket.recv(1) == b""
        except ConnectionError:
            return True

    def receive(self):
        """(tag, flags, data, status word) of the next answer, whose check sum is right if it has one"""
        length, tag, _, flags = struct.unpack(">IIHH", head := self.read(12))
        payload = self.read(length)
        if flags & CHECKED:
            payload, check = payload[:-4], payload[-4:]
            assert zlib.crc32(head + payload) == int.from_bytes(check, "big")
        return tag, flags, payload[:-2], int.from_bytes(payload[-2:], "big")

    def call(self, ins, data=b"", channel=0):
        """(status word, data)"""
        tag = self.send_frame(bytes([0xC0, ins]) + data, channel)
        got, flags, answer, sw = self.receive()
        assert got == tag and flags == ANSWER, (got, tag, flags)
        return sw, answer

    def must(self, ins, data=b"", channel=0):
        sw, answer = self.call(ins, data, channel)
        assert sw == 0x9000, f"INS {ins:02X}: {sw:04X}"
        return answer

    def apdu(self, text):
        """One APDU, in hex; the whole answer in hex, with its status word"""
        self.send_frame(bytes.fromhex(text), flags=APDU)
        _, flags, data, sw = self.receive()
        assert flags == ANSWER | APDU, flags
        return data.hex() + f"{sw:04x}"

    def session(self, account=None, pin=None):
        channel = int.from_bytes(self.must(SESSION_OPEN), "big")
        if account:
            self.must(LOGIN, bytes([account]) + var(pin), channel)
        return channel

    def generate(self, channel, label="k"):
        """(status word, handle, public key) of a stored SM2 key"""
        sw, answer = self.call(KEY_GENERATE, new_key(label), channel)
        return sw, answer[:4], unvar(answer, 4)[0]

    def info(self):
        """What INFO says, as far as the tests want to know it"""
        data = self.must(INFO)
        protocol, at = int.from_bytes(data[:2], "big"), 2
        version, at = unvar(data, at)
        at += 16
        label, at = unvar(data, at)
        state, _, _, _, sessions, sessions_max, objects, objects_max, boots = struct.unpack_from(
            ">BBQIHHIII", data, at
        )
        return {"protocol": protocol, "version": version.decode(), "label": label.decode(), "state": state,
                "sessions": sessions, "sessions_max": sessions_max, "objects": objects,
                "objects_max": objects_max, "boots": boots}


def var(text):
    """A field with a length of two bytes in front"""
    data = text.encode() if isinstance(text, str) else text
    return struct.pack(">H", len(data)) + data


def new_key(label):
    """KEY GENERATE of an SM2 key that signs: no id, no limits"""
    return b"\x01\x00" + (1).to_bytes(4, "big") + var(label) + var("") + b"\0\0" + var("")


def unvar(data, at):
    size = int.from_bytes(data[at:at + 2], "big")
    return data[at + 2:at + 2 + size], at + 2 + size


def hufu(path, *command, check=True, env_more=None, **more):
    """Run the command line on a simulator; env_more: more of the environment."""
    environment = dict(os.environ, HUFU_DEVICE="unix:" + path, HUFU_ADMIN_PIN=ADMIN_PIN,
                       HUFU_OPERATOR_PIN=OPERATOR_PIN, HUFU_USER_PIN=USER_PIN, **(env_more or {}))
    result = subprocess.run([HUFU, *command], env=environment, capture_output=True, text=True,
                            timeout=PATIENCE, check=False, **more)
    if check:
        assert result.returncode == 0, f"hufu {' '.join(command)}: {result.returncode}: {result.stderr}"
    return result


def sessions_of(sim):
    with sim.client() as client:
        return client.info()["sessions"]


def wait_for(condition):
    """Until something has happened, however long it takes on this machine."""
    end = time.monotonic() + 4 * PATIENCE
    while not condition():
        assert time.monotonic() < end, "it does not happen"
        time.sleep(0.005)


class Skip(Exception):
    """The test cannot be run here; the text says why."""


def run(tests):
    """Run functions that take an empty directory; print the count as the last line."""
    passed = failed = skipped = 0
    for test in tests:
        # Short: the path of a socket has 107 bytes at most.
        directory = tempfile.mkdtemp(prefix="hufu-", dir=os.environ.get("TMPDIR", "/tmp"))
        try:
            test(directory)
            passed += 1
        except Skip as why:
            print(f"SKIP  {test.__name__}: {why}")
            skipped += 1
        except Exception:  # pylint: disable=broad-except
            print(f"FAIL  {test.__name__}: {test.__doc__}")
            traceback.print_exc(file=sys.stdout)
            failed += 1
        finally:
            subprocess.run(["chmod", "-R", "u+rwx", directory], check=False)
            shutil.rmtree(directory, ignore_errors=True)
        sys.stdout.flush()
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    sys.exit(1 if failed or not passed else 0)
