"""The USB device under umockdev: Debian's pcscd and libccid as its drivers in every mode, and libhufu over transfers that
go wrong."""

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import threading

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "system"), os.path.join(HERE, "..", "links")]
from lib import ADMIN_PIN, BUILD, HUFU, OPERATOR_PIN, PATIENCE, USER_PIN, Sim, Skip, run, sessions_of, wait_for  # noqa: E402
from pcscd import Pcscd, find_pcscd  # noqa: E402

MOCK = os.path.join(BUILD, "tests", "usb-mock")
FAULTS = os.path.join(BUILD, "tests", "usb-faults")
BUNDLE = "/usr/lib/pcsc/drivers/ifd-ccid.bundle/Contents/Info.plist"
ATR = "3b:8a:81:31:fe:95:80:73:c8:01:c0:54:48:75:66:75:d1"
SHORT = ["--level", "short"]
URL = "usb:1209:0001"


class Bus:
    """usb-mock around a program that only tells where its world is; others join it with .environment."""

    def __init__(self, directory, sim, *options):
        if not shutil.which("umockdev-wrapper") or not os.path.exists(MOCK):
            raise Skip("no umockdev: install umockdev and libumockdev-dev")
        self.control = os.path.join(directory, "control")
        command = ["umockdev-wrapper", MOCK, "--socket", sim.path, "--control", self.control, *options, "--",
                   "sh", "-c", "echo $UMOCKDEV_DIR; echo $LD_PRELOAD; exec cat"]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.environment = {"HUFU_KNOWN_DEVICES": os.path.join(directory, "known"),
                            "UMOCKDEV_DIR": self.process.stdout.readline().strip(),
                            "LD_PRELOAD": self.process.stdout.readline().strip()}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.communicate(timeout=PATIENCE)

    def tell(self, *words):
        with socket.socket(socket.AF_UNIX) as s:
            s.connect(self.control)
            s.sendall(" ".join(words).encode() + b"\n")
            assert s.recv(16) == b"ok\n", words

    def run(self, *command, check=True, **environment):
        pins = {"HUFU_ADMIN_PIN": ADMIN_PIN, "HUFU_OPERATOR_PIN": OPERATOR_PIN, "HUFU_USER_PIN": USER_PIN}
        result = subprocess.run(command, env={**os.environ, **self.environment, **pins, **environment}, capture_output=True,
                                text=True, timeout=PATIENCE, check=False)
        if check:
            assert result.returncode == 0, f"{command}: {result.returncode}: {result.stdout}{result.stderr}"
        return result


class UsbPcscd(Pcscd):
    """pcscd with Debian's libccid, which is told of our numbers in its list of readers."""

    def __init__(self, directory, bus):
        if not os.path.exists(BUNDLE):
            raise Skip("no libccid: install libccid")
        self.bus = bus
        self.hotplug = bool(self.own_run())
        self.real = find_pcscd()
        super().__init__(directory, [])

    def start(self):
        bundle = os.path.join(self.directory, "drivers", "ifd-ccid.bundle", "Contents")
        os.makedirs(bundle, exist_ok=True)
        plist = os.path.join(bundle, "Info.plist")
        with open(BUNDLE, encoding="utf-8") as old:
            text = old.read()
        for key, value in (("ifdVendorID", "0x1209"), ("ifdProductID", "0x0001"), ("ifdFriendlyName", "Hufu USB")):
            text = re.sub(rf"(<key>{key}</key>\s*<array>)", rf"\1\n<string>{value}</string>", text)
        with open(plist, "w", encoding="utf-8") as new:
            new.write(text)
        daemon = os.path.join(self.directory, "pcscd")
        mount = f"mount --bind {plist} $(readlink -f {BUNDLE}) &&"
        if not self.hotplug:  # no mounts: name the device and the list instead; then nobody sees it go and come
            mount = f"PCSCLITE_HP_DROPDIR={self.directory}/drivers"
            with open(os.path.join(self.conf, "usb"), "w", encoding="ascii") as conf:
                conf.write('FRIENDLYNAME "Hufu USB"\nDEVICENAME usb:1209/0001:libudev:0:/dev/bus/usb/001/001\n'
                           f'LIBPATH {os.path.dirname(BUNDLE)}/Linux/libccid.so\nCHANNELID 0\n')
        with open(daemon, "w", encoding="ascii") as script:
            script.write(f"#!/bin/sh\n{mount} exec {self.real} \"$@\"\n")
        os.chmod(daemon, 0o755)
        self.program = daemon
        super().start()

    def preload(self):
        return self.bus.environment

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        self.end()
        if kind:
            print(self.messages()[-3000:])


def opensc(bus, pcscd, *command):
    return bus.run("opensc-tool", *command, **pcscd.environment).stdout


def wait_for_reader(bus, pcscd, there=True):
    """Until pcscd has seen the bus; its own event wakes nobody here, so look again."""
    for _ in range(600):
        listed = bus.run("opensc-tool", "-l", check=False, **pcscd.environment).stdout
        if ("Hufu" in listed) == there:
            return listed
        threading.Event().wait(0.05)
    raise AssertionError(f"pcscd does not {'find' if there else 'lose'} the reader: {listed}\n{pcscd.messages()}")


def with_pcscd(directory, *options):
    """The device as a card of pcscd's: ATR, APDUs short and long, keys and signatures through pcsc:"""
    if not shutil.which("opensc-tool"):
        raise Skip("no opensc-tool: install opensc")
    device = os.path.join(directory, "device")
    os.mkdir(device)
    with Sim(device) as sim, Bus(directory, sim, *options) as bus, UsbPcscd(directory, bus) as pcscd:
        assert "Hufu" in wait_for_reader(bus, pcscd)
        assert ATR in opensc(bus, pcscd, "-a")
        answer = opensc(bus, pcscd, "-s", "00 A4 04 00 09 F0 48 75 66 75 4B 45 59 01 00", "-s", "00 B0 00 00 00",
                        "-s", "C0 02 00 00 00")
        assert "SW1=0x90, SW2=0x00" in answer and "SW1=0x6D" in answer, answer
        url = {"HUFU_DEVICE": "pcsc:", **pcscd.environment}
        bus.run(HUFU, "init", "--label", "usb", **url)
        for kind in ("sm2", "rsa2048"):
            bus.run(HUFU, "key", "generate", "--type", kind, "--label", kind, **url)
            data = os.path.join(directory, "data")
            with open(data, "wb") as f:
                f.write(os.urandom(50000))
            bus.run(HUFU, "sign", "--key", kind, "--in", data, "--out", data + ".sig", **url)
            bus.run(HUFU, "verify", "--key", kind, "--in", data, "--signature", data + ".sig", **url)
        assert len(bus.run(HUFU, "random", "-n", "100000", "--hex", **url).stdout.strip()) == 200000
        keys = os.path.join(directory, "keys.hfwk")
        bus.run(HUFU, "key", "batch", "-q", "-n", "1000", "-o", keys, **url)
        assert os.path.getsize(keys) > 1000 * 112


def pcscd_extended(directory):
    """libccid with whole extended APDUs"""
    with_pcscd(directory)


def pcscd_chained(directory):
    """libccid cuts extended APDUs into messages"""
    with_pcscd(directory, "--message-max", "3072")


def pcscd_chained_small(directory):
    """the same with the smallest messages and packets of 64 bytes"""
    with_pcscd(directory, "--message-max", "271", "--full-speed")


def pcscd_short(directory):
    """libccid with short APDUs only"""
    with_pcscd(directory, *SHORT)


def pcscd_hotplug(directory):
    """pcscd sees the device go and come; a command on its way fails, and the next works"""
    device = os.path.join(directory, "device")
    os.mkdir(device)
    with Sim(device) as sim, Bus(directory, sim) as bus, UsbPcscd(directory, bus) as pcscd:
        if not pcscd.hotplug:
            raise Skip("no mounts of our own: pcscd cannot be told of the device")
        wait_for_reader(bus, pcscd)
        bus.tell("unplug")
        wait_for_reader(bus, pcscd, there=False)
        bus.tell("plug")
        wait_for_reader(bus, pcscd)
        assert ATR in opensc(bus, pcscd, "-a")
        bus.tell("fault", "unplug", "82", "3")
        result = bus.run("opensc-tool", "-s", "C0 02 00 00 00", "-s", "C0 02 00 00 00", check=False, **pcscd.environment)
        assert result.returncode, result.stdout
        wait_for_reader(bus, pcscd, there=False)
        bus.tell("plug")
        wait_for_reader(bus, pcscd)
        assert ATR in opensc(bus, pcscd, "-a")


def pcscd_patience(directory):
    """A key generation that takes long asks libccid for more time"""
    device = os.path.join(directory, "device")
    os.mkdir(device)
    with Sim(device, "--threads", "1") as sim, Bus(directory, sim, "--patience", "10") as bus, \
            UsbPcscd(directory, bus) as pcscd:
        wait_for_reader(bus, pcscd)
        url = {"HUFU_DEVICE": "pcsc:", **pcscd.environment}
        bus.run(HUFU, "init", "--label", "usb", **url)
        bus.run(HUFU, "key", "generate", "--type", "rsa4096", "--label", "slow", **url)
        assert "slow" in bus.run(HUFU, "key", "list", **url).stdout


def patience(directory):
    """The same with libhufu's own links"""
    device = os.path.join(directory, "device")
    os.mkdir(device)
    with Sim(device, "--threads", "1") as sim, Bus(directory, sim, "--patience", "10") as bus:
        bus.run(HUFU, "init", "--label", "usb", HUFU_DEVICE=URL)
        for way in ("ccid", "bulk"):
            bus.run(HUFU, "key", "generate", "--type", "rsa4096", "--label", way, HUFU_DEVICE=URL + "?" + way)


def waits(directory):
    """libhufu waits for a device that is plugged in later"""
    device = os.path.join(directory, "device")
    os.mkdir(device)
    with Sim(device) as sim, Bus(directory, sim) as bus:
        bus.tell("unplug")
        result = bus.run(HUFU, "info", check=False, HUFU_DEVICE=URL + "?wait=1")
        assert result.returncode == 1 and "no such device is plugged in" in result.stderr, result
        for way in ("ccid", "bulk"):
            plug = threading.Timer(0.3, bus.tell, ["plug"])
            plug.start()
            bus.run(HUFU, "info", HUFU_DEVICE=f"{URL}?wait=60&{way}")
            plug.join()
            bus.tell("unplug")


def faults(directory, way, *more, options=()):
    device = os.path.join(directory, "device")
    os.mkdir(device)
    with Sim(device) as sim, Bus(directory, sim, *options) as bus:
        result = bus.run(FAULTS, URL + "?" + way, bus.control, *more, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def faults_ccid(directory):
    """Twenty faults of CCID transfers, each with the right outcome"""
    faults(directory, "ccid")


def faults_ccid_parts(directory):
    """Batches with APDUs in parts"""
    faults(directory, "ccid", "batches", options=("--message-max", "271"))


def faults_bulk(directory):
    """The same of transfers with frames"""
    faults(directory, "bulk")


def who_has_it(directory):
    """Serial numbers, other programs, programs that are killed, a simulator that goes"""
    device = os.path.join(directory, "device")
    os.mkdir(device)
    with Sim(device) as sim, Bus(directory, sim, "--serial", "A1") as bus:
        for wrong, text in ((":A2", "no such device is plugged in"), ("?what", "give usb:VID"), (":", "give usb:VID")):
            result = bus.run(HUFU, "info", check=False, HUFU_DEVICE=URL + wrong)
            assert result.returncode == 1 and text in result.stderr, result
        bus.run(HUFU, "init", "--label", "usb", HUFU_DEVICE=URL + ":A1?ccid")
        for way in ("ccid", "bulk"):
            assert "commands are sealed" in bus.run(HUFU, "channel", "show", HUFU_DEVICE=URL + "?" + way).stdout, way
        with subprocess.Popen([FAULTS, URL], env={**os.environ, **bus.environment}, stdout=subprocess.PIPE) as killed:
            assert killed.stdout.readline() == b"ready\n"
            assert sessions_of(sim) == 1
            result = bus.run(HUFU, "info", check=False, HUFU_DEVICE=URL + "?bulk")
            assert result.returncode == 1 and "another program has the device" in result.stderr, result
            bus.run(HUFU, "info", HUFU_DEVICE=URL + "?ccid")  # the other interface is free
            killed.send_signal(signal.SIGKILL)
        wait_for(lambda: sessions_of(sim) == 0)
        bus.run(HUFU, "info", HUFU_DEVICE=URL + "?bulk")
        sim.stop()
        for way in ("ccid", "bulk"):
            result = bus.run(HUFU, "info", check=False, HUFU_DEVICE=URL + "?" + way)
            assert result.returncode == 1 and result.stderr.count("\n") == 1, result


run([pcscd_extended, pcscd_chained, pcscd_chained_small, pcscd_short, pcscd_hotplug, pcscd_patience, patience, waits,
     faults_ccid, faults_ccid_parts, faults_bulk, who_has_it] if len(sys.argv) < 2 else
    [globals()[name] for name in sys.argv[1:]])
