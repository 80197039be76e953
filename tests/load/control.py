"""Faults on order, through the control socket of hufu-sim-lab, against the real process, the library reconnecting."""

import contextlib
import datetime
import json
import os
import socket
import stat
import subprocess
import time

from fleet import RNG, SEED, Fleet, objects_of
from lib import (ADMIN, ADMIN_PIN, BUILD, LOGIN, OBJECT_DESTROY, PATIENCE, RANDOM, SIM, USER,
                 USER_PIN, Sim, hufu, run, var)
from model import Model

LAB = os.path.join(BUILD, "hufu-sim-lab")
MODES = ("before", "torn", "after", "lost", "mixed")
CUTS = int(os.environ.get("LOAD_CUTS", "20"))
BLANK, READY, FAILED = 1, 3, 4
ZEROISE = 0x38


class Lab:
    """hufu-sim-lab on a directory, with its control socket"""

    def __init__(self, directory, *options):
        self.directory, self.options = directory, options
        self.path = os.path.join(directory, "control")
        self.sim = self.start()

    def start(self):
        sim = Sim(os.path.join(self.directory, "device"), "--control", self.path, *self.options, program=LAB)
        assert sim.ready, sim.messages()
        return sim

    def order(self, text):
        """One line; what it answers, as a dictionary"""
        with socket.socket(socket.AF_UNIX) as s:
            s.settimeout(PATIENCE)
            s.connect(self.path)
            s.sendall(text.encode() + b"\n")
            answer = s.makefile().readline().split()
        assert answer[0] == "ok", (text, answer)
        return {k: int(v) for k, v in (part.split("=") for part in answer[1:])}

    def again(self):
        """It has died, or is to: a new start on the same medium"""
        if self.sim.process.poll() is None:
            assert self.sim.stop() == 0
        self.sim.__exit__()
        self.sim = self.start()

    def died(self):
        """Was the power cut by what was just answered, or not answered? Then it ends, if it has not yet."""
        try:
            self.order("cut 0")
            return False
        except (ConnectionError, IndexError):
            assert self.sim.process.wait(PATIENCE) == -9
            return True

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.sim.__exit__()

    def state(self):
        with self.sim.client() as client:
            return client.info()["state"]


def not_in_a_release(directory):
    """hufu-sim itself knows no control socket, and has nothing of it inside"""
    for option in ("--control", "--shape"):
        result = subprocess.run([SIM, "--dir", directory, option, os.path.join(directory, "c")], capture_output=True,
                                text=True, timeout=PATIENCE, check=False)
        assert result.returncode == 2 and "not an option" in result.stderr, result
    for path, wanted in ((SIM, False), (LAB, True)):
        with open(path, "rb") as f:
            program = f.read()
        for name in (b"control_open", b"faults_wrap", b"__wrap_malloc", b"--control", b"can break this device"):
            assert (name in program) == wanted, (path, name)
    assert os.listdir(directory) == []


def the_socket(directory):
    """Off unless it is asked for; mode 0600; what is no order is answered, and changes nothing"""
    with Sim(os.path.join(directory, "off"), program=LAB) as sim:
        assert sorted(os.listdir(sim.directory)) == ["geometry", "hufu.sock", "lock", "nvm", "root"]
        assert sim.stop() == 0
    with Lab(directory) as lab:
        assert stat.S_IMODE(os.stat(lab.path).st_mode) == 0o600
        assert "can break this device" in lab.sim.messages()
        for text in ("", "nonsense", "cut", "cut x", "cut 1 sideways", "cut 1 before more and more", "rng", "rng odd",
                     "rng stuck 3", "rng stuck 0", "bad", "bad read", "bad read -1", "bad write 65536", "clock", "clock 5",
                     "clock +", "tamper", "tamper maybe", "alloc", "alloc x", "state now"):
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(PATIENCE)
                s.connect(lab.path)
                s.sendall(text.encode() + b"\n")
                assert s.recv(4096).startswith(b"error "), text
        with socket.socket(socket.AF_UNIX) as s:  # a line without end
            s.settimeout(PATIENCE)
            s.connect(lab.path)
            s.sendall(b"x" * 256)
            assert s.recv(4096) == b""
        before = lab.order("state")
        assert lab.state() == BLANK and lab.order("state")["steps"] == before["steps"]
        hufu(lab.sim.path, "init", "--label", "test")
        after = lab.order("state")
        assert after["programs"] > before["programs"] and after["roots"] > 0 and before["samples"] > 0
        assert lab.sim.stop() == 0


def wait_for_end(lab, fleet):
    """Of the simulator, as long as its clients go on"""
    for _ in range(PATIENCE * 10):
        try:
            lab.sim.process.wait(0.1)
            return
        except subprocess.TimeoutExpired:
            fleet.check()
    raise AssertionError(f"no cut: {lab.order('state')}, {lab.sim.messages()}")


def power_cuts(directory):
    """Cuts at steps of the medium, in all modes, under clients that reconnect: nothing acknowledged is lost"""
    cuts = 0
    with Lab(directory) as lab:
        fleet = Fleet(directory, lab.sim.path, 6)
        try:
            fleet.prepare()
            fleet.start_all()
            for i in range(CUTS):
                mode = MODES[i % len(MODES)]
                with contextlib.suppress(ConnectionError, IndexError):  # it may come before its answer
                    lab.order(f"cut {RNG.randrange(1, 500)} {mode}")
                wait_for_end(lab, fleet)
                assert lab.sim.process.returncode == -9, (mode, lab.sim.process.returncode)
                lab.again()
                cuts += 1
                assert lab.state() == READY, mode
            fleet.stop()
            lab.again()
            model = Model(fleet.journals())
            figures = model.compare(objects_of(lab.sim))
            verified = model.verify(directory, 20)
            print(f"| {cuts} power cuts by order ({', '.join(MODES)}): " + ", ".join(f"{v} {k}" for k, v in figures.items())
                  + f"; {model.wrong_pins} wrong PINs, no try came back; {verified} signatures verified")
            assert model.keys
            assert lab.sim.stop() == 0
        finally:
            fleet.close()


def zeroise(lab, order=None):
    """By an administrator who is logged in before the order is given"""
    with lab.sim.client() as client:
        channel = client.session(ADMIN, ADMIN_PIN)
        if order:
            lab.order(order)
        try:
            assert client.call(ZEROISE, b"", channel)[0] == 0x9000
        except (EOFError, ConnectionError):
            pass


def cut_in_zeroise(directory):
    """A cut at the first steps of ZEROISE, and at some of the many others: the device is as before, or blank"""
    states = []
    with Lab(directory) as lab:
        hufu(lab.sim.path, "init", "--label", "test")
        for step in (*range(1, 9), 20, 100, 250):
            mode = MODES[step % len(MODES)]
            zeroise(lab, f"cut {step} {mode}")
            assert lab.died(), step
            lab.again()
            states.append(lab.state())
            if states[-1] == BLANK:
                hufu(lab.sim.path, "init", "--label", "test")
        assert set(states) == {BLANK, READY} and states[0] == READY and states[-1] == BLANK, states
        zeroise(lab)
        assert lab.state() == BLANK
        assert lab.sim.stop() == 0


def tries_never_come_back(directory):
    """Cut at each step of a log-in with a wrong PIN: the tries left never rise"""
    with Lab(directory) as lab:
        hufu(lab.sim.path, "init", "--label", "test", "--retries", "10")
        left = 10
        for step in range(1, 40):
            lab.order(f"cut {step} {MODES[step % len(MODES)]}")
            try:
                with lab.sim.client() as client:
                    sw, _ = client.call(LOGIN, bytes([ADMIN]) + var("wrong-pin"), client.session())
            except (EOFError, ConnectionError):
                sw = None
            if sw is not None:
                if sw == 0x6983:
                    break
                assert sw >> 4 == 0x63C and (sw & 15) < left, (step, hex(sw), left)
                left = sw & 15
            lab.died()
            lab.again()
        with lab.sim.client() as client:
            while sw != 0x6983:
                sw, _ = client.call(LOGIN, bytes([ADMIN]) + var("wrong-pin"), client.session())
                assert sw == 0x6983 or (sw & 15) < left
                left = sw & 15
            assert client.call(LOGIN, bytes([ADMIN]) + var(ADMIN_PIN), client.session())[0] == 0x6983
        assert lab.sim.stop() == 0


def entropy(directory):
    """A source that fails, is stuck or biased stops the device at the next look; a start does not pass with it"""
    with Lab(directory) as lab:
        hufu(lab.sim.path, "init", "--label", "test")
        for which in (1, 2):
            for fault in ("failing", "stuck", "biased"):
                if (fault, which) == ("biased", 2):
                    continue  # of the second source one bit in a byte is all that is asked
                lab.order(f"rng {fault} {which}")
                with lab.sim.client() as client:
                    for _ in range(100000):
                        sw, _ = client.call(RANDOM, (32).to_bytes(4, "big"))
                        if sw != 0x9000:
                            break
                    assert sw in (0x6F01, 0x6F02), (fault, which, hex(sw))
                    assert client.info()["state"] == FAILED
                    assert client.call(RANDOM, (32).to_bytes(4, "big"))[0] == 0x6F02
                lab.again()
                assert lab.state() == READY
        assert lab.sim.stop() == 0


def medium(directory):
    """A medium that cannot be read or written stops the device and loses nothing"""
    with Lab(directory) as lab:
        hufu(lab.sim.path, "init", "--label", "test")
        handles = []
        for fault in ("bad read all", "bad write all"):
            with lab.sim.client() as client:
                channel = client.session(USER, USER_PIN)
                sw, handle, _ = client.generate(channel)
                assert sw == 0x9000
                handles.append(handle)
                lab.order(fault)
                # the key is in a cache: what needs the medium is asked for
                sws = [client.generate(channel)[0] for _ in range(3)]
                if fault.startswith("bad read"):
                    sws.append(client.call(LOGIN, bytes([USER]) + var(USER_PIN), channel)[0])
                assert any(sw != 0x9000 for sw in sws), (fault, [hex(sw) for sw in sws])
                assert client.info()["state"] == FAILED, fault
            lab.again()
            assert lab.state() == READY
            there = objects_of(lab.sim)
            assert all(int.from_bytes(h, "big") in there for h in handles)
        assert lab.sim.stop() == 0


def full_store(directory):
    """A medium of a few pages is full soon: refused, nothing lost, and a key that goes makes room for another"""
    with Lab(directory, "--shape", "16x4096", "--log-records", "64") as lab:
        hufu(lab.sim.path, "init", "--label", "test")
        made = []
        with lab.sim.client() as client:
            channel = client.session(USER, USER_PIN)
            while True:
                sw, handle, _ = client.generate(channel)
                if sw != 0x9000:
                    break
                made.append(handle)
            assert sw == 0x6A84 and len(made) > 10, (hex(sw), len(made))
            assert client.info()["state"] == READY
            for gone in made[:4]:  # records of the log want room, too
                assert client.call(OBJECT_DESTROY, gone, channel)[0] == 0x9000
            assert client.generate(channel)[0] == 0x9000
        lab.again()
        there = objects_of(lab.sim)
        assert len(there) == len(made) - 3
        assert all((int.from_bytes(h, "big") in there) == (h not in made[:4]) for h in made)
        assert lab.sim.stop() == 0


def no_memory(directory):
    """Allocations that fail: a client is turned away or told, the others and the next ones are served"""
    with Lab(directory) as lab:
        hufu(lab.sim.path, "init", "--label", "test")
        outcomes = set()
        for n in range(1, 8):
            with lab.sim.client() as steady:
                steady.info()
                lab.order(f"alloc {n} 2")
                for _ in range(6):
                    try:
                        with lab.sim.client() as client:
                            outcomes.add(client.call(2)[0])
                    except (EOFError, ConnectionError):
                        outcomes.add("closed")
                lab.order("alloc 0")
                assert steady.call(2)[0] in (0x9000, 0x6F00)
            assert lab.state() == READY
        assert outcomes == {0x9000, 0x6F00, "closed"}, outcomes
        assert lab.sim.stop() == 0


def tampered(directory):
    """The tamper input: the keys are gone by the next command, the device is not what it was, a start does not help"""
    with Lab(directory) as lab:
        hufu(lab.sim.path, "init", "--label", "test")
        hufu(lab.sim.path, "key", "generate", "--type", "sm2", "--label", "secret")
        lab.order("tamper on")
        with lab.sim.client() as client:
            assert client.info()["state"] != READY
        lab.order("tamper off")
        for _ in range(2):
            with lab.sim.client() as client:
                info = client.info()
                assert info["state"] != READY and info["objects"] == 0, info
            lab.again()
        assert lab.sim.stop() == 0


def clock(directory):
    """The clock goes forward, back and before 1970: records keep their order, the log verifies"""
    with Lab(directory) as lab:
        hufu(lab.sim.path, "init", "--label", "test")
        now = time.time() * 1000
        for move, off in (("+86400000", 86400000), ("-86400000", -86400000), ("+0", 0)):
            lab.order(f"clock {move}")
            hufu(lab.sim.path, "key", "generate", "--type", "sm2", "--label", "k" + move)
            log = hufu(lab.sim.path, "log", "--account", "admin", "--json").stdout
            assert log
            there = subprocess.run([os.path.join(BUILD, "hufu"), "--device", "unix:" + lab.sim.path, "info", "--json"],
                                   capture_output=True, text=True, check=True).stdout
            assert abs(datetime.datetime.fromisoformat(json.loads(there)["time"].replace("Z", "+00:00")).timestamp() * 1000 - now - off) < PATIENCE * 1000, (move, there)
        lab.order("clock -9000000000000")
        hufu(lab.sim.path, "key", "generate", "--type", "sm2", "--label", "long ago")
        path = os.path.join(directory, "log")
        hufu(lab.sim.path, "log", "export", "--account", "admin", "--out", path)
        hufu(lab.sim.path, "log", "verify", path)
        lab.again()
        assert lab.state() == READY
        assert lab.sim.stop() == 0


print(f"seed: HUFU_TEST_SEED={SEED:#x}")
run([not_in_a_release, the_socket, power_cuts, cut_in_zeroise, tries_never_come_back, entropy, medium, full_store, no_memory,
     tampered, clock])
