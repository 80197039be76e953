/*
 * Power cuts. Every operation of the store is cut at every program, erase and sync that it makes,
 * in six ways; then the medium is mounted and must hold what was there before the operation or
 * after it, nothing that was acknowledged may be missing, and no salt of a dead record may be left.
 * Recovery itself is cut too. With --depth 2 recovery is cut at every operation after every first
 * cut.
 *
 *   power [--depth N] [--scenario NAME] [--seed N] [--list] [--replay ID]
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/power/scenarios.h"

enum { SEEDS = 6 }; /* tries of what happens by chance */

/* ID of a case: SCENARIO:UNIT:AT:CUT:SEED, and :AT:CUT of the second cut. */
struct power_case {
    const struct scenario *scenario;
    uint32_t unit;
    uint64_t at, seed;
    enum nvm_cut cut;
    bool twice;
    uint64_t second_at;
    enum nvm_cut second_cut;
};

struct run {
    int depth;
    uint64_t seed, cases, failed;
    struct world w;
    struct world_snapshot base;
};

static const char *const cut_names[NVM_CUT_KINDS] = {"none", "half",   "bits", "all",
                                                     "lost", "subset", "kill"};

static void print_id(const struct power_case *c)
{
    printf("%s:%u:%llu:%s:%llu", c->scenario->name, c->unit, (unsigned long long)c->at,
           cut_names[c->cut], (unsigned long long)c->seed);
    if (c->twice)
        printf(":%llu:%s", (unsigned long long)c->second_at, cut_names[c->second_cut]);
}

static void report(struct run *r, const struct power_case *c, const char *text)
{
    printf("FAILED ");
    print_id(c);
    printf(": %s\n", text);
    r->failed++;
}

/* ---------------------------------------------------------------- one case */

/* Which of the two states the store is in; NULL: neither, or not fit for use. */
static const struct world_state *recovered(struct world *w, bool formatting)
{
    enum store_result r = world_mount(w);
    if (r == STORE_BLANK && formatting) {
        if (world_format(w) != STORE_OK || world_mount(w) != STORE_OK)
            snprintf(w->failure, sizeof w->failure, "cannot be formatted again");
        return &w->pending;
    }
    if (r != STORE_OK) {
        snprintf(w->failure, sizeof w->failure, "mount gives %d", r);
        return NULL;
    }
    return world_recovered(w);
}

/* After recovery: nothing dead can be read, the store works, and keeps what it is given. */
static bool sound_after(struct world *w, const struct world_state *state)
{
    if (w->failure[0] || !world_secret(w, state))
        return false;
    w->committed = w->pending = *state;
    enum store_result r = world_delete_one(w, store_next(w->store, 0, 0) % WORLD_IDS);
    if (r != STORE_OK && r != STORE_ABSENT && r != STORE_ARGUMENT) {
        snprintf(w->failure, sizeof w->failure, "delete afterwards gives %d", r);
        return false;
    }
    r = world_put_one(w, WORLD_IDS - 1, 3, 30);
    if (r != STORE_OK && r != STORE_FULL) {
        snprintf(w->failure, sizeof w->failure, "put afterwards gives %d", r);
        return false;
    }
    return world_mount(w) == STORE_OK && world_sound(w);
}

static bool refuses(struct world *w)
{
    uint8_t byte;
    size_t n = 1;
    if (store_begin(w->store) == STORE_FAULT &&
        store_get(w->store, 1, NULL, &byte, &n) == STORE_FAULT)
        return true;
    snprintf(w->failure, sizeof w->failure, "the store answers after a fault");
    return false;
}

static bool run_case(struct run *r, const struct power_case *c)
{
    struct world *w = &r->w;
    const struct scenario *s = c->scenario;
    world_load(w, &r->base);
    w->sim.nvm.unit = c->unit;
    world_mount(w);
    w->sim.count = 0;
    nvm_sim_cut(&w->sim, c->at, c->cut, c->seed);
    s->act(w);
    if (!w->sim.dead)
        return true; /* beyond the end of it */
    if (!refuses(w))
        return false;
    nvm_sim_power_on(&w->sim);
    if (!world_secret_raw(w))
        return false;
    if (c->twice) {
        w->sim.count = 0;
        nvm_sim_cut(&w->sim, c->second_at, c->second_cut, c->seed + 1);
        world_mount(w);
        nvm_sim_power_on(&w->sim);
    }
    const struct world_state *state = recovered(w, strncmp(s->name, "format", 6) == 0);
    return state && sound_after(w, state);
}

static void try_case(struct run *r, const struct power_case *c)
{
    r->cases++;
    if (!run_case(r, c))
        report(r, c, r->w.failure[0] ? r->w.failure : "not sound afterwards");
}

/* ---------------------------------------------------------------- all cases */

static uint64_t operations(struct run *r, const struct scenario *s, uint32_t unit)
{
    struct world *w = &r->w;
    world_load(w, &r->base);
    w->sim.nvm.unit = unit;
    world_mount(w);
    w->sim.count = 0;
    s->act(w);
    if (!world_sound(w))
        report(r, &(struct power_case){.scenario = s, .unit = unit, .at = UINT64_MAX}, w->failure);
    return w->sim.count;
}

/* How many operations recovery makes after this cut. */
static uint64_t recovery_operations(struct run *r, const struct power_case *c)
{
    struct world *w = &r->w;
    world_load(w, &r->base);
    w->sim.nvm.unit = c->unit;
    world_mount(w);
    w->sim.count = 0;
    nvm_sim_cut(&w->sim, c->at, c->cut, c->seed);
    c->scenario->act(w);
    nvm_sim_power_on(&w->sim);
    w->sim.count = 0;
    world_mount(w);
    return w->sim.count;
}

/* Depth one takes one kind of second cut for each place, by turns; depth two takes them all. */
static void cut_recovery(struct run *r, const struct power_case *first)
{
    struct power_case c = *first;
    const uint64_t n = recovery_operations(r, first);
    c.twice = true;
    for (c.second_at = 0; c.second_at < n; c.second_at++)
        for (int k = 0; k < NVM_CUT_KINDS; k++) {
            if (r->depth < 2 && (first->at + c.second_at) % NVM_CUT_KINDS != (uint64_t)k)
                continue;
            c.second_cut = (enum nvm_cut)k;
            try_case(r, &c);
        }
}

static void run_unit(struct run *r, const struct scenario *s, uint32_t unit)
{
    struct power_case c = {.scenario = s, .unit = unit};
    const uint64_t n = operations(r, s, unit);
    for (c.at = 0; c.at < n; c.at++)
        for (int k = 0; k < NVM_CUT_KINDS; k++) {
            const bool by_chance = k == NVM_CUT_BITS || k == NVM_CUT_SUBSET;
            c.cut = (enum nvm_cut)k;
            for (c.seed = r->seed; c.seed < r->seed + (by_chance ? SEEDS : 1); c.seed++) {
                try_case(r, &c);
                if (r->depth >= 2 || k == NVM_CUT_KILL || (by_chance && c.seed == r->seed))
                    cut_recovery(r, &c);
            }
        }
}

/* The unit does not change the bytes on the medium, so one base serves all. */
static void prepare(struct run *r, const struct scenario *s)
{
    world_open(&r->w, s->segments, s->segment_size, 16, 400);
    if (world_format(&r->w) != STORE_OK)
        exit(1);
    s->prepare(&r->w);
    world_save(&r->w, &r->base);
}

static void finish(struct run *r)
{
    world_forget(&r->base);
    world_close(&r->w);
}

static void run_scenario(struct run *r, const struct scenario *s)
{
    static const uint32_t units[] = {16, 1, 8, 2, 4};
    const uint64_t before = r->cases;
    const size_t turn = (size_t)(s - scenarios) % 5;
    prepare(r, s);
    run_unit(r, s, units[turn]);
    if (r->depth >= 2)
        run_unit(r, s, units[(turn + 1) % 5]);
    finish(r);
    printf("%-18s %8llu cases\n", s->name, (unsigned long long)(r->cases - before));
    fflush(stdout);
}

/* ---------------------------------------------------------------- command line */

static const struct scenario *find_scenario(const char *name, size_t n)
{
    for (size_t i = 0; i < scenario_count; i++)
        if (strlen(scenarios[i].name) == n && memcmp(scenarios[i].name, name, n) == 0)
            return &scenarios[i];
    fprintf(stderr, "power: no scenario \"%.*s\": see --list\n", (int)n, name);
    exit(2);
}

static enum nvm_cut find_cut(const char *name)
{
    for (int k = 0; k < NVM_CUT_KINDS; k++)
        if (strcmp(cut_names[k], name) == 0)
            return (enum nvm_cut)k;
    fprintf(stderr, "power: no way of cutting \"%s\"\n", name);
    exit(2);
}

static void replay(struct run *r, const char *id)
{
    struct power_case c = {0};
    char first[16] = "", second[16] = "";
    unsigned long long at = 0, seed = 0, second_at = 0;
    const size_t name = strcspn(id, ":");
    c.scenario = find_scenario(id, name);
    int fields = sscanf(id + name, ":%u:%llu:%15[a-z]:%llu:%llu:%15[a-z]", &c.unit, &at, first,
                        &seed, &second_at, second);
    if (fields != 4 && fields != 6) {
        fprintf(stderr, "power: \"%s\" is not the id of a case\n", id);
        exit(2);
    }
    c.at = at;
    c.seed = seed;
    c.cut = find_cut(first);
    c.twice = fields == 6;
    if (c.twice) {
        c.second_at = second_at;
        c.second_cut = find_cut(second);
    }
    prepare(r, c.scenario);
    try_case(r, &c);
    finish(r);
}

static int usage(void)
{
    fputs("usage: power [--depth N] [--scenario NAME] [--seed N] [--list] [--replay ID]\n", stderr);
    return 2;
}

int main(int argc, char **argv)
{
    struct run *r = calloc(1, sizeof *r);
    const char *id = NULL, *only = NULL;
    if (r == NULL)
        return 1;
    r->depth = 1;
    for (int i = 1; i < argc; i += 2) {
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (strcmp(argv[i], "--list") == 0) {
            for (size_t k = 0; k < scenario_count; k++)
                puts(scenarios[k].name);
            free(r);
            return 0;
        }
        if (value == NULL)
            return usage();
        if (strcmp(argv[i], "--depth") == 0)
            r->depth = atoi(value);
        else if (strcmp(argv[i], "--scenario") == 0)
            only = value;
        else if (strcmp(argv[i], "--seed") == 0)
            r->seed = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--replay") == 0)
            id = value;
        else
            return usage();
    }
    if (id)
        replay(r, id);
    else if (only)
        run_scenario(r, find_scenario(only, strlen(only)));
    for (size_t i = 0; i < scenario_count && !id && !only; i++)
        run_scenario(r, &scenarios[i]);
    printf("%llu cases, %llu failed\n", (unsigned long long)r->cases,
           (unsigned long long)r->failed);
    const int status = r->failed ? 1 : 0;
    free(r);
    return status;
}
