"""A proxy between libhufu and hufu-sim that does one bad thing to one message, for every class of command, at every message of
it, in both directions; then a second, sound connection looks at what really happened.

What must hold, whatever was done:
  - a call that says it is done was carried out, once; what it gave is right
  - one that says it was not carried out was not
  - one that says that this is not known was carried out once or not at all
  - no key that was handed over and acknowledged is lost, none comes twice; no try of a PIN and no use of a key is counted twice
  - nothing of a broken link stays behind, and the device serves on

    loss.py [CLASS...]     default: all of CLASSES
"""

import collections
import contextlib
import ctypes
import hashlib
import itertools
import os
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "system")]
# pylint: disable=wrong-import-position
from lib import BUILD, KEY_GENERATE, PATIENCE, USER, USER_PIN, Client, Sim, hufu, new_key  # noqa: E402

HEADER = struct.Struct(">IIHH")
COMMAND, ANSWER = "command", "answer"
QUICK_MS = 30  # the time-out where a message is lost and nothing else can end the wait

# ---------------------------------------------------------------- the proxy


def spoil(at, bit=1):
    """Damage a byte: negative ones count from the end."""

    def act(frame):
        frame = bytearray(frame)
        frame[at] ^= bit
        return bytes(frame)

    return act


DAMAGE = {
    "length a little": spoil(3), "length much": spoil(1, 0x08), "tag": spoil(7), "channel": spoil(9), "flag": spoil(11, 0x01),
    "answer flag": spoil(10, 0x80), "unknown flag": spoil(11, 0x40), "first byte": spoil(12, 0x40), "second byte": spoil(13, 0x20),
    "last byte": spoil(-5), "check sum": spoil(-1),
}
LOSSES = ("lost", "twice", "late", "swapped", "cut before", "cut inside", "cut after")


class Proxy:
    """Frames pass both ways; the one that arm() names meets its fault. One client at a time."""

    def __init__(self, path, target):
        self.path, self.target = path, target
        self.lock = threading.Lock()
        self.near = None  # the client's end of the last connection
        self.disarm()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(path)
        self.listener.listen(8)
        threading.Thread(target=self.accept, daemon=True).start()

    def disarm(self):
        self.fault = None
        self.seen = {COMMAND: 0, ANSWER: 0}

    def arm(self, direction, index, fault):
        with self.lock:
            self.disarm()
            self.fault = (direction, index, fault)

    def accept(self):
        while True:
            near = self.listener.accept()[0]
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.target)
            self.near = near
            for direction, source, sink in ((COMMAND, near, far), (ANSWER, far, near)):
                threading.Thread(target=self.pump, args=(direction, source, sink), daemon=True).start()

    def cut(self):
        with contextlib.suppress(OSError):
            self.near.shutdown(socket.SHUT_RDWR)

    @staticmethod
    def read_frame(source):
        data = b""
        while len(data) < HEADER.size or len(data) < HEADER.size + HEADER.unpack_from(data)[0]:
            want = HEADER.size if len(data) < HEADER.size else HEADER.size + HEADER.unpack_from(data)[0]
            more = source.recv(want - len(data))
            if not more:
                raise EOFError
            data += more
        return data

    def pump(self, direction, source, sink):
        held = []
        try:
            while True:
                frame = self.read_frame(source)
                with self.lock:
                    index = self.seen[direction]
                    self.seen[direction] += 1
                    fault = self.fault[2] if self.fault and self.fault[:2] == (direction, index) else None
                self.treat(fault, frame, sink, held)
        except (EOFError, OSError):
            pass
        for end in (source, sink):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
        source.close()

    @staticmethod
    def treat(fault, frame, sink, held):
        if fault in DAMAGE:
            sink.sendall(DAMAGE[fault](frame))
        elif fault == "lost":
            return
        elif fault == "swapped":
            held.append(frame)
            return
        elif fault == "cut before":
            raise EOFError
        elif fault == "cut inside":
            sink.sendall(frame[:len(frame) // 2])
            raise EOFError
        else:
            if fault == "late":
                time.sleep(0.02)
            sink.sendall(frame * (2 if fault == "twice" else 1))
        while held:
            sink.sendall(held.pop())
        if fault == "cut after":
            raise EOFError


# ---------------------------------------------------------------- libhufu

OK, LINK, UNKNOWN, TIMEOUT, BAD_ANSWER = 0, 6, 7, 8, 9
PIN_WRONG, NO_TICKET, NO_OBJECT = 0x63C0, 0x6AA1, 0x6A88
SM2, SM4, SIGN, DECRYPT, ENCRYPT, EXPORT = 1, 5, 1, 2, 4, 0x100
so = ctypes.CDLL(os.path.join(BUILD, "libhufu.so"))
so.hufu_last_error.restype = ctypes.c_char_p
so.hufu_nobody.restype = ctypes.c_void_p
size_t, pointer = ctypes.c_size_t, ctypes.c_void_p


class Options(ctypes.Structure):
    _fields_ = [("timeout_ms", ctypes.c_uint32), ("rest", ctypes.c_uint32 * 5), ("engine", ctypes.c_char_p),
                ("nonce_pool", ctypes.c_uint32), ("checked", ctypes.c_uint32), ("more", ctypes.c_uint8 * 200)]


class KeySpec(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint8), ("flags", ctypes.c_uint8), ("usage", ctypes.c_uint32), ("label", ctypes.c_char_p),
                ("id", ctypes.c_char_p), ("id_size", size_t), ("size", ctypes.c_uint16), ("policy", pointer)]


class Policy(ctypes.Structure):
    _fields_ = [("uses", ctypes.c_uint32), ("used", ctypes.c_uint32), ("not_before", ctypes.c_uint64),
                ("not_after", ctypes.c_uint64), ("withheld", ctypes.c_uint32), ("flags", ctypes.c_uint8)]


class Object(ctypes.Structure):
    _fields_ = [("handle", ctypes.c_uint32), ("type", ctypes.c_uint8), ("usage", ctypes.c_uint32), ("owner", ctypes.c_uint8),
                ("origin", ctypes.c_uint8), ("created", ctypes.c_uint64), ("label", ctypes.c_char * 65),
                ("id", ctypes.c_uint8 * 32), ("id_size", size_t), ("public", ctypes.c_uint8 * 516), ("public_size", size_t),
                ("policy", Policy)]


class Wrapped(ctypes.Structure):
    _fields_ = [("header", ctypes.c_uint8 * 38), ("index", ctypes.c_uint32), ("record", ctypes.c_uint8 * 1056),
                ("record_size", size_t)]


class Signing(ctypes.Structure):
    _fields_ = [("scheme", ctypes.c_uint8), ("hash", ctypes.c_uint8), ("salt", ctypes.c_uint16), ("id", pointer),
                ("id_size", size_t)]


class Key(ctypes.Structure):
    _fields_ = [("handle", ctypes.c_uint32), ("type", ctypes.c_uint8), ("public", pointer), ("public_size", size_t)]


class Ciphering(ctypes.Structure):
    _fields_ = [("scheme", ctypes.c_uint8), ("hash", ctypes.c_uint8), ("iv", ctypes.c_char_p), ("iv_size", size_t),
                ("aad", pointer), ("aad_size", size_t)]


class Batch(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint8), ("usage", ctypes.c_uint32), ("total", ctypes.c_uint64), ("chunk", ctypes.c_uint32),
                ("resume", ctypes.c_int)]


class WrapHeader(ctypes.Structure):
    _fields_ = [("type", ctypes.c_uint8), ("usage", ctypes.c_uint32), ("domain", ctypes.c_uint8 * 8),
                ("batch", ctypes.c_uint8 * 16), ("count", ctypes.c_uint32)]


class Chunk(ctypes.Structure):
    _fields_ = [("ticket", ctypes.c_uint64), ("header", pointer), ("fields", WrapHeader), ("count", ctypes.c_uint32),
                ("good", ctypes.c_uint32), ("status", pointer), ("status_size", size_t),
                ("records", ctypes.POINTER(ctypes.c_uint8)), ("record_size", size_t), ("fetched", ctypes.c_int)]


class Account(ctypes.Structure):
    _fields_ = [("account", ctypes.c_uint8), ("role", ctypes.c_uint8), ("tries", ctypes.c_uint8), ("tries_max", ctypes.c_uint8),
                ("name", ctypes.c_char * 33)]


ChunkFunction = ctypes.CFUNCTYPE(ctypes.c_int, pointer, ctypes.POINTER(Chunk))


def error():
    return so.hufu_last_error().decode()


class Host:
    """A device that libhufu has open, with a session of the user."""

    def __init__(self, url, timeout_ms=PATIENCE * 1000, checked=False):
        self.device, self.session = pointer(), pointer()
        options = Options(timeout_ms=timeout_ms, checked=checked)
        self.must(so.hufu_open_with(ctypes.byref(self.device), url.encode(), ctypes.byref(options)))
        self.begin()

    @staticmethod
    def must(status):
        assert status == OK, error()

    def begin(self):
        self.must(so.hufu_session_open(self.device, ctypes.byref(self.session)))
        self.must(self.login(USER, USER_PIN))

    def login(self, account, pin):
        return so.hufu_login(self.session, ctypes.c_uint8(account), pin.encode(), size_t(len(pin)), None)

    def close(self):
        so.hufu_session_close(self.session)
        so.hufu_close(self.device)

    def generate(self, label, usage=SIGN | DECRYPT | EXPORT, policy=None):
        handle = ctypes.c_uint32()
        spec = KeySpec(SM2, 0, usage, label.encode(), None, 0, 0, ctypes.cast(policy, pointer))
        return so.hufu_key_generate(self.session, ctypes.byref(spec), ctypes.byref(handle), None, None), handle.value

    def count(self, label):
        """How many objects have this label"""
        found, after = 0, ctypes.c_uint32()
        while True:
            status = so.hufu_object_find(self.session, after, label.encode(), None, size_t(0), ctypes.byref(after))
            if status == NO_OBJECT:
                return found
            self.must(status)
            found += 1

    def used(self, handle):
        """How often a key with a limit has been used"""
        what = Object()
        self.must(so.hufu_object_info(self.session, ctypes.c_uint32(handle), ctypes.byref(what)))
        return what.policy.used

    def accounts(self):
        rows, n = (Account * 32)(), size_t(32)
        self.must(so.hufu_account_list(self.device, rows, ctypes.byref(n)))
        return rows[:n.value]

    def tries(self, account):
        return next(a.tries for a in self.accounts() if a.account == account)

    def batch(self, keys, total, chunk=20, resume=0):
        """keys: a list that takes the public keys of what was handed over"""

        def take(_, chunk_pointer):
            k = chunk_pointer.contents
            assert k.good == k.count
            name = bytes(k.fields.batch)
            if any(name == old for old, _ in keys):
                return -1
            keys.extend((name, bytes(k.records[i * k.record_size:i * k.record_size + 64])) for i in range(k.count))
            return 0

        made = ctypes.c_uint64()
        order = Batch(SM2, SIGN | EXPORT, total, chunk, resume)
        return so.hufu_key_batch(self.session, ctypes.byref(order), ChunkFunction(take), None, ctypes.byref(made))


# ---------------------------------------------------------------- the classes of commands


def happened(status):
    """How often a command may have been carried out, by what the call says"""
    if status == OK:
        return {1}
    return {0, 1} if status in (UNKNOWN, TIMEOUT, BAD_ANSWER) else {0}


class World:
    """What the cases share: the device, a sound connection to it, and a key"""

    def __init__(self, sim, proxy):
        self.sim, self.proxy = sim, proxy
        self.sound = Host("unix:" + sim.path)
        self.admin = Host("unix:" + sim.path)
        Host.must(self.admin.login(1, "admin-pin"))
        status, self.key = self.sound.generate("key")
        Host.must(status)
        status, self.counted = self.sound.generate("counted", SIGN, ctypes.byref(Policy(uses=1000000)))
        Host.must(status)
        status, self.counted_much = self.sound.generate("counted much", SIGN, ctypes.byref(Policy(uses=4000000000)))
        Host.must(status)
        self.wrapped = Wrapped()
        Host.must(so.hufu_key_export(self.sound.session, ctypes.c_uint32(self.key), ctypes.byref(self.wrapped)))
        self.numbers = itertools.count()
        with sim.client() as client:
            self.sessions = client.info()["sessions"]

    def settle(self):
        """Until nothing of the broken link is left: then all that it had ordered has come to its end."""
        end = time.monotonic() + PATIENCE
        with self.sim.client() as client:
            while client.info()["sessions"] > self.sessions:
                assert time.monotonic() < end, "the sessions of a broken link stay"
                time.sleep(0.001)

    def name(self):
        return f"n{next(self.numbers)}"


# Each is a generator: it prepares over the sound connection, yields what is to be done over the bad one (a function of the
# host that gives a status), gets the status, and judges.


def information(_):
    yield lambda h: so.hufu_info(h.device, ctypes.create_string_buffer(512))


def sessions(_):
    def act(host):
        session = pointer()
        status = so.hufu_session_open(host.device, ctypes.byref(session))
        return so.hufu_session_close(session) if status == OK else status

    yield act


def random_bytes(_):
    first, second = ctypes.create_string_buffer(32), ctypes.create_string_buffer(32)
    status = yield lambda h: (so.hufu_random(h.device, first, size_t(32)) or so.hufu_random(h.device, second, size_t(32)))
    assert status != OK or first.raw != second.raw


def right_pin(w):
    before = w.sound.tries(USER)
    yield lambda h: h.login(USER, USER_PIN)
    assert w.sound.tries(USER) == before


def wrong_pin(w):
    Host.must(w.sound.login(USER, USER_PIN))
    before = w.sound.tries(USER)
    status = yield lambda h: h.login(USER, "wrong-pin")
    assert status != OK
    lost = before - w.sound.tries(USER)
    Host.must(w.sound.login(USER, USER_PIN))
    assert lost in ({1} if status == PIN_WRONG else happened(status)), f"{lost} tries are gone"


def change_pin(w):
    new = f"pin-{w.name()}"
    status = yield lambda h: so.hufu_pin_change(h.session, ctypes.c_uint8(USER), USER_PIN.encode(), size_t(len(USER_PIN)),
                                                new.encode(), size_t(len(new)))
    old_works = w.sound.login(USER, USER_PIN) == OK
    new_works = w.sound.login(USER, new) == OK
    Host.must(so.hufu_pin_unblock(w.admin.session, ctypes.c_uint8(USER), USER_PIN.encode(), size_t(len(USER_PIN))))
    Host.must(w.sound.login(USER, USER_PIN))
    assert old_works != new_works and int(new_works) in happened(status), (status, old_works, new_works)


def create_account(w):
    name = w.name()

    def act(host):
        number = ctypes.c_uint8()
        status = host.login(1, "admin-pin")
        return status or so.hufu_account_create(host.session, ctypes.c_uint8(1), ctypes.c_uint8(3), name.encode(), b"some-pin",
                                                size_t(8), ctypes.byref(number))

    status = yield act
    mine = [a.account for a in w.sound.accounts() if a.name.decode() == name]
    for account in mine:
        Host.must(so.hufu_account_delete(w.admin.session, ctypes.c_uint8(account)))
    assert len(mine) in happened(status), f"{len(mine)} accounts"


def device_label(w):
    name = w.name()
    status = yield lambda h: h.login(1, "admin-pin") or so.hufu_device_label(h.session, name.encode())
    with w.sim.client() as client:
        assert int(client.info()["label"] == name) in happened(status)


def generate(w):
    label = w.name()
    status = yield lambda h: h.generate(label)[0]
    assert w.sound.count(label) in happened(status), f"{w.sound.count(label)} keys"


def import_key(w):
    label = w.name()
    status = yield lambda h: so.hufu_key_import(h.session, ctypes.byref(w.wrapped), label.encode(), None, size_t(0),
                                                ctypes.byref(ctypes.c_uint32()))
    assert w.sound.count(label) in happened(status), f"{w.sound.count(label)} keys"


def export_key(w):
    out = Wrapped()
    status = yield lambda h: so.hufu_key_export(h.session, ctypes.c_uint32(w.key), ctypes.byref(out))
    assert status != OK or bytes(out.record[:64]) == bytes(w.wrapped.record[:64])


def label_key(w):
    old, new = w.name(), w.name()
    _, handle = w.sound.generate(old)
    status = yield lambda h: so.hufu_object_label(h.session, ctypes.c_uint32(handle), new.encode(), None, size_t(0))
    assert w.sound.count(new) in happened(status) and w.sound.count(old) == 1 - w.sound.count(new)


def destroy_key(w):
    label = w.name()
    _, handle = w.sound.generate(label)
    status = yield lambda h: so.hufu_object_destroy(h.session, ctypes.c_uint32(handle))
    assert 1 - w.sound.count(label) in happened(status)


def list_keys(_):
    yield lambda h: OK if h.count("key") == 1 else 1


def key_batch(w):
    keys, total = [], 60
    status = yield lambda h: h.batch(keys, total)
    had = len(keys)
    assert status != OK or had == total
    Host.must(w.sound.batch(keys, max(total - had, 0), resume=1))
    publics = [public for _, public in keys]
    assert len(set(publics)) == len(publics), "a key came twice"
    assert len(publics) >= total, "keys are missing"
    assert so.hufu_key_fetch(w.sound.session, ctypes.c_uint64(0), ChunkFunction(lambda *_: 0), None) == NO_TICKET


def verifies(w, digest, signature):
    key = Key(w.key, SM2, None, 0)
    return so.hufu_verify(w.sound.session, ctypes.byref(key), ctypes.byref(Signing(1)), digest, size_t(32), signature,
                          size_t(64)) == OK


def sign(w):
    digest, signature, size = os.urandom(32), ctypes.create_string_buffer(512), size_t(512)
    status = yield lambda h: so.hufu_sign(h.session, ctypes.c_uint32(w.key), ctypes.byref(Signing(1)), digest, size_t(32),
                                          signature, ctypes.byref(size))
    assert status != OK or verifies(w, digest, signature)


def sign_batch(w):
    n = 40000  # three commands
    digests, signatures = os.urandom(32) * n, ctypes.create_string_buffer(64 * n)
    status = yield lambda h: so.hufu_sign_batch(h.session, ctypes.c_uint32(w.key), ctypes.byref(Signing(1)), digests, size_t(32),
                                                size_t(n), signatures, size_t(64), None)
    for i in (0, n // 2, n - 1):
        assert status != OK or verifies(w, digests[32 * i:32 * i + 32], signatures[64 * i:64 * i + 64])


def counted_sign(w):
    """A use of a key with a limit: not counted twice, and counted if the signature is there."""
    digest, signature, size = os.urandom(32), ctypes.create_string_buffer(512), size_t(512)
    before = w.sound.used(w.counted)
    status = yield lambda h: so.hufu_sign(h.session, ctypes.c_uint32(w.counted), ctypes.byref(Signing(1)), digest, size_t(32),
                                          signature, ctypes.byref(size))
    uses = w.sound.used(w.counted) - before
    assert uses in happened(status), f"{uses} uses"


def counted_batch(w):
    n = 40000  # three commands: of a broken link, some of them
    digests, signatures = os.urandom(32) * n, ctypes.create_string_buffer(64 * n)
    before = w.sound.used(w.counted_much)
    status = yield lambda h: so.hufu_sign_batch(h.session, ctypes.c_uint32(w.counted_much), ctypes.byref(Signing(1)), digests,
                                                size_t(32), size_t(n), signatures, size_t(64), None)
    uses = w.sound.used(w.counted_much) - before
    assert uses == n if status == OK else uses <= n, f"{uses} uses"


def decrypt(w):
    plain, cipher, size = os.urandom(40), ctypes.create_string_buffer(200), size_t(200)
    key = Key(w.key, SM2, None, 0)
    Host.must(so.hufu_encrypt(w.sound.session, ctypes.byref(key), ctypes.byref(Ciphering(1)), plain, size_t(40), cipher,
                              ctypes.byref(size)))
    out, out_size = ctypes.create_string_buffer(200), size_t(200)
    status = yield lambda h: so.hufu_decrypt(h.session, ctypes.c_uint32(w.key), ctypes.byref(Ciphering(1)), cipher, size, out,
                                             ctypes.byref(out_size))
    assert status != OK or out.raw[:out_size.value] == plain


def hashing(_):
    """A part that is lost or comes twice must not end in a digest."""
    parts, digest, size = [os.urandom(100) for _ in range(3)], ctypes.create_string_buffer(64), size_t(64)

    def act(host):
        status = so.hufu_hash_init(host.session, ctypes.c_uint8(4), None, None, size_t(0))
        for part in parts:
            status = status or so.hufu_hash_update(host.session, part, size_t(len(part)))
        return status or so.hufu_hash_final(host.session, digest, ctypes.byref(size))

    status = yield act
    assert status != OK or digest.raw[:32] == hashlib.sha256(b"".join(parts)).digest(), "another digest"


def logout(_):
    yield lambda h: so.hufu_logout(h.session)


CLASSES = [information, sessions, random_bytes, right_pin, wrong_pin, change_pin, create_account, device_label, generate,
           import_key, export_key, label_key, destroy_key, list_keys, key_batch, sign, sign_batch, counted_sign,
           counted_batch, decrypt, hashing, logout]

# ---------------------------------------------------------------- the cases


def run_case(world, kind, direction, index, fault):
    """The status that the call gave, and the messages that passed"""
    proxy = world.proxy
    proxy.disarm()
    case = kind(world)
    act = next(case)
    # What is lost, or seems to go on, only the clock can end.
    quick = fault in ("lost", "swapped", "length a little", "length much")
    host = Host("unix:" + proxy.path, checked=fault in DAMAGE)
    if quick:
        so.hufu_set_timeout(host.device, ctypes.c_uint32(QUICK_MS))
    proxy.arm(direction, index, fault)
    try:
        status = act(host)
    except AssertionError:
        status = UNKNOWN  # a helper met a failure of the link
    seen = dict(proxy.seen)
    proxy.disarm()
    if status == TIMEOUT:
        proxy.cut()  # else closing the session would wait as long again
    host.close()
    world.settle()
    with contextlib.suppress(StopIteration):
        case.send(status)
    return status, seen


WORDS = {OK: "done", LINK: "not done", UNKNOWN: "unknown", TIMEOUT: "unknown", BAD_ANSWER: "unknown"}


def check_that_it_can_fail(world):
    """Frames that are not counted and come twice are carried out twice: the checks above would see it."""
    label = world.name()
    world.proxy.disarm()
    with Client(world.proxy.path) as client:
        channel = client.session(USER, USER_PIN)
        world.proxy.arm(COMMAND, 0, "twice")
        client.must(KEY_GENERATE, new_key(label), channel)
        client.receive()
    world.settle()
    assert world.sound.count(label) == 2


def run_all(world):
    passed, failed = 0, 0
    outcomes = collections.defaultdict(collections.Counter)
    damage = itertools.cycle(DAMAGE)
    for kind in [kind for kind in CLASSES if kind.__name__ in (sys.argv[1:] or kind.__name__)]:
        status, seen = run_case(world, kind, None, None, None)
        assert status in (OK, PIN_WRONG), f"{kind.__name__} does not work at all: {status}"
        # every loss, and three kinds of damage in turn: all of them to each class would take its time
        faults = [(d, i, f) for d in (COMMAND, ANSWER) for i in range(seen[d])
                  for f in (*LOSSES, *itertools.islice(damage, len(DAMAGE) if kind is generate else 3))]
        for direction, index, fault in faults:
            try:
                status, _ = run_case(world, kind, direction, index, fault)
                outcomes[direction, fault][WORDS.get(status, "refused")] += 1
                passed += 1
            except Exception:  # pylint: disable=broad-except
                failed += 1
                print(f"FAIL  {kind.__name__}, {direction} {index} {fault}")
                traceback.print_exc(file=sys.stdout)
                if failed > 20:
                    return passed, failed, outcomes
    return passed, failed, outcomes


def main():
    directory = tempfile.mkdtemp(prefix="hufu-", dir=os.environ.get("TMPDIR", "/tmp"))
    try:
        with Sim(directory) as sim:
            hufu(sim.path, "init", "--label", "loss", "--retries", "10")
            world = World(sim, Proxy(os.path.join(directory, "proxy"), sim.path))
            check_that_it_can_fail(world)
            passed, failed, outcomes = run_all(world)
            world.sound.close()
            world.admin.close()
            assert sim.stop() == 0
    finally:
        shutil.rmtree(directory, ignore_errors=True)
    words = ("done", "not done", "unknown", "refused")
    print("| what became of a message | " + " | ".join(words) + " |")
    for (direction, fault), counts in outcomes.items():
        print(f"| {direction} {fault:<17} |" + "|".join(f"{counts[word]:>9} " for word in words) + "|")
    print(f"{passed + 1} passed, {failed} failed, 0 skipped")
    sys.exit(1 if failed else 0)


main()
