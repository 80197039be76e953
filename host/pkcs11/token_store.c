/* Objects on their way into the device. */
#include "host/pkcs11/object.h"

#include <string.h>

bool label_fits(const void *label, CK_ULONG size)
{
    return size && size <= HUFU_LABEL_MAX && hufu_text_lasts(label, size);
}

void name_of(struct name *name, const struct object *o)
{
    const struct attribute *label = attribute_of(o, CKA_LABEL), *id = attribute_of(o, CKA_ID);
    memset(name, 0, sizeof *name);
    if (label && label_fits(label->value, label->size))
        memcpy(name->label, label->value, label->size);
    if (id && id->size && id->size <= HUFU_ID_MAX) {
        name->id = id->value;
        name->id_size = id->size;
    }
}

/*
 * A command that has made or destroyed one object: if the device has counted this one change since
 * the last look at it, what is known stays good, and nothing has to be listed again.
 */
static CK_RV done_one(struct use *u, enum hufu_status status)
{
    struct slot *slot = u->slot;
    uint64_t now = 0;
    uint32_t count;
    lock_take(&slot->lock);
    const bool fresh = slot->fresh;
    const uint64_t before = slot->changes;
    lock_give(&slot->lock);
    const bool alone =
        fresh && !status && !hufu_object_changes(u->session, &now, &count) && now == before + 1;
    const CK_RV rv = use_end(u, status);
    lock_take(&slot->lock);
    if (alone && slot->fresh && slot->changes == before)
        slot->changes = now;
    lock_give(&slot->lock);
    return rv == CKR_KEY_HANDLE_INVALID ? CKR_OBJECT_HANDLE_INVALID : rv;
}

static CK_RV done(struct use *u, enum hufu_status status)
{
    const CK_RV rv = use_end(u, status);
    return rv == CKR_KEY_HANDLE_INVALID ? CKR_OBJECT_HANDLE_INVALID : rv;
}

static struct hufu_object_spec spec_of(const struct object *o, const struct name *name,
                                       const struct blob *b)
{
    return (struct hufu_object_spec){.type = o->class == CKO_CERTIFICATE ? HUFU_KEY_CERTIFICATE
                                                                         : HUFU_KEY_DATA,
                                     .usage = object_is_private(o) ? 0 : HUFU_USAGE_PUBLIC,
                                     .label = name->label,
                                     .id = name->id,
                                     .id_size = name->id_size,
                                     .attributes = b->data,
                                     .attributes_size = b->size};
}

CK_RV token_create(struct slot *slot, struct object *o)
{
    struct use u = {0};
    struct name name;
    struct blob b;
    const struct attribute *value = attribute_of(o, CKA_VALUE);
    o->kept = true;
    if (!blob_write(&b, 0, o, NULL) || (value && value->size > HUFU_VALUE_MAX))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    name_of(&name, o);
    struct hufu_object_spec spec = spec_of(o, &name, &b);
    spec.value = value ? value->value : NULL;
    spec.value_size = value ? value->size : 0;
    CK_RV rv = use_begin(&u, slot);
    if (rv == CKR_OK)
        rv = done_one(&u, hufu_object_create(u.session, &spec, &o->device));
    if (rv == CKR_OK) {
        o->handle = token_handle(o->device, MAIN);
        o->complete = true;
    }
    return rv;
}

CK_RV token_describe(struct slot *slot, struct object *main, struct object *public)
{
    struct use u = {0};
    struct blob b;
    const uint8_t flags =
        (uint8_t)((main->temporary ? BLOB_TEMPORARY : 0) | (public ? 0 : BLOB_NO_PUBLIC));
    if (!blob_write(&b, flags, main, public))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    const CK_RV rv = use_begin(&u, slot);
    if (rv != CKR_OK)
        return rv;
    return done(&u, hufu_object_write(u.session, main->device, HUFU_PART_ATTRIBUTES, b.data, b.size,
                                      NULL, 0));
}

/* Both parts of a pair, one of them as it is to be; the caller releases the other one. */
static struct object *other_part(struct slot *slot, const struct object *o)
{
    const bool main = object_part(o) == MAIN;
    lock_take(&slot->lock);
    struct object *other = index_part(slot, o->device, main ? PUBLIC : MAIN);
    if (other)
        other->refs++;
    lock_give(&slot->lock);
    return other;
}

static enum hufu_status write_parts(struct use *u, const struct object *main, const struct blob *b)
{
    const struct attribute *value = main->kept ? attribute_of(main, CKA_VALUE) : NULL;
    const uint8_t parts = (uint8_t)(HUFU_PART_ATTRIBUTES | (value ? HUFU_PART_VALUE : 0));
    return hufu_object_write(u->session, main->device, parts, b->data, b->size,
                             value ? value->value : NULL, value ? value->size : 0);
}

CK_RV token_update(struct slot *slot, struct object *o)
{
    struct use u = {0};
    struct name name;
    struct blob b;
    if (!o->device)
        return CKR_OK;
    struct object *other = other_part(slot, o);
    const bool is_main = object_part(o) == MAIN;
    const struct object *main = is_main ? o : other, *public = is_main ? other : o;
    const bool pair = main && main->class == CKO_PRIVATE_KEY && !main->kept;
    CK_RV rv = main ? CKR_OK : CKR_OBJECT_HANDLE_INVALID;
    if (rv == CKR_OK &&
        !blob_write(&b, pair && !public ? BLOB_NO_PUBLIC : 0, main, pair ? public : NULL))
        rv = CKR_ATTRIBUTE_VALUE_INVALID;
    if (rv == CKR_OK)
        rv = use_begin(&u, slot);
    if (rv == CKR_OK) {
        name_of(&name, main);
        enum hufu_status status =
            hufu_object_label(u.session, o->device, name.label, name.id, name.id_size);
        if (!status)
            status = write_parts(&u, main, &b);
        rv = done(&u, status);
    }
    object_release(slot, other);
    return rv;
}

CK_RV token_copy(struct slot *slot, const struct object *from, struct object *o)
{
    struct use u = {0};
    struct name name;
    struct blob b;
    o->temporary = !object_is_token(o);
    if (!blob_write(&b, (uint8_t)(BLOB_NO_PUBLIC | (o->temporary ? BLOB_TEMPORARY : 0)), o, NULL))
        return CKR_ATTRIBUTE_VALUE_INVALID;
    name_of(&name, o);
    struct hufu_object_spec spec = spec_of(o, &name, &b);
    spec.usage = device_usage(o, o->family) & from->usage;
    CK_RV rv = use_begin(&u, slot);
    if (rv == CKR_OK)
        rv = done(&u, hufu_object_copy(u.session, from->device, &spec, &o->device));
    if (rv == CKR_OK) {
        o->handle = token_handle(o->device, MAIN);
        o->usage = spec.usage;
    }
    return rv;
}

/* ------------------------------------------------------------------ destroying */

static CK_RV hide_public(struct slot *slot, struct object *o)
{
    struct object *main = other_part(slot, o);
    CK_RV rv = main ? token_describe(slot, main, NULL) : CKR_OBJECT_HANDLE_INVALID;
    object_release(slot, main);
    return rv;
}

/* The public key of a pair whose private one is about to go, as an object of its own. NULL: none */
static struct object *part(struct slot *slot, const struct object *public)
{
    struct object *o = object_new(CKO_PUBLIC_KEY);
    if (!o)
        return NULL;
    lock_take(&slot->lock);
    CK_RV rv = attributes_copy(public, o);
    o->owner = public->owner;
    lock_give(&slot->lock);
    o->once = public->handle;
    o->handle = public->handle;
    if (rv == CKR_OK && object_is_token(o))
        rv = token_create(slot, o);
    if (rv == CKR_OK)
        return o;
    object_free(o);
    return NULL;
}

/* Either the public key that was parted from its pair is listed in its place, or it goes again. */
static void parted(struct slot *slot, struct object *public, struct object *o, bool good)
{
    lock_take(&slot->lock);
    struct object *last = good ? index_find(slot, public->handle) : NULL;
    if (last)
        index_remove(slot, last);
    if (good && o)
        index_add_new(slot, o);
    lock_give(&slot->lock);
    if (good || !o)
        return;
    struct use u = {0};
    if (o->device && use_begin(&u, slot) == CKR_OK)
        done_one(&u, hufu_object_destroy(u.session, o->device));
    object_free(o);
}

CK_RV token_destroy(struct slot *slot, struct object *o)
{
    struct use u = {0};
    if (object_part(o) == PUBLIC)
        return hide_public(slot, o);
    struct object *public = other_part(slot, o), *own = NULL;
    CK_RV rv = public ? token_complete(slot, public) : CKR_OK;
    if (public && rv == CKR_OK)
        own = part(slot, public);
    rv = use_begin(&u, slot);
    if (rv == CKR_OK)
        rv = done_one(&u, hufu_object_destroy(u.session, o->device));
    if (public)
        parted(slot, public, own, rv == CKR_OK);
    object_release(slot, public);
    return rv;
}
