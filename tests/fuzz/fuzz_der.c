/* The DER readers: what those of GM/T 0009 take, the writers give back byte for byte; a subject
 * lies inside its certificate. */
#include <string.h>

#include "firmware/app/x509.h"
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

static void certificate(const uint8_t *data, size_t size)
{
    /* any key: the one that the certificate would have as its last 64 bytes of key */
    struct view subject;
    for (size_t at = 0; size >= 64 && at + 64 <= size; at += size / 8 + 1)
        if (x509_subject((struct view){data, size}, data + at, &subject))
            REQUIRE(subject.data >= data && subject.data + subject.size <= data + size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    signature(data, size);
    cipher(data, size);
    certificate(data, size);
    return 0;
}
