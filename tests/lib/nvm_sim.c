#include "tests/lib/nvm_sim.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void *memory(void *old, size_t n)
{
    void *p = realloc(old, n);
    if (p == NULL) {
        fputs("nvm_sim: no memory\n", stderr);
        exit(1);
    }
    return p;
}

static uint64_t next_random(struct nvm_sim *m)
{
    m->seed += 0x9E3779B97F4A7C15u;
    uint64_t z = m->seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}

static int broken(struct nvm_sim *m, const char *rule)
{
    if (m->violation == NULL)
        m->violation = rule;
    return -1;
}

static size_t position(const struct nvm_sim *m, uint32_t segment, uint32_t offset)
{
    return (size_t)segment * m->nvm.segment_size + offset;
}

static bool inside(const struct nvm_sim *m, uint32_t segment, uint32_t offset, uint32_t n)
{
    return segment < m->nvm.segments && offset <= m->nvm.segment_size &&
           n <= m->nvm.segment_size - offset;
}

/* ---------------------------------------------------------------- what a cut does */

static void scramble(struct nvm_sim *m, uint8_t *p, size_t n)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (uint8_t)next_random(m);
}

/* One unit that was being programmed: as before, as it should be, or anything. */
static void tear_unit(struct nvm_sim *m, uint8_t *to, const uint8_t *data, size_t n)
{
    uint64_t r = next_random(m) % 4;
    if (r == 0)
        scramble(m, to, n);
    else if (r == 1)
        memcpy(to, data, n);
    else if (r == 2)
        for (size_t i = 0; i < n; i++) /* some bits have fallen */
            to[i] &= (uint8_t)(data[i] | next_random(m));
}

static void tear_program(struct nvm_sim *m, const struct nvm_op *op, enum nvm_cut cut)
{
    const uint32_t unit = m->nvm.unit;
    for (uint32_t i = 0; i < op->n; i += unit) {
        uint8_t *to = m->durable + position(m, op->segment, op->offset + i);
        const uint8_t *data = m->journal + op->data + i;
        if (cut == NVM_CUT_ALL || (cut == NVM_CUT_HALF && i < op->n / 2))
            memcpy(to, data, unit);
        else if (cut == NVM_CUT_BITS || cut == NVM_CUT_SUBSET)
            tear_unit(m, to, data, unit);
    }
}

/* Erased, untouched and random stretches. */
static void tear_erase(struct nvm_sim *m, const struct nvm_op *op, enum nvm_cut cut)
{
    uint8_t *to = m->durable + position(m, op->segment, 0);
    const uint32_t size = m->nvm.segment_size;
    if (cut == NVM_CUT_ALL)
        memset(to, 0xFF, size);
    else if (cut == NVM_CUT_HALF)
        memset(to, 0xFF, size / 2);
    else if (cut == NVM_CUT_BITS || cut == NVM_CUT_SUBSET)
        for (uint32_t i = 0, n; i < size; i += n) {
            uint64_t r = next_random(m);
            n = 16u << (r >> 8) % 8;
            n = n < size - i ? n : size - i;
            if (r % 3 == 0)
                memset(to + i, 0xFF, n);
            else if (r % 3 == 1)
                scramble(m, to + i, n);
        }
}

static void apply(struct nvm_sim *m, const struct nvm_op *op)
{
    if (op->n)
        memcpy(m->durable + position(m, op->segment, op->offset), m->journal + op->data, op->n);
    else
        memset(m->durable + position(m, op->segment, 0), 0xFF, m->nvm.segment_size);
}

static void apply_half(struct nvm_sim *m, const struct nvm_op *op)
{
    if (op->n == 0) {
        tear_erase(m, op, NVM_CUT_SUBSET);
        return;
    }
    for (uint32_t i = 0; i < op->n; i += m->nvm.unit)
        if (next_random(m) % 2)
            memcpy(m->durable + position(m, op->segment, op->offset + i), m->journal + op->data + i,
                   m->nvm.unit);
}

/* Of the first n unsynced operations any may be lost, or a part of it; or just one; or a part of
 * one. */
static void apply_subset(struct nvm_sim *m, size_t n)
{
    const uint64_t style = next_random(m) % 4, one = n ? next_random(m) % n : 0;
    for (size_t i = 0; i < n; i++) {
        const uint64_t fate = next_random(m) % 4;
        const bool whole = style == 0 ? fate >= 2 : style == 1 ? fate >= 1 : i != one;
        const bool half = style == 0 ? fate == 1 : style != 2;
        if (whole)
            apply(m, &m->op[i]);
        else if (half)
            apply_half(m, &m->op[i]);
    }
}

static void forget_ops(struct nvm_sim *m)
{
    m->ops = 0;
    m->journaled = 0;
}

/* in_flight: the last operation in the journal was not acknowledged. */
static void power_off(struct nvm_sim *m, bool in_flight)
{
    size_t done = m->ops - in_flight;
    m->dead = true;
    if (m->cut == NVM_CUT_KILL) {
        m->ops = done;
        return;
    }
    if (m->cut == NVM_CUT_SUBSET)
        apply_subset(m, done);
    for (size_t i = 0; i < done && m->cut != NVM_CUT_LOST && m->cut != NVM_CUT_SUBSET; i++)
        apply(m, &m->op[i]);
    if (in_flight && m->op[done].n)
        tear_program(m, &m->op[done], m->cut);
    else if (in_flight)
        tear_erase(m, &m->op[done], m->cut);
    forget_ops(m);
    memcpy(m->view, m->durable, m->size);
}

void nvm_sim_power_on(struct nvm_sim *m)
{
    if (!m->dead)
        power_off(m, false);
    m->dead = false;
    m->cut_at = UINT64_MAX;
}

/* ---------------------------------------------------------------- operations */

static void journal(struct nvm_sim *m, uint32_t segment, uint32_t offset, const void *data,
                    uint32_t n)
{
    if (m->ops == m->op_room) {
        m->op_room = 2 * m->op_room + 64;
        m->op = memory(m->op, m->op_room * sizeof *m->op);
    }
    if (m->journaled + n > m->journal_room) {
        m->journal_room = 2 * (m->journaled + n);
        m->journal = memory(m->journal, m->journal_room);
    }
    m->op[m->ops++] = (struct nvm_op){segment, offset, n, m->journaled};
    if (n)
        memcpy(m->journal + m->journaled, data, n);
    m->journaled += n;
}

/* -1: the power failed during this operation. */
static int tick(struct nvm_sim *m, bool in_flight)
{
    if (m->count++ != m->cut_at)
        return 0;
    power_off(m, in_flight);
    return -1;
}

static int sim_read(void *ctx, uint32_t segment, uint32_t offset, void *buffer, uint32_t n)
{
    struct nvm_sim *m = ctx;
    uint8_t *out = buffer;
    if (m->dead)
        return -1;
    if (!inside(m, segment, offset, n))
        return broken(m, "read outside of a segment");
    memcpy(out, m->view + position(m, segment, offset), n);
    m->reads++;
    if (m->reads == m->fail_read)
        return -1;
    if (m->flip_read && n && m->reads % m->flip_read == 0) {
        uint64_t r = next_random(m);
        out[r % n] ^= (uint8_t)(1u << (r >> 32) % 8);
    }
    return 0;
}

static const char *rule_broken(const struct nvm_sim *m, const uint8_t *old, const uint8_t *data,
                               uint32_t n)
{
    for (uint32_t i = 0; i < n; i += m->nvm.unit) {
        bool erased = true, zeros = true;
        for (uint32_t j = i; j < i + m->nvm.unit; j++) {
            erased &= old[j] == 0xFF;
            zeros &= data[j] == 0;
        }
        if (!erased && !zeros)
            return "program of a unit that is not erased";
    }
    return NULL;
}

static int sim_program(void *ctx, uint32_t segment, uint32_t offset, const void *data, uint32_t n)
{
    struct nvm_sim *m = ctx;
    if (m->dead)
        return -1;
    if (!inside(m, segment, offset, n) || n == 0)
        return broken(m, "program outside of a segment");
    if (offset % m->nvm.unit || n % m->nvm.unit)
        return broken(m, "program of a part of a unit");
    uint8_t *at = m->view + position(m, segment, offset);
    const char *rule = rule_broken(m, at, data, n);
    if (rule)
        return broken(m, rule);
    journal(m, segment, offset, data, n);
    if (tick(m, true))
        return -1;
    memcpy(at, data, n);
    m->programs++;
    return 0;
}

static int sim_erase(void *ctx, uint32_t segment)
{
    struct nvm_sim *m = ctx;
    if (m->dead)
        return -1;
    if (segment >= m->nvm.segments)
        return broken(m, "erasure of no segment");
    journal(m, segment, 0, NULL, 0);
    if (tick(m, true))
        return -1;
    memset(m->view + position(m, segment, 0), 0xFF, m->nvm.segment_size);
    m->erases++;
    return 0;
}

static int sim_sync(void *ctx)
{
    struct nvm_sim *m = ctx;
    if (m->dead || tick(m, false))
        return -1;
    for (size_t i = 0; i < m->ops; i++)
        apply(m, &m->op[i]);
    forget_ops(m);
    m->syncs++;
    return 0;
}

static int sim_root_read(void *ctx, uint8_t root[32])
{
    struct nvm_sim *m = ctx;
    memcpy(root, m->root, 32);
    return m->dead ? -1 : 0;
}

static int sim_root_program(void *ctx, const uint8_t root[32])
{
    struct nvm_sim *m = ctx;
    if (m->dead)
        return -1;
    memcpy(m->root, root, 32);
    return 0;
}

void nvm_sim_open(struct nvm_sim *m, uint32_t segments, uint32_t segment_size, uint32_t unit)
{
    memset(m, 0, sizeof *m);
    m->size = (size_t)segments * segment_size;
    m->view = memory(NULL, m->size);
    m->durable = memory(NULL, m->size);
    memset(m->view, 0xFF, m->size);
    memset(m->durable, 0xFF, m->size);
    m->cut_at = UINT64_MAX;
    m->nvm = (struct hal_nvm){.ctx = m,
                              .segments = segments,
                              .segment_size = segment_size,
                              .unit = unit,
                              .read = sim_read,
                              .program = sim_program,
                              .erase = sim_erase,
                              .sync = sim_sync,
                              .root_read = sim_root_read,
                              .root_program = sim_root_program};
}

void nvm_sim_close(struct nvm_sim *m)
{
    free(m->view);
    free(m->durable);
    free(m->op);
    free(m->journal);
    memset(m, 0, sizeof *m);
}

void nvm_sim_cut(struct nvm_sim *m, uint64_t at, enum nvm_cut cut, uint64_t seed)
{
    m->cut_at = at;
    m->cut = cut;
    m->seed = seed;
}

void nvm_sim_save(const struct nvm_sim *m, uint8_t *image)
{
    memcpy(image, m->view, m->size);
}

void nvm_sim_load(struct nvm_sim *m, const uint8_t *image)
{
    memcpy(m->view, image, m->size);
    memcpy(m->durable, image, m->size);
    forget_ops(m);
    m->dead = false;
    m->cut_at = UINT64_MAX;
    m->count = 0;
}

bool nvm_sim_contains(const struct nvm_sim *m, const void *bytes, size_t n)
{
    return n && memmem(m->view, m->size, bytes, n) != NULL;
}
