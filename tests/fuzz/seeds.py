#!/usr/bin/env python3
"""seeds.py FOLDER: inputs for fuzz_device.c that use every command of the table in its present form, to start from. To be run again
(make fuzz-seeds) when the form of a command has changed; what a fuzzer then finds is kept by make fuzz-keep.
"""

import pathlib
import re
import sys

TOP = pathlib.Path(__file__).resolve().parents[2]
READY, LOCKED = 1, 2  # the moments of fuzz_device.c
# Its sessions: account -> channel; handles 1 SM2, 2 SM4, 4 RSA are the user's, 3 the operator's. The next ones are 5, 6...
ADMIN, OPERATOR, USER, AUDITOR, NOBODY = 2, 3, 4, 5, 6


def numbers():
    text = (TOP / "proto/objects.def").read_text()
    found = re.findall(r'^(?:ENUM|FLAG)\((\w+), (\w+), (\w+),', text, re.M)
    return {f"{group}_{name}".upper(): int(value, 0) for group, name, value in found}


def commands():
    text = (TOP / "proto/commands.def").read_text()
    found = re.findall(r'^COMMAND\(0x(..), (\w+),[^"]*"([^"]*)"', text, re.M)
    return {name: (int(ins, 16), [f.split(":") for f in fields.split()]) for ins, name, fields in found}


N, COMMANDS = numbers(), commands()


def encode(kind, value):
    if kind[0] == "u":
        return int(value or 0).to_bytes(int(kind[1:]) // 8, "big")
    value = value.encode() if isinstance(value, str) else value or b""
    if kind[0] == "b":
        return value.ljust(int(kind[1:]), b"\1")
    return value if kind == "rest" or kind.endswith("*") else len(value).to_bytes(2, "big") + value


def command(channel, name, /, **values):
    ins, fields = COMMANDS[name]
    data = b"".join(encode(kind, values.pop(field, None)) for field, kind in fields)
    if values:
        sys.exit(f"seeds.py: {name} has no {', '.join(values)}")
    return bytes([0xC0, ins]) + channel.to_bytes(2, "big") + len(data).to_bytes(2, "big") + data


def policy(uses=0, until=0):
    return uses.to_bytes(4, "big") + bytes(12) + until.to_bytes(8, "big") + bytes(5)


def key(kind, usage, **more):
    flags = sum(N["USAGE_" + name] for name in usage.split())
    return command(USER, "key_generate", type=N["KEY_" + kind], usage=flags, label="seed", **more)


# Public keys are the base points of their curves; OTHER is the opposite of that of SM2.
SM2 = bytes.fromhex("32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0")
P = 2**256 - 2**224 - 2**96 + 2**64 - 1
OTHER = SM2[:32] + (P - int.from_bytes(SM2[32:], "big")).to_bytes(32, "big")
P256 = bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c2964fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
HASH, BLOCKS, IV, PIN = bytes(range(32)), bytes(48), bytes(16), "new-pin-of-6"
SEEDS = {
    "about": [command(0, "identity"), command(0, "capabilities"), command(USER, "attest", handle=1, nonce="nonce"),
              command(0, "identity_certificate"), command(ADMIN, "identity_request"), command(ADMIN, "identity_install", certificate=HASH),
              command(USER, "attest_certificate", handle=1, nonce="nonce")],
    "objects": [command(USER, "object_create", type=N["KEY_DATA"], label="data", id="id", attributes="abc", value="value"),
                command(USER, "object_read", handle=5), command(USER, "object_write", handle=5, parts=3, attributes="d", value="other"),
                command(USER, "object_copy", handle=5, label="copy", attributes="e"), command(USER, "object_copy", handle=1, usage=1, label="copy"),
                command(USER, "object_scan", limit=9), command(USER, "object_changes"), command(USER, "object_changed", since=0x100000000), command(USER, "object_list", limit=9),
                command(USER, "object_find", label="copy"), command(USER, "object_info", handle=1),
                command(OPERATOR, "object_destroy", handle=6), command(USER, "object_scan", after=4, limit=1)],
    "keys": [key("SM2", "SIGN DECRYPT", policy=policy(uses=3)), key("P256", "SIGN AGREE DERIVE_OUT"), key("P384", "SIGN"), key("AES256", "WRAP UNWRAP ENCRYPT"),
             key("HMAC", "SIGN EXTRACT", size=32), key("SM4", "ENCRYPT SIGN", policy=policy(uses=9, until=2**41)),
             command(USER, "mac", handle=9, scheme=N["MAC_HMAC"], hash=N["DIGEST_SM3"], data="data"),
             command(USER, "mac", handle=10, scheme=N["MAC_CMAC"], data="data"),
             command(USER, "derive", handle=6, flags=N["DERIVE_KEY_OUT"], peer=P256, hash=N["DIGEST_SHA256"], info="info", size=40),
             command(USER, "derive", handle=6, peer=P256, type=N["KEY_AES128"], usage=4, size=16),
             command(USER, "key_wrap", handle=8, scheme=N["WRAP_KWP"], key=9), command(USER, "key_wrap", handle=8, scheme=N["WRAP_KW"], key=9),
             command(USER, "key_unwrap", handle=8, scheme=N["WRAP_KWP"], wrapped=bytes(40), type=N["KEY_HMAC"], usage=1, label="in")],
    "limits": [key("SM2", "SIGN DECRYPT", policy=policy(uses=2)),
               *[command(USER, "sign", handle=5, scheme=N["SIGN_SM2"], data=HASH) for _ in range(3)],
               command(USER, "key_restrict", handle=1, usage=N["USAGE_SIGN"] + N["USAGE_DIGEST_ONLY"], policy=policy(uses=4)),
               command(USER, "sign", handle=1, scheme=N["SIGN_SM2_MESSAGE"], data="message"),
               command(USER, "sign_batch", handle=1, scheme=N["SIGN_SM2"], digests=HASH * 3),
               command(USER, "sign", handle=1, scheme=N["SIGN_SM2"], data=HASH), command(USER, "object_scan", limit=5)],
    "values": [command(USER, "key_put", type=N["KEY_AES128"], flags=1, usage=4, secret=IV),
               command(USER, "key_put", type=N["KEY_P256"], flags=1, usage=1, label="in", secret=HASH),
               command(USER, "key_put", type=N["KEY_HMAC"], flags=1, usage=0x801, secret=HASH), command(USER, "key_value", handle=0x80000003),
               command(USER, "key_receive", transport=1, type=N["KEY_SM4"], usage=4, label="in", sealed=SM2 + HASH + IV),
               command(USER, "encrypt", handle=2, scheme=N["CIPHER_SM4_CBC"], iv=IV, data=BLOCKS),
               command(USER, "encrypt", handle=2, scheme=N["CIPHER_SM4_GCM"], iv=IV, aad="aad", data="data"),
               command(USER, "decrypt", handle=2, scheme=N["CIPHER_SM4_CTR"], iv=IV, data="data"),
               command(0, "encrypt", type=N["KEY_SM2"], public=SM2, scheme=N["CIPHER_SM2"], data="data")],
    "wrapped": [command(OPERATOR, "key_export", handle=3), command(OPERATOR, "backup_object", handle=3),
                command(OPERATOR, "restore_object", sealed=b"HFBO\1" + bytes(80)),
                command(USER, "key_batch", type=N["KEY_SM2"], usage=0x101, count=2), command(USER, "key_fetch"),
                command(USER, "key_batch", type=N["KEY_P256"], usage=1, count=1), command(USER, "key_import", header=b"HFWK\1\5")],
    "checks": [command(USER, "verify_batch", handle=1, scheme=1, items=HASH * 2 + SM2 * 2),
               command(0, "verify_batch", type=N["KEY_SM2"], scheme=1, items=SM2 + HASH + SM2),
               command(0, "verify", type=N["KEY_P256"], public=P256, scheme=N["SIGN_ECDSA"], signature=P256, data=HASH),
               command(USER, "hash_init", hash=1, public=SM2), command(USER, "hash_update", data="data"), command(USER, "hash_final"),
               command(0, "digest", hash=N["DIGEST_SHA512"], data="data"), command(USER, "agree_begin", handle=1),
               command(USER, "agree_finish", flags=N["AGREE_INITIATOR"], peer=SM2, peer_temporary=OTHER, size=16),
               command(USER, "agree_keys", handle=1, temporary=1, peer=SM2, peer_temporary=OTHER, size=16)],
    "accounts": [command(ADMIN, "pin_unblock", account=3, new=PIN),
                 command(ADMIN, "account_create", role=4, retries=3, name="second", pin=PIN), command(ADMIN, "quorum_set", needed=2),
                 command(NOBODY, "login", account=5, pin=PIN), command(ADMIN, "approve", command=0x3E, hash=HASH), command(NOBODY, "approvals"),
                 command(ADMIN, "zeroise"),
                 command(NOBODY, "pin_change", account=3, old=PIN, new="user-pin"), command(0, "account_list"),
                 command(ADMIN, "account_delete", account=5), command(ADMIN, "label", label="seed")],
    "domain": [command(ADMIN, "domain_split", threshold=2, custodians=SM2 + OTHER), command(ADMIN, "domain_begin"),
               command(ADMIN, "domain_give", box=SM2), command(ADMIN, "domain_join"), command(ADMIN, "custody_split", threshold=2, custodians=SM2 + OTHER),
               command(ADMIN, "custody_only")],
    "channel": [command(0, "channel_key", nonce=HASH), command(0, "channel_open", nonce=HASH, host=SM2, temporary=OTHER),
                command(0, "channel_confirm", channel=1), command(ADMIN, "host_key_add", account=3, public=SM2, label="host"),
                command(NOBODY, "login", account=3, pin="user-pin"), command(ADMIN, "host_key_list"), command(ADMIN, "host_key_delete"),
                command(0, "channel_sealed", sealed=bytes(144)), command(0, "channel_close")],
    "log": [command(AUDITOR, "log_read", limit=3), command(AUDITOR, "log_checkpoint"), command(AUDITOR, "log_truncate", through=380),
            command(AUDITOR, "log_read", after=379, limit=9)],
    "unlock": [command(0, "session_open"), command(1, "login", account=2, pin="operator-pin"), command(1, "custody_begin"),
               command(1, "custody_give", box=SM2), command(1, "custody_unlock"), command(0, "unlock", secret="unlock-secret"),
               command(0, "session_open"), command(1, "lock")],
}

if __name__ == "__main__":
    for seed, steps in SEEDS.items():
        (pathlib.Path(sys.argv[1]) / f"seed-{seed}").write_bytes(bytes([LOCKED if seed == "unlock" else READY]) + b"".join(steps))
