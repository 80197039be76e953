/* SM2 signatures in the device, DER outside. */
#include "host/provider/sign.h"

struct job {
    const struct sig *sig;
    const uint8_t *data;
    size_t size;
    uint8_t raw[HUFU_SIGNATURE_MAX];
    size_t raw_size;
};

static enum hufu_status run(struct hufu_session *session, void *arg)
{
    struct job *j = arg;
    const struct hufu_signing signing = {.scheme = HUFU_SIGN_SM2, .hash = HUFU_DIGEST_SM3};
    return hufu_sign(session, j->sig->key->handle, &signing, j->data, j->size, j->raw,
                     &j->raw_size);
}

int sign_ec(const struct sig *s, const uint8_t *data, size_t size, uint8_t *sig, size_t *sig_size)
{
    struct job j = {.sig = s, .data = data, .size = size};
    if (size != 32)
        return FAIL(s->prov, REASON_ARGUMENT, "SM2 signs a digest of 32 bytes, not %zu", size);
    if (!link_run(s->prov, NULL, s->key->serial, false, run, &j))
        return 0;
    *sig_size = 72;
    return hufu_sm2_signature_to_der(j.raw, sig, sig_size) == HUFU_OK;
}
