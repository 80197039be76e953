#include "firmware/app/x509.h"

#include "firmware/app/der.h"
#include "firmware/base/endian.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/sm3.h"

#include <string.h>

enum { SERIAL_NUMBER = 16, KEY_ID = 20 };
#define END_OF_TIME "99991231235959Z" /* RFC 5280, 4.1.2.5: no end is known */

/* SEQUENCE { OID sm2-with-SM3 } */
static const uint8_t sm2_sm3[] = {0x30, 0x0A, 0x06, 0x08, 0x2A, 0x81,
                                  0x1C, 0xCF, 0x55, 0x01, 0x83, 0x75};
/* SEQUENCE { OID ecPublicKey, OID sm2p256v1 } */
static const uint8_t sm2_key[] = {0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
                                  0x06, 0x08, 0x2A, 0x81, 0x1C, 0xCF, 0x55, 0x01, 0x82, 0x2D};
/* SEQUENCE { OID ecPublicKey, OID prime256v1 }, the same with secp384r1 */
static const uint8_t p256_key[] = {0x30, 0x13, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x02, 0x01,
                                   0x06, 0x08, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 0x03, 0x01, 0x07};
static const uint8_t p384_key[] = {0x30, 0x10, 0x06, 0x07, 0x2A, 0x86, 0x48, 0xCE, 0x3D,
                                   0x02, 0x01, 0x06, 0x05, 0x2B, 0x81, 0x04, 0x00, 0x22};
/* SEQUENCE { OID rsaEncryption, NULL } */
static const uint8_t rsa_key[] = {0x30, 0x0D, 0x06, 0x09, 0x2A, 0x86, 0x48, 0x86,
                                  0xF7, 0x0D, 0x01, 0x01, 0x01, 0x05, 0x00};
static const uint8_t common_name[] = {0x06, 0x03, 0x55, 0x04, 0x03};
/* basicConstraints, critical: CA, path length 0; keyUsage, critical: digitalSignature, keyCertSign
 */
static const uint8_t ca_extensions[] = {0x30, 0x12, 0x06, 0x03, 0x55, 0x1D, 0x13, 0x01, 0x01,
                                        0xFF, 0x04, 0x08, 0x30, 0x06, 0x01, 0x01, 0xFF, 0x02,
                                        0x01, 0x00, 0x30, 0x0E, 0x06, 0x03, 0x55, 0x1D, 0x0F,
                                        0x01, 0x01, 0xFF, 0x04, 0x04, 0x03, 0x02, 0x02, 0x84};
static const uint8_t subject_key_oid[] = {0x06, 0x03, 0x55, 0x1D, 0x0E};
static const uint8_t authority_key_oid[] = {0x06, 0x03, 0x55, 0x1D, 0x23};
static const uint8_t statement_oid[] = {0x06, 0x15, 0x69, 0x81, 0xBC, 0x8C, 0x95, 0x9B,
                                        0xCF, 0xF0, 0xDA, 0xB5, 0xFB, 0x9A, 0x8E, 0xCA,
                                        0xF3, 0xD7, 0xE1, 0xFD, 0x9C, 0x10, 0x01};

void x509_begin(struct x509 *x, uint8_t *buffer, size_t room)
{
    *x = (struct x509){.buffer = buffer, .room = room};
}

/* ---------------------------------------------------------------- names, times, keys */

static void put_name(struct der *x, const char *text, size_t n)
{
    const uint8_t *end = x->at;
    der_put(x, DER_UTF8, text, n);
    der_bytes(x, common_name, sizeof common_name);
    der_wrap(x, DER_SEQUENCE, end);
    der_wrap(x, DER_SET, end);
    der_wrap(x, DER_SEQUENCE, end);
}

static void put_device_name(struct der *x, const uint8_t serial[DEVICE_SERIAL])
{
    static const char digits[] = "0123456789abcdef";
    char text[5 + 2 * DEVICE_SERIAL] = "Hufu ";
    for (size_t i = 0; i < DEVICE_SERIAL; i++) {
        text[5 + 2 * i] = digits[serial[i] >> 4];
        text[6 + 2 * i] = digits[serial[i] & 15];
    }
    put_name(x, text, sizeof text);
}

static void put_key_name(struct der *x, const struct object *o, uint32_t handle)
{
    char text[16] = "key ", number[10];
    size_t n = 4, digits = 0;
    if (o->label.size) {
        put_name(x, (const char *)o->label.data, o->label.size);
        return;
    }
    for (; handle || !digits; handle /= 10)
        number[digits++] = (char)('0' + handle % 10);
    while (digits)
        text[n++] = number[--digits];
    put_name(x, text, n);
}

static void two(char *p, unsigned v)
{
    p[0] = (char)('0' + v / 10 % 10);
    p[1] = (char)('0' + v % 10);
}

/* YYYYMMDDHHMMSSZ of ms since 1970: years of 400, 100, 4 and 1 begin in March */
static void date_text(uint64_t ms, char out[15])
{
    const uint32_t seconds = (uint32_t)(ms / 1000 % 86400);
    const uint32_t days = (uint32_t)(ms / 86400000) + 719468;
    const uint32_t era = days / 146097, day = days % 146097;
    const uint32_t year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    const uint32_t of_year = day - (365 * year + year / 4 - year / 100);
    const uint32_t march = (5 * of_year + 2) / 153;
    const uint32_t month = march < 10 ? march + 3 : march - 9;
    const uint32_t y = year + 400 * era + (month <= 2);
    two(out, y / 100);
    two(out + 2, y);
    two(out + 4, month);
    two(out + 6, of_year - (153 * march + 2) / 5 + 1);
    two(out + 8, seconds / 3600);
    two(out + 10, seconds / 60 % 60);
    two(out + 12, seconds % 60);
    out[14] = 'Z';
}

static void put_validity(struct der *x, const struct device *d)
{
    const uint8_t *end = x->at;
    char from[15];
    date_text(device_time(d), from);
    der_put(x, DER_GENERAL_TIME, END_OF_TIME, sizeof END_OF_TIME - 1);
    if (memcmp(from, "2050", 4) < 0)
        der_put(x, DER_UTC_TIME, from + 2, sizeof from - 2);
    else
        der_put(x, DER_GENERAL_TIME, from, sizeof from);
    der_wrap(x, DER_SEQUENCE, end);
}

static void put_bits(struct der *x, const uint8_t *end)
{
    static const uint8_t unused = 0;
    der_bytes(x, &unused, 1);
    der_wrap(x, DER_BITS, end);
}

static void put_point(struct der *x, const uint8_t *pub, size_t n, const uint8_t *algorithm,
                      size_t algorithm_size)
{
    static const uint8_t uncompressed = 4;
    const uint8_t *end = x->at;
    der_bytes(x, pub, n);
    der_bytes(x, &uncompressed, 1);
    put_bits(x, end);
    der_bytes(x, algorithm, algorithm_size);
    der_wrap(x, DER_SEQUENCE, end);
}

static void put_sm2_key(struct der *x, const uint8_t *pub)
{
    put_point(x, pub, SM2_POINT, sm2_key, sizeof sm2_key);
}

static void put_rsa_key(struct der *x, struct view pub)
{
    const uint8_t *end = x->at;
    der_integer(x, pub.data, 4);
    der_integer(x, pub.data + 4, pub.size - 4);
    der_wrap(x, DER_SEQUENCE, end);
    put_bits(x, end);
    der_bytes(x, rsa_key, sizeof rsa_key);
    der_wrap(x, DER_SEQUENCE, end);
}

static uint16_t put_object_key(struct der *x, const struct object *o)
{
    const struct view pub = o->pub;
    if (o->type == KEY_SM2)
        put_sm2_key(x, pub.data);
    else if (o->type == KEY_P256)
        put_point(x, pub.data, pub.size, p256_key, sizeof p256_key);
    else if (o->type == KEY_P384)
        put_point(x, pub.data, pub.size, p384_key, sizeof p384_key);
    else if (key_rsa_bits(o->type))
        put_rsa_key(x, pub);
    else
        return SW_KEY_TYPE;
    return SW_OK;
}

/* ---------------------------------------------------------------- what is signed */

static uint16_t put_serial_number(struct device *d, struct der *x)
{
    uint8_t number[SERIAL_NUMBER];
    if (random_fill(&d->random, number, sizeof number))
        return SW_RANDOM_FAILED;
    number[0] = (uint8_t)((number[0] & 0x7F) | 0x40);
    der_integer(x, number, sizeof number);
    return SW_OK;
}

/* Everything before the issuer */
static uint16_t put_version(struct device *d, struct der *x)
{
    static const uint8_t v3[] = {0xA0, 0x03, 0x02, 0x01, 0x02};
    der_bytes(x, sm2_sm3, sizeof sm2_sm3);
    const uint16_t sw = put_serial_number(d, x);
    der_bytes(x, v3, sizeof v3);
    return sw;
}

/*
 * SEQUENCE { what was put, algorithm, signature }, moved to the start of the buffer: what was put
 * lies at its end, is moved down by what comes after it, and then wrapped.
 */
static uint16_t sign(struct device *d, struct x509 *x, struct der *w,
                     const struct identity_key *key)
{
    uint8_t signature[SM2_SIGNATURE], der[SM2_SIGNATURE_DER_MAX], tail[SM2_SIGNATURE_DER_MAX + 32];
    uint8_t *const end = x->buffer + x->room;
    struct der t;
    if (w->bad)
        return SW_RESPONSE_TOO_BIG;
    const size_t n = (size_t)(end - w->at);
    const uint16_t sw = identity_sign(d, key, w->at, n, signature);
    if (sw != SW_OK)
        return sw;
    der_init(&t, tail, sizeof tail);
    der_bytes(&t, der, sm2_signature_to_der(signature, der));
    put_bits(&t, tail + sizeof tail);
    der_bytes(&t, sm2_sm3, sizeof sm2_sm3);
    const size_t after = (size_t)(tail + sizeof tail - t.at);
    if ((size_t)(w->at - w->base) < after)
        return SW_RESPONSE_TOO_BIG;
    memmove(w->at - after, w->at, n);
    w->at -= after;
    memcpy(end - after, t.at, after);
    der_wrap(w, DER_SEQUENCE, end);
    if (w->bad)
        return SW_RESPONSE_TOO_BIG;
    x->der = (struct view){x->buffer, (size_t)(end - w->at)};
    memmove(x->buffer, w->at, x->der.size);
    return SW_OK;
}

/* What was put since end is an extension of this OID, not critical. */
static void put_extension(struct der *x, const uint8_t *end, const uint8_t *oid, size_t oid_size)
{
    der_wrap(x, DER_OCTETS, end);
    der_bytes(x, oid, oid_size);
    der_wrap(x, DER_SEQUENCE, end);
}

/* The first 160 bits of SM3 of the BIT STRING's bytes, as RFC 7093, 2 has it for SHA-256. */
static void put_subject_key(struct der *x, const uint8_t pub[SM2_POINT])
{
    uint8_t point[1 + SM2_POINT] = {4}, hash[SM3_SIZE];
    const uint8_t *end = x->at;
    memcpy(point + 1, pub, SM2_POINT);
    sm3_digest(point, sizeof point, hash);
    der_put(x, DER_OCTETS, hash, KEY_ID);
    put_extension(x, end, subject_key_oid, sizeof subject_key_oid);
}

uint16_t x509_device(struct device *d, struct x509 *x, const struct identity_key *key,
                     const uint8_t serial[DEVICE_SERIAL])
{
    const uint8_t *end = x->buffer + x->room;
    struct der w;
    der_init(&w, x->buffer, x->room);
    put_subject_key(&w, key->pub);
    der_bytes(&w, ca_extensions, sizeof ca_extensions);
    der_wrap(&w, DER_SEQUENCE, end);
    der_wrap(&w, DER_CONTEXT + 3, end);
    put_sm2_key(&w, key->pub);
    put_device_name(&w, serial);
    put_validity(&w, d);
    put_device_name(&w, serial);
    const uint16_t sw = put_version(d, &w);
    der_wrap(&w, DER_SEQUENCE, end);
    return sw == SW_OK ? sign(d, x, &w, key) : sw;
}

uint16_t x509_request(struct device *d, struct x509 *x, const struct identity_key *key)
{
    static const uint8_t v1[] = {0x02, 0x01, 0x00}, no_attributes[] = {0xA0, 0x00};
    struct der w;
    der_init(&w, x->buffer, x->room);
    der_bytes(&w, no_attributes, sizeof no_attributes);
    put_sm2_key(&w, key->pub);
    put_device_name(&w, d->identity.serial);
    der_bytes(&w, v1, sizeof v1);
    der_wrap(&w, DER_SEQUENCE, x->buffer + x->room);
    return sign(d, x, &w, key);
}

static void put_authority_key(struct der *x, const uint8_t *id, size_t n)
{
    const uint8_t *end = x->at;
    der_put(x, DER_KEY_ID, id, n);
    der_wrap(x, DER_SEQUENCE, end);
    put_extension(x, end, authority_key_oid, sizeof authority_key_oid);
}

static void put_statement(struct der *w, const struct x509 *x, struct view statement)
{
    const uint8_t *end = w->at;
    der_bytes(w, statement.data, statement.size);
    put_extension(w, end, statement_oid, sizeof statement_oid);
    if (x->issuer_size)
        put_authority_key(w, x->issuer, x->issuer_size);
    der_wrap(w, DER_SEQUENCE, end);
    der_wrap(w, DER_CONTEXT + 3, end);
}

static uint16_t put_issuer(struct device *d, struct der *x, const uint8_t *pub)
{
    struct view subject;
    size_t n;
    uint16_t sw = record_get(d, ID_CERTIFICATE, &n);
    if (sw == SW_OK && !x509_subject((struct view){d->record, n}, pub, &subject))
        sw = SW_STORE_DAMAGED;
    if (sw == SW_OK)
        der_bytes(x, subject.data, subject.size);
    return sw;
}

uint16_t x509_attestation(struct device *d, struct x509 *x, const struct identity_key *key,
                          const struct object *o, uint32_t handle, struct view statement)
{
    struct der w;
    der_init(&w, x->buffer, x->room);
    put_statement(&w, x, statement);
    uint16_t sw = put_object_key(&w, o);
    if (sw != SW_OK)
        return sw;
    put_key_name(&w, o, handle); /* the last that needs the object's record */
    put_validity(&w, d);
    sw = put_issuer(d, &w, key->pub);
    if (sw == SW_OK)
        sw = put_version(d, &w);
    der_wrap(&w, DER_SEQUENCE, x->buffer + x->room);
    return sw == SW_OK ? sign(d, x, &w, key) : sw;
}

/* ---------------------------------------------------------------- reading */

/* tbs: what comes after the key; false: the key is another one, or there is none */
static bool parse(struct view certificate, const uint8_t pub[SM2_POINT], struct view *subject,
                  struct view *tbs)
{
    struct view in = certificate, outer, key, point, algorithm;
    const struct view wanted = {sm2_key, sizeof sm2_key};
    if (!der_get(&in, DER_SEQUENCE, &outer, NULL) || in.size ||
        !der_get(&outer, DER_SEQUENCE, tbs, NULL))
        return false;
    der_get(tbs, DER_CONTEXT, NULL, NULL); /* the version may be left out */
    if (!der_get(tbs, DER_INTEGER, NULL, NULL) || !der_get(tbs, DER_SEQUENCE, NULL, NULL) ||
        !der_get(tbs, DER_SEQUENCE, NULL, NULL) || !der_get(tbs, DER_SEQUENCE, NULL, NULL) ||
        !der_get(tbs, DER_SEQUENCE, NULL, subject) || !der_get(tbs, DER_SEQUENCE, &key, NULL) ||
        !der_get(&key, DER_SEQUENCE, NULL, &algorithm) || !der_get(&key, DER_BITS, &point, NULL))
        return false;
    return algorithm.size == wanted.size && !memcmp(algorithm.data, wanted.data, wanted.size) &&
           point.size == 2 + SM2_POINT && !point.data[0] && point.data[1] == 4 &&
           !memcmp(point.data + 2, pub, SM2_POINT);
}

bool x509_subject(struct view certificate, const uint8_t pub[SM2_POINT], struct view *subject)
{
    struct view rest;
    return parse(certificate, pub, subject, &rest);
}

/* The subject's key identifier among extensions; empty: there is none. */
static struct view key_id(struct view list)
{
    struct view one, oid, value, id;
    while (der_get(&list, DER_SEQUENCE, &one, NULL)) {
        if (!der_get(&one, DER_OID, NULL, &oid) || oid.size != sizeof subject_key_oid ||
            memcmp(oid.data, subject_key_oid, oid.size) != 0)
            continue;
        der_get(&one, DER_BOOLEAN, NULL, NULL); /* critical, which it should not be */
        if (der_get(&one, DER_OCTETS, &value, NULL) && der_get(&value, DER_OCTETS, &id, NULL))
            return id;
    }
    return (struct view){NULL, 0};
}

uint16_t x509_issuer(struct device *d, struct x509 *x, const struct identity_key *key)
{
    struct view subject, rest, block, list;
    size_t n;
    const uint16_t sw = record_get(d, ID_CERTIFICATE, &n);
    if (sw != SW_OK)
        return sw;
    if (!parse((struct view){d->record, n}, key->pub, &subject, &rest))
        return SW_STORE_DAMAGED;
    if (!der_get(&rest, DER_CONTEXT + 3, &block, NULL) ||
        !der_get(&block, DER_SEQUENCE, &list, NULL))
        return SW_OK;
    const struct view id = key_id(list);
    x->issuer_size = id.size <= X509_KEY_ID ? id.size : 0;
    if (x->issuer_size)
        memcpy(x->issuer, id.data, x->issuer_size);
    return SW_OK;
}
