/* Several administrators for what cannot be undone: how many, who approves what. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/cli/cli.h"

/* Of this account; NULL: none */
static const struct hufu_approval *own(const struct cli *cli, const struct hufu_approvals *a)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->approval[i].account == cli->account)
            return &a->approval[i];
    return NULL;
}

static unsigned same(const struct hufu_approvals *a, const struct hufu_approval *one)
{
    unsigned n = 0;
    for (size_t i = 0; i < a->count; i++)
        n += a->approval[i].command == one->command &&
             !memcmp(a->approval[i].hash, one->hash, sizeof one->hash);
    return n;
}

/* The session is gone: with the keys, if that was the command. */
static int ended(struct cli *cli)
{
    struct hufu_info info;
    if (!hufu_info(cli->device, &info) &&
        (info.state == HUFU_STATE_BLANK || info.state == HUFU_STATE_TERMINATED)) {
        say_note(cli, "carried out: the keys of the device are destroyed");
        return DONE;
    }
    return say_failed("the device has ended the session, and the approval with it");
}

int approve_wait(struct cli *cli)
{
    const struct timespec pause = {0, 200 * 1000 * 1000};
    struct hufu_approvals a;
    if (!cli->session || hufu_approvals(cli->session, &a) || !own(cli, &a))
        return FAILED; /* it was told why */
    const struct hufu_approval first = *own(cli, &a);
    unsigned given = 0;
    uint32_t left = first.left;
    say_note(cli,
             "keep this running until another administrator gives the command; interrupt it to "
             "take the approval back");
    for (;;) {
        const struct hufu_approval *mine = own(cli, &a);
        if (!mine && left > 2000) {
            say_note(cli, "carried out");
            return DONE;
        }
        if (!mine)
            return say_failed("the ten minutes are over: the approval is void");
        if (mine->command != first.command || memcmp(mine->hash, first.hash, sizeof first.hash))
            return say_failed("this account approves another command now");
        if (same(&a, mine) != given)
            say_note(cli, "%u of %u approvals; giving the command is the last", same(&a, mine),
                     a.needed);
        given = same(&a, mine);
        left = mine->left;
        nanosleep(&pause, NULL);
        if (hufu_approvals(cli->session, &a))
            return ended(cli);
    }
}

const char *approve_hint(const struct cli *cli, char *out, size_t room)
{
    struct hufu_approvals a;
    *out = 0;
    if (hufu_last_sw() == HUFU_E_APPROVALS_MISSING && cli->session &&
        !hufu_approvals(cli->session, &a))
        snprintf(out, room,
                 ": it takes %u administrators: let %u more run \"hufu approve %s\" with the same "
                 "options and keep it running, then repeat this",
                 a.needed, a.needed - 1, cli->command->name);
    return out;
}

/* ------------------------------------------------------------------ commands */

static int run_quorum(struct cli *cli)
{
    const char *text = operand(cli, 0);
    uint64_t needed;
    if (!text || operand(cli, 1) || !number_parse(text, 1, HUFU_QUORUM_MAX, &needed))
        return say_usage(cli, "give a number from 1 to %d", HUFU_QUORUM_MAX);
    const int status = link_login(cli);
    if (status)
        return status;
    return hufu_quorum_set(cli->session, (unsigned)needed) ? say_library(cli) : DONE;
}

/* "?": of a device that has more commands than this program knows */
static const char *command_name(const struct hufu_approval *a)
{
    const char *name = hufu_command_name(a->command);
    return name ? name : "?";
}

static void approvals_json(const struct hufu_approvals *a)
{
    json_open(NULL, '{');
    json_number("needed", a->needed);
    json_number("administrators", a->administrators);
    json_open("approvals", '[');
    for (size_t i = 0; i < a->count; i++) {
        const struct hufu_approval *one = &a->approval[i];
        json_open(NULL, '{');
        json_number("account", one->account);
        json_text("command", command_name(one));
        json_hex("hash", one->hash, sizeof one->hash);
        json_number("left", one->left);
        json_close('}');
    }
    json_close(']');
    json_close('}');
    json_end();
}

static int run_approvals(struct cli *cli)
{
    struct hufu_approvals a;
    char hex[17];
    const int status = link_login(cli);
    if (status)
        return status;
    if (hufu_approvals(cli->session, &a))
        return say_library(cli);
    if (flag(cli, "json")) {
        approvals_json(&a);
        return DONE;
    }
    printf("%u of %u administrators must agree\n", a.needed, a.administrators);
    for (size_t i = 0; i < a.count; i++)
        printf("account %u approves %s %s, for %u s\n", a.approval[i].account,
               command_name(&a.approval[i]), hex_text(a.approval[i].hash, 8, hex),
               (unsigned)(a.approval[i].left / 1000));
    return DONE;
}

/* "approve" is read before the table is: what follows it is the command to approve. */
static int run_approve(struct cli *cli)
{
    return say_usage(cli, "give the command to approve, with its options");
}

const struct command quorum_commands[] = {
    {"quorum", "N", "So many administrators must agree to what cannot be undone", "admin",
     run_quorum, NULL},
    {"approve", "COMMAND...",
     "Approve a command that another administrator gives: the same words and options", "admin",
     run_approve, NULL},
    {"approvals", NULL, "What is approved now, and how many must agree", "admin", run_approvals,
     NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
