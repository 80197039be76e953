#!/usr/bin/env python3
"""Lines reached, per directory: coverage.py BUILD [DIRECTORY=PERCENT...] [--keep FILE]

Reads the counts that the programs of a build with COVERAGE=1 left (gcov), writes BUILD/coverage.txt (directories, then files,
then the lines that were not reached) and BUILD/coverage.html, prints the directories, and fails when one of those that
are named is below its percentage. A line that is in several programs counts as reached when one of them reached it.
"""
import html
import json
import os
import re
import subprocess
import sys

# What runs on the build machine only, shows figures, or is for machines that this is not.
LEFT_OUT = re.compile(r"tests/|bench/|host/examples/|firmware/ports/(mps2|skeleton)/|proto/gen\.c|.*/gen_\w+\.c")


def measure(build):
    """File name -> {line: hits}, as gcov says; counts of an older build of a file are passed over."""
    here, found = os.getcwd() + "/", {}
    counts = [os.path.join(d, f) for d, _, files in os.walk(f"{build}/obj") for f in files if f.endswith(".gcda")]
    for first in range(0, len(counts), 50):
        run = subprocess.run(["gcov", "--json-format", "--stdout", *counts[first:first + 50]], check=False,
                             stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        for report in filter(None, run.stdout.splitlines()):
            for entry in json.loads(report)["files"]:
                name = os.path.normpath(entry["file"].removeprefix(here))
                if name.startswith("/") or LEFT_OUT.match(name):
                    continue
                lines = found.setdefault(name, {})
                for line in entry["lines"]:
                    lines[line["line_number"]] = lines.get(line["line_number"], 0) + line["count"]
    return found


def directory_of(name, build):
    if name.startswith(f"{build}/gen/"):
        return "proto" if "proto_gen" in name else "firmware/crypto"
    parts = os.path.dirname(name).split("/")
    return "/".join(parts[:2] if parts[0] in ("firmware", "host") else parts[:1])


def share(reached, lines):
    return 100.0 * reached / lines if lines else 100.0


def ranges(numbers):
    """1-3 5 for 1 2 3 5"""
    out, first, last = [], None, None
    for n in sorted(numbers) + [None]:
        if last is not None and n == last + 1:
            last = n
            continue
        if first is not None:
            out.append(f"{first}" if first == last else f"{first}-{last}")
        first = last = n
    return " ".join(out)


def main(args):
    build, limits, keep = args[0], {}, None
    rest = iter(args[1:])
    for a in rest:
        if a == "--keep":
            keep = next(rest)
        else:
            name, _, percent = a.partition("=")
            limits[name] = float(percent)
    found, totals = measure(build), {}
    for name, lines in found.items():
        total = totals.setdefault(directory_of(name, build), [0, 0])
        total[0] += sum(1 for hits in lines.values() if hits)
        total[1] += len(lines)
    table = [f"{'directory':<24} {'lines':>7} {'reached':>8} {'share':>7}  limit"]
    for name in sorted(totals):
        limit = f"  {limits[name]:.0f} %" if name in limits else ""
        table.append(f"{name:<24} {totals[name][1]:>7} {totals[name][0]:>8} {share(*totals[name]):>6.1f}%{limit}")
    with open(f"{build}/coverage.txt", "w", encoding="utf-8") as f:
        f.write("\n".join(table) + "\n\n")
        for name in sorted(found):
            missed = [n for n, hits in found[name].items() if not hits]
            f.write(f"{name:<48} {len(found[name]):>5} {share(len(found[name]) - len(missed), len(found[name])):>6.1f}%"
                    f"  {ranges(missed)}\n")
    write_pages(f"{build}/coverage.html", found, table)
    print("\n".join(table))
    if keep:
        write_summary(keep, table)
    below = [n for n, limit in limits.items() if share(*totals.get(n, [0, 1])) < limit]
    for name in below:
        print(f"{name}: {share(*totals.get(name, [0, 1])):.1f} % of lines, below {limits[name]:.0f} %")
    return 1 if below else 0


def write_pages(path, found, table):
    """Every source with the lines that were not reached in red, folded."""
    with open(path, "w", encoding="utf-8") as f:
        f.write("<!DOCTYPE html><meta charset=utf-8><title>Coverage</title><style>b{background:#fbb;font-weight:normal}"
                "summary{font-family:monospace;white-space:pre}</style><pre>" + "\n".join(table) + "</pre>\n")
        for name in sorted(found):
            lines = found[name]
            reached = sum(1 for hits in lines.values() if hits)
            f.write(f"<details><summary>{share(reached, len(lines)):6.1f}%  {name}</summary><pre>")
            with open(name, encoding="utf-8") as source:
                for number, text in enumerate(source, 1):
                    mark = "b" if lines.get(number) == 0 else "span"
                    f.write(f"<{mark}>{lines.get(number, ''):>10} {number:>5}  {html.escape(text.rstrip())}</{mark}>\n")
            f.write("</pre></details>\n")


def write_summary(path, table):
    """The table between the two marks of a document."""
    with open(path, encoding="utf-8") as f:
        before, _, rest = f.read().partition("<!-- coverage -->\n")
        _, _, after = rest.partition("<!-- end -->\n")
    with open(path, "w", encoding="utf-8") as f:
        f.write(before + "<!-- coverage -->\n```\n" + "\n".join(table) + "\n```\n<!-- end -->\n" + after)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
