/* The life of a device: init, unlock, lock, label, zeroise, terminate; info, selftest. */
#include "host/cli/cli.h"

#include <string.h>

/* ------------------------------------------------------------------ init */

struct init_pins {
    struct pin admin, operator, user, unlock;
};

static int new_secret(struct cli *cli, const char *who, const char *option, const char *variable,
                      bool optional, struct pin *pin)
{
    const struct pin_source source = {.who = who,
                                      .option = option,
                                      .file = value_of(cli, option),
                                      .variable = variable,
                                      .is_new = true,
                                      .optional = optional};
    return pin_get(&source, pin);
}

static int init_pins(struct cli *cli, struct init_pins *p)
{
    int status = new_secret(cli, "PIN of the administrator", "admin-pin-file", "HUFU_ADMIN_PIN",
                            false, &p->admin);
    if (!status)
        status = new_secret(cli, "PIN of the operator", "operator-pin-file", "HUFU_OPERATOR_PIN",
                            true, &p->operator);
    if (!status)
        status =
            new_secret(cli, "PIN of the user", "user-pin-file", "HUFU_USER_PIN", true, &p->user);
    if (!status && flag(cli, "attended"))
        status = new_secret(cli, "unlock secret", "unlock-file", "HUFU_UNLOCK", false, &p->unlock);
    if (!status && !p->operator.size)
        say_note(cli, "no PIN for the operator: the device is made without this account");
    if (!status && !p->user.size)
        say_note(cli, "no PIN for the user: the device is made without this account");
    return status;
}

/* It is also when the device of before was known here, and what answers now has another key. */
static bool initialised(const struct cli *cli, const uint8_t serial[HUFU_SERIAL_SIZE])
{
    static const uint8_t none[HUFU_SERIAL_SIZE];
    char hex[2 * HUFU_SERIAL_SIZE + 1];
    if (!memcmp(serial, none, sizeof none))
        return false;
    if (flag(cli, "json")) {
        json_open(NULL, '{');
        json_hex("serial", serial, HUFU_SERIAL_SIZE);
        json_close('}');
        json_end();
    } else {
        printf("device %s is initialised\n", hex_text(serial, HUFU_SERIAL_SIZE, hex));
    }
    return true;
}

static int run_init(struct cli *cli)
{
    struct init_pins pins;
    uint8_t serial[HUFU_SERIAL_SIZE] = {0};
    uint64_t retries;
    const char *label = value_of(cli, "label");
    if (!number_of(cli, "retries", 1, HUFU_RETRIES_MAX, 5, &retries) ||
        !name_sound(cli, "--label", label, HUFU_NAME_MAX))
        return USAGE;
    memset(&pins, 0, sizeof pins);
    struct hufu_info info;
    int status = link_open(cli);
    if (!status && hufu_info(cli->device, &info))
        status = say_library(cli);
    else if (!status && info.state == HUFU_STATE_READY)
        status = say_failed("%s is initialised already; hufu zeroise makes it blank",
                            hufu_url(cli->device));
    if (!status)
        status = init_pins(cli, &pins);
    const struct hufu_init init = {
        .flags = (uint8_t)((flag(cli, "attended") ? HUFU_INIT_ATTENDED : 0) |
                           (flag(cli, "audit-stops") ? HUFU_INIT_AUDIT_STOPS : 0) |
                           (flag(cli, "clear-keys") ? HUFU_INIT_CLEAR_KEYS : 0) |
                           (flag(cli, "channel") ? HUFU_INIT_CHANNEL : 0)),
        .retries = (uint8_t)retries,
        .label = label ? label : "",
        .admin_pin = pins.admin.text,
        .operator_pin = pins.operator.text,
        .user_pin = pins.user.text,
        .unlock = pins.unlock.text,
    };
    if (!status && hufu_device_init(cli->device, &init, serial))
        status = say_library(cli);
    hufu_wipe(&pins, sizeof pins);
    return initialised(cli, serial) ? DONE : status;
}

/* ------------------------------------------------------------------ others */

static int run_unlock(struct cli *cli)
{
    struct pin secret;
    const struct pin_source source = {.who = "unlock secret",
                                      .option = "unlock-file",
                                      .file = value_of(cli, "unlock-file"),
                                      .variable = "HUFU_UNLOCK"};
    int status = link_open(cli);
    if (!status)
        status = pin_get(&source, &secret);
    if (!status) {
        if (hufu_device_unlock(cli->device, secret.text, secret.size))
            status = say_library(cli);
        hufu_wipe(&secret, sizeof secret);
    }
    return status;
}

static int run_lock(struct cli *cli)
{
    const int status = link_login(cli);
    if (!status && hufu_device_lock(cli->session))
        return say_library(cli);
    return status;
}

typedef enum hufu_status end_fn(struct hufu_session *session);

static int end(struct cli *cli, end_fn *call, const char *warning)
{
    if (!flag(cli, "yes"))
        return say_usage(cli, "%s: say --yes to do it", warning);
    const int status = link_login(cli);
    if (!status && call(cli->session))
        return say_library(cli);
    return status;
}

static int run_zeroise(struct cli *cli)
{
    return end(cli, hufu_device_zeroise, "this destroys every key of the device");
}

static int run_terminate(struct cli *cli)
{
    return end(cli, hufu_device_terminate, "the device would never work again");
}

static int run_label(struct cli *cli)
{
    const char *label = operand(cli, 0);
    if (!label || operand(cli, 1))
        return say_usage(cli, "give one label");
    if (!name_sound(cli, "TEXT", label, HUFU_NAME_MAX))
        return USAGE;
    const int status = link_login(cli);
    if (!status && hufu_device_label(cli->session, label))
        return say_library(cli);
    return status;
}

/* ------------------------------------------------------------------ info */

static void info_json(const struct hufu_info *i, const struct hufu_capabilities *c)
{
    char w[24], t[32];
    json_open(NULL, '{');
    json_hex("serial", i->serial, sizeof i->serial);
    json_text("label", i->label);
    json_text("state", word("state", i->state, w));
    json_bool("attended", i->flags & HUFU_INIT_ATTENDED);
    json_bool("clear_keys", i->flags & HUFU_INIT_CLEAR_KEYS);
    json_bool("channel", i->flags & HUFU_INIT_CHANNEL);
    json_bool("audit_stops", i->flags & HUFU_INIT_AUDIT_STOPS);
    if (*i->failure)
        json_text("failure", i->failure);
    json_text("version", i->version);
    json_number("protocol", i->protocol);
    json_text("time", time_text(i->time, t));
    json_text("engine", i->engine);
    json_text("port", i->port);
    json_number("boots", i->boots);
    json_number("sessions", i->sessions);
    json_number("sessions_max", i->sessions_max);
    json_number("objects", i->objects);
    json_number("objects_max", i->objects_max);
    json_number("frame_max", i->frame_max);
    json_number("nonces", i->nonces);
    json_number("nonces_max", i->nonces_max);
    json_number("pairs", i->pairs);
    json_number("pairs_max", i->pairs_max);
    json_number("groups", i->groups);
    json_number("groups_all", i->groups_all);
    json_number("batch_max", c->batch_max);
    json_number("tickets", c->tickets);
    json_number("accounts_max", c->accounts_max);
    json_close('}');
    json_end();
}

static void info_text(const struct hufu_info *i, const struct hufu_capabilities *c)
{
    char hex[2 * HUFU_SERIAL_SIZE + 1], w[24], t[32];
    printf("serial    %s\n", hex_text(i->serial, sizeof i->serial, hex));
    printf("label     %s\n", i->label);
    printf("state     %s%s\n", word("state", i->state, w),
           i->flags & HUFU_INIT_ATTENDED ? ", attended start" : "");
    if (*i->failure)
        printf("failure   %s\n", i->failure);
    printf("firmware  %s, protocol %u, port %s, engine %s\n", i->version, i->protocol, i->port,
           i->engine);
    printf("time      %s, start %u\n", time_text(i->time, t), (unsigned)i->boots);
    printf("keys      %u of %u\n", (unsigned)i->objects, (unsigned)i->objects_max);
    printf("sessions  %u of %u\n", (unsigned)i->sessions, (unsigned)i->sessions_max);
    if (i->nonces_max)
        printf("nonces    %u of %u made ahead\n", (unsigned)i->nonces, (unsigned)i->nonces_max);
    else
        printf("nonces    none made ahead\n");
    if (i->pairs_max)
        printf("RSA pairs %u of %u made ahead\n", (unsigned)i->pairs, (unsigned)i->pairs_max);
    if (i->groups_all)
        printf("start-up  generator tested in %u of %u groups\n", (unsigned)i->groups,
               (unsigned)i->groups_all);
    printf("batch     %u at most, %u tickets, frames of %u bytes\n", (unsigned)c->batch_max,
           (unsigned)c->tickets, (unsigned)i->frame_max);
}

static int run_info(struct cli *cli)
{
    struct hufu_info info;
    struct hufu_capabilities capabilities;
    const int status = link_open(cli);
    if (status)
        return status;
    if (hufu_info(cli->device, &info) || hufu_capabilities(cli->device, &capabilities))
        return say_library(cli);
    if (flag(cli, "json"))
        info_json(&info, &capabilities);
    else
        info_text(&info, &capabilities);
    return DONE;
}

/* s: what the device said */
static int tell_selftest(struct cli *cli, enum hufu_status s, struct hufu_selftest result)
{
    if (s && !result.tests)
        return say_library(cli);
    if (flag(cli, "json")) {
        json_open(NULL, '{');
        json_number("tests", result.tests);
        json_number("failed", result.failed);
        if (result.failed)
            json_text("first", result.first);
        json_close('}');
        json_end();
    } else {
        printf("%u self-tests, %u failed\n", result.tests, result.failed);
    }
    return s ? say_library(cli) : DONE;
}

static int run_selftest(struct cli *cli)
{
    struct hufu_selftest result;
    const int status = link_open(cli);
    if (status)
        return status;
    const enum hufu_status s = hufu_selftest(cli->device, &result);
    return tell_selftest(cli, s, result);
}

static int run_selftest_records(struct cli *cli)
{
    struct hufu_selftest result;
    const int status = link_login(cli);
    if (status)
        return status;
    const enum hufu_status s = hufu_selftest_records(cli->session, &result);
    return tell_selftest(cli, s, result);
}

static const struct option init_options[] = {
    {"label=TEXT", "label of the device", 0},
    {"audit-stops", "a full log stops the device until an auditor has truncated it", 0},
    {"clear-keys", "keys to be stored may come in in clear, and secret ones be read", 0},
    {"channel", "take commands in a secure channel only", 0},
    {"attended", "LOCKED after each start, until hufu unlock", 0},
    {"retries=N", "tries of a PIN, 1 to 10 (default 5)", 0},
    {"admin-pin-file=FILE", "the administrator's PIN (else HUFU_ADMIN_PIN, or a prompt)", 0},
    {"operator-pin-file=FILE",
     "the operator's (else HUFU_OPERATOR_PIN, or a prompt); may be left out", 0},
    {"user-pin-file=FILE", "the user's (else HUFU_USER_PIN, or a prompt); may be left out", 0},
    {"unlock-file=FILE", "the unlock secret of --attended (else HUFU_UNLOCK, or a prompt)", 0},
    {NULL, NULL, 0}};
static const struct option unlock_options[] = {
    {"unlock-file=FILE", "the unlock secret (else HUFU_UNLOCK, or a prompt)", 0}, {NULL, NULL, 0}};
static const struct option terminate_options[] = {{"yes", "yes, end it", 0}, {NULL, NULL, 0}};
static const struct option zeroise_options[] = {{"yes", "yes, destroy every key", 0},
                                                {NULL, NULL, 0}};

const struct command admin_commands[] = {
    {"init", NULL, "Make a blank device ready: its keys and its first accounts", NULL, run_init,
     init_options},
    {"info", NULL, "What the device is, its state and its fill", NULL, run_info, NULL},
    {"selftest records", NULL, "The same, and open every stored record", "operator",
     run_selftest_records, NULL},
    {"selftest", NULL, "Run the known-answer tests again", NULL, run_selftest, NULL},
    {"unlock", NULL, "Open an attended device after its start", NULL, run_unlock, unlock_options},
    {"lock", NULL, "Close an attended device again; all sessions end", "operator", run_lock, NULL},
    {"label", "TEXT", "Set the label of the device", "admin", run_label, NULL},
    {"zeroise", NULL, "Destroy all keys; the device is blank again", "admin", run_zeroise,
     zeroise_options},
    {"terminate", NULL, "End the life of the device: all keys are destroyed, it never works again",
     "admin", run_terminate, terminate_options},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
