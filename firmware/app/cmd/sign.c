/* Group use: SIGN, SIGN BATCH, VERIFY. */
#include "firmware/app/core.h"
#include "firmware/app/policy.h"
#include "firmware/app/subject.h"
#include "firmware/crypto/hash.h"
#include "handlers_gen.h"

#include <string.h>

static bool sm2_scheme(uint8_t scheme)
{
    return scheme == SIGN_SM2 || scheme == SIGN_SM2_MESSAGE;
}

static bool rsa_scheme(uint8_t scheme)
{
    return scheme == SIGN_RSA_PKCS1 || scheme == SIGN_RSA_PSS || scheme == SIGN_RSA_RAW;
}

/* The keys that a scheme works with: SM2, EC, RSA. */
static bool suits(uint8_t scheme, uint8_t type)
{
    if (sm2_scheme(scheme))
        return type == KEY_SM2;
    return scheme == SIGN_ECDSA ? key_curve(type) != NULL : key_rsa_bits(type) != 0;
}

static bool known_scheme(uint8_t scheme)
{
    return sm2_scheme(scheme) || rsa_scheme(scheme) || (scheme == SIGN_ECDSA && !HUFU_SMALL);
}

/* It has the form of a digest at least, whether its hash is named or not. */
static bool is_digest(uint8_t scheme, uint8_t hash, struct view data)
{
    if (scheme == SIGN_RSA_RAW)
        return false;
    if (sm2_scheme(scheme) || hash != DIGEST_NONE)
        return true; /* of what size is looked at later */
    if (scheme == SIGN_RSA_PKCS1)
        return rsa_digest_info_check(data.data, data.size) == 0;
    return data.size == 28 || data.size == 32 || data.size == 48 || data.size == 64;
}

/* What a key must allow. */
static uint32_t signs(uint8_t scheme, uint8_t hash, struct view data)
{
    return USAGE_SIGN | (scheme == SIGN_RSA_RAW ? USAGE_RAW : 0) |
           (is_digest(scheme, hash, data) ? 0 : USAGE_DIGEST_ONLY);
}

/* ---------------------------------------------------------------- what is signed */

/* e of an SM2 signature: the digest as given, or of Z and the message. */
static uint16_t sm2_e(uint8_t scheme, uint8_t hash, const uint8_t pub[64], struct view id,
                      struct view data, uint8_t e[32])
{
    if (hash != DIGEST_NONE && hash != DIGEST_SM3)
        return SW_NOT_SUPPORTED;
    if (scheme == SIGN_SM2_MESSAGE) {
        id = signer_id(id);
        return sm2_digest(id.data, id.size, pub, data.data, data.size, e) ? SW_WRONG_DATA : SW_OK;
    }
    if (data.size != SM3_SIZE)
        return SW_WRONG_DATA;
    memcpy(e, data.data, SM3_SIZE);
    return SW_OK;
}

/* The sizes of n digests in `data` of an RSA signature. SHA-1 is for old signatures only. */
static uint16_t rsa_how(struct rsa_encoding *how, uint8_t scheme, uint8_t hash, uint16_t salt,
                        struct view data, size_t n)
{
    *how = (struct rsa_encoding){scheme, hash, salt, data.data, n ? data.size / n : 0};
    if (scheme != SIGN_RSA_PSS && salt)
        return SW_WRONG_DATA;
    if (hash == DIGEST_NONE) {
        if (scheme == SIGN_RSA_PSS)
            return SW_NOT_SUPPORTED;
        return data.size ? SW_OK : SW_WRONG_DATA;
    }
    if (!hash_size((enum hash_alg)hash))
        return SW_NOT_SUPPORTED;
    return how->digest_size == hash_size((enum hash_alg)hash) ? SW_OK : SW_WRONG_DATA;
}

/* ECDSA takes what it needs of a digest of any size. */
static uint16_t ec_fits(uint8_t hash, struct view data)
{
    if (hash != DIGEST_NONE && !hash_size((enum hash_alg)hash))
        return SW_NOT_SUPPORTED;
    const bool fits = hash == DIGEST_NONE ? data.size && data.size <= HASH_MAX_SIZE
                                          : data.size == hash_size((enum hash_alg)hash);
    return fits ? SW_OK : SW_WRONG_DATA;
}

/* ---------------------------------------------------------------- SIGN */

static uint16_t sign_sm2(struct call *c, const struct sign_req *q, const struct key *key,
                         struct wr *out)
{
    uint8_t e[SM3_SIZE];
    const uint16_t sw = sm2_e(q->scheme, q->hash, key->pub, q->id, q->data, e);
    if (sw != SW_OK)
        return sw;
    wr_u16(out, SM2_SIGNATURE);
    uint8_t *signature = wr_reserve(out, SM2_SIGNATURE);
    if (!signature)
        return SW_RESPONSE_TOO_BIG;
    gather_sm2(c, &key->sm2, e, signature);
    return SW_OK;
}

static uint16_t sign_rsa(struct call *c, const struct rsa_private *key,
                         const struct rsa_encoding *how, struct wr *out)
{
    const size_t size = key->pub.bits / 8;
    wr_u16(out, (uint16_t)size);
    uint8_t *signature = wr_reserve(out, size);
    if (!signature)
        return SW_RESPONSE_TOO_BIG;
    return gather_rsa(c, key, how, signature);
}

static uint16_t sign_ec(struct call *c, const struct sign_req *q, const struct key *key,
                        struct wr *out)
{
    const struct ec_curve *curve = key_curve(key->type);
    const uint16_t sw = ec_fits(q->hash, q->data);
    if (sw != SW_OK)
        return sw;
    wr_u16(out, (uint16_t)(2 * curve->size));
    uint8_t *signature = wr_reserve(out, 2 * curve->size);
    if (!signature)
        return SW_RESPONSE_TOO_BIG;
    return ecdsa_sign(curve, &c->d->rng, key->secret, q->data.data, q->data.size, signature)
               ? SW_SIGN_FAILED
               : SW_OK;
}

uint16_t cmd_sign(struct call *c, const struct sign_req *q, struct wr *out)
{
    const struct key *key;
    struct rsa_encoding how;
    if (!known_scheme(q->scheme))
        return SW_NOT_SUPPORTED;
    uint16_t sw = key_for(c, q->handle, signs(q->scheme, q->hash, q->data),
                          sm2_scheme(q->scheme) ? KEY_SM2 : 0, &key);
    if (sw != SW_OK)
        return sw;
    if (!suits(q->scheme, key->type))
        return SW_KEY_TYPE;
    if (sm2_scheme(q->scheme))
        return sign_sm2(c, q, key, out);
    if (q->scheme == SIGN_ECDSA)
        return sign_ec(c, q, key, out);
    if (q->hash == DIGEST_SHA1)
        return SW_NOT_SUPPORTED;
    sw = rsa_how(&how, q->scheme, q->hash, q->salt, q->data, 1);
    return sw == SW_OK ? sign_rsa(c, key->rsa, &how, out) : sw;
}

/* ---------------------------------------------------------------- SIGN BATCH */

enum { COUNT_MAX = 8 * 8192 };

/* How many digests there are, each of the size that scheme and hash want. 0: it does not come out
 * even */
static size_t count_digests(const struct sign_batch_req *q)
{
    const size_t size =
        q->scheme == SIGN_SM2 ? (size_t)SM3_SIZE : hash_size((enum hash_alg)q->hash);
    if (!size || q->digests.size % size || q->digests.size / size > COUNT_MAX)
        return 0;
    return q->digests.size / size;
}

/* Few take their nonces from the pool as long as it lasts: for them the engine takes longer. */
static int sign_sm2_all(struct device *d, const struct sm2_sign_key *key, size_t n,
                        const uint8_t (*e)[32], uint8_t (*sig)[64])
{
    uint8_t *good = d->batch.good;
    size_t ahead = 0;
    while (n <= NONCES_STEP && ahead < n && nonces_sign(&d->nonces, key, e[ahead], sig[ahead]) == 0)
        good[ahead++] = 1;
    return ahead < n ? batch_sign_sm2(d, &key, 0, n - ahead, e + ahead, sig + ahead, good + ahead)
                     : 0;
}

static uint16_t sign_all(struct call *c, const struct sign_batch_req *q, const struct key *key,
                         size_t n, uint8_t *signatures)
{
    struct device *d = c->d;
    struct rsa_encoding how;
    if (key->type == KEY_SM2) {
        const void *e = q->digests.data;
        const int bad = sign_sm2_all(d, &key->sm2, n, e, (uint8_t(*)[64])signatures);
        return bad ? SW_RANDOM_FAILED : SW_OK;
    }
    if (key_curve(key->type)) {
        const int bad = batch_sign_ec(d, key, n, q->digests.data, q->digests.size / n, signatures,
                                      d->batch.good);
        return bad ? SW_RANDOM_FAILED : SW_OK;
    }
    const uint16_t sw = rsa_how(&how, q->scheme, q->hash, q->salt, q->digests, n);
    if (sw != SW_OK)
        return sw;
    return batch_sign_rsa(d, key->rsa, &how, n, signatures, d->batch.good) ? SW_WRONG_DATA : SW_OK;
}

static size_t signature_size(const struct key *key)
{
    if (key->type == KEY_SM2)
        return SM2_SIGNATURE;
    return key_curve(key->type) ? 2 * key_curve(key->type)->size : key->rsa->pub.bits / 8;
}

uint16_t cmd_sign_batch(struct call *c, const struct sign_batch_req *q, struct wr *out)
{
    const bool sm2 = q->scheme == SIGN_SM2;
    const struct key *key;
    if (!known_scheme(q->scheme) || q->scheme == SIGN_SM2_MESSAGE ||
        (sm2 && q->hash > DIGEST_SM3) || (rsa_scheme(q->scheme) && q->hash == DIGEST_SHA1))
        return SW_NOT_SUPPORTED;
    const size_t n = count_digests(q), status = (n + 7) / 8;
    uint16_t sw = key_for_uses(c, q->handle, signs(q->scheme, q->hash, q->digests),
                               sm2 ? KEY_SM2 : 0, (uint32_t)n, &key);
    if (sw != SW_OK)
        return sw;
    if (!suits(q->scheme, key->type))
        return SW_KEY_TYPE;
    if (!n)
        return SW_WRONG_DATA;
    wr_u32(out, (uint32_t)n);
    wr_u16(out, (uint16_t)status);
    uint8_t *bits = wr_reserve(out, status);
    uint8_t *signatures = wr_reserve(out, n * signature_size(key));
    if (!bits || !signatures || n > c->d->batch.good_max)
        return SW_RESPONSE_TOO_BIG;
    sw = sign_all(c, q, key, n, signatures);
    if (sw == SW_OK)
        batch_status(bits, c->d->batch.good, n);
    return sw;
}

/* ---------------------------------------------------------------- VERIFY */

static uint16_t verify_sm2(struct call *c, const struct verify_req *q, const struct subject *s)
{
    uint8_t e[SM3_SIZE];
    if (s->type != KEY_SM2)
        return SW_KEY_TYPE;
    const uint16_t sw = sm2_e(q->scheme, q->hash, s->point, q->id, q->data, e);
    if (sw != SW_OK)
        return sw;
    if (q->signature.size != SM2_SIGNATURE)
        return SW_SIGNATURE_INVALID;
    return gather_verify(c, s->point, e, q->signature.data);
}

static uint16_t verify_ec(const struct verify_req *q, const struct subject *s)
{
    const struct ec_curve *curve = key_curve(s->type);
    if (!curve)
        return SW_KEY_TYPE;
    const uint16_t sw = ec_fits(q->hash, q->data);
    if (sw != SW_OK)
        return sw;
    if (q->signature.size != 2 * curve->size ||
        curve->verify(s->point, q->data.data, q->data.size, q->signature.data))
        return SW_SIGNATURE_INVALID;
    return SW_OK;
}

static uint16_t verify_rsa(struct call *c, const struct verify_req *q, const struct subject *s)
{
    const unsigned bits = s->rsa.bits;
    uint8_t em[RSA_MAX_BYTES];
    struct rsa_encoding how;
    if (!key_rsa_bits(s->type))
        return SW_KEY_TYPE;
    const uint16_t sw = rsa_how(&how, q->scheme, q->hash, q->salt, q->data, 1);
    if (sw != SW_OK)
        return sw;
    if (q->signature.size != bits / 8 ||
        rsa_public_op(c->d->engine->rsa, &s->rsa, q->signature.data, em,
                      c->d->batch.lanes[0].scratch))
        return SW_SIGNATURE_INVALID;
    const int bad =
        q->scheme == SIGN_RSA_PKCS1
            ? rsa_pkcs1_verify(bits, q->hash, q->data.data, q->data.size, em)
            : rsa_pss_verify(bits, (enum hash_alg)q->hash, q->data.data, q->data.size, q->salt, em);
    return bad ? SW_SIGNATURE_INVALID : SW_OK;
}

uint16_t cmd_verify(struct call *c, const struct verify_req *q, struct wr *out)
{
    struct subject s;
    (void)out;
    if (!known_scheme(q->scheme) || q->scheme == SIGN_RSA_RAW)
        return SW_NOT_SUPPORTED;
    const uint16_t sw = subject_of(c, q->handle, q->type, q->public, &s);
    if (sw != SW_OK)
        return sw;
    if (q->scheme == SIGN_ECDSA)
        return verify_ec(q, &s);
    return sm2_scheme(q->scheme) ? verify_sm2(c, q, &s) : verify_rsa(c, q, &s);
}
