/*
 * The few DER structures of a key device, read strictly: minimal lengths, minimal and positive
 * integers, nothing left over.
 */
#include "host/lib/lib.h"

#include <string.h>

enum {
    TAG_INTEGER = 0x02,
    TAG_BIT_STRING = 0x03,
    TAG_OCTET_STRING = 0x04,
    TAG_NULL = 0x05,
    TAG_OID = 0x06,
    TAG_SEQUENCE = 0x30
};

static const uint8_t oid_ec_public_key[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01};
static const uint8_t oid_p256[] = {0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
static const uint8_t oid_p384[] = {0x2B, 0x81, 0x04, 0x00, 0x22};
static const uint8_t oid_sm2[] = {0x2A, 0x81, 0x1C, 0xCF, 0x55, 0x01, 0x82, 0x2D};
static const uint8_t oid_rsa[] = {0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01};

/* ------------------------------------------------------------------ reading */

static size_t get_length(struct rd *r)
{
    const uint8_t first = rd_u8(r);
    size_t n = 0;
    if (first < 0x80)
        return first;
    const unsigned bytes = first & 0x7Fu;
    if (!bytes || bytes > 3)
        r->bad = true;
    for (unsigned i = 0; i < bytes && !r->bad; i++)
        n = n << 8 | rd_u8(r);
    if (n < 0x80 || (bytes > 1 && n >> (8 * (bytes - 1)) == 0))
        r->bad = true; /* a shorter form would have done */
    return n;
}

/* The content of an element with this tag. */
static struct view get(struct rd *r, uint8_t tag)
{
    struct view v = {NULL, 0};
    if (rd_u8(r) != tag)
        r->bad = true;
    const size_t n = get_length(r);
    v.data = rd_bytes(r, n);
    if (v.data)
        v.size = n;
    else
        r->bad = true;
    return v;
}

static void enter_sequence(struct rd *r, struct rd *inner)
{
    const struct view v = get(r, TAG_SEQUENCE);
    rd_init(inner, v.data, v.size);
    inner->bad = r->bad;
}

/* A positive INTEGER as size bytes, big-endian. */
static void get_number(struct rd *r, uint8_t *out, size_t size)
{
    struct view v = get(r, TAG_INTEGER);
    if (r->bad || !v.size || (v.data[0] & 0x80) ||
        (v.size > 1 && !v.data[0] && !(v.data[1] & 0x80))) {
        r->bad = true;
        return;
    }
    if (v.size > 1 && !v.data[0]) {
        v.data++;
        v.size--;
    }
    if (v.size > size) {
        r->bad = true;
        return;
    }
    memset(out, 0, size - v.size);
    memcpy(out + size - v.size, v.data, v.size);
}

static bool is(struct view v, const uint8_t *oid, size_t n)
{
    return v.size == n && !memcmp(v.data, oid, n);
}

/* ------------------------------------------------------------------ writing */

static void put_head(struct wr *w, uint8_t tag, size_t n)
{
    wr_u8(w, tag);
    if (n >= 0x10000) {
        wr_u8(w, 0x83);
        wr_u8(w, (uint8_t)(n >> 16));
        wr_u16(w, (uint16_t)n);
    } else if (n >= 0x100) {
        wr_u8(w, 0x82);
        wr_u16(w, (uint16_t)n);
    } else {
        if (n >= 0x80)
            wr_u8(w, 0x81);
        wr_u8(w, (uint8_t)n);
    }
}

static size_t head_size(size_t n)
{
    return n >= 0x10000 ? 5 : n >= 0x100 ? 4 : n >= 0x80 ? 3 : 2;
}

static void put(struct wr *w, uint8_t tag, const uint8_t *data, size_t n)
{
    put_head(w, tag, n);
    wr_bytes(w, data, n);
}

static size_t zeros_before(const uint8_t *p, size_t n)
{
    size_t zeros = 0;
    while (zeros + 1 < n && !p[zeros])
        zeros++;
    return zeros;
}

/* The bytes of a positive INTEGER's content: a zero in front keeps it positive. */
static size_t number_size(const uint8_t *p, size_t n)
{
    const size_t zeros = zeros_before(p, n);
    return n - zeros + (p[zeros] >> 7);
}

static void put_number(struct wr *w, const uint8_t *p, size_t n)
{
    const size_t zeros = zeros_before(p, n);
    put_head(w, TAG_INTEGER, number_size(p, n));
    if (p[zeros] & 0x80)
        wr_u8(w, 0);
    wr_bytes(w, p + zeros, n - zeros);
}

static enum hufu_status written(const struct wr *w, size_t *size)
{
    if (w->bad)
        return fail_with(HUFU_E_ROOM, "the caller's buffer is too small for the DER form");
    *size = wr_size(w);
    return HUFU_OK;
}

/* ------------------------------------------------------------------ r || s signatures */

enum { CURVE_BYTES_MAX = 48 };

enum hufu_status hufu_ec_signature_to_der(const uint8_t *signature, size_t signature_size,
                                          uint8_t *der, size_t *der_size)
{
    struct wr w;
    const size_t half = signature_size / 2;
    if (signature_size % 2 || !half || half > CURVE_BYTES_MAX)
        return fail_with(HUFU_E_ARGUMENT, "no signature r || s has %zu bytes", signature_size);
    const size_t r = number_size(signature, half), s = number_size(signature + half, half);
    wr_init(&w, der, signature_size + 9);
    put_head(&w, TAG_SEQUENCE, r + s + 4);
    put_number(&w, signature, half);
    put_number(&w, signature + half, half);
    return written(&w, der_size);
}

enum hufu_status hufu_sm2_signature_to_der(const uint8_t signature[64], uint8_t *der,
                                           size_t *der_size)
{
    return hufu_ec_signature_to_der(signature, 64, der, der_size);
}

enum hufu_status hufu_ec_signature_from_der(const void *der, size_t der_size, uint8_t *signature,
                                            size_t signature_size)
{
    struct rd r, in;
    uint8_t out[2 * CURVE_BYTES_MAX];
    const size_t half = signature_size / 2;
    if (signature_size % 2 || !half || half > CURVE_BYTES_MAX)
        return fail_with(HUFU_E_ARGUMENT, "no signature r || s has %zu bytes", signature_size);
    rd_init(&r, der, der_size);
    enter_sequence(&r, &in);
    get_number(&in, out, half);
    get_number(&in, out + half, half);
    if (!rd_done(&in) || !rd_done(&r))
        return fail_with(HUFU_E_FORMAT, "not a signature in DER (SEQUENCE of two INTEGERs)");
    memcpy(signature, out, signature_size);
    return HUFU_OK;
}

enum hufu_status hufu_sm2_signature_from_der(const void *der, size_t der_size,
                                             uint8_t signature[64])
{
    if (hufu_ec_signature_from_der(der, der_size, signature, 64))
        return fail_with(HUFU_E_FORMAT, "not an SM2 signature in DER (SEQUENCE of two INTEGERs)");
    return HUFU_OK;
}

/* ------------------------------------------------------------------ SM2 ciphertext */

enum hufu_status hufu_sm2_cipher_to_der(const void *cipher, size_t size, uint8_t *out,
                                        size_t *out_size)
{
    const uint8_t *p = cipher;
    struct wr w;
    if (size < HUFU_SM2_CIPHER_OVERHEAD || size > 0xFFFFFF)
        return fail_with(HUFU_E_FORMAT, "an SM2 ciphertext has at least 96 bytes");
    const size_t text = size - 96;
    const size_t content =
        2 + number_size(p, 32) + 2 + number_size(p + 32, 32) + 2 + 32 + head_size(text) + text;
    const size_t room = *out_size;
    *out_size = head_size(content) + content;
    wr_init(&w, out, room);
    put_head(&w, TAG_SEQUENCE, content);
    put_number(&w, p, 32);
    put_number(&w, p + 32, 32);
    put(&w, TAG_OCTET_STRING, p + 64, 32);
    put(&w, TAG_OCTET_STRING, p + 96, text);
    return written(&w, out_size);
}

enum hufu_status hufu_sm2_cipher_from_der(const void *der, size_t der_size, uint8_t *out,
                                          size_t *out_size)
{
    struct rd r, in;
    uint8_t c1[64];
    rd_init(&r, der, der_size);
    enter_sequence(&r, &in);
    get_number(&in, c1, 32);
    get_number(&in, c1 + 32, 32);
    const struct view c3 = get(&in, TAG_OCTET_STRING), c2 = get(&in, TAG_OCTET_STRING);
    if (!rd_done(&in) || !rd_done(&r) || c3.size != 32)
        return fail_with(HUFU_E_FORMAT, "not an SM2 ciphertext in DER (SM2Cipher of GM/T 0009)");
    const size_t room = *out_size;
    *out_size = 96 + c2.size;
    if (room < *out_size)
        return fail_with(HUFU_E_ROOM,
                         "the SM2 ciphertext has %zu bytes, the caller has room for %zu", *out_size,
                         room);
    memcpy(out, c1, 64);
    memcpy(out + 64, c3.data, 32);
    memcpy(out + 96, c2.data, c2.size);
    return HUFU_OK;
}

/* ------------------------------------------------------------------ public keys */

static const struct curve {
    uint8_t type;
    struct view oid;
} curves[] = {{KEY_SM2, {oid_sm2, sizeof oid_sm2}},
              {KEY_P256, {oid_p256, sizeof oid_p256}},
              {KEY_P384, {oid_p384, sizeof oid_p384}}};
enum { CURVES = sizeof curves / sizeof *curves };

static const struct curve *curve_of(uint8_t type)
{
    for (size_t i = 0; i < CURVES; i++)
        if (curves[i].type == type)
            return &curves[i];
    return NULL;
}

static void point_to_spki(const struct curve *curve, const uint8_t *point, size_t size,
                          struct wr *w)
{
    const size_t oids = 2 + sizeof oid_ec_public_key + 2 + curve->oid.size, bits = 2 + size;
    put_head(w, TAG_SEQUENCE, 2 + oids + 2 + bits);
    put_head(w, TAG_SEQUENCE, oids);
    put(w, TAG_OID, oid_ec_public_key, sizeof oid_ec_public_key);
    put(w, TAG_OID, curve->oid.data, curve->oid.size);
    put_head(w, TAG_BIT_STRING, bits);
    wr_u16(w, 0x0004); /* no unused bits; an uncompressed point */
    wr_bytes(w, point, size);
}

static void rsa_to_spki(const uint8_t *public_key, size_t size, struct wr *w)
{
    const uint8_t *e = public_key, *n = public_key + 4;
    const size_t e_size = number_size(e, 4), n_size = number_size(n, size - 4);
    const size_t numbers = head_size(n_size) + n_size + head_size(e_size) + e_size;
    const size_t bits = 1 + head_size(numbers) + numbers;
    put_head(w, TAG_SEQUENCE, 2 + 11 + 2 + head_size(bits) + bits);
    put_head(w, TAG_SEQUENCE, 11 + 2);
    put(w, TAG_OID, oid_rsa, sizeof oid_rsa);
    put_head(w, TAG_NULL, 0);
    put_head(w, TAG_BIT_STRING, bits);
    wr_u8(w, 0);
    put_head(w, TAG_SEQUENCE, numbers);
    put_number(w, n, size - 4);
    put_number(w, e, 4);
}

enum hufu_status hufu_public_to_spki(uint8_t type, const uint8_t *public_key, size_t public_size,
                                     uint8_t *der, size_t *der_size)
{
    struct wr w;
    if (!public_key || !public_size || public_size != hufu_public_size(type))
        return fail_with(HUFU_E_ARGUMENT,
                         "a key of this type has no public key, or one of another size");
    wr_init(&w, der, 600);
    if (curve_of(type))
        point_to_spki(curve_of(type), public_key, public_size, &w);
    else
        rsa_to_spki(public_key, public_size, &w);
    return written(&w, der_size);
}

static uint8_t rsa_type(size_t bytes)
{
    for (uint8_t t = KEY_RSA2048; t <= KEY_RSA4096; t++)
        if (hufu_signature_size(t) == bytes)
            return t;
    return 0;
}

static enum hufu_status malformed(void)
{
    return fail_with(HUFU_E_FORMAT, "not a public key in DER (SubjectPublicKeyInfo)");
}

static enum hufu_status point_from_spki(struct rd *alg, struct view bits, uint8_t *type,
                                        uint8_t *public_key)
{
    const struct view oid = get(alg, TAG_OID);
    if (!rd_done(alg))
        return malformed();
    *type = 0;
    for (size_t i = 0; i < CURVES; i++)
        if (is(oid, curves[i].oid.data, curves[i].oid.size))
            *type = curves[i].type;
    if (!*type)
        return fail_with(HUFU_E_NOT_SUPPORTED,
                         "a public key on another curve than SM2's, P-256 and P-384");
    if (bits.size != 1 + hufu_public_size(*type) || bits.data[0] != 4)
        return malformed();
    memcpy(public_key, bits.data + 1, bits.size - 1);
    return HUFU_OK;
}

static enum hufu_status rsa_from_spki(struct rd *alg, struct view bits, uint8_t *type,
                                      uint8_t *public_key)
{
    struct rd r, in;
    uint8_t n[2048]; /* larger keys than the device's are at least told apart from nonsense */
    rd_init(&r, bits.data, bits.size);
    enter_sequence(&r, &in);
    get_number(&in, n, sizeof n);
    get_number(&in, public_key, 4);
    if (get(alg, TAG_NULL).size || !rd_done(alg) || !rd_done(&in) || !rd_done(&r))
        return malformed();
    const size_t zeros = zeros_before(n, sizeof n), size = sizeof n - zeros;
    *type = rsa_type(size);
    if (!*type || !(n[zeros] & 0x80))
        return fail_with(HUFU_E_NOT_SUPPORTED, "an RSA key that has not 2048, 3072 or 4096 bits");
    memcpy(public_key + 4, n + zeros, size);
    return HUFU_OK;
}

enum hufu_status hufu_public_from_spki(const void *der, size_t der_size, uint8_t *type,
                                       uint8_t *public_key, size_t *public_size)
{
    struct rd r, in, alg;
    rd_init(&r, der, der_size);
    enter_sequence(&r, &in);
    enter_sequence(&in, &alg);
    const struct view oid = get(&alg, TAG_OID);
    struct view bits = get(&in, TAG_BIT_STRING);
    if (alg.bad || !rd_done(&in) || !rd_done(&r) || bits.size < 2 || bits.data[0])
        return malformed();
    bits.data++; /* the number of unused bits, which is 0 */
    bits.size--;
    enum hufu_status s;
    if (is(oid, oid_ec_public_key, sizeof oid_ec_public_key))
        s = point_from_spki(&alg, bits, type, public_key);
    else if (is(oid, oid_rsa, sizeof oid_rsa))
        s = rsa_from_spki(&alg, bits, type, public_key);
    else
        s = fail_with(HUFU_E_NOT_SUPPORTED, "a public key that is neither EC nor RSA");
    if (!s)
        *public_size = hufu_public_size(*type);
    return s;
}
