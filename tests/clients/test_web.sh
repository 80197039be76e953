#!/usr/bin/env bash
# Runs every block of docs/walkthrough.md, in order, and then looks at what the steps have left.
. "$(dirname "$0")/openssl.lib"
for program in openssl nginx apache2 curl wrk testssl; do
    command -v $program >/dev/null || PATH=$PATH:/usr/sbin
    if ! command -v $program >/dev/null; then
        skip "$program is not installed"
        finish
        exit
    fi
done
export PATH=$build:$PATH HUFU_MODULE=$build/hufu.so
HTTPS_PORT=$(free_port) APACHE_PORT=$(free_port) FILE_PORT=$(free_port) OCSP_PORT=$(free_port)
export HTTPS_PORT APACHE_PORT FILE_PORT OCSP_PORT

# one script of all blocks, which says before each where it is
awk '
    /^## / { title = substr($0, 4) }
    /^```$/ && inside { inside = 0 }
    inside { print }
    /^```sh$/ { inside = 1; n++; printf "echo \"step %d (line %d): %s\" >&4\n", n, NR, title }' \
    "$top/docs/walkthrough.md" >steps.sh
steps=$(grep -c 'step [0-9]* (line' steps.sh)
timeout 1700 bash -eu -o pipefail steps.sh 4>steps.log >out 2>err &
group=$! # timeout makes a group of processes of all that stays in it
wait $group
status=$?
kill -- -$group 2>/dev/null
for pid in nginx/pid apache/pid; do [ -f $pid ] && kill "$(cat $pid)"; done
done=$(wc -l <steps.log)
if [ $status = 0 ]; then
    passed=$((passed + done))
else
    passed=$((passed + done - 1))
    fail "$(tail -n 1 steps.log), status $status"
    tail -n 20 err nginx/error.log apache/error.log ocsp.log sim.log 2>/dev/null
fi
[ "$done" = "$steps" ] || fail "$done of $steps steps were run"

for file in wrk-$HTTPS_PORT.txt:device wrk-$FILE_PORT.txt:file; do
    [ -f "${file%:*}" ] || continue
    printf 'handshakes with the key of the %-6s %s a second\n' "${file#*:}" "$(awk '/Requests\/sec/ {print $2}' "${file%:*}")"
done
finish
