#!/usr/bin/env bash
# Installs the Debian packages named as arguments that are not there yet, and says so first. What comes after -- is taken
# where it can be had.   usage: tests/setup.sh PACKAGE... [-- PACKAGE...]
set -euo pipefail
if ! command -v dpkg-query >/dev/null; then
    echo "This is not Debian: make sure that you have what these packages hold: $*"
    exit 0
fi
needed=() wanted=() list=needed
for package in "$@"; do
    if [ "$package" = -- ]; then
        list=wanted
        continue
    fi
    status=$(dpkg-query -W -f='${Status}' "$package" 2>/dev/null || true)
    [[ $status == *'ok installed' ]] && continue
    if [ $list = needed ]; then needed+=("$package"); else wanted+=("$package"); fi
done
[ $((${#needed[@]} + ${#wanted[@]})) = 0 ] && exit 0
run=()
if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || {
        [ ${#needed[@]} = 0 ] || {
            echo "Missing: ${needed[*]}. Become root and run: apt-get install ${needed[*]}" >&2
            exit 1
        }
        echo "Not installed, tests that want them are skipped: ${wanted[*]}"
        exit 0
    }
    run=(sudo)
fi
export DEBIAN_FRONTEND=noninteractive
# servers are for the tests to start: RUNLEVEL tells invoke-rc.d to leave them alone
get() { "${run[@]}" env RUNLEVEL=1 apt-get install -y -q --no-install-recommends "$@"; }
echo "Installing with apt-get: ${needed[*]} ${wanted[*]}"
"${run[@]}" apt-get update -q
[ ${#needed[@]} = 0 ] || get "${needed[@]}"
[ ${#wanted[@]} = 0 ] && exit 0
get "${wanted[@]}" || for package in "${wanted[@]}"; do
    get "$package" || echo "Cannot be had, tests that want it are skipped: $package"
done
