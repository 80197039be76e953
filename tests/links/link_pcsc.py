"""hufu-sim behind our driver in a pcscd of our own. A cut is a relay that ends the connection: the card is taken out and put
back. The variants: a reader for extended APDUs, one for short ones, and the card for us alone."""

import os
import time

from pcscd import Pcscd
from relay import Relay
from lib import PATIENCE, Sim

VARIANTS = ("extended", "short", "exclusive")


class Link:
    def __init__(self, directory, variant):
        self.directory = os.path.join(directory, "device")
        os.mkdir(self.directory)
        self.sim = Sim(self.directory).__enter__()
        self.relay = Relay(os.path.join(directory, "relay"), self.sim.path)
        option = "short-" if variant == "short" else ""
        self.pcscd = Pcscd(directory, [("Hufu link", option + "unix:" + self.relay.path),
                                          ("Straight", option + "unix:" + self.sim.path)])
        self.environment = self.pcscd.environment
        self.url = "pcsc:Hufu link?wait=60" + ("&exclusive" if variant == "exclusive" else "")
        self.straight = self.url.replace("Hufu link", "Straight")

    def cut(self):
        before = self.relay.accepted
        self.relay.cut()
        self.wait_for_return(before)
        return True

    def wait_for_return(self, before):
        """pcscd has seen the card go, and the driver has it again."""
        end = time.monotonic() + PATIENCE
        while self.relay.accepted == before and time.monotonic() < end:
            time.sleep(0.002)

    def restart(self):
        self.sim.process.kill()
        self.sim.process.wait()
        before = self.relay.accepted
        self.relay.cut()
        self.sim = Sim(self.directory).__enter__()
        self.wait_for_return(before)
        return True

    def stop(self):
        self.pcscd.end()
        self.relay.close()
        self.sim.__exit__()
