/*
 * The recovery of the store over an arbitrary image, and a few transactions on what it made of it.
 * The first byte says whether the CRCs are made to fit, so that the input reaches what lies behind
 * them.
 */
#include <string.h>

#include "firmware/base/endian.h"
#include "firmware/store/crc.h"
#include "firmware/store/format.h"
#include "tests/fuzz/fuzz.h"
#include "tests/lib/nvm_sim.h"

enum { SEGMENTS = 5, SIZE = 4096, RECORDS = 100 };

static int fill(void *ctx, void *out, size_t n)
{
    uint8_t *p = out, *next = ctx;
    while (n--)
        *p++ = (uint8_t)(*next += 37);
    return 0;
}

/* Marks, headers, heads and areas get right CRCs, as far as heads lead on. Not those that are
 * erased. */
static void mend(uint8_t *segment)
{
    store_be32(segment + 12, store_crc(0, segment, 12));
    if (segment[HEADER_AT] == 0xFF)
        return;
    store_be32(segment + HEADER_AT + 28, store_crc(0, segment + HEADER_AT, 28));
    const uint32_t seed = load_be32(segment + HEADER_AT + 28);
    for (uint32_t at = LOG_AT; at + HEAD_SIZE + AREA_SIZE + TAG_SIZE <= SIZE;) {
        struct record r;
        uint8_t *head = segment + at, *area = head + HEAD_SIZE;
        record_decode(&r, seed, at, head);
        if (r.kind < RECORD_PUT || r.kind > RECORD_END || record_bytes(&r) > SIZE - at)
            return;
        record_encode(&r, seed, at, head);
        if (r.kind == RECORD_PUT && !area_dead(area))
            area_encode(area, area,
                        store_crc(0, area + AREA_SIZE, record_bytes(&r) - HEAD_SIZE - AREA_SIZE));
        at += record_bytes(&r);
    }
}

static void use(struct store *s)
{
    uint8_t data[STORE_MAX_DATA] = {0};
    uint32_t id = 0, before = 0, seen = 0;
    while ((id = store_next(s, id, 0)) != 0 && seen < RECORDS) {
        size_t n = sizeof data;
        uint8_t type;
        REQUIRE(id > before && store_has(s, id, &type));
        before = id;
        seen++;
        store_get(s, id, &type, data, &n);
        REQUIRE(n <= sizeof data);
    }
    REQUIRE(seen == store_count(s, 0));
    for (uint32_t i = 0; i < 24; i++) {
        if (store_begin(s) != STORE_OK)
            return;
        store_put(s, STORE_SYSTEM, 1, 1 + i % 5, data, 40 * i);
        store_delete(s, store_next(s, i, 0));
        store_commit(s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const uint8_t key[STORE_KEY] = {1};
    struct nvm_sim m;
    uint8_t counter = 0;
    const struct rng rng = {fill, &counter};
    if (size < 1)
        return 0;
    nvm_sim_open(&m, SEGMENTS, SIZE, 16);
    memcpy(m.view, data + 1, size - 1 < m.size ? size - 1 : m.size);
    for (uint32_t i = 0; i < SEGMENTS && data[0] & 1; i++)
        mend(m.view + i * SIZE);
    memcpy(m.durable, m.view, m.size);
    void *memory = aligned_alloc(16, store_memory(RECORDS));
    REQUIRE(memory != NULL);
    struct store *s = store_create(memory, RECORDS, &m.nvm, &rng);
    store_set_key(s, STORE_SYSTEM, key);
    if (store_mount(s) == STORE_OK) {
        use(s);
        const uint32_t count = store_count(s, 0);
        if (store_begin(s) != STORE_FAULT) /* what it made of it is what it finds again */
            REQUIRE(store_mount(s) == STORE_OK && store_count(s, 0) == count);
    } else {
        REQUIRE(m.violation != NULL || m.programs + m.erases == 0);
    }
    free(memory);
    nvm_sim_close(&m);
    return 0;
}
