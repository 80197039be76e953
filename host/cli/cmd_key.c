/* Keys in the device. */
#include "host/cli/cli.h"

#include <stdlib.h>
#include <string.h>

#include "host/cli/pem.h"

static const char *key_name(const struct cli *cli)
{
    const char *named = value_of(cli, "key"), *given = operand(cli, 0);
    if (!named == !given || operand(cli, 1)) {
        say_usage(cli, "give one key: its label, id:HEX, or its handle");
        return NULL;
    }
    return named ? named : given;
}

/* Log in and find the key that is the operand, or that --key names. */
static int find_operand(struct cli *cli, struct hufu_object *key)
{
    const char *name = key_name(cli);
    if (!name)
        return USAGE;
    const int status = link_login(cli);
    return status ? status : key_find(cli, name, key);
}

/* ------------------------------------------------------------------ printing */

static void object_json(const struct hufu_object *o)
{
    char w[24], t[32];
    json_open(NULL, '{');
    json_number("handle", o->handle);
    json_text("type", word("key", o->type, w));
    json_text("label", o->label);
    json_hex("id", o->id, o->id_size);
    json_mask("usage", "usage", o->usage);
    json_number("owner", o->owner);
    json_text("origin", word("origin", o->origin, w));
    json_text("created", time_text(o->created, t));
    if (o->public_size)
        json_hex("public", o->public_key, o->public_size);
    policy_json(&o->policy);
    json_close('}');
}

static void object_line(const struct hufu_object *o)
{
    char w[24], usage[USAGE_ROOM], id[2 * HUFU_ID_MAX + 1];
    printf("%-8u %-8s %-24s %-20s %s\n", (unsigned)o->handle, word("key", o->type, w),
           mask_words("usage", o->usage, usage, sizeof usage), o->label,
           hex_text(o->id, o->id_size, id));
}

static void object_text(const struct hufu_object *o)
{
    char w[24], usage[USAGE_ROOM], t[32], hex[2 * HUFU_PUBLIC_MAX + 1];
    printf("handle    %u\n", (unsigned)o->handle);
    printf("type      %s\n", word("key", o->type, w));
    printf("label     %s\n", o->label);
    printf("id        %s\n", hex_text(o->id, o->id_size, hex));
    printf("usage     %s\n", mask_words("usage", o->usage, usage, sizeof usage));
    printf("owner     account %u\n", o->owner);
    printf("origin    %s, %s\n", word("origin", o->origin, w), time_text(o->created, t));
    policy_text(&o->policy);
    if (o->public_size)
        printf("public    %s\n", hex_text(o->public_key, o->public_size, hex));
}

/* ------------------------------------------------------------------ commands */

enum { HMAC_SIZE = 32 };

static uint32_t default_usage(uint32_t type)
{
    const bool cipher = type == HUFU_KEY_SM4 || type == HUFU_KEY_AES128 ||
                        type == HUFU_KEY_AES192 || type == HUFU_KEY_AES256;
    return cipher ? HUFU_USAGE_ENCRYPT | HUFU_USAGE_DECRYPT : HUFU_USAGE_SIGN;
}

static bool label_sound(const struct cli *cli)
{
    return name_sound(cli, "--label", value_of(cli, "label"), HUFU_LABEL_MAX);
}

static uint32_t digest_only(const struct cli *cli)
{
    return flag(cli, "digest-only") ? HUFU_USAGE_DIGEST_ONLY : 0;
}

static int run_generate(struct cli *cli)
{
    struct hufu_policy policy;
    uint8_t id[HUFU_ID_MAX];
    size_t id_size = sizeof id;
    uint32_t type, usage, handle;
    uint64_t size;
    if (!word_of(cli, "type", "key", HUFU_KEY_SM2, &type) ||
        !mask_of(cli, "usage", "usage", default_usage(type), &usage) ||
        !number_of(cli, "size", 1, HUFU_SECRET_MAX, HMAC_SIZE, &size) || !label_sound(cli) ||
        !hex_of(cli, "id", id, &id_size) || !policy_of(cli, &policy))
        return USAGE;
    if (usage & (HUFU_USAGE_EXPORT_WRAPPED | HUFU_USAGE_EXTRACT | HUFU_USAGE_READ) &&
        (policy.uses || policy.not_before || policy.not_after))
        return say_usage(cli, "a key with --limit or a period cannot leave the device: --usage "
                              "without export-wrapped, extract and read");
    const struct hufu_key_spec spec = {.type = (uint8_t)type,
                                       .usage = usage | digest_only(cli),
                                       .policy = &policy,
                                       .label = value_of(cli, "label"),
                                       .id = id,
                                       .id_size = id_size,
                                       .size = type == HUFU_KEY_HMAC ? (uint16_t)size : 0};
    if (value_of(cli, "size") && type != HUFU_KEY_HMAC)
        return say_usage(cli, "--size is for hmac keys");
    const int status = link_login(cli);
    if (status)
        return status;
    if (hufu_key_generate(cli->session, &spec, &handle, NULL, NULL))
        return say_library(cli);
    return say_number(cli, "handle", handle);
}

struct list {
    const struct cli *cli;
    bool begun;
};

static void list_begin(struct list *l)
{
    if (l->begun)
        return;
    l->begun = true;
    if (flag(l->cli, "json"))
        json_open(NULL, '[');
    else
        printf("%-8s %-8s %-24s %-20s %s\n", "handle", "type", "usage", "label", "id");
}

/* All but its public part. */
static int list_each(void *context, const struct hufu_detail *d)
{
    struct list *l = context;
    struct hufu_object o = d->object;
    o.public_size = 0;
    list_begin(l);
    if (flag(l->cli, "json"))
        object_json(&o);
    else
        object_line(&o);
    return 0;
}

static int run_list(struct cli *cli)
{
    struct list l = {.cli = cli};
    uint32_t type;
    if (!word_of(cli, "type", "key", 0, &type))
        return USAGE;
    const int status = link_login(cli);
    if (status)
        return status;
    const enum hufu_status s = hufu_object_scan(cli->session, (uint8_t)type, list_each, &l, NULL);
    if (!s)
        list_begin(&l);
    if (l.begun && flag(cli, "json")) {
        json_close(']');
        json_end();
    }
    return s ? say_library(cli) : DONE;
}

static int run_show(struct cli *cli)
{
    struct hufu_object key;
    const int status = find_operand(cli, &key);
    if (status)
        return status;
    if (flag(cli, "json")) {
        object_json(&key);
        json_end();
    } else {
        object_text(&key);
    }
    return DONE;
}

static int run_export_public(struct cli *cli)
{
    struct hufu_object key;
    const int status = find_operand(cli, &key);
    return status ? status : public_write(cli, key.type, key.public_key, key.public_size);
}

static int run_destroy(struct cli *cli)
{
    struct hufu_object key;
    const int status = find_operand(cli, &key);
    if (!status && hufu_object_destroy(cli->session, key.handle))
        return say_library(cli);
    return status;
}

static int run_restrict(struct cli *cli)
{
    struct hufu_object key;
    struct hufu_policy policy;
    uint32_t usage;
    if (!policy_of(cli, &policy) || !mask_of(cli, "usage", "usage", 0, &usage))
        return USAGE;
    const int status = find_operand(cli, &key);
    if (status)
        return status;
    usage = (usage ? usage : key.usage) | digest_only(cli);
    return hufu_key_restrict(cli->session, key.handle, usage, &policy) ? say_library(cli) : DONE;
}

static int run_label(struct cli *cli)
{
    struct hufu_object key;
    uint8_t id[HUFU_ID_MAX];
    size_t id_size = sizeof id;
    const char *label = value_of(cli, "label");
    if (!label_sound(cli) || !hex_of(cli, "id", id, &id_size))
        return USAGE;
    if (!label && !value_of(cli, "id"))
        return say_usage(cli, "give --label or --id, or both");
    const int status = find_operand(cli, &key);
    if (status)
        return status;
    const bool new_id = value_of(cli, "id") != NULL;
    if (hufu_object_label(cli->session, key.handle, label ? label : key.label, new_id ? id : key.id,
                          new_id ? id_size : key.id_size))
        return say_library(cli);
    return DONE;
}

enum hufu_status archive_put(struct hufu_archive *archive, const struct hufu_wrapped *wrapped)
{
    static const uint8_t good[1] = {1};
    struct hufu_key_chunk chunk = {.header = wrapped->header,
                                   .count = 1,
                                   .good = 1,
                                   .status = good,
                                   .status_size = sizeof good,
                                   .records = wrapped->record,
                                   .record_size = wrapped->record_size};
    const enum hufu_status s = hufu_wrap_header_read(wrapped->header, &chunk.fields);
    return s ? s : hufu_archive_add(archive, &chunk);
}

static int run_export(struct cli *cli)
{
    struct hufu_object key;
    struct hufu_wrapped wrapped;
    struct hufu_archive *archive;
    const char *path = value_of(cli, "out");
    const int status = find_operand(cli, &key);
    if (status)
        return status;
    if (hufu_key_export(cli->session, key.handle, &wrapped) || hufu_archive_append(&archive, path))
        return say_library(cli);
    const int result = archive_put(archive, &wrapped) ? say_library(cli) : DONE;
    hufu_archive_close(archive);
    return result;
}

static int run_import(struct cli *cli)
{
    struct hufu_archive *archive;
    struct hufu_wrapped wrapped;
    uint8_t id[HUFU_ID_MAX];
    size_t id_size = sizeof id;
    uint64_t index;
    uint32_t handle;
    const char *path = value_of(cli, "in");
    if (!label_sound(cli) || !hex_of(cli, "id", id, &id_size) ||
        !number_of(cli, "index", 0, UINT64_MAX, 0, &index))
        return USAGE;
    if (hufu_archive_read(&archive, path))
        return say_library(cli);
    int status = hufu_archive_get(archive, index, &wrapped) ? say_library(cli) : DONE;
    hufu_archive_close(archive);
    if (!status)
        status = link_login(cli);
    if (!status &&
        hufu_key_import(cli->session, &wrapped, value_of(cli, "label"), id, id_size, &handle))
        status = say_library(cli);
    return status ? status : say_number(cli, "handle", handle);
}

#define LABEL                                                                                      \
    {                                                                                              \
        "label=TEXT", "label of the key", 0                                                        \
    }
#define ID                                                                                         \
    {                                                                                              \
        "id=HEX", "id of the key, up to 32 bytes", 0                                               \
    }
#define KEY                                                                                        \
    {                                                                                              \
        "key=KEY", "its label, id:HEX, or its handle: the same as KEY alone", 0                    \
    }
#define FORMAT                                                                                     \
    {                                                                                              \
        "format=pem|der", "of the output (default pem)", 0                                         \
    }
#define END                                                                                        \
    {                                                                                              \
        NULL, NULL, 0                                                                              \
    }
static const struct option generate_options[] = {
    {"type=TYPE",
     "sm2 (default), p256, p384, rsa2048, rsa3072, rsa4096, sm4, aes128, aes192, aes256 or hmac",
     0},
    LABEL,
    ID,
    {"usage=LIST",
     "of sign,decrypt,encrypt,agree,raw,derive-out,wrap,unwrap,extract,read,export-wrapped,backup,"
     "public (default sign; sm4, aes encrypt,decrypt)",
     0},
    {"size=N", "bytes of an hmac key, 1 to 256 (default 32)", 0},
    POLICY_OPTIONS,
    END};
static const struct option restrict_options[] = {
    KEY, {"usage=LIST", "what stays of its usage (default: all)", 0}, POLICY_OPTIONS, END};
static const struct option list_options[] = {{"type=TYPE", "only keys of this type", 0}, END};
static const struct option key_options[] = {KEY, END};
static const struct option public_options[] = {
    KEY, {"out=FILE", "where to (default: standard output)", 0}, FORMAT, END};
static const struct option label_options[] = {KEY,
                                              {"label=TEXT?", "label of the key; empty: none", 0},
                                              {"id=HEX?", "its id, up to 32 bytes; empty: none", 0},
                                              END};
static const struct option export_options[] = {
    KEY, {"out=FILE!", "archive of wrapped keys, made or added to", 0}, END};
static const struct option import_options[] = {
    {"in=FILE!", "archive of wrapped keys", 0},
    {"index=N", "which of its keys, from 0 (default 0)", 0},
    LABEL,
    ID,
    END};

const struct command key_commands[] = {
    {"key generate", NULL, "Make a key in the device; prints its handle", "user", run_generate,
     generate_options},
    {"key list", NULL, "The keys that the account may see", "user", run_list, list_options},
    {"key show", "KEY", "One key: what it is and its public part", "user", run_show, key_options},
    {"key export-public", "KEY", "The public key, as openssl pkey -pubin reads it", "user",
     run_export_public, public_options},
    {"key label", "KEY", "Set label and id of a key", "user", run_label, label_options},
    {"key restrict", "KEY", "Tighten for good what a key may", "user", run_restrict,
     restrict_options},
    {"key destroy", "KEY", "Destroy a key for good", "user", run_destroy, key_options},
    {"key export", "KEY", "Give out a key wrapped for this device and its clones", "user",
     run_export, export_options},
    {"key import", NULL, "Take a wrapped key in; prints its handle", "user", run_import,
     import_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
