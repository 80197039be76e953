#include "firmware/app/startup.h"

#include "firmware/app/arena.h"
#include "firmware/app/device.h"
#include "firmware/base/config.h"
#include "firmware/base/wipe.h"
#include "firmware/crypto/randomness_full.h"

#include <string.h>

enum { GROUP = RANDOMNESS_FULL_BITS / 8, PART = 5000 }; /* bytes */

void startup_lay_out(struct arena *a, struct startup *s, const struct device_config *config)
{
    if (config->start_up_test && !HUFU_SMALL)
        s->test = arena_take(a, sizeof *s->test);
}

bool startup_begin(struct startup *s)
{
    if (HUFU_SMALL || !s->test)
        return false;
    memset(&s->run, 0, sizeof s->run);
    s->filled = 0;
    s->groups = 0;
    s->groups_all = RANDOM_GROUPS;
    return true;
}

#if HUFU_SMALL

bool startup_step(struct startup *s, struct random *r)
{
    (void)s, (void)r;
    return false;
}

#else

static unsigned first_of(uint32_t items)
{
    unsigned i = 0;
    while (i < RANDOMNESS_FULL_ITEMS && !(items >> i & 1))
        i++;
    return i;
}

static void fill(struct startup *s, struct random *r)
{
    random_fill(r, s->test->bits + s->filled, PART);
    s->filled += PART;
    if (s->filled == GROUP) /* the repetition is about what failed */
        randomness_full_begin(s->test, s->run.again ? s->run.suspect : UINT32_MAX);
}

/* A group is over. true: another one follows. */
static bool judge(struct startup *s, struct random *r)
{
    const bool before = s->run.again;
    const enum random_verdict verdict = random_run_add(&s->run, s->test->verdict.failed);
    s->filled = 0;
    s->groups++;
    if (verdict == RANDOM_PASSED) {
        random_proven(r);
        return false;
    }
    if (verdict == RANDOM_MORE && s->run.again == before)
        return true;
    s->groups_all += RANDOM_GROUPS;
    if (verdict == RANDOM_MORE)
        return true;
    random_renew(r, randomness_full_item(first_of(s->run.suspect)));
    memset(&s->run, 0, sizeof s->run);
    return !r->failed;
}

bool startup_step(struct startup *s, struct random *r)
{
    bool more = true;
    if (s->filled < GROUP)
        fill(s, r);
    else if (!randomness_full_step(s->test))
        more = judge(s, r);
    more = more && !r->failed;
    if (!more)
        wipe(s->test, sizeof *s->test);
    return more;
}

#endif
