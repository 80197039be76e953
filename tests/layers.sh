#!/usr/bin/env bash
# Compares every #include of the tree with the arrows of docs/design.md, and fails on another.
# Also: inside firmware/ (but for the ports) only freestanding headers, and from <string.h> only mem*; and every header
# of firmware/crypto that declares functions says what their time may tell ("CT:").
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
failed=0 passed=0

complain() {
    echo "$1: includes $2: $3"
    failed=$((failed + 1))
}

# folder (longest match wins) -> what it may include, as a pattern of paths from the top
allowed() {
    case $1 in
    proto/*) echo '^proto/|^proto_gen\.h$' ;;
    firmware/base/*) echo '^firmware/base/' ;;
    firmware/crypto/*) echo '^firmware/(base|crypto)/|^[a-z0-9_]+\.inc$' ;;
    firmware/hal/*) echo '^firmware/hal/' ;;
    firmware/store/*) echo '^firmware/(base|crypto|store|hal)/' ;;
    firmware/app/*) echo '^firmware/(base|crypto|store|hal|app)/|^proto/|^(proto_gen|handlers_gen)\.h$|^dispatch_gen\.inc$' ;;
    firmware/ports/tools/*) echo '^firmware/(base|hal|crypto)/' ;; # programs of the build
    firmware/ports/*) echo '^firmware/(base|hal|ports|app)/|^proto/' ;;
    sim/*) echo '^sim/|^proto/|^firmware/(hal|ports/posix)/|^firmware/app/(device|card)\.h$|^firmware/base/' ;;
    host/lib/reader_inproc.c) echo '^host/lib/|^proto/|^firmware/base/|^firmware/app/card\.h$' ;;
    host/lib/inproc_device.h | host/lib/transport_inproc.c) echo '^host/lib/|^proto/|^firmware/base/|^firmware/hal/|^firmware/app/device\.h$|^firmware/ports/posix/' ;;
    host/lib/channel.[ch] | host/lib/trust.c) echo '^host/lib/|^proto/|^firmware/(base|crypto)/' ;;
    host/lib/*) echo '^host/lib/|^proto/|^firmware/base/' ;;
    host/ifd/*) echo '^host/(lib|ifd)/' ;;
    host/provider/*) echo '^host/(lib/hufu\.h|provider/)' ;;
    host/random/*) echo '^host/random/|^firmware/crypto/randomness\.h$' ;;
    host/cli/*) echo '^host/(lib/(hufu|sync_name)\.h|cli/|random/random_test\.h)' ;;
    host/pkcs11/*) echo '^host/(lib/hufu\.h|pkcs11/)' ;;
    host/examples/*) echo '^host/lib/hufu\.h' ;;
    *) echo . ;;
    esac
}

while IFS=: read -r file include; do
    passed=$((passed + 1))
    grep -qE "$(allowed "$file")" <<<"$include" || complain "$file" "$include" 'not an arrow of docs/design.md'
done < <(find proto firmware sim host -name '*.[ch]' | grep -v '^proto/gen\.c$' |
    xargs grep -HoE '^ *# *include +"[^"]+"' | sed -E 's/ *# *include +"([^"]+)"/\1/')

while IFS=: read -r file include; do
    case $include in
    stdint.h | stddef.h | stdbool.h | limits.h | string.h) continue ;;
    valgrind/memcheck.h) [ "$file" = firmware/base/secret.h ] && continue ;;
    immintrin.h) [[ $file == firmware/crypto/ifma8/* ]] && continue ;;
    esac
    complain "$file" "<$include>" 'the firmware is freestanding'
done < <(find firmware proto -name '*.[ch]' |
    grep -vE '^firmware/ports/(posix|tools)/|^proto/gen\.c$|/gen_[a-z0-9_]+\.[ch]$' |
    xargs grep -HoE '^ *# *include +<[^>]+>' | sed -E 's/ *# *include +<([^>]+)>/\1/')

while IFS= read -r line; do
    echo "$line: only memcpy, memmove, memset and memcmp of libc"
    failed=$((failed + 1))
done < <(find firmware proto -name '*.c' | grep -vE '^firmware/ports/(posix|tools)/|^proto/gen\.c$|/gen_[a-z0-9_]+\.c$' |
    xargs grep -nE '\b(str(len|cpy|cmp|ncmp|cat|chr|dup)|s?n?printf|malloc|calloc|realloc|free|memchr|abort|exit)\(' /dev/null)

while IFS= read -r file; do
    echo "$file: no CT: line says what the time of its functions depends on"
    failed=$((failed + 1))
done < <(grep -rLE 'CT:' --include='*.h' --exclude='gen_*' firmware/crypto |
    xargs -r grep -lE '^(INLINE |static inline )?[a-z][a-z0-9_ ]* [*]?[a-z0-9_]+\(')

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
