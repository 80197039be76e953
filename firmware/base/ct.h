/*
 * Every constant-time choice goes through these helpers; no other file tests a secret.
 *
 * A mask is all ones (true) or all zeros (false), as wide as the word it selects. The barrier
 * hides a value from the optimiser, so that a mask is not turned back into a branch.
 */
#ifndef HUFU_BASE_CT_H
#define HUFU_BASE_CT_H

#include <stddef.h>
#include <stdint.h>

static inline uint32_t ct_barrier32(uint32_t x)
{
    __asm__("" : "+r"(x));
    return x;
}

static inline uint64_t ct_barrier64(uint64_t x)
{
#if UINTPTR_MAX > 0xFFFFFFFFu
    __asm__("" : "+r"(x));
    return x;
#else
    uint32_t lo = ct_barrier32((uint32_t)x), hi = ct_barrier32((uint32_t)(x >> 32));
    return ((uint64_t)hi << 32) | lo;
#endif
}

/* 0 or 1 -> mask */
static inline uint32_t ct_mask32(uint32_t bit)
{
    return ct_barrier32(0u - bit);
}

static inline uint64_t ct_mask64(uint64_t bit)
{
    return ct_barrier64((uint64_t)0 - bit);
}

/* x == 0 */
static inline uint32_t ct_is_zero32(uint32_t x)
{
    return ct_mask32((~x & (x - 1)) >> 31);
}

static inline uint64_t ct_is_zero64(uint64_t x)
{
    return ct_mask64((~x & (x - 1)) >> 63);
}

static inline uint32_t ct_eq32(uint32_t a, uint32_t b)
{
    return ct_is_zero32(a ^ b);
}

/* a < b, unsigned */
static inline uint32_t ct_lt32(uint32_t a, uint32_t b)
{
    return ct_mask32((a ^ ((a ^ b) | ((a - b) ^ b))) >> 31);
}

/* mask ? a : b */
static inline uint32_t ct_select32(uint32_t mask, uint32_t a, uint32_t b)
{
    return b ^ (mask & (a ^ b));
}

/* mask: the n bytes are all equal */
static inline uint32_t ct_mem_eq(const void *a, const void *b, size_t n)
{
    const uint8_t *x = a, *y = b;
    uint32_t acc = 0;
    for (size_t i = 0; i < n; i++)
        acc |= (uint32_t)(x[i] ^ y[i]);
    return ct_is_zero32(acc);
}

/* mask: the n bytes are all zero */
static inline uint32_t ct_mem_is_zero(const void *a, size_t n)
{
    const uint8_t *x = a;
    uint32_t acc = 0;
    for (size_t i = 0; i < n; i++)
        acc |= x[i];
    return ct_is_zero32(acc);
}

#endif
