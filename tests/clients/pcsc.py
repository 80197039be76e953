"""Devices as smart-card readers: a pcscd of our own with our driver, driven by pcsc_scan, opensc-tool and pyscard, and by
libhufu beside them. What happens in time is printed, never judged."""

import contextlib
import ctypes
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "system"), os.path.join(HERE, "..", "links")]
# pylint: disable=wrong-import-position
from lib import ADMIN_PIN, BUILD, HUFU, INFO, OPERATOR_PIN, PATIENCE, RANDOM, SESSION_OPEN, USER_PIN, Sim, Skip, run, sessions_of  # noqa: E402
from pcscd import Pcscd  # noqa: E402

try:
    from smartcard import scard
except ImportError:
    scard = None

ATR = "3b8a8131fe95807 3c801c05448756675d1".replace(" ", "")
LINK, UNKNOWN, TIMEOUT, NO_SESSION, PIN_WRONG, OPEN = 6, 7, 8, 0x6881, 0x63C0, 4
INFINITE = 0xFFFFFFFF


@contextlib.contextmanager
def world(directory, names=("Hufu",), prefix=""):
    """Simulators, one for each name, and a pcscd that has them all."""
    sims = []
    for i, _ in enumerate(names):
        os.mkdir(os.path.join(directory, f"device{i}"))
        sims.append(Sim(os.path.join(directory, f"device{i}")).__enter__())
    daemon = Pcscd(directory, [(name, prefix + "unix:" + sim.path) for name, sim in zip(names, sims)])
    os.environ.update(daemon.environment)
    try:
        yield daemon, sims
    finally:
        daemon.end()
        for sim in sims:
            sim.__exit__()


def again(sim):
    """The simulator's process anew, on the same memory and socket."""
    return Sim(sim.directory).__enter__()


def program(*command, check=True, **more):
    if not shutil.which(command[0]):
        raise Skip("no " + command[0])
    done = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False, **more)
    assert not check or done.returncode == 0, f"{' '.join(command)}: {done.returncode}: {done.stdout}{done.stderr}"
    return done


def hufu(*command, check=True, reader="Hufu"):
    environment = dict(os.environ, HUFU_DEVICE=f"pcsc:{reader}?wait=60", HUFU_ADMIN_PIN=ADMIN_PIN,
                       HUFU_OPERATOR_PIN=OPERATOR_PIN, HUFU_USER_PIN=USER_PIN)
    return program(HUFU, *command, check=check, env=environment)


# ---------------------------------------------------------------- pyscard


class Card:
    """A connection of pyscard's lowest level: the very calls of PC/SC."""

    def __init__(self, reader="Hufu 00 00", share=None, connect=True):
        if not scard:
            raise Skip("no python3-pyscard")
        self.reader = reader
        self.context = self.must(scard.SCardEstablishContext(scard.SCARD_SCOPE_SYSTEM))
        self.state = scard.SCARD_STATE_UNAWARE
        if connect:
            self.wait_for(scard.SCARD_STATE_PRESENT)
            self.handle, self.protocol = self.must(scard.SCardConnect(
                self.context, reader, share or scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if hasattr(self, "handle"):
            scard.SCardDisconnect(self.handle, scard.SCARD_LEAVE_CARD)
        scard.SCardReleaseContext(self.context)

    @staticmethod
    def must(result):
        code, *rest = result if isinstance(result, (list, tuple)) else [result]
        assert code == scard.SCARD_S_SUCCESS, scard.SCardGetErrorMessage(code)
        return rest[0] if len(rest) == 1 else rest

    def wait_for(self, wanted):
        """Sleep in pcscd until the state has this bit; the seconds that it took."""
        start = time.monotonic()
        while True:
            code, states = scard.SCardGetStatusChange(self.context, PATIENCE * 1000, [(self.reader, self.state)])
            if code == scard.SCARD_E_UNKNOWN_READER:  # pcscd is just starting
                scard.SCardGetStatusChange(self.context, PATIENCE * 1000, [("\\\\?PnP?\\Notification", 0)])
                continue
            assert code == scard.SCARD_S_SUCCESS, scard.SCardGetErrorMessage(code)
            self.state = states[0][1] & ~scard.SCARD_STATE_CHANGED
            if self.state & wanted:
                return time.monotonic() - start

    def send(self, apdu):
        apdu = bytes.fromhex(apdu) if isinstance(apdu, str) else apdu
        return bytes(self.must(scard.SCardTransmit(self.handle, self.protocol, list(apdu))))

    def atr(self):
        return bytes(self.must(scard.SCardStatus(self.handle))[3]).hex()

    def reset(self, how):
        self.protocol = self.must(scard.SCardReconnect(
            self.handle, scard.SCARD_SHARE_SHARED, scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1, how))


# ---------------------------------------------------------------- libhufu


class Library:
    """A few calls of libhufu in this process."""

    def __init__(self, url):
        self.so = ctypes.CDLL(os.path.join(BUILD, "libhufu.so"))
        self.so.hufu_last_error.restype = ctypes.c_char_p
        self.so.hufu_last_sw.restype = ctypes.c_uint16
        self.device, self.session = ctypes.c_void_p(), ctypes.c_void_p()
        self.opened = self.so.hufu_open(ctypes.byref(self.device), url.encode())

    def __enter__(self):
        assert self.opened == 0, self.error()
        return self

    def __exit__(self, *_):
        self.end_session()
        self.so.hufu_close(self.device)

    def error(self):
        return self.so.hufu_last_error().decode()

    def begin_session(self):
        assert self.so.hufu_session_open(self.device, ctypes.byref(self.session)) == 0, self.error()

    def end_session(self):
        if self.session:
            self.so.hufu_session_close(self.session)
        self.session = ctypes.c_void_p()

    def login(self, pin):
        return self.so.hufu_login(self.session, ctypes.c_uint8(3), pin.encode(), ctypes.c_size_t(len(pin)), None)

    def random(self, n):
        return self.so.hufu_random(self.device, ctypes.create_string_buffer(n), ctypes.c_size_t(n))

    def reconnect(self):
        return self.so.hufu_reconnect(self.device)


# ---------------------------------------------------------------- tests


def pcsc_scan_knows_it(directory):
    """pcsc_scan lists the reader and the card with its ATR"""
    with world(directory):
        with Card():
            assert "Hufu 00 00" in program("pcsc_scan", "-r").stdout
            text = program("pcsc_scan", "-c", "-n").stdout
            assert "3B 8A 81 31 FE 95 80 73 C8 01 C0 54 48 75 66 75 D1" in text, text


def opensc_tool_works(directory):
    """opensc-tool lists the reader, reads the ATR, selects the application, and is told no where there is nothing"""
    with world(directory):
        with Card():
            pass
        text = program("opensc-tool", "-l", "-a", "-s", "00A4040000").stdout
        assert "Hufu 00 00" in text and ATR in text.replace(":", ""), text
        assert "SW1=0x90" in text and "48 75 66 75 4B 45 59 01" in text, text
        text = program("opensc-tool", "-s", "00A40000023F00", "-s", "8010000000").stdout
        assert "SW1=0x6A, SW2=0x82" in text and "SW1=0x6E, SW2=0x00" in text, text


def attributes(directory):
    """ATR, vendor, largest input, and the features of part 10 say what the reader is"""
    with world(directory), Card() as card:
        assert card.atr() == ATR
        attribute = lambda number: bytes(card.must(scard.SCardGetAttrib(card.handle, number)))
        assert attribute(0x00090303).hex() == ATR
        assert attribute(0x00010100) == b"Hufu\0"
        assert int.from_bytes(attribute(0x0007A007), "little") == 65545
        assert scard.SCardGetAttrib(card.handle, 0x7FFF)[0] != 0
        features = bytes(card.must(scard.SCardControl(card.handle, 0x42000D48, [])))
        assert features.hex() == "120442330012"
        assert bytes(card.must(scard.SCardControl(card.handle, 0x42330012, []))).hex() == "0a04ffff0000"
        assert scard.SCardControl(card.handle, 0x42000D49, [])[0] != 0


def extended_apdus(directory):
    """Commands of 65,535 bytes of data and answers of as many pass in one APDU each; short ones in chains"""
    with world(directory), Card() as card:
        hufu("init", "--label", "Reader")
        data = bytes([1, 0, 0, 0, 0, 0, 0, 0, 0]) + bytes(65535 - 9)  # SM3 of zeros
        answer = card.send(bytes.fromhex("C086000000FFFF") + data + b"\0\0")
        assert answer[-2:] == b"\x90\0" and len(answer) == 2 + 32 + 2, answer[:40].hex()
        with world_client(directory) as client:
            assert answer[:-2] == client.must(0x86, data)
        for count in (1, 255, 256, 257, 65534, 65535):
            answer = card.send(bytes.fromhex("C0080000000004") + count.to_bytes(4, "big") + b"\0\0")
            assert len(answer) == count + 2 and answer[-2:] == b"\x90\0", (count, len(answer))
        assert card.send("C00800000400000120" + "00")[-2:].hex() == "6120"
        assert len(card.send("00C0000020")) == 34
        assert card.send("D0860000050100000000").hex() == "9000"
        assert len(card.send("C0860000040000000000")) == 36


@contextlib.contextmanager
def world_client(directory):
    """A raw client of the first simulator, beside the reader."""
    from lib import Client  # pylint: disable=import-outside-toplevel
    with Client(os.path.join(directory, "device0", "hufu.sock")) as client:
        yield client


def workflow(directory):
    """The hufu program through the reader: initialise, keys, batch, sign, and OpenSSL as judge"""
    with world(directory):
        path = lambda name: os.path.join(directory, name)
        hufu("init", "--label", "Reader")
        assert "Reader" in hufu("info").stdout
        hufu("selftest")
        with open(path("message"), "wb") as message:
            message.write(b"to be signed through a reader")
        for kind in ("sm2", "rsa2048"):
            hufu("key", "generate", "--type", kind, "--label", kind, "--usage", "sign,decrypt")
            hufu("key", "export-public", kind, "--out", path(kind + ".pem"))
            hufu("sign", "--key", kind, "--in", path("message"), "--out", path(kind + ".sig"))
            hufu("csr", "--key", kind, "--subj", "/CN=Reader", "--out", path(kind + ".csr"))
            program("openssl", "req", "-verify", "-noout", "-in", path(kind + ".csr"),
                    *(["-vfyopt", "distid:1234567812345678"] if kind == "sm2" else []))
        program("openssl", "dgst", "-sha256", "-verify", path("rsa2048.pem"), "-signature", path("rsa2048.sig"), path("message"))
        program("openssl", "pkeyutl", "-verify", "-pubin", "-inkey", path("sm2.pem"), "-sigfile", path("sm2.sig"), "-rawin",
                "-digest", "sm3", "-pkeyopt", "distid:1234567812345678", "-in", path("message"))
        hufu("key", "batch", "-n", "3000", "-o", path("keys.hfwk"))
        assert "3000" in hufu("archive", "show", path("keys.hfwk")).stdout.replace(",", "")
        hufu("random", "-n", "200000", "--out", path("random"))
        assert os.path.getsize(path("random")) == 200000


def no_session_stays(directory):
    """A program that is done leaves no session on the card that all share; power off and resets end what others left"""
    with world(directory) as (_, (sim,)), Card() as card:
        hufu("init")
        hufu("key", "generate", "--type", "sm2", "--label", "one")
        assert sessions_of(sim) == 0
        with Library("pcsc:Hufu") as library:
            library.begin_session()
            assert sessions_of(sim) == 1
            library.session = ctypes.c_void_p()  # forgotten
        assert sessions_of(sim) == 0
        for how in (scard.SCARD_RESET_CARD, scard.SCARD_UNPOWER_CARD):
            for _ in range(3):
                assert card.send(f"C0{SESSION_OPEN:02X}000000")[-2:] == b"\x90\0"
            assert sessions_of(sim) == 3
            card.reset(how)
            assert sessions_of(sim) == 0, how
            assert card.atr() == ATR


def events(directory):
    """Removal and insertion wake who waits for them; the folder may be gone meanwhile"""
    took = []
    with world(directory) as (_, sims), Card(connect=False) as card:
        sim = sims[0]
        card.wait_for(scard.SCARD_STATE_PRESENT)
        for how in (signal.SIGTERM, signal.SIGKILL) * 4:
            sim.stop(how)
            out = card.wait_for(scard.SCARD_STATE_EMPTY)
            sim = again(sim)
            took.append((out, card.wait_for(scard.SCARD_STATE_PRESENT)))
        sim.stop()
        card.wait_for(scard.SCARD_STATE_EMPTY)
        os.rename(sim.directory, sim.directory + "-away")
        os.rename(sim.directory + "-away", sim.directory)
        sims[0] = again(sim)
        card.wait_for(scard.SCARD_STATE_PRESENT)
        with Card():
            pass
    print("removal seen after " + ", ".join(f"{1000 * out:.0f}" for out, _ in took) + " ms; insertion after "
          + ", ".join(f"{1000 * back:.0f}" for _, back in took) + " ms")


def comes_late(directory):
    """A reader whose simulator and its folder are not there yet; they come, and it is in"""
    folder = os.path.join(directory, "a", "b")
    daemon = Pcscd(directory, [("Hufu", f"unix:{folder}/hufu.sock")])
    os.environ.update(daemon.environment)
    try:
        with Card(connect=False) as card:
            card.wait_for(scard.SCARD_STATE_EMPTY)
            assert "no such reader with a card" in hufu_fails("pcsc:Hufu?wait=0")
            os.makedirs(folder)
            with Sim(folder):
                card.wait_for(scard.SCARD_STATE_PRESENT)
                hufu("info")
    finally:
        daemon.end()


def hufu_fails(url):
    """The one line that it says."""
    done = program(HUFU, "--device", url, "info", check=False)
    assert done.returncode == 1 and done.stderr.count("\n") == 1, (done.returncode, done.stderr)
    return done.stderr


def reset_by_another(directory):
    """Another program resets the card: the next command is refused unsent, once; PIN tries prove it"""
    with world(directory), Card() as other:
        hufu("init", "--retries", "5")
        with Library("pcsc:Hufu") as library:
            library.begin_session()
            assert library.login(USER_PIN) == 0, library.error()
            other.reset(scard.SCARD_RESET_CARD)
            assert library.login("wrong-pin") == LINK, library.error()
            assert "another program has reset the card" in library.error() and "not carried out" in library.error()
            assert library.random(16) == LINK and "reconnect" in library.error()
            assert library.reconnect() == 0, library.error()
            assert library.login(USER_PIN) == NO_SESSION, library.error()
            library.end_session()
            library.begin_session()
            assert library.login("wrong-pin") == PIN_WRONG and library.so.hufu_last_sw() == 0x63C4, library.error()
            assert library.login(USER_PIN) == 0, library.error()
        assert other.atr() == ATR


def removed_and_back(directory):
    """The card goes and comes back while libhufu has it open"""
    with world(directory) as (_, sims), Card(connect=False) as watcher:
        watcher.wait_for(scard.SCARD_STATE_PRESENT)
        hufu("init")
        with Library("pcsc:Hufu?wait=60") as library:
            library.begin_session()
            sims[0].stop(signal.SIGKILL)
            watcher.wait_for(scard.SCARD_STATE_EMPTY)
            assert library.random(16) == LINK and "removed" in library.error(), library.error()
            sims[0] = again(sims[0])
            assert library.reconnect() == 0, library.error()
            assert library.login(USER_PIN) == NO_SESSION
            library.end_session()
            library.begin_session()
            assert library.login(USER_PIN) == 0, library.error()


def exclusive_and_transactions(directory):
    """Exclusive access keeps others out with a clear line; a transaction of another makes a command wait for its turn"""
    with world(directory):
        hufu("init")
        with Library("pcsc:Hufu?exclusive"):
            line = hufu_fails("pcsc:Hufu")
            assert "another program has the card for itself" in line, line
        with Library("pcsc:Hufu") as library:
            line = hufu_fails("pcsc:Hufu?exclusive")
            assert "another program has the card for itself" in line, line
            with Card() as other:
                other.must(scard.SCardBeginTransaction(other.handle))
                done = threading.Event()
                result = []

                def ask():
                    result.append(library.random(1000))
                    done.set()

                threading.Thread(target=ask, daemon=True).start()
                assert other.send("C0020000" + "00")[-2:] == b"\x90\0"
                assert not done.wait(0.2)
                other.must(scard.SCardEndTransaction(other.handle, scard.SCARD_LEAVE_CARD))
                assert done.wait(PATIENCE) and result == [0], library.error()


def pcscd_goes(directory):
    """pcscd stopped, killed, started again, or not there at all"""
    with world(directory) as (daemon, _):
        hufu("init")
        with Library("pcsc:Hufu?wait=60") as library:
            for how in (signal.SIGTERM, signal.SIGKILL):
                library.begin_session()
                daemon.restart(how)
                assert library.random(16) in (LINK, UNKNOWN), library.error()
                assert library.random(16) == LINK, library.error()
                assert library.reconnect() == 0, library.error()
                assert library.random(16) == 0, library.error()
                library.end_session()
    os.unlink(daemon.path)
    line = hufu_fails("pcsc:Hufu")
    assert "pcscd is not running" in line, line


def no_library(directory):
    """Without libpcsclite the other links work, and pcsc: says what is missing"""
    empty = os.path.join(directory, "empty")
    with open(empty, "wb"):
        pass
    script = ('for f in /usr/lib/*/libpcsclite.so.1 /lib/*/libpcsclite.so.1; do [ -e "$f" ] && mount --bind "$0" "$f"; done; '
              '"$1" --device pcsc:Hufu info; echo $?; "$1" --device inproc:"$2" info')
    for unshare in (["unshare", "-m"], ["unshare", "-rm"]):
        if subprocess.run([*unshare, "sh", "-c", 'mount --bind "$0" "$0"', empty], capture_output=True, check=False).returncode == 0:
            done = program(*unshare, "sh", "-c", script, empty, HUFU, os.path.join(directory, "device"))
            assert "install the package libpcsclite1" in done.stderr and done.stdout.startswith("1\n") and "blank" in done.stdout, done
            return
    raise Skip("no mount namespace here")


def several_readers(directory):
    """Readers beside each other: by name, by its beginning, in parallel; and one with the device inside pcscd"""
    names = ("Hufu one", "Hufu two", "Hufu three")
    with world(directory, names) as (_, sims):
        for i, name in enumerate(names):
            hufu("init", "--label", f"Device {i}", reader=name)
        for i, name in enumerate(names):
            assert f"Device {i}" in hufu("info", reader=f"{name} 0{i} 00").stdout
        assert "give the whole name" in hufu_fails("pcsc:Hufu t")
        assert "no such reader" in hufu_fails("pcsc:Nobody")
        failures = []

        def work(name):
            with Library("pcsc:" + name) as library:
                failures.extend(library.error() for _ in range(200) if library.random(300) != 0)

        threads = [threading.Thread(target=work, args=(name,)) for name in names * 2]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures, failures[0]
        sims[1].stop()
        with Card("Hufu two 01 00", connect=False) as card:
            card.wait_for(scard.SCARD_STATE_EMPTY)
        assert "Device 2" in hufu("info", reader="Hufu three").stdout


def device_inside(directory):
    """inproc:DIR, the device inside pcscd; its memory stays when pcscd ends"""
    os.mkdir(os.path.join(directory, "device"))
    daemon = Pcscd(directory, [("Inside", "inproc:" + os.path.join(directory, "device"))])
    os.environ.update(daemon.environment)
    try:
        hufu("init", "--label", "Inside", reader="Inside")
        hufu("key", "generate", "--type", "sm2", "--label", "kept", reader="Inside")
        daemon.restart()
        assert "kept" in hufu("key", "list", reader="Inside").stdout
    finally:
        daemon.end()


def short_reader(directory):
    """A reader for short APDUs only says so, refuses longer ones, and libhufu chains"""
    with world(directory, prefix="short-"):
        hufu("init")
        hufu("key", "batch", "-n", "500", "-o", os.path.join(directory, "keys.hfwk"))
        with Card() as card:
            assert bytes(card.must(scard.SCardControl(card.handle, 0x42330012, []))).hex() == "0a0400000000"
            assert scard.SCardTransmit(card.handle, card.protocol, list(bytes.fromhex("C0860000000200" + "01" * 512)))[0] != 0
            assert card.send("C00200000000")[-2:].hex() in ("9000", "6700")


def no_answer(directory):
    """A simulator that stops answering: libhufu's time is over, closing does not hang, and nothing is sent again"""
    with world(directory) as (_, (sim,)), Card():
        hufu("init")
        library = Library("pcsc:Hufu").__enter__()
        library.so.hufu_set_timeout(library.device, ctypes.c_uint32(300))  # opening may take longer
        sim.process.send_signal(signal.SIGSTOP)
        assert library.random(16) == TIMEOUT, library.error()
        assert "may still be carried out" in library.error()
        library.__exit__()
        sim.process.send_signal(signal.SIGCONT)
        hufu("info")


def isolated(test):
    """libpcsclite knows one pcscd in the life of a process: each test gets a process of its own."""

    def in_child(directory):
        sys.stdout.flush()
        read_end, write_end = os.pipe()
        child = os.fork()
        if child == 0:
            why = b""
            try:
                test(directory)
            except Skip as skip:
                why = b"S" + str(skip).encode()
            except BaseException:  # pylint: disable=broad-except
                why = b"F" + traceback.format_exc().encode()
            sys.stdout.flush()
            with os.fdopen(write_end, "wb") as pipe:
                pipe.write(why)
            os._exit(0 if not why else 1)
        os.close(write_end)
        with os.fdopen(read_end, "rb") as pipe:
            why = pipe.read().decode()
        status = os.waitpid(child, 0)[1]
        if why.startswith("S"):
            raise Skip(why[1:])
        assert not why and status == 0, why[1:] or f"status {status}"

    in_child.__name__, in_child.__doc__ = test.__name__, test.__doc__
    return in_child


run([isolated(test) for test in (
     pcsc_scan_knows_it, opensc_tool_works, attributes, extended_apdus, workflow, no_session_stays, events, comes_late,
     reset_by_another, removed_and_back, exclusive_and_transactions, pcscd_goes, no_library, several_readers, device_inside,
     short_reader, no_answer)])
