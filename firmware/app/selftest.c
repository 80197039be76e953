#include "firmware/app/selftest.h"

#include "firmware/app/core.h"
#include "firmware/crypto/sm3.h"

#include <string.h>

size_t selftest_bytes(uint8_t *out, const char *hex)
{
    size_t n = 0;
    for (; hex[0] && hex[1]; hex += 2) {
        const int high = hex[0] <= '9' ? hex[0] - '0' : hex[0] - 'A' + 10;
        const int low = hex[1] <= '9' ? hex[1] - '0' : hex[1] - 'A' + 10;
        out[n++] = (uint8_t)(high << 4 | low);
    }
    return n;
}

bool selftest_is(const uint8_t *bytes, size_t n, const char *hex)
{
    for (size_t i = 0; i < n; i++, hex += 2) {
        uint8_t b;
        const char two[3] = {hex[0], hex[0] ? hex[1] : 0, 0};
        if (!selftest_bytes(&b, two) || b != bytes[i])
            return false;
    }
    return *hex == 0;
}

/* ---------------------------------------------------------------- running them */

/* A stream for the tests: SM3 of a counter. Not secret, not random. */
struct fixed {
    uint64_t counter;
};

static int fixed_fill(void *ctx, void *out, size_t n)
{
    struct fixed *f = ctx;
    uint8_t *p = out, block[SM3_SIZE];
    for (size_t part; n; n -= part, p += part) {
        part = n < sizeof block ? n : sizeof block;
        f->counter++;
        sm3_digest(&f->counter, sizeof f->counter, block);
        memcpy(p, block, part);
    }
    return 0;
}

unsigned selftest_run(const struct selftest *table, const struct selftest_env *e, unsigned *failed,
                      const char **first)
{
    unsigned n = 0;
    for (; table[n].name; n++) {
        if (table[n].run(e))
            continue;
        if (!(*failed)++)
            *first = table[n].name;
    }
    return n;
}

static bool same_name(const char *a, const char *b)
{
    while (*a && *a == *b)
        a++, b++;
    return *a == *b;
}

bool selftest_choose_engine(struct device *d)
{
    struct fixed fixed = {0};
    const struct lane *lane = &d->batch.lanes[0];
    struct selftest_env e = {NULL, {fixed_fill, &fixed}, lane->rsa, lane->scratch};
    const char *first = "no such engine";
    unsigned failed = 0;
    selftest_run(selftests, &e, &failed, &first);
    for (size_t i = 0; (e.engine = engine_at(i)) && !failed && !d->engine; i++) {
        unsigned wrong = 0;
        if (d->engine_wanted[0] && !same_name(d->engine_wanted, e.engine->name))
            continue;
        selftest_run(selftests_lanes, &e, &wrong, &first);
        selftest_run(selftests_engine, &e, &wrong, &first);
        if (!wrong)
            d->engine = e.engine;
    }
    if (!d->engine)
        device_fail(d, "self-test", first);
    return d->engine != NULL;
}

unsigned selftest_all(struct device *d, unsigned *failed, const char **first)
{
    struct fixed fixed = {0};
    const struct lane *lane = &d->batch.lanes[0];
    const struct selftest_env e = {d->engine, {fixed_fill, &fixed}, lane->rsa, lane->scratch};
    *failed = 0;
    unsigned n = selftest_run(selftests, &e, failed, first);
    if (e.engine) {
        n += selftest_run(selftests_lanes, &e, failed, first);
        n += selftest_run(selftests_engine, &e, failed, first);
    } else if (!(*failed)++) {
        *first = "engine";
    }
    return n;
}
