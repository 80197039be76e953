/*
 * Objects: attributes with rules from one table, an index by handle, label and id. A key pair of
 * the device is two objects here. Token objects that are known are kept; what the device says comes
 * first.
 */
#ifndef HUFU_P11_OBJECT_H
#define HUFU_P11_OBJECT_H

#include "host/pkcs11/module.h"

/* What a key is, whatever name the application gives it. */
enum family {
    FAMILY_NONE,
    FAMILY_RSA,
    FAMILY_EC,
    FAMILY_SM2,
    FAMILY_SECRET,
    FAMILY_DSA,
    FAMILY_DH,
    FAMILY_EDWARDS
};

struct attribute {
    CK_ATTRIBUTE_TYPE type;
    CK_ULONG size;
    uint8_t *value;
};

struct object {
    CK_OBJECT_HANDLE handle, once; /* once: of the pair that it was the public key of */
    CK_OBJECT_CLASS class;
    CK_KEY_TYPE key_type;
    enum family family;
    CK_SESSION_HANDLE owner; /* of a session object */
    uint32_t device;         /* handle in the device; 0: only here */
    bool kept;               /* the device only keeps its bytes: DATA or CERTIFICATE */
    bool temporary;          /* a session object that the device keeps: destroyed with it */
    bool complete;           /* its public part, or its value, was fetched */
    uint8_t *blob;           /* what the device keeps of attributes, as it was taken */
    size_t blob_size;
    uint32_t usage;                 /* and its usage there */
    uint64_t not_before, not_after; /* and its period there */
    bool gone;
    unsigned refs, epoch;
    struct object *next, *prev, *same_handle, *same_label, *same_id;
    struct attribute *attribute;
    unsigned attributes, room;
};

/* ------------------------------------------------------------------ attributes */

enum how { HOW_CREATE = 1, HOW_GENERATE = 2, HOW_UNWRAP = 4, HOW_SET = 8, HOW_COPY = 16 };

struct object *object_new(CK_OBJECT_CLASS class);
/* How a value is written down: numbers are of this machine's size and order. */
enum form { FORM_BYTES, FORM_NUMBERS };
enum form attribute_form(const struct object *o, CK_ATTRIBUTE_TYPE type);
void object_free(struct object *o);
/* The explicit value; NULL: none. */
const struct attribute *attribute_of(const struct object *o, CK_ATTRIBUTE_TYPE type);
CK_RV attribute_set(struct object *o, CK_ATTRIBUTE_TYPE type, const void *value, CK_ULONG size);
CK_RV attribute_set_bool(struct object *o, CK_ATTRIBUTE_TYPE type, bool value);
CK_RV attribute_set_ulong(struct object *o, CK_ATTRIBUTE_TYPE type, CK_ULONG value);
/* What the key is, and its explicit attributes. */
CK_RV attributes_copy(const struct object *from, struct object *o);
/* With the default where nothing explicit is there. */
bool attribute_bool(const struct object *o, CK_ATTRIBUTE_TYPE type);
CK_ULONG attribute_ulong(const struct object *o, CK_ATTRIBUTE_TYPE type);
/*
 * What C_GetAttributeValue gives: CKR_ATTRIBUTE_TYPE_INVALID, _SENSITIVE. *value lives as long as
 * the object's attributes stay, or until the thread's next call.
 */
CK_RV attribute_read(const struct object *o, CK_ATTRIBUTE_TYPE type, const void **value,
                     CK_ULONG *size);
bool attribute_matches(const struct object *o, const CK_ATTRIBUTE *wanted);
/* Take a template over into an object by the rules of the table. so: the SO is logged in. */
CK_RV template_take(struct object *o, enum how how, const CK_ATTRIBUTE *t, CK_ULONG n, bool so);
/*
 * Attributes that hold templates. template_unpack: as C_GetAttributeValue gives it. template_holds:
 * what the template of by says is so with o. template_apply: makes it so, where the application has
 * not said anything; CKR_TEMPLATE_INCONSISTENT: it has.
 */
CK_RV template_pack(struct object *o, CK_ATTRIBUTE_TYPE type, const CK_ATTRIBUTE *t, CK_ULONG n);
CK_RV template_unpack(const struct object *o, CK_ATTRIBUTE *out);
bool template_holds(const struct object *by, CK_ATTRIBUTE_TYPE type, const struct object *o);
CK_RV template_apply(const struct object *by, CK_ATTRIBUTE_TYPE type, struct object *o);
/* Is it such an attribute of this object? */
bool attribute_is_template(const struct object *o, CK_ATTRIBUTE_TYPE type);
/* What is not in the template and not constant: CKA_LOCAL, CKA_ALWAYS_SENSITIVE and the like. */
CK_RV object_born(struct object *o, bool generated, CK_MECHANISM_TYPE mechanism);
/* All attributes that a new object must have are there. */
CK_RV object_check(const struct object *o, enum how how);
bool object_is_token(const struct object *o);
bool object_is_private(const struct object *o);
/* CKA_ALLOWED_MECHANISMS */
bool object_allows(const struct object *o, CK_MECHANISM_TYPE mechanism);
enum family family_of(CK_KEY_TYPE type);

/* In a template: NULL when it is not there. */
const CK_ATTRIBUTE *template_find(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type);
/* false: there, but not of that size */
bool template_ulong(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, CK_ULONG *value);
bool template_bool(const CK_ATTRIBUTE *t, CK_ULONG n, CK_ATTRIBUTE_TYPE type, bool *value);

/* key_type and family of a new key. CKR_TEMPLATE_INCOMPLETE */
CK_RV template_key_type(struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n);

/* ------------------------------------------------------------------ the index of a slot */

/* Of a pair that the device keeps: its private key and what else is one object; its public key. */
enum part { MAIN = 1, PUBLIC = 2, OF_SESSION = 3 };

CK_RV objects_begin(struct slot *slot);
void objects_end(struct slot *slot);
void objects_of_session_end(struct slot *slot, CK_SESSION_HANDLE session);
void objects_private_end(struct slot *slot); /* after C_Logout */
void objects_forget_token(struct slot *slot);

/* The slot takes the object over, which may be gone from then on; its handle. device 0: a session
 * object, or one in memory only. */
CK_OBJECT_HANDLE object_add(struct session *s, struct object *o);
/*
 * The end of every making. object_store: is the session allowed to, the check value, and the token
 * takes what is for it. object_give: the slot takes the object over, or after a failure it is
 * freed; rv comes back.
 */
CK_RV object_store(struct session *s, struct object *o);
CK_RV object_give(struct session *s, struct object *o, CK_RV rv, CK_OBJECT_HANDLE *handle);
/* The handle of a part of an object of the device, as long as it is public. */
CK_OBJECT_HANDLE token_handle(uint32_t device, enum part part);
enum part object_part(const struct object *o);
/* What of a handle stays the same: those of private objects end at C_Logout. */
CK_OBJECT_HANDLE lasting_handle(CK_OBJECT_HANDLE handle);
/* With the slot's lock held: the same, for an object of the device. */
void index_add(struct slot *slot, struct object *o);
/* One that was just made: another thread may have seen it in the device already. */
void index_add_new(struct slot *slot, struct object *o);
void index_remove(struct slot *slot, struct object *o);
/* o in the place of old, which lives on for those who hold it. */
void index_replace(struct slot *slot, struct object *old, struct object *o);
struct object *index_find(struct slot *slot, CK_OBJECT_HANDLE handle);
struct object *index_part(struct slot *slot, uint32_t device, enum part part);
/* Candidates for a search: of the template's label or id where it has one, else all. */
struct object *index_first(const struct slot *slot, const CK_ATTRIBUTE *t, CK_ULONG n);
struct object *index_next(const struct object *o, const CK_ATTRIBUTE *t, CK_ULONG n);

/*
 * Hold an object that the session may see; NULL: there is none. Every hold is released. Once it is
 * complete (token_complete) its attributes stay as they are for whoever holds it; before, they are
 * looked at with the slot's lock held.
 */
struct object *object_hold(struct session *s, CK_OBJECT_HANDLE handle);
void object_release(struct slot *slot, struct object *o);
bool object_visible(const struct slot *slot, const struct object *o);
/* With the slot's lock held: visible, and with all attributes of the template. */
bool object_matches(const struct slot *slot, const struct object *o, const CK_ATTRIBUTE *t,
                    CK_ULONG n);
bool so_is_in(const struct session *s);
/* May this session make, change or destroy it? */
CK_RV object_writable(const struct session *s, bool token, bool private);

/* ------------------------------------------------------------------ objects of the device */

/* Bring what is known up to date for a search: by label or id where the template has them. */
CK_RV token_refresh(struct slot *slot, const CK_ATTRIBUTE *t, CK_ULONG n);
/* Fetch what may have been left out: the public part of a key, the value of a certificate. */
CK_RV token_complete(struct slot *slot, struct object *o);
/* The public attributes of a key from the library's bytes. */
CK_RV public_attributes(struct object *o, uint8_t type, const uint8_t *public_key, size_t size);
/* enum hufu_usage of an object's attributes */
uint32_t device_usage(const struct object *o, enum family family);

/* Label and id as the device takes them; others are kept among the attributes. */
struct name {
    char label[HUFU_LABEL_MAX + 1];
    const void *id;
    size_t id_size;
};
void name_of(struct name *name, const struct object *o);
bool label_fits(const void *label, CK_ULONG size);

/* Store a new token object: o->device and o->handle are set. CKR_ATTRIBUTE_VALUE_INVALID: too long.
 */
CK_RV token_create(struct slot *slot, struct object *o);
/* Write down the attributes of a key that the device has just made; public may be NULL. */
CK_RV token_describe(struct slot *slot, struct object *main, struct object *public);
/* Write a changed object. */
CK_RV token_update(struct slot *slot, struct object *o);
/* A copy within the device; o has the attributes of the copy. */
CK_RV token_copy(struct slot *slot, const struct object *from, struct object *o);
/* The public part of a pair is only hidden; when the private one goes it becomes an object of its own. */
CK_RV token_destroy(struct slot *slot, struct object *o);

/* Attributes as bytes for the device. main or public may be NULL. false: more than it takes. */
enum blob_flag { BLOB_TEMPORARY = 1, BLOB_NO_PUBLIC = 2 };
struct blob {
    uint8_t data[HUFU_ATTRIBUTES_MAX];
    size_t size;
};
bool blob_write(struct blob *b, uint8_t flags, const struct object *main,
                const struct object *public);
/* A temporary object whose process has ended without a word, on this machine. */
bool blob_is_orphan(const uint8_t *blob, size_t size);
uint8_t blob_flags(const uint8_t *blob, size_t size);
/* Set the attributes of a part; what is not understood is passed over. */
CK_RV blob_read(const uint8_t *blob, size_t size, enum part part, struct object *o);
/* CKA_CLASS, CKA_KEY_TYPE and the family of an object that is kept as bytes. */
CK_RV blob_kind(const uint8_t *blob, size_t size, struct object *o);

#endif
