/* Curves by the OID in CKA_EC_PARAMS: those of the device, and what else libcrypto has. */
#include "host/pkcs11/crypto.h"
#include "host/pkcs11/object.h"

#include <openssl/ec.h>
#include <openssl/objects.h>
#include <string.h>

enum { COORDINATE_MAX = 66 };

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

static const char *other_curve(const uint8_t *oid, size_t n, size_t *size)
{
    const uint8_t *p = oid;
    ASN1_OBJECT *object = d2i_ASN1_OBJECT(NULL, &p, (long)n);
    const int nid = object && p == oid + n ? OBJ_obj2nid(object) : NID_undef;
    ASN1_OBJECT_free(object);
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
    if (o->family == FAMILY_EDWARDS)
        return edwards_of_object(o) ? edwards_of_object(o)->size : 0;
    if (o->family == FAMILY_EC || o->family == FAMILY_SM2)
        return curve(o, &size) ? size : 0;
    size_t zeros = 0;
    while (n && zeros < n->size && !n->value[zeros])
        zeros++;
    return n ? n->size - zeros : 0;
}
