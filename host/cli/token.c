/*
 * Keys out of another PKCS#11 module (OASIS PKCS#11 2.40): each is wrapped by the module under an
 * AES key of this one session and unwrapped here, so that sensitive keys come, too, if they are
 * extractable.
 */
#include <dlfcn.h>
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/foreign.h"

typedef unsigned long ck;

/* The part of the standard's names that is used here. */
enum {
    CKF_SERIAL = 4,
    CKU_USER = 1,
    CKO_PRIVATE = 3,
    CKO_SECRET = 4,
    CKK_AES = 0x1F,
    CKA_CLASS = 0,
    CKA_TOKEN = 1,
    CKA_PRIVATE = 2,
    CKA_LABEL = 3,
    CKA_VALUE = 0x11,
    CKA_KEY_TYPE = 0x100,
    CKA_ID = 0x102,
    CKA_WRAP = 0x106,
    CKM_AES_KEY_WRAP_PAD = 0x210A,
    KEK = 32,
    WRAPPED_MAX = 8192,
    SLOTS_MAX = 64,
    KEYS_MAX = 65536
};

struct attribute {
    ck type;
    void *value;
    ck size;
};
struct mechanism {
    ck mechanism;
    void *parameter;
    ck size;
};
struct token_info {
    unsigned char label[32], manufacturer[32], model[16], serial[16];
    ck flags, numbers[10];
    unsigned char versions[4], time[16];
};

/* CK_FUNCTION_LIST: version, then pointers in the standard's order. */
typedef void any_function(void);
struct functions {
    unsigned char version[2];
    any_function *f[68];
};
enum {
    INITIALIZE = 0,
    FINALIZE = 1,
    SLOT_LIST = 4,
    TOKEN_INFO = 6,
    OPEN_SESSION = 12,
    LOGIN = 18,
    CREATE_OBJECT = 20,
    GET_ATTRIBUTES = 24,
    FIND_INIT = 26,
    FIND = 27,
    FIND_FINAL = 28,
    WRAP_KEY = 60
};
#define F(m, number, ...) ((ck(*)(__VA_ARGS__))(m)->f[number])

struct module {
    const struct functions *f;
    void *library;
    ck session, kek;
    uint8_t key[KEK];
};

static int load(struct module *m, const char *path)
{
    union {
        void *object;
        ck (*get)(const struct functions **);
    } u;
    m->library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    u.object = m->library ? dlsym(m->library, "C_GetFunctionList") : NULL;
    if (!u.object || u.get(&m->f))
        return say_failed("%s: no PKCS#11 module", path);
    const ck rv = F(m->f, INITIALIZE, void *)(NULL);
    if (rv)
        return say_failed("%s: C_Initialize gives %#lx", path, rv);
    return DONE;
}

static bool label_is(const unsigned char label[32], const char *wanted)
{
    const size_t n = strlen(wanted);
    if (n > 32 || memcmp(label, wanted, n))
        return false;
    for (size_t i = n; i < 32; i++)
        if (label[i] != ' ')
            return false;
    return true;
}

static int find_slot(const struct module *m, const char *label, ck *slot)
{
    ck slots[SLOTS_MAX], n = SLOTS_MAX, found = 0;
    struct token_info info;
    if (F(m->f, SLOT_LIST, unsigned char, ck *, ck *)(1, slots, &n))
        return say_failed("the module does not list its slots");
    for (ck i = 0; i < n; i++) {
        memset(&info, 0, sizeof info);
        /* CKF_TOKEN_INITIALIZED */
        if (F(m->f, TOKEN_INFO, ck, struct token_info *)(slots[i], &info) ||
            !(info.flags & 0x400) || (label && !label_is(info.label, label)))
            continue;
        *slot = slots[i];
        found++;
    }
    if (found == 1)
        return DONE;
    return say_failed(found ? "more than one token: name it with --token" : "no such token");
}

/* The key that the others are wrapped under, known on both sides. */
static int make_kek(struct module *m)
{
    ck class = CKO_SECRET, type = CKK_AES;
    unsigned char no = 0, yes = 1;
    if (RAND_priv_bytes(m->key, sizeof m->key) != 1)
        return say_crypto("no random numbers");
    struct attribute t[] = {{CKA_CLASS, &class, sizeof class},
                            {CKA_KEY_TYPE, &type, sizeof type},
                            {CKA_TOKEN, &no, 1},
                            {CKA_PRIVATE, &yes, 1},
                            {CKA_WRAP, &yes, 1},
                            {CKA_VALUE, m->key, sizeof m->key}};
    const ck rv = F(m->f, CREATE_OBJECT, ck, struct attribute *, ck,
                    ck *)(m->session, t, sizeof t / sizeof *t, &m->kek);
    return rv ? say_failed("the module takes no AES key to wrap with (%#lx)", rv) : DONE;
}

static int log_in(struct module *m, const char *label, const char *pin)
{
    ck slot;
    union {
        const char *text;
        unsigned char *bytes;
    } u = {.text = pin};
    if (find_slot(m, label, &slot))
        return FAILED;
    ck rv = F(m->f, OPEN_SESSION, ck, ck, void *, void *, ck *)(slot, CKF_SERIAL, NULL, NULL,
                                                                &m->session);
    if (!rv)
        rv =
            F(m->f, LOGIN, ck, ck, unsigned char *, ck)(m->session, CKU_USER, u.bytes, strlen(pin));
    return rv ? say_failed("log-in to the token: %#lx%s", rv, rv == 0xA0 ? ", wrong PIN" : "")
              : make_kek(m);
}

/* RFC 5649, undone by libcrypto. *size: room, then bytes. */
static bool unwrap(const struct module *m, const uint8_t *in, size_t n, uint8_t *out, size_t *size)
{
    int got = 0, rest = 0;
    EVP_CIPHER *cipher = EVP_CIPHER_fetch(NULL, "AES-256-WRAP-PAD", NULL);
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    if (ctx)
        EVP_CIPHER_CTX_set_flags(ctx, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
    const bool done =
        cipher && ctx && n <= *size && EVP_DecryptInit_ex2(ctx, cipher, m->key, NULL, NULL) &&
        EVP_DecryptUpdate(ctx, out, &got, in, (int)n) && EVP_DecryptFinal_ex(ctx, out + got, &rest);
    *size = done ? (size_t)(got + rest) : 0;
    EVP_CIPHER_CTX_free(ctx);
    EVP_CIPHER_free(cipher);
    return done;
}

static int hand_over(const struct module *m, ck object, token_key_fn *each, void *context)
{
    struct token_key key = {0};
    struct attribute label = {CKA_LABEL, key.label, HUFU_LABEL_MAX};
    struct attribute id = {CKA_ID, key.id, sizeof key.id};
    struct mechanism how = {CKM_AES_KEY_WRAP_PAD, NULL, 0};
    uint8_t wrapped[WRAPPED_MAX], clear[WRAPPED_MAX];
    size_t size = sizeof clear;
    ck n = sizeof wrapped;
    if (F(m->f, GET_ATTRIBUTES, ck, ck, struct attribute *, ck)(m->session, object, &label, 1))
        key.label[0] = 0;
    if (!F(m->f, GET_ATTRIBUTES, ck, ck, struct attribute *, ck)(m->session, object, &id, 1) &&
        id.size <= sizeof key.id)
        key.id_size = id.size;
    if (!F(m->f, WRAP_KEY, ck, struct mechanism *, ck, ck, uint8_t *,
           ck *)(m->session, &how, m->kek, object, wrapped, &n) &&
        unwrap(m, wrapped, n, clear, &size)) {
        key.pkcs8 = clear;
        key.size = size;
    }
    const int status = each(context, &key);
    hufu_wipe(clear, sizeof clear);
    return status;
}

static int all_keys(struct module *m, token_key_fn *each, void *context)
{
    ck class = CKO_PRIVATE, n = 0;
    struct attribute t = {CKA_CLASS, &class, sizeof class};
    ck *objects = calloc(KEYS_MAX, sizeof *objects);
    int status = objects ? DONE : say_failed("no memory");
    if (!status && (F(m->f, FIND_INIT, ck, struct attribute *, ck)(m->session, &t, 1) ||
                    F(m->f, FIND, ck, ck *, ck, ck *)(m->session, objects, KEYS_MAX, &n) ||
                    F(m->f, FIND_FINAL, ck)(m->session)))
        status = say_failed("the module does not list the keys of the token");
    for (ck i = 0; !status && i < n; i++)
        status = hand_over(m, objects[i], each, context);
    free(objects);
    return status;
}

int token_keys(const char *module, const char *label, const char *pin, token_key_fn *each,
               void *context)
{
    struct module m = {0};
    int status = load(&m, module);
    if (!status)
        status = log_in(&m, label, pin);
    if (!status)
        status = all_keys(&m, each, context);
    if (m.f)
        F(m.f, FINALIZE, void *)(NULL);
    /* the library stays: some do not bear being closed */
    hufu_wipe(m.key, sizeof m.key);
    return status;
}
