#!/usr/bin/env bash
# hufu-bench: that it measures each level, what its reports hold, that the engines agree. No figure is asserted.
# BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
set -u
. "$(dirname "$0")/device.sh"
bench=$build/hufu-bench
echo leak:libgcrypt >leaks # which keeps what it begins with; nothing of ours is forgiven
export LSAN_OPTIONS=suppressions=$dir/leaks:print_suppressions=0

ok "the names of the cases" "$bench" --list
has "one of each level" '^link\.sm2\.sign-clients$' out

ok "a case of each level, in a report" "$bench" --case 'core.sm2.keygen,device.sm2.sign,link.sm2.sign' --batch 8 --seconds 0.05 --out report
ok "the report" python3 -B - <<'PYTHON'
import csv, json
from xml.dom import minidom
lines = [json.loads(line) for line in open("report/report.json", encoding="utf-8")]
assert {"machine", "engine", "compiler", "flags", "slices"} <= set(lines[0]), lines[0]
cases = {line["case"]: line for line in lines if "case" in line}
assert set(cases) == {"core.sm2.keygen", "device.sm2.sign", "link.sm2.sign"}, cases
for line in cases.values():
    assert 0 < line["min"] <= line["ops_per_s"] <= line["max"], line
    assert 0 < line["p50_us"] <= line["p99_us"] and line["peer_ops_per_s"] > 0, line
rows = list(csv.DictReader(open("report/report.csv", encoding="utf-8")))
assert [r["case"] for r in rows] == list(cases), rows
texts = [t.firstChild.data for t in minidom.parse("report/report.svg").getElementsByTagName("text")]
assert "link.sm2.sign x8" in texts, texts
PYTHON
has "a row of the table" '^\| core\.sm2\.keygen \| 8 \| 1 \|' report/report.md

ok "a sweep" "$bench" --sweep batch --case core.sm2.sign --seconds 0.05 --json
has "its largest batch" '"case":"core.sm2.sign","batch":4097,' out

ok "the engines agree" "$bench" --compare 6000 --threads 2
has "so it says, or what is missing" '^compared: 6000 .*: 0 differ|^not measured: comparison' out
ok "one engine alone" "$bench" --compare 6000 --engine portable --json
has "is named as not compared" '"not_measured":"comparison of the engines"' out

bad 2 'no case matches' "no such case" "$bench" --case nothing --json --out usage
bad 2 '^hufu-bench: --cases: not an option; see hufu-bench --help' "no such option" "$bench" --cases
bad 2 '^hufu-bench: --case: needs a value; see hufu-bench --help' "no value" "$bench" --case
bad 2 'no such engine|see hufu-bench --help|whole number' "no number" "$bench" --compare none
total
