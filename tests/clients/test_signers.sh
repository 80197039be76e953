#!/usr/bin/env bash
# Programs that sign files and messages, with a key of the device: parts for rows of docs/clients.md.
. "$(dirname "$0")/openssl.lib"
. "$top/tests/clients/pkcs11.lib"
with_token "signers"
write_conf
echo $pin >pin
ok openssl genpkey -propquery provider=hufu -algorithm RSA -pkeyopt hufu_label:signer -pkeyopt hufu_id:0a0b -out signer.pem
ok openssl req -x509 -key signer.pem -config <(printf '[req]\ndistinguished_name=n\n[n]\n') -subj /CN=signer \
    -addext basicConstraints=critical,CA:true -days 30 -out signer.crt
ok openssl x509 -in signer.crt -outform DER -out signer.der
ok p11 --write-object signer.der --type cert --label signer --id 0a0b
uri='pkcs11:object=signer;type=private'
engine=$(ls /usr/lib/*/engines-3/pkcs11.so 2>/dev/null | head -n 1)

# the least that is a Windows program: headers, and one section that returns
windows_program() {
    python3 - <<'END_OF_PYTHON'
from struct import pack
head = b"MZ" + bytes(58) + pack("<I", 64) + b"PE\0\0" + pack("<HHIIIHH", 0x14C, 1, 0, 0, 0, 224, 0x102)
head += pack("<HBB9I", 0x10B, 0, 0, 0, 0, 0, 0x1000, 0x1000, 0x1000, 0x400000, 0x1000, 0x200)
head += pack("<6H4IHH6I", 4, 0, 0, 0, 4, 0, 0, 0x2000, 0x200, 0, 3, 0, 0, 0, 0, 0, 0, 16) + bytes(128)
head += b".text\0\0\0" + pack("<6IHHI", 0x10, 0x1000, 0x200, 0x200, 0, 0, 0, 0, 0x60000020)
open("program.exe", "wb").write(head.ljust(0x200, b"\0") + b"\xc3".ljust(0x200, b"\0"))
END_OF_PYTHON
}

with_osslsigncode() {
    need osslsigncode "osslsigncode" || return
    ok osslsigncode sign -h sha256 -certs signer.crt -key signer.pem -in program.exe -out signed.exe
    ok osslsigncode verify -CAfile signer.crt signed.exe
    [ -n "$engine" ] || { skip "osslsigncode: libengine-pkcs11-openssl is not installed"; return; }
    OPENSSL_CONF=/dev/null ok osslsigncode sign -pkcs11module "$module" -pass $pin -key "$uri" \
        -h sha256 -certs signer.crt -in program.exe -out signed2.exe
    ok osslsigncode verify -CAfile signer.crt signed2.exe
}

with_sbsign() {
    need sbsign "sbsign" || return
    ok sbsign --key signer.pem --cert signer.crt --output boot.exe program.exe
    ok sbverify --cert signer.crt boot.exe
    [ -n "$engine" ] || { skip "sbsign: libengine-pkcs11-openssl is not installed"; return; }
    OPENSSL_CONF=/dev/null PKCS11_MODULE_PATH=$module ok sbsign --engine pkcs11 --key "$uri?pin-value=$pin" --cert signer.crt \
        --output boot2.exe program.exe
    ok sbverify --cert signer.crt boot2.exe
}

# GnuPG's S/MIME: the device stands in for a smart card
with_gpgsm() {
    need gpgsm "gpgsm" || return
    need gpg-agent "gpgsm" || return
    need gnupg-pkcs11-scd "gpgsm" || return
    local print
    mkdir -m 700 gnupg
    export GNUPGHOME=$dir/gnupg
    printf 'providers hufu\nprovider-hufu-library %s\n' "$module" >gnupg/gnupg-pkcs11-scd.conf
    printf 'scdaemon-program %s\npinentry-program %s\n' "$(command -v gnupg-pkcs11-scd)" "$dir/pinentry" >gnupg/gpg-agent.conf
    cat >pinentry <<END
#!/bin/sh
echo OK
while read -r word rest; do
    [ "\$word" = GETPIN ] && echo "D $pin"
    echo OK
    [ "\$word" = BYE ] && exit
done
END
    chmod 700 pinentry
    print=$(openssl x509 -in signer.crt -fingerprint -sha1 -noout | sed 's/.*=//; s/://g')
    echo "$print S relax" >gnupg/trustlist.txt
    ok timeout 600 gpgsm --batch --learn-card
    ok timeout 600 gpgsm --batch --disable-crl-checks -u "0x$print" --sign --output message pin
    ok timeout 600 gpgsm --batch --disable-crl-checks --verify message
    ok timeout 600 gpgsm --batch --disable-crl-checks -r "0x$print" --encrypt --output secret pin
    ok timeout 600 gpgsm --batch --decrypt --output clear secret && same clear pin
    gpgconf --kill all
}

windows_program
with_osslsigncode
with_sbsign
OPENSSL_CONF=/dev/null with_gpgsm
finish
