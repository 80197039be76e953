/*
 * libhufu against a device that lies: the input is the device's answers, one after the other, each
 * after two bytes of length; every function of the library is called. What it gives out must be in
 * range.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/lib/liar.h"

struct stream {
    const uint8_t *p, *end;
};

/* After the last answer the link is lost. */
static void say_next(struct liar *l, const struct hufu_request *r, struct wr *w)
{
    struct stream *s = l->context;
    (void)r;
    if (s->end - s->p < 2) {
        l->failure = HUFU_E_UNKNOWN_OUTCOME;
        return;
    }
    size_t n = (size_t)(s->p[0] << 8 | s->p[1]);
    s->p += 2;
    if (n > (size_t)(s->end - s->p))
        n = (size_t)(s->end - s->p);
    wr_bytes(w, s->p, n);
    s->p += n;
}

static void check_text(const char *text, size_t room)
{
    REQUIRE(memchr(text, 0, room) != NULL);
    for (; *text; text++)
        REQUIRE((unsigned char)*text >= 0x20 && *text != 0x7F);
}

static int each_object(void *context, const struct hufu_object *o)
{
    uint32_t *last = context;
    REQUIRE(o->handle > *last && o->id_size <= HUFU_ID_MAX);
    check_text(o->label, sizeof o->label);
    *last = o->handle;
    return 0;
}

static int each_entry(void *context, const struct hufu_log_entry *e)
{
    uint64_t *last = context;
    REQUIRE(e->sequence > *last);
    check_text(e->detail, sizeof e->detail);
    *last = e->sequence;
    return 0;
}

static int each_chunk(void *context, const struct hufu_key_chunk *k)
{
    unsigned sum = 0, *chunks = context;
    REQUIRE(k->good <= k->count && k->count > 0 && k->ticket);
    REQUIRE(k->status_size == (k->count + 7) / 8);
    for (size_t i = 0; i < k->count * k->record_size; i++)
        sum += k->records[i];
    for (size_t i = 0; i < k->status_size; i++)
        sum += k->status[i];
    return ++*chunks > 20 && sum != 1;
}

static void about(struct hufu_device *d)
{
    struct hufu_info info;
    struct hufu_capabilities c;
    struct hufu_selftest t;
    uint8_t bytes[40];
    struct hufu_account a[HUFU_ACCOUNTS_MAX];
    size_t n = HUFU_ACCOUNTS_MAX;
    if (!hufu_info(d, &info)) {
        check_text(info.label, sizeof info.label);
        check_text(info.failure, sizeof info.failure);
        check_text(info.engine, sizeof info.engine);
    }
    hufu_capabilities(d, &c);
    hufu_selftest(d, &t);
    hufu_random(d, bytes, sizeof bytes);
    if (!hufu_account_list(d, a, &n))
        for (size_t i = 0; i < n; i++)
            check_text(a[i].name, sizeof a[i].name);
    hufu_account_find(d, "somebody", bytes);
}

static void accounts(struct hufu_device *d, struct hufu_session *s)
{
    const struct hufu_init init = {.retries = 3, .label = "l", .admin_pin = "123456"};
    uint8_t out[16];
    hufu_device_init(d, &init, out);
    hufu_device_unlock(d, "123456", 6);
    hufu_login(s, 1, "123456", 6, out);
    hufu_pin_change(s, 1, "123456", 6, "654321", 6);
    hufu_pin_unblock(s, 1, "123456", 6);
    hufu_account_create(s, 1, 3, "name", "123456", 6, out);
    hufu_account_delete(s, 3);
    hufu_device_label(s, "x");
    hufu_device_lock(s);
}

static void keys(struct hufu_session *s)
{
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = "k"};
    const struct hufu_batch batch = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .total = 30, .chunk = 10, .resume = 1};
    struct hufu_object o;
    struct hufu_wrapped w;
    uint8_t public_key[HUFU_PUBLIC_MAX];
    uint32_t handle = 0, last = 0;
    uint64_t made;
    unsigned chunks = 0;
    size_t n;
    hufu_key_generate(s, &spec, &handle, public_key, &n);
    hufu_object_list(s, 0, each_object, &last);
    if (!hufu_object_info(s, 1, &o))
        REQUIRE(o.public_size <= sizeof o.public_key);
    hufu_object_find(s, 0, "k", NULL, 0, &handle);
    hufu_object_label(s, 1, "k", NULL, 0);
    if (!hufu_key_export(s, 1, &w)) {
        REQUIRE(w.record_size <= sizeof w.record);
        hufu_key_import(s, &w, "k", NULL, 0, &handle);
    }
    hufu_key_batch(s, &batch, each_chunk, &chunks, &made);
    hufu_key_fetch(s, 5, each_chunk, &chunks);
    hufu_object_destroy(s, 1);
}

static void uses(struct hufu_session *s)
{
    static uint8_t digests[32 * 40], signatures[64 * 40], good[40];
    const struct hufu_signing sm2 = {.scheme = HUFU_SIGN_SM2}, pss = {.scheme = HUFU_SIGN_RSA_PSS};
    const struct hufu_ciphering c = {.scheme = HUFU_CIPHER_SM4_CTR, .iv = digests, .iv_size = 16};
    const struct hufu_key key = {.handle = 1};
    const struct hufu_agreement a = {.peer = digests, .peer_temporary = digests, .size = 16};
    struct hufu_agreed agreed;
    uint8_t out[HUFU_SIGNATURE_MAX];
    size_t n = 0;
    if (!hufu_sign(s, 1, &sm2, digests, 32, out, &n))
        REQUIRE(n == 64);
    if (!hufu_sign(s, 1, &pss, digests, 32, out, &n))
        REQUIRE(n <= sizeof out);
    hufu_sign_batch(s, 1, &sm2, digests, 32, 40, signatures, 64, good);
    hufu_verify(s, &key, &sm2, digests, 32, signatures, 64);
    n = sizeof out;
    if (!hufu_encrypt(s, &key, &c, digests, 100, out, &n))
        REQUIRE(n <= sizeof out);
    n = 100;
    if (!hufu_decrypt(s, 1, &c, digests, 100, out, &n))
        REQUIRE(n <= 100);
    hufu_agree_begin(s, 1, out);
    if (!hufu_agree_finish(s, &a, &agreed))
        REQUIRE(agreed.key_size <= sizeof agreed.key);
    if (!hufu_digest(s, HUFU_DIGEST_SM3, NULL, NULL, 0, digests, 5, out, &n))
        REQUIRE(n == 32);
    hufu_hash_init(s, HUFU_DIGEST_SM3, NULL, NULL, 0);
    hufu_hash_update(s, digests, 5);
    if (!hufu_hash_final(s, out, &n))
        REQUIRE(n <= HUFU_DIGEST_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!size)
        return 0;
    struct stream stream = {data + 1, data + size};
    struct liar *l = liar_new();
    struct hufu_device *d;
    struct hufu_session *s;
    uint64_t last = 0;
    l->context = &stream;
    if (data[0] & 1) /* lies from the start */
        l->answer = say_next;
    if (device_attach(&d, "liar:", &l->base, NULL))
        return 0;
    l->answer = say_next;
    /* the other bits choose where to begin, so that short inputs reach everything */
    if (!(data[0] & 2))
        about(d);
    if (hufu_session_open(d, &s))
        s = hufu_nobody(d);
    if (!(data[0] & 4))
        accounts(d, s);
    if (!(data[0] & 8))
        keys(s);
    if (!(data[0] & 16))
        uses(s);
    hufu_log_read(s, 0, each_entry, &last);
    hufu_session_close(s);
    hufu_close(d);
    return 0;
}
