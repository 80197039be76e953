#include "proto/channel.h"

#include <string.h>

void channel_keys_take(struct channel_keys *k, const uint8_t agreed[CHANNEL_AGREED])
{
    memcpy(k->key, agreed, sizeof k->key);
    memcpy(k->iv, agreed + sizeof k->key, sizeof k->iv);
}

void channel_around(const struct channel_keys *k, enum channel_direction direction,
                    const struct channel_aad *m, uint8_t nonce[CHANNEL_NONCE],
                    uint8_t aad[CHANNEL_AAD])
{
    struct channel_aad full = *m;
    struct wr w;
    full.magic = (const uint8_t *)"HFCR";
    full.direction = (uint8_t)direction;
    wr_init(&w, aad, CHANNEL_AAD);
    channel_aad_put(&w, &full);
    wr_init(&w, nonce, CHANNEL_NONCE);
    wr_bytes(&w, k->iv[direction - 1], CHANNEL_IV);
    wr_u32(&w, m->counter);
}

void channel_hello_bytes(uint8_t flags, uint8_t out[CHANNEL_HELLO])
{
    struct wr w;
    wr_init(&w, out, CHANNEL_HELLO);
    channel_hello_put(&w, &(struct channel_hello){(const uint8_t *)"HFCH", 1, flags});
}
