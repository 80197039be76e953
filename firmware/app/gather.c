#include "firmware/app/gather.h"

#include "firmware/app/core.h"
#include "firmware/base/wipe.h"

#include <string.h>

enum { RSA_ROUNDS = 4 }; /* of all lanes, that the queue has room for */

/* How many RSA signatures are in work at the same time, with the best engine of this machine. */
static size_t rsa_width(const struct batch *b)
{
    const struct engine *e;
    size_t lanes = 1;
    for (size_t i = 0; (e = engine_at(i)); i++)
        lanes = e->rsa->lanes > lanes ? e->rsa->lanes : lanes;
    return lanes * b->width;
}

static size_t at_most(size_t n, size_t max)
{
    return n < max ? n : max;
}

void gather_lay_out(struct arena *a, struct gather *g, const struct batch *b)
{
    const size_t width = rsa_width(b);
    g->sm2_max = at_most(b->chunk, CONFIG_GATHER);
    g->sm2 = arena_take(a, g->sm2_max * sizeof *g->sm2);
    g->sm2_key = arena_take(a, g->sm2_max * sizeof *g->sm2_key);
    g->e = arena_take(a, g->sm2_max * sizeof *g->e);
    g->sig = arena_take(a, g->sm2_max * sizeof *g->sig);
    g->verify_max = width > 1 ? at_most(b->chunk, CONFIG_VERIFY) : 0;
    g->verify = arena_take(a, g->verify_max * sizeof *g->verify);
    g->verify_pub = arena_take(a, g->verify_max * sizeof *g->verify_pub);
    g->verify_e = arena_take(a, g->verify_max * sizeof *g->verify_e);
    g->verify_sig = arena_take(a, g->verify_max * sizeof *g->verify_sig);
    g->rsa_max = width > 1 ? at_most(RSA_ROUNDS * width, CONFIG_GATHER) : 0;
    g->rsa = arena_take(a, g->rsa_max * sizeof *g->rsa);
    g->rsa_one = arena_take(a, g->rsa_max * sizeof *g->rsa_one);
    g->rsa_key = arena_take(a, g->rsa_max * sizeof *g->rsa_key);
    g->in = arena_take(a, g->rsa_max * sizeof *g->in);
    g->out = arena_take(a, g->rsa_max * sizeof *g->out);
}

void gather_wipe(struct gather *g)
{
    wipe(g->sm2, g->sm2_max * sizeof *g->sm2);
    wipe(g->rsa, g->rsa_max * sizeof *g->rsa);
    g->sm2_waiting = g->verify_waiting = g->rsa_waiting = 0;
}

static struct gathered who_is(const struct call *c, uint8_t *signature)
{
    return (struct gathered){c->x, signature, c->object, c->account};
}

void gather_failed(struct device *d, const struct gathered *g, uint16_t sw)
{
    struct call c = {.d = d, .account = g->account, .object = g->object};
    wipe(g->x->response, g->x->response_size);
    g->x->response_size = 0;
    g->x->sw = sw;
    call_record(&c, g->x->ins, sw);
}

/* ---------------------------------------------------------------- SM2 */

/* From the pool as long as it lasts; how many. */
static size_t sign_ahead(struct device *d, size_t n)
{
    struct gather *g = &d->gather;
    size_t done = 0;
    while (done < n &&
           nonces_sign(&d->nonces, g->sm2_key[done], g->e[done], g->sm2[done].who.signature) == 0)
        done++;
    return done;
}

static void flush_sm2(struct device *d)
{
    struct gather *g = &d->gather;
    const size_t n = g->sm2_waiting;
    if (!n)
        return;
    g->sm2_waiting = 0;
    const size_t ahead = sign_ahead(d, n);
    const int bad = ahead < n && batch_sign_sm2(d, g->sm2_key + ahead, 1, n - ahead,
                                                (const uint8_t(*)[32])g->e + ahead, g->sig + ahead,
                                                d->batch.good + ahead);
    for (size_t i = ahead; i < n; i++) {
        if (bad || !d->batch.good[i])
            gather_failed(d, &g->sm2[i].who, bad ? SW_RANDOM_FAILED : SW_SIGN_FAILED);
        else
            memcpy(g->sm2[i].who.signature, g->sig[i], SM2_SIGNATURE);
    }
    wipe(g->sm2, n * sizeof *g->sm2);
}

void gather_sm2(struct call *c, const struct sm2_sign_key *key, const uint8_t e[32],
                uint8_t *signature)
{
    struct gather *g = &c->d->gather;
    if (g->sm2_waiting == g->sm2_max)
        flush_sm2(c->d);
    struct gathered_sm2 *one = &g->sm2[g->sm2_waiting];
    one->who = who_is(c, signature);
    one->key = *key;
    g->sm2_key[g->sm2_waiting] = &one->key;
    memcpy(g->e[g->sm2_waiting], e, 32);
    g->sm2_waiting++;
}

static void flush_verify(struct device *d)
{
    struct gather *g = &d->gather;
    const size_t n = g->verify_waiting;
    if (!n)
        return;
    g->verify_waiting = 0;
    const int bad = batch_verify_sm2(d, (const uint8_t(*)[64])g->verify_pub, 1, n,
                                     (const uint8_t(*)[32])g->verify_e,
                                     (const uint8_t(*)[64])g->verify_sig, d->batch.good);
    for (size_t i = 0; i < n; i++)
        if (bad || !d->batch.good[i])
            g->verify[i]->sw = bad ? SW_RANDOM_FAILED : SW_SIGNATURE_INVALID;
}

uint16_t gather_verify(struct call *c, const uint8_t pub[64], const uint8_t e[32],
                       const uint8_t sig[64])
{
    struct gather *g = &c->d->gather;
    if (!CONFIG_VERIFY || !g->verify_max)
        return sm2_verify(c->d->engine->sm2, pub, e, sig) ? SW_SIGNATURE_INVALID : SW_OK;
    if (g->verify_waiting == g->verify_max)
        flush_verify(c->d);
    const size_t i = g->verify_waiting++;
    g->verify[i] = c->x;
    memcpy(g->verify_pub[i], pub, 64);
    memcpy(g->verify_e[i], e, 32);
    memcpy(g->verify_sig[i], sig, 64);
    return SW_OK;
}

/* ---------------------------------------------------------------- RSA */

/* What the private operation gave becomes the message. v1.5 never tells a bad padding from a good
 * one: see rsa_pkcs1_decrypt_unpad. */
static uint16_t unpad(const struct rsa_private *key, const struct rsa_ciphertext *cipher,
                      uint8_t em[RSA_MAX_BYTES], struct wr *out)
{
    size_t n = 0;
    if (cipher->scheme == CIPHER_RSA_RAW) {
        wr_bytes(out, em, key->pub.bits / 8);
        return out->bad ? SW_RESPONSE_TOO_BIG : SW_OK;
    }
    const int bad = cipher->scheme == CIPHER_RSA_PKCS1
                        ? rsa_pkcs1_decrypt_unpad(key, cipher->data.data, em, em, &n)
                        : rsa_oaep_unpad(key->pub.bits, (enum hash_alg)cipher->hash,
                                         cipher->label.data, cipher->label.size, em, em, &n);
    if (bad)
        return SW_DECRYPT_FAILED;
    wr_bytes(out, em, n);
    return out->bad ? SW_RESPONSE_TOO_BIG : SW_OK;
}

/* What comes after the private operation. */
static void finish_rsa(struct device *d, struct gathered_rsa *one, uint16_t sw)
{
    const struct gathered *who = &one->who;
    const bool decrypts = !who->signature;
    if (sw == SW_OK && decrypts) {
        struct wr out;
        wr_init(&out, who->x->response, who->x->room);
        sw = unpad(&one->key, &one->cipher, one->em, &out);
        who->x->response_size = wr_size(&out);
    }
    if (sw != SW_OK)
        gather_failed(d, who, sw);
}

/* Engines want keys of one size at a time. */
static void flush_rsa_of(struct device *d, unsigned bits)
{
    struct gather *g = &d->gather;
    size_t n = 0;
    for (size_t i = 0; i < g->rsa_waiting; i++) {
        struct gathered_rsa *one = &g->rsa[i];
        if (one->key.pub.bits != bits)
            continue;
        g->rsa_one[n] = one;
        g->rsa_key[n] = &one->key;
        g->in[n] = one->em;
        g->out[n++] = one->who.signature ? one->who.signature : one->em;
    }
    if (!n)
        return;
    const int bad = batch_private_rsa(d, g->rsa_key, g->in, g->out, n, d->batch.good);
    for (size_t i = 0; i < n; i++) {
        struct gathered_rsa *one = g->rsa_one[i];
        const uint16_t wrong = one->who.signature ? SW_SIGN_FAILED : SW_DECRYPT_FAILED;
        finish_rsa(d, one, bad ? SW_RANDOM_FAILED : d->batch.good[i] ? SW_OK : wrong);
    }
}

static void flush_rsa(struct device *d)
{
    struct gather *g = &d->gather;
    for (uint8_t type = KEY_RSA2048; g->rsa_waiting && type <= KEY_RSA4096; type++)
        flush_rsa_of(d, key_rsa_bits(type));
    wipe(g->rsa, g->rsa_waiting * sizeof *g->rsa);
    g->rsa_waiting = 0;
}

static uint16_t sign_rsa_now(struct device *d, const struct rsa_private *key,
                             const struct rsa_encoding *how, uint8_t *signature)
{
    uint8_t good = 0;
    if (batch_sign_rsa(d, key, how, 1, signature, &good))
        return SW_WRONG_DATA;
    return good ? SW_OK : SW_SIGN_FAILED;
}

uint16_t gather_rsa(struct call *c, const struct rsa_private *key, const struct rsa_encoding *how,
                    uint8_t *signature)
{
    struct gather *g = &c->d->gather;
    if (!g->rsa_max)
        return sign_rsa_now(c->d, key, how, signature);
    if (g->rsa_waiting == g->rsa_max)
        flush_rsa(c->d);
    struct gathered_rsa *one = &g->rsa[g->rsa_waiting];
    if (rsa_encode(how, key->pub.bits, 0, &c->d->rng, one->em))
        return SW_WRONG_DATA;
    one->who = who_is(c, signature);
    one->key = *key;
    g->rsa_waiting++;
    return SW_OK;
}

static uint16_t decrypt_rsa_now(struct device *d, const struct rsa_private *key,
                                const struct rsa_ciphertext *cipher, struct wr *out)
{
    uint8_t em[RSA_MAX_BYTES];
    const int bad = rsa_private_op(d->engine->rsa, &d->rng, key, cipher->data.data, em,
                                   d->batch.lanes[0].scratch);
    const uint16_t sw = bad ? SW_DECRYPT_FAILED : unpad(key, cipher, em, out);
    wipe(em, sizeof em);
    return sw;
}

uint16_t gather_rsa_decrypt(struct call *c, const struct rsa_private *key,
                            const struct rsa_ciphertext *cipher, struct wr *out)
{
    struct gather *g = &c->d->gather;
    if (!g->rsa_max)
        return decrypt_rsa_now(c->d, key, cipher, out);
    if (g->rsa_waiting == g->rsa_max)
        flush_rsa(c->d);
    struct gathered_rsa *one = &g->rsa[g->rsa_waiting++];
    one->who = who_is(c, NULL);
    one->key = *key;
    one->cipher = *cipher;
    memcpy(one->em, cipher->data.data, cipher->data.size);
    return SW_OK;
}

void gather_flush(struct device *d)
{
    flush_sm2(d);
    if (CONFIG_VERIFY)
        flush_verify(d);
    flush_rsa(d);
    if (CONFIG_POLICY)
        uses_commit(d);
}
