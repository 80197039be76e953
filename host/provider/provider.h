/* The OpenSSL provider: what its files share. docs/openssl.md is its manual. */
#ifndef HUFU_HOST_PROVIDER_H
#define HUFU_HOST_PROVIDER_H

#include <openssl/core.h>
#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "host/lib/hufu.h"

struct link;

/* One loaded provider. */
struct prov {
    const OSSL_CORE_HANDLE *handle;
    OSSL_FUNC_core_new_error_fn *new_error;
    OSSL_FUNC_core_set_error_debug_fn *set_error_debug;
    OSSL_FUNC_core_vset_error_fn *vset_error;
    OSSL_PROVIDER *usual;
    OSSL_LIB_CTX *libctx; /* our own, with the default provider: public halves and digests */
    /* of environment or configuration; NULL: not given */
    char *device, *pin_file, *account, *distid;
    /* link.c */
    struct link *link;
    char pin[HUFU_PIN_MAX + 1], refused[HUFU_PIN_MAX + 1]; /* empty: none */
};

/* A function of a dispatch table: the number says what its type is. */
#define ENTRY(number, function)                                                                    \
    {                                                                                              \
        (number), (void (*)(void))(function)                                                       \
    }
#define ENTRY_END                                                                                  \
    {                                                                                              \
        0, NULL                                                                                    \
    }

/* ------------------------------------------------------------------ error.c */
enum reason {
    REASON_DEVICE = 1, /* what the library said */
    REASON_URI,
    REASON_PIN,
    REASON_KEY,      /* not a key that can do this */
    REASON_ARGUMENT, /* a parameter that does not fit */
    REASON_ROOM,     /* the caller's buffer is too small */
    REASON_CRYPTO    /* libcrypto's own error is in the queue before this one */
};
/* Into the queue of errors; always 0, which is a failure to OpenSSL. */
#define FAIL(prov, reason, ...)                                                                    \
    prov_fail((prov), __FILE__, __LINE__, __func__, (reason), __VA_ARGS__)
int prov_fail(const struct prov *prov, const char *file, int line, const char *function,
              enum reason reason, const char *format, ...) __attribute__((format(printf, 6, 7)));
const OSSL_ITEM *prov_reasons(void *provctx);

/* ------------------------------------------------------------------ uri.c */
enum uri_type { URI_ANY, URI_PRIVATE, URI_PUBLIC, URI_CERTIFICATE, URI_OTHER };
/* hufu: or pkcs11: (RFC 7512), taken apart. */
struct uri {
    bool has_label, has_id;
    char label[HUFU_LABEL_MAX + 1];
    uint8_t id[HUFU_ID_MAX];
    size_t id_size;
    char token[HUFU_NAME_MAX + 1];         /* the label of the device; empty: any */
    char serial[2 * HUFU_SERIAL_SIZE + 1]; /* in hexadecimal, or its beginning; empty: any */
    enum uri_type type;
    char pin_value[HUFU_PIN_MAX + 1]; /* empty: none */
    char pin_source[1024];
};
bool uri_parse(const struct prov *prov, const char *text, struct uri *uri);
/* Enough of an URI to find this key again, on this device or on one it is moved to. */
enum { URI_TEXT_MAX = 64 + 3 * (HUFU_LABEL_MAX + HUFU_ID_MAX) };
void uri_of(const struct hufu_object *object, char text[URI_TEXT_MAX]);

/* ------------------------------------------------------------------ link.c */
/* Where else a PIN may come from, when one is needed: all may be NULL. */
struct pin_hint {
    const struct uri *uri;
    OSSL_PASSPHRASE_CALLBACK *ask;
    void *arg;
};
typedef enum hufu_status link_fn(struct hufu_session *session, void *arg);
/*
 * Call fn with a session in which the account is logged in. The link is opened when there is none,
 * when it was lost, and in a child after fork. serial: the device it must be; NULL: any.
 * once: fn must not be repeated when nobody knows whether the command was carried out.
 * 0: an error is in the queue.
 */
int link_run(struct prov *prov, const struct pin_hint *hint, const uint8_t *serial, bool once,
             link_fn *fn, void *arg);
/* The same for what is there without a log-in, too: nobody is asked for a PIN, and a PIN that is
 * known but does not work is no error. */
int link_run_public(struct prov *prov, const struct pin_hint *hint, link_fn *fn, void *arg);
/* The same without a session. */
typedef enum hufu_status link_device_fn(struct hufu_device *device, void *arg);
int link_run_device(struct prov *prov, link_device_fn *fn, void *arg);
/* Does the device that this session belongs to have this label and serial number? */
bool link_is(struct hufu_session *session, const struct uri *uri, struct hufu_info *info);
const uint8_t *link_serial(struct hufu_session *session);
void link_drop(struct prov *prov);

/* ------------------------------------------------------------------ key.c */
enum family { FAMILY_RSA, FAMILY_SM2, FAMILY_EC, FAMILIES };
/* Counted. One of the device never changes. */
struct key {
    atomic_uint uses;
    struct prov *prov;
    enum family family;
    uint32_t handle; /* 0: a public key, not of the device */
    uint8_t type;    /* enum hufu_key_type of a device's key */
    uint32_t usage;
    uint8_t serial[HUFU_SERIAL_SIZE];
    char uri[URI_TEXT_MAX]; /* of a device's key */
    bool curve_only;        /* no point yet: a program is about to set it */
    EVP_PKEY *public_key; /* in our own context: whatever needs no secret, libcrypto does with it */
};
extern const char *const family_names[FAMILIES]; /* "RSA" */
bool family_of(uint8_t type, enum family *family);
/* With one use. NULL: an error is in the queue. */
struct key *key_of_object(struct prov *prov, const struct hufu_object *object,
                          const uint8_t *serial, bool public_only);
struct key *key_of_public(struct prov *prov, enum family family, EVP_PKEY *public_key);
struct key *key_use(struct key *key);
void key_free(void *key);
/* It is a device's key; else an error. */
bool key_private(const struct key *key);

/* To OpenSSL, as a reference that keymgmt's load takes. */
int key_hand_out(struct key *key, OSSL_CALLBACK *give, void *arg);

/* x || y of a public key on a curve; its size, 0 after an error. */
size_t key_point(const struct key *key, uint8_t point[HUFU_PUBLIC_MAX]);

/* ------------------------------------------------------------------ find.c */
/* What is looked for: bits. */
enum want { WANT_PRIVATE = 1, WANT_PUBLIC = 2, WANT_CERTIFICATE = 4 };
struct found {
    struct key *key; /* NULL: a certificate */
    uint8_t *der;
    size_t der_size;
};
/* What an URI names, as it is found. */
struct found_list {
    struct found *item;
    size_t n;
};
int find(struct prov *prov, const struct uri *uri, const struct pin_hint *hint, unsigned want,
         struct found_list *list);
void found_free(struct found_list *list);

/* ------------------------------------------------------------------ digest.c */
/* enum hufu_digest_alg of a digest; HUFU_DIGEST_NONE: the device does not know it. */
uint8_t digest_of(const EVP_MD *md);
/* From our own context; NULL: an error is in the queue. */
EVP_MD *digest_fetch(const struct prov *prov, const char *name);
/* Z_A of GB/T 32918.2: of a signer's ID and an SM2 public key. */
int digest_z(const struct prov *prov, const EVP_MD *md, EVP_PKEY *key, const void *id,
             size_t id_size, uint8_t z[32]);

/* ------------------------------------------------------------------ parameters */
/* Integers and words that mean one: the padding modes of RSA. */
bool pad_mode_get(const OSSL_PARAM *param, int *mode);
bool pad_mode_set(OSSL_PARAM *param, int mode);

/* ------------------------------------------------------------------ the tables */
extern const OSSL_ALGORITHM prov_keymgmt[], prov_signature[], prov_asym_cipher[], prov_keyexch[],
    prov_store[], prov_encoder[], prov_decoder[], prov_rand[];

#endif
