"""A host's end of the secure channel, made from docs/secure-channel.md and nothing else of the tree: SM3 and the SM4 block
cipher from OpenSSL, the rest with Python's integers. For tests: nothing here is constant time."""

import ctypes
import ctypes.util
import hashlib
import os
import struct

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = P - 3
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
     0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0)
DEFAULT_ID = b"1234567812345678"


def number(data):
    return int.from_bytes(data, "big")


def octets(value):
    return value.to_bytes(32, "big")


def sm3(*parts):
    return hashlib.new("sm3", b"".join(parts)).digest()


# ---------------------------------------------------------------- the curve


def add(p, q):
    if p is None or q is None:
        return p or q
    if p[0] == q[0] and (p[1] + q[1]) % P == 0:
        return None
    slope = ((3 * p[0] * p[0] + A) * pow(2 * p[1], -1, P) if p == q else (q[1] - p[1]) * pow(q[0] - p[0], -1, P)) % P
    x = (slope * slope - p[0] - q[0]) % P
    return x, (slope * (p[0] - x) - p[1]) % P


def multiply(k, p):
    result = None
    while k:
        if k & 1:
            result = add(result, p)
        p = add(p, p)
        k >>= 1
    return result


def point_bytes(p):
    return octets(p[0]) + octets(p[1])


def point(data):
    p = number(data[:32]), number(data[32:])
    assert len(data) == 64 and p[0] < P and p[1] < P and (p[1] * p[1] - p[0] ** 3 - A * p[0] - B) % P == 0, "no point"
    return p


def public(d):
    return point_bytes(multiply(d, G))


def z_of(identity, public_key):
    return sm3(struct.pack(">H", 8 * len(identity)), identity, octets(A), octets(B), point_bytes(G), public_key)


def verify(public_key, message, signature):
    r, s = number(signature[:32]), number(signature[32:])
    t = (r + s) % N
    e = number(sm3(z_of(DEFAULT_ID, public_key), message))
    p = add(multiply(s, G), multiply(t, point(public_key)))
    return 0 < r < N and 0 < s < N and t and (e + p[0]) % N == r


def sign(d, message, k):
    e = number(sm3(z_of(DEFAULT_ID, public(d)), message))
    r = (e + multiply(k, G)[0]) % N
    return octets(r) + octets(pow(1 + d, -1, N) * (k - r * d) % N)


def kdf(data, size):
    blocks = range(1, (size + 31) // 32 + 1)
    return b"".join(sm3(data, struct.pack(">I", i)) for i in blocks)[:size]


def reduced(x):
    return (1 << 127) + (x & ((1 << 127) - 1))


def agree(d, r, peer_public, peer_temporary, z_a, z_b, initiator):
    """K, S_A, S_B of GB/T 32918.3"""
    own, peer = multiply(r, G), point(peer_temporary)
    t = (d + reduced(own[0]) * r) % N
    u = multiply(t, add(point(peer_public), multiply(reduced(peer[0]), peer)))
    x, y = octets(u[0]), octets(u[1])
    points = (point_bytes(own), peer_temporary) if initiator else (peer_temporary, point_bytes(own))
    inner = sm3(x, z_a, z_b, *points)
    return kdf(x + y + z_a + z_b, 48), sm3(b"\x03", y, inner), sm3(b"\x02", y, inner)


# ---------------------------------------------------------------- SM4-GCM

_crypto = ctypes.CDLL(ctypes.util.find_library("crypto"))
for _name in ("EVP_CIPHER_CTX_new", "EVP_sm4_ecb"):
    getattr(_crypto, _name).restype = ctypes.c_void_p


class Sm4:
    def __init__(self, key):
        self.context = ctypes.c_void_p(_crypto.EVP_CIPHER_CTX_new())
        cipher = ctypes.c_void_p(_crypto.EVP_sm4_ecb())
        assert _crypto.EVP_EncryptInit_ex(self.context, cipher, None, key, None) == 1
        _crypto.EVP_CIPHER_CTX_set_padding(self.context, 0)
        self.h = number(self.blocks(bytes(16)))

    def blocks(self, data):
        out, size = ctypes.create_string_buffer(len(data) + 16), ctypes.c_int()
        assert _crypto.EVP_EncryptUpdate(self.context, out, ctypes.byref(size), data, len(data)) == 1
        return out.raw[:len(data)]

    def times_h(self, x):
        z, v = 0, self.h
        for i in range(127, -1, -1):
            if x >> i & 1:
                z ^= v
            v = v >> 1 ^ (0xE1 << 120 if v & 1 else 0)
        return z

    def ghash(self, aad, text):
        padded = aad + bytes(-len(aad) % 16) + text + bytes(-len(text) % 16) + struct.pack(">QQ", 8 * len(aad), 8 * len(text))
        y = 0
        for i in range(0, len(padded), 16):
            y = self.times_h(y ^ number(padded[i:i + 16]))
        return y.to_bytes(16, "big")

    def stream(self, nonce, size):
        return self.blocks(b"".join(nonce + struct.pack(">I", i + 1) for i in range(1 + (size + 15) // 16)))

    def crypt(self, nonce, aad, text, decrypt=False):
        """The other text, and the tag"""
        stream = self.stream(nonce, len(text))
        other = bytes(a ^ b for a, b in zip(text, stream[16:]))
        tag = bytes(a ^ b for a, b in zip(self.ghash(aad, text if decrypt else other), stream))
        return other, tag


# ---------------------------------------------------------------- the channel


class Forged(Exception):
    pass


class Keys:
    def __init__(self, agreed):
        self.cipher = {1: Sm4(agreed[:16]), 2: Sm4(agreed[16:32])}
        self.iv = {1: agreed[32:40], 2: agreed[40:]}

    def around(self, direction, channel, flags, counter, size):
        """nonce, AAD"""
        return (self.iv[direction] + struct.pack(">I", counter),
                struct.pack(">4sBHBII", b"HFCR", direction, channel, flags, counter, size))

    def seal(self, direction, channel, flags, counter, text):
        nonce, aad = self.around(direction, channel, flags, counter, len(text))
        cipher, tag = self.cipher[direction].crypt(nonce, aad, text)
        return cipher + tag

    def open(self, direction, channel, flags, counter, data):
        cipher = data[:-16]
        nonce, aad = self.around(direction, channel, flags, counter, len(cipher))
        text, tag = self.cipher[direction].crypt(nonce, aad, cipher, decrypt=True)
        if tag != data[-16:]:
            raise Forged
        return text


def inner(ins, session, data):
    text = struct.pack(">BBHI", 0xC0, ins, session, len(data)) + data
    return text + bytes(-len(text) % 128)


def hello(flags):
    return b"HFCH\x01" + bytes([flags])


def statement_of(serial, flags, nonce, device_public):
    return b"HFCS\x01" + serial + bytes([flags]) + nonce + device_public


class Channel:
    """Over a client with call(ins, data, channel) -> (status word, data). identity: the public key to trust; None: ask the
    device. host: our registered private key."""

    def __init__(self, client, identity=None, host=None):
        self.client, self.counter = client, 0
        nonce = os.urandom(32)
        answer = client.must(0xE0, nonce)
        size = number(answer[:2])
        self.statement, signature = answer[2:2 + size], answer[4 + size:]
        device_public = self.statement[-64:]
        self.flags = self.statement[21]
        assert size == 118 and self.statement == statement_of(self.statement[5:21], self.flags, nonce, device_public)
        if not self.flags & 4:
            identity = identity or client.must(0x22)
            assert verify(identity, self.statement, signature), "the statement is not signed by the device"
        mode = 1 if host else 0
        d = host or 1 + number(os.urandom(40)) % (N - 2)
        r = 1 + number(os.urandom(40)) % (N - 2)
        answer = client.must(0xE2, bytes([mode]) + nonce + public(d) + public(r))
        self.number, temporary, s_b = number(answer[:2]), answer[2:66], answer[66:]
        z_a, z_b = z_of(hello(mode), public(d)), z_of(self.statement, device_public)
        agreed, s_a, expected = agree(d, r, device_public, temporary, z_a, z_b, True)
        assert s_b == expected, "S_B"
        client.must(0xE4, answer[:2] + s_a)
        self.agreed, self.keys = agreed, Keys(agreed)

    def record(self, ins, data=b"", session=0, flags=0):
        """What goes out for the next command"""
        sealed = self.keys.seal(1, self.number, flags, self.counter, inner(ins, session, data))
        self.counter += 1
        return bytes([flags]) + struct.pack(">I", self.counter - 1) + sealed

    def call(self, ins, data=b"", session=0, flags=0):
        sw, sealed = self.client.call(0xE8, self.record(ins, data, session, flags), self.number)
        if sw != 0x9000:
            raise Forged(f"{sw:04X}")
        text = self.keys.open(2, self.number, 0, self.counter - 1, sealed)
        return number(text[-2:]), text[:-2]

    def must(self, ins, data=b"", session=0, flags=0):
        sw, answer = self.call(ins, data, session, flags)
        assert sw == 0x9000, f"INS {ins:02X}: {sw:04X}"
        return answer
