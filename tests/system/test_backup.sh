#!/usr/bin/env bash
# A device into a file and back, into itself and into another one of its wrap domain.
# BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
set -u
. "$(dirname "$0")/device.sh"
A="$hufu --device unix:$dir/a/hufu.sock" B="$hufu --device unix:$dir/b/hufu.sock"
start a
start b
printf 'clerk-pin\n' >clerk
sum() { head -c -37 "$1" >body && { cat body; printf '\377\0\0\0\040'; openssl dgst -sm3 -binary body; } >"$2"; }
# shellcheck disable=SC2086
{
    ok "init" $A init --label A
    ok "init" $B init --label B
    ok "an account" $A account create clerk --role user --new-pin-file clerk
    ok "a key" $A key generate --label moving --usage sign,export-wrapped
    ok "one that counts" $A key generate --label counted --usage sign,backup --limit 5
    ok "one of the clerk's" $A key generate --label clerks --type rsa2048 --usage sign,backup --account clerk --pin-file clerk
    ok "a secret" $A key generate --label secret --type sm4 --usage encrypt,backup
    ok "one that stays" $A key generate --label stays --usage sign
    echo message >message
    ok "a use" $A sign --key counted --in message --out signature
    ok "a use" $A sign --key counted --in message --out signature
    ok "its public key" $A key export-public counted --out counted.pem

    bad 1 "NOT_AUTHORISED" "a user makes no backup" $A backup create --out no.backup --account user
    $A backup create --out a.backup >out 2>err || fail "create"
    has "what stays is told" "stays.*does not let it leave" err
    has "what is in it" "4 objects, 1 that may not" err
    ok "verify" $hufu backup verify --in a.backup --log log
    has "its sum" "4 objects, 1 left there" out
    ok "verify --json" $hufu backup verify --in a.backup --json
    python3 -m json.tool out >/dev/null || fail "no JSON"
    bad 1 "is there already" "a backup is not written over" $A backup create --out a.backup
    ok "the log in it" $hufu log verify log
    has "tells of the backup" "backup_object" log

    ok "again" $A backup restore --in a.backup
    has "nothing is doubled" "0 objects restored, 4 were here" err
    bad 1 "WRONG_WRAP" "another domain" $B backup restore --in a.backup --owner user
    for i in 1 2; do
        ok "custodian" openssl genpkey -algorithm SM2 -out c$i.key
        ok "custodian" openssl pkey -in c$i.key -pubout -out c$i.pem
    done
    ok "split" $A domain split --threshold 2 --custodian c1.pem --custodian c2.pem --out key
    ok "B's key" $B identity --out b.pem
    ok "begin" $B domain begin --out join
    for i in 1 2; do
        ok "reseal" $hufu share reseal key-$i.share --key c$i.key --to join --device-key b.pem --out hand
        ok "give" $B domain give hand
    done
    ok "join" $B domain join

    bad 1 "belongs to clerk.*no such account" "no clerk" $B backup restore --in a.backup
    ok "the clerk" $B account create clerk --role user --new-pin-file clerk
    ok "restore" $B backup restore --in a.backup
    ok "twice is once" $B backup restore --in a.backup
    has "twice is once" "0 objects restored, 4 were here" err
    ok "the clerk's key" $B key list --account clerk --pin-file clerk --json
    has "the clerk's key" '"clerks"' out
    for i in 3 4 5; do
        ok "use $i" $B sign --key counted --in message --out signature
    done
    ok "openssl verifies" openssl pkeyutl -verify -pubin -inkey counted.pem -sigfile signature -rawin -digest sm3 \
        -pkeyopt distid:1234567812345678 -in message
    bad 1 "KEY_USED_UP" "no sixth use" $B sign --key counted --in message
    ok "restored once more" $B backup restore --in a.backup
    bad 1 "KEY_USED_UP" "the count was not lowered" $B sign --key counted --in message

    # the audit: B's log says that it goes on where the one in the backup ends
    ok "B's log" $B log export --out b.log
    ok "the chain across the restore" $hufu log verify b.log --device-key b.pem --continues log
    has "the chain across the restore" "since record [0-9]+ it goes on after record [0-9]+ of device" out
    ok "as JSON" $hufu log verify b.log --continues log --json
    has "as JSON" '"restored": [1-9]' out
    ok "A's log of later" $A log export --out later
    bad 1 "no record says that this log goes on" "after another end" $hufu log verify b.log --continues later
    head -n -1 log >short
    bad 1 "without a checkpoint" "the backup's log, cut" $hufu log verify b.log --continues short
    sed 2d b.log >less
    bad 1 "missing|does not follow" "a record of B's" $hufu log verify less --continues log

    # damage: cut off, turned, of a newer version, with a sum that fits
    size=$(stat -c %s a.backup)
    for n in 0 1 11 12 40 100 500 $((size / 2)) $((size - 38)) $((size - 1)); do
        head -c $n a.backup >cut.backup
        bad 1 "damaged or cut off|not a backup" "the first $n bytes" $hufu backup verify --in cut.backup
    done
    { head -c 8 a.backup; printf '\0\0\0\002'; tail -c +13 a.backup; } >newer
    bad 1 "format 2.*update the program" "a newer file" $B backup restore --in newer
    python3 - <<'END'
data = bytearray(open("a.backup", "rb").read())
at = data.index(b"HFBO")
for name, place, value in (("version", at + 4, 2), ("tag", at + 200, data[at + 200] ^ 1)):
    changed = bytearray(data)
    changed[place] = value
    open("bad-" + name, "wb").write(changed)
at = data.index(b'"record": "', data.index(b'"sequence": 4')) + 20
changed = bytearray(data)
changed[at] = ord("0") if changed[at] != ord("0") else ord("1")
open("bad-log", "wb").write(changed)
END
    for n in version tag log; do sum bad-$n sum-$n; done
    bad 1 "damaged or cut off" "without the sum" $B backup restore --in bad-tag
    bad 1 "NEWER_FORMAT" "a newer object" $B backup restore --in sum-version
    bad 1 "WRONG_WRAP" "a changed object" $B backup restore --in sum-tag
    bad 1 "record|line" "a changed log" $hufu backup verify --in sum-log
    sum a.backup same
    ok "the sum is that" cmp a.backup same
}
total
