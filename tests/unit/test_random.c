/*
 * The device's random bytes over sources that are broken in every way, at the start and later, one
 * of the two at a time; and the periodic test of GM/T 0062 over a generator that is broken.
 */
#include <check.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "firmware/app/random.h"
#include "tests/lib/run.h"
#include "tests/lib/same_digests.h"
#include "tests/lib/vec.h"

enum way { GOOD, STUCK, BIASED, TWO_VALUES, DEAD, WAYS };

struct source {
    enum way way;
    uint64_t state; /* xorshift: the same in every run */
    size_t good;    /* samples before it breaks */
};

static struct source first, second;
static struct hal_rng rng;
static struct random r;

static uint8_t next(struct source *s)
{
    s->state ^= s->state << 13;
    s->state ^= s->state >> 7;
    s->state ^= s->state << 17;
    return (uint8_t)(s->state >> 32);
}

static int draw(struct source *s, uint8_t *out, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const uint8_t x = next(s);
        const enum way way = s->good ? GOOD : s->way;
        s->good -= s->good > 0;
        switch (way) {
        case STUCK:
            out[i] = 0x42;
            break;
        case BIASED: /* one value in three samples of four, never many in a row */
            out[i] = s->state % 4 || i % 8 == 7 ? (uint8_t)(i % 8 == 7) : x;
            break;
        case TWO_VALUES:
            out[i] = i % 6 < 5 ? 0x80 : 0x7f;
            break;
        case DEAD:
            return -1;
        default:
            out[i] = x;
        }
    }
    return 0;
}

static int draw_first(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    return draw(&first, out, n);
}

static int draw_second(void *ctx, uint8_t *out, size_t n)
{
    (void)ctx;
    return draw(&second, out, n);
}

static void setup(void)
{
    first = (struct source){.state = 0x123456789abcdef};
    second = (struct source){.state = 0xfedcba987654321};
    rng = (struct hal_rng){.sample = draw_first, .second = draw_second};
    memset(&r, 0xA5, sizeof r);
}

static int start(void)
{
    return random_start(&r, &rng, NULL, "test", 4);
}

static bool gives_nothing(void)
{
    uint8_t bytes[64], zero[64] = {0};
    memset(bytes, 0x77, sizeof bytes);
    return random_fill(&r, bytes, sizeof bytes) == -1 && !memcmp(bytes, zero, sizeof bytes);
}

START_TEST(good_sources)
{
    uint8_t a[64], b[64];
    ck_assert_int_eq(start(), 0);
    ck_assert_int_eq(random_fill(&r, a, sizeof a), 0);
    ck_assert_int_eq(random_fill(&r, b, sizeof b), 0);
    ck_assert(memcmp(a, b, sizeof a));
    for (unsigned i = 0; i < 20 * RANDOM_RESEED_AFTER; i++)
        ck_assert_int_eq(random_fill(&r, a, 16), 0);
}
END_TEST

/* _i: a way for the first source, or for the second */
static struct source *broken(int i)
{
    struct source *s = i < WAYS ? &first : &second;
    s->way = (enum way)(i % WAYS);
    return s;
}

START_TEST(broken_from_the_start)
{
    const bool good = broken(_i)->way == GOOD;
    ck_assert_int_eq(start(), good ? 0 : -1);
    ck_assert(good || gives_nothing());
}
END_TEST

START_TEST(broken_later)
{
    struct source *s = broken(_i);
    uint8_t bytes[16];
    int bad = 0;
    s->good = 3000;
    ck_assert_int_eq(start(), 0);
    for (unsigned i = 0; i < 40 * RANDOM_RESEED_AFTER && !bad; i++)
        bad = random_fill(&r, bytes, sizeof bytes);
    ck_assert_int_eq(bad, s->way == GOOD ? 0 : -1);
    ck_assert(s->way == GOOD || gives_nothing());
    ck_assert_int_eq(random_reseed(&r), bad);
}
END_TEST

/* Each source alone decides what comes out. */
START_TEST(both_are_mixed)
{
    uint8_t out[4][32];
    for (unsigned i = 0; i < 4; i++) {
        setup();
        first.state += i == 1;
        second.state += i == 2;
        ck_assert_int_eq(start(), 0);
        ck_assert_int_eq(random_fill(&r, out[i], sizeof out[i]), 0);
    }
    ck_assert(memcmp(out[0], out[1], 32) && memcmp(out[0], out[2], 32) &&
              memcmp(out[1], out[2], 32));
    ck_assert(!memcmp(out[0], out[3], 32));
}
END_TEST

START_TEST(one_source)
{
    uint8_t bytes[32];
    rng.second = NULL;
    second.way = DEAD;
    ck_assert_int_eq(start(), 0);
    ck_assert_int_eq(random_fill(&r, bytes, sizeof bytes), 0);
    setup();
    rng.second = NULL;
    first.way = STUCK;
    ck_assert_int_eq(start(), -1);
}
END_TEST

/* ---------------------------------------------------------------- periodic test */

static const uint64_t day = 1700000000000, period = RANDOM_PERIOD_MS;

/* How many groups are tested at this time. */
static unsigned groups(uint64_t now)
{
    unsigned n = 0;
    const uint32_t before = r.requests;
    while (random_check(&r, now))
        n++;
    return n + (r.requests != before); /* the last one says that none waits */
}

START_TEST(periodic_when_due)
{
    ck_assert_int_eq(start(), 0);
    ck_assert_uint_eq(groups(0), 0);
    ck_assert_uint_eq(groups(day), 0); /* the first look starts the clock */
    ck_assert_uint_eq(groups(day + period - 1), 0);
    ck_assert_uint_eq(groups(day + period) % RANDOM_GROUPS, 0);
    ck_assert_uint_eq(groups(day + period + 1), 0);
    ck_assert_uint_eq(groups(day + 1), 0); /* the clock was set back: from then on */
    ck_assert_uint_eq(groups(day + period), 0);
    ck_assert_uint_ge(groups(day + period + 1), RANDOM_GROUPS);
    ck_assert(!r.failed);
}
END_TEST

/* A hundred days of a good generator: what fails by chance is tested again, and the device goes on.
 */
START_TEST(periodic_again_and_again)
{
    unsigned repeated = 0;
    ck_assert_int_eq(start(), 0);
    groups(day);
    for (uint64_t i = 1; i <= 200; i++) {
        const unsigned n = groups(day + i * period);
        ck_assert(n == RANDOM_GROUPS || n == 2 * RANDOM_GROUPS);
        repeated += n > RANDOM_GROUPS;
        ck_assert(!r.failed);
    }
    ck_assert_uint_gt(repeated, 0);
}
END_TEST

/* The generator is thrown away after one repetition; another one, which is good, takes its place.
 */
START_TEST(broken_generator_is_replaced)
{
    uint8_t bytes[32];
    ck_assert_int_eq(start(), 0);
    groups(day);
    drbg_use(&r.drbg, same_digests);
    unsigned n = 1;
    while (random_check(&r, day + period))
        n++;
    ck_assert_uint_eq(n, 2 * RANDOM_GROUPS); /* once, once more, and no more */
    ck_assert(!r.failed);
    ck_assert_uint_eq(r.replaced, 1);
    ck_assert_ptr_nonnull(r.failing);
    ck_assert_int_eq(random_fill(&r, bytes, sizeof bytes), 0);
    ck_assert_uint_eq(groups(day + period + 1), 0);
    ck_assert_uint_ge(groups(day + 2 * period), RANDOM_GROUPS);
}
END_TEST

/* What takes its place is no better: there is no generator any more. */
START_TEST(none_is_good)
{
    r.count = NULL;
    ck_assert_int_eq(random_start(&r, &rng, same_digests, "test", 4), 0);
    groups(day);
    while (random_check(&r, day + period))
        ;
    ck_assert(r.failed);
    ck_assert_uint_eq(r.replaced, RANDOM_GENERATORS - 1);
    ck_assert(gives_nothing());
    ck_assert(!random_check(&r, day + 3 * period));
}
END_TEST

/* Nor does a source that has broken since then make a new generator. */
START_TEST(no_new_generator_without_a_source)
{
    ck_assert_int_eq(start(), 0);
    groups(day);
    drbg_use(&r.drbg, same_digests);
    first.way = STUCK;
    while (random_check(&r, day + period))
        ;
    ck_assert(r.failed);
    ck_assert_uint_eq(r.replaced, 1);
    ck_assert(gives_nothing());
}
END_TEST

/* ---------------------------------------------------------------- chances */

/* The chances of docs/random.md: of a run in which an item fails, and of one with the same item
 * again. */
static double chance_of_suspects(unsigned items)
{
    const double item = 1 - pow(0.99, 20) - 20 * 0.01 * pow(0.99, 19);
    return 1 - pow(1 - item, items);
}
static double chance_of_failure(unsigned items)
{
    const double item = 1 - pow(0.99, 20) - 20 * 0.01 * pow(0.99, 19);
    return 1 - pow(1 - item * item, items);
}

/* A group of a perfect generator: each item fails it once in a hundred times. */
static uint32_t perfect_group(struct source *dice)
{
    uint32_t failed = 0;
    for (unsigned i = 0; i < RANDOMNESS_ITEMS; i++) {
        next(dice);
        failed |= (uint32_t)((dice->state >> 16) % 100 == 0) << i;
    }
    return failed;
}

static bool perfect_run(struct source *dice, bool *repeated)
{
    struct random_run run = {0};
    enum random_verdict verdict;
    while ((verdict = random_run_add(&run, perfect_group(dice))) == RANDOM_MORE)
        *repeated |= run.again;
    return verdict == RANDOM_PASSED;
}

/* Three hundred years of perfect generators, two runs a day. */
START_TEST(chances)
{
    enum { RUNS = 300 * 365 * 2 };
    unsigned repeated = 0, failed = 0, stopped = 0;
    for (unsigned i = 0; i < RUNS; i++) {
        bool again = false, other = false;
        unsigned generators = 1;
        bool good = perfect_run(&first, &again);
        repeated += again;
        failed += !good;
        for (; !good && generators < RANDOM_GENERATORS; generators++)
            good = perfect_run(&first, &other);
        stopped += !good;
    }
    const double suspects = RUNS * chance_of_suspects(RANDOMNESS_ITEMS);
    const double failures = RUNS * chance_of_failure(RANDOMNESS_ITEMS);
    printf("%u runs: %u repeated (%.0f), %u generators replaced (%.0f), %u stops (%.3f)\n", RUNS,
           repeated, suspects, failed, failures, stopped,
           RUNS * pow(chance_of_failure(RANDOMNESS_ITEMS), RANDOM_GENERATORS));
    ck_assert(fabs(repeated - suspects) < 6 * sqrt(suspects));
    ck_assert(fabs(failed - failures) < 6 * sqrt(failures));
    ck_assert_uint_eq(stopped, 0);
}
END_TEST

/* The verdict itself: one group of twenty may fail an item, two may not; the repetition counts
 * anew, and only for what failed before. */
static enum random_verdict run_of(struct random_run *run, const uint32_t *failed, unsigned n)
{
    enum random_verdict v = RANDOM_MORE;
    for (unsigned i = 0; i < RANDOM_GROUPS; i++)
        v = random_run_add(run, i < n ? failed[i] : 0);
    return v;
}

START_TEST(verdicts)
{
    static const uint32_t one_each[] = {1, 2, 4, 8}, two[] = {5, 4}, other[] = {3, 3},
                          same[] = {0, 4, 4};
    struct random_run run = {0};
    ck_assert_int_eq(run_of(&run, one_each, 4), RANDOM_PASSED);
    ck_assert_int_eq(run_of(&run, two, 2), RANDOM_MORE);
    ck_assert(run.again);
    ck_assert_int_eq(run_of(&run, other, 2), RANDOM_PASSED);
    ck_assert_int_eq(run_of(&run, two, 2), RANDOM_MORE);
    ck_assert_int_eq(run_of(&run, same, 3), RANDOM_FAILED);
    ck_assert_uint_eq(run.suspect, 4);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("random");
    TCase *t = tcase_create("random");
    tcase_set_timeout(t, 300);
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, good_sources);
    tcase_add_loop_test(t, broken_from_the_start, 0, 2 * WAYS);
    tcase_add_loop_test(t, broken_later, 0, 2 * WAYS);
    tcase_add_test(t, both_are_mixed);
    tcase_add_test(t, one_source);
    tcase_add_test(t, periodic_when_due);
    tcase_add_test(t, periodic_again_and_again);
    tcase_add_test(t, broken_generator_is_replaced);
    tcase_add_test(t, none_is_good);
    tcase_add_test(t, no_new_generator_without_a_source);
    tcase_add_test(t, chances);
    tcase_add_test(t, verdicts);
    suite_add_tcase(s, t);
    return suite_run(s);
}
