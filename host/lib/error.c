#include "host/lib/lib.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

/* hufu.h repeats the tables for programs that have no other file of ours; this keeps the two the
 * same. */
#define UP_state           STATE
#define UP_role            ROLE
#define UP_key             KEY
#define UP_usage           USAGE
#define UP_origin          ORIGIN
#define UP_digest          DIGEST
#define UP_sign            SIGN
#define UP_cipher          CIPHER
#define UP_init            INIT
#define UP_key_flag        KEY_FLAG
#define UP_agree           AGREE
#define UP_mac             MAC
#define UP_wrap            WRAP
#define UP_part            PART
#define UP_policy          POLICY
#define UP_derive          DERIVE
#define UP_channel         CHANNEL
#define UP_channel_open    CHANNEL_OPEN
#define UP_sealed          SEALED
#define JOIN_(group, name) HUFU_##group##_##name
#define JOIN(group, name)  JOIN_(group, name)
#define ENUM(group, name, value, text)                                                             \
    _Static_assert((value) == JOIN(UP_##group, name), "hufu.h: " #group " " #name);
#define FLAG                     ENUM
#define LIMIT(name, value, text) _Static_assert((value) == HUFU_##name, "hufu.h: " #name);
#include "proto/objects.def"
enum { HUFU_E_OK = SW_OK };
#define STATUS(sw, name, text, ckr, sdr, sar)                                                      \
    _Static_assert((sw) == HUFU_E_##name, "hufu.h: " #name);
#include "proto/status.def"

static const struct {
    enum hufu_status status;
    const char *name, *text;
} own[] = {
    {HUFU_OK, "OK", "done"},
    {HUFU_E_ARGUMENT, "ARGUMENT", "an argument is out of range"},
    {HUFU_E_MEMORY, "MEMORY", "no memory left on this machine"},
    {HUFU_E_URL, "URL", "no device named, or no such kind of link"},
    {HUFU_E_OPEN, "OPEN", "the device cannot be reached"},
    {HUFU_E_PROTOCOL, "PROTOCOL", "the device speaks another version of the protocol"},
    {HUFU_E_LINK, "LINK", "the link is lost; the command was not carried out"},
    {HUFU_E_UNKNOWN_OUTCOME, "UNKNOWN_OUTCOME",
     "the link was lost on the way; the command may have been carried out"},
    {HUFU_E_TIMEOUT, "TIMEOUT", "no answer in time; the command may have been carried out"},
    {HUFU_E_BAD_ANSWER, "BAD_ANSWER", "the device's answer makes no sense"},
    {HUFU_E_ROOM, "ROOM", "the caller's buffer is too small"},
    {HUFU_E_PENDING, "PENDING", "no answer yet"},
    {HUFU_E_STOPPED, "STOPPED", "the caller asked to stop"},
    {HUFU_E_FILE, "FILE", "a file cannot be read or written"},
    {HUFU_E_FORMAT, "FORMAT", "not in the expected format"},
    {HUFU_E_NOT_FOUND, "NOT_FOUND", "there is nothing of this name"},
    {HUFU_E_CRYPTO, "CRYPTO", "the host's cryptographic library failed"},
    {HUFU_E_TRUST, "TRUST", "not the device that is trusted"},
    {HUFU_E_CHANNEL, "CHANNEL", "only through a secure channel, and there is none"},
    {HUFU_E_APPROVED, "APPROVED", "approved, not carried out"},
};

static const struct status_info *device_status(enum hufu_status status)
{
    for (size_t i = 0; i < proto_status_count; i++)
        if (proto_statuses[i].sw == (unsigned)status && status != (enum hufu_status)SW_OK)
            return &proto_statuses[i];
    return NULL;
}

const char *hufu_strerror(enum hufu_status status)
{
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].status == status)
            return own[i].text;
    const struct status_info *s = device_status(status);
    return s ? s->text : "unknown status";
}

const char *hufu_status_name(enum hufu_status status)
{
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (own[i].status == status)
            return own[i].name;
    const struct status_info *s = device_status(status);
    return s ? s->name : "UNKNOWN";
}

struct hufu_codes hufu_codes(enum hufu_status status)
{
    const struct status_info *s = device_status(status);
    return s ? (struct hufu_codes){s->ckr, s->sdr, s->sar} : (struct hufu_codes){0, 0, 0};
}

static _Thread_local char last_error[600];
static _Thread_local uint16_t last_sw;

const char *hufu_last_error(void)
{
    return last_error[0] ? last_error : "no error";
}

uint16_t hufu_last_sw(void)
{
    return last_sw;
}

void set_last_sw(uint16_t sw)
{
    last_sw = sw;
}

enum hufu_status fail_with(enum hufu_status status, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(last_error, sizeof last_error, format, args);
    va_end(args);
    return status;
}

const char *hufu_version(void)
{
    return HUFU_VERSION;
}

const char *hufu_name(const char *group, uint32_t value)
{
    const struct name_info *n = group ? proto_name(group, value) : NULL;
    return n ? n->name : NULL;
}

enum hufu_status hufu_value(const char *group, const char *name, uint32_t *value)
{
    char word[40] = "";
    if (!group || !name || strlen(name) >= sizeof word)
        return fail_with(HUFU_E_NOT_FOUND, "no such word");
    for (size_t i = 0; name[i]; i++)
        word[i] = name[i] == '-' ? '_' : name[i];
    const struct name_info *n = proto_value(group, word);
    if (!n)
        return fail_with(HUFU_E_NOT_FOUND, "%s: no such %s", name, group);
    *value = n->value;
    return HUFU_OK;
}

const char *hufu_command_name(uint8_t ins)
{
    const struct command_info *c = proto_command(ins);
    return c ? c->name : NULL;
}

void hufu_wipe(void *p, size_t n)
{
    wipe(p, n);
}

uint64_t now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}
