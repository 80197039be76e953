#!/usr/bin/env bash
# make lab: what the clock does not tell. Instructions per operation by callgrind (repeatable on any machine; it does
# not know AVX-512, so the portable engine), memory errors and leaks by memcheck, a statistical test whether times
# depend on secrets (valgrind cannot look into the eight-lane engine), its results beside the portable engine's
# (LAB_PAIRS, 1,000,000), and profiles with flame graphs where perf works. What this machine cannot do is named in its
# place.     usage: BUILD=build bench/lab.sh
set -euo pipefail
build=${BUILD:-build}
out=$build/lab
mkdir -p "$out"
bench=$build/hufu-bench

# Instructions of N calls: the totals of 1 and of 1 + N calls, so that the set-up falls out.
instructions() {
    local case=$1 batch=$2 calls=$3 total=() units=()
    for n in 1 $((calls + 1)); do
        valgrind --tool=callgrind --callgrind-out-file="$out/$case-$batch-$n.callgrind" "$bench" --engine portable \
            --case "$case" --batch "$batch" --calls "$n" 2>"$out/callgrind.log" >"$out/units"
        units+=("$(awk '{print $3}' "$out/units")")
        total+=("$(awk '/Collected/ {print $NF}' "$out/callgrind.log")")
    done
    awk -v a="${total[0]}" -v b="${total[1]}" -v u="${units[0]}" -v v="${units[1]}" 'BEGIN {printf "%d\n", (b - a) / (v - u)}'
}

count_instructions() {
    printf '%-24s %8s %18s\n' case batch 'instructions/unit'
    while read -r case batch calls; do
        printf '%-24s %8d %18d\n' "$case" "$batch" "$(instructions "$case" "$batch" "$calls")"
    done <<'CASES'
core.sm2.keygen 1 20
core.sm2.keygen 256 2
core.sm2.sign 1 20
core.sm2.sign 256 2
core.sm2.verify 1 20
core.rsa2048.sign 1 4
core.rsa2048.verify 1 20
core.sm3 1 20
core.sm4 1 20
device.sm2.sign 64 4
device.sm2.keygen 256 1
CASES
}

check_memory() {
    echo
    echo "memcheck: device.* once each"
    if valgrind -q --leak-check=full --error-exitcode=9 "$bench" --engine portable --case 'device.sm*' --batch 16 \
        --calls 1 >"$out/memcheck.log" 2>&1; then
        echo "  no error, no leak"
    else
        tail -n 20 "$out/memcheck.log"
        return 1
    fi
}

if command -v valgrind >/dev/null; then
    count_instructions | tee "$out/instructions.txt"
    check_memory
else
    echo "valgrind: not installed: no instructions per operation, no memory check" | tee "$out/instructions.txt"
fi

echo
"$bench" --dudect --seconds "${DUDECT_SECONDS:-10}" | tee "$out/dudect.txt"

echo
"$bench" --compare "${LAB_PAIRS:-1000000}" --threads "$(nproc)" | grep -E '^(compared|not measured: comparison)' | tee "$out/compared.txt"

echo
echo "GM/T 0005 over 20 x 10^6 bits of the device. Some item fails in one of three such draws by chance, of the best of sources;"
echo "then others are drawn, three times at most, and only an item that fails in each of them tells of a fault."
device=inproc:$out/device
rm -rf "$out/device" "$out/random"
export HUFU_ADMIN_PIN=lab-admin-pin HUFU_OPERATOR_PIN=lab-operator-pin HUFU_USER_PIN=lab-user-pin
"$build/hufu" --device "$device" init --label lab --quiet
for draw in 1 2 3; do
    rm -f "$out/random"
    "$build/hufu" --device "$device" random --count 2500000 --out "$out/random"
    echo "draw $draw"
    if "$build/hufu" random test "$out/random" 2>/dev/null; then break; fi
done | tee "$out/random.txt"
rm -rf "$out/device" "$out/random"

echo
# A profile of a case: its functions, those that the compiler took in among them, and a flame graph.
profile() { # CASE BATCH CALLS
    perf record -q -F 199 --call-graph dwarf,65528 -o "$out/perf.data" "$bench" --case "$1" --batch "$2" --calls "$3" >/dev/null 2>&1
    perf script -i "$out/perf.data" -F comm,ip,sym 2>/dev/null | python3 -B bench/flame.py "$1" >"$out/$1.svg"
    echo "perf: $1, batch $2 ($out/$1.svg)"
    perf report -i "$out/perf.data" --stdio --no-children -g none -F overhead,sym 2>/dev/null | awk '!/^#/ && NF && n++ < 12'
    rm -f "$out/perf.data"
}

# Where the processor's counters cannot be had perf takes samples by a timer.
if command -v perf >/dev/null && perf record -q --call-graph dwarf -o "$out/perf.data" true >/dev/null 2>&1; then
    profile core.sm2.sign 2048 1500
    profile core.rsa2048.sign 8 1000
    profile device.sm2.keygen 8000 200
else
    echo "perf: not installed, or this machine lets nobody look (kernel.perf_event_paranoid): no profile, no flame graph"
fi | tee "$out/perf.txt"
echo "Kept in $out"
