#!/usr/bin/env bash
# What make install puts below a directory is enough for a program of somebody else, and make uninstall takes it away;
# what make deb packs works.
# BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$(dirname "$0")/device.sh"
if nm "$build/libhufu.a" 2>/dev/null | grep -qE ' U __(asan|tsan|msan|ubsan|gcov)'; then
    echo "SKIP a build with sanitizers or counts of lines is not for others"
    echo "0 passed, 0 failed, 1 skipped"
    exit 0
fi
# -o: what is built stays as it is
install=(env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C "$top" -o all "BUILD=$build" PREFIX=/opt/hufu)
cat >program.c <<'EOF'
#include <hufu.h>
#include <stdio.h>
#include <string.h>
int main(void)
{
    static const char pin[] = "user-pin-1";
    const struct hufu_init init = {.retries = 5, .label = "a program", .admin_pin = "admin-pin-1", .user_pin = pin};
    const struct hufu_key_spec spec = {.type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = "key"};
    const struct hufu_signing sm2 = {.scheme = HUFU_SIGN_SM2};
    const unsigned char digest[32] = {1};
    unsigned char signature[HUFU_SIGNATURE_MAX];
    size_t size = sizeof signature;
    struct hufu_device *device;
    struct hufu_session *session;
    uint32_t key;
    if (hufu_open(&device, "inproc:") || hufu_device_init(device, &init, NULL) || hufu_session_open(device, &session) ||
        hufu_login(session, HUFU_ACCOUNT_USER, pin, strlen(pin), NULL) ||
        hufu_key_generate(session, &spec, &key, NULL, NULL) || hufu_sign(session, key, &sm2, digest, 32, signature, &size)) {
        fprintf(stderr, "%s\n", hufu_last_error());
        return 1;
    }
    printf("%zu bytes by %s\n", size, hufu_version());
    hufu_session_close(session);
    hufu_close(device);
    return 0;
}
EOF
ok "install" "${install[@]}" install DESTDIR="$dir/there"
for file in bin/hufu bin/hufu-sim bin/hufu-bench include/hufu.h lib/libhufu.so lib/libhufu.so.0 lib/libhufu.a lib/pkgconfig/hufu.pc \
    lib/ossl-modules/hufu.so share/man/man1/hufu.1 share/man/man1/hufu-sim.1 share/man/man3/libhufu.3 share/hufu/reader.conf \
    lib/systemd/system/hufu-sim.service lib/sysusers.d/hufu.conf lib/udev/rules.d/70-hufu.rules; do
    ok "$file" test -s "there/opt/hufu/$file"
done
ok "the program runs where it is put" there/opt/hufu/bin/hufu --version
export PKG_CONFIG_PATH=$dir/there/opt/hufu/lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$dir/there
# shellcheck disable=SC2046
{
    ok "compile" cc -std=c99 -Wall -Wextra -Werror -pedantic $(pkg-config --cflags hufu) -c program.c
    ok "link, shared" cc -o shared program.o $(pkg-config --libs hufu)
    ok "link, static" cc -o static program.o -Wl,-Bstatic $(pkg-config --libs hufu) -Wl,-Bdynamic \
        $(pkg-config --static --libs hufu | tr ' ' '\n' | grep -v hufu)
}
LD_LIBRARY_PATH=$dir/there/opt/hufu/lib ok "run, shared" ./shared
has "run, shared" "^64 bytes by" out
ok "run, static" ./static
has "run, static" "^64 bytes by" out
ok "the static one needs no libhufu.so" sh -c '! ldd static | grep -q libhufu'
: >there/opt/hufu/lib/of-somebody-else
ok "uninstall" "${install[@]}" uninstall DESTDIR="$dir/there"
find there ! -type d >left
has "nothing is left but what is not ours" "^there/opt/hufu/lib/of-somebody-else$" left
ok "nothing else" test "$(wc -l <left)" = 1

if command -v dpkg-shlibdeps >/dev/null; then
    package=$build/hufu_$("$build/hufu" --version | cut -d ' ' -f 2)_$(dpkg --print-architecture).deb
    ok "make deb" "${install[@]}" deb
    ok "depends" dpkg-deb -f "$package" Depends Recommends
    has "what the programs need" "^Depends: .*libssl3" out
    has "what only hufu-bench needs" "^Recommends: .*libbotan" out
    ok "unpack" dpkg-deb -x "$package" package
    export HUFU_DEVICE=inproc:$dir/device HUFU_ADMIN_PIN=admin-pin-1 HUFU_PIN=user-pin-1
    ok "its hufu makes a device" package/usr/bin/hufu init
    build=$dir/package/usr/bin start device
    ok "its hufu-sim, stripped, serves it" package/usr/bin/hufu --device "unix:$dir/device/hufu.sock" info
    has "its hufu-sim, stripped, serves it" "^state *ready" out
else
    echo "SKIP make deb: no dpkg-shlibdeps: install dpkg-dev"
    skipped=1
fi
total
