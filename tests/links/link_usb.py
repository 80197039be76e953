"""hufu-sim's USB device under umockdev, through libusb: as a CCID reader, and with frames in bulk."""

import os
import shutil
import socket
import subprocess

from lib import BUILD, Sim, Skip

VARIANTS = ("ccid", "bulk")
MOCK = os.path.join(BUILD, "tests", "usb-mock")


class Link:
    def __init__(self, directory, variant):
        if not shutil.which("umockdev-wrapper"):
            raise Skip("no umockdev-wrapper: install umockdev")
        made = subprocess.run(["make", "-s", "BUILD=" + BUILD, MOCK], check=False, stderr=subprocess.DEVNULL)
        if made.returncode or not os.path.exists(MOCK):
            raise Skip("usb-mock cannot be built: install libumockdev-dev")
        self.directory = os.path.join(directory, "device")
        os.mkdir(self.directory)
        self.sim = Sim(self.directory).__enter__()
        self.control = os.path.join(directory, "control")
        self.wrapper = ["umockdev-wrapper", MOCK, "--socket", self.sim.path, "--control", self.control, "--"]
        self.url = "usb:1209:0001?" + variant

    def tell(self, word):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.control)
            s.sendall(word.encode() + b"\n")
            if s.recv(16) != b"ok\n":
                raise AssertionError("usb-mock does not " + word)

    def cut(self):
        self.tell("unplug")
        self.tell("plug")
        return True

    def restart(self):
        self.sim.process.kill()
        self.sim.process.wait()
        self.sim = Sim(self.directory).__enter__()
        return self.cut()

    def stop(self):
        self.sim.__exit__()
