/* RSA pairs made ahead: each is one key's, of the size that is asked for, and gone with the state
 * that it was made in - also when that ends while it is being made. */
#include <check.h>
#include <string.h>

#include "firmware/app/core.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

enum { POOL = 3, MODULUS = 256 };

static struct dev dv;
static uint64_t copies;
static void (*meanwhile)(void); /* in an interlude */
static unsigned interludes, spreads;

static uint64_t generation(void *ctx)
{
    (void)ctx;
    return copies;
}

static void interlude(void *ctx)
{
    (void)ctx;
    interludes++;
    if (meanwhile)
        meanwhile();
}

static void run_in_turn(void *ctx, void (*job)(void *, size_t), void *arg, size_t n)
{
    (void)ctx;
    spreads++;
    for (size_t i = 0; i < n; i++)
        job(arg, i);
}

static void start(uint8_t pool, unsigned width, uint8_t flags)
{
    dev_prepare(&dv);
    dv.config.pair_pool = pool;
    dv.config.frame_max = 4096;
    dv.hal.rng.generation = generation;
    dv.hal.par = (struct hal_par){.run = run_in_turn, .width = width};
    copies = 1;
    meanwhile = NULL;
    dev_start(&dv);
    memset(dv.d->keys_ahead.key, 0, dv.d->keys_ahead.max * sizeof *dv.d->keys_ahead.key);
    dev_init(&dv, flags);
    device_interlude(dv.d, interlude, NULL);
}

static void on(void)
{
    start(POOL, 1, 0);
}

static void off(void)
{
    dev_close(&dv);
}

static unsigned fill(void)
{
    unsigned steps = 0;
    for (; device_wants_pairs(dv.d); steps++)
        device_make_pairs(dv.d);
    return steps;
}

static const struct rsa_private *pair(size_t i)
{
    return &dv.d->keys_ahead.key[i];
}

static bool is_empty(size_t from)
{
    static const struct rsa_private zero;
    bool empty = true;
    for (size_t i = from; i < dv.d->keys_ahead.max; i++)
        empty = empty && !memcmp(pair(i), &zero, sizeof zero);
    return empty;
}

static uint32_t make_key(uint8_t type, uint8_t *pub)
{
    const uint16_t user = dev_login(&dv, DEV_USER);
    const uint32_t handle = dev_key(&dv, user, type, USAGE_SIGN);
    if (pub)
        dev_public(&dv, user, handle, pub);
    return handle;
}

/* ---------------------------------------------------------------- use */

START_TEST(each_pair_is_one_keys)
{
    static uint8_t pub[3 * POOL][LIMIT_PUBLIC_MAX];
    ck_assert(!device_wants_pairs(dv.d)); /* of which size? */
    device_make_pairs(dv.d);
    ck_assert(is_empty(0));
    for (size_t i = 0; i < 3 * POOL; i++) {
        uint8_t next[POOL][MODULUS];
        const size_t before = dv.d->keys_ahead.ready;
        for (size_t j = 0; j < before; j++)
            memcpy(next[j], pair(j)->pub.n, MODULUS);
        make_key(KEY_RSA2048, pub[i]);
        bool taken = before == 0;
        for (size_t j = 0; j < before; j++)
            taken = taken || !memcmp(next[j], pub[i] + 4, MODULUS);
        ck_assert(taken);
        ck_assert_uint_eq(dv.d->keys_ahead.ready, before ? before - 1 : 0);
        ck_assert(is_empty(dv.d->keys_ahead.ready));
        for (size_t j = 0; j < i; j++)
            ck_assert(memcmp(pub[i] + 4, pub[j] + 4, MODULUS));
        if (i % 4 == 0)
            ck_assert_uint_le(fill(), POOL);
    }
}
END_TEST

START_TEST(the_size_that_is_asked_for)
{
    make_key(KEY_RSA2048, NULL);
    fill();
    make_key(KEY_RSA3072, NULL);
    ck_assert_uint_eq(dv.d->keys_ahead.ready, POOL);
    ck_assert(device_wants_pairs(dv.d));
    fill();
    ck_assert_uint_eq(dv.d->keys_ahead.ready, POOL);
    for (size_t i = 0; i < POOL; i++)
        ck_assert_uint_eq(dv.d->keys_ahead.bits[i], 3072);
    make_key(KEY_SM2, NULL);
    ck_assert(!device_wants_pairs(dv.d));
    ck_assert_uint_eq(dev_info(&dv).pairs, POOL);
    ck_assert_uint_eq(dev_info(&dv).pairs_max, POOL);
}
END_TEST

/* With lanes that work at the same time: those who ask together take what is there first. */
START_TEST(several_ask)
{
    enum { N = 2 * POOL };
    static uint8_t request[64], response[N][1024], pub[N][MODULUS];
    struct exchange x[N];
    struct wr w;
    dev_close(&dv);
    start(POOL, 2, 0);
    make_key(KEY_RSA2048, NULL);
    ck_assert_uint_eq(fill(), 2); /* two at a time */
    const uint16_t user = dev_login(&dv, DEV_USER);
    memcpy(pub[0], pair(0)->pub.n, MODULUS);
    wr_init(&w, request, sizeof request);
    key_generate_req_put(&w, &(struct key_generate_req){.type = KEY_RSA2048, .usage = USAGE_SIGN});
    for (size_t i = 0; i < N; i++)
        x[i] = dev_exchange(&dv, user, INS_KEY_GENERATE, request, wr_size(&w), response[i],
                            sizeof response[i]);
    spreads = 0;
    device_serve(dv.d, x, N);
    ck_assert_uint_eq(spreads, 1);
    ck_assert_uint_eq(dv.d->keys_ahead.ready, 0);
    ck_assert(is_empty(0));
    for (size_t i = 0; i < N; i++) {
        struct key_generate_rsp r;
        struct rd in;
        MUST(x[i].sw);
        rd_init(&in, response[i], x[i].response_size);
        ck_assert(key_generate_rsp_get(&in, &r));
        if (i == 0)
            ck_assert_mem_eq(r.public.data + 4, pub[0], MODULUS);
        memcpy(pub[i], r.public.data + 4, MODULUS);
        for (size_t j = 0; j < i; j++)
            ck_assert(memcmp(pub[i], pub[j], MODULUS));
    }
}
END_TEST

START_TEST(others_are_served_meanwhile)
{
    make_key(KEY_RSA2048, NULL);
    interludes = 0;
    fill();
    ck_assert_uint_gt(interludes, 0);
}
END_TEST

START_TEST(without)
{
    dev_close(&dv);
    start(0, 1, 0);
    make_key(KEY_RSA2048, NULL);
    ck_assert(!device_wants_pairs(dv.d));
    device_make_pairs(dv.d);
    ck_assert_uint_eq(dev_info(&dv).pairs, 0);
    ck_assert_uint_eq(dev_info(&dv).pairs_max, 0);
}
END_TEST

/* ---------------------------------------------------------------- gone */

static void lock(void)
{
    if (device_state(dv.d) == STATE_READY)
        MUST(do_lock(&dv, dev_login(&dv, DEV_OPERATOR), &(struct lock_req){0}, NULL));
}

static void zeroise(void)
{
    if (device_state(dv.d) == STATE_READY)
        MUST(do_zeroise(&dv, dev_login(&dv, DEV_ADMIN), &(struct zeroise_req){0}, NULL));
}

static void go_bad(void)
{
    dv.rng_stuck = true;
    copies = 2; /* a reseed is due: the health tests fail */
    do_random(&dv, 0, &(struct random_req){16}, NULL);
    ck_assert_uint_eq(device_state(dv.d), STATE_FAILED);
}

static void copy(void)
{
    copies = 2;
    do_random(&dv, 0, &(struct random_req){16}, NULL);
}

static void leave(void)
{
    device_leave_pairs(dv.d);
}

static void stop(void)
{
    device_stop(dv.d);
}

static void (*const ends[])(void) = {lock, zeroise, go_bad, copy, stop, leave};
enum { ENDS = sizeof ends / sizeof *ends };

static void attended(unsigned width)
{
    dev_close(&dv);
    start(POOL, width, INIT_ATTENDED);
    make_key(KEY_RSA2048, NULL);
}

START_TEST(gone_from_the_pool)
{
    attended(1);
    fill();
    ck_assert_uint_eq(dv.d->keys_ahead.ready, POOL);
    ends[_i]();
    ck_assert_uint_eq(dv.d->keys_ahead.ready, 0);
    ck_assert(is_empty(0));
    if (device_state(dv.d) == STATE_READY)
        return;
    ck_assert(!device_wants_pairs(dv.d));
    device_make_pairs(dv.d);
    ck_assert(is_empty(0));
}
END_TEST

/* The first lane stops in the middle, the second one's pair is made to its end. */
START_TEST(gone_in_the_making)
{
    attended(2);
    device_make_pairs(dv.d);
    ck_assert_uint_eq(dv.d->keys_ahead.ready, 2);
    make_key(KEY_RSA2048, NULL);
    meanwhile = ends[_i];
    device_make_pairs(dv.d);
    meanwhile = NULL;
    ck_assert(is_empty(ends[_i] == leave));
    ck_assert_uint_eq(dv.d->keys_ahead.ready, ends[_i] == leave);
}
END_TEST

START_TEST(a_failure_during_the_making_is_noticed)
{
    attended(1);
    dv.rng_dead = true;
    copies = 2;
    device_make_pairs(dv.d);
    ck_assert_uint_eq(device_state(dv.d), STATE_FAILED);
    ck_assert(is_empty(0));
}
END_TEST

/* A round that cannot even begin leaves nothing, whatever was in these places before. */
START_TEST(nothing_of_a_round_that_failed)
{
    attended(2);
    fill();
    while (dv.d->keys_ahead.ready)
        make_key(KEY_RSA2048, NULL);
    dv.rng_dead = true;
    random_reseed(&dv.d->random);
    keys_ahead_fill(dv.d);
    ck_assert_uint_eq(dv.d->keys_ahead.ready, 0);
    device_make_pairs(dv.d);
    ck_assert_uint_eq(device_state(dv.d), STATE_FAILED);
    ck_assert_str_eq(dv.d->failure, "entropy: health tests failed");
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device pairs");
    TCase *t = suite_case(s, "pairs", 300, on, off);
    test_seed();
    tcase_add_test(t, each_pair_is_one_keys);
    tcase_add_test(t, the_size_that_is_asked_for);
    tcase_add_test(t, several_ask);
    tcase_add_test(t, others_are_served_meanwhile);
    tcase_add_test(t, without);
    tcase_add_loop_test(t, gone_from_the_pool, 0, ENDS - 1);
    tcase_add_loop_test(t, gone_in_the_making, 0, ENDS);
    tcase_add_test(t, a_failure_during_the_making_is_noticed);
    tcase_add_test(t, nothing_of_a_round_that_failed);
    return suite_run(s);
}
