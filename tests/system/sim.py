"""hufu-sim as a process (starting, refusing, stopping) and as a server (frames good and bad, many clients)."""

import json
import os
import random
import select
import signal
import socket
import stat
import struct
import subprocess
import threading
import zlib

from lib import (ANSWER, APDU, CHECKED, COUNTED, HUFU, INFO, KEY_ACK, KEY_BATCH, KEY_GENERATE, OBJECT_LIST, OPERATOR, OPERATOR_PIN, PATIENCE, RANDOM,
                 SANITIZED, SESSION_OPEN, SIGN, SIM, USER, USER_PIN, Sim, Skip, hufu, new_key, run, sessions_of, var, wait_for)

SEED = int(os.environ.get("HUFU_TEST_SEED", "0"), 0) or random.SystemRandom().getrandbits(32)


def initialise(sim):
    hufu(sim.path, "init", "--label", "test")


def failing(*command, **more):
    """Status and standard error of a simulator that does not start; the error is one line."""
    result = subprocess.run([SIM, *command], capture_output=True, text=True, timeout=PATIENCE, check=False, **more)
    assert result.stdout == "", result.stdout
    assert result.stderr.count("\n") == 1, result.stderr
    return result.returncode, result.stderr


# ---------------------------------------------------------------- the process


def usage(directory):
    """Wrong usage gives status 2 and one line"""
    for command in [[], ["--dir", ""], ["--dir", directory, "--threads", "0"], ["--dir", directory, "--threads", "x"],
                    ["--dir", directory, "--sessions", "4097"], ["--dir", directory, "--objects", "15"],
                    ["--dir", directory, "--log-level", "loud"], ["--dir", directory, "more"], ["--nonsense"], ["--dir"]]:
        status, text = failing(*command)
        assert status == 2 and text.startswith("hufu-sim: ") and "hufu-sim --help" in text, (command, status, text)
    assert os.listdir(directory) == []


def texts(_):
    """--help, --version and --print-capabilities"""
    def out(option):
        return subprocess.run([SIM, option], capture_output=True, text=True, check=True).stdout
    assert "--print-capabilities" in out("--help")
    assert out("--version").startswith("hufu-sim ")
    can = json.loads(out("--print-capabilities"))
    assert can["program"] == "hufu-sim" and can["protocol"] == 1
    assert "SM2" in can["keys"] and "RSA2048" in can["keys"] and "SM3" in can["digests"]
    assert can["limits"]["FRAME_MAX"] == 1048576 and can["limits"]["SESSIONS"] >= 64
    assert can["commands"]["info"] == "02"


def life(directory):
    """Start and stop: files, modes, statuses, by both signals"""
    inner = os.path.join(directory, "a", "device")
    os.mkdir(os.path.join(directory, "a"))
    pid_file = os.path.join(directory, "pid")
    for how in (signal.SIGTERM, signal.SIGINT):
        with Sim(inner, "--pid-file", pid_file) as sim:
            assert stat.S_IMODE(os.stat(inner).st_mode) == 0o700
            assert stat.S_IMODE(os.stat(sim.path).st_mode) == 0o600
            with open(pid_file, encoding="ascii") as f:
                assert int(f.read()) == sim.process.pid
            with sim.client() as client:
                assert client.info()["state"] == 1
            assert sim.stop(how) == 0
            assert not os.path.exists(sim.path) and not os.path.exists(pid_file)
            assert "stopping" in sim.messages() and "served 1 commands in 1 rounds" in sim.messages()
    device = os.path.join(directory, "no file")
    os.mkfifo(device)
    reader = os.open(device, os.O_RDONLY | os.O_NONBLOCK)
    status, text = failing("--dir", inner, "--pid-file", device)
    os.close(reader)
    assert status == 1 and "is no file" in text and stat.S_ISFIFO(os.stat(device).st_mode), text


def stays_initialised(directory):
    """What was made is there after a restart"""
    with Sim(directory) as sim:
        initialise(sim)
        hufu(sim.path, "key", "generate", "--type", "sm2", "--label", "kept")
        assert sim.stop() == 0
    with Sim(directory) as sim:
        with sim.client() as client:
            info = client.info()
        assert info["state"] == 3 and info["label"] == "test" and info["objects"] == 1 and info["boots"] == 2
        assert "kept" in hufu(sim.path, "key", "list").stdout


def second_refused(directory):
    """A second simulator on the directory, or on the socket, says so in one line; the first goes on"""
    with Sim(directory) as sim:
        status, text = failing("--dir", directory, "--socket", os.path.join(directory, "other"))
        assert status == 1 and directory in text and str(sim.process.pid) in text, text
        status, text = failing("--dir", os.path.join(directory, "other"), "--socket", sim.path)
        assert status == 1 and sim.path in text, text
        with sim.client() as client:
            client.info()
        assert sim.stop() == 0


def stale_socket(directory):
    """The socket of a killed simulator is replaced; another file in its place is not"""
    with Sim(directory) as sim:
        sim.stop(signal.SIGKILL)
        assert os.path.exists(sim.path)
    with Sim(directory) as sim:
        with sim.client() as client:
            client.info()
        sim.stop()
    path = os.path.join(directory, "hufu.sock")
    with open(path, "w", encoding="ascii") as f:
        f.write("precious")
    status, text = failing("--dir", directory)
    assert status == 1 and path in text, text
    with open(path, encoding="ascii") as f:
        assert f.read() == "precious"


def bad_places(directory):
    """A directory that cannot be used, a socket path that is too long or leads nowhere: one line, status 1"""
    file = os.path.join(directory, "file")
    with open(file, "w", encoding="ascii"):
        pass
    for command in [["--dir", file], ["--dir", os.path.join(file, "below")],
                    ["--dir", os.path.join(directory, "d"), "--socket", os.path.join(directory, "no", "where")],
                    ["--dir", os.path.join(directory, "d"), "--socket", "/tmp/" + "x" * 200],
                    ["--dir", os.path.join(directory, "d"), "--pid-file", os.path.join(directory, "no", "pid")]]:
        status, text = failing(*command)
        assert status == 1, (command, status, text)
    assert not os.path.exists(os.path.join(directory, "d", "hufu.sock"))


def unreadable_directory(directory):
    """A directory without rights"""
    device = os.path.join(directory, "device")
    os.mkdir(device, 0o000)
    if os.geteuid() != 0:
        status, text = failing("--dir", device)
    else:
        os.chmod(directory, 0o755)
        def drop():
            os.setgid(65534)
            os.setuid(65534)
        try:
            status, text = failing("--dir", device, preexec_fn=drop)
        except (PermissionError, OSError, subprocess.SubprocessError) as why:
            raise Skip(f"another user cannot run {SIM}: {why}") from why
    assert status == 1 and device in text, (status, text)


def engine_unknown(directory):
    """An engine that is not there: the device is FAILED, and says so"""
    with Sim(directory, "--engine", "none") as sim:
        with sim.client() as client:
            assert client.info()["state"] == 4
            assert client.call(SESSION_OPEN)[0] == 0x6F02
        assert "failed" in sim.messages()
        assert sim.stop() == 0


# ---------------------------------------------------------------- frames


def counted_and_checked_frames(directory):
    """A counted frame that comes twice or leaves a gap ends the connection, as a damaged checked one does; unanswered"""
    with Sim(directory) as sim:
        for tags in ((5, 6, 6), (5, 7), (5, 4), (0xFFFFFFFF, 0, 2)):
            with sim.client() as client:
                for tag in tags[:-1]:
                    client.send_frame(b"\xC0\x02", flags=COUNTED, tag=tag)
                    assert client.receive()[::3] == (tag, 0x9000)
                client.send_frame(b"\xC0\x02", flags=COUNTED, tag=tags[-1])
                assert client.at_end(), tags
        for body, spoil, sw in ((b"\xC0\x02", 0, 0x9000), (b"\xC0", 0, 0x6700), (b"\xC0\x02", 1, None)):
            with sim.client() as client:
                head = struct.pack(">IIHH", len(body) + 4, 9, 0, CHECKED)
                check = (zlib.crc32(head + body) ^ spoil).to_bytes(4, "big")
                client.send_frame(body + check, flags=CHECKED, tag=9)
                if spoil:
                    assert client.at_end()
                else:
                    tag, flags, _, got = client.receive()
                    assert (tag, flags, got) == (9, CHECKED | ANSWER, sw)


def bad_frames(directory):
    """What is wrong with a frame is answered with its tag; the others are served"""
    with Sim(directory) as sim:
        with sim.client() as client:
            for flags in (8, ANSWER, 0x7FFF, ANSWER | APDU):
                tag = client.send_frame(b"\xC0\x02", flags=flags)
                got, _, data, sw = client.receive()
                assert (got, data, sw) == (tag, b"", 0x6A80)
            for payload in (b"", b"\xC0"):
                tag = client.send_frame(payload)
                assert client.receive()[::3] == (tag, 0x6700)
            for text in ("", "c0", "c002", "c00200"):
                assert client.apdu(text) == "6700"
            client.info()
            client.send_frame(b"\xC0\x02", length=1048579, tag=77)
            assert client.receive()[::3] == (77, 0x6700)
            try:
                assert client.socket.recv(1) == b""
            except ConnectionResetError:
                pass
        with sim.client() as client:
            client.info()
            # the longest frame there can be, for a command that has no data
            assert client.call(INFO, bytes(1048576))[0] == 0x6700
            client.info()
        assert sim.stop() == 0


def garbage(directory):
    """Random bytes, and random cuts of good frames, on many connections"""
    print(f"seed: HUFU_TEST_SEED={SEED:#x}")
    rng = random.Random(SEED)
    with Sim(directory) as sim:
        initialise(sim)
        for turn in range(300):
            with sim.client() as client:
                bits = rng.randbytes(rng.randrange(1, 3000))
                if turn % 3:
                    bits = b"".join(
                        len(p).to_bytes(4, "big") + rng.randbytes(4) + bytes(3) + bytes([turn & 1]) + p
                        for p in (bytes([0xC0, rng.randrange(256)]) + rng.randbytes(rng.randrange(40))
                                  for _ in range(rng.randrange(1, 20))))
                    bits = bits[:rng.randrange(1, len(bits) + 1)]
                try:
                    client.socket.sendall(bits)
                    if turn % 2:
                        client.socket.shutdown(socket.SHUT_WR)
                        while client.socket.recv(65536):
                            pass
                except (BrokenPipeError, ConnectionResetError):
                    pass
        with sim.client() as client:
            info = client.info()
        assert info["state"] == 3 and info["objects"] == 0
        nobody(sim)
        assert sim.stop() == 0


def nobody(sim):
    """No session is left. Ends are noticed in the order of events, so a new client may have to ask again."""
    wait_for(lambda: sessions_of(sim) == 0)


def apdus(directory):
    """The card in front of the real device: SELECT, short and extended, 61xx, chains"""
    with Sim(directory) as sim, sim.client() as client:
        answer = client.apdu("00a4040009f04875667" + "54b45590100")
        assert answer.startswith("6f") and "8409f048756675" in answer and answer.endswith("9000")
        assert client.apdu("00a4040005a000000001") == "6a82"
        assert client.apdu("00b0000000") == "6d00"
        assert client.apdu("8004000000") == "6e00"
        whole = client.apdu("c0020000000000")
        assert whole.endswith("9000") and len(whole) > 100
        first = client.apdu("c002000010")
        assert first.startswith(whole[:16]) and first[-4:-2] == "61", first
        rest = client.apdu("00c00000" + first[-2:])
        assert rest.endswith("9000")
        initialise(sim)
        channel = int(client.apdu("c010000002")[:4], 16)
        # LOGIN in three parts of a chain
        data = bytes([USER]) + var(USER_PIN)
        for at in range(0, len(data), 5):
            part = data[at:at + 5]
            cla = "d0" if at + 5 < len(data) else "c0"
            answer = client.apdu(f"{cla}14{channel:04x}{len(part):02x}{part.hex()}")
            assert answer == "9000" if cla == "d0" else answer == "6101", answer
        assert client.apdu("00c0000001") == "019000"
        assert client.apdu(f"c008{channel:04x}04000003e8")[-4:] == "6100"
        got = ""
        while True:
            part = client.apdu("00c0000000")
            got += part[:-4]
            if part[-4:-2] != "61":
                break
        assert part[-4:] == "9000" and len(got) == 2000
        assert len(client.apdu(f"c008{channel:04x}000004000003e80000")) == 2004
        # a native frame on the same connection is another link: it does not know that session
        assert client.call(RANDOM, bytes(4), channel)[0] in (0x6881, 0x9000)
        assert client.call(OBJECT_LIST, bytes(7), channel)[0] == 0x6881
        assert sim.stop() == 0


def many_in_flight(directory):
    """A thousand commands sent before an answer is read: each is answered once, those of a session in order"""
    with Sim(directory) as sim, sim.client() as client:
        initialise(sim)
        sizes = [random.randrange(1, 200) for _ in range(1000)]
        sender = threading.Thread(target=lambda: [client.send_frame(b"\xC0\x08" + n.to_bytes(4, "big")) for n in sizes])
        sender.start()
        seen = {}
        for _ in sizes:
            tag, _, data, sw = client.receive()
            assert sw == 0x9000 and tag not in seen
            seen[tag] = len(data)
        sender.join()
        assert [seen[i + 1] for i in range(1000)] == sizes
        channel = client.session()
        parts = [os.urandom(i) for i in range(100)]
        client.send_frame(b"\xC0\x80\x01" + bytes(8), channel)
        for part in parts:
            client.send_frame(b"\xC0\x82" + part, channel)
        tag = client.send_frame(b"\xC0\x84", channel)
        digest = None
        for _ in range(102):
            got, _, data, sw = client.receive()
            assert sw == 0x9000
            digest = data if got == tag else digest
        sw, whole = client.call(0x86, b"\x01" + bytes(8) + b"".join(parts))
        assert sw == 0x9000 and whole == digest
        assert sim.stop() == 0


def half_close(directory):
    """Who sends no more still gets its answers, then the end"""
    with Sim(directory) as sim, sim.client() as client:
        for _ in range(50):
            client.send_frame(b"\xC0\x02")
        client.socket.shutdown(socket.SHUT_WR)
        assert {client.receive()[0] for _ in range(50)} == set(range(1, 51))
        assert client.socket.recv(1) == b""
        assert sim.stop() == 0


# ---------------------------------------------------------------- many clients


def sessions_at_once(directory):
    """64 sessions, on one connection and on 64, all logged in and signing"""
    with Sim(directory, "--sessions", "128") as sim:
        initialise(sim)
        with sim.client() as one:
            key = one.must(KEY_GENERATE, new_key(""), one.session(USER, USER_PIN))[:4]
            request = key + b"\x01\x01" + bytes(2) + bytes(2) + bytes(32)
            channels = [one.session(USER, USER_PIN) for _ in range(63)]
            clients = [sim.client() for _ in range(64)]
            others = [c.session(USER, USER_PIN) for c in clients]
            assert one.info()["sessions"] == 128
            assert one.call(SESSION_OPEN)[0] == 0x6A8F
            for channel in channels:
                one.send_frame(bytes([0xC0, SIGN]) + request, channel)
            for client, channel in zip(clients, others):
                client.send_frame(bytes([0xC0, SIGN]) + request, channel)
            for channel in channels:
                assert one.receive()[3] == 0x9000
            for client in clients:
                assert client.receive()[3] == 0x9000
            # a channel of another connection is no channel
            assert one.call(SIGN, request, others[0])[0] == 0x6881
            for client in clients:
                client.socket.close()
        nobody(sim)
        assert sim.stop() == 0


def two_processes(directory):
    """Two programs on one simulator, each making and using its keys"""
    with Sim(directory) as sim:
        initialise(sim)
        environment = dict(os.environ, HUFU_DEVICE="unix:" + sim.path, HUFU_USER_PIN=USER_PIN,
                           HUFU_OPERATOR_PIN=OPERATOR_PIN)
        script = ('set -e; for i in $(seq 12); do "$HUFU" key generate --type sm2 --label "$1-$i" >/dev/null;'
                  ' "$HUFU" random -n 100 >/dev/null; done; "$HUFU" key batch -n 500 -q -o "$2/$1.hfwk" >/dev/null')
        both = [subprocess.Popen(["bash", "-c", script, "-", name, directory], env=dict(environment, HUFU=HUFU))
                for name in ("one", "two")]
        assert [p.wait(PATIENCE) for p in both] == [0, 0]
        listed = hufu(sim.path, "key", "list").stdout
        assert all(f"{name}-{i}" in listed for name in ("one", "two") for i in range(1, 13))
        nobody(sim)
        assert sim.stop() == 0


CRASHER = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from lib import *
c = Client(sys.argv[2])
channels = [c.session(USER, USER_PIN) for _ in range(5)]
for channel in channels:
    c.send_frame(bytes([0xC0, KEY_BATCH, 1]) + (257).to_bytes(4, "big") + (4000).to_bytes(4, "big") + bytes(8), channel)
c.socket.sendall(bytes([0, 0, 1, 0, 9, 9]))
os.kill(os.getpid(), signal.SIGKILL)
"""


def killed_clients(directory):
    """Clients that die with sessions open, commands running and half a frame sent leave nothing behind"""
    with Sim(directory) as sim:
        initialise(sim)
        here = os.path.dirname(os.path.abspath(__file__))
        for _ in range(4):
            crashed = [subprocess.Popen(["python3", "-B", "-c", CRASHER, here, sim.path]) for _ in range(3)]
            assert [p.wait(PATIENCE) for p in crashed] == [-signal.SIGKILL] * 3
        nobody(sim)
        with sim.client() as client:
            client.session(USER, USER_PIN)
        assert sim.stop() == 0


def deaf_clients(directory):
    """Clients that never read an answer do not hold up the others, nor the end"""
    with Sim(directory) as sim:
        initialise(sim)
        deaf = []
        for _ in range(4):
            client = sim.client()
            client.socket.setblocking(False)
            frame = (6).to_bytes(4, "big") + bytes(8) + b"\xC0\x08" + (1000000).to_bytes(4, "big")
            try:
                while True:
                    client.socket.sendall(frame * 20)
            except BlockingIOError:
                pass
            deaf.append(client)
        with sim.client() as client:
            for _ in range(20):
                assert len(client.must(RANDOM, (5000).to_bytes(4, "big"))) == 5000
        if not SANITIZED:
            assert sim.memory("VmHWM") < 200 * 1048576, sim.memory("VmHWM")
        assert sim.stop() == 0


def stop_under_load(directory):
    """A stop in the middle of work: what runs is answered, then the connection ends"""
    with Sim(directory) as sim:
        initialise(sim)
        with sim.client() as client:
            channel = client.session(OPERATOR, OPERATOR_PIN)
            for _ in range(40):
                client.send_frame(bytes([0xC0, KEY_BATCH, 1]) + (257).to_bytes(4, "big") + (3000).to_bytes(4, "big") +
                                  bytes(8), channel)
            assert client.receive()[3] == 0x9000
            sim.process.send_signal(signal.SIGTERM)
            words = []
            try:
                while len(words) < 40:
                    words.append(client.receive()[3])
            except (EOFError, ConnectionResetError):
                pass
            assert set(words) <= {0x9000, 0x6A8F}, words
        assert sim.process.wait(PATIENCE) == 0


def short_during_long(directory):
    """While RSA keys are made for one client the others are served; several who make them, and a dead one"""
    rsa2048, rsa4096, usage = b"\x02", b"\x04", b"\x00\x00\x01\x01"
    one_key = bytes([0xC0, KEY_GENERATE]) + rsa4096 + b"\x00" + b"\x00\x00\x00\x01" + var("") + var("") + bytes(4)
    batch = bytes([0xC0, KEY_BATCH]) + rsa2048 + usage + (6).to_bytes(4, "big") + bytes(8)
    with Sim(directory, "--engine", "portable", "--threads", "2") as sim:
        initialise(sim)
        with sim.client() as first, sim.client() as second, sim.client() as short, sim.client() as dead:
            channels = [c.session(USER, USER_PIN) for c in (first, second, dead)]
            for long, size in ((one_key, 512), (batch, 6 * 500)):
                served = 0
                for _ in range(20):  # a key may be found too soon
                    first.send_frame(long, channels[0])
                    second.send_frame(long, channels[1])
                    while not select.select([first.socket], [], [], 0.005)[0]:
                        short.info()
                        assert short.apdu("C002000000") != ""
                        served += 1
                    for client, channel in zip((first, second), channels):
                        _, _, data, sw = client.receive()
                        assert sw == 0x9000 and len(data) > size, (sw, len(data))
                        if long is batch:
                            client.must(KEY_ACK, data[:8], channel)
                    if served >= 3:
                        break
                assert served >= 3, served
            dead.send_frame(one_key, channels[2])
            dead.socket.close()
            short.info()
        assert sim.stop() == 0


def pools(directory):
    """The pools of nonces and RSA pairs fill up while nothing is to be done, and can be left out"""
    def pool(sim, what):
        info = json.loads(hufu(sim.path, "info", "--json").stdout)
        return info[what], info[what + "_max"]
    def filled(sim, what, size):
        wait_for(lambda: pool(sim, what) == (size, size))
    def make_rsa(sim, label):
        hufu(sim.path, "key", "generate", "--type", "rsa2048", "--label", label, "--usage", "sign")
    with Sim(directory, "--nonce-pool", "96", "--pair-pool", "2") as sim:
        assert pool(sim, "nonces") == (0, 96)  # not before there are keys
        initialise(sim)
        filled(sim, "nonces", 96)
        assert pool(sim, "pairs") == (0, 2)  # not before it is known of which size
        for label in ("one", "two", "three", "four"):
            make_rsa(sim, label)
            filled(sim, "pairs", 2)
        assert sim.stop() == 0
    with Sim(directory, "--nonce-pool", "0", "--pair-pool", "0") as sim:
        make_rsa(sim, "five")
        assert pool(sim, "nonces") == pool(sim, "pairs") == (0, 0)
        assert sim.stop() == 0
    for option, most in (("--nonce-pool", "65536"), ("--pair-pool", "256")):
        status, text = failing("--dir", directory, option, most)
        assert status == 2 and option[2:] in text, (status, text)


def stop_while_filling(directory):
    """Pairs that nobody asked for hold up neither the others nor the end"""
    with Sim(directory, "--engine", "portable", "--threads", "1", "--pair-pool", "255") as sim:
        initialise(sim)
        hufu(sim.path, "key", "generate", "--type", "rsa4096", "--label", "large", "--usage", "sign")
        with sim.client() as short:
            for _ in range(20):
                short.info()
        assert sim.stop() == 0


def idle_memory(directory):
    """Below 30 MB when idle, after start and after heavy work"""
    if SANITIZED:
        raise Skip("a sanitizer's memory is its own")
    with Sim(directory) as sim:
        assert sim.memory() < 30e6, sim.memory()
        initialise(sim)
        with sim.client() as client:
            for _ in range(50):
                client.send_frame(b"\xC0\x08" + (1000000).to_bytes(4, "big"))
                assert len(client.receive()[2]) == 1000000
        hufu(sim.path, "key", "batch", "-q", "-n", "20000", "-o", os.path.join(directory, "a.hfwk"))
        wait_for(lambda: sim.memory() < 30e6)  # what large answers took is given back once nothing comes
        assert sim.stop() == 0


run([usage, texts, life, stays_initialised, second_refused, stale_socket, bad_places, unreadable_directory,
     engine_unknown, counted_and_checked_frames, bad_frames, garbage, apdus, many_in_flight, half_close, sessions_at_once, two_processes,
     killed_clients, deaf_clients, stop_under_load, short_during_long, pools, stop_while_filling, idle_memory])
