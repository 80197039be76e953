#include "host/cli/log_file.h"

#include "host/cli/sm2.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_ROOM = 4096 };

const char *log_command(uint8_t command)
{
    const char *name = hufu_command_name(command);
    return name ? name : command ? "?" : "start";
}

static void hex_field(FILE *f, const char *name, const void *data, size_t n)
{
    const uint8_t *p = data;
    fprintf(f, ", \"%s\": \"", name);
    for (size_t i = 0; i < n; i++)
        fprintf(f, "%02x", p[i]);
    putc('"', f);
}

void log_line_record(FILE *f, const struct hufu_log_entry *e)
{
    char t[32];
    fprintf(f,
            "{\"sequence\": %" PRIu64 ", \"time\": \"%s\", \"command\": \"%s\", \"account\": %u, "
            "\"sw\": \"%04x\", \"object\": %" PRIu32 ", \"detail\": ",
            e->sequence, time_text(e->time, t), log_command(e->command), e->account, e->sw,
            e->object);
    json_quoted(f, e->detail);
    hex_field(f, "previous", e->previous, sizeof e->previous);
    hex_field(f, "record", e->record, e->record_size);
    fputs("}\n", f);
}

void log_line_checkpoint(FILE *f, const struct hufu_log_checkpoint *c, const uint8_t key[64])
{
    char t[32];
    fprintf(f, "{\"sequence\": %" PRIu64 ", \"time\": \"%s\"", c->sequence, time_text(c->time, t));
    hex_field(f, "serial", c->serial, sizeof c->serial);
    hex_field(f, "hash", c->hash, sizeof c->hash);
    hex_field(f, "key", key, 64);
    hex_field(f, "checkpoint", c->statement, sizeof c->statement);
    hex_field(f, "signature", c->signature, sizeof c->signature);
    fputs("}\n", f);
}

/* ------------------------------------------------------------------ reading back */

/* The bytes of a field of a line: their number, 0 when it is not there, too long, or no hex. */
static size_t field_of(const char *line, const char *name, uint8_t *out, size_t room)
{
    char text[2 * LINE_ROOM + 1], start[32];
    snprintf(start, sizeof start, "\"%s\": \"", name);
    const char *p = strstr(line, start);
    const size_t n = p ? strcspn(p + strlen(start), "\"") : 0;
    if (!n || n > 2 * room || n >= sizeof text)
        return 0;
    memcpy(text, p + strlen(start), n);
    text[n] = 0;
    return hex_bytes(text, out, &room) ? room : 0;
}

/* The line is, byte by byte, what we would write of these bytes. */
static bool says_so(const char *line, const struct hufu_log_entry *e,
                    const struct hufu_log_checkpoint *c, const uint8_t *key)
{
    char *text = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&text, &size);
    if (!f)
        return false;
    if (e)
        log_line_record(f, e);
    else
        log_line_checkpoint(f, c, key);
    const bool same = !fclose(f) && !strcmp(line, text);
    free(text);
    return same;
}

struct at {
    const char *path;
    unsigned long line;
};

static int wrong(const struct at *at, const char *what)
{
    return say_failed("%s, line %lu: %s", at->path, at->line, what);
}

/* The record of a restore of the backup that the log before is of. */
static bool goes_on(const struct hufu_log_entry *e, const struct log_chain *before)
{
    uint8_t named[64 + HUFU_LOG_STATEMENT], digest[HUFU_DIGEST_MAX];
    char hex[2 * sizeof digest + 1];
    size_t n;
    memcpy(named, before->key, 64);
    memcpy(named + 64, before->checkpoint.statement, HUFU_LOG_STATEMENT);
    return !strcmp(log_command(e->command), "restore_log") && e->sw == 0x9000 &&
           !hash_bytes(named, sizeof named, HUFU_DIGEST_SM3, NULL, NULL, digest, &n) &&
           !strcmp(e->detail, hex_text(digest, n / 2, hex));
}

static int take_record(const struct at *at, const char *line, struct log_chain *c)
{
    struct hufu_log_entry e;
    uint8_t record[HUFU_LOG_RECORD_MAX];
    size_t n = field_of(line, "record", record, sizeof record);
    if (!n || hufu_log_entry_read(record, n, &e) || !says_so(line, &e, NULL, NULL))
        return wrong(at, "changed, or not a line of an exported log");
    if (c->last && e.sequence != c->last + 1)
        return e.sequence > c->last + 1 ? wrong(at, "records before it are missing")
                                        : wrong(at, "out of order, or there twice");
    if (c->last && memcmp(e.previous, c->hash, sizeof e.previous))
        return wrong(at, "does not follow from the record before: one of them was changed");
    if (!c->last)
        c->first = e.sequence;
    c->last = e.sequence;
    c->ended = false;
    if (c->before && !c->restored && goes_on(&e, c->before))
        c->restored = e.sequence;
    return hash_bytes(record, n, HUFU_DIGEST_SM3, NULL, NULL, c->hash, &n);
}

static int take_checkpoint(const struct at *at, const char *line, struct log_chain *c)
{
    uint8_t statement[HUFU_LOG_STATEMENT], key[64];
    struct hufu_log_checkpoint *p = &c->checkpoint, before = c->checkpoint;
    if (field_of(line, "checkpoint", statement, sizeof statement) != sizeof statement ||
        field_of(line, "signature", p->signature, 64) != 64 ||
        field_of(line, "key", key, 64) != 64 || hufu_log_statement_read(statement, p) ||
        !says_so(line, NULL, p, key))
        return wrong(at, "changed, or not a line of an exported log");
    if (c->key_known && memcmp(c->key, key, sizeof key))
        return wrong(at, "the checkpoint is of another device");
    if (before.sequence && memcmp(before.serial, p->serial, sizeof p->serial))
        return wrong(at, "the checkpoint is of another life of the device");
    if (!sm2_signed(key, statement, sizeof statement, p->signature))
        return wrong(at, "the signature of the checkpoint is wrong");
    if (p->sequence != c->last || memcmp(p->hash, c->hash, sizeof p->hash))
        return wrong(at, "the checkpoint is of another record: the newest are missing or changed");
    memcpy(c->key, key, sizeof key);
    c->key_known = c->ended = true;
    return DONE;
}

static int verify(FILE *f, const char *path, struct log_chain *chain)
{
    char line[LINE_ROOM];
    struct at at = {path, 0};
    int status = DONE;
    while (!status && fgets(line, sizeof line, f)) {
        at.line++;
        status = strstr(line, "\"checkpoint\": ") ? take_checkpoint(&at, line, chain)
                                                  : take_record(&at, line, chain);
    }
    if (!status && ferror(f))
        status = say_failed("%s: cannot be read: %s", path, strerror(errno));
    fclose(f);
    if (!status && !chain->last)
        status = say_failed("%s: holds no records", path);
    if (!status && !chain->ended)
        status =
            say_failed("%s: ends without a checkpoint: nothing shows that its last records are "
                       "all that there were",
                       path);
    return status;
}

int log_file_verify(const char *path, struct log_chain *chain)
{
    FILE *f = fopen(path, "r");
    return f ? verify(f, path, chain) : say_failed("%s: cannot be read: %s", path, strerror(errno));
}

int log_bytes_verify(const char *path, const void *data, size_t size, struct log_chain *chain)
{
    if (!size)
        return say_failed("%s: holds no records", path);
    FILE *f = fmemopen((void *)(uintptr_t)data, size, "r"); /* which only reads */
    return f ? verify(f, path, chain) : say_failed("%s: no memory", path);
}
