/* Laying things into memory that was given as one piece; with base NULL only the sum is taken. */
#ifndef HUFU_APP_ARENA_H
#define HUFU_APP_ARENA_H

#include <stddef.h>
#include <stdint.h>

struct arena {
    uint8_t *base; /* aligned to 64, or NULL */
    size_t used;
};

/* n bytes, aligned to 64; NULL while only counting. */
static inline void *arena_take(struct arena *a, size_t n)
{
    const size_t at = (a->used + 63) & ~(size_t)63;
    a->used = at + n;
    return a->base ? a->base + at : NULL;
}

#endif
