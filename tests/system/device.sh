# shellcheck shell=bash
# For tests with the hufu program and simulators: a folder of its own to work in, ok and bad, devices.
# BUILD: where the programs are (default: build). To be sourced.
build=$(cd "${BUILD:-build}" && pwd) || exit 1
hufu=$build/hufu
passed=0 failed=0 skipped=0
dir=$(mktemp -d "${TMPDIR:-/tmp}/hufu-test-XXXXXX")
trap 'kill $(jobs -p) 2>/dev/null; wait; rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset HUFU_DEVICE HUFU_PIN HUFU_UNLOCK HUFU_NEW_PIN
export HUFU_ADMIN_PIN=admin-pin-1 HUFU_OPERATOR_PIN=operator-pin-1 HUFU_USER_PIN=user-pin-1
fail() {
    failed=$((failed + 1))
    printf 'FAIL  %s\n' "$1"
    sed 's/^/      | /' err | tail -n 5
}
# ok TITLE COMMAND...: it succeeds.
ok() {
    local title=$1
    shift
    if "$@" >out 2>err; then passed=$((passed + 1)); else fail "$title (status $?)"; fi
}
# bad STATUS PATTERN TITLE COMMAND...: it fails with this status, one line on stderr that has the pattern, and no output.
bad() {
    local status=$1 pattern=$2 title=$3 got
    shift 3
    "$@" >out 2>err
    got=$?
    if [ $got = "$status" ] && [ "$(wc -l <err)" = 1 ] && grep -qE -- "$pattern" err && [ ! -s out ]; then
        passed=$((passed + 1))
    else
        fail "$title: status $got"
    fi
}
# has TITLE PATTERN FILE
has() { if grep -qE -- "$2" "$3"; then passed=$((passed + 1)); else fail "$1: no \"$2\" in $3"; fi; }
# start NAME: a simulator with its memory in the folder NAME, its socket in NAME/hufu.sock, its id in $started.
start() {
    mkfifo ready
    "$build/hufu-sim" --dir "$dir/$1" --ready-fd 9 9>ready 2>>sim.log &
    started=$!
    read -r <ready
    rm ready
}
total() {
    printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
    [ $failed = 0 ]
}
