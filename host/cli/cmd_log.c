/* The audit log. */
#include "host/cli/log_file.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* With --last, the records before are only counted: two passes, for the device gives them from the
 * front. */
struct reading {
    const struct cli *cli;
    uint64_t count, skip;
    bool only_count;
};

static void head(void)
{
    printf("%-8s %-20s %-14s %-7s %-4s %-8s %s\n", "record", "time", "command", "account", "sw",
           "object", "detail");
}

static void entry_line(const struct hufu_log_entry *e)
{
    char t[32];
    printf("%-8" PRIu64 " %-20s %-14s %-7u %04x %-8" PRIu32 " %s\n", e->sequence,
           time_text(e->time, t), log_command(e->command), e->account, e->sw, e->object, e->detail);
}

static int each(void *context, const struct hufu_log_entry *e)
{
    struct reading *r = context;
    r->count++;
    if (r->only_count || r->count <= r->skip)
        return 0;
    if (!flag(r->cli, "json") && r->count == r->skip + 1)
        head();
    if (flag(r->cli, "json"))
        log_line_record(stdout, e);
    else
        entry_line(e);
    return 0;
}

static int run_log(struct cli *cli)
{
    uint64_t after, last;
    if (!number_of(cli, "after", 0, UINT64_MAX, 0, &after) ||
        !number_of(cli, "last", 1, UINT64_MAX, 0, &last))
        return USAGE;
    const int status = link_login(cli);
    if (status)
        return status;
    struct reading r = {.cli = cli, .only_count = last != 0};
    if (last && hufu_log_read(cli->session, after, each, &r))
        return say_library(cli);
    r = (struct reading){.cli = cli, .skip = last && r.count > last ? r.count - last : 0};
    return hufu_log_read(cli->session, after, each, &r) ? say_library(cli) : DONE;
}

/* ------------------------------------------------------------------ log export */

struct exporting {
    FILE *f;
    struct hufu_log_checkpoint checkpoint;
};

/* Up to the checkpoint: others may add records meanwhile. */
static int export_each(void *context, const struct hufu_log_entry *e)
{
    struct exporting *x = context;
    if (e->sequence > x->checkpoint.sequence)
        return 1;
    log_line_record(x->f, e);
    return 0;
}

static int export_lines(struct cli *cli, uint64_t after, FILE *f)
{
    struct exporting x = {.f = f};
    uint8_t key[64];
    if (hufu_identity(cli->device, key) || hufu_log_checkpoint(cli->session, &x.checkpoint))
        return say_library(cli);
    const enum hufu_status s = hufu_log_read(cli->session, after, export_each, &x);
    if (s && s != HUFU_E_STOPPED)
        return say_library(cli);
    log_line_checkpoint(f, &x.checkpoint, key);
    return DONE;
}

int log_text(struct cli *cli, uint64_t after, char **text, size_t *size)
{
    FILE *f = open_memstream(text, size);
    if (!f)
        return say_failed("no memory");
    const int status = export_lines(cli, after, f);
    return fclose(f) && !status ? say_failed("no memory") : status;
}

static int run_log_export(struct cli *cli)
{
    uint64_t after;
    char *text = NULL;
    size_t size = 0;
    if (!number_of(cli, "after", 0, UINT64_MAX, 0, &after))
        return USAGE;
    int status = link_login(cli);
    if (!status)
        status = log_text(cli, after, &text, &size);
    if (!status)
        status = file_write(value_of(cli, "out"), text, size, false);
    free(text);
    return status;
}

/* ------------------------------------------------------------------ log verify, log truncate */

static int known_key(const struct cli *cli, struct log_chain *chain)
{
    struct hufu_object key;
    const char *path = value_of(cli, "device-key");
    if (!path)
        return DONE;
    if (pubin_read_sm2(path, &key))
        return FAILED;
    memcpy(chain->key, key.public_key, sizeof chain->key);
    chain->key_known = true;
    return DONE;
}

static void verified(const struct cli *cli, const struct log_chain *c)
{
    char t[32], hex[2 * HUFU_SERIAL_SIZE + 1], hex_before[2 * HUFU_SERIAL_SIZE + 1] = "";
    const char *serial = hex_text(c->checkpoint.serial, HUFU_SERIAL_SIZE, hex);
    const char *before =
        c->before ? hex_text(c->before->checkpoint.serial, HUFU_SERIAL_SIZE, hex_before) : "";
    if (flag(cli, "json")) {
        json_open(NULL, '{');
        json_number("first", c->first);
        json_number("last", c->last);
        json_text("serial", serial);
        json_text("checkpoint", time_text(c->checkpoint.time, t));
        json_bool("device_key_given", value_of(cli, "device-key") != NULL);
        if (c->before) {
            json_text("continues", before);
            json_number("continues_after", c->before->last);
            json_number("restored", c->restored);
        }
        json_close('}');
        json_end();
        return;
    }
    printf("records %" PRIu64 " to %" PRIu64 " of device %s, as it stated at %s\n", c->first,
           c->last, serial, time_text(c->checkpoint.time, t));
    if (c->before)
        printf("since record %" PRIu64 " it goes on after record %" PRIu64 " of device %s\n",
               c->restored, c->before->last, before);
    if (!value_of(cli, "device-key"))
        say_note(cli,
                 "the device's key was taken from the file: give --device-key (hufu identity) to "
                 "know whose it is");
}

/* It begins where it may, and goes on from where it is said to. */
static int chain_ends(const struct cli *cli, const struct log_chain *c, uint64_t after)
{
    if (c->first > after + 1)
        return say_failed("%s: records %" PRIu64 " to %" PRIu64 " are missing before it: put the "
                          "exports that hold them first, or say --after %" PRIu64
                          " if it may begin there",
                          operand(cli, 0), after + 1, c->first - 1, c->first - 1);
    if (c->before && !c->restored)
        return say_failed("no record says that this log goes on where %s ends: take the log out "
                          "of the backup that was restored (hufu backup verify --log)",
                          value_of(cli, "continues"));
    return DONE;
}

static int run_log_verify(struct cli *cli)
{
    struct log_chain chain = {0}, before = {0};
    const char *continues = value_of(cli, "continues");
    uint64_t after;
    if (!operand(cli, 0))
        return say_usage(cli, "give one file or more, oldest first");
    if (!number_of(cli, "after", 0, UINT64_MAX - 1, 0, &after))
        return USAGE;
    int status = known_key(cli, &chain);
    if (!status && continues)
        status = log_file_verify(continues, &before);
    chain.before = continues ? &before : NULL;
    for (unsigned i = 0; !status && operand(cli, i); i++)
        status = log_file_verify(operand(cli, i), &chain);
    if (!status)
        status = chain_ends(cli, &chain, after);
    if (!status)
        verified(cli, &chain);
    return status;
}

static int first_only(void *context, const struct hufu_log_entry *e)
{
    *(uint64_t *)context = e->sequence;
    return 1;
}

/* The device has no record from before the file. */
static int holds_oldest(struct cli *cli, const char *path, const struct log_chain *chain)
{
    uint64_t oldest = chain->first;
    const enum hufu_status s = hufu_log_read(cli->session, 0, first_only, &oldest);
    if (s && s != HUFU_E_STOPPED)
        return say_library(cli);
    return chain->first <= oldest
               ? DONE
               : say_failed("%s: begins with record %" PRIu64 ", the device still has those from "
                            "%" PRIu64 " on: export them all",
                            path, chain->first, oldest);
}

/* The device forgets nothing that is not in a file that verifies. */
static int run_log_truncate(struct cli *cli)
{
    struct log_chain chain = {0};
    struct hufu_log_checkpoint now;
    const char *path = operand(cli, 0);
    if (!path || operand(cli, 1))
        return say_usage(cli, "give the file that hufu log export made");
    int status = log_file_verify(path, &chain);
    if (!status)
        status = link_login(cli);
    if (status)
        return status;
    uint8_t key[64];
    /* the device wants to have signed the records since it started: the file may be older */
    if (hufu_identity(cli->device, key) || hufu_log_checkpoint(cli->session, &now))
        return say_library(cli);
    if (memcmp(key, chain.key, sizeof key))
        return say_failed("%s: the log of another device", path);
    if (holds_oldest(cli, path, &chain))
        return FAILED;
    if (hufu_log_truncate(cli->session, chain.last))
        return say_library(cli);
    say_note(cli, "records up to %" PRIu64 " are forgotten", chain.last);
    return DONE;
}

static const struct option log_options[] = {{"after=N", "only records after this one", 0},
                                            {"last=N", "only the last records", 'n'},
                                            {NULL, NULL, 0}};
static const struct option export_options[] = {
    {"out=FILE", "where to (default: standard output)", 0},
    {"after=N", "only records after this one", 0},
    {NULL, NULL, 0}};
static const struct option verify_options[] = {
    {"device-key=FILE", "the device's key, of hufu identity, PEM or DER", 0},
    {"continues=FILE", "the log out of a backup that was restored into this device", 0},
    {"after=N", "the records up to this one are kept elsewhere", 0},
    {NULL, NULL, 0}};
const struct command log_commands[] = {
    {"log export", NULL, "The audit records as JSON lines, with the device's signed checkpoint",
     "operator", run_log_export, export_options},
    {"log verify", "FILE...", "Find any record that was removed, changed or moved", NULL,
     run_log_verify, verify_options},
    {"log truncate", "FILE", "Forget the records that a verified export holds (auditor)", "auditor",
     run_log_truncate, NULL},
    {"log", NULL, "The audit records, oldest first; --json: one object in each line", "operator",
     run_log, log_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
