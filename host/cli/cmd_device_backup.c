/* A whole device into a file, and out of it into this device or another of the same wrap domain. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/log_file.h"

enum { FILE_MAX = 1 << 30, LEFT_HEAD = 5 };

/* ------------------------------------------------------------------ create */

struct saving {
    struct cli *cli;
    struct hufu_backup file;
    unsigned saved, left;
    int status;
};

static enum hufu_status note_left(struct saving *s, const struct hufu_object *o)
{
    uint8_t bytes[LEFT_HEAD + HUFU_LABEL_MAX];
    const size_t n = strlen(o->label);
    for (int i = 0; i < 4; i++)
        bytes[i] = (uint8_t)(o->handle >> (24 - 8 * i));
    bytes[4] = o->type;
    memcpy(bytes + LEFT_HEAD, o->label, n);
    s->left++;
    say_note(s->cli, "hufu: object %" PRIu32 " (%s): its usage does not let it leave the device",
             o->handle, *o->label ? o->label : "no label");
    return hufu_backup_add(&s->file, HUFU_BACKUP_LEFT, bytes, LEFT_HEAD + n);
}

static int save_object(void *context, const struct hufu_object *o)
{
    static uint8_t sealed[HUFU_SEALED_MAX];
    struct saving *s = context;
    size_t size = sizeof sealed;
    enum hufu_status status = hufu_object_seal(s->cli->session, o->handle, sealed, &size);
    if (status == HUFU_E_NOT_PERMITTED) {
        status = note_left(s, o);
    } else if (!status) {
        status = hufu_backup_add(&s->file, HUFU_BACKUP_OBJECT, sealed, size);
        s->saved++;
    }
    s->status = status ? say_library(s->cli) : DONE;
    return s->status;
}

static enum hufu_status save_head(struct saving *s)
{
    struct hufu_info info;
    struct hufu_backup_head head;
    enum hufu_status status = hufu_info(s->cli->device, &info);
    if (!status)
        status = hufu_identity(s->cli->device, head.key);
    if (status)
        return status;
    memcpy(head.serial, info.serial, sizeof head.serial);
    head.time = info.time;
    snprintf(head.version, sizeof head.version, "%s", info.version);
    snprintf(head.label, sizeof head.label, "%s", info.label);
    return hufu_backup_begin(&s->file, &head);
}

static enum hufu_status save_accounts(struct saving *s)
{
    struct hufu_account a[HUFU_ACCOUNTS_MAX];
    size_t n = HUFU_ACCOUNTS_MAX;
    enum hufu_status status = hufu_account_list(s->cli->device, a, &n);
    for (size_t i = 0; i < n && !status; i++) {
        uint8_t bytes[2 + HUFU_NAME_MAX] = {a[i].account, a[i].role};
        const size_t size = strlen(a[i].name);
        memcpy(bytes + 2, a[i].name, size);
        status = hufu_backup_add(&s->file, HUFU_BACKUP_ACCOUNT, bytes, 2 + size);
    }
    return status;
}

static int save_log(struct saving *s)
{
    char *text = NULL;
    size_t size = 0;
    int status = log_text(s->cli, 0, &text, &size);
    if (!status && hufu_backup_add(&s->file, HUFU_BACKUP_LOG, text, size))
        status = say_library(s->cli);
    free(text);
    return status;
}

/* The log comes last: it tells of the backup, too. */
static int save_all(struct saving *s)
{
    if (save_head(s) || save_accounts(s))
        return say_library(s->cli);
    const enum hufu_status listed = hufu_object_list(s->cli->session, 0, save_object, s);
    if (s->status || listed)
        return s->status ? s->status : say_library(s->cli);
    const int status = save_log(s);
    if (status)
        return status;
    return hufu_backup_end(&s->file) ? say_library(s->cli) : DONE;
}

static int run_create(struct cli *cli)
{
    struct saving s = {.cli = cli};
    const char *path = value_of(cli, "out");
    int status = file_absent(path);
    if (!status)
        status = link_login(cli);
    if (!status)
        status = save_all(&s);
    if (!status)
        status = file_write(path, s.file.data, s.file.size, false);
    if (!status)
        say_note(cli, "%s: %u objects, %u that may not leave the device, and the audit log", path,
                 s.saved, s.left);
    hufu_backup_free(&s.file);
    return status;
}

/* ------------------------------------------------------------------ verify */

struct restoring {
    struct cli *cli;
    const char *path;
    uint8_t *data;
    struct hufu_backup_head head;
    struct hufu_backup_reader reader;
    struct log_chain chain;
    const void *log;
    size_t log_size;
    unsigned objects, left, restored, there;
};

static int check_object(struct restoring *r, const void *data, size_t size)
{
    struct hufu_sealed sealed;
    if (hufu_sealed_read(data, size, &sealed) ||
        memcmp(sealed.serial, r->head.serial, sizeof sealed.serial))
        return say_failed("%s: holds an object that is not of this device", r->path);
    r->objects++;
    return DONE;
}

/* Whole, and the log is that of the device that the head names. */
static int check(struct restoring *r)
{
    struct hufu_backup_reader reader = r->reader;
    const void *data;
    uint8_t kind;
    size_t size;
    int status = DONE;
    while (!status && hufu_backup_next(&reader, &kind, &data, &size)) {
        if (kind == HUFU_BACKUP_OBJECT)
            status = check_object(r, data, size);
        r->left += kind == HUFU_BACKUP_LEFT;
        if (kind != HUFU_BACKUP_LOG)
            continue;
        r->log = data;
        r->log_size = size;
    }
    if (status || !r->log)
        return status ? status : say_failed("%s: holds no audit log", r->path);
    memcpy(r->chain.key, r->head.key, sizeof r->chain.key);
    r->chain.key_known = true;
    status = log_bytes_verify(r->path, r->log, r->log_size, &r->chain);
    if (!status && memcmp(r->chain.checkpoint.serial, r->head.serial, sizeof r->head.serial))
        status = say_failed("%s: its audit log is of another device", r->path);
    return status;
}

static int load(struct restoring *r)
{
    size_t size;
    r->path = value_of(r->cli, "in");
    if (file_read(r->path, FILE_MAX, &r->data, &size))
        return FAILED;
    if (hufu_backup_open(&r->reader, r->data, size, &r->head))
        return say_failed("%s: %s", r->path, hufu_last_error());
    return check(r);
}

static void verified(const struct cli *cli, const struct restoring *r)
{
    char hex[2 * HUFU_SERIAL_SIZE + 1], t[32];
    if (!flag(cli, "json")) {
        printf("device %s, %s, firmware %s: %u objects, %u left there, audit records %" PRIu64
               " to %" PRIu64 "\n",
               hex_text(r->head.serial, sizeof r->head.serial, hex), time_text(r->head.time, t),
               r->head.version, r->objects, r->left, r->chain.first, r->chain.last);
        return;
    }
    json_open(NULL, '{');
    json_hex("serial", r->head.serial, sizeof r->head.serial);
    json_text("label", r->head.label);
    json_text("time", time_text(r->head.time, t));
    json_text("version", r->head.version);
    json_number("objects", r->objects);
    json_number("left", r->left);
    json_number("first", r->chain.first);
    json_number("last", r->chain.last);
    json_close('}');
    json_end();
}

static int run_verify(struct cli *cli)
{
    struct restoring r = {.cli = cli};
    const char *log = value_of(cli, "log");
    int status = load(&r);
    if (!status && log)
        status = file_write(log, r.log, r.log_size, false);
    if (!status)
        verified(cli, &r);
    free(r.data);
    return status;
}

/* ------------------------------------------------------------------ restore */

static int restore_object(struct restoring *r, uint8_t owner, const void *data, size_t size)
{
    struct hufu_sealed sealed;
    uint32_t handle;
    int there;
    if (hufu_sealed_read(data, size, &sealed))
        return say_library(r->cli);
    const enum hufu_status s =
        hufu_object_unseal(r->cli->session, owner, data, size, &handle, &there);
    if (s == HUFU_E_WRONG_DATA)
        return say_failed("object %" PRIu32 " belongs to %s, and there is no such account here: "
                          "make it, or name another one with --owner",
                          sealed.handle, sealed.owner);
    if (s)
        return say_library(r->cli);
    r->there += there != 0;
    r->restored += !there;
    return DONE;
}

/* An older device has no such record. */
static int restore_log(struct restoring *r)
{
    const enum hufu_status s =
        hufu_restore_log(r->cli->session, &r->chain.checkpoint, r->chain.key);
    return s && s != HUFU_E_NO_COMMAND ? say_library(r->cli) : DONE;
}

static int restore_all(struct restoring *r)
{
    const char *name = value_of(r->cli, "owner");
    uint8_t owner = 0, kind;
    const void *data;
    size_t size;
    if (name && hufu_account_find(r->cli->device, name, &owner))
        return say_library(r->cli);
    int status = restore_log(r);
    while (!status && hufu_backup_next(&r->reader, &kind, &data, &size))
        if (kind == HUFU_BACKUP_OBJECT)
            status = restore_object(r, owner, data, size);
    return status;
}

static int run_restore(struct cli *cli)
{
    struct restoring r = {.cli = cli};
    int status = load(&r);
    if (!status)
        status = link_login(cli);
    if (!status)
        status = restore_all(&r);
    if (!status)
        say_note(cli, "%s: %u objects restored, %u were here, %u are not in it", r.path, r.restored,
                 r.there, r.left);
    free(r.data);
    return status;
}

static const struct option create_options[] = {{"out=FILE!", "the backup", 0}, {NULL, NULL, 0}};
static const struct option restore_options[] = {
    {"in=FILE!", "the backup", 0},
    {"owner=NAME", "whose the objects are to be (default: the accounts of their owners' names)", 0},
    {NULL, NULL, 0}};
static const struct option verify_options[] = {
    {"in=FILE!", "the backup", 0},
    {"log=FILE", "write the audit log in it here, as hufu log export does", 0},
    {NULL, NULL, 0}};

const struct command device_backup_commands[] = {
    {"backup create", NULL, "All that may leave the device, and its audit log, into a file",
     "operator", run_create, create_options},
    {"backup restore", NULL, "Take a backup in, into this device or another of its wrap domain",
     "operator", run_restore, restore_options},
    {"backup verify", NULL, "Is a backup whole, and its audit log unbroken? Needs no device", NULL,
     run_verify, verify_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
