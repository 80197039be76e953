/* Objects of the device as objects of PKCS#11: a key pair is two, anything else one. */
#include "host/pkcs11/object.h"

#include "host/pkcs11/crypto.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MANY = 500 }; /* so many objects are not all listed to find one */

/* What a type of the device is here. */
static const struct kind {
    uint8_t type;
    enum family family;
    CK_OBJECT_CLASS class;
    CK_KEY_TYPE key_type;
    CK_MECHANISM_TYPE generation;
    CK_ULONG size; /* bits of a modulus or a curve, bytes of a secret */
} kinds[] = {
    {HUFU_KEY_SM2, FAMILY_SM2, CKO_PRIVATE_KEY, CKK_SM2, CKM_SM2_KEY_PAIR_GEN, 256},
    {HUFU_KEY_RSA2048, FAMILY_RSA, CKO_PRIVATE_KEY, CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, 2048},
    {HUFU_KEY_RSA3072, FAMILY_RSA, CKO_PRIVATE_KEY, CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, 3072},
    {HUFU_KEY_RSA4096, FAMILY_RSA, CKO_PRIVATE_KEY, CKK_RSA, CKM_RSA_PKCS_KEY_PAIR_GEN, 4096},
    {HUFU_KEY_P256, FAMILY_EC, CKO_PRIVATE_KEY, CKK_EC, CKM_EC_KEY_PAIR_GEN, 256},
    {HUFU_KEY_P384, FAMILY_EC, CKO_PRIVATE_KEY, CKK_EC, CKM_EC_KEY_PAIR_GEN, 384},
    {HUFU_KEY_SM4, FAMILY_SECRET, CKO_SECRET_KEY, CKK_SM4, CKM_SM4_KEY_GEN, 16},
    {HUFU_KEY_AES128, FAMILY_SECRET, CKO_SECRET_KEY, CKK_AES, CKM_AES_KEY_GEN, 16},
    {HUFU_KEY_AES192, FAMILY_SECRET, CKO_SECRET_KEY, CKK_AES, CKM_AES_KEY_GEN, 24},
    {HUFU_KEY_AES256, FAMILY_SECRET, CKO_SECRET_KEY, CKK_AES, CKM_AES_KEY_GEN, 32},
    {HUFU_KEY_HMAC, FAMILY_SECRET, CKO_SECRET_KEY, CKK_GENERIC_SECRET, CKM_GENERIC_SECRET_KEY_GEN,
     0},
    {HUFU_KEY_DATA, FAMILY_NONE, CKO_DATA, 0, 0, 0},
    {HUFU_KEY_CERTIFICATE, FAMILY_NONE, CKO_CERTIFICATE, 0, 0, 0},
};

static const struct kind *kind_of(uint8_t type)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].type == type)
            return &kinds[i];
    return NULL;
}

/* ------------------------------------------------------------------ usage */

/* Does what the application may want of an RSA key need the bare operation? */
static bool wants_raw(const struct object *o)
{
    return object_allows(o, CKM_RSA_X_509) || object_allows(o, CKM_RSA_PKCS_PSS) ||
           object_allows(o, CKM_SHA1_RSA_PKCS_PSS) || object_allows(o, CKM_RSA_PKCS_OAEP);
}

static uint32_t secret_usage(const struct object *o)
{
    const bool ciphers = cipher_name(o->key_type, attribute_ulong(o, CKA_VALUE_LEN), "ECB") != NULL;
    uint32_t usage = 0;
    if (attribute_bool(o, CKA_SIGN) || attribute_bool(o, CKA_VERIFY))
        usage |= HUFU_USAGE_SIGN;
    if (ciphers && (attribute_bool(o, CKA_DECRYPT) || attribute_bool(o, CKA_UNWRAP)))
        usage |= HUFU_USAGE_DECRYPT;
    if (ciphers && (attribute_bool(o, CKA_ENCRYPT) || attribute_bool(o, CKA_WRAP)))
        usage |= HUFU_USAGE_ENCRYPT;
    return usage;
}

uint32_t device_usage(const struct object *o, enum family family)
{
    uint32_t usage = family == FAMILY_SECRET ? secret_usage(o) : 0;
    if (attribute_bool(o, CKA_SIGN) && family != FAMILY_SECRET)
        usage |= HUFU_USAGE_SIGN;
    if ((attribute_bool(o, CKA_DECRYPT) || attribute_bool(o, CKA_UNWRAP)) &&
        (family == FAMILY_RSA || family == FAMILY_SM2))
        usage |= HUFU_USAGE_DECRYPT;
    if ((family == FAMILY_SM2 || family == FAMILY_EC) && attribute_bool(o, CKA_DERIVE))
        usage |= HUFU_USAGE_AGREE | HUFU_USAGE_DERIVE_OUT;
    if (family == FAMILY_RSA && wants_raw(o))
        usage |= HUFU_USAGE_RAW;
    if (attribute_bool(o, CKA_EXTRACTABLE))
        usage |= HUFU_USAGE_EXPORT_WRAPPED | HUFU_USAGE_EXTRACT;
    return usage;
}

/* The other way, for keys that were made by another program. */
static CK_RV usage_attributes(struct object *o, uint32_t usage)
{
    const bool public = o->class == CKO_PUBLIC_KEY, secret = o->family == FAMILY_SECRET;
    const bool sign = usage & HUFU_USAGE_SIGN, decrypt = usage & HUFU_USAGE_DECRYPT;
    const bool encrypt = secret ? (usage & HUFU_USAGE_ENCRYPT) != 0 : decrypt;
    const bool recover = sign && o->family == FAMILY_RSA;
    const struct {
        CK_ATTRIBUTE_TYPE type;
        bool of_public, of_main, on;
    } all[] = {{CKA_VERIFY, true, false, sign},
               {CKA_VERIFY_RECOVER, true, false, recover},
               {CKA_ENCRYPT, true, secret, encrypt},
               {CKA_WRAP, true, secret, encrypt},
               {CKA_SIGN, false, true, sign},
               {CKA_SIGN_RECOVER, false, !secret, recover},
               {CKA_DECRYPT, false, true, decrypt},
               {CKA_UNWRAP, false, true, decrypt},
               {CKA_VERIFY, false, secret, sign},
               {CKA_DERIVE, true, true, (usage & HUFU_USAGE_AGREE) != 0},
               {CKA_SENSITIVE, false, true, true},
               {CKA_EXTRACTABLE, false, true, (usage & HUFU_USAGE_EXPORT_WRAPPED) != 0}};
    CK_RV rv = CKR_OK;
    for (size_t i = 0; i < sizeof all / sizeof *all && rv == CKR_OK; i++)
        if (public ? all[i].of_public : all[i].of_main)
            rv = attribute_set_bool(o, all[i].type, all[i].on);
    return rv;
}

/* ------------------------------------------------------------------ from the device */

/* What a scan says of an object; public part and attributes may be left out. */
struct seen {
    const struct hufu_object *o;
    const uint8_t *blob;
    size_t blob_size, value_size;
    const struct kind *kind;
    unsigned epoch;
};

static CK_RV kept_attributes(struct object *o, const struct seen *d)
{
    CK_RV rv = CKR_OK;
    if (o->family != FAMILY_NONE)
        rv = attribute_set_ulong(o, CKA_KEY_TYPE, o->key_type);
    if (rv == CKR_OK && o->class == CKO_CERTIFICATE)
        rv = attribute_set_ulong(o, CKA_CERTIFICATE_TYPE, CKC_X_509);
    if (rv == CKR_OK)
        rv = attribute_set_bool(o, CKA_PRIVATE, !(d->o->usage & HUFU_USAGE_PUBLIC));
    o->complete = !d->value_size;
    return rv;
}

/* The day of a moment; a period that ends at midnight had its last day before. */
static CK_RV date_attribute(struct object *o, CK_ATTRIBUTE_TYPE type, uint64_t ms)
{
    const time_t seconds = (time_t)(ms / 1000);
    char text[sizeof(CK_DATE) + 1];
    struct tm t;
    if (!ms || !gmtime_r(&seconds, &t) || strftime(text, sizeof text, "%Y%m%d", &t) != 8)
        return CKR_OK;
    return attribute_set(o, type, text, sizeof(CK_DATE));
}

/* What the device enforces comes before what a program wrote there. */
static CK_RV period_attributes(struct object *o, const struct hufu_policy *p)
{
    const CK_RV rv = date_attribute(o, CKA_START_DATE, p->not_before);
    if (rv != CKR_OK || !p->not_after)
        return rv;
    return date_attribute(o, CKA_END_DATE, p->not_after - 1);
}

static CK_RV key_attributes(struct object *o, const struct seen *d, enum part part)
{
    const struct kind *k = d->kind;
    CK_RV rv = usage_attributes(o, d->o->usage);
    if (rv == CKR_OK)
        rv = object_born(o, d->o->origin == HUFU_ORIGIN_GENERATED, k->generation);
    if (rv == CKR_OK && o->family == FAMILY_RSA && part == PUBLIC)
        rv = attribute_set_ulong(o, CKA_MODULUS_BITS, k->size);
    if (rv == CKR_OK && o->family == FAMILY_SECRET)
        rv = attribute_set_ulong(o, CKA_VALUE_LEN, k->size ? k->size : d->value_size);
    if (rv == CKR_OK && part == PUBLIC)
        rv = attribute_set_bool(o, CKA_PRIVATE, !(d->o->usage & HUFU_USAGE_PUBLIC));
    o->complete = o->family == FAMILY_SECRET;
    return rv;
}

static CK_RV fill(struct object *o, const struct seen *d, enum part part)
{
    CK_RV rv = attribute_set_bool(o, CKA_TOKEN, true);
    if (rv == CKR_OK)
        rv = d->kind->family == FAMILY_NONE ? kept_attributes(o, d) : key_attributes(o, d, part);
    if (rv == CKR_OK)
        rv = attribute_set(o, CKA_LABEL, d->o->label, strlen(d->o->label));
    if (rv == CKR_OK)
        rv = attribute_set(o, CKA_ID, d->o->id, d->o->id_size);
    if (rv == CKR_OK)
        rv = blob_read(d->blob, d->blob_size, part, o);
    if (rv == CKR_OK)
        rv = period_attributes(o, &d->o->policy);
    if (rv == CKR_OK && d->o->public_size && !o->complete && d->kind->family != FAMILY_NONE)
        rv = public_attributes(o, d->o->type, d->o->public_key, d->o->public_size);
    if (o->family != FAMILY_NONE)
        o->key_type = attribute_ulong(o, CKA_KEY_TYPE);
    return rv;
}

static bool unchanged(const struct object *o, const struct seen *d)
{
    const struct attribute *label = attribute_of(o, CKA_LABEL), *id = attribute_of(o, CKA_ID);
    return o->usage == d->o->usage && o->not_before == d->o->policy.not_before &&
           o->not_after == d->o->policy.not_after && o->blob_size == d->blob_size &&
           (!d->blob_size || memcmp(o->blob, d->blob, d->blob_size) == 0) && label && id &&
           label->size == strlen(d->o->label) && id->size == d->o->id_size &&
           memcmp(label->value, d->o->label, label->size) == 0 &&
           memcmp(id->value, d->o->id, id->size) == 0;
}

static CK_RV remember(struct object *o, const struct seen *d)
{
    uint8_t *copy = malloc(d->blob_size ? d->blob_size : 1);
    if (!copy)
        return CKR_HOST_MEMORY;
    if (d->blob_size)
        memcpy(copy, d->blob, d->blob_size);
    free(o->blob);
    o->blob = copy;
    o->blob_size = d->blob_size;
    o->usage = d->o->usage;
    o->not_before = d->o->policy.not_before;
    o->not_after = d->o->policy.not_after;
    return CKR_OK;
}

static struct object *part_new(const struct seen *d, enum part part)
{
    struct object *o = object_new(part == PUBLIC ? CKO_PUBLIC_KEY : d->kind->class);
    if (!o)
        return NULL;
    o->handle = token_handle(d->o->handle, part);
    o->device = d->o->handle;
    o->family = d->kind->family;
    o->key_type = d->kind->key_type;
    o->kept = o->family == FAMILY_NONE;
    if (o->kept)
        blob_kind(d->blob, d->blob_size, o);
    return o;
}

/* Epochs are counted on for ever. */
static bool is_before(unsigned a, unsigned b)
{
    return (int)(a - b) < 0;
}

static CK_RV describe(struct slot *slot, struct object *o, const struct seen *d, enum part part)
{
    CK_RV rv = fill(o, d, part);
    if (rv == CKR_OK && slot->sm2_as_ec && o->family == FAMILY_SM2) {
        o->key_type = CKK_EC;
        rv = attribute_set_ulong(o, CKA_KEY_TYPE, CKK_EC);
    }
    return rv == CKR_OK ? remember(o, d) : rv;
}

/* With the slot's lock held. Whoever works with a key that has changed keeps what it was. */
static CK_RV take_part(struct slot *slot, const struct seen *d, enum part part)
{
    struct object *known = index_part(slot, d->o->handle, part);
    if (known && is_before(known->epoch, d->epoch))
        known->epoch = d->epoch;
    if (known && unchanged(known, d))
        return CKR_OK;
    struct object *o = part_new(d, part);
    const CK_RV rv = o ? describe(slot, o, d, part) : CKR_HOST_MEMORY;
    if (rv != CKR_OK) {
        object_free(o);
        return rv;
    }
    o->epoch = known ? known->epoch : d->epoch;
    if (known)
        index_replace(slot, known, o);
    else
        index_add(slot, o);
    return CKR_OK;
}

static CK_RV take_object(struct slot *slot, struct seen *d)
{
    d->kind = kind_of(d->o->type);
    const uint8_t flags = blob_flags(d->blob, d->blob_size);
    if (!d->kind || flags & BLOB_TEMPORARY)
        return CKR_OK; /* of a later time, or somebody's session object */
    const bool pair = d->kind->class == CKO_PRIVATE_KEY;
    lock_take(&slot->lock);
    CK_RV rv = take_part(slot, d, MAIN);
    if (rv == CKR_OK && pair && !(flags & BLOB_NO_PUBLIC))
        rv = take_part(slot, d, PUBLIC);
    struct object *hidden =
        pair && flags & BLOB_NO_PUBLIC ? index_part(slot, d->o->handle, PUBLIC) : NULL;
    if (hidden)
        index_remove(slot, hidden);
    lock_give(&slot->lock);
    return rv;
}

/* ------------------------------------------------------------------ looking */

enum { ORPHANS = 32 };

struct listing {
    struct slot *slot;
    unsigned epoch;
    CK_RV rv;
    uint32_t orphan[ORPHANS]; /* session keys of processes that have died */
    unsigned orphans;
};

static int each(void *context, const struct hufu_detail *detail)
{
    struct listing *l = context;
    struct seen d = {.o = &detail->object,
                     .blob = detail->attributes,
                     .blob_size = detail->attributes_size,
                     .value_size = detail->value_size,
                     .epoch = l->epoch};
    if (l->orphans < ORPHANS && blob_is_orphan(d.blob, d.blob_size))
        l->orphan[l->orphans++] = d.o->handle;
    l->rv = take_object(l->slot, &d);
    return l->rv != CKR_OK;
}

/* With the slot's lock held. What was not seen by this scan, nor by one that began later, is there
 * no more, or not to be seen by whoever is logged in now. */
static void sweep(struct slot *slot, unsigned epoch)
{
    struct object *next;
    for (struct object *o = slot->first; o; o = next) {
        next = o->next;
        if (o->device && !o->temporary && is_before(o->epoch, epoch))
            index_remove(slot, o);
    }
}

static unsigned epoch_next(struct slot *slot)
{
    lock_take(&slot->lock);
    const unsigned epoch = ++slot->epoch;
    lock_give(&slot->lock);
    return epoch;
}

static CK_RV scan(struct slot *slot, struct use *u)
{
    struct listing l = {.slot = slot, .epoch = epoch_next(slot)};
    uint64_t changes = 0;
    const enum hufu_status status = hufu_object_scan(u->session, 0, each, &l, &changes);
    for (unsigned i = 0; i < l.orphans && !status; i++)
        hufu_object_destroy(u->session, l.orphan[i]);
    CK_RV rv = use_end(u, status);
    if (l.rv != CKR_OK)
        return l.rv;
    if (rv != CKR_OK)
        return rv;
    lock_take(&slot->lock);
    sweep(slot, l.epoch);
    slot->fresh = true;
    slot->changes = changes;
    lock_give(&slot->lock);
    return CKR_OK;
}

/* An object with what a scan would tell of it. */
static enum hufu_status look_at(struct use *u, uint32_t handle, CK_RV *rv)
{
    struct hufu_object o;
    struct blob b = {.size = sizeof b.data};
    size_t value_size = 0;
    enum hufu_status status = hufu_object_info(u->session, handle, &o);
    if (!status)
        status = hufu_object_read(u->session, handle, b.data, &b.size, NULL, NULL);
    if (status)
        return status;
    if (blob_is_orphan(b.data, b.size)) {
        hufu_object_destroy(u->session, handle); /* if it may: else it is somebody's to sweep up */
        return HUFU_OK;
    }
    const struct kind *k = kind_of(o.type);
    if (k && k->family == FAMILY_NONE)
        value_size = 1; /* to be fetched */
    struct seen d = {.o = &o, .blob = b.data, .blob_size = b.size, .value_size = value_size};
    lock_take(&u->slot->lock);
    d.epoch = u->slot->epoch;
    lock_give(&u->slot->lock);
    *rv = take_object(u->slot, &d);
    return HUFU_OK;
}

static void forget(struct slot *slot, uint32_t handle)
{
    lock_take(&slot->lock);
    for (enum part part = MAIN; part <= PUBLIC; part++) {
        struct object *o = index_part(slot, handle, part);
        if (o && o->device && !o->temporary)
            index_remove(slot, o);
    }
    lock_give(&slot->lock);
}

/* One after the other, what has changed: those that are there no more are forgotten. */
static enum hufu_status look_at_all(struct use *u, const uint32_t *handles, size_t n, CK_RV *rv)
{
    enum hufu_status status = HUFU_OK;
    for (size_t i = 0; i < n && !status && *rv == CKR_OK; i++) {
        status = look_at(u, handles[i], rv);
        if (status != HUFU_E_NO_OBJECT)
            continue;
        forget(u->slot, handles[i]);
        status = HUFU_OK;
    }
    return status;
}

/* From a number of the device's to the one of now; *known: it could say what has changed since. */
static CK_RV catch_up(struct use *u, uint64_t since, bool *known)
{
    enum { AT_ONCE = 512 };
    uint32_t handles[AT_ONCE];
    size_t n = 0;
    CK_RV rv = CKR_OK;
    enum hufu_status status;
    *known = true;
    do {
        since += n;
        n = AT_ONCE;
        status = hufu_object_changed(u->session, since, handles, &n);
        *known = !status;
        if (!status)
            status = look_at_all(u, handles, n, &rv);
    } while (!status && rv == CKR_OK && n);
    if (!*known)
        return CKR_OK; /* the link goes on to be used */
    const CK_RV end = use_end(u, status);
    lock_take(&u->slot->lock);
    u->slot->changes = since;
    lock_give(&u->slot->lock);
    return rv == CKR_OK ? end : rv;
}

/* By the device's own index. */
static CK_RV search(struct use *u, const char *label, const CK_ATTRIBUTE *id)
{
    enum hufu_status status = HUFU_OK;
    CK_RV rv = CKR_OK;
    uint32_t handle = 0;
    while (rv == CKR_OK && !status) {
        status = hufu_object_find(u->session, handle, label, id ? id->pValue : NULL,
                                  id ? id->ulValueLen : 0, &handle);
        if (status)
            break;
        status = look_at(u, handle, &rv);
        if (status == HUFU_E_NO_OBJECT) /* it went meanwhile */
            status = HUFU_OK;
    }
    if (status == HUFU_E_NO_OBJECT || status == HUFU_E_NOT_FOUND)
        status = HUFU_OK;
    const CK_RV end = use_end(u, status);
    return rv == CKR_OK ? end : rv;
}

/* false: not by the device's index */
static bool searchable(const CK_ATTRIBUTE *t, CK_ULONG n, char label[HUFU_LABEL_MAX + 1],
                       const CK_ATTRIBUTE **id, bool *labelled)
{
    const CK_ATTRIBUTE *a = template_find(t, n, CKA_LABEL);
    *id = template_find(t, n, CKA_ID);
    *labelled = a && label_fits(a->pValue, a->ulValueLen);
    if (*labelled) {
        memcpy(label, a->pValue, a->ulValueLen);
        label[a->ulValueLen] = '\0';
    }
    if (*id && (!(*id)->ulValueLen || (*id)->ulValueLen > HUFU_ID_MAX))
        *id = NULL;
    return *labelled || *id;
}

/* Only public keys may have names that the device, which has one for a pair, does not know; others
 * that it cannot know are not searchable. */
static bool knows_all_names(const CK_ATTRIBUTE *t, CK_ULONG n)
{
    CK_ULONG class = CKO_PUBLIC_KEY;
    return template_ulong(t, n, CKA_CLASS, &class) && class != CKO_PUBLIC_KEY;
}

/* After a search by name: what the device has not shown since is there no more (public keys: see
 * above). *some: there is what the template asks for. */
static void forget_named(struct slot *slot, const CK_ATTRIBUTE *t, CK_ULONG n, unsigned epoch,
                         bool *some)
{
    const CK_ATTRIBUTE *label = template_find(t, n, CKA_LABEL), *id = template_find(t, n, CKA_ID);
    struct object *next;
    *some = false;
    lock_take(&slot->lock);
    for (struct object *o = index_first(slot, t, n); o; o = next) {
        next = index_next(o, t, n);
        if (o->device && !o->temporary && object_part(o) == MAIN && is_before(o->epoch, epoch) &&
            (!label || attribute_matches(o, label)) && (!id || attribute_matches(o, id)))
            index_remove(slot, o);
        else
            *some |= object_matches(slot, o, t, n);
    }
    lock_give(&slot->lock);
}

static CK_RV refresh(struct slot *slot, struct use *u, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    char label[HUFU_LABEL_MAX + 1];
    const CK_ATTRIBUTE *id;
    bool labelled;
    uint64_t changes = 0;
    uint32_t count = 0;
    if (u->session == hufu_nobody(u->device))
        return use_end(u, HUFU_OK); /* a blank token */
    const enum hufu_status status = hufu_object_changes(u->session, &changes, &count);
    lock_take(&slot->lock);
    bool known = slot->fresh;
    const uint64_t since = slot->changes;
    lock_give(&slot->lock);
    if (status || (known && since == changes))
        return use_end(u, status);
    CK_RV rv = known ? catch_up(u, since, &known) : CKR_OK;
    if (known)
        return rv;
    if (count < MANY || !searchable(t, n, label, &id, &labelled))
        return scan(slot, u);
    const unsigned epoch = epoch_next(slot);
    bool some;
    rv = search(u, labelled ? label : NULL, id);
    if (rv != CKR_OK)
        return rv;
    forget_named(slot, t, n, epoch, &some);
    if (some || knows_all_names(t, n))
        return CKR_OK;
    rv = use_begin(u, slot); /* the name of a public key only? */
    return rv == CKR_OK ? scan(slot, u) : rv;
}

CK_RV token_refresh(struct slot *slot, const CK_ATTRIBUTE *t, CK_ULONG n)
{
    struct use u = {0};
    CK_RV rv;
    do {
        rv = use_begin(&u, slot);
        if (rv == CKR_OK)
            rv = refresh(slot, &u, t, n);
    } while (use_again(&u, rv));
    return rv;
}

/* ------------------------------------------------------------------ what was left out */

static CK_RV fetch_value(struct slot *slot, struct use *u, struct object *o)
{
    uint8_t value[HUFU_VALUE_MAX];
    size_t size = sizeof value;
    CK_RV rv = use_end(u, hufu_object_read(u->session, o->device, NULL, NULL, value, &size));
    if (rv != CKR_OK)
        return rv;
    lock_take(&slot->lock);
    if (!o->complete)
        rv = attribute_set(o, CKA_VALUE, value, size);
    o->complete = rv == CKR_OK;
    lock_give(&slot->lock);
    return rv;
}

static CK_RV fetch_public(struct slot *slot, struct use *u, struct object *o)
{
    struct hufu_object d;
    CK_RV rv = use_end(u, hufu_object_info(u->session, o->device, &d));
    if (rv != CKR_OK)
        return rv;
    lock_take(&slot->lock);
    if (!o->complete)
        rv = public_attributes(o, d.type, d.public_key, d.public_size);
    lock_give(&slot->lock);
    return rv;
}

CK_RV token_complete(struct slot *slot, struct object *o)
{
    struct use u = {0};
    CK_RV rv;
    lock_take(&slot->lock);
    const bool whole = !o->device || o->complete;
    lock_give(&slot->lock);
    if (whole)
        return CKR_OK;
    do {
        rv = use_begin(&u, slot);
        if (rv == CKR_OK)
            rv = o->kept ? fetch_value(slot, &u, o) : fetch_public(slot, &u, o);
    } while (use_again(&u, rv));
    return rv == CKR_KEY_HANDLE_INVALID ? CKR_OBJECT_HANDLE_INVALID : rv;
}
