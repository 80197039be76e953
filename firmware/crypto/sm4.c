/* SM4, one block at a time, and its key schedule. */
#include "firmware/crypto/sm4.h"

#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm4_core.h"

#define SM4_SBOX sbox_planes
#define SM4_WORD uint32_t
#include "firmware/crypto/sm4_sbox.h"

static inline uint32_t rotl(uint32_t x, unsigned n)
{
    return (x << n) | (x >> (32 - n));
}

/* The circuit on the four bytes of x: their bit 0 is used of each plane, the rest is in nobody's
 * way. Without the constants of the S-box, see sm4_sbox.h. */
static inline uint32_t sbox_word(uint32_t x)
{
    uint32_t p[8], y = 0;
    for (unsigned k = 0; k < 8; k++)
        p[k] = x >> k;
    sbox_planes(p);
    for (unsigned k = 0; k < 8; k++)
        y |= (p[k] & 0x01010101u) << k;
    return y;
}

void sm4_crypt_one(const struct sm4_key *key, enum sm4_direction direction, const uint8_t in[16],
                   uint8_t out[16])
{
    uint32_t x[4];
    for (unsigned i = 0; i < 4; i++)
        x[i] = load_be32(in + 4 * i);
    for (unsigned i = 0; i < SM4_ROUNDS; i++) {
        const uint32_t s = sbox_word(x[(i + 1) & 3] ^ x[(i + 2) & 3] ^ x[(i + 3) & 3] ^
                                     sm4_round_key(key, direction, i));
        x[i & 3] ^= s ^ rotl(s, 2) ^ rotl(s, 10) ^ rotl(s, 18) ^ rotl(s, 24);
    }
    for (unsigned i = 0; i < 4; i++)
        store_be32(out + 4 * i, x[3 - i]);
    wipe(x, sizeof x);
}

void sm4_set_key(struct sm4_key *key, const uint8_t k[SM4_KEY])
{
    static const uint32_t fk[4] = {0xA3B1BAC6, 0x56AA3350, 0x677D9197, 0xB27022DC};
    uint32_t x[4], ck = 0x00070E15; /* byte j of CK_i is 7(4i + j) mod 256 */
    for (unsigned i = 0; i < 4; i++)
        x[i] = load_be32(k + 4 * i) ^ fk[i];
    for (unsigned i = 0; i < SM4_ROUNDS; i++) {
        const uint32_t s =
            sbox_word(x[(i + 1) & 3] ^ x[(i + 2) & 3] ^ x[(i + 3) & 3] ^ ck ^ 0x75757575u) ^
            0xD3D3D3D3u;
        x[i & 3] ^= s ^ rotl(s, 13) ^ rotl(s, 23);
        key->rk[i] = x[i & 3];
        /* add 28 to each byte: the low seven bits, then the top one without its carry */
        ck = ((ck & 0x7F7F7F7Fu) + 0x1C1C1C1Cu) ^ (ck & 0x80808080u);
    }
    wipe(x, sizeof x);
}
