#!/usr/bin/env python3
"""The suite of tests/links/suite.c over every link, and a table of what passed.

    links.py [LINK...]           default: inproc unix pcsc usb mps2 sealed
    links.py --bench [LINK...]   hufu-bench --link over each instead of the suite
    BUILD                    where the programs are (default: build)

A link plugs in with a file tests/links/link_NAME.py that has a class Link:

    Link(directory)          bring up a blank device; directory is empty and short enough for sockets.
                             Raise lib.Skip("why") when this machine cannot
    .url                     what libhufu opens; .environment (optional): more variables for the suite;
                             .wrapper (optional): a command in front of the suite; .straight (optional): the URL without
                             what cut() needs, for measuring
    .cut()                   break the connection while the device keeps its power; a new connection works when this
                             returns. True: done; False: this link has none that could break
    .restart()               take the device's power away and switch it on again, its memory kept; the link works when
                             this returns. False: the suite does it itself, with hufu_reconnect
    .stop()                  put everything away

VARIANTS = ("ccid", "bulk") in the file: the suite runs once for each, as Link(directory, variant); the table counts them
together. cut() and restart() are called while the suite waits, so they need no threads.
"""

import importlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import traceback

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(HERE, "..", "system")]
from lib import BUILD, Skip  # noqa: E402  pylint: disable=wrong-import-position

NAMES = ["inproc", "unix", "pcsc", "usb", "mps2", "sealed"]
GROUPS = ["initialise", "keys", "batch", "sign", "lost", "reset", "wrong"]
SUITE = os.path.join(BUILD, "tests", "links-suite")


class Row:
    def __init__(self, name):
        self.name, self.passed, self.failed, self.skipped = name, 0, 0, ""
        self.groups = dict.fromkeys(GROUPS, 0)

    def fail(self, text):
        self.failed += 1
        print(f"FAIL  {self.name}: {text}", flush=True)

    def skip(self, text):
        self.skipped = text
        print(f"SKIP  {self.name}: {text}", flush=True)

    def line(self):
        if self.skipped:
            return f"| {self.name:<7}|" + f" skipped: {self.skipped}"
        counts = "|".join(f"{self.groups[g]:>{len(g)}} " for g in GROUPS)
        return f"| {self.name:<7}|{counts}|{self.passed:>7} |{self.failed:>7} |"


def take(row, link, line):
    """One line of the suite; the answer for its stdin, or None."""
    word, _, rest = line.partition(" ")
    if word == "!":
        done = {"cut": link.cut, "restart": link.restart}[rest]()
        return "done\n" if done else "none\n"
    if word == "ok":
        row.passed += 1
        group = rest.partition(" ")[0]
        row.groups[group] = row.groups.get(group, 0) + 1
    elif word == "FAIL":
        row.fail(rest)
    return None


def environment_of(link, directory):
    """Each device is met for the first time."""
    return dict(os.environ, HUFU_KNOWN_DEVICES=os.path.join(directory, "known"), **getattr(link, "environment", {}))


def run_suite(row, link, environment):
    command = [*getattr(link, "wrapper", []), SUITE, link.url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=environment) as suite:
        ended = False
        for line in suite.stdout:
            ended = " passed, " in line
            try:
                answer = take(row, link, line.rstrip("\n"))
            except Exception:
                suite.kill()
                raise
            if answer:
                suite.stdin.write(answer)
                suite.stdin.flush()
    if not ended:
        row.fail(f"the suite ended early, with status {suite.returncode}")


def run_link(name):
    row = Row(name)
    if not os.path.exists(os.path.join(HERE, f"link_{name}.py")):
        row.skip("no such link in this tree")
        return row
    module = importlib.import_module("link_" + name)
    for variant in getattr(module, "VARIANTS", [None]):
        directory = tempfile.mkdtemp(prefix="hufu-", dir=os.environ.get("TMPDIR", "/tmp"))
        link = None
        try:
            link = module.Link(directory, variant) if variant else module.Link(directory)
            run_suite(row, link, environment_of(link, directory))
        except Skip as why:
            row.skip(str(why))
        except Exception:  # pylint: disable=broad-except
            traceback.print_exc(file=sys.stdout)
            row.fail("the link could not be run")
        finally:
            if link:
                link.stop()
            shutil.rmtree(directory, ignore_errors=True)
    return row


def bench(names):
    """hufu-bench --link over each link (the first variant): one table."""
    heads = ["trips_per_s", "p50_us", "p99_us", "largest_command", "largest_answer", "sm2_sign_us", "sm2_sign_batch_per_s",
             "sm2_keygen_batch_per_s"]
    print("| link | round trips/s | p50 us | p99 us | largest command | largest answer | SM2 signature us | signatures/s, batch "
          "| key pairs/s, batch |\n" + "|---" * (len(heads) + 1) + "|")
    for name in names:
        if not os.path.exists(os.path.join(HERE, f"link_{name}.py")):
            continue
        module = importlib.import_module("link_" + name)
        for variant in getattr(module, "VARIANTS", [None]):
            directory = tempfile.mkdtemp(prefix="hufu-", dir=os.environ.get("TMPDIR", "/tmp"))
            link = module.Link(directory, variant) if variant else module.Link(directory)
            label = name + (f" ({variant})" if variant else "")
            done = subprocess.run([*getattr(link, "wrapper", []), os.path.join(BUILD, "hufu-bench"), "--json", "--link",
                                   "x=" + getattr(link, "straight", link.url)], capture_output=True, text=True, check=False,
                                  env=environment_of(link, directory))
            link.stop()
            shutil.rmtree(directory, ignore_errors=True)
            if done.returncode:
                print(f"| {label} | {done.stderr.strip()} |")
                continue
            found = json.loads(done.stdout)
            print(f"| {label} | " + " | ".join(f"{found[head]:,.0f}" for head in heads) + " |", flush=True)


def main():
    if sys.argv[1:2] == ["--bench"]:
        return bench(sys.argv[2:] or NAMES)
    rows = [run_link(name) for name in sys.argv[1:] or NAMES]
    print("| link   |" + "|".join(g + " " for g in GROUPS) + "| passed | failed |")
    for row in rows:
        print(row.line())
    passed, failed = sum(r.passed for r in rows), sum(r.failed for r in rows)
    print(f"{passed} passed, {failed} failed, {sum(bool(r.skipped) for r in rows)} skipped")
    sys.exit(1 if failed or not passed else 0)


main()
