/* What the code takes for granted of the compiler and the machine, checked at build time. */
#ifndef HUFU_BASE_ASSUME_H
#define HUFU_BASE_ASSUME_H

#include <limits.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(CHAR_BIT == 8, "a byte has eight bits");
_Static_assert(sizeof(int) >= 4, "int holds 32 bits: small products need no cast");
_Static_assert(sizeof(size_t) >= 4, "a length of 1 MiB fits in size_t");
_Static_assert((-1 & 3) == 3, "two's complement");
_Static_assert((-4 >> 1) == -2, "right shift of a negative number keeps its sign");
_Static_assert((uint8_t)-1 == 255, "unsigned arithmetic wraps");
_Static_assert(sizeof(uint64_t) == 8, "uint64_t has no padding");

#endif
