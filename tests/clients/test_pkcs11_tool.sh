#!/usr/bin/env bash
# pkcs11-tool of OpenSC with all its operations, on a fresh device.
. "$(dirname "$0")/openssl.lib"
. "$top/tests/clients/pkcs11.lib"
with_token "pkcs11-tool"

ok pkcs11-tool --module "$module" -I && has 'Cryptoki version 3' out
ok pkcs11-tool --module "$module" -L && has 'token label *: hufu' out
ok pkcs11-tool --module "$module" -M && has 'ECDSA-SHA256' out
bad 'CKR_PIN_INCORRECT' pkcs11-tool --module "$module" --login --pin wrong-pin -O

# keys
for size in 2048 3072; do ok p11 --keypairgen --key-type RSA:$size --label rsa$size --id "0${size:0:1}"; done
ok p11 --keypairgen --key-type EC:prime256v1 --label ec --id 10
ok p11 --keypairgen --key-type EC:secp384r1 --label ec384 --id 11
ok p11 -O && has 'label: *rsa2048' out && has 'EC_POINT 256 bits' out
ok p11 --test && has 'No errors' out
ok pkcs11-tool --module "$module" --login --pin $pin --test-threads L0 --test-threads IL

# public keys for OpenSSL
for key in rsa2048:02 ec:10; do
    ok p11 --read-object --type pubkey --id "${key#*:}" -o "${key%:*}.der"
    ok openssl pkey -pubin -inform DER -in "${key%:*}.der" -out "${key%:*}.pem"
done
# pkcs11-tool 0.23 cannot show a public key on P-384, of any token
printf '%s\n' $pin >pin
ok "$build/hufu" key export-public --account 2 --pin-file pin --key ec384 --out ec384.pem

# signatures
head -c 3000 /dev/urandom >data
for hash in SHA1 SHA224 SHA256 SHA384 SHA512; do
    ok p11 --sign --id 02 -m $hash-RSA-PKCS -i data -o sig
    ok openssl dgst -${hash,,} -verify rsa2048.pem -signature sig data
    ok p11 --verify --id 02 -m $hash-RSA-PKCS -i data --signature-file sig && has 'valid' out
    ok p11 --sign --id 02 -m $hash-RSA-PKCS-PSS -i data -o sig
    ok openssl dgst -${hash,,} -sigopt rsa_padding_mode:pss -verify rsa2048.pem -signature sig data
    ok p11 --sign --id 10 -m ECDSA-$hash --signature-format openssl -i data -o sig
    ok openssl dgst -${hash,,} -verify ec.pem -signature sig data
    ok p11 --sign --id 11 -m ECDSA-$hash --signature-format openssl -i data -o sig
    ok openssl dgst -${hash,,} -verify ec384.pem -signature sig data
done
openssl dgst -sha256 -binary data >digest
ok p11 --sign --id 10 -m ECDSA --signature-format openssl -i digest -o sig
ok openssl pkeyutl -verify -pubin -inkey ec.pem -in digest -sigfile sig
ok p11 --sign --id 02 -m RSA-PKCS-PSS --hash-algorithm SHA256 -i digest -o sig
ok openssl pkeyutl -verify -pubin -inkey rsa2048.pem -in digest -sigfile sig -pkeyopt rsa_padding_mode:pss -pkeyopt digest:sha256
head -c 256 /dev/zero | tr '\0' '\1' >block
ok p11 --sign --id 02 -m RSA-X-509 -i block -o sig
ok openssl pkeyutl -verifyrecover -pubin -inkey rsa2048.pem -in sig -pkeyopt rsa_padding_mode:none -out back && same block back

# decryption
echo "a secret" >plain
ok openssl pkeyutl -encrypt -pubin -inkey rsa2048.pem -in plain -out cipher
ok p11 --decrypt --id 02 -m RSA-PKCS -i cipher -o back && same plain back
for hash in SHA1 SHA224 SHA256 SHA384 SHA512; do
    ok openssl pkeyutl -encrypt -pubin -inkey rsa2048.pem -in plain -out cipher -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:${hash,,}
    mechanism=${hash/SHA1/SHA-1}
    ok p11 --decrypt --id 02 -m RSA-PKCS-OAEP --hash-algorithm "$mechanism" --mgf MGF1-$hash -i cipher -o back && same plain back
done

# ECDH with a key of OpenSSL: the peer's as DER, both sides' secrets are the same
ok openssl ecparam -genkey -name prime256v1 -noout -out peer.pem
openssl pkey -in peer.pem -pubout -outform DER -out peer.der
ok p11 --derive --id 10 -m ECDH1-DERIVE -i peer.der -o shared
ok openssl pkeyutl -derive -inkey peer.pem -peerkey ec.pem -out wanted && same shared wanted

# secret keys
ok p11 --keygen --key-type AES:32 --label aes --id 20 --session-rw
ok p11 --generate-random 64 -o random
[ "$(stat -c %s random)" = 64 ] && pass || fail "64 random bytes"
ok pkcs11-tool --module "$module" --hash -m SHA256 -i data -o out2 && { openssl dgst -sha256 -binary data >b; same out2 b; }

# objects: names, certificates, data
ok p11 --set-id 33 --type privkey --id 02
ok p11 -O --type privkey && has '33' out
ok p11 --set-id 02 --type privkey --id 33
ok openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -subj "/CN=A CA" -days 30
openssl x509 -in ca.pem -outform DER -out ca.der
ok p11 --write-object ca.der --type cert --label "a ca" --id 40
ok pkcs11-tool --module "$module" -O --type cert && has 'subject: *DN: CN=A CA' out
ok pkcs11-tool --module "$module" --read-object --type cert --id 40 -o back && same ca.der back
ok p11 --write-object data --type data --label "some data" --application-label test
ok p11 --read-object --type data --label "some data" -o back && same data back
ok p11 --delete-object --type data --label "some data"
ok p11 --delete-object --type cert --id 40
openssl rand -out aes.bin 32
ok p11 --write-object aes.bin --type secrkey --key-type AES:32 --label imported --id 41
ok p11 --delete-object --type secrkey --label imported

# PINs, destroying, starting anew
ok pkcs11-tool --module "$module" --login --pin $pin --change-pin --new-pin user-pin-2
bad 'CKR_PIN_INCORRECT' p11 -O
pin=user-pin-2
ok p11 -O
ok p11 --delete-object --type privkey --id 03
ok p11 -O --type privkey
grep -q rsa3072 out && fail "rsa3072 is still there" || pass
ok pkcs11-tool --module "$module" --init-token --slot 0 --label anew --so-pin $so
ok pkcs11-tool --module "$module" --login --login-type so --so-pin $so --init-pin --new-pin $pin
ok p11 -O
grep -q . out && grep -q label out && fail "objects survived: $(cat out)" || pass

# the user of C_InitPIN is the user of every program
export HUFU_USER_PIN=$pin
ok "$build/hufu" key generate --type sm2 --label shared
ok p11 -O --type privkey
grep -q shared out && pass || fail "no key of hufu: $(cat out)"
finish
