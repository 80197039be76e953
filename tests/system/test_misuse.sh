#!/usr/bin/env bash
# Programs in strange surroundings: closed and full streams, options without sense, files that cannot be written, signals
# in the midst. What fails says so in one line, and leaves neither half a file nor another device behind.
set -u
# shellcheck source=tests/system/device.sh
. "$(dirname "$0")/device.sh"
export HUFU_DEVICE=inproc:$dir/device
exec </dev/null
scraps() { find . -maxdepth 1 -name '*.??????' ! -name '*.stderr' | wc -l; }
is() { if [ "$2" = "$3" ]; then passed=$((passed + 1)); else fail "$1: $2 instead of $3"; fi; }

ok "init" "$hufu" init --label misused
ok "a key" "$hufu" key generate --label a
echo message >m

# ---------------------------------------------------------------- streams that are closed, or full
sound() {
    ok "$1: the key is there" "$hufu" key show a
    ok "$1: its records are whole" "$hufu" selftest records
}
"$hufu" key list >&- 2>err; is "no standard output" $? 1
has "no standard output" "standard output: cannot be written" err
"$hufu" sign --key a <&- >out 2>err; is "no standard input" $? 1
has "no standard input" "standard input: cannot be read" err
"$hufu" info <&- >&- 2>&-; is "no stream" $? 1
"$hufu" key show nobody <&- >&- 2>&-; is "no stream, and no key" $? 1
sound "closed streams"
ok "no streams, and nothing to print" "$hufu" label misused <&- 2>&-
bad 1 "standard output: cannot be written" "a full output" bash -c '"$0" info >/dev/full' "$hufu"
bad 1 "standard output: cannot be written" "a full output for bytes" bash -c '"$0" random >/dev/full' "$hufu"
"$hufu" key list 2>err | :; is "a reader that went away" "$(wc -l <err)" 0
export HUFU_DEVICE=unix:$dir/served/hufu.sock
start served
ok "init" "$hufu" init --label served
ok "a key" "$hufu" key generate --label a

# ---------------------------------------------------------------- options
# refuses STATUS TEXT ARGUMENT...: one line that says so, before a device is asked. Of builtins: it runs a lot.
refuses() {
    local said got
    said=$(HUFU_DEVICE=unix:$dir/none "$hufu" "${@:3}" 2>&1)
    got=$?
    if [[ $got = "$1" && $said = *"$2"* && $said != *$'\n'* ]]; then passed=$((passed + 1)); else echo "$said" >err && fail "${*:3}: status $got"; fi
}
"$hufu" --help | sed -n '/^Commands/,/^$/s/^  \([a-z -]*[a-z]\)  .*/\1/p' | grep -v '^approve$' >commands
while read -r c; do
    # shellcheck disable=SC2086
    "$hufu" $c --help | sed -nE "$([ "$c" = info ] || echo '/^Options of all/q;') s/^  (-[a-z], )?(--[a-z-]+) ([^ ]+) .*/\2 \3 $c/p"
done <commands >options
# Each option that takes a value wants one that is not empty.
while read -r option value c; do
    case "$c $option" in
    "key label --label" | "key label --id" | "sign --id" | "verify --id" | *" --aad") continue ;;
    esac
    # shellcheck disable=SC2086
    refuses 2 "$option needs a value: $value" $c "$option" ""
done <options
bad 2 "needs a value" "an empty value behind =" "$hufu" info --device=
bad 2 "empty: give \[FILE" "an empty operand" "$hufu" digest ""
ok "an empty label for a key" "$hufu" key label a --label ""
ok "and a label again" "$hufu" key label handle:"$("$hufu" key list --json | sed -n 's/.*"handle": \([0-9]*\),/\1/p')" --label a
for n in -1 +1 0x1 " 1" "1 " 1e3 18446744073709551616 99999999999999999999999999 ١; do
    bad 2 "give a number from 1 to" "the number $n" "$hufu" random -n "$n"
    bad 2 "give a number from 1 to" "a quorum of $n" "$hufu" quorum -- "$n"
done
ok "a number with zeros before it" "$hufu" random -n 00000000000000000000000000016 --out r
is "a number with zeros before it" "$(stat -c %s r)" 16
ok "the largest number" "$hufu" log --after 18446744073709551615
bad 1 "no key -a for" "a key whose name begins with -" "$hufu" key show -- -a
bad 2 "no such option: --fly" "an option that there is not" "$hufu" sign --key a --fly=yes
bad 2 "id: give up to 8191 bytes" "an ID that is too long" "$hufu" sign --key a --in m --id "$(printf '%08192d' 0)"
ok "the longest ID" "$hufu" sign --key a --in m --id "$(printf '%08191d' 0)" --out m.sig
ok "the longest ID, verified" "$hufu" verify --key a --in m --id "$(printf '%08191d' 0)" --signature m.sig
ok "an empty ID" "$hufu" sign --key a --in m --id "" --out m.sig
bad 2 "id is for" "an ID for a digest" "$hufu" sign --key a --in m --id x --digest

# ---------------------------------------------------------------- files that cannot be written
printf 'user-pin\0-1\n' >binary
bad 1 "binary: its first line is no text" "a PIN with a zero in it" "$hufu" key list --pin-file binary
mkdir folder
ln -s /proc/self/fd/1 stdout-link
# Of each command that writes to --out FILE, before it asks a device.
while read -r option value c; do
    [ "$option $value" = "--out FILE" ] || continue
    # shellcheck disable=SC2086
    needed=$("$hufu" $c --help | sed -nE '1s/.*hufu [a-z -]*[a-z] (--.*) \[option.*/\1/p' | sed -E 's/--out FILE//; s/(--[a-z-]+) [A-Z]+/\1 1/g')
    for path in folder folder/ none/file m/file; do
        # shellcheck disable=SC2086
        refuses 1 "hufu: $path: cannot be written" $c $needed --out "$path"
    done
done <options
mkdir taken-1.share
for i in 1 2; do
    openssl genpkey -algorithm SM2 2>/dev/null | openssl pkey -pubout -out c$i.pem
done
bad 1 "taken-1.share: cannot be written: Is a directory" "a share where a directory is" \
    "$hufu" domain split --threshold 2 --custodian c1.pem --custodian c2.pem --out taken
bash -c '"$0" random -n 24 --out stdout-link >linked' "$hufu" && [ -L stdout-link ] && [ "$(stat -c %s linked)" = 24 ]
is "a link to standard output" $? 0
echo old >target && ln -s target link
ok "a link to a file" "$hufu" random -n 40 --out link
is "a link to a file: it stays one" "$(readlink link) $(stat -c %s target)" "target 40"
ok "a name that begins with -" "$hufu" random --out -named
is "a name that begins with -" "$(stat -c %s -- -named)" 32
(ulimit -f 8; exec "$hufu" random -n 1000000 --out big) >out 2>err
is "a file that may not grow so far" "$?" 1
has "a file that may not grow so far" "^hufu: big: cannot be written: File too large" err
[ ! -e big ]; is "nothing of it is left" "$? $(scraps)" "0 0"

# ---------------------------------------------------------------- what reaches the disk, and signals in the midst
# fsync as the test wants it: notes what is synced; may fail for folders; may interrupt before it does.
cat >shim.c <<'EOF'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
int fsync(int fd)
{
    struct stat st;
    const char *how = getenv("SHIM");
    const int folder = !fstat(fd, &st) && S_ISDIR(st.st_mode);
    const int note = open("synced", O_WRONLY | O_APPEND | O_CREAT, 0600);
    if (write(note, folder ? "folder\n" : "file\n", folder ? 7 : 5) < 0)
        _exit(9);
    close(note);
    if (how && !strcmp(how, "interrupt"))
        kill(getpid(), SIGINT);
    if (how && !strcmp(how, "fail") && folder) {
        errno = EIO;
        return -1;
    }
    return ((int (*)(int))dlsym(RTLD_NEXT, "fsync"))(fd);
}
EOF
if cc -shared -fPIC -o shim.so shim.c -ldl 2>err; then
    with() { LD_PRELOAD=$dir/shim.so ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0 SHIM=$1 "${@:2}"; }
    ok "write a file" with none "$hufu" random -n 48 --out synced.bin
    if [ -e synced ]; then
        is "the file, then its name" "$(paste -sd ' ' synced)" "file folder"
        bad 1 "cannot be written: Input/output error" "a name that does not reach the disk" with fail "$hufu" random -n 48 --out other.bin
        bad 1 "cannot be synced: Input/output error" "the name of an archive" with fail "$hufu" key batch -n 1 -q --out new.arc
        with interrupt "$hufu" random -n 48 --out interrupted.bin >out 2>err
        is "interrupted while it writes" "$? $(stat -c %s interrupted.bin) $(scraps)" "130 48 0"
    else
        skipped=$((skipped + 1))
        echo "SKIP  what is synced: this build does not ask the fsync that is put before it"
    fi
else
    fail "the shim does not build"
fi

# a signal while a PIN is typed: the program ends by it, and the terminal has its echo back
cat >prompt.py <<'EOF'
import os, pty, signal, sys, termios
signal.alarm(100)
master, slave = pty.openpty()
pid = os.fork()
if pid == 0:
    os.setsid()
    import fcntl
    fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in 0, 1, 2:
        os.dup2(slave, fd)
    os.closerange(3, 100)
    os.execv(sys.argv[2], sys.argv[2:])
shown = b""
while not shown.endswith(b": "):
    shown += os.read(master, 100)
assert not termios.tcgetattr(slave)[3] & termios.ECHO
number = getattr(signal, sys.argv[1])
os.kill(pid, number)
status = os.waitpid(pid, 0)[1]
assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == number, status
assert termios.tcgetattr(slave)[3] & termios.ECHO
EOF
for signal in SIGINT SIGTERM SIGHUP SIGQUIT; do
    ok "$signal at a prompt" env -u HUFU_USER_PIN python3 prompt.py $signal "$hufu" key list
done

# ---------------------------------------------------------------- the other programs
while read -r program option value; do
    bad 2 "$option" "$program $option ''" "$build/$program" "$option" ""
done < <(for p in hufu-sim hufu-bench; do "$build/$p" --help | sed -nE "s/^  (--[a-z-]+) ([A-Z][A-Z:]*) .*/$p \1 \2/p"; done)
for p in "$hufu" "$build/hufu-sim" "$build/hufu-bench"; do
    for option in --help --version; do
        bad 1 "^${p##*/}: standard output: cannot be written" "${p##*/} $option >/dev/full" bash -c '"$0" "$1" >/dev/full' "$p" $option
        bad 1 "^${p##*/}: standard output: cannot be written" "${p##*/} $option >&-" bash -c '"$0" "$1" >&-' "$p" $option
    done
done
bad 1 "standard output: cannot be written" "hufu-sim --print-capabilities >&-" bash -c '"$0" --print-capabilities >&-' "$build/hufu-sim"
bad 2 "extra: not an option" "hufu-bench extra" "$build/hufu-bench" extra
total
