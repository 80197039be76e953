#!/usr/bin/env bash
# make bench-web: TLS handshakes a second that nginx makes with an RSA-2048 key of the device and with one in a file, and the
# time of processors that one costs the servers. Nothing is resumed; the client (wrk) and the device run on the same machine.
# The two keys take turns; the best of three.
. "$(dirname "$0")/../tests/clients/openssl.lib"
PATH=$PATH:/usr/sbin
for program in openssl nginx wrk; do
    command -v $program >/dev/null || { echo "$program is not installed"; exit 1; }
done
write_conf
echo user-pin >pin
start_device setsid || exit 1 # as a service: Linux divides the processors among sessions first
HUFU_DEVICE=unix:$dir/device/hufu.sock HUFU_ADMIN_PIN=admin-pin HUFU_OPERATOR_PIN=operator-pin HUFU_USER_PIN=user-pin \
    "$build/hufu" init --label web -q
mkdir -p www t
echo "what is served" >www/index.html
openssl genpkey -propquery provider=hufu -algorithm RSA -pkeyopt hufu_label:web -out device.pem
openssl genpkey -algorithm RSA -out file.pem 2>/dev/null
for key in device file; do
    openssl req -x509 -key $key.pem -config <(printf '[req]\ndistinguished_name=n\n[n]\n') -subj /CN=$key -out $key.crt
done
device_port=$(free_port) file_port=$(free_port)

# ticks PID...: that they have used
ticks() {
    for pid in "$@"; do cut -d' ' -f14,15 <(sed 's/(.*)/-/' "/proc/$pid/stat"); done | awk '{n += $1 + $2} END {print n}'
}
# measure KEY PORT: adds "KEY rate microseconds" to runs
measure() {
    local workers before after
    workers=$(pgrep -P "$(cat pid)" | tr '\n' ' ')
    # shellcheck disable=SC2086
    before=$(ticks $sim $workers)
    wrk -t 2 -c 32 -d "${SECONDS_EACH:-3}s" -H "Connection: close" "https://127.0.0.1:$2/" >wrk.txt
    # shellcheck disable=SC2086
    after=$(ticks $sim $workers)
    awk -v key="$1" -v ticks=$((after - before)) -v hz="$(getconf CLK_TCK)" '
        /requests in/ { n = $1 } /Requests\/sec/ { rate = $2 } /Socket errors/ { print > "/dev/stderr" }
        END { printf "%s %.0f %.0f\n", key, rate, ticks * 1000000 / hz / n }' wrk.txt >>runs
}
best() { awk -v key="$1" -v column="$2" '$1 == key && (!n++ || (column == 2 ? $2 > b : $3 < b)) { b = $column } END { print b }' runs; }

printf '| workers of nginx | device: handshakes/s | file | device / file | device: us of processor each | file |\n|---|---|---|---|---|---|\n'
for workers in 2 8 16; do
    cat >nginx.conf <<END
$([ "$(id -u)" = 0 ] && echo "user root;")
worker_processes $workers;
pid pid;
error_log error.log;
events { worker_connections 512; }
http {
    access_log off;
    client_body_temp_path t; proxy_temp_path t; fastcgi_temp_path t; uwsgi_temp_path t; scgi_temp_path t;
    ssl_session_cache none; ssl_session_tickets off; ssl_protocols TLSv1.2 TLSv1.3;
    root $dir/www;
    server { listen 127.0.0.1:$device_port ssl; ssl_certificate device.crt; ssl_certificate_key device.pem; }
    server { listen 127.0.0.1:$file_port ssl; ssl_certificate file.crt; ssl_certificate_key file.pem; }
}
END
    nginx -p "$dir" -e error.log -c nginx.conf || { cat error.log; exit 1; }
    wait_port "$file_port" $$
    SECONDS_EACH=1 measure warm "$device_port" # every worker opens its link and logs in
    : >runs
    for _ in 1 2 3; do
        measure device "$device_port"
        measure file "$file_port"
    done
    nginx -p "$dir" -e error.log -c nginx.conf -s quit 2>/dev/null
    while [ -e pid ]; do sleep 0.1; done
    awk -v w=$workers -v d="$(best device 2)" -v f="$(best file 2)" -v du="$(best device 3)" -v fu="$(best file 3)" \
        'BEGIN { printf "| %d | %d | %d | %.2f | %d | %d |\n", w, d, f, d / f, du, fu }'
done
