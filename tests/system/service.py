"""hufu-sim as a service: whom it runs as, what it may still do, what systemd is told, and the files for systemd."""

import contextlib
import ctypes
import grp
import os
import pwd
import resource
import shutil
import socket
import stat
import struct
import subprocess
import time

from lib import PATIENCE, SANITIZED, SIM, Sim, Skip, hufu, run

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOBODY = pwd.getpwnam("nobody")
CAP_SYS_RESOURCE = 24
LIBC = ctypes.CDLL(None)
SHORT = 100000  # nanoseconds, TURN_NS of sim/process.c


def threads_status(sim):
    """What /proc says of each thread, as dictionaries"""
    tasks = f"/proc/{sim.process.pid}/task"
    status = []
    for task in os.listdir(tasks):
        with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # it has ended
            with open(os.path.join(tasks, task, "status"), encoding="ascii") as f:
                status.append(dict(line.rstrip("\n").split(":\t", 1) for line in f if ":\t" in line))
    return status


def locks_memory(sim):
    """Where the limit is none, or can be lifted. A sanitizer locks nothing."""
    with open("/proc/self/status", encoding="ascii") as f:
        effective = int(next(line for line in f if line.startswith("CapEff")).split()[1], 16)
    may = effective >> CAP_SYS_RESOURCE & 1 or resource.getrlimit(resource.RLIMIT_MEMLOCK)[1] == resource.RLIM_INFINITY
    assert SANITIZED or not may or sim.memory("VmLck") > 1 << 20


def filtered(sim):
    """Is the filter on, in every thread?"""
    return {status.get("Seccomp") for status in threads_status(sim)} == {"2"}


def refused(*options):
    """Status and line of a simulator that does not start"""
    result = subprocess.run([SIM, *options], capture_output=True, text=True, timeout=PATIENCE, check=False)
    lines = [line for line in result.stderr.splitlines() if not line.startswith("==")]  # a sanitizer's own
    assert result.stdout == "" and len(lines) == 1, result
    return result.returncode, lines[0]


def work(sim):
    """A life: initialise, keys of each kind, a long command, signatures, batch, a new root at the end"""
    hufu(sim.path, "init", "--label", "test")
    for kind in ("sm2", "rsa2048"):
        hufu(sim.path, "key", "generate", "--type", kind, "--label", kind)
    hufu(sim.path, "key", "batch", "-q", "-n", "3000", "--chunk", "500", "-o",
         os.path.join(sim.directory, "pairs"))
    assert "rsa2048" in hufu(sim.path, "key", "list").stdout
    hufu(sim.path, "zeroise", "--yes")


def under_the_filter(directory):
    """With the seccomp filter on every thread has it, and the device does all that it does without"""
    for option, wanted in (("off", False), ("auto", True), ("on", True)):
        if option == "on" and not wanted:
            continue
        with Sim(os.path.join(directory, option), "--seccomp", option, "--threads", "3") as sim:
            on = filtered(sim)
            if wanted and not on:
                assert SANITIZED or "no seccomp filter" in sim.messages(), sim.messages()
                raise Skip("no seccomp filter in this build or by this kernel")
            assert on == wanted
            work(sim)
            assert filtered(sim) == wanted  # threads that were made later, too
            assert all(status["NoNewPrivs"] == "1" for status in threads_status(sim)) or not wanted
            assert sim.stop() == 0, sim.messages()


def hardened(directory):
    """No core dumps, nothing for other tools to read, memory locked where the limits let us"""
    with Sim(directory) as sim:
        with open(f"/proc/{sim.process.pid}/limits", encoding="ascii") as f:
            core = next(line for line in f if line.startswith("Max core file size"))
        assert core.split()[4:6] == ["0", "0"], core
        locks_memory(sim)
        if not SANITIZED:
            assert os.stat(f"/proc/{sim.process.pid}/environ").st_uid == 0
        assert sim.stop() == 0


def turn(task, wanted=None):
    """What Linux gives this thread (0: ourselves) of a processor before others come, in nanoseconds; None: not told"""
    get, set_ = {"x86_64": (315, 314)}.get(os.uname().machine, (275, 274))
    attributes = ctypes.create_string_buffer(48)
    if LIBC.syscall(get, task, attributes, 48, 0):
        return None
    size, policy, flags, nice, priority, runtime, *rest = struct.unpack("=IIQiIQQQ", attributes.raw)
    if policy != os.SCHED_OTHER:
        return None
    if wanted is not None:
        LIBC.syscall(set_, task, struct.pack("=IIQiIQQQ", size, policy, flags, nice, priority, wanted, *rest), 0)
    return runtime


def prompt(directory):
    """Short turns on the processors, in every thread, where the kernel has them"""
    before = turn(0, SHORT)
    known = turn(0) == SHORT
    if before is not None:
        turn(0, before)
    if not known:
        raise Skip("the kernel gives everybody turns of the same length")
    with Sim(directory, "--threads", "2") as sim:
        turns = {turn(int(task)) for task in os.listdir(f"/proc/{sim.process.pid}/task")}
        assert turns - {None} == {SHORT}, turns  # None: one that has ended
        assert sim.stop() == 0


def another_user(directory):
    """--user: files are that user's, nothing of root is left, root's port and directory were used"""
    if os.geteuid() != 0:
        raise Skip("only root can become another user")
    os.chmod(directory, 0o755)
    device = os.path.join(directory, "device")
    os.mkdir(device, 0o700)
    os.chown(device, NOBODY.pw_uid, NOBODY.pw_gid)
    path = os.path.join(directory, "socket")
    with Sim(device, "--user", "nobody", "--pid-file", os.path.join(directory, "pid"), sock=path) as sim:
        for status in threads_status(sim):
            assert set(status["Uid"].split()) == {str(NOBODY.pw_uid)}, status
            assert set(status["Gid"].split()) == {str(NOBODY.pw_gid)} and not status["Groups"].strip()
            assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0
        assert os.stat(path).st_uid == NOBODY.pw_uid and stat.S_IMODE(os.stat(path).st_mode) == 0o600
        locks_memory(sim)
        work(sim)
        for name in os.listdir(device):
            if name != "pairs":
                assert os.stat(os.path.join(device, name)).st_uid == NOBODY.pw_uid, name
        assert sim.stop() == 0
    with Sim(device, "--user", "nobody", sock=path) as sim:  # what it could not remove is replaced
        assert sim.client().info()["state"] == 1
        assert sim.stop() == 0


def users_refused(directory):
    """Users and groups that are not there, or cannot be had: one line, nothing is made"""
    inner = os.path.join(directory, "device")
    for option in ("--user", "--group"):
        status, text = refused("--dir", inner, option, "no-such-name")
        assert status == 1 and "no-such-name" in text, text
    for mode, says in (("", "needs a value"), ("yes", "auto, on or off")):
        status, text = refused("--dir", inner, "--seccomp", mode)
        assert status == 2 and says in text, text
    if os.geteuid() == 0:
        os.chmod(directory, 0o755)
        status, text = refused("--dir", inner, "--user", "nobody")  # may not make it
        assert status == 1 and inner in text
    assert os.listdir(directory) == []


def group(directory):
    """--group: its members may use the socket, others not"""
    name = grp.getgrgid(os.getegid()).gr_name if os.geteuid() else grp.getgrgid(NOBODY.pw_gid).gr_name
    with Sim(directory, "--group", name) as sim:
        st = os.stat(sim.path)
        assert stat.S_IMODE(st.st_mode) == 0o660 and grp.getgrgid(st.st_gid).gr_name == name
        assert stat.S_IMODE(os.stat(directory).st_mode) == 0o700
        assert sim.stop() == 0


def blocks(data):
    """The blocks of a pcapng file: (type, body), each checked against both of its lengths"""
    at = 0
    while at < len(data):
        kind, size = struct.unpack_from("<II", data, at)
        assert size % 4 == 0 and size >= 12 and struct.unpack_from("<I", data, at + size - 4)[0] == size
        yield kind, data[at + 8:at + size - 4]
        at += size
    assert at == len(data)


def options(body):
    """The options of a block: code -> value"""
    found, at = {}, 0
    while True:
        code, size = struct.unpack_from("<HH", body, at)
        if code == 0:
            assert at + 4 == len(body)
            return found
        found[code] = body[at + 4:at + 4 + size]
        at += 4 + size + -size % 4


def read_capture(path):
    """(number of sections, interfaces of the last one, frames of the last one)"""
    sections, interfaces, frames = 0, [], []
    with open(path, "rb") as f:
        for kind, body in blocks(f.read()):
            if kind == 0x0A0D0D0A:
                assert body[:8] == struct.pack("<IHH", 0x1A2B3C4D, 1, 0)
                assert options(body[16:])[4].startswith(b"hufu-sim ")
                sections, interfaces, frames = sections + 1, [], []
            elif kind == 1:
                assert struct.unpack_from("<H", body)[0] == 147 and options(body[8:])[9] == b"\x09"
                interfaces.append(options(body[8:])[2].decode())
            else:
                assert kind == 6
                interface, high, low, there, size = struct.unpack_from("<IIIII", body)
                end = 20 + there + -there % 4
                frames.append((interface, (high << 32 | low) / 1e9, struct.unpack("<I", options(body[end:])[2])[0],
                               body[20:20 + there], size))
    return sections, interfaces, frames


def capture(directory):
    """--capture: each frame with time, direction and connection; continued by the next start; nothing else's file"""
    path = os.path.join(directory, "traffic.pcapng")
    begin = time.time()
    for start in (1, 2):
        with Sim(os.path.join(directory, "device"), "--capture", path) as sim:
            with sim.client() as first, sim.client() as second:
                answers = [(0, first.info()), (1, second.info()), (0, first.info())]
                first.send_frame(b"", flags=0x7FFF, tag=99)
                assert first.receive()[3] == 0x6A80
                first.send_frame(b"", length=1 << 24)
                first.receive()
            assert sim.stop() == 0
        assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
        sections, interfaces, frames = read_capture(path)
        assert sections == start and interfaces == ["client 0", "client 1"], (sections, interfaces)
        asked = [frame for frame in frames if frame[2] == 1]
        told_back = [frame for frame in frames if frame[2] == 2]
        assert [frame[0] for frame in asked] == [0, 1, 0, 0, 0] == [frame[0] for frame in told_back]
        for (client, _), question, answer in zip(answers, asked, told_back):
            assert question[3][12:] == b"\xC0\x02" and question[3][4:8] == answer[3][4:8] and question[0] == client
            assert answer[3][-2:] == b"\x90\0" and struct.unpack(">I", answer[3][:4])[0] == len(answer[3]) - 12
        assert (len(asked[4][3]), asked[4][4]) == (12, 12 + (1 << 24))
        times = [frame[1] for frame in frames]
        assert times == sorted(times) and begin - 1 < times[0] <= times[-1] < time.time() + 1
    other = os.path.join(directory, "other")
    with open(other, "w", encoding="ascii") as f:
        f.write("precious")
    for bad in (other, directory, os.path.join(directory, "no", "where")):
        status, text = refused("--dir", os.path.join(directory, "device"), "--capture", bad)
        assert status == 1 and bad in text, text
    with open(other, encoding="ascii") as f:
        assert f.read() == "precious"


def told(directory):
    """systemd is told once the device serves, by a path and by an abstract name"""
    for number, name in enumerate((os.path.join(directory, "notify"), f"\0hufu-notify-{os.getpid()}")):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            s.bind(name)
            s.settimeout(PATIENCE)
            os.environ["NOTIFY_SOCKET"] = name.replace("\0", "@")
            try:
                with Sim(os.path.join(directory, str(number))) as sim:
                    assert s.recv(4096) == b"READY=1"
                    sim.client().info()
                    assert sim.stop() == 0
            finally:
                del os.environ["NOTIFY_SOCKET"]


def installed(directory):
    """make install-service, below a directory; the path of the unit"""
    prefix = os.path.join(directory, "usr")
    subprocess.run(["make", "-s", "-C", TOP, "install-service", f"DESTDIR={directory}", "PREFIX=/usr"], check=True,
                   capture_output=True, env={k: v for k, v in os.environ.items() if not k.startswith("MAKE")})
    os.makedirs(os.path.join(prefix, "bin"))
    shutil.copy(SIM, os.path.join(prefix, "bin"))
    return os.path.join(prefix, "lib/systemd/system/hufu-sim.service")


def unit_of_systemd(directory):
    """systemd-analyze finds nothing wrong with the unit and calls it safe"""
    if not shutil.which("systemd-analyze"):
        raise Skip("no systemd-analyze (Debian: systemd)")
    unit = installed(directory)
    with open(unit, encoding="utf-8") as f:
        text = f.read()
    assert "@PREFIX@" not in text and "ExecStart=/usr/bin/hufu-sim --dir /var/lib/hufu " in text
    here = os.path.join(directory, "hufu-sim.service")
    with open(here, "w", encoding="utf-8") as f:
        f.write(text.replace("/usr/bin/hufu-sim", SIM))
    result = subprocess.run(["systemd-analyze", "verify", "--man=no", here], capture_output=True, text=True, check=False)
    assert result.returncode == 0 and "hufu-sim.service" not in result.stderr, result
    result = subprocess.run(["systemd-analyze", "security", "--offline=yes", "--no-pager", "--threshold=10", here],
                            capture_output=True, text=True, check=False)
    assert result.returncode == 0, result
    print("| " + result.stdout.strip().splitlines()[-1].strip("→ "))


def user_of_systemd(directory):
    """systemd-sysusers makes the user of the unit, systemd-tmpfiles its directories"""
    if not shutil.which("systemd-sysusers"):
        raise Skip("no systemd-sysusers (Debian: systemd)")
    installed(directory)
    os.makedirs(os.path.join(directory, "etc"), exist_ok=True)
    subprocess.run(["systemd-sysusers", f"--root={directory}"], check=True, capture_output=True)
    with open(os.path.join(directory, "etc/passwd"), encoding="ascii") as f:
        entry = f.read()
    assert entry.startswith("hufu:") and ":/var/lib/hufu:" in entry and "nologin" in entry, entry
    if os.geteuid() != 0:
        return
    subprocess.run(["systemd-tmpfiles", "--create", f"--root={directory}"], check=True, capture_output=True)
    owner = int(entry.split(":")[2])
    for place, mode in (("var/lib/hufu", 0o700), ("run/hufu", 0o750)):
        st = os.stat(os.path.join(directory, place))
        assert stat.S_IMODE(st.st_mode) == mode and st.st_uid == owner, place


def unit_options(directory):
    """The options of the unit are those that the program takes: it starts with them, elsewhere"""
    unit = installed(directory)
    with open(unit, encoding="utf-8") as f:
        command = next(line for line in f if line.startswith("ExecStart=")).split("=", 1)[1].split()
    options = dict(zip(command[1::2], command[2::2]))
    assert sorted(options) == ["--dir", "--group", "--seccomp", "--socket"], options
    mode = "auto" if SANITIZED else options["--seccomp"]
    with Sim(os.path.join(directory, "d"), "--seccomp", mode) as sim:
        assert sim.stop() == 0


run([under_the_filter, hardened, prompt, another_user, users_refused, group, capture, told, unit_of_systemd,
     user_of_systemd, unit_options])
