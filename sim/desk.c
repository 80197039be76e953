#include "sim/desk.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "firmware/base/wipe.h"
#include "proto/apdu.h"
#include "proto/proto.h"

enum {
    WINDOW_HEAD = 64, /* before the answer: room for the frame header, then aligned */
    TRIM_ABOVE = 1048576,
    COST_UNKNOWN = 1000000,
    COST_LONG = 1000000000,
    LARGE_ANSWER = 65536,     /* leaves before the next command is begun */
    ROUND_NS = 50000000,      /* of work in a round, about: nobody waits longer for his turn */
    SHARE_BYTES = 4 * 1048576 /* of answers to one client in a round, about */
};

/* A command on the desk and the window that its answer is built in. */
struct place {
    struct command *command;
    uint8_t *answer; /* WINDOW_HEAD bytes into the window */
    size_t size;     /* of the answer with its status word */
    uint64_t ns;     /* that it took */
};

/* By instruction: nanoseconds, bytes; 0: not known. */
struct learned {
    uint32_t cost[256], answer[256];
};

struct desk {
    struct device *device;
    size_t frame_max, window_size, windows;
    uint8_t *memory;
    size_t touched;               /* bytes of large answers since the last trim */
    struct learned own, *learned; /* the first desk's, for all */
    unsigned count, native_count;
    bool side, closed, pairs; /* pairs: commands that make a pair each, and no others */
    uint64_t round_ns;
    struct place place[DESK_BATCH];
    struct exchange native[DESK_BATCH];
    unsigned native_place[DESK_BATCH];
};

/* Windows are address space; only what an answer touches becomes memory. */
static uint8_t *map_windows(void *at, size_t size)
{
    void *p = mmap(at, size, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (at ? MAP_FIXED : 0), -1, 0);
    return p == MAP_FAILED ? NULL : p;
}

struct desk *desk_create(struct device *d, size_t frame_max)
{
    struct desk *k = calloc(1, sizeof *k);
    if (!k)
        return NULL;
    k->device = d;
    k->learned = &k->own;
    k->frame_max = frame_max;
    k->window_size = (WINDOW_HEAD + frame_max + 2 + FRAME_CHECK + 4095) & ~(size_t)4095;
    for (k->windows = DESK_BATCH; k->windows; k->windows /= 2) {
        k->memory = map_windows(NULL, k->windows * k->window_size);
        if (k->memory)
            break;
    }
    if (!k->memory) {
        free(k);
        return NULL;
    }
    return k;
}

struct desk *desk_create_second(struct desk *first)
{
    struct desk *k = desk_create(first->device, first->frame_max);
    if (k)
        k->learned = first->learned;
    return k;
}

struct desk *desk_create_side(struct desk *first)
{
    struct desk *k = desk_create_second(first);
    if (k)
        k->side = true;
    return k;
}

void desk_destroy(struct desk *k)
{
    if (!k)
        return;
    munmap(k->memory, k->windows * k->window_size);
    free(k);
}

/* ------------------------------------------------------------------ cost */

static uint8_t ins_of(const struct command *m)
{
    return m->frame.length >= 2 ? m->bytes[1] : 0;
}

/* In an APDU the instruction is all that can be seen without taking it apart. */
static bool is_long(const struct command *m)
{
    const uint8_t ins = ins_of(m), any = ins == INS_CHANNEL_SEALED ? SEALED_LONG : KEY_RSA2048;
    if (m->frame.flags & FRAME_APDU)
        return device_is_long(ins, &any, 1);
    return m->frame.length > 2 && device_is_long(ins, m->bytes + 2, m->frame.length - 2);
}

/* A long command that others of its kind may share a round with. */
static bool makes_pair(const struct command *m)
{
    return !(m->frame.flags & FRAME_APDU) && m->frame.length > 2 &&
           device_makes_pair(ins_of(m), m->bytes + 2, m->frame.length - 2);
}

/* Beside what is on the desk already? A long command has it for itself and its kind. */
static bool fits(const struct desk *k, const struct command *m)
{
    const bool longer = is_long(m);
    if (longer && k->side)
        return false;
    if (!k->count)
        return true;
    if (k->pairs)
        return makes_pair(m) && k->count < device_pairs_together(k->device);
    return !longer && k->round_ns + m->cost <= ROUND_NS;
}

uint32_t desk_cost(const struct desk *k, const struct command *m)
{
    if (is_long(m))
        return COST_LONG;
    const uint32_t cost = k->learned->cost[ins_of(m)];
    return cost ? cost : COST_UNKNOWN;
}

/* The largest of late: a rise counts at once, a fall slowly. */
static uint32_t largest(uint32_t last, uint64_t value)
{
    const uint32_t faded = last - last / 8;
    const uint32_t now = value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
    const uint32_t most = now > faded ? now : faded;
    return most ? most : 1;
}

static void learn(struct desk *k, const struct place *p)
{
    const uint8_t ins = ins_of(p->command);
    if (is_long(p->command))
        return;
    k->learned->cost[ins] = largest(k->learned->cost[ins], p->ns);
    k->learned->answer[ins] = largest(k->learned->answer[ins], p->size);
}

static size_t expected_answer(const struct desk *k, const struct command *m)
{
    const uint32_t size = k->learned->answer[ins_of(m)];
    return size ? size : k->frame_max;
}

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* ------------------------------------------------------------------ one round */

static bool is_apdu(const struct command *m)
{
    return (m->frame.flags & FRAME_APDU) != 0;
}

static void place_native(struct desk *k, unsigned at)
{
    struct command *m = k->place[at].command;
    k->native_place[k->native_count] = at;
    k->native[k->native_count++] = (struct exchange){.link = m->client->link,
                                                     .cla = m->bytes[0],
                                                     .ins = m->bytes[1],
                                                     .channel = m->frame.channel,
                                                     .data = m->bytes + 2,
                                                     .size = m->frame.length - 2,
                                                     .opened = m->bytes + 2,
                                                     .response = k->place[at].answer,
                                                     .room = k->frame_max};
}

unsigned desk_take(struct desk *k, struct client *c, unsigned quota)
{
    unsigned taken = 0;
    size_t bytes = c->unsent;
    bool apdu = false;
    if (k->side && c->running)
        return 0;
    while (taken < quota && k->count < k->windows && c->first && !k->closed) {
        if (!fits(k, c->first))
            break;
        if (taken && bytes + expected_answer(k, c->first) > SHARE_BYTES)
            break;
        /* APDUs run after the native commands of a round: a native one behind an APDU waits. */
        if (apdu && !is_apdu(c->first))
            break;
        struct place *p = &k->place[k->count];
        bytes += expected_answer(k, c->first);
        k->round_ns += c->first->cost;
        p->command = client_take(c);
        p->answer = k->memory + k->count * k->window_size + WINDOW_HEAD;
        p->size = 0;
        p->ns = 0;
        c->running++;
        taken++;
        apdu = is_apdu(p->command);
        k->count++;
        k->pairs = makes_pair(p->command);
        k->closed = (is_long(p->command) && !k->pairs) ||
                    k->learned->answer[ins_of(p->command)] > LARGE_ANSWER;
    }
    return taken;
}

static size_t put_sw(uint8_t *answer, size_t size, uint16_t sw)
{
    answer[size] = (uint8_t)(sw >> 8);
    answer[size + 1] = (uint8_t)sw;
    return size + 2;
}

/* A connection is a link from its first command on. */
static void open_link(struct desk *k, struct client *c)
{
    if (!c->link)
        c->link = c->far ? device_link_open_far(k->device) : device_link_open(k->device);
}

/* The native commands of this round, in order. A client without a link is told, not served. */
static void list_native(struct desk *k)
{
    for (unsigned i = 0; i < k->count; i++) {
        struct place *p = &k->place[i];
        if (is_apdu(p->command))
            continue;
        open_link(k, p->command->client);
        if (p->command->client->link)
            place_native(k, i);
        else
            p->size = put_sw(p->answer, 0, SW_TOO_MANY);
    }
}

static void run_native(struct desk *k)
{
    list_native(k);
    if (!k->native_count)
        return;
    const uint64_t start = clock_ns();
    device_serve(k->device, k->native, k->native_count);
    const uint64_t each = (clock_ns() - start) / k->native_count;
    for (unsigned i = 0; i < k->native_count; i++) {
        struct place *p = &k->place[k->native_place[i]];
        p->size = put_sw(p->answer, k->native[i].response_size, k->native[i].sw);
        p->ns = each;
    }
}

/* The card of a connection comes with its first APDU. */
static struct card *card_of(struct desk *k, struct client *c)
{
    if (!c->card) {
        const size_t max = k->frame_max < APDU_LC_MAX ? k->frame_max : APDU_LC_MAX;
        void *memory = malloc(card_memory(max));
        c->card = memory ? card_create(memory, max, k->device) : NULL;
        if (c->card && c->far)
            card_leaves_machine(c->card);
    }
    return c->card;
}

static void run_apdu(struct desk *k, struct place *p)
{
    const struct command *m = p->command;
    struct card *card = card_of(k, m->client);
    const uint64_t start = clock_ns();
    if (card)
        p->size = card_exchange(card, m->bytes, m->frame.length, p->answer, k->frame_max + 2);
    else
        p->size = put_sw(p->answer, 0, SW_INTERNAL);
    p->ns = clock_ns() - start;
}

void desk_run(struct desk *k)
{
    run_native(k);
    for (unsigned i = 0; i < k->count; i++)
        if (is_apdu(k->place[i].command))
            run_apdu(k, &k->place[i]);
}

static void frame_answer(struct place *p, struct iovec *part)
{
    const struct frame *asked = &p->command->frame;
    const bool checked = asked->flags & FRAME_CHECKED;
    const struct frame head = {
        (uint32_t)(p->size + (checked ? FRAME_CHECK : 0)), asked->tag, asked->channel,
        (uint16_t)((asked->flags & (FRAME_APDU | FRAME_CHECKED)) | FRAME_ANSWER)};
    if (checked)
        frame_check_put(&head, p->answer, p->answer + p->size);
    p->size = head.length;
    frame_put(p->answer - FRAME_HEADER, &head);
    part->iov_base = p->answer - FRAME_HEADER;
    part->iov_len = FRAME_HEADER + p->size;
}

unsigned desk_answers(const struct desk *k)
{
    return k->count;
}

unsigned desk_answer(struct desk *k, void (*done)(void *, struct client *), void *arg)
{
    const unsigned answers = k->count;
    struct iovec parts[DESK_BATCH];
    for (unsigned i = 0, n; i < k->count; i += n) {
        struct client *c = k->place[i].command->client;
        for (n = 0; i + n < k->count && k->place[i + n].command->client == c; n++)
            frame_answer(&k->place[i + n], &parts[n]);
        client_send(c, parts, n);
        c->running -= n;
        for (unsigned j = i; j < i + n; j++) {
            struct place *p = &k->place[j];
            learn(k, p);
            k->touched += p->size > 4096 ? p->size : 0;
            wipe(p->answer, p->size);
            command_free(p->command);
        }
        done(arg, c);
    }
    k->count = k->native_count = 0;
    k->round_ns = 0;
    k->closed = k->pairs = false;
    return answers;
}

void desk_close_link(struct desk *k, struct client *c)
{
    if (c->card)
        card_remove(c->card);
    free(c->card);
    c->card = NULL;
    if (c->link)
        device_link_close(k->device, c->link);
    c->link = 0;
    c->link_closed = true;
}

void desk_trim(struct desk *k)
{
    if (k->touched < TRIM_ABOVE)
        return;
    k->touched = 0;
    map_windows(k->memory, k->windows * k->window_size);
}
