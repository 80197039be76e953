#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/base/wipe.h"
#include "firmware/crypto/ifma8/sm2_base.h"
#include "firmware/crypto/ifma8/sm2_check.h"
#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/ifma8/sm2_order.h"
#include "firmware/crypto/ifma8/sm2_verify.h"
#include "firmware/crypto/portable/portable.h"

enum {
    FAILED = 2
}; /* in ok: the lanes met equal or opposite points, the portable engine takes over */

static size_t align64(size_t n)
{
    return (n + 63) & ~(size_t)63;
}

/* Enough for any smaller number, too. */
static size_t scratch_size(size_t n)
{
    const size_t most = n < IFMA8_CHUNK ? n : IFMA8_CHUNK,
                 portable = align64(sm2_portable.scratch(1)),
                 verify = n <= 1 ? 0 : ifma8_verify_size(most), sums = ifma8_work_bound(most);
    const size_t mine = verify > sums ? verify : sums;
    return mine > portable ? mine : portable;
}

static void set_ok(uint8_t *ok, unsigned rows, __mmask8 good)
{
    for (unsigned i = 0; i < rows; i++)
        ok[i] = (good >> i) & 1;
}

static unsigned rows_of(size_t n, size_t group)
{
    return n - 8 * group < 8 ? (unsigned)(n - 8 * group) : 8;
}

/* Mark the failed items in ok, beside what it says. */
static void mark_failed(uint8_t *ok, size_t n, const __mmask8 *failed)
{
    for (size_t i = 0; i < n; i++)
        if (failed[i / 8] >> (i % 8) & 1)
            ok[i] |= FAILED;
}

static void keygen_chunk(size_t n, const uint8_t (*k)[32], uint8_t (*pub)[64], uint8_t *ok,
                         void *scratch)
{
    const struct ifma8_rows rows = {k[0], 32, NULL};
    struct ifma8_work w;
    __mmask8 any = 0;

    ifma8_work_place(&w, scratch, n);
    ifma8_base_mul(&w, n, &rows, 1, 1);
    for (size_t g = 0; 8 * g < n; g++) {
        lanes x[4], y[4];
        ifma8_fe_plain(x, &w.point[g].x);
        ifma8_fe_plain(y, &w.point[g].y);
        ifma8_store_block(pub + 8 * g, rows_of(n, g), x, y, w.valid[g]);
        set_ok(ok + 8 * g, rows_of(n, g), w.valid[g]);
        any |= w.failed[g];
    }
    if (any)
        mark_failed(ok, n, w.failed);
    wipe(scratch, ifma8_work_size(n));
    for (size_t i = 0; i < n && any; i++)
        if (ok[i] & FAILED)
            sm2_portable.keygen(1, k + i, pub + i, ok + i, scratch);
}

static void keygen(size_t n, const uint8_t (*k)[32], uint8_t (*pub)[64], uint8_t *ok, void *scratch)
{
    while (n > 0) {
        const size_t chunk = ifma8_chunk(n);
        keygen_chunk(chunk, k, pub, ok, scratch);
        k += chunk;
        pub += chunk;
        ok += chunk;
        n -= chunk;
    }
}

struct sign_job {
    const struct sm2_sign_key *const *key;
    const uint8_t (*e)[32];
    const uint8_t (*k)[32];
    uint8_t (*sig)[64];
    uint8_t *ok;
};

/* GB/T 32918.2 clause 6.1, A5 to A6, from x of [k]G: r = e + x, s = (1 + d)^-1 (k + r) - r. The
 * lanes where neither r, r + k nor s is 0. */
static __mmask8 sign_lanes(lanes *rw, lanes *sw, const struct lane_fe *x, const struct lane_fe *e,
                           const struct lane_fe *k, const struct lane_fe *inverse)
{
    struct lane_fe r, s;

    for (int i = 0; i < 5; i++)
        r.v[i] = lanes_add(e->v[i], x->v[i]);
    fe_clean(&r);
    ifma8_order_reduce(&r, &r);
    ifma8_order_add(&s, &r, k);
    __mmask8 bad = ifma8_order_zero(&r) | ifma8_order_zero(&s);
    ifma8_order_mul(&s, &s, inverse);
    ifma8_order_sub(&s, &s, &r);
    bad |= ifma8_order_zero(&s);
    fe_to_words(rw, &r);
    fe_to_words(sw, &s);
    return (__mmask8)~bad;
}

static void load_number(struct lane_fe *r, const uint8_t *first, size_t group, size_t n)
{
    const struct ifma8_rows rows = {first, 32, NULL};
    lanes w[4];

    ifma8_load_group(w, &rows, group, n);
    fe_from_words(r, w);
}

static void load_inverses(struct lane_fe *r, const struct sm2_sign_key *const *key, size_t group,
                          size_t n)
{
    const uint8_t *p[8];
    lanes w[4];

    for (size_t i = 0; i < 8; i++)
        p[i] = key[ifma8_item(NULL, 8 * group + i, n)]->inv;
    ifma8_load_rows(w, p);
    fe_from_words(r, w);
}

static void sign_group(const struct sign_job *j, size_t group, size_t n,
                       const struct lane_fe *point_x, __mmask8 valid)
{
    const unsigned rows = rows_of(n, group);
    struct lane_fe x, e, k, inverse;
    lanes w[4], s[4];

    ifma8_fe_plain(w, point_x);
    fe_from_words(&x, w);
    load_number(&e, j->e[0], group, n);
    load_number(&k, j->k[0], group, n);
    (void)ifma8_order_range(&k, 0);
    load_inverses(&inverse, j->key, group, n);
    valid &= sign_lanes(w, s, &x, &e, &k, &inverse);
    ifma8_store_block(j->sig + 8 * group, rows, w, s, valid);
    set_ok(j->ok + 8 * group, rows, valid);
    wipe(&k, sizeof k);
    wipe(&inverse, sizeof inverse);
}

static void sign_chunk(size_t n, const struct sign_job *j, void *scratch)
{
    const struct ifma8_rows rows = {j->k[0], 32, NULL};
    struct ifma8_work w;
    __mmask8 any = 0;

    ifma8_work_place(&w, scratch, n);
    ifma8_base_mul(&w, n, &rows, 0, 0);
    for (size_t g = 0; 8 * g < n; g++) {
        sign_group(j, g, n, &w.point[g].x, w.valid[g]);
        any |= w.failed[g];
    }
    if (any)
        mark_failed(j->ok, n, w.failed);
    wipe(scratch, ifma8_work_size(n));
    for (size_t i = 0; i < n && any; i++)
        if (j->ok[i] & FAILED)
            sm2_portable.sign(1, j->key + i, j->e + i, j->k + i, j->sig + i, j->ok + i, scratch);
}

static void sign(size_t n, const struct sm2_sign_key *const *key, const uint8_t (*e)[32],
                 const uint8_t (*k)[32], uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    struct sign_job j = {key, e, k, sig, ok};

    while (n > 0) {
        const size_t chunk = ifma8_chunk(n);
        sign_chunk(chunk, &j, scratch);
        j.key += chunk;
        j.e += chunk;
        j.k += chunk;
        j.sig += chunk;
        j.ok += chunk;
        n -= chunk;
    }
}

/* One alone has its scratch on a stack (SM2_SCRATCH_ONE), too little for the tables of the lanes.
 */
static void verify(size_t n, const uint8_t *const *pub, const uint8_t (*e)[32],
                   const uint8_t (*sig)[64], uint8_t *ok, void *scratch)
{
    (n == 1 ? sm2_portable.verify : ifma8_verify)(n, pub, e, sig, ok, scratch);
}

const struct sm2_ops sm2_ifma8 = {.name = "ifma8",
                                  .scratch = scratch_size,
                                  .keygen = keygen,
                                  .sign = sign,
                                  .verify = verify,
                                  .check = ifma8_check};

#endif
