/* SM2 in eight lanes: its arithmetic against OpenSSL's numbers, its entries against the portable
 * engine and OpenSSL, at every batch size around which the method changes, and the cases that
 * chance never shows. */
#include <check.h>
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/obj_mac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/crypto/ifma8/ifma8.h"
#include "firmware/crypto/portable/portable.h"
#include "firmware/crypto/portable/sm2_scalar.h"
#include "tests/lib/ifma8_probe.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

#if HUFU_IFMA8

enum { MOST = 4200 };

static BN_CTX *ctx;
static EC_GROUP *group;
static BIGNUM *p, *n;

/* The caller's side of a batch. */
static struct {
    uint8_t k[MOST][32], e[MOST][32], pub[MOST][64], sig[MOST][64], ok[MOST];
    uint8_t pub2[MOST][64], sig2[MOST][64], ok2[MOST];
    struct sm2_sign_key key[MOST];
    const struct sm2_sign_key *keys[MOST];
    const uint8_t *pubs[MOST];
} * b;
static void *scratch;

static void setup(void)
{
    size_t size = sm2_ifma8.scratch(MOST);

    test_seed();
    ctx = BN_CTX_new();
    group = EC_GROUP_new_by_curve_name(NID_sm2);
    p = BN_new();
    n = BN_new();
    EC_GROUP_get_curve(group, p, NULL, NULL, ctx);
    EC_GROUP_get_order(group, n, ctx);
    for (size_t i = 0; i <= MOST; i++)
        if (sm2_ifma8.scratch(i) > size)
            size = sm2_ifma8.scratch(i);
    if (sm2_portable.scratch(MOST) > size)
        size = sm2_portable.scratch(MOST);
    scratch = aligned_alloc(64, (size + 63) & ~(size_t)63);
    b = aligned_alloc(64, (sizeof *b + 63) & ~(size_t)63);
    ck_assert(ctx && group && p && n && scratch && b);
}

static void teardown(void)
{
    BN_free(p);
    BN_free(n);
    EC_GROUP_free(group);
    BN_CTX_free(ctx);
    free(scratch);
    free(b);
}

/* ---------------------------------------------------------------- numbers */

static BIGNUM *big(void)
{
    BIGNUM *r = BN_new();
    ck_assert_ptr_nonnull(r);
    BN_zero(r);
    return r;
}

/* The value of limbs, with their signs. */
static void value(BIGNUM *r, const int64_t *limb)
{
    BIGNUM *t = big();

    BN_zero(r);
    for (int i = 5; i-- > 0;) {
        const int negative = limb[i] < 0;
        BN_lshift(r, r, 52);
        BN_set_word(t, negative ? 0 - (uint64_t)limb[i] : (uint64_t)limb[i]);
        BN_set_negative(t, negative);
        BN_add(r, r, t);
    }
    BN_free(t);
}

static void limbs(int64_t *limb, const BIGNUM *a)
{
    BIGNUM *t = BN_dup(a), *low = big();

    for (int i = 0; i < 5; i++) {
        BN_copy(low, t);
        BN_mask_bits(low, 52); /* fails, harmlessly, when it is shorter */
        limb[i] = (int64_t)BN_get_word(low);
        BN_rshift(t, t, 52);
    }
    ck_assert(BN_is_zero(t));
    BN_free(t);
    BN_free(low);
}

static void random_limbs(int64_t *limb, unsigned top_bits)
{
    test_random(limb, 5 * sizeof *limb);
    for (int i = 0; i < 5; i++) {
        const uint64_t all = ((uint64_t)1 << (i < 4 ? 52 : top_bits)) - 1;
        uint64_t x = (uint64_t)limb[i];
        switch (test_random_below(4)) { /* rows of ones and zeros make carries run */
        case 0:
            x = all;
            break;
        case 1:
            x = test_random_below(2);
            break;
        case 2:
            x = all - 1;
            break;
        default:
            break;
        }
        limb[i] = (int64_t)(x & all);
    }
}

enum { EDGES = 16 };

/* Numbers at the borders of m, then random ones with many ones and zeros. */
static void pick(int64_t *limb, const BIGNUM *m, unsigned i, unsigned top_bits)
{
    BIGNUM *t = BN_dup(m);

    switch (i % (2 * EDGES)) {
    case 0:
        BN_zero(t);
        break;
    case 1:
        BN_one(t);
        break;
    case 2:
        BN_sub_word(t, 1);
        break;
    case 3:
        BN_sub_word(t, 2);
        break;
    case 4:
        BN_rshift1(t, t);
        break;
    case 5:
        BN_one(t);
        BN_lshift(t, t, 255);
        break;
    default:
        random_limbs(limb, top_bits);
        BN_free(t);
        return;
    }
    limbs(limb, t);
    BN_free(t);
}

static void expect_field(BIGNUM *r, enum probe_op op, const int64_t *a, const int64_t *x,
                         const int64_t *c)
{
    BIGNUM *ba = big(), *bx = big(), *bc = big(), *inverse = big();

    value(ba, a);
    value(bx, x);
    value(bc, c);
    BN_one(inverse);
    BN_lshift(inverse, inverse, 260);
    BN_mod_inverse(inverse, inverse, p, ctx);
    switch (op) {
    case PROBE_SUB:
        BN_mod_sub(r, ba, bx, p, ctx);
        break;
    case PROBE_SHRINK:
    case PROBE_WORDS:
        BN_nnmod(r, ba, p, ctx);
        break;
    default:
        BN_mod_mul(r, ba, op == PROBE_SQR || op == PROBE_SQR_ADD ? ba : bx, p, ctx);
        BN_mod_mul(r, r, inverse, p, ctx);
        if (op == PROBE_MUL_ADD || op == PROBE_SQR_ADD)
            BN_mod_add(r, r, bc, p, ctx);
    }
    BN_free(ba);
    BN_free(bx);
    BN_free(bc);
    BN_free(inverse);
}

/* r is clean, right mod p, and below 2^bits (and 2^231 more for 256) */
static void check_field(enum probe_op op, const int64_t *r, const BIGNUM *want, int bits)
{
    BIGNUM *got = big(), *limit = big();

    for (int i = 0; i < 5; i++)
        ck_assert_msg(r[i] >= 0 && r[i] >> 52 == 0, "operation %d: limb %d is not clean", op, i);
    value(got, r);
    BN_one(limit);
    BN_lshift(limit, limit, bits);
    if (bits == 256)
        BN_set_bit(limit, 231);
    ck_assert_msg(BN_cmp(got, limit) < 0, "operation %d: too large", op);
    BN_nnmod(got, got, p, ctx);
    ck_assert_msg(BN_cmp(got, want) == 0, "operation %d: wrong", op);
    BN_free(got);
    BN_free(limit);
}

static void field_op(enum probe_op op, int bits, unsigned top_bits)
{
    BIGNUM *want = big();

    for (unsigned round = 0; round < 400; round++) {
        probe_fe a, x, c, r;
        for (unsigned l = 0; l < 8; l++) {
            pick(a[l], p, 8 * round + l, top_bits);
            pick(x[l], p, test_random_below(2 * EDGES), op == PROBE_SUB ? 48 : top_bits);
            for (int i = 0; i < 5; i++) /* loose, and negative but for the product: 64 p more */
                c[l][i] = (int64_t)test_random_below(0x7fffffff) * (i < 4 ? 1 << 28 : 1 << 14) *
                          (test_random_below(2) ? 1 : -1);
            if (op == PROBE_MUL_ADD || op == PROBE_SQR_ADD)
                c[l][4] = (int64_t)1 << 50;
            if (op == PROBE_SHRINK) {
                memcpy(a[l], c[l], sizeof a[l]);
                a[l][4] = (int64_t)(1u + test_random_below(100)) << 47;
            }
        }
        ck_assert(probe_fe_op(op, r, a, x, c));
        for (unsigned l = 0; l < 8; l++) {
            expect_field(want, op, a[l], x[l], c[l]);
            check_field(op, r[l], want, bits);
        }
    }
    BN_free(want);
}

START_TEST(field)
{
    field_op(PROBE_MUL, 257, 50); /* factors below 2^258 */
    field_op(PROBE_SQR, 257, 50);
    field_op(PROBE_MUL_ADD, 260, 50);
    field_op(PROBE_SQR_ADD, 260, 50);
    field_op(PROBE_SUB, 260, 50);
    field_op(PROBE_SHRINK, 256, 48);
    field_op(PROBE_WORDS, 256, 48);
}
END_TEST

START_TEST(field_inverse)
{
    BIGNUM *t = big(), *x = big();

    for (unsigned round = 0; round < 100; round++) {
        probe_fe a, r, m;
        for (unsigned l = 0; l < 8; l++) {
            pick(a[l], p, 2 + 8 * round + l, 48);
            value(t, a[l]);
            if (BN_is_zero(t))
                a[l][0] = 1;
        }
        ck_assert(probe_fe_op(PROBE_INVERT, r, a, a, a));
        ck_assert(probe_fe_op(PROBE_MUL, m, a, r, a));
        for (unsigned l = 0; l < 8; l++) { /* a (2^520 / a) / 2^260 = 2^260 */
            value(t, m[l]);
            BN_one(x);
            BN_lshift(x, x, 260);
            ck_assert(BN_nnmod(t, t, p, ctx) && BN_nnmod(x, x, p, ctx));
            ck_assert_int_eq(BN_cmp(t, x), 0);
        }
        limbs(a[round % 8], p); /* zero, in another form */
        if (round % 2)
            memset(a[round % 8], 0, sizeof a[0]);
        ck_assert(!probe_fe_op(PROBE_INVERT, r, a, a, a));
    }
    BN_free(t);
    BN_free(x);
}
END_TEST

START_TEST(field_form)
{
    for (unsigned round = 0; round < 200; round++) {
        probe_fe a, m;
        probe_words w, back;
        for (unsigned l = 0; l < 8; l++) {
            pick(a[l], p, 8 * round + l, 48);
            w[l][0] = (uint64_t)a[l][0] | (uint64_t)a[l][1] << 52;
            w[l][1] = (uint64_t)a[l][1] >> 12 | (uint64_t)a[l][2] << 40;
            w[l][2] = (uint64_t)a[l][2] >> 24 | (uint64_t)a[l][3] << 28;
            w[l][3] = (uint64_t)a[l][3] >> 36 | (uint64_t)a[l][4] << 16;
            if (w[l][3] >= 0xfffffffeffffffff) /* stay below p */
                w[l][3] = 0xfffffffefffffffe;
        }
        probe_enter(m, w);
        probe_plain(back, m);
        ck_assert_mem_eq(w, back, sizeof w);
    }
}
END_TEST

static void expect_order(BIGNUM *r, enum probe_op op, const BIGNUM *a, const BIGNUM *x)
{
    BIGNUM *two = big();

    switch (op) {
    case PROBE_ORDER_ADD:
        BN_mod_add(r, a, x, n, ctx);
        break;
    case PROBE_ORDER_SUB:
        BN_mod_sub(r, a, x, n, ctx);
        break;
    case PROBE_ORDER_MUL:
        BN_mod_mul(r, a, x, n, ctx);
        break;
    case PROBE_ORDER_REDUCE:
        BN_nnmod(r, a, n, ctx);
        break;
    default: /* 2 r - (2^span - 1) */
        BN_set_bit(r, op == PROBE_RECODE_260 ? 260 : op == PROBE_RECODE_259 ? 259 : 280);
        BN_sub_word(r, 1);
        BN_add(r, r, a);
        BN_set_word(two, 2);
        BN_mod_inverse(two, two, n, ctx);
        BN_mod_mul(r, r, two, n, ctx);
    }
    BN_free(two);
}

static void order_op(enum probe_op op)
{
    for (unsigned round = 0; round < 300; round++) {
        probe_fe a, x, r;
        BIGNUM *ba[8], *bx[8];
        for (unsigned l = 0; l < 8; l++) {
            ba[l] = big();
            bx[l] = big();
            pick(a[l], n, 8 * round + l, op == PROBE_ORDER_REDUCE ? 49 : 48);
            pick(x[l], n, test_random_below(2 * EDGES), 48);
            value(ba[l], a[l]);
            value(bx[l], x[l]);
            if (op != PROBE_ORDER_REDUCE)
                BN_nnmod(ba[l], ba[l], n, ctx);
            BN_nnmod(bx[l], bx[l], n, ctx);
            limbs(a[l], ba[l]);
            limbs(x[l], bx[l]);
        }
        ck_assert(probe_fe_op(op, r, a, x, x));
        for (unsigned l = 0; l < 8; l++) {
            BIGNUM *got = big(), *want = big();
            value(got, r[l]);
            expect_order(want, op, ba[l], bx[l]);
            if (op >= PROBE_RECODE_260) {
                ck_assert_int_le(BN_num_bits(got), 257);
                BN_nnmod(got, got, n, ctx);
            }
            ck_assert_msg(BN_cmp(got, want) == 0, "operation %d: wrong", op);
            BN_free(got);
            BN_free(want);
            BN_free(ba[l]);
            BN_free(bx[l]);
        }
    }
}

START_TEST(order)
{
    for (enum probe_op op = PROBE_ORDER_MUL; op <= PROBE_RECODE_280; op++)
        order_op(op);
}
END_TEST

START_TEST(order_range)
{
    for (unsigned less = 0; less < 2; less++) {
        probe_fe a;
        BIGNUM *t = big();
        for (unsigned l = 0; l < 8; l++) { /* 0 1 n-3 n-2 n-1 n n+1 2^256-1 */
            BN_copy(t, n);
            if (l < 2)
                BN_set_word(t, l);
            else if (l < 5)
                BN_sub_word(t, 5 - l);
            else
                BN_add_word(t, l - 5);
            if (l == 7) {
                BN_zero(t);
                BN_set_bit(t, 256);
                BN_sub_word(t, 1);
            }
            limbs(a[l], t);
        }
        ck_assert_uint_eq(probe_range(a, less), less ? 0x0e : 0x1e);
        BN_free(t);
    }
}
END_TEST

/* ---------------------------------------------------------------- entries */

static void put(uint8_t *out, const BIGNUM *a)
{
    ck_assert_int_eq(BN_bn2binpad(a, out, 32), 32);
}

enum { SPECIALS = 2200 };

/*
 * If the digits of the windows from 2^shift on add up to D and those below to S, and D is nearly j
 * n, then S = D - j n is possible: equal points meet. The scalar with that D, the odd multiple of
 * 2^shift next to j n.
 */
static void meeting_scalar(uint8_t *out, int shift, int j)
{
    BIGNUM *t = BN_dup(n);

    BN_mul_word(t, (BN_ULONG)abs(j));
    BN_rshift(t, t, shift);
    BN_set_bit(t, 0);
    BN_lshift(t, t, shift + 1); /* 2 D - j n */
    BN_set_negative(t, j < 0);
    BN_nnmod(t, t, n, ctx);
    put(out, t);
    BN_free(t);
}

/* Out of range, at its borders, and those that may make two partial sums equal. */
static unsigned special_scalars(uint8_t (*out)[32])
{
    BIGNUM *t = big();
    unsigned count = 0;

    memset(out[count++], 0, 32);
    memset(out[count++], 0xff, 32);
    for (unsigned i = 1; i < 4; i++) {
        BN_set_word(t, i);
        put(out[count++], t);
        BN_copy(t, n);
        BN_sub_word(t, i);
        put(out[count++], t);
    }
    put(out[count++], n);
    BN_copy(t, n);
    BN_add_word(t, 1);
    put(out[count++], t);
    for (int shift = 7; shift <= 252; shift++) /* where a window of one of the tables begins */
        for (int j = -17; j <= 17; j++)
            if (shift % 10 == 0 || shift % 7 == 0)
                meeting_scalar(out[count++], shift, j);
    ck_assert_uint_le(count, SPECIALS);
    BN_free(t);
    return count;
}

static int in_range(const uint8_t *k, unsigned less)
{
    BIGNUM *t = BN_bin2bn(k, 32, NULL), *top = BN_dup(n);
    BN_sub_word(top, less);
    const int ok = !BN_is_zero(t) && BN_cmp(t, top) < 0;
    BN_free(t);
    BN_free(top);
    return ok;
}

static void openssl_pub(uint8_t *out, const uint8_t *k)
{
    BIGNUM *t = BN_bin2bn(k, 32, NULL), *x = big(), *y = big();
    EC_POINT *point = EC_POINT_new(group);

    ck_assert(EC_POINT_mul(group, point, t, NULL, NULL, ctx));
    ck_assert(EC_POINT_get_affine_coordinates(group, point, x, y, ctx));
    put(out, x);
    put(out + 32, y);
    EC_POINT_free(point);
    BN_free(t);
    BN_free(x);
    BN_free(y);
}

/* count items with random scalars, a special one here and there */
static void fill(size_t count, unsigned one_special_in)
{
    static uint8_t special[SPECIALS][32];
    static unsigned specials;

    if (!specials)
        specials = special_scalars(special);
    test_random(b->k, 32 * count);
    for (size_t i = 0; i < count && one_special_in; i++)
        if (test_random_below(one_special_in) == 0)
            memcpy(b->k[i], special[test_random_below(specials)], 32);
}

static void keygen_at(size_t count, unsigned one_special_in)
{
    static const uint8_t zero[64];

    fill(count, one_special_in);
    memset(b->ok, 7, sizeof b->ok);
    memset(b->pub[count], 0x5a, 64);
    sm2_ifma8.keygen(count, (const uint8_t(*)[32])b->k, b->pub, b->ok, scratch);
    sm2_portable.keygen(count, (const uint8_t(*)[32])b->k, b->pub2, b->ok2, scratch);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(b->ok[i] == in_range(b->k[i], 1), "item %zu of %zu: ok", i, count);
        ck_assert_uint_eq(b->ok[i], b->ok2[i]);
        ck_assert_msg(memcmp(b->pub[i], b->ok[i] ? b->pub2[i] : zero, 64) == 0,
                      "item %zu of %zu: wrong key", i, count);
    }
    ck_assert_uint_eq(b->ok[count], 7);
    ck_assert_uint_eq(b->pub[count][0], 0x5a);
    if (count) {
        const size_t i = test_random_below((uint32_t)count);
        uint8_t want[64];
        if (b->ok[i]) {
            openssl_pub(want, b->k[i]);
            ck_assert_mem_eq(b->pub[i], want, 64);
        }
    }
}

/* Around where the method or the number of parts changes. */
static const size_t turns[] = {71,  95,  96,   97,   127,  128,  129,  130,  143,  144,
                               145, 255, 256,  257,  260,  261,  264,  265,  511,  512,
                               513, 777, 1023, 1024, 1025, 2047, 2048, 2049, 2076, 4161};

START_TEST(keygen_sizes)
{
    for (size_t i = 0; i <= 70; i++)
        keygen_at(i, 9);
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i++)
        keygen_at(turns[i], 0);
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i += 5)
        keygen_at(turns[i], 9);
}
END_TEST

/* Each special scalar in turn at an item of its own among random ones, or always at the last item. */
START_TEST(keygen_every_special)
{
    static const struct {
        size_t size;
        int last;
    } batches[] = {{1, 0},  {3, 0},   {4, 0},   {8, 0},   {10, 0},   {20, 0},  {40, 0},  {56, 0},
                   {64, 0}, {160, 0}, {300, 0}, {600, 0}, {1100, 0}, {130, 1}, {257, 1}, {264, 1}};
    static uint8_t special[SPECIALS][32], want[SPECIALS][64];
    const unsigned count = special_scalars(special);

    for (unsigned i = 0; i < count; i++)
        if (in_range(special[i], 1))
            openssl_pub(want[i], special[i]);
    for (unsigned s = 0; s < sizeof batches / sizeof *batches; s++) {
        const size_t size = batches[s].size;
        test_random(b->k, 32 * size);
        for (unsigned i = 0; i < count; i++) {
            const size_t at = batches[s].last ? size - 1 : i % size;
            memcpy(b->k[at], special[i], 32);
            sm2_ifma8.keygen(size, (const uint8_t(*)[32])b->k, b->pub, b->ok, scratch);
            ck_assert_int_eq(b->ok[at], in_range(special[i], 1));
            ck_assert_mem_eq(b->pub[at], want[i], 64);
            memcpy(b->k[at], want[i], 32); /* of no meaning */
        }
    }
}
END_TEST

/* The doubling that the affine sums cannot do is noticed, and nothing else is taken for it. */
START_TEST(sums_that_stop)
{
    uint8_t k[32];

    test_random(k, 32);
    k[0] = 1;
    for (unsigned blocks = 1; blocks <= 13; blocks += 3)
        ck_assert_int_eq(probe_sum(k, 4, blocks), 1);
    unsigned stopped = 0;
    for (int j = -17; j <= 17; j++) {
        meeting_scalar(k, 250, j);
        stopped += !probe_sum(k, 2, 1);
    }
    ck_assert_uint_eq(stopped, 1);
}
END_TEST

static void scalar_one_plus_inverse(uint8_t *inverse, const uint8_t *d)
{
    BIGNUM *t = BN_bin2bn(d, 32, NULL);
    BN_add_word(t, 1);
    ck_assert_ptr_nonnull(BN_mod_inverse(t, t, n, ctx));
    put(inverse, t);
    BN_free(t);
}

static void make_keys(size_t count, int one)
{
    for (size_t i = 0; i < count; i++) {
        b->keys[i] = &b->key[one ? 0 : i];
        if (one && i)
            continue;
        test_random(b->key[i].d, 32);
        b->key[i].d[0] &= 0x7f;
        scalar_one_plus_inverse(b->key[i].inv, b->key[i].d);
    }
}

static void sign_at(size_t count, unsigned one_special_in, int one_key)
{
    fill(count, one_special_in);
    test_random(b->e, 32 * count);
    for (size_t i = 0; i < count; i += 5)
        memset(b->e[i], 0xff, 32); /* a digest may be above n */
    make_keys(count, one_key);
    memset(b->sig[count], 0x5a, 64);
    sm2_ifma8.sign(count, b->keys, (const uint8_t(*)[32])b->e, (const uint8_t(*)[32])b->k, b->sig,
                   b->ok, scratch);
    sm2_portable.sign(count, b->keys, (const uint8_t(*)[32])b->e, (const uint8_t(*)[32])b->k,
                      b->sig2, b->ok2, scratch);
    for (size_t i = 0; i < count; i++) {
        ck_assert_msg(b->ok[i] == in_range(b->k[i], 0), "item %zu of %zu: ok", i, count);
        ck_assert_uint_eq(b->ok[i], b->ok2[i]);
        ck_assert_msg(memcmp(b->sig[i], b->sig2[i], 64) == 0, "item %zu of %zu: wrong", i, count);
    }
    ck_assert_uint_eq(b->sig[count][0], 0x5a);
}

START_TEST(sign_sizes)
{
    for (size_t i = 0; i <= 70; i++)
        sign_at(i, 9, i % 2);
    for (size_t i = 0; i < sizeof turns / sizeof *turns; i += 2)
        sign_at(turns[i], i % 3 ? 0 : 50, 1);
}
END_TEST

START_TEST(sign_with_special)
{
    static const size_t sizes[] = {8, 64, 1100};

    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t count = sizes[s];
        fill(count, 0);
        test_random(b->e, 32 * count);
        make_keys(count, 1);
        for (int j = -17; j <= 17; j++) {
            meeting_scalar(b->k[(size_t)(j + 17) % count], s == 0 ? 252 : 250, j);
            sm2_ifma8.sign(count, b->keys, (const uint8_t(*)[32])b->e, (const uint8_t(*)[32])b->k,
                           b->sig, b->ok, scratch);
            sm2_portable.sign(count, b->keys, (const uint8_t(*)[32])b->e,
                              (const uint8_t(*)[32])b->k, b->sig2, b->ok2, scratch);
            ck_assert_mem_eq(b->sig, b->sig2, 64 * count);
            ck_assert_mem_eq(b->ok, b->ok2, count);
            test_random(b->k[(size_t)(j + 17) % count], 32);
        }
    }
}
END_TEST

/* r, and what makes r = 0, r + k = n or s = 0 with the nonce k of item i */
static void make_bad(size_t i, unsigned how)
{
    uint8_t point[64];
    BIGNUM *k = BN_bin2bn(b->k[i], 32, NULL), *x, *e = BN_bin2bn(b->e[i], 32, NULL), *t = big();

    openssl_pub(point, b->k[i]);
    x = BN_bin2bn(point, 32, NULL);
    if (how < 2) { /* e = -x, or -x - k */
        BN_add(t, x, how ? k : t);
        BN_nnmod(t, t, n, ctx);
        BN_sub(t, n, t);
        put(b->e[i], t);
    } else { /* (1 + d)^-1 = r / (k + r) */
        BN_mod_add(x, x, e, n, ctx);
        BN_mod_add(t, x, k, n, ctx);
        BN_mod_inverse(t, t, n, ctx);
        BN_mod_mul(t, t, x, n, ctx);
        put(b->key[i].inv, t);
    }
    BN_free(k);
    BN_free(x);
    BN_free(e);
    BN_free(t);
}

START_TEST(sign_bad_numbers)
{
    static const size_t sizes[] = {3, 8, 64, 130};
    static const uint8_t zero[64];

    for (unsigned s = 0; s < 4; s++) {
        const size_t count = sizes[s];
        fill(count, 0);
        for (size_t i = 0; i < count; i++)
            b->k[i][0] &= 0x7f;
        test_random(b->e, 32 * count);
        make_keys(count, 0);
        for (size_t i = 0; i < count; i += 2)
            make_bad(i, (unsigned)(i / 2 % 3));
        sm2_ifma8.sign(count, b->keys, (const uint8_t(*)[32])b->e, (const uint8_t(*)[32])b->k,
                       b->sig, b->ok, scratch);
        sm2_portable.sign(count, b->keys, (const uint8_t(*)[32])b->e, (const uint8_t(*)[32])b->k,
                          b->sig2, b->ok2, scratch);
        for (size_t i = 0; i < count; i++) {
            ck_assert_uint_eq(b->ok[i], i % 2);
            ck_assert_mem_eq(b->sig[i], i % 2 ? b->sig2[i] : zero, 64);
        }
    }
}
END_TEST

/* ---------------------------------------------------------------- verification */

/* count signatures; key_of: from how many keys */
static void make_signatures(size_t count, size_t key_count)
{
    fill(count, 0);
    for (size_t i = 0; i < count; i++)
        b->k[i][0] &= 0x7f;
    test_random(b->e, 32 * count);
    make_keys(key_count, 0);
    for (size_t i = 0; i < key_count; i++)
        sm2_ifma8.keygen(1, (const uint8_t(*)[32]) & b->key[i].d, &b->pub[i], b->ok, scratch);
    for (size_t i = 0; i < count; i++) {
        const size_t k = test_random_below((uint32_t)key_count);
        b->keys[i] = &b->key[k];
        b->pubs[i] = b->pub[k];
        if (i % 3 == 0) { /* the same key at another address */
            memcpy(b->pub2[i], b->pub[k], 64);
            b->pubs[i] = b->pub2[i];
        }
    }
    sm2_ifma8.sign(count, b->keys, (const uint8_t(*)[32])b->e, (const uint8_t(*)[32])b->k, b->sig,
                   b->ok, scratch);
    for (size_t i = 0; i < count; i++)
        ck_assert_uint_eq(b->ok[i], 1);
}

static void spoil(size_t i, unsigned how)
{
    BIGNUM *t = big(), *r = BN_bin2bn(b->sig[i], 32, NULL);

    switch (how) {
    case 0:
        b->sig[i][test_random_below(64)] ^= (uint8_t)(1u << test_random_below(8));
        break;
    case 1:
        b->e[i][test_random_below(32)] ^= (uint8_t)(1u << test_random_below(8));
        break;
    case 2:
        memset(b->sig[i] + (i % 2 ? 32 : 0), 0, 32);
        break;
    case 3:
        put(b->sig[i] + (i % 2 ? 32 : 0), n);
        break;
    case 4: /* r + s = n */
        BN_sub(t, n, r);
        put(b->sig[i] + 32, t);
        break;
    default:
        memset(b->sig[i] + (i % 2 ? 32 : 0), 0xff, 32);
    }
    BN_free(t);
    BN_free(r);
}

static void verify_at(size_t count, size_t key_count)
{
    make_signatures(count, key_count);
    for (size_t i = 0; i < count; i++)
        if ((b->ok2[i] = test_random_below(4) != 0) == 0)
            spoil(i, test_random_below(6));
    memset(b->ok, 7, sizeof b->ok);
    sm2_ifma8.verify(count, b->pubs, (const uint8_t(*)[32])b->e, (const uint8_t(*)[64])b->sig,
                     b->ok, scratch);
    for (size_t i = 0; i < count; i++)
        ck_assert_msg(b->ok[i] == b->ok2[i], "item %zu of %zu, %zu keys: %d", i, count, key_count,
                      b->ok[i]);
    ck_assert_uint_eq(b->ok[count], 7);
}

START_TEST(verify_sizes)
{
    for (size_t i = 0; i <= 70; i++)
        verify_at(i, i ? i : 1);
    for (size_t i = 1; i <= 70; i += 3)
        verify_at(i, 1);
    for (size_t i = 95; i <= 99; i++)
        verify_at(i, 1);
    verify_at(200, 2);
    verify_at(300, 5);
    verify_at(400, 20);
    verify_at(1025, 20);
    verify_at(2049, 1);
    verify_at(2300, 2000);
}
END_TEST

/* s and t so that [s]G and [t]P are equal or opposite, or that t meets a doubling: r = t - s, e = r
 * - x */
static void meet(size_t i, const BIGNUM *s, const BIGNUM *t, const EC_POINT *sum)
{
    BIGNUM *r = big(), *x = big();

    BN_mod_sub(r, t, s, n, ctx);
    put(b->sig[i], r);
    put(b->sig[i] + 32, s);
    if (!EC_POINT_is_at_infinity(group, sum))
        ck_assert(EC_POINT_get_affine_coordinates(group, sum, x, NULL, ctx));
    BN_mod_sub(r, r, x, n, ctx);
    put(b->e[i], r);
    BN_free(r);
    BN_free(x);
}

static void random_scalar(BIGNUM *r)
{
    uint8_t raw[32];
    test_random(raw, sizeof raw);
    raw[0] &= 0x7f;
    BN_bin2bn(raw, sizeof raw, r);
}

static int all_zero(const uint8_t *a, size_t size)
{
    uint8_t any = 0;
    for (size_t i = 0; i < size; i++)
        any |= a[i];
    return any == 0;
}

static void meet_key(size_t i, unsigned how)
{
    BIGNUM *d = BN_bin2bn(b->keys[i]->d, 32, NULL), *t = big(), *s = big(), *all = big();
    EC_POINT *sum = EC_POINT_new(group);

    random_scalar(t);
    BN_mod_mul(s, d, t, n, ctx);
    if (how == 1) /* opposite: the sum is infinity */
        BN_sub(s, n, s);
    if (how == 2) { /* small even t: the last addition is a doubling */
        BN_set_word(t, 2 + 2 * test_random_below(40));
        random_scalar(s);
        if (i % 2) { /* or one at which the sums from a table for 130 items stop, at 168 bits */
            static unsigned next;
            uint8_t raw[32];
            meeting_scalar(raw, 168, (int)(next++ % 35) - 17);
            if (!all_zero(raw, 32))
                BN_bin2bn(raw, 32, t);
        }
    }
    if (how == 3) { /* s where the sums of [s]G stop */
        BN_set_word(s, 2 * 959);
        BN_lshift(s, s, 250);
        BN_set_negative(s, 1);
        BN_nnmod(s, s, n, ctx);
    }
    BN_mod_mul(all, d, t, n, ctx);
    BN_mod_add(all, all, s, n, ctx);
    ck_assert(EC_POINT_mul(group, sum, all, NULL, NULL, ctx));
    meet(i, s, t, sum);
    EC_POINT_free(sum);
    BN_free(d);
    BN_free(t);
    BN_free(s);
    BN_free(all);
}

START_TEST(verify_meetings)
{
    static const size_t sizes[] = {1, 5, 60, 20, 60, 130}, one_key = 3;

    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t count = sizes[s];
        for (unsigned round = 0; round < 12; round++) {
            make_signatures(count, s >= one_key ? 1 : count);
            for (size_t i = 0; i < count; i++)
                meet_key(i, (unsigned)(i + round) % 4);
            sm2_ifma8.verify(count, b->pubs, (const uint8_t(*)[32])b->e,
                             (const uint8_t(*)[64])b->sig, b->ok, scratch);
            for (size_t i = 0; i < count; i++)
                ck_assert_msg(b->ok[i] == ((i + round) % 4 != 1), "item %zu of %zu, round %u", i,
                              count, round);
        }
    }
}
END_TEST

/* A point whose x is not below n: r = e + x - n has a second x to be compared with. */
START_TEST(verify_large_x)
{
    EC_POINT *point = EC_POINT_new(group), *key = EC_POINT_new(group);
    BIGNUM *x = BN_dup(n), *y = big(), *s = big(), *t = big(), *u = big();

    for (unsigned i = 0; i < 20; i++) {
        do
            BN_add_word(x, 1);
        while (!EC_POINT_set_compressed_coordinates(group, point, x, (int)(i % 2), ctx));
        random_scalar(s);
        random_scalar(t);
        meet(i, s, t, point);
        BN_mod_inverse(t, t, n, ctx); /* P = (point - [s]G) / t */
        BN_sub(u, n, s);
        BN_mod_mul(u, u, t, n, ctx);
        ck_assert(EC_POINT_mul(group, key, u, point, t, ctx));
        ck_assert(EC_POINT_get_affine_coordinates(group, key, y, u, ctx));
        put(b->pub[i], y);
        put(b->pub[i] + 32, u);
        b->pubs[i] = b->pub[i];
    }
    b->e[7][3] ^= 1;
    sm2_ifma8.verify(20, b->pubs, (const uint8_t(*)[32])b->e, (const uint8_t(*)[64])b->sig, b->ok,
                     scratch);
    for (unsigned i = 0; i < 20; i++)
        ck_assert_uint_eq(b->ok[i], i != 7);
    EC_POINT_free(point);
    EC_POINT_free(key);
    BN_free(x);
    BN_free(y);
    BN_free(s);
    BN_free(t);
    BN_free(u);
}
END_TEST

START_TEST(scratch_is_wiped)
{
    static const size_t sizes[] = {1, 4, 8, 20, 41, 64, 300, 2100};

    for (unsigned s = 0; s < sizeof sizes / sizeof *sizes; s++) {
        const size_t count = sizes[s], size = sm2_ifma8.scratch(count);
        fill(count, 0);
        make_keys(count, 1);
        memset(scratch, 0, size);
        sm2_ifma8.keygen(count, (const uint8_t(*)[32])b->k, b->pub, b->ok, scratch);
        ck_assert(all_zero(scratch, size));
        sm2_ifma8.sign(count, b->keys, (const uint8_t(*)[32])b->e, (const uint8_t(*)[32])b->k,
                       b->sig, b->ok, scratch);
        ck_assert(all_zero(scratch, size));
    }
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("ifma8_sm2");
    TCase *c = tcase_create("all");

    tcase_set_timeout(c, 300);
    tcase_add_checked_fixture(c, setup, teardown);
    tcase_add_test(c, field);
    tcase_add_test(c, field_inverse);
    tcase_add_test(c, field_form);
    tcase_add_test(c, order);
    tcase_add_test(c, order_range);
    tcase_add_test(c, keygen_sizes);
    tcase_add_test(c, keygen_every_special);
    tcase_add_test(c, sign_with_special);
    tcase_add_test(c, sums_that_stop);
    tcase_add_test(c, sign_sizes);
    tcase_add_test(c, sign_bad_numbers);
    tcase_add_test(c, verify_sizes);
    tcase_add_test(c, verify_meetings);
    tcase_add_test(c, verify_large_x);
    tcase_add_test(c, scratch_is_wiped);
    suite_add_tcase(s, c);
    return s;
}

int main(void)
{
    if (!ifma8_usable()) {
        puts("SKIP: this processor has no AVX-512 IFMA (15 tests)");
        return EXIT_SUCCESS;
    }
    return suite_run(suite());
}

#else

int main(void)
{
    puts("SKIP: not x86-64 (15 tests)");
    return EXIT_SUCCESS;
}

#endif
