#!/usr/bin/env bash
# TLS servers and clients that others wrote, with keys of the device: a part for each row of docs/clients.md that has TLS.
. "$(dirname "$0")/openssl.lib"
. "$top/tests/clients/pkcs11.lib"
with_token "TLS clients"
write_conf
echo $pin >pin
for id in 01 02; do
    key=$([ $id = 01 ] && echo server || echo client)
    ok openssl genpkey -propquery provider=hufu -algorithm RSA -pkeyopt "hufu_label:$key" -pkeyopt hufu_id:$id -out "$key.pem"
    ok openssl req -x509 -key "$key.pem" -config <(printf '[req]\ndistinguished_name=n\n[n]\n') -subj "/CN=$key" \
        -addext subjectAltName=DNS:localhost -days 30 -out "$key.crt"
    ok openssl x509 -in "$key.crt" -outform DER -out "$key.der"
    ok p11 --write-object "$key.der" --type cert --label "$key" --id $id
done
# one that these programs do not know
ok openssl genpkey -propquery provider=hufu -algorithm SM2 -pkeyopt hufu_label:sm2 -out sm2.pem
OPENSSL_CONF=/dev/null ok openssl req -x509 -newkey rsa:2048 -nodes -keyout soft.key -out soft.crt -config "$dir/openssl.cnf" -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost
printf '[device]\nurl = %s\nsm2 = ec\n' "$HUFU_DEVICE" >ec.conf # libp11 stops at a type that it does not know
echo "what is served" >text
uri=pkcs11:token=hufu
engine=$(ls /usr/lib/*/engines-3/pkcs11.so 2>/dev/null | head -n 1)

# serve COMMAND...: a server in the background, on $port; ends with stop
serve() {
    "$@" >server.log 2>&1 &
    server=$!
    wait_port "$port" $server
}
stop() { kill $server 2>/dev/null && wait $server 2>/dev/null; }
# an ordinary server that asks for the client's key of the device
strict() {
    port=$(free_port)
    OPENSSL_CONF=/dev/null serve openssl s_server -accept "$port" -key soft.key -cert soft.crt -WWW -Verify 1 -CAfile client.crt -verify_return_error
}

with_curl() {
    need curl "curl" || return
    local get=(curl -sS --fail --cacert soft.crt)
    strict
    ok "${get[@]}" --cert client.crt --key client.pem "https://localhost:$port/text" && same out text
    bad . "${get[@]}" "https://localhost:$port/text"
    if [ -n "$engine" ]; then
        for cert in "--cert client.crt" "--cert-type ENG --cert $uri;object=client;type=cert"; do
            # shellcheck disable=SC2086
            HUFU_PKCS11_CONF=$dir/ec.conf PKCS11_MODULE_PATH=$module OPENSSL_CONF=/dev/null ok "${get[@]}" --engine pkcs11 $cert \
                --key-type ENG --key "$uri;object=client;type=private?pin-value=$pin" "https://localhost:$port/text" && same out text
        done
    else
        skip "curl: libengine-pkcs11-openssl is not installed"
    fi
    stop
}

with_stunnel() {
    need stunnel "stunnel" || return
    need curl "stunnel" || return
    local inside
    inside=$(free_port)
    (cd "$dir" && exec python3 -m http.server "$inside" --bind 127.0.0.1 >/dev/null 2>&1) &
    local http=$!
    wait_port "$inside" $http
    port=$(free_port)
    printf 'foreground = yes\npid =\n[tls]\naccept = 127.0.0.1:%s\nconnect = 127.0.0.1:%s\ncert = %s\nkey = %s\n' \
        "$port" "$inside" "$dir/server.crt" "$dir/server.pem" >stunnel.conf
    serve stunnel stunnel.conf
    ok curl -sS --fail --cacert server.crt "https://localhost:$port/text" && same out text
    ok curl -sS --fail --cacert server.crt --tls-max 1.2 "https://localhost:$port/text" && same out text
    stop
    if [ -n "$engine" ]; then
        port=$(free_port)
        printf 'engine = pkcs11\nengineCtrl = MODULE_PATH:%s\nengineCtrl = PIN:%s\nforeground = yes\npid =\n[tls]\nengineId = pkcs11
accept = 127.0.0.1:%s\nconnect = 127.0.0.1:%s\ncert = %s;object=server\nkey = %s;object=server\n' \
            "$module" $pin "$port" "$inside" $uri $uri >stunnel.conf
        HUFU_PKCS11_CONF=$dir/ec.conf OPENSSL_CONF=/dev/null serve stunnel stunnel.conf
        ok curl -sS --fail --cacert server.crt "https://localhost:$port/text" && same out text
        stop
    else
        skip "stunnel: libengine-pkcs11-openssl is not installed"
    fi
    kill $http && wait $http 2>/dev/null
}

with_gnutls() {
    need gnutls-cli "GnuTLS as client" || return
    strict
    for version in VERS-TLS1.2 VERS-TLS1.3; do
        ok bash -c "printf 'GET /text HTTP/1.0\r\n\r\n' | GNUTLS_PIN=$pin timeout 600 gnutls-cli --provider '$module' --priority 'NORMAL:-VERS-ALL:+$version' \
            --x509cafile soft.crt --x509keyfile '$uri;object=client;type=private' --x509certfile client.crt -p $port localhost"
        has 'what is served' out
    done
    stop
}

with_nss() {
    need certutil "NSS" || return
    need selfserv "the servers of NSS" || return
    grep -qs ' lo$' /proc/net/if_inet6 || { skip "NSS: selfserv and tstclnt want IPv6, which is not there"; return; }
    mkdir -p nss
    head -c 64 /dev/urandom >noise
    ok certutil -N -d sql:nss --empty-password
    ok modutil -force -dbdir sql:nss -add hufu -libfile "$module"
    # a certificate without a key of its type is not enough for NSS: it makes the pairs
    ok certutil -S -d sql:nss -h hufu -f pin -z noise -n nss-rsa -s CN=rsa -8 localhost -m 1 -x -t ,, -k rsa -g 2048
    ok certutil -S -d sql:nss -h hufu -f pin -z noise -n nss-ec -s CN=ec -8 localhost -m 2 -x -t ,, -k ec -q secp256r1
    for key in rsa ec; do ok certutil -L -d sql:nss -h hufu -n hufu:nss-$key -a -f pin && cat out >>nss.crt; done
    port=$(free_port)
    serve selfserv -d sql:nss -p "$port" -n hufu:nss-rsa -e hufu:nss-ec -w $pin -V tls1.2:tls1.3
    local client=(openssl s_client -connect "127.0.0.1:$port" -CAfile nss.crt -verify_return_error -brief)
    ok "${client[@]}"
    ok "${client[@]}" -tls1_2 -sigalgs ECDSA+SHA256 && has 'ECDSA' err
    ok "${client[@]}" -tls1_2 -cipher ECDHE-RSA-AES128-GCM-SHA256 && has 'RSA-PSS' err
    ok "${client[@]}" -tls1_2 -cipher AES128-GCM-SHA256 && has 'AES128-GCM' err # the device decrypts
    stop
    need tstclnt "the client of NSS" || return
    port=$(free_port)
    serve openssl s_server -accept "$port" -key soft.key -cert soft.crt -www -Verify 1 -CAfile nss.crt -verify_return_error
    for key in rsa ec; do
        ok timeout 600 tstclnt -h localhost -p "$port" -d sql:nss -o -Q -n hufu:nss-$key -w $pin -V tls1.2:tls1.2
        has "CN ?= ?$key" server.log
    done
    stop
}

with_java() {
    need keytool "Java" || return
    need javac "Java" || return
    printf 'name = hufu\nlibrary = %s\nslot = 0\n' "$module" >java.cfg
    # without -providerName the pair would be made in the process, and its value be stored
    kt() {
        timeout 600 keytool -storetype PKCS11 -providerClass sun.security.pkcs11.SunPKCS11 -providerArg java.cfg -providerName SunPKCS11-hufu \
            -storepass $pin "$@"
    }
    ok kt -genkeypair -alias java-rsa -keyalg RSA -keysize 2048 -dname CN=rsa -sigalg SHA256withRSA
    ok kt -genkeypair -alias java-ec -keyalg EC -groupname secp256r1 -dname CN=ec -sigalg SHA256withECDSA
    for id in 6a6176612d727361:rsa2048 6a6176612d6563:p256; do
        ok "$build/hufu" --pin-file pin key list
        has "^[0-9]+ +${id#*:} .* ${id%:*}\$" out # a key of the device
    done
    ok timeout 600 java "$top/tests/clients/Tls.java" java.cfg $pin
    has 'TLSv1.3' out
    has 'ECDHE_ECDSA' out
}

with_python() {
    need python3 "ssl of Python" || return
    cat >serve.py <<'END_OF_PYTHON'
import socket, ssl, threading
server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
server.load_cert_chain("server.crt", "server.pem")
listener = socket.create_server(("127.0.0.1", 0))
def serve():
    with server.wrap_socket(listener.accept()[0], server_side=True) as s:
        s.send(b"served")
threading.Thread(target=serve).start()
client = ssl.create_default_context(cafile="server.crt")
with client.wrap_socket(socket.create_connection(listener.getsockname()), server_hostname="localhost") as s:
    assert s.recv(10) == b"served"
END_OF_PYTHON
    ok timeout 600 python3 serve.py
}

# fetch URL: what is there comes by either version of TLS
fetch() {
    for version in 1.2 1.3; do
        ok curl -sS --fail --cacert server.crt --tlsv$version --tls-max $version "$1" && same out text
    done
}

with_haproxy() {
    need haproxy "haproxy" || return
    need curl "haproxy" || return
    port=$(free_port)
    cat server.crt server.pem >both.pem
    cat >haproxy.cfg <<END
defaults
    mode http
    timeout client 30s
frontend device
    bind 127.0.0.1:$port ssl crt $dir/both.pem
    http-request return status 200 content-type text/plain lf-file $dir/text
END
    serve haproxy -db -f haproxy.cfg
    fetch "https://localhost:$port/"
    stop
}

with_lighttpd() {
    need lighttpd "lighttpd" || return
    need curl "lighttpd" || return
    [ -e /usr/lib/lighttpd/mod_openssl.so ] || { skip "lighttpd: its mod_openssl is not installed"; return; }
    port=$(free_port)
    mkdir -p www && cp text www/
    printf '%s\n' "server.document-root = \"$dir/www\"" 'server.bind = "127.0.0.1"' "server.port = $port" 'server.modules = ("mod_openssl")' \
        'ssl.engine = "enable"' "ssl.pemfile = \"$dir/server.crt\"" "ssl.privkey = \"$dir/server.pem\"" >lighttpd.conf
    serve lighttpd -D -f lighttpd.conf
    fetch "https://localhost:$port/text"
    stop
}

# The server's key by the provider, the client's by PKCS#11; its PIN is typed.
with_openvpn() {
    need openvpn "OpenVPN" || return
    need python3 "OpenVPN" || return
    local id vpn=(openvpn --dev null --proto udp --verb 3)
    id=$(OPENSSL_CONF=/dev/null openvpn --show-pkcs11-ids "$module" 2>/dev/null | grep -A 3 CN=client | sed -n 's/.*Serialized id: *//p')
    for end in server client; do openssl x509 -in $end.crt -fingerprint -sha256 -noout | sed 's/.*=//' >$end.print; done
    port=$(free_port)
    "${vpn[@]}" --local 127.0.0.1 --lport "$port" --tls-server --dh none --cert server.crt --key server.pem \
        --peer-fingerprint "$(cat client.print)" >server.log 2>&1 &
    server=$!
    cat >typed.py <<'END_OF_PYTHON'
# PIN COMMAND...: types the PIN when it is asked for; ends well when both ends agree
import os, pty, signal, sys, termios, time
pid, fd = pty.fork()
if not pid:
    os.execvp(sys.argv[2], sys.argv[2:])
said, typed = b"", False
try:
    while b"Initialization Sequence Completed" not in said:
        said += os.read(fd, 4096)
        if b"Password:" in said and not typed:
            while termios.tcgetattr(fd)[3] & termios.ECHO: # it throws away what is typed before
                time.sleep(0.01)
            os.write(fd, sys.argv[1].encode() + b"\n")
            typed = True
except OSError:
    sys.exit(said.decode())
os.kill(pid, signal.SIGTERM)
END_OF_PYTHON
    OPENSSL_CONF=/dev/null ok timeout 600 python3 typed.py $pin "${vpn[@]}" --remote 127.0.0.1 "$port" --nobind --tls-client \
        --pkcs11-providers "$module" --pkcs11-id "$id" --peer-fingerprint "$(cat server.print)"
    stop
}

with_curl
with_stunnel
with_gnutls
with_nss
with_java
with_python
with_haproxy
with_lighttpd
with_openvpn
finish
