"""hufu-sim on a Unix socket, with a relay in front of it whose connections can be cut."""

import os

from relay import Relay
from lib import Sim


class Link:
    def __init__(self, directory):
        self.directory = os.path.join(directory, "device")
        os.mkdir(self.directory)
        self.sim = Sim(self.directory).__enter__()
        self.relay = Relay(os.path.join(directory, "relay"), self.sim.path)
        self.url = "unix:" + self.relay.path
        self.straight = "unix:" + self.sim.path

    def cut(self):
        self.relay.cut()
        return True

    def restart(self):
        self.sim.process.kill()
        self.sim.process.wait()
        self.relay.cut()
        self.sim = Sim(self.directory).__enter__()
        return True

    def stop(self):
        self.relay.close()
        self.sim.__exit__()
