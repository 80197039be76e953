#include "sim/options.h"

#include <getopt.h>
#include <limits.h>
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
    "  --nvm-size MIB        size of a new device's memory (default: 64); an old one keeps its own\n"
    "  --sessions N          sessions at the same time (default: 256)\n"
    "  --tickets N           unacknowledged key batches at the same time (default: 16)\n"
    "  --nonce-pool N        nonces of SM2 signatures that are made ahead (default: 1024; 0: "
    "none)\n"
    "  --start-up-test       test the generator over 20 x 10^6 bits before the device is opened "
    "(GM/T 0062)\n"
    "  --log-records N       audit records that are kept (default: 4096)\n"
    "  --usbip ADDRESS:PORT  also serve it as a USB device, by USB/IP, for instance at "
    "127.0.0.1:3240\n"
    "  --usb-serial TEXT     serial number of the USB device (default: 1)\n"
    "  --usb-level LEVEL     APDUs of the USB card reader: extended (default) or short\n"
    "  --user NAME           become this user once the socket is bound (started by root)\n"
    "  --group NAME          its members may use the socket, too\n"
    "  --seccomp MODE        auto (default), on or off: allow the process only the system calls "
    "that "
    "it needs\n"
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

static int bad(const char *option, const char *value, const char *wanted)
{
    fprintf(stderr, "hufu-sim: --%s %s: give %s (hufu-sim --help)\n", option, value, wanted);
    return USAGE;
}

/* A decimal number from low to high; 0 or -1. */
static int number(const char *text, unsigned long low, unsigned long high, unsigned long *out)
{
    char *end;
    if (*text < '0' || *text > '9')
        return -1;
    *out = strtoul(text, &end, 10);
    return *end || *out < low || *out > high ? -1 : 0;
}

enum option_id {
    OPT_DIR = 256,
    OPT_SOCKET,
    OPT_THREADS,
    OPT_ENGINE,
    OPT_OBJECTS,
    OPT_NVM_SIZE,
    OPT_SESSIONS,
    OPT_TICKETS,
    OPT_LOG_RECORDS,
    OPT_NONCE_POOL,
    OPT_USBIP,
    OPT_USB_SERIAL,
    OPT_USB_LEVEL,
    OPT_USER,
    OPT_GROUP,
    OPT_SECCOMP,
    OPT_CAPTURE,
    OPT_PID_FILE,
    OPT_READY_FD,
#ifdef HUFU_CONTROL
    OPT_CONTROL,
    OPT_SHAPE,
#endif
    OPT_FOREGROUND,
    OPT_START_UP_TEST,
    OPT_LOG_LEVEL,
    OPT_PRINT_CAPABILITIES,
    OPT_VERSION,
    OPT_HELP
};

static const struct option table[] = {
    {"dir", required_argument, NULL, OPT_DIR},
    {"socket", required_argument, NULL, OPT_SOCKET},
    {"threads", required_argument, NULL, OPT_THREADS},
    {"engine", required_argument, NULL, OPT_ENGINE},
    {"objects", required_argument, NULL, OPT_OBJECTS},
    {"nvm-size", required_argument, NULL, OPT_NVM_SIZE},
    {"sessions", required_argument, NULL, OPT_SESSIONS},
    {"tickets", required_argument, NULL, OPT_TICKETS},
    {"log-records", required_argument, NULL, OPT_LOG_RECORDS},
    {"nonce-pool", required_argument, NULL, OPT_NONCE_POOL},
    {"usbip", required_argument, NULL, OPT_USBIP},
    {"usb-serial", required_argument, NULL, OPT_USB_SERIAL},
    {"usb-level", required_argument, NULL, OPT_USB_LEVEL},
    {"user", required_argument, NULL, OPT_USER},
    {"group", required_argument, NULL, OPT_GROUP},
    {"seccomp", required_argument, NULL, OPT_SECCOMP},
    {"capture", required_argument, NULL, OPT_CAPTURE},
    {"pid-file", required_argument, NULL, OPT_PID_FILE},
    {"ready-fd", required_argument, NULL, OPT_READY_FD},
#ifdef HUFU_CONTROL
    {"control", required_argument, NULL, OPT_CONTROL},
    {"shape", required_argument, NULL, OPT_SHAPE},
#endif
    {"foreground", no_argument, NULL, OPT_FOREGROUND},
    {"start-up-test", no_argument, NULL, OPT_START_UP_TEST},
    {"log-level", required_argument, NULL, OPT_LOG_LEVEL},
    {"print-capabilities", no_argument, NULL, OPT_PRINT_CAPABILITIES},
    {"version", no_argument, NULL, OPT_VERSION},
    {"help", no_argument, NULL, OPT_HELP},
    {NULL, 0, NULL, 0}};

static const char serial_letters[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.";

static int parse_number(struct sim_options *o, int id, const char *text)
{
    static const struct {
        int id;
        unsigned long low, high;
        const char *name, *wanted;
    } rows[] = {{OPT_THREADS, 1, 256, "threads", "1 to 256"},
                {OPT_OBJECTS, 16, 1000000, "objects", "16 to 1000000"},
                {OPT_NVM_SIZE, 1, 16000, "nvm-size", "1 to 16000"},
                {OPT_SESSIONS, 1, 4096, "sessions", "1 to 4096"},
                {OPT_TICKETS, 1, 1024, "tickets", "1 to 1024"},
                {OPT_LOG_RECORDS, 64, 1000000, "log-records", "64 to 1000000"},
                {OPT_NONCE_POOL, 0, 65535, "nonce-pool", "0 to 65535"},
                {OPT_READY_FD, 0, INT_MAX, "ready-fd", "an open descriptor"}};
    unsigned long v = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].id == id && number(text, rows[i].low, rows[i].high, &v))
            return bad(rows[i].name, text, rows[i].wanted);
    switch (id) {
    case OPT_THREADS:
        o->threads = (unsigned)v;
        break;
    case OPT_OBJECTS:
        o->objects = (uint32_t)v;
        break;
    case OPT_NVM_SIZE:
        o->segments = (uint32_t)v * SEGMENTS_IN_MIB;
        break;
    case OPT_SESSIONS:
        o->sessions = (uint16_t)v;
        break;
    case OPT_TICKETS:
        o->tickets = (uint16_t)v;
        break;
    case OPT_LOG_RECORDS:
        o->log_records = (uint32_t)v;
        break;
    case OPT_NONCE_POOL:
        o->nonce_pool = (uint16_t)v;
        break;
    default:
        o->ready_fd = (int)v;
    }
    return OPTIONS_RUN;
}

static int parse_usb(struct sim_options *o, int id, const char *text)
{
    if (id == OPT_USBIP)
        o->usbip = text;
    if (id == OPT_USB_SERIAL && (!*text || strlen(text) > 32 || text[strspn(text, serial_letters)]))
        return bad("usb-serial", text, "1 to 32 letters, digits, - and .");
    if (id == OPT_USB_SERIAL)
        o->usb_serial = text;
    if (id == OPT_USB_LEVEL && strcmp(text, "short") != 0 && strcmp(text, "extended") != 0)
        return bad("usb-level", text, "extended or short");
    if (id == OPT_USB_LEVEL)
        o->usb_short = !strcmp(text, "short");
    return OPTIONS_RUN;
}

static int parse_seccomp(struct sim_options *o, const char *text)
{
    static const char *const names[] = {"auto", "on", "off"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!strcmp(text, names[i])) {
            o->seccomp = (enum sim_seccomp)i;
            return OPTIONS_RUN;
        }
    }
    return bad("seccomp", text, "auto, on or off");
}

static int parse_one(struct sim_options *o, int id, const char *text)
{
    switch (id) {
    case OPT_DIR:
        o->directory = text;
        return OPTIONS_RUN;
    case OPT_SOCKET:
        o->socket = text;
        return OPTIONS_RUN;
    case OPT_ENGINE:
        o->engine = text;
        return OPTIONS_RUN;
    case OPT_USBIP:
    case OPT_USB_SERIAL:
    case OPT_USB_LEVEL:
        return parse_usb(o, id, text);
    case OPT_USER:
        o->user = text;
        return OPTIONS_RUN;
    case OPT_GROUP:
        o->group = text;
        return OPTIONS_RUN;
    case OPT_SECCOMP:
        return parse_seccomp(o, text);
    case OPT_CAPTURE:
        o->capture = text;
        return OPTIONS_RUN;
    case OPT_PID_FILE:
        o->pid_file = text;
        return OPTIONS_RUN;
#ifdef HUFU_CONTROL
    case OPT_CONTROL:
        o->control = text;
        return OPTIONS_RUN;
    case OPT_SHAPE:
        return sscanf(text, "%ux%u", &o->segments, &o->segment_size) == 2
                   ? OPTIONS_RUN
                   : bad("shape", text, "SEGMENTSxBYTES");
#endif
    case OPT_FOREGROUND:
        return OPTIONS_RUN;
    case OPT_START_UP_TEST:
        o->start_up_test = true;
        return OPTIONS_RUN;
    case OPT_LOG_LEVEL:
        return log_set_level(text) ? bad("log-level", text, "error, warning, info or debug")
                                   : OPTIONS_RUN;
    case OPT_PRINT_CAPABILITIES:
        o->print_capabilities = true;
        return OPTIONS_RUN;
    case OPT_VERSION:
        printf("hufu-sim %s\n", HUFU_VERSION);
        return 0;
    case OPT_HELP:
        fputs(help, stdout);
        return 0;
    case '?':
        fputs("hufu-sim: see hufu-sim --help\n", stderr);
        return USAGE;
    default:
        return parse_number(o, id, text);
    }
}

static int complete(struct sim_options *o, int argc, char **argv)
{
    if (optind < argc) {
        fprintf(stderr, "hufu-sim: %s: not an option (hufu-sim --help)\n", argv[optind]);
        return USAGE;
    }
    if (o->print_capabilities)
        return OPTIONS_RUN;
    if (!o->directory || !*o->directory) {
        fputs("hufu-sim: give --dir DIR, where the device's memory is (hufu-sim --help)\n", stderr);
        return USAGE;
    }
    if (!o->socket) {
        snprintf(o->socket_default, sizeof o->socket_default, "%.4000s/hufu.sock", o->directory);
        o->socket = o->socket_default;
    }
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
                              .usb_serial = "1",
                              .ready_fd = -1};
    for (int id; (id = getopt_long(argc, argv, "", table, NULL)) != -1;) {
        const int status = parse_one(o, id, optarg);
        if (status != OPTIONS_RUN)
            return status;
    }
    return complete(o, argc, argv);
}
