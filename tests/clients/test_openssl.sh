#!/usr/bin/env bash
# Every use of OpenSSL's program that docs/openssl.md promises, with RSA, SM2 and EC keys of a fresh simulator.
. "$(dirname "$0")/openssl.lib"
if ! command -v openssl >/dev/null; then
    skip "openssl is not installed"
    finish
    exit
fi
write_conf
cat >>openssl.cnf <<'END'
[req]
distinguished_name = name
prompt = no
[name]
CN = Test CA
[ca_extensions]
basicConstraints = critical,CA:true
subjectKeyIdentifier = hash
[tsa_extensions]
extendedKeyUsage = critical,timeStamping
[tsa]
serial = tsa.serial
default_policy = 1.2.3.4
digests = sha256, sha512
signer_digest = sha256
[ca]
default_ca = issuer
[issuer]
database = db/index
new_certs_dir = db
serial = db/serial
crlnumber = db/crlnumber
default_md = default
policy = anything
default_days = 30
default_crl_days = 30
[anything]
commonName = supplied
END
echo user-pin >pin
start_device || exit 1
HUFU_DEVICE=unix:$dir/device/hufu.sock HUFU_ADMIN_PIN=admin-pin HUFU_OPERATOR_PIN=operator-pin HUFU_USER_PIN=user-pin \
    ok "$build/hufu" init --label "test token"
echo "the quick brown fox" >text
openssl dgst -sha256 -binary text >text.sha256
openssl dgst -sm3 -binary text >text.sm3
make=(openssl genpkey -propquery provider=hufu)

# ---------------------------------------------------------------- making and naming keys
ok "${make[@]}" -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -pkeyopt hufu_label:rsa -out rsa.pem
ok "${make[@]}" -algorithm SM2 -pkeyopt hufu_label:sm2 -pkeyopt hufu_id:0123456789 -out sm2.pem
ok "${make[@]}" -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt hufu_label:ec -out ec.pem
ok "${make[@]}" -algorithm EC -pkeyopt group:P-384 -pkeyopt hufu_label:ec384 -out ec384.pem
ok "${make[@]}" -algorithm RSA -pkeyopt hufu_label:plain -pkeyopt hufu_usage:sign,decrypt -out plain.pem
# as the manuals have it
ok openssl genrsa -propquery provider=hufu -out genrsa.pem 2048
has 'BEGIN HUFU KEY URI' genrsa.pem
ok "${make[@]}" -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -pkeyopt ec_param_enc:named_curve -out ecparam.pem
ok openssl ecparam -propquery provider=hufu -name prime256v1 -genkey -noout -out ecparam.pem
has 'BEGIN HUFU KEY URI' ecparam.pem
bad 'names, not parameters' "${make[@]}" -algorithm EC -pkeyopt ec_param_enc:explicit
bad 'two primes' "${make[@]}" -algorithm RSA -pkeyopt rsa_keygen_primes:3
bad 'not a curve' "${make[@]}" -algorithm EC -pkeyopt ec_paramgen_curve:P-521
has 'BEGIN HUFU KEY URI' rsa.pem
bad '2048, 3072 and 4096' "${make[@]}" -algorithm RSA -pkeyopt rsa_keygen_bits:1024
bad '65537' "${make[@]}" -algorithm RSA -pkeyopt rsa_keygen_pubexp:3
bad 'hexadecimal' "${make[@]}" -algorithm SM2 -pkeyopt hufu_id:xyz
bad 'words of sign' "${make[@]}" -algorithm SM2 -pkeyopt hufu_usage:everything
# the provider alone makes keys, too
OPENSSL_CONF=/dev/null OPENSSL_MODULES=$build HUFU_DEVICE=unix:$dir/device/hufu.sock HUFU_PIN_FILE=$dir/pin \
    ok openssl genpkey -provider hufu -algorithm SM2 -pkeyopt hufu_label:alone -out alone.pem
serial=$("$build/hufu" --device "unix:$dir/device/hufu.sock" info --json | sed -n 's/.*"serial": "\(.*\)".*/\1/p')
for key in rsa sm2 ec ec384; do
    ok openssl pkey -in $key.pem -pubout -out $key.pub
    for uri in "hufu:label=$key" "hufu:object=$key;type=private" "pkcs11:object=$key;type=private" \
        "pkcs11:token=test%20token;object=$key" "hufu:serial=$serial;label=$key" \
        "hufu:label=$key?pin-value=user-pin" "pkcs11:object=$key?pin-source=file:$dir/pin"; do
        ok openssl pkey -in "$uri" -pubout -out uri.pub
        same uri.pub $key.pub
    done
    ok openssl pkey -in $key.pem -text -noout
    has 'Key of a Hufu device' out
    bad . openssl pkey -in $key.pem -outform DER -out private.der
    ok openssl pkey -in $key.pem -out again.pem
    same again.pem $key.pem
    ok openssl "$([ $key = rsa ] && echo rsa || echo ec)" -in $key.pem -out again.pem
    same again.pem $key.pem
done
ok openssl pkey -in 'hufu:id=%01%23%45%67%89' -pubout -out uri.pub
same uri.pub sm2.pub
ok openssl pkey -pubin -in 'hufu:label=sm2;type=public' -pubout -out uri.pub
same uri.pub sm2.pub
bad 'no key of this URI' openssl pkey -in hufu:label=nothing -pubout
bad 'no key of this URI' openssl pkey -in 'pkcs11:token=other;object=rsa' -pubout
bad 'wrong or not known' openssl pkey -in 'hufu:colour=red' -pubout
ok openssl storeutl -noout -text hufu:
has 'Total found: 10' out # ecparam makes two
HUFU_PIN=wrong-pin bad 'PIN' env HUFU_PIN_FILE=/nonexistent openssl pkey -in hufu:label=rsa -pubout
HUFU_DEVICE=unix:$dir/nobody bad 'cannot reach' openssl pkey -in hufu:label=rsa -pubout
HUFU_DEVICE=unix:$dir/nobody bad 'cannot reach' openssl storeutl hufu:
bad 'no key or certificate' openssl storeutl hufu:label=nothing
# without the device, what needs no key of it works
HUFU_DEVICE=unix:$dir/nobody ok openssl req -x509 -newkey rsa:2048 -nodes -keyout soft.key -out soft.crt -subj /CN=soft
HUFU_DEVICE=unix:$dir/nobody ok openssl cms -sign -signer soft.crt -inkey soft.key -in text -out message
# keys of software are the default provider's as before
ok openssl genpkey -algorithm RSA -out soft.pem
has 'BEGIN PRIVATE KEY' soft.pem
ok openssl genpkey -algorithm SM2 -out soft-sm2.pem
ok openssl dgst -sm3 -sign soft-sm2.pem -out signature text

# ---------------------------------------------------------------- signing, decrypting
for md in sha224 sha256 sha384 sha512 sha512-256 sha3-256; do
    ok openssl dgst -$md -sign rsa.pem -out signature text
    ok openssl dgst -$md -verify rsa.pub -signature signature text
done
for key in ec ec384; do
    for md in sha224 sha256 sha384 sha512 sha3-256; do
        ok openssl dgst -$md -sign $key.pem -out signature text
        ok openssl dgst -$md -verify $key.pub -signature signature text
    done
    bad . openssl dgst -sha256 -verify $key.pub -signature signature text
    ok openssl pkeyutl -sign -inkey $key.pem -in text.sha256 -pkeyopt digest:sha256 -out signature
    ok openssl pkeyutl -verify -inkey $key.pem -in text.sha256 -sigfile signature
    ok openssl pkeyutl -verify -pubin -inkey $key.pub -in text.sha256 -sigfile signature
done
for key in rsa ec ec384; do # of old peers
    for md in sha1 md5; do
        ok openssl dgst -$md -sign $key.pem -out signature text
        ok openssl dgst -$md -verify $key.pub -signature signature text
    done
done
signs_pss() { # KEY DIGEST OPTION...
    local pss=(-"$2" -sigopt rsa_padding_mode:pss) option
    for option in "${@:3}"; do pss+=(-sigopt "$option"); done
    ok openssl dgst "${pss[@]}" -sign "$1.pem" -out signature text
    ok openssl dgst "${pss[@]}" -verify "$1.pub" -signature signature text
}
for salt in digest max 0 20 auto; do
    signs_pss rsa sha384 rsa_pss_saltlen:$salt
done
# what the device does not pad is padded here, for keys that may do the bare operation
signs_pss rsa sha256 rsa_mgf1_md:sha1
signs_pss rsa sha256 rsa_mgf1_md:sha512 rsa_pss_saltlen:max
signs_pss rsa sha1
signs_pss rsa sha512-256
bad 'does not permit' openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_mgf1_md:sha1 -sign plain.pem text
bad 'too long' openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:223 -sign rsa.pem text
for id in "" 1234567812345678 ALICE123@YAHOO.COM; do
    option=(${id:+-sigopt "distid:$id"})
    ok openssl dgst -sm3 -sign sm2.pem "${option[@]}" -out signature text
    ok openssl dgst -sm3 -verify sm2.pub "${option[@]}" -signature signature text
    bad . openssl dgst -sm3 -verify sm2.pub -sigopt distid:other -signature signature text
done
bad 'SM3' openssl dgst -sha256 -sign sm2.pem -out signature text
sed 's/^device = /distid = 1234567812345678\n&/' openssl.cnf >distid.cnf
OPENSSL_CONF=$dir/distid.cnf ok openssl dgst -sm3 -sign sm2.pem -out signature text
ok openssl dgst -sm3 -verify sm2.pub -sigopt distid:1234567812345678 -signature signature text

ok openssl pkeyutl -sign -inkey rsa.pem -in text.sha256 -pkeyopt digest:sha256 -out signature
ok openssl pkeyutl -verify -inkey rsa.pem -in text.sha256 -pkeyopt digest:sha256 -sigfile signature
ok openssl pkeyutl -verify -pubin -inkey rsa.pub -in text.sha256 -pkeyopt digest:sha256 -sigfile signature
ok openssl pkeyutl -verifyrecover -inkey rsa.pem -in signature -pkeyopt digest:sha256 -out recovered
same recovered text.sha256
bad 'no digest of' openssl pkeyutl -sign -inkey rsa.pem -in text -pkeyopt digest:sha256 -out signature
ok openssl pkeyutl -sign -inkey sm2.pem -in text.sm3 -out signature
ok openssl pkeyutl -verify -pubin -inkey sm2.pub -in text.sm3 -sigfile signature
bad . openssl pkeyutl -verify -pubin -inkey sm2.pub -in text.sha256 -sigfile signature
ok openssl pkeyutl -sign -inkey sm2.pem -rawin -digest sm3 -in text -out signature

decrypts() { # KEY OPTION...
    local key=$1
    shift
    ok openssl pkeyutl -encrypt -pubin -inkey "$key.pub" -in text -out cipher "$@"
    ok openssl pkeyutl -decrypt -inkey "$key.pem" -in cipher -out plain "$@"
    same plain text
    ok openssl pkeyutl -encrypt -inkey "$key.pem" -in text -out cipher "$@"
    ok openssl pkeyutl -decrypt -inkey "$key.pem" -in cipher -out plain "$@"
    same plain text
}
decrypts rsa
decrypts rsa -pkeyopt rsa_padding_mode:oaep
decrypts rsa -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256
decrypts rsa -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha512 -pkeyopt rsa_oaep_label:6c6162656c
decrypts rsa -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha256 -pkeyopt rsa_mgf1_md:sha1
decrypts rsa -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha1 -pkeyopt rsa_mgf1_md:sha512 -pkeyopt rsa_oaep_label:6c6162656c
decrypts rsa -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_oaep_md:sha512-256
bad 'decryption failed' openssl pkeyutl -decrypt -inkey rsa.pem -in cipher -pkeyopt rsa_padding_mode:oaep -pkeyopt rsa_mgf1_md:sha512
decrypts sm2
# the bare operation
{ printf '\1'; head -c 255 /dev/urandom; } >number
ok openssl rsautl -sign -raw -inkey rsa.pem -in number -out signature
ok openssl rsautl -verify -raw -pubin -inkey rsa.pub -in signature -out plain
same plain number
ok openssl pkeyutl -encrypt -pubin -inkey rsa.pub -in number -out raw.cipher -pkeyopt rsa_padding_mode:none
ok openssl pkeyutl -decrypt -inkey rsa.pem -in raw.cipher -out plain -pkeyopt rsa_padding_mode:none
same plain number
bad 'does not permit' openssl pkeyutl -decrypt -inkey plain.pem -in raw.cipher -out plain -pkeyopt rsa_padding_mode:none
bad 'without padding: 256 bytes, not 14' openssl rsautl -sign -raw -inkey rsa.pem -in <(printf '14 bytes of it') -out signature
python3 -B "$top/tests/system/flip.py" cipher flipped 0x28
bad . openssl pkeyutl -decrypt -inkey sm2.pem -in flipped -out plain

# ---------------------------------------------------------------- deriving
for key in ec ec384; do
    ok openssl genpkey -algorithm EC -pkeyopt "group:$([ "$key" = ec ] && echo P-256 || echo P-384)" -out peer.pem
    ok openssl pkey -in peer.pem -pubout -out peer.pub
    ok openssl pkeyutl -derive -inkey $key.pem -peerkey peer.pub -out secret
    ok openssl pkeyutl -derive -inkey peer.pem -peerkey $key.pub -out secret.peer
    same secret secret.peer
done
bad 'not on the curve|different parameters' openssl pkeyutl -derive -inkey ec.pem -peerkey peer.pub
ok "${make[@]}" -algorithm EC -pkeyopt hufu_label:signs -pkeyopt hufu_usage:sign -out signs.pem
bad . openssl pkeyutl -derive -inkey signs.pem -peerkey ec.pub

# ---------------------------------------------------------------- certificates
md_of() { [ "$1" = sm2 ] && echo sm3 || echo sha256; }
for key in rsa sm2 ec; do
    md=$(md_of $key)
    for how in $key.pem "hufu:label=$key;type=private"; do
        ok openssl req -new -key "$how" -$md -subj "/C=CN/ST=Zhejiang/O=Hufu/CN=$key.example" -out $key.csr
        ok openssl req -in $key.csr -verify -noout
    done
    ok openssl req -x509 -key $key.pem -$md -extensions ca_extensions -subj "/CN=CA $key" -out ca-$key.crt
    ok openssl verify -check_ss_sig -CAfile ca-$key.crt ca-$key.crt
    ok openssl x509 -in ca-$key.crt -noout -text
done
sm2id=(-sigopt distid:1234567812345678)
ok openssl req -new -key sm2.pem -sm3 "${sm2id[@]}" -out id.csr
ok openssl req -in id.csr -verify -noout -vfyopt distid:1234567812345678
ok openssl req -x509 -key rsa.pem -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest -sha512 -out pss.crt
ok openssl verify -check_ss_sig -CAfile pss.crt pss.crt

for ca in rsa sm2 ec; do
    md=$(md_of $ca)
    for key in rsa sm2 ec; do
        ok openssl x509 -req -in $key.csr -CA ca-$ca.crt -CAkey $ca.pem -$md -days 30 -out leaf.crt
        ok openssl verify -CAfile ca-$ca.crt leaf.crt
    done
    rm -rf db && mkdir db && : >db/index && echo 01 >db/serial && echo 01 >db/crlnumber
    issuer=(-cert "ca-$ca.crt" -keyfile "hufu:label=$ca;type=private" -md "$md")
    for key in rsa sm2 ec; do
        ok openssl ca -batch -notext "${issuer[@]}" -in $key.csr -out $key.crt
        ok openssl verify -CAfile ca-$ca.crt $key.crt
    done
    ok openssl ca "${issuer[@]}" -revoke rsa.crt
    ok openssl ca "${issuer[@]}" -gencrl -out list.crl
    ok openssl crl -in list.crl -CAfile ca-$ca.crt -noout
    bad 'revoked' openssl verify -crl_check -CRLfile list.crl -CAfile ca-$ca.crt rsa.crt
    ok openssl verify -crl_check -CRLfile list.crl -CAfile ca-$ca.crt sm2.crt
    responder=(-index db/index -CA "ca-$ca.crt" -rsigner "ca-$ca.crt" -rkey "$ca.pem" -rmd "$md")
    for key in rsa sm2 ec; do
        ok openssl ocsp -issuer ca-$ca.crt -cert $key.crt -reqout request -no_nonce
        ok openssl ocsp "${responder[@]}" -reqin request -respout response
        ok openssl ocsp -respin response -CAfile ca-$ca.crt -issuer ca-$ca.crt -cert $key.crt
        has "$key.crt: $([ $key = rsa ] && echo revoked || echo good)" out
    done
done

# ---------------------------------------------------------------- certificates on the device
if command -v pkcs11-tool >/dev/null && [ -e "$build/hufu-pkcs11.so" ]; then
    tool=(env HUFU_DEVICE="unix:$dir/device/hufu.sock" pkcs11-tool --module "$build/hufu-pkcs11.so" --login --pin user-pin)
    for key in rsa ec; do
        ok openssl x509 -in ca-$key.crt -outform DER -out ca.der
        ok "${tool[@]}" --write-object ca.der --type cert --label $key
        for uri in "hufu:label=$key" "pkcs11:object=$key;type=cert"; do
            ok openssl x509 -in "$uri" -out stored.crt
            same stored.crt ca-$key.crt
        done
        ok openssl storeutl "hufu:label=$key"
        has '^0: Pkey$' out
        has '^1: Certificate$' out
        ok openssl dgst -sha256 -sign "hufu:label=$key" -out signature text # the key of that name
    done
    ok openssl storeutl -noout -certs hufu:
    has 'Total found: 2' out
    ok openssl storeutl -noout -keys 'pkcs11:object=ec'
    has 'Total found: 1' out
    bad 'no certificate of this URI' openssl x509 -in 'hufu:label=sm2;type=cert'
    ok openssl verify -CAstore 'pkcs11:type=cert' ca-rsa.crt
    ok openssl req -x509 -key sm2.pem -sm3 -extensions ca_extensions -subj '/CN=CA sm2' -out sm2.crt
    bad 'verification failed' openssl verify -CAstore 'pkcs11:type=cert' sm2.crt
    # who knows no PIN sees what is public
    grep -v pin-file openssl.cnf >nopin.cnf
    OPENSSL_CONF=$dir/nopin.cnf ok openssl x509 -in 'hufu:label=ec' -out stored.crt
    same stored.crt ca-ec.crt
    HUFU_PIN=wrong-pin ok openssl x509 -in 'hufu:label=ec' -out stored.crt
    OPENSSL_CONF=$dir/nopin.cnf bad 'no PIN' openssl pkey -in 'hufu:label=ec' -pubout
    ok openssl pkey -in hufu:label=ec -noout # the right PIN, so that it is not locked
else
    skip "certificates on the device: opensc is not installed, or the module was not built"
fi

# ---------------------------------------------------------------- ts, cms
ok openssl req -x509 -key rsa.pem -extensions tsa_extensions -out tsa.crt
ok openssl ts -query -data text -sha256 -cert -out query
ok openssl ts -reply -section tsa -queryfile query -inkey rsa.pem -signer tsa.crt -out reply
ok openssl ts -verify -queryfile query -in reply -CAfile tsa.crt
for option in "" -keyopt; do
    pss=(${option:+$option rsa_padding_mode:pss}) oaep=(${option:+$option rsa_padding_mode:oaep})
    ok openssl cms -sign -signer ca-rsa.crt -inkey rsa.pem "${pss[@]}" -in text -binary -out message
    ok openssl cms -verify -CAfile ca-rsa.crt -in message -binary -out plain
    same plain text
    ok openssl cms -encrypt -aes256 -binary -in text -out message -recip ca-rsa.crt "${oaep[@]}"
    ok openssl cms -decrypt -recip ca-rsa.crt -inkey 'pkcs11:object=rsa;type=private' -in message -out plain
    same plain text
done
ok openssl cms -sign -signer ca-ec.crt -inkey ec.pem -in text -binary -out message
ok openssl cms -verify -CAfile ca-ec.crt -in message -binary -out plain
ok openssl cms -encrypt -aes256 -binary -in text -out message -recip ca-ec.crt
ok openssl cms -decrypt -recip ca-ec.crt -inkey ec.pem -in message -out plain
same plain text
ok openssl smime -sign -signer ca-rsa.crt -inkey rsa.pem -in text -out message
ok openssl smime -verify -CAfile ca-rsa.crt -in message

# ---------------------------------------------------------------- TLS
# tls NAME SERVER-KEY SERVER-CERT CA OPTION...: s_client talks to s_server
tls() {
    local key=$1 cert=$2 ca=$3 port
    shift 3
    port=$(free_port)
    openssl s_server -accept "$port" -key "$key" -cert "$cert" -www -naccept 2 "$@" >server.log 2>&1 &
    local server=$!
    wait_port "$port" $server
    ok openssl s_client -connect "127.0.0.1:$port" -CAfile "$ca" -verify_return_error -brief "${client[@]}"
    kill $server 2>/dev/null
    wait $server 2>/dev/null
}
client=()
ok openssl x509 -req -in rsa.csr -CA ca-rsa.crt -CAkey rsa.pem -days 30 -out rsa.crt
tls rsa.pem ca-rsa.crt ca-rsa.crt -tls1_3
has 'TLSv1.3' err
tls 'hufu:label=rsa;type=private' ca-rsa.crt ca-rsa.crt -tls1_2
has 'TLSv1.2' err
# the device decrypts the premaster secret
tls rsa.pem ca-rsa.crt ca-rsa.crt -tls1_2 -cipher AES128-GCM-SHA256
has 'AES128-GCM-SHA256' err
for version in tls1_2 tls1_3; do
    tls ec.pem ca-ec.crt ca-ec.crt -$version
    has 'ECDSA|ecdsa' err # 3.0 and 3.5 write it so
done
# the client proves itself by a device's key
ok openssl req -x509 -newkey rsa:2048 -nodes -keyout soft.key -out soft.crt -subj /CN=soft
client=(-key rsa.pem -cert ca-rsa.crt)
tls soft.key soft.crt soft.crt -Verify 1 -CAfile ca-rsa.crt -verify_return_error

# ---------------------------------------------------------------- the device's generator
ok openssl rand -hex 32
sed 's/^\[init\]/&\nrandom = random/' openssl.cnf >random.cnf
printf '[random]\nrandom = HUFU-RAND\n' >>random.cnf
OPENSSL_CONF=$dir/random.cnf ok openssl rand -hex 32
cp out first
OPENSSL_CONF=$dir/random.cnf ok openssl rand -hex 32
if cmp -s out first; then fail "the same random numbers twice"; else pass; fi
sed -i 's/^random = HUFU-RAND/seed = HUFU-RAND/' random.cnf
OPENSSL_CONF=$dir/random.cnf ok openssl rand -hex 32

# ---------------------------------------------------------------- the device goes away and comes back
port=$(free_port)
openssl s_server -accept "$port" -key rsa.pem -cert ca-rsa.crt -www -quiet >server.log 2>&1 &
server=$!
wait_port "$port" $server
ok openssl s_client -connect "127.0.0.1:$port" -brief
stop_device
bad . openssl s_client -connect "127.0.0.1:$port" -brief
start_device || exit 1
ok openssl s_client -connect "127.0.0.1:$port" -brief
kill $server
wait $server 2>/dev/null
finish
