/*
 * libhufu's end of a secure channel whose keys the target knows. Input: steps, each the answer to
 * one command: a byte, 0: sealed well, for the command that asked (size u8, data and status word);
 * 1: the same for another counter (distance u8); else as it comes (size u8). Only what is sealed
 * for its command is ever believed, and after anything else nothing is sent.
 */
#include "firmware/crypto/sm4.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/liar.h"

enum { STEPS_MAX = 24 };

struct step {
    struct rd *r;
    bool sound;
    uint16_t sw;
};

static const uint8_t agreed[CHANNEL_AGREED] = {1, 2, 3};

static void seal(struct wr *w, uint32_t counter, const uint8_t *data, size_t n)
{
    struct channel_keys keys;
    struct sm4_key key;
    uint8_t nonce[CHANNEL_NONCE], aad[CHANNEL_AAD];
    channel_keys_take(&keys, agreed);
    sm4_set_key(&key, keys.key[CHANNEL_ANSWER - 1]);
    channel_around(&keys, CHANNEL_ANSWER,
                   &(struct channel_aad){.channel = 5, .counter = counter, .size = (uint32_t)n},
                   nonce, aad);
    uint8_t *out = wr_reserve(w, n + CHANNEL_TAG);
    REQUIRE(out);
    sm4_gcm_seal(&key, nonce, sizeof nonce, aad, sizeof aad, data, n, out, out + n);
    wr_u16(w, SW_OK);
}

static void answer(struct liar *l, const struct hufu_request *q, struct wr *w)
{
    struct step *s = l->context;
    const uint8_t kind = rd_u8(s->r), away = kind == 1 ? rd_u8(s->r) : 0, n = rd_u8(s->r);
    const uint8_t *data = rd_bytes(s->r, n);
    REQUIRE(q->ins == INS_CHANNEL_SEALED);
    s->sound = !s->r->bad && kind <= 1 && !away && n >= 2;
    if (s->r->bad || kind > 1) {
        wr_bytes(w, data, s->r->bad ? 0 : n);
        return;
    }
    s->sw = n >= 2 ? (uint16_t)(data[n - 2] << 8 | data[n - 1]) : 0;
    seal(w, q->counter + away, data, n);
}

static struct hufu_device *begin(struct step *s)
{
    struct hufu_device *d;
    struct liar *l = liar_new();
    const struct hufu_options options = {.timeout_ms = 1, .channel = "off"};
    REQUIRE(!device_attach(&d, "liar:", &l->base, &options));
    l->answer = answer;
    l->context = s;
    struct host_channel *c = &d->secure;
    channel_keys_take(&c->keys, agreed);
    for (unsigned i = 0; i < 2; i++)
        sm4_set_key(&c->ready[i], c->keys.key[i]);
    c->number = 5;
    c->wanted = c->open = true;
    return d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct rd r;
    struct step s = {.r = &r};
    rd_init(&r, data, size);
    struct hufu_device *d = begin(&s);
    struct liar *l = (struct liar *)d->transport;
    for (unsigned i = 0; i < STEPS_MAX && rd_left(&r); i++) {
        const unsigned before = l->commands;
        const uint8_t *got = NULL;
        size_t n = 0;
        struct hufu_request *q;
        REQUIRE(!hufu_submit(d, 1, INS_DIGEST, "data", 4, &q));
        const enum hufu_status status = hufu_wait(q, &got, &n);
        REQUIRE(s.sound == (status != HUFU_E_UNKNOWN_OUTCOME));
        REQUIRE(!s.sound || (status == HUFU_OK) == (s.sw == SW_OK));
        REQUIRE(l->commands == before + 1 && n <= 256);
        hufu_release(q);
        if (!s.sound) {
            REQUIRE(hufu_submit(d, 1, INS_DIGEST, "data", 4, &q) == HUFU_E_LINK);
            break;
        }
    }
    d->secure.open = false;
    hufu_close(d);
    return 0;
}
