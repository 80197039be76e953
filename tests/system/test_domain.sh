#!/usr/bin/env bash
# One wrap domain in two devices, by shares of five custodians, with the hufu program as everybody would use it.
# BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
set -u
. "$(dirname "$0")/device.sh"
A="$hufu --device unix:$dir/a/hufu.sock" B="$hufu --device unix:$dir/b/hufu.sock"
start a
start b
# shellcheck disable=SC2086
{
    ok "init" $A init --label A
    ok "init" $B init --label B
    ok "the key that moves" $A key generate --label moving --usage sign,export-wrapped
    ok "its archive" $A key export moving --out keys.hufu
    ok "its public key" $A key export-public moving --out moving.pem
    bad 1 "WRONG_WRAP" "another domain's key" $B key import --in keys.hufu
    custodians=
    for i in 1 2 3 4 5; do
        ok "custodian $i" openssl genpkey -algorithm SM2 -out c$i.key
        ok "custodian $i" openssl pkey -in c$i.key -pubout -out c$i.pem
        custodians="$custodians --custodian c$i.pem"
    done
    ok "split" $A domain split $custodians --out key
    [ "$(ls key-?.share | wc -l)" = 5 ] || fail "five shares"
    bad 2 "threshold" "too few custodians" $A domain split --custodian c1.pem --custodian c2.pem --out x
    bad 1 "another custodian" "one custodian twice" $A domain split --threshold 2 --custodian c1.pem --custodian c1.pem --out x
    bad 1 "NOT_AUTHORISED" "a user splits nothing" $A domain split $custodians --out x --account user
    bad 1 "STEP.*domain begin" "join without shares" $B domain join
    ok "B's identity" $B identity --out b.pem
    ok "A's identity" $A identity --out a.pem
    ok "begin" $B domain begin --out join
    bad 1 "not stated by" "a key that is not B's" $hufu share reseal key-1.share --key c1.key --to join --device-key a.pem
    bad 1 "key-1.share: is there already" "no shares are lost" $A domain split $custodians --out key
    bad 1 "Is a directory" "a directory for a share" $B domain give .
    openssl pkey -in c1.key -aes256 -passout pass:of-custodian-1 -out c1.enc
    echo of-custodian-1 >c1.pass
    ok "a key with a passphrase" $hufu share reseal key-1.share --key c1.enc --passphrase-file c1.pass --to join --device-key b.pem --out hand
    HUFU_PASSPHRASE=another bad 1 "passphrase is wrong" "another passphrase" $hufu share reseal key-1.share --key c1.enc --to join --device-key b.pem
    bad 1 "no passphrase: give" "no passphrase" setsid -w $hufu share reseal key-1.share --key c1.enc --to join --device-key b.pem
    bad 1 "another custodian's" "another custodian's share" $hufu share reseal key-1.share --key c2.key --to join --device-key b.pem
    for i in 5 2 4; do
        bad 1 "STEP" "join with too few shares" $B domain join
        ok "reseal $i" $hufu share reseal key-$i.share --key c$i.key --to join --device-key b.pem --out hand
        bad 1 "SHARE_WRONG|STEP" "a share that is not for B" $B domain give key-$i.share
        ok "give $i" $B domain give hand
        bad 1 "SHARE_WRONG|STEP" "the same share again" $B domain give hand
    done
    ok "join" $B domain join
    ok "the key moves" $B key import --in keys.hufu --label moved
    echo message >message
    ok "it signs there" $B sign --key moved --in message --out signature
    ok "openssl verifies with the public key from A" openssl pkeyutl -verify -pubin -inkey moving.pem -sigfile signature \
        -rawin -digest sm3 -pkeyopt distid:1234567812345678 -in message
    bad 1 "STEP" "no shares are left" $B domain join
}
total
