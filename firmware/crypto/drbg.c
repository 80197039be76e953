#include "firmware/crypto/drbg.h"

#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm3.h"

struct part {
    const void *data;
    size_t size;
};

/* SP 800-90A allows 2^35 bits in any one input. */
static int size_ok(size_t n)
{
    return (uint64_t)n >> 32 == 0;
}

static void hash_parts(struct sm3 *ctx, const struct part *part, size_t parts)
{
    for (size_t i = 0; i < parts; i++)
        sm3_update(ctx, part[i].data, part[i].size);
}

/* Hash_df of clause 10.3.1 to DRBG_SEED bytes: two digests, cut. */
static void derive(uint8_t out[DRBG_SEED], const struct part *part, size_t parts)
{
    struct sm3 ctx;
    uint8_t digest[2][SM3_SIZE], prefix[5];
    store_be32(prefix + 1, 8 * DRBG_SEED);
    for (uint8_t i = 0; i < 2; i++) {
        prefix[0] = (uint8_t)(i + 1);
        sm3_init(&ctx);
        sm3_update(&ctx, prefix, sizeof prefix);
        hash_parts(&ctx, part, parts);
        sm3_final(&ctx, digest[i]);
    }
    memcpy(out, digest, DRBG_SEED);
    wipe(digest, sizeof digest);
}

/* v += number, both big-endian, mod 2^440 */
static void add(uint8_t v[DRBG_SEED], const uint8_t *number, size_t n)
{
    unsigned sum = 0;
    for (size_t i = 1; i <= DRBG_SEED; i++) {
        sum += v[DRBG_SEED - i];
        if (i <= n)
            sum += number[n - i];
        v[DRBG_SEED - i] = (uint8_t)sum;
        sum >>= 8;
    }
}

/* What instantiation and reseeding share: a new V from the parts, C from V. */
static void seed(struct drbg *d, const struct part *part, size_t parts)
{
    uint8_t v[DRBG_SEED];
    derive(v, part, parts);
    memcpy(d->v, v, sizeof v);
    derive(d->c, (const struct part[]){{"\0", 1}, {d->v, sizeof d->v}}, 2);
    d->counter = 1;
    wipe(v, sizeof v);
}

int drbg_init(struct drbg *d, const void *entropy, size_t entropy_size, const void *nonce,
              size_t nonce_size, const void *personal, size_t personal_size)
{
    const struct part part[] = {
        {entropy, entropy_size}, {nonce, nonce_size}, {personal, personal_size}};
    if (entropy_size < DRBG_MIN_ENTROPY || !size_ok(entropy_size) || !size_ok(nonce_size) ||
        !size_ok(personal_size))
        return -1;
    seed(d, part, 3);
    d->count = NULL;
    return 0;
}

int drbg_reseed(struct drbg *d, const void *entropy, size_t entropy_size, const void *extra,
                size_t extra_size)
{
    const struct part part[] = {
        {"\1", 1}, {d->v, sizeof d->v}, {entropy, entropy_size}, {extra, extra_size}};
    if (d->counter == 0 || entropy_size < DRBG_MIN_ENTROPY || !size_ok(entropy_size) ||
        !size_ok(extra_size))
        return -1;
    seed(d, part, 4);
    return 0;
}

/* digest = SM3(tag || V || extra) */
static void hash_v(uint8_t digest[SM3_SIZE], const struct drbg *d, uint8_t tag, const void *extra,
                   size_t extra_size)
{
    struct sm3 ctx;
    sm3_init(&ctx);
    hash_parts(&ctx, (const struct part[]){{&tag, 1}, {d->v, sizeof d->v}, {extra, extra_size}}, 3);
    sm3_final(&ctx, digest);
}

enum { COUNT_MIN = 4 }; /* digests that are worth an engine's lanes */

/* Hashgen of clause 10.1.1.4: the digests of V, V + 1, V + 2 ... */
static void produce(const struct drbg *d, uint8_t *out, size_t n)
{
    uint8_t data[DRBG_SEED], last[SM3_SIZE];
    const uint8_t one = 1;
    const size_t together = n / SM3_SIZE;
    memcpy(data, d->v, sizeof data);
    if (d->count && together >= COUNT_MIN) {
        uint8_t made[4];
        d->count(data, together, (uint8_t(*)[32])out);
        store_be32(made, (uint32_t)together);
        add(data, made, sizeof made);
        out += together * SM3_SIZE;
        n -= together * SM3_SIZE;
    }
    for (; n >= SM3_SIZE; n -= SM3_SIZE, out += SM3_SIZE) {
        sm3_digest(data, sizeof data, out);
        add(data, &one, 1);
    }
    if (n > 0) {
        sm3_digest(data, sizeof data, last);
        memcpy(out, last, n);
        wipe(last, sizeof last);
    }
    wipe(data, sizeof data);
}

int drbg_generate(struct drbg *d, void *out, size_t n, const void *extra, size_t extra_size)
{
    uint8_t digest[SM3_SIZE], count[8];
    if (d->counter == 0 || d->counter > DRBG_RESEED_INTERVAL || n > DRBG_MAX_REQUEST ||
        !size_ok(extra_size))
        return -1;
    if (extra_size > 0) {
        hash_v(digest, d, 2, extra, extra_size);
        add(d->v, digest, sizeof digest);
    }
    produce(d, out, n);
    hash_v(digest, d, 3, NULL, 0);
    store_be64(count, d->counter);
    add(d->v, digest, sizeof digest);
    add(d->v, d->c, sizeof d->c);
    add(d->v, count, sizeof count);
    d->counter++;
    wipe(digest, sizeof digest);
    return 0;
}

void drbg_use(struct drbg *d, drbg_count *count)
{
    d->count = count;
}

void drbg_wipe(struct drbg *d)
{
    wipe(d, sizeof *d);
}
