#include "firmware/app/wrap.h"

#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/hash.h"

#include <string.h>

enum { NONCE = 12 };

static const uint8_t magic[4] = {'H', 'F', 'W', 'K'};

bool wrap_secret_size(uint8_t type, size_t record, size_t *secret)
{
    const size_t around = key_public_size(type) + WRAP_TAG;
    *secret = record > around ? record - around : 0;
    if (key_rsa_bits(type))
        return *secret == key_rsa_bits(type) / 8;
    return key_secret_fits(type, *secret);
}

size_t wrap_record_size(uint8_t type)
{
    const unsigned bits = key_rsa_bits(type);
    const size_t secret = bits ? bits / 8 : key_secret_most(type);
    return secret && !key_is_blob(type) ? key_public_size(type) + secret + WRAP_TAG : 0;
}

static void set_key(const struct device *d, struct wrap *w)
{
    uint8_t k[SM3_SIZE];
    hmac(HASH_SM3, d->domain_key, sizeof d->domain_key, w->h.batch, 16, k);
    sm4_set_key(&w->key, k);
    wipe(k, sizeof k);
}

static int read_header(struct wrap *w)
{
    struct rd r;
    rd_init(&r, w->header, sizeof w->header);
    return wrap_header_get(&r, &w->h) && rd_done(&r) ? 0 : -1;
}

int wrap_begin(struct device *d, struct wrap *w, uint8_t type, uint32_t usage, uint32_t count)
{
    uint8_t batch[16];
    if (random_fill(&d->random, batch, sizeof batch))
        return -1;
    const struct wrap_header h = {magic, 1, type, usage, d->domain_id, batch, count};
    struct wr out;
    wr_init(&out, w->header, sizeof w->header);
    wrap_header_put(&out, &h);
    if (out.bad || read_header(w))
        return -1;
    set_key(d, w);
    return 0;
}

int wrap_resume(const struct device *d, struct wrap *w, const uint8_t header[WRAP_HEADER])
{
    memcpy(w->header, header, sizeof w->header);
    if (read_header(w) || memcmp(w->h.magic, magic, sizeof magic) || w->h.version != 1 ||
        !wrap_record_size(w->h.type) || memcmp(w->h.domain, d->domain_id, DOMAIN_ID))
        return -1;
    set_key(d, w);
    return 0;
}

void wrap_end(struct wrap *w)
{
    wipe(w, sizeof *w);
}

/* nonce: the index as 12 bytes; AAD: the header without its count, then the public part */
struct bound {
    uint8_t nonce[NONCE], aad[WRAP_AUTHENTICATED + LIMIT_PUBLIC_MAX];
    size_t aad_size;
};

static void bind(struct bound *b, const struct wrap *w, uint32_t index, const uint8_t *record)
{
    const size_t pub = key_public_size(w->h.type);
    memset(b->nonce, 0, NONCE - 4);
    store_be32(b->nonce + NONCE - 4, index);
    memcpy(b->aad, w->header, WRAP_AUTHENTICATED);
    memcpy(b->aad + WRAP_AUTHENTICATED, record, pub);
    b->aad_size = WRAP_AUTHENTICATED + pub;
}

void wrap_seal(const struct wrap *w, uint32_t index, uint8_t *record, const uint8_t *secret,
               size_t n)
{
    uint8_t *sealed = record + key_public_size(w->h.type);
    struct bound b;
    bind(&b, w, index, record);
    sm4_gcm_seal(&w->key, b.nonce, NONCE, b.aad, b.aad_size, secret, n, sealed, sealed + n);
}

/* What all groups have in common. */
static void prepare(const struct wrap *w, size_t n, struct wrap_room *r)
{
    for (size_t i = 0; i < n; i++) {
        memset(r->nonce[i], 0, NONCE);
        memcpy(r->aad[i], w->header, WRAP_AUTHENTICATED);
        r->item[i] = (struct sm4_gcm_item){.nonce = r->nonce[i],
                                           .nonce_size = NONCE,
                                           .aad = r->aad[i],
                                           .aad_size = sizeof r->aad[i],
                                           .n = SM2_SCALAR};
    }
}

static void group(uint32_t from, size_t n, uint8_t *records, const uint8_t (*secrets)[32],
                  struct wrap_room *r)
{
    const size_t size = SM2_POINT + SM2_SCALAR + WRAP_TAG;
    for (size_t i = 0; i < n; i++, records += size) {
        store_be32(r->nonce[i] + NONCE - 4, from + (uint32_t)i);
        memcpy(r->aad[i] + WRAP_AUTHENTICATED, records, SM2_POINT);
        r->item[i].in = secrets[i];
        r->item[i].out = records + SM2_POINT;
        r->item[i].tag = records + SM2_POINT + SM2_SCALAR;
    }
}

void wrap_seal_sm2(const struct wrap *w, const struct sym_ops *sym, uint32_t from, size_t n,
                   uint8_t *records, const uint8_t (*secrets)[32], struct wrap_room *room)
{
    prepare(w, n < WRAP_GROUP ? n : WRAP_GROUP, room);
    for (size_t part; n; n -= part, from += (uint32_t)part, secrets += part) {
        part = n < WRAP_GROUP ? n : WRAP_GROUP;
        group(from, part, records, secrets, room);
        sym->sm4_gcm_seal(&w->key, room->item, part);
        records += part * (SM2_POINT + SM2_SCALAR + WRAP_TAG);
    }
}

int wrap_open(const struct wrap *w, uint32_t index, const uint8_t *record, uint8_t *secret,
              size_t n)
{
    const uint8_t *sealed = record + key_public_size(w->h.type);
    struct bound b;
    bind(&b, w, index, record);
    return sm4_gcm_open(&w->key, b.nonce, NONCE, b.aad, b.aad_size, sealed, n, secret, sealed + n);
}
