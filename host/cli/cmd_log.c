/* The audit log. */
#include "host/cli/cli.h"

#include <inttypes.h>

/* With --last, the records before are only counted: two passes, for the device gives them from the
 * front. */
struct reading {
    const struct cli *cli;
    uint64_t count, skip;
    bool only_count;
};

static const char *command_text(uint8_t command)
{
    const char *name = hufu_command_name(command);
    return name ? name : command ? "?" : "start";
}

static void entry_json(const struct hufu_log_entry *e)
{
    char t[32];
    printf("{\"sequence\": %" PRIu64 ", \"time\": \"%s\", \"command\": \"%s\", \"account\": %u, "
           "\"sw\": \"%04x\", \"object\": %" PRIu32 ", ",
           e->sequence, time_text(e->time, t), command_text(e->command), e->account, e->sw,
           e->object);
    json_text("detail", e->detail);
    printf("}");
    json_end();
}

static void head(void)
{
    printf("%-8s %-20s %-14s %-7s %-4s %-8s %s\n", "record", "time", "command", "account", "sw",
           "object", "detail");
}

static void entry_line(const struct hufu_log_entry *e)
{
    char t[32];
    printf("%-8" PRIu64 " %-20s %-14s %-7u %04x %-8" PRIu32 " %s\n", e->sequence,
           time_text(e->time, t), command_text(e->command), e->account, e->sw, e->object,
           e->detail);
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
        entry_json(e);
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

static const struct option log_options[] = {{"after=N", "only records after this one", 0},
                                            {"last=N", "only the last records", 'n'},
                                            {NULL, NULL, 0}};

const struct command log_commands[] = {
    {"log", NULL, "The audit records, oldest first; --json: one object in each line", "operator",
     run_log, log_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
