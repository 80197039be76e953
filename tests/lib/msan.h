/* What MemorySanitizer cannot know. */
#ifndef HUFU_TESTS_MSAN_H
#define HUFU_TESTS_MSAN_H

#include <stddef.h>

/* These bytes may be looked at, whoever has written them or not. */
void msan_allow(const void *data, size_t n);

#endif
