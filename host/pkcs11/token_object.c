/* Objects of the device as objects of PKCS#11: a key pair is two, a secret key one. */
#include "host/pkcs11/object.h"

#include "host/pkcs11/crypto.h"

#include <string.h>

enum { MAIN = 1, PUBLIC = 2 };

/* What a type of the device is here. */
static const struct kind {
    uint8_t type;
    enum family family;
    CK_KEY_TYPE key_type;
    CK_MECHANISM_TYPE generation;
    CK_ULONG size; /* bits of a modulus, bytes of a secret */
} kinds[] = {
    {HUFU_KEY_SM2, FAMILY_SM2, CKK_SM2, CKM_SM2_KEY_PAIR_GEN, 256},
    {HUFU_KEY_RSA2048, FAMILY_RSA, CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, 2048},
    {HUFU_KEY_RSA3072, FAMILY_RSA, CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, 3072},
    {HUFU_KEY_RSA4096, FAMILY_RSA, CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, 4096},
    {HUFU_KEY_SM4, FAMILY_SECRET, CKK_SM4, CKM_SM4_KEY_GEN, 16},
    {HUFU_KEY_P256, FAMILY_EC, CKK_EC, CKM_EC_KEY_PAIR_GEN, 256},
    {HUFU_KEY_P384, FAMILY_EC, CKK_EC, CKM_EC_KEY_PAIR_GEN, 384},
};

static const struct kind *kind_of(uint8_t type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

/* Does what the application may want of an RSA key need the bare operation? */
static bool wants_raw(const struct object *o)
{
    return object_allows(o, CKM_RSA_X_509) || object_allows(o, CKM_RSA_PKCS_PSS) ||
           object_allows(o, CKM_SHA1_RSA_PKCS_PSS) || object_allows(o, CKM_RSA_PKCS_OAEP);
}

uint32_t device_usage(const struct object *o, enum family family)
{
    uint32_t usage = 0;
    if (attribute_bool(o, CKA_SIGN) && family != FAMILY_SECRET)
        usage |= HUFU_USAGE_SIGN;
    if (attribute_bool(o, CKA_DECRYPT) || attribute_bool(o, CKA_UNWRAP))
        usage |= HUFU_USAGE_DECRYPT;
    if (family == FAMILY_SECRET && (attribute_bool(o, CKA_ENCRYPT) || attribute_bool(o, CKA_WRAP)))
        usage |= HUFU_USAGE_ENCRYPT;
    if ((family == FAMILY_SM2 || family == FAMILY_EC) && attribute_bool(o, CKA_DERIVE))
        usage |= HUFU_USAGE_AGREE | HUFU_USAGE_DERIVE_OUT;
    if (family == FAMILY_RSA && wants_raw(o))
        usage |= HUFU_USAGE_RAW;
    if (attribute_bool(o, CKA_EXTRACTABLE))
        usage |= HUFU_USAGE_EXPORT_WRAPPED;
    return usage;
}

/* ------------------------------------------------------------------ from the device */

static bool is_pair(uint8_t type)
{
    const struct kind *k = kind_of(type);
    return k && k->family != FAMILY_SECRET;
}

static CK_RV set_usage(struct object *o, uint32_t usage)
{
    const bool sign = usage & HUFU_USAGE_SIGN, decrypt = usage & HUFU_USAGE_DECRYPT;
    const bool agree = usage & HUFU_USAGE_AGREE, encrypt = usage & HUFU_USAGE_ENCRYPT;
    const bool rsa = o->family == FAMILY_RSA, secret = o->family == FAMILY_SECRET;
    const struct {
        CK_ATTRIBUTE_TYPE type;
        bool on;
    } of_public[] = {{CKA_VERIFY, sign},
                     {CKA_VERIFY_RECOVER, sign && rsa},
                     {CKA_ENCRYPT, decrypt},
                     {CKA_WRAP, decrypt},
                     {CKA_DERIVE, agree}},
      of_main[] = {{CKA_SIGN, sign},       {CKA_SIGN_RECOVER, sign && rsa},
                   {CKA_DECRYPT, decrypt}, {CKA_UNWRAP, decrypt},
                   {CKA_DERIVE, agree},    {CKA_EXTRACTABLE, usage & HUFU_USAGE_EXPORT_WRAPPED},
                   {CKA_ENCRYPT, encrypt}, {CKA_WRAP, encrypt},
                   {CKA_SENSITIVE, true}};
    const bool public = o->class == CKO_PUBLIC_KEY;
    CK_RV rv = CKR_OK;
    for (size_t i = 0; public && i < sizeof of_public / sizeof *of_public && rv == CKR_OK; i++)
        if (!attribute_of(o, of_public[i].type))
            rv = attribute_set_bool(o, of_public[i].type, of_public[i].on);
    for (size_t i = 0; !public && i < sizeof of_main / sizeof *of_main && rv == CKR_OK; i++)
        if (!attribute_of(o, of_main[i].type) &&
            (secret || (of_main[i].type != CKA_ENCRYPT && of_main[i].type != CKA_WRAP)))
            rv = attribute_set_bool(o, of_main[i].type, of_main[i].on);
    return rv;
}

static struct object *part_new(const struct hufu_object *d, unsigned part)
{
    struct object *o = object_new(part == PUBLIC     ? CKO_PUBLIC_KEY
                                  : is_pair(d->type) ? CKO_PRIVATE_KEY
                                                     : CKO_SECRET_KEY);
    if (!o)
        return NULL;
    const struct kind *k = kind_of(d->type);
    const bool generated = d->origin == HUFU_ORIGIN_GENERATED;
    o->handle = token_handle(d->handle, part);
    o->device = d->handle;
    o->family = k->family;
    o->key_type = k->key_type;
    CK_RV rv = attribute_set_bool(o, CKA_TOKEN, true);
    if (rv == CKR_OK)
        rv = set_usage(o, d->usage);
    if (rv == CKR_OK)
        rv = object_born(o, generated, k->generation);
    if (rv == CKR_OK && o->family == FAMILY_RSA && part == PUBLIC)
        rv = attribute_set_ulong(o, CKA_MODULUS_BITS, k->size);
    if (rv == CKR_OK && o->family == FAMILY_SECRET)
        rv = attribute_set_ulong(o, CKA_VALUE_LEN, k->size);
    if (rv == CKR_OK)
        return o;
    object_free(o);
    return NULL;
}

static bool same(const struct object *o, CK_ATTRIBUTE_TYPE type, const void *value, size_t size)
{
    const struct attribute *a = attribute_of(o, type);
    return a ? a->size == size && (!size || memcmp(a->value, value, size) == 0) : size == 0;
}

/* With the slot's lock held. */
static CK_RV take_part(struct slot *slot, const struct hufu_object *d, unsigned part,
                       unsigned epoch)
{
    struct object *o = index_find(slot, token_handle(d->handle, part));
    if (!o) {
        o = part_new(d, part);
        if (!o)
            return CKR_HOST_MEMORY;
        index_add(slot, o);
    }
    o->epoch = epoch;
    CK_RV rv = CKR_OK;
    const size_t label = strlen(d->label);
    if (!same(o, CKA_LABEL, d->label, label) || !same(o, CKA_ID, d->id, d->id_size)) {
        index_unlist(slot, o);
        rv = attribute_set(o, CKA_LABEL, d->label, label);
        if (rv == CKR_OK)
            rv = attribute_set(o, CKA_ID, d->id, d->id_size);
        index_list(slot, o);
    }
    if (rv == CKR_OK && d->public_size && !o->complete && is_pair(d->type))
        rv = public_attributes(o, d->type, d->public_key, d->public_size);
    return rv;
}

static CK_RV take_object(struct slot *slot, const struct hufu_object *d, unsigned epoch)
{
    if (!kind_of(d->type))
        return CKR_OK; /* of a later time: not ours to show */
    lock_take(&slot->lock);
    const struct object *known = index_find(slot, token_handle(d->handle, MAIN));
    CK_RV rv = CKR_OK;
    if (!known || !known->temporary) {
        rv = take_part(slot, d, MAIN, epoch);
        if (rv == CKR_OK && is_pair(d->type))
            rv = take_part(slot, d, PUBLIC, epoch);
    }
    lock_give(&slot->lock);
    return rv;
}

/* ------------------------------------------------------------------ looking */

struct listing {
    struct slot *slot;
    unsigned epoch;
    CK_RV rv;
};

static int each(void *context, const struct hufu_object *d)
{
    struct listing *l = context;
    l->rv = take_object(l->slot, d, l->epoch);
    return l->rv != CKR_OK;
}

/* What was not in the list is there no more. */
static void sweep(struct slot *slot, unsigned epoch)
{
    struct object *next;
    lock_take(&slot->lock);
    for (struct object *o = slot->first; o; o = next) {
        next = o->next;
        if (o->device && !o->temporary && o->epoch != epoch)
            index_remove(slot, o);
    }
    lock_give(&slot->lock);
}

static CK_RV refresh_all(struct slot *slot)
{
    struct use u = {0};
    static unsigned epochs;
    struct listing l = {slot, __atomic_add_fetch(&epochs, 1, __ATOMIC_RELAXED), CKR_OK};
    CK_RV rv;
    do {
        rv = use_begin(&u, slot);
        if (rv == CKR_OK)
            rv = use_end(&u, hufu_object_list(u.session, 0, each, &l));
    } while (use_again(&u, rv));
    if (l.rv != CKR_OK)
        return l.rv;
    if (rv == CKR_OK)
        sweep(slot, l.epoch);
    return rv;
}

static CK_RV refresh_some(struct slot *slot, const char *label, const CK_ATTRIBUTE *id)
{
    struct use u = {0};
    struct hufu_object d;
    CK_RV rv;
    do {
        enum hufu_status status = HUFU_OK;
        uint32_t handle = 0;
        rv = use_begin(&u, slot);
        if (rv != CKR_OK)
            return rv;
        while (!status && rv == CKR_OK) {
            status = hufu_object_find(u.session, handle, label, id ? id->pValue : NULL,
                                      id ? id->ulValueLen : 0, &handle);
            if (!status)
                status = hufu_object_info(u.session, handle, &d);
            if (!status)
                rv = take_object(slot, &d, 0);
        }
        if (status == HUFU_E_NO_OBJECT || status == HUFU_E_NOT_FOUND)
            status = HUFU_OK;
        const CK_RV end = use_end(&u, status);
        rv = rv == CKR_OK ? end : rv;
    } while (use_again(&u, rv));
    return rv;
}

CK_RV token_refresh(struct slot *slot, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    char text[HUFU_LABEL_MAX + 1] = "";
    lock_take(&slot->lock);
    const bool user = slot->login == LOGIN_USER;
    lock_give(&slot->lock);
    if (!user)
        return CKR_OK; /* the device shows nothing: what is known of public objects stays */
    const CK_ATTRIBUTE *label = template_find(t, n, CKA_LABEL), *id = template_find(t, n, CKA_ID);
    if (label && (!label->ulValueLen || label->ulValueLen > HUFU_LABEL_MAX ||
                  memchr(label->pValue, 0, label->ulValueLen)))
        label = NULL;
    if (id && (!id->ulValueLen || id->ulValueLen > HUFU_ID_MAX))
        id = NULL;
    if (!label && !id)
        return refresh_all(slot);
    if (label)
        memcpy(text, label->pValue, label->ulValueLen);
    return refresh_some(slot, label ? text : NULL, id);
}

CK_RV token_complete(struct slot *slot, struct object *o)
{
    struct use u = {0};
    struct hufu_object d;
    CK_RV rv;
    if (!o->device || o->complete || o->family == FAMILY_SECRET)
        return CKR_OK;
    do {
        rv = use_begin(&u, slot);
        if (rv == CKR_OK)
            rv = use_end(&u, hufu_object_info(u.session, o->device, &d));
    } while (use_again(&u, rv));
    if (rv != CKR_OK)
        return rv == CKR_KEY_HANDLE_INVALID ? CKR_OBJECT_HANDLE_INVALID : rv;
    lock_take(&slot->lock);
    if (!o->complete)
        rv = public_attributes(o, d.type, d.public_key, d.public_size);
    lock_give(&slot->lock);
    return rv;
}

/* ------------------------------------------------------------------ to the device */

/* The device stores keys that it made; what comes with its value stays in this process. */
CK_RV token_create(struct slot *slot, struct object *o)
{
    (void)slot, (void)o;
    return CKR_OK;
}

CK_RV token_update(struct slot *slot, struct object *o)
{
    struct use u = {0};
    char text[HUFU_LABEL_MAX + 1] = "";
    const struct attribute *label = attribute_of(o, CKA_LABEL), *id = attribute_of(o, CKA_ID);
    if (!o->device)
        return CKR_OK;
    if ((label && (label->size > HUFU_LABEL_MAX || memchr(label->value, 0, label->size))) ||
        (id && id->size > HUFU_ID_MAX))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    if (label)
        memcpy(text, label->value, label->size);
    const CK_RV rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return rv;
    return use_end(&u, hufu_object_label(u.session, o->device, text, id ? id->value : NULL,
                                         id ? id->size : 0));
}

CK_RV token_destroy(struct slot *slot, struct object *o)
{
    struct use u = {0};
    CK_RV rv = use_begin(&u, slot);
    if (rv == CKR_OK)
        rv = use_end(&u, hufu_object_destroy(u.session, o->device));
    return rv == CKR_KEY_HANDLE_INVALID ? CKR_OBJECT_HANDLE_INVALID : rv;
}
