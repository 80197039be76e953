/*
 * All keys of an account that may leave the device, into an archive and a list beside it, and back:
 * into this device or another one of the same wrap domain. The archive holds the keys, wrapped; the
 * list holds what the archive does not: their labels and ids.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "host/cli/cli.h"

enum { LINE_ROOM = 512, LIST_MAX = 64 << 20 };

struct backup {
    struct cli *cli;
    struct hufu_archive *archive;
    char *list; /* lines: number, type, id in hexadecimal or "-", label to the end of the line */
    size_t used, room;
    uint64_t saved, left;
    int status;
};

static char *list_path(const char *path)
{
    const size_t n = strlen(path) + sizeof ".list";
    char *text = malloc(n);
    if (text)
        snprintf(text, n, "%s.list", path);
    return text;
}

static int note(struct backup *b, uint64_t number, const struct hufu_object *o)
{
    char id[2 * HUFU_ID_MAX + 1], type[24];
    if (b->room - b->used < LINE_ROOM) {
        char *more = realloc(b->list, b->room + 65536);
        if (!more)
            return say_failed("no memory for the list");
        b->list = more;
        b->room += 65536;
    }
    hex_text(o->id, o->id_size, id);
    b->used += (size_t)snprintf(b->list + b->used, LINE_ROOM, "%" PRIu64 " %s %s %s\n", number,
                                word("key", o->type, type), *id ? id : "-", o->label);
    return DONE;
}

static int save(struct backup *b, const struct hufu_object *o)
{
    struct hufu_wrapped wrapped;
    const uint64_t number = hufu_archive_count(b->archive);
    if (hufu_key_export(b->cli->session, o->handle, &wrapped) || archive_put(b->archive, &wrapped))
        return say_library(b->cli);
    b->saved++;
    return note(b, number, o);
}

static int save_each(void *context, const struct hufu_object *o)
{
    struct backup *b = context;
    if (o->type == HUFU_KEY_DATA || o->type == HUFU_KEY_CERTIFICATE)
        return 0; /* nothing secret: their owners have them */
    if (!(o->usage & HUFU_USAGE_EXPORT_WRAPPED)) {
        b->left++;
        say_note(b->cli, "hufu: %s: its usage does not let it leave the device",
                 *o->label ? o->label : "(no label)");
        return 0;
    }
    b->status = save(b, o);
    return b->status;
}

static int run_backup(struct cli *cli)
{
    struct backup b = {.cli = cli};
    const char *path = value_of(cli, "out");
    char *list = list_path(path);
    int status = list ? link_login(cli) : say_failed("no memory");
    if (!status && hufu_archive_append(&b.archive, path))
        status = say_library(cli);
    if (!status && hufu_archive_count(b.archive))
        status = say_failed("%s: there are keys in it: take a new file for each back-up", path);
    if (!status) {
        const enum hufu_status s = hufu_object_list(cli->session, 0, save_each, &b);
        status = b.status ? b.status : s ? say_library(cli) : DONE;
    }
    hufu_archive_close(b.archive);
    if (!status)
        status = file_write(list, b.list ? b.list : "", b.used, false);
    if (!status)
        say_note(cli, "%s: %" PRIu64 " keys saved, %" PRIu64 " that may not leave the device", path,
                 b.saved, b.left);
    free(b.list);
    free(list);
    return status;
}

/* ------------------------------------------------------------------ and back */

/* One line of the list; false: it is damaged. The line is cut up. */
static bool line_read(char *line, uint64_t *number, char **label, uint8_t *id, size_t *id_size)
{
    char *end, *p;
    *number = strtoull(line, &end, 10);
    if (end == line || *end != ' ' || !(p = strchr(end + 1, ' ')))
        return false;
    char *hex = p + 1;
    if (!(p = strchr(hex, ' ')))
        return false;
    *p = 0;
    *label = p + 1;
    *id_size = HUFU_ID_MAX;
    if (!strcmp(hex, "-")) {
        *id_size = 0;
        return true;
    }
    return hex_bytes(hex, id, id_size);
}

static int restore_one(struct backup *b, char *line)
{
    uint8_t id[HUFU_ID_MAX];
    size_t id_size;
    uint64_t number;
    uint32_t handle;
    char *label;
    struct hufu_wrapped wrapped;
    if (!line_read(line, &number, &label, id, &id_size))
        return say_failed("the list of the back-up is damaged");
    const enum hufu_status found =
        hufu_object_find(b->cli->session, 0, label, id, id_size, &handle);
    if (!found && (*label || id_size)) {
        b->left++;
        say_note(b->cli, "hufu: %s: is there already", label);
        return DONE;
    }
    if ((found && found != HUFU_E_NO_OBJECT) || hufu_archive_get(b->archive, number, &wrapped) ||
        hufu_key_import(b->cli->session, &wrapped, label, id, id_size, &handle))
        return say_library(b->cli);
    b->saved++;
    return DONE;
}

static int restore_all(struct backup *b, char *text)
{
    int status = DONE;
    for (char *line = text; !status && *line;) {
        char *end = line + strcspn(line, "\n");
        char *next = *end ? end + 1 : end;
        *end = 0;
        status = restore_one(b, line);
        line = next;
    }
    return status;
}

static int run_restore(struct cli *cli)
{
    struct backup b = {.cli = cli};
    const char *path = value_of(cli, "in");
    char *list = list_path(path);
    uint8_t *data = NULL;
    size_t size = 0;
    int status = list ? file_read(list, LIST_MAX, &data, &size) : FAILED;
    char *text = status ? NULL : calloc(size + 1, 1);
    if (!status && !text)
        status = say_failed("no memory for the list");
    if (text && data)
        memcpy(text, data, size);
    if (!status && hufu_archive_read(&b.archive, path))
        status = say_library(cli);
    if (!status)
        status = link_login(cli);
    if (!status)
        status = restore_all(&b, text);
    if (!status)
        say_note(cli, "%s: %" PRIu64 " keys restored, %" PRIu64 " were there", path, b.saved,
                 b.left);
    hufu_archive_close(b.archive);
    free(text);
    free(data);
    free(list);
    return status;
}

static const struct option backup_options[] = {
    {"out=FILE!", "a new archive of wrapped keys; FILE.list beside it has their labels and ids", 0},
    {NULL, NULL, 0}};
static const struct option restore_options[] = {
    {"in=FILE!", "the archive that hufu key backup wrote, with FILE.list", 0}, {NULL, NULL, 0}};

const struct command backup_commands[] = {
    {"key backup", NULL, "Save all keys that may leave the device, wrapped", "user", run_backup,
     backup_options},
    {"key restore", NULL, "Take the keys of a back-up in, those that are not there", "user",
     run_restore, restore_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
