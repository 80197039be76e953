/* Group use: hashes, at once or piece by piece within a session. */
#include "firmware/app/core.h"
#include "firmware/app/subject.h"
#include "firmware/crypto/hash.h"
#include "handlers_gen.h"

#include <string.h>

/* Starts a hash; with a key it starts with Z, as SM2 signatures want it. */
static uint16_t start(struct call *c, struct hash *h, uint8_t alg, uint32_t handle, struct view pub,
                      struct view id)
{
    struct subject s;
    uint8_t z[SM3_SIZE];
    const bool keyed = handle || pub.size;
    if (!hash_size((enum hash_alg)alg) || (keyed && alg != DIGEST_SM3))
        return SW_NOT_SUPPORTED;
    if (!keyed && id.size)
        return SW_WRONG_DATA;
    if (keyed) {
        const uint16_t sw = subject_of(c, handle, KEY_SM2, pub, &s);
        if (sw != SW_OK)
            return sw;
        id = signer_id(id);
        if (sm2_z(id.data, id.size, s.point, z))
            return SW_WRONG_DATA;
    }
    hash_init(h, (enum hash_alg)alg);
    if (keyed)
        hash_update(h, z, sizeof z);
    return SW_OK;
}

uint16_t cmd_hash_init(struct call *c, const struct hash_init_req *q, struct wr *out)
{
    struct hash h;
    (void)out;
    const uint16_t sw = start(c, &h, q->hash, q->handle, q->public, q->id);
    if (sw != SW_OK)
        return sw;
    c->session->hash = h;
    c->session->hashing = true;
    return SW_OK;
}

uint16_t cmd_hash_update(struct call *c, const struct hash_update_req *q, struct wr *out)
{
    (void)out;
    if (!c->session->hashing)
        return SW_STEP;
    hash_update(&c->session->hash, q->data.data, q->data.size);
    return SW_OK;
}

static void put_digest(struct hash *h, struct wr *out)
{
    uint8_t digest[HASH_MAX_SIZE];
    const size_t n = hash_size(h->alg);
    hash_final(h, digest);
    wr_var(out, (struct view){digest, n}, sizeof digest);
}

uint16_t cmd_hash_final(struct call *c, const struct hash_final_req *q, struct wr *out)
{
    (void)q;
    if (!c->session->hashing)
        return SW_STEP;
    if (wr_room(out) < 2 + hash_size(c->session->hash.alg))
        return SW_RESPONSE_TOO_BIG;
    put_digest(&c->session->hash, out);
    c->session->hashing = false;
    return SW_OK;
}

uint16_t cmd_digest(struct call *c, const struct digest_req *q, struct wr *out)
{
    struct hash h;
    const uint16_t sw = start(c, &h, q->hash, q->handle, q->public, q->id);
    if (sw != SW_OK)
        return sw;
    hash_update(&h, q->data.data, q->data.size);
    put_digest(&h, out);
    return SW_OK;
}
