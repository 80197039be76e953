/* ECB, CBC, CTR, CFB, OFB and CBC-MAC: SP 800-38A, GB/T 17964. */
#include <string.h>

#include "firmware/base/ct.h"
#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/engine.h"
#include "firmware/crypto/sm4_core.h"

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Many blocks are sliced, a single one is done quicker by itself. */
static void crypt_blocks(const struct sm4_key *key, enum sm4_direction direction, const uint8_t *in,
                         uint8_t *out, size_t blocks)
{
    struct sm4_sliced sliced;
    if (blocks == 1) {
        sm4_crypt_one(key, direction, in, out);
        return;
    }
    sm4_slice_key(&sliced, key, direction);
    sm4_sliced_crypt(&sliced, in, out, blocks);
    wipe(&sliced, sizeof sliced);
}

void sm4_encrypt_blocks(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t blocks)
{
    crypt_blocks(key, SM4_ENCRYPT, in, out, blocks);
}

void sm4_decrypt_blocks(const struct sm4_key *key, const uint8_t *in, uint8_t *out, size_t blocks)
{
    crypt_blocks(key, SM4_DECRYPT, in, out, blocks);
}

void sm4_cbc_encrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                     size_t n)
{
    for (; n >= SM4_BLOCK; n -= SM4_BLOCK, in += SM4_BLOCK, out += SM4_BLOCK) {
        sm4_xor(iv, iv, in, SM4_BLOCK);
        sm4_crypt_one(key, SM4_ENCRYPT, iv, iv);
        memcpy(out, iv, SM4_BLOCK);
    }
}

void sm4_cbc_mac(const struct sm4_key *key, uint8_t mac[16], const uint8_t *in, size_t n)
{
    for (; n >= SM4_BLOCK; n -= SM4_BLOCK, in += SM4_BLOCK) {
        sm4_xor(mac, mac, in, SM4_BLOCK);
        sm4_crypt_one(key, SM4_ENCRYPT, mac, mac);
    }
}

/* Decryption is encryption with the round keys the other way round. */
void sm4_engine_decrypt(const struct sym_ops *ops, const struct sm4_key *key, const uint8_t *in,
                        uint8_t *out, size_t blocks)
{
    struct sm4_key back;
    for (size_t i = 0; i < SM4_ROUNDS; i++)
        back.rk[i] = key->rk[SM4_ROUNDS - 1 - i];
    ops->sm4_encrypt(&back, in, out, blocks);
    wipe(&back, sizeof back);
}

void sm4_cbc_decrypt(const struct sym_ops *ops, const struct sm4_key *key, uint8_t iv[16],
                     const uint8_t *in, uint8_t *out, size_t n)
{
    if (n < SM4_BLOCK)
        return;
    sm4_engine_decrypt(ops, key, in, out, n / SM4_BLOCK);
    sm4_xor(out, out, iv, SM4_BLOCK);
    sm4_xor(out + SM4_BLOCK, out + SM4_BLOCK, in, n - SM4_BLOCK);
    memcpy(iv, in + n - SM4_BLOCK, SM4_BLOCK);
}

void sm4_counter_blocks(enum sm4_counter kind, uint8_t counter[16], uint8_t *out, size_t n)
{
    uint64_t high = load_be64(counter), low = load_be64(counter + 8);
    for (; n > 0; n--, out += SM4_BLOCK) {
        store_be64(out, high);
        store_be64(out + 8, low);
        if (kind == SM4_COUNT_32) {
            low = (low & ~(uint64_t)0xFFFFFFFF) | (uint32_t)(low + 1);
        } else {
            low = ct_barrier64(low + 1); /* not to become the count of the loop */
            high += ct_is_zero64(low) & 1;
        }
    }
    store_be64(counter, high);
    store_be64(counter + 8, low);
}

void sm4_counter_mode(const struct sm4_sliced *sliced, enum sm4_counter kind, uint8_t counter[16],
                      const uint8_t *in, uint8_t *out, size_t n)
{
    uint8_t stream[SM4_BATCH_BYTES];
    while (n > 0) {
        const size_t take = smaller(n, sizeof stream);
        const size_t blocks = (take + SM4_BLOCK - 1) / SM4_BLOCK;
        sm4_counter_blocks(kind, counter, stream, blocks);
        sm4_sliced_crypt(sliced, stream, stream, blocks);
        sm4_xor(out, in, stream, take);
        in += take;
        out += take;
        n -= take;
    }
    wipe(stream, sizeof stream);
}

void sm4_ctr(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n)
{
    struct sm4_sliced sliced;
    if (n == 0)
        return;
    if (n <= SM4_BLOCK) {
        uint8_t stream[SM4_BLOCK];
        sm4_counter_blocks(SM4_COUNT_128, iv, stream, 1);
        sm4_crypt_one(key, SM4_ENCRYPT, stream, stream);
        sm4_xor(out, in, stream, n);
        wipe(stream, sizeof stream);
        return;
    }
    sm4_slice_key(&sliced, key, SM4_ENCRYPT);
    sm4_counter_mode(&sliced, SM4_COUNT_128, iv, in, out, n);
    wipe(&sliced, sizeof sliced);
}

void sm4_cfb_encrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                     size_t n)
{
    uint8_t stream[SM4_BLOCK];
    while (n > 0) {
        const size_t take = smaller(n, SM4_BLOCK);
        sm4_crypt_one(key, SM4_ENCRYPT, iv, stream);
        sm4_xor(iv, in, stream, take);
        memcpy(out, iv, take);
        in += take;
        out += take;
        n -= take;
    }
    wipe(stream, sizeof stream);
}

void sm4_cfb_decrypt(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out,
                     size_t n)
{
    struct sm4_sliced sliced;
    uint8_t stream[SM4_BATCH_BYTES + SM4_BLOCK];
    sm4_slice_key(&sliced, key, SM4_ENCRYPT);
    while (n > 0) {
        const size_t take = smaller(n, SM4_BATCH_BYTES);
        memcpy(stream, iv, SM4_BLOCK);
        memcpy(stream + SM4_BLOCK, in, take);
        memcpy(iv, stream + (take & ~(size_t)15), SM4_BLOCK);
        sm4_sliced_crypt(&sliced, stream, stream, (take + SM4_BLOCK - 1) / SM4_BLOCK);
        sm4_xor(out, in, stream, take);
        in += take;
        out += take;
        n -= take;
    }
    wipe(stream, sizeof stream);
    wipe(&sliced, sizeof sliced);
}

void sm4_ofb(const struct sm4_key *key, uint8_t iv[16], const uint8_t *in, uint8_t *out, size_t n)
{
    while (n > 0) {
        const size_t take = smaller(n, SM4_BLOCK);
        sm4_crypt_one(key, SM4_ENCRYPT, iv, iv);
        sm4_xor(out, in, iv, take);
        in += take;
        out += take;
        n -= take;
    }
}
