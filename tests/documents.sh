#!/usr/bin/env bash
# The documents say what the code says: docs/protocol.md is what the tables give, man pages are sound,
# README names only targets that exist.   usage: tests/documents.sh BUILD
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
build=${1:-build} passed=0 failed=0
ok() { passed=$((passed + 1)); }
bad() {
    echo "FAIL: $*"
    failed=$((failed + 1))
}

if "$build/tools/gen" markdown | cmp -s - docs/protocol.md; then ok; else bad "docs/protocol.md is old: run make docs"; fi
for page in docs/man/*.[1-9]; do
    name=$(basename "$page")
    if head -n 5 "$page" | grep -q '^\.\(TH\|Dt\)'; then ok; else bad "$page has no title line"; fi
    case $name in
    *.1)
        program=$build/${name%.1}
        text=$(tr -d '\\' <"$page")
        version=$(sed -n 's/^VERSION := //p' Makefile)
        if grep -qF "$version" <<<"$("$program" --version)"; then ok; else bad "$program --version"; fi
        # every long option that --help names is in the page
        while read -r option; do
            if grep -q -- "$option" <<<"$text"; then ok; else bad "$page does not tell of $option"; fi
        done < <("$program" --help | grep -oE -- '--[a-z][a-z-]+' | sort -u)
        ;;
    esac
done
while read -r target; do
    if grep -qE "^$target:" Makefile tests/quality.mk; then ok; else bad "README names make $target"; fi
done < <(grep -oE '`make [a-z0-9-]+' README.md | awk '{print $2}' | sort -u)
for file in $(grep -oE '\((docs/[a-z-]+\.md|[A-Z]+\.md)\)' README.md | tr -d '()' | sort -u); do
    if [ -f "$file" ]; then ok; else bad "README points at $file"; fi
done
# What the documents name in the tree is there, and in it what they name behind a colon.
while IFS=: read -r path name; do
    # shellcheck disable=SC2086 # a pattern
    if [ -n "$(compgen -G "$path")" ] && grep -rqw -- "${name:-.*}" $path; then ok; else bad "a document names $path${name:+, $name}"; fi
done < <(grep -ohE '`(bench|docs|firmware|host|proto|sim|tests)/[^` ]+`' README.md SECURITY.md docs/*.md | tr -d '`' | sort -u)

# docs/ct-exceptions.txt lists the PUBLIC() marks of the firmware, all of them and no others
marks() {
    grep -rnoE 'PUBLIC\(&?[A-Za-z_>.-]+' firmware --include='*.[ch]' --exclude=secret.h | sed -E 's/:[0-9]+:PUBLIC\(&?/ : /' | sort -u
}
listed() { sed -nE 's/^(firmware[^:]*:[^:]*[^ :]) *:.*/\1/p' docs/ct-exceptions.txt | sort -u; }
while read -r line; do bad "not in docs/ct-exceptions.txt, or no longer in the sources: $line"; done < <(comm -3 <(marks) <(listed))
ok

echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
