#include "firmware/base/wipe.h"

#include <string.h>

#include "firmware/base/assume.h"

void wipe(void *p, size_t n)
{
    if (n == 0)
        return;
    memset(p, 0, n);
    __asm__ __volatile__("" : : "r"(p) : "memory"); /* which reads the zeros: they must be there */
}
