/* The simulator's own malloc and calloc (ld's --wrap), which fail on demand. */
#ifndef HUFU_SIM_LAB_ALLOCATION_H
#define HUFU_SIM_LAB_ALLOCATION_H

#include <stddef.h>
#include <stdint.h>

/* The n-th from now on fails, and count - 1 after it; n 0: none. */
void allocation_fail(uint64_t n, uint64_t count);
uint64_t allocation_count(void);
/* For the faults' own use: never fails on demand. */
void *malloc_anyway(size_t n);

#endif
