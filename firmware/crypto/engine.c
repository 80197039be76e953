#include "firmware/crypto/engine.h"

#include "firmware/crypto/portable/portable.h"

const struct engine engine_portable = {
    .name = "portable",
    .sm2 = &sm2_portable,
    .rsa = &rsa_portable,
    .sym = &sym_portable,
};

const struct engine *const engines[] = {&engine_portable, NULL};
