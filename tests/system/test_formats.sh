#!/usr/bin/env bash
# What former versions have written is still read: frozen images of devices, archives, back-ups, logs and attestations, made by
# tests/vectors/images/make.sh when a format changed. BUILD: where the programs are (default: build).
set -u
images=$(cd "$(dirname "$0")/../vectors/images" && pwd)
. "$(dirname "$0")/device.sh"
# shellcheck source=/dev/null
. "$images/pins.txt"
same() { if cmp -s "$2" "$3"; then passed=$((passed + 1)); else fail "$1: $2 and $3 differ"; fi; } # TITLE FILE FILE

# openssl's verdict on a signature that is made now, and on the frozen one
signs() { # KEY DIGEST
    local id=()
    [ "$2" = sm3 ] && id=(-sigopt distid:1234567812345678)
    ok "sign with $1" "$hufu" sign --key "$1" --in message --out now.sig
    ok "openssl verifies $1" openssl dgst "-$2" "${id[@]}" -verify "$1.pem" -signature now.sig message
    ok "openssl verifies the old signature of $1" openssl dgst "-$2" "${id[@]}" -verify "$1.pem" -signature "$1.sig" message
    ok "and so does the device" "$hufu" verify --key "$1" --in message --signature "$1.sig"
    ok "public key of $1" "$hufu" key export-public "$1" --out now.pem
    same "public key of $1" now.pem "$1.pem"
}

accounts() {
    ok "accounts" "$hufu" accounts
    for name in admin operator user watcher; do
        has "account $name" "$name" out
    done
    HUFU_PIN=$HUFU_AUDITOR_PIN ok "the auditor logs in" "$hufu" log --account watcher
    bad 1 "4 tries|PIN" "a wrong PIN" env HUFU_USER_PIN=wrong-pin "$hufu" key list
    ok "the right one" "$hufu" key list
}

keys() {
    for key in sm2 rsa p256 p384 sm4 hmac; do
        has "key $key" " $key( |$)" out
    done
    if grep -q destroyed out; then fail "a destroyed key is back"; fi
    signs sm2 sm3
    signs rsa sha256
    signs p256 sha256
    signs p384 sha256
    for key in sm2 rsa; do
        ok "decrypt with $key" "$hufu" decrypt --key $key --in $key.ct --out now
        same "decrypt with $key" now message
    done
    ok "decrypt with sm4" "$hufu" decrypt --key sm4 --mode ctr --in sm4.ct --out now
    same "decrypt with sm4" now message
}

# Since objects3: the count goes on where it was.
limits() {
    [ -e few.pem ] || return 0
    signs few sm3
    ok "the last use" "$hufu" sign --key few --in message --out now.sig
    bad 1 "KEY_USED_UP" "one more" "$hufu" sign --key few --in message
}

wrapped() {
    ok "archive" "$hufu" archive show batch.arc
    has "archive" "^20 keys$" out
    ok "import from the archive" "$hufu" key import --in batch.arc --index 13 --label thirteen
    ok "its public key" "$hufu" key export-public thirteen --out now.pem
    same "key 13 of the archive" now.pem batch13.pem
    ok "import of one" "$hufu" key import --in one.arc --label again
    ok "its public key" "$hufu" key export-public again --out now.pem
    same "the key that was exported" now.pem sm2.pem
    ok "destroy rsa" "$hufu" key destroy rsa
    ok "restore from the back-up" "$hufu" key restore --in backup.arc
    signs rsa sha256
}

stated() {
    ok "the old log" "$hufu" log verify log.jsonl --device-key device.pem
    ok "log export" "$hufu" log export --out now.log
    ok "the log goes on from it" "$hufu" log verify now.log --device-key device.pem
    head -n 1 now.log >first && head -n 1 log.jsonl >old-first
    same "its first record" first old-first
    ok "the old attestation" "$hufu" attest verify sm2.att --device-cert device.crt --nonce 0102 --json
    has "the old attestation" '"label": "sm2"' out
    ok "identity" "$hufu" identity --out now.pem
    same "identity" now.pem device.pem
    ok "a new attestation" "$hufu" attest sm2 --out now.att
    ok "of the same device" "$hufu" attest verify now.att --device-cert device.crt
}

attended() {
    local HUFU_DEVICE=unix:$dir/$image-attended/hufu.sock
    export HUFU_DEVICE
    mv attended "$dir/$image-attended"
    start "$image-attended"
    bad 1 "locked|WRONG_STATE" "locked at first" "$hufu" sign --key locked --in message
    ok "unlock" "$hufu" unlock
    ok "sign" "$hufu" sign --key locked --in message --out now.sig
    ok "openssl verifies it" openssl dgst -sm3 -sigopt distid:1234567812345678 -verify locked.pem -signature now.sig message
    kill "$started"
    wait "$started"
}

for file in "$images"/*.tar.gz; do
    image=$(basename "$file" .tar.gz)
    mkdir "$dir/$image" && cd "$dir/$image" || exit 1
    ok "unpack $image" tar -xzf "$file"
    export HUFU_DEVICE=inproc:plain
    ok "info" "$hufu" info
    has "label" "Frozen" out
    accounts
    keys
    limits
    wrapped
    stated
    attended
done
total && [ $passed -gt 100 ]
