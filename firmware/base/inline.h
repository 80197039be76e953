/*
 * A function that becomes part of each of its callers: where a size or a table is known there, or
 * where registers must not go through memory. Compilers left to themselves judge by length.
 */
#ifndef HUFU_BASE_INLINE_H
#define HUFU_BASE_INLINE_H

#define INLINE static inline __attribute__((always_inline))

#endif
