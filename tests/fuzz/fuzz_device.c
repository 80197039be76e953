/*
 * The whole device: a sequence of commands from the input against a device in RAM, which is put
 * back to a saved moment before each input. Input: a byte that chooses the moment (BLANK, READY
 * with sessions and keys, LOCKED) and how many commands are served together, then commands as CLA
 * INS P1 P2 (top bit of P1: the other link), size u16, data. A command of class CLA_FAULT is none:
 * it lets something fail from the so-manieth use on, by which time the answers may be errors and
 * the device may give up; then it must come up well again when it is restarted with all mended.
 * Whatever comes, the device answers every command with a status word of the table, inside the room
 * it was given, in a form that the generated decoders accept, and stays well.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/fuzz_dev.h"

enum {
    COMMANDS_MAX = 24,
    TOGETHER_MAX = 4,
    SLOW_MAX = 1, /* commands of an input that cost a thousand others */
    GUARD = 64
};

static struct dev dev;
/* What an input lets fail, after how many uses. Its command: CLA_FAULT, kind, count. */
enum { CLA_FAULT = 0xFA };
enum fault { FAULT_RNG, FAULT_READ, FAULT_FLIP, FAULT_CUT, FAULTS };
static bool injected;

static bool all(const uint8_t *p, size_t n, uint8_t value)
{
    while (n && p[n - 1] == value)
        n--;
    return n == 0;
}

/* ------------------------------------------------------------------ answers */

#define GROUP(name, text)
#define RECORD(name, fields, text)
#define COMMAND(ins, name, group, states, roles, audit, request, response, text)                   \
    static bool answer_##name(struct rd *r)                                                        \
    {                                                                                              \
        struct name##_rsp m;                                                                       \
        return name##_rsp_get(r, &m);                                                              \
    }
#include "proto/commands.def"
#undef COMMAND

static bool (*const answer_of[256])(struct rd *r) = {
#define COMMAND(ins, name, group, states, roles, audit, request, response, text)                   \
    [ins] = answer_##name,
#include "proto/commands.def"
};

static void check(const struct exchange *x)
{
    struct rd r;
    const bool pin_wrong = (x->sw & 0xFFF0) == SW_PIN_WRONG;
    REQUIRE(pin_wrong || proto_status(x->sw)->sw == x->sw);
    REQUIRE(injected || x->sw != SW_INTERNAL);
    REQUIRE(x->response_size <= x->room);
    REQUIRE(all(x->response + x->room, GUARD, 0xA5));
    if (x->sw != SW_OK) {
        REQUIRE(x->response_size == 0);
        return;
    }
    REQUIRE(x->cla == CLA_HUFU && answer_of[x->ins]);
    rd_init(&r, x->response, x->response_size);
    REQUIRE(answer_of[x->ins](&r));
}

/* ------------------------------------------------------------------ saved moments */

enum { BLANK, READY, LOCKED, MOMENTS };
static struct {
    struct moment device;
    uint32_t link[2];
} moments[MOMENTS];
static uint32_t links[2];
static bool prepared;

static void save(unsigned which)
{
    links[0] = dev.link;
    links[1] = device_link_open(dev.d);
    memcpy(moments[which].link, links, sizeof links);
    moment_save(&moments[which].device, &dev);
}

static void mend(void)
{
    injected = false;
    samples_left = 0;
    dev.sim.fail_read = dev.sim.flip_read = 0;
    dev.sim.cut_at = UINT64_MAX;
}

static void inject(unsigned kind, unsigned count)
{
    injected = true;
    switch ((enum fault)(kind % FAULTS)) {
    case FAULT_RNG:
        samples_left = 1 + count;
        break;
    case FAULT_READ:
        dev.sim.fail_read = dev.sim.reads + 1 + count;
        break;
    case FAULT_FLIP:
        dev.sim.flip_read = 1 + count;
        break;
    default:
        nvm_sim_cut(&dev.sim, dev.sim.count + count % 64,
                    (enum nvm_cut)(count / 64 % NVM_CUT_KINDS), count);
        break;
    }
}

static void restore(unsigned which)
{
    mend();
    moment_restore(&moments[which].device, &dev);
    memcpy(links, moments[which].link, sizeof links);
    dev.link = links[0];
}

static void write_something(uint16_t channel)
{
    const struct object_label_req q = {.handle = 1, .label = dev_text("written")};
    MUST(do_object_label(&dev, channel, &q, NULL));
}

static unsigned writes_until_erase(uint16_t channel)
{
    const uint64_t erases = dev.sim.erases;
    unsigned n = 0;
    for (; dev.sim.erases == erases; n++)
        write_something(channel);
    return n;
}

/* The log as it is a few writes before the store makes room: the commands of an input get there. */
static void wear(uint16_t channel)
{
    writes_until_erase(channel);
    for (unsigned n = writes_until_erase(channel); n > 5; n--)
        write_something(channel);
}

/* READY: a session for each account, and one without log-in; keys of each kind. */
static void fill(void)
{
    uint16_t channel[5];
    dev_init(&dev, 0);
    for (uint8_t account = DEV_ADMIN; account <= DEV_AUDITOR; account++)
        channel[account] = dev_login(&dev, account);
    dev_session(&dev);
    const uint16_t user = channel[DEV_USER];
    dev_key(&dev, user, KEY_SM2, USAGE_SIGN | USAGE_DECRYPT | USAGE_AGREE | USAGE_DERIVE_OUT);
    dev_key(&dev, user, KEY_SM4, USAGE_ENCRYPT | USAGE_DECRYPT);
    dev_key(&dev, channel[DEV_OPERATOR], KEY_SM2, USAGE_SIGN | USAGE_EXPORT_WRAPPED);
    dev_key(&dev, user, KEY_RSA2048, USAGE_SIGN | USAGE_DECRYPT);
    const struct key_generate_req session_key = {
        .type = KEY_SM4, .flags = KEY_FLAG_SESSION, .usage = USAGE_ENCRYPT | USAGE_DECRYPT};
    MUST(do_key_generate(&dev, user, &session_key, NULL));
    wear(user);
}

static void prepare(void)
{
    small_device(&dev, 7, 2);
    save(BLANK);
    fill();
    save(READY);
    restore(BLANK);
    dev_init(&dev, INIT_ATTENDED);
    device_stop(dev.d);
    dev_reboot(&dev);
    REQUIRE(device_state(dev.d) == STATE_LOCKED);
    save(LOCKED);
    prepared = true;
}

/* ------------------------------------------------------------------ one input */

/* RSA key generation takes seconds, the unlock secret and the self-tests tens of milliseconds. */
static bool too_slow(const struct exchange *x, unsigned *slow)
{
    const uint8_t first = x->size ? x->data[0] : 0;
    switch (x->ins) {
    case INS_KEY_GENERATE:
    case INS_KEY_BATCH:
        return first >= KEY_RSA2048 && first <= KEY_RSA4096;
    case INS_SELFTEST:
        return true;
    case INS_INIT:
        return (first & INIT_ATTENDED) && ++*slow > SLOW_MAX;
    case INS_UNLOCK:
        return ++*slow > SLOW_MAX;
    default:
        return false;
    }
}

struct round {
    struct exchange x[TOGETHER_MAX];
    uint8_t *data[TOGETHER_MAX];
    uint8_t response[TOGETHER_MAX][FRAME + GUARD];
    size_t n;
};

/* The next command of the input; false: there is none. */
static bool next(struct rd *r, struct round *t, unsigned *slow)
{
    const uint8_t *head = rd_bytes(r, 4);
    const uint16_t size = rd_u16(r);
    if (r->bad || size > rd_left(r))
        return false;
    struct exchange *x = &t->x[t->n];
    const uint8_t *data = rd_bytes(r, size);
    if (head[0] == CLA_FAULT) {
        inject(head[1], (unsigned)(head[2] << 8 | head[3]));
        return true;
    }
    t->data[t->n] = malloc(size ? size : 1); /* to the byte, for the sanitizer */
    REQUIRE(t->data[t->n]);
    if (size)
        memcpy(t->data[t->n], data, size);
    memset(t->response[t->n], 0xA5, sizeof t->response[t->n]);
    *x = (struct exchange){.link = links[head[2] >> 7],
                           .cla = head[0],
                           .ins = head[1],
                           .channel = (uint16_t)((head[2] & 0x7F) << 8 | head[3]),
                           .data = t->data[t->n],
                           .size = size,
                           .response = t->response[t->n],
                           .room = FRAME};
    /* Some have little room for the answer. */
    if (x->cla == 0xC1) {
        x->cla = CLA_HUFU;
        x->room = size < FRAME ? size : FRAME;
    }
    if (too_slow(x, slow))
        free(t->data[t->n]);
    else
        t->n++;
    return true;
}

static void serve(struct round *t)
{
    device_serve(dev.d, t->x, t->n);
    for (size_t i = 0; i < t->n; i++) {
        check(&t->x[i]);
        free(t->data[i]);
    }
    t->n = 0;
    REQUIRE(device_state(dev.d) >= STATE_BLANK && device_state(dev.d) <= STATE_TESTING);
    REQUIRE(injected || device_state(dev.d) != STATE_FAILED);
    REQUIRE(!dev.sim.violation);
}

/* Power off and on, with everything whole again: whatever failed, the device is well. */
static void recover(void)
{
    mend();
    dev_reboot(&dev);
    REQUIRE(device_state(dev.d) != STATE_FAILED);
    REQUIRE(!dev.sim.violation);
    links[0] = dev.link;
    links[1] = device_link_open(dev.d);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct round t;
    struct rd r;
    unsigned slow = 0;
    if (!prepared)
        prepare();
    if (!size)
        return 0;
    restore(data[0] % MOMENTS);
    const size_t together = 1 + (data[0] >> 6) % TOGETHER_MAX;
    rd_init(&r, data + 1, size - 1);
    for (unsigned i = 0; i < COMMANDS_MAX && next(&r, &t, &slow); i++)
        if (t.n >= together)
            serve(&t);
    serve(&t);
    if (injected)
        recover();
    device_link_close(dev.d, links[0]);
    device_link_close(dev.d, links[1]);
    return 0;
}
