#!/usr/bin/env python3
"""The secure channel: sealed.py against the simulator, its vectors, libhufu with somebody in between, and a recording.
    channel.py --vectors        write tests/vectors/channel.vec to standard output"""

import hashlib
import os
import socket
import struct
import subprocess
import sys
import threading

import sealed
from lib import ADMIN_PIN, INFO, KEY_GENERATE, LOGIN, OBJECT_LIST, OPERATOR_PIN, PATIENCE, RANDOM, SESSION_OPEN, SIGN, USER, \
    USER_PIN, Sim, hufu, new_key, run, var

HERE = os.path.dirname(os.path.abspath(__file__))
CHANNEL_BROKEN, CHANNEL_NEEDED, NO_SESSION = 0x6988, 0x6987, 0x6881

# ---------------------------------------------------------------- vectors


def fixed(name, size=32):
    """Bytes that everybody can make again"""
    return hashlib.shake_128(b"hufu channel " + name.encode()).digest(size)


def scalar(name):
    return 1 + sealed.number(fixed(name, 40)) % (sealed.N - 2)


def case(comment, **values):
    lines = ["# " + comment] if comment else []
    for name, value in values.items():
        lines.append(f"{name} = {value.hex().upper() if isinstance(value, bytes) else value}")
    return "\n".join(lines) + "\n"


def agreement(title, flags, host_flags):
    d, device, identity = scalar(title + " host"), scalar(title + " device"), scalar(title + " identity")
    r_a, r_b = scalar(title + " r_a"), scalar(title + " r_b")
    statement = sealed.statement_of(fixed(title + " serial", 16), flags, fixed(title + " nonce"), sealed.public(device))
    hello = sealed.hello(host_flags)
    z_a, z_b = sealed.z_of(hello, sealed.public(d)), sealed.z_of(statement, sealed.public(device))
    agreed, s_a, s_b = sealed.agree(d, r_a, sealed.public(device), sealed.public(r_b), z_a, z_b, True)
    assert (agreed, s_a, s_b) == sealed.agree(device, r_b, sealed.public(d), sealed.public(r_a), z_a, z_b, False)
    k = scalar(title + " k")
    signature = sealed.sign(identity, statement, k)
    assert sealed.verify(sealed.public(identity), statement, signature)
    o = sealed.octets
    text = case(title, kind="agreement", flags=host_flags, nonce=statement[22:54], identity_d=o(identity), identity=sealed.public(identity),
                signature_k=o(k), statement=statement, signature=signature, device_d=o(device), device=sealed.public(device),
                host_d=o(d), host=sealed.public(d), host_r_d=o(r_a), host_r=sealed.public(r_a), device_r_d=o(r_b),
                device_r=sealed.public(r_b), hello=hello, z_a=z_a, z_b=z_b, agreed=agreed, s_a=s_a, s_b=s_b)
    return text, sealed.Keys(agreed), agreed


def records(keys, agreed):
    wanted = [(1, 1, 0, 0, sealed.inner(INFO, 0, b"")), (2, 1, 0, 0, bytes.fromhex("00019000")),
              (1, 1, 0, 1, sealed.inner(LOGIN, 0x1234, b"\x03" + var("user-pin"))), (2, 1, 0, 1, bytes.fromhex("63C4")),
              (1, 65535, 1, 0xFFFFFFFE, sealed.inner(0x56, 2, bytes.fromhex("0200000001000000100000000000000000"))),
              (1, 7, 0, 2, sealed.inner(0x70, 3, bytes(120))), (1, 7, 0, 3, sealed.inner(0x70, 3, bytes(121)))]
    out = []
    for direction, channel, flags, counter, text in wanted:
        nonce, aad = keys.around(direction, channel, flags, counter, len(text))
        out.append(case("", kind="record", agreed=agreed, direction=direction, channel=channel, flags=flags, counter=counter,
                        text=text, nonce=nonce, aad=aad, sealed=keys.seal(direction, channel, flags, counter, text)))
    return out


def vectors():
    head = ("# The secure channel, docs/secure-channel.md. Numbers are decimal. Made by tests/system/channel.py --vectors from\n"
            "# fixed keys; signature_k is the nonce of the device's signature.\n")
    one, keys, agreed = agreement("a host that is nobody in particular", 1, 0)
    two, _, _ = agreement("a host with a registered key", 3, 1)
    return "\n".join([head, one, two, *records(keys, agreed)])


def vectors_are_these(_):
    """tests/vectors/channel.vec has what sealed.py computes"""
    with open(os.path.join(HERE, "..", "vectors", "channel.vec"), encoding="ascii") as file:
        assert file.read() == vectors()


# ---------------------------------------------------------------- the simulator


def device(directory, *options, init=()):
    sim = Sim(directory, *options).__enter__()
    hufu(sim.path, "init", "--label", "sealed", *init)
    return sim


def another_implementation(directory):
    """sealed.py opens a channel, logs in, makes a key and signs; attacks end the channel"""
    sim = device(directory)
    with sim, sim.client() as client:
        channel = sealed.Channel(client)
        session = sealed.number(channel.must(SESSION_OPEN))
        channel.must(LOGIN, bytes([USER]) + var(USER_PIN), session)
        made = channel.must(KEY_GENERATE, new_key("k"), session)
        handle, public = made[:4], made[6:70]
        e = os.urandom(32)
        answer = channel.must(SIGN, handle + b"\x01\0\0\0" + var("") + e, session)
        r, s = sealed.number(answer[2:34]), sealed.number(answer[34:66])
        p = sealed.add(sealed.multiply(s, sealed.G), sealed.multiply((r + s) % sealed.N, sealed.point(public)))
        assert (sealed.number(e) + p[0]) % sealed.N == r
        assert len(channel.must(RANDOM, struct.pack(">I", 5000))) == 5000
        assert client.call(OBJECT_LIST, bytes(7), session)[0] == NO_SESSION
        record = channel.record(INFO)
        assert client.call(0xE8, record, channel.number)[0] == 0x9000
        assert client.call(0xE8, record, channel.number)[0] == CHANNEL_BROKEN
        assert client.call(0xE8, channel.record(INFO), channel.number)[0] == CHANNEL_BROKEN
        assert client.info()["sessions"] == 0


def required(directory):
    """A device of the INIT flag CHANNEL takes nothing in clear; hufu and sealed.py open channels by themselves"""
    os.environ["HUFU_KNOWN_DEVICES"] = os.path.join(directory, "known")
    sim = device(directory, init=["--channel"])
    with sim, sim.client() as client:
        assert client.call(SESSION_OPEN)[0] == CHANNEL_NEEDED
        assert len(sealed.Channel(client).must(SESSION_OPEN)) == 2
        hufu(sim.path, "key", "generate", "--type", "sm2", "--label", "x")
        assert "open: commands are sealed" in hufu(sim.path, "channel", "show").stdout
        result = hufu(sim.path, "key", "list", check=False, env_more={"HUFU_CHANNEL": "off"})
        assert result.returncode == 1 and "secure channel" in result.stderr, result.stderr


def mutual(directory):
    """A registered host key: the account opens to this host only"""
    os.environ["HUFU_KNOWN_DEVICES"] = os.path.join(directory, "known")
    key, public = os.path.join(directory, "host.pem"), os.path.join(directory, "host.pub")
    sim = device(directory)
    with sim, sim.client() as client:
        hufu(sim.path, "channel", "host-new", "--out", key)
        assert os.stat(key).st_mode & 0o777 == 0o600
        subprocess.run(["openssl", "pkey", "-in", key, "-pubout", "-out", public], check=True, timeout=PATIENCE)
        assert hufu(sim.path, "channel", "host-add", "--key", public, "--to", "user", "--label", "here").stdout == "0\n"
        assert "here" in hufu(sim.path, "channel", "host-list").stdout
        for mode in ("off", "first"):
            result = hufu(sim.path, "key", "list", check=False, env_more={"HUFU_CHANNEL": mode})
            assert result.returncode == 1 and "secure channel" in result.stderr, result.stderr
        hufu(sim.path, "key", "list", env_more={"HUFU_HOST_KEY": key})
        shown = hufu(sim.path, "channel", "show", env_more={"HUFU_HOST_KEY": key}).stdout
        assert "has proved its key" in shown, shown
        text = subprocess.run(["openssl", "pkey", "-in", key, "-text", "-noout"], capture_output=True, text=True, check=True,
                              timeout=PATIENCE).stdout
        d = int("".join(text.split("priv:")[1].split("pub:")[0].replace(":", "").split()), 16)
        channel = sealed.Channel(client, host=d)
        session = sealed.number(channel.must(SESSION_OPEN))
        channel.must(LOGIN, bytes([USER]) + var(USER_PIN), session)
        result = hufu(sim.path, "channel", "host-new", "--out", key, check=False)
        assert result.returncode == 1 and "is not written over" in result.stderr, result.stderr
        hufu(sim.path, "key", "list", env_more={"HUFU_HOST_KEY": key})
        other = os.path.join(directory, "other.pem")
        hufu(sim.path, "channel", "host-new", "--out", other)
        result = hufu(sim.path, "info", check=False, env_more={"HUFU_HOST_KEY": other})
        assert result.returncode == 1 and "does not know this host's key" in result.stderr, result.stderr
        hufu(sim.path, "channel", "host-delete", "--slot", "0")
        hufu(sim.path, "key", "list")


# ---------------------------------------------------------------- somebody in between


class Between:
    """A relay that keeps what passes and may change it: change(direction, frame) -> frames"""

    def __init__(self, directory, sim, change=None):
        self.path = os.path.join(directory, "between")
        self.to, self.seen, self.change = sim.path, bytearray(), change or (lambda _, frame: [frame])
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            near, _ = self.listener.accept()
            far = socket.socket(socket.AF_UNIX)
            far.connect(self.to)
            for direction, a, b in ((1, near, far), (2, far, near)):
                threading.Thread(target=self.pump, args=(direction, a, b), daemon=True).start()

    def pump(self, direction, a, b):
        try:
            while True:
                head = a.recv(12, socket.MSG_WAITALL)
                if len(head) < 12:
                    break
                frame = head + a.recv(sealed.number(head[:4]), socket.MSG_WAITALL)
                self.seen += frame
                for out in self.change(direction, frame):
                    b.sendall(out)
        except OSError:
            pass
        for s in (a, b):
            try:
                s.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass


def recording(directory):
    """Neither PINs nor keys nor results are in what passes; without a channel they are"""
    sim = device(directory)
    with sim:
        for mode, hidden in (("off", False), ("first", True)):
            folder = os.path.join(directory, mode)
            os.mkdir(folder)
            between = Between(folder, sim)
            more = {"HUFU_CHANNEL": mode, "HUFU_KNOWN_DEVICES": os.path.join(folder, "known"), "HUFU_NEW_PIN": "another-pin"}
            hufu(between.path, "key", "generate", "--type", "sm2", "--label", "label-" + mode, env_more=more)
            hufu(between.path, "account", "create", "--role", "auditor", "audit-" + mode, env_more=more)
            listed = hufu(between.path, "key", "list", "--json", env_more=more).stdout
            assert "label-" + mode in listed
            secrets = [USER_PIN, ADMIN_PIN, "another-pin", "label-" + mode, "audit-" + mode]
            found = [s for s in secrets if s.encode() in between.seen]
            assert found == ([] if hidden else secrets), found
            assert len(between.seen) > 1000


def sealed_frame(direction, frame):
    return direction == 1 and frame[13] == 0xE8


def in_between(directory):
    """Whatever is changed on the way: hufu says so, the device has not done it twice, nor anything else"""
    sim = device(directory)
    os.environ["HUFU_KNOWN_DEVICES"] = os.path.join(directory, "known")
    state = {}

    def flip(direction, frame):
        return [frame[:-1] + bytes([frame[-1] ^ 1])] if sealed_frame(direction, frame) else [frame]

    def twice(direction, frame):
        if not sealed_frame(direction, frame):
            return [frame]
        again = frame[:4] + struct.pack(">I", sealed.number(frame[4:8]) + 1) + frame[8:10] + b"\0\0" + frame[12:]
        return [frame[:10] + b"\0\0" + frame[12:], again]

    def clear(direction, frame):  # an answer in clear that says all is well
        if direction == 2 and state.get("sealed") == frame[4:8]:
            return [frame[:3] + b"\x02" + frame[4:12] + b"\x90\x00"]
        if sealed_frame(direction, frame):
            state["sealed"] = frame[4:8]
        return [frame]

    def forged(direction, frame):
        if direction == 2 and len(frame) > 12 + 20 and state.get("sealed") == frame[4:8]:
            return [frame[:12] + bytes([frame[12] ^ 1]) + frame[13:]]
        if sealed_frame(direction, frame):
            state["sealed"] = frame[4:8]
        return [frame]

    def other_key(direction, frame):  # an agreement with somebody else
        if direction == 2 and len(frame) == 12 + 2 + 118 + 2 + 64 + 2:
            return [frame[:14 + 54] + sealed.public(5) + frame[14 + 118:]]
        return [frame]

    with sim:
        for number, (change, words) in enumerate(((flip, "6988"), (twice, ""), (clear, "in clear"), (forged, "forged"),
                                                  (other_key, "cannot prove its identity"))):
            folder = os.path.join(directory, str(number))
            os.mkdir(folder)
            state.clear()
            between = Between(folder, sim, change)
            result = hufu(between.path, "key", "generate", "--type", "sm2", "--label", change.__name__, check=False,
                          env_more={"HUFU_CHANNEL": "first"})
            assert result.returncode == 1 and words in result.stderr, (change.__name__, result.stderr)
        with sim.client() as client:
            assert client.info()["objects"] == 0, client.info()


def another_device(directory):
    """A device that is not the recorded one is refused before it hears a PIN; pinned and known likewise"""
    known = os.path.join(directory, "known")
    os.environ["HUFU_KNOWN_DEVICES"] = known
    first, second = (os.path.join(directory, name) for name in ("a", "b"))
    for name in (first, second):
        os.mkdir(name)
    path = os.path.join(directory, "sock")
    more = {"HUFU_CHANNEL": "first"}
    fingerprints = []
    for folder in (first, second, first):
        with Sim(folder, sock=path):
            if len(fingerprints) < 2:
                hufu(path, "init")
            shown = hufu(path, "channel", "show", env_more={"HUFU_CHANNEL": "off"}).stdout
            fingerprints.append(shown.split("fingerprint")[1].split()[0].upper())
            result = hufu(path, "key", "list", check=False, env_more=more)
            assert (result.returncode == 0) == (folder == first), result.stderr
            if folder == second:
                assert "another device answers" in result.stderr
                hufu(path, "key", "list", env_more={"HUFU_CHANNEL": "pin:" + fingerprints[1]})
                result = hufu(path, "key", "list", check=False, env_more={"HUFU_CHANNEL": "pin:" + fingerprints[0]})
                assert result.returncode == 1 and "not the device" in result.stderr
                assert fingerprints[1] not in open(known, encoding="ascii").read()
                hufu(path, "channel", "trust", "--fingerprint", fingerprints[1])
                hufu(path, "key", "list", env_more={"HUFU_CHANNEL": "known"})
                with open(known, "w", encoding="ascii") as file:
                    file.write(f"# any link\n{fingerprints[0]} *\n")
    assert fingerprints[0] == fingerprints[2]


def in_the_url(directory):
    """The URL says what the channel is to be, before the environment does, and leaves the link's own options alone"""
    known = os.path.join(directory, "known")
    with device(directory) as sim:
        fingerprint = hufu(sim.path, "channel", "show").stdout.split("fingerprint")[1].split()[0]
        off = {"HUFU_CHANNEL": "off"}
        for mode in ("first&known-devices=" + known, "known&known-devices=" + known, "pin:" + fingerprint):
            shown = hufu(f"{sim.path}?channel={mode}", "channel", "show", env_more=off).stdout
            assert "open: commands are sealed" in shown, (mode, shown)
        assert fingerprint.upper() in open(known, encoding="ascii").read().upper()
        for bad, why in (("channel=pin:" + "0" * 64, "not the device"), ("channel=maybe", "give auto, off"), ("rekey=x", "rekey=x"),
                         ("rekey=15", "rekey=15"), ("channel=first&host-key=/nowhere", "/nowhere"), ("chanel=first", "No such file")):
            result = hufu(f"{sim.path}?{bad}", "key", "list", check=False)
            assert result.returncode == 1 and why in result.stderr, (bad, result.stderr)
        # Of a limit to a channel's commands a program is told; what goes on by itself does.
        result = hufu(f"{sim.path}?channel=pin:{fingerprint}&rekey=16", "random", "-n", str(20 << 20), "--out", "/dev/null", check=False)
        assert result.returncode == 1 and "used up" in result.stderr and "reconnect" in result.stderr, result.stderr
        hufu(f"{sim.path}?rekey=16&channel=pin:{fingerprint}", "key", "batch", "-n", "200", "--chunk", "10", "-o", os.path.join(directory, "b"))


def certified(directory):
    """ca: a device whose certificate the owner's CA made, and only such a one"""
    def ssl(*arguments):
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, timeout=PATIENCE, cwd=directory)
    sim = device(directory)
    with sim:
        mode = {"HUFU_CHANNEL": "ca:" + os.path.join(directory, "ca.pem")}
        result = hufu(sim.path, "key", "list", check=False, env_more=mode)
        assert result.returncode == 1 and "No such file" in result.stderr, result.stderr
        ssl("genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", "ca.key")
        ssl("req", "-x509", "-new", "-key", "ca.key", "-sm3", "-sigopt", "distid:1234567812345678", "-out", "ca.pem", "-subj",
            "/CN=owner", "-days", "30")
        result = hufu(sim.path, "key", "list", check=False, env_more=mode)
        assert result.returncode == 1 and "not vouched for" in result.stderr, result.stderr
        hufu(sim.path, "identity", "request", "--out", os.path.join(directory, "device.csr"))
        ssl("x509", "-req", "-in", "device.csr", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-sm3", "-out",
            "device.pem", "-days", "20", "-vfyopt", "distid:1234567812345678", "-sigopt", "distid:1234567812345678")
        hufu(sim.path, "identity", "install", os.path.join(directory, "device.pem"))
        hufu(sim.path, "key", "list", env_more=mode)
        assert "as its CA says" in hufu(sim.path, "channel", "show", env_more=mode).stdout


def known_before(directory):
    """A device is initialised where another one was known: it is, and the way to know it is told"""
    os.environ["HUFU_KNOWN_DEVICES"] = known = os.path.join(directory, "known")
    with Sim(directory) as sim:
        with open(known, "w", encoding="ascii") as file:
            file.write("A" * 64 + " unix:" + sim.path + "\n")
        result = hufu(sim.path, "init", "--channel")
        assert "is initialised" in result.stdout and "hufu channel trust" in result.stderr, result
        assert hufu(sim.path, "key", "list", check=False).returncode == 1
        hufu(sim.path, "channel", "trust")
        hufu(sim.path, "key", "list")


def life(directory):
    """INIT, LOCK, unlock, ZEROISE through channels, each recorded as it should be"""
    os.environ["HUFU_KNOWN_DEVICES"] = known = os.path.join(directory, "known")
    more = {"HUFU_CHANNEL": "first", "HUFU_UNLOCK": "unlock-secret"}
    with Sim(directory) as sim:
        between = Between(directory, sim)
        for _ in range(2):
            hufu(between.path, "init", "--attended", env_more=more)
            hufu(between.path, "lock", env_more=more)
            hufu(between.path, "unlock", env_more={**more, "HUFU_CHANNEL": "known"})
            hufu(between.path, "zeroise", "--yes", env_more=more)
        for secret in (USER_PIN, ADMIN_PIN, OPERATOR_PIN, "unlock-secret"):
            assert secret.encode() not in between.seen, secret
        assert len(open(known, encoding="ascii").read().splitlines()) == 2


if sys.argv[1:] == ["--vectors"]:
    sys.stdout.write(vectors())
else:
    run([vectors_are_these, another_implementation, required, mutual, recording, in_between, another_device, in_the_url, certified,
         known_before, life])
