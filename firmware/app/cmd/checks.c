/* Group checks: VERIFY BATCH. */
#include "firmware/app/core.h"
#include "firmware/app/subject.h"
#include "handlers_gen.h"

enum { COUNT_MAX = 8 * 8192 };

/* The parts of the items: keys, if each brings its own, digests, signatures. */
struct to_verify {
    const uint8_t (*pub)[64], (*e)[32], (*sig)[64];
    size_t n;
};

static bool lay_apart(struct to_verify *v, const struct verify_batch_req *q, const uint8_t *one)
{
    const size_t size = (one ? 0 : SM2_POINT) + SM3_SIZE + SM2_SIGNATURE;
    const uint8_t *at = q->items.data;
    v->n = q->items.size / size;
    v->pub = (const void *)(one ? one : at);
    at += one ? 0 : v->n * SM2_POINT;
    v->e = (const void *)at;
    v->sig = (const void *)(at + v->n * SM3_SIZE);
    return v->n && v->n <= COUNT_MAX && q->items.size % size == 0;
}

uint16_t cmd_verify_batch(struct call *c, const struct verify_batch_req *q, struct wr *out)
{
    const bool single = q->handle || q->public.size;
    struct device *d = c->d;
    struct subject s;
    struct to_verify v;
    uint16_t sw = SW_OK;
    if (q->scheme != SIGN_SM2 || (q->hash != DIGEST_NONE && q->hash != DIGEST_SM3))
        return SW_NOT_SUPPORTED;
    if (single)
        sw = subject_of(c, q->handle, q->type, q->public, &s);
    if (sw == SW_OK && (single ? s.type : q->type) != KEY_SM2)
        sw = SW_KEY_TYPE;
    if (sw != SW_OK)
        return sw;
    if (!lay_apart(&v, q, single ? s.point : NULL))
        return SW_WRONG_DATA;
    wr_u32(out, (uint32_t)v.n);
    wr_u16(out, (uint16_t)((v.n + 7) / 8));
    uint8_t *bits = wr_reserve(out, (v.n + 7) / 8);
    if (!bits || v.n > d->batch.good_max)
        return SW_RESPONSE_TOO_BIG;
    if (batch_verify_sm2(d, v.pub, !single, v.n, v.e, v.sig, d->batch.good))
        return SW_RANDOM_FAILED;
    batch_status(bits, d->batch.good, v.n);
    return SW_OK;
}
