#!/usr/bin/env bash
# Three administrators, two of whom must agree, each at a terminal of their own.
# BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
set -u
. "$(dirname "$0")/device.sh"
H="$hufu --device unix:$dir/a/hufu.sock"
start a
printf 'second-pin\n' >second
printf 'third-pin\n' >third
as_second="--account second --pin-file second" as_third="--account third --pin-file third"

# approve WHO COMMAND...: in the background, until another one gives the command.
approve() {
    local who=$1
    rm -f note
    shift
    # shellcheck disable=SC2086
    $H approve "$@" $who >/dev/null 2>note &
    approver=$!
    while :; do
        grep -qs "keep this running" note && return
        kill -0 $approver || break
        sleep 0.1
    done
    cp note err
    fail "approve $*: it does not wait"
}
# ended STATUS TITLE: so it did.
ended() {
    wait $approver
    local got=$?
    cp note err
    if [ $got = "$1" ]; then passed=$((passed + 1)); else fail "$2: approve ended with $got"; fi
}
# shellcheck disable=SC2086
{
    ok "init" $H init --label A
    ok "second" $H account create second --role admin --new-pin-file second
    ok "third" $H account create third --role admin --new-pin-file third
    bad 1 "WRONG_DATA" "more than there are" $H quorum 4
    bad 2 "1 to 8" "none" $H quorum 0
    ok "two must agree" $H quorum 2
    bad 1 "it takes 2 administrators: .* approve zeroise" "zeroise alone" $H zeroise --yes
    bad 1 "APPROVALS_MISSING" "one again" $H quorum 1
    bad 2 "takes no approvals" "approve what is a user's" $H approve key generate --label x
    bad 2 "command to approve" "approve nothing" $H approve
    bad 1 "takes no approvals" "approve a label" $H approve label B
    ok "list" $H approvals
    has "nothing is approved" "^2 of 3 administrators" out
    ok "an operator is no vote" $H account create helper --role operator --new-pin-file second

    approve "$as_second" quorum 3
    ok "list" $H approvals --json
    has "what is approved" "quorum_set" out
    bad 1 "APPROVALS_MISSING" "another number" $H quorum 1
    ok "all three" $H quorum 3
    ended 0 "quorum"

    approve "$as_second" account delete third
    kill $approver
    ended 143 "interrupted"
    bad 1 "APPROVALS_MISSING" "it is taken back" $H account delete third

    approve "$as_second" quorum 2
    second=$approver
    approve "$as_third" quorum 2
    ok "two" $H quorum 2
    ended 0 "third"
    approver=$second
    ended 0 "second"

    approve "$as_third" account create fourth --role admin
    ok "the PIN is the maker's secret" $H account create fourth --role admin --new-pin-file second
    ended 0 "account create"

    bad 1 "APPROVALS_MISSING" "an operator's account alone" $H pin unblock helper --new-pin-file second
    approve "$as_second" pin unblock helper
    ok "two of them" $H pin unblock helper --new-pin-file second
    ended 0 "pin unblock"

    approve "$as_second" zeroise --yes
    ok "zeroise" $H zeroise --yes
    ended 0 "zeroise"
    has "it is told" "keys of the device are destroyed" note
    ok "blank" $H init --label B
}
total
