#include "tests/lib/msan.h"

#ifdef __has_feature
#if __has_feature(memory_sanitizer)
#define MSAN 1
#endif
#endif

#ifdef MSAN

#include <sanitizer/msan_interface.h>
#include <stdio.h>

void msan_allow(const void *data, size_t n)
{
    __msan_unpoison(data, n);
}

/* What libcheck tells of a test was written by libcheck, which MemorySanitizer has not built and
 * takes for uninitialised: make msan links with --wrap=fwrite. */
size_t __wrap_fwrite(const void *data, size_t size, size_t n, FILE *out);
size_t __real_fwrite(const void *data, size_t size, size_t n, FILE *out);

size_t __wrap_fwrite(const void *data, size_t size, size_t n, FILE *out)
{
    msan_allow(data, size * n);
    return __real_fwrite(data, size, n, out);
}

#else

void msan_allow(const void *data, size_t n)
{
    (void)data, (void)n;
}

#endif
