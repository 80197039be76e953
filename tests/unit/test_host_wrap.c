/* Keys that come into a device and leave it under others, through libhufu: the whole way there and
 * back. */
#include <check.h>
#include <string.h>

#include "host/lib/hufu.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

#define OK(call)         ck_assert_msg((call) == HUFU_OK, "%s: %s", #call, hufu_last_error())
#define IS(status, call) ck_assert_uint_eq((unsigned)(call), (unsigned)(status))

static struct hufu_device *device;
static struct hufu_session *user;

static void set_up(void)
{
    const struct hufu_options options = {.objects_max = 64, .log_max = 100, .sessions_max = 4};
    const struct hufu_init init = {.flags = HUFU_INIT_CLEAR_KEYS,
                                   .retries = 3,
                                   .label = "test",
                                   .admin_pin = "admin-pin",
                                   .operator_pin = "operator-pin",
                                   .user_pin = "user-pin"};
    uint8_t serial[HUFU_SERIAL_SIZE];
    OK(hufu_open_with(&device, "inproc:", &options));
    OK(hufu_device_init(device, &init, serial));
    OK(hufu_session_open(device, &user));
    OK(hufu_login(user, HUFU_ACCOUNT_USER, "user-pin", 8, NULL));
}

static void tear_down(void)
{
    hufu_session_close(user);
    hufu_close(device);
}

static const struct hufu_key_spec readable = {
    .type = HUFU_KEY_SM4, .usage = HUFU_USAGE_EXTRACT | HUFU_USAGE_READ, .label = "readable"};

START_TEST(there_and_back)
{
    const struct hufu_key_spec over = {
        .type = HUFU_KEY_AES256, .usage = HUFU_USAGE_WRAP | HUFU_USAGE_UNWRAP, .label = "over"};
    uint8_t key[16], got[HUFU_SECRET_MAX], wrapped[HUFU_WRAPPED_MAX];
    size_t n = sizeof got, wrapped_size = sizeof wrapped;
    uint32_t handle, wrapping, back;
    test_random(key, sizeof key);
    OK(hufu_key_generate(user, &over, &wrapping, NULL, NULL));
    OK(hufu_key_put(user, &readable, key, sizeof key, &handle, NULL, NULL));
    OK(hufu_key_value(user, handle, got, &n));
    ck_assert(n == sizeof key && !memcmp(got, key, n));
    OK(hufu_key_wrap(user, wrapping, HUFU_WRAP_KW, 0, handle, wrapped, &wrapped_size));
    ck_assert_uint_eq(wrapped_size, sizeof key + 8);
    OK(hufu_key_unwrap(user, wrapping, HUFU_WRAP_KW, 0, wrapped, wrapped_size, &readable, &back,
                       NULL, &n));
    ck_assert(back != handle && n == 0);
    n = sizeof got;
    OK(hufu_key_value(user, back, got, &n));
    ck_assert(n == sizeof key && !memcmp(got, key, n));
    for (size_t i = 0; i < wrapped_size; i++) {
        wrapped[i] ^= 1;
        ck_assert(hufu_key_unwrap(user, wrapping, HUFU_WRAP_KW, 0, wrapped, wrapped_size, &readable,
                                  &back, NULL, NULL) != HUFU_OK);
        wrapped[i] ^= 1;
    }
    wrapped_size = 7; /* too little room: said before anything is written */
    ck_assert(hufu_key_wrap(user, wrapping, HUFU_WRAP_KW, 0, handle, wrapped, &wrapped_size) !=
              HUFU_OK);
    ck_assert(hufu_key_value(user, wrapping, got, &n) != HUFU_OK);
}
END_TEST

START_TEST(public_part_of_what_came)
{
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = "came"};
    uint8_t d[32] = {0}, point[HUFU_PUBLIC_MAX];
    struct hufu_object o;
    size_t n = 0;
    uint32_t handle;
    ck_assert(hufu_key_take(user, &spec, d, sizeof d, &handle, point, &n) != HUFU_OK); /* no key */
    d[31] = 2;
    OK(hufu_key_take(user, &spec, d, sizeof d, &handle, point, &n));
    OK(hufu_object_info(user, handle, &o));
    ck_assert(n == 64 && o.public_size == n && !memcmp(o.public_key, point, n));
    d[31] = 3;
    OK(hufu_key_put(user, &spec, d, sizeof d, &handle, point, &n));
    ck_assert(n == 64 && memcmp(o.public_key, point, n) != 0);
    OK(hufu_key_take(user, &readable, d, 16, &handle, NULL, NULL));
    IS(HUFU_E_ARGUMENT, hufu_key_take(user, &spec, d, 5000, &handle, NULL, NULL));
}
END_TEST

START_TEST(attested)
{
    const struct hufu_key_spec spec = {.type = HUFU_KEY_SM2,
                                       .usage = HUFU_USAGE_SIGN,
                                       .label = "stated",
                                       .id = "id",
                                       .id_size = 2};
    struct hufu_attestation a;
    uint8_t point[HUFU_PUBLIC_MAX];
    size_t n = 0;
    uint32_t handle;
    OK(hufu_key_generate(user, &spec, &handle, point, &n));
    OK(hufu_attest(user, handle, "nonce", 5, &a));
    ck_assert(a.says.nonce_size == 5 && !memcmp(a.says.nonce, "nonce", 5));
    ck_assert_str_eq(a.says.key.label, "stated");
    ck_assert(a.says.key.id_size == 2 && !memcmp(a.says.key.id, "id", 2));
    ck_assert(a.says.key.public_size == n && !memcmp(a.says.key.public_key, point, n));
    for (size_t size = 0; size < a.statement_size; size++)
        ck_assert(hufu_statement_read(a.statement, size, &a.says) != HUFU_OK);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("all");
    Suite *s = suite_create("host_wrap");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_set_timeout(tc, 60);
    tcase_add_test(tc, there_and_back);
    tcase_add_test(tc, public_part_of_what_came);
    tcase_add_test(tc, attested);
    suite_add_tcase(s, tc);
    test_seed();
    return suite_run(s);
}
