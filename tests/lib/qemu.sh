# shellcheck shell=bash
# To be sourced: the boards of QEMU that the bare-metal images run on.

# emulate BOARD IMAGE [OPTION...]: QEMU becomes this process, its UART goes to the file uart
emulate() {
    local board=$1 image=$2
    shift 2
    if [ "$board" = virt ]; then
        set -- riscv32 virt -bios none -device "loader,file=$image,cpu-num=0" "$@"
    else
        set -- arm "mps2-$board" -kernel "$image" "$@"
    fi
    exec "qemu-system-$1" -M "$2" -display none -monitor none -serial file:uart \
        -semihosting-config enable=on,target=native "${@:3}" 2>qemu-err </dev/null
}

# With "-icount shift=0" an instruction is a nanosecond: so many of them are a tick of the board's clock.
instructions_a_tick() {
    case $1 in an385) echo 40 ;; an505) echo 50 ;; virt) echo 1 ;; esac
}

# flash_and_ram BOARD IMAGE: bytes of both
flash_and_ram() {
    local tools=arm-none-eabi text data bss
    [ "$1" = virt ] && tools=riscv64-unknown-elf
    read -r text data bss _ < <("$tools-size" "$2" | tail -n 1)
    echo $((text + data)) $((data + bss))
}
