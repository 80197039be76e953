/* What is printed: messages, words, JSON. */
#include "host/cli/cli.h"

#include <ctype.h>
#include <openssl/err.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* ------------------------------------------------------------------ messages */

/* One line, whatever a file name or a label in it holds. */
__attribute__((format(printf, 2, 0))) static void tell(const char *before, const char *format,
                                                       va_list args, const char *after)
{
    char line[1000];
    vsnprintf(line, sizeof line, format, args);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ' || *c == 0x7F)
            *c = '?';
    fprintf(stderr, "%s%s%s\n", before, line, after);
}

int say_failed(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    tell("hufu: ", format, args, "");
    va_end(args);
    return FAILED;
}

int say_usage(const struct cli *cli, const char *format, ...)
{
    const char *words = cli->command ? cli->command->name : cli->group ? cli->group : "";
    const char *blank = *words ? " " : "";
    char before[80], after[80];
    va_list args;
    snprintf(before, sizeof before, "hufu%s%s: ", blank, words);
    snprintf(after, sizeof after, " (hufu%s%s --help)", blank, words);
    va_start(args, format);
    tell(before, format, args, after);
    va_end(args);
    return USAGE;
}

/* What to do about a device in the wrong state depends on the state. */
static const char *state_hint(struct hufu_device *device)
{
    struct hufu_info info;
    if (!device || hufu_last_sw() != HUFU_E_WRONG_STATE || hufu_info(device, &info))
        return "";
    switch (info.state) {
    case HUFU_STATE_BLANK:
        return ": it is blank: hufu init";
    case HUFU_STATE_LOCKED:
        return ": it is locked: hufu unlock, or hufu custody begin";
    case HUFU_STATE_READY:
        return ": it is ready";
    case HUFU_STATE_TESTING:
        return ": it still tests its generator: hufu info tells how far it is";
    default:
        return ": it has ended its life";
    }
}

/* What a status word means in a command, where its own text is too general. */
static const char *command_hint(const struct cli *cli)
{
    static const struct {
        const char *command;
        uint16_t sw;
        const char *hint;
    } hints[] = {
        {"account delete", HUFU_E_NOT_PERMITTED,
         ": it still owns keys, or too few administrators would be left"},
        {"account delete", HUFU_E_WRONG_DATA, ": no such account: see hufu accounts"},
        {"custody give", HUFU_E_STEP, ": hufu custody begin comes first"},
        {"custody only", HUFU_E_STEP, ": shares must have opened the device this time"},
        {"custody unlock", HUFU_E_STEP, ": hufu custody begin, and enough shares, come first"},
        {"domain give", HUFU_E_STEP, ": hufu domain begin comes first"},
        {"domain join", HUFU_E_STEP, ": hufu domain begin, and enough shares, come first"},
        {"encrypt", HUFU_E_WRONG_DATA,
         ": the input is empty, too long for the key, or not whole blocks without padding"},
        {"key generate", HUFU_E_WRONG_DATA, ": has this type of key that usage?"},
        {"key restrict", HUFU_E_NOT_PERMITTED,
         ": only its owner may, and only tighten; a limited key must not be able to leave the "
         "device"},
        {"key restrict", HUFU_E_WRONG_DATA, ": has this type of key that usage, or such limits?"},
        {"pin unblock", HUFU_E_WRONG_DATA, ": no such account: see hufu accounts"},
        {"quorum", HUFU_E_WRONG_DATA, ": there are not so many administrators: hufu accounts"},
        {"unlock", HUFU_E_WRONG_DATA, ": it has no unlock secret: hufu custody begin"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof *hints; i++)
        if (!strcmp(cli->command->name, hints[i].command) && hufu_last_sw() == hints[i].sw)
            return hints[i].hint;
    return "";
}

int say_library(const struct cli *cli)
{
    char line[600], hint[200];
    snprintf(line, sizeof line, "%s%s", hufu_last_error(), command_hint(cli));
    approve_hint(cli, hint, sizeof hint);
    return say_failed("%s%s%s", line, *hint ? "" : state_hint(cli->device), hint);
}

int say_crypto(const char *what)
{
    const unsigned long e = ERR_peek_last_error();
    const char *reason = e ? ERR_reason_error_string(e) : NULL;
    ERR_clear_error();
    return say_failed("%s: libcrypto: %s", what, reason ? reason : "no reason given");
}

void say_note(const struct cli *cli, const char *format, ...)
{
    va_list args;
    if (flag(cli, "quiet"))
        return;
    va_start(args, format);
    tell("", format, args, "");
    va_end(args);
}

bool watched(const struct cli *cli)
{
    return !flag(cli, "quiet") && isatty(STDERR_FILENO);
}

/* ------------------------------------------------------------------ words */

const char *word(const char *group, uint32_t value, char *out)
{
    const char *name = hufu_name(group, value);
    size_t i = 0;
    for (; name && name[i] && i < 23; i++)
        out[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
    out[i] = 0;
    return i ? out : "?";
}

const char *mask_words(const char *group, uint32_t mask, char *out, size_t room)
{
    out[0] = 0;
    for (unsigned i = 0; i < 32; i++)
        if (mask & (uint32_t)1 << i) {
            char one[24];
            const size_t n = strlen(out);
            snprintf(out + n, room - n, "%s%s", n ? "," : "", word(group, (uint32_t)1 << i, one));
        }
    return out;
}

const char *time_text(uint64_t ms, char out[32])
{
    const time_t seconds = (time_t)(ms / 1000);
    struct tm t;
    if (!ms || !gmtime_r(&seconds, &t) || !strftime(out, 32, "%Y-%m-%dT%H:%M:%SZ", &t))
        snprintf(out, 32, "-");
    return out;
}

const char *hex_text(const void *data, size_t n, char *out)
{
    const uint8_t *p = data;
    for (size_t i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", p[i]);
    out[2 * n] = 0;
    return out;
}

/* ------------------------------------------------------------------ JSON */

static unsigned depth;
static bool first = true;

static void begin(const char *key)
{
    if (!first)
        putchar(',');
    if (depth)
        printf("\n%*s", (int)(2 * depth), "");
    first = false;
    if (key)
        printf("\"%s\": ", key);
}

void json_quoted(FILE *f, const char *s)
{
    putc('"', f);
    for (; *s; s++) {
        const unsigned char c = (unsigned char)*s;
        if (c == '"' || c == '\\')
            fprintf(f, "\\%c", c);
        else if (c < 0x20)
            fprintf(f, "\\u%04x", c);
        else
            putc(c, f);
    }
    putc('"', f);
}

void json_open(const char *key, char bracket)
{
    begin(key);
    putchar(bracket);
    depth++;
    first = true;
}

void json_close(char bracket)
{
    depth--;
    if (!first)
        printf("\n%*s", (int)(2 * depth), "");
    putchar(bracket);
    first = false;
}

void json_text(const char *key, const char *text)
{
    begin(key);
    json_quoted(stdout, text);
}

void json_hex(const char *key, const void *data, size_t n)
{
    const uint8_t *p = data;
    begin(key);
    putchar('"');
    for (size_t i = 0; i < n; i++)
        printf("%02x", p[i]);
    putchar('"');
}

void json_number(const char *key, uint64_t number)
{
    begin(key);
    printf("%llu", (unsigned long long)number);
}

void json_bool(const char *key, bool value)
{
    begin(key);
    fputs(value ? "true" : "false", stdout);
}

void json_mask(const char *key, const char *group, uint32_t mask)
{
    json_open(key, '[');
    for (unsigned i = 0; i < 32; i++)
        if (mask & (uint32_t)1 << i) {
            char one[24];
            json_text(NULL, word(group, (uint32_t)1 << i, one));
        }
    json_close(']');
}

void json_end(void)
{
    putchar('\n');
    first = true;
}

int say_number(const struct cli *cli, const char *key, uint64_t number)
{
    if (!flag(cli, "json")) {
        printf("%llu\n", (unsigned long long)number);
        return DONE;
    }
    json_open(NULL, '{');
    json_number(key, number);
    json_close('}');
    if (!depth)
        json_end();
    return DONE;
}
