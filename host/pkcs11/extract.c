/*
 * A key of the device that may be extracted, for C_WrapKey: the device wraps it under a session's
 * key that is made for this one time, and here it is unwrapped again.
 */
#include "host/pkcs11/operation.h"

#include <openssl/bn.h>
#include <openssl/rand.h>
#include <string.h>

enum { KEK = 32 };

static CK_RV device_wrap(struct slot *slot, const struct object *key, const uint8_t kek[KEK],
                         uint8_t *wrapped, size_t *size)
{
    struct use u = {0};
    const struct hufu_key_spec spec = {.type = HUFU_KEY_AES256,
                                       .flags = HUFU_KEY_FLAG_SESSION,
                                       .usage = HUFU_USAGE_WRAP,
                                       .label = ""};
    uint32_t handle;
    const CK_RV rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return rv;
    enum hufu_status status = hufu_key_put(u.session, &spec, kek, KEK, &handle, NULL, NULL);
    if (!status) {
        status = hufu_key_wrap(u.session, handle, HUFU_WRAP_KWP, 0, key->device, wrapped, size);
        hufu_object_destroy(u.session, handle);
    }
    return use_end(&u, status);
}

static bool unwrap(const uint8_t kek[KEK], const uint8_t *wrapped, size_t n, uint8_t *out,
                   size_t *out_size)
{
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(crypto_context(), "AES-256-WRAP-PAD", NULL);
    EVP_CIPHER_CTX *c = EVP_CIPHER_CTX_new();
    int size = 0;
    if (c)
        EVP_CIPHER_CTX_set_flags(c, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    const bool good = cipher && c && EVP_DecryptInit_ex2(c, cipher, kek, NULL, NULL) > 0 &&
                      EVP_DecryptUpdate(c, out, &size, wrapped, (int)n) > 0;
    EVP_CIPHER_CTX_free(c);
    EVP_CIPHER_free(cipher);
    *out_size = (size_t)size;
    return good;
}

/* What the device has in front of PKCS #8: p || q of RSA, d of curves, the value of a secret. */
static CK_RV raw_secret(struct slot *slot, const struct object *key, uint8_t *out, size_t *size)
{
    uint8_t kek[KEK], wrapped[HUFU_WRAPPED_MAX];
    size_t n = sizeof wrapped;
    if (!crypto_context() || RAND_priv_bytes_ex(crypto_context(), kek, sizeof kek, 256) <= 0)
        return CKR_GENERAL_ERROR;
    CK_RV rv = device_wrap(slot, key, kek, wrapped, &n);
    if (rv == CKR_OK && !unwrap(kek, wrapped, n, out, size))
        rv = CKR_GENERAL_ERROR;
    hufu_wipe(kek, sizeof kek);
    return rv;
}

/* ------------------------------------------------------------------ RSA from its primes */

struct rsa {
    BN_CTX *c;
    BIGNUM *p, *q, *e, *p1, *q1, *phi, *d, *dp, *dq, *qinv;
};

static bool rsa_numbers(struct rsa *r)
{
    return r->qinv && BN_sub(r->p1, r->p, BN_value_one()) && BN_sub(r->q1, r->q, BN_value_one()) &&
           BN_mul(r->phi, r->p1, r->q1, r->c) && BN_mod_inverse(r->d, r->e, r->phi, r->c) &&
           BN_mod(r->dp, r->d, r->p1, r->c) && BN_mod(r->dq, r->d, r->q1, r->c) &&
           BN_mod_inverse(r->qinv, r->q, r->p, r->c);
}

static CK_RV set_number(struct object *o, CK_ATTRIBUTE_TYPE type, const BIGNUM *n)
{
    uint8_t bytes[HUFU_PUBLIC_MAX];
    const int size = BN_num_bytes(n);
    CK_RV rv = CKR_GENERAL_ERROR;
    if ((size_t)size <= sizeof bytes && BN_bn2bin(n, bytes) == size)
        rv = attribute_set(o, type, bytes, (CK_ULONG)size);
    hufu_wipe(bytes, sizeof bytes);
    return rv;
}

static CK_RV set_rsa(struct object *o, const struct object *key, const uint8_t *primes, size_t n)
{
    const struct attribute *e = attribute_of(key, CKA_PUBLIC_EXPONENT);
    struct rsa r = {.c = BN_CTX_secure_new()};
    BIGNUM **const all[] = {&r.p, &r.q, &r.e, &r.p1, &r.q1, &r.phi, &r.d, &r.dp, &r.dq, &r.qinv};
    CK_RV rv = CKR_GENERAL_ERROR;
    if (!r.c || !e)
        return rv;
    BN_CTX_start(r.c);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if ((*all[i] = BN_CTX_get(r.c)) != NULL)
            BN_set_flags(*all[i], BN_FLG_CONSTTIME);
    if (r.qinv && BN_bin2bn(primes, (int)(n / 2), r.p) &&
        BN_bin2bn(primes + n / 2, (int)(n / 2), r.q) && BN_bin2bn(e->value, (int)e->size, r.e) &&
        rsa_numbers(&r))
        rv = CKR_OK;
    const struct {
        CK_ATTRIBUTE_TYPE type;
        const BIGNUM *n;
    } numbers[] = {{CKA_PRIME_1, r.p},     {CKA_PRIME_2, r.q},     {CKA_PRIVATE_EXPONENT, r.d},
                   {CKA_EXPONENT_1, r.dp}, {CKA_EXPONENT_2, r.dq}, {CKA_COEFFICIENT, r.qinv}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && rv == CKR_OK; i++)
        rv = set_number(o, numbers[i].type, numbers[i].n);
    BN_CTX_end(r.c);
    BN_CTX_free(r.c);
    return rv;
}

/* ------------------------------------------------------------------ an object with its value */

static CK_RV with_value(struct object *o, const struct object *key, const uint8_t *raw, size_t n)
{
    const CK_RV rv = attributes_copy(key, o);
    if (rv != CKR_OK)
        return rv;
    return o->family == FAMILY_RSA ? set_rsa(o, key, raw, n) : attribute_set(o, CKA_VALUE, raw, n);
}

CK_RV device_extract(struct slot *slot, const struct object *key, struct object **out)
{
    uint8_t raw[HUFU_WRAPPED_MAX];
    size_t n = 0;
    *out = NULL;
    CK_RV rv = raw_secret(slot, key, raw, &n);
    if (rv == CKR_OK)
        *out = object_new(key->class);
    if (rv == CKR_OK)
        rv = *out ? with_value(*out, key, raw, n) : CKR_HOST_MEMORY;
    hufu_wipe(raw, sizeof raw);
    if (rv != CKR_OK) {
        object_free(*out);
        *out = NULL;
    }
    return rv;
}
