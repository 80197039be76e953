/* Nonces made ahead: each is used once, by one process, and gone with the state it was made in. */
#include <check.h>
#include <openssl/bn.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { POOL = 200, FULL = POOL / NONCES_STEP * NONCES_STEP, MANY = 3000 };

static struct dev dv;
static uint64_t copies;

static uint64_t generation(void *ctx)
{
    (void)ctx;
    return copies;
}

static void start(uint16_t pool, uint8_t flags)
{
    dev_prepare(&dv);
    dv.config.nonce_pool = pool;
    dv.hal.rng.generation = generation;
    copies = 1;
    dev_start(&dv);
    dev_init(&dv, flags);
}

static void on(void)
{
    start(POOL, 0);
}

static void off(void)
{
    dev_close(&dv);
}

static void fill(void)
{
    while (device_idle(dv.d))
        ;
}

static uint32_t sm2_key(uint16_t user)
{
    return dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
}

static void sign(uint16_t user, uint32_t handle, const uint8_t e[32], uint8_t sig[64])
{
    struct sign_rsp r;
    MUST(do_sign(&dv, user,
                 &(struct sign_req){.handle = handle, .scheme = SIGN_SM2, .data = {e, 32}}, &r));
    ck_assert_uint_eq(r.signature.size, 64);
    memcpy(sig, r.signature.data, 64);
}

/* None got lost, none was taken twice. */
static void balanced(void)
{
    const struct nonces *p = &dv.d->nonces;
    ck_assert_uint_eq(p->made, p->used + p->discarded + p->ready);
}

/* Nothing is left in the places from `from` on that ever held anything. */
static void empty_from(size_t from)
{
    const struct nonces *p = &dv.d->nonces;
    for (size_t i = from; i < FULL; i++)
        for (size_t j = 0; j < 32; j++)
            ck_assert_int_eq(p->k[i][j] | p->x[i][j], 0);
}

/* ---------------------------------------------------------------- used once */

/* The nonce of a signature, for who knows the private key: k = s (1 + d) + r d mod n */
static void nonce_of(const uint8_t d[32], const uint8_t sig[64], uint8_t k[32])
{
    BN_CTX *c = BN_CTX_new();
    BIGNUM *n = NULL, *x = BN_bin2bn(d, 32, NULL), *r = BN_bin2bn(sig, 32, NULL),
           *s = BN_bin2bn(sig + 32, 32, NULL);
    BN_hex2bn(&n, "FFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123");
    BN_mod_add(r, r, s, n, c);
    BN_mod_mul(r, r, x, n, c);
    BN_mod_add(r, r, s, n, c);
    ck_assert_int_eq(BN_bn2binpad(r, k, 32), 32);
    BN_free(n);
    BN_free(x);
    BN_free(r);
    BN_free(s);
    BN_CTX_free(c);
}

static int by_bytes(const void *a, const void *b)
{
    return memcmp(a, b, 32);
}

/* Makes one more signature, or a batch of them, or none; the number of signatures in sig. */
static size_t some_signatures(uint16_t user, uint32_t handle, unsigned turn, uint8_t e[][32],
                              uint8_t sig[][64])
{
    enum { BATCH = 7 };
    struct sign_batch_rsp r;
    test_random(e, 32 * BATCH);
    if (turn % 97 == 0)
        device_idle(dv.d);
    if (turn % 50) {
        sign(user, handle, e[0], sig[0]);
        return 1;
    }
    MUST(do_sign_batch(&dv, user,
                       &(struct sign_batch_req){
                           .handle = handle, .scheme = SIGN_SM2, .digests = {e[0], 32 * BATCH}},
                       &r));
    ck_assert_uint_eq(r.count, BATCH);
    memcpy(sig, r.signatures.data, 64 * BATCH);
    return BATCH;
}

START_TEST(every_nonce_is_used_once)
{
    static uint8_t k[MANY + 8][32], e[8][32], sig[8][64];
    const uint16_t user = dev_login(&dv, DEV_USER);
    const uint32_t handle = sm2_key(user);
    uint8_t pub[LIMIT_PUBLIC_MAX], d[32];
    ck_assert_uint_eq(dev_public(&dv, user, handle, pub), 64);
    fill();
    ck_assert_uint_eq(dv.d->nonces.ready, FULL);
    sign(user, handle, e[0], sig[0]);
    memcpy(d, dv.d->objects.keys[handle % dv.d->objects.keys_max].sm2.d, 32);
    size_t n = 0;
    for (unsigned turn = 1; n < MANY; turn++) {
        const size_t more = some_signatures(user, handle, turn, e, sig);
        for (size_t i = 0; i < more; i++) {
            ck_assert_int_eq(sm2_verify(dv.d->engine->sm2, pub, e[i], sig[i]), 0);
            nonce_of(d, sig[i], k[n++]);
        }
    }
    ck_assert_uint_gt(dv.d->nonces.used, FULL);
    balanced();
    empty_from(dv.d->nonces.ready);
    qsort(k, n, 32, by_bytes);
    for (size_t i = 1; i < n; i++)
        ck_assert(memcmp(k[i - 1], k[i], 32));
}
END_TEST

/* Many that come together take what there is, and the engine makes the rest. */
START_TEST(a_gathering_empties_the_pool)
{
    enum { N = 48 };
    static uint8_t e[N][32], answer[N][100], command[N][100];
    struct exchange x[N];
    const uint16_t user = dev_login(&dv, DEV_USER);
    const uint32_t handle = sm2_key(user);
    uint8_t pub[LIMIT_PUBLIC_MAX];
    dev_public(&dv, user, handle, pub);
    device_idle(dv.d);
    ck_assert_uint_eq(dv.d->nonces.ready, NONCES_STEP);
    test_random(e, sizeof e);
    for (size_t i = 0; i < N; i++) {
        struct wr w;
        wr_init(&w, command[i], sizeof command[i]);
        sign_req_put(&w,
                     &(struct sign_req){.handle = handle, .scheme = SIGN_SM2, .data = {e[i], 32}});
        x[i] =
            dev_exchange(&dv, user, INS_SIGN, command[i], wr_size(&w), answer[i], sizeof answer[i]);
    }
    device_serve(dv.d, x, N);
    for (size_t i = 0; i < N; i++) {
        ck_assert_uint_eq(x[i].sw, SW_OK);
        ck_assert_int_eq(sm2_verify(dv.d->engine->sm2, pub, e[i], answer[i] + 2), 0);
        for (size_t j = 0; j < i; j++)
            ck_assert(memcmp(answer[i], answer[j], 66));
    }
    ck_assert_uint_eq(dv.d->nonces.used, NONCES_STEP);
    ck_assert_uint_eq(dv.d->nonces.ready, 0);
    balanced();
}
END_TEST

/* ---------------------------------------------------------------- gone */

static void gone(void)
{
    ck_assert_uint_eq(dv.d->nonces.ready, 0);
    ck_assert_uint_eq(dv.d->nonces.discarded, FULL);
    balanced();
    empty_from(0);
    ck_assert(!device_idle(dv.d));
    ck_assert_uint_eq(dv.d->nonces.ready, 0);
}

START_TEST(zeroise_wipes_the_pool)
{
    fill();
    MUST(do_zeroise(&dv, dev_login(&dv, DEV_ADMIN), &(struct zeroise_req){0}, NULL));
    gone();
}
END_TEST

START_TEST(terminate_wipes_the_pool)
{
    fill();
    MUST(do_terminate(&dv, dev_login(&dv, DEV_ADMIN), &(struct terminate_req){0}, NULL));
    gone();
}
END_TEST

START_TEST(a_failure_wipes_the_pool)
{
    fill();
    dv.rng_stuck = true;
    copies = 2; /* a reseed is due: the health tests fail */
    do_random(&dv, 0, &(struct random_req){16}, NULL);
    ck_assert_uint_eq(device_state(dv.d), STATE_FAILED);
    gone();
}
END_TEST

START_TEST(stopping_wipes_the_pool)
{
    fill();
    device_stop(dv.d);
    gone();
}
END_TEST

START_TEST(locking_wipes_the_pool)
{
    dev_close(&dv);
    start(POOL, INIT_ATTENDED);
    fill();
    MUST(do_lock(&dv, dev_login(&dv, DEV_OPERATOR), &(struct lock_req){0}, NULL));
    gone();
    MUST(do_unlock(&dv, 0, &(struct unlock_req){dev_text(DEV_UNLOCK)}, NULL));
    ck_assert(device_idle(dv.d));
    ck_assert_uint_gt(dv.d->nonces.ready, 0);
    balanced();
}
END_TEST

/* The memory is there twice: neither the nonces nor the generator go on as they were. */
START_TEST(a_copy_starts_afresh)
{
    uint8_t e[32] = {1}, sig[64];
    const uint16_t user = dev_login(&dv, DEV_USER);
    const uint32_t handle = sm2_key(user);
    fill();
    sign(user, handle, e, sig);
    const struct drbg before = dv.d->random.drbg;
    copies = 2;
    sign(user, handle, e, sig);
    ck_assert_uint_eq(dv.d->nonces.ready, 0);
    ck_assert_uint_eq(dv.d->nonces.used, 1);
    ck_assert_uint_eq(dv.d->nonces.discarded, FULL - 1);
    empty_from(0);
    ck_assert(memcmp(before.c, dv.d->random.drbg.c, sizeof before.c));
    fill();
    copies = 3;
    ck_assert(device_idle(dv.d));
    ck_assert_uint_eq(dv.d->nonces.ready, NONCES_STEP);
    balanced();
}
END_TEST

/* ---------------------------------------------------------------- what is seen of it */

START_TEST(information)
{
    struct info_rsp r;
    fill();
    r = dev_info(&dv);
    ck_assert_uint_eq(r.nonces, FULL);
    ck_assert_uint_eq(r.nonces_max, POOL);
}
END_TEST

START_TEST(without)
{
    uint8_t e[32] = {1}, sig[64], pub[LIMIT_PUBLIC_MAX];
    struct info_rsp r;
    dev_close(&dv);
    start(0, 0);
    ck_assert(!device_idle(dv.d));
    r = dev_info(&dv);
    ck_assert_uint_eq(r.nonces, 0);
    ck_assert_uint_eq(r.nonces_max, 0);
    const uint16_t user = dev_login(&dv, DEV_USER);
    const uint32_t handle = sm2_key(user);
    dev_public(&dv, user, handle, pub);
    sign(user, handle, e, sig);
    ck_assert_int_eq(sm2_verify(dv.d->engine->sm2, pub, e, sig), 0);
    ck_assert_uint_eq(dv.d->nonces.made, 0);
}
END_TEST

/* No room for a whole step: nothing is made, nothing is written past the end. */
START_TEST(too_small_to_be_of_use)
{
    dev_close(&dv);
    start(NONCES_STEP - 1, 0);
    ck_assert(!device_idle(dv.d));
    ck_assert_uint_eq(dv.d->nonces.ready, 0);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device nonces");
    TCase *t = suite_case(s, "nonces", 120, on, off);
    test_seed();
    tcase_add_test(t, every_nonce_is_used_once);
    tcase_add_test(t, a_gathering_empties_the_pool);
    tcase_add_test(t, zeroise_wipes_the_pool);
    tcase_add_test(t, terminate_wipes_the_pool);
    tcase_add_test(t, a_failure_wipes_the_pool);
    tcase_add_test(t, stopping_wipes_the_pool);
    tcase_add_test(t, locking_wipes_the_pool);
    tcase_add_test(t, a_copy_starts_afresh);
    tcase_add_test(t, information);
    tcase_add_test(t, without);
    tcase_add_test(t, too_small_to_be_of_use);
    return suite_run(s);
}
