/*
 * libhufu over USB transfers that go wrong, one fault after the other:
 *
 *   usb-mock ... --control PATH -- usb-faults URL PATH
 *   usb-faults URL                  only open a session, say "ready" and wait to be killed
 *
 * Each time a key is generated with the fault on the way of its answer or of its command. What the
 * host says must be true: done, not carried out, or unknown; never two keys; after a new link all
 * works.
 */
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/lib/hufu.h"

#define PIN "user-pin"

enum { TIMEOUT_MS = 400, CCID = 1, FRAMES = 2, BOTH = 3 };

/* What may come of the command that the fault hits, as a set. */
enum outcome { FINE = 1, UNKNOWN = 2, NOT_DONE = 4, BAD = 8, LATE = 16, ODD = 32 };

struct fault {
    const char *name;
    unsigned links, in_ccid, in_frames; /* on the way of the answer; 0: not there */
    unsigned out;                       /* on the way of the command */
};

static const struct fault faults[] = {
    {"empty", BOTH, FINE, FINE, 0},
    {"split", BOTH, FINE, FINE, 0},
    {"stale", CCID, FINE, 0, 0},
    {"twice", BOTH, FINE, FINE, 0},
    {"stall", BOTH, UNKNOWN, UNKNOWN, UNKNOWN},
    {"error", BOTH, UNKNOWN, UNKNOWN, UNKNOWN},
    {"overflow", BOTH, BAD, BAD, 0},
    {"unplug", BOTH, UNKNOWN, UNKNOWN, UNKNOWN},
    {"short", BOTH, LATE, LATE, UNKNOWN},
    {"zero", BOTH, LATE, LATE, UNKNOWN},
    {"silent", BOTH, LATE, LATE, 0},
    {"sequence", BOTH, LATE, BAD, 0},
    {"future", BOTH, BAD, BAD, 0},
    {"type", BOTH, BAD, BAD, 0},
    {"slot", BOTH, BAD, BAD, 0},
    {"status", BOTH, BAD, BAD, 0},
    {"huge", BOTH, BAD, BAD, 0},
    {"longer", BOTH, LATE, LATE, 0},
    {"shorter", BOTH, BAD, ODD, 0},
    {"more", BOTH, BAD, FINE, 0},
};

static struct {
    const char *url, *control;
    struct hufu_device *device;
    struct hufu_session *session;
    unsigned passed, failed, keys;
} t;

static bool check(bool good, const char *fault, const char *what, const char *more)
{
    t.passed += good;
    t.failed += !good;
    if (!good)
        printf("FAIL  %s %s: %s (%s)\n", t.url, fault, what, more);
    return good;
}

static bool tell(const char *text)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    char answer[8] = "";
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(a.sun_path, sizeof a.sun_path, "%s", t.control);
    const bool good = connect(fd, (const struct sockaddr *)&a, sizeof a) == 0 &&
                      write(fd, text, strlen(text)) > 0 && read(fd, answer, 3) == 3;
    close(fd);
    return good && !strncmp(answer, "ok", 2);
}

static void must(enum hufu_status s, const char *what)
{
    if (!s)
        return;
    printf("FAIL  %s %s: %s\n%u passed, %u failed\n", t.url, what, hufu_last_error(), t.passed,
           t.failed + 1);
    exit(1);
}

static enum outcome outcome_of(enum hufu_status s)
{
    switch (s) {
    case HUFU_OK:
        return FINE;
    case HUFU_E_UNKNOWN_OUTCOME:
        return UNKNOWN;
    case HUFU_E_LINK:
        return NOT_DONE;
    case HUFU_E_BAD_ANSWER:
        return BAD;
    case HUFU_E_TIMEOUT:
        return LATE;
    default:
        return ODD;
    }
}

static enum hufu_status generate(void)
{
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = "fault"};
    uint32_t handle;
    return hufu_key_generate(t.session, &spec, &handle, NULL, NULL);
}

static void begin(void)
{
    must(hufu_session_open(t.device, &t.session), "session");
    must(hufu_login(t.session, HUFU_ACCOUNT_USER, PIN, strlen(PIN), NULL), "login");
}

static unsigned count_keys(void)
{
    struct hufu_info info;
    must(hufu_info(t.device, &info), "information");
    return info.objects;
}

static void again(void)
{
    tell("plug"); /* if a fault pulled it out */
    enum hufu_status s = hufu_reconnect(t.device);
    for (int i = 0; s && i < 100; i++) { /* an unplugging may still be under way */
        usleep(20000);
        tell("plug");
        s = hufu_reconnect(t.device);
    }
    must(s, "reconnect");
    hufu_session_close(t.session);
    begin();
}

/* What the host was told of the key must fit what there is of it. */
static void one(const struct fault *f, unsigned allowed, unsigned endpoint)
{
    char line[64], said[100];
    const unsigned before = count_keys();
    snprintf(line, sizeof line, "fault %s %x 0\n", f->name, endpoint);
    if (!check(tell(line), f->name, "usb-mock", "does not know it"))
        return;
    const enum hufu_status s = generate();
    snprintf(said, sizeof said, "%s at %02x", hufu_status_name(s), endpoint);
    check(outcome_of(s) & allowed, f->name, "another outcome", s ? hufu_last_error() : said);
    const enum hufu_status second = generate();
    if (s != HUFU_OK && s != HUFU_E_TIMEOUT && s < 0x100)
        check(second == HUFU_E_LINK, f->name, "the next one is sent", hufu_status_name(second));
    again();
    const unsigned made = count_keys() - before;
    const unsigned least = (s == HUFU_OK ? 1u : 0) + (second == HUFU_OK ? 1u : 0),
                   most = (s == HUFU_E_LINK ? 0 : 1u) + (second == HUFU_E_LINK ? 0 : 1u);
    check(made >= least && made <= most, f->name, "another number of keys than was told", said);
}

static void initialise(void)
{
    const struct hufu_init init = {
        .retries = 5, .label = "faults", .admin_pin = "admin-pin", .user_pin = PIN};
    const struct hufu_options options = {.timeout_ms = TIMEOUT_MS};
    struct hufu_info info;
    must(hufu_open_with(&t.device, t.url, &options), "open");
    must(hufu_info(t.device, &info), "information");
    if (info.state == HUFU_STATE_BLANK)
        must(hufu_device_init(t.device, &init, NULL), "initialise");
    begin();
}

int main(int argc, char **argv)
{
    if (argc != 2 && argc != 3)
        return 2;
    t.url = argv[1];
    t.control = argv[2];
    const bool ccid = strstr(t.url, "?ccid") != NULL;
    initialise();
    if (!t.control) {
        puts("ready");
        fflush(stdout);
        for (;;)
            pause();
    }
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++) {
        const struct fault *f = &faults[i];
        if (!(f->links & (ccid ? CCID : FRAMES)))
            continue;
        one(f, ccid ? f->in_ccid : f->in_frames, ccid ? 0x82 : 0x85);
        if (f->out)
            one(f, f->out, ccid ? 0x01 : 0x04);
    }
    hufu_session_close(t.session);
    hufu_close(t.device);
    printf("%u passed, %u failed\n", t.passed, t.failed);
    return t.failed != 0;
}
