#!/usr/bin/env bash
# A frozen image of everything that is kept for long: two devices (plain and attended), keys, wrapped keys, a back-up, a log, an attestation,
# for tests/system/test_formats.sh, which opens each image for ever. To be run when a format changes, with the programs from before
# and from after:  make.sh BUILD NAME  writes NAME.tar.gz here. PINs: pins.txt.
set -eu
build=$(cd "$1" && pwd) name=$2
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
# shellcheck source=/dev/null
. "$here/pins.txt"
hufu=$build/hufu
export HUFU_DEVICE=inproc:plain
printf 'said long ago\n' >message
"$hufu" init --label Frozen
HUFU_NEW_PIN=auditor-pin "$hufu" account create watcher --role auditor
"$hufu" key generate --label sm2 --id 0102 --usage sign,decrypt,agree,export-wrapped
"$hufu" key generate --type rsa2048 --label rsa --usage sign,decrypt,export-wrapped
"$hufu" key generate --type p256 --label p256
"$hufu" key generate --type p384 --label p384
"$hufu" key generate --type sm4 --label sm4
"$hufu" key generate --type hmac --size 20 --label hmac
"$hufu" key generate --label destroyed
"$hufu" key destroy destroyed
if "$hufu" key restrict --help >help 2>&1; then
    "$hufu" key generate --label few --limit 3 --not-before 2020-01-01 --digest-only
    "$hufu" sign --key few --in message --out few.sig
    "$hufu" key export-public few --out few.pem
    rm help
fi
for key in sm2 rsa p256 p384; do
    "$hufu" key export-public $key --out $key.pem
    "$hufu" sign --key $key --in message --out $key.sig
done
for key in sm2 rsa; do
    "$hufu" encrypt --key $key --in message --out $key.ct
done
"$hufu" encrypt --key sm4 --mode ctr --in message --out sm4.ct
"$hufu" key batch --count 20 --usage sign --out batch.arc
"$hufu" archive show batch.arc --index 13 --out batch13.pem
"$hufu" key export sm2 --out one.arc
"$hufu" key backup --out backup.arc
if HUFU_USER_PIN=wrong-pin "$hufu" key list 2>err; then exit 1; fi
"$hufu" identity --out device.pem
"$hufu" identity certificate --out device.crt
"$hufu" attest sm2 --nonce 0102 --out sm2.att
"$hufu" log export --out log.jsonl
"$hufu" --version >version
rm -f err help

HUFU_DEVICE=unix:$work/socket
mkfifo ready
"$build/hufu-sim" --dir attended --socket socket --ready-fd 3 3>ready 2>/dev/null &
sim=$!
read -r <ready || true
"$hufu" init --label Attended --attended
"$hufu" key generate --label locked
"$hufu" key export-public locked --out locked.pem
kill $sim
wait $sim || true
rm -f ready socket ./*/lock ./*/hufu.sock
tar --sort=name --sparse --owner=0 --group=0 -czf "$here/$name.tar.gz" ./*
ls -l "$here/$name.tar.gz"
