#!/usr/bin/env bash
# Installs the Debian packages named as arguments that are not there yet, and says so first.
set -euo pipefail
if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian: make sure that you have what these packages hold: $*"
    exit 0
fi
missing=()
for package in "$@"; do
    status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    [[ $status == *'ok installed' ]] || missing+=("$package")
done
[ ${#missing[@]} = 0 ] && exit 0
run=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        echo "Missing: ${missing[*]}. Become root and run: apt-get install ${missing[*]}" >&2
        exit 1
    }
    run=(sudo)
fi
echo "Installing with apt-get: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
"${run[@]}" apt-get update -q
# servers are for the tests to start: RUNLEVEL tells invoke-rc.d to leave them alone
"${run[@]}" env RUNLEVEL=1 apt-get install -y -q --no-install-recommends "${missing[@]}"
