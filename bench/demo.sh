#!/usr/bin/env bash
# make demo: a device in a temporary folder, from nothing to signatures that OpenSSL verifies.
set -euo pipefail
build=${BUILD:-build}
dir=$(mktemp -d /tmp/hufu-demo-XXXXXX)
sim=
finish() {
    [ -n "$sim" ] && kill "$sim" 2>/dev/null && wait "$sim" 2>/dev/null || true
    rm -rf "$dir"
}
trap finish EXIT
step() { printf '\n== %s\n' "$*"; }

step "Start a device (hufu-sim) in $dir"
mkfifo "$dir/ready"
"$build/hufu-sim" --dir "$dir/device" --socket "$dir/socket" --ready-fd 3 3>"$dir/ready" &
sim=$!
read -r -n 1 <"$dir/ready" || true
export HUFU_DEVICE=unix:$dir/socket

step "Initialise it"
umask 077
for who in ADMIN OPERATOR USER; do
    openssl rand -hex 8 >"$dir/$who.pin"
    export "HUFU_${who}_PIN=$(cat "$dir/$who.pin")"
done
"$build/hufu" init --label demo
"$build/hufu" info

step "Make 10,000 SM2 key pairs and 10,000 signatures over the socket; OpenSSL checks every one"
"$build/examples/demo" "$HUFU_DEVICE" "$dir/USER.pin" 10000

step "Certificate requests with an SM2 and an RSA-2048 key that never leave the device"
for type in sm2 rsa2048; do
    "$build/hufu" key generate --type $type --label web-$type --usage sign >/dev/null
    "$build/hufu" csr --key web-$type --subj "/C=CN/O=Hufu demo/CN=$type.example.com" --san "DNS:$type.example.com" --out "$dir/$type.csr"
done
openssl req -in "$dir/sm2.csr" -noout -verify -subject -vfyopt distid:1234567812345678
openssl req -in "$dir/rsa2048.csr" -noout -verify -subject

step "Done; the device and its folder go away"
