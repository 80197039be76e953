"""
Many clients at once for a while, killed at random, and the simulator killed and restarted: afterwards no acknowledged
key is lost, none was handed out twice, no session is left, memory has not grown.

LOAD_SECONDS (default 20), LOAD_CLIENTS (64), LOAD_KILLS (of the simulator, 10), HUFU_TEST_SEED.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from lib import ADMIN, ADMIN_PIN, BUILD, OBJECT_INFO, OBJECT_LIST, OPERATOR, OPERATOR_PIN, PATIENCE, SANITIZED, Sim, hufu, run, unvar, var  # noqa: E402,E501 pylint: disable=wrong-import-position
from model import Model, self_check  # noqa: E402 pylint: disable=wrong-import-position

SEED = int(os.environ.get("HUFU_TEST_SEED", "0"), 0) or random.SystemRandom().getrandbits(32)
SECONDS = int(os.environ.get("LOAD_SECONDS", "20"))
CLIENTS = int(os.environ.get("LOAD_CLIENTS", "64"))
KILLS = int(os.environ.get("LOAD_KILLS", "10"))
ACCOUNTS, TRIES_ACCOUNTS = 6, 4
USER_ROLE, ACCOUNT_CREATE = 1, 0x20
PIN = "load-pin"
GROWTH_MAX = 16 << 20  # bytes that are no leak: what is touched for the first time
RNG = random.Random(SEED)
OPTIONS = ("--tickets", "256", "--sessions", "1024", "--objects", "8192")


class Load:
    """The simulator, its clients and what was seen of them"""

    def __init__(self, directory):
        self.directory = directory
        self.device = os.path.join(directory, "device")
        self.accounts, self.tries = [], []
        self.clients = [None] * CLIENTS
        self.killed = self.restarts = 0
        self.memory = []  # (seconds, bytes, objects, sim's number)
        self.sim = Sim(self.device, *OPTIONS)
        self.begin = time.monotonic()

    def prepare(self):
        """Accounts: some that the clients share, some to try wrong PINs on"""
        hufu(self.sim.path, "init", "--label", "load", "--retries", "10")
        for i in range(ACCOUNTS + TRIES_ACCOUNTS):
            made = hufu(self.sim.path, "account", "create", f"load{i}", "--role", "user", "--retries", "10", "--new-pin-file",
                        self.pin_file(), "--json").stdout
            number = json.loads(made)["account"]
            (self.accounts if i < ACCOUNTS else self.tries).append(number)

    def pin_file(self):
        path = os.path.join(self.directory, "pin")
        with open(path, "w", encoding="ascii") as f:
            f.write(PIN + "\n")
        return path

    def journal(self, i):
        return os.path.join(self.directory, f"journal-{i}")

    def start_client(self, i):
        """Client i, for the first time or after it was killed"""
        command = [os.path.join(BUILD, "tests", "load-client"), "unix:" + self.sim.path, self.journal(i),
                   str(RNG.getrandbits(60)), str(self.accounts[i % ACCOUNTS]), PIN]
        if i < TRIES_ACCOUNTS:
            command.append(str(self.tries[i]))
        with open(os.path.join(self.directory, f"errors-{i}"), "ab") as errors:
            self.clients[i] = subprocess.Popen(command, stderr=errors)

    def check_clients(self):
        """None has ended on its own"""
        for i, client in enumerate(self.clients):
            if client.poll() is not None:
                with open(os.path.join(self.directory, f"errors-{i}"), encoding="utf-8") as errors:
                    text = errors.read()
                with open(self.journal(i), encoding="ascii") as journal:
                    last = journal.readlines()[-3:]
                raise AssertionError(f"client {i} ended by itself: {client.returncode} {text} {last}")

    def kill_client(self):
        i = RNG.randrange(CLIENTS)
        self.clients[i].kill()
        self.clients[i].wait()
        self.killed += 1
        self.start_client(i)

    def restart(self):
        """The power is cut, and comes back a little later"""
        self.sim.stop(signal.SIGKILL)
        assert "error" not in self.sim.messages(), self.sim.messages()
        self.sim.__exit__()
        time.sleep(RNG.random() * 0.3)
        self.sim = Sim(self.device, *OPTIONS)
        assert self.sim.ready, self.sim.messages()
        self.restarts += 1

    def sample(self):
        with self.sim.client() as client:
            self.memory.append((time.monotonic() - self.begin, self.sim.memory(), client.info()["objects"],
                                self.restarts))

    def run(self):
        """The load itself"""
        for i in range(CLIENTS):
            self.start_client(i)
        kills = sorted(RNG.uniform(0.05, 0.75) * SECONDS for _ in range(KILLS))
        next_kill = next_sample = 0.0
        while (now := time.monotonic() - self.begin) < SECONDS:
            if kills and now >= kills[0]:
                kills.pop(0)
                self.restart()
            if now >= next_kill:
                self.kill_client()
                next_kill = now + RNG.uniform(0.1, 0.9) * min(1.0, SECONDS / 30)
            if now >= next_sample:
                self.sample()
                next_sample = now + max(0.5, SECONDS / 120)
            self.check_clients()
            time.sleep(0.05)
        for client in self.clients:
            client.terminate()
        for client in self.clients:
            assert client.wait(PATIENCE) == 0, client.args
        self.sample()

    def objects(self):
        """All objects of the device, asked byte by byte as docs/protocol.md has it"""
        found = {}
        with self.sim.client() as client:
            channel = client.session(OPERATOR, OPERATOR_PIN)
            after = 0
            while True:
                answer = client.must(OBJECT_LIST, after.to_bytes(4, "big") + b"\0\0\0", channel)
                after, handles = parse_list(answer)
                for handle in handles:
                    info = client.must(OBJECT_INFO, handle.to_bytes(4, "big"), channel)
                    label, at = unvar(info, 15)
                    _, at = unvar(info, at)
                    found[handle] = (info[0], label.decode(), unvar(info, at)[0])
                if not after:
                    return found

    def sessions(self):
        """Sessions that are still there, though nobody is"""
        with self.sim.client() as client:
            return client.info()["sessions"]

    def flat(self):
        """Growth of the last simulator's memory, from when it had warmed up"""
        last = [row for row in self.memory if row[3] == self.restarts]
        warm = last[len(last) // 3:] or last
        return warm[-1][1] - warm[0][1]

    def close(self):
        for client in self.clients:
            if client and client.poll() is None:
                client.kill()
                client.wait()
        self.sim.__exit__()


def parse_list(answer):
    """The handle to go on after, and the handles"""
    handles, at = [], 4
    while at < len(answer):
        handles.append(int.from_bytes(answer[at:at + 4], "big"))
        _, at = unvar(answer, at + 19)
        _, at = unvar(answer, at)
    return int.from_bytes(answer[:4], "big"), handles


def table(load, model, figures, verified):
    """What a reader of the note wants"""
    seconds = load.memory[-1][0]
    counts = dict(model.operations)
    refused = counts.pop("refused", 0)
    total = sum(counts.values())
    rows = [f"{CLIENTS} clients, {seconds:.0f} s, seed {SEED:#x}: {load.killed} kills of clients, {load.restarts} of the simulator",
            f"operations: {total} ({total / seconds:.0f}/s), {refused} refused for want of room; "
            + ", ".join(f"{k} {v}" for k, v in sorted(counts.items())),
            "keys: " + ", ".join(f"{v} {k}" for k, v in figures.items()) + "; none lost, none twice",
            f"batches: {len(model.batches)} of {sum(len(k) // 128 for k in model.batches.values())} pairs, "
            f"{model.fetched} fetched again; wrong PINs: {model.wrong_pins}, no try came back",
            f"signatures that OpenSSL verified: {verified} of {len(model.samples)} samples; sessions left: 0",
            f"memory of the simulator: {max(r[1] for r in load.memory) >> 20} MiB at most, "
            f"{load.flat() / 1024:+.0f} KiB in its last life, of {load.memory[-1][2]} objects"]
    for row in rows:
        print("| " + row)


def everything_at_once(directory):
    """Mixed operations, clients and simulator killed; an independent model of what must be there"""
    load = Load(directory)
    try:
        load.prepare()
        load.run()
        assert load.sessions() == 0, load.sessions()
        assert load.sim.stop() == 0
        print(load.sim.messages().splitlines()[-1])  # where the time of its last life went
        load.sim.__exit__()
        load.sim = Sim(load.device, *OPTIONS)
        model = Model([load.journal(i) for i in range(CLIENTS)])
        figures = model.compare(load.objects())
        verified = model.verify(directory, 200 if SECONDS < 100 else 1000)
        table(load, model, figures, verified)
        assert model.keys and model.batches and model.wrong_pins and verified and load.killed
        assert SANITIZED or load.flat() < GROWTH_MAX, load.memory
        assert load.sim.stop() == 0
    finally:
        load.close()


def model_can_fail(_):
    """The model finds a lost key, one that is there twice, a try that came back..."""
    self_check()


print(f"seed: HUFU_TEST_SEED={SEED:#x}")
run([model_can_fail, everything_at_once])
