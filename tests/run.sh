#!/usr/bin/env bash
# Runs test programs and keeps count.
#   tests/run.sh begin                  start a new count
#   tests/run.sh phase TITLE PROGRAM... run each; PROGRAM may be a quoted command with arguments
#   tests/run.sh spread TITLE PROGRAM... the same, as many at once as there are processors: for programs of one thread
#   tests/run.sh skip TITLE WHY         count something that could not be run
#   tests/run.sh total                  the last line; status 1 when anything failed or nothing ran
# A program tells its own count with a line of check ("100%: Checks: 9, Failures: 0, Errors: 0") or
# "N passed, N failed[, N skipped]"; its exit status must agree. Logs are kept in $LOGS.
set -uo pipefail
LOGS=${LOGS:-build/check}
count=$LOGS/count
# A busy machine is no failure: check's own time-outs only end what hangs.
export CK_TIMEOUT_MULTIPLIER=${CK_TIMEOUT_MULTIPLIER:-20}

note() { printf '%d %d %d\n' "$1" "$2" "$3" >>"$count"; }

run_one() {
    local title=$1 program=$2 log status passed=0 failed=0 skipped=0 line
    log=$LOGS/$(tr -c 'A-Za-z0-9._\n' '-' <<<"$title-${program##*/}" | cut -c1-120).log
    local start=$SECONDS
    local shell=
    case ${program%% *} in *.sh) shell=bash ;; esac
    # shellcheck disable=SC2086
    timeout "${TEST_TIMEOUT:-1800}" $shell $program >"$log" 2>&1
    status=$?
    line=$(grep -aoE '^[0-9]+%: Checks: [0-9]+, Failures: [0-9]+, Errors: [0-9]+' "$log" | tail -n 1)
    if [ -n "$line" ]; then
        read -r checks failures errors < <(sed -E 's/[^0-9]+/ /g' <<<"$line" | awk '{print $2, $3, $4}')
        failed=$((failures + errors)) passed=$((checks - failures - errors))
        skipped=$(grep -ac '^SKIP' "$log")
    else
        line=$(grep -aE '^[0-9]+ passed, [0-9]+ failed' "$log" | tail -n 1)
        [ -n "$line" ] && read -r passed failed skipped _ < <(sed -E 's/[^0-9]+/ /g' <<<"$line 0")
        : "${skipped:=0}"
    fi
    if [ $((passed + failed + skipped)) = 0 ]; then
        [ "$status" = 0 ] && passed=1 || failed=1
    fi
    [ "$status" != 0 ] && [ "$failed" = 0 ] && failed=1
    note "$passed" "$failed" "$skipped"
    if [ "$failed" != 0 ]; then
        printf '  FAIL  %-44s %4d passed %3d failed, status %d (%s)\n' "${program##*/}" "$passed" "$failed" "$status" "$log"
        tail -n 25 "$log" | sed 's/^/        | /'
    else
        printf '  ok    %-44s %4d passed%s %4d s\n' "${program##*/}" "$passed" "$([ "$skipped" != 0 ] && printf ' %d skipped' "$skipped")" $((SECONDS - start))
        [ "$skipped" != 0 ] && grep -a '^SKIP' "$log" | sort -u | sed 's/^/        | /'
    fi
    grep -a '^| ' "$log" | sed 's/^/        /' # a table that the test wants to be seen
    return 0
}

case ${1:-} in
begin)
    rm -rf "$LOGS"
    mkdir -p "$LOGS"
    : >"$count"
    ;;
phase)
    title=$2
    shift 2
    printf '%s\n' "$title"
    for program in "$@"; do run_one "$title" "$program"; done
    ;;
spread)
    title=$2
    shift 2
    printf '%s\n' "$title"
    said=$(mktemp -d)
    for program in "$@"; do
        while [ "$(jobs -rp | wc -l)" -ge "$(nproc)" ]; do wait -n; done
        { run_one "$title" "$program" >"$said/${program##*/}" && cat "$said/${program##*/}"; } &
    done
    wait
    rm -rf "$said"
    ;;
skip)
    note 0 0 1
    printf '  SKIP  %s: %s\n' "$2" "$3"
    ;;
total)
    awk '{p += $1; f += $2; s += $3} END {printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 || p == 0}' "$count"
    ;;
*)
    sed -n '2,10p' "$0" >&2
    exit 2
    ;;
esac
