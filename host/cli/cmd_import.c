/* Keys of other software into the device: PKCS#8 and PKCS#12 files, SoftHSM and other PKCS#11
 * tokens. Each is encrypted to a key that the device makes for this one time, and wiped here. */
#include <openssl/decoder.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/foreign.h"
#include "host/cli/pkcs12.h"

enum { IMPORT_MAX = 1 << 20 };

static const char softhsm[] = "/usr/lib/softhsm/libsofthsm2.so";

/* What such keys of software can do, and may be backed up as they could be. */
static uint32_t usual_usage(uint8_t type)
{
    uint32_t more = HUFU_USAGE_DECRYPT;
    if (type == HUFU_KEY_P256 || type == HUFU_KEY_P384)
        more = HUFU_USAGE_AGREE | HUFU_USAGE_DERIVE_OUT;
    else if (type == HUFU_KEY_HMAC)
        more = 0;
    else if (type >= HUFU_KEY_AES128 && type <= HUFU_KEY_AES256)
        more |= HUFU_USAGE_ENCRYPT;
    return HUFU_USAGE_SIGN | HUFU_USAGE_EXPORT_WRAPPED | more;
}

/* One key. Prints its handle. */
static int take(struct cli *cli, const struct foreign *f, const char *label, const void *id,
                size_t id_size)
{
    uint32_t usage, handle = 0;
    if (!mask_of(cli, "usage", "usage", usual_usage(f->type), &usage))
        return USAGE;
    const struct hufu_key_spec spec = {
        .type = f->type, .usage = usage, .label = label, .id = id, .id_size = id_size};
    if (hufu_key_take(cli->session, &spec, f->secret, f->size, &handle, NULL, NULL))
        return say_library(cli);
    return say_number(cli, "handle", handle);
}

static int take_pkey(struct cli *cli, const char *from, const EVP_PKEY *key, const char *label,
                     const void *id, size_t id_size)
{
    struct foreign f;
    int status = foreign_of(from, key, &f);
    if (!status)
        status = take(cli, &f, label, id, id_size);
    hufu_wipe(&f, sizeof f);
    return status;
}

/* The keys of a file; label and id from the command line, if it is one. */
static int take_all(struct cli *cli, const char *from, const struct pkcs12 *p)
{
    uint8_t id[HUFU_ID_MAX];
    size_t id_size = sizeof id;
    const char *given = value_of(cli, "label");
    if (!name_sound(cli, "--label", given, HUFU_LABEL_MAX) || !hex_of(cli, "id", id, &id_size))
        return USAGE;
    if (p->keys > 1 && (given || id_size))
        return say_failed("%s: %zu keys: --label and --id name one key", from, p->keys);
    int status = link_login(cli);
    const bool list = !status && p->keys > 1 && flag(cli, "json");
    if (list)
        json_open(NULL, '[');
    for (size_t i = 0; !status && i < p->keys; i++)
        status =
            take_pkey(cli, from, p->key[i].key, given ? given : pkcs12_name(p, i), id, id_size);
    if (list) {
        json_close(']');
        json_end();
    }
    return status;
}

static const char *only_file(const struct cli *cli)
{
    const char *path = operand(cli, 0);
    if (path && !operand(cli, 1))
        return path;
    say_usage(cli, "give one file");
    return NULL;
}

/* ------------------------------------------------------------------ files */

/* The first private key, whatever stands before it in PEM: certificates, parameters of a curve. */
static EVP_PKEY *first_key(struct cli *cli, const uint8_t *data, size_t size)
{
    static const char usual[] = "?provider=default";
    EVP_PKEY *key = NULL;
    if (memmem(data, size, "-----BEGIN ", 11)) {
        BIO *in = BIO_new_mem_buf(data, (int)size);
        key = in ? PEM_read_bio_PrivateKey_ex(in, NULL, passphrase_answer, cli, NULL, usual) : NULL;
        BIO_free(in);
        return key;
    }
    OSSL_DECODER_CTX *ctx =
        OSSL_DECODER_CTX_new_for_pkey(&key, "DER", NULL, NULL, EVP_PKEY_KEYPAIR, NULL, usual);
    if (ctx && OSSL_DECODER_CTX_set_pem_password_cb(ctx, passphrase_answer, cli))
        OSSL_DECODER_from_data(ctx, &data, &size);
    OSSL_DECODER_CTX_free(ctx);
    return key;
}

static int run_pkcs8(struct cli *cli)
{
    const char *path = only_file(cli);
    uint8_t *data;
    size_t size;
    if (!path)
        return USAGE;
    if (file_read(path, IMPORT_MAX, &data, &size))
        return FAILED;
    foreign_legacy();
    struct pkcs12 one = {.key = {{.key = first_key(cli, data, size)}}, .keys = 1};
    hufu_wipe(data, size);
    free(data);
    int status = FAILED;
    if (one.key[0].key)
        status = take_all(cli, path, &one);
    else if (!cli->no_passphrase)
        say_failed("%s: no private key in PEM or DER, or the passphrase is wrong", path);
    pkcs12_free(&one);
    return status;
}

static int write_certificates(const char *path, const struct pkcs12 *p)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text;
    const long n = out && pkcs12_write_certificates(p, out) ? BIO_get_mem_data(out, &text) : -1;
    const int status = n >= 0 ? file_write(path, text, (size_t)n, false)
                              : say_crypto("the certificates cannot be written");
    BIO_free(out);
    return status;
}

static int read_pkcs12(struct cli *cli, const char *path, struct pkcs12 *p)
{
    char text[PASSPHRASE_MAX + 1];
    uint8_t *data;
    size_t size;
    memset(p, 0, sizeof *p);
    if (file_read(path, IMPORT_MAX, &data, &size))
        return FAILED;
    foreign_legacy();
    int status =
        passphrase_get(cli, "passphrase-file", "HUFU_PASSPHRASE", "Passphrase of the file", text);
    if (!status && pkcs12_read(data, size, text, p))
        status = say_failed("%s: no PKCS#12 with a private key, or the passphrase is wrong", path);
    hufu_wipe(text, sizeof text);
    hufu_wipe(data, size);
    free(data);
    return status;
}

static int run_pkcs12(struct cli *cli)
{
    struct pkcs12 p;
    const char *path = only_file(cli), *to = value_of(cli, "certificates");
    if (!path)
        return USAGE;
    int status = read_pkcs12(cli, path, &p);
    if (!status && to) /* before the keys, which are not to be there when this fails */
        status = write_certificates(to, &p);
    if (!status)
        status = take_all(cli, path, &p);
    pkcs12_free(&p);
    return status;
}

/* ------------------------------------------------------------------ tokens */

struct moving {
    struct cli *cli;
    unsigned moved, kept, left; /* keys; certificates and data; neither */
    bool from_module;
};

/* FAILED after a message. */
static int read_pkcs8(const char *label, const struct token_key *key, struct foreign *f)
{
    const uint8_t *p = key->pkcs8;
    PKCS8_PRIV_KEY_INFO *info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, (long)key->size);
    EVP_PKEY *pkey = info ? EVP_PKCS82PKEY_ex(info, NULL, "provider=default") : NULL;
    const int status =
        pkey ? foreign_of(label, pkey, f) : say_failed("%s: the module gave no key", label);
    PKCS8_PRIV_KEY_INFO_free(info);
    EVP_PKEY_free(pkey);
    return status;
}

/* A certificate or data. Prints its handle. */
static int keep(struct cli *cli, const struct token_key *key)
{
    uint32_t handle = 0;
    const struct hufu_object_spec spec = {.type = key->type,
                                          .usage = key->private ? 0 : HUFU_USAGE_PUBLIC,
                                          .label = key->label,
                                          .id = key->id,
                                          .id_size = key->id_size,
                                          .attributes = key->attributes,
                                          .attributes_size = key->attributes_size,
                                          .value = key->value,
                                          .value_size = key->size};
    if (hufu_object_create(cli->session, &spec, &handle))
        return say_library(cli);
    return say_number(cli, "handle", handle);
}

static int move_key(struct moving *m, const struct token_key *key, const struct foreign *f)
{
    const int status = take(m->cli, f, key->label, key->id, key->id_size);
    m->moved += !status;
    return status;
}

/* What the device has no such keys for is left where it is, and the others still move. */
static int move_pkcs8(struct moving *m, const char *label, const struct token_key *key)
{
    struct foreign f;
    int status = DONE;
    if (read_pkcs8(label, key, &f))
        m->left++;
    else
        status = move_key(m, key, &f);
    hufu_wipe(&f, sizeof f);
    return status;
}

static int move_one(void *context, const struct token_key *key)
{
    struct moving *m = context;
    const char *label = *key->label ? key->label : "(no label)";
    if (key->value) {
        const int status = keep(m->cli, key);
        m->kept += !status;
        return status;
    }
    if (key->foreign)
        return move_key(m, key, key->foreign);
    if (key->pkcs8)
        return move_pkcs8(m, label, key);
    m->left++;
    say_note(m->cli, "hufu: %s: %s", label,
             m->from_module ? "not extractable: the module keeps it"
                            : "of a kind or size that the device does not have");
    return DONE;
}

/* SoftHSM's files where they can be found, else its module; another module when one is named. */
static int move_all(struct moving *m, const char *pin)
{
    char directory[1000];
    const char *given = value_of(m->cli, "token-directory"), *module = value_of(m->cli, "module");
    const char *label = value_of(m->cli, "token");
    if (given || (!module && softhsm_directory(directory, sizeof directory)))
        return softhsm_keys(given ? given : directory, label, pin, move_one, m);
    m->from_module = true;
    return token_keys(module ? module : softhsm, label, pin, move_one, m);
}

static int run_softhsm(struct cli *cli)
{
    struct moving m = {.cli = cli};
    char pin[PASSPHRASE_MAX + 1];
    int status = link_login(cli);
    if (status)
        return status;
    status = passphrase_get(cli, "token-pin-file", "HUFU_TOKEN_PIN", "PIN of the token", pin);
    if (status)
        return status;
    if (flag(cli, "json"))
        json_open(NULL, '[');
    status = move_all(&m, pin);
    hufu_wipe(pin, sizeof pin);
    if (flag(cli, "json")) {
        json_close(']');
        json_end();
    }
    if (status)
        return status;
    say_note(cli, "%u keys moved, %u certificates and data, %u left", m.moved, m.kept, m.left);
    return m.left ? say_failed("%u objects were left where they are", m.left) : DONE;
}

#define NAMES                                                                                      \
    {"label=TEXT", "label of the key", 0}, {"id=HEX", "id of the key, up to 32 bytes", 0},         \
    {                                                                                              \
        "usage=LIST",                                                                              \
            "of sign,decrypt,agree,export-wrapped,derive-out (default: all that its kind can do)", \
            0                                                                                      \
    }
static const struct option pkcs8_options[] = {NAMES, PASSPHRASE_OPTION, {NULL, NULL, 0}};
static const struct option pkcs12_options[] = {
    NAMES,
    PASSPHRASE_OPTION,
    {"certificates=FILE", "write the certificates there, in PEM", 0},
    {NULL, NULL, 0}};
static const struct option softhsm_options[] = {
    {"token=LABEL", "label of the token (default: the only one)", 0},
    {"token-pin-file=FILE",
     "the token's PIN is the first line of FILE (else HUFU_TOKEN_PIN, or a prompt)", 0},
    {"token-directory=DIR", "where SoftHSM's tokens are (default: as its configuration says)", 0},
    {"module=PATH", "through this PKCS#11 module instead, the keys that it lets out", 0},
    {"usage=LIST",
     "of sign,decrypt,agree,export-wrapped,derive-out (default: all that its kind can do)", 0},
    {NULL, NULL, 0}};

const struct command import_commands[] = {
    {"import pkcs8", "FILE", "Take in a private key from PEM or DER; prints its handle", "user",
     run_pkcs8, pkcs8_options},
    {"import pkcs12", "FILE", "Take in the private keys of a PKCS#12 file; prints their handles",
     "user", run_pkcs12, pkcs12_options},
    {"import softhsm", NULL,
     "Take in what is on a SoftHSM token, or the keys of another PKCS#11 token", "user",
     run_softhsm, softhsm_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
