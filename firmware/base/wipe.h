/* Overwriting secrets. */
#ifndef HUFU_BASE_WIPE_H
#define HUFU_BASE_WIPE_H

#include <stddef.h>

/* Set n bytes at p to zero in a way that the compiler cannot drop. p may be NULL when n is 0. */
void wipe(void *p, size_t n);

#endif
