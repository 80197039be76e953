#include "bench/compare.h"

#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <openssl/rand.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/engine.h"
#include "firmware/crypto/sm2.h"

enum { MOST = 4096, KEYS = 8 };

/* Around what the lanes work on together, and one by one. */
static const size_t sizes[] = {2048, 1, 4096, 8, 512, 9, 1025, 64, 3000, 20, 129};

/* One engine's side. */
struct side_of {
    const struct sm2_ops *sm2;
    uint8_t pub[MOST][64], sig[MOST][64], good[MOST], signs[MOST];
    void *scratch;
};

struct part {
    pthread_t thread;
    struct comparison done;
    uint8_t k[MOST][32], e[MOST][32];
    struct sm2_sign_key key[KEYS];
    const struct sm2_sign_key *keys[MOST];
    struct side_of lanes, portable;
    EC_GROUP *group;
};

static void random_fill(void *p, size_t n)
{
    if (RAND_bytes(p, (int)n) != 1)
        bench_die("OpenSSL", "no random bytes");
}

static const struct engine *portable_engine(void)
{
    const struct options o = {.engine = "portable"};
    return bench_engine(&o);
}

static void open_side(struct side_of *s, const struct engine *engine)
{
    size_t most = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
        most = engine->sm2->scratch(sizes[i]) > most ? engine->sm2->scratch(sizes[i]) : most;
    s->sm2 = engine->sm2;
    s->scratch = bench_alloc(most);
}

static void work(struct side_of *s, const struct part *p, size_t n)
{
    s->sm2->keygen(n, p->k, s->pub, s->good, s->scratch);
    s->sm2->sign(n, p->keys, p->e, p->k, s->sig, s->signs, s->scratch);
}

/* The first pair of the batch: it differs from OpenSSL's. */
static bool openssl_differs(const struct part *p)
{
    uint8_t point[65] = {0};
    BIGNUM *d = BN_bin2bn(p->k[0], 32, NULL);
    EC_POINT *q = EC_POINT_new(p->group);
    const bool made = d && q && EC_POINT_mul(p->group, q, d, NULL, NULL, NULL) &&
                      EC_POINT_point2oct(p->group, q, POINT_CONVERSION_UNCOMPRESSED, point,
                                         sizeof point, NULL) == sizeof point;
    EC_POINT_free(q);
    BN_free(d);
    return p->lanes.good[0] && (!made || memcmp(point + 1, p->lanes.pub[0], 64));
}

static void compare_batch(struct part *p, size_t n)
{
    const struct side_of *a = &p->lanes, *b = &p->portable;
    random_fill(p->k, n * 32);
    random_fill(p->e, n * 32);
    for (size_t i = 0; i < KEYS; i++) {
        uint8_t d[32];
        do
            random_fill(d, sizeof d);
        while (sm2_sign_key(&p->key[i], d));
    }
    work(&p->lanes, p, n);
    work(&p->portable, p, n);
    for (size_t i = 0; i < n; i++)
        p->done.differ += a->good[i] != b->good[i] || a->signs[i] != b->signs[i] ||
                          memcmp(a->pub[i], b->pub[i], 64) || memcmp(a->sig[i], b->sig[i], 64);
    p->done.differ += openssl_differs(p);
    p->done.openssl++;
}

static void *run_part(void *arg)
{
    struct part *p = arg;
    size_t left = p->done.pairs;
    for (size_t i = 0; left; i++) {
        const size_t size = sizes[i % (sizeof sizes / sizeof *sizes)],
                     n = size < left ? size : left;
        compare_batch(p, n);
        left -= n;
    }
    return NULL;
}

static struct part *open_part(const struct options *o, size_t pairs)
{
    struct part *p = bench_alloc(sizeof *p);
    p->done.pairs = pairs;
    for (size_t i = 0; i < MOST; i++)
        p->keys[i] = &p->key[i % KEYS];
    open_side(&p->lanes, bench_engine(o));
    open_side(&p->portable, portable_engine());
    p->group = EC_GROUP_new_by_curve_name(NID_sm2);
    if (!p->group)
        bench_die("OpenSSL", "no SM2");
    if (pthread_create(&p->thread, NULL, run_part, p))
        bench_die("threads", "cannot start another one");
    return p;
}

static void close_part(struct part *p, struct comparison *all)
{
    pthread_join(p->thread, NULL);
    all->pairs += p->done.pairs;
    all->openssl += p->done.openssl;
    all->differ += p->done.differ;
    EC_GROUP_free(p->group);
    free(p->lanes.scratch);
    free(p->portable.scratch);
    free(p);
}

bool compare(const struct options *o)
{
    struct part *part[64];
    struct comparison all = {0};
    if (bench_engine(o) == portable_engine()) {
        report_absent(o, "comparison of the engines", "there is only the portable one");
        return true;
    }
    const double start = now_seconds();
    for (unsigned i = 0; i < o->threads; i++)
        part[i] = open_part(o, o->compare / o->threads + (i < o->compare % o->threads));
    for (unsigned i = 0; i < o->threads; i++)
        close_part(part[i], &all);
    all.seconds = now_seconds() - start;
    report_comparison(o, &all);
    return all.differ == 0;
}
