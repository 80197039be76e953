"""
Many clients at once for a while, killed at random, and the simulator killed and restarted: afterwards no acknowledged
key is lost, none was handed out twice, no session is left, memory has not grown.

LOAD_SECONDS (default 20), LOAD_CLIENTS (64), LOAD_KILLS (of the simulator, 10), HUFU_TEST_SEED.
"""

import os
import signal
import time

from fleet import RNG, SEED, Fleet, objects_of
from lib import SANITIZED, Sim, run, sessions_of, wait_for
from model import Model, self_check

SECONDS = int(os.environ.get("LOAD_SECONDS", "20"))
CLIENTS = int(os.environ.get("LOAD_CLIENTS", "64"))
KILLS = int(os.environ.get("LOAD_KILLS", "10"))
GROWTH_MAX = 16 << 20  # bytes that are no leak: what is touched for the first time
OPTIONS = ("--tickets", "256", "--sessions", "1024", "--objects", "8192")


class Load:
    """The simulator, its clients and what was seen of them"""

    def __init__(self, directory):
        self.device = os.path.join(directory, "device")
        self.restarts = 0
        self.memory = []  # (seconds, bytes, objects, restarts)
        self.sim = Sim(self.device, *OPTIONS)
        self.fleet = Fleet(directory, self.sim.path, CLIENTS)
        self.fleet.prepare()
        self.begin = time.monotonic()

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
        self.fleet.start_all()
        kills = sorted(RNG.uniform(0.05, 0.75) * SECONDS for _ in range(KILLS))
        next_kill = next_sample = 0.0
        while (now := time.monotonic() - self.begin) < SECONDS:
            if kills and now >= kills[0]:
                kills.pop(0)
                self.restart()
            if now >= next_kill:
                self.fleet.kill_one()
                next_kill = now + RNG.uniform(0.1, 0.9) * min(1.0, SECONDS / 30)
            if now >= next_sample:
                self.sample()
                next_sample = now + max(0.5, SECONDS / 120)
            self.fleet.check()
            time.sleep(0.05)
        wait_for(self.has_seen_all)
        self.fleet.stop()
        self.sample()

    def has_seen_all(self):
        """Of each kind of thing that is looked at afterwards; on a slow machine that may take longer"""
        self.fleet.check()
        model = Model(self.fleet.journals())
        return model.keys and model.batches and model.wrong_pins and model.samples and self.fleet.killed

    def flat(self):
        """Growth of the last simulator's memory, from when it had warmed up"""
        last = [row for row in self.memory if row[3] == self.restarts]
        warm = last[len(last) // 3:] or last
        return warm[-1][1] - warm[0][1]

    def stop_and_start(self):
        assert self.sim.stop() == 0
        print(self.sim.messages().splitlines()[-1])  # where the time of its last life went
        self.sim.__exit__()
        self.sim = Sim(self.device, *OPTIONS)

    def close(self):
        self.fleet.close()
        self.sim.__exit__()


def table(load, model, figures, verified):
    """What a reader of the note wants"""
    seconds = load.memory[-1][0]
    counts = dict(model.operations)
    refused = counts.pop("refused", 0)
    total = sum(counts.values())
    rows = [f"{CLIENTS} clients, {seconds:.0f} s, seed {SEED:#x}: {load.fleet.killed} kills of clients, {load.restarts} of the simulator",
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
        load.run()
        wait_for(lambda: sessions_of(load.sim) == 0)  # what the dead had ordered is done to its end
        load.stop_and_start()
        model = Model(load.fleet.journals())
        figures = model.compare(objects_of(load.sim))
        verified = model.verify(directory, 200 if SECONDS < 100 else 1000)
        table(load, model, figures, verified)
        assert verified
        assert SANITIZED or load.flat() < GROWTH_MAX, load.memory
        assert load.sim.stop() == 0
    finally:
        load.close()


def model_can_fail(_):
    """The model finds a lost key, one that is there twice, a try that came back..."""
    self_check()


print(f"seed: HUFU_TEST_SEED={SEED:#x}")
run([model_can_fail, everything_at_once])
