/* Using keys: sign, verify, encrypt, decrypt; random bytes and digests. */
#include "host/cli/cli.h"

#include <stdlib.h>
#include <string.h>

enum { DATA_MAX = HUFU_FRAME_MAX, BLOCK = 16, GCM_IV = 12 };

/* ------------------------------------------------------------------ sign, verify */

/* --digest: the input is one, as it is or in hexadecimal. */
static int digest_read(struct cli *cli, uint32_t hash, uint8_t digest[HUFU_DIGEST_MAX],
                       size_t *size)
{
    uint8_t *data;
    size_t n;
    const size_t wanted = hash_size(hash);
    char hex[2 * HUFU_DIGEST_MAX + 1];
    if (file_read(value_of(cli, "in"), 1024, &data, &n))
        return FAILED;
    int status = DONE;
    while (n > wanted && (data[n - 1] == '\n' || data[n - 1] == '\r'))
        n--;
    *size = HUFU_DIGEST_MAX;
    if (n == wanted) {
        memcpy(digest, data, n);
        *size = n;
    } else if (n == 2 * wanted) {
        memcpy(hex, data, n);
        hex[n] = 0;
        if (!hex_bytes(hex, digest, size))
            status = say_failed("--digest: the input is no digest in hexadecimal");
    } else {
        status = say_failed("--digest: the input has %zu bytes, the digest %zu", n, wanted);
    }
    free(data);
    return status;
}

/* How to sign with this key, from the options. */
static int signing_of(const struct cli *cli, const struct hufu_object *key, struct hufu_signing *s)
{
    const bool sm2 = key->type == HUFU_KEY_SM2, pss = flag(cli, "pss");
    const bool ec = key->type == HUFU_KEY_P256 || key->type == HUFU_KEY_P384;
    const char *id = value_of(cli, "id");
    uint32_t hash;
    uint64_t salt;
    if (!key->public_size)
        return say_failed("a secret key signs nothing: give an SM2, EC or RSA key");
    if (!word_of(cli, "hash", "digest", sm2 ? HUFU_DIGEST_SM3 : HUFU_DIGEST_SHA256, &hash) ||
        !number_of(cli, "salt", 0, 512, hash_size(hash), &salt))
        return USAGE;
    if (sm2 && hash != HUFU_DIGEST_SM3)
        return say_usage(cli, "an SM2 key signs with sm3");
    if ((sm2 || ec) && pss)
        return say_usage(cli, "--pss is for RSA keys");
    if (id && (!sm2 || flag(cli, "digest")))
        return say_usage(cli, "--id is for an SM2 key and a message that is hashed here");
    if (id && strlen(id) > HUFU_SIGNER_ID_MAX)
        return say_usage(cli, "--id: give up to %d bytes", HUFU_SIGNER_ID_MAX);
    if (!hash)
        return say_usage(cli, "--hash none: give a hash");
    *s = (struct hufu_signing){.scheme = sm2   ? HUFU_SIGN_SM2
                                         : ec  ? HUFU_SIGN_ECDSA
                                         : pss ? HUFU_SIGN_RSA_PSS
                                               : HUFU_SIGN_RSA_PKCS1,
                               .hash = (uint8_t)hash,
                               .salt = pss ? (uint16_t)salt : 0};
    return DONE;
}

static int digest_of_input(struct cli *cli, const struct hufu_object *key, uint8_t hash,
                           uint8_t digest[HUFU_DIGEST_MAX], size_t *size)
{
    if (flag(cli, "digest"))
        return digest_read(cli, hash, digest, size);
    return hash_file(value_of(cli, "in"), hash, key->type == HUFU_KEY_SM2 ? key : NULL,
                     value_of(cli, "id"), digest, size);
}

static bool raw_wanted(const struct cli *cli, bool *raw)
{
    const char *format = value_of(cli, "format");
    *raw = format && !strcmp(format, "raw");
    if (!format || *raw || !strcmp(format, "der"))
        return true;
    say_usage(cli, "--format %s: give der or raw", format);
    return false;
}

static int run_sign(struct cli *cli)
{
    struct hufu_object key;
    struct hufu_signing signing;
    uint8_t digest[HUFU_DIGEST_MAX], signature[HUFU_SIGNATURE_MAX], der[HUFU_SIGNATURE_MAX];
    size_t digest_size, n, der_size;
    bool raw;
    if (!raw_wanted(cli, &raw))
        return USAGE;
    if (flag(cli, "batch") && (flag(cli, "digest") || value_of(cli, "id")))
        return say_usage(cli, "--batch takes digests alone: without --digest, without --id");
    int status = link_login(cli);
    if (!status)
        status = key_find(cli, value_of(cli, "key"), &key);
    if (!status)
        status = signing_of(cli, &key, &signing);
    if (status)
        return status;
    raw |= signing.scheme == HUFU_SIGN_RSA_PKCS1 || signing.scheme == HUFU_SIGN_RSA_PSS;
    if (flag(cli, "batch"))
        return sign_batch(cli, &key, &signing, !raw);
    status = digest_of_input(cli, &key, signing.hash, digest, &digest_size);
    if (status)
        return status;
    if (hufu_sign(cli->session, key.handle, &signing, digest, digest_size, signature, &n))
        return say_library(cli);
    if (raw)
        return file_write(value_of(cli, "out"), signature, n, false);
    if (hufu_ec_signature_to_der(signature, n, der, &der_size))
        return say_library(cli);
    return file_write(value_of(cli, "out"), der, der_size, false);
}

static int signature_read(const struct cli *cli, const char *path, const struct hufu_object *key,
                          uint8_t signature[HUFU_SIGNATURE_MAX], size_t *size)
{
    uint8_t *data;
    bool raw;
    if (!raw_wanted(cli, &raw))
        return USAGE;
    if (file_read(path, HUFU_SIGNATURE_MAX, &data, size))
        return FAILED;
    int status = DONE;
    const size_t n = hufu_signature_size(key->type);
    if (raw || n >= 256) { /* RSA has no other form */
        memcpy(signature, data, *size);
    } else {
        if (hufu_ec_signature_from_der(data, *size, signature, n))
            status = say_failed("%s: %s", path, hufu_last_error());
        *size = n;
    }
    free(data);
    return status;
}

static int run_verify(struct cli *cli)
{
    struct hufu_object key;
    struct hufu_signing signing;
    uint8_t digest[HUFU_DIGEST_MAX], signature[HUFU_SIGNATURE_MAX];
    size_t digest_size, n;
    const char *path = value_of(cli, "signature");
    int status = key_or_pubin(cli, &key);
    if (!status)
        status = signing_of(cli, &key, &signing);
    if (!status)
        status = signature_read(cli, path, &key, signature, &n);
    if (!status)
        status = digest_of_input(cli, &key, signing.hash, digest, &digest_size);
    if (status)
        return status;
    const struct hufu_key used = key_of(&key);
    if (hufu_verify(cli->session, &used, &signing, digest, digest_size, signature, n))
        return say_library(cli);
    say_note(cli, "the signature is good");
    return DONE;
}

/* ------------------------------------------------------------------ encrypt, decrypt */

/* What the options say about a cipher. */
struct cipher {
    struct hufu_ciphering c;
    uint8_t iv[HUFU_IV_MAX], aad[1024];
    bool padded;  /* SM4-ECB and CBC: PKCS #7 */
    bool iv_made; /* none was given: it goes in front of the data */
    bool raw;     /* SM2: C1 || C3 || C2 instead of DER */
};

static int rsa_cipher(const struct cli *cli, struct cipher *p)
{
    const char *padding = value_of(cli, "padding");
    uint32_t hash;
    if (!word_of(cli, "hash", "digest", HUFU_DIGEST_SHA256, &hash))
        return USAGE;
    if (padding && strcmp(padding, "oaep") && strcmp(padding, "pkcs1"))
        return say_usage(cli, "--padding %s: give oaep or pkcs1", padding);
    const bool pkcs1 = padding && !strcmp(padding, "pkcs1");
    p->c.scheme = pkcs1 ? HUFU_CIPHER_RSA_PKCS1 : HUFU_CIPHER_RSA_OAEP;
    p->c.hash = pkcs1 ? 0 : (uint8_t)hash;
    return DONE;
}

static int secret_cipher(const struct cli *cli, const struct hufu_object *key, struct cipher *p)
{
    uint32_t scheme;
    char mode[32];
    size_t n = sizeof p->iv;
    snprintf(mode, sizeof mode, "%s-%.20s", key->type == HUFU_KEY_SM4 ? "sm4" : "aes",
             value_of(cli, "mode") ? value_of(cli, "mode") : "gcm");
    if (hufu_value("cipher", mode, &scheme))
        return say_usage(cli, "--mode: give ecb, cbc, cfb, ofb, ctr, gcm or mac");
    if (!hex_of(cli, "iv", p->iv, &n))
        return USAGE;
    const bool ecb = scheme == HUFU_CIPHER_SM4_ECB || scheme == HUFU_CIPHER_AES_ECB;
    const bool blocks = ecb || scheme == HUFU_CIPHER_SM4_CBC || scheme == HUFU_CIPHER_AES_CBC;
    const bool gcm = scheme == HUFU_CIPHER_SM4_GCM || scheme == HUFU_CIPHER_AES_GCM;
    p->c.scheme = (uint8_t)scheme;
    p->padded = blocks && !flag(cli, "no-padding");
    if (value_of(cli, "iv") || ecb) {
        p->c.iv_size = n;
    } else if (scheme == HUFU_CIPHER_SM4_MAC) {
        p->c.iv_size = BLOCK; /* zeros */
    } else {
        p->iv_made = true;
        p->c.iv_size = gcm ? GCM_IV : BLOCK;
    }
    p->c.iv = p->iv;
    return DONE;
}

static int cipher_of(const struct cli *cli, const struct hufu_object *key, struct cipher *p)
{
    size_t n = sizeof p->aad;
    memset(p, 0, sizeof *p);
    if (!raw_wanted(cli, &p->raw) || !hex_of(cli, "aad", p->aad, &n))
        return USAGE;
    p->c.aad = p->aad;
    p->c.aad_size = n;
    if (key->type == HUFU_KEY_SM2) {
        p->c.scheme = HUFU_CIPHER_SM2;
        return DONE;
    }
    if (key->type == HUFU_KEY_P256 || key->type == HUFU_KEY_P384)
        return say_failed("an EC key encrypts nothing: give an SM2, RSA or secret key");
    return key->public_size ? rsa_cipher(cli, p) : secret_cipher(cli, key, p);
}

/* A buffer of the command line: data that may be secret. */
struct bytes {
    uint8_t *data;
    size_t size, room;
};

static void bytes_free(struct bytes *b)
{
    if (b->data)
        hufu_wipe(b->data, b->room);
    free(b->data);
    memset(b, 0, sizeof *b);
}

static bool bytes_room(struct bytes *b, size_t room)
{
    b->data = malloc(room);
    b->room = room;
    b->size = 0;
    if (!b->data)
        say_failed("no memory for %zu bytes", room);
    return b->data != NULL;
}

static int input(const struct cli *cli, struct bytes *in)
{
    const int status = file_read(value_of(cli, "in"), DATA_MAX, &in->data, &in->size);
    in->room = in->size;
    return status;
}

/* PKCS #7 */
static bool pad(struct bytes *b)
{
    struct bytes bigger;
    const size_t n = BLOCK - b->size % BLOCK;
    if (!bytes_room(&bigger, b->size + n))
        return false;
    if (b->size)
        memcpy(bigger.data, b->data, b->size);
    memset(bigger.data + b->size, (int)n, n);
    bigger.size = bigger.room;
    bytes_free(b);
    *b = bigger;
    return true;
}

static int unpad(struct bytes *b)
{
    const size_t n = b->size ? b->data[b->size - 1] : 0;
    size_t wrong = !n || n > BLOCK || n > b->size;
    for (size_t i = 0; !wrong && i < n; i++)
        wrong |= b->data[b->size - 1 - i] != n;
    if (wrong)
        return say_failed(
            "the padding is wrong: another key, mode or iv, or --no-padding is needed");
    b->size -= n;
    return DONE;
}

static int encrypt(struct cli *cli, const struct hufu_object *key, struct cipher *p,
                   const struct bytes *in, struct bytes *out)
{
    const size_t front = p->iv_made ? p->c.iv_size : 0;
    const struct hufu_key used = key_of(key);
    if (front && hufu_random(cli->device, p->iv, front))
        return say_library(cli);
    if (!bytes_room(out, front + in->size + 1024))
        return FAILED;
    if (front)
        memcpy(out->data, p->iv, front);
    size_t n = out->room - front;
    if (hufu_encrypt(cli->session, &used, &p->c, in->data, in->size, out->data + front, &n))
        return say_library(cli);
    out->size = front + n;
    return DONE;
}

/* C1 || C3 || C2 in place of itself as DER. */
static int to_der(const struct cli *cli, struct bytes *b)
{
    struct bytes der;
    if (!bytes_room(&der, b->size + 32))
        return FAILED;
    der.size = der.room;
    const enum hufu_status s = hufu_sm2_cipher_to_der(b->data, b->size, der.data, &der.size);
    bytes_free(b);
    *b = der;
    return s ? say_library(cli) : DONE;
}

static int run_encrypt(struct cli *cli)
{
    struct hufu_object key;
    struct cipher p;
    struct bytes in = {NULL, 0, 0}, out = {NULL, 0, 0};
    int status = key_or_pubin(cli, &key);
    if (!status)
        status = cipher_of(cli, &key, &p);
    if (!status)
        status = input(cli, &in);
    if (!status && p.padded && !pad(&in))
        status = FAILED;
    if (!status)
        status = encrypt(cli, &key, &p, &in, &out);
    if (!status && key.type == HUFU_KEY_SM2 && !p.raw)
        status = to_der(cli, &out);
    if (!status)
        status = file_write(value_of(cli, "out"), out.data, out.size, false);
    bytes_free(&in);
    bytes_free(&out);
    return status;
}

static int from_der(const struct cli *cli, struct bytes *b)
{
    struct bytes raw;
    if (!bytes_room(&raw, b->size + 1))
        return FAILED;
    raw.size = raw.room;
    const enum hufu_status s = hufu_sm2_cipher_from_der(b->data, b->size, raw.data, &raw.size);
    bytes_free(b);
    *b = raw;
    return s ? say_library(cli) : DONE;
}

static int decrypt(struct cli *cli, const struct hufu_object *key, struct cipher *p,
                   const struct bytes *in, struct bytes *out)
{
    const size_t front = p->iv_made ? p->c.iv_size : 0;
    if (in->size < front)
        return say_failed("the input has %zu bytes, its iv alone %zu", in->size, front);
    if (front)
        memcpy(p->iv, in->data, front);
    if (!bytes_room(out, in->size + 1))
        return FAILED;
    out->size = out->room;
    if (hufu_decrypt(cli->session, key->handle, &p->c, in->data + front, in->size - front,
                     out->data, &out->size))
        return say_library(cli);
    return p->padded ? unpad(out) : DONE;
}

static int run_decrypt(struct cli *cli)
{
    struct hufu_object key;
    struct cipher p;
    struct bytes in = {NULL, 0, 0}, out = {NULL, 0, 0};
    int status = link_login(cli);
    if (!status)
        status = key_find(cli, value_of(cli, "key"), &key);
    if (!status)
        status = cipher_of(cli, &key, &p);
    if (!status)
        status = input(cli, &in);
    if (!status && key.type == HUFU_KEY_SM2 && !p.raw)
        status = from_der(cli, &in);
    if (!status)
        status = decrypt(cli, &key, &p, &in, &out);
    if (!status)
        status = file_write(value_of(cli, "out"), out.data, out.size, true);
    bytes_free(&in);
    bytes_free(&out);
    return status;
}

/* ------------------------------------------------------------------ random, digest */

/* A line of hexadecimal digits in place of the bytes. */
static int to_hex(struct bytes *b)
{
    struct bytes line;
    if (!bytes_room(&line, 2 * b->size + 1))
        return FAILED;
    hex_text(b->data, b->size, (char *)line.data);
    line.size = line.room;
    line.data[line.size - 1] = '\n';
    bytes_free(b);
    *b = line;
    return DONE;
}

static int run_random(struct cli *cli)
{
    struct bytes out = {NULL, 0, 0};
    uint64_t n;
    if (!number_of(cli, "count", 1, 64 << 20, 32, &n))
        return USAGE;
    int status = link_open(cli);
    if (status || !bytes_room(&out, (size_t)n))
        return status ? status : FAILED;
    if (hufu_random(cli->device, out.data, (size_t)n)) {
        status = say_library(cli);
    } else {
        out.size = out.room;
        if (flag(cli, "hex"))
            status = to_hex(&out);
    }
    if (!status)
        status = file_write(value_of(cli, "out"), out.data, out.size, true);
    bytes_free(&out);
    return status;
}

static int digest_one(const struct cli *cli, const char *path, uint32_t hash)
{
    uint8_t digest[HUFU_DIGEST_MAX];
    char hex[2 * HUFU_DIGEST_MAX + 1];
    size_t n;
    const int status = hash_file(path, hash, NULL, NULL, digest, &n);
    if (status)
        return status;
    if (flag(cli, "json")) {
        json_open(NULL, '{');
        json_text("file", path);
        json_hex("digest", digest, n);
        json_close('}');
    } else {
        printf("%s  %s\n", hex_text(digest, n, hex), path);
    }
    return DONE;
}

static int run_digest(struct cli *cli)
{
    uint32_t hash;
    int status = DONE;
    if (!word_of(cli, "hash", "digest", HUFU_DIGEST_SM3, &hash))
        return USAGE;
    if (!hash)
        return say_usage(cli, "--hash none: give a hash");
    if (flag(cli, "json"))
        json_open(NULL, '[');
    if (!operand(cli, 0))
        status = digest_one(cli, "-", hash);
    for (unsigned i = 0; operand(cli, i); i++)
        if (digest_one(cli, operand(cli, i), hash))
            status = FAILED;
    if (flag(cli, "json")) {
        json_close(']');
        json_end();
    }
    return status;
}

/* ------------------------------------------------------------------ table */

#define KEY_TEXT "a key of the device: its label, id:HEX, or its handle"
#define KEY                                                                                        \
    {                                                                                              \
        "key=KEY", KEY_TEXT, 0                                                                     \
    }
#define THE_KEY                                                                                    \
    {                                                                                              \
        "key=KEY!", KEY_TEXT, 0                                                                    \
    }
#define PUBIN                                                                                      \
    {                                                                                              \
        "pubin=FILE", "instead of --key: a public key or certificate, PEM or DER", 0               \
    }
#define IN                                                                                         \
    {                                                                                              \
        "in=FILE", "input (default: standard input)", 0                                            \
    }
#define OUT                                                                                        \
    {                                                                                              \
        "out=FILE", "output (default: standard output)", 0                                         \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0                                                                              \
    }
#define SIGNING                                                                                    \
    {"hash=HASH", "sm3, sha224, sha256, sha384, sha512 (default: sm3 for SM2, else sha256)", 0},   \
        {"digest", "the input is the digest, binary or hexadecimal (SM2: e)", 0},                  \
        {"id=TEXT?", "SM2: the signer's ID (default 1234567812345678)", 0},                        \
        {"pss", "RSA: PSS instead of PKCS #1 v1.5", 0},                                            \
        {"salt=N", "RSA-PSS: bytes of salt (default: as the hash)", 0},                            \
    {                                                                                              \
        "format=der|raw", "SM2 signature: DER (default) or r || s", 0                              \
    }
#define CIPHER                                                                                     \
    {"format=der|raw", "SM2: DER (default) or C1 || C3 || C2", 0},                                 \
        {"padding=oaep|pkcs1", "RSA (default oaep)", 0},                                           \
        {"hash=HASH", "RSA-OAEP (default sha256)", 0},                                             \
        {"mode=MODE", "secret keys: ecb, cbc, cfb, ofb, ctr, gcm (default) or, SM4, mac", 0},      \
        {"iv=HEX", "secret keys (default: random, in front of the ciphertext)", 0},                \
        {"aad=HEX?", "GCM: additional data; RSA-OAEP: the label", 0},                              \
    {                                                                                              \
        "no-padding", "ECB and CBC: whole blocks, no PKCS #7 padding", 0                           \
    }

static const struct option sign_options[] = {
    THE_KEY,
    IN,
    OUT,
    {"batch", "many digests in hexadecimal, a line each; so are the signatures (SM2: e)", 0},
    SIGNING,
    END};
static const struct option verify_options[] = {
    KEY, PUBIN, IN, {"signature=FILE!", "the signature", 0}, SIGNING, END};
static const struct option encrypt_options[] = {KEY, PUBIN, IN, OUT, CIPHER, END};
static const struct option decrypt_options[] = {THE_KEY, IN, OUT, CIPHER, END};
static const struct option random_options[] = {
    {"count=N", "bytes (default 32; 67108864 at most)", 'n'},
    {"hex", "in hexadecimal", 0},
    OUT,
    END};
static const struct option digest_options[] = {
    {"hash=HASH", "sm3 (default), sha1, sha224, sha256, sha384 or sha512", 0}, END};

const struct command use_commands[] = {
    {"sign", NULL, "Sign a file with a key of the device", "user", run_sign, sign_options},
    {"verify", NULL, "Verify a signature in the device", "user", run_verify, verify_options},
    {"encrypt", NULL, "Encrypt with a public key, or a secret key of the device", "user",
     run_encrypt, encrypt_options},
    {"decrypt", NULL, "Decrypt with a key of the device", "user", run_decrypt, decrypt_options},
    {"random", NULL, "Random bytes of the device", NULL, run_random, random_options},
    {"digest", "[FILE...]", "Hash files on this machine", NULL, run_digest, digest_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
