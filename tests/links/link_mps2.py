"""The bare-metal image on a Cortex-M3 in QEMU, behind the bridge of the system tests and a relay."""

import os
import shutil
import subprocess
import threading

from relay import Relay
from lib import BUILD, Skip

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")
BRIDGE = os.path.join(TOP, "tests", "system", "mps2_bridge.py")


class Link:
    def __init__(self, directory):
        for tool in ("qemu-system-arm", "arm-none-eabi-gcc"):
            if not shutil.which(tool):
                raise Skip("no " + tool)
        subprocess.run(["make", "-s", "-j2", "-C", TOP, "BUILD=" + BUILD, "firmware-mps2"], check=True,
                       stdout=subprocess.DEVNULL)
        self.directory = directory
        self.start()
        self.relay = Relay(os.path.join(directory, "relay"), os.path.join(directory, "sock"))
        self.url = "unix:" + self.relay.path

    def start(self):
        """In its directory, where the image keeps its memory in a file."""
        for name in ("to-device", "from-device", "sock"):
            if os.path.exists(os.path.join(self.directory, name)):
                os.unlink(os.path.join(self.directory, name))
        os.mkfifo(os.path.join(self.directory, "to-device"))
        os.mkfifo(os.path.join(self.directory, "from-device"))
        self.qemu = subprocess.Popen(
            ["qemu-system-arm", "-M", "mps2-an385", "-display", "none", "-monitor", "none", "-serial", "file:uart",
             "-semihosting-config", "enable=on,target=native", "-kernel", os.path.join(BUILD, "mps2", "an385.elf")],
            cwd=self.directory, stdin=subprocess.DEVNULL)
        self.bridge = subprocess.Popen(["python3", BRIDGE, "sock", "to-device", "from-device"], cwd=self.directory,
                                       stdout=subprocess.PIPE)
        # Without an image the bridge would wait for ever on its FIFOs.
        threading.Thread(target=self.end_with_image, args=(self.qemu, self.bridge), daemon=True).start()
        if self.bridge.stdout.readline() != b"ready\n":
            self.end()
            with open(os.path.join(self.directory, "uart"), encoding="ascii", errors="replace") as uart:
                raise AssertionError("the image does not start: " + uart.read())

    @staticmethod
    def end_with_image(qemu, bridge):
        qemu.wait()
        bridge.kill()

    def end(self):
        for process in (self.qemu, self.bridge):
            process.kill()
            process.wait()
        self.bridge.stdout.close()

    def cut(self):
        self.relay.cut()
        return True

    def restart(self):
        self.end()
        self.relay.cut()
        self.start()
        return True

    def stop(self):
        self.relay.close()
        self.end()
