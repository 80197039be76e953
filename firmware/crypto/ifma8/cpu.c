#include "firmware/crypto/ifma8/ifma8.h"

#if HUFU_IFMA8

struct regs {
    uint32_t a, b, c, d;
};

static struct regs cpuid(uint32_t leaf, uint32_t subleaf)
{
    struct regs r;
    __asm__ volatile("cpuid" : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d) : "a"(leaf), "c"(subleaf));
    return r;
}

/* Which registers the system saves (XCR0). Only with OSXSAVE. */
static uint32_t xgetbv(void)
{
    uint32_t low, high;
    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

int ifma8_usable(void)
{
    const uint32_t osxsave = 1u << 27;
    const uint32_t saved = 0xe6; /* SSE, AVX, opmask, upper halves, upper sixteen */
    const uint32_t bmi2 = 1u << 8, f = 1u << 16, dq = 1u << 17, ifma = 1u << 21, bw = 1u << 30,
                   vl = 1u << 31, vbmi = 1u << 1, gfni = 1u << 8, clmul = 1u << 10;
    const uint32_t need = bmi2 | f | dq | ifma | bw | vl, need_c = vbmi | gfni | clmul;

    if (cpuid(0, 0).a < 7 || !(cpuid(1, 0).c & osxsave) || (xgetbv() & saved) != saved)
        return 0;
    const struct regs r = cpuid(7, 0);
    return (r.b & need) == need && (r.c & need_c) == need_c;
}

#else

int ifma8_usable(void)
{
    return 0;
}

#endif
