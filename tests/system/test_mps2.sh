#!/usr/bin/env bash
# The firmware on Cortex-M3, Cortex-M33 and RISC-V in QEMU, driven by the hufu program through two FIFOs, with the openssl program as
# judge. BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
# COSTS=FILE: the images count what each command takes, and the figures of each go to FILE: stack, ticks of the
# first one (which is SM2 where the kind of key matters) and of the longest.
set -u
costs=${COSTS:+$(realpath "$COSTS")}
build=$(cd "${BUILD:-build}" && pwd) || exit 1
top=$(cd "$(dirname "$0")/../.." && pwd)
hufu=$build/hufu
. "$top/tests/lib/qemu.sh"
id=1234567812345678
passed=0 failed=0 skipped=0 qemu='' bridge='' where=''
dir=$(mktemp -d "${TMPDIR:-/tmp}/hufu-mps2-XXXXXX")
# While QEMU reads from a FIFO it hears no other signal than KILL.
stop() {
    [ -n "$qemu" ] && kill -9 "$qemu" 2>/dev/null && wait "$qemu" 2>/dev/null
    [ -n "$bridge" ] && kill "$bridge" 2>/dev/null && wait "$bridge" 2>/dev/null
    qemu='' bridge=''
}
trap 'stop; rm -rf "$dir"' EXIT
cd "$dir" || exit 1

pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    printf 'FAIL  %s: %s\n' "$where" "$1"
    for f in err uart; do [ -s $f ] && sed "s/^/      $f | /" $f | tail -n 5; done
}
skip() {
    skipped=$((skipped + 1))
    printf 'SKIP  %s\n' "$1"
}
finish() {
    printf '%d passed, %d failed, %d skipped\n' $passed $failed $skipped
    [ $failed = 0 ]
    exit
}
# ok TITLE COMMAND...: it succeeds. Its output stays in out and err.
ok() {
    local title=$1
    shift
    if timeout 600 "$@" >out 2>err; then pass; else fail "$title (status $?)"; fi
}
bad() {
    local title=$1
    shift
    if timeout 600 "$@" >out 2>err; then fail "$title: it worked"; else pass; fi
}
has() { if grep -qE -- "$2" "$3"; then pass; else fail "$1: no \"$2\" in $3"; fi; }

# start BOARD [wire]: the image (in $image) runs and has said hello, or it is a failure that ends the test. wire: its link
# is the board's second UART, else the two FIFOs of semihosting
start() {
    local to=to-device from=from-device
    [ "${2:-}" = wire ] && to=wire.in from=wire.out
    stop
    rm -f to-device from-device wire.in wire.out sock ready
    mkfifo $to $from
    emulate "$1" "$image" ${costs:+-icount shift=0} ${2:+-serial pipe:wire} &
    qemu=$!
    python3 "$top/tests/system/mps2_bridge.py" sock $to $from >ready 2>bridge-err &
    bridge=$!
    for _ in $(seq 6000); do
        [ -s ready ] && return
        kill -0 $qemu 2>/dev/null || break
        sleep 0.1
    done
    fail "the image does not start"
    sed 's/^/      qemu | /' qemu-err
    finish
}
# code_of FUNCTION: where its code is in $image
code_of() {
    local at begin offset
    at=$(nm "$image" | awk -v f="$1" '$3 == f { print $1 }')
    begin=$(nm "$image" | awk '$3 == "flash_begin" { print $1 }')
    offset=$(readelf -lW "$image" | awk '$1 == "LOAD" && $7 $8 == "RE" { print $2 }')
    printf '0x%x' $((0x$at - 0x$begin + offset))
}
for tool in qemu-system-arm arm-none-eabi-gcc python3 openssl; do
    command -v $tool >/dev/null || {
        skip "the bare-metal images: no $tool"
        finish
    }
done
boards='an385 an505' images=firmware-mps2
if command -v qemu-system-riscv32 riscv64-unknown-elf-gcc >make-out && [ "$(wc -l <make-out)" = 2 ]; then
    boards+=' virt' images+=' firmware-virt'
else
    skip "the bare-metal image of RISC-V: no qemu-system-riscv32 or riscv64-unknown-elf-gcc"
fi
# shellcheck disable=SC2086
make -j2 --no-print-directory -C "$top" BUILD="$build" $images >make-out 2>&1 || {
    where=build
    fail "make $images"
    tail -n 20 make-out
    finish
}

export HUFU_DEVICE=unix:$dir/sock
export HUFU_ADMIN_PIN=admin-pin-1 HUFU_OPERATOR_PIN=operator-pin-1 HUFU_USER_PIN=user-pin-1
printf 'to be signed on a microcontroller' >message
sm2_verify() {
    ok "$1" openssl pkeyutl -verify -pubin -inkey sm2.pem -sigfile "$2" -rawin -digest sm3 -pkeyopt "distid:$id" -in message
}

for board in $boards; do
    where=$board
    image=$build/mps2/$board.elf
    rm -f nvm ./*.pem ./*.sig ./*.hfwk ./uart-*
    [ -n "$costs" ] && touch trace
    start "$board"
    has "it says what it is, and that its known-answer tests passed" \
        "^hufu [0-9.]+ on [a-z0-9]+-(an385|an505|rv32), engine portable, self-tests passed, state BLANK" uart
    ok "info of a blank device" "$hufu" info
    has "its port" "(mps2-$board|$board-rv32)" out
    ok "init" "$hufu" init --label Bare
    ok "selftest" "$hufu" selftest
    ok "SM2 key" "$hufu" key generate --type sm2 --label sm2 --usage sign,decrypt
    ok "RSA key" "$hufu" key generate --type rsa2048 --label rsa --usage sign,decrypt
    bad "RSA-4096 is more than a small build has" "$hufu" key generate --type rsa4096 --label large
    for key in sm2 rsa; do
        ok "$key public key" "$hufu" key export-public $key --out $key.pem
        ok "$key signature" "$hufu" sign --key $key --in message --out $key.sig
    done
    for key in sm2 rsa; do
        ok "the device verifies the $key signature" "$hufu" verify --key $key --in message --signature $key.sig
        ok "encrypt to $key" "$hufu" encrypt --key $key --in message --out ciphertext
        ok "decrypt with $key" "$hufu" decrypt --key $key --in ciphertext --out plaintext
        ok "the message comes back" cmp message plaintext
    done
    ok "key pairs in batches, larger than an answer" "$hufu" key batch -n 100 -o batch.hfwk
    ok "RSA key pairs" "$hufu" key batch --type rsa2048 -n 1 -o rsa.hfwk
    ok "random bytes" "$hufu" random -n 10000 --out random
    sm2_verify "OpenSSL verifies the SM2 signature" sm2.sig
    ok "OpenSSL verifies the RSA signature" openssl dgst -sha256 -verify rsa.pem -signature rsa.sig message
    cp uart uart-first
    stop # as if the power failed: nothing is told to the image
    start "$board"
    has "after the power cut it is ready again" "self-tests passed, state READY, boot 2" uart
    ok "the keys are there" "$hufu" key list
    has "SM2" sm2 out
    has "RSA" rsa out
    ok "a signature with the SM2 key from before" "$hufu" sign --key sm2 --in message --out again.sig
    sm2_verify "OpenSSL verifies it with the public key from before" again.sig
    if [ "$board" != virt ]; then
        stop
        start "$board" wire
        ok "over the UART: the keys are there" "$hufu" key list
        ok "over the UART: a batch" "$hufu" key batch -n 20 -o wire.hfwk
        ok "over the UART: a signature" "$hufu" sign --key sm2 --in message --out wire.sig
        sm2_verify "OpenSSL verifies it" wire.sig
    fi
    for place in "hufu: SM3 of this image follows" "fault: the processor stopped" "$(code_of board_fault)"; do
        [ -n "$costs" ] && break
        image=changed.elf
        python3 -B "$top/tests/system/flip.py" "$build/mps2/$board.elf" $image "$place"
        start "$board"
        has "one bit is wrong at $place: it has failed" "self-test: firmware image, state FAILED" uart
        ok "info still answers" "$hufu" info
        has "and says why" "^failure *self-test: firmware image" out
        bad "no signature comes out" "$hufu" sign --key sm2 --in message --out failed.sig
        bad "no random bytes come out" "$hufu" random -n 16 --out failed
        if [ -s failed ] || [ -s failed.sig ]; then fail "something came out"; else pass; fi
    done
    if [ -z "$costs" ]; then
        image=$build/mps2/$board.elf
        start "$board"
        has "as it was built it is ready" "self-tests passed, state READY" uart
    fi
    ok "zeroise" "$hufu" zeroise --yes
    bad "no key is left" "$hufu" sign --key sm2 --in message --out gone.sig
    stop
    cp uart uart-second
    [ -n "$costs" ] && awk -v board=$board '/ stack / && $1 == "command" {
            if (!($2 in first)) first[$2] = $6
            if ($6 > ticks[$2]) ticks[$2] = $6
            if ($8 > stack[$2]) stack[$2] = $8 }
        /^memory / && $6 + 0 > boot { boot = $6 + 0 }
        /^memory / { memory = $2 }
        END { print board, "boot", boot, memory, 0; for (c in ticks) print board, c, stack[c], first[c], ticks[c] }' uart-* >>"$costs"
done
finish
