/* Where tests keep their files. */
#ifndef HUFU_TESTS_TEMP_H
#define HUFU_TESTS_TEMP_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEMP_NAME = 112 };

/* A name for mkdtemp or mkstemp below TMPDIR; below /tmp when there is none, or one so long that the
 * address of a socket would not fit. */
static inline void temp_name(char out[TEMP_NAME], const char *what)
{
    const char *dir = getenv("TMPDIR");
    if (!dir || !*dir || strlen(dir) > 70)
        dir = "/tmp";
    snprintf(out, TEMP_NAME, "%s/hufu-%s-XXXXXX", dir, what);
}

#endif
