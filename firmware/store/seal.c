#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/base/secret.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm4.h"
#include "firmware/store/crc.h"
#include "firmware/store/internal.h"

enum { BOUND_SIZE = 9 };

/* What the seal binds: all that a record is, but not where it lies, so that compaction needs no
 * key. */
static void bound(const struct record *r, uint8_t out[BOUND_SIZE])
{
    out[0] = STORE_FORMAT;
    out[1] = r->cls;
    out[2] = r->type;
    store_be16(out + 3, r->n);
    store_be32(out + 5, r->id);
}

/* HMAC-SM3(class key, salt || bound): a key and a nonce that no other record has. */
static void record_key(const struct store *s, const struct record *r, const uint8_t *salt,
                       struct sm4_key *key, uint8_t nonce[12])
{
    uint8_t info[BOUND_SIZE], out[SM3_SIZE];
    struct hmac h = s->key[r->cls];
    bound(r, info);
    hmac_update(&h, salt, SALT_SIZE);
    hmac_update(&h, info, sizeof info);
    hmac_final(&h, out);
    sm4_set_key(key, out);
    memcpy(nonce, out + SM4_KEY, 12);
    wipe(out, sizeof out);
}

int seal(struct store *s, const struct record *r, const void *data, uint8_t *bytes)
{
    uint8_t *area = bytes + HEAD_SIZE, *body = area + AREA_SIZE;
    const uint32_t body_size = record_size(r->n) - HEAD_SIZE - AREA_SIZE;
    uint8_t info[BOUND_SIZE], nonce[12];
    struct sm4_key key;
    if (s->rng->fill(s->rng->ctx, area, SALT_SIZE))
        return -1;
    record_key(s, r, area, &key, nonce);
    bound(r, info);
    memset(body + r->n + TAG_SIZE, 0, body_size - r->n - TAG_SIZE);
    sm4_gcm_seal(&key, nonce, sizeof nonce, info, sizeof info, data, r->n, body, body + r->n);
    area_encode(area, area, store_crc(0, body, body_size));
    wipe(&key, sizeof key);
    return 0;
}

int unseal(struct store *s, const struct record *r, const uint8_t *bytes, uint8_t *out)
{
    const uint8_t *area = bytes + HEAD_SIZE, *body = area + AREA_SIZE;
    uint8_t info[BOUND_SIZE], nonce[12];
    struct sm4_key key;
    record_key(s, r, area, &key, nonce);
    bound(r, info);
    int result =
        sm4_gcm_open(&key, nonce, sizeof nonce, info, sizeof info, body, r->n, out, body + r->n);
    PUBLIC(out, r->n); /* whoever knows of a secret in it marks that */
    wipe(&key, sizeof key);
    return result;
}
