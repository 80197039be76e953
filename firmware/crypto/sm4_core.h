/*
 * SM4 inside: what the modes stand on.
 *
 * One block at a time works on 32-bit words and takes the four bytes of a round through the S-box
 * circuit. SM4_BATCH blocks at a time are bit-sliced: word k of a column holds bit k of every byte
 * of that column, in all blocks.
 */
#ifndef HUFU_CRYPTO_SM4_CORE_H
#define HUFU_CRYPTO_SM4_CORE_H

#include "firmware/crypto/sm4.h"

#if defined(HUFU_LIMB_BITS)
#define SM4_WIDE (HUFU_LIMB_BITS == 64)
#else
#define SM4_WIDE (UINTPTR_MAX > 0xFFFFFFFFu)
#endif

#if SM4_WIDE && defined(__has_builtin)
#if !__has_builtin(__builtin_shufflevector)
#undef SM4_WIDE
#define SM4_WIDE 0
#endif
#endif

/* A plane: 4 bytes of a column times the blocks of a batch. */
#if SM4_WIDE
typedef uint32_t sm4_plane __attribute__((vector_size(16))); /* lane j: byte j, a bit a block */
enum { SM4_BATCH = 32 };
#else
typedef uint32_t sm4_plane; /* byte j from the top: byte j, a bit a block */
enum { SM4_BATCH = 8 };
#endif

enum { SM4_BATCH_BYTES = SM4_BATCH * SM4_BLOCK };

/* Round keys as planes, in the order of use. Secret: the owner wipes it. */
struct sm4_sliced {
    sm4_plane rk[SM4_ROUNDS][8];
};

enum sm4_direction { SM4_ENCRYPT, SM4_DECRYPT };

/*
 * Leave D3 at the end of the S-box out: then a word that round i makes is short of
 * L(D3D3D3D3) = 4F4F4F4F, and that four rounds later has it right again. Round i adds three
 * words, an odd number of which are short when bit i mod 8 of 5A is set. With 75, which the
 * circuit wants at its input, this is what a round key takes over from the two constants.
 */
static inline uint32_t sm4_round_key(const struct sm4_key *key, enum sm4_direction direction,
                                     unsigned i)
{
    const uint32_t rk = key->rk[direction == SM4_DECRYPT ? SM4_ROUNDS - 1 - i : i];
    return rk ^ (0x5Au >> (i & 7) & 1 ? 0x75757575u ^ 0x4F4F4F4Fu : 0x75757575u);
}

/* CT: the number of blocks, in every function of this file. in and out may be the same. */
void sm4_slice_key(struct sm4_sliced *sliced, const struct sm4_key *key,
                   enum sm4_direction direction);
/* Any number of blocks. */
void sm4_sliced_crypt(const struct sm4_sliced *sliced, const uint8_t *in, uint8_t *out,
                      size_t blocks);
void sm4_crypt_one(const struct sm4_key *key, enum sm4_direction direction, const uint8_t in[16],
                   uint8_t out[16]);

/*
 * Counter mode, n bytes. The counter is 16 bytes big-endian and goes up by one a block: all 128
 * bits of it, or only the last 32 as GCM wants. It is left at the next block to use.
 */
enum sm4_counter { SM4_COUNT_128, SM4_COUNT_32 };
void sm4_counter_mode(const struct sm4_sliced *sliced, enum sm4_counter kind, uint8_t counter[16],
                      const uint8_t *in, uint8_t *out, size_t n);
/* n blocks of counter at out, not encrypted. */
void sm4_counter_blocks(enum sm4_counter kind, uint8_t counter[16], uint8_t *out, size_t n);

static inline void sm4_xor(uint8_t *out, const uint8_t *a, const uint8_t *b, size_t n)
{
    for (size_t i = 0; i < n; i++)
        out[i] = a[i] ^ b[i];
}

#endif
