/* Curves by CKA_EC_PARAMS: those of the device, and what else libcrypto has; their points. */
#include "host/pkcs11/crypto.h"
#include "host/pkcs11/object.h"

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/objects.h>
#include <string.h>

enum { COORDINATE_MAX = 66, POINT_MAX = 1 + 2 * COORDINATE_MAX };

const uint8_t oid_sm2[10] = {0x06, 0x08, 0x2a, 0x81, 0x1c, 0xcf, 0x55, 0x01, 0x82, 0x2d};
const uint8_t oid_p256[10] = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
const uint8_t oid_p384[7] = {0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22};

bool params_are(const struct object *o, const uint8_t *oid, size_t size)
{
    const struct attribute *a = attribute_of(o, CKA_EC_PARAMS);
    return a && a->size == size && memcmp(a->value, oid, size) == 0;
}

/* Bytes of a coordinate; 0: not over a prime field, too long, or of another size than its order. */
static size_t coordinate_size(int nid)
{
    EC_GROUP *g = EC_GROUP_new_by_curve_name_ex(crypto_context(), NULL, nid);
    size_t size = 0;
    if (g && EC_GROUP_get_field_type(g) == NID_X9_62_prime_field &&
        (EC_GROUP_get_degree(g) + 7) / 8 == (EC_GROUP_order_bits(g) + 7) / 8)
        size = (size_t)(EC_GROUP_get_degree(g) + 7) / 8;
    EC_GROUP_free(g);
    return size <= COORDINATE_MAX ? size : 0;
}

/* By its OID, or by all of its numbers, if they are those of a curve that has a name. */
static const char *other_curve(const uint8_t *params, size_t n, size_t *size)
{
    const uint8_t *p = params;
    EC_GROUP *group = d2i_ECPKParameters(NULL, &p, (long)n);
    const int nid = group && p == params + n ? EC_GROUP_get_curve_name(group) : NID_undef;
    EC_GROUP_free(group);
    *size = nid != NID_undef && crypto_context() ? coordinate_size(nid) : 0;
    return *size ? OBJ_nid2sn(nid) : NULL;
}

static const char *curve(const struct object *o, size_t *size)
{
    const struct attribute *params = attribute_of(o, CKA_EC_PARAMS);
    *size = 32;
    if (o->family == FAMILY_SM2)
        return "SM2";
    if (params_are(o, oid_p256, sizeof oid_p256))
        return "P-256";
    *size = 48;
    if (params_are(o, oid_p384, sizeof oid_p384))
        return "P-384";
    return o->family == FAMILY_EC && params ? other_curve(params->value, params->size, size) : NULL;
}

/* Edwards curves: by OID (RFC 8410), or by name as PKCS #11 has it. */
static const struct edwards {
    uint8_t params[14], params_size;
    const char *name;
    size_t size; /* of a public key */
} edwards[] = {
    {{0x06, 0x03, 0x2b, 0x65, 0x70}, 5, "ED25519", 32},
    {{0x13, 12, 'e', 'd', 'w', 'a', 'r', 'd', 's', '2', '5', '5', '1', '9'}, 14, "ED25519", 32},
    {{0x06, 0x03, 0x2b, 0x65, 0x71}, 5, "ED448", 57},
    {{0x13, 10, 'e', 'd', 'w', 'a', 'r', 'd', 's', '4', '4', '8'}, 12, "ED448", 57}};

static const struct edwards *edwards_of(const void *params, size_t size)
{
    for (size_t i = 0; params && i < sizeof edwards / sizeof *edwards; i++)
        if (edwards[i].params_size == size && memcmp(edwards[i].params, params, size) == 0)
            return &edwards[i];
    return NULL;
}

static const struct edwards *edwards_of_object(const struct object *o)
{
    const struct attribute *a = attribute_of(o, CKA_EC_PARAMS);
    return a ? edwards_of(a->value, a->size) : NULL;
}

const char *edwards_name(const struct object *o)
{
    const struct edwards *e = edwards_of_object(o);
    return e ? e->name : NULL;
}

bool edwards_is_known(const CK_ATTRIBUTE *params)
{
    return params && edwards_of(params->pValue, params->ulValueLen);
}

const char *curve_of(const struct object *o)
{
    size_t size;
    return curve(o, &size);
}

bool curve_is_known(const CK_ATTRIBUTE *params)
{
    size_t size;
    return params && params->pValue && other_curve(params->pValue, params->ulValueLen, &size);
}

size_t key_size_of(const struct object *o)
{
    const struct attribute *n =
        attribute_of(o, o->family == FAMILY_DSA ? CKA_SUBPRIME : CKA_MODULUS);
    size_t size;
    if (o->family == FAMILY_EDWARDS) {
        const struct edwards *e = edwards_of_object(o);
        return e ? e->size : 0;
    }
    if (o->family == FAMILY_EC || o->family == FAMILY_SM2)
        return curve(o, &size) ? size : 0;
    size_t zeros = 0;
    while (n && zeros < n->size && !n->value[zeros])
        zeros++;
    return n ? n->size - zeros : 0;
}

/* ------------------------------------------------------------------ points */

/* Whole: 04, or 06 and 07 which tell y's last bit, too; compressed: 02 and 03. */
static bool is_point(const uint8_t *p, size_t n, size_t half)
{
    return (n == 1 + 2 * half && (p[0] == 4 || p[0] >> 1 == 3)) ||
           (n == 1 + half && p[0] >> 1 == 1);
}

const uint8_t *curve_point(const struct object *o, const uint8_t *in, size_t n, size_t *size)
{
    const size_t half = key_size_of(o);
    if (!in || !half || n < 2)
        return NULL;
    const size_t head = in[1] == 0x81 ? 3 : 2;
    *size = n;
    if (is_point(in, n, half))
        return in;
    *size = n - head;
    return n > head && in[0] == 4 && in[head - 1] == n - head && is_point(in + head, n - head, half)
               ? in + head
               : NULL;
}

/* The private key times the base point */
static size_t public_point(const char *curve, const struct attribute *value, uint8_t out[POINT_MAX])
{
    const int nist = EC_curve_nist2nid(curve);
    EC_GROUP *g = EC_GROUP_new_by_curve_name_ex(crypto_context(), NULL,
                                                nist != NID_undef ? nist : OBJ_txt2nid(curve));
    EC_POINT *point = g ? EC_POINT_new(g) : NULL;
    BIGNUM *d = value ? BN_bin2bn(value->value, (int)value->size, BN_secure_new()) : NULL;
    size_t n = 0;
    if (point && d && EC_POINT_mul(g, point, d, NULL, NULL, NULL) > 0)
        n = EC_POINT_point2oct(g, point, POINT_CONVERSION_UNCOMPRESSED, out, POINT_MAX, NULL);
    BN_clear_free(d);
    EC_POINT_free(point);
    EC_GROUP_free(g);
    return n;
}

CK_RV curve_complete(struct object *o)
{
    uint8_t point[POINT_MAX];
    const char *curve = curve_of(o);
    if (o->class != CKO_PRIVATE_KEY || !curve || attribute_of(o, CKA_EC_POINT))
        return CKR_OK;
    const size_t n = public_point(curve, attribute_of(o, CKA_VALUE), point);
    return n > 1 ? attribute_set(o, CKA_EC_POINT, point, n) /* not the one at infinity */
                 : CKR_ATTRIBUTE_VALUE_INVALID;
}
