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

/* All tests of a table: how many; *failed counts up, *first becomes the first failure's name. */
static unsigned run_table(const struct selftest *table, const struct selftest_env *e,
                          unsigned *failed, const char **first)
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

static unsigned run_all(const struct selftest_env *e, unsigned *failed, const char **first)
{
    static const struct selftest *const tables[] = {selftests_image, selftests, selftests_keys,
                                                    selftests_lanes, selftests_engine};
    unsigned n = 0;
    *failed = 0;
    for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
        n += run_table(tables[i], e, failed, first);
    return n;
}

static struct selftest_env env_of(const struct device *d, const struct engine *engine,
                                  struct fixed *fixed)
{
    const struct lane *lane = &d->batch.lanes[0];
    fixed->counter = 0;
    return (struct selftest_env){
        engine, {fixed_fill, fixed}, lane->rsa, lane->scratch, &d->hal.image};
}

bool selftest_choose_engine(struct device *d)
{
    const struct engine *engine;
    struct fixed fixed;
    const char *first = "no such engine";
    unsigned failed = 1;
    for (size_t i = 0; (engine = engine_at(i)) != NULL; i++)
        if (!d->engine_wanted[0] || same_name(d->engine_wanted, engine->name))
            break;
    if (engine) {
        const struct selftest_env e = env_of(d, engine, &fixed);
        run_all(&e, &failed, &first);
    }
    if (!failed)
        d->engine = engine;
    else
        device_fail(d, "self-test", first);
    return !failed;
}

unsigned selftest_all(struct device *d, unsigned *failed, const char **first)
{
    struct fixed fixed;
    const struct engine *engine = d->engine ? d->engine : engine_at(0);
    const struct selftest_env e = env_of(d, engine, &fixed);
    return run_all(&e, failed, first);
}
