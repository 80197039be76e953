#!/usr/bin/env bash
# Programs that others wrote, with keys of the device through PKCS#11: one part for each row of docs/clients.md.
. "$(dirname "$0")/openssl.lib"
. "$top/tests/clients/pkcs11.lib"
with_token "PKCS#11 clients"
ok p11 --keypairgen --key-type RSA:2048 --label server --id 01
ok p11 --keypairgen --key-type EC:prime256v1 --label ec --id 02
echo "what is signed" >data
uri="pkcs11:token=hufu"

with_gnutls() {
    need p11tool "GnuTLS" || return
    ok p11tool --provider "$module" --list-tokens && has 'pkcs11:.*token=hufu' out
    export GNUTLS_PIN=$pin GNUTLS_SO_PIN=$so
    ok p11tool --provider "$module" --list-all "$uri" && has 'object=server;type=public' out
    ok p11tool --provider "$module" --login --list-all "$uri" && has 'object=server;type=private' out
    ok p11tool --provider "$module" --login --generate-ecc --curve secp384r1 --label gnutls "$uri"
    ok p11tool --provider "$module" --login --generate-rsa --bits 2048 --label gnutls-rsa "$uri"
    for key in server ec gnutls gnutls-rsa; do
        ok p11tool --provider "$module" --login --test-sign "$uri;object=$key;type=private"
    done
    ok p11tool --provider "$module" --login --export-pubkey "$uri;object=server;type=public" --outfile server.pub
    ok openssl pkey -pubin -in server.pub -noout
    need certtool "certtool of GnuTLS" || return
    printf 'cn = "server"\ndns_name = localhost\nexpiration_days = 30\ntls_www_server\nsigning_key\nencryption_key\n' >template
    for key in server ec; do
        ok certtool --provider "$module" --generate-self-signed --template template --load-privkey "$uri;object=$key;type=private" \
            --load-pubkey "$uri;object=$key;type=public" --outfile $key.pem
        ok openssl verify -CAfile $key.pem $key.pem
        ok p11tool --provider "$module" --login --write --load-certificate $key.pem --label $key --id "0$([ $key = server ] && echo 1 || echo 2)" "$uri"
        ok p11tool --provider "$module" --export "$uri;object=$key;type=cert" --outfile back.pem && has 'BEGIN CERTIFICATE' back.pem
    done
    # a root that the SO vouches for
    ok p11tool --provider "$module" --so-login --batch --write --mark-trusted --load-certificate server.pem --label root "$uri"
    ok p11tool --provider "$module" --list-all-trusted "$uri" && has 'Label: root' out
    ok p11tool --provider "$module" --so-login --batch --delete "$uri;object=root"
    need gnutls-serv "a TLS server with GnuTLS" || return
    for key in server ec; do
        port=$(free_port)
        gnutls-serv --provider "$module" --x509keyfile "$uri;object=$key;type=private" --x509certfile $key.pem -p "$port" --http >serv.log 2>&1 &
        pid=$!
        wait_port "$port" $pid
        ok bash -c "printf 'GET / HTTP/1.0\r\n\r\n' | timeout 600 openssl s_client -quiet -no_ign_eof -verify_return_error -CAfile $key.pem -servername localhost -connect 127.0.0.1:$port"
        kill $pid && wait $pid 2>/dev/null
    done
}

with_openssh() {
    need ssh-keygen "OpenSSH" || return
    ok ssh-keygen -D "$module"
    grep -c '^ssh-rsa\|^ecdsa-sha2' out >n; [ "$(cat n)" -ge 2 ] && pass || fail "ssh-keygen lists $(cat n) keys"
    grep '^ssh-rsa' out | head -n 1 >id.pub
    need ssh-agent "the agent of OpenSSH" || return
    printf '#!/bin/sh\necho %s\n' $pin >askpass
    chmod 755 askpass
    eval "$(ssh-agent -P "$module")" >/dev/null
    ok env SSH_ASKPASS="$dir/askpass" SSH_ASKPASS_REQUIRE=force DISPLAY=:0 ssh-add -s "$module"
    ok ssh-add -L && has '^ssh-rsa' out
    ok ssh-keygen -Y sign -f id.pub -n file data
    ok bash -c 'ssh-keygen -Y check-novalidate -n file -s data.sig <data'
    ssh-agent -k >/dev/null
}

with_engine() {
    local so
    so=$(ls /usr/lib/*/engines-3/pkcs11.so 2>/dev/null | head -n 1)
    [ -n "$so" ] || { skip "libengine-pkcs11-openssl is not installed"; return; }
    cat >engine.cnf <<END
openssl_conf = init
[init]
engines = engines
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = $so
MODULE_PATH = $module
PIN = $pin
init = 0
[req]
distinguished_name = dn
[dn]
END
    for key in server ec; do
        ok env OPENSSL_CONF=engine.cnf openssl req -engine pkcs11 -keyform engine -key "$uri;object=$key" -new -x509 -days 30 -subj "/CN=engine" -out engine.pem
        ok openssl verify -CAfile engine.pem engine.pem
        ok env OPENSSL_CONF=engine.cnf openssl dgst -sha256 -engine pkcs11 -keyform engine -sign "$uri;object=$key" -out sig data
        openssl x509 -in engine.pem -pubkey -noout >engine.pub
        ok openssl dgst -sha256 -verify engine.pub -signature sig data
    done
    calls_back "$so"
    openssl pkeyutl -encrypt -pubin -inkey <(p11 --read-object --type pubkey --id 01 2>/dev/null | openssl pkey -pubin -inform DER) -in data -out cipher 2>/dev/null
    ok env OPENSSL_CONF=engine.cnf openssl pkeyutl -engine pkcs11 -keyform engine -inkey "$uri;object=server" -decrypt -in cipher -out back && same data back
}

# The module uses libcrypto, and this libcrypto uses the module, for all that it does: through the engine as the default
# for every algorithm, and through the provider, which is its generator, too. Nobody may wait for himself.
calls_back() {
    cat >back.cnf <<END
openssl_conf = init
[init]
engines = engines
providers = providers
random = random
[engines]
pkcs11 = pkcs11
[pkcs11]
engine_id = pkcs11
dynamic_path = $1
MODULE_PATH = $module
PIN = $pin
default_algorithms = ALL
init = 1
[providers]
default = default_provider
hufu = hufu_provider
[default_provider]
activate = 1
[hufu_provider]
module = $build/hufu.so
activate = 1
[random]
random = HUFU-RAND
[req]
distinguished_name = dn
[dn]
END
    printf '%s\n' $pin >back.pin
    export OPENSSL_CONF=back.cnf HUFU_PIN_FILE=back.pin
    ok timeout 600 openssl rand -hex 32
    ok timeout 600 openssl dgst -sha256 -engine pkcs11 -keyform engine -sign "$uri;object=server" -out sig data
    ok timeout 600 openssl req -engine pkcs11 -keyform engine -key "$uri;object=ec" -new -x509 -days 30 -subj "/CN=back" -out back.pem
    ok timeout 600 openssl pkey -in "hufu:label=server" -pubout
    unset OPENSSL_CONF HUFU_PIN_FILE
    openssl x509 -in engine.pem -pubkey -noout >engine.pub
}

with_nss() {
    need modutil "NSS" || return
    mkdir -p nssdb
    printf '%s\n' $pin >nss.pin
    : >nss.empty
    ok certutil -N -d sql:nssdb --empty-password
    ok modutil -force -dbdir sql:nssdb -add hufu -libfile "$module"
    ok modutil -dbdir sql:nssdb -list && has 'token: hufu' out
    ok certutil -K -d sql:nssdb -h hufu -f nss.pin
    head -c 64 /dev/urandom >noise
    ok certutil -S -d sql:nssdb -h hufu -f nss.pin -z noise -n nss-ca -s "CN=NSS CA" -x -t ",," -k rsa -g 2048
    ok certutil -L -d sql:nssdb -h hufu -n hufu:nss-ca -a -f nss.pin && cp out nss.pem
    ok openssl verify -CAfile nss.pem nss.pem
}

with_java() {
    need keytool "Java" || return
    cat >java.cfg <<END
name = hufu
library = $module
slot = 0
attributes(*, CKO_SECRET_KEY, *) = {
  CKA_SENSITIVE = false
  CKA_EXTRACTABLE = true
}
END
    kt() { timeout 600 keytool -storetype PKCS11 -providerClass sun.security.pkcs11.SunPKCS11 -providerArg java.cfg -storepass $pin "$@"; }
    ok kt -genkeypair -alias java-rsa -keyalg RSA -keysize 2048 -dname "CN=java" -sigalg SHA256withRSA
    ok kt -genkeypair -alias java-ec -keyalg EC -groupname secp256r1 -dname "CN=java" -sigalg SHA256withECDSA
    ok kt -list && has 'java-rsa, PrivateKeyEntry' out && has 'java-ec, PrivateKeyEntry' out
    ok kt -certreq -alias java-rsa -file java.csr
    ok openssl req -in java.csr -verify -noout
    cat >Try.java <<'END'
import java.security.*;
import java.security.spec.*;
import javax.crypto.*;
import javax.crypto.spec.*;
public class Try {
    static void sign(KeyStore ks, Provider p, String alias, String alg, AlgorithmParameterSpec spec, char[] pin) throws Exception {
        Signature s = Signature.getInstance(alg, p);
        if (spec != null) s.setParameter(spec);
        s.initSign((PrivateKey) ks.getKey(alias, pin));
        s.update("data".getBytes());
        byte[] sig = s.sign();
        Signature v = Signature.getInstance(alg);
        if (spec != null) v.setParameter(spec);
        v.initVerify(ks.getCertificate(alias).getPublicKey());
        v.update("data".getBytes());
        if (!v.verify(sig)) throw new Exception(alg);
    }
    public static void main(String[] a) throws Exception {
        Provider p = Security.getProvider("SunPKCS11").configure(a[0]);
        Security.addProvider(p);
        char[] pin = a[1].toCharArray();
        KeyStore ks = KeyStore.getInstance("PKCS11", p);
        ks.load(null, pin);
        for (String h : new String[] {"SHA1", "SHA224", "SHA256", "SHA384", "SHA512"}) {
            sign(ks, p, "java-rsa", h + "withRSA", null, pin);
            sign(ks, p, "java-ec", h + "withECDSA", null, pin);
        }
        sign(ks, p, "java-rsa", "RSASSA-PSS", new PSSParameterSpec("SHA-256", "MGF1", MGF1ParameterSpec.SHA256, 32, 1), pin);
        KeyPairGenerator g = KeyPairGenerator.getInstance("EC", p);
        g.initialize(new ECGenParameterSpec("secp256r1"));
        KeyPair x = g.generateKeyPair(), y = g.generateKeyPair();
        KeyAgreement ka = KeyAgreement.getInstance("ECDH", p), kb = KeyAgreement.getInstance("ECDH", p);
        ka.init(x.getPrivate()); ka.doPhase(y.getPublic(), true);
        kb.init(y.getPrivate()); kb.doPhase(x.getPublic(), true);
        if (!MessageDigest.isEqual(ka.generateSecret(), kb.generateSecret())) throw new Exception("ECDH");
        Cipher c = Cipher.getInstance("RSA/ECB/PKCS1Padding", p);
        c.init(Cipher.ENCRYPT_MODE, ks.getCertificate("java-rsa").getPublicKey());
        byte[] e = c.doFinal("secret".getBytes());
        c.init(Cipher.DECRYPT_MODE, (PrivateKey) ks.getKey("java-rsa", pin));
        if (!new String(c.doFinal(e)).equals("secret")) throw new Exception("RSA");
        KeyGenerator kg = KeyGenerator.getInstance("AES", p);
        kg.init(256);
        SecretKey k = kg.generateKey();
        Cipher aes = Cipher.getInstance("AES/GCM/NoPadding", p);
        aes.init(Cipher.ENCRYPT_MODE, k, new GCMParameterSpec(128, new byte[12]));
        byte[] t = aes.doFinal("text".getBytes());
        aes.init(Cipher.DECRYPT_MODE, k, new GCMParameterSpec(128, new byte[12]));
        if (!new String(aes.doFinal(t)).equals("text")) throw new Exception("AES");
        Mac mac = Mac.getInstance("HmacSHA256", p);
        mac.init(new SecretKeySpec("key".getBytes(), "HmacSHA256"));
        Mac soft = Mac.getInstance("HmacSHA256", "SunJCE");
        soft.init(new SecretKeySpec("key".getBytes(), "HmacSHA256"));
        if (!MessageDigest.isEqual(mac.doFinal("m".getBytes()), soft.doFinal("m".getBytes()))) throw new Exception("HMAC");
        System.out.println("all good");
        System.exit(0);
    }
}
END
    ok timeout 600 java Try.java java.cfg $pin && has 'all good' out
}

with_python() {
    python3 -c 'import PyKCS11' 2>/dev/null || /usr/bin/python3 -c 'import PyKCS11' 2>/dev/null || { skip "PyKCS11 is not installed"; return; }
    cat >try.py <<'END'
import sys, PyKCS11
lib = PyKCS11.PyKCS11Lib()
lib.load(sys.argv[1])
s = lib.openSession(lib.getSlotList(tokenPresent=True)[0], PyKCS11.CKF_SERIAL_SESSION | PyKCS11.CKF_RW_SESSION)
s.login(sys.argv[2])
key = s.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PRIVATE_KEY), (PyKCS11.CKA_LABEL, "server")])[0]
pub = s.findObjects([(PyKCS11.CKA_CLASS, PyKCS11.CKO_PUBLIC_KEY), (PyKCS11.CKA_LABEL, "server")])[0]
m = PyKCS11.Mechanism(PyKCS11.CKM_SHA256_RSA_PKCS, None)
assert s.verify(pub, b"data", s.sign(key, b"data", m), m)
assert len(s.generateRandom(16)) == 16
s.logout()
s.closeSession()
END
    local py=python3
    python3 -c 'import PyKCS11' 2>/dev/null || py=/usr/bin/python3
    ok $py try.py "$module" $pin
}

# A zone of DNSSEC whose keys are in the device
with_knot() {
    need kzonesign "Knot DNS" || return
    mkdir -p knot
    cat >knot/knot.conf <<END
database:
    storage: "$dir/knot"
keystore:
  - id: device
    backend: pkcs11
    config: "pkcs11:token=hufu;pin-value=$pin $module"
policy:
  - id: device
    keystore: device
    algorithm: ecdsap256sha256
  - id: rsa
    keystore: device
    algorithm: rsasha256
    zsk-size: 2048
zone:
  - domain: example.test
    storage: "$dir/knot"
    file: "%s"
    dnssec-signing: on
    dnssec-policy: device
  - domain: rsa.test
    storage: "$dir/knot"
    file: "%s"
    dnssec-signing: on
    dnssec-policy: rsa
END
    local zone
    for zone in example.test rsa.test; do
        printf '%s. 3600 IN SOA ns.%s. host.%s. 1 3600 600 86400 300\n%s. IN NS ns.%s.\nns.%s. IN A 192.0.2.1\n' \
            $zone $zone $zone $zone $zone $zone >knot/$zone
        mkdir -p knot/signed
        ok kzonesign -c knot/knot.conf -o knot/signed $zone
        ok grep -q RRSIG knot/signed/$zone
        if command -v dnssec-verify >/dev/null; then
            ok dnssec-verify -o $zone knot/signed/$zone
        else
            skip "dnssec-verify is not installed"
        fi
    done
    ok p11 -O --type privkey && [ "$(grep -c 'Private Key Object' out)" -ge 4 ] && pass || fail "keys of Knot: $(cat out)"
}

# p11-kit reads no configuration of root's own: there, somebody else has to ask.
as_user() {
    if [ "$(id -u)" = 0 ]; then
        setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
    else
        "$@"
    fi
}

with_p11kit() {
    need p11-kit "p11-kit" || return
    mkdir -p config/pkcs11/modules
    sed "s|^module:.*|module: $module|" "$top/host/pkcs11/hufu.module" >config/pkcs11/modules/hufu.module
    chmod 755 . device
    chmod 666 device/hufu.sock
    chmod -R a+rX config
    if ! as_user test -r "$module" || ! as_user test -r "$dir/config/pkcs11/modules/hufu.module"; then
        skip "p11-kit: another user cannot read $module or $dir"
        return
    fi
    ok as_user env HOME="$dir" XDG_CONFIG_HOME="$dir/config" p11-kit list-modules && has 'token: hufu' out
    ok as_user env HOME="$dir" XDG_CONFIG_HOME="$dir/config" p11tool --list-tokens && has 'token=hufu' out
}

# Its test makes what this token refuses, too: 512 and 768 bits of DSA, and GOST.
with_opendnssec() {
    need ods-hsmutil "OpenDNSSEC" || return
    cat >hsm.xml <<END
<Configuration><RepositoryList><Repository name="hufu"><Module>$module</Module>
<TokenLabel>hufu</TokenLabel><PIN>$pin</PIN></Repository></RepositoryList></Configuration>
END
    ok ods-hsmutil -c hsm.xml generate hufu rsa 2048
    ok ods-hsmutil -c hsm.xml generate hufu ecdsa 256
    ok ods-hsmutil -c hsm.xml generate hufu dsa 1024
    ok ods-hsmutil -c hsm.xml list && has 'RSA/2048' out && has 'ECDSA/256' out && has 'DSA/1024' out
    ods-hsmutil -c hsm.xml test hufu >hsm.log 2>&1
    ok test "$(grep -c 'Generating.*Failed' hsm.log)" -le 3
    ok test "$(grep -c 'Deleting key... OK' hsm.log)" -ge 9
}

with_gnutls
with_openssh
with_engine
with_p11kit
with_nss
with_python
with_knot
with_opendnssec
with_java
finish
