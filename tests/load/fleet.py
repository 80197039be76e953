"""Clients of the load test (tests/load/client.c), many at once: to start, to kill, to stop; and what is in the device."""

import json
import os
import random
import signal
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "system"))
from lib import BUILD, OBJECT_INFO, OBJECT_LIST, OPERATOR, OPERATOR_PIN, PATIENCE, hufu, unvar  # noqa: E402 pylint: disable=wrong-import-position

SEED = int(os.environ.get("HUFU_TEST_SEED", "0"), 0) or random.SystemRandom().getrandbits(32)
RNG = random.Random(SEED)
ACCOUNTS, TRIES_ACCOUNTS = 6, 4
PIN = "load-pin"


class Fleet:
    """Clients of one device. Some share an account, the first few have one of their own to try wrong PINs on."""

    def __init__(self, directory, path, count):
        self.directory, self.path = directory, path
        self.accounts, self.tries = [], []
        self.clients = [None] * count
        self.killed = 0

    def prepare(self):
        """Initialise the device and make the accounts"""
        hufu(self.path, "init", "--label", "load", "--retries", "10")
        pin_file = os.path.join(self.directory, "pin")
        with open(pin_file, "w", encoding="ascii") as f:
            f.write(PIN + "\n")
        for i in range(ACCOUNTS + TRIES_ACCOUNTS):
            made = hufu(self.path, "account", "create", f"load{i}", "--role", "user", "--retries", "10",
                        "--new-pin-file", pin_file, "--json").stdout
            (self.accounts if i < ACCOUNTS else self.tries).append(json.loads(made)["account"])

    def journal(self, i):
        return os.path.join(self.directory, f"journal-{i}")

    def journals(self):
        """Of all that have begun one"""
        return [path for path in map(self.journal, range(len(self.clients))) if os.path.exists(path)]

    def start(self, i):
        """Client i, for the first time or after it was killed"""
        command = [os.path.join(BUILD, "tests", "load-client"), "unix:" + self.path, self.journal(i),
                   str(RNG.getrandbits(60)), str(self.accounts[i % ACCOUNTS]), PIN]
        if i < TRIES_ACCOUNTS:
            command.append(str(self.tries[i]))
        with open(os.path.join(self.directory, f"errors-{i}"), "ab") as errors:
            self.clients[i] = subprocess.Popen(command, stderr=errors)

    def start_all(self):
        for i in range(len(self.clients)):
            self.start(i)

    def check(self):
        """None has ended on its own"""
        for i, client in enumerate(self.clients):
            if client.poll() is not None:
                with open(os.path.join(self.directory, f"errors-{i}"), encoding="utf-8") as errors:
                    text = errors.read()
                with open(self.journal(i), encoding="ascii") as journal:
                    last = journal.readlines()[-3:]
                raise AssertionError(f"client {i} ended by itself: {client.returncode} {text} {last}")

    def kill_one(self):
        """One of them, which begins anew"""
        i = RNG.randrange(len(self.clients))
        self.clients[i].kill()
        self.clients[i].wait()
        self.killed += 1
        self.start(i)

    def stop(self):
        """All finish what they are at"""
        for client in self.clients:
            client.terminate()
        for client in self.clients:
            assert client.wait(PATIENCE) in (0, -signal.SIGTERM), client.args  # which ends one that is just starting

    def close(self):
        for client in self.clients:
            if client and client.poll() is None:
                client.kill()
                client.wait()


def parse_list(answer):
    """The handle to go on after, and the handles"""
    handles, at = [], 4
    while at < len(answer):
        handles.append(int.from_bytes(answer[at:at + 4], "big"))
        _, at = unvar(answer, at + 19)
        _, at = unvar(answer, at)
    return int.from_bytes(answer[:4], "big"), handles


def objects_of(sim):
    """All objects of the device, asked byte by byte as docs/protocol.md has it: handle -> (type, label, public key)"""
    found = {}
    with sim.client() as client:
        channel = client.session(OPERATOR, OPERATOR_PIN)
        after = 0
        while True:
            after, handles = parse_list(client.must(OBJECT_LIST, after.to_bytes(4, "big") + b"\0\0\0", channel))
            for handle in handles:
                info = client.must(OBJECT_INFO, handle.to_bytes(4, "big"), channel)
                label, at = unvar(info, 15)
                _, at = unvar(info, at)
                found[handle] = (info[0], label.decode(), unvar(info, at)[0])
            if not after:
                return found
