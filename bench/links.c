/*
 * hufu-bench --link URL: what a link that is there already carries. Round trips of a short command,
 * the largest command and answer, and batches; no peers, for the link is what is measured.
 * tests/links/links.py --bench brings the links of this tree up and calls it for each.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "host/lib/hufu.h"

enum { ROUNDS = 5, SIGNATURES = 16384, PAIRS = 8192, CALLS_MAX = 1 << 18 };
enum { INS_INFO = 0x02, INS_RANDOM = 0x08, INS_DIGEST = 0x86, DIGEST_HEAD = 9 };

struct link {
    struct hufu_device *device;
    struct hufu_session *session;
    struct hufu_info info;
    double seconds; /* of a round */
    uint32_t handle;
    uint8_t *digests, *signatures;
};

struct found {
    double trips, p50_us, p99_us, sign_us; /* round trips a second; of one; of a single signature */
    double signatures, pairs;              /* a second, in batches */
    size_t command, answer;                /* bytes of data at most */
};

static void must(enum hufu_status s, const char *what)
{
    if (s != HUFU_OK)
        bench_die(what, hufu_last_error());
}

static int compare(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Units a second: the median of the rounds. */
static double rate(struct link *l, double (*call)(struct link *))
{
    double of[ROUNDS];
    for (int i = 0; i < ROUNDS; i++) {
        const double start = now_seconds();
        double units = 0, spent;
        do {
            units += call(l);
            spent = now_seconds() - start;
        } while (spent < l->seconds);
        of[i] = units / spent;
    }
    qsort(of, ROUNDS, sizeof *of, compare);
    return of[ROUNDS / 2];
}

/* ------------------------------------------------------------------ what is called */

static double call_info(struct link *l)
{
    uint8_t answer[512];
    size_t size = sizeof answer;
    must(hufu_command(l->device, 0, INS_INFO, NULL, 0, answer, &size), "round trip");
    return 1;
}

static double call_sign(struct link *l)
{
    const struct hufu_signing how = {.scheme = HUFU_SIGN_SM2};
    size_t size = HUFU_SIGNATURE_MAX;
    must(hufu_sign(l->session, l->handle, &how, l->digests, 32, l->signatures, &size), "signing");
    return 1;
}

static size_t sign_count(const struct link *l)
{
    return l->info.frame_max < 65536 ? 60 : SIGNATURES;
}

static double call_sign_batch(struct link *l)
{
    const struct hufu_signing how = {.scheme = HUFU_SIGN_SM2};
    const size_t n = sign_count(l);
    must(hufu_sign_batch(l->session, l->handle, &how, l->digests, 32, n, l->signatures, 64, NULL),
         "signing");
    return (double)n;
}

static int take_chunk(void *context, const struct hufu_key_chunk *chunk)
{
    (void)context, (void)chunk;
    return 0;
}

static double call_key_batch(struct link *l)
{
    const struct hufu_batch batch = {.type = HUFU_KEY_SM2,
                                     .usage = HUFU_USAGE_SIGN | HUFU_USAGE_EXPORT_WRAPPED,
                                     .total = l->info.frame_max < 65536 ? 40 : PAIRS};
    uint64_t made;
    must(hufu_key_batch(l->session, &batch, take_chunk, NULL, &made), "key batch");
    return (double)made;
}

/* ------------------------------------------------------------------ the largest */

static bool takes_command(struct link *l, uint8_t *data, size_t n)
{
    uint8_t digest[80];
    size_t size = sizeof digest;
    memset(data, 0, n);
    data[0] = HUFU_DIGEST_SM3; /* no key, no ID: the rest is hashed */
    return hufu_command(l->device, 0, INS_DIGEST, data, n, digest, &size) == HUFU_OK;
}

static bool gives_answer(struct link *l, uint8_t *data, size_t n)
{
    const uint8_t count[4] = {(uint8_t)(n >> 24), (uint8_t)(n >> 16), (uint8_t)(n >> 8),
                              (uint8_t)n};
    size_t size = HUFU_FRAME_MAX;
    return hufu_command(l->device, 0, INS_RANDOM, count, sizeof count, data, &size) == HUFU_OK;
}

static size_t largest(struct link *l, bool (*works)(struct link *, uint8_t *, size_t))
{
    uint8_t *data = bench_alloc(HUFU_FRAME_MAX + 1);
    size_t good = DIGEST_HEAD, bad = HUFU_FRAME_MAX + 1;
    while (bad - good > 1) {
        const size_t middle = good + (bad - good) / 2;
        if (works(l, data, middle))
            good = middle;
        else
            bad = middle;
    }
    free(data);
    return good;
}

/* ------------------------------------------------------------------ one link */

static void percentiles(struct link *l, struct found *f)
{
    double *us = bench_alloc(CALLS_MAX * sizeof *us);
    size_t n = 0;
    const double end = now_seconds() + l->seconds;
    for (double last = now_seconds(); n < CALLS_MAX && last < end; n++) {
        call_info(l);
        const double t = now_seconds();
        us[n] = (t - last) * 1e6;
        last = t;
    }
    qsort(us, n, sizeof *us, compare);
    f->p50_us = us[n / 2];
    f->p99_us = us[n * 99 / 100];
    free(us);
}

static void open_link(struct link *l, const char *url)
{
    static const struct hufu_init init = {.retries = 5,
                                          .label = "bench",
                                          .admin_pin = "bench-admin",
                                          .operator_pin = "bench-operator",
                                          .user_pin = "bench-user"};
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = "bench"};
    must(hufu_open(&l->device, url), "device");
    must(hufu_info(l->device, &l->info), "device information");
    if (l->info.state == HUFU_STATE_BLANK)
        must(hufu_device_init(l->device, &init, NULL), "initialisation");
    must(hufu_session_open(l->device, &l->session), "session");
    must(hufu_login(l->session, HUFU_ACCOUNT_USER, "bench-user", 10, NULL), "log-in");
    must(hufu_key_generate(l->session, &spec, &l->handle, NULL, NULL), "key generation");
    l->digests = bench_alloc(SIGNATURES * 32);
    l->signatures = bench_alloc(SIGNATURES * 64 + HUFU_SIGNATURE_MAX);
    must(hufu_random(l->device, l->digests, sign_count(l) * 32), "random bytes");
}

static void close_link(struct link *l)
{
    hufu_object_destroy(l->session, l->handle);
    hufu_session_close(l->session);
    hufu_close(l->device);
    free(l->digests);
    free(l->signatures);
}

static void measure_link(struct link *l, struct found *f)
{
    call_info(l);
    f->trips = rate(l, call_info);
    percentiles(l, f);
    f->command = largest(l, takes_command);
    f->answer = largest(l, gives_answer);
    f->sign_us = 1e6 / rate(l, call_sign);
    f->signatures = rate(l, call_sign_batch);
    f->pairs = rate(l, call_key_batch);
}

static const char table_head[] =
    "| link | round trips/s | p50 us | p99 us | largest command | largest answer | SM2 signature "
    "us | "
    "signatures/s, batch | key pairs/s, batch |\n|---|---|---|---|---|---|---|---|---|\n";

static void links_run(const struct options *o, const char *name, const char *url)
{
    struct link l = {.seconds = o->seconds / (4 * ROUNDS)};
    struct found f;
    open_link(&l, url);
    measure_link(&l, &f);
    close_link(&l);
    if (o->json)
        printf("{\"case\":\"link.%s\",\"trips_per_s\":%.0f,\"p50_us\":%.1f,\"p99_us\":%.1f,"
               "\"largest_command\":%zu,\"largest_answer\":%zu,\"sm2_sign_us\":%.1f,"
               "\"sm2_sign_batch_per_s\":%.0f,\"sm2_keygen_batch_per_s\":%.0f}\n",
               name, f.trips, f.p50_us, f.p99_us, f.command, f.answer, f.sign_us, f.signatures,
               f.pairs);
    else
        printf("%s| %s | %.0f | %.0f | %.0f | %zu | %zu | %.0f | %.0f | %.0f |\n", table_head, name,
               f.trips, f.p50_us, f.p99_us, f.command, f.answer, f.sign_us, f.signatures, f.pairs);
    fflush(stdout);
}

/* NAME=URL, or a URL, whose name is its beginning. */
void link_measure(const struct options *o, const char *text)
{
    const char *equals = strchr(text, '='), *colon = strchr(text, ':');
    const bool named = equals && (!colon || equals < colon);
    const char *end = named ? equals : colon;
    char name[64];
    snprintf(name, sizeof name, "%.*s", end ? (int)(end - text) : 0, text);
    links_run(o, name, named ? equals + 1 : text);
}
