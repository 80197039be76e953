/* DER of SM2 signatures and ciphertexts (GM/T 0009 clauses 7.2 and 7.3). */
#include <string.h>

#include "firmware/base/wipe.h"
#include "firmware/crypto/der_element.h"
#include "firmware/crypto/sm2.h"

enum { C1 = 0, C3 = 64, C2 = SM2_CIPHER_OVERHEAD };

/* ---- writing ---- */

static size_t header_size(size_t n)
{
    uint8_t header[DER_HEADER_MAX];
    return der_header(header, DER_OCTETS, n);
}

/* Content bytes of the INTEGER that 32 big-endian bytes make: a zero goes before a set top bit */
static size_t integer_size(const uint8_t v[32])
{
    size_t zeros = 0;
    while (zeros < 31 && v[zeros] == 0)
        zeros++;
    return 32 - zeros + (v[zeros] >> 7);
}

static uint8_t *put_integer(uint8_t *out, const uint8_t v[32])
{
    const size_t n = integer_size(v);

    out += der_header(out, DER_INTEGER, n);
    for (size_t i = 33 - n; i < 33; i++) /* byte i of 00 || v */
        *out++ = i == 0 ? 0 : v[i - 1];
    return out;
}

size_t sm2_signature_to_der(const uint8_t sig[64], uint8_t out[SM2_SIGNATURE_DER_MAX])
{
    const size_t content = 4 + integer_size(sig) + integer_size(sig + 32);
    uint8_t *p = out + der_header(out, DER_SEQUENCE, content);

    p = put_integer(p, sig);
    p = put_integer(p, sig + 32);
    return (size_t)(p - out);
}

size_t sm2_cipher_der_max(size_t n)
{
    const size_t content = 2 * (2 + 33) + (2 + 32) + header_size(n) + n;
    return header_size(content) + content;
}

size_t sm2_cipher_to_der(const uint8_t *raw, size_t n, uint8_t *out)
{
    const size_t text = n > SM2_CIPHER_OVERHEAD ? n - SM2_CIPHER_OVERHEAD : 0;
    uint8_t *p = out;

    if (text == 0)
        return 0;
    p += der_header(p, DER_SEQUENCE,
                    4 + integer_size(raw) + integer_size(raw + 32) + (2 + 32) + header_size(text) +
                        text);
    p = put_integer(p, raw + C1);
    p = put_integer(p, raw + C1 + 32);
    p += der_header(p, DER_OCTETS, 32);
    memcpy(p, raw + C3, 32);
    p += 32;
    p += der_header(p, DER_OCTETS, text);
    memcpy(p, raw + C2, text);
    return (size_t)(p - out) + text;
}

/* ---- reading ---- */

/* A minimal INTEGER between 0 and 2^256 - 1 as 32 big-endian bytes */
static int get_integer(struct der_input *in, uint8_t out[32])
{
    struct der_input v;

    if (der_take(in, DER_INTEGER, &v) != 0 || v.n == 0 || (v.p[0] & 0x80) != 0)
        return -1;
    if (v.p[0] == 0 && v.n > 1) {
        if ((v.p[1] & 0x80) == 0)
            return -1;
        v.p++;
        v.n--;
    }
    if (v.n > 32)
        return -1;
    memset(out, 0, 32 - v.n);
    memcpy(out + 32 - v.n, v.p, v.n);
    return 0;
}

int sm2_signature_from_der(const uint8_t *in, size_t n, uint8_t sig[64])
{
    struct der_input all = {in, n}, seq;

    if (der_take(&all, DER_SEQUENCE, &seq) != 0 || all.n != 0 || get_integer(&seq, sig) != 0 ||
        get_integer(&seq, sig + 32) != 0 || seq.n != 0) {
        wipe(sig, 64);
        return -1;
    }
    return 0;
}

int sm2_cipher_from_der(const uint8_t *in, size_t n, uint8_t *raw, size_t *raw_size)
{
    struct der_input all = {in, n}, seq, hash, text;
    uint8_t point[64];

    *raw_size = 0;
    if (der_take(&all, DER_SEQUENCE, &seq) != 0 || all.n != 0 || get_integer(&seq, point) != 0 ||
        get_integer(&seq, point + 32) != 0 || der_take(&seq, DER_OCTETS, &hash) != 0 ||
        der_take(&seq, DER_OCTETS, &text) != 0 || seq.n != 0 || hash.n != 32 || text.n == 0)
        return -1;
    if (SM2_CIPHER_OVERHEAD + text.n > n) /* coordinates too short to be of a real point */
        return -1;
    memcpy(raw + C1, point, 64);
    memcpy(raw + C3, hash.p, 32);
    memcpy(raw + C2, text.p, text.n);
    *raw_size = SM2_CIPHER_OVERHEAD + text.n;
    return 0;
}
