#include "sim/lab/allocation.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>

/* Names that ld gives. */
void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);

static atomic_uint_fast64_t made, fail_from, fail_to;

static bool fails(void)
{
    const uint64_t at = atomic_fetch_add(&made, 1) + 1;
    return at >= atomic_load(&fail_from) && at < atomic_load(&fail_to);
}

void *__wrap_malloc(size_t n)
{
    return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    return fails() ? NULL : __real_calloc(n, size);
}

void *malloc_anyway(size_t n)
{
    return __real_malloc(n);
}

void allocation_fail(uint64_t n, uint64_t count)
{
    const uint64_t at = atomic_load(&made) + n;
    atomic_store(&fail_to, 0);
    atomic_store(&fail_from, at);
    atomic_store(&fail_to, n ? at + count : 0);
}

uint64_t allocation_count(void)
{
    return atomic_load(&made);
}
