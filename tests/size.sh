#!/usr/bin/env bash
# What the bare-metal images take, against limits: tests/size.sh BOARD FLASH RAM STACK... (bytes).
# RAM is all of it: what is static, the room of the stack, and what the device took at its start. The stack is measured:
# the images paint it and run the commands of tests/system/test_mps2.sh, which are not all there are. Without QEMU only
# flash is looked at.
set -u
declare -A flash_max ram_max stack_max static
while [ $# -ge 4 ]; do
    flash_max[$1]=$2 ram_max[$1]=$3 stack_max[$1]=$4
    shift 4
done
over=0
top=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$(cd "${BUILD:-build}" && pwd)
. "$top/tests/lib/qemu.sh"
export BUILD
limit() { # BOARD WHAT IS MAX
    printf '%-6s %-22s %8d of %8d\n' "$1" "$2" "$3" "$4"
    [ "$3" -le "$4" ] || {
        over=1
        echo "       above the limit in the Makefile"
    }
}
for board in $(tr " " "\n" <<<"${!flash_max[*]}" | sort); do
    read -r flash ram < <(flash_and_ram "$board" "$BUILD/mps2/$board.elf")
    limit "$board" flash "$flash" "${flash_max[$board]}"
    static[$board]=$ram
done
COSTS=$BUILD/mps2/costs
export COSTS
: >"$COSTS"
if ! bash "$top/tests/system/test_mps2.sh" >"$BUILD/mps2/costs.log"; then
    cat "$BUILD/mps2/costs.log"
    exit 1
fi
grep '^SKIP' "$BUILD/mps2/costs.log"
names=$(sed -nE 's/^COMMAND\(0x(..), ([a-z_0-9]+),.*/\1 \2/p' "$top/proto/commands.def")
while read -r board code stack first longest; do
    name=$code
    [ "$code" = boot ] || name=$(awk -v c="$(printf %02X "$code")" '$1 == c { print $2 }' <<<"$names")
    limit "$board" "stack, ${name:-no command}" "$stack" "${stack_max[$board]}"
    each=$(instructions_a_tick "$board")
    case $name in
    boot) limit "$board" RAM $((static[$board] + first)) "${ram_max[$board]}" ;;
    key_generate | key_batch | sign) echo "       instructions: $((first * each)) with SM2, $((longest * each)) with RSA-2048" ;;
    *) echo "       instructions: $((longest * each))" ;;
    esac
done <"$COSTS"
exit $over
