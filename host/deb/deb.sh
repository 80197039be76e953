#!/usr/bin/env bash
# A Debian package of what make install has put below TREE, made in DIRECTORY. TREE is used up.
#   deb.sh TREE VERSION DIRECTORY
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
tree=$(cd "$1" && pwd) version=$2 out=$(cd "$3" && pwd)
command -v dpkg-shlibdeps >/dev/null || { echo "make deb: dpkg-shlibdeps is missing: install the package dpkg-dev" >&2; exit 1; }
cd "$tree"
umask 022

mapfile -t programs < <(find usr/bin usr/lib -type f -perm -100)
strip --strip-unneeded "${programs[@]}"
find usr/lib -name '*.a' -exec strip --strip-debug {} +
gzip -9n usr/share/man/man*/*

# What only hufu-bench needs, the libraries that it measures beside, is recommended and not required.
mkdir -p debian DEBIAN
: >debian/control # dpkg-shlibdeps wants one
mapfile -t required < <(printf -- '-e%s\n' "${programs[@]}" | grep -v hufu-bench)
needs=$(dpkg-shlibdeps -O "${required[@]}" -dRecommends -eusr/bin/hufu-bench 2>/dev/null) || needs=
rm -r debian
[ -n "$needs" ] || { echo "make deb: dpkg-shlibdeps does not know what the programs need" >&2; exit 1; }
field() { sed -n "s/^shlibs:$1=//p" <<<"$needs"; }
sed -e "s/@VERSION@/$version/;s/@ARCH@/$(dpkg --print-architecture)/;s/@SIZE@/$(du -sk usr | cut -f 1)/" \
    -e "s/@DEPENDS@/$(field Depends)/;s/@RECOMMENDS@/$(field Recommends)/" "$here/control.in" >DEBIAN/control
install -m 755 "$here/postinst" "$here/prerm" DEBIAN/
echo "activate-noawait ldconfig" >DEBIAN/triggers
find usr -type f -exec md5sum {} + | LC_ALL=C sort -k 2 >DEBIAN/md5sums
dpkg-deb --root-owner-group --build . "$out"
