#include "tests/lib/ifma8_probe.h"

#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8
#include "firmware/crypto/ifma8/rsa_spread.h"
#include "firmware/crypto/ifma8/sm2_field.h"
#include "firmware/crypto/ifma8/sm2_order.h"
#include "firmware/crypto/ifma8/sm2_sum.h"
#include "firmware/crypto/ifma8/sm2_table.h"

#include <string.h>

static void get(struct lane_fe *r, probe_fe a)
{
    for (int i = 0; i < 5; i++)
        r->v[i] = _mm512_set_epi64(a[7][i], a[6][i], a[5][i], a[4][i], a[3][i], a[2][i], a[1][i],
                                   a[0][i]);
}

static void put(probe_fe r, const struct lane_fe *a)
{
    _Alignas(64) int64_t t[8];
    for (int i = 0; i < 5; i++) {
        _mm512_store_si512(t, a->v[i]);
        for (int j = 0; j < 8; j++)
            r[j][i] = t[j];
    }
}

static int apply(enum probe_op op, struct lane_fe *r, const struct lane_fe *a,
                 const struct lane_fe *b, const struct lane_fe *c)
{
    lanes w[4];

    switch (op) {
    case PROBE_MUL:
        fe_mul(r, a, b);
        break;
    case PROBE_SQR:
        fe_sqr(r, a);
        break;
    case PROBE_MUL_ADD:
        fe_mul_add(r, a, b, c);
        fe_clean(r);
        break;
    case PROBE_SQR_ADD:
        fe_sqr_add(r, a, c);
        fe_clean(r);
        break;
    case PROBE_SUB:
        fe_sub(r, a, b);
        break;
    case PROBE_SHRINK:
        *r = *a;
        fe_shrink(r);
        break;
    case PROBE_WORDS:
        fe_to_words(w, a);
        fe_from_words(r, w);
        break;
    case PROBE_INVERT:
        return ifma8_fe_invert(r, a);
    case PROBE_ORDER_MUL:
        ifma8_order_mul(r, a, b);
        break;
    case PROBE_ORDER_ADD:
        ifma8_order_add(r, a, b);
        break;
    case PROBE_ORDER_SUB:
        ifma8_order_sub(r, a, b);
        break;
    case PROBE_ORDER_REDUCE:
        ifma8_order_reduce(r, a);
        break;
    case PROBE_RECODE_260:
        ifma8_order_recode(r, a, IFMA8_SPAN_WIDE);
        break;
    case PROBE_RECODE_259:
        ifma8_order_recode(r, a, IFMA8_SPAN_SMALL);
        break;
    case PROBE_RECODE_280:
        ifma8_order_recode(r, a, IFMA8_SPAN_SPREAD);
        break;
    }
    return 1;
}

int probe_fe_op(enum probe_op op, probe_fe r, probe_fe a, probe_fe b, probe_fe c)
{
    struct lane_fe la, lb, lc, lr;

    get(&la, a);
    get(&lb, b);
    get(&lc, c);
    const int ok = apply(op, &lr, &la, &lb, &lc);
    put(r, &lr);
    return ok;
}

void probe_plain(probe_words r, probe_fe a)
{
    _Alignas(64) uint64_t t[8];
    struct lane_fe la;
    lanes w[4];

    get(&la, a);
    ifma8_fe_plain(w, &la);
    for (int i = 0; i < 4; i++) {
        _mm512_store_si512(t, w[i]);
        for (int j = 0; j < 8; j++)
            r[j][i] = t[j];
    }
}

void probe_enter(probe_fe r, probe_words a)
{
    struct lane_fe la;
    lanes w[4];

    for (int i = 0; i < 4; i++) {
        _Alignas(64) uint64_t t[8];
        for (int j = 0; j < 8; j++)
            t[j] = a[j][i];
        w[i] = _mm512_load_si512(t);
    }
    ifma8_fe_enter(&la, w);
    put(r, &la);
}

unsigned probe_range(probe_fe a, uint64_t less)
{
    struct lane_fe la;

    get(&la, a);
    return ifma8_order_range(&la, less);
}

int probe_sum(const uint8_t k[32], unsigned groups, unsigned blocks)
{
    static const struct ifma8_table wide = {ifma8_wide[0][0], IFMA8_WIDE, IFMA8_WIDE_WINDOWS};
    static struct ifma8_point point[64];
    static struct lane_fe scalar[64];
    const struct ifma8_rows rows = {k, 0, NULL};
    lanes w[4];

    if (groups * blocks > 64)
        return -1;
    for (unsigned i = 0; i < groups; i++) {
        struct lane_fe a;
        ifma8_load_group(w, &rows, 0, 8);
        fe_from_words(&a, w);
        ifma8_order_recode(&scalar[i], &a, IFMA8_SPAN_WIDE);
    }
    return ifma8_sum(point, &wide, scalar, groups, blocks, 1, NULL) != 0;
}

void probe_spread_carry(uint64_t a[5][8])
{
    lanes x[5];
    memcpy(x, a, sizeof x);
    rsa8_spread_carry(x);
    memcpy(a, x, sizeof x);
}

unsigned probe_spread_power(uint8_t m[8][128], uint8_t a[8][128], uint8_t x[8][128], unsigned count)
{
    enum { N = 20 };
    static lanes modulus[N], base[N], one[N], two[N], exponent[16], room[RSA8_MONT_ROOM * N],
        table[RSA8_POWER_ROOM * N];
    const uint8_t *list[3][8];
    struct rsa8_mont mont;
    for (unsigned i = 0; i < 8; i++) {
        list[0][i] = m[i];
        list[1][i] = a[i];
        list[2][i] = x[i];
    }
    rsa8_load(modulus, N, list[0], 128);
    rsa8_load(base, N, list[1], 128);
    rsa8_load_words(exponent, list[2], 128);
    rsa8_mont_init(&mont, modulus, 1024, room);
    rsa8_power(&mont, one, base, exponent, 16, table);
    rsa8_power_spread(&mont, two, base, exponent, count, table);
    rsa8_leave(&mont, one, one);
    rsa8_leave(&mont, two, two);
    const unsigned used = ((1u << count) - 1) * 0x11;
    return used & (unsigned)(__mmask8)~rsa8_equal(one, two, N);
}

#endif
