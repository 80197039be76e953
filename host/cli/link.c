/* The device, the log-in, and the key that a command names. */
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/x509.h"

enum { PUBIN_MAX = 65536 };

int link_open(struct cli *cli)
{
    const char *given = value_of(cli, "device"), *url = given ? given : getenv("HUFU_DEVICE");
    struct hufu_options options = {0};
    uint64_t seconds;
    if (!number_of(cli, "timeout", 1, 86400, 60, &seconds))
        return USAGE;
    options.timeout_ms = (uint32_t)seconds * 1000;
    options.channel = cli->plain ? "off" : NULL;
    if (!strcmp(url ? url : "", "inproc:"))
        return say_failed("inproc:: name the directory of the device: one in memory would be gone "
                          "at the end of this command");
    return hufu_open_with(&cli->device, url, &options) ? say_library(cli) : DONE;
}

static enum hufu_status login(struct cli *cli)
{
    return hufu_login(cli->session, cli->account, cli->pin.text, cli->pin.size, NULL);
}

/* The environment has a variable for each of the usual accounts. NULL: it is another one. */
static const char *variable_of(const char *account)
{
    static const struct {
        const char *name, *number, *variable;
    } usual[] = {{"admin", "1", "HUFU_ADMIN_PIN"},
                 {"operator", "2", "HUFU_OPERATOR_PIN"},
                 {"user", "3", "HUFU_USER_PIN"}};
    for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
        if (!strcmp(account, usual[i].name) || !strcmp(account, usual[i].number))
            return usual[i].variable;
    return NULL;
}

int link_login(struct cli *cli)
{
    const char *name = value_of(cli, "account");
    char who[64];
    if (!name)
        name = cli->command->account;
    if (!cli->device) {
        const int status = link_open(cli);
        if (status)
            return status;
    }
    /* nobody is asked for a PIN that would not be used */
    if (hufu_session_open(cli->device, &cli->session) ||
        hufu_account_find(cli->device, name, &cli->account))
        return say_library(cli);
    snprintf(who, sizeof who, "PIN of %.40s", name);
    const char *variable = variable_of(name);
    const struct pin_source source = {
        .who = who,
        .option = "pin-file",
        .file = value_of(cli, "pin-file"),
        .variable = variable ? variable : "HUFU_PIN",
        .variable2 = variable ? "HUFU_PIN" : NULL,
    };
    const int status = pin_get(&source, &cli->pin);
    if (status)
        return status;
    const enum hufu_status s = login(cli);
    if (s == HUFU_E_WRONG_DATA)
        return say_failed("no account %s: see hufu accounts", name);
    if (s)
        return say_library(cli);
    hufu_approving(cli->session, cli->approve);
    return DONE;
}

enum hufu_status link_again(struct cli *cli)
{
    hufu_session_close(cli->session);
    cli->session = NULL;
    enum hufu_status s = hufu_reconnect(cli->device);
    if (!s)
        s = hufu_session_open(cli->device, &cli->session);
    return s ? s : login(cli);
}

void link_close(struct cli *cli)
{
    hufu_session_close(cli->session);
    hufu_close(cli->device);
    hufu_wipe(&cli->pin, sizeof cli->pin);
    cli->session = NULL;
    cli->device = NULL;
}

/* ------------------------------------------------------------------ keys */

static bool is_number(const char *s, uint32_t *out)
{
    uint64_t v;
    const bool good = number_parse(s, 1, UINT32_MAX, &v);
    *out = (uint32_t)v;
    return good;
}

static int none(const char *name)
{
    return say_failed("no key %s for this account: see hufu key list", name);
}

/* By label or id: there must be just one. */
static int find_only(struct cli *cli, const char *name, const char *label, const void *id,
                     size_t id_size, uint32_t *handle)
{
    uint32_t second;
    enum hufu_status s = hufu_object_find(cli->session, 0, label, id, id_size, handle);
    if (s == HUFU_E_NO_OBJECT)
        return none(name);
    if (s)
        return say_library(cli);
    s = hufu_object_find(cli->session, *handle, label, id, id_size, &second);
    if (!s)
        return say_failed("more than one key is %s: give its handle, from hufu key list", name);
    return s == HUFU_E_NO_OBJECT ? DONE : say_library(cli);
}

int key_find(struct cli *cli, const char *name, struct hufu_object *key)
{
    uint32_t handle = 0;
    int status = DONE;
    if (!strncmp(name, "id:", 3)) {
        uint8_t id[HUFU_ID_MAX];
        size_t n = sizeof id;
        if (!hex_bytes(name + 3, id, &n) || !n)
            return say_usage(cli, "--key %s: give up to %d bytes in hexadecimal", name,
                             HUFU_ID_MAX);
        status = find_only(cli, name, NULL, id, n, &handle);
    } else if (!strncmp(name, "handle:", 7)) {
        if (!is_number(name + 7, &handle))
            return say_usage(cli, "--key %s: a handle is a number", name);
    } else if (!is_number(name, &handle)) {
        const char *label = strncmp(name, "label:", 6) ? name : name + 6;
        if (!*label)
            return say_usage(cli, "--key: an empty label names no key");
        status = find_only(cli, name, label, NULL, 0, &handle);
    }
    if (status)
        return status;
    const enum hufu_status s = hufu_object_info(cli->session, handle, key);
    if (s == HUFU_E_NO_OBJECT)
        return none(name);
    return s ? say_library(cli) : DONE;
}

struct hufu_key key_of(const struct hufu_object *key)
{
    /* one of the device's is named by its handle alone */
    return key->handle ? (struct hufu_key){.handle = key->handle}
                       : (struct hufu_key){0, key->type, key->public_key, key->public_size};
}

/* A public key in PEM or DER, or the one of a certificate. */
static EVP_PKEY *pubin_parse(const uint8_t *data, size_t size)
{
    const uint8_t *p = data;
    BIO *bio = BIO_new_mem_buf(data, (int)size);
    EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
    BIO_free(bio);
    if (!key)
        key = d2i_PUBKEY(NULL, &p, (long)size);
    if (key)
        return key;
    X509 *x = x509_parse(data, size);
    key = x ? X509_get_pubkey(x) : NULL;
    X509_free(x);
    return key;
}

int pubin_read(const char *path, struct hufu_object *key)
{
    uint8_t *data, *der = NULL;
    size_t size;
    if (file_read(path, PUBIN_MAX, &data, &size))
        return FAILED;
    int status = DONE;
    EVP_PKEY *pkey = pubin_parse(data, size);
    const int n = pkey ? i2d_PUBKEY(pkey, &der) : -1;
    if (n <= 0)
        status = say_failed("%s: no public key or certificate in PEM or DER", path);
    else if (hufu_public_from_spki(der, (size_t)n, &key->type, key->public_key, &key->public_size))
        status = say_failed("%s: %s", path, hufu_last_error());
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
    free(data);
    return status;
}

int pubin_read_sm2(const char *path, struct hufu_object *key)
{
    if (pubin_read(path, key))
        return FAILED;
    return key->type == HUFU_KEY_SM2 ? DONE : say_failed("%s: not an SM2 key", path);
}

int key_or_pubin(struct cli *cli, struct hufu_object *key)
{
    const char *name = value_of(cli, "key"), *path = value_of(cli, "pubin");
    memset(key, 0, sizeof *key);
    if (!name == !path)
        return say_usage(cli, "give --key or --pubin");
    int status = path ? pubin_read(path, key) : link_login(cli);
    if (!status)
        status = path ? link_open(cli) : key_find(cli, name, key);
    if (!status && path)
        cli->session = hufu_nobody(cli->device);
    return status;
}
