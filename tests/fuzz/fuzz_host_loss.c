/*
 * libhufu on a sound device over a link that fails: the firmware answers, and between the two the
 * input lets messages be lost, cut short or come again. Input: a byte whose lowest bit asks for a
 * secure channel, then steps of two bytes: what the client does, and where what goes wrong. A call
 * that says that it is done was carried out once, one that says that it was not was not, nothing
 * that was handed over is lost or comes twice, and nothing of a broken link stays with the device.
 * A link in clear whose bytes are changed can be made to say anything: then only memory counts.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_dev.h"
#include "tests/lib/bridge.h"

#include "firmware/crypto/sm3.h"
#include "host/lib/channel.h"

enum { STEPS_MAX = 12, KEYS_MAX = 128, FAILURE_ROOM = 20 /* of an answer without data, sealed */ };
enum fault { NONE, REFUSED, COMMAND_LOST, ANSWER_LOST, SILENT, CUT_SHORT, AGAIN, FAULTS };

static struct dev dev;
static struct moment ready;

/* The link, and what is to happen on it. */
static struct {
    struct bridge bridge;
    enum fault fault;
    unsigned after; /* messages that pass before */
    bool failed, lied;
    uint8_t former[FRAME + 2];
    size_t former_size;
} way;

/* The client. */
static struct hufu_device *device;
static struct hufu_session *session;
static struct hufu_options options;
static uint8_t handed[KEYS_MAX][64];
static size_t keys, pairs; /* the device has made so many */
static uint32_t handle;

static char trusted[4 + 2 * 32 + 1];

static void prepare(void)
{
    uint8_t fingerprint[32];
    struct identity_rsp m;
    small_device(&dev, 2, 5);
    dev_init(&dev, 0);
    MUST(do_identity(&dev, 0, &(struct identity_req){0}, &m));
    trust_fingerprint(m.public, fingerprint);
    size_t n = (size_t)snprintf(trusted, sizeof trusted, "pin:");
    for (size_t i = 0; i < sizeof fingerprint; i++)
        n += (size_t)snprintf(trusted + n, sizeof trusted - n, "%02x", fingerprint[i]);
    device_link_close(dev.d, dev.link);
    moment_save(&ready, &dev);
}

/* Nothing passes any more. */
static void link_dies(struct liar *l, enum hufu_status of_this_one)
{
    l->submit = HUFU_E_LINK;
    l->failure = of_this_one;
}

static void spoil(struct liar *l, const uint8_t *from, struct wr *w)
{
    const size_t n = wr_size(w), cut = way.former_size % 16;
    way.failed = true;
    switch (way.fault) {
    case REFUSED: /* the next one */
        link_dies(l, HUFU_OK);
        break;
    case ANSWER_LOST:
        link_dies(l, HUFU_E_UNKNOWN_OUTCOME);
        break;
    case SILENT:
        l->silent = true;
        break;
    case CUT_SHORT:
        way.lied = !device->secure.open;
        w->p = w->base + n * cut / 16;
        break;
    default:
        way.lied = !device->secure.open;
        w->p = w->base;
        wr_bytes(w, from, way.former_size);
    }
}

static void pass(struct liar *l, const struct hufu_request *r, struct wr *w)
{
    static uint8_t before[sizeof way.former];
    const bool now = way.fault && !way.failed && way.after-- == 0;
    if (now && way.fault == COMMAND_LOST) {
        way.failed = true;
        link_dies(l, HUFU_E_UNKNOWN_OUTCOME);
        return;
    }
    bridge_answer(l, r, w);
    pairs += r->name == INS_KEY_BATCH && wr_size(w) > FAILURE_ROOM;
    memcpy(before, way.former, way.former_size);
    const size_t n = wr_size(w);
    memcpy(way.former, w->base, n);
    if (now)
        spoil(l, before, w);
    way.former_size = n;
}

/* ------------------------------------------------------------------ the client */

static void hang_up(void)
{
    hufu_session_close(session);
    hufu_close(device);
    device = NULL;
    session = NULL;
    device_link_close(dev.d, dev.link);
}

static bool dial(void)
{
    way.bridge = (struct bridge){.dv = &dev};
    dev.link = device_link_open(dev.d);
    REQUIRE(dev.link);
    if (bridge_open(&device, &way.bridge, &options))
        return false;
    const struct info_rsp r = dev_info(&dev);
    REQUIRE(r.sessions == 0);
    ((struct liar *)device->transport)->answer = pass;
    return !hufu_session_open(device, &session) &&
           !hufu_login(session, DEV_USER, DEV_USER_PIN, strlen(DEV_USER_PIN), NULL);
}

/* No pair is handed over as new twice; one that may have been is known again. */
static int take(void *context, const struct hufu_key_chunk *k)
{
    (void)context;
    if (way.lied)
        return 0;
    REQUIRE(k->count == 1 && k->good == 1);
    for (size_t i = 0; i < keys; i++)
        if (!memcmp(handed[i], k->records, sizeof handed[i])) {
            REQUIRE(k->fetched);
            return HUFU_CHUNK_KNOWN;
        }
    REQUIRE(keys < KEYS_MAX);
    memcpy(handed[keys++], k->records, sizeof handed[0]);
    return 0;
}

static enum hufu_status batch(uint64_t total)
{
    const struct hufu_batch b = {
        .type = HUFU_KEY_SM2, .usage = HUFU_USAGE_SIGN, .total = total, .chunk = 1, .resume = 1};
    return hufu_key_batch(session, &b, take, NULL, NULL);
}

static enum hufu_status digest(void)
{
    uint8_t out[HUFU_DIGEST_MAX], right[SM3_SIZE];
    size_t n;
    enum hufu_status s = hufu_hash_init(session, HUFU_DIGEST_SM3, NULL, NULL, 0);
    for (int i = 0; i < 3 && !s; i++)
        s = hufu_hash_update(session, trusted, sizeof trusted);
    if (!s)
        s = hufu_hash_final(session, out, &n);
    if (s || way.lied)
        return s;
    struct sm3 h;
    sm3_init(&h);
    for (int i = 0; i < 3; i++)
        sm3_update(&h, trusted, sizeof trusted);
    sm3_final(&h, right);
    REQUIRE(n == sizeof right && !memcmp(out, right, n));
    return s;
}

static int each_object(void *context, const struct hufu_object *o)
{
    unsigned *n = context;
    REQUIRE(way.lied || o->type == HUFU_KEY_SM4);
    ++*n;
    return 0;
}

static unsigned objects(void)
{
    const struct info_rsp r = dev_info(&dev);
    return r.objects;
}

/* What one command changes: done once, not at all, or nobody knows. */
static enum hufu_status one_object(bool make)
{
    const struct hufu_key_spec spec = {
        .type = HUFU_KEY_SM4, .usage = HUFU_USAGE_ENCRYPT, .label = "k"};
    const unsigned before = objects();
    uint32_t made = 0;
    const enum hufu_status s = make ? hufu_key_generate(session, &spec, &made, NULL, NULL)
                                    : hufu_object_destroy(session, handle);
    const unsigned done = make ? objects() - before : before - objects();
    REQUIRE(done <= 1);
    REQUIRE(way.lied || s != HUFU_OK || done == 1);
    REQUIRE(way.lied || s != HUFU_E_LINK || done == 0);
    if (s == HUFU_OK)
        handle = made;
    return s;
}

static void step(uint8_t what)
{
    uint8_t bytes[FRAME + 100];
    unsigned n = 0;
    enum hufu_status s;
    switch (what) {
    case 0:
    case 1:
        s = one_object(what == 0);
        break;
    case 2:
        s = batch(1 + way.after % 3);
        break;
    case 3:
        s = digest();
        break;
    case 4:
        s = hufu_object_list(session, 0, each_object, &n);
        REQUIRE(way.lied || s || n == objects());
        break;
    case 5:
        s = hufu_random(device, bytes, sizeof bytes);
        break;
    default:
        s = hufu_login(session, DEV_USER, DEV_USER_PIN, strlen(DEV_USER_PIN), NULL);
    }
    REQUIRE(s != HUFU_E_LINK || way.failed);
}

/* Everything that was made has come, once, when the rest is asked for over a link that works. */
static void settle(bool lied)
{
    way.fault = NONE;
    way.failed = way.lied = false;
    REQUIRE(dial());
    REQUIRE(batch(0) == HUFU_OK);
    REQUIRE(lied || keys == pairs);
    REQUIRE(hufu_key_fetch(session, 0, take, NULL) == HUFU_E_NO_TICKET);
    hang_up();
    REQUIRE(device_state(dev.d) == STATE_READY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    bool lied = false;
    if (!ready.memory)
        prepare();
    moment_restore(&ready, &dev);
    options =
        (struct hufu_options){.timeout_ms = 1, .channel = size && data[0] & 1 ? trusted : "off"};
    keys = pairs = handle = 0;
    for (size_t i = 1; i + 1 < size && i < 2 * STEPS_MAX; i += 2) {
        way.fault = NONE;
        if (!device)
            REQUIRE(dial());
        way.failed = way.lied = false;
        way.fault = data[i + 1] % FAULTS;
        way.after = data[i + 1] / FAULTS % 16;
        step(data[i] % 7);
        lied |= way.lied;
        if (way.failed)
            hang_up();
    }
    if (device)
        hang_up();
    settle(lied);
    return 0;
}
