/* The DER readers of GM/T 0009: what they take, the writers give back byte for byte. */
#include <string.h>

#include "firmware/crypto/sm2.h"
#include "tests/fuzz/fuzz.h"

static void signature(const uint8_t *data, size_t size)
{
    uint8_t sig[64], out[SM2_SIGNATURE_DER_MAX];
    if (sm2_signature_from_der(data, size, sig))
        return;
    REQUIRE(size <= sizeof out);
    REQUIRE(sm2_signature_to_der(sig, out) == size);
    REQUIRE(!memcmp(out, data, size));
}

static void cipher(const uint8_t *data, size_t size)
{
    size_t raw_size = 0;
    uint8_t *raw = malloc(size ? size : 1);
    REQUIRE(raw);
    if (sm2_cipher_from_der(data, size, raw, &raw_size) == 0) {
        REQUIRE(raw_size > SM2_CIPHER_OVERHEAD && raw_size <= size);
        uint8_t *out = malloc(sm2_cipher_der_max(raw_size - SM2_CIPHER_OVERHEAD));
        REQUIRE(out);
        REQUIRE(sm2_cipher_to_der(raw, raw_size, out) == size);
        REQUIRE(!memcmp(out, data, size));
        free(out);
    }
    free(raw);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    signature(data, size);
    cipher(data, size);
    return 0;
}
