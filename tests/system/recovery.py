"""kill -9 of the simulator in the middle of work, again and again: nothing acknowledged is lost, nothing is there twice."""

import os
import random
import signal
import struct
import subprocess
import threading

from lib import (ADMIN, ADMIN_PIN, HUFU, LOGIN, OBJECT_INFO, OPERATOR, OPERATOR_PIN, PATIENCE, SELFTEST,
                 SESSION_OPEN, USER, USER_PIN, Sim, hufu, run, unvar, var, wait_for)

SEED = int(os.environ.get("HUFU_TEST_SEED", "0"), 0) or random.SystemRandom().getrandbits(32)
RNG = random.Random(SEED)
WRAP_HEADER, CHUNK_HEAD, CHUNK_TAIL, FILE_HEAD = 38, 62, 32, 16


def archive_keys(path, torn=False):
    """Every public key of an archive of SM2 pairs, in order. torn: the last chunk may be there in part."""
    with open(path, "rb") as f:
        data = f.read()
    keys, at = [], FILE_HEAD
    while at < len(data):
        if torn and len(data) - at < CHUNK_HEAD:
            break
        magic, size, first, good, record, status = struct.unpack_from(">4sIQIHH", data, at)
        assert magic == b"CHNK" and first == len(keys)
        if torn and at + size > len(data):
            break
        assert at + size <= len(data)
        bits = data[at + CHUNK_HEAD:at + CHUNK_HEAD + status]
        body = data[at + CHUNK_HEAD + status:at + size - CHUNK_TAIL]
        for i in range(len(body) // record):
            if bits[i // 8] >> i % 8 & 1:
                keys.append(body[i * record:i * record + 64])
        assert len(keys) == first + good
        at += size
    return keys


def batch_command(sim, path, count):
    environment = dict(os.environ, HUFU_DEVICE="unix:" + sim.path, HUFU_OPERATOR_PIN=OPERATOR_PIN)
    return subprocess.Popen([HUFU, "key", "batch", "--account", "operator", "-q", "-n", str(count), "--chunk", "100",
                             "-o", path, "--usage", "sign"], env=environment, stderr=subprocess.PIPE,
                            stdout=subprocess.DEVNULL, text=True)


def healthy(sim):
    """The device after a restart: READY, its self-tests pass, its log can be read."""
    with sim.client() as client:
        assert client.info()["state"] == 3
        sw, answer = client.call(SELFTEST)
        assert sw == 0x9000 and answer[2:4] == b"\0\0", (sw, answer)
    hufu(sim.path, "log", "--account", "admin")


def check_import(sim, path, keys, indices):
    """What the archive holds can be taken in, and is the pair that it says"""
    for index in indices:
        hufu(sim.path, "key", "import", "--in", path, "--index", str(index), "--label", f"from-{index}")
        pem = hufu(sim.path, "key", "export-public", f"from-{index}", "--format", "pem").stdout
        der = subprocess.run(["openssl", "pkey", "-pubin", "-outform", "DER"], input=pem.encode(), check=True,
                             capture_output=True).stdout
        assert der[-64:] == keys[index], index


def survives(directory, count):
    """How often the simulator was killed before all pairs were made"""
    path = os.path.join(directory, f"{count}.hfwk")
    device = os.path.join(directory, f"for {count}")
    kills = 0
    sim = Sim(device)
    try:
        hufu(sim.path, "init", "--label", "test")
        batch = batch_command(sim, path, count)
        for _ in range(3):
            size = os.path.getsize(path) if os.path.exists(path) else 0
            more = RNG.randrange(1, 200000)
            wait_for(lambda: batch.poll() is not None or (os.path.exists(path) and os.path.getsize(path) > size + more))
            if batch.poll() is not None:
                break
            batch.send_signal(signal.SIGSTOP)  # its patience is not what is tested
            sim.stop(signal.SIGKILL)
            kills += 1
            sim = Sim(device)
            batch.send_signal(signal.SIGCONT)
        _, errors = batch.communicate(timeout=PATIENCE)
        assert batch.returncode == 0, errors
        keys = archive_keys(path)
        assert len(keys) == count and len(set(keys)) == count
        healthy(sim)
        check_import(sim, path, keys, [0, count // 2, count - 1])
        assert sim.stop() == 0
    finally:
        sim.__exit__()
    return kills


def batch_survives(directory):
    """The program goes on by itself when the simulator comes back"""
    assert any(survives(directory, count) for count in (20000, 200000, 2000000)), "the batch was faster than the test"


def batch_resumes(directory):
    """Program and simulator are both killed; the command, given again, completes the file"""
    path = os.path.join(directory, "keys.hfwk")
    device = os.path.join(directory, "device")
    count, before = 20000, []
    sim = Sim(device)
    try:
        hufu(sim.path, "init", "--label", "test")
        for turn in range(4):
            batch = batch_command(sim, path, count)
            more = FILE_HEAD + len(before) * 112 + RNG.randrange(1, 300000)
            wait_for(lambda: batch.poll() is not None or (os.path.exists(path) and os.path.getsize(path) > more))
            victims = [batch, sim.process]
            for victim in victims if turn % 2 else reversed(victims):
                victim.kill()
            batch.communicate(timeout=PATIENCE)
            sim.process.wait(PATIENCE)
            sim = Sim(device)
            healthy(sim)
            keys = archive_keys(path, torn=True)
            assert keys[:len(before)] == before
            before = keys
        batch = batch_command(sim, path, count)
        _, errors = batch.communicate(timeout=PATIENCE)
        assert batch.returncode == 0, errors
        keys = archive_keys(path)
        assert len(keys) == count and len(set(keys)) == count
        assert keys[:len(before)] == before
        check_import(sim, path, keys, RNG.sample(range(count), 3))
        assert sim.stop() == 0
    finally:
        sim.__exit__()


class Maker(threading.Thread):
    """Makes stored keys, one command in flight, and notes what was acknowledged."""

    def __init__(self, sim, account, pin):
        super().__init__()
        self.sim, self.account, self.pin = sim, account, pin
        self.made = {}
        self.labels_tried = 0
        self.refused = None

    def run(self):
        try:
            with self.sim.client() as client:
                channel = client.session(self.account, self.pin)
                while True:
                    self.labels_tried += 1
                    sw, handle, public = client.generate(channel)
                    if sw != 0x9000:
                        self.refused = sw
                        return
                    self.made[handle] = public
        except (EOFError, ConnectionError):
            pass


def stored_keys_survive(directory):
    """Keys that were acknowledged are there after kill -9, unchanged, and no more than were asked for"""
    acknowledged, tried = {}, 0
    sim = Sim(directory)
    try:
        hufu(sim.path, "init", "--label", "test")
        for turn in range(6):
            makers = [Maker(sim, USER, USER_PIN), Maker(sim, OPERATOR, OPERATOR_PIN)]
            for maker in makers:
                maker.start()
            wanted = RNG.randrange(1, 120)
            wait_for(lambda: sum(len(m.made) for m in makers) >= wanted or not any(m.is_alive() for m in makers))
            sim.stop(signal.SIGKILL)
            for maker in makers:
                maker.join(PATIENCE)
                assert maker.refused is None, hex(maker.refused)
                assert not set(acknowledged) & set(maker.made), "a handle was given out twice"
                acknowledged.update(maker.made)
                tried += maker.labels_tried
            sim = Sim(directory)
            with sim.client() as client:
                info = client.info()
                assert info["state"] == 3 and info["boots"] == turn + 2, info
                assert len(acknowledged) <= info["objects"] <= tried, (len(acknowledged), info, tried)
                channel = client.session(OPERATOR, OPERATOR_PIN)
                for handle, public in acknowledged.items():
                    answer = client.must(OBJECT_INFO, handle, channel)
                    at = 15
                    for _ in range(2):
                        _, at = unvar(answer, at)
                    assert unvar(answer, at)[0] == public
        assert acknowledged
        healthy(sim)
        assert sim.stop() == 0
    finally:
        sim.__exit__()


def tries_survive(directory):
    """A try that was counted stays counted: kill -9 right after wrong PINs gives none back"""
    sim = Sim(directory)
    try:
        hufu(sim.path, "init", "--label", "test")
        left = None
        for _ in range(20):
            with sim.client() as client:
                channel = client.session()
                sw, _ = client.call(LOGIN, bytes([ADMIN]) + var("wrong-pin"), channel)
            if sw == 0x6983:
                break
            assert sw >> 4 == 0x63C and (left is None or sw & 15 < left), (sw, left)
            left = sw & 15
            sim.stop(signal.SIGKILL)
            sim = Sim(directory)
        else:
            raise AssertionError("never locked")
        with sim.client() as client:
            assert client.call(LOGIN, bytes([ADMIN]) + var(ADMIN_PIN), client.session())[0] == 0x6983
            assert client.call(SESSION_OPEN)[0] == 0x9000
        assert sim.stop() == 0
    finally:
        sim.__exit__()


print(f"seed: HUFU_TEST_SEED={SEED:#x}")
run([batch_survives, batch_resumes, stored_keys_survive, tries_survive])
