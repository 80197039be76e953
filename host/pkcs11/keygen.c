/* C_GenerateKey, C_GenerateKeyPair. Keys are made in the device if it can make them. */
#include "host/pkcs11/operation.h"

#include <string.h>

static CK_RV device_generate(struct slot *slot, uint8_t type, uint16_t size, uint32_t usage,
                             const struct name *name, uint32_t *handle, uint8_t *public_key,
                             size_t *public_size)
{
    struct use u = {0};
    const struct hufu_key_spec spec = {.type = type,
                                       .size = size,
                                       .usage = usage,
                                       .label = name->label,
                                       .id = name->id,
                                       .id_size = name->id_size};
    const CK_RV rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return rv;
    return use_end(&u, hufu_key_generate(u.session, &spec, handle, public_key, public_size));
}

/* ------------------------------------------------------------------ secret keys */

static CK_RV secret_size(const struct mechanism *m, const CK_ATTRIBUTE *t, CK_ULONG n,
                         CK_ULONG *size)
{
    *size = m->min == m->max ? m->min : 0;
    if (!template_ulong(t, n, CKA_VALUE_LEN, size))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (!*size)
        return CKR_TEMPLATE_INCOMPLETE;
    if (*size < m->min || *size > m->max ||
        (m->key_type == CKK_AES && *size != 16 && *size != 24 && *size != 32))
        return CKR_KEY_SIZE_RANGE;
    return CKR_OK;
}

static CK_RV secret_value(struct session *s, struct object *o, CK_ULONG size)
{
    struct use u = {0};
    uint8_t value[4096];
    CK_RV rv = use_begin(&u, s->slot);
    if (rv == CKR_OK)
        rv = use_end(&u, hufu_random(u.device, value, size));
    if (cipher_block_size(o->key_type) == 8)
        des_parity(value, size);
    if (rv == CKR_OK)
        rv = attribute_set(o, CKA_VALUE, value, size);
    hufu_wipe(value, sizeof value);
    return rv;
}

/* Does the application want to see the value? Then the key is not made where nobody can. */
static bool to_be_seen(const struct object *o)
{
    return attribute_bool(o, CKA_EXTRACTABLE) && !attribute_bool(o, CKA_SENSITIVE);
}

/* enum hufu_key_type of a secret key; 0: the device makes none such */
static uint8_t secret_type(const struct object *o, CK_ULONG size)
{
    if (to_be_seen(o))
        return 0;
    switch (o->key_type) {
    case CKK_DES:
    case CKK_DES2:
    case CKK_DES3:
    case CKK_MD5_HMAC:
        return 0;
    case CKK_SM4:
    case CKK_SM4_OTHER:
        return HUFU_KEY_SM4;
    case CKK_AES:
        return size == 16 ? HUFU_KEY_AES128 : size == 24 ? HUFU_KEY_AES192 : HUFU_KEY_AES256;
    default:
        return size <= HUFU_SECRET_MAX ? HUFU_KEY_HMAC : 0;
    }
}

static CK_RV secret_store(struct session *s, struct object *o, uint8_t type, CK_ULONG size)
{
    struct name name;
    name_of(&name, o);
    o->usage = device_usage(o, FAMILY_SECRET);
    if (!o->usage)
        o->usage = HUFU_USAGE_SIGN;
    CK_RV rv = device_generate(s->slot, type, type == HUFU_KEY_HMAC ? (uint16_t)size : 0, o->usage,
                               &name, &o->device, NULL, NULL);
    if (rv == CKR_OK) {
        o->handle = token_handle(o->device, MAIN);
        rv = token_describe(s->slot, o, NULL);
    }
    return rv;
}

static CK_RV make_secret(struct session *s, const struct mechanism *m, struct object *o,
                         const CK_ATTRIBUTE *t, CK_ULONG n)
{
    CK_ULONG size;
    o->family = FAMILY_SECRET;
    o->key_type = m->key_type;
    if (!template_ulong(t, n, CKA_KEY_TYPE, &o->key_type))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (o->key_type != m->key_type &&
        (m->key_type == CKK_AES || family_of(o->key_type) != FAMILY_SECRET))
        return CKR_TEMPLATE_INCONSISTENT;
    const CK_ATTRIBUTE *check = template_find(t, n, CKA_CHECK_VALUE);
    CK_RV rv = check && check->ulValueLen ? CKR_ATTRIBUTE_VALUE_INVALID : CKR_OK;
    if (rv == CKR_OK)
        rv = secret_size(m, t, n, &size);
    if (rv == CKR_OK)
        rv = template_take(o, HOW_GENERATE, t, n, so_is_in(s));
    if (rv == CKR_OK)
        rv = object_writable(s, object_is_token(o), object_is_private(o));
    if (rv == CKR_OK)
        rv = attribute_set_ulong(o, CKA_VALUE_LEN, size);
    if (rv == CKR_OK)
        rv = object_born(o, true, m->type);
    if (rv != CKR_OK)
        return rv;
    const uint8_t type = secret_type(o, size);
    if (object_is_token(o) && type)
        return secret_store(s, o, type, size);
    rv = secret_value(s, o, size);
    return rv == CKR_OK ? object_store(s, o) : rv;
}

/* ------------------------------------------------------------------ domain parameters */

static CK_RV make_parameters(struct session *s, const struct mechanism *m, struct object *o,
                             const CK_ATTRIBUTE *t, CK_ULONG n)
{
    CK_ULONG bits = 0, sub_bits = 0;
    o->family = m->family;
    o->key_type = m->key_type;
    if (!template_ulong(t, n, CKA_PRIME_BITS, &bits) ||
        !template_ulong(t, n, CKA_SUB_PRIME_BITS, &sub_bits))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (!bits)
        return CKR_TEMPLATE_INCOMPLETE;
    if (bits < m->min || bits > m->max || sub_bits > bits)
        return CKR_KEY_SIZE_RANGE;
    CK_RV rv = template_take(o, HOW_GENERATE, t, n, so_is_in(s));
    if (rv == CKR_OK)
        rv = object_born(o, true, m->type);
    if (rv == CKR_OK)
        rv = soft_parameters(o, bits, sub_bits);
    return rv == CKR_OK ? object_store(s, o) : rv;
}

static CK_RV generate_key(struct session *s, const CK_MECHANISM *mechanism, const CK_ATTRIBUTE *t,
                          CK_ULONG n, CK_OBJECT_HANDLE *handle)
{
    const struct mechanism *m = mechanism_find(s->slot, mechanism->mechanism);
    if (!m || !(m->flags & CKF_GENERATE))
        return CKR_MECHANISM_INVALID;
    const bool parameters = m->scheme == PARAMETERS_GENERATE;
    struct object *o = object_new(parameters ? CKO_DOMAIN_PARAMETERS : CKO_SECRET_KEY);
    if (!o)
        return CKR_HOST_MEMORY;
    return object_give(
        s, o, parameters ? make_parameters(s, m, o, t, n) : make_secret(s, m, o, t, n), handle);
}

CK_RV C_GenerateKey(CK_SESSION_HANDLE handle, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG n,
                    CK_OBJECT_HANDLE *key)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!m || (!t && n) || !key)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    return leave_session(s, generate_key(s, m, t, n, key));
}

/* ------------------------------------------------------------------ key pairs */

struct pair {
    struct object *public, *private;
    const struct mechanism *m;
    uint8_t type; /* enum hufu_key_type */
    bool temporary;
    bool soft; /* not made by the device */
};

/* e may be left out, or be 65537 in any number of bytes. */
static bool usual_exponent(const CK_ATTRIBUTE *e)
{
    static const uint8_t f4[3] = {1, 0, 1};
    if (!e)
        return true;
    const uint8_t *p = e->pValue;
    CK_ULONG n = e->ulValueLen;
    while (n && p && !*p) {
        p++;
        n--;
    }
    return n == sizeof f4 && memcmp(p, f4, sizeof f4) == 0;
}

static CK_RV rsa_type(struct pair *p, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    CK_ULONG bits = 0;
    if (!template_ulong(t, n, CKA_MODULUS_BITS, &bits) ||
        !usual_exponent(template_find(t, n, CKA_PUBLIC_EXPONENT)))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (!bits)
        return CKR_TEMPLATE_INCOMPLETE;
    p->type = bits == 2048   ? HUFU_KEY_RSA2048
              : bits == 3072 ? HUFU_KEY_RSA3072
              : bits == 4096 ? HUFU_KEY_RSA4096
                             : 0;
    return p->type ? CKR_OK : CKR_KEY_SIZE_RANGE;
}

static bool params_say(const CK_ATTRIBUTE *a, const uint8_t *oid, size_t size)
{
    return a && a->pValue && a->ulValueLen == size && memcmp(a->pValue, oid, size) == 0;
}

static CK_RV curve_type(struct pair *p, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    const CK_ATTRIBUTE *params = template_find(t, n, CKA_EC_PARAMS);
    if (p->m->scheme == SM2_GENERATE || params_say(params, oid_sm2, sizeof oid_sm2)) {
        if (params && !params_say(params, oid_sm2, sizeof oid_sm2))
            return CKR_CURVE_NOT_SUPPORTED;
        p->type = HUFU_KEY_SM2;
        p->public->family = p->private->family = FAMILY_SM2;
        return CKR_OK;
    }
    if (params_say(params, oid_p256, sizeof oid_p256))
        p->type = HUFU_KEY_P256;
    else if (params_say(params, oid_p384, sizeof oid_p384))
        p->type = HUFU_KEY_P384;
    else
        return params ? CKR_CURVE_NOT_SUPPORTED : CKR_TEMPLATE_INCOMPLETE;
    return CKR_OK;
}

/* DSA and DH are none of the device's: their parameters are in the template. */
static CK_RV ffc_type(const struct pair *p, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    const bool whole = template_find(t, n, CKA_PRIME) && template_find(t, n, CKA_BASE) &&
                       (p->m->scheme == DH_GENERATE || template_find(t, n, CKA_SUBPRIME));
    return whole ? CKR_KEY_SIZE_RANGE : CKR_TEMPLATE_INCOMPLETE;
}

static CK_RV pair_type(struct pair *p, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    CK_KEY_TYPE type = p->m->scheme != SM2_GENERATE ? p->m->key_type
                       : p->m->luna                 ? CKK_LUNA_SM2
                                                    : CKK_SM2;
    if (p->m->scheme == SM2_GENERATE && !template_ulong(t, n, CKA_KEY_TYPE, &type))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    p->public->key_type = p->private->key_type = type;
    p->public->family = p->private->family = family_of(type);
    if (p->m->scheme == RSA_GENERATE)
        return rsa_type(p, t, n);
    if (p->m->scheme == DSA_GENERATE || p->m->scheme == DH_GENERATE)
        return ffc_type(p, t, n);
    if (p->m->scheme == EDWARDS_GENERATE)
        return template_find(t, n, CKA_EC_PARAMS) ? CKR_CURVE_NOT_SUPPORTED
                                                  : CKR_TEMPLATE_INCOMPLETE;
    if (type != CKK_EC && type != CKK_SM2 && type != CKK_LUNA_SM2)
        return CKR_TEMPLATE_INCONSISTENT;
    return curve_type(p, t, n);
}

/*
 * Made in this process: what the device does not make; what is to be seen; a session's pair for
 * which nobody has logged in.
 */
static bool made_here(struct session *s, const struct pair *p, CK_RV type)
{
    return type != CKR_OK || to_be_seen(p->private) ||
           (!object_is_token(p->private) && s->slot->login == LOGIN_NONE);
}

static CK_RV pair_take(struct session *s, struct pair *p, const CK_ATTRIBUTE *t, CK_ULONG n,
                       const CK_ATTRIBUTE *u, CK_ULONG m)
{
    const CK_RV type = pair_type(p, t, n);
    const bool other = type == CKR_KEY_SIZE_RANGE || type == CKR_CURVE_NOT_SUPPORTED ||
                       type == CKR_ATTRIBUTE_VALUE_INVALID;
    CK_RV rv = other && soft_makes(p->m, t, n) ? CKR_OK : type;
    if (rv == CKR_OK)
        rv = template_take(p->public, HOW_GENERATE, t, n, so_is_in(s));
    if (rv == CKR_OK)
        rv = template_take(p->private, HOW_GENERATE, u, m, so_is_in(s));
    if (rv == CKR_OK)
        rv = object_writable(s, object_is_token(p->public), object_is_private(p->public));
    if (rv == CKR_OK)
        rv = object_writable(s, object_is_token(p->private), object_is_private(p->private));
    if (rv == CKR_OK)
        rv = object_born(p->public, true, p->m->type);
    if (rv == CKR_OK)
        rv = object_born(p->private, true, p->m->type);
    p->temporary = !object_is_token(p->private);
    p->soft = rv == CKR_OK && made_here(s, p, type) && soft_makes(p->m, t, n);
    return rv;
}

static void pair_undo(struct session *s, uint32_t device)
{
    struct use u = {0};
    if (use_begin(&u, s->slot) == CKR_OK)
        use_end(&u, hufu_object_destroy(u.session, device));
}

/* The parts that the device keeps take its handle. */
static CK_RV pair_describe(struct session *s, struct pair *p, uint32_t device)
{
    const bool together = !p->temporary && object_is_token(p->public);
    p->private->device = device;
    p->private->temporary = p->temporary;
    p->private->handle = token_handle(device, MAIN);
    if (together) {
        p->public->device = device;
        p->public->handle = token_handle(device, PUBLIC);
    }
    const CK_RV rv = token_describe(s->slot, p->private, together ? p->public : NULL);
    if (rv != CKR_OK || together || !object_is_token(p->public))
        return rv;
    return token_create(s->slot, p->public);
}

static CK_RV pair_generate(struct session *s, struct pair *p)
{
    uint8_t public_key[HUFU_PUBLIC_MAX];
    size_t size = sizeof public_key;
    struct name name;
    uint32_t device;
    uint32_t usage = device_usage(p->private, p->private->family);
    name_of(&name, p->private);
    if (!usage)
        usage = HUFU_USAGE_SIGN;
    if (!p->temporary && object_is_token(p->public) && !object_is_private(p->public))
        usage |= HUFU_USAGE_PUBLIC;
    CK_RV rv = device_generate(s->slot, p->type, 0, usage, &name, &device, public_key, &size);
    if (rv != CKR_OK)
        return rv;
    rv = public_attributes(p->public, p->type, public_key, size);
    if (rv == CKR_OK)
        rv = public_attributes(p->private, p->type, public_key, size);
    p->private->usage = p->public->usage = usage;
    if (rv == CKR_OK)
        rv = pair_describe(s, p, device);
    if (rv != CKR_OK)
        pair_undo(s, device);
    return rv;
}

static CK_RV pair_make_here(struct session *s, struct pair *p)
{
    CK_RV rv = soft_generate(p->public, p->private);
    if (rv == CKR_OK)
        rv = object_store(s, p->private);
    if (rv != CKR_OK)
        return rv;
    rv = object_store(s, p->public);
    if (rv != CKR_OK && p->private->device)
        pair_undo(s, p->private->device);
    return rv;
}

static CK_RV generate_pair(struct session *s, const CK_MECHANISM *mechanism, const CK_ATTRIBUTE *t,
                           CK_ULONG n, const CK_ATTRIBUTE *u, CK_ULONG m, CK_OBJECT_HANDLE *public,
                           CK_OBJECT_HANDLE *private)
{
    struct pair p = {.m = mechanism_find(s->slot, mechanism->mechanism)};
    if (!p.m || !(p.m->flags & CKF_GENERATE_KEY_PAIR))
        return CKR_MECHANISM_INVALID;
    p.public = object_new(CKO_PUBLIC_KEY);
    p.private = object_new(CKO_PRIVATE_KEY);
    CK_RV rv = p.public && p.private ? pair_take(s, &p, t, n, u, m) : CKR_HOST_MEMORY;
    if (rv == CKR_OK && p.soft)
        rv = pair_make_here(s, &p);
    else if (rv == CKR_OK)
        rv = pair_generate(s, &p);
    if (rv != CKR_OK) {
        object_free(p.public);
        object_free(p.private);
        return rv;
    }
    *public = object_add(s, p.public);
    *private = object_add(s, p.private);
    return CKR_OK;
}

CK_RV C_GenerateKeyPair(CK_SESSION_HANDLE handle, CK_MECHANISM *mechanism, CK_ATTRIBUTE *t,
                        CK_ULONG n, CK_ATTRIBUTE *u, CK_ULONG m, CK_OBJECT_HANDLE *public,
                        CK_OBJECT_HANDLE *private)
{
    struct session *s;
    const CK_RV rv = enter_session(handle, &s);
    if (rv != CKR_OK)
        return rv;
    if (!mechanism || (!t && n) || (!u && m) || !public || !private)
        return leave_session(s, CKR_ARGUMENTS_BAD);
    return leave_session(s, generate_pair(s, mechanism, t, n, u, m, public, private));
}
