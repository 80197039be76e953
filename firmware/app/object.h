/*
 * Stored keys: their records, a small index of all of them in RAM, and a cache of keys that are
 * ready for use.
 */
#ifndef HUFU_APP_OBJECT_H
#define HUFU_APP_OBJECT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "firmware/app/arena.h"
#include "firmware/app/kind.h"
#include "firmware/crypto/rsa.h"
#include "firmware/crypto/sm2.h"
#include "firmware/crypto/sm4.h"
#include "proto/proto.h"

struct call;
struct device;

/* What is in a record. The views of one that was read point into d->record. */
struct object {
    uint8_t type, owner, origin;
    uint32_t usage;
    uint64_t created;
    struct key_policy policy; /* all zeros: no limits */
    struct view label, id;
    struct view attributes; /* a program's own */
    struct view pub;        /* SM2 and EC: x || y; RSA: e (4 bytes) || n; secret keys: empty */
    struct view secret; /* DATA, CERTIFICATE: the value; SM2 and EC: d; RSA: p, q, dp, dq, qinv, d;
                           secret keys: the key */
};

/* A key ready for use; lives in the cache until the next key is loaded, or longer. */
struct key {
    uint32_t handle; /* 0: free */
    uint32_t usage;
    uint8_t type, owner, origin;
    struct key_policy policy;    /* its count is not kept here */
    uint8_t pub[KIND_POINT_MAX]; /* SM2 and EC */
    struct sm2_sign_key sm2;
    uint16_t secret_size;
    uint8_t secret[KIND_SECRET_MAX]; /* EC: d; secret keys: the key */
    struct rsa_private *rsa;         /* in the same place of the cache of RSA keys */
};

enum { INDEX_NEW, INDEX_KNOWN, INDEX_DAMAGED };
struct indexed {
    uint32_t handle, label, id; /* hashes of label and id */
    uint8_t owner, type, state; /* INDEX_*: owner, open and hashes count only when KNOWN */
    uint8_t open;               /* USAGE_PUBLIC */
};

/* A policy between fields and bytes: none is empty. false: it is malformed. */
enum { POLICY_SIZE = 29 };
bool policy_read(struct view bytes, struct key_policy *p);
struct view policy_bytes(const struct key_policy *p, uint8_t room[POLICY_SIZE]);
bool policy_is_none(const struct key_policy *p);

struct objects {
    struct indexed *index;                 /* in order of handles */
    uint32_t count, next_handle, reserved; /* handles below reserved are spoken for in the store */
    uint32_t learned;                      /* places of the index that were learned ahead */
    uint32_t changes;                      /* since the start */
    uint32_t *log, log_max;                /* of the last so many of them: whose they were */
    struct key *keys;                      /* handle h lives at h % keys_max */
    struct rsa_private *rsa;               /* and its RSA part at h % rsa_max */
    uint32_t keys_max, rsa_max;
    struct key session_key; /* the session key that the call uses; wiped after it */
};

void objects_lay_out(struct arena *a, struct objects *o, uint32_t objects_max);
/* Find all objects once the store's object key is set. */
uint16_t objects_load(struct device *d);
/* Wipe the cache and forget the index. */
void objects_forget(struct device *d);
uint32_t objects_count_owner(struct device *d, uint8_t owner);
/* With nothing else to do: open some records that the index knows nothing of yet, so that the first
 * search does not have to open them all. true: there are more. */
bool objects_learn(struct device *d);

/* The RSA parts between key and record. */
void rsa_to_object(const struct rsa_private *key, uint8_t *pub, uint8_t *secret);
int rsa_from_object(const struct object *o, struct rsa_private *key);
/* -1: not e || n of this type, or out of range */
int rsa_public_from(uint8_t type, struct view pub, struct rsa_public *key);

/* Read object `handle` into *o. */
uint16_t object_get(struct device *d, uint32_t handle, struct object *o);
/* The parts of a record of o->type; SW_NEWER_FORMAT, SW_STORE_DAMAGED. */
uint16_t object_parse(const uint8_t *record, size_t n, struct object *o);
/* For the files of objects only. */
struct indexed *index_at(struct objects *o, uint32_t handle);     /* NULL: none */
void index_add(struct objects *o, uint32_t handle, uint8_t type); /* above all others */
void index_remove(struct objects *o, uint32_t handle);
void cache_drop(struct objects *o, uint32_t handle);

/* One object of a list; false: it does not fit, and nothing was put. */
typedef bool object_put(struct wr *out, uint32_t handle, const struct object *o);
/*
 * The answer of a list: the handle to go on after (u32; 0: no more), then up to limit (0: any
 * number) objects above `after` that the session may see, damaged ones left out.
 */
uint16_t objects_walk(struct call *c, uint32_t after, uint16_t limit, uint8_t type, object_put *put,
                      struct wr *out);
/* The same of those that may have this label and id (empty: any): what is found must be checked in
 * the record. */
struct indexed *object_match(struct call *c, uint32_t after, struct view label, struct view id);

/* Stage a new object with a new handle (object_room first); settle takes it into the index. */
uint16_t object_add(struct call *c, const struct object *o, uint32_t *handle);
uint16_t object_replace(struct call *c, uint32_t handle, const struct object *o);
uint16_t object_remove(struct call *c, uint32_t handle);
/* Stage a counter of uses; it takes the place of an object. */
uint16_t object_count_uses(struct call *c, uint32_t handle);
/* SW_OK: one more key of this type fits, and the log with it */
uint16_t object_room(struct device *d, uint8_t type);

/* The key with this handle, from the cache or into it. Rights: see policy.h, which is the only
 * caller. */
uint16_t object_load(struct device *d, uint32_t handle, const struct key **key);

#endif
