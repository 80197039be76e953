#!/usr/bin/env bash
# The device's random bytes by the tests of GM/T 0005, and hufu random test itself.
# BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
set -u
. "$(dirname "$0")/device.sh"
device=inproc:$dir/device

result() { # STATUS WANTED TITLE
    if [ "$1" = "$2" ]; then passed=$((passed + 1)); else fail "$3 (status $1)"; fi
}
run() { # WANTED TITLE COMMAND...
    local wanted=$1 title=$2
    shift 2
    "$@" >out 2>err
    result $? "$wanted" "$title"
}

run 0 "initialise" "$hufu" --device "$device" init --label random

# Twenty groups as for the periodic test. Of 23 items one fails now and then, of the best of sources; that forty
# draws in a row each have one that fails does not happen (chance below 10^-16).
good=1
for _ in {1..40}; do
    "$hufu" --device "$device" random --count 50000 --out bytes 2>err >out || break
    "$hufu" random test --sample-bits 20000 bytes >out 2>err
    good=$?
    [ $good = 0 ] && break
    rm -f bytes
done
result $good 0 "the device's bytes pass"
run 0 "another draw" "$hufu" --device "$device" random --count 50000 --out more
if cmp -s bytes more; then result 1 0 "two draws differ"; else result 0 0 "two draws differ"; fi

# What is not random at all, or not for long
head -c 50000 /dev/zero >zeros
run 1 "zeros fail" "$hufu" random test --sample-bits 20000 zeros
[ "$(cat err)" = "hufu: zeros: an item failed" ]
result $? 0 "and one line says so"
head -c 2500 more >period
for _ in 1 2 3 4; do cat period period >twice && mv twice period; done
run 1 "a period of 20,000 bits fails" "$hufu" random test --sample-bits 160000 period
head -c 50000 "$hufu" >program
run 1 "a program fails" "$hufu" random test --sample-bits 20000 program
"$hufu" random test --json --sample-bits 20000 zeros 2>err | python3 -c '
import json, sys
r = json.load(sys.stdin)
assert r["samples"] == 20 and r["bits"] == 20000 and not r["pass"]
assert {i["test"] for i in r["items"]} >= {"monobit", "poker", "runs", "DFT", "matrix rank"}
' 2>err
result $? 0 "JSON"
"$hufu" random test - <more >out 2>err
[ $? -le 1 ] && grep -q '^1 sample of 400000 bits' out
result $? 0 "standard input"

run 1 "too few bits" "$hufu" random test --sample-bits 1000000 more
run 2 "no file named" "$hufu" random test
run 2 "not a multiple of eight" "$hufu" random test --sample-bits 20001 more
run 1 "no such file" "$hufu" random test nowhere

# A start with the test of GM/T 0062, class E: nothing but INFO until all groups are done, then ready.
export HUFU_DEVICE=unix:$dir/start.sock
"$build/hufu-sim" --dir "$dir/device" --socket "$dir/start.sock" --start-up-test 2>sim.log &
sim=$!
for _ in $(seq 1200); do "$hufu" info >out 2>err && break; sleep 0.1; done
grep -q '^state *testing' out
result $? 0 "the simulator tests its generator first"
run 1 "no random bytes meanwhile" "$hufu" random --count 16 --out early
grep -q 'still tests its generator' err
result $? 0 "and says why"
least=0 grows=1
for _ in $(seq 6000); do
    "$hufu" info >out 2>err || break
    groups=$(sed -n 's/^start-up .* in \([0-9]*\) of .*/\1/p' out)
    [ "${groups:-0}" -ge "$least" ] || grows=0
    least=${groups:-0}
    grep -q '^state *testing' out || break
    sleep 0.2
done
result $grows 1 "the groups are counted up"
[ "$least" -ge 20 ] && grep -q '^state *ready' out
result $? 0 "ready after at least 20 groups"
run 0 "random bytes then" "$hufu" random --count 16 --out late
kill "$sim" 2>/dev/null
wait "$sim" 2>/dev/null

total
