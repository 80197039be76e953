#!/usr/bin/env bash
# hufu import: keys of PKCS#8 and PKCS#12 files and of a SoftHSM token, then a back-up and a move of all
# of them; the openssl program is the judge.
. "$(dirname "$0")/openssl.lib"
write_conf
hufu=$build/hufu
start_device || exit 1
echo user-pin >pin
export HUFU_DEVICE=unix:$dir/device/hufu.sock HUFU_ADMIN_PIN=admin-pin HUFU_OPERATOR_PIN=operator-pin HUFU_USER_PIN=user-pin
ok "$hufu" init --label import -q
soft() { OPENSSL_CONF=/dev/null openssl "$@" 2>/dev/null; }
# same_key FILE LABEL: the device has the key of the file, and it works
same_key() {
    soft pkey -in "$1" -pubout >expected.pub
    ok openssl pkey -in "hufu:label=$2" -pubout -out got.pub
    same expected.pub got.pub
    ok openssl dgst -sm3 -sign "hufu:label=$2;type=private" -out signature "$1"
    case $2 in rsa*) return ;; esac # software does not verify RSA with SM3
    ok openssl dgst -sm3 -verify expected.pub -signature signature "$1"
}

# ---------------------------------------------------------------- files
soft genrsa -out rsa2.pem 2048
soft genrsa -traditional -aes256 -passout pass:secret -out rsa3.pem 3072
soft genpkey -algorithm SM2 -out sm2.pem
soft genpkey -algorithm EC -pkeyopt group:P-256 -outform DER -out p256.der
soft genpkey -algorithm EC -pkeyopt group:P-384 -aes128 -pass pass:secret -out p384.pem
export HUFU_PASSPHRASE=secret
ok "$hufu" import pkcs8 rsa2.pem --label rsa2
ok "$hufu" import pkcs8 rsa3.pem --label rsa3 --id 0102
ok "$hufu" import pkcs8 sm2.pem --label sm2
ok "$hufu" import pkcs8 p256.der --label p256 --usage sign
ok "$hufu" import pkcs8 p384.pem --label p384
soft rsa -in rsa3.pem -passin pass:secret -out rsa3.clear
soft pkey -in p384.pem -passin pass:secret -out p384.clear
same_key rsa2.pem rsa2
same_key rsa3.clear rsa3
same_key sm2.pem sm2
same_key p256.der p256
same_key p384.clear p384
HUFU_PASSPHRASE=wrong bad 'passphrase is wrong' "$hufu" import pkcs8 rsa3.pem
bad 'no private key' "$hufu" import pkcs8 expected.pub
bad 'nothing.pem' "$hufu" import pkcs8 nothing.pem
soft genrsa -out small.pem 1024
soft genrsa -3 -out three.pem 2048
soft genrsa -primes 3 -out primes.pem 2048
soft genpkey -algorithm ED25519 -out ed.pem
soft genpkey -algorithm EC -pkeyopt group:P-521 -out p521.pem
bad 'RSA key of 1024' "$hufu" import pkcs8 small.pem
bad 'exponent 65537' "$hufu" import pkcs8 three.pem
bad 'two primes' "$hufu" import pkcs8 primes.pem
bad 'of a kind' "$hufu" import pkcs8 ed.pem
bad 'has SM2, P-256 and P-384' "$hufu" import pkcs8 p521.pem
bad 'one file' "$hufu" import pkcs8

soft req -x509 -key rsa2.pem -subj /CN=chain -out ca.crt
soft genrsa -out leaf.pem 2048
soft req -new -key leaf.pem -subj /CN=leaf | soft x509 -req -CA ca.crt -CAkey rsa2.pem -out leaf.crt
soft pkcs12 -export -inkey leaf.pem -in leaf.crt -certfile ca.crt -name rsa-leaf -passout pass:secret -out leaf.p12
ok "$hufu" import pkcs12 leaf.p12 --certificates chain.pem
same_key leaf.pem rsa-leaf
cat leaf.crt ca.crt | cmp -s - chain.pem && pass || fail "the certificates of the PKCS#12 file"
HUFU_PASSPHRASE=wrong bad 'passphrase is wrong' "$hufu" import pkcs12 leaf.p12
# a key behind other things in its file: certificates, the parameters of its curve
cat leaf.crt ca.crt leaf.pem >behind.pem
soft ecparam -name SM2 -genkey -out sm2-parameters.pem
has 'BEGIN (EC|SM2) PARAMETERS' sm2-parameters.pem
for file in behind sm2-parameters; do
    ok "$hufu" import pkcs8 $file.pem --label $file
    soft pkey -in $file.pem -pubout >expected.pub
    ok openssl pkey -in "hufu:label=$file" -pubout -out got.pub
    same expected.pub got.pub
    ok "$hufu" key destroy $file
done
bad 'no private key' "$hufu" import pkcs8 leaf.crt
# without a MAC, and not encrypted at all
for way in "" "-keypbe NONE -certpbe NONE"; do
    # shellcheck disable=SC2086
    soft pkcs12 -export -nomac $way -inkey leaf.pem -in leaf.crt -name no-mac -passout pass:secret -out nomac.p12
    ok "$hufu" import pkcs12 nomac.p12
    ok openssl pkey -in hufu:label=no-mac -pubout -out got.pub
    soft pkey -in leaf.pem -pubout | cmp -s - got.pub && pass || fail "the key of a PKCS#12 file without MAC"
    ok "$hufu" key destroy no-mac
done
soft pkcs12 -export -nomac -inkey leaf.pem -in leaf.crt -passout pass:secret -out nomac.p12
HUFU_PASSPHRASE=wrong bad 'passphrase is wrong' "$hufu" import pkcs12 nomac.p12
# several keys in one file, as keytool makes them
if command -v keytool >/dev/null; then
    for key in one:RSA two:EC; do
        ok keytool -genkeypair -alias "several ${key%:*}" -keyalg "${key#*:}" -dname CN=x -keystore several.p12 -storetype PKCS12 -storepass secret
    done
    ok "$hufu" import pkcs12 several.p12 --certificates several.crt
    [ "$(wc -l <out)" = 2 ] && pass || fail "two handles"
    [ "$(grep -c BEGIN several.crt)" = 2 ] && pass || fail "two certificates"
    for key in one two; do
        ok openssl pkey -in "hufu:label=several%20$key" -pubout -out got.pub
        ok keytool -exportcert -alias "several $key" -keystore several.p12 -storepass secret -rfc -file several-$key.crt
        soft x509 -in several-$key.crt -noout -pubkey | cmp -s - got.pub && pass || fail "the key several $key"
        ok "$hufu" key destroy "several $key"
    done
    bad 'one key' "$hufu" import pkcs12 several.p12 --label one
    ok "$hufu" import pkcs12 several.p12 --json
    python3 -c 'import json; assert [sorted(k) for k in json.load(open("out"))] == [["handle"]] * 2' && pass || fail "--json of two keys"
    for key in one two; do ok "$hufu" key destroy "several $key"; done
else
    skip "several keys in a PKCS#12 file: keytool is not installed"
fi
# what other programs and older ones have written
soft genpkey -algorithm EC -pkeyopt group:P-256 -out small.key
soft req -x509 -key small.key -subj /CN=small -out small.crt
for way in "-v2 aes-128-cbc -v2prf hmacWithSHA1" "-v2 aes-256-cbc -v2prf hmacWithSHA512" "-v2 des3" "-scrypt" "-v2 sm4-cbc" "-v1 PBE-SHA1-3DES" \
    "-v1 PBE-MD5-DES" "-v1 PBE-SHA1-RC2-40"; do
    # shellcheck disable=SC2086
    ok openssl pkcs8 -provider default -provider legacy -topk8 -in small.key $way -passout pass:secret -out way.key
    ok "$hufu" import pkcs8 way.key --label way
    ok "$hufu" key destroy way
done
for way in -legacy "-keypbe PBE-SHA1-3DES -certpbe PBE-SHA1-3DES -macalg sha1" "-keypbe AES-128-CBC -certpbe AES-192-CBC -macalg sha512"; do
    # shellcheck disable=SC2086
    ok openssl pkcs12 -provider default -export $way -inkey small.key -in small.crt -name "schlüssel" -passout pass:secret -out way.p12
    ok "$hufu" import pkcs12 way.p12 --certificates way.crt
    cmp -s way.crt small.crt && pass || fail "the certificate of $way"
    ok "$hufu" key destroy schlüssel
done
# the passphrase: by file, by descriptor, never on the command line
unset HUFU_PASSPHRASE
soft pkcs8 -topk8 -in small.key -passout pass:secret -out way.key
printf 'secret\r\nnot this\n' >passphrase
ok "$hufu" import pkcs8 way.key --label way --passphrase-file passphrase
ok "$hufu" key destroy way
ok bash -c "'$hufu' import pkcs8 way.key --label way --passphrase-file /dev/fd/3 3<passphrase"
ok "$hufu" key destroy way
bad 'no such option' "$hufu" import pkcs8 way.key --passphrase secret
head -c 300 /dev/zero | tr '\0' x >long.pass
bad 'long.pass: more than 255 bytes' "$hufu" import pkcs8 way.key --passphrase-file long.pass
export HUFU_PASSPHRASE=secret
bad 'no PKCS#12' "$hufu" import pkcs12 rsa2.pem

# nothing is left of the keys that did the transport
ok "$hufu" key list
if grep -q transport out; then fail "a transport key is left"; else pass; fi

# ---------------------------------------------------------------- a token
softhsm=/usr/lib/softhsm/libsofthsm2.so
if [ -f $softhsm ] && command -v pkcs11-tool >/dev/null && command -v softhsm2-util >/dev/null; then
    mkdir tokens
    echo "directories.tokendir = $dir/tokens" >softhsm.conf
    export SOFTHSM2_CONF=$dir/softhsm.conf
    softhsm2-util --init-token --free --label old --pin 1234 --so-pin 12345678 >/dev/null
    tool=(pkcs11-tool --module "$softhsm" --login --pin 1234)
    "${tool[@]}" --keypairgen --key-type rsa:2048 --label rsa-token --id 11 --extractable >/dev/null 2>&1
    "${tool[@]}" --keypairgen --key-type EC:prime256v1 --label p256-token --id 22 --extractable >/dev/null 2>&1
    "${tool[@]}" --keypairgen --key-type EC:secp384r1 --label p384-token --id 44 >/dev/null 2>&1
    ok env HUFU_TOKEN_PIN=1234 "$hufu" import softhsm --token old
    for key in rsa-token p256-token p384-token; do
        "${tool[@]}" --read-object --type pubkey --label $key -o token.der >/dev/null 2>&1 ||
            { # opensc 0.23 does not write this one: its header, and the point as it is listed
                printf 3076301006072a8648ce3d020106052b81040022036200
                "${tool[@]}" -O --type pubkey --label $key 2>/dev/null | sed -n 's/.*EC_POINT: *0461//p'
            } | python3 -c 'import sys; sys.stdout.buffer.write(bytes.fromhex(sys.stdin.read()))' >token.der
        soft pkey -pubin -inform DER -in token.der -pubout >expected.pub
        ok openssl pkey -in "hufu:label=$key" -pubout -out got.pub
        same expected.pub got.pub
    done
    ok openssl pkey -in "hufu:id=%11" -pubout
    "${tool[@]}" --keypairgen --key-type EC:prime256v1 --label kept --id 33 >/dev/null 2>&1
    "$hufu" key destroy rsa-token
    "$hufu" key destroy p256-token
    # one that the device has no such keys for holds up none of the others
    "${tool[@]}" --keypairgen --key-type rsa:1024 --label short --id 34 --extractable >/dev/null 2>&1
    module=(--module "$softhsm")
    bad '2 keys moved, 0 certificates and data, 3 left' env HUFU_TOKEN_PIN=1234 "$hufu" import softhsm "${module[@]}"
    has 'short: an RSA key of 1024 bits' err
    has '3 objects were left' err
    mkdir -p home/.config/softhsm2 && cp softhsm.conf home/.config/softhsm2/softhsm2.conf
    bad '4 keys moved.* 1 left' env -u SOFTHSM2_CONF HOME="$dir/home" HUFU_TOKEN_PIN=1234 "$hufu" import softhsm --token old
    for way in "--module $softhsm" "--token-directory $dir/tokens"; do
        # shellcheck disable=SC2086
        bad 'wrong PIN' env HUFU_TOKEN_PIN=4321 "$hufu" import softhsm $way
        # shellcheck disable=SC2086
        bad 'no such token' env HUFU_TOKEN_PIN=1234 "$hufu" import softhsm $way --token new
    done
    # a token of all kinds, with names beyond ASCII
    softhsm2-util --init-token --free --label größe --pin 1234 --so-pin 12345678 >/dev/null
    tool=(pkcs11-tool --module "$softhsm" --login --pin 1234 --token-label größe)
    soft x509 -in leaf.crt -outform DER -out leaf.der
    printf 'what is kept' >data
    printf '0123456789abcdef' >aes.key
    "${tool[@]}" --keypairgen --key-type rsa:2048 --label schlüssel --id 51 >/dev/null 2>&1
    "${tool[@]}" --keypairgen --key-type rsa:1024 --label klein --id 52 >/dev/null 2>&1
    "${tool[@]}" --write-object leaf.der --type cert --label schlüssel --id 51 >/dev/null 2>&1
    "${tool[@]}" --write-object data --type data --label öffentlich --application-label program >/dev/null 2>&1
    "${tool[@]}" --write-object data --type data --label geheim --private >/dev/null 2>&1
    "${tool[@]}" --write-object /dev/null --type data --label leer >/dev/null 2>&1
    "${tool[@]}" --write-object aes.key --type secrkey --key-type AES:16 --label "known aes" --id 53 >/dev/null 2>&1
    "${tool[@]}" --keygen --key-type AES:32 --label "its own" --id 54 >/dev/null 2>&1
    "${tool[@]}" --keypairgen --key-type EC:secp384r1 --label "$(printf 'ä%.0s' {1..50})" --id 56 >/dev/null 2>&1
    bad 'more than one token' env HUFU_TOKEN_PIN=1234 "$hufu" import softhsm
    bad 'wrong PIN' env HUFU_TOKEN_PIN=4321 "$hufu" import softhsm --token größe
    bad '4 keys moved, 4 certificates and data, 1 left' env HUFU_TOKEN_PIN=1234 "$hufu" import softhsm --token größe
    has 'klein: of a kind or size' err
    ok "$hufu" key list
    has 'aes256 .* its own' out
    has ' (ä){32} ' out
    ok openssl pkey -in hufu:id=%51 -noout
    ok openssl x509 -in "hufu:label=schl%C3%BCssel;type=cert" -out got.crt
    same got.crt leaf.crt
    if [ -e "$build/hufu-pkcs11.so" ]; then
        ours=(pkcs11-tool --module "$build/hufu-pkcs11.so" --login --pin user-pin)
        ok "${ours[@]}" -O --type cert && has 'subject: .*leaf' out
        ok "${ours[@]}" -O --type data && has "application: .*program" out
        ok "${ours[@]}" --read-object --type data --label geheim -o got && same got data
        ok "${ours[@]}" --encrypt -m AES-ECB --id 53 -i aes.key -o cipher
        soft enc -aes-128-ecb -K "$(od -An -tx1 aes.key | tr -d ' \n')" -nopad -in aes.key -out expected
        same cipher expected
    fi
    rm -r "$(grep -l größe tokens/*/token.object | xargs dirname)"
    for file in tokens/*/*.object; do # cut short: what can be read is read, and nothing else happens
        cp "$file" whole && head -c $(($(stat -c %s whole) / 2)) whole >"$file"
        "$hufu" import softhsm --token-pin-file <(echo 1234) >out 2>err
        [ $? -gt 1 ] && fail "a torn object: $(cat err)"
        cp whole "$file"
    done
else
    skip "softhsm2 or opensc is not installed"
fi
bad 'no PKCS#11 module' env HUFU_TOKEN_PIN=1 "$hufu" import softhsm --module /nonexistent.so

# ---------------------------------------------------------------- back-up and return
ok "$hufu" key export rsa2 --out backup.keys
ok "$hufu" key export sm2 --out backup.keys
bad . "$hufu" key export p256 --out backup.keys # its usage does not permit it
ok "$hufu" key destroy rsa2
ok "$hufu" key destroy sm2
ok "$hufu" key import --in backup.keys --index 0 --label rsa2
ok "$hufu" key import --in backup.keys --index 1 --label sm2
same_key rsa2.pem rsa2
same_key sm2.pem sm2
# all at once, with labels and ids
ok "$hufu" key backup --out all.keys
has 'p256: its usage does not let it leave' err
bad 'take a new file' "$hufu" key backup --out all.keys
for key in rsa2 rsa3 sm2 p384 rsa-leaf; do ok "$hufu" key destroy $key; done
ok "$hufu" key restore --in all.keys
has ' 5 keys restored' err
same_key rsa3.clear rsa3
same_key p384.clear p384
ok openssl pkey -in 'hufu:id=%01%02' -pubout
ok "$hufu" key restore --in all.keys
has ' 0 keys restored' err
sed 's/ /:/' all.keys.list >bad.keys.list
cp all.keys bad.keys
bad 'damaged' "$hufu" key restore --in bad.keys
bad 'none.keys' "$hufu" key restore --in none.keys
# the clear key is in no file of the device
soft rsa -in rsa2.pem -noout -text | sed -n '/^prime1/,/^prime2/p' | tr -d ' :\n' | sed 's/prime1//;s/prime2.*//;s/^00//' | cut -c1-64 >prime
python3 - <<'END' && pass || fail "a prime lies in the device's memory in clear"
import glob, os, sys
prime = bytes.fromhex(open("prime").read().strip())
assert len(prime) == 32
for path in glob.glob("device/*"):
    if os.path.isfile(path) and prime in open(path, "rb").read():
        sys.exit(1)
END
finish
