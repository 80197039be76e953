"""A virtual machine with Debian's own kernel attaches the USB/IP server: in it Linux's USB stack, Debian's usbip, pcscd and
libccid, and our tools make keys and sign on the simulator outside.

The kernel package is fetched once and unpacked below BUILD, never installed. Everything is emulated (TCG), so no special
machine is needed."""

import glob
import os
import platform
import re
import shutil
import socket
import stat
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, "..", "system")]
from lib import ADMIN_PIN, BUILD, HUFU, OPERATOR_PIN, PATIENCE, USER_PIN, Sim, Skip, run, sessions_of, wait_for  # noqa: E402

KERNEL = os.path.join(os.path.dirname(BUILD), "build-guest")
MODULES = ["virtio_pci", "virtio_net", "vhci-hcd"]
BUNDLE = "/usr/lib/pcsc/drivers/ifd-ccid.bundle/Contents/"
QEMU = "qemu-system-x86_64"

INIT = r"""#!/bin/busybox sh
export PATH=/bin:/sbin:/usr/sbin LD_LIBRARY_PATH=/lib
export HUFU_KNOWN_DEVICES=/tmp/known
export HUFU_ADMIN_PIN=@ADMIN@ HUFU_OPERATOR_PIN=@OPERATOR@ HUFU_USER_PIN=@USER@
/bin/busybox --install -s /bin
mount -t proc none /proc; mount -t sysfs none /sys; mount -t devtmpfs none /dev; mount -t tmpfs none /tmp
mkdir -p /run/pcscd /var/run
dmesg -n 1 # the kernel says nothing within our lines
stop() { echo "GUEST $1"; [ "$1" = passed ] || cat /tmp/pcscd.log; sync; poweroff -f; }
must() { echo "+ $*"; "$@" || stop "failed: $*"; }
for module in @MODULES@; do must insmod /modules/$module; done
ip link set lo up; ip link set eth0 up; ip addr add 10.0.2.15/24 dev eth0
must usbip --tcp-port @PORT@ attach -r 10.0.2.2 -b 1-1
for i in $(seq 2400); do [ -n "$(ls /dev/bus/usb/*/002 2>/dev/null)" ] && break; usleep 50000; done
head -c 70000 /dev/urandom >/tmp/data
work() { # LABEL: keys and signatures over HUFU_DEVICE
    must hufu key generate --type sm2 --label $1-sm2 >/dev/null
    must hufu key generate --type rsa2048 --label $1-rsa >/dev/null
    for kind in sm2 rsa; do
        must hufu sign --key $1-$kind --in /tmp/data --out /tmp/$kind.sig
        must hufu verify --key $1-$kind --in /tmp/data --signature /tmp/$kind.sig
    done
    must hufu key batch -q -n 500 -o /tmp/$1.hfwk
    must hufu random -n 100000 --out /tmp/random
    echo "GUEST-OK $1"
}
export HUFU_DEVICE='usb:1209:0001?bulk'
must hufu init --label guest
work bulk
export HUFU_DEVICE='usb:1209:0001?ccid'
work ccid
hufu key batch -n 100000000 -o /tmp/killed >/dev/null 2>&1 & killed=$!
usleep 700000; kill -9 $killed; wait $killed 2>/dev/null
export HUFU_DEVICE='usb:1209:0001?bulk'
must hufu info
echo "GUEST-OK killed"
pcscd -f >/tmp/pcscd.log 2>&1 &
for i in $(seq 2400); do [ -S /run/pcscd/pcscd.comm ] && break; usleep 50000; done
export HUFU_DEVICE='pcsc:Hufu USB?wait=60'
work pcsc
must usbip detach -p 0
export HUFU_DEVICE='pcsc:Hufu USB'
for i in $(seq 2400); do hufu info >/dev/null 2>&1 || break; usleep 50000; done
hufu info >/dev/null 2>&1 && stop "failed: the reader is still there"
echo "GUEST-OK detached"
stop passed
"""


# ---------------------------------------------------------------- the kernel


def fetch_kernel():
    """The kernel and its modules below KERNEL, unpacked once."""
    done = os.path.join(KERNEL, "done")
    if not os.path.exists(done):
        if platform.machine() != "x86_64":
            raise Skip("the guest is for x86_64")
        shutil.rmtree(KERNEL, ignore_errors=True)
        os.makedirs(KERNEL)
        depends = subprocess.run(["apt-cache", "depends", "linux-image-amd64"], capture_output=True, text=True, check=False)
        package = re.search(r"Depends: (linux-image-\S+)", depends.stdout)
        if not package:
            raise Skip("apt knows no linux-image-amd64")
        got = subprocess.run(["apt-get", "download", "-q", package.group(1)], cwd=KERNEL, capture_output=True, text=True,
                             check=False)
        debs = glob.glob(os.path.join(KERNEL, "*.deb"))
        if got.returncode or not debs:
            raise Skip(f"{package.group(1)} cannot be had")
        unpack = (f"dpkg-deb --fsys-tarfile {debs[0]} | tar -x -C {KERNEL} --wildcards './boot/vmlinuz*' "
                  "'./lib/modules/*/kernel/drivers/usb/*' './lib/modules/*/kernel/drivers/net/*' "
                  "'./lib/modules/*/kernel/drivers/virtio/*' './lib/modules/*/kernel/net/core/*'")
        subprocess.run(["bash", "-c", "set -eo pipefail; " + unpack], check=True)
        os.unlink(debs[0])
        with open(done, "w", encoding="ascii"):
            pass
    return glob.glob(os.path.join(KERNEL, "boot", "vmlinuz*"))[0]


def module_files():
    """The modules with what they need, in an order in which they can be loaded."""
    found = {}
    for path in glob.glob(os.path.join(KERNEL, "lib/modules/*/kernel/**/*.ko"), recursive=True):
        found[os.path.basename(path)[:-3].replace("-", "_")] = path
    order = []

    def add(name):
        name = name.replace("-", "_")
        if name not in found or found[name] in order:
            return  # built in
        with open(found[name], "rb") as f:
            depends = re.search(rb"\0depends=([^\0]*)\0", f.read())
        for other in depends.group(1).decode().split(",") if depends else []:
            add(other)
        order.append(found[name])

    for module in MODULES:
        add(module)
    return order


# ---------------------------------------------------------------- the initramfs


def cpio(entries):
    """An archive (newc) of (path, mode, bytes)"""
    out = bytearray()
    for number, (path, mode, data) in enumerate([*entries, ("TRAILER!!!", 0, b"")]):
        name = path.encode() + b"\0"
        fields = [number + 1, mode, 0, 0, 1, 0, len(data), 0, 0, 0, 0, len(name), 0]
        out += b"070701" + b"".join(b"%08X" % f for f in fields) + name
        out += bytes(-len(out) % 4) + data
        out += bytes(-len(out) % 4)
    return bytes(out)


def libraries(programs):
    """Every shared library that they want, by its name"""
    out = {}
    for program in programs:
        for line in subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout.splitlines():
            path = re.search(r"(/\S+)", line.partition("=>")[2] or line)
            if path:
                out[os.path.basename(path.group(1))] = path.group(1)
    return out


def initramfs(path, port):
    driver = os.path.realpath(BUNDLE + "Linux/libccid.so")
    programs = {"bin/hufu": HUFU, "usr/sbin/pcscd": tool("pcscd"), "sbin/usbip": tool("usbip"), "bin/busybox": tool("busybox")}
    files = dict(programs)
    files[BUNDLE[1:] + "Linux/libccid.so"] = driver
    wanted = libraries([*list(programs.values())[:3], driver])
    for extra in ("libgcc_s.so.1", "libusb-1.0.so.0", "libpcsclite.so.1"):  # these are opened, not linked
        for folder in ("/lib/x86_64-linux-gnu/", "/usr/lib/x86_64-linux-gnu/"):
            if os.path.exists(folder + extra):
                wanted[extra] = folder + extra
                wanted.update(libraries([folder + extra]))
    modules = module_files()
    for name, source in wanted.items():
        files["lib64/" + name if name.startswith("ld-linux") else "lib/" + name] = source
    for module in modules:
        files["modules/" + os.path.basename(module)] = module
    contents = {name: open(source, "rb").read() for name, source in files.items()}
    with open(BUNDLE + "Info.plist", encoding="utf-8") as plist:
        text = plist.read()
    for key, value in (("ifdVendorID", "0x1209"), ("ifdProductID", "0x0001"), ("ifdFriendlyName", "Hufu USB")):
        text = re.sub(rf"(<key>{key}</key>\s*<array>)", rf"\1\n<string>{value}</string>", text)
    contents[BUNDLE[1:] + "Info.plist"] = text.encode()
    init = INIT
    for word, value in (("ADMIN", ADMIN_PIN), ("OPERATOR", OPERATOR_PIN), ("USER", USER_PIN), ("PORT", str(port)),
                        ("MODULES", " ".join(os.path.basename(m) for m in modules))):
        init = init.replace("@" + word + "@", value)
    contents["init"] = init.encode()
    folders = {"proc", "sys", "dev", "tmp", "run", "bin", "etc"}
    for name in contents:
        while "/" in name:
            name = name.rpartition("/")[0]
            folders.add(name)
    entries = [(f, stat.S_IFDIR | 0o755, b"") for f in sorted(folders)]
    entries += [(name, stat.S_IFREG | 0o755, data) for name, data in contents.items()]
    with open(path, "wb") as out:
        out.write(cpio(entries))


def tool(name):
    found = shutil.which(name) or shutil.which("/usr/sbin/" + name)
    if not found:
        raise Skip(f"no {name} on this machine")
    return found


# ---------------------------------------------------------------- the test


def guest(directory):
    """Debian's kernel, usbip, pcscd and libccid with our USB device"""
    tool(QEMU)
    if BUILD.endswith("-asan"):
        raise Skip("once is enough")
    if not os.path.exists(BUNDLE + "Info.plist"):
        raise Skip("no libccid: install libccid")
    kernel = fetch_kernel()
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        port = s.getsockname()[1]
    image = os.path.join(directory, "initramfs")
    initramfs(image, port)
    with Sim(os.path.join(directory, "device"), "--usbip", f"127.0.0.1:{port}") as sim:
        result = subprocess.run(
            [QEMU, "-accel", "tcg", "-cpu", "max", "-m", "512", "-display", "none", "-serial", "stdio", "-monitor", "none",
             "-no-reboot", "-nic", "user,model=virtio", "-kernel", kernel, "-initrd", image,
             "-append", "console=ttyS0 quiet panic=-1 tsc=unstable"],
            stdin=subprocess.DEVNULL, capture_output=True, timeout=4 * PATIENCE, check=False)
        text = result.stdout.decode(errors="replace").replace("\r", "")
        for word in ("bulk", "ccid", "killed", "pcsc", "detached"):
            assert f"GUEST-OK {word}\n" in text, f"{word}: {result.returncode}\n{text[-6000:]}{result.stderr.decode()}"
        assert "GUEST passed\n" in text, text[-6000:]
        wait_for(lambda: sessions_of(sim) == 0)
        with sim.client() as client:
            assert client.info()["objects"] == 6


run([guest])
