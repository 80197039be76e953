/*
 * What the device cannot know of an object, as bytes that it keeps: version, flags, then for each
 * attribute its part of the object (1 byte), type (4), size (2) and value; numbers are 8 bytes. All
 * big-endian.
 */
#include "host/pkcs11/crypto.h"
#include "host/pkcs11/object.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

enum { VERSION = 1, HEAD = 2, ENTRY = 7 };

/* What the device knows itself, or keeps elsewhere */
static bool known(const struct object *o, const struct attribute *a, bool own_key)
{
    switch (a->type) {
    case CKA_TOKEN:
    case CKA_VALUE:
        return true;
    case CKA_MODULUS:
    case CKA_MODULUS_BITS:
    case CKA_PUBLIC_EXPONENT:
    case CKA_EC_PARAMS:
    case CKA_EC_POINT:
        return own_key;
    case CKA_PUBLIC_KEY_INFO:
        return own_key && o->class != CKO_CERTIFICATE;
    default:
        return false;
    }
}

static void put(uint8_t *p, uint64_t value, int bytes)
{
    for (int i = bytes - 1; i >= 0; i--, value >>= 8)
        p[i] = (uint8_t)value;
}

static uint64_t get(const uint8_t *p, int bytes)
{
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++)
        value = value << 8 | p[i];
    return value;
}

static bool add(struct blob *b, unsigned part, CK_ATTRIBUTE_TYPE type, enum form form,
                const uint8_t *value, size_t size)
{
    const size_t numbers = size / sizeof(CK_ULONG), n = form == FORM_NUMBERS ? 8 * numbers : size;
    if (n > UINT16_MAX || b->size + ENTRY + n > sizeof b->data)
        return false;
    uint8_t *p = b->data + b->size;
    p[0] = (uint8_t)part;
    put(p + 1, type, 4);
    put(p + 5, n, 2);
    for (size_t i = 0; form == FORM_NUMBERS && i < numbers; i++) {
        CK_ULONG number;
        memcpy(&number, value + i * sizeof number, sizeof number);
        put(p + ENTRY + 8 * i, number, 8);
    }
    if (form == FORM_BYTES && n)
        memcpy(p + ENTRY, value, n);
    b->size += ENTRY + n;
    return true;
}

/* Is it what everybody sees as the name of the object in the device? */
static bool is_name(const struct attribute *a, const struct name *name)
{
    if (a->type == CKA_LABEL)
        return a->size == strlen(name->label) &&
               (!a->size || memcmp(a->value, name->label, a->size) == 0);
    return a->type == CKA_ID && a->size == name->id_size &&
           (!a->size || memcmp(a->value, name->id, a->size) == 0);
}

static bool add_all(struct blob *b, enum part part, const struct object *o, const struct name *name,
                    bool own_key)
{
    for (unsigned i = 0; i < o->attributes; i++) {
        const struct attribute *a = &o->attribute[i];
        if (known(o, a, own_key) || is_name(a, name))
            continue;
        if (!add(b, part, a->type, attribute_form(o, a->type), a->value, a->size))
            return false;
    }
    return true;
}

/* ------------------------------------------------------------------ temporary objects */

/* An entry of no part: process and machine that it belongs to */
enum { OWNER = 0, OWNER_SIZE = 8 };

static uint32_t machine(void)
{
    char name[256] = "";
    uint32_t h = 2166136261u; /* FNV-1a */
    gethostname(name, sizeof name - 1);
    for (size_t i = 0; name[i]; i++)
        h = (h ^ (uint8_t)name[i]) * 16777619u;
    return h;
}

static bool add_owner(struct blob *b)
{
    uint8_t owner[OWNER_SIZE];
    put(owner, (uint64_t)getpid(), 4);
    put(owner + 4, machine(), 4);
    return add(b, OWNER, 0, FORM_BYTES, owner, sizeof owner);
}

bool blob_write(struct blob *b, uint8_t flags, const struct object *main,
                const struct object *public)
{
    struct name name;
    const bool kept = main->kept;
    const CK_ULONG class = main->class;
    name_of(&name, main);
    b->data[0] = VERSION;
    b->data[1] = flags;
    b->size = HEAD;
    if (flags & BLOB_TEMPORARY && !add_owner(b))
        return false;
    if (kept && !add(b, MAIN, CKA_CLASS, FORM_NUMBERS, (const uint8_t *)&class, sizeof class))
        return false;
    return add_all(b, MAIN, main, &name, !kept) &&
           (!public || add_all(b, PUBLIC, public, &name, true));
}

uint8_t blob_flags(const uint8_t *blob, size_t size)
{
    return size >= HEAD && blob[0] == VERSION ? blob[1] : 0;
}

/* The next entry at *at; false: no more. */
static bool next(const uint8_t *blob, size_t size, size_t *at, const uint8_t **entry, size_t *n)
{
    if (size < HEAD || blob[0] != VERSION || size - *at < ENTRY)
        return false;
    *entry = blob + *at;
    *n = (size_t)get(*entry + 5, 2);
    *at += ENTRY + *n;
    return *at <= size;
}

bool blob_is_orphan(const uint8_t *blob, size_t size)
{
    const uint8_t *entry;
    size_t n, at = HEAD;
    if (!(blob_flags(blob, size) & BLOB_TEMPORARY))
        return false;
    while (next(blob, size, &at, &entry, &n))
        if (entry[0] == OWNER && n == OWNER_SIZE)
            return get(entry + ENTRY + 4, 4) == machine() &&
                   kill((pid_t)get(entry + ENTRY, 4), 0) < 0 && errno == ESRCH;
    return false;
}

static CK_RV take_numbers(struct object *o, CK_ATTRIBUTE_TYPE type, const uint8_t *p, size_t n)
{
    CK_ULONG numbers[HUFU_ATTRIBUTES_MAX / 8];
    for (size_t i = 0; i < n / 8; i++)
        numbers[i] = (CK_ULONG)get(p + 8 * i, 8);
    return attribute_set(o, type, numbers, n / 8 * sizeof *numbers);
}

CK_RV blob_read(const uint8_t *blob, size_t size, enum part part, struct object *o)
{
    const uint8_t *entry;
    size_t n, at = HEAD;
    CK_RV rv = CKR_OK;
    while (rv == CKR_OK && next(blob, size, &at, &entry, &n)) {
        const CK_ATTRIBUTE_TYPE type = (CK_ATTRIBUTE_TYPE)get(entry + 1, 4);
        if (entry[0] != (uint8_t)part || type == CKA_CLASS)
            continue;
        rv = attribute_form(o, type) == FORM_NUMBERS ? take_numbers(o, type, entry + ENTRY, n)
                                                     : attribute_set(o, type, entry + ENTRY, n);
    }
    return rv;
}

CK_RV blob_kind(const uint8_t *blob, size_t size, struct object *o)
{
    const uint8_t *entry;
    size_t n, at = HEAD;
    bool sm2 = false;
    while (next(blob, size, &at, &entry, &n)) {
        const CK_ATTRIBUTE_TYPE type = (CK_ATTRIBUTE_TYPE)get(entry + 1, 4);
        if (entry[0] != MAIN)
            continue;
        if (type == CKA_CLASS && n == 8)
            o->class = (CK_OBJECT_CLASS)get(entry + ENTRY, 8);
        if (type == CKA_KEY_TYPE && n == 8)
            o->key_type = (CK_KEY_TYPE)get(entry + ENTRY, 8);
        sm2 |= type == CKA_EC_PARAMS && n == sizeof oid_sm2 &&
               memcmp(entry + ENTRY, oid_sm2, sizeof oid_sm2) == 0;
    }
    if (o->class != CKO_DATA && o->class != CKO_CERTIFICATE)
        o->family = sm2 ? FAMILY_SM2 : family_of(o->key_type);
    return CKR_OK;
}
