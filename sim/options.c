#include "sim/options.h"

#include <getopt.h>
#include <limits.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/log.h"

enum { USAGE = 2, SEGMENTS_IN_MIB = 4 /* of the default size */ };

static const char help[] =
    "usage: hufu-sim --dir DIR [option...]\n"
    "\n"
    "Serves a Hufu device on a Unix socket. The firmware is the device's own; its memory is in "
    "DIR.\n"
    "\n"
    "  --dir DIR             where the device's memory is; made if missing, locked while in use\n"
    "  --socket PATH         where to listen (default: DIR/hufu.sock)\n"
    "  --threads N           threads that work on batches (default: one for each processor)\n"
    "  --engine NAME         arithmetic to use (default: the fastest of this processor)\n"
    "  --objects N           stored keys at most (default: 131072)\n"
    "  --nvm-size MIB        memory of a new device (default: 64); an old one keeps its own\n"
    "  --sessions N          sessions at the same time (default: 256)\n"
    "  --tickets N           unacknowledged key batches at the same time (default: 16)\n"
    "  --nonce-pool N        nonces of SM2 signatures made ahead (default: 1024; 0: none)\n"
    "  --pair-pool N         RSA pairs made ahead, of the size asked for last (default: 4)\n"
    "  --start-up-test       first test the generator over 20 x 10^6 bits (GM/T 0062)\n"
    "  --log-records N       audit records that are kept (default: 4096)\n"
    "  --usbip ADDRESS:PORT  also serve it as a USB device, by USB/IP: 127.0.0.1:3240\n"
    "  --usb-serial TEXT     serial number of the USB device (default: 1)\n"
    "  --usb-level LEVEL     APDUs of the USB card reader: extended (default) or short\n"
    "  --user NAME           become this user once the socket is bound (started by root)\n"
    "  --group NAME          its members may use the socket, too\n"
    "  --seccomp MODE        auto (default), on or off: allow only the system calls it needs\n"
    "  --capture FILE        keep all frames there, for Wireshark (pcapng); PINs may be in it\n"
    "  --pid-file PATH       write the process id there, remove it at the end\n"
    "  --ready-fd N          write a newline to this descriptor when serving\n"
#ifdef HUFU_CONTROL
    "  --control PATH        a socket at which faults are ordered: anybody who opens it breaks the "
    "device\n"
    "  --shape SEGMENTSxBYTES  the shape of a new medium\n"
#endif
    "  --foreground          stay in the foreground (always so; for scripts that say it)\n"
    "  --log-level LEVEL     error, warning, info (default) or debug\n"
    "  --print-capabilities  what this device can do, as JSON\n"
    "  --version             the version\n"
    "  --help                this text\n"
    "\n"
    "Stops on SIGTERM and SIGINT. Programs reach it with the URL unix:PATH, for example\n"
    "  HUFU_DEVICE=unix:DIR/hufu.sock hufu info\n";

/* ------------------------------------------------------------------ the options */

static bool usb_serial(struct sim_options *o, const char *text)
{
    static const char letters[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";
    o->usb_serial = text;
    return *text && strlen(text) <= 32 && !text[strspn(text, letters)];
}

static bool usb_level(struct sim_options *o, const char *text)
{
    o->usb_short = !strcmp(text, "short");
    return o->usb_short || !strcmp(text, "extended");
}

static bool seccomp(struct sim_options *o, const char *text)
{
    static const char *const names[] = {"auto", "on", "off"};
    unsigned i = 0;
    while (i < sizeof names / sizeof *names && strcmp(text, names[i]) != 0)
        i++;
    o->seccomp = (enum sim_seccomp)i;
    return i < sizeof names / sizeof *names;
}

#ifdef HUFU_CONTROL
static bool shape(struct sim_options *o, const char *text)
{
    return sscanf(text, "%ux%u", &o->segments, &o->segment_size) == 2;
}
#endif

static bool log_level(struct sim_options *o, const char *text)
{
    (void)o;
    return log_set_level(text) == 0;
}

/* What is done with the text of an option; those without text come from FLAG on. */
enum kind { TEXT, NUMBER, PARSED, FLAG, PRINTED, IGNORED };

static const struct row {
    const char *name;
    enum kind kind;
    size_t at;          /* TEXT, NUMBER, FLAG: where the const char *, unsigned (or int), bool is */
    unsigned low, high; /* NUMBER */
    const char *text;   /* PARSED: what should have been given; PRINTED: this, and then it ends */
    bool (*parse)(struct sim_options *o, const char *text);
} rows[] = {
#define AT(field) .at = offsetof(struct sim_options, field)
    {"dir", TEXT, AT(directory)},
    {"socket", TEXT, AT(socket)},
    {"threads", NUMBER, AT(threads), .low = 1, .high = 256},
    {"engine", TEXT, AT(engine)},
    {"objects", NUMBER, AT(objects), .low = 16, .high = 1000000},
    {"nvm-size", NUMBER, AT(nvm_size), .low = 1, .high = 16000},
    {"sessions", NUMBER, AT(sessions), .low = 1, .high = 4096},
    {"tickets", NUMBER, AT(tickets), .low = 1, .high = 1024},
    {"nonce-pool", NUMBER, AT(nonce_pool), .low = 0, .high = 65535},
    {"pair-pool", NUMBER, AT(pair_pool), .low = 0, .high = 255},
    {"start-up-test", FLAG, AT(start_up_test)},
    {"log-records", NUMBER, AT(log_records), .low = 64, .high = 1000000},
    {"usbip", TEXT, AT(usbip)},
    {"usb-serial", PARSED, .text = "1 to 32 letters, digits, - and .", .parse = usb_serial},
    {"usb-level", PARSED, .text = "extended or short", .parse = usb_level},
    {"user", TEXT, AT(user)},
    {"group", TEXT, AT(group)},
    {"seccomp", PARSED, .text = "auto, on or off", .parse = seccomp},
    {"capture", TEXT, AT(capture)},
    {"pid-file", TEXT, AT(pid_file)},
    {"ready-fd", NUMBER, AT(ready_fd), .low = 0, .high = INT_MAX},
#ifdef HUFU_CONTROL
    {"control", TEXT, AT(control)},
    {"shape", PARSED, .text = "SEGMENTSxBYTES", .parse = shape},
#endif
    {.name = "foreground", .kind = IGNORED},
    {"log-level", PARSED, .text = "error, warning, info or debug", .parse = log_level},
    {"print-capabilities", FLAG, AT(print_capabilities)},
    {"version", PRINTED, .text = "hufu-sim " HUFU_VERSION "\n"},
    {"help", PRINTED, .text = help},
#undef AT
};

enum { ROWS = sizeof rows / sizeof *rows };

static int bad(const struct row *r, const char *value, const char *wanted)
{
    fprintf(stderr, "hufu-sim: --%s %s: give %s (hufu-sim --help)\n", r->name, value, wanted);
    return USAGE;
}

static int parse_number(unsigned *out, const struct row *r, const char *text)
{
    char wanted[40], *end = NULL;
    const bool digit = *text >= '0' && *text <= '9';
    const unsigned long v = digit ? strtoul(text, &end, 10) : 0;
    if (!digit || *end || v < r->low || v > r->high) {
        snprintf(wanted, sizeof wanted, "%u to %u", r->low, r->high);
        return bad(r, text, wanted);
    }
    *out = (unsigned)v;
    return OPTIONS_RUN;
}

static int parse_one(struct sim_options *o, const struct row *r, const char *text)
{
    void *field = (char *)o + r->at;
    switch (r->kind) {
    case TEXT:
        *(const char **)field = text;
        break;
    case NUMBER:
        return parse_number(field, r, text);
    case PARSED:
        return r->parse(o, text) ? OPTIONS_RUN : bad(r, text, r->text);
    case FLAG:
        *(bool *)field = true;
        break;
    case PRINTED:
        fputs(r->text, stdout);
        return 0;
    case IGNORED:
        break;
    }
    return OPTIONS_RUN;
}

static int complete(struct sim_options *o, int argc, char **argv)
{
    if (optind < argc) {
        fprintf(stderr, "hufu-sim: %s: not an option (hufu-sim --help)\n", argv[optind]);
        return USAGE;
    }
    if (o->print_capabilities)
        return OPTIONS_RUN;
    if (!o->directory) {
        fputs("hufu-sim: give --dir DIR, where the device's memory is (hufu-sim --help)\n", stderr);
        return USAGE;
    }
    if (!o->socket) {
        snprintf(o->socket_default, sizeof o->socket_default, "%.4000s/hufu.sock", o->directory);
        o->socket = o->socket_default;
    }
    if (o->nvm_size)
        o->segments = o->nvm_size * SEGMENTS_IN_MIB;
    return OPTIONS_RUN;
}

int options_parse(struct sim_options *o, int argc, char **argv)
{
    const long cores = sysconf(_SC_NPROCESSORS_ONLN);
    *o = (struct sim_options){.threads = cores > 256 ? 256
                                         : cores > 1 ? (unsigned)cores
                                                     : 1,
                              .objects = 131072,
                              .log_records = 4096,
                              .sessions = 256,
                              .tickets = 16,
                              .nonce_pool = 1024,
                              .pair_pool = 4,
                              .usb_serial = "1",
                              .ready_fd = -1};
    struct option table[ROWS + 1] = {{0}};
    for (int i = 0; i < ROWS; i++)
        table[i] = (struct option){rows[i].name, rows[i].kind < FLAG, NULL, i};
    opterr = 0; /* getopt's own words name no help */
    for (int i; (i = getopt_long(argc, argv, ":", table, NULL)) != -1;) {
        const bool empty = optarg && !*optarg && i != '?';
        if (i == '?' || i == ':' || empty) {
            fprintf(stderr, "hufu-sim: %s%s: %s (hufu-sim --help)\n", empty ? "--" : "",
                    empty ? rows[i].name : argv[optind - 1],
                    i == '?' ? "not an option" : "needs a value");
            return USAGE;
        }
        const int status = parse_one(o, &rows[i], optarg);
        if (status != OPTIONS_RUN)
            return status;
    }
    return complete(o, argc, argv);
}
