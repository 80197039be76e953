#!/usr/bin/env bash
# The command line, in process and over the socket of hufu-sim, with the openssl program as judge.
# BUILD: where the programs are (default: build). Prints "N passed, N failed, N skipped".
set -u
build=$(cd "${BUILD:-build}" && pwd) || exit 1
top=$(cd "$(dirname "$0")/../.." && pwd)
hufu=$build/hufu
dir=$(mktemp -d "${TMPDIR:-/tmp}/hufu-cli-XXXXXX")
passed=0 failed=0 skipped=0 sim=
cleanup() {
    [ -n "$sim" ] && kill "$sim" 2>/dev/null && wait "$sim" 2>/dev/null
    rm -rf "$dir"
}
trap cleanup EXIT
cd "$dir" || exit 1
unset HUFU_DEVICE HUFU_PIN HUFU_ADMIN_PIN HUFU_OPERATOR_PIN HUFU_USER_PIN HUFU_UNLOCK HUFU_NEW_PIN
id=1234567812345678

pass() { passed=$((passed + 1)); }
fail() {
    failed=$((failed + 1))
    printf 'FAIL  %s: %s\n' "$where" "$1"
    [ -s err ] && sed 's/^/      | /' err | head -n 5
}
skip() {
    skipped=$((skipped + 1))
    printf 'SKIP  %s\n' "$1"
}
# ok TITLE COMMAND...: it succeeds. Its output stays in out and err.
ok() {
    local title=$1
    shift
    if "$@" >out 2>err; then pass; else fail "$title (status $?)"; fi
}
# bad STATUS PATTERN TITLE COMMAND...: it fails with this status, one line on stderr that has the pattern, and
# nothing that a pipe would take for a result.
bad() {
    local status=$1 pattern=$2 title=$3 got
    shift 3
    "$@" >out 2>err
    got=$?
    if [ "$got" != "$status" ]; then
        fail "$title: status $got instead of $status"
    elif [ "$(wc -l <err)" != 1 ]; then
        fail "$title: $(wc -l <err) lines on stderr"
    elif ! grep -qE -- "$pattern" err; then
        fail "$title: the message lacks \"$pattern\""
    elif [ -s out ]; then
        fail "$title: it printed something all the same"
    else
        pass
    fi
}
# same TITLE FILE FILE
same() { if cmp -s "$2" "$3"; then pass; else fail "$1: $2 and $3 differ"; fi; }
# has TITLE PATTERN FILE
has() { if grep -qE -- "$2" "$3"; then pass; else fail "$1: no \"$2\""; fi; }
json() { if python3 -m json.tool <"${2:-out}" >/dev/null 2>err; then pass; else fail "$1: no JSON"; fi; }
field() { python3 -c 'import json,sys; print(json.load(open(sys.argv[1]))[sys.argv[2]])' "$1" "$2"; }
mode() { stat -c %a "$1"; }
# one bit of the byte at this offset
flip() { python3 -c 'import sys
with open(sys.argv[1], "r+b") as f:
    f.seek(int(sys.argv[2]))
    b = f.read(1)[0]
    f.seek(-1, 1)
    f.write(bytes([b ^ 1]))' "$1" "$2"; }
sm2_verify() { openssl pkeyutl -verify -pubin -inkey "$1" -sigfile "$2" -rawin -digest sm3 -pkeyopt "distid:${4:-$id}" -in "$3"; }
no_scraps() { if ls ./*.?????? 2>/dev/null | grep -qE '\.[A-Za-z0-9]{6}$'; then fail "a temporary file was left"; else pass; fi; }

pins() {
    export HUFU_ADMIN_PIN=admin-pin-1 HUFU_OPERATOR_PIN=operator-pin-1 HUFU_USER_PIN=user-pin-1
}

# ---------------------------------------------------------------- usage, without a device
where=usage
ok "--help" "$hufu" --help
has "--help lists the commands" "key generate" out
ok "key --help" "$hufu" key --help
has "key --help lists its commands" "key export-public" out
bad 2 "one word more" "half a command" "$hufu" key
bad 2 "no such command: key foo" "no such command" "$hufu" key foo --help
ok "--version" "$hufu" --version
has "--version" "^hufu [0-9]+\.[0-9]+\.[0-9]+$" out
"$hufu" --help | sed -n '/^Commands/,/^$/s/^  \([a-z -]*[a-z]\)  .*/\1/p' >commands
[ "$(wc -l <commands)" -gt 60 ] && pass || fail "--help lists $(wc -l <commands) commands"
while read -r c; do
    # shellcheck disable=SC2086
    ok "$c --help" "$hufu" $c --help
    has "$c --help" "^usage: hufu $c" out
    has "the manual tells of $c" "^\.SS \"hufu ${c//-/\\\\-}[ \"]" "$top/docs/man/hufu.1"
    while read -r option; do
        tr -d '\\' <"$top/docs/man/hufu.1" | grep -q -- "^\.BI\\? .*$option" && pass || fail "the manual of $c does not tell of $option"
    done < <(grep -oE -- '^  .*--[a-z][a-z-]+' out | grep -oE -- '--[a-z][a-z-]+' | sort -u)
done <commands
for f in $(grep -oE 'hufu_[a-z0-9_]+\(' "$top/host/lib/hufu.h" | tr -d '(' | grep -v '_fn$' | sort -u); do
    grep -q "$f ()" "$top/docs/man/libhufu.3" && pass || fail "libhufu(3) does not tell of $f"
done
bad 2 "no command" "no command" "$hufu"
bad 2 "no such command: fly" "unknown command" "$hufu" fly
bad 2 "no such command: key fly" "unknown second word" "$hufu" key fly
bad 2 "no such option: --fly" "unknown option" "$hufu" info --fly
bad 2 "no such option: -x" "unknown letter" "$hufu" info -x
bad 2 "needs a value" "option without value" "$hufu" info --device
bad 2 "takes no value" "flag with value" "$hufu" info --json=yes
bad 2 "takes no such argument" "operand too many" "$hufu" info here
bad 2 "no such key" "key type" "$hufu" key generate --type dsa
bad 2 "no such usage" "usage word" "$hufu" key generate --usage sign,fly
bad 2 "UTF-8" "a label that is too long" "$hufu" key generate --label "$(printf '%065d' 0)"
bad 2 "UTF-8" "a label of two lines" "$hufu" key generate --label "$(printf 'a\nb')"
bad 2 "UTF-8" "a label that is no UTF-8" "$hufu" key generate --label "$(printf '\377')"
bad 2 "UTF-8" "a device's label that is too long" "$hufu" init --label "$(printf '%033d' 0)"
bad 2 "UTF-8" "a name that is too long" "$hufu" account create "$(printf 'x%.0s' {1..33})" --role user
bad 2 "digits" "a name that is a number" "$hufu" account create 7 --role user
bad 2 "empty: give NAME" "an empty name" "$hufu" account create "" --role user
bad 2 "cannot leave the device" "a limit on a key that leaves" "$hufu" key generate --limit 5 --usage sign,export-wrapped
bad 2 "later than" "a period that never is" "$hufu" key generate --not-before 2030-01-01 --not-after 2029-01-01
bad 1 "in memory would be gone" "a device that would not stay" "$hufu" info --device inproc:
ok "help" "$hufu" help key batch
has "help" "^usage: hufu key batch" out
bad 2 "no such command: fly" "help for nothing" "$hufu" help fly
# shellcheck disable=SC2046
ok "arguments without end" "$hufu" $(printf -- '-q %.0s' {1..500}) help key batch
bad 1 "cannot be opened: Is a directory" "a directory for an archive" "$hufu" archive show "$dir"
bad 1 "^hufu: no.such.\?31mfile" "a name that is no line" "$hufu" digest $'no\nsuch\n\e31mfile'
bad 2 "hexadecimal" "odd id" "$hufu" key generate --id abc
bad 2 "number from" "count" "$hufu" random -n zero
bad 2 "number from" "count too large" "$hufu" random -n 99999999999999999999
bad 2 "--key is needed" "sign without key" "$hufu" sign
bad 2 "--key or --pubin" "verify without key" "$hufu" verify --signature x
bad 2 "der or raw" "format" "$hufu" sign --key a --format pem
bad 2 "--count is needed" "batch without count" "$hufu" key batch -o x
bad 2 "--yes" "zeroise without yes" "$hufu" zeroise
bad 1 "no device named.*HUFU_DEVICE" "no device" "$hufu" info
bad 1 "no such kind of device.*unix:PATH" "unknown link" "$hufu" info --device tcp:1.2.3.4
bad 1 "cannot reach hufu-sim at $dir/none: .*start it with" "missing daemon" "$hufu" info --device "unix:$dir/none"
bad 1 "cannot be read" "digest of nothing" "$hufu" digest "$dir/none"
bad 1 "cannot be opened" "archive that is not there" "$hufu" archive show none
echo nonsense >nonsense
bad 1 "not an archive" "archive that is none" "$hufu" archive show nonsense
bad 2 "number from 1" "timeout" "$hufu" info --device inproc:x --timeout 0
printf abc | "$hufu" digest >out 2>err
has "SM3 of abc" "^66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0  -$" out
head -c 300000 /dev/zero >zeros
for h in sm3 sha1 sha224 sha256 sha384 sha512; do
    ok "digest $h" "$hufu" digest --hash $h zeros
    openssl dgst -$h -r zeros 2>/dev/null | cut -d' ' -f1 >want
    cut -d' ' -f1 out >got
    same "digest $h as openssl's" got want
done
# shellcheck disable=SC2046
ok "digests of many files" "$hufu" digest $(printf 'zeros %.0s' {1..500})
[ "$(wc -l <out)" = 500 ] && pass || fail "digests of many files"
ok "digest --json" "$hufu" digest --json zeros nonsense
json "digest --json"

for cc in clang g++; do
    if command -v $cc >/dev/null; then
        printf '#include "host/lib/hufu.h"\nint main() { return hufu_version() == nullptr; }\n' >use.cpp
        ok "the header is C++, too ($cc)" $cc -x c++ -std=c++17 -Wall -Wextra -Werror -pedantic -I "$top" -fsyntax-only use.cpp
    fi
done

# ---------------------------------------------------------------- a typed PIN, strange devices
# typed PIN...: run hufu in a terminal and type; out: what the terminal showed
typed() {
    python3 - "$@" <<'PY'
import os, pty, signal, sys
signal.alarm(60)
words, typed = sys.argv[1:sys.argv.index("--")], sys.argv[sys.argv.index("--") + 1:]
pid, fd = pty.fork()
if pid == 0:
    os.execv(words[0], words)
shown = b""
while True:
    try:
        part = os.read(fd, 1000)
    except OSError:
        break
    if not part:
        break
    shown += part
    if typed and (shown.endswith(b": ")):
        os.write(fd, typed.pop(0).encode() + b"\n")
sys.stdout.buffer.write(shown)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
PY
}

# strange KIND: a device that answers nothing (silent), speaks protocol 2 (newer), or talks nonsense
strange() {
    python3 - "$1" strange.sock <<'PY' &
import os, socket, struct, sys
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[2] + ".new")
s.listen(1)
os.rename(sys.argv[2] + ".new", sys.argv[2]) # seen when it listens
c, _ = s.accept()
kind = sys.argv[1]
while True:
    head = c.recv(12)
    if len(head) < 12:
        break
    size, tag, channel, flags = struct.unpack(">IIHH", head)
    c.recv(size)
    if kind == "silent":
        continue
    data = struct.pack(">H", 2) + b"a new world" if kind == "newer" else b"\0\1nonsense"
    c.sendall(struct.pack(">IIHH", len(data) + 2, tag, 0, 0x8000) + data + b"\x90\0")
PY
    helper=$!
    until [ -S strange.sock ] || ! kill -0 $helper; do sleep 0.05; done
}

where="strange devices"
strange silent
bad 1 "no answer within 1000 ms" "a silent device" "$hufu" info --timeout 1 --device "unix:$dir/strange.sock"
wait "$helper"; rm strange.sock
strange newer
bad 1 "protocol 2, this library \([0-9.]+\) protocol 1: update" "a newer device" "$hufu" info --device "unix:$dir/strange.sock"
wait "$helper"; rm strange.sock
strange nonsense
bad 1 "makes no sense" "a device that talks nonsense" "$hufu" info --device "unix:$dir/strange.sock"
wait "$helper"; rm strange.sock

# ---------------------------------------------------------------- a device from its first start
first_start() {
    bad 1 "WRONG_STATE.*it is blank: hufu init" "work on a blank device" "$hufu" key list
    bad 1 "no PIN of the administrator|no terminal" "init without PIN" setsid "$hufu" init </dev/null
    HUFU_ADMIN_PIN=short bad 1 "6 to 255" "short PIN" "$hufu" init --label x
    pins
    ok "init" "$hufu" init --label "first label" --retries 4
    has "init tells the serial number" "^device [0-9a-f]{32} is initialised$" out
    bad 1 "initialised already" "init twice" "$hufu" init --label again
    ok "info" "$hufu" info
    has "info: label" "^label +first label$" out
    has "info: state" "^state +ready" out
    ok "info --json" "$hufu" info --json
    json "info --json"
    ok "accounts" "$hufu" accounts
    ok "accounts --json" "$hufu" accounts --json
    json "accounts --json"
    ok "label" "$hufu" label "second label"
    ok "info again" "$hufu" info
    has "the new label" "second label" out
    ok "selftest" "$hufu" selftest
    has "selftest" " 0 failed" out
    ok "selftest records" "$hufu" selftest records
    has "selftest records" " 0 failed" out
    ok "selftest --json" "$hufu" selftest --json
    json "selftest --json"
    ok "random" "$hufu" random -n 100000 --out rnd
    [ "$(wc -c <rnd)" = 100000 ] && [ "$(mode rnd)" = 600 ] && pass || fail "random: size or mode"
    ok "random --hex" "$hufu" random -n 16 --hex
    has "random --hex" "^[0-9a-f]{32}$" out
    ok "random --hex --out" "$hufu" random -n 16 --hex --out rnd
    has "random --hex --out" "^[0-9a-f]{32}$" rnd
    [ -s out ] && fail "random --hex --out: on standard output, too" || pass
}

pins_and_accounts() {
    printf 'user-pin-1\n' >pin
    HUFU_USER_PIN=wrong-pin ok "--pin-file goes first" "$hufu" key list --pin-file pin
    HUFU_USER_PIN=wrong-pin bad 1 "wrong PIN, tries left: 3 \(63C3" "wrong PIN" "$hufu" key list
    HUFU_USER_PIN=wrong-pin bad 1 "tries left: 2" "wrong PIN again" "$hufu" key list
    ok "a right PIN gives the tries back" "$hufu" key list
    (
        unset HUFU_USER_PIN
        failed=0
        HUFU_PIN=user-pin-1 ok "HUFU_PIN" "$hufu" key list
        bad 1 "no PIN of user: give --pin-file, or set HUFU_USER_PIN" "no PIN at all" setsid "$hufu" key list </dev/null
        exit $((failed > 0))
    ) && passed=$((passed + 2)) || failed=$((failed + 1))
    (
        unset HUFU_USER_PIN
        failed=0
        ok "a typed PIN" typed "$hufu" key list -- user-pin-1
        has "the prompt" "PIN of user: " out
        grep -q user-pin out && fail "the PIN was shown" || pass
        HUFU_NEW_PIN='' ok "a new PIN, typed twice" typed "$hufu" pin change -- user-pin-1 user-pin-3 user-pin-3
        ! typed "$hufu" pin change -- user-pin-3 user-pin-4 user-pin-5 >out 2>err && pass || fail "two that differ"
        has "two that differ" "not the same" out
        HUFU_PIN=user-pin-3 HUFU_NEW_PIN=user-pin-1 ok "and back" "$hufu" pin change
        exit $((failed > 0))
    ) && passed=$((passed + 7)) || failed=$((failed + 1))
    bad 1 "none: cannot be read" "no PIN file" "$hufu" key list --pin-file none
    : >empty
    bad 1 "no PIN on its first line" "empty PIN file" "$hufu" key list --pin-file empty
    printf '%0256d\n' 0 >long
    bad 1 "long: more than 255 bytes" "a PIN file that is too long" "$hufu" key list --pin-file long
    bad 1 "no account of the name nobody" "unknown account" "$hufu" key list --account nobody
    HUFU_PIN=user-pin-1 bad 1 "no account 77: see hufu accounts" "unknown number" "$hufu" key list --account 77
    HUFU_NEW_PIN=user-pin-1 bad 1 "no such account: see hufu accounts" "unblock nobody" "$hufu" pin unblock 77
    bad 1 "no such account: see hufu accounts" "delete nobody" "$hufu" account delete 77
    HUFU_NEW_PIN=user-pin-2 ok "pin change" "$hufu" pin change
    bad 1 "wrong PIN" "the old PIN" "$hufu" key list
    HUFU_USER_PIN=user-pin-2 ok "the new PIN" "$hufu" key list
    HUFU_NEW_PIN=abc bad 1 "6 to 255" "new PIN too short" env HUFU_USER_PIN=user-pin-2 "$hufu" pin change
    for _ in 1 2 3 4; do "$hufu" key list >/dev/null 2>&1; done
    HUFU_USER_PIN=user-pin-2 bad 1 "PIN_LOCKED.*|the PIN is locked" "locked PIN" "$hufu" key list
    HUFU_NEW_PIN=user-pin-1 ok "pin unblock" "$hufu" pin unblock user
    ok "after unblock" "$hufu" key list
    HUFU_NEW_PIN=auditor-pin ok "account create" "$hufu" account create watcher --role auditor
    HUFU_PIN=auditor-pin ok "the auditor reads the log" "$hufu" log --account watcher
    HUFU_PIN=auditor-pin bad 1 "NOT_AUTHORISED" "the auditor makes no keys" "$hufu" key generate --account watcher
    bad 2 "--role is needed" "account without role" "$hufu" account create nobody
    ok "account delete" "$hufu" account delete watcher
    bad 1 "no account of the name watcher" "deleted account" "$hufu" account delete watcher
    bad 1 "NOT_AUTHORISED" "a user does not label the device" "$hufu" label x --account user
}

keys() {
    ok "generate sm2" "$hufu" key generate --label web --id 0102 --usage sign,decrypt,agree,export-wrapped
    has "generate prints the handle" "^[0-9]+$" out
    handle=$(cat out)
    ok "generate rsa2048" "$hufu" key generate --type rsa2048 --label rsa --usage sign,decrypt --json
    json "generate --json"
    ok "generate sm4" "$hufu" key generate --type sm4 --label secret
    ok "key list" "$hufu" key list
    [ "$(wc -l <out)" = 4 ] && pass || fail "key list: three keys and a head"
    ok "key list --json" "$hufu" key list --json
    json "key list --json"
    ok "key list --type" "$hufu" key list --type sm4 --json
    [ "$(grep -c '"handle"' out)" = 1 ] && pass || fail "key list --type: one key"
    for name in web label:web id:0102 "$handle" "handle:$handle"; do
        ok "key show $name" "$hufu" key show "$name" --json
        [ "$(field out handle)" = "$handle" ] && pass || fail "key show $name: another handle"
    done
    ok "key show" "$hufu" key show web
    ok "key show --key" "$hufu" key show --key web
    bad 2 "give one key" "two keys to show" "$hufu" key show web --key web
    bad 1 "no key none" "key that is not there" "$hufu" key show none
    bad 1 "no key 99999" "handle that is not there" "$hufu" key show 99999
    bad 2 "hexadecimal" "id that is none" "$hufu" key show id:xyz
    ok "a second key of the name" "$hufu" key generate --label web
    bad 1 "more than one key" "two keys of a name" "$hufu" key show web
    second=$(cat <<<"$("$hufu" key list --json)" | python3 -c 'import json,sys; print([o["handle"] for o in json.load(sys.stdin) if o["label"] == "web"][1])')
    ok "key label" "$hufu" key label "$second" --label "other name" --id ff00
    ok "key show by its new id" "$hufu" key show id:ff00 --json
    [ "$(field out label)" = "other name" ] && pass || fail "key label"
    ok "key destroy" "$hufu" key destroy "other name"
    bad 1 "no key other name" "destroyed key" "$hufu" key show "other name"
    for k in web rsa; do
        ok "export-public $k" "$hufu" key export-public $k --out $k.pem
        ok "openssl reads $k" openssl pkey -pubin -in $k.pem -noout -text
        ok "export-public $k der" "$hufu" key export-public $k --format der --out $k.der
        openssl pkey -pubin -in $k.pem -outform DER -out want 2>err
        same "export-public $k: DER as openssl writes it" $k.der want
    done
    bad 1 "secret key has no public part" "export-public of a secret key" "$hufu" key export-public secret
    bad 1 "cannot be written" "output into nowhere" "$hufu" key export-public web --out none/x
}

# Each line of a batch is what a signature of that digest alone would be.
batch_signatures() {
    local i
    for i in 1 2 3; do openssl dgst -sm3 -r <<<"$i" | cut -d' ' -f1; done >many
    ok "sign a batch" "$hufu" sign --key web --batch --in many --out many.sig
    [ "$(wc -l <many.sig)" = 3 ] && pass || fail "a line for each digest"
    for i in 1 2 3; do
        sed -n ${i}p many >e.hex
        sed -n ${i}p many.sig | python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' >one.sig
        ok "verify line $i of the batch" "$hufu" verify --key web --digest --in e.hex --signature one.sig
    done
    for i in $(seq 20); do openssl dgst -sha256 -r <<<"$i" | cut -d' ' -f1 | tr '\n' '\r'; echo; done >many
    ok "sign a batch with RSA" "$hufu" sign --key rsa --batch --in many --out many.sig
    [ "$(awk '{ print length }' many.sig | sort | uniq -c | xargs)" = "20 512" ] && pass || fail "20 RSA signatures"
    sed -n 20p many.sig | python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' >one.sig
    echo 20 >m20
    ok "verify the last of them" "$hufu" verify --key rsa --in m20 --signature one.sig
    echo 00 >>many
    bad 1 "line 21 is no digest" "a line that is no digest" "$hufu" sign --key rsa --batch --in many
    { sed -n 1,2p many; echo; sed -n 3p many; } >gap
    bad 1 "line 3 is no digest" "a line that is empty" "$hufu" sign --key rsa --batch --in gap
    bad 1 "no digests" "an empty batch" "$hufu" sign --key web --batch --in /dev/null
    bad 2 "digests alone" "a batch with --id" "$hufu" sign --key web --batch --id x --in many
}

signatures() {
    printf 'message to be signed' >m
    printf 'message to be signee' >n
    ok "sign" "$hufu" sign --key web --in m --out m.sig
    ok "openssl verifies SM2" sm2_verify web.pem m.sig m
    ok "verify by key" "$hufu" verify --key web --in m --signature m.sig
    (unset HUFU_USER_PIN; "$hufu" verify --pubin web.pem --in m --signature m.sig >out 2>err) && pass || fail "verify by file, without log-in"
    ok "verify by DER file" "$hufu" verify --pubin web.der --in m --signature m.sig
    bad 1 "SIGNATURE_INVALID" "signature of another message" "$hufu" verify --key web --in n --signature m.sig
    bad 1 "not a signature" "signature that is none" "$hufu" verify --key web --in m --signature nonsense
    ok "sign with another ID" "$hufu" sign --key web --id alice@example.com --in m --out m.sig
    ok "openssl verifies with the ID" sm2_verify web.pem m.sig m alice@example.com
    bad 1 "SIGNATURE_INVALID" "the default ID is another" "$hufu" verify --key web --in m --signature m.sig
    ok "sign raw" "$hufu" sign --key web --in m --format raw --out m.raw
    [ "$(wc -c <m.raw)" = 64 ] && pass || fail "raw signature of 64 bytes"
    ok "verify raw" "$hufu" verify --key web --in m --format raw --signature m.raw
    openssl dgst -sm3 -binary m >e
    ok "sign a digest" "$hufu" sign --key web --digest --in e --out e.sig
    ok "openssl verifies the digest" openssl pkeyutl -verify -pubin -inkey web.pem -sigfile e.sig -in e
    openssl dgst -sm3 -r m | cut -d' ' -f1 >e.hex
    ok "verify a digest in hexadecimal" "$hufu" verify --key web --digest --in e.hex --signature e.sig
    bad 1 "the digest 32" "digest of another size" "$hufu" sign --key web --digest --in m
    batch_signatures
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:SM2 -out own.key 2>err && openssl pkey -in own.key -pubout -out own.pem
    openssl pkeyutl -sign -inkey own.key -rawin -digest sm3 -pkeyopt "distid:$id" -in m -out own.sig 2>err
    ok "verify what openssl signed" "$hufu" verify --pubin own.pem --in m --signature own.sig

    for h in sha256 sha384 sha512; do
        ok "RSA $h" "$hufu" sign --key rsa --hash $h --in m --out m.sig
        ok "openssl verifies RSA $h" openssl dgst -$h -verify rsa.pem -signature m.sig m
        ok "verify RSA $h" "$hufu" verify --pubin rsa.pem --hash $h --in m --signature m.sig
        ok "PSS $h" "$hufu" sign --key rsa --pss --hash $h --in m --out m.sig
        ok "openssl verifies PSS $h" openssl dgst -$h -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -verify rsa.pem -signature m.sig m
        ok "verify PSS $h" "$hufu" verify --key rsa --pss --hash $h --in m --signature m.sig
    done
    bad 1 "SIGNATURE_INVALID" "PSS is not PKCS #1" "$hufu" verify --key rsa --hash sha512 --in m --signature m.sig
    bad 2 "signs with sm3" "SM2 with SHA-256" "$hufu" sign --key web --hash sha256 --in m
    bad 2 "for RSA keys" "SM2 with PSS" "$hufu" sign --key web --pss --in m
    bad 1 "secret key signs nothing" "SM4 signature" "$hufu" sign --key secret --in m
    bad 1 "none: cannot be read" "input that is not there" "$hufu" sign --key web --in none --out z.sig
    [ -e z.sig ] && fail "half a result was left" || pass
}

ciphers() {
    printf 'a secret of no great length' >s
    ok "openssl encrypts SM2" openssl pkeyutl -encrypt -pubin -inkey web.pem -in s -out s.ct
    ok "decrypt it" "$hufu" decrypt --key web --in s.ct --out s.txt
    same "SM2 from openssl" s s.txt
    [ "$(mode s.txt)" = 600 ] && pass || fail "what was secret is readable by others"
    ok "encrypt to an openssl key" "$hufu" encrypt --pubin own.pem --in s --out s.ct
    ok "openssl decrypts SM2" openssl pkeyutl -decrypt -inkey own.key -in s.ct -out s.txt
    same "SM2 to openssl" s s.txt
    ok "encrypt raw" "$hufu" encrypt --key web --format raw --in s --out s.ct
    [ "$(wc -c <s.ct)" = $((96 + $(wc -c <s))) ] && pass || fail "raw SM2 ciphertext: size"
    ok "decrypt raw" "$hufu" decrypt --key web --format raw --in s.ct --out s.txt
    same "SM2 raw" s s.txt
    bad 1 "not an SM2 ciphertext" "raw taken for DER" "$hufu" decrypt --key web --in s.ct
    flip s.ct 100
    bad 1 "DECRYPT_FAILED" "damaged ciphertext" "$hufu" decrypt --key web --format raw --in s.ct
    ok "RSA-OAEP by openssl" openssl pkeyutl -encrypt -pubin -inkey rsa.pem -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -in s -out s.ct
    ok "RSA-OAEP" "$hufu" decrypt --key rsa --in s.ct --out s.txt
    same "RSA-OAEP" s s.txt
    ok "RSA-OAEP there and back" "$hufu" encrypt --pubin rsa.pem --hash sha512 --in s --out s.ct
    ok "RSA-OAEP back" "$hufu" decrypt --key rsa --hash sha512 --in s.ct --out s.txt
    same "RSA-OAEP with SHA-512" s s.txt
    ok "RSA PKCS #1 by openssl" openssl pkeyutl -encrypt -pubin -inkey rsa.pem -in s -out s.ct
    ok "RSA PKCS #1" "$hufu" decrypt --key rsa --padding pkcs1 --in s.ct --out s.txt
    same "RSA PKCS #1" s s.txt
    for m in ecb cbc cfb ofb ctr gcm; do
        ok "SM4-$m encrypt" "$hufu" encrypt --key secret --mode $m --in s --out s.ct
        ok "SM4-$m decrypt" "$hufu" decrypt --key secret --mode $m --in s.ct --out s.txt
        same "SM4-$m" s s.txt
    done
    for k in aes128 aes192 aes256; do
        ok "key generate $k" "$hufu" key generate --type $k --label $k
        for m in ecb cbc cfb ofb ctr gcm; do
            ok "$k-$m encrypt" "$hufu" encrypt --key $k --mode $m --in s --out a.ct
            ok "$k-$m decrypt" "$hufu" decrypt --key $k --mode $m --in a.ct --out a.txt
            same "$k-$m" s a.txt
        done
    done
    ok "key generate hmac" "$hufu" key generate --type hmac --size 20 --label mac20
    bad 2 "size is for hmac" "size of another key" "$hufu" key generate --type sm4 --size 20
    flip s.ct 20
    bad 1 "DECRYPT_FAILED" "damaged SM4-GCM" "$hufu" decrypt --key secret --in s.ct
    ok "SM4 with a given iv" "$hufu" encrypt --key secret --mode cbc --iv 00112233445566778899aabbccddeeff --in zeros --no-padding --out s.ct
    same_size=$(wc -c <s.ct)
    [ "$same_size" = 300000 ] && pass || fail "SM4-CBC without padding: $same_size bytes"
    ok "SM4 mac" "$hufu" encrypt --key secret --mode mac --in zeros --out s.mac
    "$hufu" encrypt --key secret --mode cbc --iv 00000000000000000000000000000000 --no-padding --in zeros 2>err | tail -c 16 >want
    same "SM4-MAC is the last block of CBC" s.mac want
    bad 2 "ecb, cbc" "unknown mode" "$hufu" encrypt --key secret --mode xts --in s
    : >none.bin
    ok "nothing, encrypted" "$hufu" encrypt --key secret --in none.bin --out s.ct
    ok "nothing, decrypted" "$hufu" decrypt --key secret --in s.ct --out s.txt
    same "nothing" none.bin s.txt
    openssl pkeyutl -encrypt -pubin -inkey web.pem -in s -out s.ct 2>err
    bad 1 "NOT_PERMITTED" "a key that may not" "$hufu" decrypt --key signer --in s.ct
}

certificates() {
    ok "csr sm2" "$hufu" csr --key web --subj "/C=CN/ST=北京/O=Example\\/Co, Ltd/CN=web.example.com" \
        --san DNS:web.example.com --san IP:192.0.2.1 --san IP:2001:db8::1 --san email:a@example.com --out web.csr
    ok "openssl verifies the SM2 request" openssl req -in web.csr -noout -verify -vfyopt "distid:$id"
    openssl req -in web.csr -noout -text -nameopt utf8,-esc_msb >text 2>err
    has "csr: subject" "O=Example/Co, Ltd" text
    has "csr: UTF-8" "ST=北京" text
    has "csr: names" "DNS:web.example.com, IP Address:192.0.2.1, IP Address:2001:DB8:0:0:0:0:0:1, email:a@example.com" text
    openssl asn1parse -in web.csr >text 2>err
    [ "$(grep -A1 "SM2-with-SM3\|1.2.156.10197.1.501" text | grep -c NULL)" = 0 ] && pass || fail "csr: the algorithm has parameters"
    ok "csr der" "$hufu" csr --key web --subj /CN=x --format der --out web.csr.der
    ok "openssl verifies DER" openssl req -inform DER -in web.csr.der -noout -verify -vfyopt "distid:$id"
    for h in sha256 sha384 sha512; do
        ok "csr rsa $h" "$hufu" csr --key rsa --hash $h --subj "/C=CN/CN=rsa" --san DNS:rsa --out rsa.csr
        ok "openssl verifies the RSA request ($h)" openssl req -in rsa.csr -noout -verify
    done
    for curve in p256 p384; do
        ok "key generate $curve" "$hufu" key generate --type $curve --label $curve
        ok "export $curve" "$hufu" key export-public $curve --out $curve.pem
        ok "openssl reads $curve" openssl pkey -pubin -in $curve.pem -noout -pubcheck
        ok "csr $curve" "$hufu" csr --key $curve --subj "/C=CN/CN=$curve" --san DNS:$curve --out ec.csr
        ok "openssl verifies the $curve request" openssl req -in ec.csr -noout -verify
        ok "selfsign $curve" "$hufu" cert selfsign --key $curve --subj /CN=$curve --san DNS:$curve --out ec.crt
        ok "openssl verifies the $curve certificate" openssl verify -x509_strict -check_ss_sig -CAfile ec.crt ec.crt
        ok "sign with $curve" "$hufu" sign --key $curve --hash sha384 --in m --out ec.sig
        ok "openssl verifies ECDSA on $curve" openssl dgst -sha384 -verify $curve.pem -signature ec.sig m
        ok "verify by $curve" "$hufu" verify --pubin $curve.pem --hash sha384 --in m --signature ec.sig
        bad 1 "SIGNATURE_INVALID" "other hash on $curve" "$hufu" verify --key $curve --hash sha512 --in m --signature ec.sig
        bad 1 "encrypts nothing" "encrypt with $curve" "$hufu" encrypt --key $curve --in m
    done
    bad 2 "CN=host" "subject without slash" "$hufu" csr --key web --subj CN=x
    bad 2 "not TYPE=value" "subject without type" "$hufu" csr --key web --subj /x
    bad 2 "no such type" "unknown attribute" "$hufu" csr --key web --subj /NOPE=x
    bad 2 "C: libcrypto: string too long" "country of three letters" "$hufu" csr --key web --subj /C=CHN
    bad 2 "DNS:" "unknown name" "$hufu" csr --key web --subj /CN=x --san x
    bad 1 "secret key cannot be certified" "csr of a secret key" "$hufu" csr --key secret --subj /CN=x
    bad 2 "--subj is needed" "csr without subject" "$hufu" csr --key web

    ok "selfsign sm2" "$hufu" cert selfsign --key web --subj "/C=CN/CN=root" --ca --days 3650 --out root.crt
    ok "openssl verifies the SM2 certificate" openssl verify -x509_strict -vfyopt "distid:$id" -CAfile root.crt root.crt
    ok "selfsign sm2 leaf" "$hufu" cert selfsign --key web --subj "/CN=leaf" --san DNS:leaf --out leaf.crt
    ok "openssl takes the SM2 leaf" openssl verify -x509_strict -vfyopt "distid:$id" -CAfile leaf.crt leaf.crt
    # openssl verify forgets the ID when it checks a self-signature: take the certificate apart instead
    for c in root leaf; do
        openssl asn1parse -in $c.crt -strparse 4 -noout -out tbs 2>err
        openssl asn1parse -in $c.crt -strparse "$(openssl asn1parse -in $c.crt | tail -n 1 | cut -d: -f1)" -noout -out sig 2>err
        ok "openssl verifies the SM2 signature of $c" sm2_verify web.pem sig tbs
    done
    ok "the certificate's key is the device's" openssl x509 -in root.crt -noout -pubkey
    same "key in the certificate" out web.pem
    ok "verify by certificate" "$hufu" verify --pubin root.crt --in m --signature own2.sig
    openssl x509 -in root.crt -outform DER -out root.der 2>err
    ok "verify by certificate in DER" "$hufu" verify --pubin root.der --in m --signature own2.sig
    ok "selfsign rsa" "$hufu" cert selfsign --key rsa --subj "/CN=rsa" --san DNS:rsa --out rsa.crt
    ok "openssl verifies the RSA certificate" openssl verify -x509_strict -check_ss_sig -CAfile rsa.crt rsa.crt
    ok "selfsign der" "$hufu" cert selfsign --key rsa --subj "/CN=rsa" --ca --format der --out rsa.crt.der
    ok "openssl reads DER" openssl x509 -inform DER -in rsa.crt.der -noout -text
    a=$(openssl x509 -in root.crt -noout -serial) b=$(openssl x509 -in leaf.crt -noout -serial)
    [ "$a" != "$b" ] && pass || fail "serial numbers repeat"
    bad 2 "number from 1" "no days" "$hufu" cert selfsign --key web --subj /CN=x --days 0
}

archives() {
    openssl req -x509 -newkey rsa:2048 -nodes -keyout p12.key -out p12.pem -subj /CN=p12 2>/dev/null
    openssl pkey -in p12.key -aes256 -passout pass:p12 -out p12.enc
    ok "key batch" "$hufu" key batch -n 500 -o keys.arc
    [ "$(mode keys.arc)" = 600 ] && pass || fail "archive: mode"
    ok "archive show" "$hufu" archive show keys.arc
    has "archive show" "^500 keys$" out
    ok "key batch goes on" "$hufu" key batch -n 1200 --chunk 300 -o keys.arc --json
    json "key batch --json"
    [ "$(field out new)" = 700 ] && pass || fail "key batch: 700 are new"
    head -c 40000 keys.arc | tail -c 5000 >>keys.arc
    ok "a torn end is not seen" "$hufu" archive show keys.arc
    has "archive show" "^1200 keys$" out
    ok "key batch cuts it off" "$hufu" key batch -n 1300 -o keys.arc
    ok "archive show" "$hufu" archive show keys.arc --json
    [ "$(field out keys)" = 1300 ] && pass || fail "1300 keys"
    ok "a finished archive is left alone" "$hufu" key batch -n 1300 -o keys.arc
    for i in 0 499 500 801 1299; do
        ok "public key $i" "$hufu" archive show keys.arc --index $i --out i.pem
        ok "import $i" "$hufu" key import --in keys.arc --index $i --label "key $i"
        ok "export-public $i" "$hufu" key export-public "key $i" --out j.pem
        same "key $i" i.pem j.pem
        ok "sign with $i" "$hufu" sign --key "key $i" --in m --out i.sig
        ok "openssl verifies $i" sm2_verify i.pem i.sig m
        ok "destroy $i" "$hufu" key destroy "key $i"
    done
    bad 1 "no key 1300" "key behind the end" "$hufu" archive show keys.arc --index 1300
    flip keys.arc 3000
    bad 1 "damaged" "a damaged chunk" "$hufu" key import --in keys.arc --index 3
    ok "the other chunks are still good" "$hufu" archive show keys.arc --index 700
    ok "key export" "$hufu" key export web --out one.arc
    ok "key import" "$hufu" key import --in one.arc --label "web again" --id 99
    ok "export-public" "$hufu" key export-public "web again" --out i.pem
    same "the key that came back" i.pem web.pem
    ok "destroy it" "$hufu" key destroy "web again"
    openssl pkcs12 -export -inkey p12.key -in p12.pem -passout pass:p12 -out p12
    HUFU_PASSPHRASE=p12 bad 1 "none/x: cannot be written" "certificates of a PKCS#12 go nowhere" "$hufu" import pkcs12 p12 --label p12 --certificates none/x
    bad 1 "no key" "so its key is not taken" "$hufu" key show p12
    bad 1 "no passphrase: give --passphrase-file" "a PKCS#12 without a terminal" setsid -w "$hufu" import pkcs12 p12
    bad 1 "no passphrase: give --passphrase-file" "a PKCS#8 without a terminal" setsid -w "$hufu" import pkcs8 p12.enc
    bad 1 "NOT_PERMITTED" "export of a key that may not leave" "$hufu" key export signer --out two.arc
    bad 1 "archive" "batch into something else" "$hufu" key batch -n 1 -o m
    printf 'message to be signed' | cmp -s - m && pass || fail "batch damaged a file that is no archive"
    exec 9>>locked.arc
    flock 9
    bad 1 "another process is writing" "archive in use" "$hufu" key batch -n 1 -o locked.arc
    exec 9>&-
    rm -f locked.arc
}

logs() {
    ok "log" "$hufu" log
    has "log" "key_batch" out
    ok "log --json" "$hufu" log --json
    if python3 -c 'import json,sys
n = 0
for line in open("out"):
    r = json.loads(line)
    assert r["sequence"] > n
    n = r["sequence"]
assert n > 20' 2>err; then pass; else fail "log --json"; fi
    ok "log -n" "$hufu" log --last 3
    [ "$(wc -l <out)" = 4 ] && pass || fail "log --last 3"
    last=$(tail -n 1 out | cut -d' ' -f1)
    ok "log --after" "$hufu" log --after "$((last - 1))"
    bad 1 "NOT_AUTHORISED" "a user reads no log" "$hufu" log --account user
}

# Limits of keys: set, counted, shown, attested, only tightened.
limits() {
    local date=2030-02-28
    ok "generate with limits" "$hufu" key generate --label few --limit 2 --not-after $date --digest-only --json
    printf 'a few words' >words
    for n in 1 2; do
        ok "use $n of 2" "$hufu" sign --key few --in words --out few.sig
    done
    bad 1 "KEY_USED_UP" "use 3 of 2" "$hufu" sign --key few --in words
    ok "key show few" "$hufu" key show few --json
    [ "$(field out used) $(field out limit) $(field out counted-from-birth)" = "2 2 True" ] && pass || fail "count in key show"
    [ "$(field out not-after)" = ${date}T00:00:00Z ] && pass || fail "period in key show"
    has "digest-only in key show" digest-only out
    ok "key list --json" "$hufu" key list --json
    has "limit in key list" '"limit": 2' out
    ok "key show as text" "$hufu" key show few
    has "count in the text" "^uses +2 of 2$" out
    ok "what was signed still verifies" "$hufu" verify --key few --in words --signature few.sig
    bad 1 "NOT_PERMITTED" "more uses" "$hufu" key restrict few --limit 3
    ok "generate one with a period to come" "$hufu" key generate --label later --not-before 2100-01-01T12:30:00Z
    bad 1 "KEY_PERIOD" "use before the period" "$hufu" sign --key later --in words
    ok "generate one that may leave" "$hufu" key generate --label leaver --usage sign,export-wrapped
    bad 1 "WRONG_DATA" "limit of a key that may leave" "$hufu" key restrict leaver --limit 5
    ok "key restrict" "$hufu" key restrict leaver --limit 5 --usage sign
    bad 1 "NOT_PERMITTED" "it leaves no more" "$hufu" key export leaver --out leaver.arc
    ok "attest few" "$hufu" attest few --out few.att
    ok "attest verify few" "$hufu" attest verify few.att --device-cert device.crt --json
    [ "$(field out used) $(field out limit)" = "2 2" ] && pass || fail "count in the attestation"
    for date in 2030-02-30 tomorrow 2030-1-1 2030-01-01T25:00:00Z 1969-01-01; do
        bad 2 "YYYY-MM-DD" "no date: $date" "$hufu" key generate --not-after $date
    done
    bad 2 "number" "limit 0" "$hufu" key generate --limit 0
    for key in few later leaver; do
        ok "destroy $key" "$hufu" key destroy $key
    done
}

# What the device states of itself and of its keys, as openssl and we read it.
statements() {
    local id=distid:1234567812345678
    ok "identity certificate" "$hufu" identity certificate --out device.crt
    ok "openssl reads it" openssl x509 -in device.crt -noout
    for key in web rsa p256 p384; do
        ok "attest $key" "$hufu" attest $key --nonce 010203 --out $key.att
        ok "openssl verifies the attestation of $key" openssl verify -x509_strict -CAfile device.crt -vfyopt $id $key.att
        ok "attest verify $key" "$hufu" attest verify $key.att --device-cert device.crt --nonce 010203 --json
        json "attest verify"
        [ "$(field out label)" = $key ] && pass || fail "attest verify: another label"
        ok "export-public $key" "$hufu" key export-public $key --out $key.pub
        openssl x509 -in $key.att -noout -pubkey | cmp -s - $key.pub && pass || fail "attest $key: of another key"
    done
    bad 1 "another nonce" "attestation to another question" "$hufu" attest verify rsa.att --device-cert device.crt --nonce 01
    bad 1 "no attestation" "certificate that attests nothing" "$hufu" attest verify device.crt --device-cert device.crt
    bad 1 "another type|KEY_TYPE" "attest a secret key" "$hufu" attest secret
    bad 2 "device-cert" "attest verify without a device" "$hufu" attest verify rsa.att
    limits
    ok "identity request" "$hufu" identity request --out device.csr
    ok "openssl verifies the request" openssl req -in device.csr -noout -verify -vfyopt $id
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout owner.key -subj /CN=owner -addext keyUsage=critical,keyCertSign \
        -out owner.crt 2>/dev/null
    printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign,digitalSignature\n' >ext
    ok "the owner certifies it" openssl x509 -req -in device.csr -CA owner.crt -CAkey owner.key -extfile ext -out device2.crt -vfyopt $id
    bad 1 "another key" "install a certificate of another key" "$hufu" identity install owner.crt
    bad 1 "NOT_AUTHORISED" "a user installs no certificate" "$hufu" identity install device2.crt --account user
    bad 1 "not issued by" "attestation of another device" "$hufu" attest verify rsa.att --device-cert owner.crt
    ok "identity install" "$hufu" identity install device2.crt
    ok "attest, under the owner's CA" "$hufu" attest rsa --out rsa2.att
    ok "openssl verifies the chain" openssl verify -CAfile owner.crt -untrusted device2.crt -vfyopt $id rsa2.att
    printf 'subjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid:always\n' >>ext
    ok "the owner certifies it, by RFC 5280" openssl x509 -req -in device.csr -CA owner.crt -CAkey owner.key -extfile ext -out device3.crt -vfyopt $id
    ok "identity install" "$hufu" identity install device3.crt
    ok "attest, under a key identifier" "$hufu" attest rsa --out rsa3.att
    ok "openssl verifies the chain strictly" openssl verify -x509_strict -CAfile owner.crt -untrusted device3.crt -vfyopt $id rsa3.att
}

# The log as a file: whatever is done to it is found, and only the auditor ends records.
log_files() {
    ok "identity" "$hufu" identity --out device.pem
    ok "openssl reads the identity" openssl pkey -pubin -in device.pem -noout
    ok "log export" "$hufu" log export --out log1
    ok "log verify" "$hufu" log verify log1 --device-key device.pem --json
    json "log verify --json"
    ok "log verify, any device" "$hufu" log verify log1
    has "log verify, any device" "device-key" err
    while IFS=: read -r what edit; do
        sed "$edit" log1 >forged
        bad 1 "forged, line|ends without|missing before it" "log with $what" "$hufu" log verify forged --device-key device.pem
    done <<'EOF'
a record removed:5d
the first record removed:1d
the first line twice:1p
two records swapped:{5h;5d;6G}
a status word changed:5s/"sw": "9000"/"sw": "6982"/
an account changed in its bytes:/"record"/s/0390000/0290000/
the newest record removed:x;${x;p;x};d
no checkpoint:$d
another signature:${s/"signature": "0/"signature": "1/;t;s/"signature": "./"signature": "0/}
EOF
    openssl genpkey -algorithm SM2 2>/dev/null | openssl pkey -pubout -out other.pem
    bad 1 "another device" "log of another device" "$hufu" log verify log1 --device-key other.pem
    HUFU_NEW_PIN=auditor-pin ok "an auditor" "$hufu" account create auditor --role auditor
    bad 1 "NOT_AUTHORISED" "an operator truncates nothing" "$hufu" log truncate log1 --account operator
    bad 1 "forged" "truncate by a forged file" "$hufu" log truncate forged
    echo auditor-pin >auditor.pin
    ok "log export, not from the first" "$hufu" log export --after 3 --out part
    bad 1 "from 1 on: export" "truncate by a part" "$hufu" log truncate part --pin-file auditor.pin
    ok "log truncate" "$hufu" log truncate log1 --pin-file auditor.pin
    last=$(tail -n 1 log1 | python3 -c 'import json,sys; print(json.loads(sys.stdin.read())["sequence"])')
    ok "log export, the rest" "$hufu" log export --out log2
    ok "both files" "$hufu" log verify log1 log2 --device-key device.pem --json
    [ "$(field out last)" -gt "$last" ] && pass || fail "both files: nothing new"
    bad 1 "records 1 to $last are missing before it" "the second file alone" "$hufu" log verify log2
    ok "the second file alone, knowingly" "$hufu" log verify log2 --after "$last"
    bad 1 "out of order" "files in the wrong order" "$hufu" log verify log2 log1
    ok "only new records are left" "$hufu" log --json
    [ "$(head -n 1 out | python3 -c 'import json,sys; print(json.loads(sys.stdin.read())["sequence"])')" = "$((last + 1))" ] && pass || fail "log truncate: another first record"
}

ending() {
    bad 1 "NOT_SUPPORTED|WRONG_STATE" "lock a device that is not attended" "$hufu" lock
    bad 1 "NOT_AUTHORISED" "a user does not zeroise" "$hufu" zeroise --yes --account user
    ok "zeroise" "$hufu" zeroise --yes
    ok "info" "$hufu" info
    has "blank again" "^state +blank" out
    [ "$where" = inproc ] && return # each program would start the device anew, and locked
    HUFU_UNLOCK=open-sesame ok "init attended" "$hufu" init --attended --label attended
    ok "attended and ready" "$hufu" key generate --label x
    ok "lock" "$hufu" lock
    bad 1 "WRONG_STATE.*it is locked: hufu unlock" "work on a locked device" "$hufu" key list
    HUFU_UNLOCK=open-sesami bad 1 "wrong PIN" "wrong secret" "$hufu" unlock
    HUFU_UNLOCK=open-sesame ok "unlock" "$hufu" unlock
    ok "the key is still there" "$hufu" key show x
    ok "zeroise again" "$hufu" zeroise --yes
}

# Of a device that is made for it.
life_end() {
    where="the end of a life"
    export HUFU_DEVICE=inproc:$dir/ending
    pins
    ok "init" "$hufu" init
    bad 2 "say --yes" "terminate, not quite" "$hufu" terminate
    bad 1 "NOT_AUTHORISED" "an operator ends nothing" "$hufu" terminate --yes --account operator
    ok "terminate" "$hufu" terminate --yes
    ok "info" "$hufu" info
    has "terminated" "^state +terminated" out
    bad 1 "it has ended its life" "no other life" "$hufu" init
}

examples() {
    printf 'user-pin-1\n' >pin
    if [ ! -x "$build/examples/sign" ]; then
        skip "the examples are not built"
        return
    fi
    ok "example sign" "$build/examples/sign" "$HUFU_DEVICE" pin "message to be signed"
    python3 -c 'import sys; open("x.sig","wb").write(bytes.fromhex(open("out").read().strip()))'
    ok "its key" "$hufu" key export-public example --out x.pem
    ok "openssl verifies the example" sm2_verify x.pem x.sig m
    bad 1 "sign: log-in: .*wrong PIN" "example with a wrong PIN" "$build/examples/sign" "$HUFU_DEVICE" m text
    ok "example pipeline" "$build/examples/pipeline" "$HUFU_DEVICE" 500
    has "example pipeline" "^[0-9a-f]{64}$" out
    ok "example agree" "$build/examples/agree"
    has "example agree" "only the two of us know" out
}

everything() {
    where=$1
    export HUFU_DEVICE=$2
    unset HUFU_ADMIN_PIN HUFU_OPERATOR_PIN HUFU_USER_PIN
    first_start
    pins_and_accounts
    keys
    ok "a key that only signs" "$hufu" key generate --label signer
    signatures
    ciphers
    "$hufu" sign --key web --in m --out own2.sig 2>err
    certificates
    archives
    examples
    logs
    statements
    log_files
    ending
    no_scraps
    rm -f ./*.arc
}

everything inproc "inproc:$dir/device"
where="inproc"
"$hufu" random -n 1 --device "inproc:$dir/held" --hex >/dev/null 2>&1
mkdir -p held && exec 8>held/lock && flock 8
bad 1 "held" "a directory in use" "$hufu" info --device "inproc:$dir/held"
exec 8>&-
: >file
bad 1 "file" "a file for a directory" "$hufu" info --device "inproc:$dir/file"

life_end

if [ -x "$build/hufu-sim" ]; then
    mkfifo ready
    "$build/hufu-sim" --dir "$dir/sim" --socket "$dir/socket" --ready-fd 3 3>ready 2>sim.log &
    sim=$!
    read -r -n 1 <ready || true
    everything unix "unix:$dir/socket"
    where="unix"
    pins
    ok "init" "$hufu" init --label shared
    batches=()
    for i in 1 2 3 4; do
        "$hufu" key batch -n 500 --chunk 60 -q -o many$i.arc 2>many$i.err &
        batches+=($!)
    done
    for b in "${batches[@]}"; do wait "$b" && pass || fail "four programs at once: status $?"; done
    for i in 1 2 3 4; do
        for k in 0 250 499; do "$hufu" archive show many$i.arc --index $k; done
    done >all.pem 2>err
    [ "$(grep -v PUBLIC all.pem | paste - - | sort -u | wc -l)" = 12 ] && pass || fail "four programs got the same keys"
    # a disk that is full
    (trap '' XFSZ; ulimit -f 100; exec "$hufu" key batch -n 10000 -q -o full.arc) >out 2>err
    [ $? = 1 ] && grep -q "full.arc: cannot be written: File too large; the device keeps" err && pass || fail "batch on a full disk"
    ok "batch, with room again" "$hufu" key batch -n 10000 -q -o full.arc
    ok "all of them" "$hufu" archive show full.arc
    has "all of them" "^10000 keys" out
    # a log that grows while it is exported
    while [ ! -e enough ]; do "$hufu" key list --type sm4 >/dev/null 2>&1; done &
    noise=$!
    for i in 1 2 3 4 5 6; do
        ok "log export, while others work" "$hufu" log export --out busy.log
        ok "its checkpoint fits" "$hufu" log verify busy.log
    done
    : >enough
    wait "$noise"
    ok "zeroise" "$hufu" zeroise --yes
    # the device goes away in the middle, comes back in time, goes away for good, and comes back
    pins
    "$hufu" init --label again >out 2>err
    "$hufu" key batch -n 100000000 -q -o big.arc >out 2>err &
    batch=$!
    grown() { until [ -s big.arc ] && [ "$(wc -c <big.arc)" -gt "$1" ] || ! kill -0 $batch 2>/dev/null; do sleep 0.05; done; }
    start() {
        "$build/hufu-sim" --dir "$dir/sim" --socket "$dir/socket" --ready-fd 3 3>ready 2>sim.log &
        sim=$!
        read -r -n 1 <ready || true
    }
    grown 100
    kill -STOP "$batch" # its patience is not what is tested
    kill -KILL "$sim"
    wait "$sim" 2>/dev/null
    size=$(wc -c <big.arc)
    start
    kill -CONT "$batch"
    grown "$size"
    [ "$(wc -c <big.arc)" -gt "$size" ] && pass || fail "batch after a restart: nothing more came"
    kill -KILL "$sim"
    wait "$sim" 2>/dev/null
    wait "$batch"
    status=$?
    sim=
    [ "$status" = 1 ] && grep -q "cannot reach hufu-sim" err && pass || fail "batch without device: status $status"
    ok "what was taken is there" "$hufu" archive show big.arc
    n=$(cut -d' ' -f1 out)
    ok "the last key is whole" "$hufu" archive show big.arc --index $((n - 1))
    start
    ok "the batch goes on" "$hufu" key batch -n $((n + 100)) -o big.arc
    ok "the device takes them back" "$hufu" key import --in big.arc --index $((n - 1)) --label back
else
    skip "the socket: $build/hufu-sim is not built"
fi

echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
