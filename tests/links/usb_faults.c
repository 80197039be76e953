/*
 * libhufu over USB transfers that go wrong, one fault after the other:
 *
 *   usb-mock ... --control PATH -- usb-faults URL PATH [batches]
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

enum { QUICK_MS = 100, PATIENT_MS = 60000, CCID = 1, FRAMES = 2, BOTH = 3 };

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
    {"shorter", BOTH, BAD, BAD | ODD | UNKNOWN, 0},
    {"more", BOTH, BAD, FINE, 0},
};

static struct {
    const char *url, *control;
    struct hufu_device *device;
    struct hufu_session *session;
    unsigned passed, failed;
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

static void begin(void)
{
    must(hufu_session_open(t.device, &t.session), "session");
    must(hufu_login(t.session, HUFU_ACCOUNT_USER, PIN, strlen(PIN), NULL), "login");
}

/* A new link, with nobody logged in. */
static void again(void)
{
    hufu_set_timeout(t.device, PATIENT_MS);
    tell("plug"); /* if a fault pulled it out */
    enum hufu_status s = hufu_reconnect(t.device);
    for (int i = 0; s && i < 3000; i++) { /* an unplugging may still be under way */
        usleep(20000);
        tell("plug");
        s = hufu_reconnect(t.device);
    }
    must(s, "reconnect");
    hufu_session_close(t.session);
}

static bool plan(const struct fault *f, unsigned endpoint, unsigned skip)
{
    char line[64];
    snprintf(line, sizeof line, "fault %s %x %u\n", f->name, endpoint, skip);
    return check(tell(line), f->name, "usb-mock", "does not know it");
}

/* ------------------------------------------------------------------ single commands */

static enum hufu_status generate(void)
{
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .label = "fault"};
    uint32_t handle;
    return hufu_key_generate(t.session, &spec, &handle, NULL, NULL);
}

static unsigned keys(void)
{
    struct hufu_info info;
    must(hufu_info(t.device, &info), "information");
    return info.objects;
}

static enum hufu_status try_pin(void)
{
    return hufu_login(t.session, HUFU_ACCOUNT_USER, "not this one", 12, NULL);
}

/* So many of the PIN's tries are used up; a right PIN gives them back. */
static unsigned tries(void)
{
    struct hufu_account a[HUFU_ACCOUNTS_MAX];
    size_t n = HUFU_ACCOUNTS_MAX;
    must(hufu_account_list(t.device, a, &n), "accounts");
    for (size_t i = 0; i < n; i++)
        if (a[i].account == HUFU_ACCOUNT_USER)
            return (unsigned)(a[i].tries_max - a[i].tries);
    return 0;
}

static const struct deed {
    const char *name;
    enum hufu_status (*act)(void);
    unsigned (*count)(void);
    enum hufu_status good; /* what it comes to when all is well */
} deeds[] = {{"generate", generate, keys, HUFU_OK}, {"PIN", try_pin, tries, HUFU_E_PIN_WRONG}};

/* What the host was told must fit what happened. */
static void one(const struct fault *f, const struct deed *d, unsigned allowed, unsigned endpoint)
{
    char said[100];
    const unsigned before = d->count();
    if (!plan(f, endpoint, 0))
        return;
    hufu_set_timeout(t.device, QUICK_MS);
    const enum hufu_status s = d->act();
    snprintf(said, sizeof said, "%s: %s at %02x", d->name, hufu_status_name(s), endpoint);
    const enum outcome outcome = s == d->good ? FINE : outcome_of(s);
    /* a slow machine is late, whatever else goes wrong */
    check(outcome & (allowed | LATE), f->name, said, s ? hufu_last_error() : "");
    const enum hufu_status second = d->act();
    if (outcome != FINE && outcome != LATE && outcome != ODD)
        check(second == HUFU_E_LINK, f->name, "the next one is sent", hufu_status_name(second));
    again();
    const unsigned made = d->count() - before;
    const unsigned least = (s == d->good ? 1u : 0) + (second == d->good ? 1u : 0),
                   most = (s == HUFU_E_LINK ? 0 : 1u) + (second == HUFU_E_LINK ? 0 : 1u);
    check(made >= least && made <= most, f->name, "something else happened than was told", said);
    begin();
}

/* ------------------------------------------------------------------ batches */

enum { TOTAL = 30, CHUNK = 10, CHUNKS_MAX = 16 };

struct harvest {
    unsigned chunks, keys;
    uint8_t batch[CHUNKS_MAX][16];
    uint8_t key[CHUNKS_MAX * CHUNK][HUFU_SM2_PUBLIC_SIZE];
};

static int take(void *context, const struct hufu_key_chunk *k)
{
    struct harvest *h = context;
    for (unsigned i = 0; i < h->chunks; i++)
        if (!memcmp(h->batch[i], k->fields.batch, 16))
            return HUFU_CHUNK_KNOWN;
    if (h->chunks == CHUNKS_MAX || k->count > CHUNK)
        return 1;
    memcpy(h->batch[h->chunks++], k->fields.batch, 16);
    for (uint32_t i = 0; i < k->count; i++)
        memcpy(h->key[h->keys++], k->records + i * k->record_size, HUFU_SM2_PUBLIC_SIZE);
    return 0;
}

static bool all_different(const struct harvest *h)
{
    for (unsigned i = 0; i < h->keys; i++)
        for (unsigned j = 0; j < i; j++)
            if (!memcmp(h->key[i], h->key[j], HUFU_SM2_PUBLIC_SIZE))
                return false;
    return true;
}

/* The batch breaks off, and goes on over a new link until all keys are there. */
static void batch(const struct fault *f, unsigned endpoint, unsigned skip)
{
    static struct harvest h;
    struct hufu_batch b = {.type = HUFU_KEY_SM2,
                           .usage = HUFU_USAGE_SIGN | HUFU_USAGE_EXPORT_WRAPPED,
                           .total = TOTAL,
                           .chunk = CHUNK};
    char said[100];
    h = (struct harvest){0};
    if (!plan(f, endpoint, skip))
        return;
    hufu_set_timeout(t.device, QUICK_MS);
    const enum hufu_status s = hufu_key_batch(t.session, &b, take, &h, NULL);
    snprintf(said, sizeof said, "batch: %s at %02x after %u", hufu_status_name(s), endpoint, skip);
    again();
    begin();
    b.resume = 1;
    b.total = h.keys < TOTAL ? TOTAL - h.keys : 0;
    const enum hufu_status rest = hufu_key_batch(t.session, &b, take, &h, NULL);
    check(!rest, f->name, said, rest ? hufu_last_error() : "");
    check(h.keys >= TOTAL, f->name, said, "keys are missing");
    check(all_different(&h), f->name, said, "a key came twice");
    check(hufu_key_fetch(t.session, 0, take, &h) == HUFU_E_NO_TICKET, f->name, said,
          "a ticket is left");
}

static void batches(const struct fault *f, unsigned in, unsigned out)
{
    for (unsigned skip = 0; skip < 4; skip += 2) {
        batch(f, in, skip);
        if (f->out)
            batch(f, out, skip);
    }
}

/* Commands that nobody waits for, and a link that is closed with them on their way. */
static void nobody_waits(void)
{
    enum { INFO = 0x02, COUNT = 5 };
    struct hufu_request *r;
    for (int i = 0; i < COUNT; i++) {
        must(hufu_submit(t.device, 0, INFO, NULL, 0, &r), "submit");
        hufu_release(r);
    }
    hufu_session_close(t.session);
    for (int i = 0; i < COUNT; i++) {
        must(hufu_submit(t.device, 0, INFO, NULL, 0, &r), "submit");
        hufu_release(r);
    }
    hufu_close(t.device);
    t.device = NULL;
    must(hufu_open(&t.device, t.url), "open again");
    check(keys() < 100000, "nobody waits", "the device", "makes no sense any more");
    hufu_close(t.device);
}

/* ------------------------------------------------------------------ all of it */

static void initialise(void)
{
    const struct hufu_init init = {
        .retries = 5, .label = "faults", .admin_pin = "admin-pin", .user_pin = PIN};
    const struct hufu_options options = {.timeout_ms = PATIENT_MS};
    struct hufu_info info;
    must(hufu_open_with(&t.device, t.url, &options), "open");
    must(hufu_info(t.device, &info), "information");
    if (info.state == HUFU_STATE_BLANK)
        must(hufu_device_init(t.device, &init, NULL), "initialise");
    begin();
}

int main(int argc, char **argv)
{
    if (argc < 2 || argc > 4)
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
        const unsigned in = ccid ? 0x82 : 0x85, out = ccid ? 0x01 : 0x04;
        for (size_t d = 0; argc == 3 && d < sizeof deeds / sizeof *deeds; d++) {
            one(f, &deeds[d], ccid ? f->in_ccid : f->in_frames, in);
            if (f->out)
                one(f, &deeds[d], f->out, out);
        }
        batches(f, in, out);
    }
    nobody_waits();
    printf("%u passed, %u failed\n", t.passed, t.failed);
    return t.failed != 0;
}
