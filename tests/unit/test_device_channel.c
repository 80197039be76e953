/* The device's end of the secure channel: what it takes, what it refuses, what ends it. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "firmware/app/core.h"
#include "tests/lib/run.h"
#include "tests/lib/sealed.h"
#include "tests/lib/vec.h"

static struct dev dv;
static struct sealed one, two;

static void open_with(uint8_t flags)
{
    dev_prepare(&dv);
    dv.segments = 16;
    dv.segment_size = 32768;
    dv.config.objects_max = 64;
    dv.config.sessions_max = 12;
    dev_start(&dv);
    if (flags & INIT_CHANNEL) { /* as its owner would: INIT in clear, all the rest in a channel */
        MUST(do_init(&dv, 0,
                     &(struct init_req){.flags = flags,
                                        .retries = DEV_RETRIES,
                                        .admin_pin = dev_text(DEV_ADMIN_PIN),
                                        .user_pin = dev_text(DEV_USER_PIN)},
                     NULL));
        return;
    }
    dev_init(&dv, flags);
}

static void on(void)
{
    open_with(0);
    sealed_open(&dv, &one, NULL);
}

static void off(void)
{
    dev_close(&dv);
}

/* dev_login inside of the channel. */
static uint16_t login_in(struct sealed *s, uint8_t account)
{
    sealed_use(&dv, s);
    const uint16_t session = dev_login(&dv, account);
    sealed_use(&dv, NULL);
    return session;
}

static uint16_t label_in(struct sealed *s, uint16_t session, const char *text)
{
    sealed_use(&dv, s);
    const uint16_t sw = do_label(&dv, session, &(struct label_req){dev_text(text)}, NULL);
    sealed_use(&dv, NULL);
    return sw;
}

static bool label_is(const char *text)
{
    const struct info_rsp r = dev_info(&dv);
    return r.label.size == strlen(text) && !memcmp(r.label.data, text, r.label.size);
}

static unsigned sessions(void)
{
    const struct info_rsp r = dev_info(&dv);
    return r.sessions;
}

/* The next LABEL command of one, sealed but not sent. */
static size_t label_record(uint16_t session, const char *text, uint8_t *out)
{
    uint8_t data[2 + 32];
    struct wr w;
    wr_init(&w, data, sizeof data);
    label_req_put(&w, &(struct label_req){dev_text(text)});
    return sealed_put(&one, 0, session, INS_LABEL, data, wr_size(&w), out);
}

static uint16_t send(uint16_t number, const uint8_t *record, size_t n)
{
    const uint16_t sw = dev_call(&dv, number, INS_CHANNEL_SEALED, record, n);
    if (sw != SW_OK)
        ck_assert_uint_eq(dv.response_size, 0);
    return sw;
}

/* ---------------------------------------------------------------- work */

START_TEST(works)
{
    struct sign_rsp r;
    static const uint8_t e[32] = {1};
    const uint16_t user = login_in(&one, DEV_USER);
    sealed_use(&dv, &one);
    const uint32_t h = dev_key(&dv, user, KEY_SM2, USAGE_SIGN);
    MUST(do_sign(&dv, user, &(struct sign_req){.handle = h, .scheme = SIGN_SM2, .data = {e, 32}},
                 &r));
    ck_assert_uint_eq(r.signature.size, 64);
    MUST_BE(SW_NO_OBJECT, do_object_info(&dv, user, &(struct object_info_req){99}, NULL));
    MUST_BE(SW_WRONG_DATA,
            dev_call(&dv, 0, INS_CHANNEL_SEALED, "\0\0\0\0\0", 5)); /* one in another */
    MUST(do_channel_close(&dv, 0, &(struct channel_close_req){0}, NULL));
    sealed_use(&dv, NULL);
    MUST_BE(SW_CHANNEL_BROKEN, sealed_call(&dv, &one, 0, INS_INFO, NULL, 0));
    ck_assert_uint_eq(sessions(), 0);
    MUST_BE(SW_CHANNEL_NEEDED, do_channel_close(&dv, 0, &(struct channel_close_req){0}, NULL));
}
END_TEST

/* The largest command and the largest answer that fit, and one byte more of each. */
START_TEST(sizes)
{
    const uint32_t most = dv.config.frame_max - CHANNEL_BEHIND;
    struct random_rsp r;
    sealed_use(&dv, &one);
    MUST(do_random(&dv, 0, &(struct random_req){most}, &r));
    ck_assert_uint_eq(r.bytes.size, most);
    MUST_BE(SW_RESPONSE_TOO_BIG, do_random(&dv, 0, &(struct random_req){most + 1}, NULL));
    sealed_use(&dv, NULL);
    uint8_t *big = calloc(1, dv.config.frame_max);
    const size_t fits =
        (dv.config.frame_max - CHANNEL_HEAD - CHANNEL_TAG) / CHANNEL_ROUND * CHANNEL_ROUND -
        CHANNEL_INNER;
    MUST_BE(SW_WRONG_LENGTH, sealed_call(&dv, &one, 0, INS_RANDOM, big, fits));
    MUST(sealed_call(&dv, &one, 0, INS_INFO, NULL, 0)); /* still alive */
    free(big);
}
END_TEST

/* Inner commands that are wrong themselves are answered inside, and the channel goes on. */
START_TEST(wrong_inside)
{
    uint8_t rsa[16] = {KEY_RSA2048}, out[512];
    MUST_BE(SW_NO_COMMAND, sealed_call(&dv, &one, 0, 0x01, NULL, 0));
    MUST_BE(SW_NO_SESSION, sealed_call(&dv, &one, 77, INS_OBJECT_LIST, "1234567", 7));
    /* a long command that does not say so */
    const uint32_t counter = one.counter;
    const size_t n = sealed_put(&one, 0, 0, INS_KEY_BATCH, rsa, sizeof rsa, out);
    MUST(send(one.number, out, n));
    MUST_BE(SW_WRONG_DATA, sealed_get(&one, counter, dv.response, &dv.response_size));
    /* a size beyond the text */
    struct sealed s = one;
    uint8_t nonce[CHANNEL_NONCE], aad[CHANNEL_AAD],
        text[128] = {CLA_HUFU, INS_INFO, 0, 0, 0, 0, 0, 121};
    struct sm4_key key;
    struct wr w;
    sm4_set_key(&key, s.keys.key[0]);
    wr_init(&w, out, sizeof out);
    wr_u8(&w, 0);
    wr_u32(&w, one.counter);
    channel_around(&s.keys, CHANNEL_COMMAND,
                   &(struct channel_aad){.channel = s.number, .counter = s.counter, .size = 128},
                   nonce, aad);
    sm4_gcm_seal(&key, nonce, 12, aad, 16, text, 128, out + 5, out + 133);
    MUST(send(one.number, out, 149));
    MUST_BE(SW_WRONG_LENGTH, sealed_get(&one, one.counter, dv.response, &dv.response_size));
    one.counter++;
    MUST(sealed_call(&dv, &one, 0, INS_INFO, NULL, 0));
}
END_TEST

/* Signatures of two channels that come together are made together, each answered in its own. */
START_TEST(gathered)
{
    enum { N = 12 };
    static uint8_t record[N][256], answer[N][512];
    struct exchange x[N];
    struct sealed *s[2] = {&one, &two};
    uint16_t session[2];
    uint32_t handle[2], first[2];
    uint8_t data[100];
    sealed_open(&dv, &two, NULL);
    for (int i = 0; i < 2; i++) {
        session[i] = login_in(s[i], DEV_USER);
        sealed_use(&dv, s[i]);
        handle[i] = dev_key(&dv, session[i], KEY_SM2, USAGE_SIGN);
        sealed_use(&dv, NULL);
        first[i] = s[i]->counter;
    }
    for (int i = 0; i < N; i++) {
        struct wr w;
        wr_init(&w, data, sizeof data);
        sign_req_put(&w, &(struct sign_req){
                             .handle = handle[i & 1],
                             .scheme = SIGN_SM2,
                             .data = {(const uint8_t *)"0123456789abcdef0123456789abcdef", 32}});
        const size_t n =
            sealed_put(s[i & 1], 0, session[i & 1], INS_SIGN, data, wr_size(&w), record[i]);
        x[i] = dev_exchange(&dv, s[i & 1]->number, INS_CHANNEL_SEALED, record[i], n, answer[i],
                            sizeof answer[i]);
        x[i].opened = record[i];
    }
    device_serve(dv.d, x, N);
    for (int i = 0; i < N; i++) {
        MUST(x[i].sw);
        size_t n = x[i].response_size;
        MUST(sealed_get(s[i & 1], first[i & 1] + (uint32_t)i / 2, answer[i], &n));
        ck_assert_uint_eq(n, 66);
    }
}
END_TEST

/* ---------------------------------------------------------------- attacks on records */

/* After each of these the channel is over, its sessions with it, and nothing was carried out. */
static void is_over(uint16_t session)
{
    uint8_t record[256];
    const size_t n = label_record(session, "late", record);
    MUST_BE(SW_CHANNEL_BROKEN, send(one.number, record, n));
    ck_assert_uint_eq(sessions(), 0);
    ck_assert(label_is("test device"));
}

START_TEST(replayed)
{
    uint8_t record[256];
    const uint16_t admin = login_in(&one, DEV_ADMIN);
    const size_t n = sealed_put(&one, 0, admin, INS_LABEL, "\0\0", 2, record);
    const uint32_t counter = one.counter - 1;
    uint8_t again[256];
    memcpy(again, record, n);
    MUST(send(one.number, record, n));
    MUST(sealed_get(&one, counter, dv.response, &dv.response_size));
    MUST(label_in(&one, admin, "test device"));
    MUST_BE(SW_CHANNEL_BROKEN, send(one.number, again, n));
    is_over(admin);
}
END_TEST

START_TEST(reordered_or_dropped)
{
    uint8_t first[256], second[256];
    const uint16_t admin = login_in(&one, DEV_ADMIN);
    label_record(admin, "first", first);
    const size_t n = label_record(admin, "second", second);
    MUST_BE(SW_CHANNEL_BROKEN, send(one.number, second, n));
    MUST_BE(SW_CHANNEL_BROKEN, send(one.number, first, n));
    is_over(admin);
}
END_TEST

START_TEST(cut_short)
{
    uint8_t record[256];
    for (size_t keep = 0;; keep += keep < 32 ? 1 : 13) {
        sealed_open(&dv, &one, NULL);
        const uint16_t admin = login_in(&one, DEV_ADMIN);
        const size_t n = label_record(admin, "short", record);
        if (keep >= n)
            break;
        MUST_BE(SW_CHANNEL_BROKEN, send(one.number, record, keep));
        is_over(admin);
    }
}
END_TEST

/* Also with what fits behind: bytes that were added. */
START_TEST(every_byte)
{
    uint8_t record[256] = {0};
    size_t n = 2;
    for (size_t at = 0; at <= n; at++) {
        sealed_open(&dv, &one, NULL);
        n = sealed_put(&one, 0, 0, INS_LABEL, "\0\0", 2, record);
        record[at] ^= (uint8_t)(1 + test_random_below(255));
        MUST_BE(SW_CHANNEL_BROKEN, send(one.number, record, at == n ? n + 1 : n));
        ck_assert_ptr_null(channel_find(&dv.d->channels, dv.link, one.number));
    }
    ck_assert_uint_gt(n, 140);
}
END_TEST

/* A record of one channel in another one, on another link, and an answer sent back as a command. */
START_TEST(elsewhere)
{
    uint8_t record[256], answer[256];
    sealed_open(&dv, &two, NULL);
    size_t n = sealed_put(&one, 0, 0, INS_INFO, NULL, 0, record);
    MUST_BE(SW_CHANNEL_BROKEN, send(two.number, record, n)); /* two is over, one is not */
    const uint32_t link = dv.link;
    dv.link = device_link_open(dv.d);
    MUST_BE(SW_CHANNEL_BROKEN, send(one.number, record, n)); /* neither: it is not on this link */
    dv.link = link;
    MUST(send(one.number, record, n));
    n = dv.response_size;
    memcpy(answer, dv.response, n);
    MUST_BE(SW_CHANNEL_BROKEN, send(one.number, answer, n));
    MUST_BE(SW_CHANNEL_BROKEN, send(0, answer, n));
    MUST_BE(SW_CHANNEL_BROKEN, send(9999, answer, n));
}
END_TEST

/* The last counter is never used; until then all is well. */
START_TEST(used_up)
{
    struct channel *c = channel_find(&dv.d->channels, dv.link, one.number);
    one.counter = c->next = CHANNEL_USED_UP - 1;
    MUST(sealed_call(&dv, &one, 0, INS_INFO, NULL, 0));
    ck_assert_uint_eq(one.counter, CHANNEL_USED_UP);
    MUST_BE(SW_CHANNEL_BROKEN, sealed_call(&dv, &one, 0, INS_INFO, NULL, 0));
}
END_TEST

/* A broken channel in which somebody was logged in is a matter for the log; others are not. */
START_TEST(in_the_log)
{
    uint8_t record[256] = {0};
    uint64_t before;
    before = dv.d->audit.next;
    MUST_BE(SW_CHANNEL_BROKEN, send(one.number, record, 3));
    ck_assert_uint_eq(dv.d->audit.next, before);
    sealed_open(&dv, &one, NULL);
    login_in(&one, DEV_USER);
    before = dv.d->audit.next;
    MUST_BE(SW_CHANNEL_BROKEN, send(one.number, record, 3));
    ck_assert_uint_eq(dv.d->audit.next, before + 1);
}
END_TEST

/* ---------------------------------------------------------------- agreement */

START_TEST(wrong_steps)
{
    struct sealed s = {0};
    uint8_t record[256];
    sealed_key(s.r_d, s.r);
    sealed_key(s.host_d, s.host);
    dev_reboot(&dv);
    MUST_BE(SW_STEP,
            do_channel_open(&dv, 0, &(struct channel_open_req){0, s.nonce, s.host, s.r}, NULL));
    MUST(sealed_ask(&dv, &s));
    s.flags = 0x80;
    MUST_BE(SW_WRONG_DATA, sealed_agree(&dv, &s));
    s.flags = 0;
    s.host[5] ^= 1; /* no point of the curve */
    MUST_BE(SW_AGREEMENT_FAILED, sealed_agree(&dv, &s));
    s.host[5] ^= 1;
    s.r[5] ^= 1;
    MUST_BE(SW_AGREEMENT_FAILED, sealed_agree(&dv, &s));
    s.r[5] ^= 1;
    MUST(sealed_agree(&dv, &s));
    /* before S_A nothing is taken */
    struct sealed early = s;
    size_t n = sealed_put(&early, 0, 0, INS_INFO, NULL, 0, record);
    MUST_BE(SW_CHANNEL_BROKEN, send(s.number, record, n));
    MUST_BE(SW_CHANNEL_BROKEN, sealed_confirm(&dv, &s));
    /* a wrong S_A ends it */
    MUST(sealed_agree(&dv, &s));
    s.confirm[31] ^= 1;
    MUST_BE(SW_AGREEMENT_FAILED, sealed_confirm(&dv, &s));
    s.confirm[31] ^= 1;
    MUST_BE(SW_CHANNEL_BROKEN, sealed_confirm(&dv, &s));
    /* once is enough, and only on its link */
    MUST(sealed_agree(&dv, &s));
    const uint32_t link = dv.link;
    dv.link = device_link_open(dv.d);
    MUST_BE(SW_CHANNEL_BROKEN, sealed_confirm(&dv, &s));
    dv.link = link;
    MUST(sealed_confirm(&dv, &s));
    MUST_BE(SW_CHANNEL_BROKEN, sealed_confirm(&dv, &s));
    MUST(sealed_call(&dv, &s, 0, INS_INFO, NULL, 0));
}
END_TEST

/* Somebody who knows the host's public key only, or the device's statement only, gets nowhere. */
START_TEST(impostor)
{
    struct sealed s = one, other;
    memset(&other, 0, sizeof other);
    sealed_key(other.r_d, other.r);
    sealed_key(other.host_d, other.host);
    MUST(sealed_ask(&dv, &other));
    /* our own private key under a known host's public one: the device's S_B shows it */
    struct channel_open_rsp m;
    MUST(do_channel_open(&dv, 0, &(struct channel_open_req){0, other.nonce, s.host, other.r}, &m));
    const uint8_t guess[32] = {0};
    MUST_BE(SW_AGREEMENT_FAILED,
            do_channel_confirm(&dv, 0, &(struct channel_confirm_req){m.channel, guess}, NULL));
    /* another nonce than the statement's gives other IDs, so other keys */
    MUST(do_channel_open(&dv, 0, &(struct channel_open_req){0, s.nonce, other.host, other.r}, &m));
    uint8_t z_a[32], z_b[32], hello[CHANNEL_HELLO], agreed[CHANNEL_AGREED], mine[32], theirs[32],
        r_peer[64], confirm[32];
    memcpy(r_peer, m.temporary, 64);
    memcpy(confirm, m.confirm, 32);
    channel_hello_bytes(0, hello);
    const uint8_t *device = other.statement + CHANNEL_STATEMENT - 64;
    ck_assert_int_eq(sm2_z(hello, sizeof hello, other.host, z_a), 0);
    ck_assert_int_eq(sm2_z(other.statement, CHANNEL_STATEMENT, device, z_b), 0);
    const struct sm2_exchange x = {1, other.host_d, other.r_d, other.r, device, r_peer, z_a, z_b};
    ck_assert_int_eq(sm2_exchange(&x, agreed, sizeof agreed, mine, theirs), 0);
    ck_assert_mem_ne(theirs, confirm, 32);
}
END_TEST

START_TEST(many)
{
    struct sealed s[13];
    unsigned n = 0;
    /* twelve places; what nobody confirmed gives way, what is open does not */
    for (n = 0; n < 11; n++)
        sealed_open(&dv, &s[n], NULL);
    memset(&s[12], 0, sizeof s[12]);
    sealed_key(s[12].r_d, s[12].r);
    sealed_key(s[12].host_d, s[12].host);
    MUST(sealed_ask(&dv, &s[12]));
    MUST_BE(SW_TOO_MANY, sealed_agree(&dv, &s[12]));
    MUST(sealed_call(&dv, &s[4], 0, INS_CHANNEL_CLOSE, NULL, 0));
    MUST(sealed_agree(&dv, &s[12]));
    MUST(sealed_agree(&dv, &s[12]));
    MUST(sealed_confirm(&dv, &s[12]));
    MUST(sealed_call(&dv, &one, 0, INS_INFO, NULL, 0));
    for (n = 0; n < 11; n++)
        if (n != 4)
            MUST(sealed_call(&dv, &s[n], 0, INS_INFO, NULL, 0));
}
END_TEST

/* ---------------------------------------------------------------- sessions */

START_TEST(sessions_stay_inside)
{
    const uint16_t outside = dev_login(&dv, DEV_USER), inside = login_in(&one, DEV_USER);
    const struct object_list_req q = {0, 1, 0};
    sealed_open(&dv, &two, NULL);
    MUST(do_object_list(&dv, outside, &q, NULL));
    MUST_BE(SW_NO_SESSION, do_object_list(&dv, inside, &q, NULL));
    sealed_use(&dv, &one);
    MUST(do_object_list(&dv, inside, &q, NULL));
    MUST_BE(SW_NO_SESSION, do_object_list(&dv, outside, &q, NULL));
    sealed_use(&dv, &two);
    MUST_BE(SW_NO_SESSION, do_object_list(&dv, inside, &q, NULL));
    MUST_BE(SW_NO_SESSION, do_object_list(&dv, outside, &q, NULL));
    MUST(do_channel_close(&dv, 0, &(struct channel_close_req){0}, NULL));
    sealed_use(&dv, &one);
    MUST(do_object_list(&dv, inside, &q, NULL));
    MUST(do_channel_close(&dv, inside, &(struct channel_close_req){0}, NULL));
    sealed_use(&dv, NULL);
    MUST(do_object_list(&dv, outside, &q, NULL));
    ck_assert_uint_eq(sessions(), 1);
}
END_TEST

/* ---------------------------------------------------------------- ends, wiping */

static bool in_memory(const void *secret)
{
    return dev_remembers(&dv, secret, 16);
}

static void all_gone(const char *after)
{
    for (int i = 0; i < 2; i++)
        ck_assert_msg(!in_memory(one.keys.key[i]), "key %d after %s", i, after);
    ck_assert_msg(!in_memory(one.agreed + 32), "IVs after %s", after);
}

static void expect_keys(void)
{
    ck_assert(in_memory(one.keys.key[0]) && in_memory(one.keys.key[1]));
}

START_TEST(wiped)
{
    uint8_t d[32];
    expect_keys();
    MUST(sealed_call(&dv, &one, 0, INS_CHANNEL_CLOSE, NULL, 0));
    all_gone("close");
    sealed_open(&dv, &one, NULL);
    expect_keys();
    device_link_close(dv.d, dv.link);
    all_gone("the end of the link");
    sealed_open(&dv, &one, NULL);
    MUST_BE(SW_CHANNEL_BROKEN, send(one.number, (const uint8_t *)"", 0));
    all_gone("a broken record");
    /* ZEROISE is answered in the channel that it ends */
    sealed_open(&dv, &one, NULL);
    memcpy(d, dv.d->channels.d, sizeof d);
    const uint16_t admin = login_in(&one, DEV_ADMIN);
    MUST(sealed_call(&dv, &one, admin, INS_ZEROISE, NULL, 0));
    all_gone("zeroise");
    ck_assert(!in_memory(d));
}
END_TEST

START_TEST(wiped_by_failure)
{
    uint8_t d[32], record[256];
    memcpy(d, dv.d->channels.d, sizeof d);
    const uint16_t admin = login_in(&one, DEV_ADMIN);
    size_t n = label_record(admin, "x", record);
    nvm_sim_cut(&dv.sim, dv.sim.count, NVM_CUT_NONE, 1);
    MUST_BE(SW_DEVICE_FAILED,
            send(one.number, record, n)); /* nothing left to seal the answer with */
    all_gone("failure");
    ck_assert(!in_memory(d));
    n = label_record(admin, "x", record);
    MUST_BE(SW_DEVICE_FAILED, send(one.number, record, n));
    dev_reboot(&dv);
}
END_TEST

START_TEST(wiped_by_lock)
{
    struct sealed s;
    dev_close(&dv);
    open_with(INIT_ATTENDED);
    sealed_open(&dv, &one, NULL);
    sealed_open(&dv, &s, NULL);
    const uint16_t admin = login_in(&one, DEV_ADMIN);
    expect_keys();
    MUST(sealed_call(&dv, &one, admin, INS_LOCK, NULL, 0));
    all_gone("lock");
    ck_assert(!in_memory(s.keys.key[0]));
    ck_assert(!in_memory(s.keys.key[1]));
    MUST_BE(SW_CHANNEL_BROKEN, sealed_call(&dv, &s, 0, INS_INFO, NULL, 0));
    /* LOCKED devices open channels too: the unlock secret comes by one */
    dv.link = device_link_open_far(dv.d);
    sealed_open(&dv, &one, NULL);
    MUST_BE(SW_CHANNEL_NEEDED, do_unlock(&dv, 0, &(struct unlock_req){dev_text(DEV_UNLOCK)}, NULL));
    sealed_use(&dv, &one);
    MUST(do_unlock(&dv, 0, &(struct unlock_req){dev_text(DEV_UNLOCK)}, NULL));
    sealed_use(&dv, NULL);
}
END_TEST

/* Another key after each start, and statements never fit twice. */
START_TEST(key_of_a_start)
{
    uint8_t before[64];
    memcpy(before, one.statement + CHANNEL_STATEMENT - 64, 64);
    sealed_open(&dv, &two, NULL);
    ck_assert_mem_eq(before, two.statement + CHANNEL_STATEMENT - 64, 64);
    dev_reboot(&dv);
    MUST_BE(SW_CHANNEL_BROKEN, sealed_call(&dv, &one, 0, INS_INFO, NULL, 0));
    sealed_open(&dv, &one, NULL);
    ck_assert_mem_ne(before, one.statement + CHANNEL_STATEMENT - 64, 64);
}
END_TEST

/* ---------------------------------------------------------------- policy */

static bool opens(uint8_t ins)
{
    static const uint8_t always[] = {
        INS_INFO,        INS_CAPABILITIES, INS_IDENTITY,       INS_IDENTITY_CERTIFICATE,
        INS_CHANNEL_KEY, INS_CHANNEL_OPEN, INS_CHANNEL_CONFIRM};
    return memchr(always, ins, sizeof always) != NULL;
}

static bool secret(uint8_t ins)
{
    static const uint8_t all[] = {
        INS_LOGIN,   INS_PIN_CHANGE, INS_PIN_UNBLOCK,  INS_ACCOUNT_CREATE, INS_INIT,  INS_UNLOCK,
        INS_KEY_PUT, INS_KEY_VALUE,  INS_AGREE_FINISH, INS_AGREE_KEYS,     INS_DERIVE};
    return memchr(all, ins, sizeof all) != NULL;
}

/* Commands of three bytes that no handler acts upon, outside of a channel and inside. */
static void walk(bool required, bool far)
{
    static const uint8_t data[3] = {0xFF, 0xFF, 0xFF};
    sealed_open(&dv, &one, NULL);
    struct channel_statement st;
    struct rd r;
    rd_init(&r, one.statement, sizeof one.statement);
    ck_assert(channel_statement_get(&r, &st));
    ck_assert_uint_eq(st.flags, (far ? CHANNEL_FAR : 0) | (required ? CHANNEL_REQUIRED : 0));
    for (size_t i = 0; i < proto_command_count; i++) {
        const struct command_info *c = &proto_commands[i];
        if (!(c->states & COMMAND_IN_READY) || c->ins == INS_CHANNEL_SEALED)
            continue;
        const uint16_t outside = dev_call(&dv, 0, c->ins, data, sizeof data);
        const uint16_t inside = sealed_call(&dv, &one, 0, c->ins, data, sizeof data);
        const bool due = (required && !opens(c->ins)) || (far && secret(c->ins));
        ck_assert_msg((outside == SW_CHANNEL_NEEDED) == due, "%s outside: %04X", c->name, outside);
        ck_assert_msg(inside != SW_CHANNEL_NEEDED, "%s inside: %04X", c->name, inside);
        ck_assert_msg(c->in_clear == secret(c->ins), "%s", c->name);
    }
}

START_TEST(policy_near)
{
    walk(false, false);
}
END_TEST

START_TEST(policy_far)
{
    dv.link = device_link_open_far(dv.d);
    walk(false, true);
}
END_TEST

START_TEST(policy_required)
{
    dev_close(&dv);
    open_with(INIT_CHANNEL);
    walk(true, false);
    dv.link = device_link_open_far(dv.d);
    walk(true, true);
    dev_reboot(&dv);
    walk(true, false);
    sealed_open(&dv, &one, NULL);
    login_in(&one, DEV_USER);
}
END_TEST

/* A device without keys of its own: a channel that nobody vouches for, for INIT. */
START_TEST(policy_blank)
{
    const struct init_req q = {.retries = 3, .admin_pin = dev_text(DEV_ADMIN_PIN)};
    dev_close(&dv);
    dev_prepare(&dv);
    dev_start(&dv);
    dv.link = device_link_open_far(dv.d);
    MUST_BE(SW_CHANNEL_NEEDED, do_init(&dv, 0, &q, NULL));
    sealed_open(&dv, &one, NULL);
    ck_assert_uint_eq(one.statement[21], CHANNEL_BLANK | CHANNEL_FAR);
    two = one;
    two.flags = CHANNEL_OPEN_REGISTERED;
    MUST_BE(SW_NO_KEY, sealed_agree(&dv, &two));
    sealed_use(&dv, &one);
    MUST(do_init(&dv, 0, &q, NULL));
    /* the channel goes on: the new identity comes by it */
    MUST(do_identity(&dv, 0, &(struct identity_req){0}, NULL));
    sealed_use(&dv, NULL);
    sealed_open(&dv, &two, NULL);
    ck_assert_uint_eq(two.statement[21], CHANNEL_FAR);
}
END_TEST

/* ---------------------------------------------------------------- hosts */

static uint8_t host_d[32], host[64];

static uint8_t register_host(uint8_t account)
{
    struct host_key_add_rsp r;
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    sealed_key(host_d, host);
    MUST(do_host_key_add(&dv, admin, &(struct host_key_add_req){account, host, dev_text("build")},
                         &r));
    MUST(do_session_close(&dv, admin, &(struct session_close_req){0}, NULL));
    return r.slot;
}

static uint16_t user_pin_in(struct sealed *s)
{
    sealed_use(&dv, s);
    const uint16_t session = dev_session(&dv);
    const uint16_t sw = dev_pin(&dv, session, DEV_USER, DEV_USER_PIN);
    MUST(do_session_close(&dv, session, &(struct session_close_req){0}, NULL));
    sealed_use(&dv, NULL);
    return sw;
}

static unsigned tries(void)
{
    return dv.d->accounts[DEV_USER].tries;
}

/* Log-ins of an account with a host key: from that host alone, and the others cost no try. */
START_TEST(mutual)
{
    uint8_t other_d[32], other[64];
    const uint8_t slot = register_host(DEV_USER);
    sealed_key(other_d, other);
    for (int again = 0; again < 2; again++) {
        MUST_BE(SW_CHANNEL_NEEDED, user_pin_in(NULL));
        sealed_open(&dv, &one, NULL);
        MUST_BE(SW_CHANNEL_NEEDED, user_pin_in(&one));
        ck_assert_uint_eq(tries(), DEV_RETRIES);
        sealed_open(&dv, &two, host_d);
        MUST(user_pin_in(&two));
        MUST(do_session_close(&dv, dev_login(&dv, DEV_OPERATOR), &(struct session_close_req){0},
                              NULL));
        dev_reboot(&dv);
    }
    /* a key that is not registered, and one whose private part the host has not */
    struct sealed s = {.flags = CHANNEL_OPEN_REGISTERED};
    sealed_key(s.r_d, s.r);
    memcpy(s.host_d, other_d, 32);
    memcpy(s.host, other, 64);
    MUST(sealed_ask(&dv, &s));
    MUST_BE(SW_NO_KEY, sealed_agree(&dv, &s));
    struct channel_open_rsp m;
    MUST(do_channel_open(
        &dv, 0, &(struct channel_open_req){CHANNEL_OPEN_REGISTERED, s.nonce, host, s.r}, &m));
    MUST_BE(SW_AGREEMENT_FAILED,
            do_channel_confirm(&dv, 0, &(struct channel_confirm_req){m.channel, s.confirm}, NULL));
    /* without the key the account is as before, and the channel has lost its rights */
    sealed_open(&dv, &two, host_d);
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    MUST(do_host_key_delete(&dv, admin, &(struct host_key_delete_req){slot}, NULL));
    ck_assert_uint_eq(channel_find(&dv.d->channels, dv.link, two.number)->hosts, 0);
    MUST_BE(SW_NO_KEY, do_host_key_delete(&dv, admin, &(struct host_key_delete_req){slot}, NULL));
    MUST(user_pin_in(NULL));
}
END_TEST

START_TEST(host_list)
{
    struct host_key_list_rsp r;
    struct host_key_entry e;
    struct rd in;
    const uint16_t admin = dev_login(&dv, DEV_ADMIN);
    for (unsigned i = 0; i < LIMIT_HOST_KEYS_MAX; i++)
        ck_assert_uint_eq(register_host(DEV_USER), i);
    struct host_key_add_req q = {DEV_USER, host, dev_text("")};
    MUST_BE(SW_TOO_MANY, do_host_key_add(&dv, admin, &q, NULL));
    MUST(do_host_key_delete(&dv, admin, &(struct host_key_delete_req){3}, NULL));
    q.account = 30;
    MUST_BE(SW_WRONG_DATA, do_host_key_add(&dv, admin, &q, NULL));
    q.account = DEV_OPERATOR;
    host[0] ^= 1;
    MUST_BE(SW_BAD_PUBLIC_KEY, do_host_key_add(&dv, admin, &q, NULL));
    host[0] ^= 1;
    MUST(do_host_key_add(&dv, admin, &q, NULL));
    MUST(do_host_key_list(&dv, admin, &(struct host_key_list_req){0}, &r));
    rd_init(&in, r.entries.data, r.entries.size);
    for (unsigned i = 0; i < LIMIT_HOST_KEYS_MAX; i++) {
        ck_assert(host_key_entry_get(&in, &e));
        ck_assert_uint_eq(e.slot, i);
        ck_assert_uint_eq(e.account, i == 3 ? DEV_OPERATOR : DEV_USER);
        ck_assert_uint_eq(e.label.size, i == 3 ? 0 : 5);
    }
    ck_assert(rd_done(&in));
    /* they go with their account: a new one of its number starts without */
    MUST(do_account_delete(&dv, admin, &(struct account_delete_req){DEV_USER}, NULL));
    MUST(do_host_key_list(&dv, admin, &(struct host_key_list_req){0}, &r));
    ck_assert_uint_eq(r.entries.size, 68);
}
END_TEST

/* ---------------------------------------------------------------- vectors */

static void check_agreement(struct vec *v, bool initiator)
{
    const char *const mine[] = {"host_d", "host_r_d", "host_r"};
    const char *const ours[] = {"device_d", "device_r_d", "device_r"};
    const char *const *own = initiator ? mine : ours;
    uint8_t agreed[CHANNEL_AGREED], s_mine[32], s_peer[32];
    const struct sm2_exchange x = {.initiator = initiator,
                                   .d = vec_exact(v, own[0], 32),
                                   .r = vec_exact(v, own[1], 32),
                                   .r_pub = vec_exact(v, own[2], 64),
                                   .peer_pub = vec_exact(v, initiator ? "device" : "host", 64),
                                   .peer_r_pub =
                                       vec_exact(v, initiator ? "device_r" : "host_r", 64),
                                   .z_a = vec_exact(v, "z_a", 32),
                                   .z_b = vec_exact(v, "z_b", 32)};
    ck_assert_int_eq(sm2_exchange(&x, agreed, sizeof agreed, s_mine, s_peer), 0);
    ck_assert_mem_eq(agreed, vec_exact(v, "agreed", sizeof agreed), sizeof agreed);
    ck_assert_mem_eq(initiator ? s_mine : s_peer, vec_exact(v, "s_a", 32), 32);
    ck_assert_mem_eq(initiator ? s_peer : s_mine, vec_exact(v, "s_b", 32), 32);
}

static void check_opening(struct vec *v)
{
    const struct sm2_ops *ops = dv.d->engine->sm2;
    const uint8_t *statement = vec_exact(v, "statement", CHANNEL_STATEMENT);
    const uint8_t *signature = vec_exact(v, "signature", 64);
    uint8_t hello[CHANNEL_HELLO], z[32], e[1][32], k[1][32], made[1][64], ok;
    struct sm2_sign_key key;
    const struct sm2_sign_key *keys = &key;
    _Alignas(64) uint8_t scratch[SM2_SCRATCH_ONE];
    channel_hello_bytes((uint8_t)vec_number(v, "flags"), hello);
    ck_assert_mem_eq(hello, vec_exact(v, "hello", sizeof hello), sizeof hello);
    ck_assert_int_eq(sm2_z(hello, sizeof hello, vec_exact(v, "host", 64), z), 0);
    ck_assert_mem_eq(z, vec_exact(v, "z_a", 32), 32);
    ck_assert_int_eq(sm2_z(statement, CHANNEL_STATEMENT, vec_exact(v, "device", 64), z), 0);
    ck_assert_mem_eq(z, vec_exact(v, "z_b", 32), 32);
    ck_assert_mem_eq(statement + 22, vec_exact(v, "nonce", 32), 32);
    ck_assert_int_eq(sm2_digest(sm2_default_id, 16, vec_exact(v, "identity", 64), statement,
                                CHANNEL_STATEMENT, e[0]),
                     0);
    ck_assert_int_eq(sm2_verify(ops, vec_exact(v, "identity", 64), e[0], signature), 0);
    ck_assert_int_eq(sm2_sign_key(&key, vec_exact(v, "identity_d", 32)), 0);
    memcpy(k, vec_exact(v, "signature_k", 32), 32);
    ops->sign(1, &keys, (const uint8_t(*)[32])e, (const uint8_t(*)[32])k, made, &ok, scratch);
    ck_assert(ok);
    ck_assert_mem_eq(made, signature, 64);
}

static void check_record(struct vec *v)
{
    const enum channel_direction which = (enum channel_direction)vec_number(v, "direction");
    uint8_t nonce[CHANNEL_NONCE], aad[CHANNEL_AAD], out[512];
    size_t n, all;
    const uint8_t *text = vec_bytes(v, "text", &n), *sealed = vec_bytes(v, "sealed", &all);
    struct channel_keys keys;
    struct sm4_key key;
    ck_assert(all == n + CHANNEL_TAG && all <= sizeof out);
    channel_keys_take(&keys, vec_exact(v, "agreed", CHANNEL_AGREED));
    sm4_set_key(&key, keys.key[which - 1]);
    channel_around(&keys, which,
                   &(struct channel_aad){.channel = (uint16_t)vec_number(v, "channel"),
                                         .flags = (uint8_t)vec_number(v, "flags"),
                                         .counter = (uint32_t)vec_number(v, "counter"),
                                         .size = (uint32_t)n},
                   nonce, aad);
    ck_assert_mem_eq(nonce, vec_exact(v, "nonce", sizeof nonce), sizeof nonce);
    ck_assert_mem_eq(aad, vec_exact(v, "aad", sizeof aad), sizeof aad);
    sm4_gcm_seal(&key, nonce, sizeof nonce, aad, sizeof aad, text, n, out, out + n);
    ck_assert_mem_eq(out, sealed, all);
}

START_TEST(vectors)
{
    struct vec *v = vec_open("channel");
    unsigned n = 0;
    for (; vec_next(v); n++) {
        if (!strcmp(vec_text(v, "kind"), "record")) {
            check_record(v);
            continue;
        }
        check_opening(v);
        check_agreement(v, true);
        check_agreement(v, false);
    }
    vec_close(v);
    ck_assert_uint_eq(n, 9);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("device_channel");
    TCase *t = suite_case(s, "channel", 120, on, off);
    tcase_add_test(t, works);
    tcase_add_test(t, sizes);
    tcase_add_test(t, wrong_inside);
    tcase_add_test(t, gathered);
    tcase_add_test(t, replayed);
    tcase_add_test(t, reordered_or_dropped);
    tcase_add_test(t, cut_short);
    tcase_add_test(t, every_byte);
    tcase_add_test(t, elsewhere);
    tcase_add_test(t, used_up);
    tcase_add_test(t, in_the_log);
    tcase_add_test(t, wrong_steps);
    tcase_add_test(t, impostor);
    tcase_add_test(t, many);
    tcase_add_test(t, sessions_stay_inside);
    tcase_add_test(t, wiped);
    tcase_add_test(t, wiped_by_failure);
    tcase_add_test(t, wiped_by_lock);
    tcase_add_test(t, key_of_a_start);
    tcase_add_test(t, policy_near);
    tcase_add_test(t, policy_far);
    tcase_add_test(t, policy_required);
    tcase_add_test(t, policy_blank);
    tcase_add_test(t, mutual);
    tcase_add_test(t, host_list);
    tcase_add_test(t, vectors);
    return suite_run(s);
}
