/* Arguments: global options, the words of a command, its options and operands, in any order after
 * the words. */
#include "host/cli/cli.h"

#include <errno.h>
#include <openssl/asn1.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static size_t name_size(const struct option *o)
{
    return strcspn(o->spec, "=");
}

static bool takes_value(const struct option *o)
{
    return o->spec[name_size(o)] == '=';
}

static bool ends_with(const struct option *o, char mark)
{
    return o->spec[strlen(o->spec) - 1] == mark;
}

bool option_needed(const struct option *o)
{
    return ends_with(o, '!');
}

const char *option_value(const struct option *o, char out[16])
{
    const char *what = takes_value(o) ? o->spec + name_size(o) + 1 : "";
    snprintf(out, 16, "%.*s", (int)strcspn(what, "!?"), what);
    return out;
}

static const struct option *find_in(const struct option *o, const char *name, size_t n)
{
    for (; o && o->spec; o++)
        if (name_size(o) == n && !memcmp(o->spec, name, n))
            return o;
    return NULL;
}

static const struct option *find_letter(const struct option *o, char letter)
{
    for (; o && o->spec; o++)
        if (o->letter == letter)
            return o;
    return NULL;
}

/* The option that an argument begins, of the command or of all; *value: what follows "=" in it. */
static const struct option *find(const struct cli *cli, const char *arg, const char **value)
{
    const struct option *own = cli->command ? cli->command->options : NULL, *found;
    *value = NULL;
    if (arg[1] != '-') {
        if (arg[2])
            return NULL;
        found = find_letter(own, arg[1]);
        return found ? found : find_letter(global_options, arg[1]);
    }
    const size_t n = strcspn(arg + 2, "=");
    if (arg[2 + n])
        *value = arg + 3 + n;
    found = find_in(own, arg + 2, n);
    return found ? found : find_in(global_options, arg + 2, n);
}

/* There is room: none of the arguments is two values. */
static void add(struct cli *cli, const struct option *o, const char *text)
{
    cli->value[cli->values++] = (struct value){o, text};
}

static int take_option(struct cli *cli, int argc, char **argv, int *i)
{
    const char *arg = argv[*i], *value;
    const struct option *o = find(cli, arg, &value);
    char what[16];
    if (!o)
        return say_usage(cli, "no such option: %s", arg);
    if (!takes_value(o) && value)
        return say_usage(cli, "--%s takes no value", o->spec);
    if (takes_value(o) && !value && *i + 1 < argc)
        value = argv[++*i];
    if (takes_value(o) && (!value || (!*value && !ends_with(o, '?'))))
        return say_usage(cli, "--%.*s needs a value: %s", (int)name_size(o), o->spec,
                         option_value(o, what));
    add(cli, o, value ? value : "");
    return DONE;
}

static int take_operand(struct cli *cli, const char *arg)
{
    if (!cli->command || !cli->command->operands)
        return say_usage(cli, "what is \"%s\"? It takes no such argument", arg);
    if (!*arg && strcmp(cli->command->operands, "TEXT") != 0)
        return say_usage(cli, "an argument is empty: give %s", cli->command->operands);
    add(cli, NULL, arg);
    return DONE;
}

/* The command whose words begin at argv: sets *words. */
static const struct command *find_command(int argc, char **argv, int *words)
{
    for (size_t g = 0; command_groups[g]; g++)
        for (const struct command *c = command_groups[g]; c->name; c++) {
            const char *blank = strchr(c->name, ' ');
            const size_t n = blank ? (size_t)(blank - c->name) : strlen(c->name);
            if (strlen(argv[0]) != n || memcmp(argv[0], c->name, n))
                continue;
            *words = blank ? 2 : 1;
            if (!blank || (argc > 1 && !strcmp(argv[1], blank + 1)))
                return c;
        }
    return NULL;
}

int args_parse(struct cli *cli, int argc, char **argv)
{
    bool only_operands = false;
    int i = 1, words = 0, status = DONE;
    cli->value = calloc((size_t)argc, sizeof *cli->value);
    if (!cli->value)
        return say_failed("no memory");
    for (; i < argc && argv[i][0] == '-' && argv[i][1] && !status; i++)
        status = take_option(cli, argc, argv, &i);
    if (!status && i < argc && !strcmp(argv[i], "help")) {
        add(cli, find_in(global_options, "help", 4), "");
        i++;
    }
    if (status || i >= argc)
        return status;
    cli->approve = !strcmp(argv[i], "approve") && i + 1 < argc && argv[i + 1][0] != '-';
    i += cli->approve;
    cli->command = find_command(argc - i, argv + i, &words);
    if (!cli->command && words < 2)
        return say_usage(cli, "no such command: %s", argv[i]);
    if (!cli->command && i + 1 < argc && argv[i + 1][0] != '-')
        return say_usage(cli, "no such command: %s %s", argv[i], argv[i + 1]);
    if (!cli->command) {
        cli->group = argv[i];
        words = 1;
    }
    for (i += words; i < argc && !status; i++) {
        if (!only_operands && !strcmp(argv[i], "--"))
            only_operands = true;
        else if (!only_operands && argv[i][0] == '-' && argv[i][1])
            status = take_option(cli, argc, argv, &i);
        else
            status = take_operand(cli, argv[i]);
    }
    if (!status && cli->approve && cli->command &&
        (!cli->command->account || strcmp(cli->command->account, "admin")))
        status = say_usage(cli, "this takes no approvals");
    return status;
}

/* ------------------------------------------------------------------ values */

const char *value_nth(const struct cli *cli, const char *name, unsigned n)
{
    for (unsigned i = 0; i < cli->values; i++) {
        const struct option *o = cli->value[i].option;
        if (o && !strncmp(o->spec, name, name_size(o)) && !name[name_size(o)] && n-- == 0)
            return cli->value[i].text;
    }
    return NULL;
}

const char *value_of(const struct cli *cli, const char *name)
{
    const char *last = NULL, *next;
    for (unsigned n = 0; (next = value_nth(cli, name, n)) != NULL; n++)
        last = next;
    return last;
}

bool flag(const struct cli *cli, const char *name)
{
    return value_nth(cli, name, 0) != NULL;
}

const char *operand(const struct cli *cli, unsigned n)
{
    for (unsigned i = 0; i < cli->values; i++)
        if (!cli->value[i].option && n-- == 0)
            return cli->value[i].text;
    return NULL;
}

static bool is_given(const struct cli *cli, const struct option *o)
{
    for (unsigned i = 0; i < cli->values; i++)
        if (cli->value[i].option == o)
            return true;
    return false;
}

int args_sound(const struct cli *cli)
{
    const char *out = value_of(cli, "out");
    for (const struct option *o = cli->command->options; o && o->spec; o++)
        if (option_needed(o) && !is_given(cli, o))
            return say_usage(cli, "--%.*s is needed", (int)name_size(o), o->spec);
    for (const struct option *o = cli->command->options; out && o && o->spec; o++)
        if (!strncmp(o->spec, "out=FILE", 8))
            return file_possible(out);
    return DONE;
}

bool number_parse(const char *text, uint64_t least, uint64_t most, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    return *text >= '0' && *text <= '9' && !*end && !errno && *out >= least && *out <= most;
}

bool number_of(const struct cli *cli, const char *name, uint64_t least, uint64_t most,
               uint64_t otherwise, uint64_t *out)
{
    const char *text = value_of(cli, name);
    *out = otherwise;
    if (!text || number_parse(text, least, most, out))
        return true;
    say_usage(cli, "--%s %s: give a number from %llu to %llu", name, text,
              (unsigned long long)least, (unsigned long long)most);
    return false;
}

static int digit(char c)
{
    const char *const digits = "0123456789abcdef";
    const char *p = c ? strchr(digits, c >= 'A' && c <= 'F' ? c - 'A' + 'a' : c) : NULL;
    return p ? (int)(p - digits) : -1;
}

bool hex_bytes(const char *text, uint8_t *out, size_t *size)
{
    const size_t n = strlen(text);
    if (n % 2 || n / 2 > *size)
        return false;
    for (size_t i = 0; i < n / 2; i++) {
        const int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high << 4 | low);
    }
    *size = n / 2;
    return true;
}

bool hex_of(const struct cli *cli, const char *name, uint8_t *out, size_t *size)
{
    const char *text = value_of(cli, name);
    const size_t room = *size;
    if (text && hex_bytes(text, out, size))
        return true;
    if (text) {
        say_usage(cli, "--%s %s: give up to %zu bytes in hexadecimal", name, text, room);
        return false;
    }
    *size = 0;
    return true;
}

bool name_sound(const struct cli *cli, const char *what, const char *text, size_t most)
{
    const size_t n = text ? strlen(text) : 0;
    size_t i = 0;
    while (i < n && n <= most) {
        unsigned long c;
        const int used = UTF8_getc((const unsigned char *)text + i, (int)(n - i), &c);
        if (used <= 0 || c < 0x20 || (c >= 0x7f && c < 0xa0))
            break;
        i += (size_t)used;
    }
    if (i == n)
        return true;
    say_usage(cli, "%s: give up to %zu bytes of UTF-8, without control characters", what, most);
    return false;
}

bool word_of(const struct cli *cli, const char *name, const char *group, uint32_t otherwise,
             uint32_t *out)
{
    const char *text = value_of(cli, name);
    *out = otherwise;
    if (!text || !hufu_value(group, text, out))
        return true;
    say_usage(cli, "--%s %s: no such %s", name, text, group);
    return false;
}

bool mask_of(const struct cli *cli, const char *name, const char *group, uint32_t otherwise,
             uint32_t *out)
{
    const char *text = value_of(cli, name);
    *out = text ? 0 : otherwise;
    while (text && *text) {
        char one[32];
        const size_t n = strcspn(text, ",");
        uint32_t bit = 0;
        snprintf(one, sizeof one, "%.*s", (int)(n < sizeof one ? n : sizeof one - 1), text);
        if (hufu_value(group, one, &bit)) {
            say_usage(cli, "--%s: no such %s: %s", name, group, one);
            return false;
        }
        *out |= bit;
        text += n + (text[n] == ',');
    }
    return true;
}
