#!/usr/bin/env bash
# Runs the steps of docs/backup.md: a token of SoftHSM into a device, and on to a second one of its wrap domain.
# BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
set -u
steps=$(cd "$(dirname "$0")/../../docs" && pwd)/backup.md
. "$(dirname "$0")/device.sh"
softhsm=/usr/lib/softhsm/libsofthsm2.so
if ! [ -f $softhsm ] || ! command -v pkcs11-tool >/dev/null || ! command -v softhsm2-util >/dev/null; then
    echo "SKIP  softhsm2 or opensc is not installed"
    skipped=1
    total
    exit
fi
start a
start b
old=unix:$dir/a/hufu.sock new=unix:$dir/b/hufu.sock
export old new HUFU_TOKEN_PIN=1234 SOFTHSM2_CONF=$dir/softhsm.conf
ok "init" "$hufu" --device "$old" init --label old
ok "init" "$hufu" --device "$new" init --label new
mkdir tokens
echo "directories.tokendir = $dir/tokens" >softhsm.conf
softhsm2-util --init-token --free --label payroll --pin 1234 --so-pin 12345678 >/dev/null
tool=(pkcs11-tool --module "$softhsm" --login --pin 1234)
"${tool[@]}" --keypairgen --key-type rsa:2048 --label 'Lohn größe' --id 11 >/dev/null 2>&1
"${tool[@]}" --keypairgen --key-type EC:prime256v1 --label slips --id 22 >/dev/null 2>&1

awk '/^```$/ { inside = 0 } inside { print } /^```sh$/ { inside = 1 }' "$steps" >steps.sh
ok "there are steps" grep -q 'backup restore' steps.sh
PATH=$build:$PATH ok "the steps of docs/backup.md" bash -eu -o pipefail steps.sh
# the keys of the token work in the second device
for key in "Lohn größe:11" slips:22; do
    IFS=: read -r label id <<<"$key"
    ok "$label is there" "$hufu" --device "$new" key show "$label" --json
    has "its id" "\"id\": \"$id\"" out
    "${tool[@]}" --read-object --type pubkey --id "$id" -o token.der >/dev/null 2>&1 || fail "SoftHSM gives the public key of $label"
    ok "its public key" "$hufu" --device "$new" key export-public "$label" --out got.pem
    openssl pkey -pubin -inform DER -in token.der -outform DER -out expected 2>/dev/null
    openssl pkey -pubin -in got.pem -outform DER -out got 2>/dev/null
    ok "it is the token's" cmp expected got
done
total
