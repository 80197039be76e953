/* Accounts and PINs. */
#include "host/cli/cli.h"

#include <string.h>

static int run_accounts(struct cli *cli)
{
    struct hufu_account a[HUFU_ACCOUNTS_MAX];
    size_t n = HUFU_ACCOUNTS_MAX;
    char words[64];
    const int status = link_open(cli);
    if (status)
        return status;
    if (hufu_account_list(cli->device, a, &n))
        return say_library(cli);
    if (flag(cli, "json")) {
        json_open(NULL, '[');
        for (size_t i = 0; i < n; i++) {
            json_open(NULL, '{');
            json_number("account", a[i].account);
            json_text("name", a[i].name);
            json_mask("role", "role", a[i].role);
            json_number("tries", a[i].tries);
            json_number("tries_max", a[i].tries_max);
            json_close('}');
        }
        json_close(']');
        json_end();
        return DONE;
    }
    printf("%-8s %-10s %-6s %s\n", "account", "role", "tries", "name");
    for (size_t i = 0; i < n; i++)
        printf("%-8u %-10s %u/%-4u %s\n", a[i].account,
               mask_words("role", a[i].role, words, sizeof words), a[i].tries, a[i].tries_max,
               a[i].name);
    return DONE;
}

static int new_pin(struct cli *cli, const char *who, struct pin *pin)
{
    char text[80];
    snprintf(text, sizeof text, "PIN of %.40s", who);
    const struct pin_source source = {.who = text,
                                      .option = "new-pin-file",
                                      .file = value_of(cli, "new-pin-file"),
                                      .variable = "HUFU_NEW_PIN",
                                      .is_new = true};
    return pin_get(&source, pin);
}

/* The old PIN is found like that of any log-in. */
static int run_pin_change(struct cli *cli)
{
    struct pin pin = {{0}, 0};
    const char *name = value_of(cli, "account");
    int status = link_login(cli);
    if (!status)
        status = new_pin(cli, name ? name : cli->command->account, &pin);
    if (!status && hufu_pin_change(cli->session, cli->account, cli->pin.text, cli->pin.size,
                                   pin.text, pin.size))
        status = say_library(cli);
    hufu_wipe(&pin, sizeof pin);
    return status;
}

static int run_pin_unblock(struct cli *cli)
{
    struct pin pin = {{0}, 0};
    uint8_t account;
    const char *name = operand(cli, 0);
    if (!name || operand(cli, 1))
        return say_usage(cli, "give the account whose PIN is to be new");
    int status = link_login(cli);
    if (!status && hufu_account_find(cli->device, name, &account))
        status = say_library(cli);
    if (!status && !cli->approve)
        status = new_pin(cli, name, &pin);
    if (!status && hufu_pin_unblock(cli->session, account, pin.text, pin.size))
        status = say_library(cli);
    hufu_wipe(&pin, sizeof pin);
    return status;
}

static int run_create(struct cli *cli)
{
    struct pin pin = {{0}, 0};
    uint32_t role;
    uint64_t retries;
    uint8_t account = 0;
    const char *name = operand(cli, 0);
    if (!name || operand(cli, 1))
        return say_usage(cli, "give one name");
    if (!name_sound(cli, "NAME", name, HUFU_NAME_MAX))
        return USAGE;
    if (strspn(name, "0123456789") == strlen(name))
        return say_usage(cli, "a name of digits would be taken for an account's number");
    if (!word_of(cli, "role", "role", 0, &role) ||
        !number_of(cli, "retries", 1, HUFU_RETRIES_MAX, 5, &retries))
        return USAGE;
    int status = link_login(cli);
    if (!status && !cli->approve) /* the PIN is not what others approve */
        status = new_pin(cli, name, &pin);
    if (!status && hufu_account_create(cli->session, (uint8_t)role, (uint8_t)retries, name,
                                       pin.text, pin.size, &account))
        status = say_library(cli);
    hufu_wipe(&pin, sizeof pin);
    return status ? status : say_number(cli, "account", account);
}

static int run_delete(struct cli *cli)
{
    uint8_t account;
    const char *name = operand(cli, 0);
    if (!name || operand(cli, 1))
        return say_usage(cli, "give one account, by its name or number");
    const int status = link_login(cli);
    if (status)
        return status;
    if (hufu_account_find(cli->device, name, &account) ||
        hufu_account_delete(cli->session, account))
        return say_library(cli);
    return DONE;
}

#define NEW_PIN                                                                                    \
    {                                                                                              \
        "new-pin-file=FILE", "the new PIN (else HUFU_NEW_PIN, or a prompt)", 0                     \
    }
static const struct option new_pin_options[] = {NEW_PIN, {NULL, NULL, 0}};
static const struct option create_options[] = {
    {"role=ROLE!", "user, operator, admin or auditor", 0},
    {"retries=N", "tries of the PIN, 1 to 10 (default 5)", 0},
    NEW_PIN,
    {NULL, NULL, 0}};

const struct command account_commands[] = {
    {"accounts", NULL, "All accounts and the tries left for their PINs", NULL, run_accounts, NULL},
    {"account create", "NAME", "Make an account with one role", "admin", run_create,
     create_options},
    {"account delete", "ACCOUNT", "Delete an account that owns no keys", "admin", run_delete, NULL},
    {"pin change", NULL, "Change the PIN of --account by its old value", "user", run_pin_change,
     new_pin_options},
    {"pin unblock", "ACCOUNT", "Give an account a new PIN and all its tries", "admin",
     run_pin_unblock, new_pin_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
