/*
 * The wrap domain in several devices: shares for custodians, and devices that join with them; and
 * attended devices that are opened by such shares.
 */
#include <stdlib.h>
#include <string.h>

#include "host/cli/foreign.h"
#include "host/cli/pem.h"
#include "host/cli/sm2.h"

#define SHARE "HUFU SHARE"
#define JOIN  "HUFU JOIN"
enum { SHARE_SIZE = 64, JOIN_SIZE = HUFU_JOIN_STATEMENT + 64, PATH_ROOM = 4096 };

static int custodians_read(const struct cli *cli, uint8_t (*keys)[64], unsigned *count)
{
    const char *path;
    for (*count = 0; (path = value_nth(cli, "custodian", *count)) != NULL; ++*count) {
        struct hufu_object key;
        if (*count == HUFU_CUSTODIANS_MAX)
            return say_usage(cli, "at most %d custodians", HUFU_CUSTODIANS_MAX);
        if (pubin_read_sm2(path, &key))
            return FAILED;
        for (unsigned i = 0; i < *count; i++)
            if (!memcmp(keys[i], key.public_key, 64))
                return say_failed("%s: the key of another custodian, too", path);
        memcpy(keys[*count], key.public_key, 64);
    }
    return DONE;
}

/* What is split, begun and given: a wrap domain or a start. */
typedef enum hufu_status split_fn(struct hufu_session *session, unsigned threshold,
                                  const uint8_t (*custodians)[64], unsigned count,
                                  uint8_t (*boxes)[HUFU_SHARE_BOX]);
typedef enum hufu_status begin_fn(struct hufu_session *session, struct hufu_join *out);
typedef enum hufu_status give_fn(struct hufu_session *session, const uint8_t box[HUFU_SHARE_BOX],
                                 unsigned *given, unsigned *threshold);

static bool share_path(const char *out, unsigned i, char path[PATH_ROOM])
{
    return snprintf(path, PATH_ROOM, "%s-%u.share", out, i + 1) < PATH_ROOM;
}

static int split(struct cli *cli, split_fn *call, const char *what)
{
    uint8_t keys[HUFU_CUSTODIANS_MAX][64], boxes[HUFU_CUSTODIANS_MAX][HUFU_SHARE_BOX];
    char path[PATH_ROOM];
    unsigned count;
    uint64_t threshold;
    const char *out = value_of(cli, "out");
    if (!number_of(cli, "threshold", 2, HUFU_CUSTODIANS_MAX, 3, &threshold))
        return USAGE;
    int status = custodians_read(cli, keys, &count);
    if (!status && count < threshold)
        status = say_usage(cli, "%u custodians for a threshold of %u: name more with --custodian",
                           count, (unsigned)threshold);
    for (unsigned i = 0; i < count && !status; i++)
        status = share_path(out, i, path) ? file_absent(path) : say_usage(cli, "--out is too long");
    if (!status)
        status = link_login(cli);
    if (!status &&
        call(cli->session, (unsigned)threshold, (const uint8_t(*)[64])keys, count, boxes))
        status = say_library(cli);
    for (unsigned i = 0; i < count && !status; i++) {
        share_path(out, i, path);
        status = pem_write_to(path, SHARE, boxes[i], sizeof boxes[i]);
    }
    if (!status)
        say_note(cli, "%u shares, %u of which %s", count, (unsigned)threshold, what);
    return status;
}

static int run_split(struct cli *cli)
{
    return split(cli, hufu_domain_split, "make another device a member of this wrap domain");
}

static int begin(struct cli *cli, begin_fn *call)
{
    struct hufu_join join;
    uint8_t both[JOIN_SIZE];
    const int status = link_login(cli);
    if (status)
        return status;
    if (call(cli->session, &join))
        return say_library(cli);
    memcpy(both, join.statement, sizeof join.statement);
    memcpy(both + sizeof join.statement, join.signature, sizeof join.signature);
    return pem_write_to(value_of(cli, "out"), JOIN, both, sizeof both);
}

static int run_begin(struct cli *cli)
{
    return begin(cli, hufu_domain_begin);
}

static int give(struct cli *cli, give_fn *call)
{
    uint8_t box[HUFU_SHARE_BOX];
    unsigned given, threshold;
    const char *path = operand(cli, 0);
    if (!path || operand(cli, 1))
        return say_usage(cli, "give one file, of hufu share reseal");
    int status = pem_read(path, SHARE, box, sizeof box);
    if (!status)
        status = link_login(cli);
    if (!status && call(cli->session, box, &given, &threshold))
        status = say_library(cli);
    if (!status)
        say_note(cli, "%u of %u shares", given, threshold);
    return status;
}

static int run_give(struct cli *cli)
{
    return give(cli, hufu_domain_give);
}

static int run_join(struct cli *cli)
{
    uint8_t domain[8];
    char hex[17];
    const int status = link_login(cli);
    if (status)
        return status;
    if (hufu_domain_join(cli->session, domain))
        return say_library(cli);
    say_note(cli, "the device is a member of wrap domain %s", hex_text(domain, sizeof domain, hex));
    return DONE;
}

/* ------------------------------------------------------------------ custody */

static int run_custody_split(struct cli *cli)
{
    return split(cli, hufu_custody_split, "open this device");
}

static int run_custody_only(struct cli *cli)
{
    const int status = link_login(cli);
    if (status)
        return status;
    return hufu_custody_only(cli->session) ? say_library(cli) : DONE;
}

static int run_custody_begin(struct cli *cli)
{
    return begin(cli, hufu_custody_begin);
}

static int run_custody_give(struct cli *cli)
{
    return give(cli, hufu_custody_give);
}

static int run_custody_unlock(struct cli *cli)
{
    const int status = link_login(cli);
    if (status)
        return status;
    return hufu_custody_unlock(cli->session) ? say_library(cli) : DONE;
}

/* ------------------------------------------------------------------ share reseal */

/* The key that the joining device states, when the device is the one that the custodian knows. */
static int join_read(const char *path, const char *device_path, struct hufu_join *join)
{
    uint8_t both[JOIN_SIZE];
    struct hufu_object device;
    if (pem_read(path, JOIN, both, sizeof both) || pubin_read(device_path, &device))
        return FAILED;
    if (device.type != HUFU_KEY_SM2 || hufu_join_read(both, join))
        return say_failed("%s: not of a device that joins a domain", path);
    if (!sm2_signed(device.public_key, both, HUFU_JOIN_STATEMENT, both + HUFU_JOIN_STATEMENT))
        return say_failed("%s: not stated by the device of %s", path, device_path);
    return DONE;
}

static int run_reseal(struct cli *cli)
{
    uint8_t box[HUFU_SHARE_BOX], share[SHARE_SIZE];
    struct hufu_join join;
    const char *in = operand(cli, 0);
    if (!in || operand(cli, 1))
        return say_usage(cli, "give one file, of hufu domain split");
    int status = join_read(value_of(cli, "to"), value_of(cli, "device-key"), &join);
    if (!status)
        status = pem_read(in, SHARE, box, sizeof box);
    if (!status)
        status = sm2_open(cli, value_of(cli, "key"), box, sizeof share, share);
    if (!status && !sm2_seal(join.public_key, share, sizeof share, box))
        status = say_crypto("SM2 encryption");
    hufu_wipe(share, sizeof share);
    return status ? status : pem_write_to(value_of(cli, "out"), SHARE, box, sizeof box);
}

/* ------------------------------------------------------------------ table */

#define SHARES                                                                                     \
    {"custodian=FILE!", "SM2 public key or certificate of a custodian; once for each", 0},         \
    {                                                                                              \
        "out=PREFIX!", "the shares are PREFIX-1.share and so on", 0                                \
    }
static const struct option split_options[] = {
    {"threshold=K", "so many shares make another device a member (default 3)", 0},
    SHARES,
    {NULL, NULL, 0}};
static const struct option custody_split_options[] = {
    {"threshold=K", "so many shares open the device (default 3)", 0}, SHARES, {NULL, NULL, 0}};
static const struct option begin_options[] = {
    {"out=FILE", "where to (default: standard output)", 0}, {NULL, NULL, 0}};
static const struct option reseal_options[] = {
    {"key=FILE!", "the custodian's private key, PEM", 0},
    PASSPHRASE_OPTION,
    {"to=FILE!", "of hufu domain begin, or custody begin, on the device that is to get it", 0},
    {"device-key=FILE!", "that device's own key or certificate (hufu identity)", 0},
    {"out=FILE", "where to (default: standard output)", 0},
    {NULL, NULL, 0}};

const struct command domain_commands[] = {
    {"domain split", NULL, "The wrap-domain key as shares, each encrypted to a custodian", "admin",
     run_split, split_options},
    {"domain begin", NULL, "Get ready to join another wrap domain: a key for its shares", "admin",
     run_begin, begin_options},
    {"domain give", "FILE", "One share, resealed for this device", "admin", run_give, NULL},
    {"domain join", NULL, "Join with the shares that were given", "admin", run_join, NULL},
    {"share reseal", "FILE", "As its custodian: encrypt a share anew, for a device that joins",
     NULL, run_reseal, reseal_options},
    {"custody split", NULL, "What opens an attended device as shares, encrypted to custodians",
     "admin", run_custody_split, custody_split_options},
    {"custody begin", NULL, "On a locked device: a key for its custodians' shares", "operator",
     run_custody_begin, begin_options},
    {"custody give", "FILE", "One share, resealed for this locked device", "operator",
     run_custody_give, NULL},
    {"custody unlock", NULL, "Open the device with the shares that were given", "operator",
     run_custody_unlock, NULL},
    {"custody only", NULL, "From now on shares alone open the device, the unlock secret does not",
     "admin", run_custody_only, NULL},
    {NULL, NULL, NULL, NULL, NULL, NULL}};
