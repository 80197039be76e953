"""A pcscd of our own: on a socket of its own, with our driver and readers, beside any other one on the machine.

pcscd's socket is compiled in, but a socket that it is started with (LISTEN_FDS) goes before. Only its folder
/run/pcscd must be there, and no process may live that the file pcscd.pid in it names; so where we may, the daemon gets a
/run/pcscd of its own.
"""

import os
import shutil
import signal
import socket
import subprocess

from lib import BUILD, PATIENCE, Skip

DRIVER = os.path.join(BUILD, "libifd-hufu.so")
# $0: a folder to mount; then the daemon. LISTEN_PID must be its own process.
OWN_RUN = 'mkdir -p /run/pcscd && mount -t tmpfs none /run/pcscd && LISTEN_PID=$$ exec "$0" "$@"'
PLAIN = 'mkdir -p /run/pcscd && LISTEN_PID=$$ exec "$0" "$@"'


def find_pcscd():
    found = shutil.which("pcscd") or shutil.which("/usr/sbin/pcscd")
    if not found:
        raise Skip("no pcscd on this machine")
    return found


class Pcscd:
    """readers: (name, device name) of each; the socket is for PCSCLITE_CSOCK_NAME."""

    def __init__(self, directory, readers):
        self.program = find_pcscd()
        self.directory = directory
        self.path = os.path.join(directory, "pcscd.comm")
        self.conf = os.path.join(directory, "reader.conf.d")
        self.environment = {"PCSCLITE_CSOCK_NAME": self.path}
        os.mkdir(self.conf)
        with open(os.path.join(self.conf, "hufu"), "w", encoding="ascii") as conf:
            for channel, (name, device) in enumerate(readers):
                conf.write(f'FRIENDLYNAME "{name}"\nDEVICENAME {device}\nLIBPATH {DRIVER}\nCHANNELID {channel}\n')
        self.process = None
        self.start()

    def start(self):
        listener = socket.socket(socket.AF_UNIX)
        if os.path.exists(self.path):
            os.unlink(self.path)
        listener.bind(self.path)
        listener.listen(64)
        environment = dict(os.environ, LISTEN_FDS="1", **self.preload())
        # descriptor 3 is what the daemon looks for
        shell = ["sh", "-c", "exec 3<&0 </dev/null; " + (OWN_RUN if self.own_run() else PLAIN), self.program, "-f", "-c", self.conf]
        if self.own_run():
            shell = [*self.own_run(), *shell]
        self.log = open(os.path.join(self.directory, "pcscd.log"), "ab")
        self.process = subprocess.Popen(shell, stdin=listener.fileno(), stdout=self.log, stderr=self.log, env=environment)
        listener.close()

    @staticmethod
    def preload():
        """A driver with AddressSanitizer wants its library first in the daemon."""
        if not BUILD.endswith("-asan"):
            return {}
        library = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True,
                                 check=True).stdout.strip()
        return {"LD_PRELOAD": library, "ASAN_OPTIONS": "detect_leaks=0"}

    @staticmethod
    def own_run():
        """The command that gives a daemon a /run/pcscd of its own; none where that is not allowed."""
        for command in (["unshare", "-m"], ["unshare", "-rm"]):
            if shutil.which("unshare") and subprocess.run(
                    [*command, "sh", "-c", "mkdir -p /run/pcscd && mount -t tmpfs none /run/pcscd"],
                    capture_output=True, check=False).returncode == 0:
                return command
        return []

    def end(self, how=signal.SIGTERM):
        if self.process.poll() is None:
            self.process.send_signal(how)
            try:
                self.process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()

    def restart(self, how=signal.SIGTERM):
        self.end(how)
        self.start()

    def messages(self):
        with open(os.path.join(self.directory, "pcscd.log"), encoding="utf-8", errors="replace") as log:
            return log.read()
