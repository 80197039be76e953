/* The secure channel: what it is, whom it trusts, and the keys of hosts. */
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <string.h>

#include "host/cli/pem.h"

static const char *const trusts[] = {"nobody vouches for it", "met for the first time",
                                     "a known device", "as its fingerprint says", "as its CA says"};

static int show_json(const struct hufu_channel_info *i)
{
    json_open(NULL, '{');
    json_bool("open", i->open);
    json_bool("mutual", i->mutual);
    json_hex("fingerprint", i->fingerprint, sizeof i->fingerprint);
    json_text("trust", i->open ? trusts[i->trust] : "none");
    json_bool("link_leaves_machine", i->flags & HUFU_CHANNEL_FAR);
    json_bool("required", i->flags & HUFU_CHANNEL_REQUIRED);
    json_close('}');
    json_end();
    return DONE;
}

static int run_show(struct cli *cli)
{
    struct hufu_channel_info i;
    char hex[65];
    const int status = link_open(cli);
    if (status)
        return status;
    if (hufu_channel_info(cli->device, &i))
        return say_library(cli);
    if (flag(cli, "json"))
        return show_json(&i);
    printf("channel      %s\n",
           i.open ? "open: commands are sealed" : "none: commands are in clear");
    if (i.open) {
        printf("device       %s\n", trusts[i.trust]);
        printf("host         %s\n", i.mutual ? "has proved its key" : "unknown to the device");
        printf("link         %s\n",
               i.flags & HUFU_CHANNEL_FAR ? "leaves the machine" : "stays in the machine");
    }
    printf("fingerprint  %s\n", hex_text(i.fingerprint, sizeof i.fingerprint, hex));
    return DONE;
}

/* Whom to trust is only asked for here, so nothing else goes over this link. */
static int run_trust(struct cli *cli)
{
    uint8_t given[32], shown[32];
    char hex[65];
    size_t n = sizeof given;
    const char *text = value_of(cli, "fingerprint");
    if (text && (!hex_bytes(text, given, &n) || n != sizeof given))
        return say_usage(cli, "--fingerprint has 64 hexadecimal digits");
    cli->plain = true;
    const int status = link_open(cli);
    if (status)
        return status;
    if (hufu_fingerprint(cli->device, shown))
        return say_library(cli);
    if (text && memcmp(given, shown, sizeof shown) != 0)
        return say_failed("%s: the device that answers has the fingerprint %s",
                          hufu_url(cli->device), hex_text(shown, sizeof shown, hex));
    if (hufu_trust(cli->device, shown))
        return say_library(cli);
    say_note(cli, "%s is from now on known by %s", hufu_url(cli->device),
             hex_text(shown, sizeof shown, hex));
    return DONE;
}

/* ------------------------------------------------------------------ keys of hosts */

static int write_key(const char *path, const EVP_PKEY *key)
{
    BIO *out = BIO_new(BIO_s_mem());
    char *text = NULL;
    int status = FAILED;
    if (out && PEM_write_bio_PrivateKey(out, key, NULL, NULL, 0, NULL, NULL)) {
        const long n = BIO_get_mem_data(out, &text);
        status = file_write(path, text, (size_t)n, true);
        hufu_wipe(text, (size_t)n);
    } else {
        say_crypto("writing a key");
    }
    BIO_free(out);
    return status;
}

static int run_host_new(struct cli *cli)
{
    const char *path = value_of(cli, "out");
    if (file_absent(path))
        return FAILED;
    EVP_PKEY *key = EVP_EC_gen("SM2");
    const int status = key ? write_key(path, key) : say_crypto("making a key");
    EVP_PKEY_free(key);
    if (!status)
        say_note(cli,
                 "%s: give openssl pkey -in %s -pubout to an administrator, and set HUFU_HOST_KEY",
                 path, path);
    return status;
}

static int run_host_add(struct cli *cli)
{
    struct hufu_object key;
    uint8_t slot, account;
    const char *path = value_of(cli, "key"), *label = value_of(cli, "label"),
               *to = value_of(cli, "to");
    if (!name_sound(cli, "--label", label, HUFU_NAME_MAX))
        return USAGE;
    if (pubin_read_sm2(path, &key))
        return FAILED;
    const int status = link_login(cli);
    if (status)
        return status;
    if (hufu_account_find(cli->device, to, &account) ||
        hufu_host_key_add(cli->session, account, key.public_key, label ? label : "", &slot))
        return say_library(cli);
    return say_number(cli, "slot", slot);
}

static int run_host_list(struct cli *cli)
{
    struct hufu_host_key k[HUFU_HOST_KEYS_MAX];
    size_t n = HUFU_HOST_KEYS_MAX;
    char hex[129];
    const int status = link_login(cli);
    if (status)
        return status;
    if (hufu_host_key_list(cli->session, k, &n))
        return say_library(cli);
    if (flag(cli, "json"))
        json_open(NULL, '[');
    for (size_t i = 0; i < n; i++) {
        if (!flag(cli, "json")) {
            printf("%u  account %u  %.16s...  %s\n", k[i].slot, k[i].account,
                   hex_text(k[i].public_key, 64, hex), k[i].label);
            continue;
        }
        json_open(NULL, '{');
        json_number("slot", k[i].slot);
        json_number("account", k[i].account);
        json_hex("public_key", k[i].public_key, 64);
        json_text("label", k[i].label);
        json_close('}');
    }
    if (flag(cli, "json")) {
        json_close(']');
        json_end();
    }
    return DONE;
}

static int run_host_delete(struct cli *cli)
{
    uint64_t slot;
    if (!number_of(cli, "slot", 0, HUFU_HOST_KEYS_MAX - 1, 0, &slot))
        return USAGE;
    const int status = link_login(cli);
    if (status)
        return status;
    return hufu_host_key_delete(cli->session, (uint8_t)slot) ? say_library(cli) : DONE;
}

static const struct option trust_options[] = {{"fingerprint=HEX", "what the device must show", 0},
                                              {NULL, NULL, 0}};
static const struct option new_options[] = {
    {"out=FILE!", "where the private key goes, PEM, mode 0600", 0}, {NULL, NULL, 0}};
static const struct option add_options[] = {
    {"key=FILE!", "the host's public key or certificate, PEM or DER", 0},
    {"to=ACCOUNT!", "the account that from now on only hosts of its keys log in to", 0},
    {"label=TEXT", "which host that is", 0},
    {NULL, NULL, 0}};
static const struct option delete_options[] = {
    {"slot=N!", "its place in hufu channel host-list", 0}, {NULL, NULL, 0}};

const struct command channel_commands[] = {
    {"channel show", NULL, "Whether commands are sealed, and for whom", NULL, run_show, NULL},
    {"channel trust", NULL, "Know the device that answers at this URL from now on", NULL, run_trust,
     trust_options},
    {"channel host-new", NULL, "Make a key for this host", NULL, run_host_new, new_options},
    {"channel host-add", NULL, "Register a host's key to an account", "admin", run_host_add,
     add_options},
    {"channel host-list", NULL, "The keys of hosts", "admin", run_host_list, NULL},
    {"channel host-delete", NULL, "Forget a host's key", "admin", run_host_delete, delete_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
