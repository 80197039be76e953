#!/usr/bin/env bash
# Instructions of the arithmetic alone on the boards of QEMU, as a Markdown table.   usage: figures.sh FOLDER BOARD...
# Libraries for parts of this size (libecc, micro-ecc) are not in Debian 12, so none of them is measured beside it.
set -euo pipefail
folder=$(realpath "$1")
shift
. "$(dirname "$(realpath "$0")")/../../tests/lib/qemu.sh"
dir=$(mktemp -d "${TMPDIR:-/tmp}/hufu-figures-XXXXXX")
trap 'rm -rf "$dir"' EXIT
cd "$dir"
for board; do
    command -v "qemu-system-$([ "$board" = virt ] && echo riscv32 || echo arm)" >/dev/null || { echo "no QEMU for $board" >&2; exit 1; }
    (emulate "$board" "$folder/$board-figures.elf" -icount shift=0) && grep -q '^done' uart || { cat uart qemu-err >&2; exit 1; }
    awk -v board="$board" -v each="$(instructions_a_tick "$board")" -F ' ticks | units | stack ' \
        'NF == 4 { printf "%s\t%s\t%d\t%d\n", board, $1, $2 * each / $3 + 0.5, $4 }' uart >>all
    printf '%s\tflash, bytes\t%s\t\n' "$board" "$(flash_and_ram "$board" "$folder/$board-figures.elf" | cut -d' ' -f1)" >>all
done
awk -F '\t' '
    !($1 in seen) { seen[$1]; boards[++nb] = $1 }
    !($2 in known) { known[$2]; rows[++nr] = $2 }
    { cell[$1, $2] = $4 == "" ? $3 : $3 " (" $4 ")" }
    END {
        printf "| instructions (stack) |"; for (b = 1; b <= nb; b++) printf " %s |", boards[b]
        printf "\n|---|"; for (b = 1; b <= nb; b++) printf "---:|"; print ""
        for (r = 1; r <= nr; r++) { printf "| %s |", rows[r]; for (b = 1; b <= nb; b++) printf " %s |", cell[boards[b], rows[r]]; print "" }
    }' all
