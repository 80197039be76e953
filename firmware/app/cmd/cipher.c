/* Group use: ENCRYPT, DECRYPT. */
#include "firmware/app/core.h"
#include "firmware/app/policy.h"
#include "firmware/app/secret_cipher.h"
#include "firmware/app/subject.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/hash.h"
#include "handlers_gen.h"

#include <string.h>

enum { GCM_TAG = 16 };

/* Both commands in one shape. */
struct text {
    uint8_t scheme, hash;
    struct view iv, aad, data;
};

static bool secret_scheme(uint8_t scheme)
{
    return scheme >= CIPHER_SM4_ECB && scheme <= CIPHER_SM4_MAC;
}

/* ---------------------------------------------------------------- SM4 */

/* What the modes ask of iv, aad and data. Decrypting GCM there is a tag at the end. */
static uint16_t sm4_fits(const struct text *t, bool encrypt)
{
    const bool whole = t->data.size % SM4_BLOCK == 0;
    if (t->scheme == CIPHER_SM4_GCM)
        return !t->iv.size || (!encrypt && t->data.size < GCM_TAG) ? SW_WRONG_DATA : SW_OK;
    if (t->aad.size || t->iv.size != (t->scheme == CIPHER_SM4_ECB ? 0 : SM4_BLOCK))
        return SW_WRONG_DATA;
    if (t->scheme == CIPHER_SM4_MAC)
        return !encrypt ? SW_NOT_SUPPORTED : whole && t->data.size ? SW_OK : SW_WRONG_DATA;
    if (t->scheme == CIPHER_SM4_ECB || t->scheme == CIPHER_SM4_CBC)
        return whole ? SW_OK : SW_WRONG_DATA;
    return SW_OK;
}

static size_t sm4_result_size(const struct text *t, bool encrypt)
{
    if (t->scheme == CIPHER_SM4_GCM)
        return encrypt ? t->data.size + GCM_TAG : t->data.size - GCM_TAG;
    return t->scheme == CIPHER_SM4_MAC ? SM4_BLOCK : t->data.size;
}

static int sm4_encrypt(const struct sym_ops *sym, const struct sm4_key *key, const struct text *t,
                       uint8_t *iv, uint8_t *out)
{
    const uint8_t *in = t->data.data;
    const size_t n = t->data.size;
    switch (t->scheme) {
    case CIPHER_SM4_ECB:
        sym->sm4_encrypt(key, in, out, n / SM4_BLOCK);
        break;
    case CIPHER_SM4_CBC:
        sm4_cbc_encrypt(key, iv, in, out, n);
        break;
    case CIPHER_SM4_CFB:
        sm4_cfb_encrypt(key, iv, in, out, n);
        break;
    case CIPHER_SM4_MAC:
        memcpy(out, iv, SM4_BLOCK);
        sm4_cbc_mac(key, out, in, n);
        break;
    case CIPHER_SM4_GCM:
        sym->sm4_gcm_seal(key,
                          &(struct sm4_gcm_item){t->iv.data, t->iv.size, t->aad.data, t->aad.size,
                                                 in, n, out, out + n},
                          1);
        break;
    default: /* OFB and CTR work the same in both directions */
        return -1;
    }
    return 0;
}

static int gcm_open(const struct sym_ops *sym, const struct sm4_key *key, const struct text *t,
                    uint8_t *out)
{
    const size_t n = t->data.size - GCM_TAG;
    uint8_t ok, tag[GCM_TAG];
    memcpy(tag, t->data.data + n, GCM_TAG);
    sym->sm4_gcm_open(key,
                      &(struct sm4_gcm_item){t->iv.data, t->iv.size, t->aad.data, t->aad.size,
                                             t->data.data, n, out, tag},
                      1, &ok);
    return ok ? 0 : -1;
}

static int sm4_decrypt(const struct sym_ops *sym, const struct sm4_key *key, const struct text *t,
                       uint8_t *iv, uint8_t *out)
{
    const uint8_t *in = t->data.data;
    const size_t n = t->data.size;
    switch (t->scheme) {
    case CIPHER_SM4_ECB:
        sm4_engine_decrypt(sym, key, in, out, n / SM4_BLOCK);
        break;
    case CIPHER_SM4_CBC:
        sm4_cbc_decrypt(sym, key, iv, in, out, n);
        break;
    case CIPHER_SM4_CFB:
        sm4_cfb_decrypt(key, iv, in, out, n);
        break;
    case CIPHER_SM4_GCM:
        return gcm_open(sym, key, t, out);
    default:
        return -1;
    }
    return 0;
}

static uint16_t sm4_crypt(const struct sym_ops *sym, const struct key *key, const struct text *t,
                          bool encrypt, struct wr *out)
{
    uint8_t iv[SM4_BLOCK] = {0};
    struct sm4_key k;
    int bad = 0;
    const uint16_t sw = sm4_fits(t, encrypt);
    if (sw != SW_OK)
        return sw;
    uint8_t *result = wr_reserve(out, sm4_result_size(t, encrypt));
    if (!result)
        return SW_RESPONSE_TOO_BIG;
    if (t->scheme != CIPHER_SM4_GCM && t->iv.size)
        memcpy(iv, t->iv.data, sizeof iv);
    sm4_set_key(&k, key->secret);
    if (t->scheme == CIPHER_SM4_OFB)
        sm4_ofb(&k, iv, t->data.data, result, t->data.size);
    else if (t->scheme == CIPHER_SM4_CTR)
        sym->sm4_ctr(&k, iv, t->data.data, result, t->data.size);
    else
        bad = encrypt ? sm4_encrypt(sym, &k, t, iv, result) : sm4_decrypt(sym, &k, t, iv, result);
    wipe(&k, sizeof k);
    return bad ? SW_DECRYPT_FAILED : SW_OK;
}

/* ---------------------------------------------------------------- public keys */

static uint16_t sm2_fits(const struct text *t)
{
    return t->iv.size || t->aad.size || (t->hash != DIGEST_NONE && t->hash != DIGEST_SM3)
               ? SW_WRONG_DATA
               : SW_OK;
}

static uint16_t rsa_fits(const struct text *t)
{
    if (t->iv.size || (t->scheme != CIPHER_RSA_OAEP && (t->aad.size || t->hash != DIGEST_NONE)))
        return SW_WRONG_DATA;
    if (t->scheme == CIPHER_RSA_OAEP && !hash_size((enum hash_alg)t->hash))
        return SW_NOT_SUPPORTED;
    return SW_OK;
}

static uint16_t encrypt_sm2(struct call *c, const struct subject *s, const struct text *t,
                            struct wr *out)
{
    const uint16_t sw = sm2_fits(t);
    if (sw != SW_OK || !t->data.size)
        return sw != SW_OK ? sw : SW_WRONG_DATA;
    uint8_t *result = wr_reserve(out, t->data.size + SM2_CIPHER_OVERHEAD);
    if (!result)
        return SW_RESPONSE_TOO_BIG;
    return sm2_encrypt(&c->d->rng, s->point, t->data.data, t->data.size, result) ? SW_ENCRYPT_FAILED
                                                                                 : SW_OK;
}

static uint16_t encrypt_rsa(struct call *c, const struct subject *s, const struct text *t,
                            struct wr *out)
{
    const unsigned bits = s->rsa.bits;
    uint8_t em[RSA_MAX_BYTES];
    const uint16_t sw = rsa_fits(t);
    if (sw != SW_OK)
        return sw;
    uint8_t *result = wr_reserve(out, bits / 8);
    if (!result)
        return SW_RESPONSE_TOO_BIG;
    int bad = t->scheme == CIPHER_RSA_PKCS1
                  ? rsa_pkcs1_encrypt_pad(&c->d->rng, bits, t->data.data, t->data.size, em)
                  : rsa_oaep_pad(&c->d->rng, bits, (enum hash_alg)t->hash, t->aad.data, t->aad.size,
                                 t->data.data, t->data.size, em);
    if (!bad && rsa_public_op(c->d->engine->rsa, &s->rsa, em, result, c->d->batch.lanes[0].scratch))
        bad = -1;
    wipe(em, sizeof em);
    return bad ? SW_WRONG_DATA : SW_OK; /* too long for the key */
}

/* AES, or SM4-GCM with a short tag. */
static uint16_t secret_crypt(struct call *c, uint32_t handle, const struct text *t, bool encrypt,
                             struct wr *out)
{
    const struct secret_text text = {t->scheme, t->hash, t->iv, t->aad, t->data};
    const struct key *key;
    const uint16_t sw = key_for(c, handle, encrypt ? USAGE_ENCRYPT : USAGE_DECRYPT, 0, &key);
    return sw == SW_OK ? secret_cipher(key, &text, encrypt, out) : sw;
}

uint16_t cmd_encrypt(struct call *c, const struct encrypt_req *q, struct wr *out)
{
    const struct text t = {q->scheme, q->hash, q->iv, q->aad, q->data};
    const struct key *key;
    struct subject s;
    uint16_t sw;
    if (secret_cipher_for(t.scheme, t.hash))
        return q->public.size ? SW_WRONG_DATA : secret_crypt(c, q->handle, &t, true, out);
    if (secret_scheme(t.scheme)) {
        if (t.hash || q->public.size)
            return SW_WRONG_DATA;
        sw = key_for(c, q->handle, USAGE_ENCRYPT, KEY_SM4, &key);
        return sw == SW_OK ? sm4_crypt(c->d->engine->sym, key, &t, true, out) : sw;
    }
    if (t.scheme < CIPHER_SM2 || t.scheme > CIPHER_RSA_OAEP)
        return SW_NOT_SUPPORTED;
    sw = subject_of(c, q->handle, q->type, q->public, &s);
    if (sw != SW_OK)
        return sw;
    if (t.scheme == CIPHER_SM2 ? s.type != KEY_SM2 : !key_rsa_bits(s.type))
        return SW_KEY_TYPE;
    return t.scheme == CIPHER_SM2 ? encrypt_sm2(c, &s, &t, out) : encrypt_rsa(c, &s, &t, out);
}

/* ---------------------------------------------------------------- private keys */

static uint16_t decrypt_sm2(const struct key *key, const struct text *t, struct wr *out)
{
    const uint16_t sw = sm2_fits(t);
    if (sw != SW_OK || t->data.size <= SM2_CIPHER_OVERHEAD)
        return sw != SW_OK ? sw : SW_DECRYPT_FAILED;
    uint8_t *result = wr_reserve(out, t->data.size - SM2_CIPHER_OVERHEAD);
    if (!result)
        return SW_RESPONSE_TOO_BIG;
    return sm2_decrypt(key->sm2.d, t->data.data, t->data.size, result) ? SW_DECRYPT_FAILED : SW_OK;
}

static uint16_t decrypt_rsa(struct call *c, const struct rsa_private *key, const struct text *t,
                            struct wr *out)
{
    const struct rsa_ciphertext cipher = {t->scheme, t->hash, t->aad, t->data};
    const uint16_t sw = rsa_fits(t);
    if (sw != SW_OK || t->data.size != key->pub.bits / 8)
        return sw != SW_OK ? sw : SW_DECRYPT_FAILED;
    return gather_rsa_decrypt(c, key, &cipher, out);
}

uint16_t cmd_decrypt(struct call *c, const struct decrypt_req *q, struct wr *out)
{
    const struct text t = {q->scheme, q->hash, q->iv, q->aad, q->data};
    const struct key *key;
    const uint8_t type = secret_scheme(t.scheme) ? KEY_SM4 : t.scheme == CIPHER_SM2 ? KEY_SM2 : 0;
    const uint32_t usage = USAGE_DECRYPT | (t.scheme == CIPHER_RSA_RAW ? USAGE_RAW : 0);
    if (secret_cipher_for(t.scheme, t.hash))
        return secret_crypt(c, q->handle, &t, false, out);
    if (t.scheme < CIPHER_SM2 || t.scheme > CIPHER_RSA_RAW)
        return SW_NOT_SUPPORTED;
    const uint16_t sw = key_for(c, q->handle, usage, type, &key);
    if (sw != SW_OK)
        return sw;
    if (type == KEY_SM4)
        return t.hash ? SW_WRONG_DATA : sm4_crypt(c->d->engine->sym, key, &t, false, out);
    if (type == KEY_SM2)
        return decrypt_sm2(key, &t, out);
    return key->rsa ? decrypt_rsa(c, key->rsa, &t, out) : SW_KEY_TYPE;
}
