#!/usr/bin/env python3
"""Static analysis: lint.py TOOL... -- SOURCE...

Tools: shell (shellcheck), cppcheck, tidy (clang-tidy, checks in .clang-tidy), analyzer (gcc -fanalyzer). What a tool says
is compared with tests/lint/passed.txt, where each finding that is let pass has its reason; anything else is a failure,
and so is an entry that no longer matches (when its tool ran). A tool that is not installed is a counted skip.
BUILD: where the generated headers are.
"""
import concurrent.futures
import fnmatch
import glob
import os
import re
import shutil
import subprocess
import sys
import time

BUILD = os.environ.get("BUILD", "build")
DEFINES = ["-std=c11", "-I.", f"-I{BUILD}/gen", "-DHUFU_LIMB_BITS=64", '-DHUFU_VERSION="0"']
HOSTED = ["-D_GNU_SOURCE", "-DHUFU_WITH_USB", "-isystem", "/usr/include/libusb-1.0", "-isystem", "/usr/include/p11-kit-1"]
LANES = "-mavx512f -mavx512dq -mavx512bw -mavx512vl -mavx512ifma -mavx512vbmi -mbmi2 -mgfni -mvaes -mvpclmulqdq -mpclmul -maes".split()
LINE = re.compile(r"^(?:\./)?([^\s:]+):(\d+):(?:\d+:)? (.*)$")


PATIENCE = 180  # seconds of processor for one source: the analyzer does not come to an end with some
given_up = []


def run(command, name=""):
    """What a tool says; name: the one source that it looks at, with patience"""
    if name:
        command = ["prlimit", f"--cpu={PATIENCE}", *command]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace", check=False)
    if name and (done.returncode < 0 or "signal terminated program" in done.stdout):
        given_up.append(name)
    return done.stdout


def flags(source):
    more = LANES if source.startswith("firmware/crypto/ifma8/") and not source.endswith("cpu.c") else []
    return DEFINES + HOSTED + more


def each(sources, command):
    with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        return "".join(pool.map(lambda s: run(command(s), s), sources))


def findings(text, check):
    """(file, line, check, message) of each line that has one; check: how a tool names its checks."""
    here, seen = os.getcwd() + "/", {}
    for line in text.splitlines():
        m = LINE.match(line.replace(here, ""))
        name = m and check.search(m[3])
        if name:
            seen[m[1], int(m[2]), name[1], m[3]] = True
    return list(seen)


def shell(_sources):
    scripts = [s for s in glob.glob("**/*.sh", recursive=True) if not s.startswith("build")]
    return findings(run(["shellcheck", "-x", "-P", "SCRIPTDIR", "-S", "warning", "-f", "gcc", *scripts]), re.compile(r"\[(SC\d+)\]$"))


def cppcheck(sources):
    text = run(["cppcheck", "--quiet", f"-j{len(os.sched_getaffinity(0))}", "--std=c11", "--enable=warning,performance,portability",
                "--template={file}:{line}: {message} [{id}]", "--max-configs=2", "--suppress=missingInclude", *DEFINES[1:],
                *[s for s in sources if "/ifma8/" not in s]])
    return findings(text, re.compile(r"\[(\w+)\]$"))


def tidy(sources):
    return findings(each(sources, lambda s: ["clang-tidy", "--quiet", s, "--", *flags(s)]), re.compile(r"\[([\w.,-]+)\]$"))


def analyzer(sources):
    return findings(each(sources, lambda s: ["gcc", "-fanalyzer", "-O1", "-S", "-o", "/dev/null", s, *flags(s)]),
                    re.compile(r"\[-W(analyzer-[\w-]+)\]"))


TOOLS = {"shell": (shell, "shellcheck"), "cppcheck": (cppcheck, "cppcheck"), "tidy": (tidy, "clang-tidy"),
         "analyzer": (analyzer, "gcc")}


def let_pass():
    """Entries [tool, file pattern, check pattern, reason, times used]"""
    entries = []
    with open("tests/lint/passed.txt", encoding="utf-8") as f:
        for line in f:
            if line.strip() and not line.startswith("#"):
                entries.append([p.strip() for p in line.split(" : ", 3)] + [0])
    return entries


def main(args):
    tools, sources = args[:args.index("--")], args[args.index("--") + 1:]
    entries, passed, failed, skipped = let_pass(), 0, 0, 0
    for tool in tools:
        look, program = TOOLS[tool]
        if not shutil.which(program):
            print(f"SKIP {program} is not installed")
            skipped += 1
            continue
        bad, begun = 0, time.monotonic()
        for file, line, check, message in look(sources):
            entry = next((e for e in entries if e[0] == tool and fnmatch.fnmatch(file, e[1]) and fnmatch.fnmatch(check, e[2])), None)
            if entry:
                entry[4] += 1
            else:
                print(f"{tool}: {file}:{line}: {message}")
                bad += 1
        for entry in entries:
            if entry[0] == tool and not entry[4]:
                print(f"{tool}: nothing is let pass any more by: {' : '.join(entry[1:3])}")
                bad += 1
        for source in sorted(given_up):
            print(f"SKIP {program} over {source}: more than {PATIENCE} s of processor")
        skipped += len(given_up)
        given_up.clear()
        let = sum(e[4] for e in entries if e[0] == tool)
        print(f"| {program}: {bad} findings, {let} let pass with a reason, {time.monotonic() - begun:.0f} s")
        failed += bad > 0
        passed += bad == 0
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
