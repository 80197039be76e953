/* libhufu against a device that lies: whatever comes back, the answer is a status, never a crash or
 * nonsense. */
#include <check.h>

#include "tests/lib/liar.h"
#include "tests/lib/run.h"
#include "tests/lib/vec.h"

static struct liar *liar;
static struct hufu_device *device;
static struct hufu_session *session;

static void set_up(void)
{
    liar = liar_new();
    ck_assert_int_eq(device_attach(&device, "liar:", &liar->base, NULL), HUFU_OK);
    session = hufu_nobody(device);
}

static void tear_down(void)
{
    hufu_close(device);
}

/* ------------------------------------------------------------------ answers as bytes */

struct bytes {
    uint8_t data[4096];
    size_t size;
};

static void say_bytes(struct liar *l, const struct hufu_request *r, struct wr *w)
{
    const struct bytes *b = l->context;
    (void)r;
    wr_bytes(w, b->data, b->size);
}

static struct bytes *answers(struct bytes *b, uint16_t sw)
{
    b->data[b->size++] = (uint8_t)(sw >> 8);
    b->data[b->size++] = (uint8_t)sw;
    liar->answer = say_bytes;
    liar->context = b;
    return b;
}

/* The bytes of a struct's encoding: PUT(b, object_info_rsp, &m) */
#define PUT(b, type, m)                                                                            \
    do {                                                                                           \
        struct wr w_;                                                                              \
        wr_init(&w_, (b)->data, sizeof(b)->data);                                                  \
        type##_put(&w_, (m));                                                                      \
        ck_assert(!w_.bad);                                                                        \
        (b)->size = wr_size(&w_);                                                                  \
    } while (0)

/* ------------------------------------------------------------------ greeting */

START_TEST(other_protocol)
{
    struct liar *l = liar_new();
    struct hufu_device *d = device;
    l->protocol = 77;
    ck_assert_int_eq(device_attach(&d, "liar:", &l->base, NULL), HUFU_E_PROTOCOL);
    ck_assert_ptr_null(d);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "77"));
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "protocol 1"));
    ck_assert_ptr_null(strchr(hufu_last_error(), '\n'));
}
END_TEST

START_TEST(info_cut_and_longer)
{
    struct bytes whole = {{0}, 0};
    struct hufu_info info;
    struct wr w;
    wr_init(&w, whole.data, sizeof whole.data);
    liar_info(liar, &w);
    const size_t n = wr_size(&w) - 2;
    for (size_t i = 0; i <= n + 1; i++) {
        struct bytes part = whole;
        part.size = i;
        answers(&part, SW_OK);
        ck_assert_int_eq(hufu_info(device, &info), i == n ? HUFU_OK : HUFU_E_BAD_ANSWER);
    }
}
END_TEST

START_TEST(info_out_of_range)
{
    const struct view none = {NULL, 0};
    struct info_rsp m = {.protocol = 1, .state = STATE_READY, .frame_max = 4096};
    struct hufu_info info;
    m.version = m.label = m.engine = m.port = m.failure = none;
    for (unsigned state = 0; state < 256; state++) {
        struct bytes b = {{0}, 0};
        m.state = (uint8_t)state;
        PUT(&b, info_rsp, &m);
        answers(&b, SW_OK);
        ck_assert_int_eq(hufu_info(device, &info), state >= STATE_BLANK && state <= STATE_TESTING
                                                       ? HUFU_OK
                                                       : HUFU_E_BAD_ANSWER);
    }
    struct bytes b = {{0}, 0};
    m.state = STATE_READY;
    m.frame_max = 0;
    PUT(&b, info_rsp, &m);
    answers(&b, SW_OK);
    ck_assert_int_eq(hufu_info(device, &info), HUFU_E_BAD_ANSWER);
}
END_TEST

START_TEST(text_is_made_harmless)
{
    char out[33];
    text_get(out, sizeof out, as_text("plain \xE5\xAF\x86\xE9\x92\xA5"));
    ck_assert_str_eq(out, "plain \xE5\xAF\x86\xE9\x92\xA5");
    text_get(out, sizeof out, as_view("a\0b\x1B[31m\n\x7F", 10));
    ck_assert_str_eq(out, "a?b?[31m??");
    text_get(out, sizeof out,
             as_text("\xC0\xAF \xED\xA0\x80 \xF5\x80\x80\x80 \xE2\x80\xAE \xE5\xAF"));
    ck_assert_str_eq(out, "?? ??? ???? ??? ??");
    text_get(out, 4, as_text("abcdef"));
    ck_assert_str_eq(out, "abc");
}
END_TEST

/* ------------------------------------------------------------------ status words */

START_TEST(status_words)
{
    for (size_t i = 0; i < proto_status_count; i++) {
        struct bytes b = {{0}, 0};
        answers(&b, proto_statuses[i].sw);
        const enum hufu_status s = hufu_login(session, 1, "123456", 6, NULL);
        if (proto_statuses[i].sw == SW_OK) {
            ck_assert_int_eq(s, HUFU_E_BAD_ANSWER); /* there should be a role */
            continue;
        }
        ck_assert_uint_eq(s, proto_statuses[i].sw);
        ck_assert_uint_eq(hufu_last_sw(), proto_statuses[i].sw);
        ck_assert_ptr_nonnull(strstr(hufu_last_error(), proto_statuses[i].text));
        ck_assert_ptr_nonnull(strstr(hufu_last_error(), "liar:"));
        ck_assert_str_eq(hufu_strerror(s), proto_statuses[i].text);
        ck_assert_str_eq(hufu_status_name(s), proto_statuses[i].name);
    }
}
END_TEST

START_TEST(tries_left)
{
    struct bytes b = {{0}, 0};
    answers(&b, 0x63C4);
    ck_assert_int_eq(hufu_login(session, 1, "123456", 6, NULL), HUFU_E_PIN_WRONG);
    ck_assert_uint_eq(hufu_last_sw() & 15, 4);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "tries left: 4"));
}
END_TEST

START_TEST(unknown_words_and_none)
{
    struct bytes b = {{0}, 0};
    answers(&b, 0x1234);
    ck_assert_int_eq(hufu_logout(session), HUFU_E_INTERNAL);
    for (b.size = 0; b.size < 2; b.size++)
        ck_assert_int_eq(hufu_logout(session), HUFU_E_BAD_ANSWER);
}
END_TEST

START_TEST(every_status_has_words)
{
    for (int i = 0; i <= HUFU_E_CRYPTO; i++) {
        ck_assert_str_ne(hufu_status_name((enum hufu_status)i), "UNKNOWN");
        ck_assert_str_ne(hufu_strerror((enum hufu_status)i), "unknown status");
    }
    ck_assert_str_eq(hufu_strerror((enum hufu_status)9999), "unknown status");
}
END_TEST

START_TEST(names)
{
    uint32_t v = 0;
    ck_assert_str_eq(hufu_name("key", HUFU_KEY_SM2), "SM2");
    ck_assert_ptr_null(hufu_name("key", 99));
    ck_assert_ptr_null(hufu_name(NULL, 1));
    ck_assert_int_eq(hufu_value("usage", "export-wrapped", &v), HUFU_OK);
    ck_assert_uint_eq(v, HUFU_USAGE_EXPORT_WRAPPED);
    ck_assert_int_eq(hufu_value("usage", "fly", &v), HUFU_E_NOT_FOUND);
    ck_assert_int_eq(hufu_value("usage", "a name that is far longer than any of the names", &v),
                     HUFU_E_NOT_FOUND);
    ck_assert_str_eq(hufu_command_name(INS_KEY_BATCH), "key_batch");
    ck_assert_ptr_null(hufu_command_name(0xFF));
}
END_TEST

/* ------------------------------------------------------------------ links that fail */

START_TEST(lost_links)
{
    uint8_t b[8];
    liar->failure = HUFU_E_UNKNOWN_OUTCOME;
    ck_assert_int_eq(hufu_random(device, b, sizeof b), HUFU_E_UNKNOWN_OUTCOME);
    liar->failure = HUFU_E_BAD_ANSWER;
    ck_assert_int_eq(hufu_random(device, b, sizeof b), HUFU_E_BAD_ANSWER);
    liar->failure = HUFU_OK;
    liar->silent = true;
    ck_assert_int_eq(hufu_random(device, b, sizeof b), HUFU_E_TIMEOUT);
    liar->silent = false;
    liar->submit = HUFU_E_LINK;
    ck_assert_int_eq(hufu_random(device, b, sizeof b), HUFU_E_LINK);
}
END_TEST

START_TEST(sessions_end_with_their_link)
{
    struct bytes b = {{0x12, 0x34}, 2};
    struct hufu_session *s;
    answers(&b, SW_OK);
    ck_assert_int_eq(hufu_session_open(device, &s), HUFU_OK);
    ck_assert_uint_eq(hufu_channel(s), 0x1234);
    ck_assert_int_eq(hufu_reconnect(device), HUFU_E_URL); /* liar: cannot be opened by its URL */
    ck_assert_int_eq(hufu_logout(s), HUFU_E_LINK);        /* between links */
    device->generation++;
    ck_assert_int_eq(hufu_logout(s), HUFU_E_NO_SESSION); /* never on another's channel */
    hufu_session_close(s);
}
END_TEST

START_TEST(channel_zero_is_no_session)
{
    struct bytes b = {{0, 0}, 2};
    struct hufu_session *s;
    answers(&b, SW_OK);
    ck_assert_int_eq(hufu_session_open(device, &s), HUFU_E_BAD_ANSWER);
    ck_assert_ptr_null(s);
}
END_TEST

/* ------------------------------------------------------------------ sizes and numbers */

START_TEST(random_of_another_size)
{
    uint8_t out[16];
    for (size_t n = 0; n < 40; n++) {
        struct bytes b = {{0}, n};
        answers(&b, SW_OK);
        ck_assert_int_eq(hufu_random(device, out, sizeof out),
                         n == 16 ? HUFU_OK : HUFU_E_BAD_ANSWER);
    }
}
END_TEST

START_TEST(signatures_of_another_size)
{
    static const uint8_t zeros[600];
    const struct hufu_signing sm2 = {.scheme = HUFU_SIGN_SM2}, rsa = {.scheme = HUFU_SIGN_RSA_PSS};
    uint8_t signature[HUFU_SIGNATURE_MAX];
    size_t got;
    for (size_t n = 0; n <= 512; n++) {
        struct bytes b = {{0}, 0};
        const struct sign_rsp m = {{zeros, n}};
        PUT(&b, sign_rsp, &m);
        answers(&b, SW_OK);
        ck_assert_int_eq(hufu_sign(session, 1, &sm2, zeros, 32, signature, &got),
                         n == 64 ? HUFU_OK : HUFU_E_BAD_ANSWER);
        ck_assert_int_eq(hufu_sign(session, 1, &rsa, zeros, 32, signature, &got),
                         n == 256 || n == 384 || n == 512 ? HUFU_OK : HUFU_E_BAD_ANSWER);
    }
}
END_TEST

START_TEST(objects_that_cannot_be)
{
    static const uint8_t key[516];
    static const struct {
        uint8_t type;
        size_t size;
        enum hufu_status status;
    } rows[] = {{KEY_SM2, 64, HUFU_OK},           {KEY_SM2, 65, HUFU_E_BAD_ANSWER},
                {KEY_RSA2048, 260, HUFU_OK},      {KEY_RSA2048, 388, HUFU_E_BAD_ANSWER},
                {KEY_RSA4096, 516, HUFU_OK},      {KEY_SM4, 0, HUFU_OK},
                {KEY_SM4, 16, HUFU_E_BAD_ANSWER}, {0, 0, HUFU_E_BAD_ANSWER},
                {31, 64, HUFU_E_BAD_ANSWER}};
    struct hufu_object o;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes b = {{0}, 0};
        const struct object_info_rsp m = {.type = rows[i].type,
                                          .label = as_text("x"),
                                          .id = as_text(""),
                                          .public = as_view(key, rows[i].size)};
        PUT(&b, object_info_rsp, &m);
        answers(&b, SW_OK);
        ck_assert_int_eq(hufu_object_info(session, 5, &o), rows[i].status);
    }
}
END_TEST

static int count_objects(void *context, const struct hufu_object *o)
{
    unsigned *n = context;
    ck_assert_uint_ne(o->handle, 0);
    return ++*n > 1000;
}

static void list_of(struct bytes *b, uint32_t next, const uint32_t *handles, size_t n, uint8_t type)
{
    struct wr w;
    wr_init(&w, b->data, sizeof b->data);
    wr_u32(&w, next);
    for (size_t i = 0; i < n; i++) {
        const struct object_entry e = {
            .handle = handles[i], .type = type, .label = as_text("l"), .id = as_text("i")};
        object_entry_put(&w, &e);
    }
    b->size = wr_size(&w);
    answers(b, SW_OK);
}

START_TEST(lists_that_cannot_be)
{
    static const struct {
        uint32_t next, handles[3];
        size_t n;
        uint8_t type;
        enum hufu_status status;
    } rows[] = {
        {0, {1, 2, 3}, 3, KEY_SM2, HUFU_OK},           {0, {0}, 0, KEY_SM2, HUFU_OK},
        {0, {1, 3, 2}, 3, KEY_SM2, HUFU_E_BAD_ANSWER}, /* not in order */
        {0, {1, 1, 2}, 3, KEY_SM2, HUFU_E_BAD_ANSWER}, /* twice */
        {0, {0, 1, 2}, 3, KEY_SM2, HUFU_E_BAD_ANSWER}, /* no handle */
        {0, {1, 2, 3}, 3, 31, HUFU_E_BAD_ANSWER},      /* no type */
        {3, {1, 2, 3}, 3, KEY_SM2, HUFU_E_BAD_ANSWER}, /* the same again and again */
        {7, {0}, 0, KEY_SM2, HUFU_E_BAD_ANSWER},       /* more, but nothing comes */
        {1, {1, 2, 3}, 3, KEY_SM2, HUFU_E_BAD_ANSWER}, /* back */
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct bytes b = {{0}, 0};
        unsigned n = 0;
        list_of(&b, rows[i].next, rows[i].handles, rows[i].n, rows[i].type);
        ck_assert_int_eq(hufu_object_list(session, 0, count_objects, &n), rows[i].status);
    }
}
END_TEST

START_TEST(list_of_another_type)
{
    static const uint32_t handles[] = {1, 2};
    struct bytes b = {{0}, 0};
    unsigned n = 0;
    list_of(&b, 0, handles, 2, KEY_SM2);
    ck_assert_int_eq(hufu_object_list(session, KEY_SM4, count_objects, &n), HUFU_E_BAD_ANSWER);
}
END_TEST

static int stop_at_once(void *context, const struct hufu_object *o)
{
    (void)context, (void)o;
    return 1;
}

START_TEST(list_is_stopped)
{
    static const uint32_t handles[] = {1, 2};
    struct bytes b = {{0}, 0};
    list_of(&b, 0, handles, 2, KEY_SM2);
    ck_assert_int_eq(hufu_object_list(session, 0, stop_at_once, NULL), HUFU_E_STOPPED);
}
END_TEST

static int count_entries(void *context, const struct hufu_log_entry *e)
{
    unsigned *n = context;
    (void)e;
    return ++*n > 1000;
}

START_TEST(log_without_end)
{
    struct bytes b = {{0}, 0};
    struct wr w;
    unsigned n = 0;
    const struct log_entry e = {.sequence = 5, .detail = as_text("x")};
    wr_init(&w, b.data, sizeof b.data);
    wr_u64(&w, 1);
    wr_u64(&w, 1000000);
    log_entry_put(&w, &e);
    b.size = wr_size(&w);
    answers(&b, SW_OK);
    ck_assert_int_eq(hufu_log_read(session, 0, count_entries, &n), HUFU_E_BAD_ANSWER);
    ck_assert_uint_eq(n, 1);
}
END_TEST

START_TEST(accounts_too_many)
{
    struct bytes b = {{0}, 0};
    struct hufu_account a[HUFU_ACCOUNTS_MAX];
    struct wr w;
    size_t n = 1;
    wr_init(&w, b.data, sizeof b.data);
    for (unsigned i = 0; i < 2; i++) {
        const struct account_entry e = {.account = (uint8_t)(i + 1), .name = as_text("n")};
        account_entry_put(&w, &e);
    }
    b.size = wr_size(&w);
    answers(&b, SW_OK);
    ck_assert_int_eq(hufu_account_list(device, a, &n), HUFU_E_ROOM);
    ck_assert_uint_eq(n, 2);
    for (unsigned i = 0; i < 40; i++) {
        const struct account_entry e = {.account = (uint8_t)(i + 1), .name = as_text("n")};
        account_entry_put(&w, &e);
    }
    b.size = wr_size(&w);
    answers(&b, SW_OK);
    n = HUFU_ACCOUNTS_MAX;
    ck_assert_int_eq(hufu_account_list(device, a, &n), HUFU_E_BAD_ANSWER);
}
END_TEST

START_TEST(keys_without_handle)
{
    static const uint8_t key[64];
    const struct hufu_key_spec spec = {.type = HUFU_KEY_SM2, .label = "x"};
    struct key_generate_rsp m = {0, {key, 64}};
    struct bytes b = {{0}, 0};
    uint32_t handle = 77;
    PUT(&b, key_generate_rsp, &m);
    answers(&b, SW_OK);
    ck_assert_int_eq(hufu_key_generate(session, &spec, &handle, NULL, NULL), HUFU_E_BAD_ANSWER);
    ck_assert_uint_eq(handle, 77);
    m = (struct key_generate_rsp){5, {key, 63}};
    PUT(&b, key_generate_rsp, &m);
    answers(&b, SW_OK);
    ck_assert_int_eq(hufu_key_generate(session, &spec, &handle, NULL, NULL), HUFU_E_BAD_ANSWER);
}
END_TEST

START_TEST(decrypted_is_never_longer)
{
    const struct hufu_ciphering c = {.scheme = HUFU_CIPHER_SM4_CTR};
    uint8_t out[64];
    size_t n = sizeof out;
    struct bytes b = {{0}, 17};
    answers(&b, SW_OK);
    ck_assert_int_eq(hufu_decrypt(session, 1, &c, out, 16, out, &n), HUFU_E_BAD_ANSWER);
    b.size = 16;
    answers(&b, SW_OK);
    n = 15;
    ck_assert_int_eq(hufu_decrypt(session, 1, &c, out, 16, out, &n), HUFU_E_ROOM);
    ck_assert_uint_eq(n, 16);
    ck_assert_int_eq(hufu_decrypt(session, 1, &c, out, 16, out, &n), HUFU_OK);
}
END_TEST

START_TEST(digests_of_another_size)
{
    static const uint8_t zeros[64];
    uint8_t digest[HUFU_DIGEST_MAX];
    size_t n;
    for (size_t size = 0; size <= 64; size++) {
        struct bytes b = {{0}, 0};
        const struct digest_rsp m = {{zeros, size}};
        PUT(&b, digest_rsp, &m);
        answers(&b, SW_OK);
        ck_assert_int_eq(hufu_digest(session, HUFU_DIGEST_SM3, NULL, NULL, 0, zeros, 1, digest, &n),
                         size == 32 ? HUFU_OK : HUFU_E_BAD_ANSWER);
    }
}
END_TEST

START_TEST(agreements_that_cannot_be)
{
    static const uint8_t point[64];
    struct hufu_agreement a = {.peer = point, .peer_temporary = point, .size = 16};
    struct agree_finish_rsp m = {
        .confirm_own = point, .confirm_peer = point, .key = as_view(point, 16)};
    struct hufu_agreed out;
    struct bytes b = {{0}, 0};
    PUT(&b, agree_finish_rsp, &m);
    answers(&b, SW_OK);
    ck_assert_int_eq(hufu_agree_finish(session, &a, &out), HUFU_E_BAD_ANSWER); /* no handle */
    a.flags = HUFU_AGREE_KEY_OUT;
    ck_assert_int_eq(hufu_agree_finish(session, &a, &out), HUFU_OK);
    a.size = 17;
    ck_assert_int_eq(hufu_agree_finish(session, &a, &out), HUFU_E_BAD_ANSWER);
}
END_TEST

/* ------------------------------------------------------------------ arguments */

START_TEST(arguments_out_of_range)
{
    static uint8_t big[HUFU_FRAME_MAX + 1];
    const struct hufu_signing sm2 = {.scheme = HUFU_SIGN_SM2_MESSAGE};
    const struct hufu_key_spec label = {
        .type = 1,
        .label = "a label that is far longer than the sixty-four bytes that a device takes"};
    uint8_t signature[HUFU_SIGNATURE_MAX];
    size_t n = 0;
    uint32_t handle;
    struct hufu_request *r;
    static const char longest[HUFU_PIN_MAX + 1];
    const unsigned before = liar->commands;
    ck_assert_int_eq(hufu_sign(NULL, 1, &sm2, big, 1, signature, &n), HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_sign(session, 1, &sm2, NULL, 5, signature, &n), HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_sign(session, 1, &sm2, big, sizeof big, signature, &n), HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_key_generate(session, &label, &handle, NULL, NULL), HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_login(session, 1, longest, HUFU_PIN_MAX + 1, NULL), HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_submit(device, 0, INS_DIGEST, big, sizeof big, &r), HUFU_E_ARGUMENT);
    ck_assert_ptr_null(r);
    ck_assert_int_eq(hufu_submit(device, 0, INS_DIGEST, NULL, 1, &r), HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_wait(NULL, NULL, NULL), HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_hash_update(session, NULL, 3), HUFU_E_ARGUMENT);
    ck_assert_int_eq(hufu_sign_batch(session, 1, &sm2, big, 0, 3, signature, 64, NULL),
                     HUFU_E_ARGUMENT);
    hufu_release(NULL);
    hufu_session_close(NULL);
    hufu_close(NULL);
    hufu_archive_close(NULL);
    ck_assert_uint_eq(liar->commands, before); /* the device was not asked */
}
END_TEST

START_TEST(urls)
{
    struct hufu_device *d;
    unsetenv("HUFU_DEVICE");
    ck_assert_int_eq(hufu_open(&d, NULL), HUFU_E_URL);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "HUFU_DEVICE"));
    ck_assert_int_eq(hufu_open(&d, "gopher:hole"), HUFU_E_URL);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "unix:PATH"));
    ck_assert_int_eq(hufu_open(&d, ""), HUFU_E_URL);
    ck_assert_int_eq(hufu_open(&d, "unix:"), HUFU_E_URL);
    ck_assert_int_eq(hufu_open(&d, "unix:/nowhere/at/all"), HUFU_E_OPEN);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "cannot reach hufu-sim at /nowhere/at/all"));
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "start it with"));
    ck_assert_ptr_null(d);
    char path[200] = "unix:";
    memset(path + 5, 'x', 150);
    ck_assert_int_eq(hufu_open(&d, path), HUFU_E_URL);
    setenv("HUFU_DEVICE", "unix:/nowhere/either", 1);
    ck_assert_int_eq(hufu_open(&d, NULL), HUFU_E_OPEN);
    ck_assert_ptr_nonnull(strstr(hufu_last_error(), "/nowhere/either"));
}
END_TEST

/* Any answer to any call: truncated, random, of any size. */
static void say_random(struct liar *l, const struct hufu_request *r, struct wr *w)
{
    uint8_t noise[300];
    (void)l, (void)r;
    const size_t n = test_random_below(sizeof noise);
    test_random(noise, n);
    wr_bytes(w, noise, n);
    wr_u16(w, SW_OK);
}

START_TEST(noise)
{
    static const uint8_t point[64];
    const struct hufu_signing sm2 = {.scheme = HUFU_SIGN_SM2};
    const struct hufu_batch batch = {.type = HUFU_KEY_SM2, .total = 3};
    struct hufu_object o;
    struct hufu_account a[HUFU_ACCOUNTS_MAX];
    struct hufu_wrapped wrapped;
    struct hufu_info info;
    uint8_t out[HUFU_SIGNATURE_MAX];
    test_seed();
    liar->answer = say_random;
    for (unsigned i = 0; i < 3000; i++) {
        unsigned n = 0;
        size_t size = HUFU_ACCOUNTS_MAX;
        hufu_info(device, &info);
        hufu_object_info(session, 1, &o);
        hufu_object_list(session, 0, count_objects, &n);
        n = 0;
        hufu_log_read(session, 0, count_entries, &n);
        hufu_account_list(device, a, &size);
        hufu_key_export(session, 1, &wrapped);
        hufu_sign(session, 1, &sm2, point, 32, out, &size);
        hufu_sign_batch(session, 1, &sm2, point, 32, 2, out, 64, NULL);
        hufu_key_batch(session, &batch, hufu_archive_chunk, NULL, NULL);
    }
}
END_TEST

int main(void)
{
    Suite *s = suite_create("host");
    TCase *t = tcase_create("liar");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, other_protocol);
    tcase_add_test(t, info_cut_and_longer);
    tcase_add_test(t, info_out_of_range);
    tcase_add_test(t, text_is_made_harmless);
    tcase_add_test(t, status_words);
    tcase_add_test(t, tries_left);
    tcase_add_test(t, unknown_words_and_none);
    tcase_add_test(t, every_status_has_words);
    tcase_add_test(t, names);
    tcase_add_test(t, lost_links);
    tcase_add_test(t, sessions_end_with_their_link);
    tcase_add_test(t, channel_zero_is_no_session);
    tcase_add_test(t, random_of_another_size);
    tcase_add_test(t, signatures_of_another_size);
    tcase_add_test(t, objects_that_cannot_be);
    tcase_add_test(t, lists_that_cannot_be);
    tcase_add_test(t, list_of_another_type);
    tcase_add_test(t, list_is_stopped);
    tcase_add_test(t, log_without_end);
    tcase_add_test(t, accounts_too_many);
    tcase_add_test(t, keys_without_handle);
    tcase_add_test(t, decrypted_is_never_longer);
    tcase_add_test(t, digests_of_another_size);
    tcase_add_test(t, agreements_that_cannot_be);
    tcase_add_test(t, arguments_out_of_range);
    tcase_add_test(t, urls);
    tcase_add_test(t, noise);
    tcase_set_timeout(t, 120);
    suite_add_tcase(s, t);
    return suite_run(s);
}
