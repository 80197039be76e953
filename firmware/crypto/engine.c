#include "firmware/crypto/engine.h"

#include "firmware/crypto/ifma8/ifma8.h"
#include "firmware/crypto/portable/portable.h"

static const struct engine engines[] = {
#if HUFU_IFMA8
    {"ifma8", ifma8_usable, &sm2_ifma8, &rsa_ifma8, &sym_ifma8},
#endif
    {"portable", NULL, &sm2_portable, &rsa_portable, &sym_portable},
};

const struct engine *engine_at(size_t i)
{
    for (size_t e = 0; e < sizeof engines / sizeof *engines; e++) {
        if (engines[e].usable && !engines[e].usable())
            continue;
        if (i-- == 0)
            return &engines[e];
    }
    return NULL;
}
