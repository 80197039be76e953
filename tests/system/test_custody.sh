#!/usr/bin/env bash
# An attended device that two of three custodians open, with the hufu program as everybody would use it.
# BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
set -u
. "$(dirname "$0")/device.sh"
H="$hufu --device unix:$dir/a/hufu.sock"
export HUFU_UNLOCK=unlock-secret-1
start a
# open_with I...: the custodians' shares, resealed.
open_with() {
    ok "begin" $H custody begin --out hand
    for i in "$@"; do
        bad 1 "STEP" "too few" $H custody unlock
        ok "reseal" $hufu share reseal key-$i.share --key c$i.key --to hand --device-key a.pem --out given
        ok "give" $H custody give given
    done
    ok "unlock" $H custody unlock
}
# shellcheck disable=SC2086
{
    ok "init" $H init --attended
    ok "its key" $H identity --out a.pem
    for i in 1 2 3; do
        ok "custodian" openssl genpkey -algorithm SM2 -out c$i.key
        ok "custodian" openssl pkey -in c$i.key -pubout -out c$i.pem
    done
    ok "split" $H custody split --threshold 2 --custodian c1.pem --custodian c2.pem --custodian c3.pem --out key
    bad 1 "STEP" "only, unproven" $H custody only
    ok "lock" $H lock
    bad 1 "WRONG_STATE" "locked" $H key generate --label x
    open_with 3 1
    ok "ready" $H key generate --label x
    ok "only" $H custody only
    ok "lock" $H lock
    bad 1 "no unlock secret: hufu custody begin" "the secret is gone" $H unlock
    open_with 2 3
    ok "ready" $H key list
}
total
