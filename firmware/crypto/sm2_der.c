/* DER of SM2 signatures and ciphertexts (GM/T 0009 clauses 7.2 and 7.3). */
#include <string.h>

#include "firmware/base/wipe.h"
#include "firmware/crypto/sm2.h"

enum { INTEGER = 0x02, OCTETS = 0x04, SEQUENCE = 0x30 };
enum { C1 = 0, C3 = 64, C2 = SM2_CIPHER_OVERHEAD };

/* ---- writing ---- */

/* Bytes of tag and length before n bytes of content */
static size_t header_size(size_t n)
{
    size_t size = 2;
    if (n < 0x80)
        return size;
    for (; n != 0; n >>= 8)
        size++;
    return size;
}

static uint8_t *put_header(uint8_t *out, uint8_t tag, size_t n)
{
    size_t more = header_size(n) - 2;

    *out++ = tag;
    if (more == 0) {
        *out++ = (uint8_t)n;
        return out;
    }
    *out++ = (uint8_t)(0x80 | more);
    while (more-- > 0)
        *out++ = (uint8_t)(n >> (8 * more));
    return out;
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

    out = put_header(out, INTEGER, n);
    for (size_t i = 33 - n; i < 33; i++) /* byte i of 00 || v */
        *out++ = i == 0 ? 0 : v[i - 1];
    return out;
}

size_t sm2_signature_to_der(const uint8_t sig[64], uint8_t out[SM2_SIGNATURE_DER_MAX])
{
    const size_t content = 4 + integer_size(sig) + integer_size(sig + 32);
    uint8_t *p = put_header(out, SEQUENCE, content);

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
    p = put_header(p, SEQUENCE,
                   4 + integer_size(raw) + integer_size(raw + 32) + (2 + 32) + header_size(text) +
                       text);
    p = put_integer(p, raw + C1);
    p = put_integer(p, raw + C1 + 32);
    p = put_header(p, OCTETS, 32);
    memcpy(p, raw + C3, 32);
    p = put_header(p + 32, OCTETS, text);
    memcpy(p, raw + C2, text);
    return (size_t)(p - out) + text;
}

/* ---- reading: what is left of the input ---- */

struct reader {
    const uint8_t *p;
    size_t left;
};

/* The length octets, definite and as few as can be; -1: not so, or more than there is */
static int get_length(struct reader *r, size_t *n)
{
    size_t more, v = 0;

    if (r->left == 0)
        return -1;
    more = *r->p++;
    r->left--;
    if (more >= 0x80) {
        more &= 0x7F;
        if (more == 0 || more > 4 || more > r->left || r->p[0] == 0)
            return -1;
        r->left -= more;
        for (size_t i = 0; i < more; i++)
            v = v << 8 | *r->p++;
        if (v < 0x80)
            return -1;
    } else {
        v = more;
    }
    *n = v;
    return v <= r->left ? 0 : -1;
}

/* Step into (or over) one element: its content in *content, r goes behind it. */
static int get(struct reader *r, uint8_t tag, struct reader *content)
{
    size_t n;

    if (r->left == 0 || r->p[0] != tag)
        return -1;
    r->p++;
    r->left--;
    if (get_length(r, &n) != 0)
        return -1;
    content->p = r->p;
    content->left = n;
    r->p += n;
    r->left -= n;
    return 0;
}

/* A minimal INTEGER between 0 and 2^256 - 1 as 32 big-endian bytes */
static int get_integer(struct reader *r, uint8_t out[32])
{
    struct reader v;

    if (get(r, INTEGER, &v) != 0 || v.left == 0 || (v.p[0] & 0x80) != 0)
        return -1;
    if (v.p[0] == 0 && v.left > 1) {
        if ((v.p[1] & 0x80) == 0)
            return -1;
        v.p++;
        v.left--;
    }
    if (v.left > 32)
        return -1;
    memset(out, 0, 32 - v.left);
    memcpy(out + 32 - v.left, v.p, v.left);
    return 0;
}

int sm2_signature_from_der(const uint8_t *in, size_t n, uint8_t sig[64])
{
    struct reader all = {in, n}, seq;

    if (get(&all, SEQUENCE, &seq) != 0 || all.left != 0 || get_integer(&seq, sig) != 0 ||
        get_integer(&seq, sig + 32) != 0 || seq.left != 0) {
        wipe(sig, 64);
        return -1;
    }
    return 0;
}

int sm2_cipher_from_der(const uint8_t *in, size_t n, uint8_t *raw, size_t *raw_size)
{
    struct reader all = {in, n}, seq, hash, text;
    uint8_t point[64];

    *raw_size = 0;
    if (get(&all, SEQUENCE, &seq) != 0 || all.left != 0 || get_integer(&seq, point) != 0 ||
        get_integer(&seq, point + 32) != 0 || get(&seq, OCTETS, &hash) != 0 ||
        get(&seq, OCTETS, &text) != 0 || seq.left != 0 || hash.left != 32 || text.left == 0)
        return -1;
    if (SM2_CIPHER_OVERHEAD + text.left > n) /* coordinates too short to be of a real point */
        return -1;
    memcpy(raw + C1, point, 64);
    memcpy(raw + C3, hash.p, 32);
    memcpy(raw + C2, text.p, text.left);
    *raw_size = SM2_CIPHER_OVERHEAD + text.left;
    return 0;
}
