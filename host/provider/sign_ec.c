/* SM2 and ECDSA signatures in the device, DER outside. */
#include <openssl/ec.h>

#include "host/provider/sign.h"

struct job {
    uint32_t handle;
    struct hufu_signing signing;
    const uint8_t *data;
    size_t size;
    uint8_t raw[HUFU_SIGNATURE_MAX];
    size_t raw_size;
};

static enum hufu_status run(struct hufu_session *session, void *arg)
{
    struct job *j = arg;
    return hufu_sign(session, j->handle, &j->signing, j->data, j->size, j->raw, &j->raw_size);
}

/* r || s as DER; sig has room for it. */
static int to_der(const struct job *j, uint8_t *sig, size_t *sig_size)
{
    const int half = (int)(j->raw_size / 2);
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(j->raw, half, NULL), *s = BN_bin2bn(j->raw + half, half, NULL);
    int n = -1;
    if (both && r && s && ECDSA_SIG_set0(both, r, s)) {
        r = s = NULL;
        n = i2d_ECDSA_SIG(both, &sig);
    }
    BN_free(r);
    BN_free(s);
    ECDSA_SIG_free(both);
    *sig_size = n > 0 ? (size_t)n : 0;
    return n > 0;
}

int sign_ec(const struct sig *s, const uint8_t *data, size_t size, uint8_t *sig, size_t *sig_size)
{
    const bool sm2 = s->family == FAMILY_SM2;
    struct job j = {.handle = s->key->handle, .data = data, .size = size};
    if (sm2 && size != 32)
        return FAIL(s->prov, REASON_ARGUMENT, "SM2 signs a digest of 32 bytes, not %zu", size);
    if (s->md && size != (size_t)EVP_MD_get_size(s->md))
        return FAIL(s->prov, REASON_ARGUMENT, "%zu bytes are no digest of %s", size,
                    EVP_MD_get0_name(s->md));
    if (!sm2 && (!size || size > HUFU_DIGEST_MAX))
        return FAIL(s->prov, REASON_ARGUMENT, "ECDSA signs a digest of up to %d bytes, not %zu",
                    HUFU_DIGEST_MAX, size);
    j.signing.scheme = sm2 ? HUFU_SIGN_SM2 : HUFU_SIGN_ECDSA;
    j.signing.hash = sm2 ? HUFU_DIGEST_SM3 : HUFU_DIGEST_NONE;
    return link_run(s->prov, NULL, s->key->serial, false, run, &j) && to_der(&j, sig, sig_size);
}
