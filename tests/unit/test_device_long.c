/* Commands of others in the middle of a long one, and what they may do to it. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "firmware/crypto/sm2.h"
#include "tests/lib/dev.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct dev dv;
static uint16_t user, other;
static uint32_t sm2;
static unsigned interludes;
static void (*during)(void);
static uint8_t *held; /* the outer answer's place */

/* dv has one response for all commands: the outer one keeps its own. */
static void interlude(void *ctx)
{
    uint8_t *mine = dv.response, *request = dv.request;
    ck_assert_ptr_eq(ctx, &dv);
    interludes++;
    dv.response = held;
    dv.request = held + dv.config.frame_max;
    if (during)
        during();
    dv.response = mine;
    dv.request = request;
}

static void *run_one(void *p)
{
    void **j = p;
    ((void (*)(void *, size_t))(uintptr_t)j[0])(j[1], (size_t)(uintptr_t)j[2]);
    return NULL;
}

static void run_threads(void *ctx, void (*job)(void *, size_t), void *arg, size_t n)
{
    pthread_t thread[8];
    void *jobs[8][3];
    (void)ctx;
    ck_assert_uint_le(n, 8);
    for (size_t i = 1; i < n; i++) {
        jobs[i][0] = (void *)(uintptr_t)job;
        jobs[i][1] = arg;
        jobs[i][2] = (void *)(uintptr_t)i;
        ck_assert_int_eq(pthread_create(&thread[i], NULL, run_one, jobs[i]), 0);
    }
    job(arg, 0);
    for (size_t i = 1; i < n; i++)
        pthread_join(thread[i], NULL);
}

static void start(unsigned width)
{
    dev_prepare(&dv);
    if (width > 1)
        dv.hal.par = (struct hal_par){.width = width, .run = run_threads};
    dev_start(&dv);
    dev_init(&dv, 0);
    user = dev_login(&dv, DEV_USER);
    other = dev_login(&dv, DEV_USER);
    sm2 = dev_key(&dv, other, KEY_SM2, USAGE_SIGN);
    held = malloc(2 * dv.config.frame_max + 16);
    during = NULL;
    interludes = 0;
    device_interlude(dv.d, interlude, &dv);
}

static void on(void)
{
    start(1);
}

static void off(void)
{
    dev_close(&dv);
    free(held);
}

static uint16_t generate(struct key_generate_rsp *r)
{
    return do_key_generate(&dv, user,
                           &(struct key_generate_req){.type = KEY_RSA2048, .usage = USAGE_SIGN}, r);
}

static uint16_t batch(uint32_t count, struct key_batch_rsp *r)
{
    return do_key_batch(&dv, user,
                        &(struct key_batch_req){.type = KEY_RSA2048,
                                                .usage = USAGE_SIGN | USAGE_EXPORT_WRAPPED,
                                                .count = count},
                        r);
}

static bool signs_rsa(uint32_t handle)
{
    uint8_t digest[32] = {7}, pub[LIMIT_PUBLIC_MAX], sig[RSA_MAX_BYTES];
    struct sign_rsp r;
    const size_t n = dev_public(&dv, user, handle, pub);
    MUST(do_sign(&dv, user,
                 &(struct sign_req){.handle = handle,
                                    .scheme = SIGN_RSA_PKCS1,
                                    .hash = DIGEST_SHA256,
                                    .data = {digest, 32}},
                 &r));
    memcpy(sig, r.signature.data, r.signature.size);
    return do_verify(&dv, user,
                     &(struct verify_req){.handle = 0,
                                          .type = KEY_RSA2048,
                                          .public = {pub, n},
                                          .scheme = SIGN_RSA_PKCS1,
                                          .hash = DIGEST_SHA256,
                                          .data = {digest, 32},
                                          .signature = {sig, r.signature.size}},
                     NULL) == SW_OK;
}

/* ---------------------------------------------------------------- others are served */

static void sign_and_verify(void)
{
    uint8_t e[32], sig[64];
    struct sign_rsp s;
    struct key_batch_rsp b;
    struct sign_batch_rsp many;
    static uint8_t digests[200 * 32];
    test_random(e, sizeof e);
    MUST(do_info(&dv, 0, &(struct info_req){0}, NULL));
    MUST(do_sign(&dv, other, &(struct sign_req){.handle = sm2, .scheme = SIGN_SM2, .data = {e, 32}},
                 &s));
    memcpy(sig, s.signature.data, 64);
    MUST(do_verify(&dv, other,
                   &(struct verify_req){
                       .handle = sm2, .scheme = SIGN_SM2, .data = {e, 32}, .signature = {sig, 64}},
                   NULL));
    MUST(do_sign_batch(&dv, other,
                       &(struct sign_batch_req){
                           .handle = sm2, .scheme = SIGN_SM2, .digests = {digests, sizeof digests}},
                       &many));
    ck_assert_uint_eq(many.status.data[0], 0xFF);
    MUST(do_key_batch(&dv, other,
                      &(struct key_batch_req){.type = KEY_SM2,
                                              .usage = USAGE_SIGN | USAGE_EXPORT_WRAPPED,
                                              .count = 100},
                      &b));
    ck_assert_uint_eq(b.status.data[0], 0xFF);
    MUST(do_key_ack(&dv, other, &(struct key_ack_req){b.ticket}, NULL));
    do_object_destroy(&dv, other,
                      &(struct object_destroy_req){dev_key(&dv, other, KEY_SM2, USAGE_SIGN)}, NULL);
}

START_TEST(a_key_is_made_while_others_work)
{
    struct key_generate_rsp r;
    during = sign_and_verify;
    MUST(generate(&r));
    ck_assert_uint_ge(interludes, 2);
    ck_assert(signs_rsa(r.handle));
}
END_TEST

static void check_batch(unsigned width)
{
    struct key_batch_rsp r;
    static uint8_t header[38], record[LIMIT_WRAPPED_MAX];
    struct key_import_rsp in;
    off();
    start(width);
    during = sign_and_verify;
    MUST(batch(5, &r));
    ck_assert_uint_ge(interludes, 2);
    ck_assert_uint_eq(r.status.data[0], 0x1F);
    const size_t size = r.records.size / 5;
    memcpy(header, r.header, sizeof header);
    for (uint32_t i = 0; i < 5; i++) {
        struct key_fetch_rsp f;
        MUST(do_key_fetch(&dv, user, &(struct key_fetch_req){0}, &f));
        memcpy(record, f.records.data + i * size, size);
        MUST(do_key_import(&dv, user, &(struct key_import_req){header, i, {record, size}, {0}, {0}},
                           &in));
        ck_assert(signs_rsa(in.handle));
    }
}

START_TEST(a_batch_is_made_while_others_work)
{
    check_batch(1);
}
END_TEST

START_TEST(a_batch_on_two_lanes)
{
    check_batch(2);
}
END_TEST

/* ---------------------------------------------------------------- others interfere */

static void end_session(void)
{
    during = NULL;
    MUST(do_session_close(&dv, user, &(struct session_close_req){0}, NULL));
}

static void log_out(void)
{
    during = NULL;
    MUST(do_logout(&dv, user, &(struct logout_req){0}, NULL));
}

static void log_in_as_another(void)
{
    during = NULL;
    MUST(do_logout(&dv, user, &(struct logout_req){0}, NULL));
    MUST(dev_pin(&dv, user, DEV_OPERATOR, DEV_OPERATOR_PIN));
}

static void zeroise(void)
{
    during = NULL;
    MUST(do_zeroise(&dv, dev_login(&dv, DEV_ADMIN), &(struct zeroise_req){0}, NULL));
}

static void begin_anew(void)
{
    zeroise();
    dev_init(&dv, 0);
}

static const struct {
    void (*what)(void);
    uint16_t sw;
} interference[] = {{end_session, SW_NO_SESSION},
                    {log_out, SW_NOT_AUTHORISED},
                    {log_in_as_another, SW_NOT_AUTHORISED},
                    {zeroise, SW_WRONG_STATE},
                    {begin_anew, SW_NO_SESSION}};

START_TEST(what_was_allowed_is_looked_at_again)
{
    during = interference[_i].what;
    MUST_BE(interference[_i].sw, generate(NULL));
    ck_assert_ptr_null((void *)(uintptr_t)during);
    ck_assert_uint_le(dv.d->objects.count, 1);
}
END_TEST

START_TEST(a_batch_is_looked_at_again)
{
    during = interference[_i].what;
    MUST_BE(interference[_i].sw, batch(2, NULL));
    for (uint32_t i = 0; i < dv.d->tickets.max; i++)
        ck_assert_uint_eq(dv.d->tickets.table[i].number, 0);
}
END_TEST

static void take_all_tickets(void)
{
    during = NULL;
    for (uint32_t i = 0; i < dv.d->tickets.max; i++)
        MUST(do_key_batch(&dv, other,
                          &(struct key_batch_req){.type = KEY_SM2,
                                                  .usage = USAGE_SIGN | USAGE_EXPORT_WRAPPED,
                                                  .count = 1},
                          NULL));
}

START_TEST(no_ticket_is_left)
{
    during = take_all_tickets;
    MUST_BE(SW_TOO_MANY, batch(1, NULL));
    ck_assert_uint_eq(device_state(dv.d), STATE_READY);
}
END_TEST

static void break_down(void)
{
    during = NULL;
    dv.d->random.failed = true;
    do_info(&dv, 0, &(struct info_req){0}, NULL);
}

START_TEST(the_device_fails)
{
    during = break_down;
    MUST_BE(SW_DEVICE_FAILED, generate(NULL));
    ck_assert_uint_eq(device_state(dv.d), STATE_FAILED);
}
END_TEST

/* ---------------------------------------------------------------- within each other */

static void another_long_one(void)
{
    const unsigned before = interludes;
    const uint16_t mine = user;
    during = NULL;
    user = other;
    MUST(generate(NULL));
    user = mine;
    ck_assert_uint_eq(interludes, before);
}

/* The port should not do it, but if it does there are no interludes within interludes. */
START_TEST(a_long_one_within_another)
{
    during = another_long_one;
    MUST(generate(NULL));
}
END_TEST

START_TEST(which_are_long)
{
    const uint8_t types[] = {KEY_SM2, KEY_SM4, KEY_RSA2048, KEY_RSA3072, KEY_RSA4096, 0, 99};
    for (size_t i = 0; i < sizeof types; i++) {
        const bool rsa = types[i] >= KEY_RSA2048 && types[i] <= KEY_RSA4096;
        ck_assert_int_eq(device_is_long(INS_KEY_GENERATE, &types[i], 1), rsa);
        ck_assert_int_eq(device_is_long(INS_KEY_BATCH, &types[i], 1), rsa);
        ck_assert(!device_is_long(INS_SIGN, &types[i], 1));
        ck_assert(!device_is_long(INS_KEY_GENERATE, &types[i], 0));
    }
}
END_TEST

int main(void)
{
    enum { INTERFERENCES = sizeof interference / sizeof *interference };
    Suite *s = suite_create("device long");
    TCase *t = suite_case(s, "long", 300, on, off);
    test_seed();
    tcase_add_test(t, a_key_is_made_while_others_work);
    tcase_add_test(t, a_batch_is_made_while_others_work);
    tcase_add_test(t, a_batch_on_two_lanes);
    tcase_add_loop_test(t, what_was_allowed_is_looked_at_again, 0, INTERFERENCES);
    tcase_add_loop_test(t, a_batch_is_looked_at_again, 0, INTERFERENCES);
    tcase_add_test(t, no_ticket_is_left);
    tcase_add_test(t, the_device_fails);
    tcase_add_test(t, a_long_one_within_another);
    tcase_add_test(t, which_are_long);
    return suite_run(s);
}
