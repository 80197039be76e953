"""What must be in a device after what its clients have written down (tests/load/journal.h), worked out without the
library: keys, names, tries and batches; and signatures, by OpenSSL."""

import collections
import hashlib
import os
import subprocess

SM2, RSA2048 = 1, 2
# SubjectPublicKeyInfo in front of 04 || x || y of SM2
SM2_SPKI = bytes.fromhex("3059301306072a8648ce3d020106082a811ccf5501822d03420004")
PAIRS = (SM2, RSA2048)


class Wrong(AssertionError):
    """Something that must not be."""


class Key:
    """One that was acknowledged."""

    def __init__(self, client, kind, label, public):
        self.client, self.kind, self.public = client, int(kind), public
        self.labels = {label}  # those that it may have
        self.destroying = self.destroyed = False


class Model:
    """Reads the journals of all clients, each in its order."""

    def __init__(self, paths):
        self.keys = {}
        self.asked = collections.Counter()  # by name: asked for and never acknowledged
        self.batches = {}
        self.new = set()  # batches that came as new ones
        self.samples = []
        self.operations = collections.Counter()
        self.wrong_pins = 0
        self.fetched = 0
        for path in paths:
            self.read(path)

    def read(self, path):
        """One client: its lines are what it saw, one after the other, whoever was killed in between"""
        client, pending, tries = os.path.basename(path), None, None
        with open(path, encoding="ascii") as f:
            for line in f:
                if not line.endswith("\n"):
                    break
                word, *rest = line.split()
                if word == "E":
                    raise Wrong(f"client {client}: {line}")
                if word in "GK":
                    pending = self.key(client, pending, word, rest)
                elif word in "DXLM":
                    self.change(word, rest)
                elif word == "S":
                    self.samples.append((int(rest[0]), bytes.fromhex(rest[1]), bytes.fromhex(rest[2])))
                elif word == "C":
                    self.chunk(client, rest)
                elif word in "wWrR":
                    tries = self.tried(client, tries, word, rest)
                elif word == "T":
                    self.operations.update({k: int(v) for k, v in (part.split("=") for part in rest)})
        if pending:
            self.asked[pending] += 1

    def key(self, client, pending, word, rest):
        """Asked for, acknowledged. What is pending afterwards."""
        if word == "G":
            if pending:
                self.asked[pending] += 1
            return (int(rest[0]), rest[1])
        handle, kind, label = rest[:3]
        if (int(kind), label) != pending:
            raise Wrong(f"client {client}: {label} was not asked for")
        if int(handle) in self.keys:
            raise Wrong(f"handle {handle} was given to {self.keys[int(handle)].client} and to {client}")
        self.keys[int(handle)] = Key(client, kind, label, bytes.fromhex(rest[3]) if len(rest) > 3 else b"")
        return None

    def change(self, word, rest):
        """Of a key: destroyed, named"""
        key = self.keys[int(rest[0])]
        if word == "D":
            key.destroying = True
        elif word == "X":
            key.destroyed = True
        elif word == "L":
            key.labels.add(rest[1])
        else:
            key.labels = {rest[1]}

    def chunk(self, client, rest):
        """Pairs that were handed over: as new ones once, and again only if they were fetched, and then the same"""
        fetched, batch, keys = rest[0] != "0", rest[1], rest[2]
        self.fetched += fetched
        if self.batches.setdefault(batch, keys) != keys or (not fetched and batch in self.new):
            raise Wrong(f"client {client}: batch {batch} came twice")
        if not fetched:
            self.new.add(batch)

    def tried(self, client, tries, word, rest):
        """tries: the most that can be left, None: not known. A wrong PIN never gives one back."""
        if word in "rR":
            return None
        if word == "w":
            return tries
        left = int(rest[0])
        self.wrong_pins += 1
        if tries is not None and left >= tries:
            raise Wrong(f"client {client}: {left} tries are left where {tries} were before")
        return left

    # ------------------------------------------------------------------ against the device

    def compare(self, objects):
        """objects: handle -> (type, label, public key). The figures."""
        for handle, key in self.keys.items():
            if handle not in objects:
                if not key.destroying:
                    raise Wrong(f"key {handle} of {key.client} was acknowledged and is lost")
                continue
            kind, label, public = objects[handle]
            if key.destroyed:
                raise Wrong(f"key {handle} of {key.client} was destroyed and is there")
            if (kind, public) != (key.kind, key.public) or label not in key.labels:
                raise Wrong(f"key {handle} of {key.client} is {kind} {label}, not {key.kind} {key.labels}")
        asked = self.asked.copy()
        for handle in objects.keys() - self.keys.keys():
            kind, label, _ = objects[handle]
            if not asked[(kind, label)]:
                raise Wrong(f"key {handle}, {label}, was not asked for")
            asked[(kind, label)] -= 1
        self.unique(objects)
        return {"acknowledged": len(self.keys), "in the device": len(objects),
                "destroyed": sum(key.destroyed for key in self.keys.values()),
                "made, but not acknowledged": len(objects.keys() - self.keys.keys())}

    def unique(self, objects):
        """No public key is there twice, whether stored or handed over"""
        seen = {key.public for key in self.keys.values() if key.kind in PAIRS}
        count = sum(key.kind in PAIRS for key in self.keys.values())
        for handle in objects.keys() - self.keys.keys():
            if objects[handle][0] in PAIRS:
                seen.add(objects[handle][2])
                count += 1
        for keys in self.batches.values():
            for i in range(0, len(keys), 128):
                seen.add(bytes.fromhex(keys[i:i + 128]))
                count += 1
        if len(seen) != count:
            raise Wrong(f"{count} key pairs, of which {count - len(seen)} are there twice")

    # ------------------------------------------------------------------ signatures

    def verify(self, directory, most):
        """How many of the samples OpenSSL was asked about, none of which it found wrong"""
        chosen = self.samples[:: max(1, len(self.samples) // most)]
        for handle, message, signature in chosen:
            key = self.keys[handle]
            if not openssl_verifies(directory, key.kind, key.public, message, signature):
                raise Wrong(f"OpenSSL does not take a signature by key {handle}")
        return len(chosen)


def der(tag, content):
    """One element"""
    size = len(content)
    head = bytes([size]) if size < 128 else bytes([0x80 | (size.bit_length() + 7) // 8]) + size.to_bytes(
        (size.bit_length() + 7) // 8, "big")
    return bytes([tag]) + head + content


def integer(raw):
    """A number that is not negative"""
    raw = raw.lstrip(b"\0") or b"\0"
    return der(2, b"\0" + raw if raw[0] & 128 else raw)


def spki(kind, public):
    """SubjectPublicKeyInfo of a key as the device gives it"""
    if kind == SM2:
        return SM2_SPKI + public
    key = der(0x30, integer(public[4:]) + integer(public[:4]))
    return der(0x30, bytes.fromhex("300d06092a864886f70d0101010500") + der(3, b"\0" + key))


def openssl_verifies(directory, kind, public, message, signature):
    """By the command line of OpenSSL"""
    names = {what: os.path.join(directory, what) for what in ("key", "message", "signature")}
    if kind == SM2:
        signature = der(0x30, integer(signature[:32]) + integer(signature[32:]))
        how = ["-rawin", "-digest", "sm3", "-pkeyopt", "distid:1234567812345678"]
    else:
        how = ["-pkeyopt", "rsa_padding_mode:pkcs1", "-pkeyopt", "digest:sha256"]
    for what, data in (("key", spki(kind, public)), ("message", message), ("signature", signature)):
        with open(names[what], "wb") as f:
            f.write(data)
    return subprocess.run(["openssl", "pkeyutl", "-verify", "-pubin", "-keyform", "DER", "-inkey", names["key"], "-in",
                           names["message"], "-sigfile", names["signature"], *how], capture_output=True,
                          check=False).returncode == 0


def self_check():
    """The model can say no: each of these must be found"""
    public = hashlib.sha512(b"a key").digest().hex()
    good = ["G 1 a", f"K 7 1 a {public}"]
    state = {7: (1, "a", bytes.fromhex(public))}
    cases = [(good, {}), (good, {7: (1, "b", bytes.fromhex(public))}), (good, {7: (1, "a", bytes(64))}),
             (good + ["D 7", "X 7"], state), (good, {**state, 8: (1, "z", bytes(64))}),
             (good + good, state), (good + ["C 0 11 " + public], state), (["C 0 11 00", "C 0 11 00"], {}),
             (["C 0 11 00", "C 1 11 01"], {}), (["w", "W 5", "w", "W 5"], {}), (["E text"], {})]
    import tempfile  # pylint: disable=import-outside-toplevel
    with tempfile.TemporaryDirectory() as directory:
        def judged(lines, objects):
            path = os.path.join(directory, "journal")
            with open(path, "w", encoding="ascii") as f:
                f.write("\n".join(lines) + "\n")
            try:
                Model([path]).compare(objects)
            except Wrong:
                return False
            return True
        assert judged(good, state) and judged(good + ["D 7"], {}) and judged(good[:1], state)
        assert judged(["w", "W 5", "w", "w", "W 3", "r", "w", "W 9"], {})
        for lines, objects in cases:
            assert not judged(lines, objects), (lines, objects)
