/*
 * The keys, certificates and data of a SoftHSM 2 token, read from its object store with the user's
 * PIN: those that the module would not give out come, too. A token is a folder; token.object has
 * its label and, under the PIN, the key of the other objects. A file is a generation number and
 * attributes: type, kind, value, all numbers of eight bytes, big-endian.
 */
#include <dirent.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/cli/foreign.h"

enum { FILE_MAX = 1 << 20, KEY = 32, BLOCK = 16, SALT = 8, MAGIC = 3, ITERATIONS = 1500 };
enum { KIND_BOOL = 1, KIND_NUMBER = 2, KIND_BYTES = 3, KIND_MAP = 4 };
enum { CLASS_DATA = 0, CLASS_CERTIFICATE = 1, CLASS_PRIVATE_KEY = 3, CLASS_SECRET_KEY = 4 };
enum { TYPE_RSA = 0, TYPE_EC = 3, TYPE_GENERIC = 0x10, TYPE_AES = 0x1F };
/* Attributes of PKCS#11, and SoftHSM's own */
#define A_CLASS       UINT64_C(0x000)
#define A_PRIVATE     UINT64_C(0x002)
#define A_LABEL       UINT64_C(0x003)
#define A_VALUE       UINT64_C(0x011)
#define A_APPLICATION UINT64_C(0x010)
#define A_OBJECT_ID   UINT64_C(0x012)
#define A_ISSUER      UINT64_C(0x081)
#define A_SERIAL      UINT64_C(0x082)
#define A_TYPE        UINT64_C(0x100)
#define A_SUBJECT     UINT64_C(0x101)
#define A_ID          UINT64_C(0x102)
#define A_EXPONENT    UINT64_C(0x122)
#define A_PRIME_1     UINT64_C(0x124)
#define A_PRIME_2     UINT64_C(0x125)
#define A_EC_PARAMS   UINT64_C(0x180)
#define A_TOKEN_LABEL UINT64_C(0x80005349)
#define A_USER_PIN    UINT64_C(0x8000534D)

struct file {
    uint8_t *data;
    size_t size;
};

struct bytes {
    const uint8_t *data; /* NULL: no such attribute */
    size_t size;
};

static uint64_t number_at(const uint8_t *p)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < 8; i++)
        v = v << 8 | p[i];
    return v;
}

/* The value of an attribute of this kind. What comes after an unknown kind is not seen. */
static struct bytes find(const struct file *f, uint64_t type, uint64_t kind)
{
    static const struct bytes none = {NULL, 0};
    for (size_t at = 8; f->size - at >= 16;) {
        const uint64_t this_type = number_at(f->data + at);
        const uint64_t this_kind = number_at(f->data + at + 8);
        const size_t left = f->size - (at += 16);
        size_t head = 0;
        uint64_t size = this_kind == KIND_BOOL ? 1 : 8;
        if (this_kind > KIND_NUMBER) { /* bytes, maps and lists of mechanisms begin with a length */
            if (left < 8)
                return none;
            head = 8;
            size = number_at(f->data + at) * (this_kind <= KIND_MAP ? 1 : 8);
        }
        if (left < head || size > left - head)
            return none;
        if (this_type == type && this_kind == kind)
            return (struct bytes){f->data + at + head, (size_t)size};
        at += head + (size_t)size;
        if (f->size < at)
            return none;
    }
    return none;
}

/* AES-256-CBC with padding: iv || text. *n: room, then bytes. */
static bool open_sealed(const uint8_t key[KEY], struct bytes in, uint8_t *out, size_t *n)
{
    int got = 0, rest = 0;
    EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();
    const bool done = ctx && in.data && in.size > BLOCK && in.size - BLOCK <= *n &&
                      EVP_DecryptInit_ex(ctx, EVP_aes_256_cbc(), NULL, key, in.data) &&
                      EVP_DecryptUpdate(ctx, out, &got, in.data + BLOCK, (int)in.size - BLOCK) &&
                      EVP_DecryptFinal_ex(ctx, out + got, &rest);
    *n = done ? (size_t)(got + rest) : 0;
    EVP_CIPHER_CTX_free(ctx);
    return done;
}

/* SHA-256 over salt and PIN, and over and over; then what lies under it: a mark and the key. */
static bool key_of_pin(struct bytes blob, const char *pin, uint8_t key[KEY])
{
    uint8_t text[SALT + PASSPHRASE_MAX], k[KEY], clear[128];
    size_t n = sizeof clear;
    if (!blob.data || blob.size <= SALT + BLOCK || blob.size > sizeof clear)
        return false;
    memcpy(text, blob.data, SALT);
    memcpy(text + SALT, pin, strlen(pin));
    bool done = EVP_Digest(text, SALT + strlen(pin), k, NULL, EVP_sha256(), NULL);
    for (unsigned i = 1; done && i < ITERATIONS + (unsigned)blob.data[SALT - 1]; i++)
        done = EVP_Digest(k, sizeof k, k, NULL, EVP_sha256(), NULL);
    done = done && open_sealed(k, (struct bytes){blob.data + SALT, blob.size - SALT}, clear, &n) &&
           n == MAGIC + KEY && !memcmp(clear, "RJR", MAGIC);
    if (done)
        memcpy(key, clear + MAGIC, KEY);
    hufu_wipe(text, sizeof text);
    hufu_wipe(k, sizeof k);
    hufu_wipe(clear, sizeof clear);
    return done;
}

/* ------------------------------------------------------------------ one object */

/* Bytes of an attribute, opened when the object is private. */
static bool bytes_of(const struct file *f, const uint8_t key[KEY], uint64_t type, uint8_t *out,
                     size_t *n)
{
    const struct bytes private = find(f, A_PRIVATE, KIND_BOOL), b = find(f, type, KIND_BYTES);
    if (!b.data)
        return false;
    if (private.data && *private.data)
        return b.size ? open_sealed(key, b, out, n) : (*n = 0, true);
    if (b.size > *n)
        return false;
    memcpy(out, b.data, b.size);
    *n = b.size;
    return true;
}

/* A big-endian number, with or without zeros in front, into n bytes. */
static bool integer_of(const struct file *f, const uint8_t key[KEY], uint64_t type, uint8_t *out,
                       size_t n)
{
    uint8_t text[1024];
    size_t size = sizeof text, zeros = 0;
    bool done = bytes_of(f, key, type, text, &size);
    while (done && zeros < size && !text[zeros])
        zeros++;
    done = done && size - zeros <= n;
    if (done) {
        memset(out, 0, n);
        memcpy(out + n - (size - zeros), text + zeros, size - zeros);
    }
    hufu_wipe(text, sizeof text);
    return done;
}

static bool rsa_of(const struct file *f, const uint8_t key[KEY], struct foreign *out)
{
    uint8_t e[8], p[HUFU_SIGNATURE_MAX];
    size_t n = sizeof p;
    if (!integer_of(f, key, A_EXPONENT, e, sizeof e) || number_at(e) != 65537 ||
        !bytes_of(f, key, A_PRIME_1, p, &n))
        return false;
    n -= n && !p[0]; /* a zero in front */
    hufu_wipe(p, sizeof p);
    out->type = n == 128   ? HUFU_KEY_RSA2048
                : n == 192 ? HUFU_KEY_RSA3072
                : n == 256 ? HUFU_KEY_RSA4096
                           : 0;
    out->size = 2 * n;
    return out->type && integer_of(f, key, A_PRIME_1, out->secret, n) &&
           integer_of(f, key, A_PRIME_2, out->secret + n, n);
}

static bool ec_of(const struct file *f, const uint8_t key[KEY], struct foreign *out)
{
    static const uint8_t p256[] = {6, 8, 0x2A, 0x86, 0x48, 0xCE, 0x3D, 3, 1, 7};
    static const uint8_t p384[] = {6, 5, 0x2B, 0x81, 4, 0, 0x22};
    uint8_t curve[256];
    size_t n = sizeof curve;
    if (!bytes_of(f, key, A_EC_PARAMS, curve, &n))
        return false;
    if (n == sizeof p256 && !memcmp(curve, p256, n)) {
        out->type = HUFU_KEY_P256;
        out->size = 32;
    } else if (n == sizeof p384 && !memcmp(curve, p384, n)) {
        out->type = HUFU_KEY_P384;
        out->size = 48;
    }
    return out->type && integer_of(f, key, A_VALUE, out->secret, out->size);
}

static bool secret_of(const struct file *f, const uint8_t key[KEY], uint64_t type,
                      struct foreign *out)
{
    size_t n = sizeof out->secret;
    if (!bytes_of(f, key, A_VALUE, out->secret, &n))
        return false;
    out->size = n;
    if (type == TYPE_AES)
        out->type = n == 16   ? HUFU_KEY_AES128
                    : n == 24 ? HUFU_KEY_AES192
                    : n == 32 ? HUFU_KEY_AES256
                              : 0;
    else if (n && n <= HUFU_SECRET_MAX)
        out->type = HUFU_KEY_HMAC;
    return out->type;
}

static bool foreign_key(const struct file *f, const uint8_t key[KEY], uint64_t class,
                        struct foreign *out)
{
    const struct bytes type = find(f, A_TYPE, KIND_NUMBER);
    const uint64_t kind = type.data ? number_at(type.data) : UINT64_MAX;
    if (class == CLASS_SECRET_KEY)
        return (kind == TYPE_AES || kind == TYPE_GENERIC) && secret_of(f, key, kind, out);
    return (kind == TYPE_RSA && rsa_of(f, key, out)) || (kind == TYPE_EC && ec_of(f, key, out));
}

static void name_of(const struct file *f, const uint8_t key[KEY], struct token_key *k)
{
    uint8_t text[4096];
    size_t n = sizeof text;
    if (bytes_of(f, key, A_LABEL, text, &n)) {
        if (n > HUFU_LABEL_MAX) /* not in the middle of a character */
            for (n = HUFU_LABEL_MAX; n && (text[n] & 0xC0) == 0x80;)
                n--;
        memcpy(k->label, text, n);
    }
    n = sizeof text;
    if (bytes_of(f, key, A_ID, text, &n) && n <= sizeof k->id) {
        memcpy(k->id, text, n);
        k->id_size = n;
    }
}

/* What programs of PKCS#11 look certificates and data up by, in the form of host/pkcs11/blob.c. */
static size_t attributes_of(const struct file *f, const uint8_t key[KEY],
                            uint8_t out[HUFU_ATTRIBUTES_MAX])
{
    static const uint64_t types[] = {A_APPLICATION, A_OBJECT_ID, A_ISSUER, A_SERIAL, A_SUBJECT};
    enum { HEAD = 2, ENTRY = 7 };
    uint8_t value[HUFU_ATTRIBUTES_MAX];
    size_t at = HEAD;
    out[0] = 1; /* version */
    out[1] = 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++) {
        size_t n = sizeof value;
        if (!bytes_of(f, key, types[i], value, &n) || at + ENTRY + n > HUFU_ATTRIBUTES_MAX)
            continue;
        const uint8_t entry[ENTRY] = {
            1, 0, 0, (uint8_t)(types[i] >> 8), (uint8_t)types[i], (uint8_t)(n >> 8), (uint8_t)n};
        memcpy(out + at, entry, sizeof entry);
        memcpy(out + at + ENTRY, value, n);
        at += ENTRY + n;
    }
    return at;
}

/* A public key comes with its private one. */
static int object(const struct file *f, const uint8_t key[KEY], token_key_fn *each, void *context)
{
    struct token_key k = {0};
    struct foreign foreign = {0};
    const struct bytes class = find(f, A_CLASS, KIND_NUMBER),
                       private = find(f, A_PRIVATE, KIND_BOOL);
    uint8_t value[HUFU_VALUE_MAX + BLOCK], attributes[HUFU_ATTRIBUTES_MAX];
    const uint64_t what = class.data ? number_at(class.data) : UINT64_MAX;
    k.size = sizeof value;
    k.private = private.data && *private.data;
    name_of(f, key, &k);
    switch (what) {
    case CLASS_DATA:
    case CLASS_CERTIFICATE:
        k.type = what == CLASS_DATA ? HUFU_KEY_DATA : HUFU_KEY_CERTIFICATE;
        if (bytes_of(f, key, A_VALUE, value, &k.size) && k.size <= HUFU_VALUE_MAX)
            k.value = value;
        k.attributes = attributes;
        k.attributes_size = attributes_of(f, key, attributes);
        break;
    case CLASS_PRIVATE_KEY:
    case CLASS_SECRET_KEY:
        if (foreign_key(f, key, what, &foreign))
            k.foreign = &foreign;
        break;
    default:
        return DONE;
    }
    const int status = each(context, &k);
    hufu_wipe(&foreign, sizeof foreign);
    hufu_wipe(value, sizeof value);
    return status;
}

/* ------------------------------------------------------------------ folders */

static int load(const char *folder, const char *name, struct file *f)
{
    char *path;
    if (asprintf(&path, "%s/%s", folder, name) < 0)
        return say_failed("no memory");
    int status = file_read(path, FILE_MAX, &f->data, &f->size);
    if (!status && f->size < 8) {
        status = say_failed("%s: no object of SoftHSM", path);
        free(f->data);
        f->data = NULL;
    }
    free(path);
    return status;
}

static int objects(const char *folder, const uint8_t key[KEY], token_key_fn *each, void *context)
{
    DIR *d = opendir(folder);
    int status = d ? DONE : say_failed("%s: cannot be read", folder);
    for (const struct dirent *e; !status && (e = readdir(d)) != NULL;) {
        const size_t n = strlen(e->d_name);
        struct file f;
        if (n < 8 || strcmp(e->d_name + n - 7, ".object") || !strcmp(e->d_name, "token.object"))
            continue;
        status = load(folder, e->d_name, &f);
        if (status)
            break;
        status = object(&f, key, each, context);
        hufu_wipe(f.data, f.size);
        free(f.data);
    }
    if (d)
        closedir(d);
    return status;
}

static bool label_is(struct bytes b, const char *label)
{
    size_t n = b.size;
    while (n && b.data[n - 1] == ' ')
        n--;
    return n == strlen(label) && !memcmp(b.data, label, n);
}

static bool has_token(const char *folder)
{
    struct stat st;
    char *path;
    if (asprintf(&path, "%s/token.object", folder) < 0)
        return false;
    const bool there = !stat(path, &st);
    free(path);
    return there;
}

/* The folder of the token of this label, or the only one; its token.object stays in *token. */
static int find_token(const char *directory, const char *label, char **folder, struct file *token)
{
    DIR *d = opendir(directory);
    unsigned found = 0;
    if (!d)
        return say_failed("%s: the folder of SoftHSM's tokens cannot be read", directory);
    for (const struct dirent *e; (e = readdir(d)) != NULL;) {
        struct file f;
        char *path;
        if (e->d_name[0] == '.' || asprintf(&path, "%s/%s", directory, e->d_name) < 0)
            continue;
        if (has_token(path) && !load(path, "token.object", &f)) {
            const struct bytes name = find(&f, A_TOKEN_LABEL, KIND_BYTES);
            const bool fits = name.data && (!label || label_is(name, label));
            found += fits;
            if (fits && found == 1) {
                *token = f;
                *folder = path;
                continue;
            }
            free(f.data);
        }
        free(path);
    }
    closedir(d);
    if (found == 1)
        return DONE;
    return say_failed(found ? "%s: more than one token: name it with --token" : "%s: no such token",
                      directory);
}

/* As SoftHSM looks for it. */
static FILE *configuration(void)
{
    char own[1000];
    const char *path = getenv("SOFTHSM2_CONF"), *home = getenv("HOME");
    if (path)
        return fopen(path, "re");
    snprintf(own, sizeof own, "%s/.config/softhsm2/softhsm2.conf", home ? home : "");
    FILE *f = fopen(own, "re");
    if (!f)
        f = fopen("/etc/softhsm/softhsm2.conf", "re");
    return f;
}

bool softhsm_directory(char *out, size_t room)
{
    static const char name[] = "directories.tokendir";
    char line[1200];
    bool found = false;
    FILE *f = configuration();
    while (f && fgets(line, sizeof line, f)) {
        char *p = line + strspn(line, " \t");
        if (strncmp(p, name, sizeof name - 1))
            continue;
        p += sizeof name - 1;
        p += strspn(p, " \t=");
        p[strcspn(p, "\r\n")] = 0;
        found = (size_t)snprintf(out, room, "%s", p) < room;
    }
    if (f)
        fclose(f);
    return found;
}

int softhsm_keys(const char *directory, const char *label, const char *pin, token_key_fn *each,
                 void *context)
{
    char *folder = NULL;
    uint8_t key[KEY];
    struct file token = {NULL, 0};
    int status = find_token(directory, label, &folder, &token);
    if (!status && !key_of_pin(find(&token, A_USER_PIN, KIND_BYTES), pin, key))
        status = say_failed("%s: wrong PIN of the token", folder);
    if (!status)
        status = objects(folder, key, each, context);
    free(folder);
    free(token.data);
    hufu_wipe(key, sizeof key);
    return status;
}
