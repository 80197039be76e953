#!/usr/bin/env bash
# The simulator tests its own image: a single byte of it that is not as it was built, and the device is FAILED.
# BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
top=$(cd "$(dirname "$0")/../.." && pwd)
passed=0 failed=0
dir=$(mktemp -d "${TMPDIR:-/tmp}/hufu-image-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
export HUFU_DEVICE=unix:$dir/device/hufu.sock HUFU_ADMIN_PIN=admin-pin-1
unset HUFU_PIN

result() { # STATUS TITLE
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
        echo "FAIL  $2"
        sed 's/^/      | /' out err log | tail -n 8
    fi
}

change() { python3 -B "$top/tests/system/flip.py" "$build/hufu-sim" sim "$1"; } # WHERE
start() {
    rm -f ready
    ./sim --dir device 2>log &
    sim=$!
    for _ in $(seq 1200); do "$build/hufu" info >out 2>err && break; sleep 0.1; done
}
stop() {
    kill "$sim" 2>/dev/null
    wait "$sim" 2>/dev/null
}

change ""
start
grep -q '^state *blank' out
result $? "the program as it was built"
"$build/hufu" init >out 2>err
result $? "is initialised"
stop
for where in "Stops on SIGTERM" "hufu: SM3 of this image follows"; do
    grep -aqF "$where" "$build/hufu-sim" || continue
    change "$where"
    start
    grep -q '^state *failed' out && grep -q '^failure *self-test: firmware image' out
    result $? "one bit is wrong at: $where"
    "$build/hufu" random --count 16 --out bytes >out 2>err
    [ $? = 1 ] && [ ! -s bytes ]
    result $? "and nothing comes out: $where"
    stop
done
change ""
start
grep -q '^state *ready' out
result $? "the program as it was built, again"
stop
strip sim 2>err
start
grep -q '^state *ready' out
result $? "a package's strip takes nothing that is measured"
stop

echo "$passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
