/* Attributes: one table of rules, and reading and writing by it. */
#include "host/pkcs11/object.h"

#include <stdlib.h>
#include <string.h>

enum kind { BOOL, ULONG, BYTES, DATE, ULONGS, TEMPLATE };

enum {
    DATA = 1,
    CERT = 2,
    PUB = 4,
    PRIV = 8,
    SECRET = 16,
    KEYS = PUB | PRIV | SECRET,
    DOMAIN = 32, /* parameters */
    ALL = 63
};

enum {
    RSA = 1 << FAMILY_RSA,
    SM2 = 1 << FAMILY_SM2,
    EC = 1 << FAMILY_EC | SM2 | 1 << FAMILY_EDWARDS,
    SYM = 1 << FAMILY_SECRET,
    DSA = 1 << FAMILY_DSA,
    DH = 1 << FAMILY_DH,
    ANY = 0xff
};

/* When a template may have it */
enum {
    C = HOW_CREATE,
    G = HOW_GENERATE,
    U = HOW_UNWRAP,
    S = HOW_SET,
    Y = HOW_COPY,
    CGU = C | G | U,
    ALWAYS = C | G | U | S | Y
};

enum flag {
    HIDDEN = 1,   /* not shown when sensitive or not extractable */
    ONLY_ON = 2,  /* set and copy: only from false to true */
    ONLY_OFF = 4, /* only from true to false */
    BY_SO = 8,    /* true only by the SO */
    NEEDED = 16   /* to create the object */
};

/* What it is when nothing says so */
enum otherwise { NONE, EMPTY, OFF, ON, UNKNOWN, ZERO, BY_SHA1, USAGE, SECRETS };

struct rule {
    CK_ATTRIBUTE_TYPE type;
    enum kind kind;
    uint8_t classes, families, when, flags, otherwise;
};

static const struct rule rules[] = {
    {CKA_CLASS, ULONG, ALL, ANY, CGU, 0, NONE},
    {CKA_TOKEN, BOOL, ALL, ANY, CGU | Y, 0, OFF},
    {CKA_PRIVATE, BOOL, ALL, ANY, CGU | Y, 0, SECRETS},
    {CKA_MODIFIABLE, BOOL, ALL, ANY, CGU | Y, 0, ON},
    {CKA_COPYABLE, BOOL, ALL, ANY, ALWAYS, ONLY_OFF, ON},
    {CKA_DESTROYABLE, BOOL, ALL, ANY, ALWAYS, 0, ON},
    {CKA_LABEL, BYTES, ALL, ANY, ALWAYS, 0, EMPTY},
    {CKA_UNIQUE_ID, BYTES, ALL, ANY, 0, 0, NONE},
    /* data */
    {CKA_APPLICATION, BYTES, DATA, ANY, C, 0, EMPTY},
    {CKA_OBJECT_ID, BYTES, DATA, ANY, C, 0, EMPTY},
    {CKA_VALUE, BYTES, DATA, ANY, C | S | Y, 0, EMPTY},
    /* certificates */
    {CKA_CERTIFICATE_TYPE, ULONG, CERT, ANY, C, NEEDED, NONE},
    {CKA_TRUSTED, BOOL, CERT | PUB | SECRET, ANY, ALWAYS, BY_SO, OFF},
    {CKA_CERTIFICATE_CATEGORY, ULONG, CERT, ANY, C, 0, ZERO},
    {CKA_CHECK_VALUE, BYTES, CERT | SECRET, ANY, CGU, 0, EMPTY},
    {CKA_START_DATE, DATE, CERT | KEYS, ANY, ALWAYS, 0, EMPTY},
    {CKA_END_DATE, DATE, CERT | KEYS, ANY, ALWAYS, 0, EMPTY},
    {CKA_PUBLIC_KEY_INFO, BYTES, CERT | PUB | PRIV, ANY, CGU, 0, EMPTY},
    {CKA_ISSUER, BYTES, CERT, ANY, C | S | Y, 0, EMPTY},
    {CKA_SERIAL_NUMBER, BYTES, CERT, ANY, C | S | Y, 0, EMPTY},
    {CKA_VALUE, BYTES, CERT, ANY, C, NEEDED, NONE},
    {CKA_URL, BYTES, CERT, ANY, C, 0, EMPTY},
    {CKA_HASH_OF_SUBJECT_PUBLIC_KEY, BYTES, CERT, ANY, C, 0, EMPTY},
    {CKA_HASH_OF_ISSUER_PUBLIC_KEY, BYTES, CERT, ANY, C, 0, EMPTY},
    {CKA_NAME_HASH_ALGORITHM, ULONG, CERT, ANY, C, 0, BY_SHA1},
    {CKA_JAVA_MIDP_SECURITY_DOMAIN, ULONG, CERT, ANY, C, 0, ZERO},
    /* keys */
    {CKA_KEY_TYPE, ULONG, KEYS | DOMAIN, ANY, CGU, NEEDED, NONE},
    {CKA_ID, BYTES, CERT | KEYS, ANY, ALWAYS, 0, EMPTY},
    {CKA_DERIVE, BOOL, KEYS, ANY, ALWAYS, 0, USAGE},
    {CKA_LOCAL, BOOL, KEYS | DOMAIN, ANY, 0, 0, OFF},
    {CKA_KEY_GEN_MECHANISM, ULONG, KEYS, ANY, 0, 0, UNKNOWN},
    {CKA_ALLOWED_MECHANISMS, ULONGS, KEYS, ANY, CGU | S, 0, EMPTY},
    {CKA_SUBJECT, BYTES, CERT | PUB | PRIV, ANY, ALWAYS, 0, EMPTY},
    {CKA_ENCRYPT, BOOL, PUB | SECRET, ANY, ALWAYS, 0, USAGE},
    {CKA_VERIFY, BOOL, PUB | SECRET, ANY, ALWAYS, 0, USAGE},
    {CKA_VERIFY_RECOVER, BOOL, PUB, ANY, ALWAYS, 0, USAGE},
    {CKA_WRAP, BOOL, PUB | SECRET, ANY, ALWAYS, 0, USAGE},
    {CKA_DECRYPT, BOOL, PRIV | SECRET, ANY, ALWAYS, 0, USAGE},
    {CKA_SIGN, BOOL, PRIV | SECRET, ANY, ALWAYS, 0, USAGE},
    {CKA_SIGN_RECOVER, BOOL, PRIV, ANY, ALWAYS, 0, USAGE},
    {CKA_UNWRAP, BOOL, PRIV | SECRET, ANY, ALWAYS, 0, USAGE},
    {CKA_WRAP_TEMPLATE, TEMPLATE, PUB | SECRET, ANY, CGU, 0, EMPTY},
    {CKA_UNWRAP_TEMPLATE, TEMPLATE, PRIV | SECRET, ANY, CGU, 0, EMPTY},
    {CKA_DERIVE_TEMPLATE, TEMPLATE, PRIV | SECRET, ANY, CGU, 0, EMPTY},
    {CKA_SENSITIVE, BOOL, PRIV | SECRET, ANY, ALWAYS, ONLY_ON, ON},
    {CKA_EXTRACTABLE, BOOL, PRIV | SECRET, ANY, ALWAYS, ONLY_OFF, OFF},
    {CKA_ALWAYS_SENSITIVE, BOOL, PRIV | SECRET, ANY, 0, 0, OFF},
    {CKA_NEVER_EXTRACTABLE, BOOL, PRIV | SECRET, ANY, 0, 0, OFF},
    {CKA_WRAP_WITH_TRUSTED, BOOL, PRIV | SECRET, ANY, ALWAYS, ONLY_ON, OFF},
    {CKA_ALWAYS_AUTHENTICATE, BOOL, PRIV, ANY, CGU, 0, OFF},
    /* their numbers */
    {CKA_MODULUS, BYTES, PUB | PRIV, RSA, C, NEEDED, NONE},
    {CKA_MODULUS_BITS, ULONG, PUB, RSA, C | G, 0, NONE},
    {CKA_PUBLIC_EXPONENT, BYTES, PUB, RSA, C | G, NEEDED, EMPTY},
    {CKA_PUBLIC_EXPONENT, BYTES, PRIV, RSA, C | G, 0, EMPTY},
    {CKA_PRIVATE_EXPONENT, BYTES, PRIV, RSA, C, HIDDEN | NEEDED, NONE},
    {CKA_PRIME_1, BYTES, PRIV, RSA, C, HIDDEN, EMPTY},
    {CKA_PRIME_2, BYTES, PRIV, RSA, C, HIDDEN, EMPTY},
    {CKA_EXPONENT_1, BYTES, PRIV, RSA, C, HIDDEN, EMPTY},
    {CKA_EXPONENT_2, BYTES, PRIV, RSA, C, HIDDEN, EMPTY},
    {CKA_COEFFICIENT, BYTES, PRIV, RSA, C, HIDDEN, EMPTY},
    {CKA_EC_PARAMS, BYTES, PUB | PRIV, SM2, C | G, 0, NONE},
    {CKA_EC_PARAMS, BYTES, PUB | PRIV, EC, C | G, NEEDED, NONE},
    {CKA_EC_POINT, BYTES, PUB, EC, C, NEEDED, EMPTY},
    {CKA_EC_POINT, BYTES, PRIV, EC, C, 0, EMPTY},
    {CKA_PRIME, BYTES, PUB | PRIV | DOMAIN, DSA | DH, C | G, NEEDED, NONE},
    {CKA_SUBPRIME, BYTES, PUB | PRIV | DOMAIN, DSA, C | G, NEEDED, NONE},
    {CKA_BASE, BYTES, PUB | PRIV | DOMAIN, DSA | DH, C | G, NEEDED, NONE},
    {CKA_PRIME_BITS, ULONG, DOMAIN, DSA | DH, G, 0, NONE},
    {CKA_SUB_PRIME_BITS, ULONG, DOMAIN, DSA, G, 0, NONE},
    {CKA_VALUE_BITS, ULONG, PRIV, DH, C | G, 0, NONE},
    {CKA_VALUE, BYTES, PUB, DSA | DH, C, NEEDED, NONE},
    {CKA_VALUE, BYTES, PRIV, EC | DSA | DH, C, HIDDEN | NEEDED, NONE},
    {CKA_VALUE, BYTES, SECRET, SYM, C, HIDDEN | NEEDED, EMPTY},
    {CKA_VALUE_LEN, ULONG, SECRET, SYM, C | G | U, 0, ZERO},
};
enum { RULES = sizeof rules / sizeof *rules };

static unsigned class_bit(CK_OBJECT_CLASS class)
{
    switch (class) {
    case CKO_DATA:
        return DATA;
    case CKO_CERTIFICATE:
        return CERT;
    case CKO_PUBLIC_KEY:
        return PUB;
    case CKO_PRIVATE_KEY:
        return PRIV;
    case CKO_SECRET_KEY:
        return SECRET;
    case CKO_DOMAIN_PARAMETERS:
        return DOMAIN;
    default:
        return 0;
    }
}

static const struct rule *rule_of(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
    for (size_t i = 0; i < RULES; i++)
        if (rules[i].type == type && rules[i].classes & class_bit(o->class) &&
            (rules[i].families == ANY || rules[i].families & 1u << o->family))
            return &rules[i];
    return NULL;
}

/* ------------------------------------------------------------------ objects in memory */

struct object *object_new(CK_OBJECT_CLASS class)
{
    struct object *o = calloc(1, sizeof *o);
    if (!o)
        return NULL;
    o->class = class;
    o->refs = 1;
    return o;
}

void object_free(struct object *o)
{
    if (!o)
        return;
    for (unsigned i = 0; i < o->attributes; i++) {
        if (o->attribute[i].size)
            hufu_wipe(o->attribute[i].value, o->attribute[i].size);
        free(o->attribute[i].value);
    }
    free(o->attribute);
    free(o->blob);
    free(o);
}

enum form attribute_form(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
    const struct rule *r = rule_of(o, type);
    return r && (r->kind == ULONG || r->kind == ULONGS) ? FORM_NUMBERS : FORM_BYTES;
}

bool attribute_is_template(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
    const struct rule *r = rule_of(o, type);
    return r && r->kind == TEMPLATE;
}

const struct attribute *attribute_of(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
    for (unsigned i = 0; i < o->attributes; i++)
        if (o->attribute[i].type == type)
            return &o->attribute[i];
    return NULL;
}

static struct attribute *attribute_place(struct object *o, CK_ATTRIBUTE_TYPE type)
{
    for (unsigned i = 0; i < o->attributes; i++)
        if (o->attribute[i].type == type)
            return &o->attribute[i];
    if (o->attributes == o->room) {
        const unsigned room = o->room ? 2 * o->room : 8;
        struct attribute *more = realloc(o->attribute, room * sizeof *more);
        if (!more)
            return NULL;
        o->attribute = more;
        o->room = room;
    }
    o->attribute[o->attributes] = (struct attribute){type, 0, NULL};
    return &o->attribute[o->attributes++];
}

CK_RV attribute_set(struct object *o, CK_ATTRIBUTE_TYPE type, const void *value, CK_ULONG size)
{
    uint8_t *copy = malloc(size ? size : 1);
    struct attribute *a = copy ? attribute_place(o, type) : NULL;
    if (!a) {
        free(copy);
        return CKR_HOST_MEMORY;
    }
    if (size)
        memcpy(copy, value, size);
    if (a->size)
        hufu_wipe(a->value, a->size);
    free(a->value);
    a->value = copy;
    a->size = size;
    return CKR_OK;
}

CK_RV attribute_set_bool(struct object *o, CK_ATTRIBUTE_TYPE type, bool value)
{
    const CK_BBOOL b = value ? CK_TRUE : CK_FALSE;
    return attribute_set(o, type, &b, sizeof b);
}

CK_RV attribute_set_ulong(struct object *o, CK_ATTRIBUTE_TYPE type, CK_ULONG value)
{
    return attribute_set(o, type, &value, sizeof value);
}

CK_RV attributes_copy(const struct object *from, struct object *o)
{
    o->key_type = from->key_type;
    o->family = from->family;
    o->complete = from->complete;
    for (unsigned i = 0; i < from->attributes; i++) {
        const struct attribute *a = &from->attribute[i];
        const CK_RV rv = attribute_set(o, a->type, a->value, a->size);
        if (rv != CKR_OK)
            return rv;
    }
    return CKR_OK;
}

/* ------------------------------------------------------------------ what is not explicit */

/* What a key of this family may do unless the template says otherwise. */
static bool usual(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
    const bool derives = type == CKA_DERIVE;
    switch (o->family) {
    case FAMILY_RSA:
        return !derives;
    case FAMILY_EC:
        return type == CKA_SIGN || type == CKA_VERIFY || derives;
    case FAMILY_SM2:
        return type != CKA_SIGN_RECOVER && type != CKA_VERIFY_RECOVER;
    case FAMILY_SECRET:
        return true;
    case FAMILY_DSA:
    case FAMILY_EDWARDS:
        return type == CKA_SIGN || type == CKA_VERIFY;
    case FAMILY_DH:
        return derives;
    case FAMILY_NONE:
        break;
    }
    return false;
}

static bool default_bool(const struct object *o, const struct rule *r)
{
    switch (r->otherwise) {
    case ON:
        return true;
    case USAGE:
        return usual(o, r->type);
    case SECRETS:
        return o->class == CKO_PRIVATE_KEY || o->class == CKO_SECRET_KEY;
    default:
        return false;
    }
}

bool attribute_bool(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
    const struct attribute *a = attribute_of(o, type);
    if (a)
        return a->size && a->value[0];
    const struct rule *r = rule_of(o, type);
    return r && default_bool(o, r);
}

CK_ULONG attribute_ulong(const struct object *o, CK_ATTRIBUTE_TYPE type)
{
    const struct attribute *a = attribute_of(o, type);
    CK_ULONG value = CK_UNAVAILABLE_INFORMATION;
    if (a && a->size == sizeof value)
        memcpy(&value, a->value, sizeof value);
    return value;
}

bool object_is_token(const struct object *o)
{
    return attribute_bool(o, CKA_TOKEN);
}

bool object_is_private(const struct object *o)
{
    return attribute_bool(o, CKA_PRIVATE);
}

bool object_allows(const struct object *o, CK_MECHANISM_TYPE mechanism)
{
    const struct attribute *a = attribute_of(o, CKA_ALLOWED_MECHANISMS);
    if (!a || !a->size)
        return true;
    for (CK_ULONG i = 0; i + sizeof mechanism <= a->size; i += sizeof mechanism)
        if (memcmp(a->value + i, &mechanism, sizeof mechanism) == 0)
            return true;
    return false;
}

/* ------------------------------------------------------------------ reading */

static _Thread_local union {
    CK_BBOOL yes;
    CK_ULONG number;
    char text[40];
} made_up;

static CK_RV give(const void *v, CK_ULONG n, const void **value, CK_ULONG *size)
{
    *value = v;
    *size = n;
    return CKR_OK;
}

static CK_RV read_default(const struct object *o, const struct rule *r, const void **value,
                          CK_ULONG *size)
{
    if (r->type == CKA_UNIQUE_ID) {
        static const char digits[] = "0123456789abcdef";
        for (size_t i = 0; i < 16; i++)
            made_up.text[i] = digits[(uint64_t)lasting_handle(o->handle) >> (60 - 4 * i) & 15];
        return give(made_up.text, 16, value, size);
    }
    switch (r->otherwise) {
    case NONE:
        return CKR_ATTRIBUTE_TYPE_INVALID;
    case EMPTY:
        return give(made_up.text, 0, value, size);
    case UNKNOWN:
    case ZERO:
    case BY_SHA1:
        made_up.number = r->otherwise == ZERO      ? 0
                         : r->otherwise == BY_SHA1 ? CKM_SHA_1
                                                   : CK_UNAVAILABLE_INFORMATION;
        return give(&made_up.number, sizeof made_up.number, value, size);
    default:
        made_up.yes = default_bool(o, r) ? CK_TRUE : CK_FALSE;
        return give(&made_up.yes, sizeof made_up.yes, value, size);
    }
}

CK_RV attribute_read(const struct object *o, CK_ATTRIBUTE_TYPE type, const void **value,
                     CK_ULONG *size)
{
    const struct rule *r = rule_of(o, type);
    if (!r)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (r->flags & HIDDEN &&
        (attribute_bool(o, CKA_SENSITIVE) || !attribute_bool(o, CKA_EXTRACTABLE)))
        return CKR_ATTRIBUTE_SENSITIVE;
    if (type == CKA_CLASS) {
        made_up.number = o->class;
        return give(&made_up.number, sizeof made_up.number, value, size);
    }
    const struct attribute *a = attribute_of(o, type);
    if (a)
        return give(a->value, a->size, value, size);
    return read_default(o, r, value, size);
}

bool attribute_matches(const struct object *o, const CK_ATTRIBUTE *wanted)
{
    const void *value;
    CK_ULONG size;
    return attribute_read(o, wanted->type, &value, &size) == CKR_OK && size == wanted->ulValueLen &&
           (!size || memcmp(value, wanted->pValue, size) == 0);
}

/* ------------------------------------------------------------------ templates */

const CK_ATTRIBUTE *template_find(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type)
{
    for (CK_ULONG i = 0; i < n; i++)
        if (t[i].type == type)
            return &t[i];
    return NULL;
}

bool template_ulong(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, CK_ULONG *value)
{
    const CK_ATTRIBUTE *a = template_find(t, n, type);
    if (!a)
        return true;
    if (!a->pValue || a->ulValueLen != sizeof *value)
        return false;
    memcpy(value, a->pValue, sizeof *value);
    return true;
}

bool template_bool(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, bool *value)
{
    const CK_ATTRIBUTE *a = template_find(t, n, type);
    if (!a)
        return true;
    if (!a->pValue || a->ulValueLen != sizeof(CK_BBOOL))
        return false;
    *value = *(const CK_BBOOL *)a->pValue != CK_FALSE;
    return true;
}

static bool value_fits(const struct rule *r, const CK_ATTRIBUTE *a)
{
    if (!a->pValue && a->ulValueLen)
        return false;
    switch (r->kind) {
    case BOOL:
        return a->ulValueLen == sizeof(CK_BBOOL) && *(const CK_BBOOL *)a->pValue <= CK_TRUE;
    case ULONG:
        return a->ulValueLen == sizeof(CK_ULONG);
    case DATE:
        return a->ulValueLen == 0 || a->ulValueLen == sizeof(CK_DATE);
    case ULONGS:
        return a->ulValueLen % sizeof(CK_ULONG) == 0;
    case TEMPLATE:
        return a->ulValueLen % sizeof(CK_ATTRIBUTE) == 0;
    case BYTES:
        break;
    }
    return a->ulValueLen != CK_UNAVAILABLE_INFORMATION;
}

/* A change of what is there already. What was set for good is read-only, whatever is asked for; but
 * programs make secret keys sensitive that they expect not to be, and ours are by default. */
static CK_RV may_change(const struct object *o, const struct rule *r, const CK_ATTRIBUTE *a,
                        enum how how)
{
    if (r->kind != BOOL)
        return CKR_OK;
    const bool from = attribute_bool(o, r->type), to = *(const CK_BBOOL *)a->pValue != CK_FALSE;
    if (from == to && (how == HOW_COPY || r->type == CKA_SENSITIVE))
        return CKR_OK;
    if ((r->flags & ONLY_ON && from) || (r->flags & ONLY_OFF && !from))
        return CKR_ATTRIBUTE_READ_ONLY;
    return CKR_OK;
}

static CK_RV take(struct object *o, enum how how, const CK_ATTRIBUTE *a, bool so)
{
    const struct rule *r = rule_of(o, a->type);
    if (!r)
        return CKR_ATTRIBUTE_TYPE_INVALID;
    if (!(r->when & how)) {
        const void *value;
        CK_ULONG size; /* a copy that repeats what it is anyway changes nothing */
        const bool same = value_fits(r, a) && how == HOW_COPY &&
                          attribute_read(o, a->type, &value, &size) == CKR_OK &&
                          attribute_matches(o, a);
        return same ? CKR_OK : CKR_ATTRIBUTE_READ_ONLY;
    }
    if (!value_fits(r, a))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (r->flags & BY_SO && *(const CK_BBOOL *)a->pValue && !so)
        return CKR_ATTRIBUTE_READ_ONLY;
    if (how == HOW_SET || how == HOW_COPY) {
        const CK_RV rv = may_change(o, r, a, how);
        if (rv != CKR_OK)
            return rv;
    }
    if (r->kind == TEMPLATE)
        return template_pack(o, a->type, a->pValue, a->ulValueLen / sizeof *a);
    return attribute_set(o, a->type, a->pValue, a->ulValueLen);
}

CK_RV template_take(struct object *o, enum how how, const CK_ATTRIBUTE *t, CK_ULONG n, bool so)
{
    for (CK_ULONG i = 0; i < n; i++) {
        CK_ULONG value = o->class;
        if (t[i].type == CKA_CLASS && how == HOW_COPY)
            return CKR_ATTRIBUTE_READ_ONLY;
        if (t[i].type == CKA_CLASS) {
            if (!template_ulong(&t[i], 1, CKA_CLASS, &value))
                return CKR_ATTRIBUTE_VALUE_INVALID;
            if (value != o->class)
                return how == HOW_SET ? CKR_ATTRIBUTE_READ_ONLY : CKR_TEMPLATE_INCONSISTENT;
            continue;
        }
        if (t[i].type == CKA_KEY_TYPE && how != HOW_CREATE && how != HOW_SET) {
            value = o->key_type;
            if (!template_ulong(&t[i], 1, CKA_KEY_TYPE, &value))
                return CKR_ATTRIBUTE_VALUE_INVALID;
            if (value != o->key_type)
                return CKR_TEMPLATE_INCONSISTENT;
        }
        const CK_RV rv = take(o, how, &t[i], so);
        if (rv != CKR_OK)
            return rv;
    }
    return CKR_OK;
}

CK_RV object_check(const struct object *o, enum how how)
{
    for (size_t i = 0; i < RULES; i++) {
        const struct rule *r = &rules[i];
        if (how == HOW_CREATE && r->flags & NEEDED && rule_of(o, r->type) == r &&
            !attribute_of(o, r->type))
            return CKR_TEMPLATE_INCOMPLETE;
    }
    return CKR_OK;
}

CK_RV object_born(struct object *o, bool generated, CK_MECHANISM_TYPE mechanism)
{
    CK_RV rv = CKR_OK;
    if (!(class_bit(o->class) & (KEYS | DOMAIN)))
        return CKR_OK;
    rv = attribute_set_ulong(o, CKA_KEY_TYPE, o->key_type);
    if (rv == CKR_OK)
        rv = attribute_set_bool(o, CKA_LOCAL, generated);
    if (o->class == CKO_DOMAIN_PARAMETERS)
        return rv;
    if (rv == CKR_OK && generated)
        rv = attribute_set_ulong(o, CKA_KEY_GEN_MECHANISM, mechanism);
    if (rv == CKR_OK && o->class != CKO_PUBLIC_KEY)
        rv = attribute_set_bool(o, CKA_ALWAYS_SENSITIVE,
                                generated && attribute_bool(o, CKA_SENSITIVE));
    if (rv == CKR_OK && o->class != CKO_PUBLIC_KEY)
        rv = attribute_set_bool(o, CKA_NEVER_EXTRACTABLE,
                                generated && !attribute_bool(o, CKA_EXTRACTABLE));
    return rv;
}

enum family family_of(CK_KEY_TYPE type)
{
    switch (type) {
    case CKK_RSA:
        return FAMILY_RSA;
    case CKK_EC:
        return FAMILY_EC;
    case CKK_EC_EDWARDS:
        return FAMILY_EDWARDS;
    case CKK_DSA:
        return FAMILY_DSA;
    case CKK_DH:
        return FAMILY_DH;
    case CKK_SM2:
    case CKK_LUNA_SM2:
        return FAMILY_SM2;
    case CKK_GENERIC_SECRET:
    case CKK_AES:
    case CKK_SM4:
    case CKK_SM4_OTHER:
    case CKK_DES:
    case CKK_DES2:
    case CKK_DES3:
    case CKK_MD5_HMAC:
    case CKK_SHA_1_HMAC:
    case CKK_SHA224_HMAC:
    case CKK_SHA256_HMAC:
    case CKK_SHA384_HMAC:
    case CKK_SHA512_HMAC:
    case CKK_HKDF:
        return FAMILY_SECRET;
    default:
        return FAMILY_NONE;
    }
}

CK_RV template_key_type(struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    o->key_type = CK_UNAVAILABLE_INFORMATION;
    if (!template_ulong(t, n, CKA_KEY_TYPE, &o->key_type))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (o->key_type == CK_UNAVAILABLE_INFORMATION)
        return CKR_TEMPLATE_INCOMPLETE;
    o->family = family_of(o->key_type);
    return CKR_OK;
}
